/* _complete: what the scripts of `completion` ask. */
#include "cli/cli.h"

static int complete_run(cli_app *cli, void *values) {
    (void)values;
    return cli_complete(cli, cli->words, cli->word_count);
}

static const cli_operand operands[] = {{"WORD", CLI_WORD_ANY, CLI_OPTIONAL | CLI_MANY}, {0}};
static const cli_example examples[] = {{"commands that begin with r", "_complete -- r"}, {0}};

const cli_command cli_command__complete = {
    .name = "_complete",
    .group = CLI_GROUP_HIDDEN,
    .summary = "print what could be the last of these words",
    .operands = operands,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .run = complete_run,
};
