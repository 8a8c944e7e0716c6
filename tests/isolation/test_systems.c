/* Machines that are not as ours is: containers, units that forbid much, kernels without something. What can be worked
 * around is; of the rest the doctor and the server say what it is and name the remedy. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host.h"
#include "server/backend/ns/internal.h"

static output o;

/* ---- the doctor ---- */

typedef struct verdict {
    bool ok;
    char detail[400], fix[400];
} verdict;

static void keep(char *to, size_t size, const wrn_json *item, const char *key) {
    const char *text = wrn_json_string(wrn_json_get(item, key), NULL);
    snprintf(to, size, "%s", text ? text : "");
}

/* What it says of one thing; whether sandboxes can run. */
static bool ask_doctor(const char *state_dir, const char *check, verdict *out) {
    wrn_backend_config config = {.state_dir = state_dir, .agent_path = agent_path()};
    wrn_json *report = wrn_json_new_array();
    bool fine = wrn_boxes_doctor(&config, report), found = false;
    for (size_t i = 0; i < wrn_json_count(report); i++) {
        const wrn_json *item = wrn_json_at(report, i);
        const char *name = wrn_json_string(wrn_json_get(item, "check"), NULL);
        bool ok = false;
        CHECK(name && wrn_json_bool(wrn_json_get(item, "ok"), &ok));
        if (!ok) {
            const char *detail = wrn_json_string(wrn_json_get(item, "detail"), NULL);
            test_note("doctor: %s: %s", name, detail);
            CHECK(wrn_json_string(wrn_json_get(item, "fix"), NULL) != NULL);
        }
        if (strcmp(name, check) != 0) continue;
        found = true;
        out->ok = ok;
        keep(out->detail, sizeof(out->detail), item, "detail");
        keep(out->fix, sizeof(out->fix), item, "fix");
    }
    wrn_json_free(report);
    CHECK_MSG(found, "the doctor says nothing of %s", check);
    return fine;
}

static void says_no(const char *check, const char *detail, const char *fix) {
    verdict v;
    bool fine = ask_doctor(test_dir(), check, &v);
    CHECK_MSG(!v.ok, "%s: %s", check, v.detail);
    CHECK_CONTAINS(v.detail, detail);
    CHECK_CONTAINS(v.fix, fix);
    CHECK_MSG(!fine, "it says that sandboxes can run here");
}

/* The server does not start, and says the same. */
static void refuses(const char *state_dir, const char *text) {
    uv_loop_t loop;
    wrn_fault fault = {0};
    wrn_boxes *boxes;
    wrn_backend_config config = {.loop = &loop, .state_dir = state_dir, .agent_path = agent_path()};
    uv_loop_init(&loop);
    CHECK(wrn_boxes_open(&config, &boxes, &fault) != 0);
    CHECK_CONTAINS(fault.message, text);
    CHECK_INT(uv_loop_close(&loop), 0);
}

static void healthy(void) {
    verdict v;
    CHECK(ask_doctor(test_dir(), "a sandbox", &v));
    CHECK(v.ok);
    CHECK_CONTAINS(v.detail, "ran `true`");
}

/* It leaves no directory, and finds room in one that is not there yet. */
static void early(void) {
    char path[300];
    verdict v;
    snprintf(path, sizeof(path), "%s/not/there/yet", test_dir());
    CHECK(ask_doctor(path, "a sandbox", &v));
    CHECK(rmdir(test_dir()) == 0 && mkdir(test_dir(), 0755) == 0);
}

/* ---- what a kernel or a unit forbids ---- */

static void forbid(int syscall_number, int error) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    CHECK(filter && seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint32_t)error), syscall_number, 0) == 0);
    CHECK(seccomp_load(filter) == 0);
    seccomp_release(filter);
}

static void without_overlayfs(void) {
    forbid(SCMP_SYS(fsopen), ENODEV);
    verdict v;
    ask_doctor(test_dir(), "overlayfs", &v);
    CHECK(!v.ok);
    CHECK_CONTAINS(v.fix, "modprobe overlay");
    refuses(test_dir(), "modprobe overlay");
}

