/* One sandbox: life cycle. Commands are in wrenn/exec.h.
 *
 * A handle belongs to its client and is used from the same thread. */
#ifndef WRENN_SANDBOX_H
#define WRENN_SANDBOX_H

#include "wrenn/sandboxes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A handle on a sandbox whose id is known, without asking the server. Does not block. The caller frees *sandbox. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_from_id(wrenn_client *client, const char *id, wrenn_sandbox **sandbox,
                                                    wrenn_error **error);

/* Another handle on the same sandbox, through which commands and terminals run, and files are accessed, as `user`: a
 * name or number, or either with ":GROUP". A `user` in options takes precedence. Relative paths start at that user's
 * home. Code and ports have no user. Does not block, and does not check the user: the operations on the handle fail
 * with WRENN_E_VALIDATION if the sandbox does not have it. Servers other than wrennd ignore it. The caller frees *as,
 * in any order. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_as_user(wrenn_sandbox *sandbox, const char *user, wrenn_sandbox **as,
                                                    wrenn_error **error);

/* The id; valid as long as the handle. */
WRENN_API const char *wrenn_sandbox_id(const wrenn_sandbox *sandbox);
/* What the server's last response to an operation on this handle said of the sandbox; NULL before the first. Valid
 * until the next operation on the handle ends. */
WRENN_API const wrenn_sandbox_info *wrenn_sandbox_last_info(const wrenn_sandbox *sandbox);

/* wrenn_sandbox_wait_ready_options.flags. RESUME: a paused sandbox is resumed instead of reported as a failure. */
enum { WRENN_SANDBOX_WAIT_READY_RESUME = 1 };

typedef struct wrenn_sandbox_wait_ready_options {
    size_t struct_size; /* from WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT */
    wrenn_call_options call;
    int64_t interval_ms; /* between two looks; default 500 */
    uint64_t flags;      /* WRENN_SANDBOX_WAIT_READY_* */
} wrenn_sandbox_wait_ready_options;
#define WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_wait_ready_options), WRENN_CALL_OPTIONS_ZERO, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_wait_ready_options_init(wrenn_sandbox_wait_ready_options *options, size_t size);

/* Waits until the sandbox runs, looking with GET /v1/sandboxes/{id}. `options` may be NULL. Blocks. Until the time is
 * up it tolerates answers of 429, 500 and above, broken connections, up to two malformed responses in a row, and the
 * status missing: the platform gives it while it hears nothing of the sandbox's host, which may come back. Fails at
 * once with WRENN_E_CONFLICT when the sandbox will not run by itself (paused, stopped, error), and with the server's
 * error for anything else; with WRENN_E_TIMEOUT when the time is up. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_wait_ready(wrenn_sandbox *sandbox,
                                                       const wrenn_sandbox_wait_ready_options *options,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_wait_ready_start(wrenn_sandbox *sandbox,
                                                             const wrenn_sandbox_wait_ready_options *options,
                                                             wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                             wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_wait_ready_finish(wrenn_op *op, wrenn_error **error);

/* Tells the server that the sandbox is in use, which restarts its idle timer (POST .../ping). Blocks (30 s). Fails with
 * WRENN_E_CONFLICT when it does not run. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_ping(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                 wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_ping_start(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                       wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_ping_finish(wrenn_op *op, wrenn_error **error);

/* Sets when the server destroys the sandbox (POST .../lifetime): `lifetime_sec` seconds from now, whatever it was
 * before; 0: never. Works on paused sandboxes too. Blocks (30 s). wrenn_sandbox_last_info() has the new `expires_at`
 * then. Fails with WRENN_E_CONFLICT when it is gone, or being destroyed already; WRENN_E_NOT_FOUND also with servers
 * that know no lifetimes (all but wrennd). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_set_lifetime(wrenn_sandbox *sandbox, int64_t lifetime_sec,
                                                         const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_set_lifetime_start(wrenn_sandbox *sandbox, int64_t lifetime_sec,
                                                               const wrenn_call_options *options, wrenn_done_fn done,
                                                               void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_set_lifetime_finish(wrenn_op *op, wrenn_error **error);

/* Changes labels of the sandbox (PATCH .../metadata): those in `set` ("NAME=value" each) are added or get another value, those
 * whose names are in `remove` are removed if they are there, all others stay. Either ends with NULL, and may be NULL. Bounds
 * are those of wrenn_sandboxes_create_options.metadata, for what comes out of it. Works on paused sandboxes too. Blocks (30 s).
 * wrenn_sandbox_last_info() has the new labels then. Fails with WRENN_E_VALIDATION; WRENN_E_CONFLICT when the sandbox is gone, or another
 * one has that label "name"; WRENN_E_NOT_FOUND also with servers that change no labels (all but wrennd). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_update_metadata(wrenn_sandbox *sandbox, const char *const *set,
                                                            const char *const *remove,
                                                            const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_update_metadata_start(wrenn_sandbox *sandbox, const char *const *set,
                                                                  const char *const *remove,
                                                                  const wrenn_call_options *options, wrenn_done_fn done,
                                                                  void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_update_metadata_finish(wrenn_op *op, wrenn_error **error);

typedef struct wrenn_sandbox_fork_options {
    size_t struct_size; /* from WRENN_SANDBOX_FORK_OPTIONS_INIT */
    wrenn_call_options call;
    int64_t count;        /* of copies; default 1, at most 32 */
    int64_t lifetime_sec; /* of each copy, as in a create; default: as the sandbox's, which begins anew; -1: none */
    /* Labels of the copies, "NAME=value" each, NULL at the end, beside those of the sandbox but "name". A "name" here gets "-1",
     * "-2" and so on when there is more than one copy. */
    const char *const *metadata;
} wrenn_sandbox_fork_options;
#define WRENN_SANDBOX_FORK_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_fork_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_fork_options_init(wrenn_sandbox_fork_options *options, size_t size);

