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

TEST(completion_knows_the_words_of_which_there_are_few) {
    COMPLETES("paused\n", "ls", "--status", "p");
    COMPLETES("--status=paused\n", "ls", "--status=p");
    COMPLETES("vm\n", "run", "--isolation", "");
    COMPLETES("python\n", "create", "--preset", "");
    COMPLETES("zsh\n", "completion", "");
    COMPLETES("text\n", "ls", "-o", "");
    COMPLETES("template.build\n", "events", "-t", "template.");
    COMPLETES("TERM\n", "kill", "-s", "T");
    COMPLETES("status\n", "serve", "");
    COMPLETES("--mmdebstrap\n", "template", "build", "x", "--mm");
    COMPLETES("rm\t", "help", "snapshot", "r");
}

/* ---- what each command has to have ---- */

static program_result complete(const char *line) {
    char text[512];
    snprintf(text, sizeof(text), "\"$WRENN_CLI\" _complete -- %s", line);
    return shell(text);
}

/* What is offered for a word of which there are few is in the help. */
static void check_few(const char *command, const char *line, const char *help) {
    program_result offered = complete(line);
    for (char *at = offered.out, *end; (end = strchr(at, '\n')); at = end + 1) {
        *end = '\0';
        CHECK_MSG(strstr(help, at), "%s: '%s' is not in its help", command, at);
    }
    program_result_free(&offered);
}

static bool takes_few(const char *option) {
    static const char *const those[] = {"--isolation ", "--preset ", "--status ", "--type ", "--range ", "--scheme "};
    for (size_t i = 0; i < sizeof(those) / sizeof(those[0]); i++)
        if (strncmp(option, those[i], strlen(those[i])) == 0) return true;
    return false;
}

/* Each option of its help is offered, and its section of the page has it, too. */
static void check_options(const char *command, const char *help, const char *page) {
    char line[256], option[64];
    snprintf(line, sizeof(line), "%s --", command);
    program_result offered = complete(line);
    const char *at = strstr(help, "\noptions:\n"), *end = strstr(help, "\nexamples:\n");
    for (at = at ? strstr(at, "--") : NULL; at && at < end; at = strchr(at, '\n'), at = at ? strstr(at, "--") : NULL) {
        size_t size = strcspn(at, " \n");
        snprintf(option, sizeof(option), "%.*s\t", (int)size, at);
        CHECK_MSG(strstr(offered.out, option), "%s: %.*s is not completed", command, (int)size, at);
        char inside[160] = "";
        for (size_t i = 0, n = 0; i < size && n + 3 < sizeof(inside); i++) {
            if (at[i] == '-') inside[n++] = '\\';
            inside[n++] = at[i];
        }
        CHECK_MSG(strstr(page, inside), "%s: %s is not in its page", command, inside);
        snprintf(line, sizeof(line), "%s %.*s ''", command, (int)size, at);
        if (takes_few(at)) check_few(command, line, help);
    }
    program_result_free(&offered);
    if (strcmp(command, "serve") == 0 || strcmp(command, "template build") == 0) {
        snprintf(line, sizeof(line), "%s x --", command);
        check_few(command, line, help);
    }
}

static void check_command(const char *parent, const char *name) {
    char command[80], path[4200], section[120], usage[160];
    snprintf(command, sizeof(command), "%s%s%s", parent ? parent : "", parent ? " " : "", name);
    program_result help = parent ? WRENN("help", parent, name) : WRENN("help", name);
    snprintf(path, sizeof(path), "cat " CLI_PAGES "/wrenn-%s.1", parent ? parent : name);
    program_result page = shell(path);
    CHECK_INT(page.code, 0);
    snprintf(section, sizeof(section), "\n.SH COMMAND %s\n", name);
    const char *part = parent ? strstr(page.out, section) : page.out;
    CHECK_MSG(part, "%s has no section in the page", command);
    snprintf(usage, sizeof(usage), "usage: wrenn %s", command);
    CHECK_CONTAINS(help.out, usage);
    CHECK_CONTAINS(part, " EXAMPLES\n");
    CHECK_CONTAINS(part, " EXIT STATUS\n");
    /* The examples are of this command. */
    snprintf(usage, sizeof(usage), "\n  wrenn %s", command);
    CHECK_CONTAINS(help.out, usage);
    check_options(command, help.out, part);
    program_result_free(&help);
    program_result_free(&page);
}

