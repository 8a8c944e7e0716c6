#include "wrenn/hosts.h"

#include "client/op.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000 };

static void respond_host(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_model(op, response, &wrn_model_host);
}
static void respond_hosts(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_list(op, response, &wrn_model_host);
}
static void respond_token(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_model(op, response, &wrn_model_host_with_token);
}
static void respond_preview(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_model(op, response, &wrn_model_host_delete_preview);
}

/* Copies an array of strings; false when out of memory, or, with `why`, when it is something else. */
static bool read_tags(wrenn_tag_list *list, const wrn_json *array, const char **why) {
    size_t count = wrn_json_count(array);
    wrn_arena *arena = wrn_result_arena(list);
    const char **items = wrn_arena_alloc(arena, (count + 1) * sizeof(*items));
    if (!items) return false;
    for (size_t i = 0; i < count; i++) {
        size_t size;
        const char *text = wrn_json_string(wrn_json_at(array, i), &size);
        if (!text) *why = "a tag is not text";
        items[i] = text ? wrn_arena_dup(arena, text, size) : NULL;
        if (!items[i]) return false;
    }
    list->items = items;
    list->count = count;
    return true;
}

/* Servers say null for no tags at all. */
static void respond_tags(wrenn_op *op, wrn_http_response *response) {
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    const char *why = json && wrn_json_type_of(json) != WRN_JSON_ARRAY ? "it is not an array of tags" : NULL;
    wrenn_tag_list *list = why ? NULL : wrn_result_new(sizeof(*list));
    if (list && read_tags(list, json, &why)) {
        wrn_op_finish(op, list, wrn_result_free);
        return;
    }
    wrn_result_free(list);
    if (why) wrn_op_fail_nonsense(op, response, why);
    else wrn_op_fail_no_memory(op);
}

static const wrn_op_type create_type = {.name = "hosts create", .respond = respond_token};
static const wrn_op_type list_type = {.name = "hosts list", .respond = respond_hosts};
static const wrn_op_type get_type = {.name = "hosts get", .respond = respond_host};
static const wrn_op_type delete_type = {.name = "hosts delete", .respond = wrn_op_respond_nothing};
static const wrn_op_type preview_type = {.name = "hosts delete_preview", .respond = respond_preview};
static const wrn_op_type token_type = {.name = "hosts regenerate_token", .respond = respond_token};
static const wrn_op_type list_tags_type = {.name = "hosts list_tags", .respond = respond_tags};
static const wrn_op_type add_tag_type = {.name = "hosts add_tag", .respond = wrn_op_respond_nothing};
static const wrn_op_type remove_tag_type = {.name = "hosts remove_tag", .respond = wrn_op_respond_nothing};

/* A call of /hosts/{id}, to which the caller may append. */
static void call_by_id(wrenn_op *op, const char *method, const char *id, const char *suffix, const wrn_model *model,
                       const void *request) {
    wrn_op_call(op, method, WRN_AUTH_TOKEN, "/hosts/", model, request);
    wrn_url_escape_segment(&op->path, id);
    wrn_buf_puts(&op->path, suffix);
}

static int start_by_id(wrenn_client *client, const wrn_op_type *type, const char *method, const char *id,
                       const char *suffix, wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_check_segment("host id", id, error);
    if (rc == 0) rc = wrn_op_new(client, NULL, type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    call_by_id(made, method, id, suffix, NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

/* For the calls that name a tag. */
static int new_with_tag(wrenn_client *client, const wrn_op_type *type, const char *id, const char *tag, wrenn_op **op,
                        wrenn_error **error) {
    int rc = wrn_check_segment("host id", id, error);
    if (rc == 0) rc = wrn_check_segment("tag", tag, error);
    return rc == 0 ? wrn_op_new(client, NULL, type, 0, TIMEOUT_MS, op, error) : rc;
}

/* ---- records ---- */

int wrenn_hosts_create_start(wrenn_client *client, const wrenn_host_options *options, wrenn_done_fn done,
                             void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_host_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_host_options", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &create_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_create_host_request request = {
        .present = WRN_HAS_CREATE_HOST_REQUEST_TYPE | (known.team_id ? WRN_HAS_CREATE_HOST_REQUEST_TEAM_ID : 0) |
                   (known.provider ? WRN_HAS_CREATE_HOST_REQUEST_PROVIDER : 0) |
                   (known.availability_zone ? WRN_HAS_CREATE_HOST_REQUEST_AVAILABILITY_ZONE : 0),
        .type = known.type ? known.type : "regular",
        .team_id = known.team_id,
        .provider = known.provider,
        .availability_zone = known.availability_zone,
    };
    wrn_op_call(made, "POST", WRN_AUTH_TOKEN, "/hosts", &wrn_model_create_host_request, &request);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_hosts_create_finish(wrenn_op *op, wrenn_host_with_token **host, wrenn_error **error) {
    return wrn_op_take(op, &create_type, host, error);
}

int wrenn_hosts_create(wrenn_client *client, const wrenn_host_options *options, wrenn_host_with_token **host,
                       wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_create_start(client, options, NULL, NULL, &op, error),
                 wrenn_hosts_create_finish(op, host, error));
}

int wrenn_hosts_list_start(wrenn_client *client, wrenn_done_fn done, void *user_data, wrenn_op **op,
                           wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_new(client, NULL, &list_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call(made, "GET", WRN_AUTH_TOKEN, "/hosts", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_hosts_list_finish(wrenn_op *op, wrenn_host_list **list, wrenn_error **error) {
    return wrn_op_take(op, &list_type, list, error);
}

int wrenn_hosts_list(wrenn_client *client, wrenn_host_list **list, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_list_start(client, NULL, NULL, &op, error),
                 wrenn_hosts_list_finish(op, list, error));
}

int wrenn_hosts_get_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data, wrenn_op **op,
                          wrenn_error **error) {
    return start_by_id(client, &get_type, "GET", id, "", done, user_data, op, error);
}

int wrenn_hosts_get_finish(wrenn_op *op, wrenn_host **host, wrenn_error **error) {
    return wrn_op_take(op, &get_type, host, error);
}

int wrenn_hosts_get(wrenn_client *client, const char *id, wrenn_host **host, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_get_start(client, id, NULL, NULL, &op, error),
                 wrenn_hosts_get_finish(op, host, error));
}

int wrenn_hosts_delete_start(wrenn_client *client, const char *id, const wrenn_host_delete_options *options,
                             wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_host_delete_options known;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_host_delete_options", error);
    if (rc == 0 && known.flags & ~WRENN_HOST_DELETE_FORCE)
        rc = wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "hosts delete: unknown flags; use WRENN_HOST_DELETE_*");
    if (rc != 0) return rc;
    const char *query = known.flags & WRENN_HOST_DELETE_FORCE ? "?force=true" : "";
    return start_by_id(client, &delete_type, "DELETE", id, query, done, user_data, op, error);
}

int wrenn_hosts_delete_finish(wrenn_op *op, wrenn_error **error) { return wrn_op_take(op, &delete_type, NULL, error); }

int wrenn_hosts_delete(wrenn_client *client, const char *id, const wrenn_host_delete_options *options,
                       wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_delete_start(client, id, options, NULL, NULL, &op, error),
                 wrenn_hosts_delete_finish(op, error));
}

