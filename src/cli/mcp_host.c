/* Files of this machine that tools may use: those below one directory. The kernel sees to it that no link and no ".." leads
 * out of it, also when somebody changes them meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "cli/mcp.h"

static int open_beneath(int directory, const char *path, int flags) {
    struct open_how how = {.flags = (uint64_t)(flags | O_CLOEXEC), .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
    return (int)syscall(SYS_openat2, directory, path, &how, sizeof(how));
}

/* The path relative to the directory; an absolute path must begin with the directory. NULL: `why` says what is wrong. */
static const char *host_files_below(const mcp_session *session, const char *path, wrn_buf *why) {
    if (session->directory < 0) {
        wrn_buf_puts(why, "no file of this machine may be used: start wrenn mcp with --files DIR to open a directory");
        return NULL;
    }
    if (*path != '/') return path;
    size_t size = strcmp(session->files, "/") == 0 ? 0 : strlen(session->files);
    if (strncmp(path, session->files, size) == 0 && path[size] == '/') {
        path += size;
        while (*path == '/') path++;
        return path;
    }
    wrn_buf_printf(why, "%s is not below %s, and other files of this machine may not be used", path, session->files);
    return NULL;
}

static void say_refusal(const mcp_session *session, const char *path, wrn_buf *why) {
    if (errno == EXDEV)
        wrn_buf_printf(why, "%s leads out of %s, and other files of this machine may not be used", path,
                       session->files);
    else if (errno == ENOSYS || errno == EPERM)
        wrn_buf_printf(why, "%s: this machine can't keep us below %s: Linux 5.6 or newer is needed", path,
                       session->files);
    else wrn_buf_printf(why, "%s: %s", path, strerror(errno));
}

int mcp_open_source(const mcp_session *session, const char *path, wrn_buf *why) {
    struct stat info;
    const char *relative = host_files_below(session, path, why);
    if (!relative) return -1;
    /* Opening a pipe that nobody writes to would block. */
    int fd = open_beneath(session->directory, relative, O_RDONLY | O_NONBLOCK);
    if (fd < 0) return say_refusal(session, path, why), -1;
    if (fstat(fd, &info) == 0 && S_ISREG(info.st_mode)) return fd;
    wrn_buf_printf(why, "%s is not a file: only files can be uploaded, one at a time", path);
    close(fd);
    return -1;
}

bool mcp_open_target(const mcp_session *session, const char *path, mcp_target *target, wrn_buf *why) {
    char random[WRN_RANDOM_NAME_SIZE];
    struct stat info;
    *target = (mcp_target){.directory = -1, .fd = -1};
    const char *relative = host_files_below(session, path, why);
    if (!relative) return false;
    const char *slash = strrchr(relative, '/');
    target->last = slash ? slash + 1 : relative;
    if (!*target->last || strcmp(target->last, ".") == 0 || strcmp(target->last, "..") == 0)
        return wrn_buf_printf(why, "'%s' is not the name of a file", path), false;
    char *parent = slash ? strndup(relative, (size_t)(slash - relative)) : strdup(".");
    target->directory = parent ? open_beneath(session->directory, parent, O_RDONLY | O_DIRECTORY) : -1;
    free(parent);
    if (target->directory >= 0 && wrn_random_name(random)) {
        snprintf(target->name, sizeof(target->name), ".wrenn-%s", random);
        if (fstatat(target->directory, target->last, &info, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(info.st_mode))
            errno = EISDIR;
        else
            target->fd =
                openat(target->directory, target->name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
    }
    if (target->fd >= 0) return true;
    say_refusal(session, path, why);
    wrn_fd_close(&target->directory);
    return false;
}

bool mcp_close_target(mcp_target *target, bool keep, wrn_buf *why) {
    bool ok = close(target->fd) == 0 && keep &&
              renameat(target->directory, target->name, target->directory, target->last) == 0;
    if (!ok && keep) wrn_buf_printf(why, "%s: %s", target->last, strerror(errno));
    if (!ok) unlinkat(target->directory, target->name, 0);
    wrn_fd_close(&target->directory);
    return ok;
}
