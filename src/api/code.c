#include "wrenn/code.h"

#include <stdlib.h>
#include <string.h>

#include "api/kernel.h"
#include "api/ports.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "client/op.h"
#include "client/sandbox.h"
#include "net/websocket.h"
#include "wire/url.h"

enum {
    PORT = 8888,
    EXEC_MS = 30000,
    START_MS = 30000,
    PLAIN_MS = 30000,
    RESTART_MS = 60000,
    AGAIN_MS = 500,    /* between two tries while the Jupyter server comes up */
    WIND_UP_MS = 5000, /* for a kernel to end what it was interrupted in */
    MARGIN_MS = 15000,
    MESSAGE_MAX = 64 * 1024 * 1024
};

struct wrenn_code_context {
    int refs; /* the caller's or the sandbox handle's, and one for each operation on it */
    wrenn_sandbox *sandbox;
    wrenn_client *client;
    char *id;     /* of the kernel; NULL: none yet */
    char *kernel; /* its name; NULL: the server's default */
    bool made;    /* by this context */
    bool reuse;
    wrenn_code_context *next; /* among those of the handle */
};

/* ---- contexts ---- */

static wrenn_code_context *new_context(wrenn_sandbox *sandbox, const char *kernel, bool reuse) {
    wrenn_code_context *context = calloc(1, sizeof(*context));
    if (!context) return NULL;
    context->kernel = kernel ? strdup(kernel) : NULL;
    if (kernel && !context->kernel) {
        free(context);
        return NULL;
    }
    context->refs = 1;
    context->reuse = reuse;
    context->sandbox = sandbox;
    context->client = sandbox->client;
    return context;
}

static void unref_context(wrenn_code_context *context) {
    if (!context || --context->refs) return;
    free(context->id);
    free(context->kernel);
    free(context);
}

static void forget_contexts(wrenn_code_context *first) {
    while (first) {
        wrenn_code_context *next = first->next;
        unref_context(first);
        first = next;
    }
}

void wrenn_code_context_free(wrenn_code_context *context) {
    if (!context) return;
    wrenn_sandbox *sandbox = context->sandbox;
    unref_context(context);
    wrn_sandbox_unref(sandbox);
}

const char *wrenn_code_context_id(const wrenn_code_context *context) { return context ? context->id : NULL; }
const char *wrenn_code_context_kernel(const wrenn_code_context *context) { return context ? context->kernel : NULL; }

static bool same_kernel(const wrenn_code_context *context, const char *kernel) {
    return !kernel || !context->kernel ? !kernel && !context->kernel : strcmp(context->kernel, kernel) == 0;
}

/* The one that belongs to the handle. */
static wrenn_code_context *default_context(wrenn_sandbox *sandbox, const char *kernel) {
    for (wrenn_code_context *each = sandbox->contexts; each; each = each->next)
        if (same_kernel(each, kernel)) return each;
    wrenn_code_context *made = new_context(sandbox, kernel, true);
    if (!made) return NULL;
    made->next = sandbox->contexts;
    sandbox->contexts = made;
    sandbox->forget_contexts = forget_contexts;
    return made;
}

/* ---- an operation on a kernel ----
 *
 * FIND (which kernels there are; again while the Jupyter server comes up) -> MAKE -> SOCKET -> RUN -> done
 *                                                                                     RUN -> INTERRUPT -> done */

typedef enum stage { FIND_DEFAULT, FIND, MAKE, SOCKET, RUN, INTERRUPT } stage;

typedef struct code_op {
    wrenn_op op;
    wrenn_code_context *context; /* a reference */
    bool runs;                   /* code; otherwise it is done when there is a kernel */
    stage stage;
    int64_t start_until_ms, exec_timeout_ms;
    wrn_timer timer; /* for the code */
    wrn_buf code;
    char *wanted; /* name of the kernel, once it is known */
    wrn_socket *socket;
    wrn_kernel_run run;
} code_op;

static void call(wrenn_op *op, const char *method, const char *path, const char *body) {
    code_op *self = (code_op *)op;
    WRN_AUTO(wrn_buf_free) wrn_buf url = WRN_BUF_INIT, host = WRN_BUF_INIT;
    wrenn_error *error = NULL;
    if (wrn_port_target(self->context->sandbox, PORT, path, &url, &host, &error) < 0) {
        op->path.failed = true; /* out of memory, as the rest was looked at before */
        wrenn_error_free(error);
        return;
    }
    wrn_op_call_url(op, method, url.data);
    wrn_buf_put(&op->host, host.data, host.size);
    if (!body) return;
    wrn_buf_puts(&op->fields, "Content-Type: application/json\n");
    wrn_buf_puts(&op->body, body);
}

