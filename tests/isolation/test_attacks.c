/* attack.c let loose inside: each try must end as it must, with the host, the sandbox and its neighbour going on. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "host.h"

#define ATTACK "/tmp/attack"

static output o;

/* Brings the program in. */
static void arm(host *h, wrn_box *box) {
    static char bytes[4 << 20];
    FILE *file = fopen(getenv("WRENN_TEST_ATTACK"), "re");
    CHECK_MSG(file != NULL, "WRENN_TEST_ATTACK names no program");
    size_t size = fread(bytes, 1, sizeof(bytes), file);
    CHECK(size > 0 && size < sizeof(bytes));
    fclose(file);
    const char *args[] = {"-c", "cat > " ATTACK " && chmod 755 " ATTACK, NULL};
    wrn_proc *proc = box_start(box, &(wrn_proc_spec){.cmd = "sh", .args = args, .want_stdin = true}, &o);
    for (size_t sent = 0; sent < size;) {
        sent += wrn_proc_write(proc, bytes + sent, size - sent);
        if (sent < size) uv_run(&h->loop, UV_RUN_ONCE);
    }
    wrn_proc_close_stdin(proc);
    host_run_until(h, &o.ended);
    CHECK_INT(o.code, 0);
}

/* Its output, which is all there is to say. */
static const char *attack(host *h, wrn_box *box, const char *what) {
    const char *args[] = {what, NULL};
    box_exec(h, box, &(wrn_proc_spec){.cmd = ATTACK, .args = args, .timeout_ms = 60000}, &o);
    CHECK_MSG(o.end == WRN_PROC_EXITED && o.code == 0, "%s: end %d, code %d, %.1000s", what, o.end, o.code, o.out);
    return o.out;
}

static const char *sh(host *h, wrn_box *box, const char *line) {
    box_sh(h, box, line, &o);
    CHECK_MSG(o.end == WRN_PROC_EXITED && o.code == 0, "%s: end %d, code %d: %.300s", line, o.end, o.code, o.err);
    return o.out;
}

/* One word of attack.c that leaves the sandbox as it was. */
static void run_attack(const char *what) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-attack");
    arm(&h, box);
    CHECK_STR(attack(&h, box, what), "done\n");
    CHECK_INT(box_ping(&h, box), 0);
    CHECK_STR(sh(&h, box, "hostname; grep -E '^(NoNewPrivs|Seccomp):' /proc/self/status | tr '\\t\\n' '  '"),
              test_in_machines() ? "cl-attack\nNoNewPrivs: 0 Seccomp: 0 " : "cl-attack\nNoNewPrivs: 1 Seccomp: 2 ");
    box_destroy(&h, box);
    host_close(&h);
}

static void attack_kernel(const char *what) {
    test_not_in_machines("the kernel that is attacked is the machine's own");
    run_attack(what);
}

static void calls(void) { attack_kernel("calls"); }
static void files(void) { attack_kernel("files"); }
static void descriptors(void) { run_attack("descriptors"); }
static void init(void) { run_attack("init"); }

static void setuid_bits(void) {
    host h;
    test_not_in_machines("root of the machine is nobody outside");
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-setuid");
    arm(&h, box);
    CHECK_STR(attack(&h, box, "setuid"), "ids 1000 1000 1000\ndone\n");
    CHECK_STR(sh(&h, box,
                 "while read -r _ _ _ _ path options _; do case $path,$options in"
                 " /dev/null,*|/dev/zero,*|/dev/full,*|/dev/*random,*|/dev/tty,*|/proc/*) ;;"
                 " *nosuid*) ;; *) echo $path $options;; esac; done < /proc/self/mountinfo"),
              "");
    box_destroy(&h, box);
    host_close(&h);
}

/* ---- files that change under the agent's hands ---- */

