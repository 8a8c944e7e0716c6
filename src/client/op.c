#include "client/op.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "client/sandbox.h"
#include "wire/server_features.h"

enum { RETRY_FIRST_MS = 300, RETRY_CAP_MS = 5000, RETRY_AFTER_MAX_MS = 60000 };

static void respond_by_type(wrenn_op *op, wrn_http_response *response);

static void op_on_answer(void *context, wrn_http_response *response) {
    wrenn_op *op = context;
    op->exchange = NULL;
    wrn_op_answered(op, response);
}

/* ---- life ---- */

void wrn_op_ref(wrenn_op *op) { op->refs++; }

void wrenn_op_free(wrenn_op *op) {
    if (!op || --op->refs) return;
    wrenn_client *client = op->client;
    if (op->result && op->given_up && op->type->drop && client->owner == getpid()) {
        op->type->drop(op);
        wrn_client_settle(client);
    }
    if (op->type->stop) op->type->stop(op); /* it was never started */
    if (op->type->clear) op->type->clear(op);
    if (op->result) op->free_result(op->result);
    wrenn_error_free(op->error);
    wrn_result_free(op->list);
    wrn_arena_free(&op->arena);
    wrn_buf_free(&op->path);
    wrn_buf_free(&op->body);
    wrn_buf_free(&op->idempotency_key);
    wrn_buf_free(&op->extra);
    wrn_buf_free(&op->key);
    wrn_buf_free(&op->url);
    wrn_buf_free(&op->host);
    wrn_buf_free(&op->fields);
    wrn_sandbox_unref(op->sandbox);
    free(op);
    wrn_client_unref(client);
}

void wrn_op_freep(wrenn_op **op) { wrenn_op_free(*op); }

static void unlink_op(wrenn_op *op) {
    if (op->next) op->next->previous = op->previous;
    if (op->previous) op->previous->next = op->next;
    else op->client->first = op->next;
}

static void link_op(wrenn_op *op) {
    op->next = op->client->first;
    if (op->next) op->next->previous = op;
    op->client->first = op;
}

static void op_stop_call(wrenn_op *op) {
    wrn_loop_timer_clear(op->client->loop, &op->timer);
    if (op->exchange) wrn_http_cancel(op->exchange);
    op->exchange = NULL;
}

/* Drops the core's reference: after the callback has run, or at once when there is none. */
static void op_complete(wrenn_op *op) {
    op_stop_call(op);
    if (op->type->stop) op->type->stop(op);
    wrn_loop_timer_clear(op->client->loop, &op->deadline);
    op->state = WRN_OP_DONE;
    unlink_op(op);
    if (!op->done) return wrenn_op_free(op);
    *op->client->completed_tail = op;
    op->client->completed_tail = &op->next_completed;
}

static void op_cancel(wrenn_op *op) {
    if (op->type->abandon) op->type->abandon(op, false);
    op->error =
        wrn_error_new(WRENN_E_CANCELLED, "%s: cancelled; what the server made of it is unknown", op->type->name);
    op_complete(op);
}

void wrn_op_finish(wrenn_op *op, void *result, void (*free_result)(void *result)) {
    if (op->cancel_wanted) {
        if (result) free_result(result);
        return op_cancel(op);
    }
    op->result = result;
    op->free_result = free_result;
    op_complete(op);
}

void wrn_op_finish_number(wrenn_op *op, int64_t number) {
    op->number = number;
    wrn_op_finish(op, NULL, NULL);
}

void wrn_op_fail(wrenn_op *op, wrenn_error *error) {
    op_stop_call(op);
    if (op->cancel_wanted) {
        wrenn_error_free(error);
        return op_cancel(op);
    }
    if (op->type->fail && op->type->fail(op, error)) return wrenn_error_free(error);
    op->error = error;
    op_complete(op);
}

wrenn_error *wrn_op_error(const wrenn_op *op, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    wrenn_error *error = wrn_error_of(op->type->name, code, format, args);
    va_end(args);
    return error;
}

void wrn_op_fail_as(wrenn_op *op, int code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    wrn_op_fail(op, wrn_error_of(op->type->name, code, format, args));
    va_end(args);
}

int wrn_ops_run_done(wrenn_client *client) {
    int count = 0;
    wrenn_op *queue = client->completed;
    client->completed = NULL;
    client->completed_tail = &client->completed;
    for (wrenn_op *op = queue; op; op = queue) {
        queue = op->next_completed;
        wrn_client_enter_callback(client);
        op->done(op, op->user_data);
        wrenn_op_free(op);
        wrn_client_leave_callback(client);
        count++;
    }
    return count;
}

