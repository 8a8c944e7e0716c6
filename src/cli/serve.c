/* `wrenn serve` and `wrenn doctor` are wrennd, found as the library finds it. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/place.h"
#include "cli.h"

/* Becomes wrennd: it has the terminal, the signals and the exit code. Returns only when that fails. */
static int become_wrennd(char **argv) {
    char path[PATH_MAX], why[1024];
    if (!wrn_wrennd_find(NULL, path, sizeof(path), why, sizeof(why))) return cli_complain("%s", why), CLI_FAILED;
    fflush(stdout);
    execv(path, argv);
    cli_complain("can't run '%s': %s: install wrennd, or set WRENN_WRENND to its path", path, strerror(errno));
    return CLI_FAILED;
}

static int serve(cli_app *cli) {
    char name[] = "wrennd", format[] = "--log-format=json";
    size_t count = 0, at = 0;
    while (cli->words[count]) count++;
    char **argv = calloc(count + 3, sizeof(*argv));
    if (!argv) return cli_complain("out of memory"), CLI_FAILED;
    argv[at++] = name;
    if (cli->json) argv[at++] = format;
    memcpy(argv + at, cli->words, count * sizeof(*argv));
    int code = become_wrennd(argv);
    free(argv);
    return code;
}

/* ---- doctor ---- */

typedef struct doctor_values {
    bool leaks;
    const char *data_dir;
} doctor_values;

static const cli_option doctor_options[] = {
    {"leaks", 0, CLI_FLAG, offsetof(doctor_values, leaks), NULL, "show what servers that were killed have left", 0, 0},
    {"data-dir", 0, CLI_TEXT, offsetof(doctor_values, data_dir), "DIR", "of the server to look at", 0, 0},
    {0},
};

static int doctor(cli_app *cli) {
    char name[] = "wrennd", command[] = "doctor", leaks[] = "--leaks", data_dir[] = "--data-dir", json[] = "--json";
    doctor_values values = {0};
    const char *word;
    if (!cli_next_word(cli, &values, &word)) return CLI_USAGE;
    if (cli->help) return cli_print_help(cli->command), 0;
    if (word || *cli->words) return cli_usage(cli, "'%s' is one word too many", word ? word : *cli->words);
    char *argv[7] = {name, command};
    size_t at = 2;
    if (values.leaks) argv[at++] = leaks;
    if (values.data_dir) argv[at++] = data_dir, argv[at++] = (char *)(uintptr_t)values.data_dir;
    if (cli->json) argv[at++] = json;
    return become_wrennd(argv);
}

const cli_command cli_serve_command = {
    .name = "serve",
    .operands = "[ARG...]",
    .summary = "run the server, wrennd, in the foreground",
    .details = "The arguments are those of wrennd: see 'wrenn serve --help'. WRENN_WRENND says where it is.\n"
               "With -o json before the command its log lines are JSON.\n",
    .run = serve,
};

const cli_command cli_doctor_command = {
    .name = "doctor",
    .operands = "",
    .summary = "say what this machine can do for sandboxes, and what is missing",
    .details = "WRENN_WRENND says where wrennd is.\n",
    .options = doctor_options,
    .run = doctor,
};
