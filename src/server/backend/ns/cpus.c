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

void cpus_count(cpus *c, const cpu_set_t *set, int more) {
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, set)) c->load[i] += more;
}
