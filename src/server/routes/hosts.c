/* Hosts: what owners and teams do with them, and what their agents call. The rights are those of PROTOCOL.md, 17.1. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/text.h"
#include "gen/requests.h"
#include "server/routes/routes.h"

enum { REGISTRATION_SECONDS = 3600, REFRESH_SECONDS = 60 * 86400, SILENCE_SECONDS = 90, TAG_MAX = 255 };

/* ---- what the API shows ---- */

typedef struct host_view {
    wrenn_host host;
    char heartbeat[WRN_RFC3339_SIZE], created[WRN_RFC3339_SIZE], updated[WRN_RFC3339_SIZE];
} host_view;

/* One that is silent is unreachable from the moment on that somebody looks: no timer has to notice. */
static const char *status_of(const wrn_host_row *row, int64_t now) {
    bool silent = !row->built_in && strcmp(row->status, "online") == 0 && now - row->heartbeat_at > SILENCE_SECONDS;
    return silent ? "unreachable" : row->status;
}

static void set_text(wrenn_host *host, uint64_t bit, const char **field, const char *text) {
    if (!*text) return;
    *field = text;
    host->present |= bit;
}

static void set_number(wrenn_host *host, uint64_t bit, int64_t *field, int64_t value) {
    if (value <= 0) return;
    *field = value;
    host->present |= bit;
}

/* Points into `row`, which must live as long. */
static const wrenn_host *show(const wrn_host_row *row, host_view *view) {
    int64_t now = wrn_unix_time(), heard = row->built_in ? now : row->heartbeat_at;
    wrenn_host *host = &view->host;
    wrn_rfc3339(view->heartbeat, heard);
    wrn_rfc3339(view->created, row->created_at);
    wrn_rfc3339(view->updated, row->updated_at);
    *host = (wrenn_host){
        .present = WRENN_HAS_HOST_ID | WRENN_HAS_HOST_TYPE | WRENN_HAS_HOST_STATUS | WRENN_HAS_HOST_CREATED_BY |
                   WRENN_HAS_HOST_CREATED_AT | WRENN_HAS_HOST_UPDATED_AT,
        .id = row->id,
        .type = row->type,
        .status_text = status_of(row, now),
        .created_by = row->created_by,
        .created_at = view->created,
        .updated_at = view->updated,
    };
    set_text(host, WRENN_HAS_HOST_TEAM_ID, &host->team_id, row->team_id);
    set_text(host, WRENN_HAS_HOST_PROVIDER, &host->provider, row->provider);
    set_text(host, WRENN_HAS_HOST_AVAILABILITY_ZONE, &host->availability_zone, row->availability_zone);
    set_text(host, WRENN_HAS_HOST_ARCH, &host->arch, row->arch);
    set_text(host, WRENN_HAS_HOST_ADDRESS, &host->address, row->address);
    if (heard) set_text(host, WRENN_HAS_HOST_LAST_HEARTBEAT_AT, &host->last_heartbeat_at, view->heartbeat);
    set_number(host, WRENN_HAS_HOST_CPU_CORES, &host->cpu_cores, row->cpu_cores);
    set_number(host, WRENN_HAS_HOST_MEMORY_MB, &host->memory_mb, row->memory_mb);
    set_number(host, WRENN_HAS_HOST_DISK_GB, &host->disk_gb, row->disk_gb);
    return host;
}

/* ---- rights ---- */

static void reply_db_error(wrn_request *request) {
    wrn_reply_error(request, WRN_FAULT_DB_ERROR, "the database failed; see wrennd's log");
}

static bool get_rights(wrn_request *request, wrn_rights *rights) {
    const wrn_identity *who = &request->who;
    wrn_db outcome = wrn_store_get_rights(wrn_request_server(request)->store, who->user_id, who->team_id, rights);
    if (outcome == WRN_DB_OK) return true;
    if (outcome == WRN_DB_NONE) wrn_reply_error(request, WRN_FAULT_UNAUTHORIZED, "the token's user is gone");
    else reply_db_error(request);
    return false;
}

/* The host that the path names, as far as the caller may see it. False: the request was answered. */
static bool find_host(wrn_request *request, wrn_host_row *row) {
    if (!wrn_id_is(request->params[0], "host"))
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "invalid host ID"), false;
    switch (wrn_store_get_host(wrn_request_server(request)->store, request->params[0], row)) {
    case WRN_DB_OK: return true;
    case WRN_DB_ERROR: return reply_db_error(request), false;
    default: return wrn_reply_error(request, WRN_FAULT_NOT_FOUND, "host not found"), false;
    }
}

