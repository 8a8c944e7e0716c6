/* What is asked of a box that lives. */
#include <stdlib.h>

#include "server/box/internal.h"

static bool lives(const wrn_box *box, wrn_fault *fault) {
    if (box->phase == LIVE) return true;
    wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended");
    return false;
}

void wrn_box_ping(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (lives(box, &fault)) wrn_agent_ping(box->agent, done, context);
    else wrn_answer_later(box->boxes->config.loop, done, context, &fault);
}

wrn_proc *wrn_box_exec(wrn_box *box, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault) {
    wrn_proc_spec own = *spec;
    own.default_user = box->source.default_user;
    return lives(box, fault) ? wrn_agent_exec(box->agent, &own, events, fault) : NULL;
}

void wrn_box_measure(wrn_box *box, wrn_box_stats *out) { box->runner->ops->stats(box->it, out); }

typedef struct refused_dial {
    wrn_dial_fn done;
    void *context;
} refused_dial;

static void refuse_dial(void *context, const wrn_fault *fault) {
    refused_dial *r = context;
    r->done(r->context, -1, fault);
    free(r);
}

void wrn_box_dial(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context) {
    wrn_fault fault;
    if (lives(box, &fault) && box->service) return service_dial(box->service, port, done, context);
    if (box->phase == LIVE) return box->runner->ops->dial(box->it, port, done, context);
    refused_dial *r = calloc(1, sizeof(*r));
    if (!r) return done(context, -1, &fault);
    *r = (refused_dial){done, context};
    wrn_answer_later(box->boxes->config.loop, refuse_dial, r, &fault);
}
