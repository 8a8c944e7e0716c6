#include "api/files.h"

#include <stdlib.h>
#include <string.h>

#include "api/operations.h"
#include "base/text.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"

enum { PAGE = 10000 };

int wrn_files_check(const wrenn_op *op, const char *path, wrenn_error **error) {
    const char *what = op->type->name;
    if (!path || !*path) return wrn_refuse(error, "%s: the path must not be empty", what);
    if (wrn_utf8_valid_prefix(path, strlen(path)) != strlen(path))
        return wrn_refuse(error, "%s: the path is not UTF-8", what);
    return 0;
}

int wrn_files_check_mode(const wrenn_op *op, int64_t mode, wrenn_error **error) {
    return mode < 0 || mode > 07777 ? wrn_refuse(error, "%s: the mode must be from 0 to 07777", op->type->name) : 0;
}

void wrn_files_call(wrenn_op *op, const char *suffix, const char *path) {
    const wrn_path_request request = {.path = path, .user = wrn_sandbox_user(op->sandbox, NULL)};
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, suffix, &wrn_model_path_request, &request);
}

/* ---- looking for one path ---- */

/* The last segment of the first `end` bytes of a path, which do not end in a slash. */
static size_t name_at(const char *path, size_t end) {
    while (end && path[end - 1] != '/') end--;
    return end;
}

static bool files_is_nameless(const char *path, size_t size) {
    const char *last = path + name_at(path, size);
    size_t length = size - (size_t)(last - path);
    return length == 0 || (length == 1 && *last == '.') || (length == 2 && memcmp(last, "..", 2) == 0) ||
           (size == 1 && *path == '~');
}

/* The directory that the first `end` bytes of a path are in; 0 when they have no slash, or that is the root. */
static size_t directory_of(const char *path, size_t end) {
    size_t above = name_at(path, end);
    while (above && path[above - 1] == '/') above--;
    return above;
}

static void look_aim(wrn_look *look, size_t end) {
    const char *path = look->path.data;
    size_t above = directory_of(path, end);
    look->end = end;
    look->name = name_at(path, end);
    wrn_buf_clear(&look->parent);
    if (files_is_nameless(path, end)) wrn_buf_put(&look->parent, end ? path : "/", end ? end : 1);
    else if (above) wrn_buf_put(&look->parent, path, above);
    else wrn_buf_putc(&look->parent, *path == '/' ? '/' : '.');
}

bool wrn_look_at(wrn_look *look, const char *path) {
    size_t size = strlen(path);
    while (size && path[size - 1] == '/') size--;
    wrn_buf_clear(&look->path);
    wrn_buf_put(&look->path, path, size);
    if (!look->path.failed) look_aim(look, size);
    return !look->path.failed && !look->parent.failed;
}

void wrn_look_clear(wrn_look *look) {
    wrn_buf_free(&look->path);
    wrn_buf_free(&look->parent);
    wrenn_error_free(look->reason);
}

bool wrn_look_is_nameless(const wrn_look *look) { return files_is_nameless(look->path.data, look->end); }

void wrn_look_call(wrn_look *look, wrenn_op *op) {
    WRN_AUTO(wrn_buf_free) wrn_buf only = WRN_BUF_INIT;
    bool alone = !wrn_look_is_nameless(look) && op->client->features & WRN_FEATURE_LIST_ONLY;
    if (alone) wrn_buf_put(&only, look->path.data + look->name, look->end - look->name);
    const wrn_list_dir_request request = {.path = look->parent.failed ? "" : look->parent.data,
                                          .depth = alone ? 0 : 1,
                                          .only = only.data,
                                          .user = wrn_sandbox_user(op->sandbox, NULL)};
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, "/files/list", &wrn_model_list_dir_request, &request);
    if (only.failed || look->parent.failed) op->path.failed = true;
}

static const wrn_json *find_entry(const wrn_json *entries, const char *name, size_t length) {
    for (size_t i = 0; i < wrn_json_count(entries); i++) {
        size_t size;
        const wrn_json *entry = wrn_json_at(entries, i);
        const char *text = wrn_json_string(wrn_json_get(entry, "name"), &size);
        if (text && size == length && memcmp(text, name, size) == 0) return entry;
    }
    return NULL;
}

wrn_look_end wrn_look_judge(wrn_look *look, wrenn_op *op, const wrn_http_response *response, wrn_json **json,
                            const wrn_json **entry) {
    if (!wrn_op_parse(op, response, json)) return WRN_LOOK_FAILED;
    const wrn_json *entries = wrn_json_get(*json, "entries");
    if (wrn_json_type_of(entries) != WRN_JSON_ARRAY) {
        wrn_op_fail_malformed(op, response, "it has no array of entries");
        return WRN_LOOK_FAILED;
    }
    if (wrn_look_is_nameless(look)) return WRN_LOOK_NAMELESS;
    *entry = find_entry(entries, look->path.data + look->name, look->end - look->name);
    const char *type = wrn_json_text(*entry, "type");
    if (!*entry || (look->climbing && type && strcmp(type, "file") == 0)) return WRN_LOOK_MISSING;
    if (!look->climbing) return WRN_LOOK_FOUND;
    wrn_look_report(look, op, WRN_TAKE(look->reason));
    return WRN_LOOK_FAILED;
}

void wrn_look_report(wrn_look *look, wrenn_op *op, wrenn_error *error) {
    look->over = true;
    wrn_op_fail(op, error);
}

