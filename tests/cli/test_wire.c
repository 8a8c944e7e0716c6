/* The wrenn command against a scripted server: what it asks for, what it prints, and what it does when interrupted. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "person.h"
#include "script_server.h"
#include "test.h"

#define ID "cl-0123456789abcdefghijklmno"
#define SANDBOX_MEMBERS                                                                                \
    "\"id\":\"" ID "\",\"status\":\"running\",\"template\":\"minimal\",\"vcpus\":2,\"memory_mb\":256," \
    "\"timeout_sec\":0,\"created_at\":\"2026-05-01T12:00:00Z\",\"last_updated\":\"2026-05-01T12:00:00Z\""
#define SANDBOX "{" SANDBOX_MEMBERS "}"
/* A program that runs: the connection, and what comes once it has been told what to run. */
#define UPGRADE \
    { .text = "Wrenn-Features: exec-envs\r\nSec-WebSocket-Protocol: wrenn.bytes.v1\r\n", .upgrade = true }
#define PLAIN_UPGRADE \
    { .text = "Wrenn-Features: exec-envs\r\n", .upgrade = true }
#define START "{\"type\":\"start\",\"pid\":7}"
#define OUT(text) "{\"type\":\"stdout\",\"data\":\"" text "\"}"
#define ERR(text) "{\"type\":\"stderr\",\"data\":\"" text "\"}"
#define EXIT(members) "{\"type\":\"exit\"," members "}"
#define ERROR(code) "{\"error\":{\"code\":\"" code "\",\"message\":\"because\\nof \\u001b[2J\\u009b\\u202e this\"}}"

static char *texts[64]; /* of replies, freed by stop() */
static size_t text_count;

static script_reply reply(const char *status, const char *body) {
    CHECK(text_count < sizeof(texts) / sizeof(texts[0]));
    texts[text_count] = script_text(status, "Wrenn-Features: exec-envs\r\n", body); /* as wrennd */
    return (script_reply){.text = texts[text_count++]};
}

static void stop(script_server *server) {
    script_stop(server);
    while (text_count) free(texts[--text_count]);
}

/* The first question of every client is which era the server is of; then come these answers, in this order. */
static script_server *serve(const script_reply *replies, size_t count) {
    static script_reply all[8]; /* the server keeps no copy; one server at a time */
    CHECK(count < 8);
    all[0] = reply("404 Not Found", ERROR("not_found"));
    for (size_t i = 0; i < count; i++) {
        all[i + 1] = replies[i];
        if (replies[i].size) texts[text_count++] = (char *)(uintptr_t)replies[i].text; /* of script_messages() */
    }
    script_use_tcp();
    script_server *server = script_start(all, count + 1, false);
    setenv("WRENN_BASE_URL", script_url(server), 1);
    setenv("WRENN_API_KEY", "wrn_00000000000000000000000000000001", 1);
    return server;
}

static script_reply created(void) { return reply("201 Created", SANDBOX); }

static script_reply ok(const char *body) { return reply("200 OK", body); }

static const script_reply gone = {.text = "HTTP/1.1 204 No Content\r\n\r\n"};
static const script_reply hold = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};

static void check_request(script_server *server, size_t index, const char *start, const char *part) {
    CHECK(script_count(server) > index);
    const char *request = script_request(server, index);
    CHECK_MSG(strncmp(request, start, strlen(start)) == 0, "request %zu is not %s: %s", index, start, request);
    CHECK_CONTAINS(request, part);
}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(run_creates_executes_and_destroys) {
    const script_reply replies[] = {
        created(), UPGRADE,
        script_messages(SCRIPT_KEEP, START, OUT("out\\n"), ERR("err\\n"), EXIT("\"exit_code\":7"), NULL), gone};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("run", "-T", "small", "--vcpus=2", "-m", "256", "--timeout", "9", "-e", "A=b", "-w",
                                  "/tmp", "-u", "app", "--name", "n", "-l", "k=v", "prog", "--", "-x", "two words");
    CHECK_STR(result.err, "err\n");
    CHECK_STR(result.out, "out\n");
    CHECK_INT(result.code, 7);
    check_request(server, 1, "POST /v1/sandboxes ", "\"template\":\"small\"");
    CHECK_CONTAINS(script_request(server, 1), "\"vcpus\":2");
    CHECK_CONTAINS(script_request(server, 1), "\"memory_mb\":256");
    CHECK_CONTAINS(script_request(server, 1), "\"metadata\":{\"name\":\"n\",\"k\":\"v\"}");
    check_request(server, 2, "GET /v1/sandboxes/" ID "/exec/stream ", "");
    check_request(server, 3, "text:{\"type\":\"start\"", "\"args\":[\"--\",\"-x\",\"two words\"]");
    CHECK_CONTAINS(script_request(server, 3), "\"A\":\"b\"");
    CHECK_CONTAINS(script_request(server, 3), "\"cwd\":\"/tmp\"");
    CHECK_CONTAINS(script_request(server, 3), "\"user\":\"app\"");
    check_request(server, 4, "DELETE /v1/sandboxes/" ID " ", "");
    CHECK_INT(script_count(server), 5);
    program_result_free(&result);
    stop(server);
}

