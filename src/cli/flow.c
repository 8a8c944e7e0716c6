/* What runs in a sandbox, live: its output goes to ours in the order in which it comes, our input to it, and signals, sizes
 * and the end of its time are seen to meanwhile. Neither a reader that takes his time nor a program that does not read
 * keeps us from the rest. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

enum { IN_SIZE = 65536, END_WITHIN_MS = 5000 };

typedef struct flow {
    cli_app *cli;
    wrenn_stream *stream;
    const cli_flow *how;
    cli_outcome *outcome;
    bool over; /* nothing is to be done any more */
    /* Output that our reader has not taken yet. */
    wrn_buf held;
    size_t out_at;
    int out_fd;
    bool out_is_file[3]; /* can be written to without waiting */
    bool first;          /* output has come */
    /* Input that the stream has not taken yet. */
    char in[IN_SIZE];
    size_t in_at, in_size;
    bool in_open, close_wanted;
    int64_t ends_at; /* when its time is up, or after it was asked to end */
    bool asked_to_end;
    bool line_start, escaped; /* of what is typed */
} flow;

/* ---- the end of the program ---- */

static void end_with(flow *f, cli_end end) {
    f->outcome->end = end;
    f->over = true;
}

static void lost(flow *f, wrenn_error *error) {
    if (f->asked_to_end) {
        wrenn_error_free(error);
        f->over = true;
        return;
    }
    f->outcome->error = error;
    end_with(f, CLI_END_LOST);
}

/* Asks the program to end and waits a while for its exit. A second reason to stop ends the wait. */
static void ask_to_end(flow *f, cli_end why) {
    if (f->asked_to_end) {
        f->over = true;
        return;
    }
    f->asked_to_end = true;
    f->outcome->end = why;
    f->in_open = false;
    f->in_size = f->in_at = 0;
    f->out_at = f->held.size = 0;
    f->ends_at = wrn_in_ms(END_WITHIN_MS);
    if (wrenn_stream_kill(f->stream, NULL) < 0) f->over = true;
}

/* ---- output ---- */

static wrn_buf *kept_in(const flow *f, int fd) { return fd == STDERR_FILENO ? f->how->err : f->how->out; }

static size_t out_left(const flow *f) { return f->held.size - f->out_at; }

/* Writes as much as does not block after poll(): a pipe that is ready takes PIPE_BUF bytes. */
static void flow_put_out(flow *f) {
    size_t some = f->out_is_file[f->out_fd] || out_left(f) < PIPE_BUF ? out_left(f) : PIPE_BUF;
    ssize_t wrote = write(f->out_fd, f->held.data + f->out_at, some);
    if (wrote >= 0) {
        f->out_at += (size_t)wrote;
        if (f->out_at == f->held.size) f->out_at = f->held.size = 0;
    } else if (errno == EPIPE) {
        ask_to_end(f, CLI_END_NO_READER);
    } else if (errno != EINTR && errno != EAGAIN) {
        cli_complain("can't write the output: %s", strerror(errno));
        ask_to_end(f, CLI_END_NO_OUTPUT);
    }
}

static void take_output(flow *f, const wrenn_event *event, int fd) {
    wrn_buf *kept = kept_in(f, fd);
    if (!f->first) cli_phase(f->cli, "output"), f->first = true;
    if (f->asked_to_end && f->outcome->end != CLI_END_TIME_UP) return;
    if (kept) {
        wrn_buf_put(kept, event->data, event->size);
        return;
    }
    wrn_buf_put(&f->held, event->data, event->size);
    if (f->held.failed) {
        cli_complain("out of memory");
        ask_to_end(f, CLI_END_NO_OUTPUT);
    }
    f->out_fd = fd;
    if (f->out_is_file[fd])
        while (out_left(f) && !f->over) flow_put_out(f);
}

static void say_dropped(const wrenn_event *event) {
    cli_complain("%lld bytes of output are not kept any more; it goes on at offset %lld", (long long)event->dropped,
                 (long long)event->offset);
}

