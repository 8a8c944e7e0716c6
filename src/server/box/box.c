#include "server/box/box.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "base/tree.h"

/* ---- end of a box ---- */

static void free_box(wrn_box *box) {
    wrn_backend *backend = box->backend;
    wrn_box **at = &backend->all;
    while (*at != box) at = &(*at)->next;
    *at = box->next;
    box_count(box, false);
    if (!box->left) box_drop(box);
    if (box->slot >= 0 && !box->left) {
        backend->slot_used[box->slot] = false;
        if (backend->root) slot_release(backend->slots_fd, box->slot);
    }
    if (box->handover_fd >= 0) close(box->handover_fd);
    if (box->pidfd >= 0) close(box->pidfd);
    if (box->error_fd >= 0) close(box->error_fd);
    if (box->held) snapshot_release(&backend->snapshots, box->held);
    source_close(&box->source);
    free(box);
}

static void handle_closed(uv_handle_t *handle) {
    wrn_box *box = handle->data;
    if (--box->handles) return;
    wrn_done_fn done = box->done;
    void *context = box->done_context;
    wrn_fault fault;
    bool failed = box->removal_problem[0];
    if (failed)
        wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "sandbox %s is gone, but %s", box->id, box->removal_problem);
    free_box(box);
    done(context, failed ? &fault : NULL);
}

void box_close(wrn_box *box) {
    box->handles = 2;
    uv_close((uv_handle_t *)&box->timer, handle_closed);
    uv_close((uv_handle_t *)&box->exit_poll, handle_closed);
}

static wrn_box *box_of(wrn_job *removal) { return (wrn_box *)((char *)removal - offsetof(wrn_box, removal)); }

static void remove_files(wrn_job *removal) {
    wrn_box *box = box_of(removal);
    if (!wrn_tree_remove(box->dir))
        snprintf(box->removal_problem, sizeof(box->removal_problem), "its directory %.100s can't be removed", box->dir);
}

static void files_removed(wrn_job *removal) { box_close(box_of(removal)); }

static void remove_cgroups(uv_timer_t *timer) {
    wrn_box *box = timer->data;
    /* The kernel takes some milliseconds to let go of a group whose last member died. */
    if (!cgroup_remove(&box->backend->cgroups, box->id) && box->tries++ < RETRIES) {
        uv_timer_start(timer, remove_cgroups, RETRY_MS, 0);
        return;
    }
    box->removal.run = remove_files;
    box->removal.done = files_removed;
    wrn_lane_put(box->backend->config.loop, WRN_LANE_REMOVE, &box->removal);
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
    box_forget_walk(box);
    box->phase = DESTROYING;
    box->done = done;
    box->done_context = context;
    uv_timer_stop(&box->timer);
    service_stop(box->service);
    dials_end(&box->dials);
    wrn_agent_close(box->agent);
    service_free(box->service);
    box->agent = NULL;
    box->service = NULL;
    kill_box(box);
    if (box->reaped) clean_up(box);
}