static bool find_seen_host(wrn_request *request, wrn_host_row *row) {
    wrn_rights rights;
    if (!find_host(request, row) || !get_rights(request, &rights)) return false;
    if (rights.is_admin || strcmp(row->team_id, request->who.team_id) == 0) return true;
    return wrn_reply_error(request, WRN_FAULT_NOT_FOUND, "host not found"), false;
}

/* For what changes a host: one that exists is forbidden rather than hidden. */
static bool find_managed_host(wrn_request *request, wrn_host_row *row) {
    wrn_rights rights;
    if (!find_host(request, row) || !get_rights(request, &rights)) return false;
    if (rights.is_admin || (rights.manages_team && strcmp(row->team_id, request->who.team_id) == 0)) return true;
    return wrn_reply_error(request, WRN_FAULT_FORBIDDEN,
                           "only this server's owner, or an owner of the host's team, may do that"),
           false;
}

/* ---- create, list, get ---- */

static bool copy_text(wrn_request *request, const char *name, const char *text, char out[WRN_HOST_TEXT_MAX + 1]) {
    if (!text) return true;
    if (snprintf(out, WRN_HOST_TEXT_MAX + 1, "%s", text) <= WRN_HOST_TEXT_MAX) return true;
    wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"%s\" has more than %d bytes", name,
                    WRN_HOST_TEXT_MAX);
    return false;
}

static bool may_create_byoc(wrn_request *request, const wrn_rights *rights, const char *team_id) {
    if (!team_id || !wrn_id_is(team_id, "team")) {
        wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"team_id\" must be a team's id for a byoc host");
        return false;
    }
    bool own = rights->manages_team && strcmp(team_id, request->who.team_id) == 0;
    if (!rights->is_admin && !own) {
        wrn_reply_error(request, WRN_FAULT_FORBIDDEN, "only an owner of the team may bring a host of its own");
        return false;
    }
    wrn_db found = wrn_store_find_team(wrn_request_server(request)->store, team_id);
    if (found == WRN_DB_NONE) wrn_reply_error(request, WRN_FAULT_NOT_FOUND, "team not found");
    else if (found != WRN_DB_OK) reply_db_error(request);
    return found == WRN_DB_OK;
}

static bool may_create(wrn_request *request, const wrn_create_host_request *asked, wrn_host_row *row) {
    wrn_rights rights;
    bool byoc = strcmp(asked->type, "byoc") == 0;
    if (!byoc && strcmp(asked->type, "regular") != 0) {
        wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"type\" must be \"regular\" or \"byoc\"");
        return false;
    }
    if (!get_rights(request, &rights)) return false;
    if (byoc && !may_create_byoc(request, &rights, asked->team_id)) return false;
    if (!byoc && !rights.is_admin) {
        wrn_reply_error(request, WRN_FAULT_FORBIDDEN, "only this server's owner may make regular hosts");
        return false;
    }
    if (byoc) snprintf(row->team_id, sizeof(row->team_id), "%s", asked->team_id);
    return true;
}

static void reply_with_token(wrn_request *request, const wrn_host_row *row, const char *token) {
    host_view view;
    const wrenn_host_with_token answer = {.present = WRENN_HAS_HOST_WITH_TOKEN_HOST |
                                                     WRENN_HAS_HOST_WITH_TOKEN_REGISTRATION_TOKEN,
                                          .host = show(row, &view),
                                          .registration_token = token};
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
    char token[WRN_HOST_TOKEN_SIZE];
    wrn_host_token_new(token);
    const wrn_host_secret registration = {token, now + REGISTRATION_SECONDS};
    wrn_request_await_disk(request);
    if (wrn_store_add_host(wrn_request_server(request)->store, &row, &registration) != WRN_DB_OK)
        return reply_db_error(request);
    reply_with_token(request, &row, token);
}

typedef struct listing {
    wrn_json *array;
    bool team_names;
} listing;

static bool add_host(void *context, const wrn_host_row *row) {
    listing *l = context;
    host_view view;
    show(row, &view);
    if (l->team_names) set_text(&view.host, WRENN_HAS_HOST_TEAM_NAME, &view.host.team_name, row->team_name);
    return wrn_json_append(l->array, wrn_model_encode(&wrn_model_host, &view.host));
}

