#include "server/box/agent_conn.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"
#include "server/turns.h"
#include "wire/frame.h"

/* FRAMES_MAX: frames handled before the loop serves others. SILENCE_MAX: looks that find that a watched agent has sent nothing. */
enum { OUT_MAX = 32 * 1024 * 1024, DETACHED_MAX = 65536, FRAMES_MAX = 256, SILENCE_MAX = 6 };

unsigned wrn_agent_grace_ms = 10000;
unsigned wrn_agent_watch_ms = 5000;

struct wrn_proc {
    wrn_proc *next;
    wrn_agent *agent;
    uint32_t stream;
    int64_t credit;   /* bytes that the agent may still send */
    size_t consumed;  /* bytes delivered, but not yet granted again */
    size_t in_credit; /* bytes of stdin that may still be sent */
    bool stopped, started, wants_room, terminal;
    bool log;          /* it only reads what another one has put out */
    bool killed;       /* by us */
    bool timed_out;    /* and for that reason */
    uv_timer_t *timer; /* its time limit, then the agent's to end it; NULL: no limit */
    uint64_t left_ms;  /* of the timer, while it is suspended */
    int64_t oom_kills; /* in the box, before it started */
    bool own_user;     /* asked for, not the template's */
    char user[128];    /* for errors */
    wrn_proc_events events;
};

typedef struct waiter {
    struct waiter *next;
    uint8_t answer; /* the type of frame that it waits for */
    wrn_done_fn done;
    void *context;
} waiter;

struct wrn_agent {
    uv_loop_t *loop;
    uv_poll_t poll, out_poll;
    int handles; /* not yet closed */
    int fd, out_fd;
    bool said_hello, broken, in_event, close_asked, suspended;
    bool unread;      /* it waits for its turn before it reads */
    bool writing;     /* waits until out_fd is writable */
    uint64_t sent_in; /* the event in which something was sent last */
    wrn_turn turn;    /* while it waits, frames may be left, and nothing is read */
    wrn_frame_reader reader;
    wrn_buf out;
    size_t out_sent;    /* bytes of `out`; removed in large pieces, because each removal moves the rest */
    size_t out_allowed; /* so many more may be sent; SIZE_MAX: all */
    uint32_t next_stream;
    uint32_t detached_left; /* DETACHED frames to come before it is ready */
    wrn_proc *procs;
    waiter *waiters, **waiters_tail;
    uv_timer_t watch;
    int silence;           /* looks of the watch that found nothing */
    bool heard, is_pinged; /* since the last look; by the watch */
    wrn_agent_events events;
};

static void on_writable(uv_poll_t *poll, int status, int events);

/* ---- sending ---- */

static size_t agent_unsent(const wrn_agent *agent) { return agent->out.size - agent->out_sent; }

static size_t agent_sendable(const wrn_agent *agent) {
    return agent_unsent(agent) < agent->out_allowed ? agent_unsent(agent) : agent->out_allowed;
}

static void agent_flush(wrn_agent *agent) {
    while (agent_sendable(agent)) {
        ssize_t sent = write(agent->out_fd, agent->out.data + agent->out_sent, agent_sendable(agent));
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) break; /* EAGAIN, or the other end is closed, which reading will notice */
        agent->out_sent += (size_t)sent;
        if (agent->out_allowed != SIZE_MAX) agent->out_allowed -= (size_t)sent;
    }
    if (agent->out_sent >= agent->out.size / 2) {
        wrn_buf_consume(&agent->out, agent->out_sent);
        agent->out_sent = 0;
    }
    if (agent->broken) return;
    bool waits = agent_sendable(agent) > 0;
    if (waits && !agent->writing) uv_poll_start(&agent->out_poll, UV_WRITABLE, on_writable);
    if (!waits && agent->writing) uv_poll_stop(&agent->out_poll);
    agent->writing = waits;
}

/* The first frame of an event is written at once, later ones together in the next iteration of the loop: each write wakes the
 * agent. */
static void send_out(wrn_agent *agent) {
    if (agent->sent_in == wrn_turn_number() && !agent->broken && !agent->writing) {
        agent->writing = true;
        uv_poll_start(&agent->out_poll, UV_WRITABLE, on_writable);
    }
    agent->sent_in = wrn_turn_number();
    if (!agent->writing) agent_flush(agent);
}

