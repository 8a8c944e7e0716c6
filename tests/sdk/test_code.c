/* run_code against scripted kernels. What a kernel says must answer our request's id, so the script puts it in: "@ID@". */
#include <poll.h>
#include <stdarg.h>

#include "streams.h"

#define SPECS "{\"default\":\"python3\",\"kernelspecs\":{\"python3\":{},\"bash\":{},\"other\":{}}}"
#define SESSION(id, state) \
    "{\"id\":\"s-1\",\"kernel\":{\"id\":\"" id "\",\"name\":\"python3\",\"execution_state\":\"" state "\"}}"
#define MESSAGE(type, content) \
    "{\"parent_header\":{\"msg_id\":\"@ID@\"},\"msg_type\":\"" type "\",\"content\":" content "}"
#define STATE(state) MESSAGE("status", "{\"execution_state\":\"" state "\"}")
#define BUSY STATE("busy")
#define IDLE STATE("idle")
#define SERVER_SAYS(state) \
    "{\"parent_header\":{},\"msg_type\":\"status\",\"content\":{\"execution_state\":\"" state "\"}}"
#define REPLY MESSAGE("execute_reply", "{\"status\":\"ok\",\"execution_count\":1}")
#define INFO MESSAGE("kernel_info_reply", "{\"status\":\"ok\"}")
#define STREAM(name, text) MESSAGE("stream", "{\"name\":\"" name "\",\"text\":\"" text "\"}")
#define SHOW(type, text, id) \
    MESSAGE(type, "{\"data\":{\"text/plain\":\"" text "\"},\"transient\":{\"display_id\":\"" id "\"}}")
#define ERROR(name) MESSAGE("error", "{\"ename\":\"" name "\",\"evalue\":\"by zero\",\"traceback\":[\"one\",\"two\"]}")

/* What the server answers, one thing after the other. */
typedef struct play {
    script_reply replies[24];
    size_t count;
} play;

static void text(play *p, const char *status, const char *body) {
    p->replies[p->count++].text = script_text(status, "", body);
}

static void upgrade(play *p) { p->replies[p->count++] = (script_reply)UPGRADE; }

/* Messages that answer one of ours, NULL at the end. */
static void say(play *p, script_end end, ...) {
    script_reply *reply = &p->replies[p->count++];
    const char *message;
    va_list all;
    va_start(all, end);
    while ((message = va_arg(all, const char *))) script_add_frame(reply, 0x81, message, strlen(message));
    va_end(all);
    reply->end = end;
    if (reply->size) return;
    script_add_frame(reply, 0x81, "", 0);
    reply->cut = SCRIPT_NOTHING;
}

/* A kernel that is spoken to: it is free, and what it shows is heard. */
static void connect_kernel(play *p) {
    upgrade(p);
    say(p, SCRIPT_KEEP, BUSY, INFO, IDLE, NULL);
}

/* The default kernel is found, then spoken to. */
static void find_kernel(play *p) {
    text(p, "200 OK", SPECS);
    text(p, "201 Created", SESSION("k-1", "idle"));
    connect_kernel(p);
}
enum { FOUND = 4 }; /* requests until then */

static void end_play(setup *s, play *p) {
    tear_down(s);
    for (size_t i = 0; i < p->count; i++)
        if (!p->replies[i].upgrade) free((char *)(uintptr_t)p->replies[i].text);
}

static int run(setup *s, const char *code, const char *kernel, wrenn_code_execution **execution, wrenn_error **error) {
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    options.code = code;
    options.kernel = kernel;
    options.exec_timeout_ms = 20000;
    return wrenn_sandbox_run_code(s->sandbox, &options, execution, error);
}

static wrenn_op *start(setup *s, const char *code, const char *kernel) {
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_op *op = NULL;
    options.code = code;
    options.kernel = kernel;
    CHECK_INT(wrenn_sandbox_run_code_start(s->sandbox, &options, NULL, NULL, &op, NULL), 0);
    return op;
}

