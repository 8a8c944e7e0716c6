#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/text.h"
#include "cli.h"

enum { MAX_SECONDS = 7 * 24 * 3600 };

const cli_option cli_exec_options[] = {
    {"timeout", 't', CLI_INT, offsetof(cli_exec_values, timeout), "S", "kill it after so many seconds (default 30)", 1,
     MAX_SECONDS},
    {"env", 'e', CLI_LIST, offsetof(cli_exec_values, env), "NAME=VALUE", "set a variable; may be given again", 0, 0},
    {"cwd", 'C', CLI_TEXT, offsetof(cli_exec_values, command.cwd), "DIR", "start in this directory", 0, 0},
    {"user", 'u', CLI_TEXT, offsetof(cli_exec_values, command.user), "NAME[:GROUP]", "run as this user of the sandbox",
     0, 0},
    {0},
};

cli_outcome cli_exec(cli_app *cli, wrenn_sandbox *sandbox, cli_exec_values *values, const char *const *argv) {
    cli_outcome outcome = {0};
    wrenn_command *command = &values->command;
    command->argv = argv;
    command->envs = values->env.items;
    command->time_limit_ms = values->timeout * 1000;
    wrenn_op *op = NULL;
    if (wrenn_sandbox_exec_start(sandbox, command, NULL, cli_done, NULL, &op, &outcome.error) < 0) return outcome;
    if (!cli_wait(cli, op)) wrenn_op_cancel(op);
    else (void)!wrenn_sandbox_exec_finish(op, &outcome.result, &outcome.error);
    wrenn_op_free(op);
    return outcome;
}

static int run_with(cli_app *cli, cli_exec_values *values) {
    const char *id, *const *argv = NULL;
    if (!cli_next_word(cli, values, &id)) return CLI_USAGE;
    if (!id && !cli->help) return cli_usage(cli, "which sandbox? 'wrenn ls' shows them");
    if (!cli_rest(cli, values, &argv)) return CLI_USAGE;
    if (cli->help) return cli_print_help(cli->command), 0;

    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int code = CLI_RUN_FAILED;
    if (cli_connect(cli)) {
        if (wrenn_sandbox_from_id(cli->client, id, &sandbox, &error) < 0) {
            cli_report(id, error);
        } else {
            cli_outcome outcome = cli_exec(cli, sandbox, values, argv);
            code = cli_print_outcome(cli, id, &outcome);
        }
        if (cli->signal) cli_complain("interrupted: the program may go on in %s", id);
    }
    wrenn_sandbox_free(sandbox);
    return cli->signal ? CLI_SIGNAL + cli->signal : code;
}

static int run(cli_app *cli) {
    cli_exec_values values = {.command = WRENN_COMMAND_INIT};
    int code = run_with(cli, &values);
    free(values.env.items);
    return code;
}

const cli_command cli_exec_command = {
    .name = "exec",
    .operands = "ID [--] PROGRAM [ARG...]",
    .summary = "run a program in a sandbox that is there",
    .details = "Prints what the program wrote, byte for byte, when it has ended, and exits with its code.\n"
               "No shell looks at the words; use 'sh -c LINE' for that. The program's input is empty.\n"
               "\n"
               "Exit codes: those of the program (127: not found, 126: can't be executed), 128+N when\n"
               "signal N ended it, or wrenn; 125 when wrenn failed or the time was up, 2 for wrong usage.\n",
    .what_it_runs = cli_exec_options,
    .needs_service = true,
    .run = run,
};

/* ---- what came of it ---- */

static void print_stream(bool text, const char *data, size_t size) {
    if (text) return cli_json_bytes(stdout, data, size);
    WRN_AUTO(wrn_buf_free) wrn_buf base64 = WRN_BUF_INIT;
    wrn_base64_encode(&base64, data, size);
    printf("\"%s\"", base64.size ? base64.data : "");
}

/* As in the service's own answers: when one of the two is not UTF-8, both are base64. */
static bool print_json(const char *sandbox_id, const wrenn_exec_result *result) {
    bool text = wrn_utf8_valid_prefix(result->stdout_data, result->stdout_size) == result->stdout_size &&
                wrn_utf8_valid_prefix(result->stderr_data, result->stderr_size) == result->stderr_size;
    printf("{\"sandbox_id\": ");
    cli_json_text(stdout, sandbox_id);
    printf(", \"exit_code\": %lld, \"duration_ms\": %lld, \"encoding\": \"%s\", \"stdout\": ",
           (long long)result->exit_code, (long long)result->duration_ms, text ? "utf-8" : "base64");
    print_stream(text, result->stdout_data, result->stdout_size);
    printf(", \"stderr\": ");
    print_stream(text, result->stderr_data, result->stderr_size);
    if (result->signal) printf(", \"signal\": %lld", (long long)result->signal);
    if (result->oom_killed) printf(", \"oom_killed\": true");
    if (result->output_cut) printf(", \"output_cut\": true");
    printf("}\n");
    return fflush(stdout) == 0;
}

static bool print_result(const cli_app *cli, const char *sandbox_id, const wrenn_exec_result *result) {
    bool printed = cli->json ? print_json(sandbox_id, result)
                             : cli_write(STDOUT_FILENO, result->stdout_data, result->stdout_size) &&
                                   cli_write(STDERR_FILENO, result->stderr_data, result->stderr_size);
    if (!printed) cli_complain("can't write the output: %s", strerror(errno));
    return printed;
}

static int exit_code_of(const wrenn_exec_result *result) {
    if (result->exit_code >= 0) return (int)result->exit_code;
    return result->signal > 0 && result->signal < 128 ? CLI_SIGNAL + (int)result->signal : CLI_SIGNALED;
}

int cli_print_outcome(cli_app *cli, const char *sandbox_id, cli_outcome *outcome) {
    const wrenn_exec_result *result = outcome->result ? outcome->result : wrenn_error_exec_result(outcome->error);
    cli_release_signals(cli); /* a reader that takes his time must not keep us from ending */
    bool printed = !result || print_result(cli, sandbox_id, result);
    if (result && result->oom_killed && !cli->json)
        cli_complain("the sandbox ran out of memory, and the program was killed: make one with more memory");
    int code = printed && outcome->result ? exit_code_of(result) : CLI_RUN_FAILED;
    if (outcome->error) cli_report(NULL, outcome->error);
    wrenn_exec_result_free(outcome->result);
    *outcome = (cli_outcome){0};
    return code;
}
