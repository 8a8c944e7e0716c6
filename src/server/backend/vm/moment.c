/* Copies of machines: a moment of one is kept, and others go on from there. Memory that machines share is in a sealed file;
 * that of a sandbox is a part of the state. What takes long is done by workers. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "server/backend/vm/internal.h"
#include "server/log.h"
#include "server/trees.h"

enum { SAVE_LIMIT_MS = 120000 };

struct moment_job {
    wrn_job job;      /* first: a job is cast to this */
    wrn_instance *it; /* NULL: it has ended */
    int from, to;     /* -1: none; its own */
    int error;        /* errno; 0: all is well */
    moment *into;     /* which it holds; NULL: none */
    int64_t disk_mb;
    char dir[PATH_MAX]; /* for files of `into` */
    void (*run)(struct moment_job *j);
    void (*then)(wrn_instance *it, int error);
};

static void release_base(wrn_moment *m) { moment_release((moment *)m); }

moment *moment_new(const wrn_instance *of) {
    moment *m = calloc(1, sizeof(*m));
    *m = (moment){.base.release = release_base,
                  .loop = of->backend->config.loop,
                  .ram = -1,
                  .disk = -1,
                  .state = -1,
                  .image = fcntl(of->image_fd, F_DUPFD_CLOEXEC, 0),
                  .layer = of->layer_fd < 0 ? -1 : fcntl(of->layer_fd, F_DUPFD_CLOEXEC, 0),
                  .holders = 1};
    return m;
}

moment *moment_hold(moment *m) {
    m->holders++;
    return m;
}

/* The files have no names: closing them gives back what they have on the disk and in memory. */
static void close_files(wrn_job *end) {
    moment *m = WRN_OWNER(end, moment, end);
    wrn_fd_close(&m->ram);
    wrn_fd_close(&m->disk);
    wrn_fd_close(&m->state);
    wrn_fd_close(&m->image);
    wrn_fd_close(&m->layer);
}

static void free_moment(wrn_job *end) { free(WRN_OWNER(end, moment, end)); }

void moment_release(moment *m) {
    if (m && !--m->holders) wrn_lane_put(m->loop, WRN_LANE_REMOVE, &m->end, close_files, free_moment);
}

/* ---- what workers do ---- */

static void on_job_done(wrn_job *job) {
    moment_job *j = (moment_job *)job;
    if (j->it) {
        j->it->job = NULL;
        j->then(j->it, j->error);
    }
    moment_release(j->into);
    free(j);
}

static void run_job(wrn_job *job) {
    moment_job *j = (moment_job *)job;
    j->run(j);
    wrn_fd_close(&j->from);
    wrn_fd_close(&j->to);
}

static void put_job(wrn_instance *it, int from, int to, moment *into, void (*run)(moment_job *j),
                    void (*then)(wrn_instance *it, int error)) {
    moment_job *j = calloc(1, sizeof(*j));
    *j = (moment_job){.it = it,
                      .from = from < 0 ? -1 : fcntl(from, F_DUPFD_CLOEXEC, 0),
                      .to = to < 0 ? -1 : fcntl(to, F_DUPFD_CLOEXEC, 0),
                      .into = into ? moment_hold(into) : NULL,
                      .disk_mb = it->disk_mb,
                      .run = run,
                      .then = then};
    snprintf(j->dir, sizeof(j->dir), "%s", it->dir);
    it->job = j;
    wrn_lane_put(it->backend->config.loop, WRN_LANE_COPY, &j->job, run_job, on_job_done);
}

static void copy_disk(moment_job *j) {
    if (copy_data(j->from, j->to) != 0) j->error = errno;
}

/* QEMU reads all memory to save it, which fills the holes of a file that it shares, as if the sandbox had used them: for what it
 * writes later it would then have less than its limit. What is filled here does not count as the sandbox's. */
static bool fill_memory(const moment_job *j) {
    off_t size = j->from < 0 ? 0 : lseek(j->from, 0, SEEK_END);
    return size <= 0 || fallocate(j->from, 0, 0, size) == 0;
}

/* -1 with errno. */
static int open_unnamed(const char *dir) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/moment", dir);
    int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd >= 0) unlink(path);
    return fd;
}

static void begin_keeping(moment_job *j) {
    moment *m = j->into;
    bool ok = (m->disk = open_unnamed(j->dir)) >= 0 && ftruncate(m->disk, j->disk_mb << 20) == 0 &&
              (m->state = open_unnamed(j->dir)) >= 0 && fill_memory(j);
    if (!ok) j->error = errno;
}

