/* pause: freeze sandboxes, with all that runs in them. */
#include "cli/cli.h"

typedef struct pause_values {
    bool hibernate;
} pause_values;

static const cli_option options[] = {
    {"hibernate", 0, CLI_FLAG, offsetof(pause_values, hibernate), NULL,
     "move their memory to the disk, also of those that are paused; only of virtual machines", NULL, 0, 0,
     CLI_WORD_ANY},
    {0},
};

static char *pause_with(cli_app *cli, const char *word, uint64_t flags) {
    wrenn_sandbox_pause_options how = WRENN_SANDBOX_PAUSE_OPTIONS_INIT;
    how.flags = flags;
    wrenn_sandbox *sandbox = cli_sandbox(cli, word);
    cli->does = flags ? "hibernating" : "pausing";
    return cli_id_of(sandbox, sandbox && CLI_DO(cli, word, wrenn_sandbox_pause, (sandbox, &how)));
}

static char *pause_one(cli_app *cli, const char *word) { return pause_with(cli, word, 0); }

static char *hibernate_one(cli_app *cli, const char *word) {
    return pause_with(cli, word, WRENN_SANDBOX_PAUSE_HIBERNATE);
}

static int pause_run(cli_app *cli, void *given) {
    const pause_values *values = given;
    return cli_each_word(cli, "id", values->hibernate ? hibernate_one : pause_one);
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_MANY}, {0}};
static const cli_example examples[] = {
    {"until it is needed again", "pause work"},
    {"so that it takes no memory either", "pause --hibernate work"},
    {0},
};

const cli_command cli_command_pause = {
    .name = "pause",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "freeze sandboxes, with all that runs in them",
    .details = "They use no processor until 'wrenn resume'. Prints the id of each that is paused.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(pause_values),
    .run = pause_run,
};
