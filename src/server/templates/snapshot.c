#include "server/templates/snapshot.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/limit.h"
#include "base/place.h"
#include "base/tree.h"
#include "server/lane.h"
#include "server/precedence.h"
#include "server/templates/layer.h"
#include "server/trees.h"
#include "server/userns.h"

/* Limits on the child: all of its group's memory, and its own data. The difference is for the page cache. */
enum { COPY_MB = 512, COPY_DATA_MB = 384 };

/* The result that the child reports. */
typedef struct outcome {
    int error;
    int64_t bytes;
    char where[240];
} outcome;

struct snapshot_copy {
    wrn_job removal; /* of its group, and of the files of a failed copy; first, so that a job is its copy */
    uv_poll_t poll;
    const wrn_backend_ops *ops;
    wrn_backend *backend;
    char group[WRN_BOX_ID_MAX + 16];
    outcome outcome;
    pid_t pid;
    int result_fd;
    wrn_snapshot_fn done;
    void *context;
    char partial[PATH_MAX];
};

/* ---- the child ---- */

static bool fails(outcome *o, const char *where) {
    if (!o->error) {
        o->error = errno ? errno : EIO;
        snprintf(o->where, sizeof(o->where), "%s", where);
    }
    return false;
}

static int open_in(const char *dir, const char *name) {
    char path[PATH_MAX];
    snprintf(path, sizeof(path), "%.4000s/%.80s", dir, name);
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* One overlay of the box: the layer of its template is applied to the new layer, then the box's own. */
typedef struct overlay {
    int to, tree, own,
        base[LAYERS_MAX - 1]; /* tree: -1 when the template has no layer here; base: what is below all of them */
    int kept;                 /* number of layers in `base` */
    const char *skip;
} overlay;

static bool apply(const snapshot_plan *p, const overlay *v, int from, int tree, outcome *o) {
    layer_fault fault = {0};
    layer_plan plan = {.from = from, .to = v->to, .kept = v->kept, .skip = v->skip, .root = p->root};
    if (tree >= 0) plan.below[plan.count++] = tree;
    for (int i = 0; i < v->kept; i++) plan.below[plan.count++] = v->base[i];
    if (layer_apply(&plan, &fault) == 0) return true;
    errno = fault.error;
    return fails(o, fault.path);
}

static bool fill_overlay(const snapshot_plan *p, const overlay *v, outcome *o) {
    bool ok = (v->to >= 0 && v->own >= 0) || fails(o, "a layer");
    for (int i = 0; i < v->kept; i++) ok = ok && (v->base[i] >= 0 || fails(o, "what is below the layers"));
    return ok && (v->tree < 0 || apply(p, v, v->tree, -1, o)) && apply(p, v, v->own, v->tree, o);
}

static int open_layer(const char *path) { return path ? open_in(path, ".") : -1; }

/* Opens all before it fills any, because making a directory for one changes the times of another. */
static bool fill_tree(const snapshot_plan *p, const char *tree, outcome *o) {
    overlay all[OVERLAYS_MAX];
    size_t count = p->saved->layer_count;
    for (size_t i = 0; i < count; i++) {
        const wrn_upper_layer *w = &p->saved->layers[i];
        int top = open_in(tree, ".");
        if (top >= 0 && strcmp(w->at, ".") != 0 && mkdirat(top, w->at, 0755) != 0) fails(o, tree);
        wrn_fd_close(&top);
        all[i] = (overlay){open_in(tree, w->at),
                           *p->tree ? open_in(p->tree, w->at) : -1,
                           open_layer(w->dir),
                           {open_layer(w->below[0]), open_layer(w->below[1])},
                           (w->below[0] != NULL) + (w->below[1] != NULL),
                           w->skip};
    }
    for (size_t i = 0; i < count; i++) fill_overlay(p, &all[i], o);
    return !o->error;
}

/* What never changes can be one file with two names; where the old one is gone, or on another disk, it is copied. */
static bool share_file(int from, const char *path) {
    char name[40];
    snprintf(name, sizeof(name), "/proc/self/fd/%d", from);
    return linkat(AT_FDCWD, name, AT_FDCWD, path, AT_SYMLINK_FOLLOW) == 0;
}

static bool copy_file(int from, const char *path) {
    struct stat info;
    WRN_AUTO(wrn_fd_close) int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    return to >= 0 && fstat(from, &info) == 0 && ftruncate(to, info.st_size) == 0 && copy_data(from, to) == 0;
}

static bool copy_files(const snapshot_plan *p, const char *dir, outcome *o) {
    for (size_t i = 0; i < p->saved->file_count; i++) {
        const wrn_saved_file *file = &p->saved->files[i];
        char path[PATH_MAX + 64];
        struct stat info;
        snprintf(path, sizeof(path), "%s/%.50s", dir, file->name);
        WRN_AUTO(wrn_fd_close)
        int own = file->path ? open(file->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC) : -1;
        int from = file->path ? own : file->fd;
        bool ok = from >= 0 && ((!file->path && share_file(from, path)) || copy_file(from, path));
        if (!ok || lstat(path, &info) != 0) return fails(o, file->path ? file->path : path);
        o->bytes += info.st_blocks * 512;
    }
    return true;
}

static bool write_snapshot_document(const snapshot_plan *p, const char *dir, outcome *o) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/template.json", dir);
    return wrn_file_write(AT_FDCWD, path, O_CREAT | O_EXCL, p->document, strlen(p->document)) || fails(o, path);
}

