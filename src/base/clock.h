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

#endif
