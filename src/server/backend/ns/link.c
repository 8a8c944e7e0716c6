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
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "server/backend/ns/internal.h"

/* libslirp has no window scaling: a window of 64 KiB has to hold more than two segments, or senders stall. */
enum { MTU = 16384, BUFFER_SIZE = 4 << 20, REQUESTS_MAX = 5 };

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

/* A request with a body of that many bytes. What it makes must not be there yet. */
static netlink_request request_of(int type, size_t body) {
    return (netlink_request){.head = {.nlmsg_len = (unsigned)NLMSG_LENGTH(body),
                                      .nlmsg_type = (unsigned short)type,
                                      .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL}};
}

/* In the network namespace in which we are now. The kernel answers each. 0, or -1 with errno, of the first that failed. */
static int link_ask_kernel(int fd, netlink_request *all, size_t count) {
    struct iovec parts[REQUESTS_MAX];
    struct {
        struct nlmsghdr head;
        struct nlmsgerr error;
        char rest[1024];
    } answer;
    for (size_t i = 0; i < count; i++) parts[i] = (struct iovec){&all[i], all[i].head.nlmsg_len};
    if (fd < 0 || sendmsg(fd, &(struct msghdr){.msg_iov = parts, .msg_iovlen = count}, 0) < 0) return -1;
    for (size_t i = 0; i < count; i++) {
        if (recv(fd, &answer, sizeof(answer), 0) < (ssize_t)sizeof(answer.head)) return -1;
        errno = answer.head.nlmsg_type == NLMSG_ERROR ? -answer.error.error : EPROTO;
        if (errno) return -1;
    }
    return 0;
}

static int open_netlink(void) { return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE); }

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
    netlink_request r = request_of(RTM_NEWLINK, sizeof(r.body.link));
    WRN_AUTO(wrn_fd_close) int fd = open_netlink();
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
    return link_ask_kernel(fd, &r, 1);
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

/* The address, without neighbours, and a route by the gate's to all others: it denies at once what nobody has. */
static void add_family(netlink_request out[2], int family, unsigned index, const void *own, const void *gate,
                       size_t size) {
    out[0] = request_of(RTM_NEWADDR, sizeof(out[0].body.address));
    out[0].body.address = (struct ifaddrmsg){.ifa_family = (uint8_t)family,
                                             .ifa_prefixlen = (uint8_t)(size * 8),
                                             .ifa_flags = family == AF_INET ? 0 : IFA_F_NODAD,
                                             .ifa_index = index};
    add_attribute(&out[0], IFA_LOCAL, own, size);
    out[1] = request_of(RTM_NEWROUTE, sizeof(out[1].body.route));
    out[1].body.route = (struct rtmsg){.rtm_family = (uint8_t)family,
                                       .rtm_table = RT_TABLE_MAIN,
                                       .rtm_protocol = RTPROT_STATIC,
                                       .rtm_flags = RTNH_F_ONLINK,
                                       .rtm_type = RTN_UNICAST};
    add_attribute(&out[1], RTA_GATEWAY, gate, size);
    add_attribute(&out[1], RTA_OIF, &index, sizeof(index));
}

/* All at once: for each request the kernel may wait until it has removed networks of sandboxes that have ended. */
static void set_up(const spawn *s) {
    const uint8_t own4[] = {192, 0, 0, 2}, gate4[] = {192, 0, 0, 1};
    const uint8_t own6[16] = {0xfd, 0x77, 0x72, 0x65, 0x6e, 0x6e, [15] = 2};
    const uint8_t gate6[16] = {0xfd, 0x77, 0x72, 0x65, 0x6e, 0x6e, [15] = 1};
    const uint32_t mtu = MTU;
    netlink_request all[REQUESTS_MAX] = {request_of(RTM_NEWLINK, sizeof(all[0].body.link))};
    WRN_AUTO(wrn_fd_close) int fd = open_netlink();
    const unsigned index = index_of(fd, INSIDE);
    all[0].head.nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK; /* it is there */
    all[0].body.link = (struct ifinfomsg){.ifi_index = (int)index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    add_attribute(&all[0], IFLA_MTU, &mtu, sizeof(mtu));
    add_family(all + 1, AF_INET, index, own4, gate4, sizeof(own4));
    add_family(all + 3, AF_INET6, index, own6, gate6, sizeof(own6));
    if (link_ask_kernel(fd, all, s->ipv6 ? 5 : 3) != 0) spawn_fail(s, NETWORK_STEP "set it up");
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
    if (s->ipv6) {
        put_setting("/proc/sys/net/ipv6/conf/" INSIDE "/accept_ra", "0");
        put_setting("/proc/sys/net/ipv6/conf/" INSIDE "/accept_dad", "0");
        /* No link-local addresses: so what is sent to some goes to the gate, which denies it, and waits for no neighbour. */
        put_setting("/proc/sys/net/ipv6/conf/" INSIDE "/addr_gen_mode", "1");
    } else {
        put_setting("/proc/sys/net/ipv6/conf/" INSIDE "/disable_ipv6", "1");
    }
    set_up(s);
    if (!wrn_fds_send(s->link_fd, &kind, sizeof(kind), &end, 1, 0)) spawn_fail(s, NETWORK_STEP "pass the link on");
    close(end);
}
