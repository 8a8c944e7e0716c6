/* secret: values of headers that sandboxes send without knowing them. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

typedef struct set_values {
    const char *from_env;
} set_values;

static const cli_option set_options[] = {
    {"from-env", 0, CLI_TEXT, offsetof(set_values, from_env), "NAME",
     "take the value of that environment variable, not of stdin", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

static wrn_json *to_json(const wrenn_secret *secret) {
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, "name", secret->name);
    wrn_json_set_string(object, "created_at", secret->created_at);
    wrn_json_set_string(object, "updated_at", secret->updated_at);
    return object;
}

/* The caller frees it. NULL after a complaint. */
static char *read_value(const set_values *values) {
    if (values->from_env) {
        const char *found = getenv(values->from_env);
        if (found && *found) return strdup(found);
        cli_complain("the environment has no variable %s", values->from_env);
        return NULL;
    }
    if (isatty(STDIN_FILENO)) return cli_ask_secret("Value");
    char *line = NULL;
    size_t capacity = 0;
    ssize_t got = getdelim(&line, &capacity, '\0', stdin);
    if (got > 0 && line[got - 1] == '\n') line[--got] = '\0';
    if (got > 0 && *line) return line;
    free(line);
    cli_complain("there is no value on stdin");
    return NULL;
}

static int set(cli_app *cli, void *given) {
    wrenn_secret *secret = NULL;
    const char *name = cli->words[0];
    char *value = read_value(given);
    int code = CLI_FAILED;
    if (value && cli_connect(cli))
        (void)CLI_GET(cli, name, wrenn_secrets_set, (cli->client, name, value, NULL), &secret);
    if (secret) code = cli_print_object(cli, name, to_json(secret));
    wrenn_secret_free(secret);
    if (value) explicit_bzero(value, strlen(value));
    free(value);
    return code;
}

static int secrets_list(cli_app *cli, void *values) {
    static const char *const titles[] = {"NAME", "CREATED", "CHANGED", NULL};
    wrenn_secret_list *found = NULL;
    (void)values;
    if (!cli_connect(cli)) return CLI_FAILED;
    if (!CLI_GET(cli, NULL, wrenn_secrets_list, (cli->client, NULL), &found)) return CLI_FAILED;
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < found->items_count; i++) {
        const wrenn_secret *secret = found->items[i];
        char created[32], updated[32];
        cli_say_age(created, secret->created_at);
        cli_say_age(updated, secret->updated_at);
        const char *const cells[] = {secret->name, created, updated};
        cli_rows_add(rows, secret->name, to_json(secret), cells);
    }
    wrenn_secret_list_free(found);
    return cli_rows_print(rows);
}

/* Deleting one that is not there is fine for the server; who types its name means one that is. */
static bool has_secret(cli_app *cli, const char *name) {
    wrenn_secret_list *list = NULL;
    const char *best = NULL;
    bool has = false;
    if (!CLI_GET(cli, name, wrenn_secrets_list, (cli->client, NULL), &list)) return false;
    for (size_t i = 0; i < list->items_count; i++) {
        has = has || strcmp(list->items[i]->name, name) == 0;
        cli_suggest(name, list->items[i]->name, &best);
    }
    if (!has) cli_say_none(CLI_WORD_SECRET, name, best);
    wrenn_secret_list_free(list);
    return has;
}

static char *secret_drop(cli_app *cli, const char *name) {
    if (!has_secret(cli, name)) return NULL;
    return CLI_DO(cli, name, wrenn_secrets_delete, (cli->client, name, NULL)) ? strdup(name) : NULL;
}

static int secrets_drop(cli_app *cli, void *values) { return (void)values, cli_each_word(cli, "name", secret_drop); }

static const cli_operand name_operand[] = {{"NAME", CLI_WORD_SECRET, 0}, {0}};
static const cli_operand names[] = {{"NAME", CLI_WORD_SECRET, CLI_MANY}, {0}};
static const cli_example set_examples[] = {
    {"the whole value of the header, from a file", "secret set api < authorization"},
    {"from the environment", "secret set api --from-env API_AUTHORIZATION"},
    {0}};
static const cli_example ls_examples[] = {{"their names", "secret ls"}, {0}};
static const cli_example rm_examples[] = {{"requests that need it are refused from then on", "secret rm api"}, {0}};

static const cli_command below[] = {
    {.name = "set",
     .summary = "store a secret, or give it another value",
     .details =
         "The value is read from stdin, and a line break at its end is left out; a terminal does not show it. It is never\n"
         "shown again. Sandboxes that use the secret send the new value at once.\n",
     .operands = name_operand,
     .options = set_options,
     .examples = set_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .values_size = sizeof(set_values),
     .run = set},
    {.name = "ls",
     .summary = "list the secrets, without their values",
     .examples = ls_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .run = secrets_list},
    {.name = "rm",
     .summary = "delete secrets",
     .operands = names,
     .examples = rm_examples,
     .formats = true,
     .server = CLI_SERVER_OWN,
     .run = secrets_drop},
    {0},
};

const cli_command cli_command_secret = {
    .name = "secret",
    .group = CLI_GROUP_NETWORK,
    .summary = "set, list and delete what sandboxes send without knowing it",
    .details =
        "A secret is the value of a header. '--secret HOST:HEADER=NAME' of 'wrenn create', 'wrenn run' and 'wrenn net' adds it to\n"
        "requests of a sandbox to that host, outside of the sandbox.\n",
    .below = below,
};
