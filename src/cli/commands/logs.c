/* logs: what a command in the background has put out. */
#include <stdlib.h>

#include "base/text.h"
#include "cli/cli.h"

typedef struct logs_values {
    bool follow;
    const char *tail, *offset;
} logs_values;

static const cli_option options[] = {
    {"follow", 'f', CLI_FLAG, offsetof(logs_values, follow), NULL, "follow the output until the command has ended",
     NULL, 0, 0, CLI_WORD_ANY},
    {"tail", 'n', CLI_TEXT, offsetof(logs_values, tail), "LINES",
     "only the last lines, this many; 0: only what comes from now on", NULL, 0, 0, CLI_WORD_ANY},
    {"offset", 0, CLI_TEXT, offsetof(logs_values, offset), "BYTES",
     "start after this many bytes, of both streams together; not with --tail", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

static bool read_number(const cli_app *cli, const char *name, const char *text, int64_t *out) {
    return !text || wrn_parse_int(text, 0, INT64_MAX, out) ||
           (cli_usage(cli, "--%s '%s' is not a number from 0 on", name, text), false);
}

typedef struct log_place {
    wrenn_sandbox *sandbox;
    const char *selector;
    char pid[24]; /* the selector of later connections: "0" may mean another process by then */
    wrenn_sandbox_logs_options asked;
} log_place;

static int read_again(cli_app *cli, void *context, wrenn_stream **stream, wrenn_error **error) {
    const log_place *l = context;
    return CLI_TRY_GET(cli, error, wrenn_sandbox_logs, (l->sandbox, l->selector, &l->asked), stream);
}

/* Connects again when the connection breaks, and goes on after the last byte that was printed. */
static int follow(cli_app *cli, wrenn_stream *stream, log_place *l) {
    const cli_flow flow = {0};
    cli_outcome outcome;
    do {
        outcome = cli_follow(cli, stream, &flow);
        if (wrenn_stream_pid(stream)) {
            snprintf(l->pid, sizeof(l->pid), "%lld", (long long)wrenn_stream_pid(stream));
            l->selector = l->pid;
        }
        wrenn_stream_free(WRN_TAKE(stream));
        if (outcome.offset >= 0) l->asked.offset = outcome.offset, l->asked.tail = 0;
        bool cut = outcome.end == CLI_END_LOST && (!outcome.error || cli_is_cut(outcome.error));
        if (cut && l->asked.flags) stream = cli_reconnect(cli, read_again, l, &outcome.error);
    } while (stream);
    /* The exit code of the command is not ours; and without --follow the output may end before the command does. */
    if (outcome.end == CLI_END_EXIT || (outcome.end == CLI_END_LOST && !outcome.error)) return 0;
    int code = cli_conclude(cli, NULL, &outcome);
    return code == CLI_RUN_FAILED ? CLI_FAILED : code;
}

static int logs_run(cli_app *cli, void *given) {
    logs_values *values = given;
    log_place place = {.asked = WRENN_SANDBOX_LOGS_OPTIONS_INIT};
    wrenn_sandbox_logs_options *asked = &place.asked;
    wrenn_stream *stream = NULL;
    wrenn_error *error = NULL;
    if (values->tail && values->offset) return cli_usage(cli, "--tail and --offset do not go together");
    if (!read_number(cli, "tail", values->tail, &asked->tail) ||
        !read_number(cli, "offset", values->offset, &asked->offset))
        return CLI_USAGE;
    if (values->tail && !asked->tail) asked->tail = -1;
    if (values->follow) asked->flags = WRENN_SANDBOX_LOGS_FOLLOW;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = place.sandbox = cli_sandbox(cli, cli->words[0]);
    const char *word = cli->word_count > 1 ? cli->words[1] : "0"; /* what was started last */
    char *selector = sandbox ? cli_process(cli, sandbox, word) : NULL;
    place.selector = selector;
    int rc = selector ? read_again(cli, &place, &stream, &error) : -1;
    bool open = selector && (cli->word_count > 1 ? cli_settle_process(cli, sandbox, word, rc, error)
                                                 : cli_settle(cli, cli->words[0], rc, error));
    int code = open ? follow(cli, stream, &place) : CLI_FAILED;
    free(selector);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"PROCESS", CLI_WORD_PROCESS, CLI_OPTIONAL}, {0}};
static const cli_example examples[] = {
    {"of what was started last", "logs work"},
    {"a server that was started with exec -d --tag web", "logs work web"},
    {"its last ten lines, and then what comes", "logs -f -n 10 work web"},
    {"what comes after its first mebibyte", "logs --offset 1048576 work 7"},
    {0},
};

const cli_command cli_command_logs = {
    .name = "logs",
    .group = CLI_GROUP_RUN,
    .summary = "show what a command in the background has put out",
    .details =
        "PROCESS is a process id or a tag of what 'wrenn exec -d' or 'wrenn run -d' has started, also after its end.\n"
        "Without it, what was started last is meant.\n"
        "wrennd keeps the last 8 MiB of each, and those of the last 32 that have ended in the sandbox, as long as\n"
        "that lives. With -f it goes on after a cut of the connection and when wrennd starts again, without a byte twice\n"
        "or left out. stderr says how much is not kept any more. Output and errors come to stdout and stderr.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(logs_values),
    .run = logs_run,
};
