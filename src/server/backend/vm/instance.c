/* One virtual machine: its disk, its start, its end. */
#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "base/place.h"
#include "base/text.h"
#include "gate/route.h"
#include "server/backend/vm/internal.h"
#include "server/log.h"
#include "server/precedence.h"

enum { BUFFER_SIZE = 256 << 10, LINK_BUFFER = 4 << 20 };

/* ---- its end ---- */

static void close_ends(wrn_instance *it) {
    uv_timer_stop(&it->timer);
    moment_forget(it);
    monitor_close(WRN_TAKE(it->monitor));
    adopted_end(it);
    wrn_fd_close(&it->lifeline);
    wrn_fd_close(&it->errors);
}

static void close_files(wrn_job *job) {
    wrn_instance *it = WRN_OWNER(job, wrn_instance, closing);
    wrn_fd_close(&it->disk_fd); /* while the file has its name: whoever closes it without waits for the disk */
    wrn_fd_close(&it->ram_fd);
    wrn_fd_close(&it->image_fd);
    wrn_fd_close(&it->layer_fd);
}

static void free_instance(wrn_instance *it) {
    close_files(&it->closing);
    moment_release(it->from);
    setup_release(it->setup);
    uv_close((uv_handle_t *)&it->timer, wrn_handle_free_data);
}

static void free_slot(const wrn_instance *it) {
    if (it->slot < 0) return;
    it->backend->slot_used[it->slot] = false;
    slot_release(it->backend->slots_fd, it->slot);
}

static void machine_on_removed(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    wrn_done_fn done = it->done;
    context = it->done_context;
    free_slot(it);
    free_instance(it);
    done(context, fault);
}

static void on_files_closed(wrn_job *job) {
    wrn_instance *it = WRN_OWNER(job, wrn_instance, closing);
    cgroup_remove_box(it->backend->config.loop, &it->backend->cgroups, it->id, it->dir, machine_on_removed, it);
}

/* Who closes the memory last gives it back to the kernel, page by page: a worker, for that takes long. */
void vm_release(wrn_instance *it, wrn_done_fn done, void *context) {
    close_ends(it);
    if (!done) return free_instance(it);
    it->done = done;
    it->done_context = context;
    wrn_lane_put(it->backend->config.loop, WRN_LANE_REMOVE, &it->closing, close_files, on_files_closed);
}

void vm_kill(wrn_instance *it, wrn_fault *fault) {
    char said[300];
    ssize_t size = fault && it->errors >= 0 ? read(it->errors, said, sizeof(said) - 1) : 0;
    if (size > 0) {
        said[size] = '\0';
        said[strcspn(said, "\n")] = '\0';
        wrn_text_clean(said);
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot start the virtual machine: %s", said);
    }
    close_ends(it);
    syscall(SYS_pidfd_send_signal, it->pidfd, SIGKILL, NULL, 0); /* QEMU gets it from the kernel when wrenn-vm dies */
}

/* ---- its disks ---- */

static int refuse(const wrn_box_spec *spec, const wrn_root *root, wrn_fault *fault) {
    if (!spec->snapshot_id || root->moment) return 0;
    return wrn_fault_set(
        fault, WRN_FAULT_NOT_IMPLEMENTED,
        "a virtual machine can't be made from the snapshot of a sandbox in namespaces yet; ask for less "
        "isolation than \"vm\"");
}

/* What lies below its own disk, if it is not there yet. A copy has that of the machine it is made of, though the template may be another
 * one by now. */
static int open_images(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_fault *fault) {
    const moment *from = it->from;
    int image = from ? from->image : it->setup->image_fd, layer = from ? from->layer : -1, own = -1;
    bool has_disk = !from && *root->tree;
    if (has_disk && (own = template_disk_open(spec, root, fault)) < 0) return -1;
    if (has_disk && root->on_host) it->layer_fd = own;
    else if (has_disk) it->image_fd = own;
    if (it->image_fd < 0) it->image_fd = fcntl(image, F_DUPFD_CLOEXEC, 0);
    if (layer >= 0 && it->layer_fd < 0) it->layer_fd = fcntl(layer, F_DUPFD_CLOEXEC, 0);
    if (it->image_fd >= 0 && (layer < 0 || it->layer_fd >= 0)) return 0;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot open the disks of the template: %s", strerror(errno));
}

