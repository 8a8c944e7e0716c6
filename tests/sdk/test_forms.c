/* Answers in every form that HTTP/1 has for them, through every door: trailers, 1xx on the way, odd but legal framing. And
 * none of them is taken for whole when it breaks off. */
#include <poll.h>
#include <stdio.h>

#include "streams.h"

/* ---- forms ---- */

/* %S is the status ("200 OK"), %N the body's size, %B the body, %C the body as one chunk after the other. */
static const struct {
    const char *text;
    bool until_end; /* the body ends with the connection */
} forms[] = {
    {"HTTP/1.1 %S\r\nContent-Length: %N\r\n\r\n%B", false},
    {"HTTP/1.1 %S\r\nTransfer-Encoding: chunked\r\n\r\n%C0\r\n\r\n", false},
    /* trailers */
    {"HTTP/1.1 %S\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n%C0\r\nX-Sum: 1\r\n\r\n", false},
    {"HTTP/1.1 %S\r\nTransfer-Encoding: chunked\r\n\r\n%C0\r\nA:\r\nContent-Length: 7\r\nX-Request-ID: late\r\n\r\n",
     false},
    {"HTTP/1.1 %S\r\nTransfer-Encoding: chunked\r\n\r\n%C000;last=\"yes\"\r\nX-Sum: 1\r\n\r\n", false},
    /* on the way */
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 %S\r\nContent-Length: %N\r\n\r\n%B", false},
    {"HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\n\r\nHTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 103 \r\n\r\n"
     "HTTP/1.1 %S\r\nTransfer-Encoding: chunked\r\n\r\n%C0\r\nX-Sum: 1\r\n\r\n",
     false},
    /* lines */
    {"HTTP/1.1 %S\nContent-Length: %N\n\n%B", false},
    {"HTTP/1.1 %S\nTransfer-Encoding: chunked\n\n%C0\r\nX-Sum: 1\r\n\r\n", false},
    {"HTTP/1.1 %S\r\nX-Long: one\r\n two\r\n\tthree\r\nContent-Length: %N\r\n\r\n%B", false},
    {"HTTP/1.1 %S\r\ncontent-length:%N\r\nX-Empty:\r\n\r\n%B", false},
    {"HTTP/1.1 %S\r\nContent-Length:   %N  \r\nConnection: close\r\n\r\n%B", true},
    {"HTTP/1.1 %S\r\nContent-Length: %N\r\nContent-Length: %N\r\n\r\n%B", false},
    {"HTTP/1.1 %S\r\nTRANSFER-ENCODING: Chunked\r\nX-Empty: \r\n\r\n%C0\r\nX-Sum: 1\r\nHTTP/1.1 500: x\r\n\r\n", false},
    {"HTTP/1.1 %S\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n%C0\r\n\r\n", false},
    {"HTTP/1.1 %S\r\nTransfer-Encoding: chunked\r\n\r\n%C0000000000000000\r\nX-Sum: 1\r\n\r\n", false},
    /* until the end */
    {"HTTP/1.0 %S\r\n\r\n%B", true},
    {"HTTP/1.1 %S\r\nConnection: close\r\n\r\n%B", true},
    {"HTTP/1.0 %S\r\nConnection: keep-alive\r\nContent-Length: %N\r\n\r\n%B", false},
};

static void add(char **at, const char *text, size_t size) {
    memcpy(*at, text, size);
    *at += size;
}

static void add_chunks(char **at, const char *body) {
    size_t left = strlen(body), size = 0;
    for (const char *from = body; left; from += size, left -= size) {
        size = left < 7 ? left : 7;
        *at += sprintf(*at, size < 7 ? "00%zX;a=\"b c\";d\r\n" : "%zx\r\n", size);
        add(at, from, size);
        add(at, "\r\n", 2);
    }
}