static bool sync_dir(const char *path, int (*sync)(int fd)) {
    WRN_AUTO(wrn_fd_close) int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return fd >= 0 && sync(fd) == 0;
}

static void parent_of(const char *path, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%s", path);
    *strrchr(out, '/') = '\0';
}

/* Syncs everything to disk before it gets its name. */
static bool publish_snapshot(const snapshot_plan *p, const char *partial, outcome *o) {
    char parent[PATH_MAX];
    if ((p->durable && !sync_dir(partial, syncfs)) || rename(partial, p->target) != 0) return fails(o, partial);
    parent_of(p->target, parent);
    return !p->durable || sync_dir(parent, fsync) || fails(o, parent);
}

static void make_snapshot(const snapshot_plan *p, outcome *o) {
    char partial[PATH_MAX], tree[PATH_MAX + 16];
    snprintf(partial, sizeof(partial), "%.4000s.new", p->target);
    snprintf(tree, sizeof(tree), "%s/%s", partial, p->tree_name);
    if (mkdir(partial, 0755) != 0 || mkdir(tree, 0755) != 0) {
        fails(o, partial);
        return;
    }
    if (!fill_tree(p, tree, o) || !copy_files(p, partial, o) || !write_snapshot_document(p, partial, o)) return;
    o->bytes += disk_bytes(tree, NULL);
    publish_snapshot(p, partial, o);
}

/* An ordinary user can't read all files of its boxes except as root of a user namespace, as in the boxes. */
static bool prepare_copy(const snapshot_plan *p, int join_fd, outcome *o) {
    struct rlimit files;
    if (join_fd >= 0 && write(join_fd, "0", 1) != 1) return fails(o, "its control group");
    if (wrn_limit_data((int64_t)COPY_DATA_MB << 20) != 0) return fails(o, "its memory limit");
    signal(SIGTERM, SIG_DFL);
    signal(SIGINT, SIG_DFL);
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max < 4096 ? files.rlim_max : 4096;
        setrlimit(RLIMIT_NOFILE, &files);
    }
    if (!p->root && userns_enter() != 0) return fails(o, "a user namespace");
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* a change of ids would clear it */
    umask(022);
    return getppid() == p->parent || fails(o, "the server");
}

static int compare_fds(const void *one, const void *other) {
    int a = *(const int *)one, b = *(const int *)other;
    return (a > b) - (a < b);
}

