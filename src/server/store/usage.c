#include "server/store/sql.h"

/* Reads the load of the first row. */
static wrn_db read_load(wrn_store *store, sqlite3_stmt *row, wrn_load *out) {
    *out = (wrn_load){0};
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) wrn_sql_read(row, "iii", &out->running, &out->vcpus, &out->memory_mb);
    return outcome;
}

wrn_db wrn_store_get_load(wrn_store *store, const char *team_id, wrn_load *out) {
    /* NOT IN is the condition of the index, to the letter, so that SQLite uses it. */
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store,
                                "SELECT COUNT(*), COALESCE(SUM(vcpus), 0), COALESCE(SUM(memory_mb), 0) FROM sandboxes"
                                " WHERE team_id = ? AND status NOT IN ('stopped', 'error') AND status = 'running'",
                                "t", team_id);
    return read_load(store, row, out);
}

wrn_db wrn_store_last_load(wrn_store *store, const char *team_id, wrn_load *out) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store,
                                "SELECT last_running, last_vcpus, last_memory_mb FROM team_load WHERE team_id = ?"
                                " ORDER BY width DESC, start DESC LIMIT 1",
                                "t", team_id);
    wrn_db outcome = read_load(store, row, out);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : outcome;
}

wrn_db wrn_store_put_load(wrn_store *store, const char *team_id, int64_t width, int64_t start, const wrn_load *before,
                          const wrn_load *now) {
    return wrn_sql_run(store,
                       "INSERT INTO team_load VALUES (?1, ?2, ?3, ?4, ?5, ?6, MAX(?4, ?7), MAX(?5, ?8), MAX(?6, ?9),"
                       " ?7, ?8, ?9) ON CONFLICT DO UPDATE SET max_running = MAX(max_running, ?7),"
                       " max_vcpus = MAX(max_vcpus, ?8), max_memory_mb = MAX(max_memory_mb, ?9),"
                       " last_running = ?7, last_vcpus = ?8, last_memory_mb = ?9",
                       "tiiiiiiii", team_id, width, start, before->running, before->vcpus, before->memory_mb,
                       now->running, now->vcpus, now->memory_mb);
}

wrn_db wrn_store_drop_loads(wrn_store *store, const char *team_id, int64_t width, int64_t before) {
    return wrn_sql_run(store, "DELETE FROM team_load WHERE team_id = ? AND width = ? AND start < ?", "tii", team_id,
                       width, before);
}

wrn_db wrn_store_list_loads(wrn_store *store, const char *team_id, int64_t width, int64_t since, wrn_load_fn each,
                            void *context) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT start, first_running, first_vcpus, first_memory_mb, max_running, max_vcpus,"
                                 " max_memory_mb FROM team_load"
                                 " WHERE team_id = ? AND width = ? AND start >= ? ORDER BY start",
                                 "tii", team_id, width, since);
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) {
        wrn_load_bucket bucket;
        wrn_load *first = &bucket.first, *max = &bucket.max;
        wrn_sql_read(rows, "iiiiiii", &bucket.start, &first->running, &first->vcpus, &first->memory_mb, &max->running,
                     &max->vcpus, &max->memory_mb);
        each(context, &bucket);
    }
    return outcome;
}

wrn_db wrn_store_add_usage(wrn_store *store, const char *team_id, const wrn_usage_day *more) {
    return wrn_sql_run(store,
                       "INSERT INTO team_usage (team_id, day, vcpu_ms, memory_mb_ms) VALUES (?, ?, ?, ?)"
                       " ON CONFLICT DO UPDATE SET vcpu_ms = vcpu_ms + excluded.vcpu_ms,"
                       " memory_mb_ms = memory_mb_ms + excluded.memory_mb_ms",
                       "tiii", team_id, more->day, more->vcpu_ms, more->memory_mb_ms);
}

wrn_db wrn_store_list_usage(wrn_store *store, const char *team_id, int64_t from, int64_t to, wrn_usage_fn each,
                            void *context) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT day, vcpu_ms, memory_mb_ms FROM team_usage"
                                 " WHERE team_id = ? AND day BETWEEN ? AND ? ORDER BY day",
                                 "tii", team_id, from, to);
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) {
        wrn_usage_day day;
        wrn_sql_read(rows, "iii", &day.day, &day.vcpu_ms, &day.memory_mb_ms);
        each(context, &day);
    }
    return outcome;
}
