/* The process wrenn-gate-tls of a box: it adds headers with secrets to requests. It gets what to add as a file in memory, which only this
 * daemon's descriptor leads to, so that the secrets are not in the memory of this process. It ends when the gate closes its socket. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "server/box/internal.h"
#include "server/userns.h"

/* One that ended sooner than LIVED_MS would end again: the gate's owner waits before it starts another one. */
enum { AGAIN_MS = 200, LIVED_MS = 1000 };

struct injector {
    int gate; /* the end for the gate; -1: it has it */
    int pidfd;
    pid_t pid;
    uint64_t began_ms;
    uv_poll_t *exit_poll;
    uv_timer_t *timer;
    void (*ended)(void *context);
    void *context;
};

static void free_injector(injector *in) {
    if (in->exit_poll) uv_close((uv_handle_t *)in->exit_poll, wrn_handle_free);
    uv_close((uv_handle_t *)in->timer, wrn_handle_free);
    wrn_fd_close(&in->gate);
    wrn_fd_close(&in->pidfd);
    free(in);
}

static void injector_on_again(uv_timer_t *timer) {
    injector *in = timer->data;
    void (*ended)(void *context) = in->ended;
    void *context = in->context;
    free_injector(in);
    ended(context);
}

static void on_injector_exit(uv_poll_t *poll, int status, int events) {
    injector *in = poll->data;
    (void)status, (void)events;
    siginfo_t info = {0};
    if (waitid(P_PID, (id_t)in->pid, &info, WEXITED | WNOHANG) == 0 && info.si_pid == 0) return;
    uv_close((uv_handle_t *)WRN_TAKE(in->exit_poll), wrn_handle_free);
    bool has_lived = uv_now(in->timer->loop) - in->began_ms >= LIVED_MS;
    if (in->ended) uv_timer_start(in->timer, injector_on_again, has_lived ? 0 : AGAIN_MS, 0);
    else free_injector(in);
}

static bool spawn(injector *in, const wrn_box *box, int config_fd, int gate_fd) {
    const wrn_egress_config *config = &box->boxes->config.egress;
    char uid[32], flows[32], trust[PATH_MAX + 16];
    char *argv[8] = {(char[]){"wrenn-gate-tls"}, (char[]){"--gate=3"}, (char[]){"--config=4"}, flows};
    size_t count = 4;
    snprintf(flows, sizeof(flows), "--flows=%lld", (long long)config->connections);
    snprintf(uid, sizeof(uid), "--uids=%u", GATE_UIDS);
    snprintf(trust, sizeof(trust), "--trust=%s", config->trust_path ? config->trust_path : "");
    if (geteuid() == 0) argv[count++] = uid;
    if (config->trust_path) argv[count++] = trust;
    helper_plan p = {.fds = {gate_fd, config_fd}, .count = 2, .path = config->gate_tls_path, .argv = argv};
    box->runner->ops->helper_fds(box->it, p.groups);
    in->pid = helper_start(&p, &in->pidfd);
    for (int i = 0; i < WRN_HELPER_FDS && p.groups[i] >= 0; i++) close(p.groups[i]);
    return in->pid > 0;
}

injector *injector_new(const wrn_box *box, int config_fd, void (*ended)(void *context), void *context) {
    uv_loop_t *loop = box->boxes->config.loop;
    injector *in = calloc(1, sizeof(*in));
    int pair[2] = {-1, -1};
    *in = (injector){.gate = -1,
                     .pidfd = -1,
                     .began_ms = uv_now(loop),
                     .timer = malloc(sizeof(*in->timer)),
                     .ended = ended,
                     .context = context};
    uv_timer_init(loop, in->timer);
    in->timer->data = in;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0 || !spawn(in, box, config_fd, pair[1])) {
        wrn_fds_close(pair, 2);
        uv_timer_start(in->timer, injector_on_again, AGAIN_MS, 0);
        return in;
    }
    close(pair[1]);
    in->gate = pair[0];
    in->exit_poll = malloc(sizeof(*in->exit_poll));
    if (uv_poll_init(loop, in->exit_poll, in->pidfd) != 0) abort();
    in->exit_poll->data = in;
    uv_poll_start(in->exit_poll, UV_READABLE, on_injector_exit);
    return in;
}

int injector_take_end(injector *in) { return wrn_fd_take(&in->gate); }

void injector_end(injector *in) {
    if (!in) return;
    in->ended = NULL;
    uv_timer_stop(in->timer);
    if (!in->exit_poll) return free_injector(in);
    syscall(SYS_pidfd_send_signal, in->pidfd, SIGKILL, NULL, 0);
}

void injector_leave(injector *in) {
    if (in) free_injector(in);
}
