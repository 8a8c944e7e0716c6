/* What the client makes of networks and servers that misbehave. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "sdk.h"

static const char *const argv_true[] = {"true", NULL};
static const wrenn_command exec_true = {.struct_size = sizeof(wrenn_command), .argv = argv_true};

static int exec_code(setup *s, wrenn_error **error) {
    wrenn_exec_result *result = NULL;
    int rc = wrenn_sandbox_exec(s->sandbox, &exec_true, NULL, &result, error);
    wrenn_exec_result_free(result);
    return rc;
}

/* ---- typed errors ---- */

TEST(server_codes_and_statuses_become_types) {
    static const struct {
        const char *status, *body;
        int code, parent;
    } cases[] = {
        {"400 Bad Request", ERROR_BODY("invalid_request"), WRENN_E_VALIDATION, WRENN_E_API},
        {"401 Unauthorized", ERROR_BODY("unauthorized"), WRENN_E_AUTHENTICATION, WRENN_E_API},
        {"403 Forbidden", ERROR_BODY("no_team"), WRENN_E_FORBIDDEN, WRENN_E_API},
        {"404 Not Found", ERROR_BODY("not_found"), WRENN_E_NOT_FOUND, WRENN_E_API},
        {"404 Not Found", ERROR_BODY("sandbox_not_found"), WRENN_E_NOT_FOUND, WRENN_E_API},
        {"409 Conflict", ERROR_BODY("invalid_state"), WRENN_E_CONFLICT, WRENN_E_API},
        {"409 Conflict", ERROR_BODY("email_taken"), WRENN_E_CONFLICT, WRENN_E_API},
        {"409 Conflict", ERROR_BODY("has_active_sandboxes"), WRENN_E_HOST_HAS_SANDBOXES, WRENN_E_CONFLICT},
        {"409 Conflict", ERROR_BODY("host_has_capsules"), WRENN_E_HOST_HAS_SANDBOXES, WRENN_E_CONFLICT},
        {"413 Too Large", ERROR_BODY("too_large"), WRENN_E_VALIDATION, WRENN_E_API},
        {"418 Teapot", ERROR_BODY("short_and_stout"), WRENN_E_API, WRENN_E_API},
        {"429 Slow Down", ERROR_BODY("rate_limited"), WRENN_E_API, WRENN_E_API},
        {"500 Oops", ERROR_BODY("db_error"), WRENN_E_INTERNAL, WRENN_E_API},
        {"501 Not Yet", ERROR_BODY("not_implemented"), WRENN_E_API, WRENN_E_API},
        {"502 Bad Gateway", ERROR_BODY("agent_error"), WRENN_E_AGENT, WRENN_E_API},
        {"500 Oops", ERROR_BODY("agent_error"), WRENN_E_AGENT, WRENN_E_API},
        {"503 Unavailable", ERROR_BODY("no_hosts_available"), WRENN_E_HOST_UNAVAILABLE, WRENN_E_API},
        {"504 Gateway Timeout", "<html>", WRENN_E_INTERNAL, WRENN_E_API},
        {"404 Not Found", "404 page not found\n", WRENN_E_UNSUPPORTED, WRENN_E_UNSUPPORTED},
        {"404 Not Found", "", WRENN_E_UNSUPPORTED, WRENN_E_UNSUPPORTED},
        {"405 Method Not Allowed", "", WRENN_E_UNSUPPORTED, WRENN_E_UNSUPPORTED},
        {"403 Forbidden", "{\"error\":\"plain text\"}", WRENN_E_FORBIDDEN, WRENN_E_API},
        {"409 Conflict", "[1,2]", WRENN_E_CONFLICT, WRENN_E_API},
        {"409 Conflict", "{\"error\":{\"code\":7,\"message\":[]}}", WRENN_E_CONFLICT, WRENN_E_API},
        {"401 Unauthorized", "\xff\xfe", WRENN_E_AUTHENTICATION, WRENN_E_API},
        {"302 Found", "", WRENN_E_API, WRENN_E_API},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = script_text(cases[i].status, "X-Request-ID: req_1\r\n", cases[i].body);
        setup s = set_up(&(script_reply){.text = text}, 1);
        wrenn_error *error = NULL;
        int rc = exec_code(&s, &error);
        CHECK_MSG(rc == cases[i].code, "%s %s: %s", cases[i].status, cases[i].body, wrenn_strerror_name(rc));
        CHECK(wrenn_error_is(error, cases[i].parent) && wrenn_error_is(error, rc) &&
              !wrenn_error_is(error, WRENN_E_TIMEOUT));
        CHECK_INT(wrenn_error_http_status(error), atoi(cases[i].status));
        CHECK_STR(wrenn_error_request_id(error), "req_1");
        wrenn_error_free(error);
        tear_down(&s);
        free(text);
    }
}

