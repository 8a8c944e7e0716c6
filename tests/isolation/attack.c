/* What somebody inside a sandbox may try, as one static program that the tests bring in. Each word runs one table or one
 * deed; whatever does not end as it must is a line on standard output. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define P(pointer) ((long)(uintptr_t)(pointer))
/* Numbers that all 64-bit architectures share, for C libraries that do not know them yet. */
enum { OPEN_TREE = 428, PIDFD_GETFD = 438, MOUNT_SETATTR = 442, QUOTACTL_FD = 443, LANDLOCK_CREATE_RULESET = 444 };

static char page[4096];

static void judge(const char *what, long got, int want) {
    int error = got < 0 ? errno : 0;
    if (error != want) printf("%s: %s, not %s\n", what, strerrorname_np(error), strerrorname_np(want));
}

/* ---- system calls ---- */

typedef struct try_call {
    const char *name;
    int want; /* errno; 0: it must work */
    long number, args[6];
} try_call;

static void make_calls(const try_call *calls, size_t count) {
    for (size_t i = 0; i < count; i++) {
        const long *a = calls[i].args;
        pid_t self = getpid();
        long got = syscall(calls[i].number, a[0], a[1], a[2], a[3], a[4], a[5]);
        if (getpid() != self) _exit(0); /* a clone that worked */
        judge(calls[i].name, got, calls[i].want);
    }
}

