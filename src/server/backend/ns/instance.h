/* The backend and its instances, for the files that see to them: ns.c, instance.c, freeze.c, measure.c and balance.c. */
#ifndef WRN_SERVER_NS_INSTANCE_H
#define WRN_SERVER_NS_INSTANCE_H

#include "server/backend/ns/internal.h"
#include "server/lane.h"

enum { MEMORY_MIN_MB = 32, RETRY_MS = 2, RETRIES = 2000 };

struct wrn_backend {
    wrn_backend_config config;
    bool root;
    char skeleton[PATH_MAX];
    int agent_fd, slots_fd;
    cgroups cgroups;
    cpus cpus;
    char *cpuinfo; /* the host's */
    struct sock_fprog filter;
    bool slot_used[SLOTS_MAX];
    int userns[SLOTS_MAX]; /* + 1; 0: not made yet. Kept for the next user of the slot */
    wrn_instance *to_walk; /* whose space on disk is to be measured; one at a time, the first one now */
    disk_walk *walk;
    wrn_instance *all;
    struct greed *greed; /* NULL: there is no box yet, or nothing to tell them apart by */
};

/* What it has used of late: see greed.c. */
typedef struct wrn_use {
    int64_t at_us, cpu_usec; /* 0: nothing is known yet */
    int64_t recent;          /* thousandths of a processor */
    bool is_judged, yields;
} wrn_use;

struct wrn_instance {
    wrn_backend *backend;
    wrn_instance *next; /* of all */
    char id[WRN_BOX_ID_MAX + 1], dir[PATH_MAX], tree[PATH_MAX];
    bool on_host;
    int slot, error_fd;
    int pidfd, handover_fd; /* the caller's */
    pid_t pid;
    int64_t vcpus;   /* 0: it is restored, and has them */
    cpu_set_t cpus;  /* none: all */
    bool is_counted; /* on these */
    int busy;        /* thousandths of a processor, before busy_us */
    int64_t busy_us, busy_cpu_usec;
    wrn_use use;
    bool frozen, ended;
    dials dials;
    uv_timer_t *timer; /* freezing, thawing and releasing: the next look */
    int tries, error;
    int64_t disk_bytes, disk_due_ms; /* as last measured; when to measure again */
    int64_t disk_cpu_usec;           /* used up to when it was measured */
    wrn_instance *next_to_walk;
    bool is_to_walk;
    wrn_done_fn done; /* of what the timer is for */
    void *done_context;
    wrn_written_fn saved;
    void *saved_context;
    wrn_job removal;
    bool files_stayed;
};

/* ---- instance.c ---- */

wrn_instance *ns_prepare(wrn_backend *backend, const wrn_box_spec *spec, const wrn_root *root, const char *dir,
                         wrn_fault *fault);
int ns_start(wrn_instance *it, const wrn_box_spec *spec, wrn_running *out, int channel[2], wrn_fault *fault);
wrn_instance *ns_restore(wrn_backend *backend, const char *id, const char *dir, const wrn_running *run);
int ns_connect(wrn_instance *it, const wrn_root *root, int channel[2], wrn_fault *fault);
void ns_started(wrn_instance *it);
void ns_kill(wrn_instance *it, wrn_fault *fault);
void ns_release(wrn_instance *it, wrn_done_fn done, void *context);

/* ---- freeze.c ---- */

bool ns_freeze(wrn_instance *it, wrn_done_fn done, void *context);
bool ns_thaw(wrn_instance *it, wrn_done_fn done, void *context);
void ns_save(wrn_instance *it, wrn_written_fn done, void *context);

/* ---- balance.c ---- */

/* Does it need its processors? What is paused does not. */
void instance_count(wrn_instance *it, bool needs_cpus);
/* With what it has used up to now: it is moved if it shares a processor that is full while another one is not. */
void instance_balance(wrn_instance *it, const wrn_box_stats *used);

/* ---- greed.c ---- */

/* From now on boxes that use much yield to those that use little. */
void greed_watch(wrn_backend *backend);
void greed_unwatch(wrn_backend *backend);

/* ---- measure.c ---- */

void ns_stats(wrn_instance *it, wrn_box_stats *out);
void instance_forget_walk(wrn_instance *it);

#endif
