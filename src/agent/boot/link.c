/* The machine's network interface. The addresses are the gate's, as in namespaces: see gate/frame.h. IPv4 only. */
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

enum { MTU = 16384, OWN = 0xc0000002 /* 192.0.0.2 */, GATE = 0xc0000001, MASK = 0xfffffff8 };

static struct sockaddr ipv4(uint32_t address) {
    struct sockaddr out = {0};
    const struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
    memcpy(&out, &in, sizeof(in));
    return out;
}

void boot_link(void) {
    struct ifreq mtu = {.ifr_name = LINK, .ifr_mtu = MTU};
    struct ifreq own = {.ifr_name = LINK, .ifr_addr = ipv4(OWN)}, mask = {.ifr_name = LINK, .ifr_netmask = ipv4(MASK)};
    struct ifreq up = {.ifr_name = LINK, .ifr_flags = IFF_UP | IFF_RUNNING};
    struct rtentry route = {.rt_flags = RTF_UP | RTF_GATEWAY,
                            .rt_dev = (char[]){LINK},
                            .rt_gateway = ipv4(GATE),
                            .rt_dst = ipv4(0),
                            .rt_genmask = ipv4(0)};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (access("/proc/sys/net/ipv6/conf/" LINK "/disable_ipv6", F_OK) == 0)
        boot_put("/proc/sys/net/ipv6/conf/" LINK "/disable_ipv6", "1"); /* before it is up and sends something */
    if (fd < 0 || ioctl(fd, SIOCSIFMTU, &mtu) != 0 || ioctl(fd, SIOCSIFADDR, &own) != 0 ||
        ioctl(fd, SIOCSIFNETMASK, &mask) != 0 || ioctl(fd, SIOCSIFFLAGS, &up) != 0 || ioctl(fd, SIOCADDRT, &route) != 0)
        boot_fail("set up " LINK);
    close(fd);
    boot_put("/etc/resolv.conf", "nameserver 192.0.0.1\n");
}
