#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/lock.h"
#include "server/box/internal.h"
#include "server/trees.h"

static int make_dirs(wrn_boxes *boxes, wrn_fault *fault) {
    snapshots *s = &boxes->snapshots;
    const char *state = boxes->config.state_dir;
    if (strlen(state) > PATH_MAX - 256)
        return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "the path of the state directory is too long");
    snprintf(boxes->dir, sizeof(boxes->dir), "%.3800s/boxes", state);
    s->loop = boxes->config.loop;
    snprintf(s->dir, sizeof(s->dir), "%.3800s/snapshots", state);
    /* User ids of boxes must be able to enter these. The state directory itself keeps others out. */
    if ((mkdir(boxes->dir, 0711) == 0 || errno == EEXIST) && (mkdir(s->dir, 0711) == 0 || errno == EEXIST)) return 0;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make directories in %.300s: %s", state,
                         strerror(errno));
}

/* Held while the boxes are open. What is in an unlocked state directory is a leftover. */
static int take_lock(wrn_boxes *boxes, wrn_fault *fault) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/lock", boxes->config.state_dir);
    boxes->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (boxes->lock_fd >= 0 && wrn_lock_take(boxes->lock_fd)) return 0;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot lock %.300s: %s; is another wrennd using it?", path,
                         strerror(errno));
}

static bool is_kept(const void *context, const char *id) {
    const inheritance *found = context;
    for (size_t i = 0; i < found->count; i++)
        if (strcmp(found->boxes[i].id, id) == 0) return true;
    return false;
}

/* 0 if at least one backend runs here. */
static int open_backends(wrn_boxes *boxes, const inheritance *found, wrn_fault *fault) {
    bool any = false;
    for (size_t i = 0; wrn_backends[i]; i++) {
        runner *r = &boxes->runners[boxes->runner_count++];
        *r = (runner){.ops = wrn_backends[i], .state = found->states[i]};
        r->state.is_kept = is_kept;
        r->state.context = found;
        if (r->ops->open(&boxes->config, &r->state, &r->backend, &r->why_not) == 0) {
            any = true;
            wrn_json_set(boxes->isolations, r->ops->name, r->ops->probe(r->backend));
            if (r->state.must_end) boxes->config.adopt_ms = 0;
            continue;
        }
        if (r->state.fd >= 0) close(r->state.fd);
    }
    if (!any) *fault = boxes->runners[0].why_not;
    return any ? 0 : -1;
}

/* A box whose backend does not run now stays with the holder. */
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

/* Finds the boxes that an earlier daemon has left, and removes its leftovers. */
static int inherit(wrn_boxes *boxes, wrn_fault *fault) {
    inheritance found;
    wrn_backend_config *config = &boxes->config;
    bool has_holder = false;
    if (!config->ephemeral) has_holder = holder_find(&boxes->holder, config->state_dir, &found);
    else inherit_nothing(&found);
    boxes->orphans = calloc(found.count + 1, sizeof(*boxes->orphans));
    int rc = open_backends(boxes, &found, fault);
    for (size_t i = 0; i < found.count; i++) restore(boxes, &found.boxes[i]);
    for (size_t i = 0; rc == 0 && i < boxes->runner_count; i++) boxes->runners[i].ops->sweep(config, NULL);
    if (rc == 0) remove_entries(config->loop, boxes->dir, is_kept, &found);
    free(found.boxes);
    if (rc == 0 && has_holder) boxes_watch_holder(boxes);
    if (rc != 0 || has_holder || config->adopt_ms <= 0 || boxes_start_holder(boxes) == 0) return rc;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR,
                         "cannot start the process that lets sandboxes survive restarts: %s", strerror(errno));
}

int wrn_boxes_open(const wrn_backend_config *config, wrn_boxes **ret, wrn_fault *fault) {
    wrn_boxes *boxes = calloc(1, sizeof(*boxes));
    boxes->config = *config;
    boxes->isolations = wrn_json_new_object();
    boxes->lock_fd = boxes->gate_origin = boxes->holder.fd = boxes->holder.pidfd = -1;
    if (take_lock(boxes, fault) == 0 && make_dirs(boxes, fault) == 0 && inherit(boxes, fault) == 0) {
        *ret = boxes;
        return 0;
    }
    wrn_boxes_close(boxes);
    return -1;
}

void wrn_boxes_close(wrn_boxes *boxes) {
    boxes_stop_holder(boxes);
    helper_close(boxes);
    if (boxes->names_watch) uv_close((uv_handle_t *)WRN_TAKE(boxes->names_watch), wrn_handle_free);
    for (size_t i = 0; i < boxes->runner_count; i++)
        if (boxes->runners[i].backend) boxes->runners[i].ops->close(boxes->runners[i].backend);
    if (boxes->lock_fd >= 0) close(boxes->lock_fd);
    rmdir(boxes->dir);
    wrn_json_free(boxes->isolations);
    free(boxes);
}

bool wrn_boxes_can_leave(const wrn_boxes *boxes) { return boxes->holder_poll != NULL; }

const wrn_json *wrn_boxes_isolations(const wrn_boxes *boxes) { return boxes->isolations; }

int wrn_boxes_check_network(const wrn_boxes *boxes, const char *backend, wrn_fault *fault) {
    const runner *r = runner_for(boxes, backend, fault);
    return r ? r->ops->check_network(r->backend, fault) : -1;
}

void wrn_boxes_fit(const wrn_boxes *boxes, const char *backend, int64_t *vcpus, int64_t *memory_mb) {
    wrn_fault fault;
    const runner *r = runner_for(boxes, backend, &fault);
    if (r) r->ops->fit(r->backend, vcpus, memory_mb);
}

int wrn_boxes_find_template(const wrn_boxes *boxes, const char *name, wrn_template *out, wrn_fault *fault) {
    return wrn_template_find(&boxes->config, name, out, fault);
}

void wrn_boxes_list_templates(const wrn_boxes *boxes, wrn_template_fn each, void *context) {
    wrn_template_list(&boxes->config, each, context);
}
