/* Sandboxes in virtual machines: `wrennd vm setup`, and a real wrennd with real machines, under TCG. They take seconds, so one
 * setup and few machines serve many checks. Skipped without QEMU, or without the package of a kernel where
 * tools/install-deps.sh puts it (or WRENN_TEST_KERNEL says). */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>

#include "machines.h"
#include "peer.h"
#include "work.h"

/* ---- the setup ---- */

static int entries(const char *path) {
    int count = 0;
    DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) count += *entry->d_name != '.';
    if (dir) closedir(dir);
    return count;
}

/* What fails leaves nothing. */
static void check_setup(void) {
    machines_make_image();
    machines_set_up("/nonexistent/kernel.deb", machines_path("img"), 1,
                    "/nonexistent/kernel.deb is not the package of a kernel");
    machines_set_up(machines_kernel(), "/nonexistent/image.tar", 1, "/nonexistent/image.tar");
    CHECK_INT(entries(machines_path("vm")), 0);
    machines_set_up(machines_kernel(), machines_path("img"), 0, "set up");
    CHECK_INT(entries(machines_path("vm")), 2);
}

/* ---- machines ---- */

enum { DISK_MB = 64 }; /* of the one with a network */

static void start_machine(const test_daemon *d, char id[40]) {
    make_sandbox(d, "{\"isolation\":\"vm\",\"memory_mb\":256}", id);
}

/* Processes whose command line names the sandbox. */
static int processes_of(const char *id) {
    int count = 0;
    DIR *proc = opendir("/proc");
    for (const struct dirent *entry; (entry = readdir(proc));) {
        char path[300], line[8192];
        snprintf(path, sizeof(path), "/proc/%s/cmdline", entry->d_name);
        int fd = *entry->d_name >= '1' && *entry->d_name <= '9' ? open(path, O_RDONLY | O_CLOEXEC) : -1;
        ssize_t size = fd >= 0 ? read(fd, line, sizeof(line)) : 0;
        if (fd >= 0) close(fd);
        count += size > 0 && memmem(line, (size_t)size, id, strlen(id)) != NULL;
    }
    closedir(proc);
    return count;
}

static void await_no_processes(const char *id) {
    while (processes_of(id)) usleep(10000);
}

