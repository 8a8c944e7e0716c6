#include "api/follow.h"
#include "client/op.h"
#include "client/sandbox.h"
#include "gen/requests.h"
#include "wrenn/sandbox.h"

enum { TIMEOUT_MS = 120000 };

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

static const wrn_op_type pause_type = {.name = "pause",
                                       .size = sizeof(change_op),
                                       .respond = change_respond,
                                       .fail = wrn_follow_tolerates,
                                       .wake = wrn_follow_look,
                                       .follows = true};
static const wrn_op_type resume_type = {.name = "resume",
                                        .size = sizeof(change_op),
                                        .respond = change_respond,
                                        .fail = wrn_follow_tolerates,
                                        .wake = wrn_follow_look,
                                        .follows = true};

static wrenn_client *client_of(const wrenn_sandbox *sandbox) { return sandbox ? sandbox->client : NULL; }

static int start_change(wrenn_sandbox *sandbox, const wrn_op_type *type, int64_t timeout_ms, uint64_t flags,
                        wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    if (flags & ~WRENN_PAUSE_WAIT)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: unknown flags; use WRENN_%s_WAIT", type->name,
                        type == &pause_type ? "PAUSE" : "RESUME");
    wrenn_op *made;
    int rc = wrn_op_new(client_of(sandbox), sandbox, type, timeout_ms, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    change_op *self = (change_op *)made;
    bool pause = type == &pause_type;
    self->from = pause ? WRENN_SANDBOX_STATUS_RUNNING : WRENN_SANDBOX_STATUS_PAUSED;
    self->to = pause ? WRENN_SANDBOX_STATUS_PAUSED : WRENN_SANDBOX_STATUS_RUNNING;
    self->wait = flags & WRENN_PAUSE_WAIT;
    self->follower.interval_ms = WRN_FOLLOW_INTERVAL_MS;
    self->follower.seen = change_judge;
    wrn_op_call_sandbox(made, "POST", sandbox->id, pause ? "/pause" : "/resume", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

_Static_assert(WRENN_PAUSE_WAIT == WRENN_RESUME_WAIT, "start_change() takes the flags of both");

int wrenn_sandbox_pause_start(wrenn_sandbox *sandbox, const wrenn_pause_options *options, wrenn_done_fn done,
                              void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_pause_options known;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_pause_options", error);
    if (rc != 0) return rc;
    return start_change(sandbox, &pause_type, known.timeout_ms, known.flags, done, user_data, op, error);
}

int wrenn_sandbox_pause_finish(wrenn_op *op, wrenn_error **error) { return wrn_op_take(op, &pause_type, NULL, error); }

int wrenn_sandbox_pause(wrenn_sandbox *sandbox, const wrenn_pause_options *options, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_pause_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_pause_finish(op, error));
}

int wrenn_sandbox_resume_start(wrenn_sandbox *sandbox, const wrenn_resume_options *options, wrenn_done_fn done,
                               void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_resume_options known;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_resume_options", error);
    if (rc != 0) return rc;
    return start_change(sandbox, &resume_type, known.timeout_ms, known.flags, done, user_data, op, error);
}

int wrenn_sandbox_resume_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &resume_type, NULL, error);
}

int wrenn_sandbox_resume(wrenn_sandbox *sandbox, const wrenn_resume_options *options, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_resume_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_resume_finish(op, error));
}
