#include "base/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/tar.h"

enum { CHUNK = 65536, DIR_FLAGS = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC };

/* A directory that is open, below the one before it. */
typedef struct level {
    int fd;
    char *name;
    bool made, described;
    mode_t mode;
    struct timespec mtime;
    int64_t uid, gid;
} level;

typedef struct unpacking {
    wrn_unpack *how;
    wrn_tar_reader reader;
    level levels[WRN_TAR_LEVELS_MAX + 1]; /* the first is the directory itself */
    size_t count;
    uint64_t number; /* of the next temporary name */
} unpacking;

static int keep_owner(const unpacking *u, int fd, const char *name, int64_t uid, int64_t gid) {
    const wrn_unpack *how = u->how;
    if (!how->owners && !how->has_owner) return 0;
    uid_t user = how->has_owner ? how->uid : (uid_t)uid;
    gid_t group = how->has_owner ? how->gid : (gid_t)gid;
    return fchownat(fd, name, user, group, AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0 ? 0 : errno;
}

/* ---- directories ---- */

/* Permissions and times come last: what is put into a directory changes its time, and may need permissions. */
static int leave_level(unpacking *u) {
    level *l = &u->levels[--u->count];
    int error = 0;
    if (l->made && l->described) {
        const struct timespec times[2] = {l->mtime, l->mtime};
        error = keep_owner(u, l->fd, "", l->uid, l->gid);
        if (!error && fchmod(l->fd, l->mode & ~u->how->masked) != 0) error = errno;
        if (!error && futimens(l->fd, times) != 0) error = errno;
    }
    close(l->fd);
    free(l->name);
    return error;
}

/* Opens the directory of that name below the last level, or makes it. */
static int enter_level(unpacking *u, const char *name, size_t size) {
    if (u->count > WRN_TAR_LEVELS_MAX) return E2BIG;
    level *l = &u->levels[u->count];
    int above = u->levels[u->count - 1].fd;
    *l = (level){.name = strndup(name, size)};
    if (!l->name) return ENOMEM;
    l->made = mkdirat(above, l->name, 0755 & ~u->how->masked) == 0;
    l->fd = l->made || errno == EEXIST ? openat(above, l->name, DIR_FLAGS) : -1;
    if (l->fd >= 0) return u->count++, 0;
    int error = errno == ELOOP ? ENOTDIR : errno;
    free(l->name);
    return error;
}

/* A part of a path. False at its end. */
static bool next_part(const char **path, const char **part, size_t *size) {
    for (;;) {
        *part = *path + strspn(*path, "/");
        *size = strcspn(*part, "/");
        *path = *part + *size;
        if (!*size) return false;
        if (*size != 1 || **part != '.') return true;
    }
}

static bool leads_out(const char *path) {
    const char *part;
    size_t size;
    if (*path == '/') return true;
    while (next_part(&path, &part, &size))
        if (size == 2 && memcmp(part, "..", 2) == 0) return true;
    return false;
}

/* Makes the levels those of the path, but for its last part, which becomes *name; with `whole`, that too. An empty *name: the
 * path is the directory itself. */
static int go_to(unpacking *u, const char *path, bool whole, char name[NAME_MAX + 2]) {
    const char *part, *next;
    size_t size, depth = 1, ignored;
    int error = 0;
    *name = '\0';
    while (!error && next_part(&path, &part, &size)) {
        const char *rest = path;
        if (!whole && !next_part(&rest, &next, &ignored)) {
            if (size > NAME_MAX) return ENAMETOOLONG;
            memcpy(name, part, size);
            name[size] = '\0';
            break;
        }
        const level *l = &u->levels[depth];
        if (depth < u->count && strncmp(l->name, part, size) == 0 && !l->name[size]) {
            depth++;
            continue;
        }
        while (!error && u->count > depth) error = leave_level(u);
        if (!error) error = enter_level(u, part, size);
        depth++;
    }
    while (!error && u->count > depth) error = leave_level(u);
    return error;
}

static int unpack_directory(unpacking *u, const wrn_tar_entry *e) {
    char name[NAME_MAX + 2];
    int error = go_to(u, e->name, true, name);
    level *l = &u->levels[u->count - 1];
    if (error || !l->made) return error;
    l->described = true;
    l->mode = e->mode;
    l->mtime = e->mtime;
    l->uid = e->uid;
    l->gid = e->gid;
    return 0;
}

/* ---- what gets its name when it is whole ---- */

static void begin_aside(unpacking *u) {
    wrn_unpack *how = u->how;
    how->aside_in = u->levels[u->count - 1].fd;
    snprintf(how->aside, sizeof(how->aside), ".wrenn-%016llx", (unsigned long long)u->number++);
}

/* Gives it the name, or removes it. Two names of one file are not renamed by rename(2), so that the old one has to go, too. */
static int end_aside(unpacking *u, const char *name, int error) {
    wrn_unpack *how = u->how;
    if (!error && renameat(how->aside_in, how->aside, how->aside_in, name) != 0) error = errno;
    unlinkat(how->aside_in, how->aside, 0);
    *how->aside = '\0';
    return error;
}

void wrn_unpack_abort(const wrn_unpack *how) {
    if (*how->aside) unlinkat(how->aside_in, how->aside, 0);
}

static int unpack_put_bytes(int fd, const char *data, size_t size, int64_t offset) {
    for (size_t at = 0; at < size;) {
        ssize_t put = pwrite(fd, data + at, size - at, offset + (int64_t)at);
        if (put < 0 && errno != EINTR) return errno;
        if (put > 0) at += (size_t)put;
    }
    return 0;
}

static int put_extent(unpacking *u, int fd, const wrn_tar_extent *part) {
    char chunk[CHUNK];
    for (int64_t done = 0; done < part->size;) {
        int64_t left = part->size - done;
        ssize_t got = wrn_tar_read(&u->reader, chunk, left < CHUNK ? (size_t)left : CHUNK);
        if (got <= 0) return got < 0 ? errno : EBADMSG;
        int error = unpack_put_bytes(fd, chunk, (size_t)got, part->offset + done);
        if (error) return error;
        done += got;
    }
    return 0;
}

static int put_content(unpacking *u, int fd, const wrn_tar_entry *e) {
    const wrn_tar_extent all = {0, e->size};
    int error = 0;
    for (size_t i = 0; !error && i < (e->extents ? e->extent_count : 1); i++)
        error = put_extent(u, fd, e->extents ? &e->extents[i] : &all);
    if (!error && e->extents && ftruncate(fd, e->size) != 0) error = errno;
    return error;
}

static int unpack_file(unpacking *u, const wrn_tar_entry *e, const char *name) {
    const struct timespec times[2] = {e->mtime, e->mtime};
    begin_aside(u);
    int fd = openat(u->how->aside_in, u->how->aside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    int error = fd < 0 ? errno : put_content(u, fd, e);
    if (!error) error = keep_owner(u, fd, "", e->uid, e->gid);
    if (!error && (fchmod(fd, e->mode & ~u->how->masked) != 0 || futimens(fd, times) != 0)) error = errno;
    if (fd >= 0 && close(fd) != 0 && !error) error = errno;
    return end_aside(u, name, error);
}

static int unpack_link(unpacking *u, const wrn_tar_entry *e, const char *name) {
    const struct timespec times[2] = {e->mtime, e->mtime};
    begin_aside(u);
    int dir = u->how->aside_in, error = symlinkat(e->target, dir, u->how->aside) == 0 ? 0 : errno;
    if (!error) error = keep_owner(u, dir, u->how->aside, e->uid, e->gid);
    if (!error) (void)!utimensat(dir, u->how->aside, times, AT_SYMLINK_NOFOLLOW);
    return end_aside(u, name, error);
}

/* The directory in which the target of a hard link is, and its name there. -1 with errno. */
static int find_target(const unpacking *u, const char *path, char name[NAME_MAX + 2]) {
    const char *part, *next;
    size_t size, ignored;
    int dir = fcntl(u->levels[0].fd, F_DUPFD_CLOEXEC, 3);
    while (dir >= 0 && next_part(&path, &part, &size)) {
        if (size > NAME_MAX) return close(dir), errno = ENAMETOOLONG, -1;
        memcpy(name, part, size);
        name[size] = '\0';
        const char *rest = path;
        if (!next_part(&rest, &next, &ignored)) return dir;
        int below = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        close(dir);
        dir = below;
    }
    if (dir >= 0) close(dir), errno = EXDEV; /* the target is the directory itself */
    return -1;
}

static int unpack_hard_link(unpacking *u, const wrn_tar_entry *e, const char *name) {
    char target[NAME_MAX + 2];
    if (leads_out(e->target)) return EXDEV;
    int from = find_target(u, e->target, target), error = from < 0 ? errno : 0;
    if (error) return error;
    begin_aside(u);
    if (linkat(from, target, u->how->aside_in, u->how->aside, 0) != 0) error = errno;
    close(from);
    return end_aside(u, name, error);
}

static int unpack_entry(unpacking *u, const wrn_tar_entry *e) {
    char name[NAME_MAX + 2];
    if (leads_out(e->name)) return EXDEV;
    if (e->type == WRN_TAR_DIRECTORY) return unpack_directory(u, e);
    if (e->type != WRN_TAR_FILE && e->type != WRN_TAR_LINK && e->type != WRN_TAR_HARD_LINK) return ENOTSUP;
    int error = go_to(u, e->name, false, name);
    if (error) return error;
    if (!*name) return EISDIR;
    if (strcmp(name, "..") == 0) return EXDEV;
    return e->type == WRN_TAR_FILE   ? unpack_file(u, e, name)
           : e->type == WRN_TAR_LINK ? unpack_link(u, e, name)
                                     : unpack_hard_link(u, e, name);
}

static int unpack_all(unpacking *u) {
    int got = 1, error = 0;
    while (!error && (got = wrn_tar_next(&u->reader)) > 0) {
        error = unpack_entry(u, &u->reader.entry);
        /* What is wrong with the archive is not about the file in which it shows. */
        if (error && error != ENODATA && error != EBADMSG)
            wrn_buf_puts(&u->how->path, u->reader.entry.name + 2 * (strncmp(u->reader.entry.name, "./", 2) == 0));
    }
    if (got < 0) error = errno;
    while (u->count) {
        int left = leave_level(u);
        if (!error) error = left;
    }
    return error;
}

int wrn_unpack_tree(wrn_unpack *how) {
    unpacking *u = calloc(1, sizeof(*u));
    if (!u) return ENOMEM;
    *how->aside = '\0';
    wrn_buf_clear(&how->path);
    u->how = how;
    u->reader = (wrn_tar_reader){.fd = how->in, .note = how->note, .context = how->context};
    u->levels[0] = (level){.fd = fcntl(how->directory, F_DUPFD_CLOEXEC, 3), .made = how->made};
    u->count = 1;
    int error = u->levels[0].fd < 0 || getrandom(&u->number, sizeof(u->number), 0) < 0 ? errno : 0;
    if (!error) error = unpack_all(u);
    else if (u->levels[0].fd >= 0) close(u->levels[0].fd);
    wrn_tar_reader_free(&u->reader);
    free(u);
    return error;
}
