/* Commands in a sandbox, with the agent's pitfalls each as a test. Everything runs as root and as an ordinary user. */
#include "host.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static output o;

static void sh(host *h, wrn_box *box, const char *line, const char *out, int code) {
    box_sh(h, box, line, &o);
    CHECK_MSG(o.end == WRN_PROC_EXITED, "%s: end %d %s", line, o.end, o.fault);
    CHECK_MSG(o.code == code, "%s: code %d, stderr: %s", line, o.code, o.err);
    if (out) CHECK_STR(o.out, out);
}

/* A machine has all of them, whoever runs wrennd. */
static bool has_ids(void) { return geteuid() == 0 || test_in_machines(); }

static void basics(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-basics");
    CHECK_INT(box_ping(&h, box), 0);
    sh(&h, box, "echo hi; echo oops >&2; exit 3", "hi\n", 3);
    CHECK_STR(o.err, "oops\n");
    CHECK(o.pid > 1);
    sh(&h, box, "id -u; hostname; pwd; echo $HOME $USER $LOGNAME $WRENN_SANDBOX $WRENN_SANDBOX_ID $WRENN_TEMPLATE_ID",
       "0\ncl-basics\n/root\n/root root root true cl-basics minimal\n", 0);
    sh(&h, box, "cat /run/wrenn/sandbox_id /run/wrenn/template_id /etc/hostname", "cl-basics\nminimal\ncl-basics\n", 0);
    sh(&h, box, "env | cut -d= -f1 | grep -v '^_$' | sort | tr '\\n' ' '",
       "HOME LANG LOGNAME PATH PWD USER WRENN_SANDBOX WRENN_SANDBOX_ID WRENN_TEMPLATE_ID ", 0);
    sh(&h, box, "python3 -c 'print(6*7)'", "42\n", 0);
    sh(&h, box, "cat", "", 0); /* stdin is /dev/null */
    sh(&h, box, "touch /root/x /etc/y && ls /root", "x\n", 0);
    /* Somebody with one id can't change what belongs to another, in a copy neither. */
    sh(&h, box, "touch /usr/bin/z && echo made", has_ids() ? "made\n" : "", has_ids() ? 0 : 1);
    CHECK(access("/usr/bin/z", F_OK) != 0);
    box_destroy(&h, box);
    host_close(&h);
}

static void program_names(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-names");
    static const struct {
        const char *cmd;
        int code;
    } cases[] = {{"true", 0},          {"/bin/false", 1}, {"no-such-program", 127}, {"/no/such", 127},
                 {"/etc/passwd", 126}, {"/usr", 126},     {"echo a; echo b", 127}};
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        box_exec(&h, box, &(wrn_proc_spec){.cmd = cases[i].cmd, .timeout_ms = 10000}, &o);
        CHECK_INT(o.end, WRN_PROC_EXITED);
        CHECK_MSG(o.code == cases[i].code, "%s: %d", cases[i].cmd, o.code);
        if (cases[i].code > 1) CHECK_CONTAINS(o.err, cases[i].cmd);
    }
    box_exec(&h, box, &(wrn_proc_spec){.cmd = "true", .cwd = "/nonexistent"}, &o);
    CHECK_INT(o.end, WRN_PROC_FAILED);
    CHECK_CONTAINS(o.fault, "invalid_request: cannot enter the directory given as cwd");
    const char *envs[] = {"A=b c", "HOME=/tmp", "EMPTY=", NULL};
    const char *args[] = {"-c", "echo \"$A|$HOME|$EMPTY|$(pwd)\"", NULL};
    box_exec(&h, box, &(wrn_proc_spec){.cmd = "sh", .args = args, .envs = envs, .cwd = "/usr"}, &o);
    CHECK_STR(o.out, "b c|/tmp||/usr\n");
    sh(&h, box, "printf 'echo no shebang $1' > /tmp/s; chmod +x /tmp/s; /tmp/s arg", "no shebang arg\n", 0);
    box_destroy(&h, box);
    host_close(&h);
}

