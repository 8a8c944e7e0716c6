/* What outlives the process: accounts, API keys, sandbox records, in one SQLite file. Calls block for microseconds,
 * since a commit in WAL mode does not wait for the disk; those that make an account or a key do wait, for they cannot
 * be made again. */
#ifndef WRN_SERVER_STORE_STORE_H
#define WRN_SERVER_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/store/ids.h"

typedef struct wrn_store wrn_store;

typedef enum wrn_db {
    WRN_DB_OK,
    WRN_DB_NONE,  /* no such row */
    WRN_DB_TAKEN, /* a unique value exists already */
    WRN_DB_ERROR  /* logged */
} wrn_db;

/* Opens or makes the file and brings its schema up to date. `ephemeral`: it will not outlive the process, so nothing
 * waits for the disk. NULL with a message in `why`. */
wrn_store *wrn_store_open(const char *path, bool ephemeral, char *why, size_t why_size);
void wrn_store_close(wrn_store *store);

/* ---- accounts ---- */

enum { WRN_EMAIL_MAX = 254, WRN_NAME_MAX = 100 };

typedef struct wrn_account {
    char user_id[WRN_ID_SIZE], team_id[WRN_ID_SIZE];
    char email[WRN_EMAIL_MAX + 1], name[WRN_NAME_MAX + 1];
    char role[8];            /* "" when the user has no team */
    char password_hash[128]; /* "" when there is none to log in with */
} wrn_account;

/* Makes user, team and membership (as owner). WRN_DB_TAKEN: the e-mail has an account. */
wrn_db wrn_store_add_account(wrn_store *store, const wrn_account *account);
wrn_db wrn_store_find_account(wrn_store *store, const char *email, wrn_account *out);
/* Whether there are any; -1 on error. */
int wrn_store_has_accounts(wrn_store *store);

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
wrn_db wrn_store_use_key(wrn_store *store, const char *key, char team_id[WRN_ID_SIZE]);

/* ---- sandboxes ---- */

typedef struct wrn_sandbox_row {
    char id[WRN_ID_SIZE], team_id[WRN_ID_SIZE];
    char status[12];
    char template_name[65];
    int64_t vcpus, memory_mb, timeout_sec;
    int64_t created_at, started_at, last_active_at, last_updated; /* Unix seconds; 0: never */
} wrn_sandbox_row;

typedef bool (*wrn_sandbox_fn)(void *context, const wrn_sandbox_row *row);

wrn_db wrn_store_add_sandbox(wrn_store *store, const wrn_sandbox_row *row);
/* Writes status and times. */
wrn_db wrn_store_update_sandbox(wrn_store *store, const wrn_sandbox_row *row);
/* Only where `team_id` fits; NULL: any. */
wrn_db wrn_store_get_sandbox(wrn_store *store, const char *team_id, const char *id, wrn_sandbox_row *out);
/* Those that are neither stopped nor failed, newest first; `team_id` NULL: of all teams. */
wrn_db wrn_store_list_sandboxes(wrn_store *store, const char *team_id, wrn_sandbox_fn each, void *context);

#endif
