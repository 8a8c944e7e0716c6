/* Boxes: sandboxes that are alive. A box is what a backend runs, with an agent in it and a channel to that. What is here is
 * the same whichever backend it is: commands, pausing, the template's service, snapshots, and how boxes go from one daemon
 * to the next.
 *
 * Everything runs on one libuv loop and in its thread. Calls never block for longer than a few system calls; what takes
 * time ends in a callback, exactly once, never from inside the call that asked for it. Pointers in arguments are only valid
 * during the call. */
#ifndef WRN_SERVER_BOX_H
#define WRN_SERVER_BOX_H

#include "server/backend/backend.h"
#include "server/templates/templates.h"
#include "wire/frame.h"

typedef struct wrn_boxes wrn_boxes; /* all of this daemon, and the backends that run here */
typedef struct wrn_box wrn_box;
typedef struct wrn_proc wrn_proc; /* a command running in a box */

typedef void (*wrn_box_fn)(void *context, wrn_box *box, const wrn_fault *fault); /* fault is NULL on success */

/* ---- commands ---- */

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

/* ---- all of them ---- */

/* Opens the backends that can run here, and sweeps whatever an earlier run left behind (processes, cgroups, mounts, files)
 * but for boxes that can be adopted. Blocks. 0, or -1 with a fault. */
int wrn_boxes_open(const wrn_backend_config *config, wrn_boxes **ret, wrn_fault *fault);
/* All must be destroyed or left before. Leaves nothing else behind. */
void wrn_boxes_close(wrn_boxes *boxes);
/* What a box of that isolation (NULL: any) gets here: wrn_backend_ops.probe. NULL: there are none. The caller frees it. */
wrn_json *wrn_boxes_probe(const wrn_boxes *boxes, const char *isolation);
/* What a box gets that is asked for with these: wrn_backend_ops.fit. */
void wrn_boxes_fit(const wrn_boxes *boxes, const char *isolation, int64_t *vcpus, int64_t *memory_mb);
/* A template of the platform. 0, or -1 with a fault: WRN_FAULT_NOT_FOUND when there is none of that name. */
int wrn_boxes_find_template(const wrn_boxes *boxes, const char *name, wrn_template *out, wrn_fault *fault);
void wrn_boxes_list_templates(const wrn_boxes *boxes, wrn_template_fn each, void *context);

/* What `wrennd doctor` prints: checks with a verdict and the exact fix. Appends JSON objects {check, ok, detail, fix} to
 * `report`, an array. Blocks. Returns false when sandboxes can't run. */
bool wrn_boxes_doctor(const wrn_backend_config *config, wrn_json *report);
/* What `wrennd doctor --leaks` prints: everything that belongs to a wrennd that is no longer running, or that no
 * sandbox accounts for: processes, cgroups, mounts, directories. Appends {kind, what} to `report`; the number found. */
size_t wrn_boxes_leaks(const wrn_backend_config *config, wrn_json *report);

/* ---- one ---- */

/* Makes a box and waits for its agent. `died` is called at most once, if the box ends by itself later (never after
 * destroy was asked for, and never before `done`). */
void wrn_box_create(wrn_boxes *boxes, const wrn_box_spec *spec, wrn_done_fn died, wrn_box_fn done, void *context);
/* A box of that id which an earlier process has left: gets it back, frozen or not. `kept` is called for each command
 * that goes on in it, before `done`; for a frozen one when it is thawed. Only the id and the template's name are read
 * in `spec`. WRN_FAULT_NOT_FOUND: there is none. After any other fault it is gone. */
void wrn_box_adopt(wrn_boxes *boxes, const wrn_box_spec *spec, bool frozen, wrn_kept_fn kept, wrn_done_fn died,
                   wrn_box_fn done, void *context);
/* Those that were not adopted are destroyed. */
void wrn_boxes_end_adoption(wrn_boxes *boxes);
/* Forgets a box, whose commands without a label end, and leaves it to the next process. Not while anything of freeze,
 * thaw and snapshot is under way. */
void wrn_box_leave(wrn_box *box, wrn_done_fn done, void *context);
/* Whether that is possible. */
bool wrn_boxes_can_leave(const wrn_boxes *boxes);
/* Kills everything in it, then removes it. Commands still running get WRN_PROC_LOST first. The box is gone when
 * `done` runs. Also for boxes that are frozen or died. */
void wrn_box_destroy(wrn_box *box, wrn_done_fn done, void *context);
void wrn_box_freeze(wrn_box *box, wrn_done_fn done, void *context);
void wrn_box_thaw(wrn_box *box, wrn_done_fn done, void *context);
/* Round trip to the agent. */
void wrn_box_ping(wrn_box *box, wrn_done_fn done, void *context);
void wrn_box_measure(wrn_box *box, wrn_box_stats *out);
/* Connects to a TCP port of the box's loopback: wrn_backend_ops.dial. Starts the template's service where the port is its. */
void wrn_box_dial(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context);

/* ---- snapshots ---- */

/* Makes a snapshot with that id, [a-z0-9-], of what the frozen box and its template have written. It is whole when
 * `done` comes without a fault, and not there otherwise. */
void wrn_box_snapshot(wrn_box *box, const char *snapshot_id, wrn_snapshot_fn done, void *context);
/* The snapshot of it that is being made, if any, ends soon and with a fault. */
void wrn_box_stop_snapshot(wrn_box *box);
/* No box is made from it any more. Those that were keep it. */
void wrn_boxes_drop_snapshot(wrn_boxes *boxes, const char *snapshot_id);
/* Removes all that a crash left half made or half removed; the names are free at once. Before the first box is made. */
void wrn_boxes_sweep_snapshots(wrn_boxes *boxes, bool (*is_known)(void *context, const char *snapshot_id),
                               void *context);

/* ---- what is done with a command ---- */

/* Starts one. NULL with a fault when it cannot even be asked for. */
wrn_proc *wrn_box_exec(wrn_box *box, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault);
/* Sends a signal to the command and all its descendants; on_end still follows. */
void wrn_proc_signal(wrn_proc *proc, int signo);
/* Nobody waits for it any more: kills it and them, unless it has ended itself and only its output is held open: then they
 * go on. on_end still follows. */
void wrn_proc_give_up(wrn_proc *proc);
/* Stops and continues delivery of output (back-pressure). */
void wrn_proc_read_stop(wrn_proc *proc);
void wrn_proc_read_start(wrn_proc *proc);
/* Input, for want_stdin and terminals. The number of bytes taken; when fewer than `size`, on_room follows. What a
 * command no longer reads is taken and lost. */
size_t wrn_proc_write(wrn_proc *proc, const void *data, size_t size);
/* Everything written still arrives. On a terminal it is the end-of-file character. */
void wrn_proc_close_stdin(wrn_proc *proc);
/* 0, 0: it keeps its size, and its program is told of it once more, to draw itself. */
void wrn_proc_resize(wrn_proc *proc, uint16_t cols, uint16_t rows);
/* Another label instead of the one it was started with. */
void wrn_proc_relabel(wrn_proc *proc, const char *label);

#endif
