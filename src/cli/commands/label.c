/* label: the labels of a sandbox. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* What the words ask for: NAME=VALUE in `set`, NAME of NAME- in `remove`, NULL at the end of both. */
typedef struct changes {
    const char **set;
    char **remove;
} changes;

static bool sort_words(const cli_app *cli, changes *out) {
    size_t sets = 0, removes = 0;
    out->set = calloc(cli->word_count, sizeof(*out->set));
    out->remove = calloc(cli->word_count, sizeof(*out->remove));
    if (!out->set || !out->remove) return cli_complain("out of memory"), false;
    for (size_t i = 1; i < cli->word_count; i++) {
        const char *word = cli->words[i], *equals = strchr(word, '=');
        size_t size = strlen(word);
        bool removes_it = !equals && size > 1 && word[size - 1] == '-';
        if (equals == word || (!equals && !removes_it))
            return cli_usage(cli, "'%s' is neither NAME=VALUE nor NAME-", word), false;
        if (strncmp(word, "name=", 5) == 0 && !cli_check_name(cli, "the name", word + 5)) return false;
        if (equals) out->set[sets++] = word;
        else if (!(out->remove[removes++] = strndup(word, size - 1))) return cli_complain("out of memory"), false;
    }
    return true;
}

static void label_free_changes(const changes *c) {
    for (size_t i = 0; c->remove && c->remove[i]; i++) free(c->remove[i]);
    free(c->remove);
    free(c->set);
}

static int print_labels(const cli_app *cli, const wrenn_sandbox_info *info) {
    static const char *const titles[] = {"NAME", "VALUE", NULL};
    if (cli->format != CLI_FORMAT_TEXT) return cli_print_object(cli, info->id, cli_sandbox_json(info));
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < info->metadata_count; i++) {
        const char *const cells[] = {info->metadata[i]->key, info->metadata[i]->value};
        cli_rows_add(rows, cells[0], wrn_json_new_object(), cells);
    }
    return cli_rows_print(rows);
}

static int change_labels(cli_app *cli, const changes *c) {
    wrenn_sandbox *sandbox = cli_sandbox(cli, *cli->words), *shown = NULL;
    int code = CLI_FAILED;
    if (sandbox && cli->word_count > 1) {
        if (CLI_DO(cli, *cli->words, wrenn_sandbox_update_metadata,
                   (sandbox, c->set, (const char *const *)c->remove, NULL)))
            code = print_labels(cli, wrenn_sandbox_last_info(sandbox));
    } else if (sandbox &&
               CLI_GET(cli, *cli->words, wrenn_sandboxes_get, (cli->client, wrenn_sandbox_id(sandbox), NULL), &shown)) {
        code = print_labels(cli, wrenn_sandbox_last_info(shown));
    }
    wrenn_sandbox_free(shown);
    wrenn_sandbox_free(sandbox);
    return code;
}

static int label_run(cli_app *cli, void *values) {
    changes c = {0};
    int code = CLI_USAGE;
    (void)values;
    if (sort_words(cli, &c)) code = cli_connect(cli) ? change_labels(cli, &c) : CLI_FAILED;
    label_free_changes(&c);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0},
                                       {"LABEL", CLI_WORD_ANY, CLI_OPTIONAL | CLI_MANY},
                                       {0}};

static const cli_example examples[] = {
    {"set one, and remove another", "label work app=web draft-"},
    {"another name", "label work name=play"},
    {"what labels it has", "label work"},
    {0},
};

const cli_command cli_command_label = {
    .name = "label",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "set and remove labels of a sandbox, or show them",
    .details =
        "LABEL is NAME=VALUE to set one, or NAME- to remove one; all others stay. Prints what labels there are\n"
        "then. The label 'name' is the name of the sandbox, which no other one may have. 'wrenn ls --label' finds\n"
        "sandboxes by their labels.\n",
    .operands = operands,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .run = label_run,
};
