#include "server/store/sql.h"

static void read_load(sqlite3_stmt *from, int column, wrn_load *out) {
    *out = (wrn_load){sqlite3_column_int64(from, column), sqlite3_column_int64(from, column + 1),
                      sqlite3_column_int64(from, column + 2)};
}

/* The first row's load; none gives WRN_DB_NONE. */
static wrn_db read_one(wrn_store *store, sqlite3_stmt *row, wrn_load *out) {
    *out = (wrn_load){0};
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) read_load(row, 0, out);
    if (row) sqlite3_reset(row);
    return outcome;
}

wrn_db wrn_store_get_load(wrn_store *store, const char *team_id, wrn_load *out) {
    /* The second condition is that of the index, word by word. */
    sqlite3_stmt *row = wrn_sql(store,
                                "SELECT COUNT(*), COALESCE(SUM(vcpus), 0), COALESCE(SUM(memory_mb), 0) FROM sandboxes"
                                " WHERE team_id = ? AND status NOT IN ('stopped', 'error') AND status = 'running'",
                                "t", team_id);
    return read_one(store, row, out);
}

wrn_db wrn_store_last_load(wrn_store *store, const char *team_id, wrn_load *out) {
    sqlite3_stmt *row = wrn_sql(store,
                                "SELECT last_running, last_vcpus, last_memory_mb FROM team_load WHERE team_id = ?"
                                " ORDER BY width DESC, start DESC LIMIT 1",
                                "t", team_id);
    wrn_db outcome = read_one(store, row, out);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : outcome;
}

wrn_db wrn_store_put_load(wrn_store *store, const char *team_id, int64_t width, int64_t start, const wrn_load *before,
                          const wrn_load *now) {
    return wrn_sql_run(
        store, wrn_sql(store,
                       "INSERT INTO team_load VALUES (?1, ?2, ?3, ?4, ?5, ?6, MAX(?4, ?7), MAX(?5, ?8), MAX(?6, ?9),"
                       " ?7, ?8, ?9) ON CONFLICT DO UPDATE SET max_running = MAX(max_running, ?7),"
                       " max_vcpus = MAX(max_vcpus, ?8), max_memory_mb = MAX(max_memory_mb, ?9),"
                       " last_running = ?7, last_vcpus = ?8, last_memory_mb = ?9",
                       "tiiiiiiii", team_id, width, start, before->running, before->vcpus, before->memory_mb,
                       now->running, now->vcpus, now->memory_mb));
}

wrn_db wrn_store_drop_loads(wrn_store *store, const char *team_id, int64_t width, int64_t before) {
    return wrn_sql_run(store, wrn_sql(store, "DELETE FROM team_load WHERE team_id = ? AND width = ? AND start < ?",
                                      "tii", team_id, width, before));
}

wrn_db wrn_store_list_loads(wrn_store *store, const char *team_id, int64_t width, int64_t since, wrn_load_fn each,
                            void *context) {
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT start, first_running, first_vcpus, first_memory_mb, max_running, max_vcpus,"
                                 " max_memory_mb, last_running, last_vcpus, last_memory_mb FROM team_load"
                                 " WHERE team_id = ? AND width = ? AND start >= ? ORDER BY start",
                                 "tii", team_id, width, since);
    wrn_db outcome;
    while ((outcome = wrn_sql_step(store, rows)) == WRN_DB_OK) {
        wrn_load_bucket bucket = {.start = sqlite3_column_int64(rows, 0)};
        read_load(rows, 1, &bucket.first);
        read_load(rows, 4, &bucket.max);
        read_load(rows, 7, &bucket.last);
        if (!each(context, &bucket)) break;
    }
    if (rows) sqlite3_reset(rows);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : WRN_DB_ERROR;
}

wrn_db wrn_store_add_usage(wrn_store *store, const char *team_id, const wrn_usage_day *more) {
    return wrn_sql_run(store, wrn_sql(store,
                                      "INSERT INTO team_usage (team_id, day, vcpu_ms, memory_mb_ms) VALUES (?, ?, ?, ?)"
                                      " ON CONFLICT DO UPDATE SET vcpu_ms = vcpu_ms + excluded.vcpu_ms,"
                                      " memory_mb_ms = memory_mb_ms + excluded.memory_mb_ms",
                                      "tiii", team_id, more->day, more->vcpu_ms, more->memory_mb_ms));
}

wrn_db wrn_store_list_usage(wrn_store *store, const char *team_id, int64_t from, int64_t to, wrn_usage_fn each,
                            void *context) {
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT day, vcpu_ms, memory_mb_ms FROM team_usage"
                                 " WHERE team_id = ? AND day BETWEEN ? AND ? ORDER BY day",
                                 "tii", team_id, from, to);
    wrn_db outcome;
    while ((outcome = wrn_sql_step(store, rows)) == WRN_DB_OK) {
        const wrn_usage_day day = {sqlite3_column_int64(rows, 0), sqlite3_column_int64(rows, 1),
                                   sqlite3_column_int64(rows, 2)};
        if (!each(context, &day)) break;
    }
    if (rows) sqlite3_reset(rows);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : WRN_DB_ERROR;
}
