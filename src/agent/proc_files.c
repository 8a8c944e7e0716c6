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
#include "base/clock.h"

enum { MEMINFO_FD = 5, STAT_FD = 6, AGAIN_MS = 50, TEXT_MAX = 128 << 10, HZ = 100 };
#define CGROUP "/sys/fs/cgroup/"

/* Entries of memory.stat, by their names in cgroup v2 and v1. */
typedef enum amount {
    ANON,
    FILES,
    SHMEM,
    RECLAIMABLE,
    ACTIVE_ANON,
    INACTIVE_ANON,
    ACTIVE_FILE,
    INACTIVE_FILE,
    DIRTY,
    WRITEBACK,
    MAPPED,
    STACKS,
    TABLES,
    AMOUNTS
} amount;
static const char *const names[AMOUNTS][2] = {
    [ANON] = {"anon", "total_rss"},
    [FILES] = {"file", "total_cache"},
    [SHMEM] = {"shmem", "total_shmem"},
    [RECLAIMABLE] = {"slab_reclaimable", ""},
    [ACTIVE_ANON] = {"active_anon", "total_active_anon"},
    [INACTIVE_ANON] = {"inactive_anon", "total_inactive_anon"},
    [ACTIVE_FILE] = {"active_file", "total_active_file"},
    [INACTIVE_FILE] = {"inactive_file", "total_inactive_file"},
    [DIRTY] = {"file_dirty", "total_dirty"},
    [WRITEBACK] = {"file_writeback", "total_writeback"},
    [MAPPED] = {"file_mapped", "total_mapped_file"},
    [STACKS] = {"kernel_stack", ""},
    [TABLES] = {"pagetables", ""},
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

static bool given_read_text(const char *path, char *out, size_t size) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, out, size - 1);
    if (fd >= 0) close(fd);
    out[got > 0 ? got : 0] = '\0';
    return got > 0;
}

/* The number after a word at the beginning of a line; 0 when there is none. */
static int64_t given_number_of(const char *text, const char *word) {
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
        const char *rest = given_read_text(path, text, sizeof(text)) ? strrchr(text, ')') : NULL;
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

/* All in KiB. Returns the memory in use. */
static int64_t measure_memory(int64_t amounts[AMOUNTS]) {
    static char text[16384];
    int64_t bytes = 0, user, system;
    int version = 0;
    memset(amounts, 0, AMOUNTS * sizeof(*amounts));
    if (given_read_text(CGROUP "memory.current", text, sizeof(text))) {
        bytes = strtoll(text, NULL, 10);
        given_read_text(CGROUP "memory.stat", text, sizeof(text));
    } else if (given_read_text(CGROUP "memory/memory.usage_in_bytes", text, sizeof(text))) {
        version = 1;
        bytes = strtoll(text, NULL, 10);
        given_read_text(CGROUP "memory/memory.stat", text, sizeof(text));
    } else {
        add_up_processes(&bytes, &user, &system);
        amounts[ANON] = amounts[ACTIVE_ANON] = bytes / 1024;
        return bytes / 1024;
    }
    for (int i = 0; i < AMOUNTS; i++) amounts[i] = given_number_of(text, names[i][version]) / 1024;
    return bytes / 1024;
}

static void measure_time(int64_t *user_us, int64_t *system_us) {
    char text[1024];
    int64_t bytes;
    if (given_read_text(CGROUP "cpu.stat", text, sizeof(text)) && given_number_of(text, "usage_usec")) {
        *user_us = given_number_of(text, "user_usec");
        *system_us = given_number_of(text, "system_usec");
    } else if (given_read_text(CGROUP "cpuacct/cpuacct.stat", text, sizeof(text)) ||
               given_read_text(CGROUP "cpu/cpuacct.stat", text, sizeof(text))) {
        *user_us = given_number_of(text, "user") * (1000000 / HZ);
        *system_us = given_number_of(text, "system") * (1000000 / HZ);
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
    int64_t a[AMOUNTS], used = measure_memory(a), free_kb = total_kb - used;
    (void)s;
    if (free_kb < 0) free_kb = 0;
    add_kb("MemTotal", total_kb);
    add_kb("MemFree", free_kb);
    add_kb("MemAvailable", free_kb + a[FILES] - a[SHMEM] + a[RECLAIMABLE]);
    add_kb("Buffers", 0);
    add_kb("Cached", a[FILES]);
    add_kb("SwapCached", 0);
    add_kb("Active", a[ACTIVE_ANON] + a[ACTIVE_FILE]);
    add_kb("Inactive", a[INACTIVE_ANON] + a[INACTIVE_FILE]);
    add_kb("Active(anon)", a[ACTIVE_ANON]);
    add_kb("Inactive(anon)", a[INACTIVE_ANON]);
    add_kb("Active(file)", a[ACTIVE_FILE]);
    add_kb("Inactive(file)", a[INACTIVE_FILE]);
    add_kb("Unevictable", 0);
    add_kb("Mlocked", 0);
    add_kb("SwapTotal", 0);
    add_kb("SwapFree", 0);
    add_kb("Dirty", a[DIRTY]);
    add_kb("Writeback", a[WRITEBACK]);
    add_kb("AnonPages", a[ANON]);
    add_kb("Mapped", a[MAPPED]);
    add_kb("Shmem", a[SHMEM]);
    add_kb("KReclaimable", a[RECLAIMABLE]);
    add_kb("Slab", a[RECLAIMABLE]);
    add_kb("SReclaimable", a[RECLAIMABLE]);
    add_kb("SUnreclaim", 0);
    add_kb("KernelStack", a[STACKS]);
    add_kb("PageTables", a[TABLES]);
    add_kb("CommitLimit", total_kb);
    add_kb("Committed_AS", a[ANON] + a[SHMEM]);
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
    (void)events;
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
    int64_t number = got > 0 ? given_number_of(text, word) : 0;
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
