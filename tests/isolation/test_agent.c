/* The agent itself over a bare channel, without a sandbox around it: where that shows best what once went wrong. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "test.h"
#include "wire/frame.h"

typedef struct agent {
    pid_t pid;
    int channel, tells; /* to read from, to write to */
    int handover;       /* -1: it has none */
    uint8_t buffer[WRN_FRAME_BUFFER];
    wrn_frame_reader reader;
} agent;

static agent a;

/* As a daemon might start it by mistake: signals blocked and ignored. It is PID 1 of a namespace, so that nothing stays
 * behind, and nobody special, so that being in the way of root is not what protects it. */
static void run_agent(const int channel[2], int handover) {
    sigset_t all;
    const char *path = getenv("WRENN_TEST_AGENT");
    int program = fcntl(open(path ? path : "", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 10);
    CHECK(program >= 0);
    close(a.channel), close(a.tells);
    if (handover >= 0) close(a.handover);
    if (unshare(CLONE_NEWPID | CLONE_NEWNS | (geteuid() == 0 ? 0 : CLONE_NEWUSER)) != 0) _exit(1);
    pid_t pid = fork();
    if (pid != 0) {
        int status = 0;
        close(channel[0]), close(channel[1]);
        if (handover >= 0) close(handover);
        waitpid(pid, &status, 0);
        _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 99);
    }
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("proc", "/proc", "proc", 0, NULL) != 0 ||
        (geteuid() == 0 &&
         (setgroups(0, NULL) != 0 || setresgid(65534, 65534, 65534) != 0 || setresuid(65534, 65534, 65534) != 0)))
        _exit(1);
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    signal(SIGPIPE, SIG_IGN);
    int in = fcntl(channel[0], F_DUPFD_CLOEXEC, 10), out = fcntl(channel[1], F_DUPFD_CLOEXEC, 10);
    handover = fcntl(handover, F_DUPFD_CLOEXEC, 10);
    if (dup2(in, 3) != 3 || dup2(out, 7) != 7) _exit(1);
    if (dup2(handover, 4) != 4) close(4);
    fexecve(program, (char *const[]){(char[]){"wrenn-agent"}, NULL}, environ);
    _exit(1);
}

static void make_channel(int theirs[2]) {
    int up[2], down[2];
    CHECK(pipe2(up, O_CLOEXEC) == 0 && pipe2(down, O_CLOEXEC) == 0);
    a.channel = up[0], theirs[1] = up[1];
    a.tells = down[1], theirs[0] = down[0];
}

static void hang_up(void) {
    close(a.channel);
    close(a.tells);
}

static const wrn_frame *next_frame(void) {
    static wrn_frame frame;
    for (int next; (next = wrn_frame_next(&a.reader, &frame)) <= 0;) {
        CHECK(next == 0);
        size_t room;
        uint8_t *at = wrn_frame_room(&a.reader, &room);
        ssize_t got = read(a.channel, at, room);
        if (got < 0 && errno == EINTR) continue;
        CHECK_MSG(got > 0, "the agent hung up");
        wrn_frame_fed(&a.reader, (size_t)got);
    }
    return &frame;
}

static void start_with(int handover) {
    int theirs[2];
    make_channel(theirs);
    a.reader.buffer = a.buffer;
    a.pid = fork();
    if (a.pid == 0) run_agent(theirs, handover);
    close(theirs[0]), close(theirs[1]);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_HELLO);
    CHECK_INT(wrn_get_u32(frame->data), WRN_AGENT_VERSION);
}

static void start_agent(void) { start_with(-1); }

/* A directory of everybody's, which commands find as $D, with two named pipes. */
static void share_dir(void) {
    char path[300];
    chmod(test_dir(), 0777);
    setenv("D", test_dir(), 1);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", test_dir(), i ? "said" : "go");
        CHECK_INT(mkfifo(path, 0666), 0);
        CHECK_INT(chmod(path, 0666), 0);
    }
}

