#include <string.h>

#include "base/text.h"
#include "server/store/sql.h"

/* A token's kind is 'register' or 'refresh'. A used registration token stays until it expires, so that registering twice
 * can be told from a wrong token. */

#define COLUMNS                                                                                                    \
    "h.id, h.team_id, h.created_by, h.type, h.status, t.name, h.provider, h.availability_zone, h.arch, h.address," \
    " h.cpu_cores, h.memory_mb, h.disk_gb, h.heartbeat_at, h.created_at, h.updated_at, h.built_in FROM hosts h"    \
    " LEFT JOIN teams t ON t.id = h.team_id"

static void read_host(sqlite3_stmt *from, wrn_host_row *row) {
    wrn_sql_read(from, "ttttttttttiiiiiib", row->id, sizeof(row->id), row->team_id, sizeof(row->team_id),
                 row->created_by, sizeof(row->created_by), row->type, sizeof(row->type), row->status,
                 sizeof(row->status), row->team_name, sizeof(row->team_name), row->provider, sizeof(row->provider),
                 row->availability_zone, sizeof(row->availability_zone), row->arch, sizeof(row->arch), row->address,
                 sizeof(row->address), &row->cpu_cores, &row->memory_mb, &row->disk_gb, &row->heartbeat_at,
                 &row->created_at, &row->updated_at, &row->built_in);
}

wrn_db wrn_store_get_host(wrn_store *store, const char *id, wrn_host_row *out) {
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *row = wrn_sql(store, "SELECT " COLUMNS " WHERE h.id = ?", "t", id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) read_host(row, out);
    return outcome;
}

wrn_db wrn_store_list_hosts(wrn_store *store, const char *team_id, wrn_host_fn each, void *context) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows =
        wrn_sql(store, "SELECT " COLUMNS " WHERE ?1 IS NULL OR h.team_id = ?1 ORDER BY h.number DESC", "t", team_id);
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) {
        wrn_host_row row;
        read_host(rows, &row);
        each(context, &row);
    }
    return outcome;
}

static wrn_db insert_host(wrn_store *store, const wrn_host_row *row) {
    return wrn_sql_run(store,
                       "INSERT INTO hosts (id, type, status, team_id, built_in, provider, availability_zone, arch,"
                       " address, cpu_cores, memory_mb, disk_gb, created_by, created_at, updated_at)"
                       " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       "ttttittttiiitii", row->id, row->type, row->status, wrn_none_if_empty(row->team_id),
                       (int64_t)row->built_in, wrn_none_if_empty(row->provider),
                       wrn_none_if_empty(row->availability_zone), wrn_none_if_empty(row->arch),
                       wrn_none_if_empty(row->address), row->cpu_cores, row->memory_mb, row->disk_gb, row->created_by,
                       row->created_at, row->updated_at);
}

static wrn_db has_built_in_host(wrn_store *store) {
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM hosts WHERE built_in = 1", "");
    return wrn_sql_step(store, row);
}

wrn_db wrn_store_put_built_in_host(wrn_store *store, const wrn_host_row *row) {
    wrn_db outcome = has_built_in_host(store);
    if (outcome == WRN_DB_OK)
        return wrn_sql_run(store,
                           "UPDATE hosts SET arch = ?, address = ?, cpu_cores = ?, memory_mb = ?, disk_gb = ?,"
                           " updated_at = ? WHERE built_in = 1",
                           "ttiiii", row->arch, row->address, row->cpu_cores, row->memory_mb, row->disk_gb,
                           row->updated_at);
    if (outcome == WRN_DB_NONE) outcome = insert_host(store, row);
    if (outcome != WRN_DB_OK) return outcome;
    return wrn_sql_run(store,
                       "UPDATE hosts SET created_by = COALESCE((SELECT id FROM users WHERE is_admin = 1"
                       " ORDER BY rowid LIMIT 1), '') WHERE id = ?",
                       "t", row->id);
}

/* ---- tokens ---- */

static wrn_db add_token(wrn_store *store, const char *host_id, const char *kind, const wrn_host_secret *secret) {
    wrn_secret_hash hash = wrn_secret_hash_of(secret->token);
    return wrn_sql_run(store, "INSERT INTO host_tokens (hash, host_id, kind, expires_at) VALUES (?, ?, ?, ?)", "btti",
                       hash.bytes, sizeof(hash.bytes), host_id, kind, secret->expires_at);
}

