/* Terminals in a sandbox. A terminal runs until its process ends, whether or not a stream is connected. */
#ifndef WRENN_PTY_H
#define WRENN_PTY_H

#include "wrenn/exec.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Opens a terminal (WebSocket /v1/sandboxes/{id}/pty) and waits until its process has started: wrenn_stream_pid() and
 * wrenn_stream_tag() are known then, and the first event is WRENN_EVENT_STARTED. `options` may be NULL. Blocks. The
 * caller owns *stream. What the terminal shows comes as WRENN_EVENT_STDOUT. The client sends a keepalive every minute,
 * because some servers end silent terminals. The server sends one every 30 s; a terminal that is silent for
 * wrenn_client_options.idle_timeout_ms (45 s at least) is lost, even when its connection still works. Servers other
 * than wrennd drop input in too many pieces, and sizes and kills that directly follow input: for them a rate limiter
 * sends input in large pieces, 50 a second after the first 16, and sizes and kills are repeated. Fails with
 * WRENN_E_CONFLICT (the sandbox does not run), WRENN_E_API and children for what can't be started. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pty(wrenn_sandbox *sandbox, const wrenn_command *command,
                                                const wrenn_call_options *options, wrenn_stream **stream,
                                                wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pty_start(wrenn_sandbox *sandbox, const wrenn_command *command,
                                                      const wrenn_call_options *options, wrenn_done_fn done,
                                                      void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pty_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error);

/* Connects to a terminal that runs already, by its tag. Blocks (30 s). The caller owns *stream. Several may be
 * connected at once; all see the output, and the input of all is merged. wrennd first sends the terminal's modes and
 * the last 64 KiB or so of its output, and repeats the size to its program; other servers send new output only. Servers
 * do not confirm a connection: an unknown tag is reported by the first wrenn_stream_next(), as WRENN_E_NOT_FOUND; with
 * v0.1.5 of the platform, which never answers, only after 75 s without a message (wrenn_client_options.idle_timeout_ms,
 * but 45 s at least). That server also ends the connection to a terminal that has shown nothing for 45 s, and every
 * connection after 600 s. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pty_connect(wrenn_sandbox *sandbox, const char *tag,
                                                        const wrenn_call_options *options, wrenn_stream **stream,
                                                        wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pty_connect_start(wrenn_sandbox *sandbox, const char *tag,
                                                              const wrenn_call_options *options, wrenn_done_fn done,
                                                              void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pty_connect_finish(wrenn_op *op, wrenn_stream **stream,
                                                               wrenn_error **error);

#ifdef __cplusplus
}
#endif

#endif
