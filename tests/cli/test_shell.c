/* A shell in a sandbox: leaving it, coming back, and connections that break. */
#include <stdio.h>
#include <stdlib.h>

#include "person.h"
#include "relay.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

static void begin(void) {
    fresh_home();
    free(WRENN_SAYS("create", "--name", "s"));
}

TEST(a_shell_is_one) {
    begin();
    person p = PERSON("shell", "s", "-w", "/tmp", "-e", "A=b");
    person_types(&p, "echo $((6 * 7)) $A $PWD; stty size\r");
    person_sees(&p, "42 b /tmp");
    person_sees(&p, "30 100");
    person_resizes(&p, 66, 33);
    person_types(&p, "until [ \"$(stty size)\" = '33 66' ]; do :; done; echo re''sized\r");
    person_sees(&p, "resized");
    person_types(&p, "exit 5\r");
    CHECK_INT(person_leaves(&p), 5);
}

TEST(it_can_be_left_and_found_again) {
    begin();
    person p = PERSON("shell", "s");
    person_types(&p, "V=kept; echo re''ady\r");
    person_sees(&p, "ready");
    person_types(&p, "\r~.");
    person_sees(&p, "--attach ");
    char tag[64];
    /* The line is whole when the program has ended. */
    for (size_t end = p.size; !memchr(p.screen + p.seen, '\r', end - p.seen); end = p.size) person_sees(&p, "");
    snprintf(tag, sizeof(tag), "%.*s", (int)strcspn(p.screen + p.seen, "\r\n"), p.screen + p.seen);
    CHECK_INT(person_leaves(&p), 0);
    p = PERSON("shell", "s", "--attach", tag);
    person_types(&p, "\recho $V ~~ '~.'\r");
    person_sees(&p, "kept ~~ ~.");
    person_types(&p, "exit\r");
    CHECK_INT(person_leaves(&p), 0);
}

TEST(ctrl_keys_and_jobs_are_the_shells) {
    begin();
    person p = PERSON("shell", "s");
    person_types(&p, "sh -c 'echo g''o; exec sleep 1000'\r");
    person_sees(&p, "go\r\n");
    person_types(&p, "\032");
    person_sees(&p, "Stopped");
    person_types(&p, "kill %1; sh -c 'echo ne\"\"xt; exec cat'\r");
    person_sees(&p, "next\r\n");
    person_types(&p, "\003");
    person_sees(&p, "^C");
    person_sees(&p, "# "); /* only then does the shell read again */
    person_types(&p, "echo a''gain; exit 0\r");
    person_sees(&p, "again");
    CHECK_INT(person_leaves(&p), 0);
}

TEST(a_connection_that_breaks_is_made_again) {
    begin();
    pid_t relay = relay_to_own();
    person p = PERSON("shell", "s");
    person_types(&p, "V=kept; echo re''ady\r");
    person_sees(&p, "ready");
    relay_cut(relay);
    person_sees(&p, "the connection is lost");
    person_sees(&p, "ready"); /* what was there is shown again */
    person_types(&p, "echo still $V\r");
    person_sees(&p, "still kept");
    relay_cut(relay);
    relay_stop(relay);
    person_sees(&p, "the connection is lost");
    person_types(&p, "\003");
    person_sees(&p, "it goes on; to go back: wrenn shell cl-");
    CHECK_INT(person_leaves(&p), 130);
}

/* The next command starts the server, which finds the sandbox as it was left. */
TEST(a_server_that_was_killed_is_found_again) {
    begin();
    person p = PERSON("shell", "s");
    person_types(&p, "V=kept; echo re''ady\r");
    person_sees(&p, "ready");
    check_shell("kill -KILL $(\"$WRENN_CLI\" serve status -o json | sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/')", 0, "", "");
    person_sees(&p, "the connection is lost");
    check_shell("\"$WRENN_CLI\" ls -q | wc -l", 0, "1\n", "");
    person_sees(&p, "ready");
    person_types(&p, "echo still $V; exit 3\r");
    person_sees(&p, "still kept");
    CHECK_INT(person_leaves(&p), 3);
}

/* A megabyte at once, also the letters that would leave the shell if they were typed. */
TEST(a_long_paste_arrives_whole) {
    enum { LINES = 16384, WIDTH = 64 };
    static char text[LINES * WIDTH + 1];
    begin();
    for (size_t i = 0; i < LINES; i++) snprintf(text + i * WIDTH, WIDTH + 1, "x~.%060zu\r", i);
    person p = PERSON("shell", "s");
    person_types(&p, "stty -echo; echo re''ady; head -n 16384 | md5sum; echo ov''er\r");
    person_sees(&p, "ready");
    person_pastes(&p, text, LINES * WIDTH);
    for (size_t i = 0; i < LINES; i++) text[i * WIDTH + WIDTH - 1] = '\n';
    FILE *file = fopen("want", "w");
    CHECK(file && fwrite(text, 1, LINES * WIDTH, file) == LINES * WIDTH && fclose(file) == 0);
    program_result want = shell("md5sum < want | cut -c1-32 | tr -d '\\n'");
    person_sees(&p, want.out);
    person_sees(&p, "over");
    program_result_free(&want);
    person_types(&p, "exit\r");
    CHECK_INT(person_leaves(&p), 0);
}

TEST(without_a_terminal_it_says_what_to_do) {
    fresh_home();
    program_result result = WRENN("shell", "s");
    CHECK_INT(result.code, 125);
    CHECK_CONTAINS(result.err, "there is no terminal: use 'wrenn exec s sh'");
    program_result_free(&result);
}

TEST(programs_that_fill_the_screen_work) {
    begin();
    person p = PERSON("exec", "s", "less", "/etc/services");
    person_sees(&p, "tcp");
    person_types(&p, "G");
    person_sees(&p, "(END)");
    person_types(&p, "q");
    CHECK_INT(person_leaves(&p), 0);
}

TEST_MAIN
