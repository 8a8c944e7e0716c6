/* Sandboxes that outlive their wrennd: what goes on, what ends, and what is left when nobody comes back. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>

#include "peer.h"
#include "work.h"

enum { KILLED = 128 + SIGKILL };
static const char *const keep[] = {"--on-stop", "keep", NULL};

static void check_state(const test_daemon *d, const char *id, const char *want) {
    reply r = call(d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(member(&r, "status"), want);
    reply_free(&r);
}

static void make_labelled(const test_daemon *d, char id[40]) {
    make_sandbox(d, "{\"metadata\":{\"mine\":\"kept\"}}", id);
}

static void check_label(const test_daemon *d, const char *id) {
    reply r = call(d, "GET", sandbox_path(id, ""), NULL);
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_get(r.json, "metadata"), "mine"), NULL), "kept");
    reply_free(&r);
}

/* Starts a line of shell in the background; its number inside. */
static int64_t spawn(const test_daemon *d, const char *id, const char *tag, const char *line) {
    char body[512];
    snprintf(body, sizeof(body), "{\"cmd\":\"sh\",\"args\":[\"-c\",\"%s\"],\"background\":true,\"tag\":\"%s\"}", line,
             tag);
    reply r = call(d, "POST", sandbox_path(id, "/exec"), body);
    CHECK_MSG(r.status == 202, "%s", r.body);
    int64_t pid = number(&r, "pid");
    reply_free(&r);
    return pid;
}

/* The only process there is, as it was started. */
static void check_process(const test_daemon *d, const char *id, const char *tag, int64_t pid) {
    reply r = call(d, "GET", sandbox_path(id, "/processes"), NULL);
    const wrn_json *list = wrn_json_get(r.json, "processes"), *one = wrn_json_at(list, 0);
    int64_t got = 0;
    CHECK_MSG(wrn_json_count(list) == 1, "%s", r.body);
    CHECK_STR(wrn_json_string(wrn_json_get(one, "tag"), NULL), tag);
    CHECK_STR(wrn_json_string(wrn_json_get(one, "cmd"), NULL), "sh");
    CHECK_STR(wrn_json_string(wrn_json_at(wrn_json_get(one, "args"), 0), NULL), "-c");
    CHECK(wrn_json_int(wrn_json_get(one, "pid"), &got) && got == pid);
    reply_free(&r);
}

/* It looks at the whole machine, where other tests kill servers and have not started the next ones yet. */
static void check_no_leaks(const test_daemon *d) {
    enum { TRIES = 100, AGAIN_MS = 100 };
    int status = -1;
    char *said = NULL;
    for (int i = 0; i < TRIES && status != 0; i++) {
        free(said);
        if (i) poll(NULL, 0, AGAIN_MS);
        said = daemon_run((const char *[]){"doctor", "--leaks", "--data-dir", d->dir, NULL}, &status);
    }
    CHECK_MSG(status == 0, "%s", said);
    free(said);
}

static size_t count_boxes(const test_daemon *d) {
    char path[200];
    size_t count = 0;
    snprintf(path, sizeof(path), "%s/sandboxes/boxes", d->dir);
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir));) count += entry->d_name[0] != '.';
    if (dir) closedir(dir);
    return count;
}

static int watch(pid_t pid) {
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    CHECK(fd >= 0);
    return fd;
}

static void await_end(int pidfd) {
    struct pollfd ended = {.fd = pidfd, .events = POLLIN};
    CHECK_INT(poll(&ended, 1, -1), 1);
    close(pidfd);
}

/* Its end leaves nothing at all. */
static void finish(const test_daemon *d) {
    end(d, SIGTERM, 0);
    CHECK_INT(count_boxes(d), 0);
    CHECK_INT(test_find_process("(wrennd-holder)"), 0);
    check_no_leaks(d);
}

/* ---- what goes on ---- */

