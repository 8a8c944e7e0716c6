/* HTTP/1.1 responses from programs in sandboxes, for the port proxy: bytes in, heads and bodies out. No descriptor, no
 * clock. It is lenient, except about framing: an ambiguous length is an error. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/chunks.h"

/* CONNECTION_MAX: the size of Connection, which is searched for each field. */
enum { WRN_RESPONSE_HEAD_MAX = 64 * 1024, WRN_RESPONSE_INTERIM_MAX = 32, WRN_CONNECTION_MAX = 1024 };

typedef enum wrn_response_step {
    WRN_RESPONSE_MORE, /* all input is consumed */
    WRN_RESPONSE_HEAD, /* `status`, `fields` and `length` are known */
    WRN_RESPONSE_BODY, /* a piece of the body is in `piece` */
    WRN_RESPONSE_END,  /* it is complete; what follows a 101 is not HTTP */
    WRN_RESPONSE_BAD   /* `why` */
} wrn_response_step;

typedef struct wrn_response {
    bool no_body; /* the answer to HEAD; set before the first byte */
    int phase;
    int interim; /* the number of 1xx responses so far */
    wrn_buf head;
    int status;
    char reason[64]; /* phrase, cut to fit */
    wrn_buf fields;  /* that a proxy passes on, as lines; all of a 101 */
    int64_t length;  /* of the body; -1: not known */
    uint64_t left;
    wrn_chunks chunks;
    const char *piece;
    size_t piece_size;
    const char *why;
} wrn_response;

/* Consumes `*used` bytes, up to the next step. Skips interim responses. */
wrn_response_step wrn_response_feed(wrn_response *response, const char *data, size_t size, size_t *used);
/* The connection has ended: WRN_RESPONSE_END if that ends the body, else BAD. */
wrn_response_step wrn_response_eof(wrn_response *response);
void wrn_response_free(wrn_response *response);

/* Whether a proxy must not pass on the field (RFC 9110 section 7.6.1). */
bool wrn_is_hop_field(const char *name, size_t size);
