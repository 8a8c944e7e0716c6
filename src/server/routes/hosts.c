/* Hosts: what owners and teams do with them, and what their agents call. The rights are those of PROTOCOL.md, 17.1. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "server/routes/routes.h"

enum { REGISTRATION_SECONDS = 3600, REFRESH_SECONDS = 60 * 86400, SILENCE_SECONDS = 90, TAG_MAX = 255 };

/* ---- what the API shows ---- */

typedef struct host_view {
    wrenn_host host;
    char heartbeat[WRN_RFC3339_SIZE], created[WRN_RFC3339_SIZE], updated[WRN_RFC3339_SIZE];
} host_view;

/* Silence is noticed when somebody looks, so no timer is needed. */
static const char *status_of(const wrn_host_row *row, int64_t now) {
    bool silent = !row->built_in && strcmp(row->status, "online") == 0 && now - row->heartbeat_at > SILENCE_SECONDS;
    return silent ? "unreachable" : row->status;
}

/* The result points into `row` and `view`. */
static const wrenn_host *show_host(const wrn_host_row *row, host_view *view) {
    int64_t now = wrn_unix_time(), heartbeat_at = row->built_in ? now : row->heartbeat_at;
    wrn_rfc3339(view->heartbeat, heartbeat_at);
    wrn_rfc3339(view->created, row->created_at);
    wrn_rfc3339(view->updated, row->updated_at);
    view->host = (wrenn_host){
        .id = row->id,
        .type = row->type,
        .status_text = status_of(row, now),
        .created_by = row->created_by,
        .created_at = view->created,
        .updated_at = view->updated,
        .team_id = wrn_none_if_empty(row->team_id),
        .provider = wrn_none_if_empty(row->provider),
        .availability_zone = wrn_none_if_empty(row->availability_zone),
        .arch = wrn_none_if_empty(row->arch),
        .address = wrn_none_if_empty(row->address),
        .last_heartbeat_at = heartbeat_at ? view->heartbeat : NULL,
        .cpu_cores = row->cpu_cores,
        .memory_mb = row->memory_mb,
        .disk_gb = row->disk_gb,
    };
    return &view->host;
}

/* ---- rights ---- */

static bool refuse_db(wrn_request *request) {
    wrn_reply_db_error(request);
    return false;
}

static bool get_rights(wrn_request *request, wrn_rights *rights) {
    const wrn_identity *who = &request->who;
    wrn_db outcome = wrn_store_get_rights(wrn_server_of(request)->store, who->user_id, who->team_id, rights);
    if (outcome == WRN_DB_NONE) return wrn_refuse(request, WRN_FAULT_UNAUTHORIZED, "the token's user no longer exists");
    return outcome == WRN_DB_OK || refuse_db(request);
}

/* The host that the path names. False: the request was answered. */
static bool find_host(wrn_request *request, wrn_host_row *row) {
    if (!wrn_id_is(request->params[0], "host"))
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "invalid host ID");
    wrn_db outcome = wrn_store_get_host(wrn_server_of(request)->store, request->params[0], row);
    if (outcome == WRN_DB_NONE) return wrn_refuse(request, WRN_FAULT_NOT_FOUND, "host not found");
    return outcome == WRN_DB_OK || refuse_db(request);
}

static bool find_visible_host(wrn_request *request, wrn_host_row *row) {
    wrn_rights rights;
    if (!find_host(request, row) || !get_rights(request, &rights)) return false;
    return rights.is_admin || strcmp(row->team_id, request->who.team_id) == 0 ||
           wrn_refuse(request, WRN_FAULT_NOT_FOUND, "host not found");
}

/* For requests that change a host: the answer for one of another team is 403, not 404. */
static bool find_managed_host(wrn_request *request, wrn_host_row *row) {
    wrn_rights rights;
    if (!find_host(request, row) || !get_rights(request, &rights)) return false;
    return rights.is_admin || (rights.manages_team && strcmp(row->team_id, request->who.team_id) == 0) ||
           wrn_refuse(request, WRN_FAULT_FORBIDDEN,
                      "only this server's owner, or an owner of the host's team, may do that");
}

