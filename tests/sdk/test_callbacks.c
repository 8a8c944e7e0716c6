/* The rule for callbacks: each kind may start, cancel and free whatever it likes, and blocks in vain. Every kind with every
 * deed, driven in every way. */
#include <poll.h>
#include <stdio.h>

#include "streams.h"

#define MESSAGE(type, content) \
    "{\"parent_header\":{\"msg_id\":\"@ID@\"},\"msg_type\":\"" type "\",\"content\":" content "}"
#define NOTHING "HTTP/1.1 204 No Content\r\n\r\n"

typedef enum kind {
    DONE,
    READY,
    LOG,
    READ,
    WRITE,
    UP_PROGRESS,
    DOWN_PROGRESS,
    STDOUT,
    STDERR,
    RESULT,
    ERROR,
    KINDS
} kind;
static const char *const kind_names[] = {"done",      "ready",       "log",           "read",
                                         "write",     "progress up", "progress down", "on_stdout",
                                         "on_stderr", "on_result",   "on_error"};
typedef enum deed {
    START_ONE,
    CANCEL_SELF,
    CANCEL_OTHER,
    FREE_SELF,
    FREE_OTHER,
    CANCEL_AND_FREE_ALL,
    FREE_STREAM,
    CLOSE_STREAM,
    FREE_SANDBOX,
    FREE_CLIENT,
    FREE_EVERYTHING,
    BLOCK,
    DEEDS
} deed;
static const char *const deed_names[] = {"start",        "cancel self",         "cancel other",    "free self",
                                         "free other",   "cancel and free all", "free stream",     "close stream",
                                         "free sandbox", "free client",         "free everything", "block"};
/* OWN_LOOP: poll and dispatch. CALL: the call itself blocks. OTHER_CALL: the program waits in another call meanwhile. */
typedef enum way { OWN_LOOP, CALL, OTHER_CALL, WAYS } way;
static const char *const way_names[] = {"own loop", "its own blocking call", "another blocking call"};

/* How often it called back, and with what. */
typedef struct ending {
    int calls, rc;
} ending;

typedef struct world {
    setup s;
    kind kind;
    deed deed;
    way way;
    bool armed, done;
    int calls, calls_after_end;
    wrenn_op *self, *other;
    wrenn_stream *stream;
    ending self_end, other_end, new_end;
    int started;
} world;

static bool is_upload(kind k) { return k == READ || k == UP_PROGRESS; }
static bool is_download(kind k) { return k == WRITE || k == DOWN_PROGRESS; }
static bool is_code(kind k) { return k >= STDOUT; }

static int finish(kind k, wrenn_op *op) {
    wrenn_code_execution *x = NULL;
    if (is_upload(k)) return wrenn_sandbox_upload_stream_finish(op, NULL);
    if (is_download(k)) return wrenn_sandbox_download_stream_finish(op, NULL, NULL);
    if (!is_code(k)) return wrenn_sandbox_ping_finish(op, NULL);
    int rc = wrenn_sandbox_run_code_finish(op, &x, NULL);
    wrenn_code_execution_free(x);
    return rc;
}

static void act(world *w);

static void on_self_done(wrenn_op *op, void *data) {
    world *w = data;
    w->self_end.calls++;
    w->self_end.rc = finish(w->kind, op);
    if (w->kind == DONE) act(w);
}

static void on_done(wrenn_op *op, void *data) {
    ending *e = data;
    e->calls++;
    e->rc = wrenn_sandbox_ping_finish(op, NULL);
}

/* ---- what a callback does ---- */

static void block(world *w) {
    const wrenn_event *event;
    wrenn_exec_result *result = NULL;
    wrenn_command options = WRENN_COMMAND_INIT;
    options.shell = "true";
    CHECK_INT(wrenn_sandbox_ping(w->s.sandbox, NULL, NULL), WRENN_E_REENTRANT);
    CHECK_INT(wrenn_sandbox_exec(w->s.sandbox, &options, NULL, &result, NULL), WRENN_E_REENTRANT);
    CHECK_INT(wrenn_client_dispatch(w->s.client, 0, NULL), WRENN_E_REENTRANT);
    CHECK_INT(wrenn_client_dispatch(w->s.client, -1, NULL), WRENN_E_REENTRANT);
    int rc;
    while ((rc = wrenn_stream_next(w->stream, 0, &event, NULL)) > 0) {
    }
    CHECK_INT(rc, WRENN_E_AGAIN);
    CHECK_INT(wrenn_stream_next(w->stream, 1000, &event, NULL), WRENN_E_REENTRANT);
    CHECK_INT(wrenn_stream_next(w->stream, -1, &event, NULL), WRENN_E_REENTRANT);
}

