/* host: the machines that sandboxes run on. */
#include <stdlib.h>

#include "cli/cli.h"

typedef struct host_values {
    wrenn_hosts_create_options create;
    bool force, preview;
} host_values;

static const host_values defaults = {.create = WRENN_HOSTS_CREATE_OPTIONS_INIT};

static const cli_option create_options[] = {
    {"type", 0, CLI_TEXT, offsetof(host_values, create.type), "TYPE", "regular or byoc; default: regular", NULL, 0, 0,
     CLI_WORD_HOST_TYPE},
    {"team", 0, CLI_TEXT, offsetof(host_values, create.team_id), "ID", "the team that owns it, for byoc", NULL, 0, 0,
     CLI_WORD_ANY},
    {"provider", 0, CLI_TEXT, offsetof(host_values, create.provider), "TEXT",
     "who provides the machine, for people to read", NULL, 0, 0, CLI_WORD_ANY},
    {"zone", 0, CLI_TEXT, offsetof(host_values, create.availability_zone), "TEXT", "its availability zone", NULL, 0, 0,
     CLI_WORD_ANY},
    {0},
};
static const cli_option rm_options[] = {
    {"force", 'f', CLI_FLAG, offsetof(host_values, force), NULL, "destroy the sandboxes that are on it", NULL, 0, 0,
     CLI_WORD_ANY},
    {"dry-run", 'n', CLI_FLAG, offsetof(host_values, preview), NULL, "only print the sandboxes that it would destroy",
     NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

static wrn_json *host_to_json(const wrenn_host *host) {
    const char *const texts[][2] = {{"id", host->id},
                                    {"type", host->type},
                                    {"status", host->status_text},
                                    {"provider", host->provider},
                                    {"availability_zone", host->availability_zone},
                                    {"arch", host->arch},
                                    {"address", host->address},
                                    {"last_heartbeat_at", host->last_heartbeat_at},
                                    {"created_at", host->created_at}};
    wrn_json *object = wrn_json_new_object();
    for (size_t i = 0; i < WRN_COUNT(texts); i++)
        if (texts[i][1]) wrn_json_set_string(object, texts[i][0], texts[i][1]);
    wrn_json_set_int(object, "cpu_cores", host->cpu_cores);
    wrn_json_set_int(object, "memory_mb", host->memory_mb);
    wrn_json_set_int(object, "disk_gb", host->disk_gb);
    return object;
}

static int show_token(const cli_app *cli, const wrenn_host_with_token *host) {
    wrn_json *object = host_to_json(host->host);
    wrn_json_set_string(object, "registration_token", host->registration_token ? host->registration_token : "");
    return cli_print_object(cli, host->host->id, object);
}

static int host_create(cli_app *cli, void *given) {
    host_values *values = given;
    wrenn_host_with_token *host = NULL;
    if (!cli_connect(cli)) return CLI_FAILED;
    if (!CLI_GET(cli, NULL, wrenn_hosts_create, (cli->client, &values->create), &host)) return CLI_FAILED;
    int code = show_token(cli, host);
    wrenn_host_with_token_free(host);
    return code;
}

static void free_text(char **text) { free(*text); }

/* Puts the id of the host that is meant in the place of the first word; *id is freed by the caller. False: reported. */
static bool find_host(cli_app *cli, char **id) {
    enum { ID_DIGITS = 25 };
    cli_choice choice = {.what = CLI_WORD_HOST, .word = cli->words[0]};
    wrenn_host_list *list = NULL;
    choice.all = !cli_is_whole_id(choice.word, "host-", ID_DIGITS);
    if (!cli_connect(cli)) return false;
    if (choice.all && !CLI_GET(cli, choice.word, wrenn_hosts_list, (cli->client, NULL), &list)) return false;
    for (size_t i = 0; list && i < list->items_count; i++) cli_choice_offer(&choice, list->items[i]->id, NULL);
    *id = cli_choice_end(&choice);
    wrenn_host_list_free(list);
    return *id;
}

static int renew(cli_app *cli, void *given) {
    wrenn_host_with_token *host = NULL;
    WRN_AUTO(free_text) char *id = NULL;
    (void)given;
    if (!find_host(cli, &id)) return CLI_FAILED;
    if (!CLI_GET(cli, id, wrenn_hosts_regenerate_token, (cli->client, id, NULL), &host)) return CLI_FAILED;
    int code = show_token(cli, host);
    wrenn_host_with_token_free(host);
    return code;
}

static int host_list(cli_app *cli, void *given) {
    static const char *const titles[] = {"ID", "TYPE", "STATUS", ">CORES", ">MEMORY MB", "ADDRESS", NULL};
    wrenn_host_list *found = NULL;
    (void)given;
    if (!cli_connect(cli)) return CLI_FAILED;
    if (!CLI_GET(cli, NULL, wrenn_hosts_list, (cli->client, NULL), &found)) return CLI_FAILED;
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < found->items_count; i++) {
        const wrenn_host *host = found->items[i];
        const char *const cells[] = {
            host->id,     host->type, host->status_text, cli_number(host->cpu_cores), cli_number(host->memory_mb),
            host->address};
        cli_rows_add(rows, host->id, host_to_json(host), cells);
    }
    wrenn_host_list_free(found);
    return cli_rows_print(rows);
}

static int inspect(cli_app *cli, void *given) {
    wrenn_host *host = NULL;
    WRN_AUTO(free_text) char *id = NULL;
    (void)given;
    if (!find_host(cli, &id)) return CLI_FAILED;
    if (!CLI_GET(cli, id, wrenn_hosts_get, (cli->client, id, NULL), &host)) return CLI_FAILED;
    int code = cli_print_object(cli, host->id, host_to_json(host));
    wrenn_host_free(host);
    return code;
}

static int host_drop(cli_app *cli, void *given) {
    host_values *values = given;
    wrenn_hosts_delete_options options = WRENN_HOSTS_DELETE_OPTIONS_INIT;
    wrenn_host_delete_preview *preview = NULL;
    WRN_AUTO(free_text) char *id = NULL;
    options.flags = values->force ? WRENN_HOSTS_DELETE_FORCE : 0;
    if (!find_host(cli, &id)) return CLI_FAILED;
    if (!values->preview) return CLI_DO(cli, id, wrenn_hosts_delete, (cli->client, id, &options)) ? 0 : CLI_FAILED;
    if (!CLI_GET(cli, id, wrenn_hosts_delete_preview, (cli->client, id, NULL), &preview)) return CLI_FAILED;
    for (size_t i = 0; i < preview->sandbox_ids_count; i++) printf("%s\n", preview->sandbox_ids[i]);
    wrenn_host_delete_preview_free(preview);
    return 0;
}

static int tags(cli_app *cli, void *given) {
    static const char *const titles[] = {"TAG", NULL};
    wrenn_tag_list *found = NULL;
    WRN_AUTO(free_text) char *id = NULL;
    (void)given;
    if (!find_host(cli, &id)) return CLI_FAILED;
    if (!CLI_GET(cli, id, wrenn_hosts_list_tags, (cli->client, id, NULL), &found)) return CLI_FAILED;
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < found->items_count; i++) {
        wrn_json *object = wrn_json_new_object();
        wrn_json_set_string(object, "tag", found->items[i]);
        cli_rows_add(rows, found->items[i], object, &found->items[i]);
    }
    wrenn_tag_list_free(found);
    return cli_rows_print(rows);
}

