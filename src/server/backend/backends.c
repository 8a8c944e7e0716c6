#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "server/backend/backend.h"

/* backend/meson.build defines WRN_BACKENDS(X), so that there is only one list. */
#define DECLARE(name) extern const wrn_backend_ops wrn_backend_##name;
#define ADDRESS(name) &wrn_backend_##name,

WRN_BACKENDS(DECLARE)

const wrn_backend_ops *const wrn_backends[WRN_BACKENDS_MAX + 1] = {WRN_BACKENDS(ADDRESS)};

int wrn_check_gate(const wrn_backend_config *config, wrn_fault *fault) {
    const char *gate = config->egress.gate_path;
    if (gate && access(gate, X_OK) == 0) return 0;
    return wrn_fault_set(fault, WRN_FAULT_CONFLICT,
                         "sandboxes here can't have a network: there is no program wrenn-gate; install it beside "
                         "wrenn-agent");
}

/* Connecting a socket of datagrams sends nothing. */
bool wrn_host_has_ipv6(void) {
    const struct sockaddr_in6 somewhere = {
        .sin6_family = AF_INET6, .sin6_port = htons(53), .sin6_addr.s6_addr = {0x20, 0x00, [15] = 1}};
    WRN_AUTO(wrn_fd_close) int fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (const struct sockaddr *)&somewhere, sizeof(somewhere)) == 0;
}
