/* What there is not: the nearest of several names, and the command that shows them all. */
#include <string.h>

#include "cli/cli.h"

enum { LONGEST = 64 };

size_t cli_distance(const char *a, const char *b) {
    size_t a_size = strlen(a), b_size = strlen(b), row[3][LONGEST + 1];
    if (a_size > LONGEST || b_size > LONGEST) return SIZE_MAX;
    for (size_t j = 0; j <= b_size; j++) row[0][j] = j;
    for (size_t i = 1; i <= a_size; i++) {
        size_t *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];
        now[0] = i;
        for (size_t j = 1; j <= b_size; j++) {
            size_t best = before[j - 1] + (a[i - 1] != b[j - 1]);
            if (before[j] + 1 < best) best = before[j] + 1;
            if (now[j - 1] + 1 < best) best = now[j - 1] + 1;
            /* Two letters in the wrong order count as one mistake. */
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && earlier[j - 2] + 1 < best)
                best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    return row[a_size % 3][b_size];
}

void cli_suggest(const char *word, const char *candidate, const char **best) {
    size_t size = strlen(word);
    if (!size) return;
    bool begins = size >= 2 && strncmp(candidate, word, size) == 0;
    size_t distance = begins ? 0 : cli_distance(word, candidate);
    size_t enough = size <= 2 ? 1 : size <= 5 ? 2 : 3;
    /* Most of the word has to be right. */
    if (distance > enough || distance >= strlen(candidate) || (distance > 1 && distance * 2 >= strlen(candidate)))
        return;
    if (*best) {
        bool best_begins = size >= 2 && strncmp(*best, word, size) == 0;
        if ((best_begins ? 0 : cli_distance(word, *best)) <= distance) return;
    }
    *best = candidate;
}

static const struct {
    cli_word what;
    const char *noun, *shows;
} kinds[] = {
    {CLI_WORD_SANDBOX, "sandbox", CLI_SHOWS_SANDBOXES},
    {CLI_WORD_TEMPLATE, "template", CLI_SHOWS_TEMPLATES},
    {CLI_WORD_CONTEXT, "context", "'wrenn context ls' shows the contexts"},
    {CLI_WORD_PROCESS, "process", "'wrenn ps' shows what runs"},
    {CLI_WORD_KEY, "API key", "'wrenn key ls' shows the keys"},
    {CLI_WORD_HOST, "host", "'wrenn host ls' shows the hosts"},
    {CLI_WORD_SECRET, "secret", "'wrenn secret ls' shows the secrets"},
};

const char *cli_shows(cli_word what) {
    for (size_t i = 0; i < WRN_COUNT(kinds); i++)
        if (kinds[i].what == what) return kinds[i].shows;
    return NULL;
}

void cli_say_none(cli_word what, const char *word, const char *best) {
    for (size_t i = 0; i < WRN_COUNT(kinds); i++) {
        if (kinds[i].what != what) continue;
        if (best) cli_complain("no %s '%s': did you mean '%s'?", kinds[i].noun, word, best);
        else cli_complain("no %s '%s': %s", kinds[i].noun, word, kinds[i].shows);
    }
}
