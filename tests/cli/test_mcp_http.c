/* wrenn mcp over HTTP, byte by byte: who is let in, what is refused, and what is left. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "person.h"
#include "test.h"

#define TOKEN "0123456789abcdef"
#define AUTH "Authorization: Bearer " TOKEN "\r\n"
#define INITIALIZE                                                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":\"i\",\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-06-18\"," \
    "\"capabilities\":{},\"clientInfo\":{\"name\":\"t\",\"version\":\"1\"}}}"
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

void test_after_each(void) { stop_own_server(); }

typedef struct served {
    program program;
    int port;
} served;

static served serve(void) {
    served s;
    char line[128] = "";
    fresh_home();
    setenv("WRENN_MCP_TOKEN", TOKEN, 1);
    s.program = program_start((const char *const[]){getenv("WRENN_CLI"), "mcp", "--http", "0", "-o", "name", NULL});
    for (size_t size = 0; !strchr(line, '\n'); size++) CHECK_INT(read(s.program.out, line + size, 1), 1);
    CHECK_INT(sscanf(line, "http://127.0.0.1:%d/mcp\n", &s.port), 1);
    return s;
}

static void stop(served *s) {
    kill(s->program.pid, SIGTERM);
    program_result result = program_finish(&s->program);
    CHECK_STR(result.err, "");
    CHECK_INT(result.code, 0);
    program_result_free(&result);
}

static int dial(const served *s) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)s->port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0);
    return fd;
}

static void sends(int fd, const char *data, size_t size) {
    while (size) {
        ssize_t wrote = send(fd, data, size, MSG_NOSIGNAL);
        CHECK(wrote > 0);
        data += wrote, size -= (size_t)wrote;
    }
}

/* All that comes back until the end; good until the next call. */
static const char *hears(int fd) {
    static char text[65536];
    size_t size = 0;
    for (ssize_t got; size < sizeof(text) - 1 && (got = read(fd, text + size, sizeof(text) - 1 - size)) > 0;)
        size += (size_t)got;
    text[size] = '\0';
    close(fd);
    return text;
}

static const char *asks(const served *s, const char *request) {
    int fd = dial(s);
    sends(fd, request, strlen(request));
    return hears(fd);
}

/* Posts a body with these fields. */
static const char *posts(const served *s, const char *fields, const char *body) {
    char request[8192];
    snprintf(request, sizeof(request), "POST /mcp HTTP/1.1\r\nHost: x\r\n%sContent-Length: %zu\r\n\r\n%s", fields,
             strlen(body), body);
    return asks(s, request);
}

/* Begins a session; its field for requests. */
static void begin_session(const served *s, char fields[256]) {
    const char *answer = posts(s, AUTH, INITIALIZE), *id = strstr(answer, "Mcp-Session-Id: ");
    CHECK_CONTAINS(answer, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n");
    CHECK_CONTAINS(answer, "\r\n\r\nevent: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":\"i\",\"result\":{");
    CHECK(id);
    snprintf(fields, 256, AUTH "%.*s\r\n", (int)strcspn(id, "\r"), id);
}

#define PING(id) "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"ping\"}"
#define PONG(id) "event: message\ndata: {\"jsonrpc\":\"2.0\",\"id\":" id ",\"result\":{}}\n\n"

TEST(only_who_has_the_token_is_let_in) {
    static const struct {
        const char *fields, *status;
    } cases[] = {
        {"", "401"},
        {"Authorization: Bearer\r\n", "401"},
        {"Authorization: Bearer \r\n", "401"},
        {"Authorization: Bearer 0123456789abcde\r\n", "401"},
        {"Authorization: Bearer 0123456789abcdee\r\n", "401"},
        {"Authorization: Bearer 0123456789abcdef0\r\n", "401"},
        {"Authorization: Basic 0123456789abcdef\r\n", "401"},
        {AUTH "Origin: http://example.com\r\n", "403"},
        {AUTH "Origin: http://localhost.example.com\r\n", "403"},
        {AUTH "Origin: http://127.0.0.1.example.com:80\r\n", "403"},
        {AUTH "Origin: http://example.com/://localhost\r\n", "403"},
        {AUTH "Origin: null\r\n", "403"},
        {AUTH "Origin: http://localhost:3000\r\n", "200"},
        {AUTH "Origin: https://127.0.0.1\r\n", "200"},
        {AUTH "Origin: http://[::1]:8080\r\n", "200"},
        {"authorization:bearer " TOKEN " \r\n", "200"},
    };
    served s = serve();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char want[32];
        snprintf(want, sizeof(want), "HTTP/1.1 %s ", cases[i].status);
        const char *answer = posts(&s, cases[i].fields, INITIALIZE);
        CHECK_MSG(strncmp(answer, want, strlen(want)) == 0, "%s: %s", cases[i].fields, answer);
    }
    stop(&s);
}

