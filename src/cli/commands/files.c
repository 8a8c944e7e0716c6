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
    {"depth", 0, CLI_INT, offsetof(ls_values, depth), "N", "list this many levels of directories", NULL, 1, 256,
     CLI_WORD_ANY},
    {0},
};

static void files_add_entry(cli_rows *rows, const wrenn_file_entry *entry, bool paths) {
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

static int files_list(cli_app *cli, void *given) {
    static const char *const titles[] = {"MODE", "OWNER", "GROUP", ">SIZE", "MODIFIED", "NAME", NULL};
    ls_values *values = given;
    const char *path = cli->word_count > 1 ? cli->words[1] : "~";
    wrenn_file_list *found = NULL;
    int code = CLI_FAILED;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    if (sandbox && CLI_GET(cli, path, wrenn_sandbox_list_dir, (sandbox, path, values->depth, NULL), &found)) {
        cli_rows *rows = cli_rows_new(cli, titles);
        for (size_t i = 0; i < found->items_count; i++) files_add_entry(rows, found->items[i], values->depth > 1);
        code = cli_rows_print(rows);
    }
    wrenn_file_list_free(found);
    wrenn_sandbox_free(sandbox);
    return code;
}

/* ---- what is done to each path ---- */

/* The paths begin with that word. */
static int each_path(cli_app *cli, size_t first, bool (*act)(cli_app *cli, wrenn_sandbox *sandbox, const char *path)) {
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    int code = sandbox ? 0 : CLI_FAILED;
    for (size_t i = first; sandbox && i < cli->word_count && !cli->signal; i++)
        if (!act(cli, sandbox, cli->words[i])) code = CLI_FAILED;
    wrenn_sandbox_free(sandbox);
    return code;
}

static bool print_file(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    cli_let_signals_end(cli, true); /* as with cp */
    bool ok = cli_download(cli, sandbox, path, "-", 0);
    cli_let_signals_end(cli, false);
    return ok;
}

static bool files_make_directory(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    wrenn_file_entry *entry = NULL;
    bool ok = CLI_GET(cli, path, wrenn_sandbox_mkdir, (sandbox, path, NULL), &entry);
    wrenn_file_entry_free(entry);
    return ok;
}

typedef struct rm_values {
    bool recursive, force;
} rm_values;

static const cli_option rm_options[] = {
    {"recursive", 'r', CLI_FLAG, offsetof(rm_values, recursive), NULL,
     "accepted, as of rm: directories always go with all in them", NULL, 0, 0, CLI_WORD_ANY},
    {"force", 'f', CLI_FLAG, offsetof(rm_values, force), NULL,
     "accepted, as of rm: what is not there is never a failure", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

static bool remove_path(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    return CLI_DO(cli, path, wrenn_sandbox_remove, (sandbox, path, NULL));
}

static int cat(cli_app *cli, void *values) { return (void)values, each_path(cli, 1, print_file); }
static int files_make(cli_app *cli, void *values) { return (void)values, each_path(cli, 1, files_make_directory); }
static int files_drop(cli_app *cli, void *values) { return (void)values, each_path(cli, 1, remove_path); }

/* Into a directory that is there it goes by its own name, as with mv. */
static int move(cli_app *cli, void *values) {
    WRN_AUTO(wrn_buf_free) wrn_buf to = WRN_BUF_INIT;
    const char *from = cli->words[1];
    (void)values;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    bool ok = sandbox && cli_place_in(cli, sandbox, from, cli->words[2], &to) &&
              CLI_DO(cli, from, wrenn_sandbox_rename, (sandbox, from, to.data, NULL));
    wrenn_sandbox_free(sandbox);
    return ok ? 0 : CLI_FAILED;
}

/* ---- chmod ---- */

/* What one letter of "rwxXst" stands for, in the places of those whose bits are in `who`. */
static int64_t mode_bits(char letter, int64_t who, int64_t mode, bool directory) {
    switch (letter) {
    case 'r': return 0444 & who;
    case 'w': return 0222 & who;
    case 'X':
        if (!directory && !(mode & 0111)) return 0;
        /* fall through */
    case 'x': return 0111 & who;
    case 's': return (who & 0700 ? 04000 : 0) | (who & 070 ? 02000 : 0);
    case 't': return 01000;
    default: return -1;
    }
}

/* The mode that `words`, such as "u+x,go-w", make of the one that is there. -1: they make no sense. */
static int64_t apply_mode_words(const char *words, int64_t mode, bool directory) {
    for (const char *at = words; *at; at += *at == ',') {
        int64_t who = 0, mask = 0;
        for (; *at && strchr("ugoa", *at); at++) who |= *at == 'u' ? 0700 : *at == 'g' ? 070 : *at == 'o' ? 07 : 0777;
        if (!who) who = 0777, mask = 022; /* as the usual umask has it */
        if (!*at || !strchr("+-=", *at)) return -1;
        while (*at && strchr("+-=", *at)) {
            char act = *at++;
            int64_t bits = 0;
            for (; *at && !strchr("+-=,", *at); at++) {
                int64_t more = mode_bits(*at, who, mode, directory);
                if (more < 0) return -1;
                bits |= more;
            }
            bits &= ~mask;
            if (act == '=')
                mode &= ~(who | (directory ? 0 : mode_bits('s', who, mode, false) | (who == 0777 ? 01000 : 0)));
            mode = act == '-' ? mode & ~bits : mode | bits;
        }
    }
    return mode;
}

static bool change_mode_of(cli_app *cli, wrenn_sandbox *sandbox, const char *path) {
    const char *words = cli->words[1];
    int64_t mode = strtol(words, NULL, 8);
    if (words[strspn(words, "01234567")]) {
        wrenn_file_entry *entry = NULL;
        if (!CLI_GET(cli, path, wrenn_sandbox_stat, (sandbox, path, NULL), &entry)) return false;
        bool known = entry->present & WRENN_HAS_FILE_ENTRY_MODE;
        mode = apply_mode_words(words, entry->mode, entry->type == WRENN_FILE_TYPE_DIRECTORY);
        wrenn_file_entry_free(entry);
        if (!known) return cli_complain("%s: give its permissions in octal, such as 755", path), false;
    }
    return CLI_DO(cli, path, wrenn_sandbox_chmod, (sandbox, path, mode, NULL));
}

static int change_mode(cli_app *cli, void *values) {
    const char *words = cli->words[1];
    (void)values;
    bool octal = *words && !words[strspn(words, "01234567")];
    if (!*words ||
        (octal ? strlen(words) > 5 || strtol(words, NULL, 8) > 07777 : apply_mode_words(words, 0, false) < 0))
        return cli_usage(cli, "'%s' is not a mode: use 755, u+x or go-w", words);
    return each_path(cli, 2, change_mode_of);
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
static const cli_example mkdir_examples[] = {{"with its parents", "files mkdir work /srv/a/b"}, {0}};
static const cli_example rm_examples[] = {{"a directory, with all that is in it", "files rm work /srv/a"}, {0}};
static const cli_example mv_examples[] = {{"rename a file", "files mv work /tmp/a /tmp/b"},
                                          {"into a directory", "files mv work /tmp/b /srv/"},
                                          {0}};
static const cli_example chmod_examples[] = {{"make it a program", "files chmod work 755 /srv/run.sh"},
                                             {"in words", "files chmod work u+x,go-w /srv/run.sh"},
                                             {0}};

static const cli_command below[] = {
    {.name = "ls",
     .summary = "list a directory; default: the home directory",
     .operands = one_place,
     .options = ls_options,
     .examples = ls_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .values_size = sizeof(ls_values),
     .run = files_list},
    {.name = "cat",
     .summary = "print files",
     .operands = places,
     .examples = cat_examples,
     .server = CLI_SERVER_OWN,
     .run = cat},
    {.name = "mkdir",
     .summary = "make directories, with their parents",
     .operands = places,
     .examples = mkdir_examples,
     .server = CLI_SERVER_OWN,
     .run = files_make},
    {.name = "rm",
     .summary = "remove files and directories",
     .operands = places,
     .options = rm_options,
     .values_size = sizeof(rm_values),
     .examples = rm_examples,
     .server = CLI_SERVER_OWN,
     .run = files_drop},
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
