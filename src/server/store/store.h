/* Everything that outlives the process, in one SQLite file: accounts, API keys, sandbox records, events, snapshots, hosts,
 * metrics and usage. Calls block for microseconds: none waits for the disk. Call wrn_store_sync() before you report the creation of
 * something that can't be made again: accounts, keys, host tokens, snapshots.
 *
 * Listings call `each` for every row; rows and texts are valid during the call only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "server/log.h"
#include "server/store/ids.h"

typedef struct wrn_store wrn_store;

typedef enum wrn_db {
    WRN_DB_OK,
    WRN_DB_NONE,  /* no such row */
    WRN_DB_TAKEN, /* a unique value exists already */
    WRN_DB_ERROR  /* logged */
} wrn_db;

/* Opens or creates the file and migrates its schema. `ephemeral`: it will not outlive the process, so nothing needs to
 * reach the disk. NULL with a message in `why`. */
wrn_store *wrn_store_open(const char *path, bool ephemeral, wrn_why *why);
void wrn_store_close(wrn_store *store);
/* Waits until everything stored so far is on the disk; from any thread. False on failure, which is logged. */
bool wrn_store_sync(const wrn_store *store);
/* From now on a worker thread does the checkpoints. Close the store after the loop's last work. */
void wrn_store_use_loop(wrn_store *store, uv_loop_t *loop);
wrn_db wrn_store_begin(wrn_store *store);
/* Commits when `so_far` is WRN_DB_OK, else rolls back, also after a begin that failed. The outcome of the whole. */
wrn_db wrn_store_end(wrn_store *store, wrn_db so_far);

/* ---- accounts ---- */

enum { WRN_EMAIL_MAX = 254, WRN_SHOWN_NAME_MAX = 100 };

typedef struct wrn_account {
    char user_id[WRN_ID_SIZE], team_id[WRN_ID_SIZE];
    char email[WRN_EMAIL_MAX + 1], name[WRN_SHOWN_NAME_MAX + 1];
    char role[8];            /* "" when the user has no team */
    bool is_admin;           /* of this server */
    char password_hash[128]; /* "" when there is none to log in with */
} wrn_account;

/* Makes user, team and membership (as owner). WRN_DB_TAKEN: the e-mail has an account. */
wrn_db wrn_store_add_account(wrn_store *store, const wrn_account *account);
wrn_db wrn_store_find_account(wrn_store *store, const char *email, wrn_account *out);
/* 1 or 0; -1 on error. */
int wrn_store_has_accounts(wrn_store *store);

/* What a user may manage: the whole server, the team's resources. */
typedef struct wrn_rights {
    bool is_admin, manages_team;
} wrn_rights;

/* WRN_DB_NONE: the user no longer exists. */
wrn_db wrn_store_get_rights(wrn_store *store, const char *user_id, const char *team_id, wrn_rights *out);
wrn_db wrn_store_find_team(wrn_store *store, const char *team_id);

/* ---- API keys ---- */

typedef struct wrn_key_row {
    char id[WRN_ID_SIZE], team_id[WRN_ID_SIZE], created_by[WRN_ID_SIZE];
    const char *name;
    char prefix[WRN_KEY_PREFIX_SIZE];
    const char *creator_email;
    int64_t created_at, last_used; /* 0: never */
} wrn_key_row;

typedef void (*wrn_key_fn)(void *context, const wrn_key_row *row);

/* Stores a hash of `key`, and its prefix. */
wrn_db wrn_store_add_key(wrn_store *store, const wrn_key_row *row, const char *key);
/* Newest first. */
wrn_db wrn_store_list_keys(wrn_store *store, const char *team_id, wrn_key_fn each, void *context);
wrn_db wrn_store_remove_key(wrn_store *store, const char *team_id, const char *id);
/* The team that `key` acts for, and the key's id; records the use. */
wrn_db wrn_store_use_key(wrn_store *store, const char *key, char team_id[WRN_ID_SIZE], char id[WRN_ID_SIZE]);

/* ---- sandboxes ---- */

enum { WRN_BACKEND_NAME_SIZE = 16 };

typedef struct wrn_sandbox_row {
    char id[WRN_ID_SIZE], team_id[WRN_ID_SIZE];
    char status[12];
    char template_name[65], backend[WRN_BACKEND_NAME_SIZE];
    int64_t vcpus, memory_mb, timeout_sec;
    int64_t created_at, started_at, last_active_at, last_updated; /* Unix seconds; 0: never */
    int64_t lifetime_sec, expires_at;                             /* seconds; Unix seconds; both 0: it has no end */
    int64_t lease_sec;                                            /* 0: it has no lease */
    char egress[12];                                              /* none, allowlist or public */
    int64_t disk_mb;                                              /* of its own disk; 0: it has none */
    bool own_network; /* its network policy was asked for, not the server's default */
} wrn_sandbox_row;

