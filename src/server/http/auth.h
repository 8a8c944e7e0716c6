/* Checks the credentials of a request, which api/openapi.yaml (components.securitySchemes) describes. */
#pragma once

#include "server/http/jwt.h"
#include "server/http/router.h"
#include "server/log.h"
#include "server/store/store.h"

typedef struct wrn_auth {
    wrn_store *store;
    unsigned char secret[WRN_SECRET_SIZE];
} wrn_auth;

/* Fills request->who. False: the request was answered (401, or 500 when the database fails). */
bool wrn_auth_check(const wrn_auth *auth, wrn_request *request, wrn_access access);
/* For the first message of a WebSocket. */
bool wrn_auth_check_token(const wrn_auth *auth, const char *token, wrn_identity *who);
/* Reads the signing secret from `path`, or creates the file with mode 0600. */
bool wrn_auth_load_secret(wrn_auth *auth, const char *path, wrn_why *why);
