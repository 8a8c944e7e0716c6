/* What the files of the namespaces backend share. Which file does what is in src/server/README.md.
 *
 * As root, each box has its own range of 65536 user ids, and its mount, pid, net, uts and ipc namespaces belong to the
 * initial user namespace, so that root inside can't change them even without seccomp. As an ordinary user, each box has
 * a user namespace that maps root inside to that user. */
#pragma once

#include <limits.h>
#include <linux/filter.h>
#include <sched.h>

#include "base/file.h"
#include "server/backend/cgroup.h"
#include "server/userns.h"

/* ---- link.c ---- */

struct spawn;
/* In the child, in its network namespace: makes eth0 and sends its other end over link_fd. */
void link_make(const struct spawn *s);
/* Whether these can be made here, in a process with namespaces of its own: 0, or the errno. */
int link_try_tap(void);
int link_try_veth(void);

/* ---- dial.c ---- */

/* Connections to ports of a box's loopback. They use no descriptors from the box, whose closing could block. */
typedef struct dial dial;
typedef struct dials {
    uv_loop_t *loop;
    int pidfd; /* of the box's process 1 */
    bool root;
    dial *first; /* the connections that are being made */
} dials;

/* The box is ending: those who wait get a fault. */
void dials_end(dials *all);

/* ---- seccomp.c ---- */

/* Compiles the filter for seccomp(2). 0, or -1 with a fault. The instructions are malloc'ed. */
int seccomp_program(struct sock_fprog *out, wrn_fault *fault);

/* ---- template.c ---- */

/* Gives the directory of the skeleton: the part of `minimal` that is not the host's /usr. */
void template_skeleton(const char *state_dir, char out[PATH_MAX]);
/* Makes the skeleton in `dir` unless it is there. */
int template_make_minimal(const char *dir, wrn_fault *fault);
/* Removes the skeletons of other versions, which no box may be using. */
void template_sweep(const char *skeleton);

/* ---- etc.c ---- */

/* Writes hostname and hosts to `etc`, the /etc of a box's own layer, and other files that a whole root file system
 * lacks. With a network, resolv.conf too. `root`: the tree of the template, or -1. 0, or -1 with errno. */
int etc_write(int etc, int root, bool is_whole, bool has_network, const char *hostname);
/* Writes the list of certificates that programs trust, with that one added (NULL: none), and without the one of another box. When nothing
 * changes there is no such file. 0, or -1 with errno. */
int etc_write_trusted(int etc, int root, bool is_whole, const char *authority);

/* ---- spawn.c ---- */

/* Makes two pipes, each pair is {to read from, to write to}. False with errno. */
bool channel_pipes(int ours[2], int theirs[2]);

/* What the child needs. It has a copy of locks that other threads held, so it may only make system calls. */
typedef struct spawn {
    bool root;
    uid_t uid, base; /* the daemon's; the first of the box's range */
    gid_t gid;
    int userns_fd, agent_fd, error_fd;
    int channel_fds[2]; /* to read from, to write to */
    int handover_fd;    /* -1: none */
    int link_fd;        /* takes the other end of eth0; -1: no network */
    bool ipv6;
    bool trusts;             /* an authority of its own */
    int meminfo_fd, stat_fd; /* opened by the child */
    int join_fds[HIERARCHIES], clone_fd;
    char hostname[WRN_BOX_ID_MAX + 1], template_name[129];
    struct sock_fprog filter;
    int64_t vcpus, memory_mb, pids_max;
    const char *cpuinfo; /* the backend's, as `filter` and `skeleton` are */
    size_t cpuinfo_size; /* 0: the box sees the host's */
    cgroup_shown shown[HIERARCHIES];
    char shm_options[48]; /* /dev/shm is memory, so it has a limit */
    bool on_host;
    bool has_programs;          /* of its team's own: see programs.c */
    char programs_of[PATH_MAX]; /* of the box to take them from; "": none has any yet */
    const char *skeleton;
    char box[PATH_MAX], tree[PATH_MAX], stage[PATH_MAX]; /* tree: "" for none */
} spawn;

/* What the child writes to error_fd before it gives up. */
typedef struct spawn_error {
    int error;
    char step[60];
} spawn_error;

/* How the steps that make the network begin. */
#define NETWORK_STEP "network: "

/* Returns the pid, and its pidfd in *pidfd; or -1 with errno. */
pid_t spawn_child(const spawn *s, int *pidfd);

/* ---- nursery.c ---- */

/* The process that makes boxes. Zero: it is started when it is needed. */
typedef struct nursery {
    pid_t pid; /* 0: none runs */
    int fd, agent_fd;
    spawn *order; /* memory shared with it */
} nursery;

/* Starts it. It keeps `agent_fd` and what the backend has in memory now. 0, or -1 with errno. */
int nursery_open(nursery *n, int agent_fd);
void nursery_close(nursery *n);
/* These block, for as long as the kernel is busy with those who fork: on any thread, but one at a time. */

/* As spawn_child(). */
pid_t nursery_spawn(nursery *n, const spawn *order, int *pidfd);
/* As userns_make(). */
int nursery_userns(nursery *n, uid_t base);

/* In the child: reports the step that failed, with errno, and exits. */
_Noreturn void spawn_fail(const spawn *s, const char *step);
void spawn_mount(const spawn *s, const char *what, const char *target, const char *type, unsigned long flags,
                 const char *data, const char *step);
/* In the child: writes a number in decimal and a NUL; returns the address of the NUL. */
char *spawn_decimal(char *out, int64_t value);

/* ---- programs.c ---- */

/* In the directory of a box. */
#define PROGRAMS "programs"

/* In the child: gives the box programs that only its team shares. What fails is the host's. */
void programs_make(const spawn *s);

/* ---- rootfs.c ---- */

/* In the child: builds the root file system and makes it /. */
void rootfs_enter(spawn *s);

/* ---- system_files.c ---- */

/* In the child, in the stage: makes /sys, replaces files of /proc, opens `meminfo_fd` and `stat_fd`. */
void system_files_make(spawn *s);
/* The size of the part of /proc/cpuinfo that describes the first `vcpus` processors; 0: unknown. */
size_t system_files_cpuinfo(const char *text, int64_t vcpus);

/* ---- probe.c ---- */

/* Checks what boxes can't do without. 0, or -1 with a fault that names the remedy. */
int probe_machine(bool root, const char *state_dir, wrn_fault *fault);
void ns_doctor(const wrn_backend_config *config, wrn_json *report);
