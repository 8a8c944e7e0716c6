#include "agent/listening.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* The kernel has no event for a socket that begins to listen, so its tables are read again and again. */
enum { LOOK_AGAIN_NS = 10 * 1000 * 1000, LISTEN = 0x0a };

/* Whether an address, as /proc/net/tcp writes it, is the loopback address or stands for all addresses. */
static bool is_reachable(const char *address) {
    static const char *const all[] = {"00000000", "0100007F", "00000000000000000000000000000000",
                                      "00000000000000000000000001000000", "0000000000000000FFFF00000100007F"};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (strcmp(address, all[i]) == 0) return true;
    return false;
}

static bool listens(const char *path, unsigned port) {
    FILE *table = fopen(path, "re");
    char line[512], address[33];
    unsigned at, state;
    bool found = false;
    while (table && !found && fgets(line, sizeof(line), table))
        found = sscanf(line, " %*u: %32[0-9A-F]:%x %*[0-9A-F]:%*x %x", address, &at, &state) == 3 && at == port &&
                state == LISTEN && is_reachable(address);
    if (table) fclose(table);
    return found;
}

int builtin_listening(char **argv) {
    const struct timespec pause = {.tv_nsec = LOOK_AGAIN_NS};
    unsigned port = (unsigned)atoi(argv[1]);
    while (!listens("/proc/net/tcp", port) && !listens("/proc/net/tcp6", port)) {
        if (argv[2]) return EAGAIN;
        nanosleep(&pause, NULL);
    }
    return 0;
}
