#include <ctype.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/tree.h"
#include "server/backend/cgroup.h"
#include "server/lane.h"
#include "server/trees.h"

#define PREFIX "wrennd-"
#define LIVE "box"
#define HELPERS "helpers"

static const char *const controllers[HIERARCHIES] = {
    [HIER_V2] = "",          [HIER_MEMORY] = "memory",   [HIER_PIDS] = "pids",
    [HIER_CPU] = "cpu",      [HIER_FREEZER] = "freezer", [HIER_CPUACCT] = "cpuacct",
    [HIER_CPUSET] = "cpuset"};

/* ---- small files ---- */

static int write_group_file(const char *dir, const char *name, const char *text) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return wrn_file_write(AT_FDCWD, path, 0, text, strlen(text)) ? 0 : -1;
}

static bool read_group_file(const char *dir, const char *name, char *out, size_t size) {
    char path[PATH_MAX + 64];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return wrn_file_read(path, out, size) >= 0;
}

static int64_t read_group_number(const char *dir, const char *name) {
    char text[64];
    return read_group_file(dir, name, text, sizeof(text)) && isdigit((unsigned char)*text) ? strtoll(text, NULL, 10)
                                                                                           : -1;
}

static int set_group_number(const char *dir, const char *name, int64_t value) {
    char text[32];
    snprintf(text, sizeof(text), "%lld", (long long)value);
    return write_group_file(dir, name, text);
}

/* ---- finding the hierarchies ---- */

static bool has_word(char *list, const char *wanted) {
    for (char *save, *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save))
        if (strcmp(word, wanted) == 0) return true;
    return false;
}

/* Finds the mount point of cgroup v2 (controller ""), or of a v1 hierarchy. */
static bool find_mount(const char *controller, char *out, size_t size) {
    WRN_AUTO(wrn_stdio_close) FILE *mounts = fopen("/proc/self/mounts", "re");
    char line[PATH_MAX], path[PATH_MAX], type[64], options[1024];
    while (mounts && fgets(line, sizeof(line), mounts)) {
        if (sscanf(line, "%*s %4095s %63s %1023s", path, type, options) != 3) continue;
        if (*controller ? strcmp(type, "cgroup") != 0 || !has_word(options, controller) : strcmp(type, "cgroup2") != 0)
            continue;
        snprintf(out, size, "%s", path);
        return true;
    }
    return false;
}

/* Finds this process's place in a hierarchy, "/" at the root. */
static void find_own(const char *controller, char *out, size_t size) {
    snprintf(out, size, "/");
    WRN_AUTO(wrn_stdio_close) FILE *own = fopen("/proc/self/cgroup", "re");
    char line[PATH_MAX];
    while (own && fgets(line, sizeof(line), own)) {
        char *list = strchr(line, ':');
        char *path = list ? strchr(list + 1, ':') : NULL;
        if (!path) continue;
        *path++ = '\0';
        path[strcspn(path, "\n")] = '\0';
        if (*controller ? has_word(list + 1, controller) : !list[1]) snprintf(out, size, "%s", path);
    }
}

static bool join_place(const char *mount, const char *place, char *out, size_t size) {
    return (size_t)snprintf(out, size, "%s%s%s", mount, strcmp(place, "/") == 0 ? "" : "/",
                            place[0] == '/' ? place + 1 : place) < size - WRN_BOX_ID_MAX;
}

/* Chooses where our directory goes: below `parent` if given. In v1, where systemd delegates nothing, that is the root
 * for root, and the place of this process for others. */
static bool cgroup_find_place(int hierarchy, const char *parent, char mount[PATH_MAX], char place[PATH_MAX]) {
    char own[PATH_MAX];
    if (!find_mount(controllers[hierarchy], mount, PATH_MAX)) return false;
    find_own(controllers[hierarchy], own, sizeof(own));
    if (parent) snprintf(place, PATH_MAX, "%s%s", *parent == '/' ? "" : "/", parent);
    else delegation_find(mount, own, geteuid() == 0, place);
    return true;
}