TEST(the_ids_that_keep_a_host_are_found_in_five_places) {
    static const char *const bodies[] = {
        "{\"error\":{\"code\":\"has_active_sandboxes\",\"message\":\"m\",\"sandbox_ids\":[\"cl-1\",\"cl-2\"]}}",
        "{\"error\":{\"code\":\"has_active_sandboxes\",\"message\":\"m\",\"capsule_ids\":[\"cl-1\",\"cl-2\"]}}",
        "{\"error\":{\"code\":\"has_active_sandboxes\",\"details\":{\"sandbox_ids\":[\"cl-1\",\"cl-2\"]}}}",
        "{\"error\":{\"code\":\"host_has_sandboxes\"},\"sandbox_ids\":[\"cl-1\",\"cl-2\"]}",
        "{\"error\":{\"code\":\"host_has_capsules\"},\"capsule_ids\":[\"cl-1\",7,\"cl-2\"]}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        char *text = script_text("409 Conflict", "", bodies[i]);
        setup s = set_up(&(script_reply){.text = text}, 1);
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandbox_ping(s.sandbox, NULL, &error), WRENN_E_HOST_HAS_SANDBOXES);
        const char *const *ids;
        CHECK_INT(wrenn_error_sandbox_ids(error, &ids), 2);
        CHECK_STR(ids[1], "cl-2");
        wrenn_error_free(error);
        tear_down(&s);
        free(text);
    }
}

TEST(messages_never_hold_credentials) {
    char *text = script_text("401 Unauthorized", "", ERROR_BODY("unauthorized"));
    setup s = set_up(&(script_reply){.text = text}, 1);
    wrenn_error *error = NULL;
    CHECK_INT(exec_code(&s, &error), WRENN_E_AUTHENTICATION);
    CHECK(!strstr(wrenn_error_message(error), "wrn_0000"));
    wrenn_error_free(error);
    tear_down(&s);
    free(text);
}

TEST(messages_never_hold_the_password_of_a_proxy) {
    static const char *const proxies[] = {"http://me:hunter2@127.0.0.1:99999999", "http://me:hunter2@[::1",
                                          "http://me:hunter2@no such host", "ftp://me:hunter2@127.0.0.1:1",
                                          "me:hunter2@127.0.0.1:1"};
    for (size_t i = 0; i < COUNT(proxies); i++) {
        wrenn_client_options options = sdk_options("http://127.0.0.1:1");
        options.proxy = proxies[i];
        options.max_attempts = 1;
        wrenn_client *client = sdk_client(&options);
        wrenn_sandbox *sandbox = sdk_sandbox(client);
        wrenn_stream *stream = NULL;
        wrenn_error *errors[2] = {NULL};
        CHECK_INT(wrenn_sandbox_ping(sandbox, NULL, &errors[0]), WRENN_E_CONNECTION_FAILED);
        CHECK_INT(wrenn_sandbox_attach(sandbox, "1", NULL, &stream, &errors[1]), WRENN_E_CONNECTION_FAILED);
        for (int at = 0; at < 2; at++) {
            const char *message = wrenn_error_message(errors[at]);
            CHECK_MSG(!strstr(message, "hunter2"), "%s", message);
            wrenn_error_free(errors[at]);
        }
        wrenn_sandbox_free(sandbox);
        wrenn_client_free(client);
    }
}

/* Bindings take messages for text, and programs print them. */
TEST(messages_are_one_line_of_utf8_wherever_they_are_cut) {
    char euros[3 * 200 + 1] = "";
    static const char euro[] = {'\xe2', '\x82', '\xac'};
    for (size_t i = 0; i < 200; i++) memcpy(euros + i * sizeof(euro), euro, sizeof(euro));
    for (int shift = 0; shift < 3; shift++) {
        char *message = NULL;
        int size = asprintf(&message, "{\"type\":\"error\",\"data\":\"%.*s%s\"}", shift, "ab", euros);
        CHECK(size > 0);
        script_reply replies[] = {{.text = "", .upgrade = true}, script_messages(SCRIPT_KEEP, message, NULL)};
        setup s = set_up(replies, 2);
        wrenn_command options = {.struct_size = sizeof(options), .shell = "x"};
        wrenn_stream *stream = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandbox_exec_stream(s.sandbox, &options, NULL, &stream, &error), WRENN_E_API);
        size_t length = strlen(wrenn_error_message(error));
        CHECK_INT(wrn_utf8_valid_prefix(wrenn_error_message(error), length), length);
        CHECK_CONTAINS(wrenn_error_message(error), "\xe2\x82\xac");
        wrenn_error_free(error);
        tear_down(&s);
        free((char *)(uintptr_t)replies[1].text);
        free(message);
    }
    setup s = SET_UP({"418 Oops", "{\"error\":\"first\\u001b[2J\\u0007 \\u000bsecond\"}"});
    wrenn_error *error = NULL;
    CHECK(exec_code(&s, &error) < 0);
    for (const char *c = wrenn_error_message(error); *c; c++) CHECK((unsigned char)*c >= ' ');
    CHECK_CONTAINS(wrenn_error_message(error), "second");
    wrenn_error_free(error);
    tear_down(&s);
}

