/* Boxes, inside. The files know each other only in this order, from the top down:
 *
 *     boxes.c    all boxes: opening and closing
 *     adopt.c    boxes of an earlier daemon
 *     snapshots.c
 *     commands.c what can be done with a live box
 *     box.c      one box: its start and its end
 *     service.c  the program that its template starts
 *     relay.c    connections to its ports
 *     gate.c     the process through which it reaches the network; gate_settings.c: what that is told
 *     injector.c the process that adds headers with secrets
 *     helper.c   starts both processes
 *     notice.c   what programs in it are told of its network
 *     keep.c     what the holder is told; holder.c is that process */
#pragma once

#include "base/file.h"
#include "server/box/agent_conn.h"
#include "server/box/box.h"
#include "server/box/holder.h"
#include "server/templates/catalog.h"
#include "server/templates/snapshot.h"

typedef struct service service;
typedef struct gate gate;
typedef struct injector injector;

/* A row of the table of backends, and the backend if it runs here. */
typedef struct runner {
    const wrn_backend_ops *ops;
    wrn_backend *backend; /* NULL: it can't run here */
    wrn_backend_state state;
    wrn_fault why_not;
} runner;

/* A box of an earlier daemon that is not adopted yet. */
typedef struct orphan {
    held_box known;
    const runner *runner;
    wrn_instance *it;
} orphan;

struct wrn_boxes {
    wrn_backend_config config;
    runner runners[WRN_BACKENDS_MAX];
    size_t runner_count;
    wrn_json *isolations;
    char dir[PATH_MAX]; /* contains a directory for each box */
    int lock_fd;
    snapshots snapshots;
    wrn_box *all;
    holder holder;
    uv_poll_t *holder_poll;     /* NULL: there is no holder */
    uv_timer_t *holder_timer;   /* until the next one is started */
    int64_t holder_ms;          /* when it was started */
    uv_fs_event_t *names_watch; /* of how this machine resolves names; NULL: no box has needed it yet */
    int gate_origin;            /* a socket to the process that gates are copies of; -1: there is none yet */
    pid_t gate_origin_pid;
    orphan *orphans;
    size_t orphan_count;
    bool has_left; /* boxes were left to the next daemon */
};

typedef enum phase { CREATING, LIVE, DIED, DESTROYING } phase;
typedef struct waking waking;

struct wrn_box {
    wrn_boxes *boxes;
    wrn_box *next; /* of all */
    const runner *runner;
    wrn_instance *it;
    wrn_running run;
    char id[WRN_BOX_ID_MAX + 1], dir[PATH_MAX];
    source source;
    service *service;
    gate *gate; /* NULL: it has no network */
    held *held; /* the snapshot it was made from */
    snapshot_copy *copy;
    char copy_id[WRN_BOX_ID_MAX + 1];
    bool copy_stopped;
    wrn_snapshot_fn copied;
    void *copied_context;
    phase phase;
    bool reaped;
    bool spare;     /* not given to anybody yet: the holder does not know it */
    waking *waking; /* of such a box; NULL: that is not under way */
    bool greeted;   /* the agent has sent its first frame to this daemon */
    wrn_agent *agent;
    uv_poll_t exit_poll;
    uv_timer_t timer; /* limits the time to that frame */
    int handles;
    wrn_detached_fn detached;
    void (*ready)(wrn_box *box); /* called instead of `created` when the box is live */
    wrn_done_fn died;
    wrn_box_fn created; /* or adopted */
    void *context;
    wrn_done_fn done; /* of destroy, freeze or thaw */
    void *done_context;
    char removal_problem[200];
};

/* ---- box.c ---- */

wrn_box *box_new(wrn_boxes *boxes, const char *id, wrn_done_fn died, wrn_box_fn created, void *context);
/* Watches the box's process. From then on only box_fail() and wrn_box_destroy() end the box. */
void box_watch(wrn_box *box);
/* Talks to the agent over the channel. `detached` is NULL for a box that has had no other daemon. */
void box_open_agent(wrn_box *box, const int channel[2], wrn_detached_fn detached);
/* Destroys the box, then calls `created` with the fault. */
void box_fail(wrn_box *box, const wrn_fault *fault);
/* Calls `created` with the fault, later. */
void box_refuse(const wrn_boxes *boxes, wrn_box_fn created, void *context, const wrn_fault *fault);
/* Limits the time until the agent sends its first frame. */
void box_limit(wrn_box *box);
/* Calls `done`. */
void box_done(wrn_box *box, const wrn_fault *fault);
/* Ends commands and connections, before the process ends or is left. */
void box_detach(wrn_box *box, wrn_done_fn done, void *context);
/* Frees the box, but leaves its process alone. */
void box_close(wrn_box *box);
/* The backend of that name (NULL: the first that runs here); NULL with a fault. */
const runner *runner_for(const wrn_boxes *boxes, const char *backend, wrn_fault *fault);

/* The gate lets out what it should, for the first time; or it can't, and the box fails. */
void box_gate_is_ready(wrn_box *box, const wrn_fault *fault);

/* ---- commands.c ---- */

/* What is done with a box one at a time: until box_done(), `done` hears of its end. False, with a fault for `done`, when this is not
 * possible now. */
