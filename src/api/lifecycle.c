/* Operations that follow a sandbox until it runs or is paused.
 *
 * wait_ready, connect: LOOKING (again and again) -> done; with WRENN_SANDBOX_WAIT_READY_RESUME, or to connect, a paused sandbox
 * -> RESUMING -> LOOKING.
 * pause, resume: ASKING -> done, or with the flag WAIT -> LOOKING (again and again) -> done. */
#include "api/follow.h"
#include "api/operations.h"
#include "client/sandbox.h"

/* ---- wait_ready and connect ---- */

typedef struct wait_op {
    wrn_follower follower;
    bool resume;
    bool found;
} wait_op;

/* It gives the handle. */
static bool is_connect(const wrenn_op *op) { return op->type == &wrn_sandboxes_connect_type; }

static void wait_seen(wrenn_op *op, wrn_progress progress) {
    wait_op *self = (wait_op *)op;
    const char *status = op->sandbox->info->status_text;
    self->found = true;
    if (progress == WRN_FOLLOW_ARRIVED && is_connect(op)) {
        wrn_follow_give_handle(op);
    } else if (progress == WRN_FOLLOW_ARRIVED) {
        wrn_op_finish(op, NULL, NULL);
    } else if (progress == WRN_FOLLOW_MOVING) {
        wrn_follow_later(op);
    } else if (progress == WRN_FOLLOW_PAUSED && self->resume) {
        self->follower.looking = false;
        wrn_op_call_sandbox(op, "POST", op->sandbox->id, "/resume", NULL, NULL);
        wrn_op_send(op);
    } else {
        wrn_op_fail_as(op, WRENN_E_CONFLICT, "sandbox %s will not get ready by itself (status: %s)%s", op->sandbox->id,
                       status ? status : "none given",
                       progress == WRN_FOLLOW_PAUSED ? "; resume it, or pass WRENN_SANDBOX_WAIT_READY_RESUME" : "");
    }
}

static bool wait_fail(wrenn_op *op, const wrenn_error *error) {
    wait_op *self = (wait_op *)op;
    /* connect must fail at once when no server is there. */
    if (self->follower.looking) return (self->found || !is_connect(op)) && wrn_follow_tolerates(op, error);
    /* A conflict: another program may have resumed it, so look again. So after a lost response or a temporary failure, but
     * connect reports a failure of the server. */
    bool raced = wrenn_error_code(error) == WRENN_E_CONFLICT;
    bool passing = wrn_follow_passing(error) && !(is_connect(op) && wrenn_error_http_status(error) >= 500);
    if (raced || passing) wrn_follow_later(op);
    return raced || passing;
}

#define WAIT_OP \
    .size = sizeof(wait_op), .respond = wrn_follow_respond, .fail = wait_fail, .wake = wrn_follow_look, .follows = true

const wrn_op_type wrn_sandbox_wait_ready_type = {{"wait_ready", "GET", "/sandboxes/{sandbox id}", WRN_AUTH_ANY},
                                                 WAIT_OP};
const wrn_op_type wrn_sandboxes_connect_type = {{"connect", "GET", "/sandboxes/{sandbox id}", WRN_AUTH_ANY},
                                                .timeout_ms = 120000,
                                                WAIT_OP};

static int prepare_wait(wrenn_op *op, int64_t interval_ms, bool resume, wrenn_error **error) {
    wait_op *self = (wait_op *)op;
    self->resume = resume;
    self->follower.interval_ms = interval_ms;
    self->follower.to = WRENN_SANDBOX_STATUS_RUNNING;
    self->follower.seen = wait_seen;
    self->follower.looking = true;
    int rc = wrn_check_range(op->type->name, "interval_ms", interval_ms, 0, INT64_MAX, error);
    return rc == 0 ? wrn_op_call_type(op, NULL, NULL, error) : rc;
}

int wrn_sandbox_wait_ready_prepare(wrenn_op *op, const wrenn_sandbox_wait_ready_options *options, wrenn_error **error) {
    wrn_op_limit(op, WRN_OP_TIMEOUT_MS); /* not the client's */
    return prepare_wait(op, options->interval_ms, options->flags & WRENN_SANDBOX_WAIT_READY_RESUME, error);
}

int wrn_sandboxes_connect_prepare(wrenn_op *op, const char *id, const wrenn_sandboxes_connect_options *options,
                                  wrenn_error **error) {
    int rc = wrenn_sandbox_from_id(op->client, id, &op->sandbox, error);
    return rc == 0 ? prepare_wait(op, options->interval_ms, true, error) : rc;
}

/* ---- pause and resume ---- */

typedef struct change_op {
    wrn_follower follower;
    bool wait;
} change_op;

static void change_seen(wrenn_op *op, wrn_progress progress) {
    change_op *self = (change_op *)op;
    if (!self->wait || progress == WRN_FOLLOW_ARRIVED) wrn_op_finish(op, NULL, NULL);
    else if (progress == WRN_FOLLOW_MOVING) wrn_follow_later(op);
    else
        wrn_op_fail(op, wrn_error_new(WRENN_E_CONFLICT, "%s failed: sandbox %s is in status %s", op->type->name,
                                      op->sandbox->id, op->sandbox->info->status_text));
}

static void change_respond(wrenn_op *op, wrn_http_response *response) {
    change_op *self = (change_op *)op;
    if (response->body.size || self->follower.looking || self->wait) wrn_follow_respond(op, response);
    else wrn_op_finish(op, NULL, NULL);
}

#define CHANGE_OP                                                                                             \
    .timeout_ms = 120000, .size = sizeof(change_op), .respond = change_respond, .fail = wrn_follow_tolerates, \
    .wake = wrn_follow_look, .follows = true

const wrn_op_type wrn_sandbox_pause_type = {{"pause", "POST", "/sandboxes/{sandbox id}/pause", WRN_AUTH_ANY},
                                            CHANGE_OP};
const wrn_op_type wrn_sandbox_resume_type = {{"resume", "POST", "/sandboxes/{sandbox id}/resume", WRN_AUTH_ANY},
                                             CHANGE_OP};

_Static_assert(WRENN_SANDBOX_PAUSE_WAIT == WRENN_SANDBOX_RESUME_WAIT, "prepare_change() takes the flags of both");

static int prepare_change(wrenn_op *op, uint64_t flags, wrenn_error **error) {
    bool pause = op->type == &wrn_sandbox_pause_type;
    change_op *self = (change_op *)op;
    self->wait = flags & WRENN_SANDBOX_PAUSE_WAIT;
    self->follower.from = pause ? WRENN_SANDBOX_STATUS_RUNNING : WRENN_SANDBOX_STATUS_PAUSED;
    self->follower.to = pause ? WRENN_SANDBOX_STATUS_PAUSED : WRENN_SANDBOX_STATUS_RUNNING;
    self->follower.seen = change_seen;
    return wrn_op_call_type(op, NULL, NULL, error);
}

int wrn_sandbox_pause_prepare(wrenn_op *op, const wrenn_sandbox_pause_options *options, wrenn_error **error) {
    return prepare_change(op, options->flags, error);
}

int wrn_sandbox_resume_prepare(wrenn_op *op, const wrenn_sandbox_resume_options *options, wrenn_error **error) {
    return prepare_change(op, options->flags, error);
}
