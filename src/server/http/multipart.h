/* multipart/form-data (RFC 7578, RFC 2046): bytes in, heads and contents of parts out. No content is buffered. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { WRN_BOUNDARY_MAX = 70, WRN_PART_HEAD_MAX = 16384 };

typedef enum wrn_multipart_step {
    WRN_MULTIPART_MORE,     /* all input is consumed */
    WRN_MULTIPART_PART,     /* a part begins: `name`, `has_filename` */
    WRN_MULTIPART_PIECE,    /* `piece` of its content */
    WRN_MULTIPART_PART_END, /* it is complete */
    WRN_MULTIPART_END,      /* the form is complete; the rest is ignored */
    WRN_MULTIPART_BAD       /* `why` says what is wrong; final */
} wrn_multipart_step;

typedef struct wrn_multipart {
    const char *name; /* of the part, unquoted; "" when it has none */
    bool has_filename;
    const char *piece; /* valid until the next call, while the input is */
    size_t piece_size;
    const char *why;

    /* internal */
    int phase;
    bool in_part;
    char delimiter[4 + WRN_BOUNDARY_MAX + 1]; /* includes the line break before it */
    size_t delimiter_size;
    size_t matched; /* bytes of the delimiter at the end of the input so far */
    size_t assumed; /* how many of them belong to the line break that ended a head */
    wrn_buf head;
} wrn_multipart;

/* From a Content-Type. False, with `why`, when it is not multipart/form-data with a boundary. */
bool wrn_multipart_init(wrn_multipart *m, const char *content_type);
void wrn_multipart_free(wrn_multipart *m);
/* Consumes `*used` of `size` bytes, up to the next step. */
wrn_multipart_step wrn_multipart_feed(wrn_multipart *m, const char *data, size_t size, size_t *used);
