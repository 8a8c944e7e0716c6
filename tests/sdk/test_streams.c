/* exec_stream and attach against scripted servers: what arrives, what ends them, and what never happens. */
#include "streams.h"

#include <poll.h>

/* Runs one command against `replies`; the caller looks at what was told. */
static told run_stream(script_reply *replies, size_t count) {
    setup s = set_up(replies, count);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &options);
    told t = read_all(stream);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, count);
    return t;
}

TEST(events_come_in_order_with_the_exit_last) {
    script_reply replies[] = {UPGRADE,
                              script_messages(SCRIPT_CLOSE, START, OUT("hi\\n\\u003c\\u00e4"),
                                              "{\"type\":\"stderr\",\"data\":\"oops\"}", "{\"type\":\"stdout\"}",
                                              "{\"type\":\"novelty\",\"x\":{}}", EXIT(3), NULL)};
    setup s = set_up(replies, 2);
    const char *argv[] = {"echo", "hi", NULL};
    wrenn_command options = WRENN_COMMAND_INIT;
    options.argv = argv;
    options.user = "app";
    wrenn_stream *stream = open_stream(&s, &options);
    CHECK_INT(wrenn_stream_pid(stream), 7);
    CHECK(wrenn_stream_tag(stream) == NULL);
    CHECK_INT(wrenn_stream_is_exact(stream), 0);
    told t = read_all(stream);
    CHECK_STR(t.text, "start 7|out hi\n<\xc3\xa4|err oops|exit 3|");
    CHECK_INT(t.rc, 0); /* though the connection ended without a close frame */
    check_request(&s, 0, "GET /v1/sandboxes/cl-0123456789abcdefghijklmno/exec/stream HTTP/1.1\r\n", "");
    const char *head = script_request(s.server, 0);
    CHECK_CONTAINS(head, "\r\nX-API-Key: wrn_00000000000000000000000000000001\r\n");
    CHECK_CONTAINS(head, "\r\nSec-WebSocket-Protocol: wrenn.bytes.v1\r\n");
    CHECK(!strstr(head, "Authorization"));
    CHECK_STR(script_request(s.server, 1),
              "text:{\"type\":\"start\",\"cmd\":\"echo\",\"args\":[\"hi\"],\"user\":\"app\"}");
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

TEST(tiny_fragments_pings_and_bytes) {
    script_reply answer = script_messages(SCRIPT_CLOSE, START, NULL);
    script_add_frame(&answer, 0x89, "ping", 4);
    script_add_frame(&answer, 0x02, "\001a", 2); /* in three fragments, with a ping between */
    script_add_frame(&answer, 0x89, "", 0);
    script_add_frame(&answer, 0x00, "\xff", 1);
    script_add_frame(&answer, 0x80, "\0z", 2);
    script_add_frame(&answer, 0x82, "\002err", 4);
    script_add_frame(&answer, 0x82, "\011later kinds", 12);
    script_add_frame(&answer, 0x81, EXIT(0), strlen(EXIT(0)));
    answer.piece = 1;
    script_reply replies[] = {{.text = "Sec-WebSocket-Protocol: wrenn.bytes.v1\r\n", .upgrade = true, .piece = 1},
                              answer};
    setup s = set_up(replies, 2);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &options);
    CHECK(wrenn_stream_is_exact(stream));
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_MEM(event->data, event->size, "a\xff\0z", 4);
    told t = read_all(stream);
    CHECK_STR(t.text, "err err|exit 0|");
    wrenn_stream_free(stream);
    tear_down(&s);
    free(((char *)(uintptr_t)answer.text));
}