static void goes_on_after(int signal_number, int status, const char *const *extra) {
    test_daemon d = {0};
    char id[40];
    serve(&d, extra);
    make_labelled(&d, id);
    int64_t pid = spawn(&d, id, "mine", "cd /root; touch up; while ! test -e stop; do sleep 0.01; done; touch stopped");
    free(sh(&d, id, "while ! test -e /root/up; do :; done; echo kept > /root/file"));
    for (int i = 0; i < 3; i++) {
        end(&d, signal_number, status);
        check_no_leaks(&d);
        serve_again(&d, extra, id);
        check_state(&d, id, "running");
        check_label(&d, id);
        check_process(&d, id, "mine", pid);
        CHECK_SH(&d, id, "cat /root/file", "kept\n");
    }
    free(sh(&d, id, "touch /root/stop; while ! test -e /root/stopped; do :; done"));
    destroy(&d, id);
    if (extra) end(&d, SIGTERM, 0);
    else finish(&d);
    CHECK_INT(count_boxes(&d), 0);
}

static void after_a_crash(void) { goes_on_after(SIGKILL, KILLED, NULL); }
static void after_a_stop(void) { goes_on_after(SIGTERM, 0, keep); }

static void lifetimes(void) {
    test_daemon d = {0};
    char brief[40], lasting[40];
    serve(&d, NULL);
    make_sandbox(&d, "{\"lifetime_sec\":2}", brief);
    make_sandbox(&d, "{\"lifetime_sec\":3600}", lasting);
    CHECK_STATUS(call(&d, "POST", sandbox_path(brief, "/pause"), NULL), 200);
    reply before = call(&d, "GET", sandbox_path(lasting, ""), NULL);
    end(&d, SIGKILL, KILLED);
    serve_again(&d, NULL, lasting);
    wait_status(&d, brief, "stopped");
    reply after = call(&d, "GET", sandbox_path(lasting, ""), NULL);
    CHECK_STR(member(&after, "status"), "running");
    CHECK_STR(member(&after, "expires_at"), member(&before, "expires_at"));
    reply_free(&before);
    reply_free(&after);
    destroy(&d, lasting);
    finish(&d);
}

/* Nobody holds a lease after a restart until somebody comes back. The labels that were changed are there, and so are names. */
static void leases(void) {
    test_daemon d = {0};
    char brief[40], lasting[40];
    serve(&d, NULL);
    make_sandbox(&d, "{\"lease_sec\":1,\"metadata\":{\"name\":\"brief\"}}", brief);
    make_sandbox(&d, "{\"lease_sec\":3600}", lasting);
    CHECK_STATUS(call(&d, "PATCH", sandbox_path(lasting, "/metadata"), "{\"set\":{\"name\":\"lasting\"}}"), 200);
    end(&d, SIGKILL, KILLED);
    serve_again(&d, NULL, lasting);
    wait_status(&d, brief, "stopped");
    check_state(&d, lasting, "running");
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"metadata\":{\"name\":\"lasting\"}}"), 409, "conflict");
    reply r = call(&d, "GET", sandbox_path(lasting, ""), NULL);
    CHECK_INT(number(&r, "lease_sec"), 3600);
    reply_free(&r);
    destroy(&d, lasting);
    finish(&d);
}

/* What was frozen does not run for a moment until somebody resumes it. */
static void paused(int signal_number, int status, const char *const *extra) {
    test_daemon d = {0};
    char id[40];
    serve(&d, extra);
    make_labelled(&d, id);
    int64_t pid = spawn(&d, id, "mine", "while :; do echo tick; done");
    if (!extra) CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    end(&d, signal_number, status);
    serve_again(&d, NULL, id);
    check_state(&d, id, "paused");
    CHECK_ERROR(call(&d, "GET", sandbox_path(id, "/processes"), NULL), 409, "invalid_state");
    resume(&d, id);
    check_label(&d, id);
    check_process(&d, id, "mine", pid);
    CHECK_SH(&d, id, "echo there", "there\n");
    finish(&d);
}

