/* `wrennd doctor`: the checks of all backends, and a test sandbox on each; what dead daemons have left. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include "base/lock.h"
#include "base/tree.h"
#include "server/box/internal.h"
#include "server/trees.h"

enum { PATIENCE_MS = 30000, DYING_MS = 2000 };

typedef struct trial {
    uv_loop_t loop;
    wrn_boxes *boxes;
    wrn_box *box;
    bool over; /* the current step */
    bool ran;
    wrn_fault fault;
} trial;

static void end_trial_step(trial *t, const wrn_fault *fault) {
    if (fault && !*t->fault.message) t->fault = *fault;
    t->over = true;
    uv_stop(&t->loop);
}

static void await(trial *t) {
    while (!t->over) uv_run(&t->loop, UV_RUN_DEFAULT);
    t->over = false;
}

static void on_trial_box(void *context, wrn_box *box, const wrn_fault *fault) {
    trial *t = context;
    t->box = box;
    end_trial_step(t, fault);
}

static void on_trial_end(void *context, const wrn_proc_result *result) {
    trial *t = context;
    wrn_fault failed;
    t->ran = result->end == WRN_PROC_EXITED && result->code == 0;
    wrn_fault_set(&failed, WRN_FAULT_AGENT_ERROR, "`true` failed in it with status %d", result->code);
    end_trial_step(t, result->fault ? result->fault : t->ran ? NULL : &failed);
}

static void on_trial_destroyed(void *context, const wrn_fault *fault) { end_trial_step(context, fault); }

static void run_true(trial *t) {
    const wrn_proc_events events = {.on_end = on_trial_end, .context = t};
    const wrn_proc_spec spec = {.cmd = "true", .timeout_ms = PATIENCE_MS};
    if (wrn_box_exec(t->box, &spec, &events, &t->fault)) await(t);
    wrn_box_destroy(t->box, on_trial_destroyed, t);
    await(t);
}

static bool try_in(const wrn_backend_config *given, const char *backend, const char *dir, wrn_fault *fault) {
    const wrn_box_spec spec = {
        .id = "cl-doctor", .template_name = MINIMAL, .vcpus = 1, .memory_mb = 64, .backend = backend};
    trial t = {0};
    wrn_backend_config config = *given;
    config.state_dir = dir;
    config.ephemeral = true;
    config.adopt_ms = 0;
    config.loop = &t.loop;
    if (uv_loop_init(&t.loop) != 0)
        return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make an event loop"), false;
    if (wrn_boxes_open(&config, &t.boxes, &t.fault) == 0) {
        wrn_box_create(t.boxes, &spec, NULL, NULL, on_trial_box, &t);
        await(&t);
        if (t.box) run_true(&t);
        wrn_boxes_close(t.boxes);
    }
    while (uv_run(&t.loop, UV_RUN_DEFAULT)) {
    }
    uv_loop_close(&t.loop);
    *fault = t.fault;
    return t.ran && !*t.fault.message;
}

/* Does what a request does, on the same file system. */
static bool check_sandbox(const wrn_backend_config *config, const wrn_backend_ops *ops, wrn_json *report) {
    char dir[PATH_MAX], check[64] = "a sandbox";
    wrn_fault fault = {0};
    probe_nearest(config->state_dir, dir);
    size_t size = strlen(dir);
    snprintf(dir + size, sizeof(dir) - size, "/wrennd-doctor-XXXXXX");
    bool ok = false;
    if (!mkdtemp(dir)) {
        wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the directory %.200s: %s", dir, strerror(errno));
    } else {
        ok = try_in(config, ops->name, dir, &fault);
        wrn_tree_remove(dir);
    }
    if (ops != wrn_backends[0]) snprintf(check, sizeof(check), "a sandbox of the backend %s", ops->name);
    wrn_report_check(
        report, check, ok, ok ? "made, ran `true`, removed" : fault.message,
        "fix the checks that failed above; if none did, name a directory of yours with --data-dir, or run wrennd "
        "--log-level debug and report it");
    return ok;
}

bool wrn_boxes_doctor(const wrn_backend_config *config, wrn_json *report) {
    bool fine = false;
    for (size_t i = 0; wrn_backends[i]; i++) {
        wrn_backends[i]->doctor(config, report);
        fine = check_sandbox(config, wrn_backends[i], report) || fine;
    }
    return fine;
}

bool wrn_boxes_set_up(const wrn_backend_config *config, const wrn_setup_plan *plan, wrn_fault *fault) {
    for (size_t i = 0; wrn_backends[i]; i++)
        if (wrn_backends[i]->setup && !wrn_backends[i]->setup(config, plan, fault)) return false;
    return wrn_templates_finish(config, fault);
}

/* ---- leaks ---- */

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

/* An agent whose daemon is gone has init or a user's systemd as its parent. But a holder may have it. */
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