static bool find_base(int hierarchy, const char *parent, char *out, size_t size) {
    char mount[PATH_MAX], place[PATH_MAX];
    return cgroup_find_place(hierarchy, parent, mount, place) && join_place(mount, place, out, size);
}

/* Makes the directory and locks it to mark it as in use. Another daemon may remove it as a leftover before it is
 * locked. Mode 0700 keeps others from opening it and blocking us with a lock. */
static int lock_group(const char *path) {
    for (struct stat there, locked;;) {
        if (mkdir(path, 0700) != 0 && errno != EEXIST) return -1;
        WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0 && errno == ENOENT) continue;
        if (fd < 0 || flock(fd, LOCK_SH) != 0) return -1;
        if (fstat(fd, &locked) == 0 && stat(path, &there) == 0 && there.st_ino == locked.st_ino)
            return wrn_fd_take(&fd);
    }
}

static void remove_group(cgroups *c, int hierarchy) {
    wrn_fd_close(&c->lock_fds[hierarchy]);
    if (c->dir[hierarchy][0]) rmdir(c->dir[hierarchy]);
    c->dir[hierarchy][0] = '\0';
}

/* Limits the tasks of all boxes together to a part of what the machine has. */
static void limit_pids(const char *dir) {
    int64_t most = read_group_number("/proc/sys/kernel", "pid_max"),
            threads = read_group_number("/proc/sys/kernel", "threads-max");
    if (threads > 0 && threads < most) most = threads;
    if (most > 0) set_group_number(dir, "pids.max", most / 4 * 3); /* not there without the controller */
}

/* In v1 the group of all sandboxes stands beside single processes and would weigh as much as one of them. */
static void weigh(const char *dir) {
    enum { ONE = 1024, EACH = 4, MOST = 262144 };
    int64_t shares = sysconf(_SC_NPROCESSORS_ONLN) * EACH * ONE;
    set_group_number(dir, "cpu.shares", shares < MOST ? shares : MOST);
}

static bool make_group(cgroups *c, int hierarchy, const char *parent) {
    char mount[PATH_MAX], place[PATH_MAX], base[PATH_MAX], own[PATH_MAX];
    if (!cgroup_find_place(hierarchy, parent, mount, place)) return false;
    /* An inherited directory may be at the root even if a new one would go elsewhere. */
    snprintf(base, sizeof(base), "%.4000s/%s", mount, c->name);
    if (access(base, F_OK) == 0) snprintf(place, PATH_MAX, "/");
    if (!join_place(mount, place, base, sizeof(base))) return false;
    if ((size_t)snprintf(c->dir[hierarchy], PATH_MAX, "%s/%s", base, c->name) < PATH_MAX - WRN_BOX_ID_MAX &&
        (c->lock_fds[hierarchy] = lock_group(c->dir[hierarchy])) >= 0 && access(c->dir[hierarchy], W_OK) == 0) {
        if (hierarchy == HIER_PIDS) limit_pids(c->dir[hierarchy]);
        if (hierarchy == HIER_CPU) weigh(c->dir[hierarchy]);
        if (hierarchy != HIER_V2) return true;
        bool moved;
        find_own("", own, sizeof(own));
        if (delegation_enable(mount, own, place, &moved) == 0)
            write_group_file(c->dir[hierarchy], "cgroup.subtree_control", "+memory +pids +cpu");
        else c->error = errno;
        limit_pids(c->dir[hierarchy]);
        c->bars_restart = moved && delegation_bars_restart(place);
        return true;
    }
    c->error = errno;
    remove_group(c, hierarchy);
    return false;
}

