/* wait: until something in a sandbox has ended, or the sandbox runs. */
#include <stdlib.h>

#include "cli/cli.h"

typedef struct wait_values {
    bool quiet;
    int64_t limit_seconds;
} wait_values;

static const cli_option options[] = {
    {"quiet", 'q', CLI_FLAG, offsetof(wait_values, quiet), NULL, "drop its output instead of showing it", NULL, 0, 0,
     CLI_WORD_ANY},
    {0},
};

/* What has ended in the background already: its exit code is kept with its output, which is not shown again. */
static int ask_kept(cli_app *cli, wrenn_sandbox *sandbox, const char *process, wrenn_stream **stream) {
    wrenn_sandbox_logs_options end = WRENN_SANDBOX_LOGS_OPTIONS_INIT;
    end.tail = -1;
    end.flags = WRENN_SANDBOX_LOGS_FOLLOW;
    return CLI_TRY_GET(cli, NULL, wrenn_sandbox_logs, (sandbox, process, &end), stream);
}

static wrenn_stream *wait_attach(cli_app *cli, wrenn_sandbox *sandbox) {
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    char *process = cli_process(cli, sandbox, cli->words[1]);
    int rc = process ? CLI_TRY_GET(cli, &error, wrenn_sandbox_attach, (sandbox, process, NULL), &stream) : 0;
    if (rc == WRENN_E_NOT_FOUND && ask_kept(cli, sandbox, process, &stream) >= 0)
        rc = 0, wrenn_error_free(WRN_TAKE(error));
    cli_settle_process(cli, sandbox, cli->words[1], rc, error);
    free(process);
    return stream;
}

static int wait_for_process(cli_app *cli, wrenn_sandbox *sandbox, const wait_values *values) {
    wrn_buf dropped = WRN_BUF_LIMITED(1);
    wrenn_stream *stream = wait_attach(cli, sandbox);
    cli_flow flow = {.out = values->quiet ? &dropped : NULL, .err = values->quiet ? &dropped : NULL};
    if (!stream) return CLI_RUN_FAILED;
    cli_outcome outcome = cli_follow(cli, stream, &flow);
    wrenn_stream_free(stream);
    wrn_buf_free(&dropped);
    return cli_conclude(cli, NULL, &outcome);
}

static int wait_run(cli_app *cli, void *given) {
    if (!cli_connect(cli)) return CLI_RUN_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    int code = CLI_RUN_FAILED;
    cli->does = "waiting";
    if (sandbox && cli->word_count > 1) code = wait_for_process(cli, sandbox, given);
    else if (sandbox && CLI_DO(cli, cli->words[0], wrenn_sandbox_wait_ready, (sandbox, NULL))) code = 0;
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"PROCESS", CLI_WORD_PROCESS, CLI_OPTIONAL}, {0}};
static const cli_example examples[] = {{"for the end of a process; its exit code is ours", "wait work 7"},
                                       {"until the sandbox runs", "wait work"},
                                       {0}};

const cli_command cli_command_wait = {
    .name = "wait",
    .group = CLI_GROUP_RUN,
    .summary = "wait for the end of a process, or until a sandbox runs",
    .details =
        "PROCESS is a process id or a tag, also of what 'wrenn exec -d' has started and is over. Shows what it puts out\n"
        "meanwhile. Ctrl-C ends the waiting only.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .exits = cli_exits_program,
    .failed = CLI_RUN_FAILED,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(wait_values),
    .run = wait_run,
};
