#include <stdlib.h>
#include <string.h>

#include "server/store/sql.h"

#define WRITTEN                                                                                             \
    "id, team_id, status, template, vcpus, memory_mb, timeout_sec, created_at, started_at, last_active_at," \
    " last_updated, backend, metadata"
#define COLUMNS WRITTEN " IS NOT NULL"

wrn_db wrn_store_add_sandbox(wrn_store *store, const wrn_sandbox_row *row, const char *metadata) {
    return wrn_sql_run(
        store, wrn_sql(store, "INSERT INTO sandboxes (" WRITTEN ") VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       "ttttiiiiiiitt", row->id, row->team_id, row->status, row->template_name, row->vcpus,
                       row->memory_mb, row->timeout_sec, row->created_at, row->started_at, row->last_active_at,
                       row->last_updated, row->backend, metadata));
}

wrn_db wrn_store_get_metadata(wrn_store *store, const char *id, char **out) {
    sqlite3_stmt *row = wrn_sql(store, "SELECT metadata FROM sandboxes WHERE id = ? AND metadata IS NOT NULL", "t", id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) *out = strdup((const char *)sqlite3_column_text(row, 0));
    if (row) sqlite3_reset(row);
    return outcome;
}

wrn_db wrn_store_update_sandbox(wrn_store *store, const wrn_sandbox_row *row) {
    return wrn_sql_run(store,
                       wrn_sql(store,
                               "UPDATE sandboxes SET status = ?, started_at = ?, last_active_at = ?, last_updated = ?"
                               " WHERE id = ?",
                               "tiiit", row->status, row->started_at, row->last_active_at, row->last_updated, row->id));
}

static void read_row(sqlite3_stmt *from, wrn_sandbox_row *row) {
    wrn_sql_text(from, 0, row->id, sizeof(row->id));
    wrn_sql_text(from, 1, row->team_id, sizeof(row->team_id));
    wrn_sql_text(from, 2, row->status, sizeof(row->status));
    wrn_sql_text(from, 3, row->template_name, sizeof(row->template_name));
    int64_t *const numbers[] = {&row->vcpus,      &row->memory_mb,      &row->timeout_sec, &row->created_at,
                                &row->started_at, &row->last_active_at, &row->last_updated};
    for (int i = 0; i < 7; i++) *numbers[i] = sqlite3_column_int64(from, 4 + i);
    wrn_sql_text(from, 11, row->backend, sizeof(row->backend));
    row->has_metadata = sqlite3_column_int(from, 12) != 0;
}

wrn_db wrn_store_get_sandbox(wrn_store *store, const char *team_id, const char *id, wrn_sandbox_row *out) {
    sqlite3_stmt *row = wrn_sql(
        store, "SELECT " COLUMNS " FROM sandboxes WHERE id = ?1 AND (?2 IS NULL OR team_id = ?2)", "tt", id, team_id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) read_row(row, out);
    if (row) sqlite3_reset(row);
    return outcome;
}

wrn_db wrn_store_list_sandboxes(wrn_store *store, const char *team_id, wrn_sandbox_fn each, void *context) {
    static const char of_team[] = "SELECT " COLUMNS " FROM sandboxes WHERE team_id = ?"
                                  " AND status NOT IN ('stopped', 'error') ORDER BY number DESC";
    static const char of_all[] = "SELECT " COLUMNS " FROM sandboxes WHERE status NOT IN ('stopped', 'error')"
                                 " ORDER BY number DESC";
    sqlite3_stmt *rows = team_id ? wrn_sql(store, of_team, "t", team_id) : wrn_sql(store, of_all, "");
    wrn_db outcome;
    while ((outcome = wrn_sql_step(store, rows)) == WRN_DB_OK) {
        wrn_sandbox_row row;
        read_row(rows, &row);
        if (!each(context, &row)) break;
    }
    if (rows) sqlite3_reset(rows);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : WRN_DB_ERROR;
}
