/* Creating a sandbox, without ever leaving one behind that the caller does not know of.
 *
 * POSTING -> done, or with WRENN_SANDBOXES_CREATE_WAIT -> FOLLOWING -> done.
 * When the response to POSTING is lost: every create has an idempotency key, so a server that obeys it -> POSTING again.
 * If it is unknown whether the server does -> ASKING, whose response says so.
 * When following fails -> DESTROYING -> the error that following failed with.
 * When the caller gives the create up, or its outcome stays unknown, an operation in the background cleans up: it waits for
 * the response, or posts again to get it, and destroys the sandbox. */
#include "api/follow.h"
#include "api/lease.h"
#include "api/network.h"
#include "api/operations.h"
#include "api/pairs.h"
#include "api/sandboxes.h"
#include "base/text.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wire/server_features.h"

enum { CLEAN_UP_MS = 10000, LATE_CLEAN_UP_MS = 120000, AGAIN_MS = 500 };

typedef struct create_op {
    wrn_follower follower;
    enum { POSTING, ASKING, FOLLOWING, DESTROYING, REPORTING } stage;
    bool callers_key;    /* the caller can create again with the same key, and must then find the sandbox */
    wrn_buf body;        /* of the request */
    int posts;           /* begun */
    wrenn_error *reason; /* why the outcome is unknown, or why the sandbox is being destroyed */
} create_op;

static create_op *start_clean_up(wrenn_op *op);

/* ---- calls ---- */

static void call_post(create_op *self) {
    wrenn_op *op = &self->follower.op;
    self->stage = POSTING;
    self->posts++;
    wrn_op_call_sandbox(op, "POST", NULL, "", NULL, NULL);
    wrn_buf_clear(&op->body);
    wrn_buf_put(&op->body, self->body.data, self->body.size);
}

static void call_destroy(create_op *self) {
    wrenn_op *op = &self->follower.op;
    self->stage = DESTROYING;
    self->follower.looking = false;
    wrn_op_call_sandbox(op, "DELETE", op->sandbox->id, "", NULL, NULL);
    wrn_op_send(op);
}

static bool obeys_key(const create_op *self) {
    return self->follower.op.client->features & WRN_FEATURE_IDEMPOTENCY_KEY;
}
static bool may_obey_key(const create_op *self) { return obeys_key(self) || !self->follower.op.client->features_known; }

/* Posts again if that cannot make a second sandbox; else asks, because any response tells whether the server obeys keys. */
static void post_again(create_op *self) {
    wrenn_op *op = &self->follower.op;
    if (obeys_key(self)) {
        call_post(self);
    } else {
        self->stage = ASKING;
        wrn_op_call_any(op);
    }
    wrn_op_send(op);
}

static void create_report(create_op *self, wrenn_error *error) {
    self->stage = REPORTING;
    wrn_op_fail(&self->follower.op, error);
}

static void create_wake(wrenn_op *op) {
    create_op *self = (create_op *)op;
    if (self->stage == FOLLOWING) wrn_follow_look(op);
    else if (self->stage == DESTROYING) call_destroy(self);
    else post_again(self);
}

/* Whether a create with this error may have made a sandbox. An error object of the API means that it has not. */
static bool is_outcome_unknown(const create_op *self, const wrenn_error *error) {
    int code = wrenn_error_code(error);
    if (code == WRENN_E_CONNECTION_FAILED) return self->reason != NULL; /* an earlier post was lost */
    return code == WRENN_E_CONNECTION_LOST || code == WRENN_E_PROTOCOL || code == WRENN_E_LIMIT ||
           (wrenn_error_http_status(error) >= 500 && !wrenn_error_server_code(error));
}

/* ---- create ---- */

static void create_made(wrenn_op *op) {
    wrenn_error *error = NULL;
    if (op->needs & WRN_FEATURE_LEASE && wrn_lease_keep(op->sandbox, &error) < 0) wrn_op_fail(op, error);
    else wrn_follow_give_handle(op);
}

/* Takes the sandbox of an answer to POSTING; false after failing. */
static bool take_sandbox(create_op *self, const wrn_http_response *response) {
    wrenn_op *op = &self->follower.op;
    wrenn_sandbox *sandbox = wrn_sandbox_of(op, response);
    if (!sandbox) return false;
    wrn_sandbox_unref(op->sandbox);
    op->sandbox = sandbox;
    return true;
}

static void create_respond(wrenn_op *op, wrn_http_response *response) {
    create_op *self = (create_op *)op;
    switch (self->stage) {
    case POSTING:
        if (!take_sandbox(self, response)) return;
        self->stage = FOLLOWING;
        wrn_follow_judge(op);
        break;
    case ASKING: post_again(self); break; /* a server that answers without credentials */
    case FOLLOWING: wrn_follow_respond(op, response); break;
    default: create_report(self, WRN_TAKE(self->reason));
    }
}

