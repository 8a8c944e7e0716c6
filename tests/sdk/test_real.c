/* Against the manners of the platform's own servers: nothing is lost in silence, and errors say what is wrong. */
#include <stdio.h>

#include "clock.h"
#include "real_server.h"
#include "sdk.h"

typedef struct real {
    real_server *server;
    script_server *script;
    wrenn_client *client;
    wrenn_sandbox *running, *paused, *unknown;
} real;

static wrenn_sandbox *handle(wrenn_client *client, const char *id) {
    wrenn_sandbox *sandbox = NULL;
    CHECK_INT(wrenn_sandbox_from_id(client, id, &sandbox, NULL), 0);
    return sandbox;
}

static real begin_with(real_kind kind, const char *key) {
    real r = {.server = real_start(kind)};
    r.script = real_script(r.server);
    wrenn_client_options options = sdk_options(script_url(r.script));
    options.era = kind == REAL_CAPSULES ? WRENN_ERA_CAPSULES : WRENN_ERA_SANDBOXES;
    if (key) options.api_key = key;
    r.client = sdk_client(&options);
    r.running = handle(r.client, REAL_RUNNING);
    r.paused = handle(r.client, REAL_PAUSED);
    r.unknown = handle(r.client, REAL_UNKNOWN);
    return r;
}

static real begin(real_kind kind) { return begin_with(kind, NULL); }

static void end(real *r) {
    wrenn_sandbox_free(r->running);
    wrenn_sandbox_free(r->paused);
    wrenn_sandbox_free(r->unknown);
    wrenn_client_free(r->client);
    real_stop(r->server);
}

static const char *last(real *r) { return script_request(r->script, script_count(r->script) - 1); }

/* ---- paths ---- */

TEST(names_in_paths_are_escaped_as_these_servers_expect) {
    real r = begin(REAL_CAPSULES);
    CHECK_INT(wrenn_hosts_remove_tag(r.client, "host-1", "env=prod", NULL, NULL), 0);
    CHECK_CONTAINS(last(&r), "DELETE /v1/hosts/host-1/tags/env=prod ");
    CHECK_INT(wrenn_hosts_remove_tag(r.client, "host-1", "$&+,:;=@ !'()*?#%", NULL, NULL), 0);
    CHECK_CONTAINS(last(&r), "/tags/$&+,:;=@%20%21%27%28%29%2A%3F%23%25 ");
    CHECK_INT(wrenn_sandbox_kill(r.running, "job:1", 0, NULL, NULL), 0);
    CHECK_INT(wrenn_sandbox_kill(r.running, "job:2", 0, NULL, NULL), WRENN_E_NOT_FOUND);
    end(&r);
}

TEST(a_slash_in_a_name_is_not_lost_in_silence) {
    real r = begin(REAL_CAPSULES);
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_hosts_remove_tag(r.client, "host-1", "a/b", NULL, &error), WRENN_E_UNSUPPORTED);
    CHECK_CONTAINS(wrenn_error_message(error), "\"/\"");
    wrenn_error_free(error);
    end(&r);
}

/* ---- commands ---- */

static const char *const odd_envs[] = {"NAME=v", "ODD-NAME=a b", "-x=$HOME `id`", "EMPTY=", NULL};
#define WRAPPED                                                                                                    \
    "\"cmd\":\"/bin/sh\",\"args\":[\"-c\",\"cd -P -- \\\"$1\\\" 2>/dev/null || { printf 'wrenn: cannot enter the " \
    "directory given as cwd: %s\\\\n' \\\"$1\\\" >&2; exit 125; }; shift; exec \\\"$@\\\"\",\"sh\",\"/usr/lib\","  \
    "\"/usr/bin/env\",\"--\",\"NAME=v\",\"ODD-NAME=a b\",\"-x=$HOME `id`\",\"EMPTY=\",\"sh\",\"-c\",\"echo $NAME\"]"

