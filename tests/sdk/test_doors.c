/* Every operation through its three doors: the same request goes out, the same result or typed error comes back. */
#include <poll.h>
#include <stdio.h>

#include "fail_alloc.h"
#include "sdk.h"
#include "soak.h"

typedef struct outcome {
    int rc;
    char text[256]; /* the result, as text */
    int64_t http_status;
} outcome;

static void take_error(outcome *out, int rc, wrenn_error **from) {
    wrenn_error *error = *from;
    out->rc = rc;
    out->http_status = wrenn_error_http_status(error);
    CHECK((rc < 0) == (error != NULL));
    if (error) CHECK_INT(wrenn_error_code(error), rc);
    wrenn_error_free(error);
}

/* Each operation: blocking, start, and finish, writing to an outcome. */
#define OPERATION(ident, type, free_fn, describe, ...)                                                     \
    static void block_##ident(wrenn_client *client, wrenn_sandbox *sandbox, outcome *out) {                \
        (void)client, (void)sandbox;                                                                       \
        type *result = NULL;                                                                               \
        wrenn_error *error = NULL;                                                                         \
        take_error(out, wrenn_##ident(__VA_ARGS__, &result, &error), &error);                              \
        if (out->rc == 0) describe;                                                                        \
        free_fn(result);                                                                                   \
    }                                                                                                      \
    static int start_##ident(wrenn_client *client, wrenn_sandbox *sandbox, wrenn_done_fn done, void *data, \
                             wrenn_op **op, wrenn_error **error) {                                         \
        (void)client, (void)sandbox;                                                                       \
        return wrenn_##ident##_start(__VA_ARGS__, done, data, op, error);                                  \
    }                                                                                                      \
    static void finish_##ident(wrenn_op *op, outcome *out) {                                               \
        type *result = NULL;                                                                               \
        wrenn_error *error = NULL;                                                                         \
        take_error(out, wrenn_##ident##_finish(op, &result, &error), &error);                              \
        if (out->rc == 0) describe;                                                                        \
        free_fn(result);                                                                                   \
    }

/* The same for operations without a result. */
#define PLAIN_OPERATION(ident, ...)                                                                        \
    static void block_##ident(wrenn_client *client, wrenn_sandbox *sandbox, outcome *out) {                \
        (void)client, (void)sandbox;                                                                       \
        wrenn_error *error = NULL;                                                                         \
        take_error(out, wrenn_##ident(__VA_ARGS__, &error), &error);                                       \
    }                                                                                                      \
    static int start_##ident(wrenn_client *client, wrenn_sandbox *sandbox, wrenn_done_fn done, void *data, \
                             wrenn_op **op, wrenn_error **error) {                                         \
        (void)client, (void)sandbox;                                                                       \
        return wrenn_##ident##_start(__VA_ARGS__, done, data, op, error);                                  \
    }                                                                                                      \
    static void finish_##ident(wrenn_op *op, outcome *out) {                                               \
        wrenn_error *error = NULL;                                                                         \
        take_error(out, wrenn_##ident##_finish(op, &error), &error);                                       \
    }

/* What each of them is told for its call. */
static const char *const traced[] = {"X-Trace: t=1", "Cookie: a=b; c=d", NULL};
#define CALL \
    { .struct_size = sizeof(wrenn_call_options), .idempotency_key = "k-1", .request_id = "r-1", .headers = traced }
static const wrenn_call_options call = CALL;
#define SENT_WITH_ALL "X-Request-ID: r-1\r\nX-Trace: t=1\r\nCookie: a=b; c=d\r\n"

static const char *const echo[] = {"echo", "hi", NULL};
static const char *const envs[] = {"A=1", "B=x=y", NULL};
static const wrenn_command exec_options = {.struct_size = sizeof(wrenn_command),
                                           .argv = echo,
                                           .envs = envs,
                                           .cwd = "/tmp",
                                           .user = "app",
                                           .time_limit_ms = 1500};
static const wrenn_sandboxes_create_options create_options = {.struct_size = sizeof(wrenn_sandboxes_create_options),
                                                              .call = CALL,
                                                              .template_name = "minimal",
                                                              .vcpus = 2,
                                                              .memory_mb = 256,
                                                              .idle_timeout_sec = 60};

static const wrenn_sandbox_fork_options fork_options = {.struct_size = sizeof(wrenn_sandbox_fork_options),
                                                        .call = CALL,
                                                        .count = 2,
                                                        .lifetime_sec = 90,
                                                        .metadata = envs};
static const wrenn_sandboxes_query_options query_options = {.struct_size = sizeof(wrenn_sandboxes_query_options),
                                                            .call = CALL,
                                                            .labels = envs,
                                                            .status = "running"};

static const char *const network_allow[] = {"pypi.org", NULL}, *const network_deny[] = {"x.org:80", NULL},
                         *const network_presets[] = {"node", NULL};
static const wrenn_sandbox_network_set_options network_options = {.struct_size =
                                                                      sizeof(wrenn_sandbox_network_set_options),
                                                                  .call = CALL,
                                                                  .egress = WRENN_EGRESS_ALLOWLIST,
                                                                  .allow = network_allow,
                                                                  .deny = network_deny,
                                                                  .presets = network_presets};
static const wrenn_sandbox_metrics_options metrics_options = {.struct_size = sizeof(wrenn_sandbox_metrics_options),
                                                              .call = CALL,
                                                              .range = "1h"};
static const char *const event_types[] = {"sandbox", "command.end", NULL};
static const wrenn_events_list_options events_options = {.struct_size = sizeof(wrenn_events_list_options),
                                                         .call = CALL,
                                                         .after = "t.7",
                                                         .since_ms = 5,
                                                         .wait_ms = 1500,
                                                         .sandbox = "a b",
                                                         .labels = envs,
                                                         .types = event_types};
static const wrenn_snapshots_create_options snapshot_options = {.struct_size = sizeof(wrenn_snapshots_create_options),
                                                                .call = CALL,
                                                                .sandbox_id = "cl-1",
                                                                .name = "mine",
                                                                .flags = WRENN_SNAPSHOTS_CREATE_OVERWRITE};
