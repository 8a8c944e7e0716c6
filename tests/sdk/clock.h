/* A clock of the test's own, for its thread and the library in it; a server's thread has the real one. Only waits take time, the
 * time they were given, unless something comes: so no test depends on how fast the machine is.
 *
 * clock_gettime() and epoll_wait() take the place of libc's. */
#ifndef WRN_TESTS_CLOCK_H
#define WRN_TESTS_CLOCK_H

#include "script_server.h"
#include <stdint.h>

/* From now on nothing is expected to come: a wait is over at once. Each look at the clock takes `tick_us`. */
void clock_start(int64_t tick_us);
/* Until the server has seen so many requests, something is: a wait is real. */
void clock_expect(script_server *server, size_t requests);
/* Puts the clock forward, the real one too. */
void clock_pass(int64_t us);
void clock_stop(void);

/* The longest wait since clock_start(). */
int64_t clock_longest_ms(void);

#endif
