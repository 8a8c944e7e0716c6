/* What a sandbox was given is what programs see, and all of it that they see. */
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/vfs.h>

#include "host.h"

static output o;

static const char *sh(host *h, wrn_box *box, const char *line) {
    box_sh(h, box, line, &o);
    CHECK_MSG(o.end == WRN_PROC_EXITED && o.code == 0, "%s: end %d, code %d, stdout: %.500s, stderr: %.500s", line,
              o.end, o.code, o.out, o.err);
    return o.out;
}

static const char *python(host *h, wrn_box *box, const char *script) {
    const char *args[] = {"-c", script, NULL};
    box_exec(h, box, &(wrn_proc_spec){.cmd = "/usr/bin/python3", .args = args, .timeout_ms = 60000}, &o);
    CHECK_MSG(o.end == WRN_PROC_EXITED && o.code == 0, "end %d, code %d: %.2000s", o.end, o.code, o.err);
    return o.out;
}

static int own_cpus(void) {
    cpu_set_t own;
    CHECK_INT(sched_getaffinity(0, sizeof(own), &own), 0);
    return CPU_COUNT(&own);
}

static bool is_limited(host *h) {
    const char *kind = wrn_json_string(wrn_json_get(host_isolation(h), "cgroup"), NULL);
    return kind && strcmp(kind, "none") != 0;
}

/* ---- processors ---- */

static void count_processors(host *h, int vcpus) {
    static const char *const lines[][2] = {
        {"nproc", "nproc"},
        {"getconf", "getconf _NPROCESSORS_ONLN"},
        {"getconf", "getconf _NPROCESSORS_CONF"},
        {"grep", "grep -c ^processor /proc/cpuinfo"},
        {"grep", "grep -c '^cpu[0-9]' /proc/stat"},
        {"ls", "ls -d /sys/devices/system/cpu/cpu[0-9]* | wc -l"},
        {"python3", "python3 -c 'import os; print(os.cpu_count())'"},
        {"python3", "python3 -c 'import os; print(len(os.sched_getaffinity(0)))'"},
        {"lscpu", "lscpu -p | grep -vc '#'"},
        {"node", "node -p 'os.cpus().length'"},
        {"node", "node -p '(os.availableParallelism || (() => os.cpus().length))()'"},
        {"java", "cd /tmp && echo 'class P { public static void main(String[] a) {"
                 " System.out.println(Runtime.getRuntime().availableProcessors()); } }' > P.java && java P.java"},
    };
    char id[32], want[16];
    snprintf(id, sizeof(id), "cl-of-%d", vcpus);
    snprintf(want, sizeof(want), "%d\n", vcpus);
    wrn_box *box = box_create_sized(h, id, vcpus, 512);
    for (size_t i = 0; i < WRN_COUNT(lines); i++) {
        char line[512];
        snprintf(line, sizeof(line), "if command -v %s > /dev/null; then %s; else echo %d; fi", lines[i][0],
                 lines[i][1], vcpus);
        CHECK_MSG(strcmp(sh(h, box, line), want) == 0, "%s: %s", lines[i][1], o.out);
    }
    box_destroy(h, box);
}

static void processors(void) {
    host h;
    host_open(&h);
    int64_t vcpus = 100000, memory_mb = 1, disk_mb = 0;
    wrn_boxes_fit(h.boxes, NULL, &vcpus, &memory_mb, &disk_mb);
    CHECK_INT(vcpus, own_cpus());
    CHECK(memory_mb > 1);
    for (int n = 1; n <= own_cpus() && n <= 3; n++) count_processors(&h, n);
    /* The least there is still runs something. */
    wrn_box *box = box_create_sized(&h, "cl-small", 1, memory_mb);
    CHECK_STR(sh(&h, box, "echo $((6 * 7)); ls / > /dev/null"), "42\n");
    box_destroy(&h, box);
    host_close(&h);
}

