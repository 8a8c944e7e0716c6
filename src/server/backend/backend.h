/* The seam between the sandbox life cycle (src/server/sandbox) and whatever really isolates (ns/, vm/).
 *
 * Everything runs on one libuv loop and in its thread. Calls never block for longer than a few system calls; what takes
 * time ends in a callback, exactly once, never from inside the call that asked for it. A backend treats all that comes
 * out of a sandbox as hostile. Pointers in arguments are only valid during the call. */
#ifndef WRN_SERVER_BACKEND_H
#define WRN_SERVER_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "base/buf.h"
#include "base/json.h"
#include "wire/faults.h"

typedef struct wrn_backend wrn_backend;
typedef struct wrn_box wrn_box;   /* a sandbox that is alive in the backend */
typedef struct wrn_proc wrn_proc; /* a command running in a box */

/* Why something failed. `message` is for the caller of the API and names the input and the remedy. */
typedef struct wrn_fault {
    wrn_fault_code code;
    char message[480];
} wrn_fault;

__attribute__((format(printf, 3, 4))) void wrn_fault_set(wrn_fault *fault, wrn_fault_code code, const char *format,
                                                         ...);

typedef struct wrn_backend_config {
    uv_loop_t *loop;
    const char *state_dir;     /* private directory for everything the backend keeps on disk; exists, mode 0700 */
    const char *template_dir;  /* templates built by the operator; may not exist */
    const char *agent_path;    /* the wrenn-agent binary */
    const char *unpack_path;   /* the wrenn-unpack binary */
    const char *cgroup_parent; /* NULL: find out */
    bool ephemeral;            /* state_dir does not outlive the process: nothing waits for the disk */
    int64_t adopt_ms;          /* how long boxes wait for another process after this one; 0: they end with it */
} wrn_backend_config;

/* What boxes are made from: of the platform, for everybody. */
typedef struct wrn_template {
    char name[65], type[16];
    int64_t vcpus, memory_mb; /* of boxes made from it, unless others are asked for; 0: the usual */
    int64_t size_bytes;       /* 0: unknown */
    int64_t created_at;
    char origin[128]; /* what it was built from, for people; "": unknown */
} wrn_template;

/* A template to be built, from one of the four sources or, without any, from what its name stands for. */
typedef struct wrn_template_plan {
    const char *name;
    const char *suite, *include, *mirror; /* of Debian; the last two may be NULL */
    const char *tar;                      /* a file; "-": standard input */
    const char *dir;
    const char *oci;          /* an image layout, perhaps with :TAG */
    const char *user;         /* that commands run as; NULL: root */
    const char *start;        /* a line of shell for each sandbox; NULL: none */
    int64_t start_port;       /* that it will listen on; 0: unknown */
    int64_t vcpus, memory_mb; /* 0: the usual */
    bool start_early;         /* with the sandbox, instead of the first connection to that port */
    bool replace;
} wrn_template_plan;

typedef struct wrn_box_spec {
    const char *id; /* "cl-..."; unique; [a-z0-9-] */
    const char *template_name;
    int64_t vcpus;           /* > 0 */
    int64_t memory_mb;       /* > 0 */
    const char *snapshot_id; /* what template_name stands for; NULL: a template of the platform */
} wrn_box_spec;

typedef void (*wrn_box_fn)(void *context, wrn_box *box, const wrn_fault *fault); /* fault is NULL on success */
typedef void (*wrn_done_fn)(void *context, const wrn_fault *fault);
typedef void (*wrn_template_fn)(void *context, const wrn_template *item);
typedef void (*wrn_snapshot_fn)(void *context, int64_t size_bytes, const wrn_fault *fault);
typedef void (*wrn_dial_fn)(void *context, int fd, const wrn_fault *fault); /* fd is -1 with a fault */

/* Calls `done` from the loop: callbacks never run from inside the call that asked. A NULL fault means success. */
void wrn_answer_later(uv_loop_t *loop, wrn_done_fn done, void *context, const wrn_fault *fault);

typedef struct wrn_proc_spec {
    const char *cmd;          /* program name, looked up in PATH, or path */
    const char *const *args;  /* NULL-terminated, without cmd itself; may be NULL */
    const char *const *envs;  /* NULL-terminated "KEY=VALUE", added to the standard ones; may be NULL */
    const char *cwd;          /* NULL: the user's home */
    const char *user;         /* name or number, either with ":GROUP"; NULL: the template's, else root */
    const char *default_user; /* the template's, which the backend fills in; of use where the machine can */
    int64_t timeout_ms;       /* 0: none. When it passes, pauses not counted, the whole process tree is killed. */
    const char *label;   /* not NULL: goes on without this process, whose follower gets the text back; below 16 KiB */
    bool want_stdin;     /* false: /dev/null */
    bool builtin;        /* cmd names a function of the agent's (src/agent/files.c); its errors are exit codes */
    uint16_t cols, rows; /* both above 0: a terminal for all three; its output is stream 1 */
} wrn_proc_spec;

