/* Live tests, part three: commands as they go on, processes, terminals. */
#include <stdio.h>

#include "live.h"

typedef struct output {
    char text[16384]; /* stdout, and what a terminal shows */
    size_t size;
    int64_t exit_code; /* -99: none came */
} output;

/* Everything until the end, or until `marker` appears. */
static output read_stream(wrenn_stream *stream, const char *marker) {
    output o = {.exit_code = -99};
    const wrenn_event *event;
    for (;;) {
        wrenn_error *error = NULL;
        int rc = wrenn_stream_next(stream, 60000, &event, &error);
        CHECK_MSG(rc >= 0, "%s", wrenn_error_message(error));
        if (rc == 0) return o;
        if (event->type == WRENN_EVENT_EXIT) o.exit_code = event->exit_code;
        if (event->type != WRENN_EVENT_STDOUT) continue;
        CHECK(o.size + event->size < sizeof(o.text));
        memcpy(o.text + o.size, event->data, event->size);
        o.size += event->size;
        if (marker && strstr(o.text, marker)) return o;
    }
}

static void type_keys(wrenn_stream *terminal, const char *keys) {
    CHECK_INT(wrenn_stream_write(terminal, keys, strlen(keys), -1, NULL), strlen(keys));
}

static wrenn_stream *open_terminal(wrenn_sandbox *sandbox, const char *const *envs) {
    static const char *const argv[] = {"/bin/sh", NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_stream *stream = NULL;
    command.argv = argv;
    command.envs = envs;
    OK(wrenn_sandbox_pty(sandbox, &command, NULL, &stream, &error));
    return stream;
}

LIVE_TEST(exec_stream) {
    (void)client;
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_stream *stream = NULL;
    command.shell = "echo one; sleep 0.1; echo two; exit 7";
    OK(wrenn_sandbox_exec_stream(sandbox, &command, NULL, &stream, &error));
    output o = read_stream(stream, NULL);
    CHECK_STR(o.text, "one\ntwo\n");
    CHECK_INT(o.exit_code, 7);
    wrenn_stream_free(stream);
}

static bool runs(wrenn_sandbox *sandbox, int64_t pid) {
    wrenn_process_list *list = NULL;
    bool found = false;
    OK(wrenn_sandbox_processes(sandbox, NULL, &list, &error));
    for (size_t i = 0; i < list->items_count; i++) found |= list->items[i]->pid == pid;
    wrenn_process_list_free(list);
    return found;
}

LIVE_TEST(background_processes) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_process *process = NULL;
    wrenn_error *why = NULL;
    command.shell = "sleep 1000";
    command.tag = "live-sleeper";
    int rc = wrenn_sandbox_spawn(sandbox, &command, NULL, &process, &why);
    if (rc == WRENN_E_UNSUPPORTED) {
        live_end(client, sandbox);
        test_skip("%s", wrenn_error_message(why));
    }
    CHECK_MSG(rc == 0, "%s", wrenn_error_message(why));
    CHECK_STR(process->tag, "live-sleeper");
    CHECK(process->pid > 0 && runs(sandbox, process->pid));
    OK(wrenn_sandbox_kill(sandbox, "live-sleeper", 0, NULL, &error));
    while (runs(sandbox, process->pid)) live_expect(sandbox, "sleep 0.05", "");
    wrenn_process_free(process);
}

LIVE_TEST(what_a_terminal_shows) {
    (void)client;
    wrenn_stream *terminal = open_terminal(sandbox, NULL);
    CHECK(wrenn_stream_pid(terminal) > 0);
    CHECK_INT(strncmp(wrenn_stream_tag(terminal), "pty-", 4), 0);
    type_keys(terminal, "echo mar''ker\n"); /* what is typed is shown too */
    read_stream(terminal, "marker");
    type_keys(terminal, "exit 3\n");
    CHECK_INT(read_stream(terminal, NULL).exit_code, 3);
    wrenn_stream_free(terminal);
}

LIVE_TEST(a_terminal_changes_its_size) {
    (void)client;
    wrenn_stream *terminal = open_terminal(sandbox, NULL);
    OK(wrenn_stream_resize(terminal, 132, 50, &error));
    type_keys(terminal, "while [ \"$(stty size)\" != '50 132' ]; do sleep 0.05; done; echo re''sized; exit\n");
    CHECK_CONTAINS(read_stream(terminal, NULL).text, "resized");
    wrenn_stream_free(terminal);
}

LIVE_TEST(a_terminal_has_its_variables) {
    (void)client;
    static const char *const envs[] = {"LIVE_TEST=it is there", NULL};
    wrenn_stream *terminal = open_terminal(sandbox, envs);
    type_keys(terminal, "echo \"$LIVE_TEST\"; exit\n");
    CHECK_CONTAINS(read_stream(terminal, NULL).text, "it is there");
    wrenn_stream_free(terminal);
}

TEST_MAIN
