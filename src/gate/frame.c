#include "gate/frame.h"

#include <string.h>

enum { TYPE_IP4 = 0x800, TYPE_ARP = 0x806, TYPE_IP6 = 0x86dd, ARP_SIZE = 42 };
enum { ROUTER_SOLICITATION = 133, NEIGHBOUR_SOLICITATION = 135, NEIGHBOUR_ADVERTISEMENT = 136, NEIGHBOUR_MAX = 64 };

/* 192.0.0.0/29 (RFC 7335) is on no network that an operator could want to open. A source from fd00::/8 makes programs prefer version 4. */
const wrn_address wrn_link_sandbox[2] = {{{[10] = 0xff, 0xff, 192, 0, 0, 2}},
                                         {{0xfd, 0x77, 0x72, 0x65, 0x6e, 0x6e, [15] = 2}}};
const wrn_address wrn_link_gate[2] = {{{[10] = 0xff, 0xff, 192, 0, 0, 1}},
                                      {{0xfd, 0x77, 0x72, 0x65, 0x6e, 0x6e, [15] = 1}}};

static const uint8_t gate_mac[6] = {0x52, 0x55, 192, 0, 0, 1}; /* as libslirp makes it */

static uint32_t add(const uint8_t *at, size_t size, uint32_t sum) {
    for (; size > 1; size -= 2, at += 2) sum += frame_get16(at);
    return size ? sum + ((uint32_t)*at << 8) : sum;
}

