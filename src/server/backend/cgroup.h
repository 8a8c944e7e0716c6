/* Control groups of boxes: limits, freezing, killing, leftovers. The same for every backend. */
#pragma once

#include <limits.h>

#include "server/backend/backend.h"

/* Limit on the tasks of a box. Small boxes, which have no memory for that many, get fewer. */
enum { PIDS_MAX = 4096, PIDS_MIN = 512, PIDS_PER_MB = 8 };
int64_t pids_max(const wrn_box_spec *spec);

/* ---- cgroup.c ---- */

typedef enum cgroup_kind { CGROUP_NONE, CGROUP_V1, CGROUP_V2 } cgroup_kind;
/* The last two are for programs that read v1 limits only if all of v1 is there. */
enum { HIER_V2, HIER_MEMORY, HIER_PIDS, HIER_CPU, HIER_FREEZER, HIER_CPUACCT, HIER_CPUSET, HIERARCHIES };

typedef struct cgroups {
    cgroup_kind limits;              /* what enforces memory, cpu and pids */
    char dir[HIERARCHIES][PATH_MAX]; /* this daemon's directory in each hierarchy; empty: none */
    char why[400];                   /* why there are no limits */
    int error;                       /* errno of the last attempt to set limits up */
    bool bars_restart;               /* systemd can't start the next daemon while there are sandboxes */
    char name[64];                   /* of each of these directories */
    int lock_fds[HIERARCHIES];       /* locks that mark the directories as in use; -1: none */
} cgroups;

/* Finds out what this machine has and makes the daemon's directories. Never fails: at worst there are no limits. */
void cgroups_open(cgroups *c, const char *parent, const char *name);
void cgroups_close(cgroups *c);
/* Kills and removes everything in this daemon's directories that belongs to no kept box. */
void cgroups_sweep(uv_loop_t *loop, const cgroups *c, const wrn_backend_state *state);
/* Does so in all directories of dead daemons, or reports them. */
void cgroups_sweep_dead(const wrn_backend_config *config, wrn_json *report);
bool cgroups_can_freeze(const cgroups *c);
/* Makes a box's directories and sets its limits. */
int cgroup_make(const cgroups *c, const wrn_box_spec *spec, wrn_fault *fault);
/* A descriptor for CLONE_INTO_CGROUP (v2), or -1. */
int cgroup_clone_fd(const cgroups *c, const char *id);
/* The files of v1 to which the child writes itself; -1 after the last. */
void cgroup_join_fds(const cgroups *c, const char *id, int fds[HIERARCHIES]);
/* wrn_backend_ops.helper_fds. */
void cgroup_helper_fds(const cgroups *c, const char *id, int fds[WRN_HELPER_FDS]);
/* A directory that the box sees as /sys/fs/cgroup/NAME, or as /sys/fs/cgroup if the name is empty. */
typedef struct cgroup_shown {
    char path[PATH_MAX];
    const char *name;
} cgroup_shown;
/* The box's own directories, never their parents. An empty path ends the list if it is not full. */
void cgroup_view(const cgroups *c, const char *id, cgroup_shown out[HIERARCHIES]);
void cgroup_threads(const cgroups *c, const char *id, void (*each)(void *context, pid_t thread), void *context);
/* Makes a group beside those of the boxes: wrn_backend_ops.make_helper_group. cgroup_remove() works too. */
int cgroup_make_helper(const cgroups *c, const char *name, int64_t memory_bytes, int *join_fd);
int cgroup_freeze(const cgroups *c, const char *id, bool freeze);
/* Whether all processes of the box have stopped. */
bool cgroup_is_frozen(const cgroups *c, const char *id);
void cgroup_stats(const cgroups *c, const char *id, wrn_box_stats *out);
/* What it has used of processors; -1: not known. */
int64_t cgroup_cpu_usec(const cgroups *c, const char *id);
/* How the processes of a box share processors with those of other boxes. CGROUP_LAST: they wait whenever others want to run.
 * No error on kernels that can't. */
typedef enum cgroup_rank { CGROUP_LAST, CGROUP_AMONG_OTHERS, CGROUP_FIRST } cgroup_rank;
void cgroup_set_rank(const cgroups *c, const char *id, cgroup_rank rank);
/* Counts the processes that the OOM killer has killed; 0 without limits. */
int64_t cgroup_oom_kills(const cgroups *c, const char *id);
/* False while the kernel still holds one of the directories. */
bool cgroup_remove(const cgroups *c, const char *id);
/* Removes what a dead box leaves: its groups as soon as the kernel lets go of them, then the tree at `dir`. Then calls
 * `done`, until when `c`, `id` and `dir` must stay. */
void cgroup_remove_box(uv_loop_t *loop, const cgroups *c, const char *id, const char *dir, wrn_done_fn done,
                       void *context);
/* Makes a new name for a daemon's directories. */
void cgroup_name(char *out, size_t size);
/* Calls `found` for each daemon's directory in each hierarchy. Nobody begins to use one that is not in use during the call. */
void cgroup_find(const char *parent, void (*found)(void *context, const char *path, bool in_use), void *context);

/* ---- delegation.c ---- */

/* Chooses where in cgroup v2 the daemon's directory goes. A place is a path below the mount point, "/" for the root.
 * `own`: the place of this process. `root`: it may write anywhere. */
void delegation_find(const char *mount, const char *own, bool root, char place[PATH_MAX]);
/* Enables the controllers for groups below the place. Moves this process to a group below if it is in the way (*moved).
 * 0, or -1 with errno. */
int delegation_enable(const char *mount, const char *own, const char *place, bool *moved);
/* After a move: whether systemd started this process, and can't start another one while there are sandboxes. */
bool delegation_bars_restart(const char *place);
/* Explains why there are no limits, and the remedy. */
void delegation_explain(int error, const char *mount, bool root, const char *place, char *out, size_t size);
