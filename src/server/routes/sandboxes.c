#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "server/http/budget.h"
#include "server/lane.h"
#include "server/routes/isolation.h"
#include "server/routes/metadata.h"
#include "server/routes/once.h"
#include "server/routes/policy.h"
#include "server/routes/routes.h"
#include "server/sandbox/secrets.h"
#include "server/sandbox/snapshots.h"

enum { AUTHORITY_MAX = 8192, DISK_MIN_MB = 64, DISK_MAX_MB = 1 << 20 };

/* `isolations`: by backend; `metadata`: as the store has it. */
static wrn_json *show_sandbox(const wrn_json *isolations, const wrn_sandbox_row *row, const char *metadata) {
    char created[WRN_RFC3339_SIZE], started[WRN_RFC3339_SIZE], active[WRN_RFC3339_SIZE], updated[WRN_RFC3339_SIZE];
    char expires[WRN_RFC3339_SIZE];
    wrn_rfc3339(created, row->created_at);
    wrn_rfc3339(started, row->started_at);
    wrn_rfc3339(active, row->last_active_at);
    wrn_rfc3339(updated, row->last_updated);
    wrn_rfc3339(expires, row->expires_at);
    const wrenn_sandbox_info info = {
        .id = row->id,
        .status_text = row->status,
        .template_name = row->template_name,
        .vcpus = row->vcpus,
        .memory_mb = row->memory_mb,
        .timeout_sec = row->timeout_sec,
        .created_at = created,
        .started_at = row->started_at ? started : NULL,
        .last_active_at = row->last_active_at ? active : NULL,
        .last_updated = updated,
        .lifetime_sec = row->lifetime_sec,
        .expires_at = row->expires_at ? expires : NULL,
        .lease_sec = row->lease_sec,
        .disk_mb = row->disk_mb,
    };
    wrn_json *object = wrn_model_encode(&wrn_model_sandbox_info, &info);
    wrn_json *labels = NULL;
    const char *why;
    if (metadata && wrn_json_parse(metadata, strlen(metadata), &labels, &why)) wrn_json_set(object, "metadata", labels);
    const wrn_json *isolation = wrn_json_get(isolations, row->backend); /* NULL: its backend does not run any more */
    if (isolation) wrn_json_set(object, "isolation", wrn_isolation_with(isolation, row->egress));
    return object;
}

wrn_json *wrn_show_sandbox(const wrn_server *server, const wrn_sandbox_row *row) {
    char *metadata = wrn_store_get_metadata(server->store, row->id);
    wrn_json *shown = show_sandbox(wrn_boxes_isolations(server->boxes), row, metadata);
    free(metadata);
    return shown;
}

bool wrn_find_sandbox(const wrn_server *server, const char *team_id, const char *id, wrn_sandbox_row *row,
                      wrn_fault *fault) {
    wrn_db outcome = WRN_DB_NONE;
    if (!wrn_id_is(id, "cl")) wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "invalid sandbox ID");
    else if ((outcome = wrn_store_get_sandbox(server->store, team_id, id, row)) == WRN_DB_NONE)
        wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "sandbox not found");
    else if (outcome == WRN_DB_ERROR) wrn_fault_set(fault, WRN_FAULT_DB_ERROR, WRN_DB_FAILED);
    return outcome == WRN_DB_OK;
}

/* ---- create ---- */

