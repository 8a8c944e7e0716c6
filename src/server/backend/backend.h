/* A backend isolates boxes. It turns a template into the root of a box and runs the box. It knows nothing of the layers
 * above: commands, services and snapshots are in box/ and templates/, and are the same for every backend.
 *
 * Everything runs on one libuv loop, in its thread. Calls block for no more than a few system calls unless they say so.
 * What takes longer ends in a callback, exactly once, never from inside the call. A backend treats everything that
 * comes out of a box as hostile. Pointers in arguments are valid only during the call. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

#include "base/json.h"
#include "wire/faults.h"

/* The template that each backend makes by itself. */
#define MINIMAL "minimal"
/* What a box without a network is told of it, where it is told. */
#define WRN_POLICY_NONE "{\"egress\":\"none\"}"

enum { WRN_BOX_ID_MAX = 64, WRN_BACKENDS_MAX = 4, WRN_STATE_LOCKS = 8, WRN_HELPER_FDS = 8 };

/* How well boxes are isolated, as in the API; each level is stronger than those before. */
#define WRN_LEVELS "any, namespace or vm"
/* The level's place in that list; -1: there is none of that name. */
int wrn_level_of(const char *name);
const char *wrn_level_name(int64_t level);

typedef struct wrn_backend wrn_backend;
typedef struct wrn_instance wrn_instance; /* what a backend has for one box */

/* Why something failed. `message` is for the caller of the API and names the input and the remedy. */
typedef struct wrn_fault {
    wrn_fault_code code;
    char message[480];
} wrn_fault;

/* Returns -1, for functions that return that. */
__attribute__((format(printf, 3, 4))) int wrn_fault_set(wrn_fault *fault, wrn_fault_code code, const char *format, ...);

typedef void (*wrn_done_fn)(void *context, const wrn_fault *fault);         /* fault is NULL on success */
typedef void (*wrn_dial_fn)(void *context, int fd, const wrn_fault *fault); /* fd is -1 with a fault */

/* For uv_close(): these free the handle, or its `data`. */
void wrn_handle_free(uv_handle_t *handle);
void wrn_handle_free_data(uv_handle_t *handle);
/* Calls `done` from the loop, later. A NULL fault means success. */
void wrn_answer_later(uv_loop_t *loop, wrn_done_fn done, void *context, const wrn_fault *fault);

/* What the operator lets sandboxes reach, and how: rules as in gate/rule.h. */
typedef struct wrn_egress_config {
    const char *gate_path;             /* the wrenn-gate binary */
    const char *gate_tls_path;         /* the wrenn-gate-tls binary */
    const char *trust_path;            /* certificates that it trusts beside the machine's; NULL: none */
    char *const *deny, *const *opened; /* what is denied to all; private ranges that policies may open */
    char *const *name_servers;         /* addresses */
    const char *proxy_address;         /* of an HTTP proxy that takes all connections; NULL: there is none */
    const char *proxy_credential;      /* the value of Proxy-Authorization; NULL: none */
    int64_t proxy_port;
    size_t deny_count, opened_count;
    size_t name_server_count; /* 0: those of this machine */
    int64_t usual, most;      /* wrn_egress: of sandboxes that ask for nothing; at most */
    int64_t connections;      /* of one sandbox, at once */
    int64_t rate;             /* new ones of one sandbox, each second */
    bool smtp;                /* policies can allow port 25 */
} wrn_egress_config;

typedef struct wrn_backend_config {
    uv_loop_t *loop;
    const char *state_dir;     /* private directory for everything on disk; exists, mode 0700 */
    const char *template_dir;  /* templates built by the operator; may not exist */
    const char *agent_path;    /* the wrenn-agent binary */
    const char *unpack_path;   /* the wrenn-unpack binary */
    const char *vm_dir;        /* what `wrennd vm setup` makes; may not exist */
    int64_t vm_warm;           /* virtual machines that are kept for copies, at most */
    const char *cgroup_parent; /* NULL: chosen automatically */
    bool ephemeral;            /* state_dir does not outlive the process: nothing is synced to disk */
    int64_t adopt_ms;          /* how long boxes wait for the next daemon; 0: they end with this one */
    wrn_egress_config egress;
} wrn_backend_config;

