#include "server/templates/layer.h"

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

/* Up to five descriptors a level. A redirect is at most 256 bytes, says the kernel. What files with several names take
 * is all that grows with a layer: there is room for half a million of them, or 30,000 with the longest of paths. */
enum { DEPTH_MAX = 300, NAMES_MAX = 65536, VALUE_MAX = 65536, REDIRECT_MAX = 512, LINKS_MAX_BYTES = 128 << 20 };

/* A file that has come over and has more names. */
typedef struct seen {
    ino_t inode;
    dev_t device;
    char *path;
    struct seen *next;
} seen;

enum { BUCKETS = 4096 };

/* The same directory of several layers, from the top down. */
typedef struct stack {
    int fds[LAYERS_MAX], count;
} stack;

typedef struct copy {
    layer_fault *fault;
    const char *opaque;   /* the attribute that says so */
    const char *redirect; /* the one that says where a directory was before it was moved; NULL: none can be */
    const char *skip;     /* at the top; may be NULL */
    stack roots;          /* of what lies below the layer */
    bool owners;
    int top, depth;
    size_t size; /* of `path` */
    char path[PATH_MAX];
    size_t links_bytes;
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

static int remember_link(copy *c, seen **at, const struct stat *info) {
    c->links_bytes += sizeof(**at) + c->size + 1;
    if (c->links_bytes > LINKS_MAX_BYTES) return errno = ENOBUFS, -1;
    seen *link = calloc(1, sizeof(*link));
    char *path = strdup(c->path);
    if (!link || !path) {
        free(link);
        free(path);
        return errno = ENOMEM, -1;
    }
    *link = (seen){info->st_ino, info->st_dev, path, NULL};
    *at = link;
    return 0; /* cppcheck-suppress memleak ; the path is the link's */
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
    if (rc == 0 && link && !*link && c->size < sizeof(c->path)) rc = remember_link(c, link, &info);
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

/* ---- what lies below ---- */

static int open_dir(int dir, const char *name) {
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool exists(const stack *below, const char *name) {
    struct stat info;
    for (int i = 0; i < below->count; i++)
        if (fstatat(below->fds[i], name, &info, AT_SYMLINK_NOFOLLOW) == 0) return !is_whiteout(&info);
    return false;
}

/* The directories of that name, down to one that hides what is below it. */
static stack open_below(const copy *c, const stack *parent, const char *name) {
    stack found = {.count = 0};
    for (int i = 0; i < parent->count; i++) {
        int fd = open_dir(parent->fds[i], name);
        if (fd < 0 && errno == ENOENT) continue;
        if (fd < 0) break;
        found.fds[found.count++] = fd;
        if (is_opaque(c, fd)) break;
    }
    return found;
}

static void close_stack(const stack *s) {
    for (int i = 0; i < s->count; i++) close(s->fds[i]);
}

/* Down a path from the roots, of one name at least. */
static stack open_path(const copy *c, const char *path) {
    char names[PATH_MAX];
    stack at = c->roots, next;
    snprintf(names, sizeof(names), "%s", path);
    char *save, *name = strtok_r(names, "/", &save);
    if (!name) return (stack){.count = 0};
    for (bool is_first = true; name; is_first = false, at = next, name = strtok_r(NULL, "/", &save)) {
        next = open_below(c, &at, name);
        if (!is_first) close_stack(&at);
    }
    return at;
}

/* No way leads up, or to where it began. */
static bool is_way(const char *value) {
    char names[REDIRECT_MAX];
    snprintf(names, sizeof(names), "%s", value);
    for (char *save, *name = strtok_r(names, "/", &save); name; name = strtok_r(NULL, "/", &save))
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return false;
    return value[0] != '\0';
}

/* Where the directory `name` has those that lie below it, as a path in what is below: "" when there are none. `parent` is that
 * of the one it is in, NULL for none. False with errno. */
static bool find_lower(const copy *c, int dir, const char *parent, const char *name, char out[PATH_MAX], bool *moved) {
    char value[REDIRECT_MAX] = "";
    *moved = false;
    out[0] = '\0';
    if (is_opaque(c, dir)) return true;
    if (c->redirect && fgetxattr(dir, c->redirect, value, sizeof(value) - 1) < 0 && errno != ENODATA &&
        errno != ENOTSUP)
        return false;
    *moved = is_way(value) && (parent || value[0] == '/');
    if (!parent && !*moved) return true;
    int size = *moved && value[0] == '/' ? snprintf(out, PATH_MAX, "%s", value)
                                         : snprintf(out, PATH_MAX, "%s/%s", parent, *moved ? value : name);
    errno = ENAMETOOLONG;
    if (size >= PATH_MAX) out[0] = '\0';
    return size < PATH_MAX || !c->redirect;
}

/* ---- directories ---- */

static int apply_dir(copy *c, int from, int to, const stack *base, const char *lower);

static bool remove_at(int dir, const char *name) {
    char path[320];
    if (unlinkat(dir, name, 0) == 0 || errno == ENOENT) return true;
    snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dir, name);
    return wrn_tree_remove(path);
}

/* The directory to bring the other one over to, made unless there is one already; -1 with errno. */
static int make_target(const copy *c, int to, const stack *base, const char *name, bool opaque) {
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

/* What lay below a directory that was moved goes with it. It is read from where it was: half of the new tree may have taken
 * its place. What lies below was never moved itself. */
static int bring_lower(copy *c, int target, const char *lower) {
    stack found = open_path(c, lower);
    int rc = 0;
    for (int i = found.count; rc == 0 && i-- > 0;) {
        copy *one = calloc(1, sizeof(*one)); /* hard links are of one layer each */
        if (!one) return errno = ENOMEM, close_stack(&found), -1;
        *one = (copy){.fault = c->fault, .opaque = c->opaque, .owners = c->owners, .top = target, .depth = c->depth};
        rc = apply_dir(one, found.fds[i], target, &(stack){.count = 0}, NULL);
        forget_links(one);
        free(one);
    }
    close_stack(&found);
    return rc;
}

/* In the place of whatever has the name, and hiding what has it below. */
static int make_moved(copy *c, int to, const stack *base, const char *name, const char *lower) {
    if (!remove_at(to, name)) return -1;
    int target = make_target(c, to, base, name, exists(base, name));
    if (target < 0 || bring_lower(c, target, lower) == 0) return target;
    int saved = errno;
    close(target);
    return errno = saved, -1;
}

static int copy_dir(copy *c, int from, int to, const stack *base, const char *name, const char *parent) {
    struct stat info;
    char lower[PATH_MAX];
    bool moved = false;
    stack below = {.count = 0};
    int rc = -1, target = -1, source = open_dir(from, name);
    if (c->depth++ == DEPTH_MAX) {
        errno = ELOOP;
        goto end;
    }
    if (source < 0 || fstat(source, &info) != 0 || !find_lower(c, source, parent, name, lower, &moved)) goto end;
    if (moved) target = make_moved(c, to, base, name, lower);
    else target = make_target(c, to, base, name, is_opaque(c, source));
    if (target < 0) goto end;
    if (!moved && !is_opaque(c, target)) below = open_below(c, base, name);
    rc = apply_dir(c, source, target, &below, *lower ? lower : NULL);
    if (rc == 0) rc = finish(c, source, target, &info);
end:
    if (rc != 0) failed(c);
    c->depth--;
    if (source >= 0) close(source);
    if (target >= 0) close(target);
    close_stack(&below);
    return rc;
}

static int apply_entry(copy *c, int from, int to, const stack *base, const char *name, const char *lower) {
    struct stat info;
    int rc;
    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return failed(c);
    if (S_ISDIR(info.st_mode)) return copy_dir(c, from, to, base, name, lower);
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
static int apply_dir(copy *c, int from, int to, const stack *base, const char *lower) {
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
        rc = apply_entry(c, from, to, base, entry->d_name, lower);
    }
    c->size = size;
    if (size < sizeof(c->path)) c->path[size] = '\0';
    closedir(dir);
    return rc;
}

int layer_apply(const layer_plan *plan, layer_fault *fault) {
    struct stat info;
    copy *c = calloc(1, sizeof(*c));
    if (!c) return fault->error = ENOMEM, -1;
    stack base = {.count = plan->kept};
    memcpy(base.fds, plan->below + plan->count - plan->kept, (size_t)plan->kept * sizeof(int));
    c->fault = fault;
    c->opaque = plan->root ? "trusted.overlay.opaque" : "user.overlay.opaque";
    c->redirect = plan->root ? "trusted.overlay.redirect" : NULL;
    c->skip = plan->skip;
    c->owners = plan->root;
    c->top = plan->to;
    c->roots.count = plan->count;
    memcpy(c->roots.fds, plan->below, sizeof(plan->below));
    int rc = apply_dir(c, plan->from, plan->to, &base, "");
    if (rc == 0 && (fstat(plan->from, &info) != 0 || finish(c, plan->from, plan->to, &info) != 0)) rc = failed(c);
    forget_links(c);
    free(c);
    return rc;
}
