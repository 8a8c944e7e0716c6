#include "server/http/request.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "server/http/budget.h"
#include "server/http/conn.h"
#include "server/lane.h"

bool wrn_request_charge(wrn_request *request, size_t bytes) {
    if (bytes <= WRN_BUDGET_FREE - request->uncharged) {
        request->uncharged += bytes;
        return true;
    }
    if (!wrn_budget_take(bytes)) return false;
    request->charged += bytes;
    return true;
}

void wrn_request_add_field(wrn_request *request, const char *name, const char *value) {
    wrn_buf_printf(&request->fields, "%s: %s\r\n", name, value);
}

/* ---- answers ---- */

void wrn_request_confirm(wrn_request *request, bool (*confirm)(void *app)) { request->confirm = confirm; }

/* An answer that waits for its confirmation. Lives in the request's arena. */
typedef struct answer {
    wrn_job job; /* first: a job is cast to its answer */
    wrn_request *request;
    bool (*confirm)(void *app);
    int status;
    const char *type;
    wrn_buf body;
    bool ok;
} answer;

static void run_confirm(wrn_job *job) {
    answer *a = (answer *)job;
    a->ok = a->confirm(a->request->app);
}

static void end_confirm(wrn_job *job) {
    answer *a = (answer *)job;
    wrn_buf body = a->body;
    if (a->ok) return wrn_conn_reply(a->request, a->status, a->type, &body);
    wrn_buf_free(&body);
    wrn_reply_db_error(a->request);
}

static void send_reply(wrn_request *request, int status, const char *type, wrn_buf *body) {
    bool (*confirm)(void *app) = WRN_TAKE(request->confirm);
    if (!confirm || status >= 400) return wrn_conn_reply(request, status, type, body);
    answer *a = wrn_arena_alloc(&request->arena, sizeof(*a));
    *a = (answer){.request = request, .confirm = confirm, .status = status, .type = type, .body = *body};
    wrn_lane_put(request->loop, WRN_LANE_SYNC, &a->job, run_confirm, end_confirm);
}

void wrn_reply_bytes(wrn_request *request, int status, const char *type, const void *data, size_t size) {
    wrn_buf body = WRN_BUF_INIT;
    wrn_buf_put(&body, data, size);
    send_reply(request, status, type, &body);
}

void wrn_reply_buf(wrn_request *request, int status, const char *type, wrn_buf *body) {
    send_reply(request, status, type, body);
    *body = WRN_BUF_INIT;
}

void wrn_reply_empty(wrn_request *request, int status) {
    wrn_buf none = WRN_BUF_INIT;
    send_reply(request, status, NULL, &none);
}

void wrn_reply_json(wrn_request *request, int status, wrn_json *body) {
    wrn_buf text = WRN_BUF_INIT;
    wrn_json_write(body, &text);
    wrn_buf_putc(&text, '\n');
    wrn_json_free(body);
    send_reply(request, status, "application/json", &text);
}

void wrn_reply_model(wrn_request *request, int status, const wrn_model *model, const void *value) {
    wrn_reply_json(request, status, wrn_model_encode(model, value));
}

wrn_json *wrn_error_envelope(wrn_fault_code code, const char *message) {
    wrn_json *error = wrn_json_new_object(), *envelope = wrn_json_new_object();
    wrn_json_set_string(error, "code", wrn_fault_name(code));
    wrn_json_set_string(error, "message", message);
    wrn_json_set(envelope, "error", error);
    return envelope;
}

/* In seconds: longer when a sandbox has to end first. */
static void add_retry_after(wrn_request *request, int status, wrn_fault_code code) {
    if ((status != 429 && status != 503) || (request->fields.size && strstr(request->fields.data, "Retry-After")))
        return;
    wrn_request_add_field(request, "Retry-After", code == WRN_FAULT_NO_HOSTS_AVAILABLE ? "5" : "1");
}