bool wrn_is_template_name(const char *name) {
    static const char alnum[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    size_t size = strlen(name);
    if (size < 1 || size > 64 || !strchr(alnum, *name)) return false;
    return name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")] == '\0';
}

/* What a request demands of the isolation, and what answers it. */
typedef struct demand {
    int level;                /* at least */
    const char *egress;       /* what the sandbox will have */
    const wrn_json *required; /* NULL: nothing */
    bool disk;                /* of a size of its own */
    const char *backend;      /* the first one that has all of this; NULL: none */
    bool is_reached;          /* some backend has the level */
    wrn_buf missing;          /* what the last one of that level lacks */
} demand;

static bool try_backend(void *context, const char *name, const wrn_json *of_all) {
    demand *d = context;
    WRN_AUTO(wrn_json_freep) wrn_json *isolation = wrn_isolation_with(of_all, d->egress);
    if (wrn_level_of(wrn_json_text(isolation, "level")) < d->level) return true;
    d->is_reached = true;
    wrn_buf_clear(&d->missing);
    if (d->required) wrn_isolation_missing(isolation, d->required, &d->missing);
    if (d->disk && !wrn_isolation_has(isolation, "disk-limit"))
        wrn_buf_printf(&d->missing, "%sdisk-limit, which disk_mb needs and only virtual machines have",
                       d->missing.size ? ", " : "");
    if (!d->missing.size && !d->missing.failed) d->backend = name;
    return !d->backend;
}

/* The level that was asked for, else the server's; the template's, if that is stronger. -1: there is none of that name. */
static int choose_level(const wrn_server *server, const char *asked, const wrn_sandbox_row *row) {
    int level = asked ? wrn_level_of(asked) : 0;
    int64_t of_template = wrn_snapshots_level(server->sandboxes, row->team_id, row->template_name);
    if (level == 0) level = (int)server->config->isolation;
    return level >= 0 && level < of_template ? (int)of_template : level;
}

/* The preferred backend of those that have what is demanded. False: the request was answered. */
static bool choose_backend(wrn_request *request, const wrn_create_sandbox_request *asked, wrn_sandbox_row *row) {
    WRN_AUTO(wrn_json_freep) wrn_json *unknown = NULL;
    WRN_AUTO(wrn_buf_free) wrn_buf missing = WRN_BUF_LIMITED(400);
    const char *why;
    demand d = {.level = choose_level(wrn_server_of(request), asked->isolation, row),
                .egress = row->egress,
                .disk = row->disk_mb,
                .missing = WRN_BUF_LIMITED(400)};
    if (asked->unknown && wrn_json_parse(asked->unknown, strlen(asked->unknown), &unknown, &why))
        d.required = wrn_json_get(unknown, "isolation_required");
    if (d.level < 0)
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                          "member \"isolation\": there is no level \"%.100s\", only " WRN_LEVELS, asked->isolation);
    if (d.required && !wrn_isolation_missing(NULL, d.required, &missing))
        return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                          "member \"isolation_required\" must be an array of strings");
    wrn_json_each(wrn_boxes_isolations(wrn_server_of(request)->boxes), try_backend, &d);
    wrn_buf_free(&missing);
    missing = d.missing;
    if (!d.is_reached)
        return wrn_refuse(request, WRN_FAULT_CONFLICT,
                          "the isolation of sandboxes here is weaker than \"%s\"; ask for less, or use another server; "
                          "run wrennd doctor to see what this one has",
                          wrn_level_name(d.level));
    if (!d.backend)
        return wrn_refuse(request, WRN_FAULT_CONFLICT, "sandboxes here do not have: %s; run wrennd doctor to see why",
                          missing.size ? missing.data : "what isolation_required names");
    snprintf(row->backend, sizeof(row->backend), "%s", d.backend);
    return true;
}

static bool refuse_network(wrn_request *request, const char *snapshot, wrn_fault *fault) {
    if (!snapshot) wrn_policy_blame(fault);
    if (!snapshot || fault->code == WRN_FAULT_DB_ERROR) return wrn_reply_fault(request, fault), false;
    return wrn_refuse(request, WRN_FAULT_CONFLICT,
                      "the network policy of the snapshot \"%s\" can't be had: %s; or ask for another one, with member "
                      "\"network\"",
                      snapshot, fault->message);
}

/* A create that says nothing of the network gets the policy that the snapshot keeps. *snapshot: its name; NULL: there is none.
 * False: the request was answered. */
static bool read_kept_network(wrn_request *request, const wrn_sandbox_row *row, wrn_create_sandbox_request *asked,
                              const char **snapshot) {
    WRN_AUTO(wrn_json_freep) wrn_json *object = NULL;
    wrn_network_policy *kept = wrn_arena_alloc(&request->arena, sizeof(*kept));
    wrn_model_why bad;
    const char *why;
    char *text;
    wrn_db outcome =
        wrn_store_get_snapshot_network(wrn_server_of(request)->store, row->team_id, row->template_name, &text);
    if (outcome == WRN_DB_NONE) return true;
    bool ok = kept && text && wrn_json_parse(text, strlen(text), &object, &why) &&
              wrn_model_decode(&wrn_model_network_policy, object, true, &request->arena, kept, &bad);
    free(text);
    if (!ok) return wrn_refuse(request, WRN_FAULT_DB_ERROR, WRN_DB_FAILED);
    asked->network = kept;
    *snapshot = row->template_name;
    return true;
}

/* What the sandbox may reach. `policy` stays empty for one without a network; *snapshot: whose policy it is, NULL: of none.
 * False: the request was answered. */