static void find(wrenn_op *op) {
    code_op *self = (code_op *)op;
    self->stage = self->wanted ? FIND : FIND_DEFAULT;
    call(op, "GET", self->wanted ? "/api/kernels" : "/api/kernelspecs", NULL);
}

static void wake(wrenn_op *op) {
    find(op);
    wrn_op_send(op);
}

static bool set_text(char **slot, const char *text) {
    char *copy = strdup(text);
    if (!copy) return false;
    free(*slot);
    *slot = copy;
    return true;
}

static void give_context(wrenn_op *op);
static void open_socket(wrenn_op *op);

static void have_kernel(wrenn_op *op) {
    if (((code_op *)op)->runs) open_socket(op);
    else give_context(op);
}

static void make(wrenn_op *op) {
    code_op *self = (code_op *)op;
    WRN_AUTO(wrn_buf_free) wrn_buf body = WRN_BUF_INIT;
    wrn_json *name = wrn_json_new_string(self->wanted, strlen(self->wanted));
    self->stage = MAKE;
    wrn_buf_puts(&body, "{\"name\":");
    wrn_json_write(name, &body);
    wrn_buf_puts(&body, "}");
    bool failed = !name || body.failed;
    wrn_json_free(name);
    if (failed) return wrn_op_fail_no_memory(op);
    call(op, "POST", "/api/kernels", body.data);
    wrn_op_send(op);
}

static void find_default_respond(wrenn_op *op, const wrn_json *json, wrn_http_response *response) {
    code_op *self = (code_op *)op;
    const char *name = wrn_json_string(wrn_json_get(json, "default"), NULL);
    if (!name || !*name) return wrn_op_fail_nonsense(op, response, "it names no default kernel");
    if (!set_text(&self->wanted, name)) return wrn_op_fail_no_memory(op);
    if (self->context->reuse) wake(op);
    else make(op);
}

static void find_respond(wrenn_op *op, const wrn_json *json) {
    code_op *self = (code_op *)op;
    for (size_t i = 0; i < wrn_json_count(json); i++) {
        const wrn_json *each = wrn_json_at(json, i);
        const char *name = wrn_json_string(wrn_json_get(each, "name"), NULL);
        const char *id = wrn_json_string(wrn_json_get(each, "id"), NULL);
        if (!name || !id || strcmp(name, self->wanted) != 0) continue;
        if (!set_text(&self->context->id, id)) return wrn_op_fail_no_memory(op);
        return have_kernel(op);
    }
    make(op);
}

static void make_respond(wrenn_op *op, const wrn_json *json, wrn_http_response *response) {
    code_op *self = (code_op *)op;
    const char *id = wrn_json_string(wrn_json_get(json, "id"), NULL);
    if (!id || !*id) return wrn_op_fail_nonsense(op, response, "a kernel without an id");
    if (!set_text(&self->context->id, id)) return wrn_op_fail_no_memory(op);
    self->context->made = true;
    have_kernel(op);
}

static void code_respond(wrenn_op *op, wrn_http_response *response) {
    code_op *self = (code_op *)op;
    if (self->stage == INTERRUPT) return; /* the kernel's own word is waited for */
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!wrn_op_parse(op, response, &json)) return;
    if (self->stage == FIND_DEFAULT) find_default_respond(op, json, response);
    else if (self->stage == FIND) find_respond(op, json);
    else make_respond(op, json, response);
}

/* ---- running ---- */

static void finish_run(code_op *self) {
    wrenn_op *op = &self->op;
    wrenn_execution *execution = wrn_kernel_take(&self->run);
    if (execution) wrn_op_finish(op, execution, wrn_result_free);
    else wrn_op_fail_no_memory(op);
}

static code_op *of_timer(wrn_timer *timer) { return (code_op *)((char *)timer - offsetof(code_op, timer)); }

/* The time is up: first for the code, then for the kernel to wind up. */
static void on_time_up(wrn_timer *timer) {
    code_op *self = of_timer(timer);
    wrenn_op *op = &self->op;
    if (self->stage == INTERRUPT) return finish_run(self);
    self->run.execution->timed_out = 1;
    self->stage = INTERRUPT;
    wrn_loop_timer_set(op->client->loop, &self->timer, wrn_now_ms() + WIND_UP_MS);
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    wrn_buf_puts(&path, "/api/kernels/");
    wrn_url_escape(&path, self->context->id);
    wrn_buf_puts(&path, "/interrupt");
    if (path.failed) return finish_run(self);
    call(op, "POST", path.data, "{}");
    wrn_op_send(op);
}

