/* Whether a process of the sandbox follows a file: watches it by inotify, or waits at its end for more, as tail -f does. Both
 * stay with the inode, so replacing the file would cut them off. */
#pragma once

#include <stdbool.h>
#include <sys/stat.h>

/* A directory is followed by inotify only. */
bool is_followed(const struct stat *target);
