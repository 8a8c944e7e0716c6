/* Virtual machines and the end of wrennd: they go from one to the next, or end with it, and nothing of them is lost or left. Skipped where
 * test_vm.c is. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>

#include "machines.h"
#include "work.h"

/* Sends a fork; the ids of the copies, which are there at once. */
static int begin_fork(const test_daemon *d, const char *id, char copies[2][40]) {
    int fd = begin_call(d, sandbox_path(id, "/fork"), "{\"count\":2}");
    reply r = call(d, "GET", "/v1/sandboxes", NULL);
    for (; wrn_json_count(r.json) < 3; r = call(d, "GET", "/v1/sandboxes", NULL)) reply_free(&r);
    for (size_t i = 0, at = 0; i < 3; i++) {
        const char *other = wrn_json_string(wrn_json_get(wrn_json_at(r.json, i), "id"), NULL);
        if (strcmp(other, id) != 0) snprintf(copies[at++ % 2], 40, "%s", other);
    }
    reply_free(&r);
    return fd;
}

/* QEMU, which stands still, ends; so does what waited for it, and the sandbox. */
static void end_qemu(const test_daemon *d, const char *id, pid_t qemu, int fd) {
    kill(qemu, SIGKILL);
    CHECK_ERROR(read_reply(fd), 502, "agent_error");
    close(fd);
    await_no_processes(id);
    wait_status(d, id, "stopped");
}

