#include "agent/command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "agent/channel.h"
#include "agent/descendants.h"
#include "agent/keeper.h"
#include "agent/logs.h"
#include "agent/loop.h"
#include "agent/oom.h"
#include "agent/proc_files.h"
#include "agent/user.h"
#include "base/clock.h"
#include "wire/term.h"

/* When the command itself has ended, descendants may still hold its output. The agent reads on for DRAIN_MS, and for FLOW_MS
 * after each piece that comes, up to FLOW_MAX_MS and FLOW_MAX_BYTES in all; then it sends what is left in the pipe. */
enum { DRAIN_MS = 200, FLOW_MS = 500, FLOW_MAX_MS = 2500, FLOW_MAX_BYTES = 8 << 20, CHUNK = 65536 };
/* A timer that fires this late means that the agent itself was stopped, as in a pause. */
enum { STOOD_STILL_MS = 100 };
enum { SCREEN_MAX = 65536 }; /* kept output of a detached terminal */

typedef struct output {
    watch watch;
    uint8_t type;
    int64_t left;      /* after the drain time: bytes still to send; -1 before that */
    wrn_buf held;      /* of a detached terminal: what the next wrennd gets of its screen */
    wrn_replay screen; /* the same: its last output */
} output;

typedef struct command {
    struct command *next;
    uint32_t stream; /* 0: the wrennd that started it is gone, and nothing is reported */
    pid_t keeper;
    uint32_t pid;
    char *label; /* NULL: not detached, so it ends with its wrennd */
    logged *log; /* of a detached command that is no terminal */
    watch report, in;
    output out, err;
    int64_t credit;
    int64_t drain;     /* when to stop reading output; 0: the command has not ended */
    int64_t drain_end; /* the latest value that `drain` may take */
    int64_t drained;   /* bytes of output since the command ended */
    bool started, terminal, builtin, cut, starved;
    uint64_t oom_kills; /* before it started */
    uint64_t early;     /* signals that came before the command was started: bit 0 is signal 1 */
    uint8_t *input;     /* pending stdin: bytes [input_begin, input_end) */
    size_t input_begin, input_end, input_capacity;
    bool input_eof;
    uint32_t exit_kind, exit_value;
} command;

static command *commands;
static uint8_t *exec_payload; /* pieces of an EXEC, until the last one */
static size_t exec_size;
static uint32_t exec_stream;

extern char **environ;

static command *command_find(uint32_t stream) {
    command *c = commands;
    while (c && c->stream != stream) c = c->next;
    return c;
}

static void command_send_exit(uint32_t stream, uint32_t kind, uint32_t value) {
    uint8_t payload[12] = {0};
    wrn_put_u32(payload, kind);
    wrn_put_u32(payload + 4, value);
    channel_send(stream, WRN_FRAME_EXIT, payload, sizeof(payload));
}

static void command_finish(command *c) {
    uint8_t payload[12];
    wrn_put_u32(payload, c->exit_kind);
    wrn_put_u32(payload + 4, c->exit_value);
    wrn_put_u32(payload + 8, (c->cut ? WRN_EXIT_CUT : 0u) | (c->starved ? WRN_EXIT_OOM : 0u));
    logs_end(c->log, payload);
    if (c->stream) channel_send(c->stream, WRN_FRAME_EXIT, payload, sizeof(payload));
    watch_close(&c->report);
    watch_close(&c->in);
    wrn_buf_free(&c->out.held);
    wrn_replay_free(&c->out.screen);
    WRN_UNLINK(commands, c, next);
    free(c->input);
    free(c->label);
    free(c);
}

/* A detached command stays until a wrennd is attached, to which its end is reported. */
static void command_finish_if_over(command *c) {
    if (!c->drain || c->out.watch.fd >= 0 || c->err.watch.fd >= 0) return;
    if (!c->label || (channel_is_open() && !c->out.held.size)) command_finish(c);
}

/* ---- output ---- */

static void output_send(command *c, const output *o, const void *data, size_t size) {
    channel_send(c->stream, o->type, data, size);
    c->credit -= (int64_t)size;
}

/* What a detached command puts out outlives wrennd. */
static void output_keep(command *c, output *o, const void *data, size_t size) {
    if (c->log) logs_put(c->log, o == &c->err, data, size);
    if (o->screen.keep) wrn_replay_put(&o->screen, data, size);
    if (o->screen.bytes.failed) die("wrenn-agent: out of memory");
}

