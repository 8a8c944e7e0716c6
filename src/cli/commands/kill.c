/* kill: signals to what runs in a sandbox. */
#include <signal.h>
#include <stdlib.h>

#include "base/signals.h"
#include "cli/cli.h"

typedef struct kill_values {
    const char *signal_name;
} kill_values;

static const cli_option options[] = {
    {"signal", 's', CLI_TEXT, offsetof(kill_values, signal_name), "SIGNAL",
     "its name or number, as TERM, INT, HUP, USR1 or 10; default: KILL", NULL, 0, 0, CLI_WORD_SIGNAL},
    {0},
};

static bool parse_signal(const cli_app *cli, const char *text, int64_t *out) {
    WRN_AUTO(wrn_buf_free) wrn_buf known = WRN_BUF_INIT;
    *out = text ? wrenn_signal_number(text) : SIGKILL;
    if (*out) return true;
    wrn_signal_list(&known);
    cli_usage(cli, "--signal '%s' is not a signal; there are %s", text, known.data);
    return false;
}

static bool kill_one(cli_app *cli, wrenn_sandbox *sandbox, const char *word, int64_t number) {
    wrenn_error *error = NULL;
    char *process = cli_process(cli, sandbox, word);
    int rc = process ? CLI_TRY(cli, &error, wrenn_sandbox_kill, (sandbox, process, number, NULL)) : 0;
    bool ok = process && cli_settle_process(cli, sandbox, word, rc, error);
    free(process);
    return ok;
}

static int kill_run(cli_app *cli, void *given) {
    kill_values *values = given;
    int64_t number;
    if (!parse_signal(cli, values->signal_name, &number)) return CLI_USAGE;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    int code = sandbox ? 0 : CLI_FAILED;
    for (size_t i = 1; sandbox && i < cli->word_count && !cli->signal; i++)
        if (!kill_one(cli, sandbox, cli->words[i], number)) code = CLI_FAILED;
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"PROCESS", CLI_WORD_PROCESS, CLI_MANY}, {0}};
static const cli_example examples[] = {{"by its process id, as 'wrenn ps' shows it", "kill work 7"},
                                       {"by its tag, politely", "kill -s TERM work server"},
                                       {"reads its configuration again", "kill -s HUP work server"},
                                       {0}};

const cli_command cli_command_kill = {
    .name = "kill",
    .group = CLI_GROUP_RUN,
    .summary = "send a signal to what runs in a sandbox",
    .details = "PROCESS is a process id or a tag. The signal goes to the process and to all that it has started.\n"
               "Servers other than wrennd know TERM and KILL only.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(kill_values),
    .run = kill_run,
};
