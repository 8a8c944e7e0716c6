/* Generated from api/openapi.yaml by tools/generate.py. Do not edit. */

/* The schemas that are not part of the library's interface: requests, and what becomes a friendlier struct there.
 * See base/model.h for `present`, `nulls` and `unknown`. */
#ifndef WRN_GEN_REQUESTS_H
#define WRN_GEN_REQUESTS_H

#include <stddef.h>
#include <stdint.h>

#include "base/model.h"
#include "wrenn/models.h"

#define WRN_HAS_SIGNUP_REQUEST_EMAIL (UINT64_C(1) << 0)
#define WRN_HAS_SIGNUP_REQUEST_PASSWORD (UINT64_C(1) << 1)
#define WRN_HAS_SIGNUP_REQUEST_NAME (UINT64_C(1) << 2)

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

#define WRN_HAS_SIGNUP_PENDING_RESPONSE_MESSAGE (UINT64_C(1) << 0)

/* Schema SignupPendingResponse. C only. The account waits for activation. */
typedef struct wrn_signup_pending_response {
    uint64_t present;    /* WRN_HAS_SIGNUP_PENDING_RESPONSE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *message;
} wrn_signup_pending_response;

#define WRN_HAS_LOGIN_REQUEST_EMAIL (UINT64_C(1) << 0)
#define WRN_HAS_LOGIN_REQUEST_PASSWORD (UINT64_C(1) << 1)

/* Schema LoginRequest. */
typedef struct wrn_login_request {
    uint64_t present;    /* WRN_HAS_LOGIN_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *email;
    const char *password;
} wrn_login_request;

#define WRN_HAS_CREATE_API_KEY_REQUEST_NAME (UINT64_C(1) << 0)

/* Schema CreateApiKeyRequest. */
typedef struct wrn_create_api_key_request {
    uint64_t present;    /* WRN_HAS_CREATE_API_KEY_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* Empty or absent gives the default. */
    const char *name;
} wrn_create_api_key_request;

#define WRN_HAS_CREATE_SANDBOX_REQUEST_TEMPLATE_NAME (UINT64_C(1) << 0)
#define WRN_HAS_CREATE_SANDBOX_REQUEST_VCPUS (UINT64_C(1) << 1)
#define WRN_HAS_CREATE_SANDBOX_REQUEST_MEMORY_MB (UINT64_C(1) << 2)
#define WRN_HAS_CREATE_SANDBOX_REQUEST_TIMEOUT_SEC (UINT64_C(1) << 3)
#define WRN_HAS_CREATE_SANDBOX_REQUEST_METADATA (UINT64_C(1) << 4)

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
    /* Seconds of inactivity before the sandbox is paused. Zero or less means never. */
    int64_t timeout_sec;
    /* Newer servers and ours; E and C ignore it. Labels for the sandbox, which come back wherever it is shown and
     * never change. At most 20; names like those of templates; values of at most 64 characters. The names
     * kernel_version, vmm_version, agent_version and envd_version are the platform's own. */
    const wrn_pair *metadata;
    size_t metadata_count;
} wrn_create_sandbox_request;

#define WRN_HAS_SANDBOX_STATS_CURRENT_RUNNING_COUNT (UINT64_C(1) << 0)
#define WRN_HAS_SANDBOX_STATS_CURRENT_VCPUS_RESERVED (UINT64_C(1) << 1)
#define WRN_HAS_SANDBOX_STATS_CURRENT_MEMORY_MB_RESERVED (UINT64_C(1) << 2)

/* Schema sandbox_stats_current. */
typedef struct wrn_sandbox_stats_current {
    uint64_t present;    /* WRN_HAS_SANDBOX_STATS_CURRENT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t running_count;
    int64_t vcpus_reserved;
    int64_t memory_mb_reserved;
} wrn_sandbox_stats_current;

#define WRN_HAS_SANDBOX_STATS_PEAKS_RUNNING_COUNT (UINT64_C(1) << 0)
#define WRN_HAS_SANDBOX_STATS_PEAKS_VCPUS (UINT64_C(1) << 1)
#define WRN_HAS_SANDBOX_STATS_PEAKS_MEMORY_MB (UINT64_C(1) << 2)

/* Schema sandbox_stats_peaks. Highest values of the last 30 days, whatever the range. */
typedef struct wrn_sandbox_stats_peaks {
    uint64_t present;    /* WRN_HAS_SANDBOX_STATS_PEAKS_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    int64_t running_count;
    int64_t vcpus;
    int64_t memory_mb;
} wrn_sandbox_stats_peaks;

#define WRN_HAS_SANDBOX_STATS_SERIES_LABELS (UINT64_C(1) << 0)
#define WRN_HAS_SANDBOX_STATS_SERIES_RUNNING (UINT64_C(1) << 1)
#define WRN_HAS_SANDBOX_STATS_SERIES_VCPUS (UINT64_C(1) << 2)
#define WRN_HAS_SANDBOX_STATS_SERIES_MEMORY_MB (UINT64_C(1) << 3)

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

#define WRN_HAS_SANDBOX_STATS_RANGE (UINT64_C(1) << 0)
#define WRN_HAS_SANDBOX_STATS_CURRENT (UINT64_C(1) << 1)
#define WRN_HAS_SANDBOX_STATS_PEAKS (UINT64_C(1) << 2)
#define WRN_HAS_SANDBOX_STATS_SERIES (UINT64_C(1) << 3)

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

#define WRN_HAS_USAGE_POINT_DATE (UINT64_C(1) << 0)
#define WRN_HAS_USAGE_POINT_CPU_MINUTES (UINT64_C(1) << 1)
#define WRN_HAS_USAGE_POINT_RAM_MB_MINUTES (UINT64_C(1) << 2)

/* Schema usage_point. */
typedef struct wrn_usage_point {
    uint64_t present;    /* WRN_HAS_USAGE_POINT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *date;
    double cpu_minutes;
    double ram_mb_minutes;
} wrn_usage_point;

#define WRN_HAS_USAGE_FROM (UINT64_C(1) << 0)
#define WRN_HAS_USAGE_TO (UINT64_C(1) << 1)
#define WRN_HAS_USAGE_POINTS (UINT64_C(1) << 2)

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

#define WRN_HAS_EXEC_REQUEST_CMD (UINT64_C(1) << 0)
#define WRN_HAS_EXEC_REQUEST_ARGS (UINT64_C(1) << 1)
#define WRN_HAS_EXEC_REQUEST_TIMEOUT_SEC (UINT64_C(1) << 2)
#define WRN_HAS_EXEC_REQUEST_BACKGROUND (UINT64_C(1) << 3)
#define WRN_HAS_EXEC_REQUEST_TAG (UINT64_C(1) << 4)
#define WRN_HAS_EXEC_REQUEST_ENVS (UINT64_C(1) << 5)
#define WRN_HAS_EXEC_REQUEST_CWD (UINT64_C(1) << 6)
#define WRN_HAS_EXEC_REQUEST_USER (UINT64_C(1) << 7)

/* Schema ExecRequest. */
typedef struct wrn_exec_request {
    uint64_t present;    /* WRN_HAS_EXEC_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    /* One program name or path. Not a shell line. */
    const char *cmd;
    const char *const *args;
    size_t args_count;
    /* Zero or less means 30. Foreground only. */
    int64_t timeout_sec;
    int64_t background;
    /* Background only. Empty gives `proc-` and 8 hex digits. */
    const char *tag;
    const wrn_pair *envs;
    size_t envs_count;
    const char *cwd;
    /* Ours only; upstream ignores it. A name or number of the sandbox's /etc/passwd, or with `:` and a group. Empty
     * or absent: the template's user, else root. One that is not there is 400. */
    const char *user;
} wrn_exec_request;

#define WRN_HAS_EXEC_RESULT_SANDBOX_ID (UINT64_C(1) << 0)
#define WRN_HAS_EXEC_RESULT_CMD (UINT64_C(1) << 1)
#define WRN_HAS_EXEC_RESULT_OUT (UINT64_C(1) << 2)
#define WRN_HAS_EXEC_RESULT_ERR (UINT64_C(1) << 3)
#define WRN_HAS_EXEC_RESULT_EXIT_CODE (UINT64_C(1) << 4)
#define WRN_HAS_EXEC_RESULT_DURATION_MS (UINT64_C(1) << 5)
#define WRN_HAS_EXEC_RESULT_ENCODING (UINT64_C(1) << 6)
#define WRN_HAS_EXEC_RESULT_SIGNAL (UINT64_C(1) << 7)
#define WRN_HAS_EXEC_RESULT_OOM_KILLED (UINT64_C(1) << 8)
#define WRN_HAS_EXEC_RESULT_OUTPUT_CUT (UINT64_C(1) << 9)

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

#define WRN_HAS_BACKGROUND_EXEC_SANDBOX_ID (UINT64_C(1) << 0)
#define WRN_HAS_BACKGROUND_EXEC_CMD (UINT64_C(1) << 1)
#define WRN_HAS_BACKGROUND_EXEC_PID (UINT64_C(1) << 2)
#define WRN_HAS_BACKGROUND_EXEC_TAG (UINT64_C(1) << 3)

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

#define WRN_HAS_PROCESS_LIST_PROCESSES (UINT64_C(1) << 0)

/* Schema ProcessList. */
typedef struct wrn_process_list {
    uint64_t present;    /* WRN_HAS_PROCESS_LIST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_process *const *processes;
    size_t processes_count;
} wrn_process_list;

#define WRN_HAS_PATH_REQUEST_PATH (UINT64_C(1) << 0)
#define WRN_HAS_PATH_REQUEST_USER (UINT64_C(1) << 1)

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

#define WRN_HAS_LIST_DIR_REQUEST_PATH (UINT64_C(1) << 0)
#define WRN_HAS_LIST_DIR_REQUEST_DEPTH (UINT64_C(1) << 1)
#define WRN_HAS_LIST_DIR_REQUEST_USER (UINT64_C(1) << 2)
#define WRN_HAS_LIST_DIR_REQUEST_LIMIT (UINT64_C(1) << 3)
#define WRN_HAS_LIST_DIR_REQUEST_CURSOR (UINT64_C(1) << 4)
#define WRN_HAS_LIST_DIR_REQUEST_ONLY (UINT64_C(1) << 5)

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

#define WRN_HAS_LIST_DIR_RESPONSE_ENTRIES (UINT64_C(1) << 0)
#define WRN_HAS_LIST_DIR_RESPONSE_NEXT_CURSOR (UINT64_C(1) << 1)

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

#define WRN_HAS_MAKE_DIR_RESPONSE_ENTRY (UINT64_C(1) << 0)

/* Schema MakeDirResponse. */
typedef struct wrn_make_dir_response {
    uint64_t present;    /* WRN_HAS_MAKE_DIR_RESPONSE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const wrenn_file_entry *entry;
} wrn_make_dir_response;

#define WRN_HAS_CREATE_SNAPSHOT_REQUEST_SANDBOX_ID (UINT64_C(1) << 0)
#define WRN_HAS_CREATE_SNAPSHOT_REQUEST_NAME (UINT64_C(1) << 1)

/* Schema CreateSnapshotRequest. */
typedef struct wrn_create_snapshot_request {
    uint64_t present;    /* WRN_HAS_CREATE_SNAPSHOT_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *sandbox_id;
    /* Empty or absent lets the server choose. */
    const char *name;
} wrn_create_snapshot_request;

#define WRN_HAS_CREATE_HOST_REQUEST_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_CREATE_HOST_REQUEST_TEAM_ID (UINT64_C(1) << 1)
#define WRN_HAS_CREATE_HOST_REQUEST_PROVIDER (UINT64_C(1) << 2)
#define WRN_HAS_CREATE_HOST_REQUEST_AVAILABILITY_ZONE (UINT64_C(1) << 3)

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

#define WRN_HAS_ADD_TAG_REQUEST_TAG (UINT64_C(1) << 0)

/* Schema AddTagRequest. */
typedef struct wrn_add_tag_request {
    uint64_t present;    /* WRN_HAS_ADD_TAG_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *tag;
} wrn_add_tag_request;

#define WRN_HAS_REGISTER_HOST_REQUEST_TOKEN (UINT64_C(1) << 0)
#define WRN_HAS_REGISTER_HOST_REQUEST_ADDRESS (UINT64_C(1) << 1)
#define WRN_HAS_REGISTER_HOST_REQUEST_ARCH (UINT64_C(1) << 2)
#define WRN_HAS_REGISTER_HOST_REQUEST_CPU_CORES (UINT64_C(1) << 3)
#define WRN_HAS_REGISTER_HOST_REQUEST_MEMORY_MB (UINT64_C(1) << 4)
#define WRN_HAS_REGISTER_HOST_REQUEST_DISK_GB (UINT64_C(1) << 5)

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

#define WRN_HAS_REFRESH_HOST_REQUEST_REFRESH_TOKEN (UINT64_C(1) << 0)

/* Schema RefreshHostRequest. */
typedef struct wrn_refresh_host_request {
    uint64_t present;    /* WRN_HAS_REFRESH_HOST_REQUEST_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *refresh_token;
} wrn_refresh_host_request;

#define WRN_HAS_HOST_CREDENTIALS_HOST (UINT64_C(1) << 0)
#define WRN_HAS_HOST_CREDENTIALS_TOKEN (UINT64_C(1) << 1)
#define WRN_HAS_HOST_CREDENTIALS_REFRESH_TOKEN (UINT64_C(1) << 2)
#define WRN_HAS_HOST_CREDENTIALS_CERT_PEM (UINT64_C(1) << 3)
#define WRN_HAS_HOST_CREDENTIALS_KEY_PEM (UINT64_C(1) << 4)
#define WRN_HAS_HOST_CREDENTIALS_CA_CERT_PEM (UINT64_C(1) << 5)

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

#define WRN_HAS_HEALTH_STATUS (UINT64_C(1) << 0)
#define WRN_HAS_HEALTH_VERSION (UINT64_C(1) << 1)

/* Schema Health. */
typedef struct wrn_health {
    uint64_t present;    /* WRN_HAS_HEALTH_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *status;
    const char *version;
} wrn_health;

#define WRN_HAS_WS_AUTH_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_AUTH_TOKEN (UINT64_C(1) << 1)

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

#define WRN_HAS_WS_EXEC_START_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_EXEC_START_CMD (UINT64_C(1) << 1)
#define WRN_HAS_WS_EXEC_START_ARGS (UINT64_C(1) << 2)
#define WRN_HAS_WS_EXEC_START_ENVS (UINT64_C(1) << 3)
#define WRN_HAS_WS_EXEC_START_CWD (UINT64_C(1) << 4)
#define WRN_HAS_WS_EXEC_START_USER (UINT64_C(1) << 5)
#define WRN_HAS_WS_EXEC_START_INPUT (UINT64_C(1) << 6)

/* Schema WsExecStart. */
typedef struct wrn_ws_exec_start {
    uint64_t present;    /* WRN_HAS_WS_EXEC_START_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *cmd;
    const char *const *args;
    size_t args_count;
    /* Ours only; upstream ignores it. */
    const wrn_pair *envs;
    size_t envs_count;
    /* Ours only; upstream ignores it. */
    const char *cwd;
    /* As in ExecRequest. */
    const char *user;
    /* Ours only, and only with the subprotocol wrenn.bytes.v1. The command reads what the client sends, until
     * `close_stdin`; otherwise it reads /dev/null. */
    int64_t input;
} wrn_ws_exec_start;

#define WRN_HAS_WS_EXEC_CLOSE_STDIN_TYPE (UINT64_C(1) << 0)

/* Schema WsExecCloseStdin. Ours only. The end of the command's standard input; what was sent before still arrives. */
typedef struct wrn_ws_exec_close_stdin {
    uint64_t present;    /* WRN_HAS_WS_EXEC_CLOSE_STDIN_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
} wrn_ws_exec_close_stdin;

#define WRN_HAS_WS_EXEC_STOP_TYPE (UINT64_C(1) << 0)

/* Schema WsExecStop. Ends the streaming. The process itself goes on upstream. Ours ends it. */
typedef struct wrn_ws_exec_stop {
    uint64_t present;    /* WRN_HAS_WS_EXEC_STOP_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
} wrn_ws_exec_stop;

#define WRN_HAS_WS_PROC_STARTED_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PROC_STARTED_PID (UINT64_C(1) << 1)

/* Schema WsProcStarted. */
typedef struct wrn_ws_proc_started {
    uint64_t present;    /* WRN_HAS_WS_PROC_STARTED_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Left out when 0. */
    int64_t pid;
} wrn_ws_proc_started;

#define WRN_HAS_WS_PROC_STDOUT_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PROC_STDOUT_DATA (UINT64_C(1) << 1)

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

#define WRN_HAS_WS_PROC_STDERR_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PROC_STDERR_DATA (UINT64_C(1) << 1)

/* Schema WsProcStderr. */
typedef struct wrn_ws_proc_stderr {
    uint64_t present;    /* WRN_HAS_WS_PROC_STDERR_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *data;
} wrn_ws_proc_stderr;

#define WRN_HAS_WS_PROC_EXIT_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PROC_EXIT_EXIT_CODE (UINT64_C(1) << 1)
#define WRN_HAS_WS_PROC_EXIT_SIGNAL (UINT64_C(1) << 2)
#define WRN_HAS_WS_PROC_EXIT_OOM_KILLED (UINT64_C(1) << 3)
#define WRN_HAS_WS_PROC_EXIT_OUTPUT_CUT (UINT64_C(1) << 4)

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

#define WRN_HAS_WS_PROC_ERROR_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PROC_ERROR_DATA (UINT64_C(1) << 1)
#define WRN_HAS_WS_PROC_ERROR_CODE (UINT64_C(1) << 2)

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

#define WRN_HAS_WS_PTY_START_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PTY_START_CMD (UINT64_C(1) << 1)
#define WRN_HAS_WS_PTY_START_ARGS (UINT64_C(1) << 2)
#define WRN_HAS_WS_PTY_START_COLS (UINT64_C(1) << 3)
#define WRN_HAS_WS_PTY_START_ROWS (UINT64_C(1) << 4)
#define WRN_HAS_WS_PTY_START_ENVS (UINT64_C(1) << 5)
#define WRN_HAS_WS_PTY_START_CWD (UINT64_C(1) << 6)
#define WRN_HAS_WS_PTY_START_USER (UINT64_C(1) << 7)

/* Schema WsPtyStart. */
typedef struct wrn_ws_pty_start {
    uint64_t present;    /* WRN_HAS_WS_PTY_START_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Ours: /bin/bash alone is /bin/sh where there is no bash. */
    const char *cmd;
    const char *const *args;
    size_t args_count;
    /* 0 means the default. */
    int64_t cols;
    /* 0 means the default. */
    int64_t rows;
    const wrn_pair *envs;
    size_t envs_count;
    const char *cwd;
    /* As in ExecRequest. */
    const char *user;
} wrn_ws_pty_start;

#define WRN_HAS_WS_PTY_CONNECT_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PTY_CONNECT_TAG (UINT64_C(1) << 1)

/* Schema WsPtyConnect. */
typedef struct wrn_ws_pty_connect {
    uint64_t present;    /* WRN_HAS_WS_PTY_CONNECT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *tag;
} wrn_ws_pty_connect;

#define WRN_HAS_WS_PTY_INPUT_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PTY_INPUT_DATA (UINT64_C(1) << 1)

/* Schema WsPtyInput. */
typedef struct wrn_ws_pty_input {
    uint64_t present;    /* WRN_HAS_WS_PTY_INPUT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Invalid base64 is silently dropped. */
    const char *data;
} wrn_ws_pty_input;

#define WRN_HAS_WS_PTY_RESIZE_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PTY_RESIZE_COLS (UINT64_C(1) << 1)
#define WRN_HAS_WS_PTY_RESIZE_ROWS (UINT64_C(1) << 2)

/* Schema WsPtyResize. */
typedef struct wrn_ws_pty_resize {
    uint64_t present;    /* WRN_HAS_WS_PTY_RESIZE_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    int64_t cols;
    int64_t rows;
} wrn_ws_pty_resize;

#define WRN_HAS_WS_PTY_KILL_TYPE (UINT64_C(1) << 0)

/* Schema WsPtyKill. SIGKILL to the terminal's process. */
typedef struct wrn_ws_pty_kill {
    uint64_t present;    /* WRN_HAS_WS_PTY_KILL_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
} wrn_ws_pty_kill;

#define WRN_HAS_WS_PTY_STARTED_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PTY_STARTED_TAG (UINT64_C(1) << 1)
#define WRN_HAS_WS_PTY_STARTED_PID (UINT64_C(1) << 2)

/* Schema WsPtyStarted. Only after `start`; a `connect` is not acknowledged. */
typedef struct wrn_ws_pty_started {
    uint64_t present;    /* WRN_HAS_WS_PTY_STARTED_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    const char *tag;
    int64_t pid;
} wrn_ws_pty_started;

#define WRN_HAS_WS_PTY_OUTPUT_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PTY_OUTPUT_DATA (UINT64_C(1) << 1)

/* Schema WsPtyOutput. */
typedef struct wrn_ws_pty_output {
    uint64_t present;    /* WRN_HAS_WS_PTY_OUTPUT_* bits of the members that were there */
    uint64_t nulls;      /* those of them that were null */
    const char *unknown; /* a JSON object of the members this version does not know, or NULL */
    const char *type;
    /* Left out when empty. */
    const char *data;
} wrn_ws_pty_output;

#define WRN_HAS_WS_PTY_EXIT_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PTY_EXIT_EXIT_CODE (UINT64_C(1) << 1)
#define WRN_HAS_WS_PTY_EXIT_SIGNAL (UINT64_C(1) << 2)
#define WRN_HAS_WS_PTY_EXIT_OOM_KILLED (UINT64_C(1) << 3)
#define WRN_HAS_WS_PTY_EXIT_OUTPUT_CUT (UINT64_C(1) << 4)

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

#define WRN_HAS_WS_PTY_ERROR_TYPE (UINT64_C(1) << 0)
#define WRN_HAS_WS_PTY_ERROR_DATA (UINT64_C(1) << 1)
#define WRN_HAS_WS_PTY_ERROR_CODE (UINT64_C(1) << 2)
#define WRN_HAS_WS_PTY_ERROR_FATAL (UINT64_C(1) << 3)

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

#define WRN_HAS_WS_PTY_PING_TYPE (UINT64_C(1) << 0)

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
extern const wrn_model wrn_model_create_sandbox_request;
extern const wrn_model wrn_model_sandbox_info;
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

#endif
