/* Ethernet frames of the link between a sandbox and its gate: reading them, making them, and the addresses on it. No system calls; what
 * comes in is hostile. */
#pragma once

#include "gate/address.h"

/* On the link: the sandbox, and the gate, which is its router and name server. */
extern const wrn_address wrn_link_sandbox[2], wrn_link_gate[2]; /* [0]: version 4, [1]: version 6 */

enum { ETHER_HEAD = 14, IP4_HEAD = 20, IP6_HEAD = 40, TCP_HEAD = 20, FRAME_MAX = 65536 + 64 };
enum { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PUSH = 8, TCP_ACK = 16, TCP_URG = 32 };
enum { IP_ICMP = 1, IP_ICMP6 = 58 };

typedef enum frame_kind {
    FRAME_DROPPED,   /* nothing for us, or broken */
    FRAME_DENIED,    /* `denial` says why */
    FRAME_NEIGHBOUR, /* ARP or neighbour discovery about the wrn_gate */
    FRAME_PACKET
} frame_kind;

typedef struct wrn_frame {
    uint8_t *bytes;
    size_t size; /* without what lies behind the packet */
    bool v6;
    uint8_t proto;
    uint8_t *ip, *body; /* `body`: what the IP header carries */
    size_t body_size;
    wrn_address to;
    wrn_denial denial;
} wrn_frame;

/* Takes a frame of the sandbox apart. Packets come from its own address, whole, and without options or extension headers, so that
 * there is one way to read them. */
frame_kind frame_read(uint8_t *bytes, size_t size, bool with_v6, wrn_frame *out);

static inline unsigned frame_get16(const uint8_t *at) { return (unsigned)at[0] << 8 | at[1]; }
static inline uint32_t frame_get32(const uint8_t *at) { return (uint32_t)frame_get16(at) << 16 | frame_get16(at + 2); }
static inline void frame_put16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}
static inline void frame_put32(uint8_t *at, uint32_t value) {
    frame_put16(at, value >> 16);
    frame_put16(at + 2, value & 0xffff);
}

/* The size of a frame without the padding behind its packet. Only packets of version 4 can be so short that they are padded. */
size_t frame_without_padding(const uint8_t *bytes, size_t size);

/* Whether the head of TCP is whole and its checksum, with that of the IP header, right. */
bool frame_tcp_is_whole(const wrn_frame *frame);
bool frame_checksum_is_right(const wrn_frame *frame);
/* Clears the urgent pointer and repairs the checksum. */
void frame_clear_urgent(wrn_frame *frame);

/* A packet that is being made: `body` is where its content goes, with room for FRAME_MAX - ETHER_HEAD - IP6_HEAD bytes. */
uint8_t *frame_body(uint8_t *frame, bool v6);
/* Puts the heads in front of the body and the checksum into it, at `checksum_at`. Returns the size of the frame. */
size_t frame_finish(uint8_t *frame, bool v6, const uint8_t to_mac[6], const wrn_address *from, const wrn_address *to,
                    uint8_t proto, size_t body_size, size_t checksum_at);

/* Makes the heads right for a TCP segment that is now of `size` bytes, but for its checksum, to which only the data is to be added. */
void frame_leave_checksum(uint8_t *frame, size_t size);

/* Answers to a packet of the sandbox, as bodies; they return its size. 0: to that there is no answer. */
size_t frame_reset_body(uint8_t *body, const uint8_t *tcp, size_t tcp_size);
size_t frame_unreachable_body(uint8_t *body, bool v6, unsigned code, const uint8_t *packet, size_t packet_size);
