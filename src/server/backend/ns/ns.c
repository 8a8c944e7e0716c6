#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "server/backend/ns/instance.h"

/* Makes a sealed copy in memory: no path in the box leads to it, and nothing there can write to it. */
static int load_agent(const char *path, wrn_fault *fault) {
    WRN_AUTO(wrn_fd_close) int file = open(path, O_RDONLY | O_CLOEXEC);
    WRN_AUTO(wrn_fd_close) int fd = file < 0 ? -1 : memfd_create("wrenn-agent", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    char chunk[65536];
    ssize_t got = fd < 0 ? -1 : 0;
    while (fd >= 0 && (got = read(file, chunk, sizeof(chunk))) > 0)
        if (write(fd, chunk, (size_t)got) != got) break;
    if (got == 0 && fchmod(fd, 0555) == 0 &&
        fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        return wrn_fd_take(&fd);
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot load the agent %s: %s", path, strerror(errno));
}

static int make_minimal(wrn_backend *backend, wrn_fault *fault) {
    char templates[PATH_MAX];
    const char *state = backend->config.state_dir;
    snprintf(templates, sizeof(templates), "%.3800s/templates", state);
    template_skeleton(state, backend->skeleton);
    if (mkdir(templates, 0755) == 0 || errno == EEXIST) return template_make_minimal(backend->skeleton, fault);
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make directories in %.300s: %s", state,
                         strerror(errno));
}

static char *read_cpuinfo(void) {
    wrn_buf text = WRN_BUF_INIT;
    WRN_AUTO(wrn_fd_close) int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    for (ssize_t got; fd >= 0 && (got = read(fd, wrn_buf_reserve(&text, 65536), 65536)) > 0;) text.size += (size_t)got;
    wrn_buf_putc(&text, '\0');
    return wrn_buf_steal(&text);
}

static int open_slots(wrn_backend *backend, wrn_fault *fault) {
    if (!backend->root || backend->slots_fd >= 0 || (backend->slots_fd = slots_open()) >= 0) return 0;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot open /run/wrennd/uid-ranges: %s", strerror(errno));
}

static void ns_close(wrn_backend *backend) {
    greed_unwatch(backend);
    nursery_close(&backend->nursery);
    for (int i = 0; i < SLOTS_MAX; i++)
        if (backend->userns[i]) close(backend->userns[i] - 1);
    if (backend->agent_fd >= 0) close(backend->agent_fd);
    if (backend->slots_fd >= 0) close(backend->slots_fd);
    cgroups_close(&backend->cgroups);
    free(backend->filter.filter);
    free(backend->cpuinfo);
    free(backend);
}

static int open_cgroups(wrn_backend *backend, wrn_backend_state *state, wrn_fault *fault) {
    cgroups *c = &backend->cgroups;
    bool is_first = !*state->name;
    if (is_first) cgroup_name(state->name, sizeof(state->name));
    cgroups_open(c, backend->config.cgroup_parent, state->name);
    if (c->bars_restart) backend->config.adopt_ms = 0;
    cgroups_sweep(backend->config.loop, c, state);
    if (is_first) template_sweep(backend->skeleton);
    backend->slots_fd = state->fd;
    if (open_slots(backend, fault) != 0) return -1;
    state->fd = backend->slots_fd;
    state->must_end = c->bars_restart;
    for (int i = 0; i < WRN_STATE_LOCKS; i++) state->locks[i] = i < HIERARCHIES ? c->lock_fds[i] : -1;
    return 0;
}

static int open_nursery(wrn_backend *backend, wrn_fault *fault) {
    if (nursery_open(&backend->nursery, backend->agent_fd) == 0) return 0;
    return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot start the process that makes sandboxes: %s",
                         strerror(errno));
}

static int ns_open(const wrn_backend_config *config, wrn_backend_state *state, wrn_backend **ret, wrn_fault *fault) {
    wrn_backend *backend = calloc(1, sizeof(*backend));
    backend->config = *config;
    backend->root = geteuid() == 0;
    backend->cpuinfo = read_cpuinfo();
    cpus_open(&backend->cpus);
    backend->agent_fd = backend->slots_fd = -1;
    for (int i = 0; i < HIERARCHIES; i++) backend->cgroups.lock_fds[i] = -1;
    if (probe_machine(backend->root, config->state_dir, fault) == 0 && make_minimal(backend, fault) == 0 &&
        seccomp_program(&backend->filter, fault) == 0 &&
        (backend->agent_fd = load_agent(config->agent_path, fault)) >= 0 && open_cgroups(backend, state, fault) == 0 &&
        open_nursery(backend, fault) == 0) {
        *ret = backend;
        return 0;
    }
    ns_close(backend);
    return -1;
}

static void ns_fit(const wrn_backend *backend, int64_t *vcpus, int64_t *memory_mb) {
    if (backend->cpus.count && *vcpus > backend->cpus.count) *vcpus = backend->cpus.count;
    if (*memory_mb < MEMORY_MIN_MB) *memory_mb = MEMORY_MIN_MB;
}

static int64_t ns_oom_kills(const wrn_instance *it) { return cgroup_oom_kills(&it->backend->cgroups, it->id); }

static int ns_make_helper_group(wrn_backend *backend, const char *name, int64_t memory_bytes, int *join_fd) {
    return cgroup_make_helper(&backend->cgroups, name, memory_bytes, join_fd);
}

static bool ns_remove_helper_group(wrn_backend *backend, const char *name, int64_t *oom_kills) {
    if (oom_kills) *oom_kills = cgroup_oom_kills(&backend->cgroups, name);
    return cgroup_remove(&backend->cgroups, name);
}

static void ns_helper_fds(const wrn_instance *it, int fds[WRN_HELPER_FDS]) {
    cgroup_helper_fds(&it->backend->cgroups, it->id, fds);
}

static int ns_check_network(const wrn_backend *backend, wrn_fault *fault) {
    return wrn_check_gate(&backend->config, fault);
}

const wrn_backend_ops wrn_backend_ns = {
    .name = "ns",
    .open = ns_open,
    .close = ns_close,
    .probe = ns_probe,
    .fit = ns_fit,
    .make_root = ns_make_root,
    .prepare = ns_prepare,
    .start = ns_start,
    .restore = ns_restore,
    .connect = ns_connect,
    .started = ns_started,
    .kill = ns_kill,
    .release = ns_release,
    .freeze = ns_freeze,
    .thaw = ns_thaw,
    .stats = ns_stats,
    .oom_kills = ns_oom_kills,
    .save = ns_save,
    .make_helper_group = ns_make_helper_group,
    .remove_helper_group = ns_remove_helper_group,
    .helper_fds = ns_helper_fds,
    .check_network = ns_check_network,
    .dial = ns_dial,
    .sweep = cgroups_sweep_dead,
    .doctor = ns_doctor,
};
