/* Commands in a sandbox. */
#ifndef WRENN_EXEC_H
#define WRENN_EXEC_H

#include "wrenn/sandbox.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wrenn_exec_options {
    size_t struct_size; /* from WRENN_EXEC_OPTIONS_INIT */
    /* Either the program and its arguments, NULL at the end. No shell looks at them: "echo a; echo b" is one odd name. */
    const char *const *argv;
    /* Or a line for /bin/sh -c. Exactly one of the two. */
    const char *shell;
    const char *const *envs; /* "NAME=value", NULL at the end; added to the sandbox's own */
    const char *cwd;         /* default: the user's home */
    int64_t exec_timeout_ms; /* for the command, rounded up to seconds; default 30,000. Then it is killed. */
    int64_t timeout_ms;      /* for the whole operation; default: exec_timeout_ms + 15,000 */
} wrenn_exec_options;
#define WRENN_EXEC_OPTIONS_INIT \
    { sizeof(wrenn_exec_options), 0, 0, 0, 0, 0, 0 }

/* What a command left behind. Output is bytes: exact, of the given size, with a NUL after it that does not count. */
typedef struct wrenn_exec_result {
    int64_t exit_code;   /* 0 to 255; -1 when a signal ended it */
    int64_t duration_ms; /* as the server measured it */
    const char *stdout_data;
    size_t stdout_size;
    const char *stderr_data;
    size_t stderr_size;
} wrenn_exec_result;

/* Runs a command and waits for it (POST /v1/sandboxes/{id}/exec). Blocks. Never repeated by the library. The caller frees
 * *result with wrenn_exec_result_free(). A program that does not exist gives exit code 127, one that can't be executed
 * 126. Fails with WRENN_E_CONFLICT (the sandbox does not run), WRENN_E_AGENT (also when exec_timeout_ms passed; wrennd
 * then puts the output so far into wrenn_error_body()), WRENN_E_CONNECTION_LOST (it may have run). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec(wrenn_sandbox *sandbox, const wrenn_exec_options *options,
                                                 wrenn_exec_result **result, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec_start(wrenn_sandbox *sandbox, const wrenn_exec_options *options,
                                                       wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec_finish(wrenn_op *op, wrenn_exec_result **result, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_exec_result_free(wrenn_exec_result *result);

#ifdef __cplusplus
}
#endif

#endif