void wrenn_op_cancel(wrenn_op *op) {
    if (!op || op->client->owner != getpid()) return;
    op->given_up = op->state == WRN_OP_DONE;
    if (op->given_up) return;
    wrenn_client *client = op->client;
    if (wrn_client_is_amid(client)) {
        op->cancel_wanted = true;
        wrn_loop_timer_set(client->loop, &op->deadline, wrn_now_ms()); /* moved, which never fails */
        return;
    }
    wrn_client_ref(client);
    op_cancel(op);
    wrn_client_settle(client);
    wrn_client_unref(client);
}

bool wrn_op_is_wanted(const wrenn_op *op) { return !op->cancel_wanted && op->state != WRN_OP_DONE; }

static void op_on_deadline(wrn_timer *timer) {
    wrenn_op *op = WRN_OWNER(timer, wrenn_op, deadline);
    if (op->type->abandon) op->type->abandon(op, !op->cancel_wanted);
    const wrenn_sandbox_info *seen = op->type->follows && op->sandbox ? op->sandbox->info : NULL;
    bool shown = seen && seen->status_text;
    wrn_op_fail(op, wrn_error_new(WRENN_E_TIMEOUT, "%s: no result in time; the outcome is unknown%s%s%s%.40s",
                                  op->type->name, shown ? ": sandbox " : "", shown ? op->sandbox->id : "",
                                  shown ? " was last seen in status " : "", shown ? seen->status_text : ""));
}

static void op_on_timer(wrn_timer *timer) {
    wrenn_op *op = WRN_OWNER(timer, wrenn_op, timer);
    void (*begin)(wrenn_op *) = WRN_TAKE(op->begin);
    if (begin) begin(op);
    else if (op->attempt) wrn_op_send(op); /* a retry of the present call */
    else op->type->wake(op);
}

static wrenn_op *op_alloc(wrenn_client *client, const wrn_op_type *type, int64_t timeout_ms) {
    wrenn_op *op = calloc(1, type->size ? type->size : sizeof(*op));
    if (!op) return NULL;
    op->type = type;
    op->refs = 1;
    op->client = client;
    wrn_client_ref(client);
    op->timer.fire = op_on_timer;
    op->deadline.fire = op_on_deadline;
    op->deadline.due_ms = timeout_ms;
    return op;
}

static void keep_call(wrenn_op *op, const wrenn_call_options *call) {
    op->limited = call->timeout_ms;
    if (call->idempotency_key) wrn_buf_puts(&op->key, call->idempotency_key);
    if (call->request_id) wrn_buf_printf(&op->extra, "X-Request-ID: %s\n", call->request_id);
    for (const char *const *at = call->headers; at && *at; at++) wrn_buf_printf(&op->extra, "%s\n", *at);
}

int wrn_op_new(wrenn_client *client, wrenn_sandbox *sandbox, const wrn_op_type *type, const wrenn_call_options *call,
               wrenn_op **ret, wrenn_error **error) {
    if (sandbox) client = sandbox->client;
    int rc = wrn_client_check(client, error);
    if (rc == 0 && call) rc = wrn_check_call(type->name, call, error);
    if (rc != 0) return rc;
    assert(client); /* it was checked */
    int64_t timeout_ms = call && call->timeout_ms ? call->timeout_ms : client->timeout_ms;
    if (!timeout_ms) timeout_ms = type->timeout_ms ? type->timeout_ms : WRN_OP_TIMEOUT_MS;
    wrenn_op *op = op_alloc(client, type, timeout_ms);
    if (op) {
        op->begin = type->begin ? type->begin : wrn_op_send;
        op->sandbox = sandbox;
        wrn_sandbox_ref(sandbox);
        if (call) keep_call(op, call);
    }
    if (op && !op->extra.failed && !op->key.failed && (!type->init || type->init(op))) {
        *ret = op;
        return 0;
    }
    wrenn_op_free(op);
    wrn_no_memory(error, type->name);
    return WRENN_E_NO_MEMORY;
}

void wrn_op_limit(wrenn_op *op, int64_t timeout_ms) {
    if (!op->limited) op->deadline.due_ms = timeout_ms;
}

int wrn_op_check_flags(const wrn_op_type *type, uint64_t flags, uint64_t known, const char *names,
                       wrenn_error **error) {
    return flags & ~known ? wrn_refuse(error, "%s: unknown flags; use %s", type->name, names) : 0;
}

