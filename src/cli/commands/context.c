/* context: names for servers, with their credentials. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

/* ---- the file as a list ---- */

static const char *name_of(const wrn_json *context) {
    const char *name = wrn_json_text(context, "name");
    return name ? name : "";
}

static const wrn_json *context_find(const wrn_json *root, const char *name) {
    const wrn_json *contexts = wrn_json_get(root, "contexts");
    for (size_t i = 0; i < wrn_json_count(contexts); i++)
        if (strcmp(name_of(wrn_json_at(contexts, i)), name) == 0) return wrn_json_at(contexts, i);
    return NULL;
}

/* ---- add ---- */

typedef struct add_values {
    bool key_stdin, token_stdin, use;
} add_values;

static const cli_option add_options[] = {
    {"key-stdin", 0, CLI_FLAG, offsetof(add_values, key_stdin), NULL, "read the API key from stdin", NULL, 0, 0,
     CLI_WORD_ANY},
    {"token-stdin", 0, CLI_FLAG, offsetof(add_values, token_stdin), NULL, "read a user token from stdin", NULL, 0, 0,
     CLI_WORD_ANY},
    {"use", 0, CLI_FLAG, offsetof(add_values, use), NULL, "use it from now on", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

/* Asks on a terminal, without echo. */
static char *read_secret(const char *what) {
    return isatty(STDIN_FILENO) ? cli_ask_secret(what) : cli_read_secret(what);
}

static bool is_name(const char *text) {
    size_t size = strlen(text);
    return size && size <= 64 && *text != '-' &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == size;
}

/* The library knows what a base URL is. */
static bool check_url(const char *url) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    options.base_url = url;
    options.api_key = "none";
    if (strcmp(url, "local:") == 0)
        return cli_complain("local: is a private server of each program, and needs no context"), false;
    if (wrenn_client_new(&options, &client, &error) < 0) cli_report(NULL, error);
    bool ok = client != NULL;
    wrenn_client_free(client);
    return ok;
}

static int add(cli_app *cli, void *given) {
    add_values *values = given;
    const char *name = cli->words[0];
    if (!is_name(name)) return cli_usage(cli, "'%s' is not a name: letters, digits, '.', '_' and '-'", name);
    if (!cli->url) return cli_usage(cli, "missing option --url");
    if (values->key_stdin && values->token_stdin)
        return cli_usage(cli, "--key-stdin and --token-stdin both read stdin");
    if (!check_url(cli->url)) return CLI_FAILED;
    char *secret = NULL;
    if ((values->key_stdin || values->token_stdin) &&
        !(secret = read_secret(values->key_stdin ? "API key" : "user token")))
        return CLI_FAILED;
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    if (!cli_config_load(&root)) return free(secret), CLI_FAILED;
    const char *current = wrn_json_text(root, "current");
    wrn_json *context = wrn_json_new_object();
    wrn_json_set_string(context, "name", name);
    wrn_json_set_string(context, "url", cli->url);
    if (secret) wrn_json_set_string(context, values->key_stdin ? "key" : "token", secret);
    if (secret) explicit_bzero(secret, strlen(secret));
    free(secret);
    bool use = values->use || !current; /* the first one is meant to be used */
    if (!cli_context_put(name, context, use)) return CLI_FAILED;
    if (isatty(STDERR_FILENO)) fprintf(stderr, "context %s%s\n", name, use ? ", in use from now on" : "");
    return 0;
}

/* ---- use, ls, rm ---- */

static int context_say_none(const wrn_json *root, const char *name) {
    const wrn_json *contexts = wrn_json_get(root, "contexts");
    const char *best = NULL;
    for (size_t i = 0; i < wrn_json_count(contexts); i++) cli_suggest(name, name_of(wrn_json_at(contexts, i)), &best);
    return cli_say_none(CLI_WORD_CONTEXT, name, best), CLI_FAILED;
}

static int use(cli_app *cli, void *values) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    const char *name = cli->words[0];
    (void)values;
    if (!cli_config_load(&root)) return CLI_FAILED;
    if (!context_find(root, name)) return context_say_none(root, name);
    if (!wrn_json_set_string(root, "current", name)) return cli_complain("out of memory"), CLI_FAILED;
    return cli_config_save(root) ? 0 : CLI_FAILED;
}