void wrn_route_list_hosts(wrn_request *request) {
    wrn_rights rights;
    if (!get_rights(request, &rights)) return;
    listing l = {wrn_json_new_array(), rights.is_admin};
    const char *team_id = rights.is_admin ? NULL : request->who.team_id;
    if (wrn_store_list_hosts(wrn_request_server(request)->store, team_id, add_host, &l) == WRN_DB_OK)
        return wrn_reply_json(request, 200, l.array);
    wrn_json_free(l.array);
    reply_db_error(request);
}

void wrn_route_get_host(wrn_request *request) {
    wrn_host_row row;
    host_view view;
    if (find_seen_host(request, &row)) wrn_reply_model(request, 200, &wrn_model_host, show(&row, &view));
}

void wrn_route_renew_host(wrn_request *request) {
    wrn_host_row row;
    if (!find_managed_host(request, &row)) return;
    if (strcmp(row.status, "pending") != 0)
        return wrn_reply_error(request, WRN_FAULT_INVALID_STATE, "the host is registered already (status: %s)",
                               status_of(&row, wrn_unix_time()));
    char token[WRN_HOST_TOKEN_SIZE];
    wrn_host_token_new(token);
    int64_t now = wrn_unix_time();
    const wrn_host_secret registration = {token, now + REGISTRATION_SECONDS};
    wrn_request_await_disk(request);
    if (wrn_store_renew_host(wrn_request_server(request)->store, row.id, now, &registration) != WRN_DB_OK)
        return reply_db_error(request);
    reply_with_token(request, &row, token);
}

/* ---- delete ---- */

typedef struct active_list {
    wrn_request *request;
    const char **ids; /* of the sandboxes that deleting the host would destroy */
    size_t count, capacity, waiting;
    wrn_fault fault;
    bool failed;
} active_list;

static bool add_active(void *context, const wrn_sandbox_row *row) {
    active_list *list = context;
    wrn_arena *arena = &list->request->arena;
    if (strcmp(row->status, "paused") == 0) return true;
    if (list->count == list->capacity) {
        size_t capacity = list->capacity ? list->capacity * 2 : 64;
        const char **ids = wrn_arena_alloc(arena, capacity * sizeof(*ids));
        if (!ids) return false;
        if (list->count) memcpy(ids, list->ids, list->count * sizeof(*ids));
        list->ids = ids;
        list->capacity = capacity;
    }
    const char *id = wrn_arena_dup(arena, row->id, strlen(row->id));
    if (id) list->ids[list->count++] = id;
    return id != NULL;
}

/* All sandboxes run on the built-in host. */
static bool find_active(wrn_request *request, const wrn_host_row *row, active_list *list) {
    *list = (active_list){.request = request};
    if (!row->built_in ||
        wrn_store_list_sandboxes(wrn_request_server(request)->store, NULL, add_active, list) == WRN_DB_OK)
        return true;
    return reply_db_error(request), false;
}

void wrn_route_preview_host_delete(wrn_request *request) {
    wrn_host_row row;
    host_view view;
    active_list list;
    if (!find_seen_host(request, &row) || !find_active(request, &row, &list)) return;
    const wrenn_host_delete_preview answer = {.present = WRENN_HAS_HOST_DELETE_PREVIEW_HOST |
                                                         WRENN_HAS_HOST_DELETE_PREVIEW_SANDBOX_IDS,
                                              .host = show(&row, &view),
                                              .sandbox_ids = list.ids,
                                              .sandbox_ids_count = list.count};
    wrn_reply_model(request, 200, &wrn_model_host_delete_preview, &answer);
}

static wrn_json *ids_array(const active_list *list) {
    wrn_json *array = wrn_json_new_array();
    for (size_t i = 0; i < list->count; i++)
        wrn_json_append(array, wrn_json_new_string(list->ids[i], strlen(list->ids[i])));
    return array;
}

/* The ids are where upstream sends them, and where its SDKs look for them. */
static void reply_active(const active_list *list) {
    wrn_json *envelope = wrn_error_envelope(WRN_FAULT_HAS_ACTIVE_SANDBOXES,
                                            "sandboxes are active on this host; destroy them, or use force=true");
    wrn_json *error = wrn_json_ref(wrn_json_get(envelope, "error"));
    bool ok =
        wrn_json_set(error, "sandbox_ids", ids_array(list)) && wrn_json_set(envelope, "sandbox_ids", ids_array(list));
    wrn_json_free(error);
    if (ok) return wrn_reply_json(list->request, 409, envelope);
    wrn_json_free(envelope);
    wrn_reply_error(list->request, WRN_FAULT_INTERNAL_ERROR, "out of memory");
}

