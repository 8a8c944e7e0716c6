/* Inside of store/: prepared statements with typed parameters. */
#ifndef WRN_SERVER_STORE_SQL_H
#define WRN_SERVER_STORE_SQL_H

#include <sqlite3.h>

#include "server/lane.h"
#include "server/store/store.h"

enum { WRN_STATEMENTS_MAX = 64 };

struct wrn_store {
    sqlite3 *db;
    bool ephemeral;
    char *path, *log_path;
    uv_loop_t *loop; /* NULL: the log is emptied where it is written */
    wrn_job emptying;
    bool is_emptying;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cache[WRN_STATEMENTS_MAX]; /* by the address of its text: statements are literals */
};

/* A prepared statement with its parameters bound: 't' const char * (NULL is NULL), 'i' int64_t, 'd' double, 'b' const
 * void * and size_t. NULL on failure, logged. Valid until the same text is asked for again. */
sqlite3_stmt *wrn_sql(wrn_store *store, const char *sql, const char *types, ...);
/* Runs one that gives no rows. */
wrn_db wrn_sql_run(wrn_store *store, sqlite3_stmt *statement);
/* WRN_DB_OK when there is a row; the caller resets. */
wrn_db wrn_sql_step(wrn_store *store, sqlite3_stmt *statement);
/* Copies a text column, cut to fit. */
void wrn_sql_text(sqlite3_stmt *statement, int column, char *out, size_t size);
wrn_db wrn_sql_begin(wrn_store *store);
/* Commits when `so_far` is WRN_DB_OK, rolls back otherwise; the outcome of both. */
wrn_db wrn_sql_end(wrn_store *store, wrn_db so_far);

#endif