static void begin_saving(moment_job *j) {
    char path[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/" VM_STATE, j->dir);
    j->into->state = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (j->into->state < 0 || !fill_memory(j)) j->error = errno;
}

void moment_forget(wrn_instance *it) {
    if (it->job) WRN_TAKE(it->job)->it = NULL;
    moment_release(WRN_TAKE(it->keeping));
    it->kept = NULL;
    it->saved = NULL;
    it->changed = NULL;
}

/* ---- keeping one ---- */

static void end_keeping(wrn_instance *it, const wrn_fault *fault) {
    moment *m = WRN_TAKE(it->keeping);
    if (fault) moment_release(WRN_TAKE(m));
    WRN_TAKE(it->kept)(it->kept_context, m ? &m->base : NULL, fault);
}

static void on_part_kept(wrn_instance *it, int error) {
    wrn_fault fault;
    if (error)
        wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "cannot keep the sandbox's memory and disk in %.200s: %s",
                      it->dir, strerror(error));
    end_keeping(it, error ? &fault : NULL);
}

static void on_saved(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    uv_timer_stop(&it->timer);
    if (fault || it->keeping->disk < 0) end_keeping(it, fault);
    else put_job(it, it->disk_fd, it->keeping->disk, NULL, copy_disk, on_part_kept);
}

static void on_save_late(uv_timer_t *timer) {
    wrn_instance *it = timer->data;
    wrn_log_warning("the virtual machine of sandbox %s does not save its state", it->id);
    vm_kill(it, NULL);
}

static void on_begun_keeping(wrn_instance *it, int error) {
    uv_loop_t *loop = it->backend->config.loop;
    if (error) return on_part_kept(it, error);
    uv_timer_start(&it->timer, on_save_late, SAVE_LIMIT_MS, 0);
    monitor_save(loop, it->monitor, it->keeping->state, true, on_saved, it);
}

void moment_keep(wrn_instance *it, bool with_disk, wrn_moment_fn done, void *context) {
    it->keeping = moment_new(it);
    it->kept = done;
    it->kept_context = context;
    put_job(it, it->from ? it->from->ram : -1, -1, it->keeping, with_disk ? begin_keeping : begin_saving,
            on_begun_keeping);
}

void vm_keep_moment(wrn_instance *it, wrn_moment_fn done, void *context) { moment_keep(it, true, done, context); }

/* ---- going on from one ---- */

bool moment_say(int channel, uint32_t stream, wrn_frame_type type, const wrn_buf *payload) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_INIT;
    uint8_t head[WRN_FRAME_HEADER];
    wrn_frame_head(head, stream, (uint8_t)type, 0, payload ? (uint32_t)payload->size : 0);
    wrn_buf_put(&out, head, sizeof(head));
    if (payload) wrn_buf_put(&out, payload->data, payload->size);
    return write(channel, out.data, out.size) == (ssize_t)out.size;
}

/* A copy that fails ends, which its caller hears of. */
static void on_woken(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    bool of_sandbox = it->from->ram < 0;
    if (fault) {
        wrn_log_warning("a copy of a virtual machine can't be started: %s", fault->message);
        it->from->failed = true;
        vm_kill(it, NULL);
    } else if (of_sandbox) { /* many MB, which nobody needs any more */
        moment_release(WRN_TAKE(it->from));
    }
}

static void on_loaded(void *context, const wrn_fault *fault) {
    wrn_instance *it = context;
    if (fault) on_woken(it, fault);
    else monitor_run(it->backend->config.loop, it->monitor, "cont", on_woken, it);
}

static void on_disk_copied(wrn_instance *it, int error) {
    char path[40];
    wrn_fault fault;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", it->from->state); /* opened anew, with an offset of its own */
    WRN_AUTO(wrn_fd_close) int state = error ? -1 : open(path, O_RDONLY | O_CLOEXEC);
    if (state >= 0) return monitor_load(it->backend->config.loop, it->monitor, state, it->from->ram < 0, on_loaded, it);
    wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "its disk and memory: %s", strerror(error ? error : errno));
    on_woken(it, &fault);
}

void moment_wake(wrn_instance *it, int channel) {
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_INIT;
    wrn_resume now = {.flags = it->from->ram < 0 ? WRN_RESUME_COPY : WRN_RESUME_NEW,
                      .time_us = (uint64_t)wrn_clock_us(CLOCK_REALTIME),
                      .id = it->id,
                      .template_name = it->template_name};
    bool ok = getrandom(now.seed, sizeof(now.seed), 0) == sizeof(now.seed);
    wrn_resume_put(&now, &payload);
    if (ok && moment_say(channel, 0, WRN_FRAME_RESUME, &payload))
        return put_job(it, it->from->disk, it->disk_fd, NULL, copy_disk, on_disk_copied);
    wrn_log_warning("a copy of a virtual machine can't be told its names: %s", strerror(errno));
    vm_kill(it, NULL);
}
