#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_SIZE = 1024 };

struct wrn_arena_block {
    wrn_arena_block *next;
    size_t used, capacity;
    alignas(max_align_t) char bytes[];
};

void *wrn_arena_alloc(wrn_arena *arena, size_t size) {
    const size_t align = alignof(max_align_t);
    if (size > SIZE_MAX / 2) return NULL;
    size = (size + align - 1) & ~(align - 1);
    wrn_arena_block *block = arena->blocks;
    if (!block || block->capacity - block->used < size) {
        size_t capacity = size > BLOCK_SIZE ? size : BLOCK_SIZE;
        block = calloc(1, sizeof(*block) + capacity);
        if (!block) return NULL;
        block->capacity = capacity;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    void *at = block->bytes + block->used;
    block->used += size;
    return at;
}

char *wrn_arena_dup(wrn_arena *arena, const void *data, size_t size) {
    char *copy = size == SIZE_MAX ? NULL : wrn_arena_alloc(arena, size + 1);
    if (copy && size) memcpy(copy, data, size);
    return copy;
}

char *wrn_arena_printf(wrn_arena *arena, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = size < 0 ? NULL : wrn_arena_alloc(arena, (size_t)size + 1);
    va_start(args, format);
    if (text) vsnprintf(text, (size_t)size + 1, format, args);
    va_end(args);
    return text;
}

void wrn_arena_free(wrn_arena *arena) {
    while (arena->blocks) {
        wrn_arena_block *next = arena->blocks->next;
        free(arena->blocks);
        arena->blocks = next;
    }
}

typedef struct result_header {
    wrn_arena arena;
    alignas(max_align_t) char payload[];
} result_header;

void *wrn_result_new(size_t size) {
    result_header *header = calloc(1, sizeof(*header) + size);
    return header ? header->payload : NULL;
}

wrn_arena *wrn_result_arena(void *result) { return &WRN_OWNER(result, result_header, payload)->arena; }

void wrn_result_free(void *result) {
    if (!result) return;
    result_header *header = WRN_OWNER(result, result_header, payload);
    wrn_arena_free(&header->arena);
    free(header);
}