TEST(envs_and_cwd_go_as_words_where_they_would_be_ignored) {
    for (int kind = REAL_CAPSULES; kind <= REAL_SANDBOXES; kind++) {
        real r = begin(kind);
        const char *const argv[] = {"sh", "-c", "echo $NAME", NULL};
        wrenn_command options = {.struct_size = sizeof(options), .argv = argv, .envs = odd_envs, .cwd = "/usr/lib"};
        wrenn_exec_result *result = NULL;
        CHECK_INT(wrenn_sandbox_exec(r.running, &options, NULL, &result, NULL), 0);
        wrenn_exec_result_free(result);
        CHECK_CONTAINS(last(&r), "{" WRAPPED ",\"timeout_sec\":30}");
        wrenn_command streamed = {.struct_size = sizeof(streamed), .argv = argv, .envs = odd_envs, .cwd = "/usr/lib"};
        wrenn_stream *stream = NULL;
        CHECK_INT(wrenn_sandbox_exec_stream(r.running, &streamed, NULL, &stream, NULL), 0);
        CHECK_CONTAINS(last(&r), "text:{\"type\":\"start\"," WRAPPED "}");
        wrenn_stream_free(stream);
        end(&r);
    }
}

TEST(words_that_env_or_cd_would_take_for_theirs_stay_exact) {
    static const struct {
        const char *cmd, *env, *cwd, *sent;
    } cases[] = {
        {"a=b", "N=v", NULL,
         "{\"cmd\":\"/usr/bin/env\",\"args\":[\"--\",\"N=v\",\"/bin/sh\",\"-c\",\"exec \\\"$@\\\"\",\"sh\",\"a=b\"],"},
        {"-x=y", "N=v", NULL,
         "{\"cmd\":\"/usr/bin/env\",\"args\":[\"--\",\"N=v\",\"/bin/sh\",\"-c\",\"\\\"$@\\\"\",\"sh\",\"-x=y\"],"},
        {"-", NULL, "/", "\"/usr/bin/env\",\"--\",\"/bin/sh\",\"-c\",\"\\\"$@\\\"\",\"sh\",\"-\"],"},
        {"-i", "N=v", NULL, "{\"cmd\":\"/usr/bin/env\",\"args\":[\"--\",\"N=v\",\"-i\"],"},
        {"x", NULL, "-", ",\"sh\",\"/-\",\"/usr/bin/env\",\"--\",\"x\"],"},
        {"x", NULL, "lib", ",\"sh\",\"/lib\",\"/usr/bin/env\",\"--\",\"x\"],"},
        {"x", NULL, "", "{\"cmd\":\"x\",\"args\":[],"},
        {"x", NULL, NULL, "{\"cmd\":\"x\",\"args\":[],"},
    };
    real r = begin(REAL_CAPSULES);
    for (size_t i = 0; i < COUNT(cases); i++) {
        const char *const argv[] = {cases[i].cmd, NULL}, *const envs[] = {cases[i].env, NULL};
        wrenn_command options = {.struct_size = sizeof(options), .argv = argv, .envs = envs, .cwd = cases[i].cwd};
        wrenn_exec_result *result = NULL;
        CHECK_INT(wrenn_sandbox_exec(r.running, &options, NULL, &result, NULL), 0);
        wrenn_exec_result_free(result);
        CHECK_CONTAINS(last(&r), cases[i].sent);
    }
    end(&r);
}

TEST(a_cwd_that_is_not_there_is_an_error_not_a_result) {
    real r = begin(REAL_CAPSULES);
    wrenn_command options = {.struct_size = sizeof(options), .shell = "true", .cwd = "/nowhere"};
    wrenn_exec_result *result = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_exec(r.running, &options, NULL, &result, &error), WRENN_E_VALIDATION);
    CHECK_CONTAINS(wrenn_error_message(error), "cwd: /nowhere");
    wrenn_error_free(error);
    end(&r);
}

TEST(a_503_in_the_middle_of_a_command_is_not_retriable) {
    real r = begin(REAL_CAPSULES);
    wrenn_command options = {.struct_size = sizeof(options), .shell = "host-dies"};
    wrenn_exec_result *result = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_exec(r.running, &options, NULL, &result, &error), WRENN_E_HOST_UNAVAILABLE);
    CHECK(!wrenn_error_retriable(error));
    wrenn_error_free(error);
    end(&r);
}

/* ---- what is not there ---- */

