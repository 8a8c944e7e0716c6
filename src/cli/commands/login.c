/* login and signup: both get a user token, for API keys and hosts, into the context. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

typedef struct login_values {
    bool signs_up, password_stdin;
    const char *name; /* for signing up */
} login_values;

#define PASSWORD_OPTION                                                                                              \
    {                                                                                                                \
        "password-stdin", 0, CLI_FLAG, offsetof(login_values, password_stdin), NULL, "read the password from stdin", \
            NULL, 0, 0, CLI_WORD_ANY                                                                                 \
    }

static const cli_option login_options[] = {PASSWORD_OPTION, {0}};
static const cli_option signup_options[] = {
    PASSWORD_OPTION,
    {"name", 0, CLI_TEXT, offsetof(login_values, name), "NAME", "your name; default: from the e-mail", NULL, 0, 0,
     CLI_WORD_ANY},
    {0},
};

/* Stores the token in the context; its other members stay. */
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

static bool ask_server(cli_app *cli, const login_values *login, const char *email, const char *password,
                       wrenn_auth **auth) {
    if (login->signs_up)
        return CLI_GET(cli, email, wrenn_auth_signup, (cli->client, email, password, login->name, NULL), auth);
    return CLI_GET(cli, email, wrenn_auth_login, (cli->client, email, password, NULL), auth);
}

static int login_finish(cli_app *cli, const char *name, const cli_context *context, const wrenn_auth *auth) {
    if (!auth->token) {
        cli_complain("the account is made, but the server gives no token yet: %s", auth->unknown ? auth->unknown : "");
        return 0;
    }
    if (!keep(name, cli->url ? cli->url : context->url ? context->url : cli_env("WRENN_BASE_URL"), context->key, auth))
        return CLI_FAILED;
    fprintf(stderr, "logged in as %s, in context %s\n", cli_or_dash(auth->email), name);
    return 0;
}

static int login_run(cli_app *cli, void *values) {
    const login_values *login = values;
    WRN_AUTO(wrn_json_freep) wrn_json *root = NULL;
    cli_context context;
    char *typed = NULL, *password = NULL;
    wrenn_auth *auth = NULL;
    int code = CLI_FAILED;
    if (!cli_context_choose(cli, &root, &context) || !cli_connect(cli)) return CLI_FAILED;
    const char *email = cli->word_count ? cli->words[0] : (typed = cli_ask("E-mail"));
    if (email) password = login->password_stdin ? cli_read_secret("password") : cli_ask_secret("Password");
    if (password && ask_server(cli, login, email, password, &auth))
        code = login_finish(cli, context.name ? context.name : "default", &context, auth);
    if (password) explicit_bzero(password, strlen(password));
    wrenn_auth_free(auth);
    free(password);
    free(typed);
    return code;
}

#define DETAILS                                                                                                        \
    "Asks for what is not given, if there is a terminal. The token goes into the context of --context, into the one\n" \
    "in use, or into a new one with the name 'default', which is in use from then on.\n"

static const login_values signing_up = {.signs_up = true};
static const cli_operand operands[] = {{"EMAIL", CLI_WORD_ANY, CLI_OPTIONAL}, {0}};
static const cli_example login_examples[] = {
    {"asked for the password", "login me@example.com --url https://wrenn.example/api"},
    {"from a file", "login me@example.com --password-stdin < password"},
    {0}};
static const cli_example signup_examples[] = {
    {"asked for the password", "signup me@example.com --url http://127.0.0.1:8080"},
    {0}};

const cli_command cli_command_login = {
    .name = "login",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "get a user token, for API keys and hosts, into the context",
    .details = DETAILS,
    .operands = operands,
    .options = login_options,
    .examples = login_examples,
    .server = CLI_SERVER_GIVEN,
    .values_size = sizeof(login_values),
    .run = login_run,
};

const cli_command cli_command_signup = {
    .name = "signup",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "make an account, and log in",
    .details = DETAILS,
    .operands = operands,
    .options = signup_options,
    .examples = signup_examples,
    .server = CLI_SERVER_GIVEN,
    .values_size = sizeof(login_values),
    .defaults = &signing_up,
    .run = login_run,
};