/* ---- create, list, get ---- */

static bool copy_text(wrn_request *request, const char *name, const char *text, char out[WRN_HOST_TEXT_MAX + 1]) {
    return !text || snprintf(out, WRN_HOST_TEXT_MAX + 1, "%s", text) <= WRN_HOST_TEXT_MAX ||
           wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "member \"%s\" has more than %d bytes", name,
                      WRN_HOST_TEXT_MAX);
}

static bool may_create_byoc(wrn_request *request, const wrn_rights *rights, const char *team_id) {
    if (!team_id || !wrn_id_is(team_id, "team"))
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "member \"team_id\" must be a team's id for a byoc host");
    bool own = rights->manages_team && strcmp(team_id, request->who.team_id) == 0;
    if (!rights->is_admin && !own)
        return wrn_refuse(request, WRN_FAULT_FORBIDDEN, "only an owner of the team may bring a host of its own");
    wrn_db outcome = wrn_store_find_team(wrn_server_of(request)->store, team_id);
    if (outcome == WRN_DB_NONE) return wrn_refuse(request, WRN_FAULT_NOT_FOUND, "team not found");
    return outcome == WRN_DB_OK || refuse_db(request);
}

static bool may_create(wrn_request *request, const wrn_create_host_request *asked, wrn_host_row *row) {
    wrn_rights rights;
    bool byoc = strcmp(asked->type, "byoc") == 0;
    if (!byoc && strcmp(asked->type, "regular") != 0)
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "member \"type\" must be \"regular\" or \"byoc\"");
    if (!get_rights(request, &rights)) return false;
    if (byoc && !may_create_byoc(request, &rights, asked->team_id)) return false;
    if (!byoc && !rights.is_admin)
        return wrn_refuse(
            request, WRN_FAULT_FORBIDDEN,
            "only this server's owner may make regular hosts; make one of your team's own, of the type byoc");
    if (byoc) snprintf(row->team_id, sizeof(row->team_id), "%s", asked->team_id);
    return true;
}

static wrn_host_secret new_secret(int64_t expires_at) {
    wrn_host_secret secret = {.expires_at = expires_at};
    wrn_host_token_new(secret.token);
    return secret;
}

static void reply_with_token(wrn_request *request, const wrn_host_row *row, const char *token) {
    host_view view;
    const wrenn_host_with_token answer = {.host = show_host(row, &view), .registration_token = token};
    wrn_reply_model(request, 201, &wrn_model_host_with_token, &answer);
}

void wrn_route_create_host(wrn_request *request) {
    wrn_create_host_request asked = {0};
    if (!wrn_request_decode(request, &wrn_model_create_host_request, &asked)) return;
    int64_t now = wrn_unix_time();
    wrn_host_row row = {.status = "pending", .created_at = now, .updated_at = now};
    if (!may_create(request, &asked, &row) || !copy_text(request, "provider", asked.provider, row.provider) ||
        !copy_text(request, "availability_zone", asked.availability_zone, row.availability_zone))
        return;
    wrn_id_new(row.id, "host");
    snprintf(row.type, sizeof(row.type), "%s", asked.type);
    memcpy(row.created_by, request->who.user_id, sizeof(row.created_by));
    const wrn_host_secret registration = new_secret(now + REGISTRATION_SECONDS);
    wrn_request_await_disk(request);
    if (wrn_store_add_host(wrn_server_of(request)->store, &row, &registration) != WRN_DB_OK)
        return wrn_reply_db_error(request);
    reply_with_token(request, &row, registration.token);
}

typedef struct host_list {
    wrn_json *array;
    bool team_names;
} host_list;