/* An agent that does not read must not fill the server's memory. */
static bool keeps_up(const wrn_agent *agent) { return !agent->broken && agent_unsent(agent) <= OUT_MAX; }

static void put_frame(wrn_agent *agent, uint32_t stream, uint8_t type, uint8_t flags, const void *data, size_t size) {
    uint8_t head[WRN_FRAME_HEADER];
    wrn_frame_head(head, stream, type, flags, (uint32_t)size);
    wrn_buf_put(&agent->out, head, sizeof(head));
    wrn_buf_put(&agent->out, data, size);
}

static void send_frame(wrn_agent *agent, uint32_t stream, uint8_t type, const void *data, size_t size) {
    put_frame(agent, stream, type, 0, data, size);
    send_out(agent);
}

/* Puts data into as many frames as it takes; all but the last one have the flag `more`. */
static void put_pieces(wrn_agent *agent, uint32_t stream, uint8_t type, uint8_t more, const char *data, size_t size) {
    for (size_t at = 0, piece; at < size; at += piece) {
        piece = size - at < WRN_FRAME_PAYLOAD_MAX ? size - at : WRN_FRAME_PAYLOAD_MAX;
        put_frame(agent, stream, type, at + piece < size ? more : 0, data + at, piece);
    }
}

static void send_u32(wrn_agent *agent, uint32_t stream, uint8_t type, uint32_t value) {
    uint8_t payload[4];
    wrn_put_u32(payload, value);
    send_frame(agent, stream, type, payload, sizeof(payload));
}

/* ---- commands ---- */

static void free_proc(wrn_proc *proc) {
    WRN_UNLINK(proc->agent->procs, proc, next);
    if (proc->timer) uv_close((uv_handle_t *)proc->timer, wrn_handle_free);
    free(proc);
}

static void end_proc(wrn_proc *proc, const wrn_proc_result *result) {
    wrn_proc_events events = proc->events;
    free_proc(proc);
    if (events.on_end) events.on_end(events.context, result);
}

static wrn_proc *find_proc(const wrn_agent *agent, uint32_t stream) {
    wrn_proc *proc = agent->procs;
    while (proc && proc->stream != stream) proc = proc->next;
    return proc;
}

/* Grants credit for what was delivered, in large pieces. */
static void grant(wrn_proc *proc) {
    if (proc->stopped || proc->consumed < WRN_FRAME_CREDIT / 2) return;
    proc->credit += (int64_t)proc->consumed;
    send_u32(proc->agent, proc->stream, WRN_FRAME_WINDOW, (uint32_t)proc->consumed);
    proc->consumed = 0;
}

void wrn_proc_read_stop(wrn_proc *proc) { proc->stopped = true; }

void wrn_proc_read_start(wrn_proc *proc) {
    proc->stopped = false;
    grant(proc);
}

void wrn_proc_signal(wrn_proc *proc, int signo) {
    proc->killed = proc->killed || signo == SIGKILL;
    if (keeps_up(proc->agent)) send_u32(proc->agent, proc->stream, WRN_FRAME_SIGNAL, (uint32_t)signo);
}

void wrn_proc_give_up(wrn_proc *proc) {
    proc->killed = true;
    wrn_proc_signal(proc, WRN_SIGNAL_GIVE_UP);
}

size_t wrn_proc_write(wrn_proc *proc, const void *data, size_t size) {
    wrn_agent *agent = proc->agent;
    size_t taken = size < proc->in_credit ? size : proc->in_credit;
    if (agent->broken) return size; /* on_end is on its way */
    put_pieces(agent, proc->stream, WRN_FRAME_STDIN, 0, data, taken);
    proc->in_credit -= taken;
    proc->wants_room = taken < size;
    send_out(agent);
    return taken;
}

void wrn_proc_close_stdin(wrn_proc *proc) {
    if (proc->agent->broken) return; /* otherwise always sent, because somebody may wait for its effect */
    if (proc->terminal) wrn_proc_write(proc, "\004", 1);
    else send_frame(proc->agent, proc->stream, WRN_FRAME_STDIN_EOF, NULL, 0);
}