static void socket_opened(void *context, bool selected) {
    code_op *self = context;
    wrenn_op *op = &self->op;
    WRN_AUTO(wrn_buf_free) wrn_buf message = WRN_BUF_INIT;
    (void)selected;
    self->stage = RUN;
    wrn_kernel_request(&self->run, self->code.data, &message);
    if (message.failed || !wrn_socket_send(self->socket, false, message.data, message.size) ||
        !wrn_loop_timer_set(op->client->loop, &self->timer, wrn_now_ms() + self->exec_timeout_ms))
        wrn_op_fail_no_memory(op);
}

/* A kernel that is gone: the one of the handle is looked for anew, with the next call. */
static void forget_kernel(code_op *self) {
    wrenn_code_context *context = self->context;
    if (!context->reuse) return;
    free(context->id);
    context->id = NULL;
    context->made = false;
}

static void socket_refused(void *context, wrn_http_response *response) {
    code_op *self = context;
    wrenn_op *op = &self->op;
    wrn_socket_free(WRN_TAKE(self->socket));
    if (response->outcome == WRN_HTTP_ANSWERED && response->status == 404 && self->context->reuse) {
        forget_kernel(self);
        if (wrn_now_ms() < self->start_until_ms) return wake(op);
    }
    wrn_op_answered(op, response);
}

static void socket_message(void *context, bool binary, const char *data, size_t size) {
    code_op *self = context;
    wrenn_op *op = &self->op;
    wrenn_client *client = op->client;
    if (binary || (self->stage != RUN && self->stage != INTERRUPT) || !wrn_op_is_wanted(op)) return;
    wrn_client_enter_callback(client);
    int rc = wrn_kernel_message(&self->run, data, size);
    wrn_client_leave_callback(client);
    if (rc < 0) {
        const char *why = rc == WRENN_E_LIMIT      ? "its output is over max_response_bytes"
                          : rc == WRENN_E_PROTOCOL ? "the kernel sent something that is not JSON"
                                                   : "out of memory";
        return wrn_op_fail(op, wrn_error_new(rc, "run_code: %s", why));
    }
    if (self->run.idle) return finish_run(self);
    if (!self->run.died) return;
    forget_kernel(self);
    wrn_op_fail(op, wrn_error_new(WRENN_E_AGENT, "run_code: the kernel died while it ran the code"));
}

static void socket_ended(void *context, wrn_socket_end end, int code) {
    code_op *self = context;
    (void)code;
    int error = end == WRN_SOCKET_TOO_LARGE   ? WRENN_E_LIMIT
                : end == WRN_SOCKET_NO_MEMORY ? WRENN_E_NO_MEMORY
                : end == WRN_SOCKET_BROKEN    ? WRENN_E_PROTOCOL
                                              : WRENN_E_CONNECTION_LOST;
    wrn_op_fail(&self->op, wrn_error_new(error, "run_code: the connection to the kernel ended; the code may go on"));
}

static void open_socket(wrenn_op *op) {
    static const wrn_socket_events events = {socket_opened, socket_refused, socket_message, NULL, socket_ended};
    code_op *self = (code_op *)op;
    WRN_AUTO(wrn_buf_free) wrn_buf url = WRN_BUF_INIT, host = WRN_BUF_INIT, path = WRN_BUF_INIT;
    WRN_AUTO(wrn_error_freep) wrenn_error *error = NULL;
    self->stage = SOCKET;
    op->state = WRN_OP_IN_FLIGHT;
    wrn_buf_puts(&path, "/api/kernels/");
    wrn_url_escape(&path, self->context->id);
    wrn_buf_printf(&path, "/channels?session_id=%s", self->run.session);
    if (!path.failed && wrn_port_target(self->context->sandbox, PORT, path.data, &url, &host, &error) == 0)
        self->socket = wrn_socket_open(
            op->client->sockets,
            &(wrn_socket_request){
                .url = url.data, .host = host.data, .message_max = MESSAGE_MAX, .idle_ms = op->client->idle_timeout_ms},
            &events, self);
    if (!self->socket) wrn_op_fail_no_memory(op);
}

