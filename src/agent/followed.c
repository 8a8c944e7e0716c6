#include "agent/followed.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *open_info(int dir, const char *fd) {
    char path[300];
    snprintf(path, sizeof(path), "fdinfo/%.255s", fd);
    int info = openat(dir, path, O_RDONLY | O_CLOEXEC);
    FILE *file = info >= 0 ? fdopen(info, "r") : NULL;
    if (!file && info >= 0) close(info);
    return file;
}

/* Reads "inotify wd:1 ino:2a sdev:3 ..." lines. Devices are not compared: that of a file may differ from that of its mount. */
static bool has_watch(FILE *info, ino_t inode) {
    char line[512];
    unsigned long long number;
    while (fgets(line, sizeof(line), info))
        if (sscanf(line, "inotify wd:%*x ino:%llx", &number) == 1 && number == (unsigned long long)inode) return true;
    return false;
}

static bool waits_at_end(FILE *info, off_t size) {
    long long at;
    unsigned flags;
    return fscanf(info, "pos: %lld flags: %o", &at, &flags) == 2 && (flags & O_ACCMODE) == O_RDONLY && at >= size;
}

static bool descriptor_follows(int dir, const char *fd, const struct stat *target) {
    char path[300], link[32] = "";
    struct stat open_file;
    snprintf(path, sizeof(path), "fd/%.255s", fd);
    if (readlinkat(dir, path, link, sizeof(link) - 1) <= 0) return false;
    bool notifies = strstr(link, "inotify") && *link != '/';
    if (!notifies && (*link != '/' || fstatat(dir, path, &open_file, 0) != 0 || open_file.st_ino != target->st_ino ||
                      open_file.st_dev != target->st_dev))
        return false;
    FILE *info = open_info(dir, fd);
    bool follows = info && (notifies ? has_watch(info, target->st_ino) : waits_at_end(info, target->st_size));
    if (info) fclose(info);
    return follows;
}

static bool process_follows(int dir, const struct stat *target) {
    int list = openat(dir, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *fds = list >= 0 ? fdopendir(list) : NULL;
    bool found = false;
    for (struct dirent *entry; fds && !found && (entry = readdir(fds));)
        found = isdigit((unsigned char)entry->d_name[0]) && descriptor_follows(dir, entry->d_name, target);
    if (fds) closedir(fds);
    else if (list >= 0) close(list);
    return found;
}

bool is_followed(const struct stat *target) {
    DIR *proc = opendir("/proc");
    bool found = false;
    for (struct dirent *entry; proc && !found && (entry = readdir(proc));) {
        struct stat info;
        int dir = isdigit((unsigned char)entry->d_name[0])
                      ? openat(dirfd(proc), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
                      : -1;
        if (dir < 0) continue;
        /* Even root of a sandbox may not see the descriptors of another user's process. */
        if (fstat(dir, &info) == 0) setfsgid(info.st_gid), setfsuid(info.st_uid);
        found = process_follows(dir, target);
        setfsuid(geteuid()), setfsgid(getegid());
        close(dir);
    }
    if (proc) closedir(proc);
    return found;
}
