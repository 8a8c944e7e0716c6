#include "api/follow.h"
#include "api/operations.h"
#include "client/sandbox.h"

/* ---- pause and resume ----
 *
 * ASKING -> done, or with the flag WAIT -> LOOKING (again and again, while the status is on its way) -> done. */

typedef struct change_op {
    wrn_follower follower;
    int64_t from, to; /* WRENN_SANDBOX_STATUS_* */
    bool wait;
    bool left; /* a status other than `from` was seen */
} change_op;

static void change_judge(wrenn_op *op) {
    change_op *self = (change_op *)op;
    const wrenn_sandbox_info *info = op->sandbox->info;
    int64_t status = info->status == WRENN_SANDBOX_STATUS_HIBERNATED ? WRENN_SANDBOX_STATUS_PAUSED : info->status;
    if (!self->wait || status == self->to) {
        wrn_op_finish(op, NULL, NULL);
        return;
    }
    /* A server may say the old status once more before it sets out; coming back to it means that it failed. */
    bool failed = wrn_follow_judge(info) == WRN_FOLLOW_NEVER || (status == self->from && self->left);
    if (status != self->from) self->left = true;
    if (!failed) {
        wrn_follow_later(op);
        return;
    }
    wrn_op_fail(op, wrn_error_new(WRENN_E_CONFLICT, "%s: it did not work out; sandbox %s is in status %s",
                                  op->type->name, op->sandbox->id, info->status_text));
}

static void change_respond(wrenn_op *op, wrn_http_response *response) {
    change_op *self = (change_op *)op;
    if (response->body.size || self->follower.looking || self->wait) wrn_follow_respond(op, response);
    else wrn_op_finish(op, NULL, NULL);
}

#define CHANGE_OP                                                                                             \
    .timeout_ms = 120000, .size = sizeof(change_op), .respond = change_respond, .fail = wrn_follow_tolerates, \
    .wake = wrn_follow_look

const wrn_op_type wrn_sandbox_pause_type = {"pause", "POST", "/sandboxes/{sandbox id}/pause", WRN_AUTH_ANY, CHANGE_OP};
const wrn_op_type wrn_sandbox_resume_type = {"resume", "POST", "/sandboxes/{sandbox id}/resume", WRN_AUTH_ANY,
                                             CHANGE_OP};

_Static_assert(WRENN_PAUSE_WAIT == WRENN_RESUME_WAIT, "new_change() takes the flags of both");

static int new_change(wrenn_sandbox *sandbox, const wrn_op_type *type, int64_t timeout_ms, uint64_t flags,
                      wrenn_op **op, wrenn_error **error) {
    bool pause = type == &wrn_sandbox_pause_type;
    if (flags & ~WRENN_PAUSE_WAIT)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: unknown flags; use WRENN_%s_WAIT", type->name,
                        pause ? "PAUSE" : "RESUME");
    int rc = wrn_op_for_sandbox(sandbox, type, timeout_ms, NULL, NULL, op, error);
    if (rc < 0) return rc;
    change_op *self = (change_op *)*op;
    self->from = pause ? WRENN_SANDBOX_STATUS_RUNNING : WRENN_SANDBOX_STATUS_PAUSED;
    self->to = pause ? WRENN_SANDBOX_STATUS_PAUSED : WRENN_SANDBOX_STATUS_RUNNING;
    self->wait = flags & WRENN_PAUSE_WAIT;
    self->follower.interval_ms = WRN_FOLLOW_INTERVAL_MS;
    self->follower.seen = change_judge;
    return 0;
}

int wrn_sandbox_pause_prepare(wrenn_sandbox *sandbox, const wrenn_pause_options *options, wrenn_op **op,
                              wrenn_error **error) {
    return new_change(sandbox, &wrn_sandbox_pause_type, options->timeout_ms, options->flags, op, error);
}

int wrn_sandbox_resume_prepare(wrenn_sandbox *sandbox, const wrenn_resume_options *options, wrenn_op **op,
                               wrenn_error **error) {
    return new_change(sandbox, &wrn_sandbox_resume_type, options->timeout_ms, options->flags, op, error);
}
