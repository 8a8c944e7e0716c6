/* Time limits and timers at every border, under a clock of the test's own. */
#include <poll.h>
#include <sys/syscall.h>
#include <time.h>

#include "base/clock.h"
#include "net/loop.h"
#include "test.h"

/* Before `fixed` is set the clock is the real one. Each look at it lets `tick_us` pass. */
static int64_t fixed_us, tick_us;
static bool fixed;

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc has reserved names there */
int clock_gettime(clockid_t id, struct timespec *now) {
    if (!fixed) return (int)syscall(SYS_clock_gettime, id, now);
    now->tv_sec = fixed_us / 1000000;
    now->tv_nsec = fixed_us % 1000000 * 1000;
    fixed_us += tick_us;
    return 0;
}

static void set_clock(int64_t now_us, int64_t tick) {
    fixed_us = now_us;
    tick_us = tick;
    fixed = true;
}

static const int64_t limits[] = {0,
                                 1,
                                 2,
                                 3,
                                 999,
                                 1000,
                                 1001,
                                 INT32_MAX - 1LL,
                                 INT32_MAX,
                                 INT32_MAX + 1LL,
                                 INT64_MAX / 2,
                                 INT64_MAX / 2 + 1,
                                 INT64_MAX - 1000001,
                                 INT64_MAX - 2,
                                 INT64_MAX - 1,
                                 INT64_MAX};

TEST(no_limit_ever_becomes_none) {
    for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++) {
        for (int64_t tick = 0; tick < 5000; tick += 100) {
            for (int64_t start = 0; start < 3000; start += 333) {
                set_clock(1000000000 + start, tick);
                int64_t until = wrn_in_ms(limits[i]);
                CHECK(until != WRN_NEVER);
                for (int look = 0; look < 5; look++) {
                    int64_t left = wrn_left_ms(until);
                    CHECK_MSG(left >= 0 && left <= limits[i], "%lld of %lld ms are left", (long long)left,
                              (long long)limits[i]);
                }
            }
        }
    }
    set_clock(1000000, 0);
    CHECK(wrn_in_ms(-1) == WRN_NEVER && wrn_in_ms(INT64_MIN) == WRN_NEVER);
    CHECK_INT(wrn_left_ms(WRN_NEVER), -1);
    CHECK_INT(wrn_left_ms(1000), 0);
    CHECK_INT(wrn_left_ms(1001), 1);
    CHECK_INT(wrn_left_ms(0), 0);
    CHECK_INT(wrn_left_ms(-1), 0);
    CHECK_INT(wrn_left_ms(INT64_MIN), 0);
}

static int fired;
static void count(wrn_timer *timer) { (void)timer, fired++; }

static bool readable(const wrn_loop *loop, int wait_ms) {
    struct pollfd fd = {.fd = wrn_loop_fd(loop), .events = POLLIN};
    return poll(&fd, 1, wait_ms) == 1;
}

TEST(a_timer_due_in_the_past_wakes_whoever_polls_the_descriptor) {
    static const int64_t due[] = {0, -1, 1, -1000, INT64_MIN, INT64_MIN + 1};
    for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
        wrn_loop *loop = wrn_loop_new();
        wrn_timer timer = {.fire = count};
        fired = 0;
        wrn_loop_arm(loop);
        CHECK(!readable(loop, 0));
        CHECK(wrn_loop_timer_set(loop, &timer, due[i]));
        wrn_loop_arm(loop);
        CHECK_MSG(readable(loop, 10000), "a timer due at %lld wakes nobody", (long long)due[i]);
        wrn_loop_poll(loop, -1);
        CHECK_INT(fired, 1);
        wrn_loop_arm(loop);
        CHECK(!readable(loop, 0));
        wrn_loop_free(loop);
    }
}

TEST(a_timer_due_in_ages_wakes_nobody) {
    static const int64_t due[] = {INT64_MAX, INT64_MAX - 1, INT64_MAX / 2};
    wrn_loop *loop = wrn_loop_new();
    wrn_timer timer = {.fire = count};
    for (size_t i = 0; i < sizeof(due) / sizeof(due[0]); i++) {
        CHECK(wrn_loop_timer_set(loop, &timer, due[i]));
        wrn_loop_arm(loop);
        CHECK(!readable(loop, 0));
        wrn_loop_poll(loop, 0);
    }
    CHECK_INT(fired, 0);
    /* What was armed for ages is moved to now. */
    CHECK(wrn_loop_timer_set(loop, &timer, 0));
    wrn_loop_arm(loop);
    CHECK(readable(loop, 10000));
    wrn_loop_timer_clear(loop, &timer);
    wrn_loop_free(loop);
}

TEST_MAIN