/* Runs the loop until the server has seen so many requests. */
static void until_count(setup *s, size_t count) {
    while (script_count(s->server) < count) CHECK(wrenn_client_dispatch(s->client, 20, NULL) >= 0);
}

static int finish(setup *s, wrenn_op *op, wrenn_code_execution **execution, wrenn_error **error) {
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s->client, 20, NULL) >= 0);
    int rc = wrenn_sandbox_run_code_finish(op, execution, error);
    wrenn_op_free(op);
    return rc;
}

/* How many requests with this in them the server has seen. */
static int asked(setup *s, const char *what) {
    int count = 0;
    for (size_t i = 0; i < script_count(s->server); i++) count += strstr(script_request(s->server, i), what) != NULL;
    return count;
}

/* ---- what a kernel shows ---- */

TEST(everything_a_kernel_shows) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, MESSAGE("execute_input", "{\"execution_count\":4}"),
        "{\"parent_header\":{\"msg_id\":\"another\"},\"msg_type\":\"stream\",\"content\":{\"name\":\"stdout\",\"text\":\"no\"}}",
        STREAM("stdout", "a\\u0000b"), STREAM("stderr", "e"),
        MESSAGE("display_data",
                "{\"data\":{\"text/html\":[\"<b>\",\"x\"],\"application/json\":{\"k\":[1]},\"text/plain\":\"\"}}"),
        MESSAGE("execute_result", "{\"data\":{\"text/plain\":\"'84'\",\"image/png\":\"aGk=\"},\"execution_count\":4}"),
        MESSAGE("comm_open", "{}"), MESSAGE("execute_reply", "{\"status\":\"ok\",\"execution_count\":4}"), IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    wrenn_error *error = NULL;
    int rc = run(&s, "print('\xc3\xa4')", NULL, &x, &error);
    CHECK_MSG(rc == 0, "%s", wrenn_error_message(error));
    CHECK_STR(x->text, "'84'"); /* quotes are the kernel's business */
    CHECK_MEM(x->stdout_data, x->stdout_size, "a\0b", 3);
    CHECK_MEM(x->stderr_data, x->stderr_size, "e", 1);
    CHECK_INT(x->result_count, 2);
    CHECK_INT(x->results[0]->is_main, 0);
    CHECK_INT(x->results[0]->count, 3);
    CHECK_STR(wrenn_code_result_mime(x->results[0], "text/html")->data, "<b>x");
    CHECK_STR(wrenn_code_result_mime(x->results[0], "application/json")->data, "{\"k\":[1]}");
    CHECK_INT(wrenn_code_result_mime(x->results[0], "text/plain")->size, 0);
    CHECK_INT(x->results[1]->is_main, 1);
    CHECK_INT(x->results[1]->count, 2);
    CHECK(wrenn_code_result_mime(x->results[1], "text/html") == NULL);
    CHECK_INT(x->execution_count, 4);
    CHECK_INT(x->timed_out, 0);
    CHECK_INT(x->still_running, 0);
    CHECK(x->error == NULL);
    check_request(&s, 0, "GET /api/kernelspecs HTTP/1.1\r\nHost: 8888-cl-0123456789abcdefghijklmno.localhost\r\n", "");
    check_request(
        &s, 1, "POST /api/sessions HTTP/1.1\r\n",
        "{\"path\":\"wrenn-default-python3\",\"name\":\"\",\"type\":\"console\",\"kernel\":{\"name\":\"python3\"}}");
    check_request(&s, 2, "GET /api/kernels/k-1/channels?session_id=", "");
    for (size_t i = 0; i < 3; i++) CHECK(!strcasestr(script_request(s.server, i), "x-api-key"));
    CHECK_CONTAINS(script_request(s.server, 3), "\"msg_type\":\"kernel_info_request\"");
    CHECK_CONTAINS(script_request(s.server, 4), "\"content\":{\"code\":\"print('\xc3\xa4')\",\"silent\":false,"
                                                "\"store_history\":true,\"user_expressions\":{},\"allow_stdin\":false,"
                                                "\"stop_on_error\":false},\"buffers\":[],\"channel\":\"shell\"}");
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

