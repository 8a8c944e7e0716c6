/* The holder: a process beside wrennd that lets sandboxes outlive it.
 *
 * It does nothing but keep descriptors: for each box one through which its agent can be given a channel to a new wrennd,
 * and the lock on its template; for each backend those that it needs kept, such as locks on ranges of ids and on cgroups. When wrennd is gone it waits for another one on the same
 * state directory, which gets all of them. When none comes in time, it lets go of them, the agents end, and it sweeps what
 * they leave. With nothing to keep it ends together with wrennd. */
#ifndef WRN_SERVER_BOX_HOLDER_H
#define WRN_SERVER_BOX_HOLDER_H

#include "server/backend/backend.h"

/* What it knows of a box. */
typedef struct held_box {
    char id[WRN_BOX_ID_MAX + 1], backend[16];
    char snapshot_id[WRN_BOX_ID_MAX + 1]; /* that it is made from; "": a template of the platform */
    wrn_running run;
    int source_fd; /* the directory it is made from, locked; -1: `minimal` */
} held_box;

typedef struct holder {
    int fd; /* the connection to it; -1: there is none */
    int pidfd;
    pid_t pid; /* when it is a child of ours; else 0 */
    const char *state_dir;
} holder;

/* What it keeps for all of them together, and what it needs for the end. */
typedef struct holder_plan {
    const wrn_backend_config *config; /* adopt_ms: how long it waits */
    const char *boxes_dir;
    const wrn_keepsake *keepsakes[WRN_BACKENDS_MAX]; /* in the order of wrn_backends; NULL: none */
} holder_plan;

/* What a holder that waits hands over. */
typedef struct inheritance {
    wrn_keepsake keepsakes[WRN_BACKENDS_MAX]; /* in the order of wrn_backends */
    held_box *boxes;
    size_t count;
} inheritance;

void inherit_nothing(inheritance *out);
/* True when there was one, which is the caller's now. Blocks. */
bool holder_find(holder *h, const char *state_dir, inheritance *out);
/* Starts one. 0, or -1 with errno. */
int holder_start(holder *h, const holder_plan *plan);
/* Each false when it is gone, or does not keep up. */
bool holder_add(const holder *h, const held_box *box);
bool holder_drop(const holder *h, const char *id);
void held_close(const held_box *box);
/* Kills it, and waits until it is gone. */
void holder_end(const holder *h);
/* It waits if it has boxes; else it ends, and nothing of it is left. */
void holder_leave(holder *h, bool has_boxes);
/* Is there one for that directory, in use or waiting? */
bool holder_is_there(const char *state_dir);
/* Does any holder of this machine have that process, or a wrennd whose holder is just being replaced? */
bool holder_knows(pid_t agent);

#endif