typedef enum wrn_proc_end {
    WRN_PROC_EXITED,   /* code is 0..255 */
    WRN_PROC_SIGNALED, /* code is the signal number */
    WRN_PROC_TIMED_OUT,
    WRN_PROC_LOST,  /* the agent or the box is gone; the outcome is unknown */
    WRN_PROC_FAILED /* never started: fault says why */
} wrn_proc_end;

/* How a command ended. */
typedef struct wrn_proc_result {
    wrn_proc_end end;
    int code;
    /* What outlives the command held its output still when nobody waited for more: what it wrote from there on is lost. */
    bool output_cut;
    bool oom_killed; /* something died for want of memory while it ran, and it ended by SIGKILL or with a code but 0 */
    const wrn_fault *fault; /* NULL: none */
} wrn_proc_result;

/* What a command tells its starter. on_end comes last and exactly once, after all output; the wrn_proc is gone when it
 * returns. A program that does not exist is not a failure: it ends with code 127 and a message on stderr (126 when not
 * executable); a cwd or user that does not exist is WRN_PROC_FAILED with WRN_FAULT_INVALID_REQUEST. */
typedef struct wrn_proc_events {
    void (*on_start)(void *context, int64_t pid);
    void (*on_output)(void *context, int stream /* 1 stdout, 2 stderr */, const void *data, size_t size);
    void (*on_end)(void *context, const wrn_proc_result *result);
    /* After a write() that was not taken whole: there is room again. May be NULL. */
    void (*on_room)(void *context);
    void *context;
} wrn_proc_events;

/* A command that an earlier process has left running. */
typedef struct wrn_kept {
    wrn_proc *proc;
    const char *label;
    int64_t pid; /* 0: on_start follows */
    bool terminal;
} wrn_kept;

/* Fills in `events` if the command is to go on; else it is killed. The last of what it put out meanwhile follows. */
typedef bool (*wrn_kept_fn)(void *context, const wrn_kept *kept, wrn_proc_events *events);

typedef struct wrn_box_stats {
    int64_t cpu_usec;   /* used since start; -1 unknown */
    int64_t mem_bytes;  /* without what is kept of files and can be dropped; -1 unknown */
    int64_t pids;       /* -1 unknown */
    int64_t disk_bytes; /* what it has written, as of some seconds ago; -1 unknown */
} wrn_box_stats;

