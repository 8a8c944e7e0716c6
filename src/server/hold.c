#include "server/hold.h"

#include <execinfo.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static timer_t timer;
static struct itimerspec limit;
static bool armed;
static uv_prepare_t before_wait;
static uv_check_t after_wait;

/* On the thread that holds the loop, in the middle of what it does. */
static void on_limit(int number) {
    static const char said[] = "wrennd: the loop is held for too long, here:\n";
    void *frames[64];
    (void)number;
    if (write(STDERR_FILENO, said, sizeof(said) - 1) < 0) abort();
    backtrace_symbols_fd(frames, backtrace(frames, 64), STDERR_FILENO);
    abort();
}

void wrn_hold_tick(void) {
    if (armed) timer_settime(timer, 0, &limit, NULL);
}

static void on_prepare(uv_prepare_t *handle) {
    (void)handle;
    wrn_hold_tick();
}

static void on_check(uv_check_t *handle) {
    (void)handle;
    wrn_hold_tick();
}

void wrn_hold_watch(uv_loop_t *loop) {
    const char *text = getenv("WRENND_HOLD_LIMIT_MS");
    long ms = text ? strtol(text, NULL, 10) : 0;
    void *frame;
    if (ms <= 0) return;
    (void)backtrace(&frame, 1); /* loads what it needs now, not in the handler */
    struct sigaction action = {.sa_handler = on_limit};
    struct sigevent event = {.sigev_notify = SIGEV_THREAD_ID, .sigev_signo = SIGXCPU};
    event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
    limit.it_value.tv_sec = ms / 1000;
    limit.it_value.tv_nsec = ms % 1000 * 1000000;
    if (sigaction(SIGXCPU, &action, NULL) != 0 || timer_create(CLOCK_THREAD_CPUTIME_ID, &event, &timer) != 0) return;
    armed = true;
    uv_prepare_init(loop, &before_wait);
    uv_check_init(loop, &after_wait);
    uv_prepare_start(&before_wait, on_prepare);
    uv_check_start(&after_wait, on_check);
    uv_unref((uv_handle_t *)&before_wait);
    uv_unref((uv_handle_t *)&after_wait);
}

void wrn_hold_unwatch(void) {
    if (!armed) return;
    armed = false;
    timer_delete(timer);
    uv_close((uv_handle_t *)&before_wait, NULL);
    uv_close((uv_handle_t *)&after_wait, NULL);
}