TEST(an_end_before_the_exit_is_a_lost_connection) {
    static const struct {
        script_end end;
        const char *close;
        size_t close_size;
        int rc;
    } cases[] = {
        {SCRIPT_CLOSE, NULL, 0, WRENN_E_CONNECTION_LOST},
        {SCRIPT_RESET, NULL, 0, WRENN_E_CONNECTION_LOST},
        {SCRIPT_KEEP, "\x03\xe8", 2, WRENN_E_CONNECTION_LOST}, /* 1000 */
        {SCRIPT_KEEP, "\x03\xe9", 2, WRENN_E_CONNECTION_LOST}, /* 1001 */
        {SCRIPT_KEEP, "\x03\xf3", 2, WRENN_E_CONNECTION_LOST}, /* 1011 */
        {SCRIPT_KEEP, "", 0, WRENN_E_CONNECTION_LOST},         /* without a code */
        {SCRIPT_KEEP, "\x03", 1, WRENN_E_PROTOCOL},            /* broken */
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script_reply replies[] = {UPGRADE, script_messages(cases[i].end, START, OUT("tail"), NULL)};
        if (cases[i].close) script_add_frame(&replies[1], 0x88, cases[i].close, cases[i].close_size);
        told t = run_stream(replies, 2);
        CHECK_STR(t.text, "start 7|out tail|");
        CHECK_MSG(t.rc == cases[i].rc, "case %zu: %d", i, t.rc);
    }
}

TEST(what_breaks_the_protocol_is_told_apart) {
    static const struct {
        unsigned char opcode;
        const char *data;
        size_t size;
        int rc;
    } cases[] = {
        {0x81, "no json", 7, WRENN_E_PROTOCOL},
        {0x81, "{\"type\":\"exit\"}", 15, WRENN_E_PROTOCOL},
        {0x83, "x", 1, WRENN_E_PROTOCOL},
        {0xc1, "x", 1, WRENN_E_PROTOCOL},
        {0x81, "\xff", 1, WRENN_E_PROTOCOL},
        {0x80, "x", 1, WRENN_E_PROTOCOL},
        {0x81, "{\"type\":\"error\"}", 16, WRENN_E_API},
        {0x81, "{\"type\":\"error\",\"data\":\"bad\"}", 29, WRENN_E_API},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script_reply replies[] = {UPGRADE, script_messages(SCRIPT_KEEP, START, NULL)};
        script_add_frame(&replies[1], cases[i].opcode, cases[i].data, cases[i].size);
        told t = run_stream(replies, 2);
        CHECK_MSG(t.rc == cases[i].rc, "case %zu: %d", i, t.rc);
        CHECK_STR(t.text, "start 7|");
    }
    /* A message of 17 MB is refused by its head alone. */
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, NULL)};
    script_add_frame(&replies[1], 0x82, NULL, 0);
    static const char large[] = "\x82\x7f\0\0\0\0\x01\x10\0\0x";
    char *text = malloc(replies[1].size + sizeof(large));
    memcpy(text, replies[1].text, replies[1].size - 2);
    memcpy(text + replies[1].size - 2, large, sizeof(large) - 1);
    free((char *)(uintptr_t)replies[1].text);
    replies[1].text = text;
    replies[1].size += sizeof(large) - 3;
    told t = run_stream(replies, 2);
    CHECK_INT(t.rc, WRENN_E_LIMIT);
}

static void check_refused(script_reply *replies, size_t count, int code, int status) {
    setup s = set_up(replies, count);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_sandbox_exec_stream(s.sandbox, &options, NULL, &stream, &error);
    CHECK_MSG(rc == code, "%d, not %d: %s", rc, code, wrenn_error_message(error));
    CHECK_INT(wrenn_error_http_status(error), status);
    CHECK(stream == NULL);
    wrenn_error_free(error);
    tear_down(&s);
}

