#include "server/sandbox/snapshots.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "gen/requests.h"
#include "server/routes/routes.h"

static wrn_json *show(const wrn_template *item, bool platform) {
    char created[WRN_RFC3339_SIZE];
    wrn_rfc3339(created, item->created_at);
    wrenn_snapshot shown = {.present = WRENN_HAS_SNAPSHOT_NAME | WRENN_HAS_SNAPSHOT_TYPE |
                                       WRENN_HAS_SNAPSHOT_SIZE_BYTES | WRENN_HAS_SNAPSHOT_CREATED_AT |
                                       WRENN_HAS_SNAPSHOT_PLATFORM,
                            .name = item->name,
                            .type = item->type,
                            .vcpus = item->vcpus,
                            .memory_mb = item->memory_mb,
                            .size_bytes = item->size_bytes,
                            .created_at = created,
                            .platform = platform};
    if (item->vcpus) shown.present |= WRENN_HAS_SNAPSHOT_VCPUS;
    if (item->memory_mb) shown.present |= WRENN_HAS_SNAPSHOT_MEMORY_MB;
    return wrn_model_encode(&wrn_model_snapshot, &shown);
}

static wrn_json *show_row(const wrn_snapshot_row *row) {
    wrn_template item = {.type = "snapshot",
                         .vcpus = row->vcpus,
                         .memory_mb = row->memory_mb,
                         .size_bytes = row->size_bytes,
                         .created_at = row->created_at};
    snprintf(item.name, sizeof(item.name), "%s", row->name);
    return show(&item, false);
}

/* ---- create ---- */

static void on_made(void *context, const wrn_snapshot_row *row, const wrn_fault *fault) {
    if (fault) return wrn_reply_fault(context, fault);
    wrn_reply_json(context, 201, show_row(row));
}

/* Order and codes are those of PROTOCOL.md section 16. */
void wrn_route_create_snapshot(wrn_request *request) {
    wrn_create_snapshot_request asked = {0};
    wrn_server *server = wrn_request_server(request);
    wrn_sandbox_row row;
    wrn_fault fault;
    char name[65];
    if (!wrn_request_decode(request, &wrn_model_create_snapshot_request, &asked)) return;
    if (!wrn_id_is(asked.sandbox_id, "cl"))
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"sandbox_id\" is not a sandbox ID");
    if (asked.name && *asked.name && !wrn_is_template_name(asked.name))
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST,
                               "member \"name\" is not a template name: up to 64 letters, digits, dots, hyphens and "
                               "underscores, the first a letter or digit");
    if (asked.name && *asked.name) snprintf(name, sizeof(name), "%s", asked.name);
    else snprintf(name, sizeof(name), "template-%08x", randombytes_random());
    const char *replace = wrn_query_get(request->head.query, "overwrite", &request->arena);
    bool overwrite = replace && strcmp(replace, "true") == 0;
    if (!wrn_snapshots_is_free(server->sandboxes, request->who.team_id, name, overwrite, &fault))
        return wrn_reply_fault(request, &fault);
    switch (wrn_store_get_sandbox(server->store, request->who.team_id, asked.sandbox_id, &row)) {
    case WRN_DB_OK: break;
    case WRN_DB_NONE: return wrn_reply_error(request, WRN_FAULT_NOT_FOUND, "sandbox not found");
    default: return wrn_reply_error(request, WRN_FAULT_DB_ERROR, "the sandbox could not be read");
    }
    wrn_snapshots_create(server->sandboxes, &row, name, overwrite, on_made, request);
}

/* ---- list ---- */

typedef struct listing {
    wrn_json *array;
    const char *type; /* NULL: all */
} listing;

static void add_template(void *context, const wrn_template *item) {
    listing *l = context;
    if (!l->type || strcmp(l->type, item->type) == 0) wrn_json_append(l->array, show(item, true));
}

static bool add_snapshot(void *context, const wrn_snapshot_row *row) {
    listing *l = context;
    return wrn_json_append(l->array, show_row(row));
}

void wrn_route_list_snapshots(wrn_request *request) {
    const wrn_server *server = wrn_request_server(request);
    const char *type = wrn_query_get(request->head.query, "type", &request->arena);
    listing l = {wrn_json_new_array(), type && *type ? type : NULL};
    bool snapshots = !l.type || strcmp(l.type, "snapshot") == 0;
    if (snapshots && wrn_store_list_snapshots(server->store, request->who.team_id, add_snapshot, &l) != WRN_DB_OK) {
        wrn_json_free(l.array);
        return wrn_reply_error(request, WRN_FAULT_DB_ERROR, "the snapshots could not be read");
    }
    wrn_boxes_list_templates(server->boxes, add_template, &l);
    wrn_reply_json(request, 200, l.array);
}

/* ---- delete ---- */

void wrn_route_delete_snapshot(wrn_request *request) {
    wrn_fault fault;
    const char *name = request->params[0];
    if (!wrn_is_template_name(name))
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "invalid template name");
    if (!wrn_snapshots_remove(wrn_request_server(request)->sandboxes, request->who.team_id, name, &fault))
        return wrn_reply_fault(request, &fault);
    wrn_reply_empty(request, 204);
}
