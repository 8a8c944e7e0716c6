/* What every connection of a client has in common, without libcurl: how it is made, and how an exchange over it ends. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* Strings are copied. NULL means the default. */
typedef struct wrn_http_config {
    const char *unix_path; /* connect there, whatever the URL's host says */
    const char *ca_file, *client_cert, *client_key, *proxy, *no_proxy;
    const char *user_agent;
    int64_t connect_timeout_ms;
    size_t max_response; /* of a body that goes to no sink */
} wrn_http_config;

typedef enum wrn_http_outcome {
    WRN_HTTP_ANSWERED,  /* a complete response, whatever its status */
    WRN_HTTP_NOT_SENT,  /* no connection was made: the server has not seen the request */
    WRN_HTTP_LOST,      /* the connection broke after that: the server may have acted on the request */
    WRN_HTTP_TOO_LARGE, /* the response exceeded max_response */
    WRN_HTTP_MALFORMED, /* not HTTP */
    WRN_HTTP_STOPPED,   /* by its source or sink */
    WRN_HTTP_NO_MEMORY
} wrn_http_outcome;
