/* Man pages and docs/cli.md, from the rows. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

/* ---- man ---- */

/* Text for troff: backslashes and hyphens are meant as they are, and no line begins a request. */
static void man_text(FILE *out, const char *text) {
    bool at_start = true;
    for (; *text; text++) {
        if (at_start && (*text == '.' || *text == '\'')) fputs("\\&", out);
        if (*text == '\\') fputs("\\e", out);
        else if (*text == '-') fputs("\\-", out);
        else putc(*text, out);
        at_start = *text == '\n';
    }
}

static void man_sentence(FILE *out, const char *text) {
    putc(toupper((unsigned char)*text), out);
    man_text(out, text + 1);
    fputs(".\n", out);
}

static void man_options(FILE *out, const cli_option *option) {
    for (; option && option->name; option++) {
        fputs(".TP\n", out);
        if (option->letter) fprintf(out, "\\fB\\-%c\\fR, ", option->letter);
        fputs("\\fB\\-\\-", out);
        man_text(out, option->name);
        fputs("\\fR", out);
        if (option->value) fputs(" \\fI", out), man_text(out, option->value), fputs("\\fR", out);
        putc('\n', out);
        WRN_AUTO(wrn_buf_free) wrn_buf help = WRN_BUF_INIT;
        cli_put_help(&help, option);
        man_sentence(out, help.data ? help.data : option->help);
    }
}

static void man_body(FILE *out, const cli_command *parent, const cli_command *command, const char *level) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    const cli_option *tables[CLI_TABLES];
    size_t count = cli_tables(command, tables);
    cli_synopsis(parent, command, &line);
    fputs(".PP\n.B wrenn ", out);
    man_text(out, line.failed ? command->name : line.data);
    fputs("\n.PP\n", out);
    man_sentence(out, command->summary);
    if (command->details) fputs(".PP\n", out), man_text(out, command->details);
    if (command->below) return;
    if (count) fprintf(out, ".%s OPTIONS\n", level);
    for (size_t i = 0; i < count; i++) man_options(out, tables[i]);
    fprintf(out, ".%s EXAMPLES\n", level);
    for (const cli_example *example = command->examples; example->line; example++) {
        fputs(".TP\n", out);
        man_sentence(out, example->does);
        fputs(".nf\n\\fBwrenn ", out);
        man_text(out, example->line);
        fputs("\\fR\n.fi\n", out);
    }
    fprintf(out, ".%s EXIT STATUS\n", level);
    for (const cli_exit *exit = command->exits ? command->exits : cli_exits_plain; exit->code; exit++) {
        fputs(".TP\n.B ", out);
        man_text(out, exit->code);
        putc('\n', out);
        man_sentence(out, exit->means);
    }
}

static void man_begin(FILE *out, const char *name, const char *summary) {
    char title[64];
    size_t size = 0;
    for (const char *c = name; *c && size + 1 < sizeof(title); c++) title[size++] = (char)toupper((unsigned char)*c);
    title[size] = '\0';
    fprintf(out,
            ".\\\" Made from the tables of the program.\n.TH \"%s\" 1 \"\" \"wrenn %s\" \"Wrenn for C\"\n.SH NAME\n",
            title, wrenn_version());
    man_text(out, name);
    fputs(" \\- ", out);
    man_text(out, summary);
    fputs("\n.SH SYNOPSIS\n", out);
}

static void man_command(FILE *out, const cli_command *command) {
    char name[64];
    snprintf(name, sizeof(name), "wrenn-%s", command->name);
    man_begin(out, name, command->summary);
    man_body(out, NULL, command, "SH");
    for (const cli_command *below = command->below; below && below->name; below++) {
        fprintf(out, ".SH COMMAND %s\n", below->name);
        man_body(out, command, below, "SS");
    }
    fputs(".SH SEE ALSO\n.BR wrenn (1)\n", out);
}

static void man_overview(FILE *out) {
    man_begin(out, "wrenn", "run programs in sandboxes");
    fputs(".B wrenn \\fICOMMAND\\fR [\\fIOPTIONS\\fR] ...\n.SH DESCRIPTION\n", out);
    man_text(out, "Runs programs in sandboxes. Unless it is said which server to use, sandboxes that stay are on a\n"
                  "server of the user's own, which starts by itself: see wrenn-serve(1).\n");
    for (int group = 0; group < CLI_GROUP_HIDDEN; group++) {
        fprintf(out, ".SH COMMANDS: %s\n", cli_group_titles[group]);
        for (const cli_command *const *command = cli_commands; *command; command++) {
            if ((int)(*command)->group != group) continue;
            fputs(".TP\n.BR wrenn\\-", out);
            man_text(out, (*command)->name);
            fputs(" (1)\n", out);
            man_sentence(out, (*command)->summary);
        }
    }
    fputs(".SH OPTIONS OF ALL COMMANDS\n", out);
    man_options(out, cli_global_options);
    fputs(".SH ENVIRONMENT\n", out);
    static const char *const variables[][2] = {
        {"WRENN_BASE_URL", "the server: https://..., http://..., unix:/path or local:"},
        {"WRENN_API_KEY", "the API key"},
        {"WRENN_TOKEN", "the user token, for API keys and hosts"},
        {"WRENN_CONTEXT", "the context to use"},
        {"WRENN_WRENND", "the wrennd to start"},
        {"NO_COLOR", "when it is set, nothing is coloured"},
    };
    for (size_t i = 0; i < WRN_COUNT(variables); i++) {
        fprintf(out, ".TP\n.B %s\n", variables[i][0]);
        man_sentence(out, variables[i][1]);
    }
    fputs(".SH FILES\n.TP\n.I ~/.config/wrenn/config.json\nContexts, with their keys; see wrenn\\-context(1).\n", out);
}

