/* The gate of a box: the process wrenn-gate, which lets out what the box's policy allows. This file starts it, talks to it
 * over the control socket, one JSON object in each packet, and starts it again when it dies: the link is kept meanwhile. */
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include "base/clock.h"
#include "base/text.h"
#include "gate/route.h"
#include "server/box/internal.h"
#include "server/lane.h"
#include "server/log.h"

/* PACKET_MAX: the protocol's. A gate that ran for CALM_MS is started again at once; otherwise the wait doubles. */
enum { PACKET_MAX = 256 << 10, SEND_BUFFER = 512 << 10, CALM_MS = 10000, WAIT_MS = 50, WAIT_MAX_MS = 10000 };
enum { ANSWER_MS = 5000 }; /* so long questions wait for the next answer */

/* Something that was asked, and who waits for the answer. */
typedef struct question {
    struct question *next;
    int64_t id;
    wrn_network_fn done;
    void *context;
} question;

struct gate {
    wrn_box *box; /* NULL: it has ended or was left */
    wrn_boxes *boxes;
    uv_loop_t *loop;
    char *policy;
    int secrets; /* -1: none */
    injector *injector;
    held_gate held;
    wrn_job closing;
    int source; /* where the link comes from; -1: it came */
    uv_poll_t *source_poll, *control_poll;
    uv_timer_t *timer, *patience; /* until it is started again; for questions */
    bool is_measured;             /* it was asked, and has not answered */
    bool is_jailed, is_told;      /* it is confined; it has the policy */
    bool was_ready;
    char *why;     /* it has ended, as it said */
    char *refusal; /* why it does not take the policy of a box that is not started yet */
    int64_t last_id, set_id, started_ms, wait_ms;
    question *questions;
    wrn_json *last; /* what it counted when it was last asked */
};

/* ---- its end ---- */

static void stop_poll(uv_poll_t **poll) {
    if (*poll) uv_close((uv_handle_t *)WRN_TAKE(*poll), wrn_handle_free);
}

static void close_held(wrn_job *job) { held_gate_close(&WRN_OWNER(job, gate, closing)->held); }

static void free_closed(wrn_job *job) { free(WRN_OWNER(job, gate, closing)); }

void gate_free(gate *g) {
    if (!g) return;
    stop_poll(&g->source_poll);
    stop_poll(&g->control_poll);
    uv_close((uv_handle_t *)g->timer, wrn_handle_free);
    uv_close((uv_handle_t *)g->patience, wrn_handle_free);
    wrn_fd_close(&g->source);
    wrn_json_free(g->last);
    free(g->policy);
    free(g->refusal);
    free(g->why);
    /* Closing the last descriptor of a link removes the link, which takes the kernel many milliseconds. */
    wrn_lane_put(g->held.link < 0 ? NULL : g->loop, WRN_LANE_LINK, &g->closing, close_held, free_closed);
}

static void answer_all(gate *g, const wrn_fault *fault) {
    uv_timer_stop(g->patience);
    while (g->questions) {
        question *q = g->questions;
        g->questions = q->next;
        q->done(q->context, NULL, fault);
        free(q);
    }
}

static void let_go(gate *g) {
    wrn_fault fault;
    g->box = NULL;
    wrn_fd_close(&g->secrets);
    wrn_fault_set(&fault, WRN_FAULT_INVALID_STATE, "the sandbox has ended");
    answer_all(g, &fault);
}

static void kill_process(const gate *g) {
    if (g->held.pidfd >= 0) syscall(SYS_pidfd_send_signal, g->held.pidfd, SIGKILL, NULL, 0);
}

void gate_end(gate *g) {
    if (!g) return;
    let_go(g);
    injector_end(WRN_TAKE(g->injector));
    uv_timer_stop(g->timer);
    stop_poll(&g->source_poll);
    stop_poll(&g->control_poll);
    kill_process(g);
    wrn_fd_close(&g->held.control);
}

void gate_leave(gate *g) {
    if (!g) return;
    let_go(g);
    injector_leave(WRN_TAKE(g->injector));
    gate_free(g);
}

/* ---- asking ---- */