/* `metadata`: its labels, as wrn_json_write() writes a JSON object; NULL: none. */
typedef void (*wrn_sandbox_fn)(void *context, const wrn_sandbox_row *row, const char *metadata);

/* `network`: its policy, as the text of a JSON object; NULL: it was made without a network. */
wrn_db wrn_store_add_sandbox(wrn_store *store, const wrn_sandbox_row *row, const char *metadata, const char *network);
/* Its network policy, which the caller frees; NULL when it was made without a network. */
char *wrn_store_get_network(wrn_store *store, const char *id);
/* One of its own, from then on. */
wrn_db wrn_store_set_network(wrn_store *store, const char *id, const char *egress, const char *network);
/* Its labels, which the caller frees; NULL when there are none. */
char *wrn_store_get_metadata(wrn_store *store, const char *id);
wrn_db wrn_store_set_metadata(wrn_store *store, const char *id, const char *metadata);
/* Another sandbox of the team than `id`, neither stopped nor failed, whose label "name" is the one in `metadata`; an empty
 * one counts as none. */
wrn_db wrn_store_find_namesake(wrn_store *store, const char *team_id, const char *id, const char *metadata,
                               char out[WRN_ID_SIZE]);
/* Writes status, times and lifetime. */
wrn_db wrn_store_update_sandbox(wrn_store *store, const wrn_sandbox_row *row);
/* `team_id` NULL: of any team. */
wrn_db wrn_store_get_sandbox(wrn_store *store, const char *team_id, const char *id, wrn_sandbox_row *out);
/* What a listing is limited to; NULL and 0: to nothing. */
typedef struct wrn_sandbox_filter {
    const char *team_id, *status, *template_name;
    const char *id_prefix;     /* what ids begin with, or what comes after their first three characters */
    const char *const *labels; /* each as in the text of metadata: "name":"value" */
    size_t label_count;
    const char *after; /* those older than this one of the team */
    int64_t limit;
} wrn_sandbox_filter;

/* Whether the text of labels has all of the filter. */
bool wrn_store_has_labels(const char *metadata, const wrn_sandbox_filter *filter);
/* Those neither stopped nor failed, newest first. WRN_DB_NONE: there is no `after`. */
wrn_db wrn_store_list_sandboxes(wrn_store *store, const wrn_sandbox_filter *filter, wrn_sandbox_fn each, void *context);

/* ---- secrets ----
 *
 * Values are encrypted with a key of this server's, in the file secrets.key beside the database, which is made when it is first
 * needed. An ephemeral store keeps its key in memory. */

enum { WRN_SECRET_VALUE_MAX = 8192, WRN_SECRET_NAME_SIZE = 65 };

typedef struct wrn_secret_row {
    char name[WRN_SECRET_NAME_SIZE];
    int64_t created_at, updated_at;
} wrn_secret_row;

typedef void (*wrn_secret_fn)(void *context, const wrn_secret_row *row);

/* Adds it, or replaces its value; `out` gets the row. */
wrn_db wrn_store_set_secret(wrn_store *store, const char *team_id, const char *name, const char *value,
                            wrn_secret_row *out);
/* The value, which the caller gives to wrn_store_free_secret(). WRN_DB_ERROR also when it can't be decrypted. */
wrn_db wrn_store_get_secret(wrn_store *store, const char *team_id, const char *name, char **value);
void wrn_store_free_secret(char *value);
/* Whether it is there. */
wrn_db wrn_store_find_secret(wrn_store *store, const char *team_id, const char *name);
/* By name. */
wrn_db wrn_store_list_secrets(wrn_store *store, const char *team_id, wrn_secret_fn each, void *context);
wrn_db wrn_store_remove_secret(wrn_store *store, const char *team_id, const char *name);
/* The key and the certificate of a sandbox's own authority, one after the other. */
wrn_db wrn_store_set_authority(wrn_store *store, const char *id, const char *pem);
wrn_db wrn_store_get_authority(wrn_store *store, const char *id, char **pem);

/* ---- creates with an idempotency key ---- */

/* A request to create a sandbox, and its answer. */
typedef struct wrn_create_row {
    const char *team_id, *key;
    wrn_secret_hash asked; /* of the request's body */
    char sandbox_id[WRN_ID_SIZE];
    char *answer; /* NULL: none yet. The caller frees what wrn_store_get_create() returns. */
} wrn_create_row;

/* Also deletes those from before `since`, in Unix seconds. */
wrn_db wrn_store_add_create(wrn_store *store, const wrn_create_row *row, int64_t since);
/* Finds one by team and key, unless it is from before `since`, and fills in the rest. */
wrn_db wrn_store_get_create(wrn_store *store, wrn_create_row *row, int64_t since);
wrn_db wrn_store_answer_create(wrn_store *store, const wrn_create_row *row, const char *answer);
wrn_db wrn_store_remove_create(wrn_store *store, const wrn_create_row *row);

