/* Calls that wait: how long they wait at most, and what is left behind for whoever polls the descriptor. */
#include <poll.h>

#include "clock.h"
#include "streams.h"

/* Times that are asked for, and how much of them passes with each look at the clock. */
static const int64_t limits[] = {0, 1, 2, 3, 10, 1000};
static const int64_t ticks[] = {0, 1, 250, 333, 500, 999, 1000, 1001, 1500, 2000, 2500, 10000};

static void each_limit(void (*call)(void *context, int64_t limit_ms), void *context) {
    for (size_t i = 0; i < COUNT(limits); i++) {
        for (size_t k = 0; k < COUNT(ticks); k++) {
            for (int phase = 0; phase < 10; phase++) {
                clock_start(ticks[k]);
                clock_pass(137); /* so that the milliseconds tick elsewhere each time */
                call(context, limits[i]);
                CHECK_MSG(clock_longest_ms() <= limits[i], "asked for at most %lld ms, it waits for %lld",
                          (long long)limits[i], (long long)clock_longest_ms());
            }
        }
    }
}

static void long_patience(wrenn_client_options *options) {
    options->idle_timeout_ms = options->timeout_ms = INT64_MAX;
    options->connect_timeout_ms = INT64_MAX;
}

static void do_dispatch(void *context, int64_t limit_ms) {
    CHECK_INT(wrenn_client_dispatch(context, limit_ms, NULL), 0);
}

TEST(dispatch_never_waits_longer_than_asked) {
    script_reply silent = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    setup s = set_up_with(&silent, 1, long_patience);
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_ping_start(s.sandbox, NULL, NULL, NULL, &op, NULL), 0);
    while (!script_count(s.server)) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    each_limit(do_dispatch, s.client);
    wrenn_op_cancel(op);
    wrenn_op_free(op);
    tear_down(&s);
}

static void do_next(void *context, int64_t limit_ms) {
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(context, limit_ms, &event, NULL), WRENN_E_AGAIN);
}

TEST(next_never_waits_longer_than_asked) {
    script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, NULL)};
    setup s = set_up_with(replies, 2, long_patience);
    wrenn_command options = shell_options("x");
    wrenn_stream *stream = open_stream(&s, &options);
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    each_limit(do_next, stream);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(replies, 2);
}

static void do_write(void *context, int64_t limit_ms) {
    CHECK_INT(wrenn_stream_write(context, "x", 1, limit_ms, NULL), WRENN_E_AGAIN);
}

/* A WebSocket whose other end has stopped reading, full to the brim. */
static wrenn_stream *open_full(setup *s, script_reply replies[3]) {
    static char block[1024 * 1024];
    replies[0] = (script_reply)UPGRADE;
    replies[1] = (script_reply){.text = "", .end = SCRIPT_DEAF};
    replies[2] = (script_reply){.text = "HTTP/1.1 204 No Content\r\n\r\n"};
    *s = set_up_with(replies, 3, long_patience);
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_port_websocket(s->sandbox, 9000, "/", NULL, &stream, NULL), 0);
    CHECK_INT(wrenn_stream_write(stream, "x", 1, -1, NULL), 1);
    const wrenn_event *event;
    while (script_count(s->server) < 2) CHECK_INT(wrenn_stream_next(stream, 10, &event, NULL), WRENN_E_AGAIN);
    while (wrenn_stream_write(stream, block, sizeof(block), 50, NULL) > 0) {
    }
    return stream;
}

TEST(write_never_waits_longer_than_asked) {
    script_reply replies[3];
    setup s;
    wrenn_stream *stream = open_full(&s, replies);
    each_limit(do_write, stream);
    wrenn_stream_free(stream);
    tear_down(&s);
}