/* One that outlives its server. */
static void start_lasting_agent(void) {
    int pair[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    a.handover = pair[0];
    start_with(pair[1]);
    close(pair[1]);
}

static void put(wrn_buf *out, uint32_t stream, uint8_t type, const void *data, size_t size) {
    uint8_t head[WRN_FRAME_HEADER];
    wrn_frame_head(head, stream, type, 0, (uint32_t)size);
    wrn_buf_put(out, head, sizeof(head));
    wrn_buf_put(out, data, size);
}

static void send_all(wrn_buf *out) {
    CHECK_INT(write(a.tells, out->data, out->size), (long long)out->size);
    wrn_buf_free(out);
}

/* sh -c line */
static void put_labelled(wrn_buf *out, uint32_t stream, const char *label, const char *line) {
    wrn_buf payload = WRN_BUF_INIT;
    uint8_t head[WRN_EXEC_HEAD] = {0};
    wrn_put_u32(head, 3);
    wrn_buf_put(&payload, head, sizeof(head));
    wrn_buf_put(&payload, "/", 2);
    wrn_buf_put(&payload, label, strlen(label) + 1);
    wrn_buf_put(&payload, "\0sh\0-c", 7);
    wrn_buf_put(&payload, line, strlen(line) + 1);
    put(out, stream, WRN_FRAME_EXEC, payload.data, payload.size);
    wrn_buf_free(&payload);
}

static void put_exec(wrn_buf *out, uint32_t stream, const char *line) { put_labelled(out, stream, "", line); }

typedef struct result {
    char out[65537];
    size_t size;
    uint32_t kind, value;
    bool cut;
} result;

/* Reads to the end of the command with this stream. */
static const result *read_to_end(uint32_t stream, bool started) {
    static result r;
    memset(&r, 0, sizeof(r));
    for (;;) {
        const wrn_frame *frame = next_frame();
        if (frame->stream != stream) continue;
        if (frame->type == WRN_FRAME_STARTED) started = true;
        if (frame->type == WRN_FRAME_STDOUT || frame->type == WRN_FRAME_STDERR) {
            CHECK(started && r.size + frame->size < sizeof(r.out));
            memcpy(r.out + r.size, frame->data, frame->size);
            r.size += frame->size;
        }
        if (frame->type != WRN_FRAME_EXIT) continue;
        CHECK_INT(frame->size, 12);
        r.kind = wrn_get_u32(frame->data);
        r.value = wrn_get_u32(frame->data + 4);
        r.cut = wrn_get_u32(frame->data + 8) & WRN_EXIT_CUT;
        return &r;
    }
}

static const result *finish(uint32_t stream) { return read_to_end(stream, false); }
static const result *finish_started(uint32_t stream) { return read_to_end(stream, true); }

static const char *sh(const char *line) {
    static uint32_t stream = 1000;
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, ++stream, line);
    send_all(&out);
    const result *r = finish(stream);
    CHECK_MSG(r->kind == WRN_EXIT_CODE && r->value == 0, "%s: %u %u: %s", line, r->kind, r->value, r->out);
    return r->out;
}

/* Gives credit back for what came; its size, if it is output of that stream. */
static size_t grant(uint32_t stream, const wrn_frame *frame) {
    wrn_buf out = WRN_BUF_INIT;
    uint8_t number[4];
    if (frame->stream != stream || (frame->type != WRN_FRAME_STDOUT && frame->type != WRN_FRAME_STDERR)) return 0;
    wrn_put_u32(number, frame->size);
    put(&out, stream, WRN_FRAME_WINDOW, number, sizeof(number));
    send_all(&out);
    return frame->size;
}

typedef struct log_text {
    char *text; /* what was stderr is in brackets */
    size_t size;
    uint64_t from, dropped;
    uint32_t kind, value;
} log_text;

static uint32_t ask_log(uint32_t command, uint32_t flags, uint64_t from) {
    static uint32_t stream = 100000;
    uint8_t payload[WRN_LOG_REQUEST];
    wrn_buf out = WRN_BUF_INIT;
    wrn_log_request_put(&(wrn_log_request){command, flags, from}, payload);
    put(&out, ++stream, WRN_FRAME_LOG, payload, sizeof(payload));
    send_all(&out);
    return stream;
}

static log_text read_log(uint32_t command, uint32_t flags, uint64_t from) {
    log_text all = {0};
    wrn_buf text = WRN_BUF_INIT;
    uint32_t stream = ask_log(command, flags, from);
    for (;;) {
        const wrn_frame *frame = next_frame();
        if (frame->stream != stream) continue;
        if (frame->type == WRN_FRAME_EXIT) {
            all.kind = wrn_get_u32(frame->data);
            all.value = wrn_get_u32(frame->data + 4);
            break;
        }
        bool err = frame->type == WRN_FRAME_STDERR;
        if (frame->type == WRN_FRAME_FROM) {
            CHECK_INT(text.size, 0);
            all.from = wrn_get_u64(frame->data);
            all.dropped = wrn_get_u64(frame->data + 8);
            continue;
        }
        wrn_buf_puts(&text, err ? "[" : "");
        wrn_buf_put(&text, frame->data, frame->size);
        wrn_buf_puts(&text, err ? "]" : "");
        grant(stream, frame);
    }
    all.size = text.size;
    wrn_buf_puts(&text, "");
    all.text = wrn_buf_steal(&text);
    return all;
}

/* Waits for the agent's end. */
static int agent_status(void) {
    int status;
    while (waitpid(a.pid, &status, 0) != a.pid) CHECK(errno == EINTR);
    return status;
}

