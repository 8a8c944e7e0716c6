#include "agent/drain.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static void drain_on_readable(watch *w, uint32_t events) {
    static char dropped[65536];
    (void)events;
    ssize_t got = read(w->fd, dropped, sizeof(dropped));
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR))) return;
    watch_close(w);
    free(w);
}

void drain(watch *from) {
    if (from->fd < 0) return;
    watch *w = malloc(sizeof(*w));
    if (!w) die("wrenn-agent: out of memory");
    watch_set(from, 0);
    *w = (watch){.fd = from->fd, .ready = drain_on_readable};
    from->fd = -1;
    watch_set(w, EPOLLIN);
}
