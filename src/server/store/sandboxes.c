#include <string.h>

#include "server/store/sql.h"

#define COLUMNS                                                                                             \
    "id, team_id, status, template, vcpus, memory_mb, timeout_sec, created_at, started_at, last_active_at," \
    " last_updated, backend, lifetime_sec, expires_at, lease_sec, egress, disk_mb, own_network, metadata"
/* As in the partial indexes. */
#define ALIVE "status NOT IN ('stopped', 'error')"

wrn_db wrn_store_add_sandbox(wrn_store *store, const wrn_sandbox_row *row, const char *metadata, const char *network) {
    return wrn_sql_run(store,
                       "INSERT INTO sandboxes (" COLUMNS
                       ", network) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                       "ttttiiiiiiitiiitiitt", row->id, row->team_id, row->status, row->template_name, row->vcpus,
                       row->memory_mb, row->timeout_sec, row->created_at, row->started_at, row->last_active_at,
                       row->last_updated, row->backend, row->lifetime_sec, row->expires_at, row->lease_sec, row->egress,
                       row->disk_mb, (int64_t)row->own_network, metadata, network);
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
    return wrn_sql_run(store, "UPDATE sandboxes SET egress = ?, network = ?, own_network = 1 WHERE id = ?", "ttt",
                       egress, network, id);
}

wrn_db wrn_store_set_metadata(wrn_store *store, const char *id, const char *metadata) {
    return wrn_sql_run(store, "UPDATE sandboxes SET metadata = ? WHERE id = ?", "tt", metadata, id);
}

wrn_db wrn_store_find_namesake(wrn_store *store, const char *team_id, const char *id, const char *metadata,
                               char out[WRN_ID_SIZE]) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store,
                                "SELECT id FROM sandboxes WHERE team_id = ?1 AND " ALIVE " AND id <> ?2"
                                " AND json_extract(metadata, '$.name') = nullif(json_extract(?3, '$.name'), '')",
                                "ttt", team_id, id, metadata);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) wrn_sql_read(row, "t", out, (size_t)WRN_ID_SIZE);
    return outcome;
}

wrn_db wrn_store_update_sandbox(wrn_store *store, const wrn_sandbox_row *row) {
    return wrn_sql_run(
        store,
        "UPDATE sandboxes SET status = ?1, started_at = ?, last_active_at = ?, last_updated = ?, lifetime_sec = ?,"
        " expires_at = ?, authority = iif(?1 IN ('stopped', 'error'), NULL, authority) WHERE id = ?",
        "tiiiiit", row->status, row->started_at, row->last_active_at, row->last_updated, row->lifetime_sec,
        row->expires_at, row->id);
}

static void read_sandbox(sqlite3_stmt *from, wrn_sandbox_row *row) {
    wrn_sql_read(from, "ttttiiiiiiitiiitib", row->id, sizeof(row->id), row->team_id, sizeof(row->team_id), row->status,
                 sizeof(row->status), row->template_name, sizeof(row->template_name), &row->vcpus, &row->memory_mb,
                 &row->timeout_sec, &row->created_at, &row->started_at, &row->last_active_at, &row->last_updated,
                 row->backend, sizeof(row->backend), &row->lifetime_sec, &row->expires_at, &row->lease_sec, row->egress,
                 sizeof(row->egress), &row->disk_mb, &row->own_network);
}

wrn_db wrn_store_get_sandbox(wrn_store *store, const char *team_id, const char *id, wrn_sandbox_row *out) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(
        store, "SELECT " COLUMNS " FROM sandboxes WHERE id = ?1 AND (?2 IS NULL OR team_id = ?2)", "tt", id, team_id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) read_sandbox(row, out);
    return outcome;
}

/* The place of a sandbox in listings. */
static wrn_db find_number(wrn_store *store, const char *team_id, const char *id, int64_t *number) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store, "SELECT number FROM sandboxes WHERE team_id = ? AND id = ?", "tt", team_id, id);
    wrn_db outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK) wrn_sql_read(row, "i", number);
    return outcome;
}

/* Quotes within names and values are escaped, so no other text has the label in it. */
bool wrn_store_has_labels(const char *metadata, const wrn_sandbox_filter *filter) {
    for (size_t i = 0; i < filter->label_count; i++)
        if (!metadata || !strstr(metadata, filter->labels[i])) return false;
    return true;
}

wrn_db wrn_store_list_sandboxes(wrn_store *store, const wrn_sandbox_filter *filter, wrn_sandbox_fn each,
                                void *context) {
#define FILTERED                                                                               \
    ALIVE " AND number < ?2 AND (?3 IS NULL OR status = ?3) AND (?4 IS NULL OR template = ?4)" \
          " AND (?5 IS NULL OR ?5 IN (substr(id, 1, length(?5)), substr(id, 4, length(?5))))"  \
          " ORDER BY number DESC"
    static const char of_team[] = "SELECT " COLUMNS " FROM sandboxes WHERE team_id = ?1 AND " FILTERED;
    static const char of_all[] = "SELECT " COLUMNS " FROM sandboxes WHERE ?1 IS NULL AND " FILTERED;
    int64_t before = INT64_MAX, left = filter->limit ? filter->limit : INT64_MAX;
    wrn_db outcome = filter->after ? find_number(store, filter->team_id, filter->after, &before) : WRN_DB_OK;
    if (outcome != WRN_DB_OK) return outcome;
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = wrn_sql(store, filter->team_id ? of_team : of_all, "tittt", filter->team_id, before,
                                 filter->status, filter->template_name, filter->id_prefix);
    while (left && wrn_sql_next(store, rows, &outcome)) {
        wrn_sandbox_row row;
        const char *metadata = (const char *)sqlite3_column_text(rows, 18);
        if (!wrn_store_has_labels(metadata, filter)) continue;
        read_sandbox(rows, &row);
        each(context, &row, metadata);
        left--;
    }
    return outcome;
}
