/* What wrennd does with files, done inside. Works by descriptors of directories, part of a path by part: no path is too long,
 * and nothing that is swapped for a link meanwhile leads a recursion astray. One process does one operation and ends. */
#include "wire/files.h"

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
#include <unistd.h>

#include "agent/agent.h"
#include "base/buf.h"
#include "base/tree.h"

enum { CHUNK = 65536, LINKS_MAX = 40, NAMES_FILE_MAX = 1 << 20, DIR_FLAGS = O_DIRECTORY | O_CLOEXEC };

/* ---- paths ---- */

typedef struct place {
    int dir;
    const char *name; /* the last part; "." when there is none */
    bool slash;       /* follows the name: it has to be a directory */
} place;

/* The path as an absolute one, "~" and relative ones from home; as it is otherwise, or without "." and needless slashes. */
static wrn_buf absolute(const char *path, bool tidy) {
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

static int enter(int dir, const char *name, bool make) {
    int fd = openat(dir, name, O_PATH | DIR_FLAGS);
    if (fd >= 0 || errno != ENOENT || !make) return fd;
    if (mkdirat(dir, name, 0755) != 0 && errno != EEXIST) return -1;
    return openat(dir, name, O_PATH | DIR_FLAGS);
}

/* Goes to the directory of the path's last part, from `from` when it is relative; makes what is missing above that part if
 * asked to. Cuts the path up. False with errno. */
static bool find_place(int from, char *path, bool make, place *out) {
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
        int below = enter(out->dir, part, make);
        close(out->dir);
        out->dir = below;
        part = next;
    }
    return out->dir >= 0;
}

/* The same for a path as the caller gave it. What `out` points to stays until the process ends. */
static bool find(const char *path, bool make, place *out) {
    static wrn_buf whole;
    whole = absolute(path, false);
    errno = ENOMEM;
    return !whole.failed && find_place(AT_FDCWD, whole.data, make, out);
}

/* ---- read ---- */

