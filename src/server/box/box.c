#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/arena.h"
#include "base/tree.h"
#include "server/box/internal.h"
#include "server/lane.h"

enum { CREATE_LIMIT_MS = 20000 };

/* ---- end of a box ---- */

static void free_box(wrn_box *box) {
    wrn_boxes *boxes = box->boxes;
    WRN_UNLINK(boxes->all, box, next);
    if (box->run.handover_fd >= 0) close(box->run.handover_fd);
    if (box->run.pidfd >= 0) close(box->run.pidfd);
    wrn_fd_close(&box->run.link_source);
    source_close(&box->source); /* before its directory may be removed */
    if (box->held) snapshot_release(&boxes->snapshots, box->held);
    free(box);
}

static void on_box_handle_closed(uv_handle_t *handle) {
    wrn_box *box = handle->data;
    if (--box->handles) return;
    wrn_done_fn done = box->done;
    void *context = box->done_context;
    wrn_fault fault;
    bool failed = box->removal_problem[0];
    if (failed)
        wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "sandbox %s is gone, but %s", box->id, box->removal_problem);
    free_box(box);
    done(context, failed ? &fault : NULL);
}

void box_close(wrn_box *box) {
    box->handles = 2;
    uv_close((uv_handle_t *)&box->timer, on_box_handle_closed);
    uv_close((uv_handle_t *)&box->exit_poll, on_box_handle_closed);
}

static void on_box_released(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (fault) snprintf(box->removal_problem, sizeof(box->removal_problem), "%.199s", fault->message);
    gate_free(WRN_TAKE(box->gate));
    box_close(box);
}

static void clean_up(wrn_box *box) {
    box_drop(box);
    box->runner->ops->release(box->it, on_box_released, box);
}