/* As RestrictNamespaces= does it. */
static void without_namespaces(void) {
    forbid(SCMP_SYS(clone3), ENOSYS);
    says_no("namespaces", "", "RestrictNamespaces=");
    refuses(test_dir(), "RestrictNamespaces=");
}

/* As ProtectHostname= does it. */
static void without_host_names(void) {
    forbid(SCMP_SYS(sethostname), EPERM);
    says_no("namespaces", "host name", "ProtectHostname=");
    refuses(test_dir(), "ProtectHostname=");
}

static void put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    CHECK_MSG(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s: %s", path, strerror(errno));
    close(fd);
}

static void without_user_namespaces(void) {
    char line[64];
    snprintf(line, sizeof(line), "%d %d 1", (int)geteuid(), (int)geteuid());
    CHECK(unshare(CLONE_NEWUSER) == 0);
    put("/proc/self/uid_map", line);
    put("/proc/sys/user/max_user_namespaces", "0");
    says_no("namespaces", "", "sysctl -w user.max_user_namespaces=");
    verdict v;
    ask_doctor(test_dir(), "data directory", &v); /* it is not to blame, nor is the kernel */
    CHECK_MSG(v.ok == (geteuid() != 0) && !strstr(v.fix, "5.19"), "%s: %s", v.detail, v.fix);
    CHECK(ask_doctor(test_dir(), "template minimal", &v) || v.ok);
    CHECK_MSG(!strstr(v.detail, "overlayfs"), "%s", v.detail);
}

static void few_descriptors(void) {
    verdict v;
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){256, 256});
    CHECK(ask_doctor(test_dir(), "open files", &v));
    CHECK(!v.ok);
    CHECK_CONTAINS(v.detail, "256");
    CHECK_CONTAINS(v.fix, "LimitNOFILE=");
}

typedef struct attempt {
    bool over;
    wrn_box *box;
    char said[512];
} attempt;

static void on_attempt(void *context, wrn_box *box, const wrn_fault *fault) {
    attempt *a = context;
    a->over = true;
    a->box = box;
    snprintf(a->said, sizeof(a->said), "%s", fault ? fault->message : "");
}

static void on_death(void *context, const wrn_fault *fault) { (void)context, (void)fault; }

/* However few there are. */
static void too_few_descriptors(void) {
    static host h;
    struct rlimit before;
    host_open(&h);
    getrlimit(RLIMIT_NOFILE, &before);
    int lowest = dup(0), met = 0;
    close(lowest);
    for (int limit = lowest + 6; limit <= 64; limit++) { /* with those that clearing up behind a failure takes */
        attempt a = {0};
        char id[16];
        snprintf(id, sizeof(id), "few-%d", limit);
        CHECK(setrlimit(RLIMIT_NOFILE, &(struct rlimit){(rlim_t)limit, before.rlim_max}) == 0);
        wrn_box_create(h.boxes, &(wrn_box_spec){id, "minimal", 1, 256}, NULL, on_death, on_attempt, &a);
        host_run_until(&h, &a.over);
        CHECK(setrlimit(RLIMIT_NOFILE, &before) == 0);
        if (a.box) box_destroy(&h, a.box);
        else CHECK_MSG(strstr(a.said, "raise the limit of open files"), "%d: %s", limit, a.said);
        met += !a.box;
    }
    CHECK(met > 0);
    host_close(&h);
}

