/* Generated from api/openapi.yaml by tools/generate.py. Do not edit. */

/* What the service answers, as plain structs.
 *
 * The library alone allocates these structs, and they may grow at the end. Whatever one points to belongs to the result
 * it came in and lives as long. Text ends with a NUL. A member that was absent or null is NULL or 0; `present` and
 * `nulls` tell absent, null and zero apart. An enum value that this version does not know is 0, and its text is in the
 * member that ends in _text. Times are RFC 3339 text in UTC unless the name ends in _unix or _at says otherwise.
 *
 * In the comments E and C name the two published server generations, with /v1/sandboxes and with /v1/capsules, and
 * "ours" is wrennd. */
#ifndef WRENN_MODELS_H
#define WRENN_MODELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct wrenn_pair {
    const char *key;
    const char *value;
} wrenn_pair;

/* E and C really use pending, running, paused, stopped, error, missing. `starting` and `hibernated` are only in
 * upstream's enum. pausing, resuming, stopping and snapshotting come from servers newer than v0.1.5. A client must
 * accept unknown values. */
typedef enum wrenn_sandbox_status {
    WRENN_SANDBOX_STATUS_OTHER = 0, /* see the text */
    WRENN_SANDBOX_STATUS_PENDING,
    WRENN_SANDBOX_STATUS_STARTING,
    WRENN_SANDBOX_STATUS_RUNNING,
    WRENN_SANDBOX_STATUS_PAUSED,
    WRENN_SANDBOX_STATUS_HIBERNATED,
    WRENN_SANDBOX_STATUS_STOPPED,
    WRENN_SANDBOX_STATUS_MISSING,
    WRENN_SANDBOX_STATUS_ERROR,
    WRENN_SANDBOX_STATUS_PAUSING,
    WRENN_SANDBOX_STATUS_RESUMING,
    WRENN_SANDBOX_STATUS_STOPPING,
    WRENN_SANDBOX_STATUS_SNAPSHOTTING
} wrenn_sandbox_status;

#define WRENN_HAS_AUTH_TOKEN (UINT64_C(1) << 0)
#define WRENN_HAS_AUTH_USER_ID (UINT64_C(1) << 1)
#define WRENN_HAS_AUTH_TEAM_ID (UINT64_C(1) << 2)
#define WRENN_HAS_AUTH_EMAIL (UINT64_C(1) << 3)
#define WRENN_HAS_AUTH_NAME (UINT64_C(1) << 4)

/* Schema AuthResponse. */
typedef struct wrenn_auth {
    uint64_t present;    /* WRENN_HAS_AUTH_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* User JWT, valid 6 hours. */
    const char *token;
    const char *user_id;
    const char *team_id;
    const char *email;
    const char *name;
} wrenn_auth;

#define WRENN_HAS_API_KEY_ID (UINT64_C(1) << 0)
#define WRENN_HAS_API_KEY_TEAM_ID (UINT64_C(1) << 1)
#define WRENN_HAS_API_KEY_NAME (UINT64_C(1) << 2)
#define WRENN_HAS_API_KEY_KEY_PREFIX (UINT64_C(1) << 3)
#define WRENN_HAS_API_KEY_CREATED_BY (UINT64_C(1) << 4)
#define WRENN_HAS_API_KEY_CREATOR_EMAIL (UINT64_C(1) << 5)
#define WRENN_HAS_API_KEY_CREATED_AT (UINT64_C(1) << 6)
#define WRENN_HAS_API_KEY_LAST_USED (UINT64_C(1) << 7)
#define WRENN_HAS_API_KEY_KEY (UINT64_C(1) << 8)

/* Schema ApiKeyWithSecret. */
typedef struct wrenn_api_key {
    uint64_t present;    /* WRENN_HAS_API_KEY_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *id;
    const char *team_id;
    const char *name;
    /* First 10 characters of the key (`wrn_` and 6 hex digits). */
    const char *key_prefix;
    const char *created_by;
    /* Only in listings. */
    const char *creator_email;
    const char *created_at;
    /* Absent until the key is used for the first time. */
    const char *last_used;
    /* Shown once. */
    const char *key;
} wrenn_api_key;

#define WRENN_HAS_SANDBOX_INFO_ID (UINT64_C(1) << 0)
#define WRENN_HAS_SANDBOX_INFO_STATUS (UINT64_C(1) << 1)
#define WRENN_HAS_SANDBOX_INFO_TEMPLATE_NAME (UINT64_C(1) << 2)
#define WRENN_HAS_SANDBOX_INFO_VCPUS (UINT64_C(1) << 3)
#define WRENN_HAS_SANDBOX_INFO_MEMORY_MB (UINT64_C(1) << 4)
#define WRENN_HAS_SANDBOX_INFO_TIMEOUT_SEC (UINT64_C(1) << 5)
#define WRENN_HAS_SANDBOX_INFO_GUEST_IP (UINT64_C(1) << 6)
#define WRENN_HAS_SANDBOX_INFO_HOST_IP (UINT64_C(1) << 7)
#define WRENN_HAS_SANDBOX_INFO_CREATED_AT (UINT64_C(1) << 8)
#define WRENN_HAS_SANDBOX_INFO_STARTED_AT (UINT64_C(1) << 9)
#define WRENN_HAS_SANDBOX_INFO_LAST_ACTIVE_AT (UINT64_C(1) << 10)
#define WRENN_HAS_SANDBOX_INFO_LAST_UPDATED (UINT64_C(1) << 11)
#define WRENN_HAS_SANDBOX_INFO_METADATA (UINT64_C(1) << 12)

/* Schema Sandbox. */
typedef struct wrenn_sandbox_info {
    uint64_t present;    /* WRENN_HAS_SANDBOX_INFO_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *id;
    int64_t status;
    const char *status_text;
    const char *template_name;
    int64_t vcpus;
    int64_t memory_mb;
    int64_t timeout_sec;
    /* Left out when empty, which is always the case on E and C. */
    const char *guest_ip;
    /* Left out when empty; set while the sandbox has a host address. */
    const char *host_ip;
    const char *created_at;
    const char *started_at;
    const char *last_active_at;
    const char *last_updated;
    /* C only. Version strings of the software that runs the sandbox. Left out when empty. */
    const wrenn_pair *metadata;
    size_t metadata_count;
} wrenn_sandbox_info;

#ifdef __cplusplus
}
#endif

#endif
