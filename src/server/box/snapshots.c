/* Snapshots of boxes: the backend reports what a box has written, and templates/snapshot.c copies it. */
#include <string.h>

#include "server/box/internal.h"

static void on_box_copied(void *context, int64_t size_bytes, const wrn_fault *fault) {
    wrn_box *box = context;
    wrn_snapshot_fn copied = WRN_TAKE(box->copied);
    box->copy = NULL;
    copied(box->copied_context, size_bytes, fault);
}

/* A snapshot with memory starts with a backend of that level only. */
static int64_t level_of(const wrn_box *box) {
    const wrn_json *isolation = wrn_json_get(box->boxes->isolations, box->runner->ops->name);
    return wrn_level_of(wrn_json_text(isolation, "level"));
}

static snapshot_copy *start_copy(wrn_box *box, const wrn_saved *saved) {
    wrn_boxes *boxes = box->boxes;
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    char target[PATH_MAX];
    snapshot_path(&boxes->snapshots, box->copy_id, target);
    if (saved->moment) box->source.shown.level = level_of(box);
    source_document(&box->source, "snapshot", NULL, saved->moment, &text);
    const snapshot_plan plan = {.ops = box->runner->ops,
                                .backend = box->runner->backend,
                                .id = box->copy_id,
                                .root = geteuid() == 0,
                                .durable = !boxes->config.ephemeral,
                                .parent = getpid(),
                                .saved = saved,
                                .tree = box->source.tree,
                                .tree_name = source_tree_name(&box->source),
                                .document = text.data,
                                .target = target};
    return snapshot_copy_start(boxes->config.loop, &plan, on_box_copied, box);
}

static void on_save_failed(void *context, const wrn_fault *fault) { on_box_copied(context, 0, fault); }

static void on_box_saved(void *context, const wrn_saved *saved, const wrn_fault *fault) {
    wrn_box *box = context;
    wrn_fault own;
    if (box->phase != LIVE || !box->done) return; /* it has ended, and on_save_failed() was called */
    box->done = NULL;
    if (box->copy_stopped) wrn_fault_set(&own, WRN_FAULT_INTERNAL_ERROR, "the snapshot was stopped"), fault = &own;
    else if (!fault && (box->copy = start_copy(box, saved))) return;
    else if (!fault)
        wrn_fault_set(&own, WRN_FAULT_INTERNAL_ERROR, "cannot start the snapshot: %s", strerror(errno)), fault = &own;
    on_box_copied(box, 0, fault);
}

void wrn_box_snapshot(wrn_box *box, const char *id, wrn_snapshot_fn done, void *context) {
    box->copied = done;
    box->copied_context = context;
    box->copy_stopped = false;
    snprintf(box->copy_id, sizeof(box->copy_id), "%s", id);
    if (!box_begin_freezing(box, "make a snapshot", on_save_failed, box)) return;
    char target[PATH_MAX];
    snapshot_path(&box->boxes->snapshots, id, target);
    box->runner->ops->save(box->it, target, on_box_saved, box);
}

void wrn_box_stop_snapshot(wrn_box *box) {
    box->copy_stopped = true;
    if (box->copy) snapshot_copy_stop(box->copy);
}

int wrn_boxes_find_snapshot(const wrn_boxes *boxes, const char *id, wrn_template *out, wrn_fault *fault) {
    char dir[PATH_MAX];
    source s;
    snapshot_path(&boxes->snapshots, id, dir);
    if (source_open(dir, id, &s, fault) != 0) return -1;
    *out = s.shown;
    source_close(&s);
    return 0;
}

void wrn_boxes_drop_snapshot(wrn_boxes *boxes, const char *id) { snapshot_drop(&boxes->snapshots, id); }

void wrn_boxes_sweep_snapshots(wrn_boxes *boxes, bool (*is_known)(void *context, const char *snapshot_id),
                               void *context) {
    snapshots_sweep(&boxes->snapshots, is_known, context);
}
