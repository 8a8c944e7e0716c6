/* Which kernel runs the code: contexts, the default kernel, and each way to call for them. */
#include <poll.h>

#include "clock.h"
#include "kernels.h"

/* ---- kernels and contexts ---- */

TEST(a_kernel_is_found_or_made_by_its_name) {
    play p = {0};
    text(&p, "502 Not Yet", "starting");
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", SESSION("new/1", "idle"));
    for (int i = 0; i < 2; i++) {
        connect_kernel(&p);
        say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    }
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    for (int i = 0; i < 2; i++) { /* the second time it is known */
        CHECK_INT(run(&s, "ls", "bash", &x, NULL), 0);
        wrenn_code_execution_free(x);
    }
    check_request(
        &s, 2, "POST /api/sessions HTTP/1.1\r\n",
        "{\"path\":\"wrenn-default-bash\",\"name\":\"\",\"type\":\"console\",\"kernel\":{\"name\":\"bash\"}}");
    check_request(&s, 3, "GET /api/kernels/new%2F1/channels?session_id=", "");
    check_request(&s, 6, "GET /api/kernels/new%2F1/channels?session_id=", "");
    end_play(&s, &p);
}

/* Two programs that ask for it at the same moment both get the first one. */
TEST(one_of_two_default_kernels_is_given_up) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", SESSION("mine", "starting"));
    text(&p, "201 Created", SESSION("theirs", "starting"));
    text(&p, "204 No", "");
    connect_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
    check_request(&s, 3, "DELETE /api/kernels/mine HTTP/1.1\r\n", "");
    check_request(&s, 4, "GET /api/kernels/theirs/channels", "");
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

TEST(a_server_without_sessions_will_do) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "404 No", "{\"message\":\"no such route\"}");
    text(&p, "201 Created", "{\"id\":\"k-7\"}");
    connect_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
    check_request(&s, 2, "POST /api/kernels HTTP/1.1\r\n", "{\"name\":\"python3\"}");
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

/* Also when one asks for the default by its name. */
TEST(calls_at_once_share_one_kernel_and_take_turns) {
    static const char *const kernels[][2] = {{NULL, NULL}, {NULL, "python3"}, {"python3", NULL}};
    for (size_t i = 0; i < COUNT(kernels); i++) {
        play p = {0};
        text(&p, "200 OK", SPECS);
        if (kernels[i][0] || kernels[i][1]) text(&p, "200 OK", SPECS); /* each asks for the names */
        text(&p, "201 Created", SESSION("k-1", "idle"));
        for (int j = 0; j < 2; j++) {
            connect_kernel(&p);
            say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
        }
        setup s = set_up(p.replies, p.count);
        wrenn_op *first = start(&s, "first", kernels[i][0]), *second = start(&s, "second", kernels[i][1]);
        wrenn_code_execution *x = NULL;
        CHECK_INT(finish(&s, second, &x, NULL), 0);
        wrenn_code_execution_free(x);
        CHECK_INT(finish(&s, first, &x, NULL), 0);
        wrenn_code_execution_free(x);
        CHECK_INT(asked(&s, "POST /api/sessions"), 1);
        CHECK_INT(asked(&s, "POST /api/kernels"), 0);
        CHECK_INT(asked(&s, "/channels"), 2);
        end_play(&s, &p);
    }
}

TEST(an_unknown_kernel_is_reported) {
    setup s =
        SET_UP({"200 OK", SPECS}, {"200 OK", "{\"default\":\"p\"}"}, {"501 No", "{\"message\":\"no such kernel\"}"});
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(run(&s, "x", "nosuch", &x, &error), WRENN_E_NOT_FOUND);
    CHECK_CONTAINS(wrenn_error_message(error), "no kernel \"nosuch\"; it has: python3, bash, other");
    wrenn_error_free(error);
    tear_down(&s);
}