static void take_exit(flow *f, const wrenn_event *event) {
    cli_outcome *outcome = f->outcome;
    outcome->ended = true;
    outcome->exit_code = event->exit_code;
    outcome->signal_number = wrenn_stream_signal(f->stream);
    outcome->oom_killed = wrenn_stream_oom_killed(f->stream);
    outcome->output_cut = wrenn_stream_output_cut(f->stream);
    if (!f->asked_to_end) outcome->end = CLI_END_EXIT;
    f->over = true;
}

/* Takes events until there is output to be put out, or none are left. */
static void flow_pull(flow *f) {
    while (!f->over && !out_left(f)) {
        const wrenn_event *event = NULL;
        wrenn_error *error = NULL;
        int rc = wrenn_stream_next(f->stream, 0, &event, &error);
        if (rc == WRENN_E_AGAIN) return;
        if (rc < 0) return lost(f, error);
        if (rc == 0) return lost(f, NULL);
        f->outcome->offset = event->offset + (int64_t)event->size;
        if (event->type == WRENN_EVENT_STDOUT) take_output(f, event, STDOUT_FILENO);
        else if (event->type == WRENN_EVENT_STDERR) take_output(f, event, STDERR_FILENO);
        else if (event->type == WRENN_EVENT_EXIT) take_exit(f, event);
        else if (event->type == WRENN_EVENT_DROPPED) say_dropped(event);
    }
}

/* ---- input ---- */

/* After a newline, the escape key and '.' detach; the escape key twice sends it once. What is to be sent is moved to the
 * front. */
static bool look_for_escape(flow *f) {
    size_t kept = 0;
    for (size_t i = 1; i < f->in_size; i++) {
        char c = f->in[i];
        if (f->escaped) {
            f->escaped = false;
            if (c == '.') return true;
            if (c != f->how->escape) f->in[kept++] = (char)f->how->escape;
        } else if (f->line_start && c == f->how->escape) {
            f->escaped = true;
            continue;
        }
        f->line_start = c == '\r' || c == '\n';
        f->in[kept++] = c;
    }
    f->in_at = 0;
    f->in_size = kept;
    return false;
}

static void flow_push(flow *f) {
    if (f->in_at < f->in_size) {
        int64_t took = wrenn_stream_write(f->stream, f->in + f->in_at, f->in_size - f->in_at, 0, NULL);
        if (took > 0) f->in_at += (size_t)took;
        /* A program that stops reading its input has not failed: its exit code tells how it ended. */
        if (took < 0 && took != WRENN_E_AGAIN) f->in_at = f->in_size, f->in_open = false;
    }
    if (f->in_at == f->in_size) f->in_at = f->in_size = 0;
    if (f->close_wanted && !f->in_size && wrenn_stream_close_input(f->stream, NULL) != WRENN_E_AGAIN)
        f->close_wanted = false;
}

