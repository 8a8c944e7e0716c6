/* The wrenn command without a server: what it makes of its words. */
#include <stdlib.h>

#include "program.h"
#include "test.h"

/* One line on stderr that begins with "wrenn: " and has `part`, nothing on stdout, and this exit code. */
static void check_refused(program_result result, int code, const char *part) {
    CHECK_CONTAINS(result.err, part);
    CHECK(strncmp(result.err, "wrenn: ", 7) == 0);
    CHECK_MSG(strchr(result.err, '\n') == result.err + result.err_size - 1, "not one line: %s", result.err);
    CHECK_INT(result.out_size, 0);
    CHECK_INT(result.code, code);
    program_result_free(&result);
}

static void check_prints(program_result result, const char *part) {
    CHECK_CONTAINS(result.out, part);
    CHECK_INT(result.err_size, 0);
    CHECK_INT(result.code, 0);
    program_result_free(&result);
}

TEST(wrong_usage_is_2_and_says_where_help_is) {
    check_refused(WRENN("frobnicate"), 2, "no command 'frobnicate': see 'wrenn help'");
    check_refused(WRENN("--frobnicate"), 2, "unknown option '--frobnicate'");
    check_refused(WRENN("ls", "--frobnicate"), 2, "see 'wrenn help ls'");
    check_refused(WRENN("ls", "word"), 2, "'word' is one word too many");
    check_refused(WRENN("ls", "--", "word"), 2, "one word too many");
    check_refused(WRENN("rm"), 2, "which sandbox?");
    check_refused(WRENN("rm", "cl-1", "-o"), 2, "options go before the ids");
    check_refused(WRENN("exec"), 2, "which sandbox?");
    check_refused(WRENN("exec", "cl-1"), 2, "no program to run");
    check_refused(WRENN("exec", "cl-1", "--"), 2, "no program to run");
    check_refused(WRENN("run"), 2, "no program to run");
    check_refused(WRENN("run", "--"), 2, "no program to run");
    check_refused(WRENN("help", "frobnicate"), 2, "no command 'frobnicate'");
}

TEST(no_command_is_wrong_usage) {
    const char *const argv[] = {getenv("WRENN_CLI"), NULL};
    check_refused(run_program(argv), 2, "no command");
}

TEST(values_are_checked_before_anything_starts) {
    check_refused(WRENN("run", "--timeout", "soon", "--", "true"), 2, "--timeout 'soon' is not a number from 1 to");
    check_refused(WRENN("run", "--timeout=0", "--", "true"), 2, "'0'");
    check_refused(WRENN("run", "--timeout=99999999999999999999", "--", "true"), 2, "is not a number");
    check_refused(WRENN("run", "-t", "1x", "--", "true"), 2, "'1x'");
    check_refused(WRENN("run", "--memory=-1", "--", "true"), 2, "'-1'");
    check_refused(WRENN("run", "--env", "NAME", "--", "true"), 2, "'NAME' is not NAME=VALUE");
    check_refused(WRENN("run", "--env", "=value", "--", "true"), 2, "is not NAME=VALUE");
    check_refused(WRENN("run", "--vcpus"), 2, "'--vcpus' needs a value");
    check_refused(WRENN("ls", "--quiet=yes"), 2, "--quiet takes no value");
    check_refused(WRENN("ls", "-o", "yaml"), 2, "neither 'text' nor 'json'");
}

TEST(words_of_the_program_are_not_options) {
    /* It gets as far as looking for the server. */
    setenv("WRENN_WRENND", "/nonexistent/wrennd", 1);
    setenv("WRENN_BASE_URL", "local:", 1);
    check_refused(WRENN("run", "ls", "--frobnicate"), 125, "/nonexistent/wrennd");
    check_refused(WRENN("run", "-t", "5", "--", "-o", "yaml"), 125, "/nonexistent/wrennd");
    setenv("WRENN_BASE_URL", "unix:/nonexistent/socket", 1);
    setenv("WRENN_API_KEY", "k", 1);
    check_refused(WRENN("exec", "cl-1", "-t5", "--env=A=b=c", "ls", "-o", "yaml"), 125, "/nonexistent/socket");
}

TEST(help_and_version) {
    check_prints(WRENN("help"), "usage: wrenn [OPTIONS] COMMAND");
    check_prints(WRENN("--help"), "usage: wrenn [OPTIONS] COMMAND");
    check_prints(WRENN("help", "run"), "usage: wrenn run [OPTIONS]");
    check_prints(WRENN("run", "--help"), "usage: wrenn run [OPTIONS]");
    check_prints(WRENN("ls", "-h"), "--quiet");
    check_prints(WRENN("exec", "-h"), "--cwd");
    check_prints(WRENN("rm", "-h"), "usage: wrenn rm ID...");
    check_prints(WRENN("help", "serve"), "WRENN_WRENND");
    check_prints(WRENN("--version"), "wrenn " WRENN_EXPECTED_VERSION "\n");
    check_prints(WRENN("-o", "json", "--version"), "{\"version\": \"" WRENN_EXPECTED_VERSION "\"}\n");
}

TEST(serve_and_doctor_become_wrennd) {
    setenv("WRENN_WRENND", "/bin/echo", 1);
    check_prints(WRENN("serve", "--listen", "-o"), "--listen -o\n");
    check_prints(WRENN("-o", "json", "serve", "--listen", "x"), "--log-format=json --listen x\n");
    check_prints(WRENN("doctor", "--leaks", "--data-dir=/x"), "doctor --leaks --data-dir /x\n");
    check_prints(WRENN("-o", "json", "doctor"), "doctor --json\n");
    check_prints(WRENN("doctor", "-ojson"), "doctor --json\n");
    check_prints(WRENN("doctor", "--output=json"), "doctor --json\n");
    check_refused(WRENN("doctor", "-o", "yaml"), 2, "neither 'text' nor 'json'");
    setenv("WRENN_WRENND", "/nonexistent/wrennd", 1);
    check_refused(WRENN("serve"), 1, "can't run '/nonexistent/wrennd': No such file or directory");
}

TEST(commands_on_existing_sandboxes_want_a_service) {
    unsetenv("WRENN_BASE_URL");
    unsetenv("WRENN_API_KEY");
    unsetenv("WRENN_TOKEN");
    check_refused(WRENN("ls"), 1, "WRENN_BASE_URL");
    check_refused(WRENN("rm", "cl-1"), 1, "WRENN_BASE_URL");
    check_refused(WRENN("exec", "cl-1", "true"), 125, "WRENN_BASE_URL");
    check_refused(WRENN("ls", "--base-url=local:"), 1, "WRENN_API_KEY");
}

TEST(base_urls_are_checked) {
    check_refused(WRENN("--base-url", "ftp://example", "--api-key=k", "ls"), 1, "ftp://example");
    check_refused(WRENN("--base-url", "unix:/nonexistent/socket", "--api-key=k", "ls"), 1, "wrenn serve");
    check_refused(WRENN("run", "--base-url", "unix:/nonexistent/socket", "--api-key=k", "true"), 125, "--base-url");
}

TEST(a_full_disk_is_not_success) {
    const char *const argv[] = {"sh", "-c", "\"$WRENN_CLI\" help > /dev/full", NULL};
    check_refused(run_program(argv), 1, "can't write the output: No space left on device");
}

TEST(secrets_are_not_shown) {
    program_result result = WRENN("--base-url", "unix:/nonexistent/socket", "--api-key=wrn_secret", "ls");
    CHECK(!strstr(result.err, "wrn_secret"));
    program_result_free(&result);
}

TEST_MAIN