TEST(contexts_are_made_interrupted_restarted_and_deleted) {
    static const char *const names[] = {NULL, "python3"}; /* never one that is there */
    for (size_t i = 0; i < COUNT(names); i++) {
        setup s = SET_UP({"200 OK", SPECS}, {"201 Created", "{\"id\":\"k-9\"}"}, {"204 No", ""}, {"200 OK", "{}"},
                         {"204 No", ""});
        wrenn_sandbox_code_context_options options = WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT;
        options.kernel = names[i];
        wrenn_code_context *context = NULL;
        CHECK_INT(wrenn_sandbox_code_context(s.sandbox, &options, &context, NULL), 0);
        CHECK_STR(wrenn_code_context_id(context), "k-9");
        CHECK_STR(wrenn_code_context_kernel(context), "python3");
        CHECK_INT(wrenn_code_context_interrupt(context, NULL, NULL), 0);
        CHECK_INT(wrenn_code_context_restart(context, NULL, NULL), 0);
        CHECK_INT(wrenn_code_context_delete(context, NULL, NULL), 0);
        CHECK_INT(wrenn_code_context_delete(context, NULL, NULL), 0); /* nothing left to delete */
        CHECK_INT(script_count(s.server), 5);
        check_request(&s, 1, "POST /api/kernels HTTP/1.1\r\n", "{\"name\":\"python3\"}");
        check_request(&s, 2, "POST /api/kernels/k-9/interrupt HTTP/1.1\r\n", "");
        check_request(&s, 3, "POST /api/kernels/k-9/restart HTTP/1.1\r\n", "");
        check_request(&s, 4, "DELETE /api/kernels/k-9 HTTP/1.1\r\n", "");
        wrenn_code_context_free(context);
        tear_down(&s);
    }
}

/* Nobody would know of it. */
TEST(a_kernel_that_is_not_waited_for_is_deleted) {
    enum { CANCELLED, FREED, LATE };
    for (int how = CANCELLED; how <= LATE; how++) {
        play p = {0};
        text(&p, "200 OK", SPECS);
        text(&p, "201 Created", "{\"id\":\"k-9\"}");
        text(&p, "204 No", "");
        p.replies[1].gated = true;
        setup s = set_up(p.replies, p.count);
        wrenn_sandbox_code_context_options options = WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT;
        wrenn_code_context *context = NULL;
        wrenn_op *op = NULL;
        CHECK_INT(wrenn_sandbox_code_context_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
        until_count(&s, 2);
        if (how == CANCELLED) wrenn_op_cancel(op);
        clock_start(0);
        while (how == LATE && !wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s.client, 60000, NULL) >= 0);
        clock_stop();
        script_open_gate(s.server);
        if (how == FREED) {
            wrenn_client_free(s.client);
            s.client = NULL;
        } else until_count(&s, 3);
        check_request(&s, 2, "DELETE /api/kernels/k-9 HTTP/1.1\r\n", "");
        CHECK_INT(wrenn_sandbox_code_context_finish(op, &context, NULL),
                  how == LATE ? WRENN_E_TIMEOUT : WRENN_E_CANCELLED);
        wrenn_op_free(op);
        end_play(&s, &p);
    }
}

/* With it what hangs can be interrupted while it runs. */
TEST(the_default_kernel_as_a_context) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, NULL);
    text(&p, "200 OK", "{}");
    connect_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_op *op = start(&s, "hang", NULL), *next = start(&s, "next", NULL);
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    wrenn_sandbox_code_context_options options = WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT;
    wrenn_code_context *context = NULL;
    options.flags = WRENN_SANDBOX_CODE_CONTEXT_DEFAULT;
    until_count(&s, FOUND + 1);
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, &options, &context, NULL), 0);
    CHECK_STR(wrenn_code_context_id(context), "k-1");
    CHECK_STR(wrenn_code_context_kernel(context), "python3");
    CHECK_INT(wrenn_code_context_restart(context, NULL, NULL), 0);
    CHECK_INT(finish(&s, op, &x, &error), WRENN_E_AGENT); /* its kernel is a new one now */
    CHECK_CONTAINS(wrenn_error_message(error), "restarted");
    wrenn_error_free(error);
    CHECK_INT(finish(&s, next, &x, NULL), 0);
    wrenn_code_execution_free(x);
    CHECK_INT(wrenn_code_context_delete(context, NULL, NULL), 0); /* it is not this context's to delete */
    CHECK_INT(asked(&s, "DELETE"), 0);
    wrenn_code_context_free(context);
    end_play(&s, &p);
}

/* No code goes to the kernel that is about to end. */
TEST(nothing_is_sent_while_the_kernel_restarts) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", "{\"id\":\"k-9\"}");
    p.replies[p.count++] = (script_reply){.text = "", .cut = SCRIPT_NOTHING}; /* the restart takes its time */
    connect_kernel(&p);
    setup s = set_up(p.replies, p.count);
    wrenn_code_context *context = NULL;
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_op *restart = NULL, *op = NULL;
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, NULL, &context, NULL), 0);
    CHECK_INT(wrenn_code_context_restart_start(context, NULL, NULL, NULL, &restart, NULL), 0);
    until_count(&s, 3);
    options.code = "x";
    options.context = context;
    CHECK_INT(wrenn_sandbox_run_code_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
    until_count(&s, 5);
    for (int i = 0; i < 3; i++) CHECK(wrenn_client_dispatch(s.client, 20, NULL) >= 0);
    CHECK_INT(asked(&s, "execute_request"), 0);
    wrenn_op_cancel(restart); /* from now on it is asked again */
    until_count(&s, 6);
    CHECK_CONTAINS(script_request(s.server, 5), "kernel_info_request");
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    wrenn_op_free(restart);
    wrenn_code_context_free(context);
    p.replies[2].upgrade = true; /* nothing to free */
    end_play(&s, &p);
}

