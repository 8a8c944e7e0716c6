#include "server/backend/ns/instance.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "gate/route.h"

/* ---- its end ---- */

static void free_slot(const wrn_instance *it) {
    it->backend->slot_used[it->slot] = false;
    if (it->backend->root) slot_release(it->backend->slots_fd, it->slot);
}

static void instance_free(wrn_instance *it) {
    WRN_UNLINK(it->backend->all, it, next);
    instance_stop_measuring(it);
    instance_count(it, false);
    team_leave(it->backend, it->team);
    wrn_fd_close(&it->error_fd);
    uv_close((uv_handle_t *)&it->timer, wrn_handle_free_data);
}

static void instance_on_removed(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    wrn_done_fn done = it->done;
    context = it->done_context;
    free_slot(it);
    instance_free(it);
    done(context, fault);
}

/* Drops the callbacks of freezing and thawing, and fails the connections that are being made. */
static void detach(wrn_instance *it) {
    it->ended = true;
    it->done = NULL;
    uv_timer_stop(&it->timer);
    instance_stop_measuring(it);
    dials_end(&it->dials);
}

void ns_release(wrn_instance *it, wrn_done_fn done, void *context) {
    detach(it);
    if (!done) return instance_free(it);
    it->done = done;
    it->done_context = context;
    cgroup_remove_box(it->backend->config.loop, &it->backend->cgroups, it->id, it->dir, instance_on_removed, it);
}

static const char *remedy_for(int error) {
    return error == EMFILE || error == ENFILE
               ? "raise the limit of open files: LimitNOFILE= in wrennd's unit, or ulimit -Hn before it starts"
               : "run wrennd doctor";
}

__attribute__((format(printf, 2, 3))) static void set_errno_fault(wrn_fault *fault, const char *format, ...) {
    int error = errno;
    char what[300];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof(what), format, args);
    va_end(args);
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot %s: %s; %s", what, strerror(error), remedy_for(error));
}

void ns_kill(wrn_instance *it, wrn_fault *fault) {
    spawn_error step;
    if (fault && it->error_fd >= 0 && read(it->error_fd, &step, sizeof(step)) == (ssize_t)sizeof(step)) {
        errno = step.error;
        set_errno_fault(fault, "build the sandbox: %.50s", step.step);
        if (strncmp(step.step, NETWORK_STEP, strlen(NETWORK_STEP)) == 0) fault->code = WRN_FAULT_CONFLICT;
    }
    detach(it);
    if (it->frozen && cgroups_can_freeze(&it->backend->cgroups)) cgroup_freeze(&it->backend->cgroups, it->id, false);
    syscall(SYS_pidfd_send_signal, it->pidfd, SIGKILL, NULL, 0); /* the kernel kills the whole PID namespace with it */
}

/* ---- its root ---- */

/* We put files into directories of the box's layer, which must still look as in the template. */
static bool copy_attributes(const char *tree, const char *of_template, const char *dir, const char *of_box) {
    char from[PATH_MAX + 16], to[PATH_MAX + 16];
    struct stat info;
    snprintf(from, sizeof(from), "%s%s", tree, of_template);
    snprintf(to, sizeof(to), "%s%s", dir, of_box);
    if (!*tree || lstat(from, &info) != 0 || !S_ISDIR(info.st_mode) || access(to, F_OK) != 0) return true;
    const struct timespec times[2] = {info.st_atim, info.st_mtim};
    if (geteuid() == 0 && chown(to, info.st_uid, info.st_gid) != 0) return false;
    return chmod(to, info.st_mode & 07777) == 0 && utimensat(AT_FDCWD, to, times, 0) == 0;
}

/* The /usr of `minimal` is the host's, but for a layer's. */
static void copy_usr_times(const char *dir) {
    char to[PATH_MAX + 16];
    struct stat host;
    snprintf(to, sizeof(to), "%s/uu", dir);
    if (stat("/usr", &host) == 0) utimensat(AT_FDCWD, to, (struct timespec[]){host.st_atim, host.st_mtim}, 0);
}

