/* Terminals and background processes against scripted servers. */
#include "streams.h"

#define STARTED "{\"type\":\"started\",\"tag\":\"pty-1f2e3d4c\",\"pid\":97}"
#define OUTPUT(base64) "{\"type\":\"output\",\"data\":\"" base64 "\"}"

static wrenn_stream *open_pty(setup *s, const wrenn_command *options) {
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_sandbox_pty(s->sandbox, options, NULL, &stream, &error);
    CHECK_MSG(rc == 0, "pty: %s", wrenn_error_message(error));
    return stream;
}

TEST(tag_and_pid_are_known_before_the_first_event) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, STARTED, NULL)};
    setup s = set_up(replies, 2);
    wrenn_stream *stream = open_pty(&s, NULL);
    CHECK_STR(wrenn_stream_tag(stream), "pty-1f2e3d4c");
    CHECK_INT(wrenn_stream_pid(stream), 97);
    CHECK(wrenn_stream_is_exact(stream));
    check_request(&s, 0, "GET /v1/sandboxes/cl-0123456789abcdefghijklmno/pty HTTP/1.1\r\n", "");
    CHECK_STR(script_request(s.server, 1), "text:{\"type\":\"start\",\"cmd\":\"/bin/bash\",\"args\":[],\"envs\":"
                                           "{\"TERM\":\"xterm-256color\"},\"cols\":80,\"rows\":24}");
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

TEST(the_exit_is_reported_and_ends_the_stream) {
    /* The server does not close after it; whoever reads on would wait for ever. */
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, STARTED, "{\"type\":\"ping\"}", OUTPUT("aGkNCg=="),
                                                       "{\"type\":\"later\"}", "{\"type\":\"output\"}",
                                                       "{\"type\":\"exit\",\"exit_code\":7}", NULL)};
    setup s = set_up(replies, 2);
    const char *argv[] = {"sh", "-l", NULL}, *envs[] = {"TERM=vt100", "A=b", NULL};
    wrenn_command options = WRENN_COMMAND_INIT;
    options.argv = argv;
    options.envs = envs;
    options.cwd = "/srv";
    options.user = "app";
    options.cols = 100;
    options.rows = 30;
    wrenn_stream *stream = open_pty(&s, &options);
    told t = read_all(stream);
    CHECK_STR(t.text, "start 97pty-1f2e3d4c|out hi\r\n|exit 7|");
    CHECK_INT(t.rc, 0);
    CHECK_STR(script_request(s.server, 1),
              "text:{\"type\":\"start\",\"cmd\":\"sh\",\"args\":[\"-l\"],\"envs\":{\"TERM\":"
              "\"vt100\",\"A\":\"b\"},\"cwd\":\"/srv\",\"user\":\"app\",\"cols\":100,\"rows\":30}");
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

TEST(keys_sizes_and_kill) {
    script_reply nothing = {.text = "x", .cut = SCRIPT_NOTHING};
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_KEEP, STARTED, NULL), nothing, nothing,
                              nothing, script_messages(SCRIPT_KEEP, EXIT(-1), NULL)};
    setup s = set_up(replies, 6);
    wrenn_stream *stream = open_pty(&s, NULL);
    CHECK_INT(wrenn_stream_write(stream, "ls\r\xff", 4, -1, NULL), 4);
    CHECK_INT(wrenn_stream_resize(stream, 120, 40, NULL), 0);
    CHECK_INT(wrenn_stream_resize(stream, 0, 40, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_resize(stream, 120, 70000, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_close_input(stream, NULL), 0);
    CHECK_INT(wrenn_stream_kill(stream, NULL), 0);
    CHECK_STR(read_all(stream).text, "start 97pty-1f2e3d4c|exit -1|");
    CHECK_STR(script_request(s.server, 2), "text:{\"type\":\"input\",\"data\":\"bHMN/w==\"}");
    CHECK_STR(script_request(s.server, 3), "text:{\"type\":\"resize\",\"cols\":120,\"rows\":40}");
    CHECK_STR(script_request(s.server, 4), "text:{\"type\":\"input\",\"data\":\"BA==\"}");
    CHECK_STR(script_request(s.server, 5), "text:{\"type\":\"kill\"}");
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 6);
}

TEST(closing_kills_and_waits) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_KEEP, STARTED, NULL),
                              script_messages(SCRIPT_KEEP, OUTPUT("eA=="), EXIT(-1), NULL)};
    setup s = set_up(replies, 3);
    {
        wrenn_autoclose(stream);
        CHECK_INT(wrenn_sandbox_pty(s.sandbox, NULL, NULL, &stream, NULL), 0);
    }
    CHECK_STR(script_request(s.server, 2), "text:{\"type\":\"kill\"}");
    wrenn_stream_close(NULL);
    tear_down(&s);
    free_replies(replies, 3);
}

