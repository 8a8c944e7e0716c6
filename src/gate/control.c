#include "gate/control.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/file.h"
#include "gate/datagrams.h"
#include "gate/flows.h"
#include "gate/resolver.h"

enum { LACK_MS = 10 };

static void put(const wrn_gate *gate, const wrn_json *message) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_LIMITED(CONTROL_MESSAGE_MAX);
    wrn_json_write(message, &out);
    if (out.failed) return;
    while (send(gate->options->control, out.data, out.size, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
        if (errno == EINTR) continue;
        /* wrennd reads what it asked for. If it does not, it is being replaced, and its successor asks again. */
        if (errno != EAGAIN || poll(&(struct pollfd){.fd = gate->options->control, .events = POLLOUT}, 1, 1000) <= 0)
            return;
    }
}

void control_ready(wrn_gate *gate) {
    static const char event[] = "{\"event\":\"ready\"}";
    const int control = gate->options->control;
    while (!wrn_fds_send(control, event, strlen(event), &gate->self, gate->self >= 0, MSG_NOSIGNAL) &&
           seam_passes(errno))
        (void)poll(NULL, 0, LACK_MS);
    wrn_fd_close(&gate->self);
}

static bool fail(wrn_json *answer, const char *why) {
    wrn_json_set_string(answer, "error", why);
    return false;
}

/* ---- set ---- */

static bool read_servers(const wrn_json *list, wrn_endpoint servers[RESOLVER_SERVERS_MAX], size_t *count,
                         wrn_json *answer) {
    *count = wrn_json_count(list);
    if (*count > RESOLVER_SERVERS_MAX) return fail(answer, "more than 4 name servers");
    for (size_t i = 0; i < *count; i++) {
        const char *text = wrn_json_string(wrn_json_at(list, i), NULL);
        servers[i] = (wrn_endpoint){.port = 53};
        if (!text || !wrn_address_parse(text, &servers[i].address))
            return fail(answer, "a name server is not an address");
    }
    return true;
}

static bool read_proxy(const wrn_json *proxy, gate_proxy *out, wrn_json *answer) {
    const char *address = wrn_json_string(wrn_json_get(proxy, "address"), NULL);
    const char *authorization = wrn_json_string(wrn_json_get(proxy, "authorization"), NULL);
    int64_t port = 0;
    *out = (gate_proxy){.at = {.proto = WRN_TCP}};
    if (!proxy) return true;
    if (!address || !wrn_address_parse(address, &out->at.address) ||
        !wrn_json_int(wrn_json_get(proxy, "port"), &port) || port < 1 || port > 65535)
        return fail(answer, "a proxy has an address and a port");
    if (authorization && (strlen(authorization) >= sizeof(out->authorization) || strpbrk(authorization, "\r\n")))
        return fail(answer, "the proxy's authorization is not the value of a field");
    out->at.port = (uint16_t)port;
    if (authorization) memcpy(out->authorization, authorization, strlen(authorization) + 1);
    return true;
}

/* A descriptor that came along leads to another process than before. Without ports the last one ends. */
static void set_tls(gate_tls *tls, const wrn_json *request, int *passed) {
    const wrn_json *ports = wrn_json_get(request, "tls_ports");
    tls->port_count = 0;
    for (size_t i = 0; i < wrn_json_count(ports) && i < GATE_TLS_PORTS; i++) {
        int64_t port;
        if (wrn_json_int(wrn_json_at(ports, i), &port)) tls->ports[tls->port_count++] = (uint16_t)port;
    }
    if (*passed >= 0 || !tls->port_count) wrn_fd_close(&tls->fd);
    if (*passed < 0 || !tls->port_count) return;
    tls->fd = wrn_fd_take(passed);
    tls->number++;
}

static bool set(wrn_gate *gate, const wrn_json *request, int *passed, wrn_json *answer) {
    char why[256];
    wrn_policy policy;
    wrn_endpoint servers[RESOLVER_SERVERS_MAX];
    size_t count;
    int64_t rate = 0;
    const char *hosts = wrn_json_string(wrn_json_get(request, "hosts"), NULL);
    gate_proxy proxy;
    if (!read_servers(wrn_json_get(request, "name_servers"), servers, &count, answer) ||
        !read_proxy(wrn_json_get(request, "proxy"), &proxy, answer))
        return false;
    if (!wrn_policy_read(request, &policy, why, sizeof(why))) return fail(answer, why);
    if (!resolver_set(servers, count, hosts ? hosts : "")) {
        wrn_policy_free(&policy);
        return fail(answer, "out of memory");
    }
    (void)wrn_json_int(wrn_json_get(request, "rate"), &rate);
    if (rate <= 0 || rate > 1000000) rate = 500;
    gate->new_flows.per_second = rate;
    gate->new_flows.most = rate * 4;
    wrn_policy_free(&gate->policy);
    gate->policy = policy;
    set_tls(&gate->tls, request, passed);
    gate->proxy = proxy;
    wrn_json_set_int(answer, "cut", (int64_t)(flows_judge_again(gate) + datagrams_judge_again(gate)));
    return true;
}

/* ---- stats ---- */

static const char *proto_text(const ledger_denial *entry) {
    if (entry->is_question) return "dns";
    switch (entry->to.proto) {
    case WRN_TCP: return "tcp";
    case WRN_UDP: return "udp";
    case WRN_PING: return "icmp";
    default: return entry->denial == WRN_DENY_REBINDING ? "dns" : "other";
    }
}

