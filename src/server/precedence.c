#include "server/precedence.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* NICE: one step is a tenth of a processor's time, as against others of the usual priority. */
enum { NICE = -10, NICE_OF_OTHERS = 5, TURN_NS = 300000 };

/* As the kernel has it; libc has no name for it. */
typedef struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
} attributes;

static int usual; /* the nice value we were started with */
static bool taken;

static bool set(int nice, uint64_t turn_ns) {
    attributes a = {.size = sizeof(a), .policy = SCHED_OTHER, .nice = nice, .runtime = turn_ns};
    return syscall(SYS_sched_setattr, 0, &a, 0) == 0;
}

/* Where the kernel has sessions share the processors (CONFIG_SCHED_AUTOGROUP), nice counts within each of them only, and all of
 * ours together would weigh as much as one shell with its programs. */
static void take_for_session(void) {
    char text[8];
    int fd = getsid(0) == getpid() ? open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    int size = snprintf(text, sizeof(text), "%d", NICE);
    (void)!write(fd, text, (size_t)size);
    close(fd);
}

void wrn_precedence_take(void) {
    usual = getpriority(PRIO_PROCESS, 0);
    /* Whoever was told to be nicer than others stays so. */
    if (usual > 0) return;
    take_for_session();
    taken = (usual > NICE && set(NICE, TURN_NS)) || set(usual, TURN_NS);
}

void wrn_precedence_leave(void) {
    if (taken) set(usual, 0);
}

void wrn_precedence_share(void) { set(taken ? usual : getpriority(PRIO_PROCESS, 0), TURN_NS); }

void wrn_precedence_yield(void) { set((taken ? usual : getpriority(PRIO_PROCESS, 0)) + NICE_OF_OTHERS, 0); }
