/* A disk that is busy makes those wait who asked for it to do something, and nobody else: the loop of wrennd changes no file. A
 * filter asks this program about each system call that changes one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include "base/auto.h"
#include "work.h"

enum { HELD_MAX = 8, CALLS_MAX = 40, NONE = -1 };

/* Where each call has a path, and the directory that this starts from; NONE: the path is that of the descriptor `dir`. */
static const struct {
    int number, dir, path;
    int creates; /* it only changes something with O_CREAT in this argument; 0: always */
} calls[] = {
    {SYS_mkdirat, 0, 1, 0},   {SYS_openat, 0, 1, 2},       {SYS_unlinkat, 0, 1, 0},  {SYS_renameat2, 0, 1, 0},
    {SYS_linkat, 2, 3, 0},    {SYS_symlinkat, 1, 2, 0},    {SYS_fchmodat, 0, 1, 0},  {SYS_fchownat, 0, 1, 0},
    {SYS_utimensat, 0, 1, 0}, {SYS_truncate, NONE, 0, 0},  {SYS_fchmod, 0, NONE, 0}, {SYS_fchown, 0, NONE, 0},
    {SYS_fsync, 0, NONE, 0},  {SYS_ftruncate, 0, NONE, 0}, {SYS_syncfs, 0, NONE, 0}, {SYS_fdatasync, 0, NONE, 0},
#ifdef SYS_mkdir
    {SYS_mkdir, NONE, 0, 0},  {SYS_open, NONE, 0, 1},      {SYS_creat, NONE, 0, 0},  {SYS_unlink, NONE, 0, 0},
    {SYS_rmdir, NONE, 0, 0},  {SYS_rename, NONE, 0, 0},    {SYS_link, NONE, 1, 0},   {SYS_symlink, NONE, 1, 0},
    {SYS_chmod, NONE, 0, 0},  {SYS_chown, NONE, 0, 0},     {SYS_lchown, NONE, 0, 0}, {SYS_renameat, 0, 1, 0},
#endif
};

static struct {
    int listener;
    int told[2], released[2]; /* a byte for each call that is held; one when they may go on */
    char dir[128];            /* the calls that matter are about what is in here */
    atomic_int loop;          /* the thread that must make none of them; 0: none */
    atomic_bool holds;        /* those that make a directory of a sandbox */
    uint64_t held[HELD_MAX];
    size_t held_count;
    char offence[600];
} watch;

/* ---- the filter ---- */

