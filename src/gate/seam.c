#include "gate/seam.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { HEAD = offsetof(seam_message, data), LACK_MS = 10 };

typedef struct seam_waiting {
    uint8_t head[HEAD];
    int passed;
} seam_waiting;

bool seam_passes(int error) {
    return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM || error == ETOOMANYREFS;
}

int seam_receive(int fd, seam_message *out, size_t *size, int *passed) {
    struct iovec part = {out, sizeof(*out)};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = passed ? &control : NULL,
                             .msg_controllen = passed ? sizeof(control) : 0};
    ssize_t got = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got < 0 && seam_passes(errno)) return 0;
    if (got < HEAD || message.msg_flags & MSG_TRUNC) return -1;
    *size = (size_t)got - HEAD;
    if (!passed) return 1;
    struct cmsghdr *head = CMSG_FIRSTHDR(&message);
    *passed = -1;
    if (head && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_RIGHTS)
        memcpy(passed, CMSG_DATA(head), sizeof(int));
    return 1;
}

bool seam_send(int fd, const seam_message *message, size_t size, bool wait) {
    while (send(fd, message, HEAD + size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        if (!seam_passes(errno) || !wait) return false;
        /* What the machine lacks is not told by an event. */
        if (errno == EAGAIN) (void)poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
        else (void)poll(NULL, 0, LACK_MS);
    }
    return true;
}

bool seam_queue_init(seam_queue *queue, int fd, size_t capacity) {
    *queue = (seam_queue){.fd = fd, .capacity = capacity, .items = calloc(capacity, sizeof(*queue->items))};
    return queue->items != NULL;
}

/* False: try again later. */
static bool send_now(int fd, const void *head, int passed) {
    struct iovec part = {(void *)(uintptr_t)head, HEAD};
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (passed >= 0) {
        memcpy(CMSG_DATA(&control.head), &passed, sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
    }
    /* Otherwise the stack is gone, which is seen elsewhere. */
    return sendmsg(fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0 || !seam_passes(errno);
}

bool seam_post(seam_queue *queue, const seam_message *message, int passed) {
    if (!queue->count && send_now(queue->fd, message, passed)) {
        if (passed >= 0) close(passed);
        return true;
    }
    if (queue->count == queue->capacity) {
        if (passed >= 0) close(passed);
        return false;
    }
    seam_waiting *item = &queue->items[(queue->first + queue->count++) % queue->capacity];
    memcpy(item->head, message, HEAD);
    item->passed = passed;
    return true;
}

void seam_flush(seam_queue *queue) {
    for (; queue->count; queue->count--) {
        seam_waiting *item = &queue->items[queue->first];
        if (!send_now(queue->fd, item->head, item->passed)) return;
        if (item->passed >= 0) close(item->passed);
        queue->first = (queue->first + 1) % queue->capacity;
    }
}
