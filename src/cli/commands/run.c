/* run: a program in a new sandbox. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli.h"

enum { PORTS_MAX = 64 };

typedef struct run_values {
    cli_creation creation;
    cli_program program;
    cli_list uploads, downloads, ports;
    bool keep, remove, detach;
} run_values;

static const cli_option sandbox_options[] = {
    CLI_CREATION_OPTIONS(offsetof(run_values, creation)),
    {"keep", 0, CLI_FLAG, offsetof(run_values, keep), NULL, "keep the sandbox; its id is printed on stderr", NULL, 0, 0,
     CLI_WORD_ANY},
    {"rm", 0, CLI_FLAG, offsetof(run_values, remove), NULL, "destroy the sandbox afterwards, which is the default",
     NULL, 0, 0, CLI_WORD_ANY},
    {"detach", 'd', CLI_FLAG, offsetof(run_values, detach), NULL,
     "leave the program running in a sandbox that is kept, and print its id", NULL, 0, 0, CLI_WORD_ANY},
    {0},
};

static const cli_option file_options[] = {
    {"upload", 0, CLI_LIST, offsetof(run_values, uploads), "SRC:DST", "copy a file or tree into it first; repeatable",
     NULL, 0, 0, CLI_WORD_FILE},
    {"download", 0, CLI_LIST, offsetof(run_values, downloads), "SRC:DST",
     "copy a file or tree out of it afterwards, also when the program failed; repeatable", NULL, 0, 0, CLI_WORD_ANY},
    {"publish", 'p', CLI_LIST, offsetof(run_values, ports), "PORT", "print the URL of a port of it; repeatable", NULL,
     0, 0, CLI_WORD_ANY},
    {0},
};

static const cli_option program_options[] = {CLI_PROGRAM_OPTIONS(offsetof(run_values, program)), {0}};

/* SRC:DST at the last colon. */
static bool split_pair(cli_app *cli, const char *option, const char *pair, char **from, const char **to) {
    const char *colon = strrchr(pair, ':');
    if (!colon || colon == pair || !colon[1]) {
        cli_usage(cli, "--%s '%s' is not SRC:DST", option, pair);
        return false;
    }
    *from = strndup(pair, (size_t)(colon - pair));
    *to = colon + 1;
    if (!*from) cli_complain("out of memory");
    return *from;
}

static bool check_pairs(cli_app *cli, const char *option, const cli_list *pairs) {
    for (size_t i = 0; i < pairs->count; i++) {
        char *from = NULL;
        const char *to;
        bool ok = split_pair(cli, option, pairs->items[i], &from, &to);
        free(from);
        if (!ok) return false;
    }
    return true;
}

static bool transfer(cli_app *cli, wrenn_sandbox *sandbox, const cli_list *pairs, bool up) {
    bool all = true;
    for (size_t i = 0; i < pairs->count && !cli->signal; i++) {
        char *from = NULL;
        const char *to;
        if (!split_pair(cli, up ? "upload" : "download", pairs->items[i], &from, &to)) return false;
        all = (up ? cli_upload(cli, sandbox, from, to, 0) : cli_download(cli, sandbox, from, to, 0)) && all;
        free(from);
    }
    return all;
}

static bool check_ports(const cli_app *cli, const cli_list *ports) {
    int64_t port;
    for (size_t i = 0; i < ports->count; i++) {
        if (wrn_parse_int(ports->items[i], 1, 65535, &port)) continue;
        cli_usage(cli,
                  "--publish '%s' is not a port of the sandbox; 'wrenn port-forward' takes it to one of this machine",
                  ports->items[i]);
        return false;
    }
    return true;
}

static bool publish(wrenn_sandbox *sandbox, const cli_list *ports) {
    for (size_t i = 0; i < ports->count; i++) {
        int64_t port = 0;
        char *url = NULL;
        wrenn_error *error = NULL;
        wrn_parse_int(ports->items[i], 1, 65535, &port);
        if (wrenn_sandbox_url(sandbox, port, NULL, &url, &error) < 0) return cli_report("--publish", error), false;
        fprintf(stderr, "port %lld: %s\n", (long long)port, url);
        wrenn_string_free(url);
    }
    return true;
}

static int run_detach(cli_app *cli, wrenn_sandbox *sandbox, const run_values *values) {
    wrenn_command command = cli_start_command(&values->program.start);
    wrenn_process *process = NULL;
    command.argv = cli->words;
    int code = cli_spawn(cli, sandbox, &command, &process);
    if (code) return code;
    wrenn_process_free(process);
    printf("%s\n", wrenn_sandbox_id(sandbox));
    return 0;
}

/* Also sh ends with 127 when it finds no program. */
static bool is_missing(cli_app *cli, wrenn_sandbox *sandbox, const run_values *values) {
    wrenn_command command = cli_start_command(&values->program.start);
    const char *const argv[] = {"sh", "-c", "command -v -- \"$1\"", "sh", cli->words[0], NULL};
    wrenn_exec_result *result = NULL;
    command.argv = argv;
    (void)CLI_TRY_GET(cli, NULL, wrenn_sandbox_exec, (sandbox, &command, NULL), &result);
    bool missing = result && result->exit_code != 0;
    wrenn_exec_result_free(result);
    return missing;
}

