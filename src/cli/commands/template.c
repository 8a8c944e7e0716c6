/* template: what sandboxes are made from. Building is wrennd's, on the machine of the server. */
#include <string.h>

#include "cli/cli.h"

/* What is said on the command line, which wrennd takes apart, and matters to us too. */
typedef struct build_words {
    bool help, says_where;
} build_words;

static build_words look_at_words(cli_app *cli) {
    build_words seen = {0};
    for (const char **word = cli->words; *word; word++) {
        seen.help = seen.help || strcmp(*word, "--help") == 0 || strcmp(*word, "-h") == 0;
        seen.says_where =
            seen.says_where || strncmp(*word, "--data-dir", 10) == 0 || strncmp(*word, "--template-dir", 14) == 0;
        if (strncmp(*word, "--context", 9) == 0 || strncmp(*word, "--url", 5) == 0) cli->url = *word;
    }
    return seen;
}

/* Builds where the user's own server finds it, unless an option says where. */
static int template_build(cli_app *cli, void *values) {
    cli_daemon own;
    char why[1024];
    const char *first[] = {"template", "build", NULL, NULL, NULL};
    (void)values;
    build_words seen = look_at_words(cli);
    if (seen.help) return cli_print_help(cli->parent, cli->command), 0;
    if (seen.says_where) return cli_become_wrennd(first, cli->words);
    const char *other = cli_other_server(cli);
    if (other)
        return cli_usage(
            cli,
            "it builds on this machine, for your own server, and %s says another one: run 'wrennd template "
            "build' where that one runs, or say with --data-dir which of this machine is meant",
            other);
    if (!cli_daemon_place(&own, why, sizeof(why))) return cli_complain("your own server: %s", why), CLI_FAILED;
    first[2] = "--data-dir";
    first[3] = own.directory;
    return cli_become_wrennd(first, cli->words);
}

static int template_list(cli_app *cli, void *values) { return (void)values, cli_list_templates(cli, NULL); }

/* What was built is a directory of the machine on which the server is. */
static bool remove_built(cli_app *cli, const char *name) {
    cli_daemon own;
    char why[1024];
    if (!cli_is_own(cli)) {
        cli_complain("%s: what was built on the machine of a server is removed there: 'wrennd template remove %s'",
                     name, name);
        return false;
    }
    if (!cli_daemon_place(&own, why, sizeof(why))) return cli_complain("your own server: %s", why), false;
    return cli_run_wrennd((const char *const[]){"template", "remove", name, "--data-dir", own.directory, NULL});
}

static char *drop_template(cli_app *cli, const char *name) { return cli_remove_template(cli, name, remove_built); }
static int template_drop(cli_app *cli, void *values) { return (void)values, cli_each_word(cli, "name", drop_template); }

static const cli_operand words[] = {{"NAME", CLI_WORD_ANY, 0},
                                    {"OPTION", CLI_WORD_SOURCE, CLI_OPTIONAL | CLI_MANY},
                                    {0}};
static const cli_operand names[] = {{"NAME", CLI_WORD_TEMPLATE, CLI_MANY}, {0}};
static const cli_example build_examples[] = {{"a minimal Debian", "template build debian --mmdebstrap bookworm"},
                                             {"from an archive", "template build mine --tar root.tar.gz"},
                                             {"for 'wrenn code'", "template build code-interpreter"},
                                             {0}};
static const cli_example ls_examples[] = {{"all of them, snapshots too", "template ls"}, {0}};
static const cli_example rm_examples[] = {{"one that you have built", "template rm debian"}, {0}};

static const cli_command below[] = {
    {.name = "build",
     .summary = "build a template for your own server",
     .details =
         "It is made on this machine, from one of these:\n\n"
         "    --mmdebstrap SUITE     a minimal Debian or Ubuntu, with the packages of --include A,B\n"
         "    --tar FILE             an archive of a root directory; '-' is stdin\n"
         "    --dir DIR              a copy of that directory\n"
         "    --oci DIR[:TAG]        an image of containers, as 'skopeo copy docker://IMAGE oci:DIR:TAG' writes it\n\n"
         "--vcpus N, --memory-mb N, --user NAME, --isolation LEVEL, --start COMMAND, --start-port PORT, --start-early,\n"
         "--mirror URL and --replace are as 'wrennd --help' says. Your own server has it at once. For a server on another\n"
         "machine, run 'wrennd template build' there; for another one on this machine give its --data-dir or --template-dir.\n",
     .operands = words,
     .examples = build_examples,
     .raw = true,
     .run = template_build},
    {.name = "ls",
     .summary = "list templates and snapshots",
     .examples = ls_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .run = template_list},
    {.name = "rm",
     .summary = "remove templates and snapshots",
     .details =
         "Sandboxes made from them go on. Templates are removed from your own server; those of another one are removed by\n"
         "'wrennd template remove' where it runs. Prints the name of each that is gone.\n",
     .operands = names,
     .examples = rm_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .run = template_drop},
    {0},
};

const cli_command cli_command_template = {
    .name = "template",
    .group = CLI_GROUP_TEMPLATES,
    .summary = "build, list and remove what sandboxes are made from",
    .below = below,
};