/* A cpuset group accepts no processes before its processors and memory nodes are set. Sets all, for subgroups too. */
static bool fill_cpuset(const char *dir) {
    static const char *const files[] = {"cpuset.cpus", "cpuset.mems"};
    char base[PATH_MAX], text[4096];
    snprintf(base, sizeof(base), "%s", dir);
    *strrchr(base, '/') = '\0';
    for (size_t i = 0; i < WRN_COUNT(files); i++)
        if (!read_group_file(base, files[i], text, sizeof(text)) || *text <= ' ' ||
            write_group_file(dir, files[i], text) != 0)
            return false;
    return write_group_file(dir, "cgroup.clone_children", "1") == 0;
}

/* Whether it is mounted together with the cpu controller. */
static bool is_with_cpu(int hierarchy, const char *parent) {
    char cpu[PATH_MAX], own[PATH_MAX];
    return hierarchy == HIER_CPUACCT && find_base(HIER_CPU, parent, cpu, sizeof(cpu)) &&
           find_base(hierarchy, parent, own, sizeof(own)) && strcmp(cpu, own) == 0;
}

static bool v2_has_controllers(const cgroups *c) {
    char text[256];
    return read_group_file(c->dir[HIER_V2], "cgroup.subtree_control", text, sizeof(text)) && strstr(text, "memory") &&
           strstr(text, "pids") && strstr(text, "cpu");
}

/* An ordinary user may have a writable directory without being allowed to move processes from outside into it. */
static bool v2_can_join(const cgroups *c) {
    if (geteuid() == 0) return true;
    char mount[PATH_MAX], own[PATH_MAX], place[2 * PATH_MAX], base[PATH_MAX], procs[PATH_MAX + 16];
    find_own("", own, sizeof(own));
    if (!find_mount("", mount, sizeof(mount))) return false;
    snprintf(place, sizeof(place), "%s%s/", mount, own);
    snprintf(base, sizeof(base), "%s", c->dir[HIER_V2]);
    *strrchr(base, '/') = '\0';
    size_t size = strlen(base);
    snprintf(procs, sizeof(procs), "%s/cgroup.procs", base);
    return strncmp(place, base, size) == 0 && place[size] == '/' && access(procs, W_OK) == 0;
}

static void explain(cgroups *c, const char *parent) {
    char mount[PATH_MAX] = "", place[PATH_MAX] = "";
    cgroup_find_place(HIER_V2, parent, mount, place);
    delegation_explain(c->error, mount, geteuid() == 0, place, c->why, sizeof(c->why));
}

void cgroups_open(cgroups *c, const char *parent, const char *name) {
    memset(c, 0, sizeof(*c));
    for (int i = 0; i < HIERARCHIES; i++) c->lock_fds[i] = -1;
    snprintf(c->name, sizeof(c->name), "%s", name);
    bool v2 = make_group(c, HIER_V2, parent);
    if (v2 && !v2_can_join(c)) {
        remove_group(c, HIER_V2);
        v2 = false;
    }
    if (v2 && v2_has_controllers(c)) {
        c->limits = CGROUP_V2;
        return;
    }
    bool v1 = true;
    for (int i = HIER_MEMORY; i <= HIER_CPU; i++) v1 = make_group(c, i, parent) && v1;
    if (!v2) make_group(c, HIER_FREEZER, parent);
    if (v1) {
        c->limits = CGROUP_V1;
        if (!is_with_cpu(HIER_CPUACCT, parent)) make_group(c, HIER_CPUACCT, parent);
        if (make_group(c, HIER_CPUSET, parent) && !fill_cpuset(c->dir[HIER_CPUSET])) remove_group(c, HIER_CPUSET);
        return;
    }
    for (int i = HIER_MEMORY; i <= HIER_CPU; i++) remove_group(c, i);
    explain(c, parent);
}

void cgroups_close(cgroups *c) {
    for (int i = 0; i < HIERARCHIES; i++) remove_group(c, i);
}

bool cgroups_can_freeze(const cgroups *c) { return c->dir[HIER_V2][0] || c->dir[HIER_FREEZER][0]; }

/* ---- one sandbox ---- */