static void add_host(void *context, const wrn_host_row *row) {
    host_list *list = context;
    host_view view;
    show_host(row, &view);
    if (list->team_names) view.host.team_name = wrn_none_if_empty(row->team_name);
    wrn_json_append(list->array, wrn_model_encode(&wrn_model_host, &view.host));
}

void wrn_route_list_hosts(wrn_request *request) {
    wrn_rights rights;
    if (!get_rights(request, &rights)) return;
    host_list list = {wrn_json_new_array(), rights.is_admin};
    const char *team_id = rights.is_admin ? NULL : request->who.team_id;
    wrn_reply_list(request, wrn_store_list_hosts(wrn_server_of(request)->store, team_id, add_host, &list), list.array);
}

void wrn_route_get_host(wrn_request *request) {
    wrn_host_row row;
    host_view view;
    if (find_visible_host(request, &row)) wrn_reply_model(request, 200, &wrn_model_host, show_host(&row, &view));
}

void wrn_route_renew_host(wrn_request *request) {
    wrn_host_row row;
    if (!find_managed_host(request, &row)) return;
    int64_t now = wrn_unix_time();
    if (strcmp(row.status, "pending") != 0)
        return wrn_reply_error(request, WRN_FAULT_INVALID_STATE, "the host is registered already (status: %s)",
                               status_of(&row, now));
    const wrn_host_secret registration = new_secret(now + REGISTRATION_SECONDS);
    wrn_request_await_disk(request);
    if (wrn_store_renew_host(wrn_server_of(request)->store, row.id, now, &registration) != WRN_DB_OK)
        return wrn_reply_db_error(request);
    reply_with_token(request, &row, registration.token);
}

/* ---- delete ---- */

/* The sandboxes that deleting a host would destroy. Lives in the request's arena. */
typedef struct active_list {
    wrn_request *request;
    const char **ids;
    size_t count, capacity, waiting;
    wrn_fault fault;
    bool failed;
} active_list;

static void add_active(void *context, const wrn_sandbox_row *row, const char *metadata) {
    active_list *list = context;
    wrn_arena *arena = &list->request->arena;
    (void)metadata;
    if (strcmp(row->status, "paused") == 0 || strcmp(row->status, "hibernated") == 0) return;
    if (list->count == list->capacity) {
        const char **smaller = list->ids;
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->ids = wrn_arena_alloc(arena, list->capacity * sizeof(*list->ids));
        if (list->count) memcpy(list->ids, smaller, list->count * sizeof(*list->ids));
    }
    list->ids[list->count++] = wrn_arena_dup(arena, row->id, strlen(row->id));
}

/* All sandboxes run on the built-in host. NULL: the request was answered. */
static active_list *find_active(wrn_request *request, const wrn_host_row *row) {
    active_list *list = wrn_arena_alloc(&request->arena, sizeof(*list));
    list->request = request;
    const wrn_sandbox_filter all = {0};
    if (!row->built_in || wrn_store_list_sandboxes(wrn_server_of(request)->store, &all, add_active, list) == WRN_DB_OK)
        return list;
    wrn_reply_db_error(request);
    return NULL;
}

void wrn_route_preview_host_delete(wrn_request *request) {
    wrn_host_row row;
    host_view view;
    const active_list *list = find_visible_host(request, &row) ? find_active(request, &row) : NULL;
    if (!list) return;
    const wrenn_host_delete_preview answer = {
        .host = show_host(&row, &view), .sandbox_ids = list->ids, .sandbox_ids_count = list->count};
    wrn_reply_model(request, 200, &wrn_model_host_delete_preview, &answer);
}