static void refused_calls(void) {
    struct rlimit huge = {RLIM_INFINITY, RLIM_INFINITY};
    struct sched_param first = {.sched_priority = 1};
    const try_call calls[] = {
        /* file systems, old and new */
        {"mount", EPERM, SYS_mount, {P("none"), P("/mnt"), P("tmpfs"), 0, 0}},
        {"mount bind", EPERM, SYS_mount, {P("/tmp"), P("/mnt"), 0, 4096, 0}},
        {"mount remount", EPERM, SYS_mount, {0, P("/proc/sys"), 0, 4096 | 32, 0}},
        {"umount2", EPERM, SYS_umount2, {P("/proc/kcore"), 2}},
        {"pivot_root", EPERM, SYS_pivot_root, {P("/"), P("/tmp")}},
        {"fsopen", EPERM, SYS_fsopen, {P("tmpfs"), 0}},
        {"fsmount", EPERM, SYS_fsmount, {0, 0, 0}},
        {"fsconfig", EPERM, SYS_fsconfig, {0, 0, 0, 0, 0}},
        {"fspick", EPERM, SYS_fspick, {AT_FDCWD, P("/"), 0}},
        {"open_tree", EPERM, OPEN_TREE, {AT_FDCWD, P("/"), 1}},
        {"move_mount", EPERM, SYS_move_mount, {AT_FDCWD, P("/"), AT_FDCWD, P("/mnt"), 0}},
        {"mount_setattr", EPERM, MOUNT_SETATTR, {AT_FDCWD, P("/"), 0, P(page), 32}},
        {"quotactl", EPERM, SYS_quotactl, {0x80000100, 0, 0, 0}},
        {"quotactl_fd", EPERM, QUOTACTL_FD, {0, 0x80000100, 0, 0}},
        {"swapon", EPERM, SYS_swapon, {P("/tmp/x"), 0}},
        {"swapoff", EPERM, SYS_swapoff, {P("/tmp/x")}},
        {"open_by_handle_at", EPERM, SYS_open_by_handle_at, {AT_FDCWD, P(page), 0}},
        {"name_to_handle_at", EPERM, SYS_name_to_handle_at, {AT_FDCWD, P("/"), P(page), P(page), 0}},
        {"fanotify_init", EPERM, SYS_fanotify_init, {0, 0}},
        {"mknod a disk", EPERM, SYS_mknodat, {AT_FDCWD, P("/tmp/disk"), S_IFBLK | 0600, (long)makedev(8, 0)}},
        {"mknod memory", EPERM, SYS_mknodat, {AT_FDCWD, P("/tmp/mem"), S_IFCHR | 0600, (long)makedev(1, 1)}},
        /* namespaces */
        {"setns", EPERM, SYS_setns, {0, 0}},
        {"clone3", ENOSYS, SYS_clone3, {P(page), 88}},
        {"unshare nothing", EPERM, SYS_unshare, {0}},
        {"unshare time", EPERM, SYS_unshare, {0x80}},
        {"sethostname", EPERM, SYS_sethostname, {P("escaped"), 7}},
        {"setdomainname", EPERM, SYS_setdomainname, {P("escaped"), 7}},
        /* other processes */
        {"ptrace attach to init", EPERM, SYS_ptrace, {PTRACE_ATTACH, 1, 0, 0}},
        {"ptrace seize init", EPERM, SYS_ptrace, {PTRACE_SEIZE, 1, 0, 0}},
        {"ptrace attach to the keeper", EPERM, SYS_ptrace, {PTRACE_ATTACH, getppid(), 0, 0}},
        {"process_vm_readv", EPERM, SYS_process_vm_readv, {1, P(page), 1, P(page), 1, 0}},
        {"process_vm_writev", EPERM, SYS_process_vm_writev, {1, P(page), 1, P(page), 1, 0}},
        {"kcmp", EPERM, SYS_kcmp, {1, getpid(), 0, 0, 0}},
        {"pidfd_getfd", EPERM, PIDFD_GETFD, {(long)syscall(SYS_pidfd_open, 1, 0), 3, 0}},
        {"move_pages", EPERM, SYS_move_pages, {1, 0, 0, 0, 0, 0}},
        {"migrate_pages", EPERM, SYS_migrate_pages, {1, 0, 0, 0}},
        {"prlimit of init", EPERM, SYS_prlimit64, {1, RLIMIT_NOFILE, P(&huge), 0}},
        {"prlimit up", EPERM, SYS_prlimit64, {0, RLIMIT_NOFILE, P(&huge), 0}},
        {"core files", EPERM, SYS_prlimit64, {0, RLIMIT_CORE, P(&huge), 0}},
        {"real-time scheduling", EPERM, SYS_sched_setscheduler, {0, SCHED_FIFO, P(&first)}},
        {"real-time disk", EPERM, SYS_ioprio_set, {1, 0, 1 << 13}},
        /* doors into the kernel */
        {"bpf", EPERM, SYS_bpf, {0, P(page), 128}},
        {"io_uring_setup", EPERM, SYS_io_uring_setup, {8, P(page)}},
        {"io_uring_enter", EPERM, SYS_io_uring_enter, {0, 0, 0, 0, 0, 0}},
        {"io_uring_register", EPERM, SYS_io_uring_register, {0, 0, 0, 0}},
        {"keyctl", EPERM, SYS_keyctl, {0, -3, 0}},
        {"add_key", EPERM, SYS_add_key, {P("user"), P("a"), P("b"), 1, -3}},
        {"request_key", EPERM, SYS_request_key, {P("user"), P("a"), 0, -3}},
        {"userfaultfd", EPERM, SYS_userfaultfd, {0}},
        {"userfaultfd for user mode", EPERM, SYS_userfaultfd, {1}},
        {"perf_event_open", EPERM, SYS_perf_event_open, {P(page), 0, -1, -1, 0}},
        {"lookup_dcookie", EPERM, SYS_lookup_dcookie, {0, P(page), 10}},
        {"nfsservctl", EPERM, SYS_nfsservctl, {0, 0, 0}},
        {"io_setup", ENOSYS, SYS_io_setup, {1, P(page)}},
        {"READ_IMPLIES_EXEC", ENOSYS, SYS_personality, {0x400000}},
        /* the machine */
        {"init_module", EPERM, SYS_init_module, {P(page), 10, P("")}},
        {"finit_module", EPERM, SYS_finit_module, {0, P(""), 0}},
        {"delete_module", EPERM, SYS_delete_module, {P("x"), 0}},
        {"kexec_load", EPERM, SYS_kexec_load, {0, 0, 0, 0}},
        {"reboot", EPERM, SYS_reboot, {(long)0xfee1dead, 672274793, 0, 0}},
        {"syslog", EPERM, SYS_syslog, {3, P(page), 100}},
        {"acct", EPERM, SYS_acct, {P("/tmp/x")}},
        {"settimeofday", EPERM, SYS_settimeofday, {P(page), 0}},
        {"clock_settime", EPERM, SYS_clock_settime, {0, P(page)}},
        {"clock_adjtime", EPERM, SYS_clock_adjtime, {0, P(page)}},
        {"adjtimex", EPERM, SYS_adjtimex, {P(page)}},
        {"vhangup", EPERM, SYS_vhangup, {0}},
        /* terminals; the second as on a kernel that reads 32 bits */
        {"TIOCSTI", EPERM, SYS_ioctl, {0, TIOCSTI, P("x")}},
        {"TIOCSTI, long", EPERM, SYS_ioctl, {0, 1l << 32 | TIOCSTI, P("x")}},
        {"TIOCLINUX", EPERM, SYS_ioctl, {0, TIOCLINUX, P("\2")}},
#ifdef __x86_64__
        {"iopl", EPERM, SYS_iopl, {3}},
        {"ioperm", EPERM, SYS_ioperm, {0x378, 1, 1}},
        {"uselib", EPERM, SYS_uselib, {P("/x")}},
        {"ustat", EPERM, SYS_ustat, {0, P(page)}},
        {"kexec_file_load", EPERM, SYS_kexec_file_load, {0, 0, 0, P(""), 0}},
        {"modify_ldt", ENOSYS, SYS_modify_ldt, {0, P(page), 16}},
        {"getpid of x32", ENOSYS, 0x40000000 | SYS_getpid, {0}},
        {"mount of x32", ENOSYS, 0x40000000 | SYS_mount, {P("none"), P("/mnt"), P("tmpfs"), 0, 0}},
#endif
        {"call 600", ENOSYS, 600, {0}},
        {"call -5", ENOSYS, -5, {0}},
    };
    make_calls(calls, COUNT(calls));
    /* Every kind of namespace, alone and with bits above those that the kernel reads. */
    static const int bits[] = {17, 25, 26, 27, 28, 29, 30};
    for (size_t i = 0; i < COUNT(bits); i++) {
        const try_call namespaces[] = {
            {"unshare", EPERM, SYS_unshare, {1l << bits[i]}},
            {"clone", EPERM, SYS_clone, {1l << bits[i] | SIGCHLD, 0, 0, 0, 0}},
            {"clone, long", EPERM, SYS_clone, {1l << 40 | 1l << bits[i] | SIGCHLD, 0, 0, 0, 0}},
        };
        make_calls(namespaces, COUNT(namespaces));
    }
}

