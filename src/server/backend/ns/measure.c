/* What a box uses. */
#include "base/clock.h"
#include "server/backend/ns/instance.h"

/* Space on disk is measured every DISK_MS at most, and for at most one part in DISK_SHARE of the time. */
enum { DISK_MS = 4000, DISK_SHARE = 20 };

static void walk_first(wrn_backend *backend);

static void unlist_walk(wrn_instance *it) {
    wrn_instance **at = &it->backend->to_walk;
    while (*at && *at != it) at = &(*at)->next_to_walk;
    if (*at) *at = it->next_to_walk;
    it->is_to_walk = false;
}

static void on_walked(void *context, int64_t bytes, int64_t took_ms) {
    wrn_instance *it = context;
    int64_t pause_ms = took_ms * DISK_SHARE > DISK_MS ? took_ms * DISK_SHARE : DISK_MS;
    it->disk_bytes = bytes;
    it->disk_due_ms = wrn_now_ms() + pause_ms;
    it->backend->walk = NULL;
    unlist_walk(it);
    walk_first(it->backend);
}

static void walk_first(wrn_backend *backend) {
    wrn_instance *it;
    while (!backend->walk && (it = backend->to_walk)) {
        backend->walk = disk_walk_start(backend->config.loop, it->dir, on_walked, it);
        if (!backend->walk) unlist_walk(it);
    }
}

static void walk_later(wrn_instance *it) {
    wrn_instance **at = &it->backend->to_walk;
    while (*at) at = &(*at)->next_to_walk;
    *at = it;
    it->next_to_walk = NULL;
    it->is_to_walk = true;
    walk_first(it->backend);
}

void instance_forget_walk(wrn_instance *it) {
    wrn_backend *backend = it->backend;
    if (backend->walk && backend->to_walk == it) disk_walk_stop(WRN_TAKE(backend->walk));
    if (it->is_to_walk) unlist_walk(it);
    walk_first(backend);
}

/* Answers with the space that was measured before, and has it measured again if that was long ago and something has run
 * since: what does nothing writes nothing. */
void ns_stats(wrn_instance *it, wrn_box_stats *out) {
    cgroup_stats(&it->backend->cgroups, it->id, out);
    instance_balance(it, out);
    out->disk_bytes = it->disk_bytes;
    bool idle = out->cpu_usec >= 0 && out->cpu_usec == it->disk_cpu_usec;
    if (it->is_to_walk || idle || it->ended || wrn_now_ms() < it->disk_due_ms) return;
    it->disk_cpu_usec = out->cpu_usec;
    walk_later(it);
}
