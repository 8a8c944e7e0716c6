/* exec through the API. */
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/text.h"
#include "daemon.h"

static reply run(const test_daemon *d, const char *id, const char *body) {
    return call(d, "POST", sandbox_path(id, "/exec"), body);
}

TEST(answers_with_output_code_and_duration) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    reply r = run(&d, id, "{\"cmd\":\"echo\",\"args\":[\"h\\u00e9\",\"$HOME; ls\"]}");
    CHECK_INT(r.status, 200);
    CHECK_STR(member(&r, "stdout"), "h\xc3\xa9 $HOME; ls\n");
    CHECK_STR(member(&r, "stderr"), "");
    CHECK_STR(member(&r, "cmd"), "echo");
    CHECK_STR(member(&r, "sandbox_id"), id);
    CHECK_STR(member(&r, "encoding"), "utf-8");
    CHECK_INT(number(&r, "exit_code"), 0);
    CHECK(number(&r, "duration_ms") >= 0);
    reply_free(&r);
    r = run(&d, id, "{\"cmd\":\"warn\",\"args\":[\"oops\"]}");
    CHECK_STR(member(&r, "stderr"), "oops");
    reply_free(&r);
    r = run(&d, id, "{\"cmd\":\"exit\",\"args\":[\"3\"]}");
    CHECK_INT(number(&r, "exit_code"), 3);
    reply_free(&r);
    r = run(&d, id, "{\"cmd\":\"crash\"}");
    CHECK_INT(r.status, 200);
    CHECK_INT(number(&r, "exit_code"), -1);
    reply_free(&r);
    r = run(&d, id, "{\"cmd\":\"bytes\"}");
    CHECK_STR(member(&r, "encoding"), "base64");
    CHECK_STR(member(&r, "stdout"), "Yf8=");
    CHECK_STR(member(&r, "stderr"), "");
    reply_free(&r);
    daemon_stop(&d);
}

TEST(passes_environment_and_directory) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    reply r = run(&d, id, "{\"cmd\":\"env\",\"envs\":{\"A\":\"1\",\"B\":\"x=y\",\"C\":\"\"},\"args\":null}");
    CHECK_STR(member(&r, "stdout"), "A=1\nB=x=y\nC=\n");
    reply_free(&r);
    r = run(&d, id, "{\"cmd\":\"pwd\",\"cwd\":\"/tmp\"}");
    CHECK_STR(member(&r, "stdout"), "/tmp");
    reply_free(&r);
    r = run(&d, id, "{\"cmd\":\"pwd\",\"cwd\":\"\"}");
    CHECK_STR(member(&r, "stdout"), "~");
    reply_free(&r);
    r = run(&d, id, "{\"cmd\":\"pwd\",\"cwd\":\"/nowhere\"}");
    CHECK_INT(r.status, 400);
    CHECK_CONTAINS(error_message(&r), "/nowhere");
    reply_free(&r);
    CHECK_ERROR(run(&d, id, "{\"cmd\":\"impossible\"}"), 502, "agent_error");
    daemon_stop(&d);
}

TEST(bad_requests_name_the_member) {
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"", "empty"},
        {"{}", "\"cmd\""},
        {"{\"cmd\":\"\"}", "\"cmd\""},
        {"{\"cmd\":null}", "\"cmd\""},
        {"{\"cmd\":[\"a\"]}", "\"cmd\""},
        {"{\"cmd\":\"a\",\"args\":\"b\"}", "\"args\""},
        {"{\"cmd\":\"a\",\"args\":[1]}", "\"args\""},
        {"{\"cmd\":\"a\",\"args\":[\"b\\u0000\"]}", "\"args\""},
        {"{\"cmd\":\"a\",\"timeout_sec\":\"1\"}", "\"timeout_sec\""},
        {"{\"cmd\":\"a\",\"timeout_sec\":1e99}", "\"timeout_sec\""},
        {"{\"cmd\":\"a\",\"envs\":[]}", "\"envs\""},
        {"{\"cmd\":\"a\",\"envs\":{\"A\":1}}", "\"envs\""},
        {"{\"cmd\":\"a\",\"envs\":{\"A=B\":\"1\"}}", "\"envs\""},
        {"{\"cmd\":\"a\",\"envs\":{\"\":\"1\"}}", "\"envs\""},
        {"{\"cmd\":\"a\",\"cwd\":1}", "\"cwd\""},
        {"{\"cmd\":\"a\",\"background\":1}", "\"background\""},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        reply r = run(&d, id, cases[i].body);
        CHECK_MSG(r.status == 400, "%s gave %d", cases[i].body, r.status);
        CHECK_STR(error_code(&r), "invalid_request");
        CHECK_CONTAINS(error_message(&r), cases[i].part);
        reply_free(&r);
    }
    WRN_AUTO(wrn_buf_free) wrn_buf many = WRN_BUF_INIT;
    wrn_buf_puts(&many, "{\"cmd\":\"a\",\"envs\":{");
    for (int i = 0; i < 4097; i++) wrn_buf_printf(&many, "%s\"V%d\":\"\"", i ? "," : "", i);
    wrn_buf_puts(&many, "}}");
    CHECK_ERROR(run(&d, id, many.data), 400, "invalid_request");
    daemon_stop(&d);
}

