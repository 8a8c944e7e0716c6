/* HTTP for the client: requests over libcurl's multi interface on a wrn_loop. No type of libcurl appears here.
 *
 * An exchange is one request and its response. It ends by calling its callback once, from inside wrn_loop_poll(), unless it
 * is cancelled. A POST is never repeated here. libcurl itself repeats a GET or DELETE once when a reused connection turns out
 * to be dead. */
#pragma once

#include "base/buf.h"
#include "net/connection.h"
#include "net/loop.h"

typedef struct wrn_http wrn_http;
typedef struct wrn_exchange wrn_exchange;

/* What a source or a sink may return instead of a number of bytes. */
enum {
    WRN_HTTP_LATER = -1, /* nothing yet; call wrn_http_resume() later */
    WRN_HTTP_STOP = -2   /* the exchange ends as WRN_HTTP_STOPPED */
};

/* A request body that is produced piece by piece. Runs inside libcurl, so it must not call the functions of this file. */
typedef struct wrn_http_source {
    int64_t (*read)(void *context, char *out, size_t room); /* returns the number of bytes; 0 at the end */
    void *context;
    int64_t size; /* total; -1: unknown, so the body is sent in chunks */
} wrn_http_source;

/* Takes the body of a 2xx response, instead of wrn_http_response.body. Runs inside libcurl, like a source. */
typedef struct wrn_http_sink {
    /* Returns how many bytes were taken; fewer than all means WRN_HTTP_LATER for the rest. `total` is the Content-Length;
     * -1 when there is none. */
    int64_t (*write)(void *context, const char *data, size_t size, int64_t total);
    void *context;
} wrn_http_sink;

typedef struct wrn_http_request {
    const char *method; /* GET, POST or DELETE */
    const char *url;    /* copied */
    const char *body;   /* borrowed until the exchange ends; POST always has one, or a source */
    size_t body_size;
    const wrn_http_source *source; /* borrowed too; instead of a body */
    const wrn_http_sink *sink;     /* borrowed too; may be NULL */
    const char *content_type;      /* copied; NULL: JSON */
    const char *api_key, *token;   /* copied; at most one is sent */
    const char *idempotency_key;   /* copied; may be NULL */
    const char *host;              /* for the Host field, copied; NULL: that of the URL */
    const char *extra;             /* header fields of the caller, each line ended by a newline, copied; may be NULL */
    const char *fields; /* further header fields, each line ended by a newline, copied; NULL: those of the API */
} wrn_http_request;

/* Valid during the callback. */
typedef struct wrn_http_response {
    wrn_http_outcome outcome;
    const char *problem; /* a message for people, unless WRN_HTTP_ANSWERED */
    int status;
    wrn_buf body;
    const char *request_id;   /* X-Request-ID or NULL */
    const char *content_type; /* or NULL */
    const char *features;     /* see wire/server_features.h; or NULL */
    int64_t retry_after_ms;   /* 0: not given */
    int64_t dns_us, connect_us, tls_us, first_byte_us, total_us;
} wrn_http_response;

typedef void (*wrn_http_fn)(void *context, wrn_http_response *response);

/* NULL when out of memory. */
wrn_http *wrn_http_new(wrn_loop *loop, const wrn_http_config *config);
/* All exchanges must be over or cancelled. */
void wrn_http_free(wrn_http *http);
/* After fork(), in the child: gives it up without sending anything on the parent's connections. */
void wrn_http_abandon(wrn_http *http);

size_t wrn_http_max_response(const wrn_http *http);
/* For the WebSockets of the same client. */
const struct wrn_transport *wrn_http_transport(const wrn_http *http);

/* NULL when out of memory. */
wrn_exchange *wrn_http_start(wrn_http *http, const wrn_http_request *request, wrn_http_fn fn, void *context);
/* Ends the exchange without its callback; its connection is closed. Not from inside that callback. */
void wrn_http_cancel(wrn_exchange *exchange);

/* Whether the server may have seen any of the request. */
bool wrn_http_is_sent(const wrn_exchange *exchange);
/* Changes the callback in which the exchange ends. */
void wrn_http_hand_over(wrn_exchange *exchange, wrn_http_fn fn, void *context);

/* Continues after WRN_HTTP_LATER. The exchange may end during the call. Not from inside its source or sink. */
void wrn_http_resume(wrn_exchange *exchange);
