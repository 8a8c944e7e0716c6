/* run_code against scripted kernels: when the code is sent, and what becomes of it when it is late or not wanted any more. */
#include "clock.h"
#include "kernels.h"

/* ---- before the code is sent ---- */

TEST(code_waits_until_the_kernel_is_free_and_heard) {
    static const struct {
        const char *first, *second;
    } cases[] = {
        {INFO, NULL},                      /* what it shows does not come yet */
        {BUSY, SERVER_SAYS("restarting")}, /* what it was asked is lost */
        {SERVER_SAYS("autorestarting"), NULL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        play p = {0};
        text(&p, "200 OK", SPECS);
        text(&p, "201 Created", SESSION("k-1", "idle"));
        upgrade(&p);
        say(&p, SCRIPT_KEEP, cases[i].first, cases[i].second, NULL);
        say(&p, SCRIPT_KEEP, BUSY, INFO, IDLE, NULL);
        say(&p, SCRIPT_KEEP, BUSY, STREAM("stdout", "o"), REPLY, IDLE, NULL);
        setup s = set_up(p.replies, p.count);
        wrenn_code_execution *x = NULL;
        CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
        CHECK_STR(x->stdout_data, "o");
        CHECK_INT(asked(&s, "kernel_info_request"), 2);
        CHECK_CONTAINS(script_request(s.server, 5), "execute_request");
        wrenn_code_execution_free(x);
        end_play(&s, &p);
    }
}

TEST(code_for_a_busy_kernel_is_not_sent) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", SESSION("k-1", "busy"));
    upgrade(&p);
    say(&p, SCRIPT_KEEP, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    options.code = "x";
    options.start_timeout_ms = 5000;
    clock_start(0);
    clock_expect(s.server, p.count);
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, &error), WRENN_E_TIMEOUT);
    clock_stop();
    CHECK_CONTAINS(wrenn_error_message(error), "the code was not run");
    CHECK_CONTAINS(wrenn_error_message(error), "wrenn_code_context_interrupt()");
    wrenn_error_free(error);
    CHECK_INT(asked(&s, "execute_request") + asked(&s, "/interrupt"), 0);
    end_play(&s, &p);
}

/* The connection is lost after the kernel has said that, before the code was sent: it may be asked again. */
static void check_made_again(const char *said) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", SESSION("k-1", "idle"));
    upgrade(&p);
    say(&p, SCRIPT_CLOSE, said, NULL);
    connect_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

TEST(a_connection_that_is_lost_too_early_is_made_again) { check_made_again(BUSY); }

/* The kernel was to be asked once more, soon. */
TEST(a_connection_that_is_lost_is_not_asked_again) { check_made_again(INFO); }

TEST(a_context_whose_kernel_is_gone_says_so) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", "{\"id\":\"k-7\",\"name\":\"python3\"}");
    text(&p, "404 No", "<html>no</html>");
    setup s = set_up(p.replies, p.count);
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    options.code = "x";
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, NULL, &options.context, NULL), 0);
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, &error), WRENN_E_NOT_FOUND);
    CHECK_CONTAINS(wrenn_error_message(error), "make a new context");
    wrenn_error_free(error);
    wrenn_code_context_free(options.context);
    end_play(&s, &p);
}

/* The server has another one then, or makes it. */
TEST(a_kernel_that_is_gone_is_looked_for_anew) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", SESSION("k-1", "idle"));
    text(&p, "404 No", "<html>no</html>");
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", SESSION("k-2", "idle"));
    upgrade(&p);
    say(&p, SCRIPT_KEEP, BUSY, SERVER_SAYS("dead"), NULL);
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
    check_request(&s, 5, "GET /api/kernels/k-2/channels", "");
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

/* ---- when the time is up ---- */

/* The kernel is interrupted, and what it said until then and because of it is kept. */
TEST(a_timeout_says_so) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, STREAM("stdout", "so far"), NULL);
    text(&p, "204 No", "");
    setup s = set_up(p.replies, p.count);
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *x = NULL;
    options.code = "sleep";
    options.time_limit_ms = 100;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), 0);
    check_request(&s, FOUND + 1, "POST /api/kernels/k-1/interrupt HTTP/1.1\r\n", "{}");
    CHECK_INT(x->timed_out, 1);
    CHECK_INT(x->still_running, 1); /* it did not obey */
    CHECK_STR(x->stdout_data, "so far");
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

