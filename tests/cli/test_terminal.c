/* The wrenn command as somebody at a terminal has it. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "person.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

TEST(between_terminals_a_program_has_one) {
    fresh_home();
    person p = PERSON("run", "sh", "-c", "tty; stty size; echo $TERM; read line; echo got $line; exit 3");
    person_sees(&p, "/dev/pts/");
    person_sees(&p, "30 100\r\n");
    person_types(&p, "words\r");
    person_sees(&p, "got words");
    CHECK_INT(person_leaves(&p), 3);
}

/* A terminal has one output: who wants stderr apart gets no terminal, unless he asks for one. */
TEST(stderr_in_a_file_is_no_terminal) {
    fresh_home();
    person p = person_starts(
        (const char *const[]){"sh", "-c",
                              "\"$WRENN_CLI\" run sh -c 'tty >&2; echo out' 2> err; echo said $(cat err); "
                              "\"$WRENN_CLI\" run -t sh -c 'tty' 2> err",
                              NULL},
        80, 24);
    person_sees(&p, "out");
    person_sees(&p, "said not a tty");
    person_sees(&p, "/dev/pts/");
    CHECK_INT(person_leaves(&p), 0);
}

TEST(ctrl_c_is_for_the_program) {
    fresh_home();
    person p = PERSON("run", "sh", "-c", "trap 'echo caught; exit 9' INT; echo ready; while :; do sleep 0.1; done");
    person_sees(&p, "ready");
    person_types(&p, "\003");
    person_sees(&p, "caught");
    CHECK_INT(person_leaves(&p), 9);
}

TEST(a_new_size_arrives) {
    fresh_home();
    person p = PERSON("run", "sh", "-c", "trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.1; done");
    person_sees(&p, "ready");
    person_resizes(&p, 77, 22);
    person_sees(&p, "22 77");
    CHECK_INT(person_leaves(&p), 0);
}

/* The kernel tells only the program in front. */
TEST(a_shell_learns_of_a_new_size_behind_its_program) {
    fresh_home();
    person p = PERSON("run", "bash", "-c", "set -m; trap 'stty size' WINCH; sh -c 'echo ready; read line'; echo over");
    person_sees(&p, "ready");
    person_resizes(&p, 77, 22);
    person_types(&p, "\r");
    person_sees(&p, "22 77");
    person_sees(&p, "over");
    CHECK_INT(person_leaves(&p), 0);
}

TEST(a_long_paste_arrives_whole) {
    enum { LINES = 16384 };
    static char text[LINES * 64 + 1];
    fresh_home();
    for (size_t i = 0; i < LINES; i++) snprintf(text + i * 64, 65, "%063zu\r", i);
    person p = PERSON("run", "sh", "-c", "stty -echo; echo ready; head -n 16384 | cksum");
    person_sees(&p, "ready");
    person_pastes(&p, text, LINES * 64);
    for (size_t i = 0; i < LINES; i++) text[i * 64 + 63] = '\n';
    FILE *file = fopen("want", "w");
    CHECK(file && fwrite(text, 1, LINES * 64, file) == LINES * 64 && fclose(file) == 0);
    program_result want = shell("cksum < want");
    want.out[strcspn(want.out, "\n")] = '\0';
    person_sees(&p, want.out);
    program_result_free(&want);
    CHECK_INT(person_leaves(&p), 0);
}

/* Characters of two columns and of several bytes, also when they are taken back. */
TEST(wide_characters_arrive_whole) {
    fresh_home();
    person p = PERSON("run", "sh", "-c",
                      "stty iutf8; echo ready; read line; echo \"got <$line>\"; printf %s \"$line\" | wc -c");
    person_sees(&p, "ready");
    person_types(&p, "\u6f22\u5b57\u00e9\U0001f426x\177\177\u00df\r");
    person_sees(&p, "got <\u6f22\u5b57\u00e9\u00df>\r\n10");
    CHECK_INT(person_leaves(&p), 0);
}

/* Without a terminal of its own the program goes on while the command is stopped, and nothing of it is lost. */
TEST(ctrl_z_stops_the_command_and_fg_goes_on) {
    begin_with_sandbox();
    setenv("PS1", "$ ", 1);
    person p = person_starts((const char *const[]){"bash", "--norc", "-i", NULL}, 100, 30);
    person_types(
        &p, "w exec s sh -c 'echo be\"\"gun; until [ -e /tmp/go ]; do sleep 0.1; done; seq 3 | tr \"\\n\" -' | cat\r");
    person_sees(&p, "begun");
    person_types(&p, "\032");
    person_sees(&p, "Stopped");
    person_types(&p, "w exec --no-tty s touch /tmp/go && fg\r");
    person_sees(&p, "1-2-3-");
    person_types(&p, "exit 0\r");
    CHECK_INT(person_leaves(&p), 0);
}

