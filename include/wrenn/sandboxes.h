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
    size_t items_count;
    /* Of wrenn_sandboxes_query() with a limit: what `after` must be for the next page; NULL: this was the last one. */
    const char *next;
} wrenn_sandbox_list;

/* wrenn_sandboxes_create_options.flags. WAIT: also waits until the sandbox runs, should the server answer before; if
 * that fails, the sandbox is destroyed again. Temporary failures meanwhile (broken connections, answers of 429 or 500
 * and above, up to two malformed responses in a row) are tolerated, as in wrenn_sandbox_wait_ready() and all other
 * waits. */
enum { WRENN_SANDBOXES_CREATE_WAIT = 1 };

/* wrenn_sandboxes_create_options.isolation, each stronger than those before. */
enum {
    WRENN_ISOLATION_ANY = 0,       /* what the server has */
    WRENN_ISOLATION_NAMESPACE = 1, /* namespaces of a kernel that all sandboxes share with the host */
    WRENN_ISOLATION_VM = 2         /* a virtual machine, with a kernel of its own */
};

/* What a sandbox may reach: wrenn_sandboxes_create_options.egress. */
enum {
    WRENN_EGRESS_DEFAULT =
        0, /* ALLOWLIST with an `allow`, a preset or an `inject`; otherwise what the server's operator has set, mostly NONE,
            * or, when the four below are not set either, the policy that a snapshot keeps of its sandbox */
    WRENN_EGRESS_NONE = 1,      /* nothing */
    WRENN_EGRESS_ALLOWLIST = 2, /* what `allow`, `presets` and `inject` name */
    WRENN_EGRESS_PUBLIC = 3     /* all public addresses, but for what `deny` names */
};

