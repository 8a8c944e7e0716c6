/* Every method against a real wrennd through each of the three doors, in the order in which a program would use them. */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wrenn/wrenn.h>

#include "test.h"

typedef enum door { BLOCKING, CALLBACK, OWN_LOOP } door;

static door through;
static wrenn_client *client;

static void on_done(wrenn_op *op, void *data) {
    (void)op;
    *(bool *)data = true;
}

static void wait_for(wrenn_op *op, const bool *done) {
    while (!*done) {
        struct pollfd ready = {.fd = wrenn_client_fd(client), .events = POLLIN};
        if (through == OWN_LOOP) CHECK(poll(&ready, 1, 100000) == 1);
        CHECK(wrenn_client_dispatch(client, through == OWN_LOOP ? 0 : -1, NULL) >= 0);
    }
    CHECK(wrenn_op_is_done(op));
}

#define UNPACK(...) __VA_ARGS__
/* wrenn_<ident>(arguments, result, &error) and its _start and _finish; both lists end in a comma or are empty. */
#define CALL(ident, arguments, result)                                                          \
    do {                                                                                        \
        wrenn_error *error = NULL;                                                              \
        wrenn_op *op = NULL;                                                                    \
        bool done = false;                                                                      \
        int rc;                                                                                 \
        if (through == BLOCKING) {                                                              \
            rc = wrenn_##ident(UNPACK arguments UNPACK result & error);                         \
        } else {                                                                                \
            rc = wrenn_##ident##_start(UNPACK arguments on_done, &done, &op, &error);           \
            if (rc == 0) wait_for(op, &done);                                                   \
            if (rc == 0) rc = wrenn_##ident##_finish(op, UNPACK result & error);                \
        }                                                                                       \
        CHECK_MSG(rc == 0, "%s, door %d: %s", #ident, through + 1, wrenn_error_message(error)); \
        wrenn_op_free(op);                                                                      \
    } while (0)

/* ---- accounts, keys, hosts ---- */

static void accounts(void) {
    char email[64];
    snprintf(email, sizeof(email), "door%d@example.org", through);
    wrenn_auth *auth = NULL;
    CALL(auth_signup, (client, email, "correct horse", NULL, NULL, ), (&auth, ));
    CHECK_INT(strncmp(auth->name, "door", 4), 0);
    wrenn_auth_free(auth);
    auth = NULL;
    CALL(auth_login, (client, email, "correct horse", NULL, ), (&auth, ));
    CHECK_STR(auth->email, email);
    wrenn_auth_free(auth);
    wrenn_api_key *key = NULL;
    wrenn_api_key_list *keys = NULL;
    CALL(api_keys_create, (client, "mine", NULL, ), (&key, ));
    CALL(api_keys_list, (client, NULL, ), (&keys, ));
    CHECK_STR(keys->items[0]->id, key->id);
    CALL(api_keys_delete, (client, key->id, NULL, ), ());
    wrenn_api_key_list_free(keys);
    wrenn_api_key_free(key);
}

static void secrets(void) {
    wrenn_secret *secret = NULL;
    wrenn_secret_list *list = NULL;
    CALL(secrets_set, (client, "api", "Bearer x", NULL, ), (&secret, ));
    CHECK_STR(secret->name, "api");
    CALL(secrets_list, (client, NULL, ), (&list, ));
    CHECK_STR(list->items[0]->name, "api");
    CALL(secrets_delete, (client, "api", NULL, ), ());
    wrenn_secret_list_free(list);
    wrenn_secret_free(secret);
}

static void hosts(void) {
    wrenn_hosts_create_options options = WRENN_HOSTS_CREATE_OPTIONS_INIT;
    wrenn_host_with_token *made = NULL, *again = NULL;
    wrenn_host_list *list = NULL;
    wrenn_host *host = NULL;
    wrenn_host_delete_preview *preview = NULL;
    wrenn_tag_list *tags = NULL;
    CALL(hosts_create, (client, &options, ), (&made, ));
    const char *id = made->host->id;
    CALL(hosts_list, (client, NULL, ), (&list, ));
    CHECK(list->items_count >= 2);
    CALL(hosts_get, (client, id, NULL, ), (&host, ));
    CHECK_STR(host->id, id);
    CALL(hosts_regenerate_token, (client, id, NULL, ), (&again, ));
    CHECK(strcmp(made->registration_token, again->registration_token) != 0);
    CALL(hosts_add_tag, (client, id, "b tag", NULL, ), ());
    CALL(hosts_add_tag, (client, id, "a/tag", NULL, ), ());
    CALL(hosts_list_tags, (client, id, NULL, ), (&tags, ));
    CHECK_INT(tags->items_count, 2);
    CHECK_STR(tags->items[0], "a/tag");
    CALL(hosts_remove_tag, (client, id, "a/tag", NULL, ), ());
    CALL(hosts_delete_preview, (client, id, NULL, ), (&preview, ));
    CHECK_INT(preview->sandbox_ids_count, 0);
    CALL(hosts_delete, (client, id, NULL, ), ());
    wrenn_host_with_token_free(made);
    wrenn_host_with_token_free(again);
    wrenn_host_list_free(list);
    wrenn_host_free(host);
    wrenn_host_delete_preview_free(preview);
    wrenn_tag_list_free(tags);
}

/* ---- one sandbox ---- */

static int64_t exit_code_of(wrenn_stream *stream) {
    const wrenn_event *event;
    int64_t exit_code = -2;
    while (wrenn_stream_next(stream, -1, &event, NULL) > 0) exit_code = event->exit_code;
    return exit_code;
}

static void networks(wrenn_sandbox *sandbox) {
    static const char *const allow[] = {"example.com", NULL};
    wrenn_sandbox_network_set_options options = WRENN_SANDBOX_NETWORK_SET_OPTIONS_INIT;
    wrenn_network *network = NULL;
    CALL(sandbox_network_get, (sandbox, NULL, ), (&network, ));
    CHECK_STR(network->egress, "public");
    wrenn_network_free(network);
    wrenn_network_check *check = NULL;
    CALL(sandbox_network_check, (sandbox, "127.0.0.1:80", NULL, ), (&check, ));
    CHECK_STR(check->reason, "loopback");
    wrenn_network_check_free(check);
    options.allow = allow;
    CALL(sandbox_network_set, (sandbox, &options, ), (&network, ));
    CHECK_STR(network->allow[0], "example.com");
    wrenn_network_free(network);
}

static void commands(wrenn_sandbox *sandbox) {
    wrenn_command exec = WRENN_COMMAND_INIT;
    exec.shell = "echo hi; exit 3";
    wrenn_exec_result *result = NULL;
    CALL(sandbox_exec, (sandbox, &exec, NULL, ), (&result, ));
    CHECK_INT(result->exit_code, 3);
    CHECK_STR(result->stdout_data, "hi\n");
    wrenn_exec_result_free(result);
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "exit 4";
    wrenn_stream *stream = NULL;
    CALL(sandbox_exec_stream, (sandbox, &command, NULL, ), (&stream, ));
    CHECK_INT(exit_code_of(stream), 4);
    wrenn_stream_free(stream);
}

static void terminals(wrenn_sandbox *sandbox) {
    wrenn_stream *stream = NULL, *second = NULL;
    const char *argv[] = {"/bin/sh", NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    command.argv = argv;
    CALL(sandbox_pty, (sandbox, &command, NULL, ), (&stream, ));
    CALL(sandbox_pty_connect, (sandbox, wrenn_stream_tag(stream), NULL, ), (&second, ));
    CHECK_INT(wrenn_stream_write(second, "exit 6\r", 7, -1, NULL), 7);
    CHECK_INT(exit_code_of(stream), 6);
    wrenn_stream_free(stream);
    wrenn_stream_free(second);
}

static void processes(wrenn_sandbox *sandbox) {
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "sleep 1000";
    wrenn_process *process = NULL;
    wrenn_process_list *list = NULL;
    wrenn_stream *stream = NULL;
    CALL(sandbox_spawn, (sandbox, &command, NULL, ), (&process, ));
    CALL(sandbox_processes, (sandbox, NULL, ), (&list, ));
    CHECK_INT(list->items[0]->pid, process->pid);
    CALL(sandbox_attach, (sandbox, process->tag, NULL, ), (&stream, ));
    CALL(sandbox_kill, (sandbox, process->tag, 9, NULL, ), ());
    CHECK_INT(exit_code_of(stream), -1);
    wrenn_stream_free(stream);
    CALL(sandbox_logs, (sandbox, process->tag, NULL, ), (&stream, ));
    CHECK_INT(exit_code_of(stream), -1);
    wrenn_stream_free(stream);
    wrenn_process_list_free(list);
    wrenn_process_free(process);
}

static void files(wrenn_sandbox *sandbox) {
    wrenn_file_entry *entry = NULL, *again = NULL;
    wrenn_file_list *list = NULL;
    int64_t exists = -1;
    CALL(sandbox_mkdir, (sandbox, "/tmp/a/b", NULL, ), (&entry, ));
    CALL(sandbox_mkdir, (sandbox, "/tmp/a/b/", NULL, ), (&again, )); /* existing is fine, a slash at the end too */
    CHECK_STR(again->name, "b");
    wrenn_file_entry_free(entry);
    CALL(sandbox_stat, (sandbox, "/tmp/a", NULL, ), (&entry, ));
    CHECK_INT(entry->type, WRENN_FILE_TYPE_DIRECTORY);
    CALL(sandbox_list_dir, (sandbox, "/tmp", 2, NULL, ), (&list, ));
    CHECK_INT(list->items_count, 2);
    CALL(sandbox_rename, (sandbox, "/tmp/a/b", "/tmp/a/c", NULL, ), ());
    CALL(sandbox_chmod, (sandbox, "/tmp/a/c", 0710, NULL, ), ());
    wrenn_file_entry_free(again);
    CALL(sandbox_stat, (sandbox, "/tmp/a/c", NULL, ), (&again, ));
    CHECK_INT(again->mode, 0710);
    CALL(sandbox_remove, (sandbox, "/tmp/a", NULL, ), ());
    CALL(sandbox_exists, (sandbox, "/tmp/a", NULL, ), (&exists, ));
    CHECK_INT(exists, 0);
    wrenn_file_entry_free(entry);
    wrenn_file_entry_free(again);
    wrenn_file_list_free(list);
}

static void ports(wrenn_sandbox *sandbox) {
    wrenn_command spawn = WRENN_COMMAND_INIT;
    spawn.shell = "cd /usr && exec python3 -m http.server 8000";
    wrenn_process *process = NULL;
    wrenn_sandbox_port_request_options options = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    wrenn_port_response *response = NULL;
    CALL(sandbox_spawn, (sandbox, &spawn, NULL, ), (&process, ));
    CALL(sandbox_wait_port, (sandbox, 8000, 60000, NULL, ), ());
    options.port = 8000;
    options.path = "/bin/";
    for (int status = 502; status == 502;) {
        wrenn_port_response_free(response);
        CALL(sandbox_port_request, (sandbox, &options, ), (&response, ));
        status = (int)response->status;
    }
    CHECK_INT(response->status, 200);
    CALL(sandbox_kill, (sandbox, process->tag, 9, NULL, ), ());
    wrenn_port_response_free(response);
    wrenn_process_free(process);
}

static void transfers(wrenn_sandbox *sandbox) {
    char from[200], to[200];
    snprintf(from, sizeof(from), "%s/from%d", test_dir(), through);
    snprintf(to, sizeof(to), "%s/to%d", test_dir(), through);
    FILE *file = fopen(from, "w");
    CHECK(file && fwrite("a\0b", 1, 3, file) == 3 && fclose(file) == 0);
    wrenn_file *content = NULL;
    wrenn_sandbox_upload_stream_options up = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    wrenn_sandbox_download_stream_options down = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    int64_t size = 0;
    CALL(sandbox_upload, (sandbox, "/srv/x y", "\0\xff", 2, NULL, ), ());
    CALL(sandbox_download, (sandbox, "/srv/x y", NULL, ), (&content, ));
    CHECK_MEM(content->data, content->size, "\0\xff", 2);
    wrenn_file_free(content);
    up.path = "/srv/streamed";
    up.file = from;
    CALL(sandbox_upload_stream, (sandbox, &up, ), ());
    down.path = "/srv/streamed";
    down.file = to;
    down.flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY;
    CALL(sandbox_download_stream, (sandbox, &down, ), (&size, ));
    CHECK_INT(size, 3);
    down.path = "/srv";
    down.flags = 0;
    CALL(sandbox_download_tar, (sandbox, &down, ), (&size, ));
    CHECK(size % 512 == 0 && size >= 6 * 512);
    up.path = "/opt/of a tar";
    up.file = to;
    CALL(sandbox_upload_tar, (sandbox, &up, ), ());
    CALL(sandbox_download, (sandbox, "/opt/of a tar/streamed", NULL, ), (&content, ));
    CHECK_MEM(content->data, content->size, "a\0b", 3);
    wrenn_file_free(content);
}

static void snapshots(wrenn_sandbox *sandbox) {
    wrenn_snapshots_create_options options = WRENN_SNAPSHOTS_CREATE_OPTIONS_INIT;
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_snapshot *snapshot = NULL;
    wrenn_snapshot_list *list = NULL;
    wrenn_sandbox *copy = NULL;
    int64_t exists = 0;
    options.sandbox_id = wrenn_sandbox_id(sandbox);
    options.name = "mine";
    CALL(snapshots_create, (client, &options, ), (&snapshot, ));
    CHECK_STR(snapshot->name, "mine");
    CALL(snapshots_list, (client, NULL, ), (&list, ));
    CHECK(list->items_count >= 2);
    create.template_name = "mine";
    CALL(sandboxes_create, (client, &create, ), (&copy, ));
    CALL(sandbox_exists, (copy, "/srv/streamed", NULL, ), (&exists, ));
    CHECK_INT(exists, 1);
    CALL(sandbox_destroy, (copy, NULL, ), ());
    CALL(snapshots_delete, (client, "mine", NULL, ), ());
    wrenn_sandbox_free(copy);
    wrenn_snapshot_list_free(list);
    wrenn_snapshot_free(snapshot);
}

/* ---- code ---- */

enum { PATIENCE_MS = 600000 }; /* an emulated processor takes long to start the server, and its kernels */

static void run(wrenn_sandbox *sandbox, const char *code, wrenn_code_context *context, const char *text) {
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *execution = NULL;
    options.code = code;
    options.context = context;
    options.time_limit_ms = options.start_timeout_ms = PATIENCE_MS;
    CALL(sandbox_run_code, (sandbox, &options, ), (&execution, ));
    CHECK_STR(execution->text, text);
    wrenn_code_execution_free(execution);
}

/* A WebSocket of the port proxy's: the kernel's own. */
static void talk_to_the_kernel(wrenn_sandbox *sandbox, const char *kernel_id) {
    char path[200];
    static const char ask[] = "{\"header\":{\"msg_id\":\"m1\",\"msg_type\":\"kernel_info_request\",\"session\":\"s\","
                              "\"username\":\"u\",\"version\":\"5.3\",\"date\":\"2026-01-01T00:00:00Z\"},"
                              "\"parent_header\":{},\"metadata\":{},\"content\":{},\"channel\":\"shell\"}";
    wrenn_stream *stream = NULL;
    const wrenn_event *event = NULL;
    snprintf(path, sizeof(path), "/api/kernels/%s/channels", kernel_id);
    CALL(sandbox_port_websocket, (sandbox, 8888, path, NULL, ), (&stream, ));
    CHECK_INT(wrenn_stream_send_text(stream, ask, NULL), 0);
    do CHECK_INT(wrenn_stream_next(stream, PATIENCE_MS, &event, NULL), 1);
    while (!strstr(event->data, "kernel_info_reply"));
    wrenn_stream_free(stream);
}

static void code(void) {
    static const char line[] =
        "exec jupyter-server --allow-root --ServerApp.token= --ServerApp.password= --ServerApp.disable_check_xsrf=True "
        "--ServerApp.allow_remote_access=True --ip=127.0.0.1 --port=8888 --no-browser";
    wrenn_sandbox *sandbox = NULL;
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_command spawn = WRENN_COMMAND_INIT;
    wrenn_process *process = NULL;
    wrenn_sandbox_code_context_options patient = WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT;
    wrenn_code_context *context = NULL;
    patient.start_timeout_ms = PATIENCE_MS;
    options.memory_mb = 1024;
    spawn.shell = line;
    CALL(sandboxes_create, (client, &options, ), (&sandbox, ));
    CALL(sandbox_spawn, (sandbox, &spawn, NULL, ), (&process, ));
    wrenn_process_free(process);
    run(sandbox, "x = 6 * 7; x", NULL, "42");
    run(sandbox, "x + 1", NULL, "43");
    CALL(sandbox_code_context, (sandbox, &patient, ), (&context, ));
    run(sandbox, "'x' in globals()", context, "False");
    talk_to_the_kernel(sandbox, wrenn_code_context_id(context));
    CALL(code_context_interrupt, (context, NULL, ), ());
    CALL(code_context_restart, (context, NULL, ), ());
    run(sandbox, "1 + 1", context, "2");
    CALL(code_context_delete, (context, NULL, ), ());
    wrenn_code_context_free(context);
    wrenn_sandbox_close(sandbox);
}

/* Until it ends, which it does by itself here. */
static void lease(void) {
    wrenn_sandbox *sandbox = NULL;
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.lease_sec = 3600;
    options.lifetime_sec = test_in_machines() ? 20 : 1; /* those take seconds to start */
    CALL(sandboxes_create, (client, &options, ), (&sandbox, ));
    CALL(sandbox_hold, (sandbox, NULL, ), ());
    wrenn_sandbox_free(sandbox);
}

static void life(void) {
    wrenn_sandbox *sandbox = NULL, *same = NULL, *connected = NULL;
    wrenn_sandbox_list *list = NULL;
    wrenn_metrics *metrics = NULL;
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.egress = WRENN_EGRESS_PUBLIC;
    CALL(sandboxes_create, (client, &options, ), (&sandbox, ));
    CALL(sandbox_wait_ready, (sandbox, NULL, ), ());
    CALL(sandbox_ping, (sandbox, NULL, ), ());
    CALL(sandbox_set_lifetime, (sandbox, 3600, NULL, ), ());
    CHECK_INT(wrenn_sandbox_last_info(sandbox)->lifetime_sec, 3600);
    static const char *const label[] = {"kind=it", NULL}, *const missing[] = {"other", NULL};
    CALL(sandbox_update_metadata, (sandbox, label, missing, NULL, ), ());
    CHECK_STR(wrenn_sandbox_last_info(sandbox)->metadata[0]->value, "it");
    if (!test_in_machines()) CHECK_INT(wrenn_sandbox_fork(sandbox, NULL, &list, NULL), WRENN_E_API);
    wrenn_sandboxes_query_options query = WRENN_SANDBOXES_QUERY_OPTIONS_INIT;
    query.labels = label;
    query.limit = 1;
    CALL(sandboxes_query, (client, &query, ), (&list, ));
    CHECK_INT(list->items_count, 1);
    CHECK_STR(list->next, wrenn_sandbox_id(sandbox));
    wrenn_sandbox_list_free(list);
    list = NULL;
    wrenn_events_list_options asked = WRENN_EVENTS_LIST_OPTIONS_INIT;
    wrenn_event_page *page = NULL;
    asked.sandbox = wrenn_sandbox_id(sandbox);
    CALL(events_list, (client, &asked, ), (&page, ));
    CHECK_STR(page->events[0]->type, "sandbox.create");
    CHECK_STR(page->events[0]->sandbox_id, wrenn_sandbox_id(sandbox));
    wrenn_event_page_free(page);
    networks(sandbox);
    commands(sandbox);
    terminals(sandbox);
    processes(sandbox);
    files(sandbox);
    ports(sandbox);
    transfers(sandbox);
    CALL(sandbox_metrics, (sandbox, NULL, ), (&metrics, ));
    wrenn_metrics_free(metrics);
    CALL(sandbox_pause, (sandbox, NULL, ), ());
    CHECK_INT(wrenn_sandbox_last_info(sandbox)->status, WRENN_SANDBOX_STATUS_PAUSED);
    CALL(sandbox_resume, (sandbox, NULL, ), ());
    snapshots(sandbox); /* which pauses it */
    CALL(sandboxes_connect, (client, wrenn_sandbox_id(sandbox), NULL, ), (&connected, ));
    CHECK_INT(wrenn_sandbox_last_info(connected)->status, WRENN_SANDBOX_STATUS_RUNNING);
    CALL(sandboxes_get, (client, wrenn_sandbox_id(sandbox), NULL, ), (&same, ));
    CALL(sandboxes_list, (client, NULL, ), (&list, ));
    CHECK_INT(list->items_count, 1);
    char *url = NULL;
    CHECK_INT(wrenn_sandbox_url(sandbox, 8080, "ws", &url, NULL), 0);
    CHECK_INT(strncmp(url, "ws://8080-cl-", 13), 0);
    wrenn_string_free(url);
    CALL(sandbox_destroy, (sandbox, NULL, ), ());
    CALL(sandboxes_destroy, (client, wrenn_sandbox_id(sandbox), NULL, ), ());
    wrenn_sandbox_list_free(list);
    wrenn_sandbox_free(same);
    wrenn_sandbox_free(connected);
    wrenn_sandbox_free(sandbox);
}

static void everything(void) {
    setenv("TMPDIR", test_dir(), 1);
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("WRENN_API_KEY");
    unsetenv("WRENN_TOKEN");
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "local:";
    CHECK_INT(wrenn_client_new(&options, &client, NULL), 0);
    for (through = BLOCKING; through <= OWN_LOOP; through++) {
        accounts();
        secrets();
        hosts();
        life();
        lease();
        if (through == BLOCKING || !test_in_machines()) code(); /* it starts a server each time */
    }
    wrenn_client_free(client);
}

/* A client that gives every call five seconds fails here. */
static void a_long_command(void) {
    setenv("TMPDIR", test_dir(), 1);
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "local:";
    CHECK_INT(wrenn_client_new(&options, &client, NULL), 0);
    wrenn_sandbox *sandbox = NULL;
    CHECK_INT(wrenn_sandboxes_create(client, NULL, &sandbox, NULL), 0);
    wrenn_command exec = WRENN_COMMAND_INIT;
    exec.shell = "sleep 6; echo done";
    wrenn_exec_result *result = NULL;
    CHECK_INT(wrenn_sandbox_exec(sandbox, &exec, NULL, &result, NULL), 0);
    CHECK_STR(result->stdout_data, "done\n");
    wrenn_exec_result_free(result);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
}

TEST_AS_BOTH(every_method_through_each_door, everything)
TEST_AS_ROOT(a_command_may_take_longer_than_five_seconds, a_long_command)

TEST_MAIN
