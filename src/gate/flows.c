#include "gate/flows.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "gate/frame.h"
#include "gate/resolver.h"

typedef enum flow_state { FLOW_FREE, FLOW_CONNECTING, FLOW_OPEN } flow_state;

typedef struct flow {
    uint8_t state; /* flow_state */
    uint8_t scrutiny;
    int fd;
    uint32_t id;
    wrn_endpoint to;
    char *name; /* the name that allowed it, if it was one */
} flow;

static struct {
    flow *items;
    size_t slots, count;
} flows;

bool flows_init(const wrn_gate *gate) {
    flows.slots = gate_slots(gate->options);
    flows.items = calloc(flows.slots, sizeof(*flows.items));
    return flows.items != NULL;
}

/* The same slot and generation; NULL when that connection is over. */
static flow *find(uint32_t id) {
    size_t slot = id & 0xffff;
    flow *f = slot < flows.slots ? &flows.items[slot] : NULL;
    return f && f->state != FLOW_FREE && f->id == id ? f : NULL;
}

static void answer(wrn_gate *gate, const seam_message *message, int passed) {
    if (!seam_post(&gate->stack, message, passed)) _exit(3); /* no honest stack leaves so many answers unread */
}

static void refuse(wrn_gate *gate, uint32_t id, wrn_denial denial, int error) {
    seam_message message = {.kind = SEAM_OPEN, .id = id, .denial = (uint8_t)denial, .error = (uint8_t)error};
    answer(gate, &message, -1);
}

