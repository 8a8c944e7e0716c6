/* A small process that clones boxes for the daemon. Cloning the daemon itself would stop its loop for milliseconds: its page
 * tables are copied, and clone() waits for each thread that holds the lock of the memory map.
 *
 * An order is in memory that both share; the descriptors in it are sent along. */
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/file.h"
#include "server/backend/ns/internal.h"
#include "server/precedence.h"
#include "server/userns.h"

typedef enum task { SPAWN, USERNS } task;

/* A descriptor comes with it: the pidfd, or the namespace. */
typedef struct answer {
    int result, error; /* a pid, or 0; -1 and errno */
} answer;

enum { FDS = HIERARCHIES + 7 };
_Static_assert((int)FDS <= (int)WRN_FDS_MAX, "one message takes all descriptors of an order");

static void list_fds(spawn *s, int *out[FDS]) {
    int *const fds[FDS] = {&s->userns_fd,   &s->error_fd, &s->channel_fds[0], &s->channel_fds[1],
                           &s->handover_fd, &s->link_fd,  &s->clone_fd};
    memcpy(out, fds, sizeof(fds));
    for (int i = 0; i < HIERARCHIES; i++) out[FDS - HIERARCHIES + i] = &s->join_fds[i];
}

/* ---- in the nursery ---- */

/* Puts the received descriptors in place of the daemon's. */
static void take_fds(spawn *s, int fds[FDS]) {
    int *at[FDS], taken = 0;
    list_fds(s, at);
    for (int i = 0; i < FDS; i++)
        if (*at[i] >= 0) *at[i] = wrn_fd_take(&fds[taken++]);
}

static void drop_fds(spawn *s) {
    int *at[FDS];
    list_fds(s, at);
    for (int i = 0; i < FDS; i++) wrn_fd_close(at[i]);
}

static int do_task(task what, spawn *order, int fds[FDS], int *made) {
    if (what == USERNS) {
        *made = userns_make(order->base, false); /* not delayed for others: a create waits */
        return *made < 0 ? -1 : 0;
    }
    spawn s = *order;
    take_fds(&s, fds);
    int pid = spawn_child(&s, made), saved = errno;
    drop_fds(&s);
    errno = saved;
    return pid;
}

/* Keeps the standard streams and two others. */
static void close_others(int a, int b) {
    unsigned low = (unsigned)(a < b ? a : b), high = (unsigned)(a < b ? b : a);
    if (low > 3) syscall(SYS_close_range, 3u, low - 1, 0u);
    if (high > low + 1) syscall(SYS_close_range, low + 1, high - 1, 0u);
    syscall(SYS_close_range, high + 1, ~0u, 0u);
}

/* The daemon's handlers of signals must not run here, and dead boxes are not waited for. */
static void settle_signals(void) {
    const struct sigaction no_zombies = {.sa_handler = SIG_DFL, .sa_flags = SA_NOCLDWAIT};
    sigset_t all;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, NULL);
    sigaction(SIGCHLD, &no_zombies, NULL);
}

_Noreturn static void work(const nursery *n, int socket, pid_t daemon) {
    settle_signals();
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != daemon) _exit(0);
    prctl(PR_SET_NAME, "wrennd-nursery");
    close_others(socket, n->agent_fd);
    wrn_precedence_assist();
    int fds[FDS];
    task what;
    while (wrn_fds_receive(socket, &what, sizeof(what), fds, FDS) == (ssize_t)sizeof(what)) {
        WRN_AUTO(wrn_fd_close) int made = -1;
        answer a = {.result = do_task(what, n->order, fds, &made)};
        if (a.result < 0) a.error = errno;
        if (!wrn_fds_send(socket, &a, sizeof(a), &made, made >= 0, 0)) break;
    }
    _exit(0);
}

/* ---- in the daemon ---- */

static int start(nursery *n) {
    int ends[2];
    pid_t daemon = getpid();
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    pid_t pid = fork();
    if (pid == 0) work(n, ends[1], daemon);
    wrn_fd_close(&ends[1]);
    if (pid < 0) return wrn_fd_close(&ends[0]), -1;
    n->pid = pid;
    n->fd = ends[0];
    return 0;
}

static void stop(nursery *n) {
    if (!n->pid) return;
    close(n->fd);
    kill(n->pid, SIGKILL);
    while (waitpid(n->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    n->pid = 0;
}

int nursery_open(nursery *n, int agent_fd) {
    void *shared = mmap(NULL, sizeof(*n->order), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return -1;
    n->order = shared;
    n->agent_fd = agent_fd;
    return start(n);
}

void nursery_close(nursery *n) {
    stop(n);
    if (n->order) munmap(n->order, sizeof(*n->order));
    n->order = NULL;
}

/* A nursery that was killed is replaced once. A box that it had just cloned ends by itself, because nobody has its
 * descriptors. */
static int nursery_ask(nursery *n, task what, const int *fds, size_t count, int *made) {
    answer a;
    for (int tries = 0; tries < 2; tries++) {
        if (!n->pid && start(n) != 0) return -1;
        if (wrn_fds_send(n->fd, &what, sizeof(what), fds, count, MSG_NOSIGNAL) &&
            wrn_fds_receive(n->fd, &a, sizeof(a), made, 1) == (ssize_t)sizeof(a)) {
            if (a.result < 0 || *made >= 0) return errno = a.error, a.result;
            /* The kernel dropped the descriptor, because this process has reached its limit. */
            if (what == SPAWN) kill(a.result, SIGKILL);
            return errno = EMFILE, -1;
        }
        stop(n);
    }
    errno = ECHILD;
    return -1;
}

pid_t nursery_spawn(nursery *n, const spawn *order, int *pidfd) {
    int *at[FDS], fds[FDS];
    size_t count = 0;
    *n->order = *order;
    list_fds(n->order, at);
    for (int i = 0; i < FDS; i++)
        if (*at[i] >= 0) fds[count++] = *at[i];
    return nursery_ask(n, SPAWN, fds, count, pidfd);
}

int nursery_userns(nursery *n, uid_t base) {
    int fd = -1;
    n->order->base = base;
    return nursery_ask(n, USERNS, NULL, 0, &fd) < 0 ? -1 : fd;
}
