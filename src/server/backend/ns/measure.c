/* What boxes use. */
#include <stdlib.h>

#include "base/clock.h"
#include "server/backend/ns/instance.h"
#include "server/trees.h"

/* Disk space is measured at most every DISK_MS, and for at most one part in DISK_SHARE of the time. */
enum { DISK_MS = 4000, DISK_SHARE = 20 };

/* One measurement: a worker adds up the box's writable layers. */
typedef struct disk_walk {
    wrn_job job; /* first, so that a job is its disk_walk */
    wrn_instance *it;
    atomic_bool stopped; /* `it` is gone */
    int64_t bytes, took_ms;
    char box_dir[PATH_MAX];
} disk_walk;

static void measure_first(wrn_backend *backend);

static void remove_from_queue(wrn_instance *it) {
    WRN_UNLINK(it->backend->to_measure, it, next_to_measure);
    it->is_to_measure = false;
}

static void walk_layers(wrn_job *job) {
    static const char *const layers[] = {"u", "uu"};
    disk_walk *walk = (disk_walk *)job;
    int64_t started_ms = wrn_now_ms();
    for (size_t i = 0; i < WRN_COUNT(layers); i++) {
        char path[PATH_MAX + 8];
        snprintf(path, sizeof(path), "%s/%s", walk->box_dir, layers[i]);
        walk->bytes += disk_bytes(path, &walk->stopped);
    }
    walk->took_ms = wrn_now_ms() - started_ms;
}

static void on_walked(wrn_job *job) {
    disk_walk *walk = (disk_walk *)job;
    if (!atomic_load(&walk->stopped)) {
        wrn_instance *it = walk->it;
        int64_t pause_ms = walk->took_ms * DISK_SHARE;
        it->disk_bytes = walk->bytes;
        it->disk_due_ms = wrn_now_ms() + (pause_ms > DISK_MS ? pause_ms : DISK_MS);
        it->backend->walk = NULL;
        remove_from_queue(it);
        measure_first(it->backend);
    }
    free(walk);
}

static void measure_first(wrn_backend *backend) {
    if (backend->walk || !backend->to_measure) return;
    disk_walk *walk = backend->walk = calloc(1, sizeof(*walk));
    walk->it = backend->to_measure;
    snprintf(walk->box_dir, sizeof(walk->box_dir), "%s", walk->it->dir);
    wrn_lane_put(backend->config.loop, WRN_LANE_DISK, &walk->job, walk_layers, on_walked);
}

static void measure_later(wrn_instance *it) {
    wrn_instance **at = &it->backend->to_measure;
    while (*at) at = &(*at)->next_to_measure;
    *at = it;
    it->next_to_measure = NULL;
    it->is_to_measure = true;
    measure_first(it->backend);
}

void instance_stop_measuring(wrn_instance *it) {
    wrn_backend *backend = it->backend;
    if (backend->walk && backend->walk->it == it) atomic_store(&WRN_TAKE(backend->walk)->stopped, true);
    if (it->is_to_measure) remove_from_queue(it);
    measure_first(backend);
}

/* Reports the disk space as last measured. Measures it again if that was long ago and the box has used processor time
 * since: an idle box writes nothing. */
void ns_stats(wrn_instance *it, wrn_box_stats *out) {
    cgroup_stats(&it->backend->cgroups, it->id, out);
    instance_balance(it, out);
    out->disk_bytes = it->disk_bytes;
    bool idle = out->cpu_usec >= 0 && out->cpu_usec == it->disk_cpu_usec;
    if (it->is_to_measure || idle || it->ended || wrn_now_ms() < it->disk_due_ms) return;
    it->disk_cpu_usec = out->cpu_usec;
    measure_later(it);
}
