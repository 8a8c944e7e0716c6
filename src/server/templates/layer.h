/* Layers of an overlay, outside of any mount: bringing what one says over to another. */
#ifndef WRN_SERVER_TEMPLATES_LAYER_H
#define WRN_SERVER_TEMPLATES_LAYER_H

#include <limits.h>
#include <stdbool.h>

typedef struct layer_fault {
    int error; /* ELOOP: nested too deeply; ENOBUFS: too many files with several names */
    char path[200];
} layer_fault;

enum { LAYERS_MAX = 3 };

/* What is done with which. The descriptors of directories stay the caller's. */
typedef struct layer_plan {
    int from, to;
    /* Those below `from`, from the top down; the last `kept` of them will be below `to` as well. */
    int below[LAYERS_MAX];
    int count, kept;
    const char *skip; /* an entry of `from` that is left out; may be NULL */
    bool root;        /* with owners */
} layer_plan;

/* Makes `to` hold what `from` on top of `to` would show: files with their holes, names, owners, modes, times and attributes;
 * what `from` deletes goes, and is hidden only where what stays below has it. A directory that `from` has moved brings along
 * what lies below it. Nothing is followed out of any of them. Blocks; not for two threads at once. 0, or -1 with the fault. */
int layer_apply(const layer_plan *plan, layer_fault *fault);

#endif
