/* Keeps a holder running, and tells it about boxes. */
#include <stdlib.h>

#include "base/clock.h"
#include "server/box/internal.h"

enum { HOLDER_RESTART_MS = 1000 };

void box_hold(wrn_box *box) {
    wrn_boxes *boxes = box->boxes;
    held_box known = {.run = box->run, .source_fd = box->source.held - 1, .gate = gate_held(box->gate)};
    if (box->spare || box->run.handover_fd < 0 || box->reaped || !boxes->holder_poll) return;
    snprintf(known.id, sizeof(known.id), "%s", box->id);
    snprintf(known.backend, sizeof(known.backend), "%s", box->runner->ops->name);
    if (box->held) snprintf(known.snapshot_id, sizeof(known.snapshot_id), "%s", box->held->id);
    if (!holder_add(&boxes->holder, &known)) holder_end(&boxes->holder);
}

void box_drop(wrn_box *box) {
    wrn_boxes *boxes = box->boxes;
    if (box->spare || box->run.handover_fd < 0 || !boxes->holder_poll) return;
    if (!holder_drop(&boxes->holder, box->id)) holder_end(&boxes->holder);
}

static void stop_watching_holder(wrn_boxes *boxes) {
    if (boxes->holder_poll) uv_close((uv_handle_t *)WRN_TAKE(boxes->holder_poll), wrn_handle_free);
}

static void restart_holder(uv_timer_t *timer) {
    wrn_boxes *boxes = timer->data;
    if (boxes_start_holder(boxes) != 0) {
        uv_timer_start(timer, restart_holder, HOLDER_RESTART_MS, 0);
        return;
    }
    for (wrn_box *box = boxes->all; box; box = box->next) box_hold(box);
}

/* The holder was killed. Until the next one runs, boxes end with this daemon. */
static void on_holder_gone(uv_poll_t *poll, int status, int events) {
    wrn_boxes *boxes = poll->data;
    (void)status, (void)events;
    stop_watching_holder(boxes);
    holder_end(&boxes->holder);
    holder_leave(&boxes->holder, false);
    /* At once, unless this one was started just now. */
    int64_t wait_ms = boxes->holder_ms + HOLDER_RESTART_MS - wrn_now_ms();
    uv_timer_start(boxes->holder_timer, restart_holder, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

void boxes_watch_holder(wrn_boxes *boxes) {
    uv_loop_t *loop = boxes->config.loop;
    boxes->holder_poll = malloc(sizeof(*boxes->holder_poll));
    if (uv_poll_init(loop, boxes->holder_poll, boxes->holder.fd) != 0) abort();
    boxes->holder_poll->data = boxes;
    uv_poll_start(boxes->holder_poll, UV_READABLE | UV_DISCONNECT, on_holder_gone);
    uv_unref((uv_handle_t *)boxes->holder_poll);
    if (boxes->holder_timer) return;
    boxes->holder_timer = malloc(sizeof(*boxes->holder_timer));
    uv_timer_init(loop, boxes->holder_timer);
    boxes->holder_timer->data = boxes;
    uv_unref((uv_handle_t *)boxes->holder_timer);
}

int boxes_start_holder(wrn_boxes *boxes) {
    holder_plan plan = {.config = &boxes->config, .boxes_dir = boxes->dir};
    for (size_t i = 0; i < boxes->runner_count; i++)
        plan.states[i] = boxes->runners[i].backend ? &boxes->runners[i].state : NULL;
    boxes->holder_ms = wrn_now_ms();
    if (holder_start(&boxes->holder, &plan) != 0) return -1;
    boxes_watch_holder(boxes);
    return 0;
}

void boxes_stop_holder(wrn_boxes *boxes) {
    stop_watching_holder(boxes);
    if (boxes->holder_timer) uv_close((uv_handle_t *)WRN_TAKE(boxes->holder_timer), wrn_handle_free);
    /* Boxes that are not adopted yet are left to the next daemon. */
    for (size_t i = 0; i < boxes->orphan_count; i++) {
        const orphan *o = &boxes->orphans[i];
        if (o->it) o->runner->ops->release(o->it, NULL, NULL);
        held_close(&o->known);
    }
    holder_leave(&boxes->holder, boxes->has_left || boxes->orphan_count);
    free(WRN_TAKE(boxes->orphans));
    boxes->orphan_count = 0;
}
