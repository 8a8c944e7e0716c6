/* Boxes that isolate nothing and run nothing: commands are scripted by their name, sandboxes by their template. They take
 * the place of box/ and templates/ in tests of the server. SIGUSR1 opens the gate that "gated" things wait for. */

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/buf.h"
#include "base/clock.h"
#include "server/box/box.h"
#include "server/hold.h"

struct wrn_boxes {
    uv_loop_t *loop;
    uv_signal_t gate;
    struct later *gated;
};

struct wrn_box {
    wrn_boxes *boxes;
    char template_name[65];
    bool frozen, dead, has_network;
    wrn_done_fn died;
    void *context;
    struct later *copying;
    wrn_proc *procs;
};

struct wrn_proc {
    wrn_box *box;
    wrn_proc *next;
    wrn_proc_events events;
    uv_timer_t timer;
    wrn_buf out, err;
    wrn_proc_end end;
    int code;
    bool cut, oom_killed, flood, stopped, hang, killed, die, started, cat, deaf, eof;
    uint64_t from, dropped; /* of kept output */
    wrn_fault fault;
};

/* ---- things that happen in the next turn of the loop ---- */

typedef struct later {
    uv_timer_t timer;
    struct later *next;
    void (*run)(struct later *l);
    wrn_box *box;
    wrn_box_fn made;
    wrn_done_fn done;
    wrn_snapshot_fn copied;
    wrn_moment_fn kept;
    void *context;
    bool failed;
    wrn_fault fault;
} later;

static void later_closed(uv_handle_t *handle) { free(handle->data); }

static void later_fires(uv_timer_t *timer) {
    later *l = timer->data;
    wrn_hold_tick(); /* with boxes that are real, each is an event of its own */
    l->run(l);
    uv_close((uv_handle_t *)timer, later_closed);
}

static later *later_new(wrn_boxes *boxes, void (*run)(later *l), wrn_box *box, void *context) {
    later *l = calloc(1, sizeof(*l));
    uv_timer_init(boxes->loop, &l->timer);
    l->timer.data = l;
    l->run = run;
    l->box = box;
    l->context = context;
    return l;
}

static void later_go(later *l) { uv_timer_start(&l->timer, later_fires, 0, 0); }

static void run_done(later *l) { l->done(l->context, l->failed ? &l->fault : NULL); }

static void answer(wrn_box *box, wrn_done_fn done, void *context, const char *problem) {
    later *l = later_new(box->boxes, run_done, box, context);
    l->done = done;
    l->failed = problem != NULL;
    if (problem) wrn_fault_set(&l->fault, WRN_FAULT_AGENT_ERROR, "%s", problem);
    later_go(l);
}

/* ---- backend ---- */

static void on_gate(uv_signal_t *gate, int number) {
    (void)number;
    wrn_boxes *boxes = gate->data;
    while (boxes->gated) {
        later *l = boxes->gated;
        boxes->gated = l->next;
        later_go(l);
    }
}

int wrn_boxes_open(const wrn_backend_config *config, wrn_boxes **ret, wrn_fault *fault) {
    if (getenv("FAKE_BROKEN")) return wrn_fault_set(fault, WRN_FAULT_INTERNAL_ERROR, "the fake is broken"), -1;
    wrn_boxes *boxes = calloc(1, sizeof(*boxes));
    boxes->loop = config->loop;
    uv_signal_init(config->loop, &boxes->gate);
    boxes->gate.data = boxes;
    uv_signal_start(&boxes->gate, on_gate, SIGUSR1);
    uv_unref((uv_handle_t *)&boxes->gate);
    *ret = boxes;
    return 0;
}

static void gate_closed(uv_handle_t *handle) { free(handle->data); }

void wrn_boxes_close(wrn_boxes *boxes) { uv_close((uv_handle_t *)&boxes->gate, gate_closed); }