/* Where `wrennd vm setup` takes things from; NULL: from the distribution. */
typedef struct wrn_setup_plan {
    char *kernel; /* the package of a Linux kernel, or a directory with its files */
    char *image;  /* the root file system of `minimal`: an archive, or a directory */
    char *mirror; /* where packages for that come from */
} wrn_setup_plan;

/* A box as it was at one moment, for copies that go on from there. */
typedef struct wrn_moment {
    void (*release)(struct wrn_moment *moment); /* by whoever was given it */
} wrn_moment;
typedef void (*wrn_moment_fn)(void *context, wrn_moment *moment,
                              const wrn_fault *fault); /* moment is NULL with a fault */

typedef struct wrn_box_spec {
    const char *id; /* "cl-..."; unique; [a-z0-9-] */
    const char *template_name;
    int64_t vcpus;           /* > 0 */
    int64_t memory_mb;       /* > 0 */
    const char *snapshot_id; /* the snapshot that template_name stands for; NULL: a template of the platform */
    const char *backend;     /* its name; NULL: the first in the table that runs here */
    const char *network;     /* its policy, a JSON object; NULL: it has no interface but loopback */
    const char *authority;   /* a certificate that programs in the box trust, as PEM; NULL: none */
    int secrets;             /* what is added to requests: a file in memory for wrenn-gate-tls; 0: nothing */
    int64_t disk_mb;         /* of its own disk, as fit() has left it */
    const char *owner;       /* the team it belongs to, for sharing the machine among teams; NULL: nobody's */
    /* What it goes on from: of a box of the same backend that is like this one but for the id. NULL: it starts. */
    wrn_moment *moment;
    bool spare; /* nobody waits for it: it is made while others have nothing to do, or refused if that takes long */
} wrn_box_spec;

/* What a box is made from. */
typedef struct wrn_root {
    bool on_host;     /* the tree is a layer above `minimal`; otherwise it is a whole root file system */
    const char *tree; /* a directory; "": `minimal` itself */
    /* Of a snapshot with the memory of a box: wrn_saved.moment, and its files are beside the tree. NULL: the box starts. */
    const wrn_json *moment;
} wrn_root;

/* What a box's network interface leads to: a TAP device, the packet socket of a veth pair, one datagram for each frame. */
typedef enum wrn_link_kind { WRN_LINK_TAP, WRN_LINK_PACKETS, WRN_LINK_DATAGRAMS } wrn_link_kind;

/* A running box: everything that a later daemon needs to adopt it. */
typedef struct wrn_running {
    pid_t pid;
    int pidfd;
    int handover_fd; /* the next daemon sends the agent a new channel through it; -1: the box ends with this daemon */
    int number;      /* for the backend's own use */
    /* A socket over which the box's link comes once: a wrn_link_kind, and the descriptor. -1: it has no network. The
     * caller closes it. */
    int link_source;
} wrn_running;

/* What a box has written: one upper layer, and what lies below it. */
typedef struct wrn_upper_layer {
    const char *at;       /* where it belongs in the trees of templates and snapshots: "." or a directory's name */
    const char *dir;      /* the layer itself */
    const char *below[2]; /* what every box has below it and its template, from the top down; NULL: no more */
    const char *skip;     /* an entry that belongs to another one of these layers; NULL: none */
} wrn_upper_layer;

/* A file that snapshots have as it is. Without a path it is `fd`, a file on a disk that never changes. */
typedef struct wrn_saved_file {
    const char *name, *path;
    int fd;
} wrn_saved_file;

/* What a snapshot is made of. */
typedef struct wrn_saved {
    const wrn_upper_layer *layers;
    size_t layer_count;
    const wrn_saved_file *files;
    size_t file_count;
    /* An object that tells the backend what boxes made from the snapshot need to go on from where this one is. NULL: they start. */
    const wrn_json *moment;
} wrn_saved;
typedef void (*wrn_saved_fn)(void *context, const wrn_saved *saved,
                             const wrn_fault *fault); /* saved is NULL with a fault */

typedef struct wrn_box_stats {
    int64_t cpu_usec;   /* used since start; -1 unknown */
    int64_t mem_bytes;  /* without the page cache; -1 unknown */
    int64_t pids;       /* -1 unknown */
    int64_t disk_bytes; /* written, as of some seconds ago; -1 unknown */
    /* Of its gate, since start, as of the measurement before; backends leave them at 0. */
    int64_t net_in_bytes, net_out_bytes, net_connections, net_denied;
} wrn_box_stats;