/* Whatever its size and wherever it is put, a text of a server's is shown as far as a person reads it. */
TEST(long_texts_of_servers_are_cut_between_characters_and_say_so) {
    enum { MANY = 100000 };
    static const struct {
        const char *before, *after;
    } bodies[] = {{"{\"error\":{\"code\":\"not_found\",\"message\":\"", "\"}}"},
                  {"{\"error\":\"", "\"}"},
                  {"{\"message\":\"", "\"}"},
                  {"", "\n"},
                  {"{\"error\":{\"message\":\"short\",\"code\":\"", "\"}}"}};
    for (size_t i = 0; i < COUNT(bodies) * 3; i++) {
        wrn_buf body = WRN_BUF_INIT;
        wrn_buf_puts(&body, bodies[i / 3].before);
        for (size_t shift = 0; shift < i % 3; shift++) wrn_buf_putc(&body, 'a');
        for (int k = 0; k < MANY; k++) wrn_buf_puts(&body, "\xe2\x82\xac");
        wrn_buf_puts(&body, bodies[i / 3].after);
        setup s = SET_UP({"404 Not Found", body.data});
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandbox_ping(s.sandbox, NULL, &error) < 0, 1);
        const char *message = wrenn_error_message(error);
        size_t length = strlen(message);
        CHECK_MSG(length < 1500, "%zu bytes", length);
        CHECK_INT(wrn_utf8_valid_prefix(message, length), length);
        if (i / 3 != 3 && i / 3 != 2) CHECK_CONTAINS(message, "(HTTP 404");
        if (i / 3 < 2) CHECK_CONTAINS(message, "\xe2\x82\xac... (cut)");
        wrenn_error_free(error);
        tear_down(&s);
        wrn_buf_free(&body);
    }
}

/* ---- broken connections ---- */

TEST_SLOW(an_answer_cut_at_any_byte_is_a_lost_connection_and_never_a_result) {
    char *text = script_text("200 OK", "", EXEC_BODY);
    size_t size = strlen(text);
    const size_t step = test_slowly() ? 7 : 1;
    for (size_t cut = size % step; cut <= size; cut += step) {
        setup s = set_up(&(script_reply){.text = text, .cut = cut ? cut : SCRIPT_NOTHING, .end = SCRIPT_CLOSE}, 1);
        wrenn_error *error = NULL;
        int rc = exec_code(&s, &error);
        int want = cut == size ? 0 : WRENN_E_CONNECTION_LOST;
        CHECK_MSG(rc == want, "cut at %zu of %zu: %s: %s", cut, size, wrenn_strerror_name(rc),
                  wrenn_error_message(error));
        CHECK_INT(script_count(s.server), 1);
        CHECK(!wrenn_error_retriable(error));
        wrenn_error_free(error);
        tear_down(&s);
    }
    free(text);
}

TEST(an_answer_may_come_in_pieces_of_any_size) {
    char *text = script_text("200 OK", "", EXEC_BODY);
    for (size_t piece = 1; piece < 12; piece++) {
        setup s = set_up(&(script_reply){.text = text, .piece = piece}, 1);
        CHECK_INT(exec_code(&s, NULL), 0);
        tear_down(&s);
    }
    free(text);
}

TEST(a_reset_is_a_lost_connection) {
    setup s = set_up(&(script_reply){.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_RESET}, 1);
    CHECK_INT(exec_code(&s, NULL), WRENN_E_CONNECTION_LOST);
    tear_down(&s);
}

/* libcurl repeats a POST by itself when a reused connection turns out to be dead. An exec must not run twice. */
TEST(a_post_is_never_repeated_when_a_reused_connection_is_dead) {
    char *good = script_text("200 OK", "", EXEC_BODY);
    script_reply replies[] = {{.text = good}, {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE}, {.text = good}};
    script_use_tcp();
    setup s = set_up(replies, COUNT(replies));
    CHECK_INT(exec_code(&s, NULL), 0);
    wrenn_error *error = NULL;
    CHECK_INT(exec_code(&s, &error), WRENN_E_CONNECTION_LOST);
    CHECK_CONTAINS(wrenn_error_message(error), "outcome is unknown");
    CHECK_CONTAINS(wrenn_error_message(error), "the server closed the connection before it answered");
    CHECK_INT(script_count(s.server), 2);
    CHECK_INT(exec_code(&s, NULL), 0);
    wrenn_error_free(error);
    tear_down(&s);
    free(good);
}