static void check_whole(const char *parent, const char *name) {
    program_result help = WRENN("help", name);
    bool has_below = strstr(help.out, "\ncommands:\n");
    program_result_free(&help);
    if (parent || !has_below) check_command(parent, name);
    else
        each_candidate((const char *const[]){getenv("WRENN_CLI"), "_complete", "--", name, "", NULL}, check_command,
                       name);
}

TEST(every_command_has_all_that_commands_have) {
    note_commands();
    for (size_t i = 0; i < name_count; i++) check_whole(NULL, names[i]);
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

/* ---- in the shells themselves ---- */

static bool has_shell(const char *name) {
    char line[64];
    snprintf(line, sizeof(line), "command -v %s > found", name);
    program_result result = shell(line);
    bool has = result.code == 0;
    program_result_free(&result);
    return has;
}

static const struct {
    const char *line, *want;
} typed[] = {
    {"cre", "create"},          {"snapshot cr", "create"},    {"run --mem", "--memory"}, {"ls --status pau", "paused"},
    {"--context fir", "first"}, {"context use fir", "first"}, {"help temp", "template"}, {"completion zs", "zsh"},
};

static void begin_shells(void) {
    fresh_home();
    char path[4096];
    program_result made = shell("mkdir -p bin && ln -sf \"$WRENN_CLI\" bin/wrenn");
    program_result_free(&made);
    snprintf(path, sizeof(path), "%s/bin:%s", test_dir(), getenv("PATH"));
    setenv("PATH", path, 1);
    free(WRENN_SAYS("context", "add", "first", "--url", "unix:/nonexistent"));
    free(WRENN_SAYS("context", "unset"));
}

TEST(bash_completes_each_kind) {
    begin_shells();
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        char line[512];
        snprintf(line, sizeof(line),
                 "bash -c '. <(wrenn completion bash); compopt() { :; }; COMP_LINE=\"wrenn %s\"; "
                 "COMP_POINT=${#COMP_LINE}; COMP_WORDS=($COMP_LINE); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _wrenn; "
                 "echo \"${COMPREPLY[@]}\"'",
                 typed[i].line);
        program_result result = shell(line);
        CHECK_MSG(strncmp(result.out, typed[i].want, strlen(typed[i].want)) == 0, "%s: %s%s", typed[i].line, result.out,
                  result.err);
        program_result_free(&result);
    }
    /* Of "=" and ":" bash makes words, and replaces only the last one. */
    check_shell(
        "bash -c '. <(wrenn completion bash); compopt() { :; }; COMP_LINE=\"wrenn ls --status=pau\"; COMP_POINT=${#COMP_LINE}; "
        "COMP_WORDS=(wrenn ls --status = pau); COMP_CWORD=4; _wrenn; echo \"${COMPREPLY[@]}\"'",
        0, "paused\n", "");
}

TEST(fish_completes_each_kind) {
    if (!has_shell("fish")) test_skip("no fish");
    begin_shells();
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        char line[256];
        snprintf(line, sizeof(line), "fish -N -c 'wrenn completion fish | source; complete -C \"wrenn %s\"'",
                 typed[i].line);
        program_result result = shell(line);
        CHECK_MSG(strncmp(result.out, typed[i].want, strlen(typed[i].want)) == 0, "%s: %s%s", typed[i].line, result.out,
                  result.err);
        program_result_free(&result);
    }
}

TEST(zsh_completes_each_kind) {
    if (!has_shell("zsh")) test_skip("no zsh");
    begin_shells();
    setenv("PS1", "ready> ", 1);
    setenv("TERM", "dumb", 1);
    for (size_t i = 0; i < sizeof(typed) / sizeof(typed[0]); i++) {
        person p = person_starts((const char *const[]){"zsh", "-f", "-i", NULL}, 200, 30);
        person_types(
            &p, "autoload -U compinit; compinit -D -u; bindkey -e; source <(wrenn completion zsh); echo load''ed\r");
        person_sees(&p, "\nloaded");
        person_sees(&p, "ready> ");
        person_types(&p, "wrenn ");
        person_types(&p, typed[i].line);
        person_types(&p, "\t\001echo '\005'\r"); /* only what was missing is shown when it completes */
        person_sees(&p, "\nwrenn ");
        person_sees(&p, typed[i].want);
        person_sees(&p, "ready> ");
        person_types(&p, "exit\r");
        (void)person_leaves(&p);
    }
}

TEST_MAIN