int wrn_op_check_ranges(const wrenn_op *op, const wrn_range *ranges, wrenn_error **error) {
    const wrn_range *at = ranges;
    while (at->name && at->value >= at->min && at->value <= at->max) at++;
    if (!at->name) return 0;
    if (at->min == 0 && at->max == INT64_MAX)
        return wrn_refuse(error, "%s: %s must not be negative", op->type->name, at->name);
    return wrn_refuse(error, "%s: %s must be between %lld and %lld, not %lld", op->type->name, at->name,
                      (long long)at->min, (long long)at->max, (long long)at->value);
}

static int check_credentials(const wrenn_op *op, wrenn_error **error) {
    const wrenn_client *client = op->client;
    if (op->auth == WRN_AUTH_TOKEN && !client->token)
        return wrn_fail(error, WRENN_E_AUTHENTICATION,
                        "%s needs a user token: set WRENN_TOKEN or the client option token, or log in and call "
                        "wrenn_client_set_token()%s",
                        op->type->name, client->api_key ? " (an API key does not open it)" : "");
    if (op->auth == WRN_AUTH_ANY && !client->token && !client->api_key)
        return wrn_fail(error, WRENN_E_AUTHENTICATION,
                        "%s needs credentials: set WRENN_API_KEY or the client option api_key", op->type->name);
    return 0;
}

/* In a callback that the loop has called, the loop begins the operation after the callback has returned. */
static bool set_timers(wrenn_op *op) {
    wrn_loop *loop = op->client->loop;
    if (!wrn_loop_timer_set(loop, &op->deadline, wrn_in_ms(op->deadline.due_ms))) return false;
    if (!wrn_client_is_amid(op->client) || wrn_loop_timer_set(loop, &op->timer, wrn_now_ms())) return true;
    wrn_loop_timer_clear(loop, &op->deadline);
    return false;
}

void wrn_op_blocking(wrenn_op *op, void *user_data) {}

int wrn_op_start(wrenn_op *op, wrenn_done_fn done, void *user_data, wrenn_op **ret, wrenn_error **error) {
    wrenn_client *client = op->client;
    int rc = done == wrn_op_blocking ? wrn_op_may_block(client, error) : 0;
    if (rc == 0) rc = check_credentials(op, error);
    if (rc == 0 && !op->url.size && wrn_utf8_valid_prefix(op->body.data, op->body.size) != op->body.size)
        rc = wrn_refuse(error, "%s: text in the options is not UTF-8", op->type->name);
    if (rc == 0 && (op->path.failed || op->url.failed || op->host.failed || op->fields.failed || op->body.failed ||
                    op->idempotency_key.failed || (done != wrn_op_blocking && op->type->keep && !op->type->keep(op)) ||
                    !set_timers(op)))
        rc = wrn_no_memory(error, op->type->name);
    if (rc < 0) {
        wrenn_op_free(op);
        return rc;
    }
    link_op(op);
    op->done = done == wrn_op_blocking ? NULL : done;
    op->user_data = user_data;
    if (ret) {
        wrn_op_ref(op);
        *ret = op;
    }
    if (!wrn_client_is_amid(client)) WRN_TAKE(op->begin)(op);
    wrn_client_settle(client);
    return 0;
}

/* ---- in the background ---- */

wrenn_op *wrn_op_background(const wrenn_op *from, const wrn_op_type *type, int64_t timeout_ms) {
    wrenn_op *op = op_alloc(from->client, type, timeout_ms);
    if (!op) return NULL;
    op->background = true;
    op->sandbox = from->sandbox;
    wrn_sandbox_ref(op->sandbox);
    wrn_buf_put(&op->extra, from->extra.data, from->extra.size);
    wrn_buf_put(&op->key, from->key.data, from->key.size);
    if (!op->extra.failed && !op->key.failed &&
        wrn_loop_timer_set(op->client->loop, &op->deadline, wrn_in_ms(timeout_ms))) {
        link_op(op);
        return op;
    }
    wrenn_op_free(op);
    return NULL;
}

bool wrn_op_hand_over(wrenn_op *from, wrenn_op *op) {
    wrn_buf *const to[] = {&op->path, &op->body, &op->idempotency_key};
    wrn_buf *const of[] = {&from->path, &from->body, &from->idempotency_key};
    for (size_t i = 0; i < WRN_COUNT(to); i++) *to[i] = *of[i], *of[i] = WRN_BUF_INIT;
    op->method = from->method;
    op->collection = from->collection;
    op->auth = from->auth;
    op->attempt = from->attempt;
    op->exchange = WRN_TAKE(from->exchange);
    if (!op->exchange) return false;
    wrn_http_hand_over(op->exchange, op_on_answer, op);
    op->state = WRN_OP_IN_FLIGHT;
    return true;
}

