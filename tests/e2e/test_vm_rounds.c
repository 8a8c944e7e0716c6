/* The rounds of test_rounds.c with virtual machines: all that is done with those, and kills. Afterwards nothing is left of them, and all that a program has put out
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
#define NUMBERS TICK_BEGIN("tick") "i=0; while true; do i=$((i+1)); echo $i; " TICK("0.02") "done"

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

/* From here on wrennd has all that it keeps for later machines: the first one made another one be warmed up, which is over now. */
static void settle(rounds *r) {
    char id[40];
    await_warm();
    make_machine(r, id);
    await_warm();
    destroy(&r->d, id);
    r->fds = fds_of(r->d.pid);
}

static void begin_witness(rounds *r) {
    static const char body[] =
        "{\"cmd\":\"sh\",\"args\":[\"-c\",\"" NUMBERS "\"],\"background\":true,\"tag\":\"witness\"}";
    r->witness = (reader){.last = 0};
    make_machine(r, r->witness.id);
    CHECK_STATUS(call(&r->d, "POST", sandbox_path(r->witness.id, "/exec"), body), 202);
    read_numbers(&r->d, &r->witness);
    settle(r);
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

static void hibernate_and_resume(rounds *r) {
    CHECK_STATUS(call(&r->d, "POST", sandbox_path(r->witness.id, "/pause"), "{\"hibernate\":true}"), 200);
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

/* ---- kills of wrennd and of the holder ---- */

static const char *const *options(void) {
    static const char *all[] = {"--vm-dir", NULL, NULL};
    all[1] = machines_path("vm");
    return all;
}

/* Something that wrennd is killed in the middle of. */
static int begin_something(rounds *r) {
    static const struct {
        const char *path, *body;
        bool paused; /* before */
    } all[] = {{"/pause", "{}", false},
               {"/pause", "{\"hibernate\":true}", false},
               {"/fork", "{\"count\":2}", false},
               {"/resume", "", true},
               {NULL, "{\"sandbox_id\":\"%s\",\"name\":\"amid\"}", false},
               {NULL, "{\"isolation\":\"vm\",\"memory_mb\":256}", false}};
    char body[200], path[100] = "/v1/sandboxes";
    const size_t which = (size_t)rand() % WRN_COUNT(all);
    snprintf(body, sizeof(body), "%s", all[which].body);
    const char *id = strstr(body, "%s");
    if (id) {
        snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"amid\"}", r->witness.id);
        snprintf(path, sizeof(path), "/v1/snapshots");
    } else if (all[which].path) {
        snprintf(path, sizeof(path), "%s", sandbox_path(r->witness.id, all[which].path));
    }
    if (all[which].paused)
        CHECK_STATUS(
            call(&r->d, "POST", sandbox_path(r->witness.id, "/pause"), rand() % 2 ? "{\"hibernate\":true}" : "{}"),
            200);
    return begin_call(&r->d, path, body);
}

/* All but the witness, which goes on. */
static void clear_up(rounds *r) {
    reply all = call(&r->d, "GET", "/v1/sandboxes", NULL);
    for (size_t i = 0; i < wrn_json_count(all.json); i++) {
        const wrn_json *one = wrn_json_at(all.json, i);
        const char *id = wrn_json_string(wrn_json_get(one, "id"), NULL);
        if (strcmp(id, r->witness.id) == 0) continue;
        note_id(id);
        destroy(&r->d, id);
    }
    reply_free(&all);
    reply gone = call(&r->d, "DELETE", "/v1/snapshots/amid", NULL);
    CHECK_MSG(gone.status == 204 || gone.status == 404, "%s", gone.body);
    reply_free(&gone);
}

static void resume_if_paused(rounds *r) {
    reply now = call(&r->d, "GET", sandbox_path(r->witness.id, ""), NULL);
    bool paused = strcmp(member(&now, "status"), "running") != 0;
    reply_free(&now);
    if (paused) resume(&r->d, r->witness.id);
}

/* The next wrennd takes the witness over. */
static void kill_server(rounds *r) {
    kill(r->d.pid, SIGKILL);
    daemon_wait(r->d.pid);
    serve_again(&r->d, options(), r->witness.id);
    r->kills++;
}

static void kill_idle_server(rounds *r) {
    await_fds(r);
    kill_server(r);
    read_numbers(&r->d, &r->witness);
    settle(r);
}

static void kill_busy_server(rounds *r) {
    int fd = begin_something(r);
    usleep((unsigned)(rand() % 400000));
    kill_server(r);
    close(fd);
    resume_if_paused(r);
    clear_up(r);
    read_numbers(&r->d, &r->witness);
    settle(r);
}

/* Another one comes, and has what is needed for the next wrennd. */
static void kill_holder(rounds *r) {
    pid_t before = test_find_process("(wrennd-holder)"), now;
    CHECK(before > 0);
    kill(before, SIGKILL);
    while (!(now = test_find_process("(wrennd-holder)")) || now == before) usleep(10000);
    CHECK_STATUS(call(&r->d, "GET", "/health", NULL), 200); /* whoever answers this has told it everything */
    kill_server(r);
    read_numbers(&r->d, &r->witness);
    settle(r);
}

/* Nobody is left who could have the machines; they end. */
static void kill_both(rounds *r) {
    pid_t holder = test_find_process("(wrennd-holder)");
    kill(r->d.pid, SIGSTOP); /* so that it does not start another one */
    kill(holder, SIGKILL);
    kill(r->d.pid, SIGKILL);
    daemon_wait(r->d.pid);
    serve(&r->d, options());
    wait_status(&r->d, r->witness.id, "stopped");
    destroy(&r->d, r->witness.id);
    begin_witness(r);
    r->kills++;
}

/* The short version has only the first ones. */
enum { SHORT = 2 };
static void (*const kinds[])(rounds *r) = {kill_busy_server,     kill_holder,   run_programs,  pause_and_resume,
                                           hibernate_and_resume, make_forks,    make_snapshot, kill_machine,
                                           kill_idle_server,     restart_guest, kill_both};

static void all_rounds(void) {
    rounds r = {.kills = 0};
    char boxes[300];
    size_t count = 0;
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    serve(&r.d, options());
    begin_witness(&r);
    time_t until = soak_until(30);
    for (; count < SHORT || time(NULL) < until; count++) {
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
