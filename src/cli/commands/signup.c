/* signup: make an account, and log in. */
#include "cli/cli.h"

typedef struct signup_values {
    cli_login login;
} signup_values;

static const cli_option options[] = {
    {"password-stdin", 0, CLI_FLAG, offsetof(signup_values, login.password_stdin), NULL, "read the password from stdin",
     NULL, 0, 0, CLI_WORD_ANY},
    {"name", 0, CLI_TEXT, offsetof(signup_values, login.name), "NAME", "your name; default: from the e-mail", NULL, 0,
     0, CLI_WORD_ANY},
    {0},
};

static int signup_run(cli_app *cli, void *given) {
    signup_values *values = given;
    values->login.signs_up = true;
    return cli_log_in(cli, &values->login);
}

static const cli_operand operands[] = {{"EMAIL", CLI_WORD_ANY, CLI_OPTIONAL}, {0}};
static const cli_example examples[] = {{"asked for the password", "signup me@example.com --url http://127.0.0.1:8080"},
                                       {0}};

const cli_command cli_command_signup = {
    .name = "signup",
    .group = CLI_GROUP_ACCOUNT,
    .summary = "make an account, and log in",
    .details =
        "Asks for what is not given, if there is a terminal. The token goes into the context of --context, into the one\n"
        "in use, or into a new one with the name 'default', which is in use from then on.\n",
    .operands = operands,
    .options = options,
    .examples = examples,
    .server = CLI_SERVER_GIVEN,
    .values_size = sizeof(signup_values),
    .run = signup_run,
};
