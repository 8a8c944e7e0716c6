#include "server/templates/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/limit.h"
#include "base/tree.h"
#include "server/lane.h"
#include "server/precedence.h"
#include "server/templates/layer.h"
#include "server/trees.h"
#include "server/userns.h"

/* What it takes itself is below the lower bound; the kernel can do with the rest for what it keeps of files. */
enum { COPY_MB = 512, COPY_DATA_MB = 384 };

/* What the child that copies says at its end. */
typedef struct outcome {
    int error;
    int64_t bytes;
    char where[240];
} outcome;

struct snapshot_copy {
    uv_poll_t poll;
    wrn_job removal; /* of what it has made when it has failed, and of its group */
    const wrn_backend_ops *ops;
    wrn_backend *backend;
    char group[WRN_BOX_ID_MAX + 16];
    outcome outcome;
    pid_t pid;
    int result_fd;
    wrn_snapshot_fn done;
    void *context;
    char half[PATH_MAX];
};

/* A snapshot that boxes were made from. */
struct held {
    held *next;
    char id[WRN_BOX_ID_MAX + 1];
    size_t boxes;
    bool dropped;
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
    char path[PATH_MAX + 16];
    snprintf(path, sizeof(path), "%s/%s", dir, name);
    return open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/* One of the stacks that a sandbox sees: its tree's layer is brought over to the new one, and then its own. */
typedef struct stacked {
    int to, tree, own;              /* tree: -1 when its template has none */
    int base[LAYERS_MAX - 1], kept; /* what will be below the new one as it is below these */
    const char *skip;
} stacked;

static bool bring(const snapshot_plan *p, const stacked *h, int from, int tree, outcome *o) {
    layer_fault fault = {0};
    layer_plan plan = {.from = from, .to = h->to, .kept = h->kept, .skip = h->skip, .root = p->root};
    if (tree >= 0) plan.below[plan.count++] = tree;
    for (int i = 0; i < h->kept; i++) plan.below[plan.count++] = h->base[i];
    if (layer_apply(&plan, &fault) == 0) return true;
    errno = fault.error;
    return fails(o, fault.path);
}

/* A tree need not have all of the directories. */
static bool fill_stacked(const snapshot_plan *p, const stacked *h, outcome *o) {
    bool ok = (h->to >= 0 && h->own >= 0) || fails(o, "a layer");
    for (int i = 0; i < h->kept; i++) ok = ok && (h->base[i] >= 0 || fails(o, "what is below the layers"));
    ok = ok && (h->tree < 0 || bring(p, h, h->tree, -1, o)) && bring(p, h, h->own, h->tree, o);
    const int all[] = {h->to, h->tree, h->own, h->base[0], h->base[1]};
    for (size_t i = 0; i < WRN_COUNT(all); i++)
        if (all[i] >= 0) close(all[i]);
    return ok;
}

static int open_dir(const char *path) { return path ? open_in(path, ".") : -1; }

/* Opens all before any is filled: a directory that is made for one must not change the times of another. */
static bool fill(const snapshot_plan *p, const char *tree, outcome *o) {
    stacked all[WRITTEN_MAX];
    for (size_t i = 0; i < p->count; i++) {
        const wrn_written *w = &p->layers[i];
        int top = open_in(tree, ".");
        if (top >= 0 && strcmp(w->at, ".") != 0 && mkdirat(top, w->at, 0755) != 0) fails(o, tree);
        if (top >= 0) close(top);
        all[i] = (stacked){open_in(tree, w->at),
                           *p->tree ? open_in(p->tree, w->at) : -1,
                           open_dir(w->own),
                           {open_dir(w->below[0]), open_dir(w->below[1])},
                           (w->below[0] != NULL) + (w->below[1] != NULL),
                           w->skip};
    }
    for (size_t i = 0; i < p->count; i++) fill_stacked(p, &all[i], o);
    return !o->error;
}

static bool write_document(const snapshot_plan *p, const char *dir, outcome *o) {
    char path[PATH_MAX + 32];
    snprintf(path, sizeof(path), "%s/template.json", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    bool ok = fd >= 0 && write(fd, p->document, strlen(p->document)) == (ssize_t)strlen(p->document);
    if (fd >= 0) close(fd);
    return ok || fails(o, path);
}

/* On the disk first, then under its name. */
static bool publish(const snapshot_plan *p, const char *half, outcome *o) {
    int fd = p->durable ? open(half, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    bool ok = !p->durable || (fd >= 0 && syncfs(fd) == 0);
    if (fd >= 0) close(fd);
    if (!ok || rename(half, p->target) != 0) return fails(o, half);
    char parent[PATH_MAX];
    snprintf(parent, sizeof(parent), "%s", p->target);
    *strrchr(parent, '/') = '\0';
    fd = p->durable ? open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    ok = !p->durable || (fd >= 0 && fsync(fd) == 0);
    if (fd >= 0) close(fd);
    return ok || fails(o, parent);
}

static void make(const snapshot_plan *p, outcome *o) {
    static const atomic_bool never;
    char half[PATH_MAX], tree[PATH_MAX + 16];
    snprintf(half, sizeof(half), "%.4000s.new", p->target);
    snprintf(tree, sizeof(tree), "%s/%s", half, p->tree_name);
    if (mkdir(half, 0755) != 0 || mkdir(tree, 0755) != 0) {
        fails(o, half);
        return;
    }
    if (!fill(p, tree, o) || !write_document(p, half, o)) return;
    o->bytes = disk_bytes(tree, &never);
    publish(p, half, o);
}

/* An ordinary user can't read all that its sandboxes own, unless it is root over it, as they are. */
static bool prepare(const snapshot_plan *p, int join_fd, outcome *o) {
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
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* after that: a change of ids clears it */
    umask(022);
    return getppid() == p->parent || fails(o, "the server");
}

_Noreturn static void child(const snapshot_plan *p, int result_fd, int join_fd) {
    static outcome o;
    bool ok = prepare(p, join_fd, &o);
    if (result_fd > 3) close_range(3, (unsigned)result_fd - 1, 0);
    close_range((unsigned)result_fd + 1, ~0U, 0);
    if (ok) make(p, &o);
    (void)!write(result_fd, &o, sizeof(o));
    _exit(0);
}

/* ---- its parent ---- */

static void on_poll_closed(uv_handle_t *handle) { free(handle->data); }

static void set_fault(wrn_fault *fault, const outcome *o) {
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

static void end_copy(snapshot_copy *copy) {
    const outcome *o = &copy->outcome;
    wrn_fault fault;
    if (o->error) set_fault(&fault, o);
    copy->done(copy->context, o->bytes, o->error ? &fault : NULL);
    uv_close((uv_handle_t *)&copy->poll, on_poll_closed);
}

static snapshot_copy *copy_of(wrn_job *removal) {
    return (snapshot_copy *)((char *)removal - offsetof(snapshot_copy, removal));
}

/* The dead leave their group within some milliseconds. */
static void remove_rest(wrn_job *removal) {
    enum { LOOKS = 200, LOOK_US = 5000 };
    const snapshot_copy *copy = copy_of(removal);
    if (copy->outcome.error) wrn_tree_remove(copy->half);
    for (int i = 0; i < LOOKS && !copy->ops->unbound(copy->backend, copy->group, NULL); i++) usleep(LOOK_US);
}

static void rest_removed(wrn_job *removal) { end_copy(copy_of(removal)); }

/* It did not live to say so itself. */
static outcome died(bool for_memory) {
    outcome o = {.error = ECANCELED, .where = "its process ended"};
    if (!for_memory) return o;
    o.error = ENOMEM;
    snprintf(o.where, sizeof(o.where), "copying the files takes more than %d MB of memory", COPY_MB);
    return o;
}

static void on_result(uv_poll_t *poll, int status, int events) {
    snapshot_copy *copy = poll->data;
    outcome o = {0};
    (void)status, (void)events;
    ssize_t got = read(copy->result_fd, &o, sizeof(o));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    uv_poll_stop(poll);
    kill(copy->pid, SIGKILL); /* it has nothing left to do */
    while (waitpid(copy->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    copy->pid = 0;
    close(copy->result_fd);
    int64_t oom_kills = 0;
    bool is_gone = copy->ops->unbound(copy->backend, copy->group, &oom_kills);
    copy->outcome = got == (ssize_t)sizeof(o) ? o : died(oom_kills > 0);
    if (is_gone && !copy->outcome.error) return end_copy(copy);
    copy->removal.run = remove_rest;
    copy->removal.done = rest_removed;
    wrn_lane_put(poll->loop, WRN_LANE_REMOVE, &copy->removal);
}

static pid_t fork_child(const snapshot_plan *plan, const snapshot_copy *copy, int result_fd) {
    int join_fd;
    if (copy->ops->bound(copy->backend, copy->group, (int64_t)COPY_MB << 20, &join_fd) != 0) return -1;
    pid_t pid = fork();
    if (pid == 0) wrn_precedence_leave(), child(plan, result_fd, join_fd);
    if (join_fd >= 0) close(join_fd);
    if (pid < 0) copy->ops->unbound(copy->backend, copy->group, NULL);
    return pid;
}

/* NULL with errno; takes `copy` over. */
static snapshot_copy *begin_copy(uv_loop_t *loop, const snapshot_plan *plan, snapshot_copy *copy) {
    int result[2];
    if (pipe2(result, O_CLOEXEC | O_NONBLOCK) != 0) return free(copy), NULL;
    copy->result_fd = result[0];
    if (uv_poll_init(loop, &copy->poll, result[0]) != 0) {
        close(result[0]);
        close(result[1]);
        return free(copy), NULL;
    }
    copy->pid = fork_child(plan, copy, result[1]);
    int saved = errno;
    close(result[1]);
    if (copy->pid > 0) {
        uv_poll_start(&copy->poll, UV_READABLE, on_result);
        return copy;
    }
    close(result[0]);
    uv_close((uv_handle_t *)&copy->poll, on_poll_closed);
    return errno = saved, NULL;
}

snapshot_copy *snapshot_copy_start(uv_loop_t *loop, const snapshot_plan *plan, wrn_snapshot_fn done, void *context) {
    snapshot_copy *copy = calloc(1, sizeof(*copy));
    if (!copy) return NULL;
    copy->ops = plan->ops;
    copy->backend = plan->backend;
    copy->done = done;
    copy->context = context;
    copy->poll.data = copy;
    snprintf(copy->group, sizeof(copy->group), "copy.%.*s", WRN_BOX_ID_MAX, plan->id);
    snprintf(copy->half, sizeof(copy->half), "%.4000s.new", plan->target);
    return begin_copy(loop, plan, copy);
}

void snapshot_copy_stop(snapshot_copy *copy) {
    if (copy->pid > 0) kill(copy->pid, SIGKILL);
}

/* ---- those there are ---- */

void snapshot_path(const snapshots *s, const char *id, char out[PATH_MAX]) {
    snprintf(out, PATH_MAX, "%.3900s/%.64s", s->dir, id);
}

/* Renamed first, so that no half of one is ever found under its name. */
static void remove_snapshot(const snapshots *s, const char *id) {
    char path[PATH_MAX], old[PATH_MAX];
    snapshot_path(s, id, path);
    snprintf(old, sizeof(old), "%.4000s.old", path);
    if (rename(path, old) == 0) remove_later(s->loop, old, wrn_tree_remove);
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
        if (!h) abort();
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

const char *snapshot_id(const held *h) { return h->id; }

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
