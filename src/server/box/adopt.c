/* From one daemon to the next. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "server/box/box.h"

enum { HOLDER_AGAIN_MS = 1000 };

/* ---- the holder ---- */

void box_hold(wrn_box *box) {
    wrn_backend *backend = box->backend;
    held_box known = {.slot = box->slot,
                      .pid = box->pid,
                      .handover_fd = box->handover_fd,
                      .pidfd = box->pidfd,
                      .source_fd = box->source.held - 1};
    if (box->handover_fd < 0 || !backend->holder_poll) return;
    snprintf(known.id, sizeof(known.id), "%s", box->id);
    if (box->held) snprintf(known.snapshot_id, sizeof(known.snapshot_id), "%s", snapshot_id(box->held));
    if (!holder_add(&backend->holder, &known)) holder_end(&backend->holder);
}

void box_drop(wrn_box *box) {
    wrn_backend *backend = box->backend;
    if (box->handover_fd < 0 || !backend->holder_poll) return;
    if (!holder_drop(&backend->holder, box->id)) holder_end(&backend->holder);
}

static void free_handle(uv_handle_t *handle) { free(handle); }

static void stop_watching(wrn_backend *backend) {
    if (backend->holder_poll) uv_close((uv_handle_t *)WRN_TAKE(backend->holder_poll), free_handle);
}

static void start_again(uv_timer_t *timer) {
    wrn_backend *backend = timer->data;
    if (boxes_start_holder(backend) != 0) {
        uv_timer_start(timer, start_again, HOLDER_AGAIN_MS, 0);
        return;
    }
    for (wrn_box *box = backend->all; box; box = box->next) box_hold(box);
}

/* It was killed. While there is none, the sandboxes have only this daemon. */
static void on_holder(uv_poll_t *poll, int status, int events) {
    wrn_backend *backend = poll->data;
    (void)status, (void)events;
    stop_watching(backend);
    holder_end(&backend->holder);
    holder_leave(&backend->holder, false);
    /* At once, but not one after the other. */
    int64_t wait_ms = backend->holder_ms + HOLDER_AGAIN_MS - wrn_now_ms();
    uv_timer_start(backend->holder_timer, start_again, wait_ms > 0 ? (uint64_t)wait_ms : 0, 0);
}

void boxes_watch_holder(wrn_backend *backend) {
    uv_loop_t *loop = backend->config.loop;
    backend->holder_poll = malloc(sizeof(*backend->holder_poll));
    if (!backend->holder_poll || uv_poll_init(loop, backend->holder_poll, backend->holder.fd) != 0) abort();
    backend->holder_poll->data = backend;
    uv_poll_start(backend->holder_poll, UV_READABLE | UV_DISCONNECT, on_holder);
    uv_unref((uv_handle_t *)backend->holder_poll);
    if (backend->holder_timer) return;
    backend->holder_timer = malloc(sizeof(*backend->holder_timer));
    if (!backend->holder_timer) abort();
    uv_timer_init(loop, backend->holder_timer);
    backend->holder_timer->data = backend;
    uv_unref((uv_handle_t *)backend->holder_timer);
}

int boxes_start_holder(wrn_backend *backend) {
    const holder_plan plan = {.boxes_dir = backend->boxes,
                              .cgroup_parent = backend->config.cgroup_parent,
                              .slots_fd = backend->slots_fd,
                              .cgroups = &backend->cgroups,
                              .wait_ms = backend->config.adopt_ms};
    backend->holder_ms = wrn_now_ms();
    if (holder_start(&backend->holder, backend->config.state_dir, &plan) != 0) return -1;
    boxes_watch_holder(backend);
    return 0;
}

void boxes_stop_holder(wrn_backend *backend) {
    stop_watching(backend);
    if (backend->holder_timer) uv_close((uv_handle_t *)WRN_TAKE(backend->holder_timer), free_handle);
    /* Those that nobody has got to yet are as good as left. */
    for (size_t i = 0; i < backend->orphan_count; i++) {
        const held_box *orphan = &backend->orphans[i];
        const int fds[] = {orphan->source_fd, orphan->pidfd, orphan->handover_fd};
        for (size_t j = 0; j < WRN_COUNT(fds); j++)
            if (fds[j] >= 0) close(fds[j]);
    }
    holder_leave(&backend->holder, backend->has_left || backend->orphan_count);
    free(WRN_TAKE(backend->orphans));
    backend->orphan_count = 0;
}

/* ---- taking over ---- */

static const held_box *find_orphan(const wrn_backend *backend, const char *id) {
    for (size_t i = 0; i < backend->orphan_count; i++)
        if (strcmp(backend->orphans[i].id, id) == 0) return &backend->orphans[i];
    return NULL;
}

