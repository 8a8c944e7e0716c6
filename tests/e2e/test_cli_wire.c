/* The wrenn command against a scripted server: what it asks for, what it prints, and what it does when interrupted. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "program.h"
#include "script_server.h"
#include "test.h"

#define ID "cl-0123456789abcdefghijklmno"
#define SANDBOX_MEMBERS                                                                                \
    "\"id\":\"" ID "\",\"status\":\"running\",\"template\":\"minimal\",\"vcpus\":2,\"memory_mb\":256," \
    "\"timeout_sec\":0,\"created_at\":\"2026-05-01T12:00:00Z\",\"last_updated\":\"2026-05-01T12:00:00Z\""
#define SANDBOX "{" SANDBOX_MEMBERS "}"
#define EXEC(code, encoding, out, err)                                                                           \
    "{\"sandbox_id\":\"" ID "\",\"cmd\":\"x\",\"stdout\":\"" out "\",\"stderr\":\"" err "\",\"exit_code\":" code \
    ",\"duration_ms\":3,\"encoding\":\"" encoding "\"}"
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
    for (size_t i = 0; i < count; i++) all[i + 1] = replies[i];
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

TEST(run_creates_executes_and_destroys) {
    const script_reply replies[] = {created(), ok(EXEC("7", "utf-8", "out\\n", "err\\n")), gone};
    script_server *server = serve(replies, 3);
    program_result result = WRENN("run", "-T", "small", "--vcpus=2", "-m", "256", "-t", "9", "-e", "A=b", "-C", "/tmp",
                                  "-u", "app", "prog", "--", "-x", "two words");
    CHECK_STR(result.err, "err\n");
    CHECK_STR(result.out, "out\n");
    CHECK_INT(result.code, 7);
    check_request(server, 1, "POST /v1/sandboxes ", "\"template\":\"small\"");
    CHECK_CONTAINS(script_request(server, 1), "\"vcpus\":2");
    CHECK_CONTAINS(script_request(server, 1), "\"memory_mb\":256");
    check_request(server, 2, "POST /v1/sandboxes/" ID "/exec ", "\"args\":[\"--\",\"-x\",\"two words\"]");
    CHECK_CONTAINS(script_request(server, 2), "\"timeout_sec\":9");
    CHECK_CONTAINS(script_request(server, 2), "\"A\":\"b\"");
    CHECK_CONTAINS(script_request(server, 2), "\"cwd\":\"/tmp\"");
    CHECK_CONTAINS(script_request(server, 2), "\"user\":\"app\"");
    check_request(server, 3, "DELETE /v1/sandboxes/" ID " ", "");
    CHECK_INT(script_count(server), 4);
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
        {WITH_LIMITS("unenforced", "unenforced"), "-t9", ""},
        {WITH_LIMITS("enforced", "enforced"), "-m64", ""},
        {SANDBOX, "-m64", ""},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const script_reply replies[] = {reply("201 Created", cases[i].body), ok(EXEC("0", "utf-8", "", "")), gone};
        script_server *server = serve(replies, 3);
        program_result result = WRENN("run", cases[i].option, "prog");
        CHECK_STR(result.err, cases[i].err);
        CHECK_INT(result.code, 0);
        program_result_free(&result);
        stop(server);
    }
}

TEST(output_is_passed_on_byte_for_byte) {
    const script_reply replies[] = {created(), ok(EXEC("0", "base64", "AP8NCg==", "/gA=")), gone};
    script_server *server = serve(replies, 3);
    program_result result = WRENN("run", "prog");
    CHECK_MEM(result.out, result.out_size, "\0\xff\r\n", 4);
    CHECK_MEM(result.err, result.err_size, "\xfe\0", 2);
    CHECK_INT(result.code, 0);
    program_result_free(&result);
    stop(server);
}

static void check_json(const char *body, const char *want) {
    const script_reply replies[] = {ok(body)};
    script_server *server = serve(replies, 1);
    program_result result = WRENN("exec", "-o", "json", ID, "prog");
    CHECK_STR(result.out, want);
    CHECK_INT(result.err_size, 0);
    program_result_free(&result);
    stop(server);
}

TEST(results_as_json) {
    check_json(EXEC("0", "utf-8", "a\\\"\\\\\\n\\u0000\\u0007\xc3\xa9\xf0\x9f\x90\xa6", ""),
               "{\"sandbox_id\": \"" ID
               "\", \"exit_code\": 0, \"duration_ms\": 3, \"encoding\": \"utf-8\", \"stdout\": "
               "\"a\\\"\\\\\\n\\u0000\\u0007\xc3\xa9\xf0\x9f\x90\xa6\", \"stderr\": \"\"}\n");
    /* One that is not UTF-8 turns both into base64; so do surrogates, overlong forms and what breaks off. */
    check_json(EXEC("-1", "base64", "/w==", "aGk="),
               "{\"sandbox_id\": \"" ID "\", \"exit_code\": -1, \"duration_ms\": 3, \"encoding\": \"base64\", "
               "\"stdout\": \"/w==\", \"stderr\": \"aGk=\"}\n");
    static const char *const not_utf8[] = {"7aCA", "wIA=", "4oI=", "9JCAgA=="};
    for (size_t i = 0; i < sizeof(not_utf8) / sizeof(not_utf8[0]); i++) {
        char body[512], want[512];
        snprintf(body, sizeof(body), EXEC("0", "base64", "%s", ""), not_utf8[i]);
        snprintf(want, sizeof(want),
                 "{\"sandbox_id\": \"" ID "\", \"exit_code\": 0, \"duration_ms\": 3, \"encoding\": \"base64\", "
                 "\"stdout\": \"%s\", \"stderr\": \"\"}\n",
                 not_utf8[i]);
        check_json(body, want);
    }
}

