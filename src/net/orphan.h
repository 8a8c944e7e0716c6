/* Processes that live beside ours and are nobody's child. */
#ifndef WRN_NET_ORPHAN_H
#define WRN_NET_ORPHAN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum { WRN_ORPHAN_FD = 3 };

typedef struct wrn_orphan {
    pid_t pid; /* 0: none */
    int fd;    /* a pidfd; -1 where the kernel, or valgrind, has none */
} wrn_orphan;

/* Starts `program` in a session of its own, with `fd`, above WRN_ORPHAN_FD, as its descriptor WRN_ORPHAN_FD and nothing to
 * read or print to but stderr. No wait() of this process sees it and no SIGCHLD tells of it, except where orphans come to
 * anyway: process 1 of a PID namespace, and subreapers. False with errno. Blocks until it runs; safe from several
 * threads. Then wrn_orphan_release() frees what *out holds. */
bool wrn_orphan_start(const char *program, char *const argv[], int fd, wrn_orphan *out);
/* Has it ended, or does it in this time? -1: no limit. A dead one that came to us as a child is buried. */
bool wrn_orphan_ended(const wrn_orphan *orphan, int64_t within_ms);
void wrn_orphan_kill(const wrn_orphan *orphan);
void wrn_orphan_release(wrn_orphan *orphan);

#endif
