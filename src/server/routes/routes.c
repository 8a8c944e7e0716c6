#include "server/routes/routes.h"

#include <string.h>

#include "base/clock.h"
#include "server/log.h"
#include "server/routes/proxy.h"
#include "wire/server_features.h"

static bool is_on_disk(void *app) { return wrn_store_sync(((wrn_server *)app)->store); }

void wrn_request_await_disk(wrn_request *request) { wrn_request_confirm(request, is_on_disk); }

/* The limit for the body of a route without wrn_route.body: a name or a path, perhaps from an unauthenticated caller. */
enum { SMALL_BODY_MAX = 65536 };

static void not_implemented(wrn_request *request) {
    wrn_reply_error(request, WRN_FAULT_NOT_IMPLEMENTED, "%s %s is not implemented by this server", request->head.method,
                    request->head.path);
}

#define ROUTE(method, pattern, access, handler, ...) {method, pattern, WRN_ACCESS_##access, handler, __VA_ARGS__},
#define SANDBOX(method, pattern, handler, ...) \
    {method, "/v1/sandboxes/{id}" pattern, WRN_ACCESS_TEAM, .run_sandbox = handler, __VA_ARGS__},
#define RUNNING(method, pattern, handler, ...) \
    {method, "/v1/sandboxes/{id}" pattern, WRN_ACCESS_TEAM, .run_sandbox = handler, .running = true, __VA_ARGS__},

static const wrn_route routes[] = {
    WRN_ROUTES(ROUTE, SANDBOX, RUNNING) RUNNING("POST", "/files/stream/read", wrn_route_read_file, .streams = false)

    /* x-wrenn-not-implemented of openapi.yaml */
    {"*", "/auth/oauth/...", WRN_ACCESS_ANYONE, not_implemented},
    {"POST", "/v1/auth/activate", WRN_ACCESS_ANYONE, not_implemented},
    {"POST", "/v1/auth/switch-team", WRN_ACCESS_USER, not_implemented},
    {"POST", "/v1/me/password/reset", WRN_ACCESS_ANYONE, not_implemented},
    {"POST", "/v1/me/password/reset/confirm", WRN_ACCESS_ANYONE, not_implemented},
    {"*", "/v1/me/...", WRN_ACCESS_USER, not_implemented},
    {"*", "/v1/teams/...", WRN_ACCESS_USER, not_implemented},
    {"GET", "/v1/users/search", WRN_ACCESS_USER, not_implemented},
    {"*", "/v1/channels/...", WRN_ACCESS_USER, not_implemented},
    {"GET", "/v1/audit-logs", WRN_ACCESS_USER, not_implemented},
    {"*", "/v1/admin/...", WRN_ACCESS_USER, not_implemented},
    {"*", "/v1/volumes/...", WRN_ACCESS_TEAM, not_implemented},
    {"PATCH", "/v1/snapshots/{name}/", WRN_ACCESS_TEAM, not_implemented},
    {"POST", "/v1/hosts/sandbox-events", WRN_ACCESS_ANYONE, not_implemented},
    {0},
};
static const wrn_route *const tables[] = {routes, wrn_stream_routes, NULL};

/* Selected by the Host field, not by the path. */
static const wrn_route proxy_route = {"*", "", WRN_ACCESS_ANYONE, wrn_proxy_run, .streams = true};

static bool is_api(const char *path) { return strncmp(path, "/v1", 3) == 0 && (path[3] == '/' || path[3] == '\0'); }

void wrn_reply_plain(wrn_request *request, int status, const char *text) {
    wrn_buf line = WRN_BUF_INIT;
    wrn_buf_printf(&line, "%s\n", text);
    wrn_reply_buf(request, status, "text/plain; charset=utf-8", &line);
}

static void refuse_path(wrn_request *request, wrn_match match) {
    const char *method = request->head.method, *path = request->head.path;
    switch (match) {
    case WRN_MATCH_NO_METHOD:
        if (!is_api(path)) return wrn_reply_plain(request, 405, "method not allowed");
        return wrn_reply_error_as(request, 405, WRN_FAULT_INVALID_REQUEST, "%s is not allowed on %s", method, path);
    case WRN_MATCH_BAD_PATH:
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "the path has malformed percent-encoding");
    default:
        if (!is_api(path)) return wrn_reply_plain(request, 404, "not found");
        return wrn_reply_error(request, WRN_FAULT_NOT_FOUND, "there is no route %s %s", method, path);
    }
}

