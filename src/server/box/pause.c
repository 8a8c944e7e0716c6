#include <errno.h>
#include <string.h>

#include "server/box/box.h"

void box_freeze_done(wrn_box *box, const wrn_fault *fault) {
    wrn_done_fn done = box->done;
    box->done = NULL;
    done(box->done_context, fault);
}

static void look_frozen(uv_timer_t *timer) {
    wrn_box *box = timer->data;
    if (cgroup_is_frozen(&box->backend->cgroups, box->id)) {
        box->frozen = true;
        box_freeze_done(box, NULL);
    } else if (box->tries++ < RETRIES) {
        uv_timer_start(timer, look_frozen, RETRY_MS, 0);
    } else {
        cgroup_freeze(&box->backend->cgroups, box->id, false);
        wrn_agent_suspend(box->agent, false);
        wrn_fault fault;
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox could not be frozen in time; it goes on");
        box_freeze_done(box, &fault);
    }
}

void box_await_frozen(wrn_box *box, wrn_done_fn done, void *context) {
    box->done = done;
    box->done_context = context;
    box->tries = 0;
    uv_timer_start(&box->timer, look_frozen, 0, 0);
}

static void agent_froze(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    /* Destroying has answered it already, and `done` is now that of the destruction. */
    if (box->phase != LIVE || !box->done) return;
    if (fault) wrn_agent_suspend(box->agent, false);
    box_freeze_done(box, fault);
}

/* What can't be done now, as a fault. */
static bool cannot(const wrn_box *box, const char *what, wrn_fault *fault) {
    if (box->phase == LIVE && !box->done) return false;
    wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "cannot %s: %s", what,
                  box->phase == LIVE ? "another pause or resume is under way" : "the sandbox has ended");
    return true;
}

void ns_freeze(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (cannot(box, "pause", &fault)) {
        wrn_answer_later(box->backend->config.loop, done, context, &fault);
        return;
    }
    box_count(box, false);
    if (!cgroups_can_freeze(&box->backend->cgroups)) {
        box->done = done;
        box->done_context = context;
        wrn_agent_suspend(box->agent, true);
        wrn_agent_freeze(box->agent, true, agent_froze, box);
    } else if (cgroup_freeze(&box->backend->cgroups, box->id, true) == 0) {
        wrn_agent_suspend(box->agent, true);
        box_await_frozen(box, done, context);
    } else {
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "cannot freeze the sandbox: %s", strerror(errno));
        wrn_answer_later(box->backend->config.loop, done, context, &fault);
    }
}

void ns_thaw(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (cannot(box, "resume", &fault)) {
        wrn_answer_later(box->backend->config.loop, done, context, &fault);
        return;
    }
    box_count(box, true);
    if (!cgroups_can_freeze(&box->backend->cgroups)) {
        box->done = done;
        box->done_context = context;
        wrn_agent_suspend(box->agent, false);
        wrn_agent_freeze(box->agent, false, agent_froze, box);
    } else if (cgroup_freeze(&box->backend->cgroups, box->id, false) != 0) {
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "cannot thaw the sandbox: %s", strerror(errno));
        wrn_answer_later(box->backend->config.loop, done, context, &fault);
    } else {
        box->frozen = false;
        wrn_agent_suspend(box->agent, false);
        if (box->greeted) return wrn_answer_later(box->backend->config.loop, done, context, NULL);
        box->done = done;
        box->done_context = context;
        uv_timer_start(&box->timer, box_limit, CREATE_LIMIT_MS, 0);
    }
}
