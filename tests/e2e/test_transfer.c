/* Uploads and downloads against a real wrennd and a real sandbox. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#include "local.h"

enum { MIB = 1024 * 1024, MEMORY_MIB = 16 };
#define LARGE \
    ((test_in_machines() ? INT64_C(60) : INT64_C(300)) * MIB) /* an emulated processor takes long for so much */

typedef struct setup {
    wrenn_client *client;
    wrenn_sandbox *sandbox;
} setup;

static setup set_up(void) {
    setup s = {.client = local_client()};
    OK(wrenn_sandboxes_create(s.client, NULL, &s.sandbox, &error));
    return s;
}

static void tear_down(setup *s) {
    wrenn_sandbox_close(s->sandbox);
    wrenn_client_free(s->client);
}

/* What a line of shell puts out. */
static void check_sh(setup *s, const char *line, const char *want) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.shell = line;
    OK(wrenn_sandbox_exec(s->sandbox, &command, NULL, &result, &error));
    CHECK_STR(result->stdout_data, want);
    wrenn_exec_result_free(result);
}

static void check_content(setup *s, const char *path, const void *data, size_t size) {
    wrenn_file *file = NULL;
    OK(wrenn_sandbox_download(s->sandbox, path, NULL, &file, &error));
    CHECK_MEM(file->data, file->size, data, size);
    wrenn_file_free(file);
}

/* ---- large ones ---- */

/* A file that nobody has to keep. */
typedef struct generator {
    uint64_t at, size, state;
    int64_t seen, total;
} generator;

static void next_bytes(generator *g, unsigned char *out, size_t size) {
    while (size) {
        size_t from = g->at % sizeof(g->state), some = sizeof(g->state) - from;
        if (from == 0) g->state = g->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        if (some > size) some = size;
        memcpy(out, (const unsigned char *)&g->state + from, some);
        g->at += some;
        out += some;
        size -= some;
    }
}

static int64_t give(void *buffer, size_t size, void *data) {
    generator *g = data;
    if (size > g->size - g->at) size = g->size - g->at;
    next_bytes(g, buffer, size);
    return (int64_t)size;
}

static int compare(const void *bytes, size_t size, void *data) {
    unsigned char want[4096];
    for (const unsigned char *at = bytes; size;) {
        size_t some = size < sizeof(want) ? size : sizeof(want);
        next_bytes(data, want, some);
        if (memcmp(at, want, some) != 0) return -1;
        at += some;
        size -= some;
    }
    return 0;
}

static void see(int64_t done, int64_t total, void *data) {
    generator *g = data;
    CHECK(done > g->seen);
    g->seen = done;
    g->total = total;
}

static long peak_kib(void) {
    char line[128];
    long peak = -1;
    FILE *status = fopen("/proc/self/status", "r");
    while (fgets(line, sizeof(line), status))
        if (sscanf(line, "VmHWM: %ld", &peak) == 1) break;
    fclose(status);
    return peak;
}

static void large(void) {
    setup s = set_up();
    for (int known = 0; known < 2; known++) {
        generator up = {.size = LARGE}, down = {.size = LARGE};
        wrenn_sandbox_upload_stream_options in = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
        in.path = "/root/large";
        in.read = give;
        in.progress = see;
        in.user_data = &up;
        in.size = known ? LARGE : 0;
        OK(wrenn_sandbox_upload_stream(s.sandbox, &in, &error));
        CHECK(up.seen == LARGE && up.total == (known ? LARGE : -1));
        wrenn_sandbox_download_stream_options out = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
        int64_t size = 0;
        out.path = "large";
        out.write = compare;
        out.progress = see;
        out.user_data = &down;
        out.flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY;
        OK(wrenn_sandbox_download_stream(s.sandbox, &out, &size, &error));
        CHECK(size == LARGE && down.at == LARGE && down.seen == LARGE && down.total == LARGE);
    }
    test_note("%ld KiB of memory at most", peak_kib());
    CHECK(peak_kib() < MEMORY_MIB * 1024);
    tear_down(&s);
}

TEST_AS_BOTH(large_files_go_up_and_down_bit_for_bit, large)

/* ---- small ones ---- */