TEST(a_channel_that_hangs_up_ends_the_agent_at_once) {
    start_agent();
    hang_up();
    int status = agent_status();
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

TEST(a_channel_that_hangs_up_ends_a_busy_agent) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 1, "yes");
    put_exec(&out, 2, "sleep 1000");
    send_all(&out);
    while (next_frame()->type != WRN_FRAME_STDOUT) {
    }
    hang_up();
    CHECK(WIFEXITED(agent_status()));
}

TEST(half_a_frame_and_then_nothing_ends_the_agent) {
    start_agent();
    CHECK_INT(write(a.tells, "\x10\0\0\0\1", 5), 5);
    hang_up();
    CHECK(WIFEXITED(agent_status()));
}

TEST(what_is_no_frame_ends_the_agent) {
    start_agent();
    CHECK_INT(write(a.tells, "GET / HTTP/1.1\r\n", 16), 16);
    CHECK(WIFEXITED(agent_status()));
}

TEST(commands_do_not_inherit_the_channel) {
    start_agent();
    CHECK_STR(sh("for i in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$i ] && echo $i; done; true"), "");
}

TEST(exit_follows_the_process_and_not_the_pipe) {
    start_agent();
    CHECK_STR(sh("sleep 1000 & echo started"), "started\n");
    CHECK_STR(sh("(exec sleep 1000) 2>/dev/null & echo $(echo again)"), "again\n");
}

TEST(what_is_in_the_pipe_still_comes) {
    start_agent();
    CHECK_INT(strlen(sh("sleep 1000 & head -c 60000 /dev/zero | tr '\\0' x")), 60000);
}

/* ---- what outlives its command ---- */

/* Waits for a line in $D/go, then writes more than any pipe holds, and says in $D/said how that went. */
#define LEFTOVER "(read line <$D/go; head -c 300000 /dev/zero && head -c 300000 /dev/zero >&2; echo $? >$D/said) & "

TEST(what_outlives_its_command_can_write) {
    share_dir();
    start_agent();
    for (int i = 0; i < 3; i++) {
        CHECK_STR(sh(LEFTOVER "echo started"), "started\n");
        CHECK_STR(sh("echo >$D/go; cat $D/said"), "0\n");
    }
}

TEST(what_outlives_a_killed_command_can_write) {
    share_dir();
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 1, LEFTOVER "echo up; kill -9 $$");
    send_all(&out);
    CHECK_INT(finish(1)->kind, WRN_EXIT_SIGNAL);
    CHECK_STR(sh("echo >$D/go; cat $D/said"), "0\n");
}

/* The helper writes its next word as soon as the one before is here, so that none is late on a slow machine; and goes on for
 * longer than the agent waits for the first. */
TEST(output_that_still_flows_is_waited_for) {
    enum { LONG_MS = 600 };
    char path[300];
    share_dir();
    start_agent();
    snprintf(path, sizeof(path), "%s/go", test_dir());
    int go = open(path, O_RDWR | O_CLOEXEC);
    CHECK(go >= 0);
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 1, "while read w && [ $w != end ]; do echo $w; done <$D/go & echo main; exit 3");
    send_all(&out);
    for (int64_t end = 0; !end || wrn_now_ms() < end;) {
        const wrn_frame *frame = next_frame();
        if (frame->type == WRN_FRAME_STARTED) continue;
        CHECK_MEM(frame->data, frame->size, end ? "word\n" : "main\n", 5);
        grant(1, frame);
        if (!end) end = wrn_now_ms() + LONG_MS;
        CHECK_INT(write(go, "word\n", 5), 5);
    }
    CHECK_INT(write(go, "end\n", 4), 4);
    const result *r = finish_started(1);
    CHECK_STR(r->out, "word\n");
    CHECK(r->value == 3 && !r->cut);
    put_exec(&out, 2, "echo all");
    send_all(&out);
    CHECK(!finish(2)->cut);
    close(go);
}

TEST(output_that_is_not_waited_for_is_marked) {
    start_agent();
    static const char *const lines[] = {"sleep 1000 & echo x", "(while :; do echo x; sleep 0.01; done) & echo x",
                                        "(exec sleep 1000) >&2 & exec >&-; echo x >&2"};
    for (uint32_t i = 0; i < 3; i++) {
        wrn_buf out = WRN_BUF_INIT;
        put_exec(&out, i + 1, lines[i]);
        send_all(&out);
        const result *r = finish(i + 1);
        CHECK_MSG(r->value == 0 && r->cut && r->out[0] == 'x', "%s", lines[i]);
    }
}

/* ---- from one server to the next ---- */

