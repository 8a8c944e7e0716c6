/* A keeper is the process between the agent and each command: the reaper of the command's orphans. So whatever the command
 * starts, daemons that left its session too, stays below one process and can be found and killed. It ends when all of them
 * have. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/user.h"
#include "wire/frame.h"

typedef struct start {
    char **argv, **envp;
    const wrn_proc_spec *spec;
    const account *user; /* NULL: the agent's own */
    int in, out, err;    /* become 0, 1, 2 */
    int report;          /* where the keeper writes keeper_reports */
} start;

typedef enum report_kind { REPORT_STARTED, REPORT_ENDED, REPORT_NO_CWD, REPORT_NO_PROGRAM, REPORT_FAILED } report_kind;
typedef struct keeper_report {
    int32_t kind, value; /* pid, wait status, errno, errno, errno */
} keeper_report;

static inline bool keeper_has_terminal(const wrn_proc_spec *spec) { return spec->cols && spec->rows; }

/* The keeper's pid, or -1 with errno. */
pid_t keeper_start(const start *start);