static void free_op(wrenn_op **op) {
    wrenn_op_free(*op);
    *op = NULL;
}

static void free_stream(world *w, bool close) {
    if (close) wrenn_stream_close(w->stream);
    else wrenn_stream_free(w->stream);
    w->stream = NULL;
}

static void free_sandbox(world *w) {
    wrenn_sandbox_free(w->s.sandbox);
    w->s.sandbox = NULL;
}

static void free_client(world *w) {
    wrenn_sandbox *made = NULL;
    wrenn_client_free(w->s.client);
    CHECK_INT(wrenn_sandbox_from_id(w->s.client, "x", &made, NULL), WRENN_E_CANCELLED); /* it goes with this callback */
    w->s.client = NULL;
}

static void act(world *w) {
    w->calls++;
    if (w->done) w->calls_after_end++;
    if (!w->armed || w->done) return;
    w->done = true;
    switch (w->deed) {
    case START_ONE:
        CHECK_INT(wrenn_sandbox_ping_start(w->s.sandbox, NULL, on_done, &w->new_end, NULL, NULL), 0);
        w->started = 1;
        break;
    case CANCEL_SELF:
        wrenn_op_cancel(w->self);
        wrenn_op_cancel(w->self);
        break;
    case CANCEL_OTHER:
        wrenn_op_cancel(w->other);
        wrenn_op_cancel(w->other);
        break;
    case FREE_SELF: free_op(&w->self); break;
    case FREE_OTHER: free_op(&w->other); break;
    case CANCEL_AND_FREE_ALL:
        CHECK_INT(wrenn_sandbox_ping_start(w->s.sandbox, NULL, on_done, &w->new_end, NULL, NULL), 0);
        w->started = 1;
        wrenn_op_cancel(w->self);
        wrenn_op_cancel(w->other);
        free_op(&w->self);
        free_op(&w->other);
        break;
    case FREE_STREAM: free_stream(w, false); break;
    case CLOSE_STREAM: free_stream(w, true); break;
    case FREE_SANDBOX: free_sandbox(w); break;
    case FREE_CLIENT: free_client(w); break;
    case FREE_EVERYTHING:
        free_op(&w->self);
        free_op(&w->other);
        free_stream(w, false);
        free_sandbox(w);
        free_client(w);
        break;
    default: block(w); break;
    }
}

/* ---- the callbacks ---- */

static void on_ready(wrenn_stream *stream, void *data) {
    (void)stream;
    act(data);
}

static void on_log(const wrenn_log_event *event, void *data) {
    world *w = data;
    if (w->armed && w->kind == LOG && event->level == WRENN_LOG_DEBUG && !w->done) act(w);
}

static int64_t on_read(void *buffer, size_t size, void *data) {
    world *w = data;
    if (w->kind == READ) act(w);
    if (size) memset(buffer, 'x', 1);
    return w->kind == READ && w->calls > 3 ? 0 : 1;
}

static int64_t one_byte(void *buffer, size_t size, void *data) {
    world *w = data;
    if (size) memset(buffer, 'x', 1);
    return w->calls > 3 ? 0 : 1;
}

static int on_write(const void *bytes, size_t size, void *data) {
    (void)bytes, (void)size;
    act(data);
    return 0;
}

static int swallow(const void *bytes, size_t size, void *data) {
    (void)bytes, (void)size, (void)data;
    return 0;
}

static void on_progress(int64_t done, int64_t total, void *data) {
    (void)done, (void)total;
    act(data);
}

static void on_text(const char *text, size_t size, void *data) {
    (void)text, (void)size;
    act(data);
}
static void on_result(const wrenn_code_result *result, void *data) {
    (void)result;
    act(data);
}
static void on_error(const wrenn_code_error *error, void *data) {
    (void)error;
    act(data);
}

