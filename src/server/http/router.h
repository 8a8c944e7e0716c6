/* From method and path to a route. */
#pragma once

#include "server/http/request.h"

struct wrn_sandbox_row;

/* Which credentials a route takes. */
typedef enum wrn_access {
    WRN_ACCESS_ANYONE,
    WRN_ACCESS_TEAM, /* X-API-Key or a user's token */
    WRN_ACCESS_LATE, /* the same; or none: then who.team_id is "", and the first WebSocket message must bring a token */
    WRN_ACCESS_USER  /* a user's token only */
} wrn_access;

typedef struct wrn_route {
    const char *method;  /* "*": any */
    const char *pattern; /* "/v1/sandboxes/{id}/exec". A last segment "..." matches any rest, also an empty one; a last
                          * slash is optional in the request's path. */
    wrn_access access;
    void (*run)(wrn_request *request);
    void (*run_sandbox)(wrn_request *request, const struct wrn_sandbox_row *row); /* when `run` is NULL: {id} is one */
    bool running;                                                                 /* which commands can run in */
    bool streams;                                                                 /* the body comes in pieces */
    const void *of;        /* for the handler: what kind of its subject the route is for; may be NULL */
    const wrn_model *body; /* a large body, decoded before the handler runs; NULL: 64 KiB at most */
} wrn_route;

typedef enum wrn_match {
    WRN_MATCH_FOUND,
    WRN_MATCH_NO_PATH,
    WRN_MATCH_NO_METHOD, /* the path exists; `allow` lists its methods */
    WRN_MATCH_BAD_PATH   /* wrong percent-encoding, or an encoded NUL */
} wrn_match;

/* Looks in all `tables`: NULL is behind the last one, and behind the routes of each one is a route of zeros.
 *
 * Literal segments win over parameters; the leftmost difference decides. The segment "capsules" is an alias of "sandboxes".
 * Parameters are decoded into the arena. */
wrn_match wrn_router_find(const wrn_route *const *tables, const char *method, const char *path, wrn_arena *arena,
                          const char *params[WRN_PARAMS_MAX], const wrn_route **found, wrn_buf *allow);

/* Whether the path begins with /v1/capsules/, as on newer servers of the platform. */
bool wrn_request_is_of_capsules(const wrn_request *request);

/* Decodes percent-encoding in place; with `plus`, '+' is a space. False when it is malformed or holds a NUL. */
bool wrn_percent_decode(char *text, bool plus);
/* Takes the next parameter of a query, decoded; a malformed or missing value is NULL. False when there is none left. */
bool wrn_query_next(const char **at, const char **name, const char **value, wrn_arena *arena);
/* The decoded value of a query parameter; NULL when absent or malformed. */
const char *wrn_query_get(const char *query, const char *name, wrn_arena *arena);
