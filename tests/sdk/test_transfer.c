/* Uploads and downloads: what goes out and comes in to the byte, and what becomes of those that break off. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "sdk.h"

#define FILES "POST /v1/sandboxes/cl-0123456789abcdefghijklmno/files/"
#define DONE "HTTP/1.1 204 No Content\r\n\r\n"
#define TOO_LARGE(head) script_text("413 Too Large", head, ERROR_BODY("too_large"))

enum { MIB = 1024 * 1024, PIPE_ROOM = 64 * 1024 };

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

static char *numbers(size_t size) {
    char *data = malloc(size);
    uint32_t state = 1;
    for (size_t i = 0; i < size; i++) data[i] = (char)((state = state * 1664525 + 1013904223) >> 24);
    return data;
}

static wrenn_sandbox_upload_stream_options up(const char *path) {
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    options.path = path;
    return options;
}

static wrenn_sandbox_download_stream_options down(const char *path) {
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    options.path = path;
    return options;
}

/* An answer that carries these bytes. `chunk`: in chunks of this size; 0: with their number. */
static script_reply bytes_reply(const char *data, size_t size, size_t chunk) {
    char *text = malloc(size * 8 + 256);
    size_t at = (size_t)sprintf(text,
                                chunk ? "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                      : "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
                                size);
    for (size_t from = 0, piece; from < size; from += piece) {
        piece = chunk && size - from > chunk ? chunk : size - from;
        if (chunk) at += (size_t)sprintf(text + at, "%zx\r\n", piece);
        memcpy(text + at, data + from, piece);
        at += piece;
        if (chunk) at += (size_t)sprintf(text + at, "\r\n");
    }
    if (chunk) at += (size_t)sprintf(text + at, "0\r\n\r\n");
    return (script_reply){.text = text, .size = at};
}

static void free_reply(const script_reply *reply) { free((char *)reply->text); }

/* ---- files of this machine ---- */

static const char *local(const char *name) {
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", test_dir(), name);
    return path;
}

static void write_local(const char *path, const void *data, size_t size) {
    FILE *file = fopen(path, "w");
    CHECK(file && fwrite(data, 1, size, file) == size && fclose(file) == 0);
}

static void check_local(const char *path, const void *data, size_t size) {
    char *got = malloc(size + 2);
    FILE *file = fopen(path, "r");
    CHECK_MSG(file != NULL, "no file %s", path);
    size_t length = fread(got, 1, size + 1, file);
    fclose(file);
    CHECK_MEM(got, length, data, size);
    free(got);
}

