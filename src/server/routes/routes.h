/* The API: every route of api/openapi.yaml, one file per resource. */
#pragma once

#include "base/text.h"
#include "gen/requests.h"
#include "server/http/router.h"
#include "server/server.h"

/* The routes. X(method, pattern, access, handler). SANDBOX(method, pattern, handler): of a sandbox, below
 * /v1/sandboxes/{id}, for the team that owns it. RUNNING(method, pattern, handler): the same for one that commands can
 * run in. What follows initializes members of wrn_route. */
#define WRN_ROUTES(X, SANDBOX, RUNNING)                                                                    \
    X("GET", "/health", ANYONE, wrn_route_health)                                                          \
    X("GET", "/openapi.yaml", ANYONE, wrn_route_openapi)                                                   \
    X("POST", "/v1/auth/signup", ANYONE, wrn_route_signup)                                                 \
    X("POST", "/v1/auth/login", ANYONE, wrn_route_login)                                                   \
    X("POST", "/v1/api-keys/", USER, wrn_route_create_key)                                                 \
    X("GET", "/v1/api-keys/", USER, wrn_route_list_keys)                                                   \
    X("DELETE", "/v1/api-keys/{id}/", USER, wrn_route_delete_key)                                          \
    X("GET", "/v1/secrets/", TEAM, wrn_route_list_secrets)                                                 \
    X("PUT", "/v1/secrets/{name}/", TEAM, wrn_route_set_secret)                                            \
    X("DELETE", "/v1/secrets/{name}/", TEAM, wrn_route_delete_secret)                                      \
    X("POST", "/v1/sandboxes/", TEAM, wrn_route_create_sandbox, .body = &wrn_model_create_sandbox_request) \
    X("GET", "/v1/sandboxes/", TEAM, wrn_route_list_sandboxes)                                             \
    X("GET", "/v1/sandboxes/stats", TEAM, wrn_route_stats)                                                 \
    X("GET", "/v1/sandboxes/usage", TEAM, wrn_route_usage)                                                 \
    SANDBOX("GET", "/", wrn_route_get_sandbox)                                                             \
    SANDBOX("DELETE", "/", wrn_route_delete_sandbox)                                                       \
    SANDBOX("POST", "/ping", wrn_route_ping)                                                               \
    SANDBOX("POST", "/pause", wrn_route_pause)                                                             \
    SANDBOX("POST", "/resume", wrn_route_resume)                                                           \
    SANDBOX("POST", "/fork", wrn_route_fork)                                                               \
    SANDBOX("POST", "/lifetime", wrn_route_set_lifetime)                                                   \
    SANDBOX("PATCH", "/metadata", wrn_route_set_metadata)                                                  \
    SANDBOX("GET", "/lease", wrn_route_hold)                                                               \
    SANDBOX("GET", "/network", wrn_route_get_network)                                                      \
    SANDBOX("GET", "/network/check", wrn_route_check_network)                                              \
    SANDBOX("PUT", "/network", wrn_route_set_network, .body = &wrn_model_network_policy)                   \
    X("GET", "/v1/sandboxes/{id}/metrics", TEAM, wrn_route_metrics)                                        \
    RUNNING("POST", "/exec", wrn_route_exec, .body = &wrn_model_exec_request)                              \
    SANDBOX("GET", "/processes", wrn_route_list_processes)                                                 \
    SANDBOX("DELETE", "/processes/{selector}", wrn_route_kill_process)                                     \
    RUNNING("GET", "/ports/{port}", wrn_route_wait_port, .streams = false)                                 \
    RUNNING("POST", "/files/write", wrn_route_write_file, .streams = true)                                 \
    RUNNING("POST", "/files/read", wrn_route_read_file, .streams = false)                                  \
    RUNNING("POST", "/files/stream/write", wrn_route_stream_write_file, .streams = true)                   \
    RUNNING("GET", "/files/tar", wrn_route_read_tar, .streams = false)                                     \
    RUNNING("PUT", "/files/tar", wrn_route_write_tar, .streams = true)                                     \
    RUNNING("POST", "/files/list", wrn_route_list_dir, .streams = false)                                   \
    RUNNING("POST", "/files/mkdir", wrn_route_make_dir, .streams = false)                                  \
    RUNNING("POST", "/files/remove", wrn_route_remove_path, .streams = false)                              \
    RUNNING("POST", "/files/rename", wrn_route_rename_path, .streams = false)                              \
    RUNNING("POST", "/files/chmod", wrn_route_change_mode, .streams = false)                               \
    X("POST", "/v1/snapshots/", TEAM, wrn_route_create_snapshot)                                           \
    X("GET", "/v1/snapshots/", TEAM, wrn_route_list_snapshots)                                             \
    X("DELETE", "/v1/snapshots/{name}/", TEAM, wrn_route_delete_snapshot)                                  \
    X("GET", "/v1/events", TEAM, wrn_route_list_events)                                                    \
    X("GET", "/v1/events/stream", TEAM, wrn_route_events)                                                  \
    X("POST", "/v1/hosts/", USER, wrn_route_create_host)                                                   \
    X("GET", "/v1/hosts/", USER, wrn_route_list_hosts)                                                     \
    X("POST", "/v1/hosts/register", ANYONE, wrn_route_register_host)                                       \
    X("POST", "/v1/hosts/auth/refresh", ANYONE, wrn_route_refresh_host)                                    \
    X("GET", "/v1/hosts/{id}/", USER, wrn_route_get_host)                                                  \
    X("DELETE", "/v1/hosts/{id}/", USER, wrn_route_delete_host)                                            \
    X("GET", "/v1/hosts/{id}/delete-preview", USER, wrn_route_preview_host_delete)                         \
    X("POST", "/v1/hosts/{id}/token", USER, wrn_route_renew_host)                                          \
    X("GET", "/v1/hosts/{id}/tags", USER, wrn_route_list_tags)                                             \
    X("POST", "/v1/hosts/{id}/tags", USER, wrn_route_add_tag)                                              \
    X("DELETE", "/v1/hosts/{id}/tags/{tag}", USER, wrn_route_remove_tag)                                   \
    X("POST", "/v1/hosts/{id}/heartbeat", ANYONE, wrn_route_heartbeat)

