/* code [TEMPLATE]: runs Python in a kernel that keeps its variables. Name a template that has a Jupyter server on port
 * 8888. Without one this starts a server in the default sandbox, where jupyter-server must be installed. */
#include <stdio.h>
#include <wrenn/wrenn.h>

static int start_jupyter(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_process *process = NULL;
    command.shell = "exec jupyter-server --allow-root --ServerApp.token= --ServerApp.password= "
                    "--ServerApp.disable_check_xsrf=True --ServerApp.allow_remote_access=True "
                    "--ip=127.0.0.1 --port=8888 --no-browser";
    int rc = wrenn_sandbox_spawn(sandbox, &command, NULL, &process, error);
    wrenn_process_free(process);
    return rc;
}

/* Runs while the code does. */
static void on_stdout(const char *data, size_t size, void *user_data) {
    (void)user_data;
    printf("prints: %.*s", (int)size, data);
}

static int run(wrenn_sandbox *sandbox, const char *code, wrenn_error **error) {
    wrenn_code_callbacks callbacks = WRENN_CODE_CALLBACKS_INIT;
    wrenn_sandbox_run_code_options options = WRENN_SANDBOX_RUN_CODE_OPTIONS_INIT;
    wrenn_code_execution *execution = NULL;
    options.code = code;
    callbacks.on_stdout = on_stdout;
    options.callbacks = &callbacks;
    int rc = wrenn_sandbox_run_code(sandbox, &options, &execution, error);
    if (rc < 0) return rc;
    if (execution->text) printf("value: %s\n", execution->text);
    /* What goes wrong in the code is a result. */
    if (execution->error) printf("%s: %s\n", execution->error->name, execution->error->value);
    for (size_t i = 0; i < execution->results_count; i++) {
        const wrenn_code_mime *html = wrenn_code_result_mime(execution->results[i], "text/html");
        if (html) printf("as HTML: %s\n", html->data);
    }
    wrenn_code_execution_free(execution);
    return 0;
}

int main(int argc, char **argv) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.template_name = argc > 1 ? argv[1] : NULL;
    options.memory_mb = 1024;
    int rc = wrenn_client_new(NULL, &client, &error);
    if (rc >= 0) rc = wrenn_sandboxes_create(client, &options, &sandbox, &error);
    if (rc >= 0 && argc < 2) rc = start_jupyter(sandbox, &error);
    if (rc >= 0) rc = run(sandbox, "import math; x = math.factorial(10); print('working'); x", &error);
    if (rc >= 0) rc = run(sandbox, "x / 0", &error);
    if (rc >= 0) rc = run(sandbox, "from IPython.display import HTML; display(HTML('<b>x</b>'))", &error);
    if (rc < 0) fprintf(stderr, "code: %s\n", wrenn_error_message(error));
    wrenn_error_free(error);
    wrenn_sandbox_close(sandbox);
    wrenn_client_free(client);
    return rc < 0;
}
