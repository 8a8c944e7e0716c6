/* Operations that follow a sandbox until it runs or is paused.
 *
 * wait_ready, connect: LOOKING (again and again) -> done; with WRENN_SANDBOX_WAIT_READY_RESUME, or to connect, a paused sandbox
 * -> RESUMING -> LOOKING.
 * pause, resume: ASKING -> done, or with the flag WAIT -> LOOKING (again and again) -> done. */
#include "api/follow.h"
#include "api/operations.h"
#include "client/sandbox.h"
#include "gen/requests.h"

/* ---- wait_ready and connect ---- */

/* It gives the handle. */
static bool is_connect(const wrenn_op *op) { return op->type == &wrn_sandboxes_connect_type; }

static void wait_resume(wrenn_op *op) {
    ((wrn_follower *)op)->looking = false;
    wrn_op_call_sandbox(op, "POST", op->sandbox->id, "/resume", NULL, NULL);
    wrn_op_send(op);
}

static void refuse_paused(wrenn_op *op) {
    wrn_op_fail_as(op, WRENN_E_CONFLICT, "sandbox %s is paused; resume it, or pass WRENN_SANDBOX_WAIT_READY_RESUME",
                   op->sandbox->id);
}

static bool wait_fail(wrenn_op *op, const wrenn_error *error) {
    const wrn_follower *self = (wrn_follower *)op;
    /* connect must fail at once when no server is there. */
    if (self->looking) return (self->seen || !is_connect(op)) && wrn_follow_tolerates(op, error);
    /* A conflict: another program may have resumed it, so look again. So after a lost response or a temporary failure, but
     * connect reports a failure of the server. */
    bool raced = wrenn_error_code(error) == WRENN_E_CONFLICT;
    bool passing = wrn_follow_passing(error) && !(is_connect(op) && wrenn_error_http_status(error) >= 500);
    if (raced || passing) wrn_follow_later(op);
    return raced || passing;
}

#define WAIT_OP                                                                                              \
    .size = sizeof(wrn_follower), .respond = wrn_follow_respond, .fail = wait_fail, .wake = wrn_follow_look, \
    .follows = true

const wrn_op_type wrn_sandbox_wait_ready_type = {{"wait_ready", "GET", "/sandboxes/{sandbox id}", WRN_AUTH_ANY},
                                                 WAIT_OP};
const wrn_op_type wrn_sandboxes_connect_type = {{"connect", "GET", "/sandboxes/{sandbox id}", WRN_AUTH_ANY},
                                                .timeout_ms = 120000,
                                                WAIT_OP};

static int prepare_wait(wrenn_op *op, int64_t interval_ms, bool resume, wrenn_error **error) {
    wrn_follower *self = (wrn_follower *)op;
    self->wait = true;
    self->paused = resume ? wait_resume : refuse_paused;
    self->interval_ms = interval_ms;
    self->to = WRENN_SANDBOX_STATUS_RUNNING;
    self->arrived = is_connect(op) ? wrn_follow_give_handle : NULL;
    self->looking = true;
    int rc = wrn_op_check(op, error, {"interval_ms", interval_ms, 0, INT64_MAX});
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

static void change_respond(wrenn_op *op, wrn_http_response *response) {
    const wrn_follower *self = (wrn_follower *)op;
    if (response->body.size || self->looking || self->wait) wrn_follow_respond(op, response);
    else wrn_op_finish(op, NULL, NULL);
}

#define CHANGE_OP                                                                                                \
    .timeout_ms = 120000, .size = sizeof(wrn_follower), .respond = change_respond, .fail = wrn_follow_tolerates, \
    .wake = wrn_follow_look, .follows = true

const wrn_op_type wrn_sandbox_pause_type = {{"pause", "POST", "/sandboxes/{sandbox id}/pause", WRN_AUTH_ANY},
                                            .body = &wrn_model_pause_request,
                                            CHANGE_OP};
const wrn_op_type wrn_sandbox_resume_type = {{"resume", "POST", "/sandboxes/{sandbox id}/resume", WRN_AUTH_ANY},
                                             CHANGE_OP};

_Static_assert(WRENN_SANDBOX_PAUSE_WAIT == WRENN_SANDBOX_RESUME_WAIT, "prepare_change() takes the flags of both");

static int prepare_change(wrenn_op *op, uint64_t flags, const wrn_pause_request *request, wrenn_error **error) {
    bool pause = op->type == &wrn_sandbox_pause_type;
    wrn_follower *self = (wrn_follower *)op;
    self->wait = flags & WRENN_SANDBOX_PAUSE_WAIT;
    /* A sandbox that is paused can be hibernated, too. */
    self->from = flags & WRENN_SANDBOX_PAUSE_HIBERNATE ? 0
                 : pause                               ? WRENN_SANDBOX_STATUS_RUNNING
                                                       : WRENN_SANDBOX_STATUS_PAUSED;
    self->to = pause ? WRENN_SANDBOX_STATUS_PAUSED : WRENN_SANDBOX_STATUS_RUNNING;
    return wrn_op_call_type(op, NULL, request, error);
}

int wrn_sandbox_pause_prepare(wrenn_op *op, const wrenn_sandbox_pause_options *options, wrenn_error **error) {
    const wrn_pause_request request = {.hibernate = options->flags & WRENN_SANDBOX_PAUSE_HIBERNATE};
    return prepare_change(op, options->flags, &request, error);
}

int wrn_sandbox_resume_prepare(wrenn_op *op, const wrenn_sandbox_resume_options *options, wrenn_error **error) {
    return prepare_change(op, options->flags, NULL, error);
}