static const wrenn_snapshots_list_options snapshot_filter = {.struct_size = sizeof(wrenn_snapshots_list_options),
                                                             .call = CALL,
                                                             .type = "a b&c"};
static const wrenn_hosts_create_options host_options = {.struct_size = sizeof(wrenn_hosts_create_options),
                                                        .call = CALL,
                                                        .type = "byoc",
                                                        .team_id = "team-1",
                                                        .provider = "p",
                                                        .availability_zone = "z"};
static const wrenn_hosts_delete_options force = {.struct_size = sizeof(wrenn_hosts_delete_options),
                                                 .call = CALL,
                                                 .flags = WRENN_HOSTS_DELETE_FORCE};

static const wrenn_sandboxes_connect_options sandboxes_connect_call = {.struct_size =
                                                                           sizeof(wrenn_sandboxes_connect_options),
                                                                       .call = CALL};
static const wrenn_sandbox_wait_ready_options sandbox_wait_ready_call = {.struct_size =
                                                                             sizeof(wrenn_sandbox_wait_ready_options),
                                                                         .call = CALL};
static const wrenn_sandbox_pause_options sandbox_pause_call = {.struct_size = sizeof(wrenn_sandbox_pause_options),
                                                               .call = CALL};
static const wrenn_sandbox_resume_options sandbox_resume_call = {.struct_size = sizeof(wrenn_sandbox_resume_options),
                                                                 .call = CALL};

static const wrenn_sandbox_logs_options logs_options = {.struct_size = sizeof(wrenn_sandbox_logs_options),
                                                        .call = CALL,
                                                        .offset = 7,
                                                        .flags = WRENN_SANDBOX_LOGS_FOLLOW};

#define SAY(...) snprintf(out->text, sizeof(out->text), __VA_ARGS__)
#define ID "cl-0123456789abcdefghijklmno"
#define SECRET(name) \
    "{\"name\":\"" name "\",\"created_at\":\"2026-05-01T12:00:00Z\",\"updated_at\":\"2026-05-01T12:00:00Z\"}"

OPERATION(auth_signup, wrenn_auth, wrenn_auth_free, SAY("%s", result->token), client, "a@b.c", "longenough", NULL,
          &call)
OPERATION(auth_login, wrenn_auth, wrenn_auth_free, SAY("%s", result->token), client, "a@b.c", "longenough", &call)
OPERATION(api_keys_create, wrenn_api_key, wrenn_api_key_free, SAY("%s", result->key), client, "mine", &call)
OPERATION(api_keys_list, wrenn_api_key_list, wrenn_api_key_list_free,
          SAY("%zu %s", result->items_count, result->items[1]->id), client, &call)
PLAIN_OPERATION(api_keys_delete, client, "key/1", &call)
OPERATION(secrets_set, wrenn_secret, wrenn_secret_free, SAY("%s", result->name), client, "api", "Bearer x", &call)
OPERATION(secrets_list, wrenn_secret_list, wrenn_secret_list_free,
          SAY("%zu %s", result->items_count, result->items[1]->name), client, &call)
PLAIN_OPERATION(secrets_delete, client, "a/1", &call)
OPERATION(sandboxes_create, wrenn_sandbox, wrenn_sandbox_free, SAY("%s", wrenn_sandbox_id(result)), client,
          &create_options)
OPERATION(sandboxes_list, wrenn_sandbox_list, wrenn_sandbox_list_free,
          SAY("%zu %s", result->items_count, result->items[0]->id), client, &call)
OPERATION(sandboxes_query, wrenn_sandbox_list, wrenn_sandbox_list_free,
          SAY("%zu %s", result->items_count, result->items[0]->id), client, &query_options)
OPERATION(sandboxes_get, wrenn_sandbox, wrenn_sandbox_free, SAY("%s", wrenn_sandbox_last_info(result)->status_text),
          client, ID, &call)
OPERATION(sandboxes_connect, wrenn_sandbox, wrenn_sandbox_free, SAY("%s", wrenn_sandbox_last_info(result)->status_text),
          client, ID, &sandboxes_connect_call)
PLAIN_OPERATION(sandboxes_destroy, client, ID, &call)
OPERATION(sandbox_exec, wrenn_exec_result, wrenn_exec_result_free,
          SAY("%d %s", (int)result->exit_code, result->stdout_data), sandbox, &exec_options, &call)
PLAIN_OPERATION(sandbox_wait_ready, sandbox, &sandbox_wait_ready_call)
PLAIN_OPERATION(sandbox_ping, sandbox, &call)
PLAIN_OPERATION(sandbox_set_lifetime, sandbox, 90, &call)
PLAIN_OPERATION(sandbox_update_metadata, sandbox, envs, echo, &call)
OPERATION(sandbox_fork, wrenn_sandbox_list, wrenn_sandbox_list_free,
          SAY("%zu %s", result->items_count, result->items[0]->id), sandbox, &fork_options)
PLAIN_OPERATION(sandbox_pause, sandbox, &sandbox_pause_call)
PLAIN_OPERATION(sandbox_resume, sandbox, &sandbox_resume_call)
OPERATION(sandbox_network_get, wrenn_network, wrenn_network_free, SAY("%s %d", result->egress, (int)result->bytes_in),
          sandbox, &call)
OPERATION(sandbox_network_set, wrenn_network, wrenn_network_free,
          SAY("%s %s %d", result->allow[0], result->denied[0]->name, (int)result->cut), sandbox, &network_options)
OPERATION(sandbox_network_check, wrenn_network_check, wrenn_network_check_free,
          SAY("%d %s", (int)result->allowed, result->rule), sandbox, "x.org:80/udp", &call)
OPERATION(sandbox_metrics, wrenn_metrics, wrenn_metrics_free,
          SAY("%s %zu %.1f", result->range, result->points_count, result->points[1]->cpu_pct), sandbox,
          &metrics_options)
OPERATION(events_list, wrenn_event_page, wrenn_event_page_free,
          SAY("%s %s %d %s", result->events[0]->type, result->events[0]->metadata[0]->value, (int)result->lost,
              result->next),
          client, &events_options)
PLAIN_OPERATION(sandbox_destroy, sandbox, &call)
OPERATION(sandbox_list_dir, wrenn_file_list, wrenn_file_list_free,
          SAY("%zu %s", result->items_count, result->items[0]->path), sandbox, "/srv", 2, &call)