void ns_destroy(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_done_fn waiting = box->done;
    void *waiting_context = box->done_context;
    if (box->phase == LIVE && waiting) { /* a freeze that is under way */
        wrn_fault fault;
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox was destroyed");
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

void box_fail(wrn_box *box, const wrn_fault *fault) {
    failure *f = malloc(sizeof(*f));
    if (!f) abort();
    *f = (failure){box->created, box->context, *fault};
    begin_destroy(box, failure_done, f);
}

void box_refuse(const wrn_backend *backend, wrn_box_fn created, void *context, const wrn_fault *fault) {
    failure *f = malloc(sizeof(*f));
    if (!f) abort();
    *f = (failure){created, context, *fault};
    wrn_answer_later(backend->config.loop, failure_done, f, NULL);
}

/* Before it has started anything, and while it waits: a task that runs would have to move at once. No limit, it may fail. */
static void pin(wrn_box *box) {
    if (cpus_choose(&box->backend->cpus, box->vcpus, &box->cpus))
        sched_setaffinity(box->pid, sizeof(box->cpus), &box->cpus);
    box_count(box, true);
}

static void go_live(wrn_box *box) {
    uv_timer_stop(&box->timer);
    box->phase = LIVE;
    if (box->error_fd >= 0) close(box->error_fd);
    box->error_fd = -1;
}

static void on_paused(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (fault) box_fail(box, fault);
    else box->created(box->context, box, NULL);
}

void box_agent_ready(void *context) {
    wrn_box *box = context;
    if (box->vcpus && !box->greeted) pin(box);
    box->greeted = true;
    if (box->service) service_begin(box->service);
    if (box->phase == LIVE) { /* it was frozen when it was adopted */
        uv_timer_stop(&box->timer);
        if (box->done) box_freeze_done(box, NULL);
        return;
    }
    go_live(box);
    if (!box->to_pause) return box->created(box->context, box, NULL);
    ns_freeze(box, on_paused, box);
}

/* Why an agent that never spoke is gone. */
static void explain(const wrn_box *box, const char *why, wrn_fault *fault) {
    spawn_error step;
    if (box->error_fd >= 0 && read(box->error_fd, &step, sizeof(step)) == (ssize_t)sizeof(step))
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot build the sandbox: %.50s: %s; run wrennd doctor",
                      step.step, strerror(step.error));
    else wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox's agent did not start: %s", why);
}

int64_t box_oom_kills(void *context) {
    const wrn_box *box = context;
    return cgroup_oom_kills(&box->backend->cgroups, box->id);
}

void box_agent_lost(void *context, const char *why) {
    wrn_box *box = context;
    wrn_fault fault;
    if (box->phase == CREATING) {
        explain(box, why, &fault);
        return box_fail(box, &fault);
    }
    box->phase = DIED;
    kill_box(box);
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox ended: its agent is gone (%s)", why);
    wrn_done_fn waiting = box->done;
    box->done = NULL;
    uv_timer_stop(&box->timer);
    if (waiting) waiting(box->done_context, &fault);
    if (box->died) box->died(box->context, &fault);
}

void box_limit(uv_timer_t *timer) {
    char why[64];
    snprintf(why, sizeof(why), "it did not answer within %d s", CREATE_LIMIT_MS / 1000);
    box_agent_lost(timer->data, why);
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

static int write_etc(const wrn_box *box, const char *hostname) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/u/etc", box->dir);
    int etc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), root = -1;
    if (*box->source.tree) root = open(box->source.tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int rc = etc < 0 ? -1 : etc_write(etc, root, root >= 0 && !box->source.on_host, hostname), saved = errno;
    if (etc >= 0) close(etc);
    if (root >= 0) close(root);
    errno = saved;
    return rc;
}

static int make_files(wrn_box *box, const wrn_box_spec *spec) {
    static const char *const dirs[] = {"", "/u", "/w", "/uu", "/uw", "/stage", "/u/etc", "/u/run", "/u/run/wrenn"};
    char path[PATH_MAX + 64];
    for (size_t i = 0; i < WRN_COUNT(dirs); i++) {
        snprintf(path, sizeof(path), "%s%s", box->dir, dirs[i]);
        if (mkdir(path, i ? 0755 : 0700) != 0) return -1;
    }
    const char *const files[][2] = {{"/u/run/wrenn/sandbox_id", spec->id},
                                    {"/u/run/wrenn/template_id", spec->template_name},
                                    {"/u/run/wrenn/sandbox", "true"}};
    for (size_t i = 0; i < WRN_COUNT(files); i++) {
        snprintf(path, sizeof(path), "%s%s", box->dir, files[i][0]);
        FILE *file = fopen(path, "we");
        if (!file) return -1;
        bool ok = fprintf(file, "%s\n", files[i][1]) > 0;
        if (fclose(file) != 0 || !ok) return -1;
    }
    return write_etc(box, spec->id) == 0 && adopt(box, "/etc", "/u/etc") == 0 && adopt(box, "/run", "/u/run") == 0 &&
                   adopt(box, "", "/u") == 0 && adopt(box, "/usr", "/uu") == 0
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
                wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make a user namespace: %s; run wrennd doctor",
                              strerror(errno));
                return -1;
            }
            backend->userns[slot] = fd + 1;
        }
        backend->slot_used[slot] = true;
        return slot;
    }
    wrn_fault_set(fault, WRN_FAULT_NO_HOSTS_AVAILABLE, "this machine has all the %d sandboxes it can number",
                  BOXES_MAX);
    return -1;
}

static pid_t spawn_box(wrn_box *box, const wrn_box_spec *spec, const int channel[2], int handover, int errors,
                       wrn_fault *fault) {
    wrn_backend *backend = box->backend;
    char id_env[ID_MAX + 32], template_env[160];
    snprintf(id_env, sizeof(id_env), "WRENN_SANDBOX_ID=%s", spec->id);
    snprintf(template_env, sizeof(template_env), "WRENN_TEMPLATE_ID=%.128s", spec->template_name);
    char *env[] = {(char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                   (char[]){"HOME=/root"},
                   (char[]){"USER=root"},
                   (char[]){"LOGNAME=root"},
                   (char[]){"LANG=C.UTF-8"},
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
        .channel_fds = {channel[0], channel[1]},
        .handover_fd = handover,
        .error_fd = errors,
        .clone_fd = cgroup_clone_fd(&backend->cgroups, spec->id),
        .hostname = spec->id,
        .env = env,
        .filter = backend->filter,
        .vcpus = spec->vcpus,
        .memory_mb = spec->memory_mb,
        .pids_max = pids_max(spec),
        .cpuinfo = backend->cpuinfo,
        .cpuinfo_size = given_cpuinfo(backend->cpuinfo, spec->vcpus),
    };
    cgroup_join_fds(&backend->cgroups, spec->id, s.join_fds);
    cgroup_view(&backend->cgroups, spec->id, s.shown);
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
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the sandbox's namespaces: %s; run wrennd doctor",
                      strerror(errno));
    if (s.clone_fd >= 0) close(s.clone_fd);
    for (int i = 0; i < HIERARCHIES && s.join_fds[i] >= 0; i++) close(s.join_fds[i]);
    return pid;
}