static void hand_over(void) {
    int theirs[2];
    struct iovec bytes = {(char[]){0}, 1};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(theirs))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(theirs)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    make_channel(theirs);
    memcpy(CMSG_DATA(&control.head), theirs, sizeof(theirs));
    CHECK_INT(sendmsg(a.handover, &message, 0), 1);
    close(theirs[0]), close(theirs[1]);
    a.reader.begin = a.reader.end = 0;
}

/* It says first that it is back, with so many commands. */
static void check_back(uint32_t kept) {
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_HELLO_AGAIN);
    CHECK_INT(frame->size, 8);
    CHECK_INT(wrn_get_u32(frame->data), WRN_AGENT_VERSION);
    CHECK_INT(wrn_get_u32(frame->data + 4), kept);
}

TEST(what_has_a_label_outlives_the_server_and_the_rest_ends) {
    start_lasting_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "the label", "trap 'echo later; exit 3' USR1; echo up; while :; do sleep 0.01; done");
    put_exec(&out, 8, "echo up; exec tail -f /dev/null");
    send_all(&out);
    for (int seen = 0; seen < 2;) seen += next_frame()->type == WRN_FRAME_STDOUT;
    hang_up();
    hand_over();
    check_back(1);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_DETACHED);
    CHECK_INT(frame->stream, 7);
    CHECK_MEM(frame->data + WRN_DETACHED_HEAD, frame->size - WRN_DETACHED_HEAD, "the label", 9);
    CHECK(wrn_get_u32(frame->data) > 1);
    CHECK_INT(wrn_get_u32(frame->data + 4), 0);
    CHECK_INT(wrn_get_u32(frame->data + 8), 0);
    uint8_t number[4];
    wrn_put_u32(number, SIGUSR1);
    put(&out, 7, WRN_FRAME_SIGNAL, number, sizeof(number));
    send_all(&out);
    const result *r = finish_started(7);
    CHECK_CONTAINS(r->out, "later\n");
    CHECK_INT(r->kind, WRN_EXIT_CODE);
    CHECK_INT(r->value, 3);
    CHECK_STR(sh("until ! pgrep -x tail >/dev/null; do :; done; echo gone"), "gone\n");
}

TEST(what_a_command_left_behind_outlives_the_server) {
    share_dir();
    start_lasting_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 8, "me=$$; (while kill -0 $me 2>/dev/null; do :; done; exec yes left) & echo $! >$D/left");
    send_all(&out);
    for (uint8_t type = 0; type != WRN_FRAME_STDOUT && type != WRN_FRAME_EXIT;) type = next_frame()->type;
    hang_up();
    hand_over();
    check_back(0);
    CHECK_STR(sh("kill -9 $(cat $D/left) && echo alive"), "alive\n");
}

TEST(a_new_server_takes_over_from_one_that_hangs) {
    start_lasting_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 1, "noisy", "exec yes");
    send_all(&out);
    while (next_frame()->type != WRN_FRAME_STDOUT) {
    }
    int before[] = {a.channel, a.tells};
    for (int i = 0; i < 3; i++) {
        hand_over();
        check_back(1);
        CHECK_INT(next_frame()->type, WRN_FRAME_DETACHED);
        while (next_frame()->type != WRN_FRAME_STDOUT) {
        }
        CHECK_STR(sh("echo alive"), "alive\n");
    }
    close(before[0]), close(before[1]);
}

/* From outside: as long as there is no server nobody in there can be asked. */
static void let_go(void) {
    char path[300], answer[8] = "";
    snprintf(path, sizeof(path), "%s/go", test_dir());
    int go = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_INT(write(go, "\n", 1), 1);
    close(go);
    snprintf(path, sizeof(path), "%s/said", test_dir());
    for (ssize_t got = 0; !got;) { /* the one before may not have closed its end */
        int said = open(path, O_RDONLY | O_CLOEXEC);
        got = read(said, answer, sizeof(answer) - 1);
        CHECK(got >= 0);
        close(said);
    }
    CHECK_STR(answer, "0\n");
}

TEST(without_a_server_everybody_can_write) {
    share_dir();
    start_lasting_agent();
    CHECK_STR(sh(LEFTOVER "echo started"), "started\n");
    hang_up();
    let_go();
    hand_over();
    check_back(0);
    /* What goes on keeps its output for the next server, and its end. */
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "label",
                 "echo up; read line <$D/go; yes | head -c 500000; echo last; echo 0 >$D/said; exit 3");
    send_all(&out);
    while (next_frame()->type != WRN_FRAME_STDOUT) {
    }
    hang_up();
    let_go();
    hand_over();
    check_back(1);
    CHECK_INT(next_frame()->type, WRN_FRAME_DETACHED);
    const result *r = finish_started(7);
    CHECK_INT(r->value, 3);
    CHECK(!r->cut);
    log_text kept = read_log(7, 0, 0);
    CHECK_INT(kept.from, 0);
    CHECK_INT(kept.size, 3 + 500000 + 5);
    CHECK_MEM(kept.text + kept.size - 9, 9, "y\ny\nlast\n", 9);
    CHECK_INT(kept.kind, WRN_EXIT_CODE);
    CHECK_INT(kept.value, 3);
    free(kept.text);
}

