#include "agent/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent/crowd.h"
#include "agent/files.h"
#include "agent/loop.h"
#include "agent/user.h"

static void keeper_send(int fd, report_kind kind, int value) {
    keeper_report line = {kind, value};
    (void)!write(fd, &line, sizeof(line));
}

static const char *env_value(char **envp, const char *name) {
    size_t size = strlen(name);
    for (; *envp; envp++)
        if (strncmp(*envp, name, size) == 0 && (*envp)[size] == '=') return *envp + size + 1;
    return NULL;
}

/* As POSIX has it for execvp(), a file of unknown format is run by the shell. */
static void try_exec(const char *path, const start *s) {
    execve(path, s->argv, s->envp);
    if (errno != ENOEXEC) return;
    size_t count = 0;
    while (s->argv[count]) count++;
    char **argv = calloc(count + 2, sizeof(char *));
    if (!argv) return;
    argv[0] = (char[]){"sh"};
    argv[1] = (char *)(uintptr_t)path;
    for (size_t i = 1; i < count; i++) argv[i + 1] = s->argv[i];
    execve("/bin/sh", argv, s->envp);
    free(argv);
}

/* Returns only when nothing could be executed, with errno. EACCES outlives a later ENOENT. */
static void search_exec(const start *s) {
    const char *name = s->argv[0], *path = env_value(s->envp, "PATH");
    if (strchr(name, '/')) return try_exec(name, s);
    int kept = ENOENT;
    for (const char *at = path ? path : "/usr/bin:/bin"; *name; at++) {
        size_t size = strcspn(at, ":");
        char file[4096];
        if ((size_t)snprintf(file, sizeof(file), "%.*s%s%s", (int)size, at, size ? "/" : "", name) < sizeof(file)) {
            try_exec(file, s);
            if (errno != ENOENT && errno != ENOTDIR) kept = errno;
        }
        at += size;
        if (!*at) break;
    }
    errno = kept;
}

/* Writes the errno to the descriptor `tell`, too, unless that is -1: see keeper_start_error(). */
_Noreturn static void keeper_fail(const char *what, const char *name, int error, int tell) {
    char line[512];
    if (tell >= 0) (void)!write(tell, &error, sizeof(error));
    int size = snprintf(line, sizeof(line), "wrenn-agent: cannot %s %.300s: %s\n", what, name, strerror(error));
    (void)!write(2, line, (size_t)size < sizeof(line) ? (size_t)size : sizeof(line) - 1);
    _exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

_Noreturn static void keeper_run_command(const start *s, int tell) {
    bool terminal = keeper_has_terminal(s->spec);
    setsid();
    crowd_command();
    if (terminal) ioctl(0, TIOCSCTTY, 0);
    int error = s->user ? user_become(s->user) : 0;
    if (error) keeper_fail("become", s->user->name, error, tell);
    environ = s->envp; /* for the builtins */
    if (s->spec->builtin) _exit(builtin_main(s->argv));
    search_exec(s);
    /* Clients ask for /bin/bash when any shell will do. */
    bool any_shell = terminal && strcmp(s->argv[0], "/bin/bash") == 0 && !s->argv[1];
    if (any_shell && errno == ENOENT)
        execve("/bin/sh", (char *const[]){(char[]){"/bin/sh"}, NULL}, s->envp), errno = ENOENT;
    keeper_fail("run", s->argv[0], errno, tell);
}

/* A detached command counts as started only when its program could be executed, because nobody sees it fail later. `from`
 * brings an errno when that failed; a successful execve() closes it. */
static int keeper_start_error(int from) {
    int error = 0;
    ssize_t got;
    while ((got = read(from, &error, sizeof(error))) < 0 && errno == EINTR) {
    }
    close(from);
    return got == (ssize_t)sizeof(error) ? error : 0;
}

static void keeper_close_others(int keep) {
    /* 0, 1, 2 are the command's. */
    if (keep > 3) syscall(SYS_close_range, 3u, (unsigned)keep - 1, 0u);
    syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u);
}

static void keeper_set_up(const start *s) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    loop_restore_limits();
    crowd_keeper();
    /* When memory runs out, the kernel kills commands before the agent, and before processes of the host. Lowering the
     * agent's score instead would not do: its children could lower theirs to the same value. */
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        (void)!write(score, "500", 3);
        close(score);
    }
    dup2(s->in, 0);
    dup2(s->out, 1);
    dup2(s->err, 2);
    keeper_close_others(s->report);
    /* Signals that wrennd ignores must not stay ignored in commands. The system call is used because libc reserves some
     * signals; an all-zero action is the default one. */
    const char defaults[64] = {0};
    for (int signo = 1; signo < 65; signo++) syscall(SYS_rt_sigaction, signo, defaults, NULL, 8ul);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void keeper_run(const start *s) {
    keeper_set_up(s);
    const char *home = env_value(s->envp, "HOME");
    /* Without one it is the home directory, or / if that cannot be entered. */
    if (s->spec->cwd ? chdir(s->spec->cwd) != 0 : (!home || chdir(home) != 0) && chdir("/") != 0) {
        keeper_send(s->report, REPORT_NO_CWD, errno);
        _exit(0);
    }
    int tell[2] = {-1, -1};
    bool waits = s->spec->label && !keeper_has_terminal(s->spec);
    pid_t command = waits && pipe2(tell, O_CLOEXEC) != 0 ? -1 : fork();
    if (command == 0) keeper_run_command(s, tell[1]);
    if (command < 0) {
        keeper_send(s->report, REPORT_FAILED, errno);
        _exit(0);
    }
    /* The pipes must close with the command and its descendants, not with this process. */
    close(0);
    close(1);
    close(2);
    if (waits) close(tell[1]);
    int error = waits ? keeper_start_error(tell[0]) : 0;
    keeper_send(s->report, error ? REPORT_NO_PROGRAM : REPORT_STARTED, error ? error : command);
    crowd_started(command);
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR;) {
        if (pid != command) continue;
        keeper_send(s->report, REPORT_ENDED, status);
        close(s->report);
    }
    _exit(0);
}

pid_t keeper_start(const start *s) {
    pid_t pid = crowd_fork();
    if (pid == 0) keeper_run(s);
    return pid;
}
