/* Work that takes too long for the loop, on libuv's workers. Each kind of work has a lane with a few workers that no other
 * kind can take, so that what one asks for never stands in the way of another: a thousand directories to remove do not hold
 * up a login. */
#ifndef WRN_SERVER_LANE_H
#define WRN_SERVER_LANE_H

#include <uv.h>

typedef enum wrn_lane {
    WRN_LANE_REMOVE, /* directories and what else is left behind */
    WRN_LANE_HASH,   /* passwords: 64 MiB each */
    WRN_LANE_JSON,   /* large bodies and answers */
    WRN_LANE_DISK,   /* adding up what sandboxes have written */
    WRN_LANE_DIAL,   /* going into the networks of sandboxes: one at a time, see dial.c */
    WRN_LANE_SYNC,   /* waiting for the disk to have what was written */
    WRN_LANE_COUNT
} wrn_lane;

/* A part of whatever the work is about; its own until `done`. */
typedef struct wrn_job {
    uv_work_t work;
    struct wrn_job *next;
    uv_loop_t *loop;
    wrn_lane lane;
    void (*run)(struct wrn_job *job);  /* on a worker */
    void (*done)(struct wrn_job *job); /* on the loop */
} wrn_job;

/* So many workers as all lanes have. Before the first work. */
void wrn_lane_setup(void);
/* From the loop; in order within a lane. */
void wrn_lane_put(uv_loop_t *loop, wrn_lane lane, wrn_job *job);

#endif
