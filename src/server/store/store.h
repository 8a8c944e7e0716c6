/* What outlives the process: accounts, API keys, sandbox records, snapshots, hosts, metrics, usage, in one SQLite file.
 * Calls block for microseconds, for none waits for the disk. What can't be made again has to be there before anybody is told
 * of it, accounts, keys, tokens of hosts and snapshots: after these, call wrn_store_sync(). */
#ifndef WRN_SERVER_STORE_STORE_H
#define WRN_SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "server/store/ids.h"

typedef struct wrn_store wrn_store;

typedef enum wrn_db {
    WRN_DB_OK,
    WRN_DB_NONE,  /* no such row */
    WRN_DB_TAKEN, /* a unique value exists already */
    WRN_DB_ERROR  /* logged */
} wrn_db;

/* Opens or makes the file and brings its schema up to date. `ephemeral`: it will not outlive the process, so nothing
 * is brought to the disk. NULL with a message in `why`. */
wrn_store *wrn_store_open(const char *path, bool ephemeral, char *why, size_t why_size);
void wrn_store_close(wrn_store *store);
/* Waits until all that was stored so far is on the disk; from any thread. False: that failed, and was logged. */
bool wrn_store_sync(const wrn_store *store);
/* From now on the store's own waiting for the disk is done by a worker. It is closed after the loop's last work. */
void wrn_store_use_loop(wrn_store *store, uv_loop_t *loop);

/* ---- accounts ---- */

enum { WRN_EMAIL_MAX = 254, WRN_NAME_MAX = 100 };

typedef struct wrn_account {
    char user_id[WRN_ID_SIZE], team_id[WRN_ID_SIZE];
    char email[WRN_EMAIL_MAX + 1], name[WRN_NAME_MAX + 1];
    char role[8];            /* "" when the user has no team */
    bool is_admin;           /* of this server */
    char password_hash[128]; /* "" when there is none to log in with */
} wrn_account;

/* Makes user, team and membership (as owner). WRN_DB_TAKEN: the e-mail has an account. */
wrn_db wrn_store_add_account(wrn_store *store, const wrn_account *account);
wrn_db wrn_store_find_account(wrn_store *store, const char *email, wrn_account *out);
/* Whether there are any; -1 on error. */
int wrn_store_has_accounts(wrn_store *store);

/* What a user may do: to all of this server, and to what belongs to the team. */
typedef struct wrn_rights {
    bool is_admin, manages_team;
} wrn_rights;

/* WRN_DB_NONE: the user is gone. */
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

typedef bool (*wrn_key_fn)(void *context, const wrn_key_row *row);

/* Stores a hash of `key`, and its prefix. */
wrn_db wrn_store_add_key(wrn_store *store, const wrn_key_row *row, const char *key);
/* Newest first, until `each` returns false. */
wrn_db wrn_store_list_keys(wrn_store *store, const char *team_id, wrn_key_fn each, void *context);
wrn_db wrn_store_remove_key(wrn_store *store, const char *team_id, const char *id);
/* The team that `key` acts for; notes that it was used. */
wrn_db wrn_store_use_key(wrn_store *store, const char *key, char team_id[WRN_ID_SIZE], char id[WRN_ID_SIZE]);

/* ---- sandboxes ---- */

enum { WRN_BACKEND_NAME_SIZE = 16 };

typedef struct wrn_sandbox_row {
    char id[WRN_ID_SIZE], team_id[WRN_ID_SIZE];
    char status[12];
    char template_name[65], backend[WRN_BACKEND_NAME_SIZE];
    int64_t vcpus, memory_mb, timeout_sec;
    int64_t created_at, started_at, last_active_at, last_updated; /* Unix seconds; 0: never */
    bool has_metadata;
} wrn_sandbox_row;

typedef bool (*wrn_sandbox_fn)(void *context, const wrn_sandbox_row *row);

/* `metadata`: what its creator says of it, as the text of a JSON object; NULL: nothing. It never changes. */
wrn_db wrn_store_add_sandbox(wrn_store *store, const wrn_sandbox_row *row, const char *metadata);
/* The caller frees *out. */
wrn_db wrn_store_get_metadata(wrn_store *store, const char *id, char **out);
/* Writes status and times. */
wrn_db wrn_store_update_sandbox(wrn_store *store, const wrn_sandbox_row *row);
/* Only where `team_id` fits; NULL: any. */
wrn_db wrn_store_get_sandbox(wrn_store *store, const char *team_id, const char *id, wrn_sandbox_row *out);
/* Those that are neither stopped nor failed, newest first; `team_id` NULL: of all teams. */
wrn_db wrn_store_list_sandboxes(wrn_store *store, const char *team_id, wrn_sandbox_fn each, void *context);