/* The ids are in two places: upstream and its SDKs have them outside of `error`. */
static void reply_active(const active_list *list) {
    wrn_json *envelope = wrn_error_envelope(WRN_FAULT_HAS_ACTIVE_SANDBOXES,
                                            "sandboxes are active on this host; destroy them, or use force=true");
    wrn_json *error = wrn_json_ref(wrn_json_get(envelope, "error"));
    wrn_json *ids = wrn_json_new_strings(list->ids, list->count);
    wrn_json_set(error, "sandbox_ids", wrn_json_ref(ids));
    wrn_json_set(envelope, "sandbox_ids", ids);
    wrn_json_free(error);
    wrn_reply_json(list->request, 409, envelope);
}

static void refuse_built_in(wrn_request *request, size_t destroyed) {
    char done[80] = "";
    if (destroyed) snprintf(done, sizeof(done), "its %zu active sandboxes are destroyed, but ", destroyed);
    wrn_reply_error(request, WRN_FAULT_FORBIDDEN,
                    "%sthis host is the machine that wrennd runs on, which can't be deleted", done);
}

static void finish_one(active_list *list) {
    if (--list->waiting) return;
    if (list->failed) return wrn_reply_fault(list->request, &list->fault);
    refuse_built_in(list->request, list->count);
}

static void hosts_on_destroyed(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    active_list *list = context;
    (void)row;
    if (fault && !list->failed) {
        list->failed = true;
        list->fault = *fault;
    }
    finish_one(list);
}

static void destroy_active(active_list *list) {
    wrn_server *server = wrn_server_of(list->request);
    list->waiting = list->count + 1; /* the callback may come from inside the call */
    for (size_t i = 0; i < list->count; i++) {
        wrn_sandbox_row row;
        if (wrn_store_get_sandbox(server->store, NULL, list->ids[i], &row) == WRN_DB_OK)
            wrn_sandboxes_change(server->sandboxes, &row, WRN_EVENT_DESTROY, hosts_on_destroyed, list);
        else finish_one(list);
    }
    finish_one(list);
}

void wrn_route_delete_host(wrn_request *request) {
    wrn_host_row row;
    active_list *list = find_managed_host(request, &row) ? find_active(request, &row) : NULL;
    if (!list) return;
    const char *force = wrn_query_get(request->head.query, "force", &request->arena);
    if (list->count && (!force || strcmp(force, "true") != 0)) return reply_active(list);
    if (list->count) return destroy_active(list);
    if (row.built_in) return refuse_built_in(request, 0);
    wrn_request_await_disk(request);
    wrn_reply_stored(request, wrn_store_remove_host(wrn_server_of(request)->store, row.id));
}

/* ---- tags ---- */

static void add_tag(void *context, const char *tag) { wrn_json_append_string(context, tag); }

void wrn_route_list_tags(wrn_request *request) {
    wrn_host_row row;
    if (!find_visible_host(request, &row)) return;
    wrn_json *array = wrn_json_new_array();
    wrn_reply_list(request, wrn_store_list_tags(wrn_server_of(request)->store, row.id, add_tag, array), array);
}

void wrn_route_add_tag(wrn_request *request) {
    wrn_host_row row;
    wrn_add_tag_request asked = {0};
    if (!find_visible_host(request, &row) || !wrn_request_decode(request, &wrn_model_add_tag_request, &asked)) return;
    if (!*asked.tag || strlen(asked.tag) > TAG_MAX)
        return wrn_reply_invalid(request, "member \"tag\" must have 1 to %d bytes", TAG_MAX);
    wrn_reply_stored(request, wrn_store_add_tag(wrn_server_of(request)->store, row.id, asked.tag));
}

void wrn_route_remove_tag(wrn_request *request) {
    wrn_host_row row;
    if (find_visible_host(request, &row))
        wrn_reply_stored(request, wrn_store_remove_tag(wrn_server_of(request)->store, row.id, request->params[1]));
}

/* ---- what the agent of a host calls ---- */

