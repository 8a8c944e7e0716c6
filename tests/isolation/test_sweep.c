/* Nothing stays behind: not after a daemon was killed, not after sandboxes that never started, not after many. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "host.h"
#include "server/backend/ns/internal.h"

static output o;

/* ---- a daemon that was killed ---- */

typedef struct family {
    int fds[64]; /* pidfds */
    size_t count;
} family;

/* Everything below a process. */
static void find_family(family *f, pid_t pid) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)pid, (int)pid);
    FILE *file = fopen(path, "re");
    if (!file) return;
    for (int child; fscanf(file, "%d", &child) == 1;) {
        int fd = (int)syscall(SYS_pidfd_open, child, 0);
        CHECK(fd >= 0 && f->count < WRN_COUNT(f->fds));
        f->fds[f->count++] = fd;
        find_family(f, child);
    }
    fclose(file);
}

static void wait_for_family(const family *f) {
    for (size_t i = 0; i < f->count; i++) {
        struct pollfd one = {.fd = f->fds[i], .events = POLLIN};
        while (poll(&one, 1, -1) != 1) CHECK(errno == EINTR);
        close(f->fds[i]);
    }
}

/* Two sandboxes with commands, and then nothing more. */
static void be_a_daemon(int ready) {
    static output outs[2];
    static host h;
    host_open(&h);
    const char *args[] = {"-c", "(setsid sleep 1000 &) ; echo up; exec sleep 1000", NULL};
    for (size_t i = 0; i < WRN_COUNT(outs); i++) {
        wrn_box *box = box_create(&h, i ? "cl-left-two" : "cl-left-one");
        box_start(box, &(wrn_proc_spec){.cmd = "sh", .args = args}, &outs[i]);
        while (!outs[i].out_size) uv_run(&h.loop, UV_RUN_ONCE);
    }
    CHECK_INT(write(ready, "r", 1), 1);
    for (;;) uv_run(&h.loop, UV_RUN_ONCE);
}

static bool reports(const host *h, const char *kind, const char *text) {
    wrn_backend_config config = {.state_dir = h->state_dir, .agent_path = agent_path()};
    wrn_json *report = wrn_json_new_array();
    bool found = false;
    wrn_boxes_leaks(&config, report);
    for (size_t i = 0; i < wrn_json_count(report); i++) {
        const wrn_json *item = wrn_json_at(report, i);
        const char *what = wrn_json_string(wrn_json_get(item, "what"), NULL);
        CHECK(what != NULL);
        found = found || (strstr(what, text) && strcmp(wrn_json_string(wrn_json_get(item, "kind"), NULL), kind) == 0);
    }
    wrn_json_free(report);
    return found;
}

/* Any wrennd that starts on this machine meanwhile, such as another test's, sweeps groups of dead ones. */
static bool is_swept(const char *group) {
    char pattern[96];
    glob_t found;
    snprintf(pattern, sizeof(pattern), "/sys/fs/cgroup/*/%s*", group);
    bool gone = glob(pattern, 0, NULL, &found) == GLOB_NOMATCH;
    globfree(&found);
    return gone;
}

static void killed_daemon(void) {
    int ready[2];
    char byte, group[32];
    family f = {0};
    CHECK_INT(pipe(ready), 0);
    pid_t daemon = fork();
    if (daemon == 0) be_a_daemon(ready[1]);
    close(ready[1]);
    CHECK_INT(read(ready[0], &byte, 1), 1);
    find_family(&f, daemon);
    CHECK_MSG(f.count >= 2 * 3, "%zu processes", f.count);
    snprintf(group, sizeof(group), "wrennd-%d-", (int)daemon);
    bool can_see = !is_swept(group);
    kill(daemon, SIGKILL);
    waitpid(daemon, NULL, 0);
    wait_for_family(&f);
    host h = {0};
    snprintf(h.state_dir, sizeof(h.state_dir), "%s/state", test_dir());
    CHECK(reports(&h, "directory", "boxes/cl-left-one"));
    CHECK(reports(&h, "directory", "boxes/cl-left-two"));
    if (geteuid() == 0) CHECK(reports(&h, "cgroup", group) || (can_see && is_swept(group)));
    host_open(&h);
    CHECK(!reports(&h, "directory", "boxes/cl-left"));
    CHECK(!reports(&h, "cgroup", group));
    wrn_box *box = box_create(&h, "cl-left-one"); /* its name is free again */
    box_sh(&h, box, "echo well", &o);
    CHECK_STR(o.out, "well\n");
    box_destroy(&h, box);
    host_close(&h);
    CHECK(!reports(&h, "directory", h.state_dir));
}

