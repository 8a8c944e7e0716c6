/* pause: freeze sandboxes, with all that runs in them. */
#include "cli/cli.h"

static int pause_run(cli_app *cli, void *values) {
    int code = 0;
    (void)values;
    if (!cli_connect(cli)) return CLI_FAILED;
    cli->does = "pausing";
    for (size_t i = 0; i < cli->word_count && !cli->signal; i++) {
        wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[i]);
        if (sandbox && CLI_DO(cli, cli->words[i], wrenn_sandbox_pause, (sandbox, NULL)))
            printf("%s\n", wrenn_sandbox_id(sandbox)), cli_flush();
        else code = CLI_FAILED;
        wrenn_sandbox_free(sandbox);
    }
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_MANY}, {0}};
static const cli_example examples[] = {{"until it is needed again", "pause work"}, {0}};

const cli_command cli_command_pause = {
    .name = "pause",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "freeze sandboxes, with all that runs in them",
    .details = "They use no processor until 'wrenn resume'. Prints the id of each that is paused.\n",
    .operands = operands,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .run = pause_run,
};
