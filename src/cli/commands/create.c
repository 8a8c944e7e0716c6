/* create: a sandbox that stays. */
#include "cli/cli.h"

static const cli_option options[] = {CLI_CREATION_OPTIONS(0), {0}};

/* --die-with-me: waits until the sandbox is gone; a signal ends the waiting, and then the sandbox is destroyed. */
static int stay(cli_app *cli, wrenn_sandbox *sandbox) {
    wrenn_error *error = NULL;
    cli_flush();
    cli->does = "";
    int rc = CLI_TRY(cli, &error, wrenn_sandbox_hold, (sandbox, NULL));
    if (rc == WRENN_E_CONFLICT) rc = 0; /* it was gone before we asked */
    if (rc == 0) wrenn_error_free(error);
    else cli_settle(cli, wrenn_sandbox_id(sandbox), rc, error);
    cli->does = NULL;
    if (cli->signal) cli_destroy(cli, sandbox);
    return rc == 0 ? 0 : CLI_FAILED;
}

static int create_run(cli_app *cli, void *values) {
    const cli_creation *creation = values;
    if (!cli_check_creation(cli, values, NULL)) return CLI_USAGE;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_create(cli, values);
    if (!sandbox) return CLI_FAILED;
    const char *id = wrenn_sandbox_id(sandbox);
    int code = 0;
    /* The id could not be printed, so nobody could use or remove the sandbox. */
    if (cli->signal) cli_destroy(cli, sandbox);
    else if (cli->format == CLI_FORMAT_TEXT) printf("%s\n", id);
    else code = cli_print_object(cli, id, cli_sandbox_json(wrenn_sandbox_last_info(sandbox)));
    if (creation->dies_with_us && code == 0 && !cli->signal) code = stay(cli, sandbox);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_example examples[] = {
    {"make one, and use its name from then on", "create --name work"},
    {"with limits", "create -m 2g --vcpus 2 -T minimal"},
    {"one that is paused when nobody uses it", "create --idle-timeout 10m"},
    {"one that nobody has to remove", "create --lifetime 2h"},
    {"one that is destroyed when a script ends", "create --die-with-me --name work &"},
    {"only if it has a kernel of its own", "create --isolation vm"},
    {0},
};

const cli_command cli_command_create = {
    .name = "create",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "make a sandbox that stays, and print its id",
    .details =
        "It stays until 'wrenn rm'. Ctrl-C while it is being made destroys it again. With --die-with-me the command\n"
        "runs until the sandbox is gone, or until a signal comes, which destroys the sandbox. If the command is killed,\n"
        "or its machine is gone, the server destroys the sandbox after --lease.\n",
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(cli_creation),
    .run = create_run,
};
