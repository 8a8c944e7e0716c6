/* A unix socket that leads to another one, until the connections are cut. */
#ifndef WRN_TESTS_RELAY_H
#define WRN_TESTS_RELAY_H

#include <sys/types.h>

/* Between the command and the user's own server, which is running; from now on the command uses it. */
pid_t relay_to_own(void);
pid_t relay_start(const char *path, const char *target);
/* Ends all connections that there are; new ones are taken. */
void relay_cut(pid_t relay);
/* From now on it takes 10 ms for each 64 kB. */
void relay_slow(pid_t relay);
void relay_stop(pid_t relay);

#endif
