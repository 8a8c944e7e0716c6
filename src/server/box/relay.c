/* Connections to ports of boxes that only the agent can reach: its builtin command "relay" makes the connection, and its input
 * and output carry the bytes. The caller has one end of a socket pair, this file the other. When the server in the box closes
 * its direction, both are closed. */
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "server/box/internal.h"

enum { CHUNK = 64 << 10, PENDING_MAX = 256 << 10 };

typedef struct relay {
    wrn_box *box;
    wrn_proc *proc; /* NULL: the command has ended */
    uv_poll_t poll;
    int fd;           /* -1: it is not connected yet, or the caller is gone */
    bool sent_all;    /* the caller will send no more */
    wrn_buf in, out;  /* what the command, or the caller, has not taken yet */
    wrn_dial_fn done; /* NULL: was called */
    void *context;
} relay;

static void free_relay(relay *r) {
    wrn_buf_free(&r->in);
    wrn_buf_free(&r->out);
    free(r);
}

static void on_relay_closed(uv_handle_t *handle) { free_relay(handle->data); }

/* Ends the connection; what is left is dropped. */
static void hang_up(relay *r) {
    if (r->fd < 0) return;
    uv_poll_stop(&r->poll);
    wrn_fd_close(&r->fd);
    if (r->proc) wrn_proc_give_up(r->proc);
    else uv_close((uv_handle_t *)&r->poll, on_relay_closed);
}

static void on_relay_ready(uv_poll_t *poll, int status, int events);

/* Waits for what can be done next. */
static void watch(relay *r) {
    int events = (r->sent_all || r->in.size ? 0 : UV_READABLE) | (r->out.size ? UV_WRITABLE : 0);
    if (r->fd < 0) return;
    if (!r->proc && !r->out.size) hang_up(r);
    else if (events) uv_poll_start(&r->poll, events, on_relay_ready);
    else uv_poll_stop(&r->poll);
}

static void write_out(relay *r) {
    ssize_t sent = send(r->fd, r->out.data, r->out.size, MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN && errno != EINTR) return hang_up(r);
    if (sent > 0) wrn_buf_consume(&r->out, (size_t)sent);
    if (r->proc && r->out.size < PENDING_MAX / 2) wrn_proc_read_start(r->proc);
}

static void write_in(relay *r) {
    if (r->in.size && r->proc) wrn_buf_consume(&r->in, wrn_proc_write(r->proc, r->in.data, r->in.size));
    if (!r->proc) wrn_buf_clear(&r->in);
    if (!r->in.size && r->sent_all && r->proc) wrn_proc_close_stdin(r->proc);
}

static bool is_closed(int fd) {
    struct pollfd ready = {.fd = fd};
    return poll(&ready, 1, 0) == 1 && ready.revents & POLLHUP;
}

static void read_in(relay *r) {
    ssize_t got = recv(r->fd, wrn_buf_reserve(&r->in, CHUNK), CHUNK, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got < 0 || (got == 0 && is_closed(r->fd))) return hang_up(r);
    r->sent_all = got == 0;
    r->in.size += (size_t)got;
    write_in(r);
}

static void on_relay_ready(uv_poll_t *poll, int status, int events) {
    relay *r = poll->data;
    if (status < 0) return hang_up(r);
    if (r->fd >= 0 && events & UV_WRITABLE && r->out.size) write_out(r);
    if (r->fd >= 0 && events & UV_READABLE && !r->sent_all && !r->in.size) read_in(r);
    watch(r);
}

/* The command has connected: the caller gets its end. */
static void connect_caller(relay *r) {
    wrn_fault fault;
    int ends[2];
    if (!r->done) return;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
        wrn_fault_set(&fault, WRN_FAULT_INTERNAL_ERROR, "cannot connect into the sandbox: %s", strerror(errno));
        wrn_proc_give_up(r->proc);
        return WRN_TAKE(r->done)(r->context, -1, &fault);
    }
    r->fd = ends[0];
    if (uv_poll_init(r->box->boxes->config.loop, &r->poll, r->fd) != 0) abort();
    r->poll.data = r;
    watch(r);
    WRN_TAKE(r->done)(r->context, ends[1], NULL);
}

static void on_relay_output(void *context, int stream, const void *data, size_t size) {
    relay *r = context;
    if (stream == 2) return connect_caller(r);
    if (r->fd < 0) return;
    wrn_buf_put(&r->out, data, size);
    if (r->out.size >= PENDING_MAX) wrn_proc_read_stop(r->proc);
    watch(r);
}

static void on_relay_room(void *context) {
    relay *r = context;
    write_in(r);
    watch(r);
}

static void relay_refuse(relay *r, const wrn_proc_result *result) {
    wrn_fault fault;
    int code = result->end == WRN_PROC_EXITED ? result->code : ECONNRESET;
    wrn_fault_set(&fault, code == ECONNREFUSED ? WRN_FAULT_NOT_LISTENING : WRN_FAULT_AGENT_ERROR,
                  "cannot connect into the sandbox: %s", result->fault ? result->fault->message : strerror(code));
    r->done(r->context, -1, &fault);
}

static void on_relay_end(void *context, const wrn_proc_result *result) {
    relay *r = context;
    bool had_caller = r->poll.data != NULL;
    r->proc = NULL;
    if (r->done) relay_refuse(r, result);
    if (!had_caller) return free_relay(r);
    if (r->fd < 0) uv_close((uv_handle_t *)&r->poll, on_relay_closed);
    else watch(r);
}

static void on_relay_refused(void *context, const wrn_fault *fault) {
    relay *r = context;
    r->done(r->context, -1, fault);
    free_relay(r);
}

static void relay_dial(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context) {
    wrn_fault fault;
    char number[16];
    const char *const args[] = {number, NULL};
    const wrn_proc_spec spec = {.cmd = "relay", .args = args, .want_stdin = true, .builtin = true};
    relay *r = calloc(1, sizeof(*r));
    const wrn_proc_events events = {
        .on_output = on_relay_output, .on_end = on_relay_end, .on_room = on_relay_room, .context = r};
    *r = (relay){.box = box, .fd = -1, .in = WRN_BUF_INIT, .out = WRN_BUF_INIT, .done = done, .context = context};
    snprintf(number, sizeof(number), "%u", port);
    r->proc = wrn_agent_exec(box->agent, &spec, &events, &fault);
    if (!r->proc) wrn_answer_later(box->boxes->config.loop, on_relay_refused, r, &fault);
}

void box_reach_port(wrn_box *box, uint16_t port, wrn_dial_fn done, void *context) {
    if (box->runner->ops->dial) box->runner->ops->dial(box->it, port, done, context);
    else relay_dial(box, port, done, context);
}
