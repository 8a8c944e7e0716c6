#include "agent/channel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/loop.h"

enum { CHANNEL_IN_FD = 3, HANDOVER_FD = 4, CHANNEL_OUT_FD = 7 };
enum { ROOM = 4 * (WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX) };

static const channel_events *handlers;
static uint8_t in_buffer[WRN_FRAME_BUFFER];
static wrn_frame_reader reader = {.buffer = in_buffer};
static watch channel_in = {.fd = -1}; /* -1: no wrennd is attached */
static watch channel_out = {.fd = -1};
static watch handover = {.fd = -1};
static uint8_t *queue; /* bytes [queue_begin, queue_end) are pending */
static size_t queue_begin, queue_end, queue_capacity;
static size_t allowed = SIZE_MAX; /* so many bytes of the queue may be written; SIZE_MAX: all of them */
static bool output_waits;         /* channel_has_room() was false since the last `room` */
static bool is_port;              /* of a machine: it stays when wrennd goes */
static bool is_lost;              /* and then waits for the RESUME of the next one */

bool channel_is_open(void) { return channel_in.fd >= 0 && !is_lost; }

bool channel_has_room(void) {
    bool room = channel_is_open() && allowed == SIZE_MAX && queue_end - queue_begin < ROOM;
    if (!room) output_waits = true;
    return room;
}

bool channel_is_port(void) { return is_port; }

static size_t channel_writable(void) { return queue_end - queue_begin < allowed ? queue_end - queue_begin : allowed; }

static void channel_flush(void) {
    while (channel_writable()) {
        ssize_t written = write(channel_out.fd, queue + queue_begin, channel_writable());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno != EAGAIN) queue_begin = queue_end; /* reading will find that the channel is closed */
        if (written <= 0) break;
        queue_begin += (size_t)written;
        if (allowed != SIZE_MAX) allowed -= (size_t)written;
    }
    if (queue_begin == queue_end) queue_begin = queue_end = 0;
    watch_set(&channel_out, channel_writable() ? EPOLLOUT : 0);
    if (output_waits && allowed == SIZE_MAX && queue_end - queue_begin < ROOM) {
        output_waits = false;
        handlers->room();
    }
}

static void channel_put(uint32_t stream, uint8_t type, const void *data, size_t size) {
    size_t need = WRN_FRAME_HEADER + size;
    if (queue_end + need > queue_capacity) {
        memmove(queue, queue + queue_begin, queue_end - queue_begin);
        queue_end -= queue_begin;
        queue_begin = 0;
        if (queue_end + need > queue_capacity) {
            queue_capacity = 2 * (queue_end + need);
            queue = realloc(queue, queue_capacity);
            if (!queue) die("wrenn-agent: out of memory");
        }
    }
    wrn_frame_head(queue + queue_end, stream, type, 0, (uint32_t)size);
    if (size) memcpy(queue + queue_end + WRN_FRAME_HEADER, data, size);
    queue_end += need;
}

void channel_send(uint32_t stream, uint8_t type, const void *data, size_t size) {
    if (!channel_is_open()) return;
    channel_put(stream, type, data, size);
    channel_flush();
}

void channel_send_u32(uint32_t stream, uint8_t type, uint32_t value) {
    uint8_t payload[4];
    wrn_put_u32(payload, value);
    channel_send(stream, type, payload, sizeof(payload));
}

/* ---- a machine that is stopped, and goes on ---- */

void channel_quiet(void) {
    channel_put(0, WRN_FRAME_DONE, NULL, 0);
    allowed = queue_end - queue_begin;
    channel_flush();
}

void channel_go_on(bool forget) {
    allowed = SIZE_MAX;
    if (forget) queue_begin = queue_end = 0;
    output_waits = true;
    is_lost = false;
    watch_set(&channel_in, EPOLLIN);
}

/* ---- from one wrennd to the next ---- */

static void channel_lose(void) {
    if (!channel_is_open()) return;
    if (is_port) {
        is_lost = true;
        watch_set(&channel_in, EPOLLIN | EPOLLET); /* it says all the time that nobody is there */
        watch_set(&channel_out, 0);
    } else if (handover.fd >= 0) {
        watch_close(&channel_in);
        watch_close(&channel_out);
    } else {
        _exit(0); /* no wrennd can re-attach: the sandbox ends with the agent */
    }
    queue_begin = queue_end = 0;
    reader.begin = reader.end = 0;
    handlers->lost();
}

static void channel_on_writable(watch *w, uint32_t events) { channel_flush(); }

/* The next wrennd may be there before it is seen that the last one, which sent a part of a frame, has gone: a port then waits for
 * another try. */
static void channel_handle_frames(void) {
    wrn_frame frame;
    int next;
    while ((next = wrn_frame_next(&reader, &frame)) > 0)
        if (!is_lost || frame.type == WRN_FRAME_RESUME) handlers->frame(&frame);
    if (next >= 0) return;
    if (!is_port) die("wrenn-agent: malformed frame from wrennd");
    channel_lose();
    reader.begin = reader.end = 0;
}

static void channel_on_readable(watch *w, uint32_t events) {
    do {
        size_t room;
        uint8_t *at = wrn_frame_room(&reader, &room);
        ssize_t got = read(w->fd, at, room);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
        if (got <= 0) {
            channel_lose();
            reader.begin = reader.end = 0;
            return;
        }
        wrn_frame_fed(&reader, (size_t)got);
        channel_handle_frames();
    } while (is_lost);
}

static void channel_attach(const int fds[2]) {
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC); /* no command may inherit it */
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    channel_in = (watch){.fd = fds[0], .ready = channel_on_readable};
    channel_out = (watch){.fd = fds[1], .ready = channel_on_writable};
    watch_set(&channel_in, EPOLLIN);
}

/* 1: fds has both pipes; 0: nothing came, or something else did; -1: the socket is closed. */
static int channel_receive_pipes(int from, int fds[2]) {
    char byte;
    struct iovec bytes = {&byte, 1};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(2 * sizeof(int))];
    } control;
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    ssize_t got = recvmsg(from, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    if (got <= 0) return got < 0 && (errno == EAGAIN || errno == EINTR) ? 0 : -1;
    const struct cmsghdr *c = CMSG_FIRSTHDR(&message);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(2 * sizeof(int)))
        return 0;
    memcpy(fds, CMSG_DATA(c), 2 * sizeof(int));
    return 1;
}

static void channel_on_handover(watch *w, uint32_t events) {
    int fds[2], got = channel_receive_pipes(w->fd, fds);
    if (!got) return;
    if (got < 0) {
        watch_close(w);
        if (channel_in.fd < 0) _exit(0);
        return;
    }
    channel_lose();
    channel_attach(fds);
    handlers->reattached();
    output_waits = false;
    handlers->room();
}

void channel_open(const channel_events *events) {
    int type = 0;
    socklen_t size = sizeof(type);
    struct stat channel;
    handlers = events;
    is_port = fstat(CHANNEL_IN_FD, &channel) == 0 && S_ISCHR(channel.st_mode);
    if (getsockopt(HANDOVER_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) {
        fcntl(HANDOVER_FD, F_SETFD, FD_CLOEXEC);
        handover = (watch){.fd = HANDOVER_FD, .ready = channel_on_handover};
        watch_set(&handover, EPOLLIN);
    }
    channel_attach((const int[]){CHANNEL_IN_FD, CHANNEL_OUT_FD});
    channel_send_u32(0, WRN_FRAME_HELLO, WRN_AGENT_VERSION);
}
