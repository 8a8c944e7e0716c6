#include "server/templates/pipeline.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "server/userns.h"

enum { UNPACKER, FEEDER, PROGRAMS };
enum { CANNOT_RUN = 127, NO_NAMESPACE = 126, USERNS_FD = 3 };

volatile sig_atomic_t pipeline_stopped;
static volatile pid_t running[PROGRAMS];
static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

static void on_build_signal(int signo) {
    int saved = errno;
    pipeline_stopped = signo;
    for (int i = 0; i < PROGRAMS; i++) /* the unpacker is process 1 of its namespace, which ignores SIGTERM */
        if (running[i] > 0) kill(running[i], i == UNPACKER ? SIGKILL : SIGTERM);
    errno = saved;
}

static void set_handler(void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    for (size_t i = 0; i < WRN_COUNT(signals); i++) sigaction(signals[i], &action, NULL);
}

void pipeline_begin(void) {
    pipeline_stopped = 0;
    set_handler(on_build_signal);
}

void pipeline_end(void) { set_handler(SIG_DFL); }

/* ---- the programs ---- */

typedef struct program {
    const char *const *argv;
    const char *dir; /* NULL: the current one */
    int in, out, err;
    bool jailed;   /* in its own namespaces; it ends by itself when we do */
    int userns_fd; /* as USERNS_FD; -1: none */
} program;

_Noreturn static void become(const program *p, pid_t parent) {
    if (!p->jailed) prctl(PR_SET_PDEATHSIG, SIGTERM);
    if ((!p->jailed && getppid() != parent) || (p->dir && chdir(p->dir) != 0)) _exit(1);
    if (p->in >= 0) dup2(p->in, 0);
    if (p->out >= 0) dup2(p->out, 1);
    if (p->err >= 0) dup2(p->err, 2);
    if (p->userns_fd == USERNS_FD) fcntl(USERNS_FD, F_SETFD, 0);
    else if (p->userns_fd >= 0) dup2(p->userns_fd, USERNS_FD);
    execvp(p->argv[0], (char *const *)(uintptr_t)p->argv);
    _exit(CANNOT_RUN);
}

/* As an ordinary user, the child is root in a new user namespace. As root, it enters `userns_fd` later. */
static pid_t fork_jailed(void) {
    bool root = geteuid() == 0;
    uid_t uid = geteuid();
    gid_t gid = getegid();
    struct clone_args args = {.flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC |
                                       CLONE_NEWCGROUP | (root ? 0 : CLONE_NEWUSER),
                              .exit_signal = SIGCHLD};
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0 && !root && userns_map_self(uid, gid) != 0) _exit(NO_NAMESPACE);
    return pid;
}

/* Signals are blocked until the handler knows the pid. */
static bool start_program(int which, const program *p) {
    sigset_t all, before;
    pid_t parent = getpid();
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t pid = pipeline_stopped ? -1 : p->jailed ? fork_jailed() : fork();
    if (pid == 0) {
        set_handler(SIG_DFL);
        sigprocmask(SIG_SETMASK, &before, NULL);
        become(p, parent);
    }
    running[which] = pid;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return pid > 0;
}

/* Its user ids are not the host's, and nobody else gets them while *lock_fd is open. */
static void start_unpacker(program p, int *lock_fd) {
    bool root = geteuid() == 0;
    p.jailed = true;
    p.userns_fd = root ? userns_borrow(lock_fd) : -1;
    if (!root || p.userns_fd >= 0) start_program(UNPACKER, &p);
    if (p.userns_fd >= 0) close(p.userns_fd);
}

/* Waits for a program. Returns its wait status; -1 if it did not start. */
static int await_program(int which) {
    sigset_t all, before;
    siginfo_t info;
    int status = -1;
    if (running[which] <= 0) return -1;
    while (waitid(P_PID, (id_t)running[which], &info, WEXITED | WNOWAIT) != 0 && errno == EINTR) {
    }
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    waitpid(running[which], &status, 0);
    running[which] = 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    return status;
}