TEST(a_connection_the_server_closed_while_idle_costs_nothing) {
    char *good = script_text("200 OK", "", EXEC_BODY);
    script_reply replies[] = {{.text = good}, {.text = good}, {.text = good}, {.text = good},
                              {.text = good}, {.text = good}, {.text = good}, {.text = good}};
    setup s = set_up(replies, COUNT(replies));
    for (size_t i = 0; i < COUNT(replies); i++) {
        CHECK_INT(exec_code(&s, NULL), 0);
        script_drop_connections(s.server);
    }
    CHECK_INT(script_count(s.server), COUNT(replies));
    tear_down(&s);
    free(good);
}

TEST(connections_are_reused) {
    char *good = script_text("200 OK", "", EXEC_BODY);
    script_reply replies[20];
    for (size_t i = 0; i < COUNT(replies); i++) replies[i] = (script_reply){.text = good};
    setup s = set_up(replies, COUNT(replies));
    for (size_t i = 0; i < COUNT(replies); i++) CHECK_INT(exec_code(&s, NULL), 0);
    CHECK_INT(script_connections(s.server), 1);
    tear_down(&s);
    free(good);
}

TEST(no_server_at_all_means_never_sent) {
    static const char *const cases[][2] = {
        {"unix:/nonexistent/wrennd.sock", "the socket /nonexistent/wrennd.sock; is wrennd running?"},
        {"unix:/dev/null/wrennd.sock", "the socket /dev/null/wrennd.sock: Not a directory"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        wrenn_client_options options = sdk_options(cases[i][0]);
        options.max_attempts = 1;
        wrenn_client *client = sdk_client(&options);
        wrenn_error *error = NULL;
        wrenn_sandbox_list *list = NULL;
        CHECK_INT(wrenn_sandboxes_list(client, NULL, &list, &error), WRENN_E_CONNECTION_FAILED);
        CHECK(wrenn_error_retriable(error));
        CHECK_CONTAINS(wrenn_error_message(error), cases[i][1]);
        CHECK_INT(wrenn_error_http_status(error), 0);
        wrenn_error_free(error);
        wrenn_client_free(client);
    }
}

/* ---- retries ---- */

static void count_attempts(const wrenn_log_event *event, void *data) {
    if (event->timings) *(int64_t *)data = event->timings->attempts;
}

static int64_t attempts;
static void log_attempts(wrenn_client_options *options) {
    options->log = count_attempts;
    options->log_user_data = &attempts;
}

TEST(get_and_delete_are_repeated_after_a_lost_connection) {
    char *good = script_text("200 OK", "", "[]");
    script_reply lost = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE};
    /* The first DELETE meets a reused connection, where libcurl itself makes one more try. */
    script_reply replies[] = {lost, lost, {.text = good}, lost, lost, lost, lost};
    setup s = set_up_with(replies, COUNT(replies), log_attempts);
    wrenn_sandbox_list *list = NULL;
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &list, NULL), 0);
    CHECK_INT(list->items_count, 0);
    wrenn_sandbox_list_free(list);
    CHECK_INT(attempts, 3);
    CHECK_INT(wrenn_sandbox_destroy(s.sandbox, NULL, NULL), WRENN_E_CONNECTION_LOST);
    CHECK_INT(script_count(s.server), 7);
    tear_down(&s);
    free(good);
}

TEST(post_is_not_repeated) {
    script_reply lost = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE};
    script_reply replies[] = {lost, lost, lost};
    setup s = set_up(replies, COUNT(replies));
    CHECK_INT(wrenn_sandbox_pause(s.sandbox, NULL, NULL), WRENN_E_CONNECTION_LOST);
    CHECK_INT(wrenn_sandbox_ping(s.sandbox, NULL, NULL), WRENN_E_CONNECTION_LOST);
    CHECK_INT(script_count(s.server), 2);
    tear_down(&s);
}