/* ---- what was delegated ---- */

static void write_to(const char *dir, const char *name, const char *text) {
    char path[400];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_MSG(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", path);
    close(fd);
}

/* As the user of a service in a part of the hierarchy that is theirs: the sandboxes go to its top, and can be frozen. */
static void be_delegated(const char *top) {
    static host h;
    test_become_ordinary_user();
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-delegated");
    int there = 0;
    DIR *dir = opendir(top);
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));) there += strncmp(entry->d_name, "wrennd-", 7) == 0;
    closedir(dir);
    CHECK_INT(there, 1);
    CHECK_INT(box_freeze(&h, box, true), 0);
    CHECK_INT(box_freeze(&h, box, false), 0);
    box_sh(&h, box, "echo well", &o);
    CHECK_STR(o.out, "well\n");
    box_destroy(&h, box);
    host_close(&h);
    exit(0);
}

static bool find_cgroup2(char mount[200]) {
    char line[1024];
    FILE *mounts = fopen("/proc/self/mounts", "re");
    while (mounts && !*mount && fgets(line, sizeof(line), mounts))
        if (strstr(line, " cgroup2 ")) sscanf(line, "%*s %199s", mount);
    if (mounts) fclose(mounts);
    return *mount;
}

/* The group of a sandbox of a daemon that has its directory in `top`; "" when there is none. */
static void find_below(const char *top, const char *id, char out[400]) {
    DIR *dir = opendir(top);
    *out = '\0';
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir)) && !*out;) {
        if (strncmp(entry->d_name, "wrennd-", 7) != 0) continue;
        snprintf(out, 400, "%s/%.60s/%s", top, entry->d_name, id);
        if (access(out, F_OK) != 0) *out = '\0';
    }
    closedir(dir);
}

