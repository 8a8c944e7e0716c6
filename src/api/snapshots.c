#include "api/operations.h"
#include "gen/requests.h"

/* ---- create ---- */

const wrn_op_type wrn_snapshots_create_type = {
    {"snapshots create", "POST", "/snapshots?overwrite={overwrite}", WRN_AUTH_ANY},
    .timeout_ms = 360000,
    .body = &wrn_model_create_snapshot_request,
    .object = &wrn_model_snapshot,
};

int wrn_snapshots_create_prepare(wrenn_op *op, const wrenn_snapshots_create_options *options, wrenn_error **error) {
    const wrn_create_snapshot_request request = {.sandbox_id = options->sandbox_id, .name = options->name};
    const char *const args[] = {options->flags & WRENN_SNAPSHOTS_CREATE_OVERWRITE ? "true" : NULL};
    if (!options->sandbox_id || !*options->sandbox_id)
        return wrn_refuse(error, "snapshots create: sandbox_id must be set");
    return wrn_op_call_type(op, args, &request, error);
}

/* ---- list ----
 *
 * A server answers with the whole array, or with one page of it in an object. */

typedef struct list_op {
    wrenn_op op;
    const char *type; /* NULL: all */
    int64_t page;     /* the one asked for */
} list_op;

static void call_snapshot_page(list_op *self) {
    char page[WRN_NUMBER_SIZE];
    const char *const args[] = {self->type, self->page > 1 ? wrn_number(page, self->page) : NULL};
    wrn_op_call_type(&self->op, args, NULL, NULL);
}

static void snapshots_list_respond(wrenn_op *op, wrn_http_response *response) {
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
    if (page != self->page) return wrn_op_fail_malformed(op, response, "it is not the page that was asked for");
    if (!wrn_op_append(op, response, items, &wrn_model_snapshot)) return;
    /* An empty page is the last one, whatever the count says: snapshots may have been deleted meanwhile. */
    if (page >= pages || !wrn_json_count(items)) return wrn_op_finish_list(op);
    self->page++;
    call_snapshot_page(self);
    wrn_op_send(op);
}

const wrn_op_type wrn_snapshots_list_type = {
    {"snapshots list", "GET", "/snapshots?type={type}&page={page}", WRN_AUTH_ANY},
    .size = sizeof(list_op),
    .respond = snapshots_list_respond,
};

int wrn_snapshots_list_prepare(wrenn_op *op, const wrenn_snapshots_list_options *options, wrenn_error **error) {
    list_op *self = (list_op *)op;
    bool some = options->type && *options->type;
    self->page = 1;
    if (some) self->type = wrn_op_keep(op, options->type);
    if (some && !self->type) return wrn_no_memory(error, op->type->name);
    call_snapshot_page(self);
    return 0;
}

/* ---- delete ---- */

const wrn_op_type wrn_snapshots_delete_type = {
    {"snapshots delete", "DELETE", "/snapshots/{snapshot name}", WRN_AUTH_ANY}};
