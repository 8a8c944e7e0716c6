/* The wrenn command against a real wrennd, private to each test, with real sandboxes. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "person.h"
#include "test.h"
#include "wrenn/wrenn.h"

static void must(int rc, wrenn_error *error) { CHECK_MSG(rc >= 0, "%s", wrenn_error_message(error)); }

/* Starts a server that lives as long as this client, and makes the command use it. */
static wrenn_client *shared_server(void) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "local:";
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    must(wrenn_client_new(&options, &client, &error), error);
    setenv("WRENN_BASE_URL", wrenn_client_base_url(client), 1);
    setenv("WRENN_API_KEY", wrenn_client_api_key(client), 1);
    return client;
}

static size_t count_sandboxes(wrenn_client *client) {
    wrenn_sandbox_list *list = NULL;
    wrenn_error *error = NULL;
    must(wrenn_sandboxes_list(client, NULL, &list, &error), error);
    size_t count = list->items_count;
    wrenn_sandbox_list_free(list);
    return count;
}

static void check_run(program_result result, int code, const char *out, const char *err) {
    CHECK_STR(result.err, err);
    CHECK_STR(result.out, out);
    CHECK_INT(result.code, code);
    program_result_free(&result);
}

static void check_code(program_result result, int code) {
    CHECK_INT(result.code, code);
    program_result_free(&result);
}

static void use_private_server(void) {
    setenv("WRENN_BASE_URL", "local:", 1);
    unsetenv("WRENN_API_KEY");
}

TEST(run_passes_output_and_code_on) {
    use_private_server();
    check_run(WRENN("run", "--", "sh", "-c", "echo out; echo err >&2; exit 3"), 3, "out\n", "err\n");
}

TEST(run_sets_variables_and_directory) {
    use_private_server();
    check_run(WRENN("run", "-e", "A=1 2", "--env=B=x=y", "-w", "/tmp", "sh", "-c", "echo \"$A,$B\"; pwd"), 0,
              "1 2,x=y\n/tmp\n", "");
}

TEST(run_says_what_became_of_the_program) {
    wrenn_client *client = shared_server();
    check_code(WRENN("run", "/nonexistent/program"), 127);
    check_code(WRENN("run", "/etc"), 126);
    check_code(WRENN("run", "sh", "-c", "kill -9 $$"), 137);
    check_code(WRENN("run", "sh", "-c", "kill -SEGV $$"), 139);
    program_result slow = WRENN("run", "--timeout", "1", "sh", "-c", "echo so far; while :; do :; done");
    CHECK_INT(slow.code, 124);
    CHECK_STR(slow.out, "so far\n");
    CHECK_CONTAINS(slow.err, "wrenn: the time was up");
    program_result_free(&slow);
    CHECK_INT(count_sandboxes(client), 0);
    wrenn_client_free(client);
}

TEST(run_passes_bytes_on_exactly) {
    use_private_server();
    program_result result = WRENN("run", "sh", "-c", "printf '\\000\\377\\r\\n\\303'; printf '\\376\\000' >&2");
    CHECK_MEM(result.out, result.out_size, "\0\xff\r\n\xc3", 5);
    CHECK_MEM(result.err, result.err_size, "\xfe\0", 2);
    CHECK_INT(result.code, 0);
    program_result_free(&result);
}

TEST(input_is_passed_on) {
    use_private_server();
    check_run(shell("echo x | \"$WRENN_CLI\" run -- cat"), 0, "x\n", "");
    check_run(shell("printf 'a\\0\\377' > in; \"$WRENN_CLI\" run cksum < in; cksum < in"), 0,
              "1536471548 3\n1536471548 3\n", "");
    check_run(shell("\"$WRENN_CLI\" run -i cat < /dev/null"), 0, "", "");
    /* What does not read is not waited for, nor is what goes on writing. */
    check_run(shell("yes | \"$WRENN_CLI\" run true"), 0, "", "");
    check_run(shell("yes | \"$WRENN_CLI\" run head -c 6"), 0, "y\ny\ny\n", "");
    check_run(shell("head -c 30000000 /dev/zero | \"$WRENN_CLI\" run wc -c"), 0, "30000000\n", "");
}

/* What was written first is shown first, while the program goes on. */
TEST(output_is_live) {
    use_private_server();
    program running = program_start((const char *const[]){
        "sh", "-c", "mkfifo go; { sleep 0; cat go; } | \"$WRENN_CLI\" run sh -c 'echo first; read line; echo $line'",
        NULL});
    char text[16] = "";
    CHECK_INT(read(running.out, text, sizeof(text) - 1), 6);
    CHECK_STR(text, "first\n");
    FILE *go = fopen("go", "w");
    CHECK(go && fputs("second\n", go) >= 0 && fclose(go) == 0);
    check_run(program_finish(&running), 0, "second\n", "");
}

