#include "net/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/clock.h"

/* Setting a timer keeps some spare slots in the heap, so that timers that must not fail (those of the transport) find one even
 * when memory is short. */
enum { BATCH = 64, SPARE_SLOTS = 24 };

struct wrn_watch {
    int fd;
    wrn_watch_fn fn;
    void *context;
};

struct wrn_loop {
    int epoll_fd, timer_fd, wake_fd;
    wrn_timer **heap;
    size_t timers, heap_capacity;
    int64_t armed_ms; /* what timer_fd is set to; 0: nothing */
    bool raised;
    struct epoll_event batch[BATCH];
    int batch_at, batch_size;
};

static bool loop_add_own(wrn_loop *loop, int fd, void *tag) {
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    return fd >= 0 && epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0;
}

wrn_loop *wrn_loop_new(void) {
    wrn_loop *loop = calloc(1, sizeof(*loop));
    if (!loop) return NULL;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop_add_own(loop, loop->timer_fd, &loop->timer_fd) && loop_add_own(loop, loop->wake_fd, &loop->wake_fd))
        return loop;
    int saved = errno;
    wrn_loop_free(loop);
    errno = saved;
    return NULL;
}

void wrn_loop_free(wrn_loop *loop) {
    if (!loop) return;
    if (loop->epoll_fd >= 0) close(loop->epoll_fd);
    if (loop->timer_fd >= 0) close(loop->timer_fd);
    if (loop->wake_fd >= 0) close(loop->wake_fd);
    free(loop->heap);
    free(loop);
}

int wrn_loop_fd(const wrn_loop *loop) { return loop->epoll_fd; }

wrn_watch *wrn_loop_watch(wrn_loop *loop, int fd, uint32_t epoll_events, wrn_watch_fn fn, void *context) {
    wrn_watch *watch = malloc(sizeof(*watch));
    if (!watch) return NULL;
    *watch = (wrn_watch){fd, fn, context};
    struct epoll_event event = {.events = epoll_events, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0) return watch;
    free(watch);
    return NULL;
}

bool wrn_loop_rewatch(wrn_loop *loop, wrn_watch *watch, uint32_t epoll_events) {
    struct epoll_event event = {.events = epoll_events, .data.ptr = watch};
    return epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, watch->fd, &event) == 0;
}

void wrn_loop_unwatch(wrn_loop *loop, wrn_watch *watch) {
    epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->batch_at; i < loop->batch_size; i++)
        if (loop->batch[i].data.ptr == watch) loop->batch[i].data.ptr = NULL;
    free(watch);
}

/* ---- timers: a binary heap, first due at the root ---- */

static void heap_place(wrn_loop *loop, size_t at, wrn_timer *timer) {
    loop->heap[at] = timer;
    timer->place = at + 1;
}

static void heap_sift(wrn_loop *loop, size_t at, wrn_timer *timer) {
    for (; at && loop->heap[(at - 1) / 2]->due_ms > timer->due_ms; at = (at - 1) / 2)
        heap_place(loop, at, loop->heap[(at - 1) / 2]);
    for (size_t child; (child = 2 * at + 1) < loop->timers; at = child) {
        if (child + 1 < loop->timers && loop->heap[child + 1]->due_ms < loop->heap[child]->due_ms) child++;
        if (loop->heap[child]->due_ms >= timer->due_ms) break;
        heap_place(loop, at, loop->heap[child]);
    }
    heap_place(loop, at, timer);
}

static void heap_grow(wrn_loop *loop) {
    size_t capacity = loop->heap_capacity ? loop->heap_capacity * 2 : 16;
    wrn_timer **heap = realloc(loop->heap, capacity * sizeof(*heap));
    if (!heap) return;
    loop->heap = heap;
    loop->heap_capacity = capacity;
}

bool wrn_loop_timer_set(wrn_loop *loop, wrn_timer *timer, int64_t due_ms) {
    if (!timer->place) {
        if (loop->timers + SPARE_SLOTS > loop->heap_capacity) heap_grow(loop);
        if (loop->timers == loop->heap_capacity) return false;
        timer->place = ++loop->timers;
    }
    timer->due_ms = due_ms;
    heap_sift(loop, timer->place - 1, timer);
    return true;
}

void wrn_loop_timer_clear(wrn_loop *loop, wrn_timer *timer) {
    if (!timer->place) return;
    size_t at = timer->place - 1;
    wrn_timer *last = loop->heap[--loop->timers];
    timer->place = 0;
    if (last != timer) heap_sift(loop, at, last);
}

static bool loop_fire_due(wrn_loop *loop) {
    int64_t now = loop->timers ? wrn_now_ms() : 0;
    bool fired = false;
    /* A timer that is set again to "now" waits for the next round, so that this loop ends. */
    for (size_t left = loop->timers; left && loop->timers && loop->heap[0]->due_ms <= now; left--) {
        wrn_timer *timer = loop->heap[0];
        wrn_loop_timer_clear(loop, timer);
        timer->fire(timer);
        fired = true;
    }
    return fired;
}

/* ---- polling ---- */

static int loop_wait_limit(const wrn_loop *loop, int64_t timeout_ms) {
    int64_t left = loop->timers ? wrn_left_ms(loop->heap[0]->due_ms) : -1;
    if (left >= 0 && (timeout_ms < 0 || left < timeout_ms)) timeout_ms = left;
    return timeout_ms > INT32_MAX ? INT32_MAX : (int)timeout_ms;
}

void wrn_loop_poll(wrn_loop *loop, int64_t timeout_ms) {
    if (loop_fire_due(loop)) return;
    int ready = epoll_wait(loop->epoll_fd, loop->batch, BATCH, loop_wait_limit(loop, timeout_ms));
    loop->batch_size = ready < 0 ? 0 : ready;
    for (loop->batch_at = 0; loop->batch_at < loop->batch_size;) {
        struct epoll_event event = loop->batch[loop->batch_at++];
        if (event.data.ptr == &loop->timer_fd) {
            uint64_t expirations;
            if (read(loop->timer_fd, &expirations, sizeof(expirations)) > 0) loop->armed_ms = 0;
        } else if (event.data.ptr && event.data.ptr != &loop->wake_fd) {
            wrn_watch *watch = event.data.ptr;
            watch->fn(watch->context, watch->fd, event.events);
        }
    }
    loop->batch_size = 0;
    loop_fire_due(loop);
}

void wrn_loop_arm(wrn_loop *loop) {
    int64_t due = loop->timers ? loop->heap[0]->due_ms : 0;
    if (loop->timers && due < 1) due = 1; /* the kernel takes 0 for "never", and refuses less */
    if (due == loop->armed_ms) return;
    struct itimerspec when = {.it_value = {.tv_sec = due / 1000, .tv_nsec = due % 1000 * 1000000}};
    if (timerfd_settime(loop->timer_fd, TFD_TIMER_ABSTIME, &when, NULL) == 0) loop->armed_ms = due;
}

void wrn_loop_raise(wrn_loop *loop, bool up) {
    if (loop->raised == up) return;
    uint64_t one = 1;
    ssize_t moved = up ? write(loop->wake_fd, &one, sizeof(one)) : read(loop->wake_fd, &one, sizeof(one));
    if (moved == (ssize_t)sizeof(one)) loop->raised = up;
}