/* ---- both together ---- */

static void pipeline_read_all(int fd, wrn_buf *text) {
    char chunk[1024];
    ssize_t got;
    while ((got = read(fd, chunk, sizeof(chunk))) > 0 || (got < 0 && errno == EINTR))
        if (got > 0) wrn_buf_put(text, chunk, (size_t)got);
}

static void describe_end(const char *name, int status, wrn_buf *out) {
    if (status == -1) wrn_buf_printf(out, "%s was not started", name);
    else if (WIFSIGNALED(status)) wrn_buf_printf(out, "%s was killed by signal %d", name, WTERMSIG(status));
    else wrn_buf_printf(out, "%s ended with status %d", name, WEXITSTATUS(status));
}

static bool exited_with(int status, int code) {
    return status != -1 && WIFEXITED(status) && WEXITSTATUS(status) == code;
}

/* When the unpacker fails, the feeder gets SIGPIPE: then only the unpacker's error counts. */
static bool check_ends(const char *from, int fed, int unpacked, const wrn_buf *remarks, wrn_fault *fault) {
    WRN_AUTO(wrn_buf_free) wrn_buf why = WRN_BUF_INIT;
    bool feeder_failed = from && !exited_with(fed, 0) && !(fed != -1 && WIFSIGNALED(fed) && WTERMSIG(fed) == SIGPIPE);
    if (!feeder_failed && exited_with(unpacked, 0)) return true;
    if (from && exited_with(fed, CANNOT_RUN))
        wrn_buf_printf(&why, "there is no program %s here; on Debian and Ubuntu: apt-get install %s", from, from);
    else if ((unpacked == -1 && (!from || fed != -1)) || exited_with(unpacked, NO_NAMESPACE))
        wrn_buf_puts(&why, "wrenn-unpack needs namespaces of its own, as sandboxes do; run wrennd doctor");
    else if (exited_with(unpacked, CANNOT_RUN))
        wrn_buf_puts(&why, "the program wrenn-unpack is not where wrennd looks for it, beside it and in "
                           "../libexec/wrenn; install it there");
    else if (feeder_failed) describe_end(from, fed, &why);
    else if (remarks->size && exited_with(unpacked, 1)) wrn_buf_printf(&why, "%s", remarks->data);
    else describe_end("wrenn-unpack", unpacked, &why);
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "%s", why.data), false;
}

bool pipeline_run(const char *unpacker, const char *mode, const char *tree, int in, const char *const *from,
                  wrn_buf *said, wrn_fault *fault) {
    WRN_AUTO(wrn_buf_free) wrn_buf remarks = WRN_BUF_LIMITED(4096);
    const char *const argv[] = {unpacker, mode, geteuid() == 0 ? "keep" : "squash", NULL};
    int feed[2] = {-1, -1}, remark[2] = {-1, -1}, lock_fd = -1;
    bool ok = (!from || pipe2(feed, O_CLOEXEC) == 0) && pipe2(remark, O_CLOEXEC) == 0;
    if (ok && from)
        ok = start_program(FEEDER, &(program){.argv = from, .in = -1, .out = feed[1], .err = -1, .userns_fd = -1});
    if (ok)
        start_unpacker(
            (program){.argv = argv, .dir = tree, .in = from ? feed[0] : in, .out = remark[1], .err = remark[1]},
            &lock_fd);
    const int ours[] = {feed[0], feed[1], remark[1]};
    for (size_t i = 0; i < WRN_COUNT(ours); i++)
        if (ours[i] >= 0) close(ours[i]);
    if (remark[0] >= 0) {
        pipeline_read_all(remark[0], &remarks);
        close(remark[0]);
    }
    int unpacked = await_program(UNPACKER), fed = await_program(FEEDER);
    wrn_fd_close(&lock_fd);
    if (!check_ends(from ? from[0] : NULL, fed, unpacked, &remarks, fault)) return false;
    if (remarks.size) wrn_buf_puts(said, remarks.data);
    return true;
}
