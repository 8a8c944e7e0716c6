#include "server/backend/ns/layer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/tree.h"

/* Three descriptors a level. */
enum { DEPTH_MAX = 300, NAMES_MAX = 65536, VALUE_MAX = 65536 };

/* A file that has come over and has more names. */
typedef struct seen {
    ino_t inode;
    dev_t device;
    char *path;
    struct seen *next;
} seen;

enum { BUCKETS = 4096 };

typedef struct copy {
    layer_fault *fault;
    const char *opaque; /* the attribute that says so */
    const char *skip;   /* at the top; may be NULL */
    bool owners;
    int top, depth;
    size_t size; /* of `path` */
    char path[PATH_MAX];
    seen *links[BUCKETS];
} copy;

static int failed(copy *c) {
    if (c->fault->error) return -1;
    c->fault->error = errno ? errno : EIO;
    snprintf(c->fault->path, sizeof(c->fault->path), "/%.*s", (int)sizeof(c->fault->path) - 2, c->path);
    return -1;
}

static bool is_whiteout(const struct stat *info) { return S_ISCHR(info->st_mode) && info->st_rdev == makedev(0, 0); }

static bool is_opaque(const copy *c, int fd) {
    char value;
    return fgetxattr(fd, c->opaque, &value, 1) == 1 && value == 'y';
}

/* ---- what belongs to every file ---- */

static bool is_carried(const char *name) {
    if (strncmp(name, "user.overlay.", 13) == 0) return false; /* these are how layers are stacked where they lie now */
    return strncmp(name, "user.", 5) == 0 || strncmp(name, "system.posix_acl_", 17) == 0 ||
           strcmp(name, "security.capability") == 0;
}

static int copy_xattrs(int from, int to) {
    static char names[NAMES_MAX], value[VALUE_MAX];
    ssize_t size = flistxattr(from, names, sizeof(names));
    for (char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
        ssize_t got = is_carried(name) ? fgetxattr(from, name, value, sizeof(value)) : -1;
        if (got < 0 || fsetxattr(to, name, value, (size_t)got, 0) == 0) continue;
        /* Capabilities can be given by root only, and no program in a sandbox gets any from a file. */
        if (strncmp(name, "security.", 9) != 0) return -1;
    }
    return 0;
}

static void drop_xattrs(int fd) {
    static char names[NAMES_MAX];
    ssize_t size = flistxattr(fd, names, sizeof(names));
    for (char *name = names; size > 0 && name < names + size; name += strlen(name) + 1)
        if (is_carried(name)) fremovexattr(fd, name);
}

/* Owner first: a change of it takes bits from the mode. */
static int finish(const copy *c, int from, int to, const struct stat *info) {
    const struct timespec times[2] = {info->st_atim, info->st_mtim};
    if (c->owners && fchown(to, info->st_uid, info->st_gid) != 0) return -1;
    return fchmod(to, info->st_mode & 07777) == 0 && copy_xattrs(from, to) == 0 && futimens(to, times) == 0 ? 0 : -1;
}

static int finish_node(const copy *c, int dir, const char *name, const struct stat *info) {
    const struct timespec times[2] = {info->st_atim, info->st_mtim};
    if (c->owners && fchownat(dir, name, info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW) != 0) return -1;
    if (!S_ISLNK(info->st_mode) && fchmodat(dir, name, info->st_mode & 07777, 0) != 0) return -1;
    return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

/* ---- files ---- */

/* Without the kernel's help, which some file systems lack. */
static int copy_by_hand(int in, int out, off_t at, off_t end) {
    static char block[1 << 18];
    while (at < end) {
        size_t want = end - at < (off_t)sizeof(block) ? (size_t)(end - at) : sizeof(block);
        ssize_t got = pread(in, block, want, at);
        if (got <= 0) return (int)got; /* shorter than it was: its size is kept */
        for (ssize_t done = 0, put; done < got; done += put)
            if ((put = pwrite(out, block + done, (size_t)(got - done), at + done)) <= 0) return -1;
        at += got;
    }
    return 0;
}

static int copy_range(int in, int out, off_t at, off_t end) {
    off_t from = at, to = at;
    while (from < end) {
        ssize_t got = copy_file_range(in, &from, out, &to, (size_t)(end - from), 0);
        if (got == 0) return 0;
        if (got < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO)) return -1;
        if (got < 0) return copy_by_hand(in, out, from, end);
    }
    return 0;
}

/* Shares the blocks where the file system can; holes stay holes. */
static int copy_data(int in, int out, off_t size) {
    if (ioctl(out, FICLONE, in) == 0) return 0;
    if (ftruncate(out, size) != 0) return -1;
    for (off_t at = 0; at < size;) {
        off_t data = lseek(in, at, SEEK_DATA);
        if (data < 0 && errno == ENXIO) return 0;
        if (data < 0) return copy_range(in, out, at, size);
        off_t hole = lseek(in, data, SEEK_HOLE);
        if (hole < 0 || hole > size) hole = size;
        if (data >= size) return 0;
        if (copy_range(in, out, data, hole) != 0) return -1;
        at = hole;
    }
    return 0;
}

static seen **find_link(copy *c, const struct stat *info) {
    seen **at = &c->links[(size_t)info->st_ino % BUCKETS];
    while (*at && ((*at)->inode != info->st_ino || (*at)->device != info->st_dev)) at = &(*at)->next;
    return at;
}

static void forget_links(copy *c) {
    for (size_t i = 0; i < BUCKETS; i++) {
        for (seen *link; (link = c->links[i]);) {
            c->links[i] = link->next;
            free(link->path);
            free(link);
        }
    }
}

