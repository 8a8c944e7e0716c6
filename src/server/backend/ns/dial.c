#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "server/backend/ns/instance.h"

enum { STACK_SIZE = 64 * 1024 };

/* A connection that is being made. */
struct dial {
    wrn_job job; /* first, so that a pointer to it leads to the dial */
    struct dial *next;
    dials *all;      /* NULL: the box is ending */
    uv_poll_t *poll; /* NULL: the socket is not made yet, or was closed */
    int fd, error;   /* the socket, or the error from making it */
    int pidfd;       /* for the worker */
    uint16_t port;
    bool six; /* tries ::1, because 127.0.0.1 refused */
    wrn_dial_fn done;
    void *context;
};

/* ---- a socket in the box's network ----
 *
 * A socket belongs to the network namespace of the thread that makes it, so a thread has to enter the box's. */

static int new_socket(int family) { return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0); }

/* As root, network namespaces belong to the initial user namespace. So this thread can enter one and return. -1 with
 * errno. */
static int make_socket_as_root(int pidfd, int family) {
    WRN_AUTO(wrn_fd_close) int home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (home < 0 || syscall(SYS_setns, pidfd, CLONE_NEWNET) != 0) return -1;
    int fd = new_socket(family), saved = errno;
    if (syscall(SYS_setns, home, CLONE_NEWNET) != 0) abort(); /* or wrennd would listen inside the box */
    errno = saved;
    return fd;
}

typedef struct visit {
    int pidfd, family;
    int fd, error;
} visit;

static int enter_and_make(void *context) {
    visit *v = context;
    if (syscall(SYS_setns, v->pidfd, CLONE_NEWNET | CLONE_NEWUSER) == 0) v->fd = new_socket(v->family);
    v->error = errno;
    return 0;
}

/* As an ordinary user. A process that enters a user namespace can't return, so a child enters it. Like a child of
 * vfork() it shares our memory and descriptors, which makes it cheap, but blocks its parent: so this runs on a worker.
 * Signals are blocked because the child must not run our handlers. -1 with errno. */
static int make_socket_as_user(int pidfd, int family) {
    void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
    if (stack == MAP_FAILED) return -1;
    visit v = {pidfd, family, -1, 0};
    int dumpable = prctl(PR_GET_DUMPABLE);
    sigset_t every, before;
    sigfillset(&every);
    pthread_sigmask(SIG_BLOCK, &every, &before);
    pid_t pid = clone(enter_and_make, (char *)stack + STACK_SIZE, CLONE_VM | CLONE_VFORK | CLONE_FILES, &v);
    if (pid < 0) v.error = errno;
    while (pid > 0 && waitpid(pid, NULL, __WCLONE) < 0 && errno == EINTR) {
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    /* The child's change of credentials made our shared memory undumpable, which hides /proc/self from us. */
    if (dumpable == 1) prctl(PR_SET_DUMPABLE, 1);
    munmap(stack, STACK_SIZE);
    errno = v.error;
    return v.fd;
}

static int family_of(const dial *d) { return d->six ? AF_INET6 : AF_INET; }

/* ---- connecting ---- */

static void close_poll(dial *d) {
    if (d->poll) uv_close((uv_handle_t *)WRN_TAKE(d->poll), wrn_handle_free);
}

static void dial_end(dial *d, const wrn_fault *fault) {
    if (d->all) WRN_UNLINK(d->all->first, d, next);
    close_poll(d);
    if (fault && d->fd >= 0) close(d->fd);
    d->done(d->context, fault ? -1 : d->fd, fault);
    free(d);
}

static void dial_fail(dial *d, int error) {
    wrn_fault fault;
    wrn_fault_set(&fault, error == ECONNREFUSED ? WRN_FAULT_NOT_LISTENING : WRN_FAULT_AGENT_ERROR,
                  "cannot connect into the sandbox: %s", strerror(error));
    dial_end(d, &fault);
}

static void make_socket(dial *d);

static void on_connected(uv_poll_t *poll, int status, int events) {
    dial *d = poll->data;
    int error = 0, one = 1;
    socklen_t size = sizeof(error);
    (void)status, (void)events;
    getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error == ECONNREFUSED && !d->six) {
        close_poll(d);
        close(d->fd);
        d->fd = -1;
        d->six = true;
        return make_socket(d);
    }
    if (error) return dial_fail(d, error);
    setsockopt(d->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    dial_end(d, NULL);
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
    dial_fail(d, d->error);
}

/* The worker has made the socket, or failed to. */
static void use_socket(dial *d) {
    if (d->fd >= 0 && begin_connect(d) != 0) d->error = errno;
    /* The box has no IPv6. */
    if (d->six && (d->error == EAFNOSUPPORT || d->error == EADDRNOTAVAIL)) d->error = ECONNREFUSED;
    if (d->error) return wrn_answer_later(d->all->loop, fail_later, d, NULL);
    d->poll = malloc(sizeof(*d->poll));
    if (uv_poll_init(d->all->loop, d->poll, d->fd) != 0) abort();
    d->poll->data = d;
    uv_poll_start(d->poll, UV_WRITABLE, on_connected);
}

static void run_make_socket(wrn_job *job) {
    dial *d = (dial *)job;
    d->fd = make_socket_as_user(d->pidfd, family_of(d));
    d->error = d->fd < 0 ? errno : 0;
}

static void on_socket_made(wrn_job *job) {
    dial *d = (dial *)job;
    close(d->pidfd);
    if (d->all) return use_socket(d);
    dial_fail(d, ESRCH);
}

static void make_socket(dial *d) {
    d->error = 0;
    if (d->all->root) {
        d->fd = make_socket_as_root(d->all->pidfd, family_of(d));
        d->error = d->fd < 0 ? errno : 0;
        return use_socket(d);
    }
    /* A copy, because the box may end meanwhile. */
    d->pidfd = fcntl(d->all->pidfd, F_DUPFD_CLOEXEC, 0);
    if (d->pidfd < 0) return d->error = errno, use_socket(d);
    wrn_lane_put(d->all->loop, WRN_LANE_DIAL, &d->job, run_make_socket, on_socket_made);
}

void ns_dial(wrn_instance *it, uint16_t port, wrn_dial_fn done, void *context) {
    dials *all = &it->dials;
    dial *d = malloc(sizeof(*d));
    *d = (dial){.next = all->first, .all = all, .fd = -1, .port = port, .done = done, .context = context};
    all->first = d;
    make_socket(d);
}

void dials_end(dials *all) {
    wrn_fault fault;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended");
    for (dial *d; (d = all->first);) {
        if (d->poll) { /* NOLINT(clang-analyzer-unix.Malloc): end() unlinks */
            dial_end(d, &fault);
        } else { /* its worker or deferred answer will end it */
            all->first = d->next;
            d->all = NULL;
        }
    }
}