/* Files in the test's directory, the server's socket not counted. */
static int count_local(void) {
    int count = 0;
    DIR *dir = opendir(test_dir());
    for (struct dirent *entry; (entry = readdir(dir));)
        if (entry->d_type != DT_SOCK && entry->d_name[0] != '.') count++;
    closedir(dir);
    return count;
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

typedef struct source {
    const char *data;
    size_t size, at, step;
    int64_t last, total; /* of the progress */
    int calls;
} source;

static int64_t give(void *buffer, size_t size, void *data) {
    source *from = data;
    size_t step = from->size - from->at;
    if (step > size) step = size;
    if (step > from->step) step = from->step;
    memcpy(buffer, from->data + from->at, step);
    from->at += step;
    return (int64_t)step;
}

static void see(int64_t done, int64_t total, void *data) {
    source *from = data;
    CHECK(done > from->last);
    from->last = done;
    from->total = total;
    from->calls++;
}

TEST(a_callback_gives_pieces_of_any_size) {
    static const size_t steps[] = {1, 7, 4096, 100000, 1 << 30};
    char *data = numbers(300000);
    for (size_t i = 0; i < 2 * COUNT(steps); i++) {
        setup s = SET_UP({"204 No Content", ""});
        size_t size = steps[i / 2] < 10 ? 10000 * steps[i / 2] : 300000;
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

/* A thread that moves bytes slowly between a descriptor and memory. */
typedef struct mover {
    pthread_t thread;
    int fd;
    char *data;
    size_t size, done;
} mover;

static void *write_slowly(void *context) {
    mover *m = context;
    while (m->done < m->size) {
        size_t step = m->size - m->done < 30000 ? m->size - m->done : 30000;
        ssize_t n = write(m->fd, m->data + m->done, step);
        if (n > 0) m->done += (size_t)n;
        usleep(3000);
    }
    close(m->fd);
    return NULL;
}

static void *read_slowly(void *context) {
    mover *m = context;
    for (ssize_t n; (n = read(m->fd, m->data + m->done, 30000)) > 0;) {
        m->done += (size_t)n;
        usleep(3000);
    }
    return NULL;
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
    for (int i = 0; i < 40; i++) {
        script_reply reply = {.text = refusal, .end = SCRIPT_CLOSE, .after = MIB};
        setup s = set_up(&reply, 1);
        int rc = wrenn_sandbox_upload(s.sandbox, "/a", data, 4 * MIB, NULL, NULL);
        CHECK(rc == WRENN_E_VALIDATION || rc == WRENN_E_CONNECTION_LOST);
        read += rc == WRENN_E_VALIDATION;
        tear_down(&s);
    }
    test_note("%d answers of 40 were read", read);
    CHECK(read >= 20);
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
    setup s = set_up(replies, COUNT(replies));
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "one", 3, NULL, NULL), 0);
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "two", 3, NULL, NULL), WRENN_E_CONNECTION_LOST);
    CHECK_INT(script_count(s.server), 2);
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "three", 5, NULL, NULL), 0);
    /* One that the server has closed already costs nothing, and no byte is missing. */
    script_drop_connections(s.server);
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", "four", 4, NULL, NULL), 0);
    CHECK_INT(script_count(s.server), 4);
    check_form(&s, 3, "write", "/a", "four", 4);
    tear_down(&s);
}

/* ---- the time limit ---- */

TEST(what_stands_still_runs_out_of_time) {
    script_reply replies[] = {{.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD},
                              {.text = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel", .end = SCRIPT_HOLD}};
    setup s = set_up(replies, COUNT(replies));
    wrenn_sandbox_upload_stream_options upload = up("/a");
    source from = {.data = "hello", .size = 5, .step = 5};
    upload.read = give;
    upload.user_data = &from;
    upload.call.timeout_ms = 100;
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &upload, NULL), WRENN_E_TIMEOUT);
    wrenn_sandbox_download_stream_options download = down("/a");
    download.file = local("out");
    download.call.timeout_ms = 100;
    CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &download, NULL, NULL), WRENN_E_TIMEOUT);
    CHECK_INT(count_local(), 0);
    tear_down(&s);
}

static int take_slowly(const void *data, size_t size, void *total) {
    (void)data;
    usleep(300000);
    *(size_t *)total += size;
    return 0;
}

TEST(what_goes_on_may_last_longer_than_the_time_limit) {
    script_reply reply = {
        .text =
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n0\r\n\r\n",
        .piece = 6};
    setup s = set_up(&reply, 1);
    size_t total = 0;
    int64_t size = 0;
    wrenn_sandbox_download_stream_options options = down("/a");
    options.write = take_slowly;
    options.user_data = &total;
    options.call.timeout_ms = 1000;
    CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, &size, NULL), 0);
    CHECK(total == 4 && size == 4);
    tear_down(&s);
}

/* ---- downloads ---- */

TEST(a_download_is_exact) {
    char *data = numbers(200000);
    script_reply replies[] = {bytes_reply(data, 200000, 0), bytes_reply(data, 200000, 7), bytes_reply("", 0, 0),
                              bytes_reply("", 0, 1)};
    setup s = set_up(replies, COUNT(replies));
    for (size_t i = 0; i < COUNT(replies); i++) {
        wrenn_file *file = NULL;
        CHECK_INT(wrenn_sandbox_download(s.sandbox, "/a \"b\"", NULL, &file, NULL), 0);
        CHECK_MEM(file->data, file->size, data, i < 2 ? 200000 : 0);
        CHECK_INT(file->data[file->size], 0);
        check_request(&s, i, FILES "read ", "{\"path\":\"/a \\\"b\\\"\"}");
        wrenn_file_free(file);
    }
    wrenn_file_free(NULL);
    tear_down(&s);
    for (size_t i = 0; i < COUNT(replies); i++) free_reply(&replies[i]);
    free(data);
}

