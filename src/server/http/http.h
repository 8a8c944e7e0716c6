/* The HTTP server: listeners and connections on one libuv loop. It passes requests to a handler and knows no routes. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "server/http/request.h"
#include "server/log.h"

typedef struct wrn_http wrn_http;

typedef struct wrn_http_config {
    int64_t body_max;        /* for a body that is collected in memory */
    int64_t connections_max; /* further ones get 503 */
    int64_t head_ms;         /* for a head, from its first byte or the connection on */
    int64_t body_ms;         /* between two parts of a body */
    int64_t idle_ms;         /* between two requests */
    int64_t write_ms;        /* without progress of an answer */
    int64_t linger_ms;       /* for a client that still sends after its answer */
} wrn_http_config;

#define WRN_HTTP_CONFIG_DEFAULT                 \
    ((wrn_http_config){.body_max = 16 << 20,    \
                       .connections_max = 1024, \
                       .head_ms = 10000,        \
                       .body_ms = 30000,        \
                       .idle_ms = 75000,        \
                       .write_ms = 30000,       \
                       .linger_ms = 2000})

typedef enum wrn_http_plan {
    WRN_HTTP_ANSWERED,
    WRN_HTTP_COLLECT, /* collect the body, then call `run` */
    WRN_HTTP_STREAM   /* call `run` at once; it takes the body as it comes */
} wrn_http_plan;

typedef struct wrn_http_handler {
    void *context;
    /* The head has arrived. */
    wrn_http_plan (*head)(void *context, wrn_request *request);
    void (*run)(void *context, wrn_request *request);
    /* An answer begins. After a malformed head the request has no path. */
    void (*answered)(void *context, const wrn_request *request, int status);
    /* After wrn_http_stop(): the last connection has ended. */
    void (*drained)(void *context);
} wrn_http_handler;

wrn_http *wrn_http_new(uv_loop_t *loop, const wrn_http_config *config, const wrn_http_handler *handler);
/* `address`: "HOST:PORT", "[::1]:PORT" or "unix:/path" (mode 0600). `bound`: the same, with the port that was chosen for
 * port 0. False with a message. */
bool wrn_http_listen(wrn_http *http, const char *address, char *bound, size_t bound_size, wrn_why *why);
/* Whether such an address can only be reached from this machine. */
bool wrn_http_is_private_address(const char *address);
/* The number of open connections, and of all that were ever accepted. */
void wrn_http_connections(const wrn_http *http, size_t *open, uint64_t *accepted);
/* Stops listening and closes idle connections; the others end after their answer. Then `drained` is called. */
void wrn_http_stop(wrn_http *http);
/* Closes all connections now. */
void wrn_http_abort(wrn_http *http);
/* After `drained`, once the loop has ended. */
void wrn_http_free(wrn_http *http);
