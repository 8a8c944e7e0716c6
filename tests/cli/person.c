#include "person.h"

#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

static void forget_surroundings(void) {
    static const char *const variables[] = {"WRENN_BASE_URL",  "WRENN_API_KEY",  "WRENN_TOKEN",     "WRENN_CONTEXT",
                                            "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR", "NO_COLOR"};
    for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++) unsetenv(variables[i]);
    setenv("HOME", "/dev/null/home", 1); /* nobody can make it, not even root */
    setenv("TERM", "xterm", 1);
}

/* What whoever runs the tests has set up must not show. */
__attribute__((constructor)) static void begin(void) { forget_surroundings(); }

void fresh_home(void) {
    forget_surroundings();
    setenv("HOME", test_dir(), 1);
}

void stop_own_server(void) {
    const char *command = getenv("WRENN_CLI");
    pid_t pid = command ? fork() : -1;
    if (pid == 0) {
        fresh_home();
        if (!freopen("/dev/null", "w", stderr)) _exit(1);
        execl(command, command, "serve", "stop", "--force", NULL);
        _exit(1);
    }
    if (pid > 0) waitpid(pid, NULL, 0);
}

char *wrenn_says(const char *const *argv) {
    program_result result = run_program(argv);
    CHECK_MSG(result.code == 0, "%s: exit code %d: %s", argv[1], result.code, result.err ? result.err : "");
    if (result.out_size && result.out[result.out_size - 1] == '\n') result.out[result.out_size - 1] = '\0';
    free(result.err);
    return result.out;
}

program_result shell(const char *line) { return run_program((const char *const[]){"sh", "-c", line, NULL}); }

person person_starts(const char *const *argv, unsigned short cols, unsigned short rows) {
    struct winsize size = {.ws_col = cols, .ws_row = rows};
    person p = {0};
    p.pid = forkpty(&p.terminal, NULL, NULL, &size);
    CHECK(p.pid >= 0);
    if (p.pid == 0) {
        sigset_t none; /* shells wait for SIGCHLD, which the harness blocks */
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(255);
    }
    p.screen = calloc(1, 1);
    CHECK(p.screen);
    return p;
}

/* False at the end. */
static bool look(person *p) {
    char *more = realloc(p->screen, p->size + 65536 + 1);
    CHECK(more);
    p->screen = more;
    ssize_t got = read(p->terminal, more + p->size, 65536);
    if (got < 0 && errno == EINTR) return true;
    if (got <= 0) return false;
    p->size += (size_t)got;
    more[p->size] = '\0';
    return true;
}

/* Looks at what is shown meanwhile: a terminal whose output nobody reads takes no input either. */
void person_pastes(person *p, const void *data, size_t size) {
    const char *at = data;
    while (size) {
        struct pollfd fd = {.fd = p->terminal, .events = POLLIN | POLLOUT};
        CHECK(poll(&fd, 1, -1) == 1);
        if (fd.revents & POLLIN) CHECK(look(p));
        if (!(fd.revents & POLLOUT)) continue;
        ssize_t wrote = write(p->terminal, at, size < 256 ? size : 256);
        CHECK(wrote > 0);
        at += wrote;
        size -= (size_t)wrote;
    }
}

void person_types(person *p, const char *keys) { person_pastes(p, keys, strlen(keys)); }

void person_sees(person *p, const char *text) {
    for (;;) {
        const char *found = memmem(p->screen + p->seen, p->size - p->seen, text, strlen(text));
        if (found) {
            p->seen = (size_t)(found - p->screen) + strlen(text);
            return;
        }
        CHECK_MSG(look(p), "\"%s\" is not shown, only: %s", text, p->screen + p->seen);
    }
}

void person_resizes(person *p, unsigned short cols, unsigned short rows) {
    struct winsize size = {.ws_col = cols, .ws_row = rows};
    CHECK(ioctl(p->terminal, TIOCSWINSZ, &size) == 0);
}

int person_leaves(person *p) {
    int status;
    while (look(p)) continue;
    CHECK(waitpid(p->pid, &status, 0) == p->pid);
    close(p->terminal);
    free(p->screen);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void check_shell(const char *line, int code, const char *out, const char *err) {
    program_result result = shell(line);
    CHECK_CONTAINS(result.err ? result.err : "", err);
    if (!*err) CHECK_STR(result.err ? result.err : "", "");
    CHECK_STR(result.out ? result.out : "", out);
    CHECK_INT(result.code, code);
    program_result_free(&result);
}

void begin_with_sandbox(void) {
    fresh_home();
    free(WRENN_SAYS("create", "--name", "s"));
    program_result made = shell("mkdir bin && ln -s \"$WRENN_CLI\" bin/w");
    CHECK_INT(made.code, 0);
    program_result_free(&made);
    char path[4096];
    snprintf(path, sizeof(path), "%s/bin:%s", test_dir(), getenv("PATH"));
    setenv("PATH", path, 1);
}
