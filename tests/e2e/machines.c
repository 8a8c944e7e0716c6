#include "machines.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>

#include "base/buf.h"
#include "peer.h"
#include "work.h"

#define KERNEL "/var/cache/wrenn/linux-image.deb"

const char *machines_path(const char *name) {
    static char paths[8][300];
    static size_t at;
    char *path = paths[at++ % 8];
    snprintf(path, sizeof(paths[0]), "%s/%s", test_dir(), name);
    return path;
}

const char *machines_kernel(void) {
    const char *own = getenv("WRENN_TEST_KERNEL");
    return own ? own : KERNEL;
}

const char *machines_kernel_tree(void) {
    const char *tree = getenv("WRENN_TEST_KERNEL_TREE");
    return tree && access(tree, F_OK) == 0 && !getenv("WRENN_TEST_KERNEL") ? tree : machines_kernel();
}

void machines_need(void) {
    static const char *const programs[] = {"qemu-system-x86_64", "sqfstar", "busybox", "dpkg-deb", "openssl"};
    char line[128];
    for (size_t i = 0; i < WRN_COUNT(programs); i++) {
        snprintf(line, sizeof(line), "PATH=$PATH:/usr/sbin:/sbin command -v %s > /dev/null", programs[i]);
        if (system(line) != 0) test_skip("there is no %s; run tools/install-deps.sh test", programs[i]);
    }
    if (access(machines_kernel(), R_OK) != 0)
        test_skip("there is no %s; run tools/install-deps.sh test", machines_kernel());
    /* On a busy machine it takes long until a test reads a stream that it began before its machine slept. */
    setenv("WRENND_WRITE_TIMEOUT_MS", "600000", 1);
}

void machines_set_up(const char *kernel, const char *image, int status, const char *part) {
    int got;
    const char *const args[] = {"vm",
                                "setup",
                                "--data-dir",
                                machines_path("unused"),
                                "--vm-dir",
                                machines_path("vm"),
                                "--kernel",
                                kernel,
                                "--image",
                                image,
                                "--template-dir",
                                machines_path("templates"),
                                NULL};
    char *said = daemon_run(args, &got);
    CHECK_CONTAINS(said, part);
    CHECK_INT(got, status);
    free(said);
}

void machines_make_image(void) {
    char line[1024];
    snprintf(
        line, sizeof(line),
        "cd %s && mkdir -p img/bin img/etc img/root && cp $(command -v busybox) img/bin/busybox && "
        "for p in sh od cat ls cut uname hostname echo true sleep date wc head kill mkdir rm httpd reboot halt poweroff wget id fallocate mv touch; do "
        "ln -s busybox img/bin/$p; done && echo 0123456789abcdef0123456789abcdef > img/etc/machine-id && echo root:x:0:0::/root:/bin/sh > img/etc/passwd && "
        "for f in $(command -v openssl) $(ldd $(command -v openssl) | grep -o '/[^ ]*'); do mkdir -p img$(dirname $f) && cp -L $f img$f; done",
        test_dir());
    CHECK_INT(system(line), 0);
}

/* ---- sandboxes ---- */

/* Has a number of its own in memory, and counts. */
#define COUNTER                                                                                           \
    TICK_BEGIN("tick")                                                                                    \
    "v=$(head -c 8 /dev/urandom | od -An -tx1); n=0; while true; do n=$((n+1)); echo $n $v > /root/new; " \
    "mv /root/new /root/count; " TICK("0.1") "done"
/* Puts out numbers for as long as it is let, some at a time, so that copies of the machine leave time for each other. */
#define STREAM                                               \
    TICK_BEGIN("tock")                                       \
    "i=0; until [ -e /root/stop ]; do i=$((i+1)); echo $i; " \
    "[ $((i%200)) != 0 ] || { echo $i > /root/i; " TICK("0.05") "}; done"

int entries(const char *path) {
    int count = 0;
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) count += *entry->d_name != '.';
    if (dir) closedir(dir);
    return count;
}

void start_machine(const test_daemon *d, char id[40]) { make_sandbox(d, MACHINE, id); }

/* The command lines of this test's machines. */
static char *machines_now(void) {
    char line[400];
    WRN_AUTO(wrn_buf_free) wrn_buf all = WRN_BUF_INIT;
    snprintf(line, sizeof(line), "pgrep -af '^wrenn-vm %s/'", test_dir());
    FILE *from = popen(line, "r");
    CHECK(from != NULL);
    for (char chunk[4096]; fgets(chunk, sizeof(chunk), from);) wrn_buf_puts(&all, chunk);
    pclose(from);
    wrn_buf_puts(&all, "");
    return wrn_buf_steal(&all);
}

