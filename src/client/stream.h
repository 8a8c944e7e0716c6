/* Streams: a WebSocket behind a bounded queue of events (wrenn/stream.h).
 *
 * Opening one is an operation (client/op) whose call is an upgrade instead of an exchange. The stream's type turns the
 * messages of the WebSocket into events, and input into messages. */
#pragma once

#include "client/op.h"
#include "net/websocket.h"
#include "wrenn/stream.h"

#define WRN_BYTES_PROTOCOL "wrenn.bytes.v1"

/* What terminals do beyond other streams: see client/terminal.h. */
typedef struct wrn_terminal_hooks {
    void (*init)(wrenn_stream *stream);
    void (*begun)(wrenn_stream *stream);
    /* A message has come. */
    void (*heard)(wrenn_stream *stream);
    /* As much input as there is room for; negative when out of memory. */
    int64_t (*write)(wrenn_stream *stream, const char *data, size_t size);
    /* stream->cols and rows have changed. False when out of memory. */
    bool (*resized)(wrenn_stream *stream);
    /* A kill has been sent. */
    void (*killed)(wrenn_stream *stream);
    /* Sends the pending write, and stops the timers. */
    void (*end)(wrenn_stream *stream);
} wrn_terminal_hooks;

typedef struct wrn_terminal {
    wrenn_stream *stream;
    wrn_timer keepalive;
    wrn_timer silence; /* until the terminal counts as lost */
    bool heard;        /* a message has come */
    wrn_timer repeat;  /* of a size or a kill */
    int resizes;       /* how often the size is still to be repeated */
    bool killed;
    wrn_buf held; /* the pending write: input that the rate limiter holds back */
    wrn_timer pace;
    int64_t paced_ms; /* when the frames sent so far would be through at the steady rate */
} wrn_terminal;

typedef struct wrn_stream_type {
    /* The WebSocket is open. Sends the first message, if any; calls wrn_stream_begun() when nothing is to be waited
     * for. */
    void (*opened)(wrenn_stream *stream);
    void (*message)(wrenn_stream *stream, bool binary, const char *data, size_t size);
    /* Sends input, `size` of at most WRN_STREAM_PIECE bytes. False when out of memory. NULL: there is no input. */
    bool (*input)(wrenn_stream *stream, const void *data, size_t size);
    const char *close_input;            /* text message that ends the input, or NULL */
    const char *kill;                   /* text message that asks for the end, or NULL */
    const wrn_terminal_hooks *terminal; /* NULL: it is none */
    bool plain;           /* a WebSocket to a port: its closing is a normal end, and there is no exit event */
    const char *protocol; /* to offer, or NULL */
} wrn_stream_type;

enum { WRN_STREAM_PIECE = 32 * 1024 };

typedef struct wrn_stream_node wrn_stream_node;

struct wrenn_stream {
    const wrn_stream_type *type;
    wrenn_client *client;
    wrenn_sandbox *sandbox;
    wrenn_stream *previous, *next; /* among the client's */
    wrenn_op *opening;             /* NULL once it is the caller's */
    wrn_socket *socket;            /* NULL when it has ended */
    wrn_buf first_wrapped;         /* for servers that don't speak type->protocol: in place of the operation's body */
    bool selected;                 /* the server speaks type->protocol */
    bool begun, over, paused, input_closed, kill_asked, writer_waits;
    bool size_owed, kill_owed; /* to be sent when there is room */
    bool waiting, freed;       /* a call on the stack waits for it; a callback has freed it meanwhile */
    bool wants_stdin;
    wrenn_error *error; /* what ended it; NULL: a normal end */
    wrn_stream_node *queue, **queue_tail, *current;
    size_t queued;
    int64_t pid, signal;
    int64_t offset; /* of the next byte of output, of logs */
    bool oom_killed, output_cut;
    char tag[80];
    int64_t cols, rows;
    wrn_terminal terminal; /* of a type that is one */
    wrenn_ready_fn ready;
    void *ready_data;
    bool ready_pending;
    wrenn_stream *next_ready;
};

typedef struct wrn_stream_op {
    wrenn_op op;
    wrenn_stream *stream;
} wrn_stream_op;

/* The members of the type of an operation that opens a stream, in addition to its call and `stream`. The body of the
 * call is the first message. */
#define WRN_STREAM_OP                                                                      \
    .size = sizeof(wrn_stream_op), .init = wrn_stream_op_init, .send = wrn_stream_op_send, \
    .respond = wrn_stream_op_respond, .stop = wrn_stream_op_stop
bool wrn_stream_op_init(wrenn_op *op);
void wrn_stream_op_send(wrenn_op *op);
void wrn_stream_op_stop(wrenn_op *op);
void wrn_stream_op_respond(wrenn_op *op, wrn_http_response *response);
/* The stream that the operation is to open. */
wrenn_stream *wrn_stream_of(wrenn_op *op);

/* For types. */
void wrn_stream_begun(wrenn_stream *stream);
/* Queues an event with a copy of `data`. False when that failed, which ends the stream and may free it. */
bool wrn_stream_push(wrenn_stream *stream, const wrenn_event *event);
/* Ends the stream with `error`, which it takes, or normally when that is NULL. Before the stream has begun, its opening
 * fails with `error`, and the stream is freed. */
void wrn_stream_finish(wrenn_stream *stream, wrenn_error *error);
bool wrn_stream_send(wrenn_stream *stream, const char *json);
/* For terminals: sends stream->cols and rows, or a kill; later, when the server does not read now. False when out of
 * memory. */
bool wrn_stream_send_size(wrenn_stream *stream);
bool wrn_stream_send_kill(wrenn_stream *stream);

/* There is room to write: sends what is owed, and calls the ready callback in the next dispatch if a write waits. */
void wrn_stream_room(void *stream);

/* For the client: ends all of them as cancelled. */
void wrn_streams_cancel(wrenn_client *client);
/* Whether one of them may still call a ready callback. */
bool wrn_streams_listen(const wrenn_client *client);
/* Runs the ready callbacks that are due; their number. */
int wrn_streams_run_ready(wrenn_client *client);
