#include "server/trees.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/tree.h"
#include "server/lane.h"

/* Each level takes a descriptor; deeper ones are not counted. */
enum { DEPTH_MAX = 64 };

/* Closes `fd`. Links are not followed, so that nothing outside of the tree is counted. */
static int64_t bytes_below(int fd, int depth, const atomic_bool *stopped) {
    int64_t bytes = 0;
    WRN_AUTO(wrn_dir_close) DIR *dir = fdopendir(fd);
    if (!dir) return close(fd), 0;
    for (struct dirent *entry; !(stopped && atomic_load(stopped)) && (entry = wrn_dir_next(dir));) {
        struct stat info;
        if (fstatat(dirfd(dir), entry->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0) continue;
        bool is_dir = S_ISDIR(info.st_mode);
        bytes += (int64_t)info.st_blocks * 512 / (is_dir || !info.st_nlink ? 1 : (int64_t)info.st_nlink);
        int child = is_dir && depth < DEPTH_MAX
                        ? openat(dirfd(dir), entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
                        : -1;
        if (child >= 0) bytes += bytes_below(child, depth + 1, stopped);
    }
    return bytes;
}

int64_t disk_bytes(const char *dir, const atomic_bool *stopped) {
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 ? bytes_below(fd, 0, stopped) : 0;
}

int copy_data(int from, int to) {
    off_t at = 0, hole;
    for (; (at = lseek(from, at, SEEK_DATA)) >= 0; at = hole) {
        hole = lseek(from, at, SEEK_HOLE);
        for (off_t into = at; at < hole;)
            if (copy_file_range(from, &at, to, &into, (size_t)(hole - at), 0) <= 0)
                return errno = errno ? errno : EIO, -1;
    }
    return errno == ENXIO ? 0 : -1;
}

int make_path(const char *path, mode_t mode) {
    char part[PATH_MAX];
    size_t size = strlen(path);
    for (size_t i = 1; i <= size && size < sizeof(part); i++) {
        if (path[i] != '/' && path[i] != '\0') continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST) return -1;
    }
    return size < sizeof(part) ? 0 : (errno = ENAMETOOLONG, -1);
}

void probe_nearest(const char *path, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s", path);
    for (char *slash; access(out, F_OK) != 0 && (slash = strrchr(out, '/'));) slash[slash == out] = '\0';
}

/* ---- removing ---- */

typedef struct removal {
    wrn_job job; /* first: a job is cast to its removal */
    bool (*remove)(const char *path);
    char path[];
} removal;

static void run_removal(wrn_job *job) {
    const removal *r = (removal *)job;
    r->remove(r->path);
}

static void end_removal(wrn_job *job) { free(job); }

void remove_later(uv_loop_t *loop, const char *path, bool (*remove)(const char *path)) {
    size_t size = strlen(path) + 1;
    removal *r = calloc(1, sizeof(*r) + size);
    memcpy(r->path, path, size);
    r->remove = remove;
    wrn_lane_put(loop, WRN_LANE_REMOVE, &r->job, run_removal, end_removal);
}

void remove_entries(uv_loop_t *loop, const char *path, bool (*is_kept)(const void *context, const char *name),
                    const void *context) {
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = wrn_dir_next(dir));) {
        char from[PATH_MAX], old[PATH_MAX];
        const char *name = entry->d_name;
        if (is_kept && is_kept(context, name)) continue;
        if ((size_t)snprintf(from, sizeof(from), "%s/%s", path, name) >= sizeof(from)) continue;
        if ((size_t)snprintf(old, sizeof(old), "%s/.%s", path, name) >= sizeof(old)) continue;
        remove_later(loop, rename(from, old) == 0 ? old : from, wrn_tree_remove);
    }
}
