/* What the fuzz targets share. Each target is one function, which libFuzzer calls with inputs of its making (`make fuzz`)
 * and fuzz/replay.c with the files of its corpus (`make test`). */
#ifndef WRN_FUZZ_FUZZ_H
#define WRN_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define FUZZ_CHECK(condition)                                                   \
    do {                                                                        \
        if (condition) break;                                                   \
        fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
        abort();                                                                \
    } while (0)

/* The size of the next piece of what is fed in pieces; with seed 0 that is all of it. */
static inline size_t fuzz_piece(uint32_t *seed, size_t left) {
    if (!*seed) return left;
    *seed = *seed * 1103515245u + 12345u;
    size_t piece = 1 + (*seed >> 16) % 24;
    return piece < left ? piece : left;
}

/* A parser must make the same of its input however that is cut: `parse` writes down what it sees. The first byte of an
 * input is the seed. */
typedef void (*fuzz_parse)(const char *data, size_t size, uint32_t seed, wrn_buf *seen);

static inline void fuzz_show(const char *title, const wrn_buf *seen) {
    fprintf(stderr, "\n---- %s\n", title);
    fwrite(seen->data, 1, seen->size, stderr);
}

static inline void fuzz_in_pieces(const uint8_t *data, size_t size, fuzz_parse parse) {
    if (!size) return;
    wrn_buf whole = WRN_BUF_INIT, pieces = WRN_BUF_INIT;
    parse((const char *)data + 1, size - 1, 0, &whole);
    parse((const char *)data + 1, size - 1, (uint32_t)*data + 1, &pieces);
    FUZZ_CHECK(!whole.failed && !pieces.failed);
    if (whole.size != pieces.size || (whole.size && memcmp(whole.data, pieces.data, whole.size) != 0)) {
        fuzz_show("whole", &whole);
        fuzz_show("in pieces", &pieces);
        abort();
    }
    wrn_buf_free(&whole);
    wrn_buf_free(&pieces);
}

#endif
