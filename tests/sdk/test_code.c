/* run_code against scripted kernels. What a kernel says must answer our request's id, so the script puts it in: "@ID@". */
#include <poll.h>

#include "streams.h"

#define SPECS "{\"default\":\"python3\",\"kernelspecs\":{}}"
#define KERNELS "[{\"id\":\"k-0\",\"name\":\"other\"},{\"id\":\"k-1\",\"name\":\"python3\"}]"
#define MESSAGE(type, content) \
    "{\"parent_header\":{\"msg_id\":\"@ID@\"},\"msg_type\":\"" type "\",\"content\":" content "}"
#define IDLE MESSAGE("status", "{\"execution_state\":\"idle\"}")

static int run(setup *s, const char *code, const char *kernel, wrenn_execution **execution, wrenn_error **error) {
    wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
    options.code = code;
    options.kernel = kernel;
    options.exec_timeout_ms = 5000;
    return wrenn_sandbox_run_code(s->sandbox, &options, execution, error);
}

/* The default kernel is found, then spoken to. */
static setup kernel_setup(script_reply *replies, const script_reply *said) {
    replies[0].text = script_text("200 OK", "", SPECS);
    replies[1].text = script_text("200 OK", "", KERNELS);
    replies[2] = (script_reply)UPGRADE;
    replies[3] = *said;
    return set_up(replies, 4);
}

static void kernel_tear_down(setup *s, script_reply *replies) {
    tear_down(s);
    free((char *)(uintptr_t)replies[0].text);
    free((char *)(uintptr_t)replies[1].text);
    free((char *)(uintptr_t)replies[3].text);
}

TEST(everything_a_kernel_shows) {
    script_reply said = script_messages(
        SCRIPT_KEEP, MESSAGE("status", "{\"execution_state\":\"busy\"}"),
        MESSAGE("execute_input", "{\"execution_count\":4}"),
        "{\"parent_header\":{\"msg_id\":\"another\"},\"msg_type\":\"stream\",\"content\":{\"name\":\"stdout\",\"text\":\"no\"}}",
        MESSAGE("stream", "{\"name\":\"stdout\",\"text\":\"a\\u0000b\"}"),
        MESSAGE("stream", "{\"name\":\"stderr\",\"text\":\"e\"}"),
        MESSAGE("display_data", "{\"data\":{\"text/html\":[\"<b>\",\"x\"],\"application/json\":{\"k\":[1]}}}"),
        MESSAGE("execute_result", "{\"data\":{\"text/plain\":\"'84'\",\"image/png\":\"aGk=\"},\"execution_count\":4}"),
        MESSAGE("comm_open", "{}"), MESSAGE("execute_reply", "{\"status\":\"ok\",\"execution_count\":4}"), IDLE, NULL);
    script_reply replies[4] = {{0}};
    setup s = kernel_setup(replies, &said);
    wrenn_execution *x = NULL;
    wrenn_error *error = NULL;
    int rc = run(&s, "print('\xc3\xa4')", NULL, &x, &error);
    CHECK_MSG(rc == 0, "%s", wrenn_error_message(error));
    CHECK_STR(x->text, "'84'"); /* quotes are the kernel's business */
    CHECK_MEM(x->stdout_data, x->stdout_size, "a\0b", 3);
    CHECK_MEM(x->stderr_data, x->stderr_size, "e", 1);
    CHECK_INT(x->result_count, 2);
    CHECK_INT(x->results[0]->is_main, 0);
    CHECK_STR(wrenn_code_result_get(x->results[0], "text/html")->data, "<b>x");
    CHECK_STR(wrenn_code_result_get(x->results[0], "application/json")->data, "{\"k\":[1]}");
    CHECK_INT(x->results[1]->is_main, 1);
    CHECK_INT(x->results[1]->count, 2);
    CHECK(wrenn_code_result_get(x->results[1], "text/html") == NULL);
    CHECK_INT(x->execution_count, 4);
    CHECK_INT(x->timed_out, 0);
    CHECK(x->error == NULL);
    check_request(&s, 0, "GET /api/kernelspecs HTTP/1.1\r\nHost: 8888-cl-0123456789abcdefghijklmno.localhost\r\n", "");
    check_request(&s, 1, "GET /api/kernels HTTP/1.1\r\n", "");
    check_request(&s, 2, "GET /api/kernels/k-1/channels?session_id=", "");
    for (size_t i = 0; i < 3; i++) CHECK(!strcasestr(script_request(s.server, i), "x-api-key"));
    CHECK_CONTAINS(script_request(s.server, 3), "\"content\":{\"code\":\"print('\xc3\xa4')\",\"silent\":false,"
                                                "\"store_history\":true,\"user_expressions\":{},\"allow_stdin\":false,"
                                                "\"stop_on_error\":true},\"buffers\":[],\"channel\":\"shell\"}");
    wrenn_execution_free(x);
    kernel_tear_down(&s, replies);
}

