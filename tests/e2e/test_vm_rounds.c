/* Rounds of what is done with virtual machines, and of kills. Afterwards nothing is left of them, and all that a program has put out
 * meanwhile has come once and in order. `make soak` has many of them. Skipped where test_vm.c is. */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>

#include "machines.h"
#include "peer.h"
#include "soak.h"
#include "work.h"

/* Puts out numbers from 1 on. */
#define NUMBERS "i=0; while true; do i=$((i+1)); echo $i; sleep 0.02; done"

/* How much of a sandbox's numbers was read. */
typedef struct reader {
    char id[40];
    long offset, last;
} reader;

typedef struct rounds {
    test_daemon d;
    reader witness; /* goes through all of it */
    int fds;        /* that wrennd has, beside a witness */
    int kills;
} rounds;

/* ---- what is left ---- */

static void note_id(const char *id) {
    char path[300];
    snprintf(path, sizeof(path), "%s/ids", test_dir());
    FILE *to = fopen(path, "ae");
    CHECK(to && fprintf(to, "%s\n", id) > 0 && fclose(to) == 0);
}

static int entries_of(const char *path) {
    int count = 0;
    DIR *dir = opendir(path);
    CHECK_MSG(dir != NULL, "%s", path);
    for (const struct dirent *entry; (entry = readdir(dir));) count += *entry->d_name != '.';
    closedir(dir);
    return count;
}

static int fds_of(pid_t pid) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    return entries_of(path);
}

/* Processes and control groups end a moment after their sandbox. */
static void await_nothing_of_ids(void) {
    char line[400];
    snprintf(
        line, sizeof(line),
        "cd %s && while { cat /proc/[0-9]*/cmdline | tr '\\0' '\\n'; find /sys/fs/cgroup -type d; } 2> /dev/null | "
        "grep -qFf ids; do sleep 0.1; done",
        test_dir());
    CHECK_INT(system(line), 0);
}

/* Workers close files. */
static void await_fds(const rounds *r) {
    while (fds_of(r->d.pid) > r->fds) usleep(10000);
}

/* ---- the witness ---- */

/* All that was put out since the last time: whole lines, until there is one at least. */
static void read_numbers(const test_daemon *d, reader *of) {
    long before = of->last;
    while (of->last == before) {
        WRN_AUTO(wrn_buf_free) wrn_buf all = WRN_BUF_INIT;
        char rest[64];
        snprintf(rest, sizeof(rest), "/processes/witness/logs?offset=%ld", of->offset);
        int fd = peer_open(d, sandbox_path(of->id, rest), "");
        for (bool over = false; !over;) {
            WRN_AUTO(wrn_json_freep) wrn_json *said = peer_message(fd);
            const char *data = wrn_json_string(wrn_json_get(said, "data"), NULL),
                       *type = wrn_json_string(wrn_json_get(said, "type"), NULL);
            if (data) wrn_buf_puts(&all, data);
            over = strcmp(type, "end") == 0;
        }
        CHECK_INT(peer_close_code(fd), 1000);
        for (char *at = all.data, *end; at && (end = strchr(at, '\n')); at = end + 1) {
            CHECK_INT(strtol(at, NULL, 10), ++of->last);
            of->offset += end + 1 - at;
        }
    }
}

static void make_machine(rounds *r, char id[40]) {
    make_sandbox(&r->d, "{\"isolation\":\"vm\",\"memory_mb\":256}", id);
    note_id(id);
}

/* It is made twice, so that it is a copy of a machine that was warmed up beside the first one, and that is over by then. */
static void begin_witness(rounds *r) {
    static const char body[] =
        "{\"cmd\":\"sh\",\"args\":[\"-c\",\"" NUMBERS "\"],\"background\":true,\"tag\":\"witness\"}";
    char boots[40];
    make_machine(r, boots);
    CHECK_INT(system("while pgrep -f '^/qemu .*-name warm-' > /dev/null; do sleep 0.1; done"), 0);
    destroy(&r->d, boots);
    r->witness = (reader){.last = 0};
    make_machine(r, r->witness.id);
    CHECK_STATUS(call(&r->d, "POST", sandbox_path(r->witness.id, "/exec"), body), 202);
    read_numbers(&r->d, &r->witness);
    r->fds = fds_of(r->d.pid);
}

/* ---- rounds ---- */

