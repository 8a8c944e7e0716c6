/* Generated from api/openapi.yaml by tools/generate.py. Do not edit. */

/* The schemas that are not part of the library's interface: requests, and what becomes a friendlier struct there.
 * See base/model.h for `present`, `nulls` and `unknown`. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/model.h"
#include "wrenn/models.h"

/* Schema Command. What a command is made of, as all that start one take it. */
typedef struct wrn_command_words {
    /* One program name or path. Not a shell line. */
    const char *cmd;
    const char *const *args;
    size_t args_count;
    const wrn_pair *const *envs;
    size_t envs_count;
    const char *cwd;
    /* Ours only; upstream ignores it. A name or number of the sandbox's /etc/passwd, or with `:` and a group. Empty
     * or absent: the template's user, else root. One that is not there is 400. */
    const char *user;
} wrn_command_words;

/* Bits of `present` and `nulls` of wrn_signup_request. */
enum {
    WRN_HAS_SIGNUP_REQUEST_EMAIL = 1 << 0,
    WRN_HAS_SIGNUP_REQUEST_PASSWORD = 1 << 1,
    WRN_HAS_SIGNUP_REQUEST_NAME = 1 << 2,
};

/* Schema SignupRequest. */
typedef struct wrn_signup_request {
    uint64_t present;    /* WRN_HAS_SIGNUP_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* Trimmed and lower-cased; must hold an `@`. */
    const char *email;
    /* At least 8 bytes. */
    const char *password;
    /* Trimmed; 1 to 100 bytes. Mandatory upstream, optional on ours. */
    const char *name;
} wrn_signup_request;

/* Bits of `present` and `nulls` of wrn_signup_pending_response. */
enum {
    WRN_HAS_SIGNUP_PENDING_RESPONSE_MESSAGE = 1 << 0,
};