void wrn_ops_cancel(wrenn_client *client, bool all) {
    for (wrenn_op *op = client->first; op; op = client->first) {
        while (op && op->background && !all) op = op->next; /* NOLINT(clang-analyzer-unix.Malloc): cancelling unlinks */
        if (!op) return;
        wrenn_op_cancel(op);
    }
}

void wrn_op_extend(wrenn_op *op, int64_t timeout_ms) {
    if (op->cancel_wanted) return;
    wrn_loop_timer_set(op->client->loop, &op->deadline, wrn_in_ms(timeout_ms)); /* never fails right after a clear */
}

/* ---- calls ---- */

static void set_call(wrenn_op *op, const char *method, wrn_auth auth, const wrn_model *model, const void *request) {
    op->method = method;
    op->auth = auth;
    op->attempt = 0;
    op->reached = false;
    op->source = NULL;
    op->sink = NULL;
    op->content_type = NULL;
    wrn_buf_clear(&op->path);
    wrn_buf_clear(&op->body);
    wrn_buf *const others[] = {&op->idempotency_key, &op->url, &op->host, &op->fields};
    for (size_t i = 0; i < WRN_COUNT(others); i++) wrn_buf_clear(others[i]);
    if (strcmp(method, "POST") == 0) wrn_buf_put(&op->idempotency_key, op->key.data, op->key.size);
    if (model && request) wrn_model_write(model, request, &op->body);
    else if (strcmp(method, "POST") == 0)
        wrn_buf_puts(&op->body, "{}"); /* libcurl can be kept from repeating a POST only when that has a body */
}

void wrn_op_call_any(wrenn_op *op) {
    set_call(op, "GET", WRN_AUTH_NONE, NULL, NULL);
    op->collection = false;
    wrn_buf_puts(&op->path, "/capsules");
}

void wrn_op_call_sandbox(wrenn_op *op, const char *method, const char *id, const char *suffix, const wrn_model *model,
                         const void *request) {
    set_call(op, method, WRN_AUTH_ANY, model, request);
    op->collection = true;
    if (id) {
        wrn_buf_putc(&op->path, '/');
        wrn_url_escape_segment(&op->path, id);
    }
    wrn_buf_puts(&op->path, suffix);
}

void wrn_op_call_url(wrenn_op *op, const char *method, const char *url) {
    set_call(op, method, WRN_AUTH_NONE, NULL, NULL);
    wrn_buf_clear(&op->body);
    wrn_buf_clear(&op->idempotency_key); /* what runs in a sandbox is told nothing of the caller's */
    op->collection = false;
    wrn_buf_puts(&op->url, url);
}

/* `pattern` begins at the brace. */
static int fill_segment(wrn_buf *path, const char *pattern, const char *argument, wrenn_error **error) {
    char what[40];
    snprintf(what, sizeof(what), "%.*s", (int)strcspn(pattern + 1, "}"), pattern + 1);
    int rc = wrn_check_segment(what, argument, error);
    if (rc == 0) wrn_url_escape_segment(path, argument);
    return rc;
}

/* `at` is the part of a pattern from its "?" on. */
static void fill_query(wrn_buf *path, const char *at, const char *const *args) {
    for (char separator = '?'; *at; at += strcspn(at, "&")) {
        at++;
        const char *value = *args++;
        if (!value) continue;
        wrn_buf_putc(path, separator);
        wrn_buf_put(path, at, strcspn(at, "{"));
        wrn_url_escape(path, value);
        separator = '&';
    }
}

void wrn_op_add_parameters(wrenn_op *op, const char *name, const char *const *values) {
    wrn_buf *path = &op->path;
    for (; values && *values; values++) {
        wrn_buf_printf(path, "%c%s=", path->size && strchr(path->data, '?') ? '&' : '?', name);
        wrn_url_escape(path, *values);
    }
}

const char *wrn_op_keep(wrenn_op *op, const char *text) {
    const char *kept = text ? wrn_arena_dup(&op->arena, text, strlen(text)) : NULL;
    if (text && !kept) op->path.failed = true;
    return kept;
}

int wrn_op_call_type(wrenn_op *op, const char *const *args, const void *request, wrenn_error **error) {
    static const char sandboxes[] = "/sandboxes";
    const wrn_op_type *type = op->type;
    const char *at = type->path, *own_id = op->sandbox ? op->sandbox->id : NULL;
    set_call(op, type->method, type->auth, type->body, request);
    op->collection = strncmp(at, sandboxes, strlen(sandboxes)) == 0;
    if (op->collection) at += strlen(sandboxes);
    while (*at && *at != '?') {
        size_t plain = strcspn(at, "{?");
        wrn_buf_put(&op->path, at, plain);
        at += plain;
        if (*at != '{') continue;
        int rc = fill_segment(&op->path, at, own_id ? own_id : *args++, error);
        if (rc != 0) return rc;
        own_id = NULL;
        at += strcspn(at, "}") + 1;
    }
    fill_query(&op->path, at, args);
    return 0;
}

