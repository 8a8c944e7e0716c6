/* Code in a sandbox: run by a kernel that keeps its state from one call to the next. Made for templates with a Jupyter
 * server on port 8888, such as "python-interpreter-v0-beta"; spoken to through the port proxy, without credentials.
 *
 * A context is one kernel. Contexts do not share variables. wrenn_sandbox_run_code() without a context uses the
 * sandbox's default kernel of that name, found or made with the first call: the same for all handles and programs that
 * use this library, known by its Jupyter session "wrenn-default-NAME", and never the kernel of a context. (Where the
 * server has no sessions each handle makes one of its own.)
 *
 * A kernel runs one thing at a time. Calls on one handle take turns, in the order in which they were started; code of
 * others is waited for. Code is sent only to a kernel that is free, so nothing runs later than its call. */
#ifndef WRENN_CODE_H
#define WRENN_CODE_H

#include "wrenn/sandbox.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A handle on a kernel. Freeing it does not end the kernel. */
typedef struct wrenn_code_context wrenn_code_context;

/* One representation of a result. Values of JSON types come as JSON text, images in base64, as the kernel sent them. */
typedef struct wrenn_code_mime {
    const char *type; /* "text/plain", "image/png" */
    const char *data; /* with a NUL after it that does not count */
    size_t size;
} wrenn_code_mime;

/* Something to show: the value of the last expression (is_main), or what display() was given. As in a notebook, an
 * update (update_display_data) replaces the result with its display id, and clear_output() removes the output and
 * results so far. The results of an earlier call do not change any more: an update of one is a result of the call that
 * makes the update. What a notebook shows in its pager (in Python `len?`), or puts into a new cell, is a result too. */
typedef struct wrenn_code_result {
    int64_t is_main;
    const wrenn_code_mime *const *mimes; /* all its representations */
    size_t mimes_count;
} wrenn_code_result;

/* The error that ended the code, as the kernel reports it. */
typedef struct wrenn_code_error {
    const char *name; /* "ZeroDivisionError" */
    const char *value;
    const char *traceback; /* lines joined by newlines, with terminal colours as the kernel sent them; may be "" */
} wrenn_code_error;

/* What became of the code. Belongs to the caller as a whole; wrenn_code_execution_free(). Output is bytes: exact, of
 * the given size, with a NUL after it that does not count. */
typedef struct wrenn_code_execution {
    const char *text; /* text/plain of the main result; NULL without one */
    const char *stdout_data;
    size_t stdout_size;
    const char *stderr_data;
    size_t stderr_size;
    const wrenn_code_result *const *results;
    size_t results_count;
    const wrenn_code_error *error; /* NULL: it ran through */
    int64_t execution_count;       /* the kernel's number for it; 0: none */
    int64_t timed_out;             /* nonzero: time_limit_ms passed and the kernel was interrupted */
    int64_t still_running;         /* nonzero: and it ignored that; see wrenn_sandbox_run_code() */
} wrenn_code_execution;

/* Called as things arrive, from inside wrenn_client_dispatch() or the blocking call. What they point to is valid during
 * the call. They may do what all callbacks may (client.h). Each may be NULL. on_result is also called for updates, with
 * the new content. What clear_output() removes was reported before; its removal is not. */
