#include "wrenn/snapshots.h"

#include "client/op.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000, CREATE_TIMEOUT_MS = 360000 };

/* ---- create ---- */

static void respond_snapshot(wrenn_op *op, wrn_http_response *response) {
    wrn_op_respond_model(op, response, &wrn_model_snapshot);
}

static const wrn_op_type create_type = {.name = "snapshots create", .respond = respond_snapshot};

static int check_create(const wrenn_snapshot_options *options, wrenn_error **error) {
    if (!options->sandbox_id || !*options->sandbox_id)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "snapshots create: sandbox_id must be set");
    if (options->flags & ~WRENN_SNAPSHOT_OVERWRITE)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "snapshots create: unknown flags; use WRENN_SNAPSHOT_*");
    return 0;
}

int wrenn_snapshots_create_start(wrenn_client *client, const wrenn_snapshot_options *options, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_snapshot_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_snapshot_options", error);
    if (rc == 0) rc = check_create(&known, error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &create_type, known.timeout_ms, CREATE_TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_create_snapshot_request request = {
        .present = WRN_HAS_CREATE_SNAPSHOT_REQUEST_SANDBOX_ID | (known.name ? WRN_HAS_CREATE_SNAPSHOT_REQUEST_NAME : 0),
        .sandbox_id = known.sandbox_id,
        .name = known.name,
    };
    bool overwrite = known.flags & WRENN_SNAPSHOT_OVERWRITE;
    wrn_op_call(made, "POST", WRN_AUTH_ANY, overwrite ? "/snapshots?overwrite=true" : "/snapshots",
                &wrn_model_create_snapshot_request, &request);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_snapshots_create_finish(wrenn_op *op, wrenn_snapshot **snapshot, wrenn_error **error) {
    return wrn_op_take(op, &create_type, snapshot, error);
}

int wrenn_snapshots_create(wrenn_client *client, const wrenn_snapshot_options *options, wrenn_snapshot **snapshot,
                           wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_snapshots_create_start(client, options, NULL, NULL, &op, error),
                 wrenn_snapshots_create_finish(op, snapshot, error));
}

/* ---- list ----
 *
 * A server answers with the whole array, or with one page of it in an object. */

typedef struct list_op {
    wrenn_op op;
    wrn_buf type; /* escaped; empty: all */
    int64_t page; /* the one asked for */
    wrn_list *list;
} list_op;

static void call_page(list_op *self) {
    wrn_buf *path = &self->op.path;
    wrn_op_call(&self->op, "GET", WRN_AUTH_ANY, "/snapshots", NULL, NULL);
    if (self->type.size) {
        wrn_buf_puts(path, "?type=");
        wrn_buf_put(path, self->type.data, self->type.size);
    }
    if (self->page > 1) wrn_buf_printf(path, "%cpage=%lld", self->type.size ? '&' : '?', (long long)self->page);
}

static void list_respond(wrenn_op *op, wrn_http_response *response) {
    list_op *self = (list_op *)op;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    bool paged = wrn_json_type_of(json) == WRN_JSON_OBJECT;
    const wrn_json *items = paged ? wrn_json_get(json, "templates") : json;
    int64_t page = self->page, pages = 1;
    if (paged) {
        wrn_json_int(wrn_json_get(json, "page"), &page);
        wrn_json_int(wrn_json_get(json, "total_pages"), &pages);
    }
    if (page != self->page) {
        wrn_op_fail_nonsense(op, response, "it is not the page that was asked for");
        return;
    }
    if (!self->list) self->list = wrn_result_new(sizeof(*self->list));
    if (!wrn_op_append(op, response, items, &wrn_model_snapshot, self->list)) return;
    /* An empty page is the last one, whatever the count says: snapshots may have been deleted meanwhile. */
    if (page >= pages || !wrn_json_count(items)) {
        wrn_op_finish(op, WRN_TAKE(self->list), wrn_result_free);
        return;
    }
    self->page++;
    call_page(self);
    wrn_op_send(op);
}

static void list_clear(wrenn_op *op) {
    list_op *self = (list_op *)op;
    wrn_buf_free(&self->type);
    wrn_result_free(self->list);
}

static const wrn_op_type list_type = {.name = "snapshots list",
                                      .size = sizeof(list_op),
                                      .respond = list_respond,
                                      .clear = list_clear};

int wrenn_snapshots_list_start(wrenn_client *client, const wrenn_snapshot_filter *filter, wrenn_done_fn done,
                               void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_snapshot_filter known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), filter, "wrenn_snapshot_filter", error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &list_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    list_op *self = (list_op *)made;
    self->page = 1;
    if (known.type) wrn_url_escape(&self->type, known.type);
    call_page(self);
    if (self->type.failed) made->path.failed = true;
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_snapshots_list_finish(wrenn_op *op, wrenn_snapshot_list **list, wrenn_error **error) {
    return wrn_op_take(op, &list_type, list, error);
}

int wrenn_snapshots_list(wrenn_client *client, const wrenn_snapshot_filter *filter, wrenn_snapshot_list **list,
                         wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_snapshots_list_start(client, filter, NULL, NULL, &op, error),
                 wrenn_snapshots_list_finish(op, list, error));
}

/* ---- delete ---- */

static const wrn_op_type delete_type = {.name = "snapshots delete", .respond = wrn_op_respond_nothing};

int wrenn_snapshots_delete_start(wrenn_client *client, const char *name, wrenn_done_fn done, void *user_data,
                                 wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_check_segment("snapshot name", name, error);
    if (rc == 0) rc = wrn_op_new(client, NULL, &delete_type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call(made, "DELETE", WRN_AUTH_ANY, "/snapshots/", NULL, NULL);
    wrn_url_escape_segment(&made->path, name);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_snapshots_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &delete_type, NULL, error);
}

int wrenn_snapshots_delete(wrenn_client *client, const char *name, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_snapshots_delete_start(client, name, NULL, NULL, &op, error),
                 wrenn_snapshots_delete_finish(op, error));
}

void wrenn_snapshot_free(wrenn_snapshot *snapshot) { wrn_result_free(snapshot); }
void wrenn_snapshot_list_free(wrenn_snapshot_list *list) { wrn_result_free(list); }
