/* open: a port of a sandbox in the browser. */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "base/text.h"
#include "cli/cli.h"

extern char **environ;

/* The browser that BROWSER names, or that the desktop has. */
static bool browse(const char *url) {
    const char *given = cli_env("BROWSER"), *const programs[] = {given ? given : "xdg-open", "open",
                                                                 "sensible-browser"};
    for (size_t i = 0; i < (given ? 1 : WRN_COUNT(programs)); i++) {
        char *argv[] = {(char *)(uintptr_t)programs[i], (char *)(uintptr_t)url, NULL};
        pid_t pid;
        int status = 0;
        if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0) continue;
        if (waitpid(pid, &status, 0) == pid && status == 0) return true;
    }
    cli_complain("no browser could be started: set BROWSER to one, or open this yourself");
    return false;
}

typedef struct open_values {
    int64_t wait_seconds;
} open_values;

static const cli_option options[] = {CLI_WAIT_OPTION(offsetof(open_values, wait_seconds)), {0}};

static int open_run(cli_app *cli, void *given) {
    const open_values *values = given;
    int64_t port = 80;
    char *url = NULL;
    wrenn_error *error = NULL;
    if (cli->word_count > 1 && !wrn_parse_int(cli->words[1], 1, 65535, &port))
        return cli_usage(cli, "'%s' is not a port", cli->words[1]);
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    bool on_socket = strncmp(wrenn_client_base_url(cli->client), "unix:", 5) == 0;
    if (sandbox && on_socket)
        cli_complain("a server on a unix socket has no URLs for browsers: use 'wrenn port-forward %s PORT'",
                     cli->words[0]);
    else if (sandbox && cli_wait_port(cli, sandbox, port, values->wait_seconds) &&
             wrenn_sandbox_url(sandbox, port, NULL, &url, &error) < 0)
        cli_report(NULL, error);
    if (url) printf("%s\n", url), cli_flush();
    int code = url && browse(url) ? 0 : CLI_FAILED;
    wrenn_string_free(url);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"PORT", CLI_WORD_ANY, CLI_OPTIONAL}, {0}};
static const cli_example examples[] = {{"what listens on port 8080", "open work 8080"}, {0}};

const cli_command cli_command_open = {
    .name = "open",
    .group = CLI_GROUP_NETWORK,
    .summary = "open a port of a sandbox in the browser",
    .details =
        "Prints the URL, too. The browser is that of BROWSER, else that of the desktop. PORT is 80 unless given.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(open_values),
    .run = open_run,
};
