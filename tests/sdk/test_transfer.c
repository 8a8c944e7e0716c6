/* Uploads and downloads alike: their time limit, what their callbacks may do, and wrong arguments. */
#include "clock.h"
#include "transfer.h"

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
    clock_pass(40000000);
    *(size_t *)total += size;
    return 0;
}

TEST(what_goes_on_may_last_longer_than_the_time_limit) {
    static char data[1 << 20]; /* of which the client takes many reads */
    script_reply reply = bytes_reply(data, sizeof(data), 0);
    setup s = set_up(&reply, 1);
    size_t total = 0;
    int64_t size = 0;
    wrenn_sandbox_download_stream_options options = down("/a");
    options.write = take_slowly;
    options.user_data = &total;
    options.call.timeout_ms = 60000;
    clock_start(0);
    clock_expect(s.server, SIZE_MAX);
    CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, &size, NULL), 0);
    clock_stop();
    CHECK(total == sizeof(data) && size == sizeof(data));
    tear_down(&s);
    free_reply(&reply);
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
