#include "program.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"

program program_start(const char *const *argv) {
    int out[2], err[2];
    CHECK_MSG(argv[0], "no program to run: WRENN_CLI is not set");
    CHECK(pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0);
    program running = {.pid = fork(), .out = out[0], .err = err[0]};
    CHECK(running.pid >= 0);
    if (running.pid == 0) {
        sigset_t none; /* shells wait for SIGCHLD, which the harness blocks */
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        int empty = open("/dev/null", O_RDONLY);
        dup2(empty, STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        dup2(err[1], STDERR_FILENO);
        execvp(argv[0], (char *const *)(uintptr_t)argv);
        _exit(255);
    }
    close(out[1]);
    close(err[1]);
    return running;
}

/* False at the end of the stream. */
static bool read_some(int fd, char **data, size_t *size, size_t *room) {
    enum { PIECE = 65536 };
    if (*room < *size + PIECE + 1) {
        *room = 2 * *size + PIECE + 1;
        *data = realloc(*data, *room);
        CHECK(*data);
    }
    ssize_t got = read(fd, *data + *size, PIECE);
    CHECK(got >= 0);
    *size += (size_t)got;
    (*data)[*size] = '\0';
    return got > 0;
}

program_result program_finish(const program *running) {
    program_result result = {0};
    size_t out_room = 0, err_room = 0;
    struct pollfd fds[] = {{.fd = running->out, .events = POLLIN}, {.fd = running->err, .events = POLLIN}};
    while (fds[0].fd >= 0 || fds[1].fd >= 0) {
        CHECK(poll(fds, 2, -1) > 0);
        if (fds[0].revents && !read_some(fds[0].fd, &result.out, &result.out_size, &out_room)) fds[0].fd = -1;
        if (fds[1].revents && !read_some(fds[1].fd, &result.err, &result.err_size, &err_room)) fds[1].fd = -1;
    }
    close(running->out);
    close(running->err);
    int status;
    CHECK(waitpid(running->pid, &status, 0) == running->pid);
    result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
    return result;
}

void program_result_free(program_result *result) {
    free(result->out);
    free(result->err);
}

program_result run_program(const char *const *argv) {
    program running = program_start(argv);
    return program_finish(&running);
}
