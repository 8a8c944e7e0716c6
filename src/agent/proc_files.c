#include "agent/proc_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "agent/loop.h"
#include "agent/user.h"
#include "base/clock.h"

enum { MEMINFO_FD = 5, STAT_FD = 6, AGAIN_MS = 50, TEXT_MAX = 128 << 10, HZ = 100 };
#define CGROUP "/sys/fs/cgroup/"

/* Entries of memory.stat, in KiB, and their names in cgroup v2 and v1. */
typedef struct amounts {
    int64_t anon, files, shmem, reclaimable, active_anon, inactive_anon, active_file, inactive_file, dirty, writeback,
        mapped, stacks, tables;
} amounts;
static const struct {
    size_t at;
    const char *names[2];
} entries[] = {
    {offsetof(amounts, anon), {"anon", "total_rss"}},
    {offsetof(amounts, files), {"file", "total_cache"}},
    {offsetof(amounts, shmem), {"shmem", "total_shmem"}},
    {offsetof(amounts, reclaimable), {"slab_reclaimable", ""}},
    {offsetof(amounts, active_anon), {"active_anon", "total_active_anon"}},
    {offsetof(amounts, inactive_anon), {"inactive_anon", "total_inactive_anon"}},
    {offsetof(amounts, active_file), {"active_file", "total_active_file"}},
    {offsetof(amounts, inactive_file), {"inactive_file", "total_inactive_file"}},
    {offsetof(amounts, dirty), {"file_dirty", "total_dirty"}},
    {offsetof(amounts, writeback), {"file_writeback", "total_writeback"}},
    {offsetof(amounts, mapped), {"file_mapped", "total_mapped_file"}},
    {offsetof(amounts, stacks), {"kernel_stack", ""}},
    {offsetof(amounts, tables), {"pagetables", ""}},
};

typedef struct shown {
    int fd; /* -1: the sandbox has the kernel's file */
    int64_t due_ms;
    char *text;
    size_t size;
} shown;

static shown meminfo = {.fd = -1}, stats = {.fd = -1};
static watch opened = {.fd = -1};
static int64_t total_kb, started_us, cpus;
static long page_size;

/* ---- what is used ---- */

/* The number after a word at the beginning of a line; 0 when there is none. */
static int64_t proc_number_of(const char *text, const char *word) {
    size_t size = strlen(word);
    for (const char *at = text; size && at; at = strchr(at, '\n'), at += at != NULL)
        if (strncmp(at, word, size) == 0 && at[size] == ' ') return strtoll(at + size, NULL, 10);
    return 0;
}

/* The totals of all processes. Times include those of children that have ended. */
static void add_up_processes(int64_t *rss_bytes, int64_t *user_us, int64_t *system_us) {
    *rss_bytes = *user_us = *system_us = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        char path[300], text[1024];
        int64_t user, system, below_user, below_system, pages;
        if (entry->d_name[0] < '1' || entry->d_name[0] > '9') continue;
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        const char *rest = read_text(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
        if (!rest ||
            sscanf(rest + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld %ld %ld %*d %*d %*d %*d %*u %*u %ld",
                   &user, &system, &below_user, &below_system, &pages) != 5)
            continue;
        *user_us += (user + below_user) * (1000000 / HZ);
        *system_us += (system + below_system) * (1000000 / HZ);
        *rss_bytes += pages * page_size;
    }
    if (proc) closedir(proc);
}

/* Returns the memory in use, in KiB. */
static int64_t measure_memory(amounts *out) {
    static char text[16384];
    int64_t bytes = 0, user, system;
    int version = 0;
    *out = (amounts){0};
    if (read_text(CGROUP "memory.current", text, sizeof(text))) {
        bytes = strtoll(text, NULL, 10);
        read_text(CGROUP "memory.stat", text, sizeof(text));
    } else if (read_text(CGROUP "memory/memory.usage_in_bytes", text, sizeof(text))) {
        version = 1;
        bytes = strtoll(text, NULL, 10);
        read_text(CGROUP "memory/memory.stat", text, sizeof(text));
    } else {
        add_up_processes(&bytes, &user, &system);
        out->anon = out->active_anon = bytes / 1024;
        return bytes / 1024;
    }
    for (size_t i = 0; i < sizeof(entries) / sizeof(*entries); i++)
        *(int64_t *)((char *)out + entries[i].at) = proc_number_of(text, entries[i].names[version]) / 1024;
    return bytes / 1024;
}

static void measure_time(int64_t *user_us, int64_t *system_us) {
    char text[1024];
    int64_t bytes;
    if (read_text(CGROUP "cpu.stat", text, sizeof(text)) && proc_number_of(text, "usage_usec")) {
        *user_us = proc_number_of(text, "user_usec");
        *system_us = proc_number_of(text, "system_usec");
    } else if (read_text(CGROUP "cpuacct/cpuacct.stat", text, sizeof(text)) ||
               read_text(CGROUP "cpu/cpuacct.stat", text, sizeof(text))) {
        *user_us = proc_number_of(text, "user") * (1000000 / HZ);
        *system_us = proc_number_of(text, "system") * (1000000 / HZ);
    } else {
        add_up_processes(&bytes, user_us, system_us);
    }
}

/* ---- how it is shown ---- */

/* Every number has its largest width, so that lines stay where they are and a reader in between finds them complete. */
__attribute__((format(printf, 2, 3))) static void given_add(shown *s, const char *format, ...) {
    va_list args;
    va_start(args, format);
    int size = vsnprintf(s->text + s->size, TEXT_MAX - s->size, format, args);
    va_end(args);
    if (size > 0 && (size_t)size < TEXT_MAX - s->size) s->size += (size_t)size;
}

