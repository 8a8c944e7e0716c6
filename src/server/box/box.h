/* Boxes, for the files that see to their life: ns.c, box.c, adopt.c, pause.c and measure.c. */
#ifndef WRN_SERVER_NS_BOX_H
#define WRN_SERVER_NS_BOX_H

#include "server/box/holder.h"
#include "server/backend/ns/internal.h"
#include "server/box/service.h"
#include "server/templates/snapshot.h"
#include "server/lane.h"

enum { MEMORY_MIN_MB = 32, CREATE_LIMIT_MS = 20000, RETRY_MS = 2, RETRIES = 2000, BOXES_MAX = 8192 };

struct wrn_backend {
    wrn_backend_config config;
    bool root;
    char boxes[PATH_MAX], skeleton[PATH_MAX];
    int agent_fd, lock_fd, slots_fd;
    cgroups cgroups;
    cpus cpus;
    char *cpuinfo; /* the host's */
    snapshots snapshots;
    struct sock_fprog filter;
    bool slot_used[BOXES_MAX];
    int userns[BOXES_MAX]; /* + 1; 0: not made yet. Kept for the next user of the slot */
    wrn_box *all;
    holder holder;
    uv_poll_t *holder_poll;   /* NULL: there is no holder */
    uv_timer_t *holder_timer; /* until the next one is started */
    int64_t holder_ms;        /* when it was started */
    held_box *orphans;        /* of an earlier daemon, not adopted yet */
    size_t orphan_count;
    bool has_left;    /* boxes to the next daemon */
    wrn_box *to_walk; /* whose space on disk is to be measured; one at a time, the first one now */
    disk_walk *walk;
};

typedef enum phase { CREATING, LIVE, DIED, DESTROYING } phase;

struct wrn_box {
    wrn_backend *backend;
    wrn_box *next; /* of all */
    char id[ID_MAX + 1], dir[PATH_MAX];
    source source;
    service *service;
    held *held; /* the snapshot it was made from */
    snapshot_copy *copy;
    wrn_snapshot_fn copied;
    void *copied_context;
    phase phase;
    int slot, pidfd, error_fd;
    int handover_fd; /* a new channel for its agent goes through it; -1: it ends with this daemon */
    pid_t pid;
    int64_t vcpus;   /* 0: it is adopted, and has them */
    cpu_set_t cpus;  /* none: all */
    bool is_counted; /* on these */
    int busy;        /* thousandths of a processor, before busy_us */
    int64_t busy_us, busy_cpu_usec;
    bool reaped, frozen;
    bool left;     /* to the next daemon */
    bool greeted;  /* the agent has spoken to this daemon */
    bool to_pause; /* as soon as it has */
    wrn_agent *agent;
    dials dials;
    uv_poll_t exit_poll;
    uv_timer_t timer; /* creating: its limit; destroying and freezing: the next look */
    int tries, handles;
    int64_t disk_bytes, disk_due_ms; /* as last measured; when to measure again */
    int64_t disk_cpu_usec;           /* used up to when it was measured */
    wrn_box *next_to_walk;
    bool is_to_walk;
    wrn_kept_fn kept;
    wrn_done_fn died;
    wrn_box_fn created; /* or adopted */
    void *context;
    wrn_done_fn done; /* of destroy or freeze */
    void *done_context;
    wrn_job removal;
    char removal_problem[200];
};

/* ---- box.c ---- */

void ns_create(wrn_backend *backend, const wrn_box_spec *spec, wrn_done_fn died, wrn_box_fn done, void *context);
void ns_destroy(wrn_box *box, wrn_done_fn done, void *context);

/* An empty one. */
wrn_box *box_new(wrn_backend *backend, const char *id, wrn_done_fn died, wrn_box_fn created, void *context);
/* Once it has a process: from then on only box_fail() and ns_destroy() end it. */
void box_watch(wrn_box *box);
/* Takes it apart, then says why there is none. */
void box_fail(wrn_box *box, const wrn_fault *fault);
/* Says later why there is none. */
void box_refuse(const wrn_backend *backend, wrn_box_fn created, void *context, const wrn_fault *fault);
/* Its agent does not answer in time. */
void box_limit(uv_timer_t *timer);
/* What its agent says. */
void box_agent_ready(void *context);
void box_agent_lost(void *context, const char *why);
int64_t box_oom_kills(void *context);
/* Frees it, its process untouched. */
void box_close(wrn_box *box);

/* ---- adopt.c ---- */

void ns_adopt(wrn_backend *backend, const wrn_box_spec *spec, bool frozen, wrn_kept_fn kept, wrn_done_fn died,
              wrn_box_fn done, void *context);
void ns_end_adoption(wrn_backend *backend);
void ns_leave(wrn_box *box, wrn_done_fn done, void *context);
/* 0, or -1 with errno. */
int boxes_start_holder(wrn_backend *backend);
/* For one that `holder_find` has found. */
void boxes_watch_holder(wrn_backend *backend);
void boxes_stop_holder(wrn_backend *backend);
/* What the holder shall know. */
void box_hold(wrn_box *box);
void box_drop(wrn_box *box);

/* ---- pause.c ---- */

void ns_freeze(wrn_box *box, wrn_done_fn done, void *context);
void ns_thaw(wrn_box *box, wrn_done_fn done, void *context);
/* Ends a freeze or thaw that is under way. */
void box_freeze_done(wrn_box *box, const wrn_fault *fault);
/* Looks until the kernel says that all is frozen. */
void box_await_frozen(wrn_box *box, wrn_done_fn done, void *context);

/* ---- balance.c ---- */

/* Does it need its processors? What is paused does not. */
void box_count(wrn_box *box, bool needs_cpus);
/* With what it has used up to now: it is moved if it shares a processor that is full while another one is not. */
void box_balance(wrn_box *box, const wrn_box_stats *used);

/* ---- measure.c ---- */

void ns_stats(wrn_box *box, wrn_box_stats *out);
void box_forget_walk(wrn_box *box);

#endif