static void small_answers(wrenn_client_options *options) { options->max_response_bytes = 64; }

TEST(the_limit_is_for_what_is_kept_in_memory) {
    char *data = numbers(65);
    script_reply replies[] = {bytes_reply(data, 64, 0), bytes_reply(data, 65, 0), bytes_reply(data, 65, 10),
                              bytes_reply(data, 65, 10)};
    setup s = set_up_with(replies, COUNT(replies), small_answers);
    wrenn_file *file = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_download(s.sandbox, "/a", NULL, &file, NULL), 0);
    CHECK_MEM(file->data, file->size, data, 64);
    wrenn_file_free(file);
    CHECK_INT(wrenn_sandbox_download(s.sandbox, "/a", NULL, &file, &error), WRENN_E_LIMIT);
    CHECK_CONTAINS(wrenn_error_message(error), "max_response_bytes");
    wrenn_error_free(error);
    CHECK_INT(wrenn_sandbox_download(s.sandbox, "/a", NULL, &file, NULL), WRENN_E_LIMIT);
    wrenn_sandbox_download_stream_options options = down("/a");
    options.file = local("out");
    CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, NULL, NULL), 0);
    check_local(local("out"), data, 65);
    tear_down(&s);
    for (size_t i = 0; i < COUNT(replies); i++) free_reply(&replies[i]);
    free(data);
}

typedef struct sink {
    char *data;
    size_t size;
    int64_t last, total;
    int calls, abort_at;
} sink;

static int take(const void *data, size_t size, void *context) {
    sink *to = context;
    if (++to->calls == to->abort_at) return -1;
    memcpy(to->data + to->size, data, size);
    to->size += size;
    return 0;
}

static void watch(int64_t done, int64_t total, void *context) {
    sink *to = context;
    CHECK(done > to->last);
    to->last = done;
    to->total = total;
}

TEST(a_callback_gets_everything_in_order) {
    char *data = numbers(300000), *got = malloc(300000);
    for (size_t chunk = 0; chunk < 100001; chunk = chunk ? chunk * 10 : 1) {
        script_reply reply = bytes_reply(data, 300000, chunk);
        setup s = set_up(&reply, 1);
        sink to = {.data = got};
        int64_t size = 0;
        wrenn_sandbox_download_stream_options options = down("/a");
        options.write = take;
        options.progress = watch;
        options.user_data = &to;
        CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, &size, NULL), 0);
        CHECK_MEM(got, to.size, data, 300000);
        CHECK(size == 300000 && to.last == 300000);
        CHECK_INT(to.total, chunk ? -1 : 300000);
        check_request(&s, 0, FILES "stream/read ", "{\"path\":\"/a\"}");
        tear_down(&s);
        free_reply(&reply);
    }
    free(data), free(got);
}

TEST(a_callback_breaks_a_download_off) {
    char *data = numbers(200000), *got = malloc(200000);
    script_reply reply = bytes_reply(data, 200000, 0);
    for (int at = 1; at < 4; at++) {
        setup s = set_up(&reply, 1);
        sink to = {.data = got, .abort_at = at};
        wrenn_error *error = NULL;
        wrenn_sandbox_download_stream_options options = down("/a");
        options.write = take;
        options.user_data = &to;
        CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, NULL, &error), WRENN_E_CANCELLED);
        CHECK_CONTAINS(wrenn_error_message(error), "by its write callback");
        CHECK_INT(to.calls, at);
        wrenn_error_free(error);
        tear_down(&s);
    }
    free_reply(&reply);
    free(data), free(got);
}

