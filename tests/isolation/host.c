#include "host.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/backend/backend.h"
#include "server/lane.h"

typedef struct wait {
    struct wait *next;
    bool done, failed;
    wrn_box *box;
    char message[512];
} wait;

static void keep_fault(wait *w, const wrn_fault *fault) {
    w->done = true;
    w->failed = fault != NULL;
    if (fault) snprintf(w->message, sizeof(w->message), "%s: %s", wrn_fault_name(fault->code), fault->message);
}

static void on_done(void *context, const wrn_fault *fault) { keep_fault(context, fault); }

static void on_box(void *context, wrn_box *box, const wrn_fault *fault) {
    keep_fault(context, fault);
    ((wait *)context)->box = box;
}

static void note_closed(uv_handle_t *handle) { *(bool *)handle->data = true; }

/* Timers run before uv_run() decides how long to wait: what they bring about must not be waited for. */
static void stop_if_set(uv_prepare_t *prepare) {
    const bool *flag = prepare->data;
    if (*flag) uv_stop(prepare->loop);
}

void host_run_until(host *h, const bool *flag) {
    uv_prepare_t prepare;
    uv_prepare_init(&h->loop, &prepare);
    prepare.data = (void *)(uintptr_t)flag;
    uv_prepare_start(&prepare, stop_if_set);
    while (!*flag) uv_run(&h->loop, UV_RUN_ONCE);
    bool closed = false;
    prepare.data = &closed;
    uv_close((uv_handle_t *)&prepare, note_closed);
    while (!closed) uv_run(&h->loop, UV_RUN_NOWAIT);
}

/* What a failed test left: its cgroups. Its directories go with test_dir(). */
void test_after_each(void) { wrn_backends[0]->sweep(&(wrn_backend_config){0}, NULL); }

const wrn_json *host_isolation(const host *h) { return wrn_json_get(wrn_boxes_isolations(h->boxes), "ns"); }

const char *agent_path(void) { return getenv("WRENN_TEST_AGENT"); }

void host_open(host *h) { host_open_in(h, "state"); }

static void open_host(host *h, const char *name, const char *agent, int64_t adopt_ms) {
    wrn_fault fault = {0};
    memset(h, 0, sizeof(*h));
    snprintf(h->state_dir, sizeof(h->state_dir), "%s/%s", test_dir(), name);
    CHECK(mkdir(h->state_dir, 0711) == 0 || errno == EEXIST);
    uv_loop_init(&h->loop);
    wrn_backend_config config = {.loop = &h->loop,
                                 .state_dir = h->state_dir,
                                 .agent_path = agent,
                                 .vm_dir = getenv("WRENND_VM_DIR"),
                                 .adopt_ms = adopt_ms,
                                 .egress = {.gate_path = getenv("WRENN_TEST_GATE"), .connections = 512}};
    wrn_lane_setup();
    CHECK_MSG(wrn_boxes_open(&config, &h->boxes, &fault) == 0, "open: %s", fault.message);
}

void host_open_in(host *h, const char *name) { open_host(h, name, agent_path(), 0); }

void host_open_with(host *h, const char *agent, int64_t adopt_ms) { open_host(h, "state", agent, adopt_ms); }

void host_close(host *h) {
    char boxes[300];
    snprintf(boxes, sizeof(boxes), "%s/boxes", h->state_dir);
    wrn_boxes_close(h->boxes);
    while (uv_run(&h->loop, UV_RUN_NOWAIT)) {
    }
    CHECK_INT(uv_loop_close(&h->loop), 0);
    for (wait *w; (w = h->waits);) {
        h->waits = w->next;
        free(w);
    }
    CHECK_MSG(access(boxes, F_OK) != 0, "a sandbox's directory stayed behind");
}

static void count_death(void *context, const wrn_fault *fault) {
    (void)fault;
    if (context) ((wait *)context)->done = true;
}

static wrn_box *create(host *h, const wrn_box_spec *asked) {
    wait *w = calloc(1, sizeof(*w));
    wrn_box_spec fitting = *asked, *spec = &fitting;
    CHECK(w != NULL);
    fitting.backend = test_in_machines() ? "vm" : NULL;
    if (fitting.backend) wrn_boxes_fit(h->boxes, fitting.backend, &fitting.vcpus, &fitting.memory_mb, &fitting.disk_mb);
    w->next = h->waits;
    h->waits = w;
    wrn_box_create(h->boxes, spec, NULL, count_death, on_box, w);
    CHECK_MSG(!w->done, "the callback came from inside the call");
    host_run_until(h, &w->done);
    CHECK_MSG(!w->failed, "create: %s", w->message);
    return w->box;
}

