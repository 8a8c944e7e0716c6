/* What this machine lets us do, tried in children of which nothing stays. */
#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/place.h"
#include "server/backend/ns/internal.h"
#include "server/trees.h"

#define CLONE_SANDBOX (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)

/* ---- what a sandbox gets ---- */

static void add_reason(wrn_json *list, const char *text) {
    wrn_json_append(list, wrn_json_new_string(text, strlen(text)));
}

wrn_json *probe_isolation(bool root, const cgroups *c) {
    static const char *const names[] = {[CGROUP_NONE] = "none", [CGROUP_V1] = "v1", [CGROUP_V2] = "v2"};
    const bool limited = c->limits != CGROUP_NONE;
    wrn_json *report = wrn_json_new_object(), *limits = wrn_json_new_object(), *reasons = wrn_json_new_array();
    wrn_json_set_string(limits, "memory", limited ? "enforced" : "unenforced");
    wrn_json_set_string(limits, "cpu", limited ? "enforced" : "unenforced");
    wrn_json_set_string(limits, "pids", "enforced");
    if (!limited) wrn_json_set_string(limits, "why", c->why);
    add_reason(reasons, "all sandboxes share the host's kernel: a hole in it is a hole in every sandbox");
    if (!root) add_reason(reasons, "wrennd runs as an ordinary user: all sandboxes have the same user id outside");
    if (!limited) add_reason(reasons, c->why);
    if (c->bars_restart)
        add_reason(reasons, "sandboxes end with wrennd, which could not be started again beside them; put "
                            "DelegateSubgroup=wrennd into its unit (systemd 254 or newer)");
    if (!cgroups_can_freeze(c)) add_reason(reasons, "there is no cgroup freezer: pausing stops processes by signal");
    add_reason(reasons, "files of a sandbox have no size limit of their own");
    wrn_json_set_string(report, "level", "namespace");
    wrn_json_set_string(report, "backend", "ns");
    wrn_json_set_bool(report, "root", root);
    wrn_json_set_string(report, "user_namespace", root ? "distinct" : "shared");
    wrn_json_set_string(report, "seccomp", "allowlist");
    wrn_json_set_string(report, "cgroup", names[c->limits]);
    wrn_json_set(report, "limits", limits);
    wrn_json_set_string(report, "network", "none");
    wrn_json_set_string(report, "disk", "unlimited");
    wrn_json_set(report, "reasons", reasons);
    return report;
}

/* ---- trying ---- */

/* Some systems allow the namespaces and take their capabilities away: see whether a mount works. That of /proc takes more
 * than others: a user gets no whole one who has not seen it. */
static int try_mount(void) { return syscall(SYS_mount, "proc", "/proc", "proc", 0ul, NULL) == 0 ? 0 : errno; }

static int try_hostname(void) { return sethostname("sandbox", strlen("sandbox")) == 0 ? 0 : errno; }

static int try_overlay(void) { return syscall(SYS_fsopen, "overlay", 0u) >= 0 ? 0 : errno; }

