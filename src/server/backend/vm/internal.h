/* What the files of the virtual machines backend share. Which file does what is in src/server/README.md.
 *
 * Each box is a process wrenn-vm (jail.c), which confines QEMU and ends it when wrennd closes its socket. In the machine
 * wrenn-boot puts the root together from two disks, and executes the agent, whose channel is a port of the machine. What comes
 * from the agent, and from QEMU, is hostile. */
#pragma once

#include <limits.h>

#include "base/buf.h"
#include "base/file.h"
#include "server/backend/cgroup.h"
#include "server/lane.h"
#include "server/userns.h"
#include "wire/frame.h"

/* MEMORY_MIN_MB: of a machine. OVERHEAD_MB: QEMU's own, beside that. DISK_MB: of a box's own disk, if it asks for none. */
enum { MEMORY_MIN_MB = 256, OVERHEAD_MB = 192, DISK_MB = 8192, VCPUS_MAX = 16 };

/* As QEMU names it. */
#define VM_EMULATED_CPU "max,-la57"

/* What `wrennd vm setup` has made: the directory that the link `current` in the vm directory leads to. */
#define VM_CURRENT "current"
#define VM_ROOT "root"              /* QEMU, its libraries and the kernel: all that QEMU sees */
#define VM_MODULES "modules"        /* of the kernel; `order` has their names */
#define VM_IMAGE "minimal.squashfs" /* the root of `minimal` */
#define VM_VERSIONS "versions"      /* of QEMU and of the kernel, and hashes, one a line */
#define VM_NEEDED "needed"          /* links to the snapshots that need the setup; those that lead nowhere are gone */

#define VM_STATE "state" /* of a machine or a snapshot: what is in the memory */

/* Numbers of descriptors that wrenn-vm gets. Those of groups to join follow the last one. */
enum {
    FD_LIFELINE = 3,
    FD_ERRORS,
    FD_AGENT,
    FD_MONITOR,
    FD_IMAGE,
    FD_DISK,
    FD_INITRAMFS,
    FD_RAM,
    FD_LINK,
    FD_LAYER,
    FD_LOCK,    /* of the setup, which stays as long as the machine */
    FD_COMMAND, /* wrennd's end of the monitor, for the next wrennd */
    FD_GROUPS
};

/* What wrenn-vm is told over the lifeline, with one byte each. */
enum {
    SAY_HIBERNATE = 'h', /* end QEMU, and stay */
    SAY_WAKE = 'w',      /* start it again, with the descriptors that come along as its monitor, and as FD_COMMAND */
    SAY_GOES_ON = 'g',   /* the machine runs: if QEMU ends it is over */
    /* From another wrennd, with QEMU's new end of the agent's channel. The answer is SAY_GOES_ON with FD_COMMAND, or SAY_HIBERNATE. */
    SAY_ADOPT = 'a',
    SAY_SHOW = 's' /* the answer is the same with QEMU's end of the agent's channel */
};

/* What a machine needs of a setup, which stays meanwhile. */
typedef struct setup {
    char dir[PATH_MAX]; /* without links */
    int lock_fd, image_fd;
    char qemu[64], kernel[128];   /* versions */
    char programs[80], image[80]; /* hashes; "": an older version made the setup */
    int holders;
} setup;

typedef struct monitor monitor;
typedef struct warms warms; /* machines that were started once, for copies */
typedef struct moment_job moment_job;

/* What copies of a machine go on from. */
typedef struct moment {
    wrn_moment base; /* first: a wrn_moment is cast to its `moment` */
    wrn_job end;
    uv_loop_t *loop;
    int ram; /* shared by the copies; -1: it is in the state, of a machine that was a sandbox */
    int disk, state;
    int image, layer; /* as of the machine */
    int holders;
    bool failed; /* a copy did not start */
} moment;

struct wrn_backend {
    wrn_backend_config config;
    bool root, kvm;
    setup *setup;             /* of new machines */
    char jail_path[PATH_MAX]; /* of wrenn-vm */
    char why_no_kvm[128];
    char cpu[128]; /* what runs machines, for those that go on elsewhere */
    int initramfs_fd, slots_fd;
    bool slot_used[SLOTS_MAX];
    int64_t tsc_khz; /* 0: unknown */
    cgroups cgroups;
    warms *warms;
};

