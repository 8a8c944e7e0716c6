/* Responses of HTTP/1.1, as the port proxy gets them from a sandbox: bytes in, heads and bodies out. No descriptor, no
 * clock. Lenient in what it passes on, strict in what it frames by: a length that can't be trusted is an error. */
#ifndef WRN_SERVER_HTTP_RESPONSE_H
#define WRN_SERVER_HTTP_RESPONSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/chunks.h"

/* CONNECTION_MAX: the bytes in which Connection may name fields; each is looked for in them. */
enum { WRN_RESPONSE_HEAD_MAX = 64 * 1024, WRN_RESPONSE_INTERIM_MAX = 32, WRN_CONNECTION_MAX = 1024 };

typedef enum wrn_response_step {
    WRN_RESPONSE_MORE, /* everything was used up */
    WRN_RESPONSE_HEAD, /* `status`, `fields` and `length` are there */
    WRN_RESPONSE_BODY, /* a piece of the body is in `piece` */
    WRN_RESPONSE_END,  /* it is whole; after a 101 what follows is no HTTP */
    WRN_RESPONSE_BAD   /* `why` */
} wrn_response_step;

typedef struct wrn_response {
    bool no_body; /* the answer to HEAD; set before the first byte */
    int phase;
    int interim; /* answers of 1xx so far */
    wrn_buf head;
    int status;
    char reason[64]; /* what the status line says of it, as far as it fits */
    wrn_buf fields;  /* those that a proxy passes on, as lines; of a 101 all */
    int64_t length;  /* of the body; -1: not known */
    uint64_t left;
    wrn_chunks chunks;
    const char *piece;
    size_t piece_size;
    const char *why;
} wrn_response;

/* Consumes `*used` bytes, up to the next step. Interim answers (100 and such) are skipped. */
wrn_response_step wrn_response_feed(wrn_response *response, const char *data, size_t size, size_t *used);
/* The connection has ended: WRN_RESPONSE_END when that ends the body, else BAD. */
wrn_response_step wrn_response_eof(wrn_response *response);
void wrn_response_free(wrn_response *response);

/* Fields that concern one connection only and are not passed on (RFC 9110 section 7.6.1); `name` in any case. */
bool wrn_is_hop_field(const char *name, size_t size);

#endif
