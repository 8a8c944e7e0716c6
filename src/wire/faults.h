/* The error codes of the API, one row each: what wrennd answers with and what libwrenn makes of it. The contract is
 * ErrorCode in api/openapi.yaml; tools/generate.py fails when the two differ. The set is open: a client takes a code that is
 * not here by its HTTP status. */
#pragma once

/* X(name, code, HTTP status, class): WRN_FAULT_<name> in wrennd, WRENN_E_<class> in libwrenn. */
#define WRN_FAULTS(X)                                                        \
    X(INVALID_REQUEST, "invalid_request", 400, VALIDATION)                   \
    X(UNAUTHORIZED, "unauthorized", 401, AUTHENTICATION)                     \
    X(FORBIDDEN, "forbidden", 403, FORBIDDEN)                                \
    X(NO_TEAM, "no_team", 403, FORBIDDEN)                                    \
    X(ACCOUNT_NOT_ACTIVATED, "account_not_activated", 403, FORBIDDEN)        \
    X(ACCOUNT_DISABLED, "account_disabled", 403, FORBIDDEN)                  \
    X(ACCOUNT_DEACTIVATED, "account_deactivated", 403, FORBIDDEN)            \
    X(NOT_FOUND, "not_found", 404, NOT_FOUND)                                \
    X(INVALID_STATE, "invalid_state", 409, CONFLICT)                         \
    X(CONFLICT, "conflict", 409, CONFLICT)                                   \
    X(EMAIL_TAKEN, "email_taken", 409, CONFLICT)                             \
    X(SIGNUP_COOLDOWN, "signup_cooldown", 409, CONFLICT)                     \
    X(ALREADY_EXISTS, "already_exists", 409, CONFLICT)                       \
    X(TEMPLATE_NAME_TAKEN, "template_name_taken", 409, CONFLICT)             \
    X(NAME_RESERVED, "name_reserved", 409, CONFLICT)                         \
    X(HAS_ACTIVE_SANDBOXES, "has_active_sandboxes", 409, HOST_HAS_SANDBOXES) \
    X(HOST_HAS_SANDBOXES, "host_has_sandboxes", 409, HOST_HAS_SANDBOXES)     \
    X(HOST_HAS_CAPSULES, "host_has_capsules", 409, HOST_HAS_SANDBOXES)       \
    X(TOO_LARGE, "too_large", 413, VALIDATION)                               \
    X(TOO_MANY_REQUESTS, "too_many_requests", 429, API)                      \
    X(INTERNAL_ERROR, "internal_error", 500, INTERNAL)                       \
    X(DB_ERROR, "db_error", 500, INTERNAL)                                   \
    X(READ_ERROR, "read_error", 500, INTERNAL)                               \
    X(NOT_IMPLEMENTED, "not_implemented", 501, API)                          \
    X(AGENT_ERROR, "agent_error", 502, AGENT)                                \
    X(HOST_UNAVAILABLE, "host_unavailable", 503, HOST_UNAVAILABLE)           \
    X(NO_HOSTS_AVAILABLE, "no_hosts_available", 503, HOST_UNAVAILABLE)       \
    X(OVERLOADED, "overloaded", 503, HOST_UNAVAILABLE)

#define WRN_FAULT_(name, code, status, class) WRN_FAULT_##name,
typedef enum wrn_fault_code {
    WRN_FAULT_NONE,
    WRN_FAULTS(WRN_FAULT_) WRN_FAULT_NOT_LISTENING /* of a backend: nothing listens on the port; never sent */
} wrn_fault_code;
#undef WRN_FAULT_

/* The code as clients see it, such as "not_found"; NULL for one that is never sent. */
const char *wrn_fault_name(wrn_fault_code code);
/* The HTTP status that belongs to it; 0 for one that is never sent. */
int wrn_fault_status(wrn_fault_code code);