int wrn_op_start_row(wrenn_client *client, wrenn_sandbox *sandbox, const wrn_op_type *type,
                     const wrenn_call_options *options, const char *const *args, wrenn_done_fn done, void *user_data,
                     wrenn_op **ret, wrenn_error **error) {
    wrenn_call_options known;
    WRN_AUTO(wrn_op_freep) wrenn_op *op = NULL;
    int rc = wrn_options_read(&known, sizeof(known), options, "wrenn_call_options", error);
    if (rc == 0) rc = wrn_op_new(client, sandbox, type, &known, &op, error);
    if (rc == 0) rc = wrn_op_call_type(op, args, NULL, error);
    return rc == 0 ? wrn_op_start(WRN_TAKE(op), done, user_data, ret, error) : rc;
}

bool wrn_op_url(const wrenn_op *op, wrn_buf *url) {
    const wrenn_client *client = op->client;
    wrn_buf_put(url, op->url.data, op->url.size);
    if (op->url.size) return !url->failed;
    wrn_buf_puts(url, client->base.url);
    wrn_buf_puts(url, "/v1");
    if (op->collection) wrn_buf_puts(url, client->era == WRENN_ERA_CAPSULES ? "/capsules" : "/sandboxes");
    wrn_buf_put(url, op->path.data, op->path.size);
    return !url->failed;
}

/* ---- the era and the features ----
 *
 * A server has its sandboxes under /v1/sandboxes or under /v1/capsules. Asked without credentials, the route that exists
 * says 401, the other 404. Either answer shows its features. */

#define PROBE "looking for /v1/capsules"

static bool is_unknown(const wrenn_op *op) {
    const wrenn_client *client = op->client;
    return (op->collection && client->era == WRENN_ERA_AUTO) || (op->needs && !client->features_known);
}

static void op_unpark(wrenn_op *op, const wrenn_error *error) {
    int code = wrenn_error_code(error);
    const char *why = wrenn_error_message(error), *name = op->type->name;
    if (!is_unknown(op)) wrn_op_send(op);
    /* What could not be reached is the same for both. */
    else if (code == WRENN_E_CONNECTION_FAILED && strncmp(why, PROBE ": ", strlen(PROBE ": ")) == 0)
        wrn_op_fail(op, wrn_error_new(code, "%s: %s", name, why + strlen(PROBE ": ")));
    else
        wrn_op_fail(op, wrn_error_new(code == WRENN_E_CONNECTION_LOST ? WRENN_E_CONNECTION_FAILED : code,
                                      "%s: not sent: %s", name, why));
}

/* `era`: WRENN_ERA_AUTO when it is still unknown, and `error` why; the next call asks again. */
static void probe_ended(wrenn_client *client, int64_t era, const wrenn_error *error) {
    client->probe = NULL;
    if (client->era == WRENN_ERA_AUTO) client->era = era;
    for (wrenn_op *op = client->first, *next; op; op = next) {
        next = op->next;
        if (op->state == WRN_OP_PARKED) op_unpark(op, error);
    }
}

static void probe_answered(wrenn_op *op, wrn_http_response *response) {
    wrenn_client *client = op->client;
    wrn_op_finish(op, NULL, NULL);
    probe_ended(client, WRENN_ERA_CAPSULES, NULL);
}

/* 401 and 403 mean that the route exists, 404 and 405 that it does not. */
static bool probe_failed(wrenn_op *op, const wrenn_error *error) {
    int64_t status = wrenn_error_http_status(error);
    probe_ended(op->client,
                status == 401 || status == 403   ? WRENN_ERA_CAPSULES
                : status == 404 || status == 405 ? WRENN_ERA_SANDBOXES
                                                 : WRENN_ERA_AUTO,
                error);
    return false;
}

static const wrn_op_type probe_type = {{PROBE, "GET", "/capsules", WRN_AUTH_NONE},
                                       .respond = probe_answered,
                                       .fail = probe_failed};

