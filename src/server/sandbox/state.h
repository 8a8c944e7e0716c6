/* The life cycle of a sandbox as one table: which events are valid in which state, and what they cause. */
#pragma once

#include <stdbool.h>

typedef enum wrn_state {
    WRN_STATE_PENDING, /* the backend is making it */
    WRN_STATE_RUNNING,
    WRN_STATE_PAUSED,
    WRN_STATE_HIBERNATED, /* paused, with its memory on the disk */
    WRN_STATE_STOPPED,    /* destroyed; final */
    WRN_STATE_ERROR,      /* could not be made; final but for destroy */
    WRN_STATE_MISSING,    /* its host is silent */
    WRN_STATE_COUNT
} wrn_state;

typedef enum wrn_event {
    WRN_EVENT_BOOTED,
    WRN_EVENT_BOOT_FAILED,
    WRN_EVENT_USE, /* exec, ping, ... */
    WRN_EVENT_PAUSE,
    WRN_EVENT_PAUSE_FAILED,
    WRN_EVENT_HIBERNATE,
    WRN_EVENT_HIBERNATED,
    WRN_EVENT_RESUME,
    WRN_EVENT_RESUMED,
    WRN_EVENT_SNAPSHOT,
    WRN_EVENT_FORK,
    WRN_EVENT_DIED, /* it ended by itself */
    WRN_EVENT_DESTROY,
    WRN_EVENT_ADOPT,   /* the server starts again; the sandbox may be alive */
    WRN_EVENT_RESTART, /* the server starts again; only the record is left */
    WRN_EVENT_COUNT
} wrn_event;

typedef enum wrn_action {
    WRN_ACTION_REFUSE, /* the event is not valid in this state */
    WRN_ACTION_NONE,
    WRN_ACTION_FREEZE,
    WRN_ACTION_THAW,
    WRN_ACTION_HIBERNATE, /* it is frozen already */
    WRN_ACTION_COPY,      /* take the snapshot: it is frozen already */
    WRN_ACTION_FORK,
    WRN_ACTION_DESTROY
} wrn_action;

typedef struct wrn_transition {
    wrn_action action; /* to start once the next state is stored */
    wrn_state next;
} wrn_transition;

wrn_transition wrn_state_step(wrn_state state, wrn_event event);
/* Paused, in memory or on the disk. */
bool wrn_state_stands_still(wrn_state state);
/* As the API has it. */
const char *wrn_state_name(wrn_state state);
bool wrn_state_parse(const char *name, wrn_state *out);
