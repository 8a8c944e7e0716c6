#include "agent/crowd.h"

#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/resource.h>
#include <unistd.h>

enum { KEPT_PROCESSES = 64, CROWD = 1024, HURRY_S = 1 };

static bool is_crowded; /* at the last fork */
static pid_t hurried;

static void crowd_set_limit(bool is_low, rlim_t less) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NPROC, &limit) != 0 || limit.rlim_max == RLIM_INFINITY || limit.rlim_max < 4 * KEPT_PROCESSES)
        return;
    limit.rlim_max -= less;
    limit.rlim_cur = !is_low ? limit.rlim_max : limit.rlim_max / 2 < CROWD ? limit.rlim_max / 2 : CROWD;
    setrlimit(RLIMIT_NPROC, &limit);
}

void crowd_notice(void) { crowd_set_limit(true, 0); }

pid_t crowd_fork(void) {
    pid_t pid = fork();
    is_crowded = pid < 0 && errno == EAGAIN;
    if (!is_crowded) return pid;
    crowd_set_limit(false, 0);
    pid = fork();
    int error = errno;
    if (pid != 0) crowd_notice();
    errno = error;
    return pid;
}

/* Back to the priority of commands; the agent's is better, where wrennd may set that. Both calls are plain system calls, so
 * a signal handler may make them. */
static void crowd_calm(int signo) {
    if (hurried) setpriority(PRIO_PGRP, (id_t)hurried, 0); // NOLINT(bugprone-signal-handler)
    setpriority(PRIO_PROCESS, 0, 0);                       // NOLINT(bugprone-signal-handler)
}

void crowd_keeper(void) {
    crowd_set_limit(false, 0);
    if (!is_crowded) crowd_calm(0);
}

void crowd_command(void) { crowd_set_limit(false, KEPT_PROCESSES); }

void crowd_started(pid_t group) {
    if (!is_crowded) return;
    hurried = group;
    signal(SIGALRM, crowd_calm);
    alarm(HURRY_S);
}
