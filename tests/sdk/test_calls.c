/* What every operation can be told for one call. That each operation sends it, is in test_doors.c. */
#include <stdio.h>

#include "clock.h"
#include "kernels.h"

#define ID "cl-0123456789abcdefghijklmno"
#define FEATURES "Wrenn-Features: background exec-envs idempotency-key list-only\r\n"

static const char *const traced[] = {"X-Trace: t=1", NULL};
static const wrenn_call_options call = {.struct_size = sizeof(wrenn_call_options),
                                        .idempotency_key = "k-1",
                                        .request_id = "r-1",
                                        .headers = traced};

/* All requests of the API, or none, have what the call was told; an idempotency key only what is a POST. */
static void check_all(setup *s, bool wanted, size_t from, size_t count) {
    CHECK_INT(script_count(s->server), count);
    for (size_t i = from; i < count; i++) {
        const char *request = script_request(s->server, i);
        if (strncmp(request, "text:", 5) == 0 || strncmp(request, "binary:", 7) == 0) continue;
        bool is_told = strstr(request, "\r\nX-Request-ID: r-1\r\nX-Trace: t=1\r\n") != NULL;
        bool keyed = strstr(request, "\r\nIdempotency-Key: k-1\r\n") != NULL;
        CHECK_MSG(is_told == wanted, "request %zu: %s", i, request);
        CHECK_MSG(wanted || !strcasestr(request, "X-Trace"), "request %zu: %s", i, request);
        CHECK_MSG(keyed == (wanted && strncmp(request, "POST ", 5) == 0), "request %zu: %s", i, request);
    }
}

/* ---- operations of several requests ---- */

static void any_era(wrenn_client_options *options) { options->era = WRENN_ERA_AUTO; }

TEST(each_request_of_a_connect_is_told_and_so_is_the_search_for_the_era) {
    char *none = script_text("404 Not Found", "", ERROR_BODY("not_found"));
    char *paused = script_text("200 OK", "", STATUS("paused")), *running = script_text("200 OK", "", STATUS("running"));
    char *resuming = script_text("202 Accepted", "", STATUS("resuming"));
    script_reply replies[] = {{.text = none}, {.text = paused}, {.text = resuming}, {.text = running}};
    script_use_tcp();
    setup s = set_up_with(replies, COUNT(replies), any_era);
    wrenn_sandboxes_connect_options options = WRENN_SANDBOXES_CONNECT_OPTIONS_INIT;
    wrenn_sandbox *sandbox = NULL;
    options.interval_ms = 1;
    options.call = call;
    CHECK_INT(wrenn_sandboxes_connect(s.client, ID, &options, &sandbox, NULL), 0);
    CHECK_CONTAINS(script_request(s.server, 0), "GET /v1/capsules ");
    check_all(&s, true, 0, 4);
    wrenn_sandbox_free(sandbox);
    tear_down(&s);
    free(none), free(paused), free(running), free(resuming);
}

TEST(each_request_of_a_wait_a_search_and_a_spawn_is_told) {
    setup s =
        SET_UP({"202 Accepted", STATUS("starting")}, {"200 OK", STATUS("starting")},
               {"200 OK", STATUS("running")}, /* create */
               {"409 Conflict", ERROR_BODY("already_exists")},
               {"200 OK", "{\"entries\":[{\"name\":\"b\",\"path\":\"/a/b\",\"type\":\"directory\"}]}"}, /* mkdir */
               {"200 OK", "{\"processes\":[]}"}, {"202 Accepted", "{\"pid\":7,\"tag\":\"t\"}"});        /* spawn */
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_command command = shell_options("x");
    wrenn_sandbox *sandbox = NULL;
    wrenn_file_entry *entry = NULL;
    wrenn_process *process = NULL;
    create.call = call;
    create.flags = WRENN_SANDBOXES_CREATE_WAIT;
    CHECK_INT(wrenn_sandboxes_create(s.client, &create, &sandbox, NULL), 0);
    CHECK_INT(wrenn_sandbox_mkdir(sandbox, "/a/b", &call, &entry, NULL), 0);
    CHECK_INT(wrenn_sandbox_spawn(sandbox, &command, &call, &process, NULL), 0);
    check_all(&s, true, 0, 7);
    wrenn_process_free(process);
    wrenn_file_entry_free(entry);
    wrenn_sandbox_free(sandbox);
    tear_down(&s);
}