static void output_send_pieces(command *c, const output *o, const wrn_buf *data) {
    for (size_t at = 0, piece; at < data->size; at += piece) {
        piece = data->size - at < WRN_FRAME_PAYLOAD_MAX ? data->size - at : WRN_FRAME_PAYLOAD_MAX;
        output_send(c, o, data->data + at, piece);
    }
}

/* Sends the buffered output; false when the channel has no room for it yet. */
static bool output_send_held(command *c, output *o) {
    wrn_buf held = o->held;
    if (!held.size) return true;
    if (!channel_is_open() || !channel_has_room()) return false;
    o->held = WRN_BUF_INIT; /* sending may call this function again */
    output_send_pieces(c, o, &held);
    wrn_buf_free(&held);
    return true;
}

/* Reads output only after STARTED was sent: wrennd takes output of a command that has not started for a forgery. */
static void command_set_reading(command *c) {
    bool wanted = !channel_is_open() || (output_send_held(c, &c->out) && c->credit > 0 && channel_has_room());
    uint32_t events = c->started && wanted ? EPOLLIN : 0;
    watch_set(&c->out.watch, events);
    watch_set(&c->err.watch, events);
}

/* Sends no more of this output. */
static void output_stop(command *c, output *o) {
    struct pollfd end = {.fd = o->watch.fd, .events = POLLIN};
    if (o->watch.fd < 0) return;
    /* An empty pipe without a writer is complete. */
    bool over = poll(&end, 1, 0) == 1 && end.revents & (POLLHUP | POLLERR) && !(end.revents & POLLIN);
    c->cut = c->cut || !over;
    watch_drain(&o->watch);
}

static void output_take(command *c, output *o, const uint8_t *data, size_t size) {
    output_keep(c, o, data, size);
    if (channel_is_open()) output_send(c, o, data, size);
    if (!c->drain) return;
    c->drained += (int64_t)size;
    int64_t later = wrn_now_ms() + FLOW_MS;
    c->drain = c->drained > FLOW_MAX_BYTES ? wrn_now_ms() : later < c->drain_end ? later : c->drain_end;
    if (o->left < 0) return;
    o->left -= (int64_t)size;
    if (!o->left) output_stop(c, o);
}

static void command_on_output(watch *w, uint32_t events) {
    static uint8_t chunk[CHUNK];
    command *c = w->owner;
    output *o = w == &c->out.watch ? &c->out : &c->err;
    size_t room = channel_is_open() && c->credit < CHUNK ? (size_t)c->credit : CHUNK;
    if (o->left >= 0 && (int64_t)room > o->left) room = (size_t)o->left;
    ssize_t got = room ? read(w->fd, chunk, room) : 0;
    bool empty = got < 0 && (errno == EAGAIN || errno == EINTR);
    if (got > 0) output_take(c, o, chunk, (size_t)got);
    else if (!empty) watch_close(&o->watch);
    else if (o->left >= 0) output_stop(c, o);
    command_set_reading(c);
    command_finish_if_over(c);
}

void command_window(uint32_t stream, uint32_t more) {
    command *c = command_find(stream);
    if (!c || more > WRN_FRAME_CREDIT) return;
    c->credit += more;
    command_set_reading(c);
}

void command_resume_output(void) {
    for (command *c = commands; c; c = c->next) command_set_reading(c);
}

/* ---- input ---- */

/* Acknowledges stdin that nobody will read: its sender waits for credit. */
static void input_drop(command *c) {
    if (c->input_end > c->input_begin)
        channel_send_u32(c->stream, WRN_FRAME_TAKEN, (uint32_t)(c->input_end - c->input_begin));
    c->input_begin = c->input_end = 0;
    watch_close(&c->in);
}

static void input_flush(command *c) {
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
    if (broken || (c->input_eof && !c->input_end)) input_drop(c);
    watch_set(&c->in, c->input_end ? EPOLLOUT : 0);
}

static void command_on_stdin_writable(watch *w, uint32_t events) { input_flush(w->owner); }

/* wrennd sends no more than its credit, which bounds the pending stdin. */
void command_stdin(uint32_t stream, const uint8_t *data, uint32_t size) {
    command *c = command_find(stream);
    if (!c || !size || c->input_eof) return;
    if (c->in.fd < 0) return channel_send_u32(stream, WRN_FRAME_TAKEN, size);
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
    input_flush(c);
}

