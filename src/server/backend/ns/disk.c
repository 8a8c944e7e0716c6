#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "server/backend/ns/internal.h"
#include "server/lane.h"

/* A descriptor per level; what a sandbox nests deeper than this is not counted. */
enum { DEPTH_MAX = 64 };

struct disk_walk {
    wrn_job job; /* first, so that it leads here */
    disk_walk_fn done;
    void *context;
    atomic_bool stopped;
    int64_t bytes, took_ms;
    char box_dir[PATH_MAX];
};

/* Takes `fd` over. Links are not followed, so that nothing leads out of the layer. */
static int64_t bytes_below(int fd, int depth, const atomic_bool *stopped) {
    int64_t bytes = 0;
    DIR *dir = fdopendir(fd);
    if (!dir) return close(fd), 0;
    for (struct dirent *entry; !atomic_load(stopped) && (entry = readdir(dir));) {
        struct stat info;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        bool is_dir = S_ISDIR(info.st_mode);
        bytes += (int64_t)info.st_blocks * 512 / (is_dir || !info.st_nlink ? 1 : (int64_t)info.st_nlink);
        int child = is_dir && depth < DEPTH_MAX
                        ? openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                        : -1;
        if (child >= 0) bytes += bytes_below(child, depth + 1, stopped);
    }
    closedir(dir);
    return bytes;
}

int64_t disk_bytes(const char *dir, const atomic_bool *stopped) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? bytes_below(fd, 0, stopped) : 0;
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
