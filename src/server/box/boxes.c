#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/lock.h"
#include "server/box/internal.h"
#include "server/trees.h"

static int make_dirs(wrn_boxes *boxes, wrn_fault *fault) {
    snapshots *kept = &boxes->snapshots;
    const char *state = boxes->config.state_dir;
    if (strlen(state) > PATH_MAX - 256) {
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "the path of the state directory is too long");
        return -1;
    }
    snprintf(boxes->dir, sizeof(boxes->dir), "%.3800s/boxes", state);
    kept->loop = boxes->config.loop;
    snprintf(kept->dir, sizeof(kept->dir), "%.3800s/snapshots", state);
    /* Traversed with the ids of sandboxes; the state directory itself keeps others out. */
    if ((mkdir(boxes->dir, 0711) == 0 || errno == EEXIST) && (mkdir(kept->dir, 0711) == 0 || errno == EEXIST)) return 0;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make directories in %.300s: %s", state, strerror(errno));
    return -1;
}

/* Held as long as they are open: what lies in an unlocked directory is a leftover. */
static int take_lock(wrn_boxes *boxes, wrn_fault *fault) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/lock", boxes->config.state_dir);
    boxes->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (boxes->lock_fd >= 0 && wrn_lock_take(boxes->lock_fd)) return 0;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot lock %.300s: %s; is another wrennd using it?", path,
                  strerror(errno));
    return -1;
}

static bool is_kept(const void *context, const char *id) {
    const inheritance *found = context;
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->boxes[i].id, id) == 0) return true;
    return false;
}

/* 0 when one of them can run here. */
static int open_backends(wrn_boxes *boxes, const inheritance *found, wrn_fault *fault) {
    bool any = false;
    for (size_t i = 0; wrn_backends[i]; i++) {
        runner *r = &boxes->runners[boxes->runner_count++];
        *r = (runner){.ops = wrn_backends[i], .keepsake = found->keepsakes[i]};
        r->keepsake.is_kept = is_kept;
        r->keepsake.context = found;
        if (r->ops->open(&boxes->config, &r->keepsake, &r->backend, &r->why_not) == 0) {
            any = true;
            if (r->keepsake.must_end) boxes->config.adopt_ms = 0;
            continue;
        }
        if (r->keepsake.fd >= 0) close(r->keepsake.fd);
    }
    if (!any) *fault = boxes->runners[0].why_not;
    return any ? 0 : -1;
}

/* One of a backend that does not run now stays with the holder. */
static void restore(wrn_boxes *boxes, const held_box *known) {
    char dir[PATH_MAX];
    snprintf(dir, sizeof(dir), "%.4000s/%s", boxes->dir, known->id);
    for (size_t i = 0; i < boxes->runner_count; i++) {
        const runner *r = &boxes->runners[i];
        if (!r->backend || strcmp(r->ops->name, known->backend) != 0) continue;
        orphan *o = &boxes->orphans[boxes->orphan_count++];
        *o = (orphan){*known, r, r->ops->restore(r->backend, known->id, dir, &known->run)};
        return;
    }
    boxes->has_left = true;
    held_close(known);
}

/* What an earlier daemon has left to be taken over, and what it has left lying about. */
static int inherit(wrn_boxes *boxes, wrn_fault *fault) {
    inheritance found;
    wrn_backend_config *config = &boxes->config;
    bool has_holder = false;
    if (!config->ephemeral) has_holder = holder_find(&boxes->holder, config->state_dir, &found);
    else inherit_nothing(&found);
    boxes->orphans = calloc(found.count + 1, sizeof(*boxes->orphans));
    if (!boxes->orphans) abort();
    int rc = open_backends(boxes, &found, fault);
    for (size_t i = 0; i < found.count; i++) restore(boxes, &found.boxes[i]);
    for (size_t i = 0; rc == 0 && i < boxes->runner_count; i++) boxes->runners[i].ops->sweep(config, NULL);
    if (rc == 0) remove_entries(config->loop, boxes->dir, is_kept, &found);
    free(found.boxes);
    if (rc == 0 && has_holder) boxes_watch_holder(boxes);
    if (rc != 0 || has_holder || config->adopt_ms <= 0 || boxes_start_holder(boxes) == 0) return rc;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot start the process that keeps sandboxes over restarts: %s",
                  strerror(errno));
    return -1;
}

int wrn_boxes_open(const wrn_backend_config *config, wrn_boxes **ret, wrn_fault *fault) {
    wrn_boxes *boxes = calloc(1, sizeof(*boxes));
    if (!boxes) return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "out of memory"), -1;
    boxes->config = *config;
    boxes->lock_fd = boxes->holder.fd = boxes->holder.pidfd = -1;
    if (take_lock(boxes, fault) == 0 && make_dirs(boxes, fault) == 0 && inherit(boxes, fault) == 0) {
        *ret = boxes;
        return 0;
    }
    wrn_boxes_close(boxes);
    return -1;
}

void wrn_boxes_close(wrn_boxes *boxes) {
    boxes_stop_holder(boxes);
    for (size_t i = 0; i < boxes->runner_count; i++)
        if (boxes->runners[i].backend) boxes->runners[i].ops->close(boxes->runners[i].backend);
    if (boxes->lock_fd >= 0) close(boxes->lock_fd);
    rmdir(boxes->dir);
    free(boxes);
}

bool wrn_boxes_can_leave(const wrn_boxes *boxes) { return boxes->holder_poll != NULL; }

wrn_json *wrn_boxes_probe(const wrn_boxes *boxes, const char *isolation) {
    wrn_fault fault;
    const runner *r = runner_for(boxes, isolation, &fault);
    return r ? r->ops->probe(r->backend) : NULL;
}

void wrn_boxes_fit(const wrn_boxes *boxes, const char *isolation, int64_t *vcpus, int64_t *memory_mb) {
    wrn_fault fault;
    const runner *r = runner_for(boxes, isolation, &fault);
    if (r) r->ops->fit(r->backend, vcpus, memory_mb);
}

int wrn_boxes_find_template(const wrn_boxes *boxes, const char *name, wrn_template *out, wrn_fault *fault) {
    return wrn_template_find(&boxes->config, name, out, fault);
}

void wrn_boxes_list_templates(const wrn_boxes *boxes, wrn_template_fn each, void *context) {
    wrn_template_list(&boxes->config, each, context);
}