TEST(an_error_in_the_code_is_a_result) {
    script_reply said = script_messages(
        SCRIPT_KEEP,
        MESSAGE("error", "{\"ename\":\"ZeroDivisionError\",\"evalue\":\"by zero\",\"traceback\":[\"one\",\"two\"]}"),
        IDLE, NULL);
    script_reply replies[4] = {{0}};
    setup s = kernel_setup(replies, &said);
    wrenn_execution *x = NULL;
    CHECK_INT(run(&s, "1/0", NULL, &x, NULL), 0);
    CHECK_STR(x->error->name, "ZeroDivisionError");
    CHECK_STR(x->error->value, "by zero");
    CHECK_STR(x->error->traceback, "one\ntwo");
    CHECK(x->text == NULL);
    wrenn_execution_free(x);
    kernel_tear_down(&s, replies);
}

typedef struct heard {
    char text[256];
    int nested;
    setup *s;
} heard;

static void add(heard *h, const char *text, size_t size) {
    size_t used = strlen(h->text);
    snprintf(h->text + used, sizeof(h->text) - used, "%.*s", (int)size, text);
}

static void hear(const char *data, size_t size, void *user) {
    heard *h = user;
    add(h, data, size);
    h->nested = wrenn_sandbox_ping(h->s->sandbox, NULL);
}
static void hear_result(const wrenn_code_result *result, void *user) {
    const wrenn_code_mime *text = wrenn_code_result_get(result, "text/plain");
    add(user, text->data, text->size);
}
static void hear_error(const wrenn_code_error *error, void *user) { add(user, error->name, strlen(error->name)); }

TEST(callbacks_as_it_arrives) {
    script_reply said =
        script_messages(SCRIPT_KEEP, MESSAGE("stream", "{\"name\":\"stdout\",\"text\":\"1,\"}"),
                        MESSAGE("stream", "{\"name\":\"stderr\",\"text\":\"2,\"}"),
                        MESSAGE("display_data", "{\"data\":{\"text/plain\":\"3,\"}}"),
                        MESSAGE("error", "{\"ename\":\"4\",\"evalue\":\"\",\"traceback\":[]}"), IDLE, NULL);
    script_reply replies[4] = {{0}};
    setup s = kernel_setup(replies, &said);
    heard h = {.s = &s};
    wrenn_code_callbacks callbacks = {hear, hear, hear_result, hear_error, &h};
    wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
    options.code = "x";
    options.callbacks = &callbacks;
    wrenn_execution *x = NULL;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), 0);
    CHECK_STR(h.text, "1,2,3,4");
    CHECK_INT(h.nested, WRENN_E_REENTRANT);
    wrenn_execution_free(x);
    kernel_tear_down(&s, replies);
}