TEST(refused_upgrades_are_typed) {
    static const struct {
        const char *status, *body;
        int code, number;
    } cases[] = {
        {"401 No", ERROR_BODY("unauthorized"), WRENN_E_AUTHENTICATION, 401},
        {"404 No", ERROR_BODY("not_found"), WRENN_E_NOT_FOUND, 404},
        {"409 No", ERROR_BODY("invalid_state"), WRENN_E_CONFLICT, 409},
        {"404 No", "404 page not found", WRENN_E_UNSUPPORTED, 404},
        {"502 No", "", WRENN_E_AGENT, 502},
        {"200 OK", "{}", WRENN_E_PROTOCOL, 0},
        {"500 No", "[1]", WRENN_E_INTERNAL, 500},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script_reply reply = {.text = script_text(cases[i].status, "X-Request-ID: r\r\n", cases[i].body)};
        check_refused(&reply, 1, cases[i].code, cases[i].number);
        free((char *)(uintptr_t)reply.text);
    }
    /* Bodies in other framings. */
    static const char *const framed[] = {
        "HTTP/1.1 409 No\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{\"erro\r\n26\r\nr\":{\"code\":\"conflict\","
        "\"message\":\"x\"}}\r\n0\r\n\r\n",
        "HTTP/1.1 409 No\r\n\r\n" ERROR_BODY("conflict"),
    };
    for (size_t i = 0; i < COUNT(framed); i++) {
        script_reply reply = {.text = framed[i], .end = SCRIPT_CLOSE};
        check_refused(&reply, 1, WRENN_E_CONFLICT, 409);
    }
}

TEST(upgrades_to_something_else_are_no_upgrades) {
    static const char *const heads[] = {
        "HTTP/1.1 101 Go\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
        "HTTP/1.1 101 Go\r\nConnection: Upgrade\r\n\r\n",
        "HTTP/1.1 101 Go\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
        "nonsense\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(heads); i++) {
        script_reply reply = {.text = heads[i], .end = SCRIPT_HOLD};
        check_refused(&reply, 1, WRENN_E_PROTOCOL, 0);
    }
    script_reply other = {.text = "Sec-WebSocket-Protocol: other\r\n", .upgrade = true};
    check_refused(&other, 1, WRENN_E_PROTOCOL, 0);
}

TEST(a_server_of_the_capsule_era_says_it_after_the_upgrade) {
    script_reply wrong_key[] = {
        UPGRADE, script_messages(SCRIPT_CLOSE, "{\"type\":\"error\",\"data\":\"authentication failed\"}", NULL)};
    check_refused(wrong_key, 2, WRENN_E_AUTHENTICATION, 0);
    free_replies(wrong_key, 2);
    script_reply missing[] = {
        UPGRADE, script_messages(SCRIPT_CLOSE, "{\"type\":\"error\",\"data\":\"sandbox not found\"}", NULL)};
    check_refused(missing, 2, WRENN_E_NOT_FOUND, 0);
    free_replies(missing, 2);
    script_reply silent[] = {UPGRADE, {.text = "x", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE}};
    check_refused(silent, 2, WRENN_E_CONNECTION_LOST, 0);
}

/* As `data`, as `message`, or as the error object of the API's answers. */
TEST(errors_in_band_are_read_wherever_servers_put_them) {
    static const struct {
        const char *message, *text;
        int code;
    } cases[] = {
        {"{\"type\":\"error\",\"message\":\"sandbox not found\"}", "sandbox not found", WRENN_E_NOT_FOUND},
        {"{\"type\":\"error\",\"error\":\"authentication failed\"}", "authentication failed", WRENN_E_AUTHENTICATION},
        {"{\"type\":\"error\",\"error\":{\"code\":\"sandbox_not_running\",\"message\":\"it sleeps\"}}", "it sleeps",
         WRENN_E_CONFLICT},
        {"{\"error\":{\"code\":\"not_found\",\"message\":\"nobody\",\"request_id\":\"req_1\"}}", "nobody",
         WRENN_E_NOT_FOUND},
        {"{\"type\":\"error\",\"data\":{\"code\":\"forbidden\",\"message\":\"not yours\"}}", "not yours",
         WRENN_E_FORBIDDEN},
        {"{\"type\":\"error\",\"data\":\"\",\"message\":\"second\",\"code\":\"agent_error\"}", "second", WRENN_E_AGENT},
        {"{\"type\":\"error\",\"code\":\"unauthorized\"}", "unauthorized", WRENN_E_AUTHENTICATION},
        {"{\"type\":\"error\",\"data\":7,\"error\":[],\"message\":null}", "it gave no reason", WRENN_E_API},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        script_reply replies[] = {UPGRADE, script_messages(SCRIPT_CLOSE, cases[i].message, NULL)};
        setup s = set_up(replies, 2);
        wrenn_command exec = shell_options("x");
        wrenn_stream *stream = NULL;
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_sandbox_exec_stream(s.sandbox, &exec, NULL, &stream, &error), cases[i].code);
        CHECK_CONTAINS(wrenn_error_message(error), cases[i].text);
        wrenn_error_free(error);
        tear_down(&s);
        free((char *)(uintptr_t)replies[1].text);
    }
}

