/* Finding one path: stat and exists, and mkdir when the directory exists already. The API has no route for that, so the
 * parent directory is listed; only that one name of it, where the server can do so.
 *
 * mkdir: MAKING -> done, or when the directory exists already -> LOOKING.
 * LOOKING in the parent -> found, or missing. When the parent cannot be listed -> CLIMBING, one level at a time, until a
 * directory can be: servers report a missing directory in different ways, and a missing sandbox in the same way. */
#include <string.h>

#include "api/files.h"
#include "api/operations.h"
#include "client/sandbox.h"
#include "gen/requests.h"

typedef struct find_op {
    wrenn_op op;
    enum { STAT, EXISTS, MKDIR } kind;
    enum { MAKING, LOOKING, CLIMBING, REPORTING } stage;
    wrn_buf path;        /* without slashes at its end; root is empty */
    size_t name, end;    /* the part looked for now: the path up to `end`, whose last segment starts at `name` */
    wrn_buf parent;      /* the directory that is listed for it */
    wrenn_error *reason; /* the first error of the server */
} find_op;

static char there; /* the result of exists when the path exists; NULL otherwise */
static void keep_nothing(void *result) { (void)result; }

/* ---- paths ---- */

bool wrn_files_is_nameless(const char *path, size_t size) {
    size_t name = size;
    while (name && path[name - 1] != '/') name--;
    const char *last = path + name;
    size_t length = size - name;
    return length == 0 || (length == 1 && *last == '.') || (length == 2 && memcmp(last, "..", 2) == 0) ||
           (size == 1 && *path == '~');
}

size_t wrn_files_aim(const char *path, size_t end, wrn_buf *parent) {
    size_t name = end;
    while (name && path[name - 1] != '/') name--;
    size_t at = name;
    while (at && path[at - 1] == '/') at--;
    wrn_buf_clear(parent);
    if (wrn_files_is_nameless(path, end)) wrn_buf_put(parent, end ? path : "/", end ? end : 1);
    else if (at) wrn_buf_put(parent, path, at);
    else wrn_buf_putc(parent, *path == '/' ? '/' : '.');
    return name;
}

bool wrn_files_climb(const char *path, size_t *end) {
    size_t above = *end;
    if (wrn_files_is_nameless(path, above)) return false;
    while (above && path[above - 1] != '/') above--;
    while (above && path[above - 1] == '/') above--;
    *end = above;
    return !wrn_files_is_nameless(path, above);
}

static void find_aim(find_op *self, size_t end) {
    self->end = end;
    self->name = wrn_files_aim(self->path.data, end, &self->parent);
}

static void call_look(find_op *self) {
    bool nameless = wrn_files_is_nameless(self->path.data, self->end);
    wrn_files_call_entry(&self->op, self->parent.failed ? "" : self->parent.data,
                         nameless ? NULL : self->path.data + self->name, self->end - self->name);
    if (self->parent.failed) self->op.path.failed = true;
}

static bool read_path(find_op *self, const char *path) {
    size_t size = strlen(path);
    while (size && path[size - 1] == '/') size--;
    wrn_buf_put(&self->path, path, size);
    wrn_buf_putc(&self->path, '\0'); /* so that `data` is never NULL */
    if (!self->path.failed) find_aim(self, size);
    return !self->path.failed && !self->parent.failed;
}

/* ---- ends ---- */

static void find_report(find_op *self, wrenn_error *error) {
    self->stage = REPORTING;
    wrn_op_fail(&self->op, error);
}

static void conclude_missing(find_op *self) {
    wrenn_op *op = &self->op;
    if (self->kind == EXISTS) wrn_op_finish(op, NULL, NULL);
    else if (self->kind == MKDIR) find_report(self, WRN_TAKE(self->reason));
    else find_report(self, wrn_error_new(WRENN_E_NOT_FOUND, "stat: %s does not exist", self->path.data));
}

/* Ends with an entry for a directory that is in no listing. */
static void conclude_nameless(find_op *self) {
    wrenn_op *op = &self->op;
    if (self->kind == EXISTS) {
        wrn_op_finish(op, &there, keep_nothing);
        return;
    }
    const char *path = self->end ? self->path.data : "/", *name = self->end ? path + self->name : "/";
    wrenn_file_entry *entry = wrn_result_new(sizeof(*entry));
    if (entry) {
        wrn_arena *arena = wrn_result_arena(entry);
        entry->present = WRENN_HAS_FILE_ENTRY_NAME | WRENN_HAS_FILE_ENTRY_PATH | WRENN_HAS_FILE_ENTRY_TYPE;
        entry->name = wrn_arena_dup(arena, name, strlen(name));
        entry->path = wrn_arena_dup(arena, path, strlen(path));
        entry->type = WRENN_FILE_TYPE_DIRECTORY;
        entry->type_text = "directory";
    }
    if (entry && entry->name && entry->path) {
        wrn_op_finish(op, entry, wrn_result_free);
        return;
    }
    wrn_result_free(entry);
    wrn_op_fail_no_memory(op);
}

static void conclude_entry(find_op *self, const wrn_http_response *response, const wrn_json *json) {
    wrenn_op *op = &self->op;
    if (self->kind == EXISTS) {
        wrn_op_finish(op, &there, keep_nothing);
        return;
    }
    void *entry = wrn_op_decode_part(op, response, json, &wrn_model_file_entry);
    if (entry) wrn_op_finish(op, entry, wrn_result_free);
}

