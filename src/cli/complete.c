/* Completion: the shells ask the program, so that it offers what the rows say and what the server has. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

/* Where the last word stands. */
typedef struct place {
    const cli_command *parent, *command;
    size_t words;            /* operands before it */
    const char *sandbox;     /* the last operand that is one */
    const char *last;        /* the last operand */
    const cli_option *wants; /* the option whose value it is */
    bool only_words;
} place;

/* `word` may have a value behind "=". */
static const cli_option *find_option(const cli_command *command, const char *word) {
    const cli_option *tables[CLI_TABLES + 1];
    size_t count = command ? cli_tables(command, tables) : 0;
    tables[count++] = cli_global_options;
    for (size_t i = 0; i < count; i++) {
        for (const cli_option *option = tables[i]; option->name; option++) {
            size_t size = word[1] == '-' ? strcspn(word + 2, "=") : 0;
            if (size && strlen(option->name) == size && strncmp(word + 2, option->name, size) == 0) return option;
            if (word[1] != '-' && option->letter && word[1] == option->letter && !word[2]) return option;
        }
    }
    return NULL;
}

static const cli_operand *operand_at(const cli_command *command, size_t index) {
    const cli_operand *operand = command->operands;
    for (size_t i = 0; operand && operand->name; i++, operand++)
        if (i == index || operand->flags & (CLI_MANY | CLI_PROGRAM)) return operand;
    return NULL;
}

static void note_word(place *at, const char *word) {
    const cli_operand *operand = operand_at(at->command, at->words++);
    if (operand && operand->word == CLI_WORD_SANDBOX) at->sandbox = word;
    at->last = word;
    if (operand && operand->flags & CLI_PROGRAM) at->only_words = true;
}

static place find_place(cli_app *cli, const char *const *words, size_t count) {
    place at = {0};
    for (size_t i = 0; i + 1 < count; i++) {
        const char *word = words[i];
        if (!at.only_words && strcmp(word, "--") == 0) {
            at.only_words = true;
        } else if (!at.only_words && word[0] == '-' && word[1]) {
            const cli_option *option = find_option(at.command, word);
            if (!option || option->kind == CLI_FLAG || strchr(word, '=')) continue;
            if (i + 2 == count) at.wants = option;
            else if (strcmp(option->name, "url") == 0) cli->url = words[i + 1];
            else if (strcmp(option->name, "context") == 0) cli->context = words[i + 1];
            i++;
        } else if (!at.command || at.command->below) {
            const cli_command *found = cli_find_command(at.command, word);
            if (!found) return (place){.words = SIZE_MAX};
            at.parent = at.command;
            at.command = found;
        } else {
            note_word(&at, word);
        }
    }
    return at;
}

/* ---- candidates ---- */

static bool begins(const char *text, const char *with) { return strncmp(text, with, strlen(with)) == 0; }

static const char *before = ""; /* what stands before each candidate in the same word */

static void offer(const char *typed, const char *candidate, const char *description) {
    WRN_AUTO(wrn_buf_free) wrn_buf visible = WRN_BUF_INIT;
    if (!candidate || !begins(candidate, typed)) return;
    wrn_buf_puts(&visible, before);
    wrn_buf_puts(&visible, candidate);
    if (description) wrn_buf_putc(&visible, '\t'), cli_put_visible(&visible, description);
    if (!visible.failed) printf("%s\n", visible.data);
}

static void offer_options(const cli_command *command, const char *typed) {
    const cli_option *tables[CLI_TABLES + 1];
    char name[72];
    size_t count = command ? cli_tables(command, tables) : 0;
    tables[count++] = cli_global_options;
    for (size_t i = 0; i < count; i++) {
        for (const cli_option *option = tables[i]; option->name; option++) {
            snprintf(name, sizeof(name), "--%s", option->name);
            offer(typed, name, option->help);
        }
    }
}

static void offer_commands(const cli_command *parent, const char *typed) {
    for (const cli_command *command = parent ? parent->below : NULL; command && command->name; command++)
        offer(typed, command->name, command->summary);
    for (const cli_command *const *command = cli_commands; !parent && *command; command++)
        if ((*command)->group != CLI_GROUP_HIDDEN) offer(typed, (*command)->name, (*command)->summary);
}

