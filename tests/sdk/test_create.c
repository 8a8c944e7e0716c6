/* Creating: through passing trouble, with the answer lost, and given up on the way; no sandbox may stay behind that nobody
 * knows of. */
#include <stdio.h>

#include "clock.h"
#include "sdk.h"

#define ID "cl-0123456789abcdefghijklmno"
#define PATH "/v1/sandboxes/" ID
#define OBEYS "Wrenn-Features: something idempotency-key\r\n"

static const script_reply lost = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE};

/* Replies that tear_down_create() frees. */
static script_reply answer(const char *status, const char *head, const char *body) {
    return (script_reply){.text = script_text(status, head, body)};
}

/* The answer comes only after script_open_gate(). */
static script_reply gated(script_reply reply) {
    reply.gated = true;
    return reply;
}

static void tear_down_create(setup *s, script_reply *replies, size_t count) {
    tear_down(s);
    for (size_t i = 0; i < count; i++)
        if (*replies[i].text) free((char *)(uintptr_t)replies[i].text);
}

static const wrenn_sandboxes_create_options wait_option = {.struct_size = sizeof(wrenn_sandboxes_create_options),
                                                           .flags = WRENN_SANDBOXES_CREATE_WAIT};

static bool is_request(setup *s, size_t index, const char *line) {
    return index < script_count(s->server) && strncmp(script_request(s->server, index), line, strlen(line)) == 0;
}

/* Both are creates with the same body and the same key. */
static void check_same_create(setup *s, size_t a, size_t b) {
    const char *first = script_request(s->server, a), *second = script_request(s->server, b);
    const char *key = strstr(first, "\r\nIdempotency-Key: ");
    char line[80];
    CHECK(is_request(s, a, "POST /v1/sandboxes ") && is_request(s, b, "POST /v1/sandboxes ") && key);
    snprintf(line, sizeof(line), "%.53s", key);
    CHECK_CONTAINS(second, line);
    CHECK_STR(strstr(second, "\r\n\r\n"), strstr(first, "\r\n\r\n"));
}

/* ---- what is asked for ---- */

TEST(labels_are_sent_and_come_back) {
    static const char *const labels[] = {"env=prod", "empty=", "who=J\xc3\xb6rg \"x\"", "sum=1+1=2", NULL};
    setup s = SET_UP({"201 Created", "{\"id\":\"" ID "\",\"status\":\"running\",\"metadata\":"
                                     "{\"env\":\"prod\",\"kernel_version\":\"6.1\"}}"});
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox *made = NULL;
    options.metadata = labels;
    CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, NULL), 0);
    CHECK_STR(strstr(script_request(s.server, 0), "\r\n\r\n") + 4,
              "{\"metadata\":{\"env\":\"prod\",\"empty\":\"\",\"who\":\"J\xc3\xb6rg \\\"x\\\"\",\"sum\":\"1+1=2\"}}");
    const wrenn_sandbox_info *info = wrenn_sandbox_last_info(made);
    CHECK_INT(info->metadata_count, 2);
    CHECK_STR(info->metadata[0]->key, "env");
    CHECK_STR(info->metadata[0]->value, "prod");
    wrenn_sandbox_free(made);
    tear_down(&s);
}

TEST(labels_that_make_no_sense_are_refused_before_anything_is_sent) {
    static const char *const no_value[] = {"a=b", "c", NULL}, *const no_name[] = {"a=b", "=c", NULL},
                             *const no_text[] = {"a=\xff", NULL};
    const char *const *const bad[] = {no_value, no_name, no_text};
    setup s = SET_UP({"201 Created", STATUS("running")});
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
        wrenn_sandbox *made = NULL;
        wrenn_error *error = NULL;
        options.metadata = bad[i];
        CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, &error), WRENN_E_INVALID_ARGUMENT);
        if (i < 2) CHECK_CONTAINS(wrenn_error_message(error), "metadata[1]");
        wrenn_error_free(error);
    }
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

/* ---- passing trouble ---- */

