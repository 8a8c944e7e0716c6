/* Streams: output while it arrives. Commands, terminals, processes and WebSockets through the port proxy all
 * give a wrenn_stream; the functions that open one are in exec.h, pty.h and ports.h.
 *
 * A stream is read by pulling: wrenn_stream_next() gives one event after the other. When the program does not pull,
 * some 256 KiB are queued (or one message, when that is longer); then the socket is not read, and the sender has to
 * wait. An event-driven program sets a ready callback, in which it pulls with a timeout of 0 until nothing is left.
 *
 * WRENN_EVENT_EXIT comes after all output, and only from the server: when the connection ends without one,
 * wrenn_stream_next() fails with WRENN_E_CONNECTION_LOST, and the outcome of the command is unknown. So it does when
 * the server is silent for 75 s (wrenn_client_options.idle_timeout_ms).
 *
 * WRENN_E_AGAIN is no failure: it sets no error object, so that polling costs nothing.
 *
 * A stream belongs to its client and is used from the same thread. */
#ifndef WRENN_STREAM_H
#define WRENN_STREAM_H

#include "wrenn/client.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A connection to a running command, terminal or WebSocket. */
typedef struct wrenn_stream wrenn_stream;

/* wrenn_event.type, and the members that are set then. */
enum {
    WRENN_EVENT_STARTED = 1, /* pid; of a new terminal also tag */
    WRENN_EVENT_STDOUT = 2,  /* data, size; also what a terminal shows */
    WRENN_EVENT_STDERR = 3,  /* data, size */
    WRENN_EVENT_EXIT = 4,    /* exit_code; nothing follows */
    WRENN_EVENT_TEXT = 5,    /* data, size: a message of a WebSocket, UTF-8 */
    WRENN_EVENT_BINARY = 6,  /* the same, bytes */
    WRENN_EVENT_DROPPED = 7  /* dropped, of wrenn_sandbox_logs(): output that is not kept any more is left out */
};

/* New types may appear: skip what you do not know. */
typedef struct wrenn_event {
    int64_t type;      /* WRENN_EVENT_* */
    int64_t pid;       /* as seen inside the sandbox; 0: not said */
    const char *tag;   /* for wrenn_sandbox_pty_connect(), or NULL */
    int64_t exit_code; /* 0 to 255; -1 when a signal ended it: wrenn_stream_signal() */
    const char *data; /* `size` bytes, with a NUL after them that does not count; NULL for other events. Valid until the
                        * next call with this stream. */
    size_t size;
    int64_t offset;  /* of wrenn_sandbox_logs(): of the first byte of data, or of what follows the event */
    int64_t dropped; /* bytes left out */
} wrenn_event;

/* The next event, which belongs to the stream and is valid until the next call with it. Returns 1 with *event set, 0
 * when the stream has ended normally, or a negative code: WRENN_E_AGAIN when nothing came within timeout_ms (0: does
 * not block; -1: waits without limit of its own, as the stream's idle limit applies), WRENN_E_CONNECTION_LOST,
 * _PROTOCOL, _LIMIT, WRENN_E_AGENT and other classes for what the server reports instead of an exit. WRENN_E_CANCELLED
 * when a callback frees the stream or its client meanwhile. From an error on, every call gives that error. Inside a
 * callback only a timeout of 0 is allowed. */
WRENN_API WRENN_NODISCARD int wrenn_stream_next(wrenn_stream *stream, int64_t timeout_ms, const wrenn_event **event,
                                                wrenn_error **error);

/* See wrenn_stream_on_ready(). */
typedef void (*wrenn_ready_fn)(wrenn_stream *stream, void *user_data);
/* Calls `ready` from wrenn_client_dispatch() whenever there is something new: an event (also one that is queued
 * already), the end, or room after a write that was taken in part only. It is not called again for the same event, so
 * pull until WRENN_E_AGAIN or the end. Freeing the stream in the callback is fine. wrenn_client_free() does not call
 * it. NULL: no more. */
WRENN_API void wrenn_stream_on_ready(wrenn_stream *stream, wrenn_ready_fn ready, void *user_data);

