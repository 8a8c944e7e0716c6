/* Memory that is freed all at once, and results: one struct plus everything it points to behind one pointer. */
#pragma once

#include <stddef.h>

#include "base/auto.h"

typedef struct wrn_arena_block wrn_arena_block;
typedef struct wrn_arena {
    wrn_arena_block *blocks;
} wrn_arena;

/* Zeroed memory aligned for any type, valid until wrn_arena_free(); NULL when out of memory. */
void *wrn_arena_alloc(wrn_arena *arena, size_t size);
/* A copy of `size` bytes with a NUL after them. */
char *wrn_arena_dup(wrn_arena *arena, const void *data, size_t size);
/* A formatted text. */
char *wrn_arena_printf(wrn_arena *arena, const char *format, ...) WRN_PRINTF(2, 3);
void wrn_arena_free(wrn_arena *arena);

/* A zeroed struct of `size` bytes that owns an arena; NULL when out of memory. */
void *wrn_result_new(size_t size);
wrn_arena *wrn_result_arena(void *result);
/* Frees the struct and its arena; NULL is fine. */
void wrn_result_free(void *result);