void wrn_proc_resize(wrn_proc *proc, uint16_t cols, uint16_t rows) {
    uint8_t payload[8];
    if (!keeps_up(proc->agent)) return;
    wrn_put_u32(payload, cols);
    wrn_put_u32(payload + 4, rows);
    send_frame(proc->agent, proc->stream, WRN_FRAME_RESIZE, payload, sizeof(payload));
}

void wrn_proc_relabel(wrn_proc *proc, const char *label) {
    if (!keeps_up(proc->agent)) return;
    send_frame(proc->agent, proc->stream, WRN_FRAME_LABEL, label, strlen(label));
}

static void broken(wrn_agent *agent, const char *why);

static void on_proc_timeout(uv_timer_t *timer) {
    wrn_proc *proc = timer->data;
    if (proc->timed_out) return broken(proc->agent, "it did not end a command whose time limit had passed");
    proc->timed_out = true;
    uv_timer_start(timer, on_proc_timeout, wrn_agent_grace_ms, 0);
    wrn_proc_give_up(proc);
}

static void set_proc_timer(wrn_proc *proc, bool run) {
    if (!proc->timer) return;
    if (run) {
        uv_timer_start(proc->timer, on_proc_timeout, proc->left_ms, 0);
        return;
    }
    proc->left_ms = uv_timer_get_due_in(proc->timer);
    uv_timer_stop(proc->timer);
}

static void limit_time(wrn_proc *proc, int64_t timeout_ms) {
    if (timeout_ms <= 0) return;
    proc->timer = calloc(1, sizeof(*proc->timer));
    uv_timer_init(proc->agent->loop, proc->timer);
    proc->timer->data = proc;
    proc->left_ms = (uint64_t)timeout_ms;
    if (!proc->agent->suspended) set_proc_timer(proc, true);
}

void wrn_agent_suspend(wrn_agent *agent, bool suspended) {
    if (agent->suspended == suspended) return;
    agent->suspended = suspended;
    agent->silence = 0;
    for (wrn_proc *proc = agent->procs; proc; proc = proc->next) set_proc_timer(proc, !suspended);
}

/* Keeps whole characters, as many as fit. */
static void keep_user(wrn_proc *proc, const wrn_proc_spec *spec) {
    const char *user = wrn_exec_user(spec);
    size_t size = strnlen(user, sizeof(proc->user) - 1);
    memcpy(proc->user, user, wrn_utf8_valid_prefix(user, size));
    proc->own_user = spec->user != NULL;
}

static int64_t agent_oom_kills(const wrn_agent *agent) {
    return agent->events.oom_kills ? agent->events.oom_kills(agent->events.context) : 0;
}

static void set_unreachable(wrn_fault *fault) {
    wrn_fault_set(fault, WRN_FAULT_AGENT_ERROR, "the sandbox's agent is too slow or gone");
}

uint32_t wrn_proc_log(const wrn_proc *proc) { return proc->stream; }

static wrn_proc *new_proc(wrn_agent *agent, uint32_t stream) {
    wrn_proc *proc = calloc(1, sizeof(*proc));
    *proc = (wrn_proc){.next = agent->procs,
                       .agent = agent,
                       .stream = stream,
                       .credit = WRN_FRAME_CREDIT,
                       .in_credit = WRN_FRAME_CREDIT,
                       .oom_kills = agent_oom_kills(agent)};
    agent->procs = proc;
    return proc;
}

wrn_proc *wrn_agent_read_log(wrn_agent *agent, const wrn_log_request *request, const wrn_proc_events *events,
                             wrn_fault *fault) {
    uint8_t payload[WRN_LOG_REQUEST];
    if (!keeps_up(agent)) return set_unreachable(fault), NULL;
    wrn_proc *proc = new_proc(agent, ++agent->next_stream);
    proc->log = true;
    proc->events = *events;
    wrn_log_request_put(request, payload);
    send_frame(agent, proc->stream, WRN_FRAME_LOG, payload, sizeof(payload));
    return proc;
}

