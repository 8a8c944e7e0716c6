/* What somebody with root inside a sandbox may try against the host, its neighbours and the machine. */
#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "host.h"

static output o;

static const char *sh(host *h, wrn_box *box, const char *line) {
    box_sh(h, box, line, &o);
    CHECK_MSG(o.end == WRN_PROC_EXITED && o.code == 0, "%s: end %d %s, code %d, stdout: %.300s, stderr: %.300s", line,
              o.end, o.fault, o.code, o.out, o.err);
    return o.out;
}

/* A script and its arguments; what it prints. */
static const char *python(host *h, wrn_box *box, const char *script, const char *const *more) {
    const char *args[80] = {"-c", script};
    for (size_t n = 2; more && *more && n < WRN_COUNT(args) - 1; n++) args[n] = *more++;
    box_exec(h, box, &(wrn_proc_spec){.cmd = "/usr/bin/python3", .args = args, .timeout_ms = 60000}, &o);
    CHECK_MSG(o.end == WRN_PROC_EXITED && o.code == 0, "end %d, code %d: %.2000s", o.end, o.code, o.err);
    return o.out;
}

/* ---- seeing the host ---- */

static void make_file(const char *path, const char *text) {
    FILE *file = fopen(path, "we");
    CHECK_MSG(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

static void host_files(void) {
    test_not_in_machines("they have the devices of a kernel of their own");
    host h;
    char line[2048], marker[300];
    snprintf(marker, sizeof(marker), "%s/host-marker", test_dir());
    make_file(marker, "of the host\n");
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-files");
    snprintf(line, sizeof(line),
             "for f in %s %s %s /proc/1/root%s /proc/self/root%s; do [ -e $f ] && echo sees $f; done; true", marker,
             h.state_dir, test_dir(), marker, marker);
    CHECK_STR(sh(&h, box, line), "");
    CHECK_STR(sh(&h, box,
                 "ls -A /root /home/* /tmp /mnt /media /boot /var/log 2>/dev/null | grep -v ':$' | grep ."
                 "|| true"),
              "");
    CHECK_STR(sh(&h, box, "ls /home"), "user\n"); /* the template's own */
    CHECK_STR(sh(&h, box, "grep -h '[$]' /etc/shadow /etc/gshadow 2>/dev/null || true"), "");
    snprintf(line, sizeof(line), "grep -F -e %s -e %s /proc/self/mountinfo || true", h.state_dir, test_dir());
    CHECK_STR(sh(&h, box, line), "");
    CHECK_STR(sh(&h, box, "ls /dev | tr '\\n' ' '"),
              "fd full null ptmx pts random shm stderr stdin stdout tty urandom zero ");
    CHECK_STR(sh(&h, box, "find / -xdev -name host-marker 2>/dev/null; true"), "");
    box_destroy(&h, box);
    host_close(&h);
}

static void host_processes(void) {
    test_not_in_machines("they have the threads of a kernel of their own");
    host h;
    pid_t marker = fork();
    if (marker == 0) {
        execl("/bin/sleep", "wrenn-host-marker", "1000", (char *)NULL);
        _exit(1);
    }
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-procs");
    CHECK_STR(sh(&h, box, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o '[h]ost-marker' || true"), "");
    /* The agent, the keeper, the shell and what it runs. */
    CHECK(atoi(sh(&h, box, "ls -d /proc/[0-9]* | wc -l")) <= 6);
    char line[128];
    snprintf(line, sizeof(line), "[ -e /proc/%d ] && cat /proc/%d/comm; kill -9 -1; true", (int)marker, (int)marker);
    box_sh(&h, box, line, &o);
    CHECK_INT(kill(marker, 0), 0);
    CHECK_INT(box_ping(&h, box), 0);
    kill(marker, SIGKILL);
    box_destroy(&h, box);
    host_close(&h);
}

static int listen_at(const struct sockaddr *address, socklen_t size) {
    int fd = socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, address, size) == 0 && listen(fd, 5) == 0);
    return fd;
}

/* Prints what it could connect to: argv[1] is a port, argv[2] the name of an abstract socket. */
static const char connect_script[] = "import socket, sys\n"
                                     "for f, a in ((socket.AF_INET, ('127.0.0.1', int(sys.argv[1]))),\n"
                                     "             (socket.AF_UNIX, '\\0' + sys.argv[2])):\n"
                                     "    try:\n"
                                     "        socket.socket(f).connect(a)\n"
                                     "        print('connected', f.name)\n"
                                     "    except ConnectionRefusedError: pass\n";

/* Of the sandboxes that box_create() makes. */
static bool has_network(void) { return getenv("WRENN_TEST_NETWORK") != NULL; }

static void host_network(void) {
    host h;
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct sockaddr_un un = {.sun_family = AF_UNIX};
    char port[16], name[64];
    socklen_t size = sizeof(in);
    int tcp = listen_at((struct sockaddr *)&in, sizeof(in));
    CHECK_INT(getsockname(tcp, (struct sockaddr *)&in, &size), 0);
    snprintf(port, sizeof(port), "%d", ntohs(in.sin_port));
    int length = snprintf(name, sizeof(name), "wrenn-test-%d", (int)getpid());
    memcpy(un.sun_path + 1, name, (size_t)length);
    int abstract = listen_at((struct sockaddr *)&un, (socklen_t)(sizeof(un.sun_family) + 1 + (size_t)length));
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-net");
    CHECK_STR(python(&h, box, connect_script, (const char *const[]){port, name, NULL}), "");
    CHECK_STR(sh(&h, box, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '"), has_network() ? "lo\neth0\n" : "lo\n");
    if (!has_network()) CHECK_STR(sh(&h, box, "tail -n +2 /proc/net/route"), "");
    CHECK_STR(sh(&h, box,
                 "python3 -c 'import socket as s; l = s.create_server((\"127.0.0.1\", 80)); "
                 "s.create_connection((\"127.0.0.1\", 80)); print(\"own\")'"),
              "own\n");
    close(tcp);
    close(abstract);
    box_destroy(&h, box);
    host_close(&h);
}

static void neighbours(void) {
    host h;
    static output busy;
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-one"), *two = box_create(&h, "cl-two");
    static const char server[] =
        "import socket, time\n"
        "a = socket.create_server(('127.0.0.1', 5055))\n"
        "b = socket.socket(socket.AF_UNIX); b.bind('\\0neighbour'); b.listen()\n"
        "for p in ('/root/secret', '/tmp/secret', '/dev/shm/secret', '/etc/secret'): open(p, 'w')\n"
        "print('ready', flush=True)\n"
        "time.sleep(1000)\n";
    box_start(one, &(wrn_proc_spec){.cmd = "python3", .args = (const char *const[]){"-c", server, NULL}}, &busy);
    while (!busy.out_size && !busy.ended) uv_run(&h.loop, UV_RUN_ONCE);
    CHECK_STR(busy.out, "ready\n");
    CHECK_STR(python(&h, one, connect_script, (const char *const[]){"5055", "neighbour", NULL}),
              "connected AF_INET\nconnected AF_UNIX\n");
    CHECK_STR(python(&h, two, connect_script, (const char *const[]){"5055", "neighbour", NULL}), "");
    CHECK_STR(sh(&h, two, "ls /root/secret /tmp/secret /dev/shm/secret /etc/secret 2>/dev/null || true"), "");
    CHECK_STR(sh(&h, two, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o '[n]eighbour' || true"), "");
    box_sh(&h, two, "kill -9 -1", &o); /* itself too, by way of the keeper */
    CHECK_INT(box_ping(&h, one), 0);
    CHECK(!busy.ended);
    box_destroy(&h, two);
    CHECK_INT(box_ping(&h, one), 0);
    box_destroy(&h, one);
    host_close(&h);
}

static void distinct_ids(void) {
    test_not_in_machines("ids are those of a kernel of their own");
    host h;
    char first[128];
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-one"), *two = box_create(&h, "cl-two");
    snprintf(first, sizeof(first), "%.100s", sh(&h, one, "cat /proc/self/uid_map"));
    CHECK(strcmp(first, sh(&h, two, "cat /proc/self/uid_map")) != 0);
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

/* ---- what is counted by user ---- */

/* The kernel limits inotify instances by user: one sandbox's must not be anybody else's. */
static void limits_by_user(void) {
    static const char greedy[] = "import ctypes, sys, time\n"
                                 "libc = ctypes.CDLL(None)\n"
                                 "while libc.inotify_init() >= 0: pass\n"
                                 "print('all taken', flush=True)\n"
                                 "time.sleep(1000)\n";
    host h;
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-greedy"), *two = box_create(&h, "cl-neighbour");
    static output busy;
    const char *args[] = {"-c", greedy, NULL};
    box_start(one, &(wrn_proc_spec){.cmd = "/usr/bin/python3", .args = args}, &busy);
    while (!strstr(busy.out, "all taken")) uv_run(&h.loop, UV_RUN_ONCE);
    int fd = inotify_init();
    CHECK_MSG(fd >= 0, "the host's user has no inotify instance left");
    close(fd);
    CHECK_STR(python(&h, two, "import ctypes; print(ctypes.CDLL(None).inotify_init() >= 0)", NULL), "True\n");
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

/* Every program with a private server has a daemon of its own. */
static void distinct_ids_of_daemons(void) {
    test_not_in_machines("ids are those of a kernel of their own");
    static host first, second;
    host_open(&first);
    host_open_in(&second, "other");
    wrn_box *one = box_create(&first, "cl-one"), *two = box_create(&second, "cl-two");
    char map[64];
    snprintf(map, sizeof(map), "%s", python(&first, one, "print(open('/proc/self/uid_map').read().split()[1])", NULL));
    CHECK(strcmp(map, python(&second, two, "print(open('/proc/self/uid_map').read().split()[1])", NULL)) != 0);
    box_destroy(&first, one);
    box_destroy(&second, two);
    host_close(&first);
    host_close(&second);
}

/* ---- /proc, capabilities, limits, chroot ---- */

static const char files_script[] =
    "import os, resource\n"
    "def attempt(what, f):\n"
    "    try:\n"
    "        r = f()\n"
    "        if r: print('allowed:', what, r)\n"
    "    except OSError: pass\n"
    "def writes(path):\n"
    "    fd = os.open(path, os.O_WRONLY)\n"
    "    return os.fstat(fd).st_rdev != os.makedev(1, 3)\n"
    "for dir, _, names in os.walk('/proc/sys'):\n"
    "    for name in names:\n"
    "        attempt('write', lambda: dir + '/' + name if writes(dir + '/' + name) else None)\n"
    "for path in '/proc/sysrq-trigger', '/proc/irq/default_smp_affinity', '/proc/1/mem', \\\n"
    "            '/proc/bus/pci/00/00.0', '/proc/1/uid_map', '/proc/self/uid_map', '/proc/mtrr':\n"
    "    attempt('write ' + path, lambda: writes(path) and 'uid_map' not in path)\n"
    "for path in '/proc/kcore', '/proc/kmsg', '/proc/keys', '/proc/1/mem', '/proc/1/environ', '/proc/timer_list', \\\n"
    "            '/proc/kallsyms', '/proc/1/maps', '/proc/%d/environ' % os.getppid():\n"
    "    attempt('read ' + path, lambda: open(path, 'rb').read(64))\n"
    "for path in '/proc/1/root', '/proc/1/cwd', '/proc/1/map_files':\n"
    "    attempt('list ' + path, lambda: os.listdir(path))\n"
    "for path in '/proc/1/exe', '/proc/1/fd/3', '/proc/%d/fd/3' % os.getppid():\n"
    "    attempt('readlink', lambda: os.readlink(path))\n"
    "    attempt('open', lambda: open(path))\n"
    "attempt('xattr', lambda: os.setxattr('/tmp', 'trusted.overlay.opaque', b'y') or 'set')\n"
    "for name in 'NOFILE', 'CORE':\n"
    "    which = getattr(resource, 'RLIMIT_' + name)\n"
    "    hard = resource.getrlimit(which)[1]\n"
    "    try: resource.setrlimit(which, (hard + 1, hard + 1)); print('raised', name)\n"
    "    except (ValueError, OSError): pass\n"
    "caps = [l.split()[1] for l in open('/proc/self/status') if l.startswith(('CapEff', 'CapBnd', 'CapPrm'))]\n"
    "for bit in 2, 9, 12, 13, 14, 15, 16, 17, 19, 20, 21, 22, 23, 24, 25, 27, 30, 32, 33, 34, 35, 36, 37, 38, 39, 40:\n"
    "    if any(int(c, 16) >> bit & 1 for c in caps): print('capability', bit)\n"
    "print('done')\n";

static void files_of_the_kernel(void) {
    test_not_in_machines("the kernel is their own, and open to its root");
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-proc");
    CHECK_STR(python(&h, box, files_script, NULL), "done\n");
    box_destroy(&h, box);
    host_close(&h);
}

static void chroot_escape(void) {
    static const char script[] = "import os\n"
                                 "os.makedirs('/tmp/a/b', exist_ok=True)\n"
                                 "out = os.open('/', os.O_RDONLY)\n"
                                 "os.chroot('/tmp/a')\n"
                                 "os.fchdir(out)\n"
                                 "for _ in range(50): os.chdir('..')\n"
                                 "os.chroot('.')\n"
                                 "print(open('/etc/hostname').read().strip(), os.path.exists('/host-marker'))\n";
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-chroot");
    CHECK_STR(python(&h, box, script, NULL), "cl-chroot False\n");
    box_destroy(&h, box);
    host_close(&h);
}

/* ---- bombs ---- */

static bool enforced(host *h, const char *limit) {
    const char *verdict = wrn_json_string(wrn_json_get(wrn_json_get(host_isolation(h), "limits"), limit), NULL);
    return verdict && strcmp(verdict, "enforced") == 0;
}

static void fork_bomb(void) {
    host h;
    static output bomb;
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-bomb"), *two = box_create(&h, "cl-calm");
    const char *args[] = {"-c", "b() { b | b & b; }; b 2>/dev/null; sleep 1000", NULL};
    box_start(one, &(wrn_proc_spec){.cmd = "sh", .args = args, .timeout_ms = 4000}, &bomb);
    for (int i = 0; i < 10; i++) {
        wrn_box_stats stats;
        CHECK_STR(sh(&h, two, "echo calm"), "calm\n");
        CHECK_INT(box_ping(&h, one), 0);
        wrn_box_measure(one, &stats);
        CHECK_MSG(stats.pids <= 2048, "%lld processes", (long long)stats.pids);
        pid_t child = fork();
        if (child == 0) _exit(0);
        CHECK(child > 0);
    }
    host_run_until(&h, &bomb.ended);
    CHECK(bomb.end != WRN_PROC_LOST);
    CHECK_INT(box_ping(&h, one), 0);
    box_destroy(&h, one);
    CHECK_STR(sh(&h, two, "echo calm"), "calm\n");
    box_destroy(&h, two);
    host_close(&h);
}

static void memory_bomb(void) {
    static output sleeper;
    char bomb[80], line[120], files[80];
    int mb = test_in_machines() ? 256 : 64;
    snprintf(bomb, sizeof(bomb), "x = [bytearray(1 << 20) for i in range(%d)]", 2 * mb);
    snprintf(line, sizeof(line), "python3 -c '%s'; exit $?", bomb);
    snprintf(files, sizeof(files), "head -c %dM /dev/zero > /dev/shm/big", 2 * mb);
    host h;
    host_open(&h);
    if (!enforced(&h, "memory")) test_skip("no cgroup to limit memory");
    wrn_box *box = box_create_sized(&h, "cl-memory", 1, mb);
    const char *args[] = {"-c", bomb, NULL};
    box_exec(&h, box, &(wrn_proc_spec){.cmd = "python3", .args = args, .timeout_ms = 600000}, &o);
    CHECK_INT(o.end, WRN_PROC_SIGNALED);
    CHECK_INT(o.code, SIGKILL);
    CHECK(o.oom_killed);
    CHECK_INT(box_ping(&h, box), 0);
    /* Also below a shell; but not who has nothing to do with it, or is killed from here. */
    box_sh(&h, box, line, &o);
    CHECK_INT(o.code, 128 + SIGKILL);
    CHECK(o.oom_killed);
    box_sh(&h, box, "kill -9 $$", &o);
    CHECK(!o.oom_killed);
    wrn_proc *proc =
        box_start(box, &(wrn_proc_spec){.cmd = "sleep", .args = (const char *const[]){"1000", NULL}}, &sleeper);
    box_sh(&h, box, line, &o);
    CHECK(o.oom_killed);
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &sleeper.ended);
    CHECK(sleeper.code == SIGKILL && !sleeper.oom_killed);
    /* Files in memory count too. */
    box_sh(&h, box, files, &o);
    CHECK(o.end == WRN_PROC_SIGNALED || o.code != 0);
    CHECK_INT(box_ping(&h, box), 0);
    box_destroy(&h, box);
    host_close(&h);
}

static void cpu_hog(void) {
    host h;
    static output hogs[4];
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-hog"), *two = box_create(&h, "cl-calm");
    const char *args[] = {"-c", "while :; do :; done", NULL};
    for (size_t i = 0; i < WRN_COUNT(hogs); i++) box_start(one, &(wrn_proc_spec){.cmd = "sh", .args = args}, &hogs[i]);
    CHECK_STR(sh(&h, two, "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; echo $i"), "100000\n");
    CHECK_INT(box_ping(&h, one), 0);
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

/* ---- what is said about it ---- */

static void check_word(const wrn_json *report, const char *key, const char *want) {
    const char *got = wrn_json_string(wrn_json_get(report, key), NULL);
    CHECK_MSG(got && strcmp(got, want) == 0, "%s is %s, not %s", key, got ? got : "missing", want);
}

static bool gives_reason(const wrn_json *report, const char *part) {
    const wrn_json *reasons = wrn_json_get(report, "reasons");
    for (size_t i = 0; i < wrn_json_count(reasons); i++)
        if (strstr(wrn_json_string(wrn_json_at(reasons, i), NULL), part)) return true;
    return false;
}

/* Each word against what the kernel does. */
static void report(void) {
    test_not_in_machines("what they have is in machines_live_and_end");
    host h;
    bool is_root = geteuid() == 0, root = false;
    host_open(&h);
    const wrn_json *said = host_isolation(&h);
    wrn_box *box = box_create(&h, "cl-report");
    CHECK(wrn_json_bool(wrn_json_get(said, "root"), &root) && root == is_root);
    check_word(said, "backend", "ns");
    check_word(said, "seccomp", "allowlist");
    CHECK_STR(sh(&h, box, "grep ^Seccomp: /proc/self/status | tr '\\t' ' '"), "Seccomp: 2\n");
    check_word(said, "user_namespace", is_root ? "distinct" : "shared");
    CHECK_STR(sh(&h, box, "set -- $(cat /proc/self/uid_map); echo $1 $3"), is_root ? "0 65536\n" : "0 1\n");
    check_word(said, "network", "none");
    CHECK_STR(sh(&h, box, "tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' '"), has_network() ? "lo\neth0\n" : "lo\n");
    check_word(said, "disk", "unlimited");
    CHECK(gives_reason(said, "no size limit"));
    CHECK(gives_reason(said, "kernel"));
    CHECK(gives_reason(said, "same user id") == !is_root);
    bool limited = strcmp(wrn_json_string(wrn_json_get(said, "cgroup"), NULL), "none") != 0;
    check_word(wrn_json_get(said, "limits"), "memory", limited ? "enforced" : "unenforced");
    check_word(wrn_json_get(said, "limits"), "cpu", limited ? "enforced" : "unenforced");
    check_word(wrn_json_get(said, "limits"), "pids", "enforced");
    wrn_box_stats stats;
    wrn_box_measure(box, &stats);
    CHECK((stats.mem_bytes >= 0) == limited);
    box_destroy(&h, box);
    host_close(&h);
}

/* ---- what must go on working ---- */

static void programs(void) {
    test_not_in_machines("their programs are those of their image");
    static const struct {
        const char *needs, *line, *out;
    } cases[] = {
        {"python3",
         "python3 -c 'import subprocess as s, threading as t; x = t.Thread(target=lambda: print(1)); x.start();"
         " x.join(); print(s.check_output([\"echo\", \"2\"]).decode(), end=\"\")'",
         "1\n2\n"},
        {"python3", "python3 -c 'import multiprocessing as m; print(m.Pool(2).map(abs, [-1, -2]))'", "[1, 2]\n"},
        {"gcc",
         "cd /tmp && echo 'int puts(const char *); int main(void) { return puts(\"42\") < 0; }' > a.c &&"
         " gcc a.c -o a &&"
         " ./a",
         "42\n"},
        {"node", "node -e 'setTimeout(() => console.log(6 * 7), 1)'", "42\n"},
        {"perl", "perl -e 'print join(\",\", map { $_ * 2 } 1..3), \"\\n\"'", "2,4,6\n"},
        {"tar", "cd /tmp && mkdir -p t && echo x > t/f && tar c t | (mkdir -p u && cd u && tar x) && cat u/t/f", "x\n"},
        {"sort", "seq 1000 | sort -rn | head -n 2 | tr '\\n' ' '", "1000 999 "},
        {"mktemp", "f=$(mktemp) && echo y > $f && cat < $f && rm $f", "y\n"},
        {"setsid", "setsid -w echo z | cat", "z\n"},
        {"java",
         "cd /tmp && printf 'public class T { public static void main(String[] a) throws Exception { Thread t = "
         "new Thread(() -> System.out.println(42)); t.start(); t.join(); } }' > T.java && java T.java",
         "42\n"},
        {"git",
         "cd /tmp && git -c init.defaultBranch=m init -q g && cd g && echo x > f && git add f && git -c user.name=n"
         " -c user.email=e commit -qm first && git log --format=%s",
         "first\n"},
        {"gdb", "gdb -nx -batch -ex 'break main' -ex run -ex 'print 6*7' /tmp/a 2>/dev/null | grep '^.1 = '",
         "$1 = 42\n"},
        {"strace", "strace -e trace=write -o /tmp/trace echo t && grep -c '^write(1, \"t' /tmp/trace", "t\n1\n"},
        {"apt-get", "apt-get --version | head -c 4; apt-config dump > /dev/null && echo ok", "apt ok\n"},
        {"pip3", "pip3 --version | head -c 4", "pip "},
        {"dpkg-deb",
         "cd /tmp && mkdir -p p/DEBIAN p/opt && echo hi > p/opt/hi && printf 'Package: hi\\nVersion: 1\\nArchitecture: "
         "all\\nMaintainer: n <e@e>\\nDescription: hi\\n' > p/DEBIAN/control && dpkg-deb -b p hi.deb > /dev/null && "
         "echo built",
         "built\n"},
        {"dpkg", /* an ordinary user's sandbox has one id, and dpkg wants to be root over others */
         "if grep -q ' 1$' /proc/self/uid_map; then echo hi; else dpkg -i /tmp/hi.deb > /dev/null 2>&1 && cat /opt/hi; fi",
         "hi\n"},
    };
    host h;
    host_open(&h);
    wrn_box *box = box_create_sized(&h, "cl-tools", 2, 512);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char line[128];
        snprintf(line, sizeof(line), "command -v %s > /dev/null && echo yes || true", cases[i].needs);
        if (strcmp(sh(&h, box, line), "yes\n") != 0) {
            test_note("no %s here", cases[i].needs);
            continue;
        }
        CHECK_STR(sh(&h, box, cases[i].line), cases[i].out);
    }
    box_destroy(&h, box);
    host_close(&h);
}

/* Holds a lock in one sandbox and tries to take it in the other; "taken" when it is the same. */
static const char *locked_elsewhere(host *h, wrn_box *one, wrn_box *two, const char *path) {
    static output holder;
    char line[200];
    snprintf(line, sizeof(line), "flock %s sh -c 'echo held; exec sleep 1000'", path);
    const char *args[] = {"-c", line, NULL};
    wrn_proc *proc = box_start(one, &(wrn_proc_spec){.cmd = "/bin/sh", .args = args}, &holder);
    while (!holder.out_size && !holder.ended) uv_run(&h->loop, UV_RUN_ONCE);
    CHECK_STR(holder.out, "held\n");
    snprintf(line, sizeof(line), "flock -n %s echo free || echo taken", path);
    const char *said = sh(h, two, line);
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(h, &holder.ended);
    return said;
}

static void nothing_shared_to_lock(void) {
    host h;
    host_open(&h);
    wrn_box *one = box_create(&h, "cl-one"), *two = box_create(&h, "cl-two");
    CHECK_STR(locked_elsewhere(&h, one, one, "/etc/alternatives"), "taken\n");
    CHECK_STR(locked_elsewhere(&h, one, two, "/etc/alternatives"), "free\n");
    /* An ordinary user can make no devices. */
    if (geteuid() == 0) CHECK_STR(locked_elsewhere(&h, one, two, "/dev/null"), "free\n");
    CHECK_STR(sh(&h, one, "echo lost > /dev/null; head -c 3 /dev/zero | wc -c; ls -l /dev/null | cut -c 1-10"),
              "3\ncrw-rw-rw-\n");
    CHECK_STR(sh(&h, one, "[ ! -L /etc/alternatives/awk ] || awk 'BEGIN { print 6*7 }' | grep -v '^42$'; true"), "");
    box_destroy(&h, one);
    box_destroy(&h, two);
    host_close(&h);
}

static void terminals_are_limited(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-terminals"), *other = box_create(&h, "cl-other");
    const char *all = "import os,sys,time\nn=0\ntry:\n  while n<1000: os.openpty(); n+=1\n"
                      "except OSError: pass\nprint(n,flush=True); time.sleep(1000)";
    static output taker;
    const char *args[] = {"-c", all, NULL};
    wrn_proc *proc = box_start(box, &(wrn_proc_spec){.cmd = "python3", .args = args}, &taker);
    while (!taker.out_size && !taker.ended) uv_run(&h.loop, UV_RUN_ONCE);
    CHECK_STR(taker.out, "128\n");
    CHECK_STR(sh(&h, other, "python3 -c 'import os; os.openpty(); print(1)'"), "1\n");
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &taker.ended);
    box_destroy(&h, box);
    box_destroy(&h, other);
    host_close(&h);
}

/* Else root in a sandbox could make its agent the first to be killed for want of memory, or the last. */
static void the_agents_oom_score_is_out_of_reach(void) {
    test_not_in_machines("root is root of a kernel of their own");
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-score");
    CHECK_STR(sh(&h, box,
                 "for f in /proc/1/oom_score_adj /proc/1/oom_adj /proc/1/task/1/oom_score_adj "
                 "/proc/1/task/1/oom_adj; do echo 15 > $f; cat $f; done 2>/dev/null"),
              "");
    box_destroy(&h, box);
    host_close(&h);
}

TEST_AS_BOTH(no_file_of_the_host_is_seen, host_files)
TEST_AS_BOTH(no_process_of_the_host_is_seen, host_processes)
TEST_AS_BOTH(no_network_of_the_host_is_reached, host_network)
TEST_AS_BOTH(neighbours_do_not_see_each_other, neighbours)
TEST_AS_ROOT(sandboxes_have_ids_of_their_own, distinct_ids)
TEST_AS_ROOT(daemons_do_not_share_ids, distinct_ids_of_daemons)
TEST_AS_ROOT(limits_by_user_are_not_shared, limits_by_user)
TEST_AS_BOTH(files_of_the_kernel_are_closed, files_of_the_kernel)
TEST_AS_BOTH(a_chroot_leads_nowhere, chroot_escape)
TEST_AS_BOTH(a_fork_bomb_stays_inside, fork_bomb)
TEST_AS_ROOT(a_memory_bomb_is_killed, memory_bomb)
TEST_AS_BOTH(a_busy_sandbox_leaves_time_for_others, cpu_hog)
TEST_AS_BOTH(the_report_is_true, report)
TEST_AS_BOTH(programs_run, programs)

TEST_AS_BOTH(locks_are_of_one_sandbox, nothing_shared_to_lock)
TEST_AS_BOTH(terminals_are_of_one_sandbox, terminals_are_limited)
TEST_AS_BOTH(the_oom_score_of_the_agent_is_masked, the_agents_oom_score_is_out_of_reach)

TEST_MAIN
