#include "base/file.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

struct dirent *wrn_dir_next(DIR *dir) {
    struct dirent *entry;
    while (dir && (entry = readdir(dir)))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) return entry;
    return NULL;
}

bool wrn_fds_send(int to, const void *data, size_t size, const int *fds, size_t count, int flags) {
    struct iovec bytes = {(void *)(uintptr_t)data, size};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(WRN_FDS_MAX * sizeof(int))];
    } control = {
        .head = {.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (count) {
        memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
    }
    ssize_t sent;
    while ((sent = sendmsg(to, &message, MSG_NOSIGNAL | flags)) < 0 && errno == EINTR) continue;
    return sent == (ssize_t)size;
}

ssize_t wrn_fds_receive(int from, void *data, size_t size, int *fds, size_t count) {
    struct iovec bytes = {data, size};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(WRN_FDS_MAX * sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
    for (size_t i = 0; i < count; i++) fds[i] = -1;
    ssize_t got;
    while ((got = recvmsg(from, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) continue;
    const struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    size_t fit = count * sizeof(int),
           sent = c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS ? c->cmsg_len - CMSG_LEN(0) : 0;
    if (sent) memcpy(fds, CMSG_DATA(c), sent < fit ? sent : fit);
    return got;
}

bool wrn_file_write(int dir, const char *path, int flags, const void *data, size_t size) {
    WRN_AUTO(wrn_fd_close) int fd = openat(dir, path, O_WRONLY | O_CLOEXEC | flags, 0644);
    return fd >= 0 && write(fd, data, size) == (ssize_t)size;
}

ssize_t wrn_file_read(const char *path, char *out, size_t size) {
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);
    out[got > 0 ? got : 0] = '\0';
    return got;
}

ssize_t wrn_write_quietly(int fd, const void *data, size_t size) {
    sigset_t broken, before, pending;
    sigemptyset(&broken);
    sigaddset(&broken, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &broken, &before);
    sigpending(&pending);
    ssize_t written = write(fd, data, size);
    int saved = errno;
    if (written < 0 && saved == EPIPE && !sigismember(&pending, SIGPIPE))
        while (sigtimedwait(&broken, NULL, &(struct timespec){0}) < 0 && errno == EINTR) {
        }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = saved;
    return written;
}
