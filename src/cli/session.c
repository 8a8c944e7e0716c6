/* The client and waiting for its operations. Signals that would end us are blocked and read from a descriptor, so that
 * Ctrl-C in the middle of anything still leaves time to destroy what was made. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "cli/cli.h"

enum { SHOW_EVERY_MS = 1000 };

/* What whoever started us has had ignored, as nohup does, ends nothing. */
static void set_ending_signals(sigset_t *set) {
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction now;
    sigemptyset(set);
    for (size_t i = 0; i < WRN_COUNT(signals); i++)
        if (sigaction(signals[i], NULL, &now) == 0 && now.sa_handler != SIG_IGN) sigaddset(set, signals[i]);
}

void cli_let_signals_end(const cli_app *cli, bool let) {
    sigset_t set;
    set_ending_signals(&set);
    if (cli->signals >= 0) sigprocmask(let ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
}

bool cli_catch_signals(cli_app *cli) {
    sigset_t set;
    if (cli->signals >= 0) return true;
    set_ending_signals(&set);
    sigaddset(&set, SIGWINCH);
    sigaddset(&set, SIGCONT);
    /* A reader of our output that went away is no reason to leave a sandbox behind. */
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, NULL) == 0) cli->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (cli->signals < 0) cli_complain("can't watch for signals: %s", strerror(errno));
    return cli->signals >= 0;
}

bool cli_take_signal(cli_app *cli) {
    struct signalfd_siginfo info;
    bool ends = false;
    while (read(cli->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGWINCH || info.ssi_signo == SIGCONT) cli->resized = true;
        else cli->signal = (int)info.ssi_signo, ends = true;
    }
    return ends;
}

/* ---- which server ---- */

static void say_warning(const wrenn_log_event *event, void *user_data) {
    (void)user_data;
    if (event->level >= WRENN_LOG_WARNING) cli_complain("%s", event->message);
}

/* A server that was named, by whatever has precedence. */
static bool choose_given(const cli_app *cli, const cli_context *context, wrenn_client_options *options) {
    if (context->name) {
        options->base_url = context->url;
        options->api_key = context->key;
        options->token = context->token;
        return true;
    }
    options->base_url = cli->url;
    return cli->url || cli_env("WRENN_BASE_URL") || cli_env("WRENN_API_KEY") || cli_env("WRENN_TOKEN");
}

static bool choose_own(cli_app *cli, wrenn_client_options *options, cli_daemon *own) {
    char why[1024];
    if (!cli_daemon_place(own, why, sizeof(why)) || !cli_daemon_start(own, why, sizeof(why))) {
        cli_complain("your own server: %s", why);
        return false;
    }
    if (cli->keep_awake >= 0) close(cli->keep_awake);
    cli->keep_awake = own->connection;
    options->base_url = own->url;
    options->api_key = own->key;
    cli_phase(cli, "server");
    return true;
}

static bool choose_other(cli_app *cli, cli_server server, wrenn_client_options *options, cli_daemon *own) {
    if (server == CLI_SERVER_OWN) return choose_own(cli, options, own);
    if (server == CLI_SERVER_PRIVATE) return options->base_url = "local:", true;
    if (cli->parent) /* 'key ls', 'host ls' */
        cli_complain(
            "%s %s: which server? Give --context or --url; it needs a user token, which 'wrenn login --url URL' gets",
            cli->parent->name, cli->command->name);
    else cli_complain("%s: which server? Give --context or --url, or set WRENN_BASE_URL", cli->command->name);
    return false;
}

static bool open_client(cli_app *cli, wrenn_client_options *options) {
    wrenn_error *error = NULL;
    if (!cli_catch_signals(cli)) return false;
    options->log = say_warning;
    int rc = wrenn_client_new(options, &cli->client, &error);
    if (rc < 0) cli_report(NULL, error);
    cli_phase(cli, "client");
    return rc >= 0;
}

bool cli_connect_to_own(cli_app *cli) {
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    cli_daemon own;
    return choose_own(cli, &options, &own) && open_client(cli, &options);
}

const char *cli_other_server(cli_app *cli) {
    static char name[160];
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    cli_context context;
    cli_daemon own;
    if (!cli_context_choose(cli, &root, &context)) return "the command line";
    if (!choose_given(cli, &context, &options)) return NULL;
    const char *url = options.base_url ? options.base_url : cli_env("WRENN_BASE_URL");
    if (url && cli_daemon_place(&own, name, sizeof(name)) && strcmp(url, own.url) == 0) return NULL;
    if (context.name) return snprintf(name, sizeof(name), "the context '%.100s'", context.name), name;
    return cli->url ? "--url" : "the environment (WRENN_*)";
}

bool cli_is_own(const cli_app *cli) {
    cli_daemon own;
    char why[256];
    return cli->client && cli_daemon_place(&own, why, sizeof(why)) &&
           strcmp(wrenn_client_base_url(cli->client), own.url) == 0;
}

void cli_disconnect(cli_app *cli) {
    wrenn_client_free(WRN_TAKE(cli->client));
    if (cli->keep_awake >= 0) close(cli->keep_awake);
    cli->keep_awake = -1;
}

bool cli_connect_to(cli_app *cli, cli_server server) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    cli_context context;
    cli_daemon own;
    if (cli->client) return true;
    if (!cli_context_choose(cli, &root, &context)) return false;
    if (!choose_given(cli, &context, &options) && !choose_other(cli, server, &options, &own)) return false;
    const char *url = options.base_url ? options.base_url : cli_env("WRENN_BASE_URL");
    if (server != CLI_SERVER_PRIVATE && url && strcmp(url, "local:") == 0) {
        cli_complain(
            "%s: a private server (local:) ends with this command, so nothing is there yet and nothing would stay: "
            "use another URL, or none for a server of your own",
            cli->command->name);
        return false;
    }
    return open_client(cli, &options);
}