static int install_filter(void) {
    struct sock_filter code[3 * CALLS_MAX + 2];
    unsigned short size = 0;
    _Static_assert(WRN_COUNT(calls) < CALLS_MAX, "room in the filter");
    code[size++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
    for (size_t i = 0; i < WRN_COUNT(calls); i++) {
        code[size++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)calls[i].number, 0, 1);
        code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    }
    code[size++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {size, code};
    if (geteuid() != 0) CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
}

/* ---- who is asked ---- */

static void go_on(uint64_t id) {
    struct seccomp_notif_resp answer = {.id = id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    ioctl(watch.listener, SECCOMP_IOCTL_NOTIF_SEND, &answer); /* fails for those that were killed meanwhile */
}

static void path_of(const struct seccomp_notif *n, int dir, int path, char out[512]) {
    char text[256] = "", link[64];
    struct iovec to = {text, sizeof(text) - 1};
    *out = '\0';
    if (path != NONE) { /* up to the end of the page */
        const uintptr_t at = (uintptr_t)n->data.args[path], page = 4096;
        if (to.iov_len > page - at % page) to.iov_len = page - at % page;
        struct iovec from = {(void *)at, to.iov_len}; /* NOLINT(performance-no-int-to-ptr) */
        if (process_vm_readv((pid_t)n->pid, &to, 1, &from, 1, 0) <= 0) return;
    }
    char base[256] = "";
    if (*text != '/' && dir != NONE && (int)n->data.args[dir] != AT_FDCWD) {
        snprintf(link, sizeof(link), "/proc/%u/fd/%d", n->pid, (int)n->data.args[dir]);
        ssize_t size = readlink(link, base, sizeof(base) - 1);
        base[size > 0 ? size : 0] = '\0';
    }
    snprintf(out, 512, "%s%s%s", base, *base ? "/" : "", text);
}

static void judge(const struct seccomp_notif *n) {
    size_t i = 0;
    char path[512], boxes[160];
    while (calls[i].number != n->data.nr) i++;
    if (calls[i].creates && !(n->data.args[calls[i].creates] & O_CREAT)) return go_on(n->id);
    path_of(n, calls[i].dir, calls[i].path, path);
    if (strncmp(path, watch.dir, strlen(watch.dir)) != 0) return go_on(n->id);
    if ((int)n->pid == atomic_load(&watch.loop) && !*watch.offence)
        snprintf(watch.offence, sizeof(watch.offence), "system call %d of %s", n->data.nr, path);
    snprintf(boxes, sizeof(boxes), "%s/sandboxes/boxes/", watch.dir);
    bool makes_box = strncmp(path, boxes, strlen(boxes)) == 0 && watch.held_count < HELD_MAX;
    if (!makes_box || !atomic_load(&watch.holds)) return go_on(n->id);
    watch.held[watch.held_count++] = n->id;
    CHECK(write(watch.told[1], "", 1) == 1);
}

static void *answer_calls(void *context) {
    struct pollfd fds[] = {{.fd = watch.listener, .events = POLLIN}, {.fd = watch.released[0], .events = POLLIN}};
    char byte;
    (void)context;
    CHECK(read(watch.released[0], &byte, 1) == 1);
    fds[0].fd = watch.listener;
    while (poll(fds, 2, -1) > 0) {
        struct seccomp_notif n = {0};
        if (fds[1].revents && read(watch.released[0], &byte, 1) == 1)
            while (watch.held_count) go_on(watch.held[--watch.held_count]);
        if (fds[0].revents & POLLHUP) break;
        if (fds[0].revents && ioctl(watch.listener, SECCOMP_IOCTL_NOTIF_RECV, &n) == 0) judge(&n);
    }
    return NULL;
}

/* ---- what the tests do ---- */

/* From now on for this thread and all that it starts; the one that is asked was started before. */
static void begin_watch(void) {
    pthread_t thread;
    CHECK(pipe2(watch.told, O_CLOEXEC) == 0 && pipe2(watch.released, O_CLOEXEC) == 0);
    snprintf(watch.dir, sizeof(watch.dir), "%s/data", test_dir());
    CHECK(pthread_create(&thread, NULL, answer_calls, NULL) == 0 && pthread_detach(thread) == 0);
    watch.listener = install_filter();
    if (watch.listener < 0) test_skip("no filter can ask here: %s", strerror(errno));
    CHECK(write(watch.released[1], "", 1) == 1);
}

/* Starts a wrennd, whose loop may change no file from now on. */
static void serve_watched(test_daemon *d) {
    begin_watch();
    serve(d, (const char *const[]){"--on-stop", "destroy", NULL});
    CHECK_STATUS(call(d, "GET", "/v1/sandboxes", NULL), 200); /* its start is over */
    atomic_store(&watch.loop, d->pid);
}

static void check_loop(void) { CHECK_MSG(!*watch.offence, "the loop waited for the disk: %s", watch.offence); }

static void release(void) {
    atomic_store(&watch.holds, false);
    CHECK(write(watch.released[1], "", 1) == 1);
}

/* Asks for a sandbox whose directory is not made until release(). Returns the connection. */
static int create_held(const test_daemon *d) {
    char text[300], byte;
    snprintf(
        text, sizeof(text),
        "POST /v1/sandboxes HTTP/1.1\r\nHost:\r\nX-API-Key:%s\r\nIdempotency-Key: one\r\nContent-Length:2\r\n\r\n{}",
        d->key);
    int fd = dial(d->socket);
    atomic_store(&watch.holds, true);
    send_text(fd, text);
    CHECK(read(watch.told[0], &byte, 1) == 1);
    check_loop();
    return fd;
}

static void only_sandbox(const test_daemon *d, char id[40], const char *status) {
    reply r = call(d, "GET", "/v1/sandboxes", NULL);
    CHECK_INT(wrn_json_count(r.json), 1);
    snprintf(id, 40, "%s", wrn_json_string(wrn_json_get(wrn_json_at(r.json, 0), "id"), NULL));
    CHECK_STR(wrn_json_string(wrn_json_get(wrn_json_at(r.json, 0), "status"), NULL), status);
    reply_free(&r);
}

static void others_go_on(void) {
    test_daemon d = {0};
    char id[40];
    serve_watched(&d);
    int fd = create_held(&d);
    only_sandbox(&d, id, "pending");
    release();
    reply r = read_reply(fd);
    CHECK_INT(r.status, 201);
    CHECK_STR(member(&r, "id"), id);
    reply_free(&r);
    close(fd);
    CHECK_SH(&d, id, "echo works", "works\n");
    destroy(&d, id);
    check_loop();
    end(&d, SIGTERM, 0);
}

/* It is made, and then destroyed. */
static void destroyed_meanwhile(void) {
    test_daemon d = {0};
    char id[40], text[300];
    serve_watched(&d);
    int creating = create_held(&d), destroying = dial(d.socket);
    only_sandbox(&d, id, "pending");
    snprintf(text, sizeof(text), "DELETE /v1/sandboxes/%s HTTP/1.1\r\nHost:\r\nX-API-Key:%s\r\n\r\n", id, d.key);
    send_text(destroying, text);
    only_sandbox(&d, id, "pending");
    release();
    CHECK_STATUS(read_reply(creating), 201);
    CHECK_STATUS(read_reply(destroying), 204);
    close(creating);
    close(destroying);
    check_loop();
    end(&d, SIGTERM, 0);
}

/* The end of the server waits for it. */
static void stopped_meanwhile(void) {
    test_daemon d = {0};
    char boxes[200];
    serve_watched(&d);
    int fd = create_held(&d);
    atomic_store(&watch.loop, 0); /* in the end it removes files */
    kill(d.pid, SIGTERM);
    release();
    CHECK_STATUS(read_reply(fd), 201);
    close(fd);
    CHECK_INT(daemon_wait(d.pid), 0);
    snprintf(boxes, sizeof(boxes), "%s/sandboxes/boxes", d.dir);
    CHECK(access(boxes, F_OK) != 0);
}

static void all_else(void) {
    test_daemon d = {0};
    char one[40], two[40];
    serve_watched(&d);
    make_sandbox(&d, "{\"metadata\":{\"name\":\"one\"},\"timeout_sec\":600}", one);
    CHECK_SH(&d, one, "echo text > /root/file && cat /root/file", "text\n");
    CHECK_STATUS(call(&d, "POST", sandbox_path(one, "/pause"), NULL), 200);
    resume(&d, one);
    snap(&d, one, "first");
    make_from(&d, "first", two);
    CHECK_SH(&d, two, "cat /root/file", "text\n");
    CHECK_STATUS(call(&d, "DELETE", "/v1/snapshots/first", NULL), 204);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"first\"}"), 404, "not_found");
    destroy(&d, two);
    destroy(&d, one);
    check_loop();
    end(&d, SIGTERM, 0);
}

TEST_AS_BOTH(a_create_that_waits_for_the_disk_holds_nobody, others_go_on)
TEST_AS_BOTH(a_sandbox_can_be_destroyed_while_its_root_is_made, destroyed_meanwhile)
TEST_AS_BOTH(a_server_can_be_stopped_while_a_root_is_made, stopped_meanwhile)
TEST_AS_BOTH(the_loop_changes_no_file, all_else)

TEST_MAIN
