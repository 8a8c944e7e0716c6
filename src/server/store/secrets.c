#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "server/store/key_file.h"
#include "server/store/sql.h"

enum { NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES };

/* In memory that no core dump has. */
static bool need_key(wrn_store *store) {
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    wrn_why why;
    if (store->secrets_key) return true;
    unsigned char *key = sodium_malloc(WRN_KEY_SIZE);
    if (!key) abort(); /* as for all memory: memory.c */
    const char *slash = strrchr(store->path, '/');
    wrn_buf_printf(&path, "%.*ssecrets.key", slash ? (int)(slash + 1 - store->path) : 0, store->path);
    bool ok = true;
    if (store->ephemeral) randombytes_buf(key, WRN_KEY_SIZE);
    else ok = wrn_key_file_load(path.data, key, "all secrets are lost", &why);
    if (ok) return store->secrets_key = key, true;
    sodium_free(key);
    wrn_log_error("secrets: %s", why.text);
    return false;
}

/* What a value belongs to goes into its seal, so that nobody who writes to the database can give it to another team or name. */
static void seal_of(wrn_buf *out, const char *kind, const char *owner, const char *name) {
    wrn_buf_printf(out, "%s/%s/%s", kind, owner, name);
}

static bool encrypt(wrn_store *store, const wrn_buf *seal, const char *value, wrn_buf *out) {
    size_t size = strlen(value);
    unsigned long long sealed;
    if (!need_key(store)) return false;
    unsigned char *at = (unsigned char *)wrn_buf_reserve(out, NONCE + size + TAG);
    if (!at) abort();
    randombytes_buf(at, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + NONCE, &sealed, (const unsigned char *)value, size,
                                               (const unsigned char *)seal->data, seal->size, NULL, at,
                                               store->secrets_key);
    out->size = NONCE + (size_t)sealed;
    return true;
}

/* NULL when the key is another one, or somebody has changed the value. */
static char *decrypt(wrn_store *store, const wrn_buf *seal, const unsigned char *sealed, size_t size) {
    unsigned long long open;
    if (!need_key(store) || size < NONCE + TAG) return NULL;
    char *value = sodium_malloc(size - NONCE - TAG + 1);
    if (!value) abort();
    if (crypto_aead_xchacha20poly1305_ietf_decrypt((unsigned char *)value, &open, NULL, sealed + NONCE, size - NONCE,
                                                   (const unsigned char *)seal->data, seal->size, sealed,
                                                   store->secrets_key) == 0) {
        value[open] = '\0';
        return value;
    }
    sodium_free(value);
    wrn_log_error("secrets: %s can't be decrypted: secrets.key is not the one it was made with", seal->data);
    return NULL;
}

void wrn_store_free_secret(char *value) { sodium_free(value); }

static wrn_db get(wrn_store *store, sqlite3_stmt *row, const wrn_buf *seal, char **value) {
    wrn_db outcome = wrn_sql_step(store, row);
    *value = NULL;
    if (outcome != WRN_DB_OK) return outcome;
    if (sqlite3_column_type(row, 0) == SQLITE_NULL) return WRN_DB_NONE;
    *value = decrypt(store, seal, sqlite3_column_blob(row, 0), (size_t)sqlite3_column_bytes(row, 0));
    return *value ? WRN_DB_OK : WRN_DB_ERROR;
}

wrn_db wrn_store_set_secret(wrn_store *store, const char *team_id, const char *name, const char *value,
                            wrn_secret_row *out) {
    WRN_AUTO(wrn_buf_free) wrn_buf seal = WRN_BUF_INIT, sealed = WRN_BUF_INIT;
    seal_of(&seal, "secret", team_id, name);
    if (!encrypt(store, &seal, value, &sealed)) return WRN_DB_ERROR;
    int64_t now = wrn_unix_time();
    wrn_db outcome = wrn_sql_run(store,
                                 "INSERT INTO secrets (team_id, name, value, created_at, updated_at)"
                                 " VALUES (?1, ?2, ?3, ?4, ?4) ON CONFLICT (team_id, name)"
                                 " DO UPDATE SET value = ?3, updated_at = ?4",
                                 "ttbi", team_id, name, sealed.data, sealed.size, now);
    if (outcome != WRN_DB_OK) return outcome;
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(
        store, "SELECT name, created_at, updated_at FROM secrets WHERE team_id = ? AND name = ?", "tt", team_id, name);
    outcome = wrn_sql_step(store, row);
    if (outcome == WRN_DB_OK)
        wrn_sql_read(row, "tii", out->name, sizeof(out->name), &out->created_at, &out->updated_at);
    return outcome;
}

wrn_db wrn_store_get_secret(wrn_store *store, const char *team_id, const char *name, char **value) {
    WRN_AUTO(wrn_buf_free) wrn_buf seal = WRN_BUF_INIT;
    seal_of(&seal, "secret", team_id, name);
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store, "SELECT value FROM secrets WHERE team_id = ? AND name = ?", "tt", team_id, name);
    return get(store, row, &seal, value);
}

wrn_db wrn_store_find_secret(wrn_store *store, const char *team_id, const char *name) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *row = wrn_sql(store, "SELECT 1 FROM secrets WHERE team_id = ? AND name = ?", "tt", team_id, name);
    return wrn_sql_step(store, row);
}

wrn_db wrn_store_list_secrets(wrn_store *store, const char *team_id, wrn_secret_fn each, void *context) {
    WRN_AUTO(wrn_sql_reset)
    sqlite3_stmt *rows = wrn_sql(
        store, "SELECT name, created_at, updated_at FROM secrets WHERE team_id = ? ORDER BY name", "t", team_id);
    wrn_db outcome;
    while (wrn_sql_next(store, rows, &outcome)) {
        wrn_secret_row row;
        wrn_sql_read(rows, "tii", row.name, sizeof(row.name), &row.created_at, &row.updated_at);
        each(context, &row);
    }
    return outcome;
}

wrn_db wrn_store_remove_secret(wrn_store *store, const char *team_id, const char *name) {
    return wrn_sql_run(store, "DELETE FROM secrets WHERE team_id = ? AND name = ?", "tt", team_id, name);
}

wrn_db wrn_store_set_authority(wrn_store *store, const char *id, const char *pem) {
    WRN_AUTO(wrn_buf_free) wrn_buf seal = WRN_BUF_INIT, sealed = WRN_BUF_INIT;
    seal_of(&seal, "authority", id, "");
    if (!encrypt(store, &seal, pem, &sealed)) return WRN_DB_ERROR;
    return wrn_sql_run(store, "UPDATE sandboxes SET authority = ? WHERE id = ?", "bt", sealed.data, sealed.size, id);
}

wrn_db wrn_store_get_authority(wrn_store *store, const char *id, char **pem) {
    WRN_AUTO(wrn_buf_free) wrn_buf seal = WRN_BUF_INIT;
    seal_of(&seal, "authority", id, "");
    WRN_AUTO(wrn_sql_reset) sqlite3_stmt *row = wrn_sql(store, "SELECT authority FROM sandboxes WHERE id = ?", "t", id);
    return get(store, row, &seal, pem);
}