typedef struct wrenn_sandboxes_create_options {
    size_t struct_size; /* from WRENN_SANDBOXES_CREATE_OPTIONS_INIT */
    wrenn_call_options call;
    const char *template_name; /* default: the server's ("minimal") */
    int64_t vcpus;             /* default: the server's (1) */
    int64_t memory_mb;         /* MiB; default: the server's (512) */
    int64_t idle_timeout_sec;  /* seconds without activity until the server pauses it; default: never */
    uint64_t flags;            /* WRENN_SANDBOXES_CREATE_* */
    /* Labels for the sandbox, for your own use: "NAME=value", NULL at the end. wrenn_sandbox_info.metadata has them wherever
     * it is shown, wrenn_sandboxes_query() finds it by them, wrenn_sandbox_update_metadata() changes them. With wrennd, no
     * two sandboxes of a team have the same value of the label "name", unless that is empty: WRENN_E_CONFLICT names the
     * other one. wrennd and newer servers take 20 of them, names of 1 to 64 letters, digits, ".",
     * "_" and "-", and UTF-8 values of 64 characters, and refuse others with WRENN_E_VALIDATION; v0.1.5 of the platform and
     * older ones ignore them. */
    const char *const *metadata;
    /* WRENN_ISOLATION_*: the weakest isolation that is accepted. A server whose isolation is weaker refuses with
     * WRENN_E_CONFLICT, and nothing is made; wrennd has namespaces. With servers that do not announce that they obey
     * this (all but wrennd), the create fails with WRENN_E_UNSUPPORTED and makes nothing. wrenn_sandbox_info.isolation
     * says what a sandbox has. */
    int64_t isolation;
    /* Seconds from the create until the server destroys it, running or paused, and also when this program is gone;
     * default: never. wrenn_sandbox_set_lifetime() renews it, wrenn_sandbox_info.expires_at says when it ends. With
     * servers that do not announce that they obey this (all but wrennd), the create fails with WRENN_E_UNSUPPORTED and
     * makes nothing. */
    int64_t lifetime_sec;
    /* Gives the sandbox a lease of this many seconds, which this client holds over a connection of its own until the
     * client is freed. When nobody holds it any more, because the process is gone or the server can't be reached, the
     * server destroys the sandbox after that time. A restart of the server begins the time anew, and the client connects
     * again as soon as the program uses it (any dispatch or blocking call). A child of fork() that runs no other program
     * holds the lease, too; other clients hold it with wrenn_sandbox_hold(). Default: no lease. With servers that do not
     * announce that they obey this (all but wrennd), the create fails with WRENN_E_UNSUPPORTED and makes nothing. */
    int64_t lease_sec;
    /* WRENN_EGRESS_*. What a server can't give is refused with WRENN_E_CONFLICT, and a malformed entry below with
     * WRENN_E_VALIDATION; nothing is made then. With servers that do not announce that they obey these five (all but wrennd), the
     * create fails with WRENN_E_UNSUPPORTED and makes nothing. wrenn_sandbox_network_get() says what is in force. */
    int64_t egress;
    /* Names and addresses, NULL at the end: "pypi.org", "*.pythonhosted.org:443", "203.0.113.0/24:1000-2000",
     * "ntp.example.org:123/udp". A "*." stands for any depth, but not for the name itself. Without ports all are meant, without
     * "/udp" only TCP. What is denied stays denied, whatever else allows it. */
    const char *const *allow;
    const char *const *deny; /* the same */
    /* Lists of names that the server knows, NULL at the end: "python", "node", "debian", "github" ... */
    const char *const *presets;
    /* Headers that requests get on their way, with secrets that the sandbox does not know (wrenn_secrets_set()), NULL at the end:
     * "HOST[:PORT]:HEADER=SECRET", such as "api.example.com:Authorization=key". Allows the host, whose TLS the server ends; see
     * docs/guide/network.md. A secret that is not there is WRENN_E_CONFLICT. Only a sandbox that was made with some can get others later. */
    const char *const *inject;
    /* Size of its own disk in MiB, 64 to 1048576: what does not fit fails inside with ENOSPC, and nothing else happens. It takes
     * up room where the server runs as it is written. Only virtual machines have one, so this asks for one as `isolation` does: where
     * a server has none, it is WRENN_E_CONFLICT, and beyond these bounds WRENN_E_VALIDATION; nothing is made then. Default: 8192
     * in virtual machines, no limit elsewhere. Where a server does not say that it obeys this (all but wrennd), it is
     * WRENN_E_UNSUPPORTED, and nothing is asked for. wrenn_sandbox_info.disk_mb has what it got. */
    int64_t disk_mb;
} wrenn_sandboxes_create_options;
#define WRENN_SANDBOXES_CREATE_OPTIONS_INIT \
    { sizeof(wrenn_sandboxes_create_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandboxes_create_options_init(wrenn_sandboxes_create_options *options, size_t size);

/* Creates a sandbox (POST /v1/sandboxes) and gives a handle on it. `options` may be NULL. Blocks until it runs. The
 * caller owns *sandbox: wrenn_sandbox_destroy() ends the sandbox, wrenn_sandbox_free() frees the handle. Fails with
 * WRENN_E_NOT_FOUND (no such template), WRENN_E_HOST_UNAVAILABLE (nothing free), WRENN_E_CONNECTION_LOST.
 *
 * When the answer is lost, the library retries with the same idempotency key, if the server obeys that (wrennd does).
 * With other servers the request is never repeated, and the sandbox may exist: look with wrenn_sandboxes_list().
 *
 * A create that is cancelled (also when it was over already, unless _finish is called all the same), times out or is
 * lost for good leaves a clean-up behind: it waits for the answer, or asks for it again, and destroys the sandbox. It
 * goes on while the program uses the client (any dispatch or blocking call), for 120 s at most, and in
 * wrenn_client_free() for 10 s at most. So a sandbox is left behind only when the answer is lost and the server obeys
 * no key, or when the process ends too soon. */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_create(wrenn_client *client,
                                                     const wrenn_sandboxes_create_options *options,
                                                     wrenn_sandbox **sandbox, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_create_start(wrenn_client *client,
                                                           const wrenn_sandboxes_create_options *options,
                                                           wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                           wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_create_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error);

/* The team's sandboxes, newest first, without those that are stopped or failed (GET /v1/sandboxes). Blocks (30 s). The
 * caller frees *list. */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_list(wrenn_client *client, const wrenn_call_options *options,
                                                   wrenn_sandbox_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_list_start(wrenn_client *client, const wrenn_call_options *options,
                                                         wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                         wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_list_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error);

/* Which sandboxes wrenn_sandboxes_query() gives: those that meet all that is set. */
typedef struct wrenn_sandboxes_query_options {
    size_t struct_size; /* from WRENN_SANDBOXES_QUERY_OPTIONS_INIT */
    wrenn_call_options call;
    const char *const *labels; /* "NAME=value" each, NULL at the end: those that have all of them; wrennd takes 20 */
    const char *status;        /* "running", "paused", "pending", "missing": one that listings have */
    const char *template_name; /* those made from it */
    int64_t limit;             /* how many at most; default: all */
    const char *after;         /* `next` of the page before, or any id: those older than this sandbox */
    const char *id_prefix;     /* those whose id begins like this, with or without its first three characters ("cl-") */
} wrenn_sandboxes_query_options;
#define WRENN_SANDBOXES_QUERY_OPTIONS_INIT \
    { sizeof(wrenn_sandboxes_query_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandboxes_query_options_init(wrenn_sandboxes_query_options *options, size_t size);

/* The same of some sandboxes, or page by page, so that not all of many are in memory: set `limit`, then `after` to the
 * list's `next` until that is NULL. None is given twice, and none is left out, whatever is made or destroyed meanwhile; what
 * is made meanwhile is not given. `options` may be NULL. Blocks (30 s). The caller frees *list. Fails with
 * WRENN_E_VALIDATION when wrennd does not know the status (the message says which there are), or `after`, or when a label or
 * the name of the template can't be one. Servers that know no filters (all but wrennd) give everything, and the library
 * picks what is asked for. */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_query(wrenn_client *client, const wrenn_sandboxes_query_options *options,
                                                    wrenn_sandbox_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_query_start(wrenn_client *client,
                                                          const wrenn_sandboxes_query_options *options,
                                                          wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                          wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_query_finish(wrenn_op *op, wrenn_sandbox_list **list,
                                                           wrenn_error **error);

/* Looks a sandbox up (GET /v1/sandboxes/{id}) and gives a handle on it, with what the server said in
 * wrenn_sandbox_last_info(). Blocks (30 s). The caller frees *sandbox. Fails with WRENN_E_NOT_FOUND,
 * WRENN_E_VALIDATION (malformed id). */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_get(wrenn_client *client, const char *id,
                                                  const wrenn_call_options *options, wrenn_sandbox **sandbox,
                                                  wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_get_start(wrenn_client *client, const char *id,
                                                        const wrenn_call_options *options, wrenn_done_fn done,
                                                        void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_get_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error);

typedef struct wrenn_sandboxes_connect_options {
    size_t struct_size; /* from WRENN_SANDBOXES_CONNECT_OPTIONS_INIT */
    wrenn_call_options call;
    int64_t interval_ms; /* between two looks; default 500 */
} wrenn_sandboxes_connect_options;
#define WRENN_SANDBOXES_CONNECT_OPTIONS_INIT \
    { sizeof(wrenn_sandboxes_connect_options), WRENN_CALL_OPTIONS_ZERO, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandboxes_connect_options_init(wrenn_sandboxes_connect_options *options, size_t size);

/* Gives a handle on a sandbox that runs: looks it up (GET /v1/sandboxes/{id}), resumes it when it is paused (POST
 * .../resume) and waits until it runs. `options` may be NULL. Blocks (120 s). The caller frees *sandbox. Fails with
 * WRENN_E_NOT_FOUND, WRENN_E_CONFLICT (it is stopped or failed), WRENN_E_TIMEOUT, and with the error of a resume that
 * failed. Once the sandbox was found, temporary failures are tolerated, as in wrenn_sandbox_wait_ready(). */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_connect(wrenn_client *client, const char *id,
                                                      const wrenn_sandboxes_connect_options *options,
                                                      wrenn_sandbox **sandbox, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_connect_start(wrenn_client *client, const char *id,
                                                            const wrenn_sandboxes_connect_options *options,
                                                            wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                            wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_connect_finish(wrenn_op *op, wrenn_sandbox **sandbox,
                                                             wrenn_error **error);

/* Destroys a sandbox by id (DELETE /v1/sandboxes/{id}), in whatever status; one that is destroyed already is fine.
 * Blocks (30 s). Fails with WRENN_E_NOT_FOUND when the team never had it. */
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_destroy(wrenn_client *client, const char *id,
                                                      const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_destroy_start(wrenn_client *client, const char *id,
                                                            const wrenn_call_options *options, wrenn_done_fn done,
                                                            void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandboxes_destroy_finish(wrenn_op *op, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_sandbox_list_free(wrenn_sandbox_list *list);

#ifdef __cplusplus
}
#endif

#endif
