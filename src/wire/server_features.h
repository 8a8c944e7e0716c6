/* Optional features that a server supports: a list of names in a header field of its responses, separated by blanks. A server
 * without the field may silently ignore the parameters of such a feature. */
#pragma once

#include <stddef.h>
#include <string.h>

#define WRN_FEATURES_FIELD "Wrenn-Features"

/* The constant, the name on the wire, and what callers call what they ask for with it (NULL: the library needs it). */
#define WRN_FEATURE_LIST(X)                                                                                          \
    X(BACKGROUND, "background", NULL)           /* exec with `background` */                                         \
    X(EXEC_ENVS, "exec-envs", NULL)             /* `envs` and `cwd` of exec, also in the foreground */               \
    X(IDEMPOTENCY_KEY, "idempotency-key", NULL) /* create with the same key gives the same sandbox */                \
    X(ISOLATION, "isolation", "`isolation`")    /* of create: refused when it is not met */                          \
    X(LIST_ONLY, "list-only", NULL)             /* `only` of files/list */                                           \
    X(LIFETIME, "lifetime", "`lifetime_sec`")   /* of create */                                                      \
    X(LEASE, "lease", "`lease_sec`")            /* of create */                                                      \
    X(LIST_FILTERS, "list-filters", NULL)       /* the parameters of the list of sandboxes */                        \
    X(SIGNALS, "signals", "signals other than SIGTERM and SIGKILL")  /* others take these for SIGKILL */             \
    X(NETWORK, "network", "`egress`, `allow`, `deny` and `presets`") /* of create: refused when they can't be met */ \
    X(SECRETS, "secrets", "`inject`")                                /* of create */                                 \
    X(DISK, "disk", "`disk_mb`")                                     /* of create: refused when it can't be met */

enum {
#define WRN_FEATURE_NUMBER(name, text, asked) WRN_FEATURE_NUMBER_##name,
    WRN_FEATURE_LIST(WRN_FEATURE_NUMBER)
};
enum {
#define WRN_FEATURE_BIT(name, text, asked) WRN_FEATURE_##name = 1 << WRN_FEATURE_NUMBER_##name,
    WRN_FEATURE_LIST(WRN_FEATURE_BIT)
};

/* All of them, as wrennd sends them, behind a blank. */
#define WRN_FEATURE_TEXT(name, text, asked) " " text
#define WRN_FEATURES WRN_FEATURE_LIST(WRN_FEATURE_TEXT)

/* Unknown names are skipped. */
static inline unsigned wrn_features_read(const char *text) {
#define WRN_FEATURE_NAME(name, text, asked) text,
    static const char *const names[] = {WRN_FEATURE_LIST(WRN_FEATURE_NAME)};
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

/* What callers call the first of `features` that they can ask for; NULL: none of them. */
static inline const char *wrn_features_asked(unsigned features) {
#define WRN_FEATURE_ASKED(name, text, asked) asked,
    static const char *const texts[] = {WRN_FEATURE_LIST(WRN_FEATURE_ASKED)};
    for (unsigned i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        if (features & 1U << i && texts[i]) return texts[i];
    return NULL;
}
