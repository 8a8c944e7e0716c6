/* The command line, taken apart by the tables of the command: where its options may stand, and what its words are. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "cli/cli.h"

const cli_option cli_global_options[] = {
    {"context", 0, CLI_TEXT, offsetof(cli_app, context), "NAME", "use this context (WRENN_CONTEXT)", NULL, 0, 0,
     CLI_WORD_CONTEXT},
    {"url", 0, CLI_TEXT, offsetof(cli_app, url), "URL", "server to use (WRENN_BASE_URL)", "base-url", 0, 0,
     CLI_WORD_ANY},
    {"output", 'o', CLI_FORMAT, offsetof(cli_app, format), "FORMAT", "text, json, jsonl or name", NULL, 0, 0,
     CLI_WORD_FORMAT},
    {"timing", 0, CLI_FLAG, offsetof(cli_app, timing), NULL, "print on stderr how long each phase took", NULL, 0, 0,
     CLI_WORD_ANY},
    {"help", 'h', CLI_FLAG, offsetof(cli_app, help), NULL, "explain the command", NULL, 0, 0, CLI_WORD_ANY},
    {"version", 0, CLI_FLAG, offsetof(cli_app, version), NULL, "print the version", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

const char *const cli_group_titles[CLI_GROUP_COUNT] = {
    [CLI_GROUP_RUN] = "run programs",    [CLI_GROUP_SANDBOXES] = "manage sandboxes",
    [CLI_GROUP_FILES] = "move files",    [CLI_GROUP_NETWORK] = "reach ports",
    [CLI_GROUP_TEMPLATES] = "templates", [CLI_GROUP_ACCOUNT] = "accounts and connections",
    [CLI_GROUP_SERVER] = "the server",   [CLI_GROUP_OTHER] = "other",
};

const cli_exit cli_exits_plain[] = {
    {"0", "it was done"},
    {"1", "it failed; stderr says why"},
    {"2", "wrong usage: an option, argument or value that does not fit"},
    {"128+N", "signal N ended wrenn"},
    {0},
};

const cli_exit cli_exits_program[] = {
    {"0-123", "what the program said"},
    {"124", "the time of --timeout was up"},
    {"125", "wrenn itself failed; stderr says why"},
    {"126", "the program can't be executed"},
    {"127", "there is no such program"},
    {"128+N", "signal N ended the program, or wrenn; out of memory is said on stderr"},
    {"2", "wrong usage; a program may also exit with this code"},
    {0},
};

int cli_failure(const cli_app *cli) { return cli->command && cli->command->failed ? cli->command->failed : CLI_FAILED; }

size_t cli_tables(const cli_command *command, const cli_option *tables[CLI_TABLES]) {
    const cli_option *all[CLI_TABLES] = {command->options, command->more_options, command->still_more};
    size_t count = 0;
    for (size_t i = 0; i < CLI_TABLES; i++)
        if (all[i]) tables[count++] = all[i];
    return count;
}

static void options_put_name(const cli_app *cli, wrn_buf *out) {
    if (cli->parent) wrn_buf_printf(out, "%s ", cli->parent->name);
    if (cli->command) wrn_buf_puts(out, cli->command->name);
}

int cli_usage(const cli_app *cli, const char *format, ...) {
    WRN_AUTO(wrn_buf_free) wrn_buf name = WRN_BUF_INIT;
    va_list args;
    va_start(args, format);
    char text[1024];
    vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    options_put_name(cli, &name);
    if (name.size) cli_complain("%s: %s; see 'wrenn help %s'", name.data, text, name.data);
    else cli_complain("%s; see 'wrenn help'", text);
    return CLI_USAGE;
}

/* ---- values ---- */

static bool list_add(cli_list *list, const char *value) {
    const char **items = realloc(list->items, (list->count + 2) * sizeof(*items));
    if (!items) return cli_complain("out of memory"), false;
    items[list->count++] = value;
    items[list->count] = NULL;
    list->items = items;
    return true;
}