TEST(looks_that_fail_in_passing_do_not_cost_the_sandbox) {
    script_reply replies[] = {answer("202 Accepted", "", STATUS("starting")),
                              answer("502 Bad Gateway", "", ERROR_BODY("agent_error")),
                              answer("200 OK", "", "<html>please wait</html>"),
                              answer("429 Slow Down", "", "{}"),
                              lost,
                              answer("200 OK", "", STATUS("running"))};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox *made = NULL;
    CHECK_INT(wrenn_sandboxes_create(s.client, &wait_option, &made, NULL), 0);
    CHECK_STR(wrenn_sandbox_last_info(made)->status_text, "running");
    CHECK_INT(script_count(s.server), 6);
    for (size_t i = 1; i < 6; i++) CHECK(is_request(&s, i, "GET " PATH " "));
    wrenn_sandbox_free(made);
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(all_who_wait_have_the_same_patience) {
    setup s =
        SET_UP({"200 OK", STATUS("starting")}, {"200 OK", "nonsense"}, {"500 Oops", ""}, {"200 OK", STATUS("running")},
               {"200 OK", STATUS("starting")}, {"200 OK", "nonsense"}, {"200 OK", STATUS("running")},
               {"202 Accepted", STATUS("pausing")}, {"200 OK", "nonsense"}, {"200 OK", STATUS("paused")});
    wrenn_sandbox_wait_ready_options wait = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wrenn_sandboxes_connect_options connect = WRENN_SANDBOXES_CONNECT_OPTIONS_INIT;
    wrenn_sandbox_pause_options pause = WRENN_SANDBOX_PAUSE_OPTIONS_INIT;
    wrenn_sandbox *again = NULL;
    wait.interval_ms = connect.interval_ms = 1;
    pause.flags = WRENN_SANDBOX_PAUSE_WAIT;
    CHECK_INT(wrenn_sandbox_wait_ready(s.sandbox, &wait, NULL), 0);
    CHECK_INT(wrenn_sandboxes_connect(s.client, ID, &connect, &again, NULL), 0);
    CHECK_INT(wrenn_sandbox_pause(again, &pause, NULL), 0);
    CHECK_INT(script_count(s.server), 10);
    wrenn_sandbox_free(again);
    tear_down(&s);
}

/* The platform says so while a host is silent; when it is heard again, so is the sandbox, or it is stopped. */
TEST(a_sandbox_that_is_missing_may_come_back) {
    setup s = SET_UP({"200 OK", STATUS("missing")}, {"200 OK", STATUS("running")}, {"200 OK", STATUS("missing")},
                     {"200 OK", STATUS("running")}, {"202 Accepted", STATUS("missing")}, {"200 OK", STATUS("missing")},
                     {"200 OK", STATUS("paused")}, {"202 Accepted", STATUS("missing")}, {"200 OK", STATUS("running")},
                     {"202 Accepted", STATUS("missing")}, {"200 OK", STATUS("running")}, {"200 OK", STATUS("missing")},
                     {"200 OK", STATUS("stopped")});
    wrenn_sandbox_wait_ready_options wait = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wrenn_sandboxes_connect_options connect = WRENN_SANDBOXES_CONNECT_OPTIONS_INIT;
    wrenn_sandbox_pause_options pause = WRENN_SANDBOX_PAUSE_OPTIONS_INIT;
    wrenn_sandbox_resume_options resume = WRENN_SANDBOX_RESUME_OPTIONS_INIT;
    wrenn_sandbox *again = NULL, *made = NULL;
    wait.interval_ms = connect.interval_ms = 1;
    pause.flags = WRENN_SANDBOX_PAUSE_WAIT;
    resume.flags = WRENN_SANDBOX_RESUME_WAIT;
    CHECK_INT(wrenn_sandbox_wait_ready(s.sandbox, &wait, NULL), 0);
    CHECK_INT(wrenn_sandboxes_connect(s.client, ID, &connect, &again, NULL), 0);
    CHECK_INT(wrenn_sandbox_pause(again, &pause, NULL), 0);
    CHECK_INT(wrenn_sandbox_resume(again, &resume, NULL), 0);
    CHECK_INT(wrenn_sandboxes_create(s.client, &wait_option, &made, NULL), 0);
    CHECK_INT(wrenn_sandbox_wait_ready(s.sandbox, &wait, NULL), WRENN_E_CONFLICT);
    CHECK_INT(script_count(s.server), 13);
    wrenn_sandbox_free(made);
    wrenn_sandbox_free(again);
    tear_down(&s);
}

TEST(time_that_runs_out_names_the_status_last_seen) {
    char *text = script_text("200 OK", "", STATUS("missing"));
    script_reply reply = {.text = text};
    script_server *server = script_start(&reply, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client), *again = NULL;
    wrenn_sandbox_wait_ready_options wait = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wrenn_sandboxes_connect_options connect = WRENN_SANDBOXES_CONNECT_OPTIONS_INIT;
    wrenn_error *error = NULL;
    wait.interval_ms = connect.interval_ms = 1;
    wait.call.timeout_ms = connect.call.timeout_ms = 60000;
    clock_start(0);
    clock_expect(server, 2);
    CHECK_INT(wrenn_sandbox_wait_ready(sandbox, &wait, &error), WRENN_E_TIMEOUT);
    CHECK_CONTAINS(wrenn_error_message(error),
                   "the outcome is unknown: sandbox " ID " was last seen in status missing");
    wrenn_error_free(error);
    clock_expect(server, script_count(server) + 2);
    CHECK_INT(wrenn_sandboxes_connect(client, ID, &connect, &again, &error), WRENN_E_TIMEOUT);
    clock_stop();
    CHECK_CONTAINS(wrenn_error_message(error), "status missing");
    wrenn_error_free(error);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
    free(text);
}

TEST(a_server_that_always_talks_nonsense_is_not_waited_for) {
    char *nonsense = script_text("200 OK", "", "<html>");
    script_reply reply = {.text = nonsense};
    script_server *server = script_start(&reply, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_sandbox_wait_ready_options wait = WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT;
    wait.interval_ms = 1;
    CHECK_INT(wrenn_sandbox_wait_ready(sandbox, &wait, NULL), WRENN_E_PROTOCOL);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
    free(nonsense);
}

/* ---- the answer is lost ---- */

TEST(a_lost_create_is_repeated_where_the_server_turns_out_to_obey) {
    script_reply replies[] = {lost, answer("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized")),
                              answer("201 Created", OBEYS, STATUS("running"))};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox *made = NULL;
    options.vcpus = 2;
    CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, NULL), 0);
    CHECK_INT(script_count(s.server), 3);
    CHECK(is_request(&s, 1, "GET /v1/capsules "));
    CHECK(!strstr(script_request(s.server, 1), "X-API-Key"));
    check_same_create(&s, 0, 2);
    wrenn_sandbox_free(made);
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(a_lost_create_is_repeated_where_the_server_is_known_to_obey) {
    script_reply broken = answer("201 Created", OBEYS, "<html>");
    script_reply replies[] = {answer("200 OK", OBEYS, "[]"), lost, answer("504 Gateway Timeout", "", "<html>"), broken,
                              answer("201 Created", OBEYS, STATUS("running"))};
    setup s = set_up_with(replies, COUNT(replies), NULL);
    wrenn_sandbox_list *list = NULL;
    wrenn_sandbox *made = NULL;
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &list, NULL), 0);
    wrenn_sandbox_list_free(list);
    CHECK_INT(wrenn_sandboxes_create(s.client, NULL, &made, NULL), 0);
    CHECK_INT(script_count(s.server), 5);
    for (size_t i = 2; i < 5; i++) check_same_create(&s, 1, i);
    wrenn_sandbox_free(made);
    tear_down_create(&s, replies, COUNT(replies));
}