static void check_isolation(const test_daemon *d, const char *id) {
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

static void check_inside(const test_daemon *d, const char *id) {
    char want[128];
    snprintf(want, sizeof(want), "%s\n%s\nminimal\n", id, id);
    CHECK_SH(d, id, "hostname; echo $WRENN_SANDBOX_ID; cat /run/wrenn/template_id", want);
    CHECK_SH(d, id, "head -c 3000000 /dev/zero | wc -c; echo a > /root/a; cat /root/a", "3000000\na\n");
    CHECK_SH(d, id, "id -u user", "1000\n");
    CHECK_SH(d, id, "ls /proc/self/fd | wc -l", "4\n"); /* the agent's port is not among them */
    CHECK_ERROR(call(d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"true\",\"cwd\":\"/nonexistent\"}"), 400,
                "invalid_request");
    reply r = call(d, "GET", sandbox_path(id, "/files/read?path=/root/a"), NULL);
    reply_free(&r);
}

/* Of both directions, more than any buffer holds. */
static void check_ports(const test_daemon *d, const char *id) {
    CHECK_STATUS(ask(d, id, 9, "GET", "/"), 502);
    free(sh(d, id, "head -c 3000000 /dev/urandom > /root/large; httpd -p 8000 -h /root"));
    reply r = ask(d, id, 8000, "GET", "/large");
    CHECK_INT(r.status, 200);
    CHECK_INT(r.size, 3000000);
    reply_free(&r);
    free(sh(d, id, "rm /root/large"));
}

/* The clock of the machine stands still meanwhile, and is set afterwards. What is sent before is not lost. */
static void check_pause(const test_daemon *d, const char *id) {
    char line[64];
    CHECK_STATUS(call(d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    sleep(2);
    long long before = (long long)time(NULL);
    resume(d, id);
    char *date = sh(d, id, "date +%s");
    snprintf(line, sizeof(line), "%s, not %lld", date, before);
    CHECK_MSG(atoll(date) >= before, "%s", line);
    free(date);
    CHECK_STATUS(ask(d, id, 8000, "GET", "/a"), 200);
}

/* As root, who can make one: a way out of version 6, which this machine may not have. */
static void make_ipv6(void) {
    if (geteuid() != 0) return;
    CHECK(unshare(CLONE_NEWNET) == 0);
    CHECK(system("ip link set lo up && ip link add host0 type veth peer name out0 && ip link set out0 up && "
                 "ip addr add 2001:db8:1::1/64 dev host0 nodad && ip link set host0 up && "
                 "ip -6 route add default via 2001:db8:1::2") == 0);
}

/* Through the same gate as from namespaces, which tells what it denies. */
static void check_network(const test_daemon *d, const char *id) {
    if (geteuid() == 0) {
        char *addresses = sh(d, id, "cat /proc/net/if_inet6");
        CHECK_CONTAINS(addresses, "fd7772656e6e00000000000000000002");
        free(addresses);
        CHECK_SH(d, id, "wget -q -O - http://[fd00:9::9]/ 2> /dev/null || echo refused", "refused\n");
        reply six = call(d, "GET", sandbox_path(id, "/network"), NULL);
        CHECK_CONTAINS(six.body, "\"address\":\"fd00:9::9\",\"port\":80,\"name\":\"\",\"reason\":\"private\"");
        reply_free(&six);
    }
    CHECK_SH(d, id, "wget -q -O - http://10.0.0.1/ 2> /root/said || echo refused", "refused\n");
    reply r = call(d, "GET", sandbox_path(id, "/network"), NULL);
    char *said = sh(d, id, "cat /root/said");
    /* A machine that waits long for its denial asks again. */
    CHECK_MSG(number(&r, "denied_total") >= (geteuid() == 0 ? 2 : 1), "%s; wget: %s", r.body, said);
    free(said);
    reply_free(&r);
}

/* Its own disk is as large as was asked for. Once it is full, the sandbox is told, and nothing else happens. */
static void check_disk(const test_daemon *d, const char *id) {
    reply r = call(d, "GET", sandbox_path(id, ""), NULL);
    CHECK_INT(number(&r, "disk_mb"), DISK_MB);
    reply_free(&r);
    char *said = sh(d, id, "cat /dev/zero 2>&1 > /root/all || wc -c < /root/all");
    const char *size = strrchr(said, ':');
    CHECK_CONTAINS(said, "No space left on device\n");
    CHECK_MSG(atoll(strchr(size, '\n')) > (DISK_MB / 2 << 20), "%s", said);
    CHECK_MSG(atoll(strchr(size, '\n')) < DISK_MB << 20, "%s", said);
    free(said);
    CHECK_SH(d, id, "rm /root/all; echo b > /root/b; cat /root/b", "b\n");
}

/* Of the machine's memory and QEMU's own, where there is a cgroup for it. */
static void check_limit(const char *id) {
    enum { LIMIT_MB = 256 + 192 };
    char line[512], text[64] = "";
    snprintf(line, sizeof(line),
             "find /sys/fs/cgroup -path '*%s/memory.max' -o -path '*%s/memory.limit_in_bytes' 2> /dev/null | "
             "head -n 1 | xargs -r cat",
             id, id);
    FILE *from = popen(line, "r");
    CHECK(from != NULL);
    bool has_limit = fgets(text, sizeof(text), from) != NULL;
    pclose(from);
    CHECK(has_limit || geteuid() != 0);
    if (has_limit) CHECK_INT(atoll(text), (long long)LIMIT_MB << 20);
}

static pid_t find_qemu(const char *id) {
    char line[128], text[32] = "";
    snprintf(line, sizeof(line), "pgrep -f '^/qemu .*-name %s '", id);
    FILE *from = popen(line, "r");
    CHECK(from && fgets(text, sizeof(text), from));
    pclose(from);
    return (pid_t)atoi(text);
}

/* ---- how QEMU is kept in ---- */

/* The value of a line of /proc/PID/status, up to the next blank. */
static void status_of(pid_t pid, const char *name, char *out, size_t size) {
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

static void check_namespaces(pid_t pid) {
    static const char *const kinds[] = {"mnt", "pid", "net", "ipc", "uts", "cgroup"};
    for (size_t i = 0; i < WRN_COUNT(kinds); i++) {
        char path[64], own[64] = "", other[64] = "";
        snprintf(path, sizeof(path), "/proc/self/ns/%s", kinds[i]);
        CHECK(readlink(path, own, sizeof(own) - 1) > 0);
        snprintf(path, sizeof(path), "/proc/%d/ns/%s", (int)pid, kinds[i]);
        CHECK(readlink(path, other, sizeof(other) - 1) > 0);
        CHECK_MSG(strcmp(own, other) != 0, "%s", path);
    }
}

/* Nothing that it was not given or made by itself: no file of the host, no directory, no device that does something. */
static void check_descriptors(pid_t pid) {
    static const char *const known[] = {"socket:[",  "/memfd:wrenn-", "anon_inode:", "pipe:[",
                                        "/dev/null", "/dev/kvm",      "/dmabuf:"};
    char path[300], target[PATH_MAX];
    int files = 0;
    snprintf(path, sizeof(path), "/proc/%d/fd", (int)pid);
    DIR *dir = opendir(path);
    CHECK(dir != NULL);
    for (const struct dirent *entry; (entry = readdir(dir));) {
        bool ok = false;
        ssize_t size = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target) - 1);
        if (size < 0) continue;
        target[size] = '\0';
        for (size_t i = 0; i < WRN_COUNT(known); i++) ok = ok || strncmp(target, known[i], strlen(known[i])) == 0;
        bool disk = !ok && (strstr(target, "/minimal.squashfs") || strstr(target, "/disk"));
        files += disk;
        CHECK_MSG(ok || disk, "%s", target);
    }
    closedir(dir);
    CHECK(files >= 2);
}

/* Its root is all it sees, and can't be written to. */
static void check_mounts(pid_t pid) {
    char path[64], line[1024], at[256], options[256];
    int count = 0;
    snprintf(path, sizeof(path), "/proc/%d/mountinfo", (int)pid);
    FILE *from = fopen(path, "re");
    CHECK(from != NULL);
    for (; fgets(line, sizeof(line), from); count++) {
        CHECK_INT(sscanf(line, "%*s %*s %*s %*s %255s %255s", at, options), 2);
        bool device = strcmp(at, "/dev/null") == 0 || strcmp(at, "/dev/kvm") == 0;
        CHECK_MSG(device || strcmp(at, "/") == 0 || strcmp(at, "/proc") == 0, "%s", line);
        CHECK_MSG(device || strncmp(options, "ro,", 3) == 0, "%s", line);
    }
    fclose(from);
    CHECK(count >= 3);
}

static void check_jail(const char *id) {
    static const char *const want[][2] = {{"Seccomp", "2"},
                                          {"NoNewPrivs", "1"},
                                          {"CapEff", "0000000000000000"},
                                          {"CapPrm", "0000000000000000"},
                                          {"CapAmb", "0000000000000000"}};
    char got[64];
    pid_t pid = find_qemu(id);
    for (size_t i = 0; i < WRN_COUNT(want); i++) {
        status_of(pid, want[i][0], got, sizeof(got));
        CHECK_MSG(strcmp(got, want[i][1]) == 0, "%s %s", want[i][0], got);
    }
    status_of(pid, "Uid", got, sizeof(got));
    if (geteuid() == 0) CHECK_MSG(atoll(got) > 65536, "%s", got);
    else CHECK_INT(atoll(got), geteuid());
    status_of(pid, "Groups", got, sizeof(got));
    CHECK_MSG(geteuid() != 0 || !*got || strcmp(got, " ") == 0, "%s", got);
    check_namespaces(pid);
    check_descriptors(pid);
    check_mounts(pid);
    char path[64], text[1024] = "";
    snprintf(path, sizeof(path), "/proc/%d/net/dev", (int)pid);
    FILE *from = fopen(path, "re");
    CHECK(from && fread(text, 1, sizeof(text) - 1, from) > 0);
    fclose(from);
    int interfaces = 0;
    for (const char *at = text; (at = strchr(at, ':')); at++) interfaces++;
    CHECK_MSG(interfaces == 1 && strstr(text, "lo:"), "%s", text);
}

/* By what happens in the machine, and to QEMU. Each time the caller hears of it. */
static void check_ends(const test_daemon *d) {
    static const char *const lines[] = {"reboot -f; sleep 60", "echo c > /proc/sysrq-trigger",
                                        "kill -9 1; poweroff -f; sleep 60"};
    for (size_t i = 0; i < WRN_COUNT(lines); i++) {
        char id[40], body[256];
        start_machine(d, id);
        snprintf(body, sizeof(body), "{\"cmd\":\"sh\",\"args\":[\"-c\",\"%s\"],\"timeout_sec\":60}", lines[i]);
        CHECK_ERROR(call(d, "POST", sandbox_path(id, "/exec"), body), 502, "agent_error");
        await_no_processes(id);
        wait_status(d, id, "stopped");
        destroy(d, id);
    }
}

/* What stands still, and goes on using its memory, ends as well; that takes a while. */
static void halt_machine(const test_daemon *d, char id[40]) {
    start_machine(d, id);
    free(sh(d, id, "(sleep 1; halt -f) < /dev/null > /dev/null 2>&1 &"));
}

static void check_killed(const test_daemon *d, const char *id) {
    kill(find_qemu(id), SIGKILL);
    await_no_processes(id);
    reply r;
    while ((r = call(d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"true\"}")).status == 200) reply_free(&r);
    reply_free(&r);
}

/* ---- copies ---- */

/* The same program, in two sandboxes, says different things. */
static void check_differs(const test_daemon *d, const char *one, const char *other, const char *line) {
    char *first = sh(d, one, line), *second = sh(d, other, line);
    CHECK_MSG(*first && strcmp(first, second) != 0, "%s: %s", line, first);
    free(first);
    free(second);
}

/* ---- forks ---- */

/* Has a number of its own in memory, and counts. */
#define COUNTER                                                                                           \
    "v=$(head -c 8 /dev/urandom | od -An -tx1); n=0; while true; do n=$((n+1)); echo $n $v > /root/new; " \
    "mv /root/new /root/count; sleep 0.05; done"
/* Waits for the count to go on. */
#define GOES_ON "n=$(head -c 9 /root/count); while [ \"$(head -c 9 /root/count)\" = \"$n\" ]; do sleep 0.05; done; "
/* Puts out numbers for as long as it is let. */
#define STREAM "i=0; until [ -e /root/stop ]; do i=$((i+1)); echo $i; echo $i > /root/i; done"

static void fork_sandbox(const test_daemon *d, const char *id, const char *body, size_t count, char ids[][40]) {
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

/* A stream that was open meanwhile has all numbers, in order. */
static void check_stream(int fd) {
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

/* What a copy has of the original, and what it has not. */
static void check_copy(const test_daemon *d, const char *id, const char *copy, const char *number) {
    char want[300];
    snprintf(want, sizeof(want), "%s\n%s\n%s\nkept\n", copy, copy, copy);
    CHECK_SH(d, copy, "hostname; echo $WRENN_SANDBOX_ID; cat /etc/hostname /root/file", want);
    CHECK_SH(d, copy, GOES_ON "read n v < /root/count; echo $v", number);
    CHECK_SH(d, copy, "n=$(cat /root/i); while [ \"$(cat /root/i)\" = \"$n\" ]; do sleep 0.05; done", "");
    check_differs(d, id, copy, "cat /proc/sys/kernel/random/uuid");
    check_differs(d, id, copy, "head -c 16 /dev/urandom | od -An -tx1");
    check_differs(d, id, copy, "cat /etc/machine-id");
    CHECK_STATUS(call(d, "DELETE", sandbox_path(copy, "/processes/counter"), NULL), 204);
    CHECK_SH(d, copy, "echo changed > /root/file; touch /root/stop; sync", "");
}

static void begin_counter(const test_daemon *d, const char *id) {
    char body[400];
    snprintf(body, sizeof(body), "{\"cmd\":\"sh\",\"args\":[\"-c\",\"%s\"],\"background\":true,\"tag\":\"counter\"}",
             COUNTER);
    CHECK_STATUS(call(d, "POST", sandbox_path(id, "/exec"), body), 202);
}

/* Two programs, and somebody who hears the second one; the number that the first one has. */
static char *begin_work(const test_daemon *d, const char *id, int *fd) {
    free(sh(d, id, "rm -f /root/stop /root/count /root/i; echo kept > /root/file"));
    begin_counter(d, id);
    *fd = peer_open(d, sandbox_path(id, "/exec/stream"), "");
    peer_say(*fd, "{\"type\":\"start\",\"cmd\":\"sh\",\"args\":[\"-c\",\"" STREAM "\"]}");
    wrn_json_free(peer_expect(*fd, "start"));
    return sh(d, id,
              "until [ -s /root/count ] && [ -s /root/i ]; do sleep 0.05; done; read n v < /root/count; echo $v");
}

/* Copies of a sandbox in which things go on; `id` has a network if `network`. */
static void check_fork(const test_daemon *d, const char *id, bool network) {
    char copies[2][40];
    int fd;
    char *number = begin_work(d, id, &fd);
    fork_sandbox(d, id, "{\"count\":2,\"metadata\":{\"name\":\"copy\"}}", 2, copies);
    CHECK_SH(d, id, GOES_ON "touch /root/stop", "");
    check_stream(fd);
    for (int i = 0; i < 2; i++) check_copy(d, id, copies[i], number);
    check_differs(d, copies[0], copies[1], "cat /proc/sys/kernel/random/uuid");
    CHECK_SH(d, id, GOES_ON "cat /root/file", "kept\n");
    for (int i = 0; i < 2; i++) {
        if (network) CHECK_SH(d, copies[i], "wget -q -O - http://10.0.0.1/ 2> /root/said || echo refused", "refused\n");
        destroy(d, copies[i]);
    }
    CHECK_STATUS(call(d, "DELETE", sandbox_path(id, "/processes/counter"), NULL), 204);
    free(number);
}

/* ---- snapshots ---- */

/* NULL `status`: that may be one or the other by then. */
static void make_snapshot_of(const test_daemon *d, const char *id, const char *name, const char *status) {
    char body[128];
    snprintf(body, sizeof(body), "{\"sandbox_id\":\"%s\",\"name\":\"%s\"}", id, name);
    reply r = call(d, "POST", "/v1/snapshots", body);
    CHECK_MSG(r.status == 201, "%s", r.body);
    CHECK(number(&r, "size_bytes") > 1 << 20);
    reply_free(&r);
    if (status) check_status(d, id, status);
}

static void make_snapshot(const test_daemon *d, const char *id, const char *name) {
    make_snapshot_of(d, id, name, "paused");
}

/* One that goes on where the sandbox, which has a network, was; the sandbox goes on as well. */
static void check_snapshot(const test_daemon *d, const char *id) {
    char copy[40];
    int fd;
    char *had = begin_work(d, id, &fd);
    make_snapshot(d, id, "moment");
    make_snapshot(d, id, "same"); /* of a machine that has not gone on since */
    resume(d, id);
    CHECK_SH(d, id, GOES_ON "echo later > /root/file; touch /root/stop", "");
    check_stream(fd);
    CHECK_STATUS(call(d, "DELETE", "/v1/snapshots/same", NULL), 204);
    make_sandbox(d, "{\"template\":\"moment\"}", copy);
    check_isolation(d, copy);
    CHECK_STATUS(call(d, "DELETE", "/v1/snapshots/moment", NULL), 204);
    CHECK_SH(d, copy, "cat /run/wrenn/network", "{\"egress\":\"none\"}");
    check_copy(d, id, copy, had);
    CHECK_ERROR(call(d, "POST", "/v1/sandboxes", "{\"template\":\"moment\"}"), 404, "not_found");
    destroy(d, copy);
    CHECK_STATUS(call(d, "DELETE", sandbox_path(id, "/processes/counter"), NULL), 204);
    free(had);
}

/* ---- hibernation ---- */

static bool has_qemu(const char *id) {
    char line[128];
    snprintf(line, sizeof(line), "pgrep -f '^/qemu .*-name %s ' > /dev/null", id);
    return system(line) == 0;
}

static void hibernate(const test_daemon *d, const char *id) {
    reply r = call(d, "POST", sandbox_path(id, "/pause"), "{\"hibernate\":true}");
    CHECK_MSG(r.status == 200, "%s", r.body);
    CHECK_STR(member(&r, "status"), "hibernated");
    reply_free(&r);
    CHECK(!has_qemu(id));
}

/* The path of the file with its memory. */
static void state_of(const test_daemon *d, const char *id, char out[300]) {
    snprintf(out, 300, "%s/sandboxes/boxes/%s/state", d->dir, id);
}

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

/* Of the sandbox without a network. */
static void check_snapshot_refusal(const test_daemon *d, const char *id) {
    make_snapshot(d, id, "alone");
    reply r = call(d, "POST", "/v1/sandboxes", "{\"template\":\"alone\",\"network\":{\"egress\":\"public\"}}");
    CHECK_CONTAINS(r.body, "without a network");
    CHECK_ERROR(r, 409, "conflict");
    CHECK_STATUS(call(d, "DELETE", "/v1/snapshots/alone", NULL), 204);
    resume(d, id);
}

/* What has taken one QEMU over has no power over another one. */
static void check_users(const char *one, const char *other) {
    char users[2][64];
    status_of(find_qemu(one), "Uid", users[0], sizeof(users[0]));
    status_of(find_qemu(other), "Uid", users[1], sizeof(users[1]));
    CHECK_MSG(geteuid() != 0 || strcmp(users[0], users[1]) != 0, "%s", users[0]);
}

/* Made of the memory of one machine, and yet not the same. */
static void check_copies(const test_daemon *d) {
    char ids[2][40], want[300];
    await_no_processes("warm-1"); /* it was started with the first sandbox */
    for (int i = 0; i < 2; i++) {
        start_machine(d, ids[i]);
        char line[200];
        snprintf(line, sizeof(line), "pgrep -f '^/qemu .*-name %s .*-incoming' > /dev/null", ids[i]);
        CHECK_INT(system(line), 0);
        snprintf(want, sizeof(want), "%s\n%s\nminimal\n%s\n", ids[i], ids[i], ids[i]);
        CHECK_SH(d, ids[i], "hostname; echo $WRENN_SANDBOX_ID; cat /run/wrenn/template_id /etc/hostname", want);
        char *date = sh(d, ids[i], "date +%s");
        CHECK_MSG(atoll(date) >= (long long)time(NULL) - 60 && atoll(date) <= (long long)time(NULL), "%s", date);
        free(date);
    }
    static const char *const lines[] = {"cat /proc/sys/kernel/random/uuid", "cat /proc/sys/kernel/random/boot_id",
                                        "head -c 16 /dev/urandom | od -An -tx1", "cat /etc/machine-id",
                                        "cat /etc/hosts"};
    for (size_t i = 0; i < WRN_COUNT(lines); i++) check_differs(d, ids[0], ids[1], lines[i]);
    check_users(ids[0], ids[1]);
    check_fork(d, ids[0], false); /* a copy of a copy */
    check_snapshot_refusal(d, ids[0]);
    CHECK_SH(d, ids[0], "echo mine > /root/mine; sync", "");
    CHECK_SH(d, ids[1], "[ -e /root/mine ] || echo none", "none\n");
    check_asleep_ends(d, ids[1]);
    hibernate(d, ids[0]); /* and is destroyed as it is */
    for (int i = 0; i < 2; i++) destroy(d, ids[i]);
}

/* ---- templates ---- */

static void make_template(const char *name, const char *tree, const char *document) {
    char line[1024];
    snprintf(line, sizeof(line),
             "cd %s && mkdir -p templates/%s/%s/root && echo of %s > templates/%s/%s/root/file && "
             "echo '%s' > templates/%s/template.json",
             test_dir(), name, tree, name, name, tree, document, name);
    CHECK_INT(system(line), 0);
}

/* With a user of its own, whose files are not root's, and a service. */
static void build_template(void) {
    char line[600];
    int status;
    const char *const args[] = {"template",
                                "build",
                                "whole",
                                "--dir",
                                machines_path("tree"),
                                "--user",
                                "app",
                                "--start",
                                "exec httpd -f -p 8100 -h $HOME",
                                "--start-port",
                                "8100",
                                "--vm-dir",
                                machines_path("vm"),
                                "--template-dir",
                                machines_path("templates"),
                                NULL};
    snprintf(
        line, sizeof(line),
        "cd %s && cp -a img tree && mkdir -p tree/home/app && echo own > tree/home/app/page && "
        "echo app:x:1000:1000::/home/app:/bin/sh >> tree/etc/passwd && { [ $(id -u) != 0 ] || chown -R 1000:1000 tree/home/app; }",
        test_dir());
    CHECK_INT(system(line), 0);
    char *said = daemon_run(args, &status);
    CHECK_MSG(status == 0, "%s", said);
    free(said);
}

static void remove_of_template(const char *path) {
    char line[500];
    snprintf(line, sizeof(line), "rm -r %s/templates/%s", test_dir(), path);
    CHECK_INT(system(line), 0);
}

/* Of the sandbox, and of the one made from that, `gone` having been removed after the first one. What `line` says stays the same. */
static void check_template_snapshots(const test_daemon *d, char id[40], const char *gone, const char *line,
                                     const char *want) {
    static const char *const names[] = {"first", "second"};
    for (size_t i = 0; i < WRN_COUNT(names); i++) {
        char text[128];
        make_snapshot(d, id, names[i]);
        destroy(d, id);
        if (gone && i == 0) remove_of_template(gone);
        snprintf(text, sizeof(text), "{\"template\":\"%s\"}", names[i]);
        make_sandbox(d, text, id);
        snprintf(text, sizeof(text), "/v1/snapshots/%s", names[i]);
        CHECK_STATUS(call(d, "DELETE", text, NULL), 204);
        CHECK_SH(d, id, line, want);
    }
}

/* A whole root, and its copy; a layer above `minimal`, which was there before the setup; and what has no disk. */
static void check_templates(const test_daemon *d) {
    char id[40], copy[1][40];
    make_sandbox(d, "{\"isolation\":\"vm\",\"template\":\"whole\",\"memory_mb\":256}", id);
    CHECK_SH(
        d, id,
        "id -un; pwd; ls -ln /home/app/page /etc/passwd | { read a b c d e; echo $c $d; read a b c d e; echo $c $d; }",
        "app\n/home/app\n0 0\n1000 1000\n");
    reply r = ask(d, id, 8100, "GET", "/page");
    CHECK_STR(r.body, "own\n");
    reply_free(&r);
    CHECK_SH(d, id, "echo more >> page; echo $WRENN_TEMPLATE_ID", "whole\n");
    fork_sandbox(d, id, "{}", 1, copy);
    CHECK_SH(d, copy[0], "cat page; openssl version | cut -c 1-7", "own\nmore\nOpenSSL\n");
    CHECK_STATUS(ask(d, copy[0], 8100, "GET", "/page"), 200);
    destroy(d, copy[0]);
    check_template_snapshots(d, id, "whole", "id -un; cat page; openssl version | cut -c 1-7",
                             "app\nown\nmore\nOpenSSL\n");
    CHECK_STATUS(ask(d, id, 8100, "GET", "/page"), 200);
    destroy(d, id);
    make_sandbox(d, "{\"isolation\":\"vm\",\"template\":\"above\",\"memory_mb\":256}", id);
    CHECK_SH(d, id, "cat /root/file; id -u user; echo x > /root/file; cat /root/file", "of above\n1000\nx\n");
    remove_of_template("above/disk.squashfs"); /* the machine has it all the same */
    check_template_snapshots(d, id, NULL, "cat /root/file; id -u user; ls /root", "x\n1000\nfile\n");
    destroy(d, id);
    CHECK_ERROR(call(d, "POST", "/v1/sandboxes", "{\"isolation\":\"vm\",\"template\":\"late\"}"), 409, "conflict");
}

static void live(void) {
    test_daemon d;
    char id[40], halted[40];
    machines_need();
    make_ipv6();
    make_template("above", "layer", "{\"base\":\"minimal\"}");
    check_setup();
    make_template("late", "rootfs", "{\"base\":null}");
    build_template();
    start(&d, (const char *[]){"--vm-dir", machines_path("vm"), "--template-dir", machines_path("templates"), "--gate",
                               getenv("WRENN_TEST_GATE"), NULL});
    halt_machine(&d, halted);
    make_sandbox(&d, "{\"disk_mb\":64,\"memory_mb\":256,\"network\":{\"egress\":\"public\"}}", id);
    check_isolation(&d, id);
    check_inside(&d, id);
    check_ports(&d, id);
    check_pause(&d, id);
    check_network(&d, id);
    check_fork(&d, id, true);
    check_snapshot(&d, id);
    check_hibernation(&d, id);
    check_disk(&d, id);
    check_limit(id);
    check_jail(id);
    check_copies(&d);
    check_templates(&d);
    check_killed(&d, id);
    check_ends(&d);
    start_machine(&d, id);
    await_no_processes(halted);
    wait_status(&d, halted, "stopped");
    daemon_stop(&d);
    await_no_processes(id);
}

TEST_AS_BOTH(machines_live_and_end, live)

/* The control of check_copies(): an agent that leaves out the seed makes copies whose random numbers are the same: two of some, for
 * a kernel that has been up for a moment takes up what its devices do every few seconds. */
static void unseeded(void) {
    enum { COPIES = 16 };
    static const char line[] = "cat /etc/machine-id";
    test_daemon d;
    char id[40], *said[COPIES] = {NULL};
    const char *agent = getenv("WRENN_TEST_UNSEEDED");
    bool same = false;
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    CHECK(agent && setenv("WRENN_TEST_AGENT", agent, 1) == 0);
    start(&d, (const char *[]){"--vm-dir", machines_path("vm"), NULL});
    start_machine(&d, id);
    await_no_processes("warm-1");
    destroy(&d, id);
    for (int i = 0; i < COPIES && !same; i++) {
        start_machine(&d, id);
        said[i] = sh(&d, id, line);
        destroy(&d, id);
        for (int j = 0; j < i; j++) same |= strcmp(said[i], said[j]) == 0;
    }
    for (int i = 0; i < COPIES; i++) free(said[i]);
    CHECK(same);
    daemon_stop(&d);
}

TEST_AS_ROOT(copies_without_a_seed_are_the_same, unseeded)

/* ---- without wrennd ---- */

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

static void begin_machine(const test_daemon *d, char id[40], bool network) {
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
    serve(&d, (const char *[]){"--vm-dir", machines_path("vm"), NULL});
    make_sandbox(&d, "{\"isolation\":\"vm\",\"memory_mb\":2048}", id);
    fork_sandbox(&d, id, "{}", 1, copy); /* all memory of the first one is read, and thereby there */
    destroy(&d, id);
    destroy(&d, copy[0]);
    end(&d, SIGTERM, 0);
}

TEST_AS_ROOT(memory_of_machines_is_given_back_while_others_are_served, give_back)

/* ---- the pool ---- */

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

/* One whose machine was there before it was asked for. Until there are such, others. */
static void take_spare(const test_daemon *d, char id[40]) {
    for (bool was_there = false; !was_there;) {
        char *before = machines_now();
        start_machine(d, id);
        was_there = before && strstr(before, id);
        free(before);
        if (!was_there) destroy(d, id);
    }
}

static void await_only(char ids[2][40]) {
    for (int others = 1; others;) {
        char *now = machines_now();
        others = 0;
        for (char *at = now; at && (at = strstr(at, "wrenn-vm /")); at++) others++;
        for (int i = 0; i < 2; i++) others -= now && strstr(now, ids[i]);
        free(now);
        usleep(10000);
    }
}

/* Nobody can tell that it waited: it has names, random numbers and the time of its own. Spares end with wrennd, what was given out does not. */
static void use_pool(void) {
    static const char *const lines[] = {"cat /proc/sys/kernel/random/uuid", "head -c 16 /dev/urandom | od -An -tx1",
                                        "cat /etc/machine-id"};
    test_daemon d;
    char ids[2][40], want[300];
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    const char *const options[] = {"--vm-dir", machines_path("vm"), "--vm-pool", "2", NULL};
    serve(&d, options);
    for (int i = 0; i < 2; i++) {
        take_spare(&d, ids[i]);
        snprintf(want, sizeof(want), "%s\n%s\nminimal\n%s\n", ids[i], ids[i], ids[i]);
        CHECK_SH(&d, ids[i], "hostname; echo $WRENN_SANDBOX_ID; cat /run/wrenn/template_id /etc/hostname", want);
        char *date = sh(&d, ids[i], "date +%s");
        CHECK_MSG(atoll(date) >= (long long)time(NULL) - 60 && atoll(date) <= (long long)time(NULL), "%s", date);
        free(date);
        begin_counter(&d, ids[i]);
        CHECK_SH(&d, ids[i], "until [ -s /root/count ]; do sleep 0.05; done", "");
    }
    for (size_t i = 0; i < WRN_COUNT(lines); i++) check_differs(&d, ids[0], ids[1], lines[i]);
    check_users(ids[0], ids[1]);
    reply r = call(&d, "GET", "/v1/sandboxes?status=running", NULL);
    CHECK_INT(wrn_json_count(r.json), 2);
    reply_free(&r);
    kill(d.pid, SIGKILL);
    daemon_wait(d.pid);
    await_only(ids);
    serve_again(&d, options, ids[0]);
    CHECK_SH(&d, ids[0], GOES_ON, "");
    destroy(&d, ids[0]);
    take_spare(&d, ids[0]);
    end(&d, SIGTERM, 0);
    for (int i = 0; i < 2; i++) await_no_processes(ids[i]);
    await_only(ids);
}

TEST_AS_ROOT(machines_wait_in_a_pool, use_pool)

TEST(machines_are_refused_where_they_are_not_set_up) {
    test_daemon d;
    start(&d, (const char *[]){"--vm-dir", machines_path("none"), NULL});
    reply r = call(&d, "POST", "/v1/sandboxes", "{\"isolation\":\"vm\"}");
    CHECK_INT(r.status, 409);
    CHECK_STR(error_code(&r), "conflict");
    reply_free(&r);
    daemon_stop(&d);
}

TEST_MAIN
