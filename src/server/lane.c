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
} lanes[WRN_LANE_COUNT] = {[WRN_LANE_REMOVE] = {.workers = 2},
                           [WRN_LANE_HASH] = {.workers = 2},
                           [WRN_LANE_JSON] = {.workers = 3},
                           [WRN_LANE_DISK] = {.workers = 1}};

void wrn_lane_setup(void) {
    char count[12];
    int all = 0;
    for (int i = 0; i < WRN_LANE_COUNT; i++) all += lanes[i].workers;
    snprintf(count, sizeof(count), "%d", all);
    setenv("UV_THREADPOOL_SIZE", count, 1);
}

static void on_worker(uv_work_t *work) {
    wrn_job *job = work->data;
    static __thread bool known;
    if (!known) wrn_precedence_yield();
    known = true;
    job->run(job);
}

static void start(struct lane *lane);

static void on_done(uv_work_t *work, int status) {
    wrn_job *job = work->data;
    struct lane *lane = &lanes[job->lane];
    (void)status; /* never cancelled */
    lane->running--;
    wrn_hold_tick();
    start(lane);
    job->done(job);
}

static void start(struct lane *lane) {
    while (lane->first && lane->running < lane->workers) {
        wrn_job *job = lane->first;
        lane->first = job->next;
        lane->running++;
        job->work.data = job;
        uv_queue_work(job->loop, &job->work, on_worker, on_done); /* can't fail */
    }
}

void wrn_lane_put(uv_loop_t *loop, wrn_lane lane, wrn_job *job) {
    struct lane *at = &lanes[lane];
    job->loop = loop;
    job->lane = lane;
    job->next = NULL;
    if (!at->first) at->last = &at->first;
    *at->last = job;
    at->last = &job->next;
    start(at);
}