/* A number with one of the units; each unit is as many as `scale` says of it. */
static bool parse_units(const char *text, const char *units, const int64_t *scale, int64_t *out) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (errno || end == text || number < 0) return false;
    const char *unit = *end ? strchr(units, *end | 0x20) : units;
    if (!unit || (*end && end[1] && !(end[1] == 'b' && !end[2]) && !(end[1] == 'B' && !end[2]))) return false;
    return !__builtin_mul_overflow((int64_t)number, scale[unit - units], out);
}

bool cli_parse_size(const char *text, int64_t *megabytes) {
    static const int64_t scale[] = {1, 1024, 1024 * 1024};
    return parse_units(text, "mgt", scale, megabytes);
}

bool cli_parse_seconds(const char *text, int64_t *seconds) {
    static const int64_t scale[] = {1, 60, 3600, 86400};
    size_t size = strlen(text);
    return size && text[size - 1] != 'b' && text[size - 1] != 'B' && parse_units(text, "smhd", scale, seconds);
}

static bool store_number(const cli_app *cli, const cli_option *option, int64_t *target, const char *value) {
    int64_t number = 0;
    bool ok = option->kind == CLI_SIZE      ? cli_parse_size(value, &number)
              : option->kind == CLI_SECONDS ? cli_parse_seconds(value, &number)
                                            : wrn_parse_int(value, option->min, option->max, &number);
    if (ok && number >= option->min && number <= option->max) return *target = number, true;
    cli_usage(cli, "--%s '%s' is not a %s from %lld to %lld", option->name, value,
              option->kind == CLI_SIZE      ? "size in MB, as 512, 512m or 2g,"
              : option->kind == CLI_SECONDS ? "time, as 90, 90s, 5m, 2h or 1d,"
                                            : "number",
              (long long)option->min, (long long)option->max);
    return false;
}

/* "NAME=VALUE" of our own environment. */
static const char *own_variable(const char *name) {
    size_t size = strlen(name);
    for (char **each = environ; *each; each++)
        if (strncmp(*each, name, size) == 0 && (*each)[size] == '=') return *each;
    return NULL;
}

static bool store_pair(const cli_app *cli, const cli_option *option, cli_list *target, const char *value) {
    const char *own = option->kind == CLI_ENV && *value && !strchr(value, '=') ? own_variable(value) : NULL;
    if (own) return list_add(target, own);
    if (strchr(value, '=') && *value != '=') return list_add(target, value);
    if (option->kind == CLI_ENV && *value && *value != '=')
        cli_usage(cli, "--%s '%s': there is no such variable here: give NAME=VALUE", option->name, value);
    else cli_usage(cli, "--%s '%s' is not %s", option->name, value, option->value);
    return false;
}

static bool store(const cli_app *cli, const cli_option *option, void *values, const char *value) {
    void *target = (char *)values + option->offset;
    if (value && !cli_check_few(cli, option->word, option->name, value)) return false;
    switch (option->kind) {
    case CLI_FLAG: return *(bool *)target = true;
    case CLI_TEXT: return *(const char **)target = value, true;
    case CLI_INT:
    case CLI_SIZE:
    case CLI_SECONDS: return store_number(cli, option, target, value);
    case CLI_FORMAT: return *(cli_format *)target = (cli_format)cli_few_find(CLI_WORD_FORMAT, value), true;
    case CLI_PAIRS:
    case CLI_ENV: return store_pair(cli, option, target, value);
    case CLI_LIST: return list_add(target, value);
    }
    return false;
}

void cli_values_free(cli_app *cli, void *values) {
    const cli_option *tables[CLI_TABLES];
    size_t count = cli->command ? cli_tables(cli->command, tables) : 0;
    for (size_t i = 0; i < count && values; i++) {
        for (const cli_option *option = tables[i]; option->name; option++)
            if (option->kind == CLI_LIST || option->kind == CLI_PAIRS || option->kind == CLI_ENV)
                free(((cli_list *)(void *)((char *)values + option->offset))->items);
    }
    free(values);
    free(cli->words);
    cli->words = NULL;
}

/* ---- options ---- */