static void refused_sockets(void) {
    char name[64];
    int pair[2];
    for (int family = 0; family < 128; family++)
        for (int type = 1; type <= 5; type++) {
            bool inet = family == AF_INET || family == AF_INET6, known = inet || family == AF_UNIX;
            int want = family < 64 ? EAFNOSUPPORT : ENOSYS;
            if (known || family == AF_NETLINK) continue;
            snprintf(name, sizeof(name), "socket of family %d, type %d", family, type);
            judge(name, socket(family, type, 0), want);
            judge(name, syscall(SYS_socket, 1l << 32 | family, type, 0), ENOSYS);
        }
    for (int protocol = 1; protocol < 32; protocol++) {
        snprintf(name, sizeof(name), "netlink protocol %d", protocol);
        judge(name, socket(AF_NETLINK, SOCK_RAW, protocol), EPROTONOSUPPORT);
        judge(name, syscall(SYS_socket, AF_NETLINK, SOCK_RAW, 1l << 32 | protocol), EPROTONOSUPPORT);
    }
    const try_call calls[] = {
        {"raw ICMP", EPERM, SYS_socket, {AF_INET, SOCK_RAW, IPPROTO_ICMP}},
        {"raw IPv6", EPERM, SYS_socket, {AF_INET6, SOCK_RAW, IPPROTO_ICMPV6}},
        {"SCTP", ENOSYS, SYS_socket, {AF_INET, SOCK_STREAM, IPPROTO_SCTP}},
        {"SCTP by type", ENOSYS, SYS_socket, {AF_INET, SOCK_SEQPACKET, 0}},
        {"DCCP", ENOSYS, SYS_socket, {AF_INET, SOCK_DCCP, IPPROTO_DCCP}},
        {"MPTCP", ENOSYS, SYS_socket, {AF_INET, SOCK_STREAM, 262}},
        {"L2TP", ENOSYS, SYS_socket, {AF_INET6, SOCK_DGRAM, 115}},
        {"pair of TIPC", EAFNOSUPPORT, SYS_socketpair, {30, SOCK_STREAM, 0, P(pair)}},
        {"pair of VSOCK", EAFNOSUPPORT, SYS_socketpair, {40, SOCK_STREAM, 0, P(pair)}},
        {"pair, long", EAFNOSUPPORT, SYS_socketpair, {1l << 32 | AF_UNIX, SOCK_STREAM, 0, P(pair)}},
    };
    make_calls(calls, COUNT(calls));
}

