/* Clocks. */
#pragma once

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

/* Deadlines. A negative number of milliseconds means no limit, and its deadline is WRN_NEVER. Every other number gives a
 * deadline before WRN_NEVER, however large it is. */
#define WRN_NEVER INT64_MAX

/* The deadline `ms` from now. */
static inline int64_t wrn_in_ms(int64_t ms) {
    if (ms < 0) return WRN_NEVER;
    int64_t now = wrn_now_ms();
    return ms < WRN_NEVER - 1 - now ? now + ms : WRN_NEVER - 1;
}

/* Milliseconds until the deadline: 0 when it has passed, -1 for WRN_NEVER. */
static inline int64_t wrn_left_ms(int64_t until_ms) {
    if (until_ms == WRN_NEVER) return -1;
    int64_t now = wrn_now_ms();
    return until_ms > now ? until_ms - now : 0;
}