OPERATION(sandbox_mkdir, wrenn_file_entry, wrenn_file_entry_free, SAY("%s %s", result->path, result->type_text),
          sandbox, "/srv", &call)
PLAIN_OPERATION(sandbox_remove, sandbox, "/srv", &call)
PLAIN_OPERATION(sandbox_rename, sandbox, "/srv", "/opt/srv", &call)
PLAIN_OPERATION(sandbox_chmod, sandbox, "/srv", 0755, &call)
OPERATION(sandbox_stat, wrenn_file_entry, wrenn_file_entry_free, SAY("%s %s", result->path, result->type_text), sandbox,
          "/srv", &call)

static void block_sandbox_exists(wrenn_client *client, wrenn_sandbox *sandbox, outcome *out) {
    (void)client;
    int64_t exists = -1;
    wrenn_error *error = NULL;
    take_error(out, wrenn_sandbox_exists(sandbox, "/srv", &call, &exists, &error), &error);
    SAY("%d", (int)exists);
}
static int start_sandbox_exists(wrenn_client *client, wrenn_sandbox *sandbox, wrenn_done_fn done, void *data,
                                wrenn_op **op, wrenn_error **error) {
    (void)client;
    return wrenn_sandbox_exists_start(sandbox, "/srv", &call, done, data, op, error);
}
static void finish_sandbox_exists(wrenn_op *op, outcome *out) {
    int64_t exists = -1;
    wrenn_error *error = NULL;
    take_error(out, wrenn_sandbox_exists_finish(op, &exists, &error), &error);
    SAY("%d", (int)exists);
}

static int64_t give_hi(void *buffer, size_t size, void *data) {
    (void)data;
    CHECK(size >= 2);
    memcpy(buffer, "hi", 2);
    return 2;
}
static int take_any(const void *bytes, size_t size, void *data) {
    (void)bytes, (void)size, (void)data;
    return 0;
}
static const wrenn_sandbox_upload_stream_options upload_options = {.struct_size =
                                                                       sizeof(wrenn_sandbox_upload_stream_options),
                                                                   .call = CALL,
                                                                   .path = "/a",
                                                                   .read = give_hi,
                                                                   .size = 2};
static const wrenn_sandbox_download_stream_options download_options =
    {.struct_size = sizeof(wrenn_sandbox_download_stream_options), .call = CALL, .path = "/a", .write = take_any};

PLAIN_OPERATION(sandbox_upload, sandbox, "/a", "hi", 2, &call)
OPERATION(sandbox_download, wrenn_file, wrenn_file_free, SAY("%zu %s", result->size, result->data), sandbox, "/a",
          &call)
PLAIN_OPERATION(sandbox_upload_stream, sandbox, &upload_options)

PLAIN_OPERATION(sandbox_upload_tar, sandbox, &upload_options)

/* The same for those whose result is a size. */
#define SIZE_OPERATION(ident, options)                                                                     \
    static void block_##ident(wrenn_client *client, wrenn_sandbox *sandbox, outcome *out) {                \
        (void)client;                                                                                      \
        int64_t size = -1;                                                                                 \
        wrenn_error *error = NULL;                                                                         \
        take_error(out, wrenn_##ident(sandbox, options, &size, &error), &error);                           \
        SAY("%d", (int)size);                                                                              \
    }                                                                                                      \
    static int start_##ident(wrenn_client *client, wrenn_sandbox *sandbox, wrenn_done_fn done, void *data, \
                             wrenn_op **op, wrenn_error **error) {                                         \
        (void)client;                                                                                      \
        return wrenn_##ident##_start(sandbox, options, done, data, op, error);                             \
    }                                                                                                      \
    static void finish_##ident(wrenn_op *op, outcome *out) {                                               \
        int64_t size = -1;                                                                                 \
        wrenn_error *error = NULL;                                                                         \
        take_error(out, wrenn_##ident##_finish(op, &size, &error), &error);                                \
        SAY("%d", (int)size);                                                                              \
    }

SIZE_OPERATION(sandbox_download_stream, &download_options)
SIZE_OPERATION(sandbox_download_tar, &download_options)

OPERATION(snapshots_create, wrenn_snapshot, wrenn_snapshot_free, SAY("%s", result->name), client, &snapshot_options)
OPERATION(snapshots_list, wrenn_snapshot_list, wrenn_snapshot_list_free,
          SAY("%zu %s %d", result->items_count, result->items[0]->type, (int)result->items[0]->platform), client,
          &snapshot_filter)
PLAIN_OPERATION(snapshots_delete, client, "my snap/1", &call)
OPERATION(hosts_create, wrenn_host_with_token, wrenn_host_with_token_free,
          SAY("%s %s", result->host->id, result->registration_token), client, &host_options)
OPERATION(hosts_list, wrenn_host_list, wrenn_host_list_free, SAY("%zu %s", result->items_count, result->items[0]->id),
          client, &call)
OPERATION(hosts_get, wrenn_host, wrenn_host_free, SAY("%s %s", result->id, result->status_text), client, "host-1",
          &call)
PLAIN_OPERATION(hosts_delete, client, "host/1", &force)
OPERATION(hosts_delete_preview, wrenn_host_delete_preview, wrenn_host_delete_preview_free,
          SAY("%s %zu %s", result->host->id, result->sandbox_ids_count, result->sandbox_ids[1]), client, "host-1",
          &call)
OPERATION(hosts_regenerate_token, wrenn_host_with_token, wrenn_host_with_token_free,
          SAY("%s %s", result->host->id, result->registration_token), client, "host-1", &call)
OPERATION(hosts_list_tags, wrenn_tag_list, wrenn_tag_list_free, SAY("%zu %s", result->items_count, result->items[1]),
          client, "host-1", &call)
PLAIN_OPERATION(hosts_add_tag, client, "host-1", "a tag", &call)
PLAIN_OPERATION(hosts_remove_tag, client, "host-1", "a/tag", &call)