/* What a backend needs to survive the daemon. The holder keeps it, and the next open() gets it back. */
typedef struct wrn_backend_state {
    char name[64];              /* "": there is no earlier state */
    int fd;                     /* -1: none */
    int locks[WRN_STATE_LOCKS]; /* descriptors that must only stay open; -1: none. The next open() does not get these */
    bool must_end;              /* boxes can't outlive the daemon here */
    /* Whether an earlier daemon has left a box with that id. During open() only. */
    bool (*is_kept)(const void *context, const char *id);
    const void *context;
} wrn_backend_state;

/* The box was started, or with a fault was not. The callee owns the descriptors in `run` and in `channel`: {to read the agent's
 * frames from, to write ours to}. */
typedef void (*wrn_start_fn)(void *context, const wrn_running *run, const int channel[2], const wrn_fault *fault);

typedef struct wrn_backend_ops {
    const char *name; /* "ns" */

    /* Checks the machine, acquires what boxes need, and removes what an earlier daemon left and is not kept. Blocks.
     * `state` is read and updated; the backend owns its descriptors, unless it fails. 0, or -1 with a fault. */
    int (*open)(const wrn_backend_config *config, wrn_backend_state *state, wrn_backend **ret, wrn_fault *fault);
    /* After all instances were released. Leaves only what belongs to boxes that go on. */
    void (*close)(wrn_backend *backend);
    /* The API's `isolation` of boxes here, a JSON object: level, backend, root (bool), user_namespace, seccomp, cgroup
     * ("v2", "v1", "none"), accelerator (of virtual machines: "kvm", "tcg"), limits {memory, cpu, pids: "enforced" | "unenforced"; why}, network ("none": what a box
     * without a policy has), disk
     * ("unlimited", or "limited": it has one of its own), reasons [text]. The caller frees it. */
    wrn_json *(*probe)(const wrn_backend *backend);
    /* Adjusts requested sizes: to the processors there are, to the least memory that a box takes, and to the disk that it has if it
     * asks for none; 0: it has none of its own. */
    void (*fit)(const wrn_backend *backend, int64_t *vcpus, int64_t *memory_mb, int64_t *disk_mb);

    /* Makes the root of a box in `dir`, which does not exist yet. A box made from a snapshot finds in its tree what save()
     * reported. Blocks, for as long as the disk is busy; on any thread. False with a fault; the caller removes what is left. */
    bool (*make_root)(const wrn_box_spec *spec, const wrn_root *root, const char *dir, wrn_fault *fault);
    /* Makes the limits of a box, while its root is made. NULL with a fault, and nothing is left of it. */
    wrn_instance *(*prepare)(wrn_backend *backend, const wrn_box_spec *spec, const char *dir, wrn_fault *fault);
    /* Starts the agent of a box that has its root. Until `done`, which may come from inside the call, nothing else is asked of
     * the instance; after a fault only release(). */
    void (*start)(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_start_fn done, void *context);
    /* Takes over a box that an earlier daemon started. The descriptors stay the caller's, open until release(). NULL, as
     * connect(): start() never gives a handover socket. */
    wrn_instance *(*restore)(wrn_backend *backend, const char *id, const char *dir, const wrn_running *run);
    /* Opens a new channel to the agent of a restored box. 0, or -1 with a fault. */
    int (*connect)(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, int channel[2], wrn_fault *fault);
    bool may_hang;    /* the agent may stop for ever while the box's process goes on */
    int64_t start_ms; /* how long the agent may take until its first frame; 0: as long as is usual */
    /* The agent has sent its first frame. */
    void (*started)(wrn_instance *it);
    /* Kills the box, frozen or not; its process ends some time later. Callbacks of freeze() and thaw() are dropped. If
     * the agent never sent a frame and the reason is known, `fault` gets it; it may be NULL. */
    void (*kill)(wrn_instance *it, wrn_fault *fault);
    /* After the process has ended: removes what is left. `done` gets a fault if something could not be removed. With a
     * NULL `done`, at any time: forgets the box at once, which goes on. */
    void (*release)(wrn_instance *it, wrn_done_fn done, void *context);

    /* One of the two at a time. False: the backend can't, and the agent has to. */
    bool (*freeze)(wrn_instance *it, wrn_done_fn done, void *context);
    bool (*thaw)(wrn_instance *it, wrn_done_fn done, void *context);
    /* Moves the memory of the frozen box to the disk, until it is thawed. With a fault it stays as it was; if thaw() fails then, too. kill() drops the
     * callback. NULL: not possible. */
    void (*hibernate)(wrn_instance *it, wrn_done_fn done, void *context);
    void (*stats)(wrn_instance *it, wrn_box_stats *out);
    /* Counts the processes of the box that the OOM killer of this machine has killed; 0 if unknown. */
    int64_t (*oom_kills)(const wrn_instance *it);
    /* While the box is frozen its agent and its clock are, too: the agent has to be quiet before freeze(), and told the time
     * after thaw(). */
    bool stops_agent;
    /* The number of the RESUME that the agent has to answer, to a new server or in a copy. NULL unless `stops_agent`. */
    uint32_t (*resume_number)(const wrn_instance *it);
    /* It pays to make boxes ahead of their use. */
    bool makes_spares;
    /* Reports what a snapshot of the frozen box is made of, which does not change until it is thawed. `target` is the directory that
     * the snapshot will have. kill() drops the callback. */
    void (*save)(wrn_instance *it, const char *target, wrn_saved_fn done, void *context);
    /* Keeps the memory and the disk of the frozen box, for copies. kill() drops the callback. NULL: not possible. */
    void (*keep_moment)(wrn_instance *it, wrn_moment_fn done, void *context);
    /* Makes a group for a process that works for a box, such as one that copies a snapshot, and limits its memory, page
     * cache included. To join, it writes "0" to *join_fd; -1: no limits. 0, or -1 with errno. */
    int (*make_helper_group)(wrn_backend *backend, const char *name, int64_t memory_bytes, int *join_fd);
    /* Removes the group. False while the kernel still holds it. `oom_kills` may be NULL. On any thread. */
    bool (*remove_helper_group)(wrn_backend *backend, const char *name, int64_t *oom_kills);
    /* Opens the files to which a process that works for the box writes "0", so that it is counted with the box, but not
     * frozen with it; -1 for those that are left. */
    void (*helper_fds)(const wrn_instance *it, int fds[WRN_HELPER_FDS]);
    /* Whether boxes can have a network here. 0, or -1 with a fault that says why not. */
    int (*check_network)(const wrn_backend *backend, wrn_fault *fault);
    /* Connects to a TCP port of the box's loopback without any descriptor from inside. The caller owns the non-blocking
     * `fd`. WRN_FAULT_NOT_LISTENING when nothing listens. NULL: the backend can't, and the agent has to. */
    void (*dial)(wrn_instance *it, uint16_t port, wrn_dial_fn done, void *context);

    /* These need no open backend. */

    /* Removes what dead daemons have left on the machine: later, or blocking if config->loop is NULL. With a `report`,
     * an array, only appends {kind, what} to it. */
    void (*sweep)(const wrn_backend_config *config, wrn_json *report);
    /* Adds what this backend needs to the directory of a template that `wrennd template build` has filled but not yet
     * published, or that was there before setup(). Blocks. False with a fault: the build fails. NULL: nothing is needed. */
    bool (*finish_template)(const wrn_backend_config *config, const char *dir, const wrn_root *root, wrn_fault *fault);
    /* Installs what boxes need here beyond what the machine has; again to renew it. Blocks. False with a fault. NULL: nothing is
     * needed. */
    bool (*setup)(const wrn_backend_config *config, const wrn_setup_plan *plan, wrn_fault *fault);
    /* Appends checks of what boxes need here to `report`, as {check, ok, detail, fix}. */
    void (*doctor)(const wrn_backend_config *config, wrn_json *report);
} wrn_backend_ops;

/* Whether the program is there that lets boxes out. 0, or -1 with a fault. */
int wrn_check_gate(const wrn_backend_config *config, wrn_fault *fault);
/* Append to a report: of doctor(), with the remedy if the check failed; of sweep(). */
void wrn_report_check(wrn_json *report, const char *check, bool ok, const char *detail, const char *fix);
void wrn_report_leak(wrn_json *report, const char *kind, const char *what);

/* All backends, in order of preference; NULL at the end. The list is in backend/meson.build. */
extern const wrn_backend_ops *const wrn_backends[];
