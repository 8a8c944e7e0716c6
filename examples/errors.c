/* Provokes some failures and shows what an error tells. */
#include <stdio.h>
#include <wrenn/wrenn.h>

static void show(const char *what, const wrenn_error *error) {
    printf("%s: %s\n", what, wrenn_strerror_name(wrenn_error_code(error)));
    printf("  message: %s\n", wrenn_error_message(error));
    if (wrenn_error_http_status(error)) printf("  HTTP status: %lld\n", (long long)wrenn_error_http_status(error));
    if (wrenn_error_server_code(error)) printf("  server code: %s\n", wrenn_error_server_code(error));
    if (wrenn_error_retriable(error))
        printf("  may work again in %lld ms\n", (long long)wrenn_error_retry_after_ms(error));
}

static void unknown_template(wrenn_client *client) {
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    options.template_name = "nonexistent";
    if (wrenn_sandboxes_create(client, &options, &sandbox, &error) < 0) show("unknown template", error);
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
}

/* Runs a line; for callers who only want to know the code, NULL for the error will do. */
static int run(wrenn_sandbox *sandbox, const char *line, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.shell = line;
    command.time_limit_ms = 1000;
    int rc = wrenn_sandbox_exec(sandbox, &command, NULL, &result, error);
    if (rc >= 0 && result->exit_code != 0) printf("not an error: exit code %lld\n", (long long)result->exit_code);
    wrenn_exec_result_free(result);
    return rc;
}

static int failures(wrenn_client *client, wrenn_error **error) {
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *failure = NULL;
    int rc = wrenn_sandboxes_create(client, NULL, &sandbox, error);
    if (rc >= 0) rc = run(sandbox, "exit 3", error);
    if (rc >= 0 && run(sandbox, "sleep 100", &failure) < 0) show("time limit", failure);
    wrenn_error_free(failure);
    failure = NULL;
    if (rc >= 0) rc = wrenn_sandbox_destroy(sandbox, NULL, error);
    if (rc >= 0 && run(sandbox, "true", &failure) < 0) show("destroyed sandbox", failure);
    /* A code also matches the codes below it: every answer of a server is WRENN_E_API. */
    if (failure) printf("the server answered: %s\n", wrenn_error_is(failure, WRENN_E_API) ? "yes" : "no");
    wrenn_error_free(failure);
    wrenn_sandbox_close(sandbox);
    return rc;
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) unknown_template(client);
    if (rc >= 0) rc = failures(client, &error);
    if (rc < 0) fprintf(stderr, "errors: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_client_free(client);
    return rc < 0;
}
