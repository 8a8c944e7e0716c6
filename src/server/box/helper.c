/* Programs of ours beside boxes: how they are started, and the one that all gates are copies of.
 *
 * To start wrenn-gate and to confine it takes longer than to start a box, and so does the end of what confines it. So one process has
 * done both, and each gate is a copy of it, confined with it. When a gate ends in another way than gates end, it ends too, and the next
 * gates are copies of another one: who has found out where something lies in memory can't use that twice. */
#include <fcntl.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "server/box/internal.h"
#include "server/precedence.h"
#include "server/userns.h"

/* In the child, which may only make system calls. */
_Noreturn static void run_helper(const helper_plan *p) {
    int high[HELPER_FDS];
    sigset_t none;
    sigemptyset(&none);
    signal(SIGPIPE, SIG_DFL);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    wrn_precedence_leave();
    for (int i = 0; i < WRN_HELPER_FDS && p->groups[i] >= 0; i++) (void)!write(p->groups[i], "0", 1);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    for (unsigned i = 0; i < p->count; i++) high[i] = fcntl(p->fds[i], F_DUPFD_CLOEXEC, 64);
    for (int i = 0; i < 3; i++) dup2(null, i);
    for (unsigned i = 0; i < p->count; i++) dup2(high[i], 3 + (int)i);
    syscall(SYS_close_range, 3 + p->count, ~0u, 0u);
    execve(p->path, p->argv, (char *[]){NULL});
    _exit(127);
}

pid_t helper_start(const helper_plan *p, int *pidfd) {
    struct clone_args args = {.flags = CLONE_PIDFD, .pidfd = (uint64_t)(uintptr_t)pidfd, .exit_signal = SIGCHLD};
    long pid = syscall(SYS_clone3, &args, sizeof(args));
    if (pid == 0) run_helper(p);
    if (pid < 0) *pidfd = -1;
    return (pid_t)pid;
}

/* ---- gates ---- */

static bool start_origin(wrn_boxes *boxes) {
    const wrn_egress_config *config = &boxes->config.egress;
    char uids[32], flows[32];
    char *argv[] = {(char[]){"wrenn-gate"}, (char[]){"--origin=3"}, flows, NULL, NULL};
    int ends[2];
    snprintf(flows, sizeof(flows), "--flows=%lld", (long long)config->connections);
    snprintf(uids, sizeof(uids), "--uids=%u", GATE_UIDS);
    if (geteuid() == 0) argv[WRN_COUNT(argv) - 2] = uids;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return false;
    const helper_plan p = {.fds = {ends[1]}, .count = 1, .groups = {-1}, .path = config->gate_path, .argv = argv};
    WRN_AUTO(wrn_fd_close) int pidfd = -1;
    boxes->gate_origin_pid = helper_start(&p, &pidfd);
    if (boxes->gate_origin_pid > 0) boxes->gate_origin = wrn_fd_take(&ends[0]);
    wrn_fds_close(ends, 2);
    return boxes->gate_origin >= 0;
}

void helper_close(wrn_boxes *boxes) {
    wrn_fd_close(&boxes->gate_origin);
    if (boxes->gate_origin_pid <= 0) return;
    kill(boxes->gate_origin_pid, SIGKILL);
    while (waitpid(boxes->gate_origin_pid, NULL, 0) < 0 && errno == EINTR) {
    }
    boxes->gate_origin_pid = 0;
}

bool helper_start_gate(const wrn_box *box, int control, int state) {
    wrn_boxes *boxes = box->boxes;
    int fds[2 + WRN_HELPER_FDS] = {control, state};
    size_t count = 2;
    bool sent = false;
    box->runner->ops->helper_fds(box->it, fds + count);
    while (count < WRN_COUNT(fds) && fds[count] >= 0) count++;
    for (int tries = 0; tries < 2 && !sent; tries++) {
        if (boxes->gate_origin < 0 && !start_origin(boxes)) break;
        sent = wrn_fds_send(boxes->gate_origin, "", 1, fds, count, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (!sent) helper_close(boxes);
    }
    wrn_fds_close(fds + 2, count - 2);
    return sent;
}
