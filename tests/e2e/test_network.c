/* The network of sandboxes: a real wrennd with real gates, in a network of the test's own, in which a server stands outside. */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "machines.h"
#include "work.h"

#define OUTSIDE "203.0.113.10"
#define OUTSIDE_SIX "2001:db8:1::10"
#define PACKAGES "http://good.example:8001"
enum { KILLED = 128 + SIGKILL };

/* ---- the network ---- */

static void run_ip(const char *words) {
    char line[256];
    snprintf(line, sizeof(line), "ip %s", words);
    CHECK_MSG(system(line) == 0, "%s", line);
}

static void put_over(const char *path, const char *name, const char *text) {
    char own[200];
    snprintf(own, sizeof(own), "%s/%s", test_dir(), name);
    int fd = open(own, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    CHECK(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text) && close(fd) == 0);
    CHECK_MSG(mount(own, path, NULL, MS_BIND, NULL) == 0, "%s: %s", path, strerror(errno));
}

/* Starts the server of https.py, which ends with us. */
static bool serve_https(void) {
    int up[2];
    char dir[300], fd[16], word;
    snprintf(dir, sizeof(dir), "%s", test_dir());
    if (pipe(up) != 0) return false;
    snprintf(fd, sizeof(fd), "%d", up[1]);
    pid_t pid = fork();
    if (pid == 0) {
        close(up[0]);
        execl("/usr/bin/python3", "/usr/bin/python3", HTTPS_PY, dir, "serve", fd, NULL);
        _exit(127);
    }
    close(up[1]);
    bool listens = read(up[0], &word, 1) == 1;
    close(up[0]);
    return pid > 0 && listens;
}

static void make_certificates(void) {
    char line[600];
    snprintf(line, sizeof(line), "/usr/bin/python3 %s %s make", HTTPS_PY, test_dir());
    CHECK_MSG(system(line) == 0, "%s", line);
}

/* Says a word to all who connect, and then keeps the connection. */
_Noreturn static void serve_outside(int ready, int go, bool packages) {
    const struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(8000)}; /* and of version 4 */
    char word;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWNET) != 0 || write(ready, "", 1) != 1 || read(go, &word, 1) != 1) _exit(1);
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (system("ip addr add " OUTSIDE "/24 dev out0 && ip addr add 203.0.113.11/24 dev out0 && "
               "ip addr add " OUTSIDE_SIX "/64 dev out0 nodad && ip link set out0 up") != 0 ||
        bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 || listen(fd, 64) != 0 || !serve_https() ||
        write(ready, "", 1) != 1)
        _exit(1);
    if (packages && fork() == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(ready, STDOUT_FILENO);
        execl("/usr/bin/python3", "/usr/bin/python3", WORLD_PY, "serve", PACKAGES, NULL);
        _exit(127);
    }
    for (;;) {
        int peer = accept(fd, NULL, NULL);
        if (peer >= 0) (void)!write(peer, "hello\n", 6);
    }
}