/* The kernel is interrupted, and what it said until then and because of it is kept. */
TEST(a_timeout_says_so) {
    script_reply said =
        script_messages(SCRIPT_KEEP, MESSAGE("stream", "{\"name\":\"stdout\",\"text\":\"so far\"}"), NULL);
    script_reply replies[5] = {{.text = script_text("200 OK", "", SPECS)},
                               {.text = script_text("200 OK", "", KERNELS)},
                               UPGRADE,
                               said,
                               {.text = script_text("204 No", "", "")}};
    setup s = set_up(replies, 5);
    wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
    options.code = "sleep";
    options.exec_timeout_ms = 100;
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_run_code_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
    while (script_count(s.server) < 5) CHECK(wrenn_client_dispatch(s.client, 50, NULL) >= 0);
    check_request(&s, 4, "POST /api/kernels/k-1/interrupt HTTP/1.1\r\n", "{}");
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s.client, 50, NULL) >= 0);
    wrenn_execution *x = NULL;
    CHECK_INT(wrenn_sandbox_run_code_finish(op, &x, NULL), 0);
    CHECK_INT(x->timed_out, 1);
    CHECK_STR(x->stdout_data, "so far");
    wrenn_execution_free(x);
    wrenn_op_free(op);
    tear_down(&s);
    for (size_t i = 0; i < 5; i++)
        if (!replies[i].upgrade) free((char *)(uintptr_t)replies[i].text);
}

TEST(a_lost_connection_and_a_dead_kernel_are_errors) {
    static const struct {
        script_end end;
        const char *message;
        int rc;
    } cases[] = {
        {SCRIPT_CLOSE, MESSAGE("stream", "{\"name\":\"stdout\",\"text\":\"x\"}"), WRENN_E_CONNECTION_LOST},
        {SCRIPT_KEEP, "{\"parent_header\":{},\"msg_type\":\"status\",\"content\":{\"execution_state\":\"restarting\"}}",
         WRENN_E_AGENT},
        {SCRIPT_KEEP, "not json", WRENN_E_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script_reply said = script_messages(cases[i].end, cases[i].message, NULL), replies[4] = {{0}};
        setup s = kernel_setup(replies, &said);
        wrenn_execution *x = NULL;
        int rc = run(&s, "x", NULL, &x, NULL);
        CHECK_MSG(rc == cases[i].rc, "case %zu: %d", i, rc);
        CHECK(x == NULL);
        kernel_tear_down(&s, replies);
    }
}

TEST(a_kernel_is_made_when_none_of_that_name_is_there) {
    script_reply said = script_messages(SCRIPT_KEEP, IDLE, NULL);
    script_reply replies[] = {{.text = script_text("502 Not Yet", "", "starting")},
                              {.text = script_text("200 OK", "", KERNELS)},
                              {.text = script_text("201 Created", "", "{\"id\":\"new/1\",\"name\":\"bash\"}")},
                              UPGRADE,
                              said,
                              UPGRADE,
                              said};
    setup s = set_up(replies, 7);
    wrenn_execution *x = NULL;
    CHECK_INT(run(&s, "ls", "bash", &x, NULL), 0);
    wrenn_execution_free(x);
    CHECK_INT(run(&s, "ls", "bash", &x, NULL), 0); /* known by now */
    wrenn_execution_free(x);
    check_request(&s, 0, "GET /api/kernels HTTP/1.1\r\n", "");
    check_request(&s, 2, "POST /api/kernels HTTP/1.1\r\n", "{\"name\":\"bash\"}");
    check_request(&s, 3, "GET /api/kernels/new%2F1/channels?session_id=", "");
    check_request(&s, 5, "GET /api/kernels/new%2F1/channels?session_id=", "");
    tear_down(&s);
    for (size_t i = 0; i < 3; i++) free((char *)(uintptr_t)replies[i].text);
    free((char *)(uintptr_t)said.text);
}

TEST(an_unknown_kernel_is_reported) {
    setup s = SET_UP({"200 OK", "[]"}, {"404 No", "{\"message\":\"no such kernel\"}"});
    wrenn_execution *x = NULL;
    CHECK_INT(run(&s, "x", "nosuch", &x, NULL), WRENN_E_NOT_FOUND);
    tear_down(&s);
}

TEST(contexts_are_made_interrupted_restarted_and_deleted) {
    setup s = SET_UP({"200 OK", SPECS}, {"201 Created", "{\"id\":\"k-9\"}"}, {"204 No", ""}, {"200 OK", "{}"},
                     {"204 No", ""});
    wrenn_code_context *context = NULL;
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, NULL, &context, NULL), 0);
    CHECK_STR(wrenn_code_context_id(context), "k-9");
    CHECK_STR(wrenn_code_context_kernel(context), "python3");
    CHECK_INT(wrenn_code_context_interrupt(context, NULL), 0);
    CHECK_INT(wrenn_code_context_restart(context, NULL), 0);
    CHECK_INT(wrenn_code_context_delete(context, NULL), 0);
    CHECK_INT(wrenn_code_context_delete(context, NULL), 0); /* nothing left to delete */
    CHECK_INT(script_count(s.server), 5);
    check_request(&s, 1, "POST /api/kernels HTTP/1.1\r\n", "{\"name\":\"python3\"}");
    check_request(&s, 2, "POST /api/kernels/k-9/interrupt HTTP/1.1\r\n", "");
    check_request(&s, 3, "POST /api/kernels/k-9/restart HTTP/1.1\r\n", "");
    check_request(&s, 4, "DELETE /api/kernels/k-9 HTTP/1.1\r\n", "");
    wrenn_code_context_free(context);
    tear_down(&s);
}

