#include "api/code_context.h"

#include <stdlib.h>
#include <string.h>

#include "api/operations.h"
#include "api/ports.h"
#include "client/sandbox.h"
#include "wire/url.h"

enum { RESTART_MS = 60000 };

/* ---- life ---- */

wrenn_code_context *wrn_code_context_new(wrenn_sandbox *sandbox, const char *asked, wrn_kernel_kind kind) {
    wrenn_code_context *context = calloc(1, sizeof(*context));
    if (!context) return NULL;
    context->refs = 1;
    context->kind = kind;
    context->sandbox = sandbox;
    context->client = sandbox->client;
    if (!asked || wrn_code_context_set(&context->asked, asked)) return context;
    free(context);
    return NULL;
}

void wrn_code_context_unref(wrenn_code_context *context) {
    if (!context || --context->refs) return;
    free(context->id);
    free(context->asked);
    free(context->kernel);
    free(context->session);
    free(context);
}

static void forget_contexts(wrenn_code_context *first) {
    while (first) {
        wrenn_code_context *next = first->next;
        wrn_code_context_unref(first);
        first = next;
    }
}

void wrenn_code_context_free(wrenn_code_context *context) {
    if (!context) return;
    wrenn_sandbox *sandbox = context->sandbox;
    wrn_code_context_unref(context);
    wrn_sandbox_unref(sandbox);
}

const char *wrenn_code_context_id(const wrenn_code_context *context) { return context ? context->id : NULL; }
const char *wrenn_code_context_kernel(const wrenn_code_context *context) { return context ? context->kernel : NULL; }

bool wrn_code_context_set(char **slot, const char *text) {
    char *copy = strdup(text);
    if (!copy) return false;
    free(*slot);
    *slot = copy;
    return true;
}

void wrn_code_context_forget(wrenn_code_context *context) {
    if (context->kind != WRN_KERNEL_DEFAULT) return;
    free(context->id);
    context->id = NULL;
}

void wrn_code_context_expect_nothing(wrenn_code_context *context) { context->life[0] = '\0'; }

static bool same_name(const char *a, const char *b) { return a && b ? strcmp(a, b) == 0 : a == b; }

wrenn_code_context *wrn_code_context_default(wrenn_sandbox *sandbox, const char *asked) {
    for (wrenn_code_context *each = sandbox->contexts; each; each = each->next)
        if (same_name(each->asked, asked)) return each;
    wrenn_code_context *made = wrn_code_context_new(sandbox, asked, WRN_KERNEL_DEFAULT);
    if (!made) return NULL;
    made->next = sandbox->contexts;
    sandbox->contexts = made;
    sandbox->forget_contexts = forget_contexts;
    return made;
}

/* ---- turns ---- */

bool wrn_code_context_enter(wrenn_code_context *context, wrn_code_turn *turn) {
    wrn_code_turn **at = &context->turns;
    while (*at) at = &(*at)->next;
    turn->next = NULL;
    *at = turn;
    return context->turns == turn;
}

void wrn_code_context_leave(wrenn_code_context *context, wrn_code_turn *turn) {
    bool first = context->turns == turn;
    WRN_UNLINK(context->turns, turn, next);
    if (first && context->turns) wrn_op_delay(context->turns->op, 0); /* not from inside another's end */
}

/* ---- calls ---- */

void wrn_jupyter_call(wrenn_op *op, const char *method, const char *path, const char *id, const char *suffix,
                      const char *body) {
    WRN_AUTO(wrn_buf_free) wrn_buf full = WRN_BUF_INIT;
    WRN_AUTO(wrn_error_freep) wrenn_error *error = NULL;
    wrn_buf_puts(&full, path);
    if (id) wrn_url_escape(&full, id);
    wrn_buf_puts(&full, suffix);
    /* Nothing but out of memory: the rest was looked at before. */
    bool called = wrn_port_call(op, method, WRN_JUPYTER_PORT, full.data, &error) == 0;
    if (full.failed || !called) op->path.failed = true;
    if (!body) return;
    wrn_buf_puts(&op->fields, "Content-Type: application/json\n");
    wrn_buf_puts(&op->body, body);
}

