/* Applies one layer of an overlay to another, without mounting them. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef struct layer_fault {
    int error; /* ELOOP: nested too deeply; ENOBUFS: too many files with several names */
    char path[200];
} layer_fault;

enum { LAYERS_MAX = 3 };

/* The descriptors are of directories, and stay the caller's. */
typedef struct layer_plan {
    int from, to;
    /* The layers below `from`, from the top down; the last `kept` of them will also be below `to`. */
    int below[LAYERS_MAX];
    int count, kept;
    const char *skip; /* an entry of `from` that is left out; may be NULL */
    bool root;        /* with owners */
} layer_plan;

/* How many bytes are remembered of files with several names, the only thing that grows with the layer: enough for half a million, or
 * for 30,000 with the longest paths. A test lowers it. */
extern size_t layer_links_max;

/* Changes `to` to what an overlay of `from` on `to` shows: files with holes, hard links, owners, modes, times and
 * attributes. A file that `from` deletes is removed, and a whiteout stays only if a kept layer below has the file. A
 * directory that `from` has moved takes its lower content along. Links are not followed. Blocks; for one thread at a
 * time. 0, or -1 with the fault. */
int layer_apply(const layer_plan *plan, layer_fault *fault);
