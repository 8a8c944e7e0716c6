/* Requests and WebSockets through the port proxy: where they go, and that no credentials go along. */
#include "streams.h"

static void with_domain(wrenn_client_options *options) { options->proxy_domain = "ports.example:8443"; }

TEST(waiting_for_a_port_ends_with_an_answer) {
    setup s = SET_UP({"200 OK", "{\"port\":80,\"listening\":false}"});
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_wait_port(s.sandbox, 0, 0, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_wait_port(s.sandbox, 65536, 0, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_wait_port(s.sandbox, 80, -1, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_wait_port(s.sandbox, 80, 3600001, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_wait_port(s.sandbox, 80, 0, NULL, &error), WRENN_E_TIMEOUT);
    CHECK_CONTAINS(wrenn_error_message(error), "nothing listens on port 80");
    wrenn_error_free(error);
    tear_down(&s);
}

TEST(a_request_goes_by_host_and_without_credentials) {
    script_reply replies[] = {
        {.text = "HTTP/1.1 418 Teapot\r\nContent-Type: text/x\r\nContent-Length: 3\r\n\r\na\0b", .size = 66}};
    replies[0].size = strlen(replies[0].text) + 2;
    setup s = set_up_with(replies, 1, with_domain);
    const char *headers[] = {"X-Mine: yes", "Content-Type: text/plain", NULL};
    wrenn_sandbox_port_request_options options = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    options.port = 8080;
    options.method = "PUT";
    options.path = "/a%20b?c=d";
    options.headers = headers;
    options.body = "x\xff";
    options.body_size = 2;
    wrenn_port_response *response = NULL;
    CHECK_INT(wrenn_sandbox_port_request(s.sandbox, &options, &response, NULL), 0);
    CHECK_INT(response->status, 418);
    CHECK_STR(response->content_type, "text/x");
    CHECK_MEM(response->body, response->body_size, "a\0b", 3);
    const char *request = script_request(s.server, 0);
    check_request(&s, 0, "PUT /a%20b?c=d HTTP/1.1\r\n", "x\xff");
    CHECK_CONTAINS(request, "\r\nHost: 8080-cl-0123456789abcdefghijklmno.ports.example:8443\r\n");
    CHECK_CONTAINS(request, "\r\nX-Mine: yes\r\n");
    CHECK(!strcasestr(request, "x-api-key") && !strcasestr(request, "authorization"));
    wrenn_port_response_free(response);
    tear_down(&s);
}

TEST(without_a_domain_it_is_localhost) {
    setup s = SET_UP({"200 OK", "hello"}, {"200 OK", ""});
    wrenn_sandbox_port_request_options options = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    options.port = 3000;
    wrenn_port_response *response = NULL;
    CHECK_INT(wrenn_sandbox_port_request(s.sandbox, &options, &response, NULL), 0);
    CHECK_STR(response->body, "hello");
    wrenn_port_response_free(response);
    check_request(&s, 0, "GET / HTTP/1.1\r\nHost: 3000-cl-0123456789abcdefghijklmno.localhost\r\n", "");
    options.method = "POST"; /* of nothing */
    CHECK_INT(wrenn_sandbox_port_request(s.sandbox, &options, &response, NULL), 0);
    check_request(&s, 1, "POST / HTTP/1.1\r\n", "");
    CHECK_CONTAINS(script_request(s.server, 1), "\r\nContent-Length: 0\r\n");
    wrenn_port_response_free(response);
    tear_down(&s);
}

TEST(bad_requests_are_refused_here) {
    setup s = SET_UP({"200 OK", ""});
    wrenn_sandbox_port_request_options options = WRENN_SANDBOX_PORT_REQUEST_OPTIONS_INIT;
    wrenn_port_response *response = NULL;
    static const struct {
        int64_t port;
        const char *method, *path, *header;
    } cases[] = {{0, NULL, NULL, NULL},          {65536, NULL, NULL, NULL},    {80, "get", NULL, NULL},
                 {80, "", NULL, NULL},           {80, NULL, "x", NULL},        {80, NULL, "/a b", NULL},
                 {80, NULL, "/a\r\nX: y", NULL}, {80, NULL, NULL, "no colon"}, {80, NULL, NULL, "a: b\r\nc: d"}};
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *headers[] = {cases[i].header, NULL};
        options.port = cases[i].port;
        options.method = cases[i].method;
        options.path = cases[i].path;
        options.headers = headers;
        int rc = wrenn_sandbox_port_request(s.sandbox, &options, &response, NULL);
        CHECK_MSG(rc == WRENN_E_INVALID_ARGUMENT, "case %zu: %d", i, rc);
    }
    wrenn_error *error = NULL;
    options = (wrenn_sandbox_port_request_options){
        .struct_size = sizeof(options), .port = 80, .path = "/login?token=hun ter2"};
    CHECK_INT(wrenn_sandbox_port_request(s.sandbox, &options, &response, &error), WRENN_E_INVALID_ARGUMENT);
    CHECK_CONTAINS(wrenn_error_message(error), "/login");
    CHECK(!strstr(wrenn_error_message(error), "ter2"));
    wrenn_error_free(error);
    CHECK_INT(script_count(s.server), 0);
    tear_down(&s);
}

TEST(a_websocket_carries_messages_of_both_kinds) {
    script_reply answer = script_messages(SCRIPT_KEEP, "hello", NULL);
    script_add_frame(&answer, 0x82, "\0\1", 2);
    script_add_frame(&answer, 0x81, "", 0);
    script_reply bye = {.end = SCRIPT_KEEP};
    script_add_frame(&bye, 0x88, "\x03\xe8", 2);
    script_reply replies[] = {UPGRADE, answer, {.text = "", .end = SCRIPT_KEEP}, bye};
    setup s = set_up(replies, COUNT(replies));
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_port_websocket(s.sandbox, 9000, "/ws?x=1", NULL, &stream, NULL), 0);
    check_request(&s, 0, "GET /ws?x=1 HTTP/1.1\r\nHost: 9000-cl-0123456789abcdefghijklmno.localhost\r\n", "");
    const char *head = script_request(s.server, 0);
    CHECK(!strcasestr(head, "x-api-key") && !strcasestr(head, "authorization") && !strcasestr(head, "protocol"));
    CHECK_INT(wrenn_stream_send_text(stream, "hi", NULL), 0);
    const wrenn_event *event;
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_INT(event->type, WRENN_EVENT_TEXT);
    CHECK_MEM(event->data, event->size, "hello", 5);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_INT(event->type, WRENN_EVENT_BINARY);
    CHECK_MEM(event->data, event->size, "\0\1", 2);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_INT(event->size, 0);
    CHECK_INT(wrenn_stream_write(stream, NULL, 1, -1, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_write(stream, NULL, 0, -1, NULL), 0);
    CHECK_INT(wrenn_stream_write(stream, "\2", 1, -1, NULL), 1);
    told t = read_all(stream);
    CHECK_INT(t.rc, 0); /* closed is the good end here */
    CHECK_STR(script_request(s.server, 1), "text:hi");
    CHECK_STR(script_request(s.server, 2), "binary:"); /* nothing is a message too */
    CHECK_STR(script_request(s.server, 3), "binary:\2");
    wrenn_stream_free(stream);
    tear_down(&s);
    free((char *)(uintptr_t)answer.text);
    free((char *)(uintptr_t)bye.text);
}

TEST(text_is_utf8_and_may_have_nul) {
    script_reply nothing = {.text = "", .end = SCRIPT_KEEP};
    script_reply replies[] = {UPGRADE, nothing, nothing, nothing, nothing};
    setup s = set_up(replies, COUNT(replies));
    wrenn_stream *stream = NULL;
    const wrenn_event *event;
    CHECK_INT(wrenn_sandbox_port_websocket(s.sandbox, 9000, "/", NULL, &stream, NULL), 0);
    static const char *const bad[] = {"\xff", "a\xc3", "\xed\xa0\x80", "\xc0\x80", "\xf4\x90\x80\x80"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_error *error = NULL;
        CHECK_INT(wrenn_stream_send_text(stream, bad[i], &error), WRENN_E_INVALID_ARGUMENT);
        CHECK_CONTAINS(wrenn_error_message(error), "wrenn_stream_write()");
        wrenn_error_free(error);
        CHECK_INT(wrenn_stream_send_text_sized(stream, bad[i], strlen(bad[i]), NULL), WRENN_E_INVALID_ARGUMENT);
    }
    CHECK_INT(wrenn_stream_send_text_sized(stream, "\xc3\xa4", 1, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_send_text(stream, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_send_text_sized(stream, NULL, 1, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_send_text(NULL, "x", NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_stream_send_text(stream, "\xc3\xa4", NULL), 0);
    CHECK_INT(wrenn_stream_send_text_sized(stream, "a\0b", 3, NULL), 0);
    CHECK_INT(wrenn_stream_send_text_sized(stream, NULL, 0, NULL), 0);
    CHECK_INT(wrenn_stream_send_text(stream, "", NULL), 0);
    while (script_count(s.server) < 5) CHECK_INT(wrenn_stream_next(stream, 10, &event, NULL), WRENN_E_AGAIN);
    CHECK_STR(script_request(s.server, 1), "text:\xc3\xa4");
    CHECK_MEM(script_request(s.server, 2), script_request_size(s.server, 2), "text:a\0b", 8);
    CHECK_INT(script_request_size(s.server, 3), 5);
    CHECK_INT(script_request_size(s.server, 4), 5);
    wrenn_stream_free(stream);
    tear_down(&s);
}

/* A server that sends pings and reads nothing: the answers to 200,000 would be 3 MB. */
TEST(a_flood_of_pings_takes_no_memory) {
    enum { SIZE = 2 + 8 };
    const size_t pings = test_slowly() ? 20000 : 200000;
    script_reply flood = {.text = malloc(pings * SIZE + 7), .size = pings * SIZE + 7, .end = SCRIPT_DEAF};
    char *at = (char *)(uintptr_t)flood.text;
    for (size_t i = 0; i < pings; i++, at += SIZE)
        memcpy(at,
               "\x89\x08"
               "01234567",
               SIZE);
    memcpy(at,
           "\x81\x05"
           "after",
           7);
    script_reply replies[] = {UPGRADE, flood};
    setup s = set_up(replies, 2);
    wrenn_stream *stream = NULL;
    const wrenn_event *event;
    CHECK_INT(wrenn_sandbox_port_websocket(s.sandbox, 9000, "/", NULL, &stream, NULL), 0);
    CHECK_INT(wrenn_stream_write(stream, "x", 1, -1, NULL), 1);
    size_t before = sdk_memory();
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    CHECK_MEM(event->data, event->size, "after", 5);
    size_t after = sdk_memory();
    CHECK_MSG(after < before + 1024 * 1024, "%zu bytes more are in use", after - before);
    wrenn_stream_free(stream);
    tear_down(&s);
    free_replies(&replies[1], 1);
}

TEST(an_upgrade_that_the_guest_refuses_is_typed) {
    setup s = SET_UP({"502 Bad", "nothing listens"});
    wrenn_stream *stream = NULL;
    CHECK_INT(wrenn_sandbox_port_websocket(s.sandbox, 9000, NULL, NULL, &stream, NULL), WRENN_E_AGENT);
    CHECK_INT(wrenn_sandbox_port_websocket(s.sandbox, 0, NULL, NULL, &stream, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_port_websocket(NULL, 1, NULL, NULL, &stream, NULL), WRENN_E_INVALID_ARGUMENT);
    tear_down(&s);
}

TEST_MAIN
