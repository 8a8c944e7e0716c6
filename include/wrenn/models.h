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

/* A member of an object whose names are not known before. */
typedef struct wrenn_pair {
    const char *key;
    const char *value;
} wrenn_pair;

/* E and C really use pending, running, paused, stopped, error, missing. `starting` is only in upstream's enum.
 * `hibernated` is paused, with the memory on the disk; here virtual machines can be. pausing, resuming, stopping and
 * snapshotting come from servers newer than v0.1.5. A client must accept unknown values. */
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

/* For a symbolic link this is the type of what it points to, or `unknown` when it points nowhere. `symlink` is in
 * upstream's enum but practically never sent. A client must accept any string. */
typedef enum wrenn_file_type {
    WRENN_FILE_TYPE_OTHER = 0, /* see the text */
    WRENN_FILE_TYPE_FILE,
    WRENN_FILE_TYPE_DIRECTORY,
    WRENN_FILE_TYPE_SYMLINK,
    WRENN_FILE_TYPE_UNKNOWN
} wrenn_file_type;

/* Schema HostStatus. */
typedef enum wrenn_host_status {
    WRENN_HOST_STATUS_OTHER = 0, /* see the text */
    WRENN_HOST_STATUS_PENDING,
    WRENN_HOST_STATUS_ONLINE,
    WRENN_HOST_STATUS_OFFLINE,
    WRENN_HOST_STATUS_DRAINING,
    WRENN_HOST_STATUS_UNREACHABLE
} wrenn_host_status;

/* Bits of `present` and `nulls` of wrenn_auth. */
enum {
    WRENN_HAS_AUTH_TOKEN = 1 << 0,
    WRENN_HAS_AUTH_USER_ID = 1 << 1,
    WRENN_HAS_AUTH_TEAM_ID = 1 << 2,
    WRENN_HAS_AUTH_EMAIL = 1 << 3,
    WRENN_HAS_AUTH_NAME = 1 << 4,
};

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

/* Bits of `present` and `nulls` of wrenn_api_key. */
enum {
    WRENN_HAS_API_KEY_ID = 1 << 0,
    WRENN_HAS_API_KEY_TEAM_ID = 1 << 1,
    WRENN_HAS_API_KEY_NAME = 1 << 2,
    WRENN_HAS_API_KEY_KEY_PREFIX = 1 << 3,
    WRENN_HAS_API_KEY_CREATED_BY = 1 << 4,
    WRENN_HAS_API_KEY_CREATOR_EMAIL = 1 << 5,
    WRENN_HAS_API_KEY_CREATED_AT = 1 << 6,
    WRENN_HAS_API_KEY_LAST_USED = 1 << 7,
    WRENN_HAS_API_KEY_KEY = 1 << 8,
};

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

/* Bits of `present` and `nulls` of wrenn_network_header. */
enum {
    WRENN_HAS_NETWORK_HEADER_HOST = 1 << 0,
    WRENN_HAS_NETWORK_HEADER_HEADER = 1 << 1,
    WRENN_HAS_NETWORK_HEADER_SECRET = 1 << 2,
};

/* Schema NetworkHeader. */
typedef struct wrenn_network_header {
    uint64_t present;    /* WRENN_HAS_NETWORK_HEADER_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* A host name without `*`, and a port if it is not 443: `api.example.com:8443`. Port 80 is 400, a host that
     * `deny` covers 409. */
    const char *host;
    /* The name of the header field, such as `Authorization`. */
    const char *header;
    /* The name of the secret whose value is the whole value of the field. */
    const char *secret;
} wrenn_network_header;

/* Bits of `present` and `nulls` of wrenn_isolation_limits. */
enum {
    WRENN_HAS_ISOLATION_LIMITS_MEMORY = 1 << 0,
    WRENN_HAS_ISOLATION_LIMITS_CPU = 1 << 1,
    WRENN_HAS_ISOLATION_LIMITS_PIDS = 1 << 2,
    WRENN_HAS_ISOLATION_LIMITS_WHY = 1 << 3,
};