static void op_park(wrenn_op *op) {
    wrenn_client *client = op->client;
    op->state = WRN_OP_PARKED;
    if (client->probe) return;
    wrenn_error *error = NULL;
    wrenn_op *probe = NULL;
    int rc = wrn_op_new(client, NULL, &probe_type, NULL, &probe, &error);
    if (rc == 0) {
        client->probe = probe;
        wrn_op_call_type(probe, NULL, NULL, NULL);
        wrn_buf_put(&probe->extra, op->extra.data, op->extra.size);
        rc = wrn_op_start(probe, NULL, NULL, NULL, &error);
    }
    if (rc == 0) return;
    client->probe = NULL;
    wrn_op_fail(op, error);
}

/* ---- sending and answers ---- */

void wrn_op_send(wrenn_op *op) {
    wrenn_client *client = op->client;
    if (is_unknown(op)) return op_park(op);
    const char *missing = wrn_features_asked(op->needs & ~client->features);
    if (missing)
        return wrn_op_fail(op,
                           wrn_error_new(WRENN_E_UNSUPPORTED,
                                         "%s: the server does not say that it knows %s; leave it out, or use a wrennd "
                                         "that does",
                                         op->type->name, missing));
    if (op->type->send) {
        op->attempt++;
        op->state = WRN_OP_IN_FLIGHT;
        op->type->send(op);
        return;
    }
    WRN_AUTO(wrn_buf_free) wrn_buf url = WRN_BUF_INIT;
    /* libcurl can be kept from repeating a POST only when that has a body, which may be empty. */
    bool has_body = !op->source && (op->body.size || strcmp(op->method, "POST") == 0);
    if (wrn_op_url(op, &url) && !op->path.failed && !op->body.failed) {
        wrn_http_request request = {
            .method = op->method,
            .url = url.data,
            .source = op->source,
            .sink = op->sink,
            .content_type = op->content_type,
            .body = !has_body       ? NULL
                    : op->body.data ? op->body.data
                                    : "",
            .body_size = op->body.size,
            .api_key = op->auth == WRN_AUTH_ANY ? client->api_key : NULL,
            .token = op->auth == WRN_AUTH_NONE ? NULL : client->token,
            .idempotency_key = op->idempotency_key.size ? op->idempotency_key.data : NULL,
            .host = op->host.size ? op->host.data : NULL,
            .extra = op->url.size ? NULL : op->extra.data,
            .fields = op->url.size ? op->fields.data ? op->fields.data : "" : NULL,
        };
        op->exchange = wrn_http_start(client->http, &request, op_on_answer, op);
    }
    op->attempt++;
    op->state = WRN_OP_IN_FLIGHT;
    if (!op->exchange) wrn_op_fail_no_memory(op);
}

static bool wait_until(wrenn_op *op, int64_t delay_ms) {
    op->state = WRN_OP_WAITING;
    return wrn_loop_timer_set(op->client->loop, &op->timer, wrn_in_ms(delay_ms));
}

void wrn_op_delay(wrenn_op *op, int64_t delay_ms) {
    op->attempt = 0;
    if (!wait_until(op, delay_ms)) wrn_op_fail_no_memory(op);
}

/* Capped doubling, spread over its upper half so that many clients do not come back in step. */
static int64_t backoff_ms(wrenn_op *op) {
    int64_t full = RETRY_FIRST_MS;
    for (int i = 1; i < op->attempt && full < RETRY_CAP_MS; i++) full *= 2;
    if (full > RETRY_CAP_MS) full = RETRY_CAP_MS;
    uint64_t *x = &op->client->jitter; /* xorshift */
    *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
    return full / 2 + (int64_t)(*x % (uint64_t)(full / 2 + 1));
}

static bool is_repeatable(const wrenn_op *op) {
    if (op->sink || op->source) return false; /* the other end of it has moved on */
    return strcmp(op->method, "GET") == 0 || strcmp(op->method, "DELETE") == 0 ||
           (op->type->keyed && op->idempotency_key.size && op->client->features & WRN_FEATURE_IDEMPOTENCY_KEY);
}

/* Repeats GET, DELETE, and creates whose idempotency key the server obeys, when the connection failed or the server
 * asked to wait. */
static bool op_retry(wrenn_op *op, const wrn_http_response *response) {
    if (!is_repeatable(op) || op->attempt >= op->client->max_attempts) return false;
    int64_t delay;
    if (response->outcome == WRN_HTTP_NOT_SENT || response->outcome == WRN_HTTP_LOST) {
        delay = backoff_ms(op);
    } else if (response->outcome == WRN_HTTP_ANSWERED && (response->status == 429 || response->status == 503) &&
               response->retry_after_ms && response->retry_after_ms <= RETRY_AFTER_MAX_MS) {
        delay = response->retry_after_ms;
    } else {
        return false;
    }
    /* A retry after the deadline would hide this error behind a timeout. */
    return wrn_in_ms(delay) < op->deadline.due_ms && wait_until(op, delay);
}

