#include "server/store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "server/log.h"
#include "server/store/sql.h"

/* The write-ahead log is checkpointed once it has this many pages of 4 KiB; SQLite waits for the disk when it restarts it. Each
 * is stored in a frame of LOG_FRAME bytes. */
enum { LOG_PAGES = 4096, LOG_FRAME = 4096 + 24 };

/* Migration i takes a file from version i to i + 1. Released migrations never change. */
static const char *const migrations[] = {
    "CREATE TABLE users ("
    " id TEXT PRIMARY KEY, email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password_hash TEXT,"
    " created_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE teams (id TEXT PRIMARY KEY, name TEXT NOT NULL, created_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE members ("
    " user_id TEXT NOT NULL REFERENCES users(id) ON DELETE CASCADE,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,"
    " role TEXT NOT NULL, is_default INTEGER NOT NULL, PRIMARY KEY (user_id, team_id)) STRICT;"
    "CREATE TABLE api_keys ("
    " number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,"
    " name TEXT NOT NULL, hash BLOB NOT NULL UNIQUE, prefix TEXT NOT NULL,"
    " created_by TEXT NOT NULL, created_at INTEGER NOT NULL, last_used INTEGER) STRICT;"
    "CREATE INDEX api_keys_by_team ON api_keys(team_id, number);"
    "CREATE TABLE sandboxes ("
    " number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,"
    " status TEXT NOT NULL, template TEXT NOT NULL, vcpus INTEGER NOT NULL, memory_mb INTEGER NOT NULL,"
    " timeout_sec INTEGER NOT NULL, created_at INTEGER NOT NULL, started_at INTEGER NOT NULL,"
    " last_active_at INTEGER NOT NULL, last_updated INTEGER NOT NULL) STRICT;"
    "CREATE INDEX sandboxes_alive ON sandboxes(team_id, number) WHERE status NOT IN ('stopped', 'error');",
    "ALTER TABLE users ADD COLUMN is_admin INTEGER NOT NULL DEFAULT 0;"
    "UPDATE users SET is_admin = 1 WHERE email = 'owner@localhost';"
    "CREATE TABLE hosts ("
    " number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, type TEXT NOT NULL, status TEXT NOT NULL,"
    " team_id TEXT REFERENCES teams(id) ON DELETE CASCADE, built_in INTEGER NOT NULL DEFAULT 0,"
    " provider TEXT, availability_zone TEXT, arch TEXT, address TEXT,"
    " cpu_cores INTEGER, memory_mb INTEGER, disk_gb INTEGER, heartbeat_at INTEGER,"
    " created_by TEXT NOT NULL, created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX hosts_built_in ON hosts(built_in) WHERE built_in = 1;"
    "CREATE TABLE host_tokens ("
    " hash BLOB PRIMARY KEY, host_id TEXT NOT NULL REFERENCES hosts(id) ON DELETE CASCADE,"
    " kind TEXT NOT NULL, used INTEGER NOT NULL DEFAULT 0, expires_at INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX host_tokens_by_host ON host_tokens(host_id);"
    "CREATE TABLE host_tags ("
    " host_id TEXT NOT NULL REFERENCES hosts(id) ON DELETE CASCADE, tag TEXT NOT NULL,"
    " PRIMARY KEY (host_id, tag)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE metrics ("
    " sandbox INTEGER NOT NULL REFERENCES sandboxes(number) ON DELETE CASCADE,"
    " ring INTEGER NOT NULL, slot INTEGER NOT NULL, at INTEGER NOT NULL, cpu_pct REAL NOT NULL,"
    " mem_bytes INTEGER NOT NULL, disk_bytes INTEGER NOT NULL,"
    " PRIMARY KEY (sandbox, ring, slot)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE team_load ("
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, width INTEGER NOT NULL, start INTEGER NOT NULL,"
    " first_running INTEGER NOT NULL, first_vcpus INTEGER NOT NULL, first_memory_mb INTEGER NOT NULL,"
    " max_running INTEGER NOT NULL, max_vcpus INTEGER NOT NULL, max_memory_mb INTEGER NOT NULL,"
    " last_running INTEGER NOT NULL, last_vcpus INTEGER NOT NULL, last_memory_mb INTEGER NOT NULL,"
    " PRIMARY KEY (team_id, width, start)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE team_usage ("
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, day INTEGER NOT NULL,"
    " vcpu_ms INTEGER NOT NULL, memory_mb_ms INTEGER NOT NULL, PRIMARY KEY (team_id, day)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE snapshots ("
    " number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,"
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE,"
    " name TEXT NOT NULL, base TEXT NOT NULL, vcpus INTEGER NOT NULL, memory_mb INTEGER NOT NULL,"
    " size_bytes INTEGER NOT NULL, created_at INTEGER NOT NULL, UNIQUE (team_id, name)) STRICT;",
    "CREATE TABLE creates ("
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, key TEXT NOT NULL, asked BLOB NOT NULL,"
    " sandbox_id TEXT NOT NULL, answer TEXT, created_at INTEGER NOT NULL,"
    " PRIMARY KEY (team_id, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX creates_by_age ON creates(created_at);",
    "ALTER TABLE sandboxes ADD COLUMN metadata TEXT;",
    "ALTER TABLE sandboxes ADD COLUMN backend TEXT NOT NULL DEFAULT 'ns';", /* until then there was no other */
    "ALTER TABLE sandboxes ADD COLUMN lifetime_sec INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE sandboxes ADD COLUMN expires_at INTEGER NOT NULL DEFAULT 0;",
    "ALTER TABLE sandboxes ADD COLUMN lease_sec INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX sandboxes_by_name ON sandboxes(team_id, json_extract(metadata, '$.name'))"
    " WHERE status NOT IN ('stopped', 'error');",
    "ALTER TABLE sandboxes ADD COLUMN egress TEXT NOT NULL DEFAULT 'none';",
    "ALTER TABLE sandboxes ADD COLUMN network TEXT;",
    "CREATE TABLE events ("
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, number INTEGER NOT NULL, at_ms INTEGER NOT NULL,"
    " type TEXT NOT NULL, sandbox_id TEXT, metadata TEXT, details TEXT NOT NULL,"
    " PRIMARY KEY (team_id, number)) STRICT, WITHOUT ROWID;",
    "CREATE TABLE secrets ("
    " team_id TEXT NOT NULL REFERENCES teams(id) ON DELETE CASCADE, name TEXT NOT NULL, value BLOB NOT NULL,"
    " created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, PRIMARY KEY (team_id, name)) STRICT, WITHOUT ROWID;"
    "ALTER TABLE sandboxes ADD COLUMN authority BLOB;",
    "ALTER TABLE sandboxes ADD COLUMN disk_mb INTEGER NOT NULL DEFAULT 0;",
    /* Until then nobody wrote down who wanted a network: it counts as asked for. */
    "ALTER TABLE sandboxes ADD COLUMN own_network INTEGER NOT NULL DEFAULT 0;"
    "UPDATE sandboxes SET own_network = 1 WHERE network IS NOT NULL;"
    "ALTER TABLE snapshots ADD COLUMN network TEXT;",
};