TEST(pages_and_tracebacks_are_no_messages) {
    setup s = SET_UP({"200 OK", SPECS}, {"201 Created", "{\"id\":\"k-9\"}"},
                     {"500 No", "{\"message\":\"Exception restarting kernel\",\"traceback\":[\"  File x, line 1\"]}"},
                     {"500 No", "Traceback (most recent call last):\n  File \"x\", line 1, in y\n"},
                     {"404 No", "\n<!DOCTYPE HTML>\n<html><head><title>Jupyter Server</title></head></html>"});
    wrenn_code_context *context = NULL;
    static const struct {
        const char *message;
        int rc;
    } said[] = {{"code_context restart: Exception restarting kernel (HTTP 500)", WRENN_E_INTERNAL},
                {"code_context restart: no explanation given (HTTP 500)", WRENN_E_INTERNAL},
                {"code_context restart: no explanation given (HTTP 404)", WRENN_E_NOT_FOUND}};
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, NULL, &context, NULL), 0);
    for (size_t i = 0; i < COUNT(said); i++) {
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_code_context_restart(context, NULL, &error), said[i].rc);
        CHECK_STR(wrenn_error_message(error), said[i].message);
        CHECK(wrenn_error_body(error) != NULL); /* for whoever wants it */
        wrenn_error_free(error);
    }
    wrenn_code_context_free(context);
    tear_down(&s);
}

/* ---- the doors ---- */

typedef enum door { BLOCKING, CALLBACK, OWN_LOOP } door;

/* ---- state that is lost between two calls ---- */

#define MARKED(name)                                                             \
    "{\"id\":\"s-1\",\"name\":\"" name "\",\"kernel\":{\"id\":\"k-1\",\"name\":" \
    "\"python3\",\"execution_state\":\"idle\"}}"
#define INFO_OF(life)                                                                 \
    "{\"header\":{\"session\":\"" life "\"},\"parent_header\":{\"msg_id\":\"@ID@\"}," \
    "\"msg_type\":\"kernel_info_reply\",\"content\":{\"status\":\"ok\"}}"

static void check_lost(setup *s) {
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(run(s, "x", NULL, &x, &error), WRENN_E_AGENT);
    CHECK_CONTAINS(wrenn_error_message(error), "its state is lost. This code was not run");
    wrenn_error_free(error);
}

static void check_runs(setup *s) {
    wrenn_code_execution *x = NULL;
    CHECK_INT(run(s, "x", NULL, &x, NULL), 0);
    wrenn_code_execution_free(x);
}

static void hear_of(play *p, const char *info) {
    upgrade(p);
    say(p, SCRIPT_KEEP, BUSY, info, IDLE, NULL);
}

TEST(a_kernel_that_died_since_is_told_once) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", MARKED(""));
    hear_of(&p, INFO_OF("one"));
    text(&p, "200 OK", "{}");
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    hear_of(&p, INFO_OF("two"));
    text(&p, "500 No", "{}"); /* the mark is not worth more */
    hear_of(&p, INFO_OF("two"));
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    check_runs(&s);
    check_request(&s, 4, "PATCH /api/sessions/s-1 HTTP/1.1\r\n", "{\"name\":\"one\"}");
    check_lost(&s);
    check_request(&s, 8, "PATCH /api/sessions/s-1 HTTP/1.1\r\n", "{\"name\":\"two\"}");
    check_runs(&s);
    end_play(&s, &p);
}

/* The commands of a script each are a program of their own. */
TEST(what_another_program_knew_of_is_lost_too) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", MARKED("one"));
    hear_of(&p, INFO_OF("two"));
    text(&p, "200 OK", "{}");
    setup s = set_up(p.replies, p.count);
    check_lost(&s);
    end_play(&s, &p);
}

TEST(the_kernel_that_another_program_knew_runs_code) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", MARKED("one"));
    hear_of(&p, INFO_OF("one"));
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    check_runs(&s);
    end_play(&s, &p);
}

static void set_flag(wrenn_op *op, void *flag) {
    CHECK(wrenn_op_is_done(op));
    *(bool *)flag = true;
}

static void wait_for(setup *s, door through, const bool *done) {
    while (!*done) {
        struct pollfd ready = {.fd = wrenn_client_fd(s->client), .events = POLLIN};
        if (through == OWN_LOOP) CHECK(poll(&ready, 1, 20000) == 1);
        CHECK(wrenn_client_dispatch(s->client, through == OWN_LOOP ? 0 : -1, NULL) >= 0);
    }
}

