#include "server/store/sql.h"

wrn_db wrn_store_begin_batch(wrn_store *store) { return wrn_sql_begin(store); }

wrn_db wrn_store_end_batch(wrn_store *store, wrn_db so_far) { return wrn_sql_end(store, so_far); }

wrn_db wrn_store_put_point(wrn_store *store, const char *sandbox_id, int ring, int64_t slot, const wrn_point *point) {
    return wrn_sql_run(
        store, wrn_sql(store,
                       "INSERT OR REPLACE INTO metrics (sandbox, ring, slot, at, cpu_pct, mem_bytes, disk_bytes)"
                       " SELECT number, ?, ?, ?, ?, ?, ? FROM sandboxes WHERE id = ?",
                       "iiidiit", (int64_t)ring, slot, point->at, point->cpu_pct, point->mem_bytes, point->disk_bytes,
                       sandbox_id));
}

wrn_db wrn_store_list_points(wrn_store *store, const char *sandbox_id, int ring, int64_t since, wrn_point_fn each,
                             void *context) {
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT at, cpu_pct, mem_bytes, disk_bytes FROM metrics"
                                 " WHERE sandbox = (SELECT number FROM sandboxes WHERE id = ?) AND ring = ? AND at >= ?"
                                 " ORDER BY at",
                                 "tii", sandbox_id, (int64_t)ring, since);
    wrn_db outcome;
    while ((outcome = wrn_sql_step(store, rows)) == WRN_DB_OK) {
        const wrn_point point = {sqlite3_column_int64(rows, 0), sqlite3_column_double(rows, 1),
                                 sqlite3_column_int64(rows, 2), sqlite3_column_int64(rows, 3)};
        if (!each(context, &point)) break;
    }
    if (rows) sqlite3_reset(rows);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : WRN_DB_ERROR;
}

int64_t wrn_store_next_slot(wrn_store *store, const char *sandbox_id, int ring) {
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT slot + 1 FROM metrics"
                                 " WHERE sandbox = (SELECT number FROM sandboxes WHERE id = ?) AND ring = ?"
                                 " ORDER BY at DESC LIMIT 1",
                                 "ti", sandbox_id, (int64_t)ring);
    int64_t slot = wrn_sql_step(store, rows) == WRN_DB_OK ? sqlite3_column_int64(rows, 0) : 0;
    if (rows) sqlite3_reset(rows);
    return slot;
}

wrn_db wrn_store_drop_points(wrn_store *store, const char *sandbox_id) {
    return wrn_sql_run(store,
                       wrn_sql(store, "DELETE FROM metrics WHERE sandbox = (SELECT number FROM sandboxes WHERE id = ?)",
                               "t", sandbox_id));
}