TEST(an_error_in_the_code_is_a_result) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, ERROR("ZeroDivisionError"),
        MESSAGE("execute_reply", "{\"status\":\"error\",\"ename\":\"Other\"}"), IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    CHECK_INT(run(&s, "1/0", NULL, &x, NULL), 0);
    CHECK_STR(x->error->name, "ZeroDivisionError");
    CHECK_STR(x->error->value, "by zero");
    CHECK_STR(x->error->traceback, "one\ntwo");
    CHECK(x->text == NULL);
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

typedef struct heard {
    char text[256];
    int nested;
    setup *s;
} heard;

static void add(heard *h, const char *data, size_t size) {
    size_t used = strlen(h->text);
    snprintf(h->text + used, sizeof(h->text) - used, "%.*s", (int)size, data);
}

static void hear(const char *data, size_t size, void *user) {
    heard *h = user;
    add(h, data, size);
    h->nested = wrenn_sandbox_ping(h->s->sandbox, NULL, NULL);
}
static void hear_result(const wrenn_code_result *result, void *user) {
    const wrenn_code_mime *plain = wrenn_code_result_mime(result, "text/plain");
    add(user, plain->data, plain->size);
}
static void hear_error(const wrenn_code_error *error, void *user) { add(user, error->name, strlen(error->name)); }

static int run_heard(setup *s, heard *h, wrenn_code_execution **x) {
    wrenn_code_callbacks callbacks = {hear, hear, hear_result, hear_error, h};
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    h->s = s;
    options.code = "x";
    options.callbacks = &callbacks;
    return wrenn_sandbox_run_code(s->sandbox, &options, x, NULL);
}

/* More than is sent at once. */
TEST(long_code) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    char *code = malloc(4000001);
    memset(code, '1', 4000000);
    code[4000000] = '\0';
    CHECK_INT(run(&s, code, NULL, &x, NULL), 0);
    wrenn_code_execution_free(x);
    free(code);
    end_play(&s, &p);
}

TEST(callbacks_as_it_arrives) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, STREAM("stdout", "1,"), STREAM("stderr", "2,"), SHOW("display_data", "3,", "a"),
        SHOW("update_display_data", "4,", "a"), ERROR("5"), REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    heard h = {0};
    wrenn_code_execution *x = NULL;
    CHECK_INT(run_heard(&s, &h, &x), 0);
    CHECK_STR(h.text, "1,2,3,4,5");
    CHECK_INT(h.nested, WRENN_E_REENTRANT);
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

/* In IPython: a magic that does not exist. It repeats the traceback of an earlier error then. */
TEST(an_error_that_only_the_reply_tells) {
    static const char *const tracebacks[][2] = {{"\"ZeroDivisionError: x\"", ""},
                                                {"\"a\",\"UsageError: x\"", "a\nUsageError: x"}};
    for (size_t i = 0; i < COUNT(tracebacks); i++) {
        play p = {0};
        char reply[400];
        snprintf(reply, sizeof(reply),
                 MESSAGE("execute_reply", "{\"status\":\"error\",\"execution_count\":2,\"ename\":\"UsageError\","
                                          "\"evalue\":\"no such magic\",\"traceback\":[%s]}"),
                 tracebacks[i][0]);
        find_kernel(&p);
        say(&p, SCRIPT_KEEP, reply, BUSY, STREAM("stderr", "e,"), IDLE, NULL); /* the channels have no order */
        setup s = set_up(p.replies, p.count);
        heard h = {0};
        wrenn_code_execution *x = NULL;
        CHECK_INT(run_heard(&s, &h, &x), 0);
        CHECK(x->error != NULL);
        CHECK_STR(x->error->name, "UsageError");
        CHECK_STR(x->error->value, "no such magic");
        CHECK_STR(x->error->traceback, tracebacks[i][1]);
        CHECK_STR(x->stderr_data, "e,");
        CHECK_STR(h.text, "e,UsageError");
        wrenn_code_execution_free(x);
        end_play(&s, &p);
    }
}

