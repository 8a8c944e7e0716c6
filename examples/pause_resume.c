/* Freezes a sandbox with its processes and lets it go on. A paused one takes no commands. */
#include <stdio.h>
#include <wrenn/wrenn.h>

static int run(wrenn_sandbox *sandbox, const char *line, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.shell = line;
    int rc = wrenn_sandbox_exec(sandbox, &command, NULL, &result, error);
    if (rc >= 0) fwrite(result->stdout_data, 1, result->stdout_size, stdout);
    wrenn_exec_result_free(result);
    return rc;
}

static int pause_it(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_sandbox_pause_options options = WRENN_SANDBOX_PAUSE_OPTIONS_INIT;
    options.flags = WRENN_SANDBOX_PAUSE_WAIT; /* some servers answer before it is paused */
    int rc = wrenn_sandbox_pause(sandbox, &options, error);
    if (rc >= 0) printf("%s\n", wrenn_sandbox_last_info(sandbox)->status_text);
    return rc;
}

/* Refused while it is paused. Any other failure, or none, would be a surprise. */
static int try_it(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_error *refusal = NULL;
    int rc = run(sandbox, "true", &refusal);
    if (wrenn_error_is(refusal, WRENN_E_CONFLICT)) {
        printf("refused: %s\n", wrenn_strerror(wrenn_error_code(refusal)));
        wrenn_error_free(refusal);
        return 0;
    }
    *error = refusal;
    return rc;
}

/* By id, as another program would: looks it up, resumes it if it is paused, and waits until it runs. */
static int come_back(wrenn_client *client, const char *id, wrenn_error **error) {
    wrenn_sandbox *sandbox = NULL;
    int rc = wrenn_sandboxes_connect(client, id, NULL, &sandbox, error);
    if (rc >= 0) printf("%s\n", wrenn_sandbox_last_info(sandbox)->status_text);
    if (rc >= 0) rc = run(sandbox, "cat /tmp/note", error);
    wrenn_sandbox_free(sandbox);
    return rc;
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = run(sandbox, "echo kept > /tmp/note", &error);
    if (rc >= 0) rc = pause_it(sandbox, &error);
    if (rc >= 0) rc = try_it(sandbox, &error);
    if (rc >= 0) rc = wrenn_sandbox_resume(sandbox, NULL, &error);
    if (rc >= 0) rc = pause_it(sandbox, &error);
    if (rc >= 0) rc = come_back(client, wrenn_sandbox_id(sandbox), &error);
    if (rc < 0) fprintf(stderr, "pause_resume: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
