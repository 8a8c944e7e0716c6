/* A growing byte buffer with an upper limit.
 *
 * Errors stick: after an allocation fails or the limit is passed, `failed` is set, further appends do nothing, and
 * the caller checks once at the end. The content always carries a NUL one past `size` (once anything was appended). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/auto.h"

typedef struct wrn_buf {
    char *data;
    size_t size;
    size_t capacity;
    size_t limit; /* largest allowed size; 0: none */
    bool failed;
} wrn_buf;

#define WRN_BUF_INIT ((wrn_buf){0})
#define WRN_BUF_LIMITED(max) ((wrn_buf){.limit = (max)})

/* Makes room for `more` bytes after `size`; returns where they go, or NULL (and `failed`). */
char *wrn_buf_reserve(wrn_buf *buf, size_t more);
void wrn_buf_put(wrn_buf *buf, const void *data, size_t size);
void wrn_buf_puts(wrn_buf *buf, const char *text);
void wrn_buf_putc(wrn_buf *buf, char c);
void wrn_buf_printf(wrn_buf *buf, const char *format, ...) WRN_PRINTF(2, 3);
/* Drops the first `size` bytes. */
void wrn_buf_consume(wrn_buf *buf, size_t size);
/* Empties the buffer and clears `failed`; keeps the memory and the limit. */
void wrn_buf_clear(wrn_buf *buf);
/* The content as a string the caller frees; the buffer is empty afterwards. NULL if the buffer failed. */
char *wrn_buf_steal(wrn_buf *buf);
void wrn_buf_free(wrn_buf *buf);