/* The time is for the code: it has ended, and what it has shown may come later. */
TEST(what_code_in_time_has_shown_is_waited_for) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, STREAM("stdout", "1"), REPLY, NULL);
    say(&p, SCRIPT_KEEP, BUSY, INFO, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *x = NULL;
    options.code = "print(1)";
    options.time_limit_ms = 200;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), 0);
    CHECK_INT(asked(&s, "kernel_info_request"), 2); /* for a sign that nothing more can come */
    CHECK_STR(x->stdout_data, "1");
    CHECK_INT(x->timed_out, 0);
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

/* Others' code came first, which must not be interrupted: ours is called back. */
TEST(code_that_has_not_begun_in_time_never_runs) {
    static const char *const answers[][2] = {{MESSAGE("abort_reply", "{}"), IDLE}, {NULL}};
    for (size_t i = 0; i < COUNT(answers); i++) {
        play p = {0};
        find_kernel(&p);
        say(&p, SCRIPT_KEEP,
            "{\"parent_header\":{\"msg_id\":\"another\"},\"msg_type\":\"status\",\"content\":{\"execution_state\":\"busy\"}}",
            NULL);
        say(&p, SCRIPT_KEEP, answers[i][0], answers[i][1], NULL);
        setup s = set_up(p.replies, p.count);
        wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
        wrenn_code_execution *x = NULL;
        wrenn_error *error = NULL;
        options.code = "x";
        options.time_limit_ms = 50;
        CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, &error), WRENN_E_TIMEOUT);
        CHECK_CONTAINS(wrenn_error_message(error),
                       answers[i][0] ? "within 50 ms (time_limit_ms) and was not run" : "may still run");
        wrenn_error_free(error);
        CHECK_CONTAINS(script_request(s.server, FOUND + 1), "\"msg_type\":\"abort_request\"");
        CHECK_CONTAINS(script_request(s.server, FOUND + 1), "\"channel\":\"control\"");
        const char *id = strstr(script_request(s.server, FOUND), "\"msg_id\":\"") + 10;
        char wanted[80];
        snprintf(wanted, sizeof(wanted), "\"content\":{\"msg_ids\":[\"%.32s\"]}", id);
        CHECK_CONTAINS(script_request(s.server, FOUND + 1), wanted);
        CHECK_INT(asked(&s, "/interrupt"), 0);
        end_play(&s, &p);
    }
}

/* ---- cancelling ---- */

/* When its "busy" comes; `free`: with the client. */
typedef enum begun { NEVER, BEFORE, MEANWHILE } begun;

static void check_cancelling(begun when, bool free_client) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, when == NEVER ? NULL : BUSY, NULL);
    p.replies[p.count - 1].gated = when == MEANWHILE;
    if (when != BEFORE) say(&p, SCRIPT_KEEP, MESSAGE("abort_reply", "{}"), IDLE, NULL);
    text(&p, "204 No", "");
    setup s = set_up(p.replies, p.count);
    wrenn_op *op = start(&s, "x", NULL), *next = NULL;
    until_count(&s, FOUND + 1);
    if (when == BEFORE) CHECK(wrenn_client_dispatch(s.client, 200, NULL) >= 0);
    next = start(&s, "y", NULL);
    wrenn_op_cancel(next); /* it waits for its turn */
    wrenn_op_free(next);
    script_open_gate(s.server);
    size_t requests = FOUND + 1 + (when != BEFORE) + (when != NEVER);
    if (free_client) {
        wrenn_client_free(s.client);
        s.client = NULL;
    } else {
        wrenn_op_cancel(op);
        until_count(&s, requests);
    }
    CHECK_INT(script_count(s.server), requests);
    CHECK_INT(asked(&s, "\"msg_type\":\"abort_request\""), when != BEFORE);
    CHECK_INT(asked(&s, "POST /api/kernels/k-1/interrupt"), when != NEVER);
    CHECK_INT(asked(&s, "\"y\""), 0);
    wrenn_code_execution *x = NULL;
    CHECK_INT(wrenn_sandbox_run_code_finish(op, &x, NULL), WRENN_E_CANCELLED);
    wrenn_op_free(op);
    end_play(&s, &p);
}

TEST(what_is_cancelled_does_not_go_on) {
    static const begun cases[] = {NEVER, BEFORE, MEANWHILE};
    for (size_t i = 0; i < COUNT(cases); i++) {
        check_cancelling(cases[i], false);
        check_cancelling(cases[i], true);
    }
}