/* Whatever the second answer is: only the header counts. */
TEST(a_lost_create_is_never_repeated_where_the_server_may_not_obey) {
    script_reply replies[] = {lost, answer("401 Unauthorized", "", ERROR_BODY("unauthorized")), lost};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox *made = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandboxes_create(s.client, NULL, &made, &error), WRENN_E_CONNECTION_LOST);
    CHECK_CONTAINS(wrenn_error_message(error), "may exist");
    CHECK(!wrenn_error_retriable(error));
    wrenn_error_free(error);
    CHECK_INT(script_count(s.server), 2);
    CHECK_INT(wrenn_sandboxes_create(s.client, NULL, &made, NULL), WRENN_E_CONNECTION_LOST); /* it is known now */
    CHECK_INT(script_count(s.server), 3);
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(an_error_that_the_server_has_written_is_final) {
    script_reply replies[] = {answer("200 OK", OBEYS, "[]"), answer("500 Oops", OBEYS, ERROR_BODY("internal_error"))};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox_list *list = NULL;
    wrenn_sandbox *made = NULL;
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &list, NULL), 0);
    wrenn_sandbox_list_free(list);
    CHECK_INT(wrenn_sandboxes_create(s.client, NULL, &made, NULL), WRENN_E_INTERNAL);
    CHECK_INT(script_count(s.server), 2);
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(a_sandbox_that_did_not_start_is_destroyed_through_passing_trouble) {
    script_reply replies[] = {answer("202 Accepted", "", STATUS("starting")), answer("200 OK", "", STATUS("error")),
                              answer("502 Bad Gateway", "", ERROR_BODY("agent_error")), lost,
                              answer("204 No Content", "", "")};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox *made = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandboxes_create(s.client, &wait_option, &made, &error), WRENN_E_CONFLICT);
    CHECK_CONTAINS(wrenn_error_message(error), "it was destroyed again");
    CHECK_INT(script_count(s.server), 5);
    for (size_t i = 2; i < 5; i++) CHECK(is_request(&s, i, "DELETE " PATH " "));
    wrenn_error_free(error);
    tear_down_create(&s, replies, COUNT(replies));
}

