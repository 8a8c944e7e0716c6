#include "gate/stack.h"

#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "gate/connections.h"
#include "gate/frame.h"
#include "gate/jail.h"
#include "gate/link.h"
#include "gate/sockets.h"
#include "gate/terminator.h"

enum {
    FRAGMENT_OFFSET = 0x1fff, /* the bits of it */
    FRAGMENT6 = 44,           /* the header of fragments in version 6 */
    FRAMES_AT_ONCE = 32,
    MESSAGES_AT_ONCE = 64,
    POLLS_FIRST = 64,
    LOOK_US = 50,
    PING_REQUEST4 = 8,
    PING_REQUEST6 = 128,
    PING_ANSWER4 = 0,
    PING_ANSWER6 = 129,
    CODE_PROTOCOL = 2
};

static struct {
    int broker;
    bool with_v6;
    size_t mtu;
    uint8_t sandbox_mac[6]; /* of the last frame */
    struct pollfd *polls;
    size_t capacity;
} stack;

/* ---- to the sandbox ---- */

static void emit(uint8_t *bytes, bool v6, const wrn_address *from, uint8_t proto, size_t body_size,
                 size_t checksum_at) {
    link_put(bytes,
             frame_finish(bytes, v6, stack.sandbox_mac, from, &wrn_link_sandbox[v6], proto, body_size, checksum_at));
}

static void from_terminator(const uint8_t *bytes, size_t size) {
    if (size < ETHER_HEAD) return;
    size = frame_without_padding(bytes, size); /* libslirp 4.8 pads frames to 60 bytes */
    connections_watch(bytes, size);
    link_put(bytes, size);
}

static uint8_t out[FRAME_MAX];

static void emit_ping(bool v6, const wrn_address *from, uint16_t identifier, const uint8_t *data, size_t size) {
    uint8_t *body = frame_body(out, v6);
    memmove(body, data, size);
    body[0] = v6 ? PING_ANSWER6 : PING_ANSWER4;
    frame_put16(body + 4, identifier);
    emit(out, v6, from, v6 ? IP_ICMP6 : IP_ICMP, size, 2);
}

static void emit_datagram(const seam_message *message, size_t size) {
    const wrn_endpoint *from = &message->peer;
    bool v6 = !wrn_address_is_v4(&from->address);
    if (size + 8 + (v6 ? IP6_HEAD : IP4_HEAD) > stack.mtu) return;
    if (from->proto == WRN_PING) {
        if (size >= 8) emit_ping(v6, &from->address, message->local_port, message->data, size);
        return;
    }
    uint8_t *body = frame_body(out, v6);
    frame_put16(body, from->port);
    frame_put16(body + 2, message->local_port);
    frame_put16(body + 4, (unsigned)size + 8);
    memcpy(body + 8, message->data, size);
    emit(out, v6, &from->address, WRN_UDP, size + 8, 6);
}

/* The packet that can't be sent is made again, as far as its sender looks at it. */
static void emit_unreachable(const seam_message *message, size_t size) {
    const wrn_endpoint *to = &message->peer;
    bool v6 = !wrn_address_is_v4(&to->address), ping = to->proto == WRN_PING;
    static uint8_t again[FRAME_MAX];
    static const uint8_t no_mac[6];
    uint8_t *body = frame_body(again, v6);
    memset(body, 0, 8);
    if (ping && size >= 8) {
        memcpy(body, message->data, 8);
    } else {
        frame_put16(body, message->local_port);
        frame_put16(body + 2, to->port);
        frame_put16(body + 4, 8);
    }
    wrn_frame packet = {.bytes = again,
                        .v6 = v6,
                        .ip = again + ETHER_HEAD,
                        .body = body,
                        .body_size = 8,
                        .proto = ping ? (v6 ? IP_ICMP6 : IP_ICMP) : WRN_UDP,
                        .to = to->address};
    packet.size = frame_finish(again, v6, no_mac, &wrn_link_sandbox[v6], &to->address, packet.proto, 8, ping ? 2 : 6);
    connections_refuse(&packet, (wrn_denial)message->denial, message->error);
}