static void close_pair(const int pair[2]) {
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0) close(pair[i]);
}

/* The process with its channel; or a fault with its code set. */
static void start_box(wrn_box *box, const wrn_box_spec *spec, int channel[2], wrn_fault *fault) {
    int theirs[2] = {-1, -1}, errors[2] = {-1, -1}, handover[2] = {-1, -1};
    bool outlives = box->backend->config.adopt_ms > 0;
    /* Nothing comes out of the socket for new channels, and descriptors least of all: closing them could hold us up. */
    if (!wrn_agent_pipes(channel, theirs) || pipe2(errors, O_CLOEXEC | O_NONBLOCK) != 0 ||
        (outlives && (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, handover) != 0 ||
                      shutdown(handover[0], SHUT_RD) != 0))) {
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "no descriptors left: %s; raise the limit of open files",
                      strerror(errno));
    } else if ((box->pid = spawn_box(box, spec, theirs, handover[1], errors[1], fault)) >= 0) {
        box->error_fd = errors[0];
        box->handover_fd = handover[0];
        errors[0] = handover[0] = -1;
        box_hold(box);
    }
    if (fault->code) close_pair(channel);
    close_pair(theirs), close_pair(errors), close_pair(handover);
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

/* Before it has a process. */
static void give_up(wrn_box *box, const wrn_fault *fault) {
    box_refuse(box->backend, box->created, box->context, fault);
    cgroup_remove(&box->backend->cgroups, box->id);
    wrn_tree_remove(box->dir);
    free_box(box);
}

wrn_box *box_new(wrn_backend *backend, const char *id, wrn_done_fn died, wrn_box_fn created, void *context) {
    wrn_box *box = calloc(1, sizeof(*box));
    if (!box) abort();
    *box = (wrn_box){.backend = backend,
                     .next = backend->all,
                     .slot = -1,
                     .pidfd = -1,
                     .error_fd = -1,
                     .handover_fd = -1,
                     .disk_bytes = -1,
                     .died = died,
                     .created = created,
                     .context = context};
    backend->all = box;
    snprintf(box->id, sizeof(box->id), "%s", id);
    snprintf(box->dir, sizeof(box->dir), "%.4000s/%s", backend->boxes, box->id);
    return box;
}

void box_watch(wrn_box *box) {
    uv_loop_t *loop = box->backend->config.loop;
    uv_timer_init(loop, &box->timer);
    uv_poll_init(loop, &box->exit_poll, box->pidfd);
    box->dials = (dials){.loop = loop, .pidfd = box->pidfd, .root = box->backend->root};
    box->timer.data = box->exit_poll.data = box;
    uv_poll_start(&box->exit_poll, UV_READABLE, on_exit_ready);
    uv_timer_start(&box->timer, box_limit, CREATE_LIMIT_MS, 0);
}

void ns_create(wrn_backend *backend, const wrn_box_spec *spec, wrn_done_fn died, wrn_box_fn done, void *context) {
    wrn_fault fault = {0};
    wrn_box *box = box_new(backend, spec->id, died, done, context);
    box->vcpus = spec->vcpus;
    int channel[2] = {-1, -1};
    if (find_source(box, spec, &fault) == 0 && (box->slot = take_slot(backend, &fault)) >= 0) {
        if (make_files(box, spec) != 0)
            wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the sandbox's files in %.200s: %s", box->dir,
                          strerror(errno));
        else if (cgroup_make(&backend->cgroups, spec, &fault) == 0) start_box(box, spec, channel, &fault);
    }
    if (fault.code) return give_up(box, &fault);
    box_watch(box);
    box->agent = wrn_agent_open(backend->config.loop, channel,
                                &(wrn_agent_events){box_agent_ready, box_agent_lost, box, NULL, box_oom_kills});
    if (box->agent) {
        box->service = service_new(box->agent, &box->dials, &box->source);
        return;
    }
    wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "out of memory");
    box_fail(box, &fault);
}
