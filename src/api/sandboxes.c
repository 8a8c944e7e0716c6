#include "wrenn/sandboxes.h"

#include "api/sandboxes.h"
#include "client/op.h"
#include "client/sandbox.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000 };

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
    wrn_op_fail(op, wrn_error_new(WRENN_E_NO_MEMORY, "%s: out of memory", op->type->name));
    return NULL;
}

/* ---- list ---- */

static void list_respond(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_list(op, response, &wrn_model_sandbox_info);
}

static const wrn_op_type list_type = {.name = "sandboxes list", .respond = list_respond};

int wrenn_sandboxes_list_start(wrenn_client *client, wrenn_done_fn done, void *user_data, wrenn_op **op,
                               wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_new(client, NULL, &list_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, "GET", NULL, "", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandboxes_list_finish(wrenn_op *op, wrenn_sandbox_list **list, wrenn_error **error) {
    return wrn_op_take(op, &list_type, list, error);
}

int wrenn_sandboxes_list(wrenn_client *client, wrenn_sandbox_list **list, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_sandboxes_list_start(client, NULL, NULL, &op, error),
                 wrenn_sandboxes_list_finish(op, list, error));
}

void wrenn_sandbox_list_free(wrenn_sandbox_list *list) { wrn_result_free(list); }

/* ---- get and destroy, by id ---- */

static void get_respond(wrenn_op *op, wrn_http_response *response) {
    wrenn_sandbox *sandbox = wrn_sandbox_of(op, response);
    if (sandbox) wrn_op_finish(op, sandbox, wrn_sandbox_free_result);
}

static const wrn_op_type get_type = {.name = "sandboxes get", .respond = get_respond};
static const wrn_op_type destroy_type = {.name = "sandboxes destroy", .respond = wrn_op_respond_nothing};

static int start_by_id(wrenn_client *client, const wrn_op_type *type, const char *method, const char *id,
                       wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_check_segment("sandbox id", id, error);
    if (rc == 0) rc = wrn_op_new(client, NULL, type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, method, id, "", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandboxes_get_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data, wrenn_op **op,
                              wrenn_error **error) {
    return start_by_id(client, &get_type, "GET", id, done, user_data, op, error);
}

int wrenn_sandboxes_get_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &get_type, sandbox, error);
}

int wrenn_sandboxes_get(wrenn_client *client, const char *id, wrenn_sandbox **sandbox, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_sandboxes_get_start(client, id, NULL, NULL, &op, error),
                 wrenn_sandboxes_get_finish(op, sandbox, error));
}

int wrenn_sandboxes_destroy_start(wrenn_client *client, const char *id, wrenn_done_fn done, void *user_data,
                                  wrenn_op **op, wrenn_error **error) {
    return start_by_id(client, &destroy_type, "DELETE", id, done, user_data, op, error);
}

int wrenn_sandboxes_destroy_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &destroy_type, NULL, error);
}

int wrenn_sandboxes_destroy(wrenn_client *client, const char *id, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_sandboxes_destroy_start(client, id, NULL, NULL, &op, error),
                 wrenn_sandboxes_destroy_finish(op, error));
}
