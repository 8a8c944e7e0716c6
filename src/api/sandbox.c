#include "client/sandbox.h"
#include "api/operations.h"
#include "api/pairs.h"
#include "gen/requests.h"

static void destroy_respond(wrenn_op *op, wrn_http_response *response) {
    op->sandbox->destroyed = true;
    wrn_op_respond_nothing(op, response);
}

const wrn_op_type wrn_sandbox_ping_type = {{"ping", "POST", "/sandboxes/{sandbox id}/ping", WRN_AUTH_ANY}};
const wrn_op_type wrn_sandbox_destroy_type = {{"destroy", "DELETE", "/sandboxes/{sandbox id}", WRN_AUTH_ANY},
                                              .respond = destroy_respond};

static void info_respond(wrenn_op *op, wrn_http_response *response) {
    wrenn_sandbox_info *info = wrn_op_decode(op, response, &wrn_model_sandbox_info);
    if (!info) return;
    wrn_sandbox_update(op->sandbox, info);
    wrn_op_finish(op, NULL, NULL);
}

const wrn_op_type wrn_sandbox_set_lifetime_type = {
    {"set_lifetime", "POST", "/sandboxes/{sandbox id}/lifetime", WRN_AUTH_ANY},
    .body = &wrn_model_lifetime_request,
    .respond = info_respond};

int wrn_sandbox_set_lifetime_prepare(wrenn_op *op, int64_t lifetime_sec, wrenn_error **error) {
    int rc = wrn_op_check(op, error, {"lifetime_sec", lifetime_sec, 0, INT32_MAX});
    return rc == 0 ? wrn_op_call_type(op, NULL, &(wrn_lifetime_request){.lifetime_sec = lifetime_sec}, error) : rc;
}

const wrn_op_type wrn_sandbox_update_metadata_type = {
    {"update_metadata", "PATCH", "/sandboxes/{sandbox id}/metadata", WRN_AUTH_ANY},
    .body = &wrn_model_metadata_request,
    .respond = info_respond};

int wrn_sandbox_update_metadata_prepare(wrenn_op *op, const char *const *set, const char *const *remove,
                                        wrenn_error **error) {
    wrn_metadata_request request = {.remove = remove, .remove_count = wrn_count_texts(remove)};
    int rc = wrn_pairs_read(op, "set", set, NULL, &request.set, &request.set_count, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, &request, error) : rc;
}

const wrn_op_type wrn_sandbox_fork_type = {{"fork", "POST", "/sandboxes/{sandbox id}/fork", WRN_AUTH_ANY},
                                           .timeout_ms = 120000,
                                           .body = &wrn_model_fork_request,
                                           .list = &wrn_model_sandbox_info};

int wrn_sandbox_fork_prepare(wrenn_op *op, const wrenn_sandbox_fork_options *options, wrenn_error **error) {
    wrn_fork_request request = {.count = options->count, .lifetime_sec = options->lifetime_sec};
    int rc = wrn_op_check(op, error, {"count", options->count, 0, INT32_MAX},
                          {"lifetime_sec", options->lifetime_sec, -1, INT32_MAX});
    if (rc == 0)
        rc = wrn_pairs_read(op, "metadata", options->metadata, NULL, &request.metadata, &request.metadata_count, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, &request, error) : rc;
}

void wrenn_sandbox_close(wrenn_sandbox *sandbox) {
    if (!sandbox) return;
    WRN_AUTO(wrn_error_freep) wrenn_error *error = NULL;
    if (!sandbox->destroyed && wrenn_sandbox_destroy(sandbox, NULL, &error) < 0 &&
        !wrenn_error_is(error, WRENN_E_NOT_FOUND)) {
        wrenn_client *client = sandbox->client;
        wrn_client_warn(client, "sandbox %s may still run: %s", sandbox->id, wrenn_error_message(error));
        wrn_client_settle(client);
    }
    wrenn_sandbox_free(sandbox);
}