TEST(errors_of_the_server_never_reach_the_sink) {
    setup s = SET_UP({"404 Not Found", ERROR_BODY("not_found")}, {"502 Bad Gateway", "short"},
                     {"302 Found", "elsewhere"}, {"409 Conflict", ERROR_BODY("invalid_state")});
    static const int codes[] = {WRENN_E_NOT_FOUND, WRENN_E_AGENT, WRENN_E_API, WRENN_E_CONFLICT};
    write_local(local("out"), "old", 3);
    for (size_t i = 0; i < COUNT(codes); i++) {
        sink to = {0};
        wrenn_sandbox_download_stream_options options = down("/a");
        if (i % 2) options.write = take;
        else options.file = local("out");
        options.progress = watch;
        options.user_data = &to;
        CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, NULL, NULL), codes[i]);
        CHECK(!to.calls && !to.last);
        check_local(local("out"), "old", 3);
        CHECK_INT(count_local(), 1);
    }
    tear_down(&s);
}

TEST_SLOW(a_download_cut_at_any_byte_is_never_a_file) {
    for (size_t chunk = 0; chunk < 8; chunk += 7) {
        script_reply reply = bytes_reply("0123456789abcdefghij", 20, chunk);
        /* After the last chunk the very last byte says nothing new. */
        for (size_t cut = 0; cut < reply.size - (chunk != 0); cut++) {
            script_reply less = {
                .text = reply.text, .size = reply.size, .cut = cut ? cut : SCRIPT_NOTHING, .end = SCRIPT_CLOSE};
            setup s = set_up_with(&less, 1, NULL);
            wrenn_sandbox_download_stream_options options = down("/a");
            options.file = local("out");
            int rc = wrenn_sandbox_download_stream(s.sandbox, &options, NULL, NULL);
            CHECK_MSG(rc == WRENN_E_CONNECTION_LOST, "cut %zu of %zu: %d", cut, reply.size, rc);
            CHECK_INT(count_local(), 0);
            tear_down(&s);
            wrenn_file *file = NULL;
            s = set_up(&less, 1);
            CHECK_INT(wrenn_sandbox_download(s.sandbox, "/a", NULL, &file, NULL), WRENN_E_CONNECTION_LOST);
            CHECK(!file);
            tear_down(&s);
        }
        free_reply(&reply);
    }
}

/* ---- downloads: files and descriptors ---- */

static int64_t download_to(setup *s, const char *file, wrenn_error **error) {
    int64_t size = -1;
    wrenn_sandbox_download_stream_options options = down("/a");
    options.file = file;
    int rc = wrenn_sandbox_download_stream(s->sandbox, &options, &size, error);
    return rc == 0 ? size : rc;
}

TEST(a_file_takes_its_place_when_it_is_whole) {
    setup s = SET_UP({"200 OK", "new"}, {"200 OK", "new"}, {"200 OK", "newer"}, {"200 OK", "new"});
    struct stat is;
    umask(027);
    CHECK_INT(download_to(&s, local("out"), NULL), 3);
    check_local(local("out"), "new", 3);
    CHECK(stat(local("out"), &is) == 0);
    CHECK_INT(is.st_mode & 0777, 0640);
    write_local(local("old"), "something longer", 16);
    chmod(local("old"), 0701);
    CHECK_INT(download_to(&s, local("old"), NULL), 3);
    check_local(local("old"), "new", 3);
    CHECK(stat(local("old"), &is) == 0);
    CHECK_INT(is.st_mode & 0777, 0701);
    CHECK(symlink("old", local("link")) == 0);
    CHECK_INT(download_to(&s, local("link"), NULL), 5);
    check_local(local("old"), "newer", 5);
    CHECK(lstat(local("link"), &is) == 0 && S_ISLNK(is.st_mode));
    CHECK_INT(count_local(), 3);
    CHECK_INT(download_to(&s, "/dev/null", NULL), 3);
    CHECK(stat("/dev/null", &is) == 0 && S_ISCHR(is.st_mode));
    tear_down(&s);
}

TEST(a_file_that_cannot_be_written_is_found_out_before_anything_is_sent) {
    setup s = SET_UP({"200 OK", "new"});
    test_become_ordinary_user();
    const char *const bad[] = {local("none/out"), test_dir(), "/etc/passwd", "/nowhere"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        wrenn_error *error = NULL;
        if (i == 2 && access(bad[i], W_OK) == 0) continue;
        CHECK_INT(download_to(&s, bad[i], &error), WRENN_E_SYSTEM);
        CHECK_CONTAINS(wrenn_error_message(error), bad[i]);
        wrenn_error_free(error);
        wrenn_sandbox_upload_stream_options options = up("/a");
        options.file = i == 2 ? "/etc/none" : bad[i];
        CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), WRENN_E_SYSTEM);
    }
    CHECK_INT(script_connections(s.server), 0);
    tear_down(&s);
}

TEST(a_full_file_system_is_an_error_of_this_machine) {
    script_reply reply = bytes_reply("hello", 5, 0);
    setup s = set_up(&reply, 1);
    wrenn_error *error = NULL;
    CHECK_INT(download_to(&s, "/dev/full", &error), WRENN_E_SYSTEM);
    CHECK_CONTAINS(wrenn_error_message(error), "No space left");
    wrenn_error_free(error);
    tear_down(&s);
    free_reply(&reply);
}

TEST(full_pipes_and_sockets_are_waited_for) {
    char *data = numbers(MIB);
    script_reply reply = bytes_reply(data, MIB, 50000);
    for (int kind = 0; kind < 4; kind++) {
        setup s = set_up(&reply, 1);
        int ends[2];
        bool socket = kind / 2;
        CHECK((socket ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) == 0);
        if (kind % 2) fcntl(ends[1], F_SETFL, O_NONBLOCK);
        mover m = {.fd = ends[0], .data = malloc(MIB + 30000)};
        CHECK(pthread_create(&m.thread, NULL, read_slowly, &m) == 0);
        wrenn_sandbox_download_stream_options options = down("/a");
        options.fd = &ends[1];
        CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, NULL, NULL), 0);
        close(ends[1]);
        pthread_join(m.thread, NULL);
        CHECK_MEM(m.data, m.done, data, MIB);
        close(ends[0]);
        free(m.data);
        tear_down(&s);
    }
    free_reply(&reply);
    free(data);
}

TEST(nothing_is_kept_for_a_sink_that_is_full) {
    char *data = numbers(4 * MIB), *got = malloc(4 * MIB + 100000);
    script_reply replies[] = {bytes_reply(data, 4 * MIB, 0), {.text = DONE}};
    setup s = set_up(replies, 1);
    int ends[2];
    sink to = {0};
    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    wrenn_sandbox_download_stream_options options = down("/a");
    options.fd = &ends[1];
    options.progress = watch;
    options.user_data = &to;
    wrenn_op *op = NULL;
    CHECK_INT(wrenn_sandbox_download_stream_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
    close(ends[1]);
    for (int i = 0; i < 20; i++) CHECK_INT(wrenn_client_dispatch(s.client, 10, NULL), 0);
    CHECK(to.last > 0 && to.last <= PIPE_ROOM);
    size_t size = 0;
    while (size < 4 * MIB) {
        ssize_t n = read(ends[0], got + size, 100000);
        if (n > 0) size += (size_t)n;
        CHECK(wrenn_client_dispatch(s.client, n > 0 ? 0 : 1, NULL) >= 0);
        CHECK(to.last <= (int64_t)size + PIPE_ROOM);
    }
    while (!wrenn_op_is_done(op)) CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
    int64_t total = 0;
    CHECK_INT(wrenn_sandbox_download_stream_finish(op, &total, NULL), 0);
    CHECK_INT(total, 4 * MIB);
    CHECK_MEM(got, size, data, 4 * MIB);
    CHECK(read(ends[0], got, 1) == 0); /* the copy of the descriptor is closed, too */
    close(ends[0]);
    wrenn_op_free(op);
    tear_down(&s);
    free_reply(&replies[0]);
    free(data), free(got);
}

TEST(a_reader_that_went_away_raises_no_signal) {
    for (int kind = 0; kind < 2; kind++) {
        setup s = SET_UP({"200 OK", "hello"});
        int ends[2];
        CHECK((kind ? socketpair(AF_UNIX, SOCK_STREAM, 0, ends) : pipe(ends)) == 0);
        close(ends[0]);
        signal(SIGPIPE, SIG_DFL);
        wrenn_sandbox_download_stream_options options = down("/a");
        options.fd = &ends[1];
        CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, NULL, NULL), WRENN_E_SYSTEM);
        sigset_t blocked;
        sigprocmask(SIG_BLOCK, NULL, &blocked);
        CHECK(!sigismember(&blocked, SIGPIPE));
        close(ends[1]);
        tear_down(&s);
    }
}