/* Makes running copies of a running sandbox (POST .../fork): with its memory, its processes, its disk and its network policy, and
 * with ids, host names and random numbers of their own. The sandbox stands still for a moment. Its commands and their output stay
 * its own; in the copies they go on, those in the background as commands of the copy, others unheard. All copies are made, or
 * none. `options` may be NULL. Blocks (120 s). The caller frees *list; wrenn_sandboxes_get() gives handles. Fails with
 * WRENN_E_API when it is not a virtual machine (the message has the remedy), WRENN_E_CONFLICT (it does not run, or a
 * name is taken), WRENN_E_HOST_UNAVAILABLE (no room), and WRENN_E_NOT_FOUND also with servers that fork nothing (all but
 * wrennd). wrennd removes copies when it finds the client gone before it answers, as after a fork that was given up; if its answer
 * was on the way already, they are there: look with wrenn_sandboxes_list(). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_fork(wrenn_sandbox *sandbox, const wrenn_sandbox_fork_options *options,
                                                 wrenn_sandbox_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_fork_start(wrenn_sandbox *sandbox,
                                                       const wrenn_sandbox_fork_options *options, wrenn_done_fn done,
                                                       void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_fork_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error);

/* Holds the lease of a sandbox that was created with `lease_sec` (GET .../lease), so that it goes on when the client that
 * made it is gone: of this process, which was started again, or of another one. Lasts until the sandbox is destroyed, which
 * is success, or until it is cancelled; then the lease runs out unless somebody else holds it. So the form that blocks waits
 * for the end of the sandbox, and _start (whose `done` may be NULL) is for programs with other things to do. When the connection
 * is cut, or silent for `idle_timeout_ms` of the client, it is made again. `timeout_ms` of the options is for the beginning
 * only. Fails, then too, with WRENN_E_VALIDATION when the sandbox has no lease, with WRENN_E_CONFLICT when it is gone
 * already, with WRENN_E_NOT_FOUND also on servers that have no leases (all but wrennd), and with the error of a connection that can't be
 * made at first. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_hold(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                 wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_hold_start(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                       wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_hold_finish(wrenn_op *op, wrenn_error **error);

/* wrenn_sandbox_pause_options.flags and wrenn_sandbox_resume_options.flags. WAIT: also waits until the sandbox is paused, or runs
 * again, should the server answer before. HIBERNATE: its memory goes to the disk, and takes none until it is resumed, some tenths of a
 * second later than otherwise; it may be paused already. Only virtual machines of a local server can; others, which are not
 * changed, fail with WRENN_E_API. When its memory can not be written, as on a full disk, it stays paused: WRENN_E_INTERNAL. */
