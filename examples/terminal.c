/* Opens a terminal, types into it, leaves it, comes back to it by its tag, and ends its shell. */
#include <stdio.h>
#include <string.h>
#include <wrenn/wrenn.h>

static int type(wrenn_stream *terminal, const char *keys, wrenn_error **error) {
    int64_t taken = wrenn_stream_write(terminal, keys, strlen(keys), -1, error);
    return taken < 0 ? (int)taken : 0;
}

/* Shows what the terminal shows until a line ends in `mark`, or its process has ended (mark NULL). */
static int show_until(wrenn_stream *terminal, const char *mark, wrenn_error **error) {
    char screen[8192] = "";
    const wrenn_event *event;
    int rc;
    while ((rc = wrenn_stream_next(terminal, -1, &event, error)) > 0) {
        if (event->type == WRENN_EVENT_EXIT) printf("[exit code %lld]\n", (long long)event->exit_code);
        if (event->type != WRENN_EVENT_STDOUT) continue;
        fwrite(event->data, 1, event->size, stdout);
        size_t used = strlen(screen);
        snprintf(screen + used, sizeof(screen) - used, "%s", event->data);
        if (mark && strstr(screen, mark)) return 0;
    }
    return rc;
}

static int first_visit(wrenn_sandbox *sandbox, char *tag, size_t size, wrenn_error **error) {
    const char *const argv[] = {"sh", NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_stream *terminal = NULL;
    command.argv = argv;
    command.cols = 100;
    command.rows = 30;
    int rc = wrenn_sandbox_pty(sandbox, &command, NULL, &terminal, error);
    if (rc < 0) return rc;
    snprintf(tag, size, "%s", wrenn_stream_tag(terminal));
    rc = wrenn_stream_resize(terminal, 132, 50, error);
    if (rc >= 0) rc = type(terminal, "stty size; answer=42\n", error);
    if (rc >= 0) rc = show_until(terminal, "50 132\r\n", error);
    wrenn_stream_free(terminal); /* its shell goes on; wrenn_stream_close() would end it */
    return rc;
}

static int second_visit(wrenn_sandbox *sandbox, const char *tag, wrenn_error **error) {
    wrenn_stream *terminal = NULL;
    int rc = wrenn_sandbox_pty_connect(sandbox, tag, NULL, &terminal, error);
    if (rc < 0) return rc;
    rc = type(terminal, "exit $answer\n", error);
    if (rc >= 0) rc = show_until(terminal, NULL, error);
    wrenn_stream_free(terminal);
    return rc;
}

int main(void) {
    char tag[128] = "";
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = first_visit(sandbox, tag, sizeof(tag), &error);
    if (rc >= 0) rc = second_visit(sandbox, tag, &error);
    if (rc < 0) fprintf(stderr, "terminal: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
