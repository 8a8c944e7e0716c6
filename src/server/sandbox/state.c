#include "server/sandbox/state.h"

#include <string.h>

#include "base/auto.h"

#define GO(state, event, action, next)                                                  \
    {                                                                                   \
        WRN_STATE_##state, WRN_EVENT_##event, { WRN_ACTION_##action, WRN_STATE_##next } \
    }

/* Events that are not listed are refused. "Paused" is stored before the sandbox is frozen, and undone when that fails;
 * "running" is stored after it was thawed, and "hibernated" when the memory is on the disk. */
static const struct {
    wrn_state state;
    wrn_event event;
    wrn_transition step;
} table[] = {
    GO(PENDING, BOOTED, NONE, RUNNING),       GO(PENDING, BOOT_FAILED, NONE, ERROR),
    GO(PENDING, DESTROY, DESTROY, STOPPED),   GO(PENDING, RESTART, NONE, STOPPED),
    GO(RUNNING, USE, NONE, RUNNING),          GO(RUNNING, PAUSE, FREEZE, PAUSED),
    GO(RUNNING, SNAPSHOT, FREEZE, PAUSED),    GO(RUNNING, FORK, FORK, RUNNING),
    GO(RUNNING, DIED, DESTROY, STOPPED),      GO(RUNNING, DESTROY, DESTROY, STOPPED),
    GO(RUNNING, ADOPT, NONE, RUNNING),        GO(RUNNING, RESTART, NONE, STOPPED),
    GO(RUNNING, HIBERNATE, FREEZE, PAUSED),   GO(PAUSED, HIBERNATE, HIBERNATE, PAUSED),
    GO(PAUSED, HIBERNATED, NONE, HIBERNATED), GO(PAUSED, PAUSE_FAILED, NONE, RUNNING),
    GO(PAUSED, RESUME, THAW, PAUSED),         GO(PAUSED, RESUMED, NONE, RUNNING),
    GO(PAUSED, SNAPSHOT, COPY, PAUSED),       GO(PAUSED, DIED, DESTROY, STOPPED),
    GO(PAUSED, DESTROY, DESTROY, STOPPED),    GO(PAUSED, ADOPT, NONE, PAUSED),
    GO(PAUSED, RESTART, NONE, STOPPED),       GO(HIBERNATED, RESUME, THAW, HIBERNATED),
    GO(HIBERNATED, RESUMED, NONE, RUNNING),   GO(HIBERNATED, SNAPSHOT, COPY, HIBERNATED),
    GO(HIBERNATED, DIED, DESTROY, STOPPED),   GO(HIBERNATED, DESTROY, DESTROY, STOPPED),
    GO(HIBERNATED, ADOPT, NONE, HIBERNATED),  GO(HIBERNATED, RESTART, NONE, STOPPED),
    GO(STOPPED, DESTROY, NONE, STOPPED),      GO(ERROR, DESTROY, NONE, STOPPED),
    GO(MISSING, DESTROY, DESTROY, STOPPED),   GO(MISSING, RESTART, NONE, STOPPED),
};

static const char *const names[WRN_STATE_COUNT] = {"pending", "running", "paused", "hibernated",
                                                   "stopped", "error",   "missing"};

wrn_transition wrn_state_step(wrn_state state, wrn_event event) {
    for (size_t i = 0; i < WRN_COUNT(table); i++)
        if (table[i].state == state && table[i].event == event) return table[i].step;
    return (wrn_transition){WRN_ACTION_REFUSE, state};
}

bool wrn_state_stands_still(wrn_state state) { return state == WRN_STATE_PAUSED || state == WRN_STATE_HIBERNATED; }

const char *wrn_state_name(wrn_state state) { return names[state]; }

bool wrn_state_parse(const char *name, wrn_state *out) {
    for (int i = 0; i < WRN_STATE_COUNT; i++) {
        if (strcmp(names[i], name) != 0) continue;
        *out = (wrn_state)i;
        return true;
    }
    return false;
}
