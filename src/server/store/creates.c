#include <string.h>

#include "base/clock.h"
#include "server/store/sql.h"

wrn_db wrn_store_add_create(wrn_store *store, const wrn_create_row *row, int64_t since) {
    wrn_db outcome = wrn_sql_run(store, "DELETE FROM creates WHERE created_at < ?", "i", since);
    if (outcome != WRN_DB_OK) return outcome;
    return wrn_sql_run(
        store, "INSERT INTO creates (team_id, key, asked, sandbox_id, created_at) VALUES (?, ?, ?, ?, ?)", "ttbti",
        row->team_id, row->key, row->asked.bytes, sizeof(row->asked.bytes), row->sandbox_id, wrn_unix_time());
}

wrn_db wrn_store_get_create(wrn_store *store, wrn_create_row *row, int64_t since) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *found = wrn_sql(
        store, "SELECT sandbox_id, asked, answer FROM creates WHERE team_id = ? AND key = ? AND created_at >= ?", "tti",
        row->team_id, row->key, since);
    wrn_db outcome = wrn_sql_step(store, found);
    if (outcome != WRN_DB_OK) return outcome;
    const void *asked = sqlite3_column_blob(found, 1);
    const char *answer = (const char *)sqlite3_column_text(found, 2);
    if (!asked || sqlite3_column_bytes(found, 1) != (int)sizeof(row->asked.bytes)) return WRN_DB_ERROR;
    memcpy(row->asked.bytes, asked, sizeof(row->asked.bytes));
    wrn_sql_read(found, "t", row->sandbox_id, sizeof(row->sandbox_id));
    row->answer = answer ? strdup(answer) : NULL;
    return WRN_DB_OK;
}

wrn_db wrn_store_answer_create(wrn_store *store, const wrn_create_row *row, const char *answer) {
    return wrn_sql_run(store, "UPDATE creates SET answer = ? WHERE team_id = ? AND key = ?", "ttt", answer,
                       row->team_id, row->key);
}

wrn_db wrn_store_remove_create(wrn_store *store, const wrn_create_row *row) {
    return wrn_sql_run(store, "DELETE FROM creates WHERE team_id = ? AND key = ?", "tt", row->team_id, row->key);
}