static void check_log(uint32_t command, uint32_t flags, uint64_t from, uint64_t at, uint64_t dropped,
                      const char *want) {
    log_text kept = read_log(command, flags, from);
    CHECK_INT(kept.from, at);
    CHECK_INT(kept.dropped, dropped);
    CHECK_STR(kept.text, want);
    CHECK_INT(kept.kind, WRN_EXIT_CODE);
    free(kept.text);
}

TEST(kept_output_is_read_from_anywhere) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "label", "echo one; sleep 0.05; echo two >&2; sleep 0.05; echo three");
    send_all(&out);
    CHECK_INT(finish(7)->value, 0);
    check_log(7, 0, 0, 0, 0, "one\n[two\n]three\n");
    check_log(7, 0, 5, 5, 0, "[wo\n]three\n");
    check_log(7, WRN_LOG_FOLLOW, 14, 14, 0, "");
    check_log(7, WRN_LOG_FOLLOW, 1000, 14, 0, "");
    check_log(7, WRN_LOG_TAIL, 0, 14, 0, "");
    check_log(7, WRN_LOG_TAIL, 1, 8, 0, "three\n");
    check_log(7, WRN_LOG_TAIL, 2, 4, 0, "[two\n]three\n");
    check_log(7, WRN_LOG_TAIL, 1000, 0, 0, "one\n[two\n]three\n");
    log_text none = read_log(8, 0, 0);
    CHECK_INT(none.kind, WRN_EXIT_FAILED);
    free(none.text);
}

TEST(what_the_bound_pushes_out_is_counted) {
    enum { ALL = WRN_LOG_MAX + 1000001 };
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    char line[128];
    snprintf(line, sizeof(line), "yes 1234567 | head -c %d", ALL);
    put_labelled(&out, 7, "label", line);
    send_all(&out);
    for (const wrn_frame *frame; (frame = next_frame())->type != WRN_FRAME_EXIT;) grant(7, frame);
    log_text kept = read_log(7, 0, 17);
    CHECK_INT(kept.from, ALL - WRN_LOG_MAX);
    CHECK_INT(kept.dropped, ALL - WRN_LOG_MAX - 17);
    CHECK_INT(kept.size, WRN_LOG_MAX);
    for (size_t i = 0; i < kept.size; i++) CHECK(kept.text[i] == "1234567\n"[(kept.from + i) % 8]);
    free(kept.text);
    kept = read_log(7, WRN_LOG_TAIL, 3);
    CHECK_STR(kept.text, "1234567\n1234567\n1");
    free(kept.text);
    kept = read_log(7, WRN_LOG_TAIL, 10000000);
    CHECK_INT(kept.dropped, ALL - WRN_LOG_MAX);
    free(kept.text);
}

TEST(who_changes_between_the_streams_all_the_time_fills_no_memory) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "label",
                 "i=0; while [ $i -lt 20000 ]; do echo a; echo b >&2; i=$((i + 1)); done; sleep 0.2; echo last");
    send_all(&out);
    uint64_t all = 0;
    for (const wrn_frame *frame; (frame = next_frame())->type != WRN_FRAME_EXIT;) all += grant(7, frame);
    CHECK_INT(all, 80005);
    log_text kept = read_log(7, 0, 0);
    CHECK_INT(kept.from, kept.dropped);
    CHECK_MEM(kept.text + kept.size - 5, 5, "last\n", 5);
    free(kept.text);
}

/* Of a command that nobody watches it is the start that fails. */
TEST(a_detached_program_that_can_not_be_run_never_starts) {
    static const struct {
        const char *program;
        uint32_t error;
    } cases[] = {{"/no-such-program", ENOENT}, {"/etc/passwd/x", ENOTDIR}, {"/etc/passwd", EACCES}, {"/", EACCES}};
    start_agent();
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        wrn_buf payload = WRN_BUF_INIT, out = WRN_BUF_INIT;
        wrn_exec_put(&(wrn_proc_spec){.cmd = cases[i].program, .cwd = "/", .label = "label"}, &payload);
        put(&out, i + 1, WRN_FRAME_EXEC, payload.data, payload.size);
        send_all(&out);
        const wrn_frame *frame = next_frame();
        CHECK_INT(frame->type, WRN_FRAME_EXIT);
        CHECK_INT(wrn_get_u32(frame->data), WRN_EXIT_PROGRAM);
        CHECK_INT(wrn_get_u32(frame->data + 4), cases[i].error);
        log_text none = read_log(i + 1, 0, 0);
        CHECK_INT(none.kind, WRN_EXIT_FAILED);
        free(none.text);
        wrn_buf_free(&payload);
    }
}