/* ---- events ---- */

/* So many of each team are kept, and a few more. */
enum { WRN_EVENTS_KEPT = 4096 };

/* What happened to a sandbox or snapshot of a team. */
typedef struct wrn_event_row {
    int64_t number;             /* the events of a team are numbered from 1 on, without gaps */
    int64_t at_ms;              /* Unix time */
    const char *team_id, *type; /* team_id NULL: of every team, when it is added */
    const char *sandbox_id;     /* NULL: of none */
    const char *metadata;       /* the labels that the sandbox had then, as wrn_sandbox_fn has them */
    const char *details;        /* the text of a JSON object */
} wrn_event_row;

/* False: that was enough. */
typedef bool (*wrn_event_fn)(void *context, const wrn_event_row *row);

/* Finds the number and the labels by itself. */
wrn_db wrn_store_add_event(wrn_store *store, const wrn_event_row *row);
/* The numbers of those that are kept; 0: there are none. */
wrn_db wrn_store_get_events(wrn_store *store, const char *team_id, int64_t *oldest, int64_t *newest);
/* Those behind number `after`, oldest first. */
wrn_db wrn_store_list_events(wrn_store *store, const char *team_id, int64_t after, wrn_event_fn each, void *context);

/* ---- snapshots ---- */

typedef struct wrn_snapshot_row {
    char id[WRN_ID_SIZE], team_id[WRN_ID_SIZE]; /* the id names its files */
    char name[65], base[65];                    /* base: the template of its sandbox */
    int64_t vcpus, memory_mb, size_bytes, created_at;
} wrn_snapshot_row;

typedef void (*wrn_snapshot_row_fn)(void *context, const wrn_snapshot_row *row);

/* With the network policy of the sandbox `of`, if that has one of its own. `replaced` NULL: WRN_DB_TAKEN when the name is in use.
 * Otherwise the snapshot of that name is replaced, and its id goes to `replaced` ("" when there was none). */
wrn_db wrn_store_add_snapshot(wrn_store *store, const wrn_snapshot_row *row, const char *of,
                              char replaced[WRN_ID_SIZE]);
/* Its network policy, the text of a JSON object, which the caller frees; WRN_DB_NONE: it has none, or there is no snapshot of that
 * name. */
wrn_db wrn_store_get_snapshot_network(wrn_store *store, const char *team_id, const char *name, char **network);
wrn_db wrn_store_get_snapshot(wrn_store *store, const char *team_id, const char *name, wrn_snapshot_row *out);
/* Newest first. */
wrn_db wrn_store_list_snapshots(wrn_store *store, const char *team_id, wrn_snapshot_row_fn each, void *context);
wrn_db wrn_store_remove_snapshot(wrn_store *store, const char *id);
/* Of any team. */
wrn_db wrn_store_find_snapshot(wrn_store *store, const char *id);

/* ---- hosts ---- */

enum { WRN_HOST_TEXT_MAX = 255 };

/* The machine that wrennd runs on is the one built-in host, and runs every sandbox. "" and 0 mean unknown. */
typedef struct wrn_host_row {
    char id[WRN_ID_SIZE], team_id[WRN_ID_SIZE], created_by[WRN_ID_SIZE];
    char type[8], status[12];
    char team_name[WRN_SHOWN_NAME_MAX + 1];
    char provider[WRN_HOST_TEXT_MAX + 1], availability_zone[WRN_HOST_TEXT_MAX + 1];
    char arch[WRN_HOST_TEXT_MAX + 1], address[WRN_HOST_TEXT_MAX + 1];
    int64_t cpu_cores, memory_mb, disk_gb;
    int64_t heartbeat_at, created_at, updated_at; /* Unix seconds; 0: never */
    bool built_in;
} wrn_host_row;

typedef struct wrn_host_secret {
    char token[WRN_HOST_TOKEN_SIZE];
    int64_t expires_at;
} wrn_host_secret;

typedef void (*wrn_host_fn)(void *context, const wrn_host_row *row);
typedef void (*wrn_tag_fn)(void *context, const char *tag);

