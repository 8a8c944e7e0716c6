#include "base/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A sandbox can nest directories deeper than the longest path, and deeper than the limit of descriptors. A directory at this
 * depth is moved to the top and removed from there. */
enum { DEPTH_MAX = 32, TRIES = 100 };

typedef struct removal {
    int top;
    dev_t device;
    bool moved;
    unsigned long next;
    int error; /* of the first entry that could not be removed; 0: none */
} removal;

/* The directory's descriptor, or -1. Adds the owner's permissions when they are missing. */
static int tree_open_dir(int parent, const char *name) {
    const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
    int fd = openat(parent, name, flags);
    if (fd >= 0 || errno != EACCES) return fd;
    struct stat info;
    if (fstatat(parent, name, &info, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISDIR(info.st_mode)) return -1;
    if (fchmodat(parent, name, 0700, 0) != 0) return -1;
    return openat(parent, name, flags);
}

static void tree_failed(removal *r) {
    if (!r->error) r->error = errno;
}

static void tree_move_up(removal *r, int parent, const char *name) {
    for (int i = 0; i < TRIES; i++) {
        char target[64];
        snprintf(target, sizeof(target), ".wrenn-removal-%lu", r->next++);
        if (renameat(parent, name, r->top, target) == 0) {
            r->moved = true;
            return;
        }
        if (errno != EEXIST && errno != ENOTEMPTY && errno != ENOTDIR)
            break; /* else the name is in use: try the next one */
    }
    tree_failed(r);
}

static void tree_empty(removal *r, int fd, int depth);

static void tree_remove_entry(removal *r, int parent, const char *name, int depth) {
    if (unlinkat(parent, name, 0) == 0 || errno == ENOENT) return;
    int error = errno, fd = tree_open_dir(parent, name);
    struct stat info;
    if (fd < 0) {
        if (errno == ENOTDIR || errno == ELOOP) errno = error; /* not a directory: report why unlinking it failed */
        return tree_failed(r);
    }
    if (fstat(fd, &info) != 0 || info.st_dev != r->device) {
        close(fd);
    } else if (depth == DEPTH_MAX) {
        close(fd);
        return tree_move_up(r, parent, name);
    } else {
        tree_empty(r, fd, depth);
    }
    if (unlinkat(parent, name, AT_REMOVEDIR) != 0 && errno != ENOENT) tree_failed(r);
}

/* Removes the content of a directory. Takes `fd` over. */
static void tree_empty(removal *r, int fd, int depth) {
    struct stat info;
    /* Only when needed, because a directory that stays, such as a mount point, must not be changed. */
    if (fstat(fd, &info) == 0 && (info.st_mode & 0700) != 0700) fchmod(fd, 0700);
    DIR *dir = fdopendir(fd);
    if (!dir) {
        close(fd);
        return;
    }
    for (struct dirent *entry; (entry = readdir(dir));)
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            tree_remove_entry(r, dirfd(dir), entry->d_name, depth + 1);
    closedir(dir);
}

bool wrn_tree_remove(const char *path) {
    removal r = {.next = 0};
    struct stat info;
    do {
        r.moved = false;
        r.error = 0;
        r.top = tree_open_dir(AT_FDCWD, path);
        if (r.top < 0 || fstat(r.top, &info) != 0) break;
        r.device = info.st_dev;
        int again = openat(r.top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (again >= 0) tree_empty(&r, again, 0);
        close(r.top);
        r.top = -1;
    } while (r.moved);
    if (r.top >= 0) close(r.top);
    if (unlinkat(AT_FDCWD, path, AT_REMOVEDIR) == 0 || errno == ENOENT) return true;
    if (errno == ENOTEMPTY && r.error) errno = r.error;
    return false;
}