static void box_dir(const cgroups *c, int hierarchy, const char *id, char out[PATH_MAX]) {
    if ((size_t)snprintf(out, PATH_MAX, "%s/%s", c->dir[hierarchy], id) >= PATH_MAX) out[0] = '\0';
}

/* In v2, processes of a box that has a network are one level lower, because a group is frozen with all below it, and the
 * gate beside them must go on. */
static void live_dir(const cgroups *c, const char *id, char out[PATH_MAX]) {
    box_dir(c, HIER_V2, id, out);
    size_t size = strlen(out);
    if (size + sizeof("/" LIVE) > PATH_MAX) return;
    memcpy(out + size, "/" LIVE, sizeof("/" LIVE));
    if (access(out, F_OK) != 0) out[size] = '\0';
}

int64_t pids_max(const wrn_box_spec *spec) {
    int64_t affordable = spec->memory_mb * PIDS_PER_MB;
    return affordable > PIDS_MAX ? PIDS_MAX : affordable < PIDS_MIN ? PIDS_MIN : affordable;
}

static int set_memory_v2(const char *dir, int64_t bytes) {
    write_group_file(dir, "memory.swap.max", "0"); /* not there without swap accounting */
    return set_group_number(dir, "memory.max", bytes);
}

static int set_memory_v1(const char *dir, int64_t bytes) {
    if (set_group_number(dir, "memory.limit_in_bytes", bytes) != 0) return -1;
    set_group_number(dir, "memory.memsw.limit_in_bytes", bytes);    /* not there without swap accounting */
    set_group_number(dir, "memory.kmem.tcp.limit_in_bytes", bytes); /* socket buffers are not counted without it */
    return 0;
}

static int set_limits_v2(const char *dir, const wrn_box_spec *spec) {
    char quota[48];
    snprintf(quota, sizeof(quota), "%lld 100000", (long long)spec->vcpus * 100000);
    if (set_memory_v2(dir, spec->memory_mb * 1024 * 1024) != 0) return -1;
    if (set_group_number(dir, "pids.max", pids_max(spec)) != 0) return -1;
    return write_group_file(dir, "cpu.max", quota);
}

static int set_limit_v1(const char *dir, int hierarchy, const wrn_box_spec *spec) {
    switch (hierarchy) {
    case HIER_MEMORY: return set_memory_v1(dir, spec->memory_mb * 1024 * 1024);
    case HIER_PIDS: return set_group_number(dir, "pids.max", pids_max(spec));
    case HIER_CPU:
        if (set_group_number(dir, "cpu.cfs_period_us", 100000) != 0) return -1;
        return set_group_number(dir, "cpu.cfs_quota_us", spec->vcpus * 100000);
    default: return 0;
    }
}

/* The limits are those of the group above. */
static int make_leaves(const char *dir) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/" LIVE, dir);
    if (mkdir(path, 0755) != 0) return -1;
    snprintf(path, sizeof(path), "%s/" HELPERS, dir);
    return mkdir(path, 0755);
}

int cgroup_make(const cgroups *c, const wrn_box_spec *spec, wrn_fault *fault) {
    for (int i = 0; i < HIERARCHIES; i++) {
        char dir[PATH_MAX];
        if (!c->dir[i][0]) continue;
        box_dir(c, i, spec->id, dir);
        int rc = mkdir(dir, 0755);
        if (rc == 0 && i != HIER_V2) rc = set_limit_v1(dir, i, spec);
        else if (rc == 0 && c->limits == CGROUP_V2) rc = set_limits_v2(dir, spec);
        if (rc == 0 && i == HIER_V2 && c->limits == CGROUP_V2 && spec->network) rc = make_leaves(dir);
        if (rc == 0) continue;
        int saved = errno;
        cgroup_remove(c, spec->id);
        return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot set the limits of the sandbox in %s: %s", dir,
                             strerror(saved));
    }
    return 0;
}

