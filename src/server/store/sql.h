/* Inside of store/: prepared statements with typed parameters and results. */
#pragma once

#include <sqlite3.h>

#include "base/auto.h"
#include "server/lane.h"
#include "server/store/store.h"

enum { WRN_STATEMENTS_MAX = 96 };

struct wrn_store {
    sqlite3 *db;
    bool ephemeral;
    char *path, *log_path;
    uv_loop_t *loop;            /* NULL: checkpoints run inside the commit */
    unsigned char *secrets_key; /* sodium_malloc(); NULL: not needed yet */
    wrn_job checkpoint;
    bool checkpointing;
    struct {
        const char *sql;
        sqlite3_stmt *statement;
    } cache[WRN_STATEMENTS_MAX]; /* keyed by the address of the SQL text: statements are literals */
};

/* Binds the parameters of a statement and returns it, ready to step; NULL on failure, which is logged. Types: 't' const
 * char * (NULL is NULL), 'i' int64_t, 'd' double, 'b' const void * and size_t. Valid until the same text is asked for
 * again. Declare the result with WRN_AUTO(wrn_sql_reset). */
sqlite3_stmt *wrn_sql(wrn_store *store, const char *sql, const char *types, ...);
/* WRN_DB_OK when there is a row. */
wrn_db wrn_sql_step(wrn_store *store, sqlite3_stmt *statement);
/* For listings: true when there is another row; otherwise *outcome is WRN_DB_OK or WRN_DB_ERROR. */
bool wrn_sql_next(wrn_store *store, sqlite3_stmt *rows, wrn_db *outcome);
/* Copies the columns of a row, from the first one on. Types: 't' char * and size_t (cut to fit; NULL gives ""), 'i'
 * int64_t *, 'b' bool *. */
void wrn_sql_read(sqlite3_stmt *row, const char *types, ...);
void wrn_sql_reset(sqlite3_stmt **statement);
/* Runs a statement that gives no rows. */
wrn_db wrn_sql_run(wrn_store *store, const char *sql, const char *types, ...);