/* Schema isolation_limits. `enforced` or `unenforced` each. */
typedef struct wrenn_isolation_limits {
    uint64_t present;    /* WRENN_HAS_ISOLATION_LIMITS_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *memory;
    const char *cpu;
    const char *pids;
    /* Why one of them is not enforced, and the remedy. */
    const char *why;
} wrenn_isolation_limits;

/* Bits of `present` and `nulls` of wrenn_isolation. */
enum {
    WRENN_HAS_ISOLATION_LEVEL = 1 << 0,
    WRENN_HAS_ISOLATION_BACKEND = 1 << 1,
    WRENN_HAS_ISOLATION_ROOT = 1 << 2,
    WRENN_HAS_ISOLATION_USER_NAMESPACE = 1 << 3,
    WRENN_HAS_ISOLATION_SECCOMP = 1 << 4,
    WRENN_HAS_ISOLATION_CGROUP = 1 << 5,
    WRENN_HAS_ISOLATION_LIMITS = 1 << 6,
    WRENN_HAS_ISOLATION_NETWORK = 1 << 7,
    WRENN_HAS_ISOLATION_DISK = 1 << 8,
    WRENN_HAS_ISOLATION_REASONS = 1 << 9,
    WRENN_HAS_ISOLATION_ACCELERATOR = 1 << 10,
    WRENN_HAS_ISOLATION_KERNEL = 1 << 11,
    WRENN_HAS_ISOLATION_QEMU = 1 << 12,
};

/* Schema Isolation. Ours only. What isolates the sandbox. Members may be missing, members and values may be new. */
typedef struct wrenn_isolation {
    uint64_t present;    /* WRENN_HAS_ISOLATION_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* `namespace`: a kernel that all sandboxes share with the host. `vm`, which is stronger: one of their own. */
    const char *level;
    /* The part of the server that makes them. */
    const char *backend;
    /* Whether wrennd runs as root. */
    int64_t root;
    /* `distinct`: each sandbox has user ids of its own outside; `shared`: all have the same one. */
    const char *user_namespace;
    /* Which system calls programs can make: `allowlist`, or `none`: all, of a kernel of its own. */
    const char *seccomp;
    /* Where limits are enforced: `v2`, `v1` or `none`. */
    const char *cgroup;
    /* `enforced` or `unenforced` each. */
    const wrenn_isolation_limits *limits;
    /* `none`: no way out. `filtered`: what the sandbox's policy names. `public`: all public addresses. The one
     * member that differs between the sandboxes of a backend. */
    const char *network;
    /* `unlimited`: files have no size limit of their own; `limited`: they have. */
    const char *disk;
    /* Why something is missing. */
    const char *const *reasons;
    size_t reasons_count;
    /* Of a virtual machine. `kvm`: the processor runs it. `tcg`: it is emulated, which is slow, and for development. */
    const char *accelerator;
    /* The version of its own kernel. */
    const char *kernel;
    /* The version of QEMU that runs it. */
    const char *qemu;
} wrenn_isolation;