/* What destroys the sandbox goes through the same proxies. */
TEST(each_request_of_a_clean_up_is_told) {
    char *accepted = script_text("202 Accepted", "", STATUS("starting")), *gone = script_text("204 Gone", "", "");
    script_reply replies[] = {{.text = accepted, .gated = true}, {.text = gone}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_op *op = NULL;
    create.call = call;
    create.call.idempotency_key = NULL;
    CHECK_INT(wrenn_sandboxes_create_start(s.client, &create, NULL, NULL, &op, NULL), 0);
    while (script_count(s.server) < 1) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    script_open_gate(s.server);
    wrenn_client_free(s.client);
    s.client = NULL;
    CHECK_INT(script_count(s.server), 2);
    for (size_t i = 0; i < 2; i++)
        CHECK_CONTAINS(script_request(s.server, i), "\r\nX-Request-ID: r-1\r\nX-Trace: t=1\r\n");
    CHECK_CONTAINS(script_request(s.server, 1), "DELETE /v1/sandboxes/" ID " ");
    tear_down(&s);
    free(accepted), free(gone);
}

/* ---- what runs in a sandbox is told nothing ---- */

TEST(ports_are_told_nothing) {
    setup s = SET_UP({"200 OK", "hello"});
    wrenn_sandbox_port_request_options options = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    wrenn_port_response *response = NULL;
    options.call = call;
    options.port = 80;
    options.body = "x";
    options.body_size = 1;
    CHECK_INT(wrenn_sandbox_port_request(s.sandbox, &options, &response, NULL), 0);
    check_request(&s, 0, "POST / ", "x");
    check_all(&s, false, 0, 1);
    wrenn_port_response_free(response);
    tear_down(&s);
}

TEST(kernels_are_told_nothing) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    text(&p, "200 OK", "{}"); /* interrupt */
    setup s = set_up(p.replies, p.count);
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_sandbox_code_context_options context_options = WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT;
    wrenn_code_execution *x = NULL;
    wrenn_code_context *context = NULL;
    options.call = context_options.call = call;
    options.code = "1";
    context_options.flags = WRENN_SANDBOX_CODE_CONTEXT_DEFAULT;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), 0);
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, &context_options, &context, NULL), 0);
    CHECK_INT(wrenn_code_context_interrupt(context, &call, NULL), 0);
    check_all(&s, false, 0, FOUND + 2);
    wrenn_code_context_free(context);
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

/* ---- keys ---- */

/* Servers that obey keys do so for creates. Sent twice, another POST would be done twice. */
TEST(a_key_alone_makes_nothing_repeatable) {
    char *list = script_text("200 OK", FEATURES, "[]");
    char *busy = script_text("503 Busy", FEATURES "Retry-After: 0\r\n", "");
    script_reply lost = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE};
    script_reply replies[] = {{.text = list}, lost, lost, {.text = busy}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox_list *known = NULL;
    wrenn_command command = shell_options("x");
    wrenn_exec_result *result = NULL;
    wrenn_error *error = NULL;
    wrenn_sandbox_port_request_options port = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    wrenn_port_response *response = NULL;
    port.call = call;
    port.port = 80;
    port.method = "POST";
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &known, NULL), 0);
    CHECK_INT(wrenn_sandbox_exec(s.sandbox, &command, &call, &result, NULL), WRENN_E_CONNECTION_LOST);
    CHECK_INT(wrenn_sandbox_port_request(s.sandbox, &port, &response, NULL), WRENN_E_CONNECTION_LOST);
    CHECK_INT(wrenn_sandbox_exec(s.sandbox, &command, &call, &result, &error), WRENN_E_HOST_UNAVAILABLE);
    CHECK_INT(wrenn_error_retriable(error), 0);
    CHECK_INT(script_count(s.server), 4);
    wrenn_error_free(error);
    wrenn_sandbox_list_free(known);
    tear_down(&s);
    free(list), free(busy);
}

/* ---- time ---- */