/* ---- answers ---- */

const wrn_json *wrn_files_entry(const wrn_json *entries, const char *name, size_t length) {
    for (size_t i = 0; i < wrn_json_count(entries); i++) {
        size_t size;
        const wrn_json *entry = wrn_json_at(entries, i);
        const char *text = wrn_json_string(wrn_json_get(entry, "name"), &size);
        if (text && size == length && memcmp(text, name, size) == 0) return entry;
    }
    return NULL;
}

static void judge_listing(find_op *self, const wrn_http_response *response, const wrn_json *entries) {
    if (wrn_files_is_nameless(self->path.data, self->end)) {
        conclude_nameless(self);
        return;
    }
    const wrn_json *entry = wrn_files_entry(entries, self->path.data + self->name, self->end - self->name);
    const char *type = wrn_json_string(wrn_json_get(entry, "type"), NULL);
    bool file = type && strcmp(type, "file") == 0;
    if (!entry || (self->stage == CLIMBING && file)) conclude_missing(self);
    else if (self->stage == CLIMBING) find_report(self, WRN_TAKE(self->reason)); /* it exists, but cannot be listed */
    else if (self->kind == MKDIR && file) find_report(self, WRN_TAKE(self->reason));
    else conclude_entry(self, response, entry);
}

static void find_path_respond(wrenn_op *op, wrn_http_response *response) {
    find_op *self = (find_op *)op;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    if (self->stage == MAKING) {
        conclude_entry(self, response, wrn_json_get(json, "entry"));
        return;
    }
    const wrn_json *entries = wrn_json_get(json, "entries");
    if (wrn_json_type_of(entries) == WRN_JSON_ARRAY) judge_listing(self, response, entries);
    else wrn_op_fail_malformed(op, response, "it has no array of entries");
}

static bool says_it_exists(const wrenn_error *error) {
    const char *code = wrenn_error_server_code(error);
    return wrenn_error_http_status(error) == 409 && code &&
           (strcmp(code, "conflict") == 0 || strcmp(code, "already_exists") == 0);
}

static bool mkdir_went_on(find_op *self, const wrenn_error *error) {
    if (self->stage != MAKING || !says_it_exists(error)) return false;
    if (wrn_files_is_nameless(self->path.data, self->end)) {
        conclude_nameless(self);
        return true;
    }
    self->reason = wrn_error_ref(error);
    self->stage = LOOKING;
    call_look(self);
    wrn_op_send(&self->op);
    return true;
}

static bool find_fail(wrenn_op *op, const wrenn_error *error) {
    find_op *self = (find_op *)op;
    if (self->kind == MKDIR) return mkdir_went_on(self, error);
    if (self->stage == REPORTING || !wrn_files_may_be_missing(error)) return false;
    size_t above = self->end;
    if (!self->reason) self->reason = wrn_error_ref(error);
    if (!wrn_files_climb(self->path.data, &above)) {
        find_report(self, WRN_TAKE(self->reason));
        return true;
    }
    self->stage = CLIMBING;
    find_aim(self, above);
    call_look(self);
    wrn_op_send(op);
    return true;
}

static void find_clear(wrenn_op *op) {
    find_op *self = (find_op *)op;
    wrn_buf_free(&self->path);
    wrn_buf_free(&self->parent);
    wrenn_error_free(self->reason);
}

/* ---- the operations ---- */

static int new_find_op(wrenn_sandbox *sandbox, const wrn_op_type *type, int kind, const char *path,
                       const wrenn_call_options *options, wrenn_op **op, wrenn_error **error) {
    int rc = wrn_files_check(type->name, path, error);
    if (rc == 0) rc = wrn_op_for_sandbox(sandbox, type, options, NULL, NULL, op, error);
    if (rc != 0) return rc;
    find_op *self = (find_op *)*op;
    self->kind = kind;
    self->stage = kind == MKDIR ? MAKING : LOOKING;
    bool read = read_path(self, path);
    if (kind == MKDIR) wrn_files_call(*op, "/files/mkdir", path);
    else if (read) call_look(self);
    if (!read) (*op)->path.failed = true;
    return 0;
}

#define FIND_OP .size = sizeof(find_op), .respond = find_path_respond, .fail = find_fail, .clear = find_clear

const wrn_op_type wrn_sandbox_mkdir_type = {"mkdir", FIND_OP};
const wrn_op_type wrn_sandbox_stat_type = {"stat", FIND_OP};
const wrn_op_type wrn_sandbox_exists_type = {"exists", FIND_OP};

int wrn_sandbox_mkdir_prepare(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                              wrenn_op **op, wrenn_error **error) {
    return new_find_op(sandbox, &wrn_sandbox_mkdir_type, MKDIR, path, options, op, error);
}

int wrn_sandbox_stat_prepare(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options, wrenn_op **op,
                             wrenn_error **error) {
    return new_find_op(sandbox, &wrn_sandbox_stat_type, STAT, path, options, op, error);
}

int wrn_sandbox_exists_prepare(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                               wrenn_op **op, wrenn_error **error) {
    return new_find_op(sandbox, &wrn_sandbox_exists_type, EXISTS, path, options, op, error);
}

int wrenn_sandbox_exists_finish(wrenn_op *op, int64_t *exists, wrenn_error **error) {
    void *found = NULL;
    int rc = wrn_op_take(op, &wrn_sandbox_exists_type, &found, error);
    if (rc == 0 && exists) *exists = found != NULL;
    return rc;
}