static void reply_error(wrn_request *request, int status, wrn_fault_code code, const char *format, va_list args) {
    add_retry_after(request, status, code);
    char message[640];
    vsnprintf(message, sizeof(message), format, args);
    /* It may quote the client, and may have been cut in the middle of a character. */
    message[wrn_utf8_valid_prefix(message, strlen(message))] = '\0';
    wrn_text_clean(message);
    wrn_reply_json(request, status, wrn_error_envelope(code, message));
}

void wrn_reply_error(wrn_request *request, wrn_fault_code code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    reply_error(request, wrn_fault_status(code), code, format, args);
    va_end(args);
}

void wrn_reply_db_error(wrn_request *request) { wrn_reply_error(request, WRN_FAULT_DB_ERROR, WRN_DB_FAILED); }

void wrn_reply_error_as(wrn_request *request, int status, wrn_fault_code code, const char *format, ...) {
    va_list args;
    va_start(args, format);
    reply_error(request, status, code, format, args);
    va_end(args);
}

/* Browsers send no form of this type across origins without asking. A missing type is fine: browsers send an Origin, which
 * has been checked. */
static bool is_json(const wrn_request *request) {
    const char *type = wrn_http_head_get(&request->head, "content-type");
    if (!type) return true;
    size_t size = strcspn(type, "; \t");
    return size == strlen("application/json") && strncasecmp(type, "application/json", size) == 0;
}

/* A decoded body. Lives in the request's arena. */
struct wrn_decoded {
    wrn_job job; /* first: a job is cast to its body */
    wrn_request *request;
    const wrn_model *model;
    void (*run)(wrn_request *request);
    bool ok;
    char why[200];
    max_align_t value[];
};

static bool decode(wrn_request *request, const wrn_model *model, void *out, char *why, size_t why_size) {
    WRN_AUTO(wrn_json_freep) wrn_json *body = NULL;
    const char *wrong = NULL;
    wrn_model_why problem;
    const char *text = request->body.data ? request->body.data : "";
    if (!wrn_json_parse_first(text, request->body.size, WRN_JSON_VALUES_MAX, &body, &wrong))
        return snprintf(why, why_size, "the request body can't be read as JSON: %s", wrong), false;
    if (wrn_model_decode(model, body, true, &request->arena, out, &problem)) return true;
    return snprintf(why, why_size, "%s", problem.text), false;
}

static void run_decoding(wrn_job *job) {
    struct wrn_decoded *d = (struct wrn_decoded *)job;
    d->ok = decode(d->request, d->model, d->value, d->why, sizeof(d->why));
    wrn_buf_free(&d->request->body);
}

static void end_decoding(wrn_job *job) {
    const struct wrn_decoded *d = (struct wrn_decoded *)job;
    d->run(d->request);
}

void wrn_request_decode_later(wrn_request *request, const wrn_model *model, void (*run)(wrn_request *request)) {
    /* As JSON values, and decoded. */
    if (!wrn_request_charge(request, 2 * request->body.size))
        return wrn_reply_error(request, WRN_FAULT_OVERLOADED, "%s", WRN_BUDGET_SPENT);
    struct wrn_decoded *d = wrn_arena_alloc(&request->arena, sizeof(*d) + model->size);
    d->request = request;
    d->model = model;
    d->run = run;
    request->decoded = d;
    wrn_lane_put(request->loop, WRN_LANE_JSON, &d->job, run_decoding, end_decoding);
}

bool wrn_request_decode(wrn_request *request, const wrn_model *model, void *out) {
    char why[200];
    if (!is_json(request)) {
        wrn_reply_error_as(request, 415, WRN_FAULT_INVALID_REQUEST,
                           "the request body must be JSON, sent with Content-Type: application/json");
        return false;
    }
    const struct wrn_decoded *d = request->decoded;
    if (d && d->ok) return memcpy(out, d->value, model->size), true;
    if (!d && decode(request, model, out, why, sizeof(why))) return true;
    return wrn_refuse(request, WRN_FAULT_INVALID_REQUEST, "%s", d ? d->why : why);
}
