/* libwrenn in a loop of epoll, with a timerfd. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "work.h"

static int watch(int epoll, int fd) {
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static void loop(work *w, int epoll, int timer) {
    while (!w->over) {
        struct epoll_event event;
        uint64_t expirations;
        int n = epoll_wait(epoll, &event, 1, -1);
        if (n < 0 && errno != EINTR) break;
        if (n <= 0) continue;
        if (event.data.fd == timer) {
            if (read(timer, &expirations, sizeof(expirations)) > 0) work_tick(w);
        } else {
            work_dispatch(w);
        }
    }
}

int main(void) {
    work w = {0};
    const struct itimerspec every_20_ms = {{0, 20000000}, {0, 20000000}};
    int epoll = epoll_create1(EPOLL_CLOEXEC);
    int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (epoll < 0 || timer < 0 || timerfd_settime(timer, 0, &every_20_ms, NULL) < 0 || watch(epoll, timer) < 0) {
        perror("epoll");
    } else if (wrenn_client_new(NULL, &w.client, &w.error) >= 0) {
        if (watch(epoll, wrenn_client_fd(w.client)) < 0) perror("epoll");
        work_start(&w);
        loop(&w, epoll, timer);
    }
    if (timer >= 0) close(timer);
    if (epoll >= 0) close(epoll); /* before the client: its descriptor is in there */
    return work_end(&w, "epoll");
}
