/* Finds out what this machine allows, by trying it in child processes; `wrennd doctor`. */
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "base/place.h"
#include "gate/route.h"
#include "server/backend/ns/instance.h"
#include "server/trees.h"

#define CLONE_SANDBOX (CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC)

/* ---- what a sandbox gets ---- */

wrn_json *ns_probe(const wrn_backend *backend) {
    static const char *const names[] = {[CGROUP_NONE] = "none", [CGROUP_V1] = "v1", [CGROUP_V2] = "v2"};
    const cgroups *c = &backend->cgroups;
    const bool root = backend->root, limited = c->limits != CGROUP_NONE;
    wrn_json *report = wrn_json_new_object(), *limits = wrn_json_new_object(), *reasons = wrn_json_new_array();
    wrn_json_set_string(limits, "memory", limited ? "enforced" : "unenforced");
    wrn_json_set_string(limits, "cpu", limited ? "enforced" : "unenforced");
    wrn_json_set_string(limits, "pids", "enforced");
    if (!limited) wrn_json_set_string(limits, "why", c->why);
    wrn_json_append_string(reasons, "all sandboxes share the host's kernel: a hole in it is a hole in every sandbox");
    if (!root)
        wrn_json_append_string(reasons, "wrennd runs as an ordinary user: all sandboxes have the same user id outside");
    if (!limited) wrn_json_append_string(reasons, c->why);
    if (c->bars_restart)
        wrn_json_append_string(reasons, "sandboxes end with wrennd, which could not be started again beside them; put "
                                        "DelegateSubgroup=wrennd into its unit (systemd 254 or newer)");
    if (!cgroups_can_freeze(c))
        wrn_json_append_string(reasons, "there is no cgroup freezer: pausing stops processes by signal");
    wrn_json_append_string(reasons, "files of a sandbox have no size limit of their own");
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

/* Some systems allow the namespaces but not the capabilities in them, so this tries to mount. It mounts /proc, because
 * a user may mount that only if all of the host's /proc is visible. */
static int try_mount(void) { return syscall(SYS_mount, "proc", "/proc", "proc", 0ul, NULL) == 0 ? 0 : errno; }

static int try_hostname(void) { return sethostname("sandbox", strlen("sandbox")) == 0 ? 0 : errno; }

static int try_overlay(void) { return syscall(SYS_fsopen, "overlay", 0u) >= 0 ? 0 : errno; }

/* Runs `what` in new namespaces as a box has them. 0, or the errno; *cloned: the namespaces could be made. */
static int try_inside(bool root, int (*what)(void), bool *cloned) {
    struct clone_args args = {.flags = CLONE_SANDBOX | (root ? 0 : CLONE_NEWUSER), .exit_signal = SIGCHLD};
    int status = 0;
    pid_t pid = (pid_t)syscall(SYS_clone3, &args, sizeof(args));
    *cloned = pid >= 0;
    if (pid < 0) return errno;
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (syscall(SYS_mount, NULL, "/", NULL, (unsigned long)(MS_REC | MS_PRIVATE), NULL) != 0) _exit(errno);
        _exit(what());
    }
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : EAGAIN;
}

/* 0, or the errno; *tried: a user namespace could be made to try it with. */
static int try_idmap(const char *path, bool *tried) {
    WRN_AUTO(wrn_fd_close) int userns = userns_make(FIRST_UID, true);
    *tried = userns >= 0;
    if (userns < 0) return errno;
    WRN_AUTO(wrn_fd_close) int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns};
    return tree >= 0 && syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0 ? 0 : errno;
}

/* ---- what forbids it ---- */

/* Reads the number at the start of a file; -1: there is none. */
static long long number_in(const char *path) {
    char text[64];
    return wrn_file_read(path, text, sizeof(text)) > 0 ? strtoll(text, NULL, 10) : -1;
}

/* Whether the user ids that boxes take are not mapped here. */
static bool lacks_ids(void) {
    unsigned long long inside, outside, count;
    WRN_AUTO(wrn_stdio_close) FILE *map = fopen("/proc/self/uid_map", "re");
    return map && fscanf(map, "%llu %llu %llu", &inside, &outside, &count) == 3 && inside + count <= FIRST_UID;
}

/* Finds the first mount point below `top`, which ends with a slash. */
static bool find_mount_below(const char *top, char out[256]) {
    char line[PATH_MAX];
    WRN_AUTO(wrn_stdio_close) FILE *mounts = fopen("/proc/self/mounts", "re");
    while (mounts && fgets(line, sizeof(line), mounts))
        if (sscanf(line, "%*s %255s", out) == 1 && strncmp(out, top, strlen(top)) == 0) return true;
    return false;
}

