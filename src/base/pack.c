#include "base/pack.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/tar.h"

enum {
    CHUNK = 65536,
    FLUSH = 2 * CHUNK,
    NAMES_MAX = 64 << 20,
    FIRST_SLOTS = 1024,
    PROC_MAGIC = 0x9fa0,
    SYSFS_MAGIC = 0x62656572
};

/* A file with several names, by its inode; `name` is where the first one is in `names`. */
typedef struct slot {
    dev_t device;
    ino_t inode;
    size_t name; /* plus one; 0: free */
} slot;

typedef struct packing {
    const wrn_pack *how;
    wrn_buf out, path, names;
    slot *slots;
    size_t slot_count, used;
    int level;
    dev_t device; /* of the directory above */
} packing;

static int flush(packing *p, size_t above) {
    if (p->out.failed) return ENOMEM;
    if (p->out.size <= above) return 0;
    for (size_t at = 0; at < p->out.size;) {
        ssize_t put = write(p->how->out, p->out.data + at, p->out.size - at);
        if (put < 0 && errno != EINTR) return errno;
        if (put > 0) at += (size_t)put;
    }
    wrn_buf_clear(&p->out);
    return 0;
}

static int lacks(packing *p, int error) {
    if (p->how->lacks) return p->how->lacks(p->how->context, error, p->path.data) ? 0 : error ? error : ECANCELED;
    wrn_tar_put_note(&p->out, error, p->path.data);
    return error;
}

/* ---- files with several names ---- */

static slot *find_slot(slot *slots, size_t count, const struct stat *info) {
    size_t at = (size_t)((info->st_ino * UINT64_C(0x9e3779b97f4a7c15)) >> 20 ^ info->st_dev) % count;
    while (slots[at].name && (slots[at].inode != info->st_ino || slots[at].device != info->st_dev))
        at = (at + 1) % count;
    return &slots[at];
}

static bool grow_slots(packing *p) {
    size_t count = p->slot_count ? 2 * p->slot_count : FIRST_SLOTS;
    slot *grown = calloc(count, sizeof(*grown));
    if (!grown) return false;
    for (size_t i = 0; i < p->slot_count; i++) {
        const struct stat info = {.st_dev = p->slots[i].device, .st_ino = p->slots[i].inode};
        if (p->slots[i].name) *find_slot(grown, count, &info) = p->slots[i];
    }
    free(p->slots);
    p->slots = grown;
    p->slot_count = count;
    return true;
}

/* The name under which the file is in the archive already; NULL: it is not. Where the names of all such files take too much
 * memory, the rest of them come as files of their own. */
static const char *earlier_name(packing *p, const struct stat *info) {
    if (info->st_nlink < 2) return NULL;
    if (2 * p->used >= p->slot_count && !grow_slots(p)) return NULL;
    slot *s = find_slot(p->slots, p->slot_count, info);
    if (s->name) return p->names.data + s->name - 1;
    if (p->names.size > NAMES_MAX) return NULL;
    *s = (slot){info->st_dev, info->st_ino, p->names.size + 1};
    wrn_buf_put(&p->names, p->path.data, p->path.size + 1);
    if (p->names.failed) s->name = 0;
    else p->used++;
    return NULL;
}

/* ---- files ---- */

static wrn_tar_entry entry_of(const packing *p, const struct stat *info, char type) {
    return (wrn_tar_entry){.type = type,
                           .name = p->path.data,
                           .mode = info->st_mode & 07777,
                           .uid = info->st_uid,
                           .gid = info->st_gid,
                           .mtime = info->st_mtim};
}

/* Bytes of a file, which the archive has promised. */
static int put_range(packing *p, int fd, int64_t offset, int64_t size) {
    while (size) {
        size_t want = size < CHUNK ? (size_t)size : CHUNK;
        char *room = wrn_buf_reserve(&p->out, want);
        ssize_t got = room ? pread(fd, room, want, offset) : -1;
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            int error = got < 0 ? errno : ESTALE;
            (void)lacks(p, error);
            return error;
        }
        p->out.size += (size_t)got;
        offset += got;
        size -= got;
        int error = flush(p, FLUSH);
        if (error) return error;
    }
    return 0;
}

