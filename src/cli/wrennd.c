/* Commands that are wrennd's: found as the library finds it. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/place.h"
#include "cli/cli.h"

int cli_become_wrennd(const char *const *first, const char *const *rest) {
    char path[PATH_MAX], why[1024];
    size_t count = 1, at = 0;
    for (size_t i = 0; first[i]; i++) count++;
    for (size_t i = 0; rest && rest[i]; i++) count++;
    const char **argv = calloc(count + 1, sizeof(*argv));
    if (!argv) return cli_complain("out of memory"), CLI_FAILED;
    argv[at++] = "wrennd";
    for (size_t i = 0; first[i]; i++) argv[at++] = first[i];
    for (size_t i = 0; rest && rest[i]; i++) argv[at++] = rest[i];
    fflush(stdout);
    if (!wrn_wrennd_find(NULL, path, sizeof(path), why, sizeof(why))) {
        cli_complain("%s", why);
    } else {
        execv(path, (char *const *)(uintptr_t)argv);
        cli_complain("can't run '%s': %s: install wrennd, or set WRENN_WRENND to its path", path, strerror(errno));
    }
    free(argv);
    return CLI_FAILED;
}

bool cli_run_wrennd(const char *const *words) {
    int status = -1;
    fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        if (!freopen("/dev/null", "w", stdout)) _exit(CLI_FAILED); /* we say what is done */
        _exit(cli_become_wrennd(words, NULL));
    }
    if (pid < 0) return cli_complain("can't run wrennd: %s", strerror(errno)), false;
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) continue;
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