static void own_mounts(void) {
    if (geteuid() != 0) test_skip("only root can mount");
    CHECK(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
}

/* As ProtectSystem=strict does it. */
TEST(without_a_place_in_run_the_remedy_is_named) {
    own_mounts();
    CHECK(mount("tmpfs", "/run", "tmpfs", MS_RDONLY, NULL) == 0);
    says_no("user ids", "Read-only", "RuntimeDirectory=wrennd");
    refuses(test_dir(), "RuntimeDirectory=wrennd");
}

TEST(a_read_only_data_directory_is_told) {
    own_mounts();
    CHECK(mount("tmpfs", test_dir(), "tmpfs", MS_RDONLY, NULL) == 0);
    says_no("data directory", "Read-only", "StateDirectory=wrennd");
}

TEST(mounts_below_usr_are_told_to_users) {
    own_mounts();
    CHECK(mount("tmpfs", "/usr/local", "tmpfs", 0, NULL) == 0);
    verdict v;
    CHECK(ask_doctor(test_dir(), "template minimal", &v)); /* root makes do */
    test_become_ordinary_user();
    says_no("template minimal", "/usr/local", "as root");
}

/* As ProtectKernelTunables= does it, and Docker. */
TEST(a_masked_proc_is_told_to_users) {
    own_mounts();
    CHECK(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL) == 0);
    CHECK(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    verdict v;
    CHECK(ask_doctor(test_dir(), "namespaces", &v)); /* root makes do */
    test_become_ordinary_user();
    says_no("namespaces", "", "ProtectKernelTunables=");
    refuses(test_dir(), "ProtectKernelTunables=");
}

/* As ProtectControlGroups= does it. */
TEST(without_writable_cgroups_the_remedy_is_named) {
    char line[1024], path[256], type[64];
    verdict v;
    own_mounts();
    FILE *mounts = fopen("/proc/self/mounts", "re");
    CHECK(mounts != NULL);
    while (fgets(line, sizeof(line), mounts))
        if (sscanf(line, "%*s %255s %63s", path, type) == 2 && strncmp(type, "cgroup", 6) == 0)
            CHECK(mount(NULL, path, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) == 0);
    fclose(mounts);
    CHECK(ask_doctor(test_dir(), "resource limits", &v));
    CHECK(!v.ok);
    CHECK_CONTAINS(v.fix, "ProtectControlGroups=");
}

/* ---- containers ---- */

/* It may be on a file system of its own. */
static void show_agent(const char *root) {
    char from[300], to[1000];
    snprintf(from, sizeof(from), "%s", agent_path());
    *strrchr(from, '/') = '\0';
    snprintf(to, sizeof(to), "%s%s", root, from);
    for (char *slash = to + strlen(root); (slash = strchr(slash + 1, '/'));) {
        *slash = '\0';
        mkdir(to, 0755);
        *slash = '/';
    }
    mkdir(to, 0755);
    CHECK_MSG(mount(from, to, NULL, MS_BIND, NULL) == 0, "%s: %s", to, strerror(errno));
}

/* All of / on overlayfs, but for test_dir(), which is as a volume is. */
static void enter_container(char on_overlay[300]) {
    static const char *const kept[] = {"proc", "dev", "sys", "run"};
    char root[300], path[700], options[700];
    own_mounts();
    snprintf(root, sizeof(root), "%s/container", test_dir());
    CHECK(mkdir(root, 0755) == 0 && mount("tmpfs", root, "tmpfs", 0, NULL) == 0);
    for (const char *const *name = (const char *const[]){"u", "w", "m", NULL}; *name; name++) {
        snprintf(path, sizeof(path), "%s/%s", root, *name);
        CHECK(mkdir(path, 0755) == 0);
    }
    snprintf(options, sizeof(options), "lowerdir=/,upperdir=%s/u,workdir=%s/w", root, root);
    CHECK(mount("overlay", path, "overlay", 0, options) == 0);
    char volume[800];
    snprintf(volume, sizeof(volume), "%s%s", path, test_dir());
    mkdir(volume, 0755); /* not there yet where /tmp is a file system of its own */
    CHECK_MSG(mount(test_dir(), volume, NULL, MS_BIND, NULL) == 0, "%s: %s", volume, strerror(errno));
    show_agent(path);
    for (size_t i = 0; i < WRN_COUNT(kept); i++) {
        char from[16], to[800];
        snprintf(from, sizeof(from), "/%s", kept[i]);
        snprintf(to, sizeof(to), "%s/%s", path, kept[i]);
        CHECK(mount(from, to, NULL, MS_BIND | MS_REC, NULL) == 0);
    }
    CHECK(chdir(path) == 0 && syscall(SYS_pivot_root, ".", ".") == 0 && umount2(".", MNT_DETACH) == 0);
    snprintf(on_overlay, 300, "/var/tmp/wrenn-on-overlay");
    CHECK(mkdir(on_overlay, 0777) == 0 && chmod(on_overlay, 0777) == 0);
}

static void use_sandbox(void) {
    host h;
    host_open(&h);
    wrn_box *box = box_create(&h, "cl-contained");
    box_sh(&h, box,
           "set -e; test -r /usr/lib/os-release; ls /etc/alternatives >/dev/null; echo a >/root/a; cat /root/a; "
           "python3 -c 'print(6 * 7)'",
           &o);
    CHECK_STR(o.err, "");
    CHECK_STR(o.out, "a\n42\n");
    CHECK_INT(box_freeze(&h, box, true), 0);
    CHECK_INT(box_freeze(&h, box, false), 0);
    box_destroy(&h, box);
    host_close(&h);
}

/* As many overlays as the kernel allows: none of ours has room above them. */
static void overlay_etc(int count) {
    char dir[300], options[1000];
    for (int i = 0; i < count; i++) {
        static const char *const parts[] = {"", "/u", "/w"};
        for (size_t k = 0; k < WRN_COUNT(parts); k++) {
            snprintf(dir, sizeof(dir), "%s/etc%d%s", test_dir(), i, parts[k]);
            CHECK(mkdir(dir, 0755) == 0);
        }
        snprintf(options, sizeof(options), "lowerdir=/etc,upperdir=%s/etc%d/u,workdir=%s/etc%d/w", test_dir(), i,
                 test_dir(), i);
        CHECK_MSG(mount("overlay", "/etc", "overlay", 0, options) == 0, "%s: %s", options, strerror(errno));
    }
}

TEST_SLOW(etc_may_be_on_overlayfs) {
    own_mounts();
    overlay_etc(1);
    use_sandbox();
}

TEST_SLOW(etc_may_be_on_two_overlays) {
    own_mounts();
    overlay_etc(2);
    use_sandbox();
}

/* As the root file system of a container can be: no mount is mapped twice. */
static void map_mount(const char *path) {
    int userns = userns_make(FIRST_UID - UID_RANGE, true);
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    CHECK(userns >= 0 && tree >= 0);
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_IDMAP, .userns_fd = (unsigned)userns};
    CHECK(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0);
    CHECK(syscall(SYS_move_mount, tree, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH) == 0);
    close(tree);
    close(userns);
}

