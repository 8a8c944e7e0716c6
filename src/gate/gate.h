/* What the files of the broker share. */
#pragma once

#include <sys/types.h>

#include "base/clock.h"
#include "gate/ledger.h"
#include "gate/seam.h"

enum { GATE_GROUPS_MAX = 8 };

typedef struct gate_options {
    int control, state;          /* state: -1 for none */
    int origin;                  /* where orders for gates come from; -1: this process is a gate */
    uid_t uid;                   /* 0: stay who we are */
    int groups[GATE_GROUPS_MAX]; /* what to write "0" to, to be counted with the sandbox; up to -1 */
    size_t mtu;
    unsigned flows; /* connections of TCP at once */
} gate_options;

/* libslirp and the kernel take a moment to be done with a connection, so there are more slots than live connections. */
static inline unsigned gate_slots(const gate_options *options) { return options->flows * 2 + 64; }

enum { GATE_TLS_PORTS = 64 };

/* So many at once, and so many more each second. */
typedef struct gate_bucket {
    int64_t tokens, filled_at; /* in thousandths; wrn_now_ms() */
    int64_t per_second, most;
} gate_bucket;

static inline bool gate_take(gate_bucket *bucket) {
    int64_t now = wrn_now_ms(), most = bucket->most * 1000, passed = now - bucket->filled_at;
    bucket->filled_at = now;
    bucket->tokens = passed > 3600 * 1000 ? most : bucket->tokens + passed * bucket->per_second;
    if (bucket->tokens > most) bucket->tokens = most;
    if (bucket->tokens < 1000) return false;
    bucket->tokens -= 1000;
    return true;
}

/* Connections to these ports go through the process that adds headers. */
typedef struct gate_tls {
    int fd;          /* a SOCK_SEQPACKET to that process; -1: there is none now, and these ports are not reached */
    uint32_t number; /* of that process; not 0 */
    uint16_t ports[GATE_TLS_PORTS];
    size_t port_count;
} gate_tls;
/* Through which connections leave, if the policy is `proxied`. */
typedef struct gate_proxy {
    wrn_endpoint at;
    char authorization[1024]; /* the value of Proxy-Authorization; "": none */
} gate_proxy;

typedef struct wrn_gate {
    const gate_options *options;
    wrn_policy policy;
    gate_proxy proxy;
    wrn_ledger *ledger;
    seam_queue stack;
    int epoll, routes;
    int self; /* a pidfd of the broker, until wrennd has it */
    gate_bucket new_flows;
    gate_tls tls;
    bool with_v6; /* the link has addresses for it, too */
} wrn_gate;

/* Whom an event belongs to: the upper half of epoll's data, an index being the lower. */
typedef enum gate_watch {
    WATCH_STACK,
    WATCH_CONTROL,
    WATCH_FLOW,
    WATCH_DATAGRAM,
    WATCH_QUERY,
    WATCH_DNS_STREAM
} gate_watch;

/* From now on this process is counted with the sandbox. After the fork, which the sandbox's limits could forbid. */
void gate_join(const gate_options *options);
/* Says over the control socket why a gate ends, or was not made. */
void gate_say_end(int control, const char *why);
/* Verdict over a destination, with the names that led there. */
wrn_denial gate_check(const wrn_gate *gate, const wrn_endpoint *to, wrn_scrutiny *scrutiny);
/* The same for a new flow; spends a token of `new_flows` when it is allowed. */
wrn_denial gate_judge(wrn_gate *gate, const wrn_endpoint *to, wrn_scrutiny *scrutiny);
/* A non-blocking socket that is being connected; -1 with errno. */
int gate_connect(const wrn_endpoint *to);
/* False with errno. */
bool gate_watch_fd(const wrn_gate *gate, int fd, uint32_t events, gate_watch whose, size_t index);
void gate_unwatch(const wrn_gate *gate, int fd);
