#include <stdio.h>

#include "api/follow.h"
#include "api/operations.h"
#include "client/sandbox.h"

/* ---- wait_ready and connect ----
 *
 * LOOKING (again and again) -> done; with WRENN_WAIT_RESUME, or to connect, a paused sandbox -> RESUMING -> LOOKING. */

typedef struct wait_op {
    wrn_follower follower;
    bool resume;
    bool connect; /* gives the handle */
    bool found;
} wait_op;

static void wait_judge(wrenn_op *op) {
    wait_op *self = (wait_op *)op;
    const wrenn_sandbox_info *info = op->sandbox->info;
    wrn_verdict verdict = wrn_follow_judge(info);
    self->found = true;
    if (verdict == WRN_FOLLOW_READY && self->connect) {
        wrn_sandbox_ref(op->sandbox);
        wrn_op_finish(op, op->sandbox, wrn_sandbox_free_result);
    } else if (verdict == WRN_FOLLOW_READY) {
        wrn_op_finish(op, NULL, NULL);
    } else if (verdict == WRN_FOLLOW_MOVING) {
        wrn_follow_later(op);
    } else if (verdict == WRN_FOLLOW_PAUSED && self->resume) {
        self->follower.looking = false;
        wrn_op_call_sandbox(op, "POST", op->sandbox->id, "/resume", NULL, NULL);
        wrn_op_send(op);
    } else {
        wrn_op_fail(op,
                    wrn_error_new(WRENN_E_CONFLICT, "%s: sandbox %s will not get ready by itself (status: %s)%s",
                                  op->type->name, op->sandbox->id, info->status_text ? info->status_text : "none given",
                                  verdict == WRN_FOLLOW_PAUSED ? "; resume it, or pass WRENN_WAIT_RESUME" : ""));
    }
}

static bool wait_fail(wrenn_op *op, const wrenn_error *error) {
    wait_op *self = (wait_op *)op;
    /* Whoever connects wants to know at once that no server is there. */
    if (self->follower.looking) return (self->found || !self->connect) && wrn_follow_tolerates(op, error);
    /* Somebody else may have resumed it in between: look. The answer to a resume may get lost, or be a failure that passes;
     * whoever connects wants to know of that one. */
    bool raced = wrenn_error_code(error) == WRENN_E_CONFLICT;
    bool passing = wrn_follow_passing(error) && !(self->connect && wrenn_error_http_status(error) >= 500);
    if (raced || passing) wrn_follow_later(op);
    return raced || passing;
}

static void wait_set_up(wrenn_op *op, int64_t interval_ms) {
    wait_op *self = (wait_op *)op;
    self->follower.interval_ms = interval_ms ? interval_ms : WRN_FOLLOW_INTERVAL_MS;
    self->follower.seen = wait_judge;
    self->follower.looking = true;
}

#define WAIT_OP .size = sizeof(wait_op), .respond = wrn_follow_respond, .fail = wait_fail, .wake = wrn_follow_look

const wrn_op_type wrn_sandbox_wait_ready_type = {"wait_ready", "GET", "/sandboxes/{sandbox id}", WRN_AUTH_ANY, WAIT_OP};

int wrn_sandbox_wait_ready_prepare(wrenn_sandbox *sandbox, const wrenn_wait_options *options, wrenn_op **op,
                                   wrenn_error **error) {
    if (options->interval_ms < 0 || options->flags & ~WRENN_WAIT_RESUME)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "wait_ready: interval_ms is negative or a flag is unknown");
    int64_t limit = options->timeout_ms ? options->timeout_ms : WRN_OP_TIMEOUT_MS; /* not that of the client */
    int rc = wrn_op_for_sandbox(sandbox, &wrn_sandbox_wait_ready_type, limit, NULL, NULL, op, error);
    if (rc < 0) return rc;
    wait_set_up(*op, options->interval_ms);
    ((wait_op *)*op)->resume = options->flags & WRENN_WAIT_RESUME;
    return 0;
}

const wrn_op_type wrn_sandboxes_connect_type = {
    "connect", "GET", "/sandboxes/{sandbox id}", WRN_AUTH_ANY, .timeout_ms = 120000, WAIT_OP};

int wrn_sandboxes_connect_prepare(wrenn_client *client, const char *id, const wrenn_connect_options *options,
                                  wrenn_op **op, wrenn_error **error) {
    wrenn_sandbox *sandbox = NULL;
    if (options->interval_ms < 0)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "connect: interval_ms must not be negative");
    int rc = wrenn_sandbox_from_id(client, id, &sandbox, error);
    if (rc < 0) return rc;
    rc = wrn_op_for_sandbox(sandbox, &wrn_sandboxes_connect_type, options->timeout_ms, NULL, NULL, op, error);
    wrn_sandbox_unref(sandbox);
    if (rc < 0) return rc;
    wait_set_up(*op, options->interval_ms);
    ((wait_op *)*op)->resume = ((wait_op *)*op)->connect = true;
    return 0;
}

/* ---- ping and destroy ---- */

static void destroy_respond(wrenn_op *op, wrn_http_response *response) {
    op->sandbox->destroyed = true;
    wrn_op_respond_nothing(op, response);
}

const wrn_op_type wrn_sandbox_ping_type = {"ping", "POST", "/sandboxes/{sandbox id}/ping", WRN_AUTH_ANY};
const wrn_op_type wrn_sandbox_destroy_type = {"destroy", "DELETE", "/sandboxes/{sandbox id}", WRN_AUTH_ANY,
                                              .respond = destroy_respond};

void wrenn_sandbox_close(wrenn_sandbox *sandbox) {
    if (!sandbox) return;
    WRN_AUTO(wrn_error_freep) wrenn_error *error = NULL;
    if (!sandbox->destroyed && wrenn_sandbox_destroy(sandbox, &error) < 0 &&
        !wrenn_error_is(error, WRENN_E_NOT_FOUND)) {
        char line[512];
        snprintf(line, sizeof(line), "sandbox %s may still run: %s", sandbox->id, wrenn_error_message(error));
        wrenn_client *client = sandbox->client;
        wrn_client_log(client, &(wrenn_log_event){.level = WRENN_LOG_WARNING, .message = line});
        wrn_client_settle(client);
    }
    wrenn_sandbox_free(sandbox);
}
