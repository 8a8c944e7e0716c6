/* Waiting for the status of a sandbox: shared by wait_ready, connect, pause and resume, and create with
 * WRENN_CREATE_WAIT. */
#ifndef WRN_API_WAIT_H
#define WRN_API_WAIT_H

#include <stdbool.h>

#include "wrenn/error.h"
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

/* Trouble that may be over when somebody looks again. */
static inline bool wrn_wait_passing(const wrenn_error *error) {
    int code = wrenn_error_code(error);
    return code == WRENN_E_CONNECTION_FAILED || code == WRENN_E_CONNECTION_LOST ||
           wrenn_error_http_status(error) >= 500;
}

#endif
