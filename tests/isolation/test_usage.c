/* What a sandbox uses, as the backend tells it. */
#include "host.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/backend/ns/internal.h"
#include "server/pulse.h"

static output o;

static void sh(host *h, wrn_box *box, const char *line) {
    box_sh(h, box, line, &o);
    CHECK_MSG(o.end == WRN_PROC_EXITED && o.code == 0, "%s: %d %s", line, o.code, o.err);
}

static wrn_box_stats stats_of(wrn_box *box) {
    wrn_box_stats stats;
    wrn_box_measure(box, &stats);
    return stats;
}

/* The first look has it measured; nothing else happens in the loop of this test. */
static int64_t measure_disk(host *h, wrn_box *box) {
    wrn_box_stats stats = stats_of(box);
    CHECK_INT(stats.disk_bytes, -1);
    while ((stats = stats_of(box)).disk_bytes < 0) uv_run(&h->loop, UV_RUN_ONCE);
    return stats.disk_bytes;
}

static void disk(void) {
    enum { MB = 1 << 20 };
    host h;
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-one"), *two = box_create(&h, "cl-two");
    /* A file counts once however many names it has, a hole counts nothing, and a link leads nowhere. */
    sh(&h, one,
       "mkdir -p /root/a/b && cd /root/a/b && head -c 8388608 /dev/urandom > file && ln file again && ln -s / up &&"
       " truncate -s 1G hole");
    int64_t bytes = measure_disk(&h, one), idle = measure_disk(&h, two);
    CHECK_MSG(bytes >= 8 * MB && bytes < 9 * MB, "%lld", (long long)bytes);
    CHECK_MSG(idle > 0 && idle < MB, "%lld", (long long)idle);
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

static void destroy_while_measuring(void) {
    host h;
    host_open(&h);
    for (int i = 0; i < 5; i++) {
        wrn_box *box = box_create(&h, "cl-short");
        CHECK_INT(stats_of(box).disk_bytes, -1);
        box_destroy(&h, box);
    }
    host_close(&h);
}

/* As root only: other users have no cgroups to measure with. */
static void cpu_and_memory(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-busy");
    wrn_box_stats before = stats_of(box);
    if (before.cpu_usec < 0 || before.mem_bytes < 0) test_skip("no cgroup to measure with");
    /* Ends when it has used half a second of cpu time. */
    sh(&h, box, "python3 -c 'import time\nwhile time.process_time() < 0.5: pass'");
    wrn_box_stats after = stats_of(box);
    CHECK_MSG(after.cpu_usec - before.cpu_usec >= 500000, "%lld", (long long)(after.cpu_usec - before.cpu_usec));
    CHECK(after.mem_bytes > 0 && after.pids >= 1);
    box_destroy(&h, box);
    host_close(&h);
}

/* Many sandboxes together do not take all processes that the machine can have. */
static void processes_of_all(void) {
    static cgroups c;
    char name[64], path[PATH_MAX + 16], text[32] = "";
    cgroup_name(name, sizeof(name));
    cgroups_open(&c, NULL, name);
    if (c.limits == CGROUP_NONE) cgroups_close(&c), test_skip("no cgroups");
    snprintf(path, sizeof(path), "%s/pids.max", c.dir[c.limits == CGROUP_V2 ? HIER_V2 : HIER_PIDS]);
    FILE *file = fopen(path, "re");
    CHECK(file && fgets(text, sizeof(text), file));
    fclose(file);
    cgroups_close(&c);
    int64_t most = atoll(text);
    file = fopen("/proc/sys/kernel/pid_max", "re");
    CHECK(file && fgets(text, sizeof(text), file));
    fclose(file);
    CHECK_MSG(most > 0 && most < atoll(text), "%lld of %s", (long long)most, text);
}

/* ---- greed.c ---- */

typedef struct look {
    const char *id;
    int idle; /* its cpu.idle; -1: none was found */
} look;

static void find_idle(void *context, const char *path, bool in_use) {
    look *l = context;
    char file[PATH_MAX + 80];
    (void)in_use;
    snprintf(file, sizeof(file), "%s/%s/cpu.idle", path, l->id);
    FILE *from = fopen(file, "re");
    if (!from) return;
    CHECK(fscanf(from, "%d", &l->idle) == 1);
    fclose(from);
}

static int idle_of(const char *id) {
    look l = {id, -1};
    cgroup_find(NULL, find_idle, &l);
    return l.idle;
}

/* How often the threads of server/pulse.h have slept; -1: there are none, because this user or container may not. */
static int64_t pulses(void) {
    DIR *tasks = opendir("/proc/self/task");
    int64_t count = -1, one;
    CHECK(tasks);
    for (const struct dirent *task; (task = readdir(tasks));) {
        char path[64], line[128];
        snprintf(path, sizeof(path), "/proc/self/task/%.20s/status", task->d_name);
        FILE *file = fopen(path, "re");
        if (!file) continue;
        bool is_pulse = fgets(line, sizeof(line), file) && strcmp(line, "Name:\twrennd-pulse\n") == 0;
        while (is_pulse && fgets(line, sizeof(line), file))
            if (sscanf(line, "voluntary_ctxt_switches: %" SCNd64, &one) == 1) count = (count < 0 ? 0 : count) + one;
        fclose(file);
    }
    closedir(tasks);
    return count;
}

static void greed(void) {
    static output burning;
    host h;
    host_open(&h);
    wrn_box *greedy = box_create(&h, "cl-greedy"), *quiet = box_create(&h, "cl-quiet");
    if (idle_of("cl-greedy") < 0) test_skip("no cgroup that can be idle");
    const char *args[] = {"-c",
                          "import os, time\n"
                          "while time.process_time() < 20 and not os.path.exists('/tmp/enough'): pass",
                          NULL};
    box_start(greedy, &(wrn_proc_spec){.cmd = "python3", .args = args}, &burning);
    while (idle_of("cl-greedy") == 0) {
        CHECK_MSG(!burning.ended, "it had a processor for 20 s, and yielded to nobody");
        uv_run(&h.loop, UV_RUN_ONCE);
    }
    CHECK_INT(idle_of("cl-quiet"), 0);
    for (int64_t before = pulses(); before >= 0 && pulses() < before + 10;) {
        CHECK(!burning.ended);
        wrn_pulse();
        uv_run(&h.loop, UV_RUN_ONCE);
    }
    sh(&h, greedy, "touch /tmp/enough");
    host_run_until(&h, &burning.ended);
    while (idle_of("cl-greedy") == 1) uv_run(&h.loop, UV_RUN_ONCE);
    CHECK_INT(idle_of("cl-greedy"), 0);
    int64_t at_last = pulses();
    wrn_pulse();
    sh(&h, quiet, "sleep 0.1");
    CHECK_INT(pulses(), at_last);
    box_destroy(&h, greedy);
    box_destroy(&h, quiet);
    host_close(&h);
}

TEST_AS_BOTH(disk_space_is_measured, disk)
TEST_AS_BOTH(a_sandbox_may_go_while_it_is_measured, destroy_while_measuring)
TEST_AS_ROOT(cpu_and_memory_are_measured, cpu_and_memory)
TEST_AS_ROOT(processes_of_all_sandboxes_are_limited, processes_of_all)
TEST_AS_BOTH(sandboxes_that_use_much_yield_until_they_do_not, greed)

TEST_MAIN