TEST(delegated_groups_are_used) {
    char mount[200] = "", top[300], unit[320];
    if (geteuid() != 0) test_skip("only root can delegate a part of the hierarchy");
    if (!find_cgroup2(mount)) test_skip("there is no cgroup v2");
    snprintf(top, sizeof(top), "%s/wrn-delegated-%d", mount, (int)getpid());
    snprintf(unit, sizeof(unit), "%s/unit", top);
    CHECK(mkdir(top, 0755) == 0 && mkdir(unit, 0755) == 0);
    for (int i = 0; i < 2; i++) {
        const char *dir = i ? unit : top;
        static const char *const files[] = {"", "cgroup.procs", "cgroup.subtree_control"};
        for (size_t k = 0; k < WRN_COUNT(files); k++) {
            char path[400];
            snprintf(path, sizeof(path), "%s/%s", dir, files[k]);
            CHECK(chown(path, 65534, 65534) == 0);
        }
    }
    pid_t pid = fork();
    if (pid == 0) {
        write_to(unit, "cgroup.procs", "0");
        be_delegated(top);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    bool gone = rmdir(unit) == 0 && rmdir(top) == 0;
    CHECK_MSG(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the user's part failed");
    CHECK_MSG(gone, "%s is not empty", top);
}

/* As a system service: in the unit's own part of the hierarchy, whose limits cover all. */
TEST(sandboxes_of_a_unit_are_in_its_group) {
    static host h;
    char mount[200] = "", unit[300], leaf[320], found[400];
    if (geteuid() != 0) test_skip("not run as root");
    if (!find_cgroup2(mount)) test_skip("there is no cgroup v2");
    snprintf(unit, sizeof(unit), "%s/wrn-unit-%d.service", mount, (int)getpid());
    snprintf(leaf, sizeof(leaf), "%s/wrennd", unit);
    CHECK(mkdir(unit, 0755) == 0 && mkdir(leaf, 0755) == 0);
    bool marked = setxattr(unit, "trusted.delegate", "1", 1, 0) == 0;
    pid_t pid = fork();
    if (pid == 0) {
        write_to(leaf, "cgroup.procs", "0");
        host_open(&h);
        wrn_box *box = box_create(&h, "cl-in-unit");
        find_below(unit, "cl-in-unit", found);
        CHECK_CONTAINS(found, "/wrennd-");
        box_sh(&h, box, "echo well", &o);
        CHECK_STR(o.out, "well\n");
        box_destroy(&h, box);
        host_close(&h);
        exit(0);
    }
    int status;
    CHECK(waitpid(pid, &status, 0) == pid);
    bool gone = rmdir(leaf) == 0 && rmdir(unit) == 0;
    CHECK_MSG(marked && WIFEXITED(status) && WEXITSTATUS(status) == 0, "the unit's part failed");
    CHECK_MSG(gone, "%s is not empty", unit);
}

/* A process of that group, which answers each byte with another. `join`: a file that takes "0". */
static pid_t start_member(int join, int talk[2]) {
    CHECK(join >= 0 && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, talk) == 0);
    pid_t pid = fork();
    if (pid == 0) {
        char byte = '0';
        if (write(join, &byte, 1) != 1) _exit(1);
        do
            if (write(talk[1], &byte, 1) != 1) _exit(1);
        while (read(talk[1], &byte, 1) == 1);
        _exit(0);
    }
    char byte;
    close(talk[1]);
    CHECK(pid > 0 && read(talk[0], &byte, 1) == 1);
    return pid;
}

static bool answers(int fd) {
    char byte = 'x';
    return write(fd, &byte, 1) == 1 && read(fd, &byte, 1) == 1;
}

static void count_thread(void *context, pid_t thread) {
    (void)thread;
    ++*(int *)context;
}

/* A gate in cgroup v2. The directories are made here, because a kernel that has its controllers in v1 can't limit them. */
TEST(helpers_in_v2_are_of_their_box_and_go_on_while_it_is_frozen) {
    enum { BOX, HELPER, MEMBERS };
    static cgroups c = {.limits = CGROUP_V2};
    static const char *const below[] = {"", "/cl-a", "/cl-a/box", "/cl-a/helpers"};
    char mount[200] = "", path[400];
    int fds[WRN_HELPER_FDS], talk[MEMBERS][2], threads = 0;
    pid_t members[MEMBERS];
    if (geteuid() != 0) test_skip("not run as root");
    if (!find_cgroup2(mount)) test_skip("there is no cgroup v2");
    snprintf(c.dir[HIER_V2], sizeof(c.dir[HIER_V2]), "%s/wrn-helpers-%d", mount, (int)getpid());
    for (size_t i = 0; i < WRN_COUNT(below); i++) {
        snprintf(path, sizeof(path), "%.300s%s", c.dir[HIER_V2], below[i]);
        CHECK(mkdir(path, 0755) == 0);
    }
    WRN_AUTO(wrn_fd_close) int group = cgroup_clone_fd(&c, "cl-a");
    WRN_AUTO(wrn_fd_close) int join = openat(group, "cgroup.procs", O_WRONLY | O_CLOEXEC);
    cgroup_helper_fds(&c, "cl-a", fds);
    members[BOX] = start_member(join, talk[BOX]);
    members[HELPER] = start_member(fds[0], talk[HELPER]);
    bool one = fds[1] < 0 && close(fds[0]) == 0;
    cgroup_threads(&c, "cl-a", count_thread, &threads);
    bool froze = cgroup_freeze(&c, "cl-a", true) == 0;
    while (froze && !cgroup_is_frozen(&c, "cl-a")) sched_yield();
    bool goes_on = answers(talk[HELPER][0]);
    bool thawed = cgroup_freeze(&c, "cl-a", false) == 0;
    bool held = !cgroup_remove(&c, "cl-a");
    for (int i = 0; i < MEMBERS; i++)
        CHECK(kill(members[i], SIGKILL) == 0 && waitpid(members[i], NULL, 0) == members[i]);
    bool gone = cgroup_remove(&c, "cl-a") && rmdir(c.dir[HIER_V2]) == 0;
    CHECK(one && threads == 1 && froze && goes_on && thawed && held && gone);
}

/* ---- many rounds ---- */

static size_t count_entries(const char *path) {
    size_t count = 0;
    DIR *dir = opendir(path);
    if (!dir) return 0;
    while (readdir(dir)) count++;
    closedir(dir);
    return count;
}

static void count_groups(void *context, const char *path, bool in_use) {
    char own[64];
    (void)in_use;
    snprintf(own, sizeof(own), "/wrennd-%d-", (int)getpid());
    DIR *dir = strstr(path, own) ? opendir(path) : NULL;
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        if (strncmp(entry->d_name, "cl-", 3) == 0) ++*(size_t *)context;
    if (dir) closedir(dir);
}

static size_t count_mounts(void) {
    size_t count = 0;
    char line[4096];
    FILE *file = fopen("/proc/self/mounts", "re");
    CHECK(file != NULL);
    while (fgets(line, sizeof(line), file)) count += strstr(line, "wrenn-test-") != NULL;
    fclose(file);
    return count;
}

static void check_nothing_left(const host *h) {
    char boxes[300];
    size_t groups = 0;
    family f = {0};
    snprintf(boxes, sizeof(boxes), "%s/boxes", h->state_dir);
    CHECK_INT(count_entries(boxes), 2);
    cgroup_find(NULL, count_groups, &groups);
    CHECK_INT(groups, 0);
    find_family(&f, getpid());
    CHECK_INT(f.count, 1); /* the one that makes sandboxes */
    close(f.fds[0]);
    CHECK_INT(count_mounts(), 0);
}

/* Without those of user namespaces, which are kept for the sandboxes to come: one for each that was there at once, and the one
 * before may still be on its way out. */
static size_t count_descriptors(void) {
    char target[64];
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    CHECK(dir != NULL);
    for (struct dirent *entry; (entry = readdir(dir));) {
        ssize_t size = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));
        if (size > 0 && strncmp(target, "user:", 5) != 0) count++;
    }
    closedir(dir);
    return count;
}

