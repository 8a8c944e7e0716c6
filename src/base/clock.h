/* Clocks. */
#ifndef WRN_BASE_CLOCK_H
#define WRN_BASE_CLOCK_H

#include <stdint.h>
#include <time.h>

static inline int64_t wrn_clock_us(clockid_t id) {
    struct timespec now;
    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}
/* Monotonic microseconds and milliseconds; Unix seconds. */
static inline int64_t wrn_now_us(void) { return wrn_clock_us(CLOCK_MONOTONIC); }
static inline int64_t wrn_now_ms(void) { return wrn_now_us() / 1000; }
static inline int64_t wrn_unix_time(void) { return wrn_clock_us(CLOCK_REALTIME) / 1000000; }

/* Waiting: a negative number of milliseconds is no limit, and WRN_NEVER is when that one is over. Everything else stays a
 * limit, however the clock moves between two looks at it and however large the number is. */
#define WRN_NEVER INT64_MAX

/* When `ms` from now is. */
static inline int64_t wrn_in_ms(int64_t ms) {
    if (ms < 0) return WRN_NEVER;
    int64_t now = wrn_now_ms();
    return ms < WRN_NEVER - 1 - now ? now + ms : WRN_NEVER - 1;
}

/* How long it is until then: 0 when that has passed, -1 for WRN_NEVER. */
static inline int64_t wrn_left_ms(int64_t until_ms) {
    if (until_ms == WRN_NEVER) return -1;
    int64_t now = wrn_now_ms();
    return until_ms > now ? until_ms - now : 0;
}

#endif
