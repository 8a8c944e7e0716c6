/* login: get a user token, for API keys and hosts, into the context. */
#include "cli/cli.h"

typedef struct login_values {
    cli_login login;
} login_values;

static const cli_option options[] = {
    {"password-stdin", 0, CLI_FLAG, offsetof(login_values, login.password_stdin), NULL, "read the password from stdin",
     NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

static int login_run(cli_app *cli, void *given) {
    login_values *values = given;
    values->login.signs_up = false;
    return cli_log_in(cli, &values->login);
}

static const cli_operand operands[] = {{"EMAIL", CLI_WORD_ANY, CLI_OPTIONAL}, {0}};
static const cli_example examples[] = {
    {"asked for the password", "login me@example.com --url https://wrenn.example/api"},
    {"from a file", "login me@example.com --password-stdin < password"},
    {0}};

const cli_command cli_command_login = {
    .name = "login",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "get a user token, for API keys and hosts, into the context",
    .details =
        "Asks for what is not given, if there is a terminal. The token goes into the context of --context, into the one\n"
        "in use, or into a new one with the name 'default', which is in use from then on.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_GIVEN,
    .values_size = sizeof(login_values),
    .run = login_run,
};
