/* url: where a port of a sandbox is reached. */
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

typedef struct url_values {
    const char *scheme;
    int64_t wait_seconds;
} url_values;

static const cli_option options[] = {
    {"scheme", 0, CLI_TEXT, offsetof(url_values, scheme), "SCHEME", "http, https, ws or wss; default: as the server's",
     NULL, 0, 0, CLI_WORD_SCHEME},
    CLI_WAIT_OPTION(offsetof(url_values, wait_seconds)),
    {0},
};

static int url_print(const cli_app *cli, const wrenn_sandbox *sandbox, int64_t port, const char *url) {
    if (cli->format == CLI_FORMAT_TEXT) return printf("%s\n", url), 0;
    wrn_json *object = wrn_json_new_object();
    wrn_json_set_string(object, "id", wrenn_sandbox_id(sandbox));
    wrn_json_set_int(object, "port", port);
    wrn_json_set_string(object, "url", url);
    return cli_print_object(cli, url, object);
}

static int url_run(cli_app *cli, void *given) {
    url_values *values = given;
    int64_t port;
    char *url = NULL;
    wrenn_error *error = NULL;
    if (!wrn_parse_int(cli->words[1], 1, 65535, &port)) return cli_usage(cli, "'%s' is not a port", cli->words[1]);
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    bool ready = sandbox && cli_wait_port(cli, sandbox, port, values->wait_seconds);
    if (ready && wrenn_sandbox_url(sandbox, port, values->scheme, &url, &error) < 0) cli_report(NULL, error);
    int code = url ? url_print(cli, sandbox, port, url) : CLI_FAILED;
    wrenn_string_free(url);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0}, {"PORT", CLI_WORD_ANY, 0}, {0}};
static const cli_example examples[] = {{"of a web server", "url work 8080"},
                                       {"of one that is just starting", "url --wait 30 work 8080"},
                                       {"of a WebSocket", "url --scheme ws work 8080"},
                                       {0}};

const cli_command cli_command_url = {
    .name = "url",
    .group = CLI_GROUP_NETWORK,
    .summary = "print the URL of a port of a sandbox",
    .details =
        "Whoever knows the URL gets in: the server asks for no key there. URLs of a server on a unix socket, such as\n"
        "your own one, do not resolve: use 'wrenn port-forward' with those.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(url_values),
    .run = url_run,
};
