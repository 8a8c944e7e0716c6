/* Nobody may hold the loop: what anybody asks for must not keep all others waiting. The rule is 5 ms for each event; the
 * tests have a watchdog that ends wrennd where one takes ten times as long, and says where.
 *
 * It runs where the environment has WRENND_HOLD_LIMIT_MS, and counts the processor time of the loop's thread. A second one
 * counts the time for which that sleeps other than for the next event, in system calls and on locks, with a limit twenty times
 * as large, or WRENND_SLEEP_LIMIT_MS: there it waits for others, who may not get on so fast. For neither does time count in
 * which there was no processor for the thread: a busy machine makes everything slow. */
#ifndef WRN_SERVER_HOLD_H
#define WRN_SERVER_HOLD_H

#include <uv.h>

/* Watches the thread that calls this, which is to run `loop`. */
void wrn_hold_watch(uv_loop_t *loop);
/* Before the loop is closed; it has to run once more. */
void wrn_hold_unwatch(void);
/* Another event begins. */
void wrn_hold_tick(void);

#endif