TEST(files_come_and_go_with_it) {
    use_private_server();
    check_run(shell("mkdir -p in/deep; echo 1 > in/a; echo 2 > in/deep/b; chmod 755 in/a; ln -s a in/l;"
                    "\"$WRENN_CLI\" run --upload in:/tmp/in --download /tmp/in:out --download /tmp/made:made "
                    "sh -c 'ls -1 /tmp/in; test -x /tmp/in/a; echo $?; readlink /tmp/in/l; echo 3 > /tmp/made; exit 7';"
                    "echo $?; diff -r in out && cat made out/deep/b; readlink out/l; test -x out/a; echo $?"),
              0, "a\ndeep\nl\n0\na\n7\n3\n2\na\n0\n", "");
}

TEST(run_prints_json) {
    use_private_server();
    program_result text = WRENN("-o", "json", "run", "sh", "-c", "printf 'a\"\\n'; exit 4");
    CHECK_CONTAINS(text.out, "\"exit_code\":4,");
    CHECK_CONTAINS(text.out, "\"encoding\":\"utf-8\",\"stdout\":\"a\\\"\\n\",\"stderr\":\"\"}\n");
    CHECK_INT(text.code, 4);
    program_result_free(&text);
    program_result bytes = WRENN("run", "-o", "json", "sh", "-c", "printf '\\377'");
    CHECK_CONTAINS(bytes.out, "\"encoding\":\"base64\",\"stdout\":\"/w==\",\"stderr\":\"\"}\n");
    program_result_free(&bytes);
}

TEST(sandboxes_can_be_listed_used_and_removed) {
    wrenn_client *client = shared_server();
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    must(wrenn_sandboxes_create(client, NULL, &sandbox, &error), error);
    const char *id = wrenn_sandbox_id(sandbox);
    char line[128];
    snprintf(line, sizeof(line), "%s\n", id);

    check_run(WRENN("ls", "-q"), 0, line, "");
    program_result table = WRENN("ls");
    CHECK_CONTAINS(table.out, "STATUS");
    CHECK_CONTAINS(table.out, "running");
    program_result_free(&table);
    program_result json = WRENN("ls", "-o", "json");
    CHECK_CONTAINS(json.out, id);
    CHECK_CONTAINS(json.out, "\"status\":\"running\"");
    program_result_free(&json);

    check_run(WRENN("exec", id, "--", "sh", "-c", "echo kept > /tmp/file"), 0, "", "");
    check_run(WRENN("exec", id, "cat", "/tmp/file"), 0, "kept\n", "");
    check_run(WRENN("rm", id), 0, line, "");
    check_run(WRENN("ls", "-q"), 0, "", "");
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
}

TEST(rm_goes_on_after_a_failure) {
    wrenn_client *client = shared_server();
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    must(wrenn_sandboxes_create(client, NULL, &sandbox, &error), error);
    program_result result = WRENN("rm", "no-such-sandbox", wrenn_sandbox_id(sandbox));
    CHECK_INT(result.code, 1);
    CHECK_CONTAINS(result.err, "no-such-sandbox");
    CHECK_CONTAINS(result.out, wrenn_sandbox_id(sandbox));
    CHECK_INT(count_sandboxes(client), 0);
    program_result_free(&result);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
}

TEST(a_wrong_key_says_what_to_do) {
    wrenn_client *client = shared_server();
    setenv("WRENN_API_KEY", "wrn_00000000000000000000000000000000", 1);
    program_result result = WRENN("ls");
    CHECK_INT(result.code, 1);
    CHECK_CONTAINS(result.err, "set WRENN_API_KEY");
    program_result_free(&result);
    wrenn_client_free(client);
}

/* Waits until the only sandbox there is has the file: every look is a request, so there is nothing to sleep for. */
static void wait_for_file(wrenn_client *client, const char *path) {
    wrenn_command command = WRENN_COMMAND_INIT;
    command.argv = (const char *const[]){"test", "-e", path, NULL};
    for (bool found = false; !found;) {
        wrenn_sandbox_list *list = NULL;
        wrenn_sandbox *sandbox = NULL;
        wrenn_exec_result *result = NULL;
        if (wrenn_sandboxes_list(client, NULL, &list, NULL) == 0 && list->items_count > 0 &&
            wrenn_sandbox_from_id(client, list->items[0]->id, &sandbox, NULL) == 0 &&
            wrenn_sandbox_exec(sandbox, &command, NULL, &result, NULL) == 0)
            found = result->exit_code == 0;
        wrenn_exec_result_free(result);
        wrenn_sandbox_free(sandbox);
        wrenn_sandbox_list_free(list);
    }
}

static void interrupt_run(int signal_number) {
    wrenn_client *client = shared_server();
    const char *const argv[] = {getenv("WRENN_CLI"), "run", "sh", "-c", "touch /tmp/there; exec sleep 600", NULL};
    program running = program_start(argv);
    wait_for_file(client, "/tmp/there");
    kill(running.pid, signal_number);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 128 + signal_number);
    CHECK_INT(count_sandboxes(client), 0);
    program_result_free(&result);
    wrenn_client_free(client);
}

TEST(ctrl_c_destroys_the_sandbox) { interrupt_run(SIGINT); }