static void flow_take_input(flow *f) {
    /* Behind the first byte: an escape key that was held back may have to go before. */
    ssize_t got = read(STDIN_FILENO, f->in + 1, sizeof(f->in) - 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    f->in_at = got > 0 ? 1 : 0;
    f->in_size = got > 0 ? (size_t)got + 1 : 0;
    if (got <= 0) f->in_open = false, f->close_wanted = true;
    if (f->how->escape && f->in_size && look_for_escape(f)) return end_with(f, CLI_END_DETACHED);
    flow_push(f);
}

/* ---- the loop ---- */

static void flow_resize(flow *f) {
    int64_t cols, rows;
    f->cli->resized = false;
    if (!f->how->terminal) return;
    /* After SIGTSTP and SIGCONT the terminal is in the mode that the shell has set. */
    if (f->how->input && isatty(STDIN_FILENO)) cli_raw();
    if (cli_terminal_size(&cols, &rows)) (void)!wrenn_stream_resize(f->stream, cols, rows, NULL);
}

static void flow_time_is_up(flow *f) {
    if (f->asked_to_end) f->over = true;
    else ask_to_end(f, CLI_END_TIME_UP);
}

static void flow_turn(flow *f) {
    bool reads = f->in_open && !f->in_size && !f->asked_to_end, writes = out_left(f) > 0;
    int watched = writes ? f->out_fd : f->how->out ? -1 : STDOUT_FILENO; /* whose reader may leave */
    if (!writes && (f->asked_to_end || f->out_is_file[STDOUT_FILENO])) watched = -1;
    struct pollfd fds[] = {
        {.fd = f->cli->signals, .events = POLLIN},
        {.fd = wrenn_client_fd(f->cli->client), .events = POLLIN},
        {.fd = watched, .events = writes ? POLLOUT : 0},
        {.fd = reads ? STDIN_FILENO : -1, .events = POLLIN},
    };
    int64_t left = f->ends_at == WRN_NEVER ? -1 : wrn_left_ms(f->ends_at);
    if (left == 0) return flow_time_is_up(f);
    if (poll(fds, WRN_COUNT(fds), left > INT_MAX ? INT_MAX : (int)left) < 0) return;
    if (fds[0].revents && cli_take_signal(f->cli)) ask_to_end(f, CLI_END_SIGNAL);
    if (f->cli->resized) flow_resize(f);
    if (writes && fds[2].revents && out_left(f)) flow_put_out(f);
    /* A reader that the same Ctrl-C has ended is no second request. */
    else if (!writes && fds[2].revents & POLLERR && !f->asked_to_end) ask_to_end(f, CLI_END_NO_READER);
    if (fds[1].revents) wrenn_client_dispatch(f->cli->client, 0, NULL);
    if (f->in_size || f->close_wanted) flow_push(f);
    if (fds[3].revents && !f->over) flow_take_input(f);
}

static bool is_file(int fd) {
    struct stat info;
    return fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
}

cli_outcome cli_follow(cli_app *cli, wrenn_stream *stream, const cli_flow *how) {
    cli_outcome outcome = {.offset = -1};
    flow f = {.cli = cli, .stream = stream, .how = how, .outcome = &outcome, .line_start = true};
    f.in_open = how->input;
    f.ends_at = how->limit_seconds ? wrn_in_ms(how->limit_seconds * 1000) : WRN_NEVER;
    for (int fd = STDOUT_FILENO; fd <= STDERR_FILENO; fd++) f.out_is_file[fd] = is_file(fd);
    /* Our own output comes before the program's. */
    cli_flush();
    for (flow_pull(&f); !f.over; flow_pull(&f)) flow_turn(&f);
    wrn_buf_free(&f.held);
    cli_phase(cli, "run");
    return outcome;
}

/* ---- what came of it ---- */

static int exit_code_of(const cli_outcome *outcome) {
    if (outcome->exit_code >= 0) return (int)outcome->exit_code;
    int64_t number = outcome->signal_number;
    return number > 0 && number < 128 ? CLI_SIGNAL + (int)number : CLI_SIGNALED;
}

static void say_what_is_left(const char *sandbox_id, const cli_outcome *outcome) {
    if (!outcome->ended && sandbox_id) cli_complain("interrupted: the program may go on in %s", sandbox_id);
}

int cli_conclude(cli_app *cli, const char *sandbox_id, cli_outcome *outcome) {
    wrenn_error *error = WRN_TAKE(outcome->error);
    switch (outcome->end) {
    case CLI_END_EXIT:
        if (outcome->oom_killed)
            cli_complain("the sandbox ran out of memory, and the program was killed: make one with more --memory");
        return exit_code_of(outcome);
    case CLI_END_LOST:
        if (error) cli_report(NULL, error);
        else cli_complain("the connection ended without saying how the program did");
        return CLI_RUN_FAILED;
    case CLI_END_SIGNAL: say_what_is_left(sandbox_id, outcome); return CLI_SIGNAL + cli->signal;
    case CLI_END_TIME_UP: cli_complain("the time was up (--timeout), and the program was killed"); return CLI_TIME_UP;
    case CLI_END_NO_READER: return CLI_SIGNAL + SIGPIPE;
    case CLI_END_NO_OUTPUT: return CLI_RUN_FAILED;
    case CLI_END_DETACHED: return 0;
    }
    return CLI_RUN_FAILED;
}
