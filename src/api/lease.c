/* HOLDING: an answer that goes on for as long as its connection does, which the kernel closes when the process is gone, however
 * that ends. When it is cut, it is asked for again, until the server says that the sandbox is gone. */
#include "api/lease.h"

#include "api/follow.h"
#include "api/operations.h"
#include "client/sandbox.h"

enum { AGAIN_MS = 200 };

typedef struct hold_op {
    wrenn_op op;
    wrn_http_sink sink;
    bool held; /* the server has let us hold it, so that whatever happens now will pass */
} hold_op;

static int64_t lease_held(void *context, const char *data, size_t size, int64_t total) {
    hold_op *self = context;
    (void)data, (void)total;
    if (!wrn_op_is_wanted(&self->op)) return WRN_HTTP_STOP;
    self->held = true;
    wrn_op_extend(&self->op, self->op.client->idle_timeout_ms);
    return (int64_t)size;
}

static void hold_again(wrenn_op *op) {
    wrn_op_extend(op, WRN_OP_TIMEOUT_MS);
    wrn_op_call_type(op, NULL, NULL, NULL);
    op->sink = &((hold_op *)op)->sink;
    wrn_op_send(op);
}

static void hold_respond(wrenn_op *op, wrn_http_response *response) {
    (void)response;
    wrn_op_delay(op, AGAIN_MS);
}

/* Who created it waits for nothing, and would not learn of it otherwise. */
static void warn(wrenn_op *op, const wrenn_error *error) {
    wrn_client_warn(op->client, "sandbox %s: its lease is held no longer: %s", op->sandbox->id,
                    wrenn_error_message(error));
}

static bool hold_fail(wrenn_op *op, const wrenn_error *error) {
    int code = wrenn_error_code(error);
    if (!((hold_op *)op)->held) return false;
    if (code == WRENN_E_CONFLICT || code == WRENN_E_NOT_FOUND) return wrn_op_finish(op, NULL, NULL), true;
    if (code != WRENN_E_TIMEOUT && code != WRENN_E_PROTOCOL && !wrn_follow_passing(error))
        return warn(op, error), false;
    wrn_op_extend(op, WRN_OP_TIMEOUT_MS);
    wrn_op_delay(op, AGAIN_MS);
    return true;
}

const wrn_op_type wrn_sandbox_hold_type = {{"hold", "GET", "/sandboxes/{sandbox id}/lease", WRN_AUTH_ANY},
                                           .size = sizeof(hold_op),
                                           .respond = hold_respond,
                                           .fail = hold_fail,
                                           .wake = hold_again};

int wrn_sandbox_hold_prepare(wrenn_op *op, wrenn_error **error) {
    hold_op *self = (hold_op *)op;
    int rc = wrn_op_call_type(op, NULL, NULL, error);
    self->sink = (wrn_http_sink){lease_held, self};
    op->sink = &self->sink;
    return rc;
}

int wrn_lease_keep(wrenn_sandbox *sandbox, wrenn_error **error) {
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_op_new(NULL, sandbox, &wrn_sandbox_hold_type, NULL, &op, error);
    if (rc == 0) rc = wrn_sandbox_hold_prepare(op, error);
    if (rc != 0) return rc;
    ((hold_op *)op)->held = true; /* by its create */
    return wrn_op_start(WRN_TAKE(op), NULL, NULL, NULL, error);
}
