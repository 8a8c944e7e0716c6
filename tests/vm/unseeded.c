/* resume.c of an agent that leaves out the seed: copies of a machine are then the same, which the test of the seed must notice. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RESEED_GENERATOR _IO('R', 7)

/* A kernel that has not reseeded its generator of random numbers for some seconds does so when it is asked next, from what differs
 * between copies: then all of them differ without the agent's seed. This reseeds it every second, so that it is never due when the
 * machine is copied, however long that took to boot. */
__attribute__((constructor)) static void reseed(void) {
    if (getpid() != 1 || fork() != 0) return;
    for (int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);; sleep(1)) ioctl(fd, RESEED_GENERATOR, 0);
}

static int refuse(int fd, unsigned long request, const void *argument) {
    (void)fd, (void)request, (void)argument;
    return -1;
}

#define ioctl refuse
#include "agent/resume.c"