static int copy_file(copy *c, int from, int to, const char *name) {
    struct stat info;
    int rc = -1, out = -1, in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0 || fstat(in, &info) != 0) goto end;
    if (!S_ISREG(info.st_mode)) {
        errno = ESTALE; /* it was a file a moment ago */
        goto end;
    }
    seen **link = info.st_nlink > 1 ? find_link(c, &info) : NULL;
    if (link && *link && linkat(c->top, (*link)->path, to, name, 0) == 0) {
        rc = 0;
        goto end;
    }
    out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    rc = out < 0 || copy_data(in, out, info.st_size) != 0 ? -1 : finish(c, in, out, &info);
    if (rc != 0 || !link || *link || c->size >= sizeof(c->path)) goto end;
    *link = calloc(1, sizeof(**link));
    char *path = strdup(c->path);
    if (*link && path) **link = (seen){info.st_ino, info.st_dev, path, NULL};
    else rc = -1, free(path);
end:
    if (in >= 0) close(in);
    if (out >= 0 && close(out) != 0) rc = -1;
    return rc;
}

static int copy_link(const copy *c, int from, int to, const char *name, const struct stat *info) {
    char target[PATH_MAX];
    ssize_t size = readlinkat(from, name, target, sizeof(target) - 1);
    if (size < 0) return -1;
    target[size] = '\0';
    return symlinkat(target, to, name) == 0 ? finish_node(c, to, name, info) : -1;
}

/* ---- directories ---- */

static int apply_dir(copy *c, int from, int to, int base);

static bool exists(int dir, const char *name) {
    struct stat info;
    return dir >= 0 && fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) == 0;
}

static bool remove_at(int dir, const char *name) {
    char path[320];
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) return true;
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
    return wrn_tree_remove(path);
}

static int open_dir(int dir, const char *name) {
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* The directory to bring the other one over to, made unless there is one already; -1 with errno. */
static int make_target(const copy *c, int to, int base, const char *name, bool opaque) {
    if (opaque && !remove_at(to, name)) return -1;
    if (mkdirat(to, name, 0700) != 0) {
        if (errno != EEXIST) return -1;
        int there = open_dir(to, name);
        if (there >= 0) return drop_xattrs(there), there;
        if (!remove_at(to, name) || mkdirat(to, name, 0700) != 0) return -1;
        opaque = exists(base, name); /* what was there hid it */
    }
    int made = open_dir(to, name);
    if (made < 0 || !opaque || fsetxattr(made, c->opaque, "y", 1, 0) == 0) return made;
    close(made);
    return -1;
}

static int copy_dir(copy *c, int from, int to, int base, const char *name) {
    struct stat info;
    int rc = -1, target = -1, below = -1, source = open_dir(from, name);
    if (source < 0 || fstat(source, &info) != 0) goto end;
    target = make_target(c, to, base, name, is_opaque(c, source));
    if (target < 0) goto end;
    if (base >= 0 && !is_opaque(c, target)) below = open_dir(base, name);
    if (c->depth == DEPTH_MAX) {
        errno = ELOOP;
        goto end;
    }
    c->depth++;
    rc = apply_dir(c, source, target, below);
    c->depth--;
    if (rc == 0) rc = finish(c, source, target, &info);
end:
    if (rc != 0) failed(c);
    if (source >= 0) close(source);
    if (target >= 0) close(target);
    if (below >= 0) close(below);
    return rc;
}

static int apply_entry(copy *c, int from, int to, int base, const char *name) {
    struct stat info;
    int rc;
    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return failed(c);
    if (S_ISDIR(info.st_mode)) return copy_dir(c, from, to, base, name);
    if (!remove_at(to, name)) return failed(c);
    if (is_whiteout(&info)) rc = exists(base, name) ? mknodat(to, name, S_IFCHR, makedev(0, 0)) : 0;
    else if (S_ISREG(info.st_mode)) rc = copy_file(c, from, to, name);
    else if (S_ISLNK(info.st_mode)) rc = copy_link(c, from, to, name, &info);
    else if (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode))
        rc = mknodat(to, name, (info.st_mode & S_IFMT) | 0600, 0) == 0 ? finish_node(c, to, name, &info) : -1;
    else rc = 0; /* no sandbox can make a device */
    return rc == 0 ? 0 : failed(c);
}

/* Takes none of the descriptors over. */
static int apply_dir(copy *c, int from, int to, int base) {
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    if (!dir) {
        if (again >= 0) close(again);
        return failed(c);
    }
    int rc = 0;
    size_t size = c->size;
    for (struct dirent *entry; rc == 0 && (entry = readdir(dir));) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (c->depth == 0 && c->skip && strcmp(entry->d_name, c->skip) == 0) continue;
        size_t more = strlen(entry->d_name) + (size > 0);
        /* A longer one is not known by its path any more, see copy_file(). */
        if (size + more < sizeof(c->path))
            snprintf(c->path + size, sizeof(c->path) - size, "%s%s", size ? "/" : "", entry->d_name);
        c->size = size + more < sizeof(c->path) ? size + more : sizeof(c->path);
        rc = apply_entry(c, from, to, base, entry->d_name);
    }
    c->size = size;
    if (size < sizeof(c->path)) c->path[size] = '\0';
    closedir(dir);
    return rc;
}

int layer_apply(int from, int to, int base, const char *skip, bool root, layer_fault *fault) {
    struct stat info;
    copy *c = calloc(1, sizeof(*c));
    if (!c) return fault->error = ENOMEM, -1;
    c->fault = fault;
    c->opaque = root ? "trusted.overlay.opaque" : "user.overlay.opaque";
    c->skip = skip;
    c->owners = root;
    c->top = to;
    int rc = apply_dir(c, from, to, base);
    if (rc == 0 && (fstat(from, &info) != 0 || finish(c, from, to, &info) != 0)) rc = failed(c);
    forget_links(c);
    free(c);
    return rc;
}
