#include "server/store/sql.h"

/* TRIM_EVERY: how many events are added between two times that the oldest are deleted. */
enum { TRIM_EVERY = 64 };

static wrn_db trim(wrn_store *store, const char *team_id, int64_t newest) {
    return wrn_sql_run(store, "DELETE FROM events WHERE team_id = ? AND number <= ?", "ti", team_id,
                       newest - WRN_EVENTS_KEPT);
}

static wrn_db find_newest(wrn_store *store, const char *team_id, int64_t *newest) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store, "SELECT MAX(number) FROM events WHERE team_id = ?", "t", team_id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) wrn_sql_read(row, "i", newest);
    return outcome;
}

static wrn_db add_for_all(wrn_store *store, const wrn_event_row *row) {
    return wrn_sql_run(
        store,
        "INSERT INTO events SELECT id, 1 + COALESCE((SELECT MAX(number) FROM events WHERE team_id = id), 0),"
        " ?1, ?2, NULL, NULL, ?3 FROM teams",
        "itt", row->at_ms, row->type, row->details);
}

/* In one statement it would take SQLite a temporary table each time. */
wrn_db wrn_store_add_event(wrn_store *store, const wrn_event_row *row) {
    int64_t number = 0;
    if (!row->team_id) return add_for_all(store, row);
    wrn_db outcome = find_newest(store, row->team_id, &number);
    number++;
    if (outcome == WRN_DB_OK)
        outcome = wrn_sql_run(store,
                              "INSERT INTO events VALUES (?1, ?2, ?3, ?4, ?5,"
                              " (SELECT metadata FROM sandboxes WHERE id = ?5), ?6)",
                              "tiittt", row->team_id, number, row->at_ms, row->type, row->sandbox_id, row->details);
    return outcome == WRN_DB_OK && number % TRIM_EVERY == 0 ? trim(store, row->team_id, number) : outcome;
}

wrn_db wrn_store_get_events(wrn_store *store, const char *team_id, int64_t *oldest, int64_t *newest) {
    /* One of each: SQLite looks up MIN and MAX in the index only when they are alone. */
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store,
                                "SELECT (SELECT MIN(number) FROM events WHERE team_id = ?1),"
                                " (SELECT MAX(number) FROM events WHERE team_id = ?1)",
                                "t", team_id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) wrn_sql_read(row, "ii", oldest, newest);
    return outcome;
}

wrn_db wrn_store_list_events(wrn_store *store, const char *team_id, int64_t after, wrn_event_fn each, void *context) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = wrn_sql(store,
                                 "SELECT number, at_ms, type, sandbox_id, metadata, details FROM events"
                                 " WHERE team_id = ? AND number > ? ORDER BY number",
                                 "ti", team_id, after);
    wrn_db outcome;
    bool goes_on = true;
    while (goes_on && wrn_sql_next(store, rows, &outcome)) {
        wrn_event_row row = {.team_id = team_id,
                             .type = (const char *)sqlite3_column_text(rows, 2),
                             .sandbox_id = (const char *)sqlite3_column_text(rows, 3),
                             .metadata = (const char *)sqlite3_column_text(rows, 4),
                             .details = (const char *)sqlite3_column_text(rows, 5)};
        wrn_sql_read(rows, "ii", &row.number, &row.at_ms);
        goes_on = each(context, &row);
    }
    return goes_on ? outcome : WRN_DB_OK;
}
