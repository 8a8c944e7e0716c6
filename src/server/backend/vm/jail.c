/* wrenn-vm: confines QEMU for one virtual machine, and ends it when wrennd is gone.
 *
 *     wrenn-vm ROOT UID tcg|kvm new|kept PROGRAM ARGUMENT... -- PROGRAM ARGUMENT...
 *
 * ROOT is all of the file system that QEMU sees, read-only. UID is its user; 0: the caller's own, in a user namespace. A new
 * disk gets a file system; one that is kept has one. The descriptors are those of internal.h. QEMU has namespaces of its own, no
 * network, no capability, and process number 1, so that it has nobody to signal or trace. What fails is said on FD_ERRORS, which
 * is also QEMU's standard error.
 *
 * The first program is the machine as it starts, the second one as it goes on from a state. For a hibernation wrennd has QEMU write the
 * state down, and this process end it. What QEMU was connected to stays open here, so that nobody there notices, until the
 * second program gets it. */
#include <fcntl.h>
#include <grp.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <poll.h>
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
    must(unshare(CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWCGROUP | (root ? 0 : CLONE_NEWUSER)),
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

typedef struct jail {
    const char *root;
    uid_t uid;
    bool kvm;
    int alive[2]; /* a pipe; readable when this process has ended */
} jail;

_Noreturn static void become_qemu(const jail *j, char **argv) {
    static char modules[] = "QEMU_MODULE_DIR=/qm";
    char *env[] = {modules, NULL};
    close(j->alive[1]);
    enter_root(j->root, j->kvm);
    become_user(j->uid, j->kvm);
    set_limits();
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of user would have cleared it */
    struct pollfd gone = {.fd = j->alive[0], .events = POLLIN};
    if (poll(&gone, 1, 0) != 0) _exit(1);
    dup2(FD_ERRORS, 1);
    dup2(FD_ERRORS, 2);
    close(FD_LIFELINE);
    close(FD_ERRORS);
    close(FD_LOCK);
    close(FD_COMMAND);
    syscall(SYS_close_range, (unsigned)FD_GROUPS, ~0u, 0u);
    execve(argv[0], argv, env);
    dprintf(2, "execute QEMU: %s\n", strerror(errno));
    _exit(1);
}

/* Nothing else gets the number. */
static void let_go(int fd) { dup2(STDIN_FILENO, fd); }

/* Each machine is the first process of its namespace. -1 with errno. `pidfd` is closed on execution. */
static pid_t start_qemu(const jail *j, char **argv, int *pidfd) {
    struct clone_args args = {
        .flags = CLONE_NEWPID | CLONE_NEWNS | CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0) become_qemu(j, argv);
    let_go(FD_MONITOR); /* whose end tells wrennd that QEMU has ended */
    return (pid_t)pid;
}

static int reap(pid_t qemu) {
    int status = 0;
    while (waitpid(qemu, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

/* What QEMU shares with the host is whole after any signal: the machine is stopped. It must not say good-bye on its sockets. */
static void end_qemu(pid_t *qemu, int *pidfd) {
    if (*qemu <= 0) return;
    kill(*qemu, SIGKILL);
    reap(*qemu);
    wrn_fd_close(pidfd);
    *qemu = 0;
}

static void answer(char said, int fd) { wrn_fds_send(FD_LIFELINE, &said, 1, &fd, fd >= 0, 0); }

/* The descriptors that came along get their numbers. */
static void place(int end, int fd) {
    if (end < 0) return;
    dup2(end, fd);
    close(end);
}

/* Does what wrennd says; when that is nothing, it is gone. Until a machine that goes on from its state really goes on, the state is good, and
 * the end of QEMU is none of the machine. */
_Noreturn static void watch_over(const jail *j, pid_t qemu, int pidfd, char **again) {
    bool hibernates = false;
    for (;;) {
        char said = 0;
        int ends[2];
        struct pollfd fds[] = {{.fd = FD_LIFELINE, .events = POLLIN}, {.fd = pidfd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0) continue;
        if (fds[1].revents && !hibernates) _exit(reap(qemu));
        if (fds[1].revents || !fds[0].revents) {
            end_qemu(&qemu, &pidfd);
            continue;
        }
        bool heard = wrn_fds_receive(FD_LIFELINE, &said, 1, ends, 2) == 1, adopts = said == SAY_ADOPT;
        if (heard && said == SAY_SHOW) {
            answer(said, FD_AGENT);
            continue;
        }
        /* A machine that was to go on when its wrennd died has done nothing yet. */
        bool ends_qemu = !heard || (adopts ? hibernates : said != SAY_GOES_ON);
        if (ends_qemu) end_qemu(&qemu, &pidfd);
        if (!heard || (said == SAY_GOES_ON && !qemu)) _exit(1);
        if (ends_qemu) let_go(FD_COMMAND);
        if (!adopts) hibernates = said != SAY_GOES_ON;
        place(ends[0], adopts ? FD_AGENT : FD_MONITOR);
        place(ends[1], FD_COMMAND);
        if (adopts) answer(hibernates ? SAY_HIBERNATE : SAY_GOES_ON, hibernates ? -1 : FD_COMMAND);
        if (said == SAY_WAKE) qemu = start_qemu(j, again, &pidfd);
    }
}

/* The two command lines. */
static char **divide(char **argv) {
    while (*argv && strcmp(*argv, "--") != 0) argv++;
    if (!*argv) return argv;
    *argv = NULL;
    return argv + 1;
}

int main(int argc, char **argv) {
    if (argc < 6) return dprintf(2, "wrenn-vm: wrennd starts this program\n"), 2;
    jail j = {.root = argv[1], .uid = (uid_t)strtoul(argv[2], NULL, 10), .kvm = strcmp(argv[3], "kvm") == 0};
    bool new = strcmp(argv[4], "new") == 0;
    char **again = divide(argv + 5);
    if (!argv[5] || !*again) return dprintf(2, "wrenn-vm: two command lines are needed\n"), 2;
    int pidfd = -1;
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    join_groups();
    if (new) make_file_system();
    leave_host(j.uid != 0);
    must(pipe2(j.alive, O_CLOEXEC), "make a pipe");
    pid_t qemu = start_qemu(&j, argv + 5, &pidfd);
    must(qemu, "start QEMU");
    let_go(FD_RAM); /* a machine that goes on has it in its state */
    if (new) let_go(FD_INITRAMFS);
    watch_over(&j, qemu, pidfd, again);
}