/* Somebody else destroyed it while it started. */
TEST(a_sandbox_that_is_gone_already_does_not_run) {
    script_reply replies[] = {answer("202 Accepted", "", STATUS("starting")),
                              answer("404 Not Found", "", ERROR_BODY("not_found")),
                              answer("404 Not Found", "", ERROR_BODY("not_found"))};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox *made = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandboxes_create(s.client, &wait_option, &made, &error), WRENN_E_NOT_FOUND);
    CHECK_MSG(!strstr(wrenn_error_message(error), "may still run"), "%s", wrenn_error_message(error));
    CHECK_INT(script_count(s.server), 3);
    wrenn_error_free(error);
    tear_down_create(&s, replies, COUNT(replies));
}

/* ---- given up ---- */

static void note_code(wrenn_op *op, void *user_data) {
    wrenn_sandbox *made = NULL;
    *(int *)user_data = wrenn_sandboxes_create_finish(op, &made, NULL);
}

static wrenn_op *begin(setup *s, const wrenn_sandboxes_create_options *options, int *code) {
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandboxes_create_start(s->client, options, note_code, code, &op, NULL), 0);
    return op;
}

/* Runs the client until the server has seen this many requests. */
static void run_until(setup *s, size_t requests) {
    while (script_count(s->server) < requests) CHECK(wrenn_client_dispatch(s->client, 10, NULL) >= 0);
}

