/* Work that takes too long for the loop, on workers. Each kind of work has a lane with its own workers, so that one kind
 * never blocks another: removing a thousand directories does not delay a login. */
#pragma once

#include <uv.h>

typedef enum wrn_lane {
    WRN_LANE_MAKE,   /* roots of sandboxes */
    WRN_LANE_START,  /* processes of sandboxes, one at a time: see nursery.c */
    WRN_LANE_REMOVE, /* directories, and other leftovers */
    WRN_LANE_LINK,   /* ending links of sandboxes, for which nobody waits: the kernel takes 20 ms for each */
    WRN_LANE_HASH,   /* passwords: slow on purpose */
    WRN_LANE_JSON,   /* large bodies and answers */
    WRN_LANE_DISK,   /* measuring what sandboxes have written */
    WRN_LANE_COPY,   /* disks of sandboxes */
    WRN_LANE_DIAL,   /* entering networks of sandboxes, one at a time: see dial.c */
    WRN_LANE_SIGN,   /* making keys and certificates, in another program */
    WRN_LANE_SYNC,   /* waiting for writes to reach the disk */
    WRN_LANE_COUNT
} wrn_lane;

/* A member of the struct that the work is about; in use until `done` is called. */
typedef struct wrn_job {
    struct wrn_job *next;
    struct worker *worker;
    uv_loop_t *loop;
    wrn_lane lane;
    void (*run)(struct wrn_job *job);
    void (*done)(struct wrn_job *job);
} wrn_job;

/* Opens the descriptor that workers wake the loop through, which the first work does otherwise: a process that may run out of
 * descriptors calls it early. */
void wrn_lane_setup(void);
/* Starts all workers, which otherwise start when they are needed: then sandboxes may have used up the machine's processes. */
void wrn_lane_fill(void);
/* Calls run(job) on a worker, then done(job) on the loop, where this is called too. A lane starts its work in order. Work
 * that is under way keeps its loop running. NULL `loop`: both at once. */
void wrn_lane_put(uv_loop_t *loop, wrn_lane lane, wrn_job *job, void (*run)(wrn_job *job), void (*done)(wrn_job *job));
