/* Archives of trees, see tar.h. */
#pragma once

#include <stdbool.h>

typedef struct wrn_pack {
    int out; /* where the archive is written to */
    /* Whether what has this path below the directory goes into the archive, and what is below it. NULL: all of it. */
    bool (*wants)(void *context, const char *path, bool directory);
    /* Told of each path that is not in the archive: because of an errno, or with 0 because it is no file, directory or link, or
     * is in /proc or /sys. Returns whether to go on. NULL: such things are noted in the archive; errors end it. */
    bool (*lacks)(void *context, int error, const char *path);
    void *context;
} wrn_pack;

/* Writes an archive of what is in a directory, beginning with itself as "./"; of files with several names, each name. What
 * vanishes meanwhile is not in it. `paths`, relative and NULL at the end: only of these, with all below them and without the
 * directory itself. Blocks. 0, or an errno, after which the archive is not complete; see wrn_tar_why(). */
int wrn_pack_tree(const wrn_pack *how, int directory, const char *const *paths);
