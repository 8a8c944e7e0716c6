/* Which of several things somebody means: by its id, the start of one, or its name. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"

void cli_choice_offer(cli_choice *choice, const char *id, const char *name) {
    const char *word = choice->word;
    bool named = name && strcmp(name, word) == 0;
    if (name || choice->all) cli_suggest(word, name ? name : id, &choice->best);
    if (strcmp(id, word) == 0) choice->whole = true;
    if (named && !choice->named) choice->first = choice->second = NULL; /* goes before the start of an id */
    if (named) choice->named = true;
    if (named || (!choice->named && *word && strncmp(id, word, strlen(word)) == 0))
        *(choice->first ? &choice->second : &choice->first) = id;
}

char *cli_choice_end(const cli_choice *choice) {
    const char *chosen = choice->whole || !choice->first ? choice->word : choice->first;
    if (choice->second && !choice->whole) {
        cli_complain("'%s' may be %s or %s: type more of the id", choice->word, choice->first, choice->second);
        return NULL;
    }
    if (chosen == choice->word && !choice->whole && (choice->best || choice->all)) {
        cli_say_none(choice->what, choice->word, choice->best);
        return NULL;
    }
    char *id = strdup(chosen);
    if (!id) cli_complain("out of memory");
    return id;
}

bool cli_is_whole_id(const char *word, const char *prefix, size_t digits) {
    size_t size = strlen(prefix);
    return strncmp(word, prefix, size) == 0 && strlen(word) >= size + digits &&
           strspn(word + size, "0123456789abcdefghijklmnopqrstuvwxyz") == strlen(word + size);
}

/* Names that people have given are not shortened: what has ended would become something else that runs. */
char *cli_process(cli_app *cli, wrenn_sandbox *sandbox, const char *word) {
    static const char *const made[] = {"pty-", "proc-"};
    enum { TAG_DIGITS = 8 };
    cli_choice choice = {.what = CLI_WORD_PROCESS, .word = word};
    wrenn_process_list *list = NULL;
    bool starts = false;
    for (size_t i = 0; i < WRN_COUNT(made); i++)
        starts =
            starts || (strncmp(word, made[i], strlen(made[i])) == 0 && !cli_is_whole_id(word, made[i], TAG_DIGITS));
    if (starts && !CLI_GET(cli, word, wrenn_sandbox_processes, (sandbox, NULL), &list)) return NULL;
    for (size_t i = 0; list && i < list->items_count; i++)
        if (list->items[i]->tag) cli_choice_offer(&choice, list->items[i]->tag, NULL);
    char *selector = cli_choice_end(&choice);
    wrenn_process_list_free(list);
    return selector;
}

bool cli_settle_process(cli_app *cli, wrenn_sandbox *sandbox, const char *word, int rc, wrenn_error *error) {
    wrenn_process_list *list = NULL;
    const char *best = NULL;
    if (rc == WRENN_E_NOT_FOUND) (void)CLI_TRY_GET(cli, NULL, wrenn_sandbox_processes, (sandbox, NULL), &list);
    for (size_t i = 0; list && i < list->items_count; i++)
        if (list->items[i]->tag) cli_suggest(word, list->items[i]->tag, &best);
    if (best) cli_say_none(CLI_WORD_PROCESS, word, best), wrenn_error_free(error);
    bool ok = !best && cli_settle(cli, word, rc, error);
    wrenn_process_list_free(list);
    return ok;
}

/* ---- one after the other ---- */

void cli_say_did(cli_rows *rows, const cli_app *cli, const char *key, const char *id) {
    if (cli->format == CLI_FORMAT_TEXT || cli->format == CLI_FORMAT_NAME) {
        printf("%s\n", id);
        cli_flush();
        return;
    }
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, key, id);
    cli_rows_add(rows, id, object, &id);
}

int cli_end_did(cli_rows *rows, cli_app *cli) {
    if (cli->format == CLI_FORMAT_TEXT) cli->format = CLI_FORMAT_NAME; /* without a line of titles */
    return cli_rows_print(rows);
}

int cli_each_word(cli_app *cli, const char *key, cli_act_fn act) {
    static const char *const titles[] = {"ID", NULL};
    bool all = true;
    if (!cli_connect(cli)) return CLI_FAILED;
    cli_rows *rows = cli_rows_new(cli, titles);
    for (size_t i = 0; i < cli->word_count && !cli->signal; i++) {
        char *id = act(cli, cli->words[i]);
        if (id) cli_say_did(rows, cli, key, id);
        else all = false;
        free(id);
    }
    int code = cli_end_did(rows, cli);
    return all ? code : CLI_FAILED;
}
