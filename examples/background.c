/* Leaves a command running in a sandbox, finds it again, watches it for a while and ends it. */
#include <stdio.h>
#include <wrenn/wrenn.h>

static int start(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_process *process = NULL;
    command.shell = "while :; do echo still here; sleep 0.1; done";
    command.tag = "worker";
    int rc = wrenn_sandbox_spawn(sandbox, &command, NULL, &process, error);
    if (rc < 0) return rc;
    printf("started %s\n", process->tag);
    wrenn_process_free(process);
    return 0;
}

static int list(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_process_list *processes = NULL;
    int rc = wrenn_sandbox_processes(sandbox, NULL, &processes, error);
    if (rc < 0) return rc;
    for (size_t i = 0; i < processes->items_count; i++)
        printf("running: %s (%s)\n", processes->items[i]->tag, processes->items[i]->cmd);
    wrenn_process_list_free(processes);
    return 0;
}

/* Shows what it prints from now on, until it has ended. */
static int watch(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_stream *stream = NULL;
    const wrenn_event *event;
    int rc = wrenn_sandbox_attach(sandbox, "worker", NULL, &stream, error);
    if (rc < 0) return rc;
    int seen = 0;
    while ((rc = wrenn_stream_next(stream, -1, &event, error)) > 0) {
        if (event->type == WRENN_EVENT_STDOUT) {
            printf("%.*s", (int)event->size, event->data);
            if (++seen == 2) rc = wrenn_sandbox_kill(sandbox, "worker", 15, NULL, error);
        } else if (event->type == WRENN_EVENT_EXIT) {
            printf("ended by a signal: %s\n", event->exit_code == -1 ? "yes" : "no");
        }
        if (rc < 0) break;
    }
    wrenn_stream_free(stream);
    return rc;
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = start(sandbox, &error);
    if (rc >= 0) rc = list(sandbox, &error);
    if (rc >= 0) rc = watch(sandbox, &error);
    if (rc < 0) fprintf(stderr, "background: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
