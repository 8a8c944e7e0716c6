/* whoami: which server commands use now, and as whom. Asks nobody. */
#include "cli/cli.h"

static int whoami_run(cli_app *cli, void *values) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    cli_context context;
    cli_daemon own;
    char why[512];
    (void)values;
    if (!cli_context_choose(cli, &root, &context)) return CLI_FAILED;
    bool given = cli->url || cli_env("WRENN_BASE_URL") || cli_env("WRENN_API_KEY") || cli_env("WRENN_TOKEN");
    const char *url = context.name ? context.url : cli->url ? cli->url : cli_env("WRENN_BASE_URL");
    const char *from = context.name ? "context" : cli->url ? "option" : given ? "environment" : "your own server";
    if (!context.name && !given && cli_daemon_place(&own, why, sizeof(why))) url = own.url;
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, "from", from);
    if (context.name) wrn_json_set_string(object, "context", context.name);
    wrn_json_set_string(object, "url", url ? url : "https://app.wrenn.dev/api");
    if (context.email) wrn_json_set_string(object, "email", context.email);
    wrn_json_set_bool(object, "has_key", context.name ? context.key != NULL : !given || cli_env("WRENN_API_KEY"));
    wrn_json_set_bool(object, "has_token", context.name ? context.token != NULL : given && cli_env("WRENN_TOKEN"));
    return cli_print_object(cli, context.email ? context.email : url, object);
}

static const cli_example examples[] = {{"which server, and as whom", "whoami"}, {0}};

const cli_command cli_command_whoami = {
    .name = "whoami",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "show which server commands use now, and as whom",
    .details = "What it says comes from options, environment and contexts; no server is asked, and no key is shown.\n",
    .examples = examples,
    .formats = true,
    .run = whoami_run,
};