/* Reading goes on where what was kept ends: nothing is missing, and nothing comes twice. */
TEST(kept_output_goes_on_with_what_comes) {
    share_dir();
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_labelled(&out, 7, "label", "seq 20000; read line <$D/go; seq 20001 40000; exit 4");
    send_all(&out);
    size_t seen = 0;
    while (seen < 108894) seen += grant(7, next_frame());
    uint32_t reader = ask_log(7, WRN_LOG_FOLLOW, 0);
    wrn_buf text = WRN_BUF_INIT;
    for (bool over = false; !over;) {
        const wrn_frame *frame = next_frame();
        grant(frame->stream, frame);
        if (frame->stream != reader) continue;
        over = frame->type == WRN_FRAME_EXIT;
        if (over) CHECK_INT(wrn_get_u32(frame->data + 4), 4);
        if (frame->type != WRN_FRAME_STDOUT) continue;
        wrn_buf_put(&text, frame->data, frame->size);
        if (text.size == 108894) {
            char path[300];
            snprintf(path, sizeof(path), "%s/go", test_dir());
            int go = open(path, O_WRONLY | O_CLOEXEC);
            CHECK_INT(write(go, "\n", 1), 1);
            close(go);
        }
    }
    const char *at = text.data;
    CHECK(at != NULL);
    for (long i = 1; i <= 40000; i++) {
        char *end;
        CHECK_INT(strtol(at, &end, 10), i);
        at = end + 1;
    }
    CHECK_INT(*at, 0);
    wrn_buf_free(&text);
}

TEST(so_many_logs_are_kept_of_what_has_ended) {
    start_lasting_agent();
    for (uint32_t i = 1; i <= WRN_LOGS_KEPT + 1; i++) {
        wrn_buf out = WRN_BUF_INIT;
        put_labelled(&out, i, "label", "echo x");
        send_all(&out);
        CHECK_INT(finish(i)->value, 0);
    }
    hang_up();
    hand_over();
    check_back(WRN_LOGS_KEPT);
    for (uint32_t i = 2; i <= WRN_LOGS_KEPT + 1; i++) {
        const wrn_frame *frame = next_frame();
        CHECK_INT(frame->type, WRN_FRAME_DETACHED);
        CHECK_INT(frame->stream, i);
        CHECK_INT(wrn_get_u32(frame->data + 4), WRN_DETACHED_ENDED);
        CHECK_MEM(frame->data + WRN_DETACHED_HEAD, frame->size - WRN_DETACHED_HEAD, "label", 5);
    }
    log_text none = read_log(1, 0, 0);
    CHECK_INT(none.kind, WRN_EXIT_FAILED);
    free(none.text);
    check_log(2, 0, 0, 0, 0, "x\n");
}

TEST(a_terminal_keeps_its_modes_for_the_next_server) {
    start_lasting_agent();
    static const char line[] =
        "stty -echo; printf '\\033[?1049h\\033[?25l'; yes x | head -n 200000 | tr -d '\\n'; echo ready; "
        "exec sleep 1000";
    uint8_t head[WRN_EXEC_HEAD] = {0};
    wrn_buf payload = WRN_BUF_INIT, out = WRN_BUF_INIT;
    wrn_put_u32(head, 3);
    wrn_put_u32(head + 8, WRN_EXEC_PTY);
    wrn_put_u32(head + 12, 80);
    wrn_put_u32(head + 16, 24);
    wrn_buf_put(&payload, head, sizeof(head));
    wrn_buf_put(&payload, "/\0label\0\0sh\0-c", 15);
    wrn_buf_put(&payload, line, sizeof(line));
    put(&out, 7, WRN_FRAME_EXEC, payload.data, payload.size);
    wrn_buf_free(&payload);
    send_all(&out);
    for (bool ready = false; !ready;) {
        const wrn_frame *frame = next_frame();
        ready = frame->type == WRN_FRAME_STDOUT && memmem(frame->data, frame->size, "ready", 5);
    }
    for (int i = 0; i < 2; i++) {
        hang_up();
        hand_over();
        check_back(1);
        const wrn_frame *frame = next_frame();
        CHECK_INT(frame->type, WRN_FRAME_DETACHED);
        CHECK_INT(wrn_get_u32(frame->data + 4), WRN_DETACHED_TERMINAL);
        frame = next_frame();
        CHECK_INT(frame->type, WRN_FRAME_STDOUT);
        CHECK_MEM(frame->data, 15, "\033[?1049h\033[?25lx", 15);
        while (!memmem(frame->data, frame->size, "ready", 5)) frame = next_frame();
    }
}

