/* A create with a key is stored before the sandbox is made, with the sandbox's id. So a repetition finds the answer, or the
 * create that is under way and waits for it, or, after a restart, the sandbox that was made. */
#include "server/routes/once.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/routes/routes.h"

enum { KEY_MAX = 255, KEPT_SECONDS = 24 * 3600 };

struct wrn_once {
    wrn_server *server;
    wrn_once *next;
    char team_id[WRN_ID_SIZE], key[KEY_MAX + 1]; /* key "": none; then it is not in the list */
    wrn_secret_hash asked;
    wrn_request **requests; /* that wait for the answer */
    size_t count;
};

static wrn_create_row row_of(const wrn_once *once) {
    return (wrn_create_row){.team_id = once->team_id, .key = once->key, .asked = once->asked};
}

static void free_once(wrn_once *once) {
    free(once->requests);
    free(once);
}

static void add_request(wrn_once *once, wrn_request *request) {
    once->requests = realloc(once->requests, (once->count + 1) * sizeof(wrn_request *));
    once->requests[once->count++] = request;
}

static bool read_key(wrn_request *request, wrn_once *once) {
    const char *key = wrn_http_head_get(&request->head, "idempotency-key");
    size_t size = 0;
    if (!key) return true;
    while (key[size] > ' ' && key[size] < 0x7f) size++;
    if (size && size <= KEY_MAX && !key[size]) {
        memcpy(once->key, key, size + 1);
        return true;
    }
    return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "Idempotency-Key must have 1 to %d visible ASCII characters",
                      KEY_MAX);
}

static wrn_once *new_once(wrn_request *request) {
    wrn_once *once = calloc(1, sizeof(*once));
    add_request(once, request);
    once->server = wrn_server_of(request);
    memcpy(once->team_id, request->who.team_id, sizeof(once->team_id));
    once->asked = wrn_secret_hash_of(request->body.size ? request->body.data : "");
    if (read_key(request, once)) return once;
    free_once(once);
    return NULL;
}

static wrn_once *find_once(const wrn_once *like) {
    wrn_once *at = like->server->creating;
    while (at && (strcmp(at->key, like->key) != 0 || strcmp(at->team_id, like->team_id) != 0)) at = at->next;
    return at;
}

static bool is_same(wrn_request *request, const wrn_secret_hash *asked, const wrn_once *once) {
    return memcmp(asked, &once->asked, sizeof(*asked)) == 0 ||
           wrn_refuse(request, WRN_FAULT_CONFLICT, "this Idempotency-Key was used for another request; take a new one");
}

/* Answers with the sandbox that an earlier run of the server made without storing the answer. False: there is none. */
static bool reply_from_sandbox(wrn_request *request, const wrn_create_row *row) {
    const wrn_server *server = wrn_server_of(request);
    wrn_sandbox_row sandbox;
    if (wrn_store_get_sandbox(server->store, row->team_id, row->sandbox_id, &sandbox) != WRN_DB_OK ||
        strcmp(sandbox.status, "stopped") == 0 || strcmp(sandbox.status, "error") == 0)
        return false;
    wrn_reply_json(request, 201, wrn_show_sandbox(server, &sandbox));
    return true;
}

/* True when the request was answered. */
static bool answer_from_store(wrn_request *request, const wrn_once *once) {
    wrn_create_row row = row_of(once);
    wrn_db found = wrn_store_get_create(once->server->store, &row, wrn_unix_time() - KEPT_SECONDS);
    bool done = found != WRN_DB_NONE;
    if (found == WRN_DB_ERROR) wrn_reply_db_error(request);
    else if (done && is_same(request, &row.asked, once)) {
        if (row.answer) wrn_reply_bytes(request, 201, "application/json", row.answer, strlen(row.answer));
        else if (!reply_from_sandbox(request, &row)) done = false;
        if (!done) wrn_store_remove_create(once->server->store, &row);
    }
    free(row.answer);
    return done;
}

static bool store_create(wrn_request *request, const wrn_once *once, char id[WRN_ID_SIZE]) {
    wrn_create_row row = row_of(once);
    if (!*id) wrn_id_new(id, "cl");
    memcpy(row.sandbox_id, id, WRN_ID_SIZE);
    if (wrn_store_add_create(once->server->store, &row, wrn_unix_time() - KEPT_SECONDS) == WRN_DB_OK) return true;
    wrn_reply_db_error(request);
    return false;
}

wrn_once *wrn_once_begin(wrn_request *request, char id[WRN_ID_SIZE]) {
    wrn_once *once = new_once(request);
    if (!once || !*once->key) return once;
    wrn_once *under_way = find_once(once);
    if (under_way) {
        if (is_same(request, &under_way->asked, once)) add_request(under_way, request);
    } else if (!answer_from_store(request, once) && store_create(request, once, id)) {
        once->next = once->server->creating;
        once->server->creating = once;
        return once;
    }
    free_once(once);
    return NULL;
}

void wrn_once_end(wrn_once *once, const wrn_sandbox_row *sandbox, const wrn_fault *fault) {
    WRN_AUTO(wrn_json_freep) wrn_json *body = fault ? NULL : wrn_show_sandbox(once->server, sandbox);
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_create_row row = row_of(once);
    if (body) wrn_json_write(body, &text);
    wrn_buf_putc(&text, '\n');
    if (*once->key) {
        WRN_UNLINK(once->server->creating, once, next);
        /* If storing fails, repetitions are answered from the sandbox. */
        if (fault) wrn_store_remove_create(once->server->store, &row);
        else wrn_store_answer_create(once->server->store, &row, text.data);
    }
    for (size_t i = 0; i < once->count; i++) {
        if (fault) wrn_reply_fault(once->requests[i], fault);
        else wrn_reply_bytes(once->requests[i], 201, "application/json", text.data, text.size);
    }
    free_once(once);
}