/* ---- the operation that calls them; as a _start, or in one ---- */

static int upload(world *w, bool blocks) {
    wrenn_sandbox_upload_stream_options options = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    options.path = "/a";
    options.read = w->kind == READ ? on_read : one_byte;
    options.progress = w->kind == READ ? NULL : on_progress;
    options.user_data = w;
    return blocks ? wrenn_sandbox_upload_stream(w->s.sandbox, &options, NULL)
                  : wrenn_sandbox_upload_stream_start(w->s.sandbox, &options, on_self_done, w, &w->self, NULL);
}

static int download(world *w, bool blocks) {
    wrenn_sandbox_download_stream_options options = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    options.path = "/a";
    options.write = w->kind == WRITE ? on_write : swallow;
    options.progress = w->kind == WRITE ? NULL : on_progress;
    options.user_data = w;
    return blocks ? wrenn_sandbox_download_stream(w->s.sandbox, &options, NULL, NULL)
                  : wrenn_sandbox_download_stream_start(w->s.sandbox, &options, on_self_done, w, &w->self, NULL);
}

static int run_code(world *w, bool blocks) {
    wrenn_code_callbacks callbacks = {.struct_size = sizeof(callbacks), .user_data = w};
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *x = NULL;
    if (w->kind == STDOUT) callbacks.on_stdout = on_text;
    if (w->kind == STDERR) callbacks.on_stderr = on_text;
    if (w->kind == RESULT) callbacks.on_result = on_result;
    if (w->kind == ERROR) callbacks.on_error = on_error;
    options.code = "x";
    options.callbacks = &callbacks;
    int rc = blocks ? wrenn_sandbox_run_code(w->s.sandbox, &options, &x, NULL)
                    : wrenn_sandbox_run_code_start(w->s.sandbox, &options, on_self_done, w, &w->self, NULL);
    wrenn_code_execution_free(x);
    return rc;
}

static int begin(world *w, bool blocks) {
    if (w->kind == READY) return wrenn_stream_on_ready(w->stream, on_ready, w), 0;
    if (is_upload(w->kind)) return upload(w, blocks);
    if (is_download(w->kind)) return download(w, blocks);
    if (is_code(w->kind)) return run_code(w, blocks);
    return blocks ? wrenn_sandbox_ping(w->s.sandbox, NULL, NULL)
                  : wrenn_sandbox_ping_start(w->s.sandbox, NULL, on_self_done, w, &w->self, NULL);
}

/* ---- one case ---- */

static const char *described(const world *w) {
    static char text[128];
    snprintf(text, sizeof(text), "%s, %s, %s", kind_names[w->kind], deed_names[w->deed], way_names[w->way]);
    return text;
}

