#include "server/hold.h"

#include <dlfcn.h>
#include <execinfo.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* SAMPLES: how often each limit is checked within its time. */
enum { FRAMES = 64, FIRST_FRAMES = 5, SAMPLES = 4, SLEEP_FACTOR = 20 };

typedef struct watch {
    timer_t timer;
    struct itimerspec limit;
    int signal;
} watch;

static watch work, sleep_;
static bool armed;
static uv_prepare_t before_wait;
static uv_check_t after_wait;
static int schedstat_fd = -1;
static int64_t sleep_limit_ns;
static volatile sig_atomic_t work_samples; /* of this event */
static volatile sig_atomic_t event;        /* a counter */

typedef struct account {
    int64_t at_ns, awake_ns; /* awake: running, or waiting for a processor */
} account;

static int64_t now_ns(clockid_t clock) {
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The second number of schedstat is the time spent waiting for a processor. */
static account take_account(void) {
    char text[64] = "", *end = text;
    int64_t waited_ns = 0;
    if (pread(schedstat_fd, text, sizeof(text) - 1, 0) > 0) {
        strtoll(text, &end, 10);
        waited_ns = strtoll(end, NULL, 10);
    }
    return (account){now_ns(CLOCK_MONOTONIC_RAW), now_ns(CLOCK_THREAD_CPUTIME_ID) + waited_ns};
}

static void abort_with_backtrace(const char *said, void *const *frames, int count) {
    if (write(STDERR_FILENO, said, strlen(said)) < 0) abort();
    backtrace_symbols_fd(frames, count, STDERR_FILENO);
    abort();
}

static void start_work_sample(void) { timer_settime(work.timer, 0, &work.limit, NULL); }

/* Runs on the loop's thread and interrupts its work. The host of a virtual machine may stop a processor at a page that it has
 * yet to find; the guest takes that for work. Such a stop ends one sample, however long it takes. */
static void hold_on_work_sample(int number) {
    void *frames[FRAMES];
    (void)number;
    if (++work_samples < SAMPLES) return start_work_sample();
    abort_with_backtrace("wrennd: the loop is held for too long, here:\n", frames, backtrace(frames, FRAMES));
}

/* Whether the thread waits for the next event. The first frames are those of the handler and the kernel. */
static bool is_waiting(void *const *frames, int count) {
    Dl_info info;
    for (int i = 0; i < count && i < FIRST_FRAMES; i++)
        if (dladdr(frames[i], &info) && info.dli_sname && strncmp(info.dli_sname, "epoll_", 6) == 0) return true;
    return false;
}

/* Two samples without an event in between belong to the same event. */
static void hold_on_sample(int number) {
    static account first;
    static sig_atomic_t first_event;
    static bool has_first;
    void *frames[FRAMES];
    int count = backtrace(frames, FRAMES);
    account now = take_account();
    (void)number;
    bool same_event = has_first && first_event == event;
    has_first = !is_waiting(frames, count);
    if (!has_first || !same_event) {
        first = now;
        first_event = event;
        return;
    }
    if (now.at_ns - first.at_ns - (now.awake_ns - first.awake_ns) >= sleep_limit_ns)
        abort_with_backtrace("wrennd: the loop sleeps where it must not wait, here:\n", frames, count);
}

void wrn_hold_tick(void) {
    if (!armed) return;
    event++;
    work_samples = 0;
    start_work_sample();
}

static void hold_on_prepare(uv_prepare_t *handle) {
    (void)handle;
    wrn_hold_tick();
}

static void hold_on_check(uv_check_t *handle) {
    (void)handle;
    wrn_hold_tick();
}

static struct timespec time_of(int64_t ns) { return (struct timespec){ns / 1000000000, ns % 1000000000}; }

static bool start_watch(watch *w, clockid_t clock, int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigevent how = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = number};
    how._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    return sigaction(number, &action, NULL) == 0 && timer_create(clock, &how, &w->timer) == 0;
}

static int64_t limit_of(const char *name, int64_t otherwise_ns) {
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) * 1000000 : otherwise_ns;
}

void wrn_hold_watch(uv_loop_t *loop) {
    int64_t work_limit_ns = limit_of("WRENND_HOLD_LIMIT_MS", 0);
    void *frame;
    if (work_limit_ns <= 0) return;
    sleep_limit_ns = limit_of("WRENND_SLEEP_LIMIT_MS", work_limit_ns * SLEEP_FACTOR);
    (void)backtrace(&frame, 1); /* loads libgcc now, not in a signal handler */
    schedstat_fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    work.limit.it_value = time_of(work_limit_ns / SAMPLES);
    sleep_.limit.it_value = sleep_.limit.it_interval = time_of(sleep_limit_ns / SAMPLES);
    if (!start_watch(&work, CLOCK_THREAD_CPUTIME_ID, SIGXCPU, hold_on_work_sample) ||
        !start_watch(&sleep_, CLOCK_MONOTONIC, SIGPROF, hold_on_sample))
        return;
    armed = true;
    if (schedstat_fd >= 0) timer_settime(sleep_.timer, 0, &sleep_.limit, NULL);
    uv_prepare_init(loop, &before_wait);
    uv_check_init(loop, &after_wait);
    uv_prepare_start(&before_wait, hold_on_prepare);
    uv_check_start(&after_wait, hold_on_check);
    uv_unref((uv_handle_t *)&before_wait);
    uv_unref((uv_handle_t *)&after_wait);
}

void wrn_hold_unwatch(void) {
    if (!armed) return;
    armed = false;
    timer_delete(work.timer);
    timer_delete(sleep_.timer);
    if (schedstat_fd >= 0) close(schedstat_fd);
    uv_close((uv_handle_t *)&before_wait, NULL);
    uv_close((uv_handle_t *)&after_wait, NULL);
}
