/* The agent's event loop: one thread, and nothing blocks but the wait for events. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

typedef struct watch {
    int fd; /* -1: none */
    bool watched;
    void (*ready)(struct watch *w, uint32_t events);
    void *owner;
} watch;

/* Before all else. Raises the limit of descriptors as far as it goes. */
void loop_open(void);
/* Waits for one event for that long at most (-1: no limit), and handles it. */
void loop_run_once(int64_t timeout_ms);
/* Level-triggered; events of 0 stop watching. Closing a watched descriptor goes through watch_close(). */
void watch_set(watch *w, uint32_t events);
void watch_close(watch *w);
/* For output that nobody wants any more; takes the descriptor over. A process that outlives its command still writes to the
 * command's pipes. If nobody read them, it would be killed by SIGPIPE or block for ever; so they are read to their end, and
 * what comes is dropped. */
void watch_drain(watch *from);
/* In a process that will run a command: lowers the limit of descriptors to what the agent was started with. */
void loop_restore_limits(void);
/* Writes the reason to stderr and ends the agent, and with it the sandbox. */
_Noreturn void die(const char *why);
