/* What can be done with a live box. */
#include <stdlib.h>

#include "server/box/internal.h"

static bool is_live(const wrn_box *box, wrn_fault *fault) {
    if (box->phase == LIVE) return true;
    return wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended"), false;
}

void wrn_box_ping(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (is_live(box, &fault)) wrn_agent_ping(box->agent, done, context);
    else wrn_answer_later(box->boxes->config.loop, done, context, &fault);
}

wrn_proc *wrn_box_exec(wrn_box *box, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault) {
    wrn_proc_spec own = *spec;
    own.default_user = box->source.default_user;
    return is_live(box, fault) ? wrn_agent_exec(box->agent, &own, events, fault) : NULL;
}

wrn_proc *wrn_box_read_log(wrn_box *box, const wrn_log_request *request, const wrn_proc_events *events,
                           wrn_fault *fault) {
    return is_live(box, fault) ? wrn_agent_read_log(box->agent, request, events, fault) : NULL;
}

void wrn_box_measure(wrn_box *box, wrn_box_stats *out) {
    *out = (wrn_box_stats){0};
    box->runner->ops->stats(box->it, out);
    if (box->gate) gate_measure(box->gate, out);
}

void wrn_box_want_port(wrn_box *box, uint16_t port) {
    if (box->phase == LIVE && box->service) service_want(box->service, port);
}

typedef struct refused_network {
    wrn_network_fn done;
    void *context;
} refused_network;

static void refuse_network(void *context, const wrn_fault *fault) {
    refused_network *r = context;
    r->done(r->context, NULL, fault);
    free(r);
}

bool wrn_box_has_network(const wrn_box *box) { return box->gate && (box->phase == LIVE || box->phase == DIED); }

/* Whether the box has a gate to ask; if not, `done` gets a fault, later. */
static bool has_gate(const wrn_box *box, wrn_network_fn done, void *context) {
    wrn_fault fault;
    if (wrn_box_has_network(box)) return true;
    if (is_live(box, &fault))
        wrn_fault_set(
            &fault, WRN_FAULT_CONFLICT,
            "the sandbox was made without a network, so that no policy can apply to it; make another one with "
            "a member \"network\" (wrenn create --allow, --preset or --net)");
    refused_network *r = calloc(1, sizeof(*r));
    *r = (refused_network){done, context};
    wrn_answer_later(box->boxes->config.loop, refuse_network, r, &fault);
    return false;
}

void wrn_box_network(wrn_box *box, wrn_network_fn done, void *context) {
    if (has_gate(box, done, context)) gate_look(box->gate, done, context);
}

void wrn_box_check_network(wrn_box *box, wrn_json *asked, wrn_network_fn done, void *context) {
    if (has_gate(box, done, context)) gate_check(box->gate, asked, done, context);
}

void wrn_box_set_network(wrn_box *box, const char *policy, int secrets, wrn_network_fn done, void *context) {
    if (has_gate(box, done, context)) gate_set(box->gate, policy, secrets, done, context);
}

void wrn_box_set_secrets(wrn_box *box, int secrets) {
    if (box->gate) gate_set_secrets(box->gate, secrets);
}

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
    if (is_live(box, &fault) && box->service) return service_dial(box->service, port, done, context);
    if (box->phase == LIVE) return box_reach_port(box, port, done, context);
    refused_dial *r = calloc(1, sizeof(*r));
    *r = (refused_dial){done, context};
    wrn_answer_later(box->boxes->config.loop, refuse_dial, r, &fault);
}

/* ---- freezing and thawing ---- */

/* wrn_box_destroy() answers a freeze or thaw that is under way, and then sets its own `done`. */
static bool is_answered(const wrn_box *box) { return box->phase != LIVE || !box->done; }

static void on_agent_resumed(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (is_answered(box)) return;
    uv_timer_stop(&box->timer);
    box_done(box, fault);
}

static void ignore(void *context, const wrn_fault *fault) { (void)context, (void)fault; }

static void on_box_frozen(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (is_answered(box)) return;
    uv_timer_stop(&box->timer);
    if (fault) wrn_agent_suspend(box->agent, false);
    if (fault && box->runner->ops->stops_agent) wrn_agent_resume(box->agent, ignore, NULL);
    box_done(box, fault);
}

static void on_agent_quiet(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (is_answered(box)) return;
    if (fault) on_box_frozen(box, fault);
    else (void)box->runner->ops->freeze(box->it, on_box_frozen, box);
}