int cgroup_make_helper(const cgroups *c, const char *name, int64_t memory_bytes, int *join_fd) {
    char dir[PATH_MAX], path[PATH_MAX + 16];
    bool v2 = c->limits == CGROUP_V2;
    *join_fd = -1;
    if (c->limits == CGROUP_NONE) return 0;
    box_dir(c, v2 ? HIER_V2 : HIER_MEMORY, name, dir);
    if (mkdir(dir, 0755) != 0) return -1;
    snprintf(path, sizeof(path), "%s/%s", dir, v2 ? "cgroup.procs" : "tasks");
    if ((v2 ? set_memory_v2 : set_memory_v1)(dir, memory_bytes) == 0) *join_fd = open(path, O_WRONLY | O_CLOEXEC);
    if (*join_fd >= 0) return 0;
    int saved = errno;
    rmdir(dir);
    return errno = saved, -1;
}

int cgroup_clone_fd(const cgroups *c, const char *id) {
    char dir[PATH_MAX];
    if (!c->dir[HIER_V2][0]) return -1;
    live_dir(c, id, dir);
    return open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* A single-threaded child that writes "0" to `tasks` joins at once. A parent that writes its pid waits some 10 ms for
 * RCU. */
void cgroup_join_fds(const cgroups *c, const char *id, int fds[HIERARCHIES]) {
    int n = 0;
    for (int i = HIER_MEMORY; i < HIERARCHIES; i++) {
        char dir[PATH_MAX], path[PATH_MAX + 16];
        if (!c->dir[i][0]) continue;
        box_dir(c, i, id, dir);
        snprintf(path, sizeof(path), "%s/tasks", dir);
        fds[n++] = open(path, O_WRONLY | O_CLOEXEC);
    }
    while (n < HIERARCHIES) fds[n++] = -1;
}

void cgroup_helper_fds(const cgroups *c, const char *id, int fds[WRN_HELPER_FDS]) {
    int n = 0;
    for (int i = 0; i < HIERARCHIES; i++) {
        char dir[PATH_MAX], path[PATH_MAX + 32];
        if (!c->dir[i][0] || i == HIER_FREEZER || (i == HIER_V2 && c->limits != CGROUP_V2)) continue;
        box_dir(c, i, id, dir);
        snprintf(path, sizeof(path), i == HIER_V2 ? "%s/" HELPERS "/cgroup.procs" : "%s/tasks", dir);
        fds[n++] = open(path, O_WRONLY | O_CLOEXEC);
    }
    while (n < WRN_HELPER_FDS) fds[n++] = -1;
}

void cgroup_view(const cgroups *c, const char *id, cgroup_shown out[HIERARCHIES]) {
    static const int of_v1[] = {HIER_MEMORY, HIER_CPU, HIER_CPUACCT, HIER_CPUSET};
    size_t count = 0;
    if (c->limits == CGROUP_V2) {
        box_dir(c, HIER_V2, id, out[0].path);
        out[count++].name = "";
    }
    for (size_t i = 0; c->limits == CGROUP_V1 && i < WRN_COUNT(of_v1); i++) {
        if (!c->dir[of_v1[i]][0]) continue;
        box_dir(c, of_v1[i], id, out[count].path);
        out[count++].name = controllers[of_v1[i]];
    }
    if (count < HIERARCHIES) out[count].path[0] = '\0';
}

void cgroup_threads(const cgroups *c, const char *id, void (*each)(void *context, pid_t thread), void *context) {
    char dir[PATH_MAX], path[PATH_MAX + 32];
    bool v2 = c->dir[HIER_V2][0];
    if (!v2 && !c->dir[HIER_CPU][0]) return;
    if (v2) live_dir(c, id, dir);
    else box_dir(c, HIER_CPU, id, dir);
    snprintf(path, sizeof(path), "%s/%s", dir, v2 ? "cgroup.threads" : "tasks");
    WRN_AUTO(wrn_stdio_close) FILE *file = fopen(path, "re");
    for (int thread; file && fscanf(file, "%d", &thread) == 1;)
        if (thread > 0) each(context, thread);
}

int cgroup_freeze(const cgroups *c, const char *id, bool freeze) {
    char dir[PATH_MAX];
    bool v2 = c->dir[HIER_V2][0];
    if (v2) live_dir(c, id, dir);
    else box_dir(c, HIER_FREEZER, id, dir);
    if (v2) return write_group_file(dir, "cgroup.freeze", freeze ? "1" : "0");
    return write_group_file(dir, "freezer.state", freeze ? "FROZEN" : "THAWED");
}

bool cgroup_is_frozen(const cgroups *c, const char *id) {
    char dir[PATH_MAX], text[256];
    bool v2 = c->dir[HIER_V2][0];
    if (v2) live_dir(c, id, dir);
    else box_dir(c, HIER_FREEZER, id, dir);
    read_group_file(dir, v2 ? "cgroup.events" : "freezer.state", text, sizeof(text));
    return strstr(text, v2 ? "frozen 1" : "FROZEN") != NULL;
}

/* Finds the line that starts with `word`, and returns its number; 0: there is none. */
static int64_t cgroup_number_of(const char *text, const char *word) {
    for (const char *at = text; at; at = strchr(at, '\n'), at += at != NULL)
        if (strncmp(at, word, strlen(word)) == 0 && at[strlen(word)] == ' ')
            return strtoll(at + strlen(word), NULL, 10);
    return 0;
}

/* Memory without the page cache, which the kernel can drop. Files on tmpfs count. */
static int64_t used_bytes(const char *dir, const char *usage, const char *cache, const char *shmem) {
    char text[8192];
    int64_t bytes = read_group_number(dir, usage);
    if (bytes < 0 || !read_group_file(dir, "memory.stat", text, sizeof(text))) return bytes;
    bytes -= cgroup_number_of(text, cache) - cgroup_number_of(text, shmem);
    return bytes > 0 ? bytes : 0;
}

int64_t cgroup_cpu_usec(const cgroups *c, const char *id) {
    char dir[PATH_MAX], text[512];
    if (!c->dir[HIER_V2][0]) return -1;
    box_dir(c, HIER_V2, id, dir);
    const char *usage = read_group_file(dir, "cpu.stat", text, sizeof(text)) ? strstr(text, "usage_usec ") : NULL;
    return usage ? strtoll(usage + strlen("usage_usec "), NULL, 10) : -1;
}

void cgroup_set_rank(const cgroups *c, const char *id, cgroup_rank rank) {
    /* The least, the usual and the greatest value of each kernel interface. */
    static const int64_t shares[] = {2, 1024, 262144}, weights[] = {1, 100, 10000};
    char dir[PATH_MAX];
    bool v2 = c->limits == CGROUP_V2;
    if (c->limits == CGROUP_NONE) return;
    box_dir(c, v2 ? HIER_V2 : HIER_CPU, id, dir);
    set_group_number(dir, "cpu.idle", rank == CGROUP_LAST);
    /* Refused while it is idle. */
    set_group_number(dir, v2 ? "cpu.weight" : "cpu.shares", v2 ? weights[rank] : shares[rank]);
}

void cgroup_stats(const cgroups *c, const char *id, wrn_box_stats *out) {
    char dir[PATH_MAX];
    *out = (wrn_box_stats){.cpu_usec = cgroup_cpu_usec(c, id), .mem_bytes = -1, .disk_bytes = -1, .pids = -1};
    if (c->limits == CGROUP_V2) {
        box_dir(c, HIER_V2, id, dir);
        out->mem_bytes = used_bytes(dir, "memory.current", "file", "shmem");
        out->pids = read_group_number(dir, "pids.current");
    } else if (c->limits == CGROUP_V1) {
        box_dir(c, HIER_MEMORY, id, dir);
        out->mem_bytes = used_bytes(dir, "memory.usage_in_bytes", "total_cache", "total_shmem");
        box_dir(c, HIER_PIDS, id, dir);
        out->pids = read_group_number(dir, "pids.current");
    }
}

int64_t cgroup_oom_kills(const cgroups *c, const char *id) {
    char dir[PATH_MAX], text[512];
    bool v2 = c->limits == CGROUP_V2;
    if (c->limits == CGROUP_NONE) return 0;
    box_dir(c, v2 ? HIER_V2 : HIER_MEMORY, id, dir);
    return read_group_file(dir, v2 ? "memory.events" : "memory.oom_control", text, sizeof(text))
               ? cgroup_number_of(text, "oom_kill")
               : 0;
}

static bool remove_leaves(const char *dir) {
    static const char *const leaves[] = {LIVE, HELPERS};
    bool gone = true;
    for (size_t i = 0; i < WRN_COUNT(leaves); i++) {
        char path[PATH_MAX + 16];
        snprintf(path, sizeof(path), "%s/%s", dir, leaves[i]);
        if (rmdir(path) != 0 && errno != ENOENT) gone = false;
    }
    return gone;
}

bool cgroup_remove(const cgroups *c, const char *id) {
    bool gone = true;
    for (int i = 0; i < HIERARCHIES; i++) {
        char dir[PATH_MAX];
        if (!c->dir[i][0]) continue;
        box_dir(c, i, id, dir);
        if (rmdir(dir) != 0 && errno != ENOENT && !(i == HIER_V2 && remove_leaves(dir) && rmdir(dir) == 0))
            gone = false;
    }
    return gone;
}

/* ---- what a dead box leaves ---- */

/* The kernel takes some milliseconds to release a group whose last process died, and QEMU ends a moment after wrenn-vm. */
enum { REMOVE_AGAIN_MS = 2, REMOVE_TRIES = 5000 };

typedef struct removal {
    wrn_job job; /* first, so that a job is its removal */
    uv_timer_t timer;
    const cgroups *groups;
    const char *id, *dir;
    int tries;
    bool dir_stayed;
    wrn_done_fn done;
    void *context;
} removal;

static void removal_run(wrn_job *job) {
    removal *self = (removal *)job;
    self->dir_stayed = !wrn_tree_remove(self->dir);
}

static void removal_on_done(wrn_job *job) {
    removal *self = (removal *)job;
    wrn_fault fault;
    if (self->dir_stayed)
        wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "its directory %.100s can't be removed", self->dir);
    self->done(self->context, self->dir_stayed ? &fault : NULL);
    uv_close((uv_handle_t *)&self->timer, wrn_handle_free_data);
}