/* ---- creates that may be asked for again ---- */

/* What was asked with an idempotency key of the team's, and what came of it. */
typedef struct wrn_create_row {
    const char *team_id, *key;
    wrn_secret_hash asked; /* of the request's body */
    char sandbox_id[WRN_ID_SIZE];
    char *answer; /* NULL: not there yet. What the store gives is freed by the caller. */
} wrn_create_row;

/* Also forgets what was asked before `since`, in Unix seconds. */
wrn_db wrn_store_add_create(wrn_store *store, const wrn_create_row *row, int64_t since);
/* Fills the rest in from team and key. Only what was asked since then counts. */
wrn_db wrn_store_get_create(wrn_store *store, wrn_create_row *row, int64_t since);
wrn_db wrn_store_answer_create(wrn_store *store, const wrn_create_row *row, const char *answer);
wrn_db wrn_store_remove_create(wrn_store *store, const wrn_create_row *row);

/* ---- snapshots ---- */

typedef struct wrn_snapshot_row {
    char id[WRN_ID_SIZE], team_id[WRN_ID_SIZE]; /* the id names its files */
    char name[65], base[65];                    /* what its sandbox was made from */
    int64_t vcpus, memory_mb, size_bytes, created_at;
} wrn_snapshot_row;

typedef bool (*wrn_snapshot_row_fn)(void *context, const wrn_snapshot_row *row);

/* With `replaced` it takes the place of the one with that name, whose id comes out; "" when there was
 * none. NULL: WRN_DB_TAKEN instead. */
wrn_db wrn_store_add_snapshot(wrn_store *store, const wrn_snapshot_row *row, char replaced[WRN_ID_SIZE]);
wrn_db wrn_store_get_snapshot(wrn_store *store, const char *team_id, const char *name, wrn_snapshot_row *out);
/* Newest first. */
wrn_db wrn_store_list_snapshots(wrn_store *store, const char *team_id, wrn_snapshot_row_fn each, void *context);
wrn_db wrn_store_remove_snapshot(wrn_store *store, const char *id);
/* WRN_DB_OK when any team has it. */
wrn_db wrn_store_find_snapshot(wrn_store *store, const char *id);

/* ---- hosts ---- */

enum { WRN_HOST_TEXT_MAX = 255 };

/* The machine this runs on is the one built-in host, and every sandbox is there. Texts may be "", numbers 0: unknown. */
typedef struct wrn_host_row {
    char id[WRN_ID_SIZE], team_id[WRN_ID_SIZE], created_by[WRN_ID_SIZE];
    char type[8], status[12];
    char team_name[WRN_NAME_MAX + 1];
    char provider[WRN_HOST_TEXT_MAX + 1], availability_zone[WRN_HOST_TEXT_MAX + 1];
    char arch[WRN_HOST_TEXT_MAX + 1], address[WRN_HOST_TEXT_MAX + 1];
    int64_t cpu_cores, memory_mb, disk_gb;
    int64_t heartbeat_at, created_at, updated_at; /* Unix seconds; 0: never */
    bool built_in;
} wrn_host_row;

/* A secret of a host. */
typedef struct wrn_host_secret {
    const char *token;
    int64_t expires_at;
} wrn_host_secret;

typedef bool (*wrn_host_fn)(void *context, const wrn_host_row *row);
typedef bool (*wrn_tag_fn)(void *context, const char *tag);

/* Makes the built-in host, or brings its arch, address and sizes up to date. */
wrn_db wrn_store_put_built_in_host(wrn_store *store, const wrn_host_row *row);
/* A pending host and the token it can register with. */
wrn_db wrn_store_add_host(wrn_store *store, const wrn_host_row *row, const wrn_host_secret *registration);
wrn_db wrn_store_get_host(wrn_store *store, const char *id, wrn_host_row *out);
/* Newest first; `team_id` NULL: all there are. */
wrn_db wrn_store_list_hosts(wrn_store *store, const char *team_id, wrn_host_fn each, void *context);
wrn_db wrn_store_remove_host(wrn_store *store, const char *id);
/* Another registration token instead of the ones before. */
wrn_db wrn_store_renew_host(wrn_store *store, const char *id, int64_t now, const wrn_host_secret *registration);
/* Takes arch, address and sizes from `row` and fills in the rest; the host is online and `refresh` is its token.
 * WRN_DB_NONE: there is no such registration token, or no longer. WRN_DB_TAKEN: its host is registered already. */