void command_stdin_eof(uint32_t stream) {
    command *c = command_find(stream);
    if (!c || c->in.fd < 0) return;
    c->input_eof = true;
    input_flush(c);
}

static pid_t asked_terminal(const command *c, unsigned long what) {
    pid_t found = 0;
    return ioctl(c->in.fd, what, &found) == 0 ? found : 0;
}

void command_resize(uint32_t stream, uint32_t cols, uint32_t rows) {
    command *c = command_find(stream);
    struct winsize size = {.ws_col = (unsigned short)cols, .ws_row = (unsigned short)rows};
    if (!c || !c->terminal || c->in.fd < 0) return;
    pid_t before = asked_terminal(c, TIOCGPGRP), shell = asked_terminal(c, TIOCGSID), told = before;
    if (cols && rows) {
        ioctl(c->in.fd, TIOCSWINSZ, &size);
        /* The kernel signals the foreground process group only. The shell must know the size too: the program in the foreground
         * may be about to end. */
        told = before != shell || asked_terminal(c, TIOCGPGRP) != shell ? shell : 0;
    } /* else the size does not change, and the kernel sends no SIGWINCH */
    if (told > 1) kill(-told, SIGWINCH);
}

void command_label(uint32_t stream, const uint8_t *data, uint32_t size) {
    command *c = command_find(stream);
    char *label = c && c->label && size && size < WRN_LABEL_MAX ? strndup((const char *)data, size) : NULL;
    if (!label) return;
    free(c->label);
    c->label = label;
}

/* ---- end ---- */

static void command_ended(command *c, uint32_t kind, uint32_t value) {
    if (c->drain) return;
    c->exit_kind = kind;
    c->exit_value = value;
    c->starved = wrn_exit_is_death(kind, value) && oom_kills() > c->oom_kills;
    c->drain = wrn_now_ms() + DRAIN_MS;
    c->drain_end = wrn_now_ms() + FLOW_MAX_MS;
    if (!c->started) {
        watch_close(&c->out.watch);
        watch_close(&c->err.watch);
    }
    command_finish_if_over(c);
}

static void command_on_report(watch *w, uint32_t events) {
    command *c = w->owner;
    keeper_report line;
    ssize_t got = read(w->fd, &line, sizeof(line));
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got != (ssize_t)sizeof(line)) { /* the keeper was killed; command_reaped() kills the rest */
        watch_close(w);
        return command_ended(c, WRN_EXIT_SIGNAL, SIGKILL);
    }
    switch (line.kind) {
    case REPORT_STARTED:
        c->started = true;
        c->pid = (uint32_t)line.value;
        if (c->log) logs_started(c->log, c->pid);
        if (c->stream) channel_send_u32(c->stream, WRN_FRAME_STARTED, c->pid);
        command_set_reading(c);
        for (int signo = 1; signo < 65; signo++)
            if (c->early & 1ull << (signo - 1)) descendants_signal(c->keeper, signo);
        break;
    case REPORT_ENDED:
        if (WIFEXITED(line.value)) command_ended(c, WRN_EXIT_CODE, (uint32_t)WEXITSTATUS(line.value));
        else command_ended(c, WRN_EXIT_SIGNAL, (uint32_t)WTERMSIG(line.value));
        break;
    case REPORT_NO_PROGRAM: command_ended(c, WRN_EXIT_PROGRAM, (uint32_t)line.value); break;
    case REPORT_NO_CWD: command_ended(c, WRN_EXIT_CWD, (uint32_t)line.value); break;
    default: command_ended(c, WRN_EXIT_FAILED, (uint32_t)line.value); break;
    }
}

static pid_t *keepers; /* all live ones, also those of commands that ended and left daemons */
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

/* A keeper that ends by itself leaves no descendants. The descendants of one that was killed are now the agent's children. */
void command_reaped(pid_t pid, int status) {
    for (command *c = commands; c; c = c->next) {
        if (c->keeper != pid) continue;
        c->keeper = 0;
        break;
    }
    for (size_t i = 0; i < keeper_count; i++) {
        if (keepers[i] != pid) continue;
        keepers[i] = keepers[--keeper_count];
        if (WIFSIGNALED(status)) descendants_kill_strays(is_keeper);
        return;
    }
}

