#include "base/place.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"

enum { LINKS_MAX = 40 };

/* ---- who can change it ---- */

typedef struct walk {
    char done[PATH_MAX]; /* the path so far, without links; "" is the root */
    char rest[PATH_MAX]; /* still to walk */
    int links;
    bool is_file;
    char *why;
    size_t why_size;
} walk;

WRN_PRINTF(2, 3) static bool place_refuse(walk *w, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (w->why_size) vsnprintf(w->why, w->why_size, format, args);
    va_end(args);
    return false;
}

static bool others_write(const struct stat *info) {
    /* A group with the same number as the user is the user's private group, as many systems have it. */
    bool own_group = geteuid() != 0 && info->st_gid == geteuid();
    return (info->st_mode & (S_IWOTH | (own_group ? 0u : S_IWGRP))) != 0;
}

/* `last`: the program is in this directory. */
static bool place_check_directory(walk *w, const struct stat *info, bool last) {
    const char *where = *w->done ? w->done : "/";
    if (!others_write(info) || ((info->st_mode & S_ISVTX) && !last)) return true;
    return place_refuse(w, "others can write to the directory %s; run: chmod go-w %s", where, where);
}

static bool place_check_owner(walk *w, const struct stat *info, const char *path) {
    if (info->st_uid == 0 || info->st_uid == geteuid()) return true;
    return place_refuse(w, "%s belongs to another user", path);
}

/* Puts the link's target in front of the rest. */
static bool place_follow(walk *w, const char *link) {
    char target[PATH_MAX], rest[PATH_MAX];
    ssize_t size = readlink(link, target, sizeof(target) - 1);
    if (size < 0 || ++w->links > LINKS_MAX) return place_refuse(w, "cannot follow the link %s", link);
    target[size] = '\0';
    memcpy(rest, w->rest, sizeof(rest));
    if ((size_t)snprintf(w->rest, sizeof(w->rest), "%s/%s", target, rest) >= sizeof(w->rest))
        return place_refuse(w, "the link %s leads to a path that is too long", link);
    if (*target == '/') *w->done = '\0';
    return true;
}

/* Cuts the next component off the rest; false when there is none. */
static bool place_next_name(walk *w, char name[NAME_MAX + 1]) {
    size_t skip = strspn(w->rest, "/"), size = strcspn(w->rest + skip, "/");
    if (size > NAME_MAX) size = NAME_MAX;
    memcpy(name, w->rest + skip, size);
    name[size] = '\0';
    memmove(w->rest, w->rest + skip + size, strlen(w->rest + skip + size) + 1);
    return size > 0;
}

static bool place_is_last(const walk *w) { return !w->rest[strspn(w->rest, "/")]; }

static bool place_step(walk *w, const char *name) {
    char path[PATH_MAX];
    struct stat info;
    if (strcmp(name, ".") == 0) return true;
    if (strcmp(name, "..") == 0) {
        char *slash = strrchr(w->done, '/');
        if (slash) *slash = '\0';
        return true;
    }
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", w->done, name) >= sizeof(path))
        return place_refuse(w, "the path %s is too long", w->done);
    if (lstat(path, &info) != 0) return place_refuse(w, "cannot look at %s", path);
    if (!place_check_owner(w, &info, path)) return false;
    if (S_ISLNK(info.st_mode)) return place_follow(w, path);
    if (!S_ISDIR(info.st_mode) && (!w->is_file || !place_is_last(w)))
        return place_refuse(w, "%s is not a directory", path);
    memcpy(w->done, path, sizeof(path));
    return !S_ISDIR(info.st_mode) || place_check_directory(w, &info, false);
}

/* Leaves the path without links in `w->done`. */
static bool walk_to(walk *w, const char *path) {
    char name[NAME_MAX + 1];
    struct stat info;
    if (*path != '/') return place_refuse(w, "%s is not an absolute path", path);
    if ((size_t)snprintf(w->rest, sizeof(w->rest), "%s", path) >= sizeof(w->rest))
        return place_refuse(w, "the path %.100s... is too long", path);
    if (stat("/", &info) != 0 || !place_check_owner(w, &info, "/") || !place_check_directory(w, &info, false))
        return false;
    while (place_next_name(w, name))
        if (!place_step(w, name)) return false;
    return true;
}

bool wrn_place_is_safe(const char *path, char *why, size_t why_size) {
    walk w = {.why = why, .why_size = why_size};
    return walk_to(&w, path);
}

/* Writes the program's path without links. */
static bool is_safe_program(const char *path, char *out, size_t size, char *why, size_t why_size) {
    walk w = {.is_file = true, .why = why, .why_size = why_size};
    struct stat info;
    if (!walk_to(&w, path)) return false;
    if (stat(w.done, &info) != 0 || !S_ISREG(info.st_mode)) return place_refuse(&w, "%s is not a program", w.done);
    if (others_write(&info)) return place_refuse(&w, "others can write to %s; run: chmod go-w %s", w.done, w.done);
    if ((size_t)snprintf(out, size, "%s", w.done) >= size) return place_refuse(&w, "the path %s is too long", w.done);
    *strrchr(w.done, '/') = '\0';
    return stat(*w.done ? w.done : "/", &info) == 0 && place_check_directory(&w, &info, true);
}

