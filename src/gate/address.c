#include "gate/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/auto.h"

const char *wrn_denial_text(wrn_denial denial) {
    static const char *const texts[WRN_DENIALS] = {
        "allowed",     "loopback",         "host",         "link-local",     "metadata",  "multicast",
        "reserved",    "private",          "port-25",      "dns-server",     "deny-rule", "operator",
        "not-allowed", "name-not-allowed", "server-name",  "rebinding",      "limit",     "protocol",
        "malformed",   "proxy-refused",    "proxy-failed", "proxy-tcp-only", "dns-limit",
    };
    return (unsigned)denial < WRN_DENIALS ? texts[denial] : "malformed";
}

static const uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

wrn_address wrn_address_v4(const uint8_t bytes[4]) {
    wrn_address out;
    memcpy(out.bytes, mapped, sizeof(mapped));
    memcpy(out.bytes + sizeof(mapped), bytes, 4);
    return out;
}

bool wrn_address_is_v4(const wrn_address *address) { return memcmp(address->bytes, mapped, sizeof(mapped)) == 0; }

bool wrn_address_equal(const wrn_address *a, const wrn_address *b) {
    return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

int wrn_address_parse(const char *text, wrn_address *out) {
    uint8_t v4[4];
    if (inet_pton(AF_INET, text, v4) == 1) {
        *out = wrn_address_v4(v4);
        return 4;
    }
    return inet_pton(AF_INET6, text, out->bytes) == 1 ? 6 : 0;
}

const char *wrn_address_text(const wrn_address *address, char out[WRN_ADDRESS_TEXT]) {
    bool v4 = wrn_address_is_v4(address);
    inet_ntop(v4 ? AF_INET : AF_INET6, address->bytes + (v4 ? sizeof(mapped) : 0), out, WRN_ADDRESS_TEXT);
    return out;
}

static bool same_bits(const uint8_t *a, const uint8_t *b, unsigned bits) {
    unsigned whole = bits / 8, rest = bits % 8;
    return memcmp(a, b, whole) == 0 && (!rest || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}

bool wrn_address_in(const wrn_address *address, const wrn_address *range, unsigned bits) {
    return same_bits(address->bytes, range->bytes, bits) && (bits >= 96 || !wrn_address_is_v4(address));
}

void wrn_range_start(wrn_address *address, unsigned bits) {
    for (; bits < 128; bits++) address->bytes[bits / 8] &= (uint8_t) ~(0x80u >> bits % 8);
}

bool wrn_range_next(wrn_address *address, unsigned bits) {
    wrn_range_start(address, bits);
    while (bits--) {
        address->bytes[bits / 8] ^= (uint8_t)(0x80u >> bits % 8);
        if (address->bytes[bits / 8] & 0x80u >> bits % 8) return true;
    }
    return false;
}

/* The first row that fits counts. */
typedef struct range {
    uint8_t bytes[16];
    uint8_t bits;
    uint8_t class;
} range;

/* Not here: the ranges for documentation, which machines without a network of their own are tested with. */
static const range ranges_v4[] = {
    {{127}, 8, WRN_DENY_LOOPBACK},
    {{0}, 8, WRN_DENY_RESERVED}, /* 0.0.0.0 is this machine to connect() */
    {{169, 254, 169, 254}, 32, WRN_DENY_METADATA},
    {{169, 254, 170, 2}, 32, WRN_DENY_METADATA}, /* Amazon's for containers */
    {{169, 254}, 16, WRN_DENY_LINK_LOCAL},
    {{168, 63, 129, 16}, 32, WRN_DENY_METADATA},   /* Azure's wire server */
    {{100, 100, 100, 200}, 32, WRN_DENY_METADATA}, /* Alibaba's */
    {{192, 0, 0, 192}, 32, WRN_DENY_METADATA},     /* Oracle's */
    {{192, 0, 0}, 24, WRN_DENY_RESERVED},          /* the link's own addresses are in it, too */
    {{192, 88, 99}, 24, WRN_DENY_RESERVED},        /* relays of 6to4 */
    {{224}, 4, WRN_DENY_MULTICAST},
    {{240}, 4, WRN_DENY_RESERVED}, /* and the broadcast */
    {{10}, 8, WRN_DENY_PRIVATE},
    {{172, 16}, 12, WRN_DENY_PRIVATE},
    {{192, 168}, 16, WRN_DENY_PRIVATE},
    {{100, 64}, 10, WRN_DENY_PRIVATE}, /* networks of providers */
    {{198, 18}, 15, WRN_DENY_PRIVATE}, /* measurements */
};
static const range ranges_v6[] = {
    {{[15] = 1}, 128, WRN_DENY_LOOPBACK},
    {{0}, 96, WRN_DENY_RESERVED}, /* none, and addresses of version 4 in the oldest form */
    {{0xff}, 8, WRN_DENY_MULTICAST},
    {{0xfe, 0x80}, 10, WRN_DENY_LINK_LOCAL},
    {{0xfe, 0xc0}, 10, WRN_DENY_PRIVATE},                                  /* site-local */
    {{0xfd, 0x00, 0x0e, 0xc2, [14] = 0x02, 0x54}, 128, WRN_DENY_METADATA}, /* Amazon's */
    {{0xfd, 0x77, 0x72, 0x65, 0x6e, 0x6e}, 48, WRN_DENY_RESERVED},         /* the link's own */
    {{0xfc}, 7, WRN_DENY_PRIVATE},
    {{0x00, 0x64, 0xff, 0x9b, 0x00, 0x01},
     48,
     WRN_DENY_RESERVED},                   /* local NAT64: where the other address sits is unknown */
    {{0x20, 0x01}, 32, WRN_DENY_RESERVED}, /* Teredo */
};
/* Where addresses of version 4 sit in version 6. */
static const struct {
    uint8_t bytes[16];
    uint8_t bits;
} holders[] = {
    {{[10] = 0xff, 0xff}, 96},
    {{0x00, 0x64, 0xff, 0x9b}, 96}, /* NAT64 */
    {{0x20, 0x02}, 16},             /* 6to4 */
};

unsigned wrn_address_inner(const wrn_address *address, wrn_address *inner) {
    for (size_t i = 1; i < WRN_COUNT(holders); i++) {
        if (!same_bits(address->bytes, holders[i].bytes, holders[i].bits)) continue;
        *inner = wrn_address_v4(address->bytes + holders[i].bits / 8);
        return holders[i].bits;
    }
    return 0;
}

static wrn_denial look_up(const range *ranges, size_t count, const uint8_t *bytes, unsigned bits) {
    for (size_t i = 0; i < count; i++)
        if (ranges[i].bits <= bits && same_bits(bytes, ranges[i].bytes, ranges[i].bits)) return ranges[i].class;
    return WRN_ALLOWED;
}

static bool is_within(const range *ranges, size_t count, const uint8_t *bytes, unsigned bits) {
    for (size_t i = 0; i < count; i++)
        if (ranges[i].bits > bits && same_bits(bytes, ranges[i].bytes, bits)) return true;
    return false;
}

/* The class that the whole range has; WRN_ALLOWED when it has none. *mixed: parts of it may have others. */
static wrn_denial whole_class(const wrn_address *address, unsigned bits, bool *mixed) {
    *mixed = bits < 3 || is_within(ranges_v6, WRN_COUNT(ranges_v6), address->bytes, bits);
    for (size_t i = 0; i < WRN_COUNT(holders); i++) {
        unsigned head = holders[i].bits;
        *mixed |= bits < head && same_bits(address->bytes, holders[i].bytes, bits);
        if (bits < head || !same_bits(address->bytes, holders[i].bytes, head)) continue;
        *mixed |= is_within(ranges_v4, WRN_COUNT(ranges_v4), address->bytes + head / 8, bits - head);
        wrn_denial inner = look_up(ranges_v4, WRN_COUNT(ranges_v4), address->bytes + head / 8, bits - head);
        /* An operator opens private networks by their own addresses, not through a relay somewhere. */
        return inner == WRN_DENY_PRIVATE && i > 0 ? WRN_DENY_RESERVED : inner;
    }
    wrn_denial class = look_up(ranges_v6, WRN_COUNT(ranges_v6), address->bytes, bits);
    if (class != WRN_ALLOWED || *mixed) return class;
    return address->bytes[0] >> 5 == 1 ? WRN_ALLOWED : WRN_DENY_RESERVED; /* only 2000::/3 is in use */
}

wrn_denial wrn_range_class(const wrn_address *address, unsigned bits) {
    bool mixed;
    wrn_denial class = whole_class(address, bits, &mixed);
    if (class != WRN_ALLOWED || !mixed || bits >= 128) return class;
    wrn_address upper = *address;
    upper.bytes[bits / 8] |= (uint8_t)(0x80u >> bits % 8);
    wrn_denial a = wrn_range_class(address, bits + 1), b = a ? wrn_range_class(&upper, bits + 1) : a;
    return b == WRN_ALLOWED || b == WRN_DENY_PRIVATE ? b : a;
}

wrn_denial wrn_address_class(const wrn_address *address) { return wrn_range_class(address, 128); }
