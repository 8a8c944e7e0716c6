/* Talks to a command while it runs: writes to its standard input, and shows its output as it comes. */
#include <stdio.h>
#include <string.h>
#include <wrenn/wrenn.h>

static int show(wrenn_stream *stream, wrenn_error **error) {
    const wrenn_event *event;
    int rc;
    while ((rc = wrenn_stream_next(stream, -1, &event, error)) > 0) {
        switch (event->type) {
        case WRENN_EVENT_STARTED: printf("started\n"); break;
        case WRENN_EVENT_STDOUT: printf("out: %.*s", (int)event->size, event->data); break;
        case WRENN_EVENT_STDERR: printf("err: %.*s", (int)event->size, event->data); break;
        case WRENN_EVENT_EXIT: printf("exit code %lld\n", (long long)event->exit_code); break;
        default: break; /* newer servers may send more */
        }
    }
    return rc;
}

static int talk(wrenn_sandbox *sandbox, wrenn_error **error) {
    static const char names[] = "pear\napple\nquince\n";
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_stream *stream = NULL;
    command.shell = "echo sorting >&2; sort";
    command.want_stdin = 1;
    int rc = wrenn_sandbox_exec_stream(sandbox, &command, NULL, &stream, error);
    if (rc < 0) return rc;

    /* Without a time limit it takes all of them. More than a pipe holds is better written between reads: a command that
     * waits for its output to be read does not read. */
    int64_t taken = wrenn_stream_write(stream, names, strlen(names), -1, error);
    rc = taken < 0 ? (int)taken : wrenn_stream_close_input(stream, error);
    if (rc >= 0) rc = show(stream, error);
    wrenn_stream_free(stream);
    return rc;
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = talk(sandbox, &error);
    if (rc < 0) fprintf(stderr, "exec_stream: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
