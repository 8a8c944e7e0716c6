/* What copies a sandbox's files for a snapshot is bounded, whatever the files are, and leaves nothing when it ends early. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "host.h"
#include "server/templates/layer.h"

static output o;

typedef struct copied {
    bool done, failed;
    char message[512];
} copied;

static void on_copied(void *context, int64_t size_bytes, const wrn_fault *fault) {
    copied *c = context;
    (void)size_bytes;
    c->done = true;
    c->failed = fault != NULL;
    if (fault) snprintf(c->message, sizeof(c->message), "%s: %s", wrn_fault_name(fault->code), fault->message);
}

/* The first line of a file of the process that begins so, up to its end. */
static bool read_line(pid_t pid, const char *file, const char *begin, char *out, size_t size) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    FILE *from = fopen(path, "re");
    bool found = false;
    while (from && !found && fgets(out, (int)size, from)) found = strncmp(out, begin, strlen(begin)) == 0;
    if (from) fclose(from);
    out[found ? strcspn(out, "\n") : 0] = '\0';
    return found;
}

/* The process that copies: the child of this one that is a copy of it. */
static pid_t find_copier(void) {
    char own[64], name[64], parent[64], wanted[64];
    pid_t pid = 0;
    snprintf(wanted, sizeof(wanted), "PPid:\t%d", (int)getpid());
    CHECK(read_line(getpid(), "comm", "", own, sizeof(own)));
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && !pid && (entry = readdir(proc));) {
        pid_t at = (pid_t)atoi(entry->d_name);
        if (at > 0 && read_line(at, "status", "PPid:", parent, sizeof(parent)) && strcmp(parent, wanted) == 0 &&
            read_line(at, "comm", "", name, sizeof(name)) && strcmp(name, own) == 0)
            pid = at;
    }
    if (proc) closedir(proc);
    return pid;
}

static bool is_there(const host *h, const char *id, const char *suffix) {
    char path[400];
    snprintf(path, sizeof(path), "%s/snapshots/%s%s", h->state_dir, id, suffix);
    return access(path, F_OK) == 0;
}

static wrn_box *make_large(host *h) {
    wrn_box *box = box_create(h, "cl-large");
    box_sh(h, box, "yes | head -c 300M >/root/large", &o);
    CHECK_INT(o.code, 0);
    CHECK_INT(box_freeze(h, box, true), 0);
    return box;
}

/* The process, stopped in the middle of its work. */
static pid_t start_copy(host *h, wrn_box *box, const char *id, copied *c) {
    *c = (copied){0};
    wrn_box_snapshot(box, id, on_copied, c);
    while (!is_there(h, id, ".new")) {
        uv_run(&h->loop, UV_RUN_NOWAIT);
        CHECK_MSG(!c->done, "%s", c->message);
    }
    pid_t pid = find_copier();
    CHECK(pid > 0 && kill(pid, SIGSTOP) == 0);
    return pid;
}

/* The directory of the group whose limit of memory holds for the process; false where there are no limits. */
static bool find_group(wrn_box *box, pid_t pid, char out[400], const char **limit) {
    static const struct {
        const char *mount, *file;
    } places[] = {{"/sys/fs/cgroup/memory", "memory.limit_in_bytes"}, {"/sys/fs/cgroup", "memory.max"}};
    wrn_box_stats stats;
    char line[300], path[100];
    FILE *from;
    wrn_box_measure(box, &stats);
    if (stats.mem_bytes < 0) return false;
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)pid);
    CHECK((from = fopen(path, "re")) != NULL);
    bool found = false;
    while (!found && fgets(line, sizeof(line), from)) {
        line[strcspn(line, "\n")] = '\0';
        for (size_t i = 0; i < 2 && !found; i++) {
            char file[500];
            bool fits = i ? strncmp(line, "0::", 3) == 0 : strstr(line, ":memory:") != NULL;
            snprintf(out, 400, "%s%s", places[i].mount, strrchr(line, ':') + 1);
            snprintf(file, sizeof(file), "%s/%s", out, places[i].file);
            found = fits && access(file, F_OK) == 0;
            *limit = places[i].file;
        }
    }
    fclose(from);
    CHECK_MSG(found, "the process is in no group with limits");
    return true;
}

static int64_t read_limit(const char *group, const char *file) {
    char path[500];
    long long bytes = 0;
    snprintf(path, sizeof(path), "%s/%s", group, file);
    FILE *from = fopen(path, "re");
    CHECK(from && fscanf(from, "%lld", &bytes) == 1);
    fclose(from);
    return bytes;
}

static void bounded(void) {
    host h;
    copied c;
    char group[400] = "", line[200];
    const char *limit;
    host_open(&h);
    wrn_box *box = make_large(&h);
    pid_t pid = start_copy(&h, box, "one", &c);
    CHECK(read_line(pid, "limits", "Max data size", line, sizeof(line)));
    CHECK_MSG(!strstr(line, "unlimited"), "%s", line);
    bool has_group = find_group(box, pid, group, &limit);
    if (has_group) CHECK_CONTAINS(group, "/copy.one");
    if (has_group) CHECK_INT(read_limit(group, limit), 512 << 20);
    kill(pid, SIGCONT);
    host_run_until(&h, &c.done);
    CHECK_MSG(!c.failed, "%s", c.message);
    CHECK(is_there(&h, "one", ""));
    CHECK(!has_group || access(group, F_OK) != 0);
    wrn_boxes_drop_snapshot(h.boxes, "one");
    box_destroy(&h, box);
    host_close(&h);
}