/* What is missing may also be a program, whose name is the caller's. */
TEST(words_about_a_program_are_not_about_the_sandbox) {
    static const struct {
        const char *text;
        int code;
    } cases[] = {
        {"sandbox cl-1 not found", WRENN_E_NOT_FOUND},
        {"rpc error: code = NotFound desc = sandbox not found", WRENN_E_NOT_FOUND},
        {"not_found: process with tag x not found", WRENN_E_NOT_FOUND},
        {"get sandbox: not found", WRENN_E_NOT_FOUND},
        {"exec: Sandbox is not running (status: stopped)", WRENN_E_CONFLICT},
        {"start process: exec: 'zsh': executable file not found in $PATH", WRENN_E_API},
        {"exec: 'emptydir': executable file not found in $PATH", WRENN_E_API},
        {"sandbox-tool: 1: x: command not found", WRENN_E_API},
        {"fork/exec /home/process/x: the daemon is not running", WRENN_E_API},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char message[200];
        snprintf(message, sizeof(message), "{\"type\":\"error\",\"data\":\"%s\"}", cases[i].text);
        script_reply replies[] = {UPGRADE, script_messages(SCRIPT_CLOSE, message, NULL)};
        check_refused(replies, COUNT(replies), cases[i].code, 0);
        free((char *)(uintptr_t)replies[1].text);
    }
}

TEST(no_connection_is_told_from_a_lost_one) {
    wrenn_client_options options = sdk_options("unix:/nonexistent/socket");
    options.max_attempts = 1;
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_command exec = shell_options("x");
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_exec_stream(sandbox, &exec, NULL, &stream, NULL), WRENN_E_CONNECTION_FAILED);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
}

/* The whole exchange, cut after every byte that the server sends. */
TEST(cut_at_every_byte_no_exit_is_made_up) {
    script_reply whole = script_messages(SCRIPT_CLOSE, START, OUT("hello"), EXIT(0), NULL);
    for (size_t cut = 1; cut < whole.size; cut += test_slowly() ? 7 : 1) {
        script_reply replies[] = {UPGRADE, whole};
        replies[1].cut = cut;
        setup s = set_up(replies, 2);
        wrenn_command options = shell_options("x");
        wrenn_stream *stream = NULL;
        int rc = wrenn_sandbox_exec_stream(s.sandbox, &options, NULL, &stream, NULL);
        if (rc == 0) {
            told t = read_all(stream);
            CHECK_INT(t.exits, 0);
            rc = t.rc;
        }
        CHECK_MSG(rc == WRENN_E_CONNECTION_LOST, "cut at %zu: %d", cut, rc);
        wrenn_stream_free(stream);
        tear_down(&s);
    }
    free((char *)(uintptr_t)whole.text);
    /* The head of the upgrade. Opening is repeated, as nothing was asked for yet. */
    for (size_t cut = 1; cut < 120; cut += 7) {
        script_reply replies[] = {{.text = "", .upgrade = true, .cut = cut, .end = SCRIPT_CLOSE},
                                  UPGRADE,
                                  script_messages(SCRIPT_CLOSE, START, EXIT(0), NULL)};
        CHECK_INT(run_stream(replies, 3).rc, 0);
    }
}