/* The path as it was sent. The query of a request to a sandbox's port is left out: it may hold secrets. */
static const char *op_path_of(const wrenn_op *op, wrn_buf *url) {
    char *host = wrn_op_url(op, url) ? strstr(url->data, "://") : NULL;
    char *path = host ? strchr(host + 3, '/') : NULL;
    if (path && op->url.size) path[strcspn(path, "?")] = '\0';
    return path ? path : "/";
}

static void log_exchange(wrenn_op *op, const wrn_http_response *response, bool again) {
    op->timings = (wrenn_timings){response->dns_us,        response->connect_us, response->tls_us,
                                  response->first_byte_us, response->total_us,   op->attempt};
    if (!op->client->log) return;
    char line[160];
    snprintf(line, sizeof(line), "%s %s", op->type->name,
             again                                    ? "failed, will be repeated"
             : response->outcome == WRN_HTTP_ANSWERED ? "answered"
                                                      : "failed");
    WRN_AUTO(wrn_buf_free) wrn_buf url = WRN_BUF_INIT;
    wrn_client_log(op->client, &(wrenn_log_event){WRENN_LOG_DEBUG, line, op->method, op_path_of(op, &url),
                                                  response->status, &op->timings});
}

/* Statuses of 500 and above without the features header may come from a gateway, and say nothing about the server. */
static void learn_features(wrenn_client *client, const wrn_http_response *response) {
    if (response->outcome != WRN_HTTP_ANSWERED) return;
    if (response->features) client->features = wrn_features_read(response->features);
    client->features_known = client->features_known || response->features || response->status < 500;
}

/* The path has a name with a "/" in it. Servers other than wrennd look for an object with %2F in its name, and may report
 * success. */
static bool may_be_misread(const wrenn_op *op) {
    const char *path = op->path.size ? op->path.data : "", *query = strchr(path, '?'), *slash = strstr(path, "%2F");
    return slash && (!query || slash < query) && !op->url.size && !op->client->features;
}

void wrn_op_answered(wrenn_op *op, wrn_http_response *response) {
    /* The last attempt was not sent, but an earlier one may have arrived. */
    if (response->outcome == WRN_HTTP_NOT_SENT && op->reached) response->outcome = WRN_HTTP_LOST;
    op->reached = response->outcome != WRN_HTTP_NOT_SENT;
    bool fine = response->outcome == WRN_HTTP_ANSWERED && (response->status < 300 || op->type->any_status);
    bool again = !fine && op_retry(op, response);
    log_exchange(op, response, again);
    if (!op->url.size) learn_features(op->client, response);
    /* A create must learn the id of its sandbox, to destroy it. */
    if (op->cancel_wanted && !op->type->abandon) return op_cancel(op);
    if (again) return;
    if (response->outcome != WRN_HTTP_ANSWERED) wrn_op_fail(op, wrn_error_from_outcome(op->type->name, response));
    else if (!op->type->any_status && (response->status < 200 || response->status > 299))
        wrn_op_fail(op, wrn_error_from_answer(op->type->name, response, is_repeatable(op),
                                              op->url.size ? NULL : op->client->base_text));
    else if (may_be_misread(op))
        wrn_op_fail_as(op, WRENN_E_UNSUPPORTED, "the server does not take names with a \"/\"; it has done nothing");
    else if (op->type->respond) op->type->respond(op, response);
    else respond_by_type(op, response);
}

void wrn_op_fail_malformed(wrenn_op *op, const wrn_http_response *response, const char *why) {
    wrn_op_fail_as(op, WRENN_E_PROTOCOL, "malformed response (HTTP %d): %s", response->status, why);
}

void wrn_op_fail_no_memory(wrenn_op *op) { wrn_op_fail_as(op, WRENN_E_NO_MEMORY, "out of memory"); }

static void fail_decode(wrenn_op *op, const wrn_http_response *response, const wrn_model_why *why) {
    if (why->no_memory) wrn_op_fail_no_memory(op);
    else wrn_op_fail_malformed(op, response, why->text);
}

bool wrn_op_parse(wrenn_op *op, const wrn_http_response *response, wrn_json **json) {
    const char *why = NULL;
    if (wrn_json_parse(response->body.data, response->body.size, json, &why)) return true;
    wrn_op_fail_malformed(op, response, why);
    return false;
}

