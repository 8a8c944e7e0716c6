/* What sandboxes use, over time: three rings of points each, the finer ones shorter.
 *
 * One timer measures every running sandbox each 5 s, a fifth of them each second, so that a thousand idle ones cost
 * under a hundredth of a core and never hold the loop up for long. The finest ring is in memory and goes to the store
 * when the sandbox is paused; the averages go there as they are made, one transaction a second at most. A ring's slots
 * are written over and a sandbox's points go when it stops, so that the database does not grow. */
#ifndef WRN_SERVER_SANDBOX_METRICS_H
#define WRN_SERVER_SANDBOX_METRICS_H

#include <uv.h>

#include "server/sandbox/sandboxes.h"

enum { WRN_RECENT_POINTS = 120 }; /* of 5 s: ten minutes */

/* Points that become one. */
typedef struct wrn_average {
    double cpu_pct, mem_bytes, disk_bytes;
    int64_t samples, points; /* in it; made so far */
} wrn_average;

/* Of one sandbox. */
typedef struct wrn_meter {
    wrn_point recent[WRN_RECENT_POINTS]; /* a ring; `count` ever written */
    int64_t count;
    wrn_average half_minute, five_minutes;
    int64_t cpu_usec, at_us; /* at the last look; below 0: there was none */
} wrn_meter;

/* Of all. */
typedef struct wrn_sampler {
    uv_timer_t timer;
    bool open;
    size_t turn;
} wrn_sampler;

struct sandbox;

/* A sandbox has entered another state. */
void wrn_metrics_entered(struct sandbox *s);
/* It goes on from an earlier run, or to a later one: its points as well. */
void wrn_metrics_adopted(struct sandbox *s);
void wrn_metrics_leave(struct sandbox *s);
void wrn_metrics_close(wrn_sandboxes *all);

/* The points of the last `seconds`, oldest first; `row` is one that is running or paused. False when the store fails. */
bool wrn_metrics_read(wrn_sandboxes *all, const wrn_sandbox_row *row, int64_t seconds, wrn_point_fn each,
                      void *context);

#endif
