/* Accounts: POST /v1/auth/signup and /v1/auth/login. Neither needs credentials. */
#ifndef WRENN_AUTH_H
#define WRENN_AUTH_H

#include "wrenn/client.h"
#include "wrenn/models.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Makes an account and its team. `name` may be NULL: the part of the e-mail before "@". Blocks (30 s at most by
 * default). The caller frees *auth with wrenn_auth_free(). On services that send an activation mail first, auth->token
 * is NULL and auth->unknown holds their message. Fails with WRENN_E_VALIDATION (password under 8 bytes, no "@"),
 * WRENN_E_CONFLICT (e-mail taken). */
WRENN_API WRENN_NODISCARD int wrenn_auth_signup(wrenn_client *client, const char *email, const char *password,
                                                const char *name, const wrenn_call_options *options, wrenn_auth **auth,
                                                wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_auth_signup_start(wrenn_client *client, const char *email, const char *password,
                                                      const char *name, const wrenn_call_options *options,
                                                      wrenn_done_fn done, void *user_data, wrenn_op **op,
                                                      wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_auth_signup_finish(wrenn_op *op, wrenn_auth **auth, wrenn_error **error);

/* Exchanges e-mail and password for a user token, valid for 6 hours; give it to wrenn_client_set_token(). Blocks (30
 * s). The caller frees *auth. Fails with WRENN_E_AUTHENTICATION, WRENN_E_FORBIDDEN (no team, account not active). */
WRENN_API WRENN_NODISCARD int wrenn_auth_login(wrenn_client *client, const char *email, const char *password,
                                               const wrenn_call_options *options, wrenn_auth **auth,
                                               wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_auth_login_start(wrenn_client *client, const char *email, const char *password,
                                                     const wrenn_call_options *options, wrenn_done_fn done,
                                                     void *user_data, wrenn_op **op, wrenn_error **error);
WRENN_API WRENN_NODISCARD int wrenn_auth_login_finish(wrenn_op *op, wrenn_auth **auth, wrenn_error **error);

/* Frees the whole result; NULL is fine. */
WRENN_API void wrenn_auth_free(wrenn_auth *auth);

#ifdef __cplusplus
}
#endif

#endif