/* ---- what callbacks may do ---- */

typedef struct guest {
    wrenn_op *op;
    int calls;
} guest;

static void try_to_cancel(guest *g) {
    g->calls++;
    wrenn_op_cancel(g->op);
}

static int64_t give_and_cancel(void *buffer, size_t size, void *data) {
    guest *g = data;
    try_to_cancel(g);
    memset(buffer, 'x', size < 1000 ? size : 1000);
    return g->calls < 5 ? 1000 : 0;
}

static int take_and_cancel(const void *bytes, size_t size, void *data) {
    (void)bytes, (void)size;
    try_to_cancel(data);
    return 0;
}

static void count(wrenn_op *op, void *data) {
    CHECK(wrenn_op_is_done(op));
    ++*(int *)data;
}

TEST(a_callback_that_moves_data_may_cancel) {
    for (int upload = 0; upload < 2; upload++) {
        script_reply reply = bytes_reply("hello", 5, 1);
        setup s = set_up(&reply, 1);
        guest g = {0};
        int over = 0;
        wrenn_sandbox_upload_stream_options in = up("/a");
        wrenn_sandbox_download_stream_options out = down("/a");
        in.read = give_and_cancel;
        out.write = take_and_cancel;
        in.user_data = out.user_data = &g;
        CHECK_INT(upload ? wrenn_sandbox_upload_stream_start(s.sandbox, &in, count, &over, &g.op, NULL)
                         : wrenn_sandbox_download_stream_start(s.sandbox, &out, count, &over, &g.op, NULL),
                  0);
        while (!over) CHECK(wrenn_client_dispatch(s.client, -1, NULL) >= 0);
        CHECK_INT(g.calls, 1);
        CHECK_INT(upload ? wrenn_sandbox_upload_stream_finish(g.op, NULL)
                         : wrenn_sandbox_download_stream_finish(g.op, NULL, NULL),
                  WRENN_E_CANCELLED);
        wrenn_op_free(g.op);
        tear_down(&s);
        CHECK_INT(over, 1);
        free_reply(&reply);
    }
}

