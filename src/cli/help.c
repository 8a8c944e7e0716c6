/* --help, from the rows. */
#include <string.h>

#include "cli/cli.h"

enum { COLUMN = 29, COLUMNS = 104 };

/* From that column on, in as many lines as it takes. */
static void print_wrapped(const char *text) {
    size_t at = COLUMN;
    for (size_t size; *text; text += size + (text[size] == ' ')) {
        size = strcspn(text, " ");
        bool breaks = at > COLUMN && at + 1 + size > COLUMNS;
        if (breaks) printf("\n%*s", COLUMN, "");
        else if (at > COLUMN) putchar(' ');
        at = (breaks ? COLUMN : at + (at > COLUMN)) + size;
        printf("%.*s", (int)size, text);
    }
    putchar('\n');
}

static void print_options(const cli_option *option) {
    for (; option && option->name; option++) {
        WRN_AUTO(wrn_buf_free) wrn_buf help = WRN_BUF_INIT;
        char left[64];
        snprintf(left, sizeof(left), "--%s%s%s", option->name, option->value ? " " : "",
                 option->value ? option->value : "");
        cli_put_help(&help, option);
        if (option->letter) printf("  -%c, %-22s ", option->letter, left);
        else printf("      %-22s ", left);
        print_wrapped(help.data ? help.data : option->help);
    }
}

static void print_overview(void) {
    printf("usage: wrenn COMMAND [OPTIONS] ...\n\nRuns programs in sandboxes.\n");
    for (int group = 0; group < CLI_GROUP_HIDDEN; group++) {
        printf("\n%s:\n", cli_group_titles[group]);
        for (const cli_command *const *command = cli_commands; *command; command++)
            if ((int)(*command)->group == group) printf("  %-13s %s\n", (*command)->name, (*command)->summary);
    }
    printf("\noptions of all commands:\n");
    print_options(cli_global_options);
    printf(
        "\nexamples:\n"
        "  wrenn run -- echo hello        run a program in a new sandbox\n"
        "  wrenn create --name work       make one that stays\n"
        "  wrenn shell work               and work in it\n\n"
        "Nothing needs to be set up: unless you say which server to use, sandboxes that stay are on a server of your\n"
        "own, which starts by itself. 'wrenn help COMMAND' explains a command.\n");
}

static void print_below(const cli_command *command) {
    printf("\ncommands:\n");
    for (const cli_command *below = command->below; below->name; below++)
        printf("  %-10s %s\n", below->name, below->summary);
    printf("\nexamples:\n");
    for (const cli_command *below = command->below; below->name; below++) printf("  wrenn %s\n", below->examples->line);
    printf("\n'wrenn help %s COMMAND' explains one.\n", command->name);
}

void cli_print_help(const cli_command *parent, const cli_command *command) {
    if (!command) {
        print_overview();
        return;
    }
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    cli_synopsis(parent, command, &line);
    printf("usage: wrenn %s\n\n%c%s.\n", line.failed ? command->name : line.data, command->summary[0] & ~0x20,
           command->summary + 1);
    if (command->details) printf("\n%s", command->details);
    if (command->below) {
        print_below(command);
        return;
    }
    const cli_option *tables[CLI_TABLES];
    size_t count = cli_tables(command, tables);
    if (count) printf("\noptions:\n");
    for (size_t i = 0; i < count; i++) print_options(tables[i]);
    printf("\nexamples:\n");
    for (const cli_example *example = command->examples; example->line; example++)
        printf("  # %s\n  wrenn %s\n", example->does, example->line);
    printf("\nexit codes:\n");
    for (const cli_exit *exit = command->exits ? command->exits : cli_exits_plain; exit->code; exit++)
        printf("  %-6s %s\n", exit->code, exit->means);
    printf("\noptions of all commands (--context, --url, -o, --timing): see 'wrenn help'\n");
}
