/* cp: files and trees between here and a sandbox. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

typedef struct cp_values {
    bool keep, recursive;
} cp_values;

static const cli_option options[] = {
    {"archive", 'a', CLI_FLAG, offsetof(cp_values, keep), NULL,
     "keep the bits setuid, setgid and sticky, and owners in trees by number", NULL, 0, 0, CLI_WORD_ANY},
    {"recursive", 'r', CLI_FLAG, offsetof(cp_values, recursive), NULL, "accepted, as of cp: trees are always copied",
     NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

/* Exactly one of the two must be in a sandbox. */
static int cp_refuse(const cli_app *cli, bool both) {
    return cli_usage(cli, both ? "both are in sandboxes: copy to here first, or use '-' and a pipe"
                               : "neither is in a sandbox: one has to be ID:PATH");
}

static int cp_copy(cli_app *cli, const char *id, bool up, const char *from, const char *to, unsigned how) {
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, id);
    /* The library waits for whoever is at the other end of a pipe, and sees to nothing else meanwhile. */
    if (strcmp(up ? from : to, "-") == 0) cli_let_signals_end(cli, true);
    bool ok = sandbox && (up ? cli_upload(cli, sandbox, from, to, how) : cli_download(cli, sandbox, from, to, how));
    wrenn_sandbox_free(sandbox);
    return ok ? 0 : CLI_FAILED;
}

static int cp_run(cli_app *cli, void *values) {
    char *from_id = NULL, *to_id = NULL;
    const char *from, *to;
    unsigned how = CLI_COPY_ARCHIVES | (((const cp_values *)values)->keep ? CLI_COPY_KEEP : 0);
    int code = CLI_FAILED;
    if (cli_split_place(cli->words[0], &from_id, &from) && cli_split_place(cli->words[1], &to_id, &to)) {
        if (!from_id == !to_id) code = cp_refuse(cli, from_id != NULL);
        else code = cp_copy(cli, to_id ? to_id : from_id, to_id != NULL, from, to, how);
    }
    free(from_id);
    free(to_id);
    return code;
}

static const cli_operand operands[] = {{"FROM", CLI_WORD_EITHER, 0}, {"TO", CLI_WORD_EITHER, 0}, {0}};

static const cli_example examples[] = {
    {"a file into a sandbox", "cp data.csv work:/srv/"},
    {"a tree out of it", "cp work:/srv/out ."},
    {"from a pipe; '-' as TO is to one", "cp - work:/tmp/input"},
    {"a directory as a tar archive", "cp work:/srv - > srv.tar"},
    {"and back, as it ends in a slash", "cp - work:/srv/ < srv.tar"},
    {"into the home directory", "cp notes work:"},
    {0},
};

const cli_command cli_command_cp = {
    .name = "cp",
    .group = CLI_GROUP_FILES,
    .summary = "copy files and trees into and out of a sandbox",
    .details =
        "One of the two is ID:PATH. A name with a colon that is here is written ./a:b. Into a directory that is there\n"
        "it goes by its own name, as with cp -r. Permissions and times of trees are kept, as are links, files with\n"
        "several names, and holes. Set-id bits and owners are not, unless --archive asks for them; owners only by\n"
        "root. A file has its old content until the new one is whole, also when the copy is killed. Directories that\n"
        "are there stay as they are. A directory to or from '-' is a tar archive. On a terminal the progress is shown.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(cp_values),
    .run = cp_run,
};
