/* Logging in: the token that comes of it goes into a context. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static char *read_password(void) {
    char *line = NULL;
    size_t capacity = 0;
    ssize_t got = getline(&line, &capacity, stdin);
    if (got > 0) line[strcspn(line, "\r\n")] = '\0';
    if (got > 0 && *line) return line;
    free(line);
    cli_complain("there is no password on stdin");
    return NULL;
}

/* The context as it is with its token: what it had stays. */
static bool keep(const char *name, const char *url, const char *key, const wrenn_auth *auth) {
    wrn_json *context = wrn_json_new_object();
    wrn_json_set_string(context, "name", name);
    if (url) wrn_json_set_string(context, "url", url);
    if (key) wrn_json_set_string(context, "key", key);
    wrn_json_set_string(context, "token", auth->token);
    if (auth->email) wrn_json_set_string(context, "email", auth->email);
    if (auth->team_id) wrn_json_set_string(context, "team_id", auth->team_id);
    return cli_context_put(name, context, true);
}

static bool ask_server(cli_app *cli, const cli_login *login, const char *email, const char *password,
                       wrenn_auth **auth) {
    if (login->signs_up)
        return CLI_GET(cli, email, wrenn_auth_signup, (cli->client, email, password, login->name, NULL), auth);
    return CLI_GET(cli, email, wrenn_auth_login, (cli->client, email, password, NULL), auth);
}

static int finish(cli_app *cli, const char *name, const cli_context *context, const wrenn_auth *auth) {
    if (!auth->token) {
        cli_complain("the account is made, but the server gives no token yet: %s", auth->unknown ? auth->unknown : "");
        return 0;
    }
    if (!keep(name, cli->url ? cli->url : context->url ? context->url : cli_env("WRENN_BASE_URL"), context->key, auth))
        return CLI_FAILED;
    fprintf(stderr, "logged in as %s, in context %s\n", cli_or_dash(auth->email), name);
    return 0;
}

int cli_log_in(cli_app *cli, const cli_login *login) {
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    cli_context context;
    char *typed = NULL, *password = NULL;
    wrenn_auth *auth = NULL;
    int code = CLI_FAILED;
    if (!cli_context_choose(cli, &root, &context) || !cli_connect(cli)) return CLI_FAILED;
    const char *email = cli->word_count ? cli->words[0] : (typed = cli_ask("E-mail"));
    if (email) password = login->password_stdin ? read_password() : cli_ask_secret("Password");
    if (password && ask_server(cli, login, email, password, &auth))
        code = finish(cli, context.name ? context.name : "default", &context, auth);
    if (password) explicit_bzero(password, strlen(password));
    wrenn_auth_free(auth);
    free(password);
    free(typed);
    return code;
}
