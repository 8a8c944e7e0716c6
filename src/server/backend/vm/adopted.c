/* Machines that another wrennd has started. Its successor gets the lifeline from the holder, and from wrenn-vm the monitor. What is between it and
 * the agent is new, and the agent, whose port tells it that somebody has gone, is told who is there now. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "server/backend/vm/internal.h"
#include "server/log.h"

/* TRIES: each waits twice as long as the one before. SETTLE_MS: for the machine's kernel to tell the agent of its port. */
enum { TRIES = 6, SETTLE_MS = 100, ANSWER_MS = 1000, PATIENCE_MS = 5000 };

static uv_loop_t *loop_of(const wrn_instance *it) { return it->backend->config.loop; }

/* ---- what it has ---- */

/* Opens a descriptor of wrenn-vm again, if it is a file. */
static int open_theirs(pid_t pid, int fd) {
    char path[64];
    struct stat info;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
    return stat(path, &info) == 0 && S_ISREG(info.st_mode) ? open(path, O_RDONLY | O_CLOEXEC) : -1;
}

static bool is_socket_of(pid_t pid, int fd) {
    char path[64];
    struct stat info;
    snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)pid, fd);
    return stat(path, &info) == 0 && S_ISSOCK(info.st_mode);
}

/* The setup that the machine was started with, which its command line names. */
static setup *find_setup(const wrn_backend *backend, pid_t pid) {
    wrn_fault fault;
    char path[64], line[PATH_MAX + 64], *dir = line, *end;
    snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
    ssize_t size = wrn_file_read(path, line, sizeof(line));
    size_t name = strnlen(line, size > 0 ? (size_t)size : 0);
    if (size > (ssize_t)name + 1) dir += name + 1;
    if ((end = strrchr(dir, '/')) && strcmp(end, "/" VM_ROOT) == 0) {
        *end = '\0';
        setup *own = strcmp(dir, backend->setup->dir) == 0 ? NULL : setup_open(dir, &fault);
        if (own) return own;
    }
    return setup_hold(backend->setup);
}

/* For the next RESUME: answers to earlier ones, which are late, do not count. */
static void change_number(wrn_instance *it) {
    if (getrandom(&it->resume_number, sizeof(it->resume_number), 0) != sizeof(it->resume_number)) abort();
}

wrn_instance *vm_restore(wrn_backend *backend, const char *id, const char *dir, const wrn_running *run) {
    wrn_instance *it = instance_new(backend, id, dir);
    it->setup = find_setup(backend, run->pid);
    it->slot = run->number;
    if (it->slot >= 0) backend->slot_used[it->slot] = true;
    it->pidfd = run->pidfd;
    it->lifeline = fcntl(run->handover_fd, F_DUPFD_CLOEXEC, 0);
    it->disk_fd = open_disk(it->dir, 0);
    it->image_fd = open_theirs(run->pid, FD_IMAGE);
    it->layer_fd = open_theirs(run->pid, FD_LAYER);
    it->has_network = is_socket_of(run->pid, FD_LINK);
    it->adopted = true;
    change_number(it);
    return it;
}

/* ---- reaching wrenn-vm, and QEMU ---- */

/* Says something to wrenn-vm, which answers at once: what, and a descriptor or -1. 0 with errno. */
static char ask(const wrn_instance *it, char what, int passed, int *fd) {
    const struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
    char said = 0;
    *fd = -1;
    setsockopt(it->lifeline, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (!wrn_fds_send(it->lifeline, &what, 1, &passed, passed >= 0, 0)) return 0;
    return wrn_fds_receive(it->lifeline, &said, 1, fd, 1) == 1 ? said : 0;
}

/* False with errno. */
static bool adopt_monitor(wrn_instance *it, int agent) {
    int fd;
    char said = ask(it, SAY_ADOPT, agent, &fd);
    it->hibernates = it->is_saved = said == SAY_HIBERNATE;
    if (fd >= 0) it->monitor = monitor_adopt(loop_of(it), fd);
    return said && (fd >= 0 || it->hibernates);
}

int vm_connect(wrn_instance *it, const wrn_box_spec *spec, const wrn_root *root, int channel[2], wrn_fault *fault) {
    int ends[2] = {-1, -1}, write_end = -1;
    it->vcpus = spec->vcpus;
    it->memory_mb = spec->memory_mb;
    it->disk_mb = spec->disk_mb;
    it->is_minimal = root->on_host;
    snprintf(it->template_name, sizeof(it->template_name), "%s", spec->template_name);
    if (make_agent_channel(ends) && (write_end = fcntl(ends[0], F_DUPFD_CLOEXEC, 0)) >= 0 &&
        (it->channel_fd = fcntl(ends[0], F_DUPFD_CLOEXEC, 0)) >= 0 && adopt_monitor(it, ends[1])) {
        close(ends[1]);
        channel[0] = ends[0];
        channel[1] = write_end;
        return 0;
    }
    wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "cannot reach the sandbox's virtual machine: %s", strerror(errno));
    wrn_fds_close(ends, 2);
    wrn_fd_close(&write_end);
    return -1;
}

/* ---- reaching the agent ---- */

void adopted_end(wrn_instance *it) {
    if (!it->adopted) return;
    it->adopted = false;
    uv_timer_stop(&it->timer);
    wrn_fd_close(&it->channel_fd);
}

static void on_apart(void *context, const wrn_fault *fault) {
    if (!fault) adopted_reach(context, false);
}

/* What it was sent got lost in a frame of the last wrennd, or it has not seen yet that that one has gone, or it is slow. Those who
 * wait for it give up by themselves. */
static void on_silence(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    if (it->tries++ >= TRIES) return;
    change_number(it);
    monitor_connect(loop_of(it), it->monitor, -1, on_apart, it);
}

static void say_who_is_there(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_INIT;
    wrn_resume now = {.flags = WRN_RESUME_SERVER,
                      .number = it->resume_number,
                      .time_us = (uint64_t)wrn_clock_us(CLOCK_REALTIME),
                      .id = "",
                      .template_name = ""};
    if (getrandom(now.seed, sizeof(now.seed), 0) != sizeof(now.seed)) abort(); /* can't fail for so few bytes */
    wrn_resume_put(&now, &payload);
    if (!moment_say(it->channel_fd, 0, WRN_FRAME_RESUME, &payload))
        wrn_log_warning("the agent of sandbox %s can't be told of a new wrennd: %s", it->id, strerror(errno));
    uv_timer_start(timer, on_silence, (uint64_t)ANSWER_MS << it->tries, 0);
}

static void on_connected(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    if (fault) wrn_log_warning("the agent of sandbox %s can't be reached: %s", it->id, fault->message);
    else uv_timer_start(&it->timer, say_who_is_there, (uint64_t)SETTLE_MS << it->tries, 0);
}

/* Only while that is under way is QEMU's end open here, for otherwise QEMU's end would go unseen. */
static void connect_port(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    int fd;
    if (ask(it, SAY_SHOW, -1, &fd) && fd >= 0) monitor_connect(loop_of(it), it->monitor, fd, on_connected, it);
    wrn_fd_close(&fd);
}

void adopted_reach(wrn_instance *it, bool connected) {
    uv_timer_start(&it->timer, connected ? say_who_is_there : connect_port, (uint64_t)SETTLE_MS << it->tries, 0);
}