static void on_exit_ready(uv_poll_t *poll, int status, int events) {
    wrn_box *box = poll->data;
    (void)status, (void)events;
    siginfo_t info;
    if (waitid(P_PID, (id_t)box->run.pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0) return;
    uv_poll_stop(poll);
    box->reaped = true;
    if (box->phase == DESTROYING) clean_up(box);
}

void box_detach(wrn_box *box, wrn_done_fn done, void *context) {
    box->phase = DESTROYING;
    box->done = done;
    box->done_context = context;
    uv_timer_stop(&box->timer);
    service_stop(box->service);
    wrn_agent_close(box->agent);
    service_free(box->service);
    box->agent = NULL;
    box->service = NULL;
}

static void begin_destroy(wrn_box *box, wrn_done_fn done, void *context) {
    box_detach(box, done, context);
    gate_end(box->gate);
    box->runner->ops->kill(box->it, NULL);
    if (box->reaped) clean_up(box);
}

void wrn_box_destroy(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_done_fn waiting = box->done;
    void *waiting_context = box->done_context;
    if (box->phase == LIVE && waiting) { /* a freeze or thaw is under way */
        wrn_fault fault;
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox was destroyed");
        wrn_answer_later(box->boxes->config.loop, waiting, waiting_context, &fault);
    }
    begin_destroy(box, done, context);
}

void box_done(wrn_box *box, const wrn_fault *fault) {
    wrn_done_fn done = box->done;
    box->done = NULL;
    done(box->done_context, fault);
}

/* ---- start of a box ---- */

/* `created` gets the fault only after the box is cleaned up. */
typedef struct failure {
    wrn_box_fn created;
    void *context;
    wrn_fault fault;
} failure;

static void failure_done(void *context, const wrn_fault *fault) {
    failure *f = context;
    (void)fault;
    f->created(f->context, NULL, &f->fault);
    free(f);
}

static failure *failure_new(wrn_box_fn created, void *context, const wrn_fault *fault) {
    failure *f = malloc(sizeof(*f));
    *f = (failure){created, context, *fault};
    return f;
}

void box_fail(wrn_box *box, const wrn_fault *fault) {
    begin_destroy(box, failure_done, failure_new(box->created, box->context, fault));
}

void box_refuse(const wrn_boxes *boxes, wrn_box_fn created, void *context, const wrn_fault *fault) {
    wrn_answer_later(boxes->config.loop, failure_done, failure_new(created, context, fault), NULL);
}

/* A spare gets its network when somebody gets the spare, and its service starts with that. */
static bool lacks_network(const wrn_box *box) { return box->run.link_source >= 0; }

static void go_live(wrn_box *box) {
    box->phase = LIVE;
    if (box->ready) box->ready(box);
    else box->created(box->context, box, NULL);
}

static void on_network_shown(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    (void)fault;
    if (box->phase == CREATING) go_live(box); /* it may have ended meanwhile */
}

/* Once both its agent and its gate are ready. */
static void become_live(wrn_box *box) {
    if (!box->greeted || (box->gate && !gate_is_ready(box->gate))) return;
    uv_timer_stop(&box->timer);
    /* Before anybody uses what starts; a snapshot has the file of another one. */
    if (!box->detached && (box->gate || box->held)) notice_put_first(box);
    if (box->service && !lacks_network(box)) service_begin(box->service);
    if (box->phase == LIVE) { /* it was adopted frozen, and is thawed now */
        if (box->gate) wrn_box_show_network(box, NULL, NULL);
        if (box->done) box_done(box, NULL);
        return;
    }
    /* What goes on from a snapshot has the file of another one. */
    if (box->source.moment) return wrn_box_show_network(box, on_network_shown, box);
    /* The last daemon may have died before it did. */
    if (box->detached && box->gate) wrn_box_show_network(box, NULL, NULL);
    go_live(box);
}

/* What a spare becomes that somebody gets. */
struct waking {
    bool goes_on;
    wrn_done_fn done;
    void *context;
};

static void check_awake(wrn_box *box, const wrn_fault *fault) {
    if (!fault && (!box->waking->goes_on || (box->gate && !gate_is_ready(box->gate)))) return;
    waking w = *box->waking;
    free(WRN_TAKE(box->waking));
    uv_timer_stop(&box->timer);
    if (!fault && box->gate) notice_put_first(box);
    if (!fault && box->gate && box->service) service_begin(box->service);
    w.done(w.context, fault);
}

static void on_spare_thawed(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (!box->waking) return; /* its gate has failed */
    box->waking->goes_on = true;
    box_limit(box);
    check_awake(box, fault);
}

void wrn_box_wake(wrn_box *box, const char *network, wrn_done_fn done, void *context) {
    box->waking = malloc(sizeof(*box->waking));
    *box->waking = (waking){.done = done, .context = context};
    if (network) {
        box->gate = gate_new(box, network, 0);
        gate_await_link(box->gate, wrn_fd_take(&box->run.link_source));
    }
    wrn_box_thaw(box, on_spare_thawed, box);
}

static void on_agent_ready(void *context) {
    wrn_box *box = context;
    if (!box->greeted) box->runner->ops->started(box->it);
    box->greeted = true;
    become_live(box);
}

void box_gate_is_ready(wrn_box *box, const wrn_fault *fault) {
    if (box->waking) check_awake(box, fault);
    else if (fault) box_fail(box, fault);
    else become_live(box);
}

static int64_t box_oom_kills(void *context) {
    const wrn_box *box = context;
    return box->runner->ops->oom_kills(box->it);
}

static void on_agent_lost(void *context, const char *why) {
    wrn_box *box = context;
    wrn_fault fault;
    bool was_creating = box->phase == CREATING;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR,
                  was_creating ? "the sandbox's agent did not start: %s" : "the sandbox ended: its agent is gone (%s)",
                  why);
    box->runner->ops->kill(box->it, was_creating ? &fault : NULL);
    if (was_creating) return box_fail(box, &fault);
    box->phase = DIED;
    uv_timer_stop(&box->timer);
    if (box->done) box_done(box, &fault);
    if (box->waking) check_awake(box, &fault);
    if (box->died) box->died(box->context, &fault);
}

static bool on_detached(void *context, const wrn_detached *command, wrn_proc_events *events) {
    wrn_box *box = context;
    if (strcmp(command->label, SERVICE_LABEL) != 0) return box->detached(box->context, command, events);
    return command->proc && box->service && service_reattach(box->service, command, events);
}

static int64_t limit_ms(const wrn_box *box) {
    return box->runner->ops->start_ms ? box->runner->ops->start_ms : CREATE_LIMIT_MS;
}

static void on_agent_timeout(uv_timer_t *timer) {
    char why[64];
    const wrn_box *box = timer->data;
    snprintf(why, sizeof(why), "%s did not answer within %lld s",
             box->greeted && (box->phase != LIVE || box->waking) ? "its gate wrenn-gate" : "it",
             (long long)limit_ms(box) / 1000);
    on_agent_lost(timer->data, why);
}

