/* Hosts: the machines that sandboxes run on, with their records and tags (/v1/hosts).
 *
 * These routes need a user token (wrenn_client_options.token, WRENN_TOKEN or wrenn_client_set_token()); an API key does
 * not open them. Without one the calls fail with WRENN_E_AUTHENTICATION; WRENN_E_FORBIDDEN means the user may not do
 * this, and WRENN_E_NOT_FOUND also that a host belongs to another team. */
#ifndef WRENN_HOSTS_H
#define WRENN_HOSTS_H

#include "wrenn/client.h"
#include "wrenn/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Each belongs to the caller as a whole; wrenn_host_list_free(), wrenn_tag_list_free(). */
typedef struct wrenn_host_list {
    const wrenn_host *const *items;
    size_t items_count;
} wrenn_host_list;
typedef struct wrenn_tag_list {
    const char *const *items;
    size_t items_count;
} wrenn_tag_list;

typedef struct wrenn_hosts_create_options {
    size_t struct_size; /* from WRENN_HOSTS_CREATE_OPTIONS_INIT */
    wrenn_call_options call;
    const char *type;              /* "regular" (default; needs a platform administrator) or "byoc" */
    const char *team_id;           /* for byoc */
    const char *provider;          /* of the machine, for people */
    const char *availability_zone; /* likewise */
} wrenn_hosts_create_options;
#define WRENN_HOSTS_CREATE_OPTIONS_INIT \
    { sizeof(wrenn_hosts_create_options), WRENN_CALL_OPTIONS_ZERO, 0, 0, 0, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_hosts_create_options_init(wrenn_hosts_create_options *options, size_t size);

/* Makes the record of a host, in status pending (POST /v1/hosts). `options` may be NULL. Blocks (30 s).
 * (*host)->registration_token lets the machine join once, within an hour. The caller frees *host with
 * wrenn_host_with_token_free(). Fails with WRENN_E_FORBIDDEN, WRENN_E_VALIDATION. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_create(wrenn_client *client, const wrenn_hosts_create_options *options,
                                                 wrenn_host_with_token **host, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_create_start(wrenn_client *client, const wrenn_hosts_create_options *options,
                                                       wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                       wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_create_finish(wrenn_op *op, wrenn_host_with_token **host,
                                                        wrenn_error **error);

/* The hosts of the team, or all of them for a platform administrator (GET /v1/hosts). Blocks (30 s). The caller frees
 * *list. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_list(wrenn_client *client, const wrenn_call_options *options,
                                               wrenn_host_list **list, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_list_start(wrenn_client *client, const wrenn_call_options *options,
                                                     wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                     wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_list_finish(wrenn_op *op, wrenn_host_list **list, wrenn_error **error);

/* One host (GET /v1/hosts/{id}). Blocks (30 s). The caller frees *host with wrenn_host_free(). Fails with
 * WRENN_E_NOT_FOUND. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_get(wrenn_client *client, const char *id, const wrenn_call_options *options,
                                              wrenn_host **host, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_get_start(wrenn_client *client, const char *id,
                                                    const wrenn_call_options *options, wrenn_done_fn done,
                                                    void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_get_finish(wrenn_op *op, wrenn_host **host, wrenn_error **error);

/* wrenn_hosts_delete_options.flags. FORCE: sandboxes that are on the host are destroyed first. */
enum { WRENN_HOSTS_DELETE_FORCE = 1 };

typedef struct wrenn_hosts_delete_options {
    size_t struct_size; /* from WRENN_HOSTS_DELETE_OPTIONS_INIT */
    wrenn_call_options call;
    uint64_t flags; /* WRENN_HOSTS_DELETE_* */
} wrenn_hosts_delete_options;
#define WRENN_HOSTS_DELETE_OPTIONS_INIT \
    { sizeof(wrenn_hosts_delete_options), WRENN_CALL_OPTIONS_ZERO, 0 }
/* For languages that see no macros: sets all of `size` bytes to 0, and struct_size to `size`. */
WRENN_API void wrenn_hosts_delete_options_init(wrenn_hosts_delete_options *options, size_t size);

/* Deletes a host (DELETE /v1/hosts/{id}). `options` may be NULL. Blocks (30 s). Fails with WRENN_E_HOST_HAS_SANDBOXES
 * when active sandboxes are on it (wrenn_error_sandbox_ids() has their ids), WRENN_E_NOT_FOUND, WRENN_E_FORBIDDEN. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_delete(wrenn_client *client, const char *id,
                                                 const wrenn_hosts_delete_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_delete_start(wrenn_client *client, const char *id,
                                                       const wrenn_hosts_delete_options *options, wrenn_done_fn done,
                                                       void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_delete_finish(wrenn_op *op, wrenn_error **error);

/* The host and the ids of the sandboxes that deleting it would destroy; deletes nothing (GET
 * /v1/hosts/{id}/delete-preview). Blocks (30 s). The caller frees *preview with wrenn_host_delete_preview_free(). Fails
 * with WRENN_E_NOT_FOUND. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_delete_preview(wrenn_client *client, const char *id,
                                                         const wrenn_call_options *options,
                                                         wrenn_host_delete_preview **preview, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_delete_preview_start(wrenn_client *client, const char *id,
                                                               const wrenn_call_options *options, wrenn_done_fn done,
                                                               void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_delete_preview_finish(wrenn_op *op, wrenn_host_delete_preview **preview,
                                                                wrenn_error **error);

/* A new registration token for a host that is still pending (POST /v1/hosts/{id}/token). Blocks (30 s). The caller
 * frees *host with wrenn_host_with_token_free(). Fails with WRENN_E_CONFLICT or WRENN_E_VALIDATION (by server) when the
 * host is not pending, WRENN_E_NOT_FOUND, WRENN_E_FORBIDDEN. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_regenerate_token(wrenn_client *client, const char *id,
                                                           const wrenn_call_options *options,
                                                           wrenn_host_with_token **host, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_regenerate_token_start(wrenn_client *client, const char *id,
                                                                 const wrenn_call_options *options, wrenn_done_fn done,
                                                                 void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_regenerate_token_finish(wrenn_op *op, wrenn_host_with_token **host,
                                                                  wrenn_error **error);

/* The tags of a host, sorted (GET /v1/hosts/{id}/tags). Blocks (30 s). The caller frees *list. Fails with
 * WRENN_E_NOT_FOUND. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_list_tags(wrenn_client *client, const char *id,
                                                    const wrenn_call_options *options, wrenn_tag_list **list,
                                                    wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_list_tags_start(wrenn_client *client, const char *id,
                                                          const wrenn_call_options *options, wrenn_done_fn done,
                                                          void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_list_tags_finish(wrenn_op *op, wrenn_tag_list **list, wrenn_error **error);

/* Adds a tag (POST /v1/hosts/{id}/tags); one that is there already is fine. Blocks (30 s). Fails with
 * WRENN_E_NOT_FOUND. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_add_tag(wrenn_client *client, const char *id, const char *tag,
                                                  const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_add_tag_start(wrenn_client *client, const char *id, const char *tag,
                                                        const wrenn_call_options *options, wrenn_done_fn done,
                                                        void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_add_tag_finish(wrenn_op *op, wrenn_error **error);

/* Removes a tag (DELETE /v1/hosts/{id}/tags/{tag}); one that is not there is fine. Blocks (30 s). Fails with
 * WRENN_E_NOT_FOUND, and with WRENN_E_UNSUPPORTED for a tag with a "/" on other servers than wrennd, which don't find
 * it. */
WRENN_API WRENN_NODISCARD int wrenn_hosts_remove_tag(wrenn_client *client, const char *id, const char *tag,
                                                     const wrenn_call_options *options, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_remove_tag_start(wrenn_client *client, const char *id, const char *tag,
                                                           const wrenn_call_options *options, wrenn_done_fn done,
                                                           void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_hosts_remove_tag_finish(wrenn_op *op, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_host_free(wrenn_host *host);
WRENN_API void wrenn_host_with_token_free(wrenn_host_with_token *host);
WRENN_API void wrenn_host_delete_preview_free(wrenn_host_delete_preview *preview);
WRENN_API void wrenn_host_list_free(wrenn_host_list *list);
WRENN_API void wrenn_tag_list_free(wrenn_tag_list *list);

#ifdef __cplusplus
}
#endif

#endif
