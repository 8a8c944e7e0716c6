
#include "base/text.h"
#include "server/routes/routes.h"

/* `secret` NULL: it is not shown. */
static wrn_json *show_key(const wrn_key_row *row, const char *secret) {
    char created[WRN_RFC3339_SIZE], used[WRN_RFC3339_SIZE];
    wrn_rfc3339(created, row->created_at);
    wrn_rfc3339(used, row->last_used);
    wrenn_api_key key = {
        .id = row->id,
        .team_id = row->team_id,
        .name = row->name,
        .key_prefix = row->prefix,
        .created_by = row->created_by,
        .creator_email = row->creator_email,
        .created_at = created,
        .last_used = row->last_used ? used : NULL,
        .key = secret,
    };
    return wrn_model_encode(&wrn_model_api_key, &key);
}

void wrn_route_create_key(wrn_request *request) {
    wrn_create_api_key_request asked = {0};
    char key[WRN_API_KEY_SIZE];
    wrn_key_row row;
    if (!wrn_request_decode(request, &wrn_model_create_api_key_request, &asked)) return;
    const char *name = asked.name && *asked.name ? asked.name : "Unnamed API Key";
    const wrn_identity *who = &request->who;
    wrn_request_await_disk(request);
    if (wrn_server_new_key(wrn_server_of(request), who->team_id, who->user_id, name, &row, key) != WRN_DB_OK)
        return wrn_reply_db_error(request);
    wrn_reply_json(request, 201, show_key(&row, key));
}

static void add_key(void *array, const wrn_key_row *row) { wrn_json_append(array, show_key(row, NULL)); }

void wrn_route_list_keys(wrn_request *request) {
    wrn_json *array = wrn_json_new_array();
    wrn_reply_list(request, wrn_store_list_keys(wrn_server_of(request)->store, request->who.team_id, add_key, array),
                   array);
}

void wrn_route_delete_key(wrn_request *request) {
    const char *id = request->params[0];
    if (!wrn_id_is(id, "key")) return wrn_reply_invalid(request, "invalid API key ID");
    wrn_request_await_disk(request);
    wrn_reply_stored(request, wrn_store_remove_key(wrn_server_of(request)->store, request->who.team_id, id));
}
