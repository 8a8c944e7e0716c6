/* Boxes: live sandboxes. A backend runs the box, and an agent in it talks to this daemon. This layer is the same for
 * every backend: commands, pausing, the template's service, snapshots, and how boxes survive a restart of the daemon.
 *
 * Everything runs on one libuv loop, in its thread. Calls block for no more than a few system calls unless they say so.
 * What takes longer ends in a callback, exactly once, never from inside the call. Pointers in arguments are valid only
 * during the call. */
#pragma once

#include "server/backend/backend.h"
#include "server/templates/templates.h"
#include "wire/frame.h"

typedef struct wrn_boxes wrn_boxes; /* all boxes of this daemon, and the backends that run here */
typedef struct wrn_box wrn_box;
typedef struct wrn_proc wrn_proc; /* a command running in a box */

typedef void (*wrn_box_fn)(void *context, wrn_box *box, const wrn_fault *fault); /* fault is NULL on success */

/* ---- commands ---- */

typedef enum wrn_proc_end {
    WRN_PROC_EXITED,   /* code is 0..255 */
    WRN_PROC_SIGNALED, /* code is the signal number */
    WRN_PROC_TIMED_OUT,
    WRN_PROC_LOST,   /* the agent or the box is gone; the outcome is unknown */
    WRN_PROC_FAILED, /* never started: fault says why */
    WRN_PROC_RUNS    /* of a log: that is all so far */
} wrn_proc_end;

/* How a command ended. */
typedef struct wrn_proc_result {
    wrn_proc_end end;
    int code;
    /* Descendants still held the output when waiting for it ended: what they wrote after that is lost. */
    bool output_cut;
    bool oom_killed;        /* it failed, and the OOM killer has killed something in the box meanwhile */
    const wrn_fault *fault; /* NULL: none */
} wrn_proc_result;

/* Each may be NULL. on_end comes last and exactly once, after all output; the wrn_proc is gone when it returns. A
 * program that does not exist is not a failure: it ends with code 127 and a message on stderr (126 when not
 * executable), unless it has a label and no terminal: that is WRN_PROC_FAILED, with the same code; a cwd or user that does not exist is WRN_PROC_FAILED with WRN_FAULT_INVALID_REQUEST. */
typedef struct wrn_proc_events {
    void (*on_start)(void *context, int64_t pid);
    void (*on_output)(void *context, int stream /* 1 stdout, 2 stderr */, const void *data, size_t size);
    void (*on_end)(void *context, const wrn_proc_result *result);
    /* There is room again after a partial write(). */
    void (*on_room)(void *context);
    /* Of a log, before any output: where it begins, and how many bytes before that were asked for but are not kept. */
    void (*on_from)(void *context, uint64_t offset, uint64_t dropped);
    void *context;
} wrn_proc_events;

/* A detached command that an earlier daemon has left running, or whose output is still kept. */
typedef struct wrn_detached {
    wrn_proc *proc; /* NULL: it has ended */
    uint32_t log;   /* as of wrn_proc_log() */
    const char *label;
    int64_t pid; /* 0: on_start follows */
    bool terminal;
} wrn_detached;

/* Fills in `events` to re-attach to the command; on false it is killed. The output that is still buffered follows. */
typedef bool (*wrn_detached_fn)(void *context, const wrn_detached *command, wrn_proc_events *events);

/* ---- all of them ---- */

/* Opens the backends that can run here. Removes everything that earlier daemons have left (processes, cgroups, mounts,
 * files) except boxes that can be adopted. Blocks. 0, or -1 with a fault. */
int wrn_boxes_open(const wrn_backend_config *config, wrn_boxes **ret, wrn_fault *fault);
/* After all boxes were destroyed or left. */
void wrn_boxes_close(wrn_boxes *boxes);
/* What boxes of each backend that runs here get: wrn_backend_ops.probe() by name, the preferred one first. */
const wrn_json *wrn_boxes_isolations(const wrn_boxes *boxes);
/* Whether boxes of that backend can have a network: wrn_backend_ops.check_network. */
int wrn_boxes_check_network(const wrn_boxes *boxes, const char *backend, wrn_fault *fault);
/* Adjusts the requested sizes: wrn_backend_ops.fit. */
void wrn_boxes_fit(const wrn_boxes *boxes, const char *backend, int64_t *vcpus, int64_t *memory_mb, int64_t *disk_mb);
/* Finds a template of the platform. 0, or -1 with a fault: WRN_FAULT_NOT_FOUND when there is none of that name. */
int wrn_boxes_find_template(const wrn_boxes *boxes, const char *name, wrn_template *out, wrn_fault *fault);
void wrn_boxes_list_templates(const wrn_boxes *boxes, wrn_template_fn each, void *context);