TEST_SLOW(etc_and_usr_may_be_mapped) {
    own_mounts();
    map_mount("/etc");
    map_mount("/usr");
    use_sandbox();
}

static void contained(bool as_user) {
    char on_overlay[300];
    verdict v;
    enter_container(on_overlay);
    if (as_user) test_become_ordinary_user();
    use_sandbox();
    CHECK(ask_doctor(test_dir(), "template minimal", &v));
    CHECK(v.ok);
    if (!as_user) CHECK_CONTAINS(v.detail, "not changed");
    CHECK(!ask_doctor(on_overlay, "data directory", &v));
    CHECK(!v.ok);
    CHECK_CONTAINS(v.fix, "--data-dir");
    refuses(on_overlay, "is on overlayfs, which can't hold sandboxes");
}

TEST_SLOW(in_a_container_as_root) { contained(false); }
TEST_SLOW(in_a_container_as_ordinary_user) { contained(true); }

TEST_AS_BOTH(the_doctor_runs_a_sandbox, healthy)
TEST_AS_BOTH(the_doctor_leaves_nothing, early)
TEST_AS_BOTH(without_overlayfs_the_remedy_is_named, without_overlayfs)
TEST_AS_BOTH(without_host_names_the_remedy_is_named, without_host_names)
TEST_AS_BOTH(without_namespaces_the_remedy_is_named, without_namespaces)
TEST_AS_BOTH(without_user_namespaces_the_remedy_is_named, without_user_namespaces)
TEST_AS_BOTH(few_descriptors_are_told, few_descriptors)
TEST_AS_BOTH(too_few_for_a_sandbox_say_what_to_do, too_few_descriptors)

TEST_MAIN