static const wrenn_command stream_options = {.struct_size = sizeof(wrenn_command), .argv = echo};
static const wrenn_command pty_options = {.struct_size = sizeof(wrenn_command), .argv = echo, .cols = 100, .rows = 30};
static const wrenn_command spawn_options = {.struct_size = sizeof(wrenn_command), .argv = echo, .tag = "mine"};
static const wrenn_sandbox_port_request_options port_options = {.struct_size =
                                                                    sizeof(wrenn_sandbox_port_request_options),
                                                                .call = CALL,
                                                                .port = 8080,
                                                                .path = "/x"};

#define SAY_PID SAY("%d", (int)wrenn_stream_pid(result))
OPERATION(sandbox_exec_stream, wrenn_stream, wrenn_stream_free, SAY_PID, sandbox, &stream_options, &call)
OPERATION(sandbox_pty, wrenn_stream, wrenn_stream_free, SAY("%s", wrenn_stream_tag(result)), sandbox, &pty_options,
          &call)
OPERATION(sandbox_pty_connect, wrenn_stream, wrenn_stream_free, SAY("%s", wrenn_stream_tag(result)), sandbox, "pty-1",
          &call)
OPERATION(sandbox_attach, wrenn_stream, wrenn_stream_free, SAY_PID, sandbox, "a/b", &call)
OPERATION(sandbox_port_websocket, wrenn_stream, wrenn_stream_free, SAY("open"), sandbox, 8080, "/ws", &call)
OPERATION(sandbox_spawn, wrenn_process, wrenn_process_free, SAY("%d %s", (int)result->pid, result->tag), sandbox,
          &spawn_options, &call)
OPERATION(sandbox_processes, wrenn_process_list, wrenn_process_list_free,
          SAY("%zu %s", result->items_count, result->items[0]->cmd), sandbox, &call)
OPERATION(sandbox_logs, wrenn_stream, wrenn_stream_free, SAY("%d", wrenn_stream_pid(result) == 0), sandbox, "a/b",
          &logs_options)
PLAIN_OPERATION(sandbox_wait_port, sandbox, 8080, 1500, &call)
PLAIN_OPERATION(sandbox_kill, sandbox, "12", 15, &call)
OPERATION(sandbox_port_request, wrenn_port_response, wrenn_port_response_free,
          SAY("%d %s", (int)result->status, result->body), sandbox, &port_options)

/* An answer of this status opens a WebSocket, on which the body is the first message. */
#define UPGRADED "101"

typedef struct operation {
    const char *name;
    void (*block)(wrenn_client *, wrenn_sandbox *, outcome *);
    int (*start)(wrenn_client *, wrenn_sandbox *, wrenn_done_fn, void *, wrenn_op **, wrenn_error **);
    void (*finish)(wrenn_op *, outcome *);
    const char *status, *body;  /* the good answer */
    const char *request, *json; /* what goes out */
    const char *credential;     /* and with which header; NULL: none */
    const char *result;
} operation;

#define ROW(ident) #ident, block_##ident, start_##ident, finish_##ident
#define KEY "X-API-Key: wrn_00000000000000000000000000000001\r\n"
#define TOKEN "Authorization: Bearer token-1\r\n"
#define HOST_BODY "{\"id\":\"host-1\",\"type\":\"byoc\",\"status\":\"online\"}"
#define HOST_TOKEN_BODY "{\"host\":" HOST_BODY ",\"registration_token\":\"00ff\"}"
#define ENTRY_BODY "{\"name\":\"srv\",\"path\":\"/srv\",\"type\":\"directory\",\"size\":4096,\"mode\":493}"
#define FORM                                                                    \
    "--B\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/a\r\n--B\r\n" \
    "Content-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n"      \
    "Content-Type: application/octet-stream\r\n\r\nhi\r\n--B--\r\n"
#define LIST_ROOT "{\"path\":\"/\",\"depth\":1}"
#define SNAPSHOT_BODY "{\"name\":\"mine\",\"type\":\"snapshot\",\"size_bytes\":5,\"platform\":true}"
#define AUTH_BODY "{\"token\":\"jwt\",\"user_id\":\"usr-1\",\"team_id\":\"t\",\"email\":\"a@b.c\",\"name\":\"a\"}"

#define NETWORK(egress, allow, denied, rest)                                                                      \
    "{\"egress\":\"" egress "\",\"allow\":[" allow "],\"deny\":[],\"presets\":[],\"bytes_in\":7,\"bytes_out\":0," \
    "\"connections\":0,\"dns_queries\":0,\"denied_total\":0,\"denied\":[" denied "]" rest "}"