static void removal_try(uv_timer_t *timer) {
    removal *self = timer->data;
    if (!cgroup_remove(self->groups, self->id) && self->tries++ < REMOVE_TRIES)
        uv_timer_start(timer, removal_try, REMOVE_AGAIN_MS, 0);
    else wrn_lane_put(timer->loop, WRN_LANE_REMOVE, &self->job, removal_run, removal_on_done);
}

void cgroup_remove_box(uv_loop_t *loop, const cgroups *c, const char *id, const char *dir, wrn_done_fn done,
                       void *context) {
    removal *self = calloc(1, sizeof(*self));
    *self = (removal){.groups = c, .id = id, .dir = dir, .done = done, .context = context};
    uv_timer_init(loop, &self->timer);
    self->timer.data = self;
    uv_timer_start(&self->timer, removal_try, 0, 0);
}

/* ---- leftovers ---- */

/* The pid is for people; random letters make the name unique. */
void cgroup_name(char *out, size_t size) {
    unsigned char bytes[8] = {0};
    char unique[sizeof(bytes) + 1] = "";
    (void)!getrandom(bytes, sizeof(bytes), 0);
    for (size_t i = 0; i < sizeof(bytes); i++) unique[i] = (char)('a' + bytes[i] % 26);
    snprintf(out, size, PREFIX "%d-%s", (int)getpid(), unique);
}