wrn_db wrn_store_register_host(wrn_store *store, const char *token, int64_t now, wrn_host_row *row,
                               const wrn_host_secret *refresh);
/* `next` instead of the refresh token. WRN_DB_NONE: there is no such token. */
wrn_db wrn_store_refresh_host(wrn_store *store, const char *token, int64_t now, const wrn_host_secret *next,
                              wrn_host_row *out);
/* Notes a heartbeat. */
wrn_db wrn_store_hear_host(wrn_store *store, const char *id, int64_t now);
wrn_db wrn_store_add_tag(wrn_store *store, const char *host_id, const char *tag);
wrn_db wrn_store_remove_tag(wrn_store *store, const char *host_id, const char *tag);
/* Sorted. */
wrn_db wrn_store_list_tags(wrn_store *store, const char *host_id, wrn_tag_fn each, void *context);

/* ---- metrics ---- */

typedef struct wrn_point {
    int64_t at; /* Unix seconds */
    double cpu_pct;
    int64_t mem_bytes, disk_bytes;
} wrn_point;

enum { WRN_RING_RECENT, WRN_RING_HALF_MINUTES, WRN_RING_FIVE_MINUTES };

typedef bool (*wrn_point_fn)(void *context, const wrn_point *point);

/* Many small writes as one: all of them, or none. The end commits when `so_far` is WRN_DB_OK. */
wrn_db wrn_store_begin_batch(wrn_store *store);
wrn_db wrn_store_end_batch(wrn_store *store, wrn_db so_far);
/* Instead of what is in that slot of the sandbox's ring. */
wrn_db wrn_store_put_point(wrn_store *store, const char *sandbox_id, int ring, int64_t slot, const wrn_point *point);
/* Oldest first. */
wrn_db wrn_store_list_points(wrn_store *store, const char *sandbox_id, int ring, int64_t since, wrn_point_fn each,
                             void *context);
/* The one after the newest point's, to be taken modulo the ring's length. */
int64_t wrn_store_next_slot(wrn_store *store, const char *sandbox_id, int ring);
wrn_db wrn_store_drop_points(wrn_store *store, const char *sandbox_id);

/* ---- what teams use ---- */

typedef struct wrn_load {
    int64_t running, vcpus, memory_mb;
} wrn_load;

typedef struct wrn_load_bucket {
    int64_t start; /* Unix seconds */
    wrn_load first, max, last;
} wrn_load_bucket;

typedef struct wrn_usage_day {
    int64_t day; /* since 1970-01-01 */
    int64_t vcpu_ms, memory_mb_ms;
} wrn_usage_day;

typedef bool (*wrn_load_fn)(void *context, const wrn_load_bucket *bucket);
typedef bool (*wrn_usage_fn)(void *context, const wrn_usage_day *day);

/* As the sandbox records have it now. */
wrn_db wrn_store_get_load(wrn_store *store, const char *team_id, wrn_load *out);
/* As it was written down last; nothing at all is none. */
wrn_db wrn_store_last_load(wrn_store *store, const char *team_id, wrn_load *out);
/* The load changes from `before` to `now` in the bucket. */
wrn_db wrn_store_put_load(wrn_store *store, const char *team_id, int64_t width, int64_t start, const wrn_load *before,
                          const wrn_load *now);
wrn_db wrn_store_drop_loads(wrn_store *store, const char *team_id, int64_t width, int64_t before);
/* Oldest first. */
wrn_db wrn_store_list_loads(wrn_store *store, const char *team_id, int64_t width, int64_t since, wrn_load_fn each,
                            void *context);
wrn_db wrn_store_add_usage(wrn_store *store, const char *team_id, const wrn_usage_day *more);
/* First day first. */
wrn_db wrn_store_list_usage(wrn_store *store, const char *team_id, int64_t from, int64_t to, wrn_usage_fn each,
                            void *context);

#endif