static void signals_and_timeouts(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-signals");
    box_sh(&h, box, "kill -9 $$", &o);
    CHECK_INT(o.end, WRN_PROC_SIGNALED);
    CHECK_INT(o.code, 9);
    /* The whole tree goes with it: children, and daemons that left session and parent. */
    const char *args[] = {"-c", "(setsid sleep 3001 &); sleep 3002 & (sleep 3003; true) & echo started; sleep 3004",
                          NULL};
    box_exec(&h, box, &(wrn_proc_spec){.cmd = "sh", .args = args, .timeout_ms = test_in_machines() ? 20000 : 300}, &o);
    CHECK_INT(o.end, WRN_PROC_TIMED_OUT);
    CHECK_STR(o.out, "started\n");
    sh(&h, box, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c '[s]leep 300'", "0\n", 1);
    /* A signal reaches all of it too. */
    wrn_proc *proc = box_start(
        box, &(wrn_proc_spec){.cmd = "sh", .args = (const char *const[]){"-c", "sleep 3005 & sleep 3006", NULL}}, &o);
    while (!o.pid) uv_run(&h.loop, UV_RUN_ONCE);
    wrn_proc_signal(proc, SIGTERM);
    host_run_until(&h, &o.ended);
    CHECK_INT(o.end, WRN_PROC_SIGNALED);
    CHECK_INT(o.code, SIGTERM);
    box_destroy(&h, box);
    host_close(&h);
}

static void output_and_credit(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-output");
    sh(&h, box, "head -c 20000000 /dev/zero; head -c 3000000 /dev/zero >&2", NULL, 0);
    CHECK_INT(o.total, 23000000);
    /* A reader that has stopped gets at most the credit, and control goes on. */
    static output noisy;
    wrn_proc *proc = box_start(box, &(wrn_proc_spec){.cmd = "yes", .timeout_ms = 60000}, &noisy);
    wrn_proc_read_stop(proc);
    for (int i = 0; i < 20; i++) {
        CHECK_INT(box_ping(&h, box), 0);
        sh(&h, box, "echo still here", "still here\n", 0);
    }
    CHECK(noisy.total > 0 && noisy.total <= 256 * 1024);
    size_t before = noisy.total;
    wrn_proc_read_start(proc);
    while (noisy.total < before + 4000000) uv_run(&h.loop, UV_RUN_ONCE);
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &noisy.ended);
    box_destroy(&h, box);
    host_close(&h);
}