/* Its viewers speak binary frames, and understand nothing else: so do those that come after the restart. */
static void terminal(void) {
    test_daemon d = {0};
    char id[40], path[100], connect[100];
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    snprintf(path, sizeof(path), "%s", sandbox_path(id, "/pty"));
    int fd = peer_open(&d, path, "");
    peer_say(fd, "{\"type\":\"start\",\"cmd\":\"cat\"}");
    wrn_json *started = peer_expect(fd, "started");
    snprintf(connect, sizeof(connect), "{\"type\":\"connect\",\"tag\":\"%s\"}",
             wrn_json_string(wrn_json_get(started, "tag"), NULL));
    wrn_json_free(started);
    peer_send(fd, PEER_BINARY, "typed\n", 6);
    for (int i = 0; i < 3; i++) {
        frame f = peer_read(fd);
        CHECK_INT(f.first, PEER_BINARY);
        CHECK(f.size && f.data[0] == 't');
        free(f.data);
        close(fd);
        if (i == 2) break;
        end(&d, SIGKILL, KILLED);
        serve_again(&d, NULL, id);
        fd = peer_open(&d, path, "");
        peer_say(fd, connect);
    }
    finish(&d);
}

static void paused_before(void) { paused(SIGKILL, KILLED, NULL); }
static void paused_at_the_end(void) { paused(SIGTERM, 0, (const char *[]){"--on-stop", "pause", NULL}); }

/* The first agent among the descendants of a process; 0: there is none. */
static pid_t agent_below(pid_t parent) {
    char path[64], line[64];
    snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *children = fopen(path, "re");
    pid_t found = 0;
    for (int pid; children && !found && fscanf(children, "%d", &pid) == 1;) {
        snprintf(path, sizeof(path), "/proc/%d/comm", pid);
        FILE *comm = fopen(path, "re");
        bool is_agent = comm && fgets(line, sizeof(line), comm) && strcmp(line, "(wrenn-agent)\n") == 0;
        if (comm) fclose(comm);
        found = is_agent ? pid : agent_below(pid);
    }
    if (children) fclose(children);
    return found;
}

static pid_t first_agent(const test_daemon *d) {
    pid_t found = agent_below(d->pid);
    CHECK(found);
    return found;
}

/* One that says nothing holds up itself alone. */
static void silent_agent(void) {
    test_daemon d = {0};
    char silent[40], id[40], body[] = "{\"cmd\":\"true\"}";
    serve(&d, NULL);
    make_sandbox(&d, "{}", silent);
    pid_t agent = first_agent(&d);
    make_sandbox(&d, "{}", id);
    CHECK(kill(agent, SIGSTOP) == 0);
    end(&d, SIGKILL, KILLED);
    serve(&d, NULL);
    CHECK_SH(&d, id, "echo here", "here\n");
    check_state(&d, silent, "running");
    reply r = call(&d, "POST", sandbox_path(silent, "/exec"), body);
    CHECK_CONTAINS(r.head, "Retry-After: ");
    CHECK_STR(error_code(&r), "overloaded");
    CHECK_INT(r.status, 503);
    reply_free(&r);
    CHECK(kill(agent, SIGCONT) == 0);
    do {
        reply_free(&r);
        r = call(&d, "POST", sandbox_path(silent, "/exec"), body);
    } while (r.status == 503);
    CHECK_INT(r.status, 200);
    reply_free(&r);
    finish(&d);
}

/* All that comes of kept output. */
static void check_kept(const test_daemon *d, const char *id, const char *rest, const char *want, const char *end) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    int fd = peer_open(d, sandbox_path(id, rest), "");
    wrn_json_free(peer_expect(fd, "start"));
    while (text.size < strlen(want)) {
        wrn_json *piece = peer_expect(fd, "stdout");
        wrn_buf_puts(&text, wrn_json_string(wrn_json_get(piece, "data"), NULL));
        wrn_json_free(piece);
    }
    CHECK_STR(text.data, want);
    wrn_json_free(peer_expect(fd, end));
    CHECK_INT(peer_close_code(fd), 1000);
}

