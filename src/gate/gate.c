#include "gate/gate.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "gate/route.h"

void gate_join(const gate_options *options) {
    for (size_t i = 0; i < GATE_GROUPS_MAX && options->groups[i] >= 0; i++) {
        (void)!write(options->groups[i], "0", 1);
        close(options->groups[i]);
    }
}

void gate_say_end(int control, const char *why) {
    char event[256];
    int size = snprintf(event, sizeof(event), "{\"event\":\"ended\",\"why\":\"%s\"}", why); /* texts of ours */
    (void)!send(control, event, (size_t)size, MSG_NOSIGNAL | MSG_DONTWAIT);
}

wrn_denial gate_check(const wrn_gate *gate, const wrn_endpoint *to, wrn_scrutiny *scrutiny) {
    wrn_denial denial = wrn_policy_check(&gate->policy, to, ledger_names, gate->ledger, scrutiny);
    /* A rule that would allow it is missing, and none could for the machine's own addresses. */
    bool is_open = denial == WRN_ALLOWED || denial == WRN_DENY_UNLISTED || denial == WRN_DENY_RESOLVER;
    if (!is_open || wrn_policy_stands_for_name(&gate->policy, &to->address, ledger_names, gate->ledger)) return denial;
    wrn_denial own = route_check(gate->routes, &to->address);
    return own == WRN_ALLOWED ? denial : own;
}

wrn_denial gate_judge(wrn_gate *gate, const wrn_endpoint *to, wrn_scrutiny *scrutiny) {
    wrn_denial denial = gate_check(gate, to, scrutiny);
    return denial == WRN_ALLOWED && !gate_take(&gate->new_flows) ? WRN_DENY_LIMIT : denial;
}

int gate_connect(const wrn_endpoint *to) {
    bool v4 = wrn_address_is_v4(&to->address);
    int type = to->proto == WRN_TCP ? SOCK_STREAM : SOCK_DGRAM;
    int proto = to->proto != WRN_PING ? 0 : v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
    WRN_AUTO(wrn_fd_close) int fd = socket(v4 ? AF_INET : AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, proto);
    if (fd < 0) return -1;
    int one = 1;
    if (!v4 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one)) != 0) return -1;
    if (to->proto == WRN_TCP && (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
                                 setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof(one)) != 0))
        return -1;
    struct sockaddr_storage address;
    unsigned size = route_sockaddr(to, &address);
    if (connect(fd, (struct sockaddr *)&address, size) != 0 && errno != EINPROGRESS) return -1;
    return wrn_fd_take(&fd);
}

bool gate_watch_fd(const wrn_gate *gate, int fd, uint32_t events, gate_watch whose, size_t index) {
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)whose << 32 | index};
    if (epoll_ctl(gate->epoll, EPOLL_CTL_ADD, fd, &event) == 0) return true;
    return errno == EEXIST && epoll_ctl(gate->epoll, EPOLL_CTL_MOD, fd, &event) == 0;
}

void gate_unwatch(const wrn_gate *gate, int fd) { (void)epoll_ctl(gate->epoll, EPOLL_CTL_DEL, fd, NULL); }
