#include "agent/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct flow {
    int from, to;
    bool is_over;
    size_t begin, end; /* of what waits in `data` */
    char data[65536];
} flow;

/* Servers listen at either address of this host. -1 with errno. */
static int connect_to(uint16_t port) {
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&four, sizeof(four)) != 0) {
        close(fd);
        fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && connect(fd, (const struct sockaddr *)&six, sizeof(six)) != 0) {
            close(fd);
            fd = -1;
            if (errno == EADDRNOTAVAIL) errno = ECONNREFUSED; /* there is no IPv6 */
        } else if (fd < 0) {
            errno = ECONNREFUSED;
        }
    }
    if (fd >= 0) setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

static bool is_only_now(void) { return errno == EAGAIN || errno == EINTR; }

/* False when it can't go on. Never waits, because the other direction must go on. */
static bool relay_move(flow *f) {
    if (f->begin == f->end) {
        ssize_t got = read(f->from, f->data, sizeof(f->data));
        if (got < 0 && is_only_now()) return true;
        if (got <= 0) return false;
        f->begin = 0;
        f->end = (size_t)got;
    }
    ssize_t sent = write(f->to, f->data + f->begin, f->end - f->begin);
    if (sent > 0) f->begin += (size_t)sent;
    return sent > 0 || is_only_now();
}

int builtin_relay(char **argv) {
    static flow in, out;
    int fd = connect_to((uint16_t)atoi(argv[1]));
    if (fd < 0) return errno;
    signal(SIGPIPE, SIG_IGN);
    in.from = 0, in.to = fd;
    out.from = fd, out.to = 1;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    fcntl(1, F_SETFL, O_NONBLOCK);
    (void)!write(2, "", 1); /* it is connected */
    for (;;) {
        struct pollfd fds[] = {{.fd = in.is_over          ? -1
                                      : in.begin < in.end ? fd
                                                          : 0,
                                .events = in.begin < in.end ? POLLOUT : POLLIN},
                               {.fd = out.begin < out.end ? 1 : fd, .events = out.begin < out.end ? POLLOUT : POLLIN}};
        if (poll(fds, 2, -1) < 0) continue;
        if (fds[0].revents && !relay_move(&in)) {
            in.is_over = true;
            shutdown(fd, SHUT_WR);
        }
        if (fds[1].revents && !relay_move(&out)) return 0;
    }
}
