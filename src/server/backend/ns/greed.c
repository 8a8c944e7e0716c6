/* Who waits when there is more to do than there are processors. Equal parts for all would be fair, but each command of
 * whoever wants little would take as long as if it wanted much: it waits for its turn behind all those who burn. So boxes
 * that use more than the mean yield to those that use less; the kernel does it (cpu.idle of cgroups, Linux 5.15), as soon as
 * one of the latter wakes up. Nobody starves: who gets less than the mean yields no more. Who yields alone, or among equals,
 * loses nothing. */
#include <stdlib.h>

#include "base/clock.h"
#include "server/backend/ns/instance.h"

/* Each box is looked at once in TURNS ticks, for a look costs the loop some microseconds. Use is in thousandths of a
 * processor, the last second half of it and older ones less, lest it pays to burn every other second. IDLE: too little to
 * count. */
enum { TICK_MS = 250, TURNS = 4, IDLE = 5 };

struct greed {
    uv_timer_t timer;
    int turn;
    int64_t sum, count; /* of use in this round, and of boxes that are not idle */
    int64_t mean;       /* of the last one */
};

static void look(wrn_instance *it) {
    wrn_use *use = &it->use;
    struct greed *g = it->backend->greed;
    int64_t cpu_usec = cgroup_cpu_usec(&it->backend->cgroups, it->id), now = wrn_now_us();
    int64_t elapsed = now - use->at_us;
    bool is_first = use->at_us == 0;
    if (cpu_usec < 0 || elapsed <= 0) return;
    int64_t used = (cpu_usec - use->cpu_usec) * 1000 / elapsed;
    use->at_us = now;
    use->cpu_usec = cpu_usec;
    if (is_first) return;
    use->recent = (use->recent + used) / 2;
    if (use->recent < IDLE) return;
    g->sum += use->recent;
    g->count++;
}

/* What was taken over may have been told to yield by the daemon before this one. */
static void judge(wrn_instance *it, int64_t mean) {
    wrn_use *use = &it->use;
    bool yields = use->recent >= IDLE && use->recent > mean;
    if (!use->at_us || (use->is_judged && yields == use->yields)) return;
    use->is_judged = true;
    use->yields = yields;
    cgroup_yield(&it->backend->cgroups, it->id, yields);
}

static void on_tick(uv_timer_t *timer) {
    wrn_backend *backend = timer->data;
    struct greed *g = backend->greed;
    int turn = g->turn;
    for (wrn_instance *it = backend->all; it; it = it->next) {
        if (it->slot % TURNS != turn || it->ended || it->frozen) continue;
        look(it);
        judge(it, g->mean);
    }
    g->turn = (turn + 1) % TURNS;
    if (g->turn) return;
    g->mean = g->count ? g->sum / g->count : 0;
    g->sum = g->count = 0;
}

void greed_watch(wrn_backend *backend) {
    if (backend->greed || backend->cgroups.limits == CGROUP_NONE) return;
    backend->greed = calloc(1, sizeof(*backend->greed));
    if (!backend->greed) abort();
    uv_timer_init(backend->config.loop, &backend->greed->timer);
    backend->greed->timer.data = backend;
    uv_timer_start(&backend->greed->timer, on_tick, TICK_MS, TICK_MS);
    uv_unref((uv_handle_t *)&backend->greed->timer);
}

static void free_greed(uv_handle_t *handle) { free(handle); }

void greed_unwatch(wrn_backend *backend) {
    if (backend->greed) uv_close((uv_handle_t *)&WRN_TAKE(backend->greed)->timer, free_greed);
}