typedef int (*start_fn)(wrenn_code_context *, const wrenn_call_options *, wrenn_done_fn, void *, wrenn_op **,
                        wrenn_error **);
typedef int (*finish_fn)(wrenn_op *, wrenn_error **);

static void act(setup *s, door through, wrenn_code_context *context, start_fn begin, finish_fn end) {
    wrenn_op *op = NULL;
    bool done = false;
    CHECK_INT(begin(context, NULL, set_flag, &done, &op, NULL), 0);
    wait_for(s, through, &done);
    CHECK_INT(end(op, NULL), 0);
    wrenn_op_free(op);
}

static void code_through(door through) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", "{\"id\":\"k-9\"}");
    connect_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, MESSAGE("execute_result", "{\"data\":{\"text/plain\":\"84\"},\"execution_count\":1}"),
        REPLY, IDLE, NULL);
    text(&p, "204 No", "");
    text(&p, "200 OK", "{}");
    text(&p, "204 No", "");
    setup s = set_up(p.replies, p.count);
    wrenn_code_context *context = NULL;
    wrenn_code_execution *x = NULL;
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    options.code = "x * 2";
    if (through == BLOCKING) CHECK_INT(wrenn_sandbox_code_context(s.sandbox, NULL, &context, NULL), 0);
    else {
        wrenn_op *op = NULL;
        bool done = false;
        CHECK_INT(wrenn_sandbox_code_context_start(s.sandbox, NULL, set_flag, &done, &op, NULL), 0);
        wait_for(&s, through, &done);
        CHECK_INT(wrenn_sandbox_code_context_finish(op, &context, NULL), 0);
        wrenn_op_free(op);
    }
    options.context = context;
    if (through == BLOCKING) {
        CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), 0);
        CHECK_INT(wrenn_code_context_interrupt(context, NULL, NULL), 0);
        CHECK_INT(wrenn_code_context_restart(context, NULL, NULL), 0);
        CHECK_INT(wrenn_code_context_delete(context, NULL, NULL), 0);
    } else {
        wrenn_op *run_op = NULL;
        bool done = false;
        CHECK_INT(wrenn_sandbox_run_code_start(s.sandbox, &options, set_flag, &done, &run_op, NULL), 0);
        wait_for(&s, through, &done);
        CHECK_INT(wrenn_sandbox_run_code_finish(run_op, &x, NULL), 0);
        wrenn_op_free(run_op);
        act(&s, through, context, wrenn_code_context_interrupt_start, wrenn_code_context_interrupt_finish);
        act(&s, through, context, wrenn_code_context_restart_start, wrenn_code_context_restart_finish);
        act(&s, through, context, wrenn_code_context_delete_start, wrenn_code_context_delete_finish);
    }
    CHECK_STR(x->text, "84");
    CHECK_INT(script_count(s.server), 8);
    wrenn_code_execution_free(x);
    wrenn_code_context_free(context);
    end_play(&s, &p);
}

TEST(code_and_contexts_through_each_door) {
    for (door through = BLOCKING; through <= OWN_LOOP; through++) code_through(through);
}

TEST(a_kernel_that_was_found_is_left_alone) {
    setup s = SET_UP({"200 OK", SPECS},
                     {"200 OK", "[{\"id\":\"k-5\",\"name\":\"other\",\"execution_state\":\"dead\"},"
                                "{\"id\":\"k-1\",\"name\":\"python3\"},{\"id\":\"k-0\",\"name\":\"other\"}]"});
    wrenn_sandbox_code_context_options options = WRENN_SANDBOX_CODE_CONTEXT_OPTIONS_INIT;
    options.kernel = "other";
    options.flags = WRENN_SANDBOX_CODE_CONTEXT_REUSE;
    wrenn_code_context *context = NULL;
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, &options, &context, NULL), 0);
    CHECK_STR(wrenn_code_context_id(context), "k-0");
    CHECK_INT(wrenn_code_context_delete(context, NULL, NULL), 0);
    CHECK_INT(script_count(s.server), 2);
    wrenn_code_context_free(context);
    options.flags = WRENN_SANDBOX_CODE_CONTEXT_REUSE | WRENN_SANDBOX_CODE_CONTEXT_DEFAULT;
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, &options, &context, NULL), WRENN_E_INVALID_ARGUMENT);
    tear_down(&s);
}

TEST(wrong_arguments_are_refused_here) {
    setup s = SET_UP({"200 OK", "[]"});
    wrenn_code_execution *x = NULL;
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    options.code = "\xff";
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    options.code = "x";
    options.time_limit_ms = -1;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_run_code(NULL, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST_MAIN
