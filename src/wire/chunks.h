/* Chunked bodies (RFC 9112 section 7.1): bytes in, content out. Trailers are read and dropped. No descriptor and no clock. */
#ifndef WRN_WIRE_CHUNKS_H
#define WRN_WIRE_CHUNKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum wrn_chunks_step {
    WRN_CHUNKS_MORE, /* everything was used up */
    WRN_CHUNKS_DATA, /* a piece of the content is in `piece` */
    WRN_CHUNKS_END,  /* it is whole */
    WRN_CHUNKS_BAD   /* `why`; final */
} wrn_chunks_step;

/* All zero at the start. */
typedef struct wrn_chunks {
    bool lenient; /* set before the first byte: lines may end in LF alone, and an extension holds anything */
    int phase;
    bool any; /* of the size or of the trailer's line */
    char last;
    uint64_t left;   /* of the chunk */
    size_t overhead; /* bytes of framing and trailers in a row: at most 16 KiB */
    const char *piece;
    size_t piece_size;
    const char *why;
} wrn_chunks;

/* Consumes `*used` bytes, up to the next step. */
wrn_chunks_step wrn_chunks_feed(wrn_chunks *chunks, const char *data, size_t size, size_t *used);

#endif
