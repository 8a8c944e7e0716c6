/* The tools of wrenn mcp, in sandboxes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent.h"
#include "person.h"
#include "test.h"

void test_after_each(void) { stop_own_server(); }

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TEXT(text) "\"content\":[{\"type\":\"text\",\"text\":\"" text
#define END(is_error) "\"}],\"isError\":" is_error "}}"

typedef struct step {
    const char *tool, *arguments, *part;
} step;

static void check_steps(const agent *a, const step *steps, size_t count) {
    for (size_t i = 0; i < count; i++) CHECK_CONTAINS(agent_calls(a, steps[i].tool, steps[i].arguments), steps[i].part);
}

static void check_sandboxes(const char *ids) {
    char *left = WRENN_SAYS("ls", "-q");
    CHECK_STR(left, ids);
    free(left);
}

static void check_line(const char *line, const char *out) {
    program_result result = shell(line);
    CHECK_STR(result.err ? result.err : "", "");
    CHECK_STR(result.out ? result.out : "", out);
    program_result_free(&result);
}

TEST(commands_run_in_one_sandbox_that_ends_with_the_session) {
    static const step steps[] = {
        {"run_command", "{\"command\":\"echo a; echo b >&2; exit 3\"}",
         TEXT("exit code 3\\nstdout:\\na\\n\\nstderr:\\nb\\n" END("false"))},
        {"run_command", "{\"command\":\"echo $A > /tmp/f\",\"env\":{\"A\":\"x=y\"},\"cwd\":\"/tmp\"}",
         TEXT("exit code 0" END("false"))},
        {"run_command", "{\"command\":\"pwd; cat /tmp/f\",\"cwd\":\"/usr\",\"timeout_seconds\":60.0}",
         TEXT("exit code 0\\nstdout:\\n/usr\\nx=y\\n" END("false"))},
        {"run_command", "{\"command\":\"kill -9 $$\"}", TEXT("killed by signal 9" END("false"))},
        {"run_command", "{\"command\":\"printf 'a\\\\377\\\\303\\\\251\\\\303'\"}",
         "stdout:\\na\xef\xbf\xbd\xc3\xa9\xef\xbf\xbd\""},
        {"run_command", "{\"command\":\"true\",\"cwd\":\"/nonexistent\"}", "\"isError\":true"},
        {"run_command", "{\"command\":\"echo so far; sleep 1000\",\"timeout_seconds\":1}",
         TEXT("the time was up after 1 s, and the command was killed\\nstdout:\\nso far\\n" END("true"))},
        {"run_command", "{\"command\":\"cat /proc/[0-9]*/comm | grep -c '^sleep$'\"}", "stdout:\\n0\\n"},
    };
    fresh_home();
    agent a = AGENT("--memory", "128");
    check_steps(&a, steps, COUNT(steps));
    check_line("\"$WRENN_CLI\" ls -o json | grep -c '\"memory_mb\":128'", "1\n");
    CHECK_INT(agent_leaves(&a), 0);
    check_sandboxes("");
}