/* ---- interrupt, restart, delete ---- */

typedef struct plain_op {
    wrenn_op op;
    wrenn_code_context *context; /* a reference */
    bool restarting;             /* counted in the context */
} plain_op;

static void plain_clear(wrenn_op *op) { wrn_code_context_unref(((plain_op *)op)->context); }

/* The kernel is not there any more. */
static bool plain_fail(wrenn_op *op, const wrenn_error *error) {
    if (wrenn_error_code(error) == WRENN_E_NOT_FOUND) wrn_code_context_forget(((plain_op *)op)->context);
    return false;
}

/* What the kernel was doing is lost with the restart. */
static void end_restart(plain_op *self, bool done) {
    wrenn_code_context *context = self->context;
    if (!self->restarting) return;
    self->restarting = false;
    context->restarting--;
    if (done) wrn_code_context_expect_nothing(context);
    if (context->turns && !context->restarting) context->turns->restarted(context->turns->op, done);
}

static void restart_respond(wrenn_op *op, wrn_http_response *response) {
    end_restart((plain_op *)op, true);
    wrn_op_respond_nothing(op, response);
}

static void restart_stop(wrenn_op *op) {
    plain_op *self = (plain_op *)op;
    if (op->client->loop) end_restart(self, false);
}

static void delete_respond(wrenn_op *op, wrn_http_response *response) {
    ((plain_op *)op)->context->made = false;
    wrn_code_context_expect_nothing(((plain_op *)op)->context);
    wrn_op_respond_nothing(op, response);
}

/* Gone already is what was wanted. */
static bool delete_fail(wrenn_op *op, const wrenn_error *error) {
    if (wrenn_error_code(error) != WRENN_E_NOT_FOUND || op->state == WRN_OP_DONE) return false;
    delete_respond(op, NULL);
    return true;
}

static void begin_restart(wrenn_op *op) {
    plain_op *self = (plain_op *)op;
    self->restarting = true;
    self->context->restarting++;
    wrn_op_send(op);
}

static void begin_delete(wrenn_op *op) {
    if (((plain_op *)op)->context->made) wrn_op_send(op);
    else wrn_op_finish(op, NULL, NULL);
}

#define PLAIN_OP .size = sizeof(plain_op), .clear = plain_clear

/* The paths are those below the kernel. */
const wrn_op_type wrn_code_context_interrupt_type = {
    {"code_context interrupt", "POST", "/interrupt"},
    .respond = wrn_op_respond_nothing,
    .fail = plain_fail,
    PLAIN_OP,
};
const wrn_op_type wrn_code_context_restart_type = {
    {"code_context restart", "POST", "/restart"},
    .timeout_ms = RESTART_MS,
    .begin = begin_restart,
    .respond = restart_respond,
    .fail = plain_fail,
    .stop = restart_stop,
    PLAIN_OP,
};
const wrn_op_type wrn_code_context_delete_type = {
    {"code_context delete", "DELETE", ""},
    .begin = begin_delete,
    .respond = delete_respond,
    .fail = delete_fail,
    PLAIN_OP,
};

int wrn_code_context_op(wrenn_code_context *context, const wrn_op_type *type, const wrenn_call_options *options,
                        wrenn_op **op, wrenn_error **error) {
    if (!context) return wrn_refuse(error, "the context must not be NULL");
    if (!context->id)
        return wrn_fail(error, WRENN_E_NOT_FOUND, "%s: its kernel is gone; the next run_code finds or makes another",
                        type->name);
    int rc = wrn_op_new(NULL, context->sandbox, type, options, op, error);
    if (rc != 0) return rc;
    ((plain_op *)*op)->context = context;
    context->refs++;
    wrn_jupyter_call(*op, type->method, "/api/kernels/", context->id, type->path, NULL);
    return 0;
}
