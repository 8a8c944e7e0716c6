/* The operator's HTTP proxy, through which sandboxes reach the network. */
#pragma once

#include <netinet/in.h>

#include "base/buf.h"
#include "server/log.h"

typedef struct wrn_upstream {
    char host[256];     /* a name or an address; "": there is no proxy */
    int64_t port;       /* 1 to 65535 */
    wrn_buf credential; /* the value of Proxy-Authorization; NULL data: none */
    char address[INET6_ADDRSTRLEN];
} wrn_upstream;

/* Reads http://[USER[:PASSWORD]@]HOST:PORT, where USER and PASSWORD may be percent-encoded. False with a message, which does not
 * show the URL: it may have a password in it. Free *out in either case. */
bool wrn_upstream_read(const char *url, wrn_upstream *out, wrn_why *why);
void wrn_upstream_free(wrn_upstream *upstream);
/* Finds the address of the host. Blocks as long as the machine's name servers let it. False with a message. */
bool wrn_upstream_resolve(wrn_upstream *upstream, wrn_why *why);
