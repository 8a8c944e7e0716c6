#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/agent.h"

/* After the command itself has ended, descendants that hold its pipes get this long; what is in the pipes by then is
 * still sent. */
enum { DRAIN_MS = 200, CHUNK = 65536 };

typedef struct output {
    watch watch;
    uint8_t type;
    int64_t left; /* after the drain time: bytes still to send; -1 before */
} output;

typedef struct command {
    struct command *next;
    uint32_t stream; /* 0: whoever asked for it is gone, and nobody is told of it any more */
    pid_t keeper;
    uint32_t pid;
    char *label; /* NULL: ends with the server that asked for it */
    watch report, in;
    output out, err;
    int64_t credit;
    int64_t deadline; /* when to kill it; 0: never */
    int64_t drain;    /* when to stop reading; 0: the command has not ended */
    bool started, timed_out, terminal, builtin;
    uint64_t early; /* signals that came before the keeper had started the command: bit 0 is signal 1 */
    uint8_t *input; /* waits for the command to read it */
    size_t input_begin, input_end, input_capacity;
    bool input_eof;
    uint32_t exit_kind, exit_value;
} command;

static command *commands;
static uint8_t *exec_payload; /* of the EXEC whose pieces are coming in */
static size_t exec_size;
static uint32_t exec_stream;

extern char **environ;

static command *find(uint32_t stream) {
    command *c = commands;
    while (c && c->stream != stream) c = c->next;
    return c;
}

static void send_exit(uint32_t stream, uint32_t kind, uint32_t value) {
    uint8_t payload[8];
    wrn_put_u32(payload, kind);
    wrn_put_u32(payload + 4, value);
    channel_send(stream, WRN_FRAME_EXIT, payload, sizeof(payload));
}

static void finish(command *c) {
    if (c->stream) send_exit(c->stream, c->timed_out ? WRN_EXIT_TIMEOUT : c->exit_kind, c->exit_value);
    watch_close(&c->report);
    watch_close(&c->in);
    watch_close(&c->out.watch);
    watch_close(&c->err.watch);
    for (command **at = &commands; *at; at = &(*at)->next) {
        if (*at != c) continue;
        *at = c->next;
        break;
    }
    free(c->input);
    free(c->label);
    free(c);
}

static void finish_if_over(command *c) {
    if (c->drain && c->out.watch.fd < 0 && c->err.watch.fd < 0) finish(c);
}

/* ---- output ---- */

/* Nothing is read before STARTED went out: the server takes output of a command that has not started for a forgery. */
static void set_reading(command *c) {
    uint32_t events = c->started && c->credit > 0 && channel_has_room() ? EPOLLIN : 0;
    watch_set(&c->out.watch, events);
    watch_set(&c->err.watch, events);
}

static void on_output(watch *w, uint32_t events) {
    static uint8_t chunk[CHUNK];
    command *c = w->owner;
    output *o = w == &c->out.watch ? &c->out : &c->err;
    (void)events;
    size_t room = c->credit < CHUNK ? (size_t)c->credit : CHUNK;
    if (o->left >= 0 && (int64_t)room > o->left) room = (size_t)o->left;
    ssize_t got = room ? read(w->fd, chunk, room) : 0;
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
        if (o->left >= 0) watch_close(&o->watch);
    } else if (got <= 0) {
        watch_close(&o->watch);
    } else {
        channel_send(c->stream, o->type, chunk, (size_t)got);
        c->credit -= got;
        if (o->left >= 0) o->left -= got;
        if (o->left == 0) watch_close(&o->watch);
    }
    set_reading(c);
    finish_if_over(c);
}

void command_window(uint32_t stream, uint32_t more) {
    command *c = find(stream);
    if (!c || more > WRN_FRAME_CREDIT) return;
    c->credit += more;
    set_reading(c);
}

void command_resume_output(void) {
    for (command *c = commands; c; c = c->next) set_reading(c);
}

/* ---- input ---- */