/* False when the gate takes nothing: it died, or is stuck. */
static bool say(gate *g, wrn_json *object, const char *what, const int *fds, size_t count) {
    WRN_AUTO(wrn_buf_free) wrn_buf text = WRN_BUF_INIT;
    wrn_json_set_int(object, "id", ++g->last_id);
    wrn_json_set_string(object, "do", what);
    wrn_json_write(object, &text);
    return g->held.control >= 0 && text.size <= PACKET_MAX &&
           wrn_fds_send(g->held.control, text.data, text.size, fds, count, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* It is stuck, or its answer was lost. */
static void on_unanswered(uv_timer_t *timer) {
    wrn_fault fault;
    wrn_fault_set(&fault, WRN_FAULT_OVERLOADED, "the sandbox's gate does not answer; try again");
    answer_all(timer->data, &fault);
}

/* `passed`: -1, or a descriptor to send along. */
static bool ask(gate *g, wrn_json *asked, const char *what, int passed, wrn_network_fn done, void *context) {
    if (!say(g, asked, what, &passed, passed >= 0)) return false;
    if (!done) return true;
    question **at = &g->questions;
    while (*at) at = &(*at)->next;
    if (!g->questions) uv_timer_start(g->patience, on_unanswered, ANSWER_MS, 0);
    *at = calloc(1, sizeof(**at));
    **at = (question){.id = g->last_id, .done = done, .context = context};
    return true;
}

static void on_injector_ended(void *context);
static void on_ended(gate *g);

/* Tells the gate what to let out, and leads it to the process that adds headers when that is a new one. */
static bool tell_policy(gate *g, wrn_network_fn done, void *context) {
    WRN_AUTO(wrn_json_freep) wrn_json *settings = gate_settings(g->policy, &g->boxes->config.egress);
    if (g->secrets >= 0 && !g->injector) g->injector = injector_new(g->box, g->secrets, on_injector_ended, g);
    WRN_AUTO(wrn_fd_close) int end = g->injector ? injector_take_end(g->injector) : -1;
    if (!ask(g, settings, "set", end, done, context)) return false;
    g->set_id = g->last_id;
    return true;
}

/* Until there is another one nobody gets to the hosts that it was for. */
static void on_injector_ended(void *context) {
    gate *g = context;
    g->injector = NULL;
    if (!g->box) return;
    wrn_log_warning("sandbox %s: wrenn-gate-tls has ended: starting it again", g->box->id);
    if (g->held.control >= 0) (void)tell_policy(g, NULL, NULL);
}

static void take_secrets(gate *g, int secrets) {
    wrn_fd_close(&g->secrets);
    g->secrets = secrets > 0 ? fcntl(secrets, F_DUPFD_CLOEXEC, 3) : -1;
    if (secrets > 0 && g->secrets < 0)
        wrn_log_warning("sandbox %s: its secrets can't be kept, so their hosts are closed: %s", g->box->id,
                        strerror(errno));
    injector_end(WRN_TAKE(g->injector));
}

static void give_link(gate *g) {
    static const char *const kinds[] = {"tap", "packet", "dgram"};
    WRN_AUTO(wrn_json_freep) wrn_json *told = wrn_json_new_object();
    wrn_json_set_string(told, "kind", kinds[g->held.kind]);
    wrn_json_set_bool(told, "ipv6", wrn_host_has_ipv6());
    if (!say(g, told, "link", &g->held.link, 1)) return on_ended(g);
    box_hold(g->box);
}

void gate_renew(gate *g) {
    if (g && g->held.control >= 0 && g->was_ready) (void)tell_policy(g, NULL, NULL);
}

/* ---- what it says ---- */

static void check_ready(gate *g) {
    if (!g->is_jailed || !g->is_told || g->held.link < 0 || g->was_ready) return;
    g->was_ready = true;
    box_gate_is_ready(g->box, NULL);
}

static void on_refused(gate *g, const char *why) {
    wrn_fault fault;
    bool is_started = g->source_poll || g->held.link >= 0; /* its box */
    if (!is_started) {
        free(g->refusal);
        g->refusal = strdup(why);
        return;
    }
    wrn_fault_set(&fault, WRN_FAULT_INVALID_REQUEST, "member \"network\": %s", why);
    if (!g->was_ready) return box_gate_is_ready(g->box, &fault);
    wrn_log_warning("sandbox %s: its gate refuses what it is told: %s", g->box->id, why);
}

/* The answer to a question, or to a policy that nobody waits for. Answers with other ids are for an earlier daemon. */
static void on_answer(gate *g, const wrn_json *answer, int64_t id) {
    bool ok = false;
    wrn_fault fault;
    const char *why = wrn_json_string(wrn_json_get(answer, "error"), NULL);
    if (!wrn_json_bool(wrn_json_get(answer, "ok"), &ok)) ok = false;
    if (!ok) wrn_fault_set(&fault, WRN_FAULT_INVALID_REQUEST, "%.400s", why ? why : "the gate refuses it");
    question **at = &g->questions;
    while (*at && (*at)->id != id) at = &(*at)->next;
    question *q = *at;
    if (q) *at = q->next;
    if (g->questions) uv_timer_start(g->patience, on_unanswered, ANSWER_MS, 0);
    else uv_timer_stop(g->patience);
    if (id == g->set_id) g->is_told = g->is_told || ok;
    if (q) q->done(q->context, ok ? answer : NULL, ok ? NULL : &fault);
    else if (!ok) on_refused(g, why ? why : "");
    free(q);
    if (g->box && id == g->set_id && ok) check_ready(g);
}

static void on_ready(gate *g, int *pidfd) {
    if (g->is_jailed) return;
    g->is_jailed = true;
    g->held.pidfd = wrn_fd_take(pidfd);
    if (g->held.link >= 0) give_link(g);
    check_ready(g);
}

static void on_packet(gate *g, const char *text, size_t size, int *pidfd) {
    WRN_AUTO(wrn_json_freep) wrn_json *object = NULL;
    const char *why;
    int64_t id;
    if (!wrn_json_parse(text, size, &object, &why)) return wrn_log_warning("a gate sent malformed JSON: %s", why);
    if (wrn_json_int(wrn_json_get(object, "id"), &id)) on_answer(g, object, id);
    else if ((why = wrn_json_string(wrn_json_get(object, "why"), NULL))) {
        free(g->why);
        g->why = strdup(why);
        wrn_text_clean(g->why);
    } else {
        on_ready(g, pidfd);
    }
}

static bool passes(int error) { return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM; }

static void on_control(uv_poll_t *poll, int status, int events) {
    static char packet[PACKET_MAX + 1];
    gate *g = poll->data;
    WRN_AUTO(wrn_fd_close) int pidfd = -1;
    (void)status, (void)events;
    ssize_t got = wrn_fds_receive(g->held.control, packet, PACKET_MAX, &pidfd, 1);
    if (got > 0) return on_packet(g, packet, (size_t)got, &pidfd);
    if (got == 0 || !passes(errno)) on_ended(g);
}

/* ---- its start ---- */

static uv_poll_t *start_poll(gate *g, int fd, uv_poll_cb seen) {
    uv_poll_t *poll = malloc(sizeof(*poll));
    if (uv_poll_init(g->loop, poll, fd) != 0) abort();
    poll->data = g;
    uv_poll_start(poll, UV_READABLE, seen);
    return poll;
}

static bool start_process(gate *g) {
    const int size = SEND_BUFFER;
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) return false;
    setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
    if (g->held.state < 0) g->held.state = memfd_create("wrenn-gate", MFD_CLOEXEC);
    bool started = helper_start_gate(g->box, pair[1], g->held.state);
    close(pair[1]);
    if (!started) return close(pair[0]), false;
    g->held.control = pair[0];
    g->started_ms = wrn_now_ms();
    g->is_jailed = g->is_told = false;
    g->control_poll = start_poll(g, g->held.control, on_control);
    injector_end(WRN_TAKE(g->injector)); /* the last gate had its socket */
    return true;
}

static void on_again(uv_timer_t *timer);

static void start_later(gate *g) {
    int64_t wait_ms = 0;
    if (wrn_now_ms() - g->started_ms < CALM_MS) {
        wait_ms = g->wait_ms ? g->wait_ms : WAIT_MS;
        g->wait_ms = wait_ms * 2 < WAIT_MAX_MS ? wait_ms * 2 : WAIT_MAX_MS;
    } else {
        g->wait_ms = 0;
    }
    uv_timer_start(g->timer, on_again, (uint64_t)wait_ms, 0);
}

static void introduce(gate *g) {
    if (!start_process(g)) return start_later(g);
    if (!tell_policy(g, NULL, NULL)) on_ended(g);
}

static void on_again(uv_timer_t *timer) { introduce(timer->data); }

static void on_ended(gate *g) {
    wrn_fault fault;
    kill_process(g); /* whatever it was that ended */
    stop_poll(&g->control_poll);
    wrn_fd_close(&g->held.pidfd);
    wrn_fd_close(&g->held.control);
    g->is_jailed = g->is_told = false;
    wrn_log_warning("sandbox %s: its gate has ended (%.200s): starting it again", g->box->id,
                    g->why ? g->why : "it was killed, or did what its jail forbids");
    free(WRN_TAKE(g->why));
    wrn_fault_set(&fault, WRN_FAULT_OVERLOADED, "the sandbox's gate is being restarted; try again");
    answer_all(g, &fault);
    start_later(g);
}

static void on_source(uv_poll_t *poll, int status, int events) {
    gate *g = poll->data;
    wrn_link_kind kind;
    int fd = -1;
    (void)status, (void)events;
    bool came = wrn_fds_receive(g->source, &kind, sizeof(kind), &fd, 1) == (ssize_t)sizeof(kind) && fd >= 0;
    stop_poll(&g->source_poll);
    wrn_fd_close(&g->source);
    if (!came) return; /* the box has failed, and the backend says why */
    g->held.kind = kind;
    g->held.link = fd;
    if (g->refusal) return on_refused(g, g->refusal);
    if (g->is_jailed) give_link(g);
    check_ready(g);
}

/* ---- for box.c ---- */

static void on_names_changed(uv_fs_event_t *watch, const char *name, int events, int status) {
    const wrn_boxes *boxes = watch->data;
    (void)events;
    if (status == 0 && name && strcmp(name, "resolv.conf") != 0 && strcmp(name, "hosts") != 0) return;
    for (const wrn_box *box = boxes->all; box; box = box->next) gate_renew(box->gate);
}

/* Gates can't see the machine's files. The directory is watched because editors and daemons replace the files. */
static void watch_names(wrn_boxes *boxes) {
    if (boxes->names_watch) return;
    boxes->names_watch = malloc(sizeof(*boxes->names_watch));
    uv_fs_event_init(boxes->config.loop, boxes->names_watch);
    boxes->names_watch->data = boxes;
    uv_fs_event_start(boxes->names_watch, on_names_changed, "/etc", 0);
    uv_unref((uv_handle_t *)boxes->names_watch);
}

static gate *new_gate(wrn_boxes *boxes) {
    gate *g = calloc(1, sizeof(*g));
    *g = (gate){.boxes = boxes,
                .loop = boxes->config.loop,
                .held = HELD_GATE_NONE,
                .source = -1,
                .secrets = -1,
                .last_id = wrn_clock_us(CLOCK_REALTIME), /* other ids than the last daemon's */
                .timer = malloc(sizeof(*g->timer)),
                .patience = malloc(sizeof(*g->patience))};
    uv_timer_init(g->loop, g->timer);
    uv_timer_init(g->loop, g->patience);
    g->timer->data = g->patience->data = g;
    return g;
}

static void set_box(gate *g, wrn_box *box, const char *policy, int secrets) {
    g->box = box;
    g->policy = strdup(policy ? policy : "{}");
    take_secrets(g, secrets);
    watch_names(box->boxes);
}

gate *gate_new(wrn_box *box, const char *policy, int secrets) {
    gate *g = new_gate(box->boxes);
    set_box(g, box, policy, secrets);
    introduce(g);
    return g;
}

void gate_await_link(gate *g, int link_source) {
    g->source = link_source;
    g->source_poll = start_poll(g, g->source, on_source);
}

gate *gate_adopt(wrn_box *box, const held_gate *kept, const char *policy, int secrets) {
    gate *g = new_gate(box->boxes);
    set_box(g, box, policy, secrets);
    g->held = *kept;
    g->is_jailed = g->is_told = g->was_ready = true;
    g->control_poll = start_poll(g, g->held.control, on_control);
    gate_renew(g);
    return g;
}

bool gate_is_ready(const gate *g) { return g->was_ready; }

const char *gate_policy(const gate *g) { return g->policy; }

held_gate gate_held(const gate *g) { return g ? g->held : (held_gate)HELD_GATE_NONE; }

static wrn_json *describe(const gate *g, const wrn_json *counted) {
    static const char *const modes[] = {"tap", "veth", "datagrams"};
    wrn_json *out = wrn_json_new_object();
    if (counted) wrn_json_set(out, "counted", wrn_json_ref(counted));
    wrn_json_set_string(out, "gate", g->held.control >= 0 && g->is_told ? "running" : "restarting");
    wrn_json_set_string(out, "mode", modes[g->held.kind]);
    return out;
}

/* Who asked for the counters. */
typedef struct inquiry {
    gate *gate;
    wrn_network_fn done;
    void *context;
    wrn_json *cut;   /* NULL: nothing was set before */
    wrn_json *state; /* the answer */
} inquiry;

static void free_inquiry(inquiry *i) {
    wrn_json_free(i->cut);
    wrn_json_free(i->state);
    free(i);
}

static void tell(void *context, const wrn_fault *fault) {
    inquiry *i = context;
    i->done(i->context, i->state, fault);
    free_inquiry(i);
}

static void make_answer(inquiry *i) {
    i->state = describe(i->gate, i->gate->last);
    if (i->cut) wrn_json_set(i->state, "cut", wrn_json_ref(i->cut));
}

/* Who asked may destroy the box, and the gate with it, which is in use now. Another may destroy it before. */
static void tell_later(inquiry *i) {
    make_answer(i);
    wrn_answer_later(i->gate->loop, tell, i, NULL);
}

static void keep_counted(gate *g, const wrn_json *answer) {
    if (!answer) return;
    wrn_json_free(g->last);
    g->last = wrn_json_ref(answer);
}

static void on_measured(void *context, const wrn_json *answer, const wrn_fault *fault) {
    gate *g = context;
    (void)fault;
    g->is_measured = false;
    keep_counted(g, answer);
}

void gate_measure(gate *g, wrn_box_stats *out) {
    (void)wrn_json_int(wrn_json_get(g->last, "bytes_in"), &out->net_in_bytes);
    (void)wrn_json_int(wrn_json_get(g->last, "bytes_out"), &out->net_out_bytes);
    (void)wrn_json_int(wrn_json_get(g->last, "connections_total"), &out->net_connections);
    (void)wrn_json_int(wrn_json_get(g->last, "denied_total"), &out->net_denied);
    WRN_AUTO(wrn_json_freep) wrn_json *asked = wrn_json_new_object();
    g->is_measured = g->is_measured || ask(g, asked, "stats", -1, on_measured, g);
}

static void on_counted(void *context, const wrn_json *answer, const wrn_fault *fault) {
    inquiry *i = context;
    keep_counted(i->gate, answer);
    /* A gate that has died meanwhile is no reason to fail: what it counted last is still true. */
    if (i->gate->box) tell_later(i);
    else tell(i, fault);
}

static void count(inquiry *i) {
    WRN_AUTO(wrn_json_freep) wrn_json *asked = wrn_json_new_object();
    if (!ask(i->gate, asked, "stats", -1, on_counted, i)) tell_later(i);
}

void gate_look(gate *g, wrn_network_fn done, void *context) {
    inquiry *i = calloc(1, sizeof(*i));
    *i = (inquiry){.gate = g, .done = done, .context = context};
    count(i);
}

static void on_checked(void *context, const wrn_json *answer, const wrn_fault *fault) {
    inquiry *i = context;
    const gate *g = i->gate;
    i->state = answer ? wrn_json_ref(answer) : NULL;
    if (answer && g->box) gate_name_rule(g->policy, &g->box->boxes->config.egress, i->state);
    tell(i, fault);
}

void gate_check(gate *g, wrn_json *asked, wrn_network_fn done, void *context) {
    wrn_fault fault;
    inquiry *i = calloc(1, sizeof(*i));
    *i = (inquiry){.gate = g, .done = done, .context = context};
    if (g->is_told && ask(g, asked, "check", -1, on_checked, i)) return;
    wrn_fault_set(&fault, WRN_FAULT_OVERLOADED, "the sandbox's gate is being restarted; try again");
    wrn_answer_later(g->loop, tell, i, &fault);
}

static void on_set(void *context, const wrn_json *answer, const wrn_fault *fault) {
    inquiry *i = context;
    if (answer) i->cut = wrn_json_ref(wrn_json_get(answer, "cut"));
    if (answer) return count(i);
    /* One that died while it was told gets the policy when it is started again. */
    bool died = fault->code == WRN_FAULT_OVERLOADED && i->gate->box;
    if (died) make_answer(i);
    tell(i, died ? NULL : fault);
}

/* Whether two files in memory, of which either may be none, hold the same. */
static bool same_secrets(int a, int b) {
    char one[4096], other[sizeof(one)];
    if (a <= 0 || b <= 0) return a <= 0 && b <= 0;
    for (off_t at = 0;; at += (off_t)sizeof(one)) {
        ssize_t size = pread(a, one, sizeof(one), at);
        bool same = size == pread(b, other, sizeof(other), at) && size >= 0 && memcmp(one, other, (size_t)size) == 0;
        explicit_bzero(one, sizeof(one));
        explicit_bzero(other, sizeof(other));
        if (!same || size < (ssize_t)sizeof(one)) return same;
    }
}

void gate_set_secrets(gate *g, int secrets) {
    if (same_secrets(g->secrets, secrets)) return;
    take_secrets(g, secrets);
    if (g->held.control >= 0) (void)tell_policy(g, NULL, NULL);
}

void gate_set(gate *g, const char *policy, int secrets, wrn_network_fn done, void *context) {
    inquiry *i = calloc(1, sizeof(*i));
    if (!same_secrets(g->secrets, secrets)) take_secrets(g, secrets);
    *i = (inquiry){.gate = g, .done = done, .context = context};
    free(g->policy);
    g->policy = strdup(policy);
    if (!tell_policy(g, on_set, i)) tell_later(i);
}
