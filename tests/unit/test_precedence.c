/* What processor time is reserved for the loop, where others have reserved some (server/precedence.h). */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "server/precedence.h"
#include "test.h"

enum { DEADLINE = 6, PERIOD_NS = 5000000 };

/* The begin of struct sched_attr. */
typedef struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
} attributes;

static uint64_t left_ns, given_ns; /* of each period: what the kernel has to give, and has given */

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...);

/* The kernel knows nothing of shares: what is asked for is there as a whole, or refused. */
long __wrap_syscall(long number, ...) {
    long a[6];
    va_list list;
    va_start(list, number);
    for (int i = 0; i < 6; i++) a[i] = va_arg(list, long);
    va_end(list);
    if (number != SYS_sched_setattr) return __real_syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
    attributes asked;
    memcpy(&asked, (const void *)a[1], sizeof(asked));
    if (asked.policy != DEADLINE) return 0;
    CHECK_INT(asked.period, PERIOD_NS);
    if (asked.runtime > left_ns) return errno = EBUSY, -1;
    given_ns = asked.runtime;
    return 0;
}

static uint64_t taken_of(uint64_t left) {
    left_ns = left;
    given_ns = 0;
    wrn_precedence_take();
    return given_ns;
}

TEST(a_smaller_part_is_reserved_where_there_is_no_more) {
    if (getpriority(PRIO_PROCESS, 0) > 0) test_skip("run with a lower priority on purpose");
    CHECK_INT(taken_of(PERIOD_NS), 3000000);
    CHECK_INT(taken_of(1500000), 1000000);
    CHECK_INT(taken_of(900000), 0);
}

TEST_MAIN
