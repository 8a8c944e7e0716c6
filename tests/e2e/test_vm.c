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

#include "base/place.h"
#include "machines.h"
#include "peer.h"
#include "work.h"

/* ---- the setup ---- */

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
    CHECK_SH(d, id, "wget -q -O - http://192.0.0.3/ 2> /dev/null || echo refused", "refused\n");
    reply r = call(d, "GET", sandbox_path(id, "/network"), NULL);
    CHECK_CONTAINS(r.body, "\"address\":\"192.0.0.3\",\"port\":80,\"name\":\"\",\"reason\":\"reserved\"");
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
    /* Half of it at once: an emulated processor takes seconds to write it all. */
    CHECK_SH(d, id, "fallocate -l 32m /root/half", "");
    char *said = sh(d, id, "cat /dev/zero 2>&1 > /root/all || wc -c < /root/all");
    const char *size = strrchr(said, ':');
    CHECK_CONTAINS(said, "No space left on device\n");
    CHECK_MSG(atoll(strchr(size, '\n')) > 0, "%s", said);
    CHECK_MSG(atoll(strchr(size, '\n')) < DISK_MB / 2 << 20, "%s", said);
    free(said);
    CHECK_SH(d, id, "rm /root/all /root/half; echo b > /root/b; cat /root/b", "b\n");
}

/* Of the machine's memory and QEMU's own, where there is a cgroup for it; and of the files that QEMU writes, where they are in
 * memory. */
static void check_limit(const char *id) {
    enum { MEMORY_MB = 256, QEMU_MB = 192 };
    char line[512], text[64] = "";
    bool in_memory = wrn_place_memory_bytes(test_dir()) > 0;
    long long limit_mb = MEMORY_MB + QEMU_MB + (in_memory ? DISK_MB + MEMORY_MB : 0);
    snprintf(line, sizeof(line),
             "find /sys/fs/cgroup -path '*%s/memory.max' -o -path '*%s/memory.limit_in_bytes' 2> /dev/null | "
             "head -n 1 | xargs -r cat",
             id, id);
    FILE *from = popen(line, "r");
    CHECK(from != NULL);
    bool has_limit = fgets(text, sizeof(text), from) != NULL;
    pclose(from);
    CHECK(has_limit || geteuid() != 0);
    if (has_limit) CHECK_INT(atoll(text), limit_mb << 20);
}

/* ---- how QEMU is kept in ---- */

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

/* ---- forks ---- */

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
    CHECK_SH(d, copy, "grep -o public /run/wrenn/network", "public\n"); /* as the snapshot keeps it */
    destroy(d, copy);
    make_sandbox(d, "{\"template\":\"moment\",\"network\":{\"egress\":\"none\"}}", copy);
    check_isolation(d, copy);
    CHECK_STATUS(call(d, "DELETE", "/v1/snapshots/moment", NULL), 204);
    CHECK_SH(d, copy, "cat /run/wrenn/network", "{\"egress\":\"none\"}");
    check_copy(d, id, copy, had);
    CHECK_ERROR(call(d, "POST", "/v1/sandboxes", "{\"template\":\"moment\"}"), 404, "not_found");
    destroy(d, copy);
    CHECK_STATUS(call(d, "DELETE", sandbox_path(id, "/processes/counter"), NULL), 204);
    free(had);
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

/* Made of the memory of one machine, and yet not the same. */
static void check_copies(const test_daemon *d) {
    char ids[2][40], want[300];
    await_warm(); /* it was started with the first sandbox */
    for (int i = 0; i < 2; i++) {
        start_machine(d, ids[i]);
        CHECK(is_copy(ids[i]));
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
 * a kernel that has been up for a moment takes up what its devices do every few seconds, and more of it on a busy machine. */
static void unseeded(void) {
    enum { COPIES = 48 };
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
    await_warm();
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

/* Until the agent is there; afterwards they end, before another agent says that it has started. */
static void start_again(void) {
    test_daemon d;
    char id[40];
    const char *agent = getenv("WRENN_TEST_AGAIN");
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    CHECK(agent && setenv("WRENN_TEST_AGENT", agent, 1) == 0);
    serve(&d, (const char *[]){"--vm-dir", machines_path("vm"), "--isolation", "vm", "--vm-warm", "0", NULL});
    start_machine(&d, id);
    CHECK_SH(&d, id, "ls -A /root", ".been\n");
    CHECK_ERROR(
        call(&d, "POST", sandbox_path(id, "/exec"), "{\"cmd\":\"sh\",\"args\":[\"-c\",\"reboot -f; sleep 60\"]}"), 502,
        "agent_error");
    await_no_processes(id);
    wait_status(&d, id, "stopped");
    CHECK_INT(system("grep -qE 'its agent is gone .(it ended|its channel broke)' " TEST_LOG), 0);
    end(&d, SIGTERM, 0);
}

TEST_AS_ROOT(machines_may_start_again_before_they_have_begun, start_again)

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