/* The beginning and the end are kept, and the rest is counted: 4000 bytes of each stream. */
TEST(output_is_bounded_and_says_so) {
    fresh_home();
    agent a = AGENT("--max-output", "8000");
    const char *answer =
        agent_calls(&a, "run_command", "{\"command\":\"printf start; yes | head -c 999990; printf final\"}");
    CHECK_CONTAINS(answer, "stdout:\\nstarty\\n");
    CHECK_CONTAINS(answer, "\\n[... 996000 of 1000000 bytes were cut here ...]\\n");
    CHECK_CONTAINS(answer, "final\"");
    CHECK(strlen(answer) < 10000);
    /* No character is cut into halves. */
    answer = agent_calls(&a, "run_command", "{\"command\":\"yes \xe2\x82\xac | head -c 100000 | tr -d '\\\\n'\"}");
    CHECK_CONTAINS(answer, " bytes were cut here");
    CHECK(!strstr(answer, "\xef\xbf\xbd"));
    CHECK_CONTAINS(agent_calls(&a, "run_command", "{\"command\":\"yes | head -c 4000\"}"), "y\\n\"}]");
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(files_are_written_read_and_listed) {
    static const step steps[] = {
        {"write_file", "{\"path\":\"/tmp/d/e\",\"content\":\"caf\xc3\xa9\\n\"}",
         TEXT("wrote 6 bytes to /tmp/d/e" END("false"))},
        {"read_file", "{\"path\":\"/tmp/d/e\"}", TEXT("caf\xc3\xa9\\n" END("false"))},
        {"read_file", "{\"path\":\"/tmp/d/e\",\"offset\":1,\"limit\":3}",
         TEXT("af\\n[... 3 of 6 bytes were cut: go on with offset 3 ...]")},
        {"read_file", "{\"path\":\"/tmp/d/e\",\"offset\":3}", TEXT("\xc3\xa9\\n" END("false"))},
        {"read_file", "{\"path\":\"/tmp/d/e\",\"offset\":600}", TEXT(END("false"))},
        {"write_file", "{\"path\":\"/tmp/d/b\",\"content\":\"/wA=\",\"encoding\":\"base64\"}", TEXT("wrote 2 bytes")},
        {"read_file", "{\"path\":\"/tmp/d/b\"}", TEXT("[not UTF-8, so this is base64]\\n/wA=" END("false"))},
        {"write_file", "{\"path\":\"/tmp/d/n\",\"content\":\"\\u0000\"}", TEXT("wrote 1 bytes")},
        {"write_file", "{\"path\":\"/tmp/d/z\",\"content\":\"\"}", TEXT("wrote 0 bytes")},
        {"read_file", "{\"path\":\"/tmp/d/z\"}", TEXT(END("false"))},
        {"list_files", "{\"path\":\"/tmp/d\"}", "-rw-r--r--          2 /tmp/d/b\\n-rw-r--r--          6 /tmp/d/e\\n"},
        {"list_files", "{\"path\":\"/tmp\",\"depth\":2}", "/tmp/d/\\n"},
        {"read_file", "{\"path\":\"/proc/self/status\"}", "Name:"},
        {"read_file", "{\"path\":\"/tmp/d\"}", "/tmp/d is a directory: use list_files" END("true")},
        {"read_file", "{\"path\":\"/nonexistent\"}", "\"isError\":true"},
        {"list_files", "{\"path\":\"/nonexistent\"}", "\"isError\":true"},
        {"write_file", "{\"path\":\"/proc/x\",\"content\":\"\"}", "\"isError\":true"},
        {"write_file", "{\"path\":\"/tmp/x\",\"content\":\"?\",\"encoding\":\"base64\"}", "is not base64" END("true")},
        {"write_file", "{\"path\":\"/tmp/x\",\"content\":\"\",\"encoding\":\"x\"}",
         "has to be 'utf-8' or 'base64'" END("true")},
        {"run_command", "{\"command\":\"seq 1 2000 > /tmp/long; cd /tmp/d; for i in $(seq 100); do : > f$i; done\"}",
         ""},
        {"read_file", "{\"path\":\"/tmp/long\"}", "[... 7893 of 8893 bytes were cut: go on with offset 1000 ...]"},
        {"list_files", "{\"path\":\"/tmp/d\"}", " entries were cut ...]"},
    };
    fresh_home();
    agent a = AGENT("--max-output", "1000");
    check_steps(&a, steps, COUNT(steps));
    CHECK_INT(agent_leaves(&a), 0);
}

/* Nothing but what is below the directory, whatever the path looks like. */
TEST(files_of_this_machine_are_kept_below_their_directory) {
    static const step steps[] = {
        {"upload", "{\"local_path\":\"a\",\"path\":\"/tmp/a\"}", TEXT("uploaded a to /tmp/a" END("false"))},
        {"upload", "{\"local_path\":\"d/../inner\",\"path\":\"/tmp/a\"}", TEXT("uploaded")},
        {"upload", "{\"local_path\":\"../secret\",\"path\":\"/tmp/s\"}", "leads out of "},
        {"upload", "{\"local_path\":\"d/../../secret\",\"path\":\"/tmp/s\"}", "leads out of "},
        {"upload", "{\"local_path\":\"link\",\"path\":\"/tmp/s\"}", "leads out of "},
        {"upload", "{\"local_path\":\"up/secret\",\"path\":\"/tmp/s\"}", "leads out of "},
        {"upload", "{\"local_path\":\"/etc/passwd\",\"path\":\"/tmp/s\"}", "is not below "},
        {"upload", "{\"local_path\":\"d\",\"path\":\"/tmp/s\"}", "d is not a file"},
        {"upload", "{\"local_path\":\"pipe\",\"path\":\"/tmp/s\"}", "pipe is not a file"},
        {"upload", "{\"local_path\":\"nothing\",\"path\":\"/tmp/s\"}", "nothing: No such file or directory"},
        {"run_command", "{\"command\":\"cat /tmp/a; ls /tmp/s\"}", "exit code 2\\nstdout:\\nA\\n"},
        {"download", "{\"path\":\"/tmp/a\",\"local_path\":\"d/b\"}", TEXT("downloaded 2 bytes to d/b" END("false"))},
        {"download", "{\"path\":\"/tmp/a\",\"local_path\":\"../stolen\"}", "leads out of "},
        {"download", "{\"path\":\"/tmp/a\",\"local_path\":\"up/stolen\"}", "leads out of "},
        {"download", "{\"path\":\"/tmp/a\",\"local_path\":\"/tmp/stolen\"}", "is not below "},
        {"download", "{\"path\":\"/tmp/a\",\"local_path\":\"d\"}", "d: Is a directory"},
        {"download", "{\"path\":\"/tmp/a\",\"local_path\":\"d/..\"}", "is not the name of a file"},
        {"download", "{\"path\":\"/tmp/a\",\"local_path\":\"nothing/b\"}", "No such file or directory"},
        {"download", "{\"path\":\"/nonexistent\",\"local_path\":\"d/c\"}", "\"isError\":true"},
        /* A link is replaced, not followed. */
        {"download", "{\"path\":\"/tmp/a\",\"local_path\":\"link\"}", TEXT("downloaded")},
    };
    fresh_home();
    check_line("mkdir -p p/d && cd p && echo A > a && ln -s a inner && echo S > ../secret && ln -s ../secret link && "
               "ln -s .. up && mkfifo pipe",
               "");
    agent a = AGENT("--files", "p");
    check_steps(&a, steps, COUNT(steps));
    char *arguments = NULL;
    CHECK(asprintf(&arguments, "{\"local_path\":\"%s/p/a\",\"path\":\"/tmp/a\"}", test_dir()) > 0);
    CHECK_CONTAINS(agent_calls(&a, "upload", arguments), TEXT("uploaded"));
    free(arguments);
    CHECK_INT(agent_leaves(&a), 0);
    check_line("cat secret p/d/b p/link; ls stolen p/d p/.wrenn* 2>/dev/null", "S\nA\nA\np/d:\nb\n");

    a = AGENT();
    CHECK_CONTAINS(agent_calls(&a, "upload", "{\"local_path\":\"p/a\",\"path\":\"/tmp/a\"}"),
                   "start wrenn mcp with --files DIR");
    CHECK_CONTAINS(agent_calls(&a, "download", "{\"local_path\":\"p/a\",\"path\":\"/etc/hosts\"}"), "\"isError\":true");
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(servers_are_started_and_waited_for) {
    static const step steps[] = {
        {"start_server", "{\"command\":\"python3 -m http.server 8000\",\"port\":8000}", "URL: http://8000-"},
        {"run_command", "{\"command\":\"exec 3<>/dev/tcp/127.0.0.1/8000 || exit 9\"}", ""},
        {"start_server", "{\"command\":\"true\",\"port\":8000}", "port 8000 is in use already" END("true")},
        {"start_server", "{\"command\":\"echo no; exit 1\",\"port\":8001}",
         "the server ended before it listened on port 8001\\nits output:\\nno\\n" END("true")},
        {"start_server", "{\"command\":\"exec sleep 1000\",\"port\":8002,\"timeout_seconds\":1}",
         "after 1 s the server (pid "},
        {"get_url", "{\"port\":8000}", TEXT("URL: http://8000-cl-")},
    };
    fresh_home();
    agent a = AGENT();
    check_steps(&a, steps, COUNT(steps));
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(a_snapshot_is_a_template_and_the_sandbox_goes_on) {
    static const step steps[] = {
        {"run_command", "{\"command\":\"echo kept > /root/f\"}", "exit code 0"},
        {"snapshot", "{\"name\":\"base\"}", TEXT("snapshot base: start from it with wrenn mcp --template base")},
        {"snapshot", "{\"name\":\"base\"}", "\"isError\":true"},
        {"snapshot", "{\"name\":\"base\",\"overwrite\":true}", TEXT("snapshot base")},
        {"run_command", "{\"command\":\"cat /root/f\"}", "stdout:\\nkept"},
    };
    fresh_home();
    agent a = AGENT();
    check_steps(&a, steps, COUNT(steps));
    CHECK_INT(agent_leaves(&a), 0);
    a = AGENT("-T", "base");
    check_steps(&a, steps + 4, 1);
    CHECK_INT(agent_leaves(&a), 0);
    a = AGENT("-T", "nothing");
    CHECK_CONTAINS(agent_calls(&a, "run_command", "{\"command\":\"true\"}"), "no sandbox: ");
    CHECK_INT(agent_leaves(&a), 0);
}

#define CALL(id, command)                                                             \
    "{\"jsonrpc\":\"2.0\",\"id\":" id                                                 \
    ",\"method\":\"tools/call\",\"params\":{\"name\":\"run_command\",\"arguments\":{" \
    "\"command\":\"" command "\"}}}"
#define CANCEL(id) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":" id "}}"
#define PING "{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}"

/* What runs is killed, what waits is dropped, neither is answered; the rest comes in its order. */
TEST(calls_are_cancelled_and_pings_answered_meanwhile) {
    fresh_home();
    agent a = AGENT();
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "exit code 0");
    agent_says(&a, CALL("2", "sleep 1000"));
    agent_says(&a, CALL("3", "touch /tmp/never"));
    agent_says(&a, CALL("4", "ls /tmp/never"));
    CHECK_CONTAINS(agent_asks(&a, PING), "\"id\":9,\"result\":{}");
    agent_says(&a, CANCEL("3"));
    agent_says(&a, CANCEL("2"));
    const char *answer = agent_hears(&a);
    CHECK_CONTAINS(answer, "\"id\":4,");
    CHECK_CONTAINS(answer, "exit code 2");
    CHECK_CONTAINS(agent_asks(&a, CALL("5", "cat /proc/[0-9]*/comm | grep -c '^sleep$'")), "stdout:\\n0\\n");
    /* In a batch the rest is answered. */
    agent_says(&a, "[" CALL("6", "sleep 1000") "," CALL("7", "echo seven") "]");
    agent_says(&a, CANCEL("6"));
    answer = agent_hears(&a);
    CHECK_MSG(strncmp(answer, "[{\"jsonrpc\":\"2.0\",\"id\":7,", 25) == 0, "%s", answer);
    CHECK_INT(agent_leaves(&a), 0);
    check_sandboxes("");
}

TEST(too_many_calls_at_once_are_refused) {
    fresh_home();
    agent a = AGENT();
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "exit code 0");
    agent_says(&a, CALL("\"first\"", "sleep 1000"));
    for (int i = 0; i < 64; i++) agent_says(&a, CALL("2", "true"));
    /* All may wait until the first was taken up, or one may not. */
    agent_says(&a, CALL("3", "true"));
    CHECK_CONTAINS(agent_asks(&a, CALL("3", "true")), "\"error\":{\"code\":-32000,\"message\":\"64 calls wait already");
    kill(a.pid, SIGTERM);
    while (fgetc(a.out) != EOF) continue;
    CHECK_INT(agent_leaves(&a), 0);
    check_sandboxes("");
}

/* In the middle of a command, by whatever it ends. */
TEST(the_sandbox_is_destroyed_however_it_ends) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    fresh_home();
    for (size_t i = 0; i < COUNT(signals); i++) {
        agent a = AGENT();
        CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "exit code 0");
        agent_says(&a, CALL("2", "sleep 1000"));
        CHECK_CONTAINS(agent_asks(&a, PING), "\"id\":9,");
        kill(a.pid, signals[i]);
        while (fgetc(a.out) != EOF) continue;
        CHECK_INT(agent_leaves(&a), 0);
        check_sandboxes("");
    }
    /* Nobody reads. */
    agent a = AGENT();
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "exit code 0");
    agent_says(&a, CALL("2", "sleep 1000"));
    CHECK(freopen("/dev/null", "r", a.out));
    CHECK_INT(agent_leaves(&a), 0);
    check_sandboxes("");
}

