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
#include "gate/proxy.h"
#include "gate/resolver.h"

enum { PROXY_WAIT_MS = 60000 };
/* The kernel's states of connections whose other side can still send; the header that names them does not go with linux/tcp.h. */
enum { ESTABLISHED = 1, FIN_WAIT1 = 4, FIN_WAIT2 = 5 };
typedef enum flow_state { FLOW_FREE, FLOW_CONNECTING, FLOW_ASKING, FLOW_OPEN } flow_state; /* asking a proxy */

typedef struct flow {
    uint8_t state; /* flow_state */
    uint8_t scrutiny;
    bool is_name; /* the proxy gets `name`, not the address */
    int fd;
    uint32_t id;
    wrn_endpoint to;
    char *name;       /* the name that allowed it, if it was one, or that is reached by a proxy */
    char *server;     /* the server that TLS or HTTP asked for */
    uint32_t tls;     /* the process that adds headers, if it goes through one; 0: through none */
    int64_t deadline; /* for the proxy; 0: there is none, or it has answered */
    proxy_reader heard;
} flow;

static struct {
    flow *items;
    size_t slots, count, waiting; /* for the proxy */
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
    if (!seam_post(&gate->stack, message, passed))
        flows_end(gate, 3, FLOWS_NONSENSE); /* no honest stack leaves so many answers unread */
}

static void refuse(wrn_gate *gate, uint32_t id, wrn_denial denial, int error) {
    seam_message message = {.kind = SEAM_OPEN, .id = id, .denial = (uint8_t)denial, .error = (uint8_t)error};
    answer(gate, &message, -1);
}

/* The kernel counts, so a captured stack can't hide anything. What it has yet to send counts: it does so when the connection is closed,
 * too. */
