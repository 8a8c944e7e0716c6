#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"
#include <commands.h> /* made from the list of meson.build */

#define CLI_DECLARE(name) extern const cli_command cli_command_##name;
CLI_COMMANDS(CLI_DECLARE)

#define CLI_ROW(name) &cli_command_##name,
const cli_command *const cli_commands[] = {CLI_COMMANDS(CLI_ROW) NULL};

static int print_version(const cli_app *cli) {
    if (cli->format == CLI_FORMAT_TEXT) return printf("wrenn %s\n", wrenn_version()), 0;
    WRN_AUTO(wrn_json_freep) wrn_json *version = wrn_json_new_object();
    wrn_json_set_string(version, "version", wrenn_version());
    return cli_print_json(version) ? 0 : CLI_FAILED;
}

static int run_command_line(cli_app *cli, char **argv) {
    void *values = NULL;
    int code = CLI_USAGE;
    if (cli_parse(cli, argv, &values)) {
        if (cli->version) code = print_version(cli);
        else if (cli->help) cli_print_help(cli->parent, cli->command), code = 0;
        else if (!cli->command && isatty(STDOUT_FILENO)) cli_print_help(NULL, NULL), code = 0;
        else if (!cli->command) code = cli_usage(cli, "missing command");
        else if (cli->format != CLI_FORMAT_TEXT && !cli->command->formats)
            code = cli_usage(cli, "it prints nothing that --output could change");
        else code = cli->command->run(cli, values);
    }
    cli_disconnect(cli);
    cli_phase(cli, "end");
    cli_values_free(cli, values);
    return cli->signal ? CLI_SIGNAL + cli->signal : code;
}

/* Descriptors 0 to 2 may have been closed; what is opened next must not take their place. Output that is wanted and can't
 * be written is an error, messages are not. */
static void fill_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0) (void)!open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY);
}

/* libcurl's forty libraries would free all they have, which takes longer than what most commands do. */
static void leave(int code) {
    cli_cooked();
#ifndef __SANITIZE_ADDRESS__ /* which looks for leaks at the exit */
    _exit(code);
#endif
    exit(code);
}

int main(int argc, char **argv) {
    fill_standard_descriptors();
    cli_app cli = {.signals = -1, .keep_awake = -1, .began_us = wrn_now_us()};
    int code = run_command_line(&cli, argv + (argc > 0));
    if (cli.signals >= 0) close(cli.signals);
    /* A full disk must not look like success; a reader that closed its end early is not an error. */
    int why = cli_flush();
    if (!why) leave(code);
    if (why != EPIPE) cli_complain("can't write the output: %s", strerror(why));
    return code ? code : why == EPIPE ? CLI_SIGNAL + 13 : cli_failure(&cli);
}
