/* QEMU's monitor: QMP, objects of JSON, one a line. QEMU may be in a guest's hands, so its lines are bounded. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>

#include "server/backend/vm/internal.h"

enum { LINE_MAX_BYTES = 64 << 10 };

/* One command of several that belong together. */
typedef struct step {
    const char *command, *arguments; /* an object, or NULL */
    bool passes_fd, is_unheard;      /* nobody waits for its answer, which has an "id" */
} step;

struct monitor {
    uv_poll_t poll;
    int fd;
    bool greeted, is_over;
    bool ends_at_restart; /* it was told so, or will be once it is greeted */
    char marker[40];      /* what comes before this is not for us; "": nothing */
    wrn_buf line;
    step one;
    char command[32];       /* of `one` */
    const step *next, *end; /* what is still to be sent */
    int tries;              /* how often one was sent again */
    bool migrates;          /* the last one is done when QEMU says so in an event */
    const char *migrated;   /* NULL: it has not said so yet */
    int passed_fd;          /* -1: none; ours */
    wrn_done_fn done;       /* NULL: nothing is under way */
    void *context;
};

static void finish(monitor *m, const char *problem) {
    wrn_fault fault;
    wrn_fd_close(&m->passed_fd);
    m->next = m->end = NULL;
    if (!m->done) return;
    if (problem) wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the virtual machine does not obey: %.200s", problem);
    WRN_TAKE(m->done)(m->context, problem ? &fault : NULL);
}

static void lose(monitor *m, const char *problem) {
    m->is_over = true;
    uv_poll_stop(&m->poll);
    finish(m, problem);
}

/* A few hundred bytes at a time always fit into the socket. */
static bool send_step(const monitor *m, const step *s) {
    char line[512];
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(sizeof(int))];
    } control = {.head = {.cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof(int))}};
    int size =
        snprintf(line, sizeof(line), "{\"execute\":\"%s\"%s%s%s}\n", s->command, s->arguments ? ",\"arguments\":" : "",
                 s->arguments ? s->arguments : "", s->is_unheard ? ",\"id\":\"unheard\"" : "");
    struct iovec bytes = {line, (size_t)size};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    if (s->passes_fd) {
        memcpy(CMSG_DATA(&control.head), &m->passed_fd, sizeof(int));
        message.msg_control = &control;
        message.msg_controllen = sizeof(control);
    }
    return sendmsg(m->fd, &message, MSG_NOSIGNAL) == size;
}

static void go_on(monitor *m) {
    if (m->next < m->end) {
        if (!send_step(m, m->next++)) lose(m, "it can't be reached");
        return;
    }
    if (!m->migrates) finish(m, NULL);
    else if (m->migrated)
        finish(m, strcmp(m->migrated, "completed") == 0 ? NULL : "its state can't be saved or loaded");
}

/* QEMU tells that a state is saved a moment before it can go on from there, and has no event for that. One that is in a guest's
 * hands could say so for ever. */
static bool is_too_early(monitor *m, const char *problem) {
    enum { TRIES = 20000 };
    return strcmp(problem, "Migration is not finalized yet") == 0 && m->tries++ < TRIES;
}

static void send_end_at_restart(monitor *m) {
    static const step end = {.command = "set-action", .arguments = "{\"reboot\":\"shutdown\"}", .is_unheard = true};
    if (!send_step(m, &end)) lose(m, "it can't be reached");
}

void monitor_end_at_restart(monitor *m) {
    if (!m || m->ends_at_restart) return;
    m->ends_at_restart = true;
    if (m->greeted && !m->is_over) send_end_at_restart(m);
}

/* The answer to the command that turns the monitor on comes first, and counts as the greeting. */
static void on_answer(monitor *m, const char *problem) {
    if (problem && m->greeted && m->done && is_too_early(m, problem)) {
        m->next--; /* again */
        return go_on(m);
    }
    if (problem && m->greeted) return finish(m, problem);
    if (problem) return lose(m, problem);
    if (!m->greeted && m->ends_at_restart) send_end_at_restart(m);
    m->greeted = true;
    if (m->done && !m->is_over) go_on(m);
}

static void on_event(monitor *m, const wrn_json *message) {
    const char *name = wrn_json_string(wrn_json_get(message, "event"), NULL);
    const char *status = wrn_json_string(wrn_json_get(wrn_json_get(message, "data"), "status"), NULL);
    if (!name || !status || strcmp(name, "MIGRATION") != 0 || !m->migrates || !m->done) return;
    if (strcmp(status, "completed") == 0) m->migrated = "completed";
    else if (strcmp(status, "failed") == 0) m->migrated = "failed";
    if (m->migrated && m->next == m->end) go_on(m);
}

static void on_line(monitor *m, const char *text, size_t size) {
    if (*m->marker) {
        if (!memmem(text, size, m->marker, strlen(m->marker))) return;
        *m->marker = '\0';
        return on_answer(m, NULL);
    }
    static const step turn_on = {.command = "qmp_capabilities"};
    WRN_AUTO(wrn_json_freep) wrn_json *message = NULL;
    const char *why;
    if (!wrn_json_parse(text, size, &message, &why)) return lose(m, "its monitor sends nonsense");
    if (wrn_json_get(message, "id")) return; /* the answer to one that is unheard */
    if (wrn_json_get(message, "QMP")) {
        if (!send_step(m, &turn_on)) lose(m, "it can't be reached");
    } else if (wrn_json_get(message, "return")) {
        on_answer(m, NULL);
    } else if (wrn_json_get(message, "error")) {
        const char *what = wrn_json_string(wrn_json_get(wrn_json_get(message, "error"), "desc"), NULL);
        on_answer(m, what ? what : "it gives no reason");
    } else {
        on_event(m, message);
    }
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
    *m = (monitor){.fd = fd, .line = WRN_BUF_INIT, .passed_fd = -1};
    if (uv_poll_init(loop, &m->poll, fd) != 0) abort();
    m->poll.data = m;
    uv_poll_start(&m->poll, UV_READABLE, on_readable);
    return m;
}