/* All but the standard ones, the result's, and those of files. */
static void close_others(const snapshot_plan *p, int result_fd) {
    int kept[FILES_MAX + 1] = {result_fd};
    size_t count = 1;
    unsigned next = 3;
    for (size_t i = 0; i < p->saved->file_count; i++)
        if (!p->saved->files[i].path) kept[count++] = p->saved->files[i].fd;
    qsort(kept, count, sizeof(kept[0]), compare_fds);
    for (size_t i = 0; i < count; i++) {
        if ((unsigned)kept[i] > next) close_range(next, (unsigned)kept[i] - 1, 0);
        next = (unsigned)kept[i] + 1;
    }
    close_range(next, ~0U, 0);
}

_Noreturn static void run_copy(const snapshot_plan *p, int result_fd, int join_fd) {
    static outcome o;
    bool ok = prepare_copy(p, join_fd, &o);
    close_others(p, result_fd);
    if (ok) make_snapshot(p, &o);
    (void)!write(result_fd, &o, sizeof(o));
    _exit(0);
}

/* ---- its parent ---- */

static void set_copy_fault(wrn_fault *fault, const outcome *o) {
    if (o->error == ELOOP)
        wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST, "directories are nested too deeply for a snapshot: %s",
                      o->where);
    else if (o->error == ENOBUFS)
        wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST,
                      "too many files have several names (hard links) for a snapshot: %s; remove some", o->where);
    else
        wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "cannot make the snapshot: %s: %s", o->where,
                      strerror(o->error));
}

static void end_copy(wrn_job *removal) {
    snapshot_copy *copy = (snapshot_copy *)removal;
    const outcome *o = &copy->outcome;
    wrn_fault fault;
    if (o->error) set_copy_fault(&fault, o);
    copy->done(copy->context, o->bytes, o->error ? &fault : NULL);
    uv_close((uv_handle_t *)&copy->poll, wrn_handle_free_data);
}

/* Dead processes leave their group within some milliseconds. */
static void remove_rest(wrn_job *removal) {
    enum { LOOKS = 200, LOOK_US = 5000 };
    const snapshot_copy *copy = (snapshot_copy *)removal;
    if (copy->outcome.error) wrn_tree_remove(copy->partial);
    for (int i = 0; i < LOOKS && !copy->ops->remove_helper_group(copy->backend, copy->group, NULL); i++)
        usleep(LOOK_US);
}

/* The child was killed before it reported. */
static outcome killed(bool for_memory) {
    outcome o = {.error = ECANCELED, .where = "its process ended"};
    if (!for_memory) return o;
    o.error = ENOMEM;
    snprintf(o.where, sizeof(o.where), "copying the files takes more than %d MB of memory", COPY_MB);
    return o;
}