static void command_send_signal(command *c, int signo) {
    if (!c->keeper) return;
    /* Kill the group at once: finding thousands of processes takes long while they use all processors. */
    if (signo == SIGKILL && c->started && !c->drain) kill(-(pid_t)c->pid, SIGKILL);
    if (c->started) descendants_signal(c->keeper, signo);
    else c->early |= 1ull << (signo - 1);
    kill(c->keeper, SIGCONT); /* a process of the sandbox may have stopped it */
}

int64_t command_next_timer(void) {
    int64_t first = INT64_MAX;
    for (command *c = commands; c; c = c->next) {
        if (c->drain && c->out.left < 0 && c->drain < first) first = c->drain;
    }
    if (first == INT64_MAX) return -1;
    int64_t left = first - wrn_now_ms();
    return left < 0 ? 0 : left;
}

/* The drain time is over: what is in the pipe now is sent, and nothing after it. */
static void output_stop_after_buffered(command *c, output *o) {
    int there = 0;
    o->left = 0;
    if (o->watch.fd < 0) return;
    if (ioctl(o->watch.fd, FIONREAD, &there) == 0) o->left = there;
    if (!o->left) output_stop(c, o);
}

/* A command that has ended is no longer waited for; its descendants go on, as after any command. */
static void command_give_up(command *c) {
    if (!c->drain) return command_send_signal(c, SIGKILL);
    output_stop(c, &c->out);
    output_stop(c, &c->err);
    command_finish_if_over(c);
}

void command_signal(uint32_t stream, uint32_t signo) {
    command *c = command_find(stream);
    if (c && signo == WRN_SIGNAL_GIVE_UP) command_give_up(c);
    else if (c && signo >= 1 && signo < 65) command_send_signal(c, (int)signo);
}

/* Time in which the sandbox was stopped, or wrennd took no output, does not count as drain time. */
static bool command_has_stood_still(const command *c, int64_t now) {
    return now - c->drain > STOOD_STILL_MS || (channel_is_open() && (c->credit <= 0 || !channel_has_room()));
}

void command_run_timers(void) {
    int64_t now = commands ? wrn_now_ms() : 0;
    for (command *c = commands, *next; c; c = next) {
        next = c->next;
        if (!c->drain) continue;
        if (c->out.left >= 0 || c->drain > now) {
            command_finish_if_over(c);
            continue;
        }
        if (command_has_stood_still(c, now)) {
            c->drain_end += now + FLOW_MS - c->drain;
            c->drain = now + FLOW_MS;
            continue;
        }
        output_stop_after_buffered(c, &c->out);
        output_stop_after_buffered(c, &c->err);
        command_finish_if_over(c);
    }
}

/* ---- from one wrennd to the next ---- */

/* Descendants of a command that has ended go on. A builtin gets SIGTERM, so that it removes its half-written file; its stdin
 * stays open, because the end of stdin would mean that the file is complete. */
static void command_abandon(command *c, bool kills) {
    c->stream = 0;
    if (!c->drain && (kills || c->builtin)) command_send_signal(c, c->builtin ? SIGTERM : SIGKILL);
    watch_set(&c->in, 0);
    watch_drain(&c->out.watch);
    watch_drain(&c->err.watch);
    command_finish_if_over(c);
}

void command_server_lost(void) {
    exec_size = 0;
    for (command *c = commands, *next; c; c = next) {
        next = c->next;
        if (c->label) command_set_reading(c);
        else if (c->stream) command_abandon(c, true);
    }
}

void command_orphan(void) {
    exec_size = 0;
    for (command *c = commands, *next; c; c = next) {
        next = c->next;
        if (!c->label && c->stream) command_abandon(c, false);
    }
}

static void command_send_detached(command *c) {
    static uint8_t payload[WRN_DETACHED_HEAD + WRN_LABEL_MAX];
    size_t size = strlen(c->label);
    wrn_put_u32(payload, c->pid);
    wrn_put_u32(payload + 4, c->terminal ? WRN_DETACHED_TERMINAL : 0);
    wrn_put_u32(payload + 8, (uint32_t)(c->input_end - c->input_begin));
    memcpy(payload + WRN_DETACHED_HEAD, c->label, size);
    c->credit = WRN_FRAME_CREDIT;
    if (c->terminal) {
        wrn_buf_clear(&c->out.held); /* the last wrennd may have got a part of it */
        wrn_replay_write(&c->out.screen, &c->out.held);
        if (c->out.held.failed) die("wrenn-agent: out of memory");
    }
    channel_send(c->stream, WRN_FRAME_DETACHED, payload, WRN_DETACHED_HEAD + size);
}