/* `made`: the namespaces could be made, but not used. */
static const char *why_no_namespaces(bool root, int error, bool made) {
    char where[256];
    if (number_in("/proc/sys/user/max_user_namespaces") == 0)
        return "user namespaces are turned off; run: sysctl -w user.max_user_namespaces=10000";
    if (error == ENOSPC) return "the limit on namespaces is reached; raise the sysctls user.max_*_namespaces";
    if (!made && (error == EPERM || error == ENOSYS) && prctl(PR_GET_SECCOMP) == 2)
        return "a system call filter forbids them; take RestrictNamespaces= and SystemCallFilter= out of the unit, or "
               "start the container with --privileged";
    if (root && lacks_ids())
        return "this root is the root of a user namespace that lacks the user ids for sandboxes; take PrivateUsers= "
               "out of the unit, or run wrennd as root of the machine or as an ordinary user";
    if (root)
        return "root lacks rights here; take CapabilityBoundingSet= and SystemCallFilter= out of the unit, or start the "
               "container with --privileged";
    if (number_in("/proc/sys/kernel/unprivileged_userns_clone") == 0)
        return "ordinary users may not make user namespaces; run: sysctl -w kernel.unprivileged_userns_clone=1";
    if (number_in("/proc/sys/kernel/apparmor_restrict_unprivileged_userns") == 1)
        return "AppArmor takes their rights away; run: sysctl -w kernel.apparmor_restrict_unprivileged_userns=0";
    if (made && find_mount_below("/proc/", where))
        return "parts of /proc are hidden, so a user's sandbox can't have a whole one; take ProtectKernelTunables=, "
               "ProtectKernelLogs= and the like out of the unit, start the container with --security-opt "
               "systempaths=unconfined, or run wrennd as root";
    return "use Linux 5.11 or newer with user namespaces, or run wrennd as root";
}

/* The result of one check. */
typedef struct finding {
    bool ok;
    char detail[300];
    char fix[300]; /* when it is not ok */
} finding;

__attribute__((format(printf, 3, 4))) static finding found(const char *fix, bool ok, const char *format, ...) {
    finding f = {.ok = ok};
    va_list args;
    va_start(args, format);
    vsnprintf(f.detail, sizeof(f.detail), format, args);
    va_end(args);
    if (!ok) snprintf(f.fix, sizeof(f.fix), "%s", fix);
    return f;
}

static finding probe_namespaces(bool root, const char *state_dir) {
    (void)state_dir;
    bool cloned;
    int error = try_inside(root, try_mount, &cloned);
    if (!error && root) {
        WRN_AUTO(wrn_fd_close) int fd = userns_make(FIRST_UID, true);
        error = fd < 0 ? errno : 0;
    }
    int unnamed = error ? 0 : try_inside(root, try_hostname, &cloned);
    if (unnamed)
        return found("take ProtectHostname= and SystemCallFilter= out of the unit, or start the container with "
                     "--privileged",
                     false, "a sandbox can't have a host name of its own: %s", strerror(unnamed));
    return found(error ? why_no_namespaces(root, error, cloned) : NULL, !error, "%s",
                 error ? strerror(error) : "available");
}

static finding probe_overlay(bool root, const char *state_dir) {
    (void)state_dir;
    bool cloned;
    int error = try_inside(root, try_overlay, &cloned);
    if (!cloned) return found("see namespaces", false, "can't be tried without namespaces");
    return found("run: modprobe overlay (and name it in /etc/modules); or use a kernel with CONFIG_OVERLAY_FS", !error,
                 "%s",
                 error == ENODEV ? "this kernel does not have it"
                 : error         ? strerror(error)
                                 : "available");
}

/* The directory need not exist yet. */
static finding probe_state_dir(bool root, const char *state_dir) {
    char dir[PATH_MAX];
    probe_nearest(state_dir, dir);
    if (wrn_place_is_overlay(dir))
        return found("name a directory on a volume or a tmpfs with --data-dir; for Docker: -v wrennd:/var/lib/wrennd",
                     false, "%.200s is on overlayfs, which can't hold sandboxes", dir);
    if (access(dir, W_OK) != 0)
        return found(
            "name another one with --data-dir, or let wrennd write there; in a unit by StateDirectory=wrennd or "
            "ReadWritePaths=",
            false, "%.200s can't be written to: %s", dir, strerror(errno));
    bool tried = true;
    int error = root ? try_idmap(dir, &tried) : 0;
    if (!tried) return found("see namespaces", false, "%.200s can't be tried without user namespaces", dir);
    return found("use Linux 5.19 or newer and a file system that has them, such as ext4, xfs, btrfs or tmpfs; name a "
                 "directory there with --data-dir",
                 !error, error ? "%.200s: no id-mapped mounts: %s" : "%.200s%s", dir, error ? strerror(error) : "");
}

