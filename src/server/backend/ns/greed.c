/* Sandboxes that use much of a processor yield to those that use little: their cgroups become idle ones (cpu.idle, Linux
 * 5.15), which the kernel preempts as soon as a task of another group wakes up. Otherwise each command of a quiet sandbox
 * would wait for its turn behind every program that burns. Among themselves the idle groups share as before. */
#include <stdlib.h>

#include "base/clock.h"
#include "server/backend/ns/instance.h"

/* Use is in thousandths of a processor: half of it is the time since the last look, the rest older, so that burning in bursts
 * does not pay. Between LITTLE and MUCH nothing changes. */
enum { TICK_MS = 250, MUCH = 100, LITTLE = 60 };

static bool look(wrn_instance *it) {
    wrn_use *use = &it->use;
    int64_t cpu_usec = cgroup_cpu_usec(&it->backend->cgroups, it->id), now = wrn_now_us();
    int64_t elapsed = now - use->at_us;
    bool is_first = use->at_us == 0;
    if (cpu_usec < 0 || elapsed <= 0) return false;
    int64_t used = (cpu_usec - use->cpu_usec) * 1000 / elapsed;
    use->at_us = now;
    use->cpu_usec = cpu_usec;
    if (!is_first) use->recent = (use->recent + used) / 2;
    return !is_first;
}

/* The group of an adopted sandbox may be idle already. */
static void judge(wrn_instance *it) {
    wrn_use *use = &it->use;
    bool yields = use->recent > (use->yields ? LITTLE : MUCH);
    if (use->is_judged && yields == use->yields) return;
    use->is_judged = true;
    use->yields = yields;
    cgroup_yield(&it->backend->cgroups, it->id, yields);
}

static void on_tick(uv_timer_t *timer) {
    wrn_backend *backend = timer->data;
    for (wrn_instance *it = backend->all; it; it = it->next)
        if (!it->ended && !it->frozen && look(it)) judge(it);
}

void greed_watch(wrn_backend *backend) {
    if (backend->greed || backend->cgroups.limits == CGROUP_NONE) return;
    backend->greed = calloc(1, sizeof(*backend->greed));
    if (!backend->greed) abort();
    uv_timer_init(backend->config.loop, backend->greed);
    backend->greed->data = backend;
    uv_timer_start(backend->greed, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)backend->greed);
}

static void free_greed(uv_handle_t *handle) { free(handle); }

void greed_unwatch(wrn_backend *backend) {
    if (backend->greed) uv_close((uv_handle_t *)WRN_TAKE(backend->greed), free_greed);
}
