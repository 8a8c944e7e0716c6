/* The long versions of tests (`make soak`): WRENN_SOAK says for how many minutes all of them may run together. */
#ifndef WRN_TESTS_SOAK_H
#define WRN_TESTS_SOAK_H

#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

static inline long soak_minutes(void) {
    const char *text = getenv("WRENN_SOAK");
    return text ? atol(text) : 0;
}

/* When so many percent of the minutes from now on are over, in seconds of time(); 0: the short version is wanted. */
static inline time_t soak_until(long percent) {
    return soak_minutes() ? time(NULL) + soak_minutes() * 60 * percent / 100 : 0;
}

#endif
