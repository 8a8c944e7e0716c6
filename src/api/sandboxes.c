#include "api/sandboxes.h"

#include "api/operations.h"
#include "client/sandbox.h"
#include "gen/requests.h"

wrenn_sandbox *wrn_sandbox_of(wrenn_op *op, const wrn_http_response *response) {
    wrenn_sandbox_info *info = wrn_op_decode(op, response, &wrn_model_sandbox_info);
    if (!info) return NULL;
    if (!info->id || !*info->id) {
        wrn_result_free(info);
        wrn_op_fail(op, wrn_error_new(WRENN_E_PROTOCOL, "%s: the answer has no sandbox id", op->type->name));
        return NULL;
    }
    wrenn_sandbox *sandbox = wrn_sandbox_new(op->client, info->id, info);
    if (sandbox) return sandbox;
    wrn_result_free(info);
    wrn_op_fail_no_memory(op);
    return NULL;
}

static void get_respond(wrenn_op *op, wrn_http_response *response) {
    wrenn_sandbox *sandbox = wrn_sandbox_of(op, response);
    if (sandbox) wrn_op_finish(op, sandbox, wrn_sandbox_free_result);
}

const wrn_op_type wrn_sandboxes_list_type = {{"sandboxes list", "GET", "/sandboxes", WRN_AUTH_ANY},
                                             .list = &wrn_model_sandbox_info};

const wrn_op_type wrn_sandboxes_get_type = {{"sandboxes get", "GET", "/sandboxes/{sandbox id}", WRN_AUTH_ANY},
                                            .respond = get_respond};

const wrn_op_type wrn_sandboxes_destroy_type = {
    {"sandboxes destroy", "DELETE", "/sandboxes/{sandbox id}", WRN_AUTH_ANY}};
