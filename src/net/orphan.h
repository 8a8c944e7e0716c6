/* Processes that run beside this one without being its children. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { WRN_ORPHAN_FD = 3 };

typedef struct wrn_orphan {
    pid_t pid; /* 0: none */
    int fd;    /* a pidfd; -1 where the kernel, or valgrind, has none */
} wrn_orphan;

/* Starts `program` in a session of its own. It gets `fd` (which must be above WRN_ORPHAN_FD) as descriptor WRN_ORPHAN_FD, its
 * stdin and stdout are /dev/null, and it shares stderr. No wait() of this process sees it and no SIGCHLD reports it, except in
 * processes that inherit all orphans: process 1 of a PID namespace, and subreapers. Blocks until it runs; safe from several
 * threads. False with errno. wrn_orphan_release() frees *out. */
bool wrn_orphan_start(const char *program, char *const argv[], int fd, wrn_orphan *out);
/* Waits for its end up to `within_ms` (-1: no limit); whether it has ended. Reaps it if this process inherited it. */
bool wrn_orphan_ended(const wrn_orphan *orphan, int64_t within_ms);
void wrn_orphan_kill(const wrn_orphan *orphan);
void wrn_orphan_release(wrn_orphan *orphan);
