/* Which processors boxes run on: as many as the box was given, because programs count those, and the least loaded ones.
 * The limit on processor time is the cgroup's. Boxes are moved according to what they use. */

#include "base/clock.h"
#include "server/backend/ns/instance.h"

/* How often a box may be moved, and limits on that: the kernel needs some microseconds for each thread. */
enum { LOOK_US = 1000000, THREADS_MAX = 300, PASSES = 3 };

void cpus_open(cpus *c) {
    *c = (cpus){0};
    /* The daemon itself may be confined. On failure (more processors than a cpu_set_t holds) no box is placed. */
    if (sched_getaffinity(0, sizeof(c->own), &c->own) != 0) CPU_ZERO(&c->own);
    c->count = CPU_COUNT(&c->own);
}

static void add_load(wrn_instance *it, int boxes, int busy) {
    cpus *c = &it->backend->cpus;
    int members = CPU_COUNT(&it->cpus);
    for (int i = 0; members && i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &it->cpus)) c->load[i] += boxes, c->busy[i] += busy / members;
}

void instance_count(wrn_instance *it, bool needs_cpus) {
    if (needs_cpus != it->is_counted) add_load(it, needs_cpus ? 1 : -1, needs_cpus ? it->busy : -it->busy);
    it->is_counted = needs_cpus;
}

void instance_place(wrn_instance *it) {
    const cpus *c = &it->backend->cpus;
    CPU_ZERO(&it->cpus);
    for (int64_t n = 0; it->vcpus < c->count && n < it->vcpus; n++) {
        int best = -1;
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &c->own) && !CPU_ISSET(i, &it->cpus) && (best < 0 || c->load[i] < c->load[best])) best = i;
        CPU_SET(best, &it->cpus);
    }
    /* Where this fails, the box may run anywhere; how much it may run is the cgroup's. */
    if (CPU_COUNT(&it->cpus)) sched_setaffinity(it->pid, sizeof(it->cpus), &it->cpus);
    instance_count(it, true);
}

/* Whether to replace the box's fullest processor by the emptiest other one. */
static bool find_better(const wrn_instance *it, int busy, cpu_set_t *out) {
    /* The least gain that is worth it: a quarter of what the fullest one does now, or 50 thousandths. */
    enum { GAIN_SHARE = 4, GAIN_MIN = 50 };
    const cpus *c = &it->backend->cpus;
    const cpu_set_t *set = &it->cpus;
    int from = -1, to = -1, members = CPU_COUNT(set);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (CPU_ISSET(i, set) && (from < 0 || c->busy[i] > c->busy[from])) from = i;
        if (!CPU_ISSET(i, set) && CPU_ISSET(i, &c->own) && (to < 0 || c->busy[i] < c->busy[to])) to = i;
    }
    if (from < 0 || to < 0) return false;
    int gain = c->busy[from] / GAIN_SHARE > GAIN_MIN ? c->busy[from] / GAIN_SHARE : GAIN_MIN;
    if (c->busy[to] + busy / members + gain > c->busy[from]) return false;
    *out = *set;
    CPU_CLR(from, out);
    CPU_SET(to, out);
    return true;
}

typedef struct move {
    cpu_set_t from, to;
    int moved;
} move;

/* Threads that have chosen their processors themselves keep them. */
static void move_thread(void *context, pid_t thread) {
    move *m = context;
    cpu_set_t now;
    if (sched_getaffinity(thread, sizeof(now), &now) == 0 && CPU_EQUAL(&now, &m->from) &&
        sched_setaffinity(thread, sizeof(m->to), &m->to) == 0)
        m->moved++;
}

static void move_box(wrn_instance *it, const cpu_set_t *to) {
    move m = {.from = it->cpus, .to = *to};
    for (int i = 0; i < PASSES && (i == 0 || m.moved); i++) { /* again, for threads started meanwhile */
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
    add_load(it, 0, -it->busy);
    add_load(it, 0, busy);
    it->busy = busy;
    if (used->pids < THREADS_MAX && find_better(it, busy, &to)) move_box(it, &to);
}
