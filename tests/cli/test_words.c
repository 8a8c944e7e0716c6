/* The wrenn command without a server: what it makes of its words. */
#include <stdlib.h>

#include "person.h"
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
    check_refused(WRENN("frobnicate"), 2, "unknown command 'frobnicate'; see 'wrenn help'");
    check_refused(WRENN("--frobnicate"), 2, "unknown option '--frobnicate'");
    check_refused(WRENN("ls", "--frobnicate"), 2, "see 'wrenn help ls'");
    check_refused(WRENN("ls", "word"), 2, "unexpected argument 'word'");
    check_refused(WRENN("ls", "--", "word"), 2, "unexpected argument 'word'");
    check_refused(WRENN("rm"), 2, "missing argument ID");
    check_refused(WRENN("rm", "cl-1", "-o"), 2, "'-o' needs a value (FORMAT)");
    check_refused(WRENN("exec"), 2, "missing argument ID: 'wrenn ls' shows the sandboxes");
    check_refused(WRENN("exec", "cl-1"), 2, "missing argument PROGRAM");
    check_refused(WRENN("exec", "cl-1", "--"), 2, "missing argument PROGRAM");
    check_refused(WRENN("run"), 2, "missing argument PROGRAM");
    check_refused(WRENN("run", "--"), 2, "missing argument PROGRAM");
    check_refused(WRENN("help", "frobnicate"), 2, "unknown command 'frobnicate'; see 'wrenn help'");
    check_refused(WRENN("help", "context", "frobnicate"), 2, "unknown command 'frobnicate'");
    check_refused(WRENN("help", "run", "ls"), 2, "unknown command 'ls'");
}

TEST(no_command_is_wrong_usage) {
    const char *const argv[] = {getenv("WRENN_CLI"), NULL};
    check_refused(run_program(argv), 2, "missing command");
}