/* What programs must be able to do all the same. */
static void needed_calls(void) {
    int pair[2];
    const try_call calls[] = {
        {"memfd_create", 0, SYS_memfd_create, {P("x"), 0}},
        {"inotify_init1", 0, SYS_inotify_init1, {0}},
        {"timerfd_create", 0, SYS_timerfd_create, {1, 0}},
        {"eventfd2", 0, SYS_eventfd2, {0, 0}},
        {"epoll_create1", 0, SYS_epoll_create1, {0}},
        {"pidfd_open", 0, SYS_pidfd_open, {getpid(), 0}},
        {"membarrier", 0, SYS_membarrier, {0, 0, 0}},
        {"getrandom", 0, SYS_getrandom, {P(page), 16, 0}},
        {"close_range", 0, SYS_close_range, {1000, ~0u, 0}},
        {"personality?", 0, SYS_personality, {0xffffffff}},
        {"no randomization", 0, SYS_personality, {0x40000}},
        {"rseq", EINVAL, SYS_rseq, {0, 0, 0, 0}},
        {"futex_waitv", EINVAL, 449, {0, 0, 0, 0, 0}},
        {"TCP", 0, SYS_socket, {AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0}},
        {"TCP by number", 0, SYS_socket, {AF_INET6, SOCK_STREAM, IPPROTO_TCP}},
        {"UDP", 0, SYS_socket, {AF_INET, SOCK_DGRAM, IPPROTO_UDP}},
        {"ping", 0, SYS_socket, {AF_INET, SOCK_DGRAM, IPPROTO_ICMP}},
        {"netlink for routes", 0, SYS_socket, {AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0}},
        {"socketpair", 0, SYS_socketpair, {AF_UNIX, SOCK_SEQPACKET, 0, P(pair)}},
    };
    make_calls(calls, COUNT(calls));
    long landlock = syscall(LANDLOCK_CREATE_RULESET, 0, 0, 1);
    if (landlock < 0 && errno == EPERM) puts("landlock: EPERM");
    int status = 0;
    pid_t pid = fork();
    if (pid == 0) _exit(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0 ? 0 : 1);
    if (waitpid(pid, &status, 0) != pid || status != 0) puts("ptrace of one's own children does not work");
}

/* Calls of 32-bit programs have other numbers: a filter that only knows the others would let them through. */
static void calls_of_32_bits(void) {
#ifdef __x86_64__
    static const long numbers[] = {20 /* getpid */, 21 /* mount */, 310 /* unshare */, 357 /* bpf */};
    for (size_t i = 0; i < COUNT(numbers); i++) {
        int status = 0;
        pid_t pid = fork();
        if (pid == 0) {
            long got;
            __asm__ volatile("int $0x80" : "=a"(got) : "a"(numbers[i]), "b"(0), "c"(0), "d"(0) : "memory");
            _exit(got == -ENOSYS ? 0 : 1);
        }
        /* Without support for 32 bits the kernel sends a signal. */
        if (waitpid(pid, &status, 0) != pid || (WIFEXITED(status) && WEXITSTATUS(status) != 0))
            printf("call %ld of i386 was not refused\n", numbers[i]);
    }
#endif
}

/* ---- files of the kernel ---- */

