/* Shared by the files of sandbox/. */
#pragma once

#include "server/sandbox/commands.h"
#include "server/sandbox/metrics.h"
#include "server/sandbox/pool.h"
#include "server/sandbox/sandboxes.h"
#include "server/sandbox/usage.h"
#include "server/sandbox/watch.h"

enum { WRN_BUCKETS = 1024 };

typedef struct change {
    struct change *next;
    wrn_event event;
    wrn_sandbox_done_fn done; /* NULL: the server asked for it */
    void *context;
    const char *reason;         /* as in wrn_news */
    wrn_snapshot_row *snapshot; /* to be made; owned by `context` */
    wrn_moment **moment;        /* where a fork puts it; owned likewise */
} change;

/* A command in the background that has ended. */
typedef struct ended_command {
    struct ended_command *next;
    uint32_t log;
    int64_t pid;
    char tag[WRN_TAG_MAX + 1];
} ended_command;

typedef struct sandbox {
    wrn_sandboxes *all;
    struct sandbox *next; /* in its bucket */
    wrn_sandbox_row row;
    wrn_state state;
    wrn_box *box; /* NULL while it is made or adopted */
    bool busy;    /* with the first of `changes`, or being made */
    bool gone;
    change *changes, **last_change;
    size_t change_count;
    wrn_sandbox_done_fn created;
    void *created_context;
    wrn_command *commands; /* that run */
    ended_command *ended;  /* whose output is kept, the last one first */
    size_t foreground;     /* how many of them are in the foreground */
    int64_t active_ms;
    uv_timer_t idle, end;
    size_t holders;    /* of its lease; its create is one */
    int64_t let_go_ms; /* when the last of them was gone */
    wrn_meter meter;
    int64_t usage_ms; /* usage is recorded up to this time; Unix time */
} sandbox;

struct wrn_sandboxes {
    wrn_sandboxes_config config;
    sandbox *buckets[WRN_BUCKETS];
    int64_t count, memory_mb;
    wrn_sampler sampler;
    wrn_watcher *watchers;
    bool stopping;
    bool leaving;    /* stopping, and sandboxes go to the next server once their changes are done */
    size_t adopting; /* how many are being adopted */
    uv_timer_t patience;
    bool awaiting; /* inside of wrn_sandboxes_await() */
    void (*stopped)(void *context);
    void *stopped_context;
    wrn_pool *pool;
    struct wrn_template_watch *templates; /* NULL: nothing watches them */
};

void wrn_unwatch_templates(wrn_sandboxes *all);

/* NULL when no such sandbox is alive. */
sandbox *wrn_sandbox_find(wrn_sandboxes *all, const char *id);
/* Queues a snapshot, like any change. False with a fault. */
bool wrn_sandbox_add_snapshot(sandbox *s, wrn_snapshot_row *row, wrn_sandbox_done_fn done, void *context,
                              wrn_fault *fault);
/* Queues a fork: the moment that copies go on from is kept. False with a fault. */
bool wrn_sandbox_add_fork(sandbox *s, wrn_moment **moment, wrn_sandbox_done_fn done, void *context, wrn_fault *fault);
/* Ends the change in progress and starts the next one. */
void wrn_sandbox_end_change(sandbox *s, const wrn_fault *fault);
/* Whether `count` more like that one can live here. */
bool wrn_sandbox_has_room(const wrn_sandboxes *all, const wrn_sandbox_row *asked, int64_t count, wrn_fault *fault);
/* Whether no other sandbox has the name among these labels. */
bool wrn_sandbox_is_name_free(wrn_sandboxes *all, const wrn_sandbox_row *row, const char *metadata, wrn_fault *fault);
/* Stores and counts a sandbox that is to be made; its box follows, or wrn_sandbox_made() with a fault, and then `done`. NULL with
 * a fault. */
sandbox *wrn_sandbox_add(wrn_sandboxes *all, const wrn_sandbox_row *asked, const char *metadata, const char *network,
                         wrn_sandbox_done_fn done, void *context, wrn_fault *fault);
void wrn_sandbox_make_box(sandbox *s, const wrn_box_spec *spec);
/* What it needs that has neither a network nor a snapshot. */
wrn_box_spec wrn_sandbox_spec(const wrn_sandbox_row *row);
/* Makes the box of a sandbox that has neither a snapshot nor an authority. */
void wrn_sandbox_make_plain(sandbox *s);
/* It gets a box of the pool, which runs. */
void wrn_sandbox_given(sandbox *s, wrn_box *box);
/* Tells that the server can end, once all that lives has ended. */
void wrn_sandbox_check_stopped(wrn_sandboxes *all);
void wrn_sandbox_made(void *context, wrn_box *box, const wrn_fault *fault);
/* Makes the snapshot of a frozen sandbox. */
void wrn_snapshot_copy(sandbox *s, wrn_snapshot_row *row);
/* Finds the template of a sandbox to be made and sets its sizes accordingly. `id`: of the snapshot; "" for a template of the
 * platform. */
bool wrn_snapshot_apply(wrn_sandboxes *all, wrn_sandbox_row *row, char id[WRN_ID_SIZE], wrn_fault *fault);

/* The living sandbox, if commands can run in it; NULL with a fault. */
sandbox *wrn_sandbox_usable(wrn_sandboxes *all, const wrn_sandbox_row *row, wrn_fault *fault);
/* Takes over a command of an earlier run; false when its label is malformed. */
bool wrn_command_adopt(sandbox *s, const wrn_detached *kept, wrn_proc_events *events);
/* The sandbox ends. */
void wrn_commands_forget(sandbox *s);
/* Restarts the idle timer. */
void wrn_sandbox_touch(sandbox *s);
/* The same, and stores the time, which is only for display. */
void wrn_sandbox_touch_and_write(sandbox *s);
void wrn_sandbox_db_fault(wrn_fault *fault);
