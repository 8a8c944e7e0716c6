/* One thing after the other without blocking: each callback starts the next operation. */
#include <stdio.h>
#include <wrenn/wrenn.h>

typedef struct chain {
    wrenn_sandbox *sandbox;
    wrenn_error *error; /* of the step that failed */
    int over;
} chain;

static void end(chain *c) { c->over = 1; }

static void on_destroyed(wrenn_op *op, void *user_data) {
    chain *c = user_data;
    if (wrenn_sandbox_destroy_finish(op, &c->error) >= 0) printf("destroyed\n");
    end(c);
}

static void on_executed(wrenn_op *op, void *user_data) {
    chain *c = user_data;
    wrenn_exec_result *result = NULL;
    if (wrenn_sandbox_exec_finish(op, &result, &c->error) < 0) return end(c);
    printf("%s", result->stdout_data);
    wrenn_exec_result_free(result);
    /* A _start is allowed in a callback, a blocking call is not. */
    if (wrenn_sandbox_destroy_start(c->sandbox, NULL, on_destroyed, c, NULL, &c->error) < 0) end(c);
}

static void on_created(wrenn_op *op, void *user_data) {
    chain *c = user_data;
    wrenn_command command = WRENN_COMMAND_INIT;
    if (wrenn_sandboxes_create_finish(op, &c->sandbox, &c->error) < 0) return end(c);
    command.shell = "echo one step after the other";
    if (wrenn_sandbox_exec_start(c->sandbox, &command, NULL, on_executed, c, NULL, &c->error) < 0) end(c);
}

int main(void) {
    chain c = {0};
    wrenn_client *client = NULL;
    int rc = wrenn_client_new(NULL, &client, &c.error);
    if (rc >= 0) rc = wrenn_sandboxes_create_start(client, NULL, on_created, &c, NULL, &c.error);
    while (rc >= 0 && !c.over) rc = wrenn_client_dispatch(client, -1, &c.error);
    int failed = c.error != NULL;
    if (failed) fprintf(stderr, "async: %s\n", wrenn_error_message(c.error));
    wrenn_error_free(c.error);
    wrenn_sandbox_close(c.sandbox); /* destroys it only if the chain did not get that far */
    wrenn_client_free(client);
    return failed;
}
