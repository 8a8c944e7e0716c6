/* The API: every route of api/openapi.yaml, one file per resource. */
#ifndef WRN_SERVER_ROUTES_ROUTES_H
#define WRN_SERVER_ROUTES_ROUTES_H

#include "gen/requests.h"
#include "server/http/router.h"
#include "server/server.h"

/* What the HTTP server calls: finds the route, checks who asks, then runs it. `context` is the wrn_server. */
wrn_http_plan wrn_routes_head(void *context, wrn_request *request);
void wrn_routes_run(void *context, wrn_request *request);
void wrn_routes_answered(void *context, const wrn_request *request, int status);

static inline wrn_server *wrn_request_server(const wrn_request *request) { return request->app; }

/* A fault as the answer, with the status that belongs to its code. */
void wrn_reply_fault(wrn_request *request, const wrn_fault *fault);

void wrn_route_health(wrn_request *request);
void wrn_route_openapi(wrn_request *request);
void wrn_route_signup(wrn_request *request);
void wrn_route_login(wrn_request *request);
void wrn_route_create_key(wrn_request *request);
void wrn_route_list_keys(wrn_request *request);
void wrn_route_delete_key(wrn_request *request);
void wrn_route_create_sandbox(wrn_request *request);
void wrn_route_list_sandboxes(wrn_request *request);
void wrn_route_get_sandbox(wrn_request *request);
void wrn_route_delete_sandbox(wrn_request *request);
void wrn_route_ping(wrn_request *request);
void wrn_route_pause(wrn_request *request);
void wrn_route_resume(wrn_request *request);
void wrn_route_exec(wrn_request *request);
void wrn_route_metrics(wrn_request *request);
void wrn_route_stats(wrn_request *request);
void wrn_route_usage(wrn_request *request);
void wrn_route_list_processes(wrn_request *request);
void wrn_route_kill_process(wrn_request *request);
void wrn_route_write_file(wrn_request *request);
void wrn_route_stream_write_file(wrn_request *request);
void wrn_route_read_file(wrn_request *request);
void wrn_route_list_dir(wrn_request *request);
void wrn_route_make_dir(wrn_request *request);
void wrn_route_remove_path(wrn_request *request);
/* WebSockets */
void wrn_route_exec_stream(wrn_request *request);
void wrn_route_process_stream(wrn_request *request);
void wrn_route_pty(wrn_request *request);
/* Server-sent events */
void wrn_route_events(wrn_request *request);
void wrn_route_create_snapshot(wrn_request *request);
void wrn_route_list_snapshots(wrn_request *request);
void wrn_route_delete_snapshot(wrn_request *request);
void wrn_route_create_host(wrn_request *request);
void wrn_route_list_hosts(wrn_request *request);
void wrn_route_register_host(wrn_request *request);
void wrn_route_refresh_host(wrn_request *request);
void wrn_route_get_host(wrn_request *request);
void wrn_route_delete_host(wrn_request *request);
void wrn_route_preview_host_delete(wrn_request *request);
void wrn_route_renew_host(wrn_request *request);
void wrn_route_list_tags(wrn_request *request);
void wrn_route_add_tag(wrn_request *request);
void wrn_route_remove_tag(wrn_request *request);
void wrn_route_heartbeat(wrn_request *request);

/* The sandbox that the path names, of the caller's team. False: the request was answered (400, 404 or 500). */
bool wrn_request_sandbox(wrn_request *request, wrn_sandbox_row *row);

/* As the API shows it. NULL when out of memory. */
wrn_json *wrn_show_sandbox(const wrn_server *server, const wrn_sandbox_row *row);

bool wrn_is_template_name(const char *name);

static inline const char *wrn_none_if_empty(const char *text) { return text && *text ? text : NULL; }
/* Adds what is known of a command's end to an answer. */
void wrn_exec_add_end(wrn_json *answer, const wrn_proc_result *result);
/* Puts what a request says of a command into `spec`, which points into `asked` and `arena`. False with a fault. */
bool wrn_exec_read_command(wrn_arena *arena, const wrn_command_words *asked, wrn_proc_spec *spec, wrn_fault *fault);
/* exec with background: answers once the command has started. */
void wrn_exec_background(wrn_request *request, const wrn_sandbox_row *row, const wrn_exec_request *asked,
                         const wrn_proc_spec *spec);

/* api/openapi.yaml as it was when this was built. */
extern const char wrn_openapi[];
extern const size_t wrn_openapi_size;

#endif
