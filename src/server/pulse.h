/* Makes the kernel choose again, every millisecond, which task each processor runs. By itself it looks when a task wakes up or
 * ends its turn, and for turns that end only at its tick: every 4 ms on most systems. What wakes up a moment before it is
 * entitled to the processor thus waits for up to 4 ms behind a program that burns, and a command in a sandbox wakes up a dozen
 * times. So a real-time thread on each processor wakes up for an instant.
 *
 * Only as root, while sandboxes burn and others want little. */
#pragma once

#include <stdbool.h>

/* For the loop's thread: whether sandboxes burn. */
void wrn_pulse_need(bool needed);
/* Somebody who wants little has begun something: goes on for some milliseconds, if needed. Cheap. */
void wrn_pulse(void);
