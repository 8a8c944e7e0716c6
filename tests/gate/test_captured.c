/* One of the gate's processes in the hands of an attacker: what its filter leaves it, and what the broker does for a stack that lies. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "base/file.h"
#include "gate/broker.h"
#include "gate/control.h"
#include "gate/jail.h"
#include "gate/sockets.h"
#include "gate/terminator.h"
#include "test.h"

/* ---- filters ---- */

static const struct sockaddr_in somewhere = {.sin_family = AF_INET, .sin_port = 0x5000};

static void make_socket(void) { syscall(SYS_socket, AF_INET, SOCK_STREAM, 0); }
static void make_unix_socket(void) { syscall(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }
static void make_packet_socket(void) { syscall(SYS_socket, AF_PACKET, SOCK_RAW, 0); }
static void make_raw_socket(void) { syscall(SYS_socket, AF_INET, SOCK_RAW, IPPROTO_RAW); }
static void call_connect(void) { syscall(SYS_connect, 0, &somewhere, sizeof(somewhere)); }
static void call_bind(void) { syscall(SYS_bind, 0, &somewhere, sizeof(somewhere)); }
static void call_listen(void) { syscall(SYS_listen, 0, 1); }
static void call_accept(void) { syscall(SYS_accept4, 0, NULL, NULL, 0); }
static void send_somewhere(void) { syscall(SYS_sendto, 0, "", 1, 0, &somewhere, sizeof(somewhere)); }
static void send_a_descriptor(void) { syscall(SYS_sendmsg, 0, NULL, 0); }
static void open_a_file(void) { syscall(SYS_openat, AT_FDCWD, "/", O_RDONLY, 0); }
static void run_a_program(void) { syscall(SYS_execve, "/bin/true", NULL, NULL); }
static void make_a_process(void) { syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL); }
static void trace(void) { syscall(SYS_ptrace, PTRACE_TRACEME, 0, NULL, NULL); }
static void signal_others(void) { syscall(SYS_kill, 1, 0); }
static void enter(void) { syscall(SYS_setns, 0, 0); }
static void leave(void) { syscall(SYS_unshare, CLONE_NEWUSER); }
static void set_an_option(void) { syscall(SYS_setsockopt, 0, SOL_SOCKET, SO_REUSEADDR, "", 1); }
static void read_a_file(void) { syscall(SYS_ioctl, 0, 0x5413, NULL); }

typedef struct attempt {
    const char *name;
    void (*call)(void);
} attempt;
#define ATTEMPT(call) \
    { #call, call }

static int status_after(void (*filter)(void), void (*call)(void)) {
    int status;
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) {
        filter();
        call();
        syscall(SYS_exit_group, 0);
    }
    CHECK(waitpid(pid, &status, 0) == pid);
    return status;
}