static const operation operations[] = {
    {ROW(auth_signup), "201 Created", AUTH_BODY, "POST /v1/auth/signup ",
     "{\"email\":\"a@b.c\",\"password\":\"longenough\",\"name\":\"a\"}", NULL, "jwt"},
    {ROW(auth_login), "200 OK", AUTH_BODY, "POST /v1/auth/login ", "{\"email\":\"a@b.c\",\"password\":\"longenough\"}",
     NULL, "jwt"},
    {ROW(api_keys_create), "201 Created", "{\"id\":\"key-1\",\"key\":\"wrn_2\"}", "POST /v1/api-keys ",
     "{\"name\":\"mine\"}", TOKEN, "wrn_2"},
    {ROW(api_keys_list), "200 OK", "[{\"id\":\"key-1\"},{\"id\":\"key-2\"}]", "GET /v1/api-keys ", "", TOKEN,
     "2 key-2"},
    {ROW(api_keys_delete), "204 No Content", "", "DELETE /v1/api-keys/key%2F1 ", "", TOKEN, ""},
    {ROW(secrets_set), "200 OK", SECRET("api"), "PUT /v1/secrets/api ", "{\"value\":\"Bearer x\"}", KEY, "api"},
    {ROW(secrets_list), "200 OK", "[" SECRET("a") "," SECRET("b") "]", "GET /v1/secrets ", "", KEY, "2 b"},
    {ROW(secrets_delete), "204 No Content", "", "DELETE /v1/secrets/a%2F1 ", "", KEY, ""},
    {ROW(sandboxes_create), "201 Created", SANDBOX_BODY, "POST /v1/sandboxes ",
     "{\"template\":\"minimal\",\"vcpus\":2,\"memory_mb\":256,\"timeout_sec\":60}", KEY, ID},
    {ROW(sandboxes_list), "200 OK", "[" SANDBOX_BODY "]", "GET /v1/sandboxes ", "", KEY, "1 " ID},
    {ROW(sandboxes_query), "200 OK", "[" SANDBOX_BODY "]",
     "GET /v1/sandboxes?status=running&label=A%3D1&label=B%3Dx%3Dy ", "", KEY, "1 " ID},
    {ROW(sandboxes_get), "200 OK", SANDBOX_BODY, "GET /v1/sandboxes/" ID " ", "", KEY, "running"},
    {ROW(sandboxes_connect), "200 OK", SANDBOX_BODY, "GET /v1/sandboxes/" ID " ", "", KEY, "running"},
    {ROW(sandboxes_destroy), "204 No Content", "", "DELETE /v1/sandboxes/" ID " ", "", KEY, ""},
    {ROW(sandbox_exec), "200 OK", EXEC_BODY, "POST /v1/sandboxes/" ID "/exec ",
     "{\"cmd\":\"echo\",\"args\":[\"hi\"],\"envs\":{\"A\":\"1\",\"B\":\"x=y\"},\"cwd\":\"/tmp\",\"user\":\"app\",\"timeout_sec\":2}",
     KEY, "0 hi\n"},
    {ROW(sandbox_wait_ready), "200 OK", SANDBOX_BODY, "GET /v1/sandboxes/" ID " ", "", KEY, ""},
    {ROW(sandbox_ping), "204 No Content", "", "POST /v1/sandboxes/" ID "/ping ", "{}", KEY, ""},
    {ROW(sandbox_set_lifetime), "200 OK", SANDBOX_BODY, "POST /v1/sandboxes/" ID "/lifetime ", "{\"lifetime_sec\":90}",
     KEY, ""},
    {ROW(sandbox_update_metadata), "200 OK", SANDBOX_BODY, "PATCH /v1/sandboxes/" ID "/metadata ",
     "{\"set\":{\"A\":\"1\",\"B\":\"x=y\"},\"remove\":[\"echo\",\"hi\"]}", KEY, ""},
    {ROW(sandbox_fork), "201 Created", "[" SANDBOX_BODY "]", "POST /v1/sandboxes/" ID "/fork ",
     "{\"count\":2,\"lifetime_sec\":90,\"metadata\":{\"A\":\"1\",\"B\":\"x=y\"}}", KEY, "1 " ID},
    {ROW(sandbox_pause), "200 OK", SANDBOX_BODY, "POST /v1/sandboxes/" ID "/pause ", "{}", KEY, ""},
    {ROW(sandbox_resume), "200 OK", SANDBOX_BODY, "POST /v1/sandboxes/" ID "/resume ", "{}", KEY, ""},
    {ROW(sandbox_network_get), "200 OK", NETWORK("none", "", "", ""), "GET /v1/sandboxes/" ID "/network ", "", KEY,
     "none 7"},
    {ROW(sandbox_network_set), "200 OK",
     NETWORK("allowlist", "\"pypi.org\"",
             "{\"proto\":\"dns\",\"address\":\"\",\"port\":0,\"name\":\"x.org\",\"reason\":\"not-allowed\",\"count\":1,"
             "\"last_at\":\"2026-05-01T12:00:00Z\"}",
             ",\"cut\":3"),
     "PUT /v1/sandboxes/" ID "/network ",
     "{\"egress\":\"allowlist\",\"allow\":[\"pypi.org\"],\"deny\":[\"x.org:80\"],\"presets\":[\"node\"]}", KEY,
     "pypi.org x.org 3"},
    {ROW(sandbox_network_check), "200 OK", "{\"allowed\":true,\"rule\":\"x.org\",\"source\":\"preset node\"}",
     "GET /v1/sandboxes/" ID "/network/check?to=x.org%3A80%2Fudp ", "", KEY, "1 x.org"},
    {ROW(sandbox_metrics), "200 OK", "{\"range\":\"1h\",\"points\":[{\"cpu_pct\":1},{\"cpu_pct\":2.5}]}",
     "GET /v1/sandboxes/" ID "/metrics?range=1h ", "", KEY, "1h 2 2.5"},
    {ROW(events_list), "200 OK",
     "{\"events\":[{\"id\":\"t.9\",\"type\":\"sandbox.die\",\"time_ms\":6,\"sandbox_id\":\"" ID
     "\",\"metadata\":{\"a\":\"b\"}}],\"next\":\"t.9\",\"more\":false,\"lost\":1}",
     "GET /v1/events?after=t.7&since_ms=5&wait_sec=2&sandbox=a%20b&label=A%3D1&label=B%3Dx%3Dy&type=sandbox"
     "&type=command.end ",
     "", KEY, "sandbox.die b 1 t.9"},
    {ROW(sandbox_destroy), "204 No Content", "", "DELETE /v1/sandboxes/" ID " ", "", KEY, ""},
    {ROW(sandbox_list_dir), "200 OK", "{\"entries\":[" ENTRY_BODY "]}", "POST /v1/sandboxes/" ID "/files/list ",
     "{\"path\":\"/srv\",\"depth\":2,\"limit\":10000}", KEY, "1 /srv"},
    {ROW(sandbox_mkdir), "200 OK", "{\"entry\":" ENTRY_BODY "}", "POST /v1/sandboxes/" ID "/files/mkdir ",
     "{\"path\":\"/srv\"}", KEY, "/srv directory"},
    {ROW(sandbox_remove), "204 No Content", "", "POST /v1/sandboxes/" ID "/files/remove ", "{\"path\":\"/srv\"}", KEY,
     ""},
    {ROW(sandbox_rename), "204 No Content", "", "POST /v1/sandboxes/" ID "/files/rename ",
     "{\"path\":\"/srv\",\"to\":\"/opt/srv\"}", KEY, ""},
    {ROW(sandbox_chmod), "204 No Content", "", "POST /v1/sandboxes/" ID "/files/chmod ",
     "{\"path\":\"/srv\",\"mode\":493}", KEY, ""},
    {ROW(sandbox_stat), "200 OK", "{\"entries\":[" ENTRY_BODY "]}", "POST /v1/sandboxes/" ID "/files/list ", LIST_ROOT,
     KEY, "/srv directory"},
    {ROW(sandbox_exists), "200 OK", "{\"entries\":[" ENTRY_BODY "]}", "POST /v1/sandboxes/" ID "/files/list ",
     LIST_ROOT, KEY, "1"},
    {ROW(sandbox_exec_stream), UPGRADED, "{\"type\":\"start\",\"pid\":7}", "GET /v1/sandboxes/" ID "/exec/stream ", "",
     KEY, "7"},
    {ROW(sandbox_pty), UPGRADED, "{\"type\":\"started\",\"tag\":\"pty-1\",\"pid\":7}", "GET /v1/sandboxes/" ID "/pty ",
     "", KEY, "pty-1"},
    {ROW(sandbox_pty_connect), UPGRADED, "{\"type\":\"ping\"}", "GET /v1/sandboxes/" ID "/pty ", "", KEY, "pty-1"},
    {ROW(sandbox_attach), UPGRADED, "{\"type\":\"start\",\"pid\":7}",
     "GET /v1/sandboxes/" ID "/processes/a%2Fb/stream ", "", KEY, "7"},
    {ROW(sandbox_logs), UPGRADED, "{\"type\":\"start\",\"offset\":7}",
     "GET /v1/sandboxes/" ID "/processes/a%2Fb/logs?offset=7&follow=1 ", "", KEY, "1"},
    {ROW(sandbox_wait_port), "200 OK", "{\"port\":8080,\"listening\":true}",
     "GET /v1/sandboxes/" ID "/ports/8080?wait_sec=2 ", "", KEY, ""},
    {ROW(sandbox_port_websocket), UPGRADED, "hello", "GET /ws HTTP/1.1\r\nHost: 8080-" ID ".localhost\r\n", "", NULL,
     "open"},
    {ROW(sandbox_spawn), "202 Accepted", "{\"pid\":7,\"tag\":\"mine\"}", "POST /v1/sandboxes/" ID "/exec ",
     "{\"cmd\":\"echo\",\"args\":[\"hi\"],\"background\":true,\"tag\":\"mine\"}", KEY, "7 mine"},
    {ROW(sandbox_processes), "200 OK", "{\"processes\":[{\"pid\":7,\"cmd\":\"sh\"}]}",
     "GET /v1/sandboxes/" ID "/processes ", "", KEY, "1 sh"},
    {ROW(sandbox_kill), "204 No Content", "", "DELETE /v1/sandboxes/" ID "/processes/12?signal=SIGTERM ", "", KEY, ""},
    {ROW(sandbox_port_request), "200 OK", "hello", "GET /x HTTP/1.1\r\nHost: 8080-" ID ".localhost\r\n", "", NULL,
     "200 hello"},
    {ROW(sandbox_upload), "204 No Content", "", "POST /v1/sandboxes/" ID "/files/write ", FORM, KEY, ""},
    {ROW(sandbox_download), "200 OK", "a\nb", "POST /v1/sandboxes/" ID "/files/read ", "{\"path\":\"/a\"}", KEY,
     "3 a\nb"},
    {ROW(sandbox_upload_stream), "204 No Content", "", "POST /v1/sandboxes/" ID "/files/stream/write ", FORM, KEY, ""},
    {ROW(sandbox_download_stream), "200 OK", "a\nb", "POST /v1/sandboxes/" ID "/files/stream/read ",
     "{\"path\":\"/a\"}", KEY, "3"},
    {ROW(sandbox_upload_tar), "204 No Content", "", "PUT /v1/sandboxes/" ID "/files/tar?path=%2Fa ", "hi", KEY, ""},
    {ROW(sandbox_download_tar), "200 OK", "a\nb", "GET /v1/sandboxes/" ID "/files/tar?path=%2Fa ", "", KEY, "3"},
    {ROW(snapshots_create), "201 Created", SNAPSHOT_BODY, "POST /v1/snapshots?overwrite=true ",
     "{\"sandbox_id\":\"cl-1\",\"name\":\"mine\"}", KEY, "mine"},
    {ROW(snapshots_list), "200 OK", "[" SNAPSHOT_BODY "]", "GET /v1/snapshots?type=a%20b%26c ", "", KEY,
     "1 snapshot 1"},
    {ROW(snapshots_delete), "204 No Content", "", "DELETE /v1/snapshots/my%20snap%2F1 ", "", KEY, ""},
    {ROW(hosts_create), "201 Created", HOST_TOKEN_BODY, "POST /v1/hosts ",
     "{\"type\":\"byoc\",\"team_id\":\"team-1\",\"provider\":\"p\",\"availability_zone\":\"z\"}", TOKEN, "host-1 00ff"},
    {ROW(hosts_list), "200 OK", "[" HOST_BODY "]", "GET /v1/hosts ", "", TOKEN, "1 host-1"},
    {ROW(hosts_get), "200 OK", HOST_BODY, "GET /v1/hosts/host-1 ", "", TOKEN, "host-1 online"},
    {ROW(hosts_delete), "204 No Content", "", "DELETE /v1/hosts/host%2F1?force=true ", "", TOKEN, ""},
    {ROW(hosts_delete_preview), "200 OK", "{\"host\":" HOST_BODY ",\"sandbox_ids\":[\"cl-1\",\"cl-2\"]}",
     "GET /v1/hosts/host-1/delete-preview ", "", TOKEN, "host-1 2 cl-2"},
    {ROW(hosts_regenerate_token), "201 Created", HOST_TOKEN_BODY, "POST /v1/hosts/host-1/token ", "{}", TOKEN,
     "host-1 00ff"},
    {ROW(hosts_list_tags), "200 OK", "[\"a\",\"b\"]", "GET /v1/hosts/host-1/tags ", "", TOKEN, "2 b"},
    {ROW(hosts_add_tag), "204 No Content", "", "POST /v1/hosts/host-1/tags ", "{\"tag\":\"a tag\"}", TOKEN, ""},
    {ROW(hosts_remove_tag), "204 No Content", "", "DELETE /v1/hosts/host-1/tags/a%2Ftag ", "", TOKEN, ""},
};

