#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "server/backend/ns/internal.h"

static int write_map(pid_t pid, const char *name, uid_t base) {
    char path[64], line[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    int size = snprintf(line, sizeof(line), "0 %u %d\n", (unsigned)base, UID_RANGE);
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, line, (size_t)size);
    close(fd);
    return written == size ? 0 : -1;
}

/* A namespace exists through a process: make one that only waits to be killed, keep a descriptor of its namespace. */
int userns_make(uid_t base) {
    pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)(CLONE_NEWUSER | SIGCHLD), NULL, NULL, NULL, 0ul);
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;) pause();
    }
    if (pid < 0) return -1;
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
    int fd = write_map(pid, "uid_map", base) == 0 && write_map(pid, "gid_map", base) == 0
                 ? open(path, O_RDONLY | O_CLOEXEC)
                 : -1;
    int saved = errno;
    kill(pid, SIGKILL);
    while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    errno = saved;
    return fd;
}
