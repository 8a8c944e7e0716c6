#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "server/backend/ns/internal.h"
#include "server/lane.h"

enum { STACK_SIZE = 64 * 1024 };

/* One connection that is being made. */
struct dial {
    wrn_job job; /* first, so that it leads here */
    struct dial *next;
    dials *all;      /* NULL: they have ended */
    uv_poll_t *poll; /* NULL: there is no socket yet, or there was none */
    int fd, error;   /* the error that there was instead of a socket */
    int pidfd;       /* for the worker */
    uint16_t port;
    bool six; /* 127.0.0.1 has refused, this is ::1 */
    wrn_dial_fn done;
    void *context;
};

/* ---- a socket in the sandbox's network ----
 *
 * A socket belongs to the network in which it was made, so somebody has to go there. */

static int new_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

/* For root, whose sandboxes have their networks from the initial user namespace: each thread has a network of its own, so
 * that this one goes there and comes back, which takes microseconds. -1 with errno. */
static int visit_as_root(int pidfd, int family) {
    int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC), fd = -1;
    if (home < 0) return -1;
    if (syscall(SYS_setns, pidfd, CLONE_NEWNET) == 0) {
        fd = new_socket(family);
        int saved = errno;
        if (syscall(SYS_setns, home, CLONE_NEWNET) != 0) abort(); /* what listens would listen in the sandbox */
        errno = saved;
    }
    int saved = errno;
    close(home);
    errno = saved;
    return fd;
}

typedef struct visit {
    int pidfd, family;
    int fd, error;
} visit;

static int visit_network(void *context) {
    visit *v = context;
    if (syscall(SYS_setns, v->pidfd, CLONE_NEWNET | CLONE_NEWUSER) == 0) v->fd = new_socket(v->family);
    v->error = errno;
    return 0;
}

/* For others. A process that enters a user namespace does not come back. This one shares our memory and our descriptors, like
 * that of vfork(), and costs little, but has to be waited for, which is up to a worker. No handler of ours may run there.
 * -1 with errno. */
static int visit_as_user(int pidfd, int family) {
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;
    visit v = {pidfd, family, -1, 0};
    int dumpable = prctl(PR_GET_DUMPABLE);
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, &before);
    pid_t pid = clone(visit_network, (char *)stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_FILES, &v);
    if (pid < 0) v.error = errno;
    while (pid > 0 && waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* Its new rights have hidden our memory, and with it our /proc/self, from ourselves. */
    if (dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
    munmap(stack, STACK_SIZE);
    errno = v.error;
    return v.fd;
}

static int family_of(const dial *d) { return d->six ? AF_INET6 : AF_INET; }

/* ---- connecting ---- */

static void free_handle(uv_handle_t *handle) { free(handle); }

static void stop_watching(dial *d) {
    if (d->poll) uv_close((uv_handle_t *)WRN_TAKE(d->poll), free_handle);
}

static void end(dial *d, const wrn_fault *fault) {
    dial **at = d->all ? &d->all->first : NULL;
    while (at && *at != d) at = &(*at)->next;
    if (at) *at = d->next;
    stop_watching(d);
    if (fault && d->fd >= 0) close(d->fd);
    d->done(d->context, fault ? -1 : d->fd, fault);
    free(d);
}

static void fail(dial *d, int error) {
    wrn_fault fault;
    wrn_fault_set(&fault, error == ECONNREFUSED ? WRN_FAULT_NOT_LISTENING : WRN_FAULT_AGENT_ERROR,
                  "cannot connect into the sandbox: %s", strerror(error));
    end(d, &fault);
}

static void try_it(dial *d);

static void on_connected(uv_poll_t *poll, int status, int events) {
    dial *d = poll->data;
    int error = 0, one = 1;
    socklen_t size = sizeof(error);
    (void)status, (void)events;
    getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == ECONNREFUSED && !d->six) {
        stop_watching(d);
        close(d->fd);
        d->fd = -1;
        d->six = true;
        return try_it(d);
    }
    if (error) return fail(d, error);
    setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    end(d, NULL);
}

static int begin_connect(const dial *d) {
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(d->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(d->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int rc = d->six ? connect(d->fd, (const struct sockaddr *)&six, sizeof(six))
                    : connect(d->fd, (const struct sockaddr *)&four, sizeof(four));
    return rc == 0 || errno == EINPROGRESS ? 0 : -1;
}

static void fail_later(void *context, const wrn_fault *fault) {
    dial *d = context;
    (void)fault;
    fail(d, d->error);
}

/* With the socket, or the error that there was instead. */
static void go_on(dial *d) {
    if (d->fd >= 0 && begin_connect(d) != 0) d->error = errno;
    /* A network without it. */
    if (d->six && (d->error == EAFNOSUPPORT || d->error == EADDRNOTAVAIL)) d->error = ECONNREFUSED;
    if (d->error) return wrn_answer_later(d->all->loop, fail_later, d, NULL);
    d->poll = malloc(sizeof(*d->poll));
    if (!d->poll || uv_poll_init(d->all->loop, d->poll, d->fd) != 0) abort();
    d->poll->data = d;
    uv_poll_start(d->poll, UV_WRITABLE, on_connected);
}

static void run_visit(wrn_job *job) {
    dial *d = (dial *)job;
    d->fd = visit_as_user(d->pidfd, family_of(d));
    d->error = d->fd < 0 ? errno : 0;
}

static void on_visited(wrn_job *job) {
    dial *d = (dial *)job;
    close(d->pidfd);
    if (d->all) return go_on(d);
    fail(d, ESRCH);
}

static void try_it(dial *d) {
    d->error = 0;
    if (d->all->root) {
        d->fd = visit_as_root(d->all->pidfd, family_of(d));
        d->error = d->fd < 0 ? errno : 0;
        return go_on(d);
    }
    /* One of its own, for the sandbox may end meanwhile. */
    d->pidfd = fcntl(d->all->pidfd, F_DUPFD_CLOEXEC, 0);
    if (d->pidfd < 0) {
        d->error = errno;
        return go_on(d);
    }
    d->job.run = run_visit;
    d->job.done = on_visited;
    wrn_lane_put(d->all->loop, WRN_LANE_DIAL, &d->job);
}

void dial_start(dials *all, uint16_t port, wrn_dial_fn done, void *context) {
    dial *d = malloc(sizeof(*d));
    if (!d) abort();
    *d = (dial){.next = all->first, .all = all, .fd = -1, .port = port, .done = done, .context = context};
    all->first = d;
    try_it(d);
}

void dials_end(dials *all) {
    wrn_fault fault;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended");
    for (dial *d; (d = all->first);) {
        if (d->poll) { /* NOLINT(clang-analyzer-unix.Malloc): end() unlinks */
            end(d, &fault);
        } else { /* a worker or an answer is on its way */
            all->first = d->next;
            d->all = NULL;
        }
    }
}
