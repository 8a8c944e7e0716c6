#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/lock.h"
#include "base/tree.h"
#include "server/backend/ns/internal.h"
#include "server/backend/ns/service.h"
#include "server/backend/ns/snapshot.h"

enum { CREATE_LIMIT_MS = 20000, RETRY_MS = 2, RETRIES = 2000, BOXES_MAX = 8192 };
/* Space on disk is measured every DISK_MS at most, and for at most one part in DISK_SHARE of the time. */
enum { DISK_MS = 4000, DISK_SHARE = 20 };
#define FIRST_UID 0x70000000u /* above what distributions give to users and containers */

struct wrn_backend {
    wrn_backend_config config;
    bool root;
    char boxes[PATH_MAX], skeleton[PATH_MAX];
    int agent_fd, lock_fd, slots_fd;
    cgroups cgroups;
    snapshots snapshots;
    struct sock_fprog filter;
    bool slot_used[BOXES_MAX];
    int userns[BOXES_MAX]; /* + 1; 0: not made yet. Kept for the next user of the slot */
    size_t box_count;
    wrn_box *to_walk; /* whose space on disk is to be measured; one at a time, the first one now */
    disk_walk *walk;
};

typedef enum phase { CREATING, LIVE, DIED, DESTROYING } phase;

struct wrn_box {
    wrn_backend *backend;
    char id[ID_MAX + 1], dir[PATH_MAX];
    source source;
    service *service;
    held *held; /* the snapshot it was made from */
    snapshot_copy *copy;
    wrn_snapshot_fn copied;
    void *copied_context;
    phase phase;
    int slot, pidfd, error_fd;
    pid_t pid;
    bool reaped, frozen;
    wrn_agent *agent;
    uv_poll_t exit_poll;
    uv_timer_t timer; /* creating: its limit; destroying and freezing: the next look */
    int tries, handles;
    int64_t disk_bytes, disk_due_ms; /* as last measured; when to measure again */
    int64_t disk_cpu_usec;           /* used up to when it was measured */
    wrn_box *next_to_walk;
    bool is_to_walk;
    wrn_done_fn died;
    wrn_box_fn created;
    void *context;
    wrn_done_fn done; /* of destroy or freeze */
    void *done_context;
    uv_work_t removal;
    char removal_problem[200];
};

/* ---- space on disk ---- */

static void walk_first(wrn_backend *backend);

static void unlist_walk(wrn_box *box) {
    wrn_box **at = &box->backend->to_walk;
    while (*at && *at != box) at = &(*at)->next_to_walk;
    if (*at) *at = box->next_to_walk;
    box->is_to_walk = false;
}

static void on_walked(void *context, int64_t bytes, int64_t took_ms) {
    wrn_box *box = context;
    int64_t pause_ms = took_ms * DISK_SHARE > DISK_MS ? took_ms * DISK_SHARE : DISK_MS;
    box->disk_bytes = bytes;
    box->disk_due_ms = wrn_now_ms() + pause_ms;
    box->backend->walk = NULL;
    unlist_walk(box);
    walk_first(box->backend);
}

static void walk_first(wrn_backend *backend) {
    wrn_box *box;
    while (!backend->walk && (box = backend->to_walk)) {
        backend->walk = disk_walk_start(backend->config.loop, box->dir, on_walked, box);
        if (!backend->walk) unlist_walk(box);
    }
}

static void walk_later(wrn_box *box) {
    wrn_box **at = &box->backend->to_walk;
    while (*at) at = &(*at)->next_to_walk;
    *at = box;
    box->next_to_walk = NULL;
    box->is_to_walk = true;
    walk_first(box->backend);
}

static void forget_walk(wrn_box *box) {
    wrn_backend *backend = box->backend;
    if (backend->walk && backend->to_walk == box) disk_walk_stop(WRN_TAKE(backend->walk));
    if (box->is_to_walk) unlist_walk(box);
    walk_first(backend);
}

/* ---- end of a box ---- */