TEST(close_never_waits_for_ever) {
    for (size_t i = 0; i < COUNT(ticks); i++) {
        script_reply replies[] = {UPGRADE, script_messages(SCRIPT_HOLD, START, NULL)};
        setup s = set_up_with(replies, 2, long_patience);
        wrenn_command options = shell_options("x");
        wrenn_stream *stream = open_stream(&s, &options);
        clock_start(ticks[i]);
        wrenn_stream_close(stream);
        CHECK(clock_longest_ms() <= 5000);
        clock_stop();
        tear_down(&s);
        free_replies(replies, 2);
    }
}

TEST(a_blocking_call_ends_with_its_deadline) {
    for (size_t i = 0; i < COUNT(ticks); i++) {
        script_reply silent = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
        setup s = set_up(&silent, 1);
        wrenn_command command = WRENN_COMMAND_INIT;
        wrenn_call_options options = {.struct_size = sizeof(options), .timeout_ms = 300};
        wrenn_exec_result *result = NULL;
        command.shell = "true";
        clock_start(ticks[i]);
        CHECK_INT(wrenn_sandbox_exec(s.sandbox, &command, &options, &result, NULL), WRENN_E_TIMEOUT);
        CHECK(clock_longest_ms() <= 300);
        clock_stop();
        tear_down(&s);
    }
}

/* ---- what is left for the program's own loop ---- */

static bool readable(const wrenn_client *client) {
    struct pollfd fd = {.fd = wrenn_client_fd(client), .events = POLLIN};
    return poll(&fd, 1, 0) == 1;
}

static void count_done(wrenn_op *op, void *data) {
    CHECK(wrenn_op_is_done(op));
    ++*(int *)data;
}

/* An operation that is over, with its callback still to come. */
static wrenn_op *complete_one(setup *s, wrenn_stream *stream, int *over) {
    wrenn_op *op = NULL;
    const wrenn_event *event;
    CHECK_INT(wrenn_sandbox_ping_start(s->sandbox, NULL, count_done, over, &op, NULL), 0);
    while (!wrenn_op_is_done(op)) CHECK_INT(wrenn_stream_next(stream, 10, &event, NULL), WRENN_E_AGAIN);
    CHECK(readable(s->client));
    return op;
}

static void check_told(setup *s, wrenn_op *op, const int *over) {
    CHECK_INT(*over, 0);
    CHECK(readable(s->client));
    CHECK_INT(wrenn_client_dispatch(s->client, 0, NULL), 1);
    CHECK_INT(*over, 1);
    wrenn_op_free(op);
}

TEST(a_write_that_fails_leaves_no_work_unsaid) {
    script_reply replies[3];
    setup s;
    int over = 0;
    wrenn_stream *stream = open_full(&s, replies);
    wrenn_op *op = complete_one(&s, stream, &over);
    script_drop_connections(s.server);
    CHECK_INT(wrenn_stream_write(stream, "x", 1, -1, NULL), WRENN_E_CONNECTION_LOST);
    check_told(&s, op, &over);
    wrenn_stream_free(stream);
    tear_down(&s);
}

TEST(a_write_that_is_cut_short_leaves_no_work_unsaid) {
    static char block[8 * 1024 * 1024];
    script_reply closing = {.text = "", .end = SCRIPT_CLOSE};
    script_reply replies[] = {
        UPGRADE_BYTES, script_messages(SCRIPT_KEEP, START, NULL), {.text = "HTTP/1.1 204 No Content\r\n\r\n"}};
    setup s = set_up(replies, 3);
    wrenn_command options = shell_options("x");
    options.want_stdin = 1;
    wrenn_stream *stream = open_stream(&s, &options);
    const wrenn_event *event;
    int over = 0;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    wrenn_op *op = complete_one(&s, stream, &over);
    script_answer_messages(s.server, &closing);
    int64_t taken = wrenn_stream_write(stream, block, sizeof(block), -1, NULL);
    CHECK_MSG(taken > 0 && taken < (int64_t)sizeof(block), "%lld bytes were taken", (long long)taken);
    check_told(&s, op, &over);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(&replies[1], 1);
}

TEST_MAIN
