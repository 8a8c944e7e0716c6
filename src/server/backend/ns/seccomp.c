#include <endian.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/socket.h>

#include "server/backend/ns/internal.h"
#include "server/filter.h"

#define CLONE_NEW_ANY 0x7E020000u /* every CLONE_NEW* flag that clone(2) knows */

/* What programs need, from shells and compilers to language runtimes and debuggers. Calls in neither list fail with
 * ENOSYS, as on an older kernel, so that the C library falls back to others. So does io_setup: the kernel limits such
 * requests for the whole machine, and one box could use them all. */
static const char allowed[] =
    "_llseek _newselect accept accept4 access alarm arch_prctl bind brk cachestat capget capset chdir chmod chown "
    "chown32 chroot clock_getres clock_gettime clock_nanosleep close close_range connect copy_file_range creat dup "
    "dup2 dup3 epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait "
    "epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64 fallocate "
    "fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync fgetxattr flistxattr flock "
    "fork fremovexattr fsetxattr fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futex "
    "futex_waitv futimesat get_mempolicy get_robust_list get_thread_area getcpu getcwd getdents getdents64 getegid "
    "getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername getpgid getpgrp getpid "
    "getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid "
    "getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr inotify_add_watch inotify_init "
    "inotify_init1 inotify_rm_watch ioctl ioprio_get ioprio_set ipc kill landlock_add_rule landlock_create_ruleset "
    "landlock_restrict_self lchown lchown32 lgetxattr link linkat listen listxattr llistxattr lremovexattr lseek "
    "lsetxattr lstat lstat64 madvise mbind membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod mknodat "
    "mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedsend "
    "mq_unlink mremap mseal msgctl msgget msgrcv msgsnd msync munlock munlockall munmap nanosleep newfstatat open "
    "openat openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll "
    "prctl pread64 preadv preadv2 prlimit64 process_madvise process_mrelease pselect6 ptrace pwrite64 pwritev "
    "pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg recvmsg remap_file_pages removexattr "
    "rename renameat renameat2 restart_syscall riscv_flush_icache rmdir rseq rt_sigaction rt_sigpending "
    "rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo "
    "sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam "
    "sched_getscheduler sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler "
    "sched_yield seccomp select semctl semget semop semtimedop send sendfile sendfile64 sendmmsg sendmsg sendto "
    "set_mempolicy set_robust_list set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid "
    "setgid32 setgroups setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 "
    "setresuid setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr shmat shmctl "
    "shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn splice stat stat64 statfs statfs64 "
    "statx symlink symlinkat sync sync_file_range syncfs sysinfo tee tgkill time timer_create timer_delete "
    "timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime times tkill "
    "truncate truncate64 ugetrlimit umask uname unlink unlinkat utime utimensat utimes vfork vmsplice wait4 waitid "
    "waitpid write writev";

/* What only attacks on the host need. */
static const char refused[] =
    "acct add_key adjtimex bpf clock_adjtime clock_settime create_module delete_module fanotify_init finit_module "
    "fsconfig fsmount fsopen fspick get_kernel_syms init_module io_uring_enter io_uring_register io_uring_setup "
    "ioperm iopl kcmp kexec_file_load kexec_load keyctl lookup_dcookie mount mount_setattr move_mount move_pages "
    "migrate_pages name_to_handle_at nfsservctl open_by_handle_at open_tree perf_event_open pidfd_getfd pivot_root "
    "process_vm_readv process_vm_writev query_module quotactl quotactl_fd reboot request_key setdomainname "
    "sethostname setns settimeofday stime swapoff swapon syslog umount umount2 unshare uselib userfaultfd ustat "
    "vhangup vm86 vm86old";

/* The allowed sockets of AF_INET and AF_INET6. */
static const struct {
    unsigned type, protocol;
} inet_kinds[] = {
    {SOCK_STREAM, 0},          {SOCK_STREAM, IPPROTO_TCP}, {SOCK_DGRAM, 0},
    {SOCK_DGRAM, IPPROTO_UDP}, {SOCK_DGRAM, IPPROTO_ICMP}, {SOCK_DGRAM, IPPROTO_ICMPV6},
};

/* Runs first, and refuses to fake input on terminals and to control the host's console. libseccomp can't express "all
 * requests but these". The kernel reads only the low 32 bits of a request. */
#define LOW_HALF(arg) (offsetof(struct seccomp_data, args[arg]) + (__BYTE_ORDER == __BIG_ENDIAN ? 4 : 0))
static const struct sock_filter no_fake_input[] = {
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_ioctl, 0, 4),
    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, LOW_HALF(1)),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCSTI, 1, 0),
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, TIOCLINUX, 0, 1),
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

/* The default, the default without address randomization (for sanitizers and debuggers), and the query. */
static const unsigned personalities[] = {PER_LINUX, ADDR_NO_RANDOMIZE, 0xffffffff};