enum { WRENN_SANDBOX_PAUSE_WAIT = 1, WRENN_SANDBOX_RESUME_WAIT = 1, WRENN_SANDBOX_PAUSE_HIBERNATE = 2 };

typedef struct wrenn_sandbox_pause_options {
    size_t struct_size; /* from WRENN_SANDBOX_PAUSE_OPTIONS_INIT */
    wrenn_call_options call;
    uint64_t flags; /* WRENN_SANDBOX_PAUSE_* */
} wrenn_sandbox_pause_options;
#define WRENN_SANDBOX_PAUSE_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_pause_options), WRENN_CALL_OPTIONS_ZERO, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_pause_options_init(wrenn_sandbox_pause_options *options, size_t size);

typedef struct wrenn_sandbox_resume_options {
    size_t struct_size; /* from WRENN_SANDBOX_RESUME_OPTIONS_INIT */
    wrenn_call_options call;
    uint64_t flags; /* WRENN_SANDBOX_RESUME_* */
} wrenn_sandbox_resume_options;
#define WRENN_SANDBOX_RESUME_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_resume_options), WRENN_CALL_OPTIONS_ZERO, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_resume_options_init(wrenn_sandbox_resume_options *options, size_t size);

/* Freezes a sandbox that runs, with all its processes (POST .../pause). `options` may be NULL. Blocks (120 s) until the
 * server answers: most servers answer when it is paused, newer ones before that. wrenn_sandbox_last_info() has the
 * answer. Fails with WRENN_E_CONFLICT when it does not run, or went on running; WRENN_E_AGENT. Never repeated by the
 * library. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pause(wrenn_sandbox *sandbox, const wrenn_sandbox_pause_options *options,
                                                  wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pause_start(wrenn_sandbox *sandbox,
                                                        const wrenn_sandbox_pause_options *options, wrenn_done_fn done,
                                                        void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_pause_finish(wrenn_op *op, wrenn_error **error);

/* Lets a paused sandbox go on (POST .../resume). `options` may be NULL. Blocks (120 s), as wrenn_sandbox_pause() does.
 * Fails with WRENN_E_CONFLICT when it is not paused, or was paused again; WRENN_E_AGENT. Never repeated by the
 * library. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_resume(wrenn_sandbox *sandbox, const wrenn_sandbox_resume_options *options,
                                                   wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_resume_start(wrenn_sandbox *sandbox,
                                                         const wrenn_sandbox_resume_options *options,
                                                         wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                         wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_resume_finish(wrenn_op *op, wrenn_error **error);

/* Destroys the sandbox (DELETE /v1/sandboxes/{id}); one that is destroyed already is fine. Blocks (30 s). The handle
 * stays and is freed with wrenn_sandbox_free(). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_destroy(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                    wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_destroy_start(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                          wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                          wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_destroy_finish(wrenn_op *op, wrenn_error **error);

/* Frees the handle, not the sandbox. Operations under way go on. NULL is fine. */
WRENN_API void wrenn_sandbox_free(wrenn_sandbox *sandbox);

/* Destroys the sandbox, unless it was destroyed through this handle already, and frees the handle. Blocks. A failure is
 * only reported to the client's log, as a warning. Where a sandbox that goes on would cost something, call
 * wrenn_sandbox_destroy(), or set wrenn_client_options.log. NULL is fine. Called from inside a callback it only frees
 * the handle, and reports that to the log. */
WRENN_API void wrenn_sandbox_close(wrenn_sandbox *sandbox);

/* With gcc and clang: `wrenn_autodestroy(sandbox);` declares a wrenn_sandbox *sandbox, NULL at first, that is closed as
 * by wrenn_sandbox_close() when the scope is left. Elsewhere call wrenn_sandbox_close() yourself. */
#if defined(__GNUC__)
static inline void wrenn_sandbox_closep(wrenn_sandbox **sandbox) { wrenn_sandbox_close(*sandbox); }
#define wrenn_autodestroy(name) __attribute__((cleanup(wrenn_sandbox_closep))) wrenn_sandbox *name = NULL
#endif

#ifdef __cplusplus
}
#endif

#endif
