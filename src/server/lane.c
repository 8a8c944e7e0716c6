#include "server/lane.h"

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/auto.h"
#include "server/hold.h"
#include "server/precedence.h"

/* The workers are not libuv's: to tell the loop, these take a lock that the loop waits for, in part without sleeping. The loop
 * comes before them on the processor, so that it may wait for one that it keeps from running, for seconds on a busy machine.
 * Here neither ever waits for the other: what is done is pushed on a list, and the loop woken through a descriptor. */
typedef struct worker {
    struct worker *next; /* idle as well */
    pthread_t thread;
    sem_t ready;  /* `job` is there */
    wrn_job *job; /* NULL: the end */
} worker;

static struct lane {
    const int workers;
    int running;
    wrn_job *first, **last;
    worker *idle;
} lanes[WRN_LANE_COUNT] = {
    [WRN_LANE_MAKE] = {.workers = 2}, [WRN_LANE_REMOVE] = {.workers = 2}, [WRN_LANE_LINK] = {.workers = 2},
    [WRN_LANE_HASH] = {.workers = 2}, [WRN_LANE_JSON] = {.workers = 3},   [WRN_LANE_DISK] = {.workers = 1},
    [WRN_LANE_COPY] = {.workers = 2}, [WRN_LANE_DIAL] = {.workers = 1},   [WRN_LANE_SIGN] = {.workers = 1},
    [WRN_LANE_SYNC] = {.workers = 1}};

static _Atomic(wrn_job *) finished; /* the last one first */
static int wakeup = -1;
static uv_poll_t *waker; /* while any work is under way */
static int under_way;
static pid_t home; /* the process that has the workers */

void wrn_lane_setup(void) {
    if (wakeup < 0) wakeup = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (wakeup < 0) abort();
}

static void *run_jobs(void *context) {
    const uint64_t one = 1;
    worker *w = context;
    wrn_precedence_yield();
    for (;;) {
        while (sem_wait(&w->ready) != 0) {
        }
        wrn_job *job = w->job;
        if (!job) return NULL;
        job->run(job);
        job->next = atomic_load(&finished);
        while (!atomic_compare_exchange_weak(&finished, &job->next, job)) {
        }
        /* From here on `job` may be gone. */
        (void)!write(wakeup, &one, sizeof(one));
    }
}

static worker *new_worker(void) {
    worker *w = calloc(1, sizeof(*w));
    home = getpid();
    sem_init(&w->ready, 0, 0);
    if (pthread_create(&w->thread, NULL, run_jobs, w) != 0) abort();
    return w;
}

static void lane_start(struct lane *lane) {
    while (lane->first && lane->running < lane->workers) {
        wrn_job *job = lane->first;
        lane->first = job->next;
        lane->running++;
        job->worker = lane->idle;
        if (job->worker) lane->idle = job->worker->next;
        else job->worker = new_worker();
        job->worker->job = job;
        sem_post(&job->worker->ready);
    }
}

static void end_job(wrn_job *job) {
    struct lane *lane = &lanes[job->lane];
    wrn_hold_tick();
    job->worker->next = lane->idle;
    lane->idle = job->worker;
    lane->running--;
    under_way--;
    lane_start(lane);
    job->done(job);
}

static void on_waker_closed(uv_handle_t *handle) { free(handle); }

static void on_woken(uv_poll_t *poll, int status, int events) {
    (void)poll, (void)status, (void)events;
    uint64_t count;
    wrn_job *first = NULL;
    (void)!read(wakeup, &count, sizeof(count));
    for (wrn_job *job = atomic_exchange(&finished, NULL), *next; job; job = next) {
        next = job->next;
        job->next = first;
        first = job;
    }
    for (wrn_job *next; first; first = next) {
        next = first->next;
        end_job(first);
    }
    if (!under_way) uv_close((uv_handle_t *)WRN_TAKE(waker), on_waker_closed);
}

static void watch_workers(uv_loop_t *loop) {
    wrn_lane_setup();
    waker = malloc(sizeof(*waker));
    if (uv_poll_init(loop, waker, wakeup) != 0) abort();
    uv_poll_start(waker, UV_READABLE, on_woken);
}

/* At the end of the process. A child of it has no workers. */
__attribute__((destructor)) static void end_workers(void) {
    if (getpid() != home) return;
    for (int i = 0; i < WRN_LANE_COUNT; i++)
        for (worker *w; (w = lanes[i].idle);) {
            lanes[i].idle = w->next;
            w->job = NULL;
            sem_post(&w->ready);
            pthread_join(w->thread, NULL);
            free(w);
        }
}

void wrn_lane_put(uv_loop_t *loop, wrn_lane lane, wrn_job *job, void (*run)(wrn_job *job), void (*done)(wrn_job *job)) {
    struct lane *at = &lanes[lane];
    if (!loop) return run(job), done(job);
    *job = (wrn_job){.loop = loop, .lane = lane, .run = run, .done = done};
    if (!waker) watch_workers(loop);
    under_way++;
    if (!at->first) at->last = &at->first;
    *at->last = job;
    at->last = &job->next;
    lane_start(at);
}
