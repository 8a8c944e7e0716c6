/* A backend: what really isolates (ns/). It turns a template into the root of a box, runs the box, and knows nothing of what
 * is above it: agents, commands, services and snapshots are in box/ and templates/ and are the same for every backend.
 *
 * Everything runs on one libuv loop and in its thread. Calls never block for longer than a few system calls; what takes
 * time ends in a callback, exactly once, never from inside the call that asked for it. A backend treats all that comes
 * out of a sandbox as hostile. Pointers in arguments are only valid during the call. */
#ifndef WRN_SERVER_BACKEND_H
#define WRN_SERVER_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/json.h"
#include "wire/faults.h"

/* The template that each backend makes by itself. */
#define MINIMAL "minimal"

enum { WRN_BOX_ID_MAX = 64, WRN_BACKENDS_MAX = 4, WRN_KEPT_LOCKS = 8 };

typedef struct wrn_backend wrn_backend;
typedef struct wrn_instance wrn_instance; /* what a backend has for one box */

/* Why something failed. `message` is for the caller of the API and names the input and the remedy. */
typedef struct wrn_fault {
    wrn_fault_code code;
    char message[480];
} wrn_fault;

__attribute__((format(printf, 3, 4))) void wrn_fault_set(wrn_fault *fault, wrn_fault_code code, const char *format,
                                                         ...);

typedef void (*wrn_done_fn)(void *context, const wrn_fault *fault);         /* fault is NULL on success */
typedef void (*wrn_dial_fn)(void *context, int fd, const wrn_fault *fault); /* fd is -1 with a fault */

/* Calls `done` from the loop: callbacks never run from inside the call that asked. A NULL fault means success. */
void wrn_answer_later(uv_loop_t *loop, wrn_done_fn done, void *context, const wrn_fault *fault);

typedef struct wrn_backend_config {
    uv_loop_t *loop;
    const char *state_dir;     /* private directory for everything that is kept on disk; exists, mode 0700 */
    const char *template_dir;  /* templates built by the operator; may not exist */
    const char *agent_path;    /* the wrenn-agent binary */
    const char *unpack_path;   /* the wrenn-unpack binary */
    const char *cgroup_parent; /* NULL: find out */
    bool ephemeral;            /* state_dir does not outlive the process: nothing waits for the disk */
    int64_t adopt_ms;          /* how long boxes wait for another process after this one; 0: they end with it */
} wrn_backend_config;

typedef struct wrn_box_spec {
    const char *id; /* "cl-..."; unique; [a-z0-9-] */
    const char *template_name;
    int64_t vcpus;           /* > 0 */
    int64_t memory_mb;       /* > 0 */
    const char *snapshot_id; /* what template_name stands for; NULL: a template of the platform */
    const char *isolation;   /* of one of the backends; NULL: any */
    const char *network;     /* NULL: none */
    int64_t disk_mb;         /* 0: no limit */
} wrn_box_spec;

/* What a box is made from. */
typedef struct wrn_root {
    bool on_host;     /* the tree is a layer above `minimal`; else it is a whole root file system */
    const char *tree; /* a directory; "": `minimal` itself */
} wrn_root;

/* A box that runs; it is all that a later daemon needs to get it back. */
typedef struct wrn_running {
    pid_t pid;
    int pidfd;
    int handover_fd; /* the backend gets a new channel to the agent through it; -1: the box ends with this daemon */
    int number;      /* of the backend's */
} wrn_running;

/* Some of what a box has written: a layer above what its template has in the same place. */
typedef struct wrn_written {
    const char *at;       /* in the template's tree and in the snapshot's: "." or a directory's name */
    const char *own;      /* the box's layer */
    const char *below[2]; /* what is below both in every box here, from the top down; NULL: no more */
    const char *skip;     /* an entry of it that another one of these is about; NULL: none */
} wrn_written;
typedef void (*wrn_written_fn)(void *context, const wrn_written *layers, size_t count, const wrn_fault *fault);

typedef struct wrn_box_stats {
    int64_t cpu_usec;   /* used since start; -1 unknown */
    int64_t mem_bytes;  /* without what is kept of files and can be dropped; -1 unknown */
    int64_t pids;       /* -1 unknown */
    int64_t disk_bytes; /* what it has written, as of some seconds ago; -1 unknown */
} wrn_box_stats;

/* What a backend needs kept for boxes that outlive the daemon. The holder keeps it, and the next open() gets it back. */
typedef struct wrn_keepsake {
    char name[64];             /* "": nothing was left */
    int fd;                    /* -1: none */
    int locks[WRN_KEPT_LOCKS]; /* descriptors that need only stay open; -1: none. Not given back */
    bool must_end;             /* boxes can't outlive the daemon here */
    /* Is there a box of that id which an earlier daemon has left? During open() only. */
    bool (*is_kept)(const void *context, const char *id);
    const void *context;
} wrn_keepsake;

