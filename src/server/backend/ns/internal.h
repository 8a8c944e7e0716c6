/* The namespaces backend, inside. Which file does what is in src/server/README.md.
 *
 * Two ways to make a sandbox. As root: every sandbox has a range of 65536 user ids of its own; its mount, pid, net, uts and
 * ipc namespaces belong to the initial user namespace, so that root inside can't change them even before seccomp. As an
 * ordinary user: one user namespace that maps root inside to the user. */
#ifndef WRN_SERVER_BACKEND_NS_INTERNAL_H
#define WRN_SERVER_BACKEND_NS_INTERNAL_H

#include <limits.h>
#include <linux/filter.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/auto.h"
#include "server/backend/backend.h"
#include "server/userns.h"

/* Tasks of a sandbox: fewer in a small one, which would have no memory for more. */
enum { PIDS_MAX = 4096, PIDS_MIN = 512, PIDS_PER_MB = 8 };
int64_t pids_max(const wrn_box_spec *spec);

/* ---- cgroup.c ---- */

typedef enum cgroup_kind { CGROUP_NONE, CGROUP_V1, CGROUP_V2 } cgroup_kind;
/* The last two are for programs that want to see all of v1 before they believe any of it. */
enum { HIER_V2, HIER_MEMORY, HIER_PIDS, HIER_CPU, HIER_FREEZER, HIER_CPUACCT, HIER_CPUSET, HIERARCHIES };

typedef struct cgroups {
    cgroup_kind limits;              /* what enforces memory, cpu and pids */
    char dir[HIERARCHIES][PATH_MAX]; /* this daemon's directory in each hierarchy; empty: none */
    char why[400];                   /* why there are no limits */
    int error;                       /* of what was tried for them */
    bool bars_restart;               /* as long as there are sandboxes, systemd can't start the next daemon */
    char name[64];                   /* of all these directories */
    int lock_fds[HIERARCHIES];       /* say, as long as somebody has them, that the directories are in use; -1: none */
} cgroups;

/* Finds out what can be used and makes this daemon's directories. Never fails: at worst there are no limits. */
void cgroups_open(cgroups *c, const char *parent, const char *name);
void cgroups_close(cgroups *c);
/* Kills and removes what is in this daemon's directories and belongs to no box that is kept. */
void cgroups_sweep(uv_loop_t *loop, const cgroups *c, const wrn_keepsake *kept);
/* The same with all directories of daemons that are gone, or a report of them. */
void cgroups_sweep_dead(const wrn_backend_config *config, wrn_json *report);
bool cgroups_can_freeze(const cgroups *c);
/* Makes a sandbox's directories with its limits. */
int cgroup_make(const cgroups *c, const wrn_box_spec *spec, wrn_fault *fault);
/* A descriptor for CLONE_INTO_CGROUP (v2), or -1; and the v1 files into which the child writes itself, -1 at the end. */
int cgroup_clone_fd(const cgroups *c, const char *id);
void cgroup_join_fds(const cgroups *c, const char *id, int fds[HIERARCHIES]);
/* A directory that the sandbox may see, as NAME in its /sys/fs/cgroup; "": as all of it. */
typedef struct cgroup_shown {
    char path[PATH_MAX];
    const char *name;
} cgroup_shown;
/* Its own ones, and none above them: of a hierarchy in which it has none, nothing. "" at the end, if it is not full. */
void cgroup_view(const cgroups *c, const char *id, cgroup_shown out[HIERARCHIES]);
void cgroup_threads(const cgroups *c, const char *id, void (*each)(void *context, pid_t thread), void *context);
/* Makes a group beside those of the sandboxes, for work that is done for one of them: all in it, with the files that the
 * kernel keeps in memory for it, has so much memory. Who is to be in it writes "0" to *join_fd; -1 where there are no limits.
 * 0, or -1 with errno. cgroup_remove() and cgroup_oom_kills() are for it too. */
int cgroup_make_bounded(const cgroups *c, const char *name, int64_t memory_bytes, int *join_fd);
int cgroup_freeze(const cgroups *c, const char *id, bool freeze);
/* True once the kernel says that all is frozen. */
bool cgroup_is_frozen(const cgroups *c, const char *id);
void cgroup_stats(const cgroups *c, const char *id, wrn_box_stats *out);
/* What it has used of processors; -1: not known. */
int64_t cgroup_cpu_usec(const cgroups *c, const char *id);
/* Its processes wait whenever those of a sandbox that does not yield want to run. No error on kernels that can't. */
void cgroup_yield(const cgroups *c, const char *id, bool yields);
/* How many of its processes were killed for want of memory; 0 where there are no limits. */
int64_t cgroup_oom_kills(const cgroups *c, const char *id);
/* False while the kernel still holds one of them. */
bool cgroup_remove(const cgroups *c, const char *id);
/* A new name for a daemon's directories. */
void cgroup_name(char *out, size_t size);
/* Calls `found` for each directory, in any hierarchy, of a daemon; `pid` is who made it. */
void cgroup_find(const char *parent, void (*found)(void *context, const char *path, pid_t pid, bool in_use),
                 void *context);
/* Kills what is in such a directory and below, and removes it all. True when it is gone. */
bool cgroup_wipe(const char *path);
/* The same without waiting for the dead to leave it. */
bool cgroup_wipe_now(const char *path);

/* ---- cpus.c ---- */

typedef struct cpus {
    cpu_set_t own; /* of this daemon */
    int count;     /* of these; 0: unknown */
    int load[CPU_SETSIZE], busy[CPU_SETSIZE];
} cpus;