typedef struct wrenn_code_callbacks {
    size_t struct_size; /* from WRENN_CODE_CALLBACKS_INIT */
    void (*on_stdout)(const char *data, size_t size, void *user_data);
    void (*on_stderr)(const char *data, size_t size, void *user_data);
    void (*on_result)(const wrenn_code_result *result, void *user_data);
    void (*on_error)(const wrenn_code_error *error, void *user_data);
    void *user_data;
} wrenn_code_callbacks;
#define WRENN_CODE_CALLBACKS_INIT \
    { sizeof(wrenn_code_callbacks), 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_code_callbacks_init(wrenn_code_callbacks *callbacks, size_t size);

typedef struct wrenn_sandbox_run_code_options {
    size_t struct_size; /* from WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT */
    wrenn_call_options call;
    const char *code;
    const char *kernel;          /* name of a kernel, which chooses the language; default: the server's */
    wrenn_code_context *context; /* instead of kernel */
    int64_t time_limit_ms;       /* for the code; default 30,000. Then the kernel is interrupted. */
    int64_t start_timeout_ms;    /* for the Jupyter server and the kernel to come up and be free; default 60,000 */
    const wrenn_code_callbacks *callbacks; /* copied */
} wrenn_sandbox_run_code_options;
#define WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_run_code_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_run_code_options_init(wrenn_sandbox_run_code_options *options, size_t size);

/* Runs code in a kernel and waits for its end. An error in the code is a result. So is a timeout, with what came until
 * then: the kernel is interrupted and has 5 s to obey, so the call may last that much longer than time_limit_ms. If it
 * does not obey, still_running is set too: the code goes on, and later calls wait for it; restart the kernel
 * (wrenn_code_context_restart(), with WRENN_SANDBOX_CODE_CONTEXT_DEFAULT for calls without a context) or use another
 * context.
 *
 * Blocks, up to start_timeout_ms + time_limit_ms + 15 s. Never repeated by the library. When a call is cancelled or
 * fails after its code has begun, the client interrupts the code in the background, while the program uses the client,
 * or within wrenn_client_free(). The caller frees *execution.
 *
 * Fails with WRENN_E_TIMEOUT (the kernel was not there and free within start_timeout_ms, or had not begun the code
 * within time_limit_ms: the code was not run, unless the message says that it may still run), WRENN_E_NOT_FOUND (no
 * such kernel or sandbox), WRENN_E_CONFLICT (the sandbox does not run), WRENN_E_AGENT (nothing answers on port 8888; the
 * kernel died or was restarted; or it had died, or others had restarted it, since it last ran code, so that its state is
 * lost: then the code is not run, once), WRENN_E_CONNECTION_LOST (the code may have run), WRENN_E_LIMIT (output, or one
 * message of the kernel, over max_response_bytes of the client options). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_run_code(wrenn_sandbox *sandbox,
                                                     const wrenn_sandbox_run_code_options *options,
                                                     wrenn_code_execution **execution, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_run_code_start(wrenn_sandbox *sandbox,
                                                           const wrenn_sandbox_run_code_options *options,
                                                           wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                           wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_run_code_finish(wrenn_op *op, wrenn_code_execution **execution,
                                                            wrenn_error **error);

/* wrenn_sandbox_code_context_options.flags; 0 makes a new kernel. REUSE: any kernel of that name that is there already
 * will do. DEFAULT: the kernel of wrenn_sandbox_run_code() without a context, so that it can be interrupted and
 * restarted. */
enum { WRENN_SANDBOX_CODE_CONTEXT_REUSE = 1, WRENN_SANDBOX_CODE_CONTEXT_DEFAULT = 2 };

typedef struct wrenn_sandbox_code_context_options {
    size_t struct_size; /* from WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT */
    wrenn_call_options call;
    const char *kernel;       /* default: the server's */
    uint64_t flags;           /* WRENN_SANDBOX_CODE_CONTEXT_* */
    int64_t start_timeout_ms; /* for the Jupyter server and the kernel to come up; default 60,000 */
} wrenn_sandbox_code_context_options;
#define WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_code_context_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_code_context_options_init(wrenn_sandbox_code_context_options *options, size_t size);

/* Makes a kernel, or finds one (Jupyter: POST /api/kernels; GET /api/kernels; POST /api/sessions). `options` may be
 * NULL. Blocks, up to start_timeout_ms; a default kernel that the sandbox handle knows is given at once, busy or not.
 * The caller owns *context: wrenn_code_context_delete() ends its kernel, wrenn_code_context_free() frees the handle.
 * Errors as above. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_code_context(wrenn_sandbox *sandbox,
                                                         const wrenn_sandbox_code_context_options *options,
                                                         wrenn_code_context **context, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_code_context_start(wrenn_sandbox *sandbox,
                                                               const wrenn_sandbox_code_context_options *options,
                                                               wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                               wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_code_context_finish(wrenn_op *op, wrenn_code_context **context,
                                                                wrenn_error **error);

/* Interrupts what the kernel runs (POST /api/kernels/{id}/interrupt): it ends with an error of the language, in Python
 * KeyboardInterrupt. Blocks (30 s). */
WRENN_API WRENN_NODISCARD int wrenn_code_context_interrupt(wrenn_code_context *context,
                                                           const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_code_context_interrupt_start(wrenn_code_context *context,
                                                                 const wrenn_call_options *options, wrenn_done_fn done,
                                                                 void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_code_context_interrupt_finish(wrenn_op *op, wrenn_error **error);

/* Starts the kernel anew (POST /api/kernels/{id}/restart), also one that ignores interrupts; its state is lost, and a
 * call whose code it runs fails with WRENN_E_AGENT. Blocks (60 s). */
WRENN_API WRENN_NODISCARD int wrenn_code_context_restart(wrenn_code_context *context, const wrenn_call_options *options,
                                                         wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_code_context_restart_start(wrenn_code_context *context,
                                                               const wrenn_call_options *options, wrenn_done_fn done,
                                                               void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_code_context_restart_finish(wrenn_op *op, wrenn_error **error);

/* Ends the kernel if this context made it (DELETE /api/kernels/{id}), not one that it found. Calling it again is fine.
 * Blocks (30 s). */
WRENN_API WRENN_NODISCARD int wrenn_code_context_delete(wrenn_code_context *context, const wrenn_call_options *options,
                                                        wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_code_context_delete_start(wrenn_code_context *context,
                                                              const wrenn_call_options *options, wrenn_done_fn done,
                                                              void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_code_context_delete_finish(wrenn_op *op, wrenn_error **error);

/* The id and the name of its kernel; valid as long as the context, for a default kernel until the next call on the
 * sandbox handle. The id is NULL when a default kernel is gone, and not yet made anew. */
WRENN_API const char *wrenn_code_context_id(const wrenn_code_context *context);
WRENN_API const char *wrenn_code_context_kernel(const wrenn_code_context *context);

/* The representation of a MIME type, or NULL. */
WRENN_API const wrenn_code_mime *wrenn_code_result_mime(const wrenn_code_result *result, const char *type);

/* Each frees the whole object; NULL is fine. A context's kernel goes on; operations under way too. */
WRENN_API void wrenn_code_execution_free(wrenn_code_execution *execution);
WRENN_API void wrenn_code_context_free(wrenn_code_context *context);

#ifdef __cplusplus
}
#endif

#endif