/* The parts of a file that are no holes; NULL: it has none, or very many. */
static wrn_tar_extent *find_extents(int fd, const struct stat *info, size_t *count) {
    size_t room = 64;
    if (info->st_size <= CHUNK || info->st_blocks * INT64_C(512) >= info->st_size) return NULL;
    wrn_tar_extent *all = malloc(room * sizeof(*all));
    *count = 0;
    if (!all) return NULL;
    for (off_t at = 0, end; at < info->st_size; at = end) {
        at = lseek(fd, at, SEEK_DATA);
        if (at < 0 && errno == ENXIO) return all;
        end = at < 0 ? -1 : lseek(fd, at, SEEK_HOLE);
        if (end > info->st_size) end = info->st_size;
        if (*count == room) {
            wrn_tar_extent *more = room < WRN_TAR_EXTENTS_MAX ? realloc(all, 2 * room * sizeof(*all)) : NULL;
            if (!more) end = -1;
            else all = more, room *= 2;
        }
        if (end < 0) return free(all), NULL;
        if (at >= info->st_size) break;
        all[(*count)++] = (wrn_tar_extent){at, end - at};
    }
    return all;
}

/* A small file is read before its size is told, so it may change meanwhile. */
static int pack_small(packing *p, int fd, wrn_tar_entry *e) {
    char content[CHUNK];
    size_t size = 0;
    for (ssize_t got = 1; got && size < sizeof(content);) {
        got = read(fd, content + size, sizeof(content) - size);
        if (got < 0 && errno != EINTR) return lacks(p, errno);
        if (got > 0) size += (size_t)got;
    }
    e->size = (int64_t)size;
    wrn_tar_put_head(&p->out, e);
    wrn_buf_put(&p->out, content, size);
    wrn_tar_put_padding(&p->out, e->size);
    return flush(p, FLUSH);
}

static int pack_content(packing *p, int fd, const struct stat *info) {
    wrn_tar_entry e = entry_of(p, info, WRN_TAR_FILE);
    if (info->st_size < CHUNK) return pack_small(p, fd, &e);
    wrn_tar_extent *extents = find_extents(fd, info, &e.extent_count), all = {0, info->st_size};
    e.size = info->st_size;
    e.extents = extents;
    wrn_tar_put_head(&p->out, &e);
    int64_t size = 0;
    int error = 0;
    for (size_t i = 0; !error && i < (extents ? e.extent_count : 1); i++) {
        const wrn_tar_extent *part = extents ? &extents[i] : &all;
        error = put_range(p, fd, part->offset, part->size);
        size += part->size;
    }
    free(extents);
    wrn_tar_put_padding(&p->out, size);
    return error ? error : flush(p, FLUSH);
}

static bool pack_is_gone(int error) { return error == ENOENT || error == ENXIO; }

static int pack_file(packing *p, int dir, const char *name, const struct stat *seen) {
    struct stat info;
    const char *earlier = earlier_name(p, seen);
    if (earlier) {
        wrn_tar_entry e = entry_of(p, seen, WRN_TAR_HARD_LINK);
        e.target = earlier;
        wrn_tar_put_head(&p->out, &e);
        return flush(p, FLUSH);
    }
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) return pack_is_gone(errno) ? 0 : lacks(p, errno);
    int error = fstat(fd, &info) != 0    ? lacks(p, errno)
                : !S_ISREG(info.st_mode) ? lacks(p, 0)
                                         : pack_content(p, fd, &info);
    close(fd);
    return error;
}

static int pack_link(packing *p, int dir, const char *name, const struct stat *info) {
    char target[PATH_MAX];
    wrn_tar_entry e = entry_of(p, info, WRN_TAR_LINK);
    ssize_t size = readlinkat(dir, name, target, sizeof(target) - 1);
    if (size < 0) return pack_is_gone(errno) || errno == EINVAL ? 0 : lacks(p, errno);
    target[size] = '\0';
    e.target = target;
    wrn_tar_put_head(&p->out, &e);
    return flush(p, FLUSH);
}

/* ---- directories ---- */

static int pack_entry(packing *p, int dir, const char *name);

