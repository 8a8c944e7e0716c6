/* Waiting for a sandbox to run: shared by wait_ready and by create with WRENN_CREATE_WAIT. */
#ifndef WRN_API_WAIT_H
#define WRN_API_WAIT_H

#include "wrenn/models.h"

typedef enum wrn_wait_verdict { WRN_WAIT_READY, WRN_WAIT_LOOK_AGAIN, WRN_WAIT_PAUSED, WRN_WAIT_NEVER } wrn_wait_verdict;

enum { WRN_WAIT_INTERVAL_MS = 500 };

/* What a status means to somebody who waits. A status this version does not know may still pass. */
static inline wrn_wait_verdict wrn_wait_judge(const wrenn_sandbox_info *info) {
    switch (info->status) {
    case WRENN_SANDBOX_STATUS_RUNNING: return WRN_WAIT_READY;
    case WRENN_SANDBOX_STATUS_PAUSED:
    case WRENN_SANDBOX_STATUS_HIBERNATED: return WRN_WAIT_PAUSED;
    case WRENN_SANDBOX_STATUS_STOPPED:
    case WRENN_SANDBOX_STATUS_STOPPING:
    case WRENN_SANDBOX_STATUS_MISSING:
    case WRENN_SANDBOX_STATUS_ERROR: return WRN_WAIT_NEVER;
    default: return WRN_WAIT_LOOK_AGAIN;
    }
}

#endif
