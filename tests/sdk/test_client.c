/* The client itself: options, callbacks and their rules, cancelling, freeing, fork, threads, many at once. */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sdk.h"

static const char *const argv_true[] = {"true", NULL};
static const wrenn_command exec_true = {.struct_size = sizeof(wrenn_command), .argv = argv_true};

/* ---- options ---- */

static void refuse(const wrenn_client_options *options, const char *part) {
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_client_new(options, &client, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK(client == NULL);
    CHECK_CONTAINS(wrenn_error_message(error), part);
    wrenn_error_free(error);
}

TEST(option_structs_are_checked_by_size) {
    wrenn_client_options options = sdk_options("unix:/x");
    options.struct_size = 0;
    refuse(&options, "_INIT macro");
    options.struct_size = 12; /* would cut a pointer */
    refuse(&options, "_INIT macro");
    struct {
        wrenn_client_options known;
        int64_t newer;
    } grown = {.known = sdk_options("unix:/x")};
    grown.known.struct_size = sizeof(grown);
    wrenn_client *client = NULL;
    CHECK_INT(wrenn_client_new(&grown.known, &client, NULL), 0);
    wrenn_client_free(client);
    grown.newer = 1;
    refuse(&grown.known, "does not know");
    /* A caller of an older header knows only the first fields. */
    options.struct_size = offsetof(wrenn_client_options, token);
    options.era = 99;
    CHECK_INT(wrenn_client_new(&options, &client, NULL), 0);
    wrenn_client_free(client);
}

TEST(bad_client_options_are_named) {
    wrenn_client_options options = sdk_options("ftp://x");
    refuse(&options, "ftp://x");
    options = sdk_options("unix:/x");
    options.api_key = "wrn_\r\nX-Evil: 1";
    refuse(&options, "API key");
    options = sdk_options("unix:/x");
    options.timeout_ms = -1;
    refuse(&options, "must not be negative");
    options = sdk_options("unix:/x");
    options.ca_file = "/nonexistent/ca.pem";
    refuse(&options, "/nonexistent/ca.pem");
    options = sdk_options("unix:/x");
    options.era = 3;
    refuse(&options, "WRENN_ERA_");
}

TEST(bad_call_arguments_are_named_and_nothing_is_sent) {
    script_reply none = {.text = ""};
    script_server *server = script_start(&none, 1, true);
    wrenn_client_options client_options = sdk_options(script_url(server));
    wrenn_client *client = sdk_client(&client_options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    static const char *const empty[] = {NULL}, *const bad_env[] = {"GOOD=1", "secretvalue", NULL},
                             *const latin1[] = {"echo", "caf\xe9", NULL};
    const size_t n = sizeof(wrenn_command);
    const struct {
        wrenn_command options;
        const char *part;
    } cases[] = {
        {{.struct_size = n}, "exactly one"},
        {{.struct_size = n, .argv = argv_true, .shell = "true"}, "exactly one"},
        {{.struct_size = n, .argv = empty}, "program name"},
        {{.struct_size = n, .argv = argv_true, .envs = bad_env}, "envs[1]"},
        {{.struct_size = n, .argv = argv_true, .time_limit_ms = -5}, "time_limit_ms"},
        {{.struct_size = n, .argv = latin1}, "UTF-8"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        wrenn_exec_result *result = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandbox_exec(sandbox, &cases[i].options, NULL, &result, &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), cases[i].part);
        CHECK(!strstr(wrenn_error_message(error), "secretvalue"));
        wrenn_error_free(error);
    }
    CHECK_INT(wrenn_sandbox_ping(NULL, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandboxes_destroy(client, "", NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandboxes_destroy(NULL, "cl-1", NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_connections(server), 0);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
}

TEST(missing_credentials_are_said_before_anything_is_sent) {
    wrenn_client_options options = sdk_options("unix:/nonexistent");
    options.token = NULL;
    wrenn_client *client = sdk_client(&options);
    wrenn_api_key_list *keys = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_api_keys_list(client, NULL, &keys, &error), WRENN_E_AUTHENTICATION);
    CHECK_CONTAINS(wrenn_error_message(error), "WRENN_TOKEN");
    wrenn_error_free(error);
    wrenn_client_free(client);
    options.api_key = NULL;
    client = sdk_client(&options);
    wrenn_sandbox_list *list = NULL;
    error = NULL;
    CHECK_INT(wrenn_sandboxes_list(client, NULL, &list, &error), WRENN_E_AUTHENTICATION);
    CHECK_CONTAINS(wrenn_error_message(error), "WRENN_API_KEY");
    wrenn_error_free(error);
    wrenn_client_free(client);
}

TEST(the_environment_fills_in_what_options_leave_out) {
    char *text = script_text("200 OK", "", "[]");
    script_server *server = script_start(&(script_reply){.text = text}, 1, true);
    setenv("WRENN_BASE_URL", script_url(server), 1);
    setenv("WRENN_API_KEY", "wrn_from_env", 1);
    setenv("WRENN_TOKEN", "token_from_env", 1);
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.era = WRENN_ERA_SANDBOXES;
    wrenn_client *client = sdk_client(&options);
    CHECK_STR(wrenn_client_api_key(client), "wrn_from_env");
    CHECK_STR(wrenn_client_base_url(client), script_url(server));
    wrenn_api_key_list *keys = NULL;
    CHECK_INT(wrenn_api_keys_list(client, NULL, &keys, NULL), 0);
    wrenn_api_key_list_free(keys);
    CHECK_CONTAINS(script_request(server, 0), "Bearer token_from_env");
    CHECK_INT(wrenn_client_set_token(client, "newer", NULL), 0);
    keys = NULL;
    CHECK_INT(wrenn_api_keys_list(client, NULL, &keys, NULL), 0);
    wrenn_api_key_list_free(keys);
    CHECK_CONTAINS(script_request(server, 1), "Bearer newer");
    CHECK_INT(wrenn_client_set_token(client, "a\nb", NULL), WRENN_E_INVALID_ARGUMENT);
    wrenn_client_free(client);
    script_stop(server);
    free(text);
}

/* ---- callbacks ---- */

typedef struct context {
    wrenn_client *client;
    wrenn_sandbox *sandbox;
    int calls, rc, inner;
    bool free_client;
} context;

static void on_exec(wrenn_op *op, void *data) {
    context *c = data;
    wrenn_exec_result *result = NULL;
    c->calls++;
    c->rc = wrenn_sandbox_exec_finish(op, &result, NULL);
    wrenn_exec_result_free(result);
    if (c->free_client) wrenn_client_free(c->client);
}

typedef struct world {
    script_server *server;
    char *text;
    context c;
} world;

static world make_world(const script_reply *reply) {
    world w = {.text = script_text("200 OK", "", EXEC_BODY)};
    static script_reply good;
    good = (script_reply){.text = w.text};
    w.server = script_start(reply ? reply : &good, 1, true);
    wrenn_client_options options = sdk_options(script_url(w.server));
    w.c.client = sdk_client(&options);
    w.c.sandbox = sdk_sandbox(w.c.client);
    return w;
}

static void end_world(world *w) {
    wrenn_sandbox_free(w->c.sandbox);
    wrenn_client_free(w->c.client);
    script_stop(w->server);
    free(w->text);
}

static void on_exec_misbehave(wrenn_op *op, void *data) {
    context *c = data;
    on_exec(op, data);
    c->inner = wrenn_sandbox_ping(c->sandbox, NULL, NULL);
    CHECK_INT(wrenn_client_dispatch(c->client, 0, NULL), WRENN_E_REENTRANT);
}

TEST(a_blocking_call_from_a_callback_is_refused) {
    world w = make_world(NULL);
    CHECK_INT(wrenn_sandbox_exec_start(w.c.sandbox, &exec_true, NULL, on_exec_misbehave, &w.c, NULL, NULL), 0);
    while (!w.c.calls) CHECK(wrenn_client_dispatch(w.c.client, -1, NULL) >= 0);
    CHECK_INT(w.c.rc, 0);
    CHECK_INT(w.c.inner, WRENN_E_REENTRANT);
    CHECK_INT(script_count(w.server), 1);
    end_world(&w);
}

static void on_exec_start_next(wrenn_op *op, void *data) {
    context *c = data;
    on_exec(op, data);
    if (c->calls < 5)
        CHECK_INT(wrenn_sandbox_exec_start(c->sandbox, &exec_true, NULL, on_exec_start_next, c, NULL, NULL), 0);
}

TEST(a_start_from_a_callback_is_fine) {
    world w = make_world(NULL);
    CHECK_INT(wrenn_sandbox_exec_start(w.c.sandbox, &exec_true, NULL, on_exec_start_next, &w.c, NULL, NULL), 0);
    while (w.c.calls < 5) CHECK(wrenn_client_dispatch(w.c.client, -1, NULL) >= 0);
    end_world(&w);
}

static bool readable(wrenn_client *client) {
    struct pollfd ready = {.fd = wrenn_client_fd(client), .events = POLLIN};
    return poll(&ready, 1, 0) == 1;
}

TEST(what_completes_during_a_blocking_call_is_kept_for_dispatch) {
    world w = make_world(NULL);
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_exec_start(w.c.sandbox, &exec_true, NULL, on_exec, &w.c, &op, NULL), 0);
    /* Blocking calls drive the loop for everybody. */
    while (!wrenn_op_is_done(op)) {
        wrenn_exec_result *result = NULL;
        CHECK_INT(wrenn_sandbox_exec(w.c.sandbox, &exec_true, NULL, &result, NULL), 0);
        wrenn_exec_result_free(result);
    }
    CHECK_INT(w.c.calls, 0);
    CHECK(readable(w.c.client));
    CHECK_INT(wrenn_client_dispatch(w.c.client, 0, NULL), 1);
    CHECK_INT(w.c.calls, 1);
    CHECK(!readable(w.c.client));
    wrenn_op_free(op);
    end_world(&w);
}

TEST(a_cancelled_operation_calls_back_once_and_later) {
    script_reply silent = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    world w = make_world(&silent);
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_exec_start(w.c.sandbox, &exec_true, NULL, on_exec, &w.c, &op, NULL), 0);
    wrenn_op_cancel(op);
    wrenn_op_cancel(op);
    CHECK_INT(w.c.calls, 0);
    CHECK(readable(w.c.client));
    CHECK_INT(wrenn_client_dispatch(w.c.client, 0, NULL), 1);
    CHECK_INT(w.c.calls, 1);
    CHECK_INT(w.c.rc, WRENN_E_CANCELLED);
    CHECK_INT(wrenn_client_dispatch(w.c.client, -1, NULL), 0);
    wrenn_exec_result *result = NULL;
    CHECK_INT(wrenn_sandbox_exec_finish(op, &result, NULL), WRENN_E_INVALID_ARGUMENT); /* not a success either */
    wrenn_op_free(op);
    end_world(&w);
}

TEST(freeing_the_client_cancels_everything_first) {
    script_reply silent = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    world w = make_world(&silent);
    wrenn_op *kept = NULL;
    for (int i = 0; i < 3; i++)
        CHECK_INT(wrenn_sandbox_exec_start(w.c.sandbox, &exec_true, NULL, on_exec, &w.c, i ? NULL : &kept, NULL), 0);
    wrenn_client_free(w.c.client);
    CHECK_INT(w.c.calls, 3);
    CHECK_INT(w.c.rc, WRENN_E_CANCELLED);
    CHECK(wrenn_op_is_done(kept));
    wrenn_op_cancel(kept);
    wrenn_op_free(kept);
    CHECK_STR(wrenn_sandbox_id(w.c.sandbox), "cl-0123456789abcdefghijklmno");
    CHECK_INT(wrenn_sandbox_ping(w.c.sandbox, NULL, NULL), WRENN_E_CANCELLED);
    w.c.client = NULL;
    end_world(&w);
}

TEST(the_client_may_be_freed_from_a_callback) {
    world w = make_world(NULL);
    w.c.free_client = true;
    CHECK_INT(wrenn_sandbox_exec_start(w.c.sandbox, &exec_true, NULL, on_exec, &w.c, NULL, NULL), 0);
    while (!w.c.calls) CHECK(wrenn_client_dispatch(w.c.client, -1, NULL) >= 0);
    CHECK_INT(w.c.rc, 0);
    w.c.client = NULL;
    end_world(&w);
}

TEST(the_descriptor_wakes_for_deadlines) {
    script_reply silent = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    world w = make_world(&silent);
    wrenn_call_options options = {.struct_size = sizeof(options), .timeout_ms = 20};
    CHECK_INT(wrenn_sandbox_exec_start(w.c.sandbox, &exec_true, &options, on_exec, &w.c, NULL, NULL), 0);
    while (!w.c.calls) {
        struct pollfd ready = {.fd = wrenn_client_fd(w.c.client), .events = POLLIN};
        CHECK(poll(&ready, 1, 60000) == 1);
        CHECK(wrenn_client_dispatch(w.c.client, 0, NULL) >= 0);
    }
    CHECK_INT(w.c.rc, WRENN_E_TIMEOUT);
    end_world(&w);
}

TEST(an_idle_client_is_quiet) {
    world w = make_world(NULL);
    CHECK(!readable(w.c.client));
    CHECK_INT(wrenn_client_dispatch(w.c.client, -1, NULL), 0);
    wrenn_exec_result *result = NULL;
    CHECK_INT(wrenn_sandbox_exec(w.c.sandbox, &exec_true, NULL, &result, NULL), 0);
    wrenn_exec_result_free(result);
    CHECK_INT(wrenn_client_dispatch(w.c.client, 0, NULL), 0);
    CHECK(!readable(w.c.client));
    end_world(&w);
}

/* ---- many, fork, threads ---- */

TEST(a_thousand_requests_at_once_in_one_thread) {
    /* Both ends are in this process, and the usual soft limit is 1024. */
    struct rlimit files;
    CHECK(getrlimit(RLIMIT_NOFILE, &files) == 0);
    files.rlim_cur = files.rlim_max;
    CHECK(setrlimit(RLIMIT_NOFILE, &files) == 0);
    world w = make_world(NULL);
    const int count = test_slowly() ? 100 : 1000;
    for (int i = 0; i < count; i++)
        CHECK_INT(wrenn_sandbox_exec_start(w.c.sandbox, &exec_true, NULL, on_exec, &w.c, NULL, NULL), 0);
    while (w.c.calls < count) {
        CHECK(wrenn_client_dispatch(w.c.client, -1, NULL) >= 0);
        CHECK_INT(w.c.rc, 0);
    }
    CHECK_INT(script_count(w.server), count);
    end_world(&w);
}

TEST(after_fork_the_child_may_only_free_and_the_parent_goes_on) {
    world w = make_world(NULL);
    wrenn_exec_result *result = NULL;
    CHECK_INT(wrenn_sandbox_exec(w.c.sandbox, &exec_true, NULL, &result, NULL), 0);
    wrenn_exec_result_free(result);
    pid_t child = fork();
    if (child == 0) {
        wrenn_error *error = NULL;
        bool refused = wrenn_sandbox_ping(w.c.sandbox, NULL, &error) == WRENN_E_INVALID_ARGUMENT &&
                       strstr(wrenn_error_message(error), "fork");
        wrenn_error_free(error);
        wrenn_sandbox_free(w.c.sandbox);
        wrenn_client_free(w.c.client);
        _exit(refused ? 0 : 1);
    }
    int status = 0;
    CHECK(waitpid(child, &status, 0) == child);
    CHECK_INT(status, 0);
    result = NULL;
    CHECK_INT(wrenn_sandbox_exec(w.c.sandbox, &exec_true, NULL, &result, NULL), 0);
    wrenn_exec_result_free(result);
    CHECK_INT(script_connections(w.server), 1);
    end_world(&w);
}

static void *use_a_client(void *url) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = url;
    options.api_key = "wrn_1";
    options.era = WRENN_ERA_SANDBOXES;
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    for (int i = 0; i < 50; i++) {
        wrenn_exec_result *result = NULL;
        CHECK_INT(wrenn_sandbox_exec(sandbox, &exec_true, NULL, &result, NULL), 0);
        wrenn_exec_result_free(result);
    }
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    return NULL;
}

TEST(a_client_in_each_of_four_threads) {
    world w = make_world(NULL);
    pthread_t threads[4];
    for (size_t i = 0; i < COUNT(threads); i++)
        CHECK(pthread_create(&threads[i], NULL, use_a_client, (void *)(uintptr_t)script_url(w.server)) == 0);
    for (size_t i = 0; i < COUNT(threads); i++) pthread_join(threads[i], NULL);
    CHECK_INT(script_count(w.server), 200);
    end_world(&w);
}

/* ---- log and errors ---- */

static char logged[512];
static void keep_log(const wrenn_log_event *event, void *data) {
    snprintf(logged, sizeof(logged), "%s %s %s %d", event->message, event->method, event->path,
             (int)event->http_status);
    *(wrenn_timings *)data = *event->timings;
}

TEST(the_log_tells_of_every_exchange_with_its_timings) {
    char *text = script_text("200 OK", "", EXEC_BODY);
    script_server *server = script_start(&(script_reply){.text = text}, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    wrenn_timings timings = {0};
    options.log = keep_log;
    options.log_user_data = &timings;
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_exec_result *result = NULL;
    CHECK_INT(wrenn_sandbox_exec(sandbox, &exec_true, NULL, &result, NULL), 0);
    wrenn_exec_result_free(result);
    CHECK_STR(logged, "exec answered POST /v1/sandboxes/cl-0123456789abcdefghijklmno/exec 200");
    CHECK(timings.total_us > 0 && timings.first_byte_us > 0 && timings.first_byte_us <= timings.total_us);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
    free(text);
}

static void keep_path(const wrenn_log_event *event, void *data) {
    (void)data;
    snprintf(logged, sizeof(logged), "%s %s", event->method, event->path);
}

TEST(the_log_names_each_request_as_it_was_sent) {
    script_reply nothing = {.text = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"};
    script_server *server = script_start(&nothing, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    options.log = keep_path;
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client), *made = NULL;
    wrenn_sandbox_list *list = NULL;
    wrenn_stream *stream = NULL;
    wrenn_port_response *response = NULL;
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_sandbox_port_request_options request = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    command.shell = "true";
    request.port = 80;
    request.path = "/x/y?token=secret";
    CHECK(wrenn_sandboxes_create(client, NULL, &made, NULL) < 0);
    CHECK_STR(logged, "POST /v1/sandboxes");
    CHECK(wrenn_sandboxes_list(client, NULL, &list, NULL) < 0);
    CHECK_STR(logged, "GET /v1/sandboxes");
    CHECK(wrenn_sandbox_kill(sandbox, "job 1", 0, NULL, NULL) < 0);
    CHECK_CONTAINS(logged, "DELETE /v1/sandboxes/cl-0123456789abcdefghijklmno/processes/job%201?signal=SIGKILL");
    CHECK(wrenn_sandbox_exec_stream(sandbox, &command, NULL, &stream, NULL) < 0);
    CHECK_STR(logged, "GET /v1/sandboxes/cl-0123456789abcdefghijklmno/exec/stream");
    CHECK_INT(wrenn_sandbox_port_request(sandbox, &request, &response, NULL), 0);
    CHECK_STR(logged, "GET /x/y");
    wrenn_port_response_free(response);
    CHECK(wrenn_sandbox_port_websocket(sandbox, 80, "/ws?token=secret", NULL, &stream, NULL) < 0);
    CHECK_STR(logged, "GET /ws");
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
}

TEST(error_accessors_take_null) {
    CHECK_INT(wrenn_error_code(NULL), 0);
    CHECK_INT(wrenn_error_is(NULL, WRENN_E_API), 0);
    CHECK_STR(wrenn_error_message(NULL), "no error");
    CHECK(wrenn_error_server_code(NULL) == NULL && wrenn_error_body(NULL) == NULL &&
          wrenn_error_request_id(NULL) == NULL);
    CHECK_INT(wrenn_error_sandbox_ids(NULL, NULL), 0);
    CHECK_INT(wrenn_error_retry_after_ms(NULL) + wrenn_error_retriable(NULL) + wrenn_error_http_status(NULL), 0);
    wrenn_error_free(NULL);
    wrenn_client_free(NULL);
    wrenn_op_free(NULL);
    wrenn_op_cancel(NULL);
    wrenn_sandbox_free(NULL);
    wrenn_sandbox_close(NULL);
    wrenn_exec_result_free(NULL);
    CHECK_STR(wrenn_strerror_name(WRENN_E_HOST_HAS_SANDBOXES), "WRENN_E_HOST_HAS_SANDBOXES");
    CHECK_STR(wrenn_strerror_name(-999), "unknown code");
    CHECK_STR(wrenn_strerror(WRENN_E_CANCELLED), "cancelled");
}

TEST_MAIN
