#include "api/files.h"

#include <stdlib.h>
#include <string.h>

#include "api/operations.h"
#include "base/text.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"

enum { PAGE = 10000 };

int wrn_files_check(const char *what, const char *path, wrenn_error **error) {
    if (!path || !*path) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: the path must not be empty", what);
    if (wrn_utf8_valid_prefix(path, strlen(path)) != strlen(path))
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: the path is not UTF-8", what);
    return 0;
}

void wrn_files_call(wrenn_op *op, const char *suffix, const char *path) {
    const wrn_path_request request = {.path = path, .user = wrn_sandbox_user(op->sandbox, NULL)};
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, suffix, &wrn_model_path_request, &request);
}

void wrn_files_call_entry(wrenn_op *op, const char *path, const char *name, size_t length) {
    WRN_AUTO(wrn_buf_free) wrn_buf only = WRN_BUF_INIT;
    bool alone = name && length && op->client->features & WRN_FEATURE_LIST_ONLY;
    if (alone) wrn_buf_put(&only, name, length);
    const wrn_list_dir_request request = {
        .path = path, .depth = alone ? 0 : 1, .only = only.data, .user = wrn_sandbox_user(op->sandbox, NULL)};
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, "/files/list", &wrn_model_list_dir_request, &request);
    if (only.failed) op->path.failed = true;
}

bool wrn_files_may_be_missing(const wrenn_error *error) {
    int status = wrenn_error_http_status(error);
    return wrenn_error_code(error) != WRENN_E_UNSUPPORTED && (status == 404 || status == 400 || status == 502);
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
    wrn_list *list; /* so far; NULL: nothing */
    wrn_buf path;
    int64_t depth;
} list_op;

static void call_dir_page(list_op *self, const char *cursor) {
    const wrn_list_dir_request request = {
        .path = self->path.failed ? "" : self->path.data,
        .depth = self->depth,
        .limit = PAGE,
        .cursor = cursor,
        .user = wrn_sandbox_user(self->op.sandbox, NULL),
    };
    wrn_op_call_type(&self->op, NULL, &request, NULL);
    if (self->path.failed) self->op.path.failed = true;
}

static void list_dir_respond(wrenn_op *op, wrn_http_response *response) {
    list_op *self = (list_op *)op;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    const wrn_json *entries = wrn_json_get(json, "entries");
    if (!self->list) self->list = wrn_result_new(sizeof(*self->list));
    if (!wrn_op_append(op, response, entries, &wrn_model_file_entry, self->list)) return;
    const char *cursor = wrn_json_string(wrn_json_get(json, "next_cursor"), NULL);
    if (cursor && *cursor && wrn_json_count(entries)) {
        call_dir_page(self, cursor);
        wrn_op_send(op);
        return;
    }
    wrn_list *list = WRN_TAKE(self->list);
    if (list->items_count) qsort((void *)list->items, list->items_count, sizeof(*list->items), compare_paths);
    wrn_op_finish(op, list, wrn_result_free);
}

static void list_dir_clear(wrenn_op *op) {
    list_op *self = (list_op *)op;
    wrn_result_free(self->list);
    wrn_buf_free(&self->path);
}

const wrn_op_type wrn_sandbox_list_dir_type = {
    "list_dir",
    "POST",
    "/sandboxes/{sandbox id}/files/list",
    WRN_AUTH_ANY,
    .body = &wrn_model_list_dir_request,
    .size = sizeof(list_op),
    .respond = list_dir_respond,
    .clear = list_dir_clear,
};

int wrn_sandbox_list_dir_prepare(wrenn_sandbox *sandbox, const char *path, int64_t depth,
                                 const wrenn_call_options *options, wrenn_op **op, wrenn_error **error) {
    if (depth < 0) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "list_dir: the depth must not be negative");
    int rc = wrn_files_check("list_dir", path, error);
    if (rc == 0) rc = wrn_op_for_sandbox(sandbox, &wrn_sandbox_list_dir_type, options, NULL, NULL, op, error);
    if (rc != 0) return rc;
    list_op *self = (list_op *)*op;
    self->depth = depth ? depth : 1;
    wrn_buf_puts(&self->path, path);
    call_dir_page(self, NULL);
    return 0;
}

/* ---- remove ---- */

const wrn_op_type wrn_sandbox_remove_type = {
    "remove", "POST", "/sandboxes/{sandbox id}/files/remove", WRN_AUTH_ANY, .body = &wrn_model_path_request,
};

int wrn_sandbox_remove_prepare(wrenn_sandbox *sandbox, const char *path, const wrenn_call_options *options,
                               wrenn_op **op, wrenn_error **error) {
    const wrn_path_request request = {.path = path, .user = wrn_sandbox_user(sandbox, NULL)};
    int rc = wrn_files_check("remove", path, error);
    return rc == 0 ? wrn_op_for_sandbox(sandbox, &wrn_sandbox_remove_type, options, NULL, &request, op, error) : rc;
}
