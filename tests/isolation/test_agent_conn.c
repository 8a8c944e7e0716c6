/* The server's end of the channel against an agent that has been taken over. Whatever it sends, when and how much:
 * every command ends once, the connection is reported lost once, every question is answered once. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "server/backend/ns/internal.h"
#include "server/box/agent_conn.h"
#include "test.h"
#include "wire/frame.h"

typedef struct command {
    struct fake *fake;
    wrn_proc *proc;
    int started, ended;
    wrn_proc_end end;
    int code;
    size_t total;
} command;

typedef struct fake {
    uv_loop_t loop;
    wrn_agent *agent;
    int peer, hears; /* the agent's ends: to write to, to read from */
    int ready, lost, answers, faults, kept;
    bool close_in_lost, close_in_end, ask_in_end, in_call;
    command commands[2];
} fake;

static void on_ready(void *context) { ((fake *)context)->ready++; }

static void close_agent(fake *f) {
    wrn_agent_close(f->agent);
    f->agent = NULL;
}

static void on_lost(void *context, const char *why) {
    fake *f = context;
    CHECK(why && *why);
    f->lost++;
    if (f->close_in_lost) close_agent(f);
}

static void on_answer(void *context, const wrn_fault *fault) {
    fake *f = context;
    CHECK_MSG(!f->in_call, "the answer came from inside the question");
    f->answers++;
    f->faults += fault != NULL;
}

static void on_start(void *context, int64_t pid) {
    (void)pid;
    ((command *)context)->started++;
}

static void on_output(void *context, int stream, const void *data, size_t size) {
    command *c = context;
    CHECK(stream == 1 || stream == 2);
    CHECK(c->started && !c->ended && data);
    c->total += size;
}

static void on_end(void *context, const wrn_proc_result *result) {
    command *c = context;
    c->ended++;
    c->end = result->end;
    c->code = result->code;
    if (result->end == WRN_PROC_LOST) CHECK(result->fault != NULL);
    if (c->fake->ask_in_end) {
        c->fake->in_call = true;
        wrn_agent_ping(c->fake->agent, on_answer, c->fake);
        c->fake->in_call = false;
    }
    if (c->fake->close_in_end && c->fake->agent) close_agent(c->fake);
}

static uint32_t (*awaited)(void *); /* of what open_with() opens */

static void open_with(fake *f, wrn_detached_fn kept, bool watched) {
    int ours[2], theirs[2];
    memset(f, 0, sizeof(*f));
    signal(SIGPIPE, SIG_IGN);
    CHECK_INT(uv_loop_init(&f->loop), 0);
    CHECK(channel_pipes(ours, theirs));
    f->hears = theirs[0];
    f->peer = theirs[1];
    f->agent = wrn_agent_open(
        &f->loop, ours,
        &(wrn_agent_events){on_ready, on_lost, f, .detached = kept, .awaited = awaited, .watched = watched});
    CHECK(f->agent != NULL);
}

static void open_fake(fake *f) { open_with(f, NULL, false); }

static void hang_up(fake *f) {
    if (f->peer < 0) return;
    close(f->peer);
    close(f->hears);
    f->peer = -1;
}

static void close_fake(fake *f) {
    if (f->agent) close_agent(f);
    hang_up(f);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    CHECK_INT(uv_loop_close(&f->loop), 0);
}

static bool start(fake *f, int which, int64_t timeout_ms) {
    command *c = &f->commands[which];
    c->fake = f;
    wrn_fault fault = {0};
    wrn_proc_events events = {on_start, on_output, on_end, NULL, NULL, c};
    c->proc = wrn_agent_exec(f->agent, &(wrn_proc_spec){.cmd = "true", .timeout_ms = timeout_ms}, &events, &fault);
    return c->proc != NULL;
}

static void put(wrn_buf *out, uint32_t stream, uint8_t type, const void *data, size_t size) {
    uint8_t head[WRN_FRAME_HEADER];
    wrn_frame_head(head, stream, type, 0, (uint32_t)size);
    wrn_buf_put(out, head, sizeof(head));
    wrn_buf_put(out, data, size);
}

static void put_number(wrn_buf *out, uint32_t stream, uint8_t type, uint32_t number) {
    uint8_t payload[4];
    wrn_put_u32(payload, number);
    put(out, stream, type, payload, sizeof(payload));
}

static void put_exit(wrn_buf *out, uint32_t stream, uint32_t kind, uint32_t value) {
    uint8_t payload[12] = {0};
    wrn_put_u32(payload, kind);
    wrn_put_u32(payload + 4, value);
    put(out, stream, WRN_FRAME_EXIT, payload, sizeof(payload));
}

