/* Options as tables: the global ones and those of a command may stand in any place before the words of a program to run. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

const cli_option cli_global_options[] = {
    {"base-url", 0, CLI_TEXT, offsetof(cli_app, base_url), "URL", "service to use (WRENN_BASE_URL)", 0, 0},
    {"api-key", 0, CLI_TEXT, offsetof(cli_app, api_key), "KEY", "API key (WRENN_API_KEY, which other users can't see)",
     0, 0},
    {"token", 0, CLI_TEXT, offsetof(cli_app, token), "TOKEN", "user token (WRENN_TOKEN, which other users can't see)",
     0, 0},
    {"output", 'o', CLI_FORMAT, offsetof(cli_app, json), "text|json", "how to print results", 0, 0},
    {"help", 'h', CLI_FLAG, offsetof(cli_app, help), NULL, "explain the command", 0, 0},
    {"version", 0, CLI_FLAG, offsetof(cli_app, version), NULL, "print the version", 0, 0},
    {0},
};

int cli_usage(const cli_app *cli, const char *format, ...) {
    va_list args;
    va_start(args, format);
    char text[512];
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    const char *command = cli->command ? cli->command->name : NULL;
    cli_complain("%s%s%s: see 'wrenn help%s%s'", command ? command : "", command ? ": " : "", text, command ? " " : "",
                 command ? command : "");
    return CLI_USAGE;
}

static bool list_add(cli_list *list, const char *value) {
    const char **items = realloc(list->items, (list->count + 2) * sizeof(*items));
    if (!items) return false;
    items[list->count++] = value;
    items[list->count] = NULL;
    list->items = items;
    return true;
}

static bool store_int(const cli_app *cli, const cli_option *option, int64_t *target, const char *value) {
    char *end;
    errno = 0;
    long long number = strtoll(value, &end, 10);
    if (errno || end == value || *end || number < option->min || number > option->max) {
        cli_usage(cli, "--%s '%s' is not a number from %lld to %lld", option->name, value, (long long)option->min,
                  (long long)option->max);
        return false;
    }
    *target = number;
    return true;
}

static bool store(const cli_app *cli, const cli_option *option, void *values, const char *value) {
    char *target = (char *)values + option->offset;
    switch (option->kind) {
    case CLI_FLAG: *(bool *)(void *)target = true; return true;
    case CLI_TEXT: *(const char **)(void *)target = value; return true;
    case CLI_INT: return store_int(cli, option, (int64_t *)(void *)target, value);
    case CLI_FORMAT:
        *(bool *)(void *)target = strcmp(value, "json") == 0;
        if (strcmp(value, "json") == 0 || strcmp(value, "text") == 0) return true;
        cli_usage(cli, "--%s '%s' is neither 'text' nor 'json'", option->name, value);
        return false;
    case CLI_LIST:
        if (!strchr(value, '=') || *value == '=') {
            cli_usage(cli, "--%s '%s' is not NAME=VALUE", option->name, value);
            return false;
        }
        if (list_add((cli_list *)(void *)target, value)) return true;
        cli_complain("out of memory");
        return false;
    }
    return false;
}

/* Finds "--name", "--name=value", "-x" or "-xvalue" in a table; *attached is the value in the same word, or NULL. */
static const cli_option *find(const cli_option *table, const char *word, const char **attached) {
    for (; table && table->name; table++) {
        size_t size = strlen(table->name);
        if (word[1] != '-') {
            if (!table->letter || word[1] != table->letter) continue;
            *attached = word[2] ? word + 2 : NULL;
            return table;
        }
        if (strncmp(word + 2, table->name, size) != 0 || (word[2 + size] && word[2 + size] != '=')) continue;
        *attached = word[2 + size] == '=' ? word + 3 + size : NULL;
        return table;
    }
    return NULL;
}

static bool take_option(cli_app *cli, void *values, const char *word) {
    const char *attached = NULL;
    const cli_option *option = find(cli->command ? cli->command->options : NULL, word, &attached);
    if (!option) option = find(cli->command ? cli->command->what_it_runs : NULL, word, &attached);
    if (!option) {
        values = cli;
        option = find(cli_global_options, word, &attached);
    }
    if (!option) {
        cli_usage(cli, "unknown option '%s'", word);
        return false;
    }
    if (option->kind == CLI_FLAG) {
        if (!attached) return store(cli, option, values, NULL);
        cli_usage(cli, "'%s': --%s takes no value", word, option->name);
        return false;
    }
    const char *value = attached ? attached : *cli->words;
    if (!value) {
        cli_usage(cli, "'%s' needs a value (%s)", word, option->value);
        return false;
    }
    cli->words += !attached;
    return store(cli, option, values, value);
}

bool cli_next_word(cli_app *cli, void *values, const char **word) {
    *word = NULL;
    while (*cli->words) {
        const char *next = *cli->words;
        if (next[0] != '-' || !next[1] || strcmp(next, "--") == 0) break;
        cli->words++;
        if (!take_option(cli, values, next)) return false;
    }
    /* After "--" nothing is an option any more: whoever wants it asks cli_rest(). */
    if (*cli->words && strcmp(*cli->words, "--") != 0) *word = *cli->words++;
    return true;
}

bool cli_rest(cli_app *cli, void *values, const char *const **argv) {
    const char *first;
    if (!cli_next_word(cli, values, &first)) return false;
    if (first) cli->words--;
    if (*cli->words && strcmp(*cli->words, "--") == 0) cli->words++;
    if (!*cli->words && !cli->help) {
        cli_usage(cli, "no program to run");
        return false;
    }
    *argv = (const char *const *)cli->words;
    return true;
}
