/* Where in cgroup v2 this daemon's directory goes, and what must be true there.
 *
 * Whoever manages the machine (systemd) delegates a group and what is below: to a unit with Delegate=, to a user. The
 * kernel wants no processes in a group that gives limits to groups below it, but the top of the hierarchy. So there are
 * these layouts, with W for this process and S for the sandboxes:
 *
 *     root, a unit with DelegateSubgroup=    .../wrennd.service/{wrennd: W, wrennd-1-x: S}
 *     root, a scope                          the same, W has moved itself
 *     root, anything else                    /wrennd-1-x: S. In a unit without DelegateSubgroup= as well: systemd starts
 *                                            the next wrennd in the unit's own group, where the kernel would refuse it
 *                                            as long as there are sandboxes below
 *     a user below a systemd of theirs       /user.slice/user-1.slice/user@1.service/wrennd-1-x: S
 *     a user in a unit with User=            .../wrennd.service/{wrennd: W, wrennd-1-x: S}; without DelegateSubgroup= W
 *                                            has moved itself, and sandboxes end with it, for the reason above */
#include "server/backend/ns/delegation.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#define LEAF "wrennd"

enum { ROOM = 2 * PATH_MAX + 64 };

static void path_of(char out[ROOM], const char *mount, const char *place, const char *file) {
    if (strcmp(place, "/") == 0) snprintf(out, ROOM, "%s/%s", mount, file);
    else snprintf(out, ROOM, "%s%s/%s", mount, place, file);
}

static int put(const char *mount, const char *place, const char *file, const char *text) {
    char path[ROOM];
    path_of(path, mount, place, file);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, text, strlen(text));
    int saved = errno;
    close(fd);
    errno = saved;
    return written < 0 ? -1 : 0;
}

/* ---- where ---- */

static bool may_manage(const char *mount, const char *place) {
    char path[ROOM];
    path_of(path, mount, place, "cgroup.procs");
    return access(path, W_OK) == 0;
}

/* Up to the highest place that was delegated to this user: only whoever may write to the common ancestor of two groups can
 * move processes from one to the other. */
static void climb(const char *mount, char *place) {
    for (char *slash; (slash = strrchr(place, '/')) && slash > place;) {
        *slash = '\0';
        if (may_manage(mount, place)) continue;
        *slash = '/';
        return;
    }
}

/* systemd marks what it leaves to others. */
static bool is_delegated(const char *mount, const char *place) {
    char path[ROOM], mark[2] = "";
    path_of(path, mount, place, "");
    return getxattr(path, "trusted.delegate", mark, sizeof(mark)) == 1 && *mark == '1';
}

static bool has_processes(const char *mount, const char *place) {
    char path[ROOM], byte;
    path_of(path, mount, place, "cgroup.procs");
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool has = fd < 0 || read(fd, &byte, 1) != 0;
    if (fd >= 0) close(fd);
    return has;
}

static bool ends_with(const char *text, const char *end) {
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

void delegation_find(const char *mount, const char *own, bool root, char place[PATH_MAX]) {
    snprintf(place, PATH_MAX, "%s", own);
    if (!root) return climb(mount, place);
    if (ends_with(place, ".scope") && is_delegated(mount, place)) return;
    char *slash = strrchr(place, '/');
    if (slash && slash > place) {
        *slash = '\0';
        if (is_delegated(mount, place) && !has_processes(mount, place)) return;
    }
    snprintf(place, PATH_MAX, "/");
}

/* ---- what must be true there ---- */

static int switch_on(const char *mount, const char *place) {
    return put(mount, place, "cgroup.subtree_control", "+memory +pids +cpu");
}

static int move_self(const char *mount, const char *place) {
    char path[ROOM], leaf[PATH_MAX + 16];
    path_of(path, mount, place, LEAF);
    snprintf(leaf, sizeof(leaf), "%s/" LEAF, strcmp(place, "/") == 0 ? "" : place);
    if (mkdir(path, 0755) != 0 && errno != EEXIST) return -1;
    return put(mount, leaf, "cgroup.procs", "0");
}

int delegation_enable(const char *mount, const char *own, const char *place, bool *moved) {
    *moved = false;
    if (switch_on(mount, place) == 0) return 0;
    if (errno != EBUSY || strcmp(own, place) != 0) return -1;
    *moved = move_self(mount, place) == 0;
    if (!*moved) return errno = EBUSY, -1;
    return switch_on(mount, place);
}

bool delegation_bars_restart(const char *place) {
    /* With ProtectControlGroups=private the service's group looks like the top; in a container it may well be. */
    return ends_with(place, ".service") || (strcmp(place, "/") == 0 && getenv("INVOCATION_ID"));
}

/* ---- what is wrong ---- */

/* Only a part of the hierarchy is shown here, as if that were all: the real top has no such file. */
static bool is_top_hidden(const char *mount) {
    char path[ROOM];
    path_of(path, mount, "/", "cgroup.type");
    return access(path, F_OK) == 0;
}

void delegation_explain(int error, const char *mount, bool root, const char *place, char *out, size_t size) {
    if (error == EROFS || (error != EBUSY && is_top_hidden(mount)))
        snprintf(
            out, size,
            "the cgroup hierarchy is read-only or hidden here; take ProtectControlGroups= out of the unit, or start the "
            "container with --privileged or its cgroups mounted writable");
    else if (error == EBUSY)
        snprintf(out, size,
                 "other processes are in the cgroup %.100s, which could only give limits if they were in one below it; "
                 "start wrennd in a unit or a container of its own",
                 place);
    else if (!root)
        snprintf(out, size,
                 "no cgroup with the controllers memory, pids and cpu is delegated to this user; start wrennd (or the "
                 "program that does) with: systemd-run --user --scope -p Delegate=yes COMMAND; or as a unit with "
                 "Delegate=yes, or as root");
    else
        snprintf(out, size,
                 "no cgroup hierarchy with the controllers memory, pids and cpu can be written to (%s); in a unit "
                 "Delegate=cpu memory pids brings them",
                 strerror(error ? error : ENOENT));
}
