#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/backend/backend.h"

void wrn_fault_set(wrn_fault *fault, wrn_fault_code code, const char *format, ...) {
    fault->code = code;
    va_list args;
    va_start(args, format);
    vsnprintf(fault->message, sizeof(fault->message), format, args);
    va_end(args);
}

typedef struct deferred {
    uv_timer_t timer;
    wrn_done_fn done;
    void *context;
    bool failed;
    wrn_fault fault;
} deferred;

static void on_closed(uv_handle_t *handle) { free(handle->data); }

static void on_timer(uv_timer_t *timer) {
    deferred *d = timer->data;
    d->done(d->context, d->failed ? &d->fault : NULL);
    uv_close((uv_handle_t *)timer, on_closed);
}

void wrn_answer_later(uv_loop_t *loop, wrn_done_fn done, void *context, const wrn_fault *fault) {
    deferred *d = calloc(1, sizeof(*d));
    if (!d) abort(); /* some hundred bytes: nothing would work any more */
    d->done = done;
    d->context = context;
    if (fault) {
        d->failed = true;
        d->fault = *fault;
    }
    uv_timer_init(loop, &d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_timer, 0, 0);
}
