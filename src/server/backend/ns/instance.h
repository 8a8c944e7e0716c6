/* The backend and its instances: one for each box. */
#pragma once

#include "server/backend/ns/internal.h"
#include "server/lane.h"

enum { MEMORY_MIN_MB = 32, RETRY_MS = 2, RETRIES = 2000 };

/* The processors of this daemon, and what boxes do on them. */
typedef struct cpus {
    cpu_set_t own;
    int count;             /* of `own`; 0: unknown */
    int load[CPU_SETSIZE]; /* the boxes placed on each */
    int busy[CPU_SETSIZE]; /* what these use of it, in thousandths */
} cpus;

typedef struct team team; /* of greed.c */

struct wrn_backend {
    wrn_backend_config config;
    bool root;
    char skeleton[PATH_MAX];
    int agent_fd, slots_fd;
    nursery nursery;
    cgroups cgroups;
    cpus cpus;
    char *cpuinfo; /* the host's */
    struct sock_fprog filter;
    bool slot_used[SLOTS_MAX];
    int userns[SLOTS_MAX];    /* + 1; 0: not made yet. Kept for the next user of the slot */
    wrn_instance *to_measure; /* those whose disk space is to be measured; the first is being measured */
    struct disk_walk *walk;
    wrn_instance *all;
    team *teams;       /* those that have boxes */
    uv_timer_t *greed; /* of greed.c; NULL: no box was started yet, or there are no limits */
};

/* What it has used of late: see greed.c. */
typedef struct wrn_use {
    int64_t at_us, cpu_usec; /* 0: nothing is known yet */
    int64_t recent;          /* thousandths of a processor */
    bool is_known, is_judged;
    cgroup_rank rank;
} wrn_use;

struct wrn_instance {
    wrn_backend *backend;
    wrn_instance *next; /* of all */
    char id[WRN_BOX_ID_MAX + 1], dir[PATH_MAX], tree[PATH_MAX];
    bool on_host;
    int slot, error_fd;
    int pidfd, handover_fd; /* the caller's */
    pid_t pid;
    int64_t vcpus;   /* 0: it was restored, and is placed already */
    cpu_set_t cpus;  /* where it is placed; empty: on all */
    bool is_counted; /* there */
    int busy;        /* thousandths of a processor, up to busy_us */
    int64_t busy_us, busy_cpu_usec;
    wrn_use use;
    team *team;        /* NULL: a restored box that is not connected yet */
    bool has_programs; /* which others of its team can take */
    bool frozen, ended;
    dials dials;
    uv_timer_t timer; /* the next attempt to freeze or thaw */
    int tries, error;
    int64_t disk_bytes, disk_due_ms; /* the last measurement; when the next one is due */
    int64_t disk_cpu_usec;           /* processor time used before the last measurement */
    wrn_instance *next_to_measure;
    bool is_to_measure;
    wrn_done_fn done; /* of what the timer is for */
    void *done_context;
    wrn_saved_fn saved;
    void *saved_context;
};

/* ---- instance.c ---- */

bool ns_make_root(const wrn_box_spec *spec, const wrn_root *root, const char *dir, wrn_fault *fault);
wrn_instance *ns_prepare(wrn_backend *backend, const wrn_box_spec *spec, const char *dir, wrn_fault *fault);
void ns_start(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_start_fn done, void *context);
wrn_instance *ns_restore(wrn_backend *backend, const char *id, const char *dir, const wrn_running *run);
int ns_connect(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, int channel[2], wrn_fault *fault);
void ns_started(wrn_instance *it);
void ns_kill(wrn_instance *it, wrn_fault *fault);
void ns_release(wrn_instance *it, wrn_done_fn done, void *context);

/* ---- freeze.c ---- */

bool ns_freeze(wrn_instance *it, wrn_done_fn done, void *context);
bool ns_thaw(wrn_instance *it, wrn_done_fn done, void *context);
void ns_save(wrn_instance *it, const char *target, wrn_saved_fn done, void *context);

/* ---- balance.c ---- */

void cpus_open(cpus *c);
/* Places a new box on the least loaded processors. */
void instance_place(wrn_instance *it);
/* Counts the box among those that use its processors, or not: a paused box does not. */
void instance_count(wrn_instance *it, bool needs_cpus);
/* Moves the box if it shares a full processor while another one is not full. `used`: what it has used up to now. */
void instance_balance(wrn_instance *it, const wrn_box_stats *used);

/* ---- greed.c ---- */

/* Counts a box among those of its owner (wrn_box_spec). */
team *team_join(wrn_backend *backend, const char *owner);
void team_leave(wrn_backend *backend, team *t);
bool teams_are_many(const wrn_backend *backend);
/* From now on boxes that use much yield to those that use little. */
void greed_watch(wrn_backend *backend);
void greed_unwatch(wrn_backend *backend);

/* ---- probe.c, dial.c ---- */

wrn_json *ns_probe(const wrn_backend *backend);
void ns_dial(wrn_instance *it, uint16_t port, wrn_dial_fn done, void *context);

/* ---- measure.c ---- */

void ns_stats(wrn_instance *it, wrn_box_stats *out);
/* The box's disk space is not measured any more. */
void instance_stop_measuring(wrn_instance *it);