/* Boxes made from a snapshot are made like others: prepare() and start() find in its tree what save() told. */
typedef struct wrn_backend_ops {
    const char *name;      /* "ns" */
    const char *isolation; /* what `isolation` of a spec calls it: "namespace" */

    /* Finds out what the machine can do and takes hold of it; removes what an earlier daemon had and does not keep. Blocks.
     * `kept` goes in and out; its descriptors are the backend's. 0, or -1 with a fault: nothing is left of it, and a
     * descriptor that came in is the caller's. */
    int (*open)(const wrn_backend_config *config, wrn_keepsake *kept, wrn_backend **ret, wrn_fault *fault);
    /* All instances must be released before. Leaves nothing behind but what belongs to those that were left. */
    void (*close)(wrn_backend *backend);
    /* What a sandbox gets here, as a JSON object for the API's `isolation` field: level, backend, root (bool), user_namespace,
     * seccomp, cgroup ("v2", "v1", "none"), limits {memory, cpu, pids: "enforced" | "unenforced"; why, if one is not},
     * network ("none"), disk ("unlimited"), reasons [text]. The caller frees it. */
    wrn_json *(*probe)(const wrn_backend *backend);
    /* What a box that is asked for with these gets: no more processors than there are, no less memory than it takes. */
    void (*fit)(const wrn_backend *backend, int64_t *vcpus, int64_t *memory_mb);

    /* Makes the root of a box below `dir`, which is not there yet, and its limits. NULL with a fault, and nothing is left. */
    wrn_instance *(*prepare)(wrn_backend *backend, const wrn_box_spec *spec, const wrn_root *root, const char *dir,
                             wrn_fault *fault);
    /* Starts its agent. `channel`: where its frames are read, and where ours are written. The descriptors in `out` and
     * `channel` are the caller's. 0, or -1 with a fault: then it is only good for release(). */
    int (*start)(wrn_instance *it, const wrn_box_spec *spec, wrn_running *out, int channel[2], wrn_fault *fault);
    /* One that an earlier daemon has started and left; from what root it was made is not known yet. The descriptors stay the
     * caller's, until it is released. */
    wrn_instance *(*restore)(wrn_backend *backend, const char *id, const char *dir, const wrn_running *run);
    /* A new channel to its agent. 0, or -1 with a fault. */
    int (*connect)(wrn_instance *it, const wrn_root *root, int channel[2], wrn_fault *fault);
    /* Its agent has spoken. */
    void (*started)(wrn_instance *it);
    /* Ends all of it, frozen or not; its process is gone some time later. Freezing and thawing are not answered any
     * more. One whose agent has not spoken may know why: that goes to `fault`, which may be NULL. */
    void (*kill)(wrn_instance *it, wrn_fault *fault);
    /* Once its process is gone: removes what is left of it. `done` gets a fault if something stayed. With a NULL `done` it is
     * forgotten at once, and goes on. */
    void (*release)(wrn_instance *it, wrn_done_fn done, void *context);

    /* One of the two at a time. False: it has no means for that, and the agent has to do it. */
    bool (*freeze)(wrn_instance *it, wrn_done_fn done, void *context);
    bool (*thaw)(wrn_instance *it, wrn_done_fn done, void *context);
    void (*stats)(wrn_instance *it, wrn_box_stats *out);
    /* How many of its processes were killed for want of memory, ever; 0 where that is unknown. */
    int64_t (*oom_kills)(const wrn_instance *it);
    /* Tells what the frozen box has written, which stays as it is until it is thawed. */
    void (*save)(wrn_instance *it, wrn_written_fn done, void *context);
    /* Makes room for a process that works for a box, such as one that copies a snapshot: all in it, with what the kernel keeps
     * of files for it, has so much memory. Who is to be in it writes "0" to *join_fd; -1: there are no limits. 0, or -1 with
     * errno. */
    int (*bound)(wrn_backend *backend, const char *name, int64_t memory_bytes, int *join_fd);
    /* Removes that. False while the kernel still holds it. `oom_kills` may be NULL. On any thread. */
    bool (*unbound)(wrn_backend *backend, const char *name, int64_t *oom_kills);
    /* Connects to a TCP port of the box's loopback, whatever it listens on, without any descriptor from inside. The caller
     * owns the non-blocking `fd`; WRN_FAULT_NOT_LISTENING when nothing listens. */
    void (*dial)(wrn_instance *it, uint16_t port, wrn_dial_fn done, void *context);

    /* Removes what daemons that are gone have left on the machine, later with a loop, or else blocking. Or only appends it to
     * `report`, an array, as {kind, what}. */
    void (*sweep)(const wrn_backend_config *config, wrn_json *report);
    /* Appends checks of what sandboxes need here to `report`, as {check, ok, detail, fix}. Needs no open backend. */
    void (*doctor)(const wrn_backend_config *config, wrn_json *report);
} wrn_backend_ops;

/* Appends to a report: of doctor(), with the remedy if it is not ok; of sweep(). */
void wrn_report_check(wrn_json *report, const char *check, bool ok, const char *detail, const char *fix);
void wrn_report_leak(wrn_json *report, const char *kind, const char *what);

/* All there are, the one to be preferred first; NULL at the end. The list is in backend/meson.build. */
extern const wrn_backend_ops *const wrn_backends[];

#endif
