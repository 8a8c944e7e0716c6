/* template: what sandboxes are made from. Building is wrennd's, on the machine of the server. */
#include <string.h>

#include "cli/cli.h"

/* Builds where the user's own server finds it, unless an option says where. */
static int template_build(cli_app *cli, void *values) {
    cli_daemon own;
    char why[1024];
    const char *const *word = cli->words;
    const char *first[] = {"template", "build", NULL, NULL, NULL};
    (void)values;
    if (*word && (strcmp(*word, "--help") == 0 || strcmp(*word, "-h") == 0))
        return cli_print_help(cli->parent, cli->command), 0;
    for (; *word; word++)
        if (strncmp(*word, "--data-dir", 10) == 0 || strncmp(*word, "--template-dir", 14) == 0)
            return cli_become_wrennd(first, cli->words);
    if (!cli_daemon_place(&own, why, sizeof(why))) return cli_complain("your own server: %s", why), CLI_FAILED;
    first[2] = "--data-dir";
    first[3] = own.directory;
    return cli_become_wrennd(first, cli->words);
}

static int template_list(cli_app *cli, void *values) { return (void)values, cli_list_templates(cli, NULL); }

static int template_drop(cli_app *cli, void *values) {
    const char *first[] = {"template", "remove", cli->words[0], "--data-dir", NULL, NULL};
    cli_daemon own;
    char why[1024];
    (void)values;
    if (!cli_daemon_place(&own, why, sizeof(why))) return cli_complain("your own server: %s", why), CLI_FAILED;
    first[4] = own.directory;
    return cli_become_wrennd(first, NULL);
}

static const cli_operand words[] = {{"NAME", CLI_WORD_ANY, 0}, {"OPTION", CLI_WORD_ANY, CLI_OPTIONAL | CLI_MANY}, {0}};
static const cli_operand name[] = {{"NAME", CLI_WORD_TEMPLATE, 0}, {0}};
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
         "The options are those of 'wrennd template build', which 'wrennd --help' lists; --data-dir is that of your own\n"
         "server unless you give it. No restart is needed.\n",
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
     .summary = "remove a template from your own server",
     .operands = name,
     .examples = rm_examples,
     .run = template_drop},
    {0},
};

const cli_command cli_command_template = {
    .name = "template",
    .group = CLI_GROUP_TEMPLATES,
    .summary = "build, list and remove what sandboxes are made from",
    .below = below,
};
