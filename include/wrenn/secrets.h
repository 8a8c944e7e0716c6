/* Secrets of the caller's team: /v1/secrets. A secret is the value of a header that requests of sandboxes get on their way, and that the
 * sandboxes do not know: `inject` of wrenn_sandboxes_create_options. No call gives a value back. wrennd only: with other servers these
 * fail with WRENN_E_NOT_FOUND. */
#ifndef WRENN_SECRETS_H
#define WRENN_SECRETS_H

#include "wrenn/client.h"
#include "wrenn/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Belongs to the caller as a whole; wrenn_secret_list_free(). */
typedef struct wrenn_secret_list {
    const wrenn_secret *const *items;
    size_t items_count;
} wrenn_secret_list;

/* Stores a secret, or gives it another value (PUT /v1/secrets/{name}); sandboxes that use it send the new one at once. `name`: 1 to
 * 64 letters, digits, '.', '-' and '_', the first a letter or digit. `value`: the whole value of the header, 1 to 8192 visible ASCII characters
 * and blanks, with none at the ends. Blocks (30 s). The caller frees *secret, which has no value, with wrenn_secret_free(). Fails with
 * WRENN_E_VALIDATION. */
WRENN_API WRENN_NODISCARD int wrenn_secrets_set(wrenn_client *client, const char *name, const char *value,
                                                const wrenn_call_options *options, wrenn_secret **secret,
                                                wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_secrets_set_start(wrenn_client *client, const char *name, const char *value,
                                                      const wrenn_call_options *options, wrenn_done_fn done,
                                                      void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_secrets_set_finish(wrenn_op *op, wrenn_secret **secret, wrenn_error **error);

/* All secrets by name, without their values (GET /v1/secrets). Blocks (30 s). The caller frees *list. */
WRENN_API WRENN_NODISCARD int wrenn_secrets_list(wrenn_client *client, const wrenn_call_options *options,
                                                 wrenn_secret_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_secrets_list_start(wrenn_client *client, const wrenn_call_options *options,
                                                       wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_secrets_list_finish(wrenn_op *op, wrenn_secret_list **list, wrenn_error **error);

/* Deletes a secret (DELETE /v1/secrets/{name}); one that is not there is fine. Sandboxes that use it do not get to the hosts that it was for any
 * more, until it is set again. Blocks (30 s). */
WRENN_API WRENN_NODISCARD int wrenn_secrets_delete(wrenn_client *client, const char *name,
                                                   const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_secrets_delete_start(wrenn_client *client, const char *name,
                                                         const wrenn_call_options *options, wrenn_done_fn done,
                                                         void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_secrets_delete_finish(wrenn_op *op, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_secret_free(wrenn_secret *secret);
/* Frees the list and its items; NULL is fine. */
WRENN_API void wrenn_secret_list_free(wrenn_secret_list *list);

#ifdef __cplusplus
}
#endif

#endif
