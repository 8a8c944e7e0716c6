/* The holder: a process beside wrennd that lets boxes outlive it.
 *
 * It only keeps descriptors: for each box the socket over which its agent can get a channel to a new wrennd, and the
 * lock on its template; for each backend its state, such as locks on ranges of ids and on cgroups. When wrennd ends,
 * the holder waits for another one on the same state directory and hands them over. When none comes in time, it closes
 * them, so that the agents end, and removes what they leave. With no boxes it ends together with wrennd. */
#pragma once

#include "base/file.h"
#include "server/backend/backend.h"

/* What the holder keeps of a box's gate. The gate ends when all descriptors of its control socket are closed. */
typedef struct held_gate {
    wrn_link_kind kind;
    int link, control, state, pidfd; /* all -1: there is none */
} held_gate;
#define HELD_GATE_NONE \
    { WRN_LINK_TAP, -1, -1, -1, -1 }

static inline void held_gate_close(held_gate *gate) {
    wrn_fd_close(&gate->link);
    wrn_fd_close(&gate->control);
    wrn_fd_close(&gate->state);
    wrn_fd_close(&gate->pidfd);
}

/* What the holder knows of a box. */
typedef struct held_box {
    char id[WRN_BOX_ID_MAX + 1], backend[16];
    char snapshot_id[WRN_BOX_ID_MAX + 1]; /* what it is made from; "": a template of the platform */
    wrn_running run;
    int source_fd; /* the locked directory that it is made from; -1: `minimal` */
    held_gate gate;
} held_box;

typedef struct holder {
    int fd; /* the connection; -1: there is no holder */
    int pidfd;
    pid_t pid; /* if it is our child; otherwise 0 */
    const char *state_dir;
} holder;

/* What a new holder needs. */
typedef struct holder_plan {
    const wrn_backend_config *config; /* adopt_ms: how long it waits */
    const char *boxes_dir;
    wrn_backend_state *states[WRN_BACKENDS_MAX]; /* in the order of wrn_backends; NULL: it does not run */
} holder_plan;

/* What a waiting holder hands over. */
typedef struct inheritance {
    wrn_backend_state states[WRN_BACKENDS_MAX]; /* in the order of wrn_backends */
    held_box *boxes;
    size_t count;
} inheritance;

void inherit_nothing(inheritance *out);
/* Connects to a waiting holder, and gets what it has. False when there is none. Blocks. */
bool holder_find(holder *h, const char *state_dir, inheritance *out);
/* Starts one. 0, or -1 with errno. */
int holder_start(holder *h, const holder_plan *plan);
/* False when the holder is gone or stuck. */
bool holder_add(const holder *h, const held_box *box);
bool holder_drop(const holder *h, const char *id);
void held_close(const held_box *box);
/* Kills the holder and waits for its end. */
void holder_end(const holder *h);
/* Disconnects. With boxes the holder waits for the next daemon; without it ends, and nothing of it is left. */
void holder_leave(holder *h, bool has_boxes);
/* Whether there is a holder for that directory. */
bool holder_is_there(const char *state_dir);
/* Whether any holder of this machine has that process, or a wrennd whose holder is being replaced. */
bool holder_knows(pid_t agent);
