/* inspect: everything about sandboxes. */
#include "cli/cli.h"

/* Adds what it may reach, and what came of it; not if it ends meanwhile. */
static void add_network(cli_app *cli, wrenn_sandbox *sandbox, wrn_json *object) {
    wrenn_network *network = NULL;
    wrenn_error *error = NULL;
    if (CLI_TRY_GET(cli, &error, wrenn_sandbox_network_get, (sandbox, NULL), &network) == 0 && network)
        wrn_json_set(object, "network", cli_network_json(network));
    wrenn_error_free(error);
    wrenn_network_free(network);
}

static wrn_json *inspect_look(cli_app *cli, const char *word) {
    wrenn_sandbox *sandbox = cli_sandbox(cli, word), *known = NULL;
    wrn_json *object = NULL;
    if (sandbox && CLI_GET(cli, word, wrenn_sandboxes_get, (cli->client, wrenn_sandbox_id(sandbox), NULL), &known))
        object = cli_sandbox_json(wrenn_sandbox_last_info(known));
    if (object && cli_has_network(wrenn_sandbox_last_info(known))) add_network(cli, known, object);
    wrenn_sandbox_free(known);
    wrenn_sandbox_free(sandbox);
    return object;
}

static int inspect_run(cli_app *cli, void *values) {
    (void)values;
    int code = 0;
    if (!cli_connect(cli)) return CLI_FAILED;
    /* As text it is for people who look at one thing; several as JSON are one array. */
    WRN_AUTO(wrn_json_freep) wrn_json *all = wrn_json_new_array();
    for (size_t i = 0; i < cli->word_count && !cli->signal; i++) {
        wrn_json *object = inspect_look(cli, cli->words[i]);
        if (!object) {
            code = CLI_FAILED;
        } else if (cli->format == CLI_FORMAT_JSON) {
            wrn_json_append(all, object);
        } else {
            const char *id = wrn_json_text(object, "id");
            if (i && cli->format == CLI_FORMAT_TEXT) printf("\n");
            if (cli_print_object(cli, id, object) != 0) code = CLI_FAILED;
        }
    }
    if (cli->format == CLI_FORMAT_JSON && !cli_print_json(all)) code = CLI_FAILED;
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, CLI_MANY}, {0}};

static const cli_example examples[] = {
    {"one of them", "inspect work"},
    {"as JSON, which is an array", "inspect -o json work"},
    {0},
};

const cli_command cli_command_inspect = {
    .name = "inspect",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "show everything about sandboxes",
    .operands = operands,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .run = inspect_run,
};
