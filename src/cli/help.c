#include <string.h>

#include "cli.h"

static void print_options(const cli_option *option) {
    for (; option && option->name; option++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        if (option->letter) printf("  -%c, %-22s %s\n", option->letter, left, option->help);
        else printf("      %-22s %s\n", left, option->help);
    }
}

static void print_overview(void) {
    printf("usage: wrenn [OPTIONS] COMMAND ...\n\nRuns programs in sandboxes.\n\ncommands:\n");
    for (const cli_command *const *command = cli_commands; *command; command++)
        printf("  %-8s %s\n", (*command)->name, (*command)->summary);
    printf("\noptions, also after the command:\n");
    print_options(cli_global_options);
    printf(
        "\nWithout a URL and a key 'wrenn run' starts a private server for as long as it runs. To keep sandboxes between\n"
        "commands, run 'wrenn serve' and set WRENN_BASE_URL and WRENN_API_KEY as it says.\n");
}

void cli_print_help(const cli_command *command) {
    if (!command) {
        print_overview();
        return;
    }
    const bool has_options = command->options || command->what_it_runs;
    printf("usage: wrenn %s%s%s%s\n\n%s\n", command->name, has_options ? " [OPTIONS]" : "",
           *command->operands ? " " : "", command->operands, command->summary);
    if (command->details) printf("\n%s", command->details);
    if (has_options) {
        printf("\noptions:\n");
        print_options(command->options);
        print_options(command->what_it_runs);
    }
    printf("\noptions of all commands: see 'wrenn help'\n");
}

static int run(cli_app *cli) {
    const char *name;
    if (!cli_next_word(cli, NULL, &name)) return CLI_USAGE;
    if (!name) return cli_print_help(NULL), 0;
    for (const cli_command *const *command = cli_commands; *command; command++) {
        if (strcmp((*command)->name, name) == 0) return cli_print_help(*command), 0;
    }
    return cli_usage(cli, "no command '%s'", name);
}

const cli_command cli_help_command = {
    .name = "help",
    .operands = "[COMMAND]",
    .summary = "explain a command",
    .run = run,
};
