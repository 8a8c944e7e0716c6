#include <string.h>

#include "api/operations.h"
#include "gen/requests.h"

static int check_account(const char *email, const char *password, wrenn_error **error) {
    if (!email || !*email) return wrn_refuse(error, "the e-mail must not be empty");
    if (!password || !*password) return wrn_refuse(error, "the password must not be empty");
    return 0;
}

const wrn_op_type wrn_auth_signup_type = {{"signup", "POST", "/auth/signup", WRN_AUTH_NONE},
                                          .body = &wrn_model_signup_request,
                                          .object = &wrn_model_auth};

int wrn_auth_signup_prepare(wrenn_op *op, const char *email, const char *password, const char *name,
                            wrenn_error **error) {
    WRN_AUTO(wrn_buf_free) wrn_buf local_part = WRN_BUF_INIT;
    int rc = check_account(email, password, error);
    if (rc != 0) return rc;
    /* Some servers refuse a signup without a name. */
    email += strspn(email, " \t");
    if (!name || !*name) wrn_buf_put(&local_part, email, strcspn(email, "@"));
    const wrn_signup_request request = {
        .email = email,
        .password = password,
        .name = local_part.size ? local_part.data
                : name && *name ? name
                                : email,
    };
    return wrn_op_call_type(op, NULL, &request, error);
}

const wrn_op_type wrn_auth_login_type = {{"login", "POST", "/auth/login", WRN_AUTH_NONE},
                                         .body = &wrn_model_login_request,
                                         .object = &wrn_model_auth};

int wrn_auth_login_prepare(wrenn_op *op, const char *email, const char *password, wrenn_error **error) {
    const wrn_login_request request = {.email = email, .password = password};
    int rc = check_account(email, password, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, &request, error) : rc;
}
