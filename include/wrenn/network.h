/* What a sandbox may reach, and what it has tried to. What a new one may reach is in wrenn_sandboxes_create_options. wrennd
 * only: with other servers these fail with WRENN_E_NOT_FOUND. */
#ifndef WRENN_NETWORK_H
#define WRENN_NETWORK_H

#include "wrenn/sandboxes.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The policy and the counters (GET .../network), in every status. Blocks (30 s). The caller frees *network with
 * wrenn_network_free(). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_get(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                        wrenn_network **network, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_get_start(wrenn_sandbox *sandbox, const wrenn_call_options *options,
                                                              wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                              wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_get_finish(wrenn_op *op, wrenn_network **network,
                                                               wrenn_error **error);

/* A whole policy. The members are those of wrenn_sandboxes_create_options. */
typedef struct wrenn_sandbox_network_set_options {
    size_t struct_size; /* from WRENN_SANDBOX_NETWORK_SET_OPTIONS_INIT */
    wrenn_call_options call;
    int64_t egress;             /* WRENN_EGRESS_* */
    const char *const *allow;   /* NULL at the end */
    const char *const *deny;    /* NULL at the end */
    const char *const *presets; /* NULL at the end */
    const char *const *inject;  /* NULL at the end */
} wrenn_sandbox_network_set_options;
#define WRENN_SANDBOX_NETWORK_SET_OPTIONS_INIT \
    { sizeof(wrenn_sandbox_network_set_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_sandbox_network_set_options_init(wrenn_sandbox_network_set_options *options, size_t size);

/* Replaces the whole policy of a sandbox that runs or is paused (PUT .../network), at once: connections that the new one does not
 * allow are cut. Blocks (30 s). The caller frees *network, which has the new policy and in `cut` how many connections were cut.
 * Fails with WRENN_E_VALIDATION (an entry is malformed, or never allowed: the message names it) and WRENN_E_CONFLICT (the
 * sandbox was made without a network or `inject`, a secret is not there, or the server's operator allows less). */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_set(wrenn_sandbox *sandbox,
                                                        const wrenn_sandbox_network_set_options *options,
                                                        wrenn_network **network, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_set_start(wrenn_sandbox *sandbox,
                                                              const wrenn_sandbox_network_set_options *options,
                                                              wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                              wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_set_finish(wrenn_op *op, wrenn_network **network,
                                                               wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_network_free(wrenn_network *network);

/* Whether a sandbox that runs or is paused may connect to `to`, HOST, HOST:PORT or HOST:PORT/udp, by the policy in force, and why
 * (GET .../network/check). Nothing is connected to or looked up. Without a port it is 443. Blocks (30 s). The caller frees *check
 * with wrenn_network_check_free(); in it `reason`, `rule` and `source` may be NULL. Fails with WRENN_E_VALIDATION when `to` makes
 * no sense. */
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_check(wrenn_sandbox *sandbox, const char *to,
                                                          const wrenn_call_options *options,
                                                          wrenn_network_check **check, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_check_start(wrenn_sandbox *sandbox, const char *to,
                                                                const wrenn_call_options *options, wrenn_done_fn done,
                                                                void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_sandbox_network_check_finish(wrenn_op *op, wrenn_network_check **check,
                                                                 wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_network_check_free(wrenn_network_check *check);

#ifdef __cplusplus
}
#endif

#endif