TEST(wrong_requests_are_refused) {
    static const struct {
        const char *request, *status;
    } cases[] = {
        {"x\r\n\r\n", "400"},
        {"POST /mcp\r\n\r\n", "400"},
        {"POST  /mcp HTTP/1.1\r\n\r\n", "400"},
        {"POST /mcp HTTP/2.0\r\n\r\n", "400"},
        {"POST mcp HTTP/1.1\r\n" AUTH "\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH " folded: x\r\n\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "name : x\r\n\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "nothing\r\n\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH AUTH "\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "Content-Length: 1\r\nContent-Length: 2\r\n\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "Content-Length: -1\r\n\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "Content-Length: 99999999999999999999\r\n\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "Content-Length: 99999999\r\n\r\n", "413"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "411"},
        {"POST /other HTTP/1.1\r\n" AUTH "\r\n", "404"},
        {"POST /mcp/x HTTP/1.1\r\n" AUTH "\r\n", "404"},
        {"GET /mcp HTTP/1.1\r\n" AUTH "\r\n", "405"},
        {"OPTIONS /mcp HTTP/1.1\r\n" AUTH "\r\n", "405"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "MCP-Protocol-Version: 1999-01-01\r\n\r\n", "400"},
        {"DELETE /mcp HTTP/1.1\r\n" AUTH "Mcp-Session-Id: x\r\n\r\n", "404"},
        {"DELETE /mcp HTTP/1.1\r\n" AUTH "\r\n", "404"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "\r\n", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "Content-Length: 1\r\n\r\n{", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "Content-Length: 2\r\n\r\n[]", "400"},
        {"POST /mcp HTTP/1.1\r\n" AUTH "Content-Length: 2\r\n\r\n{}", "400"},
    };
    served s = serve();
    for (size_t i = 0; i < COUNT(cases); i++) {
        char want[32];
        snprintf(want, sizeof(want), "HTTP/1.1 %s ", cases[i].status);
        const char *answer = asks(&s, cases[i].request);
        CHECK_MSG(strncmp(answer, want, strlen(want)) == 0, "%s: %s", cases[i].request, answer);
    }
    /* A head without end, and one that is left in its middle. */
    static char many[20000];
    memset(many, 'x', sizeof(many));
    static const char head[] = "POST /mcp HTTP/1.1\r\nx:";
    for (size_t i = 0; head[i]; i++) many[i] = head[i];
    int fd = dial(&s);
    sends(fd, many, sizeof(many));
    CHECK_CONTAINS(hears(fd), "HTTP/1.1 431 ");
    fd = dial(&s);
    sends(fd, many, 10);
    close(fd);
    stop(&s);
}

TEST(messages_are_answered_in_their_session) {
    served s = serve();
    char one[256], other[256];
    begin_session(&s, one);
    begin_session(&s, other);
    CHECK(strcmp(one, other) != 0);
    CHECK_CONTAINS(posts(&s, one, PING("7")), PONG("7"));
    CHECK_CONTAINS(posts(&s, one, "{\"jsonrpc\":\"2.0\",\n\"id\":\"a\\nb\",\"method\":\"ping\"}"), PONG("\"a\\nb\""));
    CHECK_CONTAINS(posts(&s, one, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}"),
                   "HTTP/1.1 202 Accepted\r\n");
    CHECK_CONTAINS(posts(&s, one, "{\"jsonrpc\":\"2.0\",\"id\":4711,\"result\":{}}"), "HTTP/1.1 202 ");
    CHECK_CONTAINS(posts(&s, one, "{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}"), "HTTP/1.1 400 ");
    CHECK_CONTAINS(posts(&s, one, "{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}"), "\"code\":-32600");
    const char *both = posts(&s, one, "[" PING("1") "," PING("2") "]");
    CHECK_CONTAINS(both, PONG("1") PONG("2"));
    /* In pieces. */
    char request[1024];
    int size = snprintf(request, sizeof(request), "POST /mcp?x HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n%s", other,
                        strlen(PING("3")), PING("3"));
    int fd = dial(&s);
    for (int i = 0; i < size; i++) sends(fd, request + i, 1);
    CHECK_CONTAINS(hears(fd), PONG("3"));
    snprintf(request, sizeof(request), "DELETE /mcp HTTP/1.1\r\n%s\r\n", one);
    CHECK_CONTAINS(asks(&s, request), "HTTP/1.1 204 ");
    CHECK_CONTAINS(posts(&s, one, PING("1")), "HTTP/1.1 404 ");
    CHECK_CONTAINS(posts(&s, other, PING("1")), PONG("1"));
    stop(&s);
}