static wrn_json *denial_json(const ledger_denial *entry) {
    char text[WRN_ADDRESS_TEXT];
    wrn_json *out = wrn_json_new_object();
    wrn_json_set_string(out, "proto", proto_text(entry));
    wrn_json_set_string(out, "address", entry->is_question ? "" : wrn_address_text(&entry->to.address, text));
    wrn_json_set_int(out, "port", entry->to.port);
    wrn_json_set_string(out, "name", entry->name);
    wrn_json_set_string(out, "reason", wrn_denial_text((wrn_denial)entry->denial));
    wrn_json_set_int(out, "count", (int64_t)entry->count);
    wrn_json_set_int(out, "last_at", entry->last_at);
    return out;
}

static bool stats(wrn_gate *gate, wrn_json *answer) {
    const wrn_ledger *ledger = gate->ledger;
    uint64_t in = ledger->bytes_in, out = ledger->bytes_out;
    size_t live = flows_count(&in, &out);
    wrn_json_set_int(answer, "bytes_in", (int64_t)in);
    wrn_json_set_int(answer, "bytes_out", (int64_t)out);
    wrn_json_set_int(answer, "connections", (int64_t)live);
    wrn_json_set_int(answer, "connections_total", (int64_t)ledger->connections);
    wrn_json_set_int(answer, "dns_queries", (int64_t)ledger->questions);
    wrn_json_set_int(answer, "denied_total", (int64_t)ledger->denied);
    wrn_json_set_int(answer, "denied_lost", (int64_t)ledger->denied_lost);
    wrn_json *list = wrn_json_new_array();
    for (size_t i = 0; i < ledger->denials_count; i++) wrn_json_append(list, denial_json(&ledger->denials[i]));
    return wrn_json_set(answer, "denied", list);
}

/* ---- check ---- */

/* An address, with the names that led there. */
static wrn_denial check_address(const wrn_gate *gate, const wrn_endpoint *to, const char **list, size_t *index) {
    wrn_scrutiny scrutiny;
    wrn_denial denial = gate_check(gate, to, &scrutiny);
    *list = wrn_policy_decider(&gate->policy, to, NULL, denial, index);
    size_t at = 0;
    for (const char *name; !*list && (name = ledger_names(gate->ledger, &to->address, &at));)
        *list = wrn_policy_decider(&gate->policy, to, name, denial, index);
    return denial;
}

static bool check(wrn_gate *gate, const wrn_json *request, wrn_json *answer) {
    const char *host = wrn_json_string(wrn_json_get(request, "host"), NULL), *list;
    const char *proto = wrn_json_string(wrn_json_get(request, "proto"), NULL);
    char name[WRN_NAME_MAX + 1];
    int64_t port = 0;
    size_t index = 0;
    wrn_endpoint to = {.proto = proto && strcmp(proto, "udp") == 0 ? WRN_UDP : WRN_TCP};
    wrn_denial denial;
    if (!host || !wrn_json_int(wrn_json_get(request, "port"), &port) || port < 1 || port > 65535)
        return fail(answer, "check needs host and port");
    to.port = (uint16_t)port;
    if (wrn_address_parse(host, &to.address)) {
        denial = check_address(gate, &to, &list, &index);
    } else if (wrn_name_clean(host, strlen(host), name)) {
        denial = wrn_policy_host(&gate->policy, &to, name);
        list = wrn_policy_decider(&gate->policy, &to, name, denial, &index);
    } else {
        return fail(answer, "host is neither a name nor an address");
    }
    wrn_json_set_bool(answer, "allowed", denial == WRN_ALLOWED);
    if (denial != WRN_ALLOWED) wrn_json_set_string(answer, "reason", wrn_denial_text(denial));
    if (list) wrn_json_set_string(answer, "list", list);
    return !list || wrn_json_set_int(answer, "index", (int64_t)index);
}

/* ---- link ---- */

static bool take_link(wrn_gate *gate, const wrn_json *request, int *passed, wrn_json *answer) {
    const char *kind = wrn_json_string(wrn_json_get(request, "kind"), NULL);
    seam_message message = {.kind = SEAM_LINK, .link = {.is_packet = kind && strcmp(kind, "packet") == 0}};
    if (!wrn_json_bool(wrn_json_get(request, "ipv6"), &message.link.with_v6) || *passed < 0)
        return fail(answer, "link needs ipv6 and a descriptor");
    gate->with_v6 = message.link.with_v6;
    return seam_post(&gate->stack, &message, wrn_fd_take(passed)) || fail(answer, "the stack is stuck");
}

static void handle(wrn_gate *gate, const char *text, size_t size, int *passed) {
    WRN_AUTO(wrn_json_freep) wrn_json *request = NULL;
    WRN_AUTO(wrn_json_freep) wrn_json *answer = wrn_json_new_object();
    const char *why = "", *what;
    int64_t id = 0;
    bool ok;
    if (!wrn_json_parse(text, size, &request, &why)) ok = fail(answer, why);
    else if (!(what = wrn_json_string(wrn_json_get(request, "do"), NULL))) ok = fail(answer, "do is missing");
    else if (strcmp(what, "set") == 0) ok = set(gate, request, passed, answer);
    else if (strcmp(what, "stats") == 0) ok = stats(gate, answer);
    else if (strcmp(what, "check") == 0) ok = check(gate, request, answer);
    else if (strcmp(what, "link") == 0) ok = take_link(gate, request, passed, answer);
    else ok = fail(answer, "do is set, link, stats or check");
    if (wrn_json_int(wrn_json_get(request, "id"), &id)) wrn_json_set_int(answer, "id", id);
    wrn_json_set_bool(answer, "ok", ok);
    put(gate, answer);
}

bool control_read(wrn_gate *gate) {
    static char text[CONTROL_MESSAGE_MAX];
    WRN_AUTO(wrn_fd_close) int passed = -1;
    ssize_t got = wrn_fds_receive(gate->options->control, text, sizeof(text), &passed, 1);
    if (got > 0) handle(gate, text, (size_t)got, &passed);
    return got > 0;
}
