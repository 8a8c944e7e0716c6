/* Secrets: values of headers that sandboxes send without knowing them. No answer has a value. */
#include <sodium.h>
#include <string.h>

#include "server/routes/routes.h"
#include "server/sandbox/secrets.h"

static wrn_json *show_secret(const wrn_secret_row *row) {
    char created[WRN_RFC3339_SIZE], updated[WRN_RFC3339_SIZE];
    wrn_rfc3339(created, row->created_at);
    wrn_rfc3339(updated, row->updated_at);
    const wrenn_secret secret = {.name = row->name, .created_at = created, .updated_at = updated};
    return wrn_model_encode(&wrn_model_secret, &secret);
}

/* Names of secrets are like those of templates. */
static const char *name_of(wrn_request *request) {
    const char *name = request->params[0];
    if (wrn_is_template_name(name)) return name;
    wrn_reply_invalid(request, "the name of a secret has 1 to 64 letters, digits, dots, hyphens and underscores, and "
                               "starts with a letter or digit");
    return NULL;
}

/* As it stands in a header field: what else there is would be cut off, or begin another field. */
static bool is_value(const char *value) {
    size_t size = value ? strlen(value) : 0;
    if (!size || size > WRN_SECRET_VALUE_MAX || *value == ' ' || value[size - 1] == ' ') return false;
    for (size_t i = 0; i < size; i++)
        if (value[i] < ' ' || value[i] > '~') return false;
    return true;
}

void wrn_route_set_secret(wrn_request *request) {
    const wrn_server *server = wrn_server_of(request);
    const char *name = name_of(request), *team = request->who.team_id;
    wrn_set_secret_request asked = {0};
    wrn_secret_row row;
    if (!name || !wrn_request_decode(request, &wrn_model_set_secret_request, &asked)) return;
    if (!is_value(asked.value))
        return wrn_reply_invalid(
            request,
            "member \"value\" must have 1 to %d visible ASCII characters and blanks, with no blank "
            "at either end",
            WRN_SECRET_VALUE_MAX);
    wrn_db outcome = wrn_store_set_secret(server->store, team, name, asked.value, &row);
    sodium_memzero((char *)(uintptr_t)asked.value, strlen(asked.value));
    sodium_memzero(request->body.data, request->body.size);
    if (outcome != WRN_DB_OK) return wrn_reply_db_error(request);
    wrn_secrets_changed(server->sandboxes, team, name);
    wrn_request_await_disk(request);
    wrn_reply_json(request, 200, show_secret(&row));
}

static void add_secret(void *array, const wrn_secret_row *row) { wrn_json_append(array, show_secret(row)); }

void wrn_route_list_secrets(wrn_request *request) {
    wrn_json *array = wrn_json_new_array();
    wrn_reply_list(
        request, wrn_store_list_secrets(wrn_server_of(request)->store, request->who.team_id, add_secret, array), array);
}

void wrn_route_delete_secret(wrn_request *request) {
    const wrn_server *server = wrn_server_of(request);
    const char *name = name_of(request), *team = request->who.team_id;
    if (!name) return;
    wrn_db outcome = wrn_store_remove_secret(server->store, team, name);
    if (outcome == WRN_DB_OK) wrn_secrets_changed(server->sandboxes, team, name);
    wrn_request_await_disk(request);
    wrn_reply_stored(request, outcome);
}
