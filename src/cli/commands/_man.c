/* _man: the pages that are made of the rows. For the build, not for people. */
#include "cli/cli.h"

typedef struct man_values {
    bool markdown;
} man_values;

static const cli_option options[] = {
    {"markdown", 0, CLI_FLAG, offsetof(man_values, markdown), NULL, "print docs/cli.md instead", NULL, 0, 0,
     CLI_WORD_ANY},
    {0},
};

static int man_run(cli_app *cli, void *given) {
    man_values *values = given;
    if (values->markdown) return cli_print_reference(stdout), 0;
    if (!cli->word_count) return cli_usage(cli, "missing argument DIR");
    return cli_write_pages(cli->words[0]) ? 0 : CLI_FAILED;
}

static const cli_operand operands[] = {{"DIR", CLI_WORD_FILE, CLI_OPTIONAL}, {0}};
static const cli_example examples[] = {{"write all pages", "_man /tmp"}, {0}};

const cli_command cli_command__man = {
    .name = "_man",
    .group = CLI_GROUP_HIDDEN,
    .summary = "write the man pages",
    .operands = operands,
    .options = options,
    .examples = examples,
    .values_size = sizeof(man_values),
    .run = man_run,
};