/* What the server makes no secret of, its caller does not overlook. */
TEST(limits_that_are_not_enforced_are_told_once) {
#define WITH_LIMITS(memory, cpu)                                           \
    "{\"isolation\":{\"limits\":{\"memory\":\"" memory "\",\"cpu\":\"" cpu \
    "\",\"pids\":\"enforced\"}}," SANDBOX_MEMBERS "}"
    static const struct {
        const char *body, *option, *err;
    } cases[] = {
        {WITH_LIMITS("unenforced", "unenforced"), "-m64",
         "wrenn: the server enforces no limit of memory: 'wrenn doctor' where it runs says why\n"},
        {WITH_LIMITS("unenforced", "unenforced"), "--vcpus=1",
         "wrenn: the server enforces no limit of processors: 'wrenn doctor' where it runs says why\n"},
        {WITH_LIMITS("unenforced", "unenforced"), "-eA=b", ""},
        {WITH_LIMITS("enforced", "enforced"), "-m64", ""},
        {SANDBOX, "-m64", ""},
        {SANDBOX, "--vcpus=2", ""},
        {SANDBOX, "--vcpus=8", "wrenn: --vcpus 8: the sandbox has 2, for the server's machine has no more\n"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const script_reply replies[] = {reply("201 Created", cases[i].body), UPGRADE,
                                        script_messages(SCRIPT_KEEP, START, EXIT("\"exit_code\":0"), NULL), gone};
        script_server *server = serve(replies, COUNT(replies));
        program_result result = WRENN("run", cases[i].option, "prog");
        CHECK_STR(result.err, cases[i].err);
        CHECK_INT(result.code, 0);
        program_result_free(&result);
        stop(server);
    }
}

TEST(output_is_passed_on_byte_for_byte) {
    script_reply answer = script_messages(SCRIPT_KEEP, START, NULL);
    script_add_frame(&answer, 0x82, "\1\0\xff\r\n", 5);
    script_add_frame(&answer, 0x82, "\2\xfe\0", 3);
    script_add_frame(&answer, 0x81, EXIT("\"exit_code\":0"), strlen(EXIT("\"exit_code\":0")));
    const script_reply replies[] = {created(), UPGRADE, answer, gone};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("run", "prog");
    CHECK_MEM(result.out, result.out_size, "\0\xff\r\n", 4);
    CHECK_MEM(result.err, result.err_size, "\xfe\0", 2);
    CHECK_INT(result.code, 0);
    program_result_free(&result);
    stop(server);
}

/* What a program said and how it ended, as JSON; the time it took is cut out. */
static void check_json(script_reply answer, const char *want, int code) {
    const script_reply replies[] = {UPGRADE, answer};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("exec", "-o", "json", ID, "prog");
    char *time = strstr(result.out, "\"duration_ms\":"), *rest = time ? strchr(time, ',') : NULL;
    CHECK_MSG(rest, "no duration in %s", result.out);
    memmove(time, rest + 1, strlen(rest + 1) + 1);
    CHECK_STR(result.out, want);
    CHECK_INT(result.code, code);
    program_result_free(&result);
    stop(server);
}

TEST(results_as_json) {
    check_json(script_messages(SCRIPT_KEEP, START, OUT("a\\\"\\\\\\n\\u0007\xc3\xa9\xf0\x9f\x90\xa6"),
                               EXIT("\"exit_code\":0"), NULL),
               "{\"sandbox_id\":\"" ID "\",\"exit_code\":0,\"encoding\":\"utf-8\",\"stdout\":"
               "\"a\\\"\\\\\\n\\u0007\xc3\xa9\xf0\x9f\x90\xa6\",\"stderr\":\"\"}\n",
               0);
    /* One that is not UTF-8 turns both into base64. */
    script_reply bytes = script_messages(SCRIPT_KEEP, START, NULL);
    script_add_frame(&bytes, 0x82, "\1\xff", 2);
    script_add_frame(&bytes, 0x82, "\2hi", 3);
    script_add_frame(&bytes, 0x81, EXIT("\"exit_code\":3"), strlen(EXIT("\"exit_code\":3")));
    check_json(bytes,
               "{\"sandbox_id\":\"" ID "\",\"exit_code\":3,\"encoding\":\"base64\",\"stdout\":\"/w==\",\"stderr\":"
               "\"aGk=\"}\n",
               3);
    check_json(script_messages(SCRIPT_KEEP, START,
                               EXIT("\"exit_code\":-1,\"signal\":9,\"oom_killed\":true,"
                                    "\"output_cut\":true"),
                               NULL),
               "{\"sandbox_id\":\"" ID "\",\"exit_code\":-1,\"encoding\":\"utf-8\",\"stdout\":\"\",\"stderr\":\"\","
               "\"signal\":9,\"oom_killed\":true,\"output_cut\":true}\n",
               137);
}

TEST(the_exit_code_tells_the_signal) {
    static const struct {
        const char *exit, *err;
        int code;
    } cases[] = {{EXIT("\"exit_code\":-1,\"signal\":11"), "", 139},
                 {EXIT("\"exit_code\":-1,\"signal\":9,\"oom_killed\":true"), "out of memory", 137},
                 {EXIT("\"exit_code\":-1"), "", 137},
                 {EXIT("\"exit_code\":-1,\"signal\":99999"), "", 137}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const script_reply replies[] = {UPGRADE,
                                        script_messages(SCRIPT_KEEP, START, OUT("so far"), cases[i].exit, NULL)};
        script_server *server = serve(replies, COUNT(replies));
        program_result result = WRENN("exec", ID, "prog");
        CHECK_INT(result.code, cases[i].code);
        CHECK_STR(result.out, "so far");
        CHECK_CONTAINS(result.err, cases[i].err);
        program_result_free(&result);
        stop(server);
    }
}

TEST(a_connection_that_breaks_is_told_with_what_came) {
    const script_reply replies[] = {UPGRADE, script_messages(SCRIPT_CLOSE, START, OUT("so far"), NULL)};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("exec", ID, "prog");
    CHECK_INT(result.code, 125);
    CHECK_STR(result.out, "so far");
    CHECK_CONTAINS(result.err, "it may have happened");
    program_result_free(&result);
    stop(server);
}

/* Other servers than wrennd pass no input on. Who did not ask for it is told, who did is refused. */
TEST(a_server_without_input_is_told) {
    const script_reply replies[] = {PLAIN_UPGRADE, PLAIN_UPGRADE,
                                    script_messages(SCRIPT_KEEP, START, EXIT("\"exit_code\":0"), NULL)};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = shell("echo x | \"$WRENN_CLI\" exec " ID " prog");
    CHECK_CONTAINS(result.err, "this server passes no input to programs");
    CHECK_INT(result.code, 0);
    program_result_free(&result);
    stop(server);

    server = serve(replies, 1);
    result = shell("echo x | \"$WRENN_CLI\" exec -i " ID " prog");
    CHECK_INT(result.code, 125);
    program_result_free(&result);
    stop(server);
}

TEST(run_destroys_after_a_failure_too) {
    const script_reply replies[] = {created(), reply("502 Bad Gateway", ERROR("agent_error")), gone};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("run", "prog");
    CHECK_INT(result.code, 125);
    CHECK_CONTAINS(result.err, "because of  [2J?? this"); /* one line, and the terminal's own */
    check_request(server, 3, "DELETE /v1/sandboxes/" ID " ", "");
    program_result_free(&result);
    stop(server);
}

TEST(errors_say_what_to_do) {
    const script_reply replies[] = {reply("401 Unauthorized", ERROR("unauthorized"))};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("run", "prog");
    CHECK_CONTAINS(result.err, ": set WRENN_API_KEY, or use 'wrenn context add' or 'wrenn login'\n");
    CHECK_INT(result.code, 125);
    program_result_free(&result);
    stop(server);
}

/* Only the server knows what is missing: another team's key is no remedy for all of it. */
TEST(what_is_forbidden_is_explained_by_the_server) {
    const script_reply replies[] = {reply("403 Forbidden", ERROR("forbidden"))};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("run", "prog");
    CHECK_CONTAINS(result.err, "(HTTP 403, forbidden)\n");
    CHECK_INT(result.code, 125);
    program_result_free(&result);
    stop(server);
}

static void check_ls(const char *body, const char *format, const char *want) {
    const script_reply replies[] = {ok(body)};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("ls", "-o", format);
    CHECK_STR(result.out, want);
    CHECK_INT(result.err_size, 0);
    CHECK_INT(result.code, 0);
    program_result_free(&result);
    stop(server);
}

TEST(ls_prints_a_table_ids_or_json) {
#define ROW_JSON                                                                                                            \
    "{\"id\":\"" ID "\",\"name\":null,\"status\":\"running\",\"template\":\"minimal\",\"vcpus\":2,\"memory_mb\":"           \
    "256,\"timeout_sec\":0,\"lifetime_sec\":0,\"expires_at\":null,\"lease_sec\":0,\"created_at\":\"2026-05-01T12:00:00Z\"," \
    "\"started_at\":null,\"last_active_at\":null,\"labels\":{}}"
    check_ls("[" SANDBOX "]", "name", ID "\n");
    check_ls("[" SANDBOX "]", "jsonl", ROW_JSON "\n");
    check_ls("[" SANDBOX "]", "json", "[" ROW_JSON "]\n");
    check_ls("[]", "json", "[]\n");
    check_ls("[]", "jsonl", "");
    check_ls("[]", "text", "ID  NAME  STATUS  TEMPLATE  VCPUS  MEMORY MB  CREATED\n");
}

/* Columns stay columns whatever is in them, and nothing in them reaches the terminal as a command. */
static void check_stats(script_reply metrics, int code) {
    const script_reply replies[] = {ok("[" SANDBOX "]"), metrics};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("stats", "-o", "json");
    CHECK_STR(result.out, "[]\n");
    CHECK_INT(result.code, code);
    check_request(server, 2, "GET /v1/sandboxes/" ID "/metrics", "");
    program_result_free(&result);
    stop(server);
}

TEST(stats_that_can_not_be_had_are_a_failure) {
    check_stats(reply("502 Bad Gateway", ERROR("agent_error")), 1);
    check_stats(reply("404 Not Found", ERROR("not_found")), 0); /* gone since it was listed */
}

TEST(tables_show_strange_text_as_it_is) {
#define STRANGE(id, name)                                                                                       \
    "{\"id\":\"" id "\",\"status\":\"running\",\"template\":\"t\",\"vcpus\":1,\"memory_mb\":1,\"timeout_sec\":" \
    "0,\"created_at\":\"\",\"metadata\":{\"name\":\"" name "\"}}"
    const script_reply replies[] = {ok("[" STRANGE("cl-1", "\xe6\xbc\xa2\xe5\xad\x97") "," STRANGE(
        "cl-2", "e\xcc\x81") "," STRANGE("cl-3", "\\u001b[31m") "," STRANGE("cl-4", "\\u202ex") "]")};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("ls");
    CHECK_CONTAINS(result.out, "cl-1  \xe6\xbc\xa2\xe5\xad\x97      running");
    CHECK_CONTAINS(result.out, "cl-2  e\xcc\x81         running");
    CHECK_CONTAINS(result.out, "cl-3  \\x1b[31m  running");
    CHECK_CONTAINS(result.out, "cl-4  \\u202ex   running");
    program_result_free(&result);
    stop(server);
}

TEST(rm_goes_on_after_a_failure) {
    const script_reply replies[] = {reply("404 Not Found", ERROR("not_found")), gone};
    script_server *server = serve(replies, COUNT(replies));
    program_result result = WRENN("-o", "json", "rm", "cl-1111111111111111111111111", ID);
    CHECK_STR(result.out, "[{\"id\":\"" ID "\"}]\n");
    CHECK_CONTAINS(result.err, "wrenn: cl-1111111111111111111111111: ");
    CHECK_CONTAINS(result.err, "(HTTP 404, not_found)\n"); /* with no hint: it may be about anything */
    CHECK_INT(result.code, 1);
    program_result_free(&result);
    stop(server);
}

#define TWO "[{\"id\":\"cl-abc1\"},{\"id\":\"cl-abd2\",\"metadata\":{\"name\":\"work\"}}]"

static void check_found(const char *word, const char *id) {
    /* A server without filters is asked for the name, for the start of an id, and for what there is. */
    const script_reply all = ok(TWO), by_name[] = {all, gone}, by_id[] = {all, all, *id ? gone : all};
    bool named = strcmp(word, "work") == 0;
    script_server *server = serve(named ? by_name : by_id, named ? COUNT(by_name) : COUNT(by_id));
    program_result result = WRENN("rm", word);
    CHECK_STR(result.out, id);
    CHECK_INT(result.code, *id ? 0 : 1);
    program_result_free(&result);
    stop(server);
}

TEST(the_start_of_an_id_and_a_name_will_do) {
    check_found("cl-abc", "cl-abc1\n");
    check_found("abd", "cl-abd2\n");
    check_found("work", "cl-abd2\n");
    check_found("cl-ab", "");
    check_found("ab", "");
    check_found("wrok", "");
}

/* However many sandboxes there are, only those that may be meant are asked for. */
TEST(the_server_looks_for_names_and_starts_of_ids) {
    static const char filters[] = "Wrenn-Features: list-filters\r\n";
    const script_reply none = {.text = texts[text_count++] = script_text("200 OK", filters, "[]")},
                       one = {.text = texts[text_count++] = script_text("200 OK", filters, "[" SANDBOX "]")};
    const script_reply by_name[] = {one, gone}, by_id[] = {none, one, gone};
    script_server *server = serve(by_name, COUNT(by_name));
    program_result result = WRENN("rm", "my work");
    CHECK_STR(result.out, ID "\n");
    check_request(server, 1, "GET /v1/sandboxes?limit=2&label=name%3Dmy%20work ", "");
    check_request(server, 2, "DELETE /v1/sandboxes/" ID " ", "");
    CHECK_INT(script_count(server), 3);
    program_result_free(&result);
    script_stop(server);
    server = serve(by_id, COUNT(by_id));
    result = WRENN("rm", "012");
    CHECK_STR(result.out, ID "\n");
    check_request(server, 1, "GET /v1/sandboxes?limit=2&label=name%3D012 ", "");
    check_request(server, 2, "GET /v1/sandboxes?id_prefix=012&limit=2 ", "");
    check_request(server, 3, "DELETE /v1/sandboxes/" ID " ", "");
    CHECK_INT(script_count(server), 4);
    program_result_free(&result);
    stop(server);
}

/* From then on the program runs, as the command sees it. */
static void await_ready(const program *running) {
    char text[8] = "";
    CHECK_INT(read(running->out, text, 5), 5);
    CHECK_STR(text, "ready");
}

/* What is running is never answered; after the signal the sandbox must be destroyed all the same. */
static void interrupt(int signal_number) {
    const script_reply replies[] = {created(), UPGRADE, script_messages(SCRIPT_KEEP, START, OUT("ready"), NULL),
                                    script_messages(SCRIPT_KEEP, EXIT("\"exit_code\":-1,\"signal\":9"), NULL), gone};
    script_server *server = serve(replies, COUNT(replies));
    const char *const argv[] = {getenv("WRENN_CLI"), "run", "prog", NULL};
    program running = program_start(argv);
    await_ready(&running);
    kill(running.pid, signal_number);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 128 + signal_number);
    CHECK_STR(result.err, "");
    check_request(server, 5, "DELETE /v1/sandboxes/" ID " ", "");
    program_result_free(&result);
    stop(server);
}

