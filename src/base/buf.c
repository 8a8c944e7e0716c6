#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *wrn_buf_reserve(wrn_buf *buf, size_t more) {
    if (buf->failed) return NULL;
    if (more >= SIZE_MAX / 2 - buf->size || (buf->limit && buf->size + more > buf->limit)) {
        buf->failed = true;
        return NULL;
    }
    size_t need = buf->size + more + 1;
    if (need > buf->capacity) {
        size_t capacity = buf->capacity ? buf->capacity * 2 : 64;
        if (capacity < need) capacity = need;
        char *data = realloc(buf->data, capacity);
        if (!data) {
            buf->failed = true;
            return NULL;
        }
        buf->data = data;
        buf->capacity = capacity;
    }
    return buf->data + buf->size;
}

void wrn_buf_put(wrn_buf *buf, const void *data, size_t size) {
    char *at = wrn_buf_reserve(buf, size);
    if (!at) return;
    if (size) memcpy(at, data, size);
    buf->size += size;
    buf->data[buf->size] = '\0';
}

void wrn_buf_puts(wrn_buf *buf, const char *text) { wrn_buf_put(buf, text, strlen(text)); }

void wrn_buf_putc(wrn_buf *buf, char c) { wrn_buf_put(buf, &c, 1); }

void wrn_buf_printf(wrn_buf *buf, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *at = size < 0 ? NULL : wrn_buf_reserve(buf, (size_t)size);
    if (!at) return;
    va_start(args, format);
    vsnprintf(at, (size_t)size + 1, format, args);
    va_end(args);
    buf->size += (size_t)size;
}

void wrn_buf_consume(wrn_buf *buf, size_t size) {
    if (size >= buf->size) {
        buf->size = 0;
    } else if (size) {
        memmove(buf->data, buf->data + size, buf->size - size);
        buf->size -= size;
    }
    if (buf->data) buf->data[buf->size] = '\0';
}

void wrn_buf_clear(wrn_buf *buf) {
    buf->failed = false;
    wrn_buf_consume(buf, buf->size);
}

char *wrn_buf_steal(wrn_buf *buf) {
    if (!wrn_buf_reserve(buf, 0)) return NULL;
    char *data = buf->data;
    data[buf->size] = '\0';
    *buf = WRN_BUF_LIMITED(buf->limit);
    return data;
}

void wrn_buf_free(wrn_buf *buf) {
    free(buf->data);
    *buf = WRN_BUF_LIMITED(buf->limit);
}
