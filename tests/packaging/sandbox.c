/* Runs `true` in a sandbox of the server that the environment names. */
#include <stdio.h>
#include <wrenn/wrenn.h>

int main(void) {
    const char *const argv[] = {"true", NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_exec_result *result = NULL;
    wrenn_error *error = NULL;
    command.argv = argv;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = wrenn_sandbox_exec(sandbox, &command, NULL, &result, &error);
    if (rc >= 0) printf("true exited with %lld\n", (long long)result->exit_code);
    else fprintf(stderr, "%s\n", wrenn_error_message(error));
    if (sandbox && wrenn_sandbox_destroy(sandbox, NULL, NULL) < 0) rc = -1;
    wrenn_exec_result_free(result);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    wrenn_error_free(error);
    return rc < 0 ? 1 : 0;
}
