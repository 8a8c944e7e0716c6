#include "api/operations.h"
#include "gen/requests.h"

const wrn_op_type wrn_hosts_create_type = {{"hosts create", "POST", "/hosts", WRN_AUTH_TOKEN},
                                           .body = &wrn_model_create_host_request,
                                           .object = &wrn_model_host_with_token};

int wrn_hosts_create_prepare(wrenn_op *op, const wrenn_hosts_create_options *options, wrenn_error **error) {
    const wrn_create_host_request request = {
        .type = options->type ? options->type : "regular",
        .team_id = options->team_id,
        .provider = options->provider,
        .availability_zone = options->availability_zone,
    };
    return wrn_op_call_type(op, NULL, &request, error);
}

const wrn_op_type wrn_hosts_list_type = {{"hosts list", "GET", "/hosts", WRN_AUTH_TOKEN}, .list = &wrn_model_host};

const wrn_op_type wrn_hosts_get_type = {{"hosts get", "GET", "/hosts/{host id}", WRN_AUTH_TOKEN},
                                        .object = &wrn_model_host};

const wrn_op_type wrn_hosts_delete_type = {
    {"hosts delete", "DELETE", "/hosts/{host id}?force={force}", WRN_AUTH_TOKEN}};

int wrn_hosts_delete_prepare(wrenn_op *op, const char *id, const wrenn_hosts_delete_options *options,
                             wrenn_error **error) {
    const char *const args[] = {id, options->flags & WRENN_HOSTS_DELETE_FORCE ? "true" : NULL};
    return wrn_op_call_type(op, args, NULL, error);
}

const wrn_op_type wrn_hosts_delete_preview_type = {
    {"hosts delete_preview", "GET", "/hosts/{host id}/delete-preview", WRN_AUTH_TOKEN},
    .object = &wrn_model_host_delete_preview};

const wrn_op_type wrn_hosts_regenerate_token_type = {
    {"hosts regenerate_token", "POST", "/hosts/{host id}/token", WRN_AUTH_TOKEN},
    .object = &wrn_model_host_with_token};

/* ---- tags ---- */

static const wrn_model tag_text = {.name = "tag"}; /* a string */

const wrn_op_type wrn_hosts_list_tags_type = {{"hosts list_tags", "GET", "/hosts/{host id}/tags", WRN_AUTH_TOKEN},
                                              .list = &tag_text};

const wrn_op_type wrn_hosts_add_tag_type = {{"hosts add_tag", "POST", "/hosts/{host id}/tags", WRN_AUTH_TOKEN},
                                            .body = &wrn_model_add_tag_request};

int wrn_hosts_add_tag_prepare(wrenn_op *op, const char *id, const char *tag, wrenn_error **error) {
    int rc = wrn_check_segment("tag", tag, error);
    return rc == 0 ? wrn_op_call_type(op, &id, &(wrn_add_tag_request){.tag = tag}, error) : rc;
}

const wrn_op_type wrn_hosts_remove_tag_type = {
    {"hosts remove_tag", "DELETE", "/hosts/{host id}/tags/{tag}", WRN_AUTH_TOKEN}};
