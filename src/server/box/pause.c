#include "server/box/internal.h"

static void on_frozen(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    /* Destroying has answered it already, and `done` is now that of the destruction. */
    if (box->phase != LIVE || !box->done) return;
    if (fault) wrn_agent_suspend(box->agent, false);
    box_done(box, fault);
}

static void on_thawed(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (box->phase != LIVE || !box->done) return;
    if (!fault) wrn_agent_suspend(box->agent, false);
    if (fault || box->greeted) box_done(box, fault);
    else box_limit(box); /* it was frozen when it was adopted, and has a lot to say */
}

/* False, and `done` gets a fault, when it can't be done now. */
static bool begin(wrn_box *box, const char *what, wrn_done_fn done, void *context) {
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
    if (!begin(box, "pause", done, context)) return;
    wrn_agent_suspend(box->agent, true);
    if (!box->runner->ops->freeze(box->it, on_frozen, box)) wrn_agent_freeze(box->agent, true, on_frozen, box);
}

void wrn_box_thaw(wrn_box *box, wrn_done_fn done, void *context) {
    if (!begin(box, "resume", done, context)) return;
    if (!box->runner->ops->thaw(box->it, on_thawed, box)) wrn_agent_freeze(box->agent, false, on_thawed, box);
}