static void free_box(wrn_box *box) {
    wrn_backend *backend = box->backend;
    if (box->slot >= 0) {
        backend->slot_used[box->slot] = false;
        if (backend->root) slot_release(backend->slots_fd, box->slot);
    }
    if (box->pidfd >= 0) close(box->pidfd);
    if (box->error_fd >= 0) close(box->error_fd);
    if (box->held) snapshot_release(&backend->snapshots, box->held);
    source_close(&box->source);
    backend->box_count--;
    free(box);
}

static void handle_closed(uv_handle_t *handle) {
    wrn_box *box = handle->data;
    if (--box->handles) return;
    wrn_done_fn done = box->done;
    void *context = box->done_context;
    wrn_fault fault;
    bool failed = box->removal_problem[0];
    if (failed) wrn_fault_set(&fault, "internal_error", "sandbox %s is gone, but %s", box->id, box->removal_problem);
    free_box(box);
    done(context, failed ? &fault : NULL);
}

static void close_handles(wrn_box *box) {
    box->handles = 2;
    uv_close((uv_handle_t *)&box->timer, handle_closed);
    uv_close((uv_handle_t *)&box->exit_poll, handle_closed);
}

static void remove_files(uv_work_t *work) {
    wrn_box *box = work->data;
    if (!wrn_tree_remove(box->dir))
        snprintf(box->removal_problem, sizeof(box->removal_problem), "its directory %.100s can't be removed", box->dir);
}

static void files_removed(uv_work_t *work, int status) {
    (void)status;
    close_handles(work->data);
}

static void remove_cgroups(uv_timer_t *timer) {
    wrn_box *box = timer->data;
    /* The kernel takes some milliseconds to let go of a group whose last member died. */
    if (!cgroup_remove(&box->backend->cgroups, box->id) && box->tries++ < RETRIES) {
        uv_timer_start(timer, remove_cgroups, RETRY_MS, 0);
        return;
    }
    box->removal.data = box;
    if (uv_queue_work(box->backend->config.loop, &box->removal, remove_files, files_removed) == 0) return;
    remove_files(&box->removal);
    close_handles(box);
}

static void clean_up(wrn_box *box) {
    box->tries = 0;
    uv_timer_start(&box->timer, remove_cgroups, 0, 0);
}

static void kill_box(wrn_box *box) {
    if (box->reaped) return;
    if (box->frozen && cgroups_can_freeze(&box->backend->cgroups))
        cgroup_freeze(&box->backend->cgroups, box->id, false);
    syscall(SYS_pidfd_send_signal, box->pidfd, SIGKILL, NULL, 0); /* PID 1 takes its whole namespace along */
}

