/* Words of which there are few: what options take, and completion offers. */
#include <string.h>

#include "cli/cli.h"
#include "cli/words.h"

enum { FEW_MAX = 32 };
typedef struct few {
    const char *words[FEW_MAX];
    bool open; /* there are more than these */
} few;

static const few lists[] = {
    [CLI_WORD_FORMAT] = {{"text", "json", "jsonl", "name"}, false},
    [CLI_WORD_STATUS] = {{CLI_WORDS_STATUS}, false},
    [CLI_WORD_ISOLATION] = {{CLI_WORDS_ISOLATION}, false},
    [CLI_WORD_PRESET] = {{CLI_PRESETS}, false},
    [CLI_WORD_SCHEME] = {{"http", "https", "ws", "wss"}, false},
    [CLI_WORD_RANGE] = {{CLI_WORDS_RANGE}, false},
    [CLI_WORD_EVENT] = {{CLI_WORDS_EVENT}, false},
    [CLI_WORD_SIGNAL] = {{"TERM", "KILL", "INT", "HUP", "QUIT", "USR1", "USR2", "STOP", "CONT"}, true},
    [CLI_WORD_HOST_TYPE] = {{CLI_WORDS_HOST_TYPE}, false},
    [CLI_WORD_SHELL] = {{"bash", "zsh", "fish"}, false},
    [CLI_WORD_SERVE] = {{"status", "stop", "--detach", "--force", "--listen", "--data-dir"}, true},
    [CLI_WORD_SOURCE] = {{"--mmdebstrap", "--include", "--mirror", "--tar", "--dir", "--oci", "--vcpus", "--memory-mb",
                          "--user", "--isolation", "--start", "--start-port", "--start-early", "--replace",
                          "--data-dir", "--template-dir"},
                         true},
};

const char *cli_few_at(cli_word word, size_t i) {
    return (size_t)word < WRN_COUNT(lists) && i < FEW_MAX ? lists[word].words[i] : NULL;
}

int cli_few_find(cli_word word, const char *text) {
    const char *each;
    for (size_t i = 0; (each = cli_few_at(word, i)); i++)
        if (strcmp(each, text) == 0) return (int)i;
    return -1;
}

void cli_put_few(wrn_buf *out, cli_word word) {
    const char *each;
    for (size_t i = 0; (each = cli_few_at(word, i)); i++)
        wrn_buf_printf(out, "%s'%s'", !i ? "" : cli_few_at(word, i + 1) ? ", " : " or ", each);
}

void cli_put_help(wrn_buf *out, const cli_option *option) {
    const char *each;
    bool told = true;
    wrn_buf_puts(out, option->help);
    for (size_t i = 0; (each = cli_few_at(option->word, i)); i++) told = told && strstr(option->help, each);
    if (told || lists[option->word].open) return;
    wrn_buf_puts(out, ": ");
    cli_put_few(out, option->word);
}

bool cli_check_few(const cli_app *cli, cli_word word, const char *option, const char *text) {
    WRN_AUTO(wrn_buf_free) wrn_buf all = WRN_BUF_INIT;
    const char *best = NULL, *each;
    if (!cli_few_at(word, 0) || lists[word].open || cli_few_find(word, text) >= 0) return true;
    for (size_t i = 0; (each = cli_few_at(word, i)); i++) cli_suggest(text, each, &best);
    cli_put_few(&all, word);
    cli_usage(cli, "%s%s%s'%s' is not %s%s%s%s", option ? "--" : "", option ? option : "", option ? " " : "", text,
              all.data ? all.data : "", best ? ": did you mean '" : "", best ? best : "", best ? "'?" : "");
    return false;
}