static bool write_page(const char *directory, const cli_command *command) {
    WRN_AUTO(wrn_buf_free) wrn_buf path = WRN_BUF_INIT;
    wrn_buf_printf(&path, "%s/wrenn%s%s.1", directory, command ? "-" : "", command ? command->name : "");
    FILE *out = path.failed ? NULL : fopen(path.data, "we");
    if (out && command) man_command(out, command);
    else if (out) man_overview(out);
    bool ok = out && !ferror(out);
    ok = out && fclose(out) == 0 && ok;
    if (!ok) cli_complain("can't write %s: %s", path.failed ? directory : path.data, strerror(errno));
    return ok;
}

bool cli_write_pages(const char *directory) {
    bool ok = write_page(directory, NULL);
    for (const cli_command *const *command = cli_commands; *command && ok; command++)
        if ((*command)->group != CLI_GROUP_HIDDEN) ok = write_page(directory, *command);
    return ok;
}

/* ---- docs/cli.md ---- */

/* Text for Markdown, where it is not code. */
static void md_text(FILE *out, const char *text) {
    for (; *text; text++) {
        if (strchr("\\`*_<>[]|", *text)) putc('\\', out);
        putc(*text, out);
    }
}

static void md_options(FILE *out, const cli_option *option) {
    for (; option && option->name; option++) {
        fputs("| `", out);
        if (option->letter) fprintf(out, "-%c, ", option->letter);
        fprintf(out, "--%s%s%s` | ", option->name, option->value ? " " : "", option->value ? option->value : "");
        WRN_AUTO(wrn_buf_free) wrn_buf help = WRN_BUF_INIT;
        cli_put_help(&help, option);
        md_text(out, help.data ? help.data : option->help);
        fputs(" |\n", out);
    }
}

static void md_command(FILE *out, const cli_command *parent, const cli_command *command) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    const cli_option *tables[CLI_TABLES];
    size_t count = cli_tables(command, tables);
    cli_synopsis(parent, command, &line);
    fprintf(out, "\n%s wrenn %s%s%s\n\n`wrenn %s`\n\n%c", parent ? "####" : "###", parent ? parent->name : "",
            parent ? " " : "", command->name, line.failed ? command->name : line.data, toupper(*command->summary));
    md_text(out, command->summary + 1);
    fputs(".\n", out);
    if (command->details) fputs("\n", out), md_text(out, command->details);
    for (const cli_command *below = command->below; below && below->name; below++) md_command(out, command, below);
    if (command->below) return;
    if (count) fputs("\n| option | |\n|---|---|\n", out);
    for (size_t i = 0; i < count; i++) md_options(out, tables[i]);
    fputs("\n```sh\n", out);
    for (const cli_example *example = command->examples; example->line; example++)
        fprintf(out, "wrenn %s   # %s\n", example->line, example->does);
    fputs("```\n", out);
}

static void md_exits(FILE *out, const char *title, const cli_exit *exit) {
    fprintf(out, "\n| %s | |\n|---|---|\n", title);
    for (; exit->code; exit++) {
        fprintf(out, "| %s | ", exit->code);
        md_text(out, exit->means);
        fputs(" |\n", out);
    }
}

void cli_print_reference(FILE *out) {
    fputs(
        "# The wrenn command\n\nMade by `wrenn _man --markdown` from the same tables as `wrenn help`, the man pages and "
        "completion.\n",
        out);
    fputs("\n## Options of all commands\n\n| option | |\n|---|---|\n", out);
    md_options(out, cli_global_options);
    fputs(
        "\nOptions stand anywhere behind the command. After `--` nothing is an option any more, nor after the name of a\n"
        "program that is to run. `-o json` gives one JSON value, `-o jsonl` one object a line, `-o name` only names.\n",
        out);
    fputs("\n## Exit codes\n", out);
    md_exits(out, "most commands", cli_exits_plain);
    md_exits(out, "run, exec, shell", cli_exits_program);
    for (int group = 0; group < CLI_GROUP_HIDDEN; group++) {
        const char *title = cli_group_titles[group];
        fprintf(out, "\n## %c%s\n", toupper(*title), title + 1);
        for (const cli_command *const *command = cli_commands; *command; command++)
            if ((int)(*command)->group == group) md_command(out, NULL, *command);
    }
}
