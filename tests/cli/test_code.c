/* Code in a kernel, from everywhere it can come from. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "person.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

static void build_template(void) {
    program_result built = WRENN("template", "build", "code-interpreter");
    CHECK_MSG(built.code == 0, "%s", built.err);
    program_result_free(&built);
}

static void begin(void) {
    fresh_home();
    build_template();
}

TEST_SLOW(code_comes_from_a_line_a_file_or_a_pipe) {
    begin();
    char *id = WRENN_SAYS("create", "-T", "python-interpreter-v0-beta", "--name", "k");
    check_shell("\"$WRENN_CLI\" code -s k -c 'x = 6; print(x); x * 7'", 0, "6\n42\n", "");
    check_shell("echo 'x + 1' > a.py; \"$WRENN_CLI\" code -s k a.py; echo 'x + 2' | \"$WRENN_CLI\" code -s k", 0,
                "7\n8\n", "");
    check_shell(
        "\"$WRENN_CLI\" code -s k -c '1/0' 2> err; echo $?; grep -c '^ZeroDivisionError' err; grep -c '\033' err", 1,
        "1\n2\n0\n", "");
    check_shell("\"$WRENN_CLI\" code -s k --timeout 1 -c 'while True: pass'", 1, "", "the time was up");
    check_shell("\"$WRENN_CLI\" code -s k /nonexistent", 1, "", "/nonexistent: No such file");
    check_shell("\"$WRENN_CLI\" code -s k --lang bash -c 'echo $0'", 0, "bash\n", "");
    free(id);
    id = WRENN_SAYS("create", "-T", "python-interpreter-v0-beta", "--name", "n", "--allow", "good.example");
    check_shell(
        "\"$WRENN_CLI\" code -s n -c 'import socket; socket.create_connection((\"bad.example\", 80))' 2> err; echo $?; "
        "grep -o '^denied: bad.example\\| --allow bad.example' err",
        0, "1\ndenied: bad.example\n --allow bad.example\n", "");
    free(id);
}

TEST_SLOW(images_are_saved_and_named) {
    begin();
    check_shell(
        "cat > image.py <<'END'\n"
        "from IPython.display import display, Image\n"
        "import base64\n"
        "display(Image(data=base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgG"
        "AWjR9awAAAABJRU5ErkJggg==')))\n"
        "END\n"
        "mkdir out; : > out/image-1.png; \"$WRENN_CLI\" code --images out image.py; cut -c2-4 out/image-2.png | head -1; "
        "\"$WRENN_CLI\" ls -q",
        0, "out/image-2.png\nPNG\n", "");
}

TEST_SLOW(line_by_line_on_a_terminal) {
    begin();
    person p = PERSON("code");
    person_sees(&p, ">>> ");
    person_types(&p, "x = 20\r");
    person_sees(&p, ">>> ");
    person_types(&p, "for i in range(2):\r  print('n', x + i)\r\r");
    person_sees(&p, "n 20\r\nn 21");
    person_sees(&p, ">>> ");
    person_types(&p, "\004");
    CHECK_INT(person_leaves(&p), 0);
    char *left = WRENN_SAYS("ls", "-q");
    CHECK_STR(left, "");
    free(left);
}

static person prompted(void) {
    person p = PERSON("code", "-s", "k");
    person_sees(&p, ">>> ");
    return p;
}

TEST_SLOW(a_lost_kernel_is_said_and_the_next_one_is_used) {
    begin_with_sandbox();
    build_template();
    free(WRENN_SAYS("create", "-T", "python-interpreter-v0-beta", "--name", "k"));
    check_shell("w code -s k -c 'print(1, flush=True); import os; os._exit(0)'", 1, "1\n",
                "the kernel died or was ended while it ran the code; its state is lost");
    check_shell("w code -s k -c 'x = 2' 2>/dev/null; w code -s k -c 'x = 2; print(x)'", 0, "2\n", "");
    /* From outside: while it runs nothing, and while it runs code. */
    check_shell(
        "pid=$(w code -s k -c 'import os; print(os.getpid())'); w exec k kill -9 $pid; w code -s k -c 'print(x)'; "
        "echo $?; w code -s k -c 'print(\"x\" in globals())'",
        0, "1\nFalse\n", "its state is lost. This code was not run");
    check_shell(
        "mkfifo said; w code -s k -c 'import os, time; print(os.getpid(), flush=True); time.sleep(1000)' >said & "
        "read pid <said; w exec k kill -9 $pid; wait $!",
        1, "", "the kernel died or was ended while it ran the code");
    person p = PERSON("code");
    person_sees(&p, ">>> ");
    person_types(&p, "import os; os._exit(0)\r");
    person_sees(&p, "its state is lost");
    person_sees(&p, ">>> ");
    person_types(&p, "print(6 * 7)\r");
    person_sees(&p, "42\r\n");
    person_sees(&p, ">>> ");
    person_types(&p, "\004");
    CHECK_INT(person_leaves(&p), 0);
}

