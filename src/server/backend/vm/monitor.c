/* QEMU's monitor: QMP, objects of JSON, one a line. QEMU may be in a guest's hands, so its lines are bounded. */
#include <stdlib.h>
#include <string.h>

#include "server/backend/vm/internal.h"

enum { LINE_MAX_BYTES = 64 << 10 };

struct monitor {
    uv_poll_t poll;
    int fd;
    bool greeted, is_over;
    wrn_buf line;
    char waiting[32]; /* sent once QEMU has greeted; "": nothing */
    wrn_done_fn done; /* NULL: nothing is under way */
    void *context;
};

static void finish(monitor *m, const char *problem) {
    wrn_fault fault;
    if (!m->done) return;
    if (problem) wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the virtual machine does not obey: %.200s", problem);
    WRN_TAKE(m->done)(m->context, problem ? &fault : NULL);
}

static void lose(monitor *m, const char *problem) {
    m->is_over = true;
    uv_poll_stop(&m->poll);
    finish(m, problem);
}

/* A few dozen bytes at a time always fit into the socket. */
static bool send_command(const monitor *m, const char *command) {
    char line[96];
    int size = snprintf(line, sizeof(line), "{\"execute\":\"%.40s\"}\n", command);
    return write(m->fd, line, (size_t)size) == size;
}

/* The answer to the command that turns the monitor on comes first, and counts as the greeting. */
static void on_answer(monitor *m, const char *problem) {
    if (m->greeted) return finish(m, problem);
    if (problem) return lose(m, problem);
    m->greeted = true;
    if (*m->waiting && !send_command(m, m->waiting)) lose(m, "it can't be reached");
    m->waiting[0] = '\0';
}

static void on_line(monitor *m, const char *text, size_t size) {
    WRN_AUTO(wrn_json_freep) wrn_json *message = NULL;
    const char *why;
    if (!wrn_json_parse(text, size, &message, &why)) return lose(m, "its monitor sends nonsense");
    if (wrn_json_get(message, "QMP")) {
        if (!send_command(m, "qmp_capabilities")) lose(m, "it can't be reached");
    } else if (wrn_json_get(message, "return")) {
        on_answer(m, NULL);
    } else if (wrn_json_get(message, "error")) {
        const char *what = wrn_json_string(wrn_json_get(wrn_json_get(message, "error"), "desc"), NULL);
        on_answer(m, what ? what : "it gives no reason");
    } /* else an event */
}

static void take_lines(monitor *m) {
    const char *end;
    while (!m->is_over && m->line.size && (end = memchr(m->line.data, '\n', m->line.size))) {
        size_t size = (size_t)(end - m->line.data);
        on_line(m, m->line.data, size);
        wrn_buf_consume(&m->line, size + 1);
    }
    if (m->line.size > LINE_MAX_BYTES) lose(m, "its monitor sends nonsense");
}

static void on_readable(uv_poll_t *poll, int status, int events) {
    monitor *m = poll->data;
    char chunk[4096];
    (void)events;
    ssize_t got = status < 0 ? 0 : read(m->fd, chunk, sizeof(chunk));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) return lose(m, "it has ended");
    wrn_buf_put(&m->line, chunk, (size_t)got);
    take_lines(m);
}

monitor *monitor_open(uv_loop_t *loop, int fd) {
    monitor *m = calloc(1, sizeof(*m));
    *m = (monitor){.fd = fd, .line = WRN_BUF_INIT};
    if (uv_poll_init(loop, &m->poll, fd) != 0) abort();
    m->poll.data = m;
    uv_poll_start(&m->poll, UV_READABLE, on_readable);
    return m;
}

static void on_closed(uv_handle_t *handle) {
    monitor *m = handle->data;
    close(m->fd);
    wrn_buf_free(&m->line);
    free(m);
}

void monitor_close(monitor *m) {
    if (!m) return;
    m->is_over = true;
    m->done = NULL;
    uv_close((uv_handle_t *)&m->poll, on_closed);
}

void monitor_run(uv_loop_t *loop, monitor *m, const char *command, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (!m || m->is_over || m->done || (m->greeted && !send_command(m, command))) {
        wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the virtual machine does not obey: it has ended, or is busy");
        return wrn_answer_later(loop, done, context, &fault);
    }
    if (!m->greeted) snprintf(m->waiting, sizeof(m->waiting), "%s", command);
    m->done = done;
    m->context = context;
}