static void on_exit_ready(uv_poll_t *poll, int status, int events) {
    wrn_box *box = poll->data;
    (void)status, (void)events;
    siginfo_t info;
    if (waitid(P_PID, (id_t)box->pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0) return;
    uv_poll_stop(poll);
    box->reaped = true;
    if (box->phase == DESTROYING) clean_up(box);
}

static void begin_destroy(wrn_box *box, wrn_done_fn done, void *context) {
    forget_walk(box);
    box->phase = DESTROYING;
    box->done = done;
    box->done_context = context;
    uv_timer_stop(&box->timer);
    service_stop(box->service);
    wrn_agent_close(box->agent);
    service_free(box->service);
    box->agent = NULL;
    box->service = NULL;
    kill_box(box);
    if (box->reaped) clean_up(box);
}

static void ns_destroy(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_done_fn waiting = box->done;
    void *waiting_context = box->done_context;
    if (box->phase == LIVE && waiting) { /* a freeze that is under way */
        wrn_fault fault;
        wrn_fault_set(&fault, "agent_error", "the sandbox was destroyed");
        wrn_answer_later(box->backend->config.loop, waiting, waiting_context, &fault);
    }
    begin_destroy(box, done, context);
}

/* ---- start of a box ---- */

/* What went wrong is known only after the box is cleaned up; then `created` gets it. */
typedef struct failure {
    wrn_box_fn created;
    void *context;
    wrn_fault fault;
} failure;

static void failure_done(void *context, const wrn_fault *fault) {
    failure *f = context;
    (void)fault;
    f->created(f->context, NULL, &f->fault);
    free(f);
}

static void fail_create(wrn_box *box, const wrn_fault *fault) {
    failure *f = malloc(sizeof(*f));
    if (!f) abort();
    *f = (failure){box->created, box->context, *fault};
    begin_destroy(box, failure_done, f);
}

static void on_create_limit(uv_timer_t *timer) {
    wrn_fault fault;
    wrn_fault_set(&fault, "agent_error", "the sandbox's agent did not answer within %d s", CREATE_LIMIT_MS / 1000);
    fail_create(timer->data, &fault);
}

static void on_agent_ready(void *context) {
    wrn_box *box = context;
    uv_timer_stop(&box->timer);
    box->phase = LIVE;
    box->service = service_new(box->backend->config.loop, box->agent, &box->source);
    box->created(box->context, box, NULL);
}

static void on_agent_lost(void *context, const char *why) {
    wrn_box *box = context;
    wrn_fault fault;
    spawn_error step;
    if (box->phase == CREATING) {
        if (read(box->error_fd, &step, sizeof(step)) == (ssize_t)sizeof(step))
            wrn_fault_set(&fault, "internal_error", "cannot build the sandbox: %.50s: %s; run wrennd doctor", step.step,
                          strerror(step.error));
        else wrn_fault_set(&fault, "agent_error", "the sandbox's agent did not start: %s", why);
        fail_create(box, &fault);
        return;
    }
    box->phase = DIED;
    kill_box(box);
    wrn_fault_set(&fault, "agent_error", "the sandbox ended: its agent is gone (%s)", why);
    wrn_done_fn waiting = box->done;
    box->done = NULL;
    uv_timer_stop(&box->timer);
    if (waiting) waiting(box->done_context, &fault);
    if (box->died) box->died(box->context, &fault);
}

/* What the sandbox finds changed here must be as the template has it, though we put files of our own there. */
static int adopt(const wrn_box *box, const char *of_template, const char *of_box) {
    char from[PATH_MAX + 16], to[PATH_MAX + 16];
    struct stat info;
    snprintf(from, sizeof(from), "%s%s", box->source.tree, of_template);
    snprintf(to, sizeof(to), "%s%s", box->dir, of_box);
    if (!*box->source.tree || lstat(from, &info) != 0 || !S_ISDIR(info.st_mode)) return 0;
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    if (box->backend->root && chown(to, info.st_uid, info.st_gid) != 0) return -1;
    return chmod(to, info.st_mode & 07777) == 0 ? utimensat(AT_FDCWD, to, times, 0) : -1;
}

static int make_files(wrn_box *box, const wrn_box_spec *spec) {
    static const char *const dirs[] = {"", "/u", "/w", "/uu", "/uw", "/stage", "/u/etc", "/u/run", "/u/run/wrenn"};
    char path[PATH_MAX + 64];
    for (size_t i = 0; i < WRN_COUNT(dirs); i++) {
        snprintf(path, sizeof(path), "%s%s", box->dir, dirs[i]);
        if (mkdir(path, i ? 0755 : 0700) != 0) return -1;
    }
    const char *const files[][2] = {{"/u/etc/hostname", spec->id},
                                    {"/u/run/wrenn/sandbox_id", spec->id},
                                    {"/u/run/wrenn/template_id", spec->template_name},
                                    {"/u/run/wrenn/sandbox", "true"}};
    for (size_t i = 0; i < WRN_COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s%s", box->dir, files[i][0]);
        FILE *file = fopen(path, "we");
        if (!file) return -1;
        bool ok = fprintf(file, "%s\n", files[i][1]) > 0;
        if (fclose(file) != 0 || !ok) return -1;
    }
    return adopt(box, "/etc", "/u/etc") == 0 && adopt(box, "/run", "/u/run") == 0 && adopt(box, "", "/u") == 0 &&
                   adopt(box, "/usr", "/uu") == 0
               ? 0
               : -1;
}

static int take_slot(wrn_backend *backend, wrn_fault *fault) {
    for (int slot = 0; slot < BOXES_MAX; slot++) {
        if (backend->slot_used[slot] || (backend->root && !slot_take(backend->slots_fd, slot))) continue;
        if (backend->root && !backend->userns[slot]) {
            int fd = userns_make(FIRST_UID + (uid_t)slot * UID_RANGE);
            if (fd < 0) {
                slot_release(backend->slots_fd, slot);
                wrn_fault_set(fault, "internal_error", "cannot make a user namespace: %s; run wrennd doctor",
                              strerror(errno));
                return -1;
            }
            backend->userns[slot] = fd + 1;
        }
        backend->slot_used[slot] = true;
        return slot;
    }
    wrn_fault_set(fault, "no_hosts_available", "this machine has all the %d sandboxes it can number", BOXES_MAX);
    return -1;
}

static pid_t spawn_box(wrn_box *box, const wrn_box_spec *spec, int channel, int errors, wrn_fault *fault) {
    wrn_backend *backend = box->backend;
    char id_env[ID_MAX + 32], template_env[160];
    snprintf(id_env, sizeof(id_env), "WRENN_SANDBOX_ID=%s", spec->id);
    snprintf(template_env, sizeof(template_env), "WRENN_TEMPLATE_ID=%.128s", spec->template_name);
    char *env[] = {(char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                   (char[]){"HOME=/root"},
                   (char[]){"USER=root"},
                   (char[]){"LOGNAME=root"},
                   (char[]){"WRENN_SANDBOX=true"},
                   id_env,
                   template_env,
                   NULL};
    static spawn s; /* large */
    s = (spawn){
        .root = backend->root,
        .uid = geteuid(),
        .gid = getegid(),
        .base = FIRST_UID + (uid_t)box->slot * UID_RANGE,
        .userns_fd = backend->userns[box->slot] - 1,
        .agent_fd = backend->agent_fd,
        .channel_fd = channel,
        .error_fd = errors,
        .clone_fd = cgroup_clone_fd(&backend->cgroups, spec->id),
        .hostname = spec->id,
        .env = env,
        .filter = backend->filter,
        .pids_max = PIDS_PER_VCPU * (spec->vcpus > 64 ? 64 : spec->vcpus),
        .rlimit_pids = backend->cgroups.limits == CGROUP_NONE,
    };
    cgroup_join_fds(&backend->cgroups, spec->id, s.join_fds);
    s.on_host = box->source.on_host;
    s.has_tree = *box->source.tree;
    snprintf(s.tree, sizeof(s.tree), "%s", box->source.tree);
    snprintf(s.stage, sizeof(s.stage), "%.4000s/stage", box->dir);
    snprintf(s.skeleton, sizeof(s.skeleton), "%s", backend->skeleton);
    snprintf(s.box, sizeof(s.box), "%s", box->dir);
    snprintf(s.usr, sizeof(s.usr), "/usr");
    snprintf(s.shm_options, sizeof(s.shm_options), "mode=1777,size=%lldm", (long long)(spec->memory_mb + 1) / 2);
    pid_t pid = spawn_child(&s, &box->pidfd);
    if (pid < 0)
        wrn_fault_set(fault, "internal_error", "cannot make the sandbox's namespaces: %s; run wrennd doctor",
                      strerror(errno));
    if (s.clone_fd >= 0) close(s.clone_fd);
    for (int i = 0; i < HIERARCHIES && s.join_fds[i] >= 0; i++) close(s.join_fds[i]);
    return pid;
}

/* The process with its channel; or a fault with its code set. */
static void start_box(wrn_box *box, const wrn_box_spec *spec, int *channel, wrn_fault *fault) {
    int pair[2], errors[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0 || pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0) {
        wrn_fault_set(fault, "internal_error", "no descriptors left: %s; raise the limit of open files",
                      strerror(errno));
        return;
    }
    box->pid = spawn_box(box, spec, pair[1], errors[1], fault);
    close(pair[1]);
    close(errors[1]);
    if (box->pid < 0) {
        close(pair[0]);
        close(errors[0]);
        return;
    }
    *channel = pair[0];
    box->error_fd = errors[0];
}

static int find_source(wrn_box *box, const wrn_box_spec *spec, wrn_fault *fault) {
    wrn_backend *backend = box->backend;
    char dir[PATH_MAX];
    if (!spec->snapshot_id)
        return catalog_find(backend->config.template_dir, backend->skeleton, spec->template_name, &box->source, fault);
    snapshot_path(&backend->snapshots, spec->snapshot_id, dir);
    if (source_open(dir, spec->template_name, &box->source, fault) != 0) return -1;
    box->held = snapshot_hold(&backend->snapshots, spec->snapshot_id);
    return 0;
}

static void give_up(wrn_box *box, const wrn_fault *fault) {
    wrn_box_fn created = box->created;
    failure *f = malloc(sizeof(*f));
    if (!f) abort();
    *f = (failure){created, box->context, *fault};
    wrn_answer_later(box->backend->config.loop, failure_done, f, NULL);
    cgroup_remove(&box->backend->cgroups, box->id);
    wrn_tree_remove(box->dir);
    free_box(box);
}

static void ns_create(wrn_backend *backend, const wrn_box_spec *spec, wrn_done_fn died, wrn_box_fn done,
                      void *context) {
    wrn_fault fault = {0};
    wrn_box *box = calloc(1, sizeof(*box));
    if (!box) abort();
    *box = (wrn_box){.backend = backend,
                     .slot = -1,
                     .pidfd = -1,
                     .error_fd = -1,
                     .disk_bytes = -1,
                     .died = died,
                     .created = done,
                     .context = context};
    backend->box_count++;
    snprintf(box->id, sizeof(box->id), "%s", spec->id);
    snprintf(box->dir, sizeof(box->dir), "%.4000s/%s", backend->boxes, box->id);
    int channel = -1;
    if (find_source(box, spec, &fault) == 0 && (box->slot = take_slot(backend, &fault)) >= 0) {
        if (make_files(box, spec) != 0)
            wrn_fault_set(&fault, "internal_error", "cannot make the sandbox's files in %.200s: %s", box->dir,
                          strerror(errno));
        else if (cgroup_make(&backend->cgroups, spec, &fault) == 0) start_box(box, spec, &channel, &fault);
    }
    if (fault.code) {
        give_up(box, &fault);
        return;
    }
    uv_timer_init(backend->config.loop, &box->timer);
    uv_poll_init(backend->config.loop, &box->exit_poll, box->pidfd);
    box->timer.data = box->exit_poll.data = box;
    uv_poll_start(&box->exit_poll, UV_READABLE, on_exit_ready);
    uv_timer_start(&box->timer, on_create_limit, CREATE_LIMIT_MS, 0);
    box->agent = wrn_agent_open(backend->config.loop, channel, &(wrn_agent_events){on_agent_ready, on_agent_lost, box});
    if (box->agent) return;
    wrn_fault_set(&fault, "internal_error", "out of memory");
    fail_create(box, &fault);
}

/* ---- pausing ---- */

static void freeze_done(wrn_box *box, const wrn_fault *fault) {
    wrn_done_fn done = box->done;
    box->done = NULL;
    done(box->done_context, fault);
}

static void look_frozen(uv_timer_t *timer) {
    wrn_box *box = timer->data;
    if (cgroup_is_frozen(&box->backend->cgroups, box->id)) {
        box->frozen = true;
        freeze_done(box, NULL);
    } else if (box->tries++ < RETRIES) {
        uv_timer_start(timer, look_frozen, RETRY_MS, 0);
    } else {
        cgroup_freeze(&box->backend->cgroups, box->id, false);
        wrn_agent_suspend(box->agent, false);
        wrn_fault fault;
        wrn_fault_set(&fault, "agent_error", "the sandbox could not be frozen in time; it goes on");
        freeze_done(box, &fault);
    }
}

static void agent_froze(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    /* Destroying has answered it already, and `done` is now that of the destruction. */
    if (box->phase != LIVE || !box->done) return;
    if (fault) wrn_agent_suspend(box->agent, false);
    freeze_done(box, fault);
}

/* What can't be done now, as a fault. */
static bool cannot(const wrn_box *box, const char *what, wrn_fault *fault) {
    if (box->phase == LIVE && !box->done) return false;
    wrn_fault_set(fault, "agent_error", "cannot %s: %s", what,
                  box->phase == LIVE ? "another pause or resume is under way" : "the sandbox has ended");
    return true;
}

static void ns_freeze(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (cannot(box, "pause", &fault)) {
        wrn_answer_later(box->backend->config.loop, done, context, &fault);
        return;
    }
    if (!cgroups_can_freeze(&box->backend->cgroups)) {
        box->done = done;
        box->done_context = context;
        wrn_agent_suspend(box->agent, true);
        wrn_agent_freeze(box->agent, true, agent_froze, box);
    } else if (cgroup_freeze(&box->backend->cgroups, box->id, true) == 0) {
        box->done = done;
        box->done_context = context;
        box->tries = 0;
        wrn_agent_suspend(box->agent, true);
        uv_timer_start(&box->timer, look_frozen, 0, 0);
    } else {
        wrn_fault_set(&fault, "agent_error", "cannot freeze the sandbox: %s", strerror(errno));
        wrn_answer_later(box->backend->config.loop, done, context, &fault);
    }
}

static void ns_thaw(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (cannot(box, "resume", &fault)) {
        wrn_answer_later(box->backend->config.loop, done, context, &fault);
    } else if (!cgroups_can_freeze(&box->backend->cgroups)) {
        box->done = done;
        box->done_context = context;
        wrn_agent_suspend(box->agent, false);
        wrn_agent_freeze(box->agent, false, agent_froze, box);
    } else {
        int rc = cgroup_freeze(&box->backend->cgroups, box->id, false);
        if (rc != 0) wrn_fault_set(&fault, "agent_error", "cannot thaw the sandbox: %s", strerror(errno));
        else box->frozen = false, wrn_agent_suspend(box->agent, false);
        wrn_answer_later(box->backend->config.loop, done, context, rc == 0 ? NULL : &fault);
    }
}

/* ---- commands ---- */

static void ns_ping(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (box->phase == LIVE) {
        wrn_agent_ping(box->agent, done, context);
        return;
    }
    wrn_fault_set(&fault, "agent_error", "the sandbox has ended");
    wrn_answer_later(box->backend->config.loop, done, context, &fault);
}

static wrn_proc *ns_exec(wrn_box *box, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault) {
    if (box->phase == LIVE) return wrn_agent_exec(box->agent, spec, events, fault);
    wrn_fault_set(fault, "agent_error", "the sandbox has ended");
    return NULL;
}

/* Answers with the space that was measured before, and has it measured again if that was long ago and something has run
 * since: what does nothing writes nothing. */
static void ns_stats(wrn_box *box, wrn_box_stats *out) {
    cgroup_stats(&box->backend->cgroups, box->id, out);
    out->disk_bytes = box->disk_bytes;
    bool idle = out->cpu_usec >= 0 && out->cpu_usec == box->disk_cpu_usec;
    if (box->is_to_walk || idle || box->phase != LIVE || wrn_now_ms() < box->disk_due_ms) return;
    box->disk_cpu_usec = out->cpu_usec;
    walk_later(box);
}

/* ---- the backend ---- */

/* A sealed copy in memory: no path inside the sandbox leads to it, and nothing inside can write to it. */
static int load_agent(const char *path, wrn_fault *fault) {
    int file = open(path, O_RDONLY | O_CLOEXEC);
    int fd = file < 0 ? -1 : memfd_create("wrenn-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char chunk[65536];
    ssize_t got = fd < 0 ? -1 : 0;
    while (fd >= 0 && (got = read(file, chunk, sizeof(chunk))) > 0)
        if (write(fd, chunk, (size_t)got) != got) break;
    int saved = errno;
    if (file >= 0) close(file);
    if (got == 0 && fchmod(fd, 0555) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return fd;
    if (fd >= 0) close(fd);
    wrn_fault_set(fault, "internal_error", "cannot load the agent %s: %s", path, strerror(saved));
    return -1;
}

static int make_dirs(wrn_backend *backend, wrn_fault *fault) {
    char templates[PATH_MAX];
    snapshots *kept = &backend->snapshots;
    const char *state = backend->config.state_dir;
    if (strlen(state) > PATH_MAX - 256) {
        wrn_fault_set(fault, "internal_error", "the path of the state directory is too long");
        return -1;
    }
    snprintf(backend->boxes, sizeof(backend->boxes), "%.3800s/boxes", state);
    snprintf(templates, sizeof(templates), "%.3800s/templates", state);
    snprintf(backend->skeleton, sizeof(backend->skeleton), "%.3900s/minimal", templates);
    kept->loop = backend->config.loop;
    snprintf(kept->dir, sizeof(kept->dir), "%.3800s/snapshots", state);
    /* Traversed with the ids of sandboxes; the state directory itself keeps others out. */
    if ((mkdir(backend->boxes, 0711) != 0 && errno != EEXIST) || (mkdir(templates, 0755) != 0 && errno != EEXIST) ||
        (mkdir(kept->dir, 0711) != 0 && errno != EEXIST)) {
        wrn_fault_set(fault, "internal_error", "cannot make directories in %.300s: %s", state, strerror(errno));
        return -1;
    }
    return template_make_minimal(backend->skeleton, fault);
}

/* Held as long as the backend is open: what lies in an unlocked directory is a leftover. */
static int take_lock(wrn_backend *backend, wrn_fault *fault) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/lock", backend->config.state_dir);
    backend->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (backend->lock_fd >= 0 && wrn_lock_take(backend->lock_fd)) return 0;
    wrn_fault_set(fault, "internal_error", "cannot lock %.300s: %s; is another wrennd using it?", path,
                  strerror(errno));
    return -1;
}

static int open_slots(wrn_backend *backend, wrn_fault *fault) {
    if (!backend->root || (backend->slots_fd = slots_open()) >= 0) return 0;
    wrn_fault_set(fault, "internal_error", "cannot open /run/wrennd/uid-ranges: %s", strerror(errno));
    return -1;
}

static void ns_close(wrn_backend *backend) {
    for (int i = 0; i < BOXES_MAX; i++)
        if (backend->userns[i]) close(backend->userns[i] - 1);
    if (backend->agent_fd >= 0) close(backend->agent_fd);
    if (backend->lock_fd >= 0) close(backend->lock_fd);
    if (backend->slots_fd >= 0) close(backend->slots_fd);
    cgroups_close(&backend->cgroups);
    free(backend->filter.filter);
    rmdir(backend->boxes);
    free(backend);
}

static int ns_open(const wrn_backend_config *config, wrn_backend **ret, wrn_fault *fault) {
    wrn_backend *backend = calloc(1, sizeof(*backend));
    if (!backend) {
        wrn_fault_set(fault, "internal_error", "out of memory");
        return -1;
    }
    backend->config = *config;
    backend->root = geteuid() == 0;
    backend->agent_fd = backend->lock_fd = backend->slots_fd = -1;
    if (take_lock(backend, fault) == 0 && open_slots(backend, fault) == 0 && make_dirs(backend, fault) == 0 &&
        seccomp_program(&backend->filter, fault) == 0 &&
        (backend->agent_fd = load_agent(config->agent_path, fault)) >= 0) {
        sweep(backend->boxes, config->cgroup_parent);
        char name[64];
        cgroup_name(name, sizeof(name));
        cgroups_open(&backend->cgroups, config->cgroup_parent, name);
        *ret = backend;
        return 0;
    }
    ns_close(backend);
    return -1;
}

static wrn_json *ns_isolation(const wrn_backend *backend) { return probe_isolation(backend->root, &backend->cgroups); }

typedef struct refused_dial {
    wrn_dial_fn done;
    void *context;
} refused_dial;

static void refuse_dial(void *context, const wrn_fault *fault) {
    refused_dial *r = context;
    r->done(r->context, -1, fault);
    free(r);
}

static void ns_dial(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context) {
    if (box->phase == LIVE && box->service) return service_dial(box->service, port, done, context);
    if (box->phase == LIVE) return wrn_agent_dial(box->agent, port, done, context);
    wrn_fault fault;
    wrn_fault_set(&fault, "agent_error", "the sandbox has ended");
    refused_dial *r = calloc(1, sizeof(*r));
    if (!r) return done(context, -1, &fault);
    *r = (refused_dial){done, context};
    wrn_answer_later(box->backend->config.loop, refuse_dial, r, &fault);
}

/* ---- templates and snapshots ---- */

static int ns_find_template(wrn_backend *backend, const char *name, wrn_template *out, wrn_fault *fault) {
    source s;
    if (catalog_find(backend->config.template_dir, backend->skeleton, name, &s, fault) != 0) return -1;
    *out = s.shown;
    source_close(&s);
    return 0;
}

static void ns_list_templates(wrn_backend *backend, wrn_template_fn each, void *context) {
    catalog_list(backend->config.template_dir, backend->skeleton, each, context);
}

static void on_copied(void *context, int64_t size_bytes, const wrn_fault *fault) {
    wrn_box *box = context;
    box->copy = NULL;
    box->copied(box->copied_context, size_bytes, fault);
}

static void copy_failed(void *context, const wrn_fault *fault) { on_copied(context, 0, fault); }

static void ns_snapshot(wrn_box *box, const char *snapshot_id, wrn_snapshot_fn done, void *context) {
    wrn_backend *backend = box->backend;
    WRN_AUTO(wrn_json_freep) wrn_json *document = source_document(&box->source, "snapshot");
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    char target[PATH_MAX];
    wrn_fault fault;
    snapshot_path(&backend->snapshots, snapshot_id, target);
    wrn_json_write(document, &text);
    const snapshot_plan plan = {.root = backend->root,
                                .on_host = box->source.on_host,
                                .durable = !backend->config.ephemeral,
                                .parent = getpid(),
                                .skeleton = backend->skeleton,
                                .box = box->dir,
                                .tree = box->source.tree,
                                .tree_name = source_tree_name(&box->source),
                                .document = text.data,
                                .target = target};
    box->copied = done;
    box->copied_context = context;
    errno = ENOMEM;
    box->copy = text.failed ? NULL : snapshot_copy_start(backend->config.loop, &plan, on_copied, box);
    if (box->copy) return;
    wrn_fault_set(&fault, "internal_error", "cannot begin the snapshot: %s", strerror(errno));
    wrn_answer_later(backend->config.loop, copy_failed, box, &fault);
}

static void ns_stop_snapshot(wrn_box *box) {
    if (box->copy) snapshot_copy_stop(box->copy);
}

static void ns_drop_snapshot(wrn_backend *backend, const char *snapshot_id) {
    snapshot_drop(&backend->snapshots, snapshot_id);
}

static void ns_sweep_snapshots(wrn_backend *backend, bool (*is_known)(void *context, const char *snapshot_id),
                               void *context) {
    snapshots_sweep(&backend->snapshots, is_known, context);
}

const wrn_backend_ops wrn_backend_ns = {
    .name = "ns",
    .open = ns_open,
    .close = ns_close,
    .isolation = ns_isolation,
    .find_template = ns_find_template,
    .list_templates = ns_list_templates,
    .snapshot = ns_snapshot,
    .stop_snapshot = ns_stop_snapshot,
    .drop_snapshot = ns_drop_snapshot,
    .sweep_snapshots = ns_sweep_snapshots,
    .create = ns_create,
    .destroy = ns_destroy,
    .freeze = ns_freeze,
    .thaw = ns_thaw,
    .ping = ns_ping,
    .stats = ns_stats,
    .exec = ns_exec,
    .signal = wrn_agent_signal,
    .read_stop = wrn_agent_read_stop,
    .read_start = wrn_agent_read_start,
    .write = wrn_agent_write,
    .close_stdin = wrn_agent_close_stdin,
    .resize = wrn_agent_resize,
    .dial = ns_dial,
};