wrn_proc *wrn_agent_exec(wrn_agent *agent, const wrn_proc_spec *spec, const wrn_proc_events *events, wrn_fault *fault) {
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_LIMITED(WRN_FRAME_EXEC_MAX);
    wrn_exec_put(spec, &payload);
    if (payload.failed)
        return wrn_fault_set(fault, WRN_FAULT_INVALID_REQUEST,
                             "cmd, args, envs and cwd are too long: together at most %d bytes", WRN_FRAME_EXEC_MAX),
               NULL;
    if (!keeps_up(agent)) return set_unreachable(fault), NULL;
    wrn_proc *proc = new_proc(agent, ++agent->next_stream);
    proc->terminal = spec->cols && spec->rows;
    proc->events = *events;
    keep_user(proc, spec);
    limit_time(proc, spec->timeout_ms);
    put_pieces(agent, proc->stream, WRN_FRAME_EXEC, WRN_FRAME_MORE, payload.data, payload.size);
    send_out(agent);
    return proc;
}

void wrn_agent_put_network(wrn_agent *agent, const char *policy) {
    put_pieces(agent, 0, WRN_FRAME_NETWORK, WRN_FRAME_MORE, policy, strlen(policy));
    send_out(agent);
}

/* ---- ping, freeze and stop ---- */

static void agent_ask(wrn_agent *agent, uint8_t question, const wrn_buf *payload, uint8_t answer, wrn_done_fn done,
                      void *context) {
    if (!keeps_up(agent)) {
        wrn_fault fault;
        set_unreachable(&fault);
        wrn_answer_later(agent->loop, done, context, &fault);
        return;
    }
    waiter *w = calloc(1, sizeof(*w));
    put_frame(agent, 0, question, 0, payload ? payload->data : NULL, payload ? payload->size : 0);
    *w = (waiter){NULL, answer, done, context};
    *agent->waiters_tail = w;
    agent->waiters_tail = &w->next;
    send_out(agent);
}

void wrn_agent_ping(wrn_agent *agent, wrn_done_fn done, void *context) {
    agent_ask(agent, WRN_FRAME_PING, NULL, WRN_FRAME_PONG, done, context);
}

void wrn_agent_freeze(wrn_agent *agent, bool freeze, wrn_done_fn done, void *context) {
    agent_ask(agent, freeze ? WRN_FRAME_FREEZE : WRN_FRAME_THAW, NULL, WRN_FRAME_DONE, done, context);
}

void wrn_agent_quiet(wrn_agent *agent, wrn_done_fn done, void *context) {
    agent_ask(agent, WRN_FRAME_QUIET, NULL, WRN_FRAME_DONE, done, context);
    agent->out_allowed = agent_unsent(agent);
}

void wrn_agent_resume(wrn_agent *agent, wrn_done_fn done, void *context) {
    WRN_AUTO(wrn_buf_free) wrn_buf payload = WRN_BUF_INIT;
    wrn_resume now = {.time_us = (uint64_t)wrn_clock_us(CLOCK_REALTIME)};
    if (getrandom(now.seed, sizeof(now.seed), 0) != sizeof(now.seed)) abort(); /* can't fail for so few bytes */
    wrn_resume_put(&now, &payload);
    agent->out_allowed = SIZE_MAX;
    agent_ask(agent, WRN_FRAME_RESUME, &payload, WRN_FRAME_DONE, done, context);
}

static void on_watch_answered(void *context, const wrn_fault *fault) {
    (void)fault;
    ((wrn_agent *)context)->is_pinged = false;
}

/* Looks are counted, and not time, because this process may have stood still as well. */
static void on_watch(uv_timer_t *timer) {
    wrn_agent *agent = timer->data;
    if (agent->suspended) return;
    agent->silence = agent->heard ? 0 : agent->silence + 1;
    agent->heard = false;
    if (agent->silence > SILENCE_MAX) return broken(agent, "it does not answer any more");
    if (agent->is_pinged || !keeps_up(agent)) return;
    agent->is_pinged = true;
    wrn_agent_ping(agent, on_watch_answered, agent);
}