/* Input nobody reads any more is taken all the same, or its sender would wait for ever. */
static void drop_input(command *c) {
    if (c->input_end > c->input_begin)
        channel_send_u32(c->stream, WRN_FRAME_TAKEN, (uint32_t)(c->input_end - c->input_begin));
    c->input_begin = c->input_end = 0;
    watch_close(&c->in);
}

static void feed(command *c) {
    size_t taken = 0;
    bool broken = false;
    while (c->input_begin < c->input_end && !broken) {
        ssize_t written = write(c->in.fd, c->input + c->input_begin, c->input_end - c->input_begin);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0 && errno == EAGAIN) break;
        broken = written <= 0;
        if (!broken) c->input_begin += (size_t)written, taken += (size_t)written;
    }
    if (taken) channel_send_u32(c->stream, WRN_FRAME_TAKEN, (uint32_t)taken);
    if (c->input_begin == c->input_end) c->input_begin = c->input_end = 0;
    if (broken || (c->input_eof && !c->input_end)) drop_input(c);
    watch_set(&c->in, c->input_end ? EPOLLOUT : 0);
}

static void on_input_room(watch *w, uint32_t events) {
    (void)events;
    feed(w->owner);
}

/* The server keeps to its credit, which bounds what waits here. */
void command_stdin(uint32_t stream, const uint8_t *data, uint32_t size) {
    command *c = find(stream);
    if (!c || !size || c->input_eof) return;
    if (c->in.fd < 0) {
        channel_send_u32(stream, WRN_FRAME_TAKEN, size);
        return;
    }
    memmove(c->input, c->input + c->input_begin, c->input_end - c->input_begin);
    c->input_end -= c->input_begin;
    c->input_begin = 0;
    if (c->input_end + size > c->input_capacity) {
        c->input_capacity = 2 * (c->input_end + size);
        c->input = realloc(c->input, c->input_capacity);
        if (!c->input) die("wrenn-agent: out of memory");
    }
    memcpy(c->input + c->input_end, data, size);
    c->input_end += size;
    feed(c);
}

void command_stdin_eof(uint32_t stream) {
    command *c = find(stream);
    if (!c || c->in.fd < 0) return;
    c->input_eof = true;
    feed(c);
}

void command_resize(uint32_t stream, uint32_t cols, uint32_t rows) {
    command *c = find(stream);
    struct winsize size = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
    if (c && c->terminal && c->in.fd >= 0) ioctl(c->in.fd, TIOCSWINSZ, &size);
}

/* ---- end ---- */

static void ended(command *c, uint32_t kind, uint32_t value) {
    if (c->drain) return;
    c->exit_kind = kind;
    c->exit_value = value;
    c->deadline = 0;
    c->drain = now_ms() + DRAIN_MS;
    if (!c->started) {
        watch_close(&c->out.watch);
        watch_close(&c->err.watch);
    }
    finish_if_over(c);
}

static void on_report(watch *w, uint32_t events) {
    command *c = w->owner;
    keeper_report line;
    (void)events;
    ssize_t got = read(w->fd, &line, sizeof(line));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got != (ssize_t)sizeof(line)) { /* the keeper was killed; command_reaped() sees to the rest */
        watch_close(w);
        ended(c, WRN_EXIT_SIGNAL, SIGKILL);
        return;
    }
    switch (line.kind) {
    case REPORT_STARTED:
        c->started = true;
        c->pid = (uint32_t)line.value;
        if (c->stream) channel_send_u32(c->stream, WRN_FRAME_STARTED, c->pid);
        set_reading(c);
        for (int signo = 1; signo < 65; signo++)
            if (c->early & 1ull << (signo - 1)) tree_signal(c->keeper, signo);
        break;
    case REPORT_ENDED:
        if (WIFEXITED(line.value)) ended(c, WRN_EXIT_CODE, (uint32_t)WEXITSTATUS(line.value));
        else ended(c, WRN_EXIT_SIGNAL, (uint32_t)WTERMSIG(line.value));
        break;
    case REPORT_NO_CWD: ended(c, WRN_EXIT_CWD, (uint32_t)line.value); break;
    default: ended(c, WRN_EXIT_FAILED, (uint32_t)line.value); break;
    }
}

