/* In the child: eth0, whose other end is a descriptor for the gate. A TAP device, or where that can't be had, half of a veth
 * pair whose other half is in a network namespace that nobody else sees and that only the packet socket on it keeps.
 *
 * The addresses are the gate's too: gate/frame.h. 192.0.0.0/29 (RFC 7335) is on no LAN; with a source address like
 * fd77:..., the C library prefers IPv4 for names that have both. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/ethtool.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "server/backend/ns/internal.h"

/* libslirp has no window scaling: a window of 64 KiB has to hold more than two segments, or senders stall. */
enum { MTU = 16384, BUFFER_SIZE = 4 << 20 };

#define INSIDE "eth0"
#define OUTSIDE "gate0"

/* ---- netlink ---- */

typedef struct netlink_request {
    struct nlmsghdr head;
    union {
        struct ifinfomsg link;
        struct ifaddrmsg address;
        struct rtmsg route;
    } body;
    char attributes[512];
} netlink_request;

/* Appends an attribute; `size` bytes of NULL leave room for a header in front of nested ones. */
static struct rtattr *add_attribute(netlink_request *r, int type, const void *data, size_t size) {
    struct rtattr *at = (struct rtattr *)((char *)r + NLMSG_ALIGN(r->head.nlmsg_len));
    at->rta_type = (unsigned short)type;
    at->rta_len = (unsigned short)RTA_LENGTH(size);
    if (data) memcpy(RTA_DATA(at), data, size);
    r->head.nlmsg_len = NLMSG_ALIGN(r->head.nlmsg_len) + RTA_ALIGN(at->rta_len);
    return at;
}

static void end_nested(const netlink_request *r, struct rtattr *nested) {
    nested->rta_len = (unsigned short)((const char *)r + r->head.nlmsg_len - (const char *)nested);
}

/* In the network namespace in which we are now. Waits for the kernel's answer: 0, or -1 with errno. */
static int link_ask_kernel(netlink_request *r) {
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[1024];
    } answer;
    WRN_AUTO(wrn_fd_close) int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
    r->head.nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
    if (fd < 0 || send(fd, r, r->head.nlmsg_len, 0) < 0) return -1;
    if (recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.head)) return -1;
    errno = answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
    return errno ? -1 : 0;
}

/* ---- interfaces ---- */

static struct ifreq request_for(const char *name) {
    struct ifreq r = {0};
    memcpy(r.ifr_name, name, strlen(name));
    return r;
}

static int set_flags(int fd, const char *name, int flags) {
    struct ifreq r = request_for(name);
    r.ifr_flags = (short)(IFF_UP | IFF_RUNNING | flags);
    return ioctl(fd, SIOCSIFFLAGS, &r);
}

static unsigned index_of(int fd, const char *name) {
    struct ifreq r = request_for(name);
    return ioctl(fd, SIOCGIFINDEX, &r) == 0 ? (unsigned)r.ifr_ifindex : 0;
}

/* Kernels without IPv6 have no such files, and there the gate drops what comes anyhow. */
static void put_setting(const char *path, const char *text) {
    (void)wrn_file_write(AT_FDCWD, path, 0, text, strlen(text));
}

/* -1: there is no TUN device here, or not for us. */
static int make_tap(void) {
    struct ifreq r = request_for(INSIDE);
    int fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    r.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR; /* the gate looks whether there are heads */
    if (fd < 0 || ioctl(fd, TUNSETIFF, &r) == 0) return fd;
    close(fd);
    return -1;
}

static int make_pair(int sandbox_netns) {
    netlink_request r = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(r.body.link)), .nlmsg_type = RTM_NEWLINK}};
    const uint32_t mtu = MTU;
    add_attribute(&r, IFLA_IFNAME, OUTSIDE, sizeof(OUTSIDE));
    add_attribute(&r, IFLA_MTU, &mtu, sizeof(mtu));
    struct rtattr *info = add_attribute(&r, IFLA_LINKINFO, NULL, 0);
    add_attribute(&r, IFLA_INFO_KIND, "veth", strlen("veth"));
    struct rtattr *data = add_attribute(&r, IFLA_INFO_DATA, NULL, 0);
    struct rtattr *peer = add_attribute(&r, VETH_INFO_PEER, NULL, sizeof(struct ifinfomsg));
    memset(RTA_DATA(peer), 0, sizeof(struct ifinfomsg));
    add_attribute(&r, IFLA_IFNAME, INSIDE, sizeof(INSIDE));
    add_attribute(&r, IFLA_MTU, &mtu, sizeof(mtu));
    add_attribute(&r, IFLA_NET_NS_FD, &sandbox_netns, sizeof(sandbox_netns));
    end_nested(&r, peer);
    end_nested(&r, data);
    end_nested(&r, info);
    return link_ask_kernel(&r);
}

/* Of the outer half, in its namespace. */
static int open_packets(void) {
    const int on = 1, size = BUFFER_SIZE;
    WRN_AUTO(wrn_fd_close) int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    put_setting("/proc/sys/net/ipv6/conf/" OUTSIDE "/disable_ipv6", "1"); /* before it is up and sends something */
    if (control < 0 || set_flags(control, OUTSIDE, IFF_NOARP) != 0) return -1;
    WRN_AUTO(wrn_fd_close) int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    const struct sockaddr_ll address = {
        .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)index_of(control, OUTSIDE)};
    if (fd < 0 || !address.sll_ifindex) return -1;
    if (setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)) != 0) return -1;
    if (setsockopt(fd, SOL_PACKET, PACKET_VNET_HDR, &on, sizeof(on)) != 0) return -1;
    /* As much as we may: an ordinary user gets less. */
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0 ? wrn_fd_take(&fd) : -1;
}

