/* Machines that were started once, for copies: one for each template and size, with a network or without. A boot takes seconds; a copy shares the memory of the first one,
 * and has only what it changes for itself.
 *
 * The first sandbox of a template and size boots, and meanwhile another machine boots, runs the programs that most sandboxes start with, and is
 * saved. What goes wrong is told in the log, and sandboxes like that boot. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/tree.h"
#include "server/backend/vm/internal.h"
#include "server/log.h"
#include "server/trees.h"

enum { SEAL_TRIES = 500, SEAL_MS = 2, BUILD_LIMIT_MS = 120000 };

/* What gets into the memory of all copies. */
#define WARM_UP "python3 -c 'import json' 2>/dev/null; ls / >/dev/null; true; sync"

typedef struct warm {
    warms *all;
    struct warm *next;
    int64_t vcpus, memory_mb, disk_mb, used_ms;
    bool has_network, has_ipv6; /* as of machines */
    moment *moment;
    bool ready;
} warm;

/* The machine that is being warmed up. */
typedef struct builder {
    wrn_job job; /* its disk; first: a job is cast to its builder */
    warms *all;  /* NULL: nobody wants it any more */
    warm *into;
    char id[32], template_name[129], dir[PATH_MAX], tree[PATH_MAX];
    wrn_root root;
    wrn_box_spec spec;
    bool has_root;
    wrn_fault fault;
    wrn_instance *it; /* NULL: it is not made yet */
    wrn_running run;
    int channel[2];
    uv_poll_t poll, exit;
    uv_timer_t timer;
    int handles, tries;
    bool over, released; /* it ends; it has ended, and what it leaves is being removed */
    uint8_t buffer[WRN_FRAME_BUFFER];
    wrn_frame_reader reader;
} builder;

struct warms {
    wrn_backend *backend;
    warm *first;
    builder *builder; /* NULL: none is at work */
    bool is_over;     /* the backend closes when there is none any more */
    unsigned count;   /* that were begun */
};

warms *warms_new(wrn_backend *backend) {
    warms *all = calloc(1, sizeof(*all));
    all->backend = backend;
    return all;
}

static void warm_free(warm *w) {
    moment_release(w->moment);
    free(w);
}

/* ---- warming one up ---- */

static void on_builder_closed(uv_handle_t *handle) {
    builder *b = handle->data;
    if (!--b->handles) free(b);
}

static void close_builder(builder *b) {
    wrn_fds_close(b->channel, 2);
    wrn_fd_close(&b->run.pidfd);
    wrn_fd_close(&b->run.handover_fd);
    wrn_fd_close(&b->run.link_source);
    b->handles = 3;
    uv_close((uv_handle_t *)&b->poll, on_builder_closed);
    uv_close((uv_handle_t *)&b->exit, on_builder_closed);
    uv_close((uv_handle_t *)&b->timer, on_builder_closed);
}

static void on_released(void *context, const wrn_fault *fault) {
    builder *b = context;
    if (fault) wrn_log_warning("a virtual machine that was started for copies has ended, but %s", fault->message);
    warms *all = b->all;
    all->builder = NULL;
    close_builder(b);
    if (all->is_over) vm_close(all->backend);
}

static void release_builder(builder *b) {
    b->released = true;
    vm_release(b->it, on_released, b);
}

/* Ends the machine; what was saved stays. */
static void end_builder(builder *b, const char *problem) {
    if (b->over) return;
    b->over = true;
    if (problem) {
        wrn_log_warning("no virtual machine can be kept for copies, so that each sandbox boots its own: %s", problem);
        b->into->moment->failed = true;
    }
    uv_poll_stop(&b->poll);
    uv_timer_stop(&b->timer);
    vm_kill(b->it, NULL);
}

/* Its file can be sealed once QEMU has unmapped it. */
static void seal(uv_timer_t *timer) {
    builder *b = timer->data;
    warm *w = b->into;
    if (fcntl(w->moment->ram, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) == 0)
        w->ready = true;
    else if (b->tries++ < SEAL_TRIES) return (void)uv_timer_start(timer, seal, SEAL_MS, 0);
    else w->moment->failed = true;
    release_builder(b);
}

