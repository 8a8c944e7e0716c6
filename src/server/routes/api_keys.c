#include <stdio.h>

#include "base/text.h"
#include "gen/requests.h"
#include "server/routes/routes.h"

/* A row as the API shows it; the times live in `texts`. */
static wrenn_api_key show(const wrn_key_row *row, char texts[2][WRN_RFC3339_SIZE]) {
    wrn_rfc3339(texts[0], row->created_at);
    wrn_rfc3339(texts[1], row->last_used);
    wrenn_api_key key = {
        .present = WRENN_HAS_API_KEY_ID | WRENN_HAS_API_KEY_TEAM_ID | WRENN_HAS_API_KEY_NAME |
                   WRENN_HAS_API_KEY_KEY_PREFIX | WRENN_HAS_API_KEY_CREATED_BY | WRENN_HAS_API_KEY_CREATED_AT,
        .id = row->id,
        .team_id = row->team_id,
        .name = row->name,
        .key_prefix = row->prefix,
        .created_by = row->created_by,
        .creator_email = row->creator_email,
        .created_at = texts[0],
        .last_used = texts[1],
    };
    if (row->creator_email) key.present |= WRENN_HAS_API_KEY_CREATOR_EMAIL;
    if (row->last_used) key.present |= WRENN_HAS_API_KEY_LAST_USED;
    return key;
}

void wrn_route_create_key(wrn_request *request) {
    wrn_create_api_key_request asked = {0};
    char texts[2][WRN_RFC3339_SIZE], key[WRN_API_KEY_SIZE];
    wrn_key_row row;
    if (!wrn_request_decode(request, &wrn_model_create_api_key_request, &asked)) return;
    const char *name = asked.name && *asked.name ? asked.name : "Unnamed API Key";
    const wrn_identity *who = &request->who;
    wrn_request_await_disk(request);
    if (wrn_server_new_key(wrn_request_server(request), who->team_id, who->user_id, name, &row, key) != WRN_DB_OK)
        return wrn_reply_error(request, WRN_FAULT_DB_ERROR, "the key could not be stored");
    wrenn_api_key answer = show(&row, texts);
    answer.present |= WRENN_HAS_API_KEY_KEY;
    answer.key = key;
    wrn_reply_model(request, 201, &wrn_model_api_key, &answer);
}

static bool add_key(void *array, const wrn_key_row *row) {
    char texts[2][WRN_RFC3339_SIZE];
    wrenn_api_key key = show(row, texts);
    return wrn_json_append(array, wrn_model_encode(&wrn_model_api_key, &key));
}

void wrn_route_list_keys(wrn_request *request) {
    wrn_json *array = wrn_json_new_array();
    if (wrn_store_list_keys(wrn_request_server(request)->store, request->who.team_id, add_key, array) == WRN_DB_OK)
        return wrn_reply_json(request, 200, array);
    wrn_json_free(array);
    wrn_reply_error(request, WRN_FAULT_DB_ERROR, "the keys could not be read");
}

void wrn_route_delete_key(wrn_request *request) {
    const char *id = request->params[0];
    if (!wrn_id_is(id, "key")) return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "invalid API key ID");
    wrn_request_await_disk(request);
    if (wrn_store_remove_key(wrn_request_server(request)->store, request->who.team_id, id) == WRN_DB_OK)
        return wrn_reply_empty(request, 204);
    wrn_reply_error(request, WRN_FAULT_DB_ERROR, "the key could not be deleted");
}
