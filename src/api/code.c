#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/code_context.h"
#include "api/kernel.h"
#include "api/operations.h"
#include "api/ports.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "client/sandbox.h"
#include "net/websocket.h"
#include "wire/url.h"

enum {
    EXEC_MS = 30000,
    START_MS = 60000,
    AGAIN_MS = 100,       /* between two tries while the Jupyter server comes up */
    ASK_AGAIN_MS = 5000,  /* a kernel that died while it was asked answers nothing */
    HEAR_MS = 200,        /* the same, when it answers but shows nothing yet, or has just died */
    REST_MS = 500,        /* when one of the two channels has told the end, until the other is made sure of */
    REST_LATE_MS = 10000, /* the same, when the time for the code is up */
    WIND_UP_MS = 5000,    /* for a kernel to end what it was interrupted in */
    BEHIND_MS = 10000,    /* to end what a call that is over has left running */
    MARGIN_MS = 15000,
    ENVELOPE = 64 * 1024 /* of a message, around what it brings */
};

#define REMEDY                                                                             \
    "wait longer, interrupt or restart it (wrenn_code_context_interrupt(), _restart(); a " \
    "context with WRENN_SANDBOX_CODE_CONTEXT_DEFAULT is the kernel of calls without one), or use another context"

/* ---- an operation on a kernel ----
 *
 * QUEUED -> SPECS (which kernels there could be; again while the Jupyter server comes up)
 *   -> SESSION (default: the one kernel of a known path, found or made; CONFIRM: the same again; DROP: one too many),
 *      FIND (any of that name) or MAKE
 *   -> SOCKET -> ASK (until the kernel is free, and what it shows is heard) -> MARK (a default kernel not seen before)
 *   -> RUN -> done
 *      RUN -> INTERRUPT or WITHDRAW -> done
 *
 * The code is sent to a free kernel only. So code of a call that has ended does not run later, and a call whose time is
 * up does not interrupt what is somebody else's. */

typedef enum stage {
    QUEUED,
    SPECS,
    SESSION,
    CONFIRM,
    DROP,
    FIND,
    MAKE,
    SOCKET,
    ASK,
    MARK,
    RUN,
    INTERRUPT,
    WITHDRAW,
    ENDED
} stage;

typedef struct code_op {
    wrenn_op op;
    wrn_code_turn turn;
    wrenn_code_context *context; /* a reference */
    bool runs;                   /* code; otherwise it is done when there is a kernel */
    stage stage;
    int64_t start_timeout_ms, start_until_ms, time_limit_ms;
    wrn_timer limit; /* of the start, then of the code, then of winding up */
    wrn_timer again; /* while asking; then for the rest */
    const char *code;
    wrn_socket *socket;
    char *kernel_id; /* at the other end of it; the context may have another one by the time this is used */
    bool lost;       /* the kernel is not the one that has our state */
    bool late;       /* the time for the code is up, and more is waited for */
    wrn_kernel_run run;
} code_op;

/* False when that has ended the operation. */
static bool set_timer(code_op *self, wrn_timer *timer, int64_t ms) {
    bool set = wrn_loop_timer_set(self->op.client->loop, timer, wrn_in_ms(ms));
    if (!set) wrn_op_fail_no_memory(&self->op);
    return set;
}

/* ---- finding a kernel ---- */

static void send_call(code_op *self, stage next, const char *method, const char *path, const char *body) {
    self->stage = next;
    wrn_jupyter_call(&self->op, method, path, NULL, "", body);
    wrn_op_send(&self->op);
}

static void open_socket(wrenn_op *op);

static void free_context_result(void *context) { wrenn_code_context_free(context); }

static void give_context(wrenn_op *op) {
    code_op *self = (code_op *)op;
    wrenn_code_context *context = self->context;
    context->refs++;
    wrn_sandbox_ref(context->sandbox);
    wrn_op_finish(op, context, free_context_result);
}

static void use_kernel(code_op *self) {
    if (self->runs) open_socket(&self->op);
    else give_context(&self->op);
}

static void have_kernel(code_op *self, const char *id) {
    if (wrn_code_context_set(&self->context->id, id)) use_kernel(self);
    else wrn_op_fail_no_memory(&self->op);
}

/* A body that names the kernel: `before`, its name as JSON, `after`. */
static void send_named(code_op *self, stage next, const char *path, const char *before, const char *after) {
    WRN_AUTO(wrn_buf_free) wrn_buf body = WRN_BUF_INIT;
    wrn_buf_puts(&body, before);
    wrn_json_write_string(self->context->kernel, &body);
    wrn_buf_puts(&body, after);
    if (body.failed) return wrn_op_fail_no_memory(&self->op);
    send_call(self, next, "POST", path, body.data);
}