static void on_builder_exit(uv_poll_t *poll, int status, int events) {
    builder *b = poll->data;
    (void)status, (void)events;
    if (waitpid(b->run.pid, NULL, WNOHANG) == 0) return;
    uv_poll_stop(poll);
    if (!b->over) end_builder(b, "it has ended");
    if (b->into->moment->state >= 0 && !b->into->moment->failed) seal(&b->timer);
    else release_builder(b);
}

static void on_saved(void *context, const wrn_fault *fault) {
    builder *b = context;
    moment *m = b->into->moment;
    if (fault) {
        wrn_fd_close(&m->state);
        return end_builder(b, fault->message);
    }
    m->ram = fcntl(b->it->ram_fd, F_DUPFD_CLOEXEC, 0);
    m->disk = fcntl(b->it->disk_fd, F_DUPFD_CLOEXEC, 0);
    end_builder(b, NULL);
}

static void on_stopped(void *context, const wrn_fault *fault) {
    builder *b = context;
    if (fault) return end_builder(b, fault->message);
    b->into->moment->state = memfd_create("wrenn-vm-state", MFD_CLOEXEC);
    monitor_save(b->all->backend->config.loop, b->it->monitor, b->into->moment->state, false, on_saved, b);
}

static bool run_programs(const builder *b) {
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_INIT;
    static const char *const args[] = {"-c", WARM_UP, NULL};
    wrn_exec_put(&(wrn_proc_spec){.cmd = "sh", .args = args}, &payload);
    return moment_say(b->channel[1], 1, WRN_FRAME_EXEC, &payload);
}

/* Nobody has been in this machine, so that its agent says what agents say. */
static void on_frame(builder *b, const wrn_frame *frame) {
    bool sent = true;
    if (frame->type == WRN_FRAME_HELLO) sent = run_programs(b);
    else if (frame->type == WRN_FRAME_EXIT) sent = moment_say(b->channel[1], 0, WRN_FRAME_QUIET, NULL);
    else if (frame->type == WRN_FRAME_DONE)
        monitor_run(b->all->backend->config.loop, b->it->monitor, "stop", on_stopped, b);
    if (!sent) end_builder(b, "its agent can't be reached");
}

