#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "server/store/sql.h"

wrn_db wrn_store_add_account(wrn_store *store, const wrn_account *account) {
    int64_t now = wrn_unix_time();
    wrn_db outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    outcome = wrn_sql_run(store, wrn_sql(store,
                                         "INSERT INTO users (id, email, name, password_hash, created_at, is_admin)"
                                         " VALUES (?, ?, ?, ?, ?, ?)",
                                         "ttttii", account->user_id, account->email, account->name,
                                         *account->password_hash ? account->password_hash : NULL, now,
                                         (int64_t)account->is_admin));
    if (outcome == WRN_DB_OK)
        outcome = wrn_sql_run(store, wrn_sql(store, "INSERT INTO teams (id, name, created_at) VALUES (?, ?, ?)", "tti",
                                             account->team_id, account->name, now));
    if (outcome == WRN_DB_OK)
        outcome = wrn_sql_run(
            store, wrn_sql(store, "INSERT INTO members (user_id, team_id, role, is_default) VALUES (?, ?, 'owner', 1)",
                           "tt", account->user_id, account->team_id));
    return wrn_sql_end(store, outcome);
}

wrn_db wrn_store_find_account(wrn_store *store, const char *email, wrn_account *out) {
    *out = (wrn_account){0};
    sqlite3_stmt *row =
        wrn_sql(store,
                "SELECT u.id, u.email, u.name, u.password_hash, m.team_id, m.role, u.is_admin FROM users u"
                " LEFT JOIN members m ON m.user_id = u.id"
                " WHERE u.email = ? ORDER BY m.is_default DESC LIMIT 1",
                "t", email);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) {
        wrn_sql_text(row, 0, out->user_id, sizeof(out->user_id));
        wrn_sql_text(row, 1, out->email, sizeof(out->email));
        wrn_sql_text(row, 2, out->name, sizeof(out->name));
        wrn_sql_text(row, 3, out->password_hash, sizeof(out->password_hash));
        wrn_sql_text(row, 4, out->team_id, sizeof(out->team_id));
        wrn_sql_text(row, 5, out->role, sizeof(out->role));
        out->is_admin = sqlite3_column_int(row, 6) != 0;
    }
    if (row) sqlite3_reset(row);
    return outcome;
}

int wrn_store_has_accounts(wrn_store *store) {
    sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM users LIMIT 1", "");
    wrn_db outcome = wrn_sql_step(store, row);
    if (row) sqlite3_reset(row);
    return outcome == WRN_DB_OK ? 1 : outcome == WRN_DB_NONE ? 0 : -1;
}

wrn_db wrn_store_get_rights(wrn_store *store, const char *user_id, const char *team_id, wrn_rights *out) {
    sqlite3_stmt *row = wrn_sql(store,
                                "SELECT u.is_admin, COALESCE(m.role IN ('owner', 'admin'), 0) FROM users u"
                                " LEFT JOIN members m ON m.user_id = u.id AND m.team_id = ?2 WHERE u.id = ?1",
                                "tt", user_id, team_id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) *out = (wrn_rights){sqlite3_column_int(row, 0) != 0, sqlite3_column_int(row, 1) != 0};
    if (row) sqlite3_reset(row);
    return outcome;
}

wrn_db wrn_store_find_team(wrn_store *store, const char *team_id) {
    sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM teams WHERE id = ?", "t", team_id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (row) sqlite3_reset(row);
    return outcome;
}

/* ---- keys ---- */

wrn_db wrn_store_add_key(wrn_store *store, const wrn_key_row *row, const char *key) {
    wrn_secret_hash hash = wrn_secret_hash_of(key);
    wrn_db outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    outcome =
        wrn_sql_run(store, wrn_sql(store,
                                   "INSERT INTO api_keys (id, team_id, name, hash, prefix, created_by, created_at)"
                                   " VALUES (?, ?, ?, ?, ?, ?, ?)",
                                   "tttbtti", row->id, row->team_id, row->name, hash.bytes, sizeof(hash.bytes),
                                   row->prefix, row->created_by, row->created_at));
    return wrn_sql_end(store, outcome);
}

wrn_db wrn_store_list_keys(wrn_store *store, const char *team_id, wrn_key_fn each, void *context) {
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT k.id, k.team_id, k.created_by, k.name, k.prefix, u.email, k.created_at,"
                                 " k.last_used FROM api_keys k LEFT JOIN users u ON u.id = k.created_by"
                                 " WHERE k.team_id = ? ORDER BY k.number DESC",
                                 "t", team_id);
    wrn_db outcome;
    while ((outcome = wrn_sql_step(store, rows)) == WRN_DB_OK) {
        wrn_key_row row = {.name = (const char *)sqlite3_column_text(rows, 3),
                           .creator_email = (const char *)sqlite3_column_text(rows, 5),
                           .created_at = sqlite3_column_int64(rows, 6),
                           .last_used = sqlite3_column_int64(rows, 7)};
        wrn_sql_text(rows, 0, row.id, sizeof(row.id));
        wrn_sql_text(rows, 1, row.team_id, sizeof(row.team_id));
        wrn_sql_text(rows, 2, row.created_by, sizeof(row.created_by));
        wrn_sql_text(rows, 4, row.prefix, sizeof(row.prefix));
        if (!row.name || !each(context, &row)) break;
    }
    if (rows) sqlite3_reset(rows);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : WRN_DB_ERROR;
}

wrn_db wrn_store_remove_key(wrn_store *store, const char *team_id, const char *id) {
    wrn_db outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    outcome =
        wrn_sql_run(store, wrn_sql(store, "DELETE FROM api_keys WHERE team_id = ? AND id = ?", "tt", team_id, id));
    return wrn_sql_end(store, outcome);
}

wrn_db wrn_store_use_key(wrn_store *store, const char *key, char team_id[WRN_ID_SIZE], char id[WRN_ID_SIZE]) {
    wrn_secret_hash hash = wrn_secret_hash_of(key);
    sqlite3_stmt *row = wrn_sql(store, "SELECT team_id, hash, last_used, number, id FROM api_keys WHERE hash = ?", "b",
                                hash.bytes, sizeof(hash.bytes));
    wrn_db outcome = wrn_sql_step(store, row);
    int64_t used = 0, number = 0;
    if (outcome == WRN_DB_OK) {
        /* The index has found it by value; this makes the decision itself one of constant time. */
        bool same = sqlite3_column_bytes(row, 1) == (int)sizeof(hash.bytes) &&
                    sodium_memcmp(sqlite3_column_blob(row, 1), hash.bytes, sizeof(hash.bytes)) == 0;
        if (!same) outcome = WRN_DB_NONE;
        wrn_sql_text(row, 0, team_id, WRN_ID_SIZE);
        wrn_sql_text(row, 4, id, WRN_ID_SIZE);
        used = sqlite3_column_int64(row, 2);
        number = sqlite3_column_int64(row, 3);
    }
    if (row) sqlite3_reset(row);
    int64_t now = wrn_unix_time();
    /* The column has whole seconds, so one write a second says as much as one a request. */
    if (outcome == WRN_DB_OK && used != now)
        wrn_sql_run(store, wrn_sql(store, "UPDATE api_keys SET last_used = ? WHERE number = ?", "ii", now, number));
    return outcome;
}
