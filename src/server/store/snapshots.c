#include <string.h>

#include "server/store/sql.h"

#define COLUMNS "id, team_id, name, base, vcpus, memory_mb, size_bytes, created_at"

static void read_snapshot(sqlite3_stmt *from, wrn_snapshot_row *row) {
    wrn_sql_read(from, "ttttiiii", row->id, sizeof(row->id), row->team_id, sizeof(row->team_id), row->name,
                 sizeof(row->name), row->base, sizeof(row->base), &row->vcpus, &row->memory_mb, &row->size_bytes,
                 &row->created_at);
}

wrn_db wrn_store_get_snapshot(wrn_store *store, const char *team_id, const char *name, wrn_snapshot_row *out) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row =
        wrn_sql(store, "SELECT " COLUMNS " FROM snapshots WHERE team_id = ? AND name = ?", "tt", team_id, name);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) read_snapshot(row, out);
    return outcome;
}

wrn_db wrn_store_add_snapshot(wrn_store *store, const wrn_snapshot_row *row, const char *of,
                              char replaced[WRN_ID_SIZE]) {
    wrn_snapshot_row before = {.id = ""};
    wrn_db outcome = wrn_store_begin(store);
    if (outcome == WRN_DB_OK && replaced) {
        outcome = wrn_store_get_snapshot(store, row->team_id, row->name, &before);
        if (outcome == WRN_DB_OK) outcome = wrn_store_remove_snapshot(store, before.id);
        if (outcome == WRN_DB_NONE) outcome = WRN_DB_OK;
    }
    if (outcome == WRN_DB_OK)
        outcome =
            wrn_sql_run(store,
                        "INSERT INTO snapshots (" COLUMNS ", network) VALUES (?, ?, ?, ?, ?, ?, ?, ?, (SELECT"
                        " coalesce(network, '{\"egress\":\"none\"}') FROM sandboxes WHERE id = ? AND own_network = 1))",
                        "ttttiiiit", row->id, row->team_id, row->name, row->base, row->vcpus, row->memory_mb,
                        row->size_bytes, row->created_at, of);
    if (replaced) memcpy(replaced, before.id, WRN_ID_SIZE);
    return wrn_store_end(store, outcome);
}

wrn_db wrn_store_get_snapshot_network(wrn_store *store, const char *team_id, const char *name, char **network) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row =
        wrn_sql(store, "SELECT network FROM snapshots WHERE team_id = ? AND name = ? AND network IS NOT NULL", "tt",
                team_id, name);
    wrn_db outcome = wrn_sql_step(store, row);
    *network = outcome == WRN_DB_OK ? strdup((const char *)sqlite3_column_text(row, 0)) : NULL;
    return outcome;
}

wrn_db wrn_store_list_snapshots(wrn_store *store, const char *team_id, wrn_snapshot_row_fn each, void *context) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows =
        wrn_sql(store, "SELECT " COLUMNS " FROM snapshots WHERE team_id = ? ORDER BY number DESC", "t", team_id);
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) {
        wrn_snapshot_row row;
        read_snapshot(rows, &row);
        each(context, &row);
    }
    return outcome;
}

wrn_db wrn_store_remove_snapshot(wrn_store *store, const char *id) {
    return wrn_sql_run(store, "DELETE FROM snapshots WHERE id = ?", "t", id);
}

wrn_db wrn_store_find_snapshot(wrn_store *store, const char *id) {
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM snapshots WHERE id = ?", "t", id);
    return wrn_sql_step(store, row);
}
