/* systemd delegates a group, with all groups below it, to a unit with Delegate= or to a user. A group other than the
 * root that limits groups below it must not contain processes. This leads to the following layouts (W: this process, S:
 * the sandboxes):
 *
 *     root, a unit with DelegateSubgroup=    .../wrennd.service/{wrennd: W, wrennd-1-x: S}
 *     root, a scope                          the same; W moves itself
 *     root, anything else                    /wrennd-1-x: S. Also in a unit without DelegateSubgroup=, where systemd would
 *                                            start the next wrennd in the unit's own group, which the kernel refuses
 *                                            while there are sandboxes below it
 *     a user below a systemd of theirs       /user.slice/user-1.slice/user@1.service/wrennd-1-x: S
 *     a user in a unit with User=            .../wrennd.service/{wrennd: W, wrennd-1-x: S}; without DelegateSubgroup=, W
 *                                            moves itself, and sandboxes end with it, for the reason above */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/file.h"
#include "server/backend/cgroup.h"

#define LEAF "wrennd"

enum { ROOM = 2 * PATH_MAX + 64 };

static void path_of(char out[ROOM], const char *mount, const char *place, const char *file) {
    if (strcmp(place, "/") == 0) snprintf(out, ROOM, "%s/%s", mount, file);
    else snprintf(out, ROOM, "%s%s/%s", mount, place, file);
}

static bool write_place_file(const char *mount, const char *place, const char *file, const char *text) {
    char path[ROOM];
    path_of(path, mount, place, file);
    return wrn_file_write(AT_FDCWD, path, 0, text, strlen(text));
}

/* ---- where ---- */

static bool may_manage(const char *mount, const char *place) {
    char path[ROOM];
    path_of(path, mount, place, "cgroup.procs");
    return access(path, W_OK) == 0;
}

/* Climbs to the highest group that is delegated to this user. To move a process, it must own the common ancestor. */
static void climb(const char *mount, char *place) {
    for (char *slash; (slash = strrchr(place, '/')) && slash > place;) {
        *slash = '\0';
        if (may_manage(mount, place)) continue;
        *slash = '/';
        return;
    }
}

/* systemd marks groups that it delegates. */
static bool is_delegated(const char *mount, const char *place) {
    char path[ROOM], mark[2] = "";
    path_of(path, mount, place, "");
    return getxattr(path, "trusted.delegate", mark, sizeof(mark)) == 1 && *mark == '1';
}

static bool has_processes(const char *mount, const char *place) {
    char path[ROOM], byte[2];
    path_of(path, mount, place, "cgroup.procs");
    return wrn_file_read(path, byte, sizeof(byte)) != 0;
}

static bool has_suffix(const char *text, const char *end) {
    size_t size = strlen(text), end_size = strlen(end);
    return size >= end_size && strcmp(text + size - end_size, end) == 0;
}

void delegation_find(const char *mount, const char *own, bool root, char place[PATH_MAX]) {
    snprintf(place, PATH_MAX, "%s", own);
    if (!root) return climb(mount, place);
    if (has_suffix(place, ".scope") && is_delegated(mount, place)) return;
    char *slash = strrchr(place, '/');
    if (slash && slash > place) {
        *slash = '\0';
        if (is_delegated(mount, place) && !has_processes(mount, place)) return;
    }
    snprintf(place, PATH_MAX, "/");
}

/* ---- what must be true there ---- */

static bool enable_controllers(const char *mount, const char *place) {
    return write_place_file(mount, place, "cgroup.subtree_control", "+memory +pids +cpu");
}

static bool move_self(const char *mount, const char *place) {
    char path[ROOM], leaf[PATH_MAX + 16];
    path_of(path, mount, place, LEAF);
    snprintf(leaf, sizeof(leaf), "%s/" LEAF, strcmp(place, "/") == 0 ? "" : place);
    return (mkdir(path, 0755) == 0 || errno == EEXIST) && write_place_file(mount, leaf, "cgroup.procs", "0");
}

int delegation_enable(const char *mount, const char *own, const char *place, bool *moved) {
    *moved = false;
    if (enable_controllers(mount, place)) return 0;
    if (errno != EBUSY || strcmp(own, place) != 0) return -1;
    *moved = move_self(mount, place);
    if (!*moved) return errno = EBUSY, -1;
    return enable_controllers(mount, place) ? 0 : -1;
}

bool delegation_bars_restart(const char *place) {
    /* With ProtectControlGroups=private, or in a container, the service's group looks like the root. */
    return has_suffix(place, ".service") || (strcmp(place, "/") == 0 && getenv("INVOCATION_ID"));
}

/* ---- what is wrong ---- */

/* Whether only a part of the hierarchy is visible here: the real root has no such file. */
static bool is_root_hidden(const char *mount) {
    char path[ROOM];
    path_of(path, mount, "/", "cgroup.type");
    return access(path, F_OK) == 0;
}

void delegation_explain(int error, const char *mount, bool root, const char *place, char *out, size_t size) {
    if (error == EROFS || (error != EBUSY && is_root_hidden(mount)))
        snprintf(
            out, size,
            "the cgroup hierarchy is read-only or hidden here; take ProtectControlGroups= out of the unit, or start the "
            "container with --privileged or its cgroups mounted writable");
    else if (error == EBUSY)
        snprintf(out, size,
                 "the cgroup %.100s contains other processes, so it can't set limits; start wrennd in a unit or a "
                 "container of its own",
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
