/* The name server of a sandbox: tells it the addresses of names that it may know, and remembers them for the verdicts. It asks the
 * host's name servers as a stub does. Each address is judged before it is told. */
#pragma once

#include "gate/dns.h"
#include "gate/gate.h"

enum { RESOLVER_SERVERS_MAX = 4 };

/* Where an answer goes: over UDP to that port of the sandbox, or to a connection. */
typedef struct resolver_asker {
    wrn_endpoint gate; /* the address that was asked */
    uint16_t local_port;
    int stream; /* -1: UDP */
} resolver_asker;

/* Replaces the host's name servers and its hosts file, of whose text it makes a copy. False: out of memory, and nothing has changed. */
bool resolver_set(const wrn_endpoint *servers, size_t count, const char *hosts);
void resolver_ask(wrn_gate *gate, const uint8_t *packet, size_t size, const resolver_asker *asker);
/* A connection to the name server: the stack's end, or -1 when there are too many. */
int resolver_accept(wrn_gate *gate);
void resolver_query_ready(wrn_gate *gate, size_t index, uint32_t events);
void resolver_stream_ready(wrn_gate *gate, size_t index);
/* Asks again where nobody answered. Returns the milliseconds until it wants to be called again, -1: not needed. */
int resolver_tick(wrn_gate *gate);
