/* mcp: sandboxes as tools of agents that speak the Model Context Protocol. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/mcp.h"

typedef struct mcp_values {
    cli_creation creation;
    const char *sandbox, *files;
    int64_t limit_seconds, output_max;
    bool keep, http;
} mcp_values;

static const cli_option creation_options[] = {CLI_CREATION_OPTIONS(offsetof(mcp_values, creation)), {0}};

static const cli_option options[] = {
    {"sandbox", 's', CLI_TEXT, offsetof(mcp_values, sandbox), "ID", "use this one, and leave it at the end", NULL, 0, 0,
     CLI_WORD_SANDBOX},
    {"keep", 0, CLI_FLAG, offsetof(mcp_values, keep), NULL, "keep the sandbox; its id is printed on stderr", NULL, 0, 0,
     CLI_WORD_ANY},
    {"files", 0, CLI_TEXT, offsetof(mcp_values, files), "DIR",
     "let upload and download use files of this machine below DIR", NULL, 0, 0, CLI_WORD_FILE},
    {"timeout", 0, CLI_SECONDS, offsetof(mcp_values, limit_seconds), "TIME",
     "end a command or code after so long, unless a call says otherwise; default: 2m", NULL, 1, 86400, CLI_WORD_ANY},
    {"max-output", 0, CLI_INT, offsetof(mcp_values, output_max), "BYTES",
     "cut the text of results that are longer; default: 60000", NULL, 1000, 16 << 20, CLI_WORD_ANY},
    {"http", 0, CLI_FLAG, offsetof(mcp_values, http), NULL,
     "serve over HTTP instead, at ADDRESS:PORT; default: 127.0.0.1:8765", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

static const mcp_values defaults = {.limit_seconds = 120, .output_max = 60000};

static void mcp_serve(mcp_session *session, mcp_peer *peer) {
    cli_app *cli = session->cli;
    cli->aside = &peer->aside;
    while (!cli->signal && mcp_goes_on(peer)) {
        mcp_call *call = mcp_next_call(peer);
        peer->aside.given_up = false;
        if (call) mcp_answer(peer, call, mcp_run_tool(session, call->params));
        else cli_turn(cli, -1);
    }
    cli->aside = NULL;
    cli->signal = 0; /* the first signal is the normal end; a second one ends the clean-up */
}