/* One backend, and with FAKE_VM in the environment a stronger one that has a limit on memory and disks of a size. */
const wrn_json *wrn_boxes_isolations(const wrn_boxes *boxes) {
    static wrn_json *out;
    static const char text[] =
        "{\"fake\":{\"level\":\"namespace\",\"backend\":\"fake\",\"root\":false,\"user_namespace\":\"shared\","
        "\"seccomp\":\"allowlist\",\"cgroup\":\"none\",\"limits\":{\"memory\":\"unenforced\",\"cpu\":\"enforced\","
        "\"pids\":\"enforced\",\"why\":\"a fake has none\"},\"network\":\"none\",\"disk\":\"unlimited\","
        "\"reasons\":[\"it is a fake\"]}}";
    static const char strong[] =
        "{\"level\":\"vm\",\"backend\":\"fake-vm\",\"limits\":{\"memory\":\"enforced\"},\"disk\":\"limited\"}";
    wrn_json *vm = NULL;
    const char *why;
    (void)boxes;
    if (out) return out;
    wrn_json_parse(text, sizeof(text) - 1, &out, &why);
    if (getenv("FAKE_VM") && wrn_json_parse(strong, sizeof(strong) - 1, &vm, &why)) wrn_json_set(out, "fake-vm", vm);
    return out;
}

static const char *const templates[] = {"minimal", "broken",  "gated",   "unpausable",  "unmeasured",
                                        "large",   "guarded", "virtual", "virtual-full"};

static void describe(const char *name, wrn_template *out) {
    *out = (wrn_template){.type = "base", .created_at = 1767225600};
    snprintf(out->name, sizeof(out->name), "%s", name);
    if (strcmp(name, "guarded") == 0) out->level = wrn_level_of("vm");
    if (strcmp(name, "large") == 0) out->vcpus = 2, out->memory_mb = 4096, out->size_bytes = 1 << 20;
}

int wrn_boxes_find_template(const wrn_boxes *boxes, const char *name, wrn_template *out, wrn_fault *fault) {
    (void)boxes;
    for (size_t i = 0; i < WRN_COUNT(templates); i++)
        if (strcmp(templates[i], name) == 0) return describe(name, out), 0;
    wrn_fault_set(fault, WRN_FAULT_NOT_FOUND, "there is no template \"%s\"", name);
    return -1;
}

void wrn_boxes_list_templates(const wrn_boxes *boxes, wrn_template_fn each, void *context) {
    (void)boxes;
    for (size_t i = 0; i < WRN_COUNT(templates); i++) {
        wrn_template item;
        describe(templates[i], &item);
        each(context, &item);
    }
}

static void run_made(later *l) {
    wrn_box *box = l->box;
    if (l->failed) {
        free(box);
        box = NULL;
    }
    l->made(l->context, box, l->failed ? &l->fault : NULL);
}

void wrn_boxes_fit(const wrn_boxes *boxes, const char *backend, int64_t *vcpus, int64_t *memory_mb, int64_t *disk_mb) {
    (void)boxes;
    if (strcmp(backend, "fake-vm") == 0 && !*disk_mb) *disk_mb = 8192;
    if (*vcpus > 64) *vcpus = 64;
    if (*memory_mb < 8) *memory_mb = 8;
}

/* Of copies of "large" ones, each third can't be made. */
static bool is_bad_copy(const wrn_box_spec *spec) {
    static int copies;
    return spec->moment && strcmp(spec->template_name, "large") == 0 && ++copies % 3 == 0;
}

void wrn_box_create(wrn_boxes *boxes, const wrn_box_spec *spec, wrn_detached_fn detached, wrn_done_fn died,
                    wrn_box_fn done, void *context) {
    wrn_box *box = calloc(1, sizeof(*box));
    if (!detached != spec->spare) abort();
    box->boxes = boxes;
    box->died = died;
    box->context = context;
    box->has_network = spec->network;
    snprintf(box->template_name, sizeof(box->template_name), "%s", spec->template_name);
    later *l = later_new(boxes, run_made, box, context);
    l->made = done;
    l->failed = strcmp(spec->template_name, "broken") == 0 || is_bad_copy(spec);
    if (l->failed) wrn_fault_set(&l->fault, WRN_FAULT_AGENT_ERROR, "it is broken");
    if (strcmp(spec->template_name, "gated") != 0) return later_go(l);
    l->next = boxes->gated;
    boxes->gated = l;
}

