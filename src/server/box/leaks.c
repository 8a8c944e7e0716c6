#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/lock.h"
#include "server/box/box.h"
#include "server/box/holder.h"

/* What is left of daemons that are gone. */
enum { LAST_BREATH_MS = 2000 };

/* A daemon holds this lock for as long as its boxes are open. */
static bool is_locked(const char *state_dir) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/lock", state_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool locked = wrn_lock_is_taken(fd);
    close(fd);
    return locked;
}

static void report_boxes(const char *state_dir, wrn_json *report) {
    char boxes[PATH_MAX];
    snprintf(boxes, sizeof(boxes), "%.4000s/boxes", state_dir);
    DIR *dir = opendir(boxes);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[PATH_MAX + 300];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        snprintf(path, sizeof(path), "%s/%s", boxes, entry->d_name);
        wrn_report_leak(report, "directory", path);
    }
    if (dir) closedir(dir);
}

/* One line of a file below /proc/PID that starts with `key` (NULL: the first); false if it has none. */
static bool read_proc(pid_t pid, const char *file, const char *key, char *line, size_t size) {
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
    FILE *from = fopen(path, "re");
    bool found = false;
    while (from && !found && fgets(line, (int)size, from)) found = !key || strncmp(line, key, strlen(key)) == 0;
    if (from) fclose(from);
    return found;
}

/* An agent whose daemon is gone: its parent is the init process, or a systemd of the user's. Some of those wait for another
 * daemon, or have it already. */
static bool is_orphan(pid_t pid) {
    char line[256];
    if (!read_proc(pid, "comm", NULL, line, sizeof(line)) || strcmp(line, "(wrenn-agent)\n") != 0) return false;
    /* Of others' it can't be told whether they are held; they are not ours to clean up either. */
    if (!read_proc(pid, "status", "Uid:", line, sizeof(line)) ||
        (geteuid() != 0 && (uid_t)strtoul(line + strlen("Uid:"), NULL, 10) != geteuid()))
        return false;
    /* Keepers have the agent's name, but not its number inside. */
    if (!read_proc(pid, "status", "NSpid:", line, sizeof(line)) || !strstr(line, "\t1\n")) return false;
    if (!read_proc(pid, "status", "PPid:", line, sizeof(line))) return false;
    pid_t parent = (pid_t)atoi(line + strlen("PPid:"));
    bool lost = parent == 1 || (read_proc(parent, "comm", NULL, line, sizeof(line)) && strcmp(line, "systemd\n") == 0);
    return lost && !holder_knows(pid);
}

/* An agent ends by itself when its daemon does: what is still dying is no leak. */
static bool ends_soon(pid_t pid) {
    struct pollfd ended = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
    bool gone = ended.fd < 0 || poll(&ended, 1, LAST_BREATH_MS) > 0;
    if (ended.fd >= 0) close(ended.fd);
    return gone;
}

static void report_processes(wrn_json *report) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        char what[64];
        pid_t pid = (pid_t)atoi(entry->d_name);
        if (pid <= 0 || !is_orphan(pid) || ends_soon(pid)) continue;
        snprintf(what, sizeof(what), "wrenn-agent, pid %d", (int)pid);
        wrn_report_leak(report, "process", what);
    }
    if (proc) closedir(proc);
}

size_t wrn_boxes_leaks(const wrn_backend_config *config, wrn_json *report) {
    for (size_t i = 0; wrn_backends[i]; i++) wrn_backends[i]->sweep(config, report);
    if (config->state_dir && !is_locked(config->state_dir) && !holder_is_there(config->state_dir))
        report_boxes(config->state_dir, report);
    report_processes(report);
    return wrn_json_count(report);
}
