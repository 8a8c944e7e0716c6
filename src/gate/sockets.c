#include "gate/sockets.h"

#include <errno.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))

static const sockets_owner *owner;
static int granted = -1;
static bool taken;

void sockets_take_over(const sockets_owner *new_owner) { owner = new_owner; }

bool sockets_grant(int fd) {
    bool was_taken = taken;
    granted = fd;
    taken = false;
    return was_taken;
}

ssize_t sockets_raw_send(int fd, const void *data, size_t size) {
    return syscall(SYS_sendto, fd, data, size, MSG_NOSIGNAL, NULL, 0);
}
ssize_t sockets_raw_recv(int fd, void *data, size_t size, int flags) {
    return syscall(SYS_recvfrom, fd, data, size, flags, NULL, NULL);
}
void sockets_raw_shutdown(int fd, int how) { (void)syscall(SYS_shutdown, fd, how); }
void sockets_raw_close(int fd) { (void)syscall(SYS_close, fd); }

static int refused(void) {
    errno = EACCES;
    return -1;
}

/* The C library gives the parameters other names. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */

EXPORT int socket(int domain, int type, int protocol) {
    if (!owner) return (int)syscall(SYS_socket, domain, type, protocol);
    if (granted < 0 || taken) return refused();
    taken = true;
    return granted;
}

/* What is granted is connected already; libslirp waits until it can write, as for any other. */
EXPORT int connect(int fd, const struct sockaddr *address, socklen_t size) {
    if (!owner) return (int)syscall(SYS_connect, fd, address, size);
    if (!taken) return refused();
    errno = EINPROGRESS;
    return -1;
}

EXPORT int bind(int fd, const struct sockaddr *address, socklen_t size) {
    return owner ? refused() : (int)syscall(SYS_bind, fd, address, size);
}

EXPORT int listen(int fd, int backlog) { return owner ? refused() : (int)syscall(SYS_listen, fd, backlog); }

/* The broker has set what is needed. */
EXPORT int setsockopt(int fd, int level, int option, const void *value, socklen_t size) {
    return owner ? 0 : (int)syscall(SYS_setsockopt, fd, level, option, value, size);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size) {
    if (owner && to) return refused();
    return syscall(SYS_sendto, fd, data, size, flags, to, to_size);
}

/* Urgent data goes as any other: what is checked is what the server reads. */
EXPORT ssize_t send(int fd, const void *data, size_t size, int flags) {
    if (owner && owner->owns(fd)) return owner->send(fd, data, size);
    return syscall(SYS_sendto, fd, data, size, flags, NULL, 0);
}

EXPORT ssize_t recv(int fd, void *data, size_t size, int flags) {
    if (owner && owner->owns(fd)) return owner->recv(fd, data, size, flags);
    return sockets_raw_recv(fd, data, size, flags);
}

/* At the end of a stream libslirp asks for this, and takes one that is shut down both ways for a reset. */
EXPORT int getpeername(int fd, struct sockaddr *address, socklen_t *size) {
    if (owner && owner->owns(fd)) return 0;
    return (int)syscall(SYS_getpeername, fd, address, size);
}

EXPORT int shutdown(int fd, int how) {
    if (!owner || !owner->owns(fd)) return (int)syscall(SYS_shutdown, fd, how);
    owner->shutdown(fd, how);
    return 0;
}

EXPORT int close(int fd) {
    if (!owner || !owner->owns(fd)) return (int)syscall(SYS_close, fd);
    owner->close(fd);
    return 0;
}

/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */
