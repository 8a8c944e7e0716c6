/* Uploads: what goes out to the byte, where it comes from, and what becomes of those that break off. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>

#include "transfer.h"

#define TOO_LARGE(head) script_text("413 Too Large", head, ERROR_BODY("too_large"))

/* ---- requests ---- */

/* What the client sent as the body of request `index`, without the framing of chunks. */
static char *body_of(setup *s, size_t index, size_t *size) {
    const char *request = script_request(s->server, index);
    char *at = strstr(request, "\r\n\r\n") + 4, *out;
    size_t head = (size_t)(at - request), left = script_request_size(s->server, index) - head;
    *size = 0;
    out = malloc(left + 1);
    if (!memmem(request, head, "Transfer-Encoding: chunked", 26)) {
        memcpy(out, at, *size = left);
        return out;
    }
    for (size_t chunk; (chunk = strtoul(at, &at, 16)); at += 2 + chunk + 2) {
        memcpy(out + *size, at + 2, chunk);
        *size += chunk;
    }
    return out;
}

/* Request `index` is a form for this path with this content, to the byte. */
static void check_form(setup *s, size_t index, const char *route, const char *path, const void *data, size_t size) {
    const char *request = script_request(s->server, index), *boundary = strstr(request, "boundary=") + 9;
    int length = (int)strcspn(boundary, "\r");
    char line[128], *want = malloc(size + strlen(path) + 1024);
    size_t got_size;
    CHECK_INT(length, 32);
    snprintf(line, sizeof(line), FILES "%s HTTP/1.1\r\n", route);
    CHECK_MSG(strncmp(request, line, strlen(line)) == 0, "not %s but %s", line, request);
    CHECK_CONTAINS(request, "Content-Type: multipart/form-data; boundary=");
    CHECK_CONTAINS(request, "X-API-Key: ");
    int head = sprintf(want,
                       "--%.*s\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\n%s\r\n--%.*s\r\n"
                       "Content-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n"
                       "Content-Type: application/octet-stream\r\n\r\n",
                       length, boundary, path, length, boundary);
    if (size) memcpy(want + head, data, size);
    int tail = sprintf(want + head + size, "\r\n--%.*s--\r\n", length, boundary);
    char *got = body_of(s, index, &got_size);
    CHECK_MEM(got, got_size, want, (size_t)(head + tail) + size);
    free(got);
    free(want);
}

/* ---- uploads: what goes out ---- */

TEST(an_upload_is_a_form_to_the_byte) {
    static const char *const paths[] = {"/a", "a b\"c\\", "/\xc3\xa9/\xe2\x82\xac", "/line\r\nbreak\n--x", "~/%00;="};
    static const char data[] = "\0\r\n--\xff\r\nContent-Disposition: form-data; name=\"path\"\r\n\r\nx";
    script_reply reply = {.text = DONE};
    setup s = set_up_with(&reply, 1, NULL);
    tear_down(&s);
    for (size_t i = 0; i < COUNT(paths); i++) {
        s = set_up((script_reply[]){{.text = DONE}, {.text = DONE}}, 2);
        CHECK_INT(wrenn_sandbox_upload(s.sandbox, paths[i], data, sizeof(data), NULL, NULL), 0);
        CHECK_INT(wrenn_sandbox_upload(s.sandbox, paths[i], NULL, 0, NULL, NULL), 0);
        check_form(&s, 0, "write", paths[i], data, sizeof(data));
        check_form(&s, 1, "write", paths[i], "", 0);
        CHECK_CONTAINS(script_request(s.server, 1), "Content-Length: ");
        CHECK(!strstr(script_request(s.server, 0), "Expect"));
        tear_down(&s);
    }
}

TEST(the_start_of_an_upload_has_read_its_data) {
    setup s = SET_UP({"204 No Content", ""});
    char *data = strdup("volatile");
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_upload_start(s.sandbox, "/a", data, 8, NULL, NULL, NULL, &op, NULL), 0);
    memset(data, 'x', 8);
    free(data);
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
    CHECK_INT(wrenn_sandbox_upload_finish(op, NULL), 0);
    check_form(&s, 0, "write", "/a", "volatile", 8);
    wrenn_op_free(op);
    tear_down(&s);
}

TEST(large_uploads_go_where_there_is_no_limit) {
    char *refusal = TOO_LARGE("");
    const script_reply reply = {.text = refusal, .early = true, .end = SCRIPT_CLOSE};
    script_reply replies[] = {reply, reply, reply};
    setup s = set_up(replies, COUNT(replies));
    char *data = calloc(100, MIB);
    static const size_t sizes[] = {MIB, 100 * MIB - 1024, 100 * MIB - 100};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", data, sizes[i], NULL, NULL), WRENN_E_VALIDATION);
        const char *request = script_request(s.server, i), *line = i < 2 ? FILES "write " : FILES "stream/write ";
        CHECK_MSG(strncmp(request, line, strlen(line)) == 0, "%s", request);
        CHECK_CONTAINS(request, "Expect: 100-continue\r\n");
    }
    free(data);
    tear_down(&s);
    free(refusal);
}

/* ---- uploads: sources ---- */

static void see(int64_t done, int64_t total, void *data) {
    source *from = data;
    CHECK(done > from->last);
    from->last = done;
    from->total = total;
    from->calls++;
}

TEST(a_callback_gives_pieces_of_any_size) {
    static const size_t steps[] = {1, 7, 4096, 100000, 1 << 30};
    const size_t all = test_slowly() ? 120000 : 300000, few = test_slowly() ? 1000 : 10000;
    char *data = numbers(all);
    for (size_t i = 0; i < 2 * COUNT(steps); i++) {
        setup s = SET_UP({"204 No Content", ""});
        size_t size = steps[i / 2] < 10 ? few * steps[i / 2] : all;
        source from = {.data = data, .size = size, .step = steps[i / 2]};
        wrenn_sandbox_upload_stream_options options = up("/a");
        options.read = give;
        options.progress = see;
        options.user_data = &from;
        options.size = i % 2 ? (int64_t)size : 0;
        CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), 0);
        check_form(&s, 0, "stream/write", "/a", data, size);
        CHECK(!!strstr(script_request(s.server, 0), "Transfer-Encoding: chunked") == !(i % 2));
        CHECK_INT(from.last, size);
        CHECK_INT(from.total, i % 2 ? (int64_t)size : -1);
        CHECK(from.calls > 1);
        tear_down(&s);
    }
    free(data);
}

TEST(mode_owner_and_place_go_before_the_file) {
    setup s = SET_UP({"204 No Content", ""});
    source from = {.data = "hello", .size = 5, .step = 5};
    wrenn_sandbox_upload_stream_options options = up("/a");
    options.read = give;
    options.user_data = &from;
    options.mode = 0755;
    options.owner = "app:staff";
    options.user = "user";
    options.flags = WRENN_SANDBOX_UPLOAD_STREAM_IN_PLACE;
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), 0);
    const char *form = script_request(s.server, 0), *file = strstr(form, "name=\"file\"");
    static const char *const parts[] = {"name=\"path\"\r\n\r\n/a\r\n--", "name=\"mode\"\r\n\r\n0755\r\n--",
                                        "name=\"owner\"\r\n\r\napp:staff\r\n--", "name=\"in_place\"\r\n\r\ntrue\r\n--",
                                        "name=\"user\"\r\n\r\nuser\r\n--"};
    for (size_t i = 0; i < COUNT(parts); i++) {
        CHECK_CONTAINS(form, parts[i]);
        CHECK(strstr(form, parts[i]) < file);
    }
    options.mode = 010000;
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), WRENN_E_INVALID_ARGUMENT);
    options.mode = 0;
    options.flags = 2;
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), WRENN_E_INVALID_ARGUMENT);
    tear_down(&s);
}

static int64_t give_up(void *buffer, size_t size, void *data) { return give(buffer, size, data) ? 1 : -1; }
static int64_t give_too_much(void *buffer, size_t size, void *data) {
    (void)buffer, (void)data;
    return (int64_t)size + 1;
}

TEST(sources_that_go_wrong_are_told_from_those_that_end) {
    static const struct {
        wrenn_read_fn read;
        int64_t size;
        int code;
        const char *why;
    } cases[] = {
        {give_up, 0, WRENN_E_CANCELLED, "by its read callback"},
        {give_up, 100, WRENN_E_CANCELLED, "by its read callback"},
        {give_too_much, 0, WRENN_E_INVALID_ARGUMENT, "have room"},
        {give, 100, WRENN_E_INVALID_ARGUMENT, "ended after 5 bytes of 100"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        setup s = SET_UP({"204 No Content", ""}, {"204 No Content", ""});
        source from = {.data = "hello", .size = 5, .step = 2};
        wrenn_sandbox_upload_stream_options options = up("/a");
        wrenn_error *error = NULL;
        options.read = cases[i].read;
        options.user_data = &from;
        options.size = cases[i].size;
        CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, &error), cases[i].code);
        CHECK_CONTAINS(wrenn_error_message(error), cases[i].why);
        wrenn_error_free(error);
        CHECK_INT(script_count(s.server), 0);
        CHECK_INT(wrenn_sandbox_ping(s.sandbox, NULL, NULL), 0); /* the client is none the worse */
        tear_down(&s);
    }
}

