/* Makes a sandbox, runs two programs in it and shows where the time went. Without WRENN_BASE_URL and WRENN_API_KEY the
 * library starts a private server on this machine, for as long as this program runs. */
#include <stdio.h>
#include <time.h>
#include <wrenn/wrenn.h>

static double now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int run(wrenn_sandbox *sandbox, const char *const *argv, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.argv = argv;
    if (wrenn_sandbox_exec(sandbox, &command, NULL, &result, error) < 0) return -1;
    fwrite(result->stdout_data, 1, result->stdout_size, stdout);
    fwrite(result->stderr_data, 1, result->stderr_size, stdout);
    printf("-> %s exited with %lld\n\n", argv[0], (long long)result->exit_code);
    wrenn_exec_result_free(result);
    return 0;
}

int main(void) {
    const char *const shell[] = {"sh", "-c", "echo hello from a sandbox; id; ls /; exit 3", NULL};
    const char *const python[] = {"python3", "-c", "print(sum(n * n for n in range(1000)))", NULL};
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;

    double start = now_ms();
    int rc = wrenn_client_new(NULL, &client, &error);
    double ready = now_ms();
    if (rc >= 0) rc = wrenn_sandboxes_create(client, NULL, &sandbox, &error);
    double created = now_ms();
    if (rc >= 0) rc = run(sandbox, shell, &error);
    double first = now_ms();
    if (rc >= 0) rc = run(sandbox, python, &error);
    double second = now_ms();
    if (sandbox && wrenn_sandbox_destroy(sandbox, NULL, rc < 0 ? NULL : &error) < 0) rc = -1;
    double destroyed = now_ms();
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);

    if (rc < 0) {
        fprintf(stderr, "quickstart: %s\n", wrenn_error_message(error));
        wrenn_error_free(error);
        return 1;
    }
    printf("client ready        %8.1f ms\ncreate              %8.1f ms\nfirst output        %8.1f ms\n", ready - start,
           created - ready, first - ready);
    printf("exec round trip     %8.1f ms\ndestroy             %8.1f ms\n", second - first, destroyed - second);
    return 0;
}