static int unset(cli_app *cli, void *values) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    (void)cli, (void)values;
    if (!cli_config_load(&root)) return CLI_FAILED;
    if (!root) return 0;
    wrn_json_set_null(root, "current");
    return cli_config_save(root) ? 0 : CLI_FAILED;
}

static int context_list(cli_app *cli, void *values) {
    static const char *const titles[] = {"NAME", "CURRENT", "URL", "API KEY", "LOGGED IN AS", NULL};
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    (void)values;
    if (!cli_config_load(&root)) return CLI_FAILED;
    const char *current = wrn_json_text(root, "current");
    const wrn_json *contexts = wrn_json_get(root, "contexts");
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < wrn_json_count(contexts); i++) {
        const wrn_json *context = wrn_json_at(contexts, i);
        const char *name = name_of(context), *url = wrn_json_text(context, "url"),
                   *email = wrn_json_text(context, "email");
        bool is_current = current && strcmp(current, name) == 0, has_key = wrn_json_get(context, "key");
        wrn_json *object = wrn_json_new_object();
        wrn_json_set_string(object, "name", name);
        wrn_json_set_bool(object, "current", is_current);
        wrn_json_set_string(object, "url", url ? url : "");
        wrn_json_set_bool(object, "has_key", has_key);
        wrn_json_set_bool(object, "has_token", wrn_json_get(context, "token"));
        const char *const cells[] = {name, is_current ? "*" : "", url, has_key ? "yes" : "no", email};
        cli_rows_add(rows, name, object, cells);
    }
    return cli_rows_print(rows);
}

static int context_drop(cli_app *cli, void *values) {
    (void)values;
    int code = 0;
    for (size_t i = 0; i < cli->word_count; i++) {
        WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
        if (!cli_config_load(&root)) return CLI_FAILED;
        if (!context_find(root, cli->words[i])) {
            code = context_say_none(root, cli->words[i]);
        } else if (!cli_context_put(cli->words[i], NULL, false)) {
            return CLI_FAILED;
        }
    }
    return code;
}

static const cli_operand new_name[] = {{"NAME", CLI_WORD_ANY, 0}, {0}};
static const cli_operand one_name[] = {{"NAME", CLI_WORD_CONTEXT, 0}, {0}};
static const cli_operand names[] = {{"NAME", CLI_WORD_CONTEXT, CLI_MANY}, {0}};

static const cli_example add_examples[] = {
    {"a server and its key, from a file", "context add work --url https://wrenn.example/api --key-stdin < key"},
    {"asked for on the terminal", "context add home --url http://127.0.0.1:8080 --key-stdin --use"},
    {0},
};
static const cli_example use_examples[] = {{"from now on", "context use work"}, {0}};
static const cli_example unset_examples[] = {{"use your own server again", "context unset"}, {0}};
static const cli_example ls_examples[] = {{"all of them, without their keys", "context ls"}, {0}};
static const cli_example rm_examples[] = {{"forget one, with its key", "context rm work"}, {0}};

static const cli_command below[] = {
    {.name = "add",
     .summary = "add a context, or replace the one of that name",
     .details = "Keys are read from stdin, or asked for: others can see what is on a command line.\n",
     .operands = new_name,
     .options = add_options,
     .examples = add_examples,
     .values_size = sizeof(add_values),
     .run = add},
    {.name = "use",
     .summary = "use this context from now on",
     .operands = one_name,
     .examples = use_examples,
     .run = use},
    {.name = "unset", .summary = "use none of them from now on", .examples = unset_examples, .run = unset},
    {.name = "ls", .summary = "list the contexts", .examples = ls_examples, .formats = true, .run = context_list},
    {.name = "rm", .summary = "forget contexts", .operands = names, .examples = rm_examples, .run = context_drop},
    {0},
};

const cli_command cli_command_context = {
    .name = "context",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "keep servers and their keys under names",
    .details =
        "Which server a command uses is said by, in this order: --url or --context; WRENN_BASE_URL, WRENN_API_KEY\n"
        "and WRENN_TOKEN; WRENN_CONTEXT; the context in use. Without any it is your own server, which starts by\n"
        "itself. Contexts are in $XDG_CONFIG_HOME/wrenn/config.json or ~/.config/wrenn/config.json; nobody else\n"
        "must be able to read that file.\n",
    .below = below,
};