/* What commands put out before, between and after is kept, of those that go on and of those that end. */
static void kept_output(void) {
    test_daemon d = {0};
    char id[40];
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    spawn(&d, id, "over", "echo over");
    spawn(&d, id, "long",
          "echo before; while ! test -e /tmp/1; do :; done; echo between; touch /tmp/2; "
          "while ! test -e /tmp/3; do :; done; echo after");
    check_kept(&d, id, "/processes/over/logs?follow=1", "over\n", "exit");
    free(sh(&d, id, "touch /tmp/1"));
    end(&d, SIGKILL, KILLED);
    serve_again(&d, NULL, id);
    check_kept(&d, id, "/processes/over/logs", "over\n", "exit");
    free(sh(&d, id, "while ! test -e /tmp/2; do :; done"));
    check_kept(&d, id, "/processes/long/logs", "before\nbetween\n", "end");
    check_kept(&d, id, "/processes/long/logs?offset=7", "between\n", "end");
    free(sh(&d, id, "touch /tmp/3"));
    check_kept(&d, id, "/processes/long/logs?offset=7&follow=1", "between\nafter\n", "exit");
    check_kept(&d, id, "/processes/long/logs?tail=2&follow=1", "between\nafter\n", "exit");
    end(&d, SIGKILL, KILLED);
    serve_again(&d, NULL, id);
    check_kept(&d, id, "/processes/long/logs?offset=15", "after\n", "exit");
    finish(&d);
}

/* The template's program is neither lost nor started twice; and the template is in use all the time. */
static void service(void) {
    test_daemon d = {0};
    char id[40], templates[200], file[300];
    snprintf(templates, sizeof(templates), "%s/data/templates", test_dir());
    serve(&d, NULL);
    mkdir(templates, 0755);
    snprintf(file, sizeof(file), "%s/early", templates);
    CHECK(mkdir(file, 0755) == 0);
    snprintf(file, sizeof(file), "%s/early/layer", templates);
    CHECK(mkdir(file, 0755) == 0);
    snprintf(file, sizeof(file), "%s/early/template.json", templates);
    FILE *out = fopen(file, "we");
    CHECK(out && fputs("{\"base\":\"minimal\",\"start\":[\"sh\",\"-c\",\"echo x >> /root/starts; exec sleep 1000\"]}",
                       out) >= 0);
    CHECK(fclose(out) == 0);
    make_from(&d, "early", id);
    free(sh(&d, id, "while ! test -s /root/starts; do :; done"));
    end(&d, SIGKILL, KILLED);
    int status;
    char *said = daemon_run((const char *[]){"template", "remove", "early", "--data-dir", d.dir, NULL}, &status);
    CHECK_INT(status, 1);
    CHECK_CONTAINS(said, "in use");
    free(said);
    serve_again(&d, NULL, id);
    CHECK_SH(&d, id, "cat /root/starts", "x\n");
    finish(&d);
}

/* The files of a snapshot stay for the sandboxes made from it, also when it was deleted before. */
static void snapshot(void) {
    test_daemon d = {0};
    char id[40], other[40];
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    free(sh(&d, id, "echo old > /root/file"));
    snap(&d, id, "base");
    make_from(&d, "base", other);
    CHECK_STATUS(call(&d, "DELETE", "/v1/snapshots/base", NULL), 204);
    end(&d, SIGKILL, KILLED);
    serve_again(&d, NULL, other);
    CHECK_SH(&d, other, "cat /root/file", "old\n");
    snap(&d, other, "again");
    make_from(&d, "again", id);
    CHECK_SH(&d, id, "cat /root/file", "old\n");
    finish(&d);
}

/* ---- what ends ---- */

static void foreground(void) {
    test_daemon d = {0};
    char id[40], body[] = "{\"cmd\":\"sh\",\"args\":[\"-c\",\"touch /root/up; exec tail -f /dev/null\"]}", head[512];
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    int fd = dial(d.socket);
    snprintf(head, sizeof(head),
             "POST /v1/sandboxes/%s/exec HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n%s", id,
             d.key, strlen(body), body);
    send_text(fd, head);
    free(sh(&d, id, "while ! test -e /root/up; do :; done"));
    end(&d, SIGKILL, KILLED);
    close(fd);
    serve_again(&d, NULL, id);
    free(sh(&d, id, "while pgrep -x tail >/dev/null; do :; done"));
    finish(&d);
}