/* ---- the doors ---- */

typedef enum door { BLOCKING, CALLBACK, OWN_LOOP } door;

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

typedef int (*start_fn)(wrenn_code_context *, wrenn_done_fn, void *, wrenn_op **, wrenn_error **);
typedef int (*finish_fn)(wrenn_op *, wrenn_error **);

static void act(setup *s, door through, wrenn_code_context *context, start_fn start, finish_fn finish) {
    wrenn_op *op = NULL;
    bool done = false;
    CHECK_INT(start(context, set_flag, &done, &op, NULL), 0);
    wait_for(s, through, &done);
    CHECK_INT(finish(op, NULL), 0);
    wrenn_op_free(op);
}

static void code_through(door through) {
    script_reply said = script_messages(
        SCRIPT_KEEP, MESSAGE("execute_result", "{\"data\":{\"text/plain\":\"84\"},\"execution_count\":1}"), IDLE, NULL);
    script_reply replies[] = {{.text = script_text("200 OK", "", SPECS)},
                              {.text = script_text("201 Created", "", "{\"id\":\"k-9\"}")},
                              UPGRADE,
                              said,
                              {.text = script_text("204 No", "", "")},
                              {.text = script_text("200 OK", "", "{}")},
                              {.text = script_text("204 No", "", "")}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_code_context *context = NULL;
    wrenn_execution *x = NULL;
    wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
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
        CHECK_INT(wrenn_code_context_interrupt(context, NULL), 0);
        CHECK_INT(wrenn_code_context_restart(context, NULL), 0);
        CHECK_INT(wrenn_code_context_delete(context, NULL), 0);
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
    CHECK_INT(script_count(s.server), 7);
    wrenn_execution_free(x);
    wrenn_code_context_free(context);
    tear_down(&s);
    for (size_t i = 0; i < COUNT(replies); i++)
        if (!replies[i].upgrade) free((char *)(uintptr_t)replies[i].text);
}

TEST(code_and_contexts_through_each_door) {
    for (door through = BLOCKING; through <= OWN_LOOP; through++) code_through(through);
}

TEST(a_kernel_that_was_found_is_left_alone) {
    setup s = SET_UP({"200 OK", KERNELS});
    wrenn_context_options options = WRENN_CONTEXT_OPTIONS_INIT;
    options.kernel = "other";
    options.flags = WRENN_CONTEXT_REUSE;
    wrenn_code_context *context = NULL;
    CHECK_INT(wrenn_sandbox_code_context(s.sandbox, &options, &context, NULL), 0);
    CHECK_STR(wrenn_code_context_id(context), "k-0");
    CHECK_INT(wrenn_code_context_delete(context, NULL), 0);
    CHECK_INT(script_count(s.server), 1);
    wrenn_code_context_free(context);
    tear_down(&s);
}

TEST(wrong_arguments_are_refused_here) {
    setup s = SET_UP({"200 OK", "[]"});
    wrenn_execution *x = NULL;
    wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    options.code = "\xff";
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    options.code = "x";
    options.exec_timeout_ms = -1;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_run_code(NULL, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST_MAIN