/* Of a fork there is no copy, of a snapshot no file. */
static void check_lost(const test_daemon *d) {
    char id[40], copies[2][40], body[128], state[300];
    start_machine(d, id);
    pid_t qemu = find_qemu(id);
    kill(qemu, SIGSTOP);
    end_qemu(d, id, qemu, begin_fork(d, id, copies));
    for (int i = 0; i < 2; i++) wait_status(d, copies[i], "error");
    start_machine(d, id);
    CHECK_STATUS(call(d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    qemu = find_qemu(id);
    kill(qemu, SIGSTOP);
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"lost\"}", id);
    int fd = begin_call(d, "/v1/snapshots", body);
    state_of(d, id, state);
    while (access(state, F_OK) != 0) usleep(10000);
    end_qemu(d, id, qemu, fd);
    snprintf(state, sizeof(state), "%s/sandboxes/snapshots", d->dir);
    CHECK_INT(entries(state), 0);
    CHECK_ERROR(call(d, "DELETE", "/v1/snapshots/lost", NULL), 404, "not_found");
}

/* Changes what the only snapshot says that it needs; a create is refused by an error with `part`. */
static void check_needs(const test_daemon *d, const char *sed, const char *part) {
    char line[800];
    snprintf(line, sizeof(line),
             "cd %s/sandboxes/snapshots/*/ && cp template.json ../kept.json && sed -Ei '%s' template.json", d->dir,
             sed);
    CHECK_INT(system(line), 0);
    reply r = call(d, "POST", "/v1/sandboxes", "{\"template\":\"kept\"}");
    CHECK_CONTAINS(r.body, part);
    CHECK_ERROR(r, 409, "conflict");
    snprintf(line, sizeof(line), "cd %s/sandboxes/snapshots/*/ && mv ../kept.json template.json", d->dir);
    CHECK_INT(system(line), 0);
}

/* It has the setup that it was made with, though there is another one by now. */
static void check_kept_snapshot(const test_daemon *d) {
    char copy[40];
    check_needs(d, "s/\"agent\": ?[0-9]+/\"agent\":999/", "an agent of version 999");
    check_needs(d, "s/\"cpu\": ?\"[^\"]*\"/\"cpu\":\"abacus\"/", "the processor \\\"abacus\\\"");
    check_needs(d, "s/\"vcpus\": ?1/\"vcpus\":12/", "12 processors");
    check_needs(d, "s/\"image\": ?\"[^\"]*\"/\"image\":\"\"/; s/setup-/setup-other/", "is not there any more");
    make_sandbox(d, "{\"template\":\"kept\"}", copy);
    CHECK_SH(d, copy, GOES_ON, "");
    destroy(d, copy);
    CHECK_STATUS(call(d, "DELETE", "/v1/snapshots/kept", NULL), 204);
}

static void make_other_image(void) {
    int fd = open(machines_path("img/root/other"), O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0);
    close(fd);
}

static void set_up(void) { machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up"); }

/* ---- from one wrennd to the next ---- */

enum { MACHINES = 3 }; /* that run, are paused, and are hibernated */

static void kill_and_serve(test_daemon *d, const char *const *options, char ids[MACHINES][40]) {
    kill(d->pid, SIGKILL);
    daemon_wait(d->pid);
    for (int i = 0; i < MACHINES; i++) CHECK(processes_of(ids[i]) > 0);
    serve_again(d, options, ids[0]);
}

/* Its gate goes on as well, and denies. */
static void check_adopted_network(const test_daemon *d, const char *id) {
    CHECK_SH(d, id, "wget -q -O - http://10.0.0.1/ 2> /root/said || echo refused", "refused\n");
    reply r = call(d, "GET", sandbox_path(id, "/network"), NULL);
    CHECK_MSG(number(&r, "denied_total") >= 1, "%s", r.body);
    reply_free(&r);
}

/* All are as they were, with what ran in the background, and can be used. */
static void check_adopted(const test_daemon *d, char ids[MACHINES][40]) {
    CHECK_SH(d, ids[0], GOES_ON, "");
    check_adopted_network(d, ids[0]);
    check_status(d, ids[1], "paused");
    check_status(d, ids[2], "hibernated");
    for (int i = 1; i < MACHINES; i++) resume(d, ids[i]);
    for (int i = 0; i < MACHINES; i++) {
        char want[64];
        snprintf(want, sizeof(want), "%s\n", ids[i]);
        CHECK_SH(d, ids[i], GOES_ON "head -c 3000000 /dev/zero | wc -c", "3000000\n");
        CHECK_SH(d, ids[i], "hostname", want);
        CHECK_STATUS(ask(d, ids[i], 8000, "GET", "/count"), 200);
    }
    CHECK_STATUS(call(d, "POST", sandbox_path(ids[1], "/pause"), NULL), 200);
    hibernate(d, ids[2]);
}

/* The end of what was taken over is seen, whatever state it is in. */
static void check_adopted_end(const test_daemon *d, char ids[MACHINES][40]) {
    CHECK_SH(d, ids[0], GOES_ON, "");
    for (int i = 0; i < 2; i++) {
        kill(find_qemu(ids[i]), SIGKILL);
        wait_status(d, ids[i], "stopped");
    }
    destroy(d, ids[2]);
    for (int i = 0; i < MACHINES; i++) await_no_processes(ids[i]);
}

/* Not while another one is made for copies, which is for nothing if this one boots as well. */
static void begin_machine(const test_daemon *d, char id[40], bool network) {
    await_warm();
    if (network) make_sandbox(d, "{\"memory_mb\":256,\"network\":{\"egress\":\"public\"}}", id);
    else start_machine(d, id);
    begin_counter(d, id);
    CHECK_SH(d, id, "httpd -p 8000 -h /root; until [ -s /root/count ]; do sleep 0.05; done", "");
}

static void go_over(void) {
    test_daemon d;
    char ids[MACHINES][40];
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    const char *const options[] = {"--vm-dir", machines_path("vm"),       "--isolation", "vm",
                                   "--gate",   getenv("WRENN_TEST_GATE"), NULL};
    serve(&d, options);
    for (int i = 0; i < MACHINES; i++) begin_machine(&d, ids[i], i == 0);
    CHECK_STATUS(call(&d, "POST", sandbox_path(ids[1], "/pause"), NULL), 200);
    hibernate(&d, ids[2]);
    kill_and_serve(&d, options, ids);
    check_adopted(&d, ids);
    kill_and_serve(&d, options, ids); /* again, without anything done to two of them */
    kill_and_serve(&d, options, ids);
    check_adopted(&d, ids);
    kill_and_serve(&d, options, ids);
    check_adopted_end(&d, ids);
    begin_machine(&d, ids[0], false);
    pid_t holder = test_find_process("(wrennd-holder)");
    kill(d.pid, SIGKILL);
    kill(holder, SIGKILL);
    daemon_wait(d.pid);
    await_no_processes(ids[0]);
    serve(&d, options);
    wait_status(&d, ids[0], "stopped");
    end(&d, SIGTERM, 0);
}

TEST_AS_BOTH(machines_go_from_one_wrennd_to_the_next, go_over)

static void outlive(void) {
    test_daemon d;
    char id[40], copies[2][40];
    machines_need();
    machines_make_image();
    set_up();
    set_up(); /* the first one goes */
    CHECK_INT(entries(machines_path("vm")), 2);
    serve(&d, (const char *[]){"--vm-dir", machines_path("vm"), "--vm-hibernate-after-sec", "1", "--adopt-timeout-sec",
                               "0", NULL});
    start_machine(&d, id);
    CHECK(processes_of(id) > 0);
    begin_counter(&d, id);
    CHECK_SH(&d, id, "until [ -s /root/count ]; do sleep 0.05; done", "");
    make_snapshot_of(&d, id, "kept", NULL);
    wait_status(&d, id, "hibernated");
    resume(&d, id);
    close(begin_fork(&d, id, copies)); /* nobody waits for it */
    kill(d.pid, SIGKILL);
    daemon_wait(d.pid);
    await_no_processes(id);
    for (int i = 0; i < 2; i++) await_no_processes(copies[i]);
    make_other_image();
    set_up();
    CHECK_INT(entries(machines_path("vm")), 3); /* the snapshot needs the older one */
    serve(&d, (const char *[]){"--vm-dir", machines_path("vm"), NULL});
    wait_status(&d, id, "stopped");
    for (int i = 0; i < 2; i++) wait_status(&d, copies[i], "stopped");
    check_kept_snapshot(&d);
    check_lost(&d);
    start_machine(&d, id);
    check_isolation(&d, id);
    end(&d, SIGTERM, 0);
    await_no_processes(id);
    set_up();
    CHECK_INT(entries(machines_path("vm")), 2);
}

TEST_AS_ROOT(no_machine_outlives_wrennd_that_must_not, outlive)

/* The watchdog ends a server that does so on its loop. */
static void give_back(void) {
    test_daemon d = {0};
    char id[40], copy[1][40];
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    serve(&d, (const char *[]){"--vm-dir", machines_path("vm"), "--vm-warm", "0", NULL});
    make_sandbox(&d, "{\"isolation\":\"vm\",\"memory_mb\":2048}", id);
    fork_sandbox(&d, id, "{}", 1, copy); /* all memory of the first one is read, and thereby there */
    destroy(&d, id);
    destroy(&d, copy[0]);
    end(&d, SIGTERM, 0);
}

TEST_AS_ROOT(memory_of_machines_is_given_back_while_others_are_served, give_back)

TEST_MAIN
