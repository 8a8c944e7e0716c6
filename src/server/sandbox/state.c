#include "server/sandbox/state.h"

#include <string.h>

#define GO(action, next) \
    { WRN_ACTION_##action, WRN_STATE_##next }

/* Events that are not listed are refused. "Paused" is stored before the sandbox is frozen, and undone when that fails;
 * "running" is stored after it was thawed. */
static const wrn_transition table[WRN_STATE_COUNT][WRN_EVENT_COUNT] = {
    [WRN_STATE_PENDING] =
        {
            [WRN_EVENT_BOOTED] = GO(NONE, RUNNING),
            [WRN_EVENT_BOOT_FAILED] = GO(NONE, ERROR),
            [WRN_EVENT_DESTROY] = GO(DESTROY, STOPPED),
            [WRN_EVENT_RESTART] = GO(NONE, STOPPED),
        },
    [WRN_STATE_RUNNING] =
        {
            [WRN_EVENT_USE] = GO(NONE, RUNNING),
            [WRN_EVENT_PAUSE] = GO(FREEZE, PAUSED),
            [WRN_EVENT_SNAPSHOT] = GO(FREEZE, PAUSED),
            [WRN_EVENT_DIED] = GO(DESTROY, STOPPED),
            [WRN_EVENT_DESTROY] = GO(DESTROY, STOPPED),
            [WRN_EVENT_ADOPT] = GO(NONE, RUNNING),
            [WRN_EVENT_RESTART] = GO(NONE, STOPPED),
        },
    [WRN_STATE_PAUSED] =
        {
            [WRN_EVENT_PAUSE_FAILED] = GO(NONE, RUNNING),
            [WRN_EVENT_RESUME] = GO(THAW, PAUSED),
            [WRN_EVENT_RESUMED] = GO(NONE, RUNNING),
            [WRN_EVENT_SNAPSHOT] = GO(COPY, PAUSED),
            [WRN_EVENT_DIED] = GO(DESTROY, STOPPED),
            [WRN_EVENT_DESTROY] = GO(DESTROY, STOPPED),
            [WRN_EVENT_ADOPT] = GO(NONE, PAUSED),
            [WRN_EVENT_RESTART] = GO(NONE, STOPPED),
        },
    [WRN_STATE_STOPPED] = {[WRN_EVENT_DESTROY] = GO(NONE, STOPPED)},
    [WRN_STATE_ERROR] = {[WRN_EVENT_DESTROY] = GO(NONE, STOPPED)},
    [WRN_STATE_MISSING] =
        {
            [WRN_EVENT_DESTROY] = GO(DESTROY, STOPPED),
            [WRN_EVENT_RESTART] = GO(NONE, STOPPED),
        },
};

static const char *const names[WRN_STATE_COUNT] = {"pending", "running", "paused", "stopped", "error", "missing"};

wrn_transition wrn_state_step(wrn_state state, wrn_event event) {
    wrn_transition step = table[state][event];
    if (step.action == WRN_ACTION_REFUSE) step.next = state;
    return step;
}

const char *wrn_state_name(wrn_state state) { return names[state]; }

bool wrn_state_parse(const char *name, wrn_state *out) {
    for (int i = 0; i < WRN_STATE_COUNT; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *out = (wrn_state)i;
        return true;
    }
    return false;
}