static const cli_option *options_find_in(const cli_option *table, const char *name, size_t size, char letter) {
    for (; table && table->name; table++) {
        if (letter && table->letter == letter) return table;
        if (!name) continue;
        if (strlen(table->name) == size && memcmp(table->name, name, size) == 0) return table;
        if (table->alias && strlen(table->alias) == size && memcmp(table->alias, name, size) == 0) return table;
    }
    return NULL;
}

/* The option, and in *values what it is stored in. */
static const cli_option *options_find(cli_app *cli, const char *name, size_t size, char letter, void **values) {
    const cli_option *tables[CLI_TABLES], *found = NULL;
    size_t count = cli->command ? cli_tables(cli->command, tables) : 0;
    for (size_t i = 0; i < count && !found; i++) found = options_find_in(tables[i], name, size, letter);
    if (found) return found;
    *values = cli;
    return options_find_in(cli_global_options, name, size, letter);
}

/* Options of docker that have no counterpart of the same kind. NULL: it is none. */
static const char *find_instead(const char *name) {
    static const struct {
        const char *known, *instead;
    } elsewhere[] = {
        {"v", "'--upload SRC:DST' of 'wrenn run' copies files in, 'wrenn sync' keeps a copy of a directory there"},
        {"volume", "'--upload SRC:DST' of 'wrenn run' copies files in, 'wrenn sync' keeps a copy of a directory there"},
        {"mount", "'--upload SRC:DST' of 'wrenn run' copies files in, 'wrenn sync' keeps a copy of a directory there"},
        {"network", "'--net' opens all addresses, '--allow HOST' some, '--no-net' none"},
        {"entrypoint", "the program comes after the options"},
        {"a", "'wrenn ls' shows all sandboxes, also paused ones"},
        {"all", "'wrenn ls' shows all sandboxes, also paused ones"},
    };
    for (size_t i = 0; i < WRN_COUNT(elsewhere); i++)
        if (strcmp(name, elsewhere[i].known) == 0) return elsewhere[i].instead;
    return NULL;
}

static bool unknown(const cli_app *cli, const char *word) {
    const cli_option *tables[CLI_TABLES + 1];
    const char *best = NULL;
    char name[64];
    size_t count = cli->command ? cli_tables(cli->command, tables) : 0;
    tables[count++] = cli_global_options;
    if (strncmp(word, "--api-key", 9) == 0 || strncmp(word, "--token", 7) == 0) {
        cli_usage(cli,
                  "%.*s is no option, because others can read command lines: set WRENN_%s, or use 'wrenn context "
                  "add --key-stdin'",
                  (int)strcspn(word, "="), word, word[2] == 'a' ? "API_KEY" : "TOKEN");
        return false;
    }
    snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 1 + (word[1] == '-'), "="), word + 1 + (word[1] == '-'));
    for (size_t i = 0; i < count; i++)
        for (const cli_option *option = tables[i]; option->name; option++) cli_suggest(name, option->name, &best);
    const char *instead = cli->command ? find_instead(name) : NULL;
    if (instead) cli_usage(cli, "unknown option '%s': %s", word, instead);
    else if (best) cli_usage(cli, "unknown option '%s': did you mean '--%s'?", word, best);
    else cli_usage(cli, "unknown option '%s'", word);
    return false;
}

/* The value of an option: what is attached, else the next word. */
static bool options_take_value(cli_app *cli, const cli_option *option, void *values, const char *word,
                               const char *attached, char ***next) {
    const char *value = attached ? attached : **next;
    if (!value) {
        cli_usage(cli, "'%s' needs a value (%s)", word, option->value);
        return false;
    }
    *next += !attached;
    return store(cli, option, values, value);
}

static bool take_long(cli_app *cli, void *values, const char *word, char ***next) {
    const char *equals = strchr(word, '='), *name = word + 2;
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    const cli_option *option = options_find(cli, name, size, 0, &values);
    if (!option) return unknown(cli, word);
    if (option->kind != CLI_FLAG)
        return options_take_value(cli, option, values, word, equals ? equals + 1 : NULL, next);
    if (!equals) return store(cli, option, values, NULL);
    cli_usage(cli, "'%s': --%s takes no value", word, option->name);
    return false;
}