/* Frames reach the gate as they are in memory: whole checksums, and nothing longer than the MTU. */
static int end_offloads(void) {
    static const uint32_t commands[] = {ETHTOOL_STXCSUM, ETHTOOL_STSO, ETHTOOL_SGSO, ETHTOOL_SGRO};
    WRN_AUTO(wrn_fd_close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    for (size_t i = 0; i < WRN_COUNT(commands); i++) {
        struct ethtool_value value = {.cmd = commands[i]};
        struct ifreq r = request_for(INSIDE);
        r.ifr_data = (char *)&value;
        if (ioctl(fd, SIOCETHTOOL, &r) != 0 && commands[i] == ETHTOOL_STXCSUM) return -1;
    }
    return 0;
}

/* -1 with errno; *step: at what. */
static int make_veth(const char **step) {
    WRN_AUTO(wrn_fd_close) int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    *step = NETWORK_STEP "a namespace for the gate";
    if (own < 0 || unshare(CLONE_NEWNET) != 0) return -1;
    *step = NETWORK_STEP "neither /dev/net/tun nor veth can be had";
    if (make_pair(own) != 0) return -1;
    *step = NETWORK_STEP "packet socket";
    WRN_AUTO(wrn_fd_close) int fd = open_packets();
    if (fd < 0) return -1;
    *step = NETWORK_STEP "set up veth";
    return setns(own, CLONE_NEWNET) == 0 && end_offloads() == 0 ? wrn_fd_take(&fd) : -1;
}

int link_try_tap(void) { return make_tap() >= 0 ? 0 : errno; }

int link_try_veth(void) {
    const char *step;
    return make_veth(&step) >= 0 ? 0 : errno;
}

/* ---- addresses ---- */

static void set_ipv4(const spawn *s, int fd) {
    struct ifreq r = request_for(INSIDE);
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY, .rt_dev = (char[]){INSIDE}};
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xc0000002)}; /* 192.0.0.2 */
    r.ifr_mtu = MTU;
    if (ioctl(fd, SIOCSIFMTU, &r) != 0) spawn_fail(s, NETWORK_STEP "set the MTU");
    memcpy(&r.ifr_addr, &address, sizeof(address));
    if (ioctl(fd, SIOCSIFADDR, &r) != 0) spawn_fail(s, NETWORK_STEP "set the address");
    address.sin_addr.s_addr = htonl(0xfffffff8); /* /29 */
    memcpy(&r.ifr_netmask, &address, sizeof(address));
    if (ioctl(fd, SIOCSIFNETMASK, &r) != 0 || set_flags(fd, INSIDE, 0) != 0) spawn_fail(s, NETWORK_STEP "raise it");
    address.sin_addr.s_addr = htonl(0xc0000001); /* 192.0.0.1 */
    memcpy(&route.rt_gateway, &address, sizeof(address));
    address.sin_addr.s_addr = 0;
    memcpy(&route.rt_dst, &address, sizeof(address));
    memcpy(&route.rt_genmask, &address, sizeof(address));
    if (ioctl(fd, SIOCADDRT, &route) != 0) spawn_fail(s, NETWORK_STEP "set the route");
}

/* fd77:7265:6e6e::N */
static struct in6_addr ipv6_address(uint8_t last) {
    return (struct in6_addr){.s6_addr = {0xfd, 0x77, 0x72, 0x65, 0x6e, 0x6e, [15] = last}};
}

static void set_ipv6(const spawn *s, int fd) {
    const struct in6_addr own = ipv6_address(2), gate = ipv6_address(1);
    const unsigned index = index_of(fd, INSIDE);
    netlink_request address = {
        .head = {.nlmsg_len = NLMSG_LENGTH(sizeof(address.body.address)), .nlmsg_type = RTM_NEWADDR},
        .body.address = {.ifa_family = AF_INET6, .ifa_prefixlen = 64, .ifa_flags = IFA_F_NODAD, .ifa_index = index}};
    netlink_request route = {.head = {.nlmsg_len = NLMSG_LENGTH(sizeof(route.body.route)), .nlmsg_type = RTM_NEWROUTE},
                             .body.route = {.rtm_family = AF_INET6,
                                            .rtm_table = RT_TABLE_MAIN,
                                            .rtm_protocol = RTPROT_STATIC,
                                            .rtm_type = RTN_UNICAST}};
    add_attribute(&address, IFA_LOCAL, &own, sizeof(own));
    add_attribute(&route, RTA_GATEWAY, &gate, sizeof(gate));
    add_attribute(&route, RTA_OIF, &index, sizeof(index));
    if (link_ask_kernel(&address) != 0 || link_ask_kernel(&route) != 0) spawn_fail(s, NETWORK_STEP "set IPv6");
}

void link_make(const spawn *s) {
    wrn_link_kind kind = WRN_LINK_TAP;
    const char *step;
    int end = make_tap();
    if (end < 0) {
        kind = WRN_LINK_PACKETS;
        end = make_veth(&step);
    }
    if (end < 0) spawn_fail(s, step);
    WRN_AUTO(wrn_fd_close) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) spawn_fail(s, NETWORK_STEP "socket");
    if (s->ipv6) {
        put_setting("/proc/sys/net/ipv6/conf/" INSIDE "/accept_ra", "0");
        put_setting("/proc/sys/net/ipv6/conf/" INSIDE "/accept_dad", "0");
    } else {
        put_setting("/proc/sys/net/ipv6/conf/" INSIDE "/disable_ipv6", "1");
    }
    set_ipv4(s, fd);
    if (s->ipv6) set_ipv6(s, fd);
    if (!wrn_fds_send(s->link_fd, &kind, sizeof(kind), &end, 1, 0)) spawn_fail(s, NETWORK_STEP "pass the link on");
    close(end);
}
