#include "work.h"

#include <stdio.h>
#include <string.h>

enum { COMMANDS = 5, TICKS = 3 };

static void on_destroyed(wrenn_op *op, void *user_data) {
    work *w = user_data;
    w->over = 1;
    if (wrenn_sandbox_destroy_finish(op, w->error ? NULL : &w->error) >= 0) printf("destroyed\n");
}

/* One command has ended, with rc. After the last one the sandbox may go; after a failure all is over. */
static void one_less(work *w, int rc) {
    w->under_way--;
    if (w->over) return; /* cancelled by the end of the client */
    if (rc >= 0 && w->under_way == 0)
        rc = wrenn_sandbox_destroy_start(w->sandbox, NULL, on_destroyed, w, NULL, &w->error);
    if (rc < 0) w->over = 1;
}

static void on_executed(wrenn_op *op, void *user_data) {
    work *w = user_data;
    wrenn_exec_result *result = NULL;
    int rc = wrenn_sandbox_exec_finish(op, &result, w->error ? NULL : &w->error);
    if (rc >= 0) printf("%s", result->stdout_data);
    wrenn_exec_result_free(result);
    one_less(w, rc);
}

/* Takes what is there. It is called again for what comes after WRENN_E_AGAIN. */
static void on_ready(wrenn_stream *stream, void *user_data) {
    work *w = user_data;
    wrenn_error *error = NULL;
    const wrenn_event *event;
    int rc;
    while ((rc = wrenn_stream_next(stream, 0, &event, &error)) > 0) {
        if (event->type == WRENN_EVENT_STDOUT) printf("%.*s", (int)event->size, event->data);
        if (event->type == WRENN_EVENT_EXIT) printf("exit code %lld\n", (long long)event->exit_code);
    }
    if (rc == WRENN_E_AGAIN) {
        wrenn_error_free(error);
        return;
    }
    if (w->error) wrenn_error_free(error);
    else w->error = error;
    wrenn_stream_free(stream);
    w->stream = NULL;
    one_less(w, rc);
}

static void on_streaming(wrenn_op *op, void *user_data) {
    work *w = user_data;
    int rc = wrenn_sandbox_exec_stream_finish(op, &w->stream, w->error ? NULL : &w->error);
    if (rc >= 0) wrenn_stream_on_ready(w->stream, on_ready, w);
    else one_less(w, rc);
}

static int start_commands(work *w) {
    for (int i = 0; i < COMMANDS; i++) {
        char line[64];
        wrenn_command command = WRENN_COMMAND_INIT;
        snprintf(line, sizeof(line), "echo command %d", i);
        command.shell = line;
        int rc = wrenn_sandbox_exec_start(w->sandbox, &command, NULL, on_executed, w, NULL, &w->error);
        if (rc < 0) return rc;
        w->under_way++;
    }
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "while read line; do echo \"the sandbox read: $line\"; done; exit 7";
    command.want_stdin = 1;
    int rc = wrenn_sandbox_exec_stream_start(w->sandbox, &command, NULL, on_streaming, w, NULL, &w->error);
    if (rc >= 0) w->under_way++;
    return rc;
}

static void on_created(wrenn_op *op, void *user_data) {
    work *w = user_data;
    int rc = wrenn_sandboxes_create_finish(op, &w->sandbox, &w->error);
    if (rc >= 0) rc = start_commands(w);
    if (rc < 0) w->over = 1;
}

void work_start(work *w) {
    if (wrenn_sandboxes_create_start(w->client, NULL, on_created, w, NULL, &w->error) < 0) w->over = 1;
}

void work_dispatch(work *w) {
    int rc = wrenn_client_dispatch(w->client, 0, w->error ? NULL : &w->error);
    if (rc < 0) w->over = 1;
}

void work_tick(work *w) {
    if (!w->stream || w->ticks >= TICKS) return;
    char line[32];
    w->ticks++;
    snprintf(line, sizeof(line), "tick %d\n", w->ticks);
    /* A line this short is taken whole; a longer text may be taken in part, and on_ready says when to go on. */
    int64_t taken = wrenn_stream_write(w->stream, line, strlen(line), 0, w->error ? NULL : &w->error);
    int rc = taken < 0 ? (int)taken : 0;
    if (rc >= 0 && w->ticks == TICKS) rc = wrenn_stream_close_input(w->stream, w->error ? NULL : &w->error);
    if (rc < 0) w->over = 1;
}

int work_end(work *w, const char *program) {
    int failed = w->error != NULL || !w->over;
    if (failed) fprintf(stderr, "%s: %s\n", program, wrenn_error_message(w->error));
    w->over = 1;
    wrenn_stream_free(w->stream);
    wrenn_sandbox_close(w->sandbox);
    wrenn_client_free(w->client); /* what is still under way is cancelled, and its callbacks run now */
    wrenn_error_free(w->error);
    return failed;
}
