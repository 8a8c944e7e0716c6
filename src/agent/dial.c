#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"

enum { DIALS_MAX = 256 };

/* One connection that is being made. Loopback answers at once, but for a listener whose queue is full. */
typedef struct attempt {
    watch watch;
    uint32_t stream, port;
    unsigned losses; /* of servers, before this one asked */
    bool six;        /* 127.0.0.1 has refused, this is ::1 */
} attempt;

static size_t attempts;

static void try_next(attempt *a, int error);

static void end(attempt *a, int error) {
    int fd = a->watch.fd;
    watch_set(&a->watch, 0);
    if (error || a->losses != channel_losses()) {
        if (fd >= 0) close(fd);
        if (a->losses == channel_losses()) channel_send_u32(a->stream, WRN_FRAME_DIALED, (uint32_t)error);
    } else {
        channel_send_fd(a->stream, WRN_FRAME_DIALED, 0, fd);
    }
    free(a);
    attempts--;
}

static void on_connected(watch *w, uint32_t events) {
    int error = 0;
    socklen_t size = sizeof(error);
    (void)events;
    getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &size);
    if (error) try_next(w->owner, error);
    else end(w->owner, 0);
}

static int open_socket(const attempt *a) {
    return socket(a->six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static int start_connect(const attempt *a) {
    const struct sockaddr_in four = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)a->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const struct sockaddr_in6 six = {
        .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)a->port), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    return a->six ? connect(a->watch.fd, (const struct sockaddr *)&six, sizeof(six))
                  : connect(a->watch.fd, (const struct sockaddr *)&four, sizeof(four));
}

static void try_it(attempt *a) {
    int one = 1;
    a->watch.fd = open_socket(a);
    if (a->watch.fd < 0) {
        end(a, errno);
        return;
    }
    setsockopt(a->watch.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (start_connect(a) == 0) end(a, 0);
    else if (errno == EINPROGRESS) watch_set(&a->watch, EPOLLOUT);
    else try_next(a, errno);
}

static void try_next(attempt *a, int error) {
    if (a->six || error != ECONNREFUSED) {
        end(a, a->six ? ECONNREFUSED : error);
        return;
    }
    watch_close(&a->watch);
    a->six = true;
    try_it(a);
}

void dial(uint32_t stream, uint32_t port) {
    attempt *a = port && port < 65536 && attempts < DIALS_MAX ? calloc(1, sizeof(*a)) : NULL;
    if (!a) {
        channel_send_u32(stream, WRN_FRAME_DIALED, EAGAIN);
        return;
    }
    *a = (attempt){.watch = {.fd = -1, .ready = on_connected, .owner = a},
                   .stream = stream,
                   .port = port,
                   .losses = channel_losses()};
    attempts++;
    try_it(a);
}