wrn_box *box_create_sized(host *h, const char *id, int64_t vcpus, int64_t memory_mb) {
    return create(h, &(wrn_box_spec){id, "minimal", vcpus, memory_mb, .network = getenv("WRENN_TEST_NETWORK")});
}

wrn_box *box_create_for(host *h, const char *id, const char *owner) {
    return create(h, &(wrn_box_spec){id, "minimal", 1, 256, .owner = owner});
}

wrn_box *box_create(host *h, const char *id) { return box_create_sized(h, id, 1, 256); }

void box_destroy(host *h, wrn_box *box) {
    wait w = {0};
    wrn_box_destroy(box, on_done, &w);
    CHECK_MSG(!w.done, "the callback came from inside the call");
    host_run_until(h, &w.done);
    CHECK_MSG(!w.failed, "destroy: %s", w.message);
}

int box_freeze(host *h, wrn_box *box, bool freeze) {
    wait w = {0};
    if (freeze) wrn_box_freeze(box, on_done, &w);
    else wrn_box_thaw(box, on_done, &w);
    host_run_until(h, &w.done);
    if (w.failed) test_note("%s", w.message);
    return w.failed ? -1 : 0;
}

int box_ping(host *h, wrn_box *box) {
    wait w = {0};
    wrn_box_ping(box, on_done, &w);
    host_run_until(h, &w.done);
    return w.failed ? -1 : 0;
}

static void on_start(void *context, int64_t pid) { ((output *)context)->pid = pid; }

static void on_output(void *context, int stream, const void *data, size_t size) {
    output *o = context;
    char *to = stream == 1 ? o->out : o->err;
    size_t *used = stream == 1 ? &o->out_size : &o->err_size,
           room = (stream == 1 ? sizeof(o->out) : sizeof(o->err)) - 1 - *used;
    o->total += size;
    if (size > room) size = room;
    memcpy(to + *used, data, size);
    *used += size;
}

static void on_end(void *context, const wrn_proc_result *result) {
    output *o = context;
    CHECK(!o->ended);
    o->ended = true;
    o->end = result->end;
    o->code = result->code;
    o->cut = result->output_cut;
    o->oom_killed = result->oom_killed;
    if (result->fault)
        snprintf(o->fault, sizeof(o->fault), "%s: %s", wrn_fault_name(result->fault->code), result->fault->message);
}

static void on_room(void *context) { ((output *)context)->rooms++; }

wrn_proc *box_start(wrn_box *box, const wrn_proc_spec *spec, output *out) {
    static wrn_fault fault;
    memset(out, 0, sizeof(*out));
    static wrn_proc_events events;
    events = (wrn_proc_events){on_start, on_output, on_end, on_room, NULL, out};
    wrn_proc *proc = wrn_box_exec(box, spec, &events, &fault);
    CHECK_MSG(proc != NULL, "exec: %s", fault.message);
    return proc;
}

void box_exec(host *h, wrn_box *box, const wrn_proc_spec *spec, output *out) {
    box_start(box, spec, out);
    host_run_until(h, &out->ended);
}

void box_sh(host *h, wrn_box *box, const char *line, output *out) {
    const char *args[] = {"-c", line, NULL};
    box_exec(h, box, &(wrn_proc_spec){.cmd = "/bin/sh", .args = args, .timeout_ms = 600000}, out);
}

typedef struct dialled {
    bool done;
    int fd;
} dialled;

static void on_dialled(void *context, int fd, const wrn_fault *fault) {
    dialled *d = context;
    if (fault) test_note("%s: %s", wrn_fault_name(fault->code), fault->message);
    *d = (dialled){true, fd};
}

int box_dial(host *h, wrn_box *box, uint16_t port) {
    dialled d = {0};
    wrn_box_dial(box, port, on_dialled, &d);
    CHECK_MSG(!d.done, "the callback came from inside the call");
    host_run_until(h, &d.done);
    return d.fd;
}
