#include "server/sandbox/snapshots.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "server/routes/routes.h"

static wrn_json *show_template(const wrn_template *item, bool platform) {
    char created[WRN_RFC3339_SIZE];
    wrn_rfc3339(created, item->created_at);
    const wrenn_snapshot shown = {.name = item->name,
                                  .type = item->type,
                                  .vcpus = item->vcpus,
                                  .memory_mb = item->memory_mb,
                                  .size_bytes = item->size_bytes,
                                  .created_at = created};
    wrn_json *object = wrn_model_encode(&wrn_model_snapshot, &shown);
    wrn_json_set_bool(object, "platform", platform);
    return object;
}

static wrn_json *show_row(const wrn_snapshot_row *row) {
    wrn_template item = {.type = "snapshot",
                         .vcpus = row->vcpus,
                         .memory_mb = row->memory_mb,
                         .size_bytes = row->size_bytes,
                         .created_at = row->created_at};
    snprintf(item.name, sizeof(item.name), "%s", row->name);
    return show_template(&item, false);
}

/* ---- create ---- */

static void reply_snapshot(void *context, const wrn_snapshot_row *row, const wrn_fault *fault) {
    if (fault) return wrn_reply_fault(context, fault);
    wrn_reply_json(context, 201, show_row(row));
}

/* The order of the checks and their codes are those of PROTOCOL.md section 16. */
void wrn_route_create_snapshot(wrn_request *request) {
    wrn_create_snapshot_request asked = {0};
    wrn_server *server = wrn_server_of(request);
    wrn_sandbox_row row;
    wrn_fault fault;
    char name[65];
    if (!wrn_request_decode(request, &wrn_model_create_snapshot_request, &asked)) return;
    if (!wrn_id_is(asked.sandbox_id, "cl"))
        return wrn_reply_invalid(request, "member \"sandbox_id\" is not a sandbox ID");
    if (asked.name && *asked.name && !wrn_is_template_name(asked.name))
        return wrn_reply_invalid(request, "member \"name\" is not a template name: up to 64 letters, digits, dots, "
                                          "hyphens and underscores, the first a letter or digit");
    if (asked.name && *asked.name) snprintf(name, sizeof(name), "%s", asked.name);
    else snprintf(name, sizeof(name), "template-%08x", randombytes_random());
    const char *replace = wrn_query_get(request->head.query, "overwrite", &request->arena);
    bool overwrite = replace && strcmp(replace, "true") == 0;
    if (!wrn_snapshots_is_free(server->sandboxes, request->who.team_id, name, overwrite, &fault) ||
        !wrn_find_sandbox(server, request->who.team_id, asked.sandbox_id, &row, &fault))
        return wrn_reply_fault(request, &fault);
    wrn_snapshots_create(server->sandboxes, &row, name, overwrite, reply_snapshot, request);
}

/* ---- list ---- */

typedef struct template_list {
    wrn_json *array;
    const char *type; /* NULL: all */
} template_list;

static void add_template(void *context, const wrn_template *item) {
    template_list *l = context;
    if (!l->type || strcmp(l->type, item->type) == 0) wrn_json_append(l->array, show_template(item, true));
}

static void add_snapshot(void *context, const wrn_snapshot_row *row) {
    wrn_json_append(((template_list *)context)->array, show_row(row));
}

void wrn_route_list_snapshots(wrn_request *request) {
    const wrn_server *server = wrn_server_of(request);
    const char *type = wrn_query_get(request->head.query, "type", &request->arena);
    template_list l = {wrn_json_new_array(), wrn_none_if_empty(type)};
    wrn_db outcome = WRN_DB_OK;
    if (!l.type || strcmp(l.type, "snapshot") == 0)
        outcome = wrn_store_list_snapshots(server->store, request->who.team_id, add_snapshot, &l);
    wrn_boxes_list_templates(server->boxes, add_template, &l);
    wrn_reply_list(request, outcome, l.array);
}

/* ---- delete ---- */

void wrn_route_delete_snapshot(wrn_request *request) {
    wrn_fault fault;
    const char *name = request->params[0];
    if (!wrn_is_template_name(name)) return wrn_reply_invalid(request, "invalid template name");
    if (!wrn_snapshots_remove(wrn_server_of(request)->sandboxes, request->who.team_id, name, &fault))
        return wrn_reply_fault(request, &fault);
    wrn_reply_empty(request, 204);
}
