/* Streams: a WebSocket behind a bounded queue of events (wrenn/stream.h).
 *
 * Opening one is an operation (client/op) whose call is an upgrade instead of an exchange. The stream's type turns the
 * messages of the WebSocket into events, and input into messages. */
#ifndef WRN_CLIENT_STREAM_H
#define WRN_CLIENT_STREAM_H

#include "client/op.h"
#include "client/terminal.h"
#include "net/websocket.h"
#include "wrenn/stream.h"

#define WRN_BYTES_PROTOCOL "wrenn.bytes.v1"

typedef struct wrn_stream_type {
    /* The WebSocket is open. Sends the first message, if any; calls wrn_stream_begun() when nothing is to be waited for. */
    void (*opened)(wrenn_stream *stream);
    void (*message)(wrenn_stream *stream, bool binary, const char *data, size_t size);
    /* Sends input, `size` of at most WRN_STREAM_PIECE bytes. False when out of memory. NULL: there is no input. */
    bool (*input)(wrenn_stream *stream, const void *data, size_t size);
    const char *close_input; /* text message that ends the input, or NULL */
    const char *kill;        /* text message that asks for the end, or NULL */
    bool terminal;
    bool plain;           /* a WebSocket of somebody else's: it ends when it is closed, and there is no exit */
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
    bool waiting, freed;       /* a call waits for it further up; freed meanwhile, by a callback */
    bool wants_stdin;
    wrenn_error *error; /* how it ended, when badly */
    wrn_stream_node *queue, **queue_tail, *current;
    size_t queued;
    int64_t pid, signal;
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

/* What the type of an operation that opens a stream has beside its call and `stream`. The body of the call is the first
 * message. */
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
/* Queues an event with a copy of `data`. False when that ended the stream, which may be gone then. */
bool wrn_stream_push(wrenn_stream *stream, const wrenn_event *event);
/* The end, good or bad; before it has begun the opening fails with it, and the stream is gone. Takes `error`, NULL when it is a good end. */
void wrn_stream_finish(wrenn_stream *stream, wrenn_error *error);
bool wrn_stream_send(wrenn_stream *stream, const char *json);
/* For terminals: stream->cols and rows; a kill. When the server does not read, once there is room. False when out of
 * memory. */
bool wrn_stream_send_size(wrenn_stream *stream);
bool wrn_stream_send_kill(wrenn_stream *stream);

/* Calls the ready callback in the next dispatch, if somebody waits to write. */
void wrn_stream_room(wrenn_stream *stream);

/* For the client: ends all of them as cancelled. */
void wrn_streams_cancel(wrenn_client *client);
/* Whether one of them may still call a ready callback. */
bool wrn_streams_listen(const wrenn_client *client);
/* Runs the ready callbacks that are due; their number. */
int wrn_streams_run_ready(wrenn_client *client);

#endif
