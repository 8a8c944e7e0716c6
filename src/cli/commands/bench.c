/* bench: what things cost on this machine, or with the server in use. */
#include <stdlib.h>

#include "base/clock.h"
#include "cli/cli.h"

enum { ROUNDS = 10 };

typedef struct bench_values {
    int64_t rounds;
} bench_values;

static const bench_values defaults = {.rounds = ROUNDS};
static const cli_option options[] = {
    {"rounds", 'n', CLI_INT, offsetof(bench_values, rounds), "N", "measure so many times; default: 10", NULL, 1, 10000,
     CLI_WORD_ANY},
    {0},
};

typedef enum measure { CREATE, FIRST, EXEC, STAT, DESTROY, MEASURES } measure;

typedef struct bench {
    cli_app *cli;
    int64_t rounds, *times[MEASURES];
} bench;

static bool bench_run_true(cli_app *cli, wrenn_sandbox *sandbox) {
    const char *const argv[] = {"true", NULL};
    wrenn_command command = WRENN_COMMAND_INIT;
    wrenn_exec_result *result = NULL;
    command.argv = argv;
    bool ok = CLI_GET(cli, "true", wrenn_sandbox_exec, (sandbox, &command, NULL), &result);
    wrenn_exec_result_free(result);
    return ok;
}

static bool look_at_root(cli_app *cli, wrenn_sandbox *sandbox) {
    wrenn_file_entry *entry = NULL;
    bool ok = CLI_GET(cli, "/etc", wrenn_sandbox_stat, (sandbox, "/etc", NULL), &entry);
    wrenn_file_entry_free(entry);
    return ok;
}

/* One sandbox from its beginning to its end. */
static bool run_round(bench *b, int64_t round) {
    static const cli_creation plain;
    int64_t at = wrn_now_us();
    wrenn_sandbox *sandbox = cli_create(b->cli, &plain);
    if (!sandbox) return false;
    b->times[CREATE][round] = wrn_now_us() - at;
    bool ok = bench_run_true(b->cli, sandbox);
    b->times[FIRST][round] = wrn_now_us() - at;
    at = wrn_now_us();
    ok = ok && bench_run_true(b->cli, sandbox);
    b->times[EXEC][round] = wrn_now_us() - at;
    at = wrn_now_us();
    ok = ok && look_at_root(b->cli, sandbox);
    b->times[STAT][round] = wrn_now_us() - at;
    at = wrn_now_us();
    ok = cli_destroy(b->cli, sandbox) && ok;
    b->times[DESTROY][round] = wrn_now_us() - at;
    wrenn_sandbox_free(sandbox);
    return ok;
}

static int by_size(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static int bench_print(bench *b) {
    static const char *const titles[] = {"WHAT", ">MEDIAN MS", ">BEST MS", ">WORST MS", NULL};
    static const char *const names[] = {"create a sandbox", "until its first command is done", "one more command",
                                        "look at a file", "destroy it"};
    cli_rows *rows = cli_rows_new(b->cli, titles);
    for (size_t i = 0; i < MEASURES; i++) {
        char texts[3][32];
        qsort(b->times[i], (size_t)b->rounds, sizeof(int64_t), by_size);
        const int64_t told[] = {b->times[i][b->rounds / 2], b->times[i][0], b->times[i][b->rounds - 1]};
        wrn_json *object = wrn_json_new_object();
        wrn_json_set_string(object, "what", names[i]);
        wrn_json_set_int(object, "median_us", told[0]);
        wrn_json_set_int(object, "best_us", told[1]);
        wrn_json_set_int(object, "worst_us", told[2]);
        wrn_json_set_int(object, "rounds", b->rounds);
        for (size_t k = 0; k < 3; k++) snprintf(texts[k], sizeof(texts[k]), "%.2f", (double)told[k] / 1e3);
        const char *const cells[] = {names[i], texts[0], texts[1], texts[2]};
        cli_rows_add(rows, names[i], object, cells);
    }
    return cli_rows_print(rows);
}

static int bench_run(cli_app *cli, void *given) {
    bench_values *values = given;
    bench b = {.cli = cli, .rounds = values->rounds};
    bool ok = cli_connect(cli);
    for (size_t i = 0; i < MEASURES; i++) {
        b.times[i] = calloc((size_t)b.rounds, sizeof(int64_t));
        if (!b.times[i]) ok = false, cli_complain("out of memory");
    }
    for (int64_t i = 0; ok && i < b.rounds; i++) ok = run_round(&b, i) && !cli->signal;
    int code = ok ? bench_print(&b) : CLI_FAILED;
    for (size_t i = 0; i < MEASURES; i++) free(b.times[i]);
    return code;
}

static const cli_example examples[] = {{"a private server on this machine", "bench"},
                                       {"a server that is there, a hundred times", "bench -n 100 --context work"},
                                       {0}};

const cli_command cli_command_bench = {
    .name = "bench",
    .group = CLI_GROUP_SERVER,
    .summary = "measure what sandboxes cost here",
    .details =
        "With a private server, unless one is configured. Each number is the median of the rounds, beside the best\n"
        "and the worst.\n",
    .options = options,
    .examples = examples,
    .formats = true,
    .server = CLI_SERVER_PRIVATE,
    .values_size = sizeof(bench_values),
    .defaults = &defaults,
    .run = bench_run,
};