/* Answers come in the order of the questions. */
static bool answered(wrn_agent *agent, uint8_t type) {
    for (waiter **at = &agent->waiters; *at; at = &(*at)->next) {
        waiter *w = *at;
        if (w->answer != type) continue;
        *at = w->next;
        if (!*at) agent->waiters_tail = at;
        w->done(w->context, NULL);
        free(w);
        return true;
    }
    return false;
}

/* ---- receiving ---- */

static bool on_output_frame(wrn_proc *proc, const wrn_frame *frame) {
    /* An empty frame would cost no credit. */
    if (!proc->started || !frame->size || frame->size > proc->credit) return false;
    proc->credit -= frame->size;
    proc->consumed += frame->size;
    if (proc->events.on_output)
        proc->events.on_output(proc->events.context, frame->type == WRN_FRAME_STDOUT ? 1 : 2, frame->data, frame->size);
    return true;
}

static void end_failed(wrn_proc *proc, uint32_t kind, int number) {
    wrn_fault fault;
    int code = kind != WRN_EXIT_PROGRAM ? 0 : number == ENOENT || number == ENOTDIR ? 127 : 126;
    if (kind == WRN_EXIT_PROGRAM)
        wrn_fault_set(&fault, WRN_FAULT_INVALID_REQUEST, "the program can't be run: %s", strerror(number));
    else if (kind == WRN_EXIT_CWD)
        wrn_fault_set(&fault, WRN_FAULT_INVALID_REQUEST, "cannot enter the directory given as cwd: %s",
                      strerror(number));
    else if (kind == WRN_EXIT_USER && number == EPERM)
        wrn_fault_set(
            &fault, WRN_FAULT_INVALID_REQUEST,
            "the sandbox can't run anything as the user asked for: ids end at 65535, and sandboxes of a wrennd that "
            "runs as an ordinary user have root alone");
    else if (kind == WRN_EXIT_USER)
        wrn_fault_set(&fault, WRN_FAULT_INVALID_REQUEST, "the sandbox has no such user as \"%s\"%s", proc->user,
                      proc->own_user ? "" : ", whom its template names; ask for another one, such as root");
    else wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the command could not be started: %s", strerror(number));
    end_proc(proc, &(wrn_proc_result){.end = WRN_PROC_FAILED, .code = code, .fault = &fault});
}

/* Offsets grow, and no correct agent gets near their end. */
static bool on_from_frame(wrn_proc *proc, uint64_t offset, uint64_t dropped) {
    if (!proc->log || offset > INT64_MAX || dropped > offset) return false;
    proc->started = true;
    if (proc->events.on_from) proc->events.on_from(proc->events.context, offset, dropped);
    return true;
}

static void end_log(wrn_proc *proc, uint32_t kind) {
    wrn_fault fault;
    if (kind == WRN_EXIT_RUNS) return end_proc(proc, &(wrn_proc_result){.end = WRN_PROC_RUNS});
    wrn_fault_set(&fault, WRN_FAULT_NOT_FOUND,
                  "the output of this command is not kept any more: other commands have ended since");
    end_proc(proc, &(wrn_proc_result){.end = WRN_PROC_FAILED, .fault = &fault});
}

static void on_exit_frame(wrn_proc *proc, uint32_t kind, uint32_t value, uint32_t flags) {
    int number = value < 256 ? (int)value : 255;
    if (proc->log && kind != WRN_EXIT_CODE && kind != WRN_EXIT_SIGNAL) return end_log(proc, kind);
    if (kind != WRN_EXIT_CODE && kind != WRN_EXIT_SIGNAL) return end_failed(proc, kind, number);
    wrn_proc_result result = {.end = kind == WRN_EXIT_CODE ? WRN_PROC_EXITED : WRN_PROC_SIGNALED,
                              .code = number,
                              .output_cut = flags & WRN_EXIT_CUT};
    /* A command that ended by itself was in time, though waiting for its output took longer. */
    if (proc->timed_out && kind == WRN_EXIT_SIGNAL)
        result = (wrn_proc_result){.end = WRN_PROC_TIMED_OUT, .output_cut = result.output_cut};
    bool starved = flags & WRN_EXIT_OOM || (!proc->log && agent_oom_kills(proc->agent) > proc->oom_kills);
    result.oom_killed = wrn_exit_is_death(kind, value) && !proc->killed && starved;
    end_proc(proc, &result);
}

