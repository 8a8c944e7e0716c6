#include <string.h>

#include "server/store/sql.h"

#define COLUMNS "id, team_id, name, base, vcpus, memory_mb, size_bytes, created_at"

static void read_row(sqlite3_stmt *from, wrn_snapshot_row *row) {
    wrn_sql_text(from, 0, row->id, sizeof(row->id));
    wrn_sql_text(from, 1, row->team_id, sizeof(row->team_id));
    wrn_sql_text(from, 2, row->name, sizeof(row->name));
    wrn_sql_text(from, 3, row->base, sizeof(row->base));
    int64_t *const numbers[] = {&row->vcpus, &row->memory_mb, &row->size_bytes, &row->created_at};
    for (int i = 0; i < 4; i++) *numbers[i] = sqlite3_column_int64(from, 4 + i);
}

wrn_db wrn_store_get_snapshot(wrn_store *store, const char *team_id, const char *name, wrn_snapshot_row *out) {
    sqlite3_stmt *row =
        wrn_sql(store, "SELECT " COLUMNS " FROM snapshots WHERE team_id = ? AND name = ?", "tt", team_id, name);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) read_row(row, out);
    if (row) sqlite3_reset(row);
    return outcome;
}

wrn_db wrn_store_add_snapshot(wrn_store *store, const wrn_snapshot_row *row, char replaced[WRN_ID_SIZE]) {
    wrn_snapshot_row before = {.id = ""};
    wrn_db outcome = wrn_sql_begin(store);
    if (outcome != WRN_DB_OK) return outcome;
    if (replaced) {
        outcome = wrn_store_get_snapshot(store, row->team_id, row->name, &before);
        if (outcome == WRN_DB_OK) outcome = wrn_store_remove_snapshot(store, before.id);
        if (outcome == WRN_DB_NONE) outcome = WRN_DB_OK;
    }
    if (outcome == WRN_DB_OK)
        outcome =
            wrn_sql_run(store, wrn_sql(store, "INSERT INTO snapshots (" COLUMNS ") VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                                       "ttttiiii", row->id, row->team_id, row->name, row->base, row->vcpus,
                                       row->memory_mb, row->size_bytes, row->created_at));
    outcome = wrn_sql_end(store, outcome);
    if (replaced) memcpy(replaced, before.id, WRN_ID_SIZE);
    return outcome;
}

wrn_db wrn_store_list_snapshots(wrn_store *store, const char *team_id, wrn_snapshot_row_fn each, void *context) {
    sqlite3_stmt *rows =
        wrn_sql(store, "SELECT " COLUMNS " FROM snapshots WHERE team_id = ? ORDER BY number DESC", "t", team_id);
    wrn_db outcome;
    while ((outcome = wrn_sql_step(store, rows)) == WRN_DB_OK) {
        wrn_snapshot_row row;
        read_row(rows, &row);
        if (!each(context, &row)) break;
    }
    if (rows) sqlite3_reset(rows);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : WRN_DB_ERROR;
}

wrn_db wrn_store_remove_snapshot(wrn_store *store, const char *id) {
    return wrn_sql_run(store, wrn_sql(store, "DELETE FROM snapshots WHERE id = ?", "t", id));
}

wrn_db wrn_store_find_snapshot(wrn_store *store, const char *id) {
    sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM snapshots WHERE id = ?", "t", id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (row) sqlite3_reset(row);
    return outcome;
}