/* Half an upload is taken away, and what was there before stays. */
static void upload(void) {
    test_daemon d = {0};
    char id[40], head[512];
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    free(sh(&d, id, "echo old > /root/file"));
    int fd = dial(d.socket);
    snprintf(head, sizeof(head),
             "POST /v1/sandboxes/%s/files/stream/write?path=/root/file HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\n"
             "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 1000000\r\n\r\n"
             "--b\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n/root/file\r\n"
             "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nnew",
             id, d.key);
    send_text(fd, head);
    free(sh(&d, id, "while ! ls -A /root | grep -q wrenn; do :; done"));
    end(&d, SIGKILL, KILLED);
    close(fd);
    serve_again(&d, NULL, id);
    free(sh(&d, id, "while ls -A /root | grep -q wrenn; do :; done"));
    CHECK_SH(&d, id, "cat /root/file", "old\n");
    finish(&d);
}

/* A sandbox that ended while nobody looked is reported, and cleaned up. */
static void dead(void) {
    test_daemon d = {0};
    char id[40];
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    pid_t pid = first_agent(&d);
    end(&d, SIGKILL, KILLED);
    int agent = watch(pid);
    kill(pid, SIGKILL);
    await_end(agent);
    serve_again(&d, NULL, id);
    check_state(&d, id, "stopped");
    CHECK_INT(count_boxes(&d), 0);
    finish(&d);
}

static void nobody_comes(void) {
    test_daemon d = {0};
    char id[40], other[40];
    serve(&d, (const char *[]){"--adopt-timeout-sec", "1", NULL});
    make_sandbox(&d, "{}", id);
    make_sandbox(&d, "{}", other);
    CHECK_STATUS(call(&d, "POST", sandbox_path(other, "/pause"), NULL), 200);
    int holder = watch(test_find_process("(wrennd-holder)"));
    end(&d, SIGKILL, KILLED);
    await_end(holder);
    CHECK_INT(count_boxes(&d), 0);
    check_no_leaks(&d);
    serve(&d, NULL);
    check_state(&d, id, "stopped");
    check_state(&d, other, "stopped");
    finish(&d);
}

/* As `systemctl stop` tells it: nobody is waited for. */
static void told_to_end(void) {
    test_daemon d = {0};
    char id[40];
    serve(&d, (const char *[]){"--on-stop", "keep", NULL});
    make_sandbox(&d, "{}", id);
    pid_t pid = test_find_process("(wrennd-holder)");
    int holder = watch(pid);
    end(&d, SIGTERM, 0);
    CHECK_INT(count_boxes(&d), 1);
    kill(pid, SIGTERM);
    await_end(holder);
    CHECK_INT(count_boxes(&d), 0);
    check_no_leaks(&d);
    serve(&d, NULL);
    check_state(&d, id, "stopped");
    finish(&d);
}

static void without_patience(void) {
    test_daemon d = {0};
    char id[40];
    serve(&d, (const char *[]){"--adopt-timeout-sec", "0", NULL});
    CHECK_INT(test_find_process("(wrennd-holder)"), 0);
    make_sandbox(&d, "{}", id);
    end(&d, SIGKILL, KILLED);
    serve(&d, NULL);
    check_state(&d, id, "stopped");
    finish(&d);
}

/* ---- what goes wrong ---- */

/* A server that can't start lets the sandboxes be. */
static void failing_start(void) {
    test_daemon d = {0};
    char id[40], template_dir[300];
    int status;
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    end(&d, SIGKILL, KILLED);
    snprintf(template_dir, sizeof(template_dir), "%s/not/there/at/all", d.dir);
    char address[400];
    snprintf(address, sizeof(address), "unix:%s/s", template_dir);
    char *said = daemon_run(
        (const char *[]){"--data-dir", d.dir, "--listen", address, "--agent", getenv("WRENN_TEST_AGENT"), NULL},
        &status);
    CHECK_MSG(status == 1, "%s", said);
    free(said);
    serve_again(&d, NULL, id);
    CHECK_SH(&d, id, "echo there", "there\n");
    finish(&d);
}

/* A holder that was killed is replaced, and nothing is lost. One that is stopped holds up nobody. */
static void holder(int signal_number) {
    test_daemon d = {0};
    char id[40], other[40];
    serve(&d, NULL);
    make_sandbox(&d, "{}", id);
    pid_t first = test_find_process("(wrennd-holder)"), second;
    int watched = watch(first);
    kill(first, signal_number);
    make_sandbox(&d, "{}", other);
    if (signal_number == SIGKILL)
        while ((second = test_find_process("(wrennd-holder)")) == 0 || second == first) {
        }
    CHECK_SH(&d, id, "echo there", "there\n");
    end(&d, SIGKILL, KILLED);
    serve_again(&d, NULL, id);
    check_state(&d, id, signal_number == SIGKILL ? "running" : "stopped");
    finish(&d);
    await_end(watched);
}