static void names(void) {
    setup s = set_up();
    static const char *const paths[] = {
        "/root/a b", "/root/\"q\"'\\", "/root/line\r\nbreak\n", "/root/\xc3\xa9/\xe2\x82\xac",
        "rel/ative", "~/home",         "/root/--x%00;name=",    "/root/ "};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        char content[64];
        int64_t exists = 0;
        int size = snprintf(content, sizeof(content), "%zu\n%s", i, paths[i]);
        wrenn_file_entry *entry = NULL;
        OK(wrenn_sandbox_upload(s.sandbox, paths[i], content, (size_t)size, NULL, &error));
        check_content(&s, paths[i], content, (size_t)size);
        OK(wrenn_sandbox_exists(s.sandbox, paths[i], NULL, &exists, &error));
        CHECK_INT(exists, 1);
        OK(wrenn_sandbox_stat(s.sandbox, paths[i], NULL, &entry, &error));
        CHECK_INT(entry->size, size);
        wrenn_file_entry_free(entry);
    }
    check_sh(&s, "cd; cat 'a b'; cat home", "0\n/root/a b5\n~/home");
    tear_down(&s);
}

TEST_AS_BOTH(names_may_be_anything, names)

static void contents(void) {
    setup s = set_up();
    int ends[2];
    char data[70000];
    for (size_t i = 0; i < sizeof(data); i++) data[i] = (char)(i * 7 ^ i >> 8);
    OK(wrenn_sandbox_upload(s.sandbox, "/root/f", data, sizeof(data), NULL, &error));
    check_content(&s, "/root/f", data, sizeof(data));
    OK(wrenn_sandbox_upload(s.sandbox, "/root/f", NULL, 0, NULL, &error));
    check_content(&s, "/root/f", "", 0);
    check_sh(&s, "cd; stat -c %s f", "0\n");
    wrenn_sandbox_upload_stream_options in = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    in.path = "/root/deep/er/f";
    in.fd = &ends[0];
    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    CHECK_INT(write(ends[1], "piped", 5), 5);
    close(ends[1]);
    OK(wrenn_sandbox_upload_stream(s.sandbox, &in, &error));
    close(ends[0]);
    check_content(&s, "/root/deep/er/f", "piped", 5);
    in.fd = NULL;
    in.file = "/dev/null";
    OK(wrenn_sandbox_upload_stream(s.sandbox, &in, &error));
    check_content(&s, "/root/deep/er/f", "", 0);
    tear_down(&s);
}

TEST_AS_BOTH(contents_may_be_anything, contents)

static void options(void) {
    setup s = set_up();
    generator from = {.size = 3};
    wrenn_sandbox_upload_stream_options up = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    up.path = "/tmp/f";
    up.read = give;
    up.user_data = &from;
    up.mode = 0700;
    up.owner = geteuid() == 0 ? "user" : "root";
    OK(wrenn_sandbox_upload_stream(s.sandbox, &up, &error));
    check_sh(&s, "stat -c '%a %U %s' /tmp/f; ln /tmp/f /tmp/g", geteuid() == 0 ? "700 user 3\n" : "700 root 3\n");
    from = (generator){.size = 4};
    up.mode = 0;
    up.owner = NULL;
    up.flags = WRENN_SANDBOX_UPLOAD_STREAM_IN_PLACE;
    OK(wrenn_sandbox_upload_stream(s.sandbox, &up, &error));
    check_sh(&s, "stat -c '%a %s' /tmp/g", "700 4\n");
    from = (generator){.size = 4};
    up.owner = "captain";
    CHECK_INT(wrenn_sandbox_upload_stream(s.sandbox, &up, NULL), WRENN_E_VALIDATION);
    tear_down(&s);
}

TEST_AS_BOTH(uploads_with_mode_owner_and_place, options)

