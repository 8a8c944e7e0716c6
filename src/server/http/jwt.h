/* Tokens of users and of hosts: JSON Web Tokens (RFC 7519) signed with HS256, and nothing else. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "server/http/request.h"

enum { WRN_SECRET_SIZE = 32, WRN_TOKEN_SECONDS = 6 * 3600, WRN_HOST_TOKEN_SECONDS = 7 * 86400 };

typedef struct wrn_claims {
    const char *user_id, *team_id, *role, *email, *name;
    int64_t issued_at, expires_at;
    bool is_admin;
} wrn_claims;

/* Appends the token. */
void wrn_jwt_sign(const unsigned char secret[WRN_SECRET_SIZE], const wrn_claims *claims, wrn_buf *out);
/* True for a valid, unexpired token of a user. A token with a `typ` claim is refused: it is a host's. */
bool wrn_jwt_verify(const unsigned char secret[WRN_SECRET_SIZE], const char *token, int64_t now, wrn_identity *who);

/* The same for hosts, whose tokens have `typ` "host". */
void wrn_jwt_sign_host(const unsigned char secret[WRN_SECRET_SIZE], const char *host_id, int64_t now, wrn_buf *out);
bool wrn_jwt_verify_host(const unsigned char secret[WRN_SECRET_SIZE], const char *token, int64_t now,
                         char host_id[WRN_ID_SIZE]);