/* ---- failing, or trying again ---- */

/* Until it is up, a Jupyter server is not there (502 of the proxy), or busy. */
static bool code_fail(wrenn_op *op, const wrenn_error *error) {
    code_op *self = (code_op *)op;
    int code = wrenn_error_code(error), status = wrenn_error_http_status(error);
    if (self->stage == INTERRUPT)
        return op->state != WRN_OP_DONE &&
               (status || code == WRENN_E_CONNECTION_FAILED || code == WRENN_E_CONNECTION_LOST);
    bool passing = status >= 500 || code == WRENN_E_CONNECTION_FAILED;
    bool early = self->stage == FIND_DEFAULT || self->stage == FIND || self->stage == SOCKET ||
                 (self->stage == MAKE && status >= 500);
    if (!passing || !early || wrn_now_ms() + AGAIN_MS >= self->start_until_ms) return false;
    wrn_op_delay(op, AGAIN_MS);
    return true;
}

static void code_stop(wrenn_op *op) {
    code_op *self = (code_op *)op;
    if (op->client->loop) wrn_loop_timer_clear(op->client->loop, &self->timer);
    wrn_socket_free(WRN_TAKE(self->socket));
}

static void code_clear(wrenn_op *op) {
    code_op *self = (code_op *)op;
    wrn_kernel_clear(&self->run);
    wrn_buf_free(&self->code);
    free(self->wanted);
    unref_context(self->context);
}

static const wrn_op_type run_type = {.name = "run_code",
                                     .size = sizeof(code_op),
                                     .respond = code_respond,
                                     .fail = code_fail,
                                     .wake = wake,
                                     .clear = code_clear,
                                     .stop = code_stop};
static const wrn_op_type context_type = {.name = "code_context",
                                         .size = sizeof(code_op),
                                         .respond = code_respond,
                                         .fail = code_fail,
                                         .wake = wake,
                                         .clear = code_clear,
                                         .stop = code_stop};

/* Takes a reference of `context`, also on failure. */
static int new_code_op(wrenn_code_context *context, const wrn_op_type *type, int64_t start_ms, int64_t exec_ms,
                       code_op **ret, wrenn_error **error) {
    wrenn_op *op;
    int64_t limit = start_ms + exec_ms + MARGIN_MS;
    int rc = wrn_op_new(context->client, context->sandbox, type, limit, 0, &op, error);
    if (rc < 0) {
        unref_context(context);
        return rc;
    }
    code_op *self = (code_op *)op;
    self->context = context;
    self->timer.fire = on_time_up;
    self->start_until_ms = wrn_now_ms() + start_ms;
    self->exec_timeout_ms = exec_ms;
    if (context->kernel) self->wanted = strdup(context->kernel);
    if (!context->kernel || self->wanted) return *ret = self, 0;
    wrenn_op_free(op);
    return wrn_fail(error, WRENN_E_NO_MEMORY, "%s: out of memory", type->name);
}

static int check_times(int64_t a, int64_t b, const char *what, wrenn_error **error) {
    if (a >= 0 && b >= 0 && a < INT32_MAX && b < INT32_MAX) return 0;
    return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "%s: times must be between 0 and %d ms", what, INT32_MAX);
}

/* ---- run_code ---- */

static int read_run_options(wrenn_sandbox *sandbox, const wrenn_code_options *options, wrenn_code_context **context,
                            wrenn_error **error) {
    if (!sandbox) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the sandbox must not be NULL");
    if (!options->code) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "run_code: code must not be NULL");
    if (wrn_utf8_valid_prefix(options->code, strlen(options->code)) != strlen(options->code))
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "run_code: code is not UTF-8");
    if (options->kernel && options->context)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "run_code: set kernel or context, not both");
    if (options->context && options->context->sandbox != sandbox)
        return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "run_code: the context is of another sandbox handle");
    int rc = check_times(options->exec_timeout_ms, options->start_timeout_ms, "run_code", error);
    if (rc != 0) return rc;
    *context = options->context ? options->context : default_context(sandbox, options->kernel);
    if (!*context) return wrn_fail(error, WRENN_E_NO_MEMORY, "run_code: out of memory");
    return 0;
}

