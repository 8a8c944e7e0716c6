#include "api/operations.h"
#include "gen/requests.h"

const wrn_op_type wrn_hosts_create_type = {
    "hosts create",
    "POST",
    "/hosts",
    WRN_AUTH_TOKEN,
    .body = &wrn_model_create_host_request,
    .object = &wrn_model_host_with_token,
};

int wrn_hosts_create_prepare(wrenn_client *client, const wrenn_host_options *options, wrenn_op **op,
                             wrenn_error **error) {
    const wrn_create_host_request request = {
        .type = options->type ? options->type : "regular",
        .team_id = options->team_id,
        .provider = options->provider,
        .availability_zone = options->availability_zone,
    };
    return wrn_op_for_client(client, &wrn_hosts_create_type, 0, NULL, &request, op, error);
}

const wrn_op_type wrn_hosts_list_type = {"hosts list", "GET", "/hosts", WRN_AUTH_TOKEN, .list = &wrn_model_host};

const wrn_op_type wrn_hosts_get_type = {"hosts get", "GET", "/hosts/{host id}", WRN_AUTH_TOKEN,
                                        .object = &wrn_model_host};

const wrn_op_type wrn_hosts_delete_type = {"hosts delete", "DELETE", "/hosts/{host id}?force={force}", WRN_AUTH_TOKEN};

int wrn_hosts_delete_prepare(wrenn_client *client, const char *id, const wrenn_host_delete_options *options,
                             wrenn_op **op, wrenn_error **error) {
    const char *const args[] = {id, options->flags & WRENN_HOST_DELETE_FORCE ? "true" : NULL};
    if (options->flags & ~WRENN_HOST_DELETE_FORCE)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "hosts delete: unknown flags; use WRENN_HOST_DELETE_*");
    return wrn_op_for_client(client, &wrn_hosts_delete_type, 0, args, NULL, op, error);
}

const wrn_op_type wrn_hosts_delete_preview_type = {
    "hosts delete_preview",
    "GET",
    "/hosts/{host id}/delete-preview",
    WRN_AUTH_TOKEN,
    .object = &wrn_model_host_delete_preview,
};

const wrn_op_type wrn_hosts_regenerate_token_type = {
    "hosts regenerate_token", "POST", "/hosts/{host id}/token", WRN_AUTH_TOKEN, .object = &wrn_model_host_with_token,
};

/* ---- tags ---- */

/* Copies an array of strings. False when out of memory, or with `why` when it holds something else. */
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

/* Servers send null when there are no tags. */
static void tags_respond(wrenn_op *op, wrn_http_response *response) {
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    const char *why = json && wrn_json_type_of(json) != WRN_JSON_ARRAY ? "it is not an array of tags" : NULL;
    wrenn_tag_list *list = why ? NULL : wrn_result_new(sizeof(*list));
    if (list && read_tags(list, json, &why)) {
        wrn_op_finish(op, list, wrn_result_free);
        return;
    }
    wrn_result_free(list);
    if (why) wrn_op_fail_malformed(op, response, why);
    else wrn_op_fail_no_memory(op);
}

const wrn_op_type wrn_hosts_list_tags_type = {"hosts list_tags", "GET", "/hosts/{host id}/tags", WRN_AUTH_TOKEN,
                                              .respond = tags_respond};

const wrn_op_type wrn_hosts_add_tag_type = {"hosts add_tag", "POST", "/hosts/{host id}/tags", WRN_AUTH_TOKEN,
                                            .body = &wrn_model_add_tag_request};

int wrn_hosts_add_tag_prepare(wrenn_client *client, const char *id, const char *tag, wrenn_op **op,
                              wrenn_error **error) {
    const wrn_add_tag_request request = {.tag = tag};
    const char *const args[] = {id};
    int rc = wrn_check_segment("tag", tag, error);
    return rc == 0 ? wrn_op_for_client(client, &wrn_hosts_add_tag_type, 0, args, &request, op, error) : rc;
}

const wrn_op_type wrn_hosts_remove_tag_type = {"hosts remove_tag", "DELETE", "/hosts/{host id}/tags/{tag}",
                                               WRN_AUTH_TOKEN};