static bool read_network(wrn_request *request, wrn_create_sandbox_request *asked, wrn_sandbox_row *row, wrn_buf *policy,
                         const char **snapshot) {
    wrn_fault fault;
    *snapshot = NULL;
    if (!asked->network && !read_kept_network(request, row, asked, snapshot)) return false;
    const char *egress = wrn_policy_accept(&wrn_server_of(request)->egress, asked->network, policy, &fault);
    if (!egress || !wrn_policy_has_secrets(wrn_server_of(request), request->who.team_id, asked->network, &fault))
        return refuse_network(request, *snapshot, &fault);
    row->own_network = asked->network;
    snprintf(row->egress, sizeof(row->egress), "%s", egress);
    if (strcmp(egress, "none") == 0) wrn_buf_free(policy);
    return true;
}

static bool check_network(wrn_request *request, const wrn_sandbox_row *row, const char *snapshot) {
    wrn_fault fault;
    if (strcmp(row->egress, "none") == 0 ||
        wrn_boxes_check_network(wrn_server_of(request)->boxes, row->backend, &fault) == 0)
        return true;
    return refuse_network(request, snapshot, &fault);
}

static void create_on_done(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    wrn_once_end(context, row, fault);
}

/* A sandbox that trusts an authority of its own, which a program makes meanwhile. */
typedef struct trusting {
    wrn_job job; /* first: a job is cast to this */
    const wrn_server *server;
    wrn_once *once;
    wrn_sandbox_row row;
    wrn_buf metadata, network;
    char authority[AUTHORITY_MAX];
    bool is_made;
} trusting;

static void make_authority(wrn_job *job) {
    trusting *t = (trusting *)job;
    char *const argv[] = {(char[]){"wrenn-gate-tls"}, (char[]){"--authority"}, NULL}, *const envp[] = {NULL};
    size_t size = 0;
    pid_t pid;
    int ends[2], status = -1;
    if (pipe2(ends, O_CLOEXEC) != 0) return;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    bool started = posix_spawn(&pid, t->server->egress.gate_tls_path, &actions, NULL, argv, envp) == 0;
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    for (ssize_t got = 1; started && got > 0 && size < sizeof(t->authority) - 1; size += (size_t)(got > 0 ? got : 0))
        got = read(ends[0], t->authority + size, sizeof(t->authority) - 1 - size);
    close(ends[0]);
    while (started && waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    t->is_made = started && status == 0 && wrn_authority_certificate(t->authority);
}

static void on_authority(wrn_job *job) {
    trusting *t = (trusting *)job;
    wrn_fault fault;
    wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "%s makes no authority for the sandbox",
                  t->server->egress.gate_tls_path);
    if (!t->is_made) create_on_done(t->once, &t->row, &fault);
    else
        wrn_sandboxes_create(t->server->sandboxes, &t->row, t->metadata.data, t->network.data, t->authority,
                             create_on_done, t->once);
    explicit_bzero(t->authority, sizeof(t->authority));
    wrn_buf_free(&t->metadata);
    wrn_buf_free(&t->network);
    free(t);
}

static void make_trusting(wrn_server *server, wrn_once *once, const wrn_sandbox_row *row, wrn_buf *metadata,
                          wrn_buf *network) {
    trusting *t = calloc(1, sizeof(*t));
    t->server = server;
    t->once = once;
    t->row = *row;
    t->metadata = *metadata;
    t->network = *network;
    *metadata = *network = WRN_BUF_INIT;
    wrn_lane_put(&server->loop, WRN_LANE_SIGN, &t->job, make_authority, on_authority);
}

void wrn_route_create_sandbox(wrn_request *request) {
    wrn_create_sandbox_request asked = {0};
    if (!wrn_request_decode(request, &wrn_model_create_sandbox_request, &asked)) return;
    const char *template_name = asked.template_name && *asked.template_name ? asked.template_name : "minimal";
    if (!wrn_is_template_name(template_name))
        return (void)wrn_refuse(request, WRN_FAULT_INVALID_REQUEST,
                                "member \"template\": \"%.100s\" is not a template name", template_name);
    if (asked.disk_mb > 0 && (asked.disk_mb < DISK_MIN_MB || asked.disk_mb > DISK_MAX_MB))
        return (void)wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "member \"disk_mb\" is %lld, not %d to %d",
                                (long long)asked.disk_mb, DISK_MIN_MB, DISK_MAX_MB);
    wrn_sandbox_row row = {.vcpus = asked.vcpus,
                           .memory_mb = asked.memory_mb,
                           .timeout_sec = asked.timeout_sec,
                           .lifetime_sec = asked.lifetime_sec,
                           .lease_sec = asked.lease_sec,
                           .disk_mb = asked.disk_mb > 0 ? asked.disk_mb : 0};
    WRN_AUTO(wrn_buf_free) wrn_buf metadata = WRN_BUF_INIT, network = WRN_BUF_INIT;
    snprintf(row.template_name, sizeof(row.template_name), "%s", template_name);
    const char *snapshot;
    memcpy(row.team_id, request->who.team_id, sizeof(row.team_id));
    if (!read_network(request, &asked, &row, &network, &snapshot) || !choose_backend(request, &asked, &row) ||
        !check_network(request, &row, snapshot) ||
        !wrn_metadata_change(request, NULL, asked.metadata, asked.metadata_count, NULL, 0, &metadata))
        return;
    wrn_server *server = wrn_server_of(request);
    bool trusts = asked.network && asked.network->inject_count;
    if (!trusts) wrn_sandboxes_offer(server->sandboxes, &row, row.id);
    wrn_once *once = wrn_once_begin(request, row.id);
    if (!once) return;
    if (trusts) return make_trusting(server, once, &row, &metadata, &network);
    wrn_sandboxes_create(server->sandboxes, &row, metadata.data, network.data, NULL, create_on_done, once);
}

