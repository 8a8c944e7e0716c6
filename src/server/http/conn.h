/* Inside of http/: one connection, and the server it belongs to. */
#ifndef WRN_SERVER_HTTP_CONN_H
#define WRN_SERVER_HTTP_CONN_H

#include "server/http/http.h"

typedef struct wrn_conn wrn_conn;
typedef struct wrn_listener wrn_listener;

struct wrn_http {
    uv_loop_t *loop;
    wrn_http_config config;
    wrn_http_handler handler;
    wrn_listener *listeners;
    size_t listener_count; /* those not yet closed */
    wrn_conn *conns;
    size_t conn_count;
    uv_timer_t sweeper;
    bool sweeping, stopping, drained;
    char read_buffer[65536]; /* reads are used up, or copied, before the next one */
};

struct wrn_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } io;
    wrn_http *http;
    wrn_conn *next, **link;
    int state;
    bool advancing, reading, head_timed, keep_alive, deaf;
    wrn_http1 parser;
    wrn_request *request; /* the one that is being read */
    wrn_request *running; /* the one that is being answered */
    wrn_buf rest;         /* read, but after the request that is being answered */
    int64_t deadline_ms;
    size_t discarded, unsent;
    uv_write_t write;
    uv_shutdown_t shutdown;
    wrn_buf out_head, out_body;
};

/* Takes over a connection that waits on `listener`. */
void wrn_conn_accept(wrn_http *http, uv_stream_t *listener);
/* Sends the answer; takes the request and the body. `type` NULL: no body. */
void wrn_conn_reply(wrn_request *request, int status, const char *type, wrn_buf *body);
void wrn_conn_close(wrn_conn *conn);
/* Closes it if it is between two requests. */
void wrn_conn_close_idle(wrn_conn *conn);
/* Ends what has been waited for too long. */
void wrn_conn_sweep(wrn_conn *conn, int64_t now_ms);
/* A listener or connection is gone: tells the handler when it was the last. */
void wrn_http_check_drained(wrn_http *http);

#endif