/* The answer in this form, for free(). */
static char *write_answer(const char *form, const char *status, const char *body) {
    char *text = calloc(1, strlen(form) + strlen(status) + 16 * strlen(body) + 64), *at = text;
    for (; *form; form++) {
        if (*form != '%') {
            *at++ = *form;
            continue;
        }
        switch (*++form) {
        case 'S': add(&at, status, strlen(status)); break;
        case 'N': at += sprintf(at, "%zu", strlen(body)); break;
        case 'B': add(&at, body, strlen(body)); break;
        default: add_chunks(&at, body);
        }
    }
    return text;
}

/* ---- calls ---- */

static int swallow(const void *bytes, size_t size, void *got) {
    strncat(got, bytes, size);
    return 0;
}

static int64_t give(void *buffer, size_t size, void *left) {
    int *pieces = left;
    if (size) memset(buffer, 'x', 1);
    return (*pieces)-- > 0 ? 1 : 0;
}

static char got[256];
static int pieces;

static int start_list(wrenn_sandbox *sandbox, wrenn_client *client, wrenn_op **op) {
    (void)sandbox;
    return wrenn_sandboxes_list_start(client, NULL, NULL, NULL, op, NULL);
}
static int finish_list(wrenn_op *op) {
    wrenn_sandbox_list *list = NULL;
    int rc = wrenn_sandboxes_list_finish(op, &list, NULL);
    if (rc == 0) CHECK_INT(list->items_count, 0);
    wrenn_sandbox_list_free(list);
    return rc;
}

static int start_exec(wrenn_sandbox *sandbox, wrenn_client *client, wrenn_op **op) {
    wrenn_command options = WRENN_COMMAND_INIT;
    (void)client;
    options.shell = "echo hi";
    return wrenn_sandbox_exec_start(sandbox, &options, NULL, NULL, NULL, op, NULL);
}
static int finish_exec(wrenn_op *op) {
    wrenn_exec_result *result = NULL;
    int rc = wrenn_sandbox_exec_finish(op, &result, NULL);
    if (rc == 0) CHECK_STR(result->stdout_data, "hi\n");
    wrenn_exec_result_free(result);
    return rc;
}

static int start_create(wrenn_sandbox *sandbox, wrenn_client *client, wrenn_op **op) {
    (void)sandbox;
    return wrenn_sandboxes_create_start(client, NULL, NULL, NULL, op, NULL);
}
static int finish_create(wrenn_op *op) {
    wrenn_sandbox *made = NULL;
    int rc = wrenn_sandboxes_create_finish(op, &made, NULL);
    wrenn_sandbox_free(made);
    return rc;
}

static int start_upload(wrenn_sandbox *sandbox, wrenn_client *client, wrenn_op **op) {
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    (void)client;
    pieces = 3;
    options.path = "/a";
    options.read = give;
    options.user_data = &pieces;
    return wrenn_sandbox_upload_stream_start(sandbox, &options, NULL, NULL, op, NULL);
}
static int finish_upload(wrenn_op *op) { return wrenn_sandbox_upload_stream_finish(op, NULL); }

static int start_download(wrenn_sandbox *sandbox, wrenn_client *client, wrenn_op **op) {
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    (void)client;
    *got = '\0';
    options.path = "/a";
    options.write = swallow;
    options.user_data = got;
    return wrenn_sandbox_download_stream_start(sandbox, &options, NULL, NULL, op, NULL);
}
static int finish_download(wrenn_op *op) {
    int64_t size = 0;
    int rc = wrenn_sandbox_download_stream_finish(op, &size, NULL);
    if (rc == 0) CHECK_STR(got, "a file of 21 bytes...");
    return rc;
}

static int start_load(wrenn_sandbox *sandbox, wrenn_client *client, wrenn_op **op) {
    (void)client;
    return wrenn_sandbox_download_start(sandbox, "/a", NULL, NULL, NULL, op, NULL);
}
static int finish_load(wrenn_op *op) {
    wrenn_file *file = NULL;
    int rc = wrenn_sandbox_download_finish(op, &file, NULL);
    if (rc == 0) CHECK_MEM(file->data, file->size, "a file of 21 bytes...", 21);
    wrenn_file_free(file);
    return rc;
}