bool wrn_boxes_make_spares(const wrn_boxes *boxes, const char *backend) {
    (void)boxes, (void)backend;
    return true;
}

bool wrn_box_is_current(const wrn_box *box) {
    (void)box;
    return true;
}

void wrn_box_await_service(wrn_box *box, wrn_done_fn done, void *context) { answer(box, done, context, NULL); }

void wrn_box_give(wrn_box *box, wrn_done_fn died, void *context) {
    box->died = died;
    box->context = context;
}

/* Nothing of a fake outlives it. */
void wrn_box_adopt(wrn_boxes *boxes, const wrn_box_spec *spec, bool frozen, wrn_detached_fn detached, wrn_done_fn died,
                   wrn_box_fn done, void *context) {
    (void)spec, (void)frozen, (void)detached, (void)died;
    later *l = later_new(boxes, run_made, calloc(1, sizeof(wrn_box)), context);
    l->made = done;
    l->failed = true;
    wrn_fault_set(&l->fault, WRN_FAULT_NOT_FOUND, "fakes end with their daemon");
    later_go(l);
}

void wrn_boxes_end_adoption(wrn_boxes *boxes) { (void)boxes; }

bool wrn_boxes_can_leave(const wrn_boxes *boxes) {
    (void)boxes;
    return false;
}

void wrn_box_leave(wrn_box *box, wrn_done_fn done, void *context) {
    (void)box, (void)done, (void)context;
    abort();
}

/* Snapshots of "unmeasured" ones fail; the others hold nothing. Of "gated" ones they wait for the gate. */
static void run_copied(later *l) {
    wrn_box *box = l->box;
    box->copying = NULL;
    l->copied(l->context, l->failed ? 0 : 12345, l->failed ? &l->fault : NULL);
}

void wrn_box_snapshot(wrn_box *box, const char *snapshot_id, wrn_snapshot_fn done, void *context) {
    wrn_boxes *boxes = box->boxes;
    (void)snapshot_id;
    later *l = later_new(boxes, run_copied, box, context);
    l->copied = done;
    l->failed = strcmp(box->template_name, "unmeasured") == 0;
    if (l->failed) wrn_fault_set(&l->fault, WRN_FAULT_INTERNAL_ERROR, "there is no space");
    box->copying = l;
    if (strcmp(box->template_name, "gated") != 0) return later_go(l);
    l->next = boxes->gated;
    boxes->gated = l;
}

void wrn_box_stop_snapshot(wrn_box *box) {
    later *l = box->copying;
    if (!l) return;
    for (later **at = &box->boxes->gated; *at; at = &(*at)->next) {
        if (*at != l) continue;
        *at = l->next;
        break;
    }
    l->failed = true;
    wrn_fault_set(&l->fault, WRN_FAULT_INTERNAL_ERROR, "it was stopped");
    later_go(l);
}

int wrn_boxes_find_snapshot(const wrn_boxes *boxes, const char *snapshot_id, wrn_template *out, wrn_fault *fault) {
    (void)boxes, (void)fault;
    *out = (wrn_template){.type = "snapshot"};
    snprintf(out->name, sizeof(out->name), "%s", snapshot_id);
    return 0;
}

void wrn_boxes_drop_snapshot(wrn_boxes *boxes, const char *snapshot_id) { (void)boxes, (void)snapshot_id; }

void wrn_boxes_sweep_snapshots(wrn_boxes *boxes, bool (*is_known)(void *context, const char *snapshot_id),
                               void *context) {
    (void)boxes, (void)is_known, (void)context;
}

static void run_destroyed(later *l) {
    wrn_box *box = l->box;
    l->done(l->context, NULL);
    free(box);
}

static void proc_finish(wrn_proc *proc);

void wrn_box_destroy(wrn_box *box, wrn_done_fn done, void *context) {
    while (box->procs) {
        box->procs->end = WRN_PROC_LOST;
        proc_finish(box->procs);
    }
    later *l = later_new(box->boxes, run_destroyed, box, context);
    l->done = done;
    later_go(l);
}