TEST(verify_below_a_missing_directory_is_not_found) {
    real r = begin(REAL_CAPSULES);
    wrenn_sandbox_download_stream_options options = {.struct_size = sizeof(options), .path = "/missing/below/file"};
    wrenn_error *error = NULL;
    char file[300];
    snprintf(file, sizeof(file), "%s/out", test_dir());
    options.file = file;
    options.flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY;
    CHECK_INT(wrenn_sandbox_download_stream(r.running, &options, NULL, &error), WRENN_E_NOT_FOUND);
    CHECK_CONTAINS(wrenn_error_message(error), "/missing/below/file");
    CHECK_CONTAINS(last(&r), "{\"path\":\"/\",\"depth\":1}");
    wrenn_error_free(error);
    end(&r);
}

TEST(a_server_that_can_lists_the_one_entry_only) {
    char *text = script_text("200 OK", "Wrenn-Features: list-only\r\n",
                             "{\"entries\":[{\"name\":\"f\",\"path\":\"/d/f\","
                             "\"type\":\"file\",\"size\":0}]}");
    script_reply reply = {.text = text};
    script_server *server = script_start(&reply, 1, true);
    wrenn_client_options client_options = sdk_options(script_url(server));
    wrenn_client *client = sdk_client(&client_options);
    wrenn_sandbox *sandbox = sdk_sandbox(client);
    wrenn_file_entry *entry = NULL;
    int64_t exists = 0;
    CHECK_INT(wrenn_sandbox_exists(sandbox, "/d/f", NULL, &exists, NULL), 0); /* nothing is known yet */
    CHECK_CONTAINS(script_request(server, 0), "{\"path\":\"/d\",\"depth\":1}");
    CHECK_INT(wrenn_sandbox_exists(sandbox, "/d/f", NULL, &exists, NULL), 0);
    CHECK_INT(exists, 1);
    CHECK_CONTAINS(script_request(server, 1), "{\"path\":\"/d\",\"only\":\"f\"}");
    CHECK_INT(wrenn_sandbox_stat(sandbox, "/d/f/", NULL, &entry, NULL), 0);
    CHECK_STR(entry->path, "/d/f");
    wrenn_file_entry_free(entry);
    char file[300];
    snprintf(file, sizeof(file), "%s/out", test_dir());
    wrenn_sandbox_download_stream_options options = {
        .struct_size = sizeof(options), .path = "/d/f", .file = file, .flags = WRENN_SANDBOX_DOWNLOAD_STREAM_VERIFY};
    CHECK_INT(wrenn_sandbox_download_stream(sandbox, &options, NULL, NULL), 0);
    CHECK_CONTAINS(script_request(server, 3), "{\"path\":\"/d\",\"only\":\"f\"}");
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    script_stop(server);
    free(text);
}

TEST(routes_that_do_not_exist_are_unsupported) {
    real r = begin(REAL_SANDBOXES);
    wrenn_process_list *list = NULL;
    wrenn_process *process = NULL;
    wrenn_stream *stream = NULL;
    wrenn_command spawn = {.struct_size = sizeof(spawn), .shell = "sleep 60"};
    CHECK_INT(wrenn_sandbox_processes(r.running, NULL, &list, NULL), WRENN_E_UNSUPPORTED);
    CHECK_INT(wrenn_sandbox_kill(r.running, "7", 0, NULL, NULL), WRENN_E_UNSUPPORTED);
    CHECK_INT(wrenn_sandbox_attach(r.running, "7", NULL, &stream, NULL), WRENN_E_UNSUPPORTED);
    CHECK_INT(wrenn_sandbox_spawn(r.running, &spawn, NULL, &process, NULL), WRENN_E_UNSUPPORTED);
    for (size_t i = 0; i < script_count(r.script); i++) CHECK(!strstr(script_request(r.script, i), "sleep 60"));
    end(&r);
}

TEST(background_commands_of_the_capsule_era_cost_one_call) {
    real r = begin(REAL_CAPSULES);
    wrenn_process *process = NULL;
    wrenn_command spawn = {.struct_size = sizeof(spawn), .shell = "sleep 60", .cwd = "/tmp"};
    CHECK_INT(wrenn_sandbox_spawn(r.running, &spawn, NULL, &process, NULL), 0);
    CHECK_INT(script_count(r.script), 1);
    CHECK_CONTAINS(last(&r), "\"cwd\":\"/tmp\"");
    wrenn_process_free(process);
    end(&r);
}

