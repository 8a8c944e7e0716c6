/* libcurl does not tell which descriptors these are, and other threads may open some at the same time. So they are
 * recognized by their behaviour: each wake-up fills them by the same amount, and each poll empties them. */
#include "net/wakeup.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

enum { WAKEUPS = 29, MOST = 32, ENDS = 2, TRIES = 3 };

typedef struct end {
    int fd, filled;
} end;

/* The bytes in a pipe or a pair of unix sockets, seen from either end; 0 for other descriptors. */
static int fill_level(int fd) {
    struct stat info;
    int size = 0, domain = 0;
    socklen_t length = sizeof(domain);
    if (fstat(fd, &info) != 0) return 0;
    if (S_ISFIFO(info.st_mode)) return ioctl(fd, FIONREAD, &size) == 0 ? size : 0;
    if (!S_ISSOCK(info.st_mode) || getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 || domain != AF_UNIX)
        return 0;
    if (ioctl(fd, FIONREAD, &size) == 0 && size) return size;
    return ioctl(fd, SIOCOUTQ, &size) == 0 ? size : 0;
}

static size_t find_filled(end ends[MOST]) {
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");
    for (struct dirent *entry; dir && count < MOST && (entry = readdir(dir));) {
        int fd = atoi(entry->d_name);
        if (entry->d_name[0] == '.' || fcntl(fd, F_GETFD) != 0) continue;
        int filled = fill_level(fd);
        if (filled && filled % WAKEUPS == 0) ends[count++] = (end){fd, filled};
    }
    if (dir) closedir(dir);
    return count;
}

/* Keeps the descriptors whose fill level matches this number of wake-ups. */
static size_t wakeup_keep(end *ends, size_t count, int wakeups) {
    size_t kept = 0;
    for (size_t i = 0; i < count; i++)
        if (fill_level(ends[i].fd) == ends[i].filled / WAKEUPS * wakeups) ends[kept++] = ends[i];
    return kept;
}

static bool wakeup_seal_once(CURLM *multi) {
    end ends[MOST];
    for (int i = 0; i < WAKEUPS; i++) curl_multi_wakeup(multi);
    size_t count = find_filled(ends);
    curl_multi_poll(multi, NULL, 0, 0, NULL);
    count = wakeup_keep(ends, count, 0);
    curl_multi_wakeup(multi);
    count = wakeup_keep(ends, count, 1);
    curl_multi_poll(multi, NULL, 0, 0, NULL);
    count = wakeup_keep(ends, count, 0);
    for (size_t i = 0; i < count && count == ENDS; i++) fcntl(ends[i].fd, F_SETFD, FD_CLOEXEC);
    return count == ENDS || count == 0;
}

void wrn_wakeup_seal(CURLM *multi) {
    for (int i = 0; i < TRIES && !wakeup_seal_once(multi); i++) {
    }
}
