/* Tools of `wrenn mcp` that run something: commands, code, servers. */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "cli/mcp.h"

enum { IMAGES_MAX = 8 << 20, SERVER_WAIT_SECONDS = 30, KERNEL_WAIT_MS = 60000, NO_KERNEL_WAIT_MS = 2000 };

/* ---- commands ---- */

typedef struct ran {
    mcp_excerpt out, err;
    bool ended, timed_out, stopped;
    int64_t exit_code, signal_number;
    bool oom_killed;
    int rc; /* of a stream that was lost, with `error` */
    wrenn_error *error;
} ran;

static void ran_free(ran *r) {
    mcp_excerpt_free(&r->out);
    mcp_excerpt_free(&r->err);
    wrenn_error_free(r->error);
}

static void mcp_run_take_event(ran *r, const wrenn_stream *stream, const wrenn_event *event) {
    if (event->type == WRENN_EVENT_STDOUT) mcp_excerpt_add(&r->out, event->data, event->size);
    if (event->type == WRENN_EVENT_STDERR) mcp_excerpt_add(&r->err, event->data, event->size);
    if (event->type != WRENN_EVENT_EXIT) return;
    r->ended = true;
    r->exit_code = event->exit_code;
    r->signal_number = wrenn_stream_signal(stream);
    r->oom_killed = wrenn_stream_oom_killed(stream);
}

/* Until the command ends, its time is up, or the call is cancelled. */
static void mcp_run_follow(cli_app *cli, wrenn_stream *stream, int64_t limit_seconds, ran *r) {
    int64_t until = wrn_in_ms(limit_seconds * 1000);
    while (!r->ended && !r->timed_out && !r->stopped && r->rc >= 0) {
        const wrenn_event *event = NULL;
        int rc = wrenn_stream_next(stream, 0, &event, &r->error);
        int64_t left = wrn_left_ms(until);
        if (rc > 0) mcp_run_take_event(r, stream, event);
        else if (rc != WRENN_E_AGAIN) r->rc = rc ? rc : WRENN_E_CONNECTION_LOST;
        if (!left && !r->ended) r->timed_out = true;
        else if (rc == WRENN_E_AGAIN) r->stopped = cli_turn(cli, left) < 0;
    }
}

/* False: it could not be started, which was told. */
static bool run_line(mcp_session *session, const wrenn_command *command, int64_t limit_seconds, ran *r) {
    cli_app *cli = session->cli;
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_exec_stream, (session->sandbox, command, NULL), &stream);
    *r = (ran){.out.max = session->output_max / 2, .err.max = session->output_max / 2};
    if (rc < 0) return mcp_fail_with(session, "the command could not be started", rc, error), false;
    mcp_run_follow(cli, stream, limit_seconds, r);
    if (r->timed_out || r->stopped) wrenn_stream_close(stream);
    else wrenn_stream_free(stream);
    return true;
}

static void put_output(mcp_session *session, const char *title, const mcp_excerpt *output) {
    if (!output->total) return;
    wrn_buf_printf(&session->text, "\n%s:\n", title);
    mcp_excerpt_put(output, &session->text);
}

static void put_end(mcp_session *session, const ran *r, int64_t limit_seconds) {
    wrn_buf *text = &session->text;
    session->failed = !r->ended;
    if (r->timed_out)
        wrn_buf_printf(text, "the time was up after %lld s, and the command was killed", (long long)limit_seconds);
    else if (r->stopped) wrn_buf_puts(text, "the command was given up and killed");
    else if (!r->ended) {
        wrn_buf_puts(text, "it is not known how the command ended: ");
        if (r->error) cli_say_error(text, r->error);
        else wrn_buf_puts(text, "the connection was lost");
    } else if (r->exit_code >= 0) wrn_buf_printf(text, "exit code %lld", (long long)r->exit_code);
    else if (r->signal_number) wrn_buf_printf(text, "killed by signal %lld", (long long)r->signal_number);
    else wrn_buf_puts(text, "killed by a signal");
    if (r->oom_killed) wrn_buf_puts(text, " (the sandbox ran out of memory)");
}

static wrenn_command command_of(const mcp_arguments *arguments) {
    wrenn_command command = WRENN_COMMAND_INIT;
    command.cwd = arguments->cwd;
    command.user = arguments->user;
    command.envs = arguments->env;
    return command;
}

void mcp_run_command(mcp_session *session, const mcp_arguments *arguments) {
    int64_t limit = arguments->timeout_seconds ? arguments->timeout_seconds : session->limit_seconds;
    wrenn_command command = command_of(arguments);
    ran r;
    command.shell = arguments->command;
    if (!run_line(session, &command, limit, &r)) return;
    put_end(session, &r, limit);
    put_output(session, "stdout", &r.out);
    put_output(session, "stderr", &r.err);
    ran_free(&r);
}