/* ---- the rest ---- */

/* Reading many rows is fast; encoding them is not, so a worker does it. */
typedef struct listing {
    wrn_job job; /* first: a job is cast to its listing */
    wrn_request *request;
    wrn_buf rows;       /* wrn_sandbox_row, one after the other */
    wrn_buf labels;     /* of each row, NUL-terminated; "": none */
    wrn_buf isolations; /* as text, because reference counts are not atomic */
    wrn_buf text;       /* the answer */
} listing;

enum { ROWS_FEW = 16 };

static void add_sandbox(void *context, const wrn_sandbox_row *row, const char *metadata) {
    listing *l = context;
    wrn_buf_put(&l->rows, row, sizeof(*row));
    wrn_buf_put(&l->labels, metadata ? metadata : "", metadata ? strlen(metadata) + 1 : 1);
}

static void free_listing(listing *l) {
    wrn_buf_free(&l->rows);
    wrn_buf_free(&l->labels);
    wrn_buf_free(&l->isolations);
    wrn_buf_free(&l->text);
    free(l);
}

static void write_listing(wrn_job *job) {
    listing *l = (listing *)job;
    WRN_AUTO(wrn_json_freep) wrn_json *isolations = NULL, *array = wrn_json_new_array();
    const char *why, *labels = l->labels.data;
    wrn_json_parse(l->isolations.data, l->isolations.size, &isolations, &why);
    for (size_t at = 0; at < l->rows.size; at += sizeof(wrn_sandbox_row)) {
        wrn_sandbox_row row;
        memcpy(&row, l->rows.data + at, sizeof(row));
        wrn_json_append(array, show_sandbox(isolations, &row, wrn_none_if_empty(labels)));
        labels += strlen(labels) + 1;
    }
    wrn_json_write(array, &l->text);
    wrn_buf_putc(&l->text, '\n');
}

static void reply_listing(wrn_job *job) {
    listing *l = (listing *)job;
    wrn_reply_buf(l->request, 200, "application/json", &l->text);
    free_listing(l);
}

static bool refuse_parameter(wrn_request *request, const char *name, const char *value, const char *wanted) {
    return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "parameter \"%s\": \"%.100s\" is not %s", name,
                      value ? value : "", wanted);
}

static bool is_listed(const char *status) {
    wrn_state state;
    return wrn_state_parse(status, &state) && state != WRN_STATE_STOPPED && state != WRN_STATE_ERROR;
}

/* One parameter of a listing; `value` NULL: malformed. False: the request was answered. */
static bool read_parameter(wrn_request *request, const char *name, const char *value, wrn_sandbox_filter *filter) {
    if (strcmp(name, "label") == 0) return wrn_metadata_add_filter(request, value, filter);
    if (strcmp(name, "status") == 0) {
        filter->status = value;
        return (value && is_listed(value)) ||
               refuse_parameter(
                   request, name, value,
                   "the status of a sandbox that is listed: pending, running, paused, hibernated or missing");
    }
    if (strcmp(name, "template") == 0) {
        filter->template_name = value;
        return (value && wrn_is_template_name(value)) || refuse_parameter(request, name, value, "a template name");
    }
    if (strcmp(name, "id_prefix") == 0) {
        filter->id_prefix = value;
        return (value && *value) || refuse_parameter(request, name, value, "the start of an id");
    }
    if (strcmp(name, "limit") == 0)
        return (value && wrn_parse_int(value, 1, INT32_MAX, &filter->limit)) ||
               refuse_parameter(request, name, value, "a number from 1 to 2147483647");
    if (strcmp(name, "after") == 0) {
        filter->after = value;
        return (value && wrn_id_is(value, "cl")) || refuse_parameter(request, name, value, "the id of a sandbox");
    }
    return true;
}