/* Ends the test; by then the server must have seen just these requests. */
static void free_and_check(setup *s, const char *const *lines, size_t count) {
    wrenn_sandbox_free(s->sandbox);
    wrenn_client_free(s->client);
    s->sandbox = NULL;
    s->client = NULL;
    for (size_t i = 0; i < count; i++) CHECK_MSG(is_request(s, i, lines[i]), "request %zu is not %s", i, lines[i]);
    CHECK_INT(script_count(s->server), count);
}
#define FREE_AND_CHECK(s, ...) \
    free_and_check(s, (const char *const[]){__VA_ARGS__}, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

TEST(a_cancelled_create_leaves_no_sandbox_behind) {
    script_reply replies[] = {gated(answer("201 Created", "", STATUS("running"))), answer("204 No Content", "", "")};
    setup s = set_up(replies, COUNT(replies));
    int code = 1;
    wrenn_op *op = begin(&s, NULL, &code);
    run_until(&s, 1);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    script_open_gate(s.server);
    run_until(&s, 2);
    CHECK_INT(code, WRENN_E_CANCELLED);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ", "DELETE " PATH " ");
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(freeing_the_client_waits_for_what_a_create_made) {
    script_reply replies[] = {gated(answer("201 Created", "", STATUS("running"))), answer("204 No Content", "", "")};
    setup s = set_up(replies, COUNT(replies));
    int code = 1;
    wrenn_op *op = begin(&s, NULL, &code);
    run_until(&s, 1);
    wrenn_op_free(op);
    script_open_gate(s.server);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ", "DELETE " PATH " ");
    CHECK_INT(code, WRENN_E_CANCELLED);
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(a_create_cancelled_while_it_waits_leaves_no_sandbox_behind) {
    script_reply replies[] = {answer("202 Accepted", "", STATUS("starting")), answer("200 OK", "", STATUS("starting")),
                              answer("204 No Content", "", "")};
    setup s = set_up(replies, COUNT(replies));
    int code = 1;
    wrenn_op *op = begin(&s, &wait_option, &code);
    run_until(&s, 2);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ", "GET " PATH " ", "DELETE " PATH " ");
    tear_down_create(&s, replies, COUNT(replies));
}

static void note_nothing(wrenn_op *op, void *user_data) {
    *(int *)user_data = 0;
    CHECK(wrenn_op_is_done(op));
}

/* It was over before, but nobody knew and nobody wants it. */
TEST(a_create_cancelled_when_it_is_over_leaves_no_sandbox_behind) {
    for (int way = 0; way < 3; way++) {
        script_reply replies[] = {answer("201 Created", "", STATUS("running")), answer("502 Bad Gateway", "", ""),
                                  answer("204 No Content", "", "")};
        setup s = set_up(replies, COUNT(replies));
        int code = 1;
        wrenn_op *op = NULL;
        CHECK_INT(wrenn_sandboxes_create_start(s.client, NULL, note_nothing, &code, &op, NULL), 0);
        while (code) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
        wrenn_op_cancel(op);
        wrenn_op_free(op);
        if (way == 0) run_until(&s, 3); /* else freeing the client does it */
        FREE_AND_CHECK(&s, "POST /v1/sandboxes ", "DELETE " PATH " ", "DELETE " PATH " ");
        tear_down_create(&s, replies, COUNT(replies));
    }
}

TEST(a_create_that_is_over_stays_for_those_who_take_it_or_have_its_key_or_did_not_cancel) {
    script_reply replies[] = {answer("201 Created", "", STATUS("running")),
                              answer("201 Created", "", STATUS("running")),
                              answer("201 Created", "", STATUS("running"))};
    setup s = set_up(replies, COUNT(replies));
    const wrenn_sandboxes_create_options with_key = {.struct_size = sizeof(with_key), .call.idempotency_key = "mine"};
    for (int way = 0; way < 3; way++) {
        int code = 1;
        wrenn_op *op = NULL;
        wrenn_sandbox *made = NULL;
        CHECK_INT(wrenn_sandboxes_create_start(s.client, way == 1 ? &with_key : NULL, note_nothing, &code, &op, NULL),
                  0);
        while (code) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
        if (way < 2) wrenn_op_cancel(op);
        if (way == 0) CHECK_INT(wrenn_sandboxes_create_finish(op, &made, NULL), 0);
        wrenn_op_free(op);
        wrenn_sandbox_free(made);
    }
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ", "POST /v1/sandboxes ", "POST /v1/sandboxes ");
    tear_down_create(&s, replies, COUNT(replies));
}

/* The client is gone, so nobody can. */
TEST(what_is_let_go_after_its_client_is_said) {
    script_reply replies[] = {answer("201 Created", "", STATUS("running"))};
    setup s = set_up(replies, COUNT(replies));
    int code = 1;
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandboxes_create_start(s.client, NULL, note_nothing, &code, &op, NULL), 0);
    while (code) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    wrenn_op_cancel(op);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ");
    wrenn_op_free(op);
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(a_create_that_nobody_has_sent_yet_needs_no_cleaning_up) {
    script_reply reply = answer("201 Created", "", STATUS("running"));
    setup s = set_up(&reply, 1);
    int code = 1;
    wrenn_op *op = begin(&s, NULL, &code);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    wrenn_sandbox_free(s.sandbox);
    wrenn_client_free(s.client);
    s.sandbox = NULL;
    s.client = NULL;
    CHECK_INT(script_count(s.server), 0);
    tear_down_create(&s, &reply, 1);
}

TEST(a_cancelled_create_whose_answer_is_lost_is_asked_for_again_and_destroyed) {
    script_reply replies[] = {gated(lost), answer("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized")),
                              answer("201 Created", OBEYS, STATUS("running")),
                              answer("502 Bad Gateway", "", ERROR_BODY("agent_error")),
                              answer("204 No Content", "", "")};
    setup s = set_up(replies, COUNT(replies));
    int code = 1;
    wrenn_op *op = begin(&s, NULL, &code);
    run_until(&s, 1);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    script_open_gate(s.server);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ", "GET /v1/capsules ", "POST /v1/sandboxes ", "DELETE " PATH " ",
                   "DELETE " PATH " ");
    check_same_create(&s, 0, 2);
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(a_create_out_of_time_leaves_no_sandbox_behind) {
    script_reply replies[] = {{.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD},
                              answer("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized")),
                              answer("201 Created", OBEYS, STATUS("running")),
                              answer("204 No Content", "", "")};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox *made = NULL;
    options.call.timeout_ms = 450;
    CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, NULL), WRENN_E_TIMEOUT);
    script_drop_connections(s.server);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ", "GET /v1/capsules ", "POST /v1/sandboxes ", "DELETE " PATH " ");
    check_same_create(&s, 0, 2);
    tear_down_create(&s, replies, COUNT(replies));
}

