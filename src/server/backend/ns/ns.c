#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/lock.h"
#include "server/box/box.h"

/* ---- commands ---- */

static void ns_ping(wrn_box *box, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (box->phase == LIVE) {
        wrn_agent_ping(box->agent, done, context);
        return;
    }
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended");
    wrn_answer_later(box->backend->config.loop, done, context, &fault);
}

static wrn_proc *ns_exec(wrn_box *box, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault) {
    wrn_proc_spec own = *spec;
    own.default_user = box->source.default_user;
    if (box->phase == LIVE) return wrn_agent_exec(box->agent, &own, events, fault);
    wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended");
    return NULL;
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
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot load the agent %s: %s", path, strerror(saved));
    return -1;
}

static int make_dirs(wrn_backend *backend, wrn_fault *fault) {
    char templates[PATH_MAX];
    snapshots *kept = &backend->snapshots;
    const char *state = backend->config.state_dir;
    if (strlen(state) > PATH_MAX - 256) {
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "the path of the state directory is too long");
        return -1;
    }
    snprintf(backend->boxes, sizeof(backend->boxes), "%.3800s/boxes", state);
    snprintf(templates, sizeof(templates), "%.3800s/templates", state);
    template_skeleton(state, backend->skeleton);
    kept->loop = backend->config.loop;
    snprintf(kept->dir, sizeof(kept->dir), "%.3800s/snapshots", state);
    /* Traversed with the ids of sandboxes; the state directory itself keeps others out. */
    if ((mkdir(backend->boxes, 0711) != 0 && errno != EEXIST) || (mkdir(templates, 0755) != 0 && errno != EEXIST) ||
        (mkdir(kept->dir, 0711) != 0 && errno != EEXIST)) {
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make directories in %.300s: %s", state, strerror(errno));
        return -1;
    }
    return template_make_minimal(backend->skeleton, fault);
}

/* NULL when there is none, or no memory: then each sandbox sees the host's. */
static char *read_cpuinfo(void) {
    wrn_buf text = WRN_BUF_INIT;
    int fd = open("/proc/cpuinfo", O_RDONLY | O_CLOEXEC);
    ssize_t got = 0;
    for (char *to; fd >= 0 && (to = wrn_buf_reserve(&text, 65536)) && (got = read(fd, to, 65536)) > 0;)
        text.size += (size_t)got;
    if (fd >= 0) close(fd);
    wrn_buf_putc(&text, '\0');
    return wrn_buf_steal(&text);
}

/* Held as long as the backend is open: what lies in an unlocked directory is a leftover. */
static int take_lock(wrn_backend *backend, wrn_fault *fault) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/lock", backend->config.state_dir);
    backend->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (backend->lock_fd >= 0 && wrn_lock_take(backend->lock_fd)) return 0;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot lock %.300s: %s; is another wrennd using it?", path,
                  strerror(errno));
    return -1;
}

static int open_slots(wrn_backend *backend, wrn_fault *fault) {
    if (!backend->root || backend->slots_fd >= 0 || (backend->slots_fd = slots_open()) >= 0) return 0;
    wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot open /run/wrennd/uid-ranges: %s%s", strerror(errno),
                  errno == EROFS ? "; put RuntimeDirectory=wrennd into the unit" : "");
    return -1;
}

static void ns_close(wrn_backend *backend) {
    boxes_stop_holder(backend);
    for (int i = 0; i < BOXES_MAX; i++)
        if (backend->userns[i]) close(backend->userns[i] - 1);
    if (backend->agent_fd >= 0) close(backend->agent_fd);
    if (backend->lock_fd >= 0) close(backend->lock_fd);
    if (backend->slots_fd >= 0) close(backend->slots_fd);
    cgroups_close(&backend->cgroups);
    free(backend->filter.filter);
    free(backend->cpuinfo);
    rmdir(backend->boxes);
    free(backend);
}

static bool is_orphan(const void *context, const char *id) {
    const wrn_backend *backend = context;
    for (size_t i = 0; i < backend->orphan_count; i++)
        if (strcmp(backend->orphans[i].id, id) == 0) return true;
    return false;
}

/* What an earlier daemon has left to be taken over, and what it has left lying about. */
static int inherit(wrn_backend *backend, wrn_fault *fault) {
    inheritance found = {.slots_fd = -1};
    const wrn_backend_config *config = &backend->config;
    bool has_holder = !config->ephemeral && holder_find(&backend->holder, config->state_dir, &found);
    backend->slots_fd = found.slots_fd;
    backend->orphans = found.boxes;
    backend->orphan_count = found.count;
    for (size_t i = 0; i < found.count; i++) backend->slot_used[found.boxes[i].slot] = true;
    if (!has_holder) cgroup_name(found.cgroup_name, sizeof(found.cgroup_name));
    cgroups_open(&backend->cgroups, config->cgroup_parent, found.cgroup_name);
    if (backend->cgroups.bars_restart) backend->config.adopt_ms = 0;
    cgroups_sweep(config->loop, &backend->cgroups, is_orphan, backend);
    sweep(config->loop, backend->boxes, config->cgroup_parent, is_orphan, backend);
    if (!found.count) template_sweep(backend->skeleton);
    if (open_slots(backend, fault) != 0) return -1;
    if (has_holder) boxes_watch_holder(backend);
    else if (config->adopt_ms > 0 && boxes_start_holder(backend) != 0) {
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR,
                      "cannot start the process that keeps sandboxes over restarts: %s", strerror(errno));
        return -1;
    }
    return 0;
}

static int ns_open(const wrn_backend_config *config, wrn_backend **ret, wrn_fault *fault) {
    wrn_backend *backend = calloc(1, sizeof(*backend));
    if (!backend) {
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "out of memory");
        return -1;
    }
    backend->config = *config;
    backend->root = geteuid() == 0;
    backend->cpuinfo = read_cpuinfo();
    cpus_open(&backend->cpus);
    backend->agent_fd = backend->lock_fd = backend->slots_fd = backend->holder.fd = backend->holder.pidfd = -1;
    for (int i = 0; i < HIERARCHIES; i++) backend->cgroups.lock_fds[i] = -1;
    if (take_lock(backend, fault) == 0 && probe_machine(backend->root, config->state_dir, fault) == 0 &&
        make_dirs(backend, fault) == 0 && seccomp_program(&backend->filter, fault) == 0 &&
        (backend->agent_fd = load_agent(config->agent_path, fault)) >= 0 && inherit(backend, fault) == 0) {
        *ret = backend;
        return 0;
    }
    ns_close(backend);
    return -1;
}

static bool ns_can_leave(const wrn_backend *backend) { return backend->holder_poll != NULL; }

static wrn_json *ns_isolation(const wrn_backend *backend) { return probe_isolation(backend->root, &backend->cgroups); }

static void ns_fit(const wrn_backend *backend, int64_t *vcpus, int64_t *memory_mb) {
    if (backend->cpus.count && *vcpus > backend->cpus.count) *vcpus = backend->cpus.count;
    if (*memory_mb < MEMORY_MIN_MB) *memory_mb = MEMORY_MIN_MB;
}

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
    if (box->phase == LIVE) return dial_start(&box->dials, port, done, context);
    wrn_fault fault;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox has ended");
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
    wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "cannot begin the snapshot: %s", strerror(errno));
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
    .fit = ns_fit,
    .create = ns_create,
    .adopt = ns_adopt,
    .end_adoption = ns_end_adoption,
    .leave = ns_leave,
    .can_leave = ns_can_leave,
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