TEST(retry_after_is_obeyed_and_reported) {
    char *busy = script_text("503 Unavailable", "Retry-After: 1\r\n", ERROR_BODY("no_hosts_available"));
    char *far = script_text("503 Unavailable", "Retry-After: 3600\r\n", ERROR_BODY("no_hosts_available"));
    char *good = script_text("200 OK", "", "[]");
    script_reply replies[] = {{.text = busy}, {.text = good}, {.text = far}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox_list *list = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &list, NULL), 0);
    wrenn_sandbox_list_free(list);
    list = NULL;
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &list, &error), WRENN_E_HOST_UNAVAILABLE);
    CHECK_INT(wrenn_error_retry_after_ms(error), 3600000);
    CHECK(wrenn_error_retriable(error));
    CHECK_INT(script_count(s.server), 3);
    wrenn_error_free(error);
    tear_down(&s);
    free(busy);
    free(far);
    free(good);
}

/* ---- time, size, sense ---- */

TEST(a_silent_server_runs_into_the_deadline) {
    script_reply silent = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    setup s = set_up(&silent, 1);
    wrenn_call_options options = {.struct_size = sizeof(options), .timeout_ms = 50};
    wrenn_exec_result *result = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_exec(s.sandbox, &exec_true, &options, &result, &error), WRENN_E_TIMEOUT);
    CHECK_CONTAINS(wrenn_error_message(error), "exec");
    wrenn_error_free(error);
    tear_down(&s);
}

static void small_answers(wrenn_client_options *options) { options->max_response_bytes = 64; }

TEST(an_answer_over_the_limit_is_a_local_limit) {
    char *text = script_text("200 OK", "", EXEC_BODY);
    setup s = set_up_with(&(script_reply){.text = text}, 1, small_answers);
    wrenn_error *error = NULL;
    CHECK_INT(exec_code(&s, &error), WRENN_E_LIMIT);
    CHECK_CONTAINS(wrenn_error_message(error), "max_response_bytes");
    wrenn_error_free(error);
    tear_down(&s);
    free(text);
}

TEST(nonsense_in_an_answer_is_a_protocol_error) {
    static const char *const bodies[] = {
        "",
        "null",
        "[]",
        "\"x\"",
        "{",
        "{}",
        "{\"exit_code\":\"0\"}",
        "{\"exit_code\":0.5}",
        "{\"stdout\":\"a\"}",
        "{\"exit_code\":0,\"stdout\":\"!\",\"stderr\":\"\",\"encoding\":\"base64\"}",
        "{\"exit_code\":0,\"stdout\":\"YQ\",\"stderr\":\"\",\"encoding\":\"base64\"}",
        "{\"exit_code\":0} x",
        "{\"exit_code\":99999999999999999999}",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        char *text = script_text("200 OK", "", bodies[i]);
        setup s = set_up(&(script_reply){.text = text}, 1);
        int rc = exec_code(&s, NULL);
        CHECK_MSG(rc == WRENN_E_PROTOCOL, "%s: %s", bodies[i], wrenn_strerror_name(rc));
        tear_down(&s);
        free(text);
    }
    setup s = set_up(&(script_reply){.text = "SSH-2.0-OpenSSH\r\n\r\n", .end = SCRIPT_CLOSE}, 1);
    CHECK_INT(exec_code(&s, NULL), WRENN_E_PROTOCOL);
    tear_down(&s);
}