static void on_copy_result(uv_poll_t *poll, int status, int events) {
    snapshot_copy *copy = poll->data;
    outcome o = {0};
    (void)status, (void)events;
    ssize_t got = read(copy->result_fd, &o, sizeof(o));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    uv_poll_stop(poll);
    kill(copy->pid, SIGKILL); /* it has reported, or will never */
    while (waitpid(copy->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    copy->pid = 0;
    close(copy->result_fd);
    int64_t oom_kills = 0;
    bool is_gone = copy->ops->remove_helper_group(copy->backend, copy->group, &oom_kills);
    copy->outcome = got == (ssize_t)sizeof(o) ? o : killed(oom_kills > 0);
    if (is_gone && !copy->outcome.error) return end_copy(&copy->removal);
    wrn_lane_put(poll->loop, WRN_LANE_REMOVE, &copy->removal, remove_rest, end_copy);
}

/* Page cache makes room when its group has no more memory; files on a tmpfs can't. */
static int64_t memory_for_copy(const char *target) {
    char parent[PATH_MAX];
    parent_of(target, parent);
    return ((int64_t)COPY_MB << 20) + wrn_place_memory_bytes(parent);
}

static pid_t fork_child(const snapshot_plan *plan, const snapshot_copy *copy, int result_fd) {
    int join_fd;
    if (copy->ops->make_helper_group(copy->backend, copy->group, memory_for_copy(plan->target), &join_fd) != 0)
        return -1;
    pid_t pid = fork();
    if (pid == 0) wrn_precedence_leave(), run_copy(plan, result_fd, join_fd);
    wrn_fd_close(&join_fd);
    if (pid < 0) copy->ops->remove_helper_group(copy->backend, copy->group, NULL);
    return pid;
}

snapshot_copy *snapshot_copy_start(uv_loop_t *loop, const snapshot_plan *plan, wrn_snapshot_fn done, void *context) {
    int result[2];
    if (plan->saved->layer_count > OVERLAYS_MAX || plan->saved->file_count > FILES_MAX) return errno = E2BIG, NULL;
    if (pipe2(result, O_CLOEXEC | O_NONBLOCK) != 0) return NULL;
    snapshot_copy *copy = calloc(1, sizeof(*copy));
    *copy = (snapshot_copy){
        .ops = plan->ops, .backend = plan->backend, .result_fd = result[0], .done = done, .context = context};
    snprintf(copy->group, sizeof(copy->group), "copy.%.*s", WRN_BOX_ID_MAX, plan->id);
    snprintf(copy->partial, sizeof(copy->partial), "%.4000s.new", plan->target);
    copy->pid = fork_child(plan, copy, result[1]);
    wrn_fd_close(&result[1]);
    if (copy->pid < 0) {
        wrn_fd_close(&result[0]);
        return free(copy), NULL;
    }
    if (uv_poll_init(loop, &copy->poll, result[0]) != 0) abort(); /* pipes always work */
    copy->poll.data = copy;
    uv_poll_start(&copy->poll, UV_READABLE, on_copy_result);
    return copy;
}

void snapshot_copy_stop(snapshot_copy *copy) {
    if (copy->pid > 0) kill(copy->pid, SIGKILL);
}

/* ---- the snapshots ---- */

void snapshot_path(const snapshots *s, const char *id, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%.3900s/%.64s", s->dir, id);
}

/* Renamed first, so that a partial snapshot never has its name. */
static bool rename_and_remove(const char *path) {
    char old[PATH_MAX];
    snprintf(old, sizeof(old), "%.4000s.old", path);
    return rename(path, old) == 0 && wrn_tree_remove(old);
}

static void remove_snapshot(const snapshots *s, const char *id) {
    char path[PATH_MAX];
    snapshot_path(s, id, path);
    remove_later(s->loop, path, rename_and_remove);
}

static held **find_held(snapshots *s, const char *id) {
    held **at = &s->held;
    while (*at && strcmp((*at)->id, id) != 0) at = &(*at)->next;
    return at;
}

held *snapshot_hold(snapshots *s, const char *id) {
    held **at = find_held(s, id), *h = *at;
    if (!h) {
        h = *at = calloc(1, sizeof(*h));
        snprintf(h->id, sizeof(h->id), "%s", id);
    }
    h->boxes++;
    return h;
}

void snapshot_release(snapshots *s, held *h) {
    if (--h->boxes) return;
    *find_held(s, h->id) = h->next;
    if (h->dropped) remove_snapshot(s, h->id);
    free(h);
}

void snapshot_drop(snapshots *s, const char *id) {
    held *h = *find_held(s, id);
    if (h) h->dropped = true;
    else remove_snapshot(s, id);
}

typedef struct sweeping {
    snapshots *all;
    bool (*is_known)(void *context, const char *id);
    void *context;
} sweeping;

static bool is_needed(const void *context, const char *id) {
    const sweeping *s = context;
    held *h = *find_held(s->all, id);
    bool known = s->is_known(s->context, id);
    if (h && !known) h->dropped = true;
    return known || h;
}

void snapshots_sweep(snapshots *s, bool (*is_known)(void *context, const char *id), void *context) {
    remove_entries(s->loop, s->dir, is_needed, &(sweeping){s, is_known, context});
}
