#include <stdlib.h>

#include "base/clock.h"
#include "server/backend/ns/internal.h"
#include "server/lane.h"
#include "server/trees.h"

struct disk_walk {
    wrn_job job; /* first, so that it leads here */
    disk_walk_fn done;
    void *context;
    atomic_bool stopped;
    int64_t bytes, took_ms;
    char box_dir[PATH_MAX];
};

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

static void walked(wrn_job *job) {
    disk_walk *walk = (disk_walk *)job;
    if (!atomic_load(&walk->stopped)) walk->done(walk->context, walk->bytes, walk->took_ms);
    free(walk);
}

disk_walk *disk_walk_start(uv_loop_t *loop, const char *box_dir, disk_walk_fn done, void *context) {
    disk_walk *walk = calloc(1, sizeof(*walk));
    if (!walk) return NULL;
    walk->job.run = walk_layers;
    walk->job.done = walked;
    walk->done = done;
    walk->context = context;
    snprintf(walk->box_dir, sizeof(walk->box_dir), "%s", box_dir);
    wrn_lane_put(loop, WRN_LANE_DISK, &walk->job);
    return walk;
}

void disk_walk_stop(disk_walk *walk) { atomic_store(&walk->stopped, true); }