void command_reattach(uint32_t number) {
    uint8_t payload[12];
    uint32_t count = 0;
    for (command *c = commands; c; c = c->next) count += c->label != NULL;
    wrn_put_u32(payload, WRN_AGENT_VERSION);
    wrn_put_u32(payload + 4, number);
    wrn_put_u32(payload + 8, count + logs_count());
    channel_send(0, WRN_FRAME_HELLO_AGAIN, payload, sizeof(payload));
    logs_report();
    for (command *c = commands; c; c = c->next)
        if (c->label) command_send_detached(c);
}

/* ---- start ---- */

typedef struct pipes {
    int in[2], out[2], err[2], report[2];
} pipes;

static void pipes_close_pair(int pair[2]) {
    for (int i = 0; i < 2; i++)
        if (pair[i] >= 0) close(pair[i]);
}

static bool pipes_open_stdio(pipes *p, bool want_stdin) {
    if (want_stdin ? pipe2(p->in, O_CLOEXEC) != 0 : (p->in[0] = open("/dev/null", O_RDONLY | O_CLOEXEC)) < 0)
        return false;
    return pipe2(p->out, O_CLOEXEC) == 0 && pipe2(p->err, O_CLOEXEC) == 0;
}

/* Typed input is UTF-8, so a backspace erases a whole character. */
static void expect_utf8(int terminal) {
    struct termios settings;
    if (tcgetattr(terminal, &settings) != 0) return;
    settings.c_iflag |= IUTF8;
    tcsetattr(terminal, TCSANOW, &settings);
}

/* The command gets the terminal, the agent its master, as two descriptors. */
static bool pipes_open_terminal(pipes *p, const wrn_proc_spec *spec) {
    struct winsize size = {.ws_col = spec->cols, .ws_row = spec->rows};
    char name[32];
    int number, unlocked = 0;
    p->out[0] = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (p->out[0] < 0 || ioctl(p->out[0], TIOCSPTLCK, &unlocked) != 0 || ioctl(p->out[0], TIOCGPTN, &number) != 0 ||
        ioctl(p->out[0], TIOCSWINSZ, &size) != 0)
        return false;
    snprintf(name, sizeof(name), "/dev/pts/%d", number);
    p->in[1] = fcntl(p->out[0], F_DUPFD_CLOEXEC, 0);
    p->in[0] = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC);
    expect_utf8(p->out[0]);
    return p->in[1] >= 0 && p->in[0] >= 0;
}

static bool pipes_open(pipes *p, const wrn_proc_spec *spec) {
    *p = (pipes){{-1, -1}, {-1, -1}, {-1, -1}, {-1, -1}};
    bool ok = keeper_has_terminal(spec) ? pipes_open_terminal(p, spec) : pipes_open_stdio(p, spec->want_stdin);
    if (ok && pipe2(p->report, O_CLOEXEC) == 0) return true;
    int saved = errno;
    pipes_close_pair(p->in), pipes_close_pair(p->out), pipes_close_pair(p->err), pipes_close_pair(p->report);
    errno = saved;
    return false;
}

static void watch_open(watch *w, int fd, command *owner, void (*ready)(watch *, uint32_t)) {
    if (fd >= 0) fcntl(fd, F_SETFL, O_NONBLOCK);
    *w = (watch){.fd = fd, .ready = ready, .owner = owner};
}

static bool env_same_name(const char *a, const char *b) {
    size_t size = strcspn(a, "=");
    return strncmp(a, b, size + 1) == 0;
}

static size_t list_length(const char *const *list) {
    size_t count = 0;
    while (list[count]) count++;
    return count;
}

static void env_put(const char **merged, const char *const *from) {
    for (; *from; from++) {
        size_t at = 0;
        while (merged[at] && !env_same_name(merged[at], *from)) at++;
        merged[at] = *from;
    }
}

/* The agent's environment; variables of the user replace those of the agent, and `extra` replaces both. */
static char **env_merge(const char *const *of_user, const char *const *extra) {
    const char *const *const lists[] = {(const char *const *)environ, of_user, extra};
    size_t count = 1;
    for (size_t i = 0; i < WRN_COUNT(lists); i++) count += list_length(lists[i]);
    const char **merged = calloc(count, sizeof(*merged));
    for (size_t i = 0; merged && i < WRN_COUNT(lists); i++) env_put(merged, lists[i]);
    return (char **)merged;
}