TEST(connecting_does_not_wait_for_an_answer) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, OUTPUT("eA=="), EXIT(0), NULL)};
    setup s = set_up(replies, 2);
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_pty_connect(s.sandbox, "pty-1f2e3d4c", NULL, &stream, NULL), 0);
    CHECK_STR(wrenn_stream_tag(stream), "pty-1f2e3d4c");
    CHECK_STR(read_all(stream).text, "out x|exit 0|");
    CHECK_STR(script_request(s.server, 1), "text:{\"type\":\"connect\",\"tag\":\"pty-1f2e3d4c\"}");
    wrenn_stream_free(stream);
    CHECK_INT(wrenn_sandbox_pty_connect(s.sandbox, "", NULL, &stream, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_pty_connect(s.sandbox, NULL, NULL, &stream, NULL), WRENN_E_INVALID_ARGUMENT);
    tear_down(&s);
    free_replies(replies, 2);
}

TEST(errors_fatal_or_not_end_it) {
    script_reply fatal[] = {
        UPGRADE, script_messages(SCRIPT_CLOSE, "{\"type\":\"error\",\"data\":\"no such cwd\",\"fatal\":true}", NULL)};
    setup s = set_up(fatal, 2);
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_pty(s.sandbox, NULL, NULL, &stream, &error), WRENN_E_API);
    CHECK_CONTAINS(wrenn_error_message(error), "no such cwd");
    wrenn_error_free(error);
    tear_down(&s);
    free_replies(fatal, 2);
    script_reply later[] = {
        UPGRADE, script_messages(SCRIPT_HOLD, STARTED, "{\"type\":\"error\",\"data\":\"the guest broke\"}", NULL)};
    s = set_up(later, 2);
    stream = open_pty(&s, NULL);
    told t = read_all(stream);
    CHECK_STR(t.text, "start 97pty-1f2e3d4c|");
    CHECK_INT(t.rc, WRENN_E_API);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(later, 2);
}

TEST(raw_frames_of_newer_servers_are_output) {
    script_reply answer = script_messages(SCRIPT_HOLD, STARTED, NULL);
    script_add_frame(&answer, 0x82, "\x1b[1mraw", 7);
    script_add_frame(&answer, 0x81, EXIT(0), strlen(EXIT(0)));
    script_reply replies[] = {UPGRADE, answer};
    setup s = set_up(replies, 2);
    wrenn_stream *stream = open_pty(&s, NULL);
    CHECK_STR(read_all(stream).text, "start 97pty-1f2e3d4c|out \x1b[1mraw|exit 0|");
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

TEST(bytes_both_ways_where_the_server_speaks_them) {
    script_reply answer = script_messages(SCRIPT_KEEP, STARTED, NULL);
    script_add_frame(&answer, 0x82, "\001$ ", 3);
    script_reply replies[] = {UPGRADE_BYTES, answer, script_messages(SCRIPT_KEEP, EXIT(0), NULL)};
    setup s = set_up(replies, 3);
    wrenn_stream *stream = open_pty(&s, NULL);
    CHECK_INT(wrenn_stream_write(stream, "exit\r", 5, -1, NULL), 5);
    CHECK_STR(read_all(stream).text, "start 97pty-1f2e3d4c|out $ |exit 0|");
    CHECK_MEM(script_request(s.server, 2), 13, "binary:\0exit\r", 13);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 3);
}

/* ---- processes ---- */

TEST(a_server_without_background_is_noticed) {
    setup s = SET_UP({"200 OK", "{\"processes\":[]}"}, {"200 OK", EXEC_BODY}, {"200 OK", EXEC_BODY});
    wrenn_command options = WRENN_COMMAND_INIT;
    options.shell = "sleep 9";
    options.tag = "mine";
    wrenn_process *process = NULL;
    CHECK_INT(wrenn_sandbox_spawn(s.sandbox, &options, NULL, &process, NULL), WRENN_E_UNSUPPORTED);
    CHECK_INT(wrenn_sandbox_spawn(s.sandbox, &options, NULL, &process, NULL), WRENN_E_UNSUPPORTED);
    CHECK_INT(script_count(s.server), 3);
    check_request(&s, 0, "GET /v1/sandboxes/cl-0123456789abcdefghijklmno/processes HTTP/1.1\r\n", "");
    check_request(&s, 1, "POST /v1/sandboxes/cl-0123456789abcdefghijklmno/exec HTTP/1.1\r\n",
                  "{\"cmd\":\"/bin/sh\",\"args\":[\"-c\",\"sleep 9\"],\"background\":true,\"tag\":\"mine\"}");
    tear_down(&s);
}

