/* Every operation with allocation N failing, for every N: it succeeds or says WRENN_E_NO_MEMORY (or, where libcurl hides
 * the cause, a connection error), and leaks nothing (the sanitizer and valgrind runs look at that). */
#include <stdio.h>
#include <stdlib.h>

#include "fail_alloc.h"
#include "sdk.h"

static int scenario_exec(const wrenn_client_options *options) {
    static const char *const argv[] = {"echo", "hi", NULL}, *const envs[] = {"A=1", NULL};
    wrenn_command exec = WRENN_COMMAND_INIT;
    exec.argv = argv;
    exec.envs = envs;
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_exec_result *result = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(options, &client, &error);
    if (rc == 0) rc = wrenn_sandbox_from_id(client, "cl-1", &sandbox, &error);
    if (rc == 0) rc = wrenn_sandbox_exec(sandbox, &exec, NULL, &result, &error);
    if (rc == 0) CHECK_STR(result->stdout_data, "hi\n");
    else CHECK_INT(wrenn_error_code(error), rc);
    wrenn_error_free(error);
    wrenn_exec_result_free(result);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

static void ignore(wrenn_op *op, void *data) { *(bool *)data = wrenn_op_is_done(op); }

/* With a callback, retries and the era to find out. */
static int scenario_list(const wrenn_client_options *options) {
    wrenn_client *client = NULL;
    wrenn_op *op = NULL;
    wrenn_sandbox_list *list = NULL;
    bool done = false;
    int rc = wrenn_client_new(options, &client, NULL);
    if (rc == 0) rc = wrenn_sandboxes_list_start(client, NULL, ignore, &done, &op, NULL);
    while (rc == 0 && !done) rc = wrenn_client_dispatch(client, -1, NULL) < 0 ? WRENN_E_NO_MEMORY : 0;
    if (rc == 0) rc = wrenn_sandboxes_list_finish(op, &list, NULL);
    if (rc == 0) CHECK_INT(list->items_count, 1);
    wrenn_sandbox_list_free(list);
    wrenn_op_free(op);
    wrenn_client_free(client);
    return rc;
}

/* A list in two pages, and one of bare strings. */
static int scenario_nouns(const wrenn_client_options *options) {
    wrenn_client *client = NULL;
    wrenn_snapshots_list_options filter = WRENN_SNAPSHOTS_LIST_OPTIONS_INIT;
    filter.type = "base";
    wrenn_snapshot_list *snapshots = NULL;
    wrenn_tag_list *tags = NULL;
    int rc = wrenn_client_new(options, &client, NULL);
    if (rc == 0) rc = wrenn_snapshots_list(client, &filter, &snapshots, NULL);
    if (rc == 0) rc = wrenn_hosts_list_tags(client, "host-1", NULL, &tags, NULL);
    if (rc == 0) CHECK(snapshots->items_count == 2 && tags->items_count == 2);
    wrenn_tag_list_free(tags);
    wrenn_snapshot_list_free(snapshots);
    wrenn_client_free(client);
    return rc;
}

/* Connecting to a paused sandbox, its metrics and a URL, a pause, and a create with a key and a label. */
static int scenario_lifecycle(const wrenn_client_options *options) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL, *made = NULL;
    wrenn_metrics *metrics = NULL;
    char *url = NULL;
    wrenn_sandboxes_connect_options connect = {.struct_size = sizeof(connect), .interval_ms = 1};
    wrenn_sandbox_metrics_options range = {.struct_size = sizeof(range), .range = "1h"};
    static const char *const labels[] = {"mine=kept", NULL};
    wrenn_sandboxes_create_options create = {
        .struct_size = sizeof(create), .call.idempotency_key = "k", .metadata = labels};
    int rc = wrenn_client_new(options, &client, NULL);
    if (rc == 0) rc = wrenn_sandboxes_connect(client, "cl-1", &connect, &sandbox, NULL);
    if (rc == 0) rc = wrenn_sandbox_metrics(sandbox, &range, &metrics, NULL);
    if (rc == 0) rc = wrenn_sandbox_url(sandbox, 80, NULL, &url, NULL);
    if (rc == 0) rc = wrenn_sandbox_pause(sandbox, NULL, NULL);
    if (rc == 0) rc = wrenn_sandboxes_create(client, &create, &made, NULL);
    if (rc == 0) CHECK_STR(url, "http://80-cl-1.localhost");
    wrenn_string_free(url);
    wrenn_metrics_free(metrics);
    wrenn_sandbox_free(made);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

/* A listing, a directory that is there already, and a path whose parent is missing. */
static int scenario_files(const wrenn_client_options *options) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_file_list *list = NULL;
    wrenn_file_entry *made = NULL, *root = NULL;
    int64_t exists = -1;
    int rc = wrenn_client_new(options, &client, NULL);
    if (rc == 0) rc = wrenn_sandbox_from_id(client, "cl-1", &sandbox, NULL);
    if (rc == 0) rc = wrenn_sandbox_list_dir(sandbox, "/", 0, NULL, &list, NULL);
    if (rc == 0) rc = wrenn_sandbox_mkdir(sandbox, "/a/b", NULL, &made, NULL);
    if (rc == 0) rc = wrenn_sandbox_stat(sandbox, "/", NULL, &root, NULL);
    if (rc == 0) rc = wrenn_sandbox_exists(sandbox, "/none/b", NULL, &exists, NULL);
    if (rc == 0)
        CHECK(list->items_count == 1 && strcmp(made->name, "b") == 0 && strcmp(root->name, "/") == 0 && !exists);
    wrenn_file_entry_free(root);
    wrenn_file_entry_free(made);
    wrenn_file_list_free(list);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

/* A file up and down, in memory and through files of this machine, one of them looked up in a listing. */
static int scenario_transfers(const wrenn_client_options *options) {
    char from[256], to[256];
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_file *file = NULL;
    int64_t size = -1;
    snprintf(from, sizeof(from), "%s/from", test_dir());
    snprintf(to, sizeof(to), "%s/to", test_dir());
    wrenn_sandbox_upload_stream_options up = {.struct_size = sizeof(up), .path = "/a", .file = from};
    wrenn_sandbox_download_stream_options down = {
        .struct_size = sizeof(down), .path = "/a", .file = to, .flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY};
    int rc = wrenn_client_new(options, &client, NULL);
    if (rc == 0) rc = wrenn_sandbox_from_id(client, "cl-1", &sandbox, NULL);
    if (rc == 0) rc = wrenn_sandbox_upload(sandbox, "/a", "hello", 5, NULL, NULL);
    if (rc == 0) rc = wrenn_sandbox_upload_stream(sandbox, &up, NULL);
    if (rc == 0) rc = wrenn_sandbox_download(sandbox, "/a", NULL, &file, NULL);
    if (rc == 0) rc = wrenn_sandbox_download_stream(sandbox, &down, &size, NULL);
    CHECK((access(to, F_OK) == 0) == (rc == 0));
    if (rc == 0) CHECK(size == 5 && file->size == 5);
    unlink(to);
    wrenn_file_free(file);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

static int drain(wrenn_stream *stream) {
    const wrenn_event *event;
    int rc;
    while ((rc = wrenn_stream_next(stream, 20000, &event, NULL)) > 0) {
    }
    return rc;
}

/* A command with input, a terminal and an attached process. */
static int scenario_streams(const wrenn_client_options *options) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_stream *command = NULL, *terminal = NULL;
    wrenn_command exec = {.struct_size = sizeof(exec), .shell = "x", .want_stdin = 1};
    int rc = wrenn_client_new(options, &client, NULL);
    if (rc == 0) rc = wrenn_sandbox_from_id(client, "cl-1", &sandbox, NULL);
    if (rc == 0) rc = wrenn_sandbox_exec_stream(sandbox, &exec, NULL, &command, NULL);
    int64_t written = rc == 0 ? wrenn_stream_write(command, "in", 2, -1, NULL) : 0;
    if (written < 0) rc = (int)written;
    if (rc == 0) rc = drain(command);
    if (rc == 0) rc = wrenn_sandbox_pty(sandbox, NULL, NULL, &terminal, NULL);
    if (rc == 0) rc = drain(terminal);
    wrenn_stream_free(terminal);
    wrenn_stream_free(command);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

/* Finding the kernel, and what it says. The time is too short for a second try, which would find another script. */
static int scenario_code(const wrenn_client_options *options) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_code_execution *execution = NULL;
    wrenn_sandbox_run_code_options code = {.struct_size = sizeof(code), .code = "x", .start_timeout_ms = 499};
    int rc = wrenn_client_new(options, &client, NULL);
    if (rc == 0) rc = wrenn_sandbox_from_id(client, "cl-1", &sandbox, NULL);
    if (rc == 0) rc = wrenn_sandbox_run_code(sandbox, &code, &execution, NULL);
    if (rc == 0) CHECK_STR(execution->text, "42");
    wrenn_code_execution_free(execution);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return rc;
}

static void sweep(int (*scenario)(const wrenn_client_options *), const script_reply *replies, size_t count,
                  int64_t era) {
    for (long n = 1;; n++) {
        script_server *server = script_start(replies, count, true);
        wrenn_client_options options = sdk_options(script_url(server));
        options.era = era;
        options.max_attempts = 1;
        fail_alloc(n);
        int rc = scenario(&options);
        bool failed = fail_alloc_happened();
        fail_alloc(0);
        script_stop(server);
        bool is_slow = scenario == scenario_code && rc == WRENN_E_TIMEOUT; /* its limit is short */
        CHECK_MSG(rc == 0 || is_slow || rc == WRENN_E_NO_MEMORY || rc == WRENN_E_CONNECTION_FAILED ||
                      rc == WRENN_E_CONNECTION_LOST || rc == WRENN_E_SYSTEM,
                  "allocation %ld: %s", n, wrenn_strerror_name(rc));
        if (!failed) {
            CHECK_INT(rc, 0);
            test_note("%ld allocations", n - 1);
            CHECK(n > 20);
            return;
        }
    }
}

TEST_SLOW(exec_with_each_allocation_failing) {
    char *text = script_text("200 OK", "", EXEC_BODY);
    sweep(scenario_exec, &(script_reply){.text = text}, 1, WRENN_ERA_SANDBOXES);
    free(text);
}

TEST_SLOW(an_error_answer_with_each_allocation_failing) {
    char *text = script_text("409 Conflict", "", ERROR_BODY("has_active_sandboxes"));
    for (long n = 1; n < 400; n++) {
        script_server *server = script_start(&(script_reply){.text = text}, 1, true);
        wrenn_client_options options = sdk_options(script_url(server));
        fail_alloc(n);
        int rc = scenario_exec(&options);
        bool failed = fail_alloc_happened();
        fail_alloc(0);
        script_stop(server);
        CHECK(rc < 0);
        if (!failed) {
            CHECK_INT(rc, WRENN_E_HOST_HAS_SANDBOXES);
            free(text);
            return;
        }
    }
    CHECK_MSG(false, "more allocations than expected");
}

TEST_SLOW(list_with_each_allocation_failing) {
    char *probe = script_text("404 Not Found", "", ""), *list = script_text("200 OK", "", "[" SANDBOX_BODY "]");
    script_reply replies[] = {{.text = probe}, {.text = list}};
    script_use_tcp();
    sweep(scenario_list, replies, COUNT(replies), WRENN_ERA_AUTO);
    free(probe), free(list);
}

/* The same from whole answers, one after the other: status line rest and body. */
static void sweep_answers(int (*scenario)(const wrenn_client_options *), const char *const (*answers)[2],
                          size_t count) {
    script_reply *replies = calloc(count, sizeof(*replies));
    for (size_t i = 0; i < count; i++) replies[i].text = script_text(answers[i][0], "", answers[i][1]);
    sweep(scenario, replies, count, WRENN_ERA_SANDBOXES);
    for (size_t i = 0; i < count; i++) free((char *)replies[i].text);
    free(replies);
}

TEST_SLOW(streams_with_each_allocation_failing) {
    script_reply replies[] = {{.text = "Sec-WebSocket-Protocol: wrenn.bytes.v1\r\n", .upgrade = true},
                              script_messages(SCRIPT_KEEP, "{\"type\":\"start\",\"pid\":7}", NULL),
                              script_messages(SCRIPT_KEEP, "{\"type\":\"stdout\",\"data\":\"x\"}",
                                              "{\"type\":\"exit\",\"exit_code\":0}", NULL),
                              {.text = "", .upgrade = true},
                              script_messages(SCRIPT_KEEP, "{\"type\":\"started\",\"tag\":\"pty-1\",\"pid\":8}",
                                              "{\"type\":\"output\",\"data\":\"eA==\"}",
                                              "{\"type\":\"exit\",\"exit_code\":0}", NULL)};
    sweep(scenario_streams, replies, COUNT(replies), WRENN_ERA_SANDBOXES);
    for (size_t i = 0; i < COUNT(replies); i++)
        if (!replies[i].upgrade) free((char *)(uintptr_t)replies[i].text);
}

#define SAID(type, content) \
    "{\"parent_header\":{\"msg_id\":\"@ID@\"},\"msg_type\":\"" type "\",\"content\":" content "}"

TEST_SLOW(code_with_each_allocation_failing) {
    char *specs = script_text("200 OK", "", "{\"default\":\"p\",\"kernelspecs\":{\"p\":{}}}");
    char *made = script_text("201 Created", "", "{\"kernel\":{\"id\":\"k\",\"execution_state\":\"starting\"}}");
    script_reply replies[] = {
        {.text = specs},
        {.text = made},
        {.text = made},
        {.text = "", .upgrade = true},
        script_messages(SCRIPT_KEEP, SAID("status", "{\"execution_state\":\"busy\"}"), SAID("kernel_info_reply", "{}"),
                        NULL),
        script_messages(
            SCRIPT_KEEP, SAID("status", "{\"execution_state\":\"busy\"}"),
            SAID("stream", "{\"name\":\"stdout\",\"text\":\"a\"}"),
            SAID("display_data", "{\"data\":{\"text/plain\":\"1\"},\"transient\":{\"display_id\":\"i\"}}"),
            SAID("update_display_data", "{\"data\":{\"text/plain\":\"2\"},\"transient\":{\"display_id\":\"i\"}}"),
            SAID("execute_result", "{\"data\":{\"text/plain\":\"42\",\"text/html\":[\"<\",\">\"]}}"),
            SAID("execute_reply", "{\"status\":\"error\",\"ename\":\"E\",\"evalue\":\"v\",\"traceback\":[\"E\"]}"),
            SAID("status", "{\"execution_state\":\"idle\"}"), NULL)};
    sweep(scenario_code, replies, COUNT(replies), WRENN_ERA_SANDBOXES);
    free(specs), free(made);
    free((char *)(uintptr_t)replies[4].text), free((char *)(uintptr_t)replies[5].text);
}

TEST_SLOW(lists_with_each_allocation_failing) {
    static const char *const answers[][2] = {
        {"200 OK", "{\"templates\":[{\"name\":\"a\"}],\"page\":1,\"total_pages\":2}"},
        {"200 OK", "{\"templates\":[{\"name\":\"b\"}],\"page\":2,\"total_pages\":2}"},
        {"200 OK", "[\"gpu\",\"eu\"]"},
    };
    sweep_answers(scenario_nouns, answers, COUNT(answers));
}

TEST_SLOW(a_life_cycle_with_each_allocation_failing) {
    static const char *const answers[][2] = {
        {"200 OK", STATUS("paused")}, {"200 OK", STATUS("running")}, {"200 OK", "{\"points\":[{\"cpu_pct\":1}]}"},
        {"200 OK", STATUS("paused")}, {"200 OK", STATUS("running")},
    };
    sweep_answers(scenario_lifecycle, answers, COUNT(answers));
}

TEST_SLOW(files_with_each_allocation_failing) {
    static const char *const answers[][2] = {
        {"200 OK", "{\"entries\":[{\"name\":\"a\",\"path\":\"/a\"}]}"},
        {"409 Conflict", ERROR_BODY("conflict")},
        {"200 OK", "{\"entries\":[{\"name\":\"b\",\"path\":\"/a/b\"}]}"},
        {"200 OK", "{\"entries\":[]}"},
        {"404 Not Found", ERROR_BODY("not_found")},
        {"200 OK", "{\"entries\":[]}"},
    };
    sweep_answers(scenario_files, answers, COUNT(answers));
}

TEST_SLOW(transfers_with_each_allocation_failing) {
    static const char *const answers[][2] = {
        {"204 No Content", ""}, {"204 No Content", ""},
        {"200 OK", "hello"},    {"200 OK", "{\"entries\":[{\"name\":\"a\",\"size\":6}]}"},
        {"200 OK", "hello"},    {"200 OK", "{\"entries\":[{\"name\":\"a\",\"size\":5}]}"},
    };
    char from[256];
    snprintf(from, sizeof(from), "%s/from", test_dir());
    FILE *file = fopen(from, "w");
    CHECK(file && fputs("hello", file) > 0 && fclose(file) == 0);
    sweep_answers(scenario_transfers, answers, COUNT(answers));
}

TEST_MAIN
