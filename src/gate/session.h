/* One connection that the gate lets out through the process that adds headers. Its first bytes tell which host it is for. Where headers are
 * added for that host, TLS ends here: the sandbox sees a certificate of its own authority, and the host is seen with its own, which
 * is verified. Everything else passes as it is. */
#pragma once

#include "gate/authority.h"
#include "gate/inject.h"

enum { WRN_SESSION_HOSTS_MAX = 64 };

/* What all sessions share. */
typedef struct wrn_sessions {
    int epoll;
    wrn_authority authority;
    EVP_PKEY *key;       /* of all certificates of hosts */
    SSL_CTX *to_outside; /* verifies */
    wrn_inject_host hosts[WRN_SESSION_HOSTS_MAX];
    SSL_CTX *to_inside[WRN_SESSION_HOSTS_MAX];
    int64_t signed_at[WRN_SESSION_HOSTS_MAX]; /* wrn_now_ms() */
    size_t host_count;
    size_t live, most;
} wrn_sessions;

/* Makes ready for connections to `hosts[index]`. False when no certificate can be made. */
bool wrn_session_prepare(wrn_sessions *all, size_t index);
/* Takes both sockets, which are connected and do not block; the one of the sandbox is `inside`. `port` is that of the other one's peer. */
void wrn_session_start(wrn_sessions *all, int inside, int outside, uint16_t port);
/* Something happened to one of the sockets: `data` as in the event. */
void wrn_session_ready(void *data, uint32_t events);
/* Frees those that have ended. After each round of events. */
void wrn_sessions_sweep(void);