TEST(half_a_command_from_the_old_server_is_forgotten) {
    start_lasting_agent();
    wrn_buf out = WRN_BUF_INIT;
    put(&out, 1, WRN_FRAME_EXEC, "half of it", 10);
    out.data[9] = WRN_FRAME_MORE;
    wrn_buf_put(&out, "\x20\0\0\0\1", 5);
    send_all(&out);
    hand_over();
    check_back(0);
    CHECK_STR(sh("echo alive"), "alive\n");
}

TEST(commands_do_not_inherit_the_handover) {
    start_lasting_agent();
    CHECK_STR(sh("for i in 3 4 5 6 7 8 9; do [ -e /proc/$$/fd/$i ] && echo $i; done; true"), "");
}

TEST(without_channel_and_handover_the_agent_ends) {
    start_lasting_agent();
    close(a.handover);
    CHECK_STR(sh("echo alive"), "alive\n");
    hang_up();
    CHECK(WIFEXITED(agent_status()));
    start_lasting_agent();
    hang_up();
    close(a.handover);
    CHECK(WIFEXITED(agent_status()));
}

TEST(signals_of_commands_are_as_new) {
    start_agent();
    /* SIGRTMIN's two below 34 belong to the C library; they can't be reset. The shell sets none before it starts. */
    CHECK_STR(sh("grep -E '^Sig(Blk|Ign)' /proc/self/status | cut -f2 | tr '\\n' ' '"),
              "0000000000000000 0000000000000000 ");
    CHECK_STR(sh("yes | head -n1; echo ok"), "y\nok\n");
}

TEST(commands_have_a_session_of_their_own) {
    start_agent();
    CHECK_STR(sh("set -- $(cat /proc/$$/stat); [ $5 = $$ ] && [ $6 = $$ ] && echo leader"), "leader\n");
}

/* Both run as the same user as the commands: only this keeps them apart. */
TEST(agent_and_keeper_are_not_dumpable) {
    start_agent();
    CHECK_STR(sh("sleep 100 & cat /proc/$!/environ >/dev/null && echo can"), "can\n");
    CHECK_CONTAINS(sh("cat /proc/1/environ 2>&1; true"), "ermission denied");
    CHECK_CONTAINS(sh("ls /proc/1/fd 2>&1; true"), "ermission denied");
    CHECK_CONTAINS(sh("cat /proc/$PPID/environ 2>&1; true"), "ermission denied");
}

/* The keeper needs a moment to start the command: what comes before must not be lost. */
TEST(a_signal_right_after_the_start_arrives) {
    start_agent();
    for (uint32_t stream = 1; stream <= 50; stream++) {
        wrn_buf out = WRN_BUF_INIT;
        uint8_t number[4];
        put_exec(&out, stream, "exec sleep 1000");
        wrn_put_u32(number, SIGKILL);
        put(&out, stream, WRN_FRAME_SIGNAL, number, sizeof(number));
        send_all(&out);
        const result *r = finish(stream);
        CHECK_INT(r->kind, WRN_EXIT_SIGNAL);
        CHECK_INT(r->value, SIGKILL);
    }
}

TEST(requests_that_do_not_add_up_fail_alone) {
    start_agent();
    static const struct {
        uint32_t argc, envc;
        const char *text;
        size_t size;
    } cases[] = {{0, 0, "/\0\0\0sh\0", 8},
                 {1, 0, "", 0},
                 {1, 0, "/\0\0\0sh", 6},
                 {5, 0, "/\0\0\0sh\0", 8},
                 {1, 9, "/\0\0\0sh\0", 8},
                 {UINT32_MAX, 1, "/\0\0\0sh\0", 8},
                 {1, UINT32_MAX, "/\0\0\0sh\0", 8},
                 {1, 0, "/\0\0", 3},
                 {1, 0, "/\0\0\0s\0h", 6}};
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        wrn_buf payload = WRN_BUF_INIT, out = WRN_BUF_INIT;
        uint8_t head[WRN_EXEC_HEAD] = {0};
        wrn_put_u32(head, cases[i].argc);
        wrn_put_u32(head + 4, cases[i].envc);
        wrn_buf_put(&payload, head, sizeof(head));
        wrn_buf_put(&payload, cases[i].text, cases[i].size);
        put(&out, i + 1, WRN_FRAME_EXEC, payload.data, payload.size);
        wrn_buf_free(&payload);
        send_all(&out);
        const result *r = finish(i + 1);
        if (i < 8) CHECK_MSG(r->kind == WRN_EXIT_FAILED, "case %u: %u", i, r->kind);
    }
    CHECK_STR(sh("echo alive"), "alive\n");
}

