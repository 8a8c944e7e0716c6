/* fork: running copies of a sandbox. */
#include <stdlib.h>

#include "cli/cli.h"

typedef struct fork_values {
    int64_t count, lifetime_seconds;
    const char *name;
    cli_list labels;
} fork_values;

static const cli_option options[] = {
    {"count", 'n', CLI_INT, offsetof(fork_values, count), "N", "make so many copies; default: 1", NULL, 1, 32,
     CLI_WORD_ANY},
    {"name", 0, CLI_TEXT, offsetof(fork_values, name), "NAME",
     "the name of the copy; of several, NAME-1, NAME-2 and so on", NULL, 0, 0, CLI_WORD_ANY},
    {"label", 'l', CLI_PAIRS, offsetof(fork_values, labels), "NAME=VALUE",
     "a label for the copies, beside those of the sandbox; repeatable", NULL, 0, 0, CLI_WORD_ANY},
    {"lifetime", 0, CLI_SECONDS, offsetof(fork_values, lifetime_seconds), "TIME",
     "destroy the copies after so long; default: as long as the sandbox lives from its create", NULL, 1, 31536000,
     CLI_WORD_ANY},
    {0},
};

static int print_copies(cli_app *cli, const wrenn_sandbox_list *list) {
    cli_rows *rows = cli_rows_new(cli, (const char *const[]){"ID", NULL});
    for (size_t i = 0; list && i < list->items_count; i++)
        cli_rows_add(rows, list->items[i]->id, cli_sandbox_json(list->items[i]), &list->items[i]->id);
    return cli_rows_print(rows);
}

static int fork_into(cli_app *cli, wrenn_sandbox *sandbox, const wrenn_sandbox_fork_options *how) {
    wrenn_sandbox_list *list = NULL;
    cli->does = "forking";
    int code = CLI_FAILED;
    if (CLI_GET(cli, *cli->words, wrenn_sandbox_fork, (sandbox, how), &list)) code = print_copies(cli, list);
    else if (cli->signal) cli_complain("given up: copies are removed again; 'wrenn ls' shows whether one is left");
    wrenn_sandbox_list_free(list);
    return code;
}

static int fork_run(cli_app *cli, void *given) {
    const fork_values *values = given;
    wrenn_sandbox_fork_options how = WRENN_SANDBOX_FORK_OPTIONS_INIT;
    char *name = NULL;
    int code = CLI_FAILED;
    if (values->name && !cli_check_name(cli, "--name", values->name)) return CLI_USAGE;
    if (cli->format == CLI_FORMAT_TEXT) cli->format = CLI_FORMAT_NAME;
    if (!cli_connect(cli)) return CLI_FAILED;
    const char **labels = cli_all_labels(&values->labels, values->name, &name);
    wrenn_sandbox *sandbox = labels ? cli_sandbox(cli, *cli->words) : NULL;
    how.count = values->count;
    how.lifetime_sec = values->lifetime_seconds;
    how.metadata = labels;
    if (sandbox) code = fork_into(cli, sandbox, &how);
    wrenn_sandbox_free(sandbox);
    free(labels);
    free(name);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {0}};
static const cli_example examples[] = {
    {"one more like it, from here on", "fork work --name play"},
    {"three attempts: try-1, try-2, try-3", "fork work -n 3 --name try"},
    {"for a script", "fork work -n 10 --lifetime 1h -o json"},
    {0},
};

const cli_command cli_command_fork = {
    .name = "fork",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "make running copies of a sandbox, with all that runs in it",
    .details =
        "Each copy has the memory, the processes, the files and the network of the sandbox, and an id, a host name and\n"
        "random numbers of its own. The sandbox stands still for a moment, and goes on; commands that run in it stay its\n"
        "own, and go on in the copies as well, those in the background as commands of the copy. Either all copies are\n"
        "made or none; Ctrl-C leaves none. Prints their ids. Only virtual machines can be copied: 'wrenn create --isolation vm'.\n",
    .options = options,
    .operands = operands,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(fork_values),
    .run = fork_run,
};
