#include "wrenn/sandbox.h"

#include <stdio.h>

#include "api/follow.h"
#include "base/clock.h"
#include "client/op.h"
#include "client/sandbox.h"
#include "gen/requests.h"

enum { TIMEOUT_MS = 30000, RESUME_TIMEOUT_MS = 120000 };

static wrenn_client *client_of(const wrenn_sandbox *sandbox) { return sandbox ? sandbox->client : NULL; }

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

static void wait_set_up(wait_op *self, int64_t interval_ms) {
    self->follower.interval_ms = interval_ms ? interval_ms : WRN_FOLLOW_INTERVAL_MS;
    self->follower.seen = wait_judge;
    self->follower.looking = true;
}

static const wrn_op_type wait_type = {.name = "wait_ready",
                                      .size = sizeof(wait_op),
                                      .respond = wrn_follow_respond,
                                      .fail = wait_fail,
                                      .wake = wrn_follow_look,
                                      .follows = true};

int wrenn_sandbox_wait_ready_start(wrenn_sandbox *sandbox, const wrenn_wait_options *options, wrenn_done_fn done,
                                   void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_wait_options known;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_wait_options", error);
    if (rc == 0 && (known.interval_ms < 0 || known.flags & ~WRENN_WAIT_RESUME))
        rc = wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "wait_ready: interval_ms is negative or a flag is unknown");
    if (rc == 0)
        rc = wrn_op_new(client_of(sandbox), sandbox, &wait_type, known.timeout_ms ? known.timeout_ms : TIMEOUT_MS, 0,
                        &made, error);
    if (rc != 0) return rc;
    wait_op *self = (wait_op *)made;
    wait_set_up(self, known.interval_ms);
    self->resume = known.flags & WRENN_WAIT_RESUME;
    wrn_op_call_sandbox(made, "GET", sandbox->id, "", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandbox_wait_ready_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &wait_type, NULL, error);
}

int wrenn_sandbox_wait_ready(wrenn_sandbox *sandbox, const wrenn_wait_options *options, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_wait_ready_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_wait_ready_finish(op, error));
}

static const wrn_op_type connect_type = {.name = "connect",
                                         .size = sizeof(wait_op),
                                         .respond = wrn_follow_respond,
                                         .fail = wait_fail,
                                         .wake = wrn_follow_look,
                                         .follows = true};

int wrenn_sandboxes_connect_start(wrenn_client *client, const char *id, const wrenn_connect_options *options,
                                  wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_connect_options known;
    wrenn_sandbox *sandbox = NULL;
    wrenn_op *made;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_connect_options", error);
    if (rc == 0 && known.interval_ms < 0)
        rc = wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "connect: interval_ms must not be negative");
    if (rc == 0) rc = wrenn_sandbox_from_id(client, id, &sandbox, error);
    if (rc == 0) rc = wrn_op_new(client, sandbox, &connect_type, known.timeout_ms, RESUME_TIMEOUT_MS, &made, error);
    wrn_sandbox_unref(sandbox);
    if (rc != 0) return rc;
    wait_op *self = (wait_op *)made;
    wait_set_up(self, known.interval_ms);
    self->resume = self->connect = true;
    wrn_op_call_sandbox(made, "GET", id, "", NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandboxes_connect_finish(wrenn_op *op, wrenn_sandbox **sandbox, wrenn_error **error) {
    return wrn_op_take(op, &connect_type, sandbox, error);
}

int wrenn_sandboxes_connect(wrenn_client *client, const char *id, const wrenn_connect_options *options,
                            wrenn_sandbox **sandbox, wrenn_error **error) {
    WRN_BLOCKING(client, wrenn_sandboxes_connect_start(client, id, options, NULL, NULL, &op, error),
                 wrenn_sandboxes_connect_finish(op, sandbox, error));
}

/* ---- ping and destroy ---- */

static void destroy_respond(wrenn_op *op, wrn_http_response *response) {
    op->sandbox->destroyed = true;
    wrn_op_respond_nothing(op, response);
}

static const wrn_op_type ping_type = {.name = "ping", .respond = wrn_op_respond_nothing};
static const wrn_op_type destroy_type = {.name = "destroy", .respond = destroy_respond};

static int start_plain(wrenn_sandbox *sandbox, const wrn_op_type *type, const char *method, const char *suffix,
                       wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_op *made;
    int rc = wrn_op_new(client_of(sandbox), sandbox, type, 0, TIMEOUT_MS, &made, error);
    if (rc != 0) return rc;
    wrn_op_call_sandbox(made, method, sandbox->id, suffix, NULL, NULL);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_sandbox_ping_start(wrenn_sandbox *sandbox, wrenn_done_fn done, void *user_data, wrenn_op **op,
                             wrenn_error **error) {
    return start_plain(sandbox, &ping_type, "POST", "/ping", done, user_data, op, error);
}

int wrenn_sandbox_ping_finish(wrenn_op *op, wrenn_error **error) { return wrn_op_take(op, &ping_type, NULL, error); }

int wrenn_sandbox_ping(wrenn_sandbox *sandbox, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_ping_start(sandbox, NULL, NULL, &op, error),
                 wrenn_sandbox_ping_finish(op, error));
}

int wrenn_sandbox_destroy_start(wrenn_sandbox *sandbox, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                wrenn_error **error) {
    return start_plain(sandbox, &destroy_type, "DELETE", "", done, user_data, op, error);
}

int wrenn_sandbox_destroy_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &destroy_type, NULL, error);
}

int wrenn_sandbox_destroy(wrenn_sandbox *sandbox, wrenn_error **error) {
    WRN_BLOCKING(client_of(sandbox), wrenn_sandbox_destroy_start(sandbox, NULL, NULL, &op, error),
                 wrenn_sandbox_destroy_finish(op, error));
}

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