TEST(a_base_url_that_is_not_the_apis_is_named) {
    script_reply reply = {.text = script_text("404 Not Found", "", "<html>no such page</html>")};
    script_server *server = script_start(&reply, 1, true);
    wrenn_client_options options = sdk_options(script_url(server));
    wrenn_client *client = sdk_client(&options);
    wrenn_sandbox_list *list = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandboxes_list(client, NULL, &list, &error), WRENN_E_UNSUPPORTED);
    CHECK_CONTAINS(wrenn_error_message(error), script_url(server));
    CHECK_INT(wrenn_error_http_status(error), 404);
    CHECK_CONTAINS(wrenn_error_body(error), "no such page");
    wrenn_error_free(error);
    wrenn_client_free(client);
    script_stop(server);
    free((char *)(uintptr_t)reply.text);
}

/* ---- errors after the upgrade ---- */

typedef int (*open_fn)(wrenn_sandbox *sandbox, wrenn_stream **stream, wrenn_error **error);

static int open_exec(wrenn_sandbox *sandbox, wrenn_stream **stream, wrenn_error **error) {
    wrenn_command options = {.struct_size = sizeof(options), .shell = "true"};
    return wrenn_sandbox_exec_stream(sandbox, &options, NULL, stream, error);
}
static int open_pty(wrenn_sandbox *sandbox, wrenn_stream **stream, wrenn_error **error) {
    return wrenn_sandbox_pty(sandbox, NULL, NULL, stream, error);
}
static int open_attach(wrenn_sandbox *sandbox, wrenn_stream **stream, wrenn_error **error) {
    return wrenn_sandbox_attach(sandbox, "7", NULL, stream, error);
}
/* Its errors come with the first read. */
static int open_connect(wrenn_sandbox *sandbox, wrenn_stream **stream, wrenn_error **error) {
    const wrenn_event *event;
    int rc = wrenn_sandbox_pty_connect(sandbox, "pty-1", NULL, stream, error);
    if (rc == 0) rc = wrenn_stream_next(*stream, -1, &event, error);
    wrenn_stream_free(*stream);
    *stream = NULL;
    return rc;
}

TEST(streams_say_in_their_class_what_is_wrong) {
    static const open_fn opens[] = {open_exec, open_pty, open_connect, open_attach};
    for (int kind = REAL_CAPSULES; kind <= REAL_SANDBOXES; kind++) {
        for (size_t i = 0; i < COUNT(opens) - (kind == REAL_SANDBOXES); i++) {
            real r = begin(kind), wrong = begin_with(kind, REAL_WRONG_KEY);
            wrenn_stream *stream = NULL;
            wrenn_error *error = NULL;
            CHECK_INT(opens[i](r.paused, &stream, &error), WRENN_E_CONFLICT);
            if (kind == REAL_CAPSULES) CHECK_CONTAINS(wrenn_error_message(error), "status: paused");
            wrenn_error_free(error);
            CHECK_INT(opens[i](r.unknown, &stream, NULL), WRENN_E_NOT_FOUND);
            CHECK_INT(opens[i](wrong.running, &stream, NULL), WRENN_E_AUTHENTICATION);
            end(&r);
            end(&wrong);
        }
    }
}

TEST(a_connection_closed_without_a_word_is_explained) {
    real r = begin(REAL_CAPSULES);
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    CHECK_INT(wrenn_sandbox_attach(r.running, "no-such", NULL, &stream, &error), WRENN_E_CONNECTION_LOST);
    CHECK_CONTAINS(wrenn_error_message(error), "does not exist");
    wrenn_error_free(error);
    wrenn_command options = {.struct_size = sizeof(options), .cwd = "/nowhere"};
    CHECK_INT(wrenn_sandbox_pty(r.running, &options, NULL, &stream, &error), WRENN_E_CONNECTION_LOST);
    CHECK_CONTAINS(wrenn_error_message(error), "not started");
    wrenn_error_free(error);
    end(&r);
}

/* ---- terminals ---- */

static int next(wrenn_stream *stream, wrenn_error **error) {
    const wrenn_event *event;
    return wrenn_stream_next(stream, 20, &event, error);
}

TEST(a_terminal_that_says_nothing_is_given_up_by_its_tag) {
    real r = begin(REAL_CAPSULES);
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    int rc = WRENN_E_AGAIN;
    CHECK_INT(wrenn_sandbox_pty_connect(r.running, "no-such", NULL, &stream, NULL), 0);
    /* Pings of the transport are answered all the time. */
    for (int seconds = 0; seconds < 200 && rc == WRENN_E_AGAIN; seconds += 10) {
        clock_pass(10000000);
        for (int i = 0; i < 5 && rc == WRENN_E_AGAIN; i++) rc = next(stream, &error);
    }
    CHECK_INT(rc, WRENN_E_NOT_FOUND);
    CHECK_CONTAINS(wrenn_error_message(error), "\"no-such\"");
    wrenn_error_free(error);
    wrenn_stream_free(stream);
    end(&r);
}