/* The variables that a login sets. */
static const char *const *env_of_user(const account *u) {
    static char home[sizeof(u->home) + 8], name[USER_NAME_MAX + 8], login[USER_NAME_MAX + 8];
    static const char *const all[] = {home, name, login, NULL}, *const none[] = {NULL};
    snprintf(home, sizeof(home), "HOME=%s", u->home);
    snprintf(name, sizeof(name), "USER=%s", u->name);
    snprintf(login, sizeof(login), "LOGNAME=%s", u->name);
    return *u->name ? all : none;
}

/* Finds the account to run as: *run_as stays NULL for the agent's own. Builtins run as root in the home directory of the
 * template's user, and so does everything in a sandbox that has root alone. 0, or an errno. */
static int choose_user(const wrn_proc_spec *spec, account *u, const account **run_as) {
    const char *name = wrn_exec_user(spec);
    *u = (account){0};
    *run_as = NULL;
    if (!*name) return 0;
    int error = user_find(name, u);
    if (error) return error;
    bool can = user_can_be(u);
    if (!can && spec->user) return EPERM;
    if (can && (spec->user || !spec->builtin)) *run_as = u;
    return 0;
}

static void command_start(uint32_t stream, char **argv, const wrn_proc_spec *spec) {
    static account who;
    const account *run_as;
    pipes p;
    int unknown = choose_user(spec, &who, &run_as);
    if (unknown) return command_send_exit(stream, WRN_EXIT_USER, (uint32_t)unknown);
    command *c = calloc(1, sizeof(*c));
    char **env = env_merge(env_of_user(&who), spec->envs), *label = spec->label ? strdup(spec->label) : NULL;
    if (!c || !env || (spec->label && !label) || !pipes_open(&p, spec)) {
        command_send_exit(stream, WRN_EXIT_FAILED, (uint32_t)errno);
        free(c);
        free(label);
        free(env);
        return;
    }
    bool terminal = keeper_has_terminal(spec);
    start s = {.argv = argv,
               .envp = env,
               .spec = spec,
               .user = run_as,
               .in = p.in[0],
               .out = terminal ? p.in[0] : p.out[1],
               .err = terminal ? p.in[0] : p.err[1],
               .report = p.report[1]};
    proc_files_update();
    uint64_t kills = oom_kills();
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
                   .builtin = spec->builtin,
                   .oom_kills = kills};
    watch_open(&c->report, p.report[0], c, command_on_report);
    watch_open(&c->in, p.in[1], c, command_on_stdin_writable);
    watch_open(&c->out.watch, p.out[0], c, command_on_output);
    watch_open(&c->err.watch, p.err[0], c, command_on_output);
    c->out.type = WRN_FRAME_STDOUT;
    c->err.type = WRN_FRAME_STDERR;
    c->out.left = c->err.left = -1;
    if (terminal && c->label) c->out.screen.keep = SCREEN_MAX;
    else if (c->label) c->log = logs_add(stream, label);
    commands = c;
    if (keeper < 0) {
        c->keeper = 0;
        return command_ended(c, WRN_EXIT_FAILED, (uint32_t)error);
    }
    add_keeper(keeper);
    watch_set(&c->report, EPOLLIN);
}

void command_exec(uint32_t stream, uint8_t flags, const uint8_t *data, uint32_t size) {
    if (exec_size && exec_stream != stream) die("wrenn-agent: an EXEC began before the last one was complete");
    if (exec_size + size > WRN_FRAME_EXEC_MAX) die("wrenn-agent: an EXEC is too long");
    exec_payload = realloc(exec_payload, exec_size + size + 1);
    if (!exec_payload) die("wrenn-agent: out of memory");
    memcpy(exec_payload + exec_size, data, size);
    exec_size += size;
    exec_stream = stream;
    if (flags & WRN_FRAME_MORE) return;
    wrn_proc_spec spec;
    char **argv = wrn_exec_read(exec_payload, exec_size, &spec);
    if (argv) command_start(stream, argv, &spec);
    else command_send_exit(stream, WRN_EXIT_FAILED, EINVAL);
    free(argv);
    exec_size = 0;
}