/* Each call on files as an ordinary user of the sandbox; where there is none, the server says so. */
static void users(void) {
    setup s = set_up();
    bool root = geteuid() == 0;
    wrenn_sandbox *as = NULL, *nobody = NULL;
    wrenn_file_list *list = NULL;
    wrenn_file_entry *entry = NULL;
    wrenn_file *file = NULL;
    int64_t there = 0;
    check_sh(&s, "mkdir -m 700 /root/closed; touch /root/closed/f", "");
    OK(wrenn_sandbox_as_user(s.sandbox, root ? "user" : "root", &as, &error));
    OK(wrenn_sandbox_as_user(s.sandbox, "captain", &nobody, &error));
    OK(wrenn_sandbox_mkdir(as, "mine", NULL, &entry, &error));
    CHECK_STR(entry->owner, root ? "user" : "root");
    CHECK_STR(entry->path, root ? "/home/user/mine" : "/root/mine");
    OK(wrenn_sandbox_upload(as, "mine/f", "hello", 5, NULL, &error));
    check_sh(&s, root ? "stat -c '%U %s' /home/user/mine/f" : "stat -c '%U %s' /root/mine/f",
             root ? "user 5\n" : "root 5\n");
    OK(wrenn_sandbox_download(as, "mine/f", NULL, &file, &error));
    OK(wrenn_sandbox_list_dir(as, "mine", 1, NULL, &list, &error));
    CHECK_INT(list->items_count, 1);
    wrenn_file_list_free(list);
    OK(wrenn_sandbox_exists(as, "mine/f", NULL, &there, &error));
    CHECK_INT(there, 1);
    OK(wrenn_sandbox_remove(as, "mine", NULL, &error));
    if (root) {
        CHECK_INT(wrenn_sandbox_list_dir(as, "/root/closed", 1, NULL, &list, NULL), WRENN_E_AGENT);
        CHECK_INT(wrenn_sandbox_remove(as, "/root/closed", NULL, NULL), WRENN_E_AGENT);
        CHECK_INT(wrenn_sandbox_upload(as, "/root/f", "x", 1, NULL, NULL), WRENN_E_AGENT);
    }
    CHECK_INT(wrenn_sandbox_list_dir(nobody, "/", 1, NULL, &list, NULL), WRENN_E_VALIDATION);
    CHECK_INT(wrenn_sandbox_remove(nobody, "/root/closed", NULL, NULL), WRENN_E_VALIDATION);
    CHECK_INT(wrenn_sandbox_upload(nobody, "/root/f", "x", 1, NULL, NULL), WRENN_E_VALIDATION);
    check_sh(&s, "ls /root", "closed\n");
    wrenn_file_free(file);
    wrenn_file_entry_free(entry);
    wrenn_sandbox_free(as);
    wrenn_sandbox_free(nobody);
    tear_down(&s);
}

TEST_AS_BOTH(everything_about_files_is_done_as_the_user_of_the_handle, users)

static void refusals(void) {
    setup s = set_up();
    static char data[8 * MIB];
    wrenn_file *file = NULL;
    int64_t size = 0;
    check_sh(&s, "cd; mkdir dir; ln -s dir link; ln -s none dangling; printf hello >f; ln -s f good", "");
    CHECK_INT(wrenn_sandbox_download(s.sandbox, "/root/none", NULL, &file, NULL), WRENN_E_NOT_FOUND);
    int rc = wrenn_sandbox_download(s.sandbox, "/root/dir", NULL, &file, NULL);
    CHECK(rc < 0 && !file);
    static const struct {
        const char *path;
        int64_t size;
    } cases[] = {{"/root/f", 5},
                 {"good", 5},
                 {"/root/none", WRENN_E_NOT_FOUND},
                 {"dangling", WRENN_E_NOT_FOUND},
                 {"/root/dir", WRENN_E_INVALID_ARGUMENT},
                 {"/root/link/", WRENN_E_INVALID_ARGUMENT}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        wrenn_sandbox_download_stream_options out = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
        out.path = cases[i].path;
        out.file = "/dev/null";
        out.flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY;
        rc = wrenn_sandbox_download_stream(s.sandbox, &out, &size, NULL);
        CHECK_MSG((rc == 0 ? size : rc) == cases[i].size, "%s: %d", cases[i].path, rc);
    }
    /* Refused while the body goes out, or before. */
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/root/f/g", data, sizeof(data), NULL, NULL), WRENN_E_VALIDATION);
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/root/dir", data, sizeof(data), NULL, NULL), WRENN_E_VALIDATION);
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/root/dir", data, 10, NULL, NULL), WRENN_E_VALIDATION);
    OK(wrenn_sandbox_destroy(s.sandbox, NULL, &error));
    CHECK_INT(wrenn_sandbox_upload(s.sandbox, "/root/f", data, sizeof(data), NULL, NULL), WRENN_E_CONFLICT);
    CHECK_INT(wrenn_sandbox_download(s.sandbox, "/root/f", NULL, &file, NULL), WRENN_E_CONFLICT);
    tear_down(&s);
}

TEST_AS_BOTH(refusals_are_typed, refusals)

TEST_MAIN
