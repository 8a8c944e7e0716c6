/* Descriptors that close at scope exit, and small files. */
#pragma once

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>
#include <unistd.h>

#include "base/auto.h"

/* For WRN_AUTO(). They do nothing for -1 and NULL. wrn_fd_close() keeps errno. */
static inline void wrn_fd_close(int *fd) {
    int saved = errno;
    if (*fd >= 0) close(*fd);
    *fd = -1;
    errno = saved;
}

static inline void wrn_dir_close(DIR **dir) {
    if (*dir) closedir(*dir);
}

static inline void wrn_stdio_close(FILE **file) {
    if (*file) fclose(*file);
}

/* Closes all of them that are not -1, and sets them to -1. Keeps errno. */
static inline void wrn_fds_close(int *fds, size_t count) {
    while (count) wrn_fd_close(&fds[--count]);
}

/* Returns the descriptor and sets the variable to -1, so that it stays open. */
static inline int wrn_fd_take(int *fd) {
    int taken = *fd;
    *fd = -1;
    return taken;
}

/* Reads the next entry but "." and ".."; NULL at the end, and for a NULL `dir`. */
struct dirent *wrn_dir_next(DIR *dir);
/* Sends bytes and at most WRN_FDS_MAX descriptors over a UNIX socket. False with errno. */
enum { WRN_FDS_MAX = 16 };
bool wrn_fds_send(int to, const void *data, size_t size, const int *fds, size_t count, int flags);
/* Receives a packet of at most `size` bytes, and at most `count` descriptors, which are close-on-exec; `fds` is filled up with
 * -1. Returns the number of bytes; 0 at the end; -1 with errno. */
ssize_t wrn_fds_receive(int from, void *data, size_t size, int *fds, size_t count);
/* Opens a file, relative to the descriptor `dir` or AT_FDCWD, with O_WRONLY and `flags`, and writes all of `data` to
 * it. New files have mode 0644 less the umask. False with errno. */
bool wrn_file_write(int dir, const char *path, int flags, const void *data, size_t size);
/* write() that never raises SIGPIPE. */
ssize_t wrn_write_quietly(int fd, const void *data, size_t size);
/* Reads at most `size` - 1 bytes and adds a NUL. Returns the number of bytes, or -1 with errno and "" in `out`. */
ssize_t wrn_file_read(const char *path, char *out, size_t size);