/* Before the test becomes an ordinary user. Everything goes with the processes of the test. */
static void make_network_with(bool packages) {
    int ready[2], go[2];
    char word, line[128];
    if (geteuid() != 0) test_skip("not run as root");
    if (system("ip -V > /dev/null 2>&1") != 0) test_skip("there is no ip: install iproute2");
    CHECK(unshare(CLONE_NEWNET | CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
    put_over("/etc/hosts", "hosts",
             "127.0.0.1 localhost\n" OUTSIDE " good.example sub.good.example two.example\n" OUTSIDE_SIX
             " two.example\n203.0.113.11 bad.example\n");
    make_certificates();
    CHECK(pipe2(ready, O_CLOEXEC) == 0 && pipe2(go, O_CLOEXEC) == 0);
    pid_t pid = fork();
    if (pid == 0) serve_outside(ready[1], go[0], packages);
    close(ready[1]); /* so that its end is noticed */
    CHECK(pid > 0 && read(ready[0], &word, 1) == 1);
    run_ip("link set lo up");
    snprintf(line, sizeof(line), "link add host0 type veth peer name out0 netns %d", (int)pid);
    run_ip(line);
    run_ip("addr add 203.0.113.1/24 dev host0");
    run_ip("addr add 2001:db8:1::1/64 dev host0 nodad");
    run_ip("link set host0 up");
    run_ip("-6 route add default via " OUTSIDE_SIX);
    CHECK(write(go[1], "", 1) == 1 && read(ready[0], &word, 1) == 1);
    if (packages) CHECK_MSG(read(ready[0], &word, 1) == 1, "the packages could not be made");
}

static void make_network(void) { make_network_with(false); }

/* As TEST_AS_BOTH, in that network. */
#define TEST_IN(make, ident, run)         \
    TEST_SLOW(ident##_as_root) {          \
        make();                           \
        run();                            \
    }                                     \
    TEST_SLOW(ident##_as_ordinary_user) { \
        make();                           \
        test_become_ordinary_user();      \
        run();                            \
    }
#define TEST_WITH_NETWORK(ident, run) TEST_IN(make_network, ident, run)

/* `again`: the sandbox that goes on; NULL: there is none. */
static void serve_network(test_daemon *d, const char *again) {
    const char *const extra[] = {"--gate", getenv("WRENN_TEST_GATE"), "--on-stop", "keep", NULL};
    if (again) serve_again(d, extra, again);
    else serve(d, extra);
}

/* ---- what is done inside ---- */

/* What the server says, or the name of the error. */
static char *reach(const test_daemon *d, const char *id, const char *host) {
    char line[512];
    snprintf(line, sizeof(line),
             "python3 -c \"\nimport socket, errno\ntry: print(socket.create_connection(('%s', 8000), 10).recv(9))\n"
             "except socket.gaierror as e: print('no name')\nexcept OSError as e: print(errno.errorcode[e.errno])\"",
             host);
    return sh(d, id, line);
}

/* `got` is freed. */
#define CHECK_SAID(got, want)       \
    do {                            \
        char *got_ = (got);         \
        CHECK_STR(got_, want "\n"); \
        free(got_);                 \
    } while (0)
#define CHECK_REACH(d, id, host, want) CHECK_SAID(reach(d, id, host), want)
#define HELLO "b'hello\\n'"

static reply look(const test_daemon *d, const char *id) {
    reply r = call(d, "GET", sandbox_path(id, "/network"), NULL);
    CHECK_MSG(r.status == 200, "%s", r.body);
    return r;
}

static reply set_policy(const test_daemon *d, const char *id, const char *policy) {
    reply r = call(d, "PUT", sandbox_path(id, "/network"), policy);
    CHECK_MSG(r.status == 200, "%s", r.body);
    return r;
}

/* The audit log has the totals of what had a network, when it has ended, and of nothing else. `used`: what it was used for. */
static void check_totals(const char *id, const char *alone, const reply *used) {
    static char log[64 << 10];
    char path[300], want[200];
    snprintf(path, sizeof(path), "%s/data/audit.log", test_dir());
    CHECK(wrn_file_read(path, log, sizeof(log)) > 0);
    snprintf(want, sizeof(want),
             "\"sandbox\":\"%s\",\"bytes_in\":%lld,\"bytes_out\":%lld,\"connections\":%lld,\"dns_queries\":%lld,"
             "\"denied\":%lld}",
             id, (long long)number(used, "bytes_in"), (long long)number(used, "bytes_out"),
             (long long)number(used, "connections"), (long long)number(used, "dns_queries"),
             (long long)number(used, "denied_total"));
    const char *totals = strstr(log, "\"what\":\"network\"");
    CHECK_CONTAINS(totals ? totals : "", want);
    snprintf(want, sizeof(want), "\"sandbox\":\"%s\"", alone);
    CHECK(!strstr(totals, want));
}

/* ---- policies ---- */

/* Programs see all of one that takes more than a frame to the agent. */
static void check_long(const test_daemon *d) {
    enum { ENTRIES = 256, LABELS = 4, LABEL = 62 };
    WRN_AUTO(wrn_buf_free) wrn_buf body = WRN_BUF_INIT;
    char id[40], want[32];
    wrn_buf_puts(&body, "{\"network\":{\"allow\":[");
    for (int i = 0; i < ENTRIES; i++) {
        wrn_buf_printf(&body, "%s\"n%03d", i ? "," : "", i);
        for (int at = 4; at < LABELS * (LABEL + 1) - 1; at++)
            wrn_buf_putc(&body, at % (LABEL + 1) == LABEL ? '.' : 'n');
        wrn_buf_puts(&body, ":65535/tcp\"");
    }
    wrn_buf_puts(&body, "]}}");
    make_sandbox(d, body.data, id);
    reply r = look(d, id);
    WRN_AUTO(wrn_buf_free) wrn_buf policy = WRN_BUF_INIT;
    wrn_json_write(wrn_json_get(r.json, "allow"), &policy);
    CHECK(policy.size > 1 << 16);
    snprintf(want, sizeof(want), "%zu\n", policy.size);
    CHECK_SH(d, id, "grep -o '\\[\"n.*/tcp\"\\]' /run/wrenn/network | tr -d '\\n' | wc -c", want);
    reply_free(&r);
    destroy(d, id);
}

static void policies(void) {
    test_daemon d = {0};
    char id[40], alone[40];
    serve_network(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"good.example\"]}}", id);
    make_sandbox(&d, "{}", alone);
    CHECK_REACH(&d, id, "good.example", HELLO);
    CHECK_REACH(&d, id, "bad.example", "no name");
    CHECK_REACH(&d, id, "sub.good.example", "no name");
    CHECK_REACH(&d, id, "203.0.113.1", "EHOSTUNREACH"); /* this machine */
    CHECK_REACH(&d, id, "127.0.0.1", "ECONNREFUSED");   /* the sandbox's own */
    CHECK_REACH(&d, id, "169.254.169.254", "EHOSTUNREACH");
    CHECK_REACH(&d, id, "fe80::1%eth0", "EACCES");
    CHECK_REACH(&d, id, "192.0.0.3", "EHOSTUNREACH"); /* beside the gate's */
    CHECK_REACH(&d, id, "fd77:7265:6e6e::3", "EACCES");
    CHECK_REACH(&d, alone, OUTSIDE, "ENETUNREACH");
    CHECK_SH(&d, id, "cat /run/wrenn/network",
             "{\"egress\":\"allowlist\",\"allow\":[\"good.example\"],\"deny\":[],\"presets\":[]}");
    reply r = look(&d, id);
    CHECK_STR(member(&r, "gate"), "running");
    CHECK(number(&r, "connections") == 1 && number(&r, "bytes_in") >= 6 && number(&r, "denied_total") >= 4);
    CHECK_CONTAINS(r.body, "\"name\":\"bad.example\",\"reason\":\"name-not-allowed\"");
    CHECK_CONTAINS(r.body, "\"address\":\"169.254.169.254\",\"port\":8000,\"name\":\"\",\"reason\":\"metadata\"");
    /* By the gate, at once: nobody waits in vain for a neighbour. */
    CHECK_CONTAINS(r.body, "\"address\":\"fe80::1\",\"port\":8000,\"name\":\"\",\"reason\":\"link-local\"");
    CHECK_CONTAINS(r.body, "\"address\":\"192.0.0.3\",\"port\":8000,\"name\":\"\",\"reason\":\"reserved\"");
    CHECK_CONTAINS(r.body, "\"address\":\"fd77:7265:6e6e::3\",\"port\":8000,\"name\":\"\",\"reason\":\"reserved\"");
    reply_free(&r);
    r = call(&d, "GET", sandbox_path(id, ""), NULL);
    CHECK_CONTAINS(r.body, "\"network\":\"filtered\"");
    reply_free(&r);
    r = set_policy(&d, id, "{\"egress\":\"public\",\"deny\":[\"good.example\"]}");
    reply_free(&r);
    CHECK_REACH(&d, id, "good.example", "no name");
    CHECK_REACH(&d, id, "bad.example", HELLO);
    CHECK_SH(&d, id, "stat -c %a:%u /run/wrenn/network; cat /run/wrenn/network",
             "644:0\n{\"egress\":\"public\",\"allow\":[],\"deny\":[\"good.example\"],\"presets\":[]}");
    r = call(&d, "PUT", sandbox_path(alone, "/network"), "{\"egress\":\"public\"}");
    CHECK_CONTAINS(error_message(&r), "wrenn create --allow"); /* the remedy */
    CHECK_ERROR(r, 409, "conflict");
    check_long(&d);
    r = look(&d, id);
    destroy(&d, id);
    destroy(&d, alone);
    end(&d, SIGTERM, 0);
    check_totals(id, alone, &r);
    reply_free(&r);
}

/* A connection that the next policy forbids is cut, and only then. */
static void cut(void) {
    test_daemon d = {0};
    char id[40];
    serve_network(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"egress\":\"public\"}}", id);
    CHECK_SH(&d, id,
             "mkfifo /tmp/ready; python3 -c \"\nimport socket\ns = socket.create_connection(('" OUTSIDE
             "', 8000)); s.recv(9)\nopen('/tmp/ready', 'w').close()\ntry: s.recv(9); e = 'end'\n"
             "except OSError as x: e = x.errno\nprint(e, file=open('/tmp/how', 'w'))\n"
             "open('/tmp/ready', 'w').close()\" > /tmp/log 2>&1 & cat /tmp/ready",
             "");
    reply r = set_policy(&d, id, "{\"allow\":[\"203.0.113.0/24:8000\"]}");
    CHECK_INT(number(&r, "cut"), 0);
    reply_free(&r);
    r = set_policy(&d, id, "{\"allow\":[\"good.example\"]}");
    CHECK_INT(number(&r, "cut"), 1);
    reply_free(&r);
    CHECK_SH(&d, id, "cat /tmp/ready; cat /tmp/how /tmp/log", "104\n");
    destroy(&d, id);
    end(&d, SIGTERM, 0);
}

/* ---- its life ---- */

#define SHOWN "grep -o '\\[\"[a-z.]*\"\\]' /run/wrenn/network"

static void goes_on(void) {
    test_daemon d = {0};
    char id[40];
    serve_network(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"good.example\"]}}", id);
    CHECK_REACH(&d, id, "good.example", HELLO);
    end(&d, SIGKILL, KILLED);
    serve_network(&d, id);
    CHECK_REACH(&d, id, "good.example", HELLO);
    CHECK_REACH(&d, id, "bad.example", "no name");
    reply r = look(&d, id);
    CHECK_INT(number(&r, "connections"), 2); /* counted by the same gate */
    reply_free(&r);
    CHECK_STATUS(call(&d, "POST", sandbox_path(id, "/pause"), NULL), 200);
    r = set_policy(&d, id, "{\"allow\":[\"bad.example\"]}");
    reply_free(&r);
    end(&d, SIGTERM, 0);
    serve_network(&d, id);
    resume(&d, id);
    CHECK_REACH(&d, id, "bad.example", HELLO);
    CHECK_REACH(&d, id, "good.example", "no name");
    CHECK_SH(&d, id, SHOWN, "[\"bad.example\"]\n");
    r = set_policy(&d, id, "{\"allow\":[\"good.example\"]}");
    reply_free(&r);
    CHECK_SH(&d, id, "rm /run/wrenn/network", "");
    end(&d, SIGTERM, 0);
    serve_network(&d, id);
    CHECK_SH(&d, id, "until test -s /run/wrenn/network; do :; done; " SHOWN, "[\"good.example\"]\n");
    destroy(&d, id);
    r = look(&d, id);
    CHECK_CONTAINS(r.body, "\"allow\":[\"good.example\"]");
    reply_free(&r);
    end(&d, SIGTERM, 0);
}

static void snapshots(void) {
    test_daemon d = {0};
    char id[40];
    serve_network(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"good.example\"]}}", id);
    snap(&d, id, "net");
    resume(&d, id);
    CHECK_REACH(&d, id, "good.example", HELLO); /* it keeps its policy */
    CHECK_REACH(&d, id, "bad.example", "no name");
    destroy(&d, id);
    make_from(&d, "net", id);
    CHECK_REACH(&d, id, "good.example", HELLO); /* and so does what is made from its snapshot */
    CHECK_REACH(&d, id, "bad.example", "no name");
    destroy(&d, id);
    make_sandbox(&d, "{\"template\":\"net\",\"network\":{\"egress\":\"none\"}}", id);
    CHECK_REACH(&d, id, OUTSIDE, "ENETUNREACH"); /* unless its create says something else */
    CHECK_SH(&d, id, "cat /run/wrenn/network", "{\"egress\":\"none\"}");
    destroy(&d, id);
    make_sandbox(&d, "{\"template\":\"net\",\"network\":{\"allow\":[\"bad.example\"]}}", id);
    CHECK_REACH(&d, id, "bad.example", HELLO);
    CHECK_REACH(&d, id, "good.example", "no name");
    destroy(&d, id);
    end(&d, SIGTERM, 0);
    serve(&d, (const char *[]){"--gate", getenv("WRENN_TEST_GATE"), "--egress-max", "none", NULL});
    reply r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"net\"}");
    CHECK_INT(r.status, 409);
    CHECK_CONTAINS(r.body, "of the snapshot \\\"net\\\" can't be had: sandboxes here have at most");
    reply_free(&r);
    make_sandbox(&d, "{\"template\":\"net\",\"network\":{\"egress\":\"none\"}}", id);
    destroy(&d, id);
    end(&d, SIGTERM, 0);
}

/* The service of a template is in the same network as the commands. */
static void services(void) {
    static const char program[] =
        "import os, socket\n"
        "try: os.mkfifo('/tmp/said')\n"
        "except FileExistsError: pass\n"
        "def reach(host):\n"
        "    try: return socket.create_connection((host, 8000), 10).recv(9).decode().strip()\n"
        "    except OSError: return 'none'\n"
        "said = reach('good.example') + ' ' + reach('bad.example')\n"
        "open('/tmp/said', 'w').write(said)\n";
    test_daemon d = {0};
    char id[40], line[256];
    snprintf(line, sizeof(line), "mkdir -p %s/data/templates/caller/layer/srv", test_dir());
    CHECK(system(line) == 0);
    snprintf(line, sizeof(line), "%s/data/templates/caller/layer/srv/call.py", test_dir());
    CHECK(wrn_file_write(AT_FDCWD, line, O_CREAT, program, strlen(program)));
    static const char template[] = "{\"base\":\"minimal\",\"start\":[\"python3\",\"/srv/call.py\"]}";
    snprintf(line, sizeof(line), "%s/data/templates/caller/template.json", test_dir());
    CHECK(wrn_file_write(AT_FDCWD, line, O_CREAT, template, strlen(template)));
    serve_network(&d, NULL);
    make_sandbox(&d, "{\"template\":\"caller\",\"network\":{\"allow\":[\"good.example\"]}}", id);
    CHECK_SH(&d, id, "mkfifo /tmp/said 2> /dev/null || :; cat /tmp/said", "hello none");
    snap(&d, id, "calls");
    destroy(&d, id);
    make_from(&d, "calls", id);
    CHECK_SH(&d, id, "cat /tmp/said", "hello none");
    destroy(&d, id);
    make_sandbox(&d, "{\"template\":\"calls\",\"network\":{\"allow\":[\"bad.example\"]}}", id);
    CHECK_SH(&d, id, "cat /tmp/said", "none hello");
    destroy(&d, id);
    end(&d, SIGTERM, 0);
}

enum { GATES_MAX = 8 };

/* The processes of that name in this network, which is the test's own. As root only: others may not look. */
static size_t find_processes(const char *wanted, pid_t out[GATES_MAX]) {
    char own[64] = "", there[64], path[300], name[32];
    size_t found = 0;
    CHECK(readlink("/proc/self/ns/net", own, sizeof(own) - 1) > 0);
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && found < GATES_MAX && (entry = readdir(proc));) {
        snprintf(path, sizeof(path), "/proc/%.20s/ns/net", entry->d_name);
        ssize_t size = readlink(path, there, sizeof(there) - 1);
        if (atoi(entry->d_name) <= 0 || size <= 0 || strncmp(there, own, (size_t)size) != 0) continue;
        snprintf(path, sizeof(path), "/proc/%.20s/comm", entry->d_name);
        FILE *file = fopen(path, "re");
        if (file && fgets(name, sizeof(name), file) && strcmp(name, wanted) == 0) out[found++] = atoi(entry->d_name);
        if (file) fclose(file);
    }
    if (proc) closedir(proc);
    return found;
}