static wrn_db report_error(wrn_store *store, const char *what) {
    int code = sqlite3_extended_errcode(store->db);
    if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY) return WRN_DB_TAKEN;
    wrn_log_error("database: %s: %s", what, sqlite3_errmsg(store->db));
    return WRN_DB_ERROR;
}

static sqlite3_stmt *prepared(wrn_store *store, const char *sql) {
    size_t i = 0;
    while (i < WRN_STATEMENTS_MAX && store->cache[i].sql && store->cache[i].sql != sql) i++;
    if (i == WRN_STATEMENTS_MAX) {
        wrn_log_error("database: more than %d statements", WRN_STATEMENTS_MAX);
        return NULL;
    }
    if (store->cache[i].sql) {
        sqlite3_reset(store->cache[i].statement);
        return store->cache[i].statement;
    }
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v3(store->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) != SQLITE_OK) {
        report_error(store, sql);
        return NULL;
    }
    store->cache[i].sql = sql;
    store->cache[i].statement = statement;
    return statement;
}

static sqlite3_stmt *bound(wrn_store *store, const char *sql, const char *types, va_list args) {
    sqlite3_stmt *statement = prepared(store, sql);
    int error = statement ? SQLITE_OK : SQLITE_ERROR;
    for (int i = 0; types[i] && error == SQLITE_OK; i++) {
        if (types[i] == 't') {
            error = sqlite3_bind_text(statement, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        } else if (types[i] == 'i') {
            error = sqlite3_bind_int64(statement, i + 1, va_arg(args, int64_t));
        } else if (types[i] == 'd') {
            error = sqlite3_bind_double(statement, i + 1, va_arg(args, double));
        } else {
            const void *data = va_arg(args, const void *);
            error = sqlite3_bind_blob64(statement, i + 1, data, va_arg(args, size_t), SQLITE_TRANSIENT);
        }
    }
    if (error == SQLITE_OK) return statement;
    if (statement) report_error(store, sql);
    return NULL;
}

sqlite3_stmt *wrn_sql(wrn_store *store, const char *sql, const char *types, ...) {
    va_list args;
    va_start(args, types);
    sqlite3_stmt *statement = bound(store, sql, types, args);
    va_end(args);
    return statement;
}

wrn_db wrn_sql_step(wrn_store *store, sqlite3_stmt *statement) {
    if (!statement) return WRN_DB_ERROR;
    int code = sqlite3_step(statement);
    if (code == SQLITE_ROW) return WRN_DB_OK;
    if (code == SQLITE_DONE) return WRN_DB_NONE;
    return report_error(store, sqlite3_sql(statement));
}

bool wrn_sql_next(wrn_store *store, sqlite3_stmt *rows, wrn_db *outcome) {
    wrn_db step = wrn_sql_step(store, rows);
    *outcome = step == WRN_DB_NONE ? WRN_DB_OK : step;
    return step == WRN_DB_OK;
}

void wrn_sql_read(sqlite3_stmt *row, const char *types, ...) {
    va_list args;
    va_start(args, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 't') {
            const char *text = (const char *)sqlite3_column_text(row, i);
            char *out = va_arg(args, char *);
            snprintf(out, va_arg(args, size_t), "%s", text ? text : "");
        } else if (types[i] == 'i') {
            *va_arg(args, int64_t *) = sqlite3_column_int64(row, i);
        } else {
            *va_arg(args, bool *) = sqlite3_column_int(row, i) != 0;
        }
    }
    va_end(args);
}

