/* What is done with whole directories, by templates, boxes and backends alike. */
#ifndef WRN_SERVER_TREES_H
#define WRN_SERVER_TREES_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <uv.h>

/* The space that a directory takes up. Links are not followed. Blocks, until it is stopped. */
int64_t disk_bytes(const char *dir, const atomic_bool *stopped);
/* Like mkdir -p. 0, or -1 with errno. */
int make_path(const char *path, mode_t mode);
/* The path, or what there is of the way to it. */
void probe_nearest(const char *path, char out[PATH_MAX]);
/* Calls remove(path) on a worker; at once, blocking, when `loop` is NULL. */
void remove_later(uv_loop_t *loop, const char *path, bool (*remove)(const char *path));
/* Removes all that is in a directory but what is kept. The names are free at once. */
void remove_entries(uv_loop_t *loop, const char *path, bool (*is_kept)(const void *context, const char *name),
                    const void *context);

#endif