struct wrn_instance {
    wrn_backend *backend;
    setup *setup;
    char id[WRN_BOX_ID_MAX + 1], dir[PATH_MAX], template_name[129];
    int64_t vcpus, memory_mb, disk_mb;
    int slot;
    int pidfd;              /* the caller's */
    bool adopted;           /* from another wrennd; its agent does not know yet */
    int channel_fd;         /* our end of the channel to that agent; -1 unless it is adopted */
    int tries;              /* to reach it */
    uint32_t resume_number; /* of the RESUME that its agent has to answer */
    int disk_fd, ram_fd;
    int image_fd;         /* its root: of `minimal`, or the template's */
    int layer_fd;         /* of the template, above that of `minimal`; -1: none */
    bool is_warm_up;      /* copies are made of it */
    bool is_spare;        /* nobody waits for it */
    bool is_minimal;      /* the root is `minimal`, perhaps with a layer */
    moment *from;         /* what it is a copy of; NULL: it boots */
    int lifeline, errors; /* -1: not started, or over */
    monitor *monitor;     /* NULL likewise */
    bool has_network;     /* an interface; a copy may have nothing behind it */
    bool has_ipv6;        /* that interface, unless it goes on from something else */
    wrn_job closing;      /* of its files */
    wrn_done_fn done;     /* of release */
    void *done_context;
    moment_job *job;  /* what is done for it; NULL: nothing */
    moment *keeping;  /* what is being kept of it; NULL: nothing */
    uv_timer_t timer; /* how long that may take */
    wrn_moment_fn kept;
    void *kept_context;
    bool is_saved;       /* the file `state` in `dir` has the memory of the stopped machine */
    bool hibernates;     /* there is no QEMU */
    wrn_done_fn changed; /* of hibernate and thaw; NULL: neither is under way */
    void *changed_context;
    wrn_fault trouble; /* why it will have failed */
    wrn_saved_fn saved;
    void *saved_context;
};

/* ---- vm.c ---- */

/* Perhaps later: see warms_free(). */
void vm_close(wrn_backend *backend);

/* ---- instance.c ---- */

bool vm_make_root(const wrn_box_spec *spec, const wrn_root *root, const char *dir, wrn_fault *fault);
wrn_instance *vm_prepare(wrn_backend *backend, const wrn_box_spec *spec, const char *dir, wrn_fault *fault);
/* For a machine that copies are made of. */
wrn_instance *vm_prepare_warm_up(wrn_backend *backend, const wrn_box_spec *spec, const char *dir, wrn_fault *fault);
/* Owned by the caller: the descriptors in `out` and `channel`, as of wrn_start_fn. 0, or -1 with a fault. */
int vm_start(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_running *out, int channel[2],
             wrn_fault *fault);
void vm_start_box(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_start_fn done, void *context);
void vm_kill(wrn_instance *it, wrn_fault *fault);
void vm_release(wrn_instance *it, wrn_done_fn done, void *context);
wrn_instance *instance_new(wrn_backend *backend, const char *id, const char *dir);
/* What the machine writes to. -1 with errno. */
int open_disk(const char *dir, int flags);
/* Both ends of the agent's channel: ours does not block. False with errno. */
bool make_agent_channel(int ends[2]);

/* ---- adopted.c ---- */

wrn_instance *vm_restore(wrn_backend *backend, const char *id, const char *dir, const wrn_running *run);
int vm_connect(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, int channel[2], wrn_fault *fault);
/* The machine of another wrennd runs: lets its agent know who is there now. `connected`: QEMU has its end of the channel. */
void adopted_reach(wrn_instance *it, bool connected);
/* The agent has answered. */
void adopted_end(wrn_instance *it);

/* ---- machine.c ---- */

enum { MACHINE_ARGS = 160 };
typedef struct machine {
    char text[8192]; /* of the arguments */
    size_t used;
    char *argv[MACHINE_ARGS + 1];
    size_t count;
} machine;
/* The command line of wrenn-vm for a box, with those of QEMU. */
void machine_describe(const wrn_instance *it, machine *out);

/* ---- warm.c ---- */

warms *warms_new(wrn_backend *backend);
/* False: what the last one left is still being removed, and vm_close() is called again afterwards. `all` may be NULL. */
bool warms_free(warms *all);
/* What this machine can be a copy of, held for it; NULL: there is none yet, but soon there will be. */
moment *warm_hold(warms *all, const wrn_instance *it, const wrn_root *root);

/* ---- moment.c ---- */

/* For its caller to fill in, who holds it. */
moment *moment_new(const wrn_instance *of);
moment *moment_hold(moment *m);
/* `m` may be NULL. */
void moment_release(moment *m);
/* Sends the agent a frame; `payload` may be NULL. `channel` is our end. */
bool moment_say(int channel, uint32_t stream, wrn_frame_type type, const wrn_buf *payload);
/* Lets a copy that was started go on from its moment, but with a disk and names of its own; or ends it. */
void moment_wake(wrn_instance *it, int channel);
/* Keeps the machine's memory and its disk in files without names; or its memory alone in VM_STATE of its directory. */
void moment_keep(wrn_instance *it, bool with_disk, wrn_moment_fn done, void *context);
void vm_keep_moment(wrn_instance *it, wrn_moment_fn done, void *context);
/* The machine ends: forgets what is under way. */
void moment_forget(wrn_instance *it);

