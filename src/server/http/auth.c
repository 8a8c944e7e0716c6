#include "server/http/auth.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

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

static bool store_secret(wrn_auth *auth, const char *path) {
    char part[4200];
    randombytes_buf(auth->secret, sizeof(auth->secret));
    /* Renamed into place, so that a crash never leaves a partial secret. */
    if ((size_t)snprintf(part, sizeof(part), "%s.new", path) >= sizeof(part)) return errno = ENAMETOOLONG, false;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return false;
    bool ok = write(fd, auth->secret, sizeof(auth->secret)) == (ssize_t)sizeof(auth->secret) && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    return ok && rename(part, path) == 0;
}

bool wrn_auth_load_secret(wrn_auth *auth, const char *path, wrn_why *why) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && store_secret(auth, path)) return true;
    struct stat info;
    bool ok = fd >= 0 && fstat(fd, &info) == 0;
    ssize_t got = ok ? read(fd, auth->secret, sizeof(auth->secret)) : -1;
    int error = errno;
    if (fd >= 0) close(fd);
    if (got < 0) return wrn_why_set(why, "cannot read or make %s: %s", path, strerror(error));
    if (got != (ssize_t)sizeof(auth->secret) || info.st_size != got)
        return wrn_why_set(why, "%s is damaged; remove it, and all tokens become invalid", path);
    if (info.st_mode & 077) return wrn_why_set(why, "others can read %s; run: chmod 600 %s", path, path);
    return true;
}