static void short_idle(wrenn_client_options *options) { options->idle_timeout_ms = 150; }

TEST(a_silent_server_is_given_up) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, NULL)};
    setup s = set_up_with(replies, 2, short_idle);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &options);
    CHECK_INT(read_all(stream).rc, WRENN_E_CONNECTION_LOST);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

TEST(opening_has_a_deadline) {
    script_reply replies[] = {{.text = "", .upgrade = true, .end = SCRIPT_HOLD}};
    setup s = set_up(replies, 1);
    wrenn_command command = shell_options("x");
    wrenn_call_options options = {.struct_size = sizeof(options), .timeout_ms = 100};
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_exec_stream(s.sandbox, &command, &options, &stream, NULL), WRENN_E_TIMEOUT);
    tear_down(&s);
}

TEST(input_goes_as_bytes) {
    script_reply replies[] = {UPGRADE_BYTES,
                              script_messages(SCRIPT_KEEP, START, NULL),
                              {.text = "x", .cut = SCRIPT_NOTHING},
                              {.text = "x", .cut = SCRIPT_NOTHING},
                              script_messages(SCRIPT_CLOSE, EXIT(0), NULL)};
    setup s = set_up(replies, 5);
    wrenn_command options = shell_options("cat");
    options.want_stdin = 1;
    wrenn_stream *stream = open_stream(&s, &options);
    CHECK_INT(wrenn_stream_write(stream, "a\0\xff", 3, -1, NULL), 3);
    CHECK_INT(wrenn_stream_close_input(stream, NULL), 0);
    CHECK_INT(wrenn_stream_write(stream, "late", 4, 0, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_close_input(stream, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_kill(stream, NULL), 0);
    CHECK_STR(read_all(stream).text, "start 7|exit 0|");
    CHECK_CONTAINS(script_request(s.server, 1), "\"stdin\":true");
    CHECK_MEM(script_request(s.server, 2), 11, "binary:\0a\0\xff", 11);
    CHECK_STR(script_request(s.server, 3), "text:{\"type\":\"close_stdin\"}");
    CHECK_STR(script_request(s.server, 4), "text:{\"type\":\"stop\"}");
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 5);
}

TEST(input_that_the_server_cannot_take_is_refused) {
    script_reply replies[] = {UPGRADE};
    setup s = set_up(replies, 1);
    wrenn_command options = shell_options("cat");
    options.want_stdin = 1;
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_exec_stream(s.sandbox, &options, NULL, &stream, NULL), WRENN_E_UNSUPPORTED);
    tear_down(&s);
    script_reply plain[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, NULL)};
    s = set_up(plain, 2);
    options.want_stdin = 0;
    stream = open_stream(&s, &options);
    CHECK_INT(wrenn_stream_write(stream, "x", 1, 0, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_resize(stream, 80, 24, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_send_text(stream, "x", NULL), WRENN_E_INVALID_ARGUMENT);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(plain, 2);
}

TEST(after_stop_an_end_without_exit_is_fine) {
    script_reply replies[] = {UPGRADE,
                              script_messages(SCRIPT_KEEP, START, OUT("x"), NULL),
                              {.text = "x", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE}};
    setup s = set_up(replies, 3);
    wrenn_command options = shell_options("yes");
    wrenn_stream *stream = open_stream(&s, &options);
    CHECK_INT(wrenn_stream_kill(stream, NULL), 0);
    told t = read_all(stream);
    CHECK_STR(t.text, "start 7|out x|");
    CHECK_INT(t.rc, 0);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 3);
}

/* ---- a slow reader ---- */