static bool on_taken_frame(wrn_proc *proc, uint32_t size) {
    if (!size || size > WRN_FRAME_CREDIT - proc->in_credit) return false;
    proc->in_credit += size;
    if (!proc->wants_room || proc->in_credit < WRN_FRAME_CREDIT / 2) return true;
    proc->wants_room = false;
    if (proc->events.on_room) proc->events.on_room(proc->events.context);
    return true;
}

/* False if a correct agent would not send this frame now. */
static bool handle_command(wrn_agent *agent, wrn_proc *proc, const wrn_frame *frame) {
    switch (frame->type) {
    case WRN_FRAME_FROM:
        return frame->size == 16 && on_from_frame(proc, wrn_get_u64(frame->data), wrn_get_u64(frame->data + 8));
    case WRN_FRAME_STARTED:
        if (proc->started || proc->log || frame->size != 4) return false;
        proc->started = true;
        if (proc->events.on_start) proc->events.on_start(proc->events.context, wrn_get_u32(frame->data));
        return true;
    case WRN_FRAME_STDOUT:
    case WRN_FRAME_STDERR:
        if (!on_output_frame(proc, frame)) return false;
        if (agent_unsent(agent) > 2 * (size_t)OUT_MAX) return false; /* credit that the agent does not read */
        proc = find_proc(agent, frame->stream);                      /* the callback may have closed it */
        if (proc && !agent->close_asked) grant(proc);
        return true;
    case WRN_FRAME_TAKEN: return frame->size == 4 && on_taken_frame(proc, wrn_get_u32(frame->data));
    case WRN_FRAME_EXIT:
        if (frame->size != 12) return false;
        on_exit_frame(proc, wrn_get_u32(frame->data), wrn_get_u32(frame->data + 4), wrn_get_u32(frame->data + 8));
        return true;
    default: return false;
    }
}

/* ---- re-attaching ---- */

static bool on_detached_frame(wrn_agent *agent, const wrn_frame *frame) {
    if (frame->size <= WRN_DETACHED_HEAD || frame->size >= WRN_DETACHED_HEAD + WRN_LABEL_MAX || !frame->stream ||
        frame->stream > INT32_MAX || find_proc(agent, frame->stream) ||
        memchr(frame->data + WRN_DETACHED_HEAD, 0, frame->size - WRN_DETACHED_HEAD))
        return false;
    const wrn_detached_head head = {wrn_get_u32(frame->data), wrn_get_u32(frame->data + 4),
                                    wrn_get_u32(frame->data + 8)};
    char label[WRN_LABEL_MAX];
    size_t size = frame->size - WRN_DETACHED_HEAD;
    memcpy(label, frame->data + WRN_DETACHED_HEAD, size);
    label[size] = '\0';
    if (head.untaken > WRN_FRAME_CREDIT) return false;
    if (agent->next_stream < frame->stream) agent->next_stream = frame->stream;
    wrn_proc *proc = NULL;
    wrn_proc_events none;
    if (!(head.flags & WRN_DETACHED_ENDED)) {
        proc = new_proc(agent, frame->stream);
        proc->in_credit -= head.untaken;
        proc->started = head.pid != 0;
        proc->terminal = head.flags & WRN_DETACHED_TERMINAL;
    }
    const wrn_detached command = {proc, frame->stream, label, head.pid, head.flags & WRN_DETACHED_TERMINAL};
    bool wanted = agent->events.detached(agent->events.context, &command, proc ? &proc->events : &none);
    if (proc && !wanted) wrn_proc_signal(proc, SIGKILL);
    return true;
}

static bool on_first_frame(wrn_agent *agent, const wrn_frame *frame) {
    bool reattaches = agent->events.detached != NULL;
    if (frame->type != (reattaches ? WRN_FRAME_HELLO_AGAIN : WRN_FRAME_HELLO) || frame->size != (reattaches ? 12 : 4) ||
        wrn_get_u32(frame->data) != WRN_AGENT_VERSION)
        return false;
    if (reattaches) agent->detached_left = wrn_get_u32(frame->data + 8);
    agent->said_hello = true;
    return agent->detached_left <= DETACHED_MAX;
}