/* Bits of `present` and `nulls` of wrenn_sandbox_info. */
enum {
    WRENN_HAS_SANDBOX_INFO_ID = 1 << 0,
    WRENN_HAS_SANDBOX_INFO_STATUS = 1 << 1,
    WRENN_HAS_SANDBOX_INFO_TEMPLATE_NAME = 1 << 2,
    WRENN_HAS_SANDBOX_INFO_VCPUS = 1 << 3,
    WRENN_HAS_SANDBOX_INFO_MEMORY_MB = 1 << 4,
    WRENN_HAS_SANDBOX_INFO_TIMEOUT_SEC = 1 << 5,
    WRENN_HAS_SANDBOX_INFO_GUEST_IP = 1 << 6,
    WRENN_HAS_SANDBOX_INFO_HOST_IP = 1 << 7,
    WRENN_HAS_SANDBOX_INFO_CREATED_AT = 1 << 8,
    WRENN_HAS_SANDBOX_INFO_STARTED_AT = 1 << 9,
    WRENN_HAS_SANDBOX_INFO_LAST_ACTIVE_AT = 1 << 10,
    WRENN_HAS_SANDBOX_INFO_LAST_UPDATED = 1 << 11,
    WRENN_HAS_SANDBOX_INFO_METADATA = 1 << 12,
    WRENN_HAS_SANDBOX_INFO_ISOLATION = 1 << 13,
    WRENN_HAS_SANDBOX_INFO_LIFETIME_SEC = 1 << 14,
    WRENN_HAS_SANDBOX_INFO_EXPIRES_AT = 1 << 15,
    WRENN_HAS_SANDBOX_INFO_LEASE_SEC = 1 << 16,
    WRENN_HAS_SANDBOX_INFO_DISK_MB = 1 << 17,
};

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
    /* What the create gave (newer servers and ours) and was changed since (ours), and on C and newer servers the
     * versions of the software that runs the sandbox. Left out when empty. */
    const wrenn_pair *const *metadata;
    size_t metadata_count;
    const wrenn_isolation *isolation;
    /* Ours only. What the create or the last `POST .../lifetime` asked for. Left out when it has no end. */
    int64_t lifetime_sec;
    /* Ours only. When the sandbox will be destroyed, or was. Left out when it has no end. */
    const char *expires_at;
    /* Ours only. What the create asked for. Left out when it has no lease. */
    int64_t lease_sec;
    /* Ours only. Size of its own disk in MiB. Left out when it has none of its own, and so no limit. */
    int64_t disk_mb;
} wrenn_sandbox_info;

/* Bits of `present` and `nulls` of wrenn_secret. */
enum {
    WRENN_HAS_SECRET_NAME = 1 << 0,
    WRENN_HAS_SECRET_CREATED_AT = 1 << 1,
    WRENN_HAS_SECRET_UPDATED_AT = 1 << 2,
};

