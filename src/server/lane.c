#include "server/lane.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "server/hold.h"
#include "server/precedence.h"

static struct lane {
    const int workers;
    int running;
    wrn_job *first, **last;
} lanes[WRN_LANE_COUNT] = {
    [WRN_LANE_MAKE] = {.workers = 2}, [WRN_LANE_REMOVE] = {.workers = 2}, [WRN_LANE_LINK] = {.workers = 2},
    [WRN_LANE_HASH] = {.workers = 2}, [WRN_LANE_JSON] = {.workers = 3},   [WRN_LANE_DISK] = {.workers = 1},
    [WRN_LANE_COPY] = {.workers = 2}, [WRN_LANE_DIAL] = {.workers = 1},   [WRN_LANE_SIGN] = {.workers = 1},
    [WRN_LANE_SYNC] = {.workers = 1}};

void wrn_lane_setup(void) {
    char count[12];
    int all = 0;
    for (int i = 0; i < WRN_LANE_COUNT; i++) all += lanes[i].workers;
    snprintf(count, sizeof(count), "%d", all);
    setenv("UV_THREADPOOL_SIZE", count, 1);
}

static void lane_on_worker(uv_work_t *work) {
    wrn_job *job = work->data;
    static __thread bool yielded;
    if (!yielded) wrn_precedence_yield();
    yielded = true;
    job->run(job);
}

static void start_work(struct lane *lane);

static void lane_on_done(uv_work_t *work, int status) {
    wrn_job *job = work->data;
    struct lane *lane = &lanes[job->lane];
    (void)status; /* never cancelled */
    lane->running--;
    wrn_hold_tick();
    start_work(lane);
    job->done(job);
}

static void start_work(struct lane *lane) {
    while (lane->first && lane->running < lane->workers) {
        wrn_job *job = lane->first;
        lane->first = job->next;
        lane->running++;
        job->work.data = job;
        uv_queue_work(job->loop, &job->work, lane_on_worker, lane_on_done); /* can't fail */
    }
}

void wrn_lane_put(uv_loop_t *loop, wrn_lane lane, wrn_job *job, void (*run)(wrn_job *job), void (*done)(wrn_job *job)) {
    struct lane *at = &lanes[lane];
    if (!loop) return run(job), done(job);
    *job = (wrn_job){.loop = loop, .lane = lane, .run = run, .done = done};
    if (!at->first) at->last = &at->first;
    *at->last = job;
    at->last = &job->next;
    start_work(at);
}