TEST(the_time_of_a_call_goes_before_the_clients) {
    script_reply silent = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    script_reply replies[] = {silent, silent, silent, silent};
    script_server *server = script_start(replies, COUNT(replies), false);
    wrenn_client_options client_options = sdk_options(script_url(server));
    client_options.timeout_ms = INT64_C(1000) * 60 * 60 * 24;
    setup s = {.server = server, .client = sdk_client(&client_options)};
    s.sandbox = sdk_sandbox(s.client);
    const wrenn_call_options soon = {.struct_size = sizeof(soon), .timeout_ms = 20};
    wrenn_sandbox_wait_ready_options wait = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wrenn_sandbox_port_request_options port = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    wrenn_port_response *response = NULL;
    wrenn_file *file = NULL;
    wait.call.timeout_ms = port.call.timeout_ms = 20;
    port.port = 80;
    CHECK_INT(wrenn_sandbox_ping(s.sandbox, &soon, NULL), WRENN_E_TIMEOUT);
    CHECK_INT(wrenn_sandbox_wait_ready(s.sandbox, &wait, NULL), WRENN_E_TIMEOUT);
    CHECK_INT(wrenn_sandbox_port_request(s.sandbox, &port, &response, NULL), WRENN_E_TIMEOUT);
    CHECK_INT(wrenn_sandbox_download(s.sandbox, "/a", &soon, &file, NULL), WRENN_E_TIMEOUT);
    tear_down(&s);
}

/* The one with the client's time is over first. */
TEST(the_time_of_a_call_may_be_longer_than_the_clients) {
    char *text = script_text("204 No Content", "", "");
    script_reply replies[] = {{.text = text, .gated = true}, {.text = text}};
    script_server *server = script_start(replies, COUNT(replies), false);
    wrenn_client_options client_options = sdk_options(script_url(server));
    client_options.timeout_ms = 20;
    setup s = {.server = server, .client = sdk_client(&client_options)};
    s.sandbox = sdk_sandbox(s.client);
    const wrenn_call_options late = {.struct_size = sizeof(late), .timeout_ms = 60000};
    wrenn_op *longer = NULL, *shorter = NULL;
    CHECK_INT(wrenn_sandbox_ping_start(s.sandbox, &late, NULL, NULL, &longer, NULL), 0);
    CHECK_INT(wrenn_sandbox_ping_start(s.sandbox, NULL, NULL, NULL, &shorter, NULL), 0);
    while (!wrenn_op_is_done(shorter)) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    CHECK_INT(wrenn_sandbox_ping_finish(shorter, NULL), WRENN_E_TIMEOUT);
    script_open_gate(s.server);
    while (!wrenn_op_is_done(longer)) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    CHECK_INT(wrenn_sandbox_ping_finish(longer, NULL), 0);
    wrenn_op_free(longer);
    wrenn_op_free(shorter);
    tear_down(&s);
    free(text);
}

TEST(the_time_of_a_call_covers_all_its_requests) {
    char *starting = script_text("200 OK", "", STATUS("starting"));
    script_reply reply = {.text = starting};
    script_server *server = script_start(&reply, 1, true);
    wrenn_client_options client_options = sdk_options(script_url(server));
    setup s = {.server = server, .client = sdk_client(&client_options)};
    s.sandbox = sdk_sandbox(s.client);
    wrenn_sandbox_wait_ready_options wait = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wait.call.timeout_ms = 60000;
    wait.interval_ms = 1;
    clock_start(0);
    clock_expect(server, 2);
    CHECK_INT(wrenn_sandbox_wait_ready(s.sandbox, &wait, NULL), WRENN_E_TIMEOUT);
    clock_stop();
    CHECK(script_count(s.server) > 1);
    tear_down(&s);
    free(starting);
}

/* ---- what is refused ---- */

static void refuse(setup *s, const wrenn_call_options *options, const char *part, const char *secret) {
    wrenn_sandbox_pause_options nested = {.struct_size = sizeof(nested), .call = *options};
    wrenn_sandbox_port_request_options port = {.struct_size = sizeof(port), .call = *options, .port = 80};
    wrenn_stream *stream = NULL;
    wrenn_port_response *response = NULL;
    const char *const what[] = {"ping", "pause", "pty", "port_request"};
    for (size_t i = 0; i < COUNT(what); i++) {
        wrenn_error *error = NULL;
        int rc = i == 0   ? wrenn_sandbox_ping(s->sandbox, options, &error)
                 : i == 1 ? wrenn_sandbox_pause(s->sandbox, &nested, &error)
                 : i == 2 ? wrenn_sandbox_pty(s->sandbox, NULL, options, &stream, &error)
                          : wrenn_sandbox_port_request(s->sandbox, &port, &response, &error);
        CHECK_MSG(rc == WRENN_E_INVALID_ARGUMENT, "%s, %s: %d", what[i], part, rc);
        CHECK_CONTAINS(wrenn_error_message(error), what[i]);
        CHECK_CONTAINS(wrenn_error_message(error), part);
        CHECK_MSG(!secret || !strstr(wrenn_error_message(error), secret), "%s", wrenn_error_message(error));
        CHECK(!strpbrk(wrenn_error_message(error), "\r\n"));
        wrenn_error_free(error);
    }
}