TEST(output_is_exact_bytes_in_both_encodings) {
    static const struct {
        const char *body, *out;
        size_t size;
    } cases[] = {
        {"{\"exit_code\":0,\"stdout\":\"a\\u0000b\\ud83d\\ude00\",\"stderr\":\"\",\"encoding\":\"utf-8\"}",
         "a\0b\xf0\x9f\x98\x80", 7},
        {"{\"exit_code\":0,\"stdout\":\"/wD+\",\"stderr\":\"\",\"encoding\":\"base64\"}", "\xff\0\xfe", 3},
        {"{\"exit_code\":0,\"stdout\":\"\",\"stderr\":\"\",\"encoding\":\"base64\"}", "", 0},
        {"{\"exit_code\":0,\"stdout\":null}", "", 0},
        {"{\"exit_code\":0,\"future\":{\"x\":[1]}}", "", 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = script_text("200 OK", "", cases[i].body);
        setup s = set_up(&(script_reply){.text = text}, 1);
        wrenn_exec_result *result = NULL;
        wrenn_error *error = NULL;
        CHECK_MSG(wrenn_sandbox_exec(s.sandbox, &exec_true, NULL, &result, &error) == 0, "%s",
                  wrenn_error_message(error));
        CHECK_MEM(result->stdout_data, result->stdout_size, cases[i].out, cases[i].size);
        CHECK_INT(result->stdout_data[result->stdout_size], 0);
        CHECK_INT(result->stderr_size, 0);
        wrenn_exec_result_free(result);
        tear_down(&s);
        free(text);
    }
}

TEST(how_a_command_ended) {
    static const struct {
        const char *body;
        int64_t signal, oom_killed, output_cut;
    } cases[] = {
        {"{\"exit_code\":-1,\"signal\":11}", 11, 0, 0},
        {"{\"exit_code\":-1,\"signal\":9,\"oom_killed\":true}", 9, 1, 0},
        {"{\"exit_code\":0,\"output_cut\":true,\"signal\":null,\"oom_killed\":null}", 0, 0, 1},
        {"{\"exit_code\":-1}", 0, 0, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = script_text("200 OK", "", cases[i].body);
        setup s = set_up(&(script_reply){.text = text}, 1);
        wrenn_exec_result *result = NULL;
        CHECK_INT(wrenn_sandbox_exec(s.sandbox, &exec_true, NULL, &result, NULL), 0);
        CHECK_INT(result->signal, cases[i].signal);
        CHECK_INT(result->oom_killed, cases[i].oom_killed);
        CHECK_INT(result->output_cut, cases[i].output_cut);
        wrenn_exec_result_free(result);
        tear_down(&s);
        free(text);
    }
}

TEST(a_failed_command_has_the_output_so_far) {
    static const struct {
        const char *body, *out; /* NULL: nothing is known */
        size_t size;
    } cases[] = {
        {"{\"error\":{\"stdout\":\"a\\u0000b\",\"stderr\":\"e\",\"encoding\":\"utf-8\"}}", "a\0b", 3},
        {"{\"error\":{\"stdout\":\"/wD+\",\"stderr\":\"ZQ==\",\"encoding\":\"base64\"}}", "\xff\0\xfe", 3},
        {"{\"error\":{\"stdout\":\"!\",\"stderr\":\"ZQ==\",\"encoding\":\"base64\"}}", NULL, 0},
        {"{\"error\":{\"stdout\":1,\"stderr\":\"e\"}}", NULL, 0},
        {"{\"error\":{\"stdout\":\"a\"}}", NULL, 0},
        {"{\"error\":{\"message\":\"m\"}}", NULL, 0},
        {"nonsense", NULL, 0},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = script_text("502 Bad Gateway", "", cases[i].body);
        setup s = set_up(&(script_reply){.text = text}, 1);
        wrenn_exec_result *result = NULL;
        wrenn_error *error = NULL;
        CHECK(wrenn_sandbox_exec(s.sandbox, &exec_true, NULL, &result, &error) < 0);
        const wrenn_exec_result *known = wrenn_error_exec_result(error);
        CHECK_MSG((known != NULL) == (cases[i].out != NULL), "%s", cases[i].body);
        if (known) CHECK_MEM(known->stdout_data, known->stdout_size, cases[i].out, cases[i].size);
        if (known) CHECK_STR(known->stderr_data, "e");
        if (known) CHECK_INT(known->exit_code, -1);
        wrenn_error_free(error);
        tear_down(&s);
        free(text);
    }
    CHECK(!wrenn_error_exec_result(NULL));
}

/* ---- composite operations ---- */

static void quick(wrenn_client_options *options) { options->timeout_ms = 60000; }

TEST(wait_ready_looks_again_until_it_runs) {
    char *pending = script_text("200 OK", "", STATUS("pending"));
    char *odd = script_text("200 OK", "", STATUS("levitating"));
    char *oops = script_text("500 Oops", "", "");
    char *running = script_text("200 OK", "", STATUS("running"));
    script_reply lost = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE};
    script_reply replies[] = {{.text = pending}, {.text = odd}, {.text = oops}, lost, {.text = running}};
    setup s = set_up_with(replies, COUNT(replies), quick);
    wrenn_sandbox_wait_ready_options options = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    options.interval_ms = 1;
    CHECK_INT(wrenn_sandbox_wait_ready(s.sandbox, &options, NULL), 0);
    CHECK_INT(script_count(s.server), 5);
    CHECK_STR(wrenn_sandbox_last_info(s.sandbox)->status_text, "running");
    tear_down(&s);
    free(pending), free(odd), free(oops), free(running);
}

TEST(wait_ready_fails_at_once_when_waiting_is_in_vain) {
    static const struct {
        const char *status, *body;
        int code;
    } cases[] = {
        {"200 OK", STATUS("paused"), WRENN_E_CONFLICT},
        {"200 OK", STATUS("stopped"), WRENN_E_CONFLICT},
        {"200 OK", STATUS("error"), WRENN_E_CONFLICT},
        {"404 Not Found", ERROR_BODY("not_found"), WRENN_E_NOT_FOUND},
        {"404 Not Found", "", WRENN_E_UNSUPPORTED},
        {"401 Unauthorized", "", WRENN_E_AUTHENTICATION},
        {"400 Bad", ERROR_BODY("invalid_request"), WRENN_E_VALIDATION},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *text = script_text(cases[i].status, "", cases[i].body);
        setup s = set_up(&(script_reply){.text = text}, 1);
        CHECK_INT(wrenn_sandbox_wait_ready(s.sandbox, NULL, NULL), cases[i].code);
        CHECK_INT(script_count(s.server), 1);
        tear_down(&s);
        free(text);
    }
}

TEST(wait_ready_resumes_when_asked_to) {
    char *paused = script_text("200 OK", "", STATUS("paused"));
    char *running = script_text("200 OK", "", STATUS("running"));
    script_reply replies[] = {{.text = paused}, {.text = running}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox_wait_ready_options options = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    options.flags = WRENN_SANDBOX_WAIT_READY_RESUME;
    CHECK_INT(wrenn_sandbox_wait_ready(s.sandbox, &options, NULL), 0);
    CHECK_CONTAINS(script_request(s.server, 1), "POST /v1/sandboxes/cl-0123456789abcdefghijklmno/resume ");
    tear_down(&s);
    free(paused), free(running);
}

TEST(create_with_wait_polls_and_cleans_up_after_failure) {
    char *accepted = script_text("202 Accepted", "", STATUS("starting"));
    char *running = script_text("200 OK", "", STATUS("running"));
    char *failed = script_text("200 OK", "", STATUS("error"));
    char *gone = script_text("204 No Content", "", "");
    script_reply replies[] = {
        {.text = accepted}, {.text = running}, {.text = accepted}, {.text = failed}, {.text = gone}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.flags = WRENN_SANDBOXES_CREATE_WAIT;
    wrenn_sandbox *made = NULL;
    CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, NULL), 0);
    CHECK_STR(wrenn_sandbox_last_info(made)->status_text, "running");
    wrenn_sandbox_free(made);
    made = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, &error), WRENN_E_CONFLICT);
    CHECK(made == NULL);
    CHECK_CONTAINS(wrenn_error_message(error), "destroyed again");
    CHECK_CONTAINS(script_request(s.server, 4), "DELETE ");
    wrenn_error_free(error);
    tear_down(&s);
    free(accepted), free(running), free(failed), free(gone);
}

