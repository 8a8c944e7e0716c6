#include "gate/jail.h"
#include "gate/route.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <linux/if_tun.h>
#include <linux/netlink.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define SANITIZED
#endif
#endif

enum { SPARE_FDS = 512, MEMORY_BASE = 64 << 20, MEMORY_PER_FLOW = 400 << 10 };

static struct sock_fprog compiled[JAIL_TLS + 1];

static void fail(const char *what) {
    fprintf(stderr, "wrenn-gate: jail: %s: %s\n", what, strerror(errno));
    _exit(2);
}

/* Without a user namespace an ordinary user can't have the others; where it is forbidden the filter has to do. */
static bool enter_namespaces(void) {
    int others = CLONE_NEWNS | CLONE_NEWIPC | CLONE_NEWUTS;
    if (geteuid() == 0) return unshare(others) == 0;
    char map[64];
    uid_t uid = geteuid();
    gid_t gid = getegid();
    if (unshare(CLONE_NEWUSER | others) != 0) return false;
    int size = snprintf(map, sizeof(map), "%u %u 1", uid, uid);
    if (!wrn_file_write(AT_FDCWD, "/proc/self/setgroups", 0, "deny", 4)) return false;
    if (!wrn_file_write(AT_FDCWD, "/proc/self/uid_map", 0, map, (size_t)size)) return false;
    size = snprintf(map, sizeof(map), "%u %u 1", gid, gid);
    return wrn_file_write(AT_FDCWD, "/proc/self/gid_map", 0, map, (size_t)size);
}

static void empty_root(void) {
    if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) fail("mounts");
    if (mount("none", "/tmp", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=4k,nr_inodes=2,mode=555") != 0)
        fail("tmpfs");
    if (chdir("/tmp") != 0 || syscall(SYS_pivot_root, ".", ".") != 0 || umount2(".", MNT_DETACH) != 0 ||
        chdir("/") != 0)
        fail("root");
    if (mount(NULL, "/", NULL, MS_REMOUNT | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) != 0)
        fail("read-only root");
}

static void limit(int which, rlim_t most) {
    struct rlimit now;
    if (getrlimit(which, &now) != 0) fail("limits");
    if (now.rlim_max < most) most = now.rlim_max;
    if (setrlimit(which, &(struct rlimit){most, most}) != 0) fail("limits");
}

static void keep_capabilities(uint32_t which) {
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2] = {{.effective = which, .permitted = which}};
    if (syscall(SYS_capset, &head, sets) != 0) fail("capabilities");
}

static void change_user(const gate_options *options) {
    gid_t gid = WRN_GATE_GROUP; /* one that may ping where the host lets everybody: its range ends at 2^31 */
    uid_t uid = options->uid;
    if (setgroups(0, NULL) != 0 || setresgid(gid, gid, gid) != 0 || setresuid(uid, uid, uid) != 0) fail("user");
}

void jail_prepare(void) {
#ifdef SANITIZED
    return;
#endif
    bool is_root = geteuid() == 0;
    if (enter_namespaces()) empty_root();
    else if (is_root) fail("namespaces");
    for (int cap = 0; cap < 64; cap++)
        if (prctl(PR_CAPBSET_READ, cap) == 1 && prctl(PR_CAPBSET_DROP, cap) != 0 && is_root) fail("bounding set");
    keep_capabilities(is_root ? 1u << CAP_SETUID | 1u << CAP_SETGID : 0);
}

/* ---- system calls ---- */

static void allow(scmp_filter_ctx filter, const char *const *names) {
    for (; *names; names++) {
        int number = seccomp_syscall_resolve_name(*names);
        if (number < 0) continue; /* of another architecture */
        if (seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0) != 0) fail(*names);
    }
}

#define ALLOW(filter, name, ...)                                                                                   \
    do {                                                                                                           \
        struct scmp_arg_cmp compared[] = {__VA_ARGS__};                                                            \
        if (seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, SCMP_SYS(name), sizeof(compared) / sizeof(compared[0]), \
                                   compared) != 0)                                                                 \
            fail(#name);                                                                                           \
    } while (0)

static scmp_filter_ctx new_filter(void) {
    static const char *const common[] = {
        "brk",        "mmap",         "munmap",         "mremap",          "madvise",       "exit",
        "exit_group", "rt_sigreturn", "rt_sigprocmask", "restart_syscall", "clock_gettime", "clock_gettime64",
        "close",      "futex",        "poll",           "ppoll",           "recvmsg",       "recvfrom",
        NULL};
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
    if (!filter) fail("seccomp");
    allow(filter, common);
    return filter;
}