static struct tcp_info count_bytes(const flow *f, uint64_t *in, uint64_t *out) {
    struct tcp_info info = {0};
    socklen_t size = sizeof(info);
    if (f->state != FLOW_OPEN || getsockopt(f->fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return info;
    *in += info.tcpi_bytes_received;
    *out += info.tcpi_bytes_sent - info.tcpi_bytes_retrans + info.tcpi_notsent_bytes;
    return info;
}

static void stop_waiting(flow *f) {
    flows.waiting -= f->deadline != 0;
    f->deadline = 0;
}

/* After its bytes were counted. */
static void forget(wrn_gate *gate, flow *f) {
    if (f->state != FLOW_OPEN) gate_unwatch(gate, f->fd);
    stop_waiting(f);
    wrn_fd_close(&f->fd);
    free(f->name);
    free(f->server);
    *f = (flow){.fd = -1};
    flows.count--;
}

static void release(wrn_gate *gate, flow *f) {
    (void)count_bytes(f, &gate->ledger->bytes_in, &gate->ledger->bytes_out);
    forget(gate, f);
}

static void disconnect(const flow *f) {
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};
    (void)connect(f->fd, &nobody, sizeof(nobody));
}

/* The stack says that it has closed its socket. One that lies has nothing of it: what it sent is sent, and no more can follow or come.
 * When the other side has not ended, the sandbox has broken the connection off, and so a reset is right. */
static void end(wrn_gate *gate, flow *f) {
    if (f->state == FLOW_OPEN) (void)shutdown(f->fd, SHUT_WR);
    struct tcp_info info = count_bytes(f, &gate->ledger->bytes_in, &gate->ledger->bytes_out);
    if (info.tcpi_state == ESTABLISHED || info.tcpi_state == FIN_WAIT1 || info.tcpi_state == FIN_WAIT2) disconnect(f);
    forget(gate, f);
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

/* Why a connection is not made, towards the sandbox and for its owner. */
static void deny(wrn_gate *gate, uint32_t id, const wrn_endpoint *to, wrn_denial denial) {
    size_t at = 0;
    const char *name = ledger_names(gate->ledger, &to->address, &at);
    ledger_deny(gate->ledger, to, denial, name ? name : "");
    refuse(gate, id, denial, 0);
}

/* The proxy does not make the connection. */
static void give_up(wrn_gate *gate, flow *f, wrn_denial denial) {
    uint32_t id = f->id;
    wrn_endpoint to = f->to;
    release(gate, f);
    deny(gate, id, &to, denial);
}

void flows_open(wrn_gate *gate, const seam_message *asked) {
    size_t slot = asked->id & 0xffff;
    if (slot >= flows.slots || asked->peer.proto != WRN_TCP) flows_end(gate, 3, FLOWS_NONSENSE);
    flow *f = &flows.items[slot];
    if (f->state != FLOW_FREE) end(gate, f);
    if (is_name_server(&asked->peer)) {
        int end = resolver_accept(gate);
        if (end < 0) return refuse(gate, asked->id, WRN_DENY_LIMIT, 0);
        seam_message granted = {.kind = SEAM_OPEN, .id = asked->id};
        return answer(gate, &granted, end);
    }
    wrn_scrutiny scrutiny;
    wrn_denial denial = gate_judge(gate, &asked->peer, &scrutiny);
    if (denial == WRN_ALLOWED && flows.count >= gate->options->flows) denial = WRN_DENY_LIMIT;
    if (denial != WRN_ALLOWED) return deny(gate, asked->id, &asked->peer, denial);
    bool proxied = gate->policy.proxied;
    int fd = gate_connect(proxied ? &gate->proxy.at : &asked->peer);
    if (fd < 0 && proxied) return deny(gate, asked->id, &asked->peer, WRN_DENY_PROXY_FAILED);
    if (fd < 0) return refuse(gate, asked->id, WRN_ALLOWED, errno);
    *f = (flow){.state = FLOW_CONNECTING, .scrutiny = (uint8_t)scrutiny, .fd = fd, .id = asked->id, .to = asked->peer};
    flows.count++;
    if (proxied) {
        f->deadline = wrn_now_ms() + PROXY_WAIT_MS;
        flows.waiting++;
    }
    size_t at = 0;
    f->is_name = wrn_policy_stands_for_name(&gate->policy, &f->to.address, ledger_names, gate->ledger);
    if (f->is_name) f->name = strdup(ledger_names(gate->ledger, &f->to.address, &at));
    else if (scrutiny == WRN_NAME_REQUIRED) f->name = name_that_allows(gate, &f->to);
    if (gate_watch_fd(gate, fd, EPOLLOUT, WATCH_FLOW, slot)) return;
    release(gate, f);
    refuse(gate, asked->id, WRN_DENY_LIMIT, 0);
}

/* The number of the process that adds headers, for connections to its ports; 0: others. */
static uint32_t tls_of(const gate_tls *tls, uint16_t port) {
    for (size_t i = 0; i < tls->port_count; i++)
        if (tls->ports[i] == port) return tls->number;
    return 0;
}

/* What the stack gets. This process keeps the connection itself, to count its bytes and to cut it. */
static int other_end(const wrn_gate *gate, flow *f) {
    int ends[2];
    f->tls = tls_of(&gate->tls, f->to.port);
    if (!f->tls) return fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
    if (gate->tls.fd < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    int given[2] = {ends[1], f->fd};
    if (!wrn_fds_send(gate->tls.fd, &f->to.port, sizeof(f->to.port), given, 2, MSG_DONTWAIT | MSG_NOSIGNAL))
        wrn_fd_close(&ends[0]);
    wrn_fd_close(&ends[1]);
    return ends[0];
}

static void grant(wrn_gate *gate, flow *f) {
    int second = other_end(gate, f);
    if (second < 0) {
        uint32_t id = f->id;
        release(gate, f);
        return refuse(gate, id, WRN_DENY_LIMIT, 0);
    }
    gate_unwatch(gate, f->fd);
    stop_waiting(f);
    f->state = FLOW_OPEN;
    gate->ledger->connections++;
    seam_message granted = {.kind = SEAM_OPEN, .id = f->id, .scrutiny = f->scrutiny};
    answer(gate, &granted, second);
}

/* There is a connection to the proxy. */
static void ask_proxy(wrn_gate *gate, flow *f) {
    char text[PROXY_REQUEST_MAX], address[WRN_ADDRESS_TEXT];
    const char *host = f->is_name ? f->name : wrn_address_text(&f->to.address, address);
    size_t size = host ? proxy_request(text, host, f->to.port, gate->proxy.authorization) : 0;
    if (!size || send(f->fd, text, size, MSG_NOSIGNAL) != (ssize_t)size ||
        !gate_watch_fd(gate, f->fd, EPOLLIN, WATCH_FLOW, (size_t)(f - flows.items)))
        return give_up(gate, f, WRN_DENY_PROXY_FAILED);
    f->state = FLOW_ASKING;
}

/* Takes no more than the head: what follows is for the sandbox. */
static void hear_proxy(wrn_gate *gate, flow *f) {
    uint8_t bytes[2048];
    size_t used = 0;
    ssize_t got = recv(f->fd, bytes, sizeof(bytes), MSG_PEEK);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    proxy_answer said = got > 0 ? proxy_read(&f->heard, bytes, (size_t)got, &used) : PROXY_FAILED;
    if (used && recv(f->fd, bytes, used, 0) != (ssize_t)used) said = PROXY_FAILED;
    if (said == PROXY_GRANTED) grant(gate, f);
    else if (said != PROXY_MORE) give_up(gate, f, said == PROXY_REFUSED ? WRN_DENY_PROXY : WRN_DENY_PROXY_FAILED);
}

void flows_ready(wrn_gate *gate, size_t index) {
    flow *f = &flows.items[index];
    if (index >= flows.slots || f->state == FLOW_FREE || f->state == FLOW_OPEN) return;
    if (f->state == FLOW_ASKING) return hear_proxy(gate, f);
    int error = 0;
    socklen_t size = sizeof(error);
    if (getsockopt(f->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0) error = errno;
    if (!error) return f->deadline ? ask_proxy(gate, f) : grant(gate, f);
    if (f->deadline) return give_up(gate, f, WRN_DENY_PROXY_FAILED);
    uint32_t id = f->id;
    release(gate, f);
    refuse(gate, id, WRN_ALLOWED, error);
}

bool flows_waiting(void) { return flows.waiting > 0; }

void flows_expire(wrn_gate *gate) {
    int64_t now = wrn_now_ms();
    for (size_t i = 0; flows.waiting && i < flows.slots; i++)
        if (flows.items[i].deadline && flows.items[i].deadline <= now)
            give_up(gate, &flows.items[i], WRN_DENY_PROXY_FAILED);
}

void flows_close(wrn_gate *gate, const seam_message *asked) {
    flow *f = find(asked->id);
    if (f) end(gate, f);
}

void flows_server_name(wrn_gate *gate, const seam_message *asked, size_t size) {
    flow *f = find(asked->id);
    if (!f) return;
    char name[WRN_NAME_MAX + 1];
    bool named = size && wrn_name_clean((const char *)asked->data, size, name);
    wrn_denial denial = wrn_policy_server_name(&gate->policy, &f->to, named ? name : NULL, f->scrutiny);
    if (size && !named && f->scrutiny != WRN_NO_SCRUTINY) denial = WRN_DENY_SERVER_NAME; /* it was unclear */
    if (named) {
        free(f->server);
        f->server = strdup(name);
    }
    if (denial != WRN_ALLOWED) ledger_deny(gate->ledger, &f->to, denial, named ? name : "");
    seam_message message = {.kind = SEAM_SERVER_NAME, .id = asked->id, .denial = (uint8_t)denial};
    answer(gate, &message, -1);
}

/* Outside it is a reset; the stack sees one too, and resets inside. */
static void cut(wrn_gate *gate, flow *f) {
    uint32_t id = f->id;
    bool connecting = f->state != FLOW_OPEN;
    (void)count_bytes(f, &gate->ledger->bytes_in, &gate->ledger->bytes_out);
    disconnect(f);
    forget(gate, f);
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

/* Nobody has looked which server this one asked for: it did not matter when it was made. */
static bool is_unnamed(const flow *f) {
    return f->scrutiny == WRN_NO_SCRUTINY && (f->to.port == 443 || f->to.port == 80);
}

size_t flows_judge_again(wrn_gate *gate) {
    size_t before = flows.count;
    for (size_t i = 0; i < flows.slots; i++) {
        flow *f = &flows.items[i];
        if (f->state == FLOW_FREE) continue;
        wrn_scrutiny scrutiny;
        own_name own = {gate, f->name};
        wrn_denial denial = wrn_policy_check(&gate->policy, &f->to, names_of_flow, &own, &scrutiny);
        if (denial == WRN_ALLOWED && f->server)
            denial = wrn_policy_server_name(&gate->policy, &f->to, f->server, scrutiny);
        else if (denial == WRN_ALLOWED && scrutiny != WRN_NO_SCRUTINY && is_unnamed(f)) denial = WRN_DENY_SERVER_NAME;
        /* Headers are added to connections that are read from their beginning, or to none. */
        bool stays = f->state != FLOW_OPEN || f->tls == tls_of(&gate->tls, f->to.port);
        if (denial == WRN_ALLOWED && stays) continue;
        if (denial != WRN_ALLOWED)
            ledger_deny(gate->ledger, &f->to, denial, f->server ? f->server : f->name ? f->name : "");
        cut(gate, f);
    }
    return before - flows.count;
}

size_t flows_count(uint64_t *bytes_in, uint64_t *bytes_out) {
    for (size_t i = 0; i < flows.slots; i++) (void)count_bytes(&flows.items[i], bytes_in, bytes_out);
    return flows.count;
}

void flows_end(const wrn_gate *gate, int status, const char *why) {
    (void)flows_count(&gate->ledger->bytes_in, &gate->ledger->bytes_out);
    if (why) gate_say_end(gate->options->control, why);
    _exit(status);
}
