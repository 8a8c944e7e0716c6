/* exec: a program in a sandbox that is there. */
#include "base/clock.h"
#include "cli/cli.h"

typedef struct exec_values {
    cli_program program;
    bool detach;
    const char *tag;
} exec_values;

static const cli_option options[] = {
    {"detach", 'd', CLI_FLAG, offsetof(exec_values, detach), NULL, "leave it running, and print its process id", NULL,
     0, 0, CLI_WORD_ANY},
    {"tag", 0, CLI_TEXT, offsetof(exec_values, tag), "NAME", "with -d: a name for it, instead of its process id", NULL,
     0, 0, CLI_WORD_ANY},
    {0},
};
static const cli_option program_options[] = {CLI_PROGRAM_OPTIONS(offsetof(exec_values, program)), {0}};

static int exec_detach(cli_app *cli, wrenn_sandbox *sandbox, const exec_values *values) {
    wrenn_command command = cli_start_command(&values->program.start);
    wrenn_process *process = NULL;
    command.argv = cli->words + 1;
    command.tag = values->tag;
    int code = cli_spawn(cli, sandbox, &command, &process);
    if (code) return code;
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_int(object, "pid", process->pid);
    wrn_json_set_string(object, "tag", cli_or_dash(process->tag));
    if (cli->format == CLI_FORMAT_TEXT) printf("%lld\n", (long long)process->pid), wrn_json_free(object);
    else code = cli_print_object(cli, cli_number(process->pid), object);
    wrenn_process_free(process);
    return code;
}

static int exec_run(cli_app *cli, void *given) {
    exec_values *values = given;
    if (values->tag && !values->detach) return cli_usage(cli, "--tag goes with --detach");
    if (!cli_connect(cli)) return CLI_RUN_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    if (!sandbox) return CLI_RUN_FAILED;
    int64_t since = wrn_unix_time();
    int code = values->detach ? exec_detach(cli, sandbox, values)
                              : cli_run_program(cli, sandbox, &values->program, cli->words + 1);
    if (code && !values->detach && !cli->signal) cli_explain_denials(cli, sandbox, since);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"PROGRAM", CLI_WORD_ANY, CLI_PROGRAM}, {0}};

static const cli_example examples[] = {
    {"one program", "exec work -- ls /"},
    {"input from a pipe", "exec work wc -l < /etc/passwd"},
    {"in a directory, with a variable", "exec -w /srv -e A=1 work -- sh -c 'pwd; echo $A'"},
    {"a program that goes on", "exec -d work python3 -m http.server"},
    {"a terminal", "exec -t work top"},
    {0},
};

const cli_command cli_command_exec = {
    .name = "exec",
    .group = CLI_GROUP_RUN,
    .summary = "run a program in a sandbox that is there",
    .details =
        "ID is an id, the start of one, or a name. Output, input, terminal and exit codes are as with 'wrenn run'.\n"
        "Ctrl-C ends the program. In a loop over lines of a file give it no input of its own: < /dev/null.\n",
    .operands = operands,
    .options = options,
    .more_options = program_options,
    .examples = examples,
    .exits = cli_exits_program,
    .formats = true,
    .failed = CLI_RUN_FAILED,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(exec_values),
    .run = exec_run,
};
