/* Removing a directory with all of its content, which may be hostile. */
#pragma once

#include <stdbool.h>

/* Follows no links and stays on the file system of `path`. Works at any depth and length of paths, and on directories of the
 * caller's without permissions. Blocks. True when nothing is there afterwards; else errno says why something stayed. */
bool wrn_tree_remove(const char *path);
