/* wrenn-boot: whether timers of this machine end when they should. An emulated machine's kernel finds out how fast its timer runs by
 * counting it for a tenth of a second, and has no other clock to check that by. If the host holds the machine up meanwhile, the
 * kernel counts wrongly: all timers are late afterwards, or there are none at all, as the kernel takes the timer for unusable; it
 * boots all the same, and then nothing in the machine that sleeps wakes up again. */
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "agent/boot/boot.h"

enum { SHORTEST_US = 4000, LONGEST_US = 256000 };

static long timer_now_us(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000L + now.tv_nsec / 1000;
}

/* Late is what takes half as long again. Looks all the time, for what sleeps may not wake up. */
static bool timer_is_in_time(int timer, long us) {
    const struct itimerspec once = {.it_value.tv_nsec = us * 1000};
    unsigned long long count;
    bool over = false;
    long begin = timer_now_us(), spent = 0, late = us + us / 2;
    if (timerfd_settime(timer, 0, &once, NULL) != 0) boot_fail("set a timer");
    while (!over && spent <= late) {
        over = read(timer, &count, sizeof(count)) == sizeof(count);
        spent = timer_now_us() - begin;
    }
    return over && spent <= late;
}

/* One that is late may only mean that the host holds the machine up again; a longer one then says more. */
bool boot_timers_work(void) {
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    bool work = false;
    if (timer < 0) boot_fail("make a timer");
    for (long us = SHORTEST_US; us <= LONGEST_US && !work; us *= 2) work = timer_is_in_time(timer, us);
    close(timer);
    return work;
}
