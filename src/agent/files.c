/* Walks paths component by component, by descriptors of directories: so no path is too long, and a directory that is swapped
 * for a link meanwhile does not lead a recursion elsewhere. A process does one operation and ends. */
#include "agent/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "agent/followed.h"
#include "agent/listening.h"
#include "agent/relay.h"
#include "agent/user.h"
#include "base/buf.h"
#include "base/pack.h"
#include "base/tree.h"
#include "base/unpack.h"
#include "wire/files.h"

enum { CHUNK = 65536, LINKS_MAX = 40, DIR_FLAGS = O_DIRECTORY | O_CLOEXEC };

/* ---- paths ---- */

typedef struct place {
    int dir;
    const char *name; /* the last component; "." when there is none */
    bool slash;       /* a slash follows the name, so it has to be a directory */
} place;

/* Makes a path absolute: "~" and relative paths start at the home directory. `tidy` drops "." and needless slashes. */
static wrn_buf path_absolute(const char *path, bool tidy) {
    wrn_buf out = WRN_BUF_INIT;
    const char *home = getenv("HOME");
    bool tilde = path[0] == '~' && (path[1] == '/' || path[1] == '\0');
    wrn_buf_puts(&out, *path != '/' && home && *home == '/' ? home : "");
    wrn_buf_putc(&out, '/');
    wrn_buf_puts(&out, path + tilde);
    if (!tidy || out.failed) return out;
    char *to = out.data;
    for (const char *at = out.data; *at;) {
        size_t size = strcspn(at, "/");
        if (size && !(size == 1 && *at == '.')) {
            *to++ = '/';
            memmove(to, at, size);
            to += size;
        }
        at += size + (at[size] == '/');
    }
    *to = '\0';
    out.size = (size_t)(to - out.data);
    return out;
}

/* The name is "." for "/", too. */
static bool is_nameless(const place *at) { return strcmp(at->name, ".") == 0 || strcmp(at->name, "..") == 0; }

static int path_enter(int dir, const char *name, bool make) {
    int fd = openat(dir, name, O_PATH | DIR_FLAGS);
    if (fd >= 0 || errno != ENOENT || !make) return fd;
    if (mkdirat(dir, name, 0755) != 0 && errno != EEXIST) return -1;
    return openat(dir, name, O_PATH | DIR_FLAGS);
}

/* Opens the directory of the path's last component; a relative path starts at `from`. With `make`, missing directories above
 * that component are made. Writes NULs into the path. False with errno. */
static bool path_walk(int from, char *path, bool make, place *out) {
    *out = (place){.dir = openat(from, *path == '/' ? "/" : ".", O_PATH | DIR_FLAGS), .name = "."};
    for (char *part = path + strspn(path, "/"); out->dir >= 0 && *part;) {
        char *end = part + strcspn(part, "/"), *next = end + strspn(end, "/");
        bool last = !*next;
        out->slash = *end != '\0';
        *end = '\0';
        if (last) {
            out->name = part;
            break;
        }
        int below = path_enter(out->dir, part, make);
        close(out->dir);
        out->dir = below;
        part = next;
    }
    return out->dir >= 0;
}

/* The same for a path from a request. What `out` points to stays until the process ends. */
static bool path_find(const char *path, bool make, place *out) {
    static wrn_buf whole;
    whole = path_absolute(path, false);
    errno = ENOMEM;
    return !whole.failed && path_walk(AT_FDCWD, whole.data, make, out);
}

/* ---- read ---- */

static int copy_bytes(int from, int to) {
    static char chunk[CHUNK];
    for (ssize_t got; (got = read(from, chunk, sizeof(chunk))) != 0;) {
        if (got < 0 && errno != EINTR) return errno;
        for (ssize_t at = 0; at < got;) {
            ssize_t put = write(to, chunk + at, (size_t)(got - at));
            if (put < 0 && errno != EINTR) return errno;
            if (put > 0) at += put;
        }
    }
    return 0;
}

static int builtin_read(char **argv) {
    place at;
    if (!path_find(argv[1], false, &at)) return errno;
    int fd = open_regular(at.dir, at.name);
    if (fd < 0) return errno;
    return at.slash ? ENOTDIR : copy_bytes(fd, STDOUT_FILENO);
}

/* ---- write ---- */

static struct {
    int dir;
    char name[32];
} aside;

static void write_on_abort(int signo) {
    unlinkat(aside.dir, aside.name, 0);
    _exit(ECANCELED);
}

static void write_block_abort(bool hold) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &term, NULL);
}