static void filter_with_rights(jail_kind kind) {
    (void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    jail_filter(kind);
}
static void as_stack(void) { filter_with_rights(JAIL_STACK); }
static void as_broker(void) { filter_with_rights(JAIL_BROKER); }
static void nothing(void) {}

static void check_killed(void (*filter)(void), const attempt *attempts, size_t count) {
#ifdef SANITIZED
    test_skip("sanitizers need what the filters forbid");
#endif
    CHECK_INT(status_after(filter, nothing), 0);
    for (size_t i = 0; i < count; i++) {
        int status = status_after(filter, attempts[i].call);
        CHECK_MSG(WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS, "%s: %#x", attempts[i].name, (unsigned)status);
    }
}

TEST(a_captured_stack_opens_and_starts_nothing) {
    static const attempt attempts[] = {ATTEMPT(make_socket),    ATTEMPT(call_connect),
                                       ATTEMPT(call_bind),      ATTEMPT(call_listen),
                                       ATTEMPT(call_accept),    ATTEMPT(send_somewhere),
                                       ATTEMPT(open_a_file),    ATTEMPT(run_a_program),
                                       ATTEMPT(make_a_process), ATTEMPT(send_a_descriptor),
                                       ATTEMPT(trace),          ATTEMPT(signal_others),
                                       ATTEMPT(enter),          ATTEMPT(leave),
                                       ATTEMPT(read_a_file),    ATTEMPT(set_an_option)};
    check_killed(as_stack, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

TEST(a_captured_broker_has_only_its_sockets) {
    static const attempt attempts[] = {ATTEMPT(make_unix_socket),
                                       ATTEMPT(make_packet_socket),
                                       ATTEMPT(make_raw_socket),
                                       ATTEMPT(call_bind),
                                       ATTEMPT(call_listen),
                                       ATTEMPT(call_accept),
                                       ATTEMPT(open_a_file),
                                       ATTEMPT(run_a_program),
                                       ATTEMPT(make_a_process),
                                       ATTEMPT(trace),
                                       ATTEMPT(signal_others),
                                       ATTEMPT(enter),
                                       ATTEMPT(leave),
                                       ATTEMPT(set_an_option)};
    check_killed(as_broker, attempts, sizeof(attempts) / sizeof(attempts[0]));
}

/* ---- a broker whose stack is the test ---- */

static int seam, control;
static pid_t broker;

static void start_broker(const char *policy) {
    int seams[2], controls[2];
    char text[512];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, seams) == 0);
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, controls) == 0);
    broker = fork();
    CHECK(broker >= 0);
    if (broker == 0) {
        const gate_options options = {.control = controls[1], .state = -1, .mtu = 1500, .flows = 8};
        close(seams[0]), close(controls[0]);
        broker_run(&options, seams[1]);
    }
    close(seams[1]), close(controls[1]);
    seam = seams[0];
    control = controls[0];
    CHECK(seam_send(seam, &(seam_message){.kind = SEAM_READY}, 0, true));
    CHECK(recv(control, text, sizeof(text), 0) > 0);
    CHECK(send(control, policy, strlen(policy), 0) > 0);
    ssize_t got = recv(control, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    CHECK_CONTAINS(text, "\"ok\":true");
}

/* Its status once it has ended. */
static int broker_status(void) {
    int status;
    CHECK(waitpid(broker, &status, 0) == broker);
    return status;
}

/* Asks as the stack does; the broker's answer, and what came with it. */
static seam_message ask_broker(seam_kind kind, const char *address, uint16_t port, uint8_t proto, int *passed) {
    static uint32_t id;
    id++;
    seam_message said = {.kind = (uint8_t)kind, .id = id, .local_port = 1000, .peer = {.port = port, .proto = proto}};
    size_t size;
    CHECK(wrn_address_parse(address, &said.peer.address));
    CHECK(seam_send(seam, &said, kind == SEAM_DATAGRAM ? 4 : 0, true));
    for (int got = 0; got == 0;) {
        CHECK(poll(&(struct pollfd){.fd = seam, .events = POLLIN}, 1, -1) == 1);
        got = seam_receive(seam, &said, &size, passed);
        CHECK(got >= 0);
    }
    return said;
}

TEST(a_captured_stack_gets_no_more_than_the_sandbox) {
    static const char *const forbidden[] = {"127.0.0.1", "169.254.169.254", "10.0.0.1",
                                            "::1",       "fe80::1",         "::ffff:127.0.0.1"};
    int passed;
    start_broker("{\"id\":1,\"do\":\"set\",\"egress\":\"public\",\"allow\":[\"0.0.0.0/0\",\"::/0\"]}");
    for (size_t i = 0; i < sizeof(forbidden) / sizeof(forbidden[0]); i++) {
        seam_message answer = ask_broker(SEAM_OPEN, forbidden[i], 80, WRN_TCP, &passed);
        CHECK_MSG(answer.kind == SEAM_OPEN && answer.denial != WRN_ALLOWED && passed < 0, "%s", forbidden[i]);
        answer = ask_broker(SEAM_DATAGRAM, forbidden[i], 9, WRN_UDP, &passed);
        CHECK_MSG(answer.kind == SEAM_UNREACHABLE && answer.denial != WRN_ALLOWED && passed < 0, "%s", forbidden[i]);
    }
    close(control);
    CHECK_INT(broker_status(), 0);
    close(seam);
}