void wrn_box_freeze(wrn_box *box, wrn_done_fn done, void *context) {
    answer(box, done, context, strcmp(box->template_name, "unpausable") == 0 ? "it can't be frozen" : NULL);
}

void wrn_box_thaw(wrn_box *box, wrn_done_fn done, void *context) { answer(box, done, context, NULL); }

int wrn_box_check_hibernate(const wrn_box *box, wrn_fault *fault) {
    if (strncmp(box->template_name, "virtual", strlen("virtual")) == 0) return 0;
    return wrn_fault_set(fault, WRN_FAULT_NOT_IMPLEMENTED, "its memory can't be moved to the disk");
}

void wrn_box_wake(wrn_box *box, const char *network, wrn_done_fn done, void *context) {
    if (!network == box->has_network) abort();
    wrn_box_thaw(box, done, context);
}

void wrn_box_hibernate(wrn_box *box, wrn_done_fn done, void *context) {
    answer(box, done, context, strcmp(box->template_name, "virtual-full") == 0 ? "the disk is full" : NULL);
}

static int moments; /* that are not released */

static void release_moment(wrn_moment *moment) {
    moments--;
    free(moment);
}

static void run_kept(later *l) {
    wrn_moment *moment = l->failed ? NULL : calloc(1, sizeof(*moment));
    if (moment) moment->release = release_moment, moments++;
    l->kept(l->context, moment, l->failed ? &l->fault : NULL);
}

/* "unmeasured" ones can't be copied, and "unpausable" ones fail to be. */
int wrn_box_check_moment(const wrn_box *box, wrn_fault *fault) {
    if (strcmp(box->template_name, "unmeasured") != 0) return 0;
    return wrn_fault_set(fault, WRN_FAULT_NOT_IMPLEMENTED, "it can't be copied");
}

void wrn_box_keep_moment(wrn_box *box, wrn_moment_fn done, void *context) {
    if (moments) abort(); /* the last one was not released */
    later *l = later_new(box->boxes, run_kept, box, context);
    l->kept = done;
    l->failed = strcmp(box->template_name, "unpausable") == 0;
    if (l->failed) wrn_fault_set(&l->fault, WRN_FAULT_AGENT_ERROR, "it can't be frozen");
    later_go(l);
}

void wrn_box_ping(wrn_box *box, wrn_done_fn done, void *context) { answer(box, done, context, NULL); }

/* Half a core all the time; "unmeasured" ones can't tell. */
void wrn_box_measure(wrn_box *box, wrn_box_stats *out) {
    if (strcmp(box->template_name, "unmeasured") == 0) *out = (wrn_box_stats){-1, -1, -1, 4096};
    else *out = (wrn_box_stats){wrn_now_us() / 2, 100 << 20, 3, 8192};
}

/* ---- commands ---- */

static void proc_closed(uv_handle_t *handle) {
    wrn_proc *proc = handle->data;
    wrn_buf_free(&proc->out);
    wrn_buf_free(&proc->err);
    free(proc);
}

static void proc_finish(wrn_proc *proc) {
    wrn_box *box = proc->box;
    wrn_proc **at = &box->procs;
    while (*at != proc) at = &(*at)->next;
    *at = proc->next;
    if (proc->out.size) proc->events.on_output(proc->events.context, 1, proc->out.data, proc->out.size);
    if (proc->err.size) proc->events.on_output(proc->events.context, 2, proc->err.data, proc->err.size);
    const wrn_proc_result result = {.end = proc->end,
                                    .code = proc->code,
                                    .output_cut = proc->cut,
                                    .oom_killed = proc->oom_killed,
                                    .fault = proc->fault.code ? &proc->fault : NULL};
    proc->events.on_end(proc->events.context, &result);
    uv_close((uv_handle_t *)&proc->timer, proc_closed);
    if (proc->die && box->died) {
        wrn_fault fault;
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "its agent ended");
        box->died(box->context, &fault);
    }
}

