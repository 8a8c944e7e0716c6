#include "net/orphan.h"

#include <errno.h>
#include <fcntl.h>
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

enum { STACK_SIZE = 256 * 1024, ROOM = CMSG_SPACE(sizeof(int)) };

typedef struct plan {
    const char *program;
    char *const *argv;
    posix_spawnattr_t attributes;
    posix_spawn_file_actions_t actions;
    int report[2]; /* a pidfd comes over this */
} plan;

static bool send_fd(int over, int fd) {
    char byte = 0, room[ROOM] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(fd)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(head), &fd, sizeof(fd));
    return sendmsg(over, &message, MSG_NOSIGNAL) == 1;
}

static int receive_fd(int over) {
    char byte, room[ROOM] = {0};
    struct iovec data = {&byte, 1};
    struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = room, .msg_controllen = sizeof(room)};
    if (recvmsg(over, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) != 1) return -1;
    int fd = -1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    if (head && head->cmsg_type == SCM_RIGHTS) memcpy(&fd, CMSG_DATA(head), sizeof(fd));
    return fd;
}

/* Runs in the process between: its child becomes an orphan when this returns. While it is a child its number can't have
 * gone to another process, so here it becomes a descriptor. What is returned is the exit status. */
static int between(void *context) {
    extern char **environ;
    plan *p = context;
    pid_t pid;
    int error = posix_spawn(&pid, p->program, &p->actions, &p->attributes, p->argv, environ);
    if (error) return error;
    int fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (fd >= 0 && send_fd(p->report[1], fd)) return 0;
    error = errno;
    kill(pid, SIGKILL);
    return error;
}

/* The process between shares our memory, like that of vfork(), so it costs nothing however large we are; its exit signal
 * is none, which hides it from wait() and sends no SIGCHLD. No handler of ours may run there. Returns an error. */
static int run_between(plan *p) {
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return errno;
    sigset_t all, before;
    int status = 0;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &before);
    pid_t pid = clone(between, (char *)stack + STACK_SIZE, CLONE_VM | CLONE_VFORK, p);
    int error = pid < 0 ? errno : 0;
    while (pid > 0 && waitpid(pid, &status, __WCLONE) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    munmap(stack, STACK_SIZE);
    return error ? error : WIFEXITED(status) ? WEXITSTATUS(status) : ECHILD;
}

/* Ctrl-C is ours to handle, so the other has a session of its own. */
static void describe(plan *p, int fd) {
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

int wrn_orphan_start(const char *program, char *const argv[], int fd) {
    plan p = {.program = program, .argv = argv};
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, p.report) != 0) return -1;
    describe(&p, fd);
    int error = run_between(&p), pidfd = receive_fd(p.report[0]);
    posix_spawn_file_actions_destroy(&p.actions);
    posix_spawnattr_destroy(&p.attributes);
    close(p.report[0]);
    close(p.report[1]);
    if (pidfd < 0) errno = error ? error : EMFILE; /* sent, but there was no room for it here */
    return pidfd;
}
