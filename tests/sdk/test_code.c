/* run_code against scripted kernels: what they show, and how a run ends. */
#include "kernels.h"

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
    wrenn_execution *x = NULL;
    wrenn_error *error = NULL;
    int rc = run(&s, "print('\xc3\xa4')", NULL, &x, &error);
    CHECK_MSG(rc == 0, "%s", wrenn_error_message(error));
    CHECK_STR(x->text, "'84'"); /* quotes are the kernel's business */
    CHECK_MEM(x->stdout_data, x->stdout_size, "a\0b", 3);
    CHECK_MEM(x->stderr_data, x->stderr_size, "e", 1);
    CHECK_INT(x->result_count, 2);
    CHECK_INT(x->results[0]->is_main, 0);
    CHECK_INT(x->results[0]->count, 3);
    CHECK_STR(wrenn_code_result_get(x->results[0], "text/html")->data, "<b>x");
    CHECK_STR(wrenn_code_result_get(x->results[0], "application/json")->data, "{\"k\":[1]}");
    CHECK_INT(wrenn_code_result_get(x->results[0], "text/plain")->size, 0);
    CHECK_INT(x->results[1]->is_main, 1);
    CHECK_INT(x->results[1]->count, 2);
    CHECK(wrenn_code_result_get(x->results[1], "text/html") == NULL);
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
    wrenn_execution_free(x);
    end_play(&s, &p);
}

TEST(an_error_in_the_code_is_a_result) {
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, BUSY, ERROR("ZeroDivisionError"),
        MESSAGE("execute_reply", "{\"status\":\"error\",\"ename\":\"Other\"}"), IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    wrenn_execution *x = NULL;
    CHECK_INT(run(&s, "1/0", NULL, &x, NULL), 0);
    CHECK_STR(x->error->name, "ZeroDivisionError");
    CHECK_STR(x->error->value, "by zero");
    CHECK_STR(x->error->traceback, "one\ntwo");
    CHECK(x->text == NULL);
    wrenn_execution_free(x);
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
    h->nested = wrenn_sandbox_ping(h->s->sandbox, NULL);
}
static void hear_result(const wrenn_code_result *result, void *user) {
    const wrenn_code_mime *plain = wrenn_code_result_get(result, "text/plain");
    add(user, plain->data, plain->size);
}
static void hear_error(const wrenn_code_error *error, void *user) { add(user, error->name, strlen(error->name)); }

static int run_heard(setup *s, heard *h, wrenn_execution **x) {
    wrenn_code_callbacks callbacks = {hear, hear, hear_result, hear_error, h};
    wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
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
    wrenn_execution *x = NULL;
    char *code = malloc(4000001);
    memset(code, '1', 4000000);
    code[4000000] = '\0';
    CHECK_INT(run(&s, code, NULL, &x, NULL), 0);
    wrenn_execution_free(x);
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
    wrenn_execution *x = NULL;
    CHECK_INT(run_heard(&s, &h, &x), 0);
    CHECK_STR(h.text, "1,2,3,4,5");
    CHECK_INT(h.nested, WRENN_E_REENTRANT);
    wrenn_execution_free(x);
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
        wrenn_execution *x = NULL;
        CHECK_INT(run_heard(&s, &h, &x), 0);
        CHECK(x->error != NULL);
        CHECK_STR(x->error->name, "UsageError");
        CHECK_STR(x->error->value, "no such magic");
        CHECK_STR(x->error->traceback, tracebacks[i][1]);
        CHECK_STR(x->stderr_data, "e,");
        CHECK_STR(h.text, "e,UsageError");
        wrenn_execution_free(x);
        end_play(&s, &p);
    }
}

static void displayed(const char *expected, const char *out, const script_reply *said) {
    play p = {0};
    find_kernel(&p);
    p.replies[p.count++] = *said;
    setup s = set_up(p.replies, p.count);
    wrenn_execution *x = NULL;
    char all[200] = "";
    CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
    for (size_t i = 0; i < x->result_count; i++) {
        const wrenn_code_mime *plain = wrenn_code_result_get(x->results[i], "text/plain");
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s;", x->results[i]->is_main ? "=" : "", plain->data);
    }
    CHECK_STR(all, expected);
    CHECK_STR(x->stdout_data, out);
    if (strchr(expected, '='))
        CHECK_STR(x->text, wrenn_code_result_get(x->results[x->result_count - 1], "text/plain")->data);
    else CHECK(x->text == NULL);
    wrenn_execution_free(x);
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

/* What a notebook shows in its pager (`len?`) or puts into a new cell (`%load`). */
TEST(pages_are_results) {
#define PAYLOAD(...) MESSAGE("execute_reply", "{\"status\":\"ok\",\"payload\":[" __VA_ARGS__ "]}")
#define PAGE "{\"source\":\"page\",\"data\":{\"text/plain\":\"help\",\"text/html\":\"<b>\"},\"start\":0}"
    DISPLAYED("help;", "o", PAYLOAD(PAGE));
    DISPLAYED("help;", "", PAYLOAD(PAGE), CLEAR("false")); /* the channels have no order */
    DISPLAYED("help;code;", "o",
              PAYLOAD(PAGE ",{\"source\":\"set_next_input\",\"text\":\"code\"},{\"source\":\"ask_exit\"},7"));
    play p = {0};
    find_kernel(&p);
    say(&p, SCRIPT_KEEP, PAYLOAD(PAGE), BUSY, STREAM("stdout", "1,"), IDLE, NULL);
    setup s = set_up(p.replies, p.count);
    heard h = {0};
    wrenn_execution *x = NULL;
    CHECK_INT(run_heard(&s, &h, &x), 0);
    CHECK_STR(h.text, "help1,");
    wrenn_execution_free(x);
    end_play(&s, &p);
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
        wrenn_execution *x = NULL;
        CHECK_INT(run(&s, "x", NULL, &x, NULL), 0);
        CHECK_STR(x->stdout_data, "o");
        CHECK_INT(x->timed_out, 0);
        CHECK_CONTAINS(script_request(s.server, FOUND + 1), "kernel_info_request");
        wrenn_execution_free(x);
        end_play(&s, &p);
    }
}

TEST(what_is_no_success) {
    static const struct {
        const char *first, *second, *third, *why;
        int rc;
    } cases[] = {
        {IDLE, NULL, NULL, "and was not run", WRENN_E_TIMEOUT}, /* of what? */
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
        wrenn_code_options options = WRENN_CODE_OPTIONS_INIT;
        wrenn_execution *x = NULL;
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
    wrenn_execution *x = NULL;
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
        wrenn_execution *x = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(run(&s, "x", NULL, &x, &error), WRENN_E_LIMIT);
        CHECK_CONTAINS(wrenn_error_message(error), "1000 bytes");
        CHECK_CONTAINS(wrenn_error_message(error), "max_response_bytes");
        wrenn_error_free(error);
        end_play(&s, &p);
    }
}

TEST_MAIN
