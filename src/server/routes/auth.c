#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/routes/routes.h"

/* Trims the address and lower-cases its ASCII letters. False when it does not fit. */
static bool normalize_email(const char *text, char out[WRN_EMAIL_MAX + 1]) {
    text += strspn(text, " \t\r\n");
    size_t size = strlen(text);
    while (size && strchr(" \t\r\n", text[size - 1])) size--;
    if (size > WRN_EMAIL_MAX) return false;
    for (size_t i = 0; i < size; i++) out[i] = (char)(text[i] >= 'A' && text[i] <= 'Z' ? text[i] + 32 : text[i]);
    out[size] = '\0';
    return true;
}

static bool take_name(const wrn_signup_request *asked, wrn_account *account) {
    const char *name = asked->name ? asked->name + strspn(asked->name, " \t\r\n") : account->email;
    size_t size = asked->name ? strlen(name) : strcspn(name, "@");
    while (size && strchr(" \t\r\n", name[size - 1])) size--;
    if (!asked->name && size > WRN_SHOWN_NAME_MAX) size = wrn_utf8_valid_prefix(name, WRN_SHOWN_NAME_MAX);
    if (!asked->name && !size) name = "user", size = 4;
    if (!size || size > WRN_SHOWN_NAME_MAX) return false;
    memcpy(account->name, name, size);
    account->name[size] = '\0';
    return true;
}

static void reply_token(wrn_request *request, int status, const wrn_account *account) {
    WRN_AUTO(wrn_buf_free) wrn_buf token = WRN_BUF_INIT;
    int64_t now = wrn_unix_time();
    wrn_claims claims = {account->user_id,        account->team_id, account->role, account->email, account->name, now,
                         now + WRN_TOKEN_SECONDS, account->is_admin};
    wrn_jwt_sign(wrn_server_of(request)->auth.secret, &claims, &token);
    memcpy(request->who.user_id, account->user_id, sizeof(account->user_id));
    memcpy(request->who.team_id, account->team_id, sizeof(account->team_id));
    const wrenn_auth answer = {.token = token.data,
                               .user_id = account->user_id,
                               .team_id = account->team_id,
                               .email = account->email,
                               .name = account->name};
    wrn_reply_model(request, status, &wrn_model_auth, &answer);
}

/* A request that waits for a worker. */
typedef struct login {
    wrn_request *request;
    wrn_account account;
    bool known;
} login;

static login *new_login(wrn_request *request) {
    login *l = wrn_arena_alloc(&request->arena, sizeof(*l));
    l->request = request;
    return l;
}

static void reply_busy(wrn_request *request) {
    wrn_reply_error(request, WRN_FAULT_OVERLOADED, "too many logins at once; try again");
}

static void refuse_taken_email(wrn_request *request) {
    wrn_reply_error(request, WRN_FAULT_EMAIL_TAKEN, "that e-mail already has an account");
}

/* ---- signup ---- */

static void signup_on_hashed(void *context, const char *hash) {
    login *l = context;
    wrn_request *request = l->request;
    if (!hash) return wrn_reply_error(request, WRN_FAULT_INTERNAL_ERROR, "out of memory");
    snprintf(l->account.password_hash, sizeof(l->account.password_hash), "%s", hash);
    wrn_request_await_disk(request);
    switch (wrn_store_add_account(wrn_server_of(request)->store, &l->account)) {
    case WRN_DB_OK: return reply_token(request, 201, &l->account);
    case WRN_DB_TAKEN: return refuse_taken_email(request);
    default: return wrn_reply_db_error(request);
    }
}

static bool may_sign_up(const wrn_server *server, const wrn_request *request) {
    int64_t who = server->config->signup;
    return who == WRN_SIGNUP_OPEN || (who == WRN_SIGNUP_LOCAL && wrn_request_is_local(request));
}

void wrn_route_signup(wrn_request *request) {
    wrn_server *server = wrn_server_of(request);
    wrn_signup_request asked = {0};
    if (!may_sign_up(server, request))
        return wrn_reply_error(request, WRN_FAULT_FORBIDDEN,
                               "nobody can sign up here; the operator makes keys with: wrennd key create, or starts "
                               "wrennd with --signup local or open");
    if (!wrn_request_decode(request, &wrn_model_signup_request, &asked)) return;
    login *l = new_login(request);
    bool ok = normalize_email(asked.email, l->account.email);
    if (!ok || strlen(l->account.email) < 3 || !strchr(l->account.email, '@'))
        return wrn_reply_invalid(request, "member \"email\" is not an e-mail address");
    if (strlen(asked.password) < 8 || strlen(asked.password) > WRN_PASSWORD_MAX)
        return wrn_reply_invalid(request, "member \"password\" must have 8 to %d bytes", WRN_PASSWORD_MAX);
    if (!take_name(&asked, &l->account))
        return wrn_reply_invalid(request, "member \"name\" must have 1 to %d bytes", WRN_SHOWN_NAME_MAX);
    wrn_account taken;
    if (wrn_store_find_account(server->store, l->account.email, &taken) == WRN_DB_OK)
        return refuse_taken_email(request);
    wrn_id_new(l->account.user_id, "usr");
    wrn_id_new(l->account.team_id, "team");
    snprintf(l->account.role, sizeof(l->account.role), "owner");
    if (!wrn_password_hash(&server->loop, asked.password, signup_on_hashed, l)) reply_busy(request);
}

/* ---- login ---- */

static void login_on_verified(void *context, const char *hash) {
    login *l = context;
    wrn_server *server = wrn_server_of(l->request);
    if (!hash || !l->known) {
        wrn_damper_failed(&server->damper, l->account.email, wrn_now_ms());
        return wrn_reply_error(l->request, WRN_FAULT_UNAUTHORIZED, "wrong e-mail or password");
    }
    wrn_damper_succeeded(&server->damper, l->account.email);
    if (!*l->account.team_id) return wrn_reply_error(l->request, WRN_FAULT_NO_TEAM, "this account belongs to no team");
    reply_token(l->request, 200, &l->account);
}

void wrn_route_login(wrn_request *request) {
    wrn_server *server = wrn_server_of(request);
    wrn_login_request asked = {0};
    char email[WRN_EMAIL_MAX + 1];
    if (!wrn_request_decode(request, &wrn_model_login_request, &asked)) return;
    login *l = new_login(request);
    if (!*asked.email || !*asked.password)
        return wrn_reply_invalid(request, "members \"email\" and \"password\" must not be empty");
    if (!normalize_email(asked.email, email) || strlen(asked.password) > WRN_PASSWORD_MAX)
        return wrn_reply_error(request, WRN_FAULT_UNAUTHORIZED, "wrong e-mail or password");
    int64_t wait = wrn_damper_wait_ms(&server->damper, email, wrn_now_ms());
    if (wait) {
        char seconds[24];
        snprintf(seconds, sizeof(seconds), "%lld", (long long)(wait + 999) / 1000);
        wrn_request_add_field(request, "Retry-After", seconds);
        return wrn_reply_error(request, WRN_FAULT_TOO_MANY_REQUESTS, "too many failed logins; try again in %s s",
                               seconds);
    }
    wrn_db found = wrn_store_find_account(server->store, email, &l->account);
    if (found == WRN_DB_ERROR) return wrn_reply_db_error(request);
    l->known = found == WRN_DB_OK && *l->account.password_hash;
    snprintf(l->account.email, sizeof(l->account.email), "%s", email);
    const char *hash = l->known ? l->account.password_hash : NULL;
    if (!wrn_password_verify(&server->loop, asked.password, hash, login_on_verified, l)) reply_busy(request);
}