static bool read_filter(wrn_request *request, wrn_sandbox_filter *filter) {
    const char *at = request->head.query, *name, *value;
    filter->team_id = request->who.team_id;
    while (wrn_query_next(&at, &name, &value, &request->arena)) {
        bool is_text = value && wrn_utf8_valid_prefix(value, strlen(value)) == strlen(value);
        if (!read_parameter(request, name, is_text ? value : NULL, filter)) return false;
    }
    return true;
}

void wrn_route_list_sandboxes(wrn_request *request) {
    const wrn_server *server = wrn_server_of(request);
    wrn_sandbox_filter filter = {0};
    if (!read_filter(request, &filter)) return;
    listing *l = calloc(1, sizeof(*l));
    l->request = request;
    wrn_json_write(wrn_boxes_isolations(server->boxes), &l->isolations);
    wrn_db outcome = wrn_store_list_sandboxes(server->store, &filter, add_sandbox, l);
    if (outcome != WRN_DB_OK) {
        free_listing(l);
        if (outcome == WRN_DB_NONE) refuse_parameter(request, "after", filter.after, "the id of a sandbox of yours");
        else wrn_reply_db_error(request);
        return;
    }
    if (!wrn_request_charge(request, l->rows.size + l->labels.size)) {
        free_listing(l);
        return wrn_reply_error(request, WRN_FAULT_OVERLOADED, "%s", WRN_BUDGET_SPENT);
    }
    bool few = l->rows.size <= ROWS_FEW * sizeof(wrn_sandbox_row);
    wrn_lane_put(few ? NULL : request->loop, WRN_LANE_JSON, &l->job, write_listing, reply_listing);
}

static void reply_sandbox(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    if (fault) return wrn_reply_fault(context, fault);
    wrn_reply_json(context, 200, wrn_show_sandbox(wrn_server_of(context), row));
}

static void reply_done(void *context, const wrn_fault *fault) {
    if (fault) return wrn_reply_fault(context, fault);
    wrn_reply_empty(context, 204);
}

static void reply_destroyed(void *context, const wrn_sandbox_row *row, const wrn_fault *fault) {
    (void)row;
    reply_done(context, fault);
}

void wrn_route_get_sandbox(wrn_request *request, const wrn_sandbox_row *row) { reply_sandbox(request, row, NULL); }

void wrn_route_delete_sandbox(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_sandboxes_change(wrn_server_of(request)->sandboxes, row, WRN_EVENT_DESTROY, reply_destroyed, request);
}

void wrn_route_pause(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_pause_request asked = {0};
    if (request->body.size && !wrn_request_decode(request, &wrn_model_pause_request, &asked)) return;
    wrn_sandboxes_change(wrn_server_of(request)->sandboxes, row,
                         asked.hibernate ? WRN_EVENT_HIBERNATE : WRN_EVENT_PAUSE, reply_sandbox, request);
}

void wrn_route_resume(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_sandboxes_change(wrn_server_of(request)->sandboxes, row, WRN_EVENT_RESUME, reply_sandbox, request);
}

void wrn_route_set_lifetime(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_lifetime_request asked = {0};
    if (!wrn_request_decode(request, &wrn_model_lifetime_request, &asked)) return;
    wrn_sandboxes_set_lifetime(wrn_server_of(request)->sandboxes, row, asked.lifetime_sec, reply_sandbox, request);
}

void wrn_route_set_metadata(wrn_request *request, const wrn_sandbox_row *row) {
    const wrn_server *server = wrn_server_of(request);
    wrn_metadata_request asked = {0};
    if (!wrn_request_decode(request, &wrn_model_metadata_request, &asked)) return;
    WRN_AUTO(wrn_buf_free) wrn_buf metadata = WRN_BUF_INIT;
    char *now = wrn_store_get_metadata(server->store, row->id);
    bool ok =
        wrn_metadata_change(request, now, asked.set, asked.set_count, asked.remove, asked.remove_count, &metadata);
    free(now);
    if (ok) wrn_sandboxes_set_metadata(server->sandboxes, row, metadata.data, reply_sandbox, request);
}

void wrn_route_ping(wrn_request *request, const wrn_sandbox_row *row) {
    wrn_sandboxes_ping(wrn_server_of(request)->sandboxes, row, reply_done, request);
}
