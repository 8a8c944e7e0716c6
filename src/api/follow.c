#include "api/follow.h"

#include "client/sandbox.h"
#include "gen/requests.h"

/* A gateway that is being restarted may answer with a page of its own; a server that always talks nonsense is no server. */
enum { NONSENSE_MAX = 3 };

wrn_verdict wrn_follow_judge(const wrenn_sandbox_info *info) {
    switch (info->status) {
    case WRENN_SANDBOX_STATUS_RUNNING: return WRN_FOLLOW_READY;
    case WRENN_SANDBOX_STATUS_PAUSED:
    case WRENN_SANDBOX_STATUS_HIBERNATED: return WRN_FOLLOW_PAUSED;
    case WRENN_SANDBOX_STATUS_STOPPED:
    case WRENN_SANDBOX_STATUS_STOPPING:
    case WRENN_SANDBOX_STATUS_ERROR: return WRN_FOLLOW_NEVER;
    default: return WRN_FOLLOW_MOVING; /* MISSING too: its host may be heard of again */
    }
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

void wrn_follow_later(wrenn_op *op) { wrn_op_delay(op, ((wrn_follower *)op)->interval_ms); }

void wrn_follow_respond(wrenn_op *op, wrn_http_response *response) {
    wrn_follower *self = (wrn_follower *)op;
    if (!response->body.size && !self->looking) {
        wrn_follow_look(op);
        return;
    }
    wrenn_sandbox_info *info = wrn_op_decode(op, response, &wrn_model_sandbox_info);
    if (!info) return;
    self->nonsense = 0;
    wrn_sandbox_update(op->sandbox, info);
    self->seen(op);
}

bool wrn_follow_tolerates(wrenn_op *op, const wrenn_error *error) {
    wrn_follower *self = (wrn_follower *)op;
    bool nonsense = wrenn_error_code(error) == WRENN_E_PROTOCOL;
    if (nonsense) self->nonsense++;
    if (!self->looking || (nonsense ? self->nonsense >= NONSENSE_MAX : !wrn_follow_passing(error))) return false;
    wrn_follow_later(op);
    return true;
}