static void displayed(const char *expected, const char *out, const script_reply *said) {
    play p = {0};
    find_kernel(&p);
    p.replies[p.count++] = *said;
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    char all[200] = "";
    CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
    for (size_t i = 0; i < x->result_count; i++) {
        const wrenn_code_mime *plain = wrenn_code_result_mime(x->results[i], "text/plain");
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s;", x->results[i]->is_main ? "=" : "", plain->data);
    }
    CHECK_STR(all, expected);
    CHECK_STR(x->stdout_data, out);
    if (strchr(expected, '='))
        CHECK_STR(x->text, wrenn_code_result_mime(x->results[x->result_count - 1], "text/plain")->data);
    else CHECK(x->text == NULL);
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

#define CLEAR(wait) MESSAGE("clear_output", "{\"wait\":" wait "}")
#define DISPLAYED(expected, out, ...)                                                                  \
    do {                                                                                               \
        script_reply said_ =                                                                           \
            script_messages(SCRIPT_KEEP, BUSY, STREAM("stdout", "o"), __VA_ARGS__, REPLY, IDLE, NULL); \
        displayed(expected, out, &said_);                                                              \
    } while (0)

TEST(updates_replace_what_was_displayed) {
    DISPLAYED("0;b;", "o", SHOW("display_data", "0", "i"), SHOW("display_data", "b", "j"));
    DISPLAYED("9;b;", "o", SHOW("display_data", "0", "i"), SHOW("display_data", "b", "j"),
              SHOW("update_display_data", "5", "i"), SHOW("update_display_data", "9", "i"));
    DISPLAYED("9;b;9;", "o", SHOW("display_data", "0", "i"), SHOW("display_data", "b", "j"),
              SHOW("display_data", "1", "i"), SHOW("update_display_data", "9", "i"));
    DISPLAYED("b;=9;", "o", SHOW("display_data", "b", "j"), SHOW("execute_result", "0", "i"),
              SHOW("update_display_data", "9", "i"));
    /* Displayed by an earlier call. */
    DISPLAYED("9;", "o", SHOW("update_display_data", "5", "i"), SHOW("update_display_data", "9", "i"));
    /* Of nothing. */
    DISPLAYED("0;9;", "o", SHOW("display_data", "0", "i"),
              MESSAGE("update_display_data", "{\"data\":{\"text/plain\":\"9\"}}"));
}

TEST(output_is_cleared_as_a_notebook_does) {
    DISPLAYED("", "", SHOW("display_data", "0", "i"), CLEAR("false"));
    DISPLAYED("1;", "p", SHOW("display_data", "0", "i"), CLEAR("false"), STREAM("stdout", "p"),
              SHOW("display_data", "1", "j"));
    DISPLAYED("0;", "o", SHOW("display_data", "0", "i"), CLEAR("true")); /* nothing comes in its place */
    DISPLAYED("", "p", SHOW("display_data", "0", "i"), CLEAR("true"), STREAM("stdout", "p"));
    DISPLAYED("=1;", "", SHOW("display_data", "0", "i"), CLEAR("true"), SHOW("execute_result", "1", "j"));
    DISPLAYED("1;", "", SHOW("execute_result", "0", "i"), CLEAR("false"), SHOW("display_data", "1", "j"));
    DISPLAYED("", "", SHOW("display_data", "0", "i"), CLEAR("true"), ERROR("E"));
    /* What is cleared can't be updated. */
    DISPLAYED("", "", SHOW("display_data", "0", "i"), CLEAR("false"), SHOW("update_display_data", "1", "i"));
    DISPLAYED("1;", "", SHOW("display_data", "0", "i"), CLEAR("false"), SHOW("display_data", "0", "i"),
              SHOW("update_display_data", "1", "i"));
    DISPLAYED("1;", "o", SHOW("display_data", "0", "i"), CLEAR("true"), SHOW("update_display_data", "1", "i"));
}

/* ---- the end of a run ---- */

/* The kernel is asked for a sign that nothing more can come. Until then the rest may be late. */
TEST(one_of_the_two_that_tell_the_end_may_be_lost) {
    static const char *const said[][3] = {{REPLY, BUSY, STREAM("stdout", "o")}, {BUSY, STREAM("stdout", "o"), IDLE}};
    for (size_t i = 0; i < COUNT(said); i++) {
        play p = {0};
        find_kernel(&p);
        say(&p, SCRIPT_KEEP, said[i][0], said[i][1], said[i][2], NULL);
        say(&p, SCRIPT_KEEP, BUSY, INFO, NULL);
        setup s = set_up(p.replies, p.count);
        wrenn_code_execution *x = NULL;
        CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
        CHECK_STR(x->stdout_data, "o");
        CHECK_INT(x->timed_out, 0);
        CHECK_CONTAINS(script_request(s.server, FOUND + 1), "kernel_info_request");
        wrenn_code_execution_free(x);
        end_play(&s, &p);
    }
}

TEST(what_is_no_success) {
    static const struct {
        const char *first, *second, *third, *why;
        int rc;
    } cases[] = {
        {IDLE, NULL, NULL, "try again", WRENN_E_TIMEOUT}, /* of what? */
        {REPLY, IDLE, NULL, "lost", WRENN_E_CONNECTION_LOST},
        {REPLY, NULL, NULL, "lost", WRENN_E_CONNECTION_LOST},
        {BUSY, MESSAGE("execute_reply", "{\"status\":\"aborted\"}"), IDLE, "run it again", WRENN_E_AGENT},
        {BUSY, IDLE, MESSAGE("execute_reply", "{\"status\":\"aborted\"}"), "run it again", WRENN_E_AGENT},
        {BUSY, SERVER_SAYS("restarting"), NULL, "died", WRENN_E_AGENT},
        {BUSY, SERVER_SAYS("dead"), NULL, "died", WRENN_E_AGENT},
        {BUSY, SERVER_SAYS("starting"), NULL, "died", WRENN_E_AGENT},
        {BUSY, "{\"parent_header\":{\"msg_id\":\"x\"},\"msg_type\":\"shutdown_reply\",\"content\":{}}", NULL, "died",
         WRENN_E_AGENT},
        {BUSY, "not json", NULL, "not JSON", WRENN_E_PROTOCOL},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        play p = {0};
        find_kernel(&p);
        say(&p, SCRIPT_KEEP, cases[i].first, cases[i].second, cases[i].third, NULL);
        say(&p, SCRIPT_KEEP, MESSAGE("abort_reply", "{}"), BUSY, INFO, IDLE, NULL);
        setup s = set_up(p.replies, p.count);
        wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
        wrenn_code_execution *x = NULL;
        wrenn_error *error = NULL;
        options.code = "x";
        options.exec_timeout_ms = cases[i].rc == WRENN_E_TIMEOUT ? 100 : 20000;
        int rc = wrenn_sandbox_run_code(s.sandbox, &options, &x, &error);
        CHECK_MSG(rc == cases[i].rc, "case %zu: %d, %s", i, rc, wrenn_error_message(error));
        CHECK_CONTAINS(wrenn_error_message(error), cases[i].why);
        CHECK(x == NULL);
        wrenn_error_free(error);
        end_play(&s, &p);
    }
}

TEST(a_lost_connection) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_CLOSE, BUSY, STREAM("stdout", "x"), NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    CHECK_INT(run(&s, "x", NULL, &x, NULL), WRENN_E_CONNECTION_LOST);
    end_play(&s, &p);
}