static int start_websocket(wrenn_sandbox *sandbox, wrenn_client *client, wrenn_op **op) {
    (void)client;
    return wrenn_sandbox_port_websocket_start(sandbox, 80, "/", NULL, NULL, NULL, op, NULL);
}
static int finish_websocket(wrenn_op *op) {
    wrenn_stream *stream = NULL;
    int rc = wrenn_sandbox_port_websocket_finish(op, &stream, NULL);
    wrenn_stream_free(stream);
    return rc;
}

typedef struct call {
    const char *name, *status, *body;
    int (*start)(wrenn_sandbox *sandbox, wrenn_client *client, wrenn_op **op);
    int (*finish)(wrenn_op *op);
} call;

static const call calls[] = {
    {"list", "200 OK", "[]", start_list, finish_list},
    {"exec", "200 OK", EXEC_BODY, start_exec, finish_exec},
    {"create", "201 Created", SANDBOX_BODY, start_create, finish_create},
    {"upload", "200 Fine", "{}", start_upload, finish_upload},
    {"download", "200 ", "a file of 21 bytes...", start_download, finish_download},
    {"download into memory", "200", "a file of 21 bytes...", start_load, finish_load},
};

/* The three doors, as far as they differ in how the loop runs. A blocking call of any kind drives it for all. */
enum { BLOCKING, DISPATCH, OWN_LOOP, DOORS };

static int go(setup *s, const call *c, int door) {
    wrenn_op *op = NULL;
    CHECK_INT(c->start(s->sandbox, s->client, &op), 0);
    while (!wrenn_op_is_done(op)) {
        struct pollfd fd = {.fd = wrenn_client_fd(s->client), .events = POLLIN};
        if (door == OWN_LOOP) CHECK_MSG(poll(&fd, 1, 20000) == 1, "%s: nothing wakes the loop", c->name);
        CHECK(wrenn_client_dispatch(s->client, door == OWN_LOOP ? 0 : 20000, NULL) >= 0);
    }
    int rc = c->finish(op);
    wrenn_op_free(op);
    return rc;
}

static int call_blocking(setup *s, const call *c) {
    wrenn_command options = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    options.shell = "echo hi";
    if (c->start != start_exec) return go(s, c, DISPATCH);
    int rc = wrenn_sandbox_exec(s->sandbox, &options, NULL, &result, NULL);
    wrenn_exec_result_free(result);
    return rc;
}

static void check_form(const call *c, size_t form, const char *status, const char *body, size_t piece, int want) {
    for (int door = 0; door < DOORS; door++) {
        char *text = write_answer(forms[form].text, status, body);
        script_reply reply = {.text = text, .piece = piece, .end = forms[form].until_end ? SCRIPT_CLOSE : SCRIPT_KEEP};
        setup s = set_up(&reply, 1);
        int rc = door == BLOCKING ? call_blocking(&s, c) : go(&s, c, door);
        CHECK_MSG(rc == want, "%s gives %d for:\n%s", c->name, rc, text);
        CHECK_INT(script_count(s.server), 1); /* never repeated */
        tear_down(&s);
        free(text);
    }
}

TEST_SLOW(good_answers_in_all_forms) {
    for (size_t i = 0; i < COUNT(calls); i++)
        for (size_t k = 0; k < COUNT(forms); k++)
            for (size_t piece = 0; piece < 2; piece++)
                check_form(&calls[i], k, calls[i].status, calls[i].body, piece, 0);
}

TEST_SLOW(errors_in_all_forms) {
    static const call open = {"websocket", "", "", start_websocket, finish_websocket};
    for (size_t i = 0; i <= COUNT(calls); i++)
        for (size_t k = 0; k < COUNT(forms); k++)
            check_form(i < COUNT(calls) ? &calls[i] : &open, k, "404 Not Found", ERROR_BODY("not_found"), k & 1,
                       WRENN_E_NOT_FOUND);
}

