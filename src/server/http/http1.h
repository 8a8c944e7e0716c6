/* HTTP/1.1 requests: bytes in, heads and bodies out. No descriptor, no clock.
 *
 * Only http1.c knows the parser library (llhttp, or http-parser where the distribution lacks it). It gets complete heads
 * that have passed our checks: its Debian build is lenient, which could allow request smuggling. Framing of bodies is
 * decided and decoded here, strictly (RFC 9112 sections 6 and 7). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/chunks.h"

typedef struct wrn_http_field {
    const char *name; /* lower case */
    const char *value;
} wrn_http_field;

/* The head of a request. Owns its memory. */
typedef struct wrn_http_head {
    char *text; /* what the other members point into */
    wrn_http_field *fields;
    size_t count;
    const char *method;     /* "GET"; a constant */
    const char *path;       /* as sent, starts with '/', without the query */
    const char *query;      /* "" when there is none */
    int64_t content_length; /* 0: no body; -1: chunked */
    bool keep_alive;
    bool expect_continue;
    bool http_1_0;
} wrn_http_head;

void wrn_http_head_free(wrn_http_head *head);
/* The value of the first such field, `name` in lower case; NULL when absent. */
const char *wrn_http_head_get(const wrn_http_head *head, const char *name);

typedef struct wrn_http1_limits {
    size_t url_max;
    size_t head_max; /* the whole head */
    size_t fields_max;
} wrn_http1_limits;

typedef enum wrn_http1_step {
    WRN_HTTP1_MORE, /* all input is consumed; the request goes on */
    WRN_HTTP1_HEAD, /* the head is in `ready` */
    WRN_HTTP1_BODY, /* a part of the body is in `piece` */
    WRN_HTTP1_END,  /* the request is complete; the next byte belongs to another one */
    WRN_HTTP1_BAD   /* `status` and `why` say what is wrong; final */
} wrn_http1_step;

typedef struct wrn_http1 {
    wrn_http1_limits limits;
    int phase;
    wrn_buf head;
    size_t lines, line_size; /* of the head so far */
    char last;
    uint64_t left; /* of a body whose length is known */
    wrn_chunks chunks;
    const char *piece;
    size_t piece_size;
    wrn_http_head ready; /* the caller may move it out */
    int status;
    const char *why;
} wrn_http1;

void wrn_http1_init(wrn_http1 *h, const wrn_http1_limits *limits);
void wrn_http1_free(wrn_http1 *h);
/* Consumes `*used` of `size` bytes, up to the next step. After the head of a request without a body, the next call gives
 * WRN_HTTP1_END, also when `size` is 0. */
wrn_http1_step wrn_http1_feed(wrn_http1 *h, const char *data, size_t size, size_t *used);
/* Whether a part of the next head has arrived. */
bool wrn_http1_has_begun(const wrn_http1 *h);