static size_t find_gates(pid_t out[GATES_MAX]) { return find_processes("(wrenn-gate)\n", out); }

static void kill_and_wait(pid_t gate) {
    CHECK(kill(gate, SIGKILL) == 0);
    while (kill(gate, 0) == 0) sched_yield(); /* until wrennd has seen it */
}

TEST_SLOW(a_killed_gate_is_replaced_and_none_is_left_as_root) {
    test_daemon d = {0};
    char id[40];
    pid_t gates[GATES_MAX];
    make_network();
    serve_network(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"good.example\",\"" OUTSIDE_SIX "\"]}}", id);
    CHECK_REACH(&d, id, "good.example", HELLO);
    CHECK_INT(find_gates(gates), 1);
    kill_and_wait(gates[0]);
    CHECK_REACH(&d, id, "good.example", HELLO);
    CHECK_INT(system("grep -qF 'its gate has ended (it was killed' " TEST_LOG), 0);
    reply r = look(&d, id);
    CHECK_STR(member(&r, "gate"), "running");
    CHECK_INT(number(&r, "connections"), 2); /* what the last one counted is not lost */
    reply_free(&r);
    end(&d, SIGKILL, KILLED);
    serve_network(&d, id);
    while (find_gates(gates) != 1) sched_yield();
    pid_t old = gates[0];
    CHECK(kill(old, SIGKILL) == 0);
    while (find_gates(gates) == 1 && gates[0] == old) sched_yield();
    CHECK_REACH(&d, id, OUTSIDE_SIX, HELLO); /* the next wrennd starts it as the last one did */
    destroy(&d, id);
    end(&d, SIGTERM, 0);
    while (find_gates(gates)) sched_yield();
    serve_network(&d, NULL);
    make_sandbox(&d, "{}", id);
    CHECK_INT(find_gates(gates), 0); /* none is started for nothing */
    destroy(&d, id);
    end(&d, SIGTERM, 0);
}