/* Writes all of it; the loop reads along. */
static void say(fake *f, const void *data, size_t size) {
    for (size_t at = 0; at < size;) {
        ssize_t sent = write(f->peer, (const char *)data + at, size - at);
        if (sent > 0) at += (size_t)sent;
        else if (errno != EAGAIN || f->lost) return; /* they have hung up: rightly or not is what the test finds out */
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
}

static void until(fake *f, const int *number, int value) {
    while (*number < value) {
        struct pollfd events = {.fd = uv_backend_fd(&f->loop), .events = POLLIN};
        uv_run(&f->loop, UV_RUN_NOWAIT);
        if (*number < value) poll(&events, 1, uv_backend_timeout(&f->loop));
    }
}

static void hello(fake *f) {
    wrn_buf out = WRN_BUF_INIT;
    put_number(&out, 0, WRN_FRAME_HELLO, WRN_AGENT_VERSION);
    say(f, out.data, out.size);
    wrn_buf_free(&out);
    until(f, &f->ready, 1);
}

/* The server still takes this agent for a sound one. */
static void check_sound(fake *f) {
    wrn_buf out = WRN_BUF_INIT;
    int before = f->answers;
    wrn_agent_ping(f->agent, on_answer, f);
    put(&out, 0, WRN_FRAME_PONG, NULL, 0);
    say(f, out.data, out.size);
    wrn_buf_free(&out);
    until(f, &f->answers, before + 1);
    CHECK_INT(f->lost, 0);
    CHECK_INT(f->faults, 0);
}

static void check_lost(fake *f, const char *what) {
    until(f, &f->lost, 1);
    while (uv_run(&f->loop, UV_RUN_NOWAIT) && f->lost < 2 && f->agent && f->close_in_lost) {
    }
    CHECK_MSG(f->lost == 1, "%s: lost %d times", what, f->lost);
    for (int i = 0; i < 2; i++) {
        const command *c = &f->commands[i];
        if (!c->fake) continue;
        CHECK_MSG(c->ended == 1, "%s: command %d ended %d times", what, i + 1, c->ended);
    }
}

/* ---- frames that make no sense ---- */

typedef struct nonsense {
    const char *what;
    uint32_t stream;
    uint8_t type;
    size_t size;
} nonsense;

/* Command 1 has started, command 2 has not, nobody asked anything. */
static const nonsense after_hello[] = {
    {"a second HELLO", 0, WRN_FRAME_HELLO, 4},
    {"output of a command that nobody started", 77, WRN_FRAME_STDOUT, 10},
    {"output of the channel", 0, WRN_FRAME_STDOUT, 10},
    {"the end of a command that nobody started", 3, WRN_FRAME_EXIT, 12},
    {"the largest stream", UINT32_MAX, WRN_FRAME_STARTED, 4},
    {"output before STARTED", 2, WRN_FRAME_STDOUT, 10},
    {"error output before STARTED", 2, WRN_FRAME_STDERR, 10},
    {"STARTED twice", 1, WRN_FRAME_STARTED, 4},
    {"a STARTED that is too short", 2, WRN_FRAME_STARTED, 3},
    {"a STARTED that is too long", 2, WRN_FRAME_STARTED, 5},
    {"an empty STARTED", 2, WRN_FRAME_STARTED, 0},
    {"an EXIT that is too short", 1, WRN_FRAME_EXIT, 11},
    {"an EXIT that is too long", 1, WRN_FRAME_EXIT, 13},
    {"an empty EXIT", 1, WRN_FRAME_EXIT, 0},
    {"output of no bytes", 1, WRN_FRAME_STDOUT, 0},
    {"a PONG nobody asked for", 0, WRN_FRAME_PONG, 0},
    {"a DONE nobody asked for", 0, WRN_FRAME_DONE, 0},
    {"EXEC", 1, WRN_FRAME_EXEC, 40},
    {"STDIN", 1, WRN_FRAME_STDIN, 4},
    {"STDIN_EOF", 1, WRN_FRAME_STDIN_EOF, 0},
    {"SIGNAL", 1, WRN_FRAME_SIGNAL, 4},
    {"WINDOW", 1, WRN_FRAME_WINDOW, 4},
    {"PING", 0, WRN_FRAME_PING, 0},
    {"FREEZE", 0, WRN_FRAME_FREEZE, 0},
    {"no type", 1, 0, 0},
    {"an unknown type", 1, WRN_FRAME_TYPES, 0},
    {"the last type", 1, 255, 0},
    {"a frame that is too large", 1, WRN_FRAME_STDOUT, WRN_FRAME_PAYLOAD_MAX + 1},
};

static void try_nonsense(const nonsense *n, bool close_in_lost, bool close_in_end) {
    static const uint8_t zeros[WRN_FRAME_PAYLOAD_MAX + 1];
    fake f;
    wrn_buf out = WRN_BUF_INIT;
    open_fake(&f);
    f.close_in_lost = close_in_lost;
    f.close_in_end = close_in_end;
    hello(&f);
    CHECK(start(&f, 0, 100000) && start(&f, 1, 0));
    put_number(&out, 1, WRN_FRAME_STARTED, 7);
    put(&out, n->stream, n->type, zeros, n->size);
    put_exit(&out, 1, WRN_EXIT_CODE, 0); /* what follows is not looked at */
    say(&f, out.data, out.size);
    wrn_buf_free(&out);
    if (close_in_end) { /* then nobody wants to hear that it is lost */
        until(&f, &f.commands[1].ended, 1);
        until(&f, &f.commands[0].ended, 1);
        CHECK_INT(f.lost, 0);
    } else {
        check_lost(&f, n->what);
    }
    for (int i = 0; i < 2; i++) CHECK_MSG(f.commands[i].end == WRN_PROC_LOST, "%s", n->what);
    close_fake(&f);
    CHECK_MSG(f.commands[0].ended == 1 && f.commands[1].ended == 1, "%s", n->what);
}

TEST(nonsense_ends_the_connection_once) {
    for (size_t i = 0; i < sizeof(after_hello) / sizeof(*after_hello); i++) {
        try_nonsense(&after_hello[i], false, false);
        try_nonsense(&after_hello[i], true, false);
        try_nonsense(&after_hello[i], false, true);
    }
}

TEST(hello_comes_first_and_is_right) {
    static const nonsense first[] = {{"no HELLO", 0, WRN_FRAME_PONG, 0},
                                     {"STARTED without HELLO", 1, WRN_FRAME_STARTED, 4},
                                     {"a HELLO that is too short", 0, WRN_FRAME_HELLO, 3},
                                     {"a HELLO that is too long", 0, WRN_FRAME_HELLO, 8},
                                     {"an empty HELLO", 0, WRN_FRAME_HELLO, 0},
                                     {"a wrong version", 0, WRN_FRAME_HELLO, 4}};
    for (size_t i = 0; i < sizeof(first) / sizeof(*first); i++) {
        static const uint8_t version[8] = {WRN_AGENT_VERSION + 1};
        fake f;
        wrn_buf out = WRN_BUF_INIT;
        open_fake(&f);
        CHECK(start(&f, 0, 0));
        put(&out, first[i].stream, first[i].type, version, first[i].size);
        say(&f, out.data, out.size);
        wrn_buf_free(&out);
        check_lost(&f, first[i].what);
        CHECK_INT(f.ready, 0);
        close_fake(&f);
    }
}

/* ---- agents that have had a server before ---- */

static bool on_kept(void *context, const wrn_detached *kept, wrn_proc_events *events) {
    fake *f = context;
    CHECK(!f->ready && kept->proc && f->kept < 2);
    command *c = &f->commands[f->kept++];
    if (strcmp(kept->label, "mine") != 0) return false;
    c->fake = f;
    c->proc = kept->proc;
    c->started = kept->pid != 0;
    *events = (wrn_proc_events){on_start, on_output, on_end, NULL, NULL, c};
    return true;
}

static void put_back_for(wrn_buf *out, uint32_t number, uint32_t count) {
    uint8_t payload[12];
    wrn_put_u32(payload, WRN_AGENT_VERSION);
    wrn_put_u32(payload + 4, number);
    wrn_put_u32(payload + 8, count);
    put(out, 0, WRN_FRAME_HELLO_AGAIN, payload, sizeof(payload));
}

static void put_back(wrn_buf *out, uint32_t count) { put_back_for(out, 0, count); }

static void put_kept(wrn_buf *out, uint32_t stream, uint32_t pid, uint32_t untaken, const char *label, size_t size) {
    static uint8_t payload[WRN_DETACHED_HEAD + WRN_LABEL_MAX + 1];
    memset(payload, 'x', sizeof(payload));
    wrn_put_u32(payload, pid);
    wrn_put_u32(payload + 4, 0);
    wrn_put_u32(payload + 8, untaken);
    if (label) memcpy(payload + WRN_DETACHED_HEAD, label, size);
    put(out, stream, WRN_FRAME_DETACHED, payload, WRN_DETACHED_HEAD + size);
}

TEST(what_goes_on_is_taken_over_and_the_rest_killed) {
    fake f;
    wrn_buf out = WRN_BUF_INIT;
    open_with(&f, on_kept, false);
    put_back(&out, 2);
    put_kept(&out, 40, 7, 0, "mine", 4);
    say(&f, out.data, out.size);
    CHECK_INT(f.ready, 0);
    out.size = 0;
    put_kept(&out, 50, 8, 0, "foreign", 7);
    say(&f, out.data, out.size);
    until(&f, &f.ready, 1);
    CHECK_INT(f.kept, 2);
    out.size = 0;
    put(&out, 40, WRN_FRAME_STDOUT, "hello", 5);
    put(&out, 50, WRN_FRAME_STDOUT, "ignored", 7);
    put_exit(&out, 50, WRN_EXIT_SIGNAL, 9);
    put_exit(&out, 40, WRN_EXIT_CODE, 3);
    say(&f, out.data, out.size);
    until(&f, &f.commands[0].ended, 1);
    CHECK_INT(f.commands[0].total, 5);
    CHECK_INT(f.commands[0].code, 3);
    /* The other one was told to end, and the next stream is above both. */
    uint8_t frame[WRN_FRAME_HEADER + 4];
    CHECK_INT(read(f.hears, frame, sizeof(frame)), (long long)sizeof(frame));
    CHECK_INT(frame[8], WRN_FRAME_SIGNAL);
    CHECK_INT(wrn_get_u32(frame + 4), 50);
    CHECK_INT(wrn_get_u32(frame + WRN_FRAME_HEADER), SIGKILL);
    CHECK(start(&f, 1, 0));
    CHECK_INT(read(f.hears, frame, WRN_FRAME_HEADER), WRN_FRAME_HEADER);
    CHECK_INT(wrn_get_u32(frame + 4), 51);
    wrn_buf_free(&out);
    close_fake(&f);
}

static uint32_t await_seven(void *context) { return 7; }

/* Of one that was told twice, as it was slow, or of one that answered the last wrennd. */
TEST(only_the_answer_to_the_last_question_counts) {
    fake f;
    wrn_buf out = WRN_BUF_INIT;
    awaited = await_seven;
    open_with(&f, on_kept, false);
    put_back_for(&out, 6, 1);
    put_kept(&out, 40, 7, 0, "mine", 4);
    say(&f, out.data + 3, out.size - 3); /* its beginning went to somebody else */
    put_back_for(&out, 8, 0);
    put_back_for(&out, 7, 1);
    put_kept(&out, 40, 7, 0, "mine", 4);
    say(&f, out.data, out.size);
    until(&f, &f.ready, 1);
    CHECK_INT(f.kept, 1);
    CHECK(start(&f, 1, 0));
    wrn_buf_free(&out);
    close_fake(&f);
    awaited = NULL;
}

TEST(a_return_that_makes_no_sense_ends_the_connection_once) {
    static const struct {
        const char *what;
        uint32_t count, streams[2], untaken;
        const char *label;
        size_t size;
    } cases[] = {{"stream 0", 1, {0}, 0, "mine", 4},
                 {"a stream that leaves no room for more", 1, {UINT32_MAX}, 0, "mine", 4},
                 {"one stream twice", 2, {5, 5}, 0, "mine", 4},
                 {"no label", 1, {5}, 0, "", 0},
                 {"a label with a NUL", 1, {5}, 0, "mi\0e", 4},
                 {"a label that is too long", 1, {5}, 0, NULL, WRN_LABEL_MAX},
                 {"more untaken than was ever granted", 1, {5}, WRN_FRAME_CREDIT + 1, "mine", 4},
                 {"more than can be", UINT32_MAX, {5}, 0, "mine", 4},
                 {"one too few", 1, {5, 6}, 0, "mine", 4}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        fake f;
        wrn_buf out = WRN_BUF_INIT;
        open_with(&f, on_kept, false);
        put_back(&out, cases[i].count);
        for (int k = 0; k < 2 && (!k || cases[i].streams[k]); k++)
            put_kept(&out, cases[i].streams[k], 7, cases[i].untaken, cases[i].label, cases[i].size);
        say(&f, out.data, out.size);
        wrn_buf_free(&out);
        check_lost(&f, cases[i].what);
        close_fake(&f);
    }
}

TEST(agents_say_hello_or_that_they_are_back_but_not_the_other) {
    for (int back = 0; back < 2; back++) {
        fake f;
        wrn_buf out = WRN_BUF_INIT;
        open_with(&f, back ? on_kept : NULL, false);
        if (back) put_number(&out, 0, WRN_FRAME_HELLO, WRN_AGENT_VERSION);
        else put_back(&out, 0);
        say(&f, out.data, out.size);
        wrn_buf_free(&out);
        check_lost(&f, "the wrong greeting");
        CHECK_INT(f.ready, 0);
        close_fake(&f);
    }
}

TEST(garbage_ends_the_connection_once) {
    srand(1);
    for (int round = 0; round < 300; round++) {
        fake f;
        uint8_t garbage[512];
        open_fake(&f);
        f.close_in_lost = round % 2;
        if (round % 3) hello(&f);
        CHECK(start(&f, 0, 0) && start(&f, 1, 1000000));
        wrn_agent_ping(f.agent, on_answer, &f);
        for (size_t i = 0; i < sizeof(garbage); i++) garbage[i] = (uint8_t)rand();
        if (round % 5 == 0) memset(garbage, 0, 2), garbage[8] = WRN_FRAME_STDOUT; /* looks right for longer */
        say(&f, garbage, sizeof(garbage));
        hang_up(&f);
        check_lost(&f, "garbage");
        CHECK_INT(f.answers, 1);
        close_fake(&f);
    }
}

TEST(a_command_ends_once) {
    fake f;
    wrn_buf out = WRN_BUF_INIT;
    open_fake(&f);
    hello(&f);
    CHECK(start(&f, 0, 0) && start(&f, 1, 0));
    put_number(&out, 1, WRN_FRAME_STARTED, 7);
    put_exit(&out, 1, WRN_EXIT_CODE, 3);
    say(&f, out.data, out.size);
    until(&f, &f.commands[0].ended, 1);
    CHECK_INT(f.commands[0].end, WRN_PROC_EXITED);
    CHECK_INT(f.commands[0].code, 3);
    check_sound(&f);
    wrn_buf_clear(&out);
    put_exit(&out, 1, WRN_EXIT_CODE, 4);
    say(&f, out.data, out.size);
    check_lost(&f, "a second EXIT");
    CHECK_INT(f.commands[0].code, 3);
    CHECK_INT(f.commands[1].end, WRN_PROC_LOST);
    wrn_buf_free(&out);
    close_fake(&f);
}

TEST(exits_of_any_kind_and_value) {
    static const uint32_t values[] = {0, 1, 255, 256, 0x7FFFFFFF, 0x80000000u, UINT32_MAX};
    for (uint32_t kind = 0; kind < 8; kind++) {
        for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
            fake f;
            wrn_buf out = WRN_BUF_INIT;
            open_fake(&f);
            hello(&f);
            CHECK(start(&f, 0, 0));
            put_exit(&out, 1, kind < 7 ? kind : UINT32_MAX, values[i]);
            say(&f, out.data, out.size);
            wrn_buf_free(&out);
            until(&f, &f.commands[0].ended, 1);
            CHECK(f.commands[0].code >= 0 && f.commands[0].code <= 255);
            if (kind > WRN_EXIT_SIGNAL) CHECK_INT(f.commands[0].end, WRN_PROC_FAILED);
            check_sound(&f);
            close_fake(&f);
        }
    }
}

