/* Commands in a sandbox. */
#ifndef WRENN_EXEC_H
#define WRENN_EXEC_H

#include "wrenn/sandbox.h"
#include "wrenn/stream.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A command, as wrenn_sandbox_exec(), wrenn_sandbox_exec_stream(), wrenn_sandbox_spawn() and wrenn_sandbox_pty() take
 * it. Zero and NULL mean the default. A call fails with WRENN_E_INVALID_ARGUMENT when a member is set that it does not
 * use. */
typedef struct wrenn_command {
    size_t struct_size; /* from WRENN_COMMAND_INIT */
    /* Either the program and its arguments, NULL at the end. No shell parses them: "echo a; echo b" would be the name
     * of one program. */
    const char *const *argv;
    /* Or a line for /bin/sh -c. Exactly one of the two; a terminal may have neither, and runs /bin/bash, or /bin/sh
     * where there is no bash. */
    const char *shell;
    /* "NAME=value", NULL at the end; added to the sandbox's own. A terminal's has TERM=xterm-256color unless it is set
     * here. Servers that ignore envs and cwd (all but wrennd and the newest) get them as words of the command line:
     * `/usr/bin/env -- NAME=value ... program`, and for cwd a small /bin/sh around it. The words of argv stay exact;
     * the process only executes another program first. */
    const char *const *envs;
    /* Default: the user's home; a relative path starts at the root. WRENN_E_VALIDATION when it can't be entered; with
     * exec_stream, on servers that get it as words, a line of stderr text and exit code 125 instead. */
    const char *cwd;
    /* Who runs it: a name or number, or either with ":GROUP". Default: the user of the handle, if it is one of
     * wrenn_sandbox_as_user(), else the template's, else root. One that the sandbox does not have is
     * WRENN_E_VALIDATION; servers other than wrennd ignore it. */
    const char *user;
    /* exec only: how long it may run, rounded up to seconds; default 30,000. Then wrennd kills it with all its
     * children, and the call fails with WRENN_E_AGENT; the platform of the sandbox era kills the command alone.
     * Capsule-era servers (v0.1.5) kill nothing: the call fails, after 45 s without an answer in any case, and the
     * command goes on. */
    int64_t time_limit_ms;
    /* exec_stream only. 1: its standard input is what wrenn_stream_write() sends, until wrenn_stream_close_input();
     * needs a server that speaks wrenn.bytes.v1. 0: it is /dev/null. */
    int64_t want_stdin;
    int64_t cols, rows; /* pty only: the terminal's size; default 80 and 24 */
    const char *tag;    /* spawn only: a name, not all digits (a pid is); default: the server makes one up */
} wrenn_command;
#define WRENN_COMMAND_INIT \
    { sizeof(wrenn_command), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_command_init(wrenn_command *command, size_t size);

/* The result of a command. Output is bytes: exact, of the given size, with a NUL after it that does not count. */
typedef struct wrenn_exec_result {
    int64_t exit_code;   /* 0 to 255; -1 when a signal ended it */
    int64_t duration_ms; /* as the server measured it */
    const char *stdout_data;
    size_t stdout_size;
    const char *stderr_data;
    size_t stderr_size;
    int64_t signal;     /* the number of the signal that ended it; 0: none did, or the server does not say */
    int64_t oom_killed; /* 1: it failed while the sandbox was out of memory and the kernel killed something in it */
    int64_t output_cut; /* 1: a process that it left running had its output open; what that writes later is missing */
} wrenn_exec_result;

/* Runs a command and waits for it (POST /v1/sandboxes/{id}/exec). Blocks. Never repeated by the library. The caller
 * frees *result with wrenn_exec_result_free(). A program that does not exist gives exit code 127, one that can't be
 * executed 126. Output of processes that the command left running is waited for while it flows, some seconds at most.
 * Fails with WRENN_E_CONFLICT (the sandbox does not run), WRENN_E_AGENT (also when time_limit_ms passed;
 * wrenn_error_exec_result() may then have the output so far), WRENN_E_CONNECTION_LOST (it may have run). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec(wrenn_sandbox *sandbox, const wrenn_command *command,
                                                 const wrenn_call_options *options, wrenn_exec_result **result,
                                                 wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec_start(wrenn_sandbox *sandbox, const wrenn_command *command,
                                                       const wrenn_call_options *options, wrenn_done_fn done,
                                                       void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec_finish(wrenn_op *op, wrenn_exec_result **result, wrenn_error **error);

/* The output up to the failure of wrenn_sandbox_exec(), if the server sent it (wrennd does when the time was up or the
 * sandbox ended); exit_code is -1. When the program of a wrenn_sandbox_spawn() could not be started, exit_code is 127 or
 * 126, as for wrenn_sandbox_exec(), and there is no output. NULL when nothing is known. Belongs to the error. */
WRENN_API const wrenn_exec_result *wrenn_error_exec_result(const wrenn_error *error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_exec_result_free(wrenn_exec_result *result);

/* Runs a command and streams its output (WebSocket /v1/sandboxes/{id}/exec/stream). Blocks until it has started: the
 * pid is known then, and the first event is WRENN_EVENT_STARTED. wrennd sets no time limit for the command; v0.1.5 of
 * the platform cuts the stream after 600 s, which is WRENN_E_CONNECTION_LOST or another error, and the command goes on.
 * The caller owns *stream. Fails with WRENN_E_CONFLICT (the sandbox does not run), WRENN_E_NOT_FOUND,
 * WRENN_E_UNSUPPORTED (the server has no standard input for commands), WRENN_E_API and children for what can't be
 * started. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec_stream(wrenn_sandbox *sandbox, const wrenn_command *command,
                                                        const wrenn_call_options *options, wrenn_stream **stream,
                                                        wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec_stream_start(wrenn_sandbox *sandbox, const wrenn_command *command,
                                                              const wrenn_call_options *options, wrenn_done_fn done,
                                                              void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_exec_stream_finish(wrenn_op *op, wrenn_stream **stream,
                                                               wrenn_error **error);

#ifdef __cplusplus
}
#endif

#endif