/* Adds a rule with up to three comparisons of arguments. */
#define ADD(filter, action, call, count, ...) \
    (seccomp_rule_add(filter, action, SCMP_SYS(call), count, __VA_ARGS__) == 0)

static bool add_clone(scmp_filter_ctx filter) {
    /* clone3 is not allowed, because a filter can't read its flags in memory. The C library falls back to clone. */
    bool ok = ADD(filter, SCMP_ACT_ALLOW, clone, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEW_ANY, 0));
    for (int bit = 0; bit < 32; bit++)
        if (CLONE_NEW_ANY & 1u << bit)
            ok = ok && ADD(filter, SCMP_ACT_ERRNO(EPERM), clone, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, 1u << bit, 1u << bit));
    return ok;
}

static bool add_inet(scmp_filter_ctx filter, unsigned family) {
    bool ok = ADD(filter, SCMP_ACT_ERRNO(EPERM), socket, 2, SCMP_A0(SCMP_CMP_EQ, family),
                  SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, SOCK_RAW));
    for (size_t i = 0; i < WRN_COUNT(inet_kinds); i++)
        ok = ok &&
             ADD(filter, SCMP_ACT_ALLOW, socket, 3, SCMP_A0(SCMP_CMP_EQ, family),
                 SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, inet_kinds[i].type), SCMP_A2(SCMP_CMP_EQ, inet_kinds[i].protocol));
    return ok;
}

/* Allows socket families that stay within the box's network namespace; AF_VSOCK, for one, does not. Netlink is allowed
 * only for interfaces and routes, and IP only without the rarer protocols of the kernel. */
static bool add_sockets(scmp_filter_ctx filter) {
    const uint32_t no_family = SCMP_ACT_ERRNO(EAFNOSUPPORT), no_protocol = SCMP_ACT_ERRNO(EPROTONOSUPPORT);
    bool ok =
        ADD(filter, SCMP_ACT_ALLOW, socketpair, 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX)) &&
        ADD(filter, no_family, socketpair, 1, SCMP_A0(SCMP_CMP_NE, AF_UNIX)) &&
        ADD(filter, SCMP_ACT_ALLOW, socket, 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX)) &&
        ADD(filter, SCMP_ACT_ALLOW, socket, 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_EQ, NETLINK_ROUTE)) &&
        ADD(filter, no_protocol, socket, 2, SCMP_A0(SCMP_CMP_EQ, AF_NETLINK), SCMP_A2(SCMP_CMP_NE, NETLINK_ROUTE)) &&
        add_inet(filter, AF_INET) && add_inet(filter, AF_INET6);
    for (unsigned family = 0; family < 64; family++)
        if (family != AF_UNIX && family != AF_INET && family != AF_INET6 && family != AF_NETLINK)
            ok = ok && ADD(filter, no_family, socket, 1, SCMP_A0(SCMP_CMP_EQ, family));
    return ok;
}

static bool add_personalities(scmp_filter_ctx filter) {
    bool ok = true;
    for (size_t i = 0; i < WRN_COUNT(personalities); i++)
        ok = ok &&
             ADD(filter, SCMP_ACT_ALLOW, personality, 1, SCMP_A0(SCMP_CMP_MASKED_EQ, 0xffffffff, personalities[i]));
    return ok;
}

static int export_program(scmp_filter_ctx filter, struct sock_fprog *out) {
    WRN_AUTO(wrn_fd_close) int fd = memfd_create("seccomp", MFD_CLOEXEC);
    if (fd < 0 || seccomp_export_bpf(filter, fd) != 0) return -1;
    off_t size = lseek(fd, 0, SEEK_END);
    if (size <= 0) return -1;
    out->filter = malloc(sizeof(no_fake_input) + (size_t)size);
    memcpy(out->filter, no_fake_input, sizeof(no_fake_input));
    out->len = (unsigned short)((sizeof(no_fake_input) + (size_t)size) / sizeof(*out->filter));
    return pread(fd, out->filter + WRN_COUNT(no_fake_input), (size_t)size, 0) == size ? 0 : -1;
}

int seccomp_program(struct sock_fprog *out, wrn_fault *fault) {
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(ENOSYS));
    *out = (struct sock_fprog){0};
    int rc = -1;
    if (filter) {
        seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2); /* a binary tree instead of 400 comparisons */
        seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(ENOSYS));
        if (wrn_filter_add(filter, SCMP_ACT_ALLOW, allowed) && wrn_filter_add(filter, SCMP_ACT_ERRNO(EPERM), refused) &&
            add_clone(filter) && add_sockets(filter) && add_personalities(filter))
            rc = export_program(filter, out);
        seccomp_release(filter);
    }
    if (rc != 0) wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot build the seccomp filter with libseccomp");
    return rc;
}