TEST(an_unknown_tag_of_the_sandbox_era_is_not_found) {
    real r = begin(REAL_SANDBOXES);
    wrenn_stream *stream = NULL;
    const wrenn_event *event;
    CHECK_INT(wrenn_sandbox_pty_connect(r.running, "no-such", NULL, &stream, NULL), 0);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), WRENN_E_NOT_FOUND);
    wrenn_stream_free(stream);
    end(&r);
}

static size_t count_of(real *r, const char *begins) {
    size_t count = 0, all = script_count(r->script);
    for (size_t i = 0; i < all; i++) count += strncmp(script_request(r->script, i), begins, strlen(begins)) == 0;
    return count;
}

static wrenn_stream *terminal(real *r) {
    wrenn_stream *stream = NULL;
    const wrenn_event *event;
    CHECK_INT(wrenn_sandbox_pty(r->running, NULL, NULL, &stream, NULL), 0);
    CHECK_INT(wrenn_stream_next(stream, -1, &event, NULL), 1);
    return stream;
}

/* Keys one by one, and a flood: the server keeps 64 frames and drops the rest. */
TEST(input_goes_in_few_frames) {
    real r = begin(REAL_CAPSULES);
    wrenn_stream *stream = terminal(&r);
    for (int i = 0; i < 1000; i++) CHECK_INT(wrenn_stream_write(stream, "k", 1, 0, NULL), 1);
    CHECK_INT(wrenn_stream_write(stream, "\n", 1, -1, NULL), 1);
    size_t size = 3 * 1024 * 1024;
    char *flood = malloc(size);
    memset(flood, 'x', size);
    CHECK_INT(wrenn_stream_write(stream, flood, size, -1, NULL), size);
    free(flood);
    wrenn_stream_free(stream);
    script_wait(r.script, 3);
    wrenn_sandbox_list *list = NULL;
    CHECK_INT(wrenn_sandboxes_list(r.client, NULL, &list, NULL), 0); /* the server has read the rest before */
    wrenn_sandbox_list_free(list);
    CHECK(count_of(&r, "text:{\"type\":\"input\"") <= 40);
    end(&r);
}

TEST(no_input_is_lost_on_the_way) {
    real r = begin(REAL_CAPSULES);
    wrenn_stream *stream = terminal(&r);
    for (int i = 0; i < 100; i++) CHECK_INT(wrenn_stream_write(stream, "abc", 3, 0, NULL), 3);
    CHECK_INT(wrenn_stream_close_input(stream, NULL), 0); /* keeps its place */
    wrenn_stream_free(stream);                            /* what is held goes out first */
    size_t bytes = 0;
    while (bytes < 301) {
        bytes = 0;
        for (size_t i = 0; i < script_count(r.script); i++) {
            const char *request = script_request(r.script, i);
            const char *data = strncmp(request, "text:{\"type\":\"input\"", 20) ? NULL : strstr(request, "\"data\":\"");
            if (!data) continue;
            size_t digits = strcspn(data + 8, "\""), padding = strcspn(data + 8, "=\"");
            bytes += digits / 4 * 3 - (digits - padding);
        }
    }
    CHECK_INT(bytes, 301);
    end(&r);
}

TEST(a_size_and_a_kill_are_said_again) {
    real r = begin(REAL_CAPSULES);
    wrenn_stream *stream = terminal(&r);
    CHECK_INT(wrenn_stream_resize(stream, 100, 30, NULL), 0);
    CHECK_INT(wrenn_stream_kill(stream, NULL), 0);
    while (count_of(&r, "text:{\"type\":\"kill\"") < 3 ||
           count_of(&r, "text:{\"type\":\"resize\",\"cols\":100,\"rows\":30}") < 2) {
        clock_pass(1000000);
        CHECK_INT(next(stream, NULL), WRENN_E_AGAIN);
    }
    wrenn_stream_free(stream);
    end(&r);
}

TEST_MAIN
