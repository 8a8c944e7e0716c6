/* shell: a terminal in a sandbox that outlives the connection. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

typedef struct shell_values {
    const char *attach, *escape, *program;
    cli_start start;
} shell_values;

static const cli_option options[] = {
    {"attach", 'a', CLI_TEXT, offsetof(shell_values, attach), "TAG", "connect again to a terminal that runs", NULL, 0,
     0, CLI_WORD_PROCESS},
    {"program", 0, CLI_TEXT, offsetof(shell_values, program), "LINE",
     "the shell command to run; default: bash, or sh where there is none", NULL, 0, 0, CLI_WORD_ANY},
    {"escape", 0, CLI_TEXT, offsetof(shell_values, escape), "CHARACTER", "the escape key, or 'none'; default: '~'",
     NULL, 0, 0, CLI_WORD_ANY},
    CLI_START_OPTIONS(offsetof(shell_values, start)),
    {0},
};

static wrenn_stream *shell_begin(cli_app *cli, wrenn_sandbox *sandbox, const shell_values *values, const char *tag) {
    wrenn_command command = cli_start_command(&values->start);
    wrenn_stream *stream = NULL;
    const char *id = wrenn_sandbox_id(sandbox);
    if (tag) {
        if (!CLI_GET(cli, id, wrenn_sandbox_pty_connect, (sandbox, tag, NULL), &stream)) return NULL;
        return stream;
    }
    command.shell = values->program;
    cli_terminal_size(&command.cols, &command.rows);
    if (!CLI_GET(cli, id, wrenn_sandbox_pty, (sandbox, &command, NULL), &stream)) return NULL;
    return stream;
}

typedef struct terminal {
    wrenn_sandbox *sandbox;
    const char *tag;
} terminal;

static int attach_again(cli_app *cli, void *context, wrenn_stream **stream, wrenn_error **error) {
    const terminal *t = context;
    return CLI_TRY_GET(cli, error, wrenn_sandbox_pty_connect, (t->sandbox, t->tag, NULL), stream);
}

/* Connects again when the connection breaks. */
static int shell_follow(cli_app *cli, wrenn_sandbox *sandbox, wrenn_stream *stream, const char *attach, int escape) {
    static const char clear[] = "\033[H\033[2J\033[3J"; /* the server repeats what was shown */
    char tag[256] = "";
    const char *own = wrenn_stream_tag(stream);
    cli_flow flow = {.input = true, .terminal = true, .escape = escape};
    snprintf(tag, sizeof(tag), "%s", attach ? attach : own ? own : "");
    for (;;) {
        cli_raw();
        cli->resized = true;
        cli_outcome outcome = cli_follow(cli, stream, &flow);
        wrenn_stream_free(stream);
        bool cut = outcome.end == CLI_END_LOST && *tag && (!outcome.error || cli_is_cut(outcome.error));
        if (cut) cli_cooked(), fputc('\n', stderr);
        stream = cut ? cli_reconnect(cli, attach_again, &(terminal){sandbox, tag}, &outcome.error) : NULL;
        if (!stream) {
            cli_cooked();
            if (outcome.end == CLI_END_DETACHED || (outcome.end == CLI_END_LOST && cut))
                fprintf(stderr, "\nwrenn: it goes on; to go back: wrenn shell %s --attach %s\n",
                        wrenn_sandbox_id(sandbox), tag);
            if (wrenn_error_is(outcome.error, WRENN_E_NOT_FOUND)) {
                cli_settle_process(cli, sandbox, tag, WRENN_E_NOT_FOUND, outcome.error);
                return CLI_RUN_FAILED;
            }
            return cli_conclude(cli, NULL, &outcome);
        }
        wrenn_error_free(outcome.error);
        cli_write(STDOUT_FILENO, clear, sizeof(clear) - 1);
    }
}

static bool take_escape(cli_app *cli, const char *text, int *escape) {
    *escape = '~';
    if (!text) return true;
    if (strcmp(text, "none") == 0) return *escape = 0, true;
    if (text[0] == '^' && text[1] && !text[2]) return *escape = text[1] & 0x1f, true;
    if (text[0] && !text[1] && (text[0] & 0x80) == 0) return *escape = (unsigned char)text[0], true;
    return cli_usage(cli, "--escape '%s' is not a character, as ~ or ^], or 'none'", text), false;
}

static int shell_run(cli_app *cli, void *given) {
    shell_values *values = given;
    int escape;
    if (!take_escape(cli, values->escape, &escape)) return CLI_USAGE;
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
        cli_complain("shell: there is no terminal: use 'wrenn exec %s sh' with pipes", cli->words[0]);
        return CLI_RUN_FAILED;
    }
    if (!cli_connect(cli)) return CLI_RUN_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    char *tag = sandbox && values->attach ? cli_process(cli, sandbox, values->attach) : NULL;
    bool goes_on = sandbox && (tag || !values->attach);
    wrenn_stream *stream = goes_on ? shell_begin(cli, sandbox, values, tag) : NULL;
    int code = stream ? shell_follow(cli, sandbox, stream, tag, escape) : CLI_RUN_FAILED;
    free(tag);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {0}};

static const cli_example examples[] = {
    {"a shell", "shell work"},
    {"back to one that runs; 'wrenn ps' shows the tags", "shell work --attach pty-1a2b"},
    {"something else than a shell", "shell work --program 'tmux attach || tmux'"},
    {0},
};

const cli_command cli_command_shell = {
    .name = "shell",
    .group = CLI_GROUP_RUN,
    .summary = "work in a sandbox, in a terminal that outlives the connection",
    .details =
        "All keys go to the terminal in the sandbox. At the start of a line ~. detaches from it: it goes on, and\n"
        "the tag to go back to it is printed; ~~ is one ~. When the connection breaks it is made again.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .exits = cli_exits_program,
    .failed = CLI_RUN_FAILED,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(shell_values),
    .run = shell_run,
};