TEST(the_exit_code_tells_the_signal) {
    static const struct {
        const char *body, *out, *err;
        int code;
    } cases[] = {{"{\"exit_code\":-1,\"stdout\":\"so far\",\"stderr\":\"\",\"signal\":11}", "so far", "", 139},
                 {"{\"exit_code\":-1,\"stdout\":\"\",\"stderr\":\"\",\"signal\":9,\"oom_killed\":true}", "",
                  "out of memory", 137},
                 {"{\"exit_code\":-1,\"stdout\":\"\",\"stderr\":\"\"}", "", "", 137},
                 {"{\"exit_code\":-1,\"stdout\":\"\",\"stderr\":\"\",\"signal\":99999}", "", "", 137}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const script_reply replies[] = {ok(cases[i].body)};
        script_server *server = serve(replies, 1);
        program_result result = WRENN("exec", ID, "prog");
        CHECK_INT(result.code, cases[i].code);
        CHECK_STR(result.out, cases[i].out);
        CHECK_CONTAINS(result.err, cases[i].err);
        program_result_free(&result);
        stop(server);
    }
    check_json("{\"exit_code\":-1,\"duration_ms\":3,\"signal\":9,\"oom_killed\":true,\"output_cut\":true}",
               "{\"sandbox_id\": \"" ID "\", \"exit_code\": -1, \"duration_ms\": 3, \"encoding\": \"utf-8\", "
               "\"stdout\": \"\", \"stderr\": \"\", \"signal\": 9, \"oom_killed\": true, \"output_cut\": true}\n");
}

TEST(a_failed_command_shows_what_it_had_put_out) {
    const script_reply late = {
        .text =
            "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 131\r\n\r\n"
            "{\"error\":{\"code\":\"agent_error\",\"message\":\"it ran longer than 1 s\",\"stdout\":\"c28gZmFyAP8=\","
            "\"stderr\":\"b29wcwo=\",\"encoding\":\"base64\"}}"};
    script_server *server = serve(&late, 1);
    program_result result = WRENN("exec", ID, "prog");
    CHECK_INT(result.code, 125);
    CHECK_MEM(result.out, result.out_size, "so far\0\xff", 8);
    CHECK_CONTAINS(result.err, "oops\nwrenn: exec: it ran longer than 1 s");
    program_result_free(&result);
    stop(server);
}

TEST(run_destroys_after_a_failure_too) {
    const script_reply replies[] = {created(), reply("502 Bad Gateway", ERROR("agent_error")), gone};
    script_server *server = serve(replies, 3);
    program_result result = WRENN("run", "prog");
    CHECK_INT(result.code, 125);
    CHECK_CONTAINS(result.err, "because of  [2J?? this"); /* one line, and the terminal's own */
    check_request(server, 3, "DELETE /v1/sandboxes/" ID " ", "");
    program_result_free(&result);
    stop(server);
}

TEST(errors_say_what_to_do) {
    const script_reply replies[] = {reply("401 Unauthorized", ERROR("unauthorized"))};
    script_server *server = serve(replies, 1);
    program_result result = WRENN("run", "prog");
    CHECK_CONTAINS(result.err, ": set WRENN_API_KEY, or give --api-key\n");
    CHECK_INT(result.code, 125);
    program_result_free(&result);
    stop(server);
}