static bool write_etc(const wrn_box_spec *spec, const wrn_root *from, const char *dir) {
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/u/etc", dir);
    WRN_AUTO(wrn_fd_close) int etc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    WRN_AUTO(wrn_fd_close) int root = *from->tree ? open(from->tree, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool is_whole = root >= 0 && !from->on_host, may_have_others = spec->snapshot_id;
    return etc >= 0 && etc_write(etc, root, is_whole, spec->network, spec->id) == 0 &&
           ((!spec->authority && !may_have_others) || etc_write_trusted(etc, root, is_whole, spec->authority) == 0);
}

static bool make_files(const wrn_box_spec *spec, const wrn_root *root, const char *dir) {
    static const char *const dirs[] = {"", "/u", "/w", "/uu", "/uw", "/stage", "/u/etc", "/u/run", "/u/run/wrenn"};
    const char *const files[][2] = {{"/u/run/wrenn/sandbox_id", spec->id},
                                    {"/u/run/wrenn/template_id", spec->template_name},
                                    {"/u/run/wrenn/sandbox", "true"}};
    static const char *const shared[][2] = {
        {"/etc", "/u/etc"}, {"/run", "/u/run"},         {"", "/u"},
        {"/usr", "/uu"},    {"/etc/ssl", "/u/etc/ssl"}, {"/etc/ssl/certs", "/u/etc/ssl/certs"}};
    char path[PATH_MAX + 64];
    for (size_t i = 0; i < WRN_COUNT(dirs); i++) {
        snprintf(path, sizeof(path), "%s%s", dir, dirs[i]);
        if (mkdir(path, i ? 0755 : 0700) != 0) return false;
    }
    for (size_t i = 0; i < WRN_COUNT(files); i++) {
        char line[160];
        int size = snprintf(line, sizeof(line), "%.128s\n", files[i][1]);
        snprintf(path, sizeof(path), "%s%s", dir, files[i][0]);
        if (!wrn_file_write(AT_FDCWD, path, O_CREAT, line, (size_t)size)) return false;
    }
    bool ok = write_etc(spec, root, dir);
    if (root->on_host) copy_usr_times(dir);
    for (size_t i = 0; ok && i < WRN_COUNT(shared); i++)
        ok = copy_attributes(root->tree, shared[i][0], dir, shared[i][1]);
    return ok;
}

bool ns_make_root(const wrn_box_spec *spec, const wrn_root *root, const char *dir, wrn_fault *fault) {
    if (make_files(spec, root, dir)) return true;
    return set_errno_fault(fault, "make the sandbox's files in %.200s", dir), false;
}

static int take_slot(wrn_backend *backend, wrn_fault *fault) {
    for (int slot = 0; slot < SLOTS_MAX; slot++) {
        if (backend->slot_used[slot] || (backend->root && !slot_take(backend->slots_fd, slot))) continue;
        backend->slot_used[slot] = true;
        return slot;
    }
    return wrn_fault_set(fault, WRN_FAULT_NO_HOSTS_AVAILABLE, "this machine runs %d sandboxes, which is the limit",
                         SLOTS_MAX);
}

static wrn_instance *new_instance(wrn_backend *backend, const char *id, const char *dir) {
    wrn_instance *it = calloc(1, sizeof(*it));
    *it = (wrn_instance){
        .backend = backend, .next = backend->all, .slot = -1, .error_fd = -1, .pidfd = -1, .disk_bytes = -1};
    snprintf(it->id, sizeof(it->id), "%s", id);
    snprintf(it->dir, sizeof(it->dir), "%.4000s", dir);
    backend->all = it;
    uv_timer_init(backend->config.loop, &it->timer);
    it->timer.data = it;
    return it;
}

static void set_root(wrn_instance *it, const wrn_root *root) {
    it->on_host = root->on_host;
    snprintf(it->tree, sizeof(it->tree), "%s", root->tree);
}

wrn_instance *ns_prepare(wrn_backend *backend, const wrn_box_spec *spec, const char *dir, wrn_fault *fault) {
    if (spec->disk_mb)
        return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "sandboxes in namespaces can't have a disk size"), NULL;
    int slot = take_slot(backend, fault);
    if (slot < 0) return NULL;
    wrn_instance *it = new_instance(backend, spec->id, dir);
    it->slot = slot;
    it->vcpus = spec->vcpus;
    it->team = team_join(backend, spec->owner);
    if (cgroup_make(&backend->cgroups, spec, fault) == 0) return it;
    free_slot(it);
    instance_free(it);
    return NULL;
}