/* ---- the doors ---- */

typedef struct waiting {
    const operation *operation;
    outcome *out;
    int calls;
} waiting;

static void on_done(wrenn_op *op, void *data) {
    waiting *w = data;
    w->calls++;
    CHECK(wrenn_op_is_done(op));
    w->operation->finish(op, w->out);
}

static void door_block(const operation *o, wrenn_client *client, wrenn_sandbox *sandbox, outcome *out) {
    o->block(client, sandbox, out);
}

static void start(const operation *o, wrenn_client *client, wrenn_sandbox *sandbox, waiting *w, wrenn_op **op) {
    wrenn_error *error = NULL;
    int rc = o->start(client, sandbox, on_done, w, op, &error);
    CHECK_MSG(rc == 0, "%s_start: %s", o->name, wrenn_error_message(error));
    CHECK_INT(w->calls, 0);
}

static void door_callback(const operation *o, wrenn_client *client, wrenn_sandbox *sandbox, outcome *out) {
    waiting w = {o, out, 0};
    start(o, client, sandbox, &w, NULL);
    while (!w.calls) CHECK(wrenn_client_dispatch(client, -1, NULL) >= 0);
    CHECK_INT(wrenn_client_dispatch(client, 0, NULL), 0);
    CHECK_INT(w.calls, 1);
}

