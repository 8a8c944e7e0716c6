/* Chunked bodies (RFC 9112 section 7.1): bytes in, content out. Trailers are read and dropped. No descriptor and no clock. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum wrn_chunks_step {
    WRN_CHUNKS_MORE, /* all input was consumed */
    WRN_CHUNKS_DATA, /* a piece of the content is in `piece` */
    WRN_CHUNKS_END,  /* the body is complete */
    WRN_CHUNKS_BAD   /* malformed: see `why`. Final */
} wrn_chunks_step;

/* All zero at the start. */
typedef struct wrn_chunks {
    bool lenient; /* set before the first byte: lines may end in LF alone, and an extension holds anything */
    int phase;
    bool any; /* the size, or the line of the trailer, has begun */
    char last;
    uint64_t left;   /* bytes of the chunk still to come */
    size_t overhead; /* bytes of framing and trailers in a row: at most 16 KiB */
    const char *piece;
    size_t piece_size;
    const char *why;
} wrn_chunks;

/* Consumes `*used` bytes, up to the next step. */
wrn_chunks_step wrn_chunks_feed(wrn_chunks *chunks, const char *data, size_t size, size_t *used);