static bool open_directory(mcp_session *session, const char *path) {
    char *whole = realpath(path, NULL);
    session->files = whole;
    session->directory = whole ? open(whole, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (session->directory < 0) cli_complain("--files %s: %s", path, strerror(errno));
    return session->directory >= 0;
}

/* Options of a new sandbox do not go with an existing one. */
static bool is_plain(const cli_creation *creation) {
    const cli_network *network = &creation->network;
    return !creation->template_name && !creation->name && !creation->isolation && !creation->labels.count &&
           !creation->vcpus && !creation->memory_mb && !creation->disk_mb && !creation->idle_seconds &&
           !creation->lifetime_seconds && !creation->dies_with_us && !network->net && !network->no_net &&
           !network->allow.count && !network->deny.count && !network->presets.count && !network->secrets.count;
}

static int end_sandbox(mcp_session *session, bool keep) {
    int code = 0;
    if (!session->sandbox) return 0;
    if (keep) fprintf(stderr, "sandbox %s\n", wrenn_sandbox_id(session->sandbox));
    else if (!session->given && !cli_destroy(session->cli, session->sandbox)) code = CLI_FAILED;
    wrenn_sandbox_free(session->sandbox);
    return code;
}

static int mcp_run(cli_app *cli, void *given) {
    mcp_values *values = given;
    mcp_peer peer;
    const char *place = cli->word_count ? cli->words[0] : "8765";
    struct sockaddr_in address;
    mcp_session session = {.cli = cli,
                           .server = CLI_SERVER_OWN,
                           .creation = &values->creation,
                           .given = values->sandbox,
                           .limit_seconds = values->limit_seconds,
                           .output_max = (size_t)values->output_max,
                           .directory = -1};
    int code = CLI_FAILED;
    cli->does = "";
    if (!cli_check_creation(cli, &values->creation, values->keep ? "--keep" : NULL)) return CLI_USAGE;
    if (values->sandbox && (values->keep || !is_plain(&values->creation)))
        return cli_usage(cli, "--sandbox uses one that is there: neither --keep nor options of a new one go with it");
    /* A private server ends with us, as the sandbox does. */
    if (cli_is_private(cli) && !values->sandbox && !values->keep) session.server = CLI_SERVER_PRIVATE;
    if (!values->http && (cli->word_count || cli->format != CLI_FORMAT_TEXT))
        return cli_usage(cli, "%s goes with --http", cli->word_count ? "an address" : "--output");
    if (!mcp_http_place(place, &address))
        return cli_usage(cli, "--http '%s' is not ADDRESS:PORT or PORT, with an IPv4 address", place);
    bool ready = (!values->files || open_directory(&session, values->files)) && cli_catch_signals(cli);
    mcp_http_end http = ready && values->http ? mcp_serve_http(cli, place, address) : MCP_HTTP_SESSION;
    if (http == MCP_HTTP_ENDED) code = 0;
    if (ready && http == MCP_HTTP_SESSION) {
        mcp_peer_init(&peer);
        mcp_serve(&session, &peer);
        mcp_peer_free(&peer);
        code = end_sandbox(&session, values->keep);
    }
    if (session.directory >= 0) close(session.directory);
    free((char *)(uintptr_t)session.files);
    return code;
}

static const cli_operand operands[] = {{"ADDRESS:PORT", CLI_WORD_ANY, CLI_OPTIONAL}, {0}};

static const cli_example examples[] = {
    {"what an agent runs", "mcp"},
    {"with limits, and a template of yours", "mcp -m 2g --vcpus 2 -T base"},
    {"files of this machine can be copied, but only those of a project", "mcp --files ~/project"},
    {"in a sandbox that is there already", "mcp -s work"},
    {"for agents that connect to a URL", "mcp --http 127.0.0.1:9000"},
    {0},
};

static const cli_exit exits[] = {
    {"0", "stdin ended, nobody reads stdout any more, or a signal came; the sandbox is destroyed"},
    {"1", "it failed; stderr says why"},
    {"2", "wrong usage: an option, argument or value that does not fit"},
    {"128+N", "signal N came while the sandbox was destroyed, and ended that"},
    {0},
};

const cli_command cli_command_mcp = {
    .name = "mcp",
    .group = CLI_GROUP_OTHER,
    .summary = "give an agent a sandbox as tools (Model Context Protocol)",
    .details =
        "Speaks the Model Context Protocol on stdin and stdout; an agent starts it. All tools work in one sandbox, which\n"
        "is made with the first call of one, and destroyed when stdin ends or a signal comes. Without --template it is\n"
        "made from python-interpreter-v0-beta, which run_code needs, if there is such a template ('wrenn template build\n"
        "code-interpreter' makes it). No file of this machine can be used without --files.\n\n"
        "With --http it serves until a signal comes, and prints its URL and a token, which has to be in the header\n"
        "'Authorization: Bearer TOKEN' of each request; WRENN_MCP_TOKEN chooses it. Each session has a sandbox of its own,\n"
        "which ends with it: when the client ends it, or has asked nothing for 30 minutes. Only this machine can connect,\n"
        "unless another address is given (what goes over the network is not encrypted), and no page of another origin.\n",
    .operands = operands,
    .formats = true,
    .options = options,
    .more_options = creation_options,
    .examples = examples,
    .exits = exits,
    .server = CLI_SERVER_OWN,
    .values_size = sizeof(mcp_values),
    .defaults = &defaults,
    .run = mcp_run,
};