/* In the namespaces of a sandbox, made by the same call. 0, or the errno; *cloned: it came from there. */
static int try_inside(bool root, int (*what)(void), bool *cloned) {
    struct clone_args args = {.flags = CLONE_SANDBOX | (root ? 0 : CLONE_NEWUSER), .exit_signal = SIGCHLD};
    int status = 0;
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    *cloned = pid >= 0;
    if (pid < 0) return errno;
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (syscall(SYS_mount, NULL, "/", NULL, (unsigned long)(1 << 14 | 1 << 18), NULL) != 0) _exit(errno);
        _exit(what());
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

/* 0, or the errno; *tried: there was a user namespace to try it with. */
static int try_idmap(const char *path, bool *tried) {
    int userns = userns_make(FIRST_UID), error = 0;
    *tried = userns >= 0;
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns};
    if (userns < 0 || tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
        error = errno;
    if (tree >= 0) close(tree);
    if (userns >= 0) close(userns);
    return error;
}

/* ---- what forbids it ---- */

/* The first number in a file of /proc; -1: there is none. */
static long long number_in(const char *path) {
    char text[64] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    if (fd >= 0) close(fd);
    return got > 0 ? strtoll(text, NULL, 10) : -1;
}

/* The last number in the first line of uid_map: how many ids there are for us. */
static bool has_own_ids_only(void) {
    unsigned long long inside, outside, count;
    FILE *map = fopen("/proc/self/uid_map", "re");
    bool few = map && fscanf(map, "%llu %llu %llu", &inside, &outside, &count) == 3 && inside + count <= FIRST_UID;
    if (map) fclose(map);
    return few;
}

/* The first place of those below `top`, which ends with a slash, where something is mounted; false: there is none. */
static bool find_mount_below(const char *top, char out[256]) {
    char line[PATH_MAX];
    bool found = false;
    FILE *mounts = fopen("/proc/self/mounts", "re");
    while (mounts && !found && fgets(line, sizeof(line), mounts))
        found = sscanf(line, "%*s %255s", out) == 1 && strncmp(out, top, strlen(top)) == 0;
    if (mounts) fclose(mounts);
    return found;
}

static bool is_proc_masked(void) {
    char where[256];
    return find_mount_below("/proc/", where);
}

/* `made`: they were, but are of no use. */
static const char *why_no_namespaces(bool root, int error, bool made) {
    if (number_in("/proc/sys/user/max_user_namespaces") == 0)
        return "user namespaces are turned off; run: sysctl -w user.max_user_namespaces=10000";
    if (error == ENOSPC) return "there are as many namespaces as may be; raise the sysctls user.max_*_namespaces";
    if (!made && (error == EPERM || error == ENOSYS) && prctl(PR_GET_SECCOMP) == 2)
        return "a system call filter forbids them; take RestrictNamespaces= and SystemCallFilter= out of the unit, or "
               "start the container with --privileged";
    if (root && has_own_ids_only())
        return "this root is the root of a user namespace and has no ids to give; take PrivateUsers= out of the unit, or "
               "run wrennd as root of the machine or as an ordinary user";
    if (root)
        return "root lacks rights here; take CapabilityBoundingSet= and SystemCallFilter= out of the unit, or start the "
               "container with --privileged";
    if (number_in("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        return "ordinary users may not make user namespaces; run: sysctl -w kernel.unprivileged_userns_clone=1";
    if (number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        return "AppArmor takes their rights away; run: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
    if (made && is_proc_masked())
        return "parts of /proc are hidden, so a user's sandbox can't have a whole one; take ProtectKernelTunables=, "
               "ProtectKernelLogs= and the like out of the unit, start the container with --security-opt "
               "systempaths=unconfined, or run wrennd as root";
    return "use Linux 5.11 or newer with user namespaces, or run wrennd as root";
}

__attribute__((format(printf, 3, 4))) static finding found(const char *fix, bool ok, const char *format, ...) {
    finding f = {.ok = ok};
    va_list args;
    va_start(args, format);
    vsnprintf(f.detail, sizeof(f.detail), format, args);
    va_end(args);
    if (!ok) snprintf(f.fix, sizeof(f.fix), "%s", fix);
    return f;
}

finding probe_namespaces(bool root) {
    bool cloned;
    int error = try_inside(root, try_mount, &cloned);
    if (!error && root) {
        int fd = userns_make(FIRST_UID);
        error = fd < 0 ? errno : 0;
        if (fd >= 0) close(fd);
    }
    int unnamed = error ? 0 : try_inside(root, try_hostname, &cloned);
    if (unnamed)
        return found("take ProtectHostname= and SystemCallFilter= out of the unit, or start the container with "
                     "--privileged",
                     false, "a sandbox can't have a host name of its own: %s", strerror(unnamed));
    return found(error ? why_no_namespaces(root, error, cloned) : NULL, !error, "%s",
                 error ? strerror(error) : "available");
}

finding probe_overlay(bool root) {
    bool cloned;
    int error = try_inside(root, try_overlay, &cloned);
    if (!cloned) return found("see namespaces", false, "can't be tried without namespaces");
    return found("run: modprobe overlay (and name it in /etc/modules); or use a kernel with CONFIG_OVERLAY_FS", !error,
                 "%s",
                 error == ENODEV ? "this kernel does not have it"
                 : error         ? strerror(error)
                                 : "available");
}

finding probe_place(bool root, const char *state_dir) {
    char dir[PATH_MAX];
    probe_nearest(state_dir, dir);
    if (wrn_place_is_overlay(dir))
        return found("name a directory on a volume or a tmpfs with --data-dir; for Docker: -v wrennd:/var/lib/wrennd",
                     false, "%.200s is on overlayfs, which can't hold sandboxes", dir);
    bool tried = true;
    int error = root ? try_idmap(dir, &tried) : 0;
    if (!tried) return found("see namespaces", false, "%.200s can't be tried without user namespaces", dir);
    return found("use Linux 5.19 or newer and a file system that has them, such as ext4, xfs, btrfs or tmpfs; name a "
                 "directory there with --data-dir",
                 !error, error ? "%.200s: no id-mapped mounts: %s" : "%.200s%s", dir, error ? strerror(error) : "");
}

finding probe_usr(bool root) {
    struct stat info;
    char where[256];
    bool tried;
    if (lstat("/bin", &info) != 0 || !S_ISLNK(info.st_mode))
        return found("install the package usrmerge", false, "/bin is not a link to /usr/bin");
    /* The kernel does not uncover for a user what a mount of root's hides. */
    if (!root && find_mount_below("/usr/", where))
        return found("unmount it, or run wrennd as root", false,
                     "something is mounted on %.200s, so that ordinary users can't have a copy of /usr", where);
    return found(NULL, true, "made from /usr of this host%s",
                 root && try_idmap("/usr", &tried) != 0 && tried
                     ? ", which has no id-mapped mounts (as overlayfs in a container): its files can "
                       "be read and run inside, not changed"
                     : "");
}

int probe_machine(bool root, const char *state_dir, wrn_fault *fault) {
    finding (*const probes[])(bool) = {probe_namespaces, probe_overlay};
    static const char *const names[] = {"namespaces", "overlayfs"};
    for (size_t i = 0; i < WRN_COUNT(probes); i++) {
        finding f = probes[i](root);
        if (f.ok) continue;
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "%s: %s: %s", names[i], f.detail, f.fix);
        return -1;
    }
    finding f = probe_place(root, state_dir);
    if (f.ok) return 0;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "data directory: %s: %s", f.detail, f.fix);
    return -1;
}
