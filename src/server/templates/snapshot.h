/* Snapshots: copies of what a box and its template have written. Each is a template, in a directory named by id. */
#pragma once

#include <limits.h>

#include "server/templates/templates.h"

enum { OVERLAYS_MAX = 4, FILES_MAX = 8 };

/* A snapshot that boxes were made from. */
typedef struct held {
    struct held *next;
    char id[WRN_BOX_ID_MAX + 1];
    size_t boxes;
    bool dropped;
} held;

typedef struct snapshots {
    uv_loop_t *loop;
    char dir[PATH_MAX];
    held *held;
} snapshots;

void snapshot_path(const snapshots *s, const char *id, char out[PATH_MAX]);
/* Counts a box made from the snapshot: its files stay until the last one is released, even if it is dropped. */
held *snapshot_hold(snapshots *s, const char *id);
void snapshot_release(snapshots *s, held *h);
void snapshot_drop(snapshots *s, const char *id);
/* Removes snapshots that are neither known nor held: leftovers of a crash. */
void snapshots_sweep(snapshots *s, bool (*is_known)(void *context, const char *id), void *context);

/* A child with limited memory makes the copy, so that the loop does not wait for it. */
typedef struct snapshot_plan {
    const wrn_backend_ops *ops;
    wrn_backend *backend; /* must stay open until `done` */
    const char *id;       /* of the snapshot */
    bool root, durable;
    pid_t parent;
    const wrn_saved *saved;           /* by the backend; at most OVERLAYS_MAX layers and FILES_MAX files */
    const char *tree;                 /* of the box's template; "": none */
    const char *tree_name, *document; /* of the snapshot */
    const char *target;               /* its directory */
} snapshot_plan;

typedef struct snapshot_copy snapshot_copy;

/* NULL with errno. `done` is called once, from the loop. With a fault, nothing is left at the target. */
snapshot_copy *snapshot_copy_start(uv_loop_t *loop, const snapshot_plan *plan, wrn_snapshot_fn done, void *context);
/* The copy ends soon, with a fault. */
void snapshot_copy_stop(snapshot_copy *copy);
