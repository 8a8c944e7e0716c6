#include <string.h>

#include "server/store/sql.h"

/* A host's tokens are of kind 'register' or 'refresh'. A registration token that was used stays until it expires, so
 * that a second registration can be told from a wrong token. */

#define COLUMNS                                                                                                    \
    "h.id, h.team_id, h.created_by, h.type, h.status, t.name, h.provider, h.availability_zone, h.arch, h.address," \
    " h.cpu_cores, h.memory_mb, h.disk_gb, h.heartbeat_at, h.created_at, h.updated_at, h.built_in FROM hosts h"    \
    " LEFT JOIN teams t ON t.id = h.team_id"

static const char *text_or_null(const char *text) { return *text ? text : NULL; }

static void read_row(sqlite3_stmt *from, wrn_host_row *row) {
    wrn_sql_text(from, 0, row->id, sizeof(row->id));
    wrn_sql_text(from, 1, row->team_id, sizeof(row->team_id));
    wrn_sql_text(from, 2, row->created_by, sizeof(row->created_by));
    wrn_sql_text(from, 3, row->type, sizeof(row->type));
    wrn_sql_text(from, 4, row->status, sizeof(row->status));
    wrn_sql_text(from, 5, row->team_name, sizeof(row->team_name));
    wrn_sql_text(from, 6, row->provider, sizeof(row->provider));
    wrn_sql_text(from, 7, row->availability_zone, sizeof(row->availability_zone));
    wrn_sql_text(from, 8, row->arch, sizeof(row->arch));
    wrn_sql_text(from, 9, row->address, sizeof(row->address));
    int64_t *const numbers[] = {&row->cpu_cores,    &row->memory_mb,  &row->disk_gb,
                                &row->heartbeat_at, &row->created_at, &row->updated_at};
    for (int i = 0; i < 6; i++) *numbers[i] = sqlite3_column_int64(from, 10 + i);
    row->built_in = sqlite3_column_int(from, 16) != 0;
}

static wrn_db read_one(wrn_store *store, sqlite3_stmt *row, wrn_host_row *out) {
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) read_row(row, out);
    if (row) sqlite3_reset(row);
    return outcome;
}

wrn_db wrn_store_get_host(wrn_store *store, const char *id, wrn_host_row *out) {
    return read_one(store, wrn_sql(store, "SELECT " COLUMNS " WHERE h.id = ?", "t", id), out);
}

wrn_db wrn_store_list_hosts(wrn_store *store, const char *team_id, wrn_host_fn each, void *context) {
    static const char of_team[] = "SELECT " COLUMNS " WHERE h.team_id = ? ORDER BY h.number DESC";
    static const char of_all[] = "SELECT " COLUMNS " ORDER BY h.number DESC";
    sqlite3_stmt *rows = team_id ? wrn_sql(store, of_team, "t", team_id) : wrn_sql(store, of_all, "");
    wrn_db outcome;
    while ((outcome = wrn_sql_step(store, rows)) == WRN_DB_OK) {
        wrn_host_row row;
        read_row(rows, &row);
        if (!each(context, &row)) break;
    }
    if (rows) sqlite3_reset(rows);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : WRN_DB_ERROR;
}

static wrn_db insert(wrn_store *store, const wrn_host_row *row) {
    return wrn_sql_run(
        store, wrn_sql(store,
                       "INSERT INTO hosts (id, type, status, team_id, built_in, provider, availability_zone, arch,"
                       " address, cpu_cores, memory_mb, disk_gb, created_by, created_at, updated_at)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       "ttttittttiiitii", row->id, row->type, row->status, text_or_null(row->team_id),
                       (int64_t)row->built_in, text_or_null(row->provider), text_or_null(row->availability_zone),
                       text_or_null(row->arch), text_or_null(row->address), row->cpu_cores, row->memory_mb,
                       row->disk_gb, row->created_by, row->created_at, row->updated_at));
}