int wrenn_hosts_delete_preview_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                     wrenn_op **op, wrenn_error **error) {
    return start_by_id(client, &preview_type, "GET", id, "/delete-preview", done, user_data, op, error);
}

int wrenn_hosts_delete_preview_finish(wrenn_op *op, wrenn_host_delete_preview **preview, wrenn_error **error) {
    return wrn_op_take(op, &preview_type, preview, error);
}

int wrenn_hosts_delete_preview(wrenn_client *client, const char *id, wrenn_host_delete_preview **preview,
                               wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_delete_preview_start(client, id, NULL, NULL, &op, error),
                 wrenn_hosts_delete_preview_finish(op, preview, error));
}

int wrenn_hosts_regenerate_token_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                       wrenn_op **op, wrenn_error **error) {
    return start_by_id(client, &token_type, "POST", id, "/token", done, user_data, op, error);
}

int wrenn_hosts_regenerate_token_finish(wrenn_op *op, wrenn_host_with_token **host, wrenn_error **error) {
    return wrn_op_take(op, &token_type, host, error);
}

int wrenn_hosts_regenerate_token(wrenn_client *client, const char *id, wrenn_host_with_token **host,
                                 wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_regenerate_token_start(client, id, NULL, NULL, &op, error),
                 wrenn_hosts_regenerate_token_finish(op, host, error));
}

/* ---- tags ---- */

int wrenn_hosts_list_tags_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                wrenn_op **op, wrenn_error **error) {
    return start_by_id(client, &list_tags_type, "GET", id, "/tags", done, user_data, op, error);
}

int wrenn_hosts_list_tags_finish(wrenn_op *op, wrenn_tag_list **list, wrenn_error **error) {
    return wrn_op_take(op, &list_tags_type, list, error);
}

int wrenn_hosts_list_tags(wrenn_client *client, const char *id, wrenn_tag_list **list, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_list_tags_start(client, id, NULL, NULL, &op, error),
                 wrenn_hosts_list_tags_finish(op, list, error));
}

int wrenn_hosts_add_tag_start(wrenn_client *client, const char *id, const char *tag, wrenn_done_fn done,
                              void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = new_with_tag(client, &add_tag_type, id, tag, &made, error);
    if (rc != 0) return rc;
    wrn_add_tag_request request = {.present = WRN_HAS_ADD_TAG_REQUEST_TAG, .tag = tag};
    call_by_id(made, "POST", id, "/tags", &wrn_model_add_tag_request, &request);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_hosts_add_tag_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &add_tag_type, NULL, error);
}

int wrenn_hosts_add_tag(wrenn_client *client, const char *id, const char *tag, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_add_tag_start(client, id, tag, NULL, NULL, &op, error),
                 wrenn_hosts_add_tag_finish(op, error));
}

int wrenn_hosts_remove_tag_start(wrenn_client *client, const char *id, const char *tag, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = new_with_tag(client, &remove_tag_type, id, tag, &made, error);
    if (rc != 0) return rc;
    call_by_id(made, "DELETE", id, "/tags/", NULL, NULL);
    wrn_url_escape_segment(&made->path, tag);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_hosts_remove_tag_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &remove_tag_type, NULL, error);
}

int wrenn_hosts_remove_tag(wrenn_client *client, const char *id, const char *tag, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_hosts_remove_tag_start(client, id, tag, NULL, NULL, &op, error),
                 wrenn_hosts_remove_tag_finish(op, error));
}

void wrenn_host_free(wrenn_host *host) { wrn_result_free(host); }
void wrenn_host_with_token_free(wrenn_host_with_token *host) { wrn_result_free(host); }
void wrenn_host_delete_preview_free(wrenn_host_delete_preview *preview) { wrn_result_free(preview); }
void wrenn_host_list_free(wrenn_host_list *list) { wrn_result_free(list); }
void wrenn_tag_list_free(wrenn_tag_list *list) { wrn_result_free(list); }
