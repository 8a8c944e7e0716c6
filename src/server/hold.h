/* A watchdog for tests: no event may block the loop for long, because all other callers wait. The aim is 5 ms per event; the
 * watchdog aborts wrennd with a backtrace when one takes ten times as long.
 *
 * It is on when WRENND_HOLD_LIMIT_MS is set, and measures the processor time of the loop's thread. A second limit,
 * WRENND_SLEEP_LIMIT_MS or twenty times as large, applies to the time that the thread sleeps elsewhere than in the wait for
 * the next event: in system calls and on locks. Time in which the thread got no processor does not count. */
#pragma once

#include <uv.h>

/* Called by the thread that runs `loop`. */
void wrn_hold_watch(uv_loop_t *loop);
/* Before the loop is closed; the loop must run once more. */
void wrn_hold_unwatch(void);
/* The next event begins. */
void wrn_hold_tick(void);
