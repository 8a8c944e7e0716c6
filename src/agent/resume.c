#include "agent/resume.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "agent/names.h"

/* From linux/random.h, which musl lacks. */
#define ADD_ENTROPY _IOW('R', 3, int[2])
#define RESEED _IO('R', 7)
typedef struct entropy {
    int bits, size;
    uint8_t bytes[WRN_RESUME_SEED];
} entropy;

/* Without a new seed, two copies would generate the same random numbers. */
static void add_randomness(const uint8_t seed[WRN_RESUME_SEED]) {
    entropy added = {.bits = 8 * WRN_RESUME_SEED, .size = WRN_RESUME_SEED};
    int fd = open("/dev/urandom", O_RDWR | O_CLOEXEC);
    memcpy(added.bytes, seed, WRN_RESUME_SEED);
    if (fd < 0) return;
    if (ioctl(fd, ADD_ENTROPY, &added) == 0) ioctl(fd, RESEED, 0);
    close(fd);
}

void resume_clock_and_randomness(const wrn_resume *how) {
    const struct timespec now = {.tv_sec = (time_t)(how->time_us / 1000000),
                                 .tv_nsec = (long)(how->time_us % 1000000 * 1000)};
    clock_settime(CLOCK_REALTIME, &now);
    add_randomness(how->seed);
}

void resume_names(const wrn_resume *how) {
    if (!*how->id) return;
    setenv("WRENN_SANDBOX_ID", how->id, 1);
    setenv("WRENN_TEMPLATE_ID", how->template_name, 1);
    names_set(how->id, how->template_name);
}
