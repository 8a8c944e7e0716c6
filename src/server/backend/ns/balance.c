/* Boxes among processors: where they are placed is by what they were given, which need not be what they use. */
#include "base/clock.h"
#include "server/box/box.h"

/* Looked at this often; the kernel needs some microseconds for each thread, and the loop has little time. */
enum { LOOK_US = 1000000, THREADS_MAX = 300, PASSES = 3 };

void box_count(wrn_box *box, bool needs_cpus) {
    if (needs_cpus != box->is_counted)
        cpus_count(&box->backend->cpus, &box->cpus, needs_cpus ? 1 : -1, needs_cpus ? box->busy : -box->busy);
    box->is_counted = needs_cpus;
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

static void move_box(wrn_box *box, const cpu_set_t *to) {
    move m = {.from = box->cpus, .to = *to};
    for (int i = 0; i < PASSES && (i == 0 || m.moved); i++) { /* some may have been started meanwhile */
        m.moved = 0;
        cgroup_threads(&box->backend->cgroups, box->id, move_thread, &m);
    }
    box_count(box, false);
    box->cpus = *to;
    box_count(box, true);
}

void box_balance(wrn_box *box, const wrn_box_stats *used) {
    cpu_set_t to;
    int64_t cpu_usec = used->cpu_usec, now = wrn_now_us(), elapsed = now - box->busy_us;
    if (!box->is_counted || cpu_usec < 0 || elapsed < LOOK_US) return;
    bool is_first = box->busy_us == 0;
    int busy = (int)((cpu_usec - box->busy_cpu_usec) * 1000 / elapsed);
    box->busy_us = now;
    box->busy_cpu_usec = cpu_usec;
    if (is_first) return;
    cpus_count(&box->backend->cpus, &box->cpus, 0, -box->busy);
    cpus_count(&box->backend->cpus, &box->cpus, 0, busy);
    box->busy = busy;
    if (used->pids < THREADS_MAX && cpus_move(&box->backend->cpus, &box->cpus, busy, &to)) move_box(box, &to);
}