/* Commands are always sent whole, so that QEMU waits for the next one. */
monitor *monitor_adopt(uv_loop_t *loop, int fd) {
    char line[128];
    uint64_t number = 0;
    monitor *m = monitor_open(loop, fd);
    if (getrandom(&number, sizeof(number), 0) != sizeof(number)) abort(); /* can't fail for so few bytes */
    snprintf(m->marker, sizeof(m->marker), "wrennd-%llx", (unsigned long long)number);
    int size = snprintf(line, sizeof(line), "{\"execute\":\"query-status\",\"id\":\"%s\"}\n", m->marker);
    if (send(fd, line, (size_t)size, MSG_NOSIGNAL) != size) lose(m, "it can't be reached");
    return m;
}

static void on_closed(uv_handle_t *handle) {
    monitor *m = handle->data;
    close(m->fd);
    wrn_fd_close(&m->passed_fd);
    wrn_buf_free(&m->line);
    free(m);
}

void monitor_close(monitor *m) {
    if (!m) return;
    m->is_over = true;
    m->done = NULL;
    uv_close((uv_handle_t *)&m->poll, on_closed);
}

/* False: `done` gets a fault, later. */
static bool begin(uv_loop_t *loop, monitor *m, wrn_done_fn done, void *context) {
    wrn_fault fault;
    if (m && !m->is_over && !m->done) {
        m->done = done;
        m->context = context;
        m->migrates = false;
        m->migrated = NULL;
        m->tries = 0;
        return true;
    }
    wrn_fault_set(&fault, WRN_FAULT_AGENT_ERROR, "the virtual machine does not obey: it has ended, or is busy");
    wrn_answer_later(loop, done, context, &fault);
    return false;
}

static void run(monitor *m, const step *steps, size_t count) {
    m->next = steps;
    m->end = steps + count;
    if (m->greeted) go_on(m);
}

void monitor_run(uv_loop_t *loop, monitor *m, const char *command, wrn_done_fn done, void *context) {
    if (!begin(loop, m, done, context)) return;
    snprintf(m->command, sizeof(m->command), "%s", command);
    m->one = (step){.command = m->command};
    run(m, &m->one, 1);
}

void monitor_await_end(uv_loop_t *loop, monitor *m, wrn_done_fn done, void *context) {
    (void)begin(loop, m, done, context);
}

void monitor_forget(monitor *m) {
    m->done = NULL;
    m->next = m->end = NULL;
}

static void migrate(uv_loop_t *loop, monitor *m, int fd, const step *steps, size_t count, wrn_done_fn done,
                    void *context) {
    if (!begin(loop, m, done, context)) return;
    m->migrates = true;
    m->passed_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    run(m, steps, count);
}

void monitor_connect(uv_loop_t *loop, monitor *m, int fd, wrn_done_fn done, void *context) {
    static const step with[] = {
        {"getfd", "{\"fdname\":\"agent\"}", true},
        {"chardev-change",
         "{\"id\":\"agent\",\"backend\":{\"type\":\"socket\",\"data\":{\"addr\":{\"type\":\"fd\",\"data\":{\"str\":\"agent\"}},"
         "\"server\":false}}}",
         false}};
    static const step without[] = {
        {"chardev-change", "{\"id\":\"agent\",\"backend\":{\"type\":\"null\",\"data\":{}}}", false}};
    if (!begin(loop, m, done, context)) return;
    if (fd >= 0) m->passed_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    run(m, fd >= 0 ? with : without, fd >= 0 ? WRN_COUNT(with) : WRN_COUNT(without));
}

/* x-ignore-shared: memory that is a file stays where it is. Without a bandwidth QEMU saves only 128 MB a second. */
#define STEPS(ignores, command)                                                           \
    {                                                                                     \
        {"migrate-set-capabilities",                                                      \
         "{\"capabilities\":[{\"capability\":\"x-ignore-shared\",\"state\":" ignores "}," \
         "{\"capability\":\"events\",\"state\":true}]}",                                  \
         false},                                                                          \
            {"migrate-set-parameters", "{\"max-bandwidth\":1000000000000}", false},       \
            {"getfd", "{\"fdname\":\"state\"}", true}, {                                  \
            command, "{\"uri\":\"fd:state\"}", false                                      \
        }                                                                                 \
    }

void monitor_save(uv_loop_t *loop, monitor *m, int fd, bool with_memory, wrn_done_fn done, void *context) {
    static const step without[] = STEPS("true", "migrate"), with[] = STEPS("false", "migrate");
    migrate(loop, m, fd, with_memory ? with : without, WRN_COUNT(with), done, context);
}

void monitor_load(uv_loop_t *loop, monitor *m, int fd, bool with_memory, wrn_done_fn done, void *context) {
    static const step without[] = STEPS("true", "migrate-incoming"), with[] = STEPS("false", "migrate-incoming");
    migrate(loop, m, fd, with_memory ? with : without, WRN_COUNT(with), done, context);
}