static bool is_daemon_name(const char *name) {
    int pid;
    char unique[9], end;
    return sscanf(name, PREFIX "%d-%8[a-z]%c", &pid, unique, &end) == 2 && pid > 0;
}

/* Locks a group that nobody uses, so that nobody begins to. -1: it is in use. */
static int lock_idle(const char *path) {
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd < 0 || flock(fd, LOCK_EX | LOCK_NB) != 0 ? -1 : wrn_fd_take(&fd);
}

void cgroup_find(const char *parent, void (*found)(void *context, const char *path, bool in_use), void *context) {
    for (int i = 0; i < HIERARCHIES; i++) {
        char base[PATH_MAX], path[2 * PATH_MAX];
        if (is_with_cpu(i, parent) || !find_base(i, parent, base, sizeof(base))) continue;
        WRN_AUTO(wrn_dir_close) DIR *dir = opendir(base);
        for (struct dirent *entry; (entry = wrn_dir_next(dir));) {
            if (!is_daemon_name(entry->d_name)) continue;
            snprintf(path, sizeof(path), "%s/%s", base, entry->d_name);
            WRN_AUTO(wrn_fd_close) int lock = lock_idle(path);
            found(context, path, lock < 0);
        }
    }
}

static void kill_members(const char *path) {
    char file[PATH_MAX + 64];
    write_group_file(path, "freezer.state", "THAWED"); /* a frozen v1 process does not die */
    if (write_group_file(path, "cgroup.kill", "1") == 0) return;
    snprintf(file, sizeof(file), "%s/cgroup.procs", path);
    WRN_AUTO(wrn_stdio_close) FILE *procs = fopen(file, "re");
    for (int pid; procs && fscanf(procs, "%d", &pid) == 1;)
        if (pid > 0) kill(pid, SIGKILL);
}

