/* A unix socket that leads to another one, until the connections are cut. */
#ifndef WRN_TESTS_RELAY_H
#define WRN_TESTS_RELAY_H

#include <sys/types.h>

pid_t relay_start(const char *path, const char *target);
/* Ends all connections that there are; new ones are taken. */
void relay_cut(pid_t relay);
void relay_stop(pid_t relay);

#endif
