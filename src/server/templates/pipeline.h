/* Runs the programs of `template build`: wrenn-unpack, which reads a file or another program. One at a time. */
#pragma once

#include <signal.h>
#include <stdbool.h>

#include "base/buf.h"
#include "server/backend/backend.h"

/* The signal that interrupts the build; 0: none. */
extern volatile sig_atomic_t pipeline_stopped;

/* From now on SIGINT, SIGTERM and SIGHUP end the programs, and set pipeline_stopped. */
void pipeline_begin(void);
void pipeline_end(void);

/* Runs "unpacker MODE ..." in the directory `tree`. Its input is the output of the command `from`, which is looked up
 * in PATH and has our stderr, or else `in`. Its remarks go to `said`. False with a fault. */
bool pipeline_run(const char *unpacker, const char *mode, const char *tree, int in, const char *const *from,
                  wrn_buf *said, wrn_fault *fault);