static scmp_filter_ctx stack_filter(void) {
    static const char *const names[] = {"read", "write", "shutdown", "getpeername", "sched_yield", NULL};
    scmp_filter_ctx filter = new_filter();
    allow(filter, names);
    ALLOW(filter, sendto, SCMP_A4(SCMP_CMP_EQ, 0)); /* only to where it is connected */
    ALLOW(filter, getsockopt, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_ERROR));
    ALLOW(filter, getsockopt, SCMP_A1(SCMP_CMP_EQ, SOL_PACKET), SCMP_A2(SCMP_CMP_EQ, PACKET_VNET_HDR));
    ALLOW(filter, ioctl, SCMP_A1(SCMP_CMP_EQ, TUNGETIFF));
    ALLOW(filter, ioctl, SCMP_A1(SCMP_CMP_EQ, FIONREAD));
    ALLOW(filter, ioctl, SCMP_A1(SCMP_CMP_EQ, FIONBIO));
    ALLOW(filter, fcntl, SCMP_A1(SCMP_CMP_EQ, F_GETFL));
    ALLOW(filter, fcntl, SCMP_A1(SCMP_CMP_EQ, F_SETFL));
    return filter;
}

static scmp_filter_ctx broker_filter(void) {
    static const char *const names[] = {"epoll_wait", "epoll_pwait", "epoll_ctl",  "connect",  "sendmsg",
                                        "sendto",     "getrandom",   "socketpair", "shutdown", NULL};
    scmp_filter_ctx filter = new_filter();
    allow(filter, names);
    static const int families[] = {AF_INET, AF_INET6}, types[] = {SOCK_STREAM, SOCK_DGRAM};
    for (int i = 0; i < 4; i++)
        ALLOW(filter, socket, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)families[i / 2]),
              SCMP_A1(SCMP_CMP_MASKED_EQ, 0xf, (scmp_datum_t)types[i % 2]));
    ALLOW(filter, setsockopt, SCMP_A1(SCMP_CMP_EQ, IPPROTO_TCP), SCMP_A2(SCMP_CMP_EQ, TCP_NODELAY));
    ALLOW(filter, setsockopt, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_OOBINLINE));
    ALLOW(filter, setsockopt, SCMP_A1(SCMP_CMP_EQ, IPPROTO_IPV6), SCMP_A2(SCMP_CMP_EQ, IPV6_V6ONLY));
    ALLOW(filter, getsockopt, SCMP_A1(SCMP_CMP_EQ, IPPROTO_TCP), SCMP_A2(SCMP_CMP_EQ, TCP_INFO));
    ALLOW(filter, getsockopt, SCMP_A1(SCMP_CMP_EQ, SOL_SOCKET), SCMP_A2(SCMP_CMP_EQ, SO_ERROR));
    ALLOW(filter, fcntl, SCMP_A1(SCMP_CMP_EQ, F_DUPFD_CLOEXEC));
    return filter;
}

static scmp_filter_ctx tls_filter(void) {
    static const char *const names[] = {"read",   "write",     "epoll_wait", "epoll_pwait", "epoll_ctl", "shutdown",
                                        "getpid", "getrandom", "gettid",     "time",        NULL};
    scmp_filter_ctx filter = new_filter();
    allow(filter, names);
    return filter;
}

void jail_compile(jail_kind kind) {
    static scmp_filter_ctx (*const make[])(void) = {stack_filter, broker_filter, tls_filter};
    if (compiled[kind].filter) return;
    scmp_filter_ctx filter = make[kind]();
    WRN_AUTO(wrn_fd_close) int fd = memfd_create("filter", MFD_CLOEXEC);
    (void)seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (fd < 0 || seccomp_export_bpf(filter, fd) != 0) fail("seccomp");
    seccomp_release(filter);
    size_t size = (size_t)lseek(fd, 0, SEEK_END);
    compiled[kind] =
        (struct sock_fprog){.len = (unsigned short)(size / sizeof(struct sock_filter)), .filter = malloc(size)};
    if (!compiled[kind].filter || pread(fd, compiled[kind].filter, size, 0) != (ssize_t)size) fail("seccomp");
}

void jail_filter(jail_kind kind) {
#ifdef SANITIZED
    return;
#endif
    jail_compile(kind);
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &compiled[kind]) != 0) fail("seccomp");
}

void jail_enter(const gate_options *options, jail_kind kind) {
#ifdef SANITIZED
    return;
#endif
    jail_compile(kind);
    limit(RLIMIT_CORE, 0);
    limit(RLIMIT_FSIZE, 0);
    limit(RLIMIT_NPROC, 0);
    limit(RLIMIT_NOFILE, gate_slots(options) + SPARE_FDS);
    limit(RLIMIT_DATA, MEMORY_BASE + (rlim_t)options->flows * MEMORY_PER_FLOW);
    if (options->uid && geteuid() == 0) change_user(options);
    keep_capabilities(0);
    /* After the change of the user, which resets both. */
    if (prctl(PR_SET_DUMPABLE, 0) != 0 || (kind == JAIL_STACK && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)) fail("prctl");
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) fail("prctl");
    jail_filter(kind);
}
