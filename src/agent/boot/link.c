/* The machine's network interface, as in namespaces: the addresses are the gate's (gate/frame.h), there are no neighbours, and
 * everything goes to the gate. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <net/route.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/boot/boot.h"

#define LINK "eth0"
#define SETTINGS "/proc/sys/net/ipv6/conf/" LINK

enum { MTU = 16384, OWN = 0xc0000002 /* 192.0.0.2 */, GATE = 0xc0000001, MASK = 0xffffffff };

static struct sockaddr ipv4(uint32_t address) {
    struct sockaddr out = {0};
    const struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    memcpy(&out, &in, sizeof(in));
    return out;
}

/* The kernel's struct in6_ifreq, whose header is not there for every C library. */
typedef struct ipv6_request {
    struct in6_addr address;
    uint32_t prefix;
    int index;
} ipv6_request;

static struct in6_addr ipv6(uint8_t last) {
    return (struct in6_addr){.s6_addr = {0xfd, 0x77, 0x72, 0x65, 0x6e, 0x6e, [15] = last}};
}

static void set_ipv6(void) {
    int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0), index = (int)if_nametoindex(LINK);
    ipv6_request own = {.address = ipv6(2), .prefix = 128, .index = index};
    struct in6_rtmsg gate = {.rtmsg_flags = RTF_UP | RTF_HOST,
                             .rtmsg_dst = ipv6(1),
                             .rtmsg_dst_len = 128,
                             .rtmsg_metric = 1,
                             .rtmsg_ifindex = index};
    struct in6_rtmsg rest = {.rtmsg_flags = RTF_UP | RTF_GATEWAY, .rtmsg_gateway = ipv6(1), .rtmsg_ifindex = index};
    if (fd < 0 || ioctl(fd, SIOCSIFADDR, &own) != 0 || ioctl(fd, SIOCADDRT, &gate) != 0 ||
        ioctl(fd, SIOCADDRT, &rest) != 0)
        boot_fail("set IPv6 of " LINK);
    close(fd);
}

/* Before it is up and sends something. Kernels without IPv6 have no such files. */
static void set_up_ipv6(bool with_v6) {
    if (access(SETTINGS, F_OK) != 0) return;
    boot_put(SETTINGS "/accept_ra", "0");
    boot_put(SETTINGS "/accept_dad", "0");
    boot_put(SETTINGS "/addr_gen_mode", "1"); /* no link-local addresses, as in namespaces */
    boot_put(SETTINGS "/disable_ipv6", with_v6 ? "0" : "1");
}

void boot_link(bool with_v6) {
    struct ifreq mtu = {.ifr_name = LINK, .ifr_mtu = MTU};
    struct ifreq own = {.ifr_name = LINK, .ifr_addr = ipv4(OWN)}, mask = {.ifr_name = LINK, .ifr_netmask = ipv4(MASK)};
    struct ifreq up = {.ifr_name = LINK, .ifr_flags = IFF_UP | IFF_RUNNING};
    struct rtentry gate = {
        .rt_flags = RTF_UP | RTF_HOST, .rt_dev = (char[]){LINK}, .rt_dst = ipv4(GATE), .rt_genmask = ipv4(MASK)};
    struct rtentry rest = {.rt_flags = RTF_UP | RTF_GATEWAY,
                           .rt_dev = (char[]){LINK},
                           .rt_gateway = ipv4(GATE),
                           .rt_dst = ipv4(0),
                           .rt_genmask = ipv4(0)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    set_up_ipv6(with_v6);
    if (fd < 0 || ioctl(fd, SIOCSIFMTU, &mtu) != 0 || ioctl(fd, SIOCSIFADDR, &own) != 0 ||
        ioctl(fd, SIOCSIFNETMASK, &mask) != 0 || ioctl(fd, SIOCSIFFLAGS, &up) != 0 ||
        ioctl(fd, SIOCADDRT, &gate) != 0 || ioctl(fd, SIOCADDRT, &rest) != 0)
        boot_fail("set up " LINK);
    close(fd);
    if (with_v6) set_ipv6();
    boot_put("/etc/resolv.conf", "nameserver 192.0.0.1\n");
}