/* What was asked before the end is answered, for a while. */
TEST(the_end_of_input_does_not_lose_what_was_asked) {
    fresh_home();
    agent a = AGENT();
    agent_says(&a, CALL("1", "echo one"));
    agent_says(&a, CALL("2", "echo two"));
    close(a.in);
    a.in = -1;
    CHECK_CONTAINS(agent_hears(&a), "\"id\":1,");
    CHECK_CONTAINS(agent_hears(&a), "stdout:\\ntwo");
    CHECK_INT(agent_leaves(&a), 0);
    a = AGENT();
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "exit code 0");
    agent_says(&a, CALL("2", "sleep 1000"));
    close(a.in);
    a.in = -1;
    CHECK_CONTAINS(agent_hears(&a), "the command was given up and killed" END("true"));
    CHECK_INT(agent_leaves(&a), 0);
    check_sandboxes("");
}

TEST(a_private_server_will_do) {
    fresh_home();
    setenv("WRENN_BASE_URL", "local:", 1);
    agent a = AGENT();
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "echo here")), "stdout:\\nhere");
    CHECK_INT(agent_leaves(&a), 0);
    a = AGENT("--keep");
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "a private server (local:) ends with this command");
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(sandboxes_are_kept_or_given) {
    fresh_home();
    char *id = WRENN_SAYS("create", "--name", "work");
    agent a = AGENT("--sandbox", "work");
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "echo x > /root/f")), "exit code 0");
    CHECK_INT(agent_leaves(&a), 0);
    check_sandboxes(id);
    /* One that was paused goes on. */
    free(WRENN_SAYS("pause", "work"));
    a = AGENT("--sandbox", "work");
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "cat /root/f")), "stdout:\\nx");
    CHECK_INT(agent_leaves(&a), 0);
    free(WRENN_SAYS("rm", "work"));
    free(id);
    a = AGENT("--sandbox", "work");
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "no sandbox 'work'");
    CHECK_INT(agent_leaves(&a), 0);
    a = AGENT("--keep", "--name", "kept");
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "exit code 0");
    CHECK_INT(agent_leaves(&a), 0);
    free(WRENN_SAYS("rm", "kept"));
}