/* The groups of a process that are a sandbox's: all of them, or those with that controller. */
static bool is_counted(pid_t process, const char *id, const char *controller) {
    char path[64], line[512];
    bool found = false;
    snprintf(path, sizeof(path), "/proc/%d/cgroup", (int)process);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof(line), file)) found = found || (strstr(line, id) && strstr(line, controller));
    if (file) fclose(file);
    return found;
}

TEST_SLOW(gates_are_counted_with_their_sandboxes_and_not_frozen_as_root) {
    test_daemon d = {0};
    char first[40], next[40];
    pid_t gates[GATES_MAX];
    make_network();
    serve_network(&d, NULL);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"good.example\"]}}", first);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"bad.example\"]}}", next);
    CHECK_REACH(&d, next, "bad.example", HELLO);
    CHECK_REACH(&d, next, "good.example", "no name");
    CHECK_REACH(&d, first, "good.example", HELLO);
    CHECK_INT(find_gates(gates), 2);
    reply r = call(&d, "GET", sandbox_path(next, ""), NULL);
    bool has_groups = strstr(r.body, "\"memory\":\"enforced\"");
    reply_free(&r);
    for (int i = 0; has_groups && i < 2; i++) CHECK(is_counted(gates[i], first, "") || is_counted(gates[i], next, ""));
    CHECK_STATUS(call(&d, "POST", sandbox_path(next, "/pause"), NULL), 200);
    for (int i = 0; i < 2; i++) CHECK(!is_counted(gates[i], next, "freezer"));
    r = set_policy(&d, next, "{\"allow\":[\"good.example\"]}"); /* it is not frozen, but answers */
    reply_free(&r);
    resume(&d, next);
    CHECK_REACH(&d, next, "good.example", HELLO);
    destroy(&d, first);
    destroy(&d, next);
    end(&d, SIGTERM, 0);
}

/* ---- secrets ---- */

#define VALUE "s3cret-value"
#define INJECT "\"inject\":[{\"host\":\"good.example\",\"header\":\"Authorization\",\"secret\":\"api\"}]"

static void set_secret(const test_daemon *d, const char *value) {
    char body[200];
    snprintf(body, sizeof(body), "{\"value\":\"%s\"}", value);
    reply r = call(d, "PUT", "/v1/secrets/api", body);
    CHECK_MSG(r.status == 200 && !strstr(r.body, value), "%s", r.body);
    reply_free(&r);
}

/* What the server of https.py has seen, or the status of another answer, or the error. */
static char *fetch(const test_daemon *d, const char *id, const char *host) {
    char line[600];
    snprintf(
        line, sizeof(line),
        "python3 -c \"\nimport urllib.request as u\nr = u.Request('https://%s/', headers={'Authorization': 'mine'})\n"
        "try: print(u.urlopen(r, timeout=20).read().decode())\n"
        "except u.HTTPError as e: print(e.code, e.read().decode().strip())\nexcept OSError as e: print(e)\"",
        host);
    return sh(d, id, line);
}