static void code_make(code_op *self) { send_named(self, MAKE, "/api/kernels", "{\"name\":", "}"); }

/* A session is a kernel with a path; Jupyter gives the one that is there, or makes it. The path is the mark by which
 * all handles on the sandbox know the kernel of calls without a context. */
static void code_find_session(code_op *self, stage next) {
    WRN_AUTO(wrn_buf_free) wrn_buf before = WRN_BUF_INIT;
    wrn_buf_puts(&before, "{\"path\":\"wrenn-default-");
    wrn_url_escape(&before, self->context->kernel);
    wrn_buf_puts(&before, "\",\"name\":\"\",\"type\":\"console\",\"kernel\":{\"name\":");
    if (before.failed) return wrn_op_fail_no_memory(&self->op);
    send_named(self, next, "/api/sessions", before.data, "}}");
}

static void begin_default(code_op *self, const char *name);

static void find_kernel(code_op *self) {
    switch (self->context->kind) {
    case WRN_KERNEL_OWN: return code_make(self);
    case WRN_KERNEL_ANY: return send_call(self, FIND, "GET", "/api/kernels", NULL);
    case WRN_KERNEL_DEFAULT: return code_find_session(self, SESSION);
    }
}

static bool list_name(void *context, const char *key, const wrn_json *value) {
    wrn_buf *names = context;
    if (names->size) wrn_buf_puts(names, ", ");
    wrn_buf_puts(names, key);
    return true;
}

static void specs_respond(code_op *self, const wrn_json *json, wrn_http_response *response) {
    wrenn_op *op = &self->op;
    wrenn_code_context *context = self->context;
    WRN_AUTO(wrn_buf_free) wrn_buf names = WRN_BUF_LIMITED(1000);
    const wrn_json *specs = wrn_json_get(json, "kernelspecs");
    const char *name = context->asked ? context->asked : wrn_json_text(json, "default");
    if (!name || !*name) return wrn_op_fail_malformed(op, response, "it names no default kernel");
    wrn_json_each(specs, list_name, &names);
    if (names.size && !wrn_json_has(specs, name))
        return wrn_op_fail_as(op, WRENN_E_NOT_FOUND, "the sandbox has no kernel \"%s\"; it has: %s", name, names.data);
    if (!wrn_code_context_set(&context->kernel, name)) return wrn_op_fail_no_memory(op);
    if (context->kind == WRN_KERNEL_DEFAULT && !context->asked) begin_default(self, name);
    else find_kernel(self);
}

static void find_respond(code_op *self, const wrn_json *json) {
    for (size_t i = 0; i < wrn_json_count(json); i++) {
        const wrn_json *each = wrn_json_at(json, i);
        const char *name = wrn_json_text(each, "name");
        const char *id = wrn_json_text(each, "id");
        const char *state = wrn_json_text(each, "execution_state");
        if (!name || !id || !*id || strcmp(name, self->context->kernel) != 0) continue;
        if (!state || strcmp(state, "dead") != 0) return have_kernel(self, id);
    }
    code_make(self);
}

static void made_respond(code_op *self, const wrn_json *kernel, wrn_http_response *response) {
    const char *id = wrn_json_text(kernel, "id");
    if (!id || !*id) return wrn_op_fail_malformed(&self->op, response, "a kernel without an id");
    self->context->made = self->stage == MAKE;
    have_kernel(self, id);
}

/* What other programs have marked is taken over, but for what this one knows itself. */
static bool remember_session(wrenn_code_context *context, const wrn_json *json) {
    const char *id = wrn_json_text(json, "id");
    const char *life = wrn_json_text(json, "name");
    if (!context->life[0]) snprintf(context->life, sizeof(context->life), "%s", life ? life : "");
    return !id || !life || wrn_code_context_set(&context->session, id);
}

