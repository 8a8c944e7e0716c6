#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>

#include "server/backend/ns/internal.h"

static bool is_running(pid_t pid) { return pid > 0 && (kill(pid, 0) == 0 || errno == EPERM); }

static void wipe_if_dead(void *context, const char *path, pid_t pid) {
    const bool *first = context;
    if (pid == getpid() ? *first : !is_running(pid)) cgroup_wipe(path);
}

void sweep(const char *boxes_dir, const char *cgroup_parent) {
    /* Before this process has made any, our own pid can only be in a name that somebody of another life left. */
    static pid_t swept;
    bool first = swept != getpid();
    swept = getpid();
    cgroup_find(cgroup_parent, wipe_if_dead, &first);
    DIR *dir = opendir(boxes_dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[PATH_MAX];
        if (entry->d_name[0] == '.') continue;
        if ((size_t)snprintf(path, sizeof(path), "%s/%s", boxes_dir, entry->d_name) < sizeof(path)) remove_tree(path);
    }
    if (dir) closedir(dir);
}

/* ---- leaks ---- */

static void add_leak(wrn_json *report, const char *kind, const char *what) {
    wrn_json *item = wrn_json_new_object();
    wrn_json_set_string(item, "kind", kind);
    wrn_json_set_string(item, "what", what);
    wrn_json_append(report, item);
}

static void report_if_dead(void *context, const char *path, pid_t pid) {
    if (!is_running(pid)) add_leak(context, "cgroup", path);
}

/* A daemon holds a lock on its data directory for as long as it runs. */
static bool is_locked(const char *state_dir) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/lock", state_dir);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    bool locked = flock(fd, LOCK_EX | LOCK_NB) != 0;
    close(fd);
    return locked;
}

static void report_boxes(const char *state_dir, wrn_json *report) {
    char boxes[PATH_MAX];
    snprintf(boxes, sizeof(boxes), "%.4000s/boxes", state_dir);
    DIR *dir = opendir(boxes);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[PATH_MAX + 300];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof(path), "%s/%s", boxes, entry->d_name);
        add_leak(report, "directory", path);
    }
    if (dir) closedir(dir);
}

/* Agents whose daemon is gone have been adopted by somebody else than a wrennd. */
static void report_processes(wrn_json *report) {
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; proc && (entry = readdir(proc));) {
        char path[300], text[512], parent[64] = "";
        snprintf(path, sizeof(path), "/proc/%s/stat", entry->d_name);
        FILE *file = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' ? fopen(path, "re") : NULL;
        int ppid = 0;
        bool agent = file && fgets(text, sizeof(text), file) && strstr(text, "(wrenn-agent)") &&
                     sscanf(strrchr(text, ')') + 1, " %*c %d", &ppid) == 1;
        if (file) fclose(file);
        if (!agent) continue;
        snprintf(path, sizeof(path), "/proc/%d/comm", ppid);
        file = fopen(path, "re");
        bool known = file && fgets(parent, sizeof(parent), file);
        if (file) fclose(file);
        /* Keepers inside a sandbox have the agent as their parent. */
        if (known && ppid != 1 && (strncmp(parent, "wrennd", 6) == 0 || strncmp(parent, "wrenn-agent", 11) == 0))
            continue;
        snprintf(path, sizeof(path), "wrenn-agent, pid %s", entry->d_name);
        add_leak(report, "process", path);
    }
    if (proc) closedir(proc);
}

size_t wrn_backend_ns_leaks(const wrn_backend_config *config, wrn_json *report) {
    cgroup_find(config->cgroup_parent, report_if_dead, report);
    if (config->state_dir && !is_locked(config->state_dir)) report_boxes(config->state_dir, report);
    report_processes(report);
    return wrn_json_count(report);
}