wrn_db wrn_store_put_built_in_host(wrn_store *store, const wrn_host_row *row) {
    wrn_host_row known;
    sqlite3_stmt *find = wrn_sql(store, "SELECT " COLUMNS " WHERE h.built_in = 1", "");
    wrn_db found = read_one(store, find, &known);
    if (found == WRN_DB_OK)
        return wrn_sql_run(store, wrn_sql(store,
                                          "UPDATE hosts SET arch = ?, address = ?, cpu_cores = ?, memory_mb = ?,"
                                          " disk_gb = ?, updated_at = ? WHERE built_in = 1",
                                          "ttiiii", row->arch, row->address, row->cpu_cores, row->memory_mb,
                                          row->disk_gb, row->updated_at));
    if (found != WRN_DB_NONE) return found;
    wrn_db outcome = insert(store, row);
    if (outcome != WRN_DB_OK) return outcome;
    return wrn_sql_run(store, wrn_sql(store,
                                      "UPDATE hosts SET created_by = COALESCE((SELECT id FROM users WHERE is_admin = 1"
                                      " ORDER BY rowid LIMIT 1), '') WHERE id = ?",
                                      "t", row->id));
}

/* ---- tokens ---- */

static wrn_db add_token(wrn_store *store, const char *host_id, const char *kind, const wrn_host_secret *secret) {
    wrn_secret_hash hash = wrn_secret_hash_of(secret->token);
    return wrn_sql_run(store,
                       wrn_sql(store, "INSERT INTO host_tokens (hash, host_id, kind, expires_at) VALUES (?, ?, ?, ?)",
                               "btti", hash.bytes, sizeof(hash.bytes), host_id, kind, secret->expires_at));
}

/* The host of a token that has not expired. */
static wrn_db find_token(wrn_store *store, const char *token, const char *kind, int64_t now, wrn_host_row *out,
                         bool *used) {
    wrn_secret_hash hash = wrn_secret_hash_of(token);
    sqlite3_stmt *row =
        wrn_sql(store, "SELECT host_id, used FROM host_tokens WHERE hash = ? AND kind = ? AND expires_at > ?", "bti",
                hash.bytes, sizeof(hash.bytes), kind, now);
    wrn_db outcome = wrn_sql_step(store, row);
    char host_id[WRN_ID_SIZE] = "";
    if (outcome == WRN_DB_OK) {
        wrn_sql_text(row, 0, host_id, sizeof(host_id));
        *used = sqlite3_column_int(row, 1) != 0;
    }
    if (row) sqlite3_reset(row);
    return outcome == WRN_DB_OK ? wrn_store_get_host(store, host_id, out) : outcome;
}

/* Voids the tokens of this kind, and forgets those that have expired. */
static wrn_db void_tokens(wrn_store *store, const char *host_id, const char *kind, int64_t now) {
    wrn_db outcome = wrn_sql_run(
        store, wrn_sql(store, "UPDATE host_tokens SET used = 1 WHERE host_id = ? AND kind = ?", "tt", host_id, kind));
    if (outcome != WRN_DB_OK) return outcome;
    return wrn_sql_run(store, wrn_sql(store,
                                      "DELETE FROM host_tokens WHERE host_id = ? AND (expires_at <= ?"
                                      " OR (used = 1 AND kind = 'refresh'))",
                                      "ti", host_id, now));
}

wrn_db wrn_store_add_host(wrn_store *store, const wrn_host_row *row, const wrn_host_secret *registration) {
    wrn_db outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    outcome = insert(store, row);
    if (outcome == WRN_DB_OK) outcome = add_token(store, row->id, "register", registration);
    return wrn_sql_end(store, outcome);
}

wrn_db wrn_store_remove_host(wrn_store *store, const char *id) {
    wrn_db outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    outcome = wrn_sql_run(store, wrn_sql(store, "DELETE FROM hosts WHERE id = ? AND built_in = 0", "t", id));
    return wrn_sql_end(store, outcome);
}

