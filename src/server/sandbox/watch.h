/* What happens to the sandboxes and snapshots of a team, told to who watches it. */
#ifndef WRN_SERVER_SANDBOX_WATCH_H
#define WRN_SERVER_SANDBOX_WATCH_H

#include "server/sandbox/sandboxes.h"

typedef struct wrn_news {
    const char *what;           /* a word of the API: "capsule.pause", "template.snapshot.delete", ... */
    const wrn_sandbox_row *row; /* whose; NULL for a snapshot */
    const char *team_id, *name; /* of a snapshot */
    const char *reason;         /* why, when nobody asked for it; or NULL */
    const wrn_fault *fault;     /* why it failed, or NULL */
} wrn_news;

/* The caller's; it stays where it is while it watches. */
typedef struct wrn_watcher {
    struct wrn_watcher *next;
    char team_id[WRN_ID_SIZE];
    /* May end the watching. */
    void (*tell)(struct wrn_watcher *watcher, const wrn_news *news);
} wrn_watcher;

void wrn_watch(wrn_sandboxes *all, wrn_watcher *watcher);
void wrn_unwatch(wrn_sandboxes *all, wrn_watcher *watcher);

/* For the files here. */
void wrn_watch_tell(wrn_sandboxes *all, const wrn_news *news);
/* The outcome of a change; `asked` is false when it came by itself. */
void wrn_watch_tell_change(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_event event, bool asked,
                           const wrn_fault *fault);

#endif
