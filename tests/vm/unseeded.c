/* resume.c of an agent that leaves out the seed: copies of a machine are then the same, which the test of the seed must notice. */
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define RESEED_GENERATOR _IO('R', 7)

/* A kernel that has not reseeded its generator for some seconds does so when it is asked next, with what differs between copies. So
 * that the machine which is copied is none like that, however long it took to boot, it does so every second. */
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