wrn_db wrn_store_renew_host(wrn_store *store, const char *id, int64_t now, const wrn_host_secret *registration) {
    wrn_db outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    outcome = void_tokens(store, id, "register", now);
    if (outcome == WRN_DB_OK) outcome = add_token(store, id, "register", registration);
    return wrn_sql_end(store, outcome);
}

static wrn_db bring_online(wrn_store *store, const wrn_host_row *row, int64_t now, const wrn_host_secret *refresh) {
    wrn_db outcome = wrn_sql_run(
        store, wrn_sql(store,
                       "UPDATE hosts SET status = 'online', arch = ?, address = ?, cpu_cores = ?, memory_mb = ?,"
                       " disk_gb = ?, heartbeat_at = ?, updated_at = ? WHERE id = ?",
                       "ttiiiiit", text_or_null(row->arch), row->address, row->cpu_cores, row->memory_mb, row->disk_gb,
                       now, now, row->id));
    if (outcome == WRN_DB_OK) outcome = void_tokens(store, row->id, "register", now);
    return outcome == WRN_DB_OK ? add_token(store, row->id, "refresh", refresh) : outcome;
}

wrn_db wrn_store_register_host(wrn_store *store, const char *token, int64_t now, wrn_host_row *row,
                               const wrn_host_secret *refresh) {
    wrn_host_row host;
    bool used = false;
    wrn_db outcome = find_token(store, token, "register", now, &host, &used);
    if (outcome != WRN_DB_OK) return outcome;
    if (strcmp(host.status, "pending") != 0) return WRN_DB_TAKEN;
    if (used) return WRN_DB_NONE;
    memcpy(row->id, host.id, sizeof(row->id));
    outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    outcome = wrn_sql_end(store, bring_online(store, row, now, refresh));
    return outcome == WRN_DB_OK ? wrn_store_get_host(store, host.id, row) : outcome;
}

wrn_db wrn_store_refresh_host(wrn_store *store, const char *token, int64_t now, const wrn_host_secret *next,
                              wrn_host_row *out) {
    bool used = false;
    wrn_db outcome = find_token(store, token, "refresh", now, out, &used);
    if (outcome != WRN_DB_OK) return outcome;
    outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    outcome = void_tokens(store, out->id, "refresh", now);
    if (outcome == WRN_DB_OK) outcome = add_token(store, out->id, "refresh", next);
    return wrn_sql_end(store, outcome);
}

wrn_db wrn_store_hear_host(wrn_store *store, const char *id, int64_t now) {
    return wrn_sql_run(store, wrn_sql(store, "UPDATE hosts SET heartbeat_at = ? WHERE id = ?", "it", now, id));
}

/* ---- tags ---- */

wrn_db wrn_store_add_tag(wrn_store *store, const char *host_id, const char *tag) {
    return wrn_sql_run(
        store, wrn_sql(store, "INSERT OR IGNORE INTO host_tags (host_id, tag) VALUES (?, ?)", "tt", host_id, tag));
}

wrn_db wrn_store_remove_tag(wrn_store *store, const char *host_id, const char *tag) {
    return wrn_sql_run(store,
                       wrn_sql(store, "DELETE FROM host_tags WHERE host_id = ? AND tag = ?", "tt", host_id, tag));
}

wrn_db wrn_store_list_tags(wrn_store *store, const char *host_id, wrn_tag_fn each, void *context) {
    sqlite3_stmt *rows = wrn_sql(store, "SELECT tag FROM host_tags WHERE host_id = ? ORDER BY tag", "t", host_id);
    wrn_db outcome;
    while ((outcome = wrn_sql_step(store, rows)) == WRN_DB_OK)
        if (!each(context, (const char *)sqlite3_column_text(rows, 0))) break;
    if (rows) sqlite3_reset(rows);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : WRN_DB_ERROR;
}
