/* What a box uses. */
#include "base/clock.h"
#include "server/box/box.h"

/* Space on disk is measured every DISK_MS at most, and for at most one part in DISK_SHARE of the time. */
enum { DISK_MS = 4000, DISK_SHARE = 20 };

static void walk_first(wrn_backend *backend);

static void unlist_walk(wrn_box *box) {
    wrn_box **at = &box->backend->to_walk;
    while (*at && *at != box) at = &(*at)->next_to_walk;
    if (*at) *at = box->next_to_walk;
    box->is_to_walk = false;
}

static void on_walked(void *context, int64_t bytes, int64_t took_ms) {
    wrn_box *box = context;
    int64_t pause_ms = took_ms * DISK_SHARE > DISK_MS ? took_ms * DISK_SHARE : DISK_MS;
    box->disk_bytes = bytes;
    box->disk_due_ms = wrn_now_ms() + pause_ms;
    box->backend->walk = NULL;
    unlist_walk(box);
    walk_first(box->backend);
}

static void walk_first(wrn_backend *backend) {
    wrn_box *box;
    while (!backend->walk && (box = backend->to_walk)) {
        backend->walk = disk_walk_start(backend->config.loop, box->dir, on_walked, box);
        if (!backend->walk) unlist_walk(box);
    }
}

static void walk_later(wrn_box *box) {
    wrn_box **at = &box->backend->to_walk;
    while (*at) at = &(*at)->next_to_walk;
    *at = box;
    box->next_to_walk = NULL;
    box->is_to_walk = true;
    walk_first(box->backend);
}

void box_forget_walk(wrn_box *box) {
    wrn_backend *backend = box->backend;
    if (backend->walk && backend->to_walk == box) disk_walk_stop(WRN_TAKE(backend->walk));
    if (box->is_to_walk) unlist_walk(box);
    walk_first(backend);
}

/* Answers with the space that was measured before, and has it measured again if that was long ago and something has run
 * since: what does nothing writes nothing. */
void ns_stats(wrn_box *box, wrn_box_stats *out) {
    cgroup_stats(&box->backend->cgroups, box->id, out);
    box_balance(box, out);
    out->disk_bytes = box->disk_bytes;
    bool idle = out->cpu_usec >= 0 && out->cpu_usec == box->disk_cpu_usec;
    if (box->is_to_walk || idle || box->phase != LIVE || wrn_now_ms() < box->disk_due_ms) return;
    box->disk_cpu_usec = out->cpu_usec;
    walk_later(box);
}
