/* `wrenn serve` and `wrenn doctor` are wrennd, found where the library finds it too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* WRENN_WRENND; beside this program, installed or in a build tree; where it was installed; PATH. */
static void find_wrennd(char *out, size_t size) {
    const char *asked = getenv("WRENN_WRENND");
    if (asked && *asked) {
        snprintf(out, size, "%s", asked);
        return;
    }
    static const char *const beside[] = {"wrennd", "../server/wrennd", "../src/server/wrennd"};
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash) slash[1] = '\0';
    for (size_t i = 0; slash && i < sizeof(beside) / sizeof(beside[0]); i++) {
        if ((size_t)snprintf(out, size, "%s%s", self, beside[i]) < size && access(out, X_OK) == 0) return;
    }
    snprintf(out, size, "%s", WRN_BINDIR "/wrennd");
    if (access(out, X_OK) != 0) snprintf(out, size, "wrennd");
}

/* Becomes wrennd: it has the terminal, the signals and the exit code. Returns only when that fails. */
static int become_wrennd(char **argv) {
    char path[8192];
    find_wrennd(path, sizeof(path));
    fflush(stdout);
    execvp(path, argv);
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
