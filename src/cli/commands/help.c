/* help: what --help prints, by name. */
#include "cli/cli.h"

static int help_run(cli_app *cli, void *values) {
    const cli_command *command = NULL, *parent = NULL;
    (void)values;
    for (size_t i = 0; i < cli->word_count; i++) {
        const cli_command *found = command && !command->below ? NULL : cli_find_command(command, cli->words[i]);
        const char *best = NULL;
        for (const cli_command *const *each = cli_commands; !found && !command && *each; each++)
            cli_suggest(cli->words[i], (*each)->name, &best);
        for (const cli_command *each = command ? command->below : NULL; !found && each && each->name; each++)
            cli_suggest(cli->words[i], each->name, &best);
        if (!found && best) return cli_usage(cli, "unknown command '%s': did you mean '%s'?", cli->words[i], best);
        if (!found) return cli_usage(cli, "unknown command '%s'", cli->words[i]);
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