/* wrenn-vm makes the file system; that of a copy comes with its moment. */
int open_disk(const char *dir, int flags) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/disk", dir);
    return open(path, O_RDWR | O_CLOEXEC | flags, 0600);
}

static int64_t disk_mb_of(const wrn_box_spec *spec) { return spec->disk_mb ? spec->disk_mb : DISK_MB; }

bool vm_make_root(const wrn_box_spec *spec, const wrn_root *root, const char *dir, wrn_fault *fault) {
    int64_t disk_mb = root->moment ? saved_disk_mb(root) : disk_mb_of(spec);
    if (refuse(spec, root, fault) != 0) return false;
    WRN_AUTO(wrn_fd_close) int fd = mkdir(dir, 0700) == 0 ? open_disk(dir, O_CREAT | O_EXCL) : -1;
    if (fd >= 0 && ftruncate(fd, disk_mb << 20) == 0) return true;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the sandbox's disk in %.200s: %s", dir,
                  strerror(errno));
    return false;
}

/* A file that QEMU, as another user, opens again by its name in /proc. */
static bool make_memory(wrn_instance *it) {
    if (it->from && it->from->ram < 0) return true;
    it->ram_fd =
        it->from ? fcntl(it->from->ram, F_DUPFD_CLOEXEC, 0) : memfd_create("wrenn-vm", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    return it->ram_fd >= 0 &&
           (it->from || (ftruncate(it->ram_fd, it->memory_mb << 20) == 0 && fchmod(it->ram_fd, 0666) == 0));
}

/* As root, each machine has a user id of its own. */
static int take_slot(wrn_backend *backend, wrn_fault *fault) {
    for (int slot = 0; slot < SLOTS_MAX; slot++)
        if (!backend->slot_used[slot] && slot_take(backend->slots_fd, slot))
            return backend->slot_used[slot] = true, slot;
    return wrn_fault_set(fault, WRN_FAULT_NO_HOSTS_AVAILABLE, "this machine runs %d sandboxes, which is the limit",
                         SLOTS_MAX);
}

wrn_instance *instance_new(wrn_backend *backend, const char *id, const char *dir) {
    wrn_instance *it = calloc(1, sizeof(*it));
    *it = (wrn_instance){.backend = backend,
                         .slot = -1,
                         .pidfd = -1,
                         .channel_fd = -1,
                         .disk_fd = -1,
                         .ram_fd = -1,
                         .image_fd = -1,
                         .layer_fd = -1,
                         .lifeline = -1,
                         .errors = -1};
    uv_timer_init(backend->config.loop, &it->timer);
    it->timer.data = it;
    snprintf(it->id, sizeof(it->id), "%s", id);
    snprintf(it->dir, sizeof(it->dir), "%.4000s", dir);
    return it;
}

/* QEMU's own memory; and where files are in memory those that it writes, which are the disk and the machine's state. */
static int64_t overhead_mb(const wrn_instance *it) {
    bool in_memory = wrn_place_memory_bytes(it->backend->config.state_dir) > 0;
    return OVERHEAD_MB + (in_memory ? it->disk_mb + it->memory_mb : 0);
}

static wrn_instance *prepare(wrn_backend *backend, const wrn_box_spec *spec, const char *dir, bool is_warm_up,
                             wrn_fault *fault) {
    int slot = backend->root ? take_slot(backend, fault) : -1;
    if (backend->root && slot < 0) return NULL;
    wrn_instance *it = instance_new(backend, spec->id, dir);
    it->setup = setup_hold(backend->setup);
    it->vcpus = spec->vcpus;
    it->memory_mb = spec->memory_mb;
    it->disk_mb = disk_mb_of(spec);
    it->has_network = spec->network != NULL;
    it->has_ipv6 = it->has_network && wrn_host_has_ipv6();
    it->slot = slot;
    it->is_warm_up = is_warm_up;
    it->is_spare = spec->spare;
    snprintf(it->template_name, sizeof(it->template_name), "%s", spec->template_name);
    wrn_box_spec limits = *spec;
    limits.memory_mb += overhead_mb(it);
    if (spec->moment) it->from = moment_hold((moment *)spec->moment); /* which its caller may release */
    if (cgroup_make(&backend->cgroups, &limits, fault) == 0) {
        if (it->is_spare) cgroup_set_rank(&backend->cgroups, it->id, CGROUP_LAST);
        return it;
    }
    free_slot(it);
    free_instance(it);
    return NULL;
}

wrn_instance *vm_prepare(wrn_backend *backend, const wrn_box_spec *spec, const char *dir, wrn_fault *fault) {
    return prepare(backend, spec, dir, false, fault);
}

wrn_instance *vm_prepare_warm_up(wrn_backend *backend, const wrn_box_spec *spec, const char *dir, wrn_fault *fault) {
    return prepare(backend, spec, dir, true, fault);
}

/* ---- its start ---- */

/* What it goes on from, if it does, and its memory. -1 with a fault. */
static int take_memory(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_fault *fault) {
    it->is_minimal = root->on_host;
    if (open_images(it, spec, root, fault) != 0) return -1;
    if (!it->from && !it->is_warm_up) it->from = warm_hold(it->backend->warms, it, root);
    if (it->is_spare && !it->from)
        return wrn_fault_set(fault, WRN_FAULT_CONFLICT, "there is nothing yet that it could be a copy of");
    if (make_memory(it)) return 0;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the sandbox's memory: %s", strerror(errno));
}

/* Pairs of ours and theirs. */
typedef struct ends {
    int agent[2], monitor[2], lifeline[2], errors[2];
    int link[2], source[2]; /* -1: it has no network */
} ends;

bool make_agent_channel(int both[2]) {
    const int size = BUFFER_SIZE;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, both) != 0) return false;
    for (int i = 0; i < 2; i++) setsockopt(both[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    return fcntl(both[0], F_SETFL, O_NONBLOCK) == 0;
}

static bool make_ends(ends *e) {
    *e = (ends){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    if (!make_agent_channel(e->agent) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, e->monitor) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->lifeline) != 0 ||
        pipe2(e->errors, O_CLOEXEC | O_NONBLOCK) != 0)
        return false;
    return fcntl(e->monitor[0], F_SETFL, O_NONBLOCK) == 0;
}

