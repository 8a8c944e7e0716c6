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

#include "server/precedence.h"
#include "server/userns.h"

#define SLOTS_DIR "/run/wrennd"

static int write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t written = write(fd, text, strlen(text));
    close(fd);
    return written == (ssize_t)strlen(text) ? 0 : -1;
}

static int write_map(pid_t pid, const char *name, uid_t base) {
    char path[64], line[64];
    snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
    snprintf(line, sizeof(line), "0 %u %d\n", (unsigned)base, UID_RANGE);
    return write_text(path, line);
}

/* The kernel charges per-user resources (inotify instances, message queues, pending signals) of a namespace's users to its
 * creator, too. So the creator is an id of its own: the first one of the sandbox's range. It keeps its capabilities, because
 * some systems only let privileged processes create namespaces. */
_Noreturn static void hold_namespace(uid_t base, int ready) {
    wrn_precedence_assist(); /* the caller waits */
    prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP);
    if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, base, base, base) != 0 ||
        syscall(SYS_setresuid, base, base, base) != 0)
        _exit(1);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (unshare(CLONE_NEWUSER) != 0) _exit(1);
    (void)!write(ready, "", 1);
    for (;;) pause();
}

/* A process creates the namespace and waits to be killed; a descriptor keeps the namespace. */
int userns_make(uid_t base, bool reap) {
    int ready[2], fd = -1;
    char byte;
    if (pipe2(ready, O_CLOEXEC) != 0) return -1;
    pid_t pid = (pid_t)syscall(SYS_clone, (unsigned long)SIGCHLD, NULL, NULL, NULL, 0ul);
    if (pid == 0) hold_namespace(base, ready[1]);
    close(ready[1]);
    errno = EPERM; /* the likely reason when no byte comes */
    if (pid > 0 && read(ready[0], &byte, 1) == 1 && write_map(pid, "uid_map", base) == 0 &&
        write_map(pid, "gid_map", base) == 0) {
        char path[64];
        snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
        fd = open(path, O_RDONLY | O_CLOEXEC);
    }
    int saved = errno;
    close(ready[0]);
    if (pid > 0) kill(pid, SIGKILL);
    while (pid > 0 && reap && waitpid(pid, NULL, 0) < 0 && errno == EINTR) {
    }
    errno = saved;
    return fd;
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

/* A lock on byte N of the file means that range N is in use. Locks of the open file description end with the daemon, and
 * also exclude each other within a process. */
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

/* From the end: sandboxes take ranges from the start. */
int userns_borrow(int *lock_fd) {
    *lock_fd = slots_open();
    for (int slot = SLOTS_MAX; *lock_fd >= 0 && slot-- > 0;) {
        if (!slot_take(*lock_fd, slot)) continue;
        int fd = userns_make(FIRST_UID + (uid_t)slot * UID_RANGE, true), saved = errno;
        if (fd >= 0) return fd;
        close(*lock_fd);
        *lock_fd = -1;
        return errno = saved, -1;
    }
    return -1;
}
