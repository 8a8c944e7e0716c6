/* Locks on files that show that a process is alive.
 *
 * They belong to the process (fcntl), not to the open file (flock). Children inherit the latter, so a killed daemon would
 * seem alive until the children that it had just forked end. The lock is released when the process ends, or closes any
 * descriptor of the file. */
#pragma once

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

/* False with errno, EAGAIN when another process has it. Needs a descriptor open for writing. */
static inline bool wrn_lock_take(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    if (fcntl(fd, F_SETLK, &lock) == 0) return true;
    if (errno == EACCES) errno = EAGAIN;
    return false;
}

/* Whether another process has it. */
static inline bool wrn_lock_is_taken(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