static void on_timer(uv_timer_t *timer) {
    static const char block[65536] = {'x'};
    wrn_proc *proc = timer->data;
    if (!proc->started && !proc->from && proc->events.on_start) proc->events.on_start(proc->events.context, 100);
    proc->started = true;
    if (proc->from && proc->events.on_from) proc->events.on_from(proc->events.context, proc->from, proc->dropped);
    if (proc->killed) {
        proc->end = WRN_PROC_SIGNALED;
        proc->code = SIGKILL;
    } else if (proc->flood) {
        proc->events.on_output(proc->events.context, 1, block, sizeof(block));
        if (!proc->stopped) uv_timer_start(timer, on_timer, 1, 0);
        return;
    } else if (proc->cat && !proc->eof) {
        if (proc->out.size) proc->events.on_output(proc->events.context, 1, proc->out.data, proc->out.size);
        wrn_buf_clear(&proc->out);
        return;
    } else if (proc->hang) {
        proc->end = WRN_PROC_TIMED_OUT;
    }
    proc_finish(proc);
}

static void script(wrn_proc *proc, const wrn_proc_spec *spec) {
    const char *first = spec->args && spec->args[0] ? spec->args[0] : "";
    for (size_t i = 0; strcmp(spec->cmd, "echo") == 0 && spec->args && spec->args[i]; i++)
        wrn_buf_puts(&proc->out, i ? " " : ""), wrn_buf_puts(&proc->out, spec->args[i]);
    if (strcmp(spec->cmd, "echo") == 0) wrn_buf_putc(&proc->out, '\n');
    if (strcmp(spec->cmd, "warn") == 0) wrn_buf_puts(&proc->err, first);
    if (strcmp(spec->cmd, "exit") == 0) proc->code = atoi(first);
    if (strcmp(spec->cmd, "listening") == 0) proc->code = strcmp(first, "80") == 0 ? 0 : EAGAIN;
    if (strcmp(spec->cmd, "pwd") == 0) wrn_buf_puts(&proc->out, spec->cwd ? spec->cwd : "~");
    for (size_t i = 0; strcmp(spec->cmd, "env") == 0 && spec->envs && spec->envs[i]; i++)
        wrn_buf_printf(&proc->out, "%s\n", spec->envs[i]);
    if (strcmp(spec->cmd, "bytes") == 0) wrn_buf_put(&proc->out, "a\xff", 2);
    if (strcmp(spec->cmd, "crash") == 0) proc->end = WRN_PROC_SIGNALED, proc->code = SIGSEGV;
    if (strcmp(spec->cmd, "glutton") == 0) proc->end = WRN_PROC_SIGNALED, proc->code = SIGKILL, proc->oom_killed = true;
    proc->cut = strcmp(spec->cmd, "helper") == 0;
    proc->flood = strcmp(spec->cmd, "flood") == 0;
    proc->die = strcmp(spec->cmd, "die") == 0;
    proc->hang = strcmp(spec->cmd, "hang") == 0;
    proc->cat = strcmp(spec->cmd, "cat") == 0 && (spec->want_stdin || spec->cols);
    proc->deaf = strcmp(spec->cmd, "deaf") == 0;
    proc->cat = proc->cat || proc->deaf || strcmp(spec->cmd, "wait") == 0; /* until it is killed */
    if (proc->hang) wrn_buf_puts(&proc->out, "so far");
    if (spec->label && strcmp(spec->cmd, "nothing") == 0) {
        proc->end = WRN_PROC_FAILED, proc->code = 127, proc->from = 1; /* never started */
        wrn_fault_set(&proc->fault, WRN_FAULT_INVALID_REQUEST, "the program can't be run");
    }
    if (!spec->cwd || strcmp(spec->cwd, "/nowhere") != 0) return;
    proc->end = WRN_PROC_FAILED;
    wrn_fault_set(&proc->fault, WRN_FAULT_INVALID_REQUEST, "there is no directory \"%s\"", spec->cwd);
}

/* As nothing may do on the loop. */
static void nap(void) {
    struct timespec left = {.tv_sec = 2};
    while (nanosleep(&left, &left) != 0 && errno == EINTR) {
    }
}

