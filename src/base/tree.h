/* Removing a directory with all that is in it, made by whomever. */
#ifndef WRN_BASE_TREE_H
#define WRN_BASE_TREE_H

#include <stdbool.h>

/* Follows no links and stays on the file system of `path`. Depth and length of paths do not matter, nor missing
 * permissions on directories of one's own. Blocks. True when nothing is there afterwards; else errno
 * says why something stayed. */
bool wrn_tree_remove(const char *path);

#endif
