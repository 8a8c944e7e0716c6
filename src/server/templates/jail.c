#include "server/templates/jail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/mount.h>
#include <locale.h>
#include <poll.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/limit.h"
#include "server/filter.h"

#define MNT_DETACH 2

enum { USERNS_FD = 3, FILES_MAX = 256, MEMORY_MB = 1024 };

void fail(const char *format, ...) {
    va_list args;
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fflush(stderr);
    _exit(1);
}

bool is_same(const struct stat *a, const struct stat *b) { return a->st_ino == b->st_ino && a->st_dev == b->st_dev; }

static void must(bool ok, const char *step) {
    if (!ok) fail("cannot confine itself: %s: %s", step, strerror(errno));
}

/* ---- files ---- */

/* On disk, owners are those that the sandbox sees, from 0, whatever the user ids of this process outside. */
static int clone_tree(bool mapped) {
    struct mount_attr attr = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | (mapped ? MOUNT_ATTR_IDMAP : 0u),
                              .userns_fd = mapped ? USERNS_FD : 0};
    int tree = (int)syscall(SYS_open_tree, AT_FDCWD, ".", OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    must(tree >= 0, "the directory");
    must(syscall(SYS_mount_setattr, tree, "", AT_EMPTY_PATH, &attr, sizeof(attr)) == 0,
         mapped ? "no id-mapped mounts here, which sandboxes need too" : "the directory's mount");
    return tree;
}

static void enter_tree(bool mapped) {
    must(syscall(SYS_mount, NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "a mount namespace");
    int tree = clone_tree(mapped);
    must(syscall(SYS_move_mount, tree, "", AT_FDCWD, ".", MOVE_MOUNT_F_EMPTY_PATH) == 0, "mount");
    must(fchdir(tree) == 0 && syscall(SYS_pivot_root, ".", ".") == 0, "pivot_root");
    must(syscall(SYS_umount2, ".", MNT_DETACH) == 0 && chdir("/") == 0, "leave the host");
}

/* ---- rights ---- */

static void become_root_inside(void) {
    must(setns(USERNS_FD, CLONE_NEWUSER) == 0, "a user namespace");
    must(syscall(SYS_setgroups, 0, NULL) == 0 && syscall(SYS_setresgid, 0, 0, 0) == 0 &&
             syscall(SYS_setresuid, 0, 0, 0) == 0,
         "user ids");
}

/* Only now, because a change of ids clears it. getppid() does not show whether the parent has ended already, because it
 * is in another pid namespace; but the other end of our output does. */
static void end_with_parent(void) {
    struct pollfd out = {.fd = STDOUT_FILENO};
    must(prctl(PR_SET_PDEATHSIG, SIGKILL) == 0, "a signal");
    if (poll(&out, 1, 0) > 0 && out.revents & POLLERR) _exit(1);
}

static void drop_rights(void) {
    const unsigned caps = 1u << CAP_CHOWN | 1u << CAP_DAC_OVERRIDE | 1u << CAP_FOWNER | 1u << CAP_FSETID;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2] = {{.effective = caps, .permitted = caps}};
    must(syscall(SYS_capset, &header, data) == 0, "capabilities");
    must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "no new privileges");
}

static void limit_resources(void) {
    struct rlimit none = {0, 0}, files = {FILES_MAX, FILES_MAX};
    must(setrlimit(RLIMIT_CORE, &none) == 0 && setrlimit(RLIMIT_NOFILE, &files) == 0 &&
             wrn_limit_data((int64_t)MEMORY_MB << 20) == 0,
         "limits");
}

/* ---- system calls ---- */

/* What unpacking needs: files, memory, and exit. No sockets, processes, signals or mounts. Others fail with ENOSYS. */
static const char allowed[] =
    "_llseek access brk chdir chmod chown chown32 clock_gettime close creat dup exit exit_group faccessat "
    "faccessat2 fadvise64 fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fstat fstat64 "
    "fstatat64 ftruncate ftruncate64 futex futimesat getcwd getdents getdents64 getegid geteuid getgid getpid "
    "getrandom gettid gettimeofday getuid lchown lchown32 link linkat lseek lstat lstat64 madvise mkdir mkdirat "
    "mremap munmap newfstatat open openat pread64 pwrite64 read readlink readlinkat readv rename renameat renameat2 "
    "rmdir rt_sigaction rt_sigprocmask rt_sigreturn sched_yield sigaltstack stat stat64 statx symlink symlinkat "
    "time umask unlink unlinkat utime utimensat utimes write writev";

/* Special files may only be pipes, and memory can't be executable. */
static bool add_conditions(scmp_filter_ctx filter) {
    const uint32_t allow = SCMP_ACT_ALLOW;
    const uint64_t kind = S_IFMT;
    return (seccomp_rule_add(filter, allow, SCMP_SYS(mknod), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, kind, S_IFIFO)) |
            seccomp_rule_add(filter, allow, SCMP_SYS(mknodat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, kind, S_IFIFO)) |
            seccomp_rule_add(filter, allow, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) |
            seccomp_rule_add(filter, allow, SCMP_SYS(mprotect), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0))) == 0;
}

static void filter_calls(void) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    bool ok = filter && wrn_filter_add(filter, SCMP_ACT_ALLOW, allowed) && add_conditions(filter);
    must(ok && seccomp_load(filter) == 0, "a filter of system calls");
    seccomp_release(filter);
}

/* If this failed unnoticed, the archive would be unpacked over the host. So it is checked before and after. */
void jail_enter(bool keep) {
    struct stat here, outside, root;
    if (stat(".", &here) != 0 || stat("/", &outside) != 0 || is_same(&here, &outside)) fail("it must not be run in /");
    if (getpid() != 1) fail("it must be started by wrennd, as process 1 of its namespaces");
    setlocale(LC_CTYPE, "C.UTF-8"); /* otherwise libarchive refuses names that are not ASCII */
    umask(022);
    limit_resources();
    enter_tree(keep);
    if (keep) become_root_inside();
    must(close_range(USERNS_FD, ~0U, 0) == 0, "descriptors");
    end_with_parent();
    drop_rights();
    if (stat("/", &root) != 0 || !is_same(&here, &root)) fail("it is not confined");
    filter_calls();
}
