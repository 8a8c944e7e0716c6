/* resume: let paused sandboxes go on. */
#include "cli/cli.h"

static char *resume_one(cli_app *cli, const char *word) {
    wrenn_sandbox *sandbox = cli_sandbox(cli, word);
    cli->does = "resuming";
    return cli_id_of(sandbox, sandbox && CLI_DO(cli, word, wrenn_sandbox_resume, (sandbox, NULL)));
}

static int resume_run(cli_app *cli, void *values) { return (void)values, cli_each_word(cli, "id", resume_one); }

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_MANY}, {0}};
static const cli_example examples[] = {{"go on where it was paused", "resume work"}, {0}};

const cli_command cli_command_resume = {
    .name = "resume",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "let paused sandboxes go on",
    .details = "Prints the id of each that runs again.\n",
    .operands = operands,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .run = resume_run,
};