static void killed(void) {
    host h;
    copied c;
    char group[400] = "";
    const char *limit;
    host_open(&h);
    wrn_box *box = make_large(&h);
    pid_t pid = start_copy(&h, box, "one", &c);
    bool has_group = find_group(box, pid, group, &limit);
    kill(pid, SIGKILL);
    host_run_until(&h, &c.done);
    CHECK(c.failed);
    CHECK_CONTAINS(c.message, "its process ended");
    CHECK(!is_there(&h, "one", "") && !is_there(&h, "one", ".new"));
    CHECK(!has_group || access(group, F_OK) != 0);
    box_destroy(&h, box);
    host_close(&h);
}

static bool put(const char *dir, const char *name, const char *text) {
    char path[500];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    FILE *to = fopen(path, "we");
    bool ok = to && fputs(text, to) >= 0;
    if (to && fclose(to) != 0) ok = false;
    return ok;
}

/* A process in the same group that takes all memory until the other one is gone, which the kernel shall choose. */
static pid_t start_hog(const char *group, const char *limit, pid_t other) {
    static char megabyte[1 << 20];
    char victim[64];
    snprintf(victim, sizeof(victim), "/proc/%d", (int)other);
    struct pollfd gone = {.fd = (int)syscall(SYS_pidfd_open, other, 0), .events = POLLIN};
    CHECK(gone.fd >= 0);
    pid_t pid = fork();
    if (pid == 0) {
        int file = memfd_create("hog", MFD_CLOEXEC);
        bool ok = file >= 0 && put(victim, "oom_score_adj", "1000") &&
                  put(group, strcmp(limit, "memory.max") == 0 ? "cgroup.procs" : "tasks", "0");
        while (ok && poll(&gone, 1, 0) == 0) (void)!write(file, megabyte, sizeof(megabyte));
        _exit(ok ? 0 : 1);
    }
    close(gone.fd);
    return pid;
}

static void starved(void) {
    host h;
    copied c;
    char group[400] = "";
    const char *limit;
    int status;
    host_open(&h);
    wrn_box *box = make_large(&h);
    pid_t pid = start_copy(&h, box, "one", &c);
    if (!find_group(box, pid, group, &limit)) test_skip("there are no limits of memory");
    pid_t hog = start_hog(group, limit, pid);
    CHECK(hog > 0 && waitpid(hog, &status, 0) == hog);
    CHECK(!WIFEXITED(status) || WEXITSTATUS(status) == 0); /* killed too, if it was quicker than the other one's end */
    host_run_until(&h, &c.done);
    CHECK(c.failed);
    CHECK_CONTAINS(c.message, "copying the files takes more than 512 MB of memory");
    CHECK(!is_there(&h, "one", "") && !is_there(&h, "one", ".new"));
    CHECK(access(group, F_OK) != 0);
    box_destroy(&h, box);
    host_close(&h);
}

/* A server that is gone in the middle of it. */
static void crashed(void) {
    char group[400] = "";
    int told[2];
    CHECK(pipe(told) == 0);
    pid_t server = fork();
    CHECK(server >= 0);
    if (server == 0) {
        host h;
        copied c;
        const char *limit;
        host_open(&h);
        wrn_box *box = make_large(&h);
        pid_t pid = start_copy(&h, box, "one", &c);
        if (find_group(box, pid, group, &limit)) CHECK(write(told[1], group, sizeof(group)) == sizeof(group));
        kill(getpid(), SIGKILL);
    }
    close(told[1]);
    bool has_group = read(told[0], group, sizeof(group)) == sizeof(group);
    close(told[0]);
    int status;
    CHECK(waitpid(server, &status, 0) == server && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    host h;
    host_open(&h);
    uv_run(&h.loop, UV_RUN_DEFAULT); /* what the other one has left is removed */
    host_close(&h);
    CHECK_MSG(!has_group || access(group, F_OK) != 0, "%s is left", group);
}

/* What has to be remembered of files with several names grows with them: these have 3.8 kB each. */
static void many_links(int files) {
    host h;
    copied c = {0};
    char line[400];
    snprintf(line, sizeof(line),
             "python3 -c 'import os\nos.chdir(\"/root\")\n"
             "for i in range(15): os.mkdir(\"d\" * 250); os.chdir(\"d\" * 250)\n"
             "for i in range(%d): os.close(os.open(str(i), os.O_CREAT)); os.link(str(i), \"l\" + str(i))'",
             files);
    host_open(&h);
    wrn_box *box = box_create_sized(&h, "cl-links", 1, 1024);
    box_sh(&h, box, line, &o);
    CHECK_STR(o.err, "");
    CHECK_INT(o.code, 0);
    CHECK_INT(box_freeze(&h, box, true), 0);
    wrn_box_snapshot(box, "one", on_copied, &c);
    host_run_until(&h, &c.done);
    CHECK(c.failed);
    CHECK_CONTAINS(c.message, "invalid_request: too many files have several names");
    CHECK(!is_there(&h, "one", "") && !is_there(&h, "one", ".new"));
    box_destroy(&h, box);
    host_close(&h);
}

/* As many as are too many, once; the other user has a lower limit, for to make them takes long. */
static void too_many_links(void) {
    if (geteuid() != 0) layer_links_max = 4 << 20;
    many_links(geteuid() == 0 ? 37000 : 1200);
}

TEST_AS_BOTH(copies_are_bounded, bounded)
TEST_AS_BOTH(a_killed_copy_leaves_nothing, killed)
TEST_AS_ROOT(a_copy_without_memory_says_so, starved)
TEST_AS_BOTH(a_crash_leaves_no_group, crashed)
TEST_AS_BOTH(files_with_several_names_have_a_limit, too_many_links)

TEST_MAIN
