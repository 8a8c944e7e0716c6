#include "api/sandboxes.h"

#include <string.h>

#include "api/operations.h"
#include "api/pairs.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"

wrenn_sandbox *wrn_sandbox_of(wrenn_op *op, const wrn_http_response *response) {
    wrenn_sandbox_info *info = wrn_op_decode(op, response, &wrn_model_sandbox_info);
    if (!info) return NULL;
    if (!info->id || !*info->id) {
        wrn_result_free(info);
        wrn_op_fail_as(op, WRENN_E_PROTOCOL, "the answer has no sandbox id");
        return NULL;
    }
    wrenn_sandbox *sandbox = wrn_sandbox_new(op->client, info->id, info);
    if (sandbox) return sandbox;
    wrn_result_free(info);
    wrn_op_fail_no_memory(op);
    return NULL;
}

static void get_respond(wrenn_op *op, wrn_http_response *response) {
    wrenn_sandbox *sandbox = wrn_sandbox_of(op, response);
    if (sandbox) wrn_op_finish(op, sandbox, wrn_sandbox_free_result);
}

const wrn_op_type wrn_sandboxes_list_type = {{"sandboxes list", "GET", "/sandboxes", WRN_AUTH_ANY},
                                             .list = &wrn_model_sandbox_info};

/* ---- query ----
 *
 * Servers without WRN_FEATURE_LIST_FILTERS answer with everything: it is filtered here then. */

typedef struct query_op {
    wrenn_op op;
    const wrn_pair *const *labels;
    size_t label_count;
    const char *status, *template_name, *id_prefix, *after;
    int64_t limit;
} query_op;

static bool has_label(const wrenn_sandbox_info *info, const wrn_pair *label) {
    for (size_t i = 0; i < info->metadata_count; i++)
        if (strcmp(info->metadata[i]->key, label->key) == 0) return strcmp(info->metadata[i]->value, label->value) == 0;
    return false;
}

static bool is_text(const char *wanted, const char *text) { return !wanted || (text && strcmp(wanted, text) == 0); }

static bool begins(const char *id, const char *prefix) {
    size_t size = strlen(prefix);
    return id && (strncmp(id, prefix, size) == 0 || (strlen(id) > 3 && strncmp(id + 3, prefix, size) == 0));
}

static bool is_wanted(const query_op *self, const wrenn_sandbox_info *info) {
    for (size_t i = 0; i < self->label_count; i++)
        if (!has_label(info, self->labels[i])) return false;
    return is_text(self->status, info->status_text) && is_text(self->template_name, info->template_name) &&
           (!self->id_prefix || begins(info->id, self->id_prefix));
}

/* False when `after` is not among them. */
static bool filter_list(const query_op *self, wrn_list *list) {
    const void **items = (const void **)(uintptr_t)list->items;
    size_t kept = 0;
    bool begun = !self->after;
    for (size_t i = 0; i < list->items_count; i++) {
        const wrenn_sandbox_info *info = items[i];
        bool wanted = begun && (!self->limit || kept < (size_t)self->limit) && is_wanted(self, info);
        if (wanted) items[kept++] = info;
        begun = begun || (info->id && strcmp(info->id, self->after) == 0);
    }
    list->items_count = kept;
    return begun;
}

static void query_respond(wrenn_op *op, wrn_http_response *response) {
    query_op *self = (query_op *)op;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    if (!wrn_op_append(op, response, json, &wrn_model_sandbox_info)) return;
    wrn_list *list = op->list;
    if (!(op->client->features & WRN_FEATURE_LIST_FILTERS) && !filter_list(self, list))
        return wrn_op_fail_as(op, WRENN_E_VALIDATION, "there is no sandbox \"%s\" to go on after", self->after);
    const wrenn_sandbox_info *last = list->items_count ? list->items[list->items_count - 1] : NULL;
    if (self->limit && list->items_count >= (size_t)self->limit) list->next = last->id;
    wrn_op_finish_list(op);
}

const wrn_op_type wrn_sandboxes_query_type = {
    {"sandboxes query", "GET",
     "/sandboxes?status={status}&template={template}&id_prefix={id prefix}&limit={limit}&after={after}", WRN_AUTH_ANY},
    .size = sizeof(query_op),
    .respond = query_respond};

int wrn_sandboxes_query_prepare(wrenn_op *op, const wrenn_sandboxes_query_options *options, wrenn_error **error) {
    char limit[WRN_NUMBER_SIZE];
    query_op *self = (query_op *)op;
    const char *const args[] = {options->status, options->template_name, options->id_prefix,
                                wrn_number(limit, options->limit), options->after};
    int rc = wrn_op_check(op, error, {"limit", options->limit, 0, INT32_MAX});
    if (rc == 0) rc = wrn_op_call_type(op, args, NULL, error);
    if (rc != 0) return rc;
    self->limit = options->limit;
    self->status = wrn_op_keep(op, options->status);
    self->template_name = wrn_op_keep(op, options->template_name);
    self->id_prefix = wrn_op_keep(op, options->id_prefix);
    self->after = wrn_op_keep(op, options->after);
    wrn_op_add_parameters(op, "label", options->labels);
    return wrn_pairs_read(op, "labels", options->labels, NULL, &self->labels, &self->label_count, error);
}

const wrn_op_type wrn_sandboxes_get_type = {{"sandboxes get", "GET", "/sandboxes/{sandbox id}", WRN_AUTH_ANY},
                                            .respond = get_respond};

const wrn_op_type wrn_sandboxes_destroy_type = {
    {"sandboxes destroy", "DELETE", "/sandboxes/{sandbox id}", WRN_AUTH_ANY}};
