#include "server/routes/routes.h"

#include <string.h>

#include "base/clock.h"
#include "gen/requests.h"
#include "server/log.h"
#include "server/routes/proxy.h"
#include "wire/server_features.h"

static bool is_on_disk(void *app) { return wrn_store_sync(((wrn_server *)app)->store); }

void wrn_request_await_disk(wrn_request *request) { wrn_request_confirm(request, is_on_disk); }

/* Bodies of callers we do not know yet, and of all that holds little more than a name or a path. */
enum { SMALL_BODY_MAX = 65536 };

static void not_implemented(wrn_request *request) {
    wrn_reply_error(request, WRN_FAULT_NOT_IMPLEMENTED, "%s %s is not implemented by this server", request->head.method,
                    request->head.path);
}

static const wrn_route routes[] = {
    {"GET", "/health", WRN_ACCESS_ANYONE, wrn_route_health},
    {"GET", "/openapi.yaml", WRN_ACCESS_ANYONE, wrn_route_openapi},

    {"POST", "/v1/auth/signup", WRN_ACCESS_ANYONE, wrn_route_signup},
    {"POST", "/v1/auth/login", WRN_ACCESS_ANYONE, wrn_route_login},

    {"POST", "/v1/api-keys/", WRN_ACCESS_USER, wrn_route_create_key},
    {"GET", "/v1/api-keys/", WRN_ACCESS_USER, wrn_route_list_keys},
    {"DELETE", "/v1/api-keys/{id}/", WRN_ACCESS_USER, wrn_route_delete_key},

    {"POST", "/v1/sandboxes/", WRN_ACCESS_TEAM, wrn_route_create_sandbox},
    {"GET", "/v1/sandboxes/", WRN_ACCESS_TEAM, wrn_route_list_sandboxes},
    {"GET", "/v1/sandboxes/stats", WRN_ACCESS_TEAM, wrn_route_stats},
    {"GET", "/v1/sandboxes/usage", WRN_ACCESS_TEAM, wrn_route_usage},
    {"GET", "/v1/sandboxes/{id}/", WRN_ACCESS_TEAM, wrn_route_get_sandbox},
    {"DELETE", "/v1/sandboxes/{id}/", WRN_ACCESS_TEAM, wrn_route_delete_sandbox},
    {"POST", "/v1/sandboxes/{id}/ping", WRN_ACCESS_TEAM, wrn_route_ping},
    {"POST", "/v1/sandboxes/{id}/pause", WRN_ACCESS_TEAM, wrn_route_pause},
    {"POST", "/v1/sandboxes/{id}/resume", WRN_ACCESS_TEAM, wrn_route_resume},
    {"GET", "/v1/sandboxes/{id}/metrics", WRN_ACCESS_TEAM, wrn_route_metrics},
    {"POST", "/v1/sandboxes/{id}/exec", WRN_ACCESS_TEAM, wrn_route_exec, .body = &wrn_model_exec_request},
    {"GET", "/v1/sandboxes/{id}/exec/stream", WRN_ACCESS_LATE, wrn_route_exec_stream},
    {"GET", "/v1/sandboxes/{id}/processes", WRN_ACCESS_TEAM, wrn_route_list_processes},
    {"DELETE", "/v1/sandboxes/{id}/processes/{selector}", WRN_ACCESS_TEAM, wrn_route_kill_process},
    {"GET", "/v1/sandboxes/{id}/processes/{selector}/stream", WRN_ACCESS_LATE, wrn_route_process_stream},
    {"GET", "/v1/sandboxes/{id}/pty", WRN_ACCESS_LATE, wrn_route_pty},
    {"POST", "/v1/sandboxes/{id}/files/write", WRN_ACCESS_TEAM, wrn_route_write_file, .streams = true},
    {"POST", "/v1/sandboxes/{id}/files/read", WRN_ACCESS_TEAM, wrn_route_read_file},
    {"POST", "/v1/sandboxes/{id}/files/stream/write", WRN_ACCESS_TEAM, wrn_route_stream_write_file, .streams = true},
    {"POST", "/v1/sandboxes/{id}/files/stream/read", WRN_ACCESS_TEAM, wrn_route_read_file},
    {"POST", "/v1/sandboxes/{id}/files/list", WRN_ACCESS_TEAM, wrn_route_list_dir},
    {"POST", "/v1/sandboxes/{id}/files/mkdir", WRN_ACCESS_TEAM, wrn_route_make_dir},
    {"POST", "/v1/sandboxes/{id}/files/remove", WRN_ACCESS_TEAM, wrn_route_remove_path},

    {"POST", "/v1/snapshots/", WRN_ACCESS_TEAM, wrn_route_create_snapshot},
    {"GET", "/v1/snapshots/", WRN_ACCESS_TEAM, wrn_route_list_snapshots},
    {"DELETE", "/v1/snapshots/{name}/", WRN_ACCESS_TEAM, wrn_route_delete_snapshot},

    {"GET", "/v1/events/stream", WRN_ACCESS_TEAM, wrn_route_events},

    {"POST", "/v1/hosts/", WRN_ACCESS_USER, wrn_route_create_host},
    {"GET", "/v1/hosts/", WRN_ACCESS_USER, wrn_route_list_hosts},
    {"POST", "/v1/hosts/register", WRN_ACCESS_ANYONE, wrn_route_register_host},
    {"POST", "/v1/hosts/auth/refresh", WRN_ACCESS_ANYONE, wrn_route_refresh_host},
    {"GET", "/v1/hosts/{id}/", WRN_ACCESS_USER, wrn_route_get_host},
    {"DELETE", "/v1/hosts/{id}/", WRN_ACCESS_USER, wrn_route_delete_host},
    {"GET", "/v1/hosts/{id}/delete-preview", WRN_ACCESS_USER, wrn_route_preview_host_delete},
    {"POST", "/v1/hosts/{id}/token", WRN_ACCESS_USER, wrn_route_renew_host},
    {"GET", "/v1/hosts/{id}/tags", WRN_ACCESS_USER, wrn_route_list_tags},
    {"POST", "/v1/hosts/{id}/tags", WRN_ACCESS_USER, wrn_route_add_tag},
    {"DELETE", "/v1/hosts/{id}/tags/{tag}", WRN_ACCESS_USER, wrn_route_remove_tag},
    {"POST", "/v1/hosts/{id}/heartbeat", WRN_ACCESS_ANYONE, wrn_route_heartbeat},

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
};