/* Handles the frames that come before the agent is ready. */
static bool handle_greeting(wrn_agent *agent, const wrn_frame *frame) {
    if (agent->said_hello) {
        if (frame->type != WRN_FRAME_DETACHED || !on_detached_frame(agent, frame)) return false;
        agent->detached_left--;
    } else if (!on_first_frame(agent, frame)) {
        return false;
    }
    if (agent->detached_left) return true;
    if (agent->events.watched) uv_timer_start(&agent->watch, on_watch, wrn_agent_watch_ms, wrn_agent_watch_ms);
    agent->events.ready(agent->events.context);
    return true;
}

static bool handle_frame(wrn_agent *agent, const wrn_frame *frame) {
    if (!agent->said_hello || agent->detached_left) return handle_greeting(agent, frame);
    if (frame->type == WRN_FRAME_PONG || frame->type == WRN_FRAME_DONE) return answered(agent, frame->type);
    wrn_proc *proc = find_proc(agent, frame->stream);
    return proc && handle_command(agent, proc, frame);
}

static void agent_free(wrn_agent *agent) {
    wrn_turn_close(&agent->turn);
    free(agent->reader.buffer);
    wrn_buf_free(&agent->out);
    close(agent->fd);
    close(agent->out_fd);
    free(agent);
}

static void on_agent_handle_closed(uv_handle_t *handle) {
    wrn_agent *agent = handle->data;
    if (!--agent->handles) agent_free(agent);
}

static void close_handles(wrn_agent *agent) {
    agent->handles = 3;
    wrn_turn_cancel(&agent->turn);
    uv_close((uv_handle_t *)&agent->poll, on_agent_handle_closed);
    uv_close((uv_handle_t *)&agent->out_poll, on_agent_handle_closed);
    uv_close((uv_handle_t *)&agent->watch, on_agent_handle_closed);
}

static void fail_all(wrn_agent *agent) {
    wrn_fault fault;
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the sandbox's agent is gone; the outcome is unknown");
    for (wrn_proc *proc; (proc = agent->procs);) {
        agent->procs = proc->next;
        end_proc(proc, &(wrn_proc_result){.end = WRN_PROC_LOST, .fault = &fault});
    }
    while (agent->waiters) {
        waiter *w = agent->waiters;
        agent->waiters = w->next;
        w->done(w->context, &fault);
        free(w);
    }
    agent->waiters_tail = &agent->waiters;
}

static void broken(wrn_agent *agent, const char *why) {
    if (agent->broken) return;
    agent->broken = true;
    uv_poll_stop(&agent->poll);
    uv_poll_stop(&agent->out_poll);
    uv_timer_stop(&agent->watch);
    fail_all(agent);
    if (!agent->close_asked) agent->events.lost(agent->events.context, why);
}

/* Drops what comes before the agent's HELLO_AGAIN, which may start in the middle of a frame. False: it has not come. */
static bool find_greeting(wrn_agent *agent) {
    wrn_frame_reader *from = &agent->reader;
    uint8_t wanted[WRN_FRAME_HEADER + 8];
    wrn_frame_head(wanted, 0, WRN_FRAME_HELLO_AGAIN, 0, 12);
    wrn_put_u32(wanted + WRN_FRAME_HEADER, WRN_AGENT_VERSION);
    wrn_put_u32(wanted + WRN_FRAME_HEADER + 4, agent->events.awaited(agent->events.context));
    for (; from->end - from->begin >= sizeof(wanted); from->begin++)
        if (memcmp(from->buffer + from->begin, wanted, sizeof(wanted)) == 0) return true;
    return false;
}

