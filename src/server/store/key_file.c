#include "server/store/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool make(const char *path, unsigned char key[WRN_KEY_SIZE]) {
    char part[4200];
    randombytes_buf(key, WRN_KEY_SIZE);
    /* Renamed into place, so that a crash never leaves a partial key. */
    if ((size_t)snprintf(part, sizeof(part), "%s.new", path) >= sizeof(part)) return errno = ENAMETOOLONG, false;
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return false;
    bool ok = write(fd, key, WRN_KEY_SIZE) == WRN_KEY_SIZE && fsync(fd) == 0;
    ok = close(fd) == 0 && ok;
    return ok && rename(part, path) == 0;
}

bool wrn_key_file_load(const char *path, unsigned char key[WRN_KEY_SIZE], const char *loss, wrn_why *why) {
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT && make(path, key)) return true;
    struct stat info;
    bool ok = fd >= 0 && fstat(fd, &info) == 0;
    ssize_t got = ok ? read(fd, key, WRN_KEY_SIZE) : -1;
    int error = errno;
    if (fd >= 0) close(fd);
    if (got < 0) return wrn_why_set(why, "cannot read or make %s: %s", path, strerror(error));
    if (got != WRN_KEY_SIZE || info.st_size != got)
        return wrn_why_set(why, "%s is damaged; remove it, and %s", path, loss);
    if (info.st_mode & 077) return wrn_why_set(why, "others can read %s; run: chmod 600 %s", path, path);
    return true;
}