/* Input of any size arrives whole and in order, and a command that does not read holds up nobody. */
static void input(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-input");
    enum { SIZE = 3000000 };
    static uint8_t data[SIZE];
    for (size_t i = 0; i < SIZE; i++) data[i] = (uint8_t)(i * 2654435761U >> 24);
    const char *args[] = {"-c", "head -c 3000000 | sha256sum; cat >/dev/null; echo end", NULL};
    wrn_proc *proc = box_start(box, &(wrn_proc_spec){.cmd = "sh", .args = args, .want_stdin = true}, &o);
    size_t sent = 0;
    while (sent < SIZE) {
        int rooms = o.rooms;
        sent += wrn_proc_write(proc, data + sent, SIZE - sent);
        while (sent < SIZE && o.rooms == rooms) uv_run(&h.loop, UV_RUN_ONCE);
    }
    CHECK(o.rooms > 0);
    wrn_proc_close_stdin(proc);
    host_run_until(&h, &o.ended);
    CHECK_INT(o.code, 0);
    CHECK_CONTAINS(o.out, "  -\nend\n");
    char sum[65];
    snprintf(sum, sizeof(sum), "%.64s", o.out);
    FILE *file = fopen("input", "w");
    CHECK(file && fwrite(data, 1, SIZE, file) == SIZE && fclose(file) == 0);
    FILE *pipe = popen("sha256sum input", "r");
    char expected[65] = "";
    CHECK(pipe && fscanf(pipe, "%64s", expected) == 1 && pclose(pipe) == 0);
    CHECK_STR(sum, expected);
    /* Nobody reads: what fits is taken, and the rest of the sandbox goes on. */
    static output deaf;
    proc = box_start(
        box, &(wrn_proc_spec){.cmd = "sleep", .args = (const char *const[]){"1000", NULL}, .want_stdin = true}, &deaf);
    size_t taken = 0;
    for (size_t more; (more = wrn_proc_write(proc, data, SIZE)) > 0;) taken += more;
    CHECK(taken > 0 && taken < SIZE);
    CHECK_INT(box_ping(&h, box), 0);
    sh(&h, box, "echo here", "here\n", 0);
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &deaf.ended);
    /* One that closes its input takes everything. */
    proc =
        box_start(box,
                  &(wrn_proc_spec){.cmd = "sh",
                                   .args = (const char *const[]){"-c", "exec <&-; echo shut; read x </dev/zero", NULL},
                                   .want_stdin = true},
                  &deaf);
    while (!deaf.out_size) uv_run(&h.loop, UV_RUN_ONCE);
    for (sent = 0; sent < SIZE;) {
        int rooms = deaf.rooms;
        sent += wrn_proc_write(proc, data + sent, SIZE - sent);
        while (sent < SIZE && deaf.rooms == rooms) uv_run(&h.loop, UV_RUN_ONCE);
    }
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &deaf.ended);
    box_destroy(&h, box);
    host_close(&h);
}

static void until_shown(host *h, const char *text) {
    while (!o.ended && !memmem(o.out, o.out_size, text, strlen(text))) uv_run(&h->loop, UV_RUN_ONCE);
    CHECK_MSG(memmem(o.out, o.out_size, text, strlen(text)) != NULL, "no \"%s\" in: %s", text, o.out);
}

static void type_keys(wrn_proc *proc, const char *keys) {
    CHECK_INT(wrn_proc_write(proc, keys, strlen(keys)), strlen(keys));
}

static void terminal(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-pty");
    const char *envs[] = {"TERM=xterm", "PS1=ready> ", NULL};
    wrn_proc_spec spec = {.cmd = "/bin/sh", .envs = envs, .cols = 91, .rows = 33};
    wrn_proc *proc = box_start(box, &spec, &o);
    until_shown(&h, "ready> ");
    /* A backspace takes a whole character off the line. */
    type_keys(proc, "read word; echo \"[$(printf %s $word | od -An -tx1)]\"\r");
    type_keys(proc, "\303\251x\177\177y\r");
    until_shown(&h, "[ 79]\r\n");
    type_keys(proc, "stty size; tty; echo $TERM\r");
    until_shown(&h, "33 91\r\n/dev/pts/0\r\nxterm\r\n");
    wrn_proc_resize(proc, 120, 40);
    type_keys(proc, "stty size\r");
    until_shown(&h, "40 120\r\n");
    /* Control-C reaches the command in front, as it is the controlling terminal. */
    type_keys(proc, "sh -c 'echo begun; exec sleep 1000'\r");
    until_shown(&h, "begun\r\n");
    type_keys(proc, "\003");
    type_keys(proc, "echo still=$((40+2))\r");
    until_shown(&h, "still=42\r\n");
    type_keys(proc, "exit 7\r");
    host_run_until(&h, &o.ended);
    CHECK_INT(o.end, WRN_PROC_EXITED);
    CHECK_INT(o.code, 7);
    CHECK_INT(o.err_size, 0);
    /* The end of the input ends the shell; a kill ends whatever runs. */
    proc = box_start(box, &spec, &o);
    until_shown(&h, "ready> ");
    wrn_proc_close_stdin(proc);
    host_run_until(&h, &o.ended);
    CHECK_INT(o.end, WRN_PROC_EXITED);
    proc = box_start(box, &spec, &o);
    until_shown(&h, "ready> ");
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &o.ended);
    CHECK_INT(o.end, WRN_PROC_SIGNALED);
    box_destroy(&h, box);
    host_close(&h);
}