static void on_builder_readable(uv_poll_t *poll, int status, int events) {
    builder *b = poll->data;
    wrn_frame frame;
    size_t room;
    (void)events;
    uint8_t *at = wrn_frame_room(&b->reader, &room);
    ssize_t got = status < 0 ? 0 : read(b->channel[0], at, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return end_builder(b, "its agent is gone");
    wrn_frame_fed(&b->reader, (size_t)got);
    for (int next; !b->over && (next = wrn_frame_next(&b->reader, &frame)) != 0;) {
        if (next < 0) return end_builder(b, "its agent sends nonsense");
        on_frame(b, &frame);
    }
}

static void on_late(uv_timer_t *timer) { end_builder(timer->data, "it took too long"); }

static void begin_builder(builder *b) {
    uv_loop_t *loop = b->all->backend->config.loop;
    uv_poll_init(loop, &b->poll, b->channel[0]);
    uv_poll_init(loop, &b->exit, b->run.pidfd);
    uv_timer_init(loop, &b->timer);
    b->poll.data = b->exit.data = b->timer.data = b;
    uv_poll_start(&b->poll, UV_READABLE, on_builder_readable);
    uv_poll_start(&b->exit, UV_READABLE, on_builder_exit);
    uv_timer_start(&b->timer, on_late, BUILD_LIMIT_MS, 0);
}

static void drop_directly(void *context, const wrn_fault *fault) { (void)context, (void)fault; }

static void make_builder_root(wrn_job *job) {
    builder *b = (builder *)job;
    b->has_root = vm_make_root(&b->spec, &b->root, b->dir, &b->fault);
}

static void on_builder_root(wrn_job *job) {
    builder *b = (builder *)job;
    warms *all = b->all;
    if (all && b->has_root) b->it = vm_prepare_warm_up(all->backend, &b->spec, b->dir, &b->fault);
    if (b->it && vm_start(b->it, &b->spec, &b->root, &b->run, b->channel, &b->fault) == 0) return begin_builder(b);
    if (b->it) vm_release(b->it, drop_directly, NULL);
    else remove_later(job->loop, b->dir, wrn_tree_remove);
    if (all) {
        wrn_log_warning("no virtual machine can be started for copies: %s", b->fault.message);
        b->into->moment->failed = true;
        all->builder = NULL;
    }
    free(b);
}

/* Starts one like the instance. */
static void build(warm *w, const wrn_instance *like, const wrn_root *root) {
    builder *b = w->all->builder = calloc(1, sizeof(*b));
    *b = (builder){.all = w->all, .into = w, .channel = {-1, -1}};
    b->reader.buffer = b->buffer;
    snprintf(b->template_name, sizeof(b->template_name), "%s", like->template_name);
    snprintf(b->tree, sizeof(b->tree), "%s", root->tree);
    b->root = (wrn_root){root->on_host, b->tree};
    snprintf(b->id, sizeof(b->id), "warm-%u", ++w->all->count);
    snprintf(b->dir, sizeof(b->dir), "%.*s%s", (int)(strrchr(like->dir, '/') + 1 - like->dir), like->dir, b->id);
    b->spec = (wrn_box_spec){.id = b->id,
                             .template_name = b->template_name,
                             .vcpus = w->vcpus,
                             .memory_mb = w->memory_mb,
                             .disk_mb = w->disk_mb,
                             .network = w->has_network ? WRN_POLICY_NONE : NULL}; /* nobody is behind its interface */
    wrn_lane_put(w->all->backend->config.loop, WRN_LANE_MAKE, &b->job, make_builder_root, on_builder_root);
}

/* ---- copies ---- */

bool is_same_file(int one, int other) {
    struct stat a, b;
    if (one < 0 || other < 0) return one < 0 && other < 0;
    return fstat(one, &a) == 0 && fstat(other, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

static warm *find(const warms *all, const wrn_instance *it) {
    warm *w = all->first;
    while (w && (w->vcpus != it->vcpus || w->memory_mb != it->memory_mb || w->disk_mb != it->disk_mb ||
                 w->has_network != it->has_network || w->has_ipv6 != it->has_ipv6 ||
                 !is_same_file(w->moment->image, it->image_fd) || !is_same_file(w->moment->layer, it->layer_fd)))
        w = w->next;
    return w;
}

/* Makes room for another one: the one that was used longest ago goes. */
static bool make_room(warms *all) {
    warm *oldest = NULL;
    int64_t count = 0;
    for (warm *w = all->first; w; w = w->next, count++)
        if (w->moment->holders == 1 && (w->ready || w->moment->failed) && (!oldest || w->used_ms < oldest->used_ms))
            oldest = w;
    if (count < all->backend->config.vm_warm) return true;
    if (!oldest) return false;
    WRN_UNLINK(all->first, oldest, next);
    warm_free(oldest);
    return true;
}

moment *warm_hold(warms *all, const wrn_instance *it, const wrn_root *root) {
    warm *w = find(all, it);
    if (!w && !all->builder && make_room(all)) {
        w = calloc(1, sizeof(*w));
        *w = (warm){.all = all,
                    .next = all->first,
                    .vcpus = it->vcpus,
                    .memory_mb = it->memory_mb,
                    .disk_mb = it->disk_mb,
                    .has_network = it->has_network,
                    .has_ipv6 = it->has_ipv6,
                    .moment = moment_new(it)};
        all->first = w;
        build(w, it, root);
    }
    if (!w || !w->ready || w->moment->failed) return NULL;
    w->used_ms = wrn_now_ms();
    return moment_hold(w->moment);
}

/* QEMU ends a moment after wrenn-vm, and the kernel keeps the group until then. Blocks. */
static void abort_builder(builder *b) {
    const wrn_instance *it = b->it;
    if (!it) return (void)(b->all = NULL);
    end_builder(b, NULL);
    while (waitpid(b->run.pid, NULL, 0) < 0 && errno == EINTR) {
    }
    for (int i = 0; i < SEAL_TRIES && !cgroup_remove(&it->backend->cgroups, it->id); i++) usleep(SEAL_MS * 1000);
    wrn_tree_remove(it->dir);
    vm_release(b->it, NULL, NULL);
    close_builder(b);
}

bool warms_free(warms *all) {
    if (!all) return true;
    all->is_over = all->builder && all->builder->released;
    if (all->is_over) return false;
    if (all->builder) abort_builder(all->builder);
    for (warm *w; (w = all->first);) {
        all->first = w->next;
        warm_free(w);
    }
    free(all);
    return true;
}
