/* Frames of a hostile sandbox, with libslirp behind: the stack never ends, and what it sends can be read. Here is its broker, which
 * grants connections to sockets of its own. An input is a list of frames: what is done with each (a byte), its size (two), and it. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz.h"
#include "gate/frame.h"
#include "gate/stack.h"

enum { DO_CHECKSUMS = 1, DO_FOLLOW = 2, DO_PEER_SPEAKS = 4, DO_PEER_CLOSES = 8, PEERS = 16, TURNS = 3 };

static int link_end, broker_end, peers[PEERS];
static size_t next_peer;
static uint8_t answered[FRAME_MAX]; /* the last SYN+ACK */
static size_t answered_size;

static void start(void) {
    static bool started;
    if (started) return;
    started = true;
    int links[2], seams[2];
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, links) == 0);
    FUZZ_CHECK(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, seams) == 0);
    link_end = links[0];
    broker_end = seams[0];
    for (size_t i = 0; i < PEERS; i++) peers[i] = -1;
    static const gate_options options = {.mtu = 1500, .flows = 64};
    FUZZ_CHECK(stack_init(&options, seams[1]) && stack_link(links[1], &(seam_link){.with_v6 = true}));
}

/* libslirp's sockets are what socketpair() makes: that call stays what it is. */
static int grant(void) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) return -1;
    int *place = &peers[next_peer++ % PEERS];
    if (*place >= 0) close(*place);
    *place = ends[0];
    return ends[1];
}

static void answer(seam_queue *queue, seam_message *message, size_t size) {
    int passed = -1;
    if (message->kind == SEAM_OPEN) {
        message->scrutiny = message->id >> 16 & 1;
        message->denial = message->id >> 16 & 7 ? WRN_ALLOWED : WRN_DENY_UNLISTED;
        if (message->denial == WRN_ALLOWED) passed = grant();
    } else if (message->kind == SEAM_SERVER_NAME) {
        message->denial = size & 1 ? WRN_ALLOWED : WRN_DENY_SERVER_NAME;
    } else if (message->kind == SEAM_DATAGRAM) {
        message->kind = message->local_port & 1 ? SEAM_DATAGRAM : SEAM_UNREACHABLE;
        (void)seam_send(broker_end, message, size, false);
        return;
    } else {
        return;
    }
    FUZZ_CHECK(seam_post(queue, message, passed));
}

/* The stack sends no frame that can't be read, nor from somewhere that was not asked. */
static void read_link(void) {
    uint8_t in[FRAME_MAX];
    for (ssize_t got; (got = recv(link_end, in, sizeof(in), MSG_DONTWAIT)) >= 0;) {
        FUZZ_CHECK(got >= ETHER_HEAD && got <= 1500 + ETHER_HEAD);
        bool is_v4 = frame_get16(in + 12) == 0x800;
        if (!is_v4 || in[23] != WRN_TCP || (in[47] & (TCP_SYN | TCP_ACK)) != (TCP_SYN | TCP_ACK)) continue;
        memcpy(answered, in, (size_t)got);
        answered_size = (size_t)got;
    }
}

static void turn(void) {
    static seam_queue queue;
    static seam_message message;
    size_t size;
    if (!queue.items) FUZZ_CHECK(seam_queue_init(&queue, broker_end, 512));
    for (int i = 0; i < TURNS; i++) {
        seam_flush(&queue);
        while (seam_receive(broker_end, &message, &size, NULL) > 0) answer(&queue, &message, size);
        static const seam_message nothing = {.kind = SEAM_READY};
        (void)seam_send(broker_end, &nothing, 0, false); /* so that it does not wait */
        FUZZ_CHECK(stack_turn());
        read_link();
    }
}

/* To the connection that was made last, with the numbers that it expects. */
static void follow(uint8_t *bytes, size_t size) {
    if (!answered_size || size < ETHER_HEAD + IP4_HEAD + TCP_HEAD) return;
    uint8_t *tcp = bytes + ETHER_HEAD + IP4_HEAD;
    const uint8_t *other = answered + ETHER_HEAD + IP4_HEAD;
    memcpy(bytes + ETHER_HEAD + 12, answered + ETHER_HEAD + 16, 4);
    memcpy(bytes + ETHER_HEAD + 16, answered + ETHER_HEAD + 12, 4);
    memcpy(tcp, other + 2, 2);
    memcpy(tcp + 2, other, 2);
    frame_put32(tcp + 4, frame_get32(other + 8) + frame_get32(tcp + 4) % 70000);
    frame_put32(tcp + 8, frame_get32(other + 4) + 1);
}

static void repair(uint8_t *bytes, size_t size) {
    static uint8_t again[FRAME_MAX];
    static const uint8_t mac[6] = {0x52, 0x55, 192, 0, 0, 1};
    if (size < ETHER_HEAD + IP4_HEAD + TCP_HEAD || frame_get16(bytes + 12) != 0x800) return;
    wrn_address from = wrn_address_v4(bytes + ETHER_HEAD + 12), to = wrn_address_v4(bytes + ETHER_HEAD + 16);
    uint8_t proto = bytes[ETHER_HEAD + 9];
    size_t body = size - ETHER_HEAD - IP4_HEAD;
    memcpy(frame_body(again, false), bytes + ETHER_HEAD + IP4_HEAD, body);
    (void)frame_finish(again, false, mac, &from, &to, proto, body, proto == WRN_TCP ? 16 : proto == WRN_UDP ? 6 : 2);
    memcpy(bytes, again, size);
    bytes[6] = 2;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    start();
    while (size >= 3) {
        uint8_t what = data[0];
        size_t length = frame_get16(data + 1);
        data += 3;
        size -= 3;
        if (length > size) length = size;
        if (length > 1514) length = 1514;
        uint8_t *bytes = malloc(length ? length : 1);
        FUZZ_CHECK(bytes);
        if (length) memcpy(bytes, data, length);
        if (what & DO_FOLLOW) follow(bytes, length);
        if (what & DO_CHECKSUMS) repair(bytes, length);
        int *peer = &peers[(next_peer + PEERS - 1) % PEERS];
        if (what & DO_PEER_SPEAKS && *peer >= 0) (void)send(*peer, data, length, MSG_NOSIGNAL);
        if (what & DO_PEER_CLOSES && *peer >= 0) (void)shutdown(*peer, SHUT_WR);
        stack_frame(bytes, length);
        free(bytes);
        turn();
        data += length;
        size -= length;
    }
    return 0;
}
