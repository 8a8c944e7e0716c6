#include "gate/datagrams.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/file.h"
#include "gate/frame.h"
#include "gate/resolver.h"

enum { FLOWS = 256, IDLE_MS = 60000, BATCH = 16, PING_HEAD = 8 };

typedef struct datagram_flow {
    int fd; /* -1: free */
    uint16_t local_port;
    wrn_endpoint to;
    int64_t used_at;
} datagram_flow;

static datagram_flow flows[FLOWS];

void datagrams_init(void) {
    for (size_t i = 0; i < FLOWS; i++) flows[i].fd = -1;
}

static void release(const wrn_gate *gate, datagram_flow *f) {
    if (f->fd >= 0) gate_unwatch(gate, f->fd);
    wrn_fd_close(&f->fd);
}

/* What the sandbox can be told about is what it sent; of a ping that is its head. */
static void unreachable(const wrn_gate *gate, uint16_t local_port, const wrn_endpoint *to, wrn_denial denial, int error,
                        const uint8_t *data, size_t size) {
    static seam_message message;
    message.kind = SEAM_UNREACHABLE;
    message.denial = (uint8_t)denial;
    message.error = (uint8_t)error;
    message.local_port = local_port;
    message.peer = *to;
    if (to->proto != WRN_PING || size > PING_HEAD) size = to->proto == WRN_PING ? PING_HEAD : 0;
    if (data && size) memcpy(message.data, data, size);
    (void)seam_send(gate->stack.fd, &message, size, false);
}

/* The flow of that pair, or a place for it: a free one, or that of the one which nobody used for longest. */
static datagram_flow *find(const wrn_gate *gate, uint16_t local_port, const wrn_endpoint *to) {
    datagram_flow *oldest = &flows[0];
    for (size_t i = 0; i < FLOWS; i++) {
        datagram_flow *f = &flows[i];
        if (f->fd >= 0 && f->local_port == local_port && f->to.port == to->port && f->to.proto == to->proto &&
            wrn_address_equal(&f->to.address, &to->address))
            return f;
        if (oldest->fd >= 0 && (f->fd < 0 || f->used_at < oldest->used_at)) oldest = f;
    }
    release(gate, oldest);
    return oldest;
}

static bool open_flow(wrn_gate *gate, datagram_flow *f, const seam_message *sent, size_t size) {
    wrn_scrutiny scrutiny;
    wrn_denial denial = gate_judge(gate, &sent->peer, &scrutiny);
    if (denial != WRN_ALLOWED) {
        size_t at = 0;
        const char *name = ledger_names(gate->ledger, &sent->peer.address, &at);
        ledger_deny(gate->ledger, &sent->peer, denial, name ? name : "");
        unreachable(gate, sent->local_port, &sent->peer, denial, 0, sent->data, size);
        return false;
    }
    *f = (datagram_flow){.fd = gate_connect(&sent->peer), .local_port = sent->local_port, .to = sent->peer};
    if (f->fd >= 0 && gate_watch_fd(gate, f->fd, EPOLLIN, WATCH_DATAGRAM, (size_t)(f - flows))) return true;
    int error = errno;
    wrn_fd_close(&f->fd);
    unreachable(gate, sent->local_port, &sent->peer, WRN_ALLOWED, error, sent->data, size);
    return false;
}

void datagrams_send(wrn_gate *gate, const seam_message *sent, size_t size) {
    const wrn_endpoint *to = &sent->peer;
    if (to->proto != WRN_UDP && to->proto != WRN_PING) return;
    if (wrn_address_equal(&to->address, &wrn_link_gate[0]) || wrn_address_equal(&to->address, &wrn_link_gate[1])) {
        if (to->proto == WRN_UDP && to->port == 53)
            return resolver_ask(gate, sent->data, size,
                                &(resolver_asker){.gate = *to, .local_port = sent->local_port, .stream = -1});
        return unreachable(gate, sent->local_port, to, WRN_ALLOWED, ECONNREFUSED, sent->data, size);
    }
    datagram_flow *f = find(gate, sent->local_port, to);
    if (f->fd < 0 && !open_flow(gate, f, sent, size)) return;
    f->used_at = wrn_now_ms();
    ssize_t done = send(f->fd, sent->data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (done < 0 && errno == ECONNREFUSED)
        done = send(f->fd, sent->data, size, MSG_NOSIGNAL | MSG_DONTWAIT); /* that was about an earlier one */
    if (done > 0) gate->ledger->bytes_out += (uint64_t)done;
}

void datagrams_ready(wrn_gate *gate, size_t index) {
    datagram_flow *f = &flows[index];
    static seam_message message;
    for (int i = 0; i < BATCH && f->fd >= 0; i++) {
        ssize_t got = recv(f->fd, message.data, sizeof(message.data), MSG_DONTWAIT | MSG_TRUNC);
        if (got < 0) {
            if (errno != EAGAIN && errno != EINTR && f->to.proto == WRN_UDP)
                unreachable(gate, f->local_port, &f->to, WRN_ALLOWED, errno, NULL, 0);
            return;
        }
        f->used_at = wrn_now_ms();
        gate->ledger->bytes_in += (uint64_t)got;
        size_t most = gate->options->mtu - (wrn_address_is_v4(&f->to.address) ? IP4_HEAD : IP6_HEAD) - 8;
        if ((size_t)got > most) continue; /* larger than the link carries */
        message.kind = SEAM_DATAGRAM;
        message.local_port = f->local_port;
        message.peer = f->to;
        (void)seam_send(gate->stack.fd, &message, (size_t)got, false);
    }
}

size_t datagrams_judge_again(wrn_gate *gate) {
    size_t ended = 0;
    int64_t now = wrn_now_ms();
    for (size_t i = 0; i < FLOWS; i++) {
        datagram_flow *f = &flows[i];
        if (f->fd < 0) continue;
        wrn_scrutiny scrutiny;
        bool allowed = wrn_policy_check(&gate->policy, &f->to, ledger_names, gate->ledger, &scrutiny) == WRN_ALLOWED;
        if (allowed && now - f->used_at <= IDLE_MS) continue;
        ended += !allowed;
        release(gate, f);
    }
    return ended;
}

size_t datagrams_count(void) {
    size_t count = 0;
    for (size_t i = 0; i < FLOWS; i++) count += flows[i].fd >= 0;
    return count;
}
