/* Inside of http/: one connection, and the server it belongs to. */
#pragma once

#include "server/http/http.h"
#include "server/turns.h"

typedef struct wrn_conn wrn_conn;
typedef struct wrn_listener wrn_listener;

typedef union wrn_socket {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
} wrn_socket;

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
    uv_idle_t round; /* active while connections have gathered something to send: */
    wrn_conn *listed, **last_listed;
    bool sweeping, stopping, drained;
    char read_buffer[65536]; /* consumed or copied before the next read */
};

typedef enum wrn_conn_state {
    WRN_CONN_HEAD, /* between requests, or in a head */
    WRN_CONN_BODY,
    WRN_CONN_BUSY, /* the handler has the request */
    WRN_CONN_WRITE,
    WRN_CONN_STREAM, /* a streamed answer */
    WRN_CONN_TAP,    /* taken over */
    WRN_CONN_FLUSH,  /* a closed tap with unsent data */
    WRN_CONN_LINGER, /* answered; input is discarded, because a reset could destroy the answer */
    WRN_CONN_CLOSED
} wrn_conn_state;

struct wrn_conn {
    wrn_socket io;
    wrn_http *http;
    wrn_conn *next, **link;
    wrn_conn_state state;
    bool advancing, reading, head_timed, keep_alive;
    bool deaf;                 /* input is ignored */
    bool to_stream, streaming; /* the body is to be passed, and is passed, to the handler as it comes */
    bool unread;               /* it waits for its turn before it reads */
    bool held;                 /* the head has come, and its request has not begun */
    bool paused, crowded, chunked, bodiless, broken;
    bool half_closed; /* the client has shut down its sending side; input may still be unread */
    bool input_over;  /* all input has been read */
    bool shut;        /* shut down our sending side once everything is sent */
    bool shutting;    /* that has begun */
    bool stranger;    /* a tap whose client has not authenticated */
    wrn_http1 parser;
    wrn_request *request; /* that is being read */
    wrn_request *running; /* that is being answered */
    wrn_buf rest;         /* input after the request that is being answered */
    int64_t deadline_ms, waits_since_ms;
    size_t discarded, unsent;
    size_t charged;   /* to the budget, for what is unsent */
    wrn_buf gathered; /* to be sent in the next iteration of the loop */
    wrn_buf sending;  /* being written by `write`, when that does not write an answer */
    bool writing;     /* a write waits for the kernel */
    bool has_sent;    /* in this iteration */
    bool streamed;    /* the answer is a streamed one */
    bool listed;      /* in wrn_http.listed */
    wrn_turn turn;    /* while it waits, nothing is read, and input that was read is left alone */
    int gulp;         /* the size of a read, for a tap with `little` */
    wrn_conn *next_listed;
    uv_write_t write;
    uv_shutdown_t shutdown;
    wrn_buf out_head, out_body;
    wrn_tap_events tap;
    void *tap_context;
};

/* Accepts a connection of `listener`. */
void wrn_conn_accept(wrn_http *http, uv_stream_t *listener);
/* Sends the answer; frees request and body. `type` NULL: no body. */
void wrn_conn_reply(wrn_request *request, int status, const char *type, wrn_buf *body);
void wrn_conn_close(wrn_conn *conn);
/* Closes it if it is between two requests. */
void wrn_conn_close_idle(wrn_conn *conn);
/* Tells the handler that an answer begins. */
void wrn_conn_note(const wrn_request *request, int status);
/* Writes the head of an answer to out_head. `length` -1: chunked, or up to the end of the connection. */
void wrn_conn_compose(wrn_conn *conn, const wrn_request *request, int status, const char *type, int64_t length);
/* The answer is sent: goes on to the next request, or ends the connection. */
void wrn_conn_answered(wrn_conn *conn);
void wrn_conn_update_reading(wrn_conn *conn);
void wrn_conn_free_request(wrn_request *request);
/* Less is unsent than before: tells whoever waits for that. */
void wrn_conn_wrote(wrn_conn *conn);
/* Sends what was gathered, unless a write is under way. */
void wrn_conn_flush(wrn_conn *conn);
/* Has wrn_conn_went_round() called in the next iteration of the loop. */
void wrn_conn_go_round(wrn_conn *conn);
void wrn_conn_went_round(wrn_conn *conn);
size_t wrn_conn_unsent(const wrn_conn *conn);
/* Charges the budget for what is unsent. False, and no change, when it is spent. */
bool wrn_conn_charge(wrn_conn *conn);
/* Enforces the deadlines. */
void wrn_conn_sweep(wrn_conn *conn, int64_t now_ms);
/* ADDRESS:PORT, or [ADDRESS]:PORT. */
void wrn_write_address(const struct sockaddr_storage *address, char *out, size_t size);
bool wrn_is_loopback(const struct sockaddr_storage *address);
/* A listener or connection is gone: tells the handler when it was the last. */
void wrn_http_check_drained(wrn_http *http);