/* Two that ask at the same moment make two kernels; from then on Jupyter names the first one to both. */
static void session_respond(code_op *self, const wrn_json *json, wrn_http_response *response) {
    wrenn_code_context *context = self->context;
    const wrn_json *kernel = wrn_json_get(json, "kernel");
    const char *id = wrn_json_text(kernel, "id");
    const char *state = wrn_json_text(kernel, "execution_state");
    if (self->stage == CONFIRM && id && *id && strcmp(id, context->id) != 0) {
        WRN_AUTO(wrn_buf_free) wrn_buf spare = WRN_BUF_INIT;
        wrn_buf_puts(&spare, context->id);
        if (spare.failed || !wrn_code_context_set(&context->id, id)) return wrn_op_fail_no_memory(&self->op);
        self->stage = DROP;
        wrn_jupyter_call(&self->op, "DELETE", "/api/kernels/", spare.data, "", NULL);
        return wrn_op_send(&self->op);
    }
    if (!remember_session(context, json)) return wrn_op_fail_no_memory(&self->op);
    bool fresh = self->stage == SESSION && state && strcmp(state, "starting") == 0;
    if (!fresh || !id || !*id) return made_respond(self, kernel, response);
    if (wrn_code_context_set(&context->id, id)) code_find_session(self, CONFIRM);
    else wrn_op_fail_no_memory(&self->op);
}

static void go_on_marked(code_op *self);

static void code_respond(wrenn_op *op, wrn_http_response *response) {
    code_op *self = (code_op *)op;
    if (self->stage == INTERRUPT) return; /* the kernel's own word is waited for */
    if (self->stage == DROP) return use_kernel(self);
    if (self->stage == MARK) return go_on_marked(self);
    if (self->stage == SOCKET) return wrn_op_fail_malformed(op, response, "it should have become a WebSocket");
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    if (self->stage == SPECS) specs_respond(self, json, response);
    else if (self->stage == SESSION || self->stage == CONFIRM) session_respond(self, json, response);
    else if (self->stage == FIND) find_respond(self, json);
    else made_respond(self, json, response);
}

/* ---- whose turn it is ---- */

static void go(wrenn_op *op) {
    code_op *self = (code_op *)op;
    wrenn_code_context *context = self->context;
    if (context->kind == WRN_KERNEL_DEFAULT && !context->asked && context->kernel) begin_default(self, context->kernel);
    else if (context->id && self->runs) open_socket(op);
    else send_call(self, SPECS, "GET", "/api/kernelspecs", NULL);
}

static void code_enter(code_op *self) {
    self->stage = QUEUED;
    self->op.state = WRN_OP_WAITING;
    if (wrn_code_context_enter(self->context, &self->turn)) go(&self->op);
}

/* The server's default kernel has a name by now: calls that ask for it by that name share it. */
static void begin_default(code_op *self, const char *name) {
    wrenn_code_context *named = wrn_code_context_default(self->context->sandbox, name);
    if (!named || (!named->kernel && !wrn_code_context_set(&named->kernel, name)))
        return wrn_op_fail_no_memory(&self->op);
    wrn_code_context_leave(self->context, &self->turn);
    wrn_code_context_unref(self->context);
    self->context = named;
    named->refs++;
    if (!self->runs && named->id) return give_context(&self->op); /* maybe to interrupt what runs in it */
    if (!wrn_code_context_enter(named, &self->turn)) {
        self->stage = QUEUED;
        self->op.state = WRN_OP_WAITING;
    } else if (named->id) open_socket(&self->op);
    else code_find_session(self, SESSION);
}

static void code_begin(wrenn_op *op) {
    code_op *self = (code_op *)op;
    if (!wrn_loop_timer_set(op->client->loop, &self->limit, self->start_until_ms)) return wrn_op_fail_no_memory(op);
    if (!self->runs && self->context->kind == WRN_KERNEL_DEFAULT && self->context->id) give_context(op);
    else code_enter(self);
}

/* ---- running ---- */

static void ask_kernel(code_op *self, wrn_kernel_asks what) {
    WRN_AUTO(wrn_buf_free) wrn_buf message = WRN_BUF_INIT;
    wrn_kernel_request(&self->run, what, self->code, &message);
    if (message.failed || !wrn_socket_send(self->socket, false, message.data, message.size))
        return wrn_op_fail_no_memory(&self->op);
    if (what == WRN_KERNEL_EXECUTE) self->stage = RUN; /* from here on there is something to withdraw */
}

/* Nothing is asked over it any more. */
static void drop_socket(code_op *self) {
    wrn_loop_timer_clear(self->op.client->loop, &self->again);
    wrn_socket_free(WRN_TAKE(self->socket));
}

static void code_ask(code_op *self) {
    self->stage = ASK;
    self->run.died = false;
    if (set_timer(self, &self->again, ASK_AGAIN_MS)) ask_kernel(self, WRN_KERNEL_INFO);
}

static void send_code(code_op *self) {
    wrn_loop_timer_clear(self->op.client->loop, &self->again);
    ask_kernel(self, WRN_KERNEL_EXECUTE);
    if (self->stage == RUN) set_timer(self, &self->limit, self->time_limit_ms);
}