static char warned[512];
static void keep_warning(const wrenn_log_event *event, void *data) {
    (void)data;
    if (event->level == WRENN_LOG_WARNING) snprintf(warned, sizeof(warned), "%s", event->message);
}
static void log_warnings(wrenn_client_options *options) { options->log = keep_warning; }

TEST(a_failed_destroy_at_scope_exit_is_not_hidden) {
    char *text = script_text("500 Oops", "", ERROR_BODY("internal_error"));
    setup s = set_up_with(&(script_reply){.text = text}, 1, log_warnings);
    *warned = '\0';
    {
        wrenn_autodestroy(sandbox);
        CHECK_INT(wrenn_sandbox_from_id(s.client, "cl-1", &sandbox, NULL), 0);
    }
    CHECK_CONTAINS(warned, "sandbox cl-1 may still run");
    tear_down(&s);
    free(text);
}

/* Where nobody listens, nothing is written to the program's own streams. */
TEST(without_a_log_the_library_is_silent) {
    char *text = script_text("500 Oops", "", ERROR_BODY("internal_error"));
    setup s = set_up(&(script_reply){.text = text}, 1);
    int into[2];
    CHECK(pipe2(into, O_CLOEXEC | O_NONBLOCK) == 0);
    fflush(NULL);
    int out = dup(1), err = dup(2);
    dup2(into[1], 1), dup2(into[1], 2);
    {
        wrenn_autodestroy(sandbox);
        if (wrenn_sandbox_from_id(s.client, "cl-1", &sandbox, NULL) < 0) sandbox = NULL;
    }
    fflush(NULL);
    dup2(out, 1), dup2(err, 2);
    close(out), close(err), close(into[1]);
    char line[512] = "";
    CHECK_INT(read(into[0], line, sizeof(line) - 1), 0);
    close(into[0]);
    CHECK_INT(script_count(s.server), 1);
    tear_down(&s);
    free(text);
}

TEST(a_sandbox_destroyed_by_hand_is_not_destroyed_again_at_scope_exit) {
    char *text = script_text("204 No Content", "", "");
    setup s = set_up(&(script_reply){.text = text}, 1);
    {
        wrenn_autodestroy(sandbox);
        CHECK_INT(wrenn_sandbox_from_id(s.client, "cl-1", &sandbox, NULL), 0);
        CHECK_INT(wrenn_sandbox_destroy(sandbox, NULL, NULL), 0);
    }
    CHECK_INT(script_count(s.server), 1);
    tear_down(&s);
    free(text);
}

/* ---- eras ---- */