#define CHECK_FETCH(d, id, host, want)   \
    do {                                 \
        char *got_ = fetch(d, id, host); \
        CHECK_CONTAINS(got_, want);      \
        free(got_);                      \
    } while (0)

/* Until the process that adds headers is there again. */
static void await_fetch(const test_daemon *d, const char *id) {
    for (bool right = false; !right;) {
        char *got = fetch(d, id, "good.example");
        right = strstr(got, "right");
        free(got);
    }
}

static void serve_secrets(test_daemon *d) {
    char trusted[300];
    snprintf(trusted, sizeof(trusted), "%s/ca.pem", test_dir());
    serve(d, (const char *[]){"--gate", getenv("WRENN_TEST_GATE"), "--gate-tls", getenv("WRENN_TEST_GATE_TLS"),
                              "--egress-ca", trusted, "--on-stop", "keep", "--vm-dir", machines_path("vm"), NULL});
}

static void secrets(void) {
    test_daemon d = {0};
    char id[40], other[40], line[400];
    serve_secrets(&d);
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"network\":{" INJECT "}}"), 409, "conflict");
    CHECK_ERROR(call(&d, "PUT", "/v1/secrets/api", "{\"value\":\"a\\nb: c\"}"), 400, "invalid_request");
    CHECK_ERROR(call(&d, "PUT", "/v1/secrets/-", "{\"value\":\"a\"}"), 400, "invalid_request");
    set_secret(&d, "Bearer " VALUE);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"bad.example\"]," INJECT "}}", id);
    CHECK_FETCH(&d, id, "good.example", "right");
    CHECK_SH(&d, id, "! command -v curl > /dev/null || curl -sS https://good.example/ | grep -q right", "");
    CHECK_FETCH(&d, id, "bad.example", "certificate"); /* its own, which this sandbox does not trust */
    /* It is nowhere inside, in no answer, and in no file. */
    CHECK_SH(
        &d, id,
        "{ grep -rls 's3cret-v[a]lue' /proc/[0-9]*/environ /proc/[0-9]*/cmdline /etc /run /root /tmp; env | grep 's3cret-v[a]lue'; } || true",
        "");
    reply r = call(&d, "GET", "/v1/secrets", NULL);
    CHECK(r.status == 200 && !strstr(r.body, VALUE));
    CHECK_CONTAINS(r.body, "\"name\":\"api\"");
    reply_free(&r);
    r = look(&d, id);
    CHECK(!strstr(r.body, VALUE));
    CHECK_CONTAINS(r.body, INJECT);
    reply_free(&r);
    snprintf(line, sizeof(line), "! grep -rqsa %s %s/data && test $(stat -c %%a %s/data/secrets.key) = 600", VALUE,
             test_dir(), test_dir());
    CHECK_MSG(system(line) == 0, "%s", line);
    /* Changes reach it. */
    set_secret(&d, "other");
    CHECK_FETCH(&d, id, "good.example", "wrong");
    CHECK_STATUS(call(&d, "DELETE", "/v1/secrets/api", NULL), 204);
    CHECK_FETCH(&d, id, "good.example", "502 wrenn: a secret");
    set_secret(&d, "Bearer " VALUE);
    CHECK_FETCH(&d, id, "good.example", "right");
    end(&d, SIGKILL, KILLED);
    serve_secrets(&d);
    await_fetch(&d, id);
    r = set_policy(&d, id, "{\"allow\":[\"good.example\"]}");
    reply_free(&r);
    CHECK_FETCH(&d, id, "good.example", "certificate");
    r = set_policy(&d, id, "{" INJECT "}");
    reply_free(&r);
    CHECK_FETCH(&d, id, "good.example", "right");
    const char *const processes[] = {"(gate-tls)\n", "(wrenn-gate)\n"};
    for (size_t i = 0; geteuid() == 0 && i < WRN_COUNT(processes); i++) {
        pid_t found[GATES_MAX];
        size_t count = find_processes(processes[i], found);
        CHECK(count > 0);
        while (count) kill_and_wait(found[--count]);
        await_fetch(&d, id);
    }
    /* Its authority is its own. */
    snap(&d, id, "trusting");
    resume(&d, id);
    make_sandbox(&d, "{\"template\":\"trusting\",\"network\":{\"egress\":\"none\"}}", other);
    CHECK_SH(&d, other, "grep -c 'Added for this sandbox' /etc/ssl/certs/ca-certificates.crt || true", "0\n");
    CHECK_SH(&d, id, "grep -c 'Added for this sandbox' /etc/ssl/certs/ca-certificates.crt", "1\n");
    destroy(&d, other);
    make_from(&d, "trusting", other);
    CHECK_FETCH(&d, other, "good.example", "right");
    char *first = sh(&d, id, "tail -3 /etc/ssl/certs/ca-certificates.crt");
    char *second = sh(&d, other, "tail -3 /etc/ssl/certs/ca-certificates.crt");
    CHECK(strcmp(first, second) != 0);
    free(first);
    free(second);
    destroy(&d, other);
    CHECK_STATUS(call(&d, "DELETE", "/v1/secrets/api", NULL), 204);
    r = call(&d, "POST", "/v1/sandboxes", "{\"template\":\"trusting\"}");
    CHECK_INT(r.status, 409);
    CHECK_CONTAINS(r.body, "there is no secret \\\"api\\\"");
    reply_free(&r);
    make_sandbox(&d, "{\"network\":{\"allow\":[\"bad.example\"]}}", other);
    CHECK_ERROR(call(&d, "PUT", sandbox_path(other, "/network"), "{" INJECT "}"), 409, "conflict");
    destroy(&d, other);
    destroy(&d, id);
    pid_t left[GATES_MAX];
    while (find_processes("(gate-tls)\n", left)) sched_yield();
    end(&d, SIGTERM, 0);
}

static void make_machine(const test_daemon *d, const char *policy, char id[40]) {
    char body[300];
    snprintf(body, sizeof(body), "{\"isolation\":\"vm\",\"memory_mb\":256,\"network\":{%s}}", policy);
    make_sandbox(d, body, id);
}

