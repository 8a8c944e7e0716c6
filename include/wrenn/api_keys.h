/* API keys of the caller's team: /v1/api-keys. These routes need a user token (wrenn_client_options.token, WRENN_TOKEN
 * or wrenn_client_set_token()); an API key does not open them. Without one the calls fail with
 * WRENN_E_AUTHENTICATION. */
#ifndef WRENN_API_KEYS_H
#define WRENN_API_KEYS_H

#include "wrenn/client.h"
#include "wrenn/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Belongs to the caller as a whole; wrenn_api_key_list_free(). */
typedef struct wrenn_api_key_list {
    const wrenn_api_key *const *items;
    size_t items_count;
} wrenn_api_key_list;

/* Makes a key (POST /v1/api-keys). `name` may be NULL. Blocks (30 s). (*api_key)->key is the secret, shown this once.
 * The caller frees *api_key with wrenn_api_key_free(). */
WRENN_API WRENN_NODISCARD int wrenn_api_keys_create(wrenn_client *client, const char *name,
                                                    const wrenn_call_options *options, wrenn_api_key **api_key,
                                                    wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_api_keys_create_start(wrenn_client *client, const char *name,
                                                          const wrenn_call_options *options, wrenn_done_fn done,
                                                          void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_api_keys_create_finish(wrenn_op *op, wrenn_api_key **api_key, wrenn_error **error);

/* All keys, newest first, without their secrets (GET /v1/api-keys). Blocks (30 s). The caller frees *list. */
WRENN_API WRENN_NODISCARD int wrenn_api_keys_list(wrenn_client *client, const wrenn_call_options *options,
                                                  wrenn_api_key_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_api_keys_list_start(wrenn_client *client, const wrenn_call_options *options,
                                                        wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                        wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_api_keys_list_finish(wrenn_op *op, wrenn_api_key_list **list, wrenn_error **error);

/* Deletes a key by id (DELETE /v1/api-keys/{id}); one that is not there is fine. Blocks (30 s). */
WRENN_API WRENN_NODISCARD int wrenn_api_keys_delete(wrenn_client *client, const char *id,
                                                    const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_api_keys_delete_start(wrenn_client *client, const char *id,
                                                          const wrenn_call_options *options, wrenn_done_fn done,
                                                          void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_api_keys_delete_finish(wrenn_op *op, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_api_key_free(wrenn_api_key *api_key);
/* Frees the list and its items; NULL is fine. */
WRENN_API void wrenn_api_key_list_free(wrenn_api_key_list *list);

#ifdef __cplusplus
}
#endif

#endif