static int tag(cli_app *cli, void *given) {
    int code = 0;
    WRN_AUTO(free_text) char *id = NULL;
    (void)given;
    if (!find_host(cli, &id)) return CLI_FAILED;
    for (size_t i = 1; i < cli->word_count; i++)
        if (!CLI_DO(cli, cli->words[i], wrenn_hosts_add_tag, (cli->client, id, cli->words[i], NULL))) code = CLI_FAILED;
    return code;
}

static int untag(cli_app *cli, void *given) {
    int code = 0;
    WRN_AUTO(free_text) char *id = NULL;
    (void)given;
    if (!find_host(cli, &id)) return CLI_FAILED;
    for (size_t i = 1; i < cli->word_count; i++)
        if (!CLI_DO(cli, cli->words[i], wrenn_hosts_remove_tag, (cli->client, id, cli->words[i], NULL)))
            code = CLI_FAILED;
    return code;
}

static const cli_operand host[] = {{"HOST", CLI_WORD_HOST, 0}, {0}};
static const cli_operand host_tags[] = {{"HOST", CLI_WORD_HOST, 0}, {"TAG", CLI_WORD_ANY, CLI_MANY}, {0}};
static const cli_example create_examples[] = {{"a machine of the team's own", "host create --type byoc --team team-1"},
                                              {0}};
static const cli_example ls_examples[] = {{"all that the team sees", "host ls"}, {0}};
static const cli_example inspect_examples[] = {{"everything about one", "host inspect host-1"}, {0}};
static const cli_example rm_examples[] = {{"what would be destroyed with it", "host rm --dry-run host-1"}, {0}};
static const cli_example token_examples[] = {{"when the first one was not used in time", "host token host-1"}, {0}};
static const cli_example tags_examples[] = {{"what it is tagged with", "host tags host-1"}, {0}};
static const cli_example tag_examples[] = {{"two at once", "host tag host-1 gpu fast"}, {0}};
static const cli_example untag_examples[] = {{"one of them", "host untag host-1 gpu"}, {0}};

static const cli_command below[] = {
    {.name = "create",
     .summary = "create a host, and print the token with which it joins",
     .options = create_options,
     .examples = create_examples,
     .formats = true,
     .server = CLI_SERVER_GIVEN,
     .values_size = sizeof(host_values),
     .defaults = &defaults,
     .run = host_create},
    {.name = "ls",
     .summary = "list the hosts",
     .examples = ls_examples,
     .formats = true,
     .server = CLI_SERVER_GIVEN,
     .run = host_list},
    {.name = "inspect",
     .summary = "show everything about a host",
     .operands = host,
     .examples = inspect_examples,
     .formats = true,
     .server = CLI_SERVER_GIVEN,
     .run = inspect},
    {.name = "rm",
     .summary = "delete a host",
     .operands = host,
     .options = rm_options,
     .examples = rm_examples,
     .server = CLI_SERVER_GIVEN,
     .values_size = sizeof(host_values),
     .run = host_drop},
    {.name = "token",
     .summary = "make a new token for a host that has not joined yet",
     .operands = host,
     .examples = token_examples,
     .formats = true,
     .server = CLI_SERVER_GIVEN,
     .run = renew},
    {.name = "tags",
     .summary = "list the tags of a host",
     .operands = host,
     .examples = tags_examples,
     .formats = true,
     .server = CLI_SERVER_GIVEN,
     .run = tags},
    {.name = "tag",
     .summary = "add tags to a host",
     .operands = host_tags,
     .examples = tag_examples,
     .server = CLI_SERVER_GIVEN,
     .run = tag},
    {.name = "untag",
     .summary = "remove tags from a host",
     .operands = host_tags,
     .examples = untag_examples,
     .server = CLI_SERVER_GIVEN,
     .run = untag},
    {0},
};

const cli_command cli_command_host = {
    .name = "host",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "manage the machines that sandboxes run on",
    .details = "They need a user token: 'wrenn login', or WRENN_TOKEN.\n",
    .below = below,
};
