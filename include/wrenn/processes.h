/* Detached commands: started, listed, killed, and re-attached to. Servers of the sandbox era do not have them:
 * WRENN_E_UNSUPPORTED. */
#ifndef WRENN_PROCESSES_H
#define WRENN_PROCESSES_H

#include "wrenn/exec.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Starts a detached command (POST /v1/sandboxes/{id}/exec with background). It reads /dev/null; its output goes to
 * streams that are attached (wrenn_sandbox_attach()), and is dropped while there is none. Blocks. The caller frees
 * *process with wrenn_process_free(). Never repeated by the library. Fails with WRENN_E_CONFLICT (the sandbox does not
 * run, or the tag is in use), WRENN_E_UNSUPPORTED (the server has no detached commands; nothing has run). To find that
 * out, the list of processes is requested first from a server of the sandbox era that is not known to be wrennd. */
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

/* Sends SIGTERM (signal 15) or SIGKILL (9, or 0 for the default) to a process, by pid or tag as text
 * (DELETE /v1/sandboxes/{id}/processes/{selector}). Blocks (30 s). Fails with WRENN_E_NOT_FOUND when there is none, and
 * WRENN_E_INVALID_ARGUMENT for other signals. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_kill(wrenn_sandbox *sandbox, const char *selector, int64_t signal_number,
                                                 const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_kill_start(wrenn_sandbox *sandbox, const char *selector,
                                                       int64_t signal_number, const wrenn_call_options *options,
                                                       wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_kill_finish(wrenn_op *op, wrenn_error **error);

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

/* Each frees the whole result; NULL is fine. */
WRENN_API void wrenn_process_free(wrenn_process *process);
WRENN_API void wrenn_process_list_free(wrenn_process_list *list);

#ifdef __cplusplus
}
#endif

#endif