TEST(values_are_checked_before_anything_starts) {
    check_refused(WRENN("run", "--timeout", "soon", "--", "true"), 2,
                  "--timeout 'soon' is not a time, as 90, 90s, 5m, 2h or 1d, from 1 to");
    check_refused(WRENN("run", "--timeout=0", "--", "true"), 2, "'0'");
    check_refused(WRENN("run", "--timeout=99999999999999999999", "--", "true"), 2, "is not a time");
    check_refused(WRENN("run", "--timeout", "1x", "--", "true"), 2, "'1x'");
    check_refused(WRENN("run", "--memory=-1", "--", "true"), 2, "'-1'");
    check_refused(WRENN("run", "--label", "NAME", "--", "true"), 2, "'NAME' is not NAME=VALUE");
    check_refused(WRENN("run", "--env", "=value", "--", "true"), 2, "is not NAME[=VALUE]");
    check_refused(WRENN("run", "--env", "", "--", "true"), 2, "is not NAME[=VALUE]");
    unsetenv("NAME");
    setenv("NAME_LONGER", "x", 1);
    check_refused(WRENN("run", "--env", "NAME", "--", "true"), 2,
                  "--env 'NAME': there is no such variable here: give NAME=VALUE");
    check_refused(WRENN("run", "--vcpus"), 2, "'--vcpus' needs a value");
    check_refused(WRENN("ls", "--quiet=yes"), 2, "--quiet takes no value");
    check_refused(WRENN("ls", "-o", "yaml"), 2, "is not 'text', 'json', 'jsonl' or 'name'");
    static const char *const names[] = {"", "-x", "a/b", "a:b", "cl-0123456789abcdefghijklmno"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        check_refused(WRENN("create", "--name", names[i]), 2, "' can't be used: it must not be empty or an id");
    check_refused(WRENN("run", "--publish", "65536", "true"), 2, "--publish '65536' is not a port");
    check_refused(WRENN("run", "--keep", "--rm", "true"), 2, "--keep keeps the sandbox, --rm does not");
    check_refused(WRENN("url", "--scheme", "ftp", "cl-1", "80"), 2,
                  "--scheme 'ftp' is not 'http', 'https', 'ws' or 'wss'");
    check_refused(WRENN("port-forward", "--address", "home", "cl-1", "80"), 2,
                  "--address 'home' is not an IPv4 address");
    check_refused(WRENN("stats", "--range", "7m"), 2, "--range '7m' is not '5m', '10m', '1h'");
    check_refused(WRENN("doctor", "-o", "jsonl"), 2, "it prints text or, with -o json, JSON");
    check_refused(WRENN("code", "missing.py"), 1, "missing.py: No such file or directory");
}

/* Where there are few words, no server has to be asked which. */
TEST(one_of_few_words_is_checked_before_anything_starts) {
    setenv("WRENN_BASE_URL", "unix:/nonexistent/socket", 1);
    setenv("WRENN_API_KEY", "k", 1);
    check_refused(
        WRENN("ls", "--status", "runing"), 2,
        "--status 'runing' is not 'pending', 'running', 'paused', 'hibernated' or 'missing': did you mean 'running'?");
    check_refused(WRENN("ls", "--state="), 2, "--status '' is not 'pending', 'running'");
    check_refused(WRENN("events", "-t", "sandbox.destory"), 2, "did you mean 'sandbox.destroy'?");
    check_refused(WRENN("events", "-t", "sandbox", "-t", "x"), 2, "--type 'x' is not 'command', 'command.end', ");
    check_refused(WRENN("create", "--preset=pyhton"), 2, "did you mean 'python'?");
    check_refused(WRENN("run", "--isolation", "vn", "true"), 2, "--isolation 'vn' is not 'any', 'namespace' or 'vm'");
    check_refused(WRENN("host", "create", "--type", "byco"), 2, "did you mean 'byoc'?");
    check_refused(WRENN("completion", "bsh"), 2, "'bsh' is not 'bash', 'zsh' or 'fish': did you mean 'bash'?");
    check_refused(WRENN("mcp", "--http", "xyz"), 2, "--http 'xyz' is not ADDRESS:PORT or PORT");
    check_refused(WRENN("mcp", "--http", "127.0.0.1:65536"), 2, "--http '127.0.0.1:65536' is not");
    check_refused(WRENN("events", "-t", "command"), 1, "/nonexistent/socket");
}

TEST(words_of_the_program_are_not_options) {
    /* It gets as far as looking for the server. */
    setenv("WRENN_WRENND", "/nonexistent/wrennd", 1);
    setenv("WRENN_BASE_URL", "local:", 1);
    check_refused(WRENN("run", "ls", "--frobnicate"), 125, "/nonexistent/wrennd");
    check_refused(WRENN("run", "--timeout", "5", "--", "-o", "yaml"), 125, "/nonexistent/wrennd");
    setenv("WRENN_BASE_URL", "unix:/nonexistent/socket", 1);
    setenv("WRENN_API_KEY", "k", 1);
    check_refused(WRENN("exec", "cl-1", "-w/", "--env=A=b=c", "ls", "-o", "yaml"), 125, "/nonexistent/socket");
}

TEST(help_and_version) {
    check_prints(WRENN("help"), "usage: wrenn COMMAND [OPTIONS]");
    check_prints(WRENN("--help"), "usage: wrenn COMMAND [OPTIONS]");
    check_prints(WRENN("help", "run"), "usage: wrenn run [OPTIONS]");
    check_prints(WRENN("run", "--help"), "usage: wrenn run [OPTIONS]");
    check_prints(WRENN("ls", "-h"), "--quiet");
    check_prints(WRENN("exec", "-h"), "--cwd");
    check_prints(WRENN("rm", "-h"), "usage: wrenn rm [OPTIONS] [ID...]");
    check_prints(WRENN("help", "serve"), "WRENN_WRENND");
    check_prints(WRENN("--version"), "wrenn " WRENN_EXPECTED_VERSION "\n");
    check_prints(WRENN("-o", "json", "--version"), "{\"version\":\"" WRENN_EXPECTED_VERSION "\"}\n");
}

TEST(serve_and_doctor_become_wrennd) {
    setenv("WRENN_WRENND", "/bin/echo", 1);
    check_prints(WRENN("serve", "--listen", "-o"), "--listen -o\n");
    check_prints(WRENN("-o", "json", "serve", "--listen", "x"), "--log-format=json --listen x\n");
    check_prints(WRENN("doctor", "--leaks", "--data-dir=/x"), "doctor --leaks --data-dir /x\n");
    check_prints(WRENN("-o", "json", "doctor"), "doctor --json\n");
    check_prints(WRENN("doctor", "-ojson"), "doctor --json\n");
    check_prints(WRENN("doctor", "--output=json"), "doctor --json\n");
    check_refused(WRENN("doctor", "-o", "yaml"), 2, "is not 'text', 'json', 'jsonl' or 'name'");
    setenv("WRENN_WRENND", "/nonexistent/wrennd", 1);
    check_refused(WRENN("serve"), 1, "can't run '/nonexistent/wrennd': No such file or directory");
}

TEST(base_urls_are_checked) {
    setenv("WRENN_API_KEY", "k", 1);
    check_refused(WRENN("--base-url", "ftp://example", "ls"), 1, "ftp://example");
    check_refused(WRENN("ls", "--url", "unix:/nonexistent/socket"), 1, "wrenn serve");
    check_refused(WRENN("run", "--url", "unix:/nonexistent/socket", "true"), 125, "--url");
}

TEST(a_connection_that_is_refused_is_said_once) {
    setenv("WRENN_API_KEY", "k", 1);
    check_refused(WRENN("ls", "--url", "http://127.0.0.1:1"), 1, "wrenn: Failed to connect to 127.0.0.1 port 1");
    program_result result = WRENN("ls", "--url", "http://127.0.0.1:1");
    CHECK_CONTAINS(result.err, " ms: check --url");
    program_result_free(&result);
    check_refused(WRENN("ls", "--url", "unix:/nonexistent/socket"), 1,
                  "wrenn: cannot connect to the socket /nonexistent/socket");
}

TEST(a_full_disk_is_not_success) {
    const char *const argv[] = {"sh", "-c", "\"$WRENN_CLI\" help > /dev/full", NULL};
    check_refused(run_program(argv), 1, "can't write the output: No space left on device");
}

TEST(keys_are_no_options) {
    check_refused(WRENN("ls", "--api-key=wrn_x"), 2, "others can read command lines: set WRENN_API_KEY");
    check_refused(WRENN("--token", "x", "ls"), 2, "others can read command lines: set WRENN_TOKEN");
    program_result result = WRENN("--api-key=wrn_secret", "ls");
    CHECK(!strstr(result.err, "wrn_secret"));
    program_result_free(&result);
}

TEST(what_is_nearly_right_is_suggested) {
    check_refused(WRENN("rum", "x"), 2, "did you mean 'run'?");
    check_refused(WRENN("creat"), 2, "did you mean 'create'?");
    check_refused(WRENN("ssh"), 2, "did you mean 'shell'?");
    check_refused(WRENN("prune"), 2, "did you mean 'rm'?");
    check_refused(WRENN("save"), 2, "did you mean 'snapshot'?");
    check_refused(WRENN("context", "ad"), 2, "did you mean 'add'?");
    check_refused(WRENN("run", "--memroy=3", "true"), 2, "did you mean '--memory'?");
    check_refused(WRENN("help", "exce"), 2, "did you mean 'exec'?");
    check_refused(WRENN("help", "ssh"), 2, "did you mean 'shell'?");
    check_refused(WRENN("help", "context", "ad"), 2, "did you mean 'add'?");
    check_refused(WRENN("context", "add", "x", "--key-std"), 2, "did you mean '--key-stdin'?");
    check_refused(WRENN("image", "ls"), 2, "did you mean 'template'?");
    check_refused(WRENN("x"), 2, "unknown command 'x'; see");
    check_refused(WRENN("stop", "x"), 2, "did you mean 'pause'?");
    check_refused(WRENN("ps", "-a"), 2, "unknown option '-a': 'wrenn ls' shows all sandboxes");
    check_refused(WRENN("run", "-v", "/tmp:/x", "true"), 2,
                  "unknown option '-v': '--upload SRC:DST' of 'wrenn run' copies");
    check_refused(WRENN("run", "--network=host", "true"), 2, "unknown option '--network=host': '--net' opens all");
    check_refused(WRENN("run", "-p", "8080:80", "true"), 2, "'wrenn port-forward' takes it to one of this machine");
    check_refused(WRENN("rmi", "x"), 2, "did you mean 'template rm'?");
    check_refused(WRENN("pull", "x"), 2, "did you mean 'template build'?");
    check_refused(WRENN("download", "x"), 2, "did you mean 'cp'?");
    check_refused(WRENN("volume"), 2, "did you mean 'sync'?");
    check_refused(WRENN("lss"), 2, "did you mean 'ls'?");
    check_refused(WRENN("bull"), 2, "unknown command 'bull'; see");
}

TEST(alone_on_a_terminal_it_shows_its_help) {
    person p = person_starts((const char *const[]){getenv("WRENN_CLI"), NULL}, 100, 30);
    person_sees(&p, "usage: wrenn COMMAND");
    CHECK_INT(person_leaves(&p), 0);
}

/* Everything that a shell's user tries with options. */
TEST(options_are_taken_apart_as_elsewhere) {
    setenv("WRENN_WRENND", "/bin/echo", 1);
    check_prints(WRENN("doctor", "--data-dir", "/x", "--leaks"), "doctor --leaks --data-dir /x\n");
    check_refused(WRENN("ls", "-qwx"), 2, "unknown option '-qwx'");
    check_refused(WRENN("run", "-ite", "NAME", "true"), 2, "--env 'NAME': there is no such variable here");
    check_refused(WRENN("run", "-m", "12q", "true"), 2, "--memory '12q' is not a size");
    check_refused(WRENN("run", "-m=0", "true"), 2, "--memory '0' is not a size");
    check_refused(WRENN("run", "--disk", "1", "true"), 2, "--disk '1' is not a size");
    check_refused(WRENN("run", "--upload", "nothing", "true"), 2, "--upload 'nothing' is not SRC:DST");
    check_refused(WRENN("run", "--isolation=strong", "--url=unix:/nonexistent", "true"), 2, "'strong' is not 'any'");
    check_refused(WRENN("rm", "x", "--all"), 2, "unexpected argument 'x'");
    check_refused(WRENN("version", "-o", "json", "more"), 2, "unexpected argument 'more'");
    check_refused(WRENN("completion", "-ojson", "bash"), 2, "prints nothing that --output could change");
    check_refused(WRENN("ls", "--url=unix:/x", "--context=y"), 2, "--url and --context");
}

TEST_MAIN
