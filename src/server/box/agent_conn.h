/* The server's end of the channel to an agent, which may be hostile: a frame that a correct agent would not send now
 * ends the connection, and only that. What can be done with a running command is in box.h. No callback runs from inside
 * the call that caused it. */
#pragma once

#include "server/box/box.h"

typedef struct wrn_agent wrn_agent;

typedef struct wrn_agent_events {
    void (*ready)(void *context);                 /* the agent said hello */
    void (*lost)(void *context, const char *why); /* once; the caller then closes the connection */
    void *context;
    const char *owner; /* of its turns (turns.h): the id of the sandbox; NULL: nobody's */
    /* Not NULL: the agent has had a server before. Called for each command that still runs, before `ready`. */
    wrn_detached_fn detached;
    /* The number of the RESUME that the agent answers first: what comes before that was for another server, or another RESUME. NULL:
     * there was none, and nothing comes before. */
    uint32_t (*awaited)(void *context);
    /* Counts the processes of the box that the OOM killer has killed. NULL: unknown. */
    int64_t (*oom_kills)(void *context);
    bool watched; /* its end may go unseen: it is lost when it does not answer any more */
} wrn_agent_events;

/* Takes the descriptors over. */
wrn_agent *wrn_agent_open(uv_loop_t *loop, const int fds[2], const wrn_agent_events *events);
/* Ends all commands as WRN_PROC_LOST and frees the connection; no event follows. Also from inside `lost`. */
void wrn_agent_close(wrn_agent *agent);

wrn_proc *wrn_agent_exec(wrn_agent *agent, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault);

wrn_proc *wrn_agent_read_log(wrn_agent *agent, const wrn_log_request *request, const wrn_proc_events *events,
                             wrn_fault *fault);

/* What programs read of the network's policy, from their start on: before anybody uses a box that has had no other daemon. */
void wrn_agent_put_network(wrn_agent *agent, const char *policy);

/* Each ends in `done`, with a fault when the connection is lost first. */
void wrn_agent_ping(wrn_agent *agent, wrn_done_fn done, void *context);
void wrn_agent_freeze(wrn_agent *agent, bool freeze, wrn_done_fn done, void *context);
/* Before the machine that the agent is in is stopped: when `done` is called neither side has a frame under way, and what is sent
 * from then on waits for wrn_agent_resume(), which also tells the agent the time. */
void wrn_agent_quiet(wrn_agent *agent, wrn_done_fn done, void *context);
void wrn_agent_resume(wrn_agent *agent, wrn_done_fn done, void *context);
/* While the box is frozen, time limits stand still. */
void wrn_agent_suspend(wrn_agent *agent, bool suspended);

/* How long the agent has to kill a command whose time limit has passed. Then the connection is given up. */
extern unsigned wrn_agent_grace_ms;
/* How often a watched agent is asked whether it is there. It is lost when it has sent nothing for several times as long. */
extern unsigned wrn_agent_watch_ms;