/* Closing what it sends could hold the daemon up for as long as it likes, even if it is never taken. */
static void a_taken_over_agent_passes_no_descriptor(void) {
    host h;
    const char *agent = getenv("WRENN_TEST_TAKEN_OVER");
    CHECK(agent != NULL);
    host_open_with(&h, agent, 1000);
    wrn_box *box = box_create(&h, "cl-taken-over");
    box_destroy(&h, box);
    host_close(&h);
}

/* What comes may come through our loop. */
static bool await_answer(host *h, int fd) {
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    while (poll(&ready, 1, 1) == 0) uv_run(&h->loop, UV_RUN_NOWAIT);
    return ready.revents;
}

static void connections_into_it(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-dial");
    CHECK_INT(box_dial(&h, box, 8000), -1); /* nothing listens */
    static const char program[] = "import socket,sys\n"
                                  "s=socket.socket(getattr(socket,sys.argv[1]))\n"
                                  "s.bind((sys.argv[2],8000)); s.listen(); print('up',flush=True)\n"
                                  "while True:\n"
                                  "  c,_=s.accept(); c.sendall(b'hello '+c.recv(100)); c.close()\n";
    static const char *const families[][2] = {{"AF_INET", "127.0.0.1"}, {"AF_INET6", "::1"}};
    for (size_t i = 0; i < WRN_COUNT(families); i++) {
        const char *args[] = {"-c", program, families[i][0], families[i][1], NULL};
        wrn_proc *proc = box_start(box, &(wrn_proc_spec){.cmd = "python3", .args = args}, &o);
        while (!o.out_size && !o.ended) uv_run(&h.loop, UV_RUN_ONCE);
        CHECK_MSG(!o.ended, "%s", o.err);
        for (int round = 0; round < 100; round++) {
            int fd = box_dial(&h, box, 8000);
            CHECK(fd >= 0);
            char answer[32] = "";
            size_t got = 0;
            CHECK_INT(send(fd, "you", 3, 0), 3);
            for (ssize_t n = 1; n > 0 && await_answer(&h, fd); got += (size_t)n)
                if ((n = recv(fd, answer + got, sizeof(answer) - 1 - got, 0)) < 0) break;
            CHECK_STR(answer, "hello you");
            close(fd);
        }
        wrn_proc_signal(proc, SIGKILL);
        host_run_until(&h, &o.ended);
    }
    CHECK_INT(box_dial(&h, box, 8000), -1);
    box_destroy(&h, box);
    host_close(&h);
}

static void as(host *h, wrn_box *box, const char *user, const char *line) {
    const char *args[] = {"-c", line, NULL};
    box_exec(h, box, &(wrn_proc_spec){.cmd = "/bin/sh", .args = args, .user = user, .timeout_ms = 60000}, &o);
}