/* What is in it; takes `fd` over. */
static int pack_names(packing *p, int fd) {
    DIR *dir = fdopendir(fd);
    size_t size = p->path.size;
    int error = dir ? 0 : errno;
    if (!dir) close(fd);
    p->level++;
    for (struct dirent *entry; !error && dir;) {
        errno = 0;
        if (!(entry = readdir(dir))) {
            error = pack_is_gone(errno) ? 0 : errno;
            break;
        }
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        wrn_buf_puts(&p->path, entry->d_name);
        error = p->path.failed ? ENOMEM : pack_entry(p, dirfd(dir), entry->d_name);
        p->path.size = size;
        if (p->path.data) p->path.data[size] = '\0';
    }
    p->level--;
    if (dir) closedir(dir);
    return error;
}

/* Files of the kernel have no sizes, and some no end. */
static bool is_kernels(const packing *p, int fd, const struct stat *info) {
    struct statfs system;
    return info->st_dev != p->device && fstatfs(fd, &system) == 0 &&
           (system.f_type == PROC_MAGIC || system.f_type == SYSFS_MAGIC);
}

static int pack_directory(packing *p, int dir, const char *name) {
    struct stat info;
    dev_t above = p->device;
    if (p->level == WRN_TAR_LEVELS_MAX) return lacks(p, E2BIG);
    int fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return pack_is_gone(errno) ? 0 : lacks(p, errno);
    int error = fstat(fd, &info) != 0 ? errno : 0;
    if (error || is_kernels(p, fd, &info)) return close(fd), lacks(p, error);
    wrn_buf_putc(&p->path, '/');
    if (p->path.failed) return close(fd), ENOMEM;
    wrn_tar_entry e = entry_of(p, &info, WRN_TAR_DIRECTORY);
    wrn_tar_put_head(&p->out, &e);
    p->device = info.st_dev;
    error = pack_names(p, fd);
    p->device = above;
    return error ? error : flush(p, FLUSH);
}

static int pack_entry(packing *p, int dir, const char *name) {
    struct stat info;
    const wrn_pack *how = p->how;
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return pack_is_gone(errno) ? 0 : lacks(p, errno);
    if (how->wants && !how->wants(how->context, p->path.data, S_ISDIR(info.st_mode))) return 0;
    switch (info.st_mode & S_IFMT) {
    case S_IFDIR: return pack_directory(p, dir, name);
    case S_IFREG: return pack_file(p, dir, name, &info);
    case S_IFLNK: return pack_link(p, dir, name, &info);
    default: return lacks(p, 0);
    }
}

/* One path below the directory, in which no link is followed. */
static int pack_path(packing *p, int directory, const char *path) {
    wrn_buf rest = WRN_BUF_INIT;
    int dir = fcntl(directory, F_DUPFD_CLOEXEC, 3), error = dir < 0 ? errno : 0;
    wrn_buf_puts(&rest, path);
    wrn_buf_clear(&p->path);
    wrn_buf_puts(&p->path, path);
    if (rest.failed || p->path.failed) error = ENOMEM;
    char *at = rest.data;
    for (char *slash; !error && (slash = strchr(at, '/')); at = slash + 1) {
        *slash = '\0';
        int below = openat(dir, at, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (below < 0) error = errno;
        close(dir);
        dir = below;
    }
    if (!error) error = pack_entry(p, dir, at);
    else error = pack_is_gone(error) || error == ENOTDIR || error == ELOOP ? 0 : lacks(p, error);
    if (dir >= 0) close(dir);
    wrn_buf_free(&rest);
    return error;
}

static int pack_all(packing *p, int directory) {
    struct stat info;
    int fd = openat(directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) != 0) return errno;
    wrn_buf_puts(&p->path, "./");
    wrn_tar_entry e = entry_of(p, &info, WRN_TAR_DIRECTORY);
    if (!p->path.failed) wrn_tar_put_head(&p->out, &e);
    wrn_buf_clear(&p->path);
    p->device = info.st_dev;
    return p->path.failed ? ENOMEM : pack_names(p, fd);
}

int wrn_pack_tree(const wrn_pack *how, int directory, const char *const *paths) {
    packing p = {.how = how, .device = (dev_t)-1};
    int error = 0;
    if (!paths) error = pack_all(&p, directory);
    for (size_t i = 0; paths && paths[i] && !error; i++) error = pack_path(&p, directory, paths[i]);
    if (!error) wrn_tar_put_end(&p.out);
    int unwritten = flush(&p, 0);
    wrn_buf_free(&p.out);
    wrn_buf_free(&p.path);
    wrn_buf_free(&p.names);
    free(p.slots);
    return error ? error : unwritten;
}
