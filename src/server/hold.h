/* Nobody may hold the loop: what anybody asks for must not keep all others waiting. The rule is 5 ms for each event; the
 * tests have a watchdog that ends wrennd where one takes ten times as long.
 *
 * It counts the processor time of the loop's thread, for a busy machine makes everything slow. It runs where the environment
 * has WRENND_HOLD_LIMIT_MS. */
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