/* An exec_stream with one event, an operation that is never answered, then what the kind needs; all else gets a 204. */
static size_t write_script(kind k, script_reply *replies) {
    size_t count = 0;
    replies[count++] = (script_reply)UPGRADE;
    replies[count++] = script_messages(SCRIPT_HOLD, "{\"type\":\"start\",\"pid\":7}", NULL);
    replies[count++] = (script_reply){.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    if (is_code(k)) {
        replies[count++] =
            (script_reply){.text = "HTTP/1.1 200 OK\r\nContent-Length: 21\r\n\r\n{\"default\":\"python3\"} "};
        replies[count++] =
            (script_reply){.text = "HTTP/1.1 201 Created\r\nContent-Length: 23\r\n\r\n{\"kernel\":{\"id\":\"k-1\"}}"};
        replies[count++] = (script_reply)UPGRADE;
        replies[count++] = script_messages(SCRIPT_KEEP, MESSAGE("status", "{\"execution_state\":\"busy\"}"),
                                           MESSAGE("kernel_info_reply", "{}"), NULL);
        replies[count++] = script_messages(
            SCRIPT_KEEP, MESSAGE("status", "{\"execution_state\":\"busy\"}"),
            MESSAGE("stream", "{\"name\":\"stdout\",\"text\":\"1\"}"),
            MESSAGE("stream", "{\"name\":\"stdout\",\"text\":\"1\"}"),
            MESSAGE("stream", "{\"name\":\"stderr\",\"text\":\"2\"}"),
            MESSAGE("stream", "{\"name\":\"stderr\",\"text\":\"2\"}"),
            MESSAGE("display_data", "{\"data\":{\"text/plain\":\"3\"}}"),
            MESSAGE("display_data", "{\"data\":{\"text/plain\":\"3\"}}"),
            MESSAGE("error", "{\"ename\":\"4\",\"evalue\":\"\",\"traceback\":[]}"),
            MESSAGE("error", "{\"ename\":\"4\",\"evalue\":\"\",\"traceback\":[]}"),
            MESSAGE("execute_reply", "{\"status\":\"error\",\"ename\":\"4\",\"evalue\":\"\",\"traceback\":[]}"),
            MESSAGE("status", "{\"execution_state\":\"idle\"}"), NULL);
    }
    if (is_download(k))
        replies[count++] = (script_reply){.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                                  "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n1\r\nd\r\n0\r\n\r\n"};
    replies[count++] = (script_reply){.text = NOTHING};
    return count;
}

static void free_script(script_reply *replies, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (replies[i].size && !replies[i].upgrade) free((char *)(uintptr_t)replies[i].text);
}

/* Until the operation is over and so is what its callback has brought about. */
static bool is_over(const world *w) {
    if (!w->s.client) return true;
    bool others = w->new_end.calls == w->started && (w->deed != CANCEL_OTHER || w->other_end.calls);
    return w->done && others && (w->kind == READY || w->self_end.calls);
}

static void run_own_loop(world *w) {
    while (!is_over(w)) {
        struct pollfd fd = {.fd = wrenn_client_fd(w->s.client), .events = POLLIN};
        CHECK_MSG(poll(&fd, 1, 20000) == 1, "%s: nothing wakes the loop", described(w));
        CHECK(wrenn_client_dispatch(w->s.client, 0, NULL) >= 0);
    }
}

static bool frees_client(const world *w) { return w->deed == FREE_CLIENT || w->deed == FREE_EVERYTHING; }
static bool frees_stream(const world *w) {
    return w->deed == FREE_STREAM || w->deed == CLOSE_STREAM || w->deed == FREE_EVERYTHING;
}

/* Waits for events that do not come, while the operation goes on; the callbacks of the others follow in a dispatch. */
static void run_in_other_call(world *w) {
    const wrenn_event *event;
    int rc = WRENN_E_AGAIN;
    while (!w->done) rc = wrenn_stream_next(w->stream, 50, &event, NULL);
    if (frees_client(w) || frees_stream(w)) CHECK_MSG(rc == WRENN_E_CANCELLED, "%s: next gives %d", described(w), rc);
    if (w->s.client) run_own_loop(w);
}

static void check_end(const world *w, const char *whose, const ending *e, int calls, int rc) {
    CHECK_MSG(e->calls == calls, "%s: the callback of %s came %d times", described(w), whose, e->calls);
    if (calls) CHECK_MSG(e->rc == rc, "%s: %s ended with %d", described(w), whose, e->rc);
}

static void run_case(kind k, deed d, way by) {
    static world w;
    script_reply replies[12] = {{0}};
    size_t count = write_script(k, replies);
    w = (world){.kind = k, .deed = d, .way = by};
    w.s.server = script_start(replies, count, true);
    wrenn_client_options options = sdk_options(script_url(w.s.server));
    options.log = on_log;
    options.log_user_data = &w;
    w.s.client = sdk_client(&options);
    w.s.sandbox = sdk_sandbox(w.s.client);
    wrenn_command shell = shell_options("x");
    const wrenn_event *event;
    w.stream = open_stream(&w.s, &shell);
    while (script_count(w.s.server) < 2) CHECK(wrenn_client_dispatch(w.s.client, 1, NULL) >= 0);
    if (k != READY) CHECK_INT(wrenn_stream_next(w.stream, -1, &event, NULL), 1);
    CHECK_INT(wrenn_sandbox_ping_start(w.s.sandbox, NULL, on_done, &w.other_end, &w.other, NULL), 0);
    while (script_count(w.s.server) < 3) CHECK(wrenn_client_dispatch(w.s.client, 1, NULL) >= 0);
    w.armed = true;

    int rc = begin(&w, by == CALL);
    if (by == OTHER_CALL) run_in_other_call(&w);
    else if (by == OWN_LOOP) run_own_loop(&w);
    else if (w.s.client && (w.started || d == CANCEL_OTHER)) {
        w.self_end.calls = 1;
        run_own_loop(&w);
        w.self_end.calls = 0;
    }
    CHECK_MSG(w.done, "%s: it was never called", described(&w));

    bool over_before = k == DONE; /* the callback comes when the outcome is there */
    bool cancelled = !over_before && (frees_client(&w) || d == CANCEL_SELF || d == CANCEL_AND_FREE_ALL);
    if (by == CALL) {
        if (d == CANCEL_SELF || d == CANCEL_AND_FREE_ALL) cancelled = false; /* there is no handle to do it with */
        CHECK_MSG(rc == (cancelled ? WRENN_E_CANCELLED : 0), "%s: the call gives %d", described(&w), rc);
    } else if (k != READY) {
        check_end(&w, "itself", &w.self_end, 1, cancelled ? WRENN_E_CANCELLED : 0);
    }
    if (cancelled && k != LOG) CHECK_MSG(!w.calls_after_end, "%s: it was called again", described(&w));

    /* Whoever is still there goes with the client, once. */
    wrenn_op_free(w.self);
    wrenn_op_free(w.other);
    wrenn_stream_free(w.stream);
    tear_down(&w.s);
    check_end(&w, "the other", &w.other_end, 1, WRENN_E_CANCELLED);
    check_end(&w, "the new one", &w.new_end, w.started, 0);
    free_script(replies, count);
}

static void run_kind(kind k) {
    for (int by = 0; by < WAYS; by++) {
        bool within_dispatch = k == DONE || k == READY; /* never from a blocking call */
        for (int d = 0; d < DEEDS && (by == OWN_LOOP || !within_dispatch); d++) run_case(k, (deed)d, (way)by);
    }
}

static int logged;
static void count_log(const wrenn_log_event *event, void *data) {
    (void)event, (void)data;
    logged++;
}

static int64_t free_client_and_give(void *buffer, size_t size, void *data) {
    wrenn_client **client = data;
    if (size) memset(buffer, 'x', 1);
    wrenn_client_free(*client);
    *client = NULL;
    logged = 0;
    return 1;
}

/* The last that such a call has to say goes elsewhere, as whoever listened is gone with the client. */
TEST(a_blocking_close_whose_client_is_freed_meanwhile) {
    script_reply silent = {.text = "", .cut = SCRIPT_NOTHING, .end = SCRIPT_HOLD};
    script_server *server = script_start(&silent, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    options.log = count_log;
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_sandbox_upload_stream_options source = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    wrenn_op *op = NULL;
    source.path = "/a";
    source.read = free_client_and_give;
    source.user_data = &client;
    CHECK_INT(wrenn_sandbox_upload_stream_start(sandbox, &source, NULL, NULL, &op, NULL), 0);
    wrenn_sandbox_close(sandbox);
    CHECK(client == NULL);
    CHECK_INT(logged, 0);
    CHECK(wrenn_op_is_done(op));
    CHECK_INT(wrenn_sandbox_upload_stream_finish(op, NULL), WRENN_E_CANCELLED);
    wrenn_op_free(op);
    script_stop(server);
}

TEST_SLOW(done) { run_kind(DONE); }
TEST_SLOW(ready) { run_kind(READY); }
TEST_SLOW(log_events) { run_kind(LOG); }
TEST_SLOW(upload_source) { run_kind(READ); }
TEST_SLOW(download_sink) { run_kind(WRITE); }
TEST_SLOW(upload_progress) { run_kind(UP_PROGRESS); }
TEST_SLOW(download_progress) { run_kind(DOWN_PROGRESS); }
TEST_SLOW(code_stdout) { run_kind(STDOUT); }
TEST_SLOW(code_stderr) { run_kind(STDERR); }
TEST_SLOW(code_result) { run_kind(RESULT); }
TEST_SLOW(code_error) { run_kind(ERROR); }

TEST_MAIN