/* "-abc" is -a -b -c, and as soon as one of them takes a value the rest is that; "=" before it is dropped. */
static bool take_letters(cli_app *cli, void *values, const char *word, char ***next) {
    for (const char *letter = word + 1; *letter; letter++) {
        void *into = values;
        const cli_option *option = options_find(cli, NULL, 0, *letter, &into);
        if (!option) return unknown(cli, word);
        if (option->kind == CLI_FLAG) {
            store(cli, option, into, NULL);
            continue;
        }
        const char *rest = letter + 1 + (letter[1] == '=');
        return options_take_value(cli, option, into, word, letter[1] ? rest : NULL, next);
    }
    return true;
}

static bool take_option(cli_app *cli, void *values, const char *word, char ***next) {
    return word[1] == '-' ? take_long(cli, values, word, next) : take_letters(cli, values, word, next);
}

static bool is_option(const char *word) { return word[0] == '-' && word[1] && strcmp(word, "--") != 0; }

/* ---- words ---- */

/* How many operands come before the program; SIZE_MAX: none is a program. */
static size_t words_before_program(const cli_command *command) {
    const cli_operand *operand = command->operands;
    for (size_t i = 0; operand && operand[i].name; i++)
        if (operand[i].flags & CLI_PROGRAM) return i;
    return SIZE_MAX;
}

static bool check_words(const cli_app *cli) {
    const cli_operand *operands = cli->command->operands;
    size_t most = 0, least = 0;
    bool many = false, optional = false;
    for (const cli_operand *operand = operands; operand && operand->name; operand++) {
        most++;
        optional = optional || operand->flags & CLI_OPTIONAL;
        if (!optional) least++;
        many = many || operand->flags & (CLI_MANY | CLI_PROGRAM);
    }
    if (cli->word_count > most && !many) {
        cli_usage(cli, "unexpected argument '%s'", cli->words[most]);
        return false;
    }
    for (size_t i = 0; i < most && i < cli->word_count; i++)
        if (!cli_check_few(cli, operands[i].word, NULL, cli->words[i])) return false;
    if (cli->word_count >= least) return true;
    const cli_operand *missing = &operands[cli->word_count];
    const char *shows = cli_shows(missing->word);
    cli_usage(cli, "missing argument %s%s%s", missing->name, shows ? ": " : "", shows ? shows : "");
    return false;
}

static bool take_words(cli_app *cli, void *values, char **next) {
    size_t program_at = words_before_program(cli->command);
    bool only_words = cli->command->raw;
    while (*next) {
        char *word = *next;
        if (!only_words && strcmp(word, "--") == 0) {
            /* Before "--" the words of a program can't begin: `exec -- ID` would be odd, and is one all the same. */
            only_words = true;
            next++;
            continue;
        }
        next++;
        if (!only_words && is_option(word)) {
            if (!take_option(cli, values, word, &next)) return false;
            continue;
        }
        cli->words[cli->word_count++] = word;
        if (cli->word_count > program_at) only_words = true;
    }
    return true;
}

/* ---- commands ---- */

const cli_command *cli_find_command(const cli_command *parent, const char *name) {
    for (const cli_command *command = parent ? parent->below : NULL; command && command->name; command++)
        if (strcmp(command->name, name) == 0) return command;
    for (const cli_command *const *command = cli_commands; !parent && *command; command++)
        if (strcmp((*command)->name, name) == 0) return *command;
    return NULL;
}