/* The gate gets its end of the link over wrn_running.link_source. */
static bool make_link(ends *e) {
    const int size = LINK_BUFFER;
    const wrn_link_kind kind = WRN_LINK_DATAGRAMS;
    if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, e->link) != 0 ||
        socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, e->source) != 0)
        return false;
    for (int i = 0; i < 2; i++)
        if (setsockopt(e->link[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)) != 0)
            setsockopt(e->link[i], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)); /* as much as we may */
    return wrn_fds_send(e->source[1], &kind, sizeof(kind), e->link, 1, 0);
}

static void close_all(ends *e) {
    int *const all[] = {e->agent, e->monitor, e->lifeline, e->errors, e->link, e->source};
    for (size_t i = 0; i < WRN_COUNT(all); i++) wrn_fds_close(all[i], 2);
}

enum { PASSED = FD_GROUPS - FD_LIFELINE + HIERARCHIES };

/* In the child, which may only make system calls. */
_Noreturn static void become_jail(const char *path, char *const *argv, const int fds[PASSED], int errors) {
    static const char sorry[] = "wrenn-vm can't be executed; install it beside wrennd or in ../libexec/wrenn";
    int high[PASSED];
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    wrn_precedence_share();
    int null = fcntl(open("/dev/null", O_RDWR | O_CLOEXEC), F_DUPFD_CLOEXEC, 64);
    for (int i = 0; i < PASSED; i++) high[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 64);
    for (int i = 0; i < 3; i++) dup2(null, i);
    for (int i = 0; i < PASSED; i++)
        dup2(high[i] < 0 ? null : high[i], FD_LIFELINE + i); /* so that nothing else gets the number */
    syscall(SYS_close_range, (unsigned)(FD_LIFELINE + PASSED), ~0u, 0u);
    execve(path, argv, (char *[]){NULL});
    (void)!write(errors < 0 ? 2 : FD_ERRORS, sorry, sizeof(sorry) - 1);
    _exit(127);
}

