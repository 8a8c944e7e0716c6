#include <string.h>

#include "server/store/sql.h"

#define COLUMNS                                                                                             \
    "id, team_id, status, template, vcpus, memory_mb, timeout_sec, created_at, started_at, last_active_at," \
    " last_updated, backend, lifetime_sec, expires_at, egress, metadata"

wrn_db wrn_store_add_sandbox(wrn_store *store, const wrn_sandbox_row *row, const char *metadata, const char *network) {
    return wrn_sql_run(
        store,
        "INSERT INTO sandboxes (" COLUMNS ", network) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        "ttttiiiiiiitiittt", row->id, row->team_id, row->status, row->template_name, row->vcpus, row->memory_mb,
        row->timeout_sec, row->created_at, row->started_at, row->last_active_at, row->last_updated, row->backend,
        row->lifetime_sec, row->expires_at, row->egress, metadata, network);
}

static char *get_text(wrn_store *store, const char *sql, const char *id) {
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *row = wrn_sql(store, sql, "t", id);
    const char *text = wrn_sql_step(store, row) == WRN_DB_OK ? (const char *)sqlite3_column_text(row, 0) : NULL;
    return text ? strdup(text) : NULL;
}

char *wrn_store_get_metadata(wrn_store *store, const char *id) {
    return get_text(store, "SELECT metadata FROM sandboxes WHERE id = ?", id);
}

char *wrn_store_get_network(wrn_store *store, const char *id) {
    return get_text(store, "SELECT network FROM sandboxes WHERE id = ?", id);
}

wrn_db wrn_store_set_network(wrn_store *store, const char *id, const char *egress, const char *network) {
    return wrn_sql_run(store, "UPDATE sandboxes SET egress = ?, network = ? WHERE id = ?", "ttt", egress, network, id);
}

wrn_db wrn_store_update_sandbox(wrn_store *store, const wrn_sandbox_row *row) {
    return wrn_sql_run(
        store,
        "UPDATE sandboxes SET status = ?, started_at = ?, last_active_at = ?, last_updated = ?, lifetime_sec = ?,"
        " expires_at = ? WHERE id = ?",
        "tiiiiit", row->status, row->started_at, row->last_active_at, row->last_updated, row->lifetime_sec,
        row->expires_at, row->id);
}

static void read_sandbox(sqlite3_stmt *from, wrn_sandbox_row *row) {
    wrn_sql_read(from, "ttttiiiiiiitiit", row->id, sizeof(row->id), row->team_id, sizeof(row->team_id), row->status,
                 sizeof(row->status), row->template_name, sizeof(row->template_name), &row->vcpus, &row->memory_mb,
                 &row->timeout_sec, &row->created_at, &row->started_at, &row->last_active_at, &row->last_updated,
                 row->backend, sizeof(row->backend), &row->lifetime_sec, &row->expires_at, row->egress,
                 sizeof(row->egress));
}

wrn_db wrn_store_get_sandbox(wrn_store *store, const char *team_id, const char *id, wrn_sandbox_row *out) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(
        store, "SELECT " COLUMNS " FROM sandboxes WHERE id = ?1 AND (?2 IS NULL OR team_id = ?2)", "tt", id, team_id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) read_sandbox(row, out);
    return outcome;
}

wrn_db wrn_store_list_sandboxes(wrn_store *store, const char *team_id, wrn_sandbox_fn each, void *context) {
    static const char of_team[] = "SELECT " COLUMNS " FROM sandboxes WHERE team_id = ?"
                                  " AND status NOT IN ('stopped', 'error') ORDER BY number DESC";
    static const char of_all[] = "SELECT " COLUMNS " FROM sandboxes WHERE status NOT IN ('stopped', 'error')"
                                 " ORDER BY number DESC";
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = team_id ? wrn_sql(store, of_team, "t", team_id) : wrn_sql(store, of_all, "");
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) {
        wrn_sandbox_row row;
        read_sandbox(rows, &row);
        each(context, &row, (const char *)sqlite3_column_text(rows, 15));
    }
    return outcome;
}