/* ---- credit ---- */

static void put_output(wrn_buf *out, size_t size) {
    static const uint8_t zeros[WRN_FRAME_PAYLOAD_MAX];
    for (size_t piece; size; size -= piece) {
        piece = size < sizeof(zeros) ? size : sizeof(zeros);
        put(out, 1, size % 2 ? WRN_FRAME_STDOUT : WRN_FRAME_STDERR, zeros, piece);
    }
}

TEST(output_beyond_credit_ends_the_connection) {
    fake f;
    wrn_buf out = WRN_BUF_INIT;
    open_fake(&f);
    hello(&f);
    CHECK(start(&f, 0, 0));
    wrn_proc_read_stop(f.commands[0].proc);
    put_number(&out, 1, WRN_FRAME_STARTED, 7);
    put_output(&out, WRN_FRAME_CREDIT);
    say(&f, out.data, out.size);
    check_sound(&f);
    CHECK_INT(f.commands[0].total, WRN_FRAME_CREDIT);
    wrn_buf_clear(&out);
    put_output(&out, 1);
    say(&f, out.data, out.size);
    check_lost(&f, "a byte too much");
    CHECK_INT(f.commands[0].total, WRN_FRAME_CREDIT);
    wrn_buf_free(&out);
    close_fake(&f);
}