static void on_box_thawed(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (is_answered(box)) return;
    if (!fault) wrn_agent_suspend(box->agent, false);
    if (!fault && box->greeted && box->runner->ops->stops_agent) {
        box_limit(box);
        return wrn_agent_resume(box->agent, on_agent_resumed, box);
    }
    if (fault || box->greeted) box_done(box, fault);
    else box_limit(box); /* it was frozen when it was adopted: the agent's first frame is still to come */
}

bool box_begin_freezing(wrn_box *box, const char *what, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (box->phase == LIVE && !box->done) {
        box->done = done;
        box->done_context = context;
        return true;
    }
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "cannot %s: %s", what,
                  box->phase == LIVE ? "another pause or resume is under way" : "the sandbox has ended");
    wrn_answer_later(box->boxes->config.loop, done, context, &fault);
    return false;
}

void wrn_box_freeze(wrn_box *box, wrn_done_fn done, void *context) {
    if (!box_begin_freezing(box, "pause", done, context)) return;
    wrn_agent_suspend(box->agent, true);
    if (box->runner->ops->stops_agent) {
        box_limit(box);
        wrn_agent_quiet(box->agent, on_agent_quiet, box);
    } else if (!box->runner->ops->freeze(box->it, on_box_frozen, box)) {
        wrn_agent_freeze(box->agent, true, on_box_frozen, box);
    }
}

void wrn_box_thaw(wrn_box *box, wrn_done_fn done, void *context) {
    if (!box_begin_freezing(box, "resume", done, context)) return;
    if (!box->runner->ops->thaw(box->it, on_box_thawed, box)) wrn_agent_freeze(box->agent, false, on_box_thawed, box);
}

static void on_box_hibernates(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (!is_answered(box)) box_done(box, fault);
}

int wrn_box_check_hibernate(const wrn_box *box, wrn_fault *fault) {
    if (box->runner->ops->hibernate) return 0;
    return wrn_fault_set(
        fault, WRN_FAULT_NOT_IMPLEMENTED,
        "the memory of this sandbox can't be moved to the disk: only that of a virtual machine can; pause it without "
        "\"hibernate\", or make a sandbox with isolation \"vm\" (wrenn create --isolation vm)");
}

void wrn_box_hibernate(wrn_box *box, wrn_done_fn done, void *context) {
    if (box_begin_freezing(box, "hibernate", done, context))
        box->runner->ops->hibernate(box->it, on_box_hibernates, box);
}

/* ---- a moment, for copies ---- */

typedef struct keeping {
    wrn_box *box;
    wrn_moment *moment; /* NULL: it is not kept yet */
    wrn_moment_fn done;
    void *context;
    bool failed;
    wrn_fault fault;
} keeping;

static void note_failure(keeping *k, const wrn_fault *fault) {
    if (!fault || k->failed) return;
    k->fault = *fault;
    k->failed = true;
    if (k->moment) k->moment->release(WRN_TAKE(k->moment));
}

static void on_going_on(void *context, const wrn_fault *fault) {
    keeping *k = context;
    note_failure(k, fault);
    k->done(k->context, k->moment, k->failed ? &k->fault : NULL);
    free(k);
}

static void on_moment_over(void *context, const wrn_fault *fault) {
    keeping *k = context;
    note_failure(k, fault);
    wrn_box_thaw(k->box, on_going_on, k);
}

static void on_moment_kept(void *context, wrn_moment *moment, const wrn_fault *fault) {
    wrn_box *box = context;
    ((keeping *)box->done_context)->moment = moment;
    box_done(box, fault);
}

/* While it is kept, `done` of the box is ours, so that we hear of the box's end. */
static void on_standing_still(void *context, const wrn_fault *fault) {
    keeping *k = context;
    wrn_box *box = k->box;
    if (fault) on_going_on(k, fault);
    else if (box_begin_freezing(box, "copy", on_moment_over, k))
        box->runner->ops->keep_moment(box->it, on_moment_kept, box);
}

int wrn_box_check_moment(const wrn_box *box, wrn_fault *fault) {
    if (box->runner->ops->keep_moment) return 0;
    return wrn_fault_set(
        fault, WRN_FAULT_NOT_IMPLEMENTED,
        "the memory of this sandbox can't be copied: only that of a virtual machine can; make a sandbox "
        "with isolation \"vm\" (wrenn create --isolation vm), or copy its files with a snapshot");
}

void wrn_box_keep_moment(wrn_box *box, wrn_moment_fn done, void *context) {
    keeping *k = calloc(1, sizeof(*k));
    *k = (keeping){.box = box, .done = done, .context = context};
    wrn_box_freeze(box, on_standing_still, k);
}
