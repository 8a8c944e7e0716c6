/* Locks on files that say "somebody is here".
 *
 * Locks of the process (fcntl), not of the open file (flock): those are inherited by every child, so a daemon that was
 * killed would seem alive until the last process it was just making is gone. The lock goes with the process, and with
 * the first descriptor of the file that it closes. */
#ifndef WRN_BASE_LOCK_H
#define WRN_BASE_LOCK_H

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

/* Does another process have it? */
static inline bool wrn_lock_is_taken(int fd) {
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
    return fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

#endif
