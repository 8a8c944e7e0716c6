/* Finding, stopping and killing a command's descendants. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

/* Sends `signo` to every descendant of `root`, but not to `root`. SIGKILL leaves none of them, whatever they fork meanwhile. */
void descendants_signal(pid_t root, int signo);
/* Kills all children of the agent that are not keepers, and all below them. */
void descendants_kill_strays(bool (*is_keeper)(pid_t pid));
/* Stops all processes but the agent, or continues them. */
void descendants_freeze(bool freeze);
