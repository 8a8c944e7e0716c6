/* logout: forgets the user token of a context. */
#include <string.h>

#include "cli/cli.h"

static void logout_copy(wrn_json *to, const char *key, const char *text) {
    if (text) wrn_json_set_string(to, key, text);
}

static int logout_run(cli_app *cli, void *values) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    cli_context context;
    (void)values;
    if (!cli_context_choose(cli, &root, &context)) return CLI_FAILED;
    if (!context.name) return cli_complain("no context is in use: %s", cli_shows(CLI_WORD_CONTEXT)), CLI_FAILED;
    wrn_json *kept = wrn_json_new_object();
    logout_copy(kept, "name", context.name);
    logout_copy(kept, "url", context.url);
    logout_copy(kept, "key", context.key);
    return cli_context_put(context.name, kept, false) ? 0 : CLI_FAILED;
}

static const cli_example examples[] = {{"of the context in use", "logout"},
                                       {"of another one", "logout --context work"},
                                       {0}};

const cli_command cli_command_logout = {
    .name = "logout",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "forget the user token of a context; its API key stays",
    .examples = examples,
    .run = logout_run,
};