/* ---- connections of a stack that says they are over ---- */

#define OUTSIDE "203.0.113.10"
enum { TALKS = 8000, DEAF = 8001 };

static int listen_at(uint16_t port) {
    const struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_ANY)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0 && listen(fd, 4) == 0);
    return fd;
}

/* Sends on one port whatever the other side does, until it is reset, and says so; on the other it takes and says nothing. */
_Noreturn static void be_outside(int ready, int go) {
    static char much[64 << 10];
    char word;
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) != 0 || write(ready, "1", 1) != 1 || read(go, &word, 1) != 1 ||
        system("ip addr add " OUTSIDE "/24 dev out0 && ip link set out0 up") != 0)
        _exit(1);
    int talks = listen_at(TALKS), deaf = listen_at(DEAF);
    (void)deaf;
    if (write(ready, "2", 1) != 1) _exit(1);
    int peer = accept(talks, NULL, NULL);
    while (send(peer, much, sizeof(much), MSG_NOSIGNAL) > 0) continue;
    (void)!write(ready, errno == ECONNRESET || errno == EPIPE ? "3" : "4", 1);
    pause();
    _exit(0);
}

static void await(int ready, char wanted) {
    char got = 0;
    CHECK(read(ready, &got, 1) == 1);
    CHECK_INT(got, wanted);
}

/* This process in a network of its own, and another one beside it. Returns what the one outside says. */
static int make_outside(void) {
    int ready[2], go[2];
    char line[128];
    if (geteuid() != 0) test_skip("not run as root");
    CHECK(unshare(CLONE_NEWNET) == 0 && pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) be_outside(ready[1], go[0]);
    await(ready[0], '1');
    snprintf(line, sizeof(line),
             "ip link add host0 type veth peer name out0 netns %d && ip addr add 203.0.113.1/24 dev host0 && "
             "ip link set host0 up",
             (int)pid);
    CHECK(system(line) == 0 && write(go[1], "", 1) == 1);
    await(ready[0], '2');
    return ready[0];
}

/* What the broker counts of bytes that went out. It has handled all that was said before. */
static long long count_out(void) {
    static const char ask[] = "{\"id\":2,\"do\":\"stats\"}";
    char text[4096];
    int passed;
    (void)ask_broker(SEAM_OPEN, "127.0.0.1", 1, WRN_TCP, &passed);
    CHECK(send(control, ask, sizeof(ask) - 1, 0) > 0);
    ssize_t got = recv(control, text, sizeof(text) - 1, 0);
    text[got > 0 ? got : 0] = '\0';
    const char *member = strstr(text, "\"bytes_out\":");
    CHECK(member);
    return strtoll(member + strlen("\"bytes_out\":"), NULL, 10);
}

TEST(connections_that_are_said_to_be_over_are) {
    static char piece[64 << 10];
    int ready = make_outside(), fd;
    start_broker("{\"id\":1,\"do\":\"set\",\"egress\":\"public\"}");
    seam_message opened = ask_broker(SEAM_OPEN, OUTSIDE, TALKS, WRN_TCP, &fd);
    CHECK(fd >= 0 && poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1) == 1);
    opened.kind = SEAM_CLOSE;
    CHECK(seam_send(seam, &opened, 0, true));
    (void)count_out();
    CHECK(send(fd, "x", 1, MSG_NOSIGNAL) < 0);
    await(ready, '3');
    CHECK(recv(fd, piece, sizeof(piece), MSG_DONTWAIT) <= 0 && errno != EAGAIN);
    close(fd);
    close(control);
    CHECK_INT(broker_status(), 0);
}

