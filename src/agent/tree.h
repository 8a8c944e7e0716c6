/* Finding, stopping and killing a command's descendants. */
#ifndef WRN_AGENT_TREE_H
#define WRN_AGENT_TREE_H

#include <stdbool.h>
#include <sys/types.h>

/* Sends `signo` to every descendant of `root`, not to itself. SIGKILL leaves none of them, whatever they fork meanwhile. */
void tree_signal(pid_t root, int signo);
/* Kills the agent's own children that are no keepers, and all below them. */
void tree_kill_strays(bool (*is_keeper)(pid_t pid));
/* Stops everything but the agent, or lets it go on. */
void tree_freeze(bool freeze);

#endif
