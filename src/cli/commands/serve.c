/* serve: wrennd in the foreground, and the user's own server in the background. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"

enum { STOP_WITHIN_MS = 30000 };

static int serve_show(const cli_app *cli, const cli_daemon *own, bool runs, size_t sandboxes) {
    wrn_json *status = wrn_json_new_object();
    wrn_json_set_bool(status, "running", runs);
    if (runs) wrn_json_set_int(status, "pid", cli_daemon_pid(own));
    if (runs) wrn_json_set_int(status, "sandboxes", (int64_t)sandboxes);
    wrn_json_set_string(status, "url", own->url);
    wrn_json_set_string(status, "data_dir", own->directory);
    wrn_json_set_int(status, "ends_after_idle_sec", CLI_DAEMON_IDLE_SECONDS);
    int code = cli_print_object(cli, own->url, status);
    return code ? code : runs ? 0 : CLI_FAILED;
}

/* How many sandboxes it has; false: reported. */
static bool count_sandboxes(cli_app *cli, size_t *count) {
    wrenn_sandbox_list *list = cli_connect_to_own(cli) ? cli_sandboxes(cli) : NULL;
    if (!list) return false;
    *count = list->items_count;
    wrenn_sandbox_list_free(list);
    return true;
}

static int serve_begin(cli_app *cli, cli_daemon *own) {
    char why[1024];
    size_t count = 0;
    if (!cli_daemon_start(own, why, sizeof(why))) return cli_complain("your own server: %s", why), CLI_FAILED;
    cli->keep_awake = own->connection;
    return count_sandboxes(cli, &count) ? serve_show(cli, own, true, count) : CLI_FAILED;
}

static int status(cli_app *cli, cli_daemon *own) {
    size_t count = 0;
    if (!cli_daemon_runs(own)) return serve_show(cli, own, false, 0);
    cli->keep_awake = own->connection;
    return count_sandboxes(cli, &count) ? serve_show(cli, own, true, count) : CLI_FAILED;
}

static int serve_end(cli_app *cli, cli_daemon *own, bool force) {
    size_t count = 0;
    if (!cli_daemon_runs(own)) return 0;
    cli->keep_awake = own->connection;
    if (!force && !count_sandboxes(cli, &count)) return CLI_FAILED;
    if (count) {
        cli_complain("%zu sandbox%s would end with it: 'wrenn rm --all' removes all, --force stops it anyway", count,
                     count == 1 ? "" : "es");
        return CLI_FAILED;
    }
    /* While the pidfd is open, the process id can't become another process's. */
    int pid = cli_daemon_pid(own), fd = pid > 0 ? (int)syscall(SYS_pidfd_open, pid, 0) : -1;
    struct pollfd ended = {.fd = fd, .events = POLLIN};
    if (fd < 0 || cli_daemon_pid(own) != pid || syscall(SYS_pidfd_send_signal, fd, SIGTERM, NULL, 0) != 0) {
        if (fd >= 0) close(fd);
        if (!cli_daemon_pid(own)) return 0;
        return cli_complain("can't stop process %d: %s", pid, strerror(errno)), CLI_FAILED;
    }
    cli_disconnect(cli);
    bool stopped = poll(&ended, 1, STOP_WITHIN_MS) == 1;
    close(fd);
    if (!stopped) cli_complain("process %d has not ended yet", pid);
    return stopped ? 0 : CLI_FAILED;
}

/* What follows status, stop and -d; false: wrong usage, which was reported. */
static bool take_rest(cli_app *cli, bool *force) {
    for (const char **word = cli->words + 1; *word; word++) {
        const char *format = strncmp(*word, "-o", 2) == 0 && (*word)[2] ? *word + 2 : NULL;
        if (strcmp(*word, "--force") == 0 && strcmp(cli->words[0], "stop") == 0) {
            *force = true;
            continue;
        }
        if ((strcmp(*word, "-o") == 0 || strcmp(*word, "--output") == 0) && word[1]) format = *++word;
        if (format && (strcmp(format, "json") == 0 || strcmp(format, "jsonl") == 0)) cli->format = CLI_FORMAT_JSON;
        else if (format && strcmp(format, "text") == 0) cli->format = CLI_FORMAT_TEXT;
        else if (format && strcmp(format, "name") == 0) cli->format = CLI_FORMAT_NAME;
        else return cli_usage(cli, "unexpected argument '%s'", *word), false;
    }
    return true;
}

