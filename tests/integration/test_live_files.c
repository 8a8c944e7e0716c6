/* Live tests, part two: files, and code. */
#include <stdio.h>

#include "live.h"

static const wrenn_file_entry *find(const wrenn_file_list *list, const char *name) {
    for (size_t i = 0; i < list->items_count; i++)
        if (strcmp(list->items[i]->name, name) == 0) return list->items[i];
    return NULL;
}

static bool lists(wrenn_sandbox *sandbox, const char *directory, int64_t depth, const char *name) {
    wrenn_file_list *list = NULL;
    OK(wrenn_sandbox_list_dir(sandbox, directory, depth, NULL, &list, &error));
    bool found = find(list, name) != NULL;
    wrenn_file_list_free(list);
    return found;
}

static void make(wrenn_sandbox *sandbox, const char *path) {
    wrenn_file_entry *entry = NULL;
    OK(wrenn_sandbox_mkdir(sandbox, path, NULL, &entry, &error));
    CHECK_INT(entry->type, WRENN_FILE_TYPE_DIRECTORY);
    wrenn_file_entry_free(entry);
}

LIVE_TEST(directories) {
    (void)client;
    CHECK(lists(sandbox, "/", 1, "tmp"));
    make(sandbox, "/tmp/live/a/b");
    make(sandbox, "/tmp/live/a/b"); /* it is there already */
    CHECK(lists(sandbox, "/tmp", 1, "live"));
    CHECK(!lists(sandbox, "/tmp/live", 1, "b"));
    CHECK(lists(sandbox, "/tmp/live", 2, "b"));
    wrenn_file_list *empty = NULL;
    OK(wrenn_sandbox_list_dir(sandbox, "/tmp/live/a/b", 1, NULL, &empty, &error));
    CHECK_INT(empty->items_count, 0);
    wrenn_file_list_free(empty);
    OK(wrenn_sandbox_remove(sandbox, "/tmp/live", NULL, &error));
    CHECK(!lists(sandbox, "/tmp", 1, "live"));
}

LIVE_TEST(what_a_listing_says_of_a_file) {
    (void)client;
    wrenn_file_list *list = NULL;
    make(sandbox, "/tmp/live");
    OK(wrenn_sandbox_upload(sandbox, "/tmp/live/hello.txt", "hello world", 11, NULL, &error));
    OK(wrenn_sandbox_list_dir(sandbox, "/tmp/live", 1, NULL, &list, &error));
    const wrenn_file_entry *entry = find(list, "hello.txt");
    CHECK(entry != NULL);
    CHECK_INT(entry->type, WRENN_FILE_TYPE_FILE);
    CHECK_INT(entry->size, 11);
    CHECK(entry->owner && entry->permissions && *entry->permissions);
    wrenn_file_list_free(list);
}

LIVE_TEST(upload_download_remove) {
    (void)client;
    static const char bytes[] = "a\0b\xff\r\n";
    wrenn_file *file = NULL;
    int64_t exists = -1;
    OK(wrenn_sandbox_upload(sandbox, "/tmp/bytes.bin", bytes, sizeof(bytes), NULL, &error));
    OK(wrenn_sandbox_upload(sandbox, "/tmp/bytes.bin", bytes, sizeof(bytes) - 1, NULL, &error)); /* replaces it */
    OK(wrenn_sandbox_download(sandbox, "/tmp/bytes.bin", NULL, &file, &error));
    CHECK_MEM(file->data, file->size, bytes, sizeof(bytes) - 1);
    wrenn_file_free(file);
    file = NULL;
    OK(wrenn_sandbox_exists(sandbox, "/tmp/bytes.bin", NULL, &exists, &error));
    CHECK_INT(exists, 1);
    OK(wrenn_sandbox_remove(sandbox, "/tmp/bytes.bin", NULL, &error));
    OK(wrenn_sandbox_exists(sandbox, "/tmp/bytes.bin", NULL, &exists, &error));
    CHECK_INT(exists, 0);
    CHECK(wrenn_sandbox_download(sandbox, "/tmp/bytes.bin", NULL, &file, NULL) < 0);
}

/* ---- files as streams ---- */

enum { STREAMED = 192 * 1024 };

static unsigned char byte_at(size_t at) { return (unsigned char)(at * 2654435761u >> 13); }

static int64_t give(void *buffer, size_t size, void *data) {
    size_t *at = data, count = STREAMED - *at < size ? STREAMED - *at : size;
    for (size_t i = 0; i < count; i++) ((unsigned char *)buffer)[i] = byte_at(*at + i);
    *at += count;
    return (int64_t)count;
}