TEST(signals_destroy_the_sandbox) {
    interrupt(SIGINT);
    interrupt(SIGTERM);
    interrupt(SIGHUP);
    interrupt(SIGQUIT);
}

/* The signal is there before the answer is. */
TEST(what_is_created_when_interrupted_is_destroyed) {
    const script_reply replies[] = {created(), gone};
    script_server *server = serve(replies, COUNT(replies));
    program_result result =
        shell("exec env --block-signal=INT sh -c 'kill -INT $$; exec \"$WRENN_CLI\" create --name work'");
    CHECK_STR(result.out, "");
    CHECK_STR(result.err, "");
    CHECK_INT(result.code, 128 + SIGINT);
    check_request(server, 2, "DELETE /v1/sandboxes/" ID " ", "");
    program_result_free(&result);
    stop(server);
}

TEST(a_second_signal_gives_up) {
    const script_reply replies[] = {created(), UPGRADE, script_messages(SCRIPT_KEEP, START, OUT("ready"), NULL),
                                    script_messages(SCRIPT_KEEP, EXIT("\"exit_code\":-1"), NULL), hold};
    script_server *server = serve(replies, COUNT(replies));
    const char *const argv[] = {getenv("WRENN_CLI"), "run", "prog", NULL};
    program running = program_start(argv);
    await_ready(&running);
    kill(running.pid, SIGINT);
    script_wait(server, 6);
    kill(running.pid, SIGINT);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 128 + SIGINT);
    CHECK_STR(result.err, "wrenn: interrupted: remove the sandbox with 'wrenn rm " ID "'\n");
    program_result_free(&result);
    stop(server);
}