/* What the agent is granted is what was delivered: never more than a command's credit is open. */
TEST(credit_comes_back_as_output_is_read) {
    fake f;
    wrn_buf out = WRN_BUF_INIT;
    static uint8_t back[65536];
    size_t granted = 0;
    open_fake(&f);
    hello(&f);
    CHECK(start(&f, 0, 0));
    put_number(&out, 1, WRN_FRAME_STARTED, 7);
    say(&f, out.data, out.size);
    static uint8_t frames[WRN_FRAME_BUFFER];
    wrn_frame_reader reader = {.buffer = frames};
    for (int round = 0; round < 20; round++) {
        wrn_buf_clear(&out);
        put_output(&out, WRN_FRAME_CREDIT / 2);
        say(&f, out.data, out.size);
        check_sound(&f);
        ssize_t got = read(f.hears, back, sizeof(back));
        size_t room;
        CHECK(got > 0);
        memcpy(wrn_frame_room(&reader, &room), back, (size_t)got);
        wrn_frame_fed(&reader, (size_t)got);
        for (wrn_frame frame; wrn_frame_next(&reader, &frame) > 0;)
            if (frame.type == WRN_FRAME_WINDOW) granted += wrn_get_u32(frame.data);
        CHECK_INT(granted, f.commands[0].total);
    }
    wrn_buf_free(&out);
    close_fake(&f);
    CHECK_INT(f.commands[0].ended, 1);
}

