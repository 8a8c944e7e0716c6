/* `wrennd doctor --leaks`: what dead daemons have left. */
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/file.h"
#include "base/lock.h"
#include "server/box/box.h"
#include "server/box/holder.h"

enum { DYING_MS = 2000 };

/* A daemon holds this lock while its boxes are open. */
static bool is_locked(const char *state_dir) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/lock", state_dir);
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_CLOEXEC);
    return fd >= 0 && wrn_lock_is_taken(fd);
}

static void report_boxes(const char *state_dir, wrn_json *report) {
    char boxes[PATH_MAX];
    snprintf(boxes, sizeof(boxes), "%.4000s/boxes", state_dir);
    WRN_AUTO(wrn_dir_close) DIR *dir = opendir(boxes);
    for (struct dirent *entry; (entry = wrn_dir_next(dir));) {
        char path[PATH_MAX + 300];
        snprintf(path, sizeof(path), "%s/%s", boxes, entry->d_name);
        wrn_report_leak(report, "directory", path);
    }
}

/* Reads the line of a file in /proc/PID that starts with `key` (NULL: the first line). False if there is none. */
static bool read_proc(pid_t pid, const char *file, const char *key, char *line, size_t size) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    WRN_AUTO(wrn_stdio_close) FILE *from = fopen(path, "re");
    while (from && fgets(line, (int)size, from))
        if (!key || strncmp(line, key, strlen(key)) == 0) return true;
    return false;
}

/* An agent whose daemon is gone has init or a user's systemd as its parent. But a holder may have it, and another
 * daemon. */
static bool is_orphan(pid_t pid) {
    char line[256];
    if (!read_proc(pid, "comm", NULL, line, sizeof(line)) || strcmp(line, "(wrenn-agent)\n") != 0) return false;
    /* Whether other users' agents are held is not visible, and they are not ours to remove. */
    if (!read_proc(pid, "status", "Uid:", line, sizeof(line)) ||
        (geteuid() != 0 && (uid_t)strtoul(line + strlen("Uid:"), NULL, 10) != geteuid()))
        return false;
    /* Keepers have the agent's name too, but are not process 1 of their namespace. */
    if (!read_proc(pid, "status", "NSpid:", line, sizeof(line)) || !strstr(line, "\t1\n")) return false;
    if (!read_proc(pid, "status", "PPid:", line, sizeof(line))) return false;
    pid_t parent = (pid_t)atoi(line + strlen("PPid:"));
    bool lost = parent == 1 || (read_proc(parent, "comm", NULL, line, sizeof(line)) && strcmp(line, "systemd\n") == 0);
    return lost && !holder_knows(pid);
}

/* Agents end by themselves with their daemon: one that is still ending is no leak. */
static bool ends_soon(pid_t pid) {
    WRN_AUTO(wrn_fd_close) int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    return pidfd < 0 || poll(&(struct pollfd){.fd = pidfd, .events = POLLIN}, 1, DYING_MS) > 0;
}

static void report_processes(wrn_json *report) {
    WRN_AUTO(wrn_dir_close) DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = wrn_dir_next(proc));) {
        char what[64];
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 0 || !is_orphan(pid) || ends_soon(pid)) continue;
        snprintf(what, sizeof(what), "wrenn-agent, pid %d", (int)pid);
        wrn_report_leak(report, "process", what);
    }
}

void wrn_boxes_leaks(const wrn_backend_config *config, wrn_json *report) {
    for (size_t i = 0; wrn_backends[i]; i++) wrn_backends[i]->sweep(config, report);
    if (config->state_dir && !is_locked(config->state_dir) && !holder_is_there(config->state_dir))
        report_boxes(config->state_dir, report);
    report_processes(report);
}
