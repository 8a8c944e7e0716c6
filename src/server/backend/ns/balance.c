/* Boxes among processors: where they are placed is by what they were given, which need not be what they use. */
#include "base/clock.h"
#include "server/backend/ns/instance.h"

/* Looked at this often; the kernel needs some microseconds for each thread, and the loop has little time. */
enum { LOOK_US = 1000000, THREADS_MAX = 300, PASSES = 3 };

void instance_count(wrn_instance *it, bool needs_cpus) {
    if (needs_cpus != it->is_counted)
        cpus_count(&it->backend->cpus, &it->cpus, needs_cpus ? 1 : -1, needs_cpus ? it->busy : -it->busy);
    it->is_counted = needs_cpus;
}

typedef struct move {
    cpu_set_t from, to;
    int moved;
} move;

/* What has chosen its processors itself keeps them. */
static void move_thread(void *context, pid_t thread) {
    move *m = context;
    cpu_set_t now;
    if (sched_getaffinity(thread, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &m->from) &&
        sched_setaffinity(thread, sizeof(m->to), &m->to) == 0)
        m->moved++;
}

static void move_box(wrn_instance *it, const cpu_set_t *to) {
    move m = {.from = it->cpus, .to = *to};
    for (int i = 0; i < PASSES && (i == 0 || m.moved); i++) { /* some may have been started meanwhile */
        m.moved = 0;
        cgroup_threads(&it->backend->cgroups, it->id, move_thread, &m);
    }
    instance_count(it, false);
    it->cpus = *to;
    instance_count(it, true);
}

void instance_balance(wrn_instance *it, const wrn_box_stats *used) {
    cpu_set_t to;
    int64_t cpu_usec = used->cpu_usec, now = wrn_now_us(), elapsed = now - it->busy_us;
    if (!it->is_counted || cpu_usec < 0 || elapsed < LOOK_US) return;
    bool is_first = it->busy_us == 0;
    int busy = (int)((cpu_usec - it->busy_cpu_usec) * 1000 / elapsed);
    it->busy_us = now;
    it->busy_cpu_usec = cpu_usec;
    if (is_first) return;
    cpus_count(&it->backend->cpus, &it->cpus, 0, -it->busy);
    cpus_count(&it->backend->cpus, &it->cpus, 0, busy);
    it->busy = busy;
    if (used->pids < THREADS_MAX && cpus_move(&it->backend->cpus, &it->cpus, busy, &to)) move_box(it, &to);
}
