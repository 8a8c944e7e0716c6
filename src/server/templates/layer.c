#include "server/templates/layer.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "base/tree.h"

/* A level takes up to five descriptors. The kernel limits redirects to 256 bytes. */
enum { DEPTH_MAX = 300, NAMES_MAX = 65536, VALUE_MAX = 65536, REDIRECT_MAX = 512 };

size_t layer_links_max = 128 << 20;

/* A copied file with more than one name. */
typedef struct linked {
    ino_t inode;
    dev_t device;
    char *path;
    struct linked *next;
} linked;

enum { BUCKETS = 4096 };

/* The same directory of several layers, from the top down. */
typedef struct stack {
    int fds[LAYERS_MAX], count;
} stack;

typedef struct copy {
    layer_fault *fault;
    const char *opaque;   /* the attribute of opaque directories */
    const char *redirect; /* the attribute with the old place of a moved directory; NULL: not supported */
    const char *skip;     /* an entry at the top; may be NULL */
    stack roots;          /* of the layers below */
    bool owners;
    int top, depth;
    size_t size; /* of `path` */
    char path[PATH_MAX];
    size_t links_bytes;
    linked *links[BUCKETS];
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

/* ---- metadata ---- */

static bool is_carried(const char *name) {
    if (strncmp(name, "user.overlay.", 13) == 0) return false; /* these describe this overlay, not the file */
    return strncmp(name, "user.", 5) == 0 || strncmp(name, "system.posix_acl_", 17) == 0 ||
           strcmp(name, "security.capability") == 0;
}

static int copy_xattrs(int from, int to) {
    static char names[NAMES_MAX], value[VALUE_MAX];
    ssize_t size = flistxattr(from, names, sizeof(names));
    for (char *name = names; size > 0 && name < names + size; name += strlen(name) + 1) {
        ssize_t got = is_carried(name) ? fgetxattr(from, name, value, sizeof(value)) : -1;
        if (got < 0 || fsetxattr(to, name, value, (size_t)got, 0) == 0) continue;
        /* Only root can set capabilities, and they have no effect in a sandbox. */
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

/* Owner first, because changing it clears mode bits. */
static int copy_metadata(const copy *c, int from, int to, const struct stat *info) {
    const struct timespec times[2] = {info->st_atim, info->st_mtim};
    if (c->owners && fchown(to, info->st_uid, info->st_gid) != 0) return -1;
    return fchmod(to, info->st_mode & 07777) == 0 && copy_xattrs(from, to) == 0 && futimens(to, times) == 0 ? 0 : -1;
}

static int copy_node_metadata(const copy *c, int dir, const char *name, const struct stat *info) {
    const struct timespec times[2] = {info->st_atim, info->st_mtim};
    if (c->owners && fchownat(dir, name, info->st_uid, info->st_gid, AT_SYMLINK_NOFOLLOW) != 0) return -1;
    if (!S_ISLNK(info->st_mode) && fchmodat(dir, name, info->st_mode & 07777, 0) != 0) return -1;
    return utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW);
}

/* ---- files ---- */

/* For file systems without copy_file_range(). */
static int copy_by_hand(int in, int out, off_t at, off_t end) {
    static char block[1 << 18];
    while (at < end) {
        size_t want = end - at < (off_t)sizeof(block) ? (size_t)(end - at) : sizeof(block);
        ssize_t got = pread(in, block, want, at);
        if (got <= 0) return (int)got; /* it has shrunk meanwhile; the copy keeps the size */
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

/* Shares blocks if the file system can, and keeps holes. */
static int copy_file_data(int in, int out, off_t size) {
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

static linked **find_link(copy *c, const struct stat *info) {
    linked **at = &c->links[(size_t)info->st_ino % BUCKETS];
    while (*at && ((*at)->inode != info->st_ino || (*at)->device != info->st_dev)) at = &(*at)->next;
    return at;
}

static void forget_links(copy *c) {
    for (size_t i = 0; i < BUCKETS; i++) {
        for (linked *link; (link = c->links[i]);) {
            c->links[i] = link->next;
            free(link->path);
            free(link);
        }
    }
}

static int remember_link(copy *c, linked **at, const struct stat *info) {
    c->links_bytes += sizeof(**at) + c->size + 1;
    if (c->links_bytes > layer_links_max) return errno = ENOBUFS, -1;
    linked *link = *at = calloc(1, sizeof(*link));
    *link = (linked){info->st_ino, info->st_dev, strdup(c->path), NULL};
    return 0;
}

static int copy_layer_file(copy *c, int from, int to, const char *name) {
    struct stat info;
    WRN_AUTO(wrn_fd_close) int in = openat(from, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (in < 0 || fstat(in, &info) != 0) return -1;
    if (!S_ISREG(info.st_mode)) return errno = ESTALE, -1; /* it was a regular file just now */
    linked **link = info.st_nlink > 1 ? find_link(c, &info) : NULL;
    if (link && *link && linkat(c->top, (*link)->path, to, name, 0) == 0) return 0;
    WRN_AUTO(wrn_fd_close) int out = openat(to, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (out < 0 || copy_file_data(in, out, info.st_size) != 0 || copy_metadata(c, in, out, &info) != 0) return -1;
    if (link && !*link && c->size < sizeof(c->path) && remember_link(c, link, &info) != 0) return -1;
    return close(wrn_fd_take(&out));
}

static int copy_link(const copy *c, int from, int to, const char *name, const struct stat *info) {
    char target[PATH_MAX];
    ssize_t size = readlinkat(from, name, target, sizeof(target) - 1);
    if (size < 0) return -1;
    target[size] = '\0';
    return symlinkat(target, to, name) == 0 ? copy_node_metadata(c, to, name, info) : -1;
}

/* ---- lower layers ---- */

static int open_layer_dir(int dir, const char *name) {
    return openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

static bool exists(const stack *below, const char *name) {
    struct stat info;
    for (int i = 0; i < below->count; i++)
        if (fstatat(below->fds[i], name, &info, AT_SYMLINK_NOFOLLOW) == 0) return !is_whiteout(&info);
    return false;
}

/* Opens the directories of that name, down to the first opaque one. */
static stack open_below(const copy *c, const stack *parent, const char *name) {
    stack found = {.count = 0};
    for (int i = 0; i < parent->count; i++) {
        int fd = open_layer_dir(parent->fds[i], name);
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

/* Opens the directories of a path from the roots, which has at least one name. */
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

/* A valid redirect is not empty, and has no name "." or "..". */
static bool is_redirect(const char *value) {
    char names[REDIRECT_MAX];
    snprintf(names, sizeof(names), "%s", value);
    for (char *save, *name = strtok_r(names, "/", &save); name; name = strtok_r(NULL, "/", &save))
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0) return false;
    return value[0] != '\0';
}

/* Finds the path of the directory `name` in the lower layers; "": it has no lower directory. `parent` is the path of
 * its parent, NULL for none. False with errno. */
static bool find_lower(const copy *c, int dir, const char *parent, const char *name, char out[PATH_MAX], bool *moved) {
    char value[REDIRECT_MAX] = "";
    *moved = false;
    out[0] = '\0';
    if (is_opaque(c, dir)) return true;
    if (c->redirect && fgetxattr(dir, c->redirect, value, sizeof(value) - 1) < 0 && errno != ENODATA &&
        errno != ENOTSUP)
        return false;
    *moved = is_redirect(value) && (parent || value[0] == '/');
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

/* Opens the directory to copy to, and makes it unless it exists; -1 with errno. */
static int make_target(const copy *c, int to, const stack *base, const char *name, bool opaque) {
    if (opaque && !remove_at(to, name)) return -1;
    if (mkdirat(to, name, 0700) != 0) {
        if (errno != EEXIST) return -1;
        int there = open_layer_dir(to, name);
        if (there >= 0) return drop_xattrs(there), there;
        if (!remove_at(to, name) || mkdirat(to, name, 0700) != 0) return -1;
        opaque = exists(base, name); /* the removed file hid it */
    }
    int made = open_layer_dir(to, name);
    if (made < 0 || !opaque || fsetxattr(made, c->opaque, "y", 1, 0) == 0) return made;
    close(made);
    return -1;
}

/* Copies the lower content of a moved directory, from its old path in the lower layers, because the new tree may have
 * something else there. Redirects in lower layers do not occur. */
static int copy_lower(copy *c, int target, const char *lower) {
    stack found = open_path(c, lower);
    int rc = 0;
    for (int i = found.count; rc == 0 && i-- > 0;) {
        copy *one = calloc(1, sizeof(*one)); /* hard links are of one layer each */
        *one = (copy){.fault = c->fault, .opaque = c->opaque, .owners = c->owners, .top = target, .depth = c->depth};
        rc = apply_dir(one, found.fds[i], target, &(stack){.count = 0}, NULL);
        forget_links(one);
        free(one);
    }
    close_stack(&found);
    return rc;
}

/* Makes a moved directory. It replaces what has the name in `to`, and hides what has it below. */
static int make_moved(copy *c, int to, const stack *base, const char *name, const char *lower) {
    if (!remove_at(to, name)) return -1;
    int target = make_target(c, to, base, name, exists(base, name));
    if (target < 0 || copy_lower(c, target, lower) == 0) return target;
    int saved = errno;
    close(target);
    return errno = saved, -1;
}

static int copy_open_dir(copy *c, int source, int to, const stack *base, const char *name, const char *parent) {
    struct stat info;
    char lower[PATH_MAX];
    bool moved = false;
    stack below = {.count = 0};
    if (c->depth > DEPTH_MAX) return errno = ELOOP, -1;
    if (source < 0 || fstat(source, &info) != 0 || !find_lower(c, source, parent, name, lower, &moved)) return -1;
    WRN_AUTO(wrn_fd_close)
    int target = moved ? make_moved(c, to, base, name, lower) : make_target(c, to, base, name, is_opaque(c, source));
    if (target < 0) return -1;
    if (!moved && !is_opaque(c, target)) below = open_below(c, base, name);
    int rc = apply_dir(c, source, target, &below, *lower ? lower : NULL);
    if (rc == 0) rc = copy_metadata(c, source, target, &info);
    if (rc != 0) failed(c);
    close_stack(&below);
    return rc;
}

static int copy_dir(copy *c, int from, int to, const stack *base, const char *name, const char *parent) {
    WRN_AUTO(wrn_fd_close) int source = open_layer_dir(from, name);
    c->depth++;
    int rc = copy_open_dir(c, source, to, base, name, parent);
    c->depth--;
    return rc == 0 ? 0 : failed(c);
}

static int apply_entry(copy *c, int from, int to, const stack *base, const char *name, const char *lower) {
    struct stat info;
    int rc;
    if (fstatat(from, name, &info, AT_SYMLINK_NOFOLLOW) != 0) return failed(c);
    if (S_ISDIR(info.st_mode)) return copy_dir(c, from, to, base, name, lower);
    if (!remove_at(to, name)) return failed(c);
    if (is_whiteout(&info)) rc = exists(base, name) ? mknodat(to, name, S_IFCHR, makedev(0, 0)) : 0;
    else if (S_ISREG(info.st_mode)) rc = copy_layer_file(c, from, to, name);
    else if (S_ISLNK(info.st_mode)) rc = copy_link(c, from, to, name, &info);
    else if (S_ISFIFO(info.st_mode) || S_ISSOCK(info.st_mode))
        rc = mknodat(to, name, (info.st_mode & S_IFMT) | 0600, 0) == 0 ? copy_node_metadata(c, to, name, &info) : -1;
    else rc = 0; /* a sandbox can't make devices */
    return rc == 0 ? 0 : failed(c);
}

/* The descriptors stay the caller's. */
static int apply_dir(copy *c, int from, int to, const stack *base, const char *lower) {
    int again = openat(from, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    WRN_AUTO(wrn_dir_close) DIR *dir = again >= 0 ? fdopendir(again) : NULL;
    if (!dir) return wrn_fd_close(&again), failed(c);
    int rc = 0;
    size_t size = c->size;
    for (struct dirent *entry; rc == 0 && (entry = wrn_dir_next(dir));) {
        if (c->depth == 0 && c->skip && strcmp(entry->d_name, c->skip) == 0) continue;
        size_t more = strlen(entry->d_name) + (size > 0);
        /* Longer paths are not remembered for hard links: see copy_file(). */
        if (size + more < sizeof(c->path))
            snprintf(c->path + size, sizeof(c->path) - size, "%s%s", size ? "/" : "", entry->d_name);
        c->size = size + more < sizeof(c->path) ? size + more : sizeof(c->path);
        rc = apply_entry(c, from, to, base, entry->d_name, lower);
    }
    c->size = size;
    if (size < sizeof(c->path)) c->path[size] = '\0';
    return rc;
}

int layer_apply(const layer_plan *plan, layer_fault *fault) {
    struct stat info;
    copy *c = calloc(1, sizeof(*c));
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
    if (rc == 0 && (fstat(plan->from, &info) != 0 || copy_metadata(c, plan->from, plan->to, &info) != 0))
        rc = failed(c);
    forget_links(c);
    free(c);
    return rc;
}