/* A key press is not the time to start a server, nor to wait long, nor to complain. */
static bool connect_quietly(cli_app *cli) {
    cli_daemon own;
    char why[256];
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    cli_context context;
    if (!cli_context_choose(cli, &root, &context)) return false;
    bool given = cli->url || context.name || cli_env("WRENN_BASE_URL") || cli_env("WRENN_API_KEY");
    if (!given) {
        if (!cli_daemon_place(&own, why, sizeof(why)) || !cli_daemon_runs(&own)) return false;
        cli->keep_awake = own.connection;
    }
    return cli_connect_to(cli, CLI_SERVER_OWN);
}

enum { PATIENCE_MS = 3000 };

static void offer_sandboxes(cli_app *cli, const char *typed, const char *after) {
    wrenn_call_options options = WRENN_CALL_OPTIONS_INIT;
    wrenn_sandbox_list *list = NULL;
    options.timeout_ms = PATIENCE_MS;
    if (!connect_quietly(cli)) return;
    if (CLI_TRY_GET(cli, NULL, wrenn_sandboxes_list, (cli->client, &options), &list) < 0 || !list) return;
    for (size_t i = 0; i < list->items_count; i++) {
        char name[128], says[128];
        const char *label = cli_label(list->items[i], "name");
        snprintf(says, sizeof(says), "%s, %s", list->items[i]->status_text ? list->items[i]->status_text : "",
                 list->items[i]->template_name ? list->items[i]->template_name : "");
        snprintf(name, sizeof(name), "%s%s", list->items[i]->id, after);
        offer(typed, name, says);
        if (label) snprintf(name, sizeof(name), "%s%s", label, after), offer(typed, name, list->items[i]->id);
    }
    wrenn_sandbox_list_free(list);
}

static void offer_templates(cli_app *cli, const char *typed) {
    wrenn_snapshot_list *list = NULL;
    if (!connect_quietly(cli)) return;
    if (CLI_TRY_GET(cli, NULL, wrenn_snapshots_list, (cli->client, NULL), &list) < 0 || !list) return;
    for (size_t i = 0; i < list->items_count; i++) offer(typed, list->items[i]->name, list->items[i]->type);
    wrenn_snapshot_list_free(list);
}

static void offer_keys(cli_app *cli, const char *typed) {
    wrenn_api_key_list *list = NULL;
    if (!connect_quietly(cli)) return;
    if (CLI_TRY_GET(cli, NULL, wrenn_api_keys_list, (cli->client, NULL), &list) < 0 || !list) return;
    for (size_t i = 0; i < list->items_count; i++) offer(typed, list->items[i]->id, list->items[i]->name);
    wrenn_api_key_list_free(list);
}

static void offer_hosts(cli_app *cli, const char *typed) {
    wrenn_host_list *list = NULL;
    if (!connect_quietly(cli)) return;
    if (CLI_TRY_GET(cli, NULL, wrenn_hosts_list, (cli->client, NULL), &list) < 0 || !list) return;
    for (size_t i = 0; i < list->items_count; i++) offer(typed, list->items[i]->id, list->items[i]->status_text);
    wrenn_host_list_free(list);
}

static void offer_secrets(cli_app *cli, const char *typed) {
    wrenn_secret_list *list = NULL;
    if (!connect_quietly(cli)) return;
    if (CLI_TRY_GET(cli, NULL, wrenn_secrets_list, (cli->client, NULL), &list) < 0 || !list) return;
    for (size_t i = 0; i < list->items_count; i++) offer(typed, list->items[i]->name, NULL);
    wrenn_secret_list_free(list);
}

/* Process ids and tags. */
static void offer_processes(cli_app *cli, const char *id, const char *typed) {
    wrenn_process_list *list = NULL;
    if (!id || !connect_quietly(cli)) return;
    wrenn_sandbox *sandbox = cli_sandbox(cli, id);
    if (sandbox) (void)CLI_TRY_GET(cli, NULL, wrenn_sandbox_processes, (sandbox, NULL), &list);
    for (size_t i = 0; list && i < list->items_count; i++) {
        offer(typed, cli_number(list->items[i]->pid), list->items[i]->cmd);
        offer(typed, list->items[i]->tag, list->items[i]->cmd);
    }
    wrenn_process_list_free(list);
    wrenn_sandbox_free(sandbox);
}