static void small(wrenn_client_options *options) { options->max_response_bytes = 1000; }

/* Also one message that is larger than all may be; the script does not put ids into such. */
TEST(too_much_output_names_the_limit) {
    static const size_t sizes[] = {1200, 100000};
    static char text_of[100001], large[sizeof(text_of) + 200];
    for (size_t i = 0; i < COUNT(sizes); i++) {
        play p = {0};
        memset(text_of, 'x', sizes[i]);
        snprintf(large, sizeof(large), STREAM("stdout", "%.*s"), (int)sizes[i], text_of);
        if (i) *strstr(large, "@ID@") = '#';
        find_kernel(&p);
        say(&p, SCRIPT_KEEP, large, NULL);
        setup s = set_up_with(p.replies, p.count, small);
        wrenn_code_execution *x = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(run(&s, "x", NULL, &x, &error), WRENN_E_LIMIT);
        CHECK_CONTAINS(wrenn_error_message(error), "1000 bytes");
        CHECK_CONTAINS(wrenn_error_message(error), "max_response_bytes");
        wrenn_error_free(error);
        end_play(&s, &p);
    }
}

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
    options.start_timeout_ms = 1500; /* for the first two answers too, under valgrind */
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, &error), WRENN_E_TIMEOUT);
    CHECK_CONTAINS(wrenn_error_message(error), "the code was not run");
    CHECK_CONTAINS(wrenn_error_message(error), "wrenn_code_context_interrupt()");
    wrenn_error_free(error);
    CHECK_INT(asked(&s, "execute_request") + asked(&s, "/interrupt"), 0);
    end_play(&s, &p);
}