static void reply_built_in(wrn_request *request, size_t destroyed) {
    WRN_AUTO(wrn_buf_free) wrn_buf done = WRN_BUF_LIMITED(80);
    if (destroyed) wrn_buf_printf(&done, "its %zu active sandboxes are destroyed, but ", destroyed);
    wrn_reply_error(request, WRN_FAULT_FORBIDDEN,
                    "%sthis host is the machine that wrennd itself runs on and stays as long as it does",
                    done.size ? done.data : "");
}

static void one_less(active_list *list) {
    if (--list->waiting) return;
    if (list->failed) return wrn_reply_fault(list->request, &list->fault);
    reply_built_in(list->request, list->count);
}

static void on_destroyed(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    (void)row;
    active_list *list = context;
    if (fault && !list->failed) {
        list->failed = true;
        list->fault = *fault;
    }
    one_less(list);
}

static void destroy_active(const active_list *found) {
    wrn_server *server = wrn_request_server(found->request);
    active_list *list = wrn_arena_alloc(&found->request->arena, sizeof(*list));
    if (!list) return wrn_reply_error(found->request, WRN_FAULT_INTERNAL_ERROR, "out of memory");
    *list = *found;
    list->waiting = list->count + 1; /* a sandbox may be gone within the call */
    for (size_t i = 0; i < list->count; i++) {
        wrn_sandbox_row row;
        if (wrn_store_get_sandbox(server->store, NULL, list->ids[i], &row) == WRN_DB_OK)
            wrn_sandboxes_change(server->sandboxes, &row, WRN_EVENT_DESTROY, on_destroyed, list);
        else one_less(list);
    }
    one_less(list);
}

void wrn_route_delete_host(wrn_request *request) {
    wrn_host_row row;
    active_list list;
    if (!find_managed_host(request, &row) || !find_active(request, &row, &list)) return;
    const char *force = wrn_query_get(request->head.query, "force", &request->arena);
    if (list.count && (!force || strcmp(force, "true") != 0)) return reply_active(&list);
    if (list.count) return destroy_active(&list);
    if (row.built_in) return reply_built_in(request, 0);
    wrn_request_await_disk(request);
    if (wrn_store_remove_host(wrn_request_server(request)->store, row.id) != WRN_DB_OK) return reply_db_error(request);
    wrn_reply_empty(request, 204);
}

/* ---- tags ---- */

static bool add_tag(void *context, const char *tag) {
    return tag && wrn_json_append(context, wrn_json_new_string(tag, strlen(tag)));
}

void wrn_route_list_tags(wrn_request *request) {
    wrn_host_row row;
    if (!find_seen_host(request, &row)) return;
    wrn_json *array = wrn_json_new_array();
    if (wrn_store_list_tags(wrn_request_server(request)->store, row.id, add_tag, array) == WRN_DB_OK)
        return wrn_reply_json(request, 200, array);
    wrn_json_free(array);
    reply_db_error(request);
}

void wrn_route_add_tag(wrn_request *request) {
    wrn_host_row row;
    wrn_add_tag_request asked = {0};
    if (!find_seen_host(request, &row) || !wrn_request_decode(request, &wrn_model_add_tag_request, &asked)) return;
    if (!*asked.tag || strlen(asked.tag) > TAG_MAX)
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"tag\" must have 1 to %d bytes", TAG_MAX);
    if (wrn_store_add_tag(wrn_request_server(request)->store, row.id, asked.tag) != WRN_DB_OK)
        return reply_db_error(request);
    wrn_reply_empty(request, 204);
}

void wrn_route_remove_tag(wrn_request *request) {
    wrn_host_row row;
    if (!find_seen_host(request, &row)) return;
    if (wrn_store_remove_tag(wrn_request_server(request)->store, row.id, request->params[1]) != WRN_DB_OK)
        return reply_db_error(request);
    wrn_reply_empty(request, 204);
}

/* ---- what the agent of a host calls ---- */