static int builtin(host *h, wrn_box *box, const char *what, const char *path, const char *more, const char *input) {
    static output out;
    const char *args[] = {path, more, NULL};
    wrn_proc *proc = box_start(
        box, &(wrn_proc_spec){.cmd = what, .args = args, .builtin = true, .want_stdin = input, .timeout_ms = 60000},
        &out);
    if (input) {
        CHECK_INT(wrn_proc_write(proc, input, strlen(input)), strlen(input));
        wrn_proc_close_stdin(proc);
    }
    host_run_until(h, &out.ended);
    CHECK_INT(out.end, WRN_PROC_EXITED);
    CHECK_MSG(!strstr(out.out, "of the host"), "%s %s shows the host", what, path);
    return out.code;
}

/* /tmp/race/a is a directory, /tmp/race/b a link to what must stay; both change places all the time. A write through the
 * link ends where the link leads, inside. */
static void swapped_files(void) {
    const int rounds = test_in_machines() ? 10 : 400; /* a way out would lead into the machine */
    host h;
    static output swapper;
    char bait[300], file[400], line[1200];
    struct stat info;
    snprintf(bait, sizeof(bait), "%s/bait", test_dir());
    snprintf(file, sizeof(file), "%s/kept", bait);
    CHECK(mkdir(bait, 0777) == 0 && chmod(bait, 0777) == 0);
    int fd = open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
    CHECK(fd >= 0 && write(fd, "of the host\n", 12) == 12 && close(fd) == 0);
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-swap");
    arm(&h, box);
    /* The same path inside, so that a way out would be found by either name. */
    snprintf(line, sizeof(line), "mkdir -p %s && echo inside > %s", bait, file);
    sh(&h, box, line);
    const char *args[] = {"swap", "/tmp/race/a", "/tmp/race/b", bait, NULL};
    wrn_proc *proc = box_start(box, &(wrn_proc_spec){.cmd = ATTACK, .args = args}, &swapper);
    while (!swapper.out_size) uv_run(&h.loop, UV_RUN_ONCE);
    for (int i = 0; i < rounds; i++) {
        builtin(&h, box, "read", "/tmp/race/a/kept", NULL, NULL);
        builtin(&h, box, "write", "/tmp/race/a/sub/x", NULL, "x");
        builtin(&h, box, "mkdir", "/tmp/race/b/sub/y", NULL, NULL);
        builtin(&h, box, "list", "/tmp/race", "9", NULL);
        /* Goes into no link it meets below: what the link names stays. */
        builtin(&h, box, "remove", "/tmp/race", NULL, NULL);
    }
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &swapper.ended);
    snprintf(line, sizeof(line), "cat %s", file);
    CHECK_STR(sh(&h, box, line), "inside\n");
    CHECK(stat(file, &info) == 0 && info.st_size == 12);
    snprintf(line, sizeof(line), "%s/sub", bait);
    CHECK(access(line, F_OK) != 0);
    box_destroy(&h, box);
    host_close(&h);
}

/* ---- taking all there is ---- */