/* Follows symbolic links to the file that a write replaces. */
static int follow_links(place *at) {
    static char targets[2][PATH_MAX]; /* used in turn: the last one holds the name */
    for (int i = 0; i < LINKS_MAX; i++) {
        char *target = targets[i % 2];
        ssize_t size = at->slash ? -1 : readlinkat(at->dir, at->name, target, PATH_MAX - 1);
        if (size < 0) return 0;
        target[size] = '\0';
        place next;
        if (!path_walk(at->dir, target, false, &next)) return errno;
        close(at->dir);
        *at = next;
    }
    return ELOOP;
}

/* Checks the file to be replaced. When there is none, *info describes a new regular file. */
static int look_at_target(const place *at, struct stat *info) {
    if (fstatat(at->dir, at->name, info, AT_SYMLINK_NOFOLLOW) != 0) {
        *info = (struct stat){.st_mode = S_IFREG | 0644, .st_uid = (uid_t)-1, .st_gid = (gid_t)-1};
        return errno != ENOENT ? errno : at->slash ? EISDIR : 0;
    }
    if (S_ISDIR(info->st_mode)) return EISDIR;
    if (!S_ISREG(info->st_mode)) return EINVAL;
    if (at->slash) return ENOTDIR;
    return faccessat(at->dir, at->name, W_OK, 0) == 0 ? 0 : errno;
}

/* What a request asks for beyond the content. */
typedef struct wish {
    bool has_mode, has_owner, in_place;
    mode_t mode;
    uid_t uid;
    gid_t gid;
} wish;

static int read_wish(char **argv, wish *out) {
    static account owner;
    *out = (wish){0};
    for (char **word = argv + 2; *word; word++) {
        char *value = strchr(*word, '=');
        if (strcmp(*word, "in-place") == 0) out->in_place = true;
        else if (!value || (**word != 'm' && **word != 'o')) return EINVAL;
        else if (**word == 'm') out->has_mode = true, out->mode = (mode_t)strtoul(value + 1, NULL, 8) & 07777;
        else if (user_find(value + 1, &owner) != 0 || !user_can_be(&owner)) return EUSERS;
        else out->has_owner = true, out->uid = owner.uid, out->gid = owner.gid;
    }
    return 0;
}

/* Sets owner and mode: those of the request, else those that the file had. */
static int set_owner_and_mode(int fd, const struct stat *had, const wish *w) {
    bool same_owner = fchown(fd, w->has_owner ? w->uid : had->st_uid, w->has_owner ? w->gid : had->st_gid) == 0;
    if (w->has_owner && !same_owner) return errno;
    /* Set-user-id and set-group-id bits are not passed on to another owner. */
    mode_t kept = had->st_mode & (same_owner && !w->has_owner ? 07777 : 0777);
    return fchmod(fd, w->has_mode ? w->mode : kept) == 0 ? 0 : errno;
}

/* Whether the file has extended attributes or access lists, which a new file would lack. Attributes that the host's security
 * modules put on every file do not count. */
static bool has_attributes(const place *at) {
    static char names[65536]; /* the kernel's limit */
    char path[32];
    int fd = openat(at->dir, at->name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return false;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    ssize_t size = listxattr(path, names, sizeof(names));
    close(fd);
    for (const char *name = names; name < names + size; name += strlen(name) + 1)
        if (strncmp(name, "security.", 9) != 0) return true;
    return false;
}

static bool stays_in_place(const place *at, const struct stat *target, const wish *w) {
    return target->st_nlink && (w->in_place || target->st_nlink > 1 || has_attributes(at) || is_followed(target));
}

/* Allocates the space first, so that a full disk does not cost the old content. */
static int copy_into(int from, int to) {
    struct stat info;
    if (fstat(from, &info) != 0 || lseek(from, 0, SEEK_SET) != 0) return errno;
    if (info.st_size && fallocate(to, FALLOC_FL_KEEP_SIZE, 0, info.st_size) != 0 && errno != EOPNOTSUPP) return errno;
    int error = copy_bytes(from, to);
    return error || ftruncate(to, info.st_size) == 0 ? error : errno;
}

/* A watcher of the directory that looks for written files, and not for renamed ones, would miss this file: it was written
 * under its temporary name. So the file is opened for writing and allocated once more, which changes nothing in it. */
static void write_announce(const place *at) {
    struct stat info;
    if (fstat(at->dir, &info) != 0 || !is_followed(&info)) return;
    int fd = openat(at->dir, at->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) return;
    if (fstat(fd, &info) == 0 && info.st_size) (void)!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 1);
    close(fd);
}

