/* Freezing, thawing, and what a frozen one has written. */
#include <errno.h>
#include <string.h>

#include "server/backend/ns/instance.h"

static void finish(wrn_instance *it, const wrn_fault *fault) {
    wrn_done_fn done = it->done;
    it->done = NULL;
    done(it->done_context, fault);
}

static bool failed(wrn_instance *it, const char *what) {
    wrn_fault fault;
    if (!it->error) return false;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "cannot %s the sandbox: %s", what, strerror(it->error));
    finish(it, &fault);
    return true;
}

/* Until the kernel says that all is frozen. */
static void look_frozen(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    wrn_fault fault;
    if (failed(it, "freeze")) return;
    if (cgroup_is_frozen(&it->backend->cgroups, it->id)) {
        it->frozen = true;
        greed_watch(it->backend);
        finish(it, NULL);
    } else if (it->tries++ < RETRIES) {
        uv_timer_start(timer, look_frozen, RETRY_MS, 0);
    } else {
        cgroup_freeze(&it->backend->cgroups, it->id, false);
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox could not be frozen in time; it goes on");
        finish(it, &fault);
    }
}

static void on_thawed(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    if (failed(it, "thaw")) return;
    it->frozen = false;
    finish(it, NULL);
}

static bool begin(wrn_instance *it, bool freeze, wrn_done_fn done, void *context) {
    instance_count(it, !freeze);
    if (!cgroups_can_freeze(&it->backend->cgroups)) return false;
    it->done = done;
    it->done_context = context;
    it->tries = 0;
    it->error = cgroup_freeze(&it->backend->cgroups, it->id, freeze) == 0 ? 0 : errno;
    uv_timer_start(it->timer, freeze ? look_frozen : on_thawed, 0, 0);
    return true;
}

bool ns_freeze(wrn_instance *it, wrn_done_fn done, void *context) { return begin(it, true, done, context); }
bool ns_thaw(wrn_instance *it, wrn_done_fn done, void *context) { return begin(it, false, done, context); }

/* ---- what it has written ---- */

/* Above the host's files there are two overlays, one at / and one at /usr; a template has both in one tree. */
static void tell(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    wrn_written_fn saved = WRN_TAKE(it->saved);
    char top[PATH_MAX + 8], usr[PATH_MAX + 8], skeleton_usr[PATH_MAX + 8];
    (void)fault;
    snprintf(top, sizeof(top), "%s/u", it->dir);
    snprintf(usr, sizeof(usr), "%s/uu", it->dir);
    snprintf(skeleton_usr, sizeof(skeleton_usr), "%s/usr", it->backend->skeleton);
    const wrn_written layers[] = {{".", top, {it->backend->skeleton}, "usr"},
                                  {"usr", usr, {skeleton_usr, "/usr"}, NULL}};
    const wrn_written whole = {".", top, {NULL}, NULL};
    if (it->on_host) saved(it->saved_context, layers, WRN_COUNT(layers), NULL);
    else saved(it->saved_context, &whole, 1, NULL);
}

void ns_save(wrn_instance *it, wrn_written_fn done, void *context) {
    it->saved = done;
    it->saved_context = context;
    wrn_answer_later(it->backend->config.loop, tell, it, NULL);
}