/* No content, and framing that says otherwise. */
TEST(answers_without_content) {
    static const char *const texts[] = {
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 204\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 \nTransfer-Encoding: chunked\n\n",
        "HTTP/1.1 204 No Content\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: <a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-Sum: 1\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(texts); i++) {
        setup s = set_up(&(script_reply){.text = texts[i], .piece = i & 1}, 1);
        int rc = wrenn_sandbox_ping(s.sandbox, NULL, NULL);
        CHECK_MSG(rc == 0, "ping gives %d for:\n%s", rc, texts[i]);
        CHECK_INT(script_count(s.server), 1);
        tear_down(&s);
    }
}

/* Up to where all of the content is there and is known to be all. What libcurl makes of missing trailers is its business. */
static size_t content_size(const char *text) {
    const char *last = strstr(text, "}\r\n0");
    return last ? (size_t)(strstr(last + 3, "\r\n") - text) + 2 : strlen(text);
}

TEST_SLOW(what_breaks_off_is_never_whole) {
    const call *c = &calls[1];
    const size_t step = test_slowly() ? 7 : 1;
    for (size_t k = 0; k < COUNT(forms); k++) {
        if (forms[k].until_end) continue;
        char *text = write_answer(forms[k].text, c->status, c->body);
        size_t size = content_size(text), count = 0;
        script_reply *replies = calloc(size, sizeof(*replies));
        /* Each way, the last byte but one is the last one to go. */
        for (size_t cut = 1 + (size - 2) % step; cut < size; cut += step)
            replies[count++] = (script_reply){text, .cut = cut, .end = SCRIPT_CLOSE};
        setup s = set_up(replies, count);
        for (size_t i = 0; i < count; i++) {
            int rc = call_blocking(&s, c);
            CHECK_MSG(rc == WRENN_E_CONNECTION_LOST, "%d after %zu bytes of:\n%s", rc, replies[i].cut, text);
            CHECK_INT(script_count(s.server), i + 1);
        }
        tear_down(&s);
        free(replies);
        free(text);
    }
}

/* An upload that is refused before it is whole. */
TEST(a_refusal_of_an_upload_in_all_forms) {
    for (size_t k = 0; k < COUNT(forms); k++) {
        char *text = write_answer(forms[k].text, "413 Too Large", ERROR_BODY("too_large"));
        script_reply reply = {.text = text, .early = true, .end = SCRIPT_CLOSE};
        setup s = set_up(&reply, 1);
        int rc = go(&s, &calls[3], DISPATCH);
        CHECK_MSG(rc == WRENN_E_VALIDATION, "%d for:\n%s", rc, text);
        tear_down(&s);
        free(text);
    }
}

TEST(switching_unasked_is_no_answer) {
    setup s = set_up(&(script_reply){.text = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\nbytes"}, 1);
    CHECK_INT(call_blocking(&s, &calls[1]), WRENN_E_PROTOCOL);
    tear_down(&s);
}

TEST(words_before_the_upgrade_of_a_websocket) {
    static const char *const before[] = {"HTTP/1.1 100 Continue\r\n\r\n",
                                         "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 103\n\n"};
    for (size_t i = 0; i < COUNT(before); i++) {
        for (size_t piece = 0; piece < 2; piece++) {
            script_reply replies[] = {{.text = "", .upgrade = true, .before = before[i], .piece = piece},
                                      script_messages(SCRIPT_CLOSE, START, OUT("a"), EXIT(0), NULL)};
            setup s = set_up(replies, 2);
            wrenn_command options = shell_options("x");
            wrenn_stream *stream = open_stream(&s, &options);
            told t = read_all(stream);
            CHECK_STR(t.text, "start 7|out a|exit 0|");
            CHECK_INT(t.rc, 0);
            wrenn_stream_free(stream);
            tear_down(&s);
            free_replies(replies, 2);
        }
    }
}

TEST_MAIN
