#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/agent.h"

enum { ROOM = 4 * (WRN_FRAME_HEADER + WRN_FRAME_PAYLOAD_MAX) };

static uint8_t in_buffer[WRN_FRAME_BUFFER];
static wrn_frame_reader reader = {.buffer = in_buffer};
static watch channel = {.fd = -1}; /* -1: there is no server */
static watch out = {.fd = -1};
static watch handover = {.fd = -1};
static unsigned losses;
static uint8_t *queue; /* bytes [queue_begin, queue_end) wait to be written */
static size_t queue_begin, queue_end, queue_capacity;
static bool output_waits; /* somebody was told that there is no room */

bool channel_has_room(void) {
    bool room = channel.fd >= 0 && queue_end - queue_begin < ROOM;
    if (!room) output_waits = true;
    return room;
}

bool channel_is_open(void) { return channel.fd >= 0; }

static void flush(void) {
    while (queue_begin < queue_end) {
        ssize_t written = write(out.fd, queue + queue_begin, queue_end - queue_begin);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno != EAGAIN) queue_begin = queue_end; /* an end that reading will notice */
        if (written <= 0) break;
        queue_begin += (size_t)written;
    }
    if (queue_begin == queue_end) queue_begin = queue_end = 0;
    watch_set(&out, queue_end ? EPOLLOUT : 0);
    if (output_waits && queue_end - queue_begin < ROOM) {
        output_waits = false;
        command_resume_output();
    }
}

void channel_send(uint32_t stream, uint8_t type, const void *data, size_t size) {
    size_t need = WRN_FRAME_HEADER + size;
    if (channel.fd < 0) return;
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
    flush();
}

void channel_send_u32(uint32_t stream, uint8_t type, uint32_t value) {
    uint8_t payload[4];
    wrn_put_u32(payload, value);
    channel_send(stream, type, payload, sizeof(payload));
}

static void handle(const wrn_frame *frame) {
    uint32_t number = frame->size >= 4 ? wrn_get_u32(frame->data) : 0;
    switch (frame->type) {
    case WRN_FRAME_EXEC: command_exec(frame->stream, frame->flags, frame->data, frame->size); break;
    case WRN_FRAME_STDIN: command_stdin(frame->stream, frame->data, frame->size); break;
    case WRN_FRAME_STDIN_EOF: command_stdin_eof(frame->stream); break;
    case WRN_FRAME_SIGNAL: command_signal(frame->stream, number); break;
    case WRN_FRAME_WINDOW: command_window(frame->stream, number); break;
    case WRN_FRAME_RESIZE:
        if (frame->size == 8) command_resize(frame->stream, number, wrn_get_u32(frame->data + 4));
        break;
    case WRN_FRAME_LABEL: command_label(frame->stream, frame->data, frame->size); break;
    case WRN_FRAME_PING: channel_send(0, WRN_FRAME_PONG, frame->data, frame->size < 64 ? frame->size : 64); break;
    case WRN_FRAME_FREEZE:
    case WRN_FRAME_THAW:
        tree_freeze(frame->type == WRN_FRAME_FREEZE);
        channel_send(0, WRN_FRAME_DONE, NULL, 0);
        break;
    default: break; /* of a newer server */
    }
}

/* ---- from one server to the next ---- */

unsigned channel_losses(void) { return losses; }

static void lose(void) {
    if (channel.fd < 0) return;
    if (handover.fd < 0) _exit(0); /* nobody will come, and the sandbox goes with us */
    watch_close(&channel);
    watch_close(&out);
    queue_begin = queue_end = 0;
    reader.begin = reader.end = 0;
    losses++;
    command_abandon();
}

static void on_writable(watch *w, uint32_t events) {
    (void)w, (void)events;
    flush();
}

static void begin(const int fds[2], void (*ready)(watch *, uint32_t)) {
    for (int i = 0; i < 2; i++) {
        fcntl(fds[i], F_SETFD, FD_CLOEXEC); /* commands must not get at it */
        fcntl(fds[i], F_SETFL, O_NONBLOCK);
    }
    channel = (watch){.fd = fds[0], .ready = ready};
    out = (watch){.fd = fds[1], .ready = on_writable};
    watch_set(&channel, EPOLLIN);
}

static void on_ready(watch *w, uint32_t events) {
    (void)events;
    size_t room;
    uint8_t *at = wrn_frame_room(&reader, &room);
    ssize_t got = read(w->fd, at, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        lose();
        return;
    }
    wrn_frame_fed(&reader, (size_t)got);
    wrn_frame frame;
    int next;
    while ((next = wrn_frame_next(&reader, &frame)) > 0) handle(&frame);
    if (next < 0) die("wrenn-agent: broken frame");
}

/* 1: both ends; 0: none came; -1: none will. */
static int receive_channel(int from, int fds[2]) {
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

static void on_handover(watch *w, uint32_t events) {
    (void)events;
    int fds[2], got = receive_channel(w->fd, fds);
    if (!got) return;
    if (got < 0) {
        watch_close(w);
        if (channel.fd < 0) _exit(0);
        return;
    }
    lose();
    begin(fds, on_ready);
    command_send_kept();
    output_waits = false;
    command_resume_output();
}

void channel_open(void) {
    int type = 0;
    socklen_t size = sizeof(type);
    if (getsockopt(HANDOVER_FD, SOL_SOCKET, SO_TYPE, &type, &size) == 0 && type == SOCK_SEQPACKET) {
        fcntl(HANDOVER_FD, F_SETFD, FD_CLOEXEC);
        handover = (watch){.fd = HANDOVER_FD, .ready = on_handover};
        watch_set(&handover, EPOLLIN);
    }
    begin((const int[]){CHANNEL_IN_FD, CHANNEL_OUT_FD}, on_ready);
    channel_send_u32(0, WRN_FRAME_HELLO, WRN_AGENT_VERSION);
}