TEST(headers_that_cannot_be_sent_are_named) {
    static const char *const cases[][2] = {{"X-A: s3cret\r\nX-B: c", "headers[1] (X-A)"},
                                           {"X-A: s3cret\n", "headers[1] (X-A)"},
                                           {"X-A: s3cret\rb", "headers[1] (X-A)"},
                                           {"X-A\r\n: s3cret", "headers[1] (X-A)"},
                                           {"X-A s3cret", "headers[1] (X-A)"},
                                           {"X-A", "headers[1] (X-A)"},
                                           {"X-A : s3cret", "headers[1] (X-A)"},
                                           {"X-A:", "headers[1] (X-A)"},
                                           {"X-A: \t ", "headers[1] (X-A)"},
                                           {"X-A: \x01s3cret", "headers[1] (X-A)"},
                                           {"X-A;", "headers[1] (X-A)"},
                                           {": s3cret", "headers[1]"},
                                           {"", "headers[1]"},
                                           {" X-A: s3cret", "headers[1]"}};
    setup s = SET_UP({"204 No Content", ""});
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const headers[] = {"X-Fine: yes", cases[i][0], NULL};
        refuse(&s, &(wrenn_call_options){.struct_size = sizeof(wrenn_call_options), .headers = headers}, cases[i][1],
               "s3cret");
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST(headers_of_the_library_are_refused_by_name) {
    static const char *const names[] = {"Host",
                                        "Content-Length",
                                        "content-type",
                                        "Transfer-Encoding",
                                        "Connection",
                                        "Upgrade",
                                        "X-API-Key",
                                        "AUTHORIZATION",
                                        "Idempotency-Key",
                                        "X-Request-Id",
                                        "Expect",
                                        "Accept-Encoding",
                                        "Sec-WebSocket-Key",
                                        "sec-websocket-version",
                                        "Sec-WebSocket-Protocol",
                                        "Content-Type",
                                        "TE",
                                        "Sec-WebSocket-Accept",
                                        "User-Agent"};
    setup s = SET_UP({"204 No Content", ""});
    for (size_t i = 0; i < COUNT(names); i++) {
        char header[80], named[80];
        const char *const headers[] = {header, NULL};
        snprintf(header, sizeof(header), "%s: s3cret", names[i]);
        snprintf(named, sizeof(named), "(%s) is for the library to set", names[i]);
        refuse(&s, &(wrenn_call_options){.struct_size = sizeof(wrenn_call_options), .headers = headers}, named,
               "s3cret");
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST(what_else_makes_no_sense_for_a_call_is_named) {
    setup s = SET_UP({"204 No Content", ""});
    char long_id[130] = "", long_key[257] = "";
    memset(long_id, 'i', sizeof(long_id) - 1);
    memset(long_key, 'k', sizeof(long_key) - 1);
    const size_t n = sizeof(wrenn_call_options);
    const struct {
        wrenn_call_options options;
        const char *part;
    } cases[] = {{{n, .timeout_ms = -1}, "timeout_ms"},
                 {{n, .request_id = ""}, "request_id"},
                 {{n, .request_id = "a b"}, "request_id"},
                 {{n, .request_id = "a\r\nX-B: c"}, "request_id"},
                 {{n, .request_id = "\xc3\xb6"}, "request_id"},
                 {{n, .request_id = long_id}, "request_id"},
                 {{n, .idempotency_key = "a\nb"}, "idempotency_key"},
                 {{n, .idempotency_key = long_key}, "idempotency_key"},
                 {{n, .reserved = {1}}, "use a newer one"},
                 {{n, .reserved = {0, 0, INT64_MIN}}, "use a newer one"}};
    for (size_t i = 0; i < COUNT(cases); i++) refuse(&s, &cases[i].options, cases[i].part, NULL);
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

/* ---- structs of callers that are older or newer than the library ---- */

/* In memory of their exact size, so that a look behind it shows. */
static int ping_with(setup *s, size_t size, size_t set_at, wrenn_error **error) {
    unsigned char *bytes = malloc(size);
    memset(bytes, 0, size);
    memcpy(bytes, &size, sizeof(size));
    if (set_at) bytes[set_at] = 1;
    int rc = wrenn_sandbox_ping(s->sandbox, (const wrenn_call_options *)(const void *)bytes, error);
    free(bytes);
    return rc;
}

TEST(call_options_may_be_shorter_or_longer_than_ours) {
    setup s = SET_UP({"204 No Content", ""}, {"204 No Content", ""}, {"204 No Content", ""});
    const size_t ours = sizeof(wrenn_call_options);
    wrenn_error *error = NULL;
    CHECK_INT(ping_with(&s, sizeof(size_t), 0, NULL), 0);
    CHECK_INT(ping_with(&s, ours - 8, 0, NULL), 0);
    CHECK_INT(ping_with(&s, ours + 16, 0, NULL), 0);
    CHECK_INT(ping_with(&s, ours + 16, ours + 9, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK_CONTAINS(wrenn_error_message(error), "wrenn_call_options has a field set");
    wrenn_error_free(error);
    const wrenn_call_options unset = {.request_id = "r-1"};
    CHECK_INT(wrenn_sandbox_ping(s.sandbox, &unset, NULL), WRENN_E_INVALID_ARGUMENT); /* no struct_size */
    CHECK_INT(script_count(s.server), 3);
    tear_down(&s);
}

TEST(the_size_of_call_options_inside_others_counts_for_nothing) {
    static const size_t sizes[] = {0, 3, sizeof(wrenn_call_options), 1 << 20};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        setup s = SET_UP({"200 OK", STATUS("paused")});
        wrenn_sandbox_pause_options options = WRENN_SANDBOX_PAUSE_OPTIONS_INIT;
        options.call = call;
        options.call.struct_size = sizes[i];
        CHECK_INT(wrenn_sandbox_pause(s.sandbox, &options, NULL), 0);
        check_all(&s, true, 0, 1);
        tear_down(&s);
    }
}

/* `size` bytes are set, those behind them are left alone. */
#define CHECK_INIT(type)                                                                                      \
    do {                                                                                                      \
        const size_t sizes[] = {sizeof(type), sizeof(type) - 8, sizeof(type) + 24, 8, 0};                     \
        for (size_t i = 0; i < COUNT(sizes); i++) {                                                           \
            union {                                                                                           \
                type options;                                                                                 \
                unsigned char bytes[sizeof(type) + 32];                                                       \
            } u;                                                                                              \
            memset(&u, 0xA5, sizeof(u));                                                                      \
            type##_init(&u.options, sizes[i]);                                                                \
            if (sizes[i]) CHECK_INT(u.options.struct_size, sizes[i]);                                         \
            for (size_t at = 0; at < sizeof(u.bytes); at++)                                                   \
                if (at >= sizes[i] || at >= sizeof(size_t)) CHECK_INT(u.bytes[at], at < sizes[i] ? 0 : 0xA5); \
        }                                                                                                     \
    } while (0)

TEST(init_functions_do_what_the_macros_do) {
    CHECK_INIT(wrenn_client_options);
    CHECK_INIT(wrenn_call_options);
    CHECK_INIT(wrenn_code_callbacks);
    CHECK_INIT(wrenn_command);
    CHECK_INIT(wrenn_sandbox_run_code_options);
    CHECK_INIT(wrenn_sandbox_code_context_options);
    CHECK_INIT(wrenn_sandbox_upload_stream_options);
    CHECK_INIT(wrenn_sandbox_download_stream_options);
    CHECK_INIT(wrenn_hosts_create_options);
    CHECK_INIT(wrenn_hosts_delete_options);
    CHECK_INIT(wrenn_sandbox_metrics_options);
    CHECK_INIT(wrenn_sandbox_port_request_options);
    CHECK_INIT(wrenn_sandbox_wait_ready_options);
    CHECK_INIT(wrenn_sandbox_pause_options);
    CHECK_INIT(wrenn_sandbox_resume_options);
    CHECK_INIT(wrenn_sandboxes_create_options);
    CHECK_INIT(wrenn_sandboxes_connect_options);
    CHECK_INIT(wrenn_snapshots_create_options);
    CHECK_INIT(wrenn_snapshots_list_options);
}

TEST(code_callbacks_are_checked_by_size) {
    setup s = SET_UP({"200 OK", "{}"});
    wrenn_code_callbacks unset = {0};
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    options.code = "1";
    options.callbacks = &unset;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK_CONTAINS(wrenn_error_message(error), "wrenn_code_callbacks");
    CHECK_INT(script_count(s.server), 0);
    wrenn_error_free(error);
    tear_down(&s);
}

/* ---- commands ---- */

enum { EXEC, EXEC_STREAM, SPAWN, PTY };

static int give_command(setup *s, int to, const wrenn_command *command, wrenn_error **error) {
    wrenn_exec_result *result = NULL;
    wrenn_stream *stream = NULL;
    wrenn_process *process = NULL;
    switch (to) {
    case EXEC: return wrenn_sandbox_exec(s->sandbox, command, NULL, &result, error);
    case EXEC_STREAM: return wrenn_sandbox_exec_stream(s->sandbox, command, NULL, &stream, error);
    case SPAWN: return wrenn_sandbox_spawn(s->sandbox, command, NULL, &process, error);
    default: return wrenn_sandbox_pty(s->sandbox, command, NULL, &stream, error);
    }
}

TEST(members_of_a_command_that_a_call_has_no_use_for_are_refused_by_name) {
    static const char *const calls[] = {"exec", "exec_stream", "spawn", "pty"};
    const size_t n = sizeof(wrenn_command);
    const struct {
        wrenn_command command;
        const char *name;
        int used_by;
    } cases[] = {{{n, .shell = "x", .time_limit_ms = 1}, "time_limit_ms", EXEC},
                 {{n, .shell = "x", .want_stdin = 1}, "want_stdin", EXEC_STREAM},
                 {{n, .shell = "x", .tag = "t"}, "tag", SPAWN},
                 {{n, .shell = "x", .cols = 80}, "cols", PTY},
                 {{n, .shell = "x", .rows = 24}, "rows", PTY}};
    setup s = SET_UP({"500 Oops", ""});
    for (size_t i = 0; i < COUNT(cases); i++)
        for (int to = EXEC; to <= PTY; to++) {
            wrenn_error *error = NULL;
            if (to == cases[i].used_by) continue;
            CHECK_INT(give_command(&s, to, &cases[i].command, &error), WRENN_E_INVALID_ARGUMENT);
            CHECK_CONTAINS(wrenn_error_message(error), calls[to]);
            CHECK_CONTAINS(wrenn_error_message(error), cases[i].name);
            wrenn_error_free(error);
        }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST(unknown_members_of_a_command_are_refused) {
    setup s = SET_UP({"500 Oops", ""});
    struct {
        wrenn_command command;
        uint64_t newer;
    } later = {.command = {.struct_size = sizeof(later), .shell = "x"}, .newer = 1};
    for (int to = EXEC; to <= PTY; to++) {
        wrenn_error *error = NULL;
        CHECK_INT(give_command(&s, to, &later.command, &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), "wrenn_command has a field set");
        wrenn_error_free(error);
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

/* ---- events ---- */

TEST(an_event_lives_until_the_next_call_with_its_stream) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_KEEP, START, OUT("one"), OUT("two"), EXIT(3), NULL)};
    setup s = set_up(replies, COUNT(replies));
    wrenn_command command = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &command);
    const wrenn_event *event = NULL;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_INT(event->type, WRENN_EVENT_STARTED);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    const wrenn_event *one = event;
    for (int i = 0; i < 5; i++) CHECK(wrenn_client_dispatch(s.client, 0, NULL) >= 0); /* more comes in */
    CHECK_MEM(one->data, one->size, "one", 3);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_MEM(event->data, event->size, "two", 3);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_INT(event->exit_code, 3);
    CHECK(event->data == NULL);
    const wrenn_event *none = NULL;
    CHECK_INT(wrenn_stream_next(stream, -1, &none, NULL), 0);
    CHECK(none == NULL);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, COUNT(replies));
}

TEST(timings_are_those_of_the_operation) {
    setup s = SET_UP({"204 No Content", ""});
    wrenn_op *op = NULL;
    CHECK(wrenn_op_timings(NULL) == NULL);
    CHECK_INT(wrenn_sandbox_ping_start(s.sandbox, NULL, NULL, NULL, &op, NULL), 0);
    CHECK(wrenn_op_timings(op) == NULL);
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
    const wrenn_timings *timings = wrenn_op_timings(op);
    CHECK(timings && timings->attempts == 1 && timings == wrenn_op_timings(op));
    wrenn_client_free(s.client);
    s.client = NULL;
    CHECK_INT(timings->attempts, 1); /* as long as its operation */
    wrenn_op_free(op);
    tear_down(&s);
}

TEST_MAIN
