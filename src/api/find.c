/* Finding one path (see files.h): stat and exists, and mkdir when the directory exists already. */
#include <string.h>

#include "api/files.h"
#include "api/operations.h"
#include "client/sandbox.h"
#include "gen/requests.h"

typedef struct find_op {
    wrenn_op op;
    bool making; /* mkdir: the first call */
    wrn_look look;
} find_op;

static bool is_exists(const find_op *self) { return self->op.type == &wrn_sandbox_exists_type; }
static bool is_mkdir(const find_op *self) { return self->op.type == &wrn_sandbox_mkdir_type; }

/* ---- ends ---- */

static void conclude_missing(find_op *self) {
    wrenn_op *op = &self->op;
    wrn_look *look = &self->look;
    if (is_exists(self)) wrn_op_finish_number(op, false);
    else if (is_mkdir(self)) wrn_look_report(look, op, WRN_TAKE(look->reason));
    else wrn_look_report(look, op, wrn_error_new(WRENN_E_NOT_FOUND, "stat: %s does not exist", look->path.data));
}

static void conclude_entry(find_op *self, const wrn_http_response *response, const wrn_json *json) {
    wrenn_op *op = &self->op;
    if (is_exists(self)) return wrn_op_finish_number(op, true);
    void *entry = wrn_op_decode_part(op, response, json, &wrn_model_file_entry);
    if (entry) wrn_op_finish(op, entry, wrn_result_free);
}

/* Ends with an entry for a directory that is in no listing. */
static void conclude_nameless(find_op *self) {
    static const wrn_http_response none;
    const wrn_look *look = &self->look;
    WRN_AUTO(wrn_json_freep) wrn_json *entry = wrn_json_new_object();
    const char *path = look->end ? look->path.data : "/";
    if (wrn_json_set_string(entry, "name", look->end ? path + look->name : "/") &&
        wrn_json_set_string(entry, "path", path) && wrn_json_set_string(entry, "type", "directory"))
        conclude_entry(self, &none, entry);
    else wrn_op_fail_no_memory(&self->op);
}

/* ---- answers ---- */

static void find_path_respond(wrenn_op *op, wrn_http_response *response) {
    find_op *self = (find_op *)op;
    wrn_look *look = &self->look;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    const wrn_json *entry;
    if (self->making) {
        if (wrn_op_parse(op, response, &json)) conclude_entry(self, response, wrn_json_get(json, "entry"));
        return;
    }
    switch (wrn_look_judge(look, op, response, &json, &entry)) {
    case WRN_LOOK_FAILED: return;
    case WRN_LOOK_MISSING: return conclude_missing(self);
    case WRN_LOOK_NAMELESS: return conclude_nameless(self);
    case WRN_LOOK_FOUND: break;
    }
    const char *type = wrn_json_text(entry, "type");
    bool in_the_way = is_mkdir(self) && type && strcmp(type, "file") == 0;
    if (in_the_way) wrn_look_report(look, op, WRN_TAKE(look->reason));
    else conclude_entry(self, response, entry);
}

static bool says_it_exists(const wrenn_error *error) {
    const char *code = wrenn_error_server_code(error);
    return wrenn_error_http_status(error) == 409 && code &&
           (strcmp(code, "conflict") == 0 || strcmp(code, "already_exists") == 0);
}

static bool mkdir_went_on(find_op *self, const wrenn_error *error) {
    wrn_look *look = &self->look;
    if (!self->making || !says_it_exists(error)) return false;
    self->making = false;
    if (wrn_look_is_nameless(look)) return conclude_nameless(self), true;
    look->reason = wrn_error_ref(error);
    wrn_look_call(look, &self->op);
    wrn_op_send(&self->op);
    return true;
}

static bool find_fail(wrenn_op *op, const wrenn_error *error) {
    find_op *self = (find_op *)op;
    return is_mkdir(self) ? mkdir_went_on(self, error) : wrn_look_failed(&self->look, op, error);
}

static void find_clear(wrenn_op *op) { wrn_look_clear(&((find_op *)op)->look); }

/* ---- the operations ---- */

static int prepare_find(wrenn_op *op, const char *path, wrenn_error **error) {
    find_op *self = (find_op *)op;
    int rc = wrn_files_check(op, path, error);
    if (rc != 0) return rc;
    self->making = is_mkdir(self);
    bool fine = wrn_look_at(&self->look, path);
    if (self->making) wrn_files_call(op, "/files/mkdir", path);
    else if (fine) wrn_look_call(&self->look, op);
    return fine ? 0 : wrn_no_memory(error, op->type->name);
}

#define FIND_OP .size = sizeof(find_op), .respond = find_path_respond, .fail = find_fail, .clear = find_clear

const wrn_op_type wrn_sandbox_mkdir_type = {{"mkdir"}, FIND_OP};
const wrn_op_type wrn_sandbox_stat_type = {{"stat"}, FIND_OP};
const wrn_op_type wrn_sandbox_exists_type = {{"exists"}, FIND_OP};

int wrn_sandbox_mkdir_prepare(wrenn_op *op, const char *path, wrenn_error **error) {
    return prepare_find(op, path, error);
}

int wrn_sandbox_stat_prepare(wrenn_op *op, const char *path, wrenn_error **error) {
    return prepare_find(op, path, error);
}

int wrn_sandbox_exists_prepare(wrenn_op *op, const char *path, wrenn_error **error) {
    return prepare_find(op, path, error);
}