static int take(const void *bytes, size_t size, void *data) {
    size_t *at = data;
    for (size_t i = 0; i < size; i++)
        if (((const unsigned char *)bytes)[i] != byte_at(*at + i)) return -1;
    *at += size;
    return 0;
}

LIVE_TEST(files_as_streams) {
    (void)client;
    size_t sent = 0, got = 0;
    int64_t size = -1;
    wrenn_sandbox_upload_stream_options up = WRENN_SANDBOX_UPLOAD_STREAM_OPTIONS_INIT;
    wrenn_sandbox_download_stream_options down = WRENN_SANDBOX_DOWNLOAD_STREAM_OPTIONS_INIT;
    up.path = down.path = "/tmp/streamed";
    up.read = give;
    up.user_data = &sent;
    down.write = take;
    down.user_data = &got;
    OK(wrenn_sandbox_upload_stream(sandbox, &up, &error));
    OK(wrenn_sandbox_download_stream(sandbox, &down, &size, &error));
    CHECK_INT(size, STREAMED);
    CHECK_INT(got, STREAMED);
}

/* ---- code ---- */

/* The text of the last value, which the caller compares; the execution is freed with the next call. */
static const wrenn_code_execution *run_code(wrenn_sandbox *sandbox, wrenn_code_context *context, const char *code) {
    static wrenn_code_execution *execution;
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    options.code = code;
    options.context = context;
    wrenn_code_execution_free(execution);
    execution = NULL;
    if (code) OK(wrenn_sandbox_run_code(sandbox, &options, &execution, &error));
    return execution;
}

static wrenn_sandbox *create_for_code(wrenn_client *client) {
    const char *name =
        live_is_set("WRENN_TEST_CODE_TEMPLATE") ? getenv("WRENN_TEST_CODE_TEMPLATE") : "code-runner-beta";
    wrenn_sandbox *sandbox = NULL;
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    create.template_name = name;
    create.idle_timeout_sec = 120;
    create.flags = WRENN_SANDBOXES_CREATE_WAIT;
    wrenn_error *why = NULL;
    int rc = wrenn_sandboxes_create(client, &create, &sandbox, &why);
    if (rc == WRENN_E_NOT_FOUND) {
        wrenn_client_free(client); /* ends a private server */
        test_skip("the server has no template \"%s\" with a Jupyter server; name one in WRENN_TEST_CODE_TEMPLATE",
                  name);
    }
    CHECK_MSG(rc == 0, "%s", wrenn_error_message(why));
    return sandbox;
}

/* A private server has the templates of WRENND_TEMPLATE_DIR; without the packages for this one, none with a kernel. */
static void build_code_template(void) {
    char command[600], templates[300];
    const char *wrennd = getenv("WRENN_WRENND");
    snprintf(templates, sizeof(templates), "%s/templates", test_dir());
    snprintf(command, sizeof(command), "'%s' template build code-interpreter --template-dir '%s' >&2",
             wrennd ? wrennd : "wrennd", templates);
    if (system(command) == 0) setenv("WRENND_TEMPLATE_DIR", templates, 1); /* NOLINT(cert-env33-c) */
}

TEST_SLOW(code_in_a_kernel) {
    if (live_is_private()) build_code_template();
    wrenn_client *client = live_client();
    wrenn_sandbox *sandbox = create_for_code(client);
    wrenn_code_context *context = NULL;
    OK(wrenn_sandbox_code_context(sandbox, NULL, &context, &error));
    run_code(sandbox, context, "x = 42");
    CHECK_STR(run_code(sandbox, context, "x * 2")->text, "84");
    run_code(sandbox, context, "def twice(n):\n    return 2 * n");
    CHECK_STR(run_code(sandbox, context, "twice(4)")->text, "8");
    CHECK_STR(run_code(sandbox, context, "print('hello')")->stdout_data, "hello\n");
    const wrenn_code_execution *failed = run_code(sandbox, context, "1 / 0");
    CHECK(failed->error != NULL);
    CHECK_STR(failed->error->name, "ZeroDivisionError");
    CHECK_CONTAINS(failed->error->traceback, "ZeroDivisionError");
    run_code(sandbox, context, NULL);
    OK(wrenn_code_context_delete(context, NULL, &error));
    wrenn_code_context_free(context);
    live_end(client, sandbox);
}