/* Of one like that, which may be being made yet. */
static void make_copy(const test_daemon *d, const char *policy, char id[40]) {
    await_warm();
    make_machine(d, policy, id);
    for (int left = 20; !is_copy(id); left--) {
        CHECK(left > 0);
        destroy(d, id);
        make_machine(d, policy, id);
    }
}

/* At once, unless it has ended when it had just begun: nobody is told that its hosts are closed. */
TEST_SLOW(what_adds_headers_is_there_again_at_once_as_root) {
    enum { YOUNG_US = 1000000 };
    test_daemon d = {0};
    char id[40];
    pid_t found[GATES_MAX];
    make_network();
    serve_secrets(&d);
    set_secret(&d, "Bearer " VALUE);
    make_sandbox(&d, "{\"network\":{" INJECT "}}", id);
    CHECK_FETCH(&d, id, "good.example", "right");
    for (int64_t since = wrn_now_us(); wrn_now_us() - since < YOUNG_US;) sched_yield();
    CHECK_INT(find_processes("(gate-tls)\n", found), 1);
    kill_and_wait(found[0]);
    CHECK_FETCH(&d, id, "good.example", "right");
    destroy(&d, id);
    end(&d, SIGTERM, 0);
}

/* The same in a virtual machine that boots, in a copy of it, and in one of another machine, which trusted nobody. */
static void machine_secrets(void) {
    static const char line[] =
        "printf 'GET / HTTP/1.1\\r\\nHost: good.example\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -quiet "
        "-verify_return_error -CAfile $SSL_CERT_FILE -servername good.example -connect good.example:443 2>&1 || true";
    test_daemon d = {0};
    char id[40], copy[40], other[40];
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    serve_secrets(&d);
    set_secret(&d, "Bearer " VALUE);
    make_machine(&d, INJECT, id);
    make_copy(&d, INJECT, other);
    reply r = call(&d, "POST", sandbox_path(id, "/fork"), "{\"count\":1}");
    CHECK_MSG(r.status == 201, "%s", r.body);
    snprintf(copy, sizeof(copy), "%s", wrn_json_string(wrn_json_get(wrn_json_at(r.json, 0), "id"), NULL));
    reply_free(&r);
    const char *const all[] = {id, copy, other};
    for (size_t i = 0; i < WRN_COUNT(all); i++) {
        char *got = sh(&d, all[i], line);
        CHECK_CONTAINS(got, "HTTP/1.1 200 OK");
        CHECK_CONTAINS(got, "\r\n\r\nright");
        free(got);
    }
    check_differs(&d, id, other, "cat $SSL_CERT_FILE");
    destroy(&d, other);
    destroy(&d, copy);
    /* Memory trusts what it trusted, so a snapshot of it keeps what nothing can be made with. */
    snap(&d, id, "trusting");
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"template\":\"trusting\"}"), 409, "conflict");
    make_sandbox(&d, "{\"template\":\"trusting\",\"network\":{\"egress\":\"none\"}}", copy);
    destroy(&d, copy);
    destroy(&d, id);
    end(&d, SIGTERM, 0);
}

/* ---- copies of machines ---- */

/* What the server says, or "none". */
static char *reach_from_machine(const test_daemon *d, const char *id, const char *host) {
    char line[300];
    snprintf(line, sizeof(line),
             "rm -f /root/said; busybox nc -w 20 %s 8000 -e sh -c 'read word; echo $word > /root/said' 2> /dev/null || "
             "echo none > /root/said; cat /root/said",
             host);
    return sh(d, id, line);
}

#define CHECK_REACH_FROM_MACHINE(d, id, host, want) CHECK_SAID(reach_from_machine(d, id, host), want)

/* What it reached and was denied are its own gate's affair. */
static void check_gate(const test_daemon *d, const char *id, const char *denied) {
    reply r = look(d, id);
    CHECK_MSG(number(&r, "connections") == 1, "%s", r.body);
    CHECK_CONTAINS(r.body, denied);
    reply_free(&r);
}

/* Machines with a network that are copies of one, whose memory has an interface; and one without. */
static void machine_copies(void) {
    static const char *const names[] = {"good.example", "bad.example"};
    static const char *const reasons[] = {"\"name\":\"bad.example\",\"reason\":\"name-not-allowed\"",
                                          "\"name\":\"good.example\",\"reason\":\"name-not-allowed\""};
    test_daemon d = {0};
    char id[40], ids[2][40], policy[64], want[200];
    machines_need();
    machines_make_image();
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    serve_secrets(&d);
    snprintf(policy, sizeof(policy), "\"allow\":[\"%s\"]", names[0]);
    make_machine(&d, policy, id);
    for (int i = 0; i < 2; i++) {
        snprintf(policy, sizeof(policy), "\"allow\":[\"%s\"]", names[i]);
        make_copy(&d, policy, ids[i]);
        snprintf(want, sizeof(want), "{\"egress\":\"allowlist\",\"allow\":[\"%s\"],\"deny\":[],\"presets\":[]}",
                 names[i]);
        CHECK_SH(&d, ids[i], "cat /run/wrenn/network", want);
    }
    CHECK_SH(&d, id, SHOWN, "[\"good.example\"]\n"); /* one that boots knows as well */
    for (int i = 0; i < 2; i++) {
        CHECK_REACH_FROM_MACHINE(&d, ids[i], names[i], "hello");
        CHECK_REACH_FROM_MACHINE(&d, ids[i], names[!i], "none");
    }
    for (int i = 0; i < 2; i++) check_gate(&d, ids[i], reasons[i]);
    check_differs(&d, ids[0], ids[1], "head -c 16 /dev/urandom | od -An -tx1");
    CHECK_REACH_FROM_MACHINE(&d, id, names[0], "hello");
    destroy(&d, id);
    destroy(&d, ids[1]);
    start_machine(&d, id);
    CHECK_SH(&d, id, "ls /sys/class/net; [ -e /run/wrenn/network ] || echo none", "lo\nnone\n");
    CHECK_REACH_FROM_MACHINE(&d, ids[0], names[0], "hello"); /* the others know nothing of its end */
    destroy(&d, id);
    destroy(&d, ids[0]);
    end(&d, SIGTERM, 0);
}

