/* What others, or the kernel on their behalf, take their time for is not waited for on the loop. */
#include "host.h"
#include "server/backend/ns/instance.h"
#include "server/box/internal.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static void write_file(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_MSG(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
    close(fd);
}

static void on_refused(void *context, wrn_box *box, const wrn_fault *fault) {
    CHECK(!box && fault);
    CHECK_CONTAINS(fault->message, "cannot build the sandbox: leave the host: No space left on device");
    *(bool *)context = true;
}

/* A new network waits for those that are taken apart. So whoever makes it is the sandbox's process: here there may be none,
 * and it is that which says so. */
TEST(networks_are_made_by_the_sandbox) {
    test_become_ordinary_user();
    char line[64];
    const unsigned uid = geteuid(), gid = getegid();
    if (unshare(CLONE_NEWUSER) != 0) test_skip("no user namespaces");
    write_file("/proc/self/setgroups", "deny");
    snprintf(line, sizeof(line), "%u %u 1", uid, uid);
    write_file("/proc/self/uid_map", line);
    snprintf(line, sizeof(line), "%u %u 1", gid, gid);
    write_file("/proc/self/gid_map", line);
    host h;
    host_open(&h);
    write_file("/proc/sys/user/max_net_namespaces", "0");
    bool refused = false;
    wrn_box_create(h.boxes, &(wrn_box_spec){"cl-alone", "minimal", 1, 64}, NULL, NULL, on_refused, &refused);
    host_run_until(&h, &refused);
    write_file("/proc/sys/user/max_net_namespaces", "100");
    box_destroy(&h, box_create(&h, "cl-later"));
    host_close(&h);
}

enum { DIALS = 100 };

static void on_dialled(void *context, int fd, const wrn_fault *fault) {
    CHECK(fault && fd == -1); /* nothing listens */
    ++*(int *)context;
}

static long slept(void) {
    struct rusage used;
    CHECK_INT(getrusage(RUSAGE_THREAD, &used), 0);
    return used.ru_nvcsw;
}

/* A process that makes them would have to be waited for, each time. */
static void dialled(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-dial");
    long times = 0;
    int ended = 0;
    for (int i = 1; i <= DIALS; i++) {
        long before = slept();
        wrn_box_dial(box, 8000, on_dialled, &ended);
        times += slept() - before;
        while (ended < i) uv_run(&h.loop, UV_RUN_ONCE);
    }
    CHECK_MSG(times < DIALS / 2, "slept %ld times", times);
    box_destroy(&h, box);
    host_close(&h);
}

TEST_AS_BOTH(dialing_does_not_wait, dialled)

typedef struct creation {
    wrn_box *box;
    char why[256];
    bool ended;
} creation;

static void on_box_ended(void *context, const wrn_fault *fault) { (void)context, (void)fault; }

static void on_created(void *context, wrn_box *box, const wrn_fault *fault) {
    creation *c = context;
    c->box = box;
    if (fault) snprintf(c->why, sizeof(c->why), "%.200s", fault->message);
    c->ended = true;
}

/* While the process that clones boxes is held up, as it is by the kernel when others fork without end. */
static void creates(void) {
    host h;
    host_open(&h);
    wrn_box *neighbour = box_create(&h, "cl-neighbour");
    pid_t cloner = neighbour->it->backend->nursery.pid;
    creation c = {.box = NULL};
    CHECK_INT(kill(cloner, SIGSTOP), 0);
    wrn_box_create(h.boxes, &(wrn_box_spec){"cl-late", "minimal", 1, 64}, NULL, on_box_ended, on_created, &c);
    while (h.boxes->all->it->tree[0] == '\0' && !h.boxes->all->it->on_host)
        uv_run(&h.loop, UV_RUN_ONCE); /* until its start */
    CHECK_INT(box_ping(&h, neighbour), 0);
    CHECK(!c.ended);
    CHECK_INT(kill(cloner, SIGCONT), 0);
    host_run_until(&h, &c.ended);
    CHECK_MSG(c.box != NULL, "%s", c.why);
    box_destroy(&h, c.box);
    box_destroy(&h, neighbour);
    host_close(&h);
}

