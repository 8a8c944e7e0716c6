/* Detached commands: started, listed, killed, and re-attached to. Servers of the sandbox era do not have them:
 * WRENN_E_UNSUPPORTED. */
#ifndef WRENN_PROCESSES_H
#define WRENN_PROCESSES_H

#include "wrenn/exec.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Starts a detached command (POST /v1/sandboxes/{id}/exec with background). It reads /dev/null; its output goes to
 * streams that are attached (wrenn_sandbox_attach()), and wrennd keeps the last of it (wrenn_sandbox_logs()). Blocks. The
 * caller frees *process with wrenn_process_free(). Never repeated by the library. Fails with WRENN_E_VALIDATION when the
 * program does not exist or can't be executed (wrenn_error_exec_result() has its exit code, 127 or 126; servers other
 * than wrennd do not say so), WRENN_E_CONFLICT (the sandbox does not run, or the tag is in use), WRENN_E_UNSUPPORTED (the
 * server has no detached commands; nothing has run). To find that out, the list of processes is requested first from a
 * server of the sandbox era that is not known to be wrennd. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_spawn(wrenn_sandbox *sandbox, const wrenn_command *command,
                                                  const wrenn_call_options *options, wrenn_process **process,
                                                  wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_spawn_start(wrenn_sandbox *sandbox, const wrenn_command *command,
                                                        const wrenn_call_options *options, wrenn_done_fn done,
                                                        void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_spawn_finish(wrenn_op *op, wrenn_process **process, wrenn_error **error);

/* Belongs to the caller as a whole; wrenn_process_list_free(). */
typedef struct wrenn_process_list {
    const wrenn_process *const *items;
    size_t items_count;
} wrenn_process_list;

/* What was started through the API and is alive: in the background, in terminals and in the foreground
 * (GET /v1/sandboxes/{id}/processes). Blocks (30 s). The caller frees *list. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_processes(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                      wrenn_process_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_processes_start(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                            wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                            wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_processes_finish(wrenn_op *op, wrenn_process_list **list,
                                                             wrenn_error **error);

/* Sends a signal (SIGHUP, SIGINT, SIGUSR1, ...; 0: SIGKILL) to a process and all its descendants, by pid or tag as text
 * (DELETE /v1/sandboxes/{id}/processes/{selector}). wrenn_signal_number() knows their names. Blocks (30 s). Fails with
 * WRENN_E_NOT_FOUND when there is no such process, WRENN_E_INVALID_ARGUMENT for what is no signal of Linux (1 to 64), and
 * WRENN_E_UNSUPPORTED for others than SIGTERM and SIGKILL when the server is no wrennd that has them. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_kill(wrenn_sandbox *sandbox, const char *selector, int64_t signal_number,
                                                 const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_kill_start(wrenn_sandbox *sandbox, const char *selector,
                                                       int64_t signal_number, const wrenn_call_options *options,
                                                       wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_kill_finish(wrenn_op *op, wrenn_error **error);
/* The number of a signal: "TERM", "SIGTERM", "term" and "15" are 15. 0: there is none of that name, or `name` is NULL. */
WRENN_API int64_t wrenn_signal_number(const char *name);

/* Watches a process from now on, by pid or tag as text (WebSocket /v1/sandboxes/{id}/processes/{selector}/stream).
 * Blocks (30 s). The caller owns *stream; freeing it leaves the process alone. Fails with WRENN_E_NOT_FOUND when there
 * is none; v0.1.5 of the platform closes the connection without an error instead, which is WRENN_E_CONNECTION_LOST. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_attach(wrenn_sandbox *sandbox, const char *selector,
                                                   const wrenn_call_options *options, wrenn_stream **stream,
                                                   wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_attach_start(wrenn_sandbox *sandbox, const char *selector,
                                                         const wrenn_call_options *options, wrenn_done_fn done,
                                                         void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_attach_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error);

/* Options of wrenn_sandbox_logs(). */
typedef struct wrenn_sandbox_logs_options {
    size_t struct_size; /* from WRENN_SANDBOX_LOGS_OPTIONS_INIT */
    wrenn_call_options call;
    int64_t offset; /* where to begin, in bytes of both streams together; behind the end means at the end */
    /* Above 0: begins this many lines before the end, instead of at an offset. -1: begins at the end. */
    int64_t tail;
    uint64_t flags; /* WRENN_SANDBOX_LOGS_* */
} wrenn_sandbox_logs_options;
/* wrenn_sandbox_logs_options.flags. FOLLOW: goes on with what comes, until the process has ended. */
enum { WRENN_SANDBOX_LOGS_FOLLOW = 1 };
#define WRENN_SANDBOX_LOGS_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_logs_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_logs_options_init(wrenn_sandbox_logs_options *options, size_t size);

/* Reads what a detached command has put out, also after it has ended: by pid or tag as text, or "0": the last one (WebSocket
 * /v1/sandboxes/{id}/processes/{selector}/logs). wrennd keeps the last 8 MiB of each, and those of the last 32 that have
 * ended, as long as the sandbox lives. `options` may be NULL: all that is kept. After WRENN_EVENT_STARTED, whose offset is
 * that of the first byte, come the pieces with their offsets, so that a reader can go on where it was cut off; between what
 * was kept and what follows nothing is missing and nothing comes twice. WRENN_EVENT_DROPPED says how many bytes that were
 * asked for are not kept any more: at the beginning, or when the reader is slower than the command, which does not wait for
 * it. The stream ends with WRENN_EVENT_EXIT when the command has ended, else, without FOLLOW, simply ends. Blocks (30 s).
 * The caller owns *stream; freeing it leaves the command alone. WRENN_E_NOT_FOUND: no such output is kept, as with servers
 * other than wrennd. WRENN_E_CONFLICT: the sandbox does not run. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_logs(wrenn_sandbox *sandbox, const char *selector,
                                                 const wrenn_sandbox_logs_options *options, wrenn_stream **stream,
                                                 wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_logs_start(wrenn_sandbox *sandbox, const char *selector,
                                                       const wrenn_sandbox_logs_options *options, wrenn_done_fn done,
                                                       void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_logs_finish(wrenn_op *op, wrenn_stream **stream, wrenn_error **error);

/* Each frees the whole result; NULL is fine. */
WRENN_API void wrenn_process_free(wrenn_process *process);
WRENN_API void wrenn_process_list_free(wrenn_process_list *list);

#ifdef __cplusplus
}
#endif

#endif
