/* A program of an earlier time, as tests/abi/include has its headers: built against them, run with the library
 * of today. What lies behind its option structs is none of the library's business, and is poisoned here.
 *
 * Says "old program: fine" in the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wrenn/wrenn.h>

/* An option struct as an old caller has it: with something else right behind it. */
#define POISONED(type, name, init) \
    struct {                       \
        type options;              \
        unsigned char behind[256]; \
    } name = {.options = init};    \
    memset(name.behind, 0xA5, sizeof(name.behind))

#define MUST(call)                                                                       \
    do {                                                                                 \
        wrenn_error *error = NULL;                                                       \
        if ((call) < 0) {                                                                \
            fprintf(stderr, "old program: %s: %s\n", #call, wrenn_error_message(error)); \
            exit(1);                                                                     \
        }                                                                                \
        wrenn_error_free(error);                                                         \
    } while (0)

#define EXPECT(condition)                                         \
    do {                                                          \
        if (condition) break;                                     \
        fprintf(stderr, "old program: not so: %s\n", #condition); \
        exit(1);                                                  \
    } while (0)

static void use_sandbox(wrenn_sandbox *sandbox) {
    wrenn_exec_result *result = NULL;
    POISONED(wrenn_sandbox_wait_ready_options, wait, WRENN_SANDBOX_WAIT_READY_OPTIONS_INIT);
    POISONED(wrenn_command, exec, WRENN_COMMAND_INIT);
    POISONED(wrenn_call_options, call, WRENN_CALL_OPTIONS_INIT);
    exec.options.shell = "echo out; echo err >&2; exit 42";
    MUST(wrenn_sandbox_wait_ready(sandbox, &wait.options, &error));
    MUST(wrenn_sandbox_exec(sandbox, &exec.options, &call.options, &result, &error));
    EXPECT(result->exit_code == 42 && result->stdout_size == 4 && strcmp(result->stdout_data, "out\n") == 0);
    EXPECT(result->stderr_size == 4 && strcmp(result->stderr_data, "err\n") == 0);
    wrenn_exec_result_free(result);
}

static void look_around(wrenn_client *client, wrenn_sandbox *sandbox) {
    wrenn_sandbox_list *list = NULL;
    wrenn_sandbox *again = NULL;
    MUST(wrenn_sandboxes_list(client, NULL, &list, &error));
    EXPECT(list->items_count == 1 && strcmp(list->items[0]->id, wrenn_sandbox_id(sandbox)) == 0);
    EXPECT(list->items[0]->status == WRENN_SANDBOX_STATUS_RUNNING);
    wrenn_sandbox_list_free(list);
    MUST(wrenn_sandboxes_get(client, wrenn_sandbox_id(sandbox), NULL, &again, &error));
    EXPECT(strcmp(wrenn_sandbox_last_info(again)->status_text, "running") == 0);
    wrenn_sandbox_free(again);
}

int main(void) {
    wrenn_client *client = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *why = NULL;
    POISONED(wrenn_client_options, options, WRENN_CLIENT_OPTIONS_INIT);
    POISONED(wrenn_sandboxes_create_options, create, WRENN_SANDBOXES_CREATE_OPTIONS_INIT);
    options.options.base_url = "local:";
    create.options.vcpus = 1;
    create.options.memory_mb = 256;
    MUST(wrenn_client_new(&options.options, &client, &error));
    MUST(wrenn_sandboxes_create(client, &create.options, &sandbox, &error));
    use_sandbox(sandbox);
    look_around(client, sandbox);
    MUST(wrenn_sandbox_destroy(sandbox, NULL, &error));
    EXPECT(wrenn_sandbox_ping(sandbox, NULL, &why) == WRENN_E_CONFLICT && wrenn_error_code(why) == WRENN_E_CONFLICT);
    wrenn_error_free(why);
    wrenn_sandbox_free(sandbox);
    wrenn_client_free(client);
    puts("old program: fine");
    return 0;
}