bool cli_no_command(const cli_app *cli, const cli_command *parent, const char *name) {
    static const struct {
        const char *known, *ours;
    } elsewhere[] = {
        {"ps", "ls"},
        {"list", "ls"},
        {"start", "resume"},
        {"stop", "pause"},
        {"delete", "rm"},
        {"destroy", "rm"},
        {"top", "ps"},
        {"ssh", "shell"},
        {"attach", "shell"},
        {"commit", "snapshot"},
        {"unpause", "resume"},
        {"images", "template"},
        {"port", "url"},
        {"auth", "login"},
        {"signin", "login"},
        {"image", "template"},
        {"rmi", "template rm"},
        {"container", "ls"},
        {"rename", "label"},
        {"tag", "label"},
        {"prune", "rm"},
        {"save", "snapshot"},
        {"history", "events"},
        {"network", "net"},
        {"info", "doctor"},
        {"system", "serve"},
        {"volume", "sync"},
        {"update", "lifetime"},
        {"build", "template build"},
        {"pull", "template build"},
        {"push", "snapshot create"},
        {"import", "template build"},
        {"load", "template build"},
        {"search", "template"},
        {"export", "cp"},
        {"upload", "cp"},
        {"download", "cp"},
        {"spawn", "create"},
        {"connect", "shell"},
        {"config", "context"},
        {"sandbox", "ls"},
    };
    const char *best = NULL;
    for (size_t i = 0; !parent && i < WRN_COUNT(elsewhere) && !best; i++)
        if (strcmp(name, elsewhere[i].known) == 0) best = elsewhere[i].ours;
    bool is_known = best;
    for (const cli_command *below = parent ? parent->below : NULL; below && below->name; below++)
        cli_suggest(name, below->name, &best);
    for (const cli_command *const *command = cli_commands; !parent && *command && !is_known; command++)
        if ((*command)->group != CLI_GROUP_HIDDEN) cli_suggest(name, (*command)->name, &best);
    if (best) cli_usage(cli, "unknown command '%s': did you mean '%s'?", name, best);
    else cli_usage(cli, "unknown command '%s'", name);
    return false;
}

/* Goes on to the next command name, taking options on the way. */
static bool take_command(cli_app *cli, char ***next) {
    while (**next) {
        char *word = *(*next)++;
        if (is_option(word)) {
            if (!take_option(cli, cli, word, next)) return false;
            continue;
        }
        if (strcmp(word, "--") == 0) continue;
        const cli_command *found = cli_find_command(cli->command, word);
        if (!found) return cli_no_command(cli, cli->command, word);
        cli->parent = cli->command;
        cli->command = found;
        return true;
    }
    if (!cli->command || cli->help || cli->version) return true;
    cli_usage(cli, "missing command");
    return false;
}

bool cli_parse(cli_app *cli, char **argv, void **values) {
    char **next = argv;
    size_t count = 0;
    *values = NULL;
    while (argv[count]) count++;
    cli->words = calloc(count + 1, sizeof(*cli->words));
    if (!cli->words) return cli_complain("out of memory"), false;
    if (!take_command(cli, &next)) return false;
    if (cli->command && cli->command->below && !take_command(cli, &next)) return false;
    if (!cli->command || cli->command->below) return true;
    size_t size = cli->command->values_size;
    *values = calloc(1, size ? size : 1);
    if (!*values) return cli_complain("out of memory"), false;
    if (cli->command->defaults) memcpy(*values, cli->command->defaults, size);
    if (!take_words(cli, *values, next)) return false;
    if (cli->version || cli->help) return true;
    if (cli->url && cli->context)
        return cli_usage(cli, "--url and --context each say which server: give one of them"), false;
    return check_words(cli);
}

void cli_synopsis(const cli_command *parent, const cli_command *command, wrn_buf *out) {
    if (parent) wrn_buf_printf(out, "%s ", parent->name);
    wrn_buf_puts(out, command->name);
    if (command->below) wrn_buf_puts(out, " COMMAND");
    if (command->options || command->more_options) wrn_buf_puts(out, " [OPTIONS]");
    for (const cli_operand *operand = command->operands; operand && operand->name; operand++) {
        bool optional = operand->flags & CLI_OPTIONAL;
        if (operand->flags & CLI_PROGRAM) {
            wrn_buf_printf(out, optional ? " [[--] %s [ARG...]]" : " [--] %s [ARG...]", operand->name);
            continue;
        }
        wrn_buf_printf(out, " %s%s%s%s", optional ? "[" : "", operand->name, operand->flags & CLI_MANY ? "..." : "",
                       optional ? "]" : "");
    }
}