/* The outcome stays unknown: the operation fails, and a clean-up goes on. */
static void give_up_create(create_op *self) {
    wrenn_error *reason = WRN_TAKE(self->reason);
    create_op *heir = !self->callers_key && may_obey_key(self) ? start_clean_up(&self->follower.op) : NULL;
    self->stage = REPORTING;
    if (heir) wrn_op_delay(&heir->follower.op, AGAIN_MS);
    create_report(self,
                  wrn_error_new(wrenn_error_code(reason), "%s; the sandbox may exist: %s", wrenn_error_message(reason),
                                heir ? "it will be destroyed if the server can be reached again"
                                     : "look with wrenn_sandboxes_list()"));
    wrenn_error_free(reason);
}

static bool create_post_failed(create_op *self, const wrenn_error *error) {
    if (!is_outcome_unknown(self, error)) return false;
    if (!self->reason) self->reason = wrn_error_ref(error);
    /* op.c has repeated the post already when the server was known to obey keys. */
    bool lost = wrenn_error_code(error) == WRENN_E_CONNECTION_LOST;
    wrenn_op *op = &self->follower.op;
    if (!may_obey_key(self) || (lost && obeys_key(self)) || self->posts >= op->client->max_attempts)
        give_up_create(self);
    else wrn_op_delay(op, AGAIN_MS);
    return true;
}

/* Destroys a sandbox that was made but did not start. */
static void undo_create(create_op *self, const wrenn_error *error) {
    self->reason = wrn_error_new(wrenn_error_code(error), "%s; it was destroyed again", wrenn_error_message(error));
    wrn_op_extend(&self->follower.op, CLEAN_UP_MS);
    call_destroy(self);
}

static void undo_create_failed(create_op *self, const wrenn_error *error) {
    wrenn_op *op = &self->follower.op;
    if (wrenn_error_code(error) == WRENN_E_NOT_FOUND) create_report(self, WRN_TAKE(self->reason));
    else if (wrn_follow_passing(error)) wrn_op_delay(op, AGAIN_MS);
    else
        create_report(self, wrn_error_new(wrenn_error_code(self->reason), "create: sandbox %s may still run: %s",
                                          op->sandbox->id, wrenn_error_message(error)));
}

static bool create_fail(wrenn_op *op, const wrenn_error *error) {
    create_op *self = (create_op *)op;
    switch (self->stage) {
    case POSTING: return create_post_failed(self, error);
    case ASKING:
        if (wrenn_error_http_status(error) && obeys_key(self)) post_again(self);
        else give_up_create(self);
        return true;
    case FOLLOWING:
        /* With a key of its own the caller finds the sandbox, which may still start. */
        if (self->callers_key && wrenn_error_code(error) == WRENN_E_TIMEOUT) return false;
        if (!wrn_follow_tolerates(op, error)) undo_create(self, error);
        return true;
    case DESTROYING: undo_create_failed(self, error); return true;
    default: return false;
    }
}

static void create_clear(wrenn_op *op) {
    create_op *self = (create_op *)op;
    wrn_buf_free(&self->body);
    wrenn_error_free(self->reason);
}

/* ---- given up ---- */

static void create_abandon(wrenn_op *op, bool late) {
    create_op *self = (create_op *)op;
    bool waiting = self->stage == FOLLOWING || self->stage == DESTROYING;
    bool sent = self->reason || op->reached || (op->exchange && wrn_http_is_sent(op->exchange));
    if (op->state == WRN_OP_PARKED || self->stage == REPORTING || (late && waiting)) return;
    if (self->callers_key ? self->stage != DESTROYING : !waiting && !sent) return;
    create_op *heir = start_clean_up(op);
    if (!heir) return;
    if (waiting) {
        call_destroy(heir);
    } else if (self->stage == ASKING || !wrn_op_hand_over(op, &heir->follower.op)) {
        wrn_op_delay(&heir->follower.op, AGAIN_MS);
    }
    self->stage = REPORTING;
}

static void warn_left_behind(const create_op *self) {
    const wrenn_op *op = &self->follower.op;
    wrn_client_warn(op->client, "create: given up, and %s%s may still run", op->sandbox ? "sandbox " : "the sandbox",
                    op->sandbox ? op->sandbox->id : " that it may have made");
}

static void create_drop(wrenn_op *op) {
    create_op *self = (create_op *)op;
    if (self->callers_key) return;
    create_op *heir = op->client->loop ? start_clean_up(op) : NULL;
    if (!heir) return warn_left_behind(self);
    heir->stage = DESTROYING;
    wrn_op_delay(&heir->follower.op, 0);
}

const wrn_op_type wrn_sandboxes_create_type = {
    {"create", "POST", "/sandboxes", WRN_AUTH_ANY},
    .timeout_ms = 120000,
    .body = &wrn_model_create_sandbox_request,
    .size = sizeof(create_op),
    .respond = create_respond,
    .fail = create_fail,
    .wake = create_wake,
    .clear = create_clear,
    .abandon = create_abandon,
    .drop = create_drop,
    .follows = true,
    .keyed = true,
};

/* ---- the clean-up ---- */

static void clean_respond(wrenn_op *op, wrn_http_response *response) {
    create_op *self = (create_op *)op;
    switch (self->stage) {
    case POSTING:
        if (take_sandbox(self, response)) call_destroy(self);
        break;
    case ASKING: wrn_op_delay(op, AGAIN_MS); break;
    default: wrn_op_finish(op, NULL, NULL);
    }
}