static void reply_credentials(wrn_request *request, int status, const wrn_host_row *row, const char *refresh_token) {
    host_view view;
    WRN_AUTO(wrn_buf_free) wrn_buf token = WRN_BUF_INIT;
    wrn_jwt_sign_host(wrn_request_server(request)->auth.secret, row->id, wrn_unix_time(), &token);
    if (token.failed) return wrn_reply_error(request, WRN_FAULT_INTERNAL_ERROR, "out of memory");
    const wrn_host_credentials answer = {.present = WRN_HAS_HOST_CREDENTIALS_HOST | WRN_HAS_HOST_CREDENTIALS_TOKEN |
                                                    WRN_HAS_HOST_CREDENTIALS_REFRESH_TOKEN,
                                         .host = show(row, &view),
                                         .token = token.data,
                                         .refresh_token = refresh_token};
    wrn_reply_model(request, status, &wrn_model_host_credentials, &answer);
}

/* A request that is wrong in itself does not use its token up. */
static bool take_facts(wrn_request *request, const wrn_register_host_request *asked, wrn_host_row *row) {
    if (!*asked->token || !*asked->address) {
        wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "members \"token\" and \"address\" must not be empty");
        return false;
    }
    if (asked->cpu_cores < 0 || asked->memory_mb < 0 || asked->disk_gb < 0) {
        wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST,
                        "members \"cpu_cores\", \"memory_mb\" and \"disk_gb\" must not be negative");
        return false;
    }
    row->cpu_cores = asked->cpu_cores;
    row->memory_mb = asked->memory_mb;
    row->disk_gb = asked->disk_gb;
    return copy_text(request, "address", asked->address, row->address) &&
           copy_text(request, "arch", asked->arch, row->arch);
}

void wrn_route_register_host(wrn_request *request) {
    wrn_register_host_request asked = {0};
    wrn_host_row row = {0};
    if (!wrn_request_decode(request, &wrn_model_register_host_request, &asked) || !take_facts(request, &asked, &row))
        return;
    char refresh_token[WRN_HOST_TOKEN_SIZE];
    wrn_host_token_new(refresh_token);
    int64_t now = wrn_unix_time();
    const wrn_host_secret refresh = {refresh_token, now + REFRESH_SECONDS};
    wrn_request_await_disk(request);
    switch (wrn_store_register_host(wrn_request_server(request)->store, asked.token, now, &row, &refresh)) {
    case WRN_DB_OK: return reply_credentials(request, 201, &row, refresh_token);
    case WRN_DB_NONE:
        return wrn_reply_error(request, WRN_FAULT_UNAUTHORIZED, "invalid, used or expired registration token");
    case WRN_DB_TAKEN:
        return wrn_reply_error(request, WRN_FAULT_CONFLICT, "the host of this token is registered already");
    case WRN_DB_ERROR: break;
    }
    reply_db_error(request);
}

void wrn_route_refresh_host(wrn_request *request) {
    wrn_refresh_host_request asked = {0};
    wrn_host_row row;
    if (!wrn_request_decode(request, &wrn_model_refresh_host_request, &asked)) return;
    if (!*asked.refresh_token)
        return wrn_reply_error(request, WRN_FAULT_INVALID_REQUEST, "member \"refresh_token\" must not be empty");
    char next_token[WRN_HOST_TOKEN_SIZE];
    wrn_host_token_new(next_token);
    int64_t now = wrn_unix_time();
    const wrn_host_secret next = {next_token, now + REFRESH_SECONDS};
    wrn_request_await_disk(request);
    wrn_db outcome = wrn_store_refresh_host(wrn_request_server(request)->store, asked.refresh_token, now, &next, &row);
    if (outcome == WRN_DB_OK) return reply_credentials(request, 200, &row, next_token);
    if (outcome != WRN_DB_NONE) return reply_db_error(request);
    wrn_reply_error(request, WRN_FAULT_UNAUTHORIZED, "invalid or expired refresh token");
}

void wrn_route_heartbeat(wrn_request *request) {
    wrn_server *server = wrn_request_server(request);
    const char *token = wrn_http_head_get(&request->head, "x-host-token"), *id = request->params[0];
    char host_id[WRN_ID_SIZE];
    wrn_host_row row;
    if (!token || !wrn_jwt_verify_host(server->auth.secret, token, wrn_unix_time(), host_id))
        return wrn_reply_error(request, WRN_FAULT_UNAUTHORIZED, "send a valid host token as X-Host-Token");
    if (wrn_id_is(id, "host") && strcmp(id, host_id) != 0)
        return wrn_reply_error(request, WRN_FAULT_FORBIDDEN, "the token belongs to another host");
    if (!find_host(request, &row)) return;
    if (wrn_store_hear_host(server->store, host_id, wrn_unix_time()) != WRN_DB_OK) return reply_db_error(request);
    wrn_reply_empty(request, 204);
}