/* What is open goes on in the next line; what is closed runs at once. */
TEST_SLOW(input_of_several_lines) {
    static const struct {
        const char *typed, *shown;
    } cases[] = {
        {"print(sum([\r1,\r2,\r]))\r", "3\r\n"},
        {"s = \"\"\"a\r\rb: (\r\"\"\"; print(len(s))\r", "8\r\n"},
        {"print('(', \"a:\\\"[\") # ([{ don't:\r", "( a:\"[\r\n"},
        {"x = 1 + \\\r40; print(x)\r", "41\r\n"},
        {"def f():\r  return 43\r\rf()\r", "43\r\n"},
        {"@staticmethod\rdef g():\r  return 44\r\rg()\r", "44\r\n"},
        {"d = {\r'k': 45}\rd['k']\r", "45\r\n"},
    };
    begin();
    free(WRENN_SAYS("create", "-T", "python-interpreter-v0-beta", "--name", "k"));
    person p = prompted();
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        person_types(&p, cases[i].typed);
        person_sees(&p, cases[i].shown);
        person_sees(&p, ">>> ");
    }
    person_types(&p, "\004");
    CHECK_INT(person_leaves(&p), 0);
}

TEST_SLOW(lines_can_be_edited_and_found_again) {
    begin();
    free(WRENN_SAYS("create", "-T", "python-interpreter-v0-beta", "--name", "k"));
    person p = prompted();
    person_types(&p, "int('1') + 5\r");
    person_sees(&p, "6\r\n>>> ");
    /* Ctrl-A, and the letters before; then up, and one more letter at the end. */
    person_types(&p, "rint('\303\244\346\274\242')\001p\r");
    person_sees(&p, "\r\n\303\244\346\274\242\r\n");
    person_sees(&p, ">>> ");
    person_types(&p, "\033[A\033[A6\r");
    person_sees(&p, "57\r\n>>> ");
    person_types(&p, "\004");
    CHECK_INT(person_leaves(&p), 0);
    /* In the next session, too; the file is nobody else's. */
    p = prompted();
    person_types(&p, "\033[A7\r");
    person_sees(&p, "568\r\n>>> ");
    person_types(&p, "\004");
    CHECK_INT(person_leaves(&p), 0);
    check_shell("stat -c %a .local/state/wrenn/code-history; grep -c 567 .local/state/wrenn/code-history", 0,
                "600\n1\n", "");
    /* A terminal that can't move its cursor reads lines as well. */
    setenv("TERM", "dumb", 1);
    p = prompted();
    person_types(&p, "6 * 11\r");
    person_sees(&p, "66\r\n>>> ");
    person_types(&p, "\004");
    CHECK_INT(person_leaves(&p), 0);
}

/* With and without editing: Ctrl-C gives up the line, or the code; SIGTERM ends it, and the sandbox. */
static void check_signals(const char *terminal) {
    setenv("TERM", terminal, 1);
    person p = PERSON("code");
    person_sees(&p, ">>> ");
    person_types(&p, "oops(\r");
    person_sees(&p, "... ");
    person_types(&p, "1, \003");
    person_sees(&p, ">>> ");
    person_types(&p, "print('on'); import time; time.sleep(1000)\r");
    person_sees(&p, "on\r\n");
    person_types(&p, "\003");
    person_sees(&p, ">>> ");
    person_types(&p, "6 * 7\r");
    person_sees(&p, "42\r\n");
    person_sees(&p, ">>> ");
    CHECK(kill(p.pid, SIGTERM) == 0);
    CHECK_INT(person_leaves(&p), 128 + SIGTERM);
    char *left = WRENN_SAYS("ls", "-q");
    CHECK_STR(left, "");
    free(left);
}

TEST_SLOW(signals_at_the_prompt) {
    begin();
    check_signals("xterm");
    check_signals("dumb");
}

TEST_MAIN
