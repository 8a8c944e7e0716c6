#include "agent/agent.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int epoll_fd;
static struct rlimit files;

int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void die(const char *why) {
    (void)!write(2, why, strlen(why));
    (void)!write(2, "\n", 1);
    _exit(1);
}

/* What outlives its command keeps a descriptor here for its output. */
static void raise_limits(void) {
    if (getrlimit(RLIMIT_NOFILE, &files) == 0)
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){files.rlim_max, files.rlim_max});
}

void restore_limits(void) { setrlimit(RLIMIT_NOFILE, &files); }

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

static void on_child(watch *w, uint32_t events) {
    struct signalfd_siginfo ignored;
    (void)events;
    while (read(w->fd, &ignored, sizeof(ignored)) > 0) {
    }
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;) command_reaped(pid, status);
}

int main(void) {
    /* Nobody in the sandbox may look into this process, root neither. */
    prctl(PR_SET_DUMPABLE, 0);
    /* Started without a path, it has none. At each restart of wrennd systemd would complain of another one. */
    prctl(PR_SET_NAME, "(wrenn-agent)");
    signal(SIGPIPE, SIG_IGN);
    raise_limits();
    sigset_t child;
    sigemptyset(&child);
    sigaddset(&child, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child, NULL);
    epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    static watch children = {.ready = on_child};
    children.fd = signalfd(-1, &child, SFD_CLOEXEC | SFD_NONBLOCK);
    if (epoll_fd < 0 || children.fd < 0) die("wrenn-agent: no descriptors");
    watch_set(&children, EPOLLIN);
    crowd_notice();
    channel_open();
    for (;;) {
        /* One event at a time: handling one may close the descriptors of another. */
        struct epoll_event event;
        int ready = epoll_wait(epoll_fd, &event, 1, (int)command_next_timer());
        if (ready < 0 && errno != EINTR) die("wrenn-agent: epoll_wait failed");
        if (ready == 1) {
            watch *w = event.data.ptr;
            w->ready(w, event.events);
        }
        command_run_timers();
    }
}
