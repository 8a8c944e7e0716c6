/* `wrennd doctor`: what this machine has for sandboxes, and whether one runs here. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/utsname.h>

#include "base/tree.h"
#include "server/backend/ns/internal.h"

enum { FDS_PER_BOX = 12, FEW_BOXES = 1000, PATIENCE_MS = 30000 };

static void add_check(wrn_json *report, const char *check, bool ok, const char *detail, const char *fix) {
    wrn_json *item = wrn_json_new_object();
    wrn_json_set_string(item, "check", check);
    wrn_json_set_bool(item, "ok", ok);
    wrn_json_set_string(item, "detail", detail);
    if (!ok) wrn_json_set_string(item, "fix", fix);
    wrn_json_append(report, item);
}

static void add_finding(wrn_json *report, const char *check, finding f) {
    add_check(report, check, f.ok, f.detail, f.fix);
}

/* ---- single things ---- */

static void check_kernel(wrn_json *report, bool root) {
    struct utsname host;
    char detail[300];
    uname(&host);
    int major = 0, minor = 0;
    sscanf(host.release, "%d.%d", &major, &minor);
    bool ok = major > 5 || (major == 5 && minor >= (root ? 19 : 11));
    snprintf(detail, sizeof(detail), "Linux %.60s, running as %s", host.release, root ? "root" : "an ordinary user");
    add_check(report, "kernel", ok, detail, "use Linux 5.19 or newer (as an ordinary user 5.11)");
}

static void check_agent(wrn_json *report, const char *path) {
    char detail[300];
    snprintf(detail, sizeof(detail), "%.250s", path ? path : "not found");
    add_check(report, "agent", path && access(path, X_OK) == 0, detail,
              "install wrenn-agent beside wrennd, or name it with --agent");
}

static void check_cgroups(const wrn_backend_config *config, wrn_json *report) {
    static const char *const details[] = {[CGROUP_NONE] = "none: memory and cpu limits are not enforced",
                                          [CGROUP_V1] = "v1: memory, pids and cpu are enforced",
                                          [CGROUP_V2] = "v2: memory, pids and cpu are enforced"};
    cgroups c;
    char name[64];
    cgroup_name(name, sizeof(name));
    cgroups_open(&c, config->cgroup_parent, name);
    add_check(report, "resource limits", c.limits != CGROUP_NONE, details[c.limits], c.why);
    cgroups_close(&c);
}

static void check_open_files(wrn_json *report) {
    struct rlimit files = {0};
    char detail[120];
    getrlimit(RLIMIT_NOFILE, &files);
    unsigned long long boxes = files.rlim_max / FDS_PER_BOX;
    snprintf(detail, sizeof(detail), "%llu at most, enough for some %llu sandboxes", (unsigned long long)files.rlim_max,
             boxes);
    if (files.rlim_max == RLIM_INFINITY) snprintf(detail, sizeof(detail), "as many as the machine has");
    add_check(report, "open files", boxes >= FEW_BOXES, detail,
              "start wrennd with more: LimitNOFILE=524288 in its unit; for users a line "
              "'* hard nofile 524288' in /etc/security/limits.conf and a new login");
}

/* ---- a sandbox ---- */

typedef struct trial {
    uv_loop_t loop;
    wrn_backend *backend;
    wrn_box *box;
    bool over; /* the step that is under way */
    bool ran;
    wrn_fault fault;
} trial;

static void end_step(trial *t, const wrn_fault *fault) {
    if (fault && !*t->fault.message) t->fault = *fault;
    t->over = true;
    uv_stop(&t->loop);
}

static void await(trial *t) {
    while (!t->over) uv_run(&t->loop, UV_RUN_DEFAULT);
    t->over = false;
}

static void on_box(void *context, wrn_box *box, const wrn_fault *fault) {
    trial *t = context;
    t->box = box;
    end_step(t, fault);
}

static void on_died(void *context, const wrn_fault *fault) { (void)context, (void)fault; }
static void on_start(void *context, int64_t pid) { (void)context, (void)pid; }
static void on_output(void *context, int stream, const void *data, size_t size) {
    (void)context, (void)stream, (void)data, (void)size;
}

static void on_end(void *context, const wrn_proc_result *result) {
    trial *t = context;
    wrn_fault failed;
    t->ran = result->end == WRN_PROC_EXITED && result->code == 0;
    wrn_fault_set(&failed, WRN_FAULT_AGENT_ERROR, "`true` did not run in it: it ended with %d", result->code);
    end_step(t, result->fault ? result->fault : t->ran ? NULL : &failed);
}

static void on_destroyed(void *context, const wrn_fault *fault) { end_step(context, fault); }

static void run_true(trial *t) {
    const wrn_proc_events events = {on_start, on_output, on_end, NULL, t};
    const wrn_proc_spec spec = {.cmd = "true", .timeout_ms = PATIENCE_MS};
    if (wrn_backend_ns.exec(t->box, &spec, &events, &t->fault)) await(t);
    wrn_backend_ns.destroy(t->box, on_destroyed, t);
    await(t);
}

static bool try_in(const wrn_backend_config *given, const char *dir, wrn_fault *fault) {
    const wrn_box_spec spec = {.id = "cl-doctor", .template_name = MINIMAL, .vcpus = 1, .memory_mb = 64};
    trial t = {0};
    wrn_backend_config config = *given;
    config.state_dir = dir;
    config.ephemeral = true;
    config.adopt_ms = 0;
    config.loop = &t.loop;
    if (uv_loop_init(&t.loop) != 0)
        return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make an event loop"), false;
    if (wrn_backend_ns.open(&config, &t.backend, &t.fault) == 0) {
        wrn_backend_ns.create(t.backend, &spec, on_died, on_box, &t);
        await(&t);
        if (t.box) run_true(&t);
        wrn_backend_ns.close(t.backend);
    }
    while (uv_run(&t.loop, UV_RUN_DEFAULT)) {
    }
    uv_loop_close(&t.loop);
    *fault = t.fault;
    return t.ran && !*t.fault.message;
}

/* The same that a request for one does, on the same file system. */
static bool check_sandbox(const wrn_backend_config *config, wrn_json *report) {
    char dir[PATH_MAX];
    wrn_fault fault = {0};
    probe_nearest(config->state_dir, dir);
    size_t size = strlen(dir);
    snprintf(dir + size, sizeof(dir) - size, "/wrennd-doctor-XXXXXX");
    bool ok = false;
    if (!mkdtemp(dir)) {
        wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the directory %.200s: %s", dir, strerror(errno));
    } else {
        ok = try_in(config, dir, &fault);
        wrn_tree_remove(dir);
    }
    add_check(report, "a sandbox", ok, ok ? "made, ran `true`, removed" : fault.message,
              "mend what is said above; if nothing is, name a directory of yours with --data-dir, or run wrennd "
              "--log-level debug and report it");
    return ok;
}

bool wrn_backend_ns_doctor(const wrn_backend_config *config, wrn_json *report) {
    const bool root = geteuid() == 0;
    check_kernel(report, root);
    add_finding(report, "namespaces", probe_namespaces(root));
    add_finding(report, "overlayfs", probe_overlay(root));
    add_finding(report, "data directory", probe_place(root, config->state_dir));
    add_finding(report, "template minimal", probe_usr(root));
    check_agent(report, config->agent_path);
    check_cgroups(config, report);
    check_open_files(report);
    return check_sandbox(config, report);
}
