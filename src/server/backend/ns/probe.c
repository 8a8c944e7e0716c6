#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "server/backend/ns/internal.h"

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
    add_reason(reasons, "all sandboxes share the host's kernel: a hole in it is a hole in every sandbox");
    if (!root) add_reason(reasons, "wrennd runs as an ordinary user: all sandboxes have the same user id outside");
    if (!limited) add_reason(reasons, c->why);
    if (!cgroups_can_freeze(c)) add_reason(reasons, "there is no cgroup freezer: pausing stops processes by signal");
    add_reason(reasons, "files of a sandbox have no size limit of their own");
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

/* ---- doctor ---- */

static void add_check(wrn_json *report, const char *check, bool ok, const char *detail, const char *fix) {
    wrn_json *item = wrn_json_new_object();
    wrn_json_set_string(item, "check", check);
    wrn_json_set_bool(item, "ok", ok);
    wrn_json_set_string(item, "detail", detail);
    if (!ok) wrn_json_set_string(item, "fix", fix);
    wrn_json_append(report, item);
}

/* Tries it in a child, so that nothing of it stays. 0, or the errno. */
static int try_userns(void) {
    /* The bare call, as for a sandbox: a child with helper threads of its own could not make the namespace. */
    pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0ul);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        /* Some systems allow the namespace and take its capabilities away: see whether a mount works. */
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) _exit(errno);
        _exit(syscall(SYS_mount, "tmpfs", "/proc", "tmpfs", 0ul, NULL) == 0 ? 0 : errno);
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return EAGAIN;
    return WEXITSTATUS(status);
}

static int try_idmap(const char *path) {
    int userns = userns_make(0x70000000u), error = 0;
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns};
    if (userns < 0 || tree < 0 || syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) != 0)
        error = errno;
    if (tree >= 0) close(tree);
    if (userns >= 0) close(userns);
    return error;
}

static bool check_userns(wrn_json *report) {
    int error = try_userns();
    add_check(report, "user namespaces", error == 0, error ? strerror(error) : "available",
              "sysctl -w kernel.unprivileged_userns_clone=1 user.max_user_namespaces=10000; on Ubuntu 24.04 also "
              "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or run wrennd as root");
    return error == 0;
}

static bool check_idmap(wrn_json *report, const char *what, const char *path) {
    int error = try_idmap(path);
    char detail[300];
    snprintf(detail, sizeof(detail), "%s: %s", what, error ? strerror(error) : "available");
    add_check(
        report, "id-mapped mounts", error == 0, detail,
        "use Linux 5.19 or newer and a file system that has them (ext4, xfs, btrfs), or run wrennd as an ordinary user");
    return error == 0;
}

static void check_cgroups(const wrn_backend_config *config, wrn_json *report) {
    static const char *const details[] = {[CGROUP_NONE] = "none: memory and cpu limits are not enforced",
                                          [CGROUP_V1] = "v1: memory, pids and cpu are enforced",
                                          [CGROUP_V2] = "v2: memory, pids and cpu are enforced"};
    cgroups c;
    char name[64];
    cgroup_name(name, sizeof(name));
    cgroups_open(&c, config->cgroup_parent, name);
    add_check(report, "resource limits", c.limits != CGROUP_NONE, details[c.limits], c.why);
    cgroups_close(&c);
}

bool wrn_backend_ns_doctor(const wrn_backend_config *config, wrn_json *report) {
    const bool root = geteuid() == 0;
    struct utsname host;
    struct stat info;
    char detail[300];
    uname(&host);
    int major = 0, minor = 0;
    sscanf(host.release, "%d.%d", &major, &minor);
    bool kernel = major > 5 || (major == 5 && minor >= (root ? 19 : 11));
    snprintf(detail, sizeof(detail), "Linux %.60s, running as %s", host.release, root ? "root" : "an ordinary user");
    add_check(report, "kernel", kernel, detail, "use Linux 5.19 or newer (as an ordinary user 5.11)");
    bool ok = kernel;
    if (root) {
        ok = check_idmap(report, "/usr", "/usr") && ok;
        if (config->state_dir && access(config->state_dir, F_OK) == 0)
            ok = check_idmap(report, "data directory", config->state_dir) && ok;
    } else {
        ok = check_userns(report) && ok;
    }
    bool merged = lstat("/bin", &info) == 0 && S_ISLNK(info.st_mode);
    add_check(report, "template minimal", merged,
              merged ? "made from /usr of this host" : "/bin is not a link to /usr/bin",
              "install the package usrmerge");
    bool agent = config->agent_path && access(config->agent_path, X_OK) == 0;
    snprintf(detail, sizeof(detail), "%.250s", config->agent_path ? config->agent_path : "not found");
    add_check(report, "agent", agent, detail, "install wrenn-agent beside wrennd, or name it with --agent");
    check_cgroups(config, report);
    return ok && merged && agent;
}
