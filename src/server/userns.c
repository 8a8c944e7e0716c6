#include <errno.h>
#include <fcntl.h>
#include <linux/securebits.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "server/userns.h"

#define SLOTS_DIR "/run/wrennd"

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

/* What a namespace's users take of the kernel's per-user limits (inotify instances, message queues, pending signals) is
 * charged to its maker as well. So its maker must be nobody else: the first id of the sandbox's own range. It keeps its
 * capabilities, because some systems let only the privileged make one. */
_Noreturn static void hold_namespace(uid_t base, int ready) {
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
    if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, base, base, base) != 0 ||
        syscall(SYS_setresuid, base, base, base) != 0)
        _exit(1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWUSER) != 0) _exit(1);
    (void)!write(ready, "", 1);
    for (;;) pause();
}

/* A namespace exists through a process: make one that only waits to be killed, keep a descriptor of its namespace. */
int userns_make(uid_t base) {
    int ready[2], fd = -1;
    char byte;
    if (pipe2(ready, O_CLOEXEC) != 0) return -1;
    pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0ul);
    if (pid == 0) hold_namespace(base, ready[1]);
    close(ready[1]);
    errno = EPERM; /* what an end without the byte most likely means */
    if (pid > 0 && read(ready[0], &byte, 1) == 1 && write_map(pid, "uid_map", base) == 0 &&
        write_map(pid, "gid_map", base) == 0) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    int saved = errno;
    close(ready[0]);
    if (pid > 0) {
        kill(pid, SIGKILL);
        while (waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
        }
    }
    errno = saved;
    return fd;
}

static int write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, text, strlen(text));
    close(fd);
    return written == (ssize_t)strlen(text) ? 0 : -1;
}

int userns_map_self(uid_t uid, gid_t gid) {
    char users[32], groups[32];
    snprintf(users, sizeof(users), "0 %u 1", (unsigned)uid);
    snprintf(groups, sizeof(groups), "0 %u 1", (unsigned)gid);
    return write_text("/proc/self/setgroups", "deny") == 0 && write_text("/proc/self/uid_map", users) == 0 &&
                   write_text("/proc/self/gid_map", groups) == 0
               ? 0
               : -1;
}

int userns_enter(void) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    return unshare(CLONE_NEWUSER) == 0 ? userns_map_self(uid, gid) : -1;
}

/* Byte N of one file of the machine, locked, says that range N is in use. Locks of the open file: they go with the daemon,
 * and hold between two backends of one process too. */
int slots_open(void) {
    if (mkdir(SLOTS_DIR, 0755) != 0 && errno != EEXIST) return -1;
    return open(SLOTS_DIR "/uid-ranges", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
}

static bool lock_slot(int fd, int slot, short type) {
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = slot, .l_len = 1};
    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

bool slot_take(int fd, int slot) { return lock_slot(fd, slot, F_WRLCK); }
void slot_release(int fd, int slot) { lock_slot(fd, slot, F_UNLCK); }

/* From the end, where sandboxes come last. */
int userns_borrow(int *lock_fd) {
    *lock_fd = slots_open();
    for (int slot = SLOTS_MAX; *lock_fd >= 0 && slot-- > 0;) {
        if (!slot_take(*lock_fd, slot)) continue;
        int fd = userns_make(FIRST_UID + (uid_t)slot * UID_RANGE), saved = errno;
        if (fd >= 0) return fd;
        close(*lock_fd);
        *lock_fd = -1;
        return errno = saved, -1;
    }
    return -1;
}