/* False: it is a word of neither, which was reported. */
static bool may_be_of_wrennd(const cli_app *cli, const char *what) {
    static const char *const ours[] = {"status", "stop"};
    const char *best = NULL;
    for (size_t i = 0; i < WRN_COUNT(ours); i++) cli_suggest(what, ours[i], &best);
    if (best) cli_usage(cli, "'%s' is nothing that it does: did you mean '%s'?", what, best);
    return !best;
}

static bool is_own_verb(const char *word) {
    return strcmp(word, "status") == 0 || strcmp(word, "stop") == 0 || strcmp(word, "-d") == 0 ||
           strcmp(word, "--detach") == 0;
}

static bool asks_for_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

static int serve_run(cli_app *cli, void *values) {
    static const char *const json[] = {"--log-format=json", NULL}, *const none[] = {NULL};
    const char *what = cli->word_count ? cli->words[0] : "";
    /* In front of status, stop and -d, as behind them. */
    if (cli->word_count > 2 && strcmp(what, "-o") == 0 && is_own_verb(cli->words[2])) {
        const char *format = cli->words[1], *verb = cli->words[2];
        cli->words[0] = what = verb, cli->words[1] = "-o", cli->words[2] = format;
    }
    bool force = false, starts = strcmp(what, "-d") == 0 || strcmp(what, "--detach") == 0,
         asks = strcmp(what, "status") == 0, stops = strcmp(what, "stop") == 0;
    cli_daemon own;
    char why[1024];
    (void)values;
    if (asks_for_help(what) || (is_own_verb(what) && cli->word_count > 1 && asks_for_help(cli->words[1])))
        return cli_print_help(NULL, cli->command), 0;
    if (!starts && !asks && !stops && !may_be_of_wrennd(cli, what)) return CLI_USAGE;
    if (!starts && !asks && !stops) return cli_become_wrennd(cli->format == CLI_FORMAT_TEXT ? none : json, cli->words);
    if (!take_rest(cli, &force)) return CLI_USAGE;
    if (!cli_daemon_place(&own, why, sizeof(why))) return cli_complain("your own server: %s", why), CLI_FAILED;
    return starts ? serve_begin(cli, &own) : asks ? status(cli, &own) : serve_end(cli, &own, force);
}

static const cli_operand operands[] = {{"WORD", CLI_WORD_SERVE, CLI_OPTIONAL | CLI_MANY}, {0}};

static const cli_example examples[] = {
    {"a server in the foreground, with options of wrennd", "serve --listen 127.0.0.1:8080"},
    {"start your own server in the background", "serve -d"},
    {"whether it runs, and where", "serve status"},
    {"end it; with --force also when it has sandboxes", "serve stop"},
    {0},
};

const cli_command cli_command_serve = {
    .name = "serve",
    .group = CLI_GROUP_SERVER,
    .summary = "run the server, wrennd, or manage your own one",
    .details =
        "With --detach (-d), 'status' or 'stop' this is about your own server: the one that commands use when no other\n"
        "is configured. They start it by themselves, and it ends when it has had no sandbox and no connection for\n"
        "15 minutes. Its data is in $XDG_STATE_HOME/wrenn/server or ~/.local/state/wrenn/server, its log in the\n"
        "file 'log' there. 'status' exits with 1 when it does not run. 'stop' needs --force if it has sandboxes.\n"
        "\n"
        "All other words, such as --listen and --data-dir, are options of wrennd, which then runs in the foreground;\n"
        "'wrennd --help' explains them. WRENN_WRENND says where wrennd is. With -o json before 'serve' its log lines are JSON.\n",
    .operands = operands,
    .examples = examples,
    .raw = true,
    .formats = true,
    .server = CLI_SERVER_OWN,
    .run = serve_run,
};