void take_spare(const test_daemon *d, const char *body, char id[40]) {
    for (bool was_there = false; !was_there;) {
        char *before = machines_now();
        make_sandbox(d, body, id);
        was_there = before && strstr(before, id);
        free(before);
        if (was_there) continue;
        await_warm(); /* spares are copies */
        destroy(d, id);
    }
}

/* One whose command line, with blanks between its arguments, has `part`, `also`, and none of `but`; 0: there is none. Adds to `count`
 * unless that is NULL. */
static pid_t find_process(const char *part, const char *also, char (*but)[40], int but_count, int *count) {
    pid_t found = 0;
    DIR *proc = opendir("/proc");
    for (const struct dirent *entry; (entry = readdir(proc));) {
        char path[300], line[8192];
        snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
        int fd = *entry->d_name >= '1' && *entry->d_name <= '9' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t size = fd >= 0 ? read(fd, line, sizeof(line) - 1) : 0;
        if (fd >= 0) close(fd);
        for (ssize_t i = 0; i < size; i++) line[i] = line[i] ? line[i] : ' ';
        line[size > 0 ? size : 0] = '\0';
        bool wanted = strstr(line, part) && strstr(line, also);
        for (int i = 0; i < but_count; i++) wanted = wanted && !strstr(line, but[i]);
        if (!wanted) continue;
        found = (pid_t)atoi(entry->d_name);
        if (count) ++*count;
    }
    closedir(proc);
    return found;
}

int processes_of(const char *id) {
    int count = 0;
    find_process(id, "", NULL, 0, &count);
    return count;
}

static void await_ends(const char *part, const char *also, char (*but)[40], int but_count) {
    for (pid_t pid; (pid = find_process(part, also, but, but_count, NULL));) {
        int fd = (int)syscall(SYS_pidfd_open, pid, 0);
        if (fd < 0) continue; /* it has just ended */
        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1);
        close(fd);
    }
}

void await_no_processes(const char *id) { await_ends(id, "", NULL, 0); }

/* What the command lines of this test's machines begin with. */
static const char *own_machines(void) {
    static char part[400];
    snprintf(part, sizeof(part), "wrenn-vm %s/", test_dir());
    return part;
}

void await_only(char ids[][40], int count) { await_ends(own_machines(), "", ids, count); }

void await_warm(void) { await_ends(own_machines(), " -name warm-", NULL, 0); }

void check_isolation(const test_daemon *d, const char *id) {
    reply r = call(d, "GET", sandbox_path(id, ""), NULL);
    const wrn_json *isolation = wrn_json_get(r.json, "isolation");
    CHECK_STR(wrn_json_string(wrn_json_get(isolation, "level"), NULL), "vm");
    CHECK_STR(wrn_json_string(wrn_json_get(isolation, "backend"), NULL), "vm");
    const char *accelerator = wrn_json_string(wrn_json_get(isolation, "accelerator"), NULL);
    CHECK(accelerator && (strcmp(accelerator, "tcg") == 0 || strcmp(accelerator, "kvm") == 0));
    char *kernel = sh(d, id, "uname -r");
    kernel[strcspn(kernel, "\n")] = '\0';
    CHECK_STR(wrn_json_string(wrn_json_get(isolation, "kernel"), NULL), kernel);
    free(kernel);
    reply_free(&r);
}

pid_t find_qemu(const char *id) {
    char line[128], text[32] = "";
    snprintf(line, sizeof(line), "pgrep -f '^/qemu .*-name %s '", id);
    FILE *from = popen(line, "r");
    CHECK(from && fgets(text, sizeof(text), from));
    pclose(from);
    return (pid_t)atoi(text);
}

/* The value of a line of /proc/PID/status, up to the next blank. */
void status_of(pid_t pid, const char *name, char *out, size_t size) {
    char path[64], line[256];
    snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
    FILE *from = fopen(path, "re");
    CHECK(from != NULL);
    *out = '\0';
    while (fgets(line, sizeof(line), from))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            snprintf(out, size, "%.*s", (int)strcspn(line + strlen(name) + 2, "\t\n"), line + strlen(name) + 2);
    fclose(from);
}

/* The same program, in two sandboxes, says different things. */
void check_differs(const test_daemon *d, const char *one, const char *other, const char *line) {
    char *first = sh(d, one, line), *second = sh(d, other, line);
    CHECK_MSG(*first && strcmp(first, second) != 0, "%s: %s", line, first);
    free(first);
    free(second);
}

