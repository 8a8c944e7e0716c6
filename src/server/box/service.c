/* The program that a template starts in its boxes.
 *
 * A service with a port starts with the first connection to it, which waits until it listens, and again when it has
 * ended: so a box that does not use it does not pay for it. Other services start with the box. */
#include <stdlib.h>

#include "base/clock.h"
#include "server/box/internal.h"

/* It is tried again after a part of the time that it has taken already: on a slow machine each try costs what it needs to start. */
enum { RETRY_MS = 10, RETRY_MAX_MS = 500, RETRY_PART = 10, START_LIMIT_MS = 60000, PATIENT_LIMIT_MS = 600000 };

typedef struct waiter {
    struct waiter *next;
    service *service; /* NULL: the box is ending */
    uv_timer_t timer;
    bool trying, started; /* started: the service was started for this waiter */
    int64_t begun_ms, limit_ms;
    wrn_dial_fn done;
    void *context;
} waiter;

struct service {
    wrn_box *box;
    wrn_proc *proc; /* NULL: does not run */
    waiter *waiters;
    char end[140]; /* how it ended; "" while it runs */
};

/* ---- the program ---- */

static void on_service_end(void *context, const wrn_proc_result *result) {
    service *s = context;
    s->proc = NULL;
    if (result->end == WRN_PROC_FAILED)
        snprintf(s->end, sizeof(s->end), "could not be started: %.100s", result->fault->message);
    else if (result->end == WRN_PROC_SIGNALED)
        snprintf(s->end, sizeof(s->end), "was killed by signal %d", result->code);
    else snprintf(s->end, sizeof(s->end), "ended with status %d", result->code);
}

static bool start_service(service *s, wrn_fault *fault) {
    if (s->proc) return true;
    const wrn_proc_spec spec = {.cmd = s->box->source.start[0],
                                .args = s->box->source.start + 1,
                                .default_user = s->box->source.default_user,
                                .label = SERVICE_LABEL};
    const wrn_proc_events events = {.on_end = on_service_end, .context = s};
    s->end[0] = '\0';
    s->proc = wrn_agent_exec(s->box->agent, &spec, &events, fault);
    return s->proc != NULL;
}

service *service_new(wrn_box *box) {
    service *s = box->source.start[0] ? calloc(1, sizeof(*s)) : NULL;
    if (!s) return NULL;
    s->box = box;
    return s;
}

void service_begin(service *s) {
    wrn_fault fault;
    if (!s->box->source.start_port || s->box->source.start_early)
        (void)start_service(s, &fault); /* if this fails, so does everything else in the box */
}

void service_want(service *s, uint16_t port) {
    wrn_fault fault;
    if (port == s->box->source.start_port) (void)start_service(s, &fault); /* who waits sees that nothing listens */
}

bool service_reattach(service *s, const wrn_detached *command, wrn_proc_events *events) {
    if (s->proc) return false;
    s->proc = command->proc;
    *events = (wrn_proc_events){.on_end = on_service_end, .context = s};
    return true;
}

/* ---- connections to it ---- */

static void dial_box(service *s, uint16_t port, wrn_dial_fn done, void *context) {
    box_reach_port(s->box, port, done, context);
}

static void finish_waiter(waiter *d, int fd, const wrn_fault *fault) {
    if (d->service) WRN_UNLINK(d->service->waiters, d, next);
    d->done(d->context, fd, fault);
    uv_close((uv_handle_t *)&d->timer, wrn_handle_free_data);
}

static void try_again(uv_timer_t *timer);

static uint64_t pause_ms(int64_t waited_ms) {
    int64_t part = waited_ms / RETRY_PART;
    return (uint64_t)(part < RETRY_MS ? RETRY_MS : part > RETRY_MAX_MS ? RETRY_MAX_MS : part);
}

static void on_tried(void *context, int fd, const wrn_fault *fault) {
    waiter *d = context;
    service *s = d->service;
    wrn_fault why;
    d->trying = false;
    if (!fault || fault->code != WRN_FAULT_NOT_LISTENING || !s) return finish_waiter(d, fd, fault);
    /* The service may have ended before its end was reported. */
    if (!s->proc && !d->started) d->started = start_service(s, &why);
    int64_t waited_ms = wrn_now_ms() - d->begun_ms;
    if (s->proc && waited_ms < d->limit_ms) {
        uv_timer_start(&d->timer, try_again, pause_ms(waited_ms), 0);
        return;
    }
    wrn_fault_set(&why, WRN_FAULT_NOT_LISTENING, "the service of template \"%s\" %s", s->box->source.shown.name,
                  s->proc ? "does not listen" : s->end);
    finish_waiter(d, -1, &why);
}

static void try_again(uv_timer_t *timer) {
    waiter *d = timer->data;
    d->trying = true;
    dial_box(d->service, d->service->box->source.start_port, on_tried, d);
}

static void refuse_waiter(void *context, const wrn_fault *fault) { on_tried(context, -1, fault); }

static void await_service(service *s, int64_t limit_ms, wrn_dial_fn done, void *context) {
    wrn_fault fault;
    waiter *d = calloc(1, sizeof(*d));
    *d = (waiter){.next = s->waiters, .service = s, .done = done, .context = context};
    s->waiters = d;
    d->begun_ms = wrn_now_ms();
    d->limit_ms = limit_ms;
    d->trying = true;
    d->started = !s->proc;
    uv_timer_init(s->box->boxes->config.loop, &d->timer);
    d->timer.data = d;
    if (start_service(s, &fault)) dial_box(s, s->box->source.start_port, on_tried, d);
    else wrn_answer_later(s->box->boxes->config.loop, refuse_waiter, d, &fault);
}

void service_dial(service *s, uint16_t port, wrn_dial_fn done, void *context) {
    if (port == s->box->source.start_port) await_service(s, START_LIMIT_MS, done, context);
    else dial_box(s, port, done, context);
}

bool service_await(service *s, wrn_dial_fn done, void *context) {
    bool starts = s->box->source.start_early && s->box->source.start_port;
    if (starts) await_service(s, PATIENT_LIMIT_MS, done, context);
    return starts;
}

/* ---- the end ---- */

void service_stop(service *s) {
    wrn_fault fault;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended");
    for (waiter *d; s && (d = s->waiters);) {
        s->waiters = d->next;
        d->service = NULL;
        if (!d->trying) finish_waiter(d, -1, &fault);
    }
}

void service_free(service *s) { free(s); }
