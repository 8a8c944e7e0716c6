#include "api/follow.h"

#include "client/sandbox.h"
#include "gen/requests.h"

/* A gateway that restarts may answer with a page of its own for a while. */
enum { MALFORMED_MAX = 3, INTERVAL_MS = 500 };

/* What the last look (GET) means to the operation. */
typedef enum progress {
    ARRIVED, /* the status is `to` */
    MOVING,  /* it may still become `to`, also when this version does not know it */
    PAUSED,  /* it becomes `to` only after a resume */
    STUCK    /* it will not become `to` */
} progress;

static progress judge_status(wrn_follower *self, int64_t status) {
    if (status == WRENN_SANDBOX_STATUS_HIBERNATED) status = WRENN_SANDBOX_STATUS_PAUSED;
    if (status == self->to) return ARRIVED;
    /* A server may report the old status once more before the change; returning to it means that the change failed. */
    if (self->from && status == self->from) return self->left ? STUCK : MOVING;
    self->left = true;
    switch (status) {
    case WRENN_SANDBOX_STATUS_PAUSED: return PAUSED;
    case WRENN_SANDBOX_STATUS_STOPPED:
    case WRENN_SANDBOX_STATUS_STOPPING:
    case WRENN_SANDBOX_STATUS_ERROR: return STUCK;
    default: return MOVING; /* MISSING too: its host may be heard of again */
    }
}

void wrn_follow_judge(wrenn_op *op) {
    wrn_follower *self = (wrn_follower *)op;
    progress now = judge_status(self, op->sandbox->info->status);
    const char *status = op->sandbox->info->status_text;
    self->seen = true;
    if (self->wait && now == MOVING) return wrn_follow_later(op);
    if (self->wait && now == PAUSED && self->paused) return self->paused(op);
    if (self->wait && now != ARRIVED)
        return wrn_op_fail_as(op, WRENN_E_CONFLICT, "sandbox %s has status %s, which it does not leave by itself",
                              op->sandbox->id, status ? status : "none");
    if (self->arrived) self->arrived(op);
    else wrn_op_finish(op, NULL, NULL);
}

bool wrn_follow_passing(const wrenn_error *error) {
    int code = wrenn_error_code(error), status = wrenn_error_http_status(error);
    return code == WRENN_E_CONNECTION_FAILED || code == WRENN_E_CONNECTION_LOST || status == 429 || status >= 500;
}

void wrn_follow_look(wrenn_op *op) {
    ((wrn_follower *)op)->looking = true;
    wrn_op_call_sandbox(op, "GET", op->sandbox->id, "", NULL, NULL);
    wrn_op_send(op);
}

void wrn_follow_later(wrenn_op *op) {
    int64_t interval_ms = ((wrn_follower *)op)->interval_ms;
    wrn_op_delay(op, interval_ms ? interval_ms : INTERVAL_MS);
}

void wrn_follow_respond(wrenn_op *op, wrn_http_response *response) {
    wrn_follower *self = (wrn_follower *)op;
    if (!response->body.size && !self->looking) return wrn_follow_look(op);
    wrenn_sandbox_info *info = wrn_op_decode(op, response, &wrn_model_sandbox_info);
    if (!info) return;
    self->malformed = 0;
    wrn_sandbox_update(op->sandbox, info);
    wrn_follow_judge(op);
}

bool wrn_follow_tolerates(wrenn_op *op, const wrenn_error *error) {
    wrn_follower *self = (wrn_follower *)op;
    bool malformed = wrenn_error_code(error) == WRENN_E_PROTOCOL;
    if (malformed) self->malformed++;
    if (!self->looking || (malformed ? self->malformed >= MALFORMED_MAX : !wrn_follow_passing(error))) return false;
    wrn_follow_later(op);
    return true;
}

void wrn_follow_give_handle(wrenn_op *op) {
    wrn_sandbox_ref(op->sandbox);
    wrn_op_finish(op, op->sandbox, wrn_sandbox_free_result);
}