/* Each frame costs something, and the loop is not this agent's alone. */
TEST(frames_by_the_thousand_leave_others_their_turn) {
    enum { MANY = 2000, AT_ONCE = 500 };
    fake f;
    wrn_buf out = WRN_BUF_INIT;
    open_fake(&f);
    hello(&f);
    CHECK(start(&f, 0, 0));
    put_number(&out, 1, WRN_FRAME_STARTED, 7);
    for (int i = 0; i < MANY; i++) put(&out, 1, WRN_FRAME_STDOUT, "x", 1);
    put_exit(&out, 1, WRN_EXIT_CODE, 0);
    CHECK_INT(write(f.peer, out.data, out.size), out.size);
    for (size_t before = 0; !f.commands[0].ended; before = f.commands[0].total) {
        uv_run(&f.loop, UV_RUN_ONCE);
        CHECK_MSG(f.commands[0].total <= before + AT_ONCE, "%zu frames at once", f.commands[0].total - before);
    }
    CHECK_INT(f.commands[0].total, MANY);
    check_sound(&f);
    /* Nor are they lost, or touched again, when it ends or is closed meanwhile. */
    CHECK(start(&f, 1, 0));
    wrn_buf_clear(&out);
    put_number(&out, 2, WRN_FRAME_STARTED, 8);
    for (int i = 0; i < MANY; i++) put(&out, 2, WRN_FRAME_STDOUT, "x", 1);
    CHECK_INT(write(f.peer, out.data, out.size), out.size);
    uv_run(&f.loop, UV_RUN_ONCE);
    close_agent(&f);
    CHECK_INT(f.commands[1].ended, 1);
    wrn_buf_free(&out);
    close_fake(&f);
}

