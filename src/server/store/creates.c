#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/store/sql.h"

wrn_db wrn_store_add_create(wrn_store *store, const wrn_create_row *row, int64_t since) {
    wrn_db outcome = wrn_sql_run(store, wrn_sql(store, "DELETE FROM creates WHERE created_at < ?", "i", since));
    if (outcome == WRN_DB_ERROR) return outcome;
    return wrn_sql_run(
        store,
        wrn_sql(store, "INSERT INTO creates (team_id, key, asked, sandbox_id, created_at) VALUES (?, ?, ?, ?, ?)",
                "ttbti", row->team_id, row->key, row->asked.bytes, sizeof(row->asked.bytes), row->sandbox_id,
                wrn_unix_time()));
}

static bool read_row(sqlite3_stmt *from, wrn_create_row *row) {
    const void *asked = sqlite3_column_blob(from, 0);
    const char *answer = (const char *)sqlite3_column_text(from, 2);
    if (!asked || sqlite3_column_bytes(from, 0) != (int)sizeof(row->asked.bytes)) return false;
    memcpy(row->asked.bytes, asked, sizeof(row->asked.bytes));
    wrn_sql_text(from, 1, row->sandbox_id, sizeof(row->sandbox_id));
    row->answer = answer ? strdup(answer) : NULL;
    return !answer || row->answer;
}

wrn_db wrn_store_get_create(wrn_store *store, wrn_create_row *row, int64_t since) {
    sqlite3_stmt *found = wrn_sql(
        store, "SELECT asked, sandbox_id, answer FROM creates WHERE team_id = ? AND key = ? AND created_at >= ?", "tti",
        row->team_id, row->key, since);
    wrn_db outcome = wrn_sql_step(store, found);
    if (outcome == WRN_DB_OK && !read_row(found, row)) outcome = WRN_DB_ERROR;
    if (found) sqlite3_reset(found);
    return outcome;
}

wrn_db wrn_store_answer_create(wrn_store *store, const wrn_create_row *row, const char *answer) {
    return wrn_sql_run(store, wrn_sql(store, "UPDATE creates SET answer = ? WHERE team_id = ? AND key = ?", "ttt",
                                      answer, row->team_id, row->key));
}

wrn_db wrn_store_remove_create(wrn_store *store, const wrn_create_row *row) {
    return wrn_sql_run(
        store, wrn_sql(store, "DELETE FROM creates WHERE team_id = ? AND key = ?", "tt", row->team_id, row->key));
}
