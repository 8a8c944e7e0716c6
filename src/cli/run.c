#include <stdlib.h>
#include <string.h>

#include "cli.h"

enum { MAX_VCPUS = 1024, MAX_MEMORY_MB = 1 << 24 };

typedef struct run_values {
    cli_exec_values exec; /* first: see there */
    const char *template_name;
    int64_t vcpus, memory_mb;
} run_values;

_Static_assert(offsetof(run_values, exec) == 0, "cli_exec_options are read into it");

static const cli_option options[] = {
    {"template", 'T', CLI_TEXT, offsetof(run_values, template_name), "NAME", "make the sandbox from this template", 0,
     0},
    {"vcpus", 0, CLI_INT, offsetof(run_values, vcpus), "N", "processors the sandbox gets", 1, MAX_VCPUS},
    {"memory", 'm', CLI_INT, offsetof(run_values, memory_mb), "MB", "memory the sandbox gets", 1, MAX_MEMORY_MB},
    {0},
};

static bool is_unenforced(const char *limit) { return limit && strcmp(limit, "unenforced") == 0; }

/* Whoever asks for limits shall know when there are none; other servers than wrennd do not tell. */
static void warn_of_limits(const wrenn_sandbox *sandbox, const run_values *values) {
    const wrenn_isolation *isolation = wrenn_sandbox_last_info(sandbox)->isolation;
    if (!isolation || !isolation->limits) return;
    bool memory = values->memory_mb && is_unenforced(isolation->limits->memory),
         vcpus = values->vcpus && is_unenforced(isolation->limits->cpu);
    if (memory || vcpus)
        cli_complain("the server enforces no limit of %s: 'wrenn doctor' where it runs says why",
                     memory && vcpus ? "memory and processors"
                     : memory        ? "memory"
                                     : "processors");
}

/* A signal does not stop the creation: we could not tell then whether there is something to destroy. A second one does. */
static wrenn_sandbox *create(cli_app *cli, const run_values *values) {
    wrenn_sandboxes_create_options create = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    create.template_name = values->template_name;
    create.vcpus = values->vcpus;
    create.memory_mb = values->memory_mb;
    create.flags = WRENN_SANDBOXES_CREATE_WAIT;
    wrenn_op *op = NULL;
    wrenn_sandbox *sandbox = NULL;
    wrenn_error *error = NULL;
    bool started = wrenn_sandboxes_create_start(cli->client, &create, cli_done, NULL, &op, &error) >= 0;
    bool over = started && cli_wait(cli, op);
    if (started && !over) over = cli_wait(cli, op);
    if (started && !over) {
        if (!cli_is_private(cli))
            cli_complain("interrupted while creating a sandbox: 'wrenn ls' shows whether it is there");
        wrenn_op_cancel(op);
    } else if (!started || wrenn_sandboxes_create_finish(op, &sandbox, &error) < 0) {
        cli_report(NULL, error);
    }
    wrenn_op_free(op);
    if (sandbox) warn_of_limits(sandbox, values);
    return sandbox;
}

static bool destroy(cli_app *cli, wrenn_sandbox *sandbox) {
    wrenn_op *op = NULL;
    wrenn_error *error = NULL;
    bool destroyed = false;
    if (wrenn_sandbox_destroy_start(sandbox, NULL, cli_done, NULL, &op, &error) < 0) {
        cli_report(wrenn_sandbox_id(sandbox), error);
    } else if (!cli_wait(cli, op)) {
        if (!cli_is_private(cli))
            cli_complain("interrupted: remove the sandbox with 'wrenn rm %s'", wrenn_sandbox_id(sandbox));
        wrenn_op_cancel(op);
    } else if (wrenn_sandbox_destroy_finish(op, &error) < 0) {
        cli_report(wrenn_sandbox_id(sandbox), error);
    } else {
        destroyed = true;
    }
    wrenn_op_free(op);
    return destroyed;
}

static int run_with(cli_app *cli, run_values *values) {
    const char *const *argv = NULL;
    if (!cli_rest(cli, values, &argv)) return CLI_USAGE;
    if (cli->help) return cli_print_help(cli->command), 0;
    if (!cli_connect(cli)) return CLI_RUN_FAILED;

    wrenn_sandbox *sandbox = create(cli, values);
    int code = CLI_RUN_FAILED;
    if (sandbox) {
        cli_outcome outcome = {0};
        if (!cli->signal) outcome = cli_exec(cli, sandbox, &values->exec, argv);
        bool destroyed = destroy(cli, sandbox);
        /* Last, because whoever reads it may take his time. */
        code = cli_print_outcome(cli, wrenn_sandbox_id(sandbox), &outcome);
        if (!destroyed) code = CLI_RUN_FAILED;
    }
    wrenn_sandbox_free(sandbox);
    return cli->signal ? CLI_SIGNAL + cli->signal : code;
}

static int run(cli_app *cli) {
    run_values values = {.exec = {.command = WRENN_COMMAND_INIT}};
    int code = run_with(cli, &values);
    free(values.exec.env.items);
    return code;
}

const cli_command cli_run_command = {
    .name = "run",
    .operands = "[--] PROGRAM [ARG...]",
    .summary = "run a program in a new sandbox, then destroy the sandbox",
    .details = "Prints what the program wrote, byte for byte, when it has ended, and exits with its code.\n"
               "No shell looks at the words; use 'sh -c LINE' for that. The program's input is empty.\n"
               "Ctrl-C destroys the sandbox as well; pressed once more it gives up on that.\n"
               "\n"
               "Exit codes: those of the program (127: not found, 126: can't be executed), 128+N when\n"
               "signal N ended it, or wrenn; 125 when wrenn failed or the time was up, 2 for wrong usage.\n",
    .options = options,
    .what_it_runs = cli_exec_options,
    .run = run,
};
