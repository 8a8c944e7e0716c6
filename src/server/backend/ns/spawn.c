#include <fcntl.h>
#include <linux/capability.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "server/backend/ns/internal.h"
#include "server/precedence.h"
#include "wire/trust.h"

enum { PIPE_SIZE = 256 * 1024 };
enum { AGENT_NICE = -15, CHANNEL_IN = 3, HANDOVER, MEMINFO, STAT, CHANNEL_OUT, AGENT, ERRORS };

_Noreturn void spawn_fail(const spawn *s, const char *step) {
    spawn_error e = {.error = errno};
    memcpy(e.step, step, strnlen(step, sizeof(e.step) - 1));
    (void)!write(s->error_fd, &e, sizeof(e));
    _exit(1);
}

static void spawn_put(const spawn *s, const char *path, const char *text, const char *step) {
    if (!wrn_file_write(AT_FDCWD, path, 0, text, strlen(text))) spawn_fail(s, step);
}

char *spawn_decimal(char *out, int64_t value) {
    char digits[24], *at = digits + sizeof(digits);
    *--at = '\0';
    do *--at = (char)('0' + value % 10);
    while (value /= 10);
    return stpcpy(out, at);
}

/* An ordinary user may map one id: their own. */
static void spawn_map_self(const spawn *s) {
    prctl(PR_SET_DUMPABLE, 1); /* a worker may have just cleared it, and then /proc/self is root's: see dial.c */
    spawn_put(s, "/proc/self/setgroups", "deny", "deny setgroups");
    for (int group = 0; group < 2; group++) {
        char line[64] = "0 ";
        stpcpy(spawn_decimal(line + 2, group ? s->gid : s->uid), " 1");
        spawn_put(s, group ? "/proc/self/gid_map" : "/proc/self/uid_map", line, "map ids");
    }
}

/* Not by flags of clone3: making a network namespace waits until the kernel has removed dead ones, which can take
 * seconds, and the daemon would wait too. */
static void spawn_leave_host(const spawn *s) {
    if (unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWIPC) != 0) spawn_fail(s, "leave the host");
}

static void join_cgroups(const spawn *s) {
    for (int i = 0; i < HIERARCHIES && s->join_fds[i] >= 0; i++)
        if (write(s->join_fds[i], "0", 1) != 1) spawn_fail(s, "join cgroup");
    /* After joining: the box's group becomes the root that it sees. */
    if (unshare(CLONE_NEWCGROUP) != 0) spawn_fail(s, "cgroup namespace");
}

static void spawn_raise_loopback(const spawn *s) {
    struct ifreq request = {.ifr_name = "lo", .ifr_flags = IFF_UP | IFF_RUNNING};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &request) != 0) spawn_fail(s, "raise loopback");
    close(fd);
}

static void become_sandbox_root(const spawn *s) {
    if (!s->root) return;
    /* The agent has priority over the commands in its box, which can't raise theirs. Other boxes are not affected,
     * because the priority counts within the box's cgroup. */
    if (*s->shown[0].path) setpriority(PRIO_PROCESS, 0, AGENT_NICE);
    if (syscall(SYS_setns, s->userns_fd, CLONE_NEWUSER) != 0) spawn_fail(s, "enter user namespace");
    if (syscall(SYS_setgroups, 0, NULL) != 0 || syscall(SYS_setresgid, 0, 0, 0) != 0 ||
        syscall(SYS_setresuid, 0, 0, 0) != 0)
        spawn_fail(s, "become root inside");
}

/* Keeps what root in a container usually has, but not MKNOD and NET_RAW. They are valid only in its user namespace. */
static void drop_capabilities(const spawn *s) {
    const uint64_t kept = 1ull << CAP_CHOWN | 1ull << CAP_DAC_OVERRIDE | 1ull << CAP_FSETID | 1ull << CAP_FOWNER |
                          1ull << CAP_SETGID | 1ull << CAP_SETUID | 1ull << CAP_SETFCAP | 1ull << CAP_SETPCAP |
                          1ull << CAP_NET_BIND_SERVICE | 1ull << CAP_SYS_CHROOT | 1ull << CAP_KILL |
                          1ull << CAP_AUDIT_WRITE;
    for (int cap = 0; cap < 64; cap++) {
        if (kept & 1ull << cap || prctl(PR_CAPBSET_DROP, cap) == 0) continue;
        if (errno != EINVAL || cap <= CAP_AUDIT_READ) spawn_fail(s, "drop capability");
        break; /* the kernel has no more of them */
    }
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2] = {{(uint32_t)kept, (uint32_t)kept, 0},
                                             {(uint32_t)(kept >> 32), (uint32_t)(kept >> 32), 0}};
    if (syscall(SYS_capset, &header, data) != 0) spawn_fail(s, "set capabilities");
}

