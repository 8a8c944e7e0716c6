#include "server/pulse.h"

#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

/* How often the threads wake up, how long after the last call, and on how many processors at most. */
enum { EVERY_US = 1000, FOR_US = 20000, THREADS_MAX = 64, STACK_SIZE = 64 * 1024 };

static _Atomic int64_t until_us;
static _Atomic uint32_t goes; /* 0: the threads sleep until it is 1 */
static bool is_needed, is_made;

static void wait_until_it_goes(void) { syscall(SYS_futex, &goes, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0); }

static void *beat(void *processor) {
    const struct timespec pause = {.tv_nsec = EVERY_US * 1000};
    cpu_set_t own;
    CPU_ZERO(&own);
    CPU_SET((size_t)(uintptr_t)processor, &own);
    prctl(PR_SET_NAME, "wrennd-pulse");
    if (sched_setaffinity(0, sizeof(own), &own) != 0 ||
        sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &(struct sched_param){.sched_priority = 1}) != 0)
        return NULL; /* an ordinary user, or a container that may not */
    for (;;) {
        if (wrn_now_us() < atomic_load(&until_us)) {
            nanosleep(&pause, NULL);
            continue;
        }
        atomic_store(&goes, 0);
        if (wrn_now_us() >= atomic_load(&until_us)) wait_until_it_goes();
        else atomic_store(&goes, 1); /* a call came in between */
    }
}

/* They end with the process: they hold nothing. */
static void make_threads(void) {
    cpu_set_t all;
    pthread_attr_t attributes;
    pthread_t thread;
    sigset_t every, before;
    sigfillset(&every);
    if (sched_getaffinity(0, sizeof(all), &all) != 0 || CPU_COUNT(&all) > THREADS_MAX) return;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, STACK_SIZE);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_sigmask(SIG_BLOCK, &every, &before);
    for (int i = 0; i < CPU_SETSIZE; i++)
        if (CPU_ISSET(i, &all)) (void)!pthread_create(&thread, &attributes, beat, (void *)(uintptr_t)i);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&attributes);
}

void wrn_pulse_need(bool needed) {
    is_needed = needed && geteuid() == 0;
    if (!is_needed || is_made) return;
    is_made = true;
    make_threads();
}

void wrn_pulse(void) {
    if (!is_needed) return;
    atomic_store(&until_us, wrn_now_us() + FOR_US);
    if (atomic_exchange(&goes, 1) == 0) syscall(SYS_futex, &goes, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}