TEST(a_file_goes_out_from_where_it_stands) {
    char *data = numbers(200000);
    write_local(local("in"), data, 200000);
    setup s = SET_UP({"204 No Content", ""}, {"204 No Content", ""}, {"204 No Content", ""}, {"204 No Content", ""});
    wrenn_sandbox_upload_stream_options options = up("/a"), all = up("/a");
    all.file = local("in");
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &all, NULL), 0);
    check_form(&s, 0, "stream/write", "/a", data, 200000);
    CHECK_CONTAINS(script_request(s.server, 0), "Content-Length: 200");
    int fd = open(local("in"), O_RDONLY);
    lseek(fd, 150000, SEEK_SET);
    options.fd = &fd;
    options.size = 1000;
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), 0);
    check_form(&s, 1, "stream/write", "/a", data + 150000, 1000);
    CHECK_INT(lseek(fd, 0, SEEK_CUR), 151000);
    options.size = 0;
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_upload_stream_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
    close(fd);
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
    CHECK_INT(wrenn_sandbox_upload_stream_finish(op, NULL), 0);
    wrenn_op_free(op);
    check_form(&s, 2, "stream/write", "/a", data + 151000, 49000);
    options = up("/a");
    char comm[32];
    int proc = open("/proc/self/comm", O_RDONLY); /* says that it is empty */
    ssize_t comm_size = read(proc, comm, sizeof(comm));
    close(proc);
    options.file = "/proc/self/comm";
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), 0);
    check_form(&s, 3, "stream/write", "/a", comm, (size_t)comm_size);
    free(data);
    tear_down(&s);
}

TEST(pipes_and_sockets_are_waited_for) {
    char *data = numbers(MIB);
    for (int kind = 0; kind < 4; kind++) {
        setup s = SET_UP({"204 No Content", ""});
        int ends[2];
        bool socket = kind / 2;
        CHECK((socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) == 0);
        if (kind % 2) fcntl(ends[0], F_SETFL, O_NONBLOCK);
        mover m = {.fd = ends[1], .data = data, .size = MIB};
        CHECK(pthread_create(&m.thread, NULL, write_slowly, &m) == 0);
        wrenn_sandbox_upload_stream_options options = up("/a");
        options.fd = &ends[0];
        CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), 0);
        pthread_join(m.thread, NULL);
        close(ends[0]);
        check_form(&s, 0, "stream/write", "/a", data, MIB);
        tear_down(&s);
    }
    free(data);
}

TEST(a_client_with_a_silent_source_does_other_things) {
    setup s = SET_UP({"204 No Content", ""}, {"204 No Content", ""});
    int ends[2];
    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    wrenn_sandbox_upload_stream_options options = up("/a");
    options.fd = &ends[0];
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_upload_stream_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
    CHECK_INT(wrenn_sandbox_ping(s.sandbox, NULL, NULL), 0);
    CHECK(!wrenn_op_is_done(op));
    CHECK_INT(write(ends[1], "late", 4), 4);
    CHECK_INT(wrenn_client_dispatch(s.client, 50, NULL), 0);
    close(ends[1]);
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
    CHECK_INT(wrenn_sandbox_upload_stream_finish(op, NULL), 0);
    wrenn_op_free(op);
    check_form(&s, 1, "stream/write", "/a", "late", 4);
    close(ends[0]);
    tear_down(&s);
}

/* ---- uploads that break off ---- */

TEST(an_early_refusal_is_read_while_the_body_goes_out) {
    static const script_end ends[] = {SCRIPT_KEEP, SCRIPT_HOLD, SCRIPT_DEAF};
    char *data = numbers(8 * MIB);
    for (size_t i = 0; i < 12; i++) {
        char *refusal = TOO_LARGE(i % 2 ? "Connection: close\r\n" : "");
        size_t size = i / 2 % 2 ? 8 * MIB : 900000;
        script_reply reply = {.text = refusal, .end = ends[i / 4], .after = size / 2};
        setup s = set_up(&reply, 1);
        wrenn_error *error = NULL;
        source from = {.data = data, .size = size, .step = size};
        wrenn_sandbox_upload_stream_options options = up("/a");
        options.read = give;
        options.user_data = &from;
        options.size = i % 4 == 3 ? 0 : (int64_t)size;
        CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, &error), WRENN_E_VALIDATION);
        CHECK_INT(wrenn_error_http_status(error), 413);
        CHECK_STR(wrenn_error_server_code(error), "too_large");
        CHECK_INT(script_count(s.server), 1);
        wrenn_error_free(error);
        tear_down(&s);
        free(refusal);
    }
    free(data);
}