static void users(void) {
    static const struct {
        const char *user, *shown;
    } cases[] = {
        {NULL, "0 0 0 /root root root /root"},
        {"root", "0 0 0 /root root root /root"},
        {"0", "0 0 0 /root root root /root"},
        {"user", "1000 1000 1000 5000 /home/user user user /home/user"},
        {"1000", "1000 1000 1000 5000 /home/user user user /home/user"},
        {"user:tty", "1000 5 5 /home/user user user /home/user"},
        {"user:77", "1000 77 77 /home/user user user /home/user"},
        {"nobody", "65534 65534 65534 /nonexistent nobody nobody /"},
        {"12345", "12345 0 0 / 12345 12345 /"},
        {"2000", "3000 3000 3000 / 2000 2000 /"}, /* a name, before it is a number */
    };
    static const char *const unknown[] = {
        "nobodyatall", "",      ":",       ":0", "user:", "user:nogroup2", "4294967295", "-1",
        "99999999999", "user ", "../user", "+5", "broken"};
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-users");
    bool root = has_ids();
    sh(&h, box,
       "echo extra:x:5000:daemon,user >>/etc/group; echo 2000:x:3000:3000::/: >>/etc/passwd; "
       "echo broken:x:what: >>/etc/passwd; printf '\\n::\\n\\001\\n' >>/etc/passwd; id=5",
       "", 0);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        as(&h, box, cases[i].user, "echo $(id -u) $(id -g) $(id -G) $HOME $USER $LOGNAME $(pwd)");
        bool can = root || i < 3;
        CHECK_MSG(o.end == (can ? WRN_PROC_EXITED : WRN_PROC_FAILED), "%s: %s", cases[i].user, o.fault);
        if (!can) {
            CHECK_CONTAINS(o.fault, "ordinary user");
            continue;
        }
        if (!root) continue; /* its groups are those of whoever runs wrennd */
        o.out[o.out_size ? o.out_size - 1 : 0] = '\0';
        CHECK_STR(o.out, cases[i].shown);
    }
    for (size_t i = 0; i < WRN_COUNT(unknown); i++) {
        if (!*unknown[i]) continue;
        as(&h, box, unknown[i], "true");
        CHECK_MSG(o.end == WRN_PROC_FAILED, "%s", unknown[i]);
        CHECK_CONTAINS(o.fault, "invalid_request: the sandbox has no such user");
    }
    /* What the caller says comes first. */
    const char *args[] = {"-c", "echo $HOME; pwd", NULL}, *envs[] = {"HOME=/tmp", NULL};
    box_exec(&h, box, &(wrn_proc_spec){.cmd = "/bin/sh", .args = args, .envs = envs, .user = "root", .cwd = "/usr"},
             &o);
    CHECK_STR(o.out, "/tmp\n/usr\n");
    if (root) {
        as(&h, box, "user", "grep CapEff /proc/self/status | cut -f2; cat /etc/shadow /root 2>&1; kill -9 $PPID");
        CHECK_CONTAINS(o.out, "0000000000000000\n");
        CHECK_CONTAINS(o.out, "/root: ");
        /* Its output can be opened by name, and its terminal is its own. */
        as(&h, box, "user", "echo a >/dev/stdout; echo b >/dev/stderr");
        CHECK_STR(o.out, "a\n");
        CHECK_STR(o.err, "b\n");
        box_exec(&h, box,
                 &(wrn_proc_spec){.cmd = "/bin/sh",
                                  .args = (const char *const[]){"-c", "stat -c %U $(tty)", NULL},
                                  .user = "user",
                                  .cols = 80,
                                  .rows = 24},
                 &o);
        CHECK_STR(o.out, "user\r\n");
    }
    /* Nobody waits for what is no file. */
    sh(&h, box, "mv /etc/passwd /etc/p && mkfifo /etc/passwd", "", 0);
    as(&h, box, "user", "true");
    CHECK_INT(o.end, WRN_PROC_FAILED);
    as(&h, box, "0", "pwd");
    CHECK_STR(o.out, "/\n");
    box_destroy(&h, box);
    host_close(&h);
}

