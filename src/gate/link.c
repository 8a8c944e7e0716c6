#include "gate/link.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* TOGETHER_MAX: half of a window, so that the sandbox takes one half while the other one is made. */
enum {
    HEAD = sizeof(struct virtio_net_hdr),
    PACKET_MAX = ETHER_HEAD + 65535,
    TOGETHER_MAX = 32 << 10,
    TYPE_IP4 = 0x800,
    TYPE_IP6 = 0x86dd
};

static struct {
    int fd;
    bool has_heads; /* in front of frames is a struct virtio_net_hdr; otherwise they go one by one */
    uint8_t in[HEAD + FRAME_MAX], out[HEAD + FRAME_MAX];
    size_t size;    /* of the frame in `out`; 0: there is none */
    size_t segment; /* bytes of data in each of its segments; 0: nothing goes with it */
} end = {.fd = -1};

int link_fd(void) { return end.fd; }

/* Whoever made the link has decided it. */
static bool asks_for_heads(int fd, bool is_packet) {
    struct ifreq tap = {0};
    int on = 0;
    socklen_t size = sizeof(on);
    if (is_packet) return getsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, &size) == 0 && on;
    return ioctl(fd, TUNGETIFF, &tap) == 0 && tap.ifr_flags & IFF_VNET_HDR;
}

bool link_use(int fd, const seam_link *how) {
    int flags = fcntl(fd, F_GETFL), earlier;
    socklen_t size = sizeof(earlier);
    if (how->is_packet) (void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &earlier, &size); /* from before the device was up */
    end.fd = fd;
    end.has_heads = asks_for_heads(fd, how->is_packet);
    return flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0;
}

ssize_t link_read(uint8_t **frame) {
    size_t head = end.has_heads ? HEAD : 0;
    ssize_t got = read(end.fd, end.in, head + FRAME_MAX);
    *frame = end.in + head;
    return got < 0 ? got : got > (ssize_t)head ? got - (ssize_t)head : 0;
}

/* ---- segments that go together ---- */

static bool is_v6(const uint8_t *frame) { return frame_get16(frame + 12) == TYPE_IP6; }

static size_t head_size(const uint8_t *frame) { return ETHER_HEAD + (is_v6(frame) ? IP6_HEAD : IP4_HEAD) + TCP_HEAD; }

/* Without options. */
static bool is_tcp(const uint8_t *frame) {
    bool v6 = is_v6(frame);
    if (!v6 && frame_get16(frame + 12) != TYPE_IP4) return false;
    return frame[ETHER_HEAD + (v6 ? 6 : 9)] == WRN_TCP && frame[head_size(frame) - TCP_HEAD + 12] == TCP_HEAD / 4 << 4;
}

/* How much data is in a segment that has nothing else to say; 0 when it is none. */
static size_t data_in(const uint8_t *frame, size_t size) {
    size_t head = head_size(frame);
    const uint8_t *tcp = frame + head - TCP_HEAD;
    if (size <= head || !is_tcp(frame)) return 0;
    return (tcp[13] & ~TCP_PUSH) == TCP_ACK ? size - head : 0;
}

/* Whether a segment with `data` bytes is what comes after those in `out`. */
static bool follows(const uint8_t *frame, size_t data) {
    const uint8_t *first = end.out + HEAD;
    size_t head = head_size(frame), tcp = head - TCP_HEAD, addresses = tcp - (is_v6(frame) ? 32 : 8);
    if (!data || !end.segment || data > end.segment || end.size + data > TOGETHER_MAX) return false;
    if ((end.size - head) % end.segment) return false; /* only the last one may be shorter */
    return head == head_size(first) && memcmp(first, frame, ETHER_HEAD + 2) == 0 &&
           memcmp(first + addresses, frame + addresses, tcp - addresses + 4) == 0 &&
           frame_get32(frame + tcp + 4) == frame_get32(first + tcp + 4) + (uint32_t)(end.size - head) &&
           memcmp(first + tcp + 8, frame + tcp + 8, 5) == 0 && memcmp(first + tcp + 14, frame + tcp + 14, 2) == 0;
}

void link_flush(void) {
    struct virtio_net_hdr about = {0};
    uint8_t *frame = end.out + HEAD;
    size_t size = end.size, head = head_size(frame);
    if (!size) return;
    end.size = 0;
    if (data_in(frame, size)) {
        about.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        about.csum_start = (uint16_t)(head - TCP_HEAD);
        about.csum_offset = 16;
        about.hdr_len = (uint16_t)head;
        frame_leave_checksum(frame, size);
        if (size - head > end.segment) {
            about.gso_type = is_v6(frame) ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
            about.gso_size = (uint16_t)end.segment;
        }
    }
    memcpy(end.out, &about, HEAD);
    (void)!write(end.fd, end.out, HEAD + size);
}

/* Whether a segment that only acknowledges data says more of the same than the one in `out`, which is no use then. */
static bool supersedes(const uint8_t *frame, size_t size) {
    const uint8_t *first = end.out + HEAD;
    size_t head = head_size(frame), tcp = head - TCP_HEAD, addresses = tcp - (is_v6(frame) ? 32 : 8);
    if (size != head || end.size != head || memcmp(first, frame, ETHER_HEAD) != 0 || !is_tcp(frame)) return false;
    if (frame[tcp + 13] != TCP_ACK || first[tcp + 13] != TCP_ACK) return false;
    return memcmp(first + addresses, frame + addresses, tcp - addresses + 8) == 0 &&
           (int32_t)(frame_get32(frame + tcp + 8) - frame_get32(first + tcp + 8)) > 0;
}

void link_put(const uint8_t *frame, size_t size) {
    if (size > FRAME_MAX) return;
    if (!end.has_heads) {
        (void)!write(end.fd, frame, size);
        return;
    }
    size_t data = data_in(frame, size);
    if (end.size && follows(frame, data)) {
        memcpy(end.out + HEAD + end.size, frame + size - data, data);
        end.size += data;
        end.out[HEAD + size - data - TCP_HEAD + 13] |= frame[size - data - TCP_HEAD + 13]; /* TCP_PUSH */
    } else {
        if (!supersedes(frame, size)) link_flush();
        memcpy(end.out + HEAD, frame, size);
        end.size = size;
        end.segment = data;
    }
}