/* An editor fills the screen, follows its size, writes a file, and gives the screen back. */
TEST(an_editor_works) {
    begin_with_sandbox();
    program_result found = shell("w exec s sh -c 'command -v vim || command -v vim.tiny' | tr -d '\\n'");
    if (!found.out_size) test_skip("there is no vim");
    person p = PERSON("exec", "-t", "s", found.out, "-Nu", "NONE", "/tmp/f");
    person_sees(&p, "\033[?1049h");
    person_sees(&p, "/tmp/f");
    person_types(&p, "iwords \u6f22\033");
    person_sees(&p, "words");
    person_resizes(&p, 60, 20);
    person_sees(&p, "words"); /* drawn again, for the new size */
    person_types(&p, ":set columns? lines?\r");
    person_sees(&p, "columns=60");
    person_sees(&p, "lines=20");
    person_types(&p, "\r:wq\r");
    person_sees(&p, "\033[?1049l");
    CHECK_INT(person_leaves(&p), 0);
    check_shell("w files cat s /tmp/f", 0, "words \u6f22\n", "");
    program_result_free(&found);
}

/* Whoever kills the command finds the terminal as it was. */
TEST(the_terminal_is_given_back) {
    fresh_home();
    person p = person_starts(
        (const char *const[]){
            "sh", "-c",
            "stty -g > before; \"$WRENN_CLI\" run sh -c 'echo ready; sleep 100'; echo code $?; stty -g > after; "
            "cmp before after && echo same",
            NULL},
        80, 24);
    person_sees(&p, "ready");
    person_types(&p, "\034"); /* Ctrl-\, which ends sh and sleep in there */
    person_sees(&p, "code 131");
    person_sees(&p, "same");
    CHECK_INT(person_leaves(&p), 0);
}

/* Terminals put the cursor where it was saved when they are told to leave another screen, even if they show none. */
TEST(the_cursor_stays_where_it_is) {
    fresh_home();
    person p = PERSON("run", "echo", "hi");
    person_sees(&p, "hi\r\n\033[?1047l\033[?25h");
    CHECK_INT(person_leaves(&p), 0);
}

TEST(colours_are_for_terminals) {
    fresh_home();
    person p = PERSON("ls");
    person_sees(&p, "\033[1mID");
    CHECK_INT(person_leaves(&p), 0);
    setenv("NO_COLOR", "1", 1);
    p = PERSON("ls");
    person_sees(&p, "ID  NAME");
    CHECK(!memchr(p.screen, '\033', p.size));
    CHECK_INT(person_leaves(&p), 0);
}

TEST(a_key_can_be_typed_and_is_not_shown) {
    fresh_home();
    person p = PERSON("context", "add", "typed", "--url", "unix:/nonexistent", "--key-stdin");
    person_sees(&p, "API key: ");
    person_types(&p, "wrn_typed\r");
    person_sees(&p, "context typed, in use from now on");
    CHECK(!strstr(p.screen, "wrn_typed"));
    CHECK_INT(person_leaves(&p), 0);
    program_result kept = shell("grep -c wrn_typed .config/wrenn/config.json");
    CHECK_STR(kept.out, "1\n");
    program_result_free(&kept);
}

TEST(questions_end_with_ctrl_c) {
    fresh_home();
    person p = person_starts(
        (const char *const[]){"sh", "-c",
                              "trap : INT; \"$WRENN_CLI\" context add x --url unix:/x --key-stdin; echo code $?; "
                              "stty -a | grep -o ' echo '; echo over",
                              NULL},
        80, 24);
    person_sees(&p, "API key: ");
    person_types(&p, "\003");
    person_sees(&p, "code 130");
    person_sees(&p, " echo ");
    person_sees(&p, "over");
    CHECK_INT(person_leaves(&p), 0);
    p = PERSON("login", "--url", "unix:/nonexistent");
    person_sees(&p, "E-mail: ");
    person_types(&p, "\003");
    CHECK_INT(person_leaves(&p), 1000 + SIGINT);
    p = PERSON("login", "--url", "unix:/nonexistent", "me@example.com");
    person_sees(&p, "Password: ");
    person_types(&p, "\003");
    CHECK_INT(person_leaves(&p), 1000 + SIGINT);
}

TEST(a_question_that_was_stopped_still_hides_what_is_typed) {
    fresh_home();
    person p = person_starts((const char *const[]){"sh", "-mc",
                                                   "\"$WRENN_CLI\" context add x --url unix:/x --key-stdin; "
                                                   "stty -a | grep -o ' echo '; fg; echo over",
                                                   NULL},
                             80, 24);
    person_sees(&p, "API key: ");
    person_types(&p, "\032");
    person_sees(&p, " echo ");
    person_sees(&p, "API key: ");
    person_types(&p, "wrn_typed\r");
    person_sees(&p, "over");
    CHECK(!strstr(p.screen, "wrn_typed"));
    CHECK_INT(person_leaves(&p), 0);
}

TEST(ls_watches_until_ctrl_c) {
    fresh_home();
    person p = PERSON("ls", "--watch");
    person_sees(&p, "STATUS");
    char *id = WRENN_SAYS("create");
    person_sees(&p, id);
    person_types(&p, "\003");
    int code = person_leaves(&p);
    CHECK(code == 130 || code == 1000 + SIGINT); /* what prints just then is ended at once */
    free(id);
}

TEST_MAIN
