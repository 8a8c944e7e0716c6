/* The client's event loop: descriptors, timers and a wake-up flag behind one epoll descriptor.
 *
 * Knows nothing of HTTP. Callbacks run inside wrn_loop_poll() only. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct wrn_loop wrn_loop;

typedef struct wrn_watch wrn_watch;
typedef void (*wrn_watch_fn)(void *context, int fd, uint32_t epoll_events);

typedef struct wrn_timer {
    int64_t due_ms; /* wrn_now_ms() clock */
    size_t place;   /* position in the heap + 1; 0: not set */
    void (*fire)(struct wrn_timer *timer);
} wrn_timer;

/* NULL with errno set when the kernel gives no descriptors. */
wrn_loop *wrn_loop_new(void);
/* In a forked child it leaves the parent's epoll set as it is. */
void wrn_loop_free(wrn_loop *loop);
int wrn_loop_fd(const wrn_loop *loop);

/* Level-triggered. NULL when out of memory or refused by the kernel. */
wrn_watch *wrn_loop_watch(wrn_loop *loop, int fd, uint32_t epoll_events, wrn_watch_fn fn, void *context);
bool wrn_loop_rewatch(wrn_loop *loop, wrn_watch *watch, uint32_t epoll_events);
/* Call it before the descriptor is closed. Allowed in callbacks, also for watches other than the running one. */
void wrn_loop_unwatch(wrn_loop *loop, wrn_watch *watch);

/* Sets or moves a timer; false when out of memory. A timer that is due in the past runs in the next poll. */
bool wrn_loop_timer_set(wrn_loop *loop, wrn_timer *timer, int64_t due_ms);
void wrn_loop_timer_clear(wrn_loop *loop, wrn_timer *timer);

/* Runs due timers, or else waits up to timeout_ms (-1: no limit) and runs the callbacks of what became ready. Returns after
 * the first round in which anything ran, so that the caller can check its condition. */
void wrn_loop_poll(wrn_loop *loop, int64_t timeout_ms);
/* Before others poll wrn_loop_fd(): arms the kernel timer for the timer that is due first. */
void wrn_loop_arm(wrn_loop *loop);
/* Makes the descriptor readable until it is lowered again. */
void wrn_loop_raise(wrn_loop *loop, bool up);