/* ---- code ---- */

static void put_bounded(mcp_session *session, const char *title, const char *data, size_t size) {
    mcp_excerpt excerpt = {.max = session->output_max / 3};
    mcp_excerpt_add(&excerpt, data, size);
    if (size && session->text.size) wrn_buf_putc(&session->text, '\n');
    if (size) wrn_buf_printf(&session->text, "%s:\n", title);
    mcp_excerpt_put(&excerpt, &session->text);
    mcp_excerpt_free(&excerpt);
}

/* Kernels break their base64 into lines, clients do not expect that. */
static void put_image(mcp_session *session, const wrenn_code_mime *mime, size_t *room) {
    WRN_AUTO(wrn_buf_free) wrn_buf packed = WRN_BUF_INIT;
    if (mime->size > *room) {
        wrn_buf_printf(&session->text, "\n[... an image of %zu bytes was left out ...]", mime->size);
        return;
    }
    *room -= mime->size;
    for (size_t i = 0; i < mime->size; i++)
        if (mime->data[i] != '\n' && mime->data[i] != '\r') wrn_buf_putc(&packed, mime->data[i]);
    wrn_json *image = wrn_json_new_object();
    wrn_json_set_string(image, "type", "image");
    wrn_json_set(image, "data", wrn_json_new_string(packed.data ? packed.data : "", packed.size));
    wrn_json_set_string(image, "mimeType", mime->type);
    if (packed.failed || !wrn_json_append(session->images, image)) session->text.failed = true;
}

static void put_results(mcp_session *session, const wrenn_code_execution *execution) {
    WRN_AUTO(wrn_buf_free) wrn_buf texts = WRN_BUF_INIT;
    size_t room = IMAGES_MAX;
    for (size_t i = 0; i < execution->results_count; i++) {
        const wrenn_code_result *result = execution->results[i];
        const wrenn_code_mime *image = wrenn_code_result_mime(result, "image/png");
        const wrenn_code_mime *text = wrenn_code_result_mime(result, "text/plain");
        if (!image) image = wrenn_code_result_mime(result, "image/jpeg");
        if (image) put_image(session, image, &room);
        else if (text && texts.size) wrn_buf_putc(&texts, '\n');
        if (!image && text) wrn_buf_put(&texts, text->data, text->size);
    }
    if (texts.failed) session->text.failed = true;
    put_bounded(session, "result", texts.data, texts.size);
}

static void put_execution(mcp_session *session, const wrenn_code_execution *execution, int64_t limit_seconds) {
    WRN_AUTO(wrn_buf_free) wrn_buf trace = WRN_BUF_INIT;
    const wrenn_code_error *error = execution->error;
    put_bounded(session, "stdout", execution->stdout_data, execution->stdout_size);
    put_bounded(session, "stderr", execution->stderr_data, execution->stderr_size);
    put_results(session, execution);
    if (error && *error->traceback) mcp_put_plain(&trace, error->traceback);
    else if (error) wrn_buf_printf(&trace, "%s: %s", error->name, error->value);
    if (trace.failed) session->text.failed = true;
    put_bounded(session, "error", trace.data, trace.size);
    if (execution->timed_out)
        mcp_fail(session, "the time was up after %lld s, and the code was interrupted%s", (long long)limit_seconds,
                 execution->still_running ? ", which it ignores" : "");
    else if (!session->text.size) wrn_buf_puts(&session->text, "it ran, and put out nothing");
    session->failed = execution->error || execution->timed_out;
}

void mcp_run_code(mcp_session *session, const mcp_arguments *arguments) {
    cli_app *cli = session->cli;
    int64_t limit = arguments->timeout_seconds ? arguments->timeout_seconds : session->limit_seconds;
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *execution = NULL;
    wrenn_error *error = NULL;
    options.code = arguments->code;
    options.kernel = arguments->language;
    options.time_limit_ms = limit * 1000;
    /* If the template most probably has no kernel, the wait for one is short. */
    options.start_timeout_ms = session->no_kernel ? NO_KERNEL_WAIT_MS : KERNEL_WAIT_MS;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_run_code, (session->sandbox, &options), &execution);
    if (!execution) mcp_fail_with(session, "the code could not be run", rc, error);
    else put_execution(session, execution, limit);
    if (rc < 0 && session->no_kernel)
        mcp_fail(session, "Code needs a template with a kernel: 'wrenn template build code-interpreter' makes one, and "
                          "wrenn mcp uses it from its next start on. run_command works in any template.");
    wrenn_code_execution_free(execution);
}

/* ---- servers ---- */

/* Says by its exit code whether the port $0 (in hexadecimal digits) is listened on; waits for it as long as the process $1
 * lives, if there is one. */