/* `wrennd doctor`: appends the checks of all backends to `report`, an array of {check, ok, detail, fix}. Blocks. False
 * when no backend can run a sandbox. */
bool wrn_boxes_doctor(const wrn_backend_config *config, wrn_json *report);
/* `wrennd vm setup`: wrn_backend_ops.setup of all backends. Blocks. False with a fault. */
bool wrn_boxes_set_up(const wrn_backend_config *config, const wrn_setup_plan *plan, wrn_fault *fault);
/* `wrennd doctor --leaks`: appends what dead daemons have left to `report`, an array of {kind, what}. */
void wrn_boxes_leaks(const wrn_backend_config *config, wrn_json *report);

/* ---- one ---- */

/* Makes a box and waits for its agent. `died` is called if it ends by itself: once, after `done`. `detached` is called before `done` for
 * each command of another box that goes on in this one: of its moment, or of its snapshot. */
void wrn_box_create(wrn_boxes *boxes, const wrn_box_spec *spec, wrn_detached_fn detached, wrn_done_fn died,
                    wrn_box_fn done, void *context);
/* Whether it pays to make boxes of that backend ahead of their use, as wrn_box_spec.spare and with a NULL `detached`. Such a box ends with
 * this daemon until it is given to somebody. */
bool wrn_boxes_make_spares(const wrn_boxes *boxes, const char *backend);
/* Whether the template of that name is still the one that the box was made from. */
bool wrn_box_is_current(const wrn_box *box);
/* Lets a frozen spare go on, with that network policy; NULL if it was made without a network. Nothing else is asked of it until `done`; after a
 * fault only its end. */
void wrn_box_wake(wrn_box *box, const char *network, wrn_done_fn done, void *context);
/* After that. `died` and `context` take the place of those of create. */
void wrn_box_give(wrn_box *box, wrn_done_fn died, void *context);
/* Waits until the service listens that starts with the box, if its template has one; not for ever. */
void wrn_box_await_service(wrn_box *box, wrn_done_fn done, void *context);
/* Adopts the box of that id that an earlier daemon has left, with the backend that runs it. `detached` is called for
 * each command that still runs in it: before `done`, or for a frozen box when it is thawed. Only the id, the
 * template's name and the network policy are read in `spec`. WRN_FAULT_NOT_FOUND: there is none. After any other fault the box is gone. */
void wrn_box_adopt(wrn_boxes *boxes, const wrn_box_spec *spec, bool frozen, wrn_detached_fn detached, wrn_done_fn died,
                   wrn_box_fn done, void *context);
/* Destroys the boxes that were not adopted. */
void wrn_boxes_end_adoption(wrn_boxes *boxes);
/* Forgets a box and leaves it to the next daemon. Commands without a label end. Not during a freeze, thaw or
 * snapshot. */
void wrn_box_leave(wrn_box *box, wrn_done_fn done, void *context);
/* Whether boxes can be left. */
bool wrn_boxes_can_leave(const wrn_boxes *boxes);
/* Kills everything in the box, frozen or dead, then removes it. Commands still running get WRN_PROC_LOST first. The box
 * is gone when `done` runs. */
void wrn_box_destroy(wrn_box *box, wrn_done_fn done, void *context);
void wrn_box_freeze(wrn_box *box, wrn_done_fn done, void *context);
void wrn_box_thaw(wrn_box *box, wrn_done_fn done, void *context);
/* Whether the memory of the box can go to the disk. 0, or -1 with a fault. */
int wrn_box_check_hibernate(const wrn_box *box, wrn_fault *fault);
/* Moves the memory of a frozen box to the disk: wrn_backend_ops.hibernate. */
void wrn_box_hibernate(wrn_box *box, wrn_done_fn done, void *context);
/* Whether copies can be made of the box. 0, or -1 with a fault. */
int wrn_box_check_moment(const wrn_box *box, wrn_fault *fault);
/* Keeps a running box as it is now, for copies: wrn_box_spec.moment. It stands still meanwhile. The caller releases the moment. */
void wrn_box_keep_moment(wrn_box *box, wrn_moment_fn done, void *context);
/* A round trip to the agent. */
void wrn_box_ping(wrn_box *box, wrn_done_fn done, void *context);
void wrn_box_measure(wrn_box *box, wrn_box_stats *out);
/* An object: `counted`, what the gate has counted, as its protocol has it (missing: nothing yet); `gate`: running or
 * restarting; `mode`; after wrn_box_set_network() `cut`, how many connections that has ended. */