wrn_proc *wrn_box_exec(wrn_box *box, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault) {
    if (strcmp(spec->cmd, "impossible") == 0)
        return wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "not even asked"), NULL;
    if (strcmp(spec->cmd, "nap") == 0) nap();
    wrn_proc *proc = calloc(1, sizeof(*proc));
    proc->box = box;
    proc->next = box->procs;
    box->procs = proc;
    proc->events = *events;
    proc->end = WRN_PROC_EXITED;
    script(proc, spec);
    uv_timer_init(box->boxes->loop, &proc->timer);
    proc->timer.data = proc;
    uv_timer_start(&proc->timer, on_timer, proc->hang ? (uint64_t)spec->timeout_ms : 0, 0);
    return proc;
}

void wrn_proc_signal(wrn_proc *proc, int signo) {
    if (signo == SIGTERM && proc->cat) wrn_buf_puts(&proc->err, "terminated");
    else if (signo != SIGKILL) return;
    proc->killed = true;
    uv_timer_start(&proc->timer, on_timer, 0, 0);
}

void wrn_proc_give_up(wrn_proc *proc) { wrn_proc_signal(proc, SIGKILL); }

size_t wrn_proc_write(wrn_proc *proc, const void *data, size_t size) {
    if (proc->deaf) return 0;
    if (!proc->cat) return size;
    wrn_buf_put(&proc->out, data, size);
    uv_timer_start(&proc->timer, on_timer, 0, 0);
    return size;
}

void wrn_proc_close_stdin(wrn_proc *proc) {
    proc->eof = true;
    if (proc->cat) uv_timer_start(&proc->timer, on_timer, 0, 0);
}

void wrn_proc_relabel(wrn_proc *proc, const char *label) { (void)proc, (void)label; }

void wrn_proc_resize(wrn_proc *proc, uint16_t cols, uint16_t rows) {
    if (!proc->cat) return;
    wrn_buf_printf(&proc->out, "[%dx%d]", cols, rows);
    uv_timer_start(&proc->timer, on_timer, 0, 0);
}

typedef struct dialled {
    wrn_dial_fn done;
    void *context;
    int fd;
} dialled;

static void on_dialled(void *context, const wrn_fault *fault) {
    dialled *d = context;
    d->done(d->context, d->fd, d->fd < 0 ? fault : NULL);
    free(d);
}

/* Its gate counts the same for all, and says which policy it has. */
struct fake_look {
    wrn_network_fn done;
    void *context;
    bool was_set;
};

static void on_fake_look(void *context, const wrn_fault *fault) {
    static const char state[] =
        "{\"gate\":\"running\",\"mode\":\"tap\",\"counted\":{\"bytes_in\":7,\"bytes_out\":8,\"connections\":1,"
        "\"connections_total\":9,\"dns_queries\":10,\"denied_total\":2,\"denied_lost\":0,\"denied\":[{\"proto\":\"tcp\","
        "\"address\":\"1.2.3.4\",\"port\":443,\"name\":\"x.org\",\"reason\":\"not-allowed\",\"count\":2,"
        "\"last_at\":1790000000}]}}";
    struct fake_look *l = context;
    wrn_json *shown = NULL;
    const char *why;
    if (!wrn_json_parse(state, strlen(state), &shown, &why)) abort();
    if (l->was_set) wrn_json_set_int(shown, "cut", 3);
    l->done(l->context, fault ? NULL : shown, fault);
    wrn_json_free(shown);
    free(l);
}

static void look(wrn_box *box, wrn_network_fn done, void *context, bool was_set) {
    wrn_fault fault;
    struct fake_look *l = calloc(1, sizeof(*l));
    *l = (struct fake_look){done, context, was_set};
    wrn_fault_set(&fault, WRN_FAULT_CONFLICT, "the sandbox was made without a network");
    wrn_answer_later(box->boxes->loop, on_fake_look, l, box->has_network ? NULL : &fault);
}

void wrn_box_network(wrn_box *box, wrn_network_fn done, void *context) { look(box, done, context, false); }

void wrn_box_set_secrets(wrn_box *box, int secrets) { (void)box, (void)secrets; }

void wrn_box_set_network(wrn_box *box, const char *policy, int secrets, wrn_network_fn done, void *context) {
    (void)policy;
    look(box, done, context, true);
}