bool box_begin_freezing(wrn_box *box, const char *what, wrn_done_fn done, void *context);

/* ---- relay.c ---- */

/* As wrn_backend_ops.dial, for every backend. Only while the agent is there. */
void box_reach_port(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context);

/* ---- gate.c ---- */

/* For a box that is prepared and will have a network; the gate starts at once. `secrets` as in wrn_box_spec; it is copied. */
gate *gate_new(wrn_box *box, const char *policy, int secrets);
/* When the box has been started, with that of wrn_running, which is taken. box_gate_is_ready() follows. */
void gate_await_link(gate *g, int link_source);
/* Takes over the gate of a box that an earlier daemon started. NULL policy: the box is about to be destroyed. */
gate *gate_adopt(wrn_box *box, const held_gate *kept, const char *policy, int secrets);
bool gate_is_ready(const gate *g);
const char *gate_policy(const gate *g);
held_gate gate_held(const gate *g);
/* Tells the gate its policy again, after this machine's names have changed. `g` may be NULL. */
void gate_renew(gate *g);
/* wrn_box_network(), wrn_box_check_network() and wrn_box_set_network(). */
void gate_check(gate *g, wrn_json *asked, wrn_network_fn done, void *context);
void gate_look(gate *g, wrn_network_fn done, void *context);
/* Fills in what the gate has counted when it was last asked, and asks again. */
void gate_measure(gate *g, wrn_box_stats *out);
void gate_set(gate *g, const char *policy, int secrets, wrn_network_fn done, void *context);
/* wrn_box_set_secrets(). */
void gate_set_secrets(gate *g, int secrets);
/* Of all these `g` may be NULL. The process ends; before gate_free() nothing else is called. */
void gate_end(gate *g);
/* Once nothing of the process is left: it would wait for the end of the link, and what is removed after it for the process. */
void gate_free(gate *g);
/* Frees it. The process goes on for the next daemon. */
void gate_leave(gate *g);

/* ---- gate_settings.c ---- */

/* The members of the gate's request `set`, for a policy as JSON text. The caller frees it. */
wrn_json *gate_settings(const char *policy, const wrn_egress_config *config);
/* Adds `rule` and `source` of the API to the gate's answer to a check, which says where among these settings the rule is. */
void gate_name_rule(const char *policy, const wrn_egress_config *config, wrn_json *answer);

/* ---- notice.c ---- */

/* Before anybody uses a box that starts. */
void notice_put_first(const wrn_box *box);

/* ---- helper.c ---- */

enum { HELPER_FDS = 2 };

typedef struct helper_plan {
    int fds[HELPER_FDS]; /* what it has as 3 and on */
    unsigned count;
    int groups[WRN_HELPER_FDS]; /* what it writes "0" to, to be counted with its box; up to -1 */
    const char *path;
    char *const *argv;
} helper_plan;

/* Starts a program that has nothing else of this daemon. Its pid and pidfd; or -1 with errno. */
pid_t helper_start(const helper_plan *p, int *pidfd);
/* Starts the box's gate, which has these two descriptors; the caller closes them. It is no child of this process, and sends its pidfd with the
 * event `ready`; its end shows in the control socket. False with errno. */
bool helper_start_gate(const wrn_box *box, int control, int state);
/* Gates that were started go on. */
void helper_close(wrn_boxes *boxes);

/* ---- injector.c ---- */

/* Starts the process that adds headers, with the file `config_fd`. `ended` is called some time after it has ended by itself, or could not be
 * started; then it is gone. */
injector *injector_new(const wrn_box *box, int config_fd, void (*ended)(void *context), void *context);
/* The socket that the gate needs, once; -1: there is none. The caller closes it. */
int injector_take_end(injector *in);
/* The process ends, or goes on until its gate ends. `in` may be NULL, and is freed. */
void injector_end(injector *in);
void injector_leave(injector *in);

/* ---- service.c ---- */

#define SERVICE_LABEL "service"

/* For a box that has its agent and its source. NULL when the template has no service. */
service *service_new(wrn_box *box);
/* Once the agent is ready: starts a service that starts with the box. */
void service_begin(service *s);
/* Re-attaches to the running service. False when one is attached already. */
bool service_reattach(service *s, const wrn_detached *command, wrn_proc_events *events);
/* Before the agent is closed: those who wait get a fault. `s` may be NULL. */
void service_stop(service *s);
/* After the agent was closed. */
void service_free(service *s);
/* Starts the service if it is its port. */
void service_want(service *s, uint16_t port);
/* Like the backend's dial(), but waits for the service if it is its port. */
void service_dial(service *s, uint16_t port, wrn_dial_fn done, void *context);

/* Waits, patiently, until a service listens that starts with the box. False: there is none, and `done` is not called. */
bool service_await(service *s, wrn_dial_fn done, void *context);

/* ---- keep.c ---- */

/* 0, or -1 with errno. */
int boxes_start_holder(wrn_boxes *boxes);
/* For a holder that holder_find() has found. */
void boxes_watch_holder(wrn_boxes *boxes);
void boxes_stop_holder(wrn_boxes *boxes);
/* Give a box to the holder, and take it back. */
void box_hold(wrn_box *box);
void box_drop(wrn_box *box);