static void door_own_loop(const operation *o, wrenn_client *client, wrenn_sandbox *sandbox, outcome *out) {
    waiting w = {o, out, 0};
    wrenn_op *op = NULL;
    start(o, client, sandbox, &w, &op);
    while (!w.calls) {
        struct pollfd ready = {.fd = wrenn_client_fd(client), .events = POLLIN};
        CHECK_MSG(poll(&ready, 1, 60000) == 1, "the descriptor never became readable");
        CHECK(wrenn_client_dispatch(client, 0, NULL) >= 0);
    }
    CHECK_INT(w.calls, 1);
    if (strcmp(o->status, UPGRADED) != 0) {
        const wrenn_timings *timings = wrenn_op_timings(op);
        CHECK(timings != NULL);
        CHECK_INT(timings->attempts, 1);
    }
    wrenn_op_free(op);
}

typedef void (*door_fn)(const operation *, wrenn_client *, wrenn_sandbox *, outcome *);
static const door_fn doors[] = {door_block, door_callback, door_own_loop};

/* So that the client knows what the server can: with others some operations go another way (see test_real.c). */
static void introduce(script_server *server, wrenn_client *client) {
    static const script_rule hello = {
        "GET /v1/hosts/hello ",
        NULL,
        {.text =
             "HTTP/1.1 404 No\r\nWrenn-Features: background exec-envs list-filters\r\nContent-Length: 12\r\nConnection: close\r\n\r\n"
             "{\"error\":{}}",
         .end = SCRIPT_CLOSE}};
    wrenn_host *host = NULL;
    script_set_rules(server, &hello, 1, false);
    CHECK_INT(wrenn_hosts_get(client, "hello", NULL, &host, NULL), WRENN_E_NOT_FOUND);
}