static finding probe_ids(bool root, const char *state_dir) {
    (void)state_dir;
    if (!root) return found(NULL, true, "that of wrennd, for all sandboxes");
    WRN_AUTO(wrn_fd_close) int fd = slots_open();
    if (fd >= 0) return found(NULL, true, "a range for each sandbox");
    return found("let wrennd write to /run/wrennd; in a unit by RuntimeDirectory=wrennd", false,
                 "/run/wrennd/uid-ranges can't be opened: %s", strerror(errno));
}

/* Whether the template `minimal` can be made from it. */
static finding probe_usr(bool root, const char *state_dir) {
    (void)state_dir;
    struct stat info;
    char where[256];
    bool tried;
    if (lstat("/bin", &info) != 0 || !S_ISLNK(info.st_mode))
        return found("install the package usrmerge", false, "/bin is not a link to /usr/bin");
    /* The kernel does not let a user copy a tree without the mounts on it, because that would show what they hide. */
    if (!root && find_mount_below("/usr/", where))
        return found("unmount it, or run wrennd as root", false,
                     "something is mounted on %.200s, so that ordinary users can't have a copy of /usr", where);
    return found(NULL, true, "made from /usr of this host%s",
                 root && try_idmap("/usr", &tried) != 0 && tried
                     ? ", which has no id-mapped mounts (as overlayfs in a container): its files can "
                       "be read and run inside, not changed"
                     : "");
}

typedef struct check {
    const char *name;
    finding (*run)(bool root, const char *state_dir);
} check;

static const check checks[] = {{"namespaces", probe_namespaces},
                               {"overlayfs", probe_overlay},
                               {"data directory", probe_state_dir},
                               {"user ids", probe_ids},
                               {"template minimal", probe_usr}};
enum { NEEDED = 4 }; /* the first of them */

int probe_machine(bool root, const char *state_dir, wrn_fault *fault) {
    for (size_t i = 0; i < NEEDED; i++) {
        finding f = checks[i].run(root, state_dir);
        if (f.ok) continue;
        return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "%s: %s: %s", checks[i].name, f.detail, f.fix);
    }
    return 0;
}

/* ---- the doctor ---- */

enum { FDS_PER_BOX = 12, FEW_BOXES = 1000 };

static void check_kernel(wrn_json *report, bool root) {
    struct utsname host;
    char detail[300];
    uname(&host);
    int major = 0, minor = 0;
    sscanf(host.release, "%d.%d", &major, &minor);
    bool ok = major > 5 || (major == 5 && minor >= (root ? 19 : 11));
    snprintf(detail, sizeof(detail), "Linux %.60s, running as %s", host.release, root ? "root" : "an ordinary user");
    wrn_report_check(report, "kernel", ok, detail, "use Linux 5.19 or newer (as an ordinary user 5.11)");
}

static void check_agent(wrn_json *report, const char *path) {
    char detail[300];
    snprintf(detail, sizeof(detail), "%.250s", path ? path : "not found");
    wrn_report_check(report, "agent", path && access(path, X_OK) == 0, detail,
                     "install wrenn-agent beside wrennd, or name it with --agent");
}

/* Starts a program of ours, which says that it is started by wrennd; with a library missing, the loader gives up on it before. */
static void check_helper(wrn_json *report, const char *name, const char *path, const char *fix) {
    enum { USAGE = 2 };
    char detail[400], *argv[] = {(char[]){"helper"}, NULL};
    int status = 0;
    pid_t pid;
    posix_spawn_file_actions_t quiet;
    posix_spawn_file_actions_init(&quiet);
    for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_addopen(&quiet, fd, "/dev/null", O_RDWR, 0);
    bool there = path && access(path, X_OK) == 0,
         ok = there && posix_spawn(&pid, path, &quiet, NULL, argv, argv + 1) == 0;
    posix_spawn_file_actions_destroy(&quiet);
    ok = ok && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == USAGE;
    snprintf(detail, sizeof(detail), "%.250s%s", path ? path : "not found",
             !there ? (path ? " is not there" : "")
             : ok   ? ""
                    : " can't be started: ldd says which library is missing");
    wrn_report_check(report, name, ok, detail, fix);
}