static void many_rounds(void) {
    host h;
    size_t descriptors = 0;
    host_open(&h);
    for (int i = 0; i < 20; i++) {
        wrn_box *box = box_create(&h, "cl-round");
        box_sh(&h, box,
               "touch /etc/x /usr/bin/x /dev/shm/x; mkdir -p /tmp/a/b; chmod 0 /tmp/a; (sleep 1000 &); echo done", &o);
        CHECK_STR(o.out, "done\n");
        box_destroy(&h, box);
        check_nothing_left(&h);
        if (!i) descriptors = count_descriptors();
        CHECK_INT(count_descriptors(), descriptors);
    }
    host_close(&h);
}

/* ---- sandboxes that never start ---- */

typedef struct attempt {
    bool done;
    int calls;
    wrn_box *box;
    char fault[600];
} attempt;

static void on_attempt(void *context, wrn_box *box, const wrn_fault *fault) {
    attempt *a = context;
    a->done = true;
    a->calls++;
    a->box = box;
    if (fault) snprintf(a->fault, sizeof(a->fault), "%s: %s", wrn_fault_name(fault->code), fault->message);
}

static void on_done(void *context, const wrn_fault *fault) { on_attempt(context, NULL, fault); }

static void try_agent(const char *path, const char *want) {
    host h;
    attempt a = {0};
    setenv("WRENN_TEST_AGENT", path, 1);
    host_open(&h);
    wrn_box_create(h.boxes, &(wrn_box_spec){"cl-broken", "minimal", 1, 64}, NULL, NULL, on_attempt, &a);
    CHECK_INT(a.calls, 0);
    host_run_until(&h, &a.done);
    CHECK(!a.box);
    CHECK_CONTAINS(a.fault, want);
    check_nothing_left(&h);
    host_close(&h);
    CHECK_INT(a.calls, 1);
}

static void make_program(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0 && chmod(path, 0755) == 0);
}

static void broken_agents(void) {
    char script[300], noise[300];
    snprintf(script, sizeof(script), "%s/script", test_dir());
    snprintf(noise, sizeof(noise), "%s/noise", test_dir());
    make_program(script, "#!/bin/sh\nsleep 1000\n");
    make_program(noise, "neither one nor the other\n");
    try_agent(script, "cannot build the sandbox: start the agent");
    try_agent(noise, "cannot build the sandbox: start the agent: Exec format error");
    try_agent("/bin/true", "agent_error: the sandbox's agent did not start: it ended");
    host h = {0};
    uv_loop_init(&h.loop);
    wrn_fault fault = {0};
    wrn_backend_config config = {.loop = &h.loop, .state_dir = test_dir(), .agent_path = "/nonexistent/agent"};
    CHECK_INT(wrn_boxes_open(&config, &h.boxes, &fault), -1);
    CHECK_CONTAINS(fault.message, "/nonexistent/agent: No such file or directory");
    CHECK_INT(uv_loop_close(&h.loop), 0);
}