/* ---- its start ---- */

typedef struct starting {
    wrn_job job; /* first: a job is cast to its start */
    wrn_instance *it;
    spawn order;
    /* {ours, the child's}, but of the channel */
    int ours[2], theirs[2], errors[2], handover[2], link[2];
    wrn_start_fn done;
    void *context;
    wrn_fault fault;
    bool failed;
} starting;

/* A team that is alone on this machine uses the host's programs, and so do the sandboxes of an ordinary user, which could change
 * copies, but not files of the host's root. */
static void choose_programs(wrn_instance *it, spawn *s) {
    const wrn_instance *other = it->backend->all;
    it->has_programs = s->has_programs = it->backend->root && it->on_host && teams_are_many(it->backend);
    while (other && (other == it || other->team != it->team || !other->has_programs || other->ended))
        other = other->next;
    if (other) snprintf(s->programs_of, sizeof(s->programs_of), "%.4000s/" PROGRAMS, other->dir);
}

static void write_order(starting *s, const wrn_box_spec *spec) {
    const wrn_instance *it = s->it;
    const wrn_backend *backend = it->backend;
    spawn *o = &s->order;
    *o = (spawn){
        .root = backend->root,
        .uid = geteuid(),
        .gid = getegid(),
        .base = FIRST_UID + (uid_t)it->slot * UID_RANGE,
        .agent_fd = backend->agent_fd,
        .channel_fds = {s->theirs[0], s->theirs[1]},
        .handover_fd = s->handover[1],
        .error_fd = s->errors[1],
        .link_fd = s->link[1],
        .ipv6 = spec->network && wrn_host_has_ipv6(),
        .trusts = spec->authority,
        .clone_fd = cgroup_clone_fd(&backend->cgroups, spec->id),
        .filter = backend->filter,
        .vcpus = spec->vcpus,
        .memory_mb = spec->memory_mb,
        .pids_max = pids_max(spec),
        .cpuinfo = backend->cpuinfo,
        .cpuinfo_size = system_files_cpuinfo(backend->cpuinfo, spec->vcpus),
        .on_host = it->on_host,
        .skeleton = backend->skeleton,
    };
    choose_programs(s->it, o);
    cgroup_join_fds(&backend->cgroups, spec->id, o->join_fds);
    cgroup_view(&backend->cgroups, spec->id, o->shown);
    snprintf(o->hostname, sizeof(o->hostname), "%s", spec->id);
    snprintf(o->template_name, sizeof(o->template_name), "%s", spec->template_name);
    snprintf(o->box, sizeof(o->box), "%s", it->dir);
    snprintf(o->tree, sizeof(o->tree), "%s", it->tree);
    snprintf(o->stage, sizeof(o->stage), "%.4000s/stage", it->dir);
    snprintf(o->shm_options, sizeof(o->shm_options), "mode=1777,size=%lldm", (long long)(spec->memory_mb + 1) / 2);
}

/* On the lane's only worker: nobody else asks the nursery, or looks at the namespaces. */
static void spawn_agent(wrn_job *job) {
    starting *s = (starting *)job;
    wrn_instance *it = s->it;
    wrn_backend *backend = it->backend;
    int *userns = &backend->userns[it->slot];
    if (backend->root && !*userns) *userns = nursery_userns(&backend->nursery, s->order.base) + 1;
    s->order.userns_fd = *userns - 1;
    s->failed = backend->root && !*userns;
    if (s->failed) return set_errno_fault(&s->fault, "make a user namespace");
    it->pid = nursery_spawn(&backend->nursery, &s->order, &it->pidfd);
    s->failed = it->pid < 0;
    if (s->failed) set_errno_fault(&s->fault, "make the sandbox's namespaces");
}