/* ---- hanging up ---- */

static void put_conversation(wrn_buf *out) {
    put_number(out, 0, WRN_FRAME_HELLO, WRN_AGENT_VERSION);
    put_number(out, 1, WRN_FRAME_STARTED, 7);
    put(out, 1, WRN_FRAME_STDOUT, "hello", 5);
    put(out, 0, WRN_FRAME_PONG, NULL, 0);
    put_number(out, 2, WRN_FRAME_STARTED, 8);
    put(out, 1, WRN_FRAME_STDERR, "oops", 4);
    put(out, 0, WRN_FRAME_DONE, NULL, 0);
    put_exit(out, 1, WRN_EXIT_CODE, 0);
}

TEST(eof_at_every_byte) {
    wrn_buf out = WRN_BUF_INIT;
    put_conversation(&out);
    for (size_t cut = 0; cut <= out.size; cut++) {
        fake f;
        open_fake(&f);
        f.close_in_lost = cut % 2;
        CHECK(start(&f, 0, 0) && start(&f, 1, 50000));
        wrn_agent_ping(f.agent, on_answer, &f);
        wrn_agent_freeze(f.agent, true, on_answer, &f);
        CHECK_INT(write(f.peer, out.data, cut), (int)cut);
        hang_up(&f);
        check_lost(&f, "end of file");
        CHECK_INT(f.answers, 2);
        CHECK_INT(f.commands[0].end, cut == out.size ? WRN_PROC_EXITED : WRN_PROC_LOST);
        CHECK_INT(f.commands[1].end, WRN_PROC_LOST);
        close_fake(&f);
        CHECK_INT(f.commands[0].ended + f.commands[1].ended, 2);
    }
    wrn_buf_free(&out);
}