/* Handles at most `max` of the frames in the buffer. */
static void handle_frames(wrn_agent *agent, size_t max) {
    wrn_frame frame;
    int next = 0;
    size_t count = 0;
    if (agent->events.awaited && !agent->said_hello && !find_greeting(agent)) return;
    while (!agent->broken && !agent->close_asked && count++ < max &&
           (next = wrn_frame_next(&agent->reader, &frame)) > 0)
        if (!handle_frame(agent, &frame)) next = -1, broken(agent, "it sent an unexpected frame");
    if (next < 0) broken(agent, "it sent a malformed frame");
    if (next > 0 && !agent->broken && !agent->close_asked) wrn_turn_wait(&agent->turn);
}

static void agent_on_readable(uv_poll_t *poll, int status, int events);

static void begin_event(wrn_agent *agent) {
    agent->in_event = true;
    wrn_turn_begin(&agent->turn);
}

static void end_event(wrn_agent *agent) {
    bool waits = wrn_turn_end(&agent->turn);
    agent->in_event = false;
    if (agent->broken || agent->close_asked) wrn_turn_cancel(&agent->turn);
    else if (waits) uv_poll_stop(&agent->poll);
    if (agent->close_asked) close_handles(agent);
}

static void agent_on_turn(wrn_turn *turn) {
    wrn_agent *agent = turn->context;
    if (agent->broken) return;
    uv_poll_start(&agent->poll, UV_READABLE, agent_on_readable);
    if (agent->unread) return;
    begin_event(agent);
    handle_frames(agent, FRAMES_MAX);
    end_event(agent);
}

/* False when there is nothing more to read. */
static bool read_frames(wrn_agent *agent, size_t max) {
    size_t room;
    uint8_t *at = wrn_frame_room(&agent->reader, &room);
    ssize_t got = read(agent->fd, at, room);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return false;
    if (got <= 0) {
        broken(agent, "it ended");
        return false;
    }
    agent->heard = true;
    wrn_frame_fed(&agent->reader, (size_t)got);
    handle_frames(agent, max);
    return !agent->broken && !agent->close_asked;
}

static void agent_on_readable(uv_poll_t *poll, int status, int events) {
    wrn_agent *agent = poll->data;
    agent->unread = status == 0 && wrn_turn_comes_later(&agent->turn);
    if (agent->unread) {
        uv_poll_stop(poll);
        return;
    }
    begin_event(agent);
    if (status < 0) {
        /* The agent closed its end before it read everything; what it sent last is still in the pipe. */
        handle_frames(agent, SIZE_MAX);
        while (read_frames(agent, SIZE_MAX)) {
        }
        broken(agent, "its channel broke");
    }
    if (!agent->broken && !agent->turn.waits && events & UV_READABLE) read_frames(agent, FRAMES_MAX);
    end_event(agent);
}

static void on_writable(uv_poll_t *poll, int status, int events) {
    (void)events;
    if (status < 0) uv_poll_stop(poll); /* reading notices the end, after the last frames */
    else agent_flush(poll->data);
}

static void init_poll(wrn_agent *agent, uv_poll_t *poll, int fd) {
    if (uv_poll_init(agent->loop, poll, fd) != 0) abort(); /* pipes always work */
    poll->data = agent;
}

wrn_agent *wrn_agent_open(uv_loop_t *loop, const int fds[2], const wrn_agent_events *events) {
    wrn_agent *agent = calloc(1, sizeof(*agent));
    *agent = (wrn_agent){.loop = loop,
                         .fd = fds[0],
                         .out_fd = fds[1],
                         .reader.buffer = malloc(WRN_FRAME_BUFFER),
                         .waiters_tail = &agent->waiters,
                         .out_allowed = SIZE_MAX,
                         .events = *events};
    init_poll(agent, &agent->poll, agent->fd);
    init_poll(agent, &agent->out_poll, agent->out_fd);
    uv_timer_init(loop, &agent->watch);
    agent->watch.data = agent;
    agent->turn = (wrn_turn){.go = agent_on_turn, .context = agent, .loop = loop};
    if (events->owner) wrn_turn_set_owner(&agent->turn, events->owner);
    uv_poll_start(&agent->poll, UV_READABLE, agent_on_readable);
    return agent;
}

void wrn_agent_close(wrn_agent *agent) {
    if (!agent || agent->close_asked) return;
    agent->close_asked = true;
    if (!agent->broken) broken(agent, "");
    if (!agent->in_event) close_handles(agent);
}