/* Schema SignupPendingResponse. C only. The account waits for activation. */
typedef struct wrn_signup_pending_response {
    uint64_t present;    /* WRN_HAS_SIGNUP_PENDING_RESPONSE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *message;
} wrn_signup_pending_response;

/* Bits of `present` and `nulls` of wrn_login_request. */
enum {
    WRN_HAS_LOGIN_REQUEST_EMAIL = 1 << 0,
    WRN_HAS_LOGIN_REQUEST_PASSWORD = 1 << 1,
};

/* Schema LoginRequest. */
typedef struct wrn_login_request {
    uint64_t present;    /* WRN_HAS_LOGIN_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *email;
    const char *password;
} wrn_login_request;

/* Bits of `present` and `nulls` of wrn_create_api_key_request. */
enum {
    WRN_HAS_CREATE_API_KEY_REQUEST_NAME = 1 << 0,
};

/* Schema CreateApiKeyRequest. */
typedef struct wrn_create_api_key_request {
    uint64_t present;    /* WRN_HAS_CREATE_API_KEY_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* Empty or absent gives the default. */
    const char *name;
} wrn_create_api_key_request;

/* Bits of `present` and `nulls` of wrn_network_policy. */
enum {
    WRN_HAS_NETWORK_POLICY_EGRESS = 1 << 0,
    WRN_HAS_NETWORK_POLICY_ALLOW = 1 << 1,
    WRN_HAS_NETWORK_POLICY_DENY = 1 << 2,
    WRN_HAS_NETWORK_POLICY_PRESETS = 1 << 3,
    WRN_HAS_NETWORK_POLICY_INJECT = 1 << 4,
};

/* Schema NetworkPolicy. Ours only. What programs in the sandbox may connect to. An entry of `allow` and `deny` is a
 * host name, `*.` and a name (any depth, but not the name itself), an address, or a range of addresses (CIDR, IPv6
 * in brackets when ports follow), with ports if need be: `pypi.org`, `*.pythonhosted.org:443`,
 * `db.example.com:5432`, `203.0.113.0/24:1000-2000`, `ntp.example.org:123/udp`. Without ports all are meant; without
 * `/udp` only TCP. Names match whole labels, in lower case or not; international ones are written in punycode. What
 * is denied stays denied, whatever else allows it. The server's own addresses, link-local addresses and those of
 * metadata services are never reached, and private ranges only if the server's operator has opened them. */
typedef struct wrn_network_policy {
    uint64_t present;    /* WRN_HAS_NETWORK_POLICY_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* `none`: nothing. `allowlist`: what `allow` (which may say `*`), `presets` and `inject` name. `public`: all
     * public addresses, but for what `deny` names. Left out: `allowlist` if one of them is there, otherwise as if
     * there were no policy at all. */
    const char *egress;
    /* At most 256 entries together with `deny`. */
    const char *const *allow;
    size_t allow_count;
    const char *const *deny;
    size_t deny_count;
    /* Lists of names that the server knows: python, node, debian, github, rust, go, docker, models. An unknown one
     * is 400, and the message says which there are. */
    const char *const *presets;
    size_t presets_count;
    /* Headers that requests get on their way, at most 64; each also allows its host. The server ends TLS of
     * connections to these hosts, and verifies the host's certificate; the sandbox trusts an authority of its own,
     * which it has from its create on. So a sandbox that was made without `inject` can't get any later (409). A
     * secret that is not there is 409. `Wrenn-Features` says `secrets`; servers that do not may ignore it. */
    const wrenn_network_header *const *inject;
    size_t inject_count;
} wrn_network_policy;

/* Bits of `present` and `nulls` of wrn_create_sandbox_request. */
enum {
    WRN_HAS_CREATE_SANDBOX_REQUEST_TEMPLATE_NAME = 1 << 0,
    WRN_HAS_CREATE_SANDBOX_REQUEST_VCPUS = 1 << 1,
    WRN_HAS_CREATE_SANDBOX_REQUEST_MEMORY_MB = 1 << 2,
    WRN_HAS_CREATE_SANDBOX_REQUEST_DISK_MB = 1 << 3,
    WRN_HAS_CREATE_SANDBOX_REQUEST_TIMEOUT_SEC = 1 << 4,
    WRN_HAS_CREATE_SANDBOX_REQUEST_LIFETIME_SEC = 1 << 5,
    WRN_HAS_CREATE_SANDBOX_REQUEST_LEASE_SEC = 1 << 6,
    WRN_HAS_CREATE_SANDBOX_REQUEST_METADATA = 1 << 7,
    WRN_HAS_CREATE_SANDBOX_REQUEST_ISOLATION = 1 << 8,
    WRN_HAS_CREATE_SANDBOX_REQUEST_NETWORK = 1 << 9,
};

/* Schema CreateSandboxRequest. */
typedef struct wrn_create_sandbox_request {
    uint64_t present;    /* WRN_HAS_CREATE_SANDBOX_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *template_name;
    /* Zero or less means the default, more than the machine has (ours) all of them. */
    int64_t vcpus;
    /* Zero or less means the default. */
    int64_t memory_mb;
    /* Ours only. Size of the sandbox's own disk in MiB, 64 to 1048576; what does not fit is refused inside with
     * ENOSPC. Only virtual machines have one: 409 `conflict`, before anything is made, when the server has none, and
     * 400 beyond these bounds. Zero or less means the default: 8192 in virtual machines, no limit elsewhere. `Wrenn-
     * Features` says `disk`; servers that do not may ignore it. */
    int64_t disk_mb;
    /* Seconds of inactivity before the sandbox is paused. Zero or less means never. */
    int64_t timeout_sec;
    /* Ours only. Seconds from the create until the sandbox is destroyed, in whatever status it is, and also when the
     * server was restarted meanwhile. Zero or less means never. `Wrenn-Features` says `lifetime`; servers that do
     * not may ignore it. */
    int64_t lifetime_sec;
    /* Ours only. The sandbox has a lease, held through `GET .../lease`: it is destroyed once nobody has held that
     * for so many seconds. They begin with the answer to the create, and again when the server was restarted. Zero
     * or less means no lease. `Wrenn-Features` says `lease`; servers that do not may ignore it. */
    int64_t lease_sec;
    /* Newer servers and ours; E and C ignore it. Labels for the sandbox, which come back wherever it is shown; with
     * ours, `PATCH .../metadata` changes them. At most 20; names like those of templates; values of at most 64
     * characters. The names kernel_version, vmm_version, agent_version and envd_version are the platform's own. With
     * ours, no two sandboxes of a team that are not stopped or failed have the same value of `name`, but for "". */
    const wrn_pair *const *metadata;
    size_t metadata_count;
    /* Ours only. What must keep the sandbox in, at least: see `Isolation`. `any`, as when it is left out: what the
     * server's operator has set, mostly the first that works there. A template can ask for more. 409 `conflict`,
     * before anything is made, when the server has none so strong. `Wrenn-Features` says `isolation`; servers that
     * do not may ignore it. */
    const char *isolation;
    /* Ours only. What the sandbox may reach; left out: what a snapshot keeps, else what the server's operator has
     * set, mostly nothing. 409 `conflict`, before anything is made, when the server can't give it. `Wrenn-Features`
     * says `network`; servers that do not may ignore it. */
    const wrn_network_policy *network;
} wrn_create_sandbox_request;

/* Bits of `present` and `nulls` of wrn_fork_request. */
enum {
    WRN_HAS_FORK_REQUEST_COUNT = 1 << 0,
    WRN_HAS_FORK_REQUEST_LIFETIME_SEC = 1 << 1,
    WRN_HAS_FORK_REQUEST_METADATA = 1 << 2,
};

/* Schema ForkRequest. */
typedef struct wrn_fork_request {
    uint64_t present;    /* WRN_HAS_FORK_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* Of copies, 1 to 32. Zero means the default. */
    int64_t count;
    /* Seconds until the copies are destroyed, as in a create. Zero means as the sandbox's own, which begins anew for
     * each copy; less means never. */
    int64_t lifetime_sec;
    /* Labels for the copies, beside those of the sandbox but `name`. A `name` here gets `-1`, `-2` and so on when
     * there is more than one copy. */
    const wrn_pair *const *metadata;
    size_t metadata_count;
} wrn_fork_request;

/* Bits of `present` and `nulls` of wrn_pause_request. */
enum {
    WRN_HAS_PAUSE_REQUEST_HIBERNATE = 1 << 0,
};

/* Schema PauseRequest. */
typedef struct wrn_pause_request {
    uint64_t present;    /* WRN_HAS_PAUSE_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* Ours. The memory goes to the disk at once. Only that of virtual machines can; for others 501
     * `not_implemented`, and the sandbox goes on. */
    int64_t hibernate;
} wrn_pause_request;

/* Bits of `present` and `nulls` of wrn_lifetime_request. */
enum {
    WRN_HAS_LIFETIME_REQUEST_LIFETIME_SEC = 1 << 0,
};

/* Schema LifetimeRequest. */
typedef struct wrn_lifetime_request {
    uint64_t present;    /* WRN_HAS_LIFETIME_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t lifetime_sec;
} wrn_lifetime_request;

/* Bits of `present` and `nulls` of wrn_set_secret_request. */
enum {
    WRN_HAS_SET_SECRET_REQUEST_VALUE = 1 << 0,
};

/* Schema SetSecretRequest. */
typedef struct wrn_set_secret_request {
    uint64_t present;    /* WRN_HAS_SET_SECRET_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* 1 to 8192 visible ASCII characters and blanks, none at the ends: as in the header field. */
    const char *value;
} wrn_set_secret_request;

/* Bits of `present` and `nulls` of wrn_metadata_request. */
enum {
    WRN_HAS_METADATA_REQUEST_SET = 1 << 0,
    WRN_HAS_METADATA_REQUEST_REMOVE = 1 << 1,
};

/* Schema MetadataRequest. */
typedef struct wrn_metadata_request {
    uint64_t present;    /* WRN_HAS_METADATA_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrn_pair *const *set;
    size_t set_count;
    /* Names of labels */
    const char *const *remove;
    size_t remove_count;
} wrn_metadata_request;

/* Bits of `present` and `nulls` of wrn_sandbox_stats_current. */
enum {
    WRN_HAS_SANDBOX_STATS_CURRENT_RUNNING_COUNT = 1 << 0,
    WRN_HAS_SANDBOX_STATS_CURRENT_VCPUS_RESERVED = 1 << 1,
    WRN_HAS_SANDBOX_STATS_CURRENT_MEMORY_MB_RESERVED = 1 << 2,
};

/* Schema sandbox_stats_current. */
typedef struct wrn_sandbox_stats_current {
    uint64_t present;    /* WRN_HAS_SANDBOX_STATS_CURRENT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t running_count;
    int64_t vcpus_reserved;
    int64_t memory_mb_reserved;
} wrn_sandbox_stats_current;

/* Bits of `present` and `nulls` of wrn_sandbox_stats_peaks. */
enum {
    WRN_HAS_SANDBOX_STATS_PEAKS_RUNNING_COUNT = 1 << 0,
    WRN_HAS_SANDBOX_STATS_PEAKS_VCPUS = 1 << 1,
    WRN_HAS_SANDBOX_STATS_PEAKS_MEMORY_MB = 1 << 2,
};

/* Schema sandbox_stats_peaks. Highest values of the last 30 days, whatever the range. */
typedef struct wrn_sandbox_stats_peaks {
    uint64_t present;    /* WRN_HAS_SANDBOX_STATS_PEAKS_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t running_count;
    int64_t vcpus;
    int64_t memory_mb;
} wrn_sandbox_stats_peaks;

/* Bits of `present` and `nulls` of wrn_sandbox_stats_series. */
enum {
    WRN_HAS_SANDBOX_STATS_SERIES_LABELS = 1 << 0,
    WRN_HAS_SANDBOX_STATS_SERIES_RUNNING = 1 << 1,
    WRN_HAS_SANDBOX_STATS_SERIES_VCPUS = 1 << 2,
    WRN_HAS_SANDBOX_STATS_SERIES_MEMORY_MB = 1 << 3,
};

/* Schema sandbox_stats_series. Four arrays of the same length. */
typedef struct wrn_sandbox_stats_series {
    uint64_t present;    /* WRN_HAS_SANDBOX_STATS_SERIES_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *const *labels;
    size_t labels_count;
    const int64_t *running;
    size_t running_count;
    const int64_t *vcpus;
    size_t vcpus_count;
    const int64_t *memory_mb;
    size_t memory_mb_count;
} wrn_sandbox_stats_series;

/* Bits of `present` and `nulls` of wrn_sandbox_stats. */
enum {
    WRN_HAS_SANDBOX_STATS_RANGE = 1 << 0,
    WRN_HAS_SANDBOX_STATS_CURRENT = 1 << 1,
    WRN_HAS_SANDBOX_STATS_PEAKS = 1 << 2,
    WRN_HAS_SANDBOX_STATS_SERIES = 1 << 3,
};

/* Schema SandboxStats. */
typedef struct wrn_sandbox_stats {
    uint64_t present;    /* WRN_HAS_SANDBOX_STATS_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *range;
    const wrn_sandbox_stats_current *current;
    /* Highest values of the last 30 days, whatever the range. */
    const wrn_sandbox_stats_peaks *peaks;
    /* Four arrays of the same length. */
    const wrn_sandbox_stats_series *series;
} wrn_sandbox_stats;

/* Bits of `present` and `nulls` of wrn_usage_point. */
enum {
    WRN_HAS_USAGE_POINT_DATE = 1 << 0,
    WRN_HAS_USAGE_POINT_CPU_MINUTES = 1 << 1,
    WRN_HAS_USAGE_POINT_RAM_MB_MINUTES = 1 << 2,
};

/* Schema usage_point. */
typedef struct wrn_usage_point {
    uint64_t present;    /* WRN_HAS_USAGE_POINT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *date;
    double cpu_minutes;
    double ram_mb_minutes;
} wrn_usage_point;

/* Bits of `present` and `nulls` of wrn_usage. */
enum {
    WRN_HAS_USAGE_FROM = 1 << 0,
    WRN_HAS_USAGE_TO = 1 << 1,
    WRN_HAS_USAGE_POINTS = 1 << 2,
};

/* Schema Usage. */
typedef struct wrn_usage {
    uint64_t present;    /* WRN_HAS_USAGE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *from;
    const char *to;
    const wrn_usage_point *const *points;
    size_t points_count;
} wrn_usage;

/* Bits of `present` and `nulls` of wrn_exec_request. */
enum {
    WRN_HAS_EXEC_REQUEST_CMD = 1 << 0,
    WRN_HAS_EXEC_REQUEST_ARGS = 1 << 1,
    WRN_HAS_EXEC_REQUEST_ENVS = 1 << 2,
    WRN_HAS_EXEC_REQUEST_CWD = 1 << 3,
    WRN_HAS_EXEC_REQUEST_USER = 1 << 4,
    WRN_HAS_EXEC_REQUEST_TIMEOUT_SEC = 1 << 5,
    WRN_HAS_EXEC_REQUEST_BACKGROUND = 1 << 6,
    WRN_HAS_EXEC_REQUEST_TAG = 1 << 7,
};

/* Schema ExecRequest. */
typedef struct wrn_exec_request {
    uint64_t present;    /* WRN_HAS_EXEC_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    wrn_command_words command;
    /* Zero or less means 30. Foreground only. */
    int64_t timeout_sec;
    int64_t background;
    /* Background only. Empty gives `proc-` and 8 hex digits. */
    const char *tag;
} wrn_exec_request;

/* Bits of `present` and `nulls` of wrn_exec_result. */
enum {
    WRN_HAS_EXEC_RESULT_SANDBOX_ID = 1 << 0,
    WRN_HAS_EXEC_RESULT_CMD = 1 << 1,
    WRN_HAS_EXEC_RESULT_OUT = 1 << 2,
    WRN_HAS_EXEC_RESULT_ERR = 1 << 3,
    WRN_HAS_EXEC_RESULT_EXIT_CODE = 1 << 4,
    WRN_HAS_EXEC_RESULT_DURATION_MS = 1 << 5,
    WRN_HAS_EXEC_RESULT_ENCODING = 1 << 6,
    WRN_HAS_EXEC_RESULT_SIGNAL = 1 << 7,
    WRN_HAS_EXEC_RESULT_OOM_KILLED = 1 << 8,
    WRN_HAS_EXEC_RESULT_OUTPUT_CUT = 1 << 9,
};

/* Schema ExecResult. */
typedef struct wrn_exec_result {
    uint64_t present;    /* WRN_HAS_EXEC_RESULT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *sandbox_id;
    /* The `cmd` of the request, without its args. */
    const char *cmd;
    const char *out;
    size_t out_size;
    const char *err;
    size_t err_size;
    /* -1 when a signal ended the process. */
    int64_t exit_code;
    int64_t duration_ms;
    /* `base64` when either stream is not valid UTF-8; then **both** streams are base64 (standard alphabet, padded). */
    const char *encoding;
    /* The number of the signal that ended the process; left out when none did. */
    int64_t signal;
    /* true when the sandbox ran out of memory: something in it was killed for that while the command ran, and the
     * command ended by SIGKILL or with a code other than 0. Left out otherwise. */
    int64_t oom_killed;
    /* true when a process that outlives the command held its output still after the server had stopped waiting for
     * more: what it writes from there on is dropped. Left out otherwise. */
    int64_t output_cut;
} wrn_exec_result;

/* Bits of `present` and `nulls` of wrn_background_exec. */
enum {
    WRN_HAS_BACKGROUND_EXEC_SANDBOX_ID = 1 << 0,
    WRN_HAS_BACKGROUND_EXEC_CMD = 1 << 1,
    WRN_HAS_BACKGROUND_EXEC_PID = 1 << 2,
    WRN_HAS_BACKGROUND_EXEC_TAG = 1 << 3,
};

/* Schema BackgroundExec. */
typedef struct wrn_background_exec {
    uint64_t present;    /* WRN_HAS_BACKGROUND_EXEC_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *sandbox_id;
    const char *cmd;
    int64_t pid;
    const char *tag;
} wrn_background_exec;

/* Bits of `present` and `nulls` of wrn_process_list. */
enum {
    WRN_HAS_PROCESS_LIST_PROCESSES = 1 << 0,
};

/* Schema ProcessList. */
typedef struct wrn_process_list {
    uint64_t present;    /* WRN_HAS_PROCESS_LIST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_process *const *processes;
    size_t processes_count;
} wrn_process_list;

/* Bits of `present` and `nulls` of wrn_path_request. */
enum {
    WRN_HAS_PATH_REQUEST_PATH = 1 << 0,
    WRN_HAS_PATH_REQUEST_USER = 1 << 1,
};

/* Schema PathRequest. */
typedef struct wrn_path_request {
    uint64_t present;    /* WRN_HAS_PATH_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *path;
    /* Ours only. As whom it is done, as in ExecRequest; a relative path starts at that user's home. Empty or absent:
     * root, from the home of the template's user. */
    const char *user;
} wrn_path_request;

/* Bits of `present` and `nulls` of wrn_rename_request. */
enum {
    WRN_HAS_RENAME_REQUEST_PATH = 1 << 0,
    WRN_HAS_RENAME_REQUEST_TO = 1 << 1,
    WRN_HAS_RENAME_REQUEST_USER = 1 << 2,
};

/* Schema RenameRequest. */
typedef struct wrn_rename_request {
    uint64_t present;    /* WRN_HAS_RENAME_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *path;
    /* The new path. */
    const char *to;
    /* As in PathRequest. */
    const char *user;
} wrn_rename_request;

/* Bits of `present` and `nulls` of wrn_chmod_request. */
enum {
    WRN_HAS_CHMOD_REQUEST_PATH = 1 << 0,
    WRN_HAS_CHMOD_REQUEST_MODE = 1 << 1,
    WRN_HAS_CHMOD_REQUEST_USER = 1 << 2,
};

/* Schema ChmodRequest. */
typedef struct wrn_chmod_request {
    uint64_t present;    /* WRN_HAS_CHMOD_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *path;
    /* Permission bits as a number (0o755 is 493), as FileEntry has them. */
    int64_t mode;
    /* As in PathRequest. */
    const char *user;
} wrn_chmod_request;

/* Bits of `present` and `nulls` of wrn_list_dir_request. */
enum {
    WRN_HAS_LIST_DIR_REQUEST_PATH = 1 << 0,
    WRN_HAS_LIST_DIR_REQUEST_DEPTH = 1 << 1,
    WRN_HAS_LIST_DIR_REQUEST_USER = 1 << 2,
    WRN_HAS_LIST_DIR_REQUEST_LIMIT = 1 << 3,
    WRN_HAS_LIST_DIR_REQUEST_CURSOR = 1 << 4,
    WRN_HAS_LIST_DIR_REQUEST_ONLY = 1 << 5,
};

/* Schema ListDirRequest. */
typedef struct wrn_list_dir_request {
    uint64_t present;    /* WRN_HAS_LIST_DIR_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *path;
    /* 0 and 1 both mean the direct children; n means n levels. */
    int64_t depth;
    /* As in PathRequest. */
    const char *user;
    /* Ours only; upstream ignores it. So many entries at most, in the order of their paths' parts; 0: all. Where
     * there are more, the answer has `next_cursor`. */
    int64_t limit;
    /* Ours only. The `next_cursor` of the answer before: goes on with what follows, also where something was added
     * or removed meanwhile. The rest of the request is as it was. */
    const char *cursor;
    /* Ours only; others list everything. Only the entry of this name in the directory, if it is there, with what is
     * below it as `depth` says. No slash in it, and not "." or "..". `Wrenn-Features` says `list-only`. */
    const char *only;
} wrn_list_dir_request;

/* Bits of `present` and `nulls` of wrn_list_dir_response. */
enum {
    WRN_HAS_LIST_DIR_RESPONSE_ENTRIES = 1 << 0,
    WRN_HAS_LIST_DIR_RESPONSE_NEXT_CURSOR = 1 << 1,
};

/* Schema ListDirResponse. */
typedef struct wrn_list_dir_response {
    uint64_t present;    /* WRN_HAS_LIST_DIR_RESPONSE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_file_entry *const *entries;
    size_t entries_count;
    /* There are more entries than `limit`. Left out otherwise. */
    const char *next_cursor;
} wrn_list_dir_response;

/* Bits of `present` and `nulls` of wrn_make_dir_response. */
enum {
    WRN_HAS_MAKE_DIR_RESPONSE_ENTRY = 1 << 0,
};

/* Schema MakeDirResponse. */
typedef struct wrn_make_dir_response {
    uint64_t present;    /* WRN_HAS_MAKE_DIR_RESPONSE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_file_entry *entry;
} wrn_make_dir_response;

/* Bits of `present` and `nulls` of wrn_create_snapshot_request. */
enum {
    WRN_HAS_CREATE_SNAPSHOT_REQUEST_SANDBOX_ID = 1 << 0,
    WRN_HAS_CREATE_SNAPSHOT_REQUEST_NAME = 1 << 1,
};

/* Schema CreateSnapshotRequest. */
typedef struct wrn_create_snapshot_request {
    uint64_t present;    /* WRN_HAS_CREATE_SNAPSHOT_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *sandbox_id;
    /* Empty or absent lets the server choose. */
    const char *name;
} wrn_create_snapshot_request;

/* Bits of `present` and `nulls` of wrn_create_host_request. */
enum {
    WRN_HAS_CREATE_HOST_REQUEST_TYPE = 1 << 0,
    WRN_HAS_CREATE_HOST_REQUEST_TEAM_ID = 1 << 1,
    WRN_HAS_CREATE_HOST_REQUEST_PROVIDER = 1 << 2,
    WRN_HAS_CREATE_HOST_REQUEST_AVAILABILITY_ZONE = 1 << 3,
};

/* Schema CreateHostRequest. */
typedef struct wrn_create_host_request {
    uint64_t present;    /* WRN_HAS_CREATE_HOST_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Needed for byoc. */
    const char *team_id;
    const char *provider;
    const char *availability_zone;
} wrn_create_host_request;

/* Bits of `present` and `nulls` of wrn_add_tag_request. */
enum {
    WRN_HAS_ADD_TAG_REQUEST_TAG = 1 << 0,
};

/* Schema AddTagRequest. */
typedef struct wrn_add_tag_request {
    uint64_t present;    /* WRN_HAS_ADD_TAG_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *tag;
} wrn_add_tag_request;

/* Bits of `present` and `nulls` of wrn_register_host_request. */
enum {
    WRN_HAS_REGISTER_HOST_REQUEST_TOKEN = 1 << 0,
    WRN_HAS_REGISTER_HOST_REQUEST_ADDRESS = 1 << 1,
    WRN_HAS_REGISTER_HOST_REQUEST_ARCH = 1 << 2,
    WRN_HAS_REGISTER_HOST_REQUEST_CPU_CORES = 1 << 3,
    WRN_HAS_REGISTER_HOST_REQUEST_MEMORY_MB = 1 << 4,
    WRN_HAS_REGISTER_HOST_REQUEST_DISK_GB = 1 << 5,
};

/* Schema RegisterHostRequest. */
typedef struct wrn_register_host_request {
    uint64_t present;    /* WRN_HAS_REGISTER_HOST_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *token;
    /* host:port where the control plane reaches the agent. */
    const char *address;
    const char *arch;
    int64_t cpu_cores;
    int64_t memory_mb;
    int64_t disk_gb;
} wrn_register_host_request;

/* Bits of `present` and `nulls` of wrn_refresh_host_request. */
enum {
    WRN_HAS_REFRESH_HOST_REQUEST_REFRESH_TOKEN = 1 << 0,
};

/* Schema RefreshHostRequest. */
typedef struct wrn_refresh_host_request {
    uint64_t present;    /* WRN_HAS_REFRESH_HOST_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *refresh_token;
} wrn_refresh_host_request;

/* Bits of `present` and `nulls` of wrn_host_credentials. */
enum {
    WRN_HAS_HOST_CREDENTIALS_HOST = 1 << 0,
    WRN_HAS_HOST_CREDENTIALS_TOKEN = 1 << 1,
    WRN_HAS_HOST_CREDENTIALS_REFRESH_TOKEN = 1 << 2,
    WRN_HAS_HOST_CREDENTIALS_CERT_PEM = 1 << 3,
    WRN_HAS_HOST_CREDENTIALS_KEY_PEM = 1 << 4,
    WRN_HAS_HOST_CREDENTIALS_CA_CERT_PEM = 1 << 5,
};

/* Schema HostCredentials. */
typedef struct wrn_host_credentials {
    uint64_t present;    /* WRN_HAS_HOST_CREDENTIALS_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_host *host;
    /* Host JWT, 7 days. */
    const char *token;
    /* 64 hex digits, 60 days. */
    const char *refresh_token;
    const char *cert_pem;
    const char *key_pem;
    const char *ca_cert_pem;
} wrn_host_credentials;

/* Bits of `present` and `nulls` of wrn_health. */
enum {
    WRN_HAS_HEALTH_STATUS = 1 << 0,
    WRN_HAS_HEALTH_VERSION = 1 << 1,
};

/* Schema Health. */
typedef struct wrn_health {
    uint64_t present;    /* WRN_HAS_HEALTH_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *status;
    const char *version;
} wrn_health;

/* Bits of `present` and `nulls` of wrn_ws_auth. */
enum {
    WRN_HAS_WS_AUTH_TYPE = 1 << 0,
    WRN_HAS_WS_AUTH_TOKEN = 1 << 1,
};

/* Schema WsAuth. C only, and only when no usable credential came with the upgrade request. Must be the very first
 * message, within 5 seconds; the `start` or `connect` message follows it. */
typedef struct wrn_ws_auth {
    uint64_t present;    /* WRN_HAS_WS_AUTH_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* User JWT. */
    const char *token;
} wrn_ws_auth;

/* Bits of `present` and `nulls` of wrn_ws_exec_start. */
enum {
    WRN_HAS_WS_EXEC_START_TYPE = 1 << 0,
    WRN_HAS_WS_EXEC_START_CMD = 1 << 1,
    WRN_HAS_WS_EXEC_START_ARGS = 1 << 2,
    WRN_HAS_WS_EXEC_START_ENVS = 1 << 3,
    WRN_HAS_WS_EXEC_START_CWD = 1 << 4,
    WRN_HAS_WS_EXEC_START_USER = 1 << 5,
    WRN_HAS_WS_EXEC_START_INPUT = 1 << 6,
};

/* Schema WsExecStart. Upstream ignores envs, cwd and user here. */
typedef struct wrn_ws_exec_start {
    uint64_t present;    /* WRN_HAS_WS_EXEC_START_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    wrn_command_words command;
    /* Ours only, and only with the subprotocol wrenn.bytes.v1. The command reads what the client sends, until
     * `close_stdin`; otherwise it reads /dev/null. */
    int64_t input;
} wrn_ws_exec_start;

/* Bits of `present` and `nulls` of wrn_ws_exec_close_stdin. */
enum {
    WRN_HAS_WS_EXEC_CLOSE_STDIN_TYPE = 1 << 0,
};

/* Schema WsExecCloseStdin. Ours only. The end of the command's standard input; what was sent before still arrives. */
typedef struct wrn_ws_exec_close_stdin {
    uint64_t present;    /* WRN_HAS_WS_EXEC_CLOSE_STDIN_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
} wrn_ws_exec_close_stdin;

/* Bits of `present` and `nulls` of wrn_ws_exec_stop. */
enum {
    WRN_HAS_WS_EXEC_STOP_TYPE = 1 << 0,
};

/* Schema WsExecStop. Ends the streaming. The process itself goes on upstream. Ours ends it. */
typedef struct wrn_ws_exec_stop {
    uint64_t present;    /* WRN_HAS_WS_EXEC_STOP_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
} wrn_ws_exec_stop;

/* Bits of `present` and `nulls` of wrn_ws_proc_started. */
enum {
    WRN_HAS_WS_PROC_STARTED_TYPE = 1 << 0,
    WRN_HAS_WS_PROC_STARTED_PID = 1 << 1,
};

/* Schema WsProcStarted. */
typedef struct wrn_ws_proc_started {
    uint64_t present;    /* WRN_HAS_WS_PROC_STARTED_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Left out when 0. */
    int64_t pid;
} wrn_ws_proc_started;

/* Bits of `present` and `nulls` of wrn_ws_proc_stdout. */
enum {
    WRN_HAS_WS_PROC_STDOUT_TYPE = 1 << 0,
    WRN_HAS_WS_PROC_STDOUT_DATA = 1 << 1,
};

/* Schema WsProcStdout. */
typedef struct wrn_ws_proc_stdout {
    uint64_t present;    /* WRN_HAS_WS_PROC_STDOUT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Plain text, not base64. Bytes that are not UTF-8 were replaced by U+FFFD upstream, also where a multi-byte
     * character falls on a piece boundary. Left out when empty. */
    const char *data;
} wrn_ws_proc_stdout;

/* Bits of `present` and `nulls` of wrn_ws_proc_stderr. */
enum {
    WRN_HAS_WS_PROC_STDERR_TYPE = 1 << 0,
    WRN_HAS_WS_PROC_STDERR_DATA = 1 << 1,
};

/* Schema WsProcStderr. */
typedef struct wrn_ws_proc_stderr {
    uint64_t present;    /* WRN_HAS_WS_PROC_STDERR_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *data;
} wrn_ws_proc_stderr;

/* Bits of `present` and `nulls` of wrn_ws_proc_exit. */
enum {
    WRN_HAS_WS_PROC_EXIT_TYPE = 1 << 0,
    WRN_HAS_WS_PROC_EXIT_EXIT_CODE = 1 << 1,
    WRN_HAS_WS_PROC_EXIT_SIGNAL = 1 << 2,
    WRN_HAS_WS_PROC_EXIT_OOM_KILLED = 1 << 3,
    WRN_HAS_WS_PROC_EXIT_OUTPUT_CUT = 1 << 4,
};

/* Schema WsProcExit. */
typedef struct wrn_ws_proc_exit {
    uint64_t present;    /* WRN_HAS_WS_PROC_EXIT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* -1 after a signal. */
    int64_t exit_code;
    /* As in ExecResult. */
    int64_t signal;
    /* As in ExecResult. */
    int64_t oom_killed;
    /* As in ExecResult. */
    int64_t output_cut;
} wrn_ws_proc_exit;

/* Bits of `present` and `nulls` of wrn_ws_proc_error. */
enum {
    WRN_HAS_WS_PROC_ERROR_TYPE = 1 << 0,
    WRN_HAS_WS_PROC_ERROR_DATA = 1 << 1,
    WRN_HAS_WS_PROC_ERROR_CODE = 1 << 2,
};

/* Schema WsProcError. */
typedef struct wrn_ws_proc_error {
    uint64_t present;    /* WRN_HAS_WS_PROC_ERROR_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *data;
    /* Ours only: the code that an answer would have had, if there is one */
    const char *code;
} wrn_ws_proc_error;

/* Bits of `present` and `nulls` of wrn_port_state. */
enum {
    WRN_HAS_PORT_STATE_PORT = 1 << 0,
    WRN_HAS_PORT_STATE_LISTENING = 1 << 1,
};

/* Schema PortState. */
typedef struct wrn_port_state {
    uint64_t present;    /* WRN_HAS_PORT_STATE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t port;
    int64_t listening;
} wrn_port_state;

/* Bits of `present` and `nulls` of wrn_ws_log_start. */
enum {
    WRN_HAS_WS_LOG_START_TYPE = 1 << 0,
    WRN_HAS_WS_LOG_START_OFFSET = 1 << 1,
    WRN_HAS_WS_LOG_START_PID = 1 << 2,
};

/* Schema WsLogStart. */
typedef struct wrn_ws_log_start {
    uint64_t present;    /* WRN_HAS_WS_LOG_START_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Of the first byte that follows */
    int64_t offset;
    /* Of the process whose output it is */
    int64_t pid;
} wrn_ws_log_start;

/* Bits of `present` and `nulls` of wrn_ws_log_dropped. */
enum {
    WRN_HAS_WS_LOG_DROPPED_TYPE = 1 << 0,
    WRN_HAS_WS_LOG_DROPPED_BYTES = 1 << 1,
    WRN_HAS_WS_LOG_DROPPED_OFFSET = 1 << 2,
};

/* Schema WsLogDropped. */
typedef struct wrn_ws_log_dropped {
    uint64_t present;    /* WRN_HAS_WS_LOG_DROPPED_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* So many were asked for but are not kept any more. */
    int64_t bytes;
    /* Where the output goes on */
    int64_t offset;
} wrn_ws_log_dropped;

/* Bits of `present` and `nulls` of wrn_ws_log_end. */
enum {
    WRN_HAS_WS_LOG_END_TYPE = 1 << 0,
};

/* Schema WsLogEnd. That is all so far; the process goes on. */
typedef struct wrn_ws_log_end {
    uint64_t present;    /* WRN_HAS_WS_LOG_END_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
} wrn_ws_log_end;

/* Bits of `present` and `nulls` of wrn_ws_pty_start. */
enum {
    WRN_HAS_WS_PTY_START_TYPE = 1 << 0,
    WRN_HAS_WS_PTY_START_CMD = 1 << 1,
    WRN_HAS_WS_PTY_START_ARGS = 1 << 2,
    WRN_HAS_WS_PTY_START_ENVS = 1 << 3,
    WRN_HAS_WS_PTY_START_CWD = 1 << 4,
    WRN_HAS_WS_PTY_START_USER = 1 << 5,
    WRN_HAS_WS_PTY_START_COLS = 1 << 6,
    WRN_HAS_WS_PTY_START_ROWS = 1 << 7,
};

/* Schema WsPtyStart. Without cmd: /bin/bash, and with ours /bin/sh where there is none (also for a cmd of /bin/bash
 * alone). */
typedef struct wrn_ws_pty_start {
    uint64_t present;    /* WRN_HAS_WS_PTY_START_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    wrn_command_words command;
    /* 0 means the default. */
    int64_t cols;
    /* 0 means the default. */
    int64_t rows;
} wrn_ws_pty_start;

/* Bits of `present` and `nulls` of wrn_ws_pty_connect. */
enum {
    WRN_HAS_WS_PTY_CONNECT_TYPE = 1 << 0,
    WRN_HAS_WS_PTY_CONNECT_TAG = 1 << 1,
};

/* Schema WsPtyConnect. */
typedef struct wrn_ws_pty_connect {
    uint64_t present;    /* WRN_HAS_WS_PTY_CONNECT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *tag;
} wrn_ws_pty_connect;

/* Bits of `present` and `nulls` of wrn_ws_pty_input. */
enum {
    WRN_HAS_WS_PTY_INPUT_TYPE = 1 << 0,
    WRN_HAS_WS_PTY_INPUT_DATA = 1 << 1,
};

/* Schema WsPtyInput. */
typedef struct wrn_ws_pty_input {
    uint64_t present;    /* WRN_HAS_WS_PTY_INPUT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Invalid base64 is silently dropped. */
    const char *data;
} wrn_ws_pty_input;

/* Bits of `present` and `nulls` of wrn_ws_pty_resize. */
enum {
    WRN_HAS_WS_PTY_RESIZE_TYPE = 1 << 0,
    WRN_HAS_WS_PTY_RESIZE_COLS = 1 << 1,
    WRN_HAS_WS_PTY_RESIZE_ROWS = 1 << 2,
};

/* Schema WsPtyResize. */
typedef struct wrn_ws_pty_resize {
    uint64_t present;    /* WRN_HAS_WS_PTY_RESIZE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    int64_t cols;
    int64_t rows;
} wrn_ws_pty_resize;

/* Bits of `present` and `nulls` of wrn_ws_pty_kill. */
enum {
    WRN_HAS_WS_PTY_KILL_TYPE = 1 << 0,
};

/* Schema WsPtyKill. SIGKILL to the terminal's process. */
typedef struct wrn_ws_pty_kill {
    uint64_t present;    /* WRN_HAS_WS_PTY_KILL_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
} wrn_ws_pty_kill;

/* Bits of `present` and `nulls` of wrn_ws_pty_started. */
enum {
    WRN_HAS_WS_PTY_STARTED_TYPE = 1 << 0,
    WRN_HAS_WS_PTY_STARTED_TAG = 1 << 1,
    WRN_HAS_WS_PTY_STARTED_PID = 1 << 2,
};

/* Schema WsPtyStarted. Only after `start`; a `connect` is not acknowledged. */
typedef struct wrn_ws_pty_started {
    uint64_t present;    /* WRN_HAS_WS_PTY_STARTED_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *tag;
    int64_t pid;
} wrn_ws_pty_started;

/* Bits of `present` and `nulls` of wrn_ws_pty_output. */
enum {
    WRN_HAS_WS_PTY_OUTPUT_TYPE = 1 << 0,
    WRN_HAS_WS_PTY_OUTPUT_DATA = 1 << 1,
};

/* Schema WsPtyOutput. */
typedef struct wrn_ws_pty_output {
    uint64_t present;    /* WRN_HAS_WS_PTY_OUTPUT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Left out when empty. */
    const char *data;
} wrn_ws_pty_output;

/* Bits of `present` and `nulls` of wrn_ws_pty_exit. */
enum {
    WRN_HAS_WS_PTY_EXIT_TYPE = 1 << 0,
    WRN_HAS_WS_PTY_EXIT_EXIT_CODE = 1 << 1,
    WRN_HAS_WS_PTY_EXIT_SIGNAL = 1 << 2,
    WRN_HAS_WS_PTY_EXIT_OOM_KILLED = 1 << 3,
    WRN_HAS_WS_PTY_EXIT_OUTPUT_CUT = 1 << 4,
};

/* Schema WsPtyExit. */
typedef struct wrn_ws_pty_exit {
    uint64_t present;    /* WRN_HAS_WS_PTY_EXIT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* -1 after a signal. */
    int64_t exit_code;
    /* As in ExecResult. */
    int64_t signal;
    /* As in ExecResult. */
    int64_t oom_killed;
    /* As in ExecResult. */
    int64_t output_cut;
} wrn_ws_pty_exit;

/* Bits of `present` and `nulls` of wrn_ws_pty_error. */
enum {
    WRN_HAS_WS_PTY_ERROR_TYPE = 1 << 0,
    WRN_HAS_WS_PTY_ERROR_DATA = 1 << 1,
    WRN_HAS_WS_PTY_ERROR_CODE = 1 << 2,
    WRN_HAS_WS_PTY_ERROR_FATAL = 1 << 3,
};

/* Schema WsPtyError. */
typedef struct wrn_ws_pty_error {
    uint64_t present;    /* WRN_HAS_WS_PTY_ERROR_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *data;
    /* Ours only: the code that an answer would have had, if there is one */
    const char *code;
    /* Left out when false. */
    int64_t fatal;
} wrn_ws_pty_error;

/* Bits of `present` and `nulls` of wrn_ws_pty_ping. */
enum {
    WRN_HAS_WS_PTY_PING_TYPE = 1 << 0,
};

/* Schema WsPtyPing. Every 30 seconds. No reply expected. */
typedef struct wrn_ws_pty_ping {
    uint64_t present;    /* WRN_HAS_WS_PTY_PING_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
} wrn_ws_pty_ping;

extern const wrn_model wrn_model_signup_request;
extern const wrn_model wrn_model_signup_pending_response;
extern const wrn_model wrn_model_login_request;
extern const wrn_model wrn_model_auth;
extern const wrn_model wrn_model_create_api_key_request;
extern const wrn_model wrn_model_api_key;
extern const wrn_model wrn_model_network_header;
extern const wrn_model wrn_model_network_policy;
extern const wrn_model wrn_model_create_sandbox_request;
extern const wrn_model wrn_model_isolation_limits;
extern const wrn_model wrn_model_isolation;
extern const wrn_model wrn_model_sandbox_info;
extern const wrn_model wrn_model_fork_request;
extern const wrn_model wrn_model_pause_request;
extern const wrn_model wrn_model_lifetime_request;
extern const wrn_model wrn_model_set_secret_request;
extern const wrn_model wrn_model_secret;
extern const wrn_model wrn_model_network_denial;
extern const wrn_model wrn_model_network_check;
extern const wrn_model wrn_model_network;
extern const wrn_model wrn_model_metadata_request;
extern const wrn_model wrn_model_metric_point;
extern const wrn_model wrn_model_metrics;
extern const wrn_model wrn_model_sandbox_stats_current;
extern const wrn_model wrn_model_sandbox_stats_peaks;
extern const wrn_model wrn_model_sandbox_stats_series;
extern const wrn_model wrn_model_sandbox_stats;
extern const wrn_model wrn_model_usage_point;
extern const wrn_model wrn_model_usage;
extern const wrn_model wrn_model_exec_request;
extern const wrn_model wrn_model_exec_result;
extern const wrn_model wrn_model_background_exec;
extern const wrn_model wrn_model_process;
extern const wrn_model wrn_model_process_list;
extern const wrn_model wrn_model_path_request;
extern const wrn_model wrn_model_rename_request;
extern const wrn_model wrn_model_chmod_request;
extern const wrn_model wrn_model_list_dir_request;
extern const wrn_model wrn_model_file_entry;
extern const wrn_model wrn_model_list_dir_response;
extern const wrn_model wrn_model_make_dir_response;
extern const wrn_model wrn_model_create_snapshot_request;
extern const wrn_model wrn_model_snapshot;
extern const wrn_model wrn_model_create_host_request;
extern const wrn_model wrn_model_host;
extern const wrn_model wrn_model_host_with_token;
extern const wrn_model wrn_model_host_delete_preview;
extern const wrn_model wrn_model_add_tag_request;
extern const wrn_model wrn_model_register_host_request;
extern const wrn_model wrn_model_refresh_host_request;
extern const wrn_model wrn_model_host_credentials;
extern const wrn_model wrn_model_health;
extern const wrn_model wrn_model_ws_auth;
extern const wrn_model wrn_model_ws_exec_start;
extern const wrn_model wrn_model_ws_exec_close_stdin;
extern const wrn_model wrn_model_ws_exec_stop;
extern const wrn_model wrn_model_ws_proc_started;
extern const wrn_model wrn_model_ws_proc_stdout;
extern const wrn_model wrn_model_ws_proc_stderr;
extern const wrn_model wrn_model_ws_proc_exit;
extern const wrn_model wrn_model_ws_proc_error;
extern const wrn_model wrn_model_event_record;
extern const wrn_model wrn_model_event_page;
extern const wrn_model wrn_model_port_state;
extern const wrn_model wrn_model_ws_log_start;
extern const wrn_model wrn_model_ws_log_dropped;
extern const wrn_model wrn_model_ws_log_end;
extern const wrn_model wrn_model_ws_pty_start;
extern const wrn_model wrn_model_ws_pty_connect;
extern const wrn_model wrn_model_ws_pty_input;
extern const wrn_model wrn_model_ws_pty_resize;
extern const wrn_model wrn_model_ws_pty_kill;
extern const wrn_model wrn_model_ws_pty_started;
extern const wrn_model wrn_model_ws_pty_output;
extern const wrn_model wrn_model_ws_pty_exit;
extern const wrn_model wrn_model_ws_pty_error;
extern const wrn_model wrn_model_ws_pty_ping;
