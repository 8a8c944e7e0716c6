#include <sodium.h>

#include "base/clock.h"
#include "server/store/sql.h"

wrn_db wrn_store_add_account(wrn_store *store, const wrn_account *account) {
    int64_t now = wrn_unix_time();
    wrn_db outcome = wrn_store_begin(store);
    if (outcome == WRN_DB_OK)
        outcome = wrn_sql_run(store,
                              "INSERT INTO users (id, email, name, password_hash, created_at, is_admin)"
                              " VALUES (?, ?, ?, ?, ?, ?)",
                              "ttttii", account->user_id, account->email, account->name,
                              *account->password_hash ? account->password_hash : NULL, now, (int64_t)account->is_admin);
    if (outcome == WRN_DB_OK)
        outcome = wrn_sql_run(store, "INSERT INTO teams (id, name, created_at) VALUES (?, ?, ?)", "tti",
                              account->team_id, account->name, now);
    if (outcome == WRN_DB_OK)
        outcome =
            wrn_sql_run(store, "INSERT INTO members (user_id, team_id, role, is_default) VALUES (?, ?, 'owner', 1)",
                        "tt", account->user_id, account->team_id);
    return wrn_store_end(store, outcome);
}

wrn_db wrn_store_find_account(wrn_store *store, const char *email, wrn_account *out) {
    *out = (wrn_account){0};
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row =
        wrn_sql(store,
                "SELECT u.id, u.email, u.name, u.password_hash, m.team_id, m.role, u.is_admin FROM users u"
                " LEFT JOIN members m ON m.user_id = u.id"
                " WHERE u.email = ? ORDER BY m.is_default DESC LIMIT 1",
                "t", email);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK)
        wrn_sql_read(row, "ttttttb", out->user_id, sizeof(out->user_id), out->email, sizeof(out->email), out->name,
                     sizeof(out->name), out->password_hash, sizeof(out->password_hash), out->team_id,
                     sizeof(out->team_id), out->role, sizeof(out->role), &out->is_admin);
    return outcome;
}

int wrn_store_has_accounts(wrn_store *store) {
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM users LIMIT 1", "");
    wrn_db outcome = wrn_sql_step(store, row);
    return outcome == WRN_DB_OK ? 1 : outcome == WRN_DB_NONE ? 0 : -1;
}

wrn_db wrn_store_get_rights(wrn_store *store, const char *user_id, const char *team_id, wrn_rights *out) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store,
                                "SELECT u.is_admin, COALESCE(m.role IN ('owner', 'admin'), 0) FROM users u"
                                " LEFT JOIN members m ON m.user_id = u.id AND m.team_id = ?2 WHERE u.id = ?1",
                                "tt", user_id, team_id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) wrn_sql_read(row, "bb", &out->is_admin, &out->manages_team);
    return outcome;
}

wrn_db wrn_store_find_team(wrn_store *store, const char *team_id) {
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM teams WHERE id = ?", "t", team_id);
    return wrn_sql_step(store, row);
}

/* ---- keys ---- */

wrn_db wrn_store_add_key(wrn_store *store, const wrn_key_row *row, const char *key) {
    wrn_secret_hash hash = wrn_secret_hash_of(key);
    return wrn_sql_run(store,
                       "INSERT INTO api_keys (id, team_id, name, hash, prefix, created_by, created_at)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?)",
                       "tttbtti", row->id, row->team_id, row->name, hash.bytes, sizeof(hash.bytes), row->prefix,
                       row->created_by, row->created_at);
}

wrn_db wrn_store_list_keys(wrn_store *store, const char *team_id, wrn_key_fn each, void *context) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT k.id, k.team_id, k.created_by, k.prefix, k.created_at, k.last_used, k.name,"
                                 " u.email FROM api_keys k LEFT JOIN users u ON u.id = k.created_by"
                                 " WHERE k.team_id = ? ORDER BY k.number DESC",
                                 "t", team_id);
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) {
        wrn_key_row row = {.name = (const char *)sqlite3_column_text(rows, 6),
                           .creator_email = (const char *)sqlite3_column_text(rows, 7)};
        wrn_sql_read(rows, "ttttii", row.id, sizeof(row.id), row.team_id, sizeof(row.team_id), row.created_by,
                     sizeof(row.created_by), row.prefix, sizeof(row.prefix), &row.created_at, &row.last_used);
        each(context, &row);
    }
    return outcome;
}

wrn_db wrn_store_remove_key(wrn_store *store, const char *team_id, const char *id) {
    return wrn_sql_run(store, "DELETE FROM api_keys WHERE team_id = ? AND id = ?", "tt", team_id, id);
}

static wrn_db find_key(wrn_store *store, const char *key, char team_id[WRN_ID_SIZE], char id[WRN_ID_SIZE],
                       int64_t *number, int64_t *last_used) {
    wrn_secret_hash hash = wrn_secret_hash_of(key);
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store, "SELECT team_id, id, number, last_used, hash FROM api_keys WHERE hash = ?", "b",
                                hash.bytes, sizeof(hash.bytes));
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome != WRN_DB_OK) return outcome;
    wrn_sql_read(row, "ttii", team_id, (size_t)WRN_ID_SIZE, id, (size_t)WRN_ID_SIZE, number, last_used);
    /* The index lookup does not take constant time; this comparison, which decides, does. */
    bool same = sqlite3_column_bytes(row, 4) == (int)sizeof(hash.bytes) &&
                sodium_memcmp(sqlite3_column_blob(row, 4), hash.bytes, sizeof(hash.bytes)) == 0;
    return same ? WRN_DB_OK : WRN_DB_NONE;
}

wrn_db wrn_store_use_key(wrn_store *store, const char *key, char team_id[WRN_ID_SIZE], char id[WRN_ID_SIZE]) {
    int64_t now = wrn_unix_time(), number, last_used;
    wrn_db outcome = find_key(store, key, team_id, id, &number, &last_used);
    /* The column has whole seconds, so one write per second is enough. */
    if (outcome == WRN_DB_OK && last_used != now)
        wrn_sql_run(store, "UPDATE api_keys SET last_used = ? WHERE number = ?", "ii", now, number);
    return outcome;
}