/* "EXIT must follow process exit + short drain, not pipe EOF." */
static void background_holds_the_pipe(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-pipe");
    sh(&h, box, "sleep 1000 & echo started", "started\n", 0);
    sh(&h, box, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -o '[s]leep 1000' | wc -l", "1\n", 0);
    sh(&h, box, "(while :; do echo flood; done) & sleep 0.1; exit 5", NULL, 5);
    sh(&h, box, "head -c 60000 /dev/zero & wait; true", NULL, 0);
    CHECK_INT(o.total, 60000);
    box_destroy(&h, box);
    host_close(&h);
}

/* Its leader has ended, its loop has not. */
#define LEFT_BEHIND                                                                                                   \
    "me=$$; (while kill -0 $me 2>/dev/null; do sleep 0.01; done; while :; do echo left; sleep 0.01; done) & echo $! " \
    ">/tmp/left; exit 4"
static const char is_alive[] = "kill -0 $(cat /tmp/left) && kill -9 $(cat /tmp/left)";

/* Whoever waited for a command leaves: what it has left behind goes on, as it would have a moment later. */
static void giving_up(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-left");
    wrn_proc_spec spec = {.cmd = "sh", .args = (const char *const[]){"-c", LEFT_BEHIND, NULL}};
    /* That the agent knows of the end can't be seen from here, so there may be more than one try. */
    wrn_proc *proc;
    for (size_t wanted = 50; wanted < 6400; wanted *= 2) {
        proc = box_start(box, &spec, &o);
        while (o.total < wanted && !o.ended) uv_run(&h.loop, UV_RUN_ONCE);
        if (!o.ended) wrn_proc_give_up(proc);
        host_run_until(&h, &o.ended);
        if (o.end == WRN_PROC_EXITED) break;
    }
    CHECK_INT(o.end, WRN_PROC_EXITED);
    CHECK_INT(o.code, 4);
    CHECK(o.cut);
    sh(&h, box, is_alive, "", 0);
    /* Its time was not up, as it had ended. */
    spec.timeout_ms = 1500;
    for (int i = 0; i < 5 && (!i || o.end == WRN_PROC_TIMED_OUT); i++) box_exec(&h, box, &spec, &o);
    CHECK_INT(o.end, WRN_PROC_EXITED);
    CHECK_INT(o.code, 4);
    sh(&h, box, is_alive, "", 0);
    /* One that runs ends, and all below it. */
    proc = box_start(
        box, &(wrn_proc_spec){.cmd = "sh", .args = (const char *const[]){"-c", "sleep 3007 & echo up; wait", NULL}},
        &o);
    while (!o.total) uv_run(&h.loop, UV_RUN_ONCE);
    wrn_proc_give_up(proc);
    host_run_until(&h, &o.ended);
    CHECK_INT(o.end, WRN_PROC_SIGNALED);
    sh(&h, box, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c '[s]leep 3007'", "0\n", 1);
    box_destroy(&h, box);
    host_close(&h);
}

/* "The channel must be close-on-exec": a command has 0, 1, 2 and nothing else. */
static void no_descriptor_leaks(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-fds");
    sh(&h, box, "ls /proc/self/fd | tr '\\n' ' '", "0 1 2 3 ", 0); /* 3 is ls's own */
    /* Root of a machine may look at its first process. */
    if (!test_in_machines()) {
        sh(&h, box, "ls -l /proc/1/fd /proc/1/exe; cat /proc/1/mem", NULL, 1);
        CHECK_CONTAINS(o.err, "ermission denied");
    }
    box_destroy(&h, box);
    host_close(&h);
}

/* The keeper between agent and command can be killed from inside; then all below it goes. */
static void killing_the_keeper(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-keeper");
    box_sh(&h, box, "kill -9 $PPID; sleep 3007", &o);
    CHECK_INT(o.end, WRN_PROC_SIGNALED);
    /* A keeper that is stopped from inside still reports in the end. */
    const char *args[] = {"-c", "kill -STOP $PPID; sleep 3008", NULL};
    box_exec(&h, box, &(wrn_proc_spec){.cmd = "sh", .args = args, .timeout_ms = 200}, &o);
    CHECK_INT(o.end, WRN_PROC_TIMED_OUT);
    sh(&h, box, "kill -9 1; echo $?", "0\n", 0); /* the kernel lets no signal from inside reach PID 1 */
    sh(&h, box, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c '[s]leep 3007'", "0\n", 1);
    CHECK_INT(box_ping(&h, box), 0);
    box_destroy(&h, box);
    host_close(&h);
}

static void many_at_once(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create_sized(&h, "cl-many", 2, 512);
    static output outs[50];
    for (size_t i = 0; i < WRN_COUNT(outs); i++)
        box_start(box, &(wrn_proc_spec){.cmd = "sh", .args = (const char *const[]){"-c", "echo $$; exit 7", NULL}},
                  &outs[i]);
    for (size_t i = 0; i < WRN_COUNT(outs); i++) {
        host_run_until(&h, &outs[i].ended);
        CHECK_MSG(outs[i].end == WRN_PROC_EXITED && outs[i].code == 7, "end %d, code %d, %s", outs[i].end, outs[i].code,
                  outs[i].fault);
    }
    static char big[1000000];
    memset(big, 'x', sizeof(big) - 1);
    const char *args[] = {big, NULL}; /* over the kernel's limit for one argument, in many frames */
    box_exec(&h, box, &(wrn_proc_spec){.cmd = "true", .args = args}, &o);
    CHECK_INT(o.code, 126);
    CHECK_CONTAINS(o.err, "rgument list too long");
    box_destroy(&h, box);
    host_close(&h);
}

static void note(uv_timer_t *timer) { *(bool *)timer->data = true; }

static void freezing(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-frozen");
    static output counter;
    const char *args[] = {"-c", "i=0; while :; do i=$((i+1)); echo $i; done", NULL};
    wrn_proc *proc = box_start(box, &(wrn_proc_spec){.cmd = "sh", .args = args}, &counter);
    while (counter.total < 100) uv_run(&h.loop, UV_RUN_ONCE);
    CHECK_INT(box_freeze(&h, box, true), 0);
    CHECK_INT(box_freeze(&h, box, false), 0);
    size_t before = counter.total;
    while (counter.total < before + 100) uv_run(&h.loop, UV_RUN_ONCE);
    wrn_proc_signal(proc, SIGKILL);
    host_run_until(&h, &counter.ended);
    /* Its time limit stands still with it. */
    box_start(box,
              &(wrn_proc_spec){
                  .cmd = "sh", .args = (const char *const[]){"-c", "sleep 0.2; echo done", NULL}, .timeout_ms = 2000},
              &o);
    CHECK_INT(box_freeze(&h, box, true), 0);
    uv_timer_t timer;
    bool passed = false;
    uv_timer_init(&h.loop, &timer);
    timer.data = &passed;
    uv_timer_start(&timer, note, 2500, 0);
    host_run_until(&h, &passed);
    uv_close((uv_handle_t *)&timer, NULL);
    CHECK_INT(box_freeze(&h, box, false), 0);
    host_run_until(&h, &o.ended);
    CHECK_INT(o.end, WRN_PROC_EXITED);
    CHECK_STR(o.out, "done\n");
    CHECK_INT(box_freeze(&h, box, true), 0);
    box_destroy(&h, box); /* also while frozen */
    host_close(&h);
}

TEST_AS_BOTH(commands_run, basics)
TEST_AS_BOTH(commands_run_as_the_user_asked_for, users)
TEST_AS_BOTH(program_names_are_looked_up, program_names)
TEST_AS_BOTH(timeouts_and_signals_reach_the_whole_tree, signals_and_timeouts)
TEST_AS_BOTH(output_flows_on_credit, output_and_credit)
TEST_AS_BOTH(input_is_taken_on_credit, input)
TEST_AS_BOTH(a_terminal, terminal)
TEST_AS_BOTH(connections_reach_what_listens, connections_into_it)
TEST_AS_BOTH(exit_does_not_wait_for_background_processes, background_holds_the_pipe)
TEST_AS_BOTH(what_was_left_behind_goes_on_without_a_caller, giving_up)
TEST_AS_BOTH(commands_get_no_descriptor_of_the_agent, no_descriptor_leaks)
TEST_AS_BOTH(a_killed_keeper_takes_its_command_along, killing_the_keeper)
TEST_AS_BOTH(many_commands_at_once, many_at_once)
TEST_AS_BOTH(a_taken_over_agent_can_pass_no_descriptor, a_taken_over_agent_passes_no_descriptor)
TEST_AS_BOTH(a_sandbox_freezes_and_thaws, freezing)

TEST_MAIN
