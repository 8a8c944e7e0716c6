/* Many sandboxes at once through one wrennd: a hundred, or as many as SANDBOXES says. The notes tell what each
 * takes while it does nothing; other work of the machine shows in that, so nothing is asserted about it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "local.h"
#include "program.h"

enum { IN_FLIGHT = 32 };

typedef struct many {
    wrenn_client *client;
    wrenn_sandbox **sandboxes;
    int count, started, over;
} many;

static int64_t available_kb(void) {
    char line[128];
    long long kb = -1;
    FILE *file = fopen("/proc/meminfo", "re");
    while (file && kb < 0 && fgets(line, sizeof(line), file)) sscanf(line, "MemAvailable: %lld", &kb);
    if (file) fclose(file);
    return kb;
}

static double seconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Does the same for all of them, some at a time. */
static void for_all(many *m, const char *what, void (*start_next)(many *m)) {
    double begin = seconds();
    for (m->started = m->over = 0; m->over < m->count;) {
        while (m->started < m->count && m->started - m->over < IN_FLIGHT) start_next(m), m->started++;
        OK(wrenn_client_dispatch(m->client, -1, &error));
    }
    test_note("%s: %.1f s for %d", what, seconds() - begin, m->count);
}

static void on_created(wrenn_op *op, void *data) {
    many *m = data;
    OK(wrenn_sandboxes_create_finish(op, &m->sandboxes[m->over], &error));
    m->over++;
}

static void create_next(many *m) { OK(wrenn_sandboxes_create_start(m->client, NULL, on_created, m, NULL, &error)); }

static void on_executed(wrenn_op *op, void *data) {
    many *m = data;
    wrenn_exec_result *result = NULL;
    OK(wrenn_sandbox_exec_finish(op, &result, &error));
    CHECK_STR(result->stdout_data, "42\n");
    wrenn_exec_result_free(result);
    m->over++;
}

static void exec_next(many *m) {
    wrenn_command command = WRENN_COMMAND_INIT;
    command.shell = "echo $((6 * 7))";
    OK(wrenn_sandbox_exec_start(m->sandboxes[m->started], &command, NULL, on_executed, m, NULL, &error));
}

static void on_destroyed(wrenn_op *op, void *data) {
    OK(wrenn_sandbox_destroy_finish(op, &error));
    ((many *)data)->over++;
}

static void destroy_next(many *m) {
    OK(wrenn_sandbox_destroy_start(m->sandboxes[m->started], NULL, on_destroyed, m, NULL, &error));
}

static void live_at_once(void) {
    const char *wanted = getenv("SANDBOXES");
    many m = {.count = wanted ? atoi(wanted) : 100};
    CHECK_MSG(m.count > 0, "SANDBOXES is \"%s\", not a number", wanted);
    m.sandboxes = calloc((size_t)m.count, sizeof(wrenn_sandbox *));
    /* A wrennd that is started with few descriptors helps itself. */
    struct rlimit files;
    CHECK_INT(getrlimit(RLIMIT_NOFILE, &files), 0);
    files.rlim_cur = 256;
    CHECK_INT(setrlimit(RLIMIT_NOFILE, &files), 0);
    m.client = local_client();
    int64_t before = available_kb();
    for_all(&m, "create", create_next);
    test_note("memory of each, idle: %" PRId64 " KiB", (before - available_kb()) / m.count);
    for_all(&m, "exec", exec_next);
    test_note("memory of each, idle again: %" PRId64 " KiB", (before - available_kb()) / m.count);
    for_all(&m, "destroy", destroy_next);
    for (int i = 0; i < m.count; i++) wrenn_sandbox_free(m.sandboxes[i]);
    free(m.sandboxes);
    wrenn_client_free(m.client);
    program p = program_start((const char *const[]){getenv("WRENN_WRENND"), "doctor", "--leaks", NULL});
    program_result result = program_finish(&p);
    CHECK_MSG(result.code == 0, "doctor --leaks: %d: %s%s", result.code, result.out, result.err);
    program_result_free(&result);
}

TEST_AS_BOTH(many_live_at_once, live_at_once)

TEST_MAIN