static void set_rlimits(const spawn *s) {
    setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
    setrlimit(RLIMIT_NOFILE, &(struct rlimit){1024, 65536});
    /* The kernel counts this for each user of this user namespace. The cgroup limits all of them together, but programs
     * look here, and the agent reserves some for itself here. */
    setrlimit(RLIMIT_NPROC, &(struct rlimit){(rlim_t)s->pids_max, (rlim_t)s->pids_max});
}

/* The descriptors become 0, 1, 2: /dev/null; 3 and 7: the channel; 4: the handover socket, if there is one; 5 and 6:
 * meminfo and stat; 8: the agent's image; 9: error reports; and no others. The last two are close-on-exec. */
static void arrange_descriptors(spawn *s) {
    enum { COUNT = ERRORS - CHANNEL_IN + 1 };
    const int from[COUNT] = {s->channel_fds[0], s->handover_fd, s->meminfo_fd, s->stat_fd,
                             s->channel_fds[1], s->agent_fd,    s->error_fd};
    int high[COUNT];
    for (int i = 0; i < COUNT; i++) {
        if ((high[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 64)) >= 0 || from[i] < 0) continue;
        if (errno == EINVAL) errno = EMFILE; /* what fcntl() means by it: the limit is below 64 */
        spawn_fail(s, "move descriptors");
    }
    s->error_fd = high[COUNT - 1];
    int null = open("/dev/null", O_RDWR);
    if (null < 0) spawn_fail(s, "open /dev/null");
    for (int i = 0; i < 3; i++) dup2(null, i);
    for (int i = 0; i < COUNT; i++) {
        close(CHANNEL_IN + i);
        if (high[i] >= 0) syscall(SYS_dup3, high[i], CHANNEL_IN + i, CHANNEL_IN + i < AGENT ? 0 : O_CLOEXEC);
    }
    s->error_fd = ERRORS;
    syscall(SYS_close_range, ERRORS + 1u, ~0u, 0u);
}

_Noreturn static void spawn_start_agent(const spawn *s) {
    char id[WRN_BOX_ID_MAX + 32], template[sizeof(s->template_name) + 32];
    stpcpy(stpcpy(id, "WRENN_SANDBOX_ID="), s->hostname);
    stpcpy(stpcpy(template, "WRENN_TEMPLATE_ID="), s->template_name);
    char *argv[] = {(char[]){"wrenn-agent"}, NULL}, trust[] = WRN_TRUST_FIRST;
    char *env[] = {(char[]){"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                   (char[]){"HOME=/root"},
                   (char[]){"USER=root"},
                   (char[]){"LOGNAME=root"},
                   (char[]){"LANG=C.UTF-8"},
                   (char[]){"WRENN_SANDBOX=true"},
                   id,
                   template,
                   s->trusts ? trust : NULL, /* NULL: the list ends here */
                   WRN_TRUST_REST};
    syscall(SYS_execveat, AGENT, "", argv, env, AT_EMPTY_PATH);
    spawn_fail(s, "start the agent");
}

_Noreturn static void run_child(const spawn *original) {
    spawn s = *original;
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* until the agent watches its channel */
    wrn_precedence_share();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    umask(022);
    if (!s.root) spawn_map_self(&s);
    spawn_leave_host(&s);
    if (s.has_programs) programs_make(&s); /* before the limit on memory applies, against which files count */
    join_cgroups(&s);
    if (syscall(SYS_sethostname, s.hostname, strlen(s.hostname)) != 0) spawn_fail(&s, "set host name");
    spawn_raise_loopback(&s);
    if (s.link_fd >= 0) link_make(&s);
    rootfs_enter(&s);
    become_sandbox_root(&s);
    arrange_descriptors(&s);
    set_rlimits(&s);
    setsid();
    drop_capabilities(&s);
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) spawn_fail(&s, "no new privileges");
    if (syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &s.filter) != 0) spawn_fail(&s, "seccomp");
    prctl(PR_SET_PDEATHSIG, 0);
    spawn_start_agent(&s);
}

pid_t spawn_child(const spawn *s, int *pidfd) {
    struct clone_args args = {
        .flags =
            CLONE_PIDFD | CLONE_NEWPID | (s->root ? 0 : CLONE_NEWUSER) | (s->clone_fd >= 0 ? CLONE_INTO_CGROUP : 0),
        .pidfd = (uint64_t)(uintptr_t)pidfd,
        .exit_signal = SIGCHLD,
        .cgroup = s->clone_fd >= 0 ? (uint64_t)s->clone_fd : 0,
    };
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0) run_child(s);
    return (pid_t)pid;
}

bool channel_pipes(int ours[2], int theirs[2]) {
    int up[2], down[2];
    if (pipe2(up, O_CLOEXEC | O_NONBLOCK) != 0) return false;
    if (pipe2(down, O_CLOEXEC | O_NONBLOCK) != 0) return wrn_fds_close(up, 2), false;
    (void)fcntl(up[0], F_SETPIPE_SZ, PIPE_SIZE); /* only for speed */
    ours[0] = up[0], theirs[1] = up[1];
    theirs[0] = down[0], ours[1] = down[1];
    return true;
}
