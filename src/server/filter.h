/* Filters of system calls, as lists of names. */
#pragma once

#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/auto.h"

/* What happens to the calls of these names. Some are of another architecture, or newer than this libseccomp: they stay out. */
static inline bool wrn_filter_add(scmp_filter_ctx filter, uint32_t action, const char *const *names, size_t count) {
    for (size_t i = 0; i < count; i++) {
        int number = seccomp_syscall_resolve_name(names[i]);
        if (number == __NR_SCMP_ERROR || number < 0) continue;
        if (seccomp_rule_add(filter, action, number, 0) != 0) return false;
    }
    return true;
}
