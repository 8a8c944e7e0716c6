#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"

struct agent agent;

/* As a daemon might start it by mistake: signals blocked and ignored. It is PID 1 of a namespace, so that nothing stays
 * behind, and nobody special, so that being in the way of root is not what protects it. */
static void run_agent(const int channel[2], int handover) {
    sigset_t all;
    const char *path = getenv("WRENN_TEST_AGENT");
    int program = fcntl(open(path ? path : "", O_RDONLY | O_CLOEXEC), F_DUPFD_CLOEXEC, 10);
    CHECK(program >= 0);
    close(agent.channel), close(agent.tells);
    if (handover >= 0) close(agent.handover);
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
    agent.channel = up[0], theirs[1] = up[1];
    agent.tells = down[1], theirs[0] = down[0];
}

void hang_up(void) {
    close(agent.channel);
    close(agent.tells);
}

const wrn_frame *next_frame(void) {
    static wrn_frame frame;
    for (int next; (next = wrn_frame_next(&agent.reader, &frame)) <= 0;) {
        CHECK(next == 0);
        size_t room;
        uint8_t *at = wrn_frame_room(&agent.reader, &room);
        ssize_t got = read(agent.channel, at, room);
        if (got < 0 && errno == EINTR) continue;
        CHECK_MSG(got > 0, "the agent hung up");
        wrn_frame_fed(&agent.reader, (size_t)got);
    }
    return &frame;
}

static void start_with(int handover) {
    int theirs[2];
    make_channel(theirs);
    agent.reader.buffer = agent.buffer;
    agent.pid = fork();
    if (agent.pid == 0) run_agent(theirs, handover);
    close(theirs[0]), close(theirs[1]);
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_HELLO);
    CHECK_INT(wrn_get_u32(frame->data), WRN_AGENT_VERSION);
}

void start_agent(void) { start_with(-1); }

void share_dir(void) {
    char path[300];
    chmod(test_dir(), 0777);
    setenv("D", test_dir(), 1);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/%s", test_dir(), i ? "said" : "go");
        CHECK_INT(mkfifo(path, 0666), 0);
        CHECK_INT(chmod(path, 0666), 0);
    }
}

void start_lasting_agent(void) {
    int pair[2];
    CHECK_INT(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    agent.handover = pair[0];
    start_with(pair[1]);
    close(pair[1]);
}

void put(wrn_buf *out, uint32_t stream, uint8_t type, const void *data, size_t size) {
    uint8_t head[WRN_FRAME_HEADER];
    wrn_frame_head(head, stream, type, 0, (uint32_t)size);
    wrn_buf_put(out, head, sizeof(head));
    wrn_buf_put(out, data, size);
}

void send_all(wrn_buf *out) {
    CHECK_INT(write(agent.tells, out->data, out->size), (long long)out->size);
    wrn_buf_free(out);
}

void put_labelled(wrn_buf *out, uint32_t stream, const char *label, const char *line) {
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

void put_exec(wrn_buf *out, uint32_t stream, const char *line) { put_labelled(out, stream, "", line); }

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

const result *finish(uint32_t stream) { return read_to_end(stream, false); }
const result *finish_started(uint32_t stream) { return read_to_end(stream, true); }

const char *sh(const char *line) {
    static uint32_t stream = 1000;
    wrn_buf out = WRN_BUF_INIT;
    put_exec(&out, ++stream, line);
    send_all(&out);
    const result *r = finish(stream);
    CHECK_MSG(r->kind == WRN_EXIT_CODE && r->value == 0, "%s: %u %u: %s", line, r->kind, r->value, r->out);
    return r->out;
}

size_t grant(uint32_t stream, const wrn_frame *frame) {
    wrn_buf out = WRN_BUF_INIT;
    uint8_t number[4];
    if (frame->stream != stream || (frame->type != WRN_FRAME_STDOUT && frame->type != WRN_FRAME_STDERR)) return 0;
    wrn_put_u32(number, frame->size);
    put(&out, stream, WRN_FRAME_WINDOW, number, sizeof(number));
    send_all(&out);
    return frame->size;
}

uint32_t ask_log(uint32_t command, uint32_t flags, uint64_t from) {
    static uint32_t stream = 100000;
    uint8_t payload[WRN_LOG_REQUEST];
    wrn_buf out = WRN_BUF_INIT;
    wrn_log_request_put(&(wrn_log_request){command, flags, from}, payload);
    put(&out, ++stream, WRN_FRAME_LOG, payload, sizeof(payload));
    send_all(&out);
    return stream;
}

log_text read_log(uint32_t command, uint32_t flags, uint64_t from) {
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

int agent_status(void) {
    int status;
    while (waitpid(agent.pid, &status, 0) != agent.pid) CHECK(errno == EINTR);
    return status;
}

void hand_over(void) {
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
    CHECK_INT(sendmsg(agent.handover, &message, 0), 1);
    close(theirs[0]), close(theirs[1]);
    agent.reader.begin = agent.reader.end = 0;
}

void check_back(uint32_t kept) {
    const wrn_frame *frame = next_frame();
    CHECK_INT(frame->type, WRN_FRAME_HELLO_AGAIN);
    CHECK_INT(frame->size, 12);
    CHECK_INT(wrn_get_u32(frame->data), WRN_AGENT_VERSION);
    CHECK_INT(wrn_get_u32(frame->data + 4), 0);
    CHECK_INT(wrn_get_u32(frame->data + 8), kept);
}