static int replace_target(const place *at, int fd, const wish *w) {
    struct stat info, opened;
    int error = look_at_target(at, &info);
    if (error) return error;
    int to = -1;
    if (stays_in_place(at, &info, w)) {
        to = openat(at->dir, at->name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
        if (to < 0 && errno != ETXTBSY) return errno;
        if (to >= 0 && (fstat(to, &opened) != 0 || opened.st_ino != info.st_ino)) return EAGAIN;
    }
    error = set_owner_and_mode(to >= 0 ? to : fd, &info, w);
    if (error) return error;
    if (to < 0) {
        if (renameat(aside.dir, aside.name, at->dir, at->name) != 0) return errno;
        write_announce(at);
        return 0;
    }
    error = copy_into(fd, to);
    unlinkat(aside.dir, aside.name, 0);
    return error;
}

static int builtin_write(char **argv) {
    place at;
    struct stat info;
    uint64_t number;
    wish w;
    int error = read_wish(argv, &w);
    if (error) return error;
    if (!path_find(argv[1], true, &at)) return errno;
    error = follow_links(&at);
    if (!error) error = look_at_target(&at, &info);
    if (error) return error;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) return EAGAIN;
    snprintf(aside.name, sizeof(aside.name), ".wrenn-%016llx", (unsigned long long)number);
    aside.dir = at.dir;
    write_block_abort(true);
    int fd = openat(at.dir, aside.name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = write_on_abort}, NULL);
    write_block_abort(false);
    error = copy_bytes(STDIN_FILENO, fd);
    write_block_abort(true);
    if (!error) error = replace_target(&at, fd, &w);
    if (error) unlinkat(at.dir, aside.name, 0);
    return error;
}

/* ---- records ---- */

typedef struct names {
    const char *file;
    wrn_buf text;
    bool loaded, known;
    unsigned long id; /* that `name` belongs to */
    char name[256];
} names;

static const char *names_find(names *n, unsigned long id) {
    if (!n->loaded) {
        n->loaded = true;
        read_small_file(n->file, &n->text); /* without it there are no names */
    }
    if (n->known && n->id == id) return n->name;
    n->known = true;
    n->id = id;
    snprintf(n->name, sizeof(n->name), "%lu", id);
    for (const char *line = n->text.data; line && *line;) {
        const char *end = strchrnul(line, '\n'), *name_end = strchrnul(line, ':');
        const char *second = name_end < end ? strchrnul(name_end + 1, ':') : end;
        size_t size = (size_t)(name_end - line);
        char *stop = NULL;
        if (second < end && size && size < sizeof(n->name) && strtoul(second + 1, &stop, 10) == id &&
            stop > second + 1 && *stop == ':') {
            memcpy(n->name, line, size);
            n->name[size] = '\0';
            break;
        }
        line = *end ? end + 1 : end;
    }
    return n->name;
}

/* Writes the record of `name` in `dir`; `path` is its absolute path. */
static void files_put_record(int dir, const char *name, const struct stat *own, const char *path) {
    static names users = {.file = "/etc/passwd"}, groups = {.file = "/etc/group"};
    static char resolved[PATH_MAX];
    struct stat end = *own;
    const char *target = "";
    if (S_ISLNK(own->st_mode)) {
        if (fstatat(dir, name, &end, 0) != 0) end.st_mode = 0;
        target = end.st_mode && fchdir(dir) == 0 && realpath(name, resolved) ? resolved : path;
    }
    printf("%u%c%lld%c%lld%c%s%c", (unsigned)end.st_mode, 0, (long long)own->st_size, 0, (long long)own->st_mtime, 0,
           names_find(&users, own->st_uid), 0);
    printf("%s%c%s%c%s%c", names_find(&groups, own->st_gid), 0, target, 0, path, 0);
}

static int end_records(int error) { return fflush(stdout) != 0 && !error ? errno : error; }

/* ---- list ---- */

typedef struct listing {
    wrn_buf path; /* of the directory being listed */
    int level;
    unsigned long long left; /* records */
} listing;

/* Not an errno: the limit of records is reached. */
enum { ENOUGH = -1 };

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Compares a name with the first component of a path. */
static int compare_first(const char *name, const char *path) {
    size_t size = strcspn(path, "/");
    int order = strncmp(name, path, size);
    return order ? order : name[size] != '\0';
}

/* The names of a directory, sorted, with a NULL at the end. `from` is a path or NULL: names before its first component are
 * left out. NULL with errno. */