TEST(a_timeout_reports_what_was_written_until_then) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    reply r = run(&d, id, "{\"cmd\":\"hang\",\"timeout_sec\":1}");
    CHECK_INT(r.status, 502);
    CHECK_STR(error_code(&r), "agent_error");
    CHECK_CONTAINS(error_message(&r), "longer than 1 s");
    const wrn_json *error = wrn_json_get(r.json, "error");
    CHECK_STR(wrn_json_string(wrn_json_get(error, "stdout"), NULL), "so far");
    CHECK_STR(wrn_json_string(wrn_json_get(error, "stderr"), NULL), "");
    reply_free(&r);
    daemon_stop(&d);
}

TEST(too_much_output_kills_the_command) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-output-bytes", "1000000", NULL});
    char id[40];
    make_sandbox(&d, "{}", id);
    reply r = run(&d, id, "{\"cmd\":\"flood\"}");
    CHECK_INT(r.status, 502);
    CHECK_STR(error_code(&r), "agent_error");
    CHECK_CONTAINS(error_message(&r), "more than 1000000 bytes");
    reply_free(&r);
    CHECK_STATUS(run(&d, id, "{\"cmd\":\"echo\"}"), 200);
    daemon_stop(&d);
}

TEST(destroying_ends_a_command_with_what_it_wrote) {
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40], head[512];
    make_sandbox(&d, "{}", id);
    const char *body = "{\"cmd\":\"hang\",\"timeout_sec\":100000}";
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %zu\r\n\r\n%s",
             sandbox_path(id, "/exec"), d.key, strlen(body), body);
    int fd = dial(d.socket);
    send_text(fd, head);
    CHECK_STATUS(call(&d, "DELETE", sandbox_path(id, ""), NULL), 204);
    reply r = read_reply(fd);
    CHECK(r.status == 502 || r.status == 409); /* 409: destroyed before the command could start */
    reply_free(&r);
    daemon_stop(&d);
}

/* The client of a command that runs until it is killed goes: over a socket of its own, and over TCP, where a close looks
 * like the end of a request at first. */
TEST(a_command_ends_with_its_client) {
    test_daemon d = {0};
    served s = {0};
    daemon_serve(&s, &d, (const char *[]){"--listen", "127.0.0.1:0", NULL});
    int port = atoi(strstr(s.address, "127.0.0.1:") + 10);
    daemon_key(&s, &d);
    char id[40], head[300];
    make_sandbox(&d, "{}", id);
    snprintf(head, sizeof(head),
             "POST %s HTTP/1.1\r\nHost: localhost\r\nX-API-Key: %s\r\nContent-Length: 14\r\n\r\n{\"cmd\":\"wait\"}",
             sandbox_path(id, "/exec"), d.key);
    for (int tcp = 0; tcp < 2; tcp++) {
        int fd = tcp ? dial_tcp(port) : dial(d.socket);
        send_text(fd, head);
        size_t count = 0;
        do {
            reply r = call(&d, "GET", sandbox_path(id, "/processes"), NULL);
            if (!count && fd >= 0 && wrn_json_count(wrn_json_get(r.json, "processes"))) close(fd), fd = -1;
            count = wrn_json_count(wrn_json_get(r.json, "processes"));
            reply_free(&r);
        } while (fd >= 0 || count);
    }
    daemon_finish(&s, SIGTERM);
    free(s.said);
}

/* ---- what would hold the loop; the watchdog of the tests looks ---- */

static char *repeated(const char *before, const char *text, size_t count, const char *after) {
    wrn_buf out = WRN_BUF_INIT;
    wrn_buf_puts(&out, before);
    for (size_t i = 0; i < count; i++) wrn_buf_puts(&out, text);
    wrn_buf_puts(&out, after);
    return wrn_buf_steal(&out);
}

