#include "gate/dns.h"

#include <string.h>

enum {
    HEAD = 12,
    TYPE_ALIAS = 5,
    TYPE_OPT = 41,
    CLASS_IN = 1,
    OPTION_REASON = 15,
    UDP_WITHOUT_EDNS = 512,
    HOPS_MAX = 16
};

static unsigned get16(const uint8_t *at) { return (unsigned)at[0] << 8 | at[1]; }
static uint32_t get32(const uint8_t *at) { return (uint32_t)get16(at) << 16 | get16(at + 2); }

/* Reads a name; returns the offset behind it in place, 0 when it is broken. Pointers only lead backwards, so there are no loops. */
static size_t read_name(const uint8_t *packet, size_t size, size_t at, char out[WRN_NAME_MAX + 1]) {
    size_t used = 0, behind = 0;
    for (int hops = 0;;) {
        if (at >= size) return 0;
        size_t label = packet[at];
        if (label >= 0xc0) {
            if (at + 1 >= size || ++hops > HOPS_MAX) return 0;
            if (!behind) behind = at + 2;
            size_t to = (label & 0x3f) << 8 | packet[at + 1];
            if (to >= at) return 0;
            at = to;
            continue;
        }
        if (label > 63 || at + 1 + label > size) return 0;
        if (!label) break;
        if (used + label + 1 > WRN_NAME_MAX) return 0;
        if (used) out[used++] = '.';
        for (size_t i = 1; i <= label; i++) {
            uint8_t c = packet[at + i];
            if (c <= ' ' || c >= 0x7f || c == '.') return 0;
            out[used++] = (char)(c >= 'A' && c <= 'Z' ? c + 'a' - 'A' : c);
        }
        at += 1 + label;
    }
    out[used] = 0;
    return behind ? behind : at + 1;
}

static bool has_pointer(const uint8_t *packet, size_t size) {
    for (size_t at = HEAD; at < size && packet[at]; at += 1u + packet[at])
        if (packet[at] > 63) return true;
    return false;
}

bool wrn_dns_read_question(const uint8_t *packet, size_t size, wrn_dns_question *out) {
    if (size < HEAD + 5 || packet[2] & 0xf8 || get16(packet + 4) != 1 || get16(packet + 6) || get16(packet + 8))
        return false;
    if (has_pointer(packet, size)) return false;
    size_t at = read_name(packet, size, HEAD, out->name);
    if (!at || at + 4 > size || get16(packet + at + 2) != CLASS_IN) return false;
    out->type = (uint16_t)get16(packet + at);
    out->size = at + 4;
    const uint8_t *extra = packet + out->size;
    out->has_edns = get16(packet + 10) > 0 && out->size + 11 <= size && extra[0] == 0 && get16(extra + 1) == TYPE_OPT;
    return true;
}

static uint8_t *put16(uint8_t *at, unsigned value) {
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
    return at + 2;
}

static uint8_t *put_bytes(uint8_t *at, const void *bytes, size_t size) {
    memcpy(at, bytes, size);
    return at + size;
}

static uint8_t *put_option(uint8_t *at, const wrn_dns_result *result) {
    size_t text = result->text ? strnlen(result->text, 120) : 0;
    *at++ = 0;
    at = put16(at, TYPE_OPT);
    at = put16(at, WRN_DNS_ANSWER_MAX);
    at = put16(put16(at, 0), 0);
    if (!result->reason) return put16(at, 0);
    at = put16(at, (unsigned)text + 6);
    at = put16(at, OPTION_REASON);
    at = put16(at, (unsigned)text + 2);
    at = put16(at, result->reason == WRN_DNS_OTHER ? 0 : (unsigned)result->reason);
    return text ? put_bytes(at, result->text, text) : at;
}

