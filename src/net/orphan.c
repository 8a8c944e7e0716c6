#include "net/orphan.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { STACK_SIZE = 256 * 1024, LOOK_MS = 10, ROOM = CMSG_SPACE(sizeof(int)) };

typedef struct plan {
    const char *program;
    char *const *argv;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int report[2]; /* a socket pair that passes the pidfd */
} plan;

static bool orphan_report(int over, const wrn_orphan *orphan) {
    char room[ROOM] = {0};
    pid_t pid = orphan->pid;
    struct iovec data = {&pid, sizeof(pid)};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1};
    if (orphan->fd >= 0) {
        message.msg_control = room;
        message.msg_controllen = sizeof(room);
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
        memcpy(CMSG_DATA(head), &orphan->fd, sizeof(int));
    }
    return sendmsg(over, &message, MSG_NOSIGNAL) == (ssize_t)sizeof(pid);
}

static bool orphan_receive(int over, wrn_orphan *out) {
    char room[ROOM] = {0};
    struct iovec data = {&out->pid, sizeof(out->pid)};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    if (recvmsg(over, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != (ssize_t)sizeof(out->pid)) return false;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_type == SCM_RIGHTS) memcpy(&out->fd, CMSG_DATA(head), sizeof(out->fd));
    return true;
}

/* Runs in an intermediate process, whose child becomes an orphan when this returns. The pidfd is opened here, because the pid
 * of a child can't be reused. Returns the exit status: 0, or an errno. */
static int orphan_between(void *context) {
    extern char **environ;
    plan *p = context;
    pid_t pid;
    int error = posix_spawn(&pid, p->program, &p->actions, &p->attributes, p->argv, environ);
    if (error) return error;
    wrn_orphan orphan = {pid, (int)syscall(SYS_pidfd_open, pid, 0)};
    if (orphan_report(p->report[1], &orphan)) return 0;
    error = errno;
    kill(pid, SIGKILL);
    return error;
}

/* Like that of vfork(), the intermediate process shares our memory, so it is cheap however large this process is. It has no exit
 * signal: wait() does not see it, and no SIGCHLD is sent. Signals are blocked, because no handler may run in it. Returns 0, or
 * an errno. */
static int orphan_run_between(plan *p) {
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return errno;
    sigset_t all, before;
    int status = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = clone(orphan_between, (char *)stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, p);
    int error = pid < 0 ? errno : 0;
    while (pid > 0 && waitpid(pid, &status, __WCLONE) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, STACK_SIZE);
    return error ? error : WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

/* A session of its own keeps Ctrl-C from the new process. */
static void plan_fill(plan *p, int fd) {
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    posix_spawnattr_init(&p->attributes);
    posix_spawn_file_actions_init(&p->actions);
    posix_spawnattr_setflags(&p->attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
    posix_spawnattr_setsigdefault(&p->attributes, &all);
    posix_spawnattr_setsigmask(&p->attributes, &none);
    posix_spawn_file_actions_addopen(&p->actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&p->actions, 1, "/dev/null", O_WRONLY, 0);
    if (fcntl(2, F_GETFD) < 0) posix_spawn_file_actions_addopen(&p->actions, 2, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&p->actions, fd, WRN_ORPHAN_FD);
}

bool wrn_orphan_start(const char *program, char *const argv[], int fd, wrn_orphan *out) {
    plan p = {.program = program, .argv = argv};
    *out = (wrn_orphan){.fd = -1};
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, p.report) != 0) return false;
    plan_fill(&p, fd);
    int error = orphan_run_between(&p);
    bool started = orphan_receive(p.report[0], out);
    posix_spawn_file_actions_destroy(&p.actions);
    posix_spawnattr_destroy(&p.attributes);
    close(p.report[0]);
    close(p.report[1]);
    if (!started) errno = error ? error : ECHILD;
    return started;
}

static bool orphan_is_dead(const wrn_orphan *orphan) {
    struct pollfd ended = {.fd = orphan->fd, .events = POLLIN};
    siginfo_t info;
    if (orphan->fd < 0) {
        waitid(P_PID, (id_t)orphan->pid, &info, WEXITED | WNOHANG);
        return kill(orphan->pid, 0) != 0;
    }
    if (poll(&ended, 1, 0) != 1) return false;
    waitid(P_PIDFD, (id_t)orphan->fd, &info, WEXITED | WNOHANG);
    return true;
}

bool wrn_orphan_ended(const wrn_orphan *orphan, int64_t within_ms) {
    struct pollfd ended = {.fd = orphan->fd, .events = POLLIN};
    int64_t until = wrn_in_ms(within_ms);
    while (!orphan_is_dead(orphan)) {
        int64_t left = wrn_left_ms(until);
        if (!left) return false;
        poll(&ended, 1, orphan->fd >= 0 ? (int)left : LOOK_MS); /* without a pidfd, check every LOOK_MS */
    }
    return true;
}

void wrn_orphan_kill(const wrn_orphan *orphan) {
    if (orphan->fd >= 0) syscall(SYS_pidfd_send_signal, orphan->fd, SIGKILL, NULL, 0);
    else kill(orphan->pid, SIGKILL);
}

void wrn_orphan_release(wrn_orphan *orphan) {
    if (orphan->fd >= 0) close(orphan->fd);
    *orphan = (wrn_orphan){.fd = -1};
}
