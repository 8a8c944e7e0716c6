/* files: looking at files of a sandbox, and small changes. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

/* ---- ls ---- */

typedef struct ls_values {
    int64_t depth;
} ls_values;

static const cli_option ls_options[] = {
    {"depth", 0, CLI_INT, offsetof(ls_values, depth), "N", "also what is so many levels below", NULL, 1, 256,
     CLI_WORD_ANY},
    {0},
};

static void add_entry(cli_rows *rows, const wrenn_file_entry *entry, bool paths) {
    char modified[WRN_RFC3339_SIZE], mode[16], name[4400];
    wrn_rfc3339(modified, entry->modified_at);
    snprintf(mode, sizeof(mode), "%.15s", entry->permissions ? entry->permissions : "");
    snprintf(name, sizeof(name), "%s%s%s", paths ? entry->path : entry->name, entry->symlink_target ? " -> " : "",
             entry->symlink_target ? entry->symlink_target : "");
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, "name", entry->name);
    wrn_json_set_string(object, "path", entry->path);
    wrn_json_set_string(object, "type", entry->type_text ? entry->type_text : "");
    wrn_json_set_int(object, "size", entry->size);
    wrn_json_set_int(object, "mode", entry->mode);
    wrn_json_set_string(object, "owner", entry->owner ? entry->owner : "");
    wrn_json_set_string(object, "group", entry->group ? entry->group : "");
    wrn_json_set_string(object, "modified_at", modified);
    if (entry->symlink_target) wrn_json_set_string(object, "symlink_target", entry->symlink_target);
    const char *const cells[] = {mode, entry->owner, entry->group, cli_number(entry->size), modified, name};
    cli_rows_add(rows, paths ? entry->path : entry->name, object, cells);
}

static int list(cli_app *cli, void *given) {
    static const char *const titles[] = {"MODE", "OWNER", "GROUP", ">SIZE", "MODIFIED", "NAME", NULL};
    ls_values *values = given;
    const char *path = cli->word_count > 1 ? cli->words[1] : "~";
    wrenn_file_list *found = NULL;
    int code = CLI_FAILED;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    if (sandbox && CLI_GET(cli, path, wrenn_sandbox_list_dir, (sandbox, path, values->depth, NULL), &found)) {
        cli_rows *rows = cli_rows_new(cli, titles);
        for (size_t i = 0; i < found->items_count; i++) add_entry(rows, found->items[i], values->depth > 1);
        code = cli_rows_print(rows);
    }
    wrenn_file_list_free(found);
    wrenn_sandbox_free(sandbox);
    return code;
}

/* ---- what is done to each path ---- */

static int each_path(cli_app *cli, bool (*act)(cli_app *cli, wrenn_sandbox *sandbox, const char *path)) {
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    int code = sandbox ? 0 : CLI_FAILED;
    for (size_t i = 1; sandbox && i < cli->word_count && !cli->signal; i++)
        if (!act(cli, sandbox, cli->words[i])) code = CLI_FAILED;
    wrenn_sandbox_free(sandbox);
    return code;
}

static bool print_file(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    cli_let_signals_end(cli, true); /* as with cp */
    bool ok = cli_download(cli, sandbox, path, "-");
    cli_let_signals_end(cli, false);
    return ok;
}

static bool make_directory(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    wrenn_file_entry *entry = NULL;
    bool ok = CLI_GET(cli, path, wrenn_sandbox_mkdir, (sandbox, path, NULL), &entry);
    wrenn_file_entry_free(entry);
    return ok;
}

static bool remove_path(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    return CLI_DO(cli, path, wrenn_sandbox_remove, (sandbox, path, NULL));
}

static int cat(cli_app *cli, void *values) { return (void)values, each_path(cli, print_file); }
static int make(cli_app *cli, void *values) { return (void)values, each_path(cli, make_directory); }
static int drop(cli_app *cli, void *values) { return (void)values, each_path(cli, remove_path); }

