/* Boxes, for the files that see to their life. They know each other in this order only, from the top down:
 *
 *     boxes.c    all of them: beginning and end
 *     adopt.c    those that an earlier daemon has left
 *     commands.c what is asked of one that lives
 *     snapshots.c
 *     pause.c    freezing and thawing
 *     box.c      one: its start and its end
 *     service.c  the program that its template starts
 *     keep.c     what the holder is told; holder.c is that process */
#ifndef WRN_SERVER_BOX_INTERNAL_H
#define WRN_SERVER_BOX_INTERNAL_H

#include "base/auto.h"
#include "server/box/agent_conn.h"
#include "server/box/box.h"
#include "server/box/holder.h"
#include "server/box/service.h"
#include "server/templates/catalog.h"
#include "server/templates/snapshot.h"

enum { CREATE_LIMIT_MS = 20000 };

/* A backend of the table. */
typedef struct runner {
    const wrn_backend_ops *ops;
    wrn_backend *backend; /* NULL: it can't run here */
    wrn_keepsake keepsake;
    wrn_fault why_not;
} runner;

/* A box that an earlier daemon has left, and nobody has adopted yet. */
typedef struct orphan {
    held_box known;
    const runner *runner;
    wrn_instance *it;
} orphan;

struct wrn_boxes {
    wrn_backend_config config;
    runner runners[WRN_BACKENDS_MAX];
    size_t runner_count;
    char dir[PATH_MAX]; /* a directory for each */
    int lock_fd;
    snapshots snapshots;
    wrn_box *all;
    holder holder;
    uv_poll_t *holder_poll;   /* NULL: there is no holder */
    uv_timer_t *holder_timer; /* until the next one is started */
    int64_t holder_ms;        /* when it was started */
    orphan *orphans;
    size_t orphan_count;
    bool has_left; /* boxes to the next daemon */
};

typedef enum phase { CREATING, LIVE, DIED, DESTROYING } phase;

struct wrn_box {
    wrn_boxes *boxes;
    wrn_box *next; /* of all */
    const runner *runner;
    wrn_instance *it;
    wrn_running run;
    char id[WRN_BOX_ID_MAX + 1], dir[PATH_MAX];
    source source;
    service *service;
    held *held; /* the snapshot it was made from */
    snapshot_copy *copy;
    char copy_id[WRN_BOX_ID_MAX + 1];
    bool copy_stopped;
    wrn_snapshot_fn copied;
    void *copied_context;
    phase phase;
    bool reaped;
    bool greeted; /* the agent has spoken to this daemon */
    wrn_agent *agent;
    uv_poll_t exit_poll;
    uv_timer_t timer; /* the agent's limit, to speak first */
    int handles;
    wrn_kept_fn kept;
    void (*ready)(wrn_box *box); /* it lives */
    wrn_done_fn died;
    wrn_box_fn created; /* or adopted */
    void *context;
    wrn_done_fn done; /* of destroy, freeze or thaw */
    void *done_context;
    char removal_problem[200];
};

/* ---- box.c ---- */

/* An empty one. */
wrn_box *box_new(wrn_boxes *boxes, const char *id, wrn_done_fn died, wrn_box_fn created, void *context);
/* Once it has a process: from then on only box_fail() and wrn_box_destroy() end it. */
void box_watch(wrn_box *box);
/* Its agent answers through these. `kept` is NULL for one that has had no other daemon. False when out of memory. */
bool box_open_agent(wrn_box *box, const int channel[2], wrn_kept_fn kept);
/* Takes it apart, then says why there is none. */
void box_fail(wrn_box *box, const wrn_fault *fault);
/* Says later why there is none. */
void box_refuse(const wrn_boxes *boxes, wrn_box_fn created, void *context, const wrn_fault *fault);
/* Its agent has to speak in time. */
void box_limit(wrn_box *box);
/* Ends what `done` waits for. */
void box_done(wrn_box *box, const wrn_fault *fault);
/* Ends all that goes on in it here, before its process ends or is left. */
void box_detach(wrn_box *box, wrn_done_fn done, void *context);
/* Frees it, its process untouched. */
void box_close(wrn_box *box);
/* The backend for that; NULL with a fault. */
const runner *runner_for(const wrn_boxes *boxes, const char *isolation, wrn_fault *fault);

/* ---- keep.c ---- */

/* 0, or -1 with errno. */
int boxes_start_holder(wrn_boxes *boxes);
/* For one that `holder_find` has found. */
void boxes_watch_holder(wrn_boxes *boxes);
void boxes_stop_holder(wrn_boxes *boxes);
/* What the holder shall know. */
void box_hold(wrn_box *box);
void box_drop(wrn_box *box);

#endif
