#include "api/operations.h"
#include "gen/requests.h"

const wrn_op_type wrn_secrets_set_type = {{"secrets set", "PUT", "/secrets/{secret name}", WRN_AUTH_ANY},
                                          .body = &wrn_model_set_secret_request,
                                          .object = &wrn_model_secret};

int wrn_secrets_set_prepare(wrenn_op *op, const char *name, const char *value, wrenn_error **error) {
    const wrn_set_secret_request request = {.value = value};
    if (!value || !*value) return wrn_refuse(error, "secrets set: the value is empty");
    return wrn_op_call_type(op, &name, &request, error);
}

const wrn_op_type wrn_secrets_list_type = {{"secrets list", "GET", "/secrets", WRN_AUTH_ANY},
                                           .list = &wrn_model_secret};

const wrn_op_type wrn_secrets_delete_type = {{"secrets delete", "DELETE", "/secrets/{secret name}", WRN_AUTH_ANY}};