#define CALL(id, command)                                                                                \
    "{\"jsonrpc\":\"2.0\",\"id\":" id ",\"method\":\"tools/call\",\"params\":{\"name\":\"run_command\"," \
    "\"arguments\":{\"command\":\"" command "\"}}}"

static void check_left(const char *want) {
    char *left = WRENN_SAYS("ls", "-q");
    CHECK_STR(left, want);
    free(left);
}

TEST(a_call_that_is_cancelled_is_answered) {
    served s = serve();
    char fields[256], request[1024];
    begin_session(&s, fields);
    int fd = dial(&s);
    sends(fd, request,
          (size_t)snprintf(request, sizeof(request), "POST /mcp HTTP/1.1\r\n%sContent-Length: %zu\r\n\r\n%s", fields,
                           strlen(CALL("9", "sleep 1000")), CALL("9", "sleep 1000")));
    /* Other calls wait for it, and other messages do not. */
    CHECK_CONTAINS(posts(&s, fields, PING("1")), PONG("1"));
    CHECK_CONTAINS(
        posts(&s, fields, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/cancelled\",\"params\":{\"requestId\":9}}"),
        "HTTP/1.1 202 ");
    CHECK_CONTAINS(hears(fd), "\"message\":\"cancelled\"");
    CHECK_CONTAINS(posts(&s, fields, CALL("10", "echo still there")), "still there");
    stop(&s);
    check_left("");
}

/* However it ends, sandboxes end with it. */
TEST(nothing_is_left_when_it_ends) {
    served s = serve();
    char fields[256];
    begin_session(&s, fields);
    CHECK_CONTAINS(posts(&s, fields, CALL("1", "echo made")), "made");
    stop(&s);
    check_left("");
    s = serve();
    begin_session(&s, fields);
    CHECK_CONTAINS(posts(&s, fields, CALL("1", "echo made")), "made");
    kill(s.program.pid, SIGKILL);
    program_result result = program_finish(&s.program); /* the session holds its stderr until it has ended, too */
    CHECK_INT(result.code, 1000 + SIGKILL);
    program_result_free(&result);
    check_left("");
}

TEST(sessions_are_bounded) {
    served s = serve();
    char fields[256];
    for (int i = 0; i < 16; i++) begin_session(&s, fields);
    CHECK_CONTAINS(posts(&s, AUTH, INITIALIZE), "HTTP/1.1 503 ");
    CHECK_CONTAINS(posts(&s, fields, PING("1")), PONG("1"));
    kill(s.program.pid, SIGTERM);
    program_result result = program_finish(&s.program);
    CHECK_CONTAINS(result.err, "16 sessions are open");
    CHECK_INT(result.code, 0);
    program_result_free(&result);
}

TEST(the_address_is_checked) {
    fresh_home();
    check_shell("\"$WRENN_CLI\" mcp --http 127.0.0.1:x", 2, "", "--http '127.0.0.1:x' is not ADDRESS:PORT or PORT");
    check_shell("\"$WRENN_CLI\" mcp --http home:80", 2, "", "is not ADDRESS:PORT");
    check_shell("\"$WRENN_CLI\" mcp --http 192.0.2.1:0", 1, "", "can't listen on 192.0.2.1:0");
    check_shell("\"$WRENN_CLI\" mcp 80", 2, "", "an address goes with --http");
    check_shell("\"$WRENN_CLI\" mcp -o json", 2, "", "--output goes with --http");
}

TEST_MAIN
