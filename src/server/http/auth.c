#include "server/http/auth.h"

#include <string.h>

#include "base/clock.h"
#include "server/store/key_file.h"

static bool refuse_credentials(wrn_request *request, const char *message) {
    return wrn_refuse(request, WRN_FAULT_UNAUTHORIZED, "%s", message);
}

static bool check_key(const wrn_auth *auth, wrn_request *request, const char *key, bool forgiven) {
    switch (wrn_store_use_key(auth->store, key, request->who.team_id, request->who.key_id)) {
    case WRN_DB_OK: return true;
    case WRN_DB_NONE:
    case WRN_DB_TAKEN: return forgiven || refuse_credentials(request, "invalid API key");
    case WRN_DB_ERROR: break;
    }
    wrn_reply_db_error(request);
    return false;
}

/* Any other scheme counts as no credentials. */
static const char *bearer_of(const wrn_request *request) {
    const char *value = wrn_http_head_get(&request->head, "authorization");
    return value && strncmp(value, "Bearer ", 7) == 0 ? value + 7 : NULL;
}

/* Whether wrong credentials count as none, because the first message of the WebSocket may bring others. */
static bool is_forgiven(const wrn_request *request, wrn_access access) {
    return access == WRN_ACCESS_LATE && wrn_request_is_of_capsules(request);
}

bool wrn_auth_check(const wrn_auth *auth, wrn_request *request, wrn_access access) {
    if (access == WRN_ACCESS_ANYONE) return true;
    const char *key = wrn_http_head_get(&request->head, "x-api-key");
    bool for_team = access == WRN_ACCESS_TEAM || access == WRN_ACCESS_LATE;
    if (for_team && key && *key) return check_key(auth, request, key, is_forgiven(request, access));
    const char *token = bearer_of(request);
    if (!token && for_team) token = wrn_query_get(request->head.query, "token", &request->arena);
    if (token && wrn_jwt_verify(auth->secret, token, wrn_unix_time(), &request->who)) return true;
    if (token && is_forgiven(request, access)) return request->who = (wrn_identity){0}, true;
    if (token) return refuse_credentials(request, "invalid or expired token");
    if (access == WRN_ACCESS_LATE) return true;
    return refuse_credentials(request, for_team ? "send an API key as X-API-Key, or a token as Authorization: Bearer"
                                                : "send a user's token as Authorization: Bearer");
}

bool wrn_auth_check_token(const wrn_auth *auth, const char *token, wrn_identity *who) {
    return wrn_jwt_verify(auth->secret, token, wrn_unix_time(), who);
}

bool wrn_auth_load_secret(wrn_auth *auth, const char *path, wrn_why *why) {
    return wrn_key_file_load(path, auth->secret, "all tokens become invalid", why);
}