void wrn_sql_reset(sqlite3_stmt **statement) { sqlite3_reset(*statement); }

wrn_db wrn_sql_run(wrn_store *store, const char *sql, const char *types, ...) {
    va_list args;
    va_start(args, types);
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *statement = bound(store, sql, types, args);
    va_end(args);
    wrn_db outcome = wrn_sql_step(store, statement);
    return outcome == WRN_DB_NONE ? WRN_DB_OK : outcome;
}

static bool execute(wrn_store *store, const char *sql) {
    return sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

wrn_db wrn_store_begin(wrn_store *store) {
    return execute(store, "BEGIN IMMEDIATE") ? WRN_DB_OK : report_error(store, "BEGIN");
}

wrn_db wrn_store_end(wrn_store *store, wrn_db so_far) {
    if (so_far == WRN_DB_OK && !execute(store, "COMMIT")) so_far = report_error(store, "COMMIT");
    if (so_far != WRN_DB_OK) execute(store, "ROLLBACK");
    return so_far;
}

/* ---- the disk ----
 *
 * A commit appends to SQLite's write-ahead log, which the kernel writes to the disk when it likes. Checkpoints copy the log
 * into the database, and wait for the disk. */

bool wrn_store_sync(const wrn_store *store) {
    if (store->ephemeral) return true;
    int fd = open(store->log_path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && fdatasync(fd) == 0;
    int error = errno;
    if (fd >= 0) close(fd);
    if (ok || (fd < 0 && error == ENOENT)) return true; /* no log: everything is in the database */
    wrn_log_error("database: cannot write %s to the disk: %s", store->log_path, strerror(error));
    return false;
}

/* Another thread needs another connection. A passive checkpoint does not block readers and writers. */
static void run_checkpoint(wrn_job *job) {
    const wrn_store *store = WRN_OWNER(job, wrn_store, checkpoint);
    sqlite3 *db = NULL;
    int code = sqlite3_open_v2(store->path, &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
    if (code == SQLITE_OK) code = sqlite3_exec(db, "PRAGMA wal_checkpoint(PASSIVE)", NULL, NULL, NULL);
    if (code != SQLITE_OK && code != SQLITE_BUSY)
        wrn_log_error("database: cannot checkpoint %s: %s", store->log_path, sqlite3_errstr(code));
    sqlite3_close(db);
}

static void end_checkpoint(wrn_job *job) {
    wrn_store *store = WRN_OWNER(job, wrn_store, checkpoint);
    store->checkpointing = false;
}

static int store_on_commit(void *context, sqlite3 *db, const char *name, int pages) {
    wrn_store *store = context;
    (void)db, (void)name;
    if (pages < LOG_PAGES || store->checkpointing) return SQLITE_OK;
    store->checkpointing = true;
    wrn_lane_put(store->loop, WRN_LANE_SYNC, &store->checkpoint, run_checkpoint, end_checkpoint);
    return SQLITE_OK;
}

/* A commit that makes the log longer waits while the kernel writes other parts of it to the disk; one inside of it does not.
 * SQLite looks at the log's frames, not at its size. Without room, or on a file system that cannot do it, the log grows. */
static void reserve_log(const wrn_store *store) {
    int fd = open(store->log_path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return;
    (void)!fallocate(fd, 0, 0, (off_t)LOG_PAGES * LOG_FRAME);
    close(fd);
}

void wrn_store_use_loop(wrn_store *store, uv_loop_t *loop) {
    if (store->ephemeral) return;
    store->loop = loop;
    sqlite3_wal_hook(store->db, store_on_commit, store); /* replaces SQLite's, which checkpoints at once */
    reserve_log(store);
}

static int schema_version(wrn_store *store) {
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *row = wrn_sql(store, "PRAGMA user_version", "");
    return wrn_sql_step(store, row) == WRN_DB_OK ? sqlite3_column_int(row, 0) : -1;
}

static bool has_metric(wrn_store *store, const char *name) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM pragma_table_info('metrics') WHERE name = ?", "t", name);
    return wrn_sql_step(store, row) == WRN_DB_OK;
}

/* A metric that is new in WRN_METRICS gets its column here. */
static bool add_metrics(wrn_store *store) {
#define ADD_METRIC(type, name)                                                               \
    if (!has_metric(store, #name) &&                                                         \
        !execute(store, "ALTER TABLE metrics ADD COLUMN " #name " REAL NOT NULL DEFAULT 0")) \
        return false;
    WRN_METRICS(ADD_METRIC)
    return true;
}

/* SQLite says "disk I/O error" of a full disk. */
static const char *store_problem(const wrn_store *store) {
    int why = (sqlite3_errcode(store->db) & 0xff) == SQLITE_IOERR ? sqlite3_system_errno(store->db) : 0;
    return why ? strerror(why) : sqlite3_errmsg(store->db);
}

static bool migrate(wrn_store *store, wrn_why *why) {
    int version = schema_version(store);
    if (version > (int)WRN_COUNT(migrations))
        return wrn_why_set(why, "the database has version %d and this wrennd knows up to %zu; install a newer wrennd",
                           version, WRN_COUNT(migrations));
    for (; version >= 0 && version < (int)WRN_COUNT(migrations); version++) {
        char set_version[48];
        snprintf(set_version, sizeof(set_version), "PRAGMA user_version = %d", version + 1);
        bool ok = execute(store, "BEGIN IMMEDIATE") && execute(store, migrations[version]) &&
                  execute(store, set_version) && execute(store, "COMMIT");
        if (!ok) break;
    }
    if (version == (int)WRN_COUNT(migrations) && add_metrics(store)) return true;
    return wrn_why_set(why, "cannot prepare the database %s: %s", store->path, store_problem(store));
}

wrn_store *wrn_store_open(const char *path, bool ephemeral, wrn_why *why) {
    wrn_store *store = calloc(1, sizeof(*store));
    store->ephemeral = ephemeral;
    store->path = strdup(path);
    store->log_path = sqlite3_mprintf("%s-wal", path);
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
    const char *setup = ephemeral ? "PRAGMA journal_mode = MEMORY; PRAGMA synchronous = OFF; PRAGMA foreign_keys = ON;"
                                  : "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON;";
    if (sqlite3_open_v2(path, &store->db, flags, NULL) != SQLITE_OK || !execute(store, setup)) {
        wrn_why_set(why, "cannot open the database %s: %s", path, store_problem(store));
        wrn_store_close(store);
        return NULL;
    }
    sqlite3_busy_timeout(store->db, 2000); /* for other programs, such as the sqlite3 shell */
    if (migrate(store, why)) return store;
    wrn_store_close(store);
    return NULL;
}

void wrn_store_close(wrn_store *store) {
    if (!store) return;
    for (size_t i = 0; i < WRN_STATEMENTS_MAX; i++) sqlite3_finalize(store->cache[i].statement);
    sqlite3_close(store->db);
    sodium_free(store->secrets_key);
    sqlite3_free(store->log_path);
    free(store->path);
    free(store);
}
