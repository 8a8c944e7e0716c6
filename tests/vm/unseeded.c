/* resume.c of an agent that leaves out the seed: copies of a machine are then the same, which the test of the seed must notice. */
#include <sys/ioctl.h>

static int refuse(int fd, unsigned long request, const void *argument) {
    (void)fd, (void)request, (void)argument;
    return -1;
}

#define ioctl refuse
#include "agent/resume.c"
