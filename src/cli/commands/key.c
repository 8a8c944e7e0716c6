/* key: API keys of the team. */
#include <stdlib.h>

#include "cli/cli.h"

static wrn_json *key_to_json(const wrenn_api_key *key) {
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, "id", key->id);
    wrn_json_set_string(object, "name", key->name ? key->name : "");
    wrn_json_set_string(object, "key_prefix", key->key_prefix ? key->key_prefix : "");
    wrn_json_set_string(object, "created_at", key->created_at ? key->created_at : "");
    if (key->last_used) wrn_json_set_string(object, "last_used", key->last_used);
    if (key->key) wrn_json_set_string(object, "key", key->key);
    return object;
}

static int key_create(cli_app *cli, void *values) {
    wrenn_api_key *key = NULL;
    const char *name = cli->word_count ? cli->words[0] : NULL;
    int code = CLI_FAILED;
    (void)values;
    if (!cli_connect(cli)) return CLI_FAILED;
    if (!CLI_GET(cli, NULL, wrenn_api_keys_create, (cli->client, name, NULL), &key)) return CLI_FAILED;
    if (cli->format == CLI_FORMAT_TEXT) printf("%s\n", key->key ? key->key : ""), code = 0;
    else code = cli_print_object(cli, key->id, key_to_json(key));
    wrenn_api_key_free(key);
    return code;
}

static int key_list(cli_app *cli, void *values) {
    static const char *const titles[] = {"ID", "NAME", "KEY", "CREATED", "LAST USED", NULL};
    wrenn_api_key_list *found = NULL;
    (void)values;
    if (!cli_connect(cli)) return CLI_FAILED;
    if (!CLI_GET(cli, NULL, wrenn_api_keys_list, (cli->client, NULL), &found)) return CLI_FAILED;
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < found->items_count; i++) {
        const wrenn_api_key *key = found->items[i];
        char prefix[40], created[32], used[32];
        snprintf(prefix, sizeof(prefix), "%.30s...", key->key_prefix ? key->key_prefix : "");
        cli_say_age(created, key->created_at);
        cli_say_age(used, key->last_used);
        const char *const cells[] = {key->id, key->name, prefix, created, used};
        cli_rows_add(rows, key->id, key_to_json(key), cells);
    }
    wrenn_api_key_list_free(found);
    return cli_rows_print(rows);
}

/* The id of the key that is meant. The caller frees it. NULL: reported. */
static char *find_key(cli_app *cli, const char *word) {
    cli_choice choice = {.what = CLI_WORD_KEY, .word = word, .all = true};
    wrenn_api_key_list *list = NULL;
    if (!CLI_GET(cli, word, wrenn_api_keys_list, (cli->client, NULL), &list)) return NULL;
    for (size_t i = 0; i < list->items_count; i++) cli_choice_offer(&choice, list->items[i]->id, list->items[i]->name);
    char *id = cli_choice_end(&choice);
    wrenn_api_key_list_free(list);
    return id;
}

static char *drop_key(cli_app *cli, const char *word) {
    char *id = find_key(cli, word);
    if (id && !CLI_DO(cli, id, wrenn_api_keys_delete, (cli->client, id, NULL))) free(WRN_TAKE(id));
    return id;
}

static int key_drop(cli_app *cli, void *values) { return (void)values, cli_each_word(cli, "id", drop_key); }

static const cli_operand name[] = {{"NAME", CLI_WORD_ANY, CLI_OPTIONAL}, {0}};
static const cli_operand ids[] = {{"ID", CLI_WORD_KEY, CLI_MANY}, {0}};
static const cli_example create_examples[] = {{"into a context", "key create ci > key"}, {0}};
static const cli_example ls_examples[] = {{"their names, and how each begins", "key ls"}, {0}};
static const cli_example rm_examples[] = {{"it stops working at once", "key rm key-1a2b"}, {0}};

static const cli_command below[] = {
    {.name = "create",
     .summary = "make an API key, and print it: it is shown only once",
     .operands = name,
     .examples = create_examples,
     .formats = true,
     .server = CLI_SERVER_GIVEN,
     .run = key_create},
    {.name = "ls",
     .summary = "list the API keys, without the keys themselves",
     .examples = ls_examples,
     .formats = true,
     .server = CLI_SERVER_GIVEN,
     .run = key_list},
    {.name = "rm",
     .summary = "delete API keys",
     .details = "ID is an id, the start of one, or a name.\n",
     .operands = ids,
     .examples = rm_examples,
     .formats = true,
     .server = CLI_SERVER_GIVEN,
     .run = key_drop},
    {0},
};

const cli_command cli_command_key = {
    .name = "key",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "make, list and delete API keys",
    .details = "They need a user token: 'wrenn login', or WRENN_TOKEN.\n",
    .below = below,
};