TEST(closing_ends_everything_without_a_word_of_loss) {
    fake f;
    open_fake(&f);
    hello(&f);
    CHECK(start(&f, 0, 0) && start(&f, 1, 50000));
    wrn_agent_ping(f.agent, on_answer, &f);
    close_agent(&f);
    CHECK_INT(f.commands[0].ended + f.commands[1].ended, 2);
    CHECK_INT(f.answers, 1);
    CHECK_INT(f.faults, 1);
    close_fake(&f);
    CHECK_INT(f.lost, 0);
}

TEST(questions_to_a_lost_agent_are_answered_later) {
    fake f;
    open_fake(&f);
    hello(&f);
    f.ask_in_end = true;
    CHECK(start(&f, 0, 0) && start(&f, 1, 0));
    wrn_agent_ping(f.agent, on_answer, &f);
    hang_up(&f);
    check_lost(&f, "questions");
    until(&f, &f.answers, 3);
    CHECK_INT(f.faults, 3);
    close_fake(&f);
    CHECK_INT(f.answers, 3);
}

/* ---- an agent that says nothing ---- */

TEST(a_command_beyond_its_time_ends_the_connection) {
    fake f;
    wrn_agent_grace_ms = 1;
    open_fake(&f);
    hello(&f);
    CHECK(start(&f, 0, 1) && start(&f, 1, 0));
    check_lost(&f, "silence");
    CHECK_INT(f.commands[0].end, WRN_PROC_LOST);
    close_fake(&f);
}

static void note_tick(uv_timer_t *timer) { ++*(int *)timer->data; }

