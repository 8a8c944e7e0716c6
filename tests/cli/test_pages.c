/* Every command has a help text with examples, a man page and a line of completion, and docs/cli.md is what they say. */
#include <stdio.h>
#include <stdlib.h>

#include "person.h"
#include "test.h"

/* Calls `each` for the names that completion gives for these words. */
static void each_candidate(const char *const *argv, void (*each)(const char *parent, const char *name),
                           const char *parent) {
    program_result result = run_program(argv);
    size_t count = 0;
    CHECK_INT(result.code, 0);
    CHECK_STR(result.err ? result.err : "", "");
    for (char *line = strtok(result.out, "\n"); line; line = strtok(NULL, "\n"), count++) {
        char *tab = strchr(line, '\t');
        CHECK_MSG(tab && tab[1], "no description of %s", line);
        *tab = '\0';
        each(parent, line);
    }
    CHECK(count > 0);
    program_result_free(&result);
}

static char names[64][32];
static size_t name_count;

static void note(const char *parent, const char *name) {
    (void)parent;
    CHECK(name_count < 64);
    snprintf(names[name_count++], sizeof(names[0]), "%s", name);
}

static void note_commands(void) {
    each_candidate((const char *const[]){getenv("WRENN_CLI"), "_complete", "--", "", NULL}, note, NULL);
    CHECK(name_count >= 10);
}

/* The help of one command; whether it has commands below it. */
static bool check_help(const char *parent, const char *name) {
    char usage[128];
    program_result result = parent ? WRENN(parent, name, "--help") : WRENN(name, "--help");
    snprintf(usage, sizeof(usage), "usage: wrenn %s%s%s", parent ? parent : "", parent ? " " : "", name);
    CHECK_INT(result.code, 0);
    CHECK_CONTAINS(result.out, usage);
    CHECK_CONTAINS(result.out, "\nexamples:\n");
    bool has_below = strstr(result.out, "\ncommands:\n");
    if (!has_below) CHECK_CONTAINS(result.out, "\nexit codes:\n");
    program_result same = parent ? WRENN("help", parent, name) : WRENN("help", name);
    CHECK_STR(same.out, result.out);
    program_result_free(&same);
    program_result_free(&result);
    return has_below;
}

static void check_below(const char *parent, const char *name) { CHECK(!check_help(parent, name)); }

TEST(every_command_has_help_with_an_example) {
    note_commands();
    for (size_t i = 0; i < name_count; i++)
        if (check_help(NULL, names[i]))
            each_candidate((const char *const[]){getenv("WRENN_CLI"), "_complete", "--", names[i], "", NULL},
                           check_below, names[i]);
}

TEST(every_command_is_in_the_overview) {
    program_result result = WRENN("help");
    note_commands();
    for (size_t i = 0; i < name_count; i++) {
        char line[4096];
        snprintf(line, sizeof(line), "\n  %-13s ", names[i]);
        CHECK_CONTAINS(result.out, line);
    }
    program_result_free(&result);
}

TEST(every_command_has_a_man_page) {
    note_commands();
    for (size_t i = 0; i < name_count; i++) {
        char path[4096], line[256], want[4096];
        snprintf(path, sizeof(path), "%s/wrenn-%s.1", CLI_PAGES, names[i]);
        char *hyphen = strchr(names[i], '-');
        snprintf(want, sizeof(want), "wrenn\\-%.*s%s%s \\- ", hyphen ? (int)(hyphen - names[i]) : 32, names[i],
                 hyphen ? "\\-" : "", hyphen ? hyphen + 1 : "");
        FILE *page = fopen(path, "r");
        CHECK_MSG(page, "there is no %s", path);
        bool found = false;
        while (fgets(line, sizeof(line), page)) {
            found = found || strncmp(line, want, strlen(want)) == 0;
        }
        fclose(page);
        CHECK_MSG(found, "%s does not say \"%s\"", path, want);
    }
}

/* Warnings of the formatter are mistakes of ours. */
TEST(man_pages_are_well_formed) {
    if (system("command -v groff > groff 2>&1") != 0) test_skip("no groff");
    program_result result = shell("for page in " CLI_PAGES "/*.1; do groff -man -Tutf8 -ww -z \"$page\"; done");
    CHECK_STR(result.err ? result.err : "", "");
    program_result_free(&result);
}

TEST(the_reference_is_up_to_date) {
    program_result want = WRENN("_man", "--markdown");
    program_result have = run_program((const char *const[]){"cat", CLI_REFERENCE, NULL});
    CHECK_INT(want.code, 0);
    if (strcmp(want.out, have.out) != 0)
        test_fail(__FILE__, __LINE__,
                  "docs/cli.md is out of date: run: build/src/cli/wrenn _man --markdown > docs/cli.md");
    program_result_free(&want);
    program_result_free(&have);
}

static void check_completes(const char *const *argv, const char *part) {
    program_result result = run_program(argv);
    CHECK_CONTAINS(result.out, part);
    CHECK_INT(result.code, 0);
    program_result_free(&result);
}
#define COMPLETES(part, ...) \
    check_completes((const char *const[]){getenv("WRENN_CLI"), "_complete", "--", __VA_ARGS__, NULL}, part)

TEST(completion_knows_what_comes_next) {
    fresh_home();
    COMPLETES("run\trun a program", "ru");
    COMPLETES("--memory\t", "run", "--mem");
    COMPLETES("--output\t", "ls", "--o");
    COMPLETES("jsonl\n", "ls", "-o", "");
    COMPLETES("add\t", "context", "a");
    COMPLETES("run\t", "help", "r");
    COMPLETES(":files\n", "doctor", "--data-dir", "");
    free(WRENN_SAYS("context", "add", "first", "--url", "unix:/nonexistent"));
    COMPLETES("first\tunix:/nonexistent\n", "context", "use", "");
    COMPLETES("first\t", "ls", "--context", "f");
    COMPLETES("", "run", "--", "--");
    COMPLETES("", "exec", "");
}

TEST(completion_scripts_are_what_their_shells_take) {
    static const struct {
        const char *shell, *check;
    } shells[] = {{"bash", "bash -n"}, {"zsh", "zsh -n"}, {"fish", "fish -n"}};
    for (size_t i = 0; i < 3; i++) {
        char line[256];
        program_result script = WRENN("completion", shells[i].shell);
        CHECK_INT(script.code, 0);
        CHECK_CONTAINS(script.out, "wrenn _complete -- ");
        program_result_free(&script);
        snprintf(line, sizeof(line),
                 "command -v %s >/dev/null || exit 0; \"$WRENN_CLI\" completion %s > script; %s script",
                 shells[i].shell, shells[i].shell, shells[i].check);
        program_result checked = shell(line);
        CHECK_MSG(checked.code == 0, "%s: %s", shells[i].shell, checked.err);
        program_result_free(&checked);
    }
}

TEST(bash_completes) {
    program_result result =
        shell("PATH=\"$(dirname \"$WRENN_CLI\"):$PATH\" bash -c '. <(wrenn completion bash); COMP_WORDS=(wrenn cre); "
              "COMP_CWORD=1; _wrenn; echo \"${COMPREPLY[@]}\"'");
    CHECK_STR(result.out, "create\n");
    program_result_free(&result);
}

TEST_MAIN