TEST(a_reader_that_does_not_pull_stops_the_sender_and_loses_nothing) {
    enum { SIZE = 20000 };
    const int frames = test_slowly() ? 100 : 400; /* more than sockets and the client hold */
    static char data[1 + SIZE];
    script_reply replies[] = {UPGRADE_BYTES, script_messages(SCRIPT_CLOSE, START, NULL)};
    data[0] = 1;
    memset(data + 1, 'd', SIZE);
    for (int i = 0; i < frames; i++) script_add_frame(&replies[1], 0x82, data, sizeof(data));
    script_add_frame(&replies[1], 0x81, EXIT(0), strlen(EXIT(0)));
    setup s = set_up(replies, 2);
    wrenn_command options = shell_options("yes");
    wrenn_stream *stream = open_stream(&s, &options);
    /* The descriptor goes quiet although the server has more: it is not read. */
    struct pollfd fd = {.fd = wrenn_client_fd(s.client), .events = POLLIN};
    while (poll(&fd, 1, 200) > 0) CHECK(wrenn_client_dispatch(s.client, 0, NULL) >= 0);
    told t = read_all(stream);
    CHECK_INT(t.bytes, (long long)frames * SIZE);
    CHECK_INT(t.exits, 1);
    CHECK_INT(t.rc, 0);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

/* ---- callbacks ---- */

typedef struct watcher {
    setup *s;
    wrenn_stream *stream;
    told t;
    int calls, nested;
    bool over, free_it;
} watcher;

static void on_ready(wrenn_stream *stream, void *data) {
    watcher *w = data;
    const wrenn_event *event;
    w->calls++;
    w->nested = wrenn_stream_next(stream, 5, &event, NULL);
    if (w->nested > 0) tell_event(&w->t, event);
    while ((w->t.rc = wrenn_stream_next(stream, 0, &event, NULL)) > 0) tell_event(&w->t, event);
    w->over = w->t.rc != WRENN_E_AGAIN;
    if (w->over && w->free_it) wrenn_stream_free(stream);
}

static void on_opened(wrenn_op *op, void *data) {
    watcher *w = data;
    CHECK_INT(wrenn_sandbox_exec_stream_finish(op, &w->stream, NULL), 0);
    wrenn_stream_on_ready(w->stream, on_ready, w);
}

TEST(ready_callbacks_come_from_dispatch_alone) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_CLOSE, START, OUT("a"), OUT("b"), EXIT(1), NULL)};
    setup s = set_up(replies, 2);
    watcher w = {.s = &s, .free_it = true};
    wrenn_command options = shell_options("x");
    CHECK_INT(wrenn_sandbox_exec_stream_start(s.sandbox, &options, NULL, on_opened, &w, NULL, NULL), 0);
    while (!w.over) {
        struct pollfd fd = {.fd = wrenn_client_fd(s.client), .events = POLLIN};
        CHECK(poll(&fd, 1, 20000) == 1);
        CHECK(wrenn_client_dispatch(s.client, 0, NULL) >= 0);
    }
    CHECK_STR(w.t.text, "start 7|out a|out b|exit 1|");
    CHECK_INT(w.t.rc, 0);
    CHECK(w.calls >= 1);
    CHECK(wrenn_client_dispatch(s.client, -1, NULL) == 0); /* nothing is under way */
    tear_down(&s);
    free_replies(replies, 2);
}

static void on_ready_nested(wrenn_stream *stream, void *data) {
    watcher *w = data;
    const wrenn_event *event;
    w->calls++;
    while (wrenn_stream_next(stream, 0, &event, NULL) > 0) tell_event(&w->t, event);
    w->nested = wrenn_stream_next(stream, 1000, &event, NULL);
}

TEST(a_blocking_call_in_a_callback_is_refused) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, NULL)};
    setup s = set_up(replies, 2);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &options);
    watcher w = {0};
    wrenn_stream_on_ready(stream, on_ready_nested, &w);
    CHECK_INT(wrenn_client_dispatch(s.client, 20000, NULL), 1);
    CHECK_INT(w.nested, WRENN_E_REENTRANT);
    wrenn_stream_on_ready(stream, NULL, NULL);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