void box_limit(wrn_box *box) { uv_timer_start(&box->timer, on_agent_timeout, (uint64_t)limit_ms(box), 0); }

static uint32_t box_awaited(void *context) {
    const wrn_box *box = context;
    return box->runner->ops->resume_number(box->it);
}

void box_open_agent(wrn_box *box, const int channel[2], wrn_detached_fn detached) {
    const wrn_agent_events events = {.ready = on_agent_ready,
                                     .lost = on_agent_lost,
                                     .context = box,
                                     .owner = box->id,
                                     .detached = detached ? on_detached : NULL,
                                     .awaited = detached && box->runner->ops->stops_agent ? box_awaited : NULL,
                                     .oom_kills = box_oom_kills,
                                     .watched = box->runner->ops->may_hang};
    box->detached = detached;
    box->agent = wrn_agent_open(box->boxes->config.loop, channel, &events);
    box->service = service_new(box);
}

wrn_box *box_new(wrn_boxes *boxes, const char *id, wrn_done_fn died, wrn_box_fn created, void *context) {
    wrn_box *box = calloc(1, sizeof(*box));
    *box = (wrn_box){.boxes = boxes,
                     .next = boxes->all,
                     .run = {.pidfd = -1, .handover_fd = -1, .link_source = -1},
                     .died = died,
                     .created = created,
                     .context = context};
    boxes->all = box;
    snprintf(box->id, sizeof(box->id), "%s", id);
    snprintf(box->dir, sizeof(box->dir), "%.4000s/%s", boxes->dir, box->id);
    return box;
}

void box_watch(wrn_box *box) {
    uv_loop_t *loop = box->boxes->config.loop;
    uv_timer_init(loop, &box->timer);
    uv_poll_init(loop, &box->exit_poll, box->run.pidfd);
    box->timer.data = box->exit_poll.data = box;
    uv_poll_start(&box->exit_poll, UV_READABLE, on_exit_ready);
    box_limit(box);
}

const runner *runner_for(const wrn_boxes *boxes, const char *backend, wrn_fault *fault) {
    const runner *refused = NULL;
    for (size_t i = 0; i < boxes->runner_count; i++) {
        const runner *r = &boxes->runners[i];
        if (backend && strcmp(backend, r->ops->name) != 0) continue;
        if (r->backend) return r;
        if (!refused) refused = r;
    }
    if (refused) *fault = refused->why_not;
    else wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "there is no backend \"%.64s\"", backend);
    return NULL;
}

/* ---- making a box ---- */

/* A worker makes the root, because the disk may be busy, and meanwhile the loop what else the box needs. */
typedef struct making {
    wrn_job job; /* first: a job is cast to its making */
    wrn_box *box;
    wrn_arena texts; /* of the spec */
    wrn_box_spec spec;
    wrn_detached_fn detached;
    source source;
    bool has_root, goes_on;   /* goes_on: from a moment */
    wrn_fault fault, refusal; /* why there is no root; why there is nothing else */
} making;

static making *new_making(wrn_box *box, const wrn_box_spec *spec, wrn_detached_fn detached) {
    making *m = calloc(1, sizeof(*m));
    const char **const texts[] = {&m->spec.id,      &m->spec.template_name, &m->spec.snapshot_id, &m->spec.backend,
                                  &m->spec.network, &m->spec.authority,     &m->spec.owner};
    *m = (making){.box = box, .spec = *spec, .detached = detached, .goes_on = spec->moment};
    m->spec.secrets = 0;   /* which the gate has */
    m->spec.moment = NULL; /* what the box goes on from, the backend has by then */
    for (size_t i = 0; i < WRN_COUNT(texts); i++)
        if (*texts[i]) *texts[i] = wrn_arena_dup(&m->texts, *texts[i], strlen(*texts[i]));
    return m;
}

static void free_making(making *m) {
    wrn_arena_free(&m->texts);
    free(m);
}

static int find_source(making *m) {
    const wrn_boxes *boxes = m->box->boxes;
    char dir[PATH_MAX];
    if (!m->spec.snapshot_id) return source_find(&boxes->config, m->spec.template_name, &m->source, &m->fault);
    snapshot_path(&boxes->snapshots, m->spec.snapshot_id, dir);
    return source_open(dir, m->spec.template_name, &m->source, &m->fault);
}

static void remove_root(wrn_job *job) { wrn_tree_remove(((making *)job)->box->dir); }