/* A stream that was open meanwhile has all numbers, in order. */
void check_stream(int fd) {
    WRN_AUTO(wrn_buf_free) wrn_buf all = WRN_BUF_INIT;
    for (bool over = false; !over;) {
        WRN_AUTO(wrn_json_freep) wrn_json *said = peer_message(fd);
        const char *data = wrn_json_string(wrn_json_get(said, "data"), NULL);
        if (data) wrn_buf_puts(&all, data);
        over = strcmp(wrn_json_string(wrn_json_get(said, "type"), NULL), "exit") == 0;
    }
    CHECK_INT(peer_close_code(fd), 1000);
    CHECK(all.data != NULL);
    char *at = all.data;
    long expected = 0;
    while (at && *at) {
        CHECK_INT(strtol(at, &at, 10), ++expected);
        at += *at == '\n';
    }
    CHECK(expected > 1);
}

void begin_counter(const test_daemon *d, const char *id) {
    char body[400];
    snprintf(body, sizeof(body), "{\"cmd\":\"sh\",\"args\":[\"-c\",\"%s\"],\"background\":true,\"tag\":\"counter\"}",
             COUNTER);
    CHECK_STATUS(call(d, "POST", sandbox_path(id, "/exec"), body), 202);
}

/* Two programs, and somebody who hears the second one; the number that the first one has. */
char *begin_work(const test_daemon *d, const char *id, int *fd) {
    free(sh(d, id, "rm -f /root/stop /root/count /root/i /root/tick /root/tock; echo kept > /root/file"));
    begin_counter(d, id);
    *fd = peer_open(d, sandbox_path(id, "/exec/stream"), "");
    peer_say(*fd, "{\"type\":\"start\",\"cmd\":\"sh\",\"args\":[\"-c\",\"" STREAM "\"]}");
    wrn_json_free(peer_expect(*fd, "start"));
    return sh(d, id,
              "until [ -s /root/count ] && [ -s /root/i ]; do sleep 0.05; done; read n v < /root/count; echo $v");
}

/* NULL `status`: that may be one or the other by then. */
void make_snapshot_of(const test_daemon *d, const char *id, const char *name, const char *status) {
    char body[128];
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"%s\"}", id, name);
    reply r = call(d, "POST", "/v1/snapshots", body);
    CHECK_MSG(r.status == 201, "%s", r.body);
    CHECK(number(&r, "size_bytes") > 1 << 20);
    reply_free(&r);
    if (status) check_status(d, id, status);
}

static bool has_qemu_with(const char *id, const char *option) {
    char line[128];
    snprintf(line, sizeof(line), "pgrep -f '^/qemu .*-name %s .*%s' > /dev/null", id, option);
    return system(line) == 0;
}

bool has_qemu(const char *id) { return has_qemu_with(id, ""); }

bool is_copy(const char *id) { return has_qemu_with(id, "-incoming"); }

void hibernate(const test_daemon *d, const char *id) {
    reply r = call(d, "POST", sandbox_path(id, "/pause"), "{\"hibernate\":true}");
    CHECK_MSG(r.status == 200, "%s", r.body);
    CHECK_STR(member(&r, "status"), "hibernated");
    reply_free(&r);
    CHECK(!has_qemu(id));
}

/* The path of the file with its memory. */
void state_of(const test_daemon *d, const char *id, char out[300]) {
    snprintf(out, 300, "%s/sandboxes/boxes/%s/state", d->dir, id);
}

/* What has taken one QEMU over has no power over another one. */
void check_users(const char *one, const char *other) {
    char users[2][64];
    status_of(find_qemu(one), "Uid", users[0], sizeof(users[0]));
    status_of(find_qemu(other), "Uid", users[1], sizeof(users[1]));
    CHECK_MSG(geteuid() != 0 || strcmp(users[0], users[1]) != 0, "%s", users[0]);
}

void fork_sandbox(const test_daemon *d, const char *id, const char *body, size_t count, char ids[][40]) {
    reply r = call(d, "POST", sandbox_path(id, "/fork"), body);
    CHECK_MSG(r.status == 201, "%s", r.body);
    CHECK_INT(wrn_json_count(r.json), count);
    for (size_t i = 0; i < count; i++) {
        const wrn_json *copy = wrn_json_at(r.json, i);
        CHECK_STR(wrn_json_string(wrn_json_get(copy, "status"), NULL), "running");
        snprintf(ids[i], 40, "%s", wrn_json_string(wrn_json_get(copy, "id"), NULL));
    }
    reply_free(&r);
}