static void any_era(wrenn_client_options *options) { options->era = WRENN_ERA_AUTO; }

static void check_era(const char *status, const char *body, const char *path) {
    char *probe = script_text(status, "", body), *list = script_text("200 OK", "", "[]");
    script_reply replies[] = {{.text = probe}, {.text = list}, {.text = list}};
    script_use_tcp();
    setup s = set_up_with(replies, COUNT(replies), any_era);
    for (int i = 0; i < 2; i++) {
        wrenn_sandbox_list *result = NULL;
        CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &result, NULL), 0);
        wrenn_sandbox_list_free(result);
    }
    CHECK_INT(script_count(s.server), 3);
    CHECK_CONTAINS(script_request(s.server, 0), "GET /v1/capsules ");
    CHECK(!strstr(script_request(s.server, 0), "X-API-Key"));
    CHECK_CONTAINS(script_request(s.server, 1), path);
    CHECK_CONTAINS(script_request(s.server, 2), path);
    tear_down(&s);
    free(probe), free(list);
}

/* Only wrennd listens on unix sockets. */
TEST(no_era_is_looked_for_on_a_unix_socket) {
    char *list = script_text("200 OK", "", "[]");
    script_reply replies[] = {{.text = list}};
    setup s = set_up_with(replies, COUNT(replies), any_era);
    wrenn_sandbox_list *result = NULL;
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &result, NULL), 0);
    CHECK_CONTAINS(script_request(s.server, 0), "GET /v1/capsules ");
    CHECK_CONTAINS(script_request(s.server, 0), "X-API-Key: ");
    CHECK_INT(script_count(s.server), 1);
    wrenn_sandbox_list_free(result);
    tear_down(&s);
    free(list);
}

TEST(the_era_is_found_out_once) {
    check_era("404 Not Found", "404 page not found\n", "GET /v1/sandboxes ");
    check_era("404 Not Found", ERROR_BODY("not_found"), "GET /v1/sandboxes ");
    check_era("401 Unauthorized", ERROR_BODY("unauthorized"), "GET /v1/capsules ");
    check_era("200 OK", "[]", "GET /v1/capsules ");
}

TEST(trouble_while_finding_the_era_out_settles_nothing) {
    char *busy = script_text("503 Unavailable", "", ""), *none = script_text("404 Not Found", "", "");
    char *list = script_text("200 OK", "", "[]");
    script_reply replies[] = {{.text = busy}, {.text = none}, {.text = list}};
    script_use_tcp();
    setup s = set_up_with(replies, COUNT(replies), any_era);
    wrenn_sandbox_list *result = NULL;
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &result, NULL), WRENN_E_HOST_UNAVAILABLE);
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &result, NULL), 0);
    wrenn_sandbox_list_free(result);
    CHECK_CONTAINS(script_request(s.server, 2), "GET /v1/sandboxes ");
    tear_down(&s);
    free(busy), free(none), free(list);
}

static void count_call(wrenn_op *op, void *data) {
    (void)op;
    ++*(int *)data;
}

TEST(many_first_calls_share_one_probe) {
    char *probe = script_text("401 Unauthorized", "", ""), *list = script_text("200 OK", "", "[]");
    script_reply replies[11] = {{.text = probe}};
    for (size_t i = 1; i < COUNT(replies); i++) replies[i] = (script_reply){.text = list};
    script_use_tcp();
    setup s = set_up_with(replies, COUNT(replies), any_era);
    int calls = 0;
    for (int i = 0; i < 10; i++)
        CHECK_INT(wrenn_sandboxes_list_start(s.client, NULL, count_call, &calls, NULL, NULL), 0);
    while (calls < 10) CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
    CHECK_INT(script_count(s.server), 11);
    tear_down(&s);
    free(probe), free(list);
}

TEST(a_probe_that_fails_fails_the_call_as_never_sent) {
    script_reply lost = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE};
    script_reply replies[] = {lost, lost, lost};
    script_use_tcp();
    setup s = set_up_with(replies, COUNT(replies), any_era);
    CHECK_INT(exec_code(&s, NULL), WRENN_E_CONNECTION_FAILED);
    CHECK_INT(script_count(s.server), 3);
    tear_down(&s);
}

TEST(sigpipe_stays_away) {
    signal(SIGPIPE, SIG_DFL);
    char *good = script_text("200 OK", "", EXEC_BODY);
    script_reply replies[] = {{.text = good}, {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_RESET}};
    setup s = set_up(replies, COUNT(replies));
    CHECK_INT(exec_code(&s, NULL), 0);
    CHECK_INT(exec_code(&s, NULL), WRENN_E_CONNECTION_LOST);
    tear_down(&s);
    free(good);
}

TEST_MAIN