/* Schema Secret. */
typedef struct wrenn_secret {
    uint64_t present;    /* WRENN_HAS_SECRET_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *name;
    const char *created_at;
    const char *updated_at;
} wrenn_secret;

/* Bits of `present` and `nulls` of wrenn_network_denial. */
enum {
    WRENN_HAS_NETWORK_DENIAL_PROTO = 1 << 0,
    WRENN_HAS_NETWORK_DENIAL_ADDRESS = 1 << 1,
    WRENN_HAS_NETWORK_DENIAL_PORT = 1 << 2,
    WRENN_HAS_NETWORK_DENIAL_NAME = 1 << 3,
    WRENN_HAS_NETWORK_DENIAL_REASON = 1 << 4,
    WRENN_HAS_NETWORK_DENIAL_COUNT = 1 << 5,
    WRENN_HAS_NETWORK_DENIAL_LAST_AT = 1 << 6,
};

/* Schema NetworkDenial. */
typedef struct wrenn_network_denial {
    uint64_t present;    /* WRENN_HAS_NETWORK_DENIAL_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* `tcp`, `udp`, `icmp` or `dns`. */
    const char *proto;
    /* Empty: a name was not resolved. */
    const char *address;
    /* 0: it has none. */
    int64_t port;
    /* The name behind the address, if it is known. */
    const char *name;
    /* `not-allowed`, `name-not-allowed`, `server-name` (TLS or HTTP asked for another name): no rule allows it.
     * `deny-rule`, `operator`: a rule denies it. `loopback`, `host`, `link-local`, `metadata`, `multicast`,
     * `reserved`, `private`, `rebinding` (a name leads there): never, or only if the operator opens it. `port-25`,
     * `dns-server`, `limit`, `dns-limit`, `protocol`, `malformed`. `proxy-refused`, `proxy-failed`, `proxy-tcp-
     * only`: by the proxy of the operator. More may be added. */
    const char *reason;
    int64_t count;
    const char *last_at;
} wrenn_network_denial;

/* Bits of `present` and `nulls` of wrenn_network_check. */
enum {
    WRENN_HAS_NETWORK_CHECK_ALLOWED = 1 << 0,
    WRENN_HAS_NETWORK_CHECK_REASON = 1 << 1,
    WRENN_HAS_NETWORK_CHECK_RULE = 1 << 2,
    WRENN_HAS_NETWORK_CHECK_SOURCE = 1 << 3,
};

/* Schema NetworkCheck. */
typedef struct wrenn_network_check {
    uint64_t present;    /* WRENN_HAS_NETWORK_CHECK_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t allowed;
    /* Why not: a reason as in NetworkDenial, or `no-network`. Left out: it is allowed. */
    const char *reason;
    /* The rule that decides. Left out: none does. */
    const char *rule;
    /* Where the rule stands: `allow`, `deny`, `preset NAME`, `inject`, or `operator` (`wrennd --egress-deny`). */
    const char *source;
} wrenn_network_check;

/* Bits of `present` and `nulls` of wrenn_network. */
enum {
    WRENN_HAS_NETWORK_EGRESS = 1 << 0,
    WRENN_HAS_NETWORK_ALLOW = 1 << 1,
    WRENN_HAS_NETWORK_DENY = 1 << 2,
    WRENN_HAS_NETWORK_PRESETS = 1 << 3,
    WRENN_HAS_NETWORK_BYTES_IN = 1 << 4,
    WRENN_HAS_NETWORK_BYTES_OUT = 1 << 5,
    WRENN_HAS_NETWORK_CONNECTIONS = 1 << 6,
    WRENN_HAS_NETWORK_DNS_QUERIES = 1 << 7,
    WRENN_HAS_NETWORK_DENIED_TOTAL = 1 << 8,
    WRENN_HAS_NETWORK_DENIED = 1 << 9,
    WRENN_HAS_NETWORK_GATE = 1 << 10,
    WRENN_HAS_NETWORK_MODE = 1 << 11,
    WRENN_HAS_NETWORK_CUT = 1 << 12,
    WRENN_HAS_NETWORK_INJECT = 1 << 13,
};

/* Schema Network. */
typedef struct wrenn_network {
    uint64_t present;    /* WRENN_HAS_NETWORK_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* `none`, `allowlist` or `public`. */
    const char *egress;
    const char *const *allow;
    size_t allow_count;
    const char *const *deny;
    size_t deny_count;
    const char *const *presets;
    size_t presets_count;
    /* Received by the sandbox since it was made. */
    int64_t bytes_in;
    int64_t bytes_out;
    /* Made since the sandbox was made. */
    int64_t connections;
    int64_t dns_queries;
    int64_t denied_total;
    /* What was denied, equal ones counted together; at most 128. */
    const wrenn_network_denial *const *denied;
    size_t denied_count;
    /* What enforces it: `running`, or `restarting`, when nothing gets out. Left out: there is none. */
    const char *gate;
    /* The kind of interface: `tap`, `veth`, or `datagrams` of a virtual machine. Left out: there is none. */
    const char *mode;
    /* Of PUT: how many connections were cut. */
    int64_t cut;
    /* Left out: there is none. */
    const wrenn_network_header *const *inject;
    size_t inject_count;
} wrenn_network;

/* Bits of `present` and `nulls` of wrenn_metric_point. */
enum {
    WRENN_HAS_METRIC_POINT_TIMESTAMP_UNIX = 1 << 0,
    WRENN_HAS_METRIC_POINT_CPU_PCT = 1 << 1,
    WRENN_HAS_METRIC_POINT_MEM_BYTES = 1 << 2,
    WRENN_HAS_METRIC_POINT_DISK_BYTES = 1 << 3,
    WRENN_HAS_METRIC_POINT_NET_IN_BYTES = 1 << 4,
    WRENN_HAS_METRIC_POINT_NET_OUT_BYTES = 1 << 5,
    WRENN_HAS_METRIC_POINT_NET_CONNECTIONS = 1 << 6,
    WRENN_HAS_METRIC_POINT_NET_DENIED = 1 << 7,
};

/* Schema MetricPoint. */
typedef struct wrenn_metric_point {
    uint64_t present;    /* WRENN_HAS_METRIC_POINT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t timestamp_unix;
    /* 0 to 100, already divided by the number of vcpus. */
    double cpu_pct;
    int64_t mem_bytes;
    int64_t disk_bytes;
    /* Received through its network since it was made, as its gate counts; only wrennd has these four. */
    int64_t net_in_bytes;
    int64_t net_out_bytes;
    /* Made since then. */
    int64_t net_connections;
    /* Denied since then. */
    int64_t net_denied;
} wrenn_metric_point;

/* Bits of `present` and `nulls` of wrenn_metrics. */
enum {
    WRENN_HAS_METRICS_SANDBOX_ID = 1 << 0,
    WRENN_HAS_METRICS_RANGE = 1 << 1,
    WRENN_HAS_METRICS_POINTS = 1 << 2,
};

/* Schema SandboxMetrics. */
typedef struct wrenn_metrics {
    uint64_t present;    /* WRENN_HAS_METRICS_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *sandbox_id;
    const char *range;
    const wrenn_metric_point *const *points;
    size_t points_count;
} wrenn_metrics;

/* Bits of `present` and `nulls` of wrenn_process. */
enum {
    WRENN_HAS_PROCESS_PID = 1 << 0,
    WRENN_HAS_PROCESS_TAG = 1 << 1,
    WRENN_HAS_PROCESS_CMD = 1 << 2,
    WRENN_HAS_PROCESS_ARGS = 1 << 3,
};

/* Schema ProcessEntry. */
typedef struct wrenn_process {
    uint64_t present;    /* WRENN_HAS_PROCESS_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t pid;
    const char *tag;
    const char *cmd;
    const char *const *args;
    size_t args_count;
} wrenn_process;

/* Bits of `present` and `nulls` of wrenn_file_entry. */
enum {
    WRENN_HAS_FILE_ENTRY_NAME = 1 << 0,
    WRENN_HAS_FILE_ENTRY_PATH = 1 << 1,
    WRENN_HAS_FILE_ENTRY_TYPE = 1 << 2,
    WRENN_HAS_FILE_ENTRY_SIZE = 1 << 3,
    WRENN_HAS_FILE_ENTRY_MODE = 1 << 4,
    WRENN_HAS_FILE_ENTRY_PERMISSIONS = 1 << 5,
    WRENN_HAS_FILE_ENTRY_OWNER = 1 << 6,
    WRENN_HAS_FILE_ENTRY_GROUP = 1 << 7,
    WRENN_HAS_FILE_ENTRY_MODIFIED_AT = 1 << 8,
    WRENN_HAS_FILE_ENTRY_SYMLINK_TARGET = 1 << 9,
};

/* Schema FileEntry. */
typedef struct wrenn_file_entry {
    uint64_t present;    /* WRENN_HAS_FILE_ENTRY_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *name;
    /* The requested directory joined with the relative path. */
    const char *path;
    int64_t type;
    const char *type_text;
    /* Size of the entry itself (of the link, for a link). */
    int64_t size;
    /* Permission bits only, as a number (0o755 is 493). E masks with 0o777, C with 0o7777. */
    int64_t mode;
    /* For display only. Usually ten characters such as `drwxr-xr-x`; a link starts with `L` and shows the link's own
     * bits. E can put several letters in front (a sticky directory is `dtrwxrwxrwx`, eleven characters). */
    const char *permissions;
    /* User name */
    const char *owner;
    /* Group name */
    const char *group;
    /* Unix seconds. */
    int64_t modified_at;
    /* Only for links. Fully resolved target, or the link's own path when it cannot be resolved. */
    const char *symlink_target;
} wrenn_file_entry;

/* Bits of `present` and `nulls` of wrenn_snapshot. */
enum {
    WRENN_HAS_SNAPSHOT_NAME = 1 << 0,
    WRENN_HAS_SNAPSHOT_TYPE = 1 << 1,
    WRENN_HAS_SNAPSHOT_VCPUS = 1 << 2,
    WRENN_HAS_SNAPSHOT_MEMORY_MB = 1 << 3,
    WRENN_HAS_SNAPSHOT_SIZE_BYTES = 1 << 4,
    WRENN_HAS_SNAPSHOT_CREATED_AT = 1 << 5,
    WRENN_HAS_SNAPSHOT_PLATFORM = 1 << 6,
    WRENN_HAS_SNAPSHOT_METADATA = 1 << 7,
};

/* Schema Template. */
typedef struct wrenn_snapshot {
    uint64_t present;    /* WRENN_HAS_SNAPSHOT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *name;
    /* Open set; `base` or `snapshot` today. */
    const char *type;
    /* Left out when 0. */
    int64_t vcpus;
    /* Left out when 0. */
    int64_t memory_mb;
    int64_t size_bytes;
    const char *created_at;
    /* True for templates everybody sees. */
    int64_t platform;
    /* C only. */
    const wrenn_pair *const *metadata;
    size_t metadata_count;
} wrenn_snapshot;

/* Bits of `present` and `nulls` of wrenn_host. */
enum {
    WRENN_HAS_HOST_ID = 1 << 0,
    WRENN_HAS_HOST_TYPE = 1 << 1,
    WRENN_HAS_HOST_TEAM_ID = 1 << 2,
    WRENN_HAS_HOST_TEAM_NAME = 1 << 3,
    WRENN_HAS_HOST_PROVIDER = 1 << 4,
    WRENN_HAS_HOST_AVAILABILITY_ZONE = 1 << 5,
    WRENN_HAS_HOST_ARCH = 1 << 6,
    WRENN_HAS_HOST_CPU_CORES = 1 << 7,
    WRENN_HAS_HOST_MEMORY_MB = 1 << 8,
    WRENN_HAS_HOST_DISK_GB = 1 << 9,
    WRENN_HAS_HOST_ADDRESS = 1 << 10,
    WRENN_HAS_HOST_STATUS = 1 << 11,
    WRENN_HAS_HOST_LAST_HEARTBEAT_AT = 1 << 12,
    WRENN_HAS_HOST_CREATED_BY = 1 << 13,
    WRENN_HAS_HOST_CREATED_AT = 1 << 14,
    WRENN_HAS_HOST_UPDATED_AT = 1 << 15,
};

/* Schema Host. */
typedef struct wrenn_host {
    uint64_t present;    /* WRENN_HAS_HOST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *id;
    const char *type;
    const char *team_id;
    /* Only in the listing an administrator gets. */
    const char *team_name;
    const char *provider;
    const char *availability_zone;
    const char *arch;
    int64_t cpu_cores;
    int64_t memory_mb;
    int64_t disk_gb;
    const char *address;
    int64_t status;
    const char *status_text;
    const char *last_heartbeat_at;
    const char *created_by;
    const char *created_at;
    const char *updated_at;
} wrenn_host;

/* Bits of `present` and `nulls` of wrenn_host_with_token. */
enum {
    WRENN_HAS_HOST_WITH_TOKEN_HOST = 1 << 0,
    WRENN_HAS_HOST_WITH_TOKEN_REGISTRATION_TOKEN = 1 << 1,
};

/* Schema HostWithToken. */
typedef struct wrenn_host_with_token {
    uint64_t present;    /* WRENN_HAS_HOST_WITH_TOKEN_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_host *host;
    /* 64 hex digits, valid once within one hour. */
    const char *registration_token;
} wrenn_host_with_token;

/* Bits of `present` and `nulls` of wrenn_host_delete_preview. */
enum {
    WRENN_HAS_HOST_DELETE_PREVIEW_HOST = 1 << 0,
    WRENN_HAS_HOST_DELETE_PREVIEW_SANDBOX_IDS = 1 << 1,
};

/* Schema HostDeletePreview. */
typedef struct wrenn_host_delete_preview {
    uint64_t present;    /* WRENN_HAS_HOST_DELETE_PREVIEW_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_host *host;
    const char *const *sandbox_ids;
    size_t sandbox_ids_count;
} wrenn_host_delete_preview;

/* Bits of `present` and `nulls` of wrenn_event_record. */
enum {
    WRENN_HAS_EVENT_RECORD_TYPE = 1 << 0,
    WRENN_HAS_EVENT_RECORD_ID = 1 << 1,
    WRENN_HAS_EVENT_RECORD_TIME_MS = 1 << 2,
    WRENN_HAS_EVENT_RECORD_SANDBOX_ID = 1 << 3,
    WRENN_HAS_EVENT_RECORD_METADATA = 1 << 4,
    WRENN_HAS_EVENT_RECORD_SNAPSHOT = 1 << 5,
    WRENN_HAS_EVENT_RECORD_ERROR = 1 << 6,
    WRENN_HAS_EVENT_RECORD_REASON = 1 << 7,
    WRENN_HAS_EVENT_RECORD_TEMPLATE_NAME = 1 << 8,
    WRENN_HAS_EVENT_RECORD_EGRESS = 1 << 9,
    WRENN_HAS_EVENT_RECORD_EXPIRES_AT = 1 << 10,
    WRENN_HAS_EVENT_RECORD_TAG = 1 << 11,
    WRENN_HAS_EVENT_RECORD_PID = 1 << 12,
    WRENN_HAS_EVENT_RECORD_EXIT_CODE = 1 << 13,
    WRENN_HAS_EVENT_RECORD_SIGNAL = 1 << 14,
    WRENN_HAS_EVENT_RECORD_OOM_KILLED = 1 << 15,
};

/* Schema EventRecord. Something that has happened. Of `sandbox.create` (it runs, or could not be made),
 * `sandbox.pause`, `sandbox.hibernate` (its memory went to the disk), `sandbox.resume`, `sandbox.die` (it ended by
 * itself; `error` says how), `sandbox.destroy`, `sandbox.labels`, `sandbox.lifetime`, `sandbox.network`,
 * `command.start` and `command.end` (of commands in the background), `snapshot.create` (`sandbox_id` is what it was
 * made of), `snapshot.delete`, `template.build` and `template.delete` (of the templates of all teams, while the
 * server runs). There may be more types. */
typedef struct wrenn_event_record {
    uint64_t present;    /* WRENN_HAS_EVENT_RECORD_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* For `after`. */
    const char *id;
    /* Unix time, in milliseconds. */
    int64_t time_ms;
    const char *sandbox_id;
    /* The labels that the sandbox had then; after `sandbox.labels` those that it got. */
    const wrenn_pair *const *metadata;
    size_t metadata_count;
    /* The name of the snapshot. */
    const char *snapshot;
    /* Why it failed. Left out when it went well. */
    const char *error;
    /* Why the server did it by itself: `idle`, `lifetime`, `lease`, `died`, `pause_failed`, `create_failed`,
     * `shutdown` (the server stopped) or `restart` (the sandbox did not outlive that). There may be more. Left out
     * when somebody has asked for it. */
    const char *reason;
    /* Of `sandbox.create`, `template.build` and `template.delete`. */
    const char *template_name;
    /* Of `sandbox.network`, as in the policy. */
    const char *egress;
    /* Of `sandbox.lifetime`. Left out: never. */
    const char *expires_at;
    /* Of commands. */
    const char *tag;
    /* Of commands. */
    int64_t pid;
    /* Of `command.end`: -1 after a signal. */
    int64_t exit_code;
    /* Of `command.end`: the signal that ended it. */
    int64_t signal;
    /* As in ExecResult. */
    int64_t oom_killed;
} wrenn_event_record;

/* Bits of `present` and `nulls` of wrenn_event_page. */
enum {
    WRENN_HAS_EVENT_PAGE_EVENTS = 1 << 0,
    WRENN_HAS_EVENT_PAGE_NEXT = 1 << 1,
    WRENN_HAS_EVENT_PAGE_MORE = 1 << 2,
    WRENN_HAS_EVENT_PAGE_LOST = 1 << 3,
};

/* Schema EventPage. */
typedef struct wrenn_event_page {
    uint64_t present;    /* WRENN_HAS_EVENT_PAGE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_event_record *const *events;
    size_t events_count;
    /* For `after`, to go on behind what was looked at. */
    const char *next;
    /* There are more that were not looked at. */
    int64_t more;
    /* How many events after `after`, wanted or not, are not kept any more. -1: that can't be known, because `after`
     * is not of this server's events, which are given from the oldest on. */
    int64_t lost;
} wrenn_event_page;

#ifdef __cplusplus
}
#endif

#endif