static void fail_run(code_op *self, int code, const char *why);

/* To a kernel that was asked. Code that counts on what is lost does not run. */
static void send_code_or_tell(code_op *self) {
    if (!self->lost) return send_code(self);
    fail_run(self, WRENN_E_AGENT,
             "the kernel died, or was restarted or ended, since it last ran code: its state is lost. This code was "
             "not run; the next call goes on with the new kernel");
}

/* Puts the life of the kernel where other programs, and later ones, find it. */
static void mark_life(code_op *self) {
    WRN_AUTO(wrn_buf_free) wrn_buf body = WRN_BUF_INIT;
    wrn_loop_timer_clear(self->op.client->loop, &self->again);
    wrn_buf_puts(&body, "{\"name\":");
    wrn_json_write_string(self->run.life, &body);
    wrn_buf_puts(&body, "}");
    if (body.failed) return wrn_op_fail_no_memory(&self->op);
    self->stage = MARK;
    wrn_jupyter_call(&self->op, "PATCH", "/api/sessions/", self->context->session, "", body.data);
    wrn_op_send(&self->op);
}

static void kernel_is_free(code_op *self) {
    wrenn_code_context *context = self->context;
    bool new = self->run.life[0] && strcmp(self->run.life, context->life) != 0;
    self->lost = self->lost || (new && context->life[0]);
    if (new) memcpy(context->life, self->run.life, sizeof(context->life));
    if (new && context->session) mark_life(self);
    else send_code_or_tell(self);
}

static void finish_run(code_op *self) {
    wrenn_op *op = &self->op;
    wrn_op_ref(op);
    wrn_client_enter_callback(op->client);
    wrn_kernel_end(&self->run);
    wrn_client_leave_callback(op->client);
    if (wrn_op_is_wanted(op)) {
        self->stage = ENDED;
        wrenn_code_execution *execution = wrn_kernel_take(&self->run);
        if (execution) wrn_op_finish(op, execution, wrn_kernel_free_execution);
        else wrn_op_fail_no_memory(op);
    }
    wrenn_op_free(op);
}

static void fail_run(code_op *self, int code, const char *why) {
    self->stage = ENDED;
    wrn_op_fail_as(&self->op, code, "%s", why);
}

/* One of the channels has told the end. */
static bool told_end(const code_op *self) { return self->run.replied || self->run.idle; }

static void finish_with_rest(code_op *self) {
    if (self->run.started) finish_run(self);
    else fail_run(self, WRENN_E_CONNECTION_LOST, "the kernel ran the code, but what it showed was lost on the way");
}

static void call_interrupt(code_op *self) {
    self->stage = INTERRUPT;
    wrn_jupyter_call(&self->op, "POST", "/api/kernels/", self->kernel_id, "/interrupt", "{}");
    wrn_op_send(&self->op);
}

static void interrupt(code_op *self) {
    self->run.execution->timed_out = 1;
    if (set_timer(self, &self->limit, WIND_UP_MS)) call_interrupt(self);
}

/* The code was withdrawn before it began. `sure`: the kernel has confirmed that it will not run. */
static void fail_not_begun(code_op *self, bool sure) {
    self->stage = ENDED;
    wrn_op_fail_as(&self->op, WRENN_E_TIMEOUT,
                   "the code had not begun within %lld ms (time_limit_ms)%s; give it more time, as other code may come "
                   "first",
                   (long long)self->time_limit_ms, sure ? " and was not run" : ", and may still run");
}

/* The code has ended, but what it has shown is still on its way, or lost: see rest_is_lost(). */
static void on_rest_late(code_op *self) {
    if (self->late) {
        self->run.execution->timed_out = 1;
        return finish_with_rest(self);
    }
    self->late = true;
    set_timer(self, &self->limit, REST_LATE_MS);
}

/* The time for the code is up. */
static void on_code_late(code_op *self) {
    if (told_end(self)) return on_rest_late(self);
    if (self->run.started) return interrupt(self);
    self->stage = WITHDRAW;
    if (set_timer(self, &self->limit, WIND_UP_MS)) ask_kernel(self, WRN_KERNEL_WITHDRAW);
}

static void code_abandon(wrenn_op *op, bool late);

static void on_start_late(code_op *self) {
    long long ms = (long long)self->start_timeout_ms;
    bool busy = self->stage == QUEUED || self->stage == ASK;
    code_abandon(&self->op, true);
    self->stage = ENDED;
    if (busy)
        wrn_op_fail_as(&self->op, WRENN_E_TIMEOUT,
                       "the kernel was not free within %lld ms (start_timeout_ms), so the code was not run; if other "
                       "code keeps it busy, " REMEDY,
                       ms);
    else
        wrn_op_fail_as(&self->op, WRENN_E_TIMEOUT,
                       "the Jupyter server of the sandbox (port %d) did not answer within %lld ms "
                       "(start_timeout_ms); nothing was run",
                       WRN_JUPYTER_PORT, ms);
}

