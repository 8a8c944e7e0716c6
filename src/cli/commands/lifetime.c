/* lifetime: when a sandbox is destroyed by itself. */
#include <string.h>

#include "cli/cli.h"

enum { LONGEST = 31536000 };

static bool lifetime_read_time(const cli_app *cli, const char *word, int64_t *seconds) {
    if (strcmp(word, "none") == 0) return *seconds = 0, true;
    if (cli_parse_seconds(word, seconds) && *seconds > 0 && *seconds <= LONGEST) return true;
    cli_usage(cli, "'%s' is neither a time, such as 90, 5m, 2h or 1d, up to 365d, nor 'none'", word);
    return false;
}

static int print_end(const cli_app *cli, const wrenn_sandbox_info *info) {
    if (cli->format != CLI_FORMAT_TEXT) return cli_print_object(cli, info->id, cli_sandbox_json(info));
    printf("%s\n", info->expires_at ? info->expires_at : "none");
    return 0;
}

static int lifetime_run(cli_app *cli, void *values) {
    int64_t seconds = 0;
    int code = CLI_FAILED;
    (void)values;
    if (cli->word_count > 1 && !lifetime_read_time(cli, cli->words[1], &seconds)) return CLI_USAGE;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, *cli->words), *shown = NULL;
    if (sandbox && cli->word_count > 1) {
        if (CLI_DO(cli, *cli->words, wrenn_sandbox_set_lifetime, (sandbox, seconds, NULL)))
            code = print_end(cli, wrenn_sandbox_last_info(sandbox));
    } else if (sandbox &&
               CLI_GET(cli, *cli->words, wrenn_sandboxes_get, (cli->client, wrenn_sandbox_id(sandbox), NULL), &shown)) {
        code = print_end(cli, wrenn_sandbox_last_info(shown));
    }
    wrenn_sandbox_free(shown);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"TIME", CLI_WORD_ANY, CLI_OPTIONAL}, {0}};

static const cli_example examples[] = {
    {"two hours from now on, whatever was left", "lifetime work 2h"},
    {"until somebody destroys it", "lifetime work none"},
    {"when it ends", "lifetime work"},
    {0},
};

const cli_command cli_command_lifetime = {
    .name = "lifetime",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "renew the time until a sandbox is destroyed, or show it",
    .details =
        "From now on it lives for TIME, in place of what it had left, or with 'none' until somebody destroys it. Prints\n"
        "when it will be destroyed, or 'none'. 'wrenn create --lifetime' gives one from the beginning.\n",
    .operands = operands,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .run = lifetime_run,
};