/* The code was not sent, so that it may be asked again. */
TEST(a_connection_that_is_lost_too_early_is_made_again) {
    play p = {0};
    text(&p, "200 OK", SPECS);
    text(&p, "201 Created", SESSION("k-1", "idle"));
    upgrade(&p);
    say(&p, SCRIPT_CLOSE, BUSY, NULL);
    connect_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, REPLY, IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_code_execution *x = NULL;
    CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
    wrenn_code_execution_free(x);
    end_play(&s, &p);
}

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
    options.exec_timeout_ms = 100;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), 0);
    check_request(&s, FOUND + 1, "POST /api/kernels/k-1/interrupt HTTP/1.1\r\n", "{}");
    CHECK_INT(x->timed_out, 1);
    CHECK_INT(x->still_running, 1); /* it did not obey */
    CHECK_STR(x->stdout_data, "so far");
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
        options.exec_timeout_ms = 50;
        CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, &error), WRENN_E_TIMEOUT);
        CHECK_CONTAINS(wrenn_error_message(error), answers[i][0] ? "not run in time" : "may still run");
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
        wrenn_code_callbacks callbacks = {.on_stdout = note_output, .user_data = &runs};
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
        wrenn_code_callbacks callbacks = {.on_stdout = cancel_it, .on_error = cancel_for_error, .user_data = &op};
        wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
        options.code = "x";
        options.callbacks = &callbacks;
        CHECK_INT(wrenn_sandbox_run_code_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
        while (op) CHECK(wrenn_client_dispatch(s.client, 20, NULL) >= 0);
        end_play(&s, &p);
    }
}

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

static void act(setup *s, door through, wrenn_code_context *context, start_fn begin, finish_fn end) {
    wrenn_op *op = NULL;
    bool done = false;
    CHECK_INT(begin(context, set_flag, &done, &op, NULL), 0);
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
    options.exec_timeout_ms = -1;
    CHECK_INT(wrenn_sandbox_run_code(s.sandbox, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_run_code(NULL, &options, &x, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST_MAIN
