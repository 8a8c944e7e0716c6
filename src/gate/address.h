/* Internet addresses of both versions, and which of them a sandbox can never reach. No system calls. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Version 4 is kept as ::ffff:a.b.c.d. */
typedef struct wrn_address {
    uint8_t bytes[16];
} wrn_address;

/* Protocols, by their number in IP; WRN_PING stands for echo requests of both versions. */
enum { WRN_ANY_PROTO = 0, WRN_PING = 1, WRN_TCP = 6, WRN_UDP = 17 };

typedef struct wrn_endpoint {
    wrn_address address;
    uint16_t port; /* 0 for pings */
    uint8_t proto;
    uint8_t zero; /* in place of padding, which nobody sets and the stack would send to the broker */
} wrn_endpoint;

/* Why something is denied. The order is that of wrn_denial_text(). */
typedef enum wrn_denial {
    WRN_ALLOWED,
    WRN_DENY_LOOPBACK,
    WRN_DENY_HOST, /* an address of this machine, or a broadcast of its networks */
    WRN_DENY_LINK_LOCAL,
    WRN_DENY_METADATA,
    WRN_DENY_MULTICAST,
    WRN_DENY_RESERVED,
    WRN_DENY_PRIVATE,
    WRN_DENY_SMTP,
    WRN_DENY_RESOLVER,    /* DNS elsewhere than at the wrn_gate */
    WRN_DENY_RULE,        /* a deny rule of the sandbox */
    WRN_DENY_OPERATOR,    /* a deny rule of the operator */
    WRN_DENY_UNLISTED,    /* no rule allows it */
    WRN_DENY_NAME,        /* no rule allows to look up that name */
    WRN_DENY_SERVER_NAME, /* TLS or HTTP ask for a name that is not allowed there */
    WRN_DENY_REBINDING,   /* the name leads to an address that is never allowed */
    WRN_DENY_LIMIT,
    WRN_DENY_PROTOCOL,
    WRN_DENY_MALFORMED,
    WRN_DENY_PROXY,        /* the operator's proxy does not want to */
    WRN_DENY_PROXY_FAILED, /* it can't, or does not answer */
    WRN_DENY_TCP_ONLY,     /* a proxy takes TCP only */
    WRN_DENY_QUESTIONS,    /* more names were asked for than are looked up in a second */
    WRN_DENIALS
} wrn_denial;

/* A word for it, as the API has it. */
const char *wrn_denial_text(wrn_denial denial);

wrn_address wrn_address_v4(const uint8_t bytes[4]);
bool wrn_address_is_v4(const wrn_address *address);
bool wrn_address_equal(const wrn_address *a, const wrn_address *b);
/* 4 or 6; 0 when it is none. Only the usual forms: no octal, no short forms, no scope. */
int wrn_address_parse(const char *text, wrn_address *out);
enum { WRN_ADDRESS_TEXT = 46 };
const char *wrn_address_text(const wrn_address *address, char out[WRN_ADDRESS_TEXT]);

/* The first `bits` of both are the same. Addresses of version 4 are in no range of version 6. */
bool wrn_address_in(const wrn_address *address, const wrn_address *range, unsigned bits);
/* The address of version 4 that a relay (of NAT64 or 6to4) would connect to, and how many bits stand before it. 0: it is an address of
 * its own. */
unsigned wrn_address_inner(const wrn_address *address, wrn_address *inner);
/* What the address is by itself: WRN_ALLOWED for a public one, WRN_DENY_PRIVATE where an operator may open it, and for all others
 * why it is never allowed. Forms of version 6 that hold an address of version 4 are judged by that, or refused. */
wrn_denial wrn_address_class(const wrn_address *address);
/* The class of what can best be reached of a range: WRN_ALLOWED when part of it is public, WRN_DENY_PRIVATE when nothing is but part of it is
 * private. */
wrn_denial wrn_range_class(const wrn_address *address, unsigned bits);
/* Makes it the first address of the range of `bits` that it is in. */
void wrn_range_start(wrn_address *address, unsigned bits);
/* The first address after that range; false when there is none. */
bool wrn_range_next(wrn_address *address, unsigned bits);
