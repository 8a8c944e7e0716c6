/* The logs of detached commands, including the last WRN_LOGS_KEPT that have ended, and their readers. Each reader has a stream
 * and credit of its own. It reads from the file even while the command runs, so nothing is missing between kept and new output. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct logged logged;

/* For a command of that stream; the label is copied. */
logged *logs_add(uint32_t stream, const char *label);
void logs_started(logged *of, uint32_t pid);
void logs_put(logged *of, bool err, const uint8_t *data, size_t size);
/* The command has ended, with the payload of an EXIT. One that never started is forgotten. `of` may be NULL. */
void logs_end(logged *of, const uint8_t exit[12]);

/* One function for each frame that wrennd sends about reading; streams of commands are ignored. */
void logs_read(uint32_t stream, const uint8_t *data, uint32_t size);
void logs_window(uint32_t stream, uint32_t more);
void logs_signal(uint32_t stream);
/* The channel has room again. */
void logs_resume(void);
/* wrennd is gone, and so are the readers. */
void logs_lost(void);
/* How many have ended, and the DETACHED frames for them, the oldest first. */
uint32_t logs_count(void);
void logs_report(void);