TEST(bodies_of_many_values_are_refused) {
    static const struct {
        const char *before, *text, *after;
        int status;
    } cases[] = {
        {"{\"cmd\":\"echo\",\"args\":[\"\"", ",\"a\"", "]}", 400},
        {"{\"cmd\":\"echo\",\"envs\":{\"a\":\"\"", ",\"a\":\"\"", "}}", 400},
        {"{\"cmd\":\"echo\"", ",\"unknown\":1", "}", 400},
        {"[", "[],", "[]]", 400},
        {"{\"cmd\":\"echo\",\"args\":[\"", "\\\"", "\"]}", 200},
    };
    test_daemon d;
    daemon_start(&d, NULL);
    char id[40];
    make_sandbox(&d, "{}", id);
    for (size_t i = 0; i < WRN_COUNT(cases); i++) {
        char *body = repeated(cases[i].before, cases[i].text, 1000000, cases[i].after);
        reply r = run(&d, id, body);
        CHECK_MSG(r.status == cases[i].status, "case %zu: %d %.200s", i, r.status, r.body);
        if (r.status == 400) CHECK_CONTAINS(error_message(&r), "too many values");
        reply_free(&r);
        free(body);
    }
    /* What holds a name or a path needs no room. */
    char *body = repeated("{\"path\":\"/", "a", 70000, "\"}");
    CHECK_ERROR(call(&d, "POST", sandbox_path(id, "/files/list"), body), 413, "too_large");
    free(body);
    daemon_stop(&d);
}

TEST(large_output_is_encoded_beside_the_loop) {
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-body-bytes", "100000000", NULL});
    char id[40];
    make_sandbox(&d, "{}", id);
    for (int control = 0; control < 2; control++) {
        char *body = repeated("{\"cmd\":\"echo\",\"args\":[\"", control ? "\\u0001" : "\\\"", 8000000, "\"]}");
        reply r = run(&d, id, body);
        CHECK_INT(r.status, 200);
        CHECK_STR(member(&r, "encoding"), control ? "base64" : "utf-8");
        CHECK(strlen(member(&r, "stdout")) > 8000000);
        reply_free(&r);
        free(body);
    }
    daemon_stop(&d);
}

/* Many that each keep to their limits must not take more together than there is. */
TEST(what_is_held_for_all_callers_has_one_limit) {
    enum { MANY = 6, SIZE = 1 << 20 };
    test_daemon d;
    daemon_start(&d, (const char *[]){"--max-held-mb", "4", NULL});
    char id[40], head[300];
    make_sandbox(&d, "{}", id);
    /* Bodies that do not end. */
    static char block[SIZE];
    memset(block, ' ', sizeof(block));
    int fds[MANY];
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: x\r\nX-API-Key: %s\r\nContent-Length: %d\r\n\r\n",
             sandbox_path(id, "/exec"), d.key, SIZE + 1);
    size_t refused = 0;
    for (int i = 0; i < MANY; i++) {
        fds[i] = dial(d.socket);
        send_text(fds[i], head);
        send_bytes(fds[i], block, sizeof(block));
        CHECK_STATUS(request(&d, "GET", "/health", NULL, NULL), 200);
    }
    for (int i = 0; i < MANY; i++) {
        struct pollfd answered = {fds[i], POLLIN, 0};
        if (poll(&answered, 1, 0) != 1) continue;
        reply r = read_reply(fds[i]);
        CHECK_CONTAINS(r.head, "Retry-After: ");
        CHECK_STR(error_code(&r), "overloaded");
        CHECK_INT(r.status, 503);
        reply_free(&r);
        refused++;
    }
    CHECK(refused >= 1 && refused <= 3);
    /* Small things still go, and what was held is there again. */
    CHECK_STATUS(run(&d, id, "{\"cmd\":\"true\"}"), 200);
    for (int i = 0; i < MANY; i++) close(fds[i]);
    for (reply r = {.status = 503}; r.status == 503;) {
        char *body = repeated("{\"cmd\":\"echo\",\"args\":[\"", "a", 300000, "\"]}");
        r = run(&d, id, body);
        CHECK(r.status == 200 || r.status == 503);
        int status = r.status;
        reply_free(&r);
        r.status = status;
        free(body);
    }
    /* Output counts, too, with what its encoding takes. */
    char *body = repeated("{\"cmd\":\"echo\",\"args\":[\"", "a", 1000000, "\"]}");
    for (int i = 0; i < 3; i++) CHECK_ERROR(run(&d, id, body), 503, "overloaded");
    free(body);
    CHECK_STATUS(run(&d, id, "{\"cmd\":\"true\"}"), 200);
    daemon_stop(&d);
}

TEST_MAIN