/* Whoever knows the key asks again, and wants to find the sandbox. */
TEST(a_create_with_the_callers_key_is_left_to_the_caller) {
    script_reply replies[] = {gated(answer("201 Created", OBEYS, STATUS("running")))};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    int code = 1;
    options.call.idempotency_key = "mine";
    wrenn_op *op = begin(&s, &options, &code);
    run_until(&s, 1);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    script_open_gate(s.server);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ");
    tear_down_create(&s, replies, COUNT(replies));
}

TEST(nor_is_it_cleaned_up_after_while_it_starts) {
    script_reply starting[] = {answer("202 Accepted", OBEYS, STATUS("starting"))};
    setup s = set_up(starting, 1);
    wrenn_sandboxes_create_options options = wait_option;
    int code = 1;
    options.call.idempotency_key = "mine";
    wrenn_op *op = begin(&s, &options, &code);
    run_until(&s, 1);
    while (!wrenn_op_timings(op)) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ");
    CHECK_INT(code, WRENN_E_CANCELLED);
    tear_down_create(&s, starting, 1);
}

TEST(with_the_callers_key_time_that_runs_out_destroys_nothing) {
    script_reply replies[] = {answer("202 Accepted", OBEYS, STATUS("starting")),
                              answer("200 OK", "", STATUS("starting"))};
    script_server *server = script_start(replies, COUNT(replies), true);
    wrenn_client_options client_options = sdk_options(script_url(server));
    setup s = {.server = server, .client = sdk_client(&client_options)};
    s.sandbox = sdk_sandbox(s.client);
    wrenn_sandboxes_create_options options = wait_option;
    wrenn_sandbox *made = NULL;
    options.call.idempotency_key = "mine";
    options.call.timeout_ms = 450; /* below the pause before the first look */
    CHECK_INT(wrenn_sandboxes_create(s.client, &options, &made, NULL), WRENN_E_TIMEOUT);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ");
    tear_down_create(&s, replies, COUNT(replies));
}