/* Runs the loop well beyond all that is due: what must not happen has had its chance. */
static void let_time_pass(fake *f) {
    uv_timer_t timer;
    int ticks = 0;
    uv_timer_init(&f->loop, &timer);
    timer.data = &ticks;
    uv_timer_start(&timer, note_tick, 100, 0);
    until(f, &ticks, 1);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

TEST(a_frozen_agent_may_be_silent) {
    fake f;
    wrn_agent_grace_ms = 1;
    open_fake(&f);
    hello(&f);
    CHECK(start(&f, 0, 1) && start(&f, 1, 0));
    wrn_agent_suspend(f.agent, true);
    let_time_pass(&f);
    check_sound(&f);
    wrn_agent_suspend(f.agent, false);
    check_lost(&f, "silence");
    close_fake(&f);
}

/* Answers so many. */
static void answer_pings(fake *f, int count) {
    static uint8_t buffer[WRN_FRAME_BUFFER];
    wrn_frame_reader reader = {.buffer = buffer};
    wrn_frame frame;
    while (count && !f->lost) {
        size_t room;
        uint8_t *at = wrn_frame_room(&reader, &room);
        uv_run(&f->loop, UV_RUN_NOWAIT);
        ssize_t got = read(f->hears, at, room);
        if (got > 0) wrn_frame_fed(&reader, (size_t)got);
        while (wrn_frame_next(&reader, &frame) > 0) {
            wrn_buf out = WRN_BUF_INIT;
            if (frame.type != WRN_FRAME_PING) continue;
            put(&out, 0, WRN_FRAME_PONG, frame.data, frame.size);
            say(f, out.data, out.size);
            wrn_buf_free(&out);
            count--;
        }
    }
}

static void open_watched(fake *f) {
    wrn_agent_watch_ms = 1;
    open_with(f, NULL, true);
    hello(f);
    CHECK(start(f, 0, 0) && start(f, 1, 0));
}

TEST(a_watched_agent_that_says_nothing_is_lost) {
    fake f;
    open_watched(&f);
    check_lost(&f, "silence");
    CHECK_INT(f.commands[0].end, WRN_PROC_LOST);
    close_fake(&f);
}

TEST(a_watched_agent_that_answers_or_is_frozen_is_not_lost) {
    fake f;
    open_watched(&f);
    wrn_agent_suspend(f.agent, true);
    let_time_pass(&f);
    CHECK_INT(f.lost, 0);
    wrn_agent_suspend(f.agent, false);
    answer_pings(&f, 20);
    CHECK_INT(f.lost, 0);
    check_lost(&f, "silence");
    close_fake(&f);
}

/* ---- an agent that never reads ---- */

static void fill_queue(fake *f) {
    static char big[1 << 20];
    memset(big, 'x', sizeof(big) - 1);
    const char *args[] = {big, big, big, NULL};
    wrn_fault fault = {0};
    int count = 0;
    command *c = &f->commands[0];
    c->fake = f;
    wrn_proc_events events = {on_start, on_output, on_end, NULL, NULL, c};
    for (wrn_proc *proc;
         (proc = wrn_agent_exec(f->agent, &(wrn_proc_spec){.cmd = "true", .args = args}, &events, &fault)); count++) {
        c->proc = proc;
        CHECK(count < 20);
    }
    CHECK(fault.code == WRN_FAULT_AGENT_ERROR);
    CHECK(count > 2);
}

TEST(what_waits_for_an_agent_that_never_reads_is_bounded) {
    enum { QUEUE_MAX = 32 << 20, COMMAND_MAX = 4 << 20, MORE = 1000000 };
    static char drained[1 << 20];
    fake f;
    open_fake(&f);
    hello(&f);
    fill_queue(&f);
    for (int i = 0; i < MORE; i++) wrn_proc_signal(f.commands[0].proc, SIGTERM);
    for (int i = 0; i < MORE / 100; i++) wrn_agent_ping(f.agent, on_answer, &f);
    CHECK_INT(f.answers, 0);
    until(&f, &f.answers, MORE / 100);
    CHECK_INT(f.faults, MORE / 100);
    size_t total = 0;
    for (ssize_t got; (got = read(f.hears, drained, sizeof(drained))) > 0; total += (size_t)got)
        uv_run(&f.loop, UV_RUN_NOWAIT);
    CHECK_MSG(total <= QUEUE_MAX + 2 * COMMAND_MAX, "%zu bytes waited", total);
    close_fake(&f);
    CHECK(f.commands[0].ended > 2);
}

/* ---- descriptors ---- */

/* They can't even be sent: closing some takes as long as whoever made them likes. */
TEST(descriptors_cannot_be_passed_through_the_channel) {
    fake f;
    open_fake(&f);
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    memcpy(CMSG_DATA(&control.head), &f.hears, sizeof(int));
    struct iovec byte = {(char[]){0}, 1};
    struct msghdr message = {
        .msg_iov = &byte, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(sizeof(int))};
    const int fds[] = {f.peer, f.hears};
    for (size_t i = 0; i < WRN_COUNT(fds); i++) CHECK(sendmsg(fds[i], &message, MSG_NOSIGNAL) < 0 && errno == ENOTSOCK);
    close_fake(&f);
}

/* ---- a machine that is stopped ---- */

/* The types of the frames that the server has sent since, as text. */
static void check_heard(fake *f, const char *want) {
    static uint8_t buffer[WRN_FRAME_BUFFER];
    wrn_frame_reader reader = {.buffer = buffer};
    wrn_frame frame;
    char got[64] = "";
    struct pollfd there = {.fd = f->hears, .events = POLLIN};
    for (int i = 0; i < 3; i++) uv_run(&f->loop, UV_RUN_NOWAIT);
    while (poll(&there, 1, 0) == 1) {
        size_t room;
        uint8_t *at = wrn_frame_room(&reader, &room);
        ssize_t size = read(f->hears, at, room);
        CHECK(size > 0);
        wrn_frame_fed(&reader, (size_t)size);
        while (wrn_frame_next(&reader, &frame) > 0)
            snprintf(got + strlen(got), sizeof(got) - strlen(got), "%u ", frame.type);
        uv_run(&f->loop, UV_RUN_NOWAIT);
    }
    CHECK_STR(got, want);
}

TEST(nothing_is_sent_to_a_quiet_agent) {
    fake f;
    wrn_buf out = WRN_BUF_INIT;
    open_fake(&f);
    hello(&f);
    CHECK(start(&f, 0, 0));
    wrn_agent_quiet(f.agent, on_answer, &f);
    wrn_agent_ping(f.agent, on_answer, &f);
    check_heard(&f, "2 24 "); /* EXEC, QUIET */
    put(&out, 0, WRN_FRAME_DONE, NULL, 0);
    say(&f, out.data, out.size);
    wrn_buf_clear(&out);
    until(&f, &f.answers, 1);
    CHECK(start(&f, 1, 0));
    check_heard(&f, "");
    wrn_agent_resume(f.agent, on_answer, &f);
    check_heard(&f, "11 2 25 "); /* PING, EXEC, RESUME */
    put(&out, 0, WRN_FRAME_PONG, NULL, 0);
    put(&out, 0, WRN_FRAME_DONE, NULL, 0);
    say(&f, out.data, out.size);
    until(&f, &f.answers, 3);
    CHECK_INT(f.faults, 0);
    check_sound(&f);
    wrn_buf_free(&out);
    close_fake(&f);
}

TEST_MAIN
