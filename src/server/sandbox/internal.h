/* What the files of sandbox/ share. */
#ifndef WRN_SERVER_SANDBOX_INTERNAL_H
#define WRN_SERVER_SANDBOX_INTERNAL_H

#include "server/sandbox/commands.h"
#include "server/sandbox/metrics.h"
#include "server/sandbox/sandboxes.h"
#include "server/sandbox/usage.h"
#include "server/sandbox/watch.h"

enum { WRN_BUCKETS = 1024 };

typedef struct change {
    struct change *next;
    wrn_event event;
    wrn_sandbox_done_fn done; /* NULL: nobody waits */
    void *context;
    wrn_snapshot_row *snapshot; /* that is to be made; `context` owns it */
} change;

typedef struct sandbox {
    wrn_sandboxes *all;
    struct sandbox *next; /* in its bucket */
    wrn_sandbox_row row;
    wrn_state state;
    wrn_box *box;
    bool busy, gone;
    change *changes, **last_change; /* the first one is in progress when busy */
    size_t change_count;
    wrn_sandbox_done_fn created;
    void *created_context;
    wrn_command *commands; /* that run */
    size_t foreground;     /* of them */
    int64_t active_ms;
    uv_timer_t idle;
    wrn_meter meter;
    int64_t added_up_ms; /* its usage up to then is written down; Unix time */
} sandbox;

struct wrn_sandboxes {
    wrn_sandboxes_config config;
    sandbox *buckets[WRN_BUCKETS];
    int64_t count, memory_mb;
    wrn_sampler sampler;
    wrn_watcher *watchers;
    bool stopping, leaving; /* leaving: to the next server what is left when its changes are done */
    size_t adopting;
    uv_timer_t patience; /* with those */
    bool awaiting;       /* until there are none, or it is over */
    void (*stopped)(void *context);
    void *stopped_context;
};

/* The one that lives; NULL when there is none. */
sandbox *wrn_sandbox_find(wrn_sandboxes *all, const char *id);
/* A snapshot waits its turn as any change does. The event's fault is set on false. */
bool wrn_sandbox_add_snapshot(sandbox *s, wrn_snapshot_row *row, wrn_sandbox_done_fn done, void *context,
                              wrn_fault *fault);
/* Ends the change under way, and starts the next one. */
void wrn_sandbox_end_change(sandbox *s, const wrn_fault *fault);
/* The snapshot of the frozen sandbox, whose turn it is. */
void wrn_snapshot_copy(sandbox *s, wrn_snapshot_row *row);
/* What a sandbox of that row is made from: brings its sizes in line. `id` is "" for a template of the platform. */
bool wrn_snapshot_apply(wrn_sandboxes *all, wrn_sandbox_row *row, char id[WRN_ID_SIZE], wrn_fault *fault);

/* The one that lives and can be used; NULL with a fault. */
sandbox *wrn_sandbox_usable(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_fault *fault);
/* A command that goes on from before; false when it is none of ours. */
bool wrn_command_adopt(sandbox *s, const wrn_detached *kept, wrn_proc_events *events);
/* Something used it. Does not write: the store's copy has whole seconds and is only for show. */
void wrn_sandbox_touch(sandbox *s);
void wrn_sandbox_touch_and_write(sandbox *s);

#endif
