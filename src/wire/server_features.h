/* What a server can be relied on for, as it says in its answers: names in a field of their heads, with blanks between. Servers
 * without the field may ignore what they are asked for, and not say so. */
#ifndef WRN_WIRE_SERVER_FEATURES_H
#define WRN_WIRE_SERVER_FEATURES_H

#include <stddef.h>
#include <string.h>

#define WRN_FEATURES_FIELD "Wrenn-Features"
/* All there are, as wrennd says them. */
#define WRN_FEATURES "background exec-envs idempotency-key isolation list-only"

enum {
    WRN_FEATURE_BACKGROUND = 1,      /* exec with `background` */
    WRN_FEATURE_EXEC_ENVS = 2,       /* `envs` and `cwd` of exec, also in the foreground */
    WRN_FEATURE_IDEMPOTENCY_KEY = 4, /* create with the same key gives the same sandbox */
    WRN_FEATURE_ISOLATION = 8,       /* `isolation` of create: refused when it is not met */
    WRN_FEATURE_LIST_ONLY = 16       /* `only` of files/list */
};

/* Unknown names are skipped. */
static inline unsigned wrn_features_read(const char *text) {
    static const char *const names[] = {"background", "exec-envs", "idempotency-key", "isolation", "list-only"};
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

#endif
