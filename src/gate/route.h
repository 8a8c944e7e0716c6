/* Where would the kernel send a packet to that address? It knows best which addresses are its own, or broadcasts. */
#pragma once

#include "gate/address.h"

/* The group that root's gates change to, which is nobody's. */
enum { WRN_GATE_GROUP = 65534 };

/* A socket for the question, to be opened before the jail; -1 with errno. */
int route_open(void);
/* WRN_DENY_HOST for what stays on this machine or reaches many, and when the kernel does not say. Addresses without a route are
 * allowed: connect() says what is wrong. */
wrn_denial route_check(int fd, const wrn_address *to);
/* The same, where that is no matter of safety. *bits: the length of the prefix around the address whose addresses get the same answer. */
wrn_denial route_check_range(int fd, const wrn_address *to, unsigned *bits);
/* Whether links get addresses of version 6, too: this machine has a way to the others of them. */
bool wrn_host_has_ipv6(void);
/* The address and port as connect() takes them. `out` is a struct sockaddr_storage. Returns its size. */
unsigned route_sockaddr(const wrn_endpoint *to, void *out);
