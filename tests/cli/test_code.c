/* Code in a kernel, from everywhere it can come from. */
#include <stdio.h>
#include <stdlib.h>

#include "person.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

static void begin(void) {
    fresh_home();
    program_result built = WRENN("template", "build", "code-interpreter");
    CHECK_MSG(built.code == 0, "%s", built.err);
    program_result_free(&built);
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

TEST_MAIN
