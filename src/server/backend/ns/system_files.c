/* Files that tell programs the size of their box: /sys with its processors and its cgroup, and files mounted over those
 * of /proc. They are read-only, and nobody in the box owns them. The agent updates meminfo and stat through descriptors
 * that were opened before. */
#include <fcntl.h>
#include <linux/mount.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/text.h"
#include "server/backend/ns/internal.h"

#define CPU_DIR "sysfiles/sys/devices/system/cpu"

static const char *const files[][2] = {{"sysfiles/meminfo", "root/proc/meminfo"},
                                       {"sysfiles/stat", "root/proc/stat"},
                                       {"sysfiles/cpuinfo", "root/proc/cpuinfo"}};

static int put_system_file(const spawn *s, const char *path, const char *text, size_t size) {
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
    if (fd < 0 || write(fd, text, size) != (ssize_t)size) spawn_fail(s, path);
    return fd;
}

static void make_system_dir(const spawn *s, const char *path) {
    if (mkdir(path, 0755) != 0) spawn_fail(s, path);
}

/* Writes a mask of the processors from `first` to `last` as sysfs does: words of 32 bits, the highest first. */
static char *mask(char *out, int64_t first, int64_t last) {
    for (int64_t nibble = last / 32 * 8 + 7; nibble >= 0; nibble--) {
        unsigned bits = 0;
        for (int i = 0; i < 4; i++) bits |= (unsigned)(nibble * 4 + i >= first && nibble * 4 + i <= last) << i;
        *out++ = wrn_hex_digits[bits];
        if (nibble && nibble % 8 == 0) *out++ = ',';
    }
    return stpcpy(out, "\n");
}

static void put_text(const spawn *s, const char *path, const char *text, const char *end) {
    close(put_system_file(s, path, text, (size_t)(end - text)));
}

/* Describes each processor as a core of its own. Equal files are hard links. */
static void make_cpu(const spawn *s, int64_t number) {
    char dir[80], path[128], other[128], text[CPU_SETSIZE / 4 + CPU_SETSIZE / 32 + 2];
    char *end = spawn_decimal(stpcpy(dir, CPU_DIR "/cpu"), number);
    make_system_dir(s, dir);
    stpcpy(end, "/topology");
    make_system_dir(s, dir);
    stpcpy(stpcpy(path, dir), "/thread_siblings");
    put_text(s, path, text, mask(text, number, number));
    stpcpy(stpcpy(path, dir), "/core_id");
    put_text(s, path, text, stpcpy(spawn_decimal(text, number), "\n"));
    stpcpy(stpcpy(other, dir), "/thread_siblings_list");
    if (link(path, other) != 0) spawn_fail(s, other);
    stpcpy(stpcpy(other, dir), "/core_siblings");
    if (link("sysfiles/all", other) != 0) spawn_fail(s, other);
    stpcpy(stpcpy(other, dir), "/physical_package_id");
    if (link(CPU_DIR "/cpu0/topology/core_id", other) != 0) spawn_fail(s, other); /* "0" */
}

/* For the C library, lscpu, and programs that count directories. */
static void make_cpus(const spawn *s) {
    static const char *const lists[] = {CPU_DIR "/online", CPU_DIR "/possible", CPU_DIR "/present"};
    static const char *const dirs[] = {"sysfiles/sys/devices", "sysfiles/sys/devices/system", CPU_DIR};
    char text[CPU_SETSIZE / 4 + CPU_SETSIZE / 32 + 2];
    for (size_t i = 0; i < WRN_COUNT(dirs); i++) make_system_dir(s, dirs[i]);
    char *end = stpcpy(text, s->vcpus > 1 ? "0-" : "");
    put_text(s, lists[0], text, stpcpy(spawn_decimal(end, s->vcpus - 1), "\n"));
    for (size_t i = 1; i < WRN_COUNT(lists); i++)
        if (link(lists[0], lists[i]) != 0) spawn_fail(s, lists[i]);
    put_text(s, "sysfiles/all", text, mask(text, 0, s->vcpus - 1));
    for (int64_t i = 0; i < s->vcpus; i++) make_cpu(s, i);
}

static void make_cgroups(const spawn *s) {
    char path[64];
    make_system_dir(s, "sysfiles/sys/fs");
    make_system_dir(s, "sysfiles/sys/fs/cgroup");
    for (size_t i = 0; i < HIERARCHIES && *s->shown[i].path; i++) {
        if (!*s->shown[i].name) continue;
        stpcpy(stpcpy(path, "sysfiles/sys/fs/cgroup/"), s->shown[i].name);
        make_system_dir(s, path);
    }
}

/* Tells the agent a size. It replaces the content before any other process runs. */
static int put_size(const spawn *s, const char *path, const char *name, int64_t value, const char *unit) {
    char text[64], *end = stpcpy(spawn_decimal(stpcpy(text, name), value), unit);
    return put_system_file(s, path, text, (size_t)(end - text));
}

static void bind_file(const spawn *s, const char *from, const char *to) {
    spawn_mount(s, from, to, NULL, MS_BIND, NULL, to);
}

/* Makes it read-only, with all mounts below it. */
static void protect(const spawn *s, const char *path) {
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC};
    if (syscall(SYS_mount_setattr, AT_FDCWD, path, AT_RECURSIVE, &attr, sizeof(attr)) != 0) spawn_fail(s, path);
}

void system_files_make(spawn *s) {
    char path[64];
    make_system_dir(s, "sysfiles");
    make_system_dir(s, "sysfiles/sys");
    make_cpus(s);
    make_cgroups(s);
    bind_file(s, "sysfiles/sys", "root/sys");
    for (size_t i = 0; i < HIERARCHIES && *s->shown[i].path; i++) {
        stpcpy(stpcpy(stpcpy(path, "root/sys/fs/cgroup"), *s->shown[i].name ? "/" : ""), s->shown[i].name);
        bind_file(s, s->shown[i].path, path);
    }
    protect(s, "root/sys");
    s->meminfo_fd = put_size(s, "sysfiles/meminfo", "MemTotal: ", s->memory_mb * 1024, " kB\n");
    s->stat_fd = put_size(s, "sysfiles/stat", "cpus ", s->vcpus, "\n");
    if (s->cpuinfo_size) close(put_system_file(s, "sysfiles/cpuinfo", s->cpuinfo, s->cpuinfo_size));
    for (size_t i = 0; i < WRN_COUNT(files) - !s->cpuinfo_size; i++) {
        bind_file(s, files[i][0], files[i][1]);
        protect(s, files[i][1]);
    }
}

size_t system_files_cpuinfo(const char *text, int64_t vcpus) {
    const char *at = text;
    for (int64_t i = 0; at && i < vcpus; i++) {
        if (strncmp(at, "processor", strlen("processor")) != 0) return 0;
        const char *end = strstr(at, "\n\n");
        if (!end) return i + 1 == vcpus ? strlen(text) : 0;
        at = end + 2;
    }
    return at ? (size_t)(at - text) : 0;
}