static int cpu_of(host *h, wrn_box *box) {
    return atoi(sh(h, box, "grep ^Cpus_allowed_list /proc/self/status | cut -f2"));
}

/* Each goes where the fewest others are; those that are paused need none. */
static void spread(void) {
    host h;
    if (own_cpus() < 2) test_skip("needs two processors");
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-one"), *two = box_create(&h, "cl-two");
    int busy = cpu_of(&h, two);
    CHECK(cpu_of(&h, one) != busy);
    CHECK_INT(box_freeze(&h, one, true), 0);
    for (int i = 0; i < 3; i++) {
        wrn_box *three = box_create(&h, "cl-three");
        CHECK(cpu_of(&h, three) != busy);
        box_destroy(&h, three);
    }
    CHECK_INT(box_freeze(&h, one, false), 0);
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

/* Two that are busy on one processor while another is idle do not stay there. */
static void balance(void) {
    enum { BOXES = 3 };
    static output hogs[2];
    static const char *const ids[BOXES] = {"cl-one", "cl-two", "cl-three"};
    wrn_box *boxes[BOXES], *busy[2] = {NULL};
    wrn_box_stats stats;
    host h;
    if (own_cpus() != 2) test_skip("needs exactly two processors");
    host_open(&h);
    for (int i = 0; i < BOXES; i++) boxes[i] = box_create(&h, ids[i]);
    wrn_box_measure(boxes[0], &stats);
    if (stats.cpu_usec < 0) test_skip("no cgroup to measure with");
    int shared = cpu_of(&h, boxes[0]) + cpu_of(&h, boxes[1]) + cpu_of(&h, boxes[2]) - 1, found = 0; /* of 0 and 1 */
    for (int i = 0; i < BOXES; i++)
        if (found < 2 && cpu_of(&h, boxes[i]) == shared) busy[found++] = boxes[i];
    CHECK_INT(found, 2);
    const char *args[] = {"-c", "while :; do :; done", NULL};
    for (int i = 0; i < 2; i++) box_start(busy[i], &(wrn_proc_spec){.cmd = "sh", .args = args}, &hogs[i]);
    while (cpu_of(&h, busy[0]) == cpu_of(&h, busy[1]))
        for (int i = 0; i < BOXES; i++) wrn_box_measure(boxes[i], &stats);
    for (int i = 0; i < BOXES; i++) box_destroy(&h, boxes[i]);
    host_close(&h);
}

/* ---- memory and time ---- */

/* Reads until it has changed as it must: what is shown may be that of the read before. */
static const char memory_script[] =
    "def show(f):\n"
    "    f.seek(0)\n"
    "    return {l.split(':')[0]: int(l.split()[1]) for l in f}\n"
    "f = open('/proc/meminfo')\n"
    "before = show(f)\n"
    "assert before['MemTotal'] == 256 * 1024, before\n"
    "assert before['MemTotal'] >= before['MemAvailable'] >= before['MemFree'] > 0, before\n"
    "assert before['SwapTotal'] == 0\n"
    "x = bytearray(b'x') * (64 << 20)\n"
    "while show(f)['MemAvailable'] > before['MemAvailable'] - (60 << 10): pass\n"
    "del x\n"
    "while show(open('/proc/meminfo'))['MemAvailable'] < before['MemAvailable'] - (20 << 10): pass\n"
    "print('true')\n";

static const char time_script[] = "import time\n"
                                  "def used(f):\n"
                                  "    f.seek(0)\n"
                                  "    return [int(x) for x in f.readline().split()[1:5]]\n"
                                  "f = open('/proc/stat')\n"
                                  "before = used(f)\n"
                                  "while time.process_time() < 0.5: pass\n"
                                  "while sum(used(f)[:3]) < sum(before[:3]) + 40: pass\n"
                                  "after = used(f)\n"
                                  "assert after[3] >= before[3], (before, after)\n"
                                  "boot = [l for l in open('/proc/stat') if l.startswith('btime')][0]\n"
                                  "assert abs(int(boot.split()[1]) - (time.time() - time.clock_gettime(7))) < 3\n"
                                  "print('true')\n";

static void amounts(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-amounts");
    CHECK_STR(python(&h, box, memory_script), "true\n");
    CHECK_STR(python(&h, box, time_script), "true\n");
    CHECK_STR(sh(&h, box, "free -m | awk '/^Mem/ { print $2 }'; top -bn1 > /dev/null; vmstat > /dev/null"), "256\n");
    CHECK_STR(sh(&h, box, "ulimit -a > /dev/null; bash -c 'ulimit -u'"), "1984\n");
    box_destroy(&h, box);
    host_close(&h);
}

/* Those that follow the cgroup's limit instead. */
static void heaps(void) {
    host h;
    host_open(&h);
    if (!is_limited(&h)) test_skip("no cgroup to limit memory");
    wrn_box *box = box_create_sized(&h, "cl-heaps", 1, 512);
    CHECK_STR(sh(&h, box,
                 "! command -v java > /dev/null || test $(java -XX:+PrintFlagsFinal -version 2>/dev/null |"
                 " awk '$2 == \"MaxHeapSize\" { print $4 }') -le 268435456 && echo fits"),
              "fits\n");
    CHECK_STR(sh(&h, box,
                 "! command -v node > /dev/null || test $(node -p 'v8.getHeapStatistics().heap_size_limit') -le"
                 " 400000000 && echo fits"),
              "fits\n");
    CHECK_STR(
        sh(&h, box, "cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes 2>/dev/null || true"),
        "536870912\n");
    box_destroy(&h, box);
    host_close(&h);
}

/* Neither caches nor what was read count as used; files in memory do, also those of a sandbox that is in memory itself. */
static void used_memory(void) {
    enum { MB = 1 << 20 };
    host h;
    struct statfs place;
    wrn_box_stats stats;
    host_open(&h);
    CHECK_INT(statfs(h.state_dir, &place), 0);
    int64_t own = place.f_type == TMPFS_MAGIC ? 200 * MB : 0;
    wrn_box *box = box_create_sized(&h, "cl-used", 1, 512);
    sh(&h, box, "head -c 200M /dev/zero > /root/big && cat /root/big /root/big > /dev/null");
    wrn_box_measure(box, &stats);
    if (stats.mem_bytes < 0) test_skip("no cgroup to measure with");
    CHECK_MSG(stats.mem_bytes >= own && stats.mem_bytes < own + 100 * MB, "%lld", (long long)stats.mem_bytes);
    sh(&h, box, "head -c 150M /dev/zero > /dev/shm/big");
    wrn_box_measure(box, &stats);
    CHECK_MSG(stats.mem_bytes > own + 140 * MB, "%lld", (long long)stats.mem_bytes);
    box_destroy(&h, box);
    host_close(&h);
}

/* ---- what it must not be ---- */

/* All below /sys and the files over /proc: read-only by mount, nobody's, and about this sandbox alone. */
static const char closed_script[] =
    "import os\n"
    "shown = ['/proc/meminfo', '/proc/stat', '/proc/cpuinfo']\n"
    "for top, dirs, names in os.walk('/sys'):\n"
    "    shown += [top] + [top + '/' + n for n in names]\n"
    "    if top != '/sys/fs/cgroup' and '/cgroup' in top and dirs: print('below', top, dirs)\n"
    "for path in shown:\n"
    "    if not os.statvfs(path).f_flag & os.ST_RDONLY: print(path, 'is on a writable mount')\n"
    "    try: os.close(os.open(path, os.O_WRONLY)); print(path, 'opens for writing')\n"
    "    except OSError: pass\n"
    "    for what in (lambda: os.chmod(path, 0o777), lambda: os.chown(path, 0, 0), lambda: os.utime(path),\n"
    "                 lambda: os.setxattr(path, 'user.x', b'x'), lambda: os.truncate(path, 0),\n"
    "                 lambda: os.unlink(path), lambda: os.rename(path, path + 'x'), lambda: os.mkdir(path + '/x')):\n"
    "        try: what(); print('changed', path)\n"
    "        except OSError: pass\n"
    "tops = {'/sys': ['devices', 'fs'], '/sys/fs': ['cgroup'], '/sys/devices': ['system'],\n"
    "        '/sys/devices/system': ['cpu']}\n"
    "for top, want in tops.items():\n"
    "    if sorted(os.listdir(top)) != want: print(top, os.listdir(top))\n"
    "for line in open('/proc/self/mountinfo'):\n"
    "    fields = line.split()\n"
    "    if 'cgroup' in fields[fields.index('-') + 1] and fields[3] != '/': print('shows', line)\n"
    "    if fields[4].startswith('/sys') and not fields[5].startswith('ro,nosuid,nodev,noexec'): print(line)\n"
    "own = {e for e in os.listdir('/proc') if e.isdigit()}\n"
    "for top, dirs, names in os.walk('/sys/fs/cgroup'):\n"
    "    for name in names:\n"
    "        try: text = open(top + '/' + name).read()\n"
    "        except (OSError, UnicodeError): continue\n"
    "        if 'cl-' in text or 'wrennd' in text: print(top, name, text)\n"
    "        if name in ('cgroup.procs', 'tasks') and not set(text.split()) <= own | set(map(str, range(1, 1000))): print(text)\n"
    "print('done')\n";

static void closed(void) {
    host h;
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-one"), *two = box_create(&h, "cl-two");
    CHECK_STR(python(&h, one, closed_script), "done\n");
    if (geteuid() == 0)
        CHECK_STR(sh(&h, one, "stat -c '%u %g' /sys /proc/meminfo /proc/stat"),
                  "65534 65534\n65534 65534\n65534 65534\n");
    CHECK_STR(sh(&h, two, "head -1 /proc/meminfo | awk '{ print $2 }'"), "262144\n");
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

/* ---- processes ---- */

/* Commands start though somebody has taken all that there are. */
static void exhausted(void) {
    static const char greedy[] = "import threading, time\n"
                                 "threading.stack_size(65536)\n"
                                 "n = 0\n"
                                 "try:\n"
                                 "    while True: threading.Thread(target=time.sleep, args=(1000,)).start(); n += 1\n"
                                 "except RuntimeError: print(n, flush=True)\n";
    static output taker;
    host h;
    host_open(&h);
    wrn_box *box = box_create_sized(&h, "cl-taken", 1, 1024);
    const char *args[] = {"-c", greedy, NULL};
    wrn_proc *proc = box_start(box, &(wrn_proc_spec){.cmd = "python3", .args = args}, &taker);
    while (!taker.out_size && !taker.ended) uv_run(&h.loop, UV_RUN_ONCE);
    CHECK_MSG(atoi(taker.out) > 3900 && atoi(taker.out) < 4096, "%s %s", taker.out, taker.err);
    for (int i = 0; i < 5; i++) CHECK_STR(sh(&h, box, "echo still"), "still\n");
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &taker.ended);
    CHECK_STR(sh(&h, box, "echo a | cat"), "a\n");
    box_destroy(&h, box);
    host_close(&h);
}

TEST_AS_BOTH(processors_are_those_given, processors)
TEST_AS_BOTH(processors_are_shared_out, spread)
TEST_AS_ROOT(busy_ones_move_apart, balance)
TEST_AS_BOTH(memory_and_time_are_the_sandbox_s, amounts)
TEST_AS_BOTH(heaps_fit, heaps)
TEST_AS_BOTH(caches_are_not_used_memory, used_memory)
TEST_AS_BOTH(what_is_shown_is_closed, closed)
TEST_AS_BOTH(commands_start_when_processes_are_taken, exhausted)

TEST_MAIN