/* ---- from the sandbox ---- */

static void to_broker(uint8_t kind, wrn_denial denial, const wrn_endpoint *peer, uint16_t local_port,
                      const uint8_t *data, size_t size) {
    static seam_message message;
    if (size > sizeof(message.data)) return;
    message.kind = kind;
    message.denial = (uint8_t)denial;
    message.local_port = local_port;
    message.peer = *peer;
    memcpy(message.data, data, size);
    if (!seam_send(stack.broker, &message, size, false) && !seam_passes(errno)) _exit(1); /* datagrams may be lost */
}

static void udp(const wrn_frame *packet) {
    const uint8_t *body = packet->body;
    size_t size = frame_get16(body + 4);
    if (size < 8 || size > packet->body_size) return;
    wrn_endpoint to = {packet->to, (uint16_t)frame_get16(body + 2), WRN_UDP};
    if (to.port) to_broker(SEAM_DATAGRAM, WRN_ALLOWED, &to, (uint16_t)frame_get16(body), body + 8, size - 8);
}

static void ping(const wrn_frame *packet) {
    const uint8_t *body = packet->body;
    if (body[0] != (packet->v6 ? PING_REQUEST6 : PING_REQUEST4) || body[1]) return;
    wrn_endpoint to = {packet->to, 0, WRN_PING};
    uint16_t identifier = (uint16_t)frame_get16(body + 4);
    if (wrn_address_equal(&packet->to, &wrn_link_gate[packet->v6]))
        emit_ping(packet->v6, &packet->to, identifier, body, packet->body_size);
    else to_broker(SEAM_DATAGRAM, WRN_ALLOWED, &to, identifier, body, packet->body_size);
}

static void packet_in(wrn_frame *packet) {
    bool to_gate = wrn_address_equal(&packet->to, &wrn_link_gate[packet->v6]);
    if (packet->proto == WRN_TCP) {
        if (to_gate && frame_tcp_is_whole(packet) && frame_get16(packet->body + 2) != 53)
            return connections_refuse(packet, WRN_ALLOWED, ECONNREFUSED);
        return connections_segment(packet);
    }
    if (packet->body_size < 8) return;
    if (packet->proto == WRN_UDP) return udp(packet);
    if (packet->proto == (packet->v6 ? IP_ICMP6 : IP_ICMP)) return ping(packet);
    wrn_endpoint to = {packet->to, 0, packet->proto};
    wrn_denial denial = packet->v6 && packet->proto == FRAGMENT6 ? WRN_DENY_MALFORMED : WRN_DENY_PROTOCOL;
    to_broker(SEAM_DENIED, denial, &to, 0, out, 0);
    connections_refuse(packet, denial, 0);
}

void stack_frame(uint8_t *bytes, size_t size) {
    wrn_frame packet;
    switch (frame_read(bytes, size, stack.with_v6, &packet)) {
    case FRAME_DROPPED: return;
    case FRAME_DENIED: {
        wrn_endpoint to = {packet.to, 0, packet.proto};
        to_broker(SEAM_DENIED, packet.denial, &to, 0, out, 0);
        /* Who sends a datagram in fragments learns of it by the first one. */
        if (packet.proto == WRN_UDP && packet.body_size >= 8 && !(frame_get16(packet.ip + 6) & FRAGMENT_OFFSET))
            connections_refuse(&packet, packet.denial, 0);
        return;
    }
    case FRAME_NEIGHBOUR: memcpy(stack.sandbox_mac, bytes + 6, 6); return terminator_input(bytes, packet.size);
    case FRAME_PACKET: memcpy(stack.sandbox_mac, bytes + 6, 6); return packet_in(&packet);
    }
}

/* ---- the loop ---- */

