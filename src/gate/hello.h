/* Which server does a connection ask for? From the first bytes of TLS (server name, RFC 6066) and of HTTP/1 (Host). Strict: what two
 * readers could understand in two ways is unclear. No system calls; the bytes are hostile. */
#pragma once

#include "gate/rule.h"

typedef enum wrn_hello {
    WRN_HELLO_MORE,
    WRN_HELLO_NAMED,
    WRN_HELLO_ADDRESS, /* HTTP whose Host is an address */
    WRN_HELLO_UNNAMED, /* TLS without a name, or another protocol */
    WRN_HELLO_UNCLEAR
} wrn_hello;

/* No more than this is ever needed: with as many bytes the answer is not WRN_HELLO_MORE. */
enum { WRN_HELLO_MAX = 17 * 1024 };

/* The same bytes give the same answer however often it was asked before the last of them came. */
wrn_hello wrn_hello_tls(const uint8_t *bytes, size_t size, char name[WRN_NAME_MAX + 1]);
wrn_hello wrn_hello_http(const uint8_t *bytes, size_t size, char name[WRN_NAME_MAX + 1]);