static uint16_t fold(uint32_t sum) {
    while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* Of the body, with the addresses and the protocol that its checksum covers. */
static uint16_t body_checksum(const uint8_t *ip, bool v6, uint8_t proto, const uint8_t *body, size_t size) {
    uint32_t sum = 0;
    if (v6) sum = add(ip + 8, 32, (uint32_t)size + proto);
    else if (proto != IP_ICMP) sum = add(ip + 12, 8, (uint32_t)size + proto);
    return fold(add(body, size, sum));
}

static frame_kind read_v6(wrn_frame *out, size_t size) {
    const uint8_t *ip = out->ip;
    if (size < IP6_HEAD || ip[0] >> 4 != 6) return FRAME_DROPPED;
    size_t total = IP6_HEAD + frame_get16(ip + 4);
    if (total > size) return FRAME_DROPPED;
    out->size = ETHER_HEAD + total;
    out->proto = ip[6];
    out->body = out->ip + IP6_HEAD;
    out->body_size = total - IP6_HEAD;
    memcpy(out->to.bytes, ip + 24, 16);
    bool neighbour = out->proto == IP_ICMP6 && out->body_size >= 8 &&
                     (*out->body == ROUTER_SOLICITATION || *out->body == NEIGHBOUR_SOLICITATION ||
                      *out->body == NEIGHBOUR_ADVERTISEMENT);
    if (neighbour) {
        if (ip[7] != 255 || out->body_size > NEIGHBOUR_MAX || *out->body == ROUTER_SOLICITATION || out->body_size < 24)
            return FRAME_DROPPED;
        return FRAME_NEIGHBOUR;
    }
    if (out->to.bytes[0] == 0xff) return FRAME_DROPPED; /* reports of listeners, and the like */
    return memcmp(ip + 8, wrn_link_sandbox[1].bytes, 16) == 0 ? FRAME_PACKET : FRAME_DROPPED;
}

static frame_kind read_v4(wrn_frame *out, size_t size) {
    const uint8_t *ip = out->ip;
    if (size < IP4_HEAD || ip[0] != 0x45) return FRAME_DROPPED; /* no options */
    size_t total = frame_get16(ip + 2);
    if (total < IP4_HEAD || total > size || fold(add(ip, IP4_HEAD, 0)) != 0) return FRAME_DROPPED;
    out->size = ETHER_HEAD + total;
    out->proto = ip[9];
    out->body = out->ip + IP4_HEAD;
    out->body_size = total - IP4_HEAD;
    out->to = wrn_address_v4(ip + 16);
    if (memcmp(ip + 12, wrn_link_sandbox[0].bytes + 12, 4) != 0) return FRAME_DROPPED;
    if (!(frame_get16(ip + 6) & 0x3fff)) return FRAME_PACKET;
    out->denial = WRN_DENY_MALFORMED; /* a fragment */
    return FRAME_DENIED;
}

/* About the gate and from the sandbox: libslirp's table holds nobody else. */
static bool is_our_arp(const uint8_t *bytes, size_t size) {
    return size >= ARP_SIZE && memcmp(bytes + 28, wrn_link_sandbox[0].bytes + 12, 4) == 0 &&
           memcmp(bytes + 38, wrn_link_gate[0].bytes + 12, 4) == 0;
}

frame_kind frame_read(uint8_t *bytes, size_t size, bool with_v6, wrn_frame *out) {
    *out = (wrn_frame){.bytes = bytes, .size = size, .ip = bytes + ETHER_HEAD};
    if (size < ETHER_HEAD || bytes[6] & 1) return FRAME_DROPPED;
    switch (frame_get16(bytes + 12)) {
    case TYPE_ARP: return is_our_arp(bytes, size) ? FRAME_NEIGHBOUR : FRAME_DROPPED;
    case TYPE_IP4: return read_v4(out, size - ETHER_HEAD);
    case TYPE_IP6: out->v6 = true; return with_v6 ? read_v6(out, size - ETHER_HEAD) : FRAME_DROPPED;
    default: return FRAME_DROPPED;
    }
}

size_t frame_without_padding(const uint8_t *bytes, size_t size) {
    if (size < ETHER_HEAD + IP4_HEAD || frame_get16(bytes + 12) != TYPE_IP4) return size;
    size_t whole = ETHER_HEAD + frame_get16(bytes + ETHER_HEAD + 2);
    return whole < size ? whole : size;
}

bool frame_tcp_is_whole(const wrn_frame *frame) {
    if (frame->body_size < TCP_HEAD) return false;
    size_t head = (size_t)(frame->body[12] >> 4) * 4;
    return head >= TCP_HEAD && head <= frame->body_size;
}

bool frame_checksum_is_right(const wrn_frame *frame) {
    return body_checksum(frame->ip, frame->v6, frame->proto, frame->body, frame->body_size) == 0;
}

void frame_clear_urgent(wrn_frame *frame) {
    uint8_t *tcp = frame->body;
    if (!(tcp[13] & TCP_URG) && !frame_get16(tcp + 18)) return;
    uint32_t sum = (uint16_t)~frame_get16(tcp + 16);
    sum += (uint16_t)~frame_get16(tcp + 12);
    sum += (uint16_t)~frame_get16(tcp + 18);
    tcp[13] &= (uint8_t)~TCP_URG;
    frame_put16(tcp + 18, 0);
    frame_put16(tcp + 16, fold(sum + frame_get16(tcp + 12)));
}

uint8_t *frame_body(uint8_t *frame, bool v6) { return frame + ETHER_HEAD + (v6 ? IP6_HEAD : IP4_HEAD); }

size_t frame_finish(uint8_t *frame, bool v6, const uint8_t to_mac[6], const wrn_address *from, const wrn_address *to,
                    uint8_t proto, size_t body_size, size_t checksum_at) {
    uint8_t *ip = frame + ETHER_HEAD, *body = frame_body(frame, v6);
    memcpy(frame, to_mac, 6);
    memcpy(frame + 6, gate_mac, 6);
    frame_put16(frame + 12, v6 ? TYPE_IP6 : TYPE_IP4);
    memset(ip, 0, (size_t)(body - ip));
    if (v6) {
        ip[0] = 0x60;
        frame_put16(ip + 4, (unsigned)body_size);
        ip[6] = proto;
        ip[7] = 64;
        memcpy(ip + 8, from->bytes, 16);
        memcpy(ip + 24, to->bytes, 16);
    } else {
        ip[0] = 0x45;
        frame_put16(ip + 2, (unsigned)(IP4_HEAD + body_size));
        ip[8] = 64;
        ip[9] = proto;
        memcpy(ip + 12, from->bytes + 12, 4);
        memcpy(ip + 16, to->bytes + 12, 4);
        frame_put16(ip + 10, fold(add(ip, IP4_HEAD, 0)));
    }
    frame_put16(body + checksum_at, 0);
    uint16_t sum = body_checksum(ip, v6, proto, body, body_size);
    frame_put16(body + checksum_at, sum || proto != WRN_UDP ? sum : 0xffff);
    return (size_t)(body - frame) + body_size;
}

void frame_leave_checksum(uint8_t *frame, size_t size) {
    uint8_t *ip = frame + ETHER_HEAD;
    bool v6 = ip[0] >> 4 == 6;
    size_t head = v6 ? IP6_HEAD : IP4_HEAD, body_size = size - ETHER_HEAD - head;
    if (v6) {
        frame_put16(ip + 4, (unsigned)body_size);
    } else {
        frame_put16(ip + 2, (unsigned)(IP4_HEAD + body_size));
        frame_put16(ip + 10, 0);
        frame_put16(ip + 10, fold(add(ip, IP4_HEAD, 0)));
    }
    uint32_t sum = v6 ? add(ip + 8, 32, 0) : add(ip + 12, 8, 0);
    frame_put16(ip + head + 16, (uint16_t)~fold(sum + (uint32_t)body_size + WRN_TCP));
}

size_t frame_reset_body(uint8_t *body, const uint8_t *tcp, size_t tcp_size) {
    if (tcp[13] & TCP_RST) return 0;
    size_t data = tcp_size - (size_t)(tcp[12] >> 4) * 4;
    uint32_t next = frame_get32(tcp + 4) + (uint32_t)data + !!(tcp[13] & TCP_SYN) + !!(tcp[13] & TCP_FIN);
    memset(body, 0, TCP_HEAD);
    memcpy(body, tcp + 2, 2);
    memcpy(body + 2, tcp, 2);
    if (tcp[13] & TCP_ACK) {
        memcpy(body + 4, tcp + 8, 4);
        body[13] = TCP_RST;
    } else {
        frame_put32(body + 8, next);
        body[13] = TCP_RST | TCP_ACK;
    }
    body[12] = 5 << 4;
    return TCP_HEAD;
}

size_t frame_unreachable_body(uint8_t *body, bool v6, unsigned code, const uint8_t *packet, size_t packet_size) {
    size_t most = v6 ? 1200 : IP4_HEAD + 8;
    if (packet_size > most) packet_size = most;
    memset(body, 0, 8);
    body[0] = v6 ? 1 : 3;
    body[1] = (uint8_t)code;
    memcpy(body + 8, packet, packet_size);
    return 8 + packet_size;
}