static char **read_names(DIR *dir, const char *from) {
    size_t count = 0, capacity = 64;
    char **all = malloc(capacity * sizeof(*all));
    if (!all) return NULL;
    errno = 0;
    for (struct dirent *entry; (entry = readdir(dir)); errno = 0) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (from && compare_first(entry->d_name, from) < 0) continue;
        if (count + 1 == capacity) {
            char **grown = realloc(all, 2 * capacity * sizeof(*all));
            if (!grown) break;
            all = grown;
            capacity *= 2;
        }
        if (!(all[count] = strdup(entry->d_name))) break;
        count++;
    }
    all[count] = NULL;
    if (!errno) {
        qsort(all, count, sizeof(*all), by_bytes);
        return all;
    }
    int error = errno;
    while (count) free(all[--count]);
    free(all);
    errno = error;
    return NULL;
}

static int list_dir(listing *l, int fd, long long levels, const char *from);

static bool is_gone(int error) { return error == ENOENT || error == ENOTDIR || error == ELOOP || error == ESRCH; }

/* Below the requested directory, one that has vanished meanwhile or may not be read counts as empty. Some directories of /proc
 * can be opened and still not be read. */
static int list_below(listing *l, int dir, const char *name, long long levels, const char *from) {
    if (l->level == WRN_LIST_LEVELS_MAX) return E2BIG;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | DIR_FLAGS);
    int error = fd < 0 ? errno : list_dir(l, fd, levels, from);
    return is_gone(error) || error == EACCES || error == EPERM ? 0 : error;
}

/* With `from` the entry itself was listed before, and so were entries below it up to that relative path. */
static int list_entry(listing *l, int dir, const char *name, long long levels, const char *from) {
    struct stat info;
    size_t size = l->path.size;
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || errno == ENAMETOOLONG ? 0 : errno;
    if (!from && !l->left--) return ENOUGH;
    wrn_buf_putc(&l->path, '/');
    wrn_buf_puts(&l->path, name);
    if (l->path.failed) return ENOMEM;
    if (!from) files_put_record(dir, name, &info, l->path.data);
    bool enter = S_ISDIR(info.st_mode) && levels > 1;
    int error = enter ? list_below(l, dir, name, levels - 1, from && *from ? from : NULL) : 0;
    l->path.size = size;
    return error;
}

/* Takes `fd` over. */
static int list_dir(listing *l, int fd, long long levels, const char *from) {
    DIR *dir = fdopendir(fd);
    char **all = dir ? read_names(dir, from) : NULL;
    int error = all ? 0 : errno;
    l->level++;
    for (char **name = all; name && *name; name++) {
        const char *rest = from && compare_first(*name, from) == 0 ? from + strcspn(from, "/") : NULL;
        if (!error) error = list_entry(l, dirfd(dir), *name, levels, rest ? rest + (*rest == '/') : NULL);
        free(*name);
    }
    l->level--;
    free(all);
    if (dir) closedir(dir);
    else close(fd);
    return error;
}

/* The part of a record's path that is below the listed directory; NULL when the path is not below it. */
static const char *list_path_below(const listing *l, const char *path) {
    bool is = strncmp(path, l->path.data, l->path.size) == 0 && path[l->path.size] == '/';
    return is ? path + l->path.size + 1 : NULL;
}

/* Takes `fd` over, too. */
static int list_one(listing *l, int fd, const char *name, long long levels) {
    l->level++;
    int error = list_entry(l, fd, name, levels, NULL);
    close(fd);
    return error;
}

static int builtin_list(char **argv) {
    place at;
    if (!argv[2]) return EINVAL;
    if (!path_find(argv[1], false, &at)) return errno;
    int fd = openat(at.dir, at.name, O_RDONLY | DIR_FLAGS);
    if (fd < 0) return errno;
    listing l = {.path = path_absolute(argv[1], true), .left = ULLONG_MAX};
    long long levels = strtoll(argv[2], NULL, 10);
    const char *from = NULL, *only = NULL;
    int error = l.path.failed ? ENOMEM : 0;
    for (char **word = argv + 3; *word && !error; word++) {
        if (strncmp(*word, "limit=", 6) == 0) l.left = strtoull(*word + 6, NULL, 10);
        else if (strncmp(*word, "only=", 5) == 0) only = *word + 5;
        else if (strncmp(*word, "after=", 6) != 0 || !(from = list_path_below(&l, *word + 6))) error = EINVAL;
    }
    if (error) close(fd);
    else error = only ? list_one(&l, fd, only, levels) : list_dir(&l, fd, levels, from);
    wrn_buf_free(&l.path);
    return end_records(error == ENOUGH ? 0 : error);
}

/* ---- mkdir, remove ---- */

