/* The client and waiting for its operations. Signals that would end us are blocked and read from a descriptor, so that
 * Ctrl-C in the middle of anything still leaves time to destroy what was made. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "cli.h"

static sigset_t mask_before;

static bool catch_signals(cli_app *cli) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGHUP);
    sigaddset(&set, SIGQUIT);
    /* A reader of our output that went away is an error to report, not a reason to leave a sandbox behind. */
    signal(SIGPIPE, SIG_IGN);
    if (sigprocmask(SIG_BLOCK, &set, &mask_before) != 0) return false;
    cli->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return cli->signals >= 0;
}

void cli_release_signals(cli_app *cli) {
    if (cli->signals >= 0) sigprocmask(SIG_SETMASK, &mask_before, NULL);
}

static const char *given(const char *option, const char *variable) {
    if (option && *option) return option;
    const char *value = secure_getenv(variable);
    return value && *value ? value : NULL;
}

bool cli_is_private(const cli_app *cli) {
    const char *base_url = given(cli->base_url, "WRENN_BASE_URL");
    if (base_url) return strcmp(base_url, "local:") == 0;
    return !given(cli->api_key, "WRENN_API_KEY") && !given(cli->token, "WRENN_TOKEN");
}

static void say_warning(const wrenn_log_event *event, void *user_data) {
    (void)user_data;
    if (event->level >= WRENN_LOG_WARNING) cli_complain("%s", event->message);
}

bool cli_connect(cli_app *cli) {
    if (cli->command->needs_service && cli_is_private(cli)) {
        cli_complain("%s: a private server has no sandboxes yet: set WRENN_BASE_URL and WRENN_API_KEY, which "
                     "'wrenn serve' prints at its first start",
                     cli->command->name);
        return false;
    }
    if (!catch_signals(cli)) {
        cli_complain("can't watch for signals: %s", strerror(errno));
        return false;
    }
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = cli->base_url;
    options.api_key = cli->api_key;
    options.token = cli->token;
    options.log = say_warning;
    wrenn_error *error = NULL;
    if (wrenn_client_new(&options, &cli->client, &error) == 0) return true;
    cli_complain("%s", wrenn_error_message(error));
    wrenn_error_free(error);
    return false;
}

void cli_done(wrenn_op *op, void *user_data) { (void)op, (void)user_data; /* cli_wait() asks the operation itself */ }

bool cli_wait(cli_app *cli, wrenn_op *op) {
    while (!wrenn_op_is_done(op)) {
        struct pollfd fds[] = {
            {.fd = wrenn_client_fd(cli->client), .events = POLLIN},
            {.fd = cli->signals, .events = POLLIN},
        };
        if (poll(fds, 2, -1) < 0 && errno != EINTR) return false;
        struct signalfd_siginfo info;
        if (fds[1].revents && read(cli->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
            cli->signal = (int)info.ssi_signo;
            return false;
        }
        if (fds[0].revents) wrenn_client_dispatch(cli->client, 0, NULL);
    }
    return true;
}