/* Gives the request as the server saw it. */
static char *run(const operation *o, door_fn door, const script_reply *reply, outcome *out) {
    static const script_reply nothing = {.text = "x", .cut = SCRIPT_NOTHING};
    script_server *server = script_start(reply, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    script_answer_messages(server, &nothing);
    introduce(server, client);
    door(o, client, sandbox, out);
    if (!reply->upgrade) CHECK_INT(script_count(server), 2);
    char *request = strdup(script_request(server, 1));
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
    return request;
}

/* The body of a request, with B for the boundary of a form. */
static char *body_of(const char *request) {
    const char *at = strstr(request, "\r\n\r\n") + 4, *boundary = strstr(request, "boundary=");
    char *body = calloc(1, strlen(at) + 1), *to = body, line[128];
    size_t size = (size_t)snprintf(line, sizeof(line), "--%.*s", boundary ? (int)strcspn(boundary + 9, "\r") : 0,
                                   boundary ? boundary + 9 : "");
    while (*at) {
        if (boundary && strncmp(at, line, size) == 0) to = stpcpy(to, "--B"), at += size;
        else *to++ = *at++;
    }
    return body;
}

/* What runs in a sandbox is told nothing of what the caller tells the API. */
static void check_call(const operation *o, const char *request) {
    bool api = strncmp(o->name, "sandbox_port_", strlen("sandbox_port_")) != 0, post = strncmp(request, "POST", 4) == 0;
    CHECK_MSG(!!strstr(request, SENT_WITH_ALL) == api, "%s sent %s", o->name, request);
    CHECK_MSG(api || (!strstr(request, "X-Request-ID") && !strstr(request, "X-Trace")), "%s sent %s", o->name, request);
    CHECK_MSG(!!strstr(request, "Idempotency-Key: k-1\r\n") == (api && post), "%s sent %s", o->name, request);
}

TEST(each_operation_gives_the_same_through_each_door) {
    for (size_t i = 0; i < COUNT(operations); i++) {
        const operation *o = &operations[i];
        bool upgrade = strcmp(o->status, UPGRADED) == 0;
        char *text = script_text(o->status, "", o->body);
        script_reply first = script_messages(SCRIPT_KEEP, o->body, NULL);
        script_reply reply =
            upgrade ? (script_reply){.text = "", .upgrade = true, .frames = first.text, .frames_size = first.size}
                    : (script_reply){.text = text};
        for (size_t door = 0; door < COUNT(doors); door++) {
            outcome out = {0};
            char *request = run(o, doors[door], &reply, &out);
            CHECK_MSG(out.rc == 0, "%s, door %zu: %s", o->name, door + 1, wrenn_strerror_name(out.rc));
            CHECK_STR(out.text, o->result);
            CHECK_MSG(strncmp(request, o->request, strlen(o->request)) == 0, "%s sent %s", o->name, request);
            char *body = body_of(request);
            CHECK_STR(body, o->json);
            free(body);
            if (o->credential) CHECK_CONTAINS(request, o->credential);
            CHECK(!!strstr(request, "X-API-Key") == (o->credential && strcmp(o->credential, KEY) == 0));
            CHECK(!!strstr(request, "Authorization") == (o->credential && strcmp(o->credential, TOKEN) == 0));
            check_call(o, request);
            free(request);
        }
        free(text);
        free((char *)(uintptr_t)first.text);
    }
}

TEST(each_operation_gives_the_same_typed_error_through_each_door) {
    char *text = script_text("404 Not Found", "", ERROR_BODY("not_found"));
    for (size_t i = 0; i < COUNT(operations); i++) {
        if (strcmp(operations[i].name, "sandbox_port_request") == 0) continue; /* every status is its result */
        for (size_t door = 0; door < COUNT(doors); door++) {
            outcome out = {0};
            free(run(&operations[i], doors[door], &(script_reply){.text = text}, &out));
            CHECK_MSG(out.rc == WRENN_E_NOT_FOUND, "%s, door %zu: %s", operations[i].name, door + 1,
                      wrenn_strerror_name(out.rc));
            CHECK_INT(out.http_status, 404);
        }
    }
    free(text);
}

/* ---- what goes wrong everywhere ---- */

/* A good answer to an operation; the texts are freed with free_answer(). */
static script_reply good_answer(const operation *o) {
    script_reply reply = {.text = script_text(o->status, "", o->body), .end = SCRIPT_CLOSE};
    if (strcmp(o->status, UPGRADED) != 0) return reply;
    script_reply first = script_messages(SCRIPT_KEEP, o->body, NULL);
    free((char *)(uintptr_t)reply.text);
    return (script_reply){.text = "", .upgrade = true, .frames = first.text, .frames_size = first.size};
}

static void free_answer(script_reply *reply) {
    free((char *)(uintptr_t)(reply->upgrade ? reply->frames : reply->text));
}

/* Blocking, in one attempt; with allocation `fail_at` failing (0: none). */
static bool try_once(const operation *o, const script_reply *reply, long fail_at, outcome *out) {
    static const script_reply nothing = {.text = "x", .cut = SCRIPT_NOTHING};
    bool failed = false;
    script_server *server = script_start(reply, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    options.max_attempts = 1;
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    script_answer_messages(server, &nothing);
    introduce(server, client);
#ifdef FAIL_ALLOC
    fail_alloc(fail_at);
#else
    (void)fail_at;
#endif
    o->block(client, sandbox, out);
#ifdef FAIL_ALLOC
    failed = fail_alloc_happened();
    fail_alloc(0);
#endif
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
    return failed;
}

/* Those that look again after an answer that broke off, until their time is up. */
static bool looks_again(const operation *o) { return strcmp(o->name, "sandbox_wait_ready") == 0; }

static size_t cut_everywhere(const operation *o, size_t step) {
    script_reply reply = good_answer(o);
    size_t size = reply.upgrade ? 100 : strlen(reply.text); /* the handshake's is not known, but longer */
    size_t count = 0;
    for (size_t cut = 0;; cut += step) {
        if (!reply.upgrade && cut > size) cut = size;
        outcome out = {0};
        reply.cut = cut ? cut : SCRIPT_NOTHING;
        reply.end = SCRIPT_CLOSE;
        try_once(o, &reply, 0, &out);
        count++;
        CHECK_MSG(out.rc == 0 ? cut >= size : out.rc == WRENN_E_CONNECTION_LOST, "%s cut at %zu of %zu: %s", o->name,
                  cut, size, wrenn_strerror_name(out.rc));
        if (out.rc == 0) break;
        CHECK(cut < 10000 && (reply.upgrade || cut < size));
    }
    free_answer(&reply);
    return count;
}

TEST_SLOW(each_operation_with_its_answer_cut_at_each_byte) {
    time_t until = soak_until(5);
    size_t count = 0, i = 0;
    for (; i < COUNT(operations) && (!until || time(NULL) < until); i++)
        if (!looks_again(&operations[i])) count += cut_everywhere(&operations[i], until ? 1 : test_slowly() ? 183 : 61);
    test_note("%zu exchanges cut, of %zu of %zu operations", count, i, COUNT(operations));
}

#ifdef FAIL_ALLOC
static size_t fail_everywhere(const operation *o, long step) {
    script_reply reply = good_answer(o);
    reply.end = SCRIPT_KEEP;
    bool failed = true;
    size_t count = 0;
    for (long n = 1; failed; n += step) {
        outcome out = {0};
        failed = try_once(o, &reply, n, &out);
        count++;
        bool expected = out.rc == 0 || out.rc == WRENN_E_NO_MEMORY || out.rc == WRENN_E_CONNECTION_FAILED ||
                        out.rc == WRENN_E_CONNECTION_LOST || out.rc == WRENN_E_SYSTEM;
        CHECK_MSG(expected && (failed || out.rc == 0), "%s, allocation %ld: %s", o->name, n,
                  wrenn_strerror_name(out.rc));
        if (out.rc == 0) CHECK_STR(out.text, o->result);
    }
    free_answer(&reply);
    return count;
}

TEST_SLOW(each_operation_with_each_allocation_failing) {
    time_t until = soak_until(5);
    size_t count = 0, i = 0;
    for (; i < COUNT(operations) && (!until || time(NULL) < until); i++)
        count += fail_everywhere(&operations[i], until ? 1 : 17);
    test_note("%zu allocations failed, in %zu of %zu operations", count, i, COUNT(operations));
}
#endif

TEST(an_operation_can_be_finished_without_a_callback) {
    char *text = script_text("200 OK", "", EXEC_BODY);
    script_server *server = script_start(&(script_reply){.text = text}, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_op *op = NULL;
    wrenn_exec_result *result = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_exec_start(sandbox, &exec_options, NULL, NULL, NULL, &op, NULL), 0);
    CHECK_INT(wrenn_sandbox_exec_finish(op, &result, NULL), WRENN_E_AGAIN);
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(client, -1, NULL) >= 0);
    CHECK_INT(wrenn_sandbox_ping_finish(op, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK_CONTAINS(wrenn_error_message(error), "\"ping\"");
    wrenn_error_free(error);
    CHECK_INT(wrenn_sandbox_exec_finish(op, &result, NULL), 0);
    CHECK_STR(result->stdout_data, "hi\n");
    wrenn_exec_result *again = NULL;
    CHECK_INT(wrenn_sandbox_exec_finish(op, &again, NULL), WRENN_E_INVALID_ARGUMENT);
    wrenn_exec_result_free(result);
    wrenn_op_free(op);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
    free(text);
}

TEST_MAIN