static int builtin_mkdir(char **argv) {
    place at;
    struct stat info;
    if (!path_find(argv[1], true, &at)) return errno;
    if (mkdirat(at.dir, at.name, 0755) != 0) {
        int error = errno;
        if (error != EEXIST) return error;
        return fstatat(at.dir, at.name, &info, 0) == 0 && S_ISDIR(info.st_mode) ? EEXIST : ENOTDIR;
    }
    if (fstatat(at.dir, at.name, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    wrn_buf path = path_absolute(argv[1], true);
    if (path.failed) return ENOMEM;
    files_put_record(at.dir, at.name, &info, path.data);
    wrn_buf_free(&path);
    return end_records(0);
}

static int builtin_remove(char **argv) {
    place at;
    struct stat info;
    if (!path_find(argv[1], false, &at) || fstatat(at.dir, at.name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : errno;
    if (is_nameless(&at)) return EINVAL;
    if (!S_ISDIR(info.st_mode)) {
        if (at.slash) return ENOTDIR;
        return unlinkat(at.dir, at.name, 0) == 0 || errno == ENOENT ? 0 : errno;
    }
    return fchdir(at.dir) == 0 && wrn_tree_remove(at.name) ? 0 : errno;
}

/* ---- rename, chmod ---- */

static int builtin_rename(char **argv) {
    place from, to;
    struct stat info;
    if (!argv[2]) return EINVAL;
    if (!path_find(argv[1], false, &from) || !path_find(argv[2], false, &to)) return errno;
    if (is_nameless(&from) || is_nameless(&to)) return EINVAL;
    if (fstatat(from.dir, from.name, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    if ((from.slash || to.slash) && !S_ISDIR(info.st_mode)) return ENOTDIR;
    return renameat(from.dir, from.name, to.dir, to.name) == 0 ? 0 : errno;
}

static int builtin_chmod(char **argv) {
    place at;
    struct stat info;
    if (!argv[2]) return EINVAL;
    if (!path_find(argv[1], false, &at) || fstatat(at.dir, at.name, &info, 0) != 0) return errno;
    if (at.slash && !S_ISDIR(info.st_mode)) return ENOTDIR;
    return fchmodat(at.dir, at.name, (mode_t)strtoul(argv[2], NULL, 8), 0) == 0 ? 0 : errno;
}

/* ---- pack, unpack ---- */

static int builtin_pack(char **argv) {
    const wrn_pack how = {.out = STDOUT_FILENO};
    place at;
    if (!path_find(argv[1], false, &at)) return errno;
    int fd = openat(at.dir, at.name, O_RDONLY | DIR_FLAGS);
    return fd < 0 ? errno : wrn_pack_tree(&how, fd, NULL);
}

static wrn_unpack unpacking = {.in = STDIN_FILENO, .masked = 07000};

static void unpack_on_abort(int signo) {
    wrn_unpack_abort(&unpacking);
    _exit(ECANCELED);
}

static int read_unpack_words(char **words) {
    static account owner;
    for (; *words; words++) {
        if (strcmp(*words, "keep") == 0) unpacking.owners = true, unpacking.masked = 0;
        else if (strncmp(*words, "owner=", 6) != 0) return EINVAL;
        else if (user_find(*words + 6, &owner) != 0 || !user_can_be(&owner)) return EUSERS;
        else unpacking.has_owner = true, unpacking.uid = owner.uid, unpacking.gid = owner.gid;
    }
    return 0;
}

static int builtin_unpack(char **argv) {
    place at;
    int error = read_unpack_words(argv + 2);
    if (error) return error;
    if (!path_find(argv[1], true, &at)) return errno;
    unpacking.made = mkdirat(at.dir, at.name, 0755) == 0;
    if (!unpacking.made && errno != EEXIST) return errno;
    unpacking.directory = openat(at.dir, at.name, O_RDONLY | DIR_FLAGS);
    if (unpacking.directory < 0) return errno;
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = unpack_on_abort}, NULL);
    error = wrn_unpack_tree(&unpacking);
    if (error && unpacking.path.size) (void)!write(STDERR_FILENO, unpacking.path.data, unpacking.path.size);
    return error;
}

int builtin_main(char **argv) {
    static const struct {
        const char *name;
        int (*run)(char **argv);
    } builtins[] = {
        {"read", builtin_read},           {"write", builtin_write},   {"list", builtin_list},
        {"mkdir", builtin_mkdir},         {"remove", builtin_remove}, {"rename", builtin_rename},
        {"chmod", builtin_chmod},         {"pack", builtin_pack},     {"unpack", builtin_unpack},
        {"listening", builtin_listening}, {"relay", builtin_relay},
    };
    for (size_t i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
        if (strcmp(argv[0], builtins[i].name) == 0) return argv[1] ? builtins[i].run(argv) : EINVAL;
    return ENOSYS;
}
