#include <stdlib.h>

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
