#include "wrenn/files.h"

#include <stdlib.h>
#include <string.h>

#include "api/files.h"
#include "base/text.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"

enum { PAGE = 10000 };

static wrenn_client *client_of(const wrenn_sandbox *sandbox) { return sandbox ? sandbox->client : NULL; }

int wrn_files_check(const char *what, const char *path, wrenn_error **error) {
    if (!path || !*path) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: the path must not be empty", what);
    if (wrn_utf8_valid_prefix(path, strlen(path)) != strlen(path))
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: the path is not UTF-8", what);
    return 0;
}

/* As whom it is done, in requests that are alike. */
#define SET_USER(op_, request_, MODEL)                            \
    do {                                                          \
        (request_).user = wrn_sandbox_user((op_)->sandbox, NULL); \
        if ((request_).user) (request_).present |= MODEL##_USER;  \
    } while (0)

void wrn_files_call(wrenn_op *op, const char *suffix, const char *path) {
    wrn_path_request request = {.present = WRN_HAS_PATH_REQUEST_PATH, .path = path};
    SET_USER(op, request, WRN_HAS_PATH_REQUEST);
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, suffix, &wrn_model_path_request, &request);
}

void wrn_files_call_list(wrenn_op *op, const char *path, int64_t depth) {
    wrn_list_dir_request request = {
        .present = WRN_HAS_LIST_DIR_REQUEST_PATH | WRN_HAS_LIST_DIR_REQUEST_DEPTH, .path = path, .depth = depth};
    SET_USER(op, request, WRN_HAS_LIST_DIR_REQUEST);
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, "/files/list", &wrn_model_list_dir_request, &request);
}

void wrn_files_call_entry(wrenn_op *op, const char *path, const char *name, size_t length) {
    WRN_AUTO(wrn_buf_free) wrn_buf only = WRN_BUF_INIT;
    if (!name || !length || !(op->client->features & WRN_FEATURE_LIST_ONLY)) {
        wrn_files_call_list(op, path, 1);
        return;
    }
    wrn_buf_put(&only, name, length);
    wrn_list_dir_request request = {.present = WRN_HAS_LIST_DIR_REQUEST_PATH | WRN_HAS_LIST_DIR_REQUEST_ONLY,
                                    .path = path,
                                    .only = only.failed ? "" : only.data};
    SET_USER(op, request, WRN_HAS_LIST_DIR_REQUEST);
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, "/files/list", &wrn_model_list_dir_request, &request);
    if (only.failed) op->path.failed = true;
}

bool wrn_files_may_be_missing(const wrenn_error *error) {
    int status = wrenn_error_http_status(error);
    return wrenn_error_code(error) != WRENN_E_UNSUPPORTED && (status == 404 || status == 400 || status == 502);
}

/* ---- list_dir ---- */

/* A slash comes before everything else, so that what is in a directory follows it. */
static int compare_paths(const void *a, const void *b) {
    const char *left = (*(const wrenn_file_entry *const *)a)->path,
               *right = (*(const wrenn_file_entry *const *)b)->path;
    if (!left || !right) return (left != NULL) - (right != NULL);
    while (*left && *left == *right) left++, right++;
    if (!*left || !*right) return (*left != '\0') - (*right != '\0');
    if (*left == '/' || *right == '/') return (*left != '/') - (*right != '/');
    return (unsigned char)*left - (unsigned char)*right;
}

/* Servers that know pages give one after the other, so that no answer is large; the others all at once. */
typedef struct list_op {
    wrenn_op op;
    wrn_list *list; /* so far; NULL: nothing */
    wrn_buf path;
    int64_t depth;
} list_op;

static void call_page(list_op *self, const char *cursor) {
    wrn_list_dir_request request = {.present = WRN_HAS_LIST_DIR_REQUEST_PATH | WRN_HAS_LIST_DIR_REQUEST_DEPTH |
                                               WRN_HAS_LIST_DIR_REQUEST_LIMIT,
                                    .path = self->path.failed ? "" : self->path.data,
                                    .depth = self->depth,
                                    .limit = PAGE,
                                    .cursor = cursor};
    if (cursor) request.present |= WRN_HAS_LIST_DIR_REQUEST_CURSOR;
    SET_USER(&self->op, request, WRN_HAS_LIST_DIR_REQUEST);
    wrn_op_call_sandbox(&self->op, "POST", self->op.sandbox->id, "/files/list", &wrn_model_list_dir_request, &request);
    if (self->path.failed) self->op.path.failed = true;
}

static void list_respond(wrenn_op *op, wrn_http_response *response) {
    list_op *self = (list_op *)op;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    const wrn_json *entries = wrn_json_get(json, "entries");
    if (!self->list) self->list = wrn_result_new(sizeof(*self->list));
    if (!wrn_op_append(op, response, entries, &wrn_model_file_entry, self->list)) return;
    const char *cursor = wrn_json_string(wrn_json_get(json, "next_cursor"), NULL);
    if (cursor && *cursor && wrn_json_count(entries)) {
        call_page(self, cursor);
        wrn_op_send(op);
        return;
    }
    wrn_list *list = WRN_TAKE(self->list);
    if (list->count) qsort((void *)list->items, list->count, sizeof(*list->items), compare_paths);
    wrn_op_finish(op, list, wrn_result_free);
}

static void list_clear(wrenn_op *op) {
    list_op *self = (list_op *)op;
    wrn_result_free(self->list);
    wrn_buf_free(&self->path);
}

static const wrn_op_type list_type = {.name = "list_dir",
                                      .size = sizeof(list_op),
                                      .respond = list_respond,
                                      .clear = list_clear};

int wrenn_sandbox_list_dir_start(wrenn_sandbox *sandbox, const char *path, int64_t depth, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    if (depth < 0) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "list_dir: the depth must not be negative");
    int rc = wrn_files_check(list_type.name, path, error);
    if (rc == 0) rc = wrn_op_new(client_of(sandbox), sandbox, &list_type, 0, WRN_FILES_TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    list_op *self = (list_op *)made;
    wrn_buf_puts(&self->path, path);
    self->depth = depth ? depth : 1;
    call_page(self, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandbox_list_dir_finish(wrenn_op *op, wrenn_file_list **list, wrenn_error **error) {
    return wrn_op_take(op, &list_type, list, error);
}

int wrenn_sandbox_list_dir(wrenn_sandbox *sandbox, const char *path, int64_t depth, wrenn_file_list **list,
                           wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_list_dir_start(sandbox, path, depth, NULL, NULL, &op, error),
                 wrenn_sandbox_list_dir_finish(op, list, error));
}

/* ---- remove ---- */

static const wrn_op_type remove_type = {.name = "remove", .respond = wrn_op_respond_nothing};

int wrenn_sandbox_remove_start(wrenn_sandbox *sandbox, const char *path, wrenn_done_fn done, void *user_data,
                               wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_files_check(remove_type.name, path, error);
    if (rc == 0) rc = wrn_op_new(client_of(sandbox), sandbox, &remove_type, 0, WRN_FILES_TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_files_call(made, "/files/remove", path);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandbox_remove_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &remove_type, NULL, error);
}

int wrenn_sandbox_remove(wrenn_sandbox *sandbox, const char *path, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_remove_start(sandbox, path, NULL, NULL, &op, error),
                 wrenn_sandbox_remove_finish(op, error));
}

void wrenn_file_entry_free(wrenn_file_entry *entry) { wrn_result_free(entry); }
void wrenn_file_list_free(wrenn_file_list *list) { wrn_result_free(list); }
