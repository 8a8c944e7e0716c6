/* libwrenn in a loop of poll(). */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "work.h"

enum { TICK_MS = 20 };

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void loop(work *w) {
    int64_t next_tick = now_ms() + TICK_MS;
    while (!w->over) {
        int64_t wait = next_tick - now_ms();
        struct pollfd ready = {.fd = wrenn_client_fd(w->client), .events = POLLIN};
        int n = poll(&ready, 1, wait > 0 ? (int)wait : 0);
        if (n < 0 && errno != EINTR) break;
        if (n > 0) work_dispatch(w);
        if (now_ms() >= next_tick) {
            work_tick(w);
            next_tick += TICK_MS;
        }
    }
}

int main(void) {
    work w = {0};
    if (wrenn_client_new(NULL, &w.client, &w.error) >= 0) {
        work_start(&w);
        loop(&w);
    }
    return work_end(&w, "poll");
}
