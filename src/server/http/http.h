/* The HTTP server: listeners and connections on one libuv loop. It knows nothing of routes: a handler sees requests. */
#ifndef WRN_SERVER_HTTP_HTTP_H
#define WRN_SERVER_HTTP_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "server/http/request.h"

typedef struct wrn_http wrn_http;

typedef struct wrn_http_config {
    int64_t url_max, head_max, fields_max;
    int64_t body_max;        /* of a body that is collected in memory */
    int64_t connections_max; /* more get 503 */
    int64_t head_ms;         /* from the first byte (or the connection) to the end of the head */
    int64_t body_ms;         /* between two pieces of a body */
    int64_t idle_ms;         /* between two requests */
    int64_t write_ms;        /* without any progress of an answer */
    int64_t linger_ms;       /* for a client that still sends after its answer */
} wrn_http_config;

#define WRN_HTTP_CONFIG_DEFAULT                 \
    ((wrn_http_config){.url_max = 8192,         \
                       .head_max = 32768,       \
                       .fields_max = 100,       \
                       .body_max = 16 << 20,    \
                       .connections_max = 1024, \
                       .head_ms = 10000,        \
                       .body_ms = 30000,        \
                       .idle_ms = 75000,        \
                       .write_ms = 30000,       \
                       .linger_ms = 2000})

typedef enum wrn_http_plan {
    WRN_HTTP_ANSWERED,
    WRN_HTTP_COLLECT, /* have the body collected, then `run` */
    WRN_HTTP_STREAM   /* `run` at once; it sees to the body */
} wrn_http_plan;

typedef struct wrn_http_handler {
    void *context;
    /* The head is there. */
    wrn_http_plan (*head)(void *context, wrn_request *request);
    void (*run)(void *context, wrn_request *request);
    /* Each answer, as it begins; one that never became a request has no path. */
    void (*answered)(void *context, const wrn_request *request, int status);
    /* After wrn_http_stop(): the last connection has ended. */
    void (*drained)(void *context);
} wrn_http_handler;

wrn_http *wrn_http_new(uv_loop_t *loop, const wrn_http_config *config, const wrn_http_handler *handler);
/* "HOST:PORT", "[::1]:PORT" or "unix:/path" (mode 0600). On success `bound` says where, with the port that was chosen
 * for port 0. On failure false, and `why` says it. */
bool wrn_http_listen(wrn_http *http, const char *address, char *bound, size_t bound_size, char *why, size_t why_size);
/* True when an address of this form is for this machine alone. */
bool wrn_http_is_private_address(const char *address);
/* How many connections are open, and how many there ever were. */
void wrn_http_connections(const wrn_http *http, size_t *open, uint64_t *accepted);
/* Listens no longer, closes idle connections; the others end with their answer. Then `drained` is called. */
void wrn_http_stop(wrn_http *http);
/* Closes all connections now. */
void wrn_http_abort(wrn_http *http);
/* After `drained` and once the loop has run out. */
void wrn_http_free(wrn_http *http);

#endif
