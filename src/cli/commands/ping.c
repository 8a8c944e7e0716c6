/* ping: tell the server that sandboxes are in use. */
#include "cli/cli.h"

static int ping_run(cli_app *cli, void *values) {
    int code = 0;
    (void)values;
    if (!cli_connect(cli)) return CLI_FAILED;
    cli->does = "waiting";
    for (size_t i = 0; i < cli->word_count && !cli->signal; i++) {
        wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[i]);
        if (sandbox && CLI_DO(cli, cli->words[i], wrenn_sandbox_ping, (sandbox, NULL)))
            printf("%s\n", wrenn_sandbox_id(sandbox)), cli_flush();
        else code = CLI_FAILED;
        wrenn_sandbox_free(sandbox);
    }
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_MANY}, {0}};
static const cli_example examples[] = {{"keep it from being paused as idle", "ping work"}, {0}};

const cli_command cli_command_ping = {
    .name = "ping",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "tell the server that sandboxes are in use",
    .details = "This restarts the time after which an idle sandbox is paused. Prints the id of each that answers.\n",
    .operands = operands,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .run = ping_run,
};