/* Looks before it opens, as opening alone can wait, or do something to a device; and after, as it may have been swapped. */
static int open_regular(int dir, const char *name) {
    struct stat info;
    if (fstatat(dir, name, &info, 0) != 0) return -1;
    if (S_ISREG(info.st_mode)) {
        int fd = openat(dir, name, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
        if (fd < 0 || (fstat(fd, &info) == 0 && S_ISREG(info.st_mode))) return fd;
        close(fd);
    }
    errno = S_ISDIR(info.st_mode) ? EISDIR : EINVAL;
    return -1;
}

static int copy(int from, int to) {
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

static int read_file(char **argv) {
    place at;
    if (!find(argv[1], false, &at)) return errno;
    int fd = open_regular(at.dir, at.name);
    if (fd < 0) return errno;
    return at.slash ? ENOTDIR : copy(fd, STDOUT_FILENO);
}

/* ---- write ---- */

static struct {
    int dir;
    char name[32];
} aside;

static void on_abort(int signo) {
    (void)signo;
    unlinkat(aside.dir, aside.name, 0);
    _exit(ECANCELED);
}

static void hold_abort(bool hold) {
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    sigprocmask(hold ? SIG_BLOCK : SIG_UNBLOCK, &term, NULL);
}

/* Where a write through links ends. */
static int follow_links(place *at) {
    static char targets[2][PATH_MAX]; /* the last one holds the name */
    for (int i = 0; i < LINKS_MAX; i++) {
        char *target = targets[i % 2];
        ssize_t size = at->slash ? -1 : readlinkat(at->dir, at->name, target, PATH_MAX - 1);
        if (size < 0) return 0;
        target[size] = '\0';
        place next;
        if (!find_place(at->dir, target, false, &next)) return errno;
        close(at->dir);
        *at = next;
    }
    return ELOOP;
}

/* What is to be replaced; a regular file of nobody's when there is nothing. */
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

static int replace_target(const place *at, int fd) {
    struct stat info;
    int error = look_at_target(at, &info);
    if (error) return error;
    /* The bits that lend the owner's rights are not for another owner. */
    bool same_owner = fchown(fd, info.st_uid, info.st_gid) == 0;
    if (fchmod(fd, info.st_mode & (same_owner ? 07777 : 0777)) != 0) return errno;
    return renameat(aside.dir, aside.name, at->dir, at->name) == 0 ? 0 : errno;
}

static int write_file(char **argv) {
    place at;
    struct stat info;
    uint64_t number;
    if (!find(argv[1], true, &at)) return errno;
    int error = follow_links(&at);
    if (!error) error = look_at_target(&at, &info);
    if (error) return error;
    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) return EAGAIN;
    snprintf(aside.name, sizeof(aside.name), ".wrenn-%016llx", (unsigned long long)number);
    aside.dir = at.dir;
    hold_abort(true);
    int fd = openat(at.dir, aside.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) return errno;
    sigaction(SIGTERM, &(struct sigaction){.sa_handler = on_abort}, NULL);
    hold_abort(false);
    error = copy(STDIN_FILENO, fd);
    hold_abort(true);
    if (!error) error = replace_target(&at, fd);
    if (error) unlinkat(at.dir, aside.name, 0);
    return error;
}

/* ---- records ---- */

typedef struct names {
    const char *file;
    wrn_buf text;
    bool loaded, known;
    unsigned long id; /* whose name is in `name` */
    char name[256];
} names;

static void load_names(names *n) {
    n->loaded = true;
    int fd = open_regular(AT_FDCWD, n->file);
    if (fd < 0) return;
    for (char *at; (at = wrn_buf_reserve(&n->text, 4096));) {
        ssize_t got = read(fd, at, 4096);
        if (got <= 0) break;
        n->text.size += (size_t)got;
    }
    close(fd);
    if (n->text.data) n->text.data[n->text.size] = '\0';
}

/* "name:x:id:..." lines, read here: libc's way would load modules of the sandbox into this process. */
static const char *name_of(names *n, unsigned long id) {
    if (!n->loaded) load_names(n);
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

/* Of `name` in `dir`, whose whole path is `path`. */
static void put_record(int dir, const char *name, const struct stat *own, const char *path) {
    static names users = {.file = "/etc/passwd", .text = {.limit = NAMES_FILE_MAX}};
    static names groups = {.file = "/etc/group", .text = {.limit = NAMES_FILE_MAX}};
    static char resolved[PATH_MAX];
    struct stat end = *own;
    const char *target = "";
    if (S_ISLNK(own->st_mode)) {
        if (fstatat(dir, name, &end, 0) != 0) end.st_mode = 0;
        target = end.st_mode && fchdir(dir) == 0 && realpath(name, resolved) ? resolved : path;
    }
    printf("%u%c%lld%c%lld%c%s%c", (unsigned)end.st_mode, 0, (long long)own->st_size, 0, (long long)own->st_mtime, 0,
           name_of(&users, own->st_uid), 0);
    printf("%s%c%s%c%s%c", name_of(&groups, own->st_gid), 0, target, 0, path, 0);
}

static int end_records(int error) { return fflush(stdout) != 0 && !error ? errno : error; }

/* ---- list ---- */

typedef struct listing {
    wrn_buf path; /* of the directory being listed */
    size_t count;
    int level;
} listing;

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Sorted, and then a NULL. NULL with errno. */
static char **read_names(listing *l, DIR *dir) {
    size_t count = 0, capacity = 64;
    char **all = malloc(capacity * sizeof(*all));
    errno = 0;
    for (struct dirent *entry; all && (entry = readdir(dir)); errno = 0) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (count + 1 == capacity) {
            char **grown = realloc(all, 2 * capacity * sizeof(*all));
            if (!grown) break;
            all = grown;
            capacity *= 2;
        }
        errno = ++l->count > WRN_LIST_ENTRIES_MAX ? E2BIG : 0;
        if (errno || !(all[count] = strdup(entry->d_name))) break;
        count++;
    }
    if (!all) return NULL;
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

static int list_dir(listing *l, int fd, long long levels);

/* What has vanished meanwhile, or may not be read, counts as empty, as long as it is below what was asked for. */
static int list_below(listing *l, int dir, const char *name, long long levels) {
    if (l->level == WRN_LIST_LEVELS_MAX) return E2BIG;
    int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | DIR_FLAGS);
    if (fd < 0) {
        bool gone = errno == ENOENT || errno == ENOTDIR || errno == ELOOP;
        return gone || errno == EACCES || errno == EPERM ? 0 : errno;
    }
    return list_dir(l, fd, levels);
}

static int list_entry(listing *l, int dir, const char *name, long long levels) {
    struct stat info;
    size_t size = l->path.size;
    if (fstatat(dir, name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT || errno == ENAMETOOLONG ? 0 : errno;
    wrn_buf_putc(&l->path, '/');
    wrn_buf_puts(&l->path, name);
    if (l->path.failed) return ENOMEM;
    put_record(dir, name, &info, l->path.data);
    int error = S_ISDIR(info.st_mode) && levels > 1 ? list_below(l, dir, name, levels - 1) : 0;
    l->path.size = size;
    return error;
}

/* Takes `fd`. */
static int list_dir(listing *l, int fd, long long levels) {
    DIR *dir = fdopendir(fd);
    char **all = dir ? read_names(l, dir) : NULL;
    int error = all ? 0 : errno;
    l->level++;
    for (char **name = all; name && *name; name++) {
        if (!error) error = list_entry(l, dirfd(dir), *name, levels);
        free(*name);
    }
    l->level--;
    free(all);
    if (dir) closedir(dir);
    else close(fd);
    return error;
}

/* Takes `fd`, too. */
static int list_one(listing *l, int fd, const char *name, long long levels) {
    l->count++;
    l->level++;
    int error = list_entry(l, fd, name, levels);
    close(fd);
    return error;
}

static int list(char **argv) {
    place at;
    if (!argv[2]) return EINVAL;
    if (!find(argv[1], false, &at)) return errno;
    int fd = openat(at.dir, at.name, O_RDONLY | DIR_FLAGS);
    if (fd < 0) return errno;
    listing l = {.path = absolute(argv[1], true)};
    long long levels = strtoll(argv[2], NULL, 10);
    int error = l.path.failed ? ENOMEM : argv[3] ? list_one(&l, fd, argv[3], levels) : list_dir(&l, fd, levels);
    wrn_buf_free(&l.path);
    return end_records(error);
}

/* ---- mkdir, remove ---- */

static int make_dir(char **argv) {
    place at;
    struct stat info;
    if (!find(argv[1], true, &at)) return errno;
    if (mkdirat(at.dir, at.name, 0755) != 0) {
        int error = errno;
        if (error != EEXIST) return error;
        return fstatat(at.dir, at.name, &info, 0) == 0 && S_ISDIR(info.st_mode) ? EEXIST : ENOTDIR;
    }
    if (fstatat(at.dir, at.name, &info, AT_SYMLINK_NOFOLLOW) != 0) return errno;
    wrn_buf path = absolute(argv[1], true);
    if (path.failed) return ENOMEM;
    put_record(at.dir, at.name, &info, path.data);
    wrn_buf_free(&path);
    return end_records(0);
}

static int remove_all(char **argv) {
    place at;
    struct stat info;
    if (!find(argv[1], false, &at) || fstatat(at.dir, at.name, &info, AT_SYMLINK_NOFOLLOW) != 0)
        return errno == ENOENT ? 0 : errno;
    /* Also "/". */
    if (strcmp(at.name, ".") == 0 || strcmp(at.name, "..") == 0) return EINVAL;
    if (!S_ISDIR(info.st_mode)) {
        if (at.slash) return ENOTDIR;
        return unlinkat(at.dir, at.name, 0) == 0 || errno == ENOENT ? 0 : errno;
    }
    return fchdir(at.dir) == 0 && wrn_tree_remove(at.name) ? 0 : errno;
}

int builtin_main(char **argv) {
    static const struct {
        const char *name;
        int (*run)(char **argv);
    } builtins[] = {
        {"read", read_file}, {"write", write_file}, {"list", list}, {"mkdir", make_dir}, {"remove", remove_all},
    };
    for (size_t i = 0; i < sizeof(builtins) / sizeof(*builtins); i++)
        if (strcmp(argv[0], builtins[i].name) == 0) return argv[1] ? builtins[i].run(argv) : EINVAL;
    return ENOSYS;
}