static void end_start(starting *s) {
    wrn_fd_close(&s->order.clone_fd);
    for (int i = 0; i < HIERARCHIES && s->order.join_fds[i] >= 0; i++) close(s->order.join_fds[i]);
    wrn_fds_close(s->ours, 2), wrn_fds_close(s->theirs, 2), wrn_fds_close(s->errors, 2);
    wrn_fds_close(s->handover, 2), wrn_fds_close(s->link, 2);
    free(s);
}

static void on_agent_spawned(wrn_job *job) {
    starting *s = (starting *)job;
    wrn_instance *it = s->it;
    if (s->failed) {
        s->done(s->context, NULL, NULL, &s->fault);
    } else {
        it->dials = (dials){.loop = it->backend->config.loop, .pidfd = it->pidfd, .root = it->backend->root};
        it->error_fd = wrn_fd_take(&s->errors[0]);
        const wrn_running run = {it->pid, it->pidfd, wrn_fd_take(&s->handover[0]), it->slot, wrn_fd_take(&s->link[0])};
        const int channel[2] = {wrn_fd_take(&s->ours[0]), wrn_fd_take(&s->ours[1])};
        s->done(s->context, &run, channel, NULL);
    }
    end_start(s);
}

/* We never receive from the handover socket: descriptors from the box could block us when we close them. */
static bool make_channels(starting *s, const wrn_box_spec *spec) {
    bool outlives = s->it->backend->config.adopt_ms > 0;
    return channel_pipes(s->ours, s->theirs) && pipe2(s->errors, O_CLOEXEC | O_NONBLOCK) == 0 &&
           (!outlives || (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->handover) == 0 &&
                          shutdown(s->handover[0], SHUT_RD) == 0)) &&
           (!spec->network || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s->link) == 0);
}

void ns_start(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_start_fn done, void *context) {
    starting *s = calloc(1, sizeof(*s));
    s->it = it;
    s->done = done;
    s->context = context;
    for (int i = 0; i < 2; i++) s->ours[i] = s->theirs[i] = s->errors[i] = s->handover[i] = s->link[i] = -1;
    s->order.clone_fd = s->order.join_fds[0] = -1;
    set_root(it, root);
    if (make_channels(s, spec)) {
        write_order(s, spec);
        return wrn_lane_put(it->backend->config.loop, WRN_LANE_START, &s->job, spawn_agent, on_agent_spawned);
    }
    set_errno_fault(&s->fault, "make the agent's channel");
    s->failed = true;
    on_agent_spawned(&s->job);
}

void ns_started(wrn_instance *it) {
    /* The agent waits now and has started nothing. A thread that runs would have to migrate at once. */
    if (it->vcpus) instance_place(it);
    greed_watch(it->backend);
    wrn_fd_close(&it->error_fd);
}

/* ---- taking one over ---- */

wrn_instance *ns_restore(wrn_backend *backend, const char *id, const char *dir, const wrn_running *run) {
    wrn_instance *it = new_instance(backend, id, dir);
    it->slot = run->number;
    it->pid = run->pid;
    it->pidfd = run->pidfd;
    it->handover_fd = run->handover_fd;
    it->dials = (dials){.loop = backend->config.loop, .pidfd = it->pidfd, .root = backend->root};
    backend->slot_used[it->slot] = true;
    if (sched_getaffinity(it->pid, sizeof(it->cpus), &it->cpus) != 0) CPU_ZERO(&it->cpus);
    return it;
}

int ns_connect(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, int channel[2], wrn_fault *fault) {
    int theirs[2] = {-1, -1};
    set_root(it, root);
    it->team = team_join(it->backend, spec->owner);
    greed_watch(it->backend);
    bool sent = channel_pipes(channel, theirs);
    if (sent && !wrn_fds_send(it->handover_fd, "", 1, theirs, 2, MSG_DONTWAIT)) {
        wrn_fds_close(channel, 2);
        sent = false;
    }
    wrn_fds_close(theirs, 2);
    if (sent) return 0;
    return wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "cannot reach the sandbox's agent: %s", strerror(errno));
}