int wrenn_sandbox_run_code_start(wrenn_sandbox *sandbox, const wrenn_code_options *options, wrenn_done_fn done,
                                 void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_code_options known;
    wrenn_code_context *context = NULL;
    code_op *self = NULL;
    WRN_AUTO(wrn_buf_free) wrn_buf url = WRN_BUF_INIT, host = WRN_BUF_INIT;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_code_options", error);
    if (rc == 0) rc = read_run_options(sandbox, &known, &context, error);
    if (rc == 0) rc = wrn_port_target(sandbox, PORT, "/", &url, &host, error);
    if (rc != 0 || !context) return rc;
    context->refs++;
    rc = new_code_op(context, &run_type, known.start_timeout_ms ? known.start_timeout_ms : START_MS,
                     known.exec_timeout_ms ? known.exec_timeout_ms : EXEC_MS, &self, error);
    if (rc != 0 || !self) return rc;
    self->runs = true;
    wrn_buf_puts(&self->code, known.code);
    if (!wrn_kernel_begin(&self->run, wrn_http_max_response(sandbox->client->http), known.callbacks) ||
        self->code.failed || !self->code.data) {
        wrenn_op_free(&self->op);
        return wrn_fail(error, WRENN_E_NO_MEMORY, "run_code: out of memory");
    }
    find(&self->op);
    return wrn_op_start_with(&self->op, context->id ? open_socket : wrn_op_send, done, user_data, op, error);
}

int wrenn_sandbox_run_code_finish(wrenn_op *op, wrenn_execution **execution, wrenn_error **error) {
    return wrn_op_take(op, &run_type, execution, error);
}

int wrenn_sandbox_run_code(wrenn_sandbox *sandbox, const wrenn_code_options *options, wrenn_execution **execution,
                           wrenn_error **error) {
    WRN_BLOCKING(sandbox ? sandbox->client : NULL,
                 wrenn_sandbox_run_code_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_run_code_finish(op, execution, error));
}

/* ---- contexts of the caller's ---- */

static void free_context_result(void *context) { wrenn_code_context_free(context); }

static void give_context(wrenn_op *op) {
    code_op *self = (code_op *)op;
    wrenn_code_context *context = self->context;
    if (!set_text(&context->kernel, self->wanted)) return wrn_op_fail_no_memory(op);
    context->refs++;
    wrn_sandbox_ref(context->sandbox);
    wrn_op_finish(op, context, free_context_result);
}

int wrenn_sandbox_code_context_start(wrenn_sandbox *sandbox, const wrenn_context_options *options, wrenn_done_fn done,
                                     void *user_data, wrenn_op **op, wrenn_error **error) {
    wrenn_context_options known;
    code_op *self = NULL;
    WRN_AUTO(wrn_buf_free) wrn_buf url = WRN_BUF_INIT, host = WRN_BUF_INIT;
    if (!sandbox) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the sandbox must not be NULL");
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_context_options", error);
    if (rc == 0 && known.flags & ~WRENN_CONTEXT_REUSE)
        rc = wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "code_context: a flag is unknown");
    if (rc == 0) rc = check_times(known.timeout_ms, 0, "code_context", error);
    if (rc == 0) rc = wrn_port_target(sandbox, PORT, "/", &url, &host, error);
    if (rc != 0) return rc;
    wrenn_code_context *context = new_context(sandbox, known.kernel, known.flags & WRENN_CONTEXT_REUSE);
    if (!context) return wrn_fail(error, WRENN_E_NO_MEMORY, "code_context: out of memory");
    rc = new_code_op(context, &context_type, known.timeout_ms ? known.timeout_ms : START_MS, 0, &self, error);
    if (rc != 0 || !self) return rc;
    find(&self->op);
    return wrn_op_start(&self->op, done, user_data, op, error);
}

int wrenn_sandbox_code_context_finish(wrenn_op *op, wrenn_code_context **context, wrenn_error **error) {
    return wrn_op_take(op, &context_type, context, error);
}

int wrenn_sandbox_code_context(wrenn_sandbox *sandbox, const wrenn_context_options *options,
                               wrenn_code_context **context, wrenn_error **error) {
    WRN_BLOCKING(sandbox ? sandbox->client : NULL,
                 wrenn_sandbox_code_context_start(sandbox, options, NULL, NULL, &op, error),
                 wrenn_sandbox_code_context_finish(op, context, error));
}

/* ---- interrupt, restart, delete ---- */

typedef struct plain_op {
    wrenn_op op;
    wrenn_code_context *context; /* a reference */
} plain_op;

static void plain_clear(wrenn_op *op) { unref_context(((plain_op *)op)->context); }