static void closed_files(void) {
    static const struct {
        const char *path;
        int flags, want;
    } files[] = {
        {"/proc/1/mem", O_RDONLY, EACCES},
        {"/proc/1/mem", O_RDWR, EACCES},
        {"/proc/1/environ", O_RDONLY, EACCES},
        {"/proc/1/maps", O_RDONLY, EACCES},
        {"/proc/1/root", O_RDONLY, EACCES},
        {"/proc/1/root/", O_RDONLY, EACCES},
        {"/proc/1/cwd/", O_RDONLY, EACCES},
        {"/proc/1/exe", O_RDONLY, EACCES},
        {"/proc/1/fd/3", O_RDWR, EACCES},
        {"/proc/1/ns/net", O_RDONLY, EACCES},
        {"/proc/1/ns/user", O_RDONLY, EACCES},
        {"/proc/sys/kernel/core_pattern", O_WRONLY, EACCES},
        {"/proc/sys/kernel/modprobe", O_WRONLY, EACCES},
        {"/proc/sys/kernel/hostname", O_WRONLY, EACCES},
        {"/proc/sys/vm/drop_caches", O_WRONLY, EACCES},
        {"/proc/sys/vm/overcommit_memory", O_WRONLY, EACCES},
        {"/proc/sys/net/ipv4/ip_forward", O_WRONLY, EACCES},
        {"/proc/irq/default_smp_affinity", O_WRONLY, EACCES},
        {"/proc/pressure/cpu", O_RDWR, EROFS},
        {"/dev/mem", O_RDONLY, ENOENT},
        {"/dev/kmsg", O_RDONLY, ENOENT},
        {"/dev/vda", O_RDONLY, ENOENT},
        {"/dev/sda", O_RDONLY, ENOENT},
        {"/dev/fuse", O_RDWR, ENOENT},
        {"/dev/kvm", O_RDWR, ENOENT},
        {"/dev/net/tun", O_RDWR, ENOENT},
        {"/dev/vsock", O_RDWR, ENOENT},
        {"/dev/vhost-vsock", O_RDWR, ENOENT},
        {"/dev/loop-control", O_RDWR, ENOENT},
        {"/dev/tty", O_RDWR, ENXIO},
        {"/sys/fs/cgroup/memory/release_agent", O_WRONLY, ENOENT},
        {"/sys/kernel/uevent_helper", O_WRONLY, ENOENT},
        {"/sys/fs/cgroup/release_agent", O_WRONLY, ENOENT},
        {"/sys/kernel/debug/sched_features", O_WRONLY, ENOENT},
    };
    for (size_t i = 0; i < COUNT(files); i++) {
        int fd = open(files[i].path, files[i].flags | O_NOCTTY);
        if (fd < 0 && errno == ENOENT && strncmp(files[i].path, "/proc/", 6) == 0) continue; /* not of this kernel */
        judge(files[i].path, fd, files[i].want);
        if (fd >= 0) close(fd);
    }
    /* Those that are masked read as nothing, and what is written to them goes nowhere. */
    static const char *const masked[] = {"kcore",       "kmsg",          "keys",       "key-users",
                                         "timer_list",  "kallsyms",      "interrupts", "sched_debug",
                                         "timer_stats", "latency_stats", "slabinfo",   "config.gz",
                                         "vmallocinfo", "sysrq-trigger", "mtrr",       "cmdline"};
    for (size_t i = 0; i < COUNT(masked); i++) {
        char path[64];
        struct stat info;
        snprintf(path, sizeof(path), "/proc/%s", masked[i]);
        if (stat(path, &info) == 0 && info.st_rdev != makedev(1, 3)) printf("%s is not masked\n", path);
    }
    static const char *const read_only[] = {"/proc/sys",         "/proc/bus", "/proc/irq",      "/proc/fs",
                                            "/proc/driver",      "/proc/tty", "/proc/pressure", "/proc/meminfo",
                                            "/proc/cpuinfo",     "/sys",      "/sys/fs/cgroup", "/sys/fs/cgroup/memory",
                                            "/sys/fs/cgroup/cpu"};
    for (size_t i = 0; i < COUNT(read_only); i++) {
        struct statvfs info;
        const char *path = read_only[i];
        if (statvfs(path, &info) == 0 && !(info.f_flag & ST_RDONLY)) printf("%s can be written to\n", path);
    }
    static const char *const hidden[] = {"/proc/1/map_files", "/sys/kernel", "/sys/fs/cgroup/unified"};
    for (size_t i = 0; i < COUNT(hidden); i++) {
        DIR *dir = opendir(hidden[i]);
        for (struct dirent *entry; dir && (entry = readdir(dir));)
            if (entry->d_name[0] != '.') printf("%s shows %s\n", hidden[i], entry->d_name);
        if (dir) closedir(dir);
    }
    judge("trusted xattr", syscall(SYS_setxattr, "/tmp", "trusted.overlay.opaque", "y", 1, 0), EPERM);
    judge("a redirect", syscall(SYS_setxattr, "/tmp", "trusted.overlay.redirect", "/root", 5, 0), EPERM);
    int score = open("/proc/self/oom_score_adj", O_RDWR);
    judge("a low oom score", write(score, "-1", 2), EACCES);
    char text[16] = "";
    if (pread(score, text, sizeof(text) - 1, 0) < 1 || atoi(text) != 500) printf("oom score: %s\n", text);
    close(score);
    judge("a higher priority", setpriority(PRIO_PROCESS, 0, -20), EACCES);
    struct stat own, theirs;
    if (stat("/proc/1/ns/mnt", &theirs) == 0 && stat("/proc/self/ns/mnt", &own) == 0)
        puts("namespaces of init are shown");
}

