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
    struct waker *waker;
} worker;

static struct lane {
    const int workers;
    int made, running;
    wrn_job *first, **last;
    worker *idle;
} lanes[WRN_LANE_COUNT] = {
    [WRN_LANE_MAKE] = {.workers = 2}, [WRN_LANE_START] = {.workers = 1}, [WRN_LANE_REMOVE] = {.workers = 2},
    [WRN_LANE_LINK] = {.workers = 2}, [WRN_LANE_HASH] = {.workers = 2},  [WRN_LANE_JSON] = {.workers = 3},
    [WRN_LANE_DISK] = {.workers = 1}, [WRN_LANE_COPY] = {.workers = 2},  [WRN_LANE_DIAL] = {.workers = 1},
    [WRN_LANE_SIGN] = {.workers = 1}, [WRN_LANE_SYNC] = {.workers = 1}};

/* How workers wake a loop. One process has one loop, except in tests. */
typedef struct waker {
    struct waker *next;
    uv_loop_t *loop;
    int fd;
    _Atomic(wrn_job *) finished; /* the last one first */
    uv_poll_t *poll;             /* while any work of the loop is under way */
    int under_way;
} waker;

static waker first = {.fd = -1};
static pid_t home; /* the process that has the workers */

static void open_waker(waker *w) {
    w->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (w->fd < 0) abort();
}

void wrn_lane_setup(void) {
    if (first.fd < 0) open_waker(&first);
}

static waker *waker_of(uv_loop_t *loop) {
    waker *w = &first;
    wrn_lane_setup();
    if (!w->loop) w->loop = loop;
    while (w->loop != loop && w->next) w = w->next;
    if (w->loop == loop) return w;
    w = w->next = calloc(1, sizeof(*w));
    w->loop = loop;
    open_waker(w);
    return w;
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
        waker *of_loop = w->waker;
        job->run(job);
        job->next = atomic_load(&of_loop->finished);
        while (!atomic_compare_exchange_weak(&of_loop->finished, &job->next, job)) {
        }
        /* From here on `job` may be gone, and `w` have another one. */
        (void)!write(of_loop->fd, &one, sizeof(one));
    }
}

static worker *new_worker(void) {
    worker *w = calloc(1, sizeof(*w));
    home = getpid();
    sem_init(&w->ready, 0, 0);
    if (pthread_create(&w->thread, NULL, run_jobs, w) != 0) abort();
    return w;
}

static worker *take_worker(struct lane *lane) {
    worker *w = lane->idle;
    if (w) return lane->idle = w->next, w;
    lane->made++;
    return new_worker();
}

void wrn_lane_fill(void) {
    for (int i = 0; i < WRN_LANE_COUNT; i++)
        for (struct lane *lane = &lanes[i]; lane->made < lane->workers; lane->made++) {
            worker *w = new_worker();
            w->next = lane->idle;
            lane->idle = w;
        }
}

static void lane_start(struct lane *lane) {
    while (lane->first && lane->running < lane->workers) {
        wrn_job *job = lane->first;
        lane->first = job->next;
        lane->running++;
        job->worker = take_worker(lane);
        job->worker->job = job;
        job->worker->waker = waker_of(job->loop);
        sem_post(&job->worker->ready);
    }
}

static void end_job(wrn_job *job) {
    struct lane *lane = &lanes[job->lane];
    wrn_hold_tick();
    job->worker->next = lane->idle;
    lane->idle = job->worker;
    lane->running--;
    lane_start(lane);
    job->done(job);
}

static void on_poll_closed(uv_handle_t *handle) { free(handle); }

static void on_woken(uv_poll_t *poll, int status, int events) {
    waker *w = poll->data;
    (void)status, (void)events;
    uint64_t count;
    wrn_job *oldest = NULL;
    (void)!read(w->fd, &count, sizeof(count));
    for (wrn_job *job = atomic_exchange(&w->finished, NULL), *next; job; job = next) {
        next = job->next;
        job->next = oldest;
        oldest = job;
    }
    for (wrn_job *next; oldest; oldest = next) {
        next = oldest->next;
        w->under_way--;
        end_job(oldest);
    }
    if (!w->under_way) uv_close((uv_handle_t *)WRN_TAKE(w->poll), on_poll_closed);
}

static void watch_workers(waker *w) {
    w->poll = malloc(sizeof(*w->poll));
    if (uv_poll_init(w->loop, w->poll, w->fd) != 0) abort();
    w->poll->data = w;
    uv_poll_start(w->poll, UV_READABLE, on_woken);
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
    waker *w = waker_of(loop);
    *job = (wrn_job){.loop = loop, .lane = lane, .run = run, .done = done};
    if (!w->poll) watch_workers(w);
    w->under_way++;
    if (!at->first) at->last = &at->first;
    *at->last = job;
    at->last = &job->next;
    lane_start(at);
}