TEST(frames_for_commands_that_are_not_there_do_nothing) {
    start_agent();
    static const uint8_t types[] = {WRN_FRAME_STDIN, WRN_FRAME_STDIN_EOF, WRN_FRAME_SIGNAL, WRN_FRAME_WINDOW};
    wrn_buf out = WRN_BUF_INIT;
    for (size_t i = 0; i < sizeof(types); i++)
        for (size_t size = 0; size <= 8; size++) put(&out, 99, types[i], "\t\0\0\0\t\0\0\0", size);
    send_all(&out);
    CHECK_STR(sh("echo alive"), "alive\n");
}

TEST(a_ping_comes_back_as_it_was) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put(&out, 0, WRN_FRAME_PING, "0123456789", 10);
    send_all(&out);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_PONG);
    CHECK_MEM(frame->data, frame->size, "0123456789", 10);
}

/* ---- machines that are stopped and copied ---- */

static void put_resume(wrn_buf *out, uint32_t flags, const char *id) {
    wrn_buf payload = WRN_BUF_INIT;
    wrn_resume_put(&(wrn_resume){.flags = flags, .id = id, .template_name = *id ? "other" : ""}, &payload);
    put(out, 0, WRN_FRAME_RESUME, payload.data, payload.size);
    wrn_buf_free(&payload);
}

/* What came before it is complete, and nothing comes after it. */
static void make_quiet(void) {
    wrn_buf out = WRN_BUF_INIT;
    struct pollfd more = {.fd = a.channel, .events = POLLIN};
    put(&out, 0, WRN_FRAME_QUIET, NULL, 0);
    send_all(&out);
    while (next_frame()->type != WRN_FRAME_DONE) {
    }
    CHECK_INT(a.reader.end, a.reader.begin);
    CHECK_INT(poll(&more, 1, 100), 0);
}

/* How much output of that stream comes before the frame of that type. Grants credit for it. */
static size_t count_until(uint32_t stream, wrn_frame_type type) {
    size_t size = 0;
    for (const wrn_frame *frame; (frame = next_frame())->type != type;) size += grant(stream, frame);
    return size;
}

TEST(a_quiet_agent_sends_nothing_and_loses_nothing) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    struct pollfd more = {.fd = a.channel, .events = POLLIN};
    put_exec(&out, 1, "head -c 3000000 /dev/zero");
    send_all(&out);
    size_t size = 0;
    while (!size) size += grant(1, next_frame());
    for (int i = 0; i < 3; i++) {
        put(&out, 0, WRN_FRAME_QUIET, NULL, 0);
        send_all(&out);
        size += count_until(1, WRN_FRAME_DONE); /* with all of the credit, there is output that could come */
        CHECK_INT(a.reader.end, a.reader.begin);
        CHECK_INT(poll(&more, 1, 100), 0);
        put_resume(&out, 0, "");
        send_all(&out);
        size += count_until(1, WRN_FRAME_DONE);
    }
    CHECK_INT(size + count_until(1, WRN_FRAME_EXIT), 3000000);
    CHECK_STR(sh("echo on"), "on\n");
}

TEST(a_new_sandbox_has_new_names_and_is_greeted) {
    start_agent();
    sh("true");
    make_quiet();
    wrn_buf out = WRN_BUF_INIT;
    put_resume(&out, WRN_RESUME_NEW, "cl-new");
    send_all(&out);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_HELLO);
    CHECK_INT(wrn_get_u32(frame->data), WRN_AGENT_VERSION);
    CHECK_STR(sh("echo $WRENN_SANDBOX_ID $WRENN_TEMPLATE_ID"), "cl-new other\n");
}

/* Detached commands are reported; the others go on, and nobody hears of them. */
TEST(in_a_copy_commands_go_on) {
    share_dir();
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, 1, "echo up; read line <$D/go; echo unheard; echo $WRENN_SANDBOX_ID >$D/said");
    put_labelled(&out, 2, "kept", "sleep 1000");
    send_all(&out);
    for (int started = 0; started < 2;) started += next_frame()->type == WRN_FRAME_STARTED;
    make_quiet();
    put_resume(&out, WRN_RESUME_COPY, "cl-copy");
    send_all(&out);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_HELLO_AGAIN);
    CHECK_INT(wrn_get_u32(frame->data + 4), 1);
    frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_DETACHED);
    CHECK_INT(frame->stream, 2);
    put_exec(&out, 3, "echo >$D/go; cat $D/said");
    send_all(&out);
    CHECK_STR(finish(3)->out, "\n"); /* as it was started */
    CHECK_STR(sh("echo $WRENN_SANDBOX_ID"), "cl-copy\n");
}

TEST(what_is_no_news_of_a_resume_ends_the_agent) {
    start_agent();
    wrn_buf out = WRN_BUF_INIT;
    put(&out, 0, WRN_FRAME_RESUME, "short", 5);
    send_all(&out);
    CHECK(WIFEXITED(agent_status()));
}

TEST_MAIN