static void on_limit(wrn_timer *timer) {
    code_op *self = WRN_OWNER(timer, code_op, limit);
    if (self->stage == RUN) return on_code_late(self);
    if (self->stage == WITHDRAW) return fail_not_begun(self, false);
    if (self->stage != INTERRUPT) return on_start_late(self);
    self->run.execution->still_running = !told_end(self);
    finish_run(self);
}

static void code_on_again(wrn_timer *timer) {
    code_op *self = WRN_OWNER(timer, code_op, again);
    if (self->stage == ASK) code_ask(self);
    else ask_kernel(self, WRN_KERNEL_FENCE);
}

/* What the other channel has not brought by now is lost; before that, a server that is busy with large output may take
 * long. */
static bool rest_is_lost(const wrn_kernel_run *run) {
    return run->fenced && ((run->replied && run->info_heard) || (run->idle && run->info_replied));
}

static void heard_while_asking(code_op *self) {
    wrn_kernel_run *run = &self->run;
    if (run->gone) {
        run->gone = false;
        wrn_code_context_forget(self->context);
        if (self->context->id) return fail_run(self, WRENN_E_AGENT, "the kernel has died for good; make a new context");
        drop_socket(self);
        wrn_op_delay(&self->op, AGAIN_MS);
    } else if (run->died) {
        run->died = false;
        set_timer(self, &self->again, HEAR_MS);
    } else if (run->info_replied && run->info_heard && !self->context->restarting) {
        kernel_is_free(self);
    } else if (run->info_replied && !run->info_heard) {
        set_timer(self, &self->again, HEAR_MS);
    }
}

/* With the mark, or without; the kernel may have died meanwhile. */
static void go_on_marked(code_op *self) {
    self->stage = ASK;
    heard_while_asking(self);
}

/* The two come on different channels; "busy" comes on that of the second. */
static bool never_starts(const wrn_kernel_run *run) { return run->withdraw_replied && run->withdraw_heard; }

static void heard_while_running(code_op *self) {
    wrn_kernel_run *run = &self->run;
    if (run->replied && run->idle && !run->aborted) return finish_run(self);
    if (run->died) {
        if (run->gone) wrn_code_context_forget(self->context);
        wrn_code_context_expect_nothing(self->context);
        return fail_run(self, WRENN_E_AGENT, "the kernel died or was ended while it ran the code; its state is lost");
    }
    if (run->aborted && self->stage == WITHDRAW) return fail_not_begun(self, true);
    if (run->aborted)
        return fail_run(self, WRENN_E_AGENT,
                        "the kernel threw the code away unread, as other code before it failed; run it again");
    if (rest_is_lost(run)) finish_with_rest(self);
    else if (told_end(self) && !run->fenced) set_timer(self, &self->again, REST_MS);
    else if (self->stage == WITHDRAW && run->started) interrupt(self);
    else if (self->stage == WITHDRAW && never_starts(run)) fail_not_begun(self, true);
}

/* The code may still run, but nobody will see its result. */
static void fail_message(code_op *self, int rc, size_t size) {
    wrenn_op *op = &self->op;
    if (rc == WRENN_E_LIMIT)
        wrn_op_fail_as(op, rc,
                       "its output is over the limit of %lld bytes: let it show less, or raise max_response_bytes in "
                       "wrenn_client_options",
                       (long long)wrn_http_max_response(op->client->http));
    else if (rc == WRENN_E_PROTOCOL)
        wrn_op_fail_as(op, rc, "the kernel sent a message (%zu bytes) that is not JSON", size);
    else wrn_op_fail_no_memory(&self->op);
}

static void socket_message(void *context, bool binary, const char *data, size_t size) {
    code_op *self = context;
    wrenn_op *op = &self->op;
    if (binary || self->stage < ASK || !wrn_op_is_wanted(op)) return;
    wrn_op_ref(op);
    wrn_client_enter_callback(op->client);
    int rc = wrn_kernel_message(&self->run, data, size);
    wrn_client_leave_callback(op->client);
    bool wanted = wrn_op_is_wanted(op);
    if (wanted && rc < 0) fail_message(self, rc, size);
    else if (wanted && self->stage == ASK) heard_while_asking(self);
    else if (wanted && self->stage >= RUN) heard_while_running(self);
    wrenn_op_free(op);
}

