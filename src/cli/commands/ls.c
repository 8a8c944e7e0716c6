/* ls: what sandboxes there are. */
#include <unistd.h>

#include "cli/cli.h"

typedef struct ls_values {
    bool quiet, watch;
    cli_list labels;
    const char *status, *template_name;
    cli_rows *rows;
    size_t count; /* of them */
} ls_values;

static const cli_option options[] = {
    {"quiet", 'q', CLI_FLAG, offsetof(ls_values, quiet), NULL, "only the ids", NULL, 0, 0, CLI_WORD_ANY},
    {"label", 'l', CLI_PAIRS, offsetof(ls_values, labels), "NAME=VALUE", "only those with this label; repeatable", NULL,
     0, 0, CLI_WORD_ANY},
    {"status", 0, CLI_TEXT, offsetof(ls_values, status), "STATUS",
     "only those that are 'running', 'paused', 'hibernated', 'pending' or 'missing'", "state", 0, 0, CLI_WORD_STATUS},
    {"template", 'T', CLI_TEXT, offsetof(ls_values, template_name), "NAME", "only those made from this template", NULL,
     0, 0, CLI_WORD_TEMPLATE},
    {"watch", 'w', CLI_FLAG, offsetof(ls_values, watch), NULL, "show it again every second, until Ctrl-C", NULL, 0, 0,
     CLI_WORD_ANY},
    {0},
};

static void ls_add_row(void *context, const wrenn_sandbox_info *info) {
    ls_values *values = context;
    char created[32];
    cli_say_age(created, info->created_at);
    const char *const cells[] = {info->id,
                                 cli_label(info, "name"),
                                 info->status_text,
                                 info->template_name,
                                 cli_number(info->vcpus),
                                 cli_number(info->memory_mb),
                                 created};
    cli_rows_add(values->rows, info->id, cli_sandbox_json(info), cells);
    values->count++;
}

static int ls_show(cli_app *cli, ls_values *values) {
    static const char *const titles[] = {"ID", "NAME", "STATUS", "TEMPLATE", ">VCPUS", ">MEMORY MB", "CREATED", NULL};
    values->rows = cli_rows_new(cli, titles);
    if (!cli_each_sandbox(cli, &values->labels, values->status, values->template_name, ls_add_row, values))
        return cli_rows_free(values->rows), CLI_FAILED;
    if (values->watch && isatty(STDOUT_FILENO)) printf("\033[H\033[J");
    return cli_rows_print(values->rows);
}

static int ls_run(cli_app *cli, void *given) {
    ls_values *values = given;
    if (values->quiet && cli->format == CLI_FORMAT_TEXT) cli->format = CLI_FORMAT_NAME;
    if (!cli_connect(cli)) return CLI_FAILED;
    int code = ls_show(cli, values);
    /* No failure: sandboxes stay when their template goes, so scripts may ask for one that is no more. */
    if (code == 0 && !values->count && values->template_name) cli_say_no_template(cli, values->template_name, false);
    while (values->watch && code == 0 && !ferror(stdout) && !cli_pause(cli, 1000)) code = ls_show(cli, values);
    return code;
}

static const cli_example examples[] = {
    {"all of them, newest first", "ls"},
    {"their ids, for a script", "ls -q --label app=web"},
    {"everything, for a script", "ls -o json"},
    {"as they come and go", "ls --watch"},
    {0},
};

const cli_command cli_command_ls = {
    .name = "ls",
    .group = CLI_GROUP_SANDBOXES,
    .summary = "list the sandboxes, newest first",
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(ls_values),
    .run = ls_run,
};
