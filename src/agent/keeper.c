/* Between the agent and each command stands a keeper: the reaper of the command's orphans. So whatever the command starts,
 * daemons that left its session too, stays below one process and can be found and killed. It ends when all of them have. */
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

#include "agent/agent.h"

static void report(int fd, report_kind kind, int value) {
    keeper_report line = {kind, value};
    (void)!write(fd, &line, sizeof(line));
}

static const char *env_value(char **envp, const char *name) {
    size_t size = strlen(name);
    for (; *envp; envp++)
        if (strncmp(*envp, name, size) == 0 && (*envp)[size] == '=') return *envp + size + 1;
    return NULL;
}

/* A file without "#!" that the kernel does not know is a shell script, by old custom. */
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

/* Only comes back when nothing could be executed; errno says why. EACCES outlives a later ENOENT. */
static void search_exec(const start *s) {
    const char *name = s->argv[0], *path = env_value(s->envp, "PATH");
    if (strchr(name, '/')) {
        try_exec(name, s);
        return;
    }
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

_Noreturn static void run_command(const start *s) {
    setsid();
    crowd_command();
    if (s->terminal) ioctl(0, TIOCSCTTY, 0);
    if (s->builtin) _exit(builtin_main(s->argv));
    search_exec(s);
    int error = errno;
    char line[512];
    int size = snprintf(line, sizeof(line), "wrenn-agent: cannot run %.300s: %s\n", s->argv[0], strerror(error));
    (void)!write(2, line, (size_t)size < sizeof(line) ? (size_t)size : sizeof(line) - 1);
    _exit(error == ENOENT || error == ENOTDIR ? 127 : 126);
}

static void close_others(int keep) {
    /* 0, 1, 2 are the command's. */
    if (keep > 3) syscall(SYS_close_range, 3u, (unsigned)keep - 1, 0u);
    syscall(SYS_close_range, (unsigned)keep + 1, ~0u, 0u);
}

static void set_up(const start *s) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    crowd_keeper();
    /* When memory runs out commands go before the agent, and before what runs on the host. Lowering the agent's number
     * instead would let commands lower theirs: whoever starts with a low one may go back to it. */
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score >= 0) {
        (void)!write(score, "500", 3);
        close(score);
    }
    dup2(s->in, 0);
    dup2(s->out, 1);
    dup2(s->err, 2);
    close_others(s->report);
    /* What the server ignores must not be ignored in commands. By the kernel's own call, as libc keeps some numbers to
     * itself; an all-zero action is the default one. */
    const char defaults[64] = {0};
    for (int signo = 1; signo < 65; signo++) syscall(SYS_rt_sigaction, signo, defaults, NULL, 8ul);
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

_Noreturn static void keep(const start *s) {
    set_up(s);
    if (chdir(s->cwd) != 0) {
        report(s->report, REPORT_NO_CWD, errno);
        _exit(0);
    }
    pid_t command = fork();
    if (command == 0) run_command(s);
    if (command < 0) {
        report(s->report, REPORT_FAILED, errno);
        _exit(0);
    }
    /* The pipes must end with the command and its descendants, not with this process. */
    close(0);
    close(1);
    close(2);
    report(s->report, REPORT_STARTED, command);
    crowd_started(command);
    int status;
    for (pid_t pid; (pid = waitpid(-1, &status, 0)) > 0 || errno == EINTR;) {
        if (pid != command) continue;
        report(s->report, REPORT_ENDED, status);
        close(s->report);
    }
    _exit(0);
}

pid_t keeper_start(const start *s) {
    pid_t pid = crowd_fork();
    if (pid == 0) keep(s);
    return pid;
}