TEST_AS_BOTH(a_create_holds_up_nobody_else, creates)

static void signal_gate(const wrn_box *box, int number) {
    CHECK_INT(syscall(SYS_pidfd_send_signal, gate_held(box->gate).pidfd, number, NULL, 0), 0);
}

static int watch_gate(const wrn_box *box) { return fcntl(gate_held(box->gate).pidfd, F_DUPFD_CLOEXEC, 0); }

static void await_end(int *pidfd) {
    struct pollfd ended = {.fd = *pidfd, .events = POLLIN};
    CHECK_INT(poll(&ended, 1, 60000), 1);
    wrn_fd_close(pidfd);
}

/* Stops it, and lets it go on once it has stopped. */
static void pause_gate(const wrn_box *box) {
    char path[64], text[1024] = "";
    snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", gate_held(box->gate).pidfd);
    CHECK(wrn_file_read(path, text, sizeof(text)) > 0 && strstr(text, "Pid:"));
    snprintf(path, sizeof(path), "/proc/%d/stat", atoi(strstr(text, "Pid:") + 4));
    signal_gate(box, SIGSTOP);
    while (!strstr(text, ") T ")) CHECK(wrn_file_read(path, text, sizeof(text)) > 0);
    signal_gate(box, SIGCONT);
}

static void open_with_gates(host *h) {
    if (!getenv("WRENN_TEST_GATE")) test_skip("there is no gate");
    setenv("WRENN_TEST_NETWORK", "{\"egress\":\"public\"}", 1);
    host_open(h);
}

/* Gates are copies of one process, until one of them ends as if it had been attacked, or that process is killed. */
static void origins(void) {
    static const char *const ids[] = {"cl-one", "cl-two", "cl-three", "cl-four"};
    pid_t origin[WRN_COUNT(ids)];
    host h;
    open_with_gates(&h);
    for (size_t i = 0; i < WRN_COUNT(ids); i++) {
        wrn_box *box = box_create(&h, ids[i]);
        int pidfd = watch_gate(box);
        origin[i] = box->boxes->gate_origin_pid;
        if (i == 0) pause_gate(box); /* which ends nothing */
        if (i == 1) {
            int ended = (int)syscall(SYS_pidfd_open, origin[i], 0);
            signal_gate(box, SIGSEGV);
            await_end(&ended);
        }
        if (i == 2) kill(origin[i], SIGKILL);
        box_destroy(&h, box);
        await_end(&pidfd);
    }
    CHECK(origin[0] == origin[1] && origin[1] != origin[2] && origin[2] != origin[3]);
    host_close(&h);
}

TEST_AS_BOTH(gates_after_one_that_crashed_lie_elsewhere, origins)

typedef struct ending {
    wrn_box *box;
    bool was_told, ended;
} ending;

static void on_ended(void *context, const wrn_fault *fault) {
    CHECK(!fault);
    ((ending *)context)->ended = true;
}

static void on_looked(void *context, const wrn_json *state, const wrn_fault *fault) {
    ending *e = context;
    CHECK(state && !fault);
    e->was_told = true;
    wrn_box_destroy(e->box, on_ended, e);
}

/* A gate that answers no more, and then dies, while it is asked what it counted, by who destroys the box next. */
static void last_counts(void) {
    host h;
    open_with_gates(&h);
    ending e = {.box = box_create(&h, "cl-counts")};
    int pidfd = watch_gate(e.box);
    signal_gate(e.box, SIGSTOP);
    wrn_box_network(e.box, on_looked, &e);
    signal_gate(e.box, SIGKILL);
    host_run_until(&h, &e.ended);
    CHECK(e.was_told);
    await_end(&pidfd);
    host_close(&h);
}

TEST_AS_BOTH(a_box_is_destroyed_by_who_hears_that_its_gate_died, last_counts)

TEST_MAIN