TEST(the_network_is_that_of_the_options) {
    fresh_home();
    agent a = AGENT("--keep", "--name", "kept", "--allow", "example.com:443", "--preset", "python");
    CHECK_CONTAINS(agent_asks(&a, CALL("1", "true")), "exit code 0");
    CHECK_INT(agent_leaves(&a), 0);
    check_line("for to in example.com pypi.org example.org; do \"$WRENN_CLI\" net check kept $to -o json | "
               "grep -o '\"allowed\":[a-z]*'; done",
               "\"allowed\":true\n\"allowed\":true\n\"allowed\":false\n");
    check_line("\"$WRENN_CLI\" mcp --sandbox kept --net 2>/dev/null < /dev/null; echo $?; "
               "\"$WRENN_CLI\" mcp --sandbox kept --deny x 2>/dev/null < /dev/null; echo $?",
               "2\n2\n");
    free(WRENN_SAYS("rm", "kept"));
}

TEST_SLOW(code_keeps_its_variables) {
    static const step steps[] = {
        {"run_code", "{\"code\":\"x = 6; print('printed'); x * 7\"}",
         TEXT("stdout:\\nprinted\\n\\nresult:\\n42" END("false"))},
        {"run_code", "{\"code\":\"x + 1\"}", TEXT("result:\\n7" END("false"))},
        {"run_code", "{\"code\":\"y = 1\"}", TEXT("it ran, and put out nothing" END("false"))},
        {"run_code", "{\"code\":\"1/0\"}", "ZeroDivisionError"},
        {"run_code", "{\"code\":\"while True: pass\",\"timeout_seconds\":1}", "the time was up after 1 s"},
        {"run_code", "{\"code\":\"echo $0\",\"language\":\"bash\"}", "bash"},
        {"run_code",
         "{\"code\":\"from IPython.display import Image\\nimport base64\\nImage(data=base64.b64decode('iVBORw0KGgoAA"
         "AANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='))\"}",
         "{\"type\":\"image\",\"data\":\"iVBORw0KGgo"},
    };
    fresh_home();
    agent a = AGENT();
    CHECK_CONTAINS(agent_calls(&a, "run_code", "{\"code\":\"1\"}"),
                   "'wrenn template build code-interpreter' makes one");
    CHECK_INT(agent_leaves(&a), 0);
    program_result built = WRENN("template", "build", "code-interpreter");
    CHECK_MSG(built.code == 0, "%s", built.err);
    program_result_free(&built);
    a = AGENT();
    check_steps(&a, steps, COUNT(steps));
    CHECK_INT(agent_leaves(&a), 0);
}

TEST_MAIN