typedef struct wrn_backend_ops {
    const char *name; /* "ns" */

    /* Finds out what the machine can do, makes the state directory and sweeps whatever an earlier run left behind
     * (processes, cgroups, mounts, files) but for boxes that can be adopted. Blocks. 0, or -1 with a fault. */
    int (*open)(const wrn_backend_config *config, wrn_backend **ret, wrn_fault *fault);
    /* All boxes must be destroyed or left before. Leaves nothing else behind. */
    void (*close)(wrn_backend *backend);

    /* What a sandbox gets here, as a JSON object for the API's `isolation` field: backend, root (bool), user_namespace,
     * seccomp, cgroup ("v2", "v1", "none"), limits {memory, cpu, pids: "enforced" | "unenforced"; why, if one is not},
     * network ("none"), disk ("unlimited"), reasons [text]. The caller frees it. */
    wrn_json *(*isolation)(const wrn_backend *backend);

    /* A template of the platform. 0, or -1 with a fault: WRN_FAULT_NOT_FOUND when there is none of that name. */
    int (*find_template)(wrn_backend *backend, const char *name, wrn_template *out, wrn_fault *fault);
    void (*list_templates)(wrn_backend *backend, wrn_template_fn each, void *context);

    /* What a box that is asked for with these gets: no more processors than there are, no less memory than it takes. */
    void (*fit)(const wrn_backend *backend, int64_t *vcpus, int64_t *memory_mb);
    /* Makes a box and waits for its agent. `died` is called at most once, if the box ends by itself later (never after
     * destroy was asked for, and never before `done`). */
    void (*create)(wrn_backend *backend, const wrn_box_spec *spec, wrn_done_fn died, wrn_box_fn done, void *context);
    /* A box of that id which an earlier process has left: gets it back, frozen or not. `kept` is called for each command
     * that goes on in it, before `done`; for a frozen one when it is thawed. Only the id and the template's name are read
     * in `spec`. WRN_FAULT_NOT_FOUND: there is none. After any other fault it is gone. */
    void (*adopt)(wrn_backend *backend, const wrn_box_spec *spec, bool frozen, wrn_kept_fn kept, wrn_done_fn died,
                  wrn_box_fn done, void *context);
    /* Those that were not adopted are destroyed. */
    void (*end_adoption)(wrn_backend *backend);
    /* Forgets a box, whose commands without a label end, and leaves it to the next process. Not while anything of freeze,
     * thaw and snapshot is under way. */
    void (*leave)(wrn_box *box, wrn_done_fn done, void *context);
    /* Can it? */
    bool (*can_leave)(const wrn_backend *backend);
    /* Kills everything in it, then removes it. Commands still running get WRN_PROC_LOST first. The box is gone when
     * `done` runs. Also for boxes that are frozen or died. */
    void (*destroy)(wrn_box *box, wrn_done_fn done, void *context);
    void (*freeze)(wrn_box *box, wrn_done_fn done, void *context);
    void (*thaw)(wrn_box *box, wrn_done_fn done, void *context);
    /* Makes a snapshot with that id, [a-z0-9-], of what the frozen box and its template have written. It is whole when
     * `done` comes without a fault, and not there otherwise. */
    void (*snapshot)(wrn_box *box, const char *snapshot_id, wrn_snapshot_fn done, void *context);
    /* The snapshot of it that is being made, if any, ends soon and with a fault. */
    void (*stop_snapshot)(wrn_box *box);
    /* No box is made from it any more. Those that were keep it. */
    void (*drop_snapshot)(wrn_backend *backend, const char *snapshot_id);
    /* Removes all that a crash left half made or half removed; the names are free at once. Before the first box is made. */
    void (*sweep_snapshots)(wrn_backend *backend, bool (*is_known)(void *context, const char *snapshot_id),
                            void *context);
    /* Round trip to the agent. */
    void (*ping)(wrn_box *box, wrn_done_fn done, void *context);
    void (*stats)(wrn_box *box, wrn_box_stats *out);

    /* Starts a command. NULL with a fault when it cannot even be asked for. */
    wrn_proc *(*exec)(wrn_box *box, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault);
    /* Sends a signal to the command and all its descendants; on_end still follows. */
    void (*signal)(wrn_proc *proc, int signo);
    /* Nobody waits for it any more: kills it and them, unless it has ended itself and only its output is held open: then they
     * go on. on_end still follows. */
    void (*give_up)(wrn_proc *proc);
    /* Stops and continues delivery of output (back-pressure). */
    void (*read_stop)(wrn_proc *proc);
    void (*read_start)(wrn_proc *proc);
    /* Input, for want_stdin and terminals. The number of bytes taken; when fewer than `size`, on_room follows. What a
     * command no longer reads is taken and lost. */
    size_t (*write)(wrn_proc *proc, const void *data, size_t size);
    /* Everything written still arrives. On a terminal it is the end-of-file character. */
    void (*close_stdin)(wrn_proc *proc);
    /* 0, 0: it keeps its size, and its program is told of it once more, to draw itself. */
    void (*resize)(wrn_proc *proc, uint16_t cols, uint16_t rows);
    /* Another label instead of the one it was started with. */
    void (*relabel)(wrn_proc *proc, const char *label);

    /* Connects to a TCP port of the box's loopback, whatever it listens on. The caller owns the non-blocking `fd`;
     * WRN_FAULT_NOT_LISTENING when nothing listens. */
    void (*dial)(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context);
} wrn_backend_ops;

extern const wrn_backend_ops wrn_backend_ns;

/* What `wrennd doctor` prints: checks with a verdict and the exact fix. Appends text lines to `out` (JSON objects to
 * `report`, an array, of the form {check, ok, detail, fix}). Needs no open backend. Returns false when sandboxes can't run. */
bool wrn_backend_ns_doctor(const wrn_backend_config *config, wrn_json *report);
/* What `wrennd doctor --leaks` prints: everything that belongs to a wrennd that is no longer running, or that no
 * sandbox accounts for: processes, cgroups, mounts, directories. Appends {kind, what} to `report`; the number found. */
size_t wrn_backend_ns_leaks(const wrn_backend_config *config, wrn_json *report);
/* `wrennd template build`, `remove` and `list`. They block. Text for people is appended to `said`; false with a fault. */
bool wrn_backend_ns_build(const wrn_backend_config *config, const wrn_template_plan *plan, wrn_buf *said,
                          wrn_fault *fault);
bool wrn_backend_ns_remove(const wrn_backend_config *config, const char *name, wrn_buf *said, wrn_fault *fault);
void wrn_backend_ns_list(const wrn_backend_config *config, wrn_template_fn each, void *context);

#endif