wrn_http_plan wrn_routes_head(void *context, wrn_request *request) {
    const wrn_server *server = context;
    const wrn_route *route = NULL;
    const char *host = wrn_http_head_get(&request->head, "host");
    bool is_proxied = host && wrn_proxy_matches(host);
    const char *why = wrn_origin_problem(&server->names, request, is_proxied);
    if (why && is_proxied) return wrn_reply_plain(request, 403, why), WRN_HTTP_ANSWERED;
    if (why) return wrn_reply_error(request, WRN_FAULT_FORBIDDEN, "%s", why), WRN_HTTP_ANSWERED;
    if (is_proxied) return request->route = &proxy_route, WRN_HTTP_STREAM;
    wrn_request_add_field(request, WRN_FEATURES_FIELD, &WRN_FEATURES[1]);
    WRN_AUTO(wrn_buf_free) wrn_buf allow = WRN_BUF_INIT;
    wrn_match match = wrn_router_find(tables, request->head.method, request->head.path, &request->arena,
                                      request->params, &route, &allow);
    if (match == WRN_MATCH_NO_METHOD) wrn_request_add_field(request, "Allow", allow.data);
    if (match != WRN_MATCH_FOUND) return refuse_path(request, match), WRN_HTTP_ANSWERED;
    if (!wrn_auth_check(&server->auth, request, route->access)) return WRN_HTTP_ANSWERED;
    if (!route->body && !route->streams && request->body_max > SMALL_BODY_MAX) request->body_max = SMALL_BODY_MAX;
    request->route = route;
    if (*request->who.team_id) wrn_request_set_owner(request, request->who.team_id);
    return route->streams ? WRN_HTTP_STREAM : WRN_HTTP_COLLECT;
}

static void run_route(wrn_request *request) {
    const wrn_route *route = request->route;
    wrn_sandbox_row row;
    wrn_fault fault;
    if (route->run) return route->run(request);
    if (!wrn_find_sandbox(wrn_server_of(request), request->who.team_id, request->params[0], &row, &fault) ||
        (route->running && !wrn_sandbox_is_usable(&row, &fault)))
        return wrn_reply_fault(request, &fault);
    wrn_request_set_owner(request, row.id);
    route->run_sandbox(request, &row);
}

void wrn_routes_run(void *context, wrn_request *request) {
    (void)context;
    const wrn_route *route = request->route;
    if (!route->body || request->body.size <= WRN_JSON_SMALL) return run_route(request);
    wrn_request_decode_later(request, route->body, run_route);
}

void wrn_routes_answered(void *context, const wrn_request *request, int status) {
    wrn_server *server = context;
    const char *method = request->head.method ? request->head.method : "-";
    wrn_log_debug("%s %s -> %d, %lld us", method, request->head.path ? request->head.path : "-", status,
                  request->started_us ? (long long)(wrn_now_us() - request->started_us) : 0LL);
    if (request->route != &proxy_route) wrn_audit_request(&server->audit, request, status);
}

void wrn_reply_fault(wrn_request *request, const wrn_fault *fault) {
    wrn_reply_error(request, fault->code, "%s", fault->message);
}

void wrn_reply_stored(wrn_request *request, wrn_db outcome) {
    if (outcome == WRN_DB_OK) wrn_reply_empty(request, 204);
    else wrn_reply_db_error(request);
}

void wrn_reply_list(wrn_request *request, wrn_db outcome, wrn_json *array) {
    if (outcome == WRN_DB_OK) return wrn_reply_json(request, 200, array);
    wrn_json_free(array);
    wrn_reply_db_error(request);
}

void wrn_route_health(wrn_request *request) {
    const wrn_health health = {.status = "ok", .version = WRN_VERSION};
    wrn_reply_model(request, 200, &wrn_model_health, &health);
}

void wrn_route_openapi(wrn_request *request) {
    wrn_reply_bytes(request, 200, "application/yaml", wrn_openapi, wrn_openapi_size);
}