/* What it was made from, which its template's name may not lead to any more. */
static int open_source(wrn_box *box, const held_box *orphan, const char *name, wrn_fault *fault) {
    wrn_backend *backend = box->backend;
    char link[64], dir[PATH_MAX];
    if (orphan->source_fd < 0) return source_minimal(&box->source, backend->skeleton), 0;
    snprintf(link, sizeof(link), "/proc/self/fd/%d", orphan->source_fd);
    ssize_t size = readlink(link, dir, sizeof(dir) - 1);
    dir[size > 0 ? size : 0] = '\0';
    if (source_open(dir, name, &box->source, fault) != 0) return -1;
    if (*orphan->snapshot_id) box->held = snapshot_hold(&backend->snapshots, orphan->snapshot_id);
    return 0;
}

/* The box has the orphan's process from here on. */
static void take_over(wrn_box *box, const held_box *orphan) {
    wrn_backend *backend = box->backend;
    if (orphan->source_fd >= 0) close(orphan->source_fd);
    box->slot = orphan->slot;
    box->pid = orphan->pid;
    box->pidfd = orphan->pidfd;
    box->handover_fd = orphan->handover_fd;
    backend->orphans[orphan - backend->orphans] = backend->orphans[--backend->orphan_count];
    if (sched_getaffinity(box->pid, sizeof(box->cpus), &box->cpus) != 0) CPU_ZERO(&box->cpus);
    box_watch(box);
}

static bool on_kept(void *context, const wrn_kept *kept, wrn_proc_events *events) {
    wrn_box *box = context;
    if (strcmp(kept->label, SERVICE_LABEL) == 0) return box->service && service_keep(box->service, kept, events);
    return box->kept(box->context, kept, events);
}

/* Its agent gets a channel to this daemon. */
static int connect_agent(wrn_box *box, wrn_fault *fault) {
    int ours[2], theirs[2];
    struct iovec bytes = {(char[]){0}, 1};
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(theirs))];
    } control = {.head = {.cmsg_len = CMSG_LEN(sizeof(theirs)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS}};
    struct msghdr message = {
        .msg_iov = &bytes, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
    bool sent = wrn_agent_pipes(ours, theirs);
    if (sent) {
        memcpy(CMSG_DATA(&control.head), theirs, sizeof(theirs));
        sent = sendmsg(box->handover_fd, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
        int saved = errno;
        close(theirs[0]), close(theirs[1]);
        if (!sent) close(ours[0]), close(ours[1]);
        errno = saved;
    }
    if (sent)
        box->agent = wrn_agent_open(box->backend->config.loop, ours,
                                    &(wrn_agent_events){box_agent_ready, box_agent_lost, box, on_kept, box_oom_kills});
    if (box->agent) return 0;
    wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "cannot reach the sandbox's agent: %s", strerror(errno));
    return -1;
}

static void on_frozen(void *context, const wrn_fault *fault) {
    wrn_box *box = context;
    if (fault) return box_fail(box, fault);
    box->phase = LIVE;
    box->created(box->context, box, NULL);
}

void ns_adopt(wrn_backend *backend, const wrn_box_spec *spec, bool frozen, wrn_kept_fn kept, wrn_done_fn died,
              wrn_box_fn done, void *context) {
    wrn_fault fault;
    const held_box *orphan = find_orphan(backend, spec->id);
    if (!orphan) {
        wrn_fault_set(&fault, WRN_FAULT_NOT_FOUND, "nothing is left of it");
        return box_refuse(backend, done, context, &fault);
    }
    wrn_box *box = box_new(backend, spec->id, died, done, context);
    box->kept = kept;
    bool found = open_source(box, orphan, spec->template_name, &fault) == 0;
    take_over(box, orphan);
    box_count(box, !frozen);
    if (!found || connect_agent(box, &fault) != 0) return box_fail(box, &fault);
    box->service = service_new(box->agent, &box->dials, &box->source);
    if (!cgroups_can_freeze(&backend->cgroups)) {
        box->to_pause = frozen;
    } else if (cgroup_freeze(&backend->cgroups, box->id, frozen) != 0) {
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "cannot freeze or thaw the sandbox: %s", strerror(errno));
        box_fail(box, &fault);
    } else if (frozen) {
        wrn_agent_suspend(box->agent, true);
        box_await_frozen(box, on_frozen, box);
    }
}

static void on_orphan_gone(void *context, const wrn_fault *fault) { (void)context, (void)fault; }

void ns_end_adoption(wrn_backend *backend) {
    while (backend->orphan_count) {
        wrn_box *box = box_new(backend, backend->orphans[0].id, NULL, NULL, NULL);
        take_over(box, &backend->orphans[0]);
        ns_destroy(box, on_orphan_gone, NULL);
    }
    free(WRN_TAKE(backend->orphans));
}

/* ---- leaving ---- */

void ns_leave(wrn_box *box, wrn_done_fn done, void *context) {
    box_forget_walk(box);
    box->left = box->backend->has_left = true;
    box->phase = DESTROYING;
    box->done = done;
    box->done_context = context;
    uv_timer_stop(&box->timer);
    uv_poll_stop(&box->exit_poll);
    service_stop(box->service);
    dials_end(&box->dials);
    wrn_agent_close(box->agent);
    service_free(box->service);
    box_close(box);
}
