#include "cli.h"

/* Whether the sandbox is gone now. */
static bool remove_one(cli_app *cli, const char *id) {
    wrenn_op *op = NULL;
    wrenn_error *error = NULL;
    bool removed = false;
    if (wrenn_sandboxes_destroy_start(cli->client, id, NULL, cli_done, NULL, &op, &error) < 0) cli_report(id, error);
    else if (!cli_wait(cli, op)) wrenn_op_cancel(op);
    else if (wrenn_sandboxes_destroy_finish(op, &error) < 0) cli_report(id, error);
    else removed = true;
    wrenn_op_free(op);
    return removed;
}

/* Goes on after a failure: the other sandboxes should not stay because of it. */
static int remove_all(cli_app *cli, const char *first) {
    bool failed = false, removed_any = false;
    if (cli->json) printf("{\"removed\": [");
    for (const char *id = first; id && !cli->signal; id = *cli->words ? *cli->words++ : NULL) {
        if (!remove_one(cli, id)) {
            failed = true;
            continue;
        }
        if (cli->json) {
            printf("%s", removed_any ? ", " : "");
            cli_json_text(stdout, id);
        } else {
            printf("%s\n", id);
        }
        removed_any = true;
    }
    if (cli->json) printf("]}\n");
    if (cli->signal) return CLI_SIGNAL + cli->signal;
    return failed ? CLI_FAILED : 0;
}

static int run(cli_app *cli) {
    const char *first;
    if (!cli_next_word(cli, NULL, &first)) return CLI_USAGE;
    if (cli->help) return cli_print_help(cli->command), 0;
    if (!first) return cli_usage(cli, "which sandbox? 'wrenn ls' shows them");
    for (char **word = cli->words; *word; word++)
        if (**word == '-') return cli_usage(cli, "'%s' is not an id: options go before the ids", *word);
    return cli_connect(cli) ? remove_all(cli, first) : CLI_FAILED;
}

const cli_command cli_rm_command = {
    .name = "rm",
    .operands = "ID...",
    .summary = "destroy sandboxes",
    .details = "Prints the id of each sandbox that is gone. One that was destroyed before is fine.\n",
    .needs_service = true,
    .run = run,
};
