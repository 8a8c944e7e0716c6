/* Which processors boxes run on: as many as a box was given, those with the least to do. It is what programs count; the
 * limit is the cgroup's. */
#include <stdlib.h>

#include "server/backend/ns/internal.h"

void cpus_open(cpus *c) {
    *c = (cpus){0};
    /* This daemon may be confined itself. Without an answer (more processors than a cpu_set_t holds) nothing is pinned. */
    if (sched_getaffinity(0, sizeof(c->own), &c->own) != 0) CPU_ZERO(&c->own);
    c->count = CPU_COUNT(&c->own);
}

bool cpus_choose(const cpus *c, int64_t vcpus, cpu_set_t *out) {
    CPU_ZERO(out);
    if (vcpus >= c->count) return false;
    for (int64_t n = 0; n < vcpus; n++) {
        int best = -1;
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &c->own) && !CPU_ISSET(i, out) && (best < 0 || c->load[i] < c->load[best])) best = i;
        CPU_SET(best, out);
    }
    return true;
}

void cpus_count(cpus *c, const cpu_set_t *set, int boxes, int busy) {
    int members = CPU_COUNT(set);
    for (int i = 0; members && i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, set)) c->load[i] += boxes, c->busy[i] += busy / members;
}

bool cpus_move(const cpus *c, const cpu_set_t *set, int busy, cpu_set_t *out) {
    /* Worth the move: a quarter of what the processor does now, and not next to nothing. */
    enum { GAIN_SHARE = 4, GAIN_MIN = 50 };
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
