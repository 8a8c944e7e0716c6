/* `wrennd doctor`: the checks of all backends, and a test sandbox on each. */
#include <stdlib.h>
#include <string.h>

#include "base/tree.h"
#include "server/box/internal.h"
#include "server/trees.h"

enum { PATIENCE_MS = 30000 };

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
        wrn_box_create(t.boxes, &spec, NULL, on_trial_box, &t);
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
