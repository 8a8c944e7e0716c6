/* Sandboxes as a collection: /v1/sandboxes (or /v1/capsules, as the server has it). */
#ifndef WRENN_SANDBOXES_H
#define WRENN_SANDBOXES_H

#include "wrenn/client.h"
#include "wrenn/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A handle on one sandbox: see wrenn/sandbox.h. Freeing it does not destroy the sandbox. */
typedef struct wrenn_sandbox wrenn_sandbox;

/* Belongs to the caller as a whole; wrenn_sandbox_list_free(). */
typedef struct wrenn_sandbox_list {
    const wrenn_sandbox_info *const *items;
    size_t count;
} wrenn_sandbox_list;

/* wrenn_create_options.flags. WAIT: also waits until the sandbox runs, should the server answer before; if that fails,
 * the sandbox is destroyed again. Temporary failures meanwhile (broken connections, answers of 429 or 500 and above, up
 * to two malformed responses in a row) are tolerated, as in wrenn_sandbox_wait_ready() and all other waits. */
#define WRENN_CREATE_WAIT UINT64_C(1)

typedef struct wrenn_create_options {
    size_t struct_size;        /* from WRENN_CREATE_OPTIONS_INIT */
    const char *template_name; /* default: the server's ("minimal") */
    int64_t vcpus;             /* default: the server's (1) */
    int64_t memory_mb;         /* MiB; default: the server's (512) */
    int64_t idle_timeout_sec;  /* seconds without activity until the server pauses it; default: never */
    int64_t timeout_ms;        /* for the whole operation; default: the client's, else 120,000 */
    uint64_t flags;            /* WRENN_CREATE_* */
    /* Sent as the header Idempotency-Key: wrennd gives the same sandbox to calls with the same key for 24 hours, so that a
     * create whose outcome is unknown can be repeated, by another process too. Others ignore it. 1 to 255 visible ASCII
     * characters; default: one of the library's own, for its own repetitions. With a key of yours a create that is given
     * up is not cleaned up after: what it made is for whoever asks again. */
    const char *idempotency_key;
    /* Labels for the sandbox, for your own use: wrenn_sandbox_info.metadata has them wherever it is shown, and they never
     * change. wrennd and newer servers take 20 of them, names of 1 to 64 letters, digits, ".", "_" and "-", and UTF-8
     * values of 64 characters, and refuse others with WRENN_E_VALIDATION; v0.1.5 of the platform and older ones ignore
     * them. Copied. */
    const wrenn_pair *metadata;
    size_t metadata_count;
} wrenn_create_options;
#define WRENN_CREATE_OPTIONS_INIT \
    { sizeof(wrenn_create_options), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* Creates a sandbox (POST /v1/sandboxes) and gives a handle on it. `options` may be NULL. Blocks until it runs. The
 * caller owns *sandbox: wrenn_sandbox_destroy() ends the sandbox, wrenn_sandbox_free() frees the handle. Fails with
 * WRENN_E_NOT_FOUND (no such template), WRENN_E_HOST_UNAVAILABLE (nothing free), WRENN_E_CONNECTION_LOST.
 *
 * When the answer is lost, the library asks again with the same idempotency key, if the server obeys that (wrennd does);
 * with other servers it is never repeated, and the sandbox may exist: look with wrenn_sandboxes_list(). A create that is
 * cancelled (also when it is over already, unless _finish is called all the same), out of time or lost for good leaves a clean-up behind, which goes on in the client for 120 s at most while
 * the program uses it (any dispatch or blocking call), and for 10 s at most in wrenn_client_free(): it waits for the
 * answer, or asks for it again, and destroys the sandbox. What remains is a sandbox whose create is lost with a server that
 * obeys no key, or cut short by the end of the process. */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_create(wrenn_client *client, const wrenn_create_options *options,
                                                     wrenn_sandbox **sandbox, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_create_start(wrenn_client *client, const wrenn_create_options *options,
                                                           wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                           wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_create_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error);

/* The team's sandboxes, newest first, without those that are stopped or failed (GET /v1/sandboxes). Blocks (30 s). The
 * caller frees *list. */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_list(wrenn_client *client, wrenn_sandbox_list **list,
                                                   wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_list_start(wrenn_client *client, wrenn_done_fn done, void *user_data,
                                                         wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_list_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error);

/* Looks a sandbox up (GET /v1/sandboxes/{id}) and gives a handle on it, with what the server said in
 * wrenn_sandbox_get_info(). Blocks (30 s). The caller frees *sandbox. Fails with WRENN_E_NOT_FOUND,
 * WRENN_E_VALIDATION (malformed id). */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_get(wrenn_client *client, const char *id, wrenn_sandbox **sandbox,
                                                  wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_get_start(wrenn_client *client, const char *id, wrenn_done_fn done,
                                                        void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_get_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error);

typedef struct wrenn_connect_options {
    size_t struct_size;  /* from WRENN_CONNECT_OPTIONS_INIT */
    int64_t timeout_ms;  /* for the whole operation; default: the client's, else 120,000 */
    int64_t interval_ms; /* between two looks; default 500 */
} wrenn_connect_options;
#define WRENN_CONNECT_OPTIONS_INIT \
    { sizeof(wrenn_connect_options), 0, 0 }

/* Gives a handle on a sandbox that runs: looks it up (GET /v1/sandboxes/{id}), resumes it when it is paused (POST
 * .../resume) and waits until it runs. `options` may be NULL. Blocks (120 s). The caller frees *sandbox. Fails with
 * WRENN_E_NOT_FOUND, WRENN_E_CONFLICT (it is stopped or failed), WRENN_E_TIMEOUT, and with the error of a
 * resume that failed. Once the sandbox was found, temporary failures are tolerated, as in wrenn_sandbox_wait_ready(). */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_connect(wrenn_client *client, const char *id,
                                                      const wrenn_connect_options *options, wrenn_sandbox **sandbox,
                                                      wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_connect_start(wrenn_client *client, const char *id,
                                                            const wrenn_connect_options *options, wrenn_done_fn done,
                                                            void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_connect_finish(wrenn_op *op, wrenn_sandbox **sandbox,
                                                             wrenn_error **error);

/* Destroys a sandbox by id (DELETE /v1/sandboxes/{id}), in whatever status; again is fine. Blocks (30 s). Fails with
 * WRENN_E_NOT_FOUND when the team never had it. */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_destroy(wrenn_client *client, const char *id, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_destroy_start(wrenn_client *client, const char *id, wrenn_done_fn done,
                                                            void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_destroy_finish(wrenn_op *op, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_sandbox_list_free(wrenn_sandbox_list *list);

#ifdef __cplusplus
}
#endif

#endif
