/* net: what a sandbox may reach, and what it was denied. */
#include <string.h>

#include "cli/cli.h"

typedef struct net_values {
    cli_network network;
    bool denied;
} net_values;

static const cli_option options[] = {
    CLI_NETWORK_OPTIONS(offsetof(net_values, network)),
    {"denied", 0, CLI_FLAG, offsetof(net_values, denied), NULL, "only what was denied, and what would allow it", NULL,
     0, 0, CLI_WORD_ANY},
    {0},
};

static bool sets(const cli_network *n) {
    return n->net || n->no_net || n->allow.count || n->deny.count || n->presets.count || n->secrets.count;
}

/* Says whether the sandbox may connect there. The exit code is 1 if not. */
static int check(cli_app *cli, const char *name, const char *to) {
    wrenn_network_check *verdict = NULL;
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, name);
    bool ok = sandbox && CLI_GET(cli, name, wrenn_sandbox_network_check, (sandbox, to, NULL), &verdict);
    int code = ok && verdict->allowed ? 0 : CLI_FAILED;
    wrn_json *out = ok ? wrn_json_new_object() : NULL;
    if (ok) {
        wrn_json_set_string(out, "to", to);
        wrn_json_set_bool(out, "allowed", verdict->allowed);
        cli_set_text(out, "reason", verdict->reason);
        cli_set_text(out, "rule", verdict->rule);
        cli_set_text(out, "source", verdict->source);
        int printed = cli_print_object(cli, to, out);
        if (printed) code = printed;
        if (!verdict->allowed && cli->format == CLI_FORMAT_TEXT) cli_explain_check(verdict, to);
    }
    wrenn_network_check_free(verdict);
    wrenn_sandbox_free(sandbox);
    return code;
}

static int net_run(cli_app *cli, void *given) {
    const net_values *values = given;
    const cli_network *asked = &values->network;
    wrenn_sandbox_network_set_options wanted = WRENN_SANDBOX_NETWORK_SET_OPTIONS_INIT;
    if (!cli_check_network(cli, asked)) return CLI_USAGE;
    if (cli->word_count > 1) {
        bool by_name = strcmp(cli->words[0], "check") == 0 && cli->word_count > 2;
        if (cli->word_count > 2u + by_name || sets(asked) || values->denied)
            return cli_usage(cli, "one HOST is checked at a time, and without options");
        return check(cli, cli->words[by_name], cli->words[by_name + 1]);
    }
    if (!cli_connect(cli)) return CLI_FAILED;
    wrenn_sandbox *sandbox = cli_sandbox(cli, cli->words[0]);
    wrenn_network *network = NULL;
    wanted.egress = cli_egress(asked);
    wanted.allow = asked->allow.items;
    wanted.deny = asked->deny.items;
    wanted.presets = asked->presets.items;
    wanted.inject = asked->secrets.items;
    bool ok =
        sandbox && (sets(asked) ? CLI_GET(cli, cli->words[0], wrenn_sandbox_network_set, (sandbox, &wanted), &network)
                                : CLI_GET(cli, cli->words[0], wrenn_sandbox_network_get, (sandbox, NULL), &network));
    int code = ok ? 0 : CLI_FAILED;
    if (ok && values->denied) code = cli_print_denials(cli, network);
    else if (ok) code = cli_print_object(cli, wrenn_sandbox_id(sandbox), cli_network_json(network));
    wrenn_network_free(network);
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"ID", CLI_WORD_SANDBOX, 0},
                                       {"HOST", CLI_WORD_ANY, CLI_OPTIONAL | CLI_MANY},
                                       {0}};
static const cli_example examples[] = {
    {"what it may reach, and what came of it", "net work"},
    {"another policy, at once", "net work --preset python --allow api.example.com:443"},
    {"a header whose value it does not know", "net work --secret api.example.com:Authorization=api"},
    {"no way out any more", "net work --no-net"},
    {"whether it may go there, and why", "net check work pypi.org:443"},
    {"what it was denied, and what would allow it", "net work --denied"},
    {0}};

const cli_command cli_command_net = {
    .name = "net",
    .group = CLI_GROUP_NETWORK,
    .summary = "show or replace what a sandbox may reach",
    .details =
        "Options replace the whole policy, and connections that the new one does not allow are cut. The sandbox must\n"
        "have been made with a network: --net, --allow, --preset or --secret of 'wrenn create' and 'wrenn run';\n"
        "for --secret, made with --secret.\n"
        "\n"
        "With a HOST (HOST, HOST:PORT or HOST:PORT/udp; 443 without a port), also as 'wrenn net check ID HOST', it says\n"
        "whether the sandbox may go there, by which rule or why not. Nothing is connected to; the exit code is 1 if not.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(net_values),
    .run = net_run,
};