typedef void (*wrn_network_fn)(void *context, const wrn_json *state, const wrn_fault *fault);
bool wrn_box_has_network(const wrn_box *box);
/* What came of the box's network policy, also when the box has died. WRN_FAULT_CONFLICT: it was made without a network. */
void wrn_box_network(wrn_box *box, wrn_network_fn done, void *context);
/* Whether it may connect to what `asked` names, by host, port and proto: `allowed`, and `reason`, `rule` and `source` as in the
 * API. */
void wrn_box_check_network(wrn_box *box, wrn_json *asked, wrn_network_fn done, void *context);
/* Replaces the policy and the secrets, as in wrn_box_spec. A gate that is being restarted obeys it from its start on. */
void wrn_box_set_network(wrn_box *box, const char *policy, int secrets, wrn_network_fn done, void *context);
/* Replaces /run/wrenn/network, in which programs in the box read its policy. `done`, which may be NULL, gets no fault: what the
 * box does with its files is its own affair. In a frozen box that happens when it is thawed. */
void wrn_box_show_network(wrn_box *box, wrn_done_fn done, void *context);
/* Replaces the secrets of the policy. Connections that they were for are cut if they have changed. */
void wrn_box_set_secrets(wrn_box *box, int secrets);
/* Connects to a TCP port: wrn_backend_ops.dial. Starts the template's service if it is its port. */
void wrn_box_dial(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context);

/* Somebody waits for that port: starts the template's service if it is its. */
void wrn_box_want_port(wrn_box *box, uint16_t port);

/* ---- snapshots ---- */

/* Makes a snapshot with that id, [a-z0-9-], of the files that the frozen box and its template have written, and of its memory if its
 * backend can keep that. It is complete, or with a fault does not exist, when `done` runs. */
void wrn_box_snapshot(wrn_box *box, const char *snapshot_id, wrn_snapshot_fn done, void *context);
/* Cancels the snapshot that is being made, if any: its `done` gets a fault soon. */
void wrn_box_stop_snapshot(wrn_box *box);
/* Describes a snapshot. 0, or -1 with a fault. */
int wrn_boxes_find_snapshot(const wrn_boxes *boxes, const char *snapshot_id, wrn_template *out, wrn_fault *fault);
/* Deletes a snapshot. Its files stay until the last box made from it is gone. */
void wrn_boxes_drop_snapshot(wrn_boxes *boxes, const char *snapshot_id);
/* Removes what a crash has left partially made or removed; the names are free at once. Before the first box is made. */
void wrn_boxes_sweep_snapshots(wrn_boxes *boxes, bool (*is_known)(void *context, const char *snapshot_id),
                               void *context);

/* ---- what is done with a command ---- */

/* Starts a command. NULL with a fault when the request can't be sent. */
wrn_proc *wrn_box_exec(wrn_box *box, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault);
/* Sends a signal to the command and all its descendants; on_end still follows. */
void wrn_proc_signal(wrn_proc *proc, int signo);
/* Nobody waits for the command any more: kills it and its descendants. If it has ended and descendants only hold its
 * output, they go on. on_end still follows. */
void wrn_proc_give_up(wrn_proc *proc);
/* Pause and resume delivery of output (back-pressure). */
void wrn_proc_read_stop(wrn_proc *proc);
void wrn_proc_read_start(wrn_proc *proc);
/* Writes input, for want_stdin and terminals. Returns the number of bytes taken; if fewer than `size`, on_room follows.
 * Input that the command does not read any more is discarded. */
size_t wrn_proc_write(wrn_proc *proc, const void *data, size_t size);
/* Everything written still arrives. On a terminal, sends the end-of-file character. */
void wrn_proc_close_stdin(wrn_proc *proc);
/* 0, 0: keeps the size, but sends SIGWINCH, so that the program redraws. */
void wrn_proc_resize(wrn_proc *proc, uint16_t cols, uint16_t rows);
/* What to call the output of this detached command, which is no terminal, when it is to be read. */
uint32_t wrn_proc_log(const wrn_proc *proc);
/* Reads kept output, also of the last WRN_LOGS_KEPT commands that have ended: on_from, output, and the end of the command, or
 * WRN_PROC_RUNS. Stopping to read does not stop the command, and may leave bytes out. NULL with a fault. */
wrn_proc *wrn_box_read_log(wrn_box *box, const wrn_log_request *request, const wrn_proc_events *events,
                           wrn_fault *fault);
/* Replaces the label. */
void wrn_proc_relabel(wrn_proc *proc, const char *label);