void cpus_open(cpus *c);
/* The `vcpus` that the fewest boxes count on; false, and none, when it may run on all there are. */
bool cpus_choose(const cpus *c, int64_t vcpus, cpu_set_t *out);
/* So many more boxes count on each of the set, and use so many more parts in a thousand of all of it. */
void cpus_count(cpus *c, const cpu_set_t *set, int boxes, int busy);
/* Is one that uses so much of these better off on another one? Then `out` has that in the place of one of the set. */
bool cpus_move(const cpus *c, const cpu_set_t *set, int busy, cpu_set_t *out);

/* ---- dial.c ---- */

/* Connections to what listens on a sandbox's loopback, made from outside: nothing of the sandbox's has a part in making them,
 * and no descriptor of its comes here, which could hold the daemon up. */
typedef struct dial dial;
typedef struct dials {
    uv_loop_t *loop;
    int pidfd; /* of the sandbox's process 1 */
    bool root;
    dial *first; /* of those that are being made */
} dials;

void dial_start(dials *all, uint16_t port, wrn_dial_fn done, void *context);
/* The sandbox is going: whoever waits gets a fault. */
void dials_end(dials *all);

/* ---- disk.c ---- */

typedef struct disk_walk disk_walk;
typedef void (*disk_walk_fn)(void *context, int64_t bytes, int64_t took_ms); /* -1 bytes: unknown */

/* Adds up the disk space of a box's writable layers on the worker pool. `done` comes from the loop. NULL: it can't. */
disk_walk *disk_walk_start(uv_loop_t *loop, const char *box_dir, disk_walk_fn done, void *context);
/* Its `done` is not called any more. */
void disk_walk_stop(disk_walk *walk);

/* ---- seccomp.c ---- */

/* The filter as a program for seccomp(2); 0, or -1 with a fault. The instructions are malloc'ed. */
int seccomp_program(struct sock_fprog *out, wrn_fault *fault);

/* ---- template.c ---- */

/* Where the private part of `minimal` is: what boxes have above the host's /usr. */
void template_skeleton(const char *state_dir, char out[PATH_MAX]);
/* Makes it in `dir`, which is that, unless it is there. */
int template_make_minimal(const char *dir, wrn_fault *fault);
/* Removes those of earlier releases, which no box may be using. */
void template_sweep(const char *skeleton);
int copy_file(const char *from, const char *to);

/* ---- etc.c ---- */

/* Writes hostname and hosts, and what a root file system lacks of the rest, to the directory `etc` of a box's own layer.
 * `root`: the tree that the box is made from, or -1; `is_whole`: it is all there is. 0, or -1 with errno. */
int etc_write(int etc, int root, bool is_whole, const char *hostname);

/* ---- spawn.c ---- */

/* Our ends of the two pipes to an agent, and the agent's: to read from, to write to. False with errno. */
bool channel_pipes(int ours[2], int theirs[2]);

/* Everything the child needs, computed before it is made: it shares locks with threads that do not exist in it, so it may
 * call the kernel and nothing else. */
typedef struct spawn {
    bool root;
    uid_t uid, base; /* the daemon's; first of the sandbox's range */
    gid_t gid;
    int userns_fd, agent_fd, error_fd;
    int channel_fds[2];      /* to read from, to write to */
    int handover_fd;         /* -1: none */
    int meminfo_fd, stat_fd; /* the child's own */
    int join_fds[HIERARCHIES], clone_fd;
    const char *hostname;
    char *const *env;
    struct sock_fprog filter;
    int64_t vcpus, memory_mb, pids_max;
    const char *cpuinfo;
    size_t cpuinfo_size; /* 0: it stays as it is */
    cgroup_shown shown[HIERARCHIES];
    char shm_options[48]; /* /dev/shm is memory, so it has a limit */
    bool on_host, has_tree;
    char stage[PATH_MAX], skeleton[PATH_MAX], box[PATH_MAX], usr[PATH_MAX], tree[PATH_MAX];
} spawn;

/* What the child says through error_fd before it gives up. */
typedef struct spawn_error {
    int error;
    char step[60];
} spawn_error;

/* The pid with *pidfd, or -1 with errno. */
pid_t spawn_child(const spawn *s, int *pidfd);

/* For the child: says which step failed and ends. */
_Noreturn void spawn_fail(const spawn *s, const char *step);

/* ---- rootfs.c ---- */

/* In the child: builds the root file system and makes it /. Ends the child on failure. */
void rootfs_enter(spawn *s);

/* ---- given.c ---- */

/* In the child, in the stage: /sys, and what is put over files of /proc. Opens `meminfo_fd` and `stat_fd`. */
void given_make(spawn *s);
/* How much of /proc/cpuinfo is about the first `vcpus`; 0: that can't be told. */
size_t given_cpuinfo(const char *text, int64_t vcpus);

/* ---- probe.c ---- */

/* Of one thing that sandboxes need. */
typedef struct finding {
    bool ok;
    char detail[300];
    char fix[300]; /* when it is not ok */
} finding;

wrn_json *probe_isolation(bool root, const cgroups *c);
finding probe_namespaces(bool root);
finding probe_overlay(bool root);
/* Can sandboxes be kept in that directory, which may not be there yet? */
finding probe_place(bool root, const char *state_dir);
/* All of these. 0, or -1 with a fault that names the remedy. */
int probe_machine(bool root, const char *state_dir, wrn_fault *fault);
/* Can the template `minimal` be made from it? */
finding probe_usr(bool root);

/* ---- doctor.c ---- */

void ns_doctor(const wrn_backend_config *config, wrn_json *report);

#endif
