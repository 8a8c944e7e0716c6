/* rm: sandboxes that are not needed any more. */
#include "cli/cli.h"

typedef struct rm_values {
    bool all, force;
    cli_list labels;
} rm_values;

static const cli_option options[] = {
    {"all", 'a', CLI_FLAG, offsetof(rm_values, all), NULL, "all that there are", NULL, 0, 0, CLI_WORD_ANY},
    {"label", 'l', CLI_PAIRS, offsetof(rm_values, labels), "NAME=VALUE", "all with this label; repeatable", NULL, 0, 0,
     CLI_WORD_ANY},
    {"force", 'f', CLI_FLAG, offsetof(rm_values, force), NULL, "it is no failure when there is none", NULL, 0, 0,
     CLI_WORD_ANY},
    {0},
};

typedef struct removal {
    cli_app *cli;
    cli_rows *rows; /* what is gone */
    bool force, failed;
} removal;

static void remove_one(removal *r, const char *id) {
    wrenn_error *error = NULL;
    int rc = CLI_TRY(r->cli, &error, wrenn_sandboxes_destroy, (r->cli->client, id, NULL));
    if (rc == WRENN_E_NOT_FOUND && r->force) {
        wrenn_error_free(error);
    } else if (!cli_settle(r->cli, id, rc, error)) {
        r->failed = true;
    } else {
        cli_say_did(r->rows, r->cli, "id", id);
    }
}

static void remove_listed(void *context, const wrenn_sandbox_info *info) { remove_one(context, info->id); }

/* Goes on after a failure: the other sandboxes should not stay because of it. */
static void remove_words(removal *r) {
    for (size_t i = 0; i < r->cli->word_count && !r->cli->signal; i++) {
        wrenn_sandbox *sandbox = cli_sandbox(r->cli, r->cli->words[i]);
        if (sandbox) remove_one(r, wrenn_sandbox_id(sandbox));
        else r->failed = r->failed || !r->force;
        wrenn_sandbox_free(sandbox);
    }
}

static int rm_run(cli_app *cli, void *given) {
    static const char *const titles[] = {"ID", NULL};
    rm_values *values = given;
    bool listed = values->all || values->labels.count;
    removal r = {.cli = cli, .force = values->force};
    if (listed == (cli->word_count > 0))
        return cli_usage(cli,
                         listed ? "unexpected argument '%s': --all and --label say which"
                                : "missing argument ID: %s, or give --all",
                         listed ? cli->words[0] : cli_shows(CLI_WORD_SANDBOX));
    if (!cli_connect(cli)) return CLI_FAILED;
    r.rows = cli_rows_new(cli, titles);
    if (!listed) remove_words(&r);
    else if (!cli_each_sandbox(cli, &values->labels, NULL, NULL, remove_listed, &r)) r.failed = true;
    int code = cli_end_did(r.rows, cli);
    return r.failed ? CLI_FAILED : code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_OPTIONAL | CLI_MANY}, {0}};

static const cli_example examples[] = {
    {"one of them, by name or the start of its id", "rm work"},
    {"all with a label", "rm --label app=web"},
    {"all of them", "rm --all"},
    {0},
};

const cli_command cli_command_rm = {
    .name = "rm",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "destroy sandboxes, with all that is in them",
    .details = "Prints the id of each sandbox that is gone. One that was destroyed before is fine. It goes on after a\n"
               "failure, and says so at the end by its exit code.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(rm_values),
    .run = rm_run,
};