/* Closing at once destroys what is on its way; still the answer is nearly always there to be read. */
TEST(a_refusal_of_a_server_that_hangs_up_is_read_too) {
    char *data = numbers(4 * MIB), *refusal = TOO_LARGE("Connection: close\r\n");
    int read = 0;
    const int count = test_slowly() ? 10 : 40;
    for (int i = 0; i < count; i++) {
        script_reply reply = {.text = refusal, .end = SCRIPT_CLOSE, .after = MIB};
        setup s = set_up(&reply, 1);
        int rc = wrenn_sandbox_upload(s.sandbox, "/a", data, 4 * MIB, NULL, NULL);
        CHECK(rc == WRENN_E_VALIDATION || rc == WRENN_E_CONNECTION_LOST);
        read += rc == WRENN_E_VALIDATION;
        tear_down(&s);
    }
    test_note("%d answers of %d were read", read, count);
    CHECK(read >= count / 2);
    free(data), free(refusal);
}

static int64_t give_late(void *buffer, size_t size, void *data) {
    if (++((source *)data)->calls > 1) usleep(100000);
    return give(buffer, size, data);
}

TEST(a_refusal_that_came_while_the_source_was_slow_is_read) {
    char *data = numbers(200000), *refusal = TOO_LARGE("Connection: close\r\n");
    for (int round = 0; round < 10; round++) {
        script_reply reply = {.text = refusal, .end = SCRIPT_CLOSE, .after = 20000};
        setup s = set_up(&reply, 1);
        source from = {.data = data, .size = 200000, .step = 50000};
        wrenn_sandbox_upload_stream_options options = up("/a");
        options.read = give_late;
        options.user_data = &from;
        options.size = round % 2 ? 200000 : 0;
        CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), WRENN_E_VALIDATION);
        CHECK(from.calls <= 2);
        tear_down(&s);
    }
    free(data), free(refusal);
}

TEST(a_refusal_without_an_end_does_not_hold_up) {
    char *data = numbers(900000);
    script_reply reply = {.text = "HTTP/1.1 507 Full\r\nConnection: close\r\n\r\n{\"error\":\"full\"}",
                          .end = SCRIPT_DEAF,
                          .after = 400000};
    setup s = set_up(&reply, 1);
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", data, 900000, NULL, &error), WRENN_E_INTERNAL);
    CHECK_CONTAINS(wrenn_error_message(error), "full (HTTP 507");
    wrenn_error_free(error);
    free(data);
    tear_down(&s);
}

TEST_SLOW(an_answer_to_an_upload_cut_at_any_byte_is_a_lost_connection) {
    const char *whole = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}";
    for (size_t cut = 0; cut < strlen(whole); cut++) {
        script_reply reply = {.text = whole, .cut = cut ? cut : SCRIPT_NOTHING, .end = SCRIPT_CLOSE};
        setup s = set_up(&reply, 1);
        CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "hi", 2, NULL, NULL), WRENN_E_CONNECTION_LOST);
        CHECK_INT(script_count(s.server), 1);
        tear_down(&s);
    }
}

TEST(an_upload_is_never_repeated_when_a_reused_connection_is_dead) {
    script_reply replies[] = {
        {.text = DONE}, {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_CLOSE}, {.text = DONE}, {.text = DONE}};
    script_use_tcp();
    setup s = set_up(replies, COUNT(replies));
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "one", 3, NULL, NULL), 0);
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "two", 3, NULL, &error), WRENN_E_CONNECTION_LOST);
    CHECK_CONTAINS(wrenn_error_message(error), "the server closed the connection before it answered");
    wrenn_error_free(error);
    CHECK_INT(script_count(s.server), 2);
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "three", 5, NULL, NULL), 0);
    /* One that the server has closed already costs nothing, and no byte is missing. */
    script_drop_connections(s.server);
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "four", 4, NULL, NULL), 0);
    CHECK_INT(script_count(s.server), 4);
    check_form(&s, 3, "write", "/a", "four", 4);
    tear_down(&s);
}

TEST_MAIN
