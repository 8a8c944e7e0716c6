/* What others, or the kernel on their behalf, take their time for is not waited for on the loop. */
#include "host.h"
#include "server/box/internal.h"

#include <fcntl.h>
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
static void dials(void) {
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

TEST_AS_BOTH(dialing_does_not_wait, dials)

/* Gates that are children of this process: before and after they have named themselves. */
static int count_gates(void) {
    char path[64], there[32];
    long pid;
    snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
    FILE *children = fopen(path, "re");
    int count = 0;
    CHECK_MSG(children, "%s", path);
    while (fscanf(children, "%ld", &pid) == 1) {
        snprintf(path, sizeof(path), "/proc/%ld/comm", pid);
        FILE *file = fopen(path, "re");
        bool read = file && fgets(there, sizeof(there), file);
        count += read && strncmp(there + (*there == '('), "wrenn-gate", strlen("wrenn-gate")) == 0;
        if (file) fclose(file);
    }
    fclose(children);
    return count;
}

static void look_for_gates(uv_idle_t *idle) { *(bool *)idle->data = count_gates() == 0; }

/* A spare gate alone would not keep the loop going. */
static void await_no_gates(host *h) {
    bool none = false;
    uv_idle_t look = {.data = &none};
    uv_idle_init(&h->loop, &look);
    uv_idle_start(&look, look_for_gates);
    host_run_until(h, &none);
    uv_close((uv_handle_t *)&look, NULL);
    uv_run(&h->loop, UV_RUN_NOWAIT);
}

static void spare(void) {
    host h;
    if (!getenv("WRENN_TEST_GATE")) test_skip("there is no gate");
    setenv("WRENN_TEST_NETWORK", "{\"egress\":\"public\"}", 1);
    wrn_gate_spare_ms = 20;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-spare");
    while (count_gates() < 2) sched_yield(); /* its own and a spare one */
    box_destroy(&h, box);
    await_no_gates(&h);
    box_destroy(&h, box_create(&h, "cl-next")); /* which gets a new one */
    host_close(&h);
}

TEST_AS_BOTH(a_spare_gate_that_nobody_needs_ends, spare)

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

static void signal_gate(const wrn_box *box, int number) {
    CHECK_INT(syscall(SYS_pidfd_send_signal, gate_held(box->gate).pidfd, number, NULL, 0), 0);
}

/* A gate that answers no more, and then dies, while it is asked what it counted, by who destroys the box next. */
static void last_counts(void) {
    host h;
    if (!getenv("WRENN_TEST_GATE")) test_skip("there is no gate");
    setenv("WRENN_TEST_NETWORK", "{\"egress\":\"public\"}", 1);
    wrn_gate_spare_ms = 20;
    host_open(&h);
    ending e = {.box = box_create(&h, "cl-counts")};
    signal_gate(e.box, SIGSTOP);
    wrn_box_network(e.box, on_looked, &e);
    signal_gate(e.box, SIGKILL);
    host_run_until(&h, &e.ended);
    CHECK(e.was_told);
    await_no_gates(&h);
    host_close(&h);
}

TEST_AS_BOTH(a_box_is_destroyed_by_who_hears_that_its_gate_died, last_counts)

TEST_MAIN