#define WRN_HANDLER(method, pattern, access, handler, ...) void handler(wrn_request *request);
#define WRN_SANDBOX_HANDLER(method, pattern, handler, ...) \
    void handler(wrn_request *request, const wrn_sandbox_row *row);
WRN_ROUTES(WRN_HANDLER, WRN_SANDBOX_HANDLER, WRN_SANDBOX_HANDLER)
#undef WRN_HANDLER
#undef WRN_SANDBOX_HANDLER

/* Those of streams.c. */
extern const wrn_route wrn_stream_routes[];

/* Called by the HTTP server: finds the route, checks the credentials, then runs it. `context` is the wrn_server. */
wrn_http_plan wrn_routes_head(void *context, wrn_request *request);
void wrn_routes_run(void *context, wrn_request *request);
void wrn_routes_answered(void *context, const wrn_request *request, int status);

static inline wrn_server *wrn_server_of(const wrn_request *request) { return request->app; }
/* Holds a successful answer back until what was stored is on the disk. */
void wrn_request_await_disk(wrn_request *request);

void wrn_reply_fault(wrn_request *request, const wrn_fault *fault);
void wrn_reply_plain(wrn_request *request, int status, const char *text);
/* 204 when `outcome` is WRN_DB_OK, else db_error. */
void wrn_reply_stored(wrn_request *request, wrn_db outcome);
/* 200 with the array, which this frees, when `outcome` is WRN_DB_OK, else db_error. */
void wrn_reply_list(wrn_request *request, wrn_db outcome, wrn_json *array);

/* A sandbox of that team. False with a fault. */
bool wrn_find_sandbox(const wrn_server *server, const char *team_id, const char *id, wrn_sandbox_row *row,
                      wrn_fault *fault);
/* The sandbox as the API shows it. */
wrn_json *wrn_show_sandbox(const wrn_server *server, const wrn_sandbox_row *row);

bool wrn_is_template_name(const char *name);

/* Adds the members that describe a command's end to an answer. */
void wrn_exec_add_end(wrn_json *answer, const wrn_proc_result *result);
/* Fills in what a request says of a command; `spec` points into `asked` and `arena`. False with a fault. */
bool wrn_exec_read_command(wrn_arena *arena, const wrn_command_words *asked, wrn_proc_spec *spec, wrn_fault *fault);
/* exec with `background`: answers once the command has started. */
void wrn_exec_background(wrn_request *request, const wrn_sandbox_row *row, const wrn_exec_request *asked,
                         const wrn_proc_spec *spec);

/* api/openapi.yaml, embedded at build time. */
extern const char wrn_openapi[];
extern const size_t wrn_openapi_size;