static void no_such_template(void) {
    host h;
    attempt a = {0};
    host_open(&h);
    wrn_box_create(h.boxes, &(wrn_box_spec){"cl-none", "../../etc", 1, 64}, NULL, NULL, on_attempt, &a);
    host_run_until(&h, &a.done);
    CHECK_CONTAINS(a.fault, "not_found: there is no template");
    check_nothing_left(&h);
    host_close(&h);
}

static void refuses_spec(host *h, wrn_box_spec spec, const char *want) {
    attempt a = {0};
    spec.id = "cl-refused", spec.template_name = "minimal", spec.vcpus = 1, spec.memory_mb = 64;
    wrn_box_create(h->boxes, &spec, NULL, NULL, on_attempt, &a);
    CHECK_INT(a.calls, 0);
    host_run_until(h, &a.done);
    CHECK(!a.box);
    CHECK_CONTAINS(a.fault, want);
}

/* A box is never less than what was asked for. */
static void backends_are_chosen(void) {
    host h;
    attempt a = {0};
    host_open(&h);
    refuses_spec(&h, (wrn_box_spec){.backend = "magic"}, "invalid_request: there is no backend \"magic\"");
    refuses_spec(&h, (wrn_box_spec){.disk_mb = 1}, "invalid_request: sandboxes in namespaces can't have a disk size");
    wrn_box_create(h.boxes, &(wrn_box_spec){"cl-asked", "minimal", 1, 64, .backend = "ns"}, NULL, NULL, on_attempt, &a);
    host_run_until(&h, &a.done);
    CHECK_MSG(a.box, "%s", a.fault);
    box_destroy(&h, a.box);
    check_nothing_left(&h);
    host_close(&h);
}

/* ---- two at once ---- */

static void open_at(host *h, const char *name) {
    wrn_fault fault = {0};
    memset(h, 0, sizeof(*h));
    snprintf(h->state_dir, sizeof(h->state_dir), "%s/%s", test_dir(), name);
    CHECK_INT(mkdir(h->state_dir, 0711), 0);
    uv_loop_init(&h->loop);
    wrn_backend_config config = {.loop = &h->loop, .state_dir = h->state_dir, .agent_path = agent_path()};
    CHECK_MSG(wrn_boxes_open(&config, &h->boxes, &fault) == 0, "open: %s", fault.message);
}

static void check_well(host *h, wrn_box *box) {
    box_sh(h, box, "echo well", &o);
    CHECK_STR(o.out, "well\n");
}

/* Says when its sandbox is up, and when told to go on whether it still is. */
static void be_the_other(int in, int out) {
    char byte;
    static host h;
    open_at(&h, "other");
    wrn_box *box = box_create(&h, "cl-same");
    CHECK_INT(write(out, "r", 1), 1);
    CHECK_INT(read(in, &byte, 1), 1);
    check_well(&h, box);
    box_destroy(&h, box);
    host_close(&h);
    _exit(0);
}

