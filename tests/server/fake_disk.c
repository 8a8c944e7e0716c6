/* A disk that takes its time, FAKE_DISK_MS, or has nothing written to it while the file FAKE_DISK_BROKEN is there. */
#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* In place of libc's, for SQLite, too. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name) */
__attribute__((visibility("default"))) int fdatasync(int fd) {
    const char *ms = getenv("FAKE_DISK_MS"), *broken = getenv("FAKE_DISK_BROKEN");
    const long wait_ms = ms ? atol(ms) : 0;
    struct timespec left = {wait_ms / 1000, wait_ms % 1000 * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
    if (broken && access(broken, F_OK) == 0) return errno = EIO, -1;
    return (int)syscall(SYS_fdatasync, fd);
}
