/* Lets commands start in a sandbox with thousands of processes: some processes are reserved for the agent and its keepers,
 * and a command that starts into a crowd has a better priority for its first second. */
#pragma once

#include <sys/types.h>

/* From now on the agent's forks fail when there are many processes, which is how crowd_fork() notices a crowd. */
void crowd_notice(void);
/* Like fork(), for keepers. */
pid_t crowd_fork(void);
/* In a keeper: it may use the reserved processes. */
void crowd_keeper(void);
/* In a command: it may not. */
void crowd_command(void);
/* In the keeper, when the command's process group has just started. */
void crowd_started(pid_t group);
