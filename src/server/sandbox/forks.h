/* Forks: copies of a running sandbox, which go on where it was. */
#pragma once

#include "server/sandbox/sandboxes.h"

enum { WRN_FORK_MAX = 32 };

typedef struct wrn_fork {
    size_t count;                       /* of copies, 1 to WRN_FORK_MAX */
    const char *metadata[WRN_FORK_MAX]; /* of each, as for the store; NULL: none */
    int64_t lifetime_sec;               /* of each, from now on; 0: as the sandbox's, which begins anew; less: none */
} wrn_fork;

/* `rows`: `count` running copies, or NULL with a fault; valid during the call only. */
typedef void (*wrn_fork_done_fn)(void *context, const wrn_sandbox_row *rows, size_t count, const wrn_fault *fault);

/* `of`: as read from the store, and running. All copies are made, or none is left when `done` is called. They have no lease. The
 * sandbox stands still while its memory and its disk are kept, and goes on whatever comes of the copies. */
void wrn_forks_make(wrn_sandboxes *all, const wrn_sandbox_row *of, const wrn_fork *how, wrn_fork_done_fn done,
                    void *context);
