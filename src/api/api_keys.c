#include "wrenn/api_keys.h"

#include "client/op.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000 };

static void respond_key(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_model(op, response, &wrn_model_api_key);
}
static void respond_list(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_list(op, response, &wrn_model_api_key);
}

static const wrn_op_type create_type = {.name = "api_keys create", .respond = respond_key};
static const wrn_op_type list_type = {.name = "api_keys list", .respond = respond_list};
static const wrn_op_type delete_type = {.name = "api_keys delete", .respond = wrn_op_respond_nothing};

int wrenn_api_keys_create_start(wrenn_client *client, const char *name, wrenn_done_fn done, void *user_data,
                                wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_new(client, NULL, &create_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_create_api_key_request request = {.present = name ? WRN_HAS_CREATE_API_KEY_REQUEST_NAME : 0, .name = name};
    wrn_op_call(made, "POST", WRN_AUTH_TOKEN, "/api-keys", &wrn_model_create_api_key_request, &request);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_api_keys_create_finish(wrenn_op *op, wrenn_api_key **api_key, wrenn_error **error) {
    return wrn_op_take(op, &create_type, api_key, error);
}

int wrenn_api_keys_create(wrenn_client *client, const char *name, wrenn_api_key **api_key, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_api_keys_create_start(client, name, NULL, NULL, &op, error),
                 wrenn_api_keys_create_finish(op, api_key, error));
}

int wrenn_api_keys_list_start(wrenn_client *client, wrenn_done_fn done, void *user_data, wrenn_op **op,
                              wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_new(client, NULL, &list_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call(made, "GET", WRN_AUTH_TOKEN, "/api-keys", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_api_keys_list_finish(wrenn_op *op, wrenn_api_key_list **list, wrenn_error **error) {
    return wrn_op_take(op, &list_type, list, error);
}

int wrenn_api_keys_list(wrenn_client *client, wrenn_api_key_list **list, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_api_keys_list_start(client, NULL, NULL, &op, error),
                 wrenn_api_keys_list_finish(op, list, error));
}

int wrenn_api_keys_delete_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_check_segment("API key id", id, error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &delete_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call(made, "DELETE", WRN_AUTH_TOKEN, "/api-keys/", NULL, NULL);
    wrn_url_escape_segment(&made->path, id);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_api_keys_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &delete_type, NULL, error);
}

int wrenn_api_keys_delete(wrenn_client *client, const char *id, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_api_keys_delete_start(client, id, NULL, NULL, &op, error),
                 wrenn_api_keys_delete_finish(op, error));
}

void wrenn_api_key_free(wrenn_api_key *api_key) { wrn_result_free(api_key); }
void wrenn_api_key_list_free(wrenn_api_key_list *list) { wrn_result_free(list); }
