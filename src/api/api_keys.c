#include "api/operations.h"
#include "gen/requests.h"

const wrn_op_type wrn_api_keys_create_type = {{"api_keys create", "POST", "/api-keys", WRN_AUTH_TOKEN},
                                              .body = &wrn_model_create_api_key_request,
                                              .object = &wrn_model_api_key};

int wrn_api_keys_create_prepare(wrenn_op *op, const char *name, wrenn_error **error) {
    return wrn_op_call_type(op, NULL, &(wrn_create_api_key_request){.name = name}, error);
}

const wrn_op_type wrn_api_keys_list_type = {{"api_keys list", "GET", "/api-keys", WRN_AUTH_TOKEN},
                                            .list = &wrn_model_api_key};

const wrn_op_type wrn_api_keys_delete_type = {{"api_keys delete", "DELETE", "/api-keys/{API key id}", WRN_AUTH_TOKEN}};
