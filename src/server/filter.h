/* Filters of system calls, as lists of names. */
#pragma once

#include <seccomp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

/* What happens to the calls of these names, with a space between them. Some are of another architecture, or newer than this
 * libseccomp: they stay out. */
static inline bool wrn_filter_add(scmp_filter_ctx filter, uint32_t action, const char *names) {
    char name[64];
    for (size_t size; *names; names += size + (names[size] == ' ')) {
        size = strcspn(names, " ");
        snprintf(name, sizeof(name), "%.*s", (int)size, names);
        int number = seccomp_syscall_resolve_name(name);
        if (number == __NR_SCMP_ERROR || number < 0) continue;
        if (seccomp_rule_add(filter, action, number, 0) != 0) return false;
    }
    return true;
}