size_t wrn_dns_write_answer(uint8_t out[WRN_DNS_ANSWER_MAX], const uint8_t *packet, const wrn_dns_question *question,
                            const wrn_dns_result *result) {
    unsigned size = question->type == WRN_DNS_A ? 4 : 16;
    size_t count = result->count, room = question->has_edns ? WRN_DNS_ANSWER_MAX - 160 : UDP_WITHOUT_EDNS;
    while (question->size + count * (12 + size) > room) count--;
    uint8_t *at = put_bytes(out, packet, question->size);
    out[2] = (uint8_t)(0x80 | (packet[2] & 1));
    out[3] = (uint8_t)(0x80 | result->code);
    put16(out + 6, (unsigned)count);
    put16(out + 8, 0);
    put16(out + 10, question->has_edns);
    for (size_t i = 0; i < count; i++) {
        at = put16(at, 0xc000 | HEAD);
        at = put16(put16(at, question->type), CLASS_IN);
        at = put16(put16(at, result->ttl >> 16), result->ttl & 0xffff);
        at = put_bytes(put16(at, size), result->addresses[i].bytes + 16 - size, size);
    }
    if (question->has_edns) at = put_option(at, result);
    return (size_t)(at - out);
}

size_t wrn_dns_write_format_error(uint8_t out[WRN_DNS_ANSWER_MAX], const uint8_t *packet, size_t size) {
    if (size < HEAD || packet[2] & 0x80) return 0;
    memset(out, 0, HEAD);
    memcpy(out, packet, 2);
    out[2] = 0x80;
    out[3] = 0x80 | WRN_DNS_FORMAT;
    return HEAD;
}

size_t wrn_dns_write_query(uint8_t out[WRN_DNS_QUERY_MAX], uint16_t id, const char *name, uint16_t type) {
    memset(out, 0, HEAD);
    put16(out, id);
    out[2] = 1; /* please recurse */
    out[5] = 1;
    out[11] = 1;
    uint8_t *at = out + HEAD;
    while (*name) {
        size_t label = strcspn(name, ".");
        *at++ = (uint8_t)label;
        at = put_bytes(at, name, label);
        name += label + (name[label] == '.');
    }
    *at++ = 0;
    at = put16(put16(at, type), CLASS_IN);
    wrn_dns_result nothing = {0};
    return (size_t)(put_option(at, &nothing) - out);
}

/* One record of the answer; `wanted` is the name that counts by now. False when it is broken. */
static bool read_record(const uint8_t *packet, size_t size, size_t *at, char wanted[WRN_NAME_MAX + 1], uint16_t type,
                        wrn_dns_result *out) {
    char owner[WRN_NAME_MAX + 1];
    *at = read_name(packet, size, *at, owner);
    if (!*at || *at + 10 > size) return false;
    const uint8_t *head = packet + *at, *data = head + 10;
    size_t length = get16(head + 8);
    *at += 10;
    if (*at + length > size) return false;
    if (strcmp(owner, wanted) == 0 && get16(head + 2) == CLASS_IN) {
        if (get32(head + 4) < out->ttl) out->ttl = get32(head + 4);
        if (get16(head) == TYPE_ALIAS) { /* they come in order from every real resolver */
            if (!read_name(packet, size, *at, wanted)) return false;
        } else if (get16(head) == type && length == (type == WRN_DNS_A ? 4 : 16) &&
                   out->count < WRN_DNS_ADDRESSES_MAX) {
            wrn_address *address = &out->addresses[out->count++];
            if (type == WRN_DNS_A) *address = wrn_address_v4(data);
            else memcpy(address->bytes, data, 16);
        }
    }
    *at += length;
    return true;
}

bool wrn_dns_read_answer(const uint8_t *packet, size_t size, uint16_t id, const char *name, uint16_t type,
                         wrn_dns_result *out, bool *truncated) {
    char wanted[WRN_NAME_MAX + 1];
    if (size < HEAD || get16(packet) != id || !(packet[2] & 0x80) || get16(packet + 4) != 1) return false;
    size_t at = read_name(packet, size, HEAD, wanted);
    if (!at || at + 4 > size || strcmp(wanted, name) != 0 || get16(packet + at) != type ||
        get16(packet + at + 2) != CLASS_IN)
        return false;
    at += 4;
    *out = (wrn_dns_result){.code = packet[3] & 15, .ttl = WRN_DNS_TTL_MAX};
    *truncated = packet[2] & 2;
    for (unsigned left = get16(packet + 6); left; left--)
        if (!read_record(packet, size, &at, wanted, type, out)) return out->count > 0 || *truncated;
    return true;
}