static void socket_opened(void *context, bool selected) { code_ask(context); }

static void socket_refused(void *context, wrn_http_response *response) {
    code_op *self = context;
    wrenn_op *op = &self->op;
    drop_socket(self);
    if (response->outcome == WRN_HTTP_ANSWERED && response->status == 404 &&
        self->context->kind == WRN_KERNEL_DEFAULT && wrn_now_ms() + AGAIN_MS < self->start_until_ms) {
        wrn_code_context_forget(self->context);
        return wrn_op_delay(op, AGAIN_MS);
    }
    wrn_op_answered(op, response);
}

static void socket_ended(void *context, wrn_socket_end end, int code) {
    code_op *self = context;
    drop_socket(self);
    if (end == WRN_SOCKET_TOO_LARGE) return fail_message(self, WRENN_E_LIMIT, 0);
    if (end == WRN_SOCKET_NO_MEMORY) return wrn_op_fail_no_memory(&self->op);
    int error = end == WRN_SOCKET_BROKEN ? WRENN_E_PROTOCOL : WRENN_E_CONNECTION_LOST;
    bool sent = self->stage >= RUN;
    if (self->stage == ASK && error == WRENN_E_CONNECTION_LOST && wrn_now_ms() + AGAIN_MS < self->start_until_ms)
        return wrn_op_delay(&self->op, AGAIN_MS);
    if (self->stage == INTERRUPT) self->stage = RUN; /* the kernel's word can't come any more */
    if (self->stage == MARK) self->stage = ENDED;
    wrn_op_fail_as(&self->op, error, "the connection to the kernel ended; the code %s",
                   sent ? "may have run" : "was not run");
}

static void open_socket(wrenn_op *op) {
    static const wrn_socket_events events = {socket_opened, socket_refused, socket_message, NULL, socket_ended};
    code_op *self = (code_op *)op;
    WRN_AUTO(wrn_buf_free) wrn_buf suffix = WRN_BUF_INIT;
    self->stage = SOCKET;
    op->state = WRN_OP_IN_FLIGHT;
    if (!wrn_code_context_set(&self->kernel_id, self->context->id)) return wrn_op_fail_no_memory(op);
    wrn_buf_printf(&suffix, "/channels?session_id=%s", self->run.session);
    if (!suffix.failed) wrn_jupyter_call(op, "GET", "/api/kernels/", self->kernel_id, suffix.data, NULL);
    if (!suffix.failed && !op->path.failed && !op->url.failed && !op->host.failed)
        self->socket =
            wrn_socket_open(op->client->sockets,
                            &(wrn_socket_request){.url = op->url.data,
                                                  .host = op->host.size ? op->host.data : NULL,
                                                  .message_max = wrn_http_max_response(op->client->http) + ENVELOPE,
                                                  .idle_ms = op->client->idle_timeout_ms},
                            &events, self);
    if (!self->socket) wrn_op_fail_no_memory(op);
}

/* What the kernel was doing before is lost, and what it was asked too. */
static void restarted(wrenn_op *op, bool done) {
    code_op *self = (code_op *)op;
    if (self->stage == ASK) code_ask(self);
    else if (done && self->stage >= RUN && self->stage != ENDED)
        fail_run(self, WRENN_E_AGENT, "the kernel was restarted while it ran the code; its state is lost");
}

/* ---- failing, or trying again ---- */

/* Until it is up, a Jupyter server is not there (502 of the proxy), or busy. */
static bool code_fail(wrenn_op *op, const wrenn_error *error) {
    code_op *self = (code_op *)op;
    int code = wrenn_error_code(error), status = wrenn_error_http_status(error);
    if (self->stage == INTERRUPT)
        return op->state != WRN_OP_DONE &&
               (status || code == WRENN_E_CONNECTION_FAILED || code == WRENN_E_CONNECTION_LOST);
    if (self->stage == DROP || self->stage == MARK) {
        if (!status && code != WRENN_E_CONNECTION_FAILED && code != WRENN_E_CONNECTION_LOST) return false;
        if (self->stage == DROP) use_kernel(self);
        else go_on_marked(self);
        return true;
    }
    if (self->stage == SOCKET && code == WRENN_E_NOT_FOUND && !wrenn_error_server_code(error)) {
        fail_run(self, code, "the kernel of this context is gone (deleted, or it died too often); make a new context");
        return true; /* said by the Jupyter server, which names nothing */
    }
    if (self->stage == SESSION && (status == 404 || status == 405)) {
        code_make(self); /* a server without sessions: this handle has a kernel of its own */
        return true;
    }
    bool passing = status >= 500 || code == WRENN_E_CONNECTION_FAILED;
    bool early = self->stage >= SPECS && self->stage <= SOCKET && (self->stage != MAKE || status >= 500);
    if (!passing || !early || wrn_now_ms() + AGAIN_MS >= self->start_until_ms) return false;
    wrn_op_delay(op, AGAIN_MS);
    return true;
}