static void killed_holder(void) { holder(SIGKILL); }
static void stopped_holder(void) { holder(SIGSTOP); }

static void bad_options(void) {
    int status;
    char *said = daemon_run((const char *[]){"--on-stop", "panic", NULL}, &status);
    CHECK_INT(status, 2);
    CHECK_STR(said, "wrennd: on-stop is destroy, pause or keep, not \"panic\"\n");
    free(said);
    said = daemon_run((const char *[]){"--on-stop", "keep", "--adopt-timeout-sec", "0", NULL}, &status);
    CHECK_INT(status, 2);
    CHECK_STR(said, "wrennd: on-stop keep needs an adopt-timeout-sec above 0\n");
    free(said);
}

/* Service managers are told when it listens, and when it is about to end. */
static void notified(void) {
    test_daemon d = {0};
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char said[64];
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    snprintf(address.sun_path, sizeof(address.sun_path), "%s/notify", test_dir());
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    setenv("NOTIFY_SOCKET", address.sun_path, 1);
    serve(&d, NULL);
    ssize_t got = recv(fd, said, sizeof(said), 0);
    CHECK_MEM(said, (size_t)got, "READY=1", 7);
    end(&d, SIGTERM, 0);
    got = recv(fd, said, sizeof(said), 0);
    CHECK_MEM(said, (size_t)got, "STOPPING=1", 10);
    close(fd);
}

/* The end of a terminal is the end of its wrennd, but not under nohup. */
static void hangups(void) {
    test_daemon d = {0};
    signal(SIGHUP, SIG_DFL); /* whatever the tests themselves run under */
    serve(&d, NULL);
    end(&d, SIGHUP, 0);
    signal(SIGHUP, SIG_IGN);
    serve(&d, NULL);
    kill(d.pid, SIGHUP);
    CHECK_STATUS(call(&d, "GET", "/v1/sandboxes", NULL), 200);
    finish(&d);
}

TEST_AS_BOTH(an_agent_that_says_nothing_holds_up_no_other, silent_agent)
TEST_AS_BOTH(sandboxes_go_on_after_a_crash, after_a_crash)
TEST_AS_BOTH(sandboxes_go_on_after_a_stop_that_keeps_them, after_a_stop)
TEST_AS_BOTH(paused_ones_stay_paused, paused_before)
TEST_AS_BOTH(lifetimes_go_on_and_end_also_while_no_server_runs, lifetimes)
TEST_AS_BOTH(leases_go_on_and_end_after_a_restart, leases)
TEST_AS_BOTH(a_stop_can_pause_them, paused_at_the_end)
TEST_AS_BOTH(terminals_remember_that_binary_is_spoken, terminal)
TEST_AS_BOTH(a_service_goes_on, service)
TEST_AS_BOTH(what_commands_put_out_is_kept, kept_output)
TEST_AS_BOTH(a_deleted_snapshot_stays_for_its_sandboxes, snapshot)
TEST_AS_BOTH(commands_in_the_foreground_end, foreground)
TEST_AS_BOTH(half_an_upload_is_taken_away, upload)
TEST_AS_BOTH(a_dead_one_is_reported, dead)
TEST_AS_BOTH(when_nobody_comes_nothing_stays, nobody_comes)
TEST_AS_BOTH(a_holder_that_is_told_to_end_ends_the_sandboxes, told_to_end)
TEST_AS_BOTH(without_patience_they_end_at_once, without_patience)
TEST_AS_BOTH(a_start_that_fails_ends_none, failing_start)
TEST_AS_BOTH(a_killed_holder_is_replaced, killed_holder)
TEST_AS_BOTH(a_stopped_holder_is_given_up, stopped_holder)
TEST_AS_BOTH(the_service_manager_is_told, notified)
TEST_AS_BOTH(hangups_end_it_unless_ignored, hangups)
TEST(options_that_make_no_sense_are_named) { bad_options(); }

TEST_MAIN