/* ---- finding ---- */

typedef struct search {
    const wrn_program *program;
    char *out, *why;
    size_t size, why_size;
} search;

/* Keeps the first refusal, in case that nothing is found. */
static bool try_path(search *s, const char *directory, const char *name) {
    char path[PATH_MAX], why[1024];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, name) >= sizeof(path)) return false;
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0) return false;
    if (is_safe_program(path, s->out, s->size, why, sizeof(why))) return true;
    if (s->why_size && !*s->why) snprintf(s->why, s->why_size, "%s is not started: %s", path, why);
    return false;
}

/* Configuring marks a build directory with this file. */
static bool try_build_tree(search *s, char *directory) {
    enum { DEPTH_MAX = 4 };
    char mark[PATH_MAX];
    for (int i = 0; i < DEPTH_MAX && *directory; i++) {
        if ((size_t)snprintf(mark, sizeof(mark), "%s/wrenn-build-tree", directory) < sizeof(mark) &&
            access(mark, F_OK) == 0)
            return try_path(s, directory, s->program->in_build_tree);
        *strrchr(directory, '/') = '\0';
    }
    return false;
}

static bool try_search_path(search *s) {
    const char *path = secure_getenv("PATH");
    char directory[PATH_MAX];
    for (const char *at = path ? path : "/usr/local/bin:/usr/bin:/bin"; *at;) {
        size_t size = strcspn(at, ":");
        if (*at == '/' && (size_t)snprintf(directory, sizeof(directory), "%.*s", (int)size, at) < sizeof(directory) &&
            try_path(s, directory, s->program->name))
            return true;
        at += size + (at[size] == ':');
    }
    return false;
}

bool wrn_program_find(const wrn_program *program, char *out, size_t size, char *why, size_t why_size) {
    search s = {program, out, why, size, why_size};
    char self[PATH_MAX];
    if (why_size) *why = '\0';
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash) *slash = '\0';
    for (const char *const *each = program->beside; slash && each && *each; each++)
        if (try_path(&s, self, *each)) return true;
    if (slash && program->in_build_tree && try_build_tree(&s, self)) return true;
    if (program->installed && try_path(&s, "", program->installed + 1)) return true;
    return program->in_path && try_search_path(&s);
}

bool wrn_helper_find(const char *name, const char *in_build_tree, char *out, size_t size, char *why, size_t why_size) {
    char libexec[NAME_MAX + 32], installed[PATH_MAX];
    const char *const beside[] = {name, libexec, NULL};
    snprintf(libexec, sizeof(libexec), "../libexec/wrenn/%s", name);
    snprintf(installed, sizeof(installed), WRN_LIBEXECDIR "/%s", name);
    const wrn_program program = {name, beside, in_build_tree, installed, false};
    if (wrn_program_find(&program, out, size, why, why_size)) return true;
    snprintf(out, size, "%s", installed);
    return false;
}

bool wrn_wrennd_find(const char *asked, char *out, size_t size, char *why, size_t why_size) {
    static const char *const beside[] = {"wrennd", NULL};
    static const char remedy[] = "install wrennd or set WRENN_WRENND to its path";
    const char *from_env = secure_getenv("WRENN_WRENND");
    char refused[1024];
    if (!asked || !*asked) asked = from_env && *from_env ? from_env : NULL;
    if (asked && strchr(asked, '/')) {
        if ((size_t)snprintf(out, size, "%s", asked) < size) return true;
        return snprintf(why, why_size, "the path of wrennd is too long"), false;
    }
    wrn_program program = {asked ? asked : "wrennd", .in_path = true};
    if (!asked) program.beside = beside, program.in_build_tree = "src/server/wrennd", program.installed = WRN_WRENND;
    if (wrn_program_find(&program, out, size, refused, sizeof(refused))) return true;
    if (*refused) snprintf(why, why_size, "%s; else %s", refused, remedy);
    else if (asked) snprintf(why, why_size, "cannot find %s in PATH; %s", asked, remedy);
    else snprintf(why, why_size, "there is no wrennd beside this program, at " WRN_WRENND " or in PATH; %s", remedy);
    return false;
}

/* ---- private directories ---- */

bool wrn_place_is_overlay(const char *path) {
    struct statfs info;
    return statfs(path, &info) == 0 && info.f_type == OVERLAYFS_SUPER_MAGIC;
}

int64_t wrn_place_memory_bytes(const char *path) {
    struct statfs info;
    if (statfs(path, &info) != 0 || info.f_type != TMPFS_MAGIC) return 0;
    return (int64_t)info.f_blocks * info.f_bsize;
}

void wrn_private_places(const char *places[WRN_PRIVATE_PLACES]) {
    places[WRN_PRIVATE_PLACE_RUNTIME] = secure_getenv("XDG_RUNTIME_DIR");
    places[1] = secure_getenv("TMPDIR");
    places[2] = "/tmp";
    places[3] = "/dev/shm";
    for (size_t i = 0; i < WRN_PRIVATE_PLACES; i++)
        if (places[i] && !*places[i]) places[i] = NULL;
}
