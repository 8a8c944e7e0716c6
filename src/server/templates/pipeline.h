/* The programs that `template build` runs: wrenn-unpack, fed by a file or by another program. One at a time per process. */
#ifndef WRN_SERVER_TEMPLATES_PIPELINE_H
#define WRN_SERVER_TEMPLATES_PIPELINE_H

#include <signal.h>
#include <stdbool.h>

#include "base/buf.h"
#include "server/backend/backend.h"

/* The signal that told the build to stop; 0: none. */
extern volatile sig_atomic_t pipeline_stopped;

/* From now on SIGINT, SIGTERM and SIGHUP end the programs, and set pipeline_stopped. */
void pipeline_begin(void);
void pipeline_end(void);

/* Runs "unpacker MODE ..." in the directory `tree`, with what `from` puts out or else with `in` as its input. What it
 * remarks goes to `said`; false with a fault. `from` is looked up in PATH; its errors go to ours. */
bool pipeline_run(const char *unpacker, const char *mode, const char *tree, int in, const char *const *from,
                  wrn_buf *said, wrn_fault *fault);

#endif