/* The kernel counts, so a captured stack can't hide anything. */
static void count_bytes(const flow *f, uint64_t *in, uint64_t *out) {
    struct tcp_info info;
    socklen_t size = sizeof(info);
    if (f->state != FLOW_OPEN || getsockopt(f->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return;
    *in += info.tcpi_bytes_received;
    *out += info.tcpi_bytes_acked;
}

static void release(wrn_gate *gate, flow *f) {
    count_bytes(f, &gate->ledger->bytes_in, &gate->ledger->bytes_out);
    if (f->state == FLOW_CONNECTING) gate_unwatch(gate, f->fd);
    wrn_fd_close(&f->fd);
    free(f->name);
    *f = (flow){.fd = -1};
    flows.count--;
}

static bool is_name_server(const wrn_endpoint *to) {
    return to->port == 53 &&
           (wrn_address_equal(&to->address, &wrn_link_gate[0]) || wrn_address_equal(&to->address, &wrn_link_gate[1]));
}

/* A name that led there and allows it, for when its pin has run out. */
static char *name_that_allows(wrn_gate *gate, const wrn_endpoint *to) {
    size_t at = 0;
    for (const char *name; (name = ledger_names(gate->ledger, &to->address, &at));)
        if (wrn_policy_server_name(&gate->policy, to, name, WRN_NAME_REQUIRED) == WRN_ALLOWED) return strdup(name);
    return NULL;
}

void flows_open(wrn_gate *gate, const seam_message *asked) {
    size_t slot = asked->id & 0xffff;
    if (slot >= flows.slots || asked->peer.proto != WRN_TCP) _exit(3);
    flow *f = &flows.items[slot];
    if (f->state != FLOW_FREE) release(gate, f);
    if (is_name_server(&asked->peer)) {
        int end = resolver_accept(gate);
        if (end < 0) return refuse(gate, asked->id, WRN_DENY_LIMIT, 0);
        seam_message granted = {.kind = SEAM_OPEN, .id = asked->id};
        return answer(gate, &granted, end);
    }
    wrn_scrutiny scrutiny;
    wrn_denial denial = gate_judge(gate, &asked->peer, &scrutiny);
    if (denial == WRN_ALLOWED && flows.count >= gate->options->flows) denial = WRN_DENY_LIMIT;
    if (denial != WRN_ALLOWED) {
        size_t at = 0;
        const char *name = ledger_names(gate->ledger, &asked->peer.address, &at);
        ledger_deny(gate->ledger, &asked->peer, denial, name ? name : "");
        return refuse(gate, asked->id, denial, 0);
    }
    int fd = gate_connect(&asked->peer);
    if (fd < 0) return refuse(gate, asked->id, WRN_ALLOWED, errno);
    *f = (flow){.state = FLOW_CONNECTING, .scrutiny = (uint8_t)scrutiny, .fd = fd, .id = asked->id, .to = asked->peer};
    flows.count++;
    if (scrutiny == WRN_NAME_REQUIRED) f->name = name_that_allows(gate, &f->to);
    if (gate_watch_fd(gate, fd, EPOLLOUT, WATCH_FLOW, slot)) return;
    release(gate, f);
    refuse(gate, asked->id, WRN_DENY_LIMIT, 0);
}

static bool goes_through_tls(const gate_tls *tls, uint16_t port) {
    for (size_t i = 0; i < tls->port_count; i++)
        if (tls->ports[i] == port) return true;
    return false;
}

/* What the stack gets. This process keeps the connection itself, to count its bytes and to cut it. */
static int other_end(const wrn_gate *gate, const flow *f) {
    int ends[2];
    if (!goes_through_tls(&gate->tls, f->to.port)) return fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (gate->tls.fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    int given[2] = {ends[1], f->fd};
    if (!wrn_fds_send(gate->tls.fd, &f->to.port, sizeof(f->to.port), given, 2, MSG_DONTWAIT | MSG_NOSIGNAL))
        wrn_fd_close(&ends[0]);
    wrn_fd_close(&ends[1]);
    return ends[0];
}

void flows_ready(wrn_gate *gate, size_t index) {
    flow *f = &flows.items[index];
    if (index >= flows.slots || f->state != FLOW_CONNECTING) return;
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    int second = error ? -1 : other_end(gate, f);
    if (second < 0) {
        uint32_t id = f->id;
        release(gate, f);
        return error ? refuse(gate, id, WRN_ALLOWED, error) : refuse(gate, id, WRN_DENY_LIMIT, 0);
    }
    gate_unwatch(gate, f->fd);
    f->state = FLOW_OPEN;
    gate->ledger->connections++;
    seam_message granted = {.kind = SEAM_OPEN, .id = f->id, .scrutiny = f->scrutiny};
    answer(gate, &granted, second);
}

void flows_close(wrn_gate *gate, const seam_message *asked) {
    flow *f = find(asked->id);
    if (f) release(gate, f);
}

void flows_server_name(wrn_gate *gate, const seam_message *asked, size_t size) {
    flow *f = find(asked->id);
    if (!f) return;
    char name[WRN_NAME_MAX + 1];
    bool named = size && wrn_name_clean((const char *)asked->data, size, name);
    wrn_denial denial = wrn_policy_server_name(&gate->policy, &f->to, named ? name : NULL, f->scrutiny);
    if (denial != WRN_ALLOWED) ledger_deny(gate->ledger, &f->to, denial, named ? name : "");
    seam_message message = {.kind = SEAM_SERVER_NAME, .id = asked->id, .denial = (uint8_t)denial};
    answer(gate, &message, -1);
}

/* Outside it is a reset; the stack sees one too, and resets inside. */
static void cut(wrn_gate *gate, flow *f) {
    uint32_t id = f->id;
    bool connecting = f->state == FLOW_CONNECTING;
    struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    count_bytes(f, &gate->ledger->bytes_in, &gate->ledger->bytes_out);
    (void)connect(f->fd, &nobody, sizeof(nobody));
    if (!connecting) f->state = FLOW_FREE; /* counted */
    if (connecting) gate_unwatch(gate, f->fd);
    wrn_fd_close(&f->fd);
    free(f->name);
    *f = (flow){.fd = -1};
    flows.count--;
    if (connecting) refuse(gate, id, WRN_DENY_UNLISTED, 0);
}

typedef struct own_name {
    const wrn_gate *gate;
    const char *name;
} own_name;

/* The names that led there, and the one that the connection was allowed by. */
static const char *names_of_flow(void *context, const wrn_address *address, size_t *at) {
    const own_name *own = context;
    const char *name = ledger_names(own->gate->ledger, address, at);
    if (name || *at > LEDGER_PINS) return name;
    *at = LEDGER_PINS + 1;
    return own->name;
}

size_t flows_judge_again(wrn_gate *gate) {
    size_t before = flows.count;
    for (size_t i = 0; i < flows.slots; i++) {
        flow *f = &flows.items[i];
        if (f->state == FLOW_FREE) continue;
        wrn_scrutiny scrutiny;
        own_name own = {gate, f->name};
        wrn_denial denial = wrn_policy_check(&gate->policy, &f->to, names_of_flow, &own, &scrutiny);
        if (denial == WRN_ALLOWED) continue;
        ledger_deny(gate->ledger, &f->to, denial, f->name ? f->name : "");
        cut(gate, f);
    }
    return before - flows.count;
}

size_t flows_count(uint64_t *bytes_in, uint64_t *bytes_out) {
    for (size_t i = 0; i < flows.slots; i++)
        if (flows.items[i].state == FLOW_OPEN) count_bytes(&flows.items[i], bytes_in, bytes_out);
    return flows.count;
}