TEST(selectors_are_escaped) {
    setup s = SET_UP({"204 No", ""}, {"204 No", ""});
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "a:b c", 15, NULL, NULL), 0);
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "12", 0, NULL, NULL), 0);
    check_request(&s, 0, "DELETE /v1/sandboxes/cl-0123456789abcdefghijklmno/processes/a:b%20c?signal=SIGTERM ", "");
    check_request(&s, 1, "DELETE /v1/sandboxes/cl-0123456789abcdefghijklmno/processes/12?signal=SIGKILL ", "");
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "12", 65, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "12", -1, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "..", 9, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "", 9, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    tear_down(&s);
}

/* Another server would take any of them for SIGKILL, so it is asked first what it knows. */
TEST(other_signals_need_a_server_that_knows_them) {
    static const char path[] = "DELETE /v1/sandboxes/cl-0123456789abcdefghijklmno/processes/12?signal=";
    char line[120];
    setup s = SET_UP({"401 No\r\nWrenn-Features: signals", "{}"}, {"204 No", ""}, {"204 No", ""});
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "12", wrenn_signal_number("hup"), NULL, NULL), 0);
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "12", 34, NULL, NULL), 0);
    CHECK_INT(script_count(s.server), 3);
    snprintf(line, sizeof(line), "%sSIGHUP ", path);
    check_request(&s, 1, line, "");
    snprintf(line, sizeof(line), "%s34 ", path);
    check_request(&s, 2, line, "");
    tear_down(&s);
    s = SET_UP({"401 No", "{}"}, {"204 No", ""});
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "12", 1, NULL, NULL), WRENN_E_UNSUPPORTED);
    CHECK_INT(wrenn_sandbox_kill(s.sandbox, "12", 1, NULL, NULL), WRENN_E_UNSUPPORTED);
    CHECK_INT(script_count(s.server), 1);
    tear_down(&s);
    CHECK_INT(wrenn_signal_number("SIGUSR1"), 10);
    CHECK_INT(wrenn_signal_number("15"), 15);
    CHECK_INT(wrenn_signal_number("SIG"), 0);
    CHECK_INT(wrenn_signal_number("65"), 0);
    CHECK_INT(wrenn_signal_number(NULL), 0);
}

TEST(kept_output_has_offsets_and_says_what_is_gone) {
    script_reply kept = script_messages(
        SCRIPT_KEEP, "{\"type\":\"start\",\"offset\":100}", "{\"type\":\"dropped\",\"bytes\":90,\"offset\":100}",
        OUT("abc"), "{\"type\":\"dropped\",\"bytes\":7,\"offset\":110}", OUT("d"), "{\"type\":\"end\"}", NULL);
    script_reply replies[] = {{.text = "", .upgrade = true, .frames = kept.text, .frames_size = kept.size}};
    setup s = set_up(replies, 1);
    wrenn_sandbox_logs_options options = WRENN_SANDBOX_LOGS_OPTIONS_INIT;
    wrenn_stream *stream = NULL;
    options.offset = 1, options.tail = 1;
    CHECK_INT(wrenn_sandbox_logs(s.sandbox, "7", &options, &stream, NULL), WRENN_E_INVALID_ARGUMENT);
    options.offset = -1, options.tail = 0;
    CHECK_INT(wrenn_sandbox_logs(s.sandbox, "7", &options, &stream, NULL), WRENN_E_INVALID_ARGUMENT);
    options.offset = 0, options.tail = -2;
    CHECK_INT(wrenn_sandbox_logs(s.sandbox, "7", &options, &stream, NULL), WRENN_E_INVALID_ARGUMENT);
    options.tail = 12;
    CHECK_INT(wrenn_sandbox_logs(s.sandbox, "7", &options, &stream, NULL), 0);
    check_request(&s, 0, "GET /v1/sandboxes/cl-0123456789abcdefghijklmno/processes/7/logs?tail=12 ", "");
    static const wrenn_event want[] = {{.type = WRENN_EVENT_STARTED, .offset = 100},
                                       {.type = WRENN_EVENT_DROPPED, .dropped = 90, .offset = 100},
                                       {.type = WRENN_EVENT_STDOUT, .offset = 100},
                                       {.type = WRENN_EVENT_DROPPED, .dropped = 7, .offset = 110},
                                       {.type = WRENN_EVENT_STDOUT, .offset = 110}};
    const wrenn_event *event;
    for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++) {
        CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
        CHECK_INT(event->type, want[i].type);
        CHECK_INT(event->offset, want[i].offset);
        CHECK_INT(event->dropped, want[i].dropped);
    }
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 0);
    wrenn_stream_free(stream);
    tear_down(&s);
    free((char *)(uintptr_t)kept.text);
}

