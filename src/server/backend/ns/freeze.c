/* Freezing, thawing, and what a frozen box has written. */
#include <string.h>

#include "server/backend/ns/instance.h"

static void finish_freezing(wrn_instance *it, const wrn_fault *fault) { WRN_TAKE(it->done)(it->done_context, fault); }

static bool has_failed(wrn_instance *it, const char *what) {
    wrn_fault fault;
    if (!it->error) return false;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "cannot %s the sandbox: %s", what, strerror(it->error));
    finish_freezing(it, &fault);
    return true;
}

/* Repeats until the kernel reports that all processes have stopped. */
static void check_frozen(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    wrn_fault fault;
    if (has_failed(it, "freeze")) return;
    if (cgroup_is_frozen(&it->backend->cgroups, it->id)) {
        it->frozen = true;
        greed_watch(it->backend);
        finish_freezing(it, NULL);
    } else if (it->tries++ < RETRIES) {
        uv_timer_start(timer, check_frozen, RETRY_MS, 0);
    } else {
        cgroup_freeze(&it->backend->cgroups, it->id, false);
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox did not freeze in time; it still runs");
        finish_freezing(it, &fault);
    }
}

static void finish_thaw(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    if (has_failed(it, "thaw")) return;
    it->frozen = false;
    finish_freezing(it, NULL);
}

static bool instance_begin_freezing(wrn_instance *it, bool freeze, wrn_done_fn done, void *context) {
    instance_count(it, !freeze);
    if (!cgroups_can_freeze(&it->backend->cgroups)) return false;
    it->done = done;
    it->done_context = context;
    it->tries = 0;
    it->error = cgroup_freeze(&it->backend->cgroups, it->id, freeze) == 0 ? 0 : errno;
    uv_timer_start(&it->timer, freeze ? check_frozen : finish_thaw, 0, 0);
    return true;
}

bool ns_freeze(wrn_instance *it, wrn_done_fn done, void *context) {
    return instance_begin_freezing(it, true, done, context);
}
bool ns_thaw(wrn_instance *it, wrn_done_fn done, void *context) {
    return instance_begin_freezing(it, false, done, context);
}

/* A box on the host's files has two overlays, at / and at /usr; in a template both are one tree. */
static void report_layers(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    wrn_saved_fn saved = WRN_TAKE(it->saved);
    char top[PATH_MAX + 8], usr[PATH_MAX + 8], skeleton_usr[PATH_MAX + 8];
    (void)fault;
    snprintf(top, sizeof(top), "%s/u", it->dir);
    snprintf(usr, sizeof(usr), "%s/uu", it->dir);
    snprintf(skeleton_usr, sizeof(skeleton_usr), "%s/usr", it->backend->skeleton);
    const wrn_upper_layer on_host[] = {{".", top, {it->backend->skeleton}, "usr"},
                                       {"usr", usr, {skeleton_usr, "/usr"}, NULL}};
    const wrn_upper_layer whole = {".", top, {NULL}, NULL};
    const wrn_saved all = {.layers = it->on_host ? on_host : &whole,
                           .layer_count = it->on_host ? WRN_COUNT(on_host) : 1};
    saved(it->saved_context, &all, NULL);
}

void ns_save(wrn_instance *it, const char *target, wrn_saved_fn done, void *context) {
    (void)target;
    it->saved = done;
    it->saved_context = context;
    wrn_answer_later(it->backend->config.loop, report_layers, it, NULL);
}