/* With docker an image comes first. */
static void explain_missing(cli_app *cli, wrenn_sandbox *sandbox, const run_values *values) {
    const char *word = cli->words[0], *from = wrenn_sandbox_last_info(sandbox)->template_name;
    if (*word == '/' || *word == '.' || !is_missing(cli, sandbox, values)) return;
    if (cli_has_template(cli, word))
        cli_complain("'%s' is a template: 'wrenn run -T %s PROGRAM' runs a program in it", word, word);
    else
        cli_complain("the template '%s' has no program '%s'; another template is chosen with -T: " CLI_SHOWS_TEMPLATES
                     ", 'wrenn help template build' says how to make one of an image",
                     from ? from : "minimal", word);
}

/* What is done with the sandbox, from its creation to its end. */
static int run_work(cli_app *cli, wrenn_sandbox *sandbox, const run_values *values) {
    if (cli->signal || !transfer(cli, sandbox, &values->uploads, true)) return CLI_RUN_FAILED;
    if (!publish(sandbox, &values->ports)) return CLI_RUN_FAILED;
    int code =
        values->detach ? run_detach(cli, sandbox, values) : cli_run_program(cli, sandbox, &values->program, cli->words);
    if (cli->signal) return code;
    if (code == 127) explain_missing(cli, sandbox, values);
    if (values->detach) return code;
    if (code && cli_has_network(wrenn_sandbox_last_info(sandbox))) cli_explain_denials(cli, sandbox, 0);
    return transfer(cli, sandbox, &values->downloads, false) ? code : CLI_RUN_FAILED;
}

/* Templates, snapshots and secrets of the user's own server are not those of a private one. There the server has to see to it that the
 * sandbox goes, should we be killed. */
static bool run_connect(cli_app *cli, cli_creation *creation, bool keeps) {
    const char *name = creation->template_name;
    bool has_secrets = creation->network.secrets.count > 0;
    bool looks = !keeps && (has_secrets || (name && strcmp(name, "minimal") != 0));
    if (!cli_connect_to(cli, keeps || looks ? CLI_SERVER_OWN : CLI_SERVER_PRIVATE)) return false;
    if (!looks || !cli_is_own(cli)) return true;
    if (has_secrets || cli_has_template(cli, name)) return creation->dies_with_us = true;
    cli_disconnect(cli);
    return cli_connect_to(cli, CLI_SERVER_PRIVATE);
}

static int run_run(cli_app *cli, void *given) {
    run_values *values = given;
    const char *keep = values->detach ? "--detach" : values->keep ? "--keep" : NULL;
    if (keep && values->remove) return cli_usage(cli, "%s keeps the sandbox, --rm does not", keep);
    if (!cli_check_creation(cli, &values->creation, keep) || !check_pairs(cli, "upload", &values->uploads) ||
        !check_pairs(cli, "download", &values->downloads) || !check_ports(cli, &values->ports))
        return CLI_USAGE;
    if (!run_connect(cli, &values->creation, keep)) return CLI_RUN_FAILED;
    wrenn_sandbox *sandbox = cli_create(cli, &values->creation);
    if (!sandbox) return CLI_RUN_FAILED;
    values->program.sandbox_goes = !keep;
    int code = run_work(cli, sandbox, values);
    bool detached = values->detach && code == 0;
    if (keep && !detached) fprintf(stderr, "sandbox %s\n", wrenn_sandbox_id(sandbox));
    if (!keep && !cli_destroy(cli, sandbox)) code = CLI_RUN_FAILED;
    wrenn_sandbox_free(sandbox);
    return code;
}

static const cli_operand operands[] = {{"PROGRAM", CLI_WORD_ANY, CLI_PROGRAM}, {0}};

static const cli_example examples[] = {
    {"one program, and nothing stays", "run -- echo hello"},
    {"a line of shell", "run -- sh -c 'echo $((6 * 7))'"},
    {"with input from a pipe", "run cat < /etc/hostname"},
    {"a script of yours, and what it made", "run --upload a.py:/tmp/a.py --download /tmp/out:out python3 /tmp/a.py"},
    {"with limits", "run -m 256m --vcpus 1 --timeout 30s -- make"},
    {"with a package from PyPI, and no other way out",
     "run --preset python -- sh -c 'pip install six && python3 a.py'"},
    {"a terminal", "run -t bash"},
    {0},
};

const cli_command cli_command_run = {
    .name = "run",
    .group = CLI_GROUP_RUN,
    .summary = "run a program in a new sandbox, then destroy the sandbox",
    .details =
        "Its output comes as it is written, byte for byte, and its exit code is that of wrenn. Input is passed on\n"
        "when it is a pipe or a file, or with -i. When stdin, stdout and stderr are terminals the program gets\n"
        "one too. There is no time limit unless --timeout sets one. No shell looks at the words; use 'sh -c LINE' for that. Ctrl-C\n"
        "destroys the sandbox as well; a second Ctrl-C does not wait for that. A sandbox that is destroyed is on\n"
        "a private server that ends with the command, unless a server is configured; one that is kept, gets a --secret,\n"
        "or is made from a template or snapshot of your own server, is on that one (see 'wrenn help serve').\n",
    .operands = operands,
    .options = sandbox_options,
    .more_options = program_options,
    .still_more = file_options,
    .examples = examples,
    .exits = cli_exits_program,
    .formats = true,
    .failed = CLI_RUN_FAILED,
    .server = CLI_SERVER_PRIVATE,
    .values_size = sizeof(run_values),
    .run = run_run,
};
