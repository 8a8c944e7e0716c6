#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

agent agent_starts(const char *const *argv) {
    int in[2], out[2];
    CHECK_MSG(argv[0], "no program to run: WRENN_CLI is not set");
    CHECK(pipe2(in, O_CLOEXEC) == 0 && pipe2(out, O_CLOEXEC) == 0);
    signal(SIGPIPE, SIG_IGN);
    agent a = {.pid = fork(), .in = in[1], .out = fdopen(out[0], "r")};
    CHECK(a.pid >= 0 && a.out);
    if (a.pid == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execv(argv[0], (char *const *)(uintptr_t)argv);
        _exit(255);
    }
    close(in[0]);
    close(out[1]);
    return a;
}

void agent_sends(const agent *a, const void *data, size_t size) {
    for (const char *at = data; size;) {
        ssize_t wrote = write(a->in, at, size);
        CHECK(wrote > 0 || errno == EINTR);
        if (wrote > 0) at += wrote, size -= (size_t)wrote;
    }
}

void agent_says(const agent *a, const char *line) {
    agent_sends(a, line, strlen(line));
    agent_sends(a, "\n", 1);
}

const char *agent_hears(const agent *a) {
    static char *line;
    static size_t capacity;
    ssize_t size = getline(&line, &capacity, a->out);
    CHECK_MSG(size > 0, "no answer");
    CHECK(line[size - 1] == '\n');
    line[size - 1] = '\0';
    return line;
}

const char *agent_asks(const agent *a, const char *line) {
    agent_says(a, line);
    return agent_hears(a);
}

const char *agent_calls(const agent *a, const char *tool, const char *arguments) {
    char *line = NULL;
    CHECK(asprintf(
              &line,
              "{\"jsonrpc\":\"2.0\",\"id\":7,\"method\":\"tools/call\",\"params\":{\"name\":\"%s\",\"arguments\":%s}}",
              tool, arguments) > 0);
    const char *answer = agent_asks(a, line);
    free(line);
    CHECK_CONTAINS(answer, "{\"jsonrpc\":\"2.0\",\"id\":7,");
    return answer;
}

int agent_leaves(agent *a) {
    char rest[256] = "";
    int status;
    if (a->in >= 0) close(a->in);
    CHECK_MSG(!fgets(rest, sizeof(rest), a->out), "more came: %s", rest);
    fclose(a->out);
    CHECK(waitpid(a->pid, &status, 0) == a->pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}