static pid_t *keepers; /* all that live, those of finished commands with daemons left too */
static size_t keeper_count, keeper_capacity;

static bool is_keeper(pid_t pid) {
    for (size_t i = 0; i < keeper_count; i++)
        if (keepers[i] == pid) return true;
    return false;
}

static void add_keeper(pid_t pid) {
    if (keeper_count == keeper_capacity) {
        keeper_capacity = keeper_capacity ? 2 * keeper_capacity : 16;
        keepers = realloc(keepers, keeper_capacity * sizeof(*keepers));
        if (!keepers) die("wrenn-agent: out of memory");
    }
    keepers[keeper_count++] = pid;
}

/* A keeper leaves no descendants when it ends by itself. When one was killed, its descendants have become ours. */
void command_reaped(pid_t pid, int status) {
    for (command *c = commands; c; c = c->next) {
        if (c->keeper != pid) continue;
        c->keeper = 0;
        break;
    }
    for (size_t i = 0; i < keeper_count; i++) {
        if (keepers[i] != pid) continue;
        keepers[i] = keepers[--keeper_count];
        if (WIFSIGNALED(status)) tree_kill_strays(is_keeper);
        return;
    }
}

static void send_signal(command *c, int signo) {
    if (!c->keeper) return;
    /* Its group dies at once, as looking for thousands takes long while they take all the time there is. */
    if (signo == SIGKILL && c->started && !c->drain) kill(-(pid_t)c->pid, SIGKILL);
    if (c->started) tree_signal(c->keeper, signo);
    else c->early |= 1ull << (signo - 1);
    kill(c->keeper, SIGCONT); /* one that was stopped from inside would never report */
}

void command_signal(uint32_t stream, uint32_t signo) {
    command *c = find(stream);
    if (c && signo >= 1 && signo < 65) send_signal(c, (int)signo);
}

int64_t command_next_timer(void) {
    int64_t first = INT64_MAX;
    for (command *c = commands; c; c = c->next) {
        if (c->deadline && c->deadline < first) first = c->deadline;
        if (c->drain && c->out.left < 0 && c->drain < first) first = c->drain;
    }
    if (first == INT64_MAX) return -1;
    int64_t left = first - now_ms();
    return left < 0 ? 0 : left > 60000 ? 60000 : left;
}

/* The drain time is over: what is in the pipe now is the last that is sent. */
static void stop_reading(output *o) {
    int there = 0;
    o->left = 0;
    if (o->watch.fd < 0) return;
    if (ioctl(o->watch.fd, FIONREAD, &there) == 0) o->left = there;
    if (!o->left) watch_close(&o->watch);
}

void command_run_timers(void) {
    int64_t now = commands ? now_ms() : 0;
    for (command *c = commands, *next; c; c = next) {
        next = c->next;
        if (c->deadline && c->deadline <= now) {
            c->deadline = 0;
            c->timed_out = true;
            send_signal(c, SIGKILL);
        }
        if (c->drain && c->drain <= now && c->out.left < 0) {
            stop_reading(&c->out);
            stop_reading(&c->err);
            finish_if_over(c);
        }
    }
}

/* ---- from one server to the next ---- */

/* A builtin that writes a file takes its half of it away. Its input stays open, as its end would mean that all has come. */
static void abandon(command *c) {
    c->stream = 0;
    send_signal(c, c->builtin ? SIGTERM : SIGKILL);
    watch_set(&c->in, 0);
    watch_close(&c->out.watch);
    watch_close(&c->err.watch);
    finish_if_over(c);
}

void command_abandon(void) {
    exec_size = 0;
    for (command *c = commands, *next; c; c = next) {
        next = c->next;
        if (c->label) set_reading(c);
        else if (c->stream) abandon(c);
    }
}

