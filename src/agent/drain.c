/* What outlives its command still has the command's output. If nobody read it, it would be killed by SIGPIPE, or wait for
 * ever; so what nobody wants any more is read to its end and dropped. */
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "agent/agent.h"

static void on_leftover(watch *w, uint32_t events) {
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
    *w = (watch){.fd = from->fd, .ready = on_leftover};
    from->fd = -1;
    watch_set(w, EPOLLIN);
}
