/* Resource usage of sandboxes over time: three rings of points each, the finer ones shorter.
 *
 * One timer measures every running sandbox each 5 s, a fifth of them each second, so that a thousand idle ones cost
 * under a hundredth of a core and never block the loop for long. The finest ring is in memory and goes to the store when
 * the sandbox is paused; averages are stored as they are made, in at most one transaction per second. Slots of a ring are
 * reused, and a sandbox's points are deleted when it stops, so that the database does not grow. */
#pragma once

#include <uv.h>

#include "server/sandbox/sandboxes.h"

enum { WRN_RECENT_POINTS = 120 }; /* of 5 s: ten minutes */

/* Sums of samples, which become one point. */
typedef struct wrn_average {
#define WRN_METRIC(type, name) double name;
    WRN_METRICS(WRN_METRIC)
#undef WRN_METRIC
    int64_t samples; /* in the sums */
    int64_t points;  /* made so far */
} wrn_average;

/* Of one sandbox. */
typedef struct wrn_meter {
    wrn_point recent[WRN_RECENT_POINTS]; /* a ring */
    int64_t count;                       /* of points ever written to it */
    wrn_average half_minute, five_minutes;
    int64_t cpu_usec, at_us; /* of the last measurement; cpu_usec < 0: none */
} wrn_meter;

/* Of all sandboxes. */
typedef struct wrn_sampler {
    uv_timer_t timer;
    bool open;
    size_t turn;
} wrn_sampler;

struct sandbox;

/* The sandbox has entered another state. */
void wrn_metrics_entered(struct sandbox *s);
/* The sandbox comes from an earlier run of the server, or goes to a later one: so do its points. */
void wrn_metrics_adopted(struct sandbox *s);
void wrn_metrics_leave(struct sandbox *s);
void wrn_metrics_close(wrn_sandboxes *all);

/* The points of the last `seconds`, oldest first, of a sandbox that is running or paused. */
wrn_db wrn_metrics_read(wrn_sandboxes *all, const wrn_sandbox_row *row, int64_t seconds, wrn_point_fn each,
                        void *context);