static void two_daemons(void) {
    int in[2], out[2], status;
    char byte;
    CHECK(pipe(in) == 0 && pipe(out) == 0);
    pid_t other = fork();
    if (other == 0) be_the_other(in[0], out[1]);
    close(out[1]);
    CHECK_INT(read(out[0], &byte, 1), 1);
    host h;
    open_at(&h, "own");
    wrn_box *box = box_create(&h, "cl-same");
    check_well(&h, box);
    box_destroy(&h, box);
    host_close(&h);
    CHECK_INT(write(in[1], "g", 1), 1);
    CHECK_INT(waitpid(other, &status, 0), other);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

static void two_in_one_process(void) {
    host one, two;
    open_at(&one, "one");
    wrn_box *first = box_create(&one, "cl-first");
    open_at(&two, "two");
    wrn_box *second = box_create(&two, "cl-second");
    check_well(&one, first);
    check_well(&two, second);
    box_destroy(&two, second);
    host_close(&two);
    check_well(&one, first);
    box_destroy(&one, first);
    host_close(&one);
}

/* ---- destroying in the middle of something ---- */

static void destroyed_in_between(void) {
    host h;
    host_open(&h);
    for (int thaw = 0; thaw < 2; thaw++) {
        attempt freeze = {0}, destroy = {0};
        wrn_box *box = box_create(&h, "cl-freeze");
        if (thaw) CHECK_INT(box_freeze(&h, box, true), 0);
        (thaw ? wrn_box_thaw : wrn_box_freeze)(box, on_done, &freeze);
        wrn_box_destroy(box, on_done, &destroy);
        host_run_until(&h, &destroy.done);
        host_run_until(&h, &freeze.done);
        uv_run(&h.loop, UV_RUN_DEFAULT);
        CHECK_INT(freeze.calls, 1);
        CHECK_INT(destroy.calls, 1);
        CHECK_STR(destroy.fault, "");
    }
    attempt ping = {0}, destroy = {0}, create = {0};
    wrn_box *box = box_create(&h, "cl-exec");
    box_start(box, &(wrn_proc_spec){.cmd = "sleep", .args = (const char *const[]){"1000", NULL}}, &o);
    wrn_box_ping(box, on_done, &ping);
    wrn_box_create(h.boxes, &(wrn_box_spec){"cl-new", "minimal", 1, 64}, NULL, NULL, on_attempt, &create);
    wrn_box_destroy(box, on_done, &destroy);
    host_run_until(&h, &destroy.done);
    host_run_until(&h, &create.done);
    CHECK(o.ended);
    CHECK_INT(o.end, WRN_PROC_LOST);
    CHECK_INT(ping.calls, 1);
    CHECK_CONTAINS(ping.fault, "agent_error");
    CHECK_MSG(create.box != NULL, "%s", create.fault);
    box_destroy(&h, create.box);
    host_close(&h);
}

static void doctor(void) {
    wrn_backend_config config = {.state_dir = test_dir(), .agent_path = agent_path()};
    wrn_json *report = wrn_json_new_array();
    CHECK(wrn_boxes_doctor(&config, report));
    CHECK(wrn_json_count(report) > 3);
    for (size_t i = 0; i < wrn_json_count(report); i++) {
        const wrn_json *item = wrn_json_at(report, i);
        CHECK(wrn_json_string(wrn_json_get(item, "check"), NULL) != NULL);
        bool ok;
        CHECK(wrn_json_bool(wrn_json_get(item, "ok"), &ok));
        if (!ok) CHECK(wrn_json_string(wrn_json_get(item, "fix"), NULL) != NULL);
    }
    wrn_json_free(report);
}

/* ---- a daemon that begins while another one sweeps ---- */

#define LEFTOVER "wrennd-1-leftover"

static void make_leftover(void *made, const char *path, bool in_use) {
    char own[64];
    (void)in_use;
    snprintf(own, sizeof(own), "/wrennd-%d-", (int)getpid());
    if (*(char *)made || !strstr(path, own)) return;
    snprintf(made, PATH_MAX, "%.*s/" LEFTOVER, (int)(strrchr(path, '/') - path), path);
    CHECK_INT(mkdir(made, 0700), 0);
}

static void check_locked(void *seen, const char *path, bool in_use) {
    if (strcmp(strrchr(path, '/') + 1, LEFTOVER) != 0) return;
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    CHECK(!in_use && fd >= 0);
    CHECK(flock(fd, LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK);
    *(bool *)seen = true;
}

static void begins_beside(void) {
    host h;
    char made[PATH_MAX] = "";
    bool seen = false;
    host_open(&h);
    cgroup_find(NULL, make_leftover, made);
    if (!*made) test_skip("no control groups");
    cgroup_find(NULL, check_locked, &seen);
    CHECK(seen);
    CHECK_INT(rmdir(made), 0);
    host_close(&h);
}

TEST_AS_BOTH(a_killed_daemon_leaves_nothing_alive_and_the_next_one_sweeps, killed_daemon)
TEST_AS_BOTH(many_rounds_leave_nothing, many_rounds)
TEST_AS_BOTH(a_broken_agent_is_a_clear_fault, broken_agents)
TEST_AS_BOTH(a_missing_template_is_a_clear_fault, no_such_template)
TEST_AS_BOTH(a_backend_is_chosen_by_what_is_asked_for, backends_are_chosen)
TEST_AS_BOTH(two_daemons_do_not_disturb_each_other, two_daemons)
TEST_AS_ROOT(nobody_takes_a_group_that_is_being_removed, begins_beside)
TEST_AS_BOTH(two_in_one_process_do_not_disturb_each_other, two_in_one_process)
TEST_AS_BOTH(a_sandbox_is_destroyed_whatever_is_under_way, destroyed_in_between)
TEST_AS_BOTH(the_doctor_reports, doctor)

TEST_MAIN
