/* ping: tell the server that sandboxes are in use. */
#include "cli/cli.h"

static char *ping_one(cli_app *cli, const char *word) {
    wrenn_sandbox *sandbox = cli_sandbox(cli, word);
    cli->does = "waiting";
    return cli_id_of(sandbox, sandbox && CLI_DO(cli, word, wrenn_sandbox_ping, (sandbox, NULL)));
}

static int ping_run(cli_app *cli, void *values) { return (void)values, cli_each_word(cli, "id", ping_one); }

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_MANY}, {0}};
static const cli_example examples[] = {{"keep it from being paused as idle", "ping work"}, {0}};

const cli_command cli_command_ping = {
    .name = "ping",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "tell the server that sandboxes are in use",
    .details = "This restarts the time after which an idle sandbox is paused. Prints the id of each that answers.\n",
    .operands = operands,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .run = ping_run,
};
