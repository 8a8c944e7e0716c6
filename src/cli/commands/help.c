/* help: what --help prints, by name. */
#include "cli/cli.h"

static int help_run(cli_app *cli, void *values) {
    const cli_command *command = NULL, *parent = NULL;
    (void)values;
    for (size_t i = 0; i < cli->word_count; i++) {
        const cli_command *found = command && !command->below ? NULL : cli_find_command(command, cli->words[i]);
        if (!found) {
            cli->command = NULL; /* it is not the help of help that shows them */
            return cli_no_command(cli, command, cli->words[i]), CLI_USAGE;
        }
        parent = command;
        command = found;
    }
    cli_print_help(parent, command);
    return 0;
}

static const cli_operand operands[] = {{"COMMAND", CLI_WORD_COMMAND, CLI_OPTIONAL | CLI_MANY}, {0}};

static const cli_example examples[] = {
    {"all commands", "help"},
    {"one of them", "help run"},
    {"one below another", "help context add"},
    {0},
};

const cli_command cli_command_help = {
    .name = "help",
    .group = CLI_GROUP_OTHER,
    .summary = "explain a command",
    .operands = operands,
    .examples = examples,
    .run = help_run,
};