static const char listens[] =
    "while ! cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -q \":$0 [0-9A-F:]* 0A \"; do\n"
    "  [ \"$1\" ] && kill -0 \"$1\" 2>/dev/null || exit 1\n"
    "  sleep 0.1\n"
    "done";

/* The server's output goes into a file, because nothing else keeps it. */
static const char starts[] = "exec >\"$0\" 2>&1; exec sh -c \"$1\"";

/* 1: it is listened on; 0: it is not; -1: told, or the time was up (r->timed_out). */
static int look_at_port(mcp_session *session, int64_t port, const char *pid, int64_t limit_seconds, bool *timed_out) {
    char digits[8];
    snprintf(digits, sizeof(digits), "%04X", (unsigned)port);
    const char *const argv[] = {"sh", "-c", listens, digits, pid, NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    ran r;
    command.argv = argv;
    if (!run_line(session, &command, limit_seconds, &r)) return -1;
    int found = r.ended && (r.exit_code == 0 || r.exit_code == 1) ? r.exit_code == 0 : -1;
    *timed_out = r.timed_out;
    if (found < 0 && !r.timed_out) put_end(session, &r, limit_seconds), put_output(session, "stderr", &r.err);
    ran_free(&r);
    return found;
}

static void put_log(mcp_session *session, const char *log) {
    const char *const argv[] = {"tail", "-c", "4000", log, NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    ran r;
    command.argv = argv;
    if (!run_line(session, &command, SERVER_WAIT_SECONDS, &r)) return;
    put_output(session, "its output", &r.out);
    ran_free(&r);
}

static void put_url(mcp_session *session, int64_t port) {
    char *url = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_sandbox_url(session->sandbox, port, NULL, &url, &error);
    if (rc < 0) return mcp_fail_with(session, "the URL", rc, error);
    wrn_buf_printf(&session->text, "URL: %s\n", url);
    wrenn_string_free(url);
    if (strncmp(wrenn_client_base_url(session->cli->client), "unix:", 5) == 0)
        wrn_buf_printf(
            &session->text,
            "The server of the sandbox listens on a unix socket, so that no browser reaches this URL. 'wrenn "
            "port-forward %s %lld:%lld' on the user's machine makes it http://127.0.0.1:%lld\n",
            wrenn_sandbox_id(session->sandbox), (long long)port, (long long)port, (long long)port);
    wrn_buf_printf(&session->text, "Inside the sandbox it is http://localhost:%lld", (long long)port);
}

void mcp_get_url(mcp_session *session, const mcp_arguments *arguments) { put_url(session, arguments->port); }

/* 0: not started, which was told. */
static int64_t spawn_server(mcp_session *session, const mcp_arguments *arguments, const char *log) {
    cli_app *cli = session->cli;
    const char *const argv[] = {"sh", "-c", starts, log, arguments->command, NULL};
    wrenn_command command = command_of(arguments);
    wrenn_process *process = NULL;
    wrenn_error *error = NULL;
    command.argv = argv;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_spawn, (session->sandbox, &command, NULL), &process);
    int64_t pid = process ? process->pid : 0;
    if (!process) mcp_fail_with(session, "the server could not be started", rc, error);
    wrenn_process_free(process);
    return pid;
}

void mcp_start_server(mcp_session *session, const mcp_arguments *arguments) {
    int64_t limit = arguments->timeout_seconds ? arguments->timeout_seconds : SERVER_WAIT_SECONDS;
    char log[64], pid[24];
    bool timed_out = false;
    int in_use = look_at_port(session, arguments->port, NULL, limit, &timed_out);
    if (in_use > 0) mcp_fail(session, "port %lld is in use already", (long long)arguments->port);
    if (in_use < 0 && timed_out) mcp_fail(session, "the sandbox does not answer");
    if (in_use) return;
    snprintf(log, sizeof(log), "/tmp/server-%lld.log", (long long)arguments->port);
    int64_t started = spawn_server(session, arguments, log);
    if (!started) return;
    snprintf(pid, sizeof(pid), "%lld", (long long)started);
    int found = look_at_port(session, arguments->port, pid, limit, &timed_out);
    if (found > 0) {
        wrn_buf_printf(&session->text, "the server runs: pid %s, its output is in %s\n", pid, log);
        return put_url(session, arguments->port);
    }
    if (found == 0) mcp_fail(session, "the server ended before it listened on port %lld", (long long)arguments->port);
    else if (timed_out)
        mcp_fail(session,
                 "after %lld s the server (pid %s) does not listen on port %lld; it goes on, with its output in %s",
                 (long long)limit, pid, (long long)arguments->port, log);
    else return;
    put_log(session, log);
    session->failed = true;
}