static void add_kb(const char *name, int64_t kb) {
    char label[32];
    snprintf(label, sizeof(label), "%s:", name);
    if (kb > total_kb) kb = total_kb;
    given_add(&meminfo, "%-15s %12lld kB\n", label, kb < 0 ? 0ll : (long long)kb);
}

static void write_meminfo(shown *s) {
    amounts a;
    int64_t used = measure_memory(&a), free_kb = total_kb - used;
    if (free_kb < 0) free_kb = 0;
    add_kb("MemTotal", total_kb);
    add_kb("MemFree", free_kb);
    add_kb("MemAvailable", free_kb + a.files - a.shmem + a.reclaimable);
    add_kb("Buffers", 0);
    add_kb("Cached", a.files);
    add_kb("SwapCached", 0);
    add_kb("Active", a.active_anon + a.active_file);
    add_kb("Inactive", a.inactive_anon + a.inactive_file);
    add_kb("Active(anon)", a.active_anon);
    add_kb("Inactive(anon)", a.inactive_anon);
    add_kb("Active(file)", a.active_file);
    add_kb("Inactive(file)", a.inactive_file);
    add_kb("Unevictable", 0);
    add_kb("Mlocked", 0);
    add_kb("SwapTotal", 0);
    add_kb("SwapFree", 0);
    add_kb("Dirty", a.dirty);
    add_kb("Writeback", a.writeback);
    add_kb("AnonPages", a.anon);
    add_kb("Mapped", a.mapped);
    add_kb("Shmem", a.shmem);
    add_kb("KReclaimable", a.reclaimable);
    add_kb("Slab", a.reclaimable);
    add_kb("SReclaimable", a.reclaimable);
    add_kb("SUnreclaim", 0);
    add_kb("KernelStack", a.stacks);
    add_kb("PageTables", a.tables);
    add_kb("CommitLimit", total_kb);
    add_kb("Committed_AS", a.anon + a.shmem);
}

static void add_cpu(shown *s, const char *name, int64_t user, int64_t system, int64_t idle) {
    given_add(s, "%s %12lld 0 %12lld %12lld 0 0 0 0 0 0\n", name, (long long)user, (long long)system, (long long)idle);
}

/* cgroups do not tell which processor was used, so each shows an equal share. */
static void write_stat(shown *s) {
    static int64_t idle;
    const int64_t tick = 1000000 / HZ;
    int64_t user, system, elapsed = wrn_clock_us(CLOCK_BOOTTIME) - started_us;
    measure_time(&user, &system);
    if (elapsed * cpus - user - system > idle) idle = elapsed * cpus - user - system; /* must not decrease */
    add_cpu(s, "cpu ", user / tick, system / tick, idle / tick);
    for (int64_t i = 0; i < cpus; i++) {
        char name[32];
        snprintf(name, sizeof(name), "cpu%lld", (long long)i);
        add_cpu(s, name, user / cpus / tick, system / cpus / tick, idle / cpus / tick);
    }
    given_add(
        s,
        "intr 0\nctxt 0\nbtime %10lld\nprocesses 0\nprocs_running 1\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n",
        (long long)((wrn_clock_us(CLOCK_REALTIME) - wrn_clock_us(CLOCK_BOOTTIME)) / 1000000));
}

static void given_write(shown *s, void (*write_text)(shown *)) {
    if (s->fd < 0 || wrn_now_ms() < s->due_ms) return;
    size_t before = s->size;
    s->size = 0;
    write_text(s);
    if (pwrite(s->fd, s->text, s->size, 0) == (ssize_t)s->size && s->size != before)
        (void)!ftruncate(s->fd, (off_t)s->size);
    s->due_ms = wrn_now_ms() + AGAIN_MS;
}

static void given_on_opened(watch *w, uint32_t events) {
    char queue[4096];
    while (read(w->fd, queue, sizeof(queue)) > 0) {
    }
    proc_files_update();
}

/* Takes the descriptor over, and returns the number that wrennd has written after `word`. 0 when the descriptor is not such a file. */
static int64_t given_adopt(shown *s, int fd, const char *word) {
    struct stat info;
    char text[64] = "";
    if (fstat(fd, &info) != 0 || !S_ISREG(info.st_mode) || (fcntl(fd, F_GETFL) & O_ACCMODE) != O_RDWR) return 0;
    ssize_t got = pread(fd, text, sizeof(text) - 1, 0);
    int64_t number = got > 0 ? proc_number_of(text, word) : 0;
    if (number <= 0 || !(s->text = malloc(TEXT_MAX))) return 0;
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    s->fd = fd;
    return number;
}

/* Runs with the first command, so that the start of the sandbox does not wait for it. */
static void given_begin(void) {
    started_us = wrn_clock_us(CLOCK_BOOTTIME);
    page_size = sysconf(_SC_PAGESIZE);
    total_kb = given_adopt(&meminfo, MEMINFO_FD, "MemTotal:");
    cpus = given_adopt(&stats, STAT_FD, "cpus");
    if (meminfo.fd < 0 && stats.fd < 0) return;
    /* Reads are watched too, because some programs keep the file open. Without inotify, only commands renew the files. */
    opened = (watch){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .ready = given_on_opened};
    if (opened.fd < 0) return;
    inotify_add_watch(opened.fd, "/proc/meminfo", IN_OPEN | IN_ACCESS);
    inotify_add_watch(opened.fd, "/proc/stat", IN_OPEN | IN_ACCESS);
    watch_set(&opened, EPOLLIN);
}

void proc_files_update(void) {
    static bool begun;
    if (!begun) given_begin();
    begun = true;
    given_write(&meminfo, write_meminfo);
    given_write(&stats, write_stat);
}