TEST(what_is_cancelled_leaves_nothing_behind) {
    script_reply reply = {.text = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", .end = SCRIPT_HOLD};
    setup s = set_up(&reply, 1);
    sink to = {0};
    wrenn_op *op = NULL;
    wrenn_sandbox_download_stream_options options = down("/a");
    options.file = local("out");
    options.progress = watch;
    options.user_data = &to;
    CHECK_INT(wrenn_sandbox_download_stream_start(s.sandbox, &options, NULL, NULL, &op, NULL), 0);
    while (!to.last) CHECK(wrenn_client_dispatch(s.client, 10, NULL) >= 0);
    CHECK_INT(count_local(), 1);
    wrenn_op_cancel(op);
    CHECK_INT(count_local(), 0);
    wrenn_op_free(op);
    tear_down(&s);
}

/* ---- WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY ---- */

#define LIST(...) "{\"entries\":[" __VA_ARGS__ "]}"
#define ENTRY(size) "{\"name\":\"f\",\"path\":\"/d/f\",\"type\":\"file\",\"size\":" size "}"
#define LINK(to) "{\"name\":\"f\",\"path\":\"/d/f\",\"type\":\"file\",\"size\":3,\"symlink_target\":\"" to "\"}"
#define NO_LIST "{}"

TEST(verify_compares_with_listings) {
    static const struct {
        const char *path, *before, *second, *content, *after;
        int64_t result;
        const char *why;
    } cases[] = {
        {"/d/f", LIST(ENTRY("5")), NULL, "hello", NULL, 5, NULL},
        {"/d/f//", LIST(ENTRY("5")), NULL, "hello", NULL, 5, NULL},
        {"/d/f", LIST(ENTRY("0")), NULL, "hello", NULL, 5, NULL}, /* as in /proc */
        {"/d/f", LIST(ENTRY("3")), NULL, "hello", NULL, 5, NULL}, /* it has grown */
        {"/d/f", LIST(ENTRY("8")), NULL, "hello", LIST(ENTRY("5")), 5, NULL},
        {"/d/f", LIST(ENTRY("8")), NULL, "hello", LIST(ENTRY("8")), WRENN_E_CONNECTION_LOST,
         "5 bytes of /d/f came, of 8"},
        {"/d/f", LIST(ENTRY("8")), NULL, "hello", LIST(ENTRY("9")), WRENN_E_CONNECTION_LOST, "of 9"},
        {"/d/f", LIST(ENTRY("8")), NULL, "", LIST(""), WRENN_E_CONNECTION_LOST, "0 bytes of /d/f came, of 8"},
        {"/d/f", LIST("{\"name\":\"ff\"}"), NULL, NULL, NULL, WRENN_E_NOT_FOUND, "/d/f does not exist"},
        {"/d/f", LIST("{\"name\":\"f\",\"type\":\"directory\"}"), NULL, NULL, NULL, WRENN_E_INVALID_ARGUMENT,
         "is a directory"},
        {"/", LIST(""), NULL, NULL, NULL, WRENN_E_INVALID_ARGUMENT, "is a directory"},
        {"/d/f", NO_LIST, NULL, NULL, NULL, WRENN_E_PROTOCOL, "entries"},
        {"/d/f", LIST(LINK("/d/f")), LIST(LINK("/d/f")), NULL, NULL, WRENN_E_NOT_FOUND, "does not exist"},
        {"/d/f", LIST(LINK("/x/f")), LIST(ENTRY("5")), "hello", NULL, 5, NULL},
        {"/d/f", LIST(LINK("/x/f")), LIST(ENTRY("6")), "hello", LIST(ENTRY("6")), WRENN_E_CONNECTION_LOST, "of 6"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *bodies[] = {cases[i].before, cases[i].second, cases[i].content, cases[i].after};
        script_reply replies[4];
        size_t count = 0;
        for (size_t j = 0; j < 4; j++)
            if (bodies[j]) replies[count++].text = script_text("200 OK", "", bodies[j]);
        for (size_t j = 0; j < count; j++) replies[j] = (script_reply){.text = replies[j].text};
        setup s = set_up(replies, count);
        sink to = {0};
        int64_t size = -1;
        wrenn_error *error = NULL;
        wrenn_sandbox_download_stream_options options = down(cases[i].path);
        options.file = local("out");
        options.flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY;
        options.progress = watch;
        options.user_data = &to;
        int rc = wrenn_sandbox_download_stream(s.sandbox, &options, &size, &error);
        CHECK_MSG((rc == 0 ? size : rc) == cases[i].result, "case %zu: %d, %s", i, rc, wrenn_error_message(error));
        if (cases[i].why) CHECK_CONTAINS(wrenn_error_message(error), cases[i].why);
        CHECK_INT(script_count(s.server), count);
        CHECK_INT(count_local(), rc == 0);
        check_request(&s, 0, FILES "list ",
                      *cases[i].path == '/' && !cases[i].path[1] ? "{\"path\":\"/\",\"depth\":1}"
                                                                 : "{\"path\":\"/d\",\"depth\":1}");
        if (cases[i].second && cases[i].content) check_request(&s, 1, FILES "list ", "{\"path\":\"/x\",\"depth\":1}");
        if (rc == 0) CHECK(to.total == 0 || to.total == 3 || to.total == 5 || to.total == 8);
        wrenn_error_free(error);
        unlink(local("out"));
        tear_down(&s);
        for (size_t j = 0; j < count; j++) free_reply(&replies[j]);
    }
}

TEST(verify_gives_the_servers_errors) {
    setup s = SET_UP({"404 Not Found", ERROR_BODY("not_found")}, {"200 OK", LIST(ENTRY("5"))},
                     {"502 Bad Gateway", ERROR_BODY("agent_error")}, {"200 OK", LIST(ENTRY("5"))}, {"200 OK", "hell"},
                     {"409 Conflict", ERROR_BODY("invalid_state")});
    static const int codes[] = {WRENN_E_NOT_FOUND, WRENN_E_AGENT, WRENN_E_CONFLICT};
    for (size_t i = 0; i < COUNT(codes); i++) {
        wrenn_sandbox_download_stream_options options = down("/d/f");
        options.file = local("out");
        options.flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY;
        CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, NULL, NULL), codes[i]);
        CHECK_INT(count_local(), 0);
    }
    tear_down(&s);
}

