/* Who comes first on the processors. A sandbox that uses much yields to those that use little: its cgroup becomes an idle one
 * (cpu.idle, Linux 5.15), which the kernel preempts as soon as a task of another group wakes up. Otherwise each command of a
 * quiet sandbox would wait for its turn behind every program that burns. Quiet sandboxes of teams that use little in all weigh
 * more than those of the others, so that many small sandboxes of one team are no way to slow down the next. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/backend/ns/instance.h"
#include "server/pulse.h"

/* Use is in thousandths of a processor: half of it is the time since the last look, the rest older, so that burning in bursts
 * does not pay. Between LITTLE and MUCH nothing changes. From CROWDED on, all sandboxes together, others wait for them. */
enum { TICK_MS = 250, MUCH = 100, LITTLE = 60, CROWDED = 500 };

/* ---- teams ---- */

struct team {
    team *next;
    int boxes;
    int64_t recent; /* of all its boxes */
    bool is_heavy;
    char owner[];
};

team *team_join(wrn_backend *backend, const char *owner) {
    team *t = backend->teams;
    if (!owner) owner = "";
    while (t && strcmp(t->owner, owner) != 0) t = t->next;
    if (!t) {
        size_t size = strlen(owner) + 1;
        t = calloc(1, sizeof(*t) + size);
        memcpy(t->owner, owner, size);
        t->next = backend->teams;
        backend->teams = t;
    }
    t->boxes++;
    return t;
}

void team_leave(wrn_backend *backend, team *t) {
    if (!t || --t->boxes) return;
    team **at = &backend->teams;
    while (*at != t) at = &(*at)->next;
    *at = t->next;
    free(t);
}

bool teams_are_many(const wrn_backend *backend) { return backend->teams && backend->teams->next; }

/* ---- looking ---- */

static void look(wrn_instance *it) {
    wrn_use *use = &it->use;
    int64_t cpu_usec = cgroup_cpu_usec(&it->backend->cgroups, it->id), now = wrn_now_us();
    int64_t elapsed = now - use->at_us;
    if (cpu_usec < 0 || elapsed <= 0) return;
    if (use->at_us) {
        use->recent = (use->recent + (cpu_usec - use->cpu_usec) * 1000 / elapsed) / 2;
        use->is_known = true;
    }
    use->at_us = now;
    use->cpu_usec = cpu_usec;
}

static bool is_much(int64_t recent, bool was) { return recent > (was ? LITTLE : MUCH); }

/* An earlier wrennd may have set the rank of an adopted sandbox. */
static void greed_judge(wrn_instance *it) {
    wrn_use *use = &it->use;
    cgroup_rank rank = is_much(use->recent, use->rank == CGROUP_LAST) ? CGROUP_LAST
                       : it->team->is_heavy                           ? CGROUP_AMONG_OTHERS
                                                                      : CGROUP_FIRST;
    if (use->is_judged && rank == use->rank) return;
    use->is_judged = true;
    use->rank = rank;
    cgroup_set_rank(&it->backend->cgroups, it->id, rank);
}

static bool is_watched(const wrn_instance *it) { return it->team && !it->ended && !it->frozen; }

static void on_tick(uv_timer_t *timer) {
    wrn_backend *backend = timer->data;
    int64_t all = 0;
    for (team *t = backend->teams; t; t = t->next) t->recent = 0;
    for (wrn_instance *it = backend->all; it; it = it->next) {
        if (!is_watched(it)) continue;
        look(it);
        it->team->recent += it->use.recent;
        all += it->use.recent;
    }
    wrn_pulse_need(all > CROWDED);
    for (team *t = backend->teams; t; t = t->next) t->is_heavy = is_much(t->recent, t->is_heavy);
    for (wrn_instance *it = backend->all; it; it = it->next)
        if (is_watched(it) && it->use.is_known) greed_judge(it);
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