/* ---- deeds ---- */

/* Anything but 0, 1 and 2 would be somebody else's. */
static void descriptors(void) {
    for (int fd = 3; fd < 65536; fd++)
        if (fcntl(fd, F_GETFD) >= 0) printf("descriptor %d is open\n", fd);
}

static void signals_to_init(void) {
    for (int signo = 1; signo < 65; signo++) (void)kill(1, signo);
    int init = (int)syscall(SYS_pidfd_open, 1, 0);
    (void)syscall(SYS_pidfd_send_signal, init, SIGKILL, 0, 0);
    (void)syscall(SYS_pidfd_send_signal, init, SIGSTOP, 0, 0);
}

static void print_ids(void) {
    uid_t r, e, s;
    getresuid(&r, &e, &s);
    printf("ids %u %u %u\n", r, e, s);
}

/* A program of root's with the setuid bit, started by somebody else. */
static void setuid_program(const char *self) {
    if (chmod(self, 04755) != 0 || setgid(1000) != 0 || setuid(1000) != 0) puts("cannot become an ordinary user");
    execl(self, self, "ids", (char *)NULL);
}

/* `a` and `b` are a directory and a link to `target`, and change places as fast as they can; what goes is made again. */
static void swap(const char *a, const char *b, const char *target) {
    puts("swapping");
    fflush(stdout);
    for (;;) {
        if (syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, 2u /* exchange */) == 0) continue;
        mkdir("/tmp/race", 0755);
        mkdir(a, 0755);
        (void)!symlink(target, b);
    }
}

static void take_descriptors(void) {
    int count = 0;
    while (dup(0) >= 0) count++;
    printf("%s after %s\n", strerrorname_np(errno), count > 100000 ? "too many" : "enough");
}

static void fill(int fd) {
    static char bytes[1 << 16];
    while (write(fd, bytes, sizeof(bytes)) > 0) {
    }
}

/* Memory of each kind that is nobody's heap, until the kernel says no or kills. */
static void memory(const char *kind) {
    int pair[2];
    struct rlimit files;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    signal(SIGPIPE, SIG_IGN);
    if (strcmp(kind, "memfd") == 0)
        for (;;) {
            int fd = memfd_create("x", 0);
            if (fd < 0) break;
            fill(fd);
        }
    if (strcmp(kind, "pipe") == 0)
        while (pipe2(pair, O_NONBLOCK) == 0) {
            fcntl(pair[1], F_SETPIPE_SZ, 1 << 20);
            fill(pair[1]);
        }
    if (strcmp(kind, "unix") == 0)
        while (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) == 0) fill(pair[1]);
    if (strcmp(kind, "tcp") == 0) {
        struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t size = sizeof(at);
        int listener = socket(AF_INET, SOCK_STREAM, 0);
        bind(listener, (struct sockaddr *)&at, size);
        listen(listener, 4096);
        getsockname(listener, (struct sockaddr *)&at, &size);
        for (int fd; (fd = socket(AF_INET, SOCK_STREAM, 0)) >= 0;) {
            int big = 1 << 26;
            setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &big, sizeof(big));
            if (connect(fd, (struct sockaddr *)&at, size) != 0 || accept(listener, NULL, NULL) < 0) break;
            fcntl(fd, F_SETFL, O_NONBLOCK);
            fill(fd);
        }
    }
    printf("%s\n", strerrorname_np(errno));
    fflush(stdout);
    pause();
}

int main(int argc, char **argv) {
    const char *what = argc > 1 ? argv[1] : "";
    if (strcmp(what, "calls") == 0) refused_calls(), refused_sockets(), needed_calls(), calls_of_32_bits();
    if (strcmp(what, "files") == 0) closed_files();
    if (strcmp(what, "descriptors") == 0) descriptors();
    if (strcmp(what, "init") == 0) signals_to_init();
    if (strcmp(what, "setuid") == 0) setuid_program(argv[0]);
    if (strcmp(what, "ids") == 0) print_ids();
    if (strcmp(what, "swap") == 0 && argc == 5) swap(argv[2], argv[3], argv[4]);
    if (strcmp(what, "flood") == 0) take_descriptors();
    if (strcmp(what, "memory") == 0 && argc == 3) memory(argv[2]);
    puts("done");
    return 0;
}
