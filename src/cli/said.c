/* Errors as people who type commands know things. The library and the server speak to programmers: of functions, of members of
 * JSON and of C, of what the options of a call are. Here these become options, commands and variables. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

#define GET_KEY "set WRENN_API_KEY, or use 'wrenn context add' or 'wrenn login'"

/* The first one that fits counts; '#' stands for digits. */
static const struct {
    const char *theirs, *ours;
} terms[] = {
    {"member \"network\": allow[#]", "--allow"},
    {"member \"network\": deny[#]", "--deny"},
    {"member \"network\": inject[#]", "--secret"},
    {"member \"network\": preset", "--preset"},
    {"member \"network\": ", ""},
    {"with member \"network\"", "with --net, --allow or --no-net"},
    {"member \"template\": ", "--template "},
    {"member \"isolation\"", "--isolation"},
    {"member \"tag\"", "--tag"},
    {"member \"envs\"", "--env"},
    {"member \"", "\""},
    {"members \"", "\""},
    {"memory_mb", "--memory"},
    {"disk_mb", "--disk"},
    {"the directory given as cwd", "the directory of --cwd"},
    {"argv must start with a program name", "the name of the program is empty"},
    {"the path is not UTF-8", "the path is not UTF-8; only 'wrenn cp' of a directory takes such names, below it"},
    {"text in the options is not UTF-8", "not all words of the command line are UTF-8"},
    {": set WRENN_TOKEN or the client option token, or log in and call wrenn_client_set_token()", ""},
    {": set WRENN_API_KEY or the client option api_key", ": " GET_KEY},
    {": look with wrenn_sandboxes_list()", ": " CLI_SHOWS_SANDBOXES},
    {", or raise max_response_bytes in wrenn_client_options", ""},
    {"max_response_bytes of the client options", "wrenn takes"},
    {" (wrenn_code_context_interrupt(), _restart(); a context with WRENN_SANDBOX_CODE_CONTEXT_DEFAULT is the kernel of "
     "calls without one)",
     ""},
};

/* How much of the text is that; 0: nothing. */
static size_t fits(const char *text, const char *theirs) {
    const char *at = text;
    for (; *theirs; theirs++) {
        if (*theirs == '#') at += strspn(at, "0123456789");
        else if (*at++ != *theirs) return 0;
    }
    return (size_t)(at - text);
}

/* Messages begin with the name of a function; those that are named like commands may stay. */
static const char *cut_function(const char *message) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz_";
    char name[32];
    size_t first = strspn(message, letters), size = first;
    if (message[size] == ' ') size += 1 + strspn(message + size + 1, letters);
    snprintf(name, sizeof(name), "%.*s", (int)first, message);
    bool ends = first && strncmp(message + size, ": ", 2) == 0;
    return !ends || strcmp(name, "local") == 0 || cli_find_command(NULL, name) ? message : message + size + 2;
}

void cli_say_error(wrn_buf *out, const wrenn_error *error) {
    const char *at = error ? cut_function(wrenn_error_message(error)) : "out of memory";
    const char *needs = strstr(at, " needs ");
    if (needs && !wrenn_error_http_status(error) && wrenn_error_is(error, WRENN_E_AUTHENTICATION))
        wrn_buf_puts(out, "this"), at = needs;
    while (*at) {
        size_t size = 0, i = 0;
        while (i < WRN_COUNT(terms) && !(size = fits(at, terms[i].theirs))) i++;
        if (size) wrn_buf_puts(out, terms[i].ours);
        else wrn_buf_putc(out, *at);
        at += size ? size : 1;
    }
}

static const char *remedy(const wrenn_error *error) {
    static const struct {
        int code;
        const char *about; /* what the message has to have: one code is for sandboxes and files alike */
        const char *text;
    } remedies[] = {
        {WRENN_E_AUTHENTICATION, "needs a user token", "'wrenn login' gets one"},
        {WRENN_E_AUTHENTICATION, "login: ", NULL}, /* of a password */
        {WRENN_E_AUTHENTICATION, "", GET_KEY},
        {WRENN_E_NOT_FOUND, "sandbox not found", CLI_SHOWS_SANDBOXES},
        {WRENN_E_NOT_FOUND, "no template \"", CLI_SHOWS_TEMPLATES},
        {WRENN_E_NOT_FOUND, "no snapshot \"", "'wrenn snapshot ls' shows the snapshots"},
        {WRENN_E_NOT_FOUND, "has the pid or tag", "'wrenn ps' shows what runs"},
        {WRENN_E_AGENT, "nothing answers on port 8888",
         "it has no kernels: make it with -T python-interpreter-v0-beta ('wrenn template build code-interpreter')"},
        {WRENN_E_CONFLICT, "not running (status: paused)", "'wrenn resume' wakes it up"},
        {WRENN_E_HOST_UNAVAILABLE, "", "try again later"},
        {WRENN_E_CONNECTION_FAILED, "",
         "check --url, WRENN_BASE_URL or the context, or start a server with 'wrenn serve'"},
        {WRENN_E_CONNECTION_LOST, "", "it may have happened, so look before you try again"},
        {WRENN_E_TIMEOUT, "", "try again"},
    };
    const char *message = wrenn_error_message(error);
    /* For errors that do not come from a server, the message itself has the remedy. */
    bool ours = !wrenn_error_http_status(error) && wrenn_error_is(error, WRENN_E_API);
    for (size_t i = 0; i < WRN_COUNT(remedies); i++)
        if (wrenn_error_is(error, remedies[i].code) && strstr(message, remedies[i].about) &&
            !(ours && !*remedies[i].about))
            return remedies[i].text;
    return NULL;
}

void cli_report(const char *what, wrenn_error *error) {
    const char *hint = remedy(error), *id = wrenn_error_request_id(error);
    WRN_AUTO(wrn_buf_free) wrn_buf said = WRN_BUF_INIT;
    cli_say_error(&said, error);
    bool names = what && *what;
    cli_complain("%s%s%s%s%s%s%s%s", names ? what : "", names ? ": " : "", said.data ? said.data : "out of memory",
                 id ? " (request " : "", id ? id : "", id ? ")" : "", hint ? ": " : "", hint ? hint : "");
    wrenn_error_free(error);
}