/* ---- ended from outside ----
 *
 * Code that was sent must neither go on nor begin later. An operation in the background takes care of that, also when
 * the client is freed: WITHDRAW (nobody knows yet whether it has begun) -> INTERRUPT (it has) -> done. */

static void code_clear(wrenn_op *op) {
    code_op *self = (code_op *)op;
    wrn_kernel_clear(&self->run);
    free(self->kernel_id);
    wrn_code_context_unref(self->context);
}

static void message_behind(void *context, bool binary, const char *data, size_t size) {
    code_op *self = context;
    if (binary || self->stage != WITHDRAW) return;
    int rc = wrn_kernel_message(&self->run, data, size);
    if (rc < 0 || told_end(self) || self->run.died) wrn_op_finish(&self->op, NULL, NULL);
    else if (self->run.started) call_interrupt(self);
    else if (never_starts(&self->run)) wrn_op_finish(&self->op, NULL, NULL);
}

static void ended_behind(void *context, wrn_socket_end end, int code) {
    code_op *self = context;
    if (self->stage == WITHDRAW) wrn_op_finish(&self->op, NULL, NULL);
}

static void stop_behind(wrenn_op *op) { wrn_socket_free(WRN_TAKE(((code_op *)op)->socket)); }

static void withdraw_behind(code_op *self, code_op *from) {
    static const wrn_socket_events events = {.message = message_behind, .ended = ended_behind};
    self->stage = WITHDRAW;
    self->op.state = WRN_OP_IN_FLIGHT;
    self->run = from->run;
    self->run.callbacks = (wrenn_code_callbacks){0};
    from->run = (wrn_kernel_run){0};
    self->socket = WRN_TAKE(from->socket);
    wrn_socket_hand_over(self->socket, &events, self);
    ask_kernel(self, WRN_KERNEL_WITHDRAW);
}

/* Deletes a kernel that nobody knows of any more. */
static void respond_behind(wrenn_op *op, wrn_http_response *response) {
    code_op *self = (code_op *)op;
    WRN_AUTO(wrn_json_freep) wrn_json *kernel = NULL;
    if (self->stage != MAKE) return wrn_op_respond_nothing(op, response);
    if (!wrn_op_parse(op, response, &kernel)) return;
    const char *id = wrn_json_text(kernel, "id");
    if (!id || !*id) return wrn_op_fail_malformed(op, response, "a kernel without an id");
    self->stage = DROP;
    wrn_jupyter_call(op, "DELETE", "/api/kernels/", id, "", NULL);
    wrn_op_send(op);
}

static const wrn_op_type behind_type = {
    .name = "cleaning up behind run_code",
    .size = sizeof(code_op),
    .respond = respond_behind,
    .clear = code_clear,
    .stop = stop_behind,
};

static code_op *new_behind(code_op *from) {
    code_op *self = (code_op *)wrn_op_background(&from->op, &behind_type, BEHIND_MS);
    if (!self) return NULL;
    self->context = from->context;
    self->context->refs++;
    return self;
}

static void give_up(code_op *from) {
    code_op *self = from->run.started || from->socket ? new_behind(from) : NULL;
    if (!self) return;
    self->kernel_id = WRN_TAKE(from->kernel_id);
    if (from->run.started) call_interrupt(self);
    else withdraw_behind(self, from);
}

/* While a kernel is made, or the deletion of one too many is under way. */
static void code_abandon(wrenn_op *op, bool late) {
    code_op *from = (code_op *)op;
    bool leaves = from->stage == MAKE || from->stage == DROP;
    if (!leaves || !op->exchange || !wrn_http_is_sent(op->exchange)) return;
    code_op *self = new_behind(from);
    if (!self) return;
    self->stage = from->stage;
    wrn_op_hand_over(op, &self->op);
}

static void code_stop(wrenn_op *op) {
    code_op *self = (code_op *)op;
    bool sent = self->stage == RUN || self->stage == INTERRUPT || self->stage == WITHDRAW;
    self->stage = ENDED;
    if (op->client->loop && self->context) {
        wrn_loop_timer_clear(op->client->loop, &self->limit);
        wrn_loop_timer_clear(op->client->loop, &self->again);
        if (sent && !told_end(self)) give_up(self);
        wrn_code_context_leave(self->context, &self->turn);
    }
    wrn_socket_free(WRN_TAKE(self->socket));
}

