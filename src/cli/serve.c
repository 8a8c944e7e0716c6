/* `wrenn serve` and `wrenn doctor` are wrennd, found where the library finds it too. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli.h"

/* WRENN_WRENND; beside this program, installed or in a build tree; ../libexec; PATH. */
static void find_wrennd(char *out, size_t size) {
    const char *asked = getenv("WRENN_WRENND");
    if (asked && *asked) {
        snprintf(out, size, "%s", asked);
        return;
    }
    static const char *const beside[] = {"wrennd", "../server/wrennd", "../libexec/wrennd"};
    char self[4096];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    self[length > 0 ? length : 0] = '\0';
    char *slash = strrchr(self, '/');
    if (slash) slash[1] = '\0';
    for (size_t i = 0; slash && i < sizeof(beside) / sizeof(beside[0]); i++) {
        if ((size_t)snprintf(out, size, "%s%s", self, beside[i]) < size && access(out, X_OK) == 0) return;
    }
    snprintf(out, size, "wrennd");
}

/* Becomes wrennd: it has the terminal, the signals and the exit code. Returns only when that fails. */
static int become_wrennd(char **arguments, const char *first) {
    char path[8192];
    find_wrennd(path, sizeof(path));
    size_t count = 0;
    while (arguments[count]) count++;
    char **argv = calloc(count + 3, sizeof(*argv));
    if (!argv) return cli_complain("out of memory"), CLI_FAILED;
    size_t at = 0;
    argv[at++] = (char[]){"wrennd"};
    char command[16];
    if (first) {
        snprintf(command, sizeof(command), "%s", first);
        argv[at++] = command;
    }
    memcpy(argv + at, arguments, count * sizeof(*argv));
    fflush(stdout);
    execvp(path, argv);
    cli_complain("can't run '%s': %s: install wrennd, or set WRENN_WRENND to its path", path, strerror(errno));
    free(argv);
    return CLI_FAILED;
}

static int serve(cli_app *cli) { return become_wrennd(cli->words, NULL); }

/* wrennd says --json where every command here says -o json. */
static int doctor(cli_app *cli) {
    char json[] = "--json";
    size_t count = 0, to = 0;
    while (cli->words[count]) count++;
    char **words = calloc(count + 2, sizeof(*words));
    if (!words) return cli_complain("out of memory"), CLI_FAILED;
    for (char **word = cli->words; *word; word++) {
        bool option = strcmp(*word, "-o") == 0 || strcmp(*word, "--output") == 0;
        if (option && word[1]) cli->json = strcmp(*++word, "json") == 0;
        else words[to++] = *word;
    }
    if (cli->json) words[to] = json;
    int code = become_wrennd(words, "doctor");
    free(words);
    return code;
}

const cli_command cli_serve_command = {
    .name = "serve",
    .operands = "[ARG...]",
    .summary = "run the server, wrennd, in the foreground",
    .details = "The arguments are those of wrennd: see 'wrenn serve --help'. WRENN_WRENND says where it is.\n",
    .run = serve,
};

const cli_command cli_doctor_command = {
    .name = "doctor",
    .operands = "[ARG...]",
    .summary = "say what this machine can do for sandboxes, and what is missing",
    .details = "The same as 'wrennd doctor', with its arguments. WRENN_WRENND says where wrennd is.\n",
    .run = doctor,
};