/* Found by the Host field, not by the path. */
static const wrn_route proxy_route = {"*", "", WRN_ACCESS_ANYONE, wrn_proxy_run, true};

static bool is_api(const char *path) { return strncmp(path, "/v1", 3) == 0 && (path[3] == '/' || path[3] == '\0'); }

static void reply_plain(wrn_request *request, int status, const char *text) {
    wrn_reply_bytes(request, status, "text/plain; charset=utf-8", text, strlen(text));
}

static void refuse_path(wrn_request *request, wrn_match match) {
    const char *method = request->head.method, *path = request->head.path;
    switch (match) {
    case WRN_MATCH_NO_METHOD:
        if (!is_api(path)) return reply_plain(request, 405, "method not allowed\n");
        return wrn_reply_error_as(request, 405, WRN_FAULT_INVALID_REQUEST, "%s is not possible on %s", method, path);
    case WRN_MATCH_BAD_PATH:
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "the path has malformed percent-encoding");
    default:
        if (!is_api(path)) return reply_plain(request, 404, "not found\n");
        return wrn_reply_error(request, WRN_FAULT_NOT_FOUND, "there is no route %s %s", method, path);
    }
}

static void refuse_origin(wrn_request *request, const char *why, bool is_proxied) {
    if (!is_proxied) return wrn_reply_error(request, WRN_FAULT_FORBIDDEN, "%s", why);
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    wrn_buf_printf(&line, "%s\n", why);
    reply_plain(request, 403, line.data ? line.data : "");
}

static bool is_of_sandbox(const wrn_request *request) { return request->params[0] && wrn_id_is(request->params[0], "cl"); }

wrn_http_plan wrn_routes_head(void *context, wrn_request *request) {
    const wrn_server *server = context;
    const wrn_route *route = NULL;
    const char *host = wrn_http_head_get(&request->head, "host");
    bool is_proxied = host && wrn_proxy_matches(host);
    const char *why = wrn_origin_problem(&server->names, request, is_proxied);
    if (why) return refuse_origin(request, why, is_proxied), WRN_HTTP_ANSWERED;
    if (is_proxied) return request->route = &proxy_route, WRN_HTTP_STREAM;
    wrn_request_add_field(request, WRN_FEATURES_FIELD, WRN_FEATURES);
    WRN_AUTO(wrn_buf_free) wrn_buf allow = WRN_BUF_INIT;
    wrn_match match = wrn_router_find(routes, WRN_COUNT(routes), request->head.method, request->head.path,
                                      &request->arena, request->params, &route, &allow);
    if (match == WRN_MATCH_NO_METHOD && !allow.failed) wrn_request_add_field(request, "Allow", allow.data);
    if (match != WRN_MATCH_FOUND) return refuse_path(request, match), WRN_HTTP_ANSWERED;
    if (!wrn_auth_check(&server->auth, request, route->access)) return WRN_HTTP_ANSWERED;
    if (!route->body && !route->streams && request->body_max > SMALL_BODY_MAX) request->body_max = SMALL_BODY_MAX;
    request->route = route;
    if (*request->who.team_id)
        wrn_request_set_owner(request, is_of_sandbox(request) ? request->params[0] : request->who.team_id);
    return route->streams ? WRN_HTTP_STREAM : WRN_HTTP_COLLECT;
}

void wrn_routes_run(void *context, wrn_request *request) {
    (void)context;
    const wrn_route *route = request->route;
    if (!route->body || request->body.size <= WRN_JSON_SMALL) return route->run(request);
    wrn_request_decode_later(request, route->body, route->run);
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

void wrn_route_health(wrn_request *request) {
    const wrn_health health = {
        .present = WRN_HAS_HEALTH_STATUS | WRN_HAS_HEALTH_VERSION, .status = "ok", .version = WRN_VERSION};
    wrn_reply_model(request, 200, &wrn_model_health, &health);
}

void wrn_route_openapi(wrn_request *request) {
    wrn_reply_bytes(request, 200, "application/yaml", wrn_openapi, wrn_openapi_size);
}
