/* wrenn-vm: confines QEMU for one virtual machine, and ends it when wrennd is gone.
 *
 *     wrenn-vm ROOT UID tcg|kvm new|kept PROGRAM ARGUMENT...
 *
 * ROOT is all of the file system that QEMU sees, read-only. UID is its user; 0: the caller's own, in a user namespace. A new
 * disk gets a file system; one that is kept has one. The descriptors are those of internal.h. QEMU has namespaces of its own, no
 * network, no capability, and process number 1, so that it has nobody to signal or trace. What fails is said on FD_ERRORS, which
 * is also QEMU's standard error. */
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "server/backend/vm/internal.h"

_Noreturn static void fail(const char *what) {
    dprintf(FD_ERRORS, "%s: %s\n", what, strerror(errno));
    _exit(1);
}

static void must(long result, const char *what) {
    if (result < 0) fail(what);
}

/* Before this process has threads: see cgroup_join_fds(). */
static void join_groups(void) {
    for (int fd = FD_GROUPS; fd < FD_GROUPS + HIERARCHIES; fd++)
        if (fcntl(fd, F_GETFD) >= 0 && write(fd, "0", 1) != 1) fail("join the group of the sandbox");
    syscall(SYS_close_range, (unsigned)FD_GROUPS, ~0u, 0u);
}

/* A file system without a journal: nobody mounts the disk again after a crash. */
static void make_file_system(void) {
    char disk[32];
    int status = -1;
    snprintf(disk, sizeof(disk), "/proc/self/fd/%d", FD_DISK);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(FD_ERRORS, 2);
        setenv("PATH", "/usr/sbin:/sbin:/usr/bin:/bin", 1);
        execlp("mke2fs", "mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-m", "0", "-E",
               "lazy_itable_init=1,nodiscard", disk, (char *)NULL);
        fail("execute mke2fs, of the package e2fsprogs");
    }
    must(pid, "fork");
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (status != 0) errno = EIO, fail("make the file system of the sandbox's disk");
}

static void map_self(uid_t uid, gid_t gid) {
    for (int group = 0; group < 2; group++) {
        char line[64];
        int size = snprintf(line, sizeof(line), "%u %u 1", group ? gid : uid, group ? gid : uid);
        if (group && !wrn_file_write(AT_FDCWD, "/proc/self/setgroups", 0, "deny", 4)) fail("deny setgroups");
        if (!wrn_file_write(AT_FDCWD, group ? "/proc/self/gid_map" : "/proc/self/uid_map", 0, line, (size_t)size))
            fail("map the user");
    }
}

static void leave_host(bool root) {
    uid_t uid = geteuid();
    gid_t gid = getegid();
    must(unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP |
                 (root ? 0 : CLONE_NEWUSER)),
         "leave the host's namespaces");
    if (!root) map_self(uid, gid);
}

static void bind_device(const char *device, const char *at) { must(mount(device, at, NULL, MS_BIND, NULL), device); }

/* In the child, because /proc shows its namespace. */
static void enter_root(const char *root, bool kvm) {
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID};
    must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "make mounts private");
    must(mount(root, root, NULL, MS_BIND, NULL), root);
    must(syscall(SYS_mount_setattr, AT_FDCWD, root, 0, &attr, sizeof(attr)), "make the root read-only");
    must(chdir(root), root);
    must(mount("proc", "proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RDONLY, "subset=pid"), "mount /proc");
    bind_device("/dev/null", "dev/null");
    if (kvm) bind_device("/dev/kvm", "dev/kvm");
    must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
    must(umount2(".", MNT_DETACH), "leave the host's files");
    must(chdir("/"), "/");
}

/* Changing the user drops all capabilities. The device /dev/kvm belongs to a group. */
static void become_user(uid_t uid, bool kvm) {
    struct stat device;
    gid_t group = kvm && stat("/dev/kvm", &device) == 0 ? device.st_gid : 0;
    if (uid) {
        must(setgroups(group ? 1 : 0, &group), "drop groups");
        must(setresgid(uid, uid, uid), "change the group");
        must(setresuid(uid, uid, uid), "change the user");
    }
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no new privileges");
}

static void set_limits(void) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){256, 256});
}

/* `alive`: readable when wrenn-vm has ended. */
_Noreturn static void become_qemu(char **argv, bool kvm, uid_t uid, const char *root, int alive) {
    static char modules[] = "QEMU_MODULE_DIR=/qm";
    char *env[] = {modules, NULL};
    enter_root(root, kvm);
    become_user(uid, kvm);
    set_limits();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user would have cleared it */
    struct pollfd gone = {.fd = alive, .events = POLLIN};
    if (poll(&gone, 1, 0) != 0) _exit(1);
    dup2(FD_ERRORS, 1);
    dup2(FD_ERRORS, 2);
    close(FD_LIFELINE);
    close(FD_ERRORS);
    syscall(SYS_close_range, (unsigned)FD_GROUPS, ~0u, 0u);
    execve(argv[0], argv, env);
    dprintf(2, "execute QEMU: %s\n", strerror(errno));
    _exit(1);
}

/* Nobody writes to the lifeline: when it can be read, wrennd is gone. */
_Noreturn static void watch_over(pid_t qemu, int pidfd) {
    int status = 0;
    struct pollfd fds[] = {{.fd = FD_LIFELINE, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
    while (poll(fds, 2, -1) < 0 && errno == EINTR) {
    }
    if (!fds[1].revents) kill(qemu, SIGKILL);
    while (waitpid(qemu, &status, 0) < 0 && errno == EINTR) {
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
}

int main(int argc, char **argv) {
    int alive[2];
    if (argc < 6) return dprintf(2, "wrenn-vm: wrennd starts this program\n"), 2;
    uid_t uid = (uid_t)strtoul(argv[2], NULL, 10);
    bool kvm = strcmp(argv[3], "kvm") == 0;
    umask(077);
    join_groups();
    if (strcmp(argv[4], "new") == 0) make_file_system();
    leave_host(uid != 0);
    must(pipe2(alive, O_CLOEXEC), "make a pipe");
    pid_t pid = fork();
    must(pid, "fork");
    if (pid == 0) {
        close(alive[1]);
        become_qemu(argv + 5, kvm, uid, argv[1], alive[0]);
    }
    int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
    must(pidfd, "watch QEMU");
    const int passed[] = {FD_AGENT, FD_MONITOR, FD_IMAGE, FD_DISK, FD_INITRAMFS, FD_RAM, FD_LINK, FD_LAYER};
    for (size_t i = 0; i < WRN_COUNT(passed); i++) close(passed[i]);
    watch_over(pid, pidfd);
}