/* The handle looks for another kernel from then on, but that has nothing to do with the code. */
TEST(what_is_cancelled_is_interrupted_where_it_runs) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, NULL);
    text(&p, "404 No", "{}");
    text(&p, "204 No", "");
    setup s = set_up(p.replies, p.count);
    wrenn_sandbox_code_context_options options = WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT;
    wrenn_code_context *context = NULL;
    wrenn_op *op = start(&s, "x", NULL);
    options.flags = WRENN_SANDBOX_CODE_CONTEXT_DEFAULT;
    until_count(&s, FOUND + 1);
    CHECK(wrenn_client_dispatch(s.client, 200, NULL) >= 0); /* it has begun */
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, &options, &context, NULL), 0);
    CHECK_INT(wrenn_code_context_interrupt(context, NULL, NULL), WRENN_E_NOT_FOUND);
    CHECK(wrenn_code_context_id(context) == NULL);
    wrenn_op_cancel(op);
    until_count(&s, FOUND + 3);
    CHECK_INT(asked(&s, "POST /api/kernels/k-1/interrupt"), 2);
    wrenn_op_free(op);
    wrenn_code_context_free(context);
    end_play(&s, &p);
}

static void note_output(const char *data, size_t size, void *user) {
    (void)data, (void)size;
    *(bool *)user = true;
}

TEST(freeing_the_client_ends_the_code_that_runs) {
    for (int cancelled = 0; cancelled < 2; cancelled++) {
        play p = {0};
        find_kernel(&p);
        say(&p, SCRIPT_KEEP, BUSY, STREAM("stdout", "1"), NULL);
        text(&p, "204 No", "");
        setup s = set_up(p.replies, p.count);
        wrenn_op *op = NULL;
        bool runs = false;
        wrenn_code_callbacks callbacks = {
            .struct_size = sizeof(callbacks), .on_stdout = note_output, .user_data = &runs};
        wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
        options.code = "while True: pass";
        options.callbacks = &callbacks;
        CHECK_INT(wrenn_sandbox_run_code_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
        while (!runs) CHECK(wrenn_client_dispatch(s.client, 20, NULL) >= 0);
        if (cancelled) wrenn_op_cancel(op);
        wrenn_op_free(op);
        wrenn_sandbox_free(s.sandbox);
        wrenn_client_free(s.client);
        s.sandbox = NULL;
        s.client = NULL;
        CHECK_INT(asked(&s, "POST /api/kernels/k-1/interrupt"), 1);
        end_play(&s, &p);
    }
}

static void cancel_it(const char *data, size_t size, void *user) {
    (void)data, (void)size;
    wrenn_op **op = user;
    wrenn_op_cancel(*op);
    wrenn_op_free(*op);
    *op = NULL;
}

static void cancel_for_error(const wrenn_code_error *error, void *user) { cancel_it(error->name, 0, user); }

TEST(a_run_is_cancelled_and_freed_in_its_callbacks) {
    for (int from = 0; from < 2; from++) {
        play p = {0};
        find_kernel(&p);
        if (from)
            say(&p, SCRIPT_KEEP, BUSY, MESSAGE("execute_reply", "{\"status\":\"error\",\"ename\":\"E\"}"), IDLE, NULL);
        else say(&p, SCRIPT_KEEP, BUSY, STREAM("stdout", "1"), STREAM("stdout", "2"), REPLY, IDLE, NULL);
        text(&p, "204 No", "");
        setup s = set_up(p.replies, p.count);
        wrenn_op *op = NULL;
        wrenn_code_callbacks callbacks = {
            .struct_size = sizeof(callbacks), .on_stdout = cancel_it, .on_error = cancel_for_error, .user_data = &op};
        wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
        options.code = "x";
        options.callbacks = &callbacks;
        CHECK_INT(wrenn_sandbox_run_code_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
        while (op) CHECK(wrenn_client_dispatch(s.client, 20, NULL) >= 0);
        end_play(&s, &p);
    }
}

/* What was to be asked again is not asked where nothing is connected: that once crashed. */
TEST(a_connection_that_ends_while_the_kernel_is_asked) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", SESSION("k-1", "idle"));
    upgrade(&p);
    say(&p, SCRIPT_CLOSE, INFO, NULL);
    p.replies[p.count++] = (script_reply){.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    setup s = set_up(p.replies, p.count);
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *x = NULL;
    options.code = "x";
    options.start_timeout_ms = 5000;
    clock_start(0);
    clock_expect(s.server, p.count);
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_TIMEOUT);
    clock_stop();
    p.count--; /* its text is not from the heap */
    end_play(&s, &p);
}

TEST_MAIN