/* ---- arguments ---- */

TEST(wrong_arguments_are_named_and_nothing_is_sent) {
    setup s = SET_UP({"204 No Content", ""});
    int fd = 0, no_fd = 987;
    wrenn_file *file = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "", "x", 1, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/a", NULL, 1, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_upload(NULL, "/a", "x", 1, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_download(s.sandbox, "/\xff", NULL, &file, NULL), WRENN_E_INVALID_ARGUMENT);
    CHECK_INT(wrenn_sandbox_download(NULL, "/a", NULL, &file, NULL), WRENN_E_INVALID_ARGUMENT);
    const wrenn_sandbox_upload_stream_options ups[] = {
        {.path = "/a"},
        {.path = "/a", .file = ""},
        {.path = "/a", .file = "x", .fd = &fd},
        {.path = "/a", .file = "x", .read = give},
        {.path = "/a", .fd = &fd, .read = give},
        {.path = NULL, .read = give},
        {.path = "/a", .read = give, .size = -1},
        {.path = "/a", .read = give, .size = INT64_MAX - 10},
        {.path = "/a", .read = give, .call.timeout_ms = -1},
    };
    for (size_t i = 0; i < COUNT(ups); i++) {
        wrenn_sandbox_upload_stream_options options = ups[i];
        options.struct_size = sizeof(options);
        CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &options, NULL), WRENN_E_INVALID_ARGUMENT);
    }
    const wrenn_sandbox_download_stream_options downs[] = {
        {.path = "/a"},
        {.path = "/a", .file = "x", .fd = &fd},
        {.path = "/a", .fd = &fd, .write = take},
        {.path = "", .write = take},
        {.path = "/a", .write = take, .flags = 2},
        {.path = "/a", .write = take, .call.timeout_ms = -1},
    };
    for (size_t i = 0; i < COUNT(downs); i++) {
        wrenn_sandbox_download_stream_options options = downs[i];
        options.struct_size = sizeof(options);
        CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, NULL, NULL), WRENN_E_INVALID_ARGUMENT);
    }
    wrenn_sandbox_download_stream_options options = down("/a");
    options.fd = &no_fd;
    CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, NULL, &error), WRENN_E_SYSTEM);
    CHECK_CONTAINS(wrenn_error_message(error), "descriptor 987");
    wrenn_error_free(error);
    CHECK_INT(script_connections(s.server), 0);
    tear_down(&s);
}

TEST_MAIN
