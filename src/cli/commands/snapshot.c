/* snapshot: sandboxes turned into templates. */
#include "cli/cli.h"

typedef struct create_values {
    bool overwrite;
} create_values;

static const cli_option create_options[] = {
    {"overwrite", 0, CLI_FLAG, offsetof(create_values, overwrite), NULL, "replace the snapshot of that name", "force",
     0, 0, CLI_WORD_ANY},
    {0},
};

static int snapshot_create(cli_app *cli, void *given) {
    create_values *values = given;
    wrenn_snapshots_create_options options = WRENN_SNAPSHOTS_CREATE_OPTIONS_INIT;
    wrenn_snapshot *snapshot = NULL;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    if (!sandbox) return CLI_FAILED;
    options.sandbox_id = wrenn_sandbox_id(sandbox);
    options.name = cli->word_count > 1 ? cli->words[1] : NULL;
    options.flags = values->overwrite ? WRENN_SNAPSHOTS_CREATE_OVERWRITE : 0;
    cli->does = "making a snapshot";
    bool ok = CLI_GET(cli, cli->words[0], wrenn_snapshots_create, (cli->client, &options), &snapshot);
    int code = CLI_FAILED;
    if (ok && cli->format == CLI_FORMAT_TEXT) printf("%s\n", snapshot->name), code = 0;
    else if (ok) code = cli_print_object(cli, snapshot->name, cli_snapshot_json(snapshot));
    wrenn_snapshot_free(snapshot);
    wrenn_sandbox_free(sandbox);
    return code;
}

static int snapshot_list(cli_app *cli, void *values) { return (void)values, cli_list_templates(cli, "snapshot"); }
static char *delete_snapshot(cli_app *cli, const char *name) { return cli_remove_template(cli, name, NULL); }
static int snapshot_delete(cli_app *cli, void *values) {
    return (void)values, cli_each_word(cli, "name", delete_snapshot);
}

static const cli_operand new_one[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"NAME", CLI_WORD_ANY, CLI_OPTIONAL}, {0}};
static const cli_operand names[] = {{"NAME", CLI_WORD_TEMPLATE, CLI_MANY}, {0}};
static const cli_example create_examples[] = {
    {"then 'wrenn create -T base' starts from it", "snapshot create work base"},
    {"the same name again", "snapshot create --overwrite work base"},
    {0}};
static const cli_example ls_examples[] = {{"all of them", "snapshot ls"}, {0}};
static const cli_example rm_examples[] = {{"one that is not needed any more", "snapshot rm base"}, {0}};

static const cli_command below[] = {
    {.name = "create",
     .summary = "make a snapshot of a sandbox, and print its name",
     .details =
         "The sandbox is paused by it; 'wrenn resume' lets it go on. The snapshot of a virtual machine has its memory:\n"
         "what is made from it goes on where it was. What the sandbox was allowed to reach, the snapshot keeps, for all\n"
         "that is made from it without --net, --allow, --deny, --preset, --secret or --no-net.\n",
     .operands = new_one,
     .options = create_options,
     .examples = create_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .values_size = sizeof(create_values),
     .run = snapshot_create},
    {.name = "ls",
     .summary = "list the snapshots",
     .examples = ls_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .run = snapshot_list},
    {.name = "rm",
     .summary = "delete snapshots; sandboxes made from them go on",
     .operands = names,
     .examples = rm_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .run = snapshot_delete},
    {0},
};

const cli_command cli_command_snapshot = {
    .name = "snapshot",
    .group = CLI_GROUP_TEMPLATES,
    .summary = "turn sandboxes into templates for new ones",
    .below = below,
};
