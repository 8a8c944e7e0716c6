/* Processes that live beside ours and are nobody's child. */
#ifndef WRN_NET_ORPHAN_H
#define WRN_NET_ORPHAN_H

enum { WRN_ORPHAN_FD = 3 };

/* Starts `program` in a session of its own, with `fd`, above WRN_ORPHAN_FD, as its descriptor WRN_ORPHAN_FD and nothing to
 * read or print to but stderr. No wait() of this process sees it and no SIGCHLD tells of it, except where orphans come to
 * anyway: process 1 of a PID namespace, and subreapers. A pidfd, to be closed; -1 with errno when there is no such
 * program and for all other reasons. Blocks until it runs; safe from several threads. */
int wrn_orphan_start(const char *program, char *const argv[], int fd);

#endif