/* Paths inside a sandbox. */
static void offer_paths(cli_app *cli, const char *id, const char *typed) {
    const char *slash = strrchr(typed, '/');
    char directory[1024], candidate[2048];
    wrenn_file_list *list = NULL;
    if (!id || !connect_quietly(cli)) return;
    snprintf(directory, sizeof(directory), "%.*s", slash ? (int)(slash - typed) + 1 : 1, slash ? typed : "~");
    wrenn_sandbox *sandbox = cli_sandbox(cli, id);
    if (sandbox && CLI_TRY_GET(cli, NULL, wrenn_sandbox_list_dir, (sandbox, directory, 1, NULL), &list) >= 0 && list) {
        for (size_t i = 0; i < list->items_count; i++) {
            const wrenn_file_entry *entry = list->items[i];
            snprintf(candidate, sizeof(candidate), "%.*s%s%s", slash ? (int)(slash - typed) + 1 : 0, typed, entry->name,
                     entry->type == WRENN_FILE_TYPE_DIRECTORY ? "/" : "");
            if (begins(entry->name, slash ? slash + 1 : typed)) offer("", candidate, NULL);
        }
    }
    wrenn_file_list_free(list);
    wrenn_sandbox_free(sandbox);
}

static void offer_contexts(const char *typed) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    if (!cli_config_load(&root)) return;
    const wrn_json *contexts = wrn_json_get(root, "contexts");
    for (size_t i = 0; i < wrn_json_count(contexts); i++) {
        const wrn_json *context = wrn_json_at(contexts, i);
        offer(typed, wrn_json_text(context, "name"), wrn_json_text(context, "url"));
    }
}

static void offer_few(cli_word word, const char *typed) {
    for (size_t i = 0; cli_few_at(word, i); i++) offer(typed, cli_few_at(word, i), NULL);
}

static void offer_place(cli_app *cli, const char *typed) {
    const char *colon = strchr(typed, ':');
    char id[256], start[260];
    printf(":files\n");
    if (!colon) {
        offer_sandboxes(cli, typed, ":");
        return;
    }
    snprintf(id, sizeof(id), "%.*s", (int)(colon - typed), typed);
    snprintf(start, sizeof(start), "%s:", id);
    before = start;
    offer_paths(cli, id, colon + 1);
    before = "";
}

static void offer_word(cli_app *cli, cli_word word, const place *at, const char *typed) {
    switch (word) {
    default: offer_few(word, typed); break;
    case CLI_WORD_SANDBOX: offer_sandboxes(cli, typed, ""); break;
    case CLI_WORD_TEMPLATE: offer_templates(cli, typed); break;
    case CLI_WORD_CONTEXT: offer_contexts(typed); break;
    case CLI_WORD_COMMAND: offer_commands(at->words ? cli_find_command(NULL, at->last) : NULL, typed); break;
    case CLI_WORD_PROCESS: offer_processes(cli, at->sandbox, typed); break;
    case CLI_WORD_KEY: offer_keys(cli, typed); break;
    case CLI_WORD_HOST: offer_hosts(cli, typed); break;
    case CLI_WORD_SECRET: offer_secrets(cli, typed); break;
    case CLI_WORD_FILE: printf(":files\n"); break;
    case CLI_WORD_REMOTE: offer_paths(cli, at->sandbox, typed); break;
    case CLI_WORD_EITHER: offer_place(cli, typed); break;
    }
}

/* What comes behind "--name=" in one word. */
static void offer_value(cli_app *cli, const place *at, const char *typed) {
    const cli_option *option = find_option(at->command, typed);
    char start[80];
    const char *value = strchr(typed, '=') + 1;
    if (!option || option->kind == CLI_FLAG || option->word == CLI_WORD_FILE) return;
    snprintf(start, sizeof(start), "%.*s", (int)(value - typed), typed);
    before = start;
    offer_word(cli, option->word, at, value);
    before = "";
}

static const cli_operand *next_operand(const place *at) {
    return at->command && !at->command->below ? operand_at(at->command, at->words) : NULL;
}

int cli_complete(cli_app *cli, const char *const *words, size_t count) {
    const char *typed = count ? words[count - 1] : "";
    place at = find_place(cli, words, count);
    cli->does = "";
    if (at.words == SIZE_MAX) return 0;
    const cli_operand *operand = next_operand(&at);
    if (at.wants) offer_word(cli, at.wants->word, &at, typed);
    else if (!at.only_words && begins(typed, "--") && strchr(typed, '=')) offer_value(cli, &at, typed);
    else if (!at.only_words && *typed == '-' && !(at.command && at.command->raw)) offer_options(at.command, typed);
    else if (!at.command || at.command->below) offer_commands(at.command, typed);
    else if (operand) offer_word(cli, operand->word, &at, typed);
    return 0;
}