TEST(bytes_that_are_still_to_be_sent_are_counted) {
    static char piece[64 << 10];
    long long sent = 0;
    int fd;
    (void)make_outside();
    start_broker("{\"id\":1,\"do\":\"set\",\"egress\":\"public\"}");
    seam_message opened = ask_broker(SEAM_OPEN, OUTSIDE, DEAF, WRN_TCP, &fd);
    CHECK(fd >= 0);
    for (ssize_t got; (got = send(fd, piece, sizeof(piece), MSG_NOSIGNAL | MSG_DONTWAIT)) > 0;) sent += got;
    close(fd);
    opened.kind = SEAM_CLOSE;
    CHECK(seam_send(seam, &opened, 0, true));
    long long counted = count_out();
    CHECK_MSG(counted == sent || counted == sent + 1 /* the end is a number, too */, "%lld of %lld", counted, sent);
    close(control);
    CHECK_INT(broker_status(), 0);
}

static void check_end(const void *bytes, size_t size) {
    start_broker("{\"id\":1,\"do\":\"set\",\"egress\":\"none\"}");
    CHECK(send(seam, bytes, size, 0) == (ssize_t)size);
    int status = broker_status();
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) != 0, "%#x", (unsigned)status);
    close(seam);
    char said[4096];
    bool says_why = false;
    for (ssize_t got; (got = recv(control, said, sizeof(said), 0)) > 0;)
        says_why = says_why || memmem(said, (size_t)got, "\"ended\"", 7);
    CHECK(says_why);
    close(control);
}

TEST(a_broker_ends_when_its_stack_talks_nonsense) {
    const seam_message unknown = {.kind = 99}, denied = {.kind = SEAM_DENIED, .denial = 250},
                       link = {.kind = SEAM_LINK}, allowed = {.kind = SEAM_DENIED, .denial = WRN_ALLOWED};
    check_end("x", 1);
    check_end(&unknown, sizeof(unknown));
    check_end(&denied, sizeof(denied));
    check_end(&link, sizeof(link));
    check_end(&allowed, sizeof(allowed));
}

/* ---- an old gate ---- */

static int64_t ahead; /* seconds */

int clock_gettime(clockid_t clock_id, struct timespec *tp) {
    int result = (int)syscall(SYS_clock_gettime, clock_id, tp);
    tp->tv_sec += ahead;
    return result;
}

static int said_to_sandbox;

static void count_frame(const uint8_t *frame, size_t size) {
    (void)frame, (void)size;
    said_to_sandbox++;
}

/* libslirp tells of routers after some minutes, for which it reads a file. */
TEST(a_stack_does_nothing_by_itself_however_old_it_is) {
    static const terminator_hooks hooks = {.to_sandbox = count_frame};
    size_t count = 0, capacity = 16;
    struct pollfd *polls = calloc(capacity, sizeof(*polls));
    int timeout = -1;
    CHECK(terminator_init(&hooks, 1500));
    for (int i = 0; i < 3; i++) {
        CHECK(terminator_fill(&polls, &count, &capacity, &timeout));
        terminator_poll(polls, false);
        ahead += 3600;
    }
    CHECK_INT(said_to_sandbox, 0);
    free(polls);
}

/* ---- a machine that lacks memory ---- */

static int lacking; /* so many more calls fail */

static bool lacks(int fd) {
    (void)fd;
    return lacking > 0;
}

static ssize_t send_lacking(int fd, const void *data, size_t size) {
    (void)fd, (void)data, (void)size;
    lacking--;
    errno = ENOBUFS;
    return -1;
}

TEST(what_the_machine_lacks_ends_nobody) {
    const seam_message message = {.kind = SEAM_CLOSE};
    static seam_message got;
    size_t size;
    int ends[2];
    CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) == 0);
    sockets_take_over(&(sockets_owner){.owns = lacks, .send = send_lacking});
    lacking = 2;
    CHECK(seam_send(ends[0], &message, 0, true));
    CHECK_INT(lacking, 0);
    CHECK_INT(seam_receive(ends[1], &got, &size, NULL), 1);
    lacking = 1;
    CHECK(!seam_send(ends[0], &message, 0, false) && seam_passes(errno));
    CHECK_INT(seam_receive(ends[1], &got, &size, NULL), 0);
    close(ends[0]);
    CHECK_INT(seam_receive(ends[1], &got, &size, NULL), -1);
    CHECK(!seam_send(ends[1], &message, 0, true) && !seam_passes(errno));
}

TEST_MAIN