/* Ones that were made ahead of their use have the network of who gets them, and so has the service of their template. */
static void machine_spares(void) {
    static const char template[] =
        "{\"base\":\"minimal\",\"start\":[\"sh\",\"-c\",\"[ -s /run/wrenn/network ] && busybox nc -w 20 good.example 8000 -e sh -c 'read word; "
        "echo $word > /root/new; mv /root/new /root/called' || echo none > /root/called\"]}";
    static const char body[] =
        "{\"isolation\":\"vm\",\"memory_mb\":256,\"template\":\"caller\",\"network\":{\"allow\":[%s]}}";
    static const char *const names[] = {"\"good.example\"", "\"bad.example\""}, *const said[] = {"hello\n", "none\n"};
    test_daemon d = {0};
    char ids[2][40], line[300];
    machines_need();
    machines_make_image();
    snprintf(line, sizeof(line), "mkdir -p %s/templates/caller/layer/root", test_dir());
    CHECK(system(line) == 0);
    CHECK(
        wrn_file_write(AT_FDCWD, machines_path("templates/caller/template.json"), O_CREAT, template, strlen(template)));
    machines_set_up(machines_kernel_tree(), machines_path("img"), 0, "set up");
    serve(&d, (const char *[]){"--gate", getenv("WRENN_TEST_GATE"), "--vm-dir", machines_path("vm"), "--template-dir",
                               machines_path("templates"), "--vm-pool", "1", NULL});
    for (int i = 0; i < 2; i++) {
        snprintf(line, sizeof(line), body, names[i]);
        take_spare(&d, line, ids[i]);
        snprintf(line, sizeof(line), "{\"egress\":\"allowlist\",\"allow\":[%s],\"deny\":[],\"presets\":[]}", names[i]);
        CHECK_SH(&d, ids[i], "cat /run/wrenn/network", line);
        CHECK_SH(&d, ids[i], "until [ -s /root/called ]; do sleep 0.05; done; cat /root/called", said[i]);
    }
    CHECK_REACH_FROM_MACHINE(&d, ids[0], "good.example", "hello");
    CHECK_REACH_FROM_MACHINE(&d, ids[0], "bad.example", "none");
    CHECK_REACH_FROM_MACHINE(&d, ids[1], "bad.example", "hello");
    for (int i = 0; i < 2; i++) destroy(&d, ids[i]);
    take_spare(&d, MACHINE, ids[0]);
    CHECK_SH(&d, ids[0], "ls /sys/class/net", "lo\n");
    destroy(&d, ids[0]);
    end(&d, SIGTERM, 0);
}

/* ---- what the operator decides ---- */

static void operators(void) {
    test_daemon d = {0};
    char id[40];
    serve(&d, (const char *[]){"--gate", getenv("WRENN_TEST_GATE"), "--egress-max", "allowlist", "--egress-default",
                               "allowlist", "--egress-deny", "bad.example", NULL});
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"network\":{\"egress\":\"public\"}}"), 409, "conflict");
    make_sandbox(&d, "{}", id);
    CHECK_REACH(&d, id, "good.example", "no name");
    reply r = set_policy(&d, id, "{\"allow\":[\"*\"]}");
    reply_free(&r);
    CHECK_REACH(&d, id, "good.example", HELLO);
    CHECK_REACH(&d, id, "bad.example", "no name");
    destroy(&d, id);
    end(&d, SIGTERM, 0);
    serve(&d, (const char *[]){"--gate", "/nonexistent", NULL});
    CHECK_ERROR(call(&d, "POST", "/v1/sandboxes", "{\"network\":{\"egress\":\"public\"}}"), 409, "conflict");
    end(&d, SIGTERM, 0);
}

/* ---- package managers, by the command ---- */