#define CODE_OP                                                                                           \
    .size = sizeof(code_op), .begin = code_begin, .respond = code_respond, .fail = code_fail, .wake = go, \
    .clear = code_clear, .stop = code_stop, .abandon = code_abandon

const wrn_op_type wrn_sandbox_run_code_type = {{"run_code"}, CODE_OP};
const wrn_op_type wrn_sandbox_code_context_type = {{"code_context"}, CODE_OP};

/* Takes a reference of `context`; NULL: out of memory. `exec_ms` is 0 when no code is to be run. */
static int prepare_code_op(wrenn_op *op, wrenn_code_context *context, int64_t start_ms, int64_t exec_ms,
                           wrenn_error **error) {
    code_op *self = (code_op *)op;
    self->context = context;
    if (!context) return wrn_no_memory(error, op->type->name);
    int rc = wrn_op_check(op, error, {"start_timeout_ms", start_ms, 0, INT32_MAX - 1},
                          {"time_limit_ms", exec_ms, 0, INT32_MAX - 1});
    if (rc == 0) rc = wrn_port_call(op, "GET", WRN_JUPYTER_PORT, "/", error);
    if (!start_ms) start_ms = START_MS;
    wrn_op_limit(op, start_ms + exec_ms + MARGIN_MS);
    self->turn.op = op;
    self->turn.restarted = restarted;
    self->limit.fire = on_limit;
    self->again.fire = code_on_again;
    self->start_timeout_ms = start_ms;
    self->start_until_ms = wrn_in_ms(start_ms);
    self->time_limit_ms = exec_ms;
    self->runs = exec_ms;
    return rc;
}

/* ---- run_code ---- */

static int check_run(const wrenn_sandbox *sandbox, const wrenn_sandbox_run_code_options *options, wrenn_error **error) {
    if (!options->code) return wrn_refuse(error, "run_code: code must not be NULL");
    if (wrn_utf8_valid_prefix(options->code, strlen(options->code)) != strlen(options->code))
        return wrn_refuse(error, "run_code: code is not UTF-8");
    if (options->kernel && options->context) return wrn_refuse(error, "run_code: set kernel or context, not both");
    if (options->context && options->context->sandbox != sandbox)
        return wrn_refuse(error, "run_code: the context is of another sandbox handle");
    return 0;
}

int wrn_sandbox_run_code_prepare(wrenn_op *op, const wrenn_sandbox_run_code_options *options, wrenn_error **error) {
    code_op *self = (code_op *)op;
    wrenn_code_callbacks callbacks;
    int rc = wrn_options_read(&callbacks, sizeof(callbacks), options->callbacks, "wrenn_code_callbacks", error);
    if (rc == 0) rc = check_run(op->sandbox, options, error);
    if (rc != 0) return rc;
    wrenn_code_context *context =
        options->context ? options->context : wrn_code_context_default(op->sandbox, options->kernel);
    if (context) context->refs++;
    rc = prepare_code_op(op, context, options->start_timeout_ms,
                         options->time_limit_ms ? options->time_limit_ms : EXEC_MS, error);
    if (rc != 0) return rc;
    self->code = wrn_op_keep(op, options->code);
    bool begun = wrn_kernel_begin(&self->run, wrn_http_max_response(op->client->http), &callbacks);
    return begun && self->code ? 0 : wrn_no_memory(error, "run_code");
}

/* ---- contexts of the caller's ---- */

int wrn_sandbox_code_context_prepare(wrenn_op *op, const wrenn_sandbox_code_context_options *options,
                                     wrenn_error **error) {
    if (options->flags > WRENN_SANDBOX_CODE_CONTEXT_DEFAULT)
        return wrn_refuse(error, "code_context: WRENN_SANDBOX_CODE_CONTEXT_REUSE and _DEFAULT exclude each other");
    bool of_handle = options->flags == WRENN_SANDBOX_CODE_CONTEXT_DEFAULT;
    wrenn_code_context *context = of_handle ? wrn_code_context_default(op->sandbox, options->kernel)
                                            : wrn_code_context_new(op->sandbox, options->kernel,
                                                                   options->flags ? WRN_KERNEL_ANY : WRN_KERNEL_OWN);
    if (of_handle && context) context->refs++;
    return prepare_code_op(op, context, options->start_timeout_ms, 0, error);
}
