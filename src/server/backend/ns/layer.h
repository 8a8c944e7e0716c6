/* Layers of an overlay, outside of any mount: bringing what one says over to another. */
#ifndef WRN_SERVER_NS_LAYER_H
#define WRN_SERVER_NS_LAYER_H

#include <limits.h>
#include <stdbool.h>

typedef struct layer_fault {
    int error; /* ELOOP: nested too deeply */
    char path[200];
} layer_fault;

/* Makes `to` hold what `from` on top of `to` would show above `base` (a directory below both, or -1): files with their
 * holes, names, owners (as `root`), modes, times and attributes; what `from` deletes goes, and is hidden only where `base`
 * has it. The entry `skip` of `from` is left out; it may be NULL. Nothing is followed out of either. The descriptors stay the
 * caller's. Blocks; not for two threads at once. 0, or -1 with the fault. */
int layer_apply(int from, int to, int base, const char *skip, bool root, layer_fault *fault);

#endif