static void make_root(wrn_job *job) {
    making *m = (making *)job;
    if (find_source(m) != 0) return;
    const wrn_root root = source_root(&m->source);
    m->has_root = m->box->runner->ops->make_root(&m->spec, &root, m->box->dir, &m->fault);
}

static void give_up(wrn_job *job) {
    making *m = (making *)job;
    failure *f = failure_new(m->box->created, m->box->context, &m->refusal);
    free_box(m->box);
    free_making(m);
    failure_done(f, NULL);
}

static void on_started(void *context, const wrn_running *run, const int channel[2], const wrn_fault *fault) {
    making *m = context;
    wrn_box *box = m->box;
    if (fault) {
        gate_end(box->gate);
        gate_free(WRN_TAKE(box->gate));
        box->runner->ops->release(box->it, failure_done, failure_new(box->created, box->context, fault));
        free_box(box);
    } else {
        box->run = *run;
        box_hold(box);
        box_watch(box);
        if (box->gate) gate_await_link(box->gate, wrn_fd_take(&box->run.link_source));
        box_open_agent(box, channel, m->goes_on || box->source.moment ? m->detached : NULL);
    }
    free_making(m);
}

static void on_root_made(wrn_job *job) {
    making *m = (making *)job;
    wrn_box *box = m->box;
    box->source = m->source;
    if (!box->it) return wrn_lane_put(box->boxes->config.loop, WRN_LANE_REMOVE, job, remove_root, give_up);
    if (!m->has_root) return on_started(m, NULL, NULL, &m->fault);
    const wrn_root root = source_root(&box->source);
    box->runner->ops->start(box->it, &m->spec, &root, on_started, m);
}

void wrn_box_create(wrn_boxes *boxes, const wrn_box_spec *spec, wrn_detached_fn detached, wrn_done_fn died,
                    wrn_box_fn done, void *context) {
    wrn_fault fault;
    const runner *r = runner_for(boxes, spec->backend, &fault);
    if (!r) return box_refuse(boxes, done, context, &fault);
    wrn_box *box = box_new(boxes, spec->id, died, done, context);
    box->runner = r;
    box->spare = spec->spare;
    if (spec->snapshot_id) box->held = snapshot_hold(&boxes->snapshots, spec->snapshot_id);
    making *m = new_making(box, spec, detached);
    wrn_lane_put(boxes->config.loop, WRN_LANE_MAKE, &m->job, make_root, on_root_made);
    box->it = r->ops->prepare(r->backend, spec, box->dir, &m->refusal);
    if (box->it && spec->network && !spec->spare)
        box->gate = gate_new(box, spec->network, spec->secrets); /* which takes its time, too */
}

/* ---- spares ---- */

bool wrn_boxes_make_spares(const wrn_boxes *boxes, const char *backend) {
    wrn_fault fault;
    const runner *r = runner_for(boxes, backend, &fault);
    return r && r->ops->makes_spares;
}

/* Templates are replaced as a whole. */
static bool is_same_source(const source *one, const source *other) {
    struct stat a, b;
    if (!one->held || !other->held) return one->held == other->held;
    return fstat(one->held - 1, &a) == 0 && fstat(other->held - 1, &b) == 0 && a.st_dev == b.st_dev &&
           a.st_ino == b.st_ino;
}

bool wrn_box_is_current(const wrn_box *box) {
    source now = {0};
    wrn_fault fault;
    if (source_find(&box->boxes->config, box->source.shown.name, &now, &fault) != 0) return false;
    bool same = is_same_source(&box->source, &now);
    source_close(&now);
    return same;
}

void wrn_box_give(wrn_box *box, wrn_done_fn died, void *context) {
    box->died = died;
    box->context = context;
    box->spare = false;
    box_hold(box);
}

typedef struct service_wait {
    wrn_done_fn done;
    void *context;
} service_wait;

static void on_service_there(void *context, int fd, const wrn_fault *fault) {
    service_wait *w = context;
    if (fd >= 0) close(fd);
    w->done(w->context, fault);
    free(w);
}

void wrn_box_await_service(wrn_box *box, wrn_done_fn done, void *context) {
    service_wait *w = malloc(sizeof(*w));
    *w = (service_wait){done, context};
    if (box->phase == LIVE && box->service && !lacks_network(box) && service_await(box->service, on_service_there, w))
        return;
    free(w);
    wrn_answer_later(box->boxes->config.loop, done, context, NULL);
}