/* The host of a token that has not expired. */
static wrn_db find_token(wrn_store *store, const char *token, const char *kind, int64_t now, wrn_host_row *out,
                         bool *used) {
    wrn_secret_hash hash = wrn_secret_hash_of(token);
    char host_id[WRN_ID_SIZE];
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row =
        wrn_sql(store, "SELECT host_id, used FROM host_tokens WHERE hash = ? AND kind = ? AND expires_at > ?", "bti",
                hash.bytes, sizeof(hash.bytes), kind, now);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome != WRN_DB_OK) return outcome;
    wrn_sql_read(row, "tb", host_id, sizeof(host_id), used);
    return wrn_store_get_host(store, host_id, out);
}

/* Marks the host's tokens of this kind as used, deletes the expired ones and adds a new token. */
static wrn_db replace_tokens(wrn_store *store, const char *host_id, const char *kind, int64_t now, const char *new_kind,
                             const wrn_host_secret *secret) {
    wrn_db outcome =
        wrn_sql_run(store, "UPDATE host_tokens SET used = 1 WHERE host_id = ? AND kind = ?", "tt", host_id, kind);
    if (outcome == WRN_DB_OK)
        outcome = wrn_sql_run(store,
                              "DELETE FROM host_tokens WHERE host_id = ? AND (expires_at <= ?"
                              " OR (used = 1 AND kind = 'refresh'))",
                              "ti", host_id, now);
    return outcome == WRN_DB_OK ? add_token(store, host_id, new_kind, secret) : outcome;
}

wrn_db wrn_store_add_host(wrn_store *store, const wrn_host_row *row, const wrn_host_secret *registration) {
    wrn_db outcome = wrn_store_begin(store);
    if (outcome == WRN_DB_OK) outcome = insert_host(store, row);
    if (outcome == WRN_DB_OK) outcome = add_token(store, row->id, "register", registration);
    return wrn_store_end(store, outcome);
}

wrn_db wrn_store_remove_host(wrn_store *store, const char *id) {
    return wrn_sql_run(store, "DELETE FROM hosts WHERE id = ? AND built_in = 0", "t", id);
}

wrn_db wrn_store_renew_host(wrn_store *store, const char *id, int64_t now, const wrn_host_secret *registration) {
    wrn_db outcome = wrn_store_begin(store);
    if (outcome == WRN_DB_OK) outcome = replace_tokens(store, id, "register", now, "register", registration);
    return wrn_store_end(store, outcome);
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
    outcome = wrn_store_begin(store);
    if (outcome == WRN_DB_OK)
        outcome = wrn_sql_run(store,
                              "UPDATE hosts SET status = 'online', arch = ?, address = ?, cpu_cores = ?, memory_mb = ?,"
                              " disk_gb = ?, heartbeat_at = ?, updated_at = ? WHERE id = ?",
                              "ttiiiiit", wrn_none_if_empty(row->arch), row->address, row->cpu_cores, row->memory_mb,
                              row->disk_gb, now, now, row->id);
    if (outcome == WRN_DB_OK) outcome = replace_tokens(store, row->id, "register", now, "refresh", refresh);
    outcome = wrn_store_end(store, outcome);
    return outcome == WRN_DB_OK ? wrn_store_get_host(store, host.id, row) : outcome;
}

wrn_db wrn_store_refresh_host(wrn_store *store, const char *token, int64_t now, const wrn_host_secret *next,
                              wrn_host_row *out) {
    bool used = false;
    wrn_db outcome = find_token(store, token, "refresh", now, out, &used);
    if (outcome != WRN_DB_OK) return outcome;
    outcome = wrn_store_begin(store);
    if (outcome == WRN_DB_OK) outcome = replace_tokens(store, out->id, "refresh", now, "refresh", next);
    return wrn_store_end(store, outcome);
}

wrn_db wrn_store_touch_host(wrn_store *store, const char *id, int64_t now) {
    return wrn_sql_run(store, "UPDATE hosts SET heartbeat_at = ? WHERE id = ?", "it", now, id);
}

/* ---- tags ---- */

wrn_db wrn_store_add_tag(wrn_store *store, const char *host_id, const char *tag) {
    return wrn_sql_run(store, "INSERT OR IGNORE INTO host_tags (host_id, tag) VALUES (?, ?)", "tt", host_id, tag);
}

wrn_db wrn_store_remove_tag(wrn_store *store, const char *host_id, const char *tag) {
    return wrn_sql_run(store, "DELETE FROM host_tags WHERE host_id = ? AND tag = ?", "tt", host_id, tag);
}

wrn_db wrn_store_list_tags(wrn_store *store, const char *host_id, wrn_tag_fn each, void *context) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = wrn_sql(store, "SELECT tag FROM host_tags WHERE host_id = ? ORDER BY tag", "t", host_id);
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) each(context, (const char *)sqlite3_column_text(rows, 0));
    return outcome;
}