TEST(nothing_yet_makes_no_error_object) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, NULL)};
    setup s = set_up(replies, 2);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &options);
    wrenn_error *error = NULL;
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, &error), 1);
    CHECK_INT(wrenn_stream_next(stream, 0, &event, &error), WRENN_E_AGAIN);
    CHECK_INT(wrenn_stream_next(stream, 1, &event, &error), WRENN_E_AGAIN);
    CHECK(error == NULL);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

/* Set to NULL while its callback is due already. */
TEST(a_ready_callback_that_is_no_longer_wanted_does_not_run) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, NULL)};
    setup s = set_up(replies, 2);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &options);
    watcher w = {0};
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    wrenn_stream_on_ready(stream, on_ready_nested, &w);
    script_drop_connections(s.server);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), WRENN_E_CONNECTION_LOST);
    wrenn_stream_on_ready(stream, NULL, NULL);
    CHECK_INT(wrenn_client_dispatch(s.client, 0, NULL), 0);
    CHECK_INT(w.calls, 0);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

TEST(freeing_the_client_ends_its_streams) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, OUT("kept"), NULL)};
    setup s = set_up(replies, 2);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &options);
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    wrenn_client_free(s.client);
    s.client = NULL;
    while (wrenn_stream_next(stream, 0, &event, NULL) > 0) {
    }
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), WRENN_E_CANCELLED);
    CHECK_INT(wrenn_stream_kill(stream, NULL), WRENN_E_CANCELLED);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

static void count_done(wrenn_op *op, void *data) {
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_exec_stream_finish(op, &stream, NULL), WRENN_E_CANCELLED);
    ++*(int *)data;
}

TEST(cancelled_while_it_opens) {
    script_reply replies[] = {{.text = "", .upgrade = true, .end = SCRIPT_HOLD}};
    setup s = set_up(replies, 1);
    wrenn_command options = shell_options("x");
    wrenn_op *op = NULL;
    int done = 0;
    CHECK_INT(wrenn_sandbox_exec_stream_start(s.sandbox, &options, NULL, count_done, &done, &op, NULL), 0);
    CHECK_INT(wrenn_client_dispatch(s.client, 20, NULL), 0);
    wrenn_op_cancel(op);
    CHECK_INT(wrenn_client_dispatch(s.client, 1000, NULL), 1);
    CHECK_INT(done, 1);
    wrenn_op_free(op);
    /* One that is ready but never fetched. */
    tear_down(&s);
}

/* ---- many ---- */

enum { MANY = 500 };

TEST(five_hundred_streams_in_one_thread) {
    static script_reply replies[MANY];
    static watcher watchers[MANY];
    script_reply answer = script_messages(SCRIPT_KEEP, START, OUT("x"), EXIT(0), NULL);
    for (size_t i = 0; i < MANY; i++) replies[i] = (script_reply)UPGRADE;
    setup s = set_up(replies, MANY);
    script_answer_messages(s.server, &answer);
    wrenn_command options = shell_options("x");
    for (size_t i = 0; i < MANY; i++) {
        watchers[i] = (watcher){.s = &s};
        CHECK_INT(wrenn_sandbox_exec_stream_start(s.sandbox, &options, NULL, on_opened, &watchers[i], NULL, NULL), 0);
    }
    for (size_t over = 0; over < MANY;) {
        CHECK(wrenn_client_dispatch(s.client, 20000, NULL) > 0);
        over = 0;
        for (size_t i = 0; i < MANY; i++) over += watchers[i].over;
    }
    for (size_t i = 0; i < MANY; i++) {
        CHECK_STR(watchers[i].t.text, "start 7|out x|exit 0|");
        wrenn_stream_free(watchers[i].stream);
    }
    tear_down(&s);
    free((char *)(uintptr_t)answer.text);
}

TEST_MAIN
