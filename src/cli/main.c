#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

const cli_command *const cli_commands[] = {
    &cli_run_command,   &cli_exec_command,   &cli_ls_command,   &cli_rm_command,
    &cli_serve_command, &cli_doctor_command, &cli_help_command, NULL,
};

static const cli_command *find_command(const char *name) {
    for (const cli_command *const *command = cli_commands; *command; command++)
        if (strcmp((*command)->name, name) == 0) return *command;
    return NULL;
}

static int print_version(const cli_app *cli) {
    if (cli->json) {
        printf("{\"version\": ");
        cli_json_text(stdout, wrenn_version());
        printf("}\n");
    } else {
        printf("wrenn %s\n", wrenn_version());
    }
    return 0;
}

static int run_command_line(cli_app *cli) {
    const char *name;
    if (!cli_next_word(cli, NULL, &name)) return CLI_USAGE;
    if (cli->version) return print_version(cli);
    if (!name && cli->help) return cli_print_help(NULL), 0;
    if (!name) return cli_usage(cli, "no command");
    const cli_command *command = find_command(name);
    if (!command) return cli_usage(cli, "no command '%s'", name);
    cli->command = command;
    return command->run(cli);
}

/* Descriptors 0 to 2 may have been closed; what is opened next must not take their place. Output that is wanted and can't
 * be written is an error, messages are not. */
static void fill_standard_descriptors(void) {
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) < 0) (void)!open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY);
}

int main(int argc, char **argv) {
    fill_standard_descriptors();
    cli_app cli = {.words = argv + (argc > 0), .signals = -1};
    int code = run_command_line(&cli);
    wrenn_client_free(cli.client);
    if (cli.signals >= 0) close(cli.signals);
    /* A full disk must not look like success. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == 0) {
        cli_complain("can't write the output: %s", strerror(errno));
        return CLI_FAILED;
    }
    return code;
}