static bool broker_ready(void) {
    static seam_message message;
    size_t size;
    int fd;
    for (int i = 0; i < MESSAGES_AT_ONCE; i++) {
        int got = seam_receive(stack.broker, &message, &size, &fd);
        if (got <= 0) return got == 0;
        if (message.kind == SEAM_OPEN) connections_verdict(&message, wrn_fd_take(&fd));
        else if (message.kind == SEAM_LINK && !stack_link(wrn_fd_take(&fd), &message.link)) return false;
        if (fd >= 0) sockets_raw_close(fd);
        if (message.kind == SEAM_SERVER_NAME) connections_name_verdict(&message);
        else if (message.kind == SEAM_DATAGRAM) emit_datagram(&message, size);
        else if (message.kind == SEAM_UNREACHABLE) emit_unreachable(&message, size);
    }
    return true;
}

static bool link_ready(void) {
    uint8_t *frame;
    for (int i = 0; i < FRAMES_AT_ONCE; i++) {
        ssize_t got = link_read(&frame);
        if (got < 0) return seam_passes(errno);
        if (got > 0) stack_frame(frame, (size_t)got); /* nothing is not the end: a datagram may be empty */
        if (i % 2) link_flush();                      /* two segments are acknowledged by one, as TCP does */
    }
    return true;
}

/* poll(). To be put to sleep and woken takes longer than an answer of somebody who runs on another processor. So after a short wait the
 * next one looks for a moment before it sleeps, and lets others of this processor run. */
static int wait_for_events(size_t count, int timeout) {
    static bool was_short;
    int64_t start = wrn_now_us();
    int got = 0;
    while (was_short && timeout && !got && wrn_now_us() < start + LOOK_US) {
        got = poll(stack.polls, count, 0);
        if (!got) sched_yield();
    }
    if (!got) got = poll(stack.polls, count, timeout);
    was_short = wrn_now_us() < start + 2 * LOOK_US;
    return got;
}

bool stack_turn(void) {
    size_t count = 2;
    int timeout = -1;
    stack.polls[0] = (struct pollfd){.fd = link_fd(), .events = POLLIN};
    stack.polls[1] = (struct pollfd){.fd = stack.broker, .events = POLLIN};
    if (!terminator_fill(&stack.polls, &count, &stack.capacity, &timeout)) return false;
    int got = wait_for_events(count, timeout);
    if (got < 0 && !seam_passes(errno)) return false;
    if (got < 0) stack.polls[0].revents = stack.polls[1].revents = 0;
    if (stack.polls[1].revents && !broker_ready()) return false;
    if (stack.polls[0].revents & POLLIN) {
        if (!link_ready()) return false;
    } else if (stack.polls[0].revents & (POLLERR | POLLHUP | POLLNVAL)) {
        return false; /* the sandbox is gone */
    }
    terminator_poll(stack.polls, got < 0);
    connections_sweep();
    link_flush();
    return true;
}

bool stack_link(int link, const seam_link *how) {
    stack.with_v6 = how->with_v6;
    return link_use(link, how);
}

bool stack_init(const gate_options *options, int broker) {
    static const terminator_hooks hooks = {from_terminator, connections_wanted, connections_got};
    stack.broker = broker;
    stack.mtu = options->mtu;
    stack.capacity = POLLS_FIRST;
    stack.polls = calloc(stack.capacity, sizeof(*stack.polls));
    return stack.polls && connections_init(gate_slots(options), broker, emit) && terminator_init(&hooks, options->mtu);
}

void stack_run(const gate_options *options, int broker) {
    static const seam_message ready = {.kind = SEAM_READY};
    if (!stack_init(options, broker)) {
        fprintf(stderr, "wrenn-gate: out of memory\n");
        _exit(2);
    }
    gate_join(options);
    jail_enter(options, JAIL_STACK);
    if (!seam_send(broker, &ready, 0, true)) _exit(1);
    while (stack_turn()) {
    }
    _exit(1);
}
