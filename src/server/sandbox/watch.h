/* Notifies watchers of changes to the sandboxes and snapshots of a team. */
#pragma once

#include "server/sandbox/sandboxes.h"

typedef struct wrn_news {
    const char *what;           /* the event of the API: "capsule.pause", "template.snapshot.delete", ... */
    const wrn_sandbox_row *row; /* NULL for a snapshot */
    const char *team_id, *name; /* of a snapshot */
    const char *reason;         /* of a change by the server itself, else NULL */
    const wrn_fault *fault;     /* NULL on success */
} wrn_news;

/* Owned by the caller; must not move while it watches. */
typedef struct wrn_watcher {
    struct wrn_watcher *next;
    char team_id[WRN_ID_SIZE];
    /* May call wrn_unwatch(). */
    void (*tell)(struct wrn_watcher *watcher, const wrn_news *news);
} wrn_watcher;

void wrn_watch(wrn_sandboxes *all, wrn_watcher *watcher);
void wrn_unwatch(wrn_sandboxes *all, wrn_watcher *watcher);

/* Used in sandbox/ only. */
void wrn_watch_tell(wrn_sandboxes *all, const wrn_news *news);
/* Reports the outcome of a change; `reason`: as in wrn_news. */
void wrn_watch_tell_change(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_event event, const char *reason,
                           const wrn_fault *fault);
