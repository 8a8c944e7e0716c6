/* Snapshots: copies of what a box and its template wrote, as templates of their own in one directory, named by id. */
#ifndef WRN_SERVER_TEMPLATES_SNAPSHOT_H
#define WRN_SERVER_TEMPLATES_SNAPSHOT_H

#include <limits.h>

#include "server/templates/templates.h"

enum { WRITTEN_MAX = 4 };

typedef struct held held;

typedef struct snapshots {
    uv_loop_t *loop;
    char dir[PATH_MAX];
    held *held; /* those that boxes were made from */
} snapshots;

void snapshot_path(const snapshots *s, const char *id, char out[PATH_MAX]);
/* As long as a box holds it, its files stay, also when it is dropped. */
held *snapshot_hold(snapshots *s, const char *id);
const char *snapshot_id(const held *h);
void snapshot_release(snapshots *s, held *h);
void snapshot_drop(snapshots *s, const char *id);
/* Removes, blocking, what is not known and not held: leftovers of a crash. */
void snapshots_sweep(snapshots *s, bool (*is_known)(void *context, const char *id), void *context);

/* All that the copying needs to know: it happens in a child, which nothing in this process waits for, and which has a bound
 * on its memory, whatever there is to copy. */
typedef struct snapshot_plan {
    const wrn_backend_ops *ops;
    wrn_backend *backend; /* stays there until it is done */
    const char *id;       /* of the snapshot */
    bool root, durable;
    pid_t parent;
    const wrn_written *layers;        /* as the backend tells */
    size_t count;                     /* at most WRITTEN_MAX */
    const char *tree;                 /* of the box's template; "" when it has none */
    const char *tree_name, *document; /* of the snapshot */
    const char *target;               /* its directory */
} snapshot_plan;

typedef struct snapshot_copy snapshot_copy;

/* NULL with errno. `done` comes once, from the loop; nothing is left at the target when it has a fault. */
snapshot_copy *snapshot_copy_start(uv_loop_t *loop, const snapshot_plan *plan, wrn_snapshot_fn done, void *context);
/* It ends soon, with a fault. */
void snapshot_copy_stop(snapshot_copy *copy);

#endif