bool wrn_box_has_network(const wrn_box *box) { return box->has_network; }

void wrn_box_show_network(wrn_box *box, wrn_done_fn done, void *context) {
    if (done) wrn_answer_later(box->boxes->loop, done, context, NULL);
}

static void on_fake_check(void *context, const wrn_fault *fault) {
    struct fake_look *l = context;
    WRN_AUTO(wrn_json_freep) wrn_json *verdict = wrn_json_new_object();
    wrn_json_set_bool(verdict, "allowed", l->was_set);
    if (!l->was_set) wrn_json_set_string(verdict, "reason", "not-allowed");
    else wrn_json_set_string(verdict, "rule", "x.org");
    if (l->was_set) wrn_json_set_string(verdict, "source", "allow");
    l->done(l->context, fault ? NULL : verdict, fault);
    free(l);
}

/* Only x.org:443 is allowed. */
void wrn_box_check_network(wrn_box *box, wrn_json *asked, wrn_network_fn done, void *context) {
    wrn_fault fault;
    int64_t port = 0;
    const char *host = wrn_json_string(wrn_json_get(asked, "host"), NULL);
    wrn_json_int(wrn_json_get(asked, "port"), &port);
    struct fake_look *l = calloc(1, sizeof(*l));
    *l = (struct fake_look){done, context, strcmp(host, "x.org") == 0 && port == 443};
    wrn_fault_set(&fault, WRN_FAULT_CONFLICT, "the sandbox was made without a network");
    wrn_answer_later(box->boxes->loop, on_fake_check, l, box->has_network ? NULL : &fault);
}

int wrn_boxes_check_network(const wrn_boxes *boxes, const char *backend, wrn_fault *fault) {
    (void)boxes;
    if (strcmp(backend, "fake-vm") != 0) return 0;
    return wrn_fault_set(fault, WRN_FAULT_CONFLICT, "fakes of virtual machines have no network");
}

/* Ports of a sandbox are those of this machine, so that a test can listen there. */
void wrn_box_dial(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context) {
    struct sockaddr_in where = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    wrn_fault fault;
    dialled *d = calloc(1, sizeof(*d));
    *d = (dialled){done, context, socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    if (connect(d->fd, (struct sockaddr *)&where, sizeof(where)) != 0) {
        close(d->fd);
        d->fd = -1;
    }
    wrn_fault_set(&fault, WRN_FAULT_NOT_LISTENING, "nothing listens on port %d of a fake", port);
    wrn_answer_later(box->boxes->loop, on_dialled, d, &fault);
}

void wrn_proc_read_stop(wrn_proc *proc) { proc->stopped = true; }

void wrn_proc_read_start(wrn_proc *proc) {
    if (proc->flood && proc->stopped) uv_timer_start(&proc->timer, on_timer, 0, 0);
    proc->stopped = false;
}

/* Of all commands in the background the same is kept: bytes 10 to 14 of the output. They go on unless that is followed. */
uint32_t wrn_proc_log(const wrn_proc *proc) { return proc->box != NULL; }

wrn_proc *wrn_box_read_log(wrn_box *box, const wrn_log_request *request, const wrn_proc_events *events,
                           wrn_fault *fault) {
    wrn_proc *proc = wrn_box_exec(box, &(wrn_proc_spec){.cmd = "echo"}, events, fault);
    bool tail = request->flags & WRN_LOG_TAIL, follow = request->flags & WRN_LOG_FOLLOW;
    wrn_buf_clear(&proc->out);
    wrn_buf_puts(&proc->out, "kept\n");
    wrn_buf_puts(&proc->err, "and\n");
    proc->from = tail || request->from < 10 ? 10 : request->from < 15 ? request->from : 15;
    proc->dropped = !tail && request->from < 10 ? 10 - request->from : 0;
    wrn_buf_consume(&proc->out, proc->from - 10);
    proc->end = follow ? WRN_PROC_EXITED : WRN_PROC_RUNS;
    proc->code = follow ? 3 : 0;
    return proc;
}

void wrn_box_want_port(wrn_box *box, uint16_t port) { (void)box, (void)port; }