/* Input for a command with want_stdin, or keys for a terminal, or one message's bytes for a WebSocket opened as binary.
 * Returns how many bytes were taken: all of them, or fewer when timeout_ms (0: does not block; -1: no limit) passed
 * first; WRENN_E_AGAIN when none was. Taken bytes are on their way; the command may not have read them yet. Fails with
 * WRENN_E_UNSUPPORTED when the server can't do this, with WRENN_E_INVALID_ARGUMENT when there is no input or it was
 * closed, with WRENN_E_CANCELLED when a callback frees the stream or its client meanwhile, and like wrenn_stream_next()
 * once the stream has ended. */
WRENN_API WRENN_NODISCARD int64_t wrenn_stream_write(wrenn_stream *stream, const void *data, size_t size,
                                                     int64_t timeout_ms, wrenn_error **error);
/* The end of the input; what was written before still arrives. For a terminal the end-of-file character, Control-D, or
 * WRENN_E_AGAIN when there is no room for it. Does not block. */
WRENN_API WRENN_NODISCARD int wrenn_stream_close_input(wrenn_stream *stream, wrenn_error **error);
/* Sends one text message on a WebSocket through the port proxy. Taken whole, or WRENN_E_AGAIN. Does not block. Fails
 * with WRENN_E_INVALID_ARGUMENT when the text is not UTF-8, which text messages must be, or the stream is no
 * WebSocket. */
WRENN_API WRENN_NODISCARD int wrenn_stream_send_text(wrenn_stream *stream, const char *text, wrenn_error **error);
/* The same with `size` bytes of text, which may have NUL among them. */
WRENN_API WRENN_NODISCARD int wrenn_stream_send_text_sized(wrenn_stream *stream, const char *text, size_t size,
                                                           wrenn_error **error);
/* The new size of a terminal, both above 0. Does not block. While the server does not read, the latest size waits. */
WRENN_API WRENN_NODISCARD int wrenn_stream_resize(wrenn_stream *stream, int64_t cols, int64_t rows,
                                                  wrenn_error **error);
/* Asks for the command's end: a terminal's process is killed; a command of exec_stream is killed by wrennd, and goes on
 * unwatched with servers that only stop streaming. Does not block: WRENN_EVENT_EXIT or the end of the stream
 * follows. */
WRENN_API WRENN_NODISCARD int wrenn_stream_kill(wrenn_stream *stream, wrenn_error **error);

/* The pid, once started; else 0. The tag of a terminal, else NULL; valid as long as the stream. */
WRENN_API int64_t wrenn_stream_pid(const wrenn_stream *stream);
WRENN_API const char *wrenn_stream_tag(const wrenn_stream *stream);
/* How the command ended, once WRENN_EVENT_EXIT has come, as in wrenn_exec_result: the number of the signal that ended
 * it, else 0; whether it died when the sandbox ran out of memory; and whether a process that it left running still had
 * its output open. 0 also when the server does not say. */
WRENN_API int64_t wrenn_stream_signal(const wrenn_stream *stream);
WRENN_API int wrenn_stream_oom_killed(const wrenn_stream *stream);
WRENN_API int wrenn_stream_output_cut(const wrenn_stream *stream);
/* Nonzero when output arrives byte for byte: the server speaks wrenn.bytes.v1, or the stream is a terminal or a
 * WebSocket. Otherwise the server sends text, in which what is no UTF-8 was replaced by U+FFFD. */
WRENN_API int wrenn_stream_is_exact(const wrenn_stream *stream);

/* Ends the connection and frees the stream; NULL is fine. Does not block. A command of exec_stream ends with it on
 * wrennd; a terminal goes on, to be found again by its tag, and so does an attached process. */
WRENN_API void wrenn_stream_free(wrenn_stream *stream);
/* The same, but kills what runs first and waits for its end, 5 s at most; an attached process and a WebSocket only lose
 * their connection. Blocks. Not from inside a callback, where it only asks for the end. */
WRENN_API void wrenn_stream_close(wrenn_stream *stream);

/* With gcc and clang: `wrenn_autoclose(stream);` declares a wrenn_stream *stream, NULL at first, that is closed as by
 * wrenn_stream_close() when the scope is left. Elsewhere call wrenn_stream_close() yourself. */
#if defined(__GNUC__)
static inline void wrenn_stream_closep(wrenn_stream **stream) { wrenn_stream_close(*stream); }
#define wrenn_autoclose(name) __attribute__((cleanup(wrenn_stream_closep))) wrenn_stream *name = NULL
#endif

#ifdef __cplusplus
}
#endif

#endif
