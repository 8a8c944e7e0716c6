/* pause: freeze sandboxes, with all that runs in them. */
#include "cli/cli.h"

static char *pause_one(cli_app *cli, const char *word) {
    wrenn_sandbox *sandbox = cli_sandbox(cli, word);
    cli->does = "pausing";
    return cli_id_of(sandbox, sandbox && CLI_DO(cli, word, wrenn_sandbox_pause, (sandbox, NULL)));
}

static int pause_run(cli_app *cli, void *values) { return (void)values, cli_each_word(cli, "id", pause_one); }

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_MANY}, {0}};
static const cli_example examples[] = {{"until it is needed again", "pause work"}, {0}};

const cli_command cli_command_pause = {
    .name = "pause",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "freeze sandboxes, with all that runs in them",
    .details = "They use no processor until 'wrenn resume'. Prints the id of each that is paused.\n",
    .operands = operands,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .run = pause_run,
};
