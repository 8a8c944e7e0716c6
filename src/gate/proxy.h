/* What is said to an HTTP proxy through which a connection is to leave (CONNECT, RFC 9110), and what it answers. Bytes in, verdict
 * out: no system calls. The answer is hostile. */
#pragma once

#include "gate/rule.h"

enum { PROXY_REQUEST_MAX = 2048, PROXY_ANSWER_MAX = 8192 };

/* Asks for `host`, a clean name or the text of an address. `authorization` is the value of a field, or "". 0 when it is too long. */
size_t proxy_request(char out[PROXY_REQUEST_MAX], const char *host, uint16_t port, const char *authorization);

typedef enum proxy_answer {
    PROXY_MORE,
    PROXY_GRANTED, /* what follows is of the other side */
    PROXY_REFUSED, /* it does not want to */
    PROXY_FAILED   /* it could not, or this is no answer */
} proxy_answer;

/* The head of an answer, as far as it came. Zero at first. */
typedef struct proxy_reader {
    size_t size, line; /* of the head; of the line that has begun */
    char status[12];   /* "HTTP/1.1 200" */
} proxy_reader;

/* Reads on. `used` of the bytes belong to the head: with PROXY_MORE all, with PROXY_GRANTED up to its end. */
proxy_answer proxy_read(proxy_reader *reader, const uint8_t *bytes, size_t size, size_t *used);
