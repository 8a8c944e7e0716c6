/* Virtual machines that hibernate: what goes on in them does not notice, and what goes wrong leaves them as they were. Skipped where
 * test_vm.c is. */
#include <fcntl.h>
#include <stdio.h>
#include <time.h>

#include "machines.h"
#include "peer.h"
#include "work.h"

/* It stays paused, with all that it has. */
static void check_full_disk(const test_daemon *d, const char *id) {
    char state[300];
    state_of(d, id, state);
    CHECK(symlink("/dev/full", state) == 0);
    CHECK_STATUS(call(d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    reply r = call(d, "POST", sandbox_path(id, "/pause"), "{\"hibernate\":true}");
    CHECK_CONTAINS(r.body, "No space left on device; it stays paused in memory");
    CHECK_ERROR(r, 500, "internal_error");
    check_status(d, id, "paused");
    CHECK(has_qemu(id) && access(state, F_OK) != 0);
    resume(d, id);
    CHECK_SH(d, id, GOES_ON, "");
}

/* It stays hibernated, and can be woken later. */
static void check_bad_state(const test_daemon *d, const char *id) {
    char state[300], line[1000];
    state_of(d, id, state);
    hibernate(d, id);
    snprintf(line, sizeof(line), "mv %s %s.kept && echo nonsense > %s", state, state, state);
    CHECK_INT(system(line), 0);
    reply r = call(d, "POST", sandbox_path(id, "/resume"), NULL);
    CHECK_CONTAINS(r.body, "stays hibernated");
    CHECK_ERROR(r, 500, "internal_error");
    check_status(d, id, "hibernated");
    CHECK(!has_qemu(id));
    snprintf(line, sizeof(line), "mv %s.kept %s", state, state);
    CHECK_INT(system(line), 0);
    resume(d, id);
    CHECK(access(state, F_OK) != 0);
    CHECK_SH(d, id, GOES_ON, "");
}

/* Asks for a file that no buffer holds, and takes only the first line of the answer. */
static int begin_download(const test_daemon *d, const char *id) {
    char text[200], first[16];
    int fd = dial(d->socket);
    snprintf(text, sizeof(text), "GET /large HTTP/1.1\r\nHost: 8000-%s.localhost\r\nConnection: close\r\n\r\n", id);
    send_text(fd, text);
    CHECK(read(fd, first, sizeof(first) - 1) > 0);
    return fd;
}

static void end_download(int fd, size_t least) {
    char chunk[65536];
    size_t all = 0;
    for (ssize_t got; (got = read(fd, chunk, sizeof(chunk))) > 0;) all += (size_t)got;
    close(fd);
    CHECK_MSG(all >= least, "%zu", all);
}

/* What goes on in a sandbox that runs a server at port 8000 has not noticed. */
static void check_hibernation(const test_daemon *d, const char *id) {
    enum { LARGE = 24000000 };
    int fd;
    char line[128];
    snprintf(line, sizeof(line), "head -c %d /dev/urandom > /root/large", LARGE);
    free(sh(d, id, line));
    char *number = begin_work(d, id, &fd);
    int download = begin_download(d, id);
    hibernate(d, id);
    CHECK_INT(processes_of(id), 1);
    CHECK_ERROR(call(d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"true\"}"), 409, "invalid_state");
    CHECK_ERROR(call(d, "POST", sandbox_path(id, "/pause"), "{\"hibernate\":true}"), 409, "invalid_state");
    reply r = call(d, "GET", "/v1/sandboxes?status=hibernated", NULL);
    CHECK_INT(wrn_json_count(r.json), 1);
    reply_free(&r);
    make_snapshot_of(d, id, "asleep", "hibernated");
    CHECK_STATUS(call(d, "DELETE", "/v1/snapshots/asleep", NULL), 204);
    resume(d, id);
    end_download(download, LARGE);
    CHECK_SH(d, id, GOES_ON "read n v < /root/count; echo $v", number);
    CHECK_STATUS(ask(d, id, 8000, "GET", "/file"), 200);
    char *date = sh(d, id, "date +%s; rm /root/large");
    CHECK_MSG(atoll(date) >= (long long)time(NULL) - 60, "%s", date);
    free(date);
    check_full_disk(d, id);
    check_bad_state(d, id);
    CHECK_SH(d, id, "touch /root/stop", "");
    check_stream(fd);
    CHECK_STATUS(call(d, "DELETE", sandbox_path(id, "/processes/counter"), NULL), 204);
    free(number);
}

/* What hibernates ends like any other. */
static void check_asleep_ends(const test_daemon *d, const char *id) {
    char line[128];
    hibernate(d, id);
    snprintf(line, sizeof(line), "pkill -KILL -f '^wrenn-vm .*-name %s '", id);
    CHECK_INT(system(line), 0);
    wait_status(d, id, "stopped");
}

static void sleep_and_wake(void) {
    test_daemon d;
    char id[40];
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    /* The only one has no copies. */
    start(&d, (const char *[]){"--vm-dir", machines_path("vm"), "--vm-warm", "0", "--gate", getenv("WRENN_TEST_GATE"),
                               NULL});
    make_sandbox(&d, "{\"isolation\":\"vm\",\"memory_mb\":256,\"network\":{\"egress\":\"public\"}}", id);
    CHECK_SH(&d, id, "httpd -p 8000 -h /root", "");
    check_hibernation(&d, id);
    check_asleep_ends(&d, id);
    daemon_stop(&d);
    await_no_processes(id);
}

TEST_AS_BOTH(machines_hibernate, sleep_and_wake)

TEST_MAIN
