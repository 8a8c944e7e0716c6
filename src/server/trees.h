/* Operations on whole directory trees. */
#pragma once

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

/* The disk space of a tree. Does not follow links. Blocks, until *stopped. */
int64_t disk_bytes(const char *dir, const atomic_bool *stopped);
/* Copies the data of a file into a new one of the same size, which keeps its holes. File systems that can share the blocks do that. 0, or -1
 * with errno. */
int copy_data(int from, int to);
/* Like mkdir -p. 0, or -1 with errno. */
int make_path(const char *path, mode_t mode);
/* The longest part of the path that exists. */
void probe_nearest(const char *path, char out[PATH_MAX]);
/* Calls remove(path) on a worker, or at once when `loop` is NULL. */
void remove_later(uv_loop_t *loop, const char *path, bool (*remove)(const char *path));
/* Removes all entries of a directory that are not kept. Their names are free at once. */
void remove_entries(uv_loop_t *loop, const char *path, bool (*is_kept)(const void *context, const char *name),
                    const void *context);
