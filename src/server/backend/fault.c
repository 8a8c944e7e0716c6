#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/backend/backend.h"

int wrn_fault_set(wrn_fault *fault, wrn_fault_code code, const char *format, ...) {
    fault->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->message, sizeof(fault->message), format, args);
    va_end(args);
    return -1;
}

void wrn_handle_free(uv_handle_t *handle) { free(handle); }
void wrn_handle_free_data(uv_handle_t *handle) { free(handle->data); }

typedef struct deferred {
    uv_timer_t timer;
    wrn_done_fn done;
    void *context;
    bool failed;
    wrn_fault fault;
} deferred;

static void run_deferred(uv_timer_t *timer) {
    deferred *d = timer->data;
    d->done(d->context, d->failed ? &d->fault : NULL);
    uv_close((uv_handle_t *)timer, wrn_handle_free_data);
}

void wrn_answer_later(uv_loop_t *loop, wrn_done_fn done, void *context, const wrn_fault *fault) {
    deferred *d = calloc(1, sizeof(*d));
    *d = (deferred){.done = done, .context = context, .failed = fault != NULL};
    if (fault) d->fault = *fault;
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, run_deferred, 0, 0);
}

void wrn_report_check(wrn_json *report, const char *check, bool ok, const char *detail, const char *fix) {
    wrn_json *item = wrn_json_new_object();
    wrn_json_set_string(item, "check", check);
    wrn_json_set_bool(item, "ok", ok);
    wrn_json_set_string(item, "detail", detail);
    if (!ok) wrn_json_set_string(item, "fix", fix);
    wrn_json_append(report, item);
}

void wrn_report_leak(wrn_json *report, const char *kind, const char *what) {
    wrn_json *item = wrn_json_new_object();
    wrn_json_set_string(item, "kind", kind);
    wrn_json_set_string(item, "what", what);
    wrn_json_append(report, item);
}
