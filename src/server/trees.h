/* Whole directories: measuring, making and removing them. */
#ifndef WRN_SERVER_TREES_H
#define WRN_SERVER_TREES_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

/* Adds up the disk space of a directory. Links are not followed. Blocks, until `stopped`, which may be NULL, is set. */
int64_t disk_bytes(const char *dir, const atomic_bool *stopped);
/* Like mkdir -p. 0, or -1 with errno. */
int make_path(const char *path, mode_t mode);
/* The path, or its nearest ancestor that exists. */
void probe_nearest(const char *path, char out[PATH_MAX]);
/* Calls remove(path) on a worker; here, blocking, if `loop` is NULL. */
void remove_later(uv_loop_t *loop, const char *path, bool (*remove)(const char *path));
/* Removes the entries of a directory except those kept. Their names are free at once. */
void remove_entries(uv_loop_t *loop, const char *path, bool (*is_kept)(const void *context, const char *name),
                    const void *context);

#endif