bool cli_connect(cli_app *cli) { return cli_connect_to(cli, cli->command->server); }

bool cli_is_private(const cli_app *cli) {
    const char *url = cli->url ? cli->url : cli_env("WRENN_BASE_URL");
    const char *in_use = cli->client ? wrenn_client_base_url(cli->client) : NULL;
    return (url && strcmp(url, "local:") == 0) || (in_use && strstr(in_use, "/wrenn-local-"));
}

/* ---- waiting ---- */

void cli_done(wrenn_op *op, void *user_data) { (void)op, (void)user_data; /* cli_wait() asks the operation itself */ }

/* A line that the next one replaces. */
static void show_does(cli_app *cli, int64_t ms) {
    const char *does = cli->does ? cli->does : "waiting for the server";
    cli->shows_does = *does;
    if (*does) fprintf(stderr, "\r%s ... %lld s\033[K", does, (long long)(ms / 1000));
}

static void remove_does(cli_app *cli) {
    if (cli->shows_does) fprintf(stderr, "\r\033[K");
    cli->shows_does = false;
}

void cli_hide_does(cli_app *cli) {
    cli->does = "";
    remove_does(cli);
}

int cli_turn(cli_app *cli, int64_t ms) {
    cli_aside *aside = cli->aside;
    struct pollfd fds[2 + CLI_ASIDE_FDS] = {
        {.fd = cli->client ? wrenn_client_fd(cli->client) : -1, .events = POLLIN},
        {.fd = cli->signals, .events = POLLIN},
    };
    if (aside) memcpy(fds + 2, aside->fds, sizeof(aside->fds));
    int ready = poll(fds, aside ? WRN_COUNT(fds) : 2, ms > INT_MAX ? INT_MAX : (int)ms);
    if (ready < 0) return errno == EINTR ? 1 : -1;
    if (fds[1].revents && cli_take_signal(cli)) return -1;
    if (fds[0].revents) wrenn_client_dispatch(cli->client, 0, NULL);
    if (aside) {
        memcpy(aside->fds, fds + 2, sizeof(aside->fds));
        if (!aside->happened(aside)) return aside->given_up = true, -1;
    }
    return ready > 0;
}

bool cli_wait(cli_app *cli, wrenn_op *op) {
    int64_t began = wrn_now_ms(), next = wrn_in_ms(SHOW_EVERY_MS);
    bool shows = isatty(2), over = false;
    while (!(over = wrenn_op_is_done(op))) {
        if (cli_turn(cli, shows ? wrn_left_ms(next) : -1) < 0) break;
        if (!shows || wrn_left_ms(next)) continue;
        show_does(cli, wrn_now_ms() - began);
        next = wrn_in_ms(SHOW_EVERY_MS);
    }
    remove_does(cli);
    return over;
}

bool cli_is_cut(const wrenn_error *error) {
    return wrenn_error_is(error, WRENN_E_CONNECTION_LOST) || wrenn_error_is(error, WRENN_E_CONNECTION_FAILED) ||
           wrenn_error_is(error, WRENN_E_TIMEOUT) || wrenn_error_retriable(error);
}

bool cli_pause(cli_app *cli, int64_t ms) {
    int64_t until = wrn_in_ms(ms);
    for (int64_t left = ms; left; left = wrn_left_ms(until))
        if (cli_turn(cli, left) < 0) return cli->signal;
    return false;
}

bool cli_settle(cli_app *cli, const char *what, int rc, wrenn_error *error) {
    if (rc >= 0) return wrenn_error_free(error), true;
    if (rc == WRENN_E_CANCELLED && (cli->signal || !error)) wrenn_error_free(error);
    else cli_report(what, error);
    return false;
}

int cli_settle_quietly(int rc, wrenn_error *error, wrenn_error **out) {
    if (out) *out = error;
    else wrenn_error_free(error);
    return rc;
}

bool cli_pause_before_retry(cli_app *cli, int64_t *pause_ms) {
    enum { FIRST_MS = 250, LONGEST_MS = 5000 };
    if (!*pause_ms) cli_complain("the connection is lost; trying again (Ctrl-C gives up)");
    *pause_ms = !*pause_ms ? FIRST_MS : *pause_ms < LONGEST_MS ? *pause_ms * 2 : *pause_ms;
    return !cli_pause(cli, *pause_ms);
}

wrenn_stream *cli_reconnect(cli_app *cli, cli_again_fn again, void *context, wrenn_error **error) {
    enum { WITHIN_MS = 120000 };
    int64_t until = wrn_in_ms(WITHIN_MS), pause = 0;
    wrenn_stream *stream = NULL;
    while (wrn_left_ms(until) && cli_pause_before_retry(cli, &pause)) {
        wrenn_error_free(WRN_TAKE(*error));
        if (again(cli, context, &stream, error) >= 0) return stream;
        if (cli->signal || !cli_is_cut(*error)) break;
    }
    return NULL;
}

void cli_phase(cli_app *cli, const char *name) {
    int64_t now = wrn_now_us();
    if (cli->timing)
        fprintf(stderr, "wrenn: %-8s %9.1f ms\n", name,
                (double)(now - (cli->phase_us ? cli->phase_us : cli->began_us)) / 1e3);
    cli->phase_us = now;
}
