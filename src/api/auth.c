#include "wrenn/auth.h"

#include <string.h>

#include "client/op.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000 };

static void respond(wrenn_op *op, wrn_http_response *response) { wrn_op_respond_model(op, response, &wrn_model_auth); }

static const wrn_op_type signup_type = {.name = "signup", .respond = respond};
static const wrn_op_type login_type = {.name = "login", .respond = respond};

static int check(const char *email, const char *password, wrenn_error **error) {
    if (!email || !*email) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the e-mail must not be empty");
    if (!password || !*password) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the password must not be empty");
    return 0;
}

int wrenn_auth_signup_start(wrenn_client *client, const char *email, const char *password, const char *name,
                            wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_buf_free) wrn_buf local_part = WRN_BUF_INIT;
    int rc = check(email, password, error);
    wrenn_op *made;
    if (rc == 0) rc = wrn_op_new(client, NULL, &signup_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    /* Some servers refuse a signup without a name. */
    email += strspn(email, " \t");
    if (!name || !*name) wrn_buf_put(&local_part, email, strcspn(email, "@"));
    wrn_signup_request request = {
        .present = WRN_HAS_SIGNUP_REQUEST_EMAIL | WRN_HAS_SIGNUP_REQUEST_PASSWORD | WRN_HAS_SIGNUP_REQUEST_NAME,
        .email = email,
        .password = password,
        .name = local_part.size ? local_part.data
                : name && *name ? name
                                : email,
    };
    wrn_op_call(made, "POST", WRN_AUTH_NONE, "/auth/signup", &wrn_model_signup_request, &request);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_auth_signup_finish(wrenn_op *op, wrenn_auth **auth, wrenn_error **error) {
    return wrn_op_take(op, &signup_type, auth, error);
}

int wrenn_auth_signup(wrenn_client *client, const char *email, const char *password, const char *name,
                      wrenn_auth **auth, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_auth_signup_start(client, email, password, name, NULL, NULL, &op, error),
                 wrenn_auth_signup_finish(op, auth, error));
}

int wrenn_auth_login_start(wrenn_client *client, const char *email, const char *password, wrenn_done_fn done,
                           void *user_data, wrenn_op **op, wrenn_error **error) {
    int rc = check(email, password, error);
    wrenn_op *made;
    if (rc == 0) rc = wrn_op_new(client, NULL, &login_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_login_request request = {
        .present = WRN_HAS_LOGIN_REQUEST_EMAIL | WRN_HAS_LOGIN_REQUEST_PASSWORD,
        .email = email,
        .password = password,
    };
    wrn_op_call(made, "POST", WRN_AUTH_NONE, "/auth/login", &wrn_model_login_request, &request);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_auth_login_finish(wrenn_op *op, wrenn_auth **auth, wrenn_error **error) {
    return wrn_op_take(op, &login_type, auth, error);
}

int wrenn_auth_login(wrenn_client *client, const char *email, const char *password, wrenn_auth **auth,
                     wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_auth_login_start(client, email, password, NULL, NULL, &op, error),
                 wrenn_auth_login_finish(op, auth, error));
}

void wrenn_auth_free(wrenn_auth *auth) { wrn_result_free(auth); }
