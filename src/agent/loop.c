#include "agent/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

static int epoll_fd;
static struct rlimit descriptors; /* as the agent was started */

void die(const char *why) {
    (void)!write(2, why, strlen(why));
    (void)!write(2, "\n", 1);
    _exit(1);
}

void loop_open(void) {
    /* Every process that outlives its command costs a descriptor: see watch_drain(). */
    if (getrlimit(RLIMIT_NOFILE, &descriptors) == 0)
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){descriptors.rlim_max, descriptors.rlim_max});
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (epoll_fd < 0) die("wrenn-agent: epoll_create1 failed");
}

void loop_restore_limits(void) { setrlimit(RLIMIT_NOFILE, &descriptors); }

void watch_set(watch *w, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = w};
    if (w->fd < 0) return;
    if (!events) {
        if (w->watched) epoll_ctl(epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
        w->watched = false;
        return;
    }
    if (epoll_ctl(epoll_fd, w->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &event) != 0)
        die("wrenn-agent: epoll_ctl failed");
    w->watched = true;
}

void watch_close(watch *w) {
    watch_set(w, 0);
    if (w->fd >= 0) close(w->fd);
    w->fd = -1;
}

static void drain_on_readable(watch *w, uint32_t events) {
    static char dropped[65536];
    ssize_t got = read(w->fd, dropped, sizeof(dropped));
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
    watch_close(w);
    free(w);
}

void watch_drain(watch *from) {
    if (from->fd < 0) return;
    watch *w = malloc(sizeof(*w));
    if (!w) die("wrenn-agent: out of memory");
    watch_set(from, 0);
    *w = (watch){.fd = from->fd, .ready = drain_on_readable};
    from->fd = -1;
    watch_set(w, EPOLLIN);
}

void loop_run_once(int64_t timeout_ms) {
    /* One event at a time: handling one may close the descriptors of another. */
    struct epoll_event event;
    int ready = epoll_wait(epoll_fd, &event, 1, (int)timeout_ms);
    if (ready < 0 && errno != EINTR) die("wrenn-agent: epoll_wait failed");
    if (ready != 1) return;
    watch *w = event.data.ptr;
    w->ready(w, event.events);
}
