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
    size_t conn_count; /* those not yet freed */
    uint64_t accepted; /* all there ever were */
    size_t open_count; /* those not closed */
    uv_timer_t sweeper;
    uv_idle_t round; /* active while some connection waits for the loop to go round: */
    wrn_conn *listed, **last_listed;
    bool sweeping, stopping, drained;
    char read_buffer[65536]; /* reads are used up, or copied, before the next one */
};

typedef enum wrn_conn_state {
    WRN_CONN_HEAD, /* between requests, or in a head */
    WRN_CONN_BODY,
    WRN_CONN_BUSY, /* the handler has the request */
    WRN_CONN_WRITE,
    WRN_CONN_STREAM, /* an answer goes out in pieces */
    WRN_CONN_TAP,    /* taken over */
    WRN_CONN_FLUSH,  /* a tap that is closed, with something unsent */
    WRN_CONN_LINGER, /* answered; what the client still sends is thrown away, for a reset would destroy the answer */
    WRN_CONN_CLOSED
} wrn_conn_state;

struct wrn_conn {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } io;
    wrn_http *http;
    wrn_conn *next, **link;
    wrn_conn_state state;
    bool advancing, reading, head_timed, keep_alive, deaf;
    bool streaming; /* the body goes to the handler piece by piece */
    bool paused, crowded, chunked, bodiless, broken;
    bool half_closed; /* the client sends no more; what it has sent may still be there */
    bool input_over;  /* that was read, too */
    bool shut;        /* we send no more than is unsent */
    bool shutting;    /* that is all out */
    bool stranger;    /* a tap whose other end nobody knows yet */
    wrn_http1 parser;
    wrn_request *request; /* the one that is being read */
    wrn_request *running; /* the one that is being answered */
    wrn_buf rest;         /* read, but after the request that is being answered */
    int64_t deadline_ms, waits_since_ms;
    size_t discarded, unsent;
    size_t charged;       /* to the budget, for what is unsent */
    wrn_buf gathered;     /* to be sent when the loop has gone round */
    bool waits;           /* for what was sent to be taken by the kernel */
    bool has_sent;        /* in this round */
    bool streamed;        /* the answer that goes out came in pieces */
    bool listed, resting; /* for when the loop has gone round; nothing is read before */
    int64_t turn_us;      /* since when it has had its turn */
    int gulp;             /* bytes that are read at once, of a tap that wants little */
    wrn_conn *next_listed;
    uv_write_t write;
    uv_shutdown_t shutdown;
    wrn_buf out_head, out_body;
    wrn_tap_events tap;
    void *tap_context;
};

/* Takes over a connection that waits on `listener`. */
void wrn_conn_accept(wrn_http *http, uv_stream_t *listener);
/* Sends the answer; takes the request and the body. `type` NULL: no body. */
void wrn_conn_reply(wrn_request *request, int status, const char *type, wrn_buf *body);
void wrn_conn_close(wrn_conn *conn);
/* Closes it if it is between two requests. */
void wrn_conn_close_idle(wrn_conn *conn);
/* The head of an answer; `length` of -1: in chunks, or up to the end of the connection. */
/* Tells the handler that an answer begins. */
void wrn_conn_note(const wrn_request *request, int status);
void wrn_conn_compose(wrn_conn *conn, const wrn_request *request, int status, const char *type, int64_t length);
/* The answer has gone out: on to the next request, or to the end. */
void wrn_conn_answered(wrn_conn *conn);
void wrn_conn_update_reading(wrn_conn *conn);
void wrn_conn_free_request(wrn_request *request);
/* Sends a copy; wrn_conn_wrote() comes when there is room again. */
void wrn_conn_send(wrn_conn *conn, const void *data, size_t size);
void wrn_conn_wrote(wrn_conn *conn);
/* Sends what was gathered, unless something waits already. */
void wrn_conn_flush(wrn_conn *conn);
/* When the loop has gone round, what was gathered is sent. */
void wrn_conn_go_round(wrn_conn *conn);
/* Nothing more is read, nor taken of what was read, before the loop has gone round. */
void wrn_conn_rest(wrn_conn *conn);
/* The loop has gone round: what was gathered is sent. */
void wrn_conn_went_round(wrn_conn *conn);
/* Its rest is over. */
void wrn_conn_rested(wrn_conn *conn);
size_t wrn_conn_unsent(const wrn_conn *conn);
/* Has the budget bear what is unsent now, beyond a little. False: it can't, and bears what it did before. */
bool wrn_conn_charge(wrn_conn *conn);
/* Ends what has been waited for too long. */
void wrn_conn_sweep(wrn_conn *conn, int64_t now_ms);
/* A listener or connection is gone: tells the handler when it was the last. */
void wrn_http_check_drained(wrn_http *http);

#endif
