/* Downloads: what comes in to the byte, where it goes, and what becomes of those that break off. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "transfer.h"

enum { PIPE_ROOM = 64 * 1024 };

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

TEST(a_callback_gets_everything_in_order) {
    const size_t all = test_slowly() ? 30000 : 300000;
    char *data = numbers(all), *got = malloc(all);
    for (size_t chunk = 0; chunk < 100001; chunk = chunk ? chunk * 10 : 1) {
        script_reply reply = bytes_reply(data, all, chunk);
        setup s = set_up(&reply, 1);
        sink to = {.data = got};
        int64_t size = 0;
        wrenn_sandbox_download_stream_options options = down("/a");
        options.write = take;
        options.progress = watch;
        options.user_data = &to;
        CHECK_INT(wrenn_sandbox_download_stream(s.sandbox, &options, &size, NULL), 0);
        CHECK_MEM(got, to.size, data, all);
        CHECK(size == (int64_t)all && to.last == size);
        CHECK_INT(to.total, chunk ? -1 : size);
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
        for (size_t cut = 0; cut < reply.size - (chunk != 0); cut += test_slowly() ? 7 : 1) {
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

TEST_MAIN