/* Its exit status; its output is in the files `out` and `err` of test_dir(). */
static int run_line(const char *line) {
    char all[2048];
    snprintf(all, sizeof(all), "cd %s && export HOME=%s WRENN_WRENND=%s PATH=%s:$PATH && { %s; } > out 2> err",
             test_dir(), test_dir(), FAKE_WRENND, getenv("WRENN_TEST_CLI"), line);
    int status = system(all);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static const char *said(const char *name) {
    static char text[2][8192];
    char path[256];
    char *into = text[strcmp(name, "err") == 0];
    snprintf(path, sizeof(path), "%s/%s", test_dir(), name);
    CHECK(wrn_file_read(path, into, sizeof(text[0])) >= 0);
    return into;
}

static void packages(void) {
    static const struct {
        const char *program, *line;
    } all[] = {{"/usr/bin/python3", "pip 1.0\n"},
               {"/usr/bin/npm", "npm 1.0.0\n"},
               {"/usr/bin/git", "git one\n"},
               {"/usr/bin/apt-get", "apt 1.0\n"}};
    int status = run_line("python3 " WORLD_PY " script " PACKAGES " /tmp/packages > script && "
                          "wrenn run --allow good.example --upload script:/tmp/script -- sh /tmp/script");
    CHECK_MSG(status == 0, "%d: %s", status, said("err"));
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (access(all[i].program, X_OK) == 0) CHECK_CONTAINS(said("out"), all[i].line);
}

/* As docs/guide/network.md has it. */
static void own_index(void) {
    int status =
        run_line("export PIP_INDEX_URL=" PACKAGES "/simple PIP_TRUSTED_HOST=good.example; "
                 "wrenn run --allow good.example -e PIP_INDEX_URL -e PIP_TRUSTED_HOST -- sh -c '"
                 "pip install -q tiny && python3 -c \"import tiny; print(tiny.version)\"; curl https://bad.example'");
    CHECK_CONTAINS(said("out"), "1.0\n");
    CHECK_MSG(status == 6, "%d: %s", status, said("err")); /* curl's: could not resolve host */
    CHECK_CONTAINS(said("err"), "denied: bad.example");
    CHECK_CONTAINS(said("err"), "--allow bad.example");
    status = run_line("printf '[global]\nindex-url = " PACKAGES "/simple\ntrusted-host = good.example\n' > pip.conf; "
                      "wrenn run --allow good.example --upload pip.conf:/root/.config/pip/pip.conf -- sh -c '"
                      "pip install -q tiny && python3 -c \"import tiny; print(tiny.version)\"'");
    CHECK_MSG(status == 0 && strcmp(said("out"), "1.0\n") == 0, "%d: %s%s", status, said("out"), said("err"));
}

/* As docs/guide/network.md has it: the secret is on the user's own server, and so is the sandbox that sends it. */
static void own_secrets(void) {
    int status = run_line(
        "trap 'wrenn serve stop' EXIT; export WRENND_EGRESS_CA=$HOME/ca.pem GITHUB_AUTHORIZATION='Bearer " VALUE "'; "
        "wrenn secret set github --from-env GITHUB_AUTHORIZATION && "
        "wrenn run --secret good.example:Authorization=github -- python3 -c '"
        "import urllib.request as u; print(u.urlopen(\"https://good.example/\").read().decode())'; "
        "code=$?; wrenn ls -q; exit $code");
    CHECK_MSG(status == 0 && strstr(said("out"), "right\n"), "%d: %s%s", status, said("out"), said("err"));
    CHECK(!strstr(said("out"), "cl-")); /* the sandbox is gone */
}

/* Two addresses, which are one host to who reads it. */
static void advice(void) {
    int status = run_line("wrenn run --net --deny two.example:8000 -- python3 -c '"
                          "import socket; socket.create_connection((\"two.example\", 8000))'");
    CHECK_MSG(status == 1, "%d: %s", status, said("err"));
    const char *line = strstr(said("err"), "denied: two.example:8000 (2 x); a --deny of this sandbox");
    CHECK_MSG(line && !strstr(line + 1, "denied:"), "%s", said("err"));
}

static void make_network_and_packages(void) { make_network_with(true); }

/* Answers one request: refuses what begins with "dark", and fetches the word of the server outside for all others. */
static void answer_proxied(int peer) {
    static const char granted[] = "HTTP/1.1 200 fine\r\n\r\n", refused[] = "HTTP/1.1 403 no\r\n\r\n";
    char head[1024] = "", word[16];
    for (size_t size = 0; size < sizeof(head) - 1 && !strstr(head, "\r\n\r\n");) {
        ssize_t got = read(peer, head + size, sizeof(head) - 1 - size);
        if (got <= 0) return;
        size += (size_t)got;
    }
    bool has_credential = strstr(head, "\r\nProxy-Authorization: Basic dTpwQHM=\r\n") != NULL; /* u:p@s */
    if (!has_credential || strncmp(head, "CONNECT dark.", 13) == 0) {
        (void)!write(peer, refused, strlen(refused));
        return;
    }
    struct sockaddr_in far = {.sin_family = AF_INET, .sin_port = htons(8000)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    inet_pton(AF_INET, OUTSIDE, &far.sin_addr);
    if (connect(fd, (const struct sockaddr *)&far, sizeof(far)) == 0 && write(peer, granted, strlen(granted)) > 0) {
        ssize_t got = read(fd, word, sizeof(word));
        if (got > 0) (void)!write(peer, word, (size_t)got);
    }
    close(fd);
}

/* A proxy on the machine of the test. Returns its port; it ends with the test. */
static int start_proxy(void) {
    struct sockaddr_in own = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(own);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(bind(fd, (const struct sockaddr *)&own, sizeof(own)) == 0 && listen(fd, 64) == 0 &&
          getsockname(fd, (struct sockaddr *)&own, &size) == 0);
    pid_t pid = fork();
    CHECK(pid >= 0);
    if (pid == 0) prctl(PR_SET_PDEATHSIG, SIGKILL);
    while (pid == 0) {
        int peer = accept(fd, NULL, NULL);
        if (peer < 0) _exit(1);
        answer_proxied(peer);
        close(peer);
    }
    close(fd);
    return ntohs(own.sin_port);
}

static void proxied(void) {
    test_daemon d = {0};
    char id[40], url[64];
    snprintf(url, sizeof(url), "http://u:p%%40s@127.0.0.1:%d", start_proxy());
    serve(&d,
          (const char *[]){"--gate", getenv("WRENN_TEST_GATE"), "--egress-proxy", url, "--egress-smtp", "on", NULL});
    make_sandbox(&d, "{\"network\":{\"allow\":[\"far.example\",\"dark.example:8000\"]}}", id);
    CHECK_REACH(&d, id, "far.example", HELLO); /* a name that only the proxy knows */
    CHECK_REACH(&d, id, "dark.example", "EHOSTUNREACH");
    CHECK_REACH(&d, id, "other.example", "no name");
    reply r = look(&d, id);
    CHECK_CONTAINS(r.body, "\"name\":\"dark.example\",\"reason\":\"proxy-refused\"");
    reply_free(&r);
    r = call(&d, "GET", sandbox_path(id, "/network/check?to=far.example:25"), NULL);
    CHECK_STR(r.body, "{\"allowed\":true,\"rule\":\"far.example\",\"source\":\"allow\"}\n"); /* --egress-smtp */
    reply_free(&r);
    r = call(&d, "GET", sandbox_path(id, "/network/check?to=far.example:53/udp"), NULL);
    CHECK_CONTAINS(r.body, "\"reason\":\"not-allowed\"");
    reply_free(&r);
    destroy(&d, id);
    end(&d, SIGTERM, 0);
}

TEST_WITH_NETWORK(all_connections_leave_through_a_proxy_that_gets_the_names, proxied)
TEST_WITH_NETWORK(policies_are_obeyed_and_replaced, policies)
TEST_WITH_NETWORK(connections_that_a_policy_forbids_are_cut, cut)
TEST_WITH_NETWORK(a_network_outlives_wrennd_and_pauses, goes_on)
TEST_WITH_NETWORK(snapshots_keep_the_policy_of_their_sandbox, snapshots)
TEST_WITH_NETWORK(secrets_are_sent_by_those_who_do_not_know_them, secrets)
TEST_WITH_NETWORK(secrets_are_sent_for_machines_and_their_copies, machine_secrets)
TEST_WITH_NETWORK(machines_with_a_network_are_copies, machine_copies)
TEST_WITH_NETWORK(machines_of_the_pool_get_a_network, machine_spares)
TEST_WITH_NETWORK(what_is_denied_is_said_once, advice)
TEST_WITH_NETWORK(secrets_of_the_own_server_are_sent_by_wrenn_run, own_secrets)
TEST_WITH_NETWORK(services_have_the_network_of_their_sandbox, services)
TEST_WITH_NETWORK(operators_have_the_last_word, operators)
TEST_IN(make_network_and_packages, packages_are_installed, packages)
TEST_IN(make_network_and_packages, pip_uses_an_index_that_is_passed_on, own_index)

TEST_MAIN
