/* ps: what runs in a sandbox. */
#include "cli/cli.h"

static void ps_add_row(cli_rows *rows, const wrenn_process *process) {
    WRN_AUTO(wrn_buf_free) wrn_buf line = WRN_BUF_INIT;
    wrn_json *object = wrn_json_new_object(), *args = wrn_json_new_array();
    wrn_buf_puts(&line, process->cmd ? process->cmd : "");
    for (size_t i = 0; i < process->args_count; i++) {
        wrn_buf_printf(&line, " %s", process->args[i]);
        wrn_json_append_string(args, process->args[i]);
    }
    wrn_json_set_int(object, "pid", process->pid);
    wrn_json_set_string(object, "tag", process->tag ? process->tag : "");
    wrn_json_set_string(object, "cmd", process->cmd ? process->cmd : "");
    wrn_json_set(object, "args", args);
    const char *const cells[] = {cli_number(process->pid), process->tag, line.failed ? process->cmd : line.data};
    cli_rows_add(rows, cells[0], object, cells);
}

static int ps_run(cli_app *cli, void *values) {
    static const char *const titles[] = {">PID", "TAG", "COMMAND", NULL};
    wrenn_process_list *list = NULL;
    (void)values;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    int code = CLI_FAILED;
    if (sandbox && CLI_GET(cli, cli->words[0], wrenn_sandbox_processes, (sandbox, NULL), &list)) {
        cli_rows *rows = cli_rows_new(cli, titles);
        for (size_t i = 0; i < list->items_count; i++) ps_add_row(rows, list->items[i]);
        code = cli_rows_print(rows);
    }
    wrenn_process_list_free(list);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {0}};
static const cli_example examples[] = {{"what was started in it and runs", "ps work"},
                                       {"only the process ids", "ps -o name work"},
                                       {0}};

const cli_command cli_command_ps = {
    .name = "ps",
    .group = CLI_GROUP_RUN,
    .summary = "list what was started in a sandbox and runs",
    .details =
        "Commands in the background and in the foreground, and terminals. What they have started themselves is not\n"
        "in it: 'wrenn exec ID ps ax' shows that.\n",
    .operands = operands,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .run = ps_run,
};