/* Kills everything in a group and below, and tries `looks` times to remove it. True when it is gone. */
static bool wipe(const char *path, int looks) {
    enum { LOOK_US = 5000 };
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(path);
    for (struct dirent *entry; (entry = wrn_dir_next(dir));) {
        char below[PATH_MAX];
        if (entry->d_type == DT_DIR &&
            (size_t)snprintf(below, sizeof(below), "%s/%s", path, entry->d_name) < sizeof(below))
            wipe(below, looks);
    }
    kill_members(path);
    for (int i = 0; i < looks; i++) {
        if (i) usleep(LOOK_US);
        if (rmdir(path) == 0 || errno == ENOENT) return true;
        if (errno != EBUSY && errno != ENOTEMPTY) return false;
    }
    return false;
}

/* Dead processes leave their group within some milliseconds. */
static bool wipe_and_wait(const char *path) { return wipe(path, 200); }

static void wipe_soon(uv_loop_t *loop, const char *path) {
    if (!wipe(path, 1)) remove_later(loop, path, wipe_and_wait);
}

void cgroups_sweep(uv_loop_t *loop, const cgroups *c, const wrn_backend_state *state) {
    for (int i = 0; i < HIERARCHIES; i++) {
        WRN_AUTO(wrn_dir_close) DIR *dir = c->dir[i][0] ? opendir(c->dir[i]) : NULL;
        for (struct dirent *entry; (entry = wrn_dir_next(dir));) {
            char path[PATH_MAX + 300];
            if (entry->d_type != DT_DIR || state->is_kept(state->context, entry->d_name)) continue;
            snprintf(path, sizeof(path), "%s/%s", c->dir[i], entry->d_name);
            wipe_soon(loop, path);
        }
    }
}

static void wipe_if_dead(void *loop, const char *path, bool in_use) {
    if (!in_use) wipe_soon(loop, path);
}

static void report_if_dead(void *report, const char *path, bool in_use) {
    if (!in_use) wrn_report_leak(report, "cgroup", path);
}

void cgroups_sweep_dead(const wrn_backend_config *config, wrn_json *report) {
    if (report) cgroup_find(config->cgroup_parent, report_if_dead, report);
    else cgroup_find(config->cgroup_parent, wipe_if_dead, config->loop);
}
