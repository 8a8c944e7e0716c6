/* The server's end of the channel to an agent. What comes out of it is hostile: anything that is not a frame this side can
 * have caused ends the connection, and only that.
 *
 * Commands run here, so that every backend has them in the same way; what is done with one that runs is in box.h. No
 * callback runs from inside the call that asked. */
#ifndef WRN_SERVER_AGENT_CONN_H
#define WRN_SERVER_AGENT_CONN_H

#include "server/box/box.h"

typedef struct wrn_agent wrn_agent;

typedef struct wrn_agent_events {
    void (*ready)(void *context);                 /* the agent said hello */
    void (*lost)(void *context, const char *why); /* once; the caller then closes the connection */
    void *context;
    const char *owner; /* of its turns (turns.h): the id of the sandbox. NULL: strangers */
    /* Not NULL: it is an agent that has had a server before. For each command that goes on, before `ready`. */
    wrn_kept_fn kept;
    /* How many processes of the sandbox have been killed for want of memory, ever. NULL: unknown. */
    int64_t (*oom_kills)(void *context);
} wrn_agent_events;

/* Takes the descriptors over, also on failure. NULL when out of memory. */
wrn_agent *wrn_agent_open(uv_loop_t *loop, const int fds[2], const wrn_agent_events *events);
/* Ends all commands as WRN_PROC_LOST and frees the connection; no event follows. Also from inside `lost`. */
void wrn_agent_close(wrn_agent *agent);

wrn_proc *wrn_agent_exec(wrn_agent *agent, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault);

/* Each ends in `done`, with a fault when the connection is lost first. */
void wrn_agent_ping(wrn_agent *agent, wrn_done_fn done, void *context);
void wrn_agent_freeze(wrn_agent *agent, bool freeze, wrn_done_fn done, void *context);
/* While the sandbox is frozen no time limit goes on. */
void wrn_agent_suspend(wrn_agent *agent, bool suspended);

/* Beyond its own limit a command gets this long to be killed and reported; then the agent counts as broken. */
extern unsigned wrn_agent_grace_ms;

#endif