/* What the network of sandboxes needs. Without it, all others can be made. */
static void ns_check_network(const wrn_backend_config *config, wrn_json *report, bool root) {
    bool cloned;
    check_helper(
        report, "network gate", config->egress.gate_path,
        "install wrenn-gate beside wrenn-agent, with libslirp0 and libseccomp2, or name it with --gate; without it no "
        "sandbox has a network");
    check_helper(
        report, "added headers", config->egress.gate_tls_path,
        "install wrenn-gate-tls beside wrenn-gate, with libssl3, or name it with --gate-tls; without it no secret is "
        "added to requests");
    bool tap = try_inside(root, link_try_tap, &cloned) == 0,
         veth = !tap && try_inside(root, link_try_veth, &cloned) == 0;
    wrn_report_check(report, "network link", tap || veth,
                     tap    ? "TAP devices"
                     : veth ? "veth pairs"
                            : "neither /dev/net/tun nor veth can be had",
                     "run: modprobe tun veth (and name them in /etc/modules); for Docker: --device /dev/net/tun or "
                     "--privileged; without them no sandbox has a network");
}

/* The gate pings for its sandbox, as a group that has to be in this range. */
static void check_ping(wrn_json *report, bool root) {
    unsigned low = 1, high = 0, group = root ? WRN_GATE_GROUP : getegid();
    char detail[96];
    WRN_AUTO(wrn_stdio_close) FILE *file = fopen("/proc/sys/net/ipv4/ping_group_range", "re");
    if (file) (void)!fscanf(file, "%u %u", &low, &high);
    snprintf(detail, sizeof(detail), "net.ipv4.ping_group_range is \"%u %u\", and gates are of the group %u", low, high,
             group);
    wrn_report_check(
        report, "ping", low <= group && group <= high, detail,
        "run: sysctl -w net.ipv4.ping_group_range=\"0 2147483647\" (and put it into /etc/sysctl.d); until then "
        "only ping does not work in sandboxes with a network");
}

/* Sandboxes resolve names with these, through their gates. */
static void check_name_servers(wrn_json *report) {
    char line[256], server[64] = "";
    WRN_AUTO(wrn_stdio_close) FILE *file = fopen("/etc/resolv.conf", "re");
    while (file && !*server && fgets(line, sizeof(line), file)) (void)!sscanf(line, " nameserver %63s", server);
    wrn_report_check(report, "name server", *server, *server ? server : "/etc/resolv.conf names none",
                     "name one there, or with --egress-dns; until then sandboxes with a network only find the names of "
                     "/etc/hosts");
}

static void check_cgroups(const wrn_backend_config *config, wrn_json *report) {
    static const char *const details[] = {[CGROUP_NONE] = "none: memory and cpu limits are not enforced",
                                          [CGROUP_V1] = "v1: memory, pids and cpu are enforced",
                                          [CGROUP_V2] = "v2: memory, pids and cpu are enforced"};
    cgroups c;
    char name[64];
    cgroup_name(name, sizeof(name));
    cgroups_open(&c, config->cgroup_parent, name);
    wrn_report_check(report, "resource limits", c.limits != CGROUP_NONE, details[c.limits], c.why);
    cgroups_close(&c);
}

static void check_open_files(wrn_json *report) {
    struct rlimit files = {0};
    char detail[120];
    getrlimit(RLIMIT_NOFILE, &files);
    unsigned long long boxes = files.rlim_max / FDS_PER_BOX;
    snprintf(detail, sizeof(detail), "%llu at most, enough for some %llu sandboxes", (unsigned long long)files.rlim_max,
             boxes);
    if (files.rlim_max == RLIM_INFINITY) snprintf(detail, sizeof(detail), "as many as the machine has");
    wrn_report_check(report, "open files", boxes >= FEW_BOXES, detail,
                     "start wrennd with more: LimitNOFILE=524288 in its unit; for users a line "
                     "'* hard nofile 524288' in /etc/security/limits.conf and a new login");
}

void ns_doctor(const wrn_backend_config *config, wrn_json *report) {
    const bool root = geteuid() == 0;
    check_kernel(report, root);
    for (size_t i = 0; i < WRN_COUNT(checks); i++) {
        finding f = checks[i].run(root, config->state_dir);
        wrn_report_check(report, checks[i].name, f.ok, f.detail, f.fix);
    }
    check_agent(report, config->agent_path);
    ns_check_network(config, report, root);
    if (!config->egress.proxy_address) check_ping(report, root);
    if (!config->egress.name_server_count && !config->egress.proxy_address) check_name_servers(report);
    check_cgroups(config, report);
    check_open_files(report);
}