static void reply_credentials(wrn_request *request, int status, const wrn_host_row *row, const char *refresh_token) {
    host_view view;
    WRN_AUTO(wrn_buf_free) wrn_buf token = WRN_BUF_INIT;
    wrn_jwt_sign_host(wrn_server_of(request)->auth.secret, row->id, wrn_unix_time(), &token);
    const wrn_host_credentials answer = {
        .host = show_host(row, &view), .token = token.data, .refresh_token = refresh_token};
    wrn_reply_model(request, status, &wrn_model_host_credentials, &answer);
}

/* Checked before the token is used up. */
static bool read_host_facts(wrn_request *request, const wrn_register_host_request *asked, wrn_host_row *row) {
    if (!*asked->token || !*asked->address)
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "members \"token\" and \"address\" must not be empty");
    if (asked->cpu_cores < 0 || asked->memory_mb < 0 || asked->disk_gb < 0)
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                          "members \"cpu_cores\", \"memory_mb\" and \"disk_gb\" must not be negative");
    row->cpu_cores = asked->cpu_cores;
    row->memory_mb = asked->memory_mb;
    row->disk_gb = asked->disk_gb;
    return copy_text(request, "address", asked->address, row->address) &&
           copy_text(request, "arch", asked->arch, row->arch);
}

void wrn_route_register_host(wrn_request *request) {
    wrn_register_host_request asked = {0};
    wrn_host_row row = {0};
    if (!wrn_request_decode(request, &wrn_model_register_host_request, &asked) ||
        !read_host_facts(request, &asked, &row))
        return;
    int64_t now = wrn_unix_time();
    const wrn_host_secret refresh = new_secret(now + REFRESH_SECONDS);
    wrn_request_await_disk(request);
    switch (wrn_store_register_host(wrn_server_of(request)->store, asked.token, now, &row, &refresh)) {
    case WRN_DB_OK: return reply_credentials(request, 201, &row, refresh.token);
    case WRN_DB_NONE:
        return wrn_reply_error(request, WRN_FAULT_UNAUTHORIZED, "invalid, used or expired registration token");
    case WRN_DB_TAKEN:
        return wrn_reply_error(request, WRN_FAULT_CONFLICT, "the host of this token is registered already");
    case WRN_DB_ERROR: break;
    }
    wrn_reply_db_error(request);
}

void wrn_route_refresh_host(wrn_request *request) {
    wrn_refresh_host_request asked = {0};
    wrn_host_row row;
    if (!wrn_request_decode(request, &wrn_model_refresh_host_request, &asked)) return;
    if (!*asked.refresh_token) return wrn_reply_invalid(request, "member \"refresh_token\" must not be empty");
    int64_t now = wrn_unix_time();
    const wrn_host_secret next = new_secret(now + REFRESH_SECONDS);
    wrn_request_await_disk(request);
    wrn_db outcome = wrn_store_refresh_host(wrn_server_of(request)->store, asked.refresh_token, now, &next, &row);
    if (outcome == WRN_DB_OK) return reply_credentials(request, 200, &row, next.token);
    if (outcome != WRN_DB_NONE) return wrn_reply_db_error(request);
    wrn_reply_error(request, WRN_FAULT_UNAUTHORIZED, "invalid or expired refresh token");
}

void wrn_route_heartbeat(wrn_request *request) {
    wrn_server *server = wrn_server_of(request);
    const char *token = wrn_http_head_get(&request->head, "x-host-token"), *id = request->params[0];
    char host_id[WRN_ID_SIZE];
    wrn_host_row row;
    if (!token || !wrn_jwt_verify_host(server->auth.secret, token, wrn_unix_time(), host_id))
        return wrn_reply_error(request, WRN_FAULT_UNAUTHORIZED, "send a valid host token as X-Host-Token");
    if (wrn_id_is(id, "host") && strcmp(id, host_id) != 0)
        return wrn_reply_error(request, WRN_FAULT_FORBIDDEN, "the token belongs to another host");
    if (find_host(request, &row))
        wrn_reply_stored(request, wrn_store_touch_host(server->store, host_id, wrn_unix_time()));
}