/* Creates the built-in host, or updates its arch, address and sizes. */
wrn_db wrn_store_put_built_in_host(wrn_store *store, const wrn_host_row *row);
/* Adds a pending host and its registration token. */
wrn_db wrn_store_add_host(wrn_store *store, const wrn_host_row *row, const wrn_host_secret *registration);
wrn_db wrn_store_get_host(wrn_store *store, const char *id, wrn_host_row *out);
/* Newest first; `team_id` NULL: of all teams. */
wrn_db wrn_store_list_hosts(wrn_store *store, const char *team_id, wrn_host_fn each, void *context);
wrn_db wrn_store_remove_host(wrn_store *store, const char *id);
/* Replaces its registration tokens. */
wrn_db wrn_store_renew_host(wrn_store *store, const char *id, int64_t now, const wrn_host_secret *registration);
/* Takes arch, address and sizes from `row` and fills in the rest; the host is online and `refresh` is its token.
 * WRN_DB_NONE: no such registration token, or it has expired. WRN_DB_TAKEN: its host is registered already. */
wrn_db wrn_store_register_host(wrn_store *store, const char *token, int64_t now, wrn_host_row *row,
                               const wrn_host_secret *refresh);
/* Replaces the refresh token by `next`. WRN_DB_NONE: no such token. */
wrn_db wrn_store_refresh_host(wrn_store *store, const char *token, int64_t now, const wrn_host_secret *next,
                              wrn_host_row *out);
/* Records a heartbeat. */
wrn_db wrn_store_touch_host(wrn_store *store, const char *id, int64_t now);
wrn_db wrn_store_add_tag(wrn_store *store, const char *host_id, const char *tag);
wrn_db wrn_store_remove_tag(wrn_store *store, const char *host_id, const char *tag);
/* Sorted. */
wrn_db wrn_store_list_tags(wrn_store *store, const char *host_id, wrn_tag_fn each, void *context);

/* ---- metrics ---- */

/* What is measured of sandboxes, X(type, name). The name is that of the API and of the database, which gets a column for a
 * new one by itself. A metric is described in MetricPoint of api/openapi.yaml and measured in sandbox/metrics.c. */
#define WRN_METRICS(X)          \
    X(double, cpu_pct)          \
    X(int64_t, mem_bytes)       \
    X(int64_t, disk_bytes)      \
    X(int64_t, net_in_bytes)    \
    X(int64_t, net_out_bytes)   \
    X(int64_t, net_connections) \
    X(int64_t, net_denied)

typedef struct wrn_point {
    int64_t at; /* Unix seconds */
#define WRN_METRIC(type, name) type name;
    WRN_METRICS(WRN_METRIC)
#undef WRN_METRIC
} wrn_point;

enum { WRN_RING_RECENT, WRN_RING_HALF_MINUTES, WRN_RING_FIVE_MINUTES };

typedef void (*wrn_point_fn)(void *context, const wrn_point *point);

/* Overwrites that slot of the sandbox's ring. */
wrn_db wrn_store_put_point(wrn_store *store, const char *sandbox_id, int ring, int64_t slot, const wrn_point *point);
/* Oldest first. */
wrn_db wrn_store_list_points(wrn_store *store, const char *sandbox_id, int ring, int64_t since, wrn_point_fn each,
                             void *context);
/* The slot after that of the newest point, to be taken modulo the ring's length. */
int64_t wrn_store_next_slot(wrn_store *store, const char *sandbox_id, int ring);
wrn_db wrn_store_drop_points(wrn_store *store, const char *sandbox_id);

/* ---- what teams use ---- */

typedef struct wrn_load {
    int64_t running, vcpus, memory_mb;
} wrn_load;

typedef struct wrn_load_bucket {
    int64_t start; /* Unix seconds */
    wrn_load first, max;
} wrn_load_bucket;

typedef struct wrn_usage_day {
    int64_t day; /* since 1970-01-01 */
    int64_t vcpu_ms, memory_mb_ms;
} wrn_usage_day;

typedef void (*wrn_load_fn)(void *context, const wrn_load_bucket *bucket);
typedef void (*wrn_usage_fn)(void *context, const wrn_usage_day *day);

/* Of the sandbox records, now. */
wrn_db wrn_store_get_load(wrn_store *store, const char *team_id, wrn_load *out);
/* As last recorded; zero when it never was. */
wrn_db wrn_store_last_load(wrn_store *store, const char *team_id, wrn_load *out);
/* Records in the bucket that the load changes from `before` to `now`. */
wrn_db wrn_store_put_load(wrn_store *store, const char *team_id, int64_t width, int64_t start, const wrn_load *before,
                          const wrn_load *now);
wrn_db wrn_store_drop_loads(wrn_store *store, const char *team_id, int64_t width, int64_t before);
/* Oldest first. */
wrn_db wrn_store_list_loads(wrn_store *store, const char *team_id, int64_t width, int64_t since, wrn_load_fn each,
                            void *context);
wrn_db wrn_store_add_usage(wrn_store *store, const char *team_id, const wrn_usage_day *more);
/* Earliest first. */
wrn_db wrn_store_list_usage(wrn_store *store, const char *team_id, int64_t from, int64_t to, wrn_usage_fn each,
                            void *context);