static void descriptor_flood(void) {
    host h;
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-flood"), *two = box_create(&h, "cl-calm");
    arm(&h, one);
    CHECK_STR(attack(&h, one, "flood"), "EMFILE after enough\ndone\n");
    CHECK_INT(box_ping(&h, one), 0);
    CHECK_STR(sh(&h, two, "echo calm"), "calm\n");
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

/* Memory that is in no process: it counts all the same. */
static void memory_elsewhere(void) {
    static const char *const kinds[] = {"memfd", "pipe", "unix", "tcp"};
    enum { LIMIT_MB = 64 };
    host h;
    test_not_in_machines("all memory is the machine's own");
    host_open(&h);
    wrn_box *two = box_create(&h, "cl-calm");
    for (size_t i = 0; i < WRN_COUNT(kinds); i++) {
        static output greedy;
        wrn_box_stats stats;
        wrn_box *one = box_create_sized(&h, "cl-greedy", 1, LIMIT_MB);
        wrn_box_measure(one, &stats);
        if (stats.mem_bytes < 0) test_skip("no cgroup to limit memory");
        arm(&h, one);
        const char *args[] = {"memory", kinds[i], NULL};
        wrn_proc *proc = box_start(one, &(wrn_proc_spec){.cmd = ATTACK, .args = args, .timeout_ms = 60000}, &greedy);
        /* Killed, or told that there is no more. What the kernel holds for a process goes some time after the process:
         * until then the agent may be the next, and with it the sandbox. */
        while (!greedy.ended && !greedy.out_size) uv_run(&h.loop, UV_RUN_ONCE);
        wrn_box_measure(one, &stats);
        CHECK_MSG(stats.mem_bytes <= LIMIT_MB * 1048576ll, "%s: %lld bytes", kinds[i], (long long)stats.mem_bytes);
        test_note("%s: %s, %lld MiB", kinds[i], greedy.ended ? "killed" : greedy.out, (long long)stats.mem_bytes >> 20);
        if (greedy.ended) CHECK(greedy.end == WRN_PROC_SIGNALED || greedy.end == WRN_PROC_LOST);
        else wrn_proc_signal(proc, SIGKILL);
        host_run_until(&h, &greedy.ended);
        CHECK_STR(sh(&h, two, "echo calm"), "calm\n");
        box_destroy(&h, one);
    }
    box_destroy(&h, two);
    host_close(&h);
}

/* A data directory of its own size, which goes with this process. */
static void mount_small(host *h, const char *options) {
    char dir[200];
    snprintf(dir, sizeof(dir), "%s/small", test_dir());
    CHECK_INT(mkdir(dir, 0755), 0);
    CHECK_INT(unshare(CLONE_NEWNS), 0);
    CHECK_INT(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    CHECK_INT(mount("tmpfs", dir, "tmpfs", 0, options), 0);
    host_open_in(h, "small");
}

static void on_refused(void *context, wrn_box *box, const wrn_fault *fault) {
    CHECK(!box && fault);
    test_note("%s: %s", wrn_fault_name(fault->code), fault->message);
    CHECK_CONTAINS(fault->message, "No space left on device");
    *(bool *)context = true;
}

static void full(const char *options, const char *take, const char *give_back) {
    host h;
    test_not_in_machines("each has a disk of its own");
    mount_small(&h, options);
    wrn_box *one = box_create(&h, "cl-full"), *two = box_create(&h, "cl-calm");
    CHECK_CONTAINS(sh(&h, one, take), "No space left on device");
    CHECK_INT(box_ping(&h, one), 0);
    CHECK_STR(sh(&h, two, "echo calm"), "calm\n");
    CHECK(builtin(&h, two, "write", "/root/y/z", NULL, "some bytes") == ENOSPC);
    bool refused = false;
    wrn_box_create(h.boxes, &(wrn_box_spec){"cl-late", "minimal", 1, 64}, NULL, NULL, on_refused, &refused);
    host_run_until(&h, &refused);
    sh(&h, one, give_back);
    CHECK_INT(builtin(&h, two, "write", "/root/y/z", NULL, "some bytes"), 0);
    box_destroy(&h, box_create(&h, "cl-late"));
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

static void full_disk(void) { full("size=24m,mode=711", "(cat /dev/zero > /root/big) 2>&1; true", "rm /root/big"); }

static void no_inodes(void) {
    full("size=64m,nr_inodes=700,mode=711",
         "mkdir /root/d; cd /root/d; i=0; while [ $i -lt 900 ]; do touch $i || break; i=$((i+1)); done 2>&1; true",
         "rm -r /root/d");
}

TEST_AS_BOTH(system_calls_end_as_they_must, calls)
TEST_AS_BOTH(files_of_the_kernel_are_closed, files)
TEST_AS_BOTH(commands_have_three_descriptors, descriptors)
TEST_AS_BOTH(signals_to_the_first_process_do_nothing, init)
TEST_AS_ROOT(setuid_bits_lend_nothing, setuid_bits)
TEST_AS_BOTH(swapped_links_lead_nowhere, swapped_files)
TEST_AS_BOTH(a_flood_of_descriptors_stays_inside, descriptor_flood)
TEST_AS_ROOT(memory_outside_of_processes_counts, memory_elsewhere)
TEST_AS_ROOT(a_full_disk_is_survived, full_disk)
TEST_AS_ROOT(a_disk_without_inodes_is_survived, no_inodes)

TEST_MAIN
