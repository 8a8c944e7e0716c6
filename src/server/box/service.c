#include "server/box/service.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/box/internal.h"

enum { RETRY_MS = 10, START_LIMIT_MS = 60000 };

typedef struct dialer {
    struct dialer *next;
    service *service; /* NULL: stopped */
    uv_timer_t timer;
    bool trying, started; /* started: by this one */
    int64_t give_up_ms;
    wrn_dial_fn done;
    void *context;
} dialer;

struct service {
    wrn_box *box;
    const source *from; /* the box's */
    wrn_proc *proc;     /* NULL: does not run */
    dialer *dialers;
    char end[64]; /* how it ended; "" while it runs */
};

/* ---- the program ---- */

/* Nobody asked for it; a program that wants to keep it has files for that. */
static void on_output(void *context, int stream, const void *data, size_t size) {
    (void)context, (void)stream, (void)data, (void)size;
}

static void on_end(void *context, const wrn_proc_result *result) {
    service *s = context;
    s->proc = NULL;
    if (result->end == WRN_PROC_FAILED)
        snprintf(s->end, sizeof(s->end), "could not be started: %.40s", result->fault->message);
    else if (result->end == WRN_PROC_SIGNALED) snprintf(s->end, sizeof(s->end), "was ended by signal %d", result->code);
    else snprintf(s->end, sizeof(s->end), "ended with status %d", result->code);
}

static bool start(service *s, wrn_fault *fault) {
    if (s->proc) return true;
    const wrn_proc_spec spec = {.cmd = s->from->start[0],
                                .args = s->from->start + 1,
                                .default_user = s->from->default_user,
                                .label = SERVICE_LABEL};
    const wrn_proc_events events = {.on_output = on_output, .on_end = on_end, .context = s};
    s->end[0] = '\0';
    s->proc = wrn_agent_exec(s->box->agent, &spec, &events, fault);
    return s->proc != NULL;
}

service *service_new(wrn_box *box) {
    service *s = box->source.start[0] ? calloc(1, sizeof(*s)) : NULL;
    if (!s) return NULL;
    s->box = box;
    s->from = &box->source;
    return s;
}

void service_begin(service *s) {
    wrn_fault fault;
    if (!s->from->start_port || s->from->start_early) (void)start(s, &fault); /* if that fails, so will all else */
}

bool service_keep(service *s, const wrn_kept *kept, wrn_proc_events *events) {
    if (s->proc) return false;
    s->proc = kept->proc;
    *events = (wrn_proc_events){.on_output = on_output, .on_end = on_end, .context = s};
    return true;
}

/* ---- connections to it ---- */

static void dial(service *s, uint16_t port, wrn_dial_fn done, void *context) {
    s->box->runner->ops->dial(s->box->it, port, done, context);
}

static void on_timer_closed(uv_handle_t *handle) { free(handle->data); }

static void finish(dialer *d, int fd, const wrn_fault *fault) {
    for (dialer **at = d->service ? &d->service->dialers : NULL; at && *at; at = &(*at)->next) {
        if (*at != d) continue;
        *at = d->next;
        break;
    }
    d->done(d->context, fd, fault);
    uv_close((uv_handle_t *)&d->timer, on_timer_closed);
}

static void try_again(uv_timer_t *timer);

static void on_tried(void *context, int fd, const wrn_fault *fault) {
    dialer *d = context;
    service *s = d->service;
    wrn_fault why;
    d->trying = false;
    if (!fault || fault->code != WRN_FAULT_NOT_LISTENING || !s) return finish(d, fd, fault);
    /* It may have ended while nobody had heard of it yet. */
    if (!s->proc && !d->started) d->started = start(s, &why);
    if (s->proc && wrn_now_ms() < d->give_up_ms) {
        uv_timer_start(&d->timer, try_again, RETRY_MS, 0);
        return;
    }
    wrn_fault_set(&why, WRN_FAULT_NOT_LISTENING, "the service of template \"%s\" %s", s->from->shown.name,
                  s->proc ? "does not listen" : s->end);
    finish(d, -1, &why);
}

static void try_again(uv_timer_t *timer) {
    dialer *d = timer->data;
    d->trying = true;
    dial(d->service, d->service->from->start_port, on_tried, d);
}

static void refuse(void *context, const wrn_fault *fault) { on_tried(context, -1, fault); }

void service_dial(service *s, uint16_t port, wrn_dial_fn done, void *context) {
    wrn_fault fault;
    if (port != s->from->start_port) return dial(s, port, done, context);
    dialer *d = calloc(1, sizeof(*d));
    if (!d) abort(); /* some hundred bytes: nothing would work any more */
    *d = (dialer){.next = s->dialers, .service = s, .done = done, .context = context};
    s->dialers = d;
    d->give_up_ms = wrn_now_ms() + START_LIMIT_MS;
    d->trying = true;
    d->started = !s->proc;
    uv_timer_init(s->box->boxes->config.loop, &d->timer);
    d->timer.data = d;
    if (start(s, &fault)) dial(s, port, on_tried, d);
    else wrn_answer_later(s->box->boxes->config.loop, refuse, d, &fault);
}

/* ---- the end ---- */

void service_stop(service *s) {
    wrn_fault fault;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended");
    for (dialer *d; s && (d = s->dialers);) {
        s->dialers = d->next;
        d->service = NULL;
        if (!d->trying) finish(d, -1, &fault);
    }
}

void service_free(service *s) { free(s); }