/* The server has no operation for these: programs of the sandbox do it. */
static int run_there(cli_app *cli, const char *const *argv) {
    static const cli_program plain = {.no_terminal = true};
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    int code = sandbox ? cli_run_program(cli, sandbox, &plain, argv) : CLI_FAILED;
    wrenn_sandbox_free(sandbox);
    return code;
}

static int move(cli_app *cli, void *values) {
    (void)values;
    return run_there(cli, (const char *const[]){"mv", "-f", "--", cli->words[1], cli->words[2], NULL});
}

static int change_mode(cli_app *cli, void *values) {
    (void)values;
    const char **argv = calloc(cli->word_count + 3, sizeof(*argv));
    if (!argv) return cli_complain("out of memory"), CLI_FAILED;
    argv[0] = "chmod";
    argv[1] = "--";
    memcpy(argv + 2, cli->words + 1, cli->word_count * sizeof(*argv));
    int code = run_there(cli, argv);
    free(argv);
    return code;
}

static const cli_operand one_place[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"DIR", CLI_WORD_REMOTE, CLI_OPTIONAL}, {0}};
static const cli_operand places[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"PATH", CLI_WORD_REMOTE, CLI_MANY}, {0}};
static const cli_operand from_to[] = {{"ID", CLI_WORD_SANDBOX, 0},
                                      {"FROM", CLI_WORD_REMOTE, 0},
                                      {"TO", CLI_WORD_REMOTE, 0},
                                      {0}};
static const cli_operand modes[] = {{"ID", CLI_WORD_SANDBOX, 0},
                                    {"MODE", CLI_WORD_ANY, 0},
                                    {"PATH", CLI_WORD_REMOTE, CLI_MANY},
                                    {0}};

static const cli_example ls_examples[] = {{"a directory", "files ls work /etc"},
                                          {"three levels of it, for a script", "files ls -o json --depth 3 work /srv"},
                                          {0}};
static const cli_example cat_examples[] = {{"print a file", "files cat work /etc/os-release"}, {0}};
static const cli_example mkdir_examples[] = {{"with all above it", "files mkdir work /srv/a/b"}, {0}};
static const cli_example rm_examples[] = {{"a directory, with all that is in it", "files rm work /srv/a"}, {0}};
static const cli_example mv_examples[] = {{"rename a file", "files mv work /tmp/a /tmp/b"}, {0}};
static const cli_example chmod_examples[] = {{"make it a program", "files chmod work 755 /srv/run.sh"}, {0}};

static const cli_command below[] = {
    {.name = "ls",
     .summary = "list a directory; default: the home directory",
     .operands = one_place,
     .options = ls_options,
     .examples = ls_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .values_size = sizeof(ls_values),
     .run = list},
    {.name = "cat",
     .summary = "print files",
     .operands = places,
     .examples = cat_examples,
     .server = CLI_SERVER_OWN,
     .run = cat},
    {.name = "mkdir",
     .summary = "make directories, with those above them",
     .operands = places,
     .examples = mkdir_examples,
     .server = CLI_SERVER_OWN,
     .run = make},
    {.name = "rm",
     .summary = "remove files and directories",
     .operands = places,
     .examples = rm_examples,
     .server = CLI_SERVER_OWN,
     .run = drop},
    {.name = "mv",
     .summary = "rename a file or directory",
     .operands = from_to,
     .examples = mv_examples,
     .server = CLI_SERVER_OWN,
     .run = move},
    {.name = "chmod",
     .summary = "change permissions",
     .operands = modes,
     .examples = chmod_examples,
     .server = CLI_SERVER_OWN,
     .run = change_mode},
    {0},
};

const cli_command cli_command_files = {
    .name = "files",
    .group = CLI_GROUP_FILES,
    .summary = "look at files of a sandbox, and change them",
    .details = "Relative paths start at the home directory, which is also what ~ stands for.\n",
    .below = below,
};