TEST(what_ends_a_terminal_is_said_in_a_sentence) {
    script_reply replies[] = {
        UPGRADE, script_messages(SCRIPT_KEEP, STARTED, "{\"type\":\"error\",\"data\":\"it broke\"}", NULL)};
    setup s = set_up(replies, 2);
    wrenn_stream *stream = open_pty(&s, NULL);
    const wrenn_event *event;
    wrenn_error *error = NULL;
    int rc;
    while ((rc = wrenn_stream_next(stream, -1, &event, &error)) == 1) {
    }
    CHECK(rc < 0);
    CHECK_CONTAINS(wrenn_error_message(error), "the server ended it: it broke (the terminal has the tag pty-");
    wrenn_error_free(error);
    wrenn_stream_free(stream);
    tear_down(&s);
    free((char *)(uintptr_t)replies[1].text);
}

TEST(attached_to_a_process) {
    /* Nothing is sent first; the server begins. */
    script_reply started = script_messages(SCRIPT_KEEP, START, OUT("x"), EXIT(-1), NULL);
    script_reply replies[] = {{.text = "", .upgrade = true, .frames = started.text, .frames_size = started.size}};
    setup s = set_up(replies, 1);
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_attach(s.sandbox, "proc-1", NULL, &stream, NULL), 0);
    CHECK_INT(wrenn_stream_pid(stream), 7);
    CHECK_INT(wrenn_stream_write(stream, "x", 1, 0, NULL) < 0, 1);
    CHECK_INT(wrenn_stream_kill(stream, NULL) < 0, 1);
    CHECK_STR(read_all(stream).text, "start 7|out x|exit -1|");
    check_request(&s, 0, "GET /v1/sandboxes/cl-0123456789abcdefghijklmno/processes/proc-1/stream HTTP/1.1\r\n", "");
    wrenn_stream_free(stream);
    tear_down(&s);
    free((char *)(uintptr_t)started.text);
}

/* Whatever is asked of a server that reads nothing, the memory for it has a limit, and what counts is not lost. */
TEST(a_server_that_does_not_read_costs_no_memory) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_DEAF, STARTED, NULL)};
    setup s = set_up(replies, 2);
    wrenn_stream *stream = open_pty(&s, NULL);
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    size_t before = sdk_memory();
    for (int i = 0; i < 50000; i++) {
        int rc = wrenn_stream_close_input(stream, NULL);
        CHECK_INT(wrenn_stream_resize(stream, 80 + i % 2, 24, NULL), 0);
        CHECK_INT(wrenn_stream_kill(stream, NULL), 0);
        CHECK(rc == 0 || rc == WRENN_E_AGAIN);
        if (i % 100 == 0) CHECK_INT(wrenn_stream_next(stream, 0, &event, NULL), WRENN_E_AGAIN);
    }
    int rc = 0;
    for (int i = 0; i < 1024 * 1024 && rc == 0; i++) rc = wrenn_stream_close_input(stream, NULL);
    CHECK_INT(rc, WRENN_E_AGAIN);
    CHECK(sdk_memory() < before + 2 * 1024 * 1024);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(&replies[1], 1);
}

/* What waited for room is said when there is some, the latest size of all. */
TEST(the_latest_size_and_a_kill_are_said_when_there_is_room) {
    static char keys[8 * 1024];
    script_reply nothing = {.text = "", .end = SCRIPT_KEEP};
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_KEEP, STARTED, NULL)};
    setup s = set_up(replies, 2);
    wrenn_stream *stream = open_pty(&s, NULL);
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    script_answer_messages(s.server, &nothing);
    memset(keys, 'k', sizeof(keys));
    while (wrenn_stream_write(stream, keys, sizeof(keys), 0, NULL) == (int64_t)sizeof(keys)) {
    }
    for (int i = 1; i <= 1000; i++) CHECK_INT(wrenn_stream_resize(stream, 100 + i, 50, NULL), 0);
    CHECK_INT(wrenn_stream_kill(stream, NULL), 0);
    int sizes = 0;
    for (bool killed = false; !killed;) {
        size_t count = script_count(s.server);
        CHECK_INT(wrenn_stream_next(stream, 10, &event, NULL), WRENN_E_AGAIN);
        sizes = 0;
        for (size_t i = 2; i < count; i++) {
            const char *text = script_request(s.server, i);
            killed = killed || strstr(text, "\"kill\"");
            if (!strstr(text, "\"resize\"")) continue;
            CHECK_STR(text, "text:{\"type\":\"resize\",\"cols\":1100,\"rows\":50}");
            sizes++;
        }
    }
    CHECK(sizes >= 1 && sizes <= 4); /* it is repeated now and then, for it may get lost */
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(&replies[1], 1);
}

TEST_MAIN
