/* The messages of wrenn mcp, also those that no client would send. No sandbox is needed for that. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "agent.h"
#include "person.h"
#include "test.h"

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define PONG(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

TEST(the_version_of_the_protocol_is_negotiated) {
    static const struct {
        const char *asked, *got;
    } cases[] = {{"2024-11-05", "2024-11-05"}, {"2025-03-26", "2025-03-26"}, {"2025-06-18", "2025-06-18"},
                 {"2025-11-25", "2025-11-25"}, {"1999-01-01", "2025-11-25"}, {"", "2025-11-25"}};
    agent a = AGENT();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char line[256], want[64];
        snprintf(line, sizeof(line),
                 "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"%s\","
                 "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}",
                 cases[i].asked);
        snprintf(want, sizeof(want), "\"protocolVersion\":\"%s\"", cases[i].got);
        const char *answer = agent_asks(&a, line);
        CHECK_CONTAINS(answer, want);
        CHECK_CONTAINS(answer, "\"id\":\"i\"");
        CHECK_CONTAINS(answer, "\"capabilities\":{\"tools\":{}}");
        CHECK_CONTAINS(answer, "\"version\":\"" WRENN_EXPECTED_VERSION "\"");
    }
    agent_says(&a, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}");
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(wrong_messages_are_refused_one_by_one) {
    static const struct {
        const char *line, *code, *id;
    } cases[] = {
        {"x", "-32700", "null"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,", "-32700", "null"},
        {"{} {}", "-32700", "null"},
        {"\xff\xfe", "-32700", "null"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"\xc3\x28\"}", "-32700", "null"},
        {"{'jsonrpc':'2.0'}", "-32700", "null"},
        {"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[", "-32700", "null"},
        {"1", "-32600", "null"},
        {"null", "-32600", "null"},
        {"\"ping\"", "-32600", "null"},
        {"{}", "-32600", "null"},
        {"[]", "-32600", "null"},
        {"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", "-32600", "1"},
        {"{\"id\":1,\"method\":\"ping\"}", "-32600", "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1}", "-32600", "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":7}", "-32600", "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", "-32600", "null"},
        {"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", "-32600", "null"},
        {"{\"jsonrpc\":\"2.0\",\"id\":99999999999999999999,\"method\":\"ping\"}", "-32600", "null"},
        {"{\"jsonrpc\":\"2.0\",\"id\":\"a\",\"method\":\"nothing\"}", "-32601", "\"a\""},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"resources/list\"}", "-32601", "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":[]}", "-32602", "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\"}", "-32602", "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{\"cursor\":\"x\"}}", "-32602", "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\"}", "-32602", "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"x\\u001b[2J\"}}", "-32602",
         "1"},
        {"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"run_code\",\"arguments\":1}}",
         "-32602", "1"},
    };
    agent a = AGENT();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char start[128];
        snprintf(start, sizeof(start), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"error\":{\"code\":%s,\"message\":\"",
                 cases[i].id, cases[i].code);
        const char *answer = agent_asks(&a, cases[i].line);
        CHECK_MSG(strncmp(answer, start, strlen(start)) == 0, "%s: %s", cases[i].line, answer);
        CHECK_STR(agent_asks(&a, PING("2")), PONG("2"));
    }
    CHECK_INT(agent_leaves(&a), 0);
}

/* Notifications, known or not, blank lines, and answers to what was never asked. */
TEST(what_wants_no_answer_gets_none) {
    static const char *const lines[] = {
        "",
        " \t\r",
        "{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\"}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":\"never\"}}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":[]}",
        "{\"jsonrpc\":\"2.0\",\"method\":\"tools/call\",\"params\":{\"name\":\"run_command\"}}",
        "{\"jsonrpc\":\"2.0\",\"id\":4711,\"result\":{}}",
        "{\"jsonrpc\":\"2.0\",\"id\":\"never\",\"error\":{\"code\":1,\"message\":\"\"}}",
        "[{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}]",
    };
    agent a = AGENT();
    for (size_t i = 0; i < COUNT(lines); i++) {
        agent_says(&a, lines[i]);
        CHECK_STR(agent_asks(&a, PING("-1")), PONG("-1"));
    }
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(ids_come_back_as_they_were) {
    agent a = AGENT();
    CHECK_STR(agent_asks(&a, PING("9223372036854775807")), PONG("9223372036854775807"));
    CHECK_STR(agent_asks(&a, PING("\"\"")), PONG("\"\""));
    CHECK_STR(agent_asks(&a, PING("\"\\u0000\\n\xc3\xa9\"")), PONG("\"\\u0000\\n\xc3\xa9\""));
    CHECK_STR(agent_asks(&a, PING("1.5")), PONG("1.5"));
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(a_batch_has_one_answer) {
    agent a = AGENT();
    CHECK_STR(agent_asks(&a, "[" PING("1") ",{\"jsonrpc\":\"2.0\",\"method\":\"nothing\"}," PING("2") "]"),
              "[" PONG("1") "," PONG("2") "]");
    const char *answer = agent_asks(&a, "[1,[]," PING("3") "]");
    CHECK_CONTAINS(answer, "[{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32600,");
    CHECK_CONTAINS(answer, "," PONG("3") "]");
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(messages_come_in_pieces) {
    static const char text[] = PING("1") "\r\n" PING("2") "\n";
    agent a = AGENT();
    for (size_t i = 0; i < sizeof(text) - 1; i++) agent_sends(&a, text + i, 1);
    CHECK_STR(agent_hears(&a), PONG("1"));
    CHECK_STR(agent_hears(&a), PONG("2"));
    /* The last one may lack its newline. */
    agent_sends(&a, PING("3"), strlen(PING("3")));
    close(a.in);
    a.in = -1;
    CHECK_STR(agent_hears(&a), PONG("3"));
    CHECK_INT(agent_leaves(&a), 0);
    a = AGENT();
    agent_sends(&a, "{\"jsonrpc\":\"2.0\",\"id\"", 21);
    close(a.in);
    a.in = -1;
    CHECK_CONTAINS(agent_hears(&a), "-32700");
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(a_line_without_end_is_not_kept) {
    static char many[1 << 20];
    agent a = AGENT();
    memset(many, 'x', sizeof(many));
    for (int i = 0; i < 100; i++) agent_sends(&a, many, sizeof(many));
    CHECK_CONTAINS(agent_hears(&a), "\"code\":-32600,\"message\":\"a message is longer than 32 MiB\"");
    agent_sends(&a, "\n", 1);
    CHECK_STR(agent_asks(&a, PING("1")), PONG("1"));
    CHECK_INT(agent_leaves(&a), 0);
}

/* Who sends without end and reads nothing is not read any more, and loses nothing. */
TEST(answers_that_nobody_reads_stop_the_reading) {
    agent a = AGENT();
    size_t sent = 0, answers = 0, at = 0;
    fcntl(a.in, F_SETFL, O_NONBLOCK);
    for (int idle = 0; idle < 2; idle++) {
        ssize_t wrote;
        while ((wrote = write(a.in, &(PING("1") "\n")[at], sizeof(PING("1")) - at)) > 0) {
            at += (size_t)wrote;
            if (at == sizeof(PING("1"))) sent++, at = 0;
            idle = 0;
            CHECK_MSG(sent < 10000000, "it reads on and on");
        }
        /* Both pipes are full when even a read in between changes nothing. */
        if (!idle) CHECK_STR(agent_hears(&a), PONG("1")), answers++;
    }
    fcntl(a.in, F_SETFL, 0);
    CHECK(sent > 1000);
    while (answers < sent) CHECK_STR(agent_hears(&a), PONG("1")), answers++;
    if (at) agent_sends(&a, &(PING("1") "\n")[at], sizeof(PING("1")) - at), CHECK_STR(agent_hears(&a), PONG("1"));
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(the_tools_are_listed_with_their_schemas) {
    static const char *const names[] = {"run_command", "run_code", "read_file",    "write_file", "list_files",
                                        "upload",      "download", "start_server", "get_url",    "snapshot"};
    agent a = AGENT();
    const char *list = agent_asks(&a, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\",\"params\":{}}");
    for (size_t i = 0; i < COUNT(names); i++) {
        char want[64];
        snprintf(want, sizeof(want), "{\"name\":\"%s\",\"title\":\"", names[i]);
        CHECK_CONTAINS(list, want);
    }
    CHECK_CONTAINS(list, "\"required\":[\"command\"],\"additionalProperties\":false}");
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(wrong_arguments_are_results_that_say_so) {
    static const struct {
        const char *tool, *arguments, *text;
    } cases[] = {
        {"run_command", "{}", "argument 'command' is missing"},
        {"run_command", "{\"command\":null}", "argument 'command' is missing"},
        {"run_command", "{\"command\":7}", "argument 'command' has to be a text"},
        {"run_command", "{\"command\":\"\"}", "argument 'command' must not be empty"},
        {"run_command", "{\"command\":\"a\\u0000b\"}", "argument 'command' must not have a NUL"},
        {"run_command", "{\"comand\":\"ls\"}", "no argument 'comand': did you mean 'command'?"},
        {"run_command", "{\"command\":\"ls\",\"timeout_seconds\":0}", "argument 'timeout_seconds' is out of range"},
        {"run_command", "{\"command\":\"ls\",\"timeout_seconds\":1.5}",
         "argument 'timeout_seconds' has to be an integer"},
        {"run_command", "{\"command\":\"ls\",\"timeout_seconds\":1e300}", "argument 'timeout_seconds' has to be"},
        {"run_command", "{\"command\":\"ls\",\"env\":[]}", "argument 'env' has to be an object"},
        {"run_command", "{\"command\":\"ls\",\"env\":{\"A\":\"b\",\"C\":1}}",
         "argument 'env' has to have names and texts"},
        {"run_command", "{\"command\":\"ls\",\"env\":{\"A=B\":\"c\"}}", "argument 'env' has to have names and texts"},
        {"start_server", "{\"command\":\"x\",\"port\":65536}", "argument 'port' is out of range"},
        {"snapshot", "{\"overwrite\":1}", "argument 'overwrite' has to be true or false"},
    };
    agent a = AGENT();
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *answer = agent_calls(&a, cases[i].tool, cases[i].arguments);
        CHECK_CONTAINS(answer, "\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"");
        CHECK_CONTAINS(answer, cases[i].text);
        CHECK_CONTAINS(answer, "\"isError\":true");
    }
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(without_a_server_tools_say_what_to_do) {
    setenv("WRENN_BASE_URL", "http://127.0.0.1:1", 1);
    setenv("WRENN_API_KEY", "wrn_00000000000000000000000000000001", 1);
    agent a = AGENT();
    const char *answer = agent_calls(&a, "run_command", "{\"command\":\"true\"}");
    CHECK_CONTAINS(answer, "no sandbox: ");
    CHECK_CONTAINS(answer, "start a server with 'wrenn serve'");
    CHECK_CONTAINS(answer, "\"isError\":true");
    CHECK_STR(agent_asks(&a, PING("1")), PONG("1"));
    CHECK_INT(agent_leaves(&a), 0);
}

TEST(it_ends_by_signals_and_when_nobody_reads) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
    for (size_t i = 0; i < COUNT(signals); i++) {
        agent a = AGENT();
        CHECK_STR(agent_asks(&a, PING("1")), PONG("1"));
        kill(a.pid, signals[i]);
        CHECK_STR(fgets((char[8]){0}, 8, a.out) ? "more" : "", "");
        CHECK_INT(agent_leaves(&a), 0);
    }
    agent a = AGENT();
    CHECK_STR(agent_asks(&a, PING("1")), PONG("1"));
    int in = dup(a.in);
    CHECK(freopen("/dev/null", "r", a.out));
    CHECK_INT(agent_leaves(&a), 0);
    close(in);
}

TEST(the_command_line_is_checked) {
    program_result result = WRENN("mcp", "--files", "/nonexistent");
    CHECK_STR(result.err, "wrenn: --files /nonexistent: No such file or directory\n");
    CHECK_INT(result.code, 1);
    program_result_free(&result);
    result = WRENN("mcp", "--max-output", "1");
    CHECK_INT(result.code, 2);
    program_result_free(&result);
    result = WRENN("mcp", "--sandbox", "work", "--memory", "1g");
    CHECK_CONTAINS(result.err, "--sandbox uses one that is there");
    CHECK_INT(result.code, 2);
    program_result_free(&result);
    result = WRENN("mcp", "--files", "/etc/hostname");
    CHECK_CONTAINS(result.err, "Not a directory");
    program_result_free(&result);
}

TEST_MAIN
