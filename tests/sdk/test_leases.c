/* Leases: demanded at create from servers that obey that, held until the sandbox is gone, and held again after each cut. */
#include <stdio.h>

#include "sdk.h"

#define ID "cl-0123456789abcdefghijklmno"
#define OBEYS "Wrenn-Features: idempotency-key lease\r\n"
#define HELD "HTTP/1.1 200 OK\r\n" OBEYS "Content-Type: text/plain\r\nConnection: close\r\n\r\n\n"
#define GONE "409 Conflict", OBEYS, ERROR_BODY("invalid_state")
#define HOLD "GET /v1/sandboxes/" ID "/lease "

static int create(wrenn_client *client, int64_t lease_sec, wrenn_sandbox **made, wrenn_error **error) {
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.lease_sec = lease_sec;
    return wrenn_sandboxes_create(client, &options, made, error);
}

TEST(who_creates_with_a_lease_holds_it_until_the_client_is_freed) {
    char *known = script_text("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized")),
         *made = script_text("201 Created", OBEYS, STATUS("running"));
    const script_reply replies[] = {
        {.text = known}, {.text = made}, {.text = HELD, .end = SCRIPT_CLOSE}, {.text = HELD, .end = SCRIPT_HOLD}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox *sandbox = NULL;
    CHECK_INT(create(s.client, 20, &sandbox, NULL), 0);
    wrenn_sandbox_free(sandbox); /* the client holds it, not the handle */
    /* The first answer is cut, so it is asked for again. */
    while (script_count(s.server) < 4) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    check_request(&s, 1, "POST /v1/sandboxes ", "{\"lease_sec\":20}");
    check_request(&s, 2, HOLD, "");
    check_request(&s, 3, HOLD, "");
    tear_down(&s);
    free(known);
    free(made);
}

TEST(a_server_that_says_nothing_of_leases_makes_no_sandbox) {
    char *text = script_text("404 Not Found", "Wrenn-Features: lifetime isolation\r\n", ERROR_BODY("not_found"));
    const script_reply reply = {.text = text};
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    setup s = set_up(&reply, 1);
    CHECK_INT(create(s.client, 1, &sandbox, &error), WRENN_E_UNSUPPORTED);
    CHECK_CONTAINS(wrenn_error_message(error), "`lease_sec`");
    wrenn_error_free(error);
    error = NULL;
    CHECK_INT(create(s.client, -1, &sandbox, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(create(s.client, (int64_t)INT32_MAX + 1, &sandbox, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_CONTAINS(wrenn_error_message(error), "lease_sec");
    wrenn_error_free(error);
    CHECK_INT(script_count(s.server), 1);
    tear_down(&s);
    free(text);
}

/* Through cuts, refusals that pass and silence, up to the end of the sandbox. */
TEST(it_is_held_until_the_sandbox_is_gone) {
    char *busy = script_text("503 Service Unavailable", OBEYS, ERROR_BODY("overloaded")), *gone = script_text(GONE);
    const script_reply replies[] = {{.text = HELD, .end = SCRIPT_CLOSE},
                                    {.text = HELD, .end = SCRIPT_RESET},
                                    {.text = busy},
                                    {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE},
                                    {.text = HELD, .end = SCRIPT_CLOSE},
                                    {.text = gone}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_error *error = NULL;
    int rc = wrenn_sandbox_hold(s.sandbox, NULL, &error);
    CHECK_MSG(rc == 0, "%s", wrenn_error_message(error));
    CHECK_INT(script_count(s.server), COUNT(replies));
    for (size_t i = 0; i < COUNT(replies); i++) check_request(&s, i, HOLD, "");
    tear_down(&s);
    free(busy);
    free(gone);
}

static void keep_warning(const wrenn_log_event *event, void *data) {
    if (event->level >= WRENN_LOG_WARNING) snprintf(data, 300, "%s", event->message);
}

static char warning[300];

static void listen(wrenn_client_options *options) {
    options->log = keep_warning;
    options->log_user_data = warning;
}

TEST(who_can_not_hold_it_any_more_is_warned) {
    char *refused = script_text("401 Unauthorized", OBEYS, ERROR_BODY("unauthorized"));
    const script_reply replies[] = {
        {.text = HELD, .end = SCRIPT_CLOSE}, {.text = "nonsense\r\n\r\n", .end = SCRIPT_CLOSE}, {.text = refused}};
    setup s = set_up_with(replies, COUNT(replies), listen);
    CHECK_INT(wrenn_sandbox_hold(s.sandbox, NULL, NULL), WRENN_E_AUTHENTICATION);
    CHECK_INT(script_count(s.server), COUNT(replies));
    CHECK_CONTAINS(warning, "sandbox " ID ": its lease is held no longer");
    tear_down(&s);
    free(refused);
}

static void impatient(wrenn_client_options *options) { options->idle_timeout_ms = 50; }

TEST(a_server_that_falls_silent_is_asked_again) {
    char *gone = script_text(GONE);
    const script_reply replies[] = {
        {.text = HELD, .end = SCRIPT_HOLD}, {.text = HELD, .end = SCRIPT_HOLD}, {.text = gone}};
    setup s = set_up_with(replies, COUNT(replies), impatient);
    CHECK_INT(wrenn_sandbox_hold(s.sandbox, NULL, NULL), 0);
    CHECK_INT(script_count(s.server), COUNT(replies));
    tear_down(&s);
    free(gone);
}

TEST(what_was_never_held_is_an_error) {
    static const struct {
        const char *status, *body;
        int code;
    } bad[] = {{"409 Conflict", ERROR_BODY("invalid_state"), WRENN_E_CONFLICT},
               {"404 Not Found", ERROR_BODY("not_found"), WRENN_E_NOT_FOUND},
               {"400 Bad Request", ERROR_BODY("invalid_request"), WRENN_E_VALIDATION},
               {"401 Unauthorized", ERROR_BODY("unauthorized"), WRENN_E_AUTHENTICATION}};
    for (size_t i = 0; i < COUNT(bad); i++) {
        setup s = SET_UP({bad[i].status, bad[i].body});
        CHECK_INT(wrenn_sandbox_hold(s.sandbox, NULL, NULL), bad[i].code);
        CHECK_INT(script_count(s.server), 1);
        tear_down(&s);
    }
}

static void count_call(wrenn_op *op, void *data) {
    (void)op;
    ++*(int *)data;
}

TEST(holding_is_cancelled_like_any_operation) {
    const script_reply replies[] = {{.text = HELD, .end = SCRIPT_HOLD}, {.text = HELD, .end = SCRIPT_HOLD}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_op *op = NULL;
    int calls = 0;
    CHECK_INT(wrenn_sandbox_hold_start(s.sandbox, NULL, count_call, &calls, &op, NULL), 0);
    while (script_count(s.server) < 1) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    CHECK_INT(wrenn_sandbox_hold_finish(op, NULL), WRENN_E_AGAIN);
    wrenn_op_cancel(op);
    CHECK_INT(wrenn_client_dispatch(s.client, 0, NULL), 1);
    CHECK_INT(calls, 1);
    CHECK_INT(wrenn_sandbox_hold_finish(op, NULL), WRENN_E_CANCELLED);
    wrenn_op_free(op);
    CHECK_INT(wrenn_sandbox_hold_start(s.sandbox, NULL, NULL, NULL, NULL, NULL), 0); /* ended by the client's end */
    while (script_count(s.server) < 2) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    tear_down(&s);
}

TEST_MAIN