static void send_kept(command *c) {
    static uint8_t payload[WRN_KEPT_HEAD + WRN_LABEL_MAX];
    int64_t left = c->deadline ? c->deadline - now_ms() : 0;
    size_t size = strlen(c->label);
    wrn_put_u32(payload, c->pid);
    wrn_put_u32(payload + 4, c->terminal ? WRN_KEPT_TERMINAL : 0);
    wrn_put_u32(payload + 8, !c->deadline ? 0 : left > 1 ? (uint32_t)left : 1);
    wrn_put_u32(payload + 12, (uint32_t)(c->input_end - c->input_begin));
    memcpy(payload + WRN_KEPT_HEAD, c->label, size);
    c->credit = WRN_FRAME_CREDIT;
    channel_send(c->stream, WRN_FRAME_KEPT, payload, WRN_KEPT_HEAD + size);
}

void command_send_kept(void) {
    uint8_t payload[8];
    uint32_t count = 0;
    for (command *c = commands; c; c = c->next) count += c->label != NULL;
    wrn_put_u32(payload, WRN_AGENT_VERSION);
    wrn_put_u32(payload + 4, count);
    channel_send(0, WRN_FRAME_BACK, payload, sizeof(payload));
    for (command *c = commands; c; c = c->next)
        if (c->label) send_kept(c);
}

/* ---- start ---- */

typedef struct pipes {
    int in[2], out[2], err[2], report[2];
} pipes;

static void close_pair(int pair[2]) {
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0) close(pair[i]);
}

