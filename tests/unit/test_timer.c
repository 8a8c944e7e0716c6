/* How wrenn-boot finds out whether timers work (agent/boot/timer.c), with timers that are late. */
#include <stdlib.h>
#include <sys/timerfd.h>

#include "test.h"

static long lateness; /* so many times as long; 0: they never end */

static int set_late(int timer, int flags, const struct itimerspec *once, struct itimerspec *before) {
    struct itimerspec late = *once;
    late.it_value.tv_nsec = once->it_value.tv_nsec * lateness % 1000000000;
    late.it_value.tv_sec = once->it_value.tv_nsec * lateness / 1000000000;
    return timerfd_settime(timer, flags, &late, before);
}

#define timerfd_settime set_late
#include "agent/boot/timer.c"

void boot_fail(const char *what) {
    CHECK_MSG(false, "%s", what);
    abort();
}

TEST(timers_that_end_in_time_work) {
    lateness = 1;
    CHECK(boot_timers_work());
}

TEST(timers_that_are_late_or_never_end_do_not) {
    for (lateness = 0; lateness <= 2; lateness += 2) CHECK(!boot_timers_work());
}

TEST_MAIN