static void keep_line(const wrenn_log_event *event, void *data) {
    if (event->level >= WRENN_LOG_WARNING) snprintf(data, 200, "%s", event->message);
}

static char said[200];
static void log_lines(wrenn_client_options *options) {
    options->log = keep_line;
    options->log_user_data = said;
}

TEST(what_can_not_be_cleaned_up_is_said) {
    script_reply replies[] = {gated(lost), answer("404 Not Found", "", "404 page not found\n")};
    setup s = set_up_with(replies, COUNT(replies), log_lines);
    int code = 1;
    wrenn_op *op = begin(&s, NULL, &code);
    run_until(&s, 1);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    script_open_gate(s.server);
    FREE_AND_CHECK(&s, "POST /v1/sandboxes ", "GET /v1/capsules ");
    CHECK_CONTAINS(said, "may still run");
    tear_down_create(&s, replies, COUNT(replies));
}

/* A server that ends in the middle of a create, and is not there for the repetition: the first one may have got through. */
TEST(a_create_that_was_lost_once_was_sent) {
    script_reply replies[] = {answer("200 OK", OBEYS, "[]"), gated(lost)};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox_list *list = NULL;
    int code = 1;
    options.call.idempotency_key = "mine"; /* so that nobody waits for the server to come back */
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &list, NULL), 0);
    wrenn_sandbox_list_free(list);
    wrenn_op_free(begin(&s, &options, &code));
    run_until(&s, 2);
    script_stop(s.server);
    while (code == 1) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    CHECK_INT(code, WRENN_E_CONNECTION_LOST);
    wrenn_sandbox_free(s.sandbox);
    wrenn_client_free(s.client);
    free((char *)(uintptr_t)replies[0].text);
}

/* Between two attempts at a server that is not there. */
TEST(a_create_that_was_refused_needs_no_cleaning_up) {
    script_reply reply = answer("200 OK", OBEYS, "[]");
    setup s = set_up(&reply, 1);
    wrenn_sandbox_list *list = NULL;
    int code = 1;
    CHECK_INT(wrenn_sandboxes_list(s.client, NULL, &list, NULL), 0);
    wrenn_sandbox_list_free(list);
    script_stop(s.server);
    wrenn_op *op = begin(&s, NULL, &code);
    while (!wrenn_op_timings(op)) CHECK(wrenn_client_dispatch(s.client, 1, NULL) >= 0);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
    CHECK_INT(wrenn_client_dispatch(s.client, -1, NULL), 0); /* nothing is under way */
    CHECK_INT(code, WRENN_E_CANCELLED);
    wrenn_sandbox_free(s.sandbox);
    wrenn_client_free(s.client);
    free((char *)(uintptr_t)reply.text);
}

/* What the log writes to goes with the client. */
static int lines_after;
static bool is_freed;
static void count_line(const wrenn_log_event *event, void *data) {
    (void)event, (void)data;
    lines_after += is_freed;
}

static void log_count(wrenn_client_options *options) { options->log = count_line; }

static void free_client(wrenn_op *op, void *client) {
    (void)op;
    wrenn_client_free(client);
    is_freed = true;
}

TEST(cleaning_up_after_a_client_that_was_freed_in_a_callback_is_not_logged) {
    script_reply replies[] = {answer("202 Accepted", "", STATUS("starting")), answer("200 OK", "", STATUS("starting")),
                              answer("204 No Content", "", ""), answer("204 No Content", "", "")};
    setup s = set_up_with(replies, COUNT(replies), log_count);
    int code = 1;
    lines_after = 0;
    is_freed = false;
    wrenn_op_free(begin(&s, &wait_option, &code));
    run_until(&s, 2);
    CHECK_INT(wrenn_sandbox_ping_start(s.sandbox, NULL, free_client, s.client, NULL, NULL), 0);
    while (!is_freed) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    s.client = NULL;
    CHECK_INT(code, WRENN_E_CANCELLED);
    CHECK_INT(script_count(s.server), 4);
    CHECK_INT(lines_after, 0);
    tear_down_create(&s, replies, COUNT(replies));
}

TEST_MAIN
