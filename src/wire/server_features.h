/* Optional features that a server supports: a list of names in a header field of its responses, separated by blanks. A server
 * without the field may silently ignore the parameters of such a feature. */
#pragma once

#include <stddef.h>
#include <string.h>

#define WRN_FEATURES_FIELD "Wrenn-Features"
/* All of them, as wrennd sends them. */
#define WRN_FEATURES \
    "background exec-envs idempotency-key isolation list-only lifetime lease list-filters signals network secrets"

enum {
    WRN_FEATURE_BACKGROUND = 1,      /* exec with `background` */
    WRN_FEATURE_EXEC_ENVS = 2,       /* `envs` and `cwd` of exec, also in the foreground */
    WRN_FEATURE_IDEMPOTENCY_KEY = 4, /* create with the same key gives the same sandbox */
    WRN_FEATURE_ISOLATION = 8,       /* `isolation` of create: refused when it is not met */
    WRN_FEATURE_LIST_ONLY = 16,      /* `only` of files/list */
    WRN_FEATURE_LIFETIME = 32,       /* `lifetime_sec` of create */
    WRN_FEATURE_LEASE = 64,          /* `lease_sec` of create */
    WRN_FEATURE_LIST_FILTERS = 128,  /* the parameters of the list of sandboxes */
    WRN_FEATURE_SIGNALS = 256,       /* any `signal` to processes; others take all but SIGTERM for SIGKILL */
    WRN_FEATURE_NETWORK = 512,       /* `network` of create: refused when it is not met */
    WRN_FEATURE_SECRETS = 1024       /* `inject` of that */
};

/* Unknown names are skipped. */
static inline unsigned wrn_features_read(const char *text) {
    static const char *const names[] = {"background", "exec-envs", "idempotency-key", "isolation",
                                        "list-only",  "lifetime",  "lease",           "list-filters",
                                        "signals",    "network",   "secrets"};
    unsigned found = 0;
    while (*text) {
        size_t size = strcspn(text, " ");
        for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
            if (strlen(names[i]) == size && memcmp(names[i], text, size) == 0) found |= 1U << i;
        text += size;
        text += strspn(text, " ");
    }
    return found;
}
