#include <unistd.h>

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
