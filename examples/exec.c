/* Runs commands in a sandbox and waits for each. An exit code other than 0 is a result, not an error. */
#include <stdio.h>
#include <wrenn/wrenn.h>

static int run(wrenn_sandbox *sandbox, const wrenn_command *options, wrenn_error **error) {
    wrenn_exec_result *result = NULL;
    int rc = wrenn_sandbox_exec(sandbox, options, NULL, &result, error);
    if (rc < 0) return rc;
    printf("exit code %lld\n", (long long)result->exit_code);
    fwrite(result->stdout_data, 1, result->stdout_size, stdout);
    fwrite(result->stderr_data, 1, result->stderr_size, stdout);
    wrenn_exec_result_free(result);
    return 0;
}

static int commands(wrenn_sandbox *sandbox, wrenn_error **error) {
    /* A program and its arguments: no shell looks at them. */
    const char *const argv[] = {"printf", "%s\\n", "$HOME; one argument", NULL};
    wrenn_command program = WRENN_COMMAND_INIT;
    program.argv = argv;
    int rc = run(sandbox, &program, error);
    if (rc < 0) return rc;

    /* A line for the shell, with a variable, a directory and a time limit. */
    const char *const envs[] = {"NAME=value", NULL};
    wrenn_command line = WRENN_COMMAND_INIT;
    line.shell = "echo $NAME in $(pwd); echo oops >&2; exit 3";
    line.envs = envs;
    line.cwd = "/tmp";
    line.time_limit_ms = 10000;
    return run(sandbox, &line, error);
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    if (rc >= 0) rc = commands(sandbox, &error);
    if (rc < 0) fprintf(stderr, "exec: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
