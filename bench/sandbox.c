#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"
#include "wrenn/wrenn.h"

enum { SANDBOXES = 50, COMMANDS = 500, IN_A_ROW = 25 };

static const char *const echo[] = {"/bin/echo", "hi", NULL};

/* Starts a program and reads its output to the end; false when it failed. */
static bool spawn_and_read(const char *const *argv) {
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) != 0) bench_fail("no pipe");
    pid_t pid = fork();
    if (pid == 0) {
        dup2(fds[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), STDERR_FILENO);
        execvp(argv[0], (char *const *)argv);
        _exit(127);
    }
    close(fds[1]);
    char text[64];
    while (read(fds[0], text, sizeof(text)) > 0) {
    }
    close(fds[0]);
    int status;
    return waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool bench_program(samples *into, int rounds, const char *const *argv) {
    if (!spawn_and_read(argv)) return false;
    for (int i = 0; i < rounds; i++) {
        double start = bench_now_us();
        spawn_and_read(argv);
        bench_add(into, bench_now_us() - start);
    }
    return true;
}

static int run_echo(wrenn_sandbox *sandbox, wrenn_error **error) {
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.argv = echo;
    int rc = wrenn_sandbox_exec(sandbox, &command, NULL, &result, error);
    if (rc >= 0 && (result->exit_code != 0 || result->stdout_size != 3)) bench_fail("echo failed in the sandbox");
    wrenn_exec_result_free(result);
    return rc;
}

static int measure_life(wrenn_client *client, samples *create, samples *first, samples *destroy, wrenn_error **error) {
    int rc = 0;
    for (int i = 0; i < SANDBOXES && rc >= 0; i++) {
        wrenn_sandbox *sandbox = NULL;
        double start = bench_now_us();
        rc = wrenn_sandboxes_create(client, NULL, &sandbox, error);
        bench_add(create, bench_now_us() - start);
        if (rc >= 0) rc = run_echo(sandbox, error);
        bench_add(first, bench_now_us() - start);
        start = bench_now_us();
        if (rc >= 0) rc = wrenn_sandbox_destroy(sandbox, NULL, error);
        bench_add(destroy, bench_now_us() - start);
        wrenn_sandbox_free(sandbox);
    }
    return rc;
}

static int measure_exec(wrenn_client *client, samples *exec, wrenn_error **error) {
    wrenn_sandbox *sandbox = NULL;
    int rc = wrenn_sandboxes_create(client, NULL, &sandbox, error);
    for (int i = 0; i < COMMANDS && rc >= 0; i++) {
        double start = bench_now_us();
        rc = run_echo(sandbox, error);
        bench_add(exec, bench_now_us() - start);
    }
    wrenn_sandbox_close(sandbox);
    return rc;
}

/* Without and with a network in turns, so that both find the machine equally busy: so many of a kind, one after the other. The end of
 * a sandbox with a network goes on when the next one is made. */
static int measure_network(wrenn_client *client, int of_a_kind, samples creates[2], samples destroys[2],
                           wrenn_error **error) {
    wrenn_sandboxes_create_options options = WRENN_SANDBOXES_CREATE_OPTIONS_INIT;
    options.egress = WRENN_EGRESS_PUBLIC;
    int rc = 0;
    for (int i = 0; i < 2 * SANDBOXES && rc >= 0; i++) {
        bool has_network = i / of_a_kind & 1;
        wrenn_sandbox *sandbox = NULL;
        double start = bench_now_us();
        rc = wrenn_sandboxes_create(client, has_network ? &options : NULL, &sandbox, error);
        bench_add(&creates[has_network], bench_now_us() - start);
        start = bench_now_us();
        if (rc >= 0) rc = wrenn_sandbox_destroy(sandbox, NULL, error);
        bench_add(&destroys[has_network], bench_now_us() - start);
        wrenn_sandbox_free(sandbox);
    }
    return rc;
}

void bench_sandbox(void) {
    const char *const bwrap[] = {"bwrap",     "--ro-bind", "/",     "/",    "--unshare-all",
                                 "--proc",    "/proc",     "--dev", "/dev", "--die-with-parent",
                                 "/bin/echo", "hi",        NULL};
    wrenn_client_options options = WRENN_CLIENT_OPTIONS_INIT;
    options.base_url = "local:";
    wrenn_client *client = NULL;
    wrenn_error *error = NULL;
    samples plain = {0}, boxed = {0}, create = {0}, first = {0}, destroy = {0}, exec = {0};
    samples alone[2] = {0}, in_a_row[2] = {0}, destroys[2] = {0};
    bench_program(&plain, COMMANDS, echo);
    bool has_bwrap = bench_program(&boxed, SANDBOXES, bwrap);

    int rc = wrenn_client_new(&options, &client, &error);
    if (rc >= 0) rc = measure_life(client, &create, &first, &destroy, &error);
    if (rc >= 0) rc = measure_exec(client, &exec, &error);
    if (rc >= 0) rc = measure_network(client, 1, alone, destroys, &error);
    if (rc >= 0) rc = measure_network(client, IN_A_ROW, in_a_row, destroys, &error);
    if (rc < 0) {
        wrenn_client_free(client);
        bench_fail("sandboxes: %s", wrenn_error_message(error));
    }
    printf("from nothing to the output of echo\n");
    bench_print("fork and exec", &plain, NULL);
    if (has_bwrap) bench_print("bwrap, all namespaces", &boxed, &plain);
    else printf("  bwrap is not installed, or may not make namespaces here\n");
    bench_print("wrenn: create and first output", &first, has_bwrap ? &boxed : &plain);
    printf("  (the last ratio is over %s)\nparts of it, and echo in a sandbox that is there\n",
           has_bwrap ? "bwrap" : "fork and exec");
    bench_print("create", &create, &plain);
    bench_print("exec round trip", &exec, &plain);
    bench_print("destroy", &destroy, &plain);
    printf("what a network adds\n");
    bench_print("create", &alone[0], NULL);
    bench_print("create with a network", &alone[1], &alone[0]);
    bench_print("create, one after the other", &in_a_row[0], NULL);
    bench_print("the same with a network", &in_a_row[1], &in_a_row[0]);
    bench_print("destroy", &destroys[0], NULL);
    bench_print("destroy with a network", &destroys[1], &destroys[0]);
    printf("  a create costs %.2f ms more, one after the other %.2f ms\n",
           (bench_median(&alone[1]) - bench_median(&alone[0])) / 1e3,
           (bench_median(&in_a_row[1]) - bench_median(&in_a_row[0])) / 1e3);
    samples *all[] = {&plain,    &boxed,    &create,      &first,       &destroy,     &exec,
                      &alone[0], &alone[1], &in_a_row[0], &in_a_row[1], &destroys[0], &destroys[1]};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) bench_free(all[i]);
    wrenn_client_free(client);
}