static bool clean_fail(wrenn_op *op, const wrenn_error *error) {
    create_op *self = (create_op *)op;
    int code = wrenn_error_code(error);
    bool unknown = self->stage != POSTING || code == WRENN_E_CONNECTION_FAILED || is_outcome_unknown(self, error),
         again = false;
    if (code == WRENN_E_TIMEOUT) unknown = true;
    else if (self->stage == DESTROYING) again = wrn_follow_passing(error);
    else again = unknown && may_obey_key(self);
    bool gone = self->stage == DESTROYING && code == WRENN_E_NOT_FOUND;
    if (again) wrn_op_delay(op, AGAIN_MS);
    else if (unknown && !gone) warn_left_behind(self);
    return again;
}

static void clean_abandon(wrenn_op *op, bool late) {
    if (!late) warn_left_behind((create_op *)op);
}

static const wrn_op_type clean_type = {
    .name = "destroying what a create made",
    .size = sizeof(create_op),
    .respond = clean_respond,
    .fail = clean_fail,
    .wake = create_wake,
    .clear = create_clear,
    .abandon = clean_abandon,
    .keyed = true,
};

/* It inherits the request. */
static create_op *start_clean_up(wrenn_op *op) {
    create_op *self = (create_op *)op, *heir;
    heir = (create_op *)wrn_op_background(op, &clean_type, LATE_CLEAN_UP_MS);
    if (!heir) return NULL;
    heir->stage = self->stage == ASKING ? ASKING : POSTING;
    heir->body = self->body;
    self->body = WRN_BUF_INIT;
    return heir;
}

/* ---- the call ---- */

/* The caller's key, or a random one, so that the create can be repeated. */
static int set_key(create_op *self, wrenn_error **error) {
    wrenn_op *op = &self->follower.op;
    char own[WRN_RANDOM_NAME_SIZE];
    self->callers_key = op->key.size;
    if (self->callers_key) return 0;
    if (!wrn_random_name(own))
        return wrn_fail(error, WRENN_E_SYSTEM, "create: the system has no random numbers for an idempotency key");
    wrn_buf_puts(&op->key, own);
    return op->key.failed ? wrn_no_memory(error, "create") : 0;
}

static int check_create(const wrenn_op *op, const wrenn_sandboxes_create_options *options, wrenn_error **error) {
    int rc = wrn_op_check(
        op, error, {"vcpus", options->vcpus, 0, INT32_MAX}, {"memory_mb", options->memory_mb, 0, INT32_MAX},
        {"idle_timeout_sec", options->idle_timeout_sec, 0, INT32_MAX},
        {"lifetime_sec", options->lifetime_sec, 0, INT32_MAX}, {"lease_sec", options->lease_sec, 0, INT32_MAX});
    if (rc == 0 && (options->isolation < WRENN_ISOLATION_ANY || options->isolation > WRENN_ISOLATION_VM))
        rc = wrn_refuse(error, "create: unknown isolation; use WRENN_ISOLATION_*");
    return rc;
}

int wrn_sandboxes_create_prepare(wrenn_op *op, const wrenn_sandboxes_create_options *options, wrenn_error **error) {
    static const char *const levels[] = {NULL, "namespace", "vm"};
    create_op *self = (create_op *)op;
    wrn_network_policy policy;
    wrn_create_sandbox_request request = {
        .template_name = options->template_name,
        .vcpus = options->vcpus,
        .memory_mb = options->memory_mb,
        .timeout_sec = options->idle_timeout_sec,
        .lifetime_sec = options->lifetime_sec,
        .lease_sec = options->lease_sec,
    };
    int rc = check_create(op, options, error);
    if (rc == 0)
        rc = wrn_network_asked(op, options->egress, options->allow, options->deny, options->presets, options->inject,
                               &policy, error);
    if (rc == 0)
        rc = wrn_pairs_read(op, "metadata", options->metadata, NULL, &request.metadata, &request.metadata_count, error);
    if (rc == 0) rc = set_key(self, error);
    if (rc != 0) return rc;
    request.isolation = levels[options->isolation];
    if (options->egress || options->allow || options->deny || options->presets || options->inject)
        request.network = &policy;
    op->needs = (options->isolation ? WRN_FEATURE_ISOLATION : 0) | (options->lifetime_sec ? WRN_FEATURE_LIFETIME : 0) |
                (options->lease_sec ? WRN_FEATURE_LEASE : 0) | (request.network ? WRN_FEATURE_NETWORK : 0) |
                (policy.inject_count ? WRN_FEATURE_SECRETS : 0);
    self->follower.wait = options->flags & WRENN_SANDBOXES_CREATE_WAIT;
    self->follower.to = WRENN_SANDBOX_STATUS_RUNNING;
    self->follower.arrived = create_made;
    self->posts = 1;
    rc = wrn_op_call_type(op, NULL, &request, error);
    wrn_buf_put(&self->body, op->body.data, op->body.size);
    op->body.failed = op->body.failed || self->body.failed;
    return rc;
}