TEST(sigterm_destroys_the_sandbox) { interrupt_run(SIGTERM); }

TEST(signals_that_are_ignored_stay_so) {
    use_private_server();
    program_result result = shell(
        "mkfifo in; : > out; (trap '' HUP; exec \"$WRENN_CLI\" run -- sh -c 'echo ready; read line; echo $line; exit 3' < in > out) & "
        "exec 3> in; until grep -q ready out; do :; done; kill -HUP $!; echo word >&3; wait $!; echo $?; cat out");
    check_run(result, 0, "3\nready\nword\n", "");
}

TEST(a_reader_that_left_does_not_leave_a_sandbox) {
    wrenn_client *client = shared_server();
    const char *const argv[] = {"sh", "-c", "{ \"$WRENN_CLI\" run -- seq 1000000; echo $? >&2; } | true", NULL};
    program_result result = run_program(argv);
    CHECK_STR(result.err, "141\n");
    CHECK_INT(count_sandboxes(client), 0);
    program_result_free(&result);
    wrenn_client_free(client);
}

/* Neither a reader that takes his time nor what is still to be read keeps it from ending when it is told to. */
TEST(a_slow_reader_does_not_keep_it_from_ending) {
    wrenn_client *client = shared_server();
    program running = program_start((const char *const[]){getenv("WRENN_CLI"), "run", "seq", "2000000", NULL});
    char byte;
    CHECK_INT(read(running.out, &byte, 1), 1); /* and nothing more: it is printing, and stuck */
    kill(running.pid, SIGTERM);
    int status = 0;
    CHECK(waitpid(running.pid, &status, 0) == running.pid);
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 128 + SIGTERM);
    CHECK_INT(count_sandboxes(client), 0);
    wrenn_client_free(client);
}

TEST(closed_descriptors_are_an_error_and_no_harm) {
    use_private_server();
    program p =
        program_start((const char *const[]){"sh", "-c", "\"$WRENN_CLI\" run -- echo hi <&- >&- 2>&-; echo $?", NULL});
    check_run(program_finish(&p), 0, "125\n", "");
}

TEST(doctor_prints_json_like_the_rest) {
    program_result result = WRENN("doctor", "-o", "json");
    CHECK_INT(result.out[0], '[');
    program_result_free(&result);
    result = WRENN("-o", "json", "doctor");
    CHECK_INT(result.out[0], '[');
    program_result_free(&result);
}

TEST(doctor_finds_programs_that_do_not_start) {
    setenv("WRENND_GATE_TLS", "/bin/false", 1);
    setenv("WRENND_GATE", "/nonexistent/wrenn-gate", 1);
    program_result result = WRENN("doctor", "-o", "json");
    CHECK_CONTAINS(result.out, "{\"check\":\"added headers\",\"ok\":false,\"detail\":\"/bin/false can't be started");
    CHECK_CONTAINS(result.out,
                   "\"check\":\"network gate\",\"ok\":false,\"detail\":\"/nonexistent/wrenn-gate is not there");
    program_result_free(&result);
    unsetenv("WRENND_GATE_TLS");
    unsetenv("WRENND_GATE");
    result = WRENN("doctor", "-o", "json");
    CHECK_CONTAINS(result.out, "\"check\":\"added headers\",\"ok\":true");
    program_result_free(&result);
}

/* In a network namespace of its own, where the setting is of its own, too. */
TEST(doctor_knows_whether_gates_may_ping) {
    static const char *const rows[][2] = {{"1 0", "{\"check\":\"ping\",\"ok\":false,"},
                                          {"0 2147483647", "{\"check\":\"ping\",\"ok\":true,"}};
    if (geteuid() != 0) test_skip("needs root");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char line[300];
        snprintf(line, sizeof(line),
                 "unshare -n sh -c 'echo %s > /proc/sys/net/ipv4/ping_group_range; exec \"$WRENN_CLI\" doctor -o json'",
                 rows[i][0]);
        program_result result = shell(line);
        CHECK_CONTAINS(result.out, rows[i][1]);
        program_result_free(&result);
    }
}

/* Escaped in JSON this would be six times its size. */
TEST(large_output_of_control_characters_arrives) {
    use_private_server();
    program_result result = WRENN("run", "--", "head", "-c", "60000000", "/dev/zero");
    CHECK_INT(result.code, 0);
    CHECK_INT(result.out_size, 60000000);
    program_result_free(&result);
}

TEST(quickstart_runs) {
    use_private_server();
    const char *const argv[] = {getenv("WRENN_QUICKSTART"), NULL};
    program_result result = run_program(argv);
    CHECK_INT(result.code, 0);
    CHECK_CONTAINS(result.out, "hello from a sandbox\n");
    CHECK_CONTAINS(result.out, "-> sh exited with 3\n");
    CHECK_CONTAINS(result.out, "332833500\n-> python3 exited with 0\n");
    CHECK_CONTAINS(result.out, "destroy ");
    program_result_free(&result);
}

TEST_MAIN
