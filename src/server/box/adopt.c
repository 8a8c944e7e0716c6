/* How boxes get from one daemon to the next. */
#include <stdlib.h>
#include <string.h>

#include "server/box/internal.h"

/* ---- adopting ---- */

static orphan *find_orphan(const wrn_boxes *boxes, const char *id) {
    for (size_t i = 0; i < boxes->orphan_count; i++)
        if (strcmp(boxes->orphans[i].known.id, id) == 0) return &boxes->orphans[i];
    return NULL;
}

/* Opens what the box was made from. Its template's name may mean something else by now. */
static int reopen_source(wrn_box *box, const held_box *known, const char *name, wrn_fault *fault) {
    char link[64], dir[PATH_MAX];
    if (known->source_fd < 0) return source_minimal(&box->source, box->boxes->config.state_dir), 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", known->source_fd);
    ssize_t size = readlink(link, dir, sizeof(dir) - 1);
    dir[size > 0 ? size : 0] = '\0';
    if (source_open(dir, name, &box->source, fault) != 0) return -1;
    if (*known->snapshot_id) box->held = snapshot_hold(&box->boxes->snapshots, known->snapshot_id);
    return 0;
}

/* The orphan becomes the box. `policy`, `secrets`: see gate_adopt(). */
static void take_over(wrn_box *box, orphan *o, const char *policy, int secrets) {
    wrn_boxes *boxes = box->boxes;
    if (o->known.source_fd >= 0) close(o->known.source_fd);
    box->run = o->known.run;
    box->run.link_source = -1;
    box->runner = o->runner;
    box->it = o->it;
    if (o->known.gate.control >= 0 && o->known.gate.pidfd >= 0)
        box->gate = gate_adopt(box, &o->known.gate, policy, secrets);
    *o = boxes->orphans[--boxes->orphan_count];
    box_watch(box);
}

static int connect_agent(wrn_box *box, const wrn_box_spec *spec, wrn_detached_fn detached, wrn_fault *fault) {
    int channel[2];
    const wrn_root root = source_root(&box->source);
    if (box->runner->ops->connect(box->it, spec, &root, channel, fault) != 0) return -1;
    box_open_agent(box, channel, detached);
    return 0;
}

static void on_adopted_frozen(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (fault) return box_fail(box, fault);
    uv_timer_stop(&box->timer);
    box->phase = LIVE;
    box->created(box->context, box, NULL);
}

static void on_adopted_thawed(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (fault && box->phase == CREATING) box_fail(box, fault);
}

static void on_paused_again(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (fault) box_fail(box, fault);
    else box->created(box->context, box, NULL);
}

/* Where the agent has to freeze a box, the box ran while there was no daemon. */
static void pause_again(wrn_box *box) { wrn_box_freeze(box, on_paused_again, box); }

void wrn_box_adopt(wrn_boxes *boxes, const wrn_box_spec *spec, bool frozen, wrn_detached_fn detached, wrn_done_fn died,
                   wrn_box_fn done, void *context) {
    wrn_fault fault;
    orphan *o = find_orphan(boxes, spec->id);
    if (!o) {
        wrn_fault_set(&fault, WRN_FAULT_NOT_FOUND, "nothing is left of it");
        return box_refuse(boxes, done, context, &fault);
    }
    wrn_box *box = box_new(boxes, spec->id, died, done, context);
    bool found = reopen_source(box, &o->known, spec->template_name, &fault) == 0;
    take_over(box, o, spec->network, spec->secrets);
    if (!found || connect_agent(box, spec, detached, &fault) != 0) return box_fail(box, &fault);
    const wrn_backend_ops *ops = box->runner->ops;
    if (!frozen) (void)ops->thaw(box->it, on_adopted_thawed, box);
    else if (ops->freeze(box->it, on_adopted_frozen, box)) wrn_agent_suspend(box->agent, true);
    else box->ready = pause_again;
}

static void on_orphan_gone(void *context, const wrn_fault *fault) { (void)context, (void)fault; }

void wrn_boxes_end_adoption(wrn_boxes *boxes) {
    while (boxes->orphan_count) {
        wrn_box *box = box_new(boxes, boxes->orphans[0].known.id, NULL, NULL, NULL);
        take_over(box, &boxes->orphans[0], NULL, 0);
        wrn_box_destroy(box, on_orphan_gone, NULL);
    }
    free(WRN_TAKE(boxes->orphans));
}

/* ---- leaving ---- */

void wrn_box_leave(wrn_box *box, wrn_done_fn done, void *context) {
    box->boxes->has_left = true;
    uv_poll_stop(&box->exit_poll);
    box_detach(box, done, context);
    gate_leave(WRN_TAKE(box->gate));
    box->runner->ops->release(box->it, NULL, NULL);
    box_close(box);
}