bool wrn_look_failed(wrn_look *look, wrenn_op *op, const wrenn_error *error) {
    int status = wrenn_error_http_status(error);
    bool may_be_missing =
        wrenn_error_code(error) != WRENN_E_UNSUPPORTED && (status == 404 || status == 400 || status == 502);
    if (look->over || !may_be_missing) return false;
    const char *path = look->path.data;
    size_t above = directory_of(path, look->end);
    if (!look->reason) look->reason = wrn_error_ref(error);
    if (wrn_look_is_nameless(look) || files_is_nameless(path, above)) {
        wrn_look_report(look, op, WRN_TAKE(look->reason));
        return true;
    }
    look->climbing = true;
    look_aim(look, above);
    wrn_look_call(look, op);
    wrn_op_send(op);
    return true;
}

/* ---- list_dir ---- */

/* A slash sorts before all other characters, so that the entries of a directory follow it. */
static int compare_paths(const void *a, const void *b) {
    const char *left = (*(const wrenn_file_entry *const *)a)->path,
               *right = (*(const wrenn_file_entry *const *)b)->path;
    if (!left || !right) return (left != NULL) - (right != NULL);
    while (*left && *left == *right) left++, right++;
    if (!*left || !*right) return (*left != '\0') - (*right != '\0');
    if (*left == '/' || *right == '/') return (*left != '/') - (*right != '/');
    return (unsigned char)*left - (unsigned char)*right;
}

/* Servers that know pages send one at a time, which keeps responses small; the others send everything at once. */
typedef struct list_op {
    wrenn_op op;
    const char *path;
    int64_t depth;
} list_op;

static void call_dir_page(list_op *self, const char *cursor) {
    const wrn_list_dir_request request = {
        .path = self->path,
        .depth = self->depth,
        .limit = PAGE,
        .cursor = cursor,
        .user = wrn_sandbox_user(self->op.sandbox, NULL),
    };
    wrn_op_call_type(&self->op, NULL, &request, NULL);
}

static void list_dir_respond(wrenn_op *op, wrn_http_response *response) {
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    const wrn_json *entries = wrn_json_get(json, "entries");
    if (!wrn_op_append(op, response, entries, &wrn_model_file_entry)) return;
    const char *cursor = wrn_json_text(json, "next_cursor");
    if (cursor && *cursor && wrn_json_count(entries)) {
        call_dir_page((list_op *)op, cursor);
        return wrn_op_send(op);
    }
    wrn_list *list = op->list;
    if (list->items_count) qsort((void *)list->items, list->items_count, sizeof(*list->items), compare_paths);
    wrn_op_finish_list(op);
}

const wrn_op_type wrn_sandbox_list_dir_type = {
    {"list_dir", "POST", "/sandboxes/{sandbox id}/files/list", WRN_AUTH_ANY},
    .body = &wrn_model_list_dir_request,
    .size = sizeof(list_op),
    .respond = list_dir_respond,
};

int wrn_sandbox_list_dir_prepare(wrenn_op *op, const char *path, int64_t depth, wrenn_error **error) {
    list_op *self = (list_op *)op;
    int rc = wrn_op_check(op, error, {"depth", depth, 0, INT64_MAX});
    if (rc == 0) rc = wrn_files_check(op, path, error);
    if (rc != 0) return rc;
    self->depth = depth ? depth : 1;
    self->path = wrn_op_keep(op, path);
    if (!self->path) return wrn_no_memory(error, "list_dir");
    call_dir_page(self, NULL);
    return 0;
}

/* ---- remove ---- */

const wrn_op_type wrn_sandbox_remove_type = {{"remove", "POST", "/sandboxes/{sandbox id}/files/remove", WRN_AUTH_ANY},
                                             .body = &wrn_model_path_request};

int wrn_sandbox_remove_prepare(wrenn_op *op, const char *path, wrenn_error **error) {
    const wrn_path_request request = {.path = path, .user = wrn_sandbox_user(op->sandbox, NULL)};
    int rc = wrn_files_check(op, path, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, &request, error) : rc;
}

/* ---- rename, chmod ---- */

const wrn_op_type wrn_sandbox_rename_type = {{"rename", "POST", "/sandboxes/{sandbox id}/files/rename", WRN_AUTH_ANY},
                                             .body = &wrn_model_rename_request};

int wrn_sandbox_rename_prepare(wrenn_op *op, const char *from, const char *to, wrenn_error **error) {
    const wrn_rename_request request = {.path = from, .to = to, .user = wrn_sandbox_user(op->sandbox, NULL)};
    int rc = wrn_files_check(op, from, error);
    if (rc == 0) rc = wrn_files_check(op, to, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, &request, error) : rc;
}

const wrn_op_type wrn_sandbox_chmod_type = {{"chmod", "POST", "/sandboxes/{sandbox id}/files/chmod", WRN_AUTH_ANY},
                                            .body = &wrn_model_chmod_request};

int wrn_sandbox_chmod_prepare(wrenn_op *op, const char *path, int64_t mode, wrenn_error **error) {
    const wrn_chmod_request request = {.path = path, .mode = mode, .user = wrn_sandbox_user(op->sandbox, NULL)};
    int rc = wrn_files_check(op, path, error);
    if (rc == 0) rc = wrn_files_check_mode(op, mode, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, &request, error) : rc;
}
