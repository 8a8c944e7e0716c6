/* version: of the program and the library. */
#include "cli/cli.h"

static int version_run(cli_app *cli, void *values) {
    (void)values;
    if (cli->format == CLI_FORMAT_TEXT) return printf("wrenn %s\n", wrenn_version()), 0;
    wrn_json *version = wrn_json_new_object();
    wrn_json_set_string(version, "version", wrenn_version());
    return cli_print_object(cli, wrenn_version(), version);
}

static const cli_example examples[] = {{"the version of wrenn", "version"}, {0}};

const cli_command cli_command_version = {
    .name = "version",
    .group = CLI_GROUP_OTHER,
    .summary = "print the version",
    .examples = examples,
    .formats = true,
    .run = version_run,
};