/* Whether the descriptors are of one file, or neither is any. */
bool is_same_file(int one, int other);

/* ---- saved.c ---- */

void vm_save(wrn_instance *it, const char *target, wrn_saved_fn done, void *context);
/* The machine goes on: what was saved is not what it is any more. */
void saved_drop(wrn_instance *it);
/* Makes the instance a copy of what the snapshot has. -1 with a fault. */
int saved_open(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_fault *fault);
/* Whether a snapshot needs the setup in that directory. */
bool saved_needs(const char *setup_dir);
/* The size of its disk; of a snapshot that has a moment. */
int64_t saved_disk_mb(const wrn_root *root);

/* ---- hibernate.c ---- */

bool vm_freeze(wrn_instance *it, wrn_done_fn done, void *context);
bool vm_thaw(wrn_instance *it, wrn_done_fn done, void *context);
void vm_hibernate(wrn_instance *it, wrn_done_fn done, void *context);

/* ---- initramfs.c ---- */

/* Makes the initramfs in a sealed file in memory: wrenn-boot, the agent, the modules of the setup, and what `minimal` has
 * beyond its image. -1 with a fault. */
int initramfs_make(const wrn_backend_config *config, const char *setup_dir, wrn_fault *fault);

/* ---- monitor.c ---- */

/* QMP over a socket, which it takes over. */
monitor *monitor_open(uv_loop_t *loop, int fd);
/* The same, of another wrennd, whose answers may still come. */
monitor *monitor_adopt(uv_loop_t *loop, int fd);
/* Connects the agent's port to a socket; -1: to nothing. */
void monitor_connect(uv_loop_t *loop, monitor *m, int fd, wrn_done_fn done, void *context);
/* Drops what is under way without an answer. */
void monitor_close(monitor *m);
/* Runs a command without arguments, one at a time; a NULL monitor answers nothing. `done` gets a fault when QEMU refuses, or does
 * not answer any more. */
void monitor_run(uv_loop_t *loop, monitor *m, const char *command, wrn_done_fn done, void *context);
/* From now on the machine ends when it restarts. May be called while a command is under way, or before QEMU has said anything. */
void monitor_end_at_restart(monitor *m);
/* What is under way will not be answered. */
void monitor_forget(monitor *m);
/* `done`, with a fault, when QEMU has ended, and its memory is free. */
void monitor_await_end(uv_loop_t *loop, monitor *m, wrn_done_fn done, void *context);
/* The state of the machine, with its memory or without, to or from a file: `done` when it is complete. The machine is stopped. */
void monitor_save(uv_loop_t *loop, monitor *m, int fd, bool with_memory, wrn_done_fn done, void *context);
void monitor_load(uv_loop_t *loop, monitor *m, int fd, bool with_memory, wrn_done_fn done, void *context);

/* ---- probe.c ---- */

/* Whether the processor's virtualization can be used here, and is fast enough to be real; why not, for people. */
bool probe_kvm(char *why, size_t size);
/* What machines see of the processor. */
void probe_cpu(bool kvm, char *out, size_t size);
/* The path of wrenn-boot or wrenn-vm; false when it is missing, or others could change it. */
typedef enum vm_program { VM_BOOT, VM_JAIL } vm_program;
bool probe_program(vm_program program, char path[PATH_MAX]);
/* The rate of this processor's time stamp counter; 0: unknown. Takes some milliseconds. */
int64_t probe_tsc_khz(void);
wrn_json *vm_probe(const wrn_backend *backend);
void vm_doctor(const wrn_backend_config *config, wrn_json *report);

/* ---- setup.c ---- */

/* Finds what `wrennd vm setup` has made. -1 with a fault that names the remedy. */
int setup_find(const wrn_backend_config *config, char dir[PATH_MAX], wrn_fault *fault);
/* Reads a line of VM_VERSIONS. */
void setup_version(const char *dir, const char *what, char *out, size_t size);
/* Opens and locks one, for its caller to release. NULL with a fault. */
setup *setup_open(const char *dir, wrn_fault *fault);
setup *setup_hold(setup *s);
/* `s` may be NULL. */
void setup_release(setup *s);
bool vm_setup(const wrn_backend_config *config, const wrn_setup_plan *plan, wrn_fault *fault);
/* Runs a program, of that package, to its end. False with a fault: the last line that it said on standard error. */
bool vm_run(const char *const *argv, const char *package, wrn_fault *fault);

/* ---- disk.c ---- */

bool vm_finish_template(const wrn_backend_config *config, const char *dir, const wrn_root *root, wrn_fault *fault);
/* The disk of a template that is not just `minimal`. -1 with a fault that names the remedy. */
int template_disk_open(const wrn_box_spec *spec, const wrn_root *root, wrn_fault *fault);