/* Ctrl-C in a pipeline ends the reader as well: the end of the program is waited for all the same. */
TEST(a_reader_that_goes_with_the_signal_changes_nothing) {
    const script_reply replies[] = {UPGRADE, script_messages(SCRIPT_KEEP, START, OUT("ready"), NULL),
                                    script_messages(SCRIPT_KEEP, EXIT("\"exit_code\":-1,\"signal\":9"), NULL)};
    script_server *server = serve(replies, COUNT(replies));
    const char *const argv[] = {getenv("WRENN_CLI"), "exec", ID, "prog", NULL};
    program running = program_start(argv);
    await_ready(&running);
    kill(running.pid, SIGSTOP);
    kill(running.pid, SIGINT);
    int nothing = open("/dev/null", O_RDONLY);
    CHECK(dup2(nothing, running.out) == running.out);
    close(nothing);
    kill(running.pid, SIGCONT);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 128 + SIGINT);
    CHECK_STR(result.err, "");
    program_result_free(&result);
    stop(server);
}

/* The connection breaks instead of an answer. */
static program_result interrupted(const char *const *argv, const script_reply *replies, size_t count) {
    script_server *server = serve(replies, count);
    program running = program_start(argv);
    await_ready(&running);
    kill(running.pid, SIGTERM);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 128 + SIGTERM);
    stop(server);
    return result;
}

static const script_reply broken = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE};

TEST(an_interrupted_exec_says_what_may_go_on) {
    const script_reply replies[] = {UPGRADE, script_messages(SCRIPT_KEEP, START, OUT("ready"), NULL), broken};
    const char *const argv[] = {getenv("WRENN_CLI"), "exec", ID, "prog", NULL};
    program_result result = interrupted(argv, replies, COUNT(replies));
    CHECK_CONTAINS(result.err, "the program may go on in " ID "\n");
    program_result_free(&result);
}

TEST(an_interrupted_run_leaves_nothing_to_be_told) {
    const script_reply replies[] = {created(), UPGRADE, script_messages(SCRIPT_KEEP, START, OUT("ready"), NULL), broken,
                                    gone};
    const char *const argv[] = {getenv("WRENN_CLI"), "run", "prog", NULL};
    program_result result = interrupted(argv, replies, COUNT(replies));
    CHECK_STR(result.err, "");
    program_result_free(&result);
}

TEST_MAIN
