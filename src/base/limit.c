#include "base/limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

/* RLIMIT_DATA counts the memory that statm calls "data". A limit below that would make every allocation fail. */
int wrn_limit_data(int64_t more_bytes) {
    char text[256];
    unsigned long long pages;
    struct rlimit limit;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
    int saved = errno;
    if (fd >= 0) close(fd);
    if (got < 0) return errno = saved, -1;
    text[got] = '\0';
    if (sscanf(text, "%*u %*u %*u %*u %*u %llu", &pages) != 1) return errno = EIO, -1;
    if (getrlimit(RLIMIT_DATA, &limit) != 0) return -1;
    rlim_t wanted = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + (rlim_t)more_bytes;
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max < wanted) wanted = limit.rlim_max;
    limit.rlim_cur = limit.rlim_max = wanted;
    return setrlimit(RLIMIT_DATA, &limit);
}