static const char *line_of(const char *id) {
    static char line[64];
    snprintf(line, sizeof(line), "%s\n", id);
    return line;
}

/* It goes on with the numbers, and with a life of its own. */
static void check_copy(rounds *r, const char *id) {
    reader copy = r->witness;
    snprintf(copy.id, sizeof(copy.id), "%s", id);
    note_id(id);
    read_numbers(&r->d, &copy);
    CHECK_SH(&r->d, id, "hostname", line_of(id));
    read_numbers(&r->d, &copy);
    destroy(&r->d, id);
}

static void run_programs(rounds *r) {
    char id[40];
    make_machine(r, id);
    CHECK_SH(&r->d, id, "hostname", line_of(id));
    CHECK_SH(&r->d, id, "head -c 3000000 /dev/zero | wc -c", "3000000\n");
    destroy(&r->d, id);
}

static void pause_and_resume(rounds *r) {
    CHECK_STATUS(call(&r->d, "POST", sandbox_path(r->witness.id, "/pause"), NULL), 200);
    resume(&r->d, r->witness.id);
}

static void make_forks(rounds *r) {
    reply made = call(&r->d, "POST", sandbox_path(r->witness.id, "/fork"), "{\"count\":2}");
    CHECK_MSG(made.status == 201, "%s", made.body);
    for (size_t i = 0; i < 2; i++) check_copy(r, wrn_json_string(wrn_json_get(wrn_json_at(made.json, i), "id"), NULL));
    reply_free(&made);
}

static void make_snapshot(rounds *r) {
    char id[40];
    snap(&r->d, r->witness.id, "moment");
    resume(&r->d, r->witness.id);
    make_sandbox(&r->d, "{\"template\":\"moment\"}", id);
    CHECK_STATUS(call(&r->d, "DELETE", "/v1/snapshots/moment", NULL), 204);
    check_copy(r, id);
}

static void kill_machine(rounds *r) {
    char id[40], line[160];
    make_machine(r, id);
    snprintf(line, sizeof(line), "kill -9 $(pgrep -f '^/qemu .*-name %s ')", id);
    CHECK_INT(system(line), 0);
    wait_status(&r->d, id, "stopped");
    destroy(&r->d, id);
    r->kills++;
}

static void restart_guest(rounds *r) {
    char id[40];
    make_machine(r, id);
    CHECK_ERROR(call(&r->d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"reboot\",\"args\":[\"-f\"]}"), 502,
                "agent_error");
    wait_status(&r->d, id, "stopped");
    destroy(&r->d, id);
}

static void start_server(rounds *r) { serve(&r->d, (const char *[]){"--vm-dir", machines_path("vm"), NULL}); }

/* Its machines end with it; the next one says so, and removes what they have left. */
static void kill_server(rounds *r) {
    char old[40];
    await_fds(r);
    snprintf(old, sizeof(old), "%s", r->witness.id);
    kill(r->d.pid, SIGKILL);
    daemon_wait(r->d.pid);
    start_server(r);
    wait_status(&r->d, old, "stopped");
    destroy(&r->d, old);
    begin_witness(r);
    r->kills++;
}

static void (*const kinds[])(rounds *r) = {run_programs, pause_and_resume, make_forks, make_snapshot,
                                           kill_machine, restart_guest,    kill_server};

static void all_rounds(void) {
    rounds r = {.kills = 0};
    char boxes[300];
    size_t count = 0;
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel(), machines_path("img"), 0, "set up");
    start_server(&r);
    begin_witness(&r);
    time_t until = soak_until(30);
    for (; count < WRN_COUNT(kinds) || time(NULL) < until; count++) {
        kinds[count % WRN_COUNT(kinds)](&r);
        read_numbers(&r.d, &r.witness);
        if (until) test_note("round %zu, %ld numbers", count, r.witness.last);
    }
    await_fds(&r);
    destroy(&r.d, r.witness.id);
    snprintf(boxes, sizeof(boxes), "%s/sandboxes/boxes", r.d.dir);
    await_nothing_of_ids();
    while (entries_of(boxes)) usleep(10000);
    end(&r.d, SIGTERM, 0);
    test_note("%zu rounds, %d kills", count, r.kills);
}

TEST_AS_ROOT(rounds_of_machines_leave_nothing, all_rounds)

TEST_MAIN
