#include "server/precedence.h"

#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

/* One step of nice changes the share of processor time by about a tenth. */
enum { NICE = -10, NICE_OF_OTHERS = 5, TURN_NS = 300000 };
/* With SCHED_DEADLINE the loop gets LOOP_NS of each PERIOD_NS for certain, whoever burns, and beyond that what others leave of
 * a processor; the kernel keeps a twentieth for these. What it starts does not inherit this. The kernel refuses to reserve more
 * than there is, so the third wrennd on two processors gets the LESS-th part: to come before the programs that burn is worth
 * more than how long. */
enum {
    LOOP_NS = 3000000,
    ASSISTANT_NS = 500000,
    LESS = 3,
    PERIOD_NS = 5000000,
    RESET_ON_FORK = 1,
    RECLAIM = 2,
    DEADLINE = 6 /* linux/sched.h */
};

/* struct sched_attr, which libc does not declare. */
typedef struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
} attributes;

static int usual; /* the nice value we were started with */
static bool taken, reserved;

static bool set(const attributes *a) { return syscall(SYS_sched_setattr, 0, a, 0) == 0; }

static bool set_priority(int nice, uint64_t turn_ns) {
    return set(&(attributes){.size = sizeof(attributes), .policy = SCHED_OTHER, .nice = nice, .runtime = turn_ns});
}

/* Only for root, and while what is reserved on this machine leaves room. */
static bool reserve(uint64_t ns) {
    return set(&(attributes){.size = sizeof(attributes),
                             .policy = DEADLINE,
                             .flags = RESET_ON_FORK | RECLAIM,
                             .runtime = ns,
                             .deadline = PERIOD_NS,
                             .period = PERIOD_NS});
}

/* With CONFIG_SCHED_AUTOGROUP, nice only counts within a session, and the session as a whole has a weight of its own. */
static void take_for_session(void) {
    char text[8];
    int fd = getsid(0) == getpid() ? open("/proc/self/autogroup", O_WRONLY | O_CLOEXEC) : -1;
    if (fd < 0) return;
    int size = snprintf(text, sizeof(text), "%d", NICE);
    (void)!write(fd, text, (size_t)size);
    close(fd);
}

static void take(uint64_t reserved_ns) {
    if (!taken) usual = getpriority(PRIO_PROCESS, 0);
    /* Started with a lower priority on purpose. */
    if (usual > 0) return;
    take_for_session();
    reserved = reserve(reserved_ns) || reserve(reserved_ns / LESS);
    taken = reserved || (usual > NICE && set_priority(NICE, TURN_NS)) || set_priority(usual, TURN_NS);
}

void wrn_precedence_take(void) { take(LOOP_NS); }

void wrn_precedence_assist(void) { take(ASSISTANT_NS); }

void wrn_precedence_leave(void) {
    if (taken) set_priority(usual, 0);
}

void wrn_precedence_share(void) { set_priority(taken ? usual : getpriority(PRIO_PROCESS, 0), TURN_NS); }

/* Where the loop's time is reserved, a worker should rather come early too: the loop waits whenever one that has no processor
 * holds a lock of the process, as of its memory map. */
void wrn_precedence_yield(void) {
    if (reserved) set_priority(NICE, 0);
    else set_priority((taken ? usual : getpriority(PRIO_PROCESS, 0)) + NICE_OF_OTHERS, 0);
}
