/* Stopping a machine, and letting it go on: QEMU stands still, or has ended and left the state in a file. wrenn-vm keeps what QEMU was connected
 * to, so that the agent's channel, disks and network are the same afterwards. */
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

#include "server/backend/vm/internal.h"

enum { WAKE_LIMIT_MS = 120000 };

static uv_loop_t *loop_of(const wrn_instance *it) { return it->backend->config.loop; }

static bool say(const wrn_instance *it, char what) { return wrn_fds_send(it->lifeline, &what, 1, NULL, 0, 0); }

static int open_state(const wrn_instance *it, int flags) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/" VM_STATE, it->dir);
    return open(path, flags | O_CLOEXEC);
}

bool vm_freeze(wrn_instance *it, wrn_done_fn done, void *context) {
    if (it->hibernates) return wrn_answer_later(loop_of(it), done, context, NULL), true;
    monitor_run(loop_of(it), it->monitor, "stop", done, context);
    return true;
}

/* ---- to the disk ---- */

static void end_change(wrn_instance *it, const wrn_fault *fault) { WRN_TAKE(it->changed)(it->changed_context, fault); }

static void on_qemu_ended(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    (void)fault; /* that it has ended */
    monitor_close(WRN_TAKE(it->monitor));
    end_change(it, NULL);
}

static void end_qemu(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    wrn_fault fault;
    if (!say(it, SAY_HIBERNATE)) {
        wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "cannot end QEMU: %s", strerror(errno));
        return end_change(it, &fault);
    }
    it->hibernates = true;
    monitor_await_end(loop_of(it), it->monitor, on_qemu_ended, it);
}

/* QEMU does not say what the file system has said. */
static int why_not_written(const wrn_instance *it) {
    static const char page[4096];
    WRN_AUTO(wrn_fd_close) int fd = open_state(it, O_WRONLY | O_APPEND);
    return fd >= 0 && write(fd, page, sizeof(page)) == (ssize_t)sizeof(page) ? 0 : errno;
}

static void on_memory_written(void *context, wrn_moment *kept, const wrn_fault *fault) {
    wrn_instance *it = context;
    wrn_fault own;
    it->is_saved = true;
    if (kept) kept->release(kept);
    if (!fault) return end_qemu(&it->timer);
    int error = why_not_written(it);
    saved_drop(it);
    wrn_fault_set(&own, WRN_FAULT_INTERNAL_ERROR,
                  "cannot write the memory of the sandbox to %.200s: %s; it stays paused in memory", it->dir,
                  error ? strerror(error) : fault->message);
    end_change(it, &own);
}

void vm_hibernate(wrn_instance *it, wrn_done_fn done, void *context) {
    it->changed = done;
    it->changed_context = context;
    if (it->is_saved) uv_timer_start(&it->timer, end_qemu, 0, 0);
    else moment_keep(it, false, on_memory_written, it);
}

/* ---- back ---- */

static void on_asleep_again(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    (void)fault; /* that it has ended */
    monitor_close(WRN_TAKE(it->monitor));
    end_change(it, &it->trouble);
}

/* The state is still there, for another try. */
static void sleep_again(wrn_instance *it, const char *problem) {
    uv_timer_stop(&it->timer);
    wrn_fault_set(&it->trouble, WRN_FAULT_INTERNAL_ERROR, "cannot wake the sandbox, which stays hibernated: %s",
                  problem);
    say(it, SAY_HIBERNATE);
    monitor_await_end(loop_of(it), it->monitor, on_asleep_again, it);
}

static void on_wake_late(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    monitor_forget(it->monitor);
    sleep_again(it, "its virtual machine does not go on");
}

static void on_going_on(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    if (!fault && it->adopted) adopted_reach(it, true);
    end_change(it, fault);
}

/* From here on the disk may be written to, and what is saved is of no use, whoever dies. If nobody listens wrenn-vm has ended, and
 * the agent's channel tells. */
static void on_state_read(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    if (fault) return sleep_again(it, fault->message);
    uv_timer_stop(&it->timer);
    say(it, SAY_GOES_ON);
    it->hibernates = false;
    saved_drop(it);
    monitor_run(loop_of(it), it->monitor, "cont", on_going_on, it);
}

/* False with errno. */
static bool start_again(wrn_instance *it) {
    static const char what = SAY_WAKE;
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
    bool ok = fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 &&
              wrn_fds_send(it->lifeline, &what, 1, (const int[]){ends[1], ends[0]}, 2, 0);
    int error = errno;
    close(ends[1]);
    if (ok) it->monitor = monitor_open(loop_of(it), ends[0]);
    else close(ends[0]);
    errno = error;
    return ok;
}

static void wake(wrn_instance *it, wrn_done_fn done, void *context) {
    wrn_fault fault;
    WRN_AUTO(wrn_fd_close) int state = open_state(it, O_RDONLY);
    if (state >= 0 && start_again(it)) {
        it->changed = done;
        it->changed_context = context;
        uv_timer_start(&it->timer, on_wake_late, WAKE_LIMIT_MS, 0);
        return monitor_load(loop_of(it), it->monitor, state, true, on_state_read, it);
    }
    wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "cannot wake the sandbox, which stays hibernated: %s",
                  strerror(errno));
    wrn_answer_later(loop_of(it), done, context, &fault);
}

static void on_thawed(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    if (!fault && it->adopted) adopted_reach(it, false);
    end_change(it, fault);
}

bool vm_thaw(wrn_instance *it, wrn_done_fn done, void *context) {
    if (it->is_spare) cgroup_set_rank(&it->backend->cgroups, it->id, CGROUP_AMONG_OTHERS); /* somebody has got it */
    it->is_spare = false;
    if (it->hibernates) return wake(it, done, context), true;
    saved_drop(it);
    it->changed = done;
    it->changed_context = context;
    monitor_run(loop_of(it), it->monitor, "cont", on_thawed, it);
    return true;
}
