/* Opens and closes the backend; its table. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/backend/vm/internal.h"

static bool open_setup(wrn_backend *backend, wrn_fault *fault) {
    char dir[PATH_MAX];
    if (setup_find(&backend->config, dir, fault) == 0) backend->setup = setup_open(dir, fault);
    return backend->setup != NULL;
}

static int open_groups(wrn_backend *backend, wrn_backend_state *state, wrn_fault *fault) {
    cgroups *c = &backend->cgroups;
    if (!*state->name) cgroup_name(state->name, sizeof(state->name));
    cgroups_open(c, backend->config.cgroup_parent, state->name);
    cgroups_sweep(backend->config.loop, c, state);
    for (int i = 0; i < WRN_STATE_LOCKS; i++) state->locks[i] = i < HIERARCHIES ? c->lock_fds[i] : -1;
    backend->slots_fd = state->fd;
    if (backend->root && backend->slots_fd < 0) backend->slots_fd = slots_open();
    if (!backend->root || backend->slots_fd >= 0) return state->fd = backend->slots_fd, 0;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot open /run/wrennd/uid-ranges: %s", strerror(errno));
}

void vm_close(wrn_backend *backend) {
    if (!warms_free(backend->warms)) return;
    wrn_fd_close(&backend->initramfs_fd);
    setup_release(backend->setup);
    wrn_fd_close(&backend->slots_fd);
    cgroups_close(&backend->cgroups);
    free(backend);
}

static int vm_open(const wrn_backend_config *config, wrn_backend_state *state, wrn_backend **ret, wrn_fault *fault) {
    wrn_backend *backend = calloc(1, sizeof(*backend));
    *backend = (wrn_backend){.config = *config, .root = geteuid() == 0, .initramfs_fd = -1, .slots_fd = -1};
    for (int i = 0; i < HIERARCHIES; i++) backend->cgroups.lock_fds[i] = -1;
    if (open_setup(backend, fault) &&
        (backend->initramfs_fd = initramfs_make(config, backend->setup->dir, fault)) >= 0 &&
        open_groups(backend, state, fault) == 0) {
        probe_program(VM_JAIL, backend->jail_path);
        backend->kvm = probe_kvm(backend->why_no_kvm, sizeof(backend->why_no_kvm));
        probe_cpu(backend->kvm, backend->cpu, sizeof(backend->cpu));
        backend->tsc_khz = probe_tsc_khz();
        backend->warms = warms_new(backend);
        *ret = backend;
        return 0;
    }
    vm_close(backend);
    return -1;
}

static void vm_fit(const wrn_backend *backend, int64_t *vcpus, int64_t *memory_mb, int64_t *disk_mb) {
    int64_t most = sysconf(_SC_NPROCESSORS_ONLN);
    (void)backend;
    if (most > VCPUS_MAX) most = VCPUS_MAX;
    if (most > 0 && *vcpus > most) *vcpus = most;
    if (*memory_mb < MEMORY_MIN_MB) *memory_mb = MEMORY_MIN_MB;
    if (!*disk_mb) *disk_mb = DISK_MB;
}

/* ---- what machines can't do yet, or need not do ---- */

/* While it boots, it may start again: boot/timer.c. */
static void vm_started(wrn_instance *it) {
    monitor_end_at_restart(it->monitor);
    adopted_end(it);
    wrn_fd_close(&it->errors);
}

static int vm_check_network(const wrn_backend *backend, wrn_fault *fault) {
    return wrn_check_gate(&backend->config, fault);
}

/* ---- what they do ---- */

static void vm_stats(wrn_instance *it, wrn_box_stats *out) {
    struct stat disk;
    cgroup_stats(&it->backend->cgroups, it->id, out);
    out->pids = -1; /* those of QEMU say nothing */
    if (fstat(it->disk_fd, &disk) == 0) out->disk_bytes = (int64_t)disk.st_blocks * 512;
}

/* Inside, the machine's own kernel kills, and the agent says so: WRN_EXIT_OOM. */
static int64_t vm_oom_kills(const wrn_instance *it) {
    (void)it;
    return 0;
}

static uint32_t vm_resume_number(const wrn_instance *it) { return it->resume_number; }

static int vm_make_helper_group(wrn_backend *backend, const char *name, int64_t memory_bytes, int *join_fd) {
    return cgroup_make_helper(&backend->cgroups, name, memory_bytes, join_fd);
}

static bool vm_remove_helper_group(wrn_backend *backend, const char *name, int64_t *oom_kills) {
    if (oom_kills) *oom_kills = cgroup_oom_kills(&backend->cgroups, name);
    return cgroup_remove(&backend->cgroups, name);
}

static void vm_helper_fds(const wrn_instance *it, int fds[WRN_HELPER_FDS]) {
    cgroup_helper_fds(&it->backend->cgroups, it->id, fds);
}

/* Groups of dead daemons look the same for all backends, and another one sweeps them. */
static void vm_sweep(const wrn_backend_config *config, wrn_json *report) { (void)config, (void)report; }

const wrn_backend_ops wrn_backend_vm = {
    .name = "vm",
    .open = vm_open,
    .close = vm_close,
    .probe = vm_probe,
    .fit = vm_fit,
    .make_root = vm_make_root,
    .prepare = vm_prepare,
    .start = vm_start_box,
    .restore = vm_restore,
    .connect = vm_connect,
    .may_hang = true,  /* after `halt` inside, for example */
    .start_ms = 90000, /* an emulated processor, on a busy machine */
    .started = vm_started,
    .kill = vm_kill,
    .release = vm_release,
    .freeze = vm_freeze,
    .thaw = vm_thaw,
    .hibernate = vm_hibernate,
    .stats = vm_stats,
    .oom_kills = vm_oom_kills,
    .stops_agent = true,
    .resume_number = vm_resume_number,
    .makes_spares = true,
    .save = vm_save,
    .keep_moment = vm_keep_moment,
    .make_helper_group = vm_make_helper_group,
    .remove_helper_group = vm_remove_helper_group,
    .helper_fds = vm_helper_fds,
    .check_network = vm_check_network,
    .sweep = vm_sweep,
    .finish_template = vm_finish_template,
    .setup = vm_setup,
    .doctor = vm_doctor,
};