TEST(ls_prints_a_table_ids_or_json) {
    script_reply replies[] = {ok("[" SANDBOX "]")};
    script_server *server = serve(replies, 1);
    program_result result = WRENN("ls");
    CHECK_CONTAINS(result.out, "ID                           STATUS     TEMPLATE         VCPUS MEMORY MB  CREATED\n");
    CHECK_CONTAINS(result.out, ID " running    minimal              2       256  2026-05-01T12:00:00Z\n");
    CHECK_INT(result.code, 0);
    program_result_free(&result);
    stop(server);

    replies[0] = ok("[" SANDBOX "]");
    server = serve(replies, 1);
    result = WRENN("ls", "--quiet");
    CHECK_STR(result.out, ID "\n");
    program_result_free(&result);
    stop(server);

    replies[0] = ok("[" SANDBOX "]");
    server = serve(replies, 1);
    result = WRENN("ls", "--output=json");
    CHECK_STR(result.out, "[\n  {\"id\": \"" ID "\", \"status\": \"running\", \"template\": \"minimal\", "
                          "\"created_at\": \"2026-05-01T12:00:00Z\", \"started_at\": null, \"last_active_at\": null, "
                          "\"vcpus\": 2, \"memory_mb\": 256, \"timeout_sec\": 0}\n]\n");
    program_result_free(&result);
    stop(server);

    const script_reply none[] = {ok("[]")};
    server = serve(none, 1);
    result = WRENN("ls", "-ojson");
    CHECK_STR(result.out, "[]\n");
    program_result_free(&result);
    stop(server);
}

TEST(rm_goes_on_after_a_failure) {
    const script_reply replies[] = {reply("404 Not Found", ERROR("not_found")), gone};
    script_server *server = serve(replies, 2);
    program_result result = WRENN("-o", "json", "rm", "cl-1", ID);
    CHECK_STR(result.out, "{\"removed\": [\"" ID "\"]}\n");
    CHECK_CONTAINS(result.err, "wrenn: cl-1: ");
    CHECK_CONTAINS(result.err, "'wrenn ls' shows what there is\n");
    CHECK_INT(result.code, 1);
    program_result_free(&result);
    stop(server);
}

/* The exec is never answered; after the signal the sandbox must be destroyed all the same. */
static void interrupt(int signal_number) {
    const script_reply replies[] = {created(), hold, gone};
    script_server *server = serve(replies, 3);
    const char *const argv[] = {getenv("WRENN_CLI"), "run", "-t", "600", "prog", NULL};
    program running = program_start(argv);
    script_wait(server, 3);
    kill(running.pid, signal_number);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 128 + signal_number);
    check_request(server, 3, "DELETE /v1/sandboxes/" ID " ", "");
    program_result_free(&result);
    stop(server);
}

TEST(signals_destroy_the_sandbox) {
    interrupt(SIGINT);
    interrupt(SIGTERM);
    interrupt(SIGHUP);
    interrupt(SIGQUIT);
}

TEST(a_second_signal_gives_up) {
    const script_reply replies[] = {created(), hold, hold};
    script_server *server = serve(replies, 3);
    const char *const argv[] = {getenv("WRENN_CLI"), "run", "-t", "600", "prog", NULL};
    program running = program_start(argv);
    script_wait(server, 3);
    kill(running.pid, SIGINT);
    script_wait(server, 4);
    kill(running.pid, SIGINT);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 128 + SIGINT);
    CHECK_STR(result.err, "wrenn: interrupted: remove the sandbox with 'wrenn rm " ID "'\n");
    program_result_free(&result);
    stop(server);
}

TEST(an_interrupted_exec_leaves_the_sandbox) {
    const script_reply replies[] = {hold};
    script_server *server = serve(replies, 1);
    const char *const argv[] = {getenv("WRENN_CLI"), "exec", ID, "prog", NULL};
    program running = program_start(argv);
    script_wait(server, 2);
    kill(running.pid, SIGTERM);
    program_result result = program_finish(&running);
    CHECK_INT(result.code, 128 + SIGTERM);
    CHECK_CONTAINS(result.err, "the program may go on in " ID "\n");
    CHECK_INT(script_count(server), 2);
    program_result_free(&result);
    stop(server);
}

TEST_MAIN
