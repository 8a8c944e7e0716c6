/* Runs a hundred commands at once, from one thread: each has a callback, and one loop runs them all. */
#include <stdio.h>
#include <stdlib.h>
#include <wrenn/wrenn.h>

enum { COMMANDS = 100 };

typedef struct many {
    int left, failed;
    long sum;
} many;

/* Runs once for each command, inside wrenn_client_dispatch(). */
static void on_done(wrenn_op *op, void *user_data) {
    many *all = user_data;
    wrenn_exec_result *result = NULL;
    wrenn_error *error = NULL;
    all->left--;
    if (wrenn_sandbox_exec_finish(op, &result, &error) < 0) {
        fprintf(stderr, "many_at_once: %s\n", wrenn_error_message(error));
        all->failed++;
    } else {
        all->sum += strtol(result->stdout_data, NULL, 10);
    }
    wrenn_error_free(error);
    wrenn_exec_result_free(result);
}

static int start_all(wrenn_sandbox *sandbox, many *all, wrenn_error **error) {
    for (int i = 1; i <= COMMANDS; i++) {
        char line[64];
        wrenn_command command = WRENN_COMMAND_INIT;
        snprintf(line, sizeof(line), "echo $((%d * %d))", i, i);
        command.shell = line; /* read during the call, so a local will do */
        int rc = wrenn_sandbox_exec_start(sandbox, &command, NULL, on_done, all, NULL, error);
        if (rc < 0) return rc;
        all->left++;
    }
    return 0;
}

int main(void) {
    many all = {0};
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.vcpus = 2;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, &options, &sandbox, &error);
    if (rc >= 0) rc = start_all(sandbox, &all, &error);
    while (rc >= 0 && all.left > 0) rc = wrenn_client_dispatch(client, -1, &error);
    if (rc < 0) fprintf(stderr, "many_at_once: %s\n", wrenn_error_message(error));
    else printf("%d commands failed, the sum of the squares is %ld\n", all.failed, all.sum);
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0 || all.failed;
}
