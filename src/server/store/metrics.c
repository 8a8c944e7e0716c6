#include "server/store/sql.h"

#define COLUMN(type, name) ", " #name
#define MARK(type, name) ", ?"
#define KIND(type, name) "d"
#define VALUE(type, name) , (double)point->name
#define COLUMNS WRN_METRICS(COLUMN)
#define MARKS WRN_METRICS(MARK)

wrn_db wrn_store_put_point(wrn_store *store, const char *sandbox_id, int ring, int64_t slot, const wrn_point *point) {
    static const char put[] = "INSERT OR REPLACE INTO metrics (sandbox, ring, slot, at" COLUMNS ")"
                              " SELECT number, ?, ?, ?" MARKS " FROM sandboxes WHERE id = ?";
    return wrn_sql_run(store, put, "iii" WRN_METRICS(KIND) "t", (int64_t)ring, slot, point->at WRN_METRICS(VALUE),
                       sandbox_id);
}

wrn_db wrn_store_list_points(wrn_store *store, const char *sandbox_id, int ring, int64_t since, wrn_point_fn each,
                             void *context) {
    static const char list[] = "SELECT at" COLUMNS " FROM metrics"
                               " WHERE sandbox = (SELECT number FROM sandboxes WHERE id = ?) AND ring = ? AND at >= ?"
                               " ORDER BY at";
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *rows = wrn_sql(store, list, "tii", sandbox_id, (int64_t)ring, since);
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) {
        wrn_point point = {.at = sqlite3_column_int64(rows, 0)};
        int column = 1;
#define READ(type, name) point.name = (type)sqlite3_column_double(rows, column++);
        WRN_METRICS(READ)
        each(context, &point);
    }
    return outcome;
}

int64_t wrn_store_next_slot(wrn_store *store, const char *sandbox_id, int ring) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT slot + 1 FROM metrics"
                                 " WHERE sandbox = (SELECT number FROM sandboxes WHERE id = ?) AND ring = ?"
                                 " ORDER BY at DESC LIMIT 1",
                                 "ti", sandbox_id, (int64_t)ring);
    return wrn_sql_step(store, rows) == WRN_DB_OK ? sqlite3_column_int64(rows, 0) : 0;
}

wrn_db wrn_store_drop_points(wrn_store *store, const char *sandbox_id) {
    return wrn_sql_run(store, "DELETE FROM metrics WHERE sandbox = (SELECT number FROM sandboxes WHERE id = ?)", "t",
                       sandbox_id);
}
