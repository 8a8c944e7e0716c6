/* Running a program in a sandbox, for run and exec: with a terminal, with pipes, or with its result as JSON. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/text.h"
#include "cli/cli.h"

enum { KEPT_MAX = 256 << 20 };

wrenn_command cli_start_command(const cli_start *start) {
    wrenn_command command = start->command;
    command.struct_size = sizeof(command);
    command.envs = start->env.items;
    return command;
}

/* Input that somebody means: a pipe, a file, a connection. A terminal is not read unless it is asked for. */
static bool has_input(void) {
    struct stat info;
    return fstat(STDIN_FILENO, &info) == 0 &&
           (S_ISFIFO(info.st_mode) || S_ISREG(info.st_mode) || S_ISSOCK(info.st_mode));
}

static wrenn_stream *open_pipes(cli_app *cli, wrenn_sandbox *sandbox, wrenn_command *command, bool asked) {
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    int rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_exec_stream, (sandbox, command, NULL), &stream);
    if (rc == WRENN_E_UNSUPPORTED && command->want_stdin && !asked) {
        cli_complain("this server passes no input to programs: it reads nothing");
        wrenn_error_free(WRN_TAKE(error));
        command->want_stdin = 0;
        rc = CLI_TRY_GET(cli, &error, wrenn_sandbox_exec_stream, (sandbox, command, NULL), &stream);
    }
    return cli_settle(cli, command->argv[0], rc, error) ? stream : NULL;
}

static wrenn_stream *open_terminal(cli_app *cli, wrenn_sandbox *sandbox, wrenn_command *command) {
    wrenn_stream *stream = NULL;
    cli_terminal_size(&command->cols, &command->rows);
    if (!CLI_GET(cli, command->argv[0], wrenn_sandbox_pty, (sandbox, command, NULL), &stream)) return NULL;
    if (isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)) cli_raw();
    return stream;
}

static int print_result(const cli_app *cli, const char *id, const cli_outcome *outcome, int64_t ms, const wrn_buf *out,
                        const wrn_buf *err) {
    WRN_AUTO(wrn_json_freep) wrn_json *result = wrn_json_new_object();
    bool text = wrn_utf8_valid_prefix(out->data, out->size) == out->size &&
                wrn_utf8_valid_prefix(err->data, err->size) == err->size;
    WRN_AUTO(wrn_buf_free) wrn_buf coded_out = WRN_BUF_INIT;
    WRN_AUTO(wrn_buf_free) wrn_buf coded_err = WRN_BUF_INIT;
    if (!text) wrn_base64_encode(&coded_out, out->data, out->size);
    if (!text) wrn_base64_encode(&coded_err, err->data, err->size);
    /* As in the service's own answers: when one of the two is not UTF-8, both are base64. */
    const wrn_buf *said_out = text ? out : &coded_out, *said_err = text ? err : &coded_err;
    wrn_json_set_string(result, "sandbox_id", id);
    wrn_json_set_int(result, "exit_code", outcome->ended ? outcome->exit_code : -1);
    wrn_json_set_int(result, "duration_ms", ms);
    wrn_json_set_string(result, "encoding", text ? "utf-8" : "base64");
    wrn_json_set(result, "stdout", wrn_json_new_string(said_out->data ? said_out->data : "", said_out->size));
    wrn_json_set(result, "stderr", wrn_json_new_string(said_err->data ? said_err->data : "", said_err->size));
    if (outcome->signal_number) wrn_json_set_int(result, "signal", outcome->signal_number);
    if (outcome->oom_killed) wrn_json_set_bool(result, "oom_killed", true);
    if (outcome->output_cut) wrn_json_set_bool(result, "output_cut", true);
    if (outcome->end == CLI_END_TIME_UP) wrn_json_set_bool(result, "time_up", true);
    if (out->failed || err->failed || coded_out.failed || coded_err.failed)
        return cli_complain("%s: the output is too large for JSON", cli->command->name), CLI_RUN_FAILED;
    return cli_print_json(result) ? 0 : CLI_RUN_FAILED;
}

/* `left`: the id of the sandbox, if it stays. */
static int run_for_json(cli_app *cli, wrenn_sandbox *sandbox, const char *left, wrenn_stream *stream, cli_flow *flow) {
    WRN_AUTO(wrn_buf_free) wrn_buf out = WRN_BUF_LIMITED(KEPT_MAX);
    WRN_AUTO(wrn_buf_free) wrn_buf err = WRN_BUF_LIMITED(KEPT_MAX);
    int64_t began = wrn_now_ms();
    flow->out = &out;
    flow->err = &err;
    cli_outcome outcome = cli_follow(cli, stream, flow);
    flow->out = flow->err = NULL;
    int printed = 0;
    if (outcome.end == CLI_END_EXIT || outcome.end == CLI_END_TIME_UP)
        printed = print_result(cli, wrenn_sandbox_id(sandbox), &outcome, wrn_now_ms() - began, &out, &err);
    int code = cli_conclude(cli, left, &outcome);
    return printed ? printed : code;
}

int cli_spawn(cli_app *cli, wrenn_sandbox *sandbox, const wrenn_command *command, wrenn_process **process) {
    wrenn_error *error = NULL;
    if (CLI_TRY_GET(cli, &error, wrenn_sandbox_spawn, (sandbox, command, NULL), process) >= 0) return 0;
    const wrenn_exec_result *result = wrenn_error_exec_result(error);
    int code = result && result->exit_code > 0 ? (int)result->exit_code : CLI_RUN_FAILED;
    if (!cli->signal) cli_report(NULL, error);
    else wrenn_error_free(error);
    return code;
}

int cli_run_program(cli_app *cli, wrenn_sandbox *sandbox, const cli_program *program, const char *const *argv) {
    wrenn_command command = cli_start_command(&program->start);
    bool text = cli->format == CLI_FORMAT_TEXT,
         all = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && isatty(STDERR_FILENO);
    bool terminal = text && !program->no_terminal && (program->terminal || all);
    bool asked = program->interactive || terminal;
    const char *left = program->sandbox_goes ? NULL : wrenn_sandbox_id(sandbox);
    cli_flow flow = {.terminal = terminal, .limit_seconds = program->limit_seconds};
    command.argv = argv;
    if (!terminal) command.want_stdin = asked || has_input();
    wrenn_stream *stream = terminal ? open_terminal(cli, sandbox, &command) : open_pipes(cli, sandbox, &command, asked);
    if (!stream) return CLI_RUN_FAILED;
    cli_phase(cli, "start");
    flow.input = terminal || command.want_stdin;
    int code;
    if (text) {
        cli_outcome outcome = cli_follow(cli, stream, &flow);
        cli_cooked();
        code = cli_conclude(cli, left, &outcome);
    } else {
        code = run_for_json(cli, sandbox, left, stream, &flow);
    }
    wrenn_stream_free(stream);
    return code;
}