void *wrn_op_decode_part(wrenn_op *op, const wrn_http_response *response, const wrn_json *object,
                         const wrn_model *model) {
    wrn_model_why why = {.no_memory = true};
    void *result = wrn_result_new(model->size);
    if (result && wrn_model_decode(model, object, false, wrn_result_arena(result), result, &why)) return result;
    wrn_result_free(result);
    fail_decode(op, response, &why);
    return NULL;
}

void *wrn_op_decode(wrenn_op *op, const wrn_http_response *response, const wrn_model *model) {
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    return wrn_op_parse(op, response, &json) ? wrn_op_decode_part(op, response, json, model) : NULL;
}

static bool append_items(wrn_list *list, const void *const *items, size_t count) {
    const void **all = wrn_arena_alloc(wrn_result_arena(list), (list->items_count + count) * sizeof(*all));
    if (!all) return false;
    memcpy(all, list->items, list->items_count * sizeof(*all));
    memcpy(all + list->items_count, items, count * sizeof(*all));
    list->items = all;
    list->items_count += count;
    return true;
}

bool wrn_op_append(wrenn_op *op, const wrn_http_response *response, const wrn_json *array, const wrn_model *model) {
    wrn_list more = {0};
    wrn_model_why why = {.no_memory = true};
    if (!op->list) op->list = wrn_result_new(sizeof(*op->list));
    wrn_list *list = op->list;
    if (list && wrn_model_decode_list(model, array, wrn_result_arena(list), &more.items, &more.items_count, &why)) {
        if (!list->items_count) *list = more;
        if (list->items == more.items || !more.items_count || append_items(list, more.items, more.items_count))
            return true;
        why.no_memory = true;
    }
    fail_decode(op, response, &why);
    return false;
}

void wrn_op_finish_list(wrenn_op *op) { wrn_op_finish(op, WRN_TAKE(op->list), wrn_result_free); }

void wrn_op_respond_nothing(wrenn_op *op, wrn_http_response *response) { wrn_op_finish(op, NULL, NULL); }

static void respond_by_type(wrenn_op *op, wrn_http_response *response) {
    const wrn_op_type *type = op->type;
    WRN_AUTO(wrn_json_freep) wrn_json *json = NULL;
    if (!type->object && !type->list) return wrn_op_respond_nothing(op, response);
    if (!wrn_op_parse(op, response, &json)) return;
    if (type->list && !json) json = wrn_json_new_array(); /* some servers say null when there are none */
    const wrn_json *list = type->list_in ? wrn_json_get(json, type->list_in) : json;
    if (type->list) {
        if (wrn_op_append(op, response, list, type->list)) wrn_op_finish_list(op);
        return;
    }
    void *result = wrn_op_decode_part(op, response, json, type->object);
    if (result) wrn_op_finish(op, result, wrn_result_free);
}

/* ---- results ---- */

int wrn_op_take(wrenn_op *op, const wrn_op_type *type, void *result, wrenn_error **error) {
    if (!op || op->type != type) return wrn_refuse(error, "this is not an operation of type \"%s\"", type->name);
    if (op->state != WRN_OP_DONE) return wrn_fail(error, WRENN_E_AGAIN, "%s: not over yet", type->name);
    if (op->taken) return wrn_refuse(error, "%s: the outcome was taken already", type->name);
    op->taken = true;
    if (op->error) return wrn_error_give(error, WRN_TAKE(op->error));
    if (!result) return 0;
    void *taken = WRN_TAKE(op->result);
    memcpy(result, &taken, sizeof(taken));
    return 0;
}

int wrn_op_take_number(wrenn_op *op, const wrn_op_type *type, int64_t *number, wrenn_error **error) {
    int rc = wrn_op_take(op, type, NULL, error);
    if (rc == 0 && number) *number = op->number;
    return rc;
}

int wrn_op_may_block(wrenn_client *client, wrenn_error **error) {
    int rc = wrn_client_check(client, error);
    if (rc != 0) return rc;
    if (client->callbacks)
        return wrn_fail(error, WRENN_E_REENTRANT, "a blocking call from inside a callback; use its _start form there");
    return 0;
}

static bool op_is_done(void *op) { return ((const wrenn_op *)op)->state == WRN_OP_DONE; }

/* Completions of other operations are kept for the next dispatch. */
wrenn_op *wrn_op_wait(wrenn_op *op) {
    wrn_client_run(op->client, WRN_NEVER, op_is_done, op);
    return op;
}

int wrenn_op_is_done(const wrenn_op *op) { return op && op->state == WRN_OP_DONE; }

const wrenn_timings *wrenn_op_timings(const wrenn_op *op) { return op && op->timings.attempts ? &op->timings : NULL; }
