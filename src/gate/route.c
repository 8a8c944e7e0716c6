#include "gate/route.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/file.h"

int route_open(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

typedef struct question {
    struct nlmsghdr head;
    struct rtmsg route;
    struct rtattr attribute;
    uint8_t address[16];
} question;

/* `bits`: NULL, or where to put the length of the prefix that decided. */
static wrn_denial ask_kernel(int fd, const wrn_address *to, unsigned *bits) {
    bool v4 = wrn_address_is_v4(to);
    unsigned size = v4 ? 4 : 16;
    static uint32_t sequence;
    question ask = {
        .head = {.nlmsg_type = RTM_GETROUTE,
                 .nlmsg_flags = NLM_F_REQUEST,
                 .nlmsg_seq = ++sequence,
                 .nlmsg_len = (uint32_t)(NLMSG_LENGTH(sizeof(struct rtmsg)) + RTA_LENGTH(size))},
        .route = {.rtm_family = v4 ? AF_INET : AF_INET6,
                  .rtm_dst_len = (uint8_t)(size * 8),
                  .rtm_flags = bits ? RTM_F_FIB_MATCH : 0},
        .attribute = {.rta_type = RTA_DST, .rta_len = (uint16_t)RTA_LENGTH(size)},
    };
    memcpy(ask.address, to->bytes + 16 - size, size);
    union {
        struct nlmsghdr head;
        char bytes[4096];
    } answer;
    if (send(fd, &ask, ask.head.nlmsg_len, 0) < 0) return WRN_DENY_HOST;
    ssize_t got = recv(fd, &answer, sizeof(answer), 0);
    if (got < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)) || answer.head.nlmsg_seq != sequence) return WRN_DENY_HOST;
    if (answer.head.nlmsg_type == NLMSG_ERROR) return WRN_ALLOWED;
    const struct rtmsg *route = NLMSG_DATA(&answer.head);
    if (bits) *bits = 128 - size * 8 + route->rtm_dst_len;
    switch (route->rtm_type) {
    case RTN_UNICAST:
    case RTN_UNREACHABLE:
    case RTN_PROHIBIT:
    case RTN_BLACKHOLE: return WRN_ALLOWED;
    default: return WRN_DENY_HOST;
    }
}

wrn_denial route_check(int fd, const wrn_address *to) {
    wrn_address inner;
    wrn_denial denial = wrn_address_inner(to, &inner) ? ask_kernel(fd, &inner, NULL) : WRN_ALLOWED;
    return denial == WRN_ALLOWED ? ask_kernel(fd, to, NULL) : denial;
}

wrn_denial route_check_range(int fd, const wrn_address *to, unsigned *bits) {
    enum { BEFORE_V4 = 96, ALL_BITS = 128 };
    wrn_address inner;
    unsigned before = wrn_address_inner(to, &inner);
    *bits = ALL_BITS;
    if (before && ask_kernel(fd, &inner, bits) != WRN_ALLOWED) {
        *bits -= BEFORE_V4 - before;
        return WRN_DENY_HOST;
    }
    *bits = ALL_BITS;
    return ask_kernel(fd, to, bits);
}

unsigned route_sockaddr(const wrn_endpoint *to, void *out) {
    memset(out, 0, sizeof(struct sockaddr_storage));
    if (wrn_address_is_v4(&to->address)) {
        struct sockaddr_in *in = out;
        in->sin_family = AF_INET;
        in->sin_port = htons(to->port);
        memcpy(&in->sin_addr, to->address.bytes + 12, 4);
        return sizeof(*in);
    }
    struct sockaddr_in6 *in = out;
    in->sin6_family = AF_INET6;
    in->sin6_port = htons(to->port);
    memcpy(&in->sin6_addr, to->address.bytes, 16);
    return sizeof(*in);
}

/* Connecting a socket of datagrams sends nothing. */
bool wrn_host_has_ipv6(void) {
    const struct sockaddr_in6 somewhere = {
        .sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_addr.s6_addr = {0x20, 0x00, [15] = 1}};
    WRN_AUTO(wrn_fd_close) int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&somewhere, sizeof(somewhere)) == 0;
}
