#include "agent/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

int builtin_clock(char **argv) {
    long long ms = strtoll(argv[1], NULL, 10);
    const struct timespec now = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};
    return clock_settime(CLOCK_REALTIME, &now) == 0 ? 0 : errno;
}