static bool open_stdio(pipes *p, uint32_t flags) {
    if (flags & WRN_EXEC_STDIN ? pipe2(p->in, O_CLOEXEC) != 0
                               : (p->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    return pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->err, O_CLOEXEC) == 0;
}

/* The command's ends are the terminal; ours, for input and for output, its master. */
static bool open_terminal(pipes *p, const wrn_exec_head *head) {
    struct winsize size = {.ws_col = (unsigned short)head->cols, .ws_row = (unsigned short)head->rows};
    char name[32];
    int number, unlocked = 0;
    p->out[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->out[0] < 0 || ioctl(p->out[0], TIOCSPTLCK, &unlocked) != 0 || ioctl(p->out[0], TIOCGPTN, &number) != 0 ||
        ioctl(p->out[0], TIOCSWINSZ, &size) != 0)
        return false;
    snprintf(name, sizeof(name), "/dev/pts/%d", number);
    p->in[1] = fcntl(p->out[0], F_DUPFD_CLOEXEC, 0);
    p->in[0] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    return p->in[1] >= 0 && p->in[0] >= 0;
}

static bool open_pipes(pipes *p, const wrn_exec_head *head) {
    *p = (pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    bool ok = head->flags & WRN_EXEC_PTY ? open_terminal(p, head) : open_stdio(p, head->flags);
    if (ok && pipe2(p->report, O_CLOEXEC) == 0) return true;
    int saved = errno;
    close_pair(p->in), close_pair(p->out), close_pair(p->err), close_pair(p->report);
    errno = saved;
    return false;
}

static void watch_open(watch *w, int fd, command *owner, void (*ready)(watch *, uint32_t)) {
    if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
    *w = (watch){.fd = fd, .ready = ready, .owner = owner};
}

static bool same_name(const char *a, const char *b) {
    size_t size = strcspn(a, "=");
    return strncmp(a, b, size + 1) == 0;
}

/* The agent's own environment, with `extra` over it. */
static char **merge_env(char **extra, size_t count) {
    size_t own = 0, n = 0;
    while (environ[own]) own++;
    char **merged = calloc(own + count + 1, sizeof(char *));
    for (size_t i = 0; merged && i < own + count; i++) {
        char *one = i < own ? environ[i] : extra[i - own];
        size_t at = 0;
        while (at < n && !same_name(merged[at], one)) at++;
        merged[at] = one;
        if (at == n) n++;
    }
    return merged;
}

typedef struct request {
    wrn_exec_head head;
    char *cwd, *label, **argv, **envs;
} request;

/* Points into the payload, which ends with NUL; NULLs after argv. False when the strings don't add up. */
static bool read_request(uint8_t *data, size_t size, request *r) {
    if (size < WRN_EXEC_HEAD + 2 || data[size - 1]) return false;
    r->head = (wrn_exec_head){wrn_get_u32(data),      wrn_get_u32(data + 4),  wrn_get_u32(data + 8),
                              wrn_get_u32(data + 12), wrn_get_u32(data + 16), wrn_get_u32(data + 20)};
    if (!r->head.argc || r->head.argc > size || r->head.envc > size) return false;
    char **all = calloc(r->head.argc + (size_t)r->head.envc + 1, sizeof(char *));
    if (!all) return false;
    char *at = (char *)data + WRN_EXEC_HEAD, *end = (char *)data + size;
    r->cwd = at;
    at += strlen(at) + 1;
    r->label = at;
    r->argv = all;
    r->envs = all + r->head.argc + 1;
    bool ok = at < end && strlen(at) < WRN_LABEL_MAX;
    if (ok) at += strlen(at) + 1;
    for (size_t i = 0; ok && i < r->head.argc + (size_t)r->head.envc; i++) {
        ok = at < end;
        if (!ok) break;
        if (i < r->head.argc) r->argv[i] = at;
        else r->envs[i - r->head.argc] = at;
        at += strlen(at) + 1;
    }
    if (!ok) free(all);
    return ok;
}

static void run(uint32_t stream, const request *r) {
    pipes p;
    command *c = calloc(1, sizeof(*c));
    char **env = merge_env(r->envs, r->head.envc), *label = *r->label ? strdup(r->label) : NULL;
    if (!c || !env || (*r->label && !label) || !open_pipes(&p, &r->head)) {
        send_exit(stream, WRN_EXIT_FAILED, (uint32_t)errno);
        free(c);
        free(label);
        free(env);
        return;
    }
    const char *home = getenv("HOME");
    bool terminal = r->head.flags & WRN_EXEC_PTY;
    start s = {.argv = r->argv,
               .envp = env,
               .cwd = *r->cwd ? r->cwd
                      : home  ? home
                              : "/",
               .in = p.in[0],
               .out = terminal ? p.in[0] : p.out[1],
               .err = terminal ? p.in[0] : p.err[1],
               .report = p.report[1],
               .terminal = terminal,
               .builtin = r->head.flags & WRN_EXEC_BUILTIN};
    given_renew();
    pid_t keeper = keeper_start(&s);
    int error = errno;
    int theirs[] = {p.in[0], p.out[1], p.err[1], p.report[1]};
    for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++)
        if (theirs[i] >= 0) close(theirs[i]);
    free(env);
    *c = (command){.next = commands,
                   .stream = stream,
                   .keeper = keeper,
                   .label = label,
                   .credit = WRN_FRAME_CREDIT,
                   .terminal = terminal,
                   .builtin = s.builtin};
    watch_open(&c->report, p.report[0], c, on_report);
    watch_open(&c->in, p.in[1], c, on_input_room);
    watch_open(&c->out.watch, p.out[0], c, on_output);
    watch_open(&c->err.watch, p.err[0], c, on_output);
    c->out.type = WRN_FRAME_STDOUT;
    c->err.type = WRN_FRAME_STDERR;
    c->out.left = c->err.left = -1;
    if (r->head.timeout_ms) c->deadline = now_ms() + r->head.timeout_ms;
    commands = c;
    if (keeper < 0) {
        c->keeper = 0;
        ended(c, WRN_EXIT_FAILED, (uint32_t)error);
        return;
    }
    add_keeper(keeper);
    watch_set(&c->report, EPOLLIN);
}

void command_exec(uint32_t stream, uint8_t flags, const uint8_t *data, uint32_t size) {
    if (exec_size && exec_stream != stream) die("wrenn-agent: commands mixed up");
    if (exec_size + size > WRN_FRAME_EXEC_MAX) die("wrenn-agent: command too long");
    exec_payload = realloc(exec_payload, exec_size + size + 1);
    if (!exec_payload) die("wrenn-agent: out of memory");
    memcpy(exec_payload + exec_size, data, size);
    exec_size += size;
    exec_stream = stream;
    if (flags & WRN_FRAME_MORE) return;
    request r;
    if (read_request(exec_payload, exec_size, &r)) {
        run(stream, &r);
        free(r.argv);
    } else {
        send_exit(stream, WRN_EXIT_FAILED, EINVAL);
    }
    exec_size = 0;
}
