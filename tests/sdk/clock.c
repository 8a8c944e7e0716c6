#include "clock.h"

#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>

#include "test.h"

enum { SLICE_MS = 10 };

static __thread bool fake;
static int64_t now_us, tick, longest_ms;
static int64_t ahead_us; /* of the real one */
static script_server *expected_by;
static size_t expected;

#define IN_PLACE_OF_LIBC __attribute__((visibility("default")))

static int64_t real_us(void) {
    struct timespec now;
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc has reserved names there */
IN_PLACE_OF_LIBC int clock_gettime(clockid_t id, struct timespec *now) {
    if (id == CLOCK_REALTIME || (!fake && !ahead_us)) return (int)syscall(SYS_clock_gettime, id, now);
    int64_t us = fake ? now_us : real_us() + ahead_us;
    now->tv_sec = us / 1000000;
    now->tv_nsec = us % 1000000 * 1000;
    if (fake) now_us += tick;
    return 0;
}

static int wait_really(int fd, struct epoll_event *events, int max, int timeout_ms) {
    return (int)syscall(SYS_epoll_pwait, fd, events, max, timeout_ms, NULL, 8);
}

/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): libc has reserved names there */
IN_PLACE_OF_LIBC int epoll_wait(int fd, struct epoll_event *events, int max, int timeout_ms) {
    if (!fake) return wait_really(fd, events, max, timeout_ms);
    CHECK_MSG(timeout_ms >= 0, "it waits without limit");
    if (timeout_ms > longest_ms) longest_ms = timeout_ms;
    int got = 0;
    for (int left = timeout_ms; !got && left > 0 && expected_by && script_count(expected_by) < expected;
         left -= SLICE_MS)
        got = wait_really(fd, events, max, left < SLICE_MS ? left : SLICE_MS);
    if (!got) got = wait_really(fd, events, max, 0);
    if (!got) now_us += (int64_t)timeout_ms * 1000;
    return got;
}

void clock_start(int64_t tick_us) {
    if (!fake) now_us = real_us();
    fake = true;
    tick = tick_us;
    longest_ms = 0;
    expected_by = NULL;
}

void clock_expect(script_server *server, size_t requests) {
    expected_by = server;
    expected = requests;
}

void clock_pass(int64_t us) { *(fake ? &now_us : &ahead_us) += us; }

void clock_stop(void) { fake = false; }

int64_t clock_longest_ms(void) { return longest_ms; }