static void delete_respond(wrenn_op *op, wrn_http_response *response) {
    ((plain_op *)op)->context->made = false;
    wrn_op_respond_nothing(op, response);
}

/* Gone already is what was wanted. */
static bool delete_fail(wrenn_op *op, const wrenn_error *error) {
    if (wrenn_error_code(error) != WRENN_E_NOT_FOUND || op->state == WRN_OP_DONE) return false;
    delete_respond(op, NULL);
    return true;
}

static const wrn_op_type interrupt_type = {.name = "code_context interrupt",
                                           .size = sizeof(plain_op),
                                           .respond = wrn_op_respond_nothing,
                                           .clear = plain_clear};
static const wrn_op_type restart_type = {.name = "code_context restart",
                                         .size = sizeof(plain_op),
                                         .respond = wrn_op_respond_nothing,
                                         .clear = plain_clear};
static const wrn_op_type delete_type = {.name = "code_context delete",
                                        .size = sizeof(plain_op),
                                        .respond = delete_respond,
                                        .fail = delete_fail,
                                        .clear = plain_clear};

static wrenn_client *client_of(const wrenn_code_context *context) { return context ? context->client : NULL; }

static void finish_at_once(wrenn_op *op) { wrn_op_finish(op, NULL, NULL); }

static int start_plain(wrenn_code_context *context, const wrn_op_type *type, const char *method, const char *suffix,
                       int64_t timeout_ms, wrenn_done_fn done, void *user_data, wrenn_op **op, wrenn_error **error) {
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT, url = WRN_BUF_INIT, host = WRN_BUF_INIT;
    wrenn_op *made;
    if (!context) return wrn_fail(error, WRENN_E_INVALID_ARGUMENT, "the context must not be NULL");
    wrn_buf_puts(&path, "/api/kernels/");
    wrn_url_escape(&path, context->id);
    wrn_buf_puts(&path, suffix);
    int rc = path.failed ? wrn_fail(error, WRENN_E_NO_MEMORY, "%s: out of memory", type->name)
                         : wrn_port_target(context->sandbox, PORT, path.data, &url, &host, error);
    if (rc == 0) rc = wrn_op_new(context->client, context->sandbox, type, 0, timeout_ms, &made, error);
    if (rc != 0) return rc;
    ((plain_op *)made)->context = context;
    context->refs++;
    if (type == &delete_type && !context->made)
        return wrn_op_start_with(made, finish_at_once, done, user_data, op, error);
    wrn_op_call_url(made, method, url.data);
    wrn_buf_put(&made->host, host.data, host.size);
    return wrn_op_start(made, done, user_data, op, error);
}

int wrenn_code_context_interrupt_start(wrenn_code_context *context, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                       wrenn_error **error) {
    return start_plain(context, &interrupt_type, "POST", "/interrupt", PLAIN_MS, done, user_data, op, error);
}

int wrenn_code_context_interrupt_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &interrupt_type, NULL, error);
}

int wrenn_code_context_interrupt(wrenn_code_context *context, wrenn_error **error) {
    WRN_BLOCKING(client_of(context), wrenn_code_context_interrupt_start(context, NULL, NULL, &op, error),
                 wrenn_code_context_interrupt_finish(op, error));
}

int wrenn_code_context_restart_start(wrenn_code_context *context, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                     wrenn_error **error) {
    return start_plain(context, &restart_type, "POST", "/restart", RESTART_MS, done, user_data, op, error);
}

int wrenn_code_context_restart_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &restart_type, NULL, error);
}

int wrenn_code_context_restart(wrenn_code_context *context, wrenn_error **error) {
    WRN_BLOCKING(client_of(context), wrenn_code_context_restart_start(context, NULL, NULL, &op, error),
                 wrenn_code_context_restart_finish(op, error));
}

int wrenn_code_context_delete_start(wrenn_code_context *context, wrenn_done_fn done, void *user_data, wrenn_op **op,
                                    wrenn_error **error) {
    return start_plain(context, &delete_type, "DELETE", "", PLAIN_MS, done, user_data, op, error);
}

int wrenn_code_context_delete_finish(wrenn_op *op, wrenn_error **error) {
    return wrn_op_take(op, &delete_type, NULL, error);
}

int wrenn_code_context_delete(wrenn_code_context *context, wrenn_error **error) {
    WRN_BLOCKING(client_of(context), wrenn_code_context_delete_start(context, NULL, NULL, &op, error),
                 wrenn_code_context_delete_finish(op, error));
}