/* A copy needs no initramfs. If it has an interface, but no network, its QEMU has the far end, too: a cable that leads nowhere. */
static pid_t spawn_jail(wrn_instance *it, const ends *e, int initramfs, int *pidfd) {
    const wrn_backend *backend = it->backend;
    int groups[HIERARCHIES],
        fds[PASSED] = {e->lifeline[1], e->errors[1], e->agent[1], e->monitor[1], it->image_fd,       it->disk_fd,
                       initramfs,      it->ram_fd,   e->link[1],  it->layer_fd,  it->setup->lock_fd, e->monitor[0]};
    machine m;
    machine_describe(it, &m);
    cgroup_join_fds(&backend->cgroups, it->id, groups);
    memcpy(fds + PASSED - HIERARCHIES, groups, sizeof(groups));
    WRN_AUTO(wrn_fd_close) int group = cgroup_clone_fd(&backend->cgroups, it->id);
    struct clone_args args = {.flags = CLONE_PIDFD | (group >= 0 ? CLONE_INTO_CGROUP : 0),
                              .pidfd = (uint64_t)(uintptr_t)pidfd,
                              .exit_signal = SIGCHLD,
                              .cgroup = group >= 0 ? (uint64_t)group : 0};
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0) become_jail(backend->jail_path, m.argv, fds, e->errors[1]);
    int saved = errno;
    wrn_fds_close(groups, HIERARCHIES);
    errno = saved;
    return (pid_t)pid;
}

/* The agent, when it has started or goes on, hears of it before anything else. */
static void trust(wrn_instance *it, const char *authority, int channel) {
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_INIT;
    wrn_buf_puts(&payload, authority);
    if (moment_say(channel, 0, WRN_FRAME_TRUST, &payload)) return;
    wrn_log_warning("a virtual machine can't be told whom to trust: %s", strerror(errno));
    vm_kill(it, NULL);
}

int vm_start(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_running *out, int channel[2],
             wrn_fault *fault) {
    ends e;
    int pidfd = -1, write_end = -1;
    pid_t pid = -1;
    if ((root->moment && saved_open(it, spec, root, fault) != 0) || take_memory(it, spec, root, fault) != 0) return -1;
    if (make_ends(&e) && (!it->has_network || make_link(&e)) &&
        (write_end = fcntl(e.agent[0], F_DUPFD_CLOEXEC, 0)) >= 0 && (it->disk_fd = open_disk(it->dir, 0)) >= 0)
        pid = spawn_jail(it, &e, !it->from ? it->backend->initramfs_fd : spec->network ? -1 : e.link[0], &pidfd);
    if (pid < 0) {
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot start the virtual machine: %s", strerror(errno));
        wrn_fd_close(&write_end);
        close_all(&e);
        return -1;
    }
    if (!it->is_warm_up) wrn_fd_close(&it->ram_fd); /* whoever closes it last waits until the memory is free */
    it->pidfd = pidfd;
    it->lifeline = wrn_fd_take(&e.lifeline[0]);
    it->errors = wrn_fd_take(&e.errors[0]);
    it->monitor = monitor_open(it->backend->config.loop, wrn_fd_take(&e.monitor[0]));
    channel[0] = wrn_fd_take(&e.agent[0]);
    channel[1] = write_end;
    *out = (wrn_running){.pid = pid,
                         .pidfd = pidfd,
                         .handover_fd = fcntl(it->lifeline, F_DUPFD_CLOEXEC, 0),
                         .number = it->slot,
                         .link_source = -1};
    if (spec->network) out->link_source = wrn_fd_take(&e.source[0]);
    close_all(&e);
    if (it->from) moment_wake(it, channel[1]);
    if (spec->authority) trust(it, spec->authority, channel[1]);
    return 0;
}

void vm_start_box(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, wrn_start_fn done, void *context) {
    wrn_fault fault;
    wrn_running run;
    int channel[2];
    if (vm_start(it, spec, root, &run, channel, &fault) == 0) done(context, &run, channel, NULL);
    else done(context, NULL, NULL, &fault);
}
